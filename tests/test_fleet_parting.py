"""Tables of many assets: what is parted, from what, and what is told of it."""

from __future__ import annotations

import bz2
import gzip
import json
import os
import zipfile
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import acm_rs
import numpy as np
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


# ---- names ----------------------------------------------------------------------------------------------------------


@pytest.fixture
def timeless() -> pl.DataFrame:
    """Two pumps without times, which nothing else would tell apart."""
    return many(1, 2).drop("Time")


def test_a_name_that_nothing_bears_is_refused(tmp_path: Path, timeless: pl.DataFrame) -> None:
    file = tmp_path / "all.csv"
    timeless.write_csv(file)
    with pytest.raises(ValueError, match=r"no folder machin=NAME, and no column 'machin'; .* has the columns 'Load'"):
        fleet.fit(file, tmp_path / "plant", by="machin", workers=1)
    timeless.rename({"asset": "Asset"}).write_csv(file)
    with pytest.raises(ValueError, match=r"has a column 'Asset', not 'asset': name it with --by"):
        fleet.fit(file, tmp_path / "plant", workers=1)
    done = fleet.fit(file, tmp_path / "plant", by="Asset", workers=1)
    assert [one.asset for one in done.done] == ["P0", "P1"]
    # A word among the readings is no column.
    healthy(pump(1)).with_columns(state=pl.lit("Asset")).write_csv(tmp_path / "one.csv")
    assert [one.asset for one in fleet.fit(tmp_path / "one.csv", tmp_path / "one", workers=1).done] == ["one"]


@pytest.mark.parametrize("name", ["all.xlsx", "all.csv.gz", "all.csv.bz2", "all.zip", "utf16.csv", "all.arrow"])
def test_the_column_is_found_in_files_of_every_kind(tmp_path: Path, timeless: pl.DataFrame, name: str) -> None:
    file = tmp_path / name
    text = timeless.write_csv().encode()
    if name.endswith(".xlsx"):
        pytest.importorskip("xlsxwriter")
        timeless.write_excel(file)
    elif name.endswith(".arrow"):
        timeless.write_ipc(file)
    elif name.endswith(".zip"):
        with zipfile.ZipFile(file, "w") as archive:
            archive.writestr("all.csv", text)
    else:
        pack = {".gz": gzip.compress, ".bz2": bz2.compress}.get(
            file.suffix, lambda data: data.decode().encode("utf-16")
        )
        file.write_bytes(pack(text))
    done = fleet.fit(file, tmp_path / "plant", workers=1)
    assert [(one.asset, one.rows) for one in done.done] == [("P0", 320), ("P1", 320)], str(done)


def test_names_are_one_in_frames_and_files(tmp_path: Path) -> None:
    pandas = pytest.importorskip("pandas")
    table = many(1, 2).with_columns(asset=pl.Series(["P0 ", "P0", " ", None] * 160))
    frames = {"frame": table, "pandas": table.to_pandas().astype({"asset": "string"})}
    table.write_parquet(tmp_path / "all.parquet")
    for how, data in (frames | {"file": tmp_path / "all.parquet"}).items():
        done = fleet.features(data, tmp_path / how, workers=1)
        assert [one.asset for one in done.outcomes] == ["P0"], how
        (note,) = done.notes
        assert note.endswith("320 rows without a name of an asset left out"), how
    numbers = many(1, 2).with_columns(asset=pl.Series([1.0, 2.0] * 320))
    numbers.write_parquet(tmp_path / "numbers.parquet")
    for how, data in {"n1": numbers, "n2": numbers.to_pandas(), "n3": tmp_path / "numbers.parquet"}.items():
        assert [one.asset for one in fleet.features(data, tmp_path / how, workers=1).outcomes] == ["1", "2"], how
    assert isinstance(frames["pandas"]["asset"].iloc[3], type(pandas.NA))
    for name in ("P1", "__HIVE_DEFAULT_PARTITION__"):
        (tmp_path / "hive" / f"asset={name}").mkdir(parents=True)
        healthy(pump(1)).write_parquet(tmp_path / "hive" / f"asset={name}" / "0.parquet")
    done = fleet.features(tmp_path / "hive", tmp_path / "spark", workers=1)
    assert [one.asset for one in done.outcomes] == ["P1"]
    assert done.notes == ["1 file in folders of rows without a name of an asset left out"]


