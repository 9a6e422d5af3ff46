"""Rolling covariance and correlation: against exact arithmetic on hard pairs of series, and beside pandas."""

from __future__ import annotations

import acm_rs
import numpy as np
import pandas as pd
import pytest
from exact import Column, Exact
from exact_pairs import Pairs, lagged, pair_values
from families import FAMILIES, LENGTH, family, sample_rows, second, sums
from histories import history, layouts, same_bytes
from hypothesis import given
from hypothesis import strategies as st
from test_errors import refused
from windows import trailing

WINDOWS = (2, 3, 4, 20, 100, 1000)
MISSING = pytest.mark.parametrize("missing", [False, True], ids=["whole", "gaps"])
OF_EVERY_FAMILY = pytest.mark.parametrize("name", FAMILIES)


def truth(name: str, missing: bool, kind: str, window: int, ddof: int = 1) -> tuple[list[int], Exact]:
    """Give rows worth a look and the exact values there."""
    rows = list(sample_rows(name, missing, window, 500))
    how = {"ddof": ddof} if kind == "cov" else {}
    return rows, pair_values(getattr(Pairs, kind), sums(name, missing), trailing(LENGTH, window), rows, **how)


@MISSING
@OF_EVERY_FAMILY
def test_correlations_meet_the_target(name: str, missing: bool) -> None:
    for window in WINDOWS:
        rows, want = truth(name, missing, "corr", window)
        got = acm_rs.rolling_corr(family(name, missing), second(name, missing), window)
        error = want.error(got[rows])
        worst = int(error.argmax())
        assert error.max() <= 1e-13, (window, rows[worst], got[rows[worst]], want.hi[worst], error.max())


@MISSING
@OF_EVERY_FAMILY
def test_covariances_meet_the_contract(name: str, missing: bool) -> None:
    for window in WINDOWS:
        for ddof in (1, 0):
            rows, want = truth(name, missing, "cov", window, ddof)
            got = acm_rs.rolling_cov(family(name, missing), second(name, missing), window, ddof=ddof)[rows]
            error = want.scaled_error(got)[:, 0]
            worst = int(error.argmax())
            assert error.max() <= 1e-12, (window, ddof, rows[worst], got[worst], want.hi[worst], error[worst])


@MISSING
@OF_EVERY_FAMILY
def test_values_are_pandas_up_to_its_own_error(name: str, missing: bool) -> None:
    x, y = family(name, missing), second(name, missing)
    series = [pd.Series(np.where(np.isfinite(v), v, np.nan)) for v in (x, y)]
    for window in (2, 20, 100):
        for kind in ("cov", "corr"):
            rows, want = truth(name, missing, kind, window)
            ours = getattr(acm_rs, f"rolling_{kind}")(x, y, window)[rows, None]
            peer = getattr(series[0].rolling(window, min_periods=1), kind)(series[1]).to_numpy()[rows, None]
            defined = np.isfinite(ours) & np.isfinite(peer)
            with np.errstate(invalid="ignore"):
                allowed = 1e-12 * np.maximum(1.0, np.abs(want.hi)) + want.error(peer) + 1e-15 * np.abs(peer)
                over = np.flatnonzero(defined & ~(np.abs(ours - peer) <= allowed))
            assert over.size == 0, (kind, window, rows[over[0]], ours[over[0]], peer[over[0]], want.hi[over[0]])


