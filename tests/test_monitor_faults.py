"""Faults that a plant of six sensors has, and what is said of them."""

from __future__ import annotations

import acm_rs
import numpy as np
import pandas as pd
import pytest


def plant(n: int, seed: int, start: str) -> pd.DataFrame:
    """Six sensors that two loads move."""
    random = np.random.default_rng(seed)
    load = random.normal(size=(n, 2))
    mix = np.random.default_rng(5).normal(size=(2, 6))
    return pd.DataFrame(
        50 + load @ mix + 0.2 * random.normal(size=(n, 6)),
        columns=[f"s{i}" for i in range(6)],
        index=pd.date_range(start, periods=n, freq="10min"),
    )


HISTORY, BATCH = plant(3000, 0, "2026-01-01"), plant(600, 1, "2026-03-01")


@pytest.fixture(scope="module")
def monitor() -> acm_rs.Monitor:
    return acm_rs.Monitor().fit(HISTORY)


@pytest.mark.parametrize("size", [20.0, -20.0, 5.0, -5.0])
@pytest.mark.parametrize("sensor", range(6))
def test_a_large_fault_of_one_sensor_is_its_own(monitor: acm_rs.Monitor, sensor: int, size: float) -> None:
    faulty = BATCH.copy()
    faulty.iloc[200:, sensor] += size
    last = monitor.score(faulty).found[-1]
    assert last.open
    assert last.culprits[0].name == f"s{sensor}"


@pytest.fixture(scope="module")
def paused() -> acm_rs.Monitor:
    history = HISTORY.copy()
    history.iloc[1000:1100] *= 0.01
    return acm_rs.Monitor().fit(history)


@pytest.mark.parametrize("seen", ["monitor", "paused"])
def test_some_sensors_at_zero_are_a_fault_and_all_a_standstill(request: pytest.FixtureRequest, seen: str) -> None:
    one = request.getfixturevalue(seen)
    for count in (2, 3, 4):
        faulty = BATCH.copy()
        faulty.iloc[300:, :count] = 0.0
        result = one.score(faulty)
        assert result.alarms[310:].all(), count
        assert "standstill" not in set(result.score["regime"]), count
    for count in (5, 6):
        still = BATCH.copy()
        still.iloc[300:, :count] = 0.0
        result = one.score(still)
        assert (result.score["regime"].iloc[300:] == "standstill").all(), count
        assert not result.alarms[300:].any(), count