# ---- where things lie -----------------------------------------------------------------------------------------------


def test_what_a_fleet_wrote_is_no_reading(tmp_path: Path) -> None:
    for place in (1, 2):
        (tmp_path / f"hive/asset=P{place}").mkdir(parents=True)
        healthy(pump(place)).write_parquet(tmp_path / f"hive/asset=P{place}/0.parquet")
    plant = tmp_path / "hive/plant"
    first = models(fleet.fit(tmp_path / "hive", plant, workers=1))
    assert not fleet.score(tmp_path / "hive", plant, workers=1).failed
    again = fleet.fit(tmp_path / "hive", plant, workers=1)
    assert [one.asset for one in again.unchanged] == ["P1", "P2"], str(again)
    assert models(again) == first
    # Whoever names a fleet's results as readings means them.
    done = fleet.fit(plant / "scores", tmp_path / "other", workers=1)
    assert [one.asset for one in done.outcomes] == ["P1", "P2"]


def test_a_page_is_made_from_what_was_scored_whatever_is_learnt_since(tmp_path: Path) -> None:
    dask = pytest.importorskip("dask.dataframe")
    pytest.importorskip("plotly")
    old = dask.from_pandas(many(1, 2).to_pandas(), npartitions=2)
    new = dask.from_pandas(many(1, 2).filter(pl.col("Time") < many(1)["Time"][100]).to_pandas(), npartitions=2)
    for step, data in ((fleet.fit, old), (fleet.score, new), (fleet.fit, old)):
        assert not step(data, tmp_path, workers=1).failed
    fleet.report(tmp_path, pages="all", workers=1)
    assert {told["page"]["rows"] for told in statuses(tmp_path).values()} == {100}


def test_an_index_that_is_also_a_column_keeps_no_frame_out(tmp_path: Path) -> None:
    dask = pytest.importorskip("dask.dataframe")
    frame = many(1, 2).to_pandas()
    frame.index = frame["Time"]
    frame.index.name = "Time"
    done = fleet.features(dask.from_pandas(frame, npartitions=1, sort=False), tmp_path, workers=1)
    assert [(one.asset, one.state) for one in done.outcomes] == [("P0", "done"), ("P1", "done")], str(done)


def test_what_is_not_there_makes_no_fleet(tmp_path: Path) -> None:
    one = {"a": healthy(pump(1))}
    with pytest.raises(ValueError, match="no such file or folder"):
        fleet.fit(tmp_path / "nothere", tmp_path / "plant", workers=1)
    with pytest.raises(ValueError, match="no fleet that has learnt anything"):
        fleet.score(one, tmp_path / "typo", workers=1)
    with pytest.raises(TypeError, match="collect it"):
        fleet.fit(many(1, 2).lazy(), tmp_path / "plant", workers=1)
    assert not list(tmp_path.iterdir())


def test_numbers_of_numpy_are_a_budget(tmp_path: Path) -> None:
    one = {"a": healthy(pump(1))}
    monitor = acm_rs.Monitor(false_alarm_rate=np.float32(0.01))
    assert not fleet.fit(one, tmp_path, monitor=monitor, workers=1).failed
    for budget in ({"false_alarm_rate": np.float32(0.01)}, {"alarms_per_day": np.int64(1)}):
        assert not fleet.score(one, tmp_path, workers=1, **budget).failed


def test_a_fleet_may_be_copied_and_reported_from_anywhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("plotly")
    for folder in ("new", "readings", "elsewhere"):
        (tmp_path / folder).mkdir()
    monkeypatch.chdir(tmp_path / "readings")
    many(1, 2).write_csv("all.csv")
    healthy(pump(1)).write_csv("single.csv")
    fleet.fit(["all.csv", "single.csv"], "first", workers=1)
    assert not fleet.score(["all.csv", "single.csv"], "first", workers=1).failed
    Path("first").rename(tmp_path / "elsewhere/second")
    monkeypatch.chdir(tmp_path / "elsewhere")
    made = fleet.report("second", pages="all", workers=1)
    assert (sorted(made.pages), made.failed, made.assets) == (["P0", "P1", "single"], {}, 3)
    again = fleet.score("../readings/single.csv", "second", workers=1)
    assert [one.asset for one in again.unchanged] == ["single"]


