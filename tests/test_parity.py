"""P2 and P3: the rolling kernels beside their peers, whose own error against exact arithmetic is granted to them."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from accuracy_table import truth_of
from exact import as_columns
from families import FAMILIES, WINDOWS, family
from hypothesis import example, given
from hypothesis import strategies as st
from registry import KERNELS, ROLLING, Array, Floats, Kernel
from registry.rolling import sliding_moments

OF_EVERY_KERNEL = pytest.mark.parametrize("kernel", ROLLING, ids=lambda k: k.name)
MISSING = pytest.mark.parametrize("missing", [False, True], ids=["whole", "gaps"])
ROWS = 3200


def short(name: str, missing: bool) -> Floats:
    """Give the first part of a family, enough for every event in it."""
    return family(name, missing)[: 5600 if name.startswith("B") else ROWS + 1400]


@OF_EVERY_KERNEL
@MISSING
@pytest.mark.parametrize("name", FAMILIES)
def test_values_are_the_peer_s_up_to_the_peer_s_own_error(kernel: Kernel, name: str, missing: bool) -> None:
    x = family(name, missing)
    for window in (w for w in WINDOWS if w <= 100):
        rows, want = truth_of(kernel, name, missing, window)
        ours = as_columns(kernel(x, window))[rows]
        peer = kernel.columns(x[:, None], window)[rows]
        defined = np.isfinite(ours) & np.isfinite(peer)
        allowed = kernel.tolerance * np.maximum(1.0, np.abs(want.hi)) + want.error(peer)
        over = np.flatnonzero((defined & ~(np.abs(ours - peer) <= allowed)).any(axis=1))
        assert over.size == 0, (window, rows[over[0]], ours[over[0]], peer[over[0]], want.hi[over[0]])


@OF_EVERY_KERNEL
@MISSING
@pytest.mark.parametrize("name", FAMILIES)
def test_the_same_rows_are_undefined(kernel: Kernel, name: str, missing: bool) -> None:
    x = short(name, missing)
    for window in WINDOWS if kernel.peer == "pandas" else (1, 2, 4, 20, 100):
        for min_periods in {1, (window + 1) // 2, window}:
            ours = np.isnan(as_columns(kernel(x, window, min_periods)))
            peer = np.isnan(kernel.columns(x[:, None], window, min_periods))
            other = np.flatnonzero((ours != peer).any(axis=1))
            assert other.size == 0, f"window {window}, min_periods {min_periods}, rows {other[:5]} of {other.size}"


@pytest.mark.parametrize("name", ["rolling_min", "rolling_max", "rolling_median"])
@MISSING
def test_order_statistics_equal_pandas_on_every_row(name: str, missing: bool) -> None:
    kernel = KERNELS[name]
    for data in FAMILIES:
        for window in WINDOWS:
            x = short(data, missing)
            np.testing.assert_array_equal(as_columns(kernel(x, window)), kernel.columns(x[:, None], window))


@MISSING
@pytest.mark.parametrize("name", FAMILIES)
def test_quantiles_agree_with_pandas_on_every_row(name: str, missing: bool) -> None:
    x = short(name, missing)
    kernel = KERNELS["rolling_quantile"]
    for window in (1, 2, 7, 20, 100, 1000):
        q = (0.0, 0.1, 0.5, 0.95, 1.0)
        scale = pd.Series(np.where(np.isfinite(x), np.abs(x), np.nan)).rolling(window, min_periods=1).max().to_numpy()
        ours, peer = kernel(x, window, q=q), kernel.columns(x[:, None], window, q=q)
        np.testing.assert_array_equal(np.isnan(ours), np.isnan(peer))
        with np.errstate(invalid="ignore"):
            far = np.abs(ours - peer) > 1e-15 * scale[:, None]
        assert not far.any(), np.flatnonzero(far.any(axis=1))[:5]


@MISSING
@pytest.mark.parametrize("name", FAMILIES)
@pytest.mark.parametrize("window", [2, 4, 20, 100])
def test_moments_agree_with_a_two_pass_form_on_every_row(name: str, missing: bool, window: int) -> None:
    x = short(name, missing)
    clean = np.where(np.isfinite(x), x, np.nan)
    peer = sliding_moments(x, window)
    scale = pd.Series(np.abs(clean)).rolling(window, min_periods=1).max().to_numpy()
    for moment, degree in {"mean": 1, "var": 2, "std": 1, "skew": 0, "kurt": 0}.items():
        ours = as_columns(KERNELS[f"rolling_{moment}"](x, window))[:, 0]
        if moment in {"skew", "kurt"}:
            allowed = 1e-11 * np.maximum(1.0, np.abs(peer[moment]))
        else:
            # Two-pass rounding is relative to the largest value for the mean, to the result for the spread.
            allowed = 1e-12 * np.maximum(1.0, scale if degree == 1 and moment == "mean" else np.abs(peer[moment]))
        with np.errstate(invalid="ignore"):
            far = np.flatnonzero(np.abs(ours - peer[moment]) > allowed)
        assert far.size == 0, (moment, far[:3], ours[far[:3]], peer[moment][far[:3]])


def test_a_constant_window_is_pandas_3_s() -> None:
    x = np.array([5.0, 5.0, 5.0, 5.0, 5.0, 6.0])
    np.testing.assert_array_equal(np.isnan(KERNELS["rolling_skew"](x, 4)), [True] * 5 + [False])
    np.testing.assert_array_equal(np.isnan(KERNELS["rolling_kurt"](x, 4)), [True] * 5 + [False])
    np.testing.assert_array_equal(KERNELS["rolling_std"](x, 4)[1:5], 0.0)


def test_a_window_of_one() -> None:
    x = np.array([3.5, np.nan, -2.0, np.inf])
    only = np.array([3.5, np.nan, -2.0, np.nan])
    for name in ("sum", "mean", "median", "min", "max"):
        np.testing.assert_array_equal(KERNELS[f"rolling_{name}"](x, 1), only)
    for name in ("std", "var", "skew", "kurt"):
        assert np.isnan(KERNELS[f"rolling_{name}"](x, 1)).all()
    for name in ("std", "var"):
        np.testing.assert_array_equal(KERNELS[f"rolling_{name}"](x, 1, ddof=0), only * 0.0)
    np.testing.assert_array_equal(KERNELS["rolling_mad"](x, 1), only * 0.0)
    np.testing.assert_array_equal(KERNELS["rolling_slope"](x, 1), only * 0.0)


@OF_EVERY_KERNEL
def test_a_window_longer_than_the_data_expands(kernel: Kernel) -> None:
    x = family("F-normal", True)[:60]
    if kernel.leading_zeros:
        # The nominal window decides from which row on there is an energy.
        assert not kernel(x, 1000)[:60].any()
        np.testing.assert_array_equal(kernel(x, 80)[39:59], kernel(x, 60)[39:59])
        return
    for window in (61, 1000, 2**40, 2**62):
        np.testing.assert_array_equal(kernel(x, window), kernel(x, 60))


@OF_EVERY_KERNEL
def test_min_periods_zero(kernel: Kernel) -> None:
    x = family("F-normal", True)[:200].copy()
    x[:5] = np.nan
    x[100:140] = np.inf
    for window in (1, 5, 30):
        got, want = as_columns(kernel(x, window, 0)), as_columns(kernel(x, window, 1))
        if kernel.own_minimum == 0:
            assert (got[np.isnan(want)] == 0.0).all()
            assert np.isnan(want).any()
            np.testing.assert_array_equal(got[~np.isnan(want)], want[~np.isnan(want)])
        else:
            np.testing.assert_array_equal(got, want)


@OF_EVERY_KERNEL
@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_all_missing(kernel: Kernel, value: float) -> None:
    got = as_columns(kernel(np.full(40, value), 6))
    if kernel.leading_zeros:
        assert not got[:2].any()
        got = got[2:]
    assert np.isnan(got).all()


@OF_EVERY_KERNEL
def test_min_periods_counts_valid_values(kernel: Kernel) -> None:
    x = np.array([1.0, np.nan, 2.5, np.inf, 7.0, 3.0, -1.0, np.nan, np.nan, 4.0, 4.5, 0.5])
    for min_periods in range(1, 6):
        got = as_columns(kernel(x, 5, min_periods))
        count = np.array([np.isfinite(x[max(0, t - 4) : t + 1]).sum() for t in range(x.size)])
        need = max(min_periods, kernel.minimum(kernel.keywords))
        rows = np.arange(1, x.size + 1)
        expected = (count < need) & ((rows >= 2) | (not kernel.leading_zeros))
        np.testing.assert_array_equal(np.isnan(got[:, 0]), expected)


VALUES = st.one_of(
    st.sampled_from([np.nan, np.inf, -np.inf, 0.0, -0.0, 1.0, 1e9, 1e15, -1e15]),
    st.integers(-20, 20).map(lambda v: v / 8),
    st.floats(-1e3, 1e3, width=32),
)


@OF_EVERY_KERNEL
@given(
    values=st.lists(VALUES, min_size=1, max_size=28),
    window=st.integers(1, 33),
    share=st.floats(0, 1),
)
@example(values=[1.0] * 9 + [1e15, -1e15, 1.0, np.nan], window=4, share=0.0)
def test_any_small_series_meets_the_contract(kernel: Kernel, values: list[float], window: int, share: float) -> None:
    x = np.array(values)
    min_periods = int(share * window)
    want = kernel.exactly(x, window, range(x.size), min_periods=min_periods)
    got = as_columns(kernel(x, window, min_periods))
    error = want.scaled_error(got)
    row = int(error.max(axis=1).argmax())
    assert error.max() <= kernel.tolerance, f"row {row}: got {got[row]}, exact {want.hi[row]}"


def naive(name: str, part: Array) -> float:
    """Evaluate one window with plain NumPy, as a reader would write it."""
    v = part[np.isfinite(part)]
    if v.size == 0:
        return float("nan")
    at = np.flatnonzero(np.isfinite(part))
    forms = {
        "sum": lambda: v.sum(),
        "mean": lambda: v.mean(),
        "var": lambda: v.var(ddof=1) if v.size > 1 else np.nan,
        "std": lambda: v.std(ddof=1) if v.size > 1 else np.nan,
        "min": v.min,
        "max": v.max,
        "median": lambda: np.median(v),
        "mad": lambda: np.median(np.abs(v - np.median(v))),
        "quantile": lambda: np.quantile(v, 0.25),
        "slope": lambda: np.polyfit(at, v, 1)[0] if v.size > 1 else 0.0,
    }
    return float(forms[name]())


@pytest.mark.parametrize("name", ["sum", "mean", "var", "std", "min", "max", "median", "mad", "quantile", "slope"])
@given(
    values=st.lists(st.one_of(st.just(np.nan), st.integers(-400, 400).map(lambda v: v / 16)), min_size=1, max_size=24),
    window=st.integers(2, 27),
)
def test_any_small_series_agrees_with_plain_numpy(name: str, values: list[float], window: int) -> None:
    x = np.array(values)
    got = KERNELS[f"rolling_{name}"](x, window)
    want = np.array([naive(name, x[max(0, t - window + 1) : t + 1]) for t in range(x.size)])
    np.testing.assert_allclose(got, want, rtol=1e-11, atol=1e-11)
