"""Rows with missing values: against plain algebra, and as quiet and as watchful as complete ones."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import acm_rs
import numpy as np
import pytest
from histories import Floats, layouts, plant, same_bytes
from incomplete import expected, known_covariance, lagged, wilson_hilferty

D = 20


def _machine(rows: int, seed: int) -> Floats:
    """Twenty sensors that three hidden loads move, row by row anew."""
    random = np.random.default_rng(seed)
    mixing = np.random.default_rng(7).standard_normal((3, D))
    return 50.0 + random.standard_normal((rows, 3)) @ mixing + 0.5 * random.standard_normal((rows, D))


def _scattered(x: Floats, share: float, seed: int = 5) -> Floats:
    gone = np.random.default_rng(seed).random(x.shape) < share
    return np.where(gone, np.nan, x)


MODELS: dict[str, Callable[[], Any]] = {
    "mahalanobis": acm_rs.MahalanobisDetector,
    "mahalanobis lags": lambda: acm_rs.MahalanobisDetector(lags=1),
    "pca": lambda: acm_rs.PCADetector(3, scaling="standard"),
    "pca lags": lambda: acm_rs.PCADetector(6, 1),
    "omr pls": lambda: acm_rs.OMRDetector("pls", 3, clip=None),
    "omr pca": lambda: acm_rs.OMRDetector("pca", 3, clip=None),
    "omr ridge": lambda: acm_rs.OMRDetector("ridge", clip=None),
    "mixture full": lambda: acm_rs.GaussianMixture(1, "full"),
    "mixture diag": lambda: acm_rs.GaussianMixture(2),
    "ar1": acm_rs.AR1Detector,
    "regimes": lambda: acm_rs.RegimeModel(1),
    "by regime": acm_rs.RegimeDetector,
}


# How far a sensor is off, where three units are too little to be seen.
FAULTS = {"ar1": 15.0, "regimes": 12.0, "mixture diag": 8.0}


@pytest.mark.parametrize("name", MODELS)
def test_healthy_rows_stay_quiet_and_faults_are_found(name: str) -> None:
    detector = MODELS[name]().fit(_machine(4000, 1))
    limit = np.quantile(detector.score(_machine(20_000, 2)), 0.99)
    healthy, faulty = _machine(6000, 3), _machine(6000, 4)
    faulty[np.arange(6000), np.arange(6000) % D] += FAULTS.get(name, 3.0)
    found = (detector.score(faulty) > limit).mean()
    one_dead = np.ones(D)
    one_dead[3] = np.nan
    kinds: dict[str, Callable[[Floats], Floats]] = {
        "2 %": lambda x: _scattered(x, 0.02),
        "10 %": lambda x: _scattered(x, 0.1),
        "one dead": lambda x: x * one_dead,
    }
    for kind, gaps in kinds.items():
        alarms = (detector.score(gaps(healthy)) > limit).mean()
        assert alarms < 0.02, f"{name}, {kind}: {alarms}"
        gone = gaps(faulty)
        # A fault of a sensor that reads nothing cannot be seen.
        seen = ~np.isnan(gone[np.arange(6000), np.arange(6000) % D])
        alarms = (detector.score(gone)[seen] > limit).mean()
        assert alarms > 0.8 * found, f"{name}, {kind}: {alarms} of {found}"


@pytest.mark.parametrize("name", MODELS)
def test_the_same_bytes_however_rows_come(name: str) -> None:
    detector = MODELS[name]().fit(_machine(800, 1))
    x = _scattered(_machine(143, 2), 0.15)
    x[40:60, 2] = np.nan
    x[70] = np.inf
    whole, shares = detector.score(x), detector.contributions(x)
    for other in layouts(x).values():
        same_bytes(detector.score(other), whole)
        same_bytes(np.ascontiguousarray(detector.contributions(other)), np.ascontiguousarray(shares))
    threads = acm_rs.get_num_threads()
    try:
        acm_rs.set_num_threads(1)
        long = np.tile(x, (40, 1))
        one = detector.score(long)
        acm_rs.set_num_threads(3)
        same_bytes(detector.score(long), one)
    finally:
        acm_rs.set_num_threads(threads)
    for step in (1, 9, 50):
        fresh = type(detector).from_bytes(detector.to_bytes())
        same_bytes(np.concatenate([fresh.update(x[start : start + step]) for start in range(0, 143, step)]), whole)
    # Nothing of a complete row depends on the gaps of others.
    complete = np.where(np.isfinite(x), x, 50.0)
    if "lags" not in name and name != "ar1":
        rows = np.isfinite(x).all(axis=1)
        same_bytes(detector.score(complete)[rows], whole[rows])


@pytest.mark.parametrize("name", MODELS)
def test_rows_without_a_reading_tell_nothing(name: str) -> None:
    detector = MODELS[name]().fit(_machine(800, 1))
    x = _machine(12, 2)
    x[5] = np.nan
    assert np.flatnonzero(np.isnan(detector.score(x))).tolist() == [5]
    assert not detector.contributions(x)[5].any()
    assert np.isfinite(detector.contributions(x)).all()
    x[5, 1] = 50.0
    assert np.isfinite(detector.score(x)).all()


@pytest.mark.parametrize("lags", [0, 2])
@pytest.mark.parametrize("shrinkage", ["ledoit_wolf", "none"])
def test_mahalanobis_distances_are_those_of_the_present_sensors(shrinkage: Any, lags: int) -> None:
    train, x = plant(600, 6), plant(90, 6, seed=2, gaps=0.25)
    x = np.where(np.isfinite(x), x, np.nan)
    x[11] = np.nan
    detector = acm_rs.MahalanobisDetector(shrinkage, lags).fit(train)
    mean = lagged((train - detector.center_) / detector.scale_, lags).mean(axis=0)
    z = lagged((x - detector.center_) / detector.scale_, lags) - mean
    scores, shares = detector.score(x), detector.contributions(x)
    width = z.shape[1]
    for row in range(90):
        known = ~np.isnan(z[row])
        if not known[:6].any():
            assert np.isnan(scores[row])
            continue
        kept = z[row, known]
        pull = np.linalg.solve(detector.covariance_[np.ix_(known, known)], kept)
        square, count = kept @ pull, known.sum()
        want = square if count == width else width * wilson_hilferty(square / count, count, width)
        assert scores[row] == pytest.approx(want, rel=1e-9)
        parts = np.zeros(width)
        parts[known] = kept * pull * (want / square)
        np.testing.assert_allclose(shares[row], parts.reshape(lags + 1, 6).sum(0), rtol=1e-7, atol=1e-9 * want)


def _box(matrix: Floats, covariance: Floats) -> tuple[float, float]:
    """Mean of z' M z and the degrees of freedom of the chi-squared that it is like."""
    product = matrix @ covariance
    first, second = np.trace(product), np.trace(product @ product)
    return first, max(first**2 / second, 1.0)


