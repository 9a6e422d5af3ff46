"""Sensors that wander by themselves: their level follows, and what comes quickly is found all the same."""

from __future__ import annotations

import json
from typing import Any

import acm_rs
import numpy as np
import pandas as pd
import pytest
from acm_rs.monitor import learning, saving
from acm_rs.monitor.one_row import Quick
from acm_rs.monitor.wandering import wandering
from numpy.typing import NDArray

Matrix = NDArray[np.float64]
ROWS, LATER, SENSORS = 400, 800, 8
NAMES = [f"s{number}" for number in range(SENSORS)]


def plant(seed: int, walks: int, rows: int = ROWS, walking_load: bool = False) -> tuple[pd.DataFrame, pd.DataFrame]:
    """A healthy history and what came after it: two loads that all sensors follow, some of which wander besides."""
    random = np.random.default_rng(seed)
    kicks, count = random.normal(size=(rows + LATER, 2)), rows + LATER
    loads = np.zeros((count, 2))
    for row in range(1, count):
        loads[row] = (1.0 if walking_load else 0.9) * loads[row - 1] + 0.44 * kicks[row]
    x = 50.0 + loads @ random.normal(size=(2, SENSORS)) + 0.3 * random.normal(size=(count, SENSORS))
    x[:, :walks] += 0.3 * random.normal(size=(count, walks)).cumsum(axis=0)
    frame = pd.DataFrame(x, columns=NAMES)
    return frame[:rows], frame[rows:].reset_index(drop=True)


def _format(monitor: acm_rs.Monitor) -> str:
    data = monitor.to_bytes()
    return str(json.loads(data[8 : 8 + int.from_bytes(data[:8], "little")])["__metadata__"]["format"])


def followed(monitor: acm_rs.Monitor) -> list[str]:
    """The sensors whose level follows."""
    assert monitor._learned is not None
    follows = monitor._learned[1].follows
    return [name for name, reach in zip(monitor.sensors_, follows.tolist(), strict=True) if reach > 0.0]


