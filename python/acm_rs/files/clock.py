"""The column that holds the time, or the columns that hold it together."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import polars as pl

from acm_rs.files.bad_rows import BadRows, OnBadRow
from acm_rs.files.errors import Origin, Refusal, listed, quoted
from acm_rs.files.options import ReadOptions
from acm_rs.files.raw import RawTable, kind
from acm_rs.files.ticking import are_whole, day_text, is_sheet, ticks
from acm_rs.files.time_digits import may_be_dates
from acm_rs.files.time_names import is_time_name, may_be_labels, other_zone, says_date, says_utc
from acm_rs.files.time_parts import (
    bare_dates,
    clock_text,
    decimals_written,
    hours_beside,
    is_clock,
    is_hours,
    is_midnight,
    numbers_of,
    parts_of,
    refuse_parts,
    says_hour,
    text_of_hours,
    text_of_parts,
    zone_column,
)
from acm_rs.files.times import (
    DateOrder,
    Times,
    has_zone,
    implausible,
    looks_like_clock,
    looks_like_time,
    time_share,
    times_from_numbers,
    times_from_text,
    to_utc,
    without_repeats,
)
from acm_rs.files.times.numbers import RUNNING, calendar_kind, refuse_other_digits
from acm_rs.files.times.sequence import Tags

__all__ = ["NO_TIME", "Clock", "Found", "find_clock", "times_in"]

NO_TIME = "no time column found: rows taken in the order of the file, oldest first"

# Something that a person would take for a time, in whatever spelling.
_TIME_OF_SOME_KIND = (
    r"(?i)^(?:.*\d.*\D)?\d{1,2}\s?[:h]\s?\d{2}\b.*\d|^\d{1,2}:\d{2}(?::\d{2})?|"
    r"^\d{4}[-/.]w?\d{1,3}(?:[-/.]\d{1,2})?\b|^\d{1,2}[-/.]\s?\d{1,2}[-/.]\s?\d{4}\b|"
    r"^\d{1,2}\.?[-/ ]?\pL{3,}\.?[-/ ,]+\d{2,4}\b"
)
_HEAD = 200
_FEWEST = 5
_OTHER_TIMES = "times"
_MOST = 0.9
_ENDS = {"start", "stop", "end", "begin", "from", "to", "until", "von", "bis"}


@dataclass
class Clock:
    """The time of each row.

    Parameters
    ----------
    name : str
        The column's name.
    times : Times
        The times.
    used : tuple of str
        The columns that they are made of.
    """

    name: str
    times: Times
    used: tuple[str, ...]


@dataclass
class Found:
    """What a search for the clock found.

    Parameters
    ----------
    clock : Clock or None
        The clock, if there is one.
    left_out : dict of str to str
        Columns that hold times too and thus are no sensors, each with what it holds.
    notes : list of str
        What a person should know of the search.
    """

    clock: Clock | None = None
    left_out: dict[str, str] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)


def find_clock(
    raw: RawTable,
    options: ReadOptions,
    wanted: Sequence[str],
    *,
    as_written: bool = False,
    tags: Tags | None = None,
) -> Found:
    """Find the time of each row.

    Parameters
    ----------
    raw : RawTable
        The file.
    options : ReadOptions
        What is known beforehand.
    wanted : sequence of str
        Columns asked for as sensors.
    as_written : bool, default False
        Leave the hour that stands twice in times without a zone.
    tags : Tags, optional
        The tags of a table that may be a long one.

    Returns
    -------
    Found

    Raises
    ------
    Refusal
        A column that should be the time, by its name or its cells, and cannot be read.
    """
    search = _Search(raw, options, wanted, as_written, tags)
    found = Found(search.clock())
    used = found.clock.used if found.clock else ()
    for name in search.columns:
        if name in used:
            continue
        holds = search.holds_times(name)
        if holds:
            found.left_out[name] = holds
    found.notes += search.notes
    others = [name for name, holds in found.left_out.items() if holds.startswith(_OTHER_TIMES)]
    if others and found.clock and options.time_column is None:
        if not wanted:
            search.refuse_pairs(found.clock.name, others)
        used_names = " with ".join(map(quoted, used))
        found.notes.append(
            f"time taken from {used_names}; {listed(others)} {'hold' if len(others) > 1 else 'holds'} times too:"
            f" --time-column {quoted(others[0])} takes {'that one' if len(others) > 1 else 'it'} instead"
        )
    return found


def times_in(raw: RawTable, options: ReadOptions, name: str) -> Times:
    """Read a column of times that need not be a clock: they may repeat and go back.

    Parameters
    ----------
    raw : RawTable
        The file.
    options : ReadOptions
        What is known beforehand.
    name : str
        The column.

    Returns
    -------
    Times
        In UTC where the options name a zone.

    Raises
    ------
    Refusal
        A cell that is no time.
    """
    times, _ = _Search(raw, options, ())._times(name, raw.column(name))
    return times if options.timezone is None else to_utc(times, options.timezone, raw.origin, name)


class _Search:
    def __init__(
        self,
        raw: RawTable,
        options: ReadOptions,
        wanted: Sequence[str],
        as_written: bool = False,
        tags: Tags | None = None,
    ) -> None:
        self._raw, self._options, self._as_written, self._tags = raw, options, as_written, tags
        # The source of a reading knows its time better than the server that was told of it, and a time of its own tells
        # more than the ends of what was asked for.
        self.columns = sorted((name for name in raw.columns if name not in wanted), key=_further)
        self._named = [name for name in self.columns if is_time_name(name)]
        self.notes: list[str] = []
        # Judged by their first rows; whichever is taken is then read to its last.
        self._head = raw.head(_HEAD)

    def clock(self) -> Clock | None:
        """The clock, read; None where no column is one."""
        named = self._options.time_column
        parts = parts_of(self._head, self.columns)
        if named is not None and named not in parts.values():
            return self._read(self._date_of(named) or named)
        chosen = None if named is not None else self._calendar()
        if chosen is not None:
            return self._read(chosen)
        if parts:
            return self._of_parts(parts)
        for name in self.columns:
            if name not in self._named and self._is_epoch(name):
                clock = self._read(name)
                self.notes.append(f"column {quoted(name)} taken as the time: it rises as a clock does")
                return clock
        self._refuse_unread()
        for name in self._named:
            digits = numbers_of(self._head[name])
            if digits is not None:
                refuse_other_digits(digits, name, self._raw.origin)
        running = next((self._read(name) for name in self._named if self._runs(name)), None) or self._elapsed()
        if running is None:
            self._refuse_digits()
            refuse_parts(self._raw, self._head, self.columns)
            self._tell_falling()
        return running

    def refuse_pairs(self, clock: str, others: Sequence[str]) -> None:
        """Refuse times and readings in pairs, each tag with times of its own: they are not those of the first."""
        columns = list(self._raw.columns)
        clocks = [clock, *others]
        if len(columns) != 2 * len(clocks) or set(columns[::2]) != set(clocks):
            return
        own = self._head[clock]
        if any(not self._head[name].equals(own) for name in others):
            raise Refusal(
                f"{self._raw.origin.path}: {listed(columns[::2])} hold times, each of the readings in the column beside"
                " it; write a row for each reading (time, tag, value), which --layout long reads, or read one tag at a"
                f" time, as with --time-column {quoted(columns[2])} --columns {quoted(columns[3])}"
            )

    def holds_times(self, name: str) -> str:
        """What a column besides the clock holds, if that is times; else empty."""
        series = self._head[name]
        if series.dtype in (pl.Datetime, pl.Date) or (series.dtype == pl.String and looks_like_time(series)):
            return _OTHER_TIMES
        numbers = numbers_of(series)
        if numbers is None:
            return ""
        telling = name in self._named
        if self._is_epoch(name) or (telling and calendar_kind(numbers)):
            return f"{_OTHER_TIMES}, {calendar_kind(numbers)}"
        if telling and self._runs(name):
            return RUNNING
        if telling:
            self.notes.append(f"column {quoted(name)} is named like a time but runs like none: taken as a sensor")
        return ""

    def _calendar(self) -> str | None:
        """The column of dates that is the clock: a telling name first, but a date alone after one with its hour."""
        others = [name for name in self.columns if name not in self._named]
        candidates = [name for name in self._named if self._is_calendar(name, telling=True)]
        candidates += [name for name in others if self._is_calendar(name, telling=False)]
        whole = [name for name in candidates if not self._is_day(name) or self._time_of_day(name)]
        # A time that stands in one cell counts more than an hour beside a date.
        whole.sort(key=lambda name: self._is_day(name) and says_hour(self._time_of_day(name) or ""))
        return next(iter([*whole, *candidates]), None)

    def _is_calendar(self, name: str, *, telling: bool) -> bool:
        series = self._head[name]
        if series.dtype in (pl.Datetime, pl.Date):
            return not is_clock(series, name)
        if series.dtype == pl.String and time_share(series) > 0 and not is_clock(series, name):
            # Where the name says time, one date will do: the cells that are none are refused by row.
            return telling or self._are_dates(name, series)
        if not telling:
            return False
        numbers = numbers_of(series)
        return numbers is not None and bool(calendar_kind(numbers, sheet=says_date(name)))

    def _are_dates(self, name: str, cells: pl.Series) -> bool:
        """Whether nearly all cells are dates of the calendar, or would be if their order were known."""
        filled = cells.filter(cells.str.strip_chars().fill_null("") != "")
        if time_share(filled) < _MOST:
            return False
        origin = Origin(self._raw.origin.path, np.arange(filled.len()))
        found = [BadRows(OnBadRow.skip) for _ in range(2)]
        for order, bad in zip((DateOrder.mdy, DateOrder.dmy), found, strict=True):
            try:
                times_from_text(filled, name, origin, order, timezone="UTC", bad_rows=bad)
            except Refusal:
                return True
        return min(bad.count for bad in found) <= (1 - _MOST) * filled.len()

    def _is_day(self, name: str) -> bool:
        series = self._head[name]
        if series.dtype in (pl.Datetime, pl.Date, pl.String) and numbers_of(series) is None:
            return is_midnight(series)
        numbers = numbers_of(series)
        return numbers is not None and (
            calendar_kind(numbers, sheet=True) == "YYYYMMDD" or (is_sheet(numbers) and are_whole(numbers))
        )

    def _runs(self, name: str) -> bool:
        if numbers_of(self._head[name]) is None:
            return False
        numbers = numbers_of(self._raw.column(name))
        if numbers is None or numbers.has_nulls():
            return False
        # With the newest row first it falls, but as evenly as a clock: a load may fall too.
        return bool((numbers.diff().drop_nulls() >= 0).all()) or ticks(numbers)

    def _is_epoch(self, name: str) -> bool:
        """Whether numbers under an untelling name can hardly be anything but a clock."""
        head = numbers_of(self._head[name])
        # Days of a spreadsheet may as well be a counter of hours.
        if head is None or head.has_nulls() or head.len() < 3 or not calendar_kind(head) or is_sheet(head):
            return False
        if not ticks(head):
            return False
        numbers = numbers_of(self._raw.column(name))
        return numbers is not None and not numbers.has_nulls() and ticks(numbers)

    def _read(self, name: str) -> Clock:
        times, used = self._times(name, self._raw.column(name))
        return self._finished("time" if name in self._raw.unnamed else name, name, times, used)

    def _finished(self, label: str, name: str, times: Times, used: tuple[str, ...]) -> Clock:
        origin, zone = self._raw.origin, self._options.timezone
        if zone is not None:
            times = to_utc(times, zone, origin, name, self._tags)
        elif says_utc(name) and getattr(times.values.dtype, "time_zone", "") is None:
            times = replace(to_utc(times, "UTC", origin, name), note=_notes(times.note, "in UTC by its name"))
        elif (said := other_zone(name)) and getattr(times.values.dtype, "time_zone", "") is None:
            # Which zone is meant by three letters nobody knows, and whether its summer time is heeded.
            times = replace(times, note=_notes(times.note, f"as written, though its name says {quoted(said)}"))
        if not self._as_written:
            times = without_repeats(times, origin, self._tags)
        return Clock(label, replace(times, values=times.values.rename(label)), used)

    def _times(self, name: str, series: pl.Series) -> tuple[Times, tuple[str, ...]]:
        raw, bad_rows = self._raw, self._raw.bad_rows
        other = self._time_of_day(name) if self._is_day(name) else None
        if series.dtype in (pl.Datetime, pl.Date):
            missing = series.is_null().to_numpy()
            bad_rows.meet(missing, raw.origin, name, lambda _: "the time is missing but the row holds values")
            if other is not None:
                return self._together(name, series.dt.strftime("%Y-%m-%d"), other)
            return self._stored(name, series), (name,)
        numbers = numbers_of(series)
        if numbers is not None:
            sheet = says_date(name) or self._options.time_column == name or other is not None
            if other is not None:
                return self._together(name, day_text(numbers, sheet=sheet), other)
            written = calendar_kind(numbers, sheet=sheet)
            # A fraction of a second behind 14 digits is more than a float can hold.
            if not (series.dtype == pl.String and written.startswith("YYYY") and not numbers.dtype.is_integer()):
                found = times_from_numbers(
                    numbers,
                    name,
                    raw.origin,
                    sheet=sheet,
                    decimals=decimals_written(series),
                    cells=series if series.dtype == pl.String else None,
                    bad_rows=bad_rows,
                )
                return found, (name,)
        if series.dtype != pl.String:
            raise Refusal(f"{raw.origin.column(name)} holds {kind(series)}, not times")
        if time_share(series) == 0:
            self._refuse(name, series)
        if other is not None:
            return self._together(name, bare_dates(series), other)
        return self._with_zone(name, series)

    def _stored(self, name: str, series: pl.Series) -> Times:
        days = series.dt.replace_time_zone(None) if isinstance(series.dtype, pl.Datetime) else series
        count = days.cast(pl.Date).to_physical().cast(pl.Int64).fill_null(0).to_numpy()
        some = series.is_not_null().to_numpy()
        bad = implausible(count, some, lambda row: str(series[row]), name, self._raw.origin, self._raw.bad_rows)
        if bad.any():
            series = pl.select(pl.when(pl.Series(~bad)).then(series)).to_series().rename(name)
        if getattr(series.dtype, "time_zone", None) not in (None, "UTC"):
            return Times(series.dt.convert_time_zone("UTC"), "in UTC")
        return Times(series)

    def _text(self, name: str, series: pl.Series) -> Times:
        options, raw = self._options, self._raw
        zone = options.timezone
        return times_from_text(
            series, name, raw.origin, options.date_order, timezone=zone, bad_rows=raw.bad_rows, tags=self._tags
        )

    def _time_of_day(self, date: str) -> str | None:
        """The column with the time of day beside one of dates alone, if just one may be it."""
        others = [name for name in self.columns if name != date and is_clock(self._head[name], name)]
        hours = [name for name in others if says_hour(name) and not is_time_name(name)]
        others = [name for name in others if name not in hours]
        named = [name for name in others if name in self._named]
        if len(others) == 1 or len(named) == 1:
            return (others if len(others) == 1 else named)[0]
        if others or len(hours) != 1:
            return None
        # The hour of something may stand beside the days, each of which comes once.
        again = self._head[date].is_duplicated().any() or self._head[hours[0]].n_unique() == 1
        return hours[0] if again else None

    def _date_of(self, clock: str) -> str | None:
        """The column of dates that a chosen time of day belongs to, if there is one."""
        if not is_clock(self._head[clock], clock):
            return None
        days = (name for name in self.columns if name != clock and self._is_calendar(name, telling=is_time_name(name)))
        return next((name for name in days if self._is_day(name) and self._time_of_day(name) == clock), None)

    def _together(self, name: str, dates: pl.Series, other: str) -> tuple[Times, tuple[str, ...]]:
        beside = hours_beside(self._head, self.columns)
        of_hours = beside.get("hour") == other and len(beside) > 1
        clock = text_of_hours(self._raw, beside) if of_hours else clock_text(self._raw.column(other))
        others = tuple(beside.values()) if of_hours else (other,)
        times, used = self._with_zone(name, pl.select(dates + " " + clock).to_series())
        hours = "its numbers taken as hours" if not of_hours and is_hours(self._raw.column(other)) else ""
        note = _notes(f"with {', '.join(map(quoted, others))}", hours, times.note)
        return replace(times, note=note), (name, *others, *used[1:])

    def _of_parts(self, parts: dict[str, str]) -> Clock:
        """The time that is made of year, month and day, or a day of the year, and what there is of the time of day."""
        name = parts["year"]
        other = None if "hour" in parts or ("month" in parts and "day" not in parts) else self._time_of_day(name)
        clock = None if other is None else clock_text(self._raw.column(other))
        used = (*parts.values(), *([other] if other is not None else []))
        times = self._text(name, text_of_parts(self._raw, parts, clock))
        said = f"{quoted(parts['day of the year'])} as the day of the year" if "day of the year" in parts else ""
        times = replace(times, note=_notes(f"made of {', '.join(map(quoted, used))}", said, times.note))
        return self._finished("time", name, times, used)

    def _with_zone(self, name: str, series: pl.Series) -> tuple[Times, tuple[str, ...]]:
        zone = zone_column(self._head, self.columns)
        if zone is None or has_zone(series):
            return self._text(name, series), (name,)
        text = pl.select(series.str.strip_chars() + " " + self._raw.column(zone).str.strip_chars()).to_series()
        times = self._text(name, text)
        return replace(times, note=_notes(f"with {quoted(zone)}", times.note)), (name, zone)

    def _refuse(self, name: str, series: pl.Series) -> None:
        raw = self._raw
        filled = (series.str.strip_chars().fill_null("") != "").arg_true()
        if not filled.len():
            raise Refusal(f"{raw.origin.column(name)} should be the time but is empty; name another with --time-column")
        row = int(filled[0])
        cell = quoted(series[row])
        if looks_like_clock(series):
            what = "a time of day without a date, which is needed beside it, in the cell or a column of its own"
        else:
            what = "not a date in any spelling that is read, such as 2024-03-01 00:20:00"
        if self._options.time_column is None:
            other = "name another with --time-column, or leave the column out with --exclude"
        else:
            other = "or name another column"
        raise Refusal(f"{raw.origin.cell(row, name)}: {cell} is {what}; {other}")

    def _refuse_unread(self) -> None:
        """Refuse a table whose clock is there but in a spelling that is not read."""
        for name in self._named:
            if self._head[name].dtype == pl.String and numbers_of(self._head[name]) is None and not may_be_labels(name):
                self._refuse(name, self._raw.column(name))
        for name in self.columns:
            series = self._head[name]
            if series.dtype != pl.String:
                continue
            cells = series.str.strip_chars().drop_nulls()
            cells = cells.filter(cells != "")
            alike = int(cells.str.contains(_TIME_OF_SOME_KIND).sum())
            if alike and alike >= _MOST * cells.len():
                self._refuse(name, self._raw.column(name))

    def _refuse_digits(self) -> None:
        """Refuse a table without a clock in which a column of text counts the rows in a way that is not read."""
        for name in self.columns:
            series = self._head[name]
            if series.dtype == pl.String and not may_be_labels(name) and may_be_dates(series):
                self._refuse(name, self._raw.column(name))

    def _elapsed(self) -> Clock | None:
        """The one column of durations that runs: how long a recording has lasted."""
        runs = [name for name in self.columns if self._head[name].dtype == pl.Duration and self._runs(name)]
        runs = [name for name in runs if self._raw.column(name).n_unique() > 1]
        if len(runs) != 1:
            return None
        self.notes.append(f"column {quoted(runs[0])} taken as the time: its durations run as a clock does")
        return self._read(runs[0])

    def _tell_falling(self) -> None:
        """Tell of columns that may be a clock with the newest row first."""
        for name in self.columns:
            head = numbers_of(self._head[name])
            if head is None or head.has_nulls() or head.len() < _FEWEST or head[0] <= head[-1] or not ticks(head):
                continue
            numbers = numbers_of(self._raw.column(name))
            if numbers is not None and not numbers.has_nulls() and ticks(numbers):
                self.notes.append(
                    f"column {quoted(name)} falls evenly: if it is the time, newest row first,"
                    f" say --time-column {quoted(name)}"
                )


def _notes(*notes: str) -> str:
    return ", ".join(filter(None, notes))


def _further(name: str) -> tuple[bool, bool]:
    return "server" in name.lower(), re.sub(r"[\W_]+|time", "", name.lower()) in _ENDS
