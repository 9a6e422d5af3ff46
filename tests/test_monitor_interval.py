"""The stated interval of healthy rows in alarm holds for short histories of slow machines."""

from __future__ import annotations

import numpy as np
import pytest
from acm_rs import Monitor
from acm_rs.monitor.alarms import stated_interval
from numpy.typing import NDArray


def slow(random: np.random.Generator, rows: int, columns: int, phi: float) -> NDArray[np.float64]:
    """Autoregressive columns of variance 1."""
    steps = random.normal(size=(rows, columns)) * np.sqrt(1.0 - phi**2)
    x = np.empty((rows, columns))
    x[0] = random.normal(size=columns)
    for row in range(1, rows):
        x[row] = phi * x[row - 1] + steps[row]
    return x


@pytest.mark.parametrize(("rows", "most"), [(800, 2), (1500, 1)])
def test_a_history_of_few_ups_and_downs_states_how_little_it_knows(rows: int, most: int) -> None:
    above = 0
    for seed in range(20):
        random = np.random.default_rng(seed)
        load = slow(random, 2 * rows, 2, 0.99)
        x = 50.0 + load @ random.normal(size=(2, 8)) + 0.3 * slow(random, 2 * rows, 8, 0.7)
        monitor = Monitor().fit(x[:rows])
        low, high = monitor.expected_alarms_
        share = float(monitor.score(x[rows:]).alarms.mean())
        assert low <= monitor.expected_false_alarms_ <= high
        above += share > high
    # One in forty is to be expected.
    assert above <= most


def test_what_the_slowest_sensor_does_to_the_interval() -> None:
    scores = np.abs(np.random.default_rng(1).normal(size=2000)) * 0.5
    plain = stated_interval(scores, 3.0, 0.01)
    highs = [stated_interval(scores, 3.0, 0.01, lasts)["high"] for lasts in (1.0, 20.0, 100.0, 300.0, 1e6)]
    assert highs[0] == highs[1] == plain["high"]
    assert highs == sorted(highs)
    assert highs[3] > 2.0 * plain["high"]
    assert highs[-1] <= 1.0
    few = stated_interval(scores, 3.0, 0.01, 300.0)
    assert (few["low"], few["mean"]) == (plain["low"], plain["mean"])


def test_long_histories_state_little_more_than_they_have_seen() -> None:
    widths, above = [], 0
    for seed in range(8):
        random = np.random.default_rng(400 + seed)
        load = slow(random, 12_000, 2, 0.99)
        x = 50.0 + load @ random.normal(size=(2, 8)) + 0.3 * slow(random, 12_000, 8, 0.7)
        monitor = Monitor().fit(x[:6000])
        widths.append(monitor.expected_alarms_[1])
        above += float(monitor.score(x[6000:]).alarms.mean()) > widths[-1]
    assert above == 0
    assert np.median(widths) < 0.15


def test_former_files_state_what_they_did() -> None:
    x = 50.0 + slow(np.random.default_rng(3), 900, 5, 0.95)
    monitor = Monitor().fit(x)
    assert monitor._about["lasts"] > 10.0
    del monitor._about["lasts"]
    again = Monitor.from_bytes(monitor.to_bytes())
    known = again._scores[~np.isnan(again._scores)]
    assert again.expected_alarms_[1] == max(stated_interval(known, again._limit, 0.01)["high"], again._about["leaves"])
