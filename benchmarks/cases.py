"""The rows of the table."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from types import ModuleType
from typing import Any

import numpy as np

from benchmarks.case import WHOLE, Case, Target
from benchmarks.data import Matrix, irregular_times, target_series

MIN_PERIODS = 8
QUANTILES = (0.05, 0.5, 0.95)
BANDS = ((0.0, 0.05), (0.05, 0.15), (0.15, 0.5))
"""Bands in cycles a row: acm_rs' default bands at ``fs=1``."""

COLUMN_QUANTILES = (0.01, 0.05, 0.25, 0.5, 0.75, 0.95, 0.99)
DURATION = "8h"
"""Sixteen rows of `irregular_times`, more or less."""

MAX_LAG = 3
TARGET_SHAPE = (10_000, 50)
"""The input size the targets are set for."""

WORST_OVER_RANDOM = 1.5
FLAT_OVER_SMALLEST = 1.5
OVERHEAD_SECONDS = 30e-6
SPARE_BYTES = 4 * 1024 * 1024
FEATURES_OVER_PANDAS_MEMORY = 0.5
WIDE_SHAPE = (10_000, 2_000)
WIDE_KEYS = ("pearson", "pearson_gaps", "spearman")
WIDE_BYTES = 300_000_000
"""What the correlation of ``WIDE_SHAPE`` may need beyond its input and output."""


def _each(results: tuple[Any, ...]) -> list[Matrix]:
    return [np.atleast_2d(np.asarray(result)) for result in results]


def _adjacent(count: int) -> Callable[[tuple[Any, ...]], list[Matrix]]:
    """Split one (n, d * count) result whose statistics of a column are adjacent."""

    def split(results: tuple[Any, ...]) -> list[Matrix]:
        (result,) = results
        return [np.asarray(result)[:, i::count] for i in range(count)]

    return split


def _functions(*names: str) -> Callable[..., tuple[Any, ...]]:
    def call(module: ModuleType, x: Matrix, window: int, **keywords: Any) -> tuple[Any, ...]:
        return tuple(getattr(module, name)(x, window, min_periods=MIN_PERIODS, **keywords) for name in names)

    return call


def _quantile(module: ModuleType, x: Matrix, window: int) -> tuple[Any, ...]:
    return (module.rolling_quantile(x, window, QUANTILES, min_periods=MIN_PERIODS),)


def _band_energy(module: ModuleType, x: Matrix, window: int) -> tuple[Any, ...]:
    return (module.rolling_band_energy(x, window, BANDS, 1.0, min_periods=MIN_PERIODS),)


def _corr(module: ModuleType, x: Matrix, window: int, y: Matrix) -> tuple[Any, ...]:
    return (module.rolling_corr(x, y, window, min_periods=MIN_PERIODS),)


def _lag_corr(module: ModuleType, x: Matrix, window: int) -> tuple[Any, ...]:
    return (module.rolling_lag_corr(x, window, MAX_LAG, min_periods=MIN_PERIODS),)


def _duration(name: str) -> Callable[..., tuple[Any, ...]]:
    def call(module: ModuleType, x: Matrix, window: int, **keywords: Any) -> tuple[Any, ...]:
        return (getattr(module, name)(x, DURATION, min_periods=MIN_PERIODS, **keywords),)

    return call


def _ewm_mean(module: ModuleType, x: Matrix, window: int) -> tuple[Any, ...]:
    return (module.ewm_mean(x, span=window, min_periods=MIN_PERIODS),)


def _correlation(method: str) -> Callable[..., tuple[Any, ...]]:
    def call(module: ModuleType, x: Matrix, window: int) -> tuple[Any, ...]:
        return (module.correlation(x, method=method),)

    return call


def _median_mad(module: ModuleType, x: Matrix, window: int) -> tuple[Any, ...]:
    return tuple(module.column_median_mad(x))


def _column_quantiles(module: ModuleType, x: Matrix, window: int) -> tuple[Any, ...]:
    return (module.column_quantiles(x, COLUMN_QUANTILES),)


def _impute(module: ModuleType, x: Matrix, window: int) -> tuple[Any, ...]:
    return (module.impute(x, method="median"),)


def _welch(module: ModuleType, x: Matrix, window: int) -> tuple[Any, ...]:
    return tuple(module.power_spectrum(x, segment=window))


def _pairs(rows: int, columns: int) -> float:
    """Unordered pairs, a column with itself among them."""
    return rows * columns * (columns + 1) / 2.0


def _ordered_pairs(rows: int, columns: int) -> float:
    return float(rows * columns * (columns - 1))


def _ranks(rows: int, columns: int) -> int:
    """A value's place in its column's order and the way back, four bytes each."""
    return 8 * rows * columns


RECORD = Target(None)

