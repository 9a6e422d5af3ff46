"""Centred windows and steps: pandas' numbers, and the bytes of the trailing, full result."""

from __future__ import annotations

from itertools import pairwise

import acm_rs
import numpy as np
import pandas as pd
import pytest
from families import family
from histories import Array, history, layouts, same_bytes
from hypothesis import given
from hypothesis import strategies as st
from registry import KERNELS, KNOWN_EXACTLY, PAIRS, WINDOWED, Kernel, partner
from windows import HOUR, beside_pandas, bounds_of, centred, check, clock, evaluated, ns

OF_EVERY_KERNEL = pytest.mark.parametrize("kernel", WINDOWED, ids=lambda k: k.name)
OF_EXACT_KERNELS = pytest.mark.parametrize("kernel", KNOWN_EXACTLY, ids=lambda k: k.name)
WINDOWS = (1, 2, 3, 4, 9, 32, 100, 333, 1000)
PEERS = ("sum", "mean", "var", "std", "min", "max", "skew", "kurt", "median", "quantile", "cov", "corr")


# ---- centred --------------------------------------------------------------------------------------------------------


@OF_EXACT_KERNELS
def test_whole_windows_have_the_bytes_of_the_trailing_ones(kernel: Kernel) -> None:
    x = history(400, 3)
    for window in WINDOWS:
        after = (window - 1) // 2
        got = kernel(x, window, 1 + window // 3, center=True)
        want = kernel(x, window, 1 + window // 3)
        assert got.shape == want.shape
        begins, ends = centred(400, window)
        whole = np.flatnonzero(ends - begins == window)
        same_bytes(got[whole], want[whole + after])


@OF_EXACT_KERNELS
def test_numbers_are_exact_at_both_ends(kernel: Kernel) -> None:
    x = family("F-normal", True)[:160]
    for window in WINDOWS:
        few = kernel.heavy and window > 9
        rows = [*range(0, 6), *range(70, 80), *range(150, 160)] if not few else [0, 3, 75, 155, 159]
        for min_periods in {1, (window + 1) // 2}:
            got = kernel(x, window, min_periods, center=True)
            want = evaluated(kernel, x, None, window, rows, center=True, min_periods=min_periods)
            check(kernel, x, got, want, rows, (window, min_periods))


@pytest.mark.parametrize("name", PEERS)
def test_centred_windows_are_those_of_pandas(name: str) -> None:
    kernel = KERNELS[f"rolling_{name}"]
    x = family("F-normal", True)[:700].copy()
    x[300:320] = np.nan
    values = pd.Series(np.where(np.isfinite(x), x, np.nan))
    other = [pd.Series(np.where(np.isfinite(x), partner(x), np.nan))] if kernel in PAIRS else []
    arguments = {"q": 0.25} if name == "quantile" else {}
    for window in (1, 2, 3, 8, 51, 300, 701, 5000):
        for min_periods in {0, 1, (window + 1) // 2}:
            rolling = values.rolling(window, min_periods, center=True)
            want = getattr(rolling, name)(*other, **arguments).to_numpy()
            got = kernel(x, window, min_periods, center=True)
            how = {"times": None, "window": window, "center": True, "min_periods": min_periods}
            beside_pandas(kernel, x, got, want, f"{window} {min_periods}", **how)


def centred_part(kernel: Kernel, x: Array, window: int, start: int, stop: int) -> Array:
    """Evaluate some rows from the rows that they need, before and after."""
    begins, ends = centred(len(x), window)
    first = max(0, int(begins[start]) - kernel.earlier)
    found = kernel(x[first : ends[stop - 1]], window, 1 + window // 3, center=True, first_row=first)
    return found[start - first : stop - first]


@OF_EVERY_KERNEL
@pytest.mark.parametrize("window", [1, 2, 3, 16, 101, 333])
def test_every_split_of_the_rows_gives_the_same_bytes(kernel: Kernel, window: int) -> None:
    x = history(1000, 2)
    want = kernel(x, window, 1 + window // 3, center=True)
    for size in (50, 256, 999):
        if size == 50 and window > 16:
            continue
        cuts = [*range(0, 1000, size), 1000]
        same_bytes(np.concatenate([centred_part(kernel, x, window, a, b) for a, b in pairwise(cuts)]), want)


@OF_EVERY_KERNEL
def test_every_layout_and_column_gives_the_same_bytes(kernel: Kernel) -> None:
    x = history(300, 5)
    for window in (2, 21, 150):
        want = kernel(x, window, center=True)
        for form in layouts(x).values():
            same_bytes(kernel(form, window, center=True), want)
        for j in range(5):
            same_bytes(kernel(x[:, j : j + 1], window, center=True), kernel.by_column(want, 5)[j])
        for out in (np.full(want.shape, 7.0), np.full(want.shape, 7.0, order="F")):
            assert kernel(x, window, center=True, out=out) is out
            same_bytes(out, want)
    small = np.where(np.abs(x) > 1e14, 1e6, x).astype(np.float32)
    wide = kernel(small.astype(np.float64), 21, center=True)
    same_bytes(kernel(small, 21, center=True), wide.astype(np.float32))


@OF_EVERY_KERNEL
@pytest.mark.usefixtures("threads")
def test_every_number_of_threads_gives_the_same_bytes(kernel: Kernel) -> None:
    for n, d, window in ((12_000 if kernel.heavy else 50_000, 3, 33), (4000, 20, 40 if kernel.heavy else 250)):
        x = history(n, d)
        acm_rs.set_num_threads(1)
        want = kernel(x, window, center=True)
        stepped = kernel(x, window, center=True, step=7)
        same_bytes(stepped, want[::7])
        for count in (2, 5):
            acm_rs.set_num_threads(count)
            same_bytes(kernel(x, window, center=True), want)
            same_bytes(kernel(x, window, center=True, step=7), stepped)


@OF_EVERY_KERNEL
def test_tiny_histories(kernel: Kernel) -> None:
    for n, d in ((0, 0), (0, 3), (4, 0), (1, 1), (1, 4), (2, 3)):
        for window in (1, 2, 5, 2**62):
            got = kernel(np.ones((n, d)), window, center=True)
            assert got.shape == (n, kernel.width(d))
    if not kernel.heavy:
        x = history(30, 2)
        same_bytes(kernel(x, 2**62, center=True), kernel(x, 1000, center=True))


# ---- steps ----------------------------------------------------------------------------------------------------------


@OF_EVERY_KERNEL
@pytest.mark.parametrize("step", [1, 2, 3, 10, 64, 299, 300, 5000])
def test_steps_are_rows_of_the_full_result(kernel: Kernel, step: int) -> None:
    x = history(300, 3)
    for window in (1, 2, 17, 120, 1000):
        for center in (False, True):
            want = kernel(x, window, 1 + window // 3, center=center)[::step]
            for form in (x, np.asfortranarray(x), x[::-1].copy()[::-1]):
                same_bytes(kernel(form, window, 1 + window // 3, center=center, step=step), want)


@OF_EVERY_KERNEL
@given(
    n=st.integers(0, 90),
    step=st.integers(1, 40),
    first_row=st.integers(0, 100),
    window=st.integers(1, 60),
    center=st.booleans(),
)
def test_steps_count_absolute_rows(
    kernel: Kernel, n: int, step: int, first_row: int, window: int, center: bool
) -> None:
    x = history(90, 2)[:n]
    full = kernel(x, window, center=center, first_row=first_row)
    got = kernel(x, window, center=center, first_row=first_row, step=step)
    same_bytes(got, full[-first_row % step :: step])


@OF_EVERY_KERNEL
def test_steps_of_durations_are_rows_of_the_full_result(kernel: Kernel) -> None:
    x, times = history(300, 2), clock("irregular", 300)
    for center in (False, True):
        want = kernel(x, ns(5 * HOUR), 2, times=times, center=center)
        for step in (1, 2, 7, 100, 1000):
            same_bytes(kernel(x, ns(5 * HOUR), 2, times=times, center=center, step=step), want[::step])
        for first_row in (1, 8, 130):
            want = kernel(x, ns(5 * HOUR), times=times, center=center, first_row=first_row)
            got = kernel(x, ns(5 * HOUR), times=times, center=center, first_row=first_row, step=9)
            same_bytes(got, want[-first_row % 9 :: 9])


@OF_EVERY_KERNEL
def test_pieces_of_a_stepped_result(kernel: Kernel) -> None:
    x, times = history(500, 2), clock("irregular", 500)
    step, cuts = 6, [0, 37, 200, 201, 499, 500]
    for window, arguments in ((24, {}), (ns(4 * HOUR), {"times": times})):
        want = kernel(x, window, 2, step=step, **arguments)
        begins, _ = bounds_of(500, 24 if not arguments else 4 * HOUR, center=False, times=arguments.get("times"))
        parts = []
        for start, stop in pairwise(cuts):
            first = max(0, int(begins[start]) - kernel.earlier)
            own = {name: values[first:stop] for name, values in arguments.items()}
            found = kernel(x[first:stop], window, 2, step=step, first_row=first, **own)
            before = -(-start // step) - (-(-first // step))
            parts.append(found[before:])
        same_bytes(np.concatenate(parts), want)


@pytest.mark.parametrize("name", ["sum", "mean", "std", "median", "max"])
def test_steps_are_those_of_pandas(name: str) -> None:
    x = np.random.default_rng(8).standard_normal((200, 3))
    for step in (1, 3, 50):
        for center in (False, True):
            rolling = pd.DataFrame(x).rolling(11, min_periods=1, center=center, step=step)
            want = getattr(rolling, name)().to_numpy()
            got = KERNELS[f"rolling_{name}"](x, 11, step=step, center=center)
            np.testing.assert_allclose(got, want, rtol=1e-11, atol=1e-11)


@OF_EVERY_KERNEL
def test_a_stepped_vector_is_a_vector(kernel: Kernel) -> None:
    x = history(100, 1)
    two = kernel(x, 9, step=4)
    one = kernel(x[:, 0].copy(), 9, step=4)
    assert one.ndim == (1 if kernel.width(1) == 1 else 2)
    same_bytes(one.reshape(two.shape), two)
