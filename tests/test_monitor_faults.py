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
