"""Inputs meant to be slow, and the fan's sensor history or a twin of it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
from registry.inputs import Matrix, gappy_matrix, random_matrix

FAN_SHAPE = (10_770, 9)


def _spikes(n: int, d: int) -> Matrix:
    x = random_matrix(n, d)
    x[np.random.default_rng(2).random((n, d)) < 0.01] = 1e15
    return x


def _alternating(n: int, d: int) -> Matrix:
    signs = np.where(np.arange(n) % 2 == 0, 1.0, -1.0)
    return np.repeat(signs[:, None] * 1e9, d, axis=1)


def _standing(n: int, d: int) -> Matrix:
    """Sensors that stand at 0 and run far from it: few leading digits tell their values apart."""
    x = 1500.0 + 0.1 * random_matrix(n, d)
    x[np.random.default_rng(3).random((n, d)) < 0.3] = 0.0
    return x


def _levels(n: int, d: int) -> Matrix:
    """A hundred values at each of many levels, a billionth apart."""
    levels = np.random.default_rng(4).integers(0, max(1, n // 100), (n, d))
    return levels * 1e3 + 1e-7 * random_matrix(n, d)


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
    "0 and 1,500 ± 0.1": _standing,
    "levels ± 1e-7": _levels,
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
