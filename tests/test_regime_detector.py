"""A detector for each regime: the same as each by itself, at one scale, with faults that a pooled one does not see."""

from __future__ import annotations

import copy
from typing import Any

import acm_rs
import numpy as np
import pytest

MAKE = {
    "pca": lambda: acm_rs.PCADetector(0.9, alpha=0.02),
    "mahalanobis": acm_rs.MahalanobisDetector,
    "ar1": acm_rs.AR1Detector,
}
DETECTORS = list(MAKE)


def _machine(rows: int, seed: int) -> tuple[Any, Any]:
    """A machine that runs (5) or stands still (2), in stays: speed, current, vibration, temperature."""
    random = np.random.default_rng(seed)
    states = np.empty(0, dtype=np.int64)
    while len(states) < rows:
        state = 2 if len(states) and states[-1] == 5 else 5
        states = np.concatenate([states, np.full(random.integers(60, 200), state)])
    states = states[:rows]
    running = (states == 5)[:, None]
    load = random.standard_normal((rows, 1))
    usual = np.where(running, [1480.0, 8.2, 2.1, 61.0], [0.0, 0.05, 0.1, 28.0])
    shared = np.where(running, [20.0, 0.5, 0.3, 2.0], [0.0, 0.005, 0.0, 1.0])
    noise = np.where(running, [6.0, 0.2, 0.15, 1.0], [0.4, 0.01, 0.01, 0.5])
    return usual + shared * load + noise * random.standard_normal((rows, 4)), states


def _bytes(values: Any) -> bytes:
    return np.ascontiguousarray(values).tobytes()


@pytest.mark.parametrize("name", DETECTORS)
def test_it_is_each_detector_on_its_own_rows(name: str) -> None:
    x, states = _machine(3000, 0)
    states[700:730] = -1
    states[900:930] = 7
    new, new_states = _machine(1500, 1)
    new_states[200:260] = -1
    new_states[400:460] = 7
    new_states[500:560] = 123
    new[600, 1] = np.nan
    model = acm_rs.RegimeDetector(name, 0.02, 40).fit(x, states)
    np.testing.assert_array_equal(model.regimes_, [2, 5])
    np.testing.assert_array_equal(model.rows_, [(states == 2).sum(), (states == 5).sum(), 3000])
    wanted, shares = np.empty(1500), np.empty((1500, 4))
    for place, regime in enumerate((2, 5, None)):
        own = np.ones(3000, dtype=bool) if regime is None else states == regime
        detector = MAKE[name]().fit(x[own])
        if name == "ar1":
            # Scored in its place in time.
            assert model.limits_[place] == pytest.approx(np.quantile(detector.score(x)[own], 0.98), rel=1e-14)
        else:
            assert model.limits_[place] == (1.0 if name == "pca" else detector.limit(0.02))
        rows = ~np.isin(new_states, [2, 5]) if regime is None else new_states == regime
        wanted[rows] = detector.score(new)[rows] / model.limits_[place]
        shares[rows] = detector.contributions(new)[rows] / model.limits_[place]
        # 1 means the same in each regime.
        above = model.score(x, states if regime is not None else None)[own] > 1.0
        assert above.mean() == pytest.approx(0.02, abs=1.5 / own.sum() if name == "ar1" else 0.015)
    assert _bytes(model.score(new, new_states)) == _bytes(wanted)
    assert _bytes(model.contributions(new, new_states)) == _bytes(shares)
    assert _bytes(model.score(new)) == _bytes(model.score(new, np.full(1500, -1)))
    if name != "ar1":
        np.testing.assert_allclose(model.contributions(new, new_states).sum(axis=1), wanted, rtol=1e-9)


def test_a_fault_of_the_quiet_state_is_seen_in_that_state_only() -> None:
    x, states = _machine(4000, 3)
    new, new_states = _machine(2000, 4)
    fault = np.flatnonzero(new_states == 2)[100:200]
    # Vibration though the machine stands still: nothing beside that of running.
    new[fault, 2] += 0.2
    healthy = np.setdiff1d(np.arange(2000), fault)
    for name in ("pca", "mahalanobis"):
        model = acm_rs.RegimeDetector(name).fit(x, states)
        scores = model.score(new, new_states)
        assert (scores[fault] > 1.0).mean() > 0.99
        assert (scores[healthy] > 1.0).mean() < 0.03
        assert (model.contributions(new, new_states)[fault].argmax(axis=1) == 2).mean() > 0.95
        pooled = MAKE[name]().fit(x)
        limit = np.quantile(pooled.score(x), 0.99)
        assert (pooled.score(new)[fault] > limit).mean() < 0.05
        assert (model.score(new)[fault] > 1.0).mean() < 0.05


