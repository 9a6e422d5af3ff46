"""Decompositions, Cholesky solutions and shrunk covariances against scikit-learn, NumPy and SciPy."""

from __future__ import annotations

from typing import Any

import acm_rs
import numpy as np
import numpy.typing as npt
import pytest
import scipy.linalg
from histories import Floats, plant
from sklearn.covariance import ledoit_wolf
from sklearn.decomposition import PCA

SHAPES = [(3000, 12), (400, 60), (40, 40), (25, 90), (2, 5)]


def _noise(n: int, d: int, seed: int = 0) -> Floats:
    return np.random.default_rng(seed).standard_normal((n, d))


# ---- pca ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("offset", "scale"), [(0.0, 1.0), (1500.0, 5.0), (1e6, 1.0), (0.0, 1e-150), (0.0, 1e140)])
@pytest.mark.parametrize(("n", "d"), SHAPES)
def test_pca_is_scikit_learns_full(n: int, d: int, offset: float, scale: float) -> None:
    x = offset + scale * _noise(n, d) @ np.diag(np.linspace(1, 3, d))
    k = max(1, min(n, d) // 2)
    components, variance, mean = acm_rs.pca(x, k)
    # The peer squares singular values without care for their range.
    peer = PCA(k, svd_solver="full").fit((x - x.mean(0)) / scale if scale != 1.0 else x)
    np.testing.assert_allclose(variance, peer.explained_variance_ * (scale**2 if scale != 1.0 else 1.0), rtol=1e-10)
    np.testing.assert_allclose(mean, x.mean(0), rtol=1e-12, atol=1e-12 * scale)
    # Directions are known to the rounding of the data over the gaps between variances.
    gaps = -np.diff(peer.explained_variance_, append=0.0)
    sure = gaps > 1e-3 * peer.explained_variance_[0]
    error = 1e-9 if offset < 1e5 else 1e-7
    np.testing.assert_allclose(components[sure], peer.components_[sure], atol=error)


def test_pca_keeps_digits_where_covariances_lose_them() -> None:
    x = _noise(4000, 10) * 10.0 ** -np.arange(10) * 0.5 + 3.0
    variance = acm_rs.pca(x, 10)[1]
    full = PCA(10, svd_solver="full").fit(x).explained_variance_
    squared = PCA(10, svd_solver="covariance_eigh").fit(x).explained_variance_
    np.testing.assert_allclose(variance[:6], full[:6], rtol=1e-10)
    assert np.abs(squared / full - 1)[-1] > 1e-3
    assert np.abs(variance / full - 1)[-1] < 1e-6


def test_pca_of_collinear_columns() -> None:
    base = _noise(500, 3)
    x = np.hstack([base, base @ _noise(3, 4, seed=1)]) + 100.0
    components, variance, _ = acm_rs.pca(x, 7)
    np.testing.assert_allclose(variance[:3], PCA(3, svd_solver="full").fit(x).explained_variance_, rtol=1e-10)
    assert (variance[3:] < 1e-24).all()
    np.testing.assert_allclose(components @ components.T, np.eye(7), atol=1e-12)


@pytest.mark.parametrize("share", [0.1, 0.5, 0.9, 0.99])
def test_pca_of_a_share_keeps_scikit_learns_count(share: float) -> None:
    for x in (plant(600, 9), _noise(12, 40)):
        assert len(acm_rs.pca(x, share)[1]) == PCA(share, svd_solver="full").fit(x).n_components_


@pytest.mark.usefixtures("threads")
def test_pca_is_the_same_bytes_however_it_is_asked() -> None:
    for x in (_noise(5000, 8), _noise(5000, 8) * 10.0 ** -np.arange(8), _noise(9, 30)):
        found = []
        for threads in (1, 2, 5):
            acm_rs.set_num_threads(threads)
            for form in (x, np.asfortranarray(x), np.repeat(x, 2, axis=1)[:, ::2], x[::-1][::-1]):
                found.append(b"".join(np.ascontiguousarray(part).tobytes() for part in acm_rs.pca(form, 5)))
        assert len(set(found)) == 1
        narrow = x.astype(np.float32)
        for one, other in zip(acm_rs.pca(narrow, 5), acm_rs.pca(narrow.astype(float), 5), strict=True):
            assert one.tobytes() == other.tobytes()


@pytest.mark.parametrize(
    ("k", "error", "match"),
    [
        (0, ValueError, "`k` must be a whole number, at least 1, got 0"),
        (6, ValueError, "`k` must be at most the lesser of rows and columns, got 6"),
        (1.0, ValueError, "`k` must be a whole number or a share between 0 and 1, got 1"),
        (float("nan"), ValueError, "`k` must be"),
        (True, ValueError, "`k` must be a whole number, at least 1, got True"),
        ("5", TypeError, "`k` must be a number, got str"),
    ],
)
def test_wrong_counts_are_named(k: Any, error: type[Exception], match: str) -> None:
    with pytest.raises(error, match=match):
        acm_rs.pca(_noise(20, 5), k)


@pytest.mark.parametrize("function", [lambda x: acm_rs.pca(x, 1), acm_rs.svd, acm_rs.ledoit_wolf])
@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_missing_values_are_refused(function: Any, value: float) -> None:
    x = _noise(1500, 3)
    x[1200:, 1] = value
    with pytest.raises(ValueError, match=r"`x` must have no missing values .* got one in row 1200, column 1"):
        function(x)


def test_too_little_and_too_much() -> None:
    with pytest.raises(ValueError, match="`x` must have at least 2 rows, got 1"):
        acm_rs.pca(np.ones((1, 3)), 1)
    with pytest.raises(ValueError, match="`x` must have at least 1 column, got 0"):
        acm_rs.svd(np.ones((3, 0)))
    for function in (lambda x: acm_rs.pca(x, 2), acm_rs.ledoit_wolf):
        with pytest.raises(np.linalg.LinAlgError, match="too large to be squared"):
            function(_noise(30, 3) * 1e200)
    with pytest.raises(TypeError, match="float64 or float32"):
        acm_rs.pca(np.ones((5, 3), dtype=int), 1)


# ---- svd ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("scale", [1.0, 1e200, 1e-200])
@pytest.mark.parametrize(("n", "d"), [(200, 7), (7, 200), (1, 4), (4, 1), (30, 30)])
def test_svd_is_numpys(n: int, d: int, scale: float) -> None:
    x = _noise(n, d)
    u, s, vt = acm_rs.svd(x * scale)
    want = np.linalg.svd(x, compute_uv=False)
    np.testing.assert_allclose(s / scale, want, rtol=1e-12)
    np.testing.assert_allclose(u @ np.diag(s / scale) @ vt, x, atol=1e-12)
    np.testing.assert_allclose(vt @ vt.T, np.eye(min(n, d)), atol=1e-12)
    np.testing.assert_allclose(u.T @ u, np.eye(min(n, d)), atol=1e-12)
    assert (vt[np.arange(len(s)), np.abs(vt).argmax(axis=1)] > 0).all()


def test_svd_truncated_is_the_first_part_of_the_whole() -> None:
    x = np.asfortranarray(_noise(90, 8))
    u, s, vt = acm_rs.svd(x)
    few = acm_rs.svd(x, 3)
    assert few[0].tobytes() == np.ascontiguousarray(u[:, :3]).tobytes()
    assert (few[1] == s[:3]).all()
    assert (few[2] == vt[:3]).all()
    with pytest.raises(ValueError, match="`k` must be between 1 and the lesser of rows and columns, got 9"):
        acm_rs.svd(x, 9)


# ---- cholesky_solve -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("n", [1, 2, 17, 150])
def test_cholesky_solve_is_scipys(n: int) -> None:
    root = _noise(n, n + 5)
    a, b = root @ root.T, _noise(n, 3, seed=1)
    factor = scipy.linalg.cho_factor(a, lower=True)
    np.testing.assert_allclose(acm_rs.cholesky_solve(a, b), scipy.linalg.cho_solve(factor, b), rtol=1e-9, atol=1e-12)
    one = acm_rs.cholesky_solve(np.asfortranarray(a), b[:, 0])
    assert one.shape == (n,)
    np.testing.assert_allclose(a @ one, b[:, 0], rtol=1e-9, atol=1e-9)
    junk = np.tril(a) + np.triu(np.full((n, n), 7.0), 1)
    assert acm_rs.cholesky_solve(junk, b).tobytes() == acm_rs.cholesky_solve(a, b).tobytes()


def test_cholesky_solve_tells_what_is_wrong() -> None:
    eye = np.eye(3)
    with pytest.raises(np.linalg.LinAlgError, match="`a` must be positive definite"):
        acm_rs.cholesky_solve(-eye, np.ones(3))
    with pytest.raises(np.linalg.LinAlgError):
        acm_rs.cholesky_solve(np.zeros((3, 3)), np.ones(3))
    with pytest.raises(ValueError, match=r"`a` must have shape \(3, 3\), got \(3, 2\)"):
        acm_rs.cholesky_solve(eye[:, :2].copy(), np.ones(3))
    with pytest.raises(ValueError, match="`b` must have length 3, got 2"):
        acm_rs.cholesky_solve(eye, np.ones(2))
    with pytest.raises(ValueError, match=r"`b` must have no missing values .* row 1, column 0"):
        acm_rs.cholesky_solve(eye, np.array([1.0, np.nan, 2.0]))
    assert acm_rs.cholesky_solve(np.zeros((0, 0)), np.zeros((0, 2))).shape == (0, 2)


# ---- ledoit_wolf ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("offset", "scale"), [(0.0, 1.0), (1500.0, 5.0), (1e6, 1.0), (0.0, 1e60)])
@pytest.mark.parametrize(("n", "d"), [(3000, 12), (300, 60), (25, 90), (2, 3), (50, 1)])
def test_ledoit_wolf_is_scikit_learns(n: int, d: int, offset: float, scale: float) -> None:
    x = offset + scale * (_noise(n, d) @ _noise(d, d, seed=2))
    # The peer's sums of fourth powers overflow; its means are the inaccurate part at offsets.
    centered: npt.NDArray[np.float64] = (x - x.mean(0)) / scale
    want, want_shrinkage = ledoit_wolf(centered, assume_centered=True)
    covariance, shrinkage = acm_rs.ledoit_wolf(x)
    np.testing.assert_allclose(shrinkage, want_shrinkage, rtol=1e-10, atol=1e-15)
    np.testing.assert_allclose(covariance / scale**2, want, rtol=1e-10, atol=1e-10 * np.abs(want).max())
    assert (covariance == covariance.T).all()
    np.testing.assert_array_equal(acm_rs.ledoit_wolf(np.asfortranarray(x))[0], covariance)


def test_ledoit_wolf_of_constant_columns_is_zero() -> None:
    covariance, shrinkage = acm_rs.ledoit_wolf(np.full((20, 3), 7.0))
    assert not covariance.any()
    assert shrinkage == 0.0
