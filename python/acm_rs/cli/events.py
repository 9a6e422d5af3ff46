"""A file of known events: when each started and ended, and what it was."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from acm_rs.files.clock import times_in
from acm_rs.files.errors import Origin, Refusal, listed, quoted
from acm_rs.files.options import ReadOptions
from acm_rs.files.raw import RawTable
from acm_rs.files.reading import read_table
from acm_rs.files.time_parts import is_midnight
from acm_rs.files.times import has_time_of_day
from acm_rs.monitor import Event

__all__ = ["read_events"]

_DAY = 86_400 * 10**9
_BOTH = "start or end"


def read_events(path: Path, options: ReadOptions, *, dated: bool) -> list[Event]:
    """Read the columns start, end and name; an end that is not given is the start.

    Parameters
    ----------
    path : Path
        The file: CSV, Excel or Parquet.
    options : ReadOptions
        How the readings' file is read: the order of its dates and their zone hold here too.
    dated : bool
        Whether the readings have dates; else start and end are row numbers.

    Returns
    -------
    list of Event
        Days without a time of day are whole: the end is the last moment of its day.

    Raises
    ------
    Refusal
        There is no column of that name, or a cell that is no time.
    """
    raw = read_table([path], ReadOptions(date_order=options.date_order, timezone=options.timezone))
    named = {name.strip().lower(): name for name in raw.columns}
    if "start" not in named and list(named)[:1] == ["name"] and raw.unnamed == [raw.columns[1]]:
        # Where the first is "name", the reader takes it for the label of a row of tags, and the times for nameless.
        named["start"] = raw.unnamed[0]
    if "start" not in named:
        raise Refusal(f"{path} must have a column start, and may have end and name; it has {listed(raw.columns)}")
    if not raw.height:
        raise Refusal(f"{path} has no rows, and so no events: only the names of its columns")
    begins = raw.column(named["start"])
    ends = raw.column(named["end"]) if "end" in named else pl.Series([None] * raw.height, dtype=begins.dtype)
    names = raw.column(named["name"]).cast(pl.String) if "name" in named else pl.Series([""] * raw.height)
    absent = _empty(ends)
    if begins.dtype != ends.dtype:
        begins, ends = begins.cast(pl.String), ends.cast(pl.String)
    ends = pl.select(pl.when(absent).then(begins).otherwise(ends)).to_series()
    if _empty(begins).any():
        row = int(_empty(begins).arg_max() or 0)
        raise Refusal(f"{raw.origin.cell(row, named['start'])}: an event without a start")
    moments: tuple[list[Any], list[Any]] = _moments(raw, begins, ends, options) if dated else _rows(raw, begins, ends)
    firsts, lasts = moments
    found = []
    for row, (first, last, name) in enumerate(zip(firsts, lasts, names.fill_null("").to_list(), strict=True)):
        if last < first:
            raise Refusal(f"{raw.origin.row(row)}: the event ends before it starts")
        found.append(Event(first, last, name.strip()))
    return found


def _empty(cells: pl.Series) -> pl.Series:
    if cells.dtype == pl.String:
        return cells.str.strip_chars().fill_null("") == ""
    return cells.is_null()


def _moments(
    raw: RawTable, begins: pl.Series, ends: pl.Series, options: ReadOptions
) -> tuple[list[np.datetime64], list[np.datetime64]]:
    """Both columns as one, so that what tells the order of day and month in one holds in the other."""
    both = pl.concat([begins.alias(_BOTH), ends.alias(_BOTH)])
    origin = Origin(raw.origin.path, np.concatenate([raw.origin.rows] * 2))
    table = RawTable(pl.DataFrame({_BOTH: both}), origin, bad_rows=raw.bad_rows)
    values = times_in(table, replace(options, time_column=_BOTH), _BOTH).values
    if not values.dtype.is_temporal():
        raise Refusal(f"{raw.origin.path}: start and end must be times, as those of the readings are")
    stamps = values.cast(pl.Datetime("ns")).to_physical().to_numpy()
    firsts, lasts = np.split(stamps, 2)
    lasts = lasts + np.where(_days(ends), _DAY - 1, 0)
    return [np.datetime64(int(one), "ns") for one in firsts], [np.datetime64(int(one), "ns") for one in lasts]


def _days(cells: pl.Series) -> list[bool]:
    """Which cells are days: those without a time of day, or all where none has another than midnight."""
    if is_midnight(cells):
        return [True] * cells.len()
    if cells.dtype != pl.String:
        return [False] * cells.len()
    return [not has_time_of_day(cells[place : place + 1]) for place in range(cells.len())]


def _rows(raw: RawTable, begins: pl.Series, ends: pl.Series) -> tuple[list[int], list[int]]:
    found = []
    for cells in (begins, ends):
        numbers = cells.cast(pl.String).str.strip_chars().cast(pl.Int64, strict=False)
        if numbers.null_count():
            row = int(numbers.is_null().arg_max() or 0)
            raise Refusal(
                f"{raw.origin.row(row)}: the readings have no dates, so start and end must be row numbers from 0, got "
                f"{quoted(str(cells[row]))}"
            )
        found.append(numbers.to_list())
    return found[0], found[1]