def test_regimes_found_by_the_model_of_regimes_will_do() -> None:
    x, states = _machine(3000, 5)
    regimes = acm_rs.RegimeModel().fit(x)
    model = acm_rs.RegimeDetector("mahalanobis").fit(x, regimes.labels_)
    assert len(model.regimes_) == 2
    new, _ = _machine(1000, 6)
    scores = model.score(new, regimes.predict(new))
    known = acm_rs.RegimeDetector("mahalanobis").fit(x, states)
    assert (scores > 1.0).mean() < 0.04
    assert known.rows_[-1] == model.rows_[-1] == 3000


@pytest.mark.parametrize("name", DETECTORS)
@pytest.mark.parametrize("rows", [1, 7, 64, 1200])
def test_pieces_with_labels_are_the_whole(name: str, rows: int) -> None:
    x, states = _machine(1200, 7)
    states[::11] = -1
    model = acm_rs.RegimeDetector(name, min_rows=20).fit(x, states)
    whole = model.score(x, states)
    live = copy.deepcopy(model)
    pieces = []
    for start in range(0, 1200, rows):
        pieces.append(live.update(x[start : start + rows], states[start : start + rows]))
        if start == 140 or rows == 64:
            live = acm_rs.RegimeDetector.from_bytes(live.to_bytes())
    assert _bytes(np.concatenate(pieces)) == _bytes(whole)


@pytest.mark.parametrize("name", DETECTORS)
@pytest.mark.usefixtures("threads")
def test_layout_and_threads_change_no_byte(name: str) -> None:
    x, states = _machine(20_000, 8)
    model = acm_rs.RegimeDetector(name).fit(x, states)
    scores, shares = model.score(x, states), model.contributions(x, states)
    wide = np.zeros((40_000, 8))
    wide[::2, ::2] = x
    labels = np.repeat(states, 3)[::3]
    for form in (np.asfortranarray(x), wide[::2, ::2]):
        acm_rs.set_num_threads(3)
        assert acm_rs.RegimeDetector(name).fit(form, labels) == model
        assert _bytes(model.score(form, labels)) == _bytes(scores)
        assert _bytes(model.contributions(form, labels.astype(np.int16))) == _bytes(shares)
        acm_rs.set_num_threads(1)


def test_regimes_that_no_detector_fits_use_the_pooled_one() -> None:
    x, states = _machine(1000, 9)
    x[states == 2] = [0.0, 0.05, 0.1, 28.0]
    for name in ("pca", "mahalanobis"):
        model = acm_rs.RegimeDetector(name).fit(x, states)
        np.testing.assert_array_equal(model.regimes_, [5])
    model = acm_rs.RegimeDetector("ar1", 0.1).fit(x, states)
    assert model.limits_[0] == 1.0
    assert acm_rs.RegimeDetector(min_rows=600).fit(x, states).regimes_.tolist() in ([], [5])


def test_wrong_arguments_are_named() -> None:
    x, states = _machine(500, 10)
    model = acm_rs.RegimeDetector().fit(x, states)
    for call in (model.fit, model.score, model.update, model.contributions):
        with pytest.raises(ValueError, match="`labels` must have length 500, got 499"):
            call(x, states[1:])
        with pytest.raises(TypeError, match="`labels` must have an integer dtype, got float64"):
            call(x, states.astype(float))
        with pytest.raises(TypeError, match="`labels` must be a NumPy array of integers, got list"):
            call(x, states.tolist())
        with pytest.raises(ValueError, match="`labels` must have 1 dimension, got 2"):
            call(x, states[:, None])
    with pytest.raises(ValueError, match='`detector` must be one of "pca", "mahalanobis", "ar1", got "omr"'):
        acm_rs.RegimeDetector("omr")
    for rate in (0.0, 1.0, float("nan"), -1.0):
        with pytest.raises(ValueError, match="`false_alarm_rate` must be"):
            acm_rs.RegimeDetector(false_alarm_rate=rate)
    with pytest.raises(ValueError, match=r"`min_rows` must be .* at least 2"):
        acm_rs.RegimeDetector(min_rows=1)
    with pytest.raises(TypeError, match="`detector`"):
        acm_rs.RegimeDetector(3)
