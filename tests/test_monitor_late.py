"""Sensors and drivers whose times are those of another clock are told, with by how much."""

from __future__ import annotations

from functools import cache

import numpy as np
import pandas as pd
import pytest
from acm_rs import Monitor
from acm_rs.monitor.late import lags, seen_late


def machine(seed: int, rows: int, start: str, minutes: int = 10) -> pd.DataFrame:
    """A load, five sensors that follow it at once, two that do with a delay, and the weather."""
    random = np.random.default_rng(seed)
    day = 2.0 * np.pi * np.arange(rows) * minutes / 1440.0

    def slow(keeps: float) -> np.ndarray:
        noise = pd.Series(random.normal(size=rows))
        return (noise.ewm(alpha=1.0 - keeps, adjust=False).mean() * np.sqrt((1 + keeps) / (1 - keeps))).to_numpy()

    load, ambient = 80.0 + 10.0 * np.sin(day) + 6.0 * slow(0.98), 15.0 + 6.0 * np.sin(day - 1.3) + 3.0 * slow(0.995)
    heat = pd.Series(35.0 + 0.25 * load + 0.5 * ambient).ewm(alpha=0.1, adjust=False).mean().to_numpy()
    means = {
        "speed": 18.0 * load,
        "flow": 2.1 * load,
        "bearing": heat,
        "oil": 10.0 + 0.7 * heat,
        "power": 1.1 * load,
        "pressure": 0.07 * load,
        "current": 0.9 * load,
        "ambient": ambient,
    }
    noises = {"speed": 4.0, "flow": 1.0, "bearing": 0.2, "oil": 0.2, "power": 0.6, "ambient": 0.1}
    noises |= {"pressure": 0.05, "current": 0.5}
    frame = pd.DataFrame({name: mean + noises[name] * random.normal(size=rows) for name, mean in means.items()})
    return frame.set_axis(pd.date_range(start, periods=rows, freq=f"{minutes}min"), axis=0)


@cache
def fitted(seed: int) -> Monitor:
    return Monitor(drivers=["ambient"]).fit(machine(seed, 3000, "2026-01-01"))


def told(monitor: Monitor, frame: pd.DataFrame) -> list[str]:
    return [remark for remark in monitor.score(frame).remarks if "the clock of" in remark]


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize(
    ("names", "rows", "text"),
    [
        (["flow"], 6, "'flow' reads as it should, but 1 h (6 rows) late: where the clock of its source is off"),
        (["power"], -12, "'power' reads as it should, but 2 h (12 rows) early: where the clock of its source is off"),
        (["flow", "power"], 6, "'flow', 'power' read as they should, but 1 h (6 rows) late"),
        (["ambient"], 12, "'ambient' reads as it should, but 2 h (12 rows) late"),
        # Those that tell each other, and are late together, are as they should be beside each other.
        (["bearing", "oil"], 6, "'bearing', 'oil' read as they should, but 1 h (6 rows) late"),
        (["bearing", "oil"], -6, "'bearing', 'oil' read as they should, but 1 h (6 rows) early"),
        (["bearing", "oil", "power"], 12, "'bearing', 'oil', 'power' read as they should, but 2 h (12 rows) late"),
        (["flow", "power", "speed"], 6, "'speed', 'flow', 'power' read as they should, but 1 h (6 rows) late"),
        (["speed"], 2, "'speed' reads as it should, but 20 min (2 rows) late"),
    ],
)
def test_readings_by_another_clock_are_told(seed: int, names: list[str], rows: int, text: str) -> None:
    monitor, later = fitted(seed), machine(seed + 50, 1000, "2026-06-01")
    moved = later.assign(**{name: later[name].shift(rows) for name in names})
    result = monitor.score(moved)
    assert result.alarms.mean() > 0.2
    (remark,) = told(monitor, moved)
    assert remark.startswith(text)
    assert f"so far {'back' if rows > 0 else 'on'} first" in remark
    back = moved.assign(**{name: moved[name].shift(-rows) for name in names})
    assert monitor.score(back).alarms.mean() < 0.05


@cache
def of_minutes(drivers: tuple[str, ...]) -> Monitor:
    return Monitor(drivers=list(drivers) or None).fit(machine(0, 6000, "2026-01-01", 1))


@pytest.mark.parametrize("drivers", [(), ("ambient",)])
@pytest.mark.parametrize("rows", [60, -60])
def test_an_hour_of_rows_of_a_minute_is_told_of_the_sensor_alone(drivers: tuple[str, ...], rows: int) -> None:
    later = machine(50, 1500, "2026-06-01", 1)
    (remark,) = told(of_minutes(drivers), later.assign(flow=later["flow"].shift(rows)))
    assert remark.startswith(f"'flow' reads as it should, but 1 h (60 rows) {'late' if rows > 0 else 'early'}")


