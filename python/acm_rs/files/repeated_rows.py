"""Rows of one time: equal, completing each other, or at odds; those of two files, as one machine's or those of two."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

__all__ = ["RepeatedRows", "repeated_rows"]

_Flags = NDArray[np.bool_]
_Rows = NDArray[np.int64]

APART = 0.2
"""Spreads of a sensor by which two readings of one time are apart beyond another rounding or a correction."""


@dataclass(frozen=True)
class RepeatedRows:
    """What rows of one time in one file are to each other.

    Parameters
    ----------
    at_odds : int
        Times of which two rows hold different readings of a sensor.
    times : int
        Times of all rows, those of each file counted.
    completing : ndarray of bool
        For each row whether it belongs to some of one time that agree, and of which one has what another lacks.
    unlike : ndarray of bool
        For each pair of rows from two files whether more than half of the sensors that both have read something else.
    """

    at_odds: int
    times: int
    completing: _Flags
    unlike: _Flags


def repeated_rows(
    start: _Flags, rows: _Rows, cells: Iterable[pl.Series], pairs: tuple[_Rows, _Rows] | None = None
) -> RepeatedRows:
    """Compare rows of one time.

    Parameters
    ----------
    start : ndarray of bool
        Where in the order of time, the files apart, another time begins.
    rows : ndarray of int64
        The rows in this order.
    cells : iterable of Series
        The sensors, missing as null.
    pairs : (ndarray, ndarray), optional
        Rows of two files that are of one time, or follow one another.

    Returns
    -------
    RepeatedRows
    """
    run = np.cumsum(start) - 1
    size = np.bincount(run)
    many = size > 1
    at = np.flatnonzero(many[run])
    starts = np.cumsum(size[many]) - size[many]
    taken = pl.Series(rows[at])
    one, other = (rows[:0], rows[:0]) if pairs is None else pairs
    apart, shared = np.zeros(one.size, dtype=np.int64), np.zeros(one.size, dtype=np.int64)
    at_odds, lacking = np.zeros(starts.size, dtype=np.bool_), np.zeros(starts.size, dtype=np.bool_)
    for column in cells if starts.size or one.size else ():
        if one.size:
            first, second = column.gather(one).to_numpy(), column.gather(other).to_numpy()
            off = np.abs(first - second)
            shared += ~np.isnan(off)
            apart += off > APART * _spread(np.concatenate([first, second]))
        if not starts.size:
            continue
        values = column.gather(taken).to_numpy()
        at_odds |= np.fmin.reduceat(values, starts) < np.fmax.reduceat(values, starts)
        there = np.add.reduceat((~np.isnan(values)).astype(np.int64), starts)
        lacking |= (there > 0) & (there < size[many])
    completing = np.zeros(rows.size, dtype=np.bool_)
    completing[at] = np.repeat(lacking & ~at_odds, size[many])
    return RepeatedRows(int(np.count_nonzero(at_odds)), size.size, completing, 2 * apart > shared)


def _spread(values: NDArray[np.float64]) -> float:
    known = values[np.isfinite(values)]
    return float(known.std()) if known.size else 0.0
