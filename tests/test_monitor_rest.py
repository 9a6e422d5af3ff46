"""What comes back in a healthy history is learnt, however it looks; what came once does not set its limits."""

from __future__ import annotations

import numpy as np
import pytest
from acm_rs import Monitor
from acm_rs.monitor.cleaning import stuck_cells
from acm_rs.monitor.recurring import recurring
from numpy.typing import NDArray

Matrix = NDArray[np.float64]
LOAD, TEMPERATURE, PRESSURE, OWN = range(4)


def plant(seed: int, rows: int) -> Matrix:
    """A load, what follows it, and a sensor with a life of its own."""
    random = np.random.default_rng(seed)
    noise = random.normal(size=(rows, 5))
    load = np.empty(rows)
    now = 60.0
    for row in range(rows):
        now += 0.04 * (60.0 - now) + 2.0 * noise[row, 0]
        load[row] = now
    return np.column_stack(
        [
            load,
            40.0 + 0.3 * load + 0.5 * noise[:, 1],
            5.0 + 0.02 * load + 0.03 * noise[:, 2],
            3.0 + 0.1 * load + 0.3 * noise[:, 3],
        ]
    )


def alarms(x: Matrix, learnt: int) -> tuple[float, float, int]:
    """Share of the healthy rows in alarm, of those with a fault of the temperature, and who is blamed."""
    monitor = Monitor().fit(x[:learnt])
    rows = x[learnt:]
    healthy = float(monitor.score(rows).alarms.mean())
    rows[800:1200, TEMPERATURE] += 2.5
    wrong = monitor.score(rows)
    return healthy, float(wrong.alarms[850:1200].mean()), int(wrong.shares[850:1200].sum(axis=0).argmax())


def test_a_sensor_that_rests_at_one_reading_over_and_over_is_not_stuck() -> None:
    healthy, found = [], []
    for seed in range(3):
        x = plant(seed, 6000)
        # A valve that is shut for days.
        shut = (np.arange(6000) // 150) % 5 > 1
        x[:, OWN] = np.where(shut, 0.0, x[:, OWN])
        quiet, told, who = alarms(x, 4000)
        healthy.append(quiet)
        found.append(told)
        assert who == TEMPERATURE
    assert np.mean(healthy) <= 0.02
    assert np.mean(found) > 0.8


def test_what_is_stuck_and_what_rests() -> None:
    x = plant(1, 3000)
    x[500:700, OWN] = x[500, OWN]
    stuck = stuck_cells(x)
    assert stuck[505:700, OWN].all()
    assert not stuck[:, :OWN].any()
    for first in (1000, 1500, 2000):
        x[first : first + 200, OWN] = 4.25
    again = stuck_cells(x)
    assert again[505:700, OWN].all()
    assert not again[1000:, OWN].any()
    assert not stuck_cells(np.full((300, 3), np.nan)).any()


@pytest.mark.parametrize(("every", "lasts"), [(37, 1), (37, 2), (144, 2)])
def test_pulses_that_come_as_by_a_clock_are_learnt(every: int, lasts: int) -> None:
    x = plant(2, 7000)
    for row in range(lasts):
        x[row::every, OWN] -= 3.0
    healthy, found, who = alarms(x, 5000)
    assert healthy <= 0.02
    assert found > 0.8
    assert who == TEMPERATURE


def test_pulses_by_a_clock_are_told_from_chance() -> None:
    random = np.random.default_rng(3)
    column = random.normal(size=4000)
    clock = np.arange(4000) % 40 == 7
    column[clock] += 30.0
    assert recurring(column, clock).sum() == clock.sum()
    chance = random.random(4000) < 0.025
    assert not recurring(column + 30.0 * chance, chance).any()


@pytest.mark.parametrize("lasts", [100, 200])
def test_a_fault_that_came_once_and_was_repaired_does_not_blind(lasts: int) -> None:
    for seed in range(3):
        x = plant(seed, 6000)
        x[1500 : 1500 + lasts, TEMPERATURE] += np.linspace(0.0, 5.0, lasts)
        healthy, found, who = alarms(x, 4000)
        assert healthy <= 0.02
        assert found > 0.9
        assert who == TEMPERATURE
