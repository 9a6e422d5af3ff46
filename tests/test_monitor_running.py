"""Rows after a change: which of them are judged, and what is remembered of those that are not."""

from __future__ import annotations

import acm_rs
import numpy as np
import pytest

MIXING = np.random.default_rng(5).normal(size=(2, 6))


def running(rows: int, seed: int) -> np.ndarray:
    """Six sensors that two loads move."""
    random = np.random.default_rng(seed)
    return 20.0 + random.normal(size=(rows, 2)) @ MIXING + 0.2 * random.normal(size=(rows, 6))


def at_times(rows: int, seed: int, run: int, rest: int) -> np.ndarray:
    """The same that runs for some rows and rests for others."""
    x = running(rows, seed)
    x[np.arange(rows) % (run + rest) >= run] = 0.0
    return x


@pytest.fixture(scope="module")
def monitor() -> acm_rs.Monitor:
    return acm_rs.Monitor().fit(running(2000, 0))


def test_rows_between_those_beyond_all_are_judged(monitor: acm_rs.Monitor) -> None:
    rows = running(400, 1)
    rows[100:, 2] += 2.0
    rows[100::7] += 30.0
    whole = monitor.score(rows)
    assert not np.isnan(whole.scores).any()
    assert whole.alarms[104:].all()
    assert np.isin(whole.score["regime"], "unknown").sum() == len(rows[100::7])
    fresh = acm_rs.Monitor.from_bytes(monitor.to_bytes())
    pieces = [fresh.update(rows[first : first + size]) for first, size in ((0, 104), (104, 4), (108, 1), (109, 291))]
    assert np.concatenate([one.scores for one in pieces]).tobytes() == whole.scores.tobytes()


def test_what_is_beyond_all_is_not_remembered(monitor: acm_rs.Monitor) -> None:
    rows = running(400, 1)
    rows[200:240] += 30.0
    told = monitor.score(rows)
    assert told.alarms[202:240].all()
    # The means over some rows go on from before; the two rows that the others are compared with are theirs alone.
    assert not told.alarms[245:].any()


def test_silent_rows_within_those_beyond_all_change_no_regime(monitor: acm_rs.Monitor) -> None:
    rows = running(60, 1)
    rows[20:30] += 30.0
    rows[25] = np.nan
    scores = monitor.score(rows).scores
    assert np.flatnonzero(np.isnan(scores)).tolist() == [25]
    fresh = acm_rs.Monitor.from_bytes(monitor.to_bytes())
    apart = np.concatenate([fresh.update(rows[:26]).scores, fresh.update(rows[26:]).scores])
    assert apart.tobytes() == scores.tobytes()


def test_a_machine_that_never_runs_for_long_settles_within_its_spells() -> None:
    monitor = acm_rs.Monitor().fit(at_times(3000, 0, run=40, rest=110))
    fault = at_times(1500, 1, run=40, rest=110)
    runs = fault[:, 0] != 0.0
    fault[runs, 3] += 3.0
    # Where nothing tells how long it settles, and for its first rows besides, .70.
    assert monitor.score(fault).alarms[runs].mean() > 0.76
