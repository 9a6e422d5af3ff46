"""The order in which rows were written, for clocks that go back."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import polars as pl
from numpy.typing import NDArray

from acm_rs.files.errors import Origin

__all__ = ["Tags", "as_written", "by_tag", "in_order_of_time"]

_HOUR_S = 3600


class Tags(NamedTuple):
    """The tags of the rows of a long table."""

    numbers: NDArray[np.int64]
    """The number of each row's tag."""
    names: pl.Series
    """Its name."""

    def of(self, rows: NDArray[np.int64]) -> list[str]:
        """The names in some rows, each once."""
        return sorted(str(name) for name in self.names.gather(pl.Series(rows)).unique())


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
    return sorted(parts, key=lambda part: _span(stamps, part))


def by_tag(
    stamps: NDArray[np.int64],
    rows: NDArray[np.int64],
    origin: Origin,
    tags: Tags | None,
    twice: NDArray[np.bool_],
    second: int,
) -> list[NDArray[np.int64]]:
    """The same for each tag: in a long table the rows of one follow those of another.

    What follows in the next file goes on there; stretches of a tag that overlap stay apart.

    Parameters
    ----------
    stamps, rows, origin
        As in :func:`as_written`.
    tags : Tags, optional
        The tags of a long table.
    twice : ndarray of bool
        Which of the stamps may be of an hour that comes twice.
    second : int
        Steps of the stamps in a second.

    Returns
    -------
    list of ndarray of int64
        One for each stretch.
    """
    starts = np.searchsorted(rows, np.array([start for _, start in origin.files[1:]], np.int64))
    places = np.arange(rows.size)
    file = np.searchsorted(starts, places, side="right")
    tag = np.zeros_like(places) if tags is None else tags.numbers[rows]
    order = np.lexsort((file, tag))
    ends = np.flatnonzero((np.diff(tag[order]) != 0) | (np.diff(file[order]) != 0)) + 1
    parts = [_oldest_first(stamps, part) for part in np.split(order, ends) if part.size]
    parts.sort(key=lambda part: (int(tag[part[0]]), *_span(stamps, part)))
    found: list[NDArray[np.int64]] = []
    stretch: list[NDArray[np.int64]] = []
    newest = 0
    for part in parts:
        back = int(stamps[part[0]]) - newest
        # The clock may have been put back just between two files.
        follows = back >= 0 or (bool(twice[part[0]]) and back >= -_HOUR_S * second)
        if stretch and not (follows and tag[stretch[0][0]] == tag[part[0]]):
            found.append(np.concatenate(stretch))
            stretch = []
        newest = int(stamps[part].max()) if not stretch else max(newest, int(stamps[part].max()))
        stretch.append(part)
    return [*found, np.concatenate(stretch)] if stretch else found


def in_order_of_time(stamps: NDArray[np.int64], nights: int) -> bool:
    """Whether stamps go back, no more often than clocks were put back in so many nights: rows as they were recorded."""
    return 1 <= int(np.count_nonzero(np.diff(stamps) < 0)) <= nights


def _span(stamps: NDArray[np.int64], part: NDArray[np.int64]) -> tuple[int, int]:
    """The first and the newest of the stamps in a part: two files may begin at one reading of the clock."""
    return int(stamps[part[0]]), int(stamps[part].max())


def _oldest_first(stamps: NDArray[np.int64], part: NDArray[np.int64]) -> NDArray[np.int64]:
    newest_first = np.count_nonzero(np.diff(stamps[part]) < 0) * 2 > part.size
    return part[::-1] if newest_first else part
