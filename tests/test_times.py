"""Durations over irregular times: pandas' windows, exact numbers, any form of times and durations, any pieces."""

from __future__ import annotations

import datetime as dt
from itertools import pairwise
from typing import Any

import acm_rs
import numpy as np
import pandas as pd
import pytest
from families import FAMILIES, family
from histories import Array, history, layouts, same_bytes
from hypothesis import given
from hypothesis import strategies as st
from registry import KERNELS, KNOWN_EXACTLY, PAIRS, WINDOWED, Kernel, partner
from windows import (
    CLOCKS,
    DAY,
    HOUR,
    MINUTE,
    SECOND,
    START,
    Times,
    beside_pandas,
    bounds_of,
    check,
    clock,
    evaluated,
    ns,
)

OF_EVERY_KERNEL = pytest.mark.parametrize("kernel", WINDOWED, ids=lambda k: k.name)
OF_EXACT_KERNELS = pytest.mark.parametrize("kernel", KNOWN_EXACTLY, ids=lambda k: k.name)
CENTER = pytest.mark.parametrize("center", [False, True], ids=["trailing", "centred"])
OF_EVERY_CLOCK = pytest.mark.parametrize("hours", CLOCKS)
DURATIONS = (1, 90 * SECOND, 2 * HOUR, 5 * HOUR + 1, 400 * DAY)


@OF_EXACT_KERNELS
@CENTER
@OF_EVERY_CLOCK
def test_numbers_are_exact(kernel: Kernel, hours: str, center: bool) -> None:
    n = 240
    times, x = clock(hours, n), family("F-normal", True)[:n]
    long = kernel.heavy
    for duration in DURATIONS:
        rows = list(range(0, n, 3)) if not (long and (duration > DAY or hours == "equal")) else [0, 1, 2, 57, 120]
        got = kernel(x, ns(duration), times=times, center=center)
        check(kernel, x, got, evaluated(kernel, x, times, duration, rows, center=center), rows, duration)


@OF_EXACT_KERNELS
@pytest.mark.parametrize("name", FAMILIES)
def test_families_are_exact(kernel: Kernel, name: str) -> None:
    n = 2600
    times, x = clock("irregular", n), family(name, True)[:n]
    for duration in (45 * MINUTE, 20 * HOUR):
        few = kernel.heavy
        rows = sorted({*range(0, 70, 7), *range(1495, 1520, 5), 1999, 2000, 2015, *range(0, n, 300 if few else 97)})
        got = kernel(x, ns(duration), times=times)
        check(kernel, x, got, evaluated(kernel, x, times, duration, rows), rows, duration)


@OF_EXACT_KERNELS
@pytest.mark.parametrize("missing", [0, 1, 3, 50])
def test_min_periods_count_valid_values(kernel: Kernel, missing: int) -> None:
    n = 150
    times, x = clock("irregular", n), history(n, 3)[:, 0].copy()
    x[40:80] = np.nan
    rows = list(range(n)) if not kernel.heavy else list(range(0, n, 9))
    for center in (False, True):
        got = kernel(x, ns(3 * HOUR), missing, times=times, center=center)
        want = evaluated(kernel, x, times, 3 * HOUR, rows, center=center, min_periods=missing)
        check(kernel, x, got, want, rows, (missing, center))


@OF_EXACT_KERNELS
def test_other_keywords_go_through(kernel: Kernel) -> None:
    n = 120
    times, x = clock("irregular", n), family("F-normal", True)[:n]
    rows = list(range(0, n, 5))
    for keywords in kernel.variants:
        got = kernel(x, ns(2 * HOUR), times=times, **keywords)
        check(kernel, x, got, evaluated(kernel, x, times, 2 * HOUR, rows, **keywords), rows, keywords)


PEERS = ("sum", "mean", "var", "std", "min", "max", "skew", "kurt", "median", "quantile", "cov", "corr")


def with_index(x: Array, times: Times) -> Any:
    """Give the values as pandas sees them, infinities as missing."""
    return pd.Series(np.where(np.isfinite(x), x, np.nan), index=pd.DatetimeIndex(times.view("datetime64[ns]")))


