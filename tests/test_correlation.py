"""Correlation and covariance of whole matrices: exact numbers, peers, symmetry, undefined pairs, errors."""

from __future__ import annotations

from functools import cache
from typing import Any

import acm_rs
import numpy as np
import pandas as pd
import pytest
import scipy.stats
from exact import NAN, Column, Pair, as_exact, round_root
from exact_pairs import Pairs, whole
from families import FAMILIES, Floats, family
from histories import history, same_bytes
from hypothesis import given
from hypothesis import strategies as st
from test_errors import refused

ROWS = 3000
MISSING = pytest.mark.parametrize("missing", [False, True], ids=["whole", "gaps"])
OF_EVERY_FAMILY = pytest.mark.parametrize("name", FAMILIES)
METHODS = ("pearson", "spearman", "kendall")


@cache
def plant(name: str, missing: bool) -> Floats:
    """Give columns of one family: two that are related, one of its own, one that hardly has a value in common."""
    rng = np.random.default_rng([ord(name[0]), int(missing), 3])
    first = family(name)[:ROWS]
    own = FAMILIES[name](rng, ROWS)
    x = np.column_stack([first, 0.5 * first + 0.5 * own, own, -first, FAMILIES[name](rng, ROWS)])
    if missing:
        x[rng.random(x.shape) < 0.05] = np.nan
        x[rng.random(x.shape) < 0.005] = np.inf
        x[40:, 4] = np.nan
    x.setflags(write=False)
    return x


def columns(x: Floats) -> list[Column]:
    """Give the columns as integers."""
    return [Column.of(x[:, j].tolist()) for j in range(x.shape[1])]


# ---- exact numbers --------------------------------------------------------------------------------------------------


@MISSING
@OF_EVERY_FAMILY
def test_pearson_is_exact(name: str, missing: bool) -> None:
    x = plant(name, missing)
    error = whole(Pairs.corr, columns(x)).error(acm_rs.correlation(x))
    assert error.max() <= 1e-13, np.unravel_index(error.argmax(), error.shape)


@MISSING
@OF_EVERY_FAMILY
def test_covariance_is_exact(name: str, missing: bool) -> None:
    x = plant(name, missing)
    made = columns(x)
    for ddof in (0, 1):
        want = whole(Pairs.cov, made, ddof=ddof)
        spread = np.array([[Pairs(a, b).spread(0, ROWS, ddof) for b in made] for a in made])
        error = want.error(acm_rs.covariance(x, ddof))
        # Products of deviations cancel in a covariance: a double keeps what they allow.
        allowed = np.maximum(1e-12 * np.fmax(1.0, np.abs(want.hi)), 1e-14 * spread)
        assert (error <= allowed).all(), (error / allowed).max()
        if not name.startswith("B"):
            assert want.scaled_error(acm_rs.covariance(x, ddof)).max() <= 1e-12


@OF_EVERY_FAMILY
def test_lagged_correlation_is_exact(name: str) -> None:
    for missing in (False, True):
        x = plant(name, missing)[:1000, :3]
        made = columns(x)
        got = acm_rs.lagged_correlation(x, 3)
        assert got.shape == (4, 3, 3)
        for lag in range(4):
            error = whole(Pairs.corr, made, lag=lag).error(got[lag])
            assert error.max() <= 1e-13, (missing, lag, np.unravel_index(error.argmax(), error.shape))


def ranks(x: Floats, y: Floats) -> tuple[Floats, Floats]:
    """Give average ranks among the rows where both are there, NaN elsewhere."""
    both = np.isfinite(x) & np.isfinite(y)
    found = np.full((2, x.size), np.nan)
    found[0, both], found[1, both] = scipy.stats.rankdata(x[both]), scipy.stats.rankdata(y[both])
    return found[0], found[1]


@MISSING
@OF_EVERY_FAMILY
def test_spearman_is_exact(name: str, missing: bool) -> None:
    x = plant(name, missing)
    got = acm_rs.correlation(x, "spearman")
    for i in range(x.shape[1]):
        for j in range(i, x.shape[1]):
            sums = Pairs(*(Column.of(r.tolist()) for r in ranks(x[:, i], x[:, j])))
            want = as_exact([[sums.corr(0, ROWS)]], 1)
            assert want.error(got[i : i + 1, j]).max() <= 1e-13, (i, j, got[i, j], want.hi)


def tau(x: Floats, y: Floats) -> Pair:
    """Kendall's tau-b from all pairs of rows, in integers."""
    both = np.isfinite(x) & np.isfinite(y)
    a = np.sign(x[both][:, None] - x[both]).astype(np.int64)
    b = np.sign(y[both][:, None] - y[both]).astype(np.int64)
    top, below = int((a * b).sum()), int((a * a).sum()) * int((b * b).sum())
    if below == 0:
        return NAN
    hi, lo = round_root(top * top, below)
    return (hi, lo) if top >= 0 else (-hi, -lo)