@pytest.mark.parametrize("lags", [0, 1])
@pytest.mark.parametrize("k", [1, 3])
def test_pca_fills_by_its_own_covariance_and_keeps_the_place(k: int, lags: int) -> None:
    train, x = plant(700, 6), plant(80, 6, seed=2, gaps=0.2)
    x = np.where(np.isfinite(x), x, np.nan)
    x[11] = np.nan
    detector = acm_rs.PCADetector(k, lags, scaling="standard").fit(train)
    scaled = lagged((train - detector.center_) / detector.scale_, lags)
    z = lagged((x - detector.center_) / detector.scale_, lags) - detector.mean_
    width = z.shape[1]
    p, variances = detector.components_, detector.explained_variance_
    rest = np.sort(np.linalg.eigvalsh(np.cov(scaled.T)))[::-1][k:]
    noise = rest.mean()
    beside = np.eye(width) - p.T @ p
    covariance = p.T @ np.diag(variances) @ p + noise * beside
    within = p.T @ np.diag(1 / variances) @ p
    fewer = rest.sum() ** 2 / (rest**2).sum() / (width - k)
    statistics = {"spe": beside, "t2": within}
    found = {name: getattr(detector, name)(x) for name in statistics}
    residuals = detector.residuals(x)
    for row in range(80):
        gone = np.isnan(z[row])
        if gone[:6].all():
            assert np.isnan(found["spe"][row])
            continue
        filled = expected(z[row], covariance)
        spread = known_covariance(gone, covariance)
        own = np.where(gone, 0.0, beside @ filled)[:6]
        np.testing.assert_allclose(residuals[row], own, rtol=1e-8, atol=1e-9)
        filling = np.eye(width)
        filling[gone] = 0.0
        if gone.any():
            kept = np.linalg.inv(covariance[np.ix_(~gone, ~gone)])
            filling[np.ix_(gone, ~gone)] = covariance[np.ix_(gone, ~gone)] @ kept
        for name, matrix in statistics.items():
            want = filled @ matrix @ filled
            factor = 1.0
            if gone.any():
                mean, freedom = _box(matrix, spread)
                whole = _box(matrix, covariance)[1]
                if name == "spe":
                    freedom, whole = max(freedom * fewer, 1.0), max(whole * fewer, 1.0)
                to = noise * (width - k) if name == "spe" else k
                factor = to * wilson_hilferty(want / mean, freedom, whole) / want
            assert found[name][row] == pytest.approx(want * factor, rel=1e-7)
            # A quadratic form in the present entries alone.
            partial = filled * (filling.T @ matrix @ filling @ np.where(gone, 0.0, z[row])) * factor
            partial = np.where(gone, 0.0, partial)
            shares = detector.contributions(x, name, "partial")[row]  # type: ignore[arg-type]
            np.testing.assert_allclose(shares, partial.reshape(lags + 1, 6).sum(0), rtol=1e-6, atol=1e-8 * want)
            shares = detector.contributions(x, name, "complete")[row]  # type: ignore[arg-type]
            assert shares.sum() == pytest.approx(want * factor, rel=1e-7)
            assert (shares >= 0).all()


