"""The rows of a table in the order of time, each time once."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import time

import numpy as np
import polars as pl
from numpy.typing import NDArray

from acm_rs.files.errors import Origin, Refusal, counted
from acm_rs.files.repeated_rows import repeated_rows

__all__ = ["Order", "order_of"]

_Rows = NDArray[np.int64]

HALF_DAYS = 24
"""Rows from which on a clock of twelve hours is told."""
UNLIKE = 20
"""Times at which two files hold other readings, or take turns, from which on they are those of two machines."""
TWO = 1.5
"""Times as many pairs that are unlike between two files that take turns as between rows of either, at least."""


@dataclass(frozen=True)
class Order:
    """How to put the rows of a table in order.

    Parameters
    ----------
    rows : ndarray of int64, or None
        The rows to take, in this order; None where they are in order already.
    beside : list of (ndarray, ndarray)
        Where a time stands in several rows: places among those taken, and for each a row of the same time that has what
        it may lack; the latest of them first.
    notes : list of str
        What was done, in sentences.
    """

    rows: _Rows | None
    beside: list[tuple[_Rows, _Rows]] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def take(self, column: pl.Series) -> pl.Series:
        """The cells of a column in order; what the last row of a time lacks comes from those before it."""
        if self.rows is None:
            return column
        taken = column.gather(self.rows)
        for places, rows in self.beside:
            lacking = taken.gather(places).is_null().to_numpy()
            if lacking.any():
                taken = taken.scatter(places[lacking], column.gather(rows[lacking]))
        return taken


def order_of(times: pl.Series, origin: Origin, column: str, cells: Iterable[pl.Series] = ()) -> Order:
    """Tell how the rows are put in order of time, the last of each time kept, with what it lacks of others.

    Parameters
    ----------
    times : Series
        The time of each row, none missing.
    origin : Origin
        Where the rows came from.
    column : str
        The column of the times, for messages.
    cells : iterable of Series
        The sensors, Float64 with missing as null: they tell rows of one time that are equal, that complete each other
        and that differ.

    Returns
    -------
    Order

    Raises
    ------
    Refusal
        Most times stand in several rows that differ, in one file or in two.
    """
    stamps = times.to_physical().to_numpy()
    if bool((np.diff(stamps) > 0).all()):
        return Order(None)
    file = np.zeros(stamps.size, dtype=np.int64)
    for _, start in origin.files[1:]:
        file[start:] += 1
    rows, notes = _oldest_first(stamps, file, origin)
    ordered = stamps[rows]
    if bool((np.diff(ordered) < 0).any()):
        rows = rows[np.argsort(ordered, kind="stable")]
        ordered = stamps[rows]
    last = np.append(ordered[1:] != ordered[:-1], True)
    other_file = np.append(file[rows][1:] != file[rows][:-1], False)
    across = np.flatnonzero(~last & other_file)
    kept = np.flatnonzero(last)
    turns = np.flatnonzero(file[rows[kept]][1:] != file[rows[kept]][:-1])
    # Where files follow one another they take few turns.
    turns = turns if turns.size >= UNLIKE else turns[:0]
    if last.all() and not turns.size:
        return Order(rows, notes=notes)
    after = turns[turns + 2 < kept.size]
    after = after[file[rows[kept[after]]] == file[rows[kept[after + 2]]]]
    firsts = np.concatenate([rows[across], rows[kept[turns]], rows[kept[after]]])
    seconds = np.concatenate([rows[across + 1], rows[kept[turns + 1]], rows[kept[after + 2]]])
    again = repeated_rows(np.append(True, (last | other_file)[:-1]), rows, cells, (firsts, seconds))
    both, turning, own = np.split(again.unlike, np.cumsum([across.size, turns.size]))
    # Rows of one machine that files share out are as unlike in one file as in two.
    if _most(turning) and turning.mean() < TWO * (own.mean() if own.size else 0.0):
        turning = turning[:0]
    for unlike, start, found in ((both, 0, "{} stand in both"), (turning, across.size, "their rows take turns, {}")):
        if _most(unlike):
            first, second = int(firsts[start]), int(seconds[start])
            raise Refusal(
                f"{origin.file(first)} and {origin.file(second)}: {found.format(counted(unlike.size, 'time'))} (first:"
                f" {times[first]}), and most of the sensors read something else in either: they may be those of two"
                " machines, to be read each by itself; where one corrects the other, give that one alone"
            )
    if turns.size:
        names = [origin.file(int(part[across.size])) for part in (firsts, seconds)]
        notes = [
            *notes,
            f"rows of {names[0]} and {names[1]} take turns, {counted(turns.size, 'time')}: if they are those of two"
            " machines, read each by itself",
        ]
    if last.all():
        return Order(rows, notes=notes)
    within = ~last & ~other_file
    place = int(times.is_duplicated().arg_true()[0])
    if _twelve_hours(times.gather(rows), within):
        raise Refusal(
            f"{origin.cell(place, column)}: the times have hours from 1 to 12 alone, each twice: a clock of twelve"
            " hours without AM or PM, which tells no morning from an afternoon; write them with it, or with 24 hours"
        )
    if 2 * again.at_odds > again.times:
        days = times.dtype == pl.Date or (
            times.dtype == pl.Datetime and bool((times.drop_nulls().dt.time() == time(0)).all())
        )
        hours = " a time of day beside a date is read from one column named Time, Hour or hhmm, as Hour and Minute are;"
        raise Refusal(
            f"{origin.cell(place, column)}: this time stands in more than one row, as do most, and the rows differ:"
            " they may be those of several machines, to be written each into a file of its own, or their times were"
            f" cut, to be written with their seconds;{hours if days else ''}"
            " one row per reading is read with --layout long, --tag-column and --value-column"
        )
    filling = ~last & (other_file | again.completing)
    merged = within & again.completing
    dropped = int(np.count_nonzero(~last & ~merged))
    notes = [*notes, *_told(times, origin, rows[merged], dropped, place, across=bool(across.size))]
    return Order(rows[last], _fillers(rows, last, filling), notes)


def _most(unlike: NDArray[np.bool_]) -> bool:
    """Whether most pairs of rows of two files are unlike, and many are."""
    return int(np.count_nonzero(unlike)) >= max(UNLIKE, 0.5 * unlike.size)


def _told(times: pl.Series, origin: Origin, merged: _Rows, dropped: int, place: int, *, across: bool) -> list[str]:
    """What was done to rows of one time."""
    notes = []
    if merged.size:
        first = int(merged.min())
        notes.append(
            f"rows of one time that complete each other: {counted(merged.size, 'row')} merged with the last of its time"
            f" (first: {times[first]} in {origin.row(first)})"
        )
    if dropped:
        others = ", what it lacks taken from the file before" if across else ""
        notes.append(
            f"repeated times: {counted(dropped, 'row')} left out, the last of each time kept{others}"
            f" (first: {times[place]} in {origin.row(place)})"
        )
    return notes


def _twelve_hours(times: pl.Series, within: NDArray[np.bool_]) -> bool:
    """Whether dates lack whether they are before or after noon."""
    if times.dtype != pl.Datetime or 3 * int(np.count_nonzero(within)) < times.len() or times.len() < HALF_DAYS:
        return False
    return sorted(times.dt.hour().unique().to_list()) == list(range(1, 13))


def _oldest_first(stamps: _Rows, file: _Rows, origin: Origin) -> tuple[_Rows, list[str]]:
    """The rows file by file, those with the newest first turned round, so that what was written last comes last."""
    rows = np.arange(stamps.size, dtype=np.int64)
    parts = np.split(rows, np.flatnonzero(np.diff(file)) + 1)
    turned, behind = 0, []
    for place, part in enumerate(parts):
        steps = np.diff(stamps[part])
        back = np.flatnonzero(steps < 0)
        if back.size and bool((steps <= 0).all()):
            parts[place] = part[::-1]
            turned += 1
        else:
            behind += [part[back] + 1]
    notes = []
    if turned:
        where = "the file" if len(parts) == 1 else f"{turned} of {len(parts)} files"
        notes.append(f"newest row first in {where}: sorted by time")
    late = np.concatenate(behind) if behind else rows[:0]
    if late.size:
        first = origin.row(int(late[0]))
        notes.append(f"sorted by time: it ran backwards at {counted(late.size, 'row')} (first: {first})")
    return np.concatenate(parts), notes


def _fillers(rows: _Rows, last: NDArray[np.bool_], filling: NDArray[np.bool_]) -> list[tuple[_Rows, _Rows]]:
    """The rows of a time beside the one that is kept, from which it takes what it lacks."""
    if not filling.any():
        return []
    group = np.cumsum(np.append(0, last[:-1].astype(np.int64)))
    # How many later rows of the same time are taken before: 1 for the one just before the last.
    after = np.cumsum((last | filling).astype(np.int64)[::-1])[::-1]
    depth = after - after[last][group]
    return [(group[at], rows[at]) for at in (np.flatnonzero(filling & (depth == k)) for k in range(1, depth.max() + 1))]
