"""Tables of many assets: what is parted, from what, and what is told of it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import acm_rs
import polars as pl
import pytest
from acm_rs import fleet
from acm_rs.fleet.store import Store
from plant_fleet import healthy, later, pump, statuses


def many(*seeds: int, by: str = "asset", fault: bool = False) -> pl.DataFrame:
    """The histories of some pumps in one table, called P0, P1 and so on."""
    frames = [healthy(pump(seed, fault=fault)) for seed in seeds]
    return pl.concat([frame.with_columns(pl.lit(f"P{place}").alias(by)) for place, frame in enumerate(frames)])


def models(done: fleet.Summary) -> dict[str, str]:
    """What was learnt of each asset."""
    return {one.asset: one.told["model"] for one in done.outcomes if one.state != "failed"}


@contextmanager
def full_after(pieces: int, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A disk that holds so many pieces and no more."""
    writing = Store.writing
    left = [pieces]

    @contextmanager
    def until_full(store: Store, name: str) -> Iterator[Path]:
        if name.startswith("data/asset="):
            if not left[0]:
                raise OSError(28, "No space left on device")
            left[0] -= 1
        with writing(store, name) as path:
            yield path

    with monkeypatch.context() as patched:
        patched.setattr(Store, "writing", until_full)
        yield


def test_pieces_of_a_parting_that_was_cut_short_are_not_taken_for_the_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file, plant = tmp_path / "all.csv", tmp_path / "plant"
    many(1, 2).write_csv(file)
    first = models(fleet.fit(file, plant, workers=1))
    many(8, 9).write_csv(file)
    with full_after(1, monkeypatch):
        assert len(fleet.fit(file, plant, workers=1).failed) == 1
    many(1, 2).write_csv(file)
    assert models(fleet.fit(file, plant, workers=1)) == first
    # By another column, cut short, and by the first again.
    both = many(1, 2).with_columns(machine=pl.Series(["A", "B"] * 320))
    both.write_csv(file)
    first = models(fleet.fit(file, plant, workers=1))
    with full_after(1, monkeypatch):
        assert len(fleet.fit(file, plant, by="machine", workers=1).failed) == 1
    assert models(fleet.fit(file, plant, workers=1)) == first
    # What no piece is any more is gone, also where a parting was cut short in between.
    kept = {str(path.relative_to(plant)) for path in (plant / "data").rglob("*.parquet")}
    (note,) = (plant / "data").glob("*.json")
    assert kept == {name for names in json.loads(note.read_text())["pieces"].values() for name in names}


def test_what_is_said_of_a_file_is_not_said_of_its_pieces(tmp_path: Path) -> None:
    file, plant = tmp_path / "Übersicht.csv", tmp_path / "plant"
    table = many(1, 3, fault=True).rename({"Load": "Läst"})
    text = "Bericht\nvom Montag\n" + table.write_csv()
    file.write_bytes(text.encode("latin-1"))
    read = {"encoding": "latin-1", "skip_rows": 2}
    done = fleet.fit(file, plant, read=read, workers=1)
    assert [one.asset for one in done.done] == ["P0", "P1"], str(done)
    alone = acm_rs.Monitor().fit(healthy(pump(1, fault=True)).rename({"Load": "Läst"}))
    assert models(done)["P0"] == alone.sha256_
    assert not fleet.score(file, plant, read=read, workers=1).failed
    pytest.importorskip("plotly")
    for data in (None, file):
        made = fleet.report(plant, pages="all", data=data, workers=1)
        assert (sorted(made.pages), made.failed) == (["P0", "P1"], {})


def test_an_asset_may_be_called_as_the_page_of_the_fleet(tmp_path: Path) -> None:
    pytest.importorskip("plotly")
    fleet.fit({name: healthy(pump(1)) for name in ("index", "Pump")}, tmp_path, workers=1)
    fleet.score({name: later(pump(1)) for name in ("index", "Pump")}, tmp_path, workers=1)
    data = {name: later(pump(1)) for name in ("index", "Pump")}
    made = fleet.report(tmp_path, pages="all", data=data, workers=1)
    assert len({made.path, *made.pages.values()}) == 3
    assert "Fleet report" in Path(made.path).read_text(encoding="utf-8")
    links = Path(made.path).read_text(encoding="utf-8")
    for name, page in made.pages.items():
        assert "Fleet report" not in Path(page).read_text(encoding="utf-8"), name
        assert Path(page).relative_to(tmp_path / "report").as_posix() in links
    assert statuses(tmp_path)["index"]["page"]["state"] == "done"