def test_a_ridge_expects_by_the_covariance_it_has() -> None:
    train, x = _machine(1500, 1), _scattered(_machine(60, 2), 0.2)
    detector = acm_rs.OMRDetector("ridge", alpha=2.0).fit(train)
    z = (train - train.mean(axis=0)) / train.std(axis=0)
    covariance = z.T @ z + 2.0 * np.eye(D)
    rows = (x - train.mean(axis=0)) / train.std(axis=0)
    filled = np.array([expected(row, covariance) for row in rows])
    precision = np.linalg.inv(covariance)
    residuals = filled @ precision / np.diag(precision)
    gone = np.isnan(x)
    found = detector.residuals(x) / detector.scale_
    assert np.isnan(found[gone]).all()
    np.testing.assert_allclose(found[~gone], residuals[~gone], rtol=1e-7, atol=1e-9)
    reads = (detector.predict(x) - train.mean(axis=0)) / train.std(axis=0)
    np.testing.assert_allclose(reads[gone], filled[gone], rtol=1e-7, atol=1e-9)


@pytest.mark.parametrize("model", ["pca", "pls"])
def test_missing_sensors_read_what_components_predict(model: Any) -> None:
    train, x = _machine(1500, 1), _machine(60, 2)
    detector = acm_rs.OMRDetector(model, 3).fit(train)
    gone = np.random.default_rng(4).random(x.shape) < 0.1
    reads = detector.predict(np.where(gone, np.nan, x))
    error = ((reads - x) / train.std(axis=0))[gone]
    # As near as noise lets come, where the median would be off by a deviation.
    assert np.sqrt((error**2).mean()) < 0.55


def test_exact_copies_stand_in_for_each_other() -> None:
    base = plant(400, 2)
    train = np.hstack([base, 3.0 * base])
    x = train[:50].copy()
    x[::3, 0] = np.nan
    x[1::3, 3] = np.nan
    detector = acm_rs.PCADetector(2).fit(train)
    np.testing.assert_allclose(detector.t2(x), detector.t2(train[:50]), rtol=0.5, atol=0.2)
    assert (detector.spe(x) < detector.spe_limit_).all()
    x[20, 2] += 5.0 * train[:, 2].std()
    x[20, 3] = train[20, 3]
    assert detector.score(x).argmax() == 20


