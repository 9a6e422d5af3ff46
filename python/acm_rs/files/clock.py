"""The column that holds the time, or the two that hold date and time of day."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import polars as pl

from acm_rs.files.errors import Refusal, quoted
from acm_rs.files.options import ReadOptions
from acm_rs.files.raw import RawTable, kind
from acm_rs.files.times import (
    Times,
    looks_like_clock,
    looks_like_time,
    times_from_numbers,
    times_from_text,
)

__all__ = ["Clock", "find_clock"]

# Compared in lower case, with spaces for dots, dashes, slashes and underscores.
_TIME_NAMES = frozenset(
    (
        "ts",
        "time",
        "timestamp",
        "time stamp",
        "t stamp",
        "datetime",
        "date time",
        "date",
        "date and time",
        "utc",
        "local time",
        "index",
        "zeit",
        "zeitstempel",
        "datum",
        "datum uhrzeit",
        "uhrzeit",
        "horodatage",
        "date heure",
        "fecha",
        "fecha hora",
        "fecha y hora",
        "data ora",
    )
)


@dataclass
class Clock:
    name: str
    times: Times
    used: tuple[str, ...]


def _plain_name(name: str) -> str:
    lowered = name.lower()
    for char in "._-/()":
        lowered = lowered.replace(char, " ")
    return " ".join(lowered.split())


def _is_time_name(name: str) -> bool:
    return _plain_name(name) in _TIME_NAMES


def find_clock(raw: RawTable, options: ReadOptions, wanted: Sequence[str]) -> Clock | None:
    name = options.time_column
    if name is not None:
        clock = _clock(raw, name, options)
        if clock is None:
            raise Refusal(f"{raw.origin.column(name)} holds {kind(raw.column(name))}, not times")
        return clock
    candidates = [column for column in raw.columns if column not in wanted and _may_be_clock(raw, column)]
    # A name that says so comes first, then the order in the file.
    candidates.sort(key=lambda column: not _is_time_name(column))
    return _clock(raw, candidates[0], options) if candidates else None


def _may_be_clock(raw: RawTable, name: str) -> bool:
    series = raw.column(name)
    if series.dtype in (pl.Datetime, pl.Date):
        return True
    # Where the name says time, one date will do: the cells that are none are refused by row, not the column dropped.
    share = 0.0 if _is_time_name(name) else 0.9
    if series.dtype == pl.String and looks_like_time(series, share=share):
        return True
    if not _is_time_name(name):
        return False
    numbers = _plain_numbers(series)
    return numbers is not None and bool((numbers.diff().drop_nulls() >= 0).all())


def _plain_numbers(series: pl.Series) -> pl.Series | None:
    """The column as numbers if every cell is one."""
    if series.dtype == pl.String:
        text = series.str.strip_chars()
        whole = text.cast(pl.Int64, strict=False)
        series = text.cast(pl.Float64, strict=False) if whole.has_nulls() else whole
    if not series.dtype.is_numeric() or series.has_nulls():
        return None
    return series if series.dtype.is_integer() or bool(series.is_finite().all()) else None


def _clock(raw: RawTable, name: str, options: ReadOptions) -> Clock | None:
    series = raw.column(name)
    label = "time" if name in raw.unnamed else name
    if series.dtype in (pl.Datetime, pl.Date):
        missing = series.is_null().arg_true()
        if missing.len():
            raise Refusal(f"{raw.origin.cell(int(missing[0]), name)}: the time is missing")
        return Clock(label, Times(series.rename(label)), (name,))
    numbers = _plain_numbers(series)
    if numbers is not None:
        return Clock(label, times_from_numbers(numbers.rename(label)), (name,))
    if series.dtype != pl.String:
        return None
    if options.time_column is None and not looks_like_time(series):
        return None
    used: tuple[str, ...] = (name,)
    clocks = [
        other
        for other in raw.columns
        if other != name and raw.column(other).dtype == pl.String and looks_like_clock(raw.column(other))
    ]
    note = ""
    if len(clocks) == 1 and not series.str.contains(":", literal=True).any():
        # A date and the time of day in columns of their own are one clock.
        used = (name, clocks[0])
        series = pl.select(series.str.strip_chars() + " " + raw.column(clocks[0]).str.strip_chars()).to_series()
        note = f"with {quoted(clocks[0])}"
    times = times_from_text(series, name, raw.origin, options.date_order)
    notes = ", ".join(filter(None, (note, times.note)))
    return Clock(label, Times(times.values.rename(label), notes), used)
