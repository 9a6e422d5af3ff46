"""The feature matrix with gaps kept: nothing made up, nothing of the future, pieces equal the whole."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from typing import Any

import acm_rs
import numpy as np
import pytest
from families import FAMILIES, family
from histories import Array, history, layouts, same_bytes
from hypothesis import given
from hypothesis import strategies as st
from registry import FEATURE_MATRIX
from windows import CLOCKS, DAY, HOUR, SECOND, START, bounds_of, clock, ns

Shape = tuple[Any, dict[str, Any]]


def by_kernels(x: Array, window: Any, **windows: Any) -> Array:
    """Put the set together from one call of each rolling function, one column after the other."""

    def of(name: str, **more: Any) -> list[Array]:
        function: Callable[..., Array] = getattr(acm_rs, name)
        return [function(np.ascontiguousarray(x[:, [j]]), window, **more, **windows) for j in range(x.shape[1])]

    median, mad = of("rolling_median"), of("rolling_mad")
    both = of("rolling_mean_std")
    groups = [median, mad, [b[:, :1] for b in both], [b[:, 1:] for b in both], of("rolling_slope")]
    groups.append([np.clip(y, -100, 100) for y in of("rolling_skew")])
    groups.append([np.clip(y, -1000, 1000) for y in of("rolling_kurt")])
    groups.append(of("rolling_band_energy"))
    first, step = windows.get("first_row", 0), windows.get("step", 1)
    # Minus zero is read as zero.
    now = (np.where(np.isfinite(x), x, np.nan) + 0.0)[-first % step :: step]
    z = [(now[:, [j]] - median[j]) / (1.4826 * np.maximum(mad[j], 1e-9) + 1e-9) for j in range(x.shape[1])]
    groups.append([np.clip(one, -100, 100) for one in z])
    return np.concatenate([part for group in groups for part in group], axis=1)


def plain(found: Array) -> Array:
    """Make every NaN the same."""
    return np.where(np.isnan(found), np.nan, found)


SHAPES: dict[str, Shape] = {
    "one row": (1, {}),
    "three rows": (3, {"min_periods": 2}),
    "a day": (48, {"min_periods": 20}),
    "all of them needed": (16, {"min_periods": 16}),
    "long": (300, {}),
    "centred": (21, {"center": True, "min_periods": 4}),
    "centred, long": (1001, {"center": True}),
    "every seventh": (16, {"step": 7, "first_row": 3}),
    "two hours": ("2h", {"times": clock("irregular", 500)}),
    "bursts": ("90s", {"times": clock("bursts", 500), "min_periods": 3}),
    "centred hours": ("5h", {"times": clock("irregular", 500), "center": True, "step": 3}),
    "a year": ("400d", {"times": clock("irregular", 500)}),
    "slope by the second": (16, {"times": clock("irregular", 500)}),
    "slope by the second, centred": (40, {"times": clock("long ago", 500), "center": True, "step": 2}),
}
OF_EVERY_SHAPE = pytest.mark.parametrize(("window", "windows"), SHAPES.values(), ids=SHAPES.keys())


def holed() -> Array:
    """Columns with single gaps, without, with an outage, dead from the middle on, late to start, and of nothing."""
    x = history(500, 6)
    x[:, 1] = family("F-normal", False)[:500]
    x[200:290, 2] = np.nan
    x[250:, 3] = np.nan
    x[:40, 4] = -np.inf
    x[:, 5] = np.nan
    return x


@OF_EVERY_SHAPE
def test_the_bytes_are_those_of_the_single_kernels(window: Any, windows: dict[str, Any]) -> None:
    x = holed()
    got = acm_rs.feature_matrix(x, window, **windows)
    same_bytes(plain(got), plain(by_kernels(x, window, **windows)))
    assert not np.isinf(got).any()
    full = np.where(np.isfinite(x), x, 7.5)
    filled = acm_rs.feature_matrix(x, window, fill=7.5, **windows)
    same_bytes(filled, np.nan_to_num(by_kernels(full, window, **windows), nan=0.0))


@pytest.mark.parametrize("name", FAMILIES)
def test_the_bytes_are_those_of_the_single_kernels_on_every_family(name: str) -> None:
    x = np.stack([family(name, True)[:900], family(name, False)[3000:3900]], axis=1)
    for window in (1, 2, 3, 4, 16, 60, 300):
        for least in (1, (window + 1) // 2):
            got = acm_rs.feature_matrix(x, window, min_periods=least)
            same_bytes(plain(got), plain(by_kernels(x, window, min_periods=least)))


@given(
    steps=st.lists(
        st.tuples(st.integers(0, 5), st.sampled_from([np.nan, np.inf, -np.inf, 0.0, 1.0, -2.5, 1e9, 3.0])),
        min_size=1,
        max_size=30,
    ),
    window=st.integers(1, 40),
    lasting=st.booleans(),
    least=st.integers(0, 4),
    center=st.booleans(),
    step=st.integers(1, 4),
    first_row=st.integers(0, 50),
)
def test_any_small_history_has_the_bytes_of_the_single_kernels(
    steps: list[tuple[int, float]], window: int, lasting: bool, least: int, center: bool, step: int, first_row: int
) -> None:
    x = np.array([value for _, value in steps])[:, None]
    windows: dict[str, Any] = {"center": center, "step": step, "first_row": first_row}
    if lasting:
        windows["times"] = START + np.cumsum([step for step, _ in steps])
    windows["min_periods"] = least if lasting else min(least, window)
    length = ns(window) if lasting else window
    got = acm_rs.feature_matrix(x, length, **windows)
    same_bytes(plain(got), plain(by_kernels(x, length, **windows)))


# ---- nothing made up, nothing of the future -------------------------------------------------------------------------


def named(found: Array, columns: int = 1) -> dict[str, Array]:
    return dict(zip(acm_rs.feature_names([f"c{j}" for j in range(columns)]), found.T, strict=True))


def two_levels() -> Array:
    """50 readings of 60, then 30 of 90 with a gap in rows 55 and 70."""
    x = np.r_[np.full(50, 60.0), np.full(30, 90.0)]
    x[[55, 70]] = np.nan
    return x


def test_a_gap_after_a_change_of_level_stays_a_gap() -> None:
    got = named(acm_rs.feature_matrix(two_levels(), 5))
    gaps = np.isin(np.arange(80), [55, 70])
    for name, value in {"med": 90.0, "mean": 90.0, "mad": 0.0, "std": 0.0, "slope": 0.0}.items():
        np.testing.assert_array_equal(got[f"c0_{name}"][54:], value, err_msg=name)
    for band in range(3):
        assert not got[f"c0_energy_{band}"][54:].any()
    assert np.isnan(got["c0_skew"][54:]).all()
    assert np.isnan(got["c0_kurt"][54:]).all()
    np.testing.assert_array_equal(np.isnan(got["c0_rz"]), gaps)
    assert not got["c0_rz"][54:][~gaps[54:]].any()
    filled = named(acm_rs.feature_matrix(two_levels(), 5, fill="median"))
    assert (filled["c0_mean"][55], filled["c0_rz"][55]) == (84.0, -100.0)


def outage() -> Array:
    """A reading, forty rows of nothing, and a level of its own."""
    rng = np.random.default_rng(12)
    return np.r_[5.0 + rng.random(60), np.full(40, np.inf), 50.0 + rng.random(60)]


HISTORIES: dict[str, Array] = {
    "two levels": two_levels(),
    "gap at the start": np.r_[np.full(7, np.nan), np.arange(30.0) ** 1.5],
    "dead from the middle on": np.r_[np.sin(np.arange(40.0)), np.full(40, np.nan)],
    "nothing at all": np.full(50, np.nan),
    "infinities": np.where(np.arange(60) % 3 == 1, np.where(np.arange(60) % 2, np.inf, -np.inf), np.arange(60.0)),
    "an outage longer than the window": outage(),
    "one reading": np.r_[np.full(20, np.nan), 3.0, np.full(20, np.nan)],
    "every second row": np.where(np.arange(64) % 2, np.nan, np.cos(np.arange(64.0))),
    "one row": np.array([np.nan]),
}
OF_EVERY_HISTORY = pytest.mark.parametrize("x", HISTORIES.values(), ids=HISTORIES.keys())


@OF_EVERY_HISTORY
def test_rows_of_the_past_do_not_know_the_future(x: Array) -> None:
    rng = np.random.default_rng(2)
    for window in (1, 5, 16):
        whole = acm_rs.feature_matrix(x, window)
        for row in range(len(x)):
            same_bytes(acm_rs.feature_matrix(x[: row + 1], window), whole[: row + 1])
            other = x.copy()
            other[row + 1 :] = 1e9 * rng.standard_normal(len(x) - row - 1)
            same_bytes(acm_rs.feature_matrix(other, window)[: row + 1], whole[: row + 1])


@OF_EVERY_HISTORY
def test_pieces_of_any_size_equal_the_whole(x: Array) -> None:
    for window in (1, 5, 16):
        whole = acm_rs.feature_matrix(x, window, min_periods=min(2, window))
        for size in (1, 3, 17):
            parts = []
            for start in range(0, len(x), size):
                first = max(0, start - window + 1)
                piece = x[first : start + size]
                found = acm_rs.feature_matrix(piece, window, min_periods=min(2, window), first_row=first)
                parts.append(found[start - first :])
            same_bytes(np.concatenate(parts), whole)


def test_row_by_row_over_durations_equals_the_whole() -> None:
    x = np.column_stack([history(160, 2), outage()])
    times = clock("irregular", 160)
    for duration in (90 * SECOND, 5 * HOUR, 400 * DAY):
        whole = acm_rs.feature_matrix(x, ns(duration), times=times, min_periods=2)
        begins, _ = bounds_of(160, duration, center=False, times=times)
        for start, stop in pairwise(range(0, 161)):
            first = int(begins[start])
            found = acm_rs.feature_matrix(
                x[first:stop], ns(duration), times=times[first:stop], min_periods=2, first_row=first
            )
            same_bytes(found[start - first :], whole[start:stop])


def test_the_first_reading_after_an_outage_speaks_for_itself() -> None:
    x = outage()
    got = named(acm_rs.feature_matrix(x, 16))
    for name, values in got.items():
        # A window that reaches back to the last reading before, then nothing, then the first reading after.
        gone = values[75:100]
        assert np.isnan(gone).all(), name
        if name in {"c0_std", "c0_skew", "c0_kurt"}:
            assert np.isnan(values[100])
        else:
            assert values[100] == (x[100] if name in {"c0_med", "c0_mean"} else 0.0), name
    alone = acm_rs.feature_matrix(x[100:], 16, min_periods=3)
    after = acm_rs.feature_matrix(x, 16, min_periods=3)[100:]
    energies = [i for i, name in enumerate(got) if "energy" in name]
    rest = [i for i in range(11) if i not in energies]
    np.testing.assert_allclose(after[:, rest], alone[:, rest], rtol=1e-12, atol=1e-12)


def test_what_is_missing_costs_its_neighbours_nothing() -> None:
    x = history(300, 4)
    x[:, 3] = np.nan
    got = FEATURE_MATRIX.by_column(acm_rs.feature_matrix(x, 12), 4)
    three = FEATURE_MATRIX.by_column(acm_rs.feature_matrix(x[:, :3].copy(), 12), 3)
    for together, without in zip(got, three, strict=False):
        same_bytes(together, without)
    assert np.isnan(got[3][6:]).all()


@OF_EVERY_SHAPE
@pytest.mark.usefixtures("threads")
def test_layouts_threads_and_precision_change_no_byte(window: Any, windows: dict[str, Any]) -> None:
    x = holed()
    x[:, 2] = np.where(np.abs(x[:, 2]) > 1e14, 1e6, x[:, 2])
    acm_rs.set_num_threads(1)
    want = acm_rs.feature_matrix(x, window, **windows)
    small = x.astype(np.float32)
    wide = acm_rs.feature_matrix(small.astype(np.float64), window, **windows).astype(np.float32)
    for count in (1, 3):
        acm_rs.set_num_threads(count)
        for form in layouts(x).values():
            same_bytes(acm_rs.feature_matrix(form, window, **windows), want)
        same_bytes(acm_rs.feature_matrix(small, window, **windows), wide)
        out = np.full(want.shape, 7.0, order="F")
        assert acm_rs.feature_matrix(x, window, out=out, **windows) is out
        same_bytes(out, want)


def test_every_clock_gives_the_bytes_of_the_single_kernels() -> None:
    x = history(200, 2)
    for hours in CLOCKS:
        for duration in (1, 2 * HOUR, 400 * DAY):
            windows = {"times": clock(hours, 200), "min_periods": 2}
            got = acm_rs.feature_matrix(x, ns(duration), **windows)
            same_bytes(plain(got), plain(by_kernels(x, ns(duration), **windows)))