@pytest.mark.parametrize("name", [*MODELS, "forest", "fused", "kmeans"])
def test_what_is_missing_is_told(name: str) -> None:
    others: dict[str, Callable[[], Any]] = {
        "forest": lambda: acm_rs.IsolationForest(10),
        "fused": lambda: acm_rs.FusedDetector(lags=0, folds=3),
        "kmeans": lambda: acm_rs.KMeans(2),
    }
    model = {**MODELS, **others}[name]()
    x = _machine(400, 1)
    with pytest.raises(RuntimeError, match="fit"):
        model.missing(x)
    model.fit(x)
    x[3, :5] = np.nan
    x[4] = np.inf
    shares = np.zeros(400)
    shares[3:5] = 0.25, 1.0
    np.testing.assert_array_equal(model.missing(x), shares)


def test_only_sensors_in_use_count_as_missing() -> None:
    x = plant(200, 4)
    x[:, 1] = 3.0
    with pytest.warns(UserWarning, match="do not change"):
        detector = acm_rs.MahalanobisDetector().fit(x)
    x[0, 1] = x[1, 2] = np.nan
    np.testing.assert_array_equal(detector.missing(x)[:2], [0.0, 1 / 3])
    with pytest.raises(ValueError, match="columns"):
        detector.missing(x[:, :3])


def test_a_regime_detector_looks_back_over_gaps_whatever_the_regime() -> None:
    random = np.random.default_rng(3)
    x = np.zeros((900, 2))
    for row in range(1, 900):
        x[row] = 0.9 * x[row - 1] + random.standard_normal(2)
    states = (np.arange(900) // 50) % 2
    model = acm_rs.RegimeDetector("ar1", 0.02, 40).fit(x, states)
    x[45:53, 0] = np.nan
    x[150:153] = np.nan
    scores = model.score(x, states)
    live = acm_rs.RegimeDetector.from_bytes(model.to_bytes())
    pieces = [live.update(x[start : start + 7], states[start : start + 7]) for start in range(0, 900, 7)]
    same_bytes(np.concatenate(pieces), scores)
    one = acm_rs.RegimeDetector("ar1", 0.02, 40).fit(x)
    same_bytes(one.score(x), acm_rs.AR1Detector().fit(x).score(x) / one.limits_[-1])


@pytest.mark.parametrize("share", [0.02, 0.1])
@pytest.mark.parametrize("name", [name for name in MODELS if name not in ("mixture full", "mixture diag", "regimes")])
def test_training_with_gaps_is_as_good(name: str, share: float) -> None:
    train = _machine(3000, 1)
    healthy, faulty = _machine(6000, 3), _machine(6000, 4)
    faulty[np.arange(6000), np.arange(6000) % D] += FAULTS.get(name, 3.0)
    gaps = _scattered(train, share, seed=9)
    # An outage of all sensors, and of one for long.
    gaps[500:520] = np.nan
    gaps[1000:1400, 4] = np.nan
    alarms, found = np.empty(2), np.empty(2)
    for place, rows in enumerate((train, gaps)):
        detector = MODELS[name]().fit(rows)
        # Limits as a user sets them: from the training rows' own scores.
        limit = np.nanquantile(detector.score(rows), 0.99)
        alarms[place] = (detector.score(healthy) > limit).mean()
        found[place] = (detector.score(faulty) > limit).mean()
    assert alarms[1] < 0.02
    assert abs(alarms[1] - alarms[0]) < 0.006
    assert found[1] > 0.9 * found[0]


def test_a_covariance_from_rows_with_gaps_is_that_of_the_machine() -> None:
    train = _machine(4000, 1)
    whole = acm_rs.MahalanobisDetector("none").fit(train)
    gaps = acm_rs.MahalanobisDetector("none").fit(_scattered(train, 0.15))
    # Medians in the gaps would take .15 of every variance and .28 of every covariance.
    values = np.linalg.eigvals(np.linalg.solve(whole.covariance_, gaps.covariance_)).real
    assert 0.8 < values.min() < values.max() < 1.25
    np.testing.assert_allclose(gaps.covariance_, whole.covariance_, atol=0.03)


def test_rows_without_a_reading_teach_nothing() -> None:
    train = _machine(600, 1)
    gaps = np.insert(train, np.repeat(300, 50), np.nan, axis=0)
    for detector in (acm_rs.PCADetector(3, scaling="standard"), acm_rs.PCADetector(3, limits="empirical")):
        x = _machine(50, 2)
        np.testing.assert_allclose(
            detector.fit(gaps).score(x), type(detector).from_bytes(detector.fit(train).to_bytes()).score(x), rtol=0.3
        )
