"""Sensors that are at rest but for excursions that come back: valves that open on demand, drains, pitch angles."""

from __future__ import annotations

import numpy as np
import pytest
from acm_rs import Monitor
from acm_rs.monitor.recurring import recurring
from numpy.typing import NDArray

Matrix = NDArray[np.float64]
BYPASS, DRAIN, TEMPERATURE = 1, 2, 3


def plant(seed: int, rows: int) -> Matrix:
    """A load, a bypass that opens where it is high, a drain that opens by itself, and what follows them."""
    random = np.random.default_rng(seed)
    noise = random.normal(size=(rows, 6))
    load = np.empty(rows)
    now = 60.0
    for row in range(rows):
        now += 0.03 * (60.0 - now) + 1.9 * noise[row, 0]
        load[row] = now
    bypass = np.clip(4.0 * (load - 68.0), 0.0, 100.0)
    drain = np.zeros(rows)
    row = 0
    while row < rows:
        row += int(random.integers(60, 140))
        lasts = int(random.integers(6, 25))
        drain[row : row + lasts] = (random.uniform(20, 80) * np.sin(np.linspace(0.3, 2.8, lasts)))[: max(rows - row, 0)]
        row += lasts
    return np.column_stack(
        [
            load,
            bypass + 0.1 * noise[:, 1],
            drain + 0.1 * noise[:, 2],
            40.0 + 0.3 * load - 0.05 * bypass + 0.4 * noise[:, 3],
            50.0 - 0.1 * drain + 0.8 * noise[:, 4],
            10.0 + 0.2 * load + 0.2 * noise[:, 5],
        ]
    )


def test_what_opens_on_demand_does_not_alarm_and_makes_no_standstill() -> None:
    healthy, found = [], []
    for seed in range(4):
        x = plant(seed, 6000)
        monitor = Monitor().fit(x[:3500])
        rows = x[3500:]
        result = monitor.score(rows)
        assert "standstill" not in set(result.score["regime"])
        healthy.append(result.alarms.mean())
        assert healthy[-1] <= monitor.expected_alarms_[1]
        rows[1000:1400, TEMPERATURE] += 4.0
        wrong = monitor.score(rows)
        assert wrong.shares[1050:1400].sum(axis=0).argmax() == TEMPERATURE
        found.append(wrong.alarms[1050:1400].mean())
    assert np.mean(healthy) <= 0.02
    assert np.mean(found) >= 0.5


def spells(random: np.random.Generator, lasts: int, count: int, steady: bool) -> tuple[NDArray[np.float64], Matrix]:
    column = random.normal(size=2000)
    far = np.zeros(2000, bool)
    # At any time, and not as by a clock.
    for first in random.choice(np.arange(20, 1900, lasts + 4), count, replace=False).tolist():
        rows = slice(first, first + lasts)
        far[rows] = True
        column[rows] = 60.0 + (
            30.0 * np.sin(np.linspace(0.2, 3.0, lasts)) if steady else 30.0 * random.normal(size=lasts)
        )
    return column, far


def test_excursions_come_back_steadily() -> None:
    random = np.random.default_rng(1)
    column, far = spells(random, 12, 15, steady=True)
    np.testing.assert_array_equal(recurring(column, far), far)
    # A loose contact, single spikes, and a trouble of a few times.
    assert not recurring(*spells(random, 12, 15, steady=False)).any()
    assert not recurring(*spells(random, 1, 60, steady=True)).any()
    assert not recurring(*spells(random, 40, 5, steady=True)).any()


def test_excursions_of_one_half_of_the_history_are_a_trouble() -> None:
    column, far = spells(np.random.default_rng(1), 12, 30, steady=True)
    assert recurring(column, far).any()
    far[1000:] = False
    assert not recurring(column, far).any()


def test_spikes_beside_what_opens_on_demand_are_left_out() -> None:
    x = plant(7, 4000)
    x[::97, DRAIN] = 900.0 + np.arange(len(x[::97])) * 1.7
    assert any("spikes" in line for line in Monitor().fit(x).summary().splitlines())


@pytest.mark.parametrize("lasts", [2, 4, 8])
def test_dropouts_to_zero_that_come_back_are_not_learnt(lasts: int) -> None:
    random = np.random.default_rng(2)
    load = random.normal(size=(5000, 2)) @ random.normal(size=(2, 5))
    x = 100.0 + load + 0.3 * random.normal(size=(5000, 5))
    for first in range(100, 4000, 280):
        x[first : first + lasts, 3] = 0.0
    monitor = Monitor().fit(x[:4000])
    x[4300:4310, 3] = 0.0
    assert monitor.score(x[4000:]).alarms[303:310].all()
