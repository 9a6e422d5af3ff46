"""Long histories: what some of their rows tell, and what each row is judged by."""

from __future__ import annotations

import acm_rs
import numpy as np
import pytest
from acm_rs.monitor import learning, regimes, rounding, screening, watches
from acm_rs.monitor.learning import stretches
from acm_rs.monitor.regimes import Regimes
from acm_rs.monitor.sampling import enough, spread_rows


def test_rows_are_spread_one_to_a_stretch_and_keep_step_with_no_period() -> None:
    for rows, most in ((10, 10), (11, 10), (19, 10), (5000, 7), (123_457, 1000)):
        found = spread_rows(rows, most)
        edges = np.arange(most + 1) * rows // most
        assert (found >= edges[:-1]).all()
        assert (found < edges[1:]).all()
    assert spread_rows(9, 10).tolist() == list(range(9))
    # Rows 100 apart would see one hour of the day for ever; these see all of them alike.
    hours = np.bincount(spread_rows(1_000_000, 10_000) % 100, minlength=100)
    assert hours.min() > 80
    assert hours.max() < 120
    assert enough(10) == 10_000
    assert enough(1000) == 50_000


def test_stretches_have_as_many_chosen_rows() -> None:
    chosen = np.flatnonzero(np.arange(1003) % 3 != 0)
    cuts = stretches(chosen, 1003, 10)
    assert cuts[0] == 0
    assert cuts[-1] == 1003
    counts = np.histogram(chosen, cuts)[0]
    assert set(counts.tolist()) <= {66, 67}
    assert counts.sum() == len(chosen)


@pytest.fixture(name="few")
def _few(monkeypatch: pytest.MonkeyPatch) -> None:
    """A long history is one of more than 2,000 rows."""
    for module in (regimes, screening):
        monkeypatch.setattr(module, "enough", lambda _: 2000)


def _two(rows: int, second: np.ndarray) -> np.ndarray:
    random = np.random.default_rng(5)
    return 50.0 + 20.0 * second[:, None] + random.normal(size=(rows, 4))


@pytest.mark.usefixtures("few")
def test_some_rows_make_the_regimes_and_each_row_is_given_to_one() -> None:
    second = np.arange(9000) // 700 % 2
    values = _two(9000, second)
    found = Regimes.fit(values, np.zeros(4, bool), np.zeros(4, bool))
    assert found.counts == [int(np.count_nonzero(second == 0)), int(np.count_nonzero(second == 1))]
    np.testing.assert_allclose(found.centres, [[50.0] * 4, [70.0] * 4], atol=0.2)
    assert (found.label(values) == second).all()


def test_what_hardly_ever_lasts_is_no_regime() -> None:
    random = np.random.default_rng(6)
    second = (random.random(9000) < 0.15).astype(int)
    second[4000:4060] = 1
    found = Regimes.fit(_two(9000, second), np.zeros(4, bool), np.zeros(4, bool))
    assert found.counts == [9000]


@pytest.mark.usefixtures("few")
def test_readings_that_others_belie_are_found_in_long_histories() -> None:
    random = np.random.default_rng(7)
    scaled = random.normal(size=(9000, 2)) @ random.normal(size=(2, 6)) + 0.2 * random.normal(size=(9000, 6))
    assert not screening.belied(scaled, np.zeros((9000, 0))).any()
    scaled[3000:3200, 4] += 6.0
    found = screening.belied(scaled, np.zeros((9000, 0)))
    assert found[3000:3200, 4].mean() > 0.9
    assert np.count_nonzero(found) < 220


def test_models_apart_come_with_the_fit_and_have_its_limits() -> None:
    random = np.random.default_rng(8)
    x = random.normal(size=(900, 2)) @ random.normal(size=(2, 5)) + 0.2 * random.normal(size=(900, 5))
    plain = acm_rs.FusedDetector(folds=6).fit(x)
    detector = acm_rs.FusedDetector(folds=6)
    apart = detector._fit_apart(x)
    assert detector.to_bytes() == plain.to_bytes()
    assert len(apart) == 6
    for one in apart:
        np.testing.assert_array_equal(one.limits_, plain.limits_)
        np.testing.assert_array_equal(one.part_mean_, plain.part_mean_)
    # A fault of one stretch alone is one to the model that has not seen it.
    x[600:750, 2] += 0.5
    detector = acm_rs.FusedDetector(folds=6, trim=0.0)
    apart = detector._fit_apart(x)
    assert np.median(apart[4].score(x[600:750])) > np.median(detector.score(x[600:750]))


def test_a_fit_is_the_same_on_any_number_of_threads() -> None:
    random = np.random.default_rng(9)
    x = 50 + random.normal(size=(1500, 2)) @ random.normal(size=(2, 6)) + 0.2 * random.normal(size=(1500, 6))
    x[random.random(x.shape) < 0.002] = np.nan
    before = acm_rs.get_num_threads()
    scores = []
    try:
        for count in (1, 2, 5):
            acm_rs.set_num_threads(count)
            scores.append(acm_rs.Monitor().fit(x[:1200]).score(x[1200:]).scores)
    finally:
        acm_rs.set_num_threads(before)
    for other in scores[1:]:
        np.testing.assert_array_equal(other, scores[0])


def test_charts_in_pieces_are_those_of_the_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    values = np.random.default_rng(10).normal(size=(1000, 3))
    values[[5, 400], 1] = np.nan
    whole = watches.Watches._plain("level", 0.03, values, watches.State(3, 0))
    monkeypatch.setattr(watches, "PIECE", 64)
    np.testing.assert_array_equal(watches.Watches._plain("level", 0.03, values, watches.State(3, 0)), whole)


def test_a_regime_of_one_spell_is_healthy_when_it_comes_back() -> None:
    # Its rows lie in one of the stretches alone: what the others have learnt, and what all have, must be of one kind.
    random = np.random.default_rng(1)
    mixed = random.normal(size=(2, 8))

    def rows(count: int) -> np.ndarray:
        made: np.ndarray = random.normal(size=(count, 2)) @ mixed + 0.4 * random.normal(size=(count, 8))
        return made

    other = np.r_[np.full(4, 30.0), np.zeros(4)]
    history, later = rows(20_000), rows(4000)
    history[6000:7600] += other
    later[2000:] += other
    monitor = acm_rs.Monitor().fit(history)
    alarms = np.asarray(monitor.score(later).alarms)
    assert alarms[:2000].mean() < 0.03
    assert alarms[2200:].mean() < 0.05
    # And it is still watched.
    later[3000:, 1] += 3.0
    assert np.asarray(monitor.score(later).alarms)[3100:].mean() > 0.9


def test_some_rows_tell_scales_and_settling_as_all_do(monkeypatch: pytest.MonkeyPatch) -> None:
    random = np.random.default_rng(2)
    history = random.normal(size=(12_000, 2)) @ random.normal(size=(2, 6)) + 0.3 * random.normal(size=(12_000, 6))
    history[3000:4500] += 20.0
    history[9000:10_500] += 20.0
    _, whole = acm_rs.Monitor().fit(history)._fitted()
    for module in (learning, regimes, screening):
        monkeypatch.setattr(module, "enough", lambda _: 2000)
    monkeypatch.setattr(rounding, "LATEST", 1500)
    _, some = acm_rs.Monitor().fit(history)._fitted()
    np.testing.assert_allclose(some.scale, whole.scale, rtol=0.1)
    assert not np.array_equal(some.scale, whole.scale)
    np.testing.assert_allclose(some.regimes.centres, whole.regimes.centres, atol=0.3)
    assert abs(some.regimes.settle - whole.regimes.settle) <= 2
