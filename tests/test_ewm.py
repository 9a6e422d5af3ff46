"""Exponentially weighted mean and deviation against pandas and against sums in 400 bits."""

from __future__ import annotations

import datetime
import itertools
import math
from collections.abc import Callable
from typing import Any

import acm_rs
import mpmath
import numpy as np
import numpy.typing as npt
import pandas as pd
import pytest
from families import FAMILIES, family
from registry.references import PANDAS_3
from test_contract import layouts, same_bytes

Floats = npt.NDArray[np.float64]

DECAYS = (
    {"alpha": 0.3},
    {"alpha": 0.02},
    {"alpha": 0.95},
    {"alpha": 1.0},
    {"span": 1},
    {"span": 12.5},
    {"halflife": 4},
)
WEIGHINGS = tuple({"adjust": a, "ignore_na": i} for a, i in itertools.product((True, False), repeat=2))
OF_WEIGHINGS = pytest.mark.parametrize("weighing", WEIGHINGS, ids=str)
OF_DECAYS = pytest.mark.parametrize("decay", DECAYS, ids=str)
BOTH = pytest.mark.parametrize("function", [acm_rs.ewm_mean, acm_rs.ewm_std], ids=["mean", "std"])


def sensors(n: int = 600, seed: int = 2) -> Floats:
    rng = np.random.default_rng(seed)
    x = rng.standard_normal((n, 9))
    x[:, 1] += 20.0
    x[rng.random(n) < 0.3, 2] = np.nan
    x[rng.random(n) < 0.1, 3] = np.inf
    x[: n // 3, 4] = np.nan
    x[n // 4 : n // 4 + 15, 5] = -np.inf
    x[:, 6] = np.nan
    x[:, 7] = 0.1
    x[:, 8] = np.round(np.cumsum(x[:, 8]), 1)
    return x


def frame(x: Floats) -> pd.DataFrame:
    return pd.DataFrame(np.where(np.isfinite(x), x, np.nan))


def stamps(n: int, whole: bool = False) -> npt.NDArray[np.datetime64]:
    """Times with gaps, duplicates and jitter, of whole seconds or not."""
    rng = np.random.default_rng(9)
    steps = rng.integers(0, 4_000_000_000, n) * rng.integers(0, 2, n) + 60_000_000_000 * (rng.random(n) < 0.02)
    if whole:
        steps -= steps % 1_000_000_000
    return np.datetime64("2024-03-01", "ns") + np.cumsum(steps).astype("timedelta64[ns]")


# ---- pandas ---------------------------------------------------------------------------------------------------------


@OF_WEIGHINGS
@OF_DECAYS
@pytest.mark.parametrize("min_periods", [0, 1, 5])
def test_means_are_pandas(decay: dict[str, float], weighing: dict[str, bool], min_periods: int) -> None:
    x = sensors()
    want = frame(x).ewm(**decay, **weighing, min_periods=min_periods).mean()
    got = acm_rs.ewm_mean(x, **decay, **weighing, min_periods=min_periods)
    np.testing.assert_allclose(got, want, rtol=1e-12, atol=1e-12)


@OF_WEIGHINGS
# Where a gap leaves almost nothing of the past, pandas' correction for bias rounds away.
@pytest.mark.parametrize("decay", [decay for decay in DECAYS if decay.get("alpha") != 0.95], ids=str)
@pytest.mark.parametrize("bias", [False, True])
def test_deviations_are_pandas(decay: dict[str, float], weighing: dict[str, bool], bias: bool) -> None:
    x = sensors()
    for min_periods in (1, 4):
        want = frame(x).ewm(**decay, **weighing, min_periods=min_periods).std(bias=bias).to_numpy()
        got = acm_rs.ewm_std(x, **decay, **weighing, min_periods=min_periods, bias=bias)
        # pandas takes the root of what rounding leaves of a constant.
        np.testing.assert_allclose(got, want, rtol=1e-11, atol=1e-12)


@OF_WEIGHINGS
def test_means_in_time_are_pandas(weighing: dict[str, bool]) -> None:
    if not weighing["adjust"] and not PANDAS_3:
        pytest.skip("pandas 2 knows times with adjust=True alone")
    x = sensors()
    # pandas rounds the time since 1970 to a float64 before it takes differences: whole seconds stay whole.
    times = stamps(600, whole=True)
    for halflife in ("5s", "2min"):
        # Where `ignore_na` is set, pandas lets the stamp of a row without a value decide weights.
        want = frame(x).ewm(halflife=halflife, times=pd.DatetimeIndex(times), adjust=weighing["adjust"]).mean()
        got = acm_rs.ewm_mean(x, halflife=halflife, times=times, **weighing)
        np.testing.assert_allclose(got, want, rtol=1e-12, atol=1e-12)


@BOTH
def test_times_of_every_kind(function: Callable[..., Any]) -> None:
    x = sensors()
    times = stamps(600)
    want = function(x, halflife="5s", times=times)
    same_bytes(function(x, halflife=np.timedelta64(5, "s"), times=times.astype(np.int64)), want)
    same_bytes(function(x, halflife=datetime.timedelta(seconds=5), times=times), want)
    # An even step in time is a step of a row.
    seconds = np.arange(600).astype("datetime64[s]")
    np.testing.assert_allclose(
        function(x, halflife="5s", times=seconds), function(x, halflife=5.0), rtol=1e-12, atol=1e-12
    )


@pytest.mark.parametrize("alpha", [0.5, 0.5 - 1e-9])
def test_a_half_is_no_special_weight(alpha: float) -> None:
    """pandas 3 weighs the value after a gap by another rule where alpha is exactly 0.5; pandas 2 does not, nor we."""
    x = np.array([1.0, np.nan, np.nan, 5.0, 2.0])
    got = acm_rs.ewm_mean(x, alpha=alpha, adjust=False)
    np.testing.assert_allclose(got, [1.0, 1.0, 1.0, 4.2, 3.1], rtol=1e-8)


# ---- exact ----------------------------------------------------------------------------------------------------------


def exactly(
    x: Floats,
    keep: list[Any],
    alpha: Any,
    adjust: bool,
    ignore_na: bool,
) -> tuple[list[Any], list[Any], list[Any]]:
    """Mean, biased and unbiased deviation in 400 bits; ``keep``: what a row leaves of the weights before it."""
    means, biased, unbiased = [], [], []
    s0 = s1 = s2 = q = mpmath.mpf(0)
    past, count = mpmath.mpf(1), 0
    for row, value in enumerate(x.tolist()):
        known = math.isfinite(value)
        if count and (known or not ignore_na):
            past *= keep[row]
        if known:
            old, new = past, mpmath.mpf(1)
            if not adjust and count:
                new = 1 - past if alpha is None else alpha
                old, new = old / (old + new), new / (old + new)
            v = mpmath.mpf(value)
            s0, s1, s2 = old * s0 + new, old * s1 + new * v, old * s2 + new * v * v
            q = old * old * q + new * new
            past, count = mpmath.mpf(1), count + 1
        if count == 0:
            means.append(mpmath.nan)
            biased.append(mpmath.nan)
            unbiased.append(mpmath.nan)
            continue
        mean = s1 / s0
        variance = s2 / s0 - mean * mean
        variance = mpmath.mpf(0) if abs(variance) < mpmath.mpf(10) ** -60 else variance
        left = 1 - q / (s0 * s0)
        means.append(mean)
        biased.append(mpmath.sqrt(variance))
        unbiased.append(mpmath.sqrt(variance / left) if count > 1 and left > mpmath.mpf(10) ** -60 else mpmath.nan)
    return means, biased, unbiased


def worst(got: Floats, want: list[Any]) -> float:
    """The largest error over max(1, |exact|); both NaN is none."""
    most = 0.0
    for ours, true in zip(got.tolist(), want, strict=True):
        if math.isnan(ours) or mpmath.isnan(true):
            assert math.isnan(ours), true
            assert mpmath.isnan(true), ours
            continue
        most = max(most, float(abs(mpmath.mpf(ours) - true) / max(1, abs(true))))
    return most


TELLING = np.r_[0:100, 1450:2010]
"""Rows of the families that have spikes, the change of level and a stretch that stands still."""


@pytest.mark.parametrize("missing", [False, True], ids=["full", "gaps"])
@pytest.mark.parametrize("name", FAMILIES)
def test_every_family_is_exact(name: str, missing: bool) -> None:
    x = family(name, missing)[TELLING]
    with mpmath.workprec(400):
        for alpha, adjust in itertools.product((0.7, 0.1, 0.004), (True, False)):
            true = mpmath.mpf(alpha)
            keep = [1 - true] * x.size
            want = exactly(x, keep, true, adjust, ignore_na=False)
            for ignore_na in (False, True):
                # In a full history there is nothing to ignore.
                if ignore_na and missing:
                    want = exactly(x, keep, true, adjust, ignore_na=True)
                weighing = {"adjust": adjust, "ignore_na": ignore_na}
                assert worst(acm_rs.ewm_mean(x, alpha=alpha, **weighing), want[0]) <= 1e-13
                assert worst(acm_rs.ewm_std(x, alpha=alpha, **weighing, bias=True), want[1]) <= 1e-12
                assert worst(acm_rs.ewm_std(x, alpha=alpha, **weighing), want[2]) <= 1e-12


@pytest.mark.parametrize("missing", [False, True], ids=["full", "gaps"])
@pytest.mark.parametrize("name", FAMILIES)
def test_every_family_in_time_is_exact(name: str, missing: bool) -> None:
    x = family(name, missing)[TELLING]
    times = stamps(x.size)
    steps = np.diff(times.astype(np.int64), prepend=times[:1].astype(np.int64))
    with mpmath.workprec(400):
        for seconds, adjust in itertools.product((3, 200), (True, False)):
            keep = [mpmath.mpf(2) ** (-mpmath.mpf(int(step)) / (seconds * 10**9)) for step in steps]
            # Time passes with and without values.
            want = exactly(x, keep, None, adjust, ignore_na=False)
            halflife = f"{seconds}s"
            for ignore_na in (False, True):
                weighing = {"adjust": adjust, "ignore_na": ignore_na}
                assert worst(acm_rs.ewm_mean(x, halflife=halflife, times=times, **weighing), want[0]) <= 1e-13
                assert worst(acm_rs.ewm_std(x, halflife=halflife, times=times, **weighing, bias=True), want[1]) <= 1e-12
                assert worst(acm_rs.ewm_std(x, halflife=halflife, times=times, **weighing), want[2]) <= 1e-12


def test_a_constant_stays_what_it_is() -> None:
    for value in (0.1, -1e300, 5e-324, 0.0):
        x = np.full(5000, value)
        x[7:50] = np.nan
        for weighing in WEIGHINGS:
            np.testing.assert_array_equal(acm_rs.ewm_mean(x, alpha=0.013, **weighing), np.full(5000, value))
            np.testing.assert_array_equal(acm_rs.ewm_std(x, alpha=0.013, **weighing)[1:], np.zeros(4999))


def test_long_gaps_forget_everything() -> None:
    x = np.full(4000, np.nan)
    x[[0, 1, 3999]] = 1.0, 2.0, 7.0
    assert acm_rs.ewm_mean(x, alpha=0.5)[-1] == 7.0
    assert acm_rs.ewm_mean(x, alpha=0.5)[-2] == pytest.approx(5 / 3, rel=1e-15)
    assert acm_rs.ewm_mean(x, alpha=0.5, ignore_na=True)[-1] == pytest.approx((7 + 1 + 0.25) / 1.75, rel=1e-15)
    # The deviation of 7 and what stood before it, which had a variance of 2 / 9 about 5 / 3.
    assert acm_rs.ewm_std(x, alpha=0.5)[-1] == pytest.approx(((2 / 9 + (16 / 3) ** 2) / 2) ** 0.5, rel=1e-15)
    assert acm_rs.ewm_std(x, alpha=0.5, bias=True)[-1] == 0.0


def test_a_long_gap_leaves_a_deviation() -> None:
    """Where pandas' correction for bias rounds to nothing, the exact one is small."""
    x = np.full(60, np.nan)
    x[[0, 1, 58, 59]] = 1.0, 2.0, 7.0, 7.5
    with mpmath.workprec(400):
        alpha = mpmath.mpf(0.5)
        want = exactly(x, [1 - alpha] * 60, alpha, adjust=True, ignore_na=False)[2]
        assert worst(acm_rs.ewm_std(x, alpha=0.5), want) <= 1e-13


def test_beyond_float64_only_the_deviation_is_infinite() -> None:
    x = np.where(np.arange(50) % 2 == 0, 1.7e308, -1.7e308)
    assert np.isfinite(acm_rs.ewm_mean(x, alpha=0.3)).all()
    assert np.isposinf(acm_rs.ewm_std(x, alpha=0.3)[1:]).all()


# ---- what holds for all ---------------------------------------------------------------------------------------------


@BOTH
@pytest.mark.usefixtures("threads")
def test_layouts_and_threads_do_not_matter(function: Callable[..., Any]) -> None:
    x = sensors(1500)
    want = function(x, span=30)
    for name, form in layouts(x).items():
        before = form.copy()
        got = function(form, span=30)
        assert not np.shares_memory(got, form), name
        same_bytes(got, want)
        same_bytes(form, before)
    for threads in (1, 2, 5):
        acm_rs.set_num_threads(threads)
        same_bytes(function(np.tile(x, (20, 2)), span=30)[: len(x), :9], want)
    for j in range(x.shape[1]):
        same_bytes(function(x[:, j], span=30), want[:, j])


@BOTH
def test_rows_to_come_do_not_matter(function: Callable[..., Any]) -> None:
    x = sensors(700)
    for n in (0, 1, 255, 256, 257, 511):
        same_bytes(function(x[:n], alpha=0.1), function(x, alpha=0.1)[:n])


@BOTH
def test_single_precision_is_rounded_once(function: Callable[..., Any]) -> None:
    x = sensors().astype(np.float32)
    got = function(x, alpha=0.1)
    assert got.dtype == np.float32
    same_bytes(got, function(x.astype(np.float64), alpha=0.1).astype(np.float32))


@BOTH
def test_out_is_written_and_returned(function: Callable[..., Any]) -> None:
    x = sensors()
    want = function(x, halflife=3)
    for out in (np.empty(x.shape), np.empty(x.shape, order="F"), np.empty((1200, 18))[::2, ::2]):
        assert function(x, halflife=3, out=out) is out
        same_bytes(out, want)
    for wrong in (np.empty((600, 8)), np.empty(x.shape, dtype=np.float32), x):
        with pytest.raises((TypeError, ValueError), match="`out`"):
            function(x, halflife=3, out=wrong)


@BOTH
@pytest.mark.parametrize("shape", [(0, 3), (3, 0), (0, 0), (0,)])
def test_nothing_is_fine(function: Callable[..., Any], shape: tuple[int, ...]) -> None:
    assert function(np.empty(shape), alpha=0.5).shape == shape
    times = np.arange(shape[0])
    assert function(np.empty(shape), halflife="1s", times=times).shape == shape


X = np.arange(6.0).reshape(3, 2)
TIMES = np.array([1, 2, 3])


@BOTH
@pytest.mark.parametrize(
    ("keywords", "name"),
    [
        ({}, "`alpha`, `span`, `halflife`"),
        ({"alpha": 0.5, "span": 3}, "`alpha`, `span`, `halflife`"),
        ({"alpha": 0.0}, "`alpha`"),
        ({"alpha": 1.01}, "`alpha`"),
        ({"alpha": float("nan")}, "`alpha`"),
        ({"alpha": "1"}, "`alpha`"),
        ({"span": 0.5}, "`span`"),
        ({"span": float("inf")}, "`span`"),
        ({"halflife": 0}, "`halflife`"),
        ({"halflife": -1.0}, "`halflife`"),
        ({"halflife": "2h"}, "`halflife`"),
        ({"halflife": "soon", "times": TIMES}, "`halflife`"),
        ({"halflife": 2.0, "times": TIMES}, "`halflife`"),
        ({"alpha": 0.5, "times": TIMES}, "`times`"),
        ({"halflife": "1s", "times": TIMES[:2]}, "`times`"),
        ({"halflife": "1s", "times": TIMES[::-1]}, "`times`"),
        ({"halflife": "1s", "times": TIMES * 1.0}, "`times`"),
        ({"alpha": 0.5, "min_periods": -1}, "`min_periods`"),
        ({"alpha": 0.5, "min_periods": 1.5}, "`min_periods`"),
    ],
)
def test_bad_arguments_are_named(function: Callable[..., Any], keywords: dict[str, Any], name: str) -> None:
    with pytest.raises((TypeError, ValueError), match=name):
        function(X, **keywords)
    with pytest.raises(TypeError, match="`x`"):
        function([1.0], alpha=0.5)
