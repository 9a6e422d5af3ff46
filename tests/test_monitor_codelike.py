"""A reading far from all others, over and over, that changes nothing else: it is told, and may be said to be a code."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from acm_rs import Monitor


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