@pytest.mark.parametrize("drivers", [(), ("ambient",)])
def test_faults_that_end_soon_are_no_clocks(drivers: tuple[str, ...]) -> None:
    # Moved by an hour they would be where nobody looks.
    monitor, later, row = of_minutes(drivers), machine(50, 1500, "2026-06-01", 1), np.arange(1500)
    for first, last in [(0, 25), (20, 80), (70, 110), (300, 400), (1380, 1500), (1470, 1500)]:
        for name, size in {"flow": 4.0, "bearing": 1.0, "pressure": 0.3}.items():
            frame = later.assign(**{name: later[name] + size * ((first <= row) & (row < last))})
            assert monitor.score(frame).alarms.any()
            assert told(monitor, frame) == [], (first, name)


@pytest.mark.parametrize("size", [1e150, 1e153, 1e200, 1e300, np.inf])
def test_readings_of_any_size_can_be_asked_for_their_clock(size: float) -> None:
    later = machine(50, 1000, "2026-06-01")
    later["flow"] += 8.0 * (np.arange(1000) > 400)
    later.iloc[500, later.columns.get_loc("flow")] = size
    assert fitted(0).score(later).alarms.mean() > 0.5
    later.iloc[400:, later.columns.get_loc("power")] = size
    assert told(fitted(0), later) == []


def test_of_many_that_are_late_the_others_are_called_early() -> None:
    later = machine(50, 1000, "2026-06-01")
    load = ["flow", "power", "speed", "pressure", "current"]
    moved = later.assign(**{name: later[name].shift(6) for name in load})
    (remark,) = told(fitted(0), moved)
    assert remark.startswith("'bearing', 'oil', 'ambient' read as they should, but 1 h (6 rows) early")


def test_rows_beyond_all_that_was_seen_hide_no_clock() -> None:
    monitor = Monitor().fit(machine(0, 3000, "2026-01-01"))
    later = machine(50, 1000, "2026-06-01")
    assert monitor.score(later).alarms.mean() > 0.1
    (remark,) = told(monitor, later.assign(power=later["power"].shift(6)))
    assert remark.startswith("'power' reads as it should, but 1 h (6 rows) late")


@pytest.mark.parametrize("seed", range(3))
def test_other_faults_are_no_clocks(seed: int) -> None:
    monitor, later = fitted(seed), machine(seed + 50, 1000, "2026-06-01")
    random, since = np.random.default_rng(seed), np.arange(1000) > 400
    faults = {
        "none": later,
        "offset": later.assign(flow=later["flow"] + 8.0 * since),
        "two offsets": later.assign(flow=later["flow"] + 8.0 * since, power=later["power"] + 4.0 * since),
        "gain": later.assign(**{one: 1.3 * later[one] - 0.3 * later[one].mean() for one in ("bearing", "oil")}),
        "swapped": later.assign(bearing=later["oil"], oil=later["bearing"]),
        "drift": later.assign(bearing=later["bearing"] + np.clip((np.arange(1000) - 400) / 200.0, 0.0, None)),
        "noise": later.assign(power=later["power"] + 5.0 * since * random.normal(size=1000)),
        "stuck": later.assign(speed=later["speed"].where(~since, later["speed"].iloc[400])),
        "scale": later.assign(flow=later["flow"] * np.where(since, 1.05, 1.0)),
        "weather": later.assign(ambient=later["ambient"] + 4.0 * since),
    }
    for name, frame in faults.items():
        assert told(monitor, frame) == [], name


def test_lags_are_a_few_rows_and_whole_hours() -> None:
    minute = 6e10
    assert lags(10.0 * minute) == [1, 2, 3, 6, 12]
    assert lags(60.0 * minute) == [1, 2, 3]
    assert lags(7.0 * minute) == lags(None) == [1, 2, 3]
    assert 60 in lags(minute)
    assert max(lags(minute / 60.0)) == 3


@pytest.mark.parametrize("rows", [1, 19, 30, 500])
@pytest.mark.parametrize("suspects", [[], [0], [0, 1]])
def test_few_suspects_and_rows_tell_nothing(rows: int, suspects: list[int]) -> None:
    # Counters are no suspects, so that there may be none.
    off, scores = np.full((rows, 2), 2.0), np.full(rows, 3.0)
    assert seen_late(["a", "b"], suspects, None, lambda ways: off, lambda ways: scores) == []
