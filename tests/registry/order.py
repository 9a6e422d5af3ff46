"""Least, greatest and middle values of the window of each row."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np
from exact import Pair, Window, round_ratio
from numpy.lib.stride_tricks import sliding_window_view

from registry.inputs import Matrix, irregular_times
from registry.kernel import Kernel, migration
from registry.references import Floats, blocks, of_pandas, rolled
from registry.row import frozen
from registry.timed import (
    BLOCK,
    BOTTLENECK,
    DURATION,
    MIN_PERIODS,
    NUMPY,
    PANDAS,
    POLARS,
    RECORD,
    Case,
    Peer,
    Target,
    adjacent,
    bottleneck_form,
    by_time,
    lasting,
    numpy_form,
    over_sensors,
    pandas_form,
    pandas_rolling,
    polars_form,
    windowed,
)

QUANTILES = (0.05, 0.5, 0.95)
_K = MIN_PERIODS


# ---- exact ----------------------------------------------------------------------------------------------------------


def minimum(w: Window) -> Pair:
    return round_ratio(min(w.values), w.unit)


def maximum(w: Window) -> Pair:
    return round_ratio(max(w.values), w.unit)


def extent(w: Window) -> Pair:
    return round_ratio(max(w.values) - min(w.values), w.unit)


def _twice_median(ordered: Sequence[int]) -> int:
    n = len(ordered)
    return ordered[(n - 1) // 2] + ordered[n // 2]


def median(w: Window) -> Pair:
    return round_ratio(_twice_median(sorted(w.values)), 2 * w.unit)


def mad(w: Window, scale: float = 1.0) -> Pair:
    """Scaled median of the absolute deviations from the true (unrounded) median."""
    m2 = _twice_median(sorted(w.values))
    twice = _twice_median(sorted(abs(2 * v - m2) for v in w.values))
    p, q = float(scale).as_integer_ratio()
    return round_ratio(twice * p, 4 * w.unit * q)


def quantile(w: Window, q: float | Sequence[float] = 0.5) -> list[Pair]:
    """Linear interpolation at position ``q * (count - 1)``, that product rounded to double as pandas and NumPy do."""
    ordered = sorted(w.values)
    out = []
    for one in np.atleast_1d(np.asarray(q, dtype=float)).tolist():
        at = one * (w.count - 1)
        i = int(at)
        fp, fq = (at - i).as_integer_ratio()
        a, b = ordered[i], ordered[min(i + 1, w.count - 1)]
        out.append(round_ratio(a * (fq - fp) + b * fp, fq * w.unit))
    return out


# ---- references -----------------------------------------------------------------------------------------------------


def _pandas_range(x: Floats, window: int, min_periods: int) -> Floats:
    rolling = rolled(x, window, min_periods)
    return (rolling.max() - rolling.min()).to_numpy(dtype=np.float64).reshape(-1, 1)


def _pandas_quantile(x: Floats, window: int, min_periods: int, q: float | Sequence[float] = 0.5) -> Floats:
    rolling = rolled(x, window, min_periods)
    return np.column_stack([rolling.quantile(one).to_numpy() for one in np.atleast_1d(np.asarray(q)).tolist()])


def _nan_median(block: Floats) -> Floats:
    """Median of each row without its NaNs; NaN for a row of nothing else."""
    ordered = np.sort(block, axis=1)
    count = np.isfinite(block).sum(axis=1)
    low = np.take_along_axis(ordered, np.maximum((count - 1) // 2, 0)[:, None], axis=1)[:, 0]
    high = np.take_along_axis(ordered, np.minimum(count // 2, block.shape[1] - 1)[:, None], axis=1)[:, 0]
    return np.where(count > 0, low / 2 + high / 2, np.nan)


def numpy_mad(x: Floats, window: int, min_periods: int, scale: float = 1.0) -> Floats:
    """Median of the deviations from each window's median."""
    parts = []
    for block in blocks(x, window):
        deviation = np.abs(block - _nan_median(block)[:, None])
        enough = np.isfinite(block).sum(axis=1) >= max(min_periods, 1)
        parts.append(np.where(enough, scale * _nan_median(deviation), np.nan))
    return np.concatenate(parts or [np.empty(0)]).reshape(-1, 1)


