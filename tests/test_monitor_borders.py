"""Frames and rows that are not what they seem: told with what to do."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import polars as pl
import pytest
from acm_rs import Monitor
from acm_rs.live.episodes import CLOSED, Follower
from acm_rs.monitor.episode import FROZEN, NEARLY_ZEROS, ZEROS
from acm_rs.monitor.parts import CAUSES
from test_monitor_outages import plant


def told(monitor: Monitor, text: str) -> list[str]:
    """The warnings that hold a text."""
    return [warning for warning in monitor.warnings_ if text in warning]


@pytest.mark.parametrize("form", ["%Y-%m-%d %H:%M", "%d.%m.%Y %H:%M:%S", "%m/%d/%Y", "%Y-%m-%dT%H:%M:%SZ"])
def test_times_that_are_text_are_told(form: str) -> None:
    frame = plant(1, 1500)
    texts = frame.index.strftime(form)
    column = frame.reset_index(drop=True).assign(when=texts)
    for kind in (column, column.astype({"when": "string"}), pl.from_pandas(column)):
        monitor = Monitor().fit(kind)
        assert told(monitor, "times that are no dates are not used ('when')")
        assert told(Monitor.from_bytes(monitor.to_bytes()), "times that are no dates")
        monitor.exclude((100, 140))
        assert told(monitor, "times that are no dates")
        assert not told(monitor.fit(frame), "times that are no dates")
    assert told(Monitor().fit(frame.set_axis(texts)), "times that are no dates are not used (the index)")


def test_other_texts_are_no_times() -> None:
    frame = plant(1, 1500).reset_index(drop=True)
    for text in ("running", "3.1.7", "12-A", "2026", "192.168.0.1"):
        assert not told(Monitor().fit(frame.assign(note=text)), "times that are no dates")
    dated = plant(1, 1500)
    assert not told(Monitor().fit(dated.assign(note="2026-01-01")), "times that are no dates")


def test_readings_that_come_only_when_they_change_are_told() -> None:
    frame = plant(2, 3000)
    seldom = frame.copy()
    for place, name in enumerate(["ambient", "oil", "winding", "energy"]):
        seldom.loc[np.arange(len(seldom)) % 20 != place, name] = np.nan
    assert told(Monitor().fit(seldom), "4 of 6 sensors have no reading in most rows")
    assert not told(Monitor().fit(frame), "have no reading in most rows")


def test_a_standstill_in_which_nothing_differs_is_told() -> None:
    random, frame = np.random.default_rng(3), plant(3, 3000)
    stands = np.arange(len(frame)) % 600 > 500
    rest = frame.loc[stands, ["load", "current"]]
    frame.loc[stands, ["load", "current"]] = np.abs(0.05 * random.normal(size=rest.shape))
    history, later = frame[:2400].drop(columns="energy"), frame[2400:].drop(columns="energy").copy()
    monitor = Monitor().fit(history)
    text = "all sensors read exactly 0 for long"
    assert not any(text in remark for remark in monitor.score(later).remarks)
    # A machine that stands may read 0 in some sensors.
    part = later.copy()
    part.iloc[520:580, :3] = 0.0
    assert not any("from one row on" in remark for remark in monitor.score(part).remarks)
    later.iloc[520:580] = 0.0
    result = monitor.score(later)
    assert {result.regime_names[place] for place in result.regimes[525:575]} == {"standstill"}
    assert text in result.remarks[0]
    assert result.remarks[0].startswith("data collection: ")
    later.iloc[520:580] = later.iloc[590].to_numpy()
    assert any("exactly the same for long" in remark for remark in monitor.score(later).remarks)


@pytest.mark.parametrize("seed", range(5))
def test_data_collection_that_stands_still_is_no_fault_of_a_sensor(seed: int) -> None:
    frame = plant(seed, 3200).drop(columns="energy").round(3)
    monitor, later = Monitor().fit(frame[:2400]), frame[2400:].copy()
    later.iloc[300:420] = later.iloc[300].to_numpy()
    result = monitor.score(later)
    (episode,) = [one for one in result.found if one.start < 420 and one.end > 340]
    assert episode.kind == FROZEN
    assert episode.culprits == []
    assert f"{FROZEN}; nothing is known of the machine then." in result.explain()[result.found.index(episode)]
    assert result.remarks[0].startswith("data collection: all sensors read exactly the same for long (")
    assert result.remarks[0].endswith("no new readings came")
    rows = [monitor.update(later.iloc[[row]]) for row in range(len(later))]
    causes = np.concatenate([one._causes for one in rows])
    assert np.array_equal(causes, result._causes)
    assert causes[340] == CAUSES.index(FROZEN)
    assert CAUSES.index(FROZEN) not in causes[:300]
    # One sensor alone is its own fault.
    alone = frame[2400:].copy()
    alone.iloc[300:420, 2] = alone.iloc[300, 2]
    assert FROZEN not in {one.kind for one in monitor.score(alone).found}


def test_rows_that_are_written_twice_and_another_step_are_told() -> None:
    frame = plant(4, 3000)
    monitor, later = Monitor().fit(frame[:2400]), frame[2400:]
    assert not any("row before" in remark or "the step of the fit" in remark for remark in monitor.score(later).remarks)
    twice = later.loc[later.index.repeat(2)]
    assert "600 of 1,200 rows have the time of the row before" in " ".join(monitor.score(twice).remarks)
    thinned = monitor.score(later[::3]).remarks
    assert any("bring the rows to the step of the fit first" in remark for remark in thinned)


@pytest.mark.parametrize("seed", range(5))
def test_sensors_of_one_source_that_stands_still_are_told_together(seed: int) -> None:
    frame = plant(seed, 3200).drop(columns="energy").round(3)
    monitor, later = Monitor().fit(frame[:2400]), frame[2400:].copy()
    assert not any("from one row on" in remark for remark in monitor.score(later).remarks)
    some = list(monitor.sensors_[1:4])
    later.loc[later.index[300:420], some] = later.loc[later.index[300], some].to_numpy()
    told = [remark for remark in monitor.score(later).remarks if "from one row on" in remark]
    assert len(told) == 1
    assert told[0].startswith(f"data collection: 3 of {len(monitor.sensors_)} sensors held exactly the same readings")
    assert all(repr(name) in told[0] for name in some)
    assert f"({later.index[300]:%Y-%m-%d %H:%M} to {later.index[419]:%Y-%m-%d %H:%M})" in told[0]
    # It may last to the end, and two are enough where they begin and end alike; one alone is its own fault.
    later.loc[later.index[300:], some] = later.loc[later.index[300], some].to_numpy()
    assert any("3 of" in remark and "from one row on" in remark for remark in monitor.score(later).remarks)
    for count in (2, 1):
        later = frame[2400:].copy()
        some = list(monitor.sensors_[1 : 1 + count])
        later.loc[later.index[300:420], some] = later.loc[later.index[300], some].to_numpy()
        remarks = monitor.score(later).remarks
        assert any("from one row on" in remark for remark in remarks) == (count == 2)


@pytest.mark.parametrize("seed", range(3))
def test_zeros_in_nearly_all_sensors_while_another_goes_on_alarm(seed: int) -> None:
    random = np.random.default_rng(seed)
    load = np.repeat(random.normal(size=320), 10)
    frame = pd.DataFrame(
        np.linspace(30.0, 100.0, 8) + load[:, None] * np.linspace(2.0, 5.0, 8) + 0.3 * random.normal(size=(3200, 8)),
        columns=[f"s{place}" for place in range(8)],
    ).round(2)
    monitor, later = Monitor().fit(frame[:2400]), frame[2400:].reset_index(drop=True)
    healthy = monitor.score(later).alarms
    later.iloc[300:420, :7] = 0.0
    result = monitor.score(later)
    assert result.alarms[302:420].all()
    assert np.array_equal(result.alarms[:300], healthy[:300])
    (episode,) = [one for one in result.found if one.start < 420 and one.end > 300]
    assert (episode.kind, episode.culprits) == (NEARLY_ZEROS, [])
    one_by_one = [monitor.update(later.iloc[[row]]) for row in range(440)]
    assert np.concatenate([one.scores for one in one_by_one]).tobytes() == result.scores[:440].tobytes()
    again = Monitor.from_bytes(monitor.to_bytes())
    assert again.score(later).scores.tobytes() == result.scores.tobytes()
    # What goes on falls with the others when a machine stops.
    stops = later.copy()
    stops.iloc[300:420, 7] = 60.0
    assert not monitor.score(stops).alarms[303:420].any()
    # Whose history has such rows knows them.
    history = frame[:2400].copy()
    history.iloc[500:600, :7] = 0.0
    chosen = np.ones(2400, bool)
    chosen[450:650] = False
    for rows in (None, chosen):
        assert not Monitor().fit(history, healthy=rows).score(later).alarms[303:420].any()


@pytest.mark.parametrize("seed", range(3))
def test_zeros_of_a_machine_that_never_stood_still_alarm(seed: int) -> None:
    frame = plant(seed, 3200).drop(columns="energy").round(3)
    monitor, later = Monitor().fit(frame[:2400]), frame[2400:].copy()
    quiet = monitor.score(later)
    later.iloc[300:420] = 0.0
    result = monitor.score(later)
    assert result.alarms[302:420].all()
    (episode,) = [one for one in result.found if one.start < 420 and one.end > 300]
    assert episode.kind == ZEROS
    assert episode.culprits == []
    assert ZEROS in result.explain()[result.found.index(episode)]
    assert np.array_equal(result.alarms[:300], quiet.alarms[:300])
    one_by_one = [monitor.update(later.iloc[[row]]) for row in range(440)]
    assert np.concatenate([one.scores for one in one_by_one]).tobytes() == result.scores[:440].tobytes()
    assert np.array_equal(np.concatenate([one._causes for one in one_by_one]), result._causes[:440])
    again = Monitor.from_bytes(monitor.to_bytes())
    assert again.score(later).scores.tobytes() == result.scores.tobytes()
    assert not any("standstill, which" in remark for remark in result.remarks)
    # Sensors of a machine that stops scatter about 0, and others are warm: that is a standstill.
    random = np.random.default_rng(seed)
    later.iloc[300:420] = 0.001 * random.normal(size=(120, later.shape[1]))
    assert not monitor.score(later).alarms[303:420].any()
    # Whose history has such rows knows them, though they are not learnt from.
    history = frame[:2400].copy()
    history.iloc[500:600] = 0.0
    chosen = np.ones(2400, bool)
    chosen[450:650] = False
    later.iloc[300:420] = 0.0
    for healthy in (None, chosen):
        knowing = Monitor().fit(history, healthy=healthy)
        assert not knowing.score(later).alarms[303:420].any()


def hung(rows: int, fault: tuple[int, int], freeze: tuple[int, int]) -> pd.DataFrame:
    """A machine with a fault of one sensor, and data collection that stands still."""
    frame = plant(2, 2400 + rows).drop(columns="energy").round(3)[2400:].copy()
    frame.iloc[fault[0] : fault[1], 1] += 12.0
    frame.iloc[freeze[0] : freeze[1]] = frame.iloc[freeze[0]].to_numpy()
    return frame


@pytest.mark.parametrize("size", [1, 7, 1200])
def test_a_fault_before_data_collection_stands_still_keeps_its_culprit(size: int) -> None:
    monitor = Monitor().fit(plant(2, 2400).drop(columns="energy").round(3))
    later = hung(1200, (300, 1200), (450, 1000))
    result = monitor.score(later)
    fault, hangs, after = result.found[-3:]
    name = later.columns[1]
    assert (fault.kind != FROZEN, fault.culprits[0].name) == (True, name)
    assert (hangs.kind, hangs.culprits) == (FROZEN, [])
    assert after.culprits[0].name == name
    assert fault.end <= hangs.start < 480
    assert 1000 < hangs.end <= after.start < 1080
    assert after.open
    assert hangs.first_sign == hangs.start
    assert result.at(400).episode is fault
    follower = Follower(result.model["sha256"], "plant")
    follower.begin(0)
    closed = []
    for first in range(0, len(later), size):
        part = monitor.update(later[first : first + size])
        kept = Follower(result.model["sha256"], "plant")
        # A watch that is kept and goes on tells the same.
        kept.go_on(json.loads(json.dumps(follower.put()[0])), follower.put()[1])
        follower = kept
        closed += [event.alarm for event in follower.take(part) if event.what == CLOSED]
    closed.append(follower.current(part))
    for alarm, episode in zip(closed, result.found, strict=True):
        assert (alarm.start[0], alarm.end[0] + 1, alarm.kind) == (episode.start, episode.end, episode.kind)
        assert [one.name for one in alarm.culprits] == [one.name for one in episode.culprits]
        assert (alarm.first_sign[0], alarm.peak) == (episode.first_sign, episode.peak)


def test_a_short_pause_parts_no_alarm() -> None:
    monitor = Monitor().fit(plant(2, 2400).drop(columns="energy").round(3))
    result = monitor.score(hung(900, (300, 900), (500, 512)))
    assert (result._causes == CAUSES.index(FROZEN)).any()
    (fault,) = [one for one in result.found if one.end > 310]
    assert fault.kind != FROZEN
    assert fault.open
