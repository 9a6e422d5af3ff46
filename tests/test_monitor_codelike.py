"""A reading far from all others, over and over, that changes nothing else: it is told, and may be said to be a code."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from acm_rs import Monitor
from acm_rs.monitor.codelike import dropouts
from acm_rs.monitor.staying import STAYS


def plant(seed: int, rows: int = 3000) -> pd.DataFrame:
    """Four sensors of one load, in whole hundredths."""
    random = np.random.default_rng(seed)
    load = np.zeros(rows)
    for row in range(1, rows):
        load[row] = 0.9 * load[row - 1] + 0.44 * random.normal()
    factors = np.array([4.0, 3.0, -2.0, 5.0])
    x = np.array([60.0, 40.0, 12.0, 80.0]) + load[:, None] * factors + 0.3 * random.normal(size=(rows, 4))
    return pd.DataFrame(x.round(2), columns=["oil", "water", "flow", "load"])


def spoilt(frame: pd.DataFrame, value: float, often: float, seed: int) -> pd.DataFrame:
    """Spells of ten rows in which the oil reads a value."""
    random, frame = np.random.default_rng(seed), frame.copy()
    for start in random.choice(len(frame) // 10, int(often * len(frame) / 10), replace=False) * 10:
        frame.loc[start : start + 9, "oil"] = value
    return frame


def told(monitor: Monitor) -> list[str]:
    """The warnings of such a reading."""
    return [warning for warning in monitor.warnings_ if "far from all else" in warning]


@pytest.mark.parametrize(("value", "often"), [(0.0, 0.3), (0.0, 0.15), (-1.0, 0.3), (850.0, 0.4)])
def test_a_reading_like_a_code_is_told_and_limits_make_it_one(value: float, often: float) -> None:
    frame, later = spoilt(plant(1), value, often, 2), plant(3)
    monitor = Monitor().fit(frame)
    share = np.count_nonzero(frame["oil"] == value) / len(frame)
    assert told(monitor) == [
        f"oil reads {value:g} in {100 * share:.0f} % of its rows, far from all else, and no other sensor changes then; "
        "if that is a code and no reading, say what it can read, as in limits={'oil': (low, high)}"
    ]
    wrong = later.copy()
    wrong.loc[1000:, "oil"] += 3.0
    known = Monitor(limits={"oil": (20.0, 100.0)}).fit(frame)
    assert told(known) == []
    assert known.score(later).alarms.mean() < 0.02
    assert known.score(wrong).alarms[1020:].mean() > 0.95
    assert told(Monitor.from_bytes(monitor.to_bytes())) == told(monitor)


def test_what_other_sensors_show_too_is_no_code() -> None:
    frame = plant(1)
    off = np.arange(len(frame)) % 300 < 90
    frame.loc[off, "flow"] = 0.0
    frame.loc[off, "water"] -= 15.0
    assert told(Monitor().fit(frame)) == []
    assert told(Monitor().fit(plant(4))) == []
    still = plant(5)
    still.loc[off] = 0.0
    assert told(Monitor().fit(still)) == []


def scattered(frame: pd.DataFrame, value: float, often: float, seed: int) -> pd.DataFrame:
    """Single rows in which the oil reads a value."""
    frame = frame.copy()
    frame.loc[np.random.default_rng(seed).random(len(frame)) < often, "oil"] = value
    return frame


@pytest.mark.parametrize(
    ("value", "often"),
    [(value, often) for value in (850.0, 0.0, -1.0, 999.0) for often in (0.02, 0.05, 0.12)]
    + [(64.0, 0.05), (64.0, 0.12)],
)
@pytest.mark.parametrize("seed", [1, 2])
def test_what_is_no_reading_at_the_fit_is_none_later(value: float, often: float, seed: int) -> None:
    frame = scattered(plant(seed), value, often, seed + 10)
    later = scattered(plant(seed + 20), value, often, seed + 30)
    monitor = Monitor().fit(frame)
    count = int(np.count_nonzero(frame["oil"] == value))
    assert f"oil: {count:,} error codes {value:g}" in " ".join(monitor.summary().split())
    healthy = monitor.score(later)
    assert healthy.alarms.mean() < 0.03
    assert f"error codes, taken as missing: oil ({np.count_nonzero(later['oil'] == value):,})" in healthy.remarks
    wrong = later.copy()
    wrong.loc[(wrong.index >= 1000) & (wrong["oil"] != value), "oil"] += 3.0
    assert monitor.score(wrong).alarms[1020:].mean() > 0.9
    again = Monitor.from_bytes(monitor.to_bytes())
    assert np.array_equal(again.score(later).scores, healthy.scores, equal_nan=True)
    dead = later.assign(oil=value)
    assert "without any reading: 'oil'" in monitor.score(dead).remarks


@pytest.mark.parametrize("lasts", [3, 10])
def test_what_is_left_out_as_spikes_over_and_over_is_a_code(lasts: int) -> None:
    frame, later = plant(1), plant(3)
    for one in (frame, later):
        for start in range(0, len(one) - lasts, int(lasts / 0.12)):
            one.loc[start : start + lasts - 1, "oil"] = 850.0
    assert Monitor().fit(frame).score(later).alarms.mean() < 0.03


def test_a_pump_that_is_off_a_while_is_no_code() -> None:
    for lasts in (10, 40):
        frame = plant(1)
        frame.loc[np.arange(len(frame)) % (12 * lasts) < lasts, "oil"] = 0.0
        assert "error code" not in Monitor().fit(frame).summary()
    frame = plant(1)
    frame.loc[np.random.default_rng(2).random(len(frame)) < 0.1, ["oil", "flow"]] = 0.0
    assert "oil" in Monitor().fit(frame).sensors_
    rounded = plant(4).round(0)
    assert "error code" not in Monitor().fit(rounded).summary()


@pytest.mark.parametrize(("value", "often"), [(0.0, 0.1), (0.0, 0.05), (100.0, 0.15), (64.0, 0.05)])
@pytest.mark.parametrize("size", [1, 7, 1000])
def test_a_code_that_stays_for_good_alarms_and_names_its_sensor(value: float, often: float, size: int) -> None:
    monitor = Monitor().fit(scattered(plant(1), value, often, 11))
    later = scattered(plant(21, 1000), value, often, 31)
    assert monitor.score(later).alarms.mean() < 0.03
    later.loc[later.index[500:800], "oil"] = value
    kept = Monitor.from_bytes(monitor.to_bytes())
    result = monitor.score(later)
    assert result.alarms[525:800].all()
    assert result.alarms[830:].mean() < 0.03
    (episode,) = [one for one in result.found if one.end > 530]
    assert (episode.kind, episode.culprits[0].name, episode.culprits[0].reads) == (STAYS, "oil", value)
    assert episode.culprits[0].share > 0.5
    assert f"{STAYS}: oil reads {value:g}, should read" in result.explain()[result.found.index(episode)]
    way = "if that is a reading of the machine, learn again with kinds={'oil': 'continuous'}, and it counts as one"
    told = f"oil stays at {value:g}, which came and went in the history and counted as no reading, in "
    (remark,) = [one for one in result.remarks if one.startswith(told)]
    assert remark.endswith(f" rows: {way}")
    assert any(
        f"error codes {value:g} (" in line
        and line.endswith(
            "; if those are readings, kinds={'oil': 'continuous'} takes them as such; where one stays now, it alarms"
        )
        for line in monitor.summary().splitlines()
    )
    parts = []
    for first in range(0, len(later), size):
        parts.append(kept.update(later[first : first + size]))
        if first % (100 * size) == 0:
            kept = Monitor.from_bytes(kept.to_bytes())
    assert np.array_equal(np.concatenate([part.scores for part in parts]), result.scores, equal_nan=True)
    assert np.array_equal(np.concatenate([part.shares for part in parts]), result.shares, equal_nan=True)
    assert any(one.startswith(told) for part in parts for one in part.remarks)
    monitor.accept(episode, result, by="Huber")
    assert not monitor.score(later).alarms[530:800].any()


@pytest.mark.parametrize(
    ("values", "lasts"), [((850.0,), 10), ((-1.0, 150.0), 1), ((1.0, 2.0, 3.0), 1), ((-99.0,), 4), ((250.0, 251.0), 3)]
)
def test_any_code_that_stays_for_good_alarms(values: tuple[float, ...], lasts: int) -> None:
    frame, later = plant(1), plant(21, 1000)
    for value, first in zip(values, range(20, 500, 40), strict=False):
        for start in range(first, len(frame) - lasts, 150):
            frame.loc[start : start + lasts - 1, "oil"] = value
    monitor = Monitor().fit(frame)
    assert monitor.score(later).alarms.mean() < 0.03
    for value in values:
        dead = later.copy()
        dead.loc[500:, "oil"] = value
        result = monitor.score(dead)
        assert result.alarms[535:].all()
        assert (result.found[-1].kind, result.found[-1].culprits[0].name) == (STAYS, "oil")


@pytest.mark.parametrize("size", [1, 7, 1000])
def test_codes_that_come_by_turns_and_stay_alarm_too(size: int) -> None:
    frame, later = scattered(scattered(plant(1), 0.0, 0.02, 11), 850.0, 0.02, 12), plant(21, 1000)
    later.loc[500:, "oil"] = np.where(np.arange(500) % 3 == 0, 0.0, 850.0)
    monitor = Monitor().fit(frame)
    result = monitor.score(later)
    assert result.alarms[540:].all()
    assert (result.found[-1].kind, result.found[-1].culprits[0].name) == (STAYS, "oil")
    parts = [monitor.update(later[first : first + size]).scores for first in range(0, len(later), size)]
    assert np.array_equal(np.concatenate(parts), result.scores, equal_nan=True)
    monitor.accept(result.found[-1], result)
    assert not monitor.score(later).alarms[540:].any()


def test_what_is_said_to_be_measured_has_no_code_of_its_own() -> None:
    frame, later = scattered(plant(1), 0.0, 0.1, 11), scattered(plant(21, 1000), 0.0, 0.1, 31)
    assert "error code" in Monitor().fit(frame).summary()
    monitor = Monitor(kinds={"oil": "continuous"}).fit(frame)
    assert "error code" not in monitor.summary()
    assert np.array_equal(monitor.score(later).values[:, 0], later["oil"])


def test_what_historians_write_for_no_reading_may_stay() -> None:
    monitor = Monitor().fit(scattered(plant(1), 9999.0, 0.05, 11))
    later = plant(21, 1000)
    later.loc[500:, "oil"] = 9999.0
    assert monitor.score(later).alarms.mean() < 0.03


@pytest.mark.parametrize("decimals", [0, 1])
@pytest.mark.parametrize(("value", "often"), [(0.0, 0.02), (0.0, 0.05), (64.0, 0.12)])
@pytest.mark.parametrize("seed", [1, 2, 3, 4])
def test_a_code_is_one_in_whole_units_and_tenths_too(seed: int, value: float, often: float, decimals: int) -> None:
    monitor = Monitor().fit(scattered(plant(seed), value, often, seed + 10).round(decimals))
    assert f"error codes {value:g}" in " ".join(monitor.summary().split())
    later = scattered(plant(seed + 20), value, often, seed + 30).round(decimals)
    assert monitor.score(later).alarms.mean() < 0.03


@pytest.mark.parametrize("decimals", [2, 4])
@pytest.mark.parametrize("often", [0.02, 0.04, 0.08])
@pytest.mark.parametrize("seed", [1, 5])
def test_zeros_beside_what_a_sensor_reads_are_codes_where_the_others_belie_them(
    seed: int, often: float, decimals: int
) -> None:
    def with_difference(frame: pd.DataFrame, seed: int) -> pd.DataFrame:
        random = np.random.default_rng(seed)
        pressure = 3.0 + 0.4 * (frame["flow"] - 12.0) + 0.1 * random.normal(size=len(frame))
        lost = random.random(len(frame)) < often
        return frame.assign(difference=np.where(lost, 0.0, pressure.round(decimals)))

    monitor = Monitor().fit(with_difference(plant(seed), seed + 10))
    assert "error codes 0" in " ".join(monitor.summary().split())
    assert monitor.score(with_difference(plant(seed + 20), seed + 30)).alarms.mean() < 0.03


@pytest.mark.parametrize("decimals", [0, 1, 2, 4])
def test_healthy_sensors_have_no_codes_however_they_are_rounded(decimals: int) -> None:
    for seed in range(10):
        random, frame = np.random.default_rng(seed + 900), plant(seed)
        load = (frame["load"] - 80.0) / 5.0
        for tie in (0.3, 0.6, 0.95):
            own = tie * load + np.sqrt(1.0 - tie**2) * random.normal(size=len(frame))
            frame[f"plain {tie}"] = 40.0 + 4.0 * own
            frame[f"full {tie}"] = np.minimum(40.0 + 4.0 * own, 44.0)
            frame[f"cut off {tie}"] = np.where(own < -1.3, 30.0, 40.0 + 4.0 * own)
            frame[f"skewed {tie}"] = np.exp(own)
        values = frame.round(decimals).to_numpy()
        assert [name for place, name in enumerate(frame) if dropouts(values, place)] == []
