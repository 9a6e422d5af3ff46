"""The PCA monitor against scikit-learn's components on the same scaled rows, and its limits against SciPy."""

from __future__ import annotations

from typing import Any

import acm_rs
import numpy as np
import pytest
from histories import Floats, plant
from scipy import stats
from sklearn.decomposition import PCA


def _scaled(train: Floats, x: Floats, scaling: str, lags: int) -> Floats:
    clean = np.where(np.isfinite(train), train, np.nan)
    median = np.nanmedian(clean, axis=0)
    if scaling == "robust":
        center, scale = median, np.subtract(*np.nanquantile(clean, [0.75, 0.25], axis=0))
    else:
        center, scale = np.nanmean(clean, axis=0), np.nanstd(clean, axis=0)
    z = (np.where(np.isfinite(x), x, median) - center) / scale
    rows = np.arange(len(z))
    return np.hstack([z[np.maximum(rows - lag, 0)] for lag in range(lags + 1)])


def _expected(train: Floats, x: Floats, k: float, scaling: str, lags: int) -> tuple[PCA, Floats, Floats, Floats]:
    peer = PCA(k, svd_solver="full").fit(_scaled(train, train, scaling, lags))
    z = _scaled(train, x, scaling, lags) - peer.mean_
    t = z @ peer.components_.T
    e = z - t @ peer.components_
    return peer, z, (t**2 / peer.explained_variance_).sum(1), (e**2).sum(1)


