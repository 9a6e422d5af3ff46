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


def test_a_season_that_the_history_holds_twice_widens_the_interval_little() -> None:
    random, hours = np.random.default_rng(1), np.arange(8760 * 2 + 4380) / 1.0
    ambient = 12.0 + 10.0 * np.sin(2.0 * np.pi * hours / 8766.0) + 5.0 * np.sin(2.0 * np.pi * hours / 24.0)
    ambient += random.normal(size=len(hours))
    load = slow(random, len(hours), 1, 0.97)[:, 0]
    noise = random.normal(size=(3, len(hours)))
    columns = [
        ambient,
        40.0 + 3.0 * load + 0.6 * ambient + 0.3 * noise[0],
        50.0 + 5.0 * load + 0.5 * ambient + 0.3 * noise[1],
        100.0 + 9.0 * load + noise[2],
    ]
    x = np.stack(columns, axis=1)
    monitor = Monitor().fit(x[: 8760 * 2])
    low, high = monitor.expected_alarms_
    assert low <= float(monitor.score(x[8760 * 2 :]).alarms.mean()) <= high < 0.15
    assert not any("spells of about" in warning for warning in monitor.warnings_)


def test_the_interval_is_no_wider_than_what_the_halves_of_a_history_leave() -> None:
    scores = np.abs(np.random.default_rng(1).normal(size=2000)) * 0.5
    plain = stated_interval(scores, 3.0, 0.01)["high"]
    highs = [stated_interval(scores, 3.0, 0.01, 600.0, leaves)["high"] for leaves in (0.0, 0.02, 0.05, 1.0)]
    assert highs[:3] == pytest.approx([plain, plain + 0.04, plain + 0.1])
    assert highs[3] == stated_interval(scores, 3.0, 0.01, 600.0)["high"] > highs[2]