@MISSING
@OF_EVERY_FAMILY
def test_kendall_is_exact(name: str, missing: bool) -> None:
    x = plant(name, missing)[:500]
    got = acm_rs.correlation(x, "kendall")
    for i in range(x.shape[1]):
        for j in range(i + 1, x.shape[1]):
            want = as_exact([[tau(x[:, i], x[:, j])]], 1)
            assert want.error(got[i : i + 1, j]).max() <= 1e-14, (i, j, got[i, j], want.hi)


VALUES = st.one_of(st.sampled_from([np.nan, np.inf, -np.inf, 0.0, -0.0, 1e9, 1e15]), st.integers(-6, 6).map(float))


@given(st.lists(st.tuples(VALUES, VALUES, VALUES), min_size=1, max_size=14), st.integers(0, 5))
def test_any_small_matrix_is_exact(rows: list[tuple[float, float, float]], min_periods: int) -> None:
    x = np.array(rows)
    n = len(rows)
    error = whole(Pairs.corr, columns(x), min_periods=min_periods).error(acm_rs.correlation(x, "pearson", min_periods))
    assert error.max() <= 1e-13
    for i in range(3):
        for j in range(3):
            u, v = x[:, i], x[:, j]
            count = int((np.isfinite(u) & np.isfinite(v)).sum())
            few = count < max(2, min_periods)
            sums = Pairs(*(Column.of(r.tolist()) for r in ranks(u, v)))
            for method, pair in (("spearman", sums.corr(0, n)), ("kendall", tau(u, v))):
                if method == "kendall" and i == j:
                    continue
                want = as_exact([[NAN if few else pair]], 1)
                got = acm_rs.correlation(x, method, min_periods)
                assert want.error(got[i : i + 1, j]).max() <= 1e-13, (method, i, j, got[i, j], want.hi)


# ---- peers ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("min_periods", [1, 2, 30, 200, 301])
def test_pandas(method: Any, min_periods: int) -> None:
    rng = np.random.default_rng(6)
    x = rng.standard_normal((300, 5)) @ rng.standard_normal((5, 5))
    x[:, 3] = np.round(x[:, 3])
    x[rng.random(x.shape) < 0.2] = np.nan
    x[35:, 4] = np.nan
    got = acm_rs.correlation(x, method, min_periods)
    want = pd.DataFrame(x).corr(method, min_periods=min_periods).to_numpy()
    np.testing.assert_array_equal(np.isnan(got), np.isnan(want))
    np.testing.assert_allclose(got, want, rtol=1e-12, atol=1e-12)


def test_scipy() -> None:
    rng = np.random.default_rng(7)
    x = rng.integers(0, 40, (2000, 2)).astype(float)
    x[:, 1] += 0.5 * x[:, 0]
    assert acm_rs.correlation(x, "spearman")[0, 1] == pytest.approx(scipy.stats.spearmanr(*x.T)[0], abs=1e-13)
    assert acm_rs.correlation(x, "kendall")[0, 1] == pytest.approx(scipy.stats.kendalltau(*x.T)[0], abs=1e-13)


@pytest.mark.parametrize("d", [1, 7, 8, 9, 63, 64, 65, 130])
def test_numpy(d: int) -> None:
    x = np.random.default_rng(d).standard_normal((500, d))
    np.testing.assert_allclose(acm_rs.correlation(x), np.corrcoef(x.T).reshape(d, d), rtol=0, atol=1e-13)
    np.testing.assert_allclose(acm_rs.covariance(x), np.cov(x.T).reshape(d, d), rtol=0, atol=1e-13)


# ---- properties -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("method", METHODS)
def test_results_are_symmetric_within_one_and_one_on_the_diagonal(method: str) -> None:
    for x in (history(400, 12), plant("D-walk", False), plant("B-spikes", True), np.repeat(history(50, 2), 4, axis=1)):
        got = acm_rs.correlation(x, method)
        same_bytes(got, got.T.copy())
        assert (np.abs(got[np.isfinite(got)]) <= 1.0).all()
        diagonal = np.diag(got)
        assert (np.isnan(diagonal) | (diagonal == 1.0)).all()
    covariance = acm_rs.covariance(history(400, 12))
    same_bytes(covariance, covariance.T.copy())


def test_constants_and_empty_columns() -> None:
    x = np.random.default_rng(1).standard_normal((100, 5))
    x[:, 1] = 1e9 + 0.1
    x[:, 2] = np.nan
    x[:60, 3] = 5.5
    x[60:, 4] = -np.inf
    for method in METHODS:
        got = acm_rs.correlation(x, method)
        assert got[0, 0] == 1.0
        assert np.isnan(got[2]).all()
        others = [0, 2, 3, 4]
        assert np.isnan(got[1, others]).all()
        assert np.isnan(got[3, 4])
        assert np.isnan(got[1, 1]) if method != "kendall" else got[1, 1] == 1.0
    covariance = acm_rs.covariance(x)
    assert (covariance[1, [0, 1, 3, 4]] == 0.0).all()
    assert covariance[3, 4] == 0.0
    assert np.isnan(covariance[2]).all()