def test_sensors_that_wander_alarm_far_less_and_other_faults_are_found_as_before(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def without(scaled: Matrix, whole: Matrix | None = None) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
        slow, alone = wandering(scaled, whole)
        return slow, alone & False

    shares: dict[str, list[list[float]]] = {"before": [], "now": []}
    for seed in range(12):
        history, later = plant(seed, 2)
        faulty = later.copy()
        faulty.loc[400:, "s6"] += 1.0
        for kind, rule in (("before", without), ("now", wandering)):
            monkeypatch.setattr(learning, "wandering", rule)
            monitor = acm_rs.Monitor().fit(history)
            healthy = monitor.score(later)
            found = monitor.score(faulty).alarms[400:].mean()
            shares[kind].append([healthy.alarms.mean(), len(healthy.found), found, len(followed(monitor))])
    before, now = (np.mean(shares[kind], axis=0) for kind in ("before", "now"))
    assert now[0] < 0.5 * before[0]
    assert now[1] < 0.6 * before[1]
    assert now[2] > 0.9
    assert (before[3], now[3] > 1.2) == (0.0, True)


def test_sensors_that_wander_with_their_load_are_not_followed_and_the_drift_of_one_is_found() -> None:
    found = []
    for seed in range(8):
        history, later = plant(seed, 0, walking_load=True)
        monitor = acm_rs.Monitor().fit(history)
        assert followed(monitor) == []
        drifting = later[:400].copy()
        drifting["s3"] += np.linspace(0.0, 4.0, 400)
        result = monitor.score(drifting)
        found.append(any("s3" in [one.name for one in episode.culprits[:2]] for episode in result.found))
    assert np.mean(found) >= 0.75


def test_independent_sensors_and_those_of_a_load_are_not_followed() -> None:
    for seed in range(10):
        assert followed(acm_rs.Monitor().fit(plant(seed, 0)[0])) == []
        noise = np.random.default_rng(seed).normal(size=(ROWS, 5))
        assert followed(acm_rs.Monitor().fit(noise)) == []


@pytest.fixture(scope="module")
def walker() -> tuple[acm_rs.Monitor, pd.DataFrame]:
    """One that follows its first sensor alone, and what came later."""
    history, later = plant(1, 1)
    monitor = acm_rs.Monitor().fit(history)
    assert followed(monitor) == ["s0"]
    return monitor, later


def test_what_a_followed_sensor_cannot_tell_is_said(walker: tuple[acm_rs.Monitor, pd.DataFrame]) -> None:
    monitor, _ = walker
    told = [line for line in monitor.warnings_ if "wander" in line]
    assert told == [
        "'s0' wanders so slowly that the history holds few of its ups and downs, by itself: its level follows the "
        "readings, and what comes within about 36 rows is found, no slower drift; a longer history helps"
    ]
    assert monitor.wandering_ == ("s0",)


def test_a_step_of_a_followed_sensor_is_found_and_named(walker: tuple[acm_rs.Monitor, pd.DataFrame]) -> None:
    monitor, later = walker
    healthy = monitor.score(later)
    step = later.copy()
    step.loc[300:, "s0"] += 6.0
    result = monitor.score(step)
    new = result.alarms & ~healthy.alarms
    assert new[300:320].any()
    row = 300 + int(new[300:].argmax())
    first = next(one for one in result.found if one.start <= row < one.end)
    assert first.culprits[0].name == "s0"
    # It should read what it did, in its own units, or what it does meanwhile.
    assert later["s0"][280:320].min() < first.culprits[0].expects < first.culprits[0].reads - 2.0
    # The level has followed: that is what it cannot see.
    assert not new[500:].any()


def test_pieces_rows_and_restarts_give_the_bytes_of_the_whole(walker: tuple[acm_rs.Monitor, pd.DataFrame]) -> None:
    monitor, later = walker
    gappy = later.mask(np.random.default_rng(3).random(later.shape) < 0.05)
    gappy.loc[380:420, "s0"] = np.nan
    whole = monitor.score(gappy)
    live = acm_rs.Monitor.from_bytes(monitor.to_bytes())
    pieces = []
    for first, last in ((0, 1), (1, 2), (2, 90), (90, 400)):
        pieces.append(live.update(gappy[first:last]))
    state = live.state_to_bytes()
    live = acm_rs.Monitor.from_bytes(monitor.to_bytes())
    live.state_from_bytes(state)
    pieces.append(live.update(gappy[400:]))
    for name in ("scores", "expected_values", "shares"):
        assert np.concatenate([getattr(one, name) for one in pieces]).tobytes() == getattr(whole, name).tobytes()


def test_after_a_gap_a_followed_sensor_is_judged_as_if_it_had_gone_there_evenly() -> None:
    after = []
    for seed in (1, 4, 5, 8):
        history, later = plant(seed, 1, 2000)
        monitor = acm_rs.Monitor().fit(history)
        assert followed(monitor) == ["s0"]
        gap = later.copy()
        gap.loc[200:599, "s0"] = np.nan
        after.append(monitor.score(gap).alarms[600:660].mean())
        # In few rows it does not go so far.
        step = later.copy()
        step.loc[600:, "s0"] += 15.0
        step.loc[590:599, "s0"] = np.nan
        assert monitor.score(step).alarms[600:620].mean() > 0.5
    assert max(after) < 0.05


def test_a_first_reading_that_is_a_spike_is_forgotten_at_once(walker: tuple[acm_rs.Monitor, pd.DataFrame]) -> None:
    monitor, later = walker
    counts = []
    for row in (0, 300):
        spike = later.copy()
        spike.loc[row, "s0"] += 100.0
        counts.append(int(monitor.score(spike).alarms.sum()))
    assert counts[0] <= counts[1] + 5


def test_only_files_of_monitors_that_follow_have_the_third_format(
    walker: tuple[acm_rs.Monitor, pd.DataFrame],
) -> None:
    monitor, later = walker
    assert _format(monitor) == "3"
    assert _format(acm_rs.Monitor().fit(plant(1, 0)[0])) == "2"
    again = acm_rs.Monitor.from_bytes(monitor.to_bytes())
    assert again.score(later).scores.tobytes() == monitor.score(later).scores.tobytes()


def test_the_plane_shows_a_followed_sensor_beside_its_level(walker: tuple[acm_rs.Monitor, pd.DataFrame]) -> None:
    monitor, later = walker
    away = later.copy()
    away["s0"] += np.linspace(0.0, 15.0, len(away))
    result = monitor.score(away)
    assert np.nanmedian(result._plane()[-100:, 0]) < 3.0


def test_single_rows_go_the_short_way_to_the_same_bytes(
    walker: tuple[acm_rs.Monitor, pd.DataFrame], monkeypatch: pytest.MonkeyPatch
) -> None:
    monitor, later = walker
    whole = monitor.score(later)
    live = acm_rs.Monitor.from_bytes(monitor.to_bytes())
    found = [live.update(later[:30])]
    short = []
    judge = Quick.judge

    def noted(self: Quick, *given: Any) -> Any:
        verdict = judge(self, *given)
        short.append(verdict is not None)
        return verdict

    monkeypatch.setattr(Quick, "judge", noted)
    found += [live.update(later[row : row + 1]) for row in range(30, 120)]
    assert len(short) == 90
    assert np.mean(short) > 0.9
    for name in ("scores", "expected_values", "shares", "values"):
        got = np.concatenate([getattr(one, name) for one in found])
        assert got.tobytes() == getattr(whole, name)[:120].tobytes()


@pytest.mark.parametrize(
    ("name", "other"),
    [
        ("state.level", np.zeros(2)),
        ("state.level", np.array([np.nan])),
        ("state.counts", np.array([-1.0])),
        ("state.counts", np.array([3])),
        ("watches.follows", np.full(SENSORS, -1.0)),
        ("watches.follows", np.ones(SENSORS + 1)),
        ("watches.pace", np.array([2.0])),
    ],
)
def test_a_forged_level_does_not_load(
    walker: tuple[acm_rs.Monitor, pd.DataFrame], name: str, other: NDArray[Any]
) -> None:
    monitor, later = walker
    live = acm_rs.Monitor.from_bytes(monitor.to_bytes())
    live.update(later[:50])
    settings, arrays, version, _ = saving.unpack(live.to_bytes())
    assert name in arrays
    with pytest.raises(ValueError, match="damaged or of another version"):
        acm_rs.Monitor.from_bytes(saving.pack(settings, arrays | {name: other}, version))


def test_where_a_sensor_that_wanders_happens_to_be_is_no_regime() -> None:
    for seed in (1, 4):
        history, later = plant(seed, 1)
        history.index = pd.date_range("2026-01-01", periods=len(history), freq="1min")
        later.index = pd.date_range("2026-01-02", periods=len(later), freq="1min")
        monitor = acm_rs.Monitor().fit(history)
        away = later.copy()
        away.loc[later.index[300] :, "s0"] += 6.0
        # Accepted rows in which it is elsewhere had become a regime, and the others changed theirs as it went.
        monitor.accept((later.index[300], later.index[340]), away)
        result = monitor.score(away)
        assert followed(monitor) == ["s0"]
        assert result.regime_names[2:] == ("running",)
        assert result.alarms.mean() < 0.02


def test_a_sensor_that_is_wrong_from_the_first_row_on_is_told() -> None:
    history, later = plant(1, 1)
    monitor = acm_rs.Monitor().fit(history)
    width = float(np.ptp(history["s0"]))
    for away, alarms in ((0.0, False), (1.7, False), (6.0, True), (-6.0, True)):
        rows = later.copy()
        rows["s0"] += away * width
        found = monitor.score(rows)
        told = [one for one in found.remarks if one.startswith("s0 is beyond all that training has seen")]
        assert bool(told) or away == 0.0
        assert (found.alarms.mean() > 0.9) if alarms else (found.alarms.mean() <= 0.05)
        if alarms:
            assert found.found[0].culprits[0].name == "s0"
        again = acm_rs.Monitor.from_bytes(monitor.to_bytes())
        parts = [again.update(rows[row : row + 1]) for row in range(60)]
        np.testing.assert_array_equal(np.concatenate([one.scores for one in parts]), found.scores[:60])


def test_followed_sensors_without_their_pace_do_not_load(walker: tuple[acm_rs.Monitor, pd.DataFrame]) -> None:
    settings, arrays, version, _ = saving.unpack(walker[0].to_bytes())
    del settings["about"]["follows"]
    with pytest.raises(ValueError, match="how levels follow is not told"):
        acm_rs.Monitor.from_bytes(saving.pack(settings, arrays, version))