@pytest.mark.parametrize("name", PEERS)
@CENTER
@OF_EVERY_CLOCK
def test_windows_are_those_of_pandas(name: str, hours: str, center: bool) -> None:
    kernel, n = KERNELS[f"rolling_{name}"], 400
    times, x = clock(hours, n), family("F-normal", True)[:n].copy()
    x[200:230] = np.nan
    other = [with_index(partner(x), times)] if kernel in PAIRS else []
    arguments = {"q": 0.25} if name == "quantile" else {}
    for duration in DURATIONS:
        for min_periods in (0, 1, 7):
            rolling = with_index(x, times).rolling(pd.Timedelta(duration, "ns"), min_periods, center)
            want = getattr(rolling, name)(*other, **arguments).to_numpy()
            got = kernel(x, ns(duration), min_periods, times=times, center=center)
            where = f"{duration} ns, min_periods {min_periods}"
            how = {"times": times, "window": duration, "center": center, "min_periods": min_periods}
            beside_pandas(kernel, x, got, want, where, **how)


Value = st.one_of(st.just(np.nan), st.integers(-400, 400).map(lambda v: v / 16))


@OF_EXACT_KERNELS
@given(
    steps=st.lists(st.tuples(st.integers(0, 5), Value), min_size=1, max_size=24),
    duration=st.integers(1, 30),
    min_periods=st.integers(0, 4),
    center=st.booleans(),
)
def test_any_small_history_meets_the_contract(
    kernel: Kernel, steps: list[tuple[int, float]], duration: int, min_periods: int, center: bool
) -> None:
    times = START + np.cumsum([step for step, _ in steps])
    x = np.array([value for _, value in steps])
    rows = list(range(x.size))
    got = kernel(x, ns(duration), min_periods, times=times, center=center)
    want = evaluated(kernel, x, times, duration, rows, center=center, min_periods=min_periods)
    check(kernel, x, got, want, rows, (times - START, duration, min_periods, center))


@OF_EXACT_KERNELS
def test_times_leave_a_window_of_rows_as_it_is(kernel: Kernel) -> None:
    x, times = history(200, 3), clock("irregular", 200)
    for center in (False, True):
        got = kernel(x, 20, 5, times=times, center=center)
        if not kernel.per_second:
            same_bytes(got, kernel(x, 20, 5, center=center))
            continue
        rows = list(range(200))
        line = family("F-normal", True)[:200]
        got = kernel(line, 20, 5, times=times, center=center)
        want = evaluated(kernel, line, times, 20, rows, center=center, min_periods=5, rowwise=True)
        check(kernel, line, got, want, rows, center)


def test_the_slope_is_per_second() -> None:
    times = START + 500_000_000 * np.arange(50, dtype=np.int64)
    x = 3.0 * np.arange(50)
    np.testing.assert_allclose(acm_rs.rolling_slope(x, 5, times=times)[1:], 6.0, rtol=1e-14)
    np.testing.assert_allclose(acm_rs.rolling_slope(x, "4s", times=times)[1:], 6.0, rtol=1e-14)
    assert acm_rs.rolling_slope(x, "4s", times=times)[0] == 0.0
    assert not acm_rs.rolling_slope(x, "4s", times=np.full(50, START)).any()


def test_each_window_reaches_back_by_less_than_its_duration() -> None:
    seconds = np.array([0, 1, 1, 2, 4, 4, 10]) * SECOND
    x = np.array([1.0, 2, 4, 8, 16, 32, 64])
    np.testing.assert_array_equal(acm_rs.rolling_sum(x, "2s", times=seconds), [1, 3, 7, 14, 16, 48, 64])
    np.testing.assert_array_equal(acm_rs.rolling_sum(x, "3s", times=seconds), [1, 3, 7, 15, 24, 56, 64])
    centred = acm_rs.rolling_sum(x, "2s", times=seconds, center=True)
    np.testing.assert_array_equal(centred, [7, 14, 14, 8, 48, 48, 64])


# ---- forms of times and durations -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "duration",
    [
        "2h",
        "120min",
        "7200s",
        "1h 60min",
        "1h60min",
        "2hours",
        "2 h",
        "7200000ms",
        "7200000000us",
        "7200000000000ns",
        np.timedelta64(2, "h"),
        np.timedelta64(120, "m"),
        np.timedelta64(7200, "s"),
        np.timedelta64(7_200_000, "ms"),
        np.timedelta64(7_200_000_000, "us"),
        dt.timedelta(hours=2),
        pd.Timedelta("2h"),
    ],
    ids=repr,
)
def test_a_duration_may_be_written_in_many_ways(duration: Any) -> None:
    x, times = history(200, 2), clock("irregular", 200)
    same_bytes(acm_rs.rolling_mean(x, duration, times=times), acm_rs.rolling_mean(x, ns(2 * HOUR), times=times))


