"""Readings that are missing at random: healthy rows do not alarm for them, and faults are found beside them."""

import itertools

import numpy as np
import pandas as pd
import pytest
from acm_rs import Monitor
from acm_rs.monitor.lacking import Doubt
from acm_rs.monitor.leaning import leaning
from acm_rs.monitor.looking import look
from acm_rs.monitor.parts import SLOW
from acm_rs.monitor.watches import State

TRAINED = 6000


def plant(seed, rows=9000, noise_of=0.02):
    """Sensors that tell the same twice and three times, and one that tells the sum of two others."""
    random = np.random.default_rng(seed)
    day = np.sin(2.0 * np.pi * np.arange(rows) / 144.0)

    def wandering(span):
        return pd.Series(random.normal(size=rows)).ewm(span=span).mean().to_numpy()

    load = 0.8 + 0.1 * day + 0.3 * wandering(20)
    ambient = 15.0 + 8.0 * day + 20.0 * wandering(200)
    warm = pd.Series(40.0 * load + ambient).ewm(span=30).mean().to_numpy()
    noise = random.normal(size=(8, rows))
    columns = {
        "current": 40.0 * load + 0.2 * noise[0],
        "pressure": 1.2 * load + 0.01 * noise[1],
        "oil": warm + noise_of * noise[2],
        "winding": warm + noise_of * noise[3],
        "ambient": ambient + noise_of * noise[4],
        "hall": ambient + noise_of * noise[5],
        "inlet": ambient + noise_of * noise[6],
    }
    columns["sum"] = columns["current"] + columns["oil"] + noise_of * noise[7]
    return pd.DataFrame(columns, index=pd.date_range("2026-01-01", periods=rows, freq="10min"))


def scattered(frame, share, seed=3):
    return frame.mask(np.random.default_rng(seed).random(frame.shape) < share)


def before(monitor):
    """As it was written when each missing sensor was looked at by itself."""
    found = Monitor.from_bytes(monitor.to_bytes())
    watches = found._fitted()[1]
    watches.joint, watches.gaps = False, watches.gaps[: -len(watches.scale)]
    return Monitor.from_bytes(found.to_bytes())


@pytest.fixture(scope="module")
def fitted():
    frame = plant(0)
    return Monitor().fit(frame[:TRAINED]), frame[TRAINED:]


@pytest.mark.parametrize("share", [0.1, 0.3])
@pytest.mark.parametrize("seed", [0, 1])
def test_readings_that_are_missing_at_random_bring_no_alarm(seed, share):
    frame = plant(seed)
    monitor, rest = Monitor().fit(frame[:TRAINED]), frame[TRAINED:]
    some = scattered(rest, share)
    assert monitor.score(some).alarms.mean() <= monitor.score(rest).alarms.mean() + 0.005
    if share == 0.3:
        assert before(monitor).score(some).alarms.mean() > 0.2


@pytest.mark.parametrize("share", [0.05, 0.2])
def test_a_history_may_lack_readings_of_sensors_that_tell_the_same_to_the_last_digits(share):
    frame = plant(3, noise_of=0.001)
    monitor, rest = Monitor().fit(scattered(frame[:TRAINED], share)), frame[TRAINED:]
    for some in (rest, scattered(rest, share), rest.assign(current=np.nan), scattered(rest, 0.4)):
        assert monitor.score(some).alarms.mean() <= 0.012


def test_a_counter_that_tells_another_to_the_last_digit_may_lack_readings():
    frame = plant(2).drop(columns=["sum", "hall", "inlet", "winding"])
    frame["energy"] = np.cumsum(frame["current"] / 6.0)
    monitor, rest = Monitor().fit(frame[:TRAINED]), frame[TRAINED:]
    for share in (0.1, 0.3):
        assert monitor.score(scattered(rest, share)).alarms.mean() <= monitor.score(rest).alarms.mean() + 0.005


@pytest.mark.parametrize("share", [0.1, 0.3])
def test_residuals_are_as_far_off_as_in_complete_rows(fitted, share):
    monitor, frame = fitted
    _, watches = monitor._fitted()
    assert len(watches.relations) == 1
    values = np.asfortranarray(scattered(frame, share).to_numpy())
    state = State(values.shape[1], 0)
    sensors, states = watches.split(values, state)
    labels, ages = np.zeros(len(values), np.int64), np.full(len(values), 10**6)
    looked = look(watches, sensors, states, labels, ages)
    plain = np.nanmean(np.square(np.clip(looked.residual, -5, 5)), axis=0)
    leaning(watches, looked, sensors, labels, state, None)
    found = np.nanmean(np.square(np.clip(looked.residual, -5, 5)), axis=0)
    np.testing.assert_allclose(found, 1.0, atol=0.2)
    assert share < 0.3 or np.count_nonzero(plain > 2.0) >= 4


@pytest.mark.parametrize(("share", "found", "size"), [(0.1, 0.9, 4.0), (0.3, 0.75, 6.0)])
def test_faults_are_found_beside_missing_readings(fitted, share, found, size):
    monitor, frame = fitted
    watches = monitor._fitted()[1]
    band = watches.band * watches.scale
    shares, named = [], []
    for place, name in enumerate(frame):
        some = frame[:1100].copy()
        some.iloc[1000:, place] += size * band[place]
        result = monitor.score(scattered(some, share))
        assert result.alarms[:1000].mean() < 0.01
        shares.append(result.alarms[1010:].mean())
        named.append(name in [one.name for one in result.found[-1].culprits[:3]] if shares[-1] else False)
    assert np.mean(shares) >= found
    assert np.mean(named) >= 0.6


