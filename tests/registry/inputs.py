"""Inputs of the benchmarks: random matrices in every layout, times, a series beside them."""

from __future__ import annotations

import os
from functools import cache, cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

Matrix = NDArray[np.float64]
Times = NDArray[np.int64]


def cores() -> int:
    """Count the CPU cores this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


class Inputs:
    """One matrix in every layout a candidate may ask for, each made once and outside the timing.

    Parameters
    ----------
    x
        (n, d) matrix, rows = time.
    """

    def __init__(self, x: Matrix) -> None:
        self._x = x
        self.n, self.d = x.shape

    @cached_property
    def c(self) -> Matrix:
        """C-ordered (n, d)."""
        return np.ascontiguousarray(self._x)

    @cached_property
    def f(self) -> Matrix:
        """Fortran-ordered (n, d)."""
        return np.asfortranarray(self._x)

    @property
    def columns(self) -> Matrix:
        """C-ordered (d, n): each sensor contiguous."""
        return self.f.T

    @cached_property
    def names(self) -> list[str]:
        """Column names of the frames."""
        return [f"s{i}" for i in range(self.d)]

    @cached_property
    def pandas(self) -> Any:
        """The matrix as a pandas frame."""
        import pandas as pd

        return pd.DataFrame(self.f, columns=self.names)

    @cached_property
    def polars(self) -> Any:
        """The matrix as a Polars frame, NaN as null."""
        import polars as pl

        return pl.DataFrame({name: self.columns[i] for i, name in enumerate(self.names)}, nan_to_null=True)

    @property
    def times(self) -> Times:
        """When each row was taken."""
        return irregular_times(self.n)

    @property
    def target(self) -> Matrix:
        """A series (n,) to correlate the columns with."""
        return target_series(self.n)

    def order(self, order: str) -> Matrix:
        """Give the matrix in memory order ``"C"`` or ``"F"``."""
        return self.c if order == "C" else self.f

    def part(self, rows: int, columns: int) -> Inputs:
        """Take the first rows and columns as inputs of their own."""
        return Inputs(self.c[:rows, :columns].copy())


def random_matrix(n: int, d: int, seed: int = 20) -> Matrix:
    """Independent standard normal values."""
    return np.random.default_rng(seed).standard_normal((n, d))


def gappy_matrix(n: int, d: int) -> Matrix:
    """Make the same with 5 % of it missing."""
    x = random_matrix(n, d)
    x[np.random.default_rng(1).random((n, d)) < 0.05] = np.nan
    return x


@cache
def target_series(n: int) -> Matrix:
    """Standard normal values (n,), unrelated to the matrix."""
    return random_matrix(n, 1, seed=21)[:, 0]


@cache
def irregular_times(n: int) -> Times:
    """Nanoseconds (n,) of half-hourly rows: 20 to 40 minutes apart, one step in a hundred six hours long."""
    rng = np.random.default_rng(22)
    seconds = rng.integers(20 * 60, 40 * 60, n, endpoint=True)
    seconds[rng.random(n) < 0.01] = 6 * 3600
    return np.cumsum(seconds) * 1_000_000_000 + np.datetime64("2024-01-01", "ns").astype(np.int64)