def test_the_migration_s_name() -> None:
    x = history(200, 4)
    for method in METHODS:
        same_bytes(acm_rs.compute_correlations_f64(x, method), acm_rs.correlation(x, method))
    same_bytes(acm_rs.compute_correlations_f64(x), acm_rs.correlation(x))


def test_ranks_know_nothing_of_the_scale() -> None:
    x = np.random.default_rng(4).standard_normal((300, 3))
    x[:, 2] = np.round(x[:, 2], 1)
    x[::7, 1] = np.nan
    for method in ("spearman", "kendall"):
        same_bytes(acm_rs.correlation(np.exp(x), method), acm_rs.correlation(x, method))
        same_bytes(acm_rs.correlation(1e300 * x**3, method), acm_rs.correlation(x**3, method))


def test_a_power_of_two_scales_through() -> None:
    x = history(300, 4)
    same_bytes(acm_rs.correlation(np.ldexp(x, 40)), acm_rs.correlation(x))
    same_bytes(acm_rs.covariance(np.ldexp(x, 40)), np.ldexp(acm_rs.covariance(x), 80))


def test_lag_zero_is_the_correlation() -> None:
    x = history(300, 4)
    np.testing.assert_allclose(acm_rs.lagged_correlation(x, 0)[0], acm_rs.correlation(x), rtol=0, atol=1e-15)


def test_a_lag_finds_what_came_later() -> None:
    x = np.random.default_rng(5).standard_normal((400, 2))
    x[3:, 0] = x[:-3, 1]
    got = acm_rs.lagged_correlation(x, 5)
    assert got[3, 0, 1] == pytest.approx(1.0, abs=1e-14)
    assert np.abs(got[[0, 1, 2, 4, 5], 0, 1]).max() < 0.3
    assert np.isnan(acm_rs.lagged_correlation(x, 500)[399:]).all()


@pytest.mark.parametrize("shape", [(0, 3), (1, 3), (3, 0), (0, 0)])
def test_tiny_matrices(shape: tuple[int, int]) -> None:
    d = shape[1]
    for method in METHODS:
        got = acm_rs.correlation(np.ones(shape), method)
        assert got.shape == (d, d)
        assert np.isnan(got[~np.eye(d, dtype=bool)]).all()
    assert np.isnan(acm_rs.covariance(np.ones(shape))).all()
    assert acm_rs.lagged_correlation(np.ones(shape), 2).shape == (3, d, d)


def test_two_rows() -> None:
    x = np.array([[1.0, 5.0, 2.0], [2.0, 3.0, 2.0]])
    for method in METHODS:
        got = acm_rs.correlation(x, method)
        assert got[0, 1] == pytest.approx(-1.0, abs=2.0**-51)
        assert np.isnan(got[0, 2])


# ---- errors ---------------------------------------------------------------------------------------------------------

X = np.arange(12.0).reshape(4, 3)


@pytest.mark.parametrize("method", ["Pearson", "", "cosine", "kendal"])
def test_the_method_must_be_known(method: str) -> None:
    for function in (acm_rs.correlation, acm_rs.compute_correlations_f64):
        refused(ValueError, ("`method`", "pearson", f'"{method}"'), lambda f=function: f(X, method))


@pytest.mark.parametrize("method", [3, ["pearson"], b"pearson"], ids=repr)
def test_the_method_must_be_a_name(method: Any) -> None:
    refused((TypeError, ValueError), ("method",), lambda: acm_rs.correlation(X, method))


@pytest.mark.parametrize("value", [-1, 1.5, True, "2", None, -(2**70)], ids=repr)
def test_counts_must_be_whole_numbers(value: Any) -> None:
    for call, name in (
        (lambda: acm_rs.correlation(X, min_periods=value), "min_periods"),
        (lambda: acm_rs.covariance(X, ddof=value), "ddof"),
        (lambda: acm_rs.covariance(X, min_periods=value), "min_periods"),
        (lambda: acm_rs.lagged_correlation(X, value), "max_lag"),
        (lambda: acm_rs.lagged_correlation(X, 1, min_periods=value), "min_periods"),
    ):
        if value is None and name in {"min_periods", "ddof"}:
            continue
        refused((TypeError, ValueError), (name,), call)


def test_too_many_lags_are_an_error_and_no_crash() -> None:
    for max_lag in (2**40, 2**62, 2**63):
        with pytest.raises((MemoryError, ValueError)):
            acm_rs.lagged_correlation(X, max_lag)
    # A size beyond 64 bits is told as the largest that they hold.
    with pytest.raises(MemoryError, match=f"not enough memory for the result: {2**64 - 1} x 6 values"):
        acm_rs.lagged_correlation(np.ones((5, 6)), 2**63)
