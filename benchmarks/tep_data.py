"""The Tennessee Eastman process: a training run, a test run without a fault, and one for each of 21 faults."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

Matrix = NDArray[np.float64]
Vector = NDArray[np.float64]

FAULTS = range(1, 22)
HIDDEN = (3, 9, 15)
"""Faults that no method finds above its false alarms: counted on their own."""
EASY = (1, 2, 4, 5, 6, 7, 8, 12, 13, 14, 17, 18)
"""Faults whose delay is judged: steps, and what static PCA finds in 90 % of its rows."""
START = 160
"""The row in which a fault begins."""
TRAIN, NORMAL = "d00", "d00_te"


class NoData(Exception):
    """The folder lacks a file, or a file is not what it must be."""


@dataclass(frozen=True)
class Runs:
    """All runs, and the names of the sensors."""

    sensors: tuple[str, ...]
    runs: Mapping[str, Matrix]

    def fault(self, number: int) -> Matrix:
        """Give the run with this fault."""
        return self.runs[name_of(number)]


def name_of(fault: int) -> str:
    """Name the file of a fault's run."""
    return f"d{fault:02d}_te"


def read_runs(folder: Path) -> Runs:
    """Read ``d00.parquet``, ``d00_te.parquet`` and ``d01_te.parquet`` to ``d21_te.parquet``.

    Raises
    ------
    NoData
        A file is missing, unreadable, or has other columns than the first.
    """
    import polars as pl

    if not folder.is_dir():
        raise NoData(f"{folder}: no such folder")
    sensors: tuple[str, ...] = ()
    runs: dict[str, Matrix] = {}
    for name in (TRAIN, NORMAL, *map(name_of, FAULTS)):
        path = folder / f"{name}.parquet"
        if not path.is_file():
            raise NoData(f"{path}: no such file")
        try:
            frame = pl.read_parquet(path)
        except pl.exceptions.PolarsError as error:
            raise NoData(f"{path}: {error}") from error
        sensors = sensors or tuple(frame.columns)
        if tuple(frame.columns) != sensors:
            raise NoData(f"{path}: other columns than {TRAIN}.parquet")
        runs[name] = np.ascontiguousarray(frame.to_numpy(), dtype=np.float64)
    if min(map(len, runs.values())) <= START:
        raise NoData(f"{folder}: a run has no more than {START} rows")
    return Runs(sensors, runs)
