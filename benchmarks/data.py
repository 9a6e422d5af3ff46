"""Inputs: random matrices, inputs meant to be slow, and the fan's sensor history or a twin of it."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache, cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

Matrix = NDArray[np.float64]
Times = NDArray[np.int64]

FAN_SHAPE = (10_770, 9)


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


def _spikes(n: int, d: int) -> Matrix:
    x = random_matrix(n, d)
    x[np.random.default_rng(2).random((n, d)) < 0.01] = 1e15
    return x


def _alternating(n: int, d: int) -> Matrix:
    signs = np.where(np.arange(n) % 2 == 0, 1.0, -1.0)
    return np.repeat(signs[:, None] * 1e9, d, axis=1)


GAPS = ("5 % missing", "all missing")
"""The inputs below that have missing values."""

ADVERSARIES: dict[str, Callable[[int, int], Matrix]] = {
    "ascending": lambda n, d: np.sort(random_matrix(n, d), axis=0),
    "descending": lambda n, d: -np.sort(random_matrix(n, d), axis=0),
    "constant": lambda n, d: np.full((n, d), 42.5),
    GAPS[0]: gappy_matrix,
    GAPS[1]: lambda n, d: np.full((n, d), np.nan),
    "spikes of 1e15": _spikes,
    "alternating ±1e9": _alternating,
    "three levels": lambda n, d: np.round(random_matrix(n, d)).clip(-1.0, 1.0),
    "subnormal": lambda n, d: random_matrix(n, d) * 1e-310,
}
"""Inputs that slow an algorithm whose work depends on the values."""


def fan_twin(seed: int = 6) -> Matrix:
    """Make a history in the shape of the fan's: drifting levels, noise, two decimals, stretches at rest."""
    n, d = FAN_SHAPE
    rng = np.random.default_rng(seed)
    level = rng.uniform(20.0, 250.0, d)
    drift = np.cumsum(rng.standard_normal((n, d)), axis=0) * 0.01
    day = np.sin(2.0 * np.pi * np.arange(n)[:, None] / 48.0 + rng.uniform(0.0, 6.0, d))
    x = np.round(level * (1.0 + 0.02 * day) + drift + 0.02 * level * rng.standard_normal((n, d)), 2)
    for start in rng.integers(0, n - 200, 6):
        x[start : start + 200] = np.round(0.05 * level, 2)
    return x


def read_history(folder: Path) -> tuple[str, list[str], Matrix]:
    """Read the numeric columns of ``baseline.csv`` in a folder, or of a CSV file given by name.

    Returns
    -------
    tuple
        What was read, the column names, and the (n, d) matrix with NaN where a cell is empty.
    """
    import polars as pl

    path = folder / "baseline.csv" if folder.is_dir() else folder
    frame = pl.read_csv(path, infer_schema_length=None)
    frame = frame.select(pl.selectors.numeric().cast(pl.Float64))
    if frame.width == 0:
        raise ValueError(f"{path}: no numeric column")
    x = np.column_stack([frame[name].fill_null(float("nan")).to_numpy() for name in frame.columns])
    return path.name, frame.columns, x
