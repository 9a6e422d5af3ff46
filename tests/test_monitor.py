"""The whole job: what Monitor learns, finds and says of a small plant whose history is known."""

from __future__ import annotations

import json
import os
import pickle
from functools import cache
from pathlib import Path
from typing import Any

import acm_rs
import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from acm_rs import Monitor, Result
from acm_rs.monitor.saving import pack, unpack

from benchmarks.plants import Plant

ROWS, LATER = 1500, 900
NAMES = ["load", "flow", "pressure", "current", "bearing", "oil"]
TIMES = pd.date_range("2026-01-01", periods=ROWS + LATER, freq="10min")
STOP = slice(ROWS + 500, ROWS + 560)


@cache
def history() -> pd.DataFrame:
    """A machine that follows its load, stands still twice, and is kept by an ordinary historian."""
    random = np.random.default_rng(4)
    n = ROWS + LATER
    load = 80 + 10 * np.sin(np.arange(n) / 23) + 2 * random.standard_normal(n)
    running = np.ones(n)
    for stop in (slice(600, 680), STOP):
        running[stop] = 0.0
    load *= running
    noise = random.standard_normal((n, 6)) * np.where(running, 1.0, 0.1)[:, None]
    frame = pd.DataFrame(
        {
            "load": load + 0.2 * noise[:, 0],
            "flow": 3 * load + noise[:, 1],
            "pressure": 0.05 * load + 0.02 * noise[:, 2],
            "current": load + 0.5 * noise[:, 3],
            "bearing": 40 + 0.2 * load + 0.3 * noise[:, 4],
            "oil": 20 + 0.1 * load + 0.2 * noise[:, 5],
        },
        index=TIMES,
    )
    frame.iloc[[50, 300, 900, ROWS + 40], 1] = -999.0
    frame.iloc[400:420, 2] = np.nan
    frame["valve"] = (np.arange(n) // 150 % 2).astype(float)
    frame["status"] = "good"
    frame["set point"] = 50.0
    return frame


@cache
def fitted() -> Monitor:
    monitor = Monitor().fit(history()[:ROWS])
    monitor.metadata = {"asset": "pump 7", "unit:bearing": "°C"}
    return monitor


def later() -> pd.DataFrame:
    return history()[ROWS:].copy()


def faulty() -> pd.DataFrame:
    frame = later()
    frame.iloc[700:, frame.columns.get_loc("bearing")] += 1.5
    return frame


def same(one: Result, other: Result, rows: slice = slice(None)) -> None:
    for name in ("scores", "limits", "alarms", "regimes", "confidences", "shares", "expected_values", "values"):
        np.testing.assert_array_equal(getattr(one, name), getattr(other, name)[rows], err_msg=name)


# ---- what is found --------------------------------------------------------------------------------------------------


def test_a_fault_is_found_with_its_sensor_and_what_it_should_read() -> None:
    result = fitted().score(faulty())
    assert result.alarms[:690].mean() < 0.03
    assert result.alarms[720:].mean() > 0.9
    episode = result.found[-1]
    assert 700 <= episode.start <= 710
    assert episode.open
    culprit = episode.culprits[0]
    assert (culprit.name, culprit.direction) == ("bearing", 1)
    assert culprit.reads - culprit.expects == pytest.approx(1.5, abs=0.15)
    assert result.explain()[-1].startswith(
        f"From {TIMES[ROWS + episode.start]:%Y-%m-%d %H:%M} on, still running: bearing"
    )
    assert "°C" in result.explain()[-1]
    assert result.monitor_card["asset"] == "pump 7"
    assert len(result.monitor_card["SHA-256 of what was learnt"]) == 64


def test_a_standstill_is_a_regime_and_no_fault() -> None:
    result = fitted().score(later())
    still = (result.score["regime"] == "standstill").to_numpy()
    assert still[500:560].all()
    assert still.sum() == 60
    assert result.alarms.mean() < 0.03
    assert not result.alarms[495:580].any()
    assert np.isnan(result.scores[500:560]).all()
    assert np.isnan(result.expected_values[500:560]).all()
    assert (result.confidences[500:560] == 0).all()


def test_a_healthy_history_does_not_alarm_at_its_begin() -> None:
    plant = Plant(1, fit_rows=2500, rows=1500)
    monitor = Monitor().fit(plant.training)
    whole = monitor.score(plant.healthy)
    begins = [row for row in range(0, 1440, 40) if not whole.alarms[row : row + 60].any()]
    alarmed = [row for row in begins if monitor.score(plant.healthy[row : row + 60]).alarms.any()]
    assert len(begins) > 25
    assert len(alarmed) <= 2


def test_expected_values_are_those_of_the_others() -> None:
    healthy, moved = later(), later()
    moved.iloc[100:120, moved.columns.get_loc("bearing")] += 3.0
    one, other = fitted().score(healthy), fitted().score(moved)
    place = one.names.index("bearing")
    read = healthy["bearing"].to_numpy()
    ok = ~np.isnan(one.expected_values[:, place])
    left = (read - one.expected_values[:, place])[ok]
    assert np.std(left) == pytest.approx(0.3, rel=0.15)
    assert one.band[place] == pytest.approx(np.std(left), rel=0.15)
    # What it should read hardly depends on what it reads.
    rows = slice(100, 120)
    np.testing.assert_allclose(other.expected_values[rows, place], one.expected_values[rows, place], atol=0.3)


def test_gaps_a_code_and_a_dead_sensor_do_not_alarm() -> None:
    frame = later()
    random = np.random.default_rng(0)
    sensors = frame[NAMES].mask(random.random((LATER, len(NAMES))) < 0.1)
    sensors["oil"] = np.nan
    frame[NAMES] = sensors
    result = fitted().score(frame)
    assert result.alarms.mean() < 0.02
    assert not np.isnan(result.expected_values[:400, result.names.index("oil")]).any()
    quality = result.quality.set_index("sensor")
    assert quality.loc["oil", "missing"] == 1.0
    assert quality.loc["flow", "codes"] == 1
    assert "oil" in " ".join(result.remarks) or quality.loc["oil", "missing"] == 1.0


def test_a_stuck_reading_is_said_to_be_stuck() -> None:
    frame = later()
    frame.iloc[650:, frame.columns.get_loc("oil")] = frame["oil"].iloc[650]
    result = fitted().score(frame)
    assert any(one.culprits and one.culprits[0].name == "oil" for one in result.found if one.start >= 650)
    part = result.shares[750:, result.names.index("oil")]
    assert (part > 0.9).mean() > 0.9


def test_beyond_the_drivers_is_no_fault() -> None:
    monitor = Monitor(drivers=["load"]).fit(history()[:ROWS])
    assert "load" not in monitor.sensors_
    frame = later()
    for name in ("load", "flow", "pressure", "current"):
        frame.iloc[700:760, frame.columns.get_loc(name)] *= 1.6
    told = monitor.score(frame)
    assert (told.score["regime"].iloc[700:760] == "unknown").all()
    assert not told.alarms[700:760].any()
    assert (told.confidences[700:760] == 0).all()
    beyond = np.isin(told.score["regime"], "unknown").sum()
    assert f"drivers beyond their trained range, in rows that are not judged: load ({beyond})" in told.remarks
    # Without drivers nobody can tell it from a fault of many sensors.
    untold = fitted().score(frame)
    assert untold.alarms[705:760].all()
    assert any("by load or wear: no drivers are named" in remark for remark in untold.remarks)
    # As far with the load as it always was is no matter of load.
    worn = later()
    for name in ("flow", "pressure", "current"):
        worn.iloc[700:760, worn.columns.get_loc(name)] *= 1.6
    found = monitor.score(worn)
    assert found.alarms[705:760].all()
    assert any("which no driver explains: wear" in remark for remark in found.remarks)


def test_a_standstill_that_training_has_not_seen_is_told_by_its_readings() -> None:
    monitor = Monitor().fit(history()[:590])
    result = monitor.score(later())
    assert (result.score["regime"].iloc[500:560] == "standstill").all()
    assert not result.alarms[495:565].any()


# ---- what comes in --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["polars", "pyarrow", "shuffled", "array"])
def test_every_kind_of_frame_gives_the_same(kind: str) -> None:
    plain = later()
    frames: dict[str, Any] = {
        "polars": lambda: pl.from_pandas(plain.reset_index(names="TS")),
        "pyarrow": lambda: pa.Table.from_pandas(plain.reset_index(names="TS")),
        "shuffled": lambda: plain[list(reversed(plain.columns))],
        "array": lambda: plain[list(fitted().feature_names_in_)].to_numpy(),
    }
    result = fitted().score(frames[kind]())
    same(result, fitted().score(plain))
    if kind in ("polars", "pyarrow"):
        assert type(result.score) is type(frames[kind]())
        np.testing.assert_array_equal(result.times, TIMES[ROWS:].to_numpy())


def test_absent_and_unknown_columns_are_told() -> None:
    frame = later().drop(columns=["oil"]).assign(extra=1.0)
    result = fitted().score(frame)
    said = " ".join(result.remarks)
    assert "'oil'" in said
    assert "'extra'" in said
    notes = result.quality.set_index("sensor")["note"]
    assert notes["oil"] == "absent: counts as missing"
    assert notes["extra"] == "not known at the fit: ignored"
    assert notes["set point"] == "left out at the fit: constant (50)"
    with pytest.raises(ValueError, match=r"at least half of the 7 columns .* 'load', 'flow', 'pressure', 'current'"):
        fitted().score(later()[["bearing", "oil", "valve"]])


def test_a_constant_that_changes_is_told() -> None:
    result = fitted().score(later().assign(**{"set point": 55.0}))
    assert any("'set point'" in remark for remark in result.remarks)
    assert not any("'set point'" in remark for remark in fitted().score(later()).remarks)


def test_rows_of_the_training_are_told() -> None:
    result = fitted().score(history()[ROWS - 100 :])
    assert any(remark.startswith("100 of 1,000 rows lie within the training") for remark in result.remarks)


def far_ahead() -> pd.DataFrame:
    frame = history()[NAMES]
    return frame.set_index(np.datetime64("2700-01-01", "s") + np.arange(len(frame)) * np.timedelta64(60, "s"))


@pytest.mark.parametrize(
    ("error", "says", "call"),
    [
        (ValueError, "must have rows to learn from", lambda: Monitor().fit(history()[:0])),
        (ValueError, "at least 80 healthy rows", lambda: Monitor().fit(history()[:60])),
        (ValueError, "must have a sensor to watch", lambda: Monitor().fit(history()[["set point", "valve"]])),
        (ValueError, "at least one column of numbers", lambda: Monitor().fit(history()[["status"]])),
        (ValueError, "needs times", lambda: Monitor(alarms_per_day=1).fit(history()[NAMES].to_numpy())),
        (ValueError, "got 'gremlin'", lambda: Monitor(drivers=["gremlin"]).fit(history()[:ROWS])),
        (ValueError, "must not go back, row 1", lambda: Monitor().fit(history()[::-1])),
        (ValueError, "to 2262-04-11, row 0 has 2700", lambda: Monitor().fit(far_ahead())),
        (ValueError, "below 0.5, got 0.7", lambda: Monitor(false_alarm_rate=0.7)),
        (ValueError, "above 0, got 0", lambda: Monitor(alarms_per_day=0)),
        (TypeError, "must be a number, got str", lambda: Monitor(false_alarm_rate="1 %")),  # type: ignore[arg-type]
        (TypeError, r"give \['load'\]", lambda: Monitor(drivers="load")),
        (ValueError, "'counter', 'ignore' for 'load', got 'x'", lambda: Monitor(kinds={"load": "x"})),
        (ValueError, "must rise", lambda: Monitor(limits={"load": (2, 1)})),
        (TypeError, "must map texts", lambda: setattr(Monitor(), "metadata", {"a": 1})),
        (RuntimeError, "call fit", lambda: Monitor().score(history())),
        (RuntimeError, "call fit", lambda: Monitor().summary()),
        (ValueError, "7 columns .* got 3|8 columns .* got 3", lambda: fitted().score(np.zeros((5, 3)))),
        (TypeError, r"convert with \.astype", lambda: fitted().score(np.zeros((5, 8), int))),
        (ValueError, "two dimensions", lambda: fitted().score(np.zeros(8))),
        (TypeError, "got list", lambda: fitted().score([[1.0]])),
        (ValueError, "either", lambda: fitted().set_budget()),
        (ValueError, "must leave rows", lambda: Monitor().fit(history(), healthy=("2030-01-01", "2030-02-01"))),
        (ValueError, "truth for each", lambda: Monitor().fit(history(), healthy=[True, False])),
    ],
)
def test_what_cannot_be_done_is_said(error: type[Exception], says: str, call: Any) -> None:
    with pytest.raises(error, match=says):
        call()


def test_healthy_spans_may_be_given() -> None:
    frame = history().copy()
    frame.iloc[ROWS:, :6] *= 3.0
    chosen = Monitor().fit(frame, healthy=("2026-01-01", str(TIMES[ROWS - 1])))
    want = fitted().score(later()).scores
    np.testing.assert_allclose(chosen.score(later()).scores, want, rtol=1e-9, atol=1e-9)
    marked = np.arange(len(frame)) < ROWS
    found = Monitor().fit(frame, healthy=marked).score(later()).scores
    np.testing.assert_allclose(found, want, rtol=1e-9, atol=1e-9)


def test_kinds_and_limits_are_kept_to() -> None:
    frame = history()[:ROWS].copy()
    frame.iloc[100:130, 4] = 300.0
    monitor = Monitor(kinds={"oil": "ignore"}, limits={"bearing": (0.0, 150.0)}).fit(frame)
    assert monitor.left_out_["oil"] == "as asked"
    assert "bearing: 30 readings beyond its limits" in monitor.summary()
    assert repr(monitor).startswith("Monitor(false_alarm_rate=0.01, kinds=")


# ---- what it says of itself -----------------------------------------------------------------------------------------


def test_the_summary_tells_what_was_done() -> None:
    said = fitted().summary()
    assert said.startswith(
        "Monitor for pump 7, trained on 1,500 rows, 2026-01-01 00:00 to 2026-01-11 09:50, every 10 min"
    )
    for part in (
        "6 sensors: load, flow, pressure",
        "valve",
        "status: holds no numbers",
        "set point: constant (50)",
        "flow: 3 error codes",
        "standstill (80 rows), which is not judged",
        "1 % of healthy rows in alarm",
        "no drivers are named",
    ):
        assert part in said, part
    few = Monitor().fit(history()[:400])
    assert any("400 rows are few" in warning for warning in few.warnings_)


def test_the_budget_changes_without_a_fit() -> None:
    monitor = Monitor().fit(history()[:ROWS])
    limits = []
    for rate in (0.05, 0.01, 0.001):
        monitor.set_budget(rate)
        limits.append(float(monitor.score(later()).limits[0]))
    assert limits == sorted(limits)
    assert limits[0] < limits[2]
    monitor.set_budget(alarms_per_day=0.2)
    assert monitor.alarms_per_day == 0.2
    assert monitor.false_alarm_rate is None
    assert "0.2 alarms a day" in monitor.summary()
    same(monitor.score(later()), Monitor(alarms_per_day=0.2).fit(history()[:ROWS]).score(later()))


# ---- live, and in a file --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(3))
def test_pieces_give_the_bytes_of_the_whole(seed: int) -> None:
    frame = faulty()
    whole = fitted().score(frame)
    live = Monitor.from_bytes(fitted().to_bytes())
    cuts = np.sort(np.random.default_rng(seed).choice(np.arange(1, LATER), 6, replace=False)).tolist()
    for first, last in zip([0, *cuts], [*cuts, LATER], strict=True):
        same(live.update(frame.iloc[first:last]), whole, slice(first, last))
        # A restart changes nothing.
        live = Monitor.from_bytes(live.to_bytes())


def test_rows_one_by_one_give_the_bytes_of_the_whole() -> None:
    rows = faulty()[list(fitted().feature_names_in_)].to_numpy()[:40]
    whole = fitted().score(rows)
    live = Monitor.from_bytes(fitted().to_bytes())
    for row in range(len(rows)):
        same(live.update(rows[row]), whole, slice(row, row + 1))


def test_live_rows_do_not_go_back() -> None:
    live = Monitor.from_bytes(fitted().to_bytes())
    live.update(later()[10:20])
    with pytest.raises(ValueError, match="must not lie before"):
        live.update(later()[:10])
    whole = fitted().score(later()[10:30])
    same(live.update(later()[20:30]), whole, slice(10, 20))


def test_a_file_holds_everything(tmp_path: Path) -> None:
    path = tmp_path / "pump.acm"
    fitted().save(path)
    again = Monitor.load(path)
    same(again.score(faulty()), fitted().score(faulty()))
    assert again.summary() == fitted().summary()
    assert again.metadata == fitted().metadata
    assert again.to_bytes() == fitted().to_bytes() == path.read_bytes()
    assert pickle.loads(pickle.dumps(again)).to_bytes() == path.read_bytes()
    assert [one.name for one in tmp_path.iterdir()] == ["pump.acm"]


def test_a_pickle_holds_the_file() -> None:
    live = Monitor.from_bytes(fitted().to_bytes())
    live.update(faulty()[:50])
    pickled = pickle.dumps(live)
    assert live.to_bytes() in pickled
    again = pickle.loads(pickled)
    assert type(again) is Monitor
    same(again.update(faulty()[50:90]), fitted().score(faulty()), slice(50, 90))
    # Damage is told as it is of a file.
    place = pickled.index(live.to_bytes()) + len(live.to_bytes()) // 2
    with pytest.raises(ValueError, match="damaged"):
        pickle.loads(pickled[:place] + bytes([pickled[place] ^ 4]) + pickled[place + 1 :])
    asked = Monitor(alarms_per_day=2.0, drivers=["load"], kinds={"mode": "state"}, limits={"oil": (0.0, None)})
    asked.metadata = {"asset": "pump 7"}
    blank = pickle.loads(pickle.dumps(asked))
    assert (repr(blank), blank.metadata) == (repr(asked), asked.metadata)
    with pytest.raises(RuntimeError, match="has not learnt"):
        blank.score(faulty())


def test_a_damaged_or_foreign_file_is_refused(tmp_path: Path) -> None:
    data = fitted().to_bytes()
    for place in np.linspace(0, len(data) - 1, 60).astype(int).tolist():
        broken = bytearray(data)
        broken[place] ^= 4
        with pytest.raises(ValueError, match=r"damaged|no file of a Monitor|newer"):
            Monitor.from_bytes(bytes(broken))
    for length in (0, 7, 8, 100, len(data) // 2, len(data) - 1):
        with pytest.raises(ValueError, match=r"damaged|no file of a Monitor"):
            Monitor.from_bytes(data[:length])
    detector = acm_rs.MahalanobisDetector().fit(np.random.default_rng(0).normal(size=(100, 3)))
    path = tmp_path / "other.safetensors"
    detector.save(path)
    with pytest.raises(ValueError, match=r"other.safetensors.*no file of a Monitor"):
        Monitor.load(path)
    path.write_text("not a model, a text")
    with pytest.raises(ValueError, match="no file of a Monitor"):
        Monitor.load(path)
    with pytest.raises(FileNotFoundError):
        Monitor.load(tmp_path / "none")
    with pytest.raises(IsADirectoryError if os.name == "posix" else OSError):
        Monitor.load(tmp_path)


def test_a_flipped_bit_in_the_header_is_damage(tmp_path: Path) -> None:
    data = fitted().to_bytes()
    path = tmp_path / "pump.acm"
    for place in (0, 3, 6, 8, 12, 30, 40, len(data) - 1):
        broken = bytearray(data)
        broken[place] ^= 4
        path.write_bytes(broken)
        with pytest.raises(ValueError, match=r"pump\.acm': the file is damaged"):
            Monitor.load(path)


def entries(held: dict[str, Any], *above: str) -> list[tuple[str, ...]]:
    """The way to each entry that must be there; what stands by the names of columns is free."""
    free = {"kinds", "limits", "left_out", "constants", "notes", "texts", "unlike", "units"}
    found: list[tuple[str, ...]] = []
    for name, value in held.items():
        found.append((*above, name))
        if isinstance(value, dict) and name not in free:
            found += entries(value, *above, name)
    return found


def test_a_file_that_lacks_an_entry_is_refused() -> None:
    settings, arrays, version, _ = unpack(fitted().to_bytes())
    assert Monitor.from_bytes(pack(settings, arrays, version)).to_bytes() == fitted().to_bytes()
    ways = entries(settings)
    assert ("about", "constants") in ways
    for way in ways:
        # What a later version has added, files of former ones lack.
        later = ("leaves", "lasts", "pause", "bridges", "traces", "tells_apart", "joint")
        lost = [] if way[-1] in later or "gaps" in way else [{}]
        for change in (*lost, {way[-1]: {"no": ["such", 1]}}):
            forged = json.loads(json.dumps(settings))
            inner = forged
            for name in way[:-1]:
                inner = inner[name]
            del inner[way[-1]]
            inner.update(change)
            with pytest.raises(ValueError, match="damaged or of another version"):
                print(way, change, Monitor.from_bytes(pack(forged, arrays, version)))


def test_a_file_that_lacks_an_array_is_refused() -> None:
    settings, arrays, version, _ = unpack(fitted().to_bytes())
    for name in arrays:
        without = {key: values for key, values in arrays.items() if key != name}
        for forged in (without, {**without, name: np.zeros((7, 3, 2))}):
            with pytest.raises(ValueError, match="damaged or of another version"):
                print(name, len(forged), Monitor.from_bytes(pack(settings, forged, version)))


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="the system has no named pipes")
def test_a_pipe_is_neither_read_nor_replaced(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    with pytest.raises(OSError, match="no regular file"):
        Monitor.load(pipe)
    with pytest.raises(OSError, match="no regular file"):
        fitted().save(pipe)
    assert pipe.is_fifo()


def test_fit_and_score_change_nothing_that_was_given() -> None:
    frame = history()[:ROWS].copy()
    before = frame.copy()
    Monitor().fit(frame)
    fitted().score(frame)
    pd.testing.assert_frame_equal(frame, before)


def test_no_rows_give_an_empty_result() -> None:
    result = fitted().score(later()[:0])
    assert len(result.score) == 0
    assert result.found == []
    assert result.remarks[0].startswith("no rows came, and nothing was judged")


def test_the_digest_is_of_what_was_learnt_alone() -> None:
    other = Monitor.from_bytes(fitted().to_bytes())
    before = fitted().score(later()[:50])
    other.set_budget(false_alarm_rate=0.05)
    after = other.score(later()[:50])
    key = "SHA-256 of what was learnt"
    assert before.monitor_card["budget"] != after.monitor_card["budget"]
    assert before.monitor_card[key] == after.monitor_card[key]
    assert Monitor().fit(history()[: ROWS - 1]).score(later()[:50]).monitor_card[key] != after.monitor_card[key]


def test_a_driver_that_is_left_out_conditions_nothing() -> None:
    monitor = Monitor(drivers=["load", "set point"]).fit(history()[:ROWS])
    assert any(said.startswith("driver 'set point' is left out (constant") for said in monitor.warnings_)
    assert "Drivers, which condition the others: load\n" in monitor.summary()
    assert "1 sensor," in repr(Monitor().fit(history()[["bearing"]][:ROWS]).score(later()[["bearing"]]))


def test_one_is_told_as_one() -> None:
    said = " ".join(fitted().score(later()[:50].drop(columns="oil").assign(new=1.0)).remarks)
    assert "1 sensor is absent" in said
    assert "1 column was not known" in said