@pytest.mark.parametrize(
    ("text", "duration"),
    [
        ("90s", 90 * SECOND),
        ("1h 30min", 90 * MINUTE),
        ("500ms", SECOND // 2),
        ("1d", DAY),
        ("1D", DAY),
        ("7d", 7 * DAY),
        ("2 days", 2 * DAY),
        ("1day", DAY),
        ("5Min", 5 * MINUTE),
        ("3us", 3000),
        ("1ns", 1),
    ],
)
def test_texts_mean_what_they_say(text: str, duration: int) -> None:
    rng = np.random.default_rng(duration)
    times = START + np.cumsum(rng.integers(0, max(2, duration), 300))
    x = history(300, 2)
    same_bytes(acm_rs.rolling_sum(x, text, times=times), acm_rs.rolling_sum(x, ns(duration), times=times))


@pytest.mark.parametrize("unit", ["ns", "us", "ms", "s", "m", "h", "D"])
def test_times_may_have_any_unit(unit: str) -> None:
    x = history(300, 2)
    times = clock("irregular", 300).view("datetime64[ns]").astype(f"datetime64[{unit}]")
    whole = times.astype("datetime64[ns]")
    want = acm_rs.rolling_mean(x, "26h", times=whole.view(np.int64))
    for form in (times, whole, np.repeat(times, 2)[::2], times[::-1].copy()[::-1]):
        same_bytes(acm_rs.rolling_mean(x, "26h", times=form), want)
    fixed = times.copy()
    fixed.setflags(write=False)
    before = fixed.copy()
    same_bytes(acm_rs.rolling_mean(x, "26h", times=fixed), want)
    np.testing.assert_array_equal(fixed, before)


def test_the_times_of_a_pandas_index() -> None:
    x = history(200, 2)
    nanoseconds = clock("irregular", 200)
    index = pd.DatetimeIndex(nanoseconds.view("datetime64[ns]"))
    want = acm_rs.rolling_std(x, "3h", times=nanoseconds)
    for values in (index.to_numpy(), index.tz_localize("UTC").tz_convert(None).to_numpy(), index.asi8):
        same_bytes(acm_rs.rolling_std(x, "3h", times=values), want)


def test_a_pandas_duration_keeps_its_nanoseconds() -> None:
    times = START + 400 * np.arange(50, dtype=np.int64)
    x = history(50, 2)
    try:
        got = acm_rs.rolling_sum(x, pd.Timedelta(1700, "ns"), times=times)
    except ValueError as error:
        assert "`window`" in str(error)  # noqa: PT017
    else:
        same_bytes(got, acm_rs.rolling_sum(x, ns(1700), times=times))


# ---- one window, one answer -----------------------------------------------------------------------------------------


def part(kernel: Kernel, x: Array, times: Times, duration: int, start: int, stop: int, center: bool) -> Array:
    """Evaluate some rows from the rows that they need."""
    begins, ends = bounds_of(len(x), duration, center=center, times=times)
    first = max(0, int(begins[start]) - kernel.earlier)
    last = max(int(ends[stop - 1]), stop)
    found = kernel(x[first:last], ns(duration), 2, times=times[first:last], center=center, first_row=first)
    return found[start - first : stop - first]


@OF_EVERY_KERNEL
@CENTER
@pytest.mark.parametrize("hours", ["irregular", "bursts", "regular"])
def test_every_split_of_the_rows_gives_the_same_bytes(kernel: Kernel, hours: str, center: bool) -> None:
    x, times = history(700, 2), clock(hours, 700)
    for duration in (90 * SECOND, 2 * HOUR, 30 * HOUR, 400 * DAY):
        want = kernel(x, ns(duration), 2, times=times, center=center)
        for size in (61, 256):
            cuts = [*range(0, 700, size), 700]
            parts = [part(kernel, x, times, duration, a, b, center) for a, b in pairwise(cuts)]
            same_bytes(np.concatenate(parts), want)


@OF_EVERY_KERNEL
@CENTER
def test_a_row_is_decided_by_its_window_and_its_index(kernel: Kernel, center: bool) -> None:
    x, times = history(500, 2), clock("irregular", 500)
    duration, rng = 6 * HOUR, np.random.default_rng(3)
    want = kernel(x, ns(duration), 2, times=times, center=center)
    begins, ends = bounds_of(500, duration, center=center, times=times)
    for row in rng.integers(20, 500, 12).tolist():
        same_bytes(part(kernel, x, times, duration, row, row + 1, center)[0], want[row])
        other = x.copy()
        first = max(0, int(begins[row]) - kernel.earlier)
        other[:first] = 1e12 * rng.standard_normal((first, 2))
        other[int(ends[row]) :] = np.inf
        same_bytes(kernel(other, ns(duration), 2, times=times, center=center)[row], want[row])


@OF_EVERY_KERNEL
def test_every_layout_gives_the_same_bytes(kernel: Kernel) -> None:
    x, times = history(300, 5), clock("irregular", 300)
    want = kernel(x, ns(5 * HOUR), 3, times=times)
    for form in layouts(x).values():
        same_bytes(kernel(form, ns(5 * HOUR), 3, times=times), want)
    for j in range(5):
        alone = kernel(x[:, j : j + 1], ns(5 * HOUR), 3, times=times)
        same_bytes(alone, kernel.by_column(want, 5)[j])
        line = kernel(x[:, j].copy(), ns(5 * HOUR), 3, times=times)
        same_bytes(line.reshape(alone.shape), alone)
    out = np.full(want.shape, 7.0)
    assert kernel(x, ns(5 * HOUR), 3, times=times, out=out) is out
    same_bytes(out, want)
    small = np.where(np.abs(x) > 1e14, 1e6, x).astype(np.float32)
    wide = kernel(small.astype(np.float64), ns(5 * HOUR), 3, times=times)
    same_bytes(kernel(small, ns(5 * HOUR), 3, times=times), wide.astype(np.float32))


@OF_EVERY_KERNEL
@pytest.mark.usefixtures("threads")
def test_every_number_of_threads_gives_the_same_bytes(kernel: Kernel) -> None:
    for n, d in ((12_000 if kernel.heavy else 50_000, 2), (3000, 18)):
        x, times = history(n, d), clock("irregular", n)
        acm_rs.set_num_threads(1)
        want = kernel(x, ns(10 * HOUR), times=times)
        for count in (2, 5):
            acm_rs.set_num_threads(count)
            same_bytes(kernel(x, ns(10 * HOUR), times=times), want)


@OF_EVERY_KERNEL
def test_empty_and_tiny_histories(kernel: Kernel) -> None:
    none = np.empty(0, dtype=np.int64)
    assert kernel(np.empty((0, 3)), "2h", times=none).shape == (0, kernel.width(3))
    assert kernel(np.empty((4, 0)), "2h", times=np.arange(4)).shape == (4, 0)
    one = kernel(np.array([[3.0, np.nan]]), "2h", times=np.array([START]))
    assert one.shape == (1, kernel.width(2))
    same_bytes(kernel(np.array([[3.0, np.nan]]), ns(2**62), times=np.array([START])), one)


@OF_EVERY_KERNEL
def test_a_duration_beyond_the_data_expands(kernel: Kernel) -> None:
    x, times = history(150, 2), clock("irregular", 150)
    want = kernel(x, ns(4000 * DAY), times=times)
    np.testing.assert_allclose(kernel(x, ns(2**63 - 1), times=times), want, rtol=1e-12, atol=1e-12)
    if not kernel.per_second and not kernel.heavy:
        np.testing.assert_allclose(want, kernel(x, 150), rtol=1e-10, atol=1e-10)


def test_times_at_the_ends_of_their_range() -> None:
    times = np.array([-(2**63) + 1, -(2**62), 0, 2**62, 2**63 - 1])
    x = np.arange(5.0)
    np.testing.assert_array_equal(acm_rs.rolling_sum(x, "1s", times=times), x)
    np.testing.assert_array_equal(acm_rs.rolling_sum(x, "1s", times=times, center=True), x)
    np.testing.assert_array_equal(acm_rs.rolling_sum(x, ns(2**63 - 1), times=times), [0, 1, 3, 5, 7])
