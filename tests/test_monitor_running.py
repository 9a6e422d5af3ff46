"""Rows after a change: which of them are judged, and what is remembered of those that are not."""

from __future__ import annotations

import acm_rs
import numpy as np
import pytest
from acm_rs.monitor.parts import SLOWLY
from acm_rs.monitor.saving import pack, unpack

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


@pytest.mark.parametrize("first", [30.0, np.nan])
def test_a_history_that_begins_with_what_tells_no_regime_is_judged_at_once(
    monitor: acm_rs.Monitor, first: float
) -> None:
    rows = running(60, 1)
    rows[:, 2] += 4.0
    rows[:3] += first
    result = monitor.score(rows)
    assert np.flatnonzero(np.isnan(result.scores)).tolist() == ([0, 1, 2] if np.isnan(first) else [])
    assert result.alarms[5:].all()
    fresh = acm_rs.Monitor.from_bytes(monitor.to_bytes())
    apart = np.concatenate([fresh.update(rows[row : row + 1]).scores for row in range(len(rows))])
    assert apart.tobytes() == result.scores.tobytes()


def test_a_machine_that_never_runs_for_long_settles_within_its_spells() -> None:
    monitor = acm_rs.Monitor().fit(at_times(3000, 0, run=40, rest=110))
    fault = at_times(1500, 1, run=40, rest=110)
    runs = fault[:, 0] != 0.0
    fault[runs, 3] += 3.0
    # Where nothing tells how long it settles, and for its first rows besides, .70.
    assert monitor.score(fault).alarms[runs].mean() > 0.76


def _faulty(what: str) -> np.ndarray:
    """A thousand rows with a fault in 400 of them."""
    rows = running(1000, 3)
    if what == "shift":
        rows[200:600, 3] += 1.5
    elif what == "scatter":
        rows[200:600, 3] += np.random.default_rng(1).normal(size=400)
    else:
        rows[200:600] += 3.0 * MIXING[0]
    return rows


@pytest.mark.parametrize(("what", "most"), [("shift", 60), ("scatter", 30), ("wear", 40)])
def test_slow_means_let_go_of_a_fault_that_is_over(monitor: acm_rs.Monitor, what: str, most: int) -> None:
    rows = _faulty(what)
    told = monitor.score(rows)
    assert told.alarms[200:600].mean() > 0.98
    assert np.count_nonzero(told.alarms[600:]) < most
    # One that never lets go: as those of the first format.
    former = acm_rs.Monitor.from_bytes(monitor.to_bytes())
    former._fitted()[1].lets_go[:] = np.inf
    longer = former.score(rows)
    assert np.count_nonzero(longer.alarms[600:]) > most
    np.testing.assert_array_less(told.scores, longer.scores + 1e-12)


@pytest.mark.parametrize(("size", "share"), [(0.15, 0.7), (0.2, 0.95), (0.3, 0.98)])
def test_a_small_fault_that_lasts_is_not_let_go_of(monitor: acm_rs.Monitor, size: float, share: float) -> None:
    rows = running(2000, 4)
    rows[500:, 3] += size
    assert monitor.score(rows).alarms[500:].mean() > share


def test_rows_one_by_one_let_go_as_all_at_once(monitor: acm_rs.Monitor) -> None:
    rows = np.vstack([_faulty(what)[560:640] for what in ("shift", "scatter", "wear")])
    fresh = acm_rs.Monitor.from_bytes(monitor.to_bytes())
    # Single rows go their own way.
    apart = np.concatenate([fresh.update(row[None]).scores for row in rows])
    assert apart.tobytes() == monitor.score(rows).scores.tobytes()
    again = acm_rs.Monitor.from_bytes(fresh.to_bytes())
    assert again.update(rows[:5]).scores.tobytes() == fresh.update(rows[:5]).scores.tobytes()


def test_what_has_been_let_go_of_must_be_that_of_slow_means(monitor: acm_rs.Monitor) -> None:
    watch = acm_rs.Monitor.from_bytes(monitor.to_bytes())
    watch.update(_faulty("shift")[:300])
    settings, arrays, version, _ = unpack(watch.to_bytes())
    assert acm_rs.Monitor.from_bytes(pack(settings, arrays, version)).to_bytes() == watch.to_bytes()
    for name, values in (
        ("off.scatter", np.zeros(7)),
        (f"off.{SLOWLY[0]}", np.zeros((2, 3))),
        ("off.level", np.zeros((6, 1))),
        ("off.other", np.zeros(6)),
    ):
        with pytest.raises(ValueError, match="is damaged or of another version"):
            acm_rs.Monitor.from_bytes(pack(settings, arrays | {name: values}, version))


def by_turns(random: np.random.Generator, rows: int, both_off: bool = False) -> np.ndarray:
    """Two pumps, one on duty and one on standby, four sensors each, and the flow."""
    turn = (np.arange(rows) // 250) % 2
    load = 60.0 + 5.0 * np.sin(np.arange(rows) / 40.0) + random.normal(size=rows)
    columns = []
    for pump in (0, 1):
        on = turn == pump
        if both_off:
            on = on & (np.arange(rows) % 1000 < 900)
        for size, noise in ((0.5, 0.4), (0.07, 0.05), (0.9, 0.8), (0.03, 0.03)):
            columns.append(
                np.where(on, size * load + random.normal(size=rows) * noise, random.normal(size=rows) * 0.01)
            )
    return np.column_stack([*columns, 2.0 * load + random.normal(size=rows)])


def test_pumps_that_take_turns_are_no_standstill() -> None:
    random = np.random.default_rng(3)
    monitor = acm_rs.Monitor().fit(by_turns(random, 3000))
    rows = by_turns(random, 1500)
    healthy = monitor.score(rows)
    assert "standstill" not in set(healthy.score["regime"])
    assert healthy.alarms.mean() <= 0.02
    rows[600:700, 2] += 6.0
    wrong = monitor.score(rows)
    assert wrong.alarms[600:700].mean() > 0.8
    assert 2 in wrong.shares[620:690].argmax(axis=1)


def test_of_pumps_that_take_turns_both_may_stand_still() -> None:
    random = np.random.default_rng(4)
    monitor = acm_rs.Monitor().fit(by_turns(random, 3000, both_off=True))
    rows = by_turns(random, 2000, both_off=True)
    found = monitor.score(rows)
    still = np.array(found.score["regime"]) == "standstill"
    assert np.array_equal(still, np.arange(2000) % 1000 >= 900)
    assert found.alarms.mean() <= 0.02


@pytest.mark.parametrize("motors", [3, 4])
@pytest.mark.parametrize("on", [0.2, 0.6, 0.9])
def test_a_pump_that_runs_on_does_not_hide_a_standstill(motors: int, on: float) -> None:
    random = np.random.default_rng(7)
    turn = np.arange(6000) // 100
    still = turn % 5 == 4
    load = 60.0 + 5.0 * np.sin(np.arange(6000) / 40.0)
    x = np.where(still, 0.0, load)[:, None] * np.linspace(0.5, 1.0, motors) + 0.2 * random.normal(size=(6000, motors))
    oil = np.where(still & (random.random(60) >= on)[turn], 0.0, 12.0) + 0.1 * random.normal(size=6000)
    warm = 40.0 + 0.2 * load + 0.5 * random.normal(size=6000)
    monitor = acm_rs.Monitor().fit(np.column_stack([x, oil, warm])[:4000])
    found = monitor.score(np.column_stack([x, oil, warm])[4000:])
    told = np.array(found.score["regime"]) == "standstill"
    assert told[still[4000:]].mean() > 0.95
    assert told[~still[4000:]].mean() < 0.05
