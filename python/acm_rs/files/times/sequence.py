"""The order in which rows were written, for clocks that go back."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from acm_rs.files.errors import Origin

__all__ = ["as_written"]


def as_written(stamps: NDArray[np.int64], rows: NDArray[np.int64], origin: Origin) -> list[NDArray[np.int64]]:
    """Places of stamps file by file, each file and the first of its rows the oldest first.

    Parameters
    ----------
    stamps : ndarray of int64
        Times in the order of the table.
    rows : ndarray of int64, increasing
        The rows of the table they stand in.
    origin : Origin
        Where the rows came from.

    Returns
    -------
    list of ndarray of int64
        One for each file with any of them.
    """
    starts = [int(np.searchsorted(rows, start)) for _, start in origin.files[1:]]
    parts = [_oldest_first(stamps, part) for part in np.split(np.arange(rows.size), starts) if part.size]
    return sorted(parts, key=lambda part: int(stamps[part[0]]))


def _oldest_first(stamps: NDArray[np.int64], part: NDArray[np.int64]) -> NDArray[np.int64]:
    newest_first = np.count_nonzero(np.diff(stamps[part]) < 0) * 2 > part.size
    return part[::-1] if newest_first else part
