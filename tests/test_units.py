"""Units of measurement do not matter: every model says the same of metres and of micrometres."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import acm_rs
import numpy as np
import numpy.typing as npt
import pytest

Floats = npt.NDArray[np.float64]

LABELS = np.repeat([0, 1, 0], 200)


def _plant(seed: int = 0) -> Floats:
    """Sensors with two loads: at an offset, about zero, still for most of the time, always still, with gaps."""
    random = np.random.default_rng(seed)
    loads = random.standard_normal((600, 2))
    x = loads @ random.standard_normal((2, 6)) + 0.2 * random.standard_normal((600, 6))
    x = x * [10.0, 0.2, 1.0, 3.0, 1.0, 1.0] + [1500.0, 8.0, 60.0, 0.0, 0.0, 5.0]
    x[100:500, 4] = 0.0
    x[:, 5] = 5.0
    x[random.random(x.shape) < 0.01] = np.nan
    return x


def _fault() -> Floats:
    rows = _plant(1)
    rows[300:, 0] += 100.0
    rows[450:, 2] -= 20.0
    return rows


def _both(model: Any) -> Callable[[Floats, Floats], list[Floats]]:
    def results(x: Floats, rows: Floats) -> list[Floats]:
        model.fit(x)
        return [model.score(rows), model.contributions(rows)]

    return results


def _regimes(x: Floats, rows: Floats) -> list[Floats]:
    model = acm_rs.RegimeModel(3).fit(x)
    return [model.predict(rows), model.confidence(rows), model.score(rows)]


def _by_regime(kind: Any) -> Callable[[Floats, Floats], list[Floats]]:
    def results(x: Floats, rows: Floats) -> list[Floats]:
        model = acm_rs.RegimeDetector(kind).fit(x, LABELS)
        return [model.score(rows, LABELS), model.contributions(rows, LABELS)]

    return results


EACH: dict[str, Callable[[Floats, Floats], list[Floats]]] = {
    "ar1": _both(acm_rs.AR1Detector()),
    "pca": _both(acm_rs.PCADetector(2)),
    "pca, lagged": _both(acm_rs.PCADetector(0.9, 2, scaling="standard", limits="empirical")),
    "mahalanobis": _both(acm_rs.MahalanobisDetector(lags=1)),
    "omr, pls": _both(acm_rs.OMRDetector("pls", 2)),
    "omr, ridge": _both(acm_rs.OMRDetector("ridge")),
    "omr, pca": _both(acm_rs.OMRDetector("pca", 2)),
    "forest": _both(acm_rs.IsolationForest(30)),
    "forest, extended": _both(acm_rs.IsolationForest(30, extension=2)),
    "mixture": _both(acm_rs.GaussianMixture(2)),
    "mixture, full": _both(acm_rs.GaussianMixture("bic", "full")),
    "fused": _both(acm_rs.FusedDetector()),
    "similarity": _both(acm_rs.SimilarityDetector()),
    "regimes": _regimes,
    "regime detectors, pca": _by_regime("pca"),
    "regime detectors, mahalanobis": _by_regime("mahalanobis"),
    "regime detectors, ar1": _by_regime("ar1"),
    "fusion": _both(acm_rs.ScoreFusion("robust", "sum")),
    "fusion, tail": _both(acm_rs.ScoreFusion("tail")),
}


def _quiet(results: Callable[[Floats, Floats], list[Floats]], x: Floats, rows: Floats) -> list[Floats]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        return results(x, rows)


@pytest.fixture(params=EACH)
def results(request: pytest.FixtureRequest) -> Callable[[Floats, Floats], list[Floats]]:
    return EACH[request.param]


@pytest.mark.parametrize("powers", [(-40,) * 6, (-23, 40, -13, -40, -30, -7), (-400,) * 6, (200,) * 6])
def test_powers_of_two_change_no_bit(results: Callable[[Floats, Floats], list[Floats]], powers: Any) -> None:
    unit = np.ldexp(1.0, powers)
    plain, other = (_quiet(results, _plant() * u, _fault() * u) for u in (1.0, unit))
    for one, two in zip(plain, other, strict=True):
        np.testing.assert_array_equal(one, two)


@pytest.mark.parametrize("unit", [1e-7, 1e-12])
def test_small_units_hide_nothing(results: Callable[[Floats, Floats], list[Floats]], unit: float) -> None:
    plain, other = (_quiet(results, _plant() * u, _fault() * u) for u in (1.0, unit))
    for one, two in zip(plain, other, strict=True):
        np.testing.assert_allclose(one, two, rtol=1e-6, atol=1e-9)


@pytest.mark.parametrize("unit", [2.0**-40, 1e-12])
def test_cube_roots_and_clusters_have_no_unit(unit: float) -> None:
    x = np.abs(_plant()[:, [0, 2, 3]])
    x[~np.isfinite(x)] = 1.0
    one, two = (acm_rs.ScoreFusion("cube_root").fit(x * u).score(x * u) for u in (1.0, unit))
    np.testing.assert_allclose(one, two, rtol=1e-9, atol=1e-12)
    first, second = (acm_rs.KMeans(4).fit(x * u) for u in (1.0, unit))
    np.testing.assert_array_equal(first.labels_, second.labels_)
    np.testing.assert_allclose(first.score(x), second.score(x * unit) / unit, rtol=1e-9)
    labels = first.labels_
    for index in (acm_rs.silhouette_score, acm_rs.calinski_harabasz_score, acm_rs.davies_bouldin_score):
        assert index(x, labels) == pytest.approx(index(x * unit, labels), rel=1e-9)


def test_squares_that_are_no_numbers_are_not_needed() -> None:
    x = np.random.default_rng(2).standard_normal((300, 5)) @ np.diag([5.0, 3.0, 2.0, 1.0, 0.5])
    for rows in (x, x[:4]):
        for power in (-300, -545, -700):
            unit = 2.0**power
            near, far = acm_rs.pca(rows, 3), acm_rs.pca(rows * unit, 3)
            np.testing.assert_array_equal(near[0], far[0])
            np.testing.assert_allclose(near[1] * unit * unit, far[1], rtol=1e-12, atol=5e-324)
            shrunk, tiny = acm_rs.ledoit_wolf(rows), acm_rs.ledoit_wolf(rows * unit)
            assert shrunk[1] == tiny[1]
            np.testing.assert_allclose(shrunk[0] * unit * unit, tiny[0], rtol=1e-12, atol=5e-324)
    constant = np.full((20, 3), 1e-170)
    assert acm_rs.ledoit_wolf(constant)[1] == 0.0


@pytest.mark.parametrize("level", [1e9, 1500.0, 1e-9])
def test_small_changes_about_a_level_count_and_rounding_does_not(level: float) -> None:
    random = np.random.default_rng(4)
    x = level * (1.0 + 1e-12 * random.standard_normal((400, 3)))
    x[:, 2] = level * (1.0 + random.choice([0.0, 2.0**-52], 400))
    for model in (acm_rs.PCADetector(2), acm_rs.MahalanobisDetector(), acm_rs.GaussianMixture(1)):
        with pytest.warns(UserWarning, match=r"columns \[2\] of `x` have no value or do not change"):
            model.fit(x)
        assert model.used_.tolist() == [True, True, False]
    with pytest.warns(UserWarning, match=r"columns \[2\]"):
        acm_rs.OMRDetector("pca", 1).fit(x)


def test_a_floor_that_is_given_stays() -> None:
    x = 1e-9 * np.random.default_rng(5).standard_normal((300, 2))
    assert acm_rs.AR1Detector(sd_floor=1e-6).fit(x).sd_.tolist() == [1e-6, 1e-6]
    default = acm_rs.AR1Detector()
    assert default.sd_floor is None
    assert eval(repr(default), vars(acm_rs)) == default
    with pytest.warns(UserWarning, match="no memory"):
        still = acm_rs.AR1Detector().fit(np.tile([0.0, 50.0, 2e-8], (30, 1)))
    np.testing.assert_allclose(still.sd_, [1e-6, 5e-5, 2e-14], rtol=1e-15)
    assert acm_rs.AR1Detector.from_bytes(still.to_bytes()) == still


# ---- what is too little is told by its name -------------------------------------------------------------------------


@pytest.mark.parametrize("rows", [2, 3, 4, 5])
@pytest.mark.parametrize(
    ("model", "least"),
    [
        (acm_rs.PCADetector(), 6),
        (acm_rs.PCADetector(0.9), 6),
        (acm_rs.PCADetector(1, lags=2), 8),
        (acm_rs.MahalanobisDetector(), 6),
        (acm_rs.MahalanobisDetector("none", lags=1), 7),
        (acm_rs.RegimeDetector("pca"), 6),
        (acm_rs.OMRDetector(), 20),
        (acm_rs.FusedDetector(), None),
    ],
)
def test_too_few_rows_are_told(model: Any, least: int | None, rows: int) -> None:
    x = np.random.default_rng(6).standard_normal((40, 3))
    with pytest.raises(ValueError, match=rf"`x` must have at least {least or '[0-9]+'} rows, got {rows}"):
        model.fit(x[:rows])
    if least:
        with pytest.raises(ValueError, match=rf"got {least - 1}"):
            model.fit(x[: least - 1])
        model.fit(x[:least])


def test_few_rows_of_other_models_are_told() -> None:
    x = np.random.default_rng(7).standard_normal((30, 20))
    with pytest.raises(ValueError, match="`x` must have at least 21 rows, got 20"):
        acm_rs.MahalanobisDetector(0.0).fit(x[:20])
    acm_rs.MahalanobisDetector(0.0).fit(x[:21])
    with pytest.raises(ValueError, match="`x` must have at least 3 rows, got 2"):
        acm_rs.AR1Detector().fit(x[:2])
    with pytest.raises(ValueError, match="`x` must have at least 2 rows, got 1"):
        acm_rs.IsolationForest().fit(x[:1])
    # A regime with too few rows has no detector of its own.
    labels = np.r_[np.zeros(26, int), np.ones(4, int)]
    assert acm_rs.RegimeDetector("mahalanobis", min_rows=3).fit(x[:, :3], labels).regimes_.tolist() == [0]


@pytest.mark.parametrize("size", [1, 0])
def test_trees_of_no_rows_are_refused(size: int) -> None:
    with pytest.raises(ValueError, match="`max_samples` must be a whole number"):
        acm_rs.IsolationForest(max_samples=size)


def test_forests_of_what_stands_still_are_refused() -> None:
    x = np.random.default_rng(8).standard_normal((100, 3))
    with pytest.raises(ValueError, match=r"`max_samples` must be a share of at least 2 rows of `x`, got 0.005"):
        acm_rs.IsolationForest(max_samples=0.005).fit(x)
    with pytest.raises(ValueError, match="`x` must have a column that changes"):
        acm_rs.IsolationForest().fit(np.ones((100, 3)))
    x[:, 1] = 3.0
    with pytest.warns(UserWarning, match=r"columns \[1\] of `x` have no value or do not change, and are left out"):
        forest = acm_rs.IsolationForest().fit(x)
    assert forest.used_.tolist() == [True, False, True]
    assert acm_rs.IsolationForest.from_bytes(forest.to_bytes()).used_.tolist() == [True, False, True]


def test_a_sample_that_misses_a_cluster_is_told_by_its_name() -> None:
    x = np.random.default_rng(9).standard_normal((200, 2))
    labels = np.zeros(200, int)
    labels[77] = 1
    with pytest.raises(ValueError, match=r"`sample_size` must be large enough to draw .* 2 kinds.*got 10"):
        acm_rs.silhouette_score(x, labels, sample_size=10)
    with pytest.raises(ValueError, match="`labels` must be of at least 2 kinds"):
        acm_rs.silhouette_score(x, np.zeros(200, int), sample_size=10)
    with pytest.raises(ValueError, match=r"`sample_size` must be large enough.*got 5"):
        acm_rs.silhouette_score(x, np.arange(200) // 2, sample_size=5)


def test_bad_random_states_are_told_by_their_name() -> None:
    pytest.importorskip("sklearn")
    from acm_rs import sklearn

    x = np.random.default_rng(10).standard_normal((50, 2))
    for estimator in (sklearn.IsolationForest, sklearn.GaussianMixture, sklearn.KMeans):
        for state, kind in [
            (-1, ValueError),
            (2**64, ValueError),
            ("7", TypeError),
            (1.5, TypeError),
            (True, TypeError),
        ]:
            with pytest.raises(kind, match="`random_state` must be a whole number"):
                estimator(random_state=state).fit(x)
        estimator(random_state=np.random.RandomState(3)).fit(x)
