"""Which ends belong to a window: pandas' numbers, exact ones, and the bytes of the row before."""

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
from registry import FEATURES, KERNELS, KNOWN_EXACTLY, PAIRS, WINDOWED, Kernel, partner
from windows import HOUR, MINUTE, START, beside_pandas, bounds_of, check, clock, evaluated, holds, ns

OF_EVERY_KERNEL = pytest.mark.parametrize("kernel", WINDOWED, ids=lambda k: k.name)
OF_EXACT_KERNELS = pytest.mark.parametrize("kernel", KNOWN_EXACTLY, ids=lambda k: k.name)
OTHERS = ("left", "both", "neither")
CLOSED = pytest.mark.parametrize("closed", OTHERS)
CENTER = pytest.mark.parametrize("center", [False, True], ids=["trailing", "centred"])
PEERS = ("sum", "mean", "var", "std", "min", "max", "skew", "kurt", "median", "quantile", "cov", "corr")


@OF_EXACT_KERNELS
@CENTER
@CLOSED
def test_windows_of_rows_are_exact(kernel: Kernel, closed: str, center: bool) -> None:
    x = family("F-normal", True)[:90]
    rows = [0, 1, 2, 7, 8, 9, 33, 34, 60, 86, 88, 89]
    for window, min_periods in ((1, 0), (2, 1), (3, 2), (9, 1), (33, 12), (200, 1)):
        got = kernel(x, window, min_periods, center=center, closed=closed)
        how = {"center": center, "closed": closed, "min_periods": min_periods}
        check(kernel, x, got, evaluated(kernel, x, None, window, rows, **how), rows, window)


@OF_EXACT_KERNELS
@CENTER
@CLOSED
def test_durations_are_exact(kernel: Kernel, closed: str, center: bool) -> None:
    for hours in ("regular", "irregular", "bursts"):
        times, x = clock(hours, 80), family("F-normal", True)[:80]
        rows = [0, 1, 2, 5, 20, 21, 40, 41, 78, 79]
        for duration in (2, 3 * HOUR, 90 * MINUTE):
            got = kernel(x, ns(duration), times=times, center=center, closed=closed)
            want = evaluated(kernel, x, times, duration, rows, center=center, closed=closed)
            check(kernel, x, got, want, rows, (hours, duration))


@pytest.mark.parametrize("name", PEERS)
@CENTER
@CLOSED
def test_windows_are_those_of_pandas(name: str, closed: str, center: bool) -> None:
    kernel = KERNELS[f"rolling_{name}"]
    x = family("F-normal", True)[:300].copy()
    x[150:170] = np.nan
    times = clock("irregular", 300)
    index = pd.DatetimeIndex(times.view("datetime64[ns]"))
    values = pd.Series(np.where(np.isfinite(x), x, np.nan), index=index)
    other = [pd.Series(np.where(np.isfinite(x), partner(x), np.nan), index=index)] if kernel in PAIRS else []
    arguments = {"q": 0.25} if name == "quantile" else {}
    windows: tuple[tuple[object, int, object], ...] = (
        (1, 1, None),
        (8, 8, None),
        (51, 51, None),
        (400, 400, None),
        (pd.Timedelta(2 * HOUR, "ns"), 2 * HOUR, times),
    )
    for window, length, moments in windows:
        for min_periods in (0, 1, 4):
            if moments is None and min_periods > length:
                continue
            rolling = values.rolling(window, min_periods, center=center, closed=closed)  # type: ignore[call-overload]
            want = getattr(rolling, name)(*other, **arguments).to_numpy()
            how = {"times": moments, "center": center, "closed": closed, "min_periods": min_periods}
            given_window = length if moments is None else ns(length)
            got = kernel(x, given_window, **how)  # type: ignore[arg-type]
            beside_pandas(kernel, x, got, want, f"{window} {min_periods}", window=length, **how)