def test_row_by_row_is_judged_as_all_at_once(fitted):
    monitor, frame = fitted
    frame = scattered(frame[:900], 0.15)
    frame.iloc[:25, 2] = frame.iloc[400:430] = np.nan
    # All that was remembered is forgotten, and begins anew.
    frame.iloc[500:640] = fitted[1].iloc[500:640]
    frame.iloc[700:] = fitted[1].iloc[700:900]
    whole = monitor.score(frame)
    assert np.isfinite(whole.scores).sum() > 800
    for sizes in ((1,), (7, 1, 50), (101,)):
        fresh = Monitor.from_bytes(monitor.to_bytes())
        first, scores, shares = 0, [], []
        for step, size in enumerate(itertools.cycle(sizes)):
            if first >= len(frame):
                break
            result = fresh.update(frame[first : first + size])
            scores.append(result.scores)
            shares.append(result.shares)
            first += size
            if step % 20 == 5:
                fresh = Monitor.from_bytes(fresh.to_bytes())
            elif step % 20 == 11:
                fresh.state_from_bytes(fresh.state_to_bytes())
        np.testing.assert_array_equal(np.concatenate(scores), whole.scores)
        np.testing.assert_array_equal(np.concatenate(shares), whole.shares)


def test_how_wrong_slow_states_are_follows_from_what_was_missing_together(fitted):
    watches = fitted[0]._fitted()[1]
    precision, axes = watches.slow_precision, watches.slow_axes
    d, count = axes.shape
    doubt = watches.doubt
    random = np.random.default_rng(4)
    missing = random.random((50, d)) < 0.4
    pulls, once = doubt.of_rows(missing)
    for row, gone in enumerate(missing):
        # What stands for a missing reading is off by the forces on all that are.
        expected = np.zeros((count, d))
        inner = np.linalg.inv(precision[np.ix_(gone, gone)])
        for state in range(count):
            expected[state, gone] = np.dot(inner, axes[gone, state])
        np.testing.assert_allclose(pulls[row].reshape(count, d), expected, rtol=1e-6, atol=1e-9)
        for place, (a, b) in enumerate(doubt.pairs):
            told = float(np.dot(np.dot(expected[a], doubt.single), expected[b]))
            np.testing.assert_allclose(once[row, place], told, rtol=1e-6, atol=1e-8)
    # Forces that are the same in all rows, and those that have nothing to do with each other.
    lasting, d = np.eye(4) * 2.0, 4
    axes = np.ascontiguousarray(np.eye(4)[:, :2])
    still = np.zeros((3, 8, 8))
    still[:, 4:, 4:] = lasting
    apart = np.zeros((3, 8, 8))
    kept = SLOW / (2.0 - SLOW)
    apart[0, 4:, 4:] = kept * lasting
    gone = np.zeros((1, 4), bool)
    gone[0, 0] = True
    for moments, single in ((still, 4.0), (apart, 4.0 * kept)):
        doubt = Doubt(lasting, axes, moments, np.zeros(8))
        pulls, once = doubt.of_rows(gone)
        # The same sensor in all rows, as often as slow states remember.
        told = doubt.told(pulls, once)[0]
        np.testing.assert_allclose(told[0], single / 8.0, rtol=1e-9)
        assert told[len(doubt.pairs)] <= told[0] + 1e-12


def test_a_former_file_is_judged_as_it_was_and_one_that_does_not_tell_is_refused(fitted):
    monitor, frame = fitted
    some = scattered(frame[:500], 0.2)
    former = before(monitor)
    assert former.to_bytes() != monitor.to_bytes()
    again = Monitor.from_bytes(former.to_bytes())
    np.testing.assert_array_equal(again.score(some).scores, former.score(some).scores)
    assert (former.score(some).scores[50:] != monitor.score(some).scores[50:]).any()
    np.testing.assert_array_equal(former.score(frame[:500]).scores, monitor.score(frame[:500]).scores)
    former.update(some[:100])
    live = Monitor.from_bytes(former.to_bytes())
    np.testing.assert_array_equal(live.update(some[100:200]).scores, former.score(some[:200]).scores[100:])
    former._fitted()[1].joint = "yes"
    with pytest.raises(ValueError, match="damaged"):
        Monitor.from_bytes(former.to_bytes())


def test_rows_that_are_absent_count_as_rows_without_readings(fitted):
    monitor, frame = fitted
    for there in (np.random.default_rng(8).random(len(frame)) > 0.2, np.arange(len(frame)) % 5 > 0):
        result = monitor.score(frame[there])
        silent = monitor.score(frame.mask(np.repeat(~there[:, None], frame.shape[1], axis=1)))
        # The watch on all sensors together leaves out what follows a row without readings.
        assert np.isclose(result.scores, silent.scores[there], rtol=1e-9).mean() > 0.97
        np.testing.assert_array_equal(result.alarms, silent.alarms[there])
        live = Monitor.from_bytes(monitor.to_bytes())
        some = frame[there]
        scores = [live.update(some[first : first + 50]).scores for first in range(0, 400, 50)]
        np.testing.assert_array_equal(np.concatenate(scores), result.scores[:400])


def test_rows_that_are_absent_now_and_then_bring_no_alarm():
    frame = plant(0, noise_of=0.2)
    monitor, rest = Monitor().fit(frame[:TRAINED]), frame[TRAINED:]
    complete = monitor.score(rest).alarms.mean()
    for there in (np.random.default_rng(8).random(len(rest)) > 0.2, np.arange(len(rest)) % 5 > 0):
        assert monitor.score(rest[there]).alarms.mean() <= complete + 0.01
    # Where the history has holes of its own they are as it had them.
    there = np.random.default_rng(9).random(len(frame)) > 0.2
    monitor, rest = Monitor().fit(frame[:TRAINED][there[:TRAINED]]), frame[TRAINED:][there[TRAINED:]]
    assert monitor.score(rest).alarms.mean() <= 0.02
