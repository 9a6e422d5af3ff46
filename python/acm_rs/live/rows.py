"""Rows as they came: times and readings in the order of a model's columns."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

__all__ = ["Batch", "Columns", "Rows", "no_rows", "put_together"]


@dataclass(frozen=True)
class Rows:
    """Some rows in the order in which they came.

    Parameters
    ----------
    values : array of float64, shape (n, d)
        Readings in the order of the model's columns; NaN is missing.
    times : array of int64, shape (n,), or None
        Nanoseconds since 1970; None where the source has no clock.
    """

    values: NDArray[np.float64]
    times: NDArray[np.int64] | None

    def __len__(self) -> int:
        return len(self.values)

    def take(self, rows: Any) -> Rows:
        """Some of them: a slice, places, or flags."""
        return Rows(self.values[rows], None if self.times is None else self.times[rows])


@dataclass(frozen=True)
class Columns:
    """The columns of a source.

    Parameters
    ----------
    names : sequence of str
        All of them, whatever they hold.
    frame : DataFrame
        Some first readings of those that hold numbers.
    whole : bool
        No others will come: what is not among them is absent, and does not only come later.
    """

    names: Sequence[str]
    frame: pl.DataFrame
    whole: bool


@dataclass
class Batch:
    """What a source gave at once.

    Parameters
    ----------
    rows : Rows
        Possibly none.
    position : dict
        Where the source is after them: what JSON can hold.
    bad : int
        Rows that could not be read, left out.
    notes : list of str
        What a person should know.
    utc : bool
        The times had a zone, and are in UTC.
    """

    rows: Rows
    position: dict[str, Any]
    bad: int = 0
    notes: list[str] = field(default_factory=list)
    utc: bool = False
    qualities: dict[str, list[str]] | None = None
    """The columns of qualities of each sensor that were heeded; None where they are as before."""
    columns: Columns | None = None
    """The columns of the source; None where they are as before."""


def no_rows(columns: int, timed: bool = True) -> Rows:
    """No rows at all."""
    return Rows(np.zeros((0, columns)), np.zeros(0, np.int64) if timed else None)


def put_together(parts: Sequence[Rows]) -> Rows:
    """Rows that follow one another."""
    times = [part.times for part in parts if part.times is not None]
    return Rows(np.concatenate([part.values for part in parts]), np.concatenate(times) if times else None)