@OF_EVERY_KERNEL
def test_a_window_without_its_own_row_is_that_of_the_row_before(kernel: Kernel) -> None:
    x = history(400, 3)
    for window in (1, 2, 16, 100, 300, 500):
        right = kernel(x, window, 1 + window // 3)
        left = kernel(x, window, 1 + window // 3, closed="left")
        if kernel.name == "feature_matrix":
            # Each row's own robust z is measured by another window than its own.
            width = (len(FEATURES) - 1) * 3 + 2 * 3
            right, left = right[:, :width], left[:, :width]
        same_bytes(left[1:], right[:-1])
        if window > 1:
            same_bytes(kernel(x, window, 1, closed="neither"), kernel(x, window - 1, 1, closed="left"))
        same_bytes(kernel(x, window, 1, closed="both"), kernel(x, window + 1, 1))


@pytest.mark.parametrize("window", [20, "3h"], ids=str)
@CLOSED
def test_features_are_those_of_the_functions_of_their_names(window: int | str, closed: str) -> None:
    x, times = history(150, 3), clock("irregular", 150)
    how = {"times": times, "closed": closed}
    for feature in FEATURES[:-1]:
        name = "rolling_band_energy" if feature == "energy" else f"rolling_{feature}"
        alone = getattr(acm_rs, name)(x, window, **how)
        if feature in ("skew", "kurt"):
            alone = np.clip(alone, *((-100, 100) if feature == "skew" else (-1000, 1000)))
        same_bytes(acm_rs.feature_matrix(x, window, features=[feature], **how), alone)
    every = acm_rs.feature_matrix(x, window, **how)
    parts = [acm_rs.feature_matrix(x, window, features=[feature], **how) for feature in FEATURES]
    same_bytes(every, np.hstack(parts))
    middle, spread = parts[0], parts[1]
    seen = np.where(np.isfinite(x), x, np.nan)
    z = np.clip((seen - middle) / (1.4826 * np.maximum(spread, 1e-9) + 1e-9), -100, 100)
    np.testing.assert_allclose(parts[-1], z, rtol=1e-12, atol=1e-12)


def part(kernel: Kernel, x: Array, window: int, start: int, stop: int, center: bool, closed: str) -> Array:
    """Evaluate some rows from the rows that they need."""
    begins, ends = bounds_of(len(x), window, center=center, closed=closed)
    first = max(0, min(start, int(begins[start])) - kernel.earlier)
    last = max(stop, int(ends[stop - 1]))
    found = kernel(x[first:last], window, 1 + window // 3, center=center, closed=closed, first_row=first)
    return found[start - first : stop - first]


@OF_EVERY_KERNEL
@CLOSED
def test_pieces_layouts_steps_and_out_give_the_same_bytes(kernel: Kernel, closed: str) -> None:
    x = history(300, 3)
    for window, center in ((1, False), (16, False), (101, False), (4, True)):
        want = kernel(x, window, 1 + window // 3, center=center, closed=closed)
        cuts = [*range(0, 300, 70), 300]
        pieces = [part(kernel, x, window, a, b, center, closed) for a, b in pairwise(cuts)]
        same_bytes(np.concatenate(pieces), want)
        how = {"center": center, "closed": closed}
        same_bytes(kernel(x, window, 1 + window // 3, step=7, **how), want[::7])
    for form in layouts(x).values():
        same_bytes(kernel(form, 16, closed=closed), kernel(x, 16, closed=closed))
    out = np.full((300, kernel.width(3)), 7.0)
    assert kernel(x, 16, closed=closed, out=out) is out
    same_bytes(out, kernel(x, 16, closed=closed))


@OF_EVERY_KERNEL
@pytest.mark.usefixtures("threads")
def test_every_number_of_threads_gives_the_same_bytes(kernel: Kernel) -> None:
    x = history(6000 if kernel.heavy else 20_000, 3)
    acm_rs.set_num_threads(1)
    want = kernel(x, 33, closed="left")
    for count in (2, 5):
        acm_rs.set_num_threads(count)
        same_bytes(kernel(x, 33, closed="left"), want)


@given(
    steps=st.lists(st.tuples(st.integers(0, 5), st.integers(-400, 400)), min_size=1, max_size=24),
    duration=st.integers(1, 30),
    closed=st.sampled_from(OTHERS),
    center=st.booleans(),
)
@pytest.mark.parametrize("name", ["rolling_mean", "rolling_slope", "rolling_median", "rolling_band_energy"])
def test_any_small_history_meets_the_contract(
    name: str, steps: list[tuple[int, int]], duration: int, closed: str, center: bool
) -> None:
    kernel = KERNELS[name]
    times = START + np.cumsum([step for step, _ in steps])
    x = np.array([value / 16 for _, value in steps])
    rows = list(range(x.size))
    got = kernel(x, ns(duration), times=times, center=center, closed=closed)
    want = evaluated(kernel, x, times, duration, rows, center=center, closed=closed)
    check(kernel, x, got, want, rows, (times - START, duration, closed, center))


def test_the_default_is_right() -> None:
    x = history(50, 2)
    for kernel in WINDOWED:
        same_bytes(kernel(x, 9, closed="right"), kernel(x, 9))
        same_bytes(kernel(x, 9, closed=None), kernel(x, 9))
    assert holds("right") == (0, 1)


def test_large_values_keep_their_digits() -> None:
    x = np.array([1e200, 3e200, np.nan, 2e200, 5e200, 1.0, 2.0, 4.0])
    for name in ("mean", "std", "var", "slope", "median"):
        kernel = KERNELS[f"rolling_{name}"]
        for window in (2, 3):
            same_bytes(kernel(x, window, closed="left")[1:], kernel(x, window)[:-1])
    matrix = acm_rs.feature_matrix(x, 3, features=["mean", "std", "slope"], closed="left")
    same_bytes(matrix[1:], acm_rs.feature_matrix(x, 3, features=["mean", "std", "slope"])[:-1])


@pytest.mark.parametrize("closed", ["rigth", "", 1, True, ["left"]], ids=repr)
def test_other_ends_are_refused(closed: object) -> None:
    error = ValueError if isinstance(closed, str) else TypeError
    with pytest.raises(error, match=r"`closed` must be one of \"right\", \"left\", \"both\", \"neither\", got"):
        acm_rs.rolling_mean(np.zeros(3), 2, closed=closed)  # type: ignore[arg-type]