# ---- peers ----------------------------------------------------------------------------------------------------------


def _mad_of_window(values: Matrix) -> float:
    return float(np.median(np.abs(values - np.median(values))))


def _polars_mad(x: Any, window: int) -> list[Any]:
    median = x.rolling_median(window, min_samples=MIN_PERIODS)
    return [(x - median).abs().rolling_median(window, min_samples=MIN_PERIODS)]


def _middle(sorted_windows: Matrix, out: Matrix) -> None:
    """Median of windows sorted along the last axis."""
    width = sorted_windows.shape[1]
    if width % 2:
        np.copyto(out, sorted_windows[:, width // 2])
    else:
        np.add(sorted_windows[:, width // 2 - 1], sorted_windows[:, width // 2], out=out)
        out *= 0.5


def mad_sorted(x: Matrix, window: int) -> Callable[[], list[Matrix]]:
    """Median absolute deviation: sort each window, subtract its median, sort again."""
    d, n = x.shape

    def run() -> list[Matrix]:
        out = np.full((d, n), np.nan)

        def work(sensors: Iterable[int]) -> None:
            scratch = np.empty((BLOCK, window))
            medians = np.empty(BLOCK)
            for sensor in sensors:
                windows = sliding_window_view(x[sensor], window)
                for start in range(0, len(windows), BLOCK):
                    block = windows[start : start + BLOCK]
                    values, median = scratch[: len(block)], medians[: len(block)]
                    np.copyto(values, block)
                    values.sort(axis=1)
                    _middle(values, median)
                    values -= median[:, None]
                    np.abs(values, out=values)
                    values.sort(axis=1)
                    first = start + window - 1
                    _middle(values, out[sensor, first : first + len(block)])

        over_sensors(work, d)
        return [out]

    return run


# ---- rows -----------------------------------------------------------------------------------------------------------


def _levels(keywords: Mapping[str, Any]) -> int:
    return int(np.size(keywords["q"]))


# A median rounds once (half a unit in the last place); deviations and interpolation round on the way there too.
_MEDIAN = Kernel(
    "rolling_median",
    "pandas",
    of_pandas("median"),
    median,
    target=2.0**-53,
    benchmarks=(
        Case(
            "median",
            "rolling median",
            ("rolling_median",),
            {16: (Target(10.0),), 64: (Target(7.0),), 256: (Target(4.5),), 2048: (Target(4.5),)},
            1e-15,
            (
                Peer(*PANDAS, pandas_rolling(lambda r: [r.median()])),
                Peer(*POLARS, polars_form(lambda x, w: [x.rolling_median(w, min_samples=_K)])),
                Peer(*BOTTLENECK, bottleneck_form(lambda bn, x, w: [bn.move_median(x, w, _K, axis=0)])),
            ),
        ),
        Case(
            "median_center",
            "rolling median, centred",
            ("rolling_median",),
            {16: (RECORD,)},
            1e-15,
            (
                Peer(*PANDAS, pandas_form(lambda f, w: [f.rolling(w, min_periods=_K, center=True).median()])),
                Peer(*POLARS, polars_form(lambda x, w: [x.rolling_median(w, min_samples=_K, center=True)])),
            ),
            call=partial(windowed("rolling_median"), center=True),
        ),
        Case(
            "time_median",
            "rolling median, irregular times",
            ("rolling_median",),
            {16: (RECORD,)},
            1e-15,
            by_time("median", "rolling_median_by"),
            call=lasting("rolling_median"),
            label=DURATION,
            keywords=lambda rows: {"times": irregular_times(rows)},
        ),
    ),
)
_MAD = Kernel(
    "rolling_mad",
    "NumPy",
    numpy_mad,
    mad,
    target=2.0**-51,
    variants=(frozen(scale=1.4826),),
    own=lambda rows: {"scale": 1.5},
    constant=0.0,
    benchmarks=(
        Case(
            "mad",
            "rolling MAD",
            ("rolling_mad",),
            {16: (Target(30.0, ("Polars",)), Target(4000.0, ("pandas",)))},
            1e-15,
            (
                Peer(*PANDAS, pandas_rolling(lambda r: [r.apply(_mad_of_window, raw=True)]), slice_shape=(2_000, 1)),
                Peer(
                    *POLARS,
                    polars_form(_polars_mad),
                    differs="deviations from each row's own rolling median, not from the window's: another statistic",
                ),
                Peer(*NUMPY, numpy_form(mad_sorted), named=False, first_row=lambda window: window - 1),
            ),
        ),
    ),
)

ROWS = (
    Kernel(
        "rolling_min",
        "pandas",
        of_pandas("min"),
        minimum,
        target=0.0,
        memory_bound=True,
        benchmarks=(
            Case(
                "min_max",
                "rolling min + max",
                ("rolling_min", "rolling_max"),
                {16: (Target(6.0),), 256: (Target(3.5),)},
                0.0,
                (
                    Peer(*PANDAS, pandas_rolling(lambda r: [r.min(), r.max()])),
                    Peer(
                        *POLARS,
                        polars_form(lambda x, w: [x.rolling_min(w, min_samples=_K), x.rolling_max(w, min_samples=_K)]),
                    ),
                    Peer(
                        *BOTTLENECK,
                        bottleneck_form(
                            lambda bn, x, w: [bn.move_min(x, w, _K, axis=0), bn.move_max(x, w, _K, axis=0)]
                        ),
                    ),
                ),
            ),
        ),
    ),
    Kernel("rolling_max", "pandas", of_pandas("max"), maximum, target=0.0, memory_bound=True),
    Kernel(
        "rolling_range",
        "pandas",
        _pandas_range,
        extent,
        target=2.0**-53,
        constant=0.0,
        benchmarks=(
            Case(
                "range",
                "rolling range",
                ("rolling_range",),
                {16: (RECORD,)},
                0.0,
                (
                    Peer(*PANDAS, pandas_rolling(lambda r: [r.max() - r.min()])),
                    Peer(
                        *POLARS,
                        polars_form(lambda x, w: [x.rolling_max(w, min_samples=_K) - x.rolling_min(w, min_samples=_K)]),
                    ),
                    Peer(
                        *BOTTLENECK,
                        bottleneck_form(
                            lambda bn, x, w: [bn.move_max(x, w, _K, axis=0) - bn.move_min(x, w, _K, axis=0)]
                        ),
                    ),
                ),
            ),
        ),
    ),
    _MEDIAN,
    migration(_MEDIAN),
    _MAD,
    migration(_MAD),
    Kernel(
        "rolling_quantile",
        "pandas",
        _pandas_quantile,
        quantile,
        target=2.0**-51,
        keywords=frozen(q=0.25),
        variants=(frozen(q=(0.0, 0.1, 1.0)), frozen(q=[0.95])),
        outputs=_levels,
        own=lambda rows: {"q": [0.1, 0.5]},
        probe=frozen(q=[0.1, 0.5]),
        benchmarks=(
            Case(
                "quantile",
                "3 rolling quantiles",
                ("rolling_quantile",),
                {16: (Target(15.0),)},
                1e-14,
                (
                    Peer(*PANDAS, pandas_rolling(lambda r: [r.quantile(q) for q in QUANTILES])),
                    Peer(
                        *POLARS,
                        polars_form(
                            lambda x, w: [x.rolling_quantile(q, "linear", w, min_samples=_K) for q in QUANTILES]
                        ),
                    ),
                ),
                call=partial(windowed("rolling_quantile"), q=QUANTILES),
                split=adjacent(len(QUANTILES)),
            ),
        ),
    ),
)
