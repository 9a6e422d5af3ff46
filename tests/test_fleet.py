"""A fleet on one processor: what is found, learnt, scored and told, and what is not done twice."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from functools import partial
from importlib.util import find_spec
from itertools import pairwise
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import acm_rs
import numpy as np
import polars as pl
import pytest
from acm_rs import fleet
from acm_rs.fleet.names import asset_of, places_of, safe
from acm_rs.fleet.store import Store
from acm_rs.fleet.work import Job
from hypothesis import given, settings
from hypothesis import strategies as st
from plant_fleet import FAULT, ROWS, SENSORS, TRAINED, contents, healthy, later, pump, statuses

ODD = ["Pump 3/A", "..", ".", "Pümpe 東", "PUMP 1", "pump 1", "Pump 1", "con", "a%2Fb", "a/b", "x" * 400, "x" * 401]


@pytest.fixture
def two() -> dict[str, pl.DataFrame]:
    return {"pump 1": healthy(pump(1)), "pump 2": healthy(pump(2))}


def models(folder: Path) -> dict[str, str]:
    """What was learnt of each asset."""
    told = statuses(folder)
    return {name: told[name]["fit"]["model"] for name in told}


# ---- names ----------------------------------------------------------------------------------------------------------


@given(st.sets(st.text(min_size=1, max_size=12) | st.sampled_from(ODD), max_size=12))
def test_no_two_assets_share_a_file_and_readers_of_parquet_find_their_names(names: set[str]) -> None:
    places = places_of(names, {})
    assert len({place.casefold() for place in places.values()}) == len(names)
    for name, place in places.items():
        assert place.isascii()
        assert set(place) <= set("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-.%~")
        assert place[0] != "."
        assert place[-1] != "."
        assert 0 < len(place) <= 150
        if "~" not in place:
            assert asset_of(place) == unquote(place, errors="surrogateescape") == name


def test_an_asset_keeps_its_file_when_others_come() -> None:
    first = places_of(["Pump 1"], {})
    both = places_of(["PUMP 1", "Pump 1", "pump 1"], first)
    assert both["Pump 1"] == first["Pump 1"] == "Pump%201"
    assert len({place.casefold() for place in both.values()}) == 3
    assert safe("CON") != "CON"
    assert safe("nul.txt") != "nul.txt"


# ---- what data may be -----------------------------------------------------------------------------------------------


def test_folders_files_and_tables_of_many_assets_give_the_same_models(
    tmp_path: Path, two: dict[str, pl.DataFrame]
) -> None:
    hive, single, nested, long, stored = (
        tmp_path / name for name in ("hive", "single", "nested", "long.csv", "one.parquet")
    )
    for name, frame in two.items():
        (hive / f"asset={safe(name)}").mkdir(parents=True)
        frame.write_parquet(hive / f"asset={safe(name)}" / "part-0.parquet")
        (nested / name).mkdir(parents=True)
        frame[:100].write_csv(nested / name / "a.csv")
        frame[100:].write_csv(nested / name / "b.csv")
        single.mkdir(exist_ok=True)
        frame.write_csv(single / f"{name}.csv")
    (single / "README.md").write_text("about these files")
    (single / ".hidden.csv").write_text("a,b\n1,2\n")
    whole = pl.concat([frame.with_columns(asset=pl.lit(name)) for name, frame in two.items()]).sort("Time")
    whole.write_csv(long)
    whole.write_parquet(stored)
    given: dict[str, Any] = {
        "hive": hive,
        "single": single,
        "nested": nested,
        "long": long,
        "stored": [stored],
        "pattern": str(single / "*.csv"),
        "mapping": {name: single / f"{name}.csv" for name in two},
        "frames": two,
        "pandas": {name: frame.to_pandas().set_index("Time") for name, frame in two.items()},
        "arrow": {name: frame.to_arrow() for name, frame in two.items()},
        "frame": whole,
        "frame of pandas": whole.to_pandas(),
        "indexed": whole.to_pandas().set_index("Time"),
    }
    found = {}
    for how, data in given.items():
        done = fleet.fit(data, tmp_path / "fleets" / how, workers=1)
        assert [one.asset for one in done.done] == ["pump 1", "pump 2"], (how, str(done))
        found[how] = models(tmp_path / "fleets" / how)
    alone = {name: acm_rs.Monitor().fit(frame).sha256_ for name, frame in two.items()}
    assert found == dict.fromkeys(given, alone)


def test_a_frame_of_dask_is_parted_by_assets(tmp_path: Path, two: dict[str, pl.DataFrame]) -> None:
    dask = pytest.importorskip("dask.dataframe")
    whole = pl.concat([frame.with_columns(machine=pl.lit(name)) for name, frame in two.items()]).sort("Time")
    alone = {name: acm_rs.Monitor().fit(frame).sha256_ for name, frame in two.items()}
    folder = tmp_path / "fleet"
    for partitions, state in ((3, "done"), (3, "unchanged"), (2, "done")):
        table = dask.from_pandas(whole.to_pandas().set_index("Time"), npartitions=partitions)
        done = fleet.fit(table, folder, by="machine", workers=1)
        assert [(one.asset, one.state) for one in done.outcomes] == [(name, state) for name in two]
        assert models(folder) == alone
        assert len(list(folder.glob("data/*.json"))) == partitions
        assert len(list(folder.glob("data/*/*.parquet"))) == 2 * partitions
    with pytest.raises(ValueError, match="column 'asset'"):
        fleet.fit(table, folder, workers=1)


@pytest.mark.parametrize(
    ("data", "error", "words"),
    [
        ({}, ValueError, "no assets"),
        ({1: "a.csv"}, TypeError, "names of assets"),
        ({" ": "a.csv"}, ValueError, "must have a name"),
        (3, TypeError, "`data` must be a folder"),
        (pl.DataFrame({"a": [1.0]}), ValueError, "column 'asset'"),
        ("nothing-there.csv", ValueError, "nothing-there.csv: no such file or folder"),
    ],
)
def test_data_that_are_none_are_refused(tmp_path: Path, data: Any, error: type[Exception], words: str) -> None:
    with pytest.raises(error, match=words):
        fleet.fit(data, tmp_path, workers=1)


def test_two_files_of_one_name_are_refused(tmp_path: Path) -> None:
    for folder in ("a", "b"):
        (tmp_path / folder).mkdir()
        healthy(pump(1)).write_csv(tmp_path / folder / "pump.csv")
    with pytest.raises(ValueError, match=r"two files are of an asset 'pump'.*a.pump.csv and .*b.pump.csv"):
        fleet.fit([tmp_path / "a" / "pump.csv", tmp_path / "b" / "pump.csv"], tmp_path / "fleet", workers=1)


@pytest.mark.parametrize(
    ("arguments", "error", "words"),
    [
        ({"workers": 0}, ValueError, "`workers` must be"),
        ({"workers": True}, ValueError, "`workers` must be"),
        ({"workers": 2, "scheduler": "tcp://127.0.0.1:1"}, ValueError, "leave it out"),
        ({"monitor": "no"}, TypeError, "`monitor` must be a Monitor"),
        ({"history": 1}, TypeError, "`history` must be"),
        ({"by": 1}, TypeError, "`by` must be"),
        ({"healthy": [np.ones(3, bool)]}, TypeError, "`healthy` must be spans"),
        ({"read": {"nonsense": 1}}, TypeError, "no argument 'nonsense'"),
        ({"read": {"decimal": "dot"}}, ValueError, "`decimal` must be"),
    ],
)
def test_arguments_that_are_none_are_refused(
    tmp_path: Path, arguments: dict[str, Any], error: type[Exception], words: str
) -> None:
    with pytest.raises(error, match=words):
        fleet.fit({"a": healthy(pump(1))}, tmp_path, **{"workers": 1, **arguments})


def test_steps_refuse_what_they_cannot_take(tmp_path: Path) -> None:
    one = {"a": healthy(pump(1))}
    with pytest.raises(ValueError, match="false_alarm_rate"):
        fleet.score(one, tmp_path, false_alarm_rate=2.0, workers=1)
    with pytest.raises(ValueError, match="`cells` must be"):
        fleet.score(one, tmp_path, cells=0, workers=1)
    for window in (0, "soon", 1.5, True):
        with pytest.raises(ValueError, match="`window` must be"):
            fleet.features(one, tmp_path, window=window, workers=1)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="`fill` must be"):
        fleet.features(one, tmp_path, fill="mean", workers=1)


# ---- what comes out -------------------------------------------------------------------------------------------------


def test_settings_go_into_every_model(tmp_path: Path, two: dict[str, pl.DataFrame]) -> None:
    asked = acm_rs.Monitor(alarms_per_day=0.5, drivers=["Load"], limits={"Flow": (None, 90.0)})
    asked.metadata = {"unit:Flow": "m3/h"}
    span = ("2026-01-05", "2026-01-06")
    fleet.fit(two, tmp_path, monitor=asked, healthy=[span], workers=1)
    model = acm_rs.Monitor.load(tmp_path / "models" / "pump%201.acm")
    alone = acm_rs.Monitor(alarms_per_day=0.5, drivers=["Load"], limits={"Flow": (None, 90.0)})
    alone.metadata = {"unit:Flow": "m3/h", "asset": "pump 1", "history": "frame"}
    alone.fit(two["pump 1"], healthy=[span])
    assert model.to_bytes() == alone.to_bytes()


def test_scores_and_alarms_are_those_of_a_monitor(tmp_path: Path) -> None:
    frame = pump(3, fault=True)
    fleet.fit({"pump": healthy(frame)}, tmp_path, workers=1)
    done = fleet.score({"pump": later(frame)}, tmp_path, workers=1).done[0]
    result = acm_rs.Monitor().fit(healthy(frame)).score(later(frame))
    table = pl.read_parquet(tmp_path / "scores" / "asset=pump" / "scores.parquet")
    assert np.array_equal(table["score"].fill_null(np.nan).to_numpy(), result.scores, equal_nan=True)
    assert np.array_equal(table["alarm"].to_numpy(), result.alarms)
    shares = table.select([f"{name}_share" for name in SENSORS]).fill_null(np.nan).to_numpy()
    assert np.array_equal(shares, result.shares, equal_nan=True)
    assert table["time"].to_list() == later(frame)["Time"].to_list()
    alarms = json.loads((tmp_path / "alarms" / "pump.json").read_text())
    assert result.found
    assert [(one["peak"], one["open"], one["explanation"]) for one in alarms] == [
        (one.peak, one.open, sentence) for one, sentence in zip(result.found, result.explain(), strict=True)
    ]
    assert [[who["sensor"] for who in one["culprits"]] for one in alarms] == [
        [who.name for who in one.culprits] for one in result.found
    ]
    told = done.told
    assert (told["alarms"], told["open"], told["culprit"]) == (len(alarms), True, "Bearing Temp")
    assert told["in_alarm"] == int(result.alarms.sum())
    assert told["judged"] == ROWS - TRAINED - int(np.isnan(result.scores).sum())
    assert told["last"] == "2026-01-08T07:50:00"
    lately = result.times > result.times[-1] - np.timedelta64(1, "D")
    over = np.minimum(result.scores[lately] / result.limits[lately], 10.0)
    assert told["health"] == pytest.approx(1.0 / (1.0 + np.nanmean(over)), rel=1e-12)
    assert 0.0 < told["health"] < 0.5


def test_an_alarm_that_is_over_is_not_open(tmp_path: Path) -> None:
    frame = pump(3, fault=True)
    mended = pl.concat([later(frame)[: FAULT - TRAINED + 10], later(pump(3))[FAULT - TRAINED + 10 :]])
    monitor = acm_rs.Monitor().fit(healthy(frame))
    over = monitor.score(mended).found[-1].end
    assert over + 3 < len(mended)
    fleet.fit({"pump": healthy(frame)}, tmp_path, workers=1)
    # Within it, and after it, where another row in alarm would be of it.
    for rows, still in ((over, True), (over + 3, False), (len(mended), False)):
        told = fleet.score({"pump": mended[:rows]}, tmp_path, workers=1).done[0].told
        assert told["open"] == any(one.open for one in monitor.score(mended[:rows]).found) == still
        assert json.loads((tmp_path / "alarms/pump.json").read_text())[-1]["open"] == still


def test_what_a_model_remembers_of_a_watch_changes_nothing(tmp_path: Path) -> None:
    frame = pump(3, fault=True)
    fleet.fit({"pump": healthy(frame)}, tmp_path, workers=1)
    fleet.score({"pump": later(frame)}, tmp_path, cells=200, workers=1)
    first = (tmp_path / "scores/asset=pump/scores.parquet").read_bytes()
    monitor = acm_rs.Monitor.load(tmp_path / "models/pump.acm")
    monitor.update(later(frame)[-30:])
    monitor.save(tmp_path / "models/pump.acm")
    again = fleet.score({"pump": later(frame)}, tmp_path, cells=200, workers=1)
    assert [one.state for one in again.outcomes] == ["done"]
    assert (tmp_path / "scores/asset=pump/scores.parquet").read_bytes() == first


@settings(max_examples=6)
@given(cells=st.integers(1, 900))
def test_a_history_in_pieces_gives_the_same_bytes(tmp_path_factory: pytest.TempPathFactory, cells: int) -> None:
    folder = tmp_path_factory.mktemp("pieces")
    frame = later(pump(3, fault=True)).with_columns(pl.col("Flow").cast(pl.Float64))
    fleet.fit({"file": healthy(pump(3)), "frame": healthy(pump(3))}, folder, workers=1)
    frame.write_csv(folder / "file.csv")
    data = {"file": folder / "file.csv", "frame": frame}
    found = []
    for size in (1 << 22, max(cells, 25)):
        done = fleet.score(data, folder, cells=size, workers=1)
        assert len(done.done) == 2, str(done)
        tables = {name: pl.read_parquet(folder / f"scores/asset={name}/scores.parquet") for name in data}
        alarms = [(folder / f"alarms/{name}.json").read_bytes() for name in data]
        told = [{key: one.told[key] for key in ("health", "alarms", "spans", "judged")} for one in done.done]
        found.append((tables, alarms, told))
    whole, pieces = found
    assert pieces[1:] == whole[1:]
    for name in data:
        assert pieces[0][name].equals(whole[0][name])


@settings(max_examples=3, deadline=None)
@given(
    order=st.permutations(["pump 1", "pump 2"]),
    cuts=st.lists(st.lists(st.integers(1, ROWS - TRAINED - 1), max_size=4, unique=True), min_size=2, max_size=2),
    cells=st.integers(100, 900),
)
def test_neither_files_nor_pieces_nor_the_order_of_assets_change_a_byte(
    tmp_path_factory: pytest.TempPathFactory, order: list[str], cuts: list[list[int]], cells: int
) -> None:
    folder = tmp_path_factory.mktemp("cuts")
    assets = {"pump 1": pump(1), "pump 2": pump(2, fault=True)}
    found = []
    for way, size in (("whole", 1 << 22), ("cut", cells)):
        given: dict[str, dict[str, Path]] = {"training": {}, "new": {}}
        for name, cut in zip(order if way == "cut" else assets, cuts, strict=True):
            for part, rows in (("training", healthy(assets[name])), ("new", later(assets[name]))):
                given[part][name] = place = folder / way / part / name
                place.mkdir(parents=True)
                ends = [0, *sorted(cut), len(rows)] if way == "cut" else [0, len(rows)]
                for number, (begin, end) in enumerate(pairwise(ends)):
                    rows[begin:end].write_parquet(place / f"{number}.parquet")
        home = folder / f"{way} fleet"
        assert len(fleet.fit(given["training"], home, workers=1).done) == 2
        assert len(fleet.score(given["new"], home, cells=size, workers=1).done) == 2
        assert len(fleet.features(given["new"], home, workers=1).done) == 2
        alarms = {path.name: path.read_bytes() for path in (home / "alarms").iterdir()}
        tables = {str(path.relative_to(home)): pl.read_parquet(path) for path in home.rglob("asset=*/*.parquet")}
        found.append((models(home), alarms, tables))
    whole, pieces = found
    assert pieces[:2] == whole[:2]
    assert len(whole[2]) == 4
    # A table's rows may lie in other groups, as its pieces came.
    assert pieces[2].keys() == whole[2].keys()
    for path, table in whole[2].items():
        assert pieces[2][path].equals(table), path


def test_a_small_worker_cuts_finer_and_leaves_the_same_bytes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    later(pump(3, fault=True)).write_parquet(tmp_path / "pump.parquet")
    data = {"pump": tmp_path / "pump.parquet"}
    found = []
    pieces: list[int] = []
    update = acm_rs.Monitor.update

    def counted(self: acm_rs.Monitor, frame: Any, **given: Any) -> Any:
        pieces.append(len(frame))
        return update(self, frame, **given)

    for memory in (None, 1 << 26):
        folder = tmp_path / str(memory)
        fleet.fit({"pump": healthy(pump(3))}, folder, workers=1)
        with monkeypatch.context() as patched:
            # A job as a worker with that much memory gets it.
            patched.setattr("acm_rs.fleet.running.Job", partial(Job, memory=memory))
            patched.setattr("acm_rs.fleet.work._BESIDE", 100_000)
            patched.setattr(acm_rs.Monitor, "update", counted)
            assert fleet.score(data, folder, workers=1).done
            assert fleet.features(data, folder, workers=1).done
        found.append(contents(folder))
    assert found[0] == found[1]
    # 64 MiB hold 83 readings of 8 bytes and 100,000 tables: 16 rows of 5.
    assert pieces == [16] * 10


def test_features_are_those_of_one_call(tmp_path: Path) -> None:
    frame = pump(1)
    frame.write_csv(tmp_path / "file.csv")
    data = {"file": tmp_path / "file.csv", "frame": frame}
    for window, own in ((16, 16), ("2h", np.timedelta64(2, "h"))):
        done = fleet.features(data, tmp_path / "fleet", window=window, workers=1)
        assert [one.state for one in done.outcomes] == ["done", "done"]
        x = frame.select(SENSORS).to_numpy()
        times = frame["Time"].to_numpy().astype("datetime64[ns]")
        expected = acm_rs.feature_matrix(x, own, times=times if window == "2h" else None)
        for name in data:
            table = pl.read_parquet(tmp_path / f"fleet/features/asset={name}/features.parquet")
            assert table.columns[1:] == acm_rs.feature_names(SENSORS)
            assert np.array_equal(table[:, 1:].fill_null(np.nan).to_numpy(), expected, equal_nan=True)


def test_tables_of_a_fleet_are_read_as_one(tmp_path: Path) -> None:
    names = ["Pump 3/A", "pümpe", ".."]
    fleet.fit({name: healthy(pump(1)) for name in names}, tmp_path, workers=1)
    fleet.score({name: later(pump(1)) for name in names}, tmp_path, workers=1)
    table = pl.read_parquet(tmp_path / "scores", hive_partitioning=True)
    assert sorted(table["asset"].unique()) == sorted(names)
    assert table.height == len(names) * (ROWS - TRAINED)


# ---- bad assets -----------------------------------------------------------------------------------------------------


def test_bad_assets_are_named_with_their_reasons_and_the_rest_is_done(tmp_path: Path) -> None:
    data = tmp_path / "data"
    data.mkdir()
    good = healthy(pump(1))
    for name in ("good 1", "good 2", "good 3"):
        good.write_parquet(data / f"{name}.parquet")
    good.drop("Flow").with_columns(Other=pl.col("Load") * 2).write_parquet(data / "other columns.parquet")
    good.sample(fraction=1.0, shuffle=True, seed=1).write_csv(data / "unsorted.csv")
    good[:0].write_csv(data / "no rows.csv")
    good[:40].write_csv(data / "too few.csv")
    whole = (data / "good 1.parquet").read_bytes()
    (data / "damaged.parquet").write_bytes(whole[: len(whole) // 2])
    (data / "empty.csv").write_bytes(b"")
    done = fleet.fit(data, tmp_path / "fleet", workers=1)
    errors = {one.asset: one.error for one in done.failed}
    assert set(errors) == {"no rows", "too few", "damaged", "empty"}
    assert "no rows" in errors["no rows"]
    assert "at least 80" in errors["too few"]
    assert "damaged Parquet" in errors["damaged"]
    assert "unsorted" in {one.asset for one in done.done}
    unsorted = next(one for one in done.done if one.asset == "unsorted")
    assert any("sorted by time" in note for note in unsorted.notes), unsorted.notes
    assert done.strangers == {"other columns": (["Flow"], ["Other"])}
    text = str(done)
    assert "other columns: other columns than most of the fleet, without 'Flow' and with 'Other' besides" in text
    assert all(f"{name}: " in text for name in errors)
    scored = fleet.score({"too few": later(pump(1)), "good 1": later(pump(1))}, tmp_path / "fleet", workers=1)
    assert "its fit failed" in scored.failed[0].error
    assert len(scored.done) == 1
    # What fails in memory: times that go back, no rows, an array of one dimension, no numbers at all.
    frames: dict[str, Any] = {
        "back": good.reverse(),
        "no rows": good[:0],
        "flat": np.ones(300),
        "texts": pl.DataFrame({"a": ["x"] * 300}),
        "none": None,
        "good": good,
    }
    failed = {one.asset: one.error for one in fleet.fit(frames, tmp_path / "frames", workers=1).failed}
    assert set(failed) == set(frames) - {"good"}
    assert "back" in failed["back"]
    assert "rows" in failed["no rows"]
    # What has other columns at scoring time is told beside its scores, or refused where most are absent.
    strange = {"good": good.drop("Flow"), "other": good}
    told = fleet.score(strange, tmp_path / "frames", workers=1)
    assert any("Flow" in note for note in told.done[0].notes)
    told = fleet.score({"good": good.select("Time", "Load")}, tmp_path / "frames", workers=1)
    assert "half" in told.failed[0].error


def test_a_file_of_many_assets_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    good = healthy(pump(1)).with_columns(asset=pl.lit("a"))
    good.write_csv(tmp_path / "good.csv")
    whole = (tmp_path / "good.csv").read_text().splitlines()
    nameless = [line if place % 50 else line.rpartition(",")[0] + "," for place, line in enumerate(whole[1:])]
    (tmp_path / "good.csv").write_text("\n".join([whole[0], *nameless]) + "\n")
    (tmp_path / "bad.csv").write_text(whole[0] + "\n" + '2026-01-05,"1,2,3,4,5,a\n')
    done = fleet.fit([tmp_path / "good.csv", tmp_path / "bad.csv"], tmp_path / "fleet", workers=1)
    assert [one.asset for one in done.done] == ["a"]
    assert done.done[0].rows == TRAINED - 7
    assert any("7 rows without a name of an asset" in note for note in done.notes), done.notes
    assert len(done.failed) == 1
    assert "bad.csv" in done.failed[0].asset


# ---- again ----------------------------------------------------------------------------------------------------------


def test_what_is_done_is_not_done_again(tmp_path: Path, two: dict[str, pl.DataFrame]) -> None:
    data, folder = tmp_path / "data", tmp_path / "fleet"
    data.mkdir()
    for name, frame in two.items():
        frame.write_parquet(data / f"{name}.parquet")
    new = {name: later(pump(place)) for place, name in enumerate(two, 1)}

    def states() -> list[str]:
        fitted = fleet.fit(data, folder, workers=1)
        scored = fleet.score(new, folder, workers=1)
        return [one.state for one in (*fitted.outcomes, *scored.outcomes)]

    assert states() == ["done"] * 4
    first = contents(folder)
    assert states() == ["unchanged"] * 4
    # Touched, but the same bytes.
    os.utime(data / "pump 1.parquet", (1, 1))
    assert states() == ["unchanged"] * 4
    # Moved elsewhere as a whole.
    data = data.rename(tmp_path / "moved")
    assert states() == ["unchanged"] * 4
    assert contents(folder) == first
    # Results or status that are gone or damaged.
    (folder / "scores/asset=pump%201/scores.parquet").unlink()
    assert states() == ["unchanged", "unchanged", "done", "unchanged"]
    (folder / "status/pump%202.json").write_text("{")
    assert states() == ["unchanged", "done", "unchanged", "done"]
    assert contents(folder) == first
    # Other data: learnt anew, and scored with what is known now.
    pump(5)[:TRAINED].write_parquet(data / "pump 1.parquet")
    assert states() == ["done", "unchanged", "done", "unchanged"]
    # Other settings.
    done = fleet.fit(data, folder, monitor=acm_rs.Monitor(false_alarm_rate=0.02), workers=1)
    assert [one.state for one in done.outcomes] == ["done", "done"]
    # A fleet of a newer acm_rs is left alone.
    (folder / "status/pump%202.json").write_text('{"format": 99, "asset": "pump 2"}')
    with pytest.raises(ValueError, match="newer acm_rs"):
        states()


def test_a_file_of_many_assets_is_parted_once(tmp_path: Path, two: dict[str, pl.DataFrame]) -> None:
    source = tmp_path / "all.csv"
    whole = pl.concat([frame.with_columns(asset=pl.lit(name)) for name, frame in two.items()])
    whole.write_csv(source)
    fleet.fit(source, tmp_path / "fleet", workers=1)
    pieces = {path: path.stat().st_mtime_ns for path in (tmp_path / "fleet/data").rglob("*.parquet")}
    os.utime(source, (1, 1))
    assert len(fleet.fit(source, tmp_path / "fleet", workers=1).unchanged) == 2
    assert {path: path.stat().st_mtime_ns for path in (tmp_path / "fleet/data").rglob("*.parquet")} == pieces
    whole.filter(pl.col("asset") == "pump 1").write_csv(source)
    done = fleet.fit(source, tmp_path / "fleet", workers=1)
    assert [(one.asset, one.state) for one in done.outcomes] == [("pump 1", "unchanged")]
    assert len(list((tmp_path / "fleet/data").rglob("*.parquet"))) == 1


def test_an_interrupted_run_goes_on(tmp_path: Path) -> None:
    data = {f"pump {place}": healthy(pump(place)) for place in range(1, 5)}
    told: list[tuple[int, int]] = []

    def interrupt(done: int, total: int) -> None:
        told.append((done, total))
        if done == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fleet.fit(data, tmp_path / "fleet", workers=1, told=interrupt)
    assert told == [(0, 4), (1, 4), (2, 4)]
    kept = contents(tmp_path / "fleet")
    done = fleet.fit(data, tmp_path / "fleet", workers=1)
    assert [one.state for one in done.outcomes] == ["unchanged", "unchanged", "done", "done"]
    fleet.fit(data, tmp_path / "whole", workers=1)
    assert contents(tmp_path / "fleet") == contents(tmp_path / "whole")
    assert kept.items() <= contents(tmp_path / "whole").items()
    assert not any((tmp_path / "fleet/.drafts").iterdir())


# ---- elsewhere ------------------------------------------------------------------------------------------------------


def test_data_and_fleet_may_lie_in_object_storage(tmp_path: Path, two: dict[str, pl.DataFrame]) -> None:
    fsspec = pytest.importorskip("fsspec")
    files = fsspec.filesystem("memory")
    try:
        for name, frame in two.items():
            local = tmp_path / f"{name}.parquet"
            frame.write_parquet(local)
            files.makedirs(f"/plant/asset={safe(name)}", exist_ok=True)
            files.put_file(str(local), f"/plant/asset={safe(name)}/{name}.parquet")
            files.put_file(str(local), f"/flat/{name}.parquet")
        new = {name: later(pump(place)) for place, name in enumerate(two, 1)}
        for _ in range(2):
            done = fleet.fit("memory://plant", "memory://fleet", workers=1)
            scored = fleet.score(new, "memory://fleet", workers=1)
        assert [one.state for one in (*done.outcomes, *scored.outcomes)] == ["unchanged"] * 4
        fleet.fit([tmp_path / f"{name}.parquet" for name in two], tmp_path / "fleet", workers=1)
        fleet.score(new, tmp_path / "fleet", workers=1)
        flat = fleet.fit("memory://flat", "memory://other", workers=1)
        assert [one.asset for one in flat.done] == list(two)
        remote = {
            name: data for name in Store("memory://fleet").list("") if (data := Store("memory://fleet").read(name))
        }
        assert {name: data for name, data in remote.items() if not name.startswith("status/")} == contents(
            tmp_path / "fleet"
        )
        # Copied from there into a folder, it is the same fleet.
        for name, data in remote.items():
            target = tmp_path / "copied" / name
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(data)
        again = fleet.fit([tmp_path / f"{name}.parquet" for name in two], tmp_path / "copied", workers=1)
        assert [one.state for one in again.outcomes] == ["unchanged"] * 2
    finally:
        files.store.clear()
    with pytest.raises(ValueError, match="nonsense"):
        fleet.fit(two, "nonsense://fleet", workers=1)


def test_without_dask_one_worker_does_and_several_say_what_to_install(
    tmp_path: Path, two: dict[str, pl.DataFrame], monkeypatch: pytest.MonkeyPatch
) -> None:
    def none_of_them(name: str, package: str | None = None) -> Any:
        return None if name in ("dask", "distributed", "fsspec") else find_spec(name, package)

    monkeypatch.setattr("acm_rs.fleet.crew.find_spec", none_of_them)
    monkeypatch.setattr("acm_rs.fleet.store.find_spec", none_of_them)
    with pytest.raises(ModuleNotFoundError, match=r'pip install "acm-rs\[fleet\]".*`workers=1`'):
        fleet.fit(two, tmp_path, workers=2)
    with pytest.raises(ModuleNotFoundError, match=r'fsspec: pip install "acm-rs\[fleet\]"'):
        fleet.fit(two, "memory://fleet", workers=1)
    assert len(fleet.fit(two, tmp_path, workers=1).done) == 2


def test_without_polars_it_says_what_to_install() -> None:
    code = (
        "import sys; sys.modules['polars'] = None\n"
        "try:\n    import acm_rs.fleet\n"
        "except ModuleNotFoundError as error:\n    print(error.name, error)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == 'polars acm_rs.fleet needs Polars: pip install "acm-rs[fleet]"\n'
