"""Statistics and clean-up of whole columns, against NumPy, pandas and exact arithmetic."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from typing import Any

import acm_rs
import exact
import numpy as np
import numpy.typing as npt
import pandas as pd
import pytest
from families import FAMILIES, family
from registry import order, rolling
from test_contract import layouts, same_bytes

Floats = npt.NDArray[np.float64]

QUANTILES = [0.0, 0.05, 0.25, 0.5, 0.75, 0.95, 1.0]
METHODS = ("median", "ffill", "bfill", "interpolate", "zero")
# Long enough that a column does not fit the scratch of one thread.
LENGTHS = (1, 2, 3, 5, 1000, 20_000)


def sensors(n: int, seed: int = 5) -> Floats:
    """Noise, offset, spikes, a stuck and a quantised sensor, gaps, nothing, one value, a constant."""
    rng = np.random.default_rng(seed)
    x = rng.standard_normal((n, 10))
    x[:, 1] = 1e9 + 1e-3 * x[:, 1]
    x[::97, 2] = 1e15
    x[n // 3 :, 3] = 50.1
    x[:, 4] = np.round(x[:, 4], 1)
    x[rng.random(n) < 0.3, 5] = np.nan
    x[rng.random(n) < 0.1, 5] = np.inf
    x[:, 6] = -np.inf
    x[:, 7] = np.nan
    x[n // 2, 7] = 3.0
    x[:, 8] = -1500.1
    x[:, 9] = np.cumsum(x[:, 9])
    return x


def known(x: Floats) -> Floats:
    return np.where(np.isfinite(x), x, np.nan)


FUNCTIONS: dict[str, Callable[[Any], Any]] = {
    "column_median_mad": lambda x: acm_rs.column_median_mad(x, 1.4826),
    "column_quantiles": lambda x: acm_rs.column_quantiles(x, QUANTILES),
    "column_moments": lambda x: acm_rs.column_moments(x),
    "zscore": lambda x: acm_rs.zscore(x),
    "zscore given": lambda x: acm_rs.zscore(x, 0.5, np.arange(1.0, x.shape[1] + 1)),
    **{f"impute {m}": lambda x, m=m: acm_rs.impute(x, m, limit=3) for m in METHODS},
    "lag_matrix": lambda x: acm_rs.lag_matrix(x, [0, 2, 70]),
}
EVERY = pytest.mark.parametrize("function", FUNCTIONS.values(), ids=FUNCTIONS.keys())
WRITING: dict[str, Callable[..., Any]] = {
    "zscore": acm_rs.zscore,
    "impute": acm_rs.impute,
    "lag_matrix": lambda x, out: acm_rs.lag_matrix(x, 3, out=out),
}


def parts(found: Any) -> list[Any]:
    return list(found) if isinstance(found, tuple) else [found]


# ---- the numbers ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("n", LENGTHS)
def test_medians_and_deviations_are_numpys(n: int) -> None:
    x = sensors(n)
    median, mad = acm_rs.column_median_mad(x)
    for j in range(x.shape[1]):
        values = x[np.isfinite(x[:, j]), j]
        if values.size:
            assert median[j] == np.median(values)
            deviation = np.median(np.abs(values - np.median(values)))
            # NumPy takes deviations from the rounded median.
            assert mad[j] == pytest.approx(deviation, rel=1e-12, abs=1e-12 + np.spacing(abs(median[j])))
        else:
            assert np.isnan(median[j])
            assert np.isnan(mad[j])


@pytest.mark.parametrize("n", LENGTHS)
def test_quantiles_are_numpys(n: int) -> None:
    x = sensors(n)
    found = acm_rs.column_quantiles(x, QUANTILES)
    assert found.shape == (7, 10)
    for j in range(x.shape[1]):
        values = x[np.isfinite(x[:, j]), j]
        want = np.quantile(values, QUANTILES) if values.size else np.full(7, np.nan)
        np.testing.assert_allclose(found[:, j], want, rtol=1e-12, atol=1e-12)
        np.testing.assert_array_equal(acm_rs.column_quantiles(x[:, j], 0.25), found[2:3, j])


@pytest.mark.parametrize("missing", [False, True], ids=["full", "gaps"])
@pytest.mark.parametrize("name", FAMILIES)
def test_columns_are_exact(name: str, missing: bool) -> None:
    x = family(name, missing)
    whole = exact.Column.of(x.tolist())
    w = whole.between(0, x.size)

    def error(got: Any, want: exact.Pair, relative: bool = False) -> float:
        size = max(1.0, abs(want[0])) if not relative else max(abs(want[0]), 1e-300)
        return abs((float(got[0]) - want[0]) - want[1]) / size

    count, mean, std, skew, kurt = acm_rs.column_moments(x)
    assert count[0] == w.count
    assert error(mean, rolling.mean(w), relative=True) <= 4e-16
    assert error(std, rolling.std(w), relative=True) <= 1e-13
    assert error(skew, rolling.skew(w)) <= 2e-13
    assert error(kurt, rolling.kurt(w)) <= 2e-13
    median, mad = acm_rs.column_median_mad(x)
    assert error(median, order.median(w), relative=True) <= 2.0**-53
    assert error(mad, order.mad(w), relative=True) <= 2.0**-51
    grid = [*QUANTILES, 1 / 3, 0.123456, 0.999]
    for got, want in zip(acm_rs.column_quantiles(x, grid), order.quantile(w, grid), strict=True):
        assert error(got, want, relative=True) <= 2.0**-52


@pytest.mark.parametrize("n", LENGTHS)
def test_moments_are_pandas(n: int) -> None:
    x = sensors(n)[:, [0, 4, 5, 6, 7, 9]]
    frame = pd.DataFrame(known(x))
    count, mean, std, skew, kurt = acm_rs.column_moments(x)
    assert count.dtype == np.int64
    np.testing.assert_array_equal(count, frame.count())
    for got, want in ((mean, frame.mean()), (std, frame.std())):
        np.testing.assert_allclose(got, want, rtol=1e-12, atol=1e-12)
    flat = (frame.nunique() < 2).to_numpy()
    for got, want in ((skew, frame.skew()), (kurt, frame.kurt())):
        np.testing.assert_allclose(got[~flat], want[~flat], rtol=1e-11, atol=1e-11)
        assert np.isnan(got[flat]).all()


def test_a_constant_column() -> None:
    for value in (0.0, 0.1, -1500.1, 1e300, 5e-324):
        x = np.full(5001, value)
        count, mean, std, skew, kurt = acm_rs.column_moments(x)
        assert (count[0], mean[0], std[0]) == (5001, value, 0.0)
        assert np.isnan(skew[0])
        assert np.isnan(kurt[0])
        assert acm_rs.column_median_mad(x) == (value, 0.0)
        assert acm_rs.column_quantiles(x, 0.37) == value


def test_zscores_are_robust_and_exact() -> None:
    rng = np.random.default_rng(3)
    x = 1e9 + 1e-3 * rng.standard_normal((1000, 1))
    column = exact.Column.of(x[:, 0].tolist())
    w = column.between(0, 1000)
    ordered = sorted(w.values)
    twice = ordered[499] + ordered[500]
    mad = order.mad(w)[0]
    want = np.array([(2 * v - twice) / (2 * column.unit) / (1.4826 * mad) for v in w.values])
    np.testing.assert_allclose(acm_rs.zscore(x)[:, 0], want, rtol=1e-12, atol=1e-12)


def test_zscores_of_given_numbers() -> None:
    x = sensors(300)
    center, scale = np.arange(10.0), np.arange(1.0, 11.0)
    np.testing.assert_array_equal(acm_rs.zscore(x, center, scale), (known(x) - center) / scale)
    np.testing.assert_array_equal(acm_rs.zscore(x, 2, 0.5), (known(x) - 2) / 0.5)
    median, mad = acm_rs.column_median_mad(x)
    np.testing.assert_array_equal(acm_rs.zscore(x, median), (known(x) - median) / np.maximum(1.4826 * mad, 1e-9))
    constant = np.array([7.0, 7.0, 8.0, 7.0])
    np.testing.assert_array_equal(acm_rs.zscore(constant), np.array([0.0, 0.0, 1.0, 0.0]) / 1e-9)


# ---- gaps -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("limit", [None, 1, 2, 7])
@pytest.mark.parametrize("n", [0, 1, 2, 50, 3000])
def test_filling_is_pandas(n: int, limit: int | None) -> None:
    x = sensors(n) if n else np.empty((0, 3))
    x[n // 4 : n // 2, :5] = np.nan
    frame = pd.DataFrame(known(x))
    wants = {
        "ffill": frame.ffill(limit=limit),
        "bfill": frame.bfill(limit=limit),
        "interpolate": frame.interpolate(limit=limit),
    }
    if limit is None:
        wants["zero"] = frame.fillna(0.0)
        wants["median"] = frame.fillna(frame.median())
    for method, want in wants.items():
        got = acm_rs.impute(x, method, limit=limit)
        np.testing.assert_allclose(got, want.to_numpy(), rtol=1e-12, atol=1e-12, err_msg=method)


def test_limits_count_every_gap_from_its_start() -> None:
    x = np.array([np.nan, np.nan, 2.0, np.inf, -np.inf, np.nan, 4.0, np.nan, np.nan])
    nan = np.nan
    np.testing.assert_array_equal(acm_rs.impute(x, "zero", limit=1), [0, nan, 2, 0, nan, nan, 4, 0, nan])
    np.testing.assert_array_equal(acm_rs.impute(x, limit=2), [3, 3, 2, 3, 3, nan, 4, 3, 3])
    np.testing.assert_array_equal(acm_rs.impute(x, "bfill", limit=1), [nan, 2, 2, nan, nan, 4, 4, nan, nan])


def test_given_fills_stand_for_medians() -> None:
    x = np.array([[1.0, np.nan, np.nan], [np.nan, np.nan, 4.0], [3.0, np.nan, 6.0]])
    got = acm_rs.impute(x, fill=np.array([np.nan, 7.0, np.inf]))
    np.testing.assert_array_equal(got, [[1.0, 7.0, 5.0], [2.0, 7.0, 4.0], [3.0, 7.0, 6.0]])
    np.testing.assert_array_equal(acm_rs.impute(x, fill=0.5)[:, 1], [0.5, 0.5, 0.5])
    assert np.isnan(acm_rs.impute(x)[:, 1]).all()


def test_lines_across_spikes_are_exact() -> None:
    x = np.array([-1e15, *[np.nan] * 6, 1e15 + 8.0])
    low, high = Fraction(x[0]), Fraction(x[-1])
    want = [float(low + (high - low) * k / 7) for k in range(8)]
    np.testing.assert_allclose(acm_rs.impute(x, "interpolate"), want, rtol=1e-15, atol=1e-12)


@pytest.mark.parametrize("lags", [1, 3, [0], [5, 0, 5], (2, 700), np.array([1, 4])], ids=str)
def test_lags_are_shifts(lags: Any) -> None:
    x = sensors(500)
    wanted = range(1, lags + 1) if isinstance(lags, int) else lags
    want = np.column_stack([pd.Series(x[:, j]).shift(int(k)).to_numpy() for j in range(x.shape[1]) for k in wanted])
    np.testing.assert_array_equal(acm_rs.lag_matrix(x, lags), want)
    line = acm_rs.lag_matrix(x[:, 0], lags)
    np.testing.assert_array_equal(line.reshape(500, -1), want[:, : len(list(wanted))])
    assert line.ndim == (1 if len(list(wanted)) == 1 else 2)


# ---- what holds for all ---------------------------------------------------------------------------------------------


@EVERY
@pytest.mark.parametrize("n", [1, 40, 20_000])
def test_every_layout_gives_the_same_bytes_and_is_left_alone(function: Callable[[Any], Any], n: int) -> None:
    x = sensors(n)
    want = parts(function(x))
    for name, form in layouts(x).items():
        before = form.copy()
        for got, expected in zip(parts(function(form)), want, strict=True):
            assert not np.shares_memory(got, form), name
            same_bytes(got, expected)
        same_bytes(form, before)


@EVERY
@pytest.mark.usefixtures("threads")
def test_every_number_of_threads_gives_the_same_bytes(function: Callable[[Any], Any]) -> None:
    x = sensors(40_000)
    found = []
    for threads in (1, 2, 5):
        acm_rs.set_num_threads(threads)
        found.append(parts(function(x)))
    for other in found[1:]:
        for got, want in zip(other, found[0], strict=True):
            same_bytes(got, want)


@EVERY
def test_single_precision_is_rounded_once(function: Callable[[Any], Any]) -> None:
    x = sensors(3000).astype(np.float32)
    for got, want in zip(parts(function(x)), parts(function(x.astype(np.float64))), strict=True):
        if want.dtype == np.int64:
            np.testing.assert_array_equal(got, want)
        else:
            assert got.dtype == np.float32
            with np.errstate(over="ignore"):
                same_bytes(got, want.astype(np.float32))


@EVERY
def test_nothing_is_fine(function: Callable[[Any], Any]) -> None:
    for shape in ((0, 3), (3, 0), (0, 0)):
        for part in parts(function(np.empty(shape))):
            assert np.isnan(part).all() or part.dtype == np.int64
    for part in parts(function(np.full((4, 2), np.nan))):
        assert part.shape[-1] in {2, 6}


@pytest.mark.parametrize("order", ["C", "F"])
@pytest.mark.parametrize("function", WRITING.values(), ids=WRITING.keys())
def test_out_is_written_and_returned(function: Callable[..., Any], order: Any) -> None:
    x = sensors(300)
    want = function(x, out=None)
    out = np.full(want.shape, 7.0, order=order)
    assert function(x, out=out) is out
    same_bytes(out, want)
    assert function(np.asfortranarray(x), out=None).flags.f_contiguous
    for wrong in (np.empty((300, 11)), np.empty(300), np.empty(want.shape, dtype=np.float32), x):
        with pytest.raises((TypeError, ValueError), match="`out`"):
            function(x, out=wrong)


def test_one_column_comes_back_one_dimensional() -> None:
    x = sensors(50)[:, 0]
    assert acm_rs.zscore(x).shape == (50,)
    assert acm_rs.impute(x).shape == (50,)
    assert acm_rs.column_quantiles(x, 0.5).shape == (1,)
    assert acm_rs.column_quantiles(x, [0.5]).shape == (1, 1)
    assert all(part.shape == (1,) for part in acm_rs.column_moments(x))


X = np.arange(12.0).reshape(4, 3)


@pytest.mark.parametrize(
    ("call", "name"),
    [
        (lambda: acm_rs.column_median_mad([[1.0]]), "`x`"),
        (lambda: acm_rs.column_median_mad(X, "1"), "`scale`"),
        (lambda: acm_rs.column_median_mad(X, float("nan")), "`scale`"),
        (lambda: acm_rs.column_quantiles(X, 1.5), "`q`"),
        (lambda: acm_rs.column_quantiles(X, []), "`q`"),
        (lambda: acm_rs.column_quantiles(X, "half"), "`q`"),
        (lambda: acm_rs.column_moments(X.astype(int)), "`x`"),
        (lambda: acm_rs.zscore(X, [1.0]), "`center`"),
        (lambda: acm_rs.zscore(X, scale=np.ones((1, 3))), "`scale`"),
        (lambda: acm_rs.zscore(X, scale="a"), "`scale`"),
        (lambda: acm_rs.impute(X, "mean"), "`method`"),
        (lambda: acm_rs.impute(X, 3), "`method`"),
        (lambda: acm_rs.impute(X, "zero", 1.0), "`fill`"),
        (lambda: acm_rs.impute(X, fill=[1.0]), "`fill`"),
        (lambda: acm_rs.impute(X, limit=0), "`limit`"),
        (lambda: acm_rs.impute(X, limit=1.5), "`limit`"),
        (lambda: acm_rs.lag_matrix(X, 0), "`lags`"),
        (lambda: acm_rs.lag_matrix(X, True), "`lags`"),
        (lambda: acm_rs.lag_matrix(X, -1), "`lags`"),
        (lambda: acm_rs.lag_matrix(X, []), "`lags`"),
        (lambda: acm_rs.lag_matrix(X, [1, -1]), "`lags`"),
        (lambda: acm_rs.lag_matrix(X, [1.5]), "`lags`"),
        (lambda: acm_rs.lag_matrix(X, "12"), "`lags`"),
        (lambda: acm_rs.lag_matrix(X[0, 0], 1), "`x`"),
    ],
)
def test_bad_arguments_are_named(call: Callable[[], Any], name: str) -> None:
    with pytest.raises((TypeError, ValueError), match=name):
        call()


def test_sizes_beyond_the_memory_are_an_error() -> None:
    with pytest.raises((MemoryError, ValueError)):
        acm_rs.lag_matrix(X, 2**60)
    huge = np.broadcast_to(np.zeros(1), (2**40, 2**19))
    with pytest.raises((MemoryError, ValueError)):
        acm_rs.zscore(huge, 0.0, 1.0)