def test_what_failed_leaves_no_results_of_an_earlier_time(tmp_path: Path) -> None:
    plant = tmp_path / "plant"
    good = {"a": healthy(pump(1)), "b": healthy(pump(2))}
    fleet.fit(good, plant, workers=1)
    fleet.score(good, plant, workers=1)
    fleet.features(good, plant, workers=1)
    bad = {"a": healthy(pump(1)), "b": np.ones(5)}
    assert [one.asset for one in fleet.score(bad, plant, workers=1).failed] == ["b"]
    assert [one.asset for one in fleet.features(bad, plant, workers=1).failed] == ["b"]
    left = {str(path.relative_to(plant)) for path in plant.rglob("*") if path.is_file()}
    assert {name for name in left if not name.startswith("status")} == {
        "models/a.acm",
        "models/b.acm",
        "scores/asset=a/scores.parquet",
        "alarms/a.json",
        "features/asset=a/features.parquet",
    }
    # The model of the last good fit is kept to, and that is told, also where nothing is to be done.
    assert len(fleet.fit(bad, plant, workers=1).failed) == 1
    for _ in range(2):
        done = fleet.score(good, plant, workers=1)
        assert not done.failed
        assert done.notes == ["judged by the model of an earlier fit, for the last one failed: 'b'"]


def test_a_disk_that_is_full_fails_the_assets_that_it_does_not_hold(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    writing = Store.writing

    def full(store: Store, name: str) -> AbstractContextManager[Path]:
        if "b" in Path(name).stem:
            raise OSError(28, "No space left on device")
        return writing(store, name)

    with monkeypatch.context() as patched:
        patched.setattr(Store, "writing", full)
        done = fleet.fit({name: healthy(pump(1)) for name in "abc"}, tmp_path, workers=1)
    assert [one.asset for one in done.done] == ["a", "c"]
    assert [one.error for one in done.failed] == ["the disk is full"]


def test_a_folder_that_cannot_be_written_is_refused_by_name(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("something")
    with pytest.raises(ValueError, match=r"file cannot be a fleet's folder"):
        fleet.fit({"a": healthy(pump(1))}, tmp_path / "file", workers=1)
    with pytest.raises(ValueError, match=r"file/below cannot be a fleet's folder"):
        fleet.fit({"a": healthy(pump(1))}, tmp_path / "file/below", workers=1)


def test_drafts_of_a_run_that_was_killed_are_cleared_away(tmp_path: Path) -> None:
    drafts = tmp_path / ".drafts"
    drafts.mkdir()
    for name in ("old.acm", "new.acm"):
        (drafts / name).write_bytes(b"half")
    os.utime(drafts / "old.acm", (1.0, 1.0))
    fleet.features({"a": healthy(pump(1))}, tmp_path, workers=1)
    assert [path.name for path in drafts.iterdir()] == ["new.acm"]


def test_a_report_of_other_data_says_who_is_not_in_them(tmp_path: Path) -> None:
    pytest.importorskip("plotly")
    fleet.fit({name: healthy(pump(1)) for name in "ab"}, tmp_path, workers=1)
    healthy(pump(1)).write_csv(tmp_path / "a.csv")
    healthy(pump(1)).write_csv(tmp_path / "b.csv")
    fleet.score([tmp_path / "a.csv", tmp_path / "b.csv"], tmp_path / ".", workers=1)
    made = fleet.report(tmp_path, pages="all", data=tmp_path / "a.csv", workers=1)
    assert (sorted(made.pages), made.failed) == (["a"], {"b": "it is not among the data that were given"})


def test_a_monitor_that_has_learnt_something_is_refused(tmp_path: Path) -> None:
    monitor = acm_rs.Monitor().fit(healthy(pump(1)))
    with pytest.raises(ValueError, match="learnt nothing"):
        fleet.fit({"a": healthy(pump(1))}, tmp_path, monitor=monitor, workers=1)


def test_an_alarm_is_told_before_a_fit_that_failed(tmp_path: Path) -> None:
    frame = pump(3, fault=True)
    fleet.fit({"a": healthy(frame)}, tmp_path, workers=1)
    fleet.score({"a": later(frame)}, tmp_path, workers=1)
    fleet.fit({"a": healthy(frame)[:40]}, tmp_path, workers=1)
    (one,) = fleet.status(tmp_path)
    assert one.state == "alarm"
    assert "at least 80 healthy rows" in one.error
