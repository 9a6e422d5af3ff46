"""Mahalanobis distances against scikit-learn's covariances of the same scaled rows."""

from __future__ import annotations

from typing import Any

import acm_rs
import numpy as np
import pytest
from histories import plant
from scipy import stats
from sklearn.covariance import EmpiricalCovariance, LedoitWolf, ShrunkCovariance
from sklearn.preprocessing import StandardScaler


@pytest.mark.parametrize("offset", [0.0, 1e6])
@pytest.mark.parametrize("columns", [1, 5, 12, 33])
@pytest.mark.parametrize(
    ("shrinkage", "peer"),
    [
        ("ledoit_wolf", LedoitWolf()),
        (0.25, ShrunkCovariance(shrinkage=0.25)),
        ("none", EmpiricalCovariance()),
        (1.0, ShrunkCovariance(shrinkage=1.0)),
    ],
)
def test_distances_are_scikit_learns(shrinkage: Any, peer: Any, columns: int, offset: float) -> None:
    train, x = plant(800, columns) + offset, plant(203, columns, seed=4) + offset
    detector = acm_rs.MahalanobisDetector(shrinkage).fit(train)
    scaler = StandardScaler().fit(train)
    peer.fit(scaler.transform(train))
    np.testing.assert_allclose(detector.covariance_, peer.covariance_, rtol=1e-9, atol=1e-10)
    want = peer.mahalanobis(scaler.transform(x))
    np.testing.assert_allclose(detector.score(x), want, rtol=1e-10 if offset == 0.0 else 1e-8)
    z = scaler.transform(x) - peer.location_
    parts = z * np.linalg.solve(peer.covariance_, z.T).T
    np.testing.assert_allclose(detector.contributions(x), parts, rtol=1e-8, atol=1e-8 * np.abs(parts).max())
    np.testing.assert_allclose(detector.contributions(x).sum(1), detector.score(x), rtol=1e-9)
    if shrinkage == "ledoit_wolf":
        assert detector.shrinkage_ == pytest.approx(peer.shrinkage_, rel=1e-10)


def test_columns_that_stay_still_have_no_part() -> None:
    train = plant(500, 5, gaps=0.03)
    train[:, 2] = 9.0
    with pytest.warns(UserWarning, match=r"columns \[2\] of `x` have no value or do not change"):
        detector = acm_rs.MahalanobisDetector().fit(train)
    assert detector.used_.tolist() == [True, True, False, True, True]
    x = plant(40, 5, seed=1)
    x[:, 2] = 9.0
    filled = x.copy()
    x[5, 2] = np.inf
    assert (detector.score(x) == detector.score(filled)).all()
    assert not detector.contributions(x)[:, 2].any()


def test_lags_are_earlier_rows() -> None:
    train, x = plant(600, 4), plant(30, 4, seed=2)

    def lagged(rows: Any) -> Any:
        number = np.arange(len(rows))
        return np.hstack([rows, rows[np.maximum(number - 1, 0)]])

    detector = acm_rs.MahalanobisDetector("none", lags=1).fit(train)
    scaler = StandardScaler().fit(train)
    peer = EmpiricalCovariance().fit(lagged(scaler.transform(train)))
    np.testing.assert_allclose(detector.score(x), peer.mahalanobis(lagged(scaler.transform(x))), rtol=1e-9)


def test_a_fault_of_one_sensor_is_its_own() -> None:
    train, x = plant(900, 8), plant(200, 8, seed=2)
    detector = acm_rs.MahalanobisDetector().fit(train)
    x[100:, 5] -= 12.0
    assert (detector.score(x)[100:] > detector.limit()).all()
    assert (detector.contributions(x)[100:].argmax(1) == 5).mean() > 0.9


def test_limits() -> None:
    detector = acm_rs.MahalanobisDetector("none").fit(plant(300, 4))
    # With the covariance's divisor n, not n - 1.
    want = 4 * (300**2 - 1) / (300 * 296) * stats.f.isf(0.01, 4, 296) * 300 / 299
    assert detector.limit(method="theoretical") == pytest.approx(want, rel=1e-10)
    wide = acm_rs.MahalanobisDetector().fit(plant(10, 20))
    assert wide.limit(0.05, "theoretical") == pytest.approx(stats.chi2.isf(0.05, 20), rel=1e-10)
    with pytest.raises(ValueError, match="`alpha` must be between 0 and 1, got 0"):
        detector.limit(0.0)
    with pytest.raises(ValueError, match='`method` must be one of "held_out", "theoretical", got "exact"'):
        detector.limit(0.1, "exact")  # type: ignore[arg-type]
    # Eight rows are too few to be cut.
    few = acm_rs.MahalanobisDetector().fit(plant(8, 3))
    assert few.limit() == few.limit(method="theoretical")


def test_singular_covariances_need_shrinkage() -> None:
    train = plant(300, 4)
    train[:, 3] = 2.0 * train[:, 0]
    with pytest.raises(np.linalg.LinAlgError, match="columns that others determine, unless `shrinkage` is above 0"):
        acm_rs.MahalanobisDetector("none").fit(train)
    assert np.isfinite(acm_rs.MahalanobisDetector().fit(train).score(train)).all()
    with pytest.raises(ValueError, match="`x` must have at least 10 rows, got 9"):
        acm_rs.MahalanobisDetector("none").fit(plant(9, 9))


def test_none_is_nothing() -> None:
    x = plant(100, 3)
    none, zero = acm_rs.MahalanobisDetector("none").fit(x), acm_rs.MahalanobisDetector(0.0).fit(x)
    assert (none.score(x) == zero.score(x)).all()
    assert none.shrinkage_ == 0.0
    assert repr(none) == "MahalanobisDetector(shrinkage='none', lags=0, constants='watch')"


@pytest.mark.parametrize(
    ("parameters", "error", "match"),
    [
        ({"shrinkage": "oas"}, ValueError, '`shrinkage` must be "ledoit_wolf", "none" or a number .*, got "oas"'),
        ({"shrinkage": -0.1}, ValueError, "`shrinkage` must be between 0 and 1, got -0.1"),
        ({"shrinkage": []}, TypeError, "`shrinkage` must be .*, got list"),
        ({"lags": 1.5}, ValueError, "`lags` must be a whole number, at least 0, got 1.5"),
    ],
)
def test_wrong_parameters_are_named(parameters: dict[str, Any], error: type[Exception], match: str) -> None:
    with pytest.raises(error, match=match):
        acm_rs.MahalanobisDetector(**parameters)