CASES: tuple[Case, ...] = (
    Case(
        "median",
        "rolling median",
        ("rolling_median",),
        _functions("rolling_median"),
        _each,
        {16: (Target(10.0),), 64: (Target(5.0),), 256: (Target(5.0),), 2048: (Target(5.0),)},
        1e-15,
    ),
    Case(
        "mad",
        "rolling MAD",
        ("rolling_mad",),
        _functions("rolling_mad"),
        _each,
        {16: (Target(40.0, ("Polars",)), Target(4000.0, ("pandas",)))},
        1e-15,
    ),
    Case(
        "mean_std",
        "rolling mean + std",
        ("rolling_mean_std",),
        _functions("rolling_mean_std"),
        _adjacent(2),
        {window: (Target(4.0),) for window in (16, 64, 256, 1024, 4096)},
        1e-12,
    ),
    Case(
        "skew_kurt",
        "rolling skew + kurt",
        ("rolling_skew", "rolling_kurt"),
        _functions("rolling_skew", "rolling_kurt"),
        _each,
        {16: (Target(12.0),)},
        1e-11,
    ),
    Case(
        "slope",
        "rolling OLS slope",
        ("rolling_slope",),
        _functions("rolling_slope"),
        _each,
        {16: (Target(10.0, ("Polars",)),)},
        1e-11,
    ),
    Case(
        "min_max",
        "rolling min + max",
        ("rolling_min", "rolling_max"),
        _functions("rolling_min", "rolling_max"),
        _each,
        {16: (Target(5.0),)},
        0.0,
    ),
    Case("range", "rolling range", ("rolling_range",), _functions("rolling_range"), _each, {16: (RECORD,)}, 0.0),
    Case(
        "quantile",
        "3 rolling quantiles",
        ("rolling_quantile",),
        _quantile,
        _adjacent(len(QUANTILES)),
        {16: (Target(10.0),)},
        1e-14,
    ),
    Case(
        "band_energy",
        "rolling band energy, 3 bands",
        ("rolling_band_energy",),
        _band_energy,
        _adjacent(len(BANDS)),
        {64: (Target(6.0),)},
        1e-11,
    ),
    Case(
        "median_center",
        "rolling median, centred",
        ("rolling_median",),
        partial(_functions("rolling_median"), center=True),
        _each,
        {16: (RECORD,)},
        1e-15,
    ),
    Case(
        "time_mean",
        "rolling mean, irregular times",
        ("rolling_mean",),
        _duration("rolling_mean"),
        _each,
        {16: (RECORD,)},
        1e-12,
        label=DURATION,
        keywords=lambda rows: {"times": irregular_times(rows)},
    ),
    Case(
        "time_median",
        "rolling median, irregular times",
        ("rolling_median",),
        _duration("rolling_median"),
        _each,
        {16: (RECORD,)},
        1e-15,
        label=DURATION,
        keywords=lambda rows: {"times": irregular_times(rows)},
    ),
    Case(
        "corr",
        "rolling Pearson against one target",
        ("rolling_corr",),
        _corr,
        _each,
        {16: (Target(5.0),)},
        1e-11,
        keywords=lambda rows: {"y": target_series(rows)},
    ),
    Case(
        "lag_corr",
        f"rolling lag correlation, 10 columns, lags 0 to {MAX_LAG}",
        ("rolling_lag_corr",),
        _lag_corr,
        _each,
        {16: (RECORD,)},
        1e-11,
        least_columns=2,
        most_columns=10,
        cost=_ordered_pairs,
    ),
    Case(
        "ewm_mean",
        "exponentially weighted mean",
        ("ewm_mean",),
        _ewm_mean,
        _each,
        {16: (RECORD,)},
        1e-12,
        label="span 16",
    ),
    Case(
        "pearson",
        "Pearson matrix",
        ("correlation",),
        _correlation("pearson"),
        _each,
        {WHOLE: (Target(1.5, ("NumPy",)),)},
        1e-12,
        least_columns=2,
        cost=_pairs,
        linear=False,
        gaps_apart=True,
    ),
    Case(
        "pearson_gaps",
        "Pearson matrix, 5 % missing",
        ("correlation",),
        _correlation("pearson"),
        _each,
        {WHOLE: (Target(15.0, ("pandas",)),)},
        1e-12,
        gaps=True,
        least_columns=2,
        cost=_pairs,
        linear=False,
    ),
    Case(
        "spearman",
        "Spearman matrix",
        ("correlation",),
        _correlation("spearman"),
        _each,
        {WHOLE: (Target(10.0, ("pandas", "SciPy")), RECORD)},
        1e-12,
        least_columns=2,
        cost=_pairs,
        linear=False,
        gaps_apart=True,
        scratch=_ranks,
    ),
    Case(
        "spearman_gaps",
        "Spearman matrix, 5 % missing",
        ("correlation",),
        _correlation("spearman"),
        _each,
        {WHOLE: (Target(60.0, ("pandas",)),)},
        1e-12,
        gaps=True,
        least_columns=2,
        cost=_pairs,
        linear=False,
        scratch=_ranks,
    ),
    Case(
        "median_mad",
        "column median + MAD",
        ("column_median_mad",),
        _median_mad,
        _each,
        {WHOLE: (Target(6.0, ("NumPy",)), RECORD)},
        1e-15,
        linear=False,
    ),
    Case(
        "quantiles",
        f"{len(COLUMN_QUANTILES)} column quantiles",
        ("column_quantiles",),
        _column_quantiles,
        _each,
        {WHOLE: (Target(4.0, ("NumPy",)), RECORD)},
        1e-14,
        linear=False,
    ),
    Case(
        "impute",
        "fill 5 % missing by the median",
        ("impute",),
        _impute,
        _each,
        {WHOLE: (RECORD,)},
        1e-15,
        gaps=True,
        linear=False,
    ),
    Case(
        "welch",
        "Welch spectrum",
        ("power_spectrum",),
        _welch,
        _each,
        {256: (RECORD,)},
        1e-11,
        label="segment 256",
        linear=False,
    ),
)

MEMORY_BOUND = ("rolling_sum", "rolling_mean", "rolling_min", "rolling_max")
"""Kernels that are also reported as a share of the copy bandwidth."""