@pytest.mark.parametrize("offset", [0.0, 1e6])
@pytest.mark.parametrize("lags", [0, 3])
@pytest.mark.parametrize("scaling", ["robust", "standard"])
@pytest.mark.parametrize("k", [1, 4, 0.9])
def test_statistics_are_scikit_learns(k: float, scaling: str, lags: int, offset: float) -> None:
    train = plant(900, 7) + offset
    x = plant(301, 7, seed=3) + offset
    detector: Any = acm_rs.PCADetector(k, lags, scaling=scaling).fit(train)  # type: ignore[arg-type]
    peer, z, t2, spe = _expected(train, x, k, scaling, lags)
    assert detector.n_components_ == peer.n_components_
    np.testing.assert_allclose(detector.explained_variance_, peer.explained_variance_, rtol=1e-10)
    np.testing.assert_allclose(detector.t2(x), t2, rtol=1e-9)
    np.testing.assert_allclose(detector.spe(x), spe, rtol=1e-9)
    shares = spe / detector.spe_limit_, t2 / detector.t2_limit_
    np.testing.assert_allclose(detector.score(x), np.maximum(*shares), rtol=1e-9)
    # Partial and complete decompositions by their definitions, lags folded to their sensor.
    precision = peer.components_.T @ np.diag(1 / peer.explained_variance_) @ peer.components_
    root = peer.components_.T @ np.diag(peer.explained_variance_**-0.5) @ peer.components_
    beside = np.eye(z.shape[1]) - peer.components_.T @ peer.components_
    for statistic, partial, complete in (
        ("t2", z * (z @ precision), (z @ root) ** 2),
        ("spe", z * (z @ beside), (z @ beside) ** 2),
    ):
        for decomposition, want in (("partial", partial), ("complete", complete)):
            folded = want.reshape(len(x), lags + 1, 7).sum(1)
            found = detector.contributions(x, statistic, decomposition)
            np.testing.assert_allclose(found, folded, rtol=1e-8, atol=1e-9 * np.abs(folded).max())
            np.testing.assert_allclose(found.sum(1), getattr(detector, statistic)(x), rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(detector.contributions(x).sum(1), detector.score(x), rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(detector.residuals(x), (z @ beside)[:, :7], atol=1e-9 * np.abs(z).max())


@pytest.mark.parametrize("alpha", [0.5, 0.1, 0.01, 1e-4])
def test_limits_are_the_formulae(alpha: float) -> None:
    train = plant(700, 9)
    detector = acm_rs.PCADetector(3, scaling="standard", limits="theoretical").fit(train)
    peer = PCA(9, svd_solver="full").fit(_scaled(train, train, "standard", 0))
    theta = [(peer.explained_variance_[3:] ** power).sum() for power in (1, 2, 3)]
    h0 = 1 - 2 * theta[0] * theta[2] / (3 * theta[1] ** 2)
    spread = stats.norm.isf(alpha) * np.sqrt(2 * theta[1] * h0**2) / theta[0]
    spe = theta[0] * (spread + 1 + theta[1] * h0 * (h0 - 1) / theta[0] ** 2) ** (1 / h0)
    assert detector.spe_limit(alpha) == pytest.approx(spe, rel=1e-10)
    t2 = 3 * (700**2 - 1) / (700 * 697) * stats.f.isf(alpha, 3, 697)
    assert detector.t2_limit(alpha) == pytest.approx(t2, rel=1e-10)
    for name in ("spe", "t2"):
        quantile = np.quantile(getattr(detector, name)(train), 1 - alpha)
        assert getattr(detector, f"{name}_limit")(alpha, "empirical") == pytest.approx(quantile, rel=1e-12)
    empirical = acm_rs.PCADetector(3, scaling="standard", alpha=alpha, limits="empirical").fit(train)
    assert empirical.t2_limit_ == detector.t2_limit(alpha, "empirical")
    assert empirical.spe_limit() == empirical.spe_limit_


def test_a_fault_of_one_sensor_is_its_own() -> None:
    train, x = plant(900, 8), plant(200, 8, seed=2)
    detector = acm_rs.PCADetector(2).fit(train)
    x[100:, 5] += 12.0
    assert (detector.score(x)[100:] > 1).all()
    for decomposition, share in (("partial", 0.9), ("complete", 1.0)):
        blamed = detector.contributions(x, decomposition=decomposition)[100:].argmax(1)  # type: ignore[arg-type]
        assert (blamed == 5).mean() >= share
    assert (detector.residuals(x)[100:, 5] > 0).all()


def test_columns_that_stand_still_have_no_part() -> None:
    train = plant(500, 6)
    train[:, 1] = 4.0
    train[:, 3] = np.nan
    x = plant(50, 6, seed=1)
    x[:, 1] = 4.0
    with pytest.warns(UserWarning, match=r"columns \[1, 3\] of `x` have no value or do not change"):
        detector = acm_rs.PCADetector(2, 1).fit(train)
    assert detector.used_.tolist() == [True, False, True, False, True, True]
    assert np.isnan(detector.center_).tolist() == (~detector.used_).tolist()
    assert detector.components_.shape == (2, 8)
    small = acm_rs.PCADetector(2, 1).fit(np.ascontiguousarray(train[:, detector.used_]))
    assert (small.score(np.ascontiguousarray(x[:, detector.used_])) == detector.score(x)).all()
    shares = detector.contributions(x)
    assert not shares[:, ~detector.used_].any()
    with pytest.raises(ValueError, match="`x` must have a column that changes"):
        acm_rs.PCADetector().fit(np.full((50, 3), 2.0))


def test_a_column_that_seldom_changes_is_scaled_by_its_deviation() -> None:
    train = plant(500, 4)
    train[:, 2] = 0.0
    train[::10, 2] = 3.0
    detector = acm_rs.PCADetector(2).fit(train)
    assert detector.scale_[2] == pytest.approx(train[:, 2].std(), rel=1e-12)


def test_a_column_that_mostly_stands_still_is_no_component_of_its_own() -> None:
    train = plant(2000, 6)
    train[:, 5] = np.random.default_rng(4).normal(0.0, 1e-5, 2000)
    train[::10, 5] += 100.0
    detector = acm_rs.PCADetector(3).fit(train)
    assert detector.scale_[5] == pytest.approx(train[:, 5].std(), rel=1e-12)
    assert abs(detector.components_[0, 5]) < 0.5


def test_a_column_in_a_large_unit_takes_part() -> None:
    train = plant(300, 3)
    train[:, 1] = np.random.default_rng(4).normal(0.0, 1e-9, 300)
    assert acm_rs.PCADetector(2).fit(train).used_.all()


def test_there_must_be_more_rows_than_lags() -> None:
    for lags in (50, 2**62):
        with pytest.raises(ValueError, match=r"`x` must have at least .* rows, got 50"):
            acm_rs.PCADetector(2, lags).fit(plant(50, 3))


def test_exact_copies_do_not_alarm_until_they_part() -> None:
    base = plant(400, 2)
    train = np.hstack([base, 3.0 * base])
    detector = acm_rs.PCADetector(2).fit(train)
    assert (detector.spe(train) < 1e-3 * detector.spe_limit_).all()
    train[7, 3] += 0.5
    assert detector.score(train).argmax() == 7


def test_wild_values_give_numbers() -> None:
    detector = acm_rs.PCADetector(2).fit(plant(400, 4) * 1e150)
    x = np.full((3, 4), 1.7e308)
    x[1] = -x[1]
    assert np.isfinite(detector.score(x)).all()
    assert np.isfinite(detector.contributions(x)).all()


def test_few_rows_are_enough() -> None:
    train = plant(6, 9)
    detector = acm_rs.PCADetector(8).fit(train)
    assert detector.n_components_ == 5
    assert np.isfinite(detector.score(plant(20, 9, seed=1))).all()


@pytest.mark.parametrize(
    ("parameters", "error", "match"),
    [
        ({"n_components": 0}, ValueError, "`n_components` must be a whole number, at least 1, got 0"),
        (
            {"n_components": 1.5},
            ValueError,
            "`n_components` must be a whole number or a share between 0 and 1, got 1.5",
        ),
        ({"n_components": "mle"}, TypeError, "`n_components` must be a number, got str"),
        ({"lags": -1}, ValueError, "`lags` must be a whole number, at least 0, got -1"),
        ({"alpha": 0.0}, ValueError, "`alpha` must be between 0 and 1, got 0"),
        ({"scaling": "minmax"}, ValueError, '`scaling` must be one of "robust", "standard", got "minmax"'),
        ({"limits": 3}, TypeError, "`limits` must be one of .*, got int"),
    ],
)
def test_wrong_parameters_are_named(parameters: dict[str, Any], error: type[Exception], match: str) -> None:
    with pytest.raises(error, match=match):
        acm_rs.PCADetector(**parameters)


def test_wrong_questions_are_named() -> None:
    detector: Any = acm_rs.PCADetector(2).fit(plant(100, 3))
    with pytest.raises(ValueError, match='`statistic` must be one of "score", "spe", "t2", got "q"'):
        detector.contributions(plant(5, 3), "q")
    with pytest.raises(ValueError, match="`alpha` must be between 0 and 1, got 1"):
        detector.t2_limit(1.0)
    with pytest.raises(ValueError, match="`method` must be one of"):
        detector.spe_limit(0.1, "exact")
    with pytest.raises(ValueError, match="`x` must have at least 6 rows, got 1"):
        acm_rs.PCADetector().fit(plant(1, 3))
    with pytest.raises(RuntimeError, match="this PCADetector is not fitted yet"):
        acm_rs.PCADetector().spe_limit(0.1)


@pytest.mark.parametrize("kind", [acm_rs.PCADetector, acm_rs.MahalanobisDetector])
def test_sensors_that_wander_are_told_and_widen_the_limits(kind: Any) -> None:
    random = np.random.default_rng(2)
    x = random.standard_normal((3000, 4))
    steady = kind().fit(x)
    assert not steady.wandering_.any()
    assert steady.expected_false_alarms_ == 0.01
    # Memory alone is no wandering.
    slow = np.empty((3000, 4))
    slow[0] = x[0]
    for row in range(1, 3000):
        slow[row] = 0.95 * slow[row - 1] + np.sqrt(1 - 0.95**2) * x[row]
    assert not kind().fit(slow).wandering_.any()
    x[:, 2] += np.linspace(0.0, 8.0, 3000)
    with pytest.warns(UserWarning, match=r"columns \[2\] of `x` wander: .* % of healthy rows may still be in alarm"):
        model = kind().fit(x)
    assert model.wandering_.tolist() == [False, False, True, False]
    assert 0.01 <= model.expected_false_alarms_ <= 1
    again = kind.from_bytes(model.to_bytes())
    assert again == model
    assert (again.wandering_ == model.wandering_).all()
    assert again.expected_false_alarms_ == model.expected_false_alarms_
    if kind is acm_rs.MahalanobisDetector:
        # Each half by the covariance of the other, of the same scales and the same shrinkage.
        z, share = (x - x.mean(0)) / x.std(0), model.shrinkage_
        found = np.empty(3000)
        for judged, other in ((slice(0, 1500), slice(1500, 3000)), (slice(1500, 3000), slice(0, 1500))):
            covariance = np.cov(z[other].T, ddof=0)
            covariance = (1 - share) * covariance + share * np.trace(covariance) / 4 * np.eye(4)
            gap = z[judged] - z[other].mean(0)
            found[judged] = (gap * np.linalg.solve(covariance, gap.T).T).sum(1)
        for alpha in (0.01, 0.002):
            assert model.limit(alpha) == pytest.approx(np.quantile(found, 1 - alpha, method="weibull"), rel=1e-9)
