"""The order in which rows were written, for clocks that go back."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from acm_rs.files.errors import Origin

__all__ = ["as_written", "by_tag", "in_order_of_time"]


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


def by_tag(
    stamps: NDArray[np.int64], rows: NDArray[np.int64], origin: Origin, tags: NDArray[np.int64] | None
) -> list[NDArray[np.int64]]:
    """The same for each tag of each file: in a long table the rows of one follow those of another.

    `tags` are numbers of the tags, for each row of the table.
    """
    starts = [int(np.searchsorted(rows, start)) for _, start in origin.files[1:]]
    places = np.arange(rows.size)
    file = np.searchsorted(np.array(starts, np.int64), places, side="right")
    key = file if tags is None else file * (int(tags.max(initial=0)) + 1) + tags[rows]
    order = np.argsort(key, kind="stable")
    parts = np.split(order, np.flatnonzero(np.diff(key[order])) + 1)
    return [_oldest_first(stamps, part) for part in parts if part.size]


def in_order_of_time(stamps: NDArray[np.int64], nights: int) -> bool:
    """Whether stamps go back, no more often than clocks were put back in so many nights: rows as they were recorded."""
    return 1 <= int(np.count_nonzero(np.diff(stamps) < 0)) <= nights


def _oldest_first(stamps: NDArray[np.int64], part: NDArray[np.int64]) -> NDArray[np.int64]:
    newest_first = np.count_nonzero(np.diff(stamps[part]) < 0) * 2 > part.size
    return part[::-1] if newest_first else part