@MISSING
def test_the_same_rows_are_undefined_as_in_pandas(missing: bool) -> None:
    x, y = family("F-normal", missing)[:6000], second("F-normal", missing)[:6000]
    series = [pd.Series(np.where(np.isfinite(v), v, np.nan)) for v in (x, y)]
    for window in (1, 2, 5, 60):
        for min_periods in {0, 1, (window + 1) // 2, window}:
            rolling = series[0].rolling(window, min_periods=min_periods)
            for kind in ("cov", "corr"):
                got = getattr(acm_rs, f"rolling_{kind}")(x, y, window, min_periods)
                want = getattr(rolling, kind)(series[1])
                np.testing.assert_array_equal(np.isnan(got), want.isna().to_numpy(), err_msg=f"{kind} {window}")


VALUES = st.one_of(
    st.sampled_from([np.nan, np.inf, -np.inf, 0.0, -0.0, 1.0, 1e9, 1e15, -1e15]),
    st.integers(-20, 20).map(lambda v: v / 8),
    st.floats(-1e3, 1e3, width=32),
)


@given(
    values=st.lists(st.tuples(VALUES, VALUES), min_size=1, max_size=28),
    window=st.integers(1, 33),
    share=st.floats(0, 1),
    ddof=st.integers(0, 2),
)
def test_any_small_pair_meets_the_contract(
    values: list[tuple[float, float]], window: int, share: float, ddof: int
) -> None:
    x, y = np.array(values).T
    n, min_periods = x.size, int(share * window)
    pairs = Pairs(Column.of(x.tolist()), Column.of(y.tolist()))
    start, stop = bounds = trailing(n, window)
    want = pair_values(Pairs.corr, pairs, bounds, range(n), min_periods=min_periods)
    got = acm_rs.rolling_corr(x, y, window, min_periods)
    assert want.error(got).max() <= 1e-12, (got, want.hi[:, 0])
    # Where products of 1e30 meet and cancel, a double keeps what they allow.
    want = pair_values(Pairs.cov, pairs, bounds, range(n), min_periods=min_periods, ddof=ddof)
    got = acm_rs.rolling_cov(x, y, window, min_periods, ddof=ddof)
    spread = np.array([pairs.spread(int(a), int(b), ddof) for a, b in zip(start, stop, strict=True)])
    allowed = np.maximum(1e-12 * np.fmax(1.0, np.abs(want.hi[:, 0])), 1e-14 * spread)
    assert (want.error(got)[:, 0] <= allowed).all(), (got, want.hi[:, 0])


@OF_EVERY_FAMILY
def test_correlations_stay_within_one(name: str) -> None:
    x = family(name, True)[:4000]
    for window in (2, 3, 16, 300):
        for y in (x, -x, 2.0 * x, 0.3 * x, x + 1e-9 * second(name, False)[:4000]):
            got = acm_rs.rolling_corr(x, y, window)
            assert (np.abs(got[np.isfinite(got)]) <= 1.0).all()
        same = acm_rs.rolling_corr(x, x, window)
        assert (np.abs(same[np.isfinite(same)] - 1.0) <= 2.0**-52).all()
        other = acm_rs.rolling_corr(x, -x, window)
        np.testing.assert_array_equal(other, -same)
        std = acm_rs.rolling_std(x, window)
        np.testing.assert_array_equal(np.isnan(same), ~(std > 0.0))


@OF_EVERY_FAMILY
def test_the_two_series_may_change_places(name: str) -> None:
    x, y = family(name, True)[:3000], second(name, True)[:3000]
    for window in (2, 5, 64):
        got, want = acm_rs.rolling_corr(y, x, window), acm_rs.rolling_corr(x, y, window)
        np.testing.assert_allclose(got, want, rtol=0.0, atol=1e-14)


@OF_EVERY_FAMILY
def test_the_covariance_with_itself_is_the_variance(name: str) -> None:
    x = family(name, True)
    for window in (3, 50):
        for ddof in (0, 1):
            got, want = acm_rs.rolling_cov(x, x, window, ddof=ddof), acm_rs.rolling_var(x, window, ddof=ddof)
            np.testing.assert_allclose(got, want, rtol=1e-13, atol=1e-14)


def test_a_power_of_two_scales_through() -> None:
    x, y = family("F-normal", True)[:900], second("F-normal", True)[:900]
    for window in (3, 40):
        same_bytes(acm_rs.rolling_corr(np.ldexp(x, 40), np.ldexp(y, -30), window), acm_rs.rolling_corr(x, y, window))
        got = acm_rs.rolling_cov(np.ldexp(x, 40), np.ldexp(y, -30), window)
        same_bytes(got, np.ldexp(acm_rs.rolling_cov(x, y, window), 10))


def test_constants_have_no_correlation() -> None:
    x = np.random.default_rng(2).standard_normal(300)
    for value in (0.0, 0.1, 1e9 + 0.1, 1e-300):
        y = np.full(300, value)
        y[140:150] = np.nan
        for window in (1, 2, 7, 64, 400):
            assert np.isnan(acm_rs.rolling_corr(x, y, window)).all()
            assert np.isnan(acm_rs.rolling_corr(y, x, window)).all()
            assert not np.nan_to_num(acm_rs.rolling_cov(x, y, window)).any()


def test_huge_and_tiny_values_recover() -> None:
    x = np.random.default_rng(3).standard_normal(400)
    y = 0.4 * x + np.random.default_rng(4).standard_normal(400)
    for huge in (1e160, 1.7e308):
        spiked = x.copy()
        spiked[50] = huge
        for window in (4, 60):
            for f in (acm_rs.rolling_corr, acm_rs.rolling_cov):
                same_bytes(f(spiked, y, window)[50 + window :], f(x, y, window)[50 + window :])


def test_one_series_serves_every_column() -> None:
    x = history(300, 4)
    y = history(300, 2, seed=9)[:, 0].copy()
    together = np.column_stack([y] * 4)
    for f in (acm_rs.rolling_corr, acm_rs.rolling_cov):
        want = f(x, together, 20)
        assert want.shape == x.shape
        same_bytes(f(x, y, 20), want)
        for j in range(4):
            same_bytes(f(x[:, j].copy(), y, 20), want[:, j])


def test_every_layout_of_the_second_gives_the_same_bytes() -> None:
    x, y = history(300, 4), history(300, 4, seed=5)
    for f in (acm_rs.rolling_corr, acm_rs.rolling_cov):
        want = f(x, y, 17, 3)
        for form in layouts(y).values():
            before = form.copy()
            same_bytes(f(np.asfortranarray(x), form, 17, 3), want)
            same_bytes(f(x, form, 17, 3), want)
            same_bytes(form, before)
        line = y[:, 1].copy()
        want = f(x, line, 17)
        for form in (np.repeat(line, 3)[::3], line[::-1].copy()[::-1]):
            same_bytes(f(x, form, 17), want)
        small = (x.astype(np.float32), np.where(np.abs(y) > 1e14, 1.0, y).astype(np.float32))
        wide = tuple(v.astype(np.float64) for v in small)
        same_bytes(f(*small, 17), f(*wide, 17).astype(np.float32))


def test_the_same_array_may_be_both() -> None:
    x = history(100, 3)
    same_bytes(acm_rs.rolling_corr(x, x, 9), acm_rs.rolling_corr(x, x.copy(), 9))


@pytest.mark.parametrize("name", ["rolling_corr", "rolling_cov"])
def test_a_wrong_second_series_is_refused(name: str) -> None:
    f = getattr(acm_rs, name)
    x = np.arange(24.0).reshape(8, 3)
    for y in ([1.0] * 8, None, 3.0, "abc", pd.Series(["a"] * 8)):
        refused(TypeError, ("`y`",), lambda y=y: f(x, y, 3))
    for dtype in ("int64", "bool", "object", ">f8"):
        refused(TypeError, ("`y`", str(np.dtype(dtype))), lambda dtype=dtype: f(x, x.astype(dtype), 3))
    refused((TypeError, ValueError), ("`y`", "float64", "float32"), lambda: f(x, x.astype(np.float32), 3))
    refused((TypeError, ValueError), ("`y`", "float64", "float32"), lambda: f(x.astype(np.float32), x, 3))
    for shape in ((7, 3), (9,), (8, 2), (8, 4), (0, 3), (8, 3, 1), ()):
        refused(ValueError, ("`y`",), lambda shape=shape: f(x, np.ones(shape), 3))
    shared = np.zeros((20, 3))
    refused(ValueError, ("`out`",), lambda: f(x, shared[:8], 3, out=shared[4:12]))
    same_bytes(f(x, shared[:8], 3, out=shared[10:18]), f(x, np.zeros((8, 3)), 3))


def test_lagged_correlations_meet_the_target() -> None:
    for name in FAMILIES:
        x = np.column_stack([family(name, True), second(name, True), second(name, False)])[:3100]
        columns = [Column.of(x[:, j].tolist()) for j in range(3)]
        chosen = [(0, 1), (1, 0), (2, 2), (0, 2)]
        pairs = [Pairs(columns[a], lagged(columns[b], k)) for a, b in chosen for k in range(4)]
        for window in (2, 4, 20, 300):
            rows = [row for row in sample_rows(name, True, window, 250) if row < 3100]
            want = pair_values(Pairs.corr, pairs, trailing(3100, window), rows)
            got = acm_rs.rolling_lag_corr(x, window, 3, chosen)
            assert got.shape == (3100, 16)
            error = want.error(got[rows])
            row, output = np.unravel_index(error.argmax(), error.shape)
            assert error.max() <= 1e-13, (name, window, rows[row], chosen[output // 4], output % 4, error.max())


def test_lags_are_correlations_with_a_shifted_column() -> None:
    x = history(400, 3, seed=3)
    frame = pd.DataFrame(np.where(np.isfinite(x), x, np.nan))
    for window, min_periods in ((5, 1), (40, 12)):
        got = acm_rs.rolling_lag_corr(x, window, 2, min_periods=min_periods)
        assert got.shape == (400, 18)
        order = [(a, b) for a in range(3) for b in range(3) if a != b]
        for i, (a, b) in enumerate(order):
            for k in range(3):
                moved = np.array(frame[b].shift(k))
                want = acm_rs.rolling_corr(x[:, a].copy(), moved, window, min_periods)
                np.testing.assert_array_equal(np.isnan(got[:, 3 * i + k]), np.isnan(want))
                np.testing.assert_allclose(got[:, 3 * i + k], want, rtol=0, atol=2e-14)


def test_lagged_pairs_may_come_in_any_form() -> None:
    x = history(200, 4)
    want = acm_rs.rolling_lag_corr(x, 12, 1, [(0, 3), (2, 2), (0, 3)])
    assert want.shape == (200, 6)
    for pairs in (
        ((0, 3), (2, 2), (0, 3)),
        [[0, 3], [2, 2], [0, 3]],
        np.array([[0, 3], [2, 2], [0, 3]]),
        [(np.int64(0), np.int32(3)), (2, 2), (0, 3)],
    ):
        same_bytes(acm_rs.rolling_lag_corr(x, 12, 1, pairs), want)
    same_bytes(want[:, 4:], want[:, :2])
    single = acm_rs.rolling_lag_corr(x, 12, 1, [(0, 3)])
    same_bytes(single, want[:, :2])
    for form in layouts(x).values():
        same_bytes(acm_rs.rolling_lag_corr(form, 12, 1, [(0, 3), (2, 2), (0, 3)]), want)


def test_lagged_correlations_of_a_piece_need_the_lags_before_it() -> None:
    x, window, lags = history(600, 3), 30, 4
    want = acm_rs.rolling_lag_corr(x, window, lags)
    for start in (1, 33, 250, 599):
        first = max(0, start - (window - 1) - lags)
        got = acm_rs.rolling_lag_corr(x[first:], window, lags, first_row=first)
        same_bytes(got[start - first :], want[start:])


def test_lags_beyond_the_data_are_undefined() -> None:
    x = history(20, 2)
    got = acm_rs.rolling_lag_corr(x, 5, 30)
    assert got.shape == (20, 62)
    assert np.isnan(got[:, 20:31]).all()
    assert acm_rs.rolling_lag_corr(x[:0], 5, 2).shape == (0, 6)
    assert acm_rs.rolling_lag_corr(x[:, :1], 5, 2).shape == (20, 0)
    assert acm_rs.rolling_lag_corr(x[:, :0], 5, 2).shape == (20, 0)


@pytest.mark.parametrize("max_lag", [-1, 1.5, True, "2", None, -(2**70)], ids=repr)
def test_the_largest_lag_must_be_a_whole_number(max_lag: object) -> None:
    refused((ValueError, TypeError), ("`max_lag`",), lambda: acm_rs.rolling_lag_corr(np.ones((8, 3)), 3, max_lag))


@pytest.mark.parametrize(
    "pairs",
    [[(0, 3)], [(-1, 0)], [(0, 2**70)], [(0,)], [(0, 1, 2)], [0, 1], "01", 3, [("a", "b")], [(0.0, 1.0)], [(True, 0)]],
    ids=repr,
)
def test_pairs_must_be_columns(pairs: object) -> None:
    refused(
        (ValueError, TypeError, IndexError),
        ("pairs",),
        lambda: acm_rs.rolling_lag_corr(np.ones((8, 3)), 3, 1, pairs),
    )


def test_too_many_lags_are_an_error_and_no_crash() -> None:
    for max_lag in (2**40, 2**62, 2**63):
        with pytest.raises((MemoryError, ValueError)):
            acm_rs.rolling_lag_corr(np.ones((8, 3)), 3, max_lag)
