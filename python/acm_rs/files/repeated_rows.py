"""Rows of one time in one file: equal, completing each other, or at odds."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

__all__ = ["RepeatedRows", "repeated_rows"]

_Flags = NDArray[np.bool_]


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
    """

    at_odds: int
    times: int
    completing: _Flags


def repeated_rows(start: _Flags, rows: NDArray[np.int64], cells: Iterable[pl.Series]) -> RepeatedRows:
    """Compare rows of one time.

    Parameters
    ----------
    start : ndarray of bool
        Where in the order of time, the files apart, another time begins.
    rows : ndarray of int64
        The rows in this order.
    cells : iterable of Series
        The sensors, missing as null.

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
    at_odds, lacking = np.zeros(starts.size, dtype=np.bool_), np.zeros(starts.size, dtype=np.bool_)
    for column in cells if starts.size else ():
        values = column.gather(taken).to_numpy()
        at_odds |= np.fmin.reduceat(values, starts) < np.fmax.reduceat(values, starts)
        there = np.add.reduceat((~np.isnan(values)).astype(np.int64), starts)
        lacking |= (there > 0) & (there < size[many])
    completing = np.zeros(rows.size, dtype=np.bool_)
    completing[at] = np.repeat(lacking & ~at_odds, size[many])
    return RepeatedRows(int(np.count_nonzero(at_odds)), size.size, completing)
