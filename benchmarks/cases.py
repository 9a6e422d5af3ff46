"""The rolling kernels that are timed, what each is held to, and how acm_rs is called for it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import ModuleType
from typing import Any

import numpy as np

from benchmarks.data import Matrix

MIN_PERIODS = 8
QUANTILES = (0.05, 0.5, 0.95)
BANDS = ((0.0, 0.05), (0.05, 0.15), (0.15, 0.5))
"""Bands in cycles a row: acm_rs' default bands at ``fs=1``."""

TARGET_SHAPE = (10_000, 50)
"""The input size the targets are set for."""

WORST_OVER_RANDOM = 1.5
FLAT_OVER_SMALLEST = 1.5
OVERHEAD_SECONDS = 30e-6
SPARE_BYTES = 4 * 1024 * 1024
FEATURES_OVER_PANDAS_MEMORY = 0.5


@dataclass(frozen=True)
class Target:
    """How many times faster than the fastest of ``peers`` a kernel must be (no names: of all named peers)."""

    times: float
    peers: tuple[str, ...] = ()


@dataclass(frozen=True)
class Case:
    """A kernel of the table.

    Parameters
    ----------
    key
        Name on the command line and in ``PEERS``.
    title
        Name in the table.
    functions
        Functions of acm_rs the case needs; the case runs without acm_rs' column where one is missing.
    call
        Calls acm_rs: module, input, window, keyword arguments -> results.
    split
        Results -> one (n, d) array per statistic.
    targets
        Window -> targets.
    tolerance
        Largest accepted difference between acm_rs and a peer, relative to ``max(1, |value|)``.
    """

    key: str
    title: str
    functions: tuple[str, ...]
    call: Callable[..., tuple[Any, ...]]
    split: Callable[[tuple[Any, ...]], list[Matrix]]
    targets: Mapping[int, tuple[Target, ...]]
    tolerance: float

    @property
    def windows(self) -> tuple[int, ...]:
        """Windows that are timed."""
        return tuple(self.targets)

    def present(self, module: ModuleType | None) -> bool:
        """Tell whether acm_rs has everything the case needs."""
        return module is not None and all(hasattr(module, name) for name in self.functions)


def _each(results: tuple[Any, ...]) -> list[Matrix]:
    return [np.asarray(result) for result in results]


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


_SINGLE_WINDOW = (16,)

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
)

MEMORY_BOUND = ("rolling_sum", "rolling_mean", "rolling_min", "rolling_max")
"""Kernels that are also reported as a share of the copy bandwidth."""
