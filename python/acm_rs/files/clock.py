"""The column that holds the time, or the columns that hold it together."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import time

import numpy as np
import polars as pl

from acm_rs.files.errors import Refusal, quoted
from acm_rs.files.options import ReadOptions
from acm_rs.files.raw import RawTable, kind
from acm_rs.files.times import (
    Times,
    has_time_of_day,
    looks_like_clock,
    looks_like_time,
    time_share,
    times_from_numbers,
    times_from_text,
    to_utc,
    without_repeats,
)
from acm_rs.files.times.numbers import RUNNING, calendar_kind, decimals_of, micros_of_days

__all__ = ["NO_TIME", "Clock", "Found", "find_clock"]

NO_TIME = "no time column found: rows taken in the order of the file, oldest first"

# Compared in lower case, with spaces for dots, dashes, slashes, brackets and underscores.
_TIME_NAMES = frozenset(
    (
        "ts",
        "time",
        "times",
        "timestamp",
        "time stamp",
        "t stamp",
        "datetime",
        "date time",
        "date",
        "date and time",
        "time and date",
        "local time",
        "event time",
        "sample time",
        "sampling time",
        "measurement time",
        "record time",
        "recorded at",
        "unix",
        "unixtime",
        "unix time",
        "unix timestamp",
        "epoch",
        "epoch time",
        "index",
        "zeit",
        "zeitstempel",
        "zeitpunkt",
        "messzeit",
        "messzeitpunkt",
        "datum",
        "datum uhrzeit",
        "datum zeit",
        "datum und uhrzeit",
        "uhrzeit",
        "horodatage",
        "horodate",
        "date heure",
        "date et heure",
        "heure",
        "fecha",
        "fecha hora",
        "fecha y hora",
        "hora",
        "marca de tiempo",
        "data ora",
    )
)
# Words beside such a name: a zone or a unit.
_BESIDE = re.compile(
    r"\b(?:utc|gmt|z|lt|local|cet|cest|mez|mesz|est|edt|cst|cdt|pst|pdt|s|sec|seconds?|ms|milliseconds?|us|ns|iso|iso8601)\b"
)
_DATE_NAMES = re.compile(r"date|datum|fecha|horodat|stamp|stempel")
# Something that a person would take for a time, in whatever spelling.
_TIME_OF_SOME_KIND = (
    r"(?i)^(?:.*\d.*\D)?\d{1,2}\s?[:h]\s?\d{2}\b.*\d|^\d{1,2}:\d{2}(?::\d{2})?|"
    r"^\d{4}[-/.]w?\d{1,3}(?:[-/.]\d{1,2})?\b|^\d{1,2}[-/.]\s?\d{1,2}[-/.]\s?\d{2,4}\b|"
    r"^\d{1,2}\.?[-/ ]?\pL{3,}\.?[-/ ,]+\d{2,4}\b"
)
_PARTS = {
    "year": ("year", "jahr", "annee", "année", "ano", "año", "yyyy"),
    "month": ("month", "monat", "mois", "mes", "mm"),
    "day": ("day", "tag", "jour", "dia", "día", "dd"),
    "hour": ("hour", "stunde", "heure", "hora", "hh", "hr"),
    "minute": ("minute", "min", "minuto"),
    "second": ("second", "sekunde", "seconde", "segundo", "sec"),
}
_HEAD = 200


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


def find_clock(raw: RawTable, options: ReadOptions, wanted: Sequence[str]) -> Found:
    """Find the time of each row.

    Parameters
    ----------
    raw : RawTable
        The file.
    options : ReadOptions
        What is known beforehand.
    wanted : sequence of str
        Columns asked for as sensors.

    Returns
    -------
    Found

    Raises
    ------
    Refusal
        A column that should be the time, by its name or its cells, and cannot be read.
    """
    search = _Search(raw, options, wanted)
    found = Found(search.clock())
    used = found.clock.used if found.clock else ()
    for name in search.columns:
        if name in used:
            continue
        holds = search.holds_times(name)
        if holds:
            found.left_out[name] = holds
    found.notes += search.notes
    return found


class _Search:
    def __init__(self, raw: RawTable, options: ReadOptions, wanted: Sequence[str]) -> None:
        self._raw, self._options = raw, options
        self.columns = [name for name in raw.columns if name not in wanted]
        self.notes: list[str] = []
        # Judged by their first rows; whichever is taken is then read to its last.
        self._head = raw.head(_HEAD)

    def clock(self) -> Clock | None:
        """The clock, read; None where no column is one."""
        named = self._options.time_column
        if named is not None:
            return self._read(named)
        by_name = [name for name in self.columns if _is_time_name(name)]
        for name in [*by_name, *(name for name in self.columns if name not in by_name)]:
            if self._is_calendar(name, telling=name in by_name):
                return self._read(name)
        parts = self._from_parts()
        if parts:
            return parts
        for name in self.columns:
            if name not in by_name and self._is_epoch(name):
                clock = self._read(name)
                self.notes.append(f"column {quoted(name)} taken as the time: it rises as a clock does")
                return clock
        for name in by_name:
            if self._runs(name):
                return self._read(name)
        self._refuse_unread(by_name)
        return None

    def holds_times(self, name: str) -> str:
        """What a column besides the clock holds, if that is times; else empty."""
        series = self._head[name]
        if series.dtype in (pl.Datetime, pl.Date) or (series.dtype == pl.String and looks_like_time(series)):
            return "times"
        numbers = _numbers(series)
        if numbers is None:
            return ""
        if self._is_epoch(name):
            return f"times, {calendar_kind(numbers)}"
        if _is_time_name(name):
            if calendar_kind(numbers):
                return f"times, {calendar_kind(numbers)}"
            if self._runs(name):
                return RUNNING
            self.notes.append(f"column {quoted(name)} is named like a time but runs like none: taken as a sensor")
        return ""

    def _is_calendar(self, name: str, *, telling: bool) -> bool:
        series = self._head[name]
        if series.dtype in (pl.Datetime, pl.Date):
            return True
        if series.dtype == pl.String:
            # Where the name says time, one date will do: the cells that are none are refused by row.
            share = time_share(series)
            if share > 0 and (telling or share >= 0.9):
                return True
        if not telling:
            return False
        numbers = _numbers(series)
        return numbers is not None and bool(calendar_kind(numbers, sheet=bool(_DATE_NAMES.search(_plain_name(name)))))

    def _runs(self, name: str) -> bool:
        if _numbers(self._head[name]) is None:
            return False
        numbers = _numbers(self._raw.column(name))
        return numbers is not None and not numbers.has_nulls() and bool((numbers.diff().drop_nulls() >= 0).all())

    def _is_epoch(self, name: str) -> bool:
        """Whether numbers under an untelling name can hardly be anything but a clock."""
        head = _numbers(self._head[name])
        if head is None or head.has_nulls() or head.len() < 3 or not calendar_kind(head) or not _ticks(head):
            return False
        numbers = _numbers(self._raw.column(name))
        return numbers is not None and not numbers.has_nulls() and _ticks(numbers)

    def _read(self, name: str) -> Clock:
        series = self._raw.column(name)
        label = "time" if name in self._raw.unnamed else name
        times, used = self._times(name, series)
        zone = self._options.timezone
        if zone is not None:
            times = to_utc(times, zone, self._raw.origin, name)
        times = without_repeats(times, self._raw.origin)
        return Clock(label, replace(times, values=times.values.rename(label)), used)

    def _times(self, name: str, series: pl.Series) -> tuple[Times, tuple[str, ...]]:
        raw, bad_rows = self._raw, self._raw.bad_rows
        if series.dtype in (pl.Datetime, pl.Date):
            missing = series.is_null().to_numpy()
            bad_rows.meet(missing, raw.origin, name, lambda _: "the time is missing but the row holds values")
            other = self._time_of_day(name) if _is_midnight(series) else None
            if other is None:
                return Times(series), (name,)
            series = series.dt.strftime("%Y-%m-%d")
            return self._together(name, series, other)
        numbers = _numbers(series)
        if numbers is not None:
            sheet = bool(_DATE_NAMES.search(_plain_name(name))) or self._options.time_column == name
            written = calendar_kind(numbers, sheet=sheet)
            if written == "YYYYMMDD":
                other = self._time_of_day(name)
                if other is not None:
                    return self._together(name, numbers.cast(pl.Int64, strict=False).cast(pl.String), other)
            # A fraction of a second behind 14 digits is more than a float can hold.
            if not (series.dtype == pl.String and written.startswith("YYYY") and not numbers.dtype.is_integer()):
                times = times_from_numbers(
                    numbers, name, raw.origin, sheet=sheet, decimals=_decimals(series), bad_rows=bad_rows
                )
                return times, (name,)
        if series.dtype != pl.String:
            raise Refusal(f"{raw.origin.column(name)} holds {kind(series)}, not times")
        self._refuse_if_strange(name, series)
        if not has_time_of_day(series):
            other = self._time_of_day(name)
            if other is not None:
                return self._together(name, series.str.strip_chars(), other)
        return self._text(name, series), (name,)

    def _text(self, name: str, series: pl.Series) -> Times:
        options = self._options
        return times_from_text(
            series,
            name,
            self._raw.origin,
            options.date_order,
            timezone=options.timezone,
            bad_rows=self._raw.bad_rows,
        )

    def _refuse_if_strange(self, name: str, series: pl.Series) -> None:
        """Refuse a column none of whose first cells is a time that is read."""
        cells = self._head[name] if self._head[name].dtype == pl.String else series
        if time_share(cells) > 0 or time_share(series) > 0:
            return
        self._refuse(name, series)

    def _refuse(self, name: str, series: pl.Series) -> None:
        raw = self._raw
        filled = (series.str.strip_chars().fill_null("") != "").arg_true()
        if not filled.len():
            raise Refusal(f"{raw.origin.column(name)} should be the time but is empty; name another with --time-column")
        row = int(filled[0])
        cell = quoted(series[row])
        if looks_like_clock(series):
            what = "a time of day without a date; a date is needed beside it, in the cell or a column of its own"
        else:
            what = "not a date in any spelling that is read; write it as 2024-03-01 00:20:00"
        other = "name another with --time-column" if self._options.time_column is None else "name another column"
        raise Refusal(f"{raw.origin.cell(row, name)}: {cell} is {what}, or {other}")

    def _refuse_unread(self, by_name: list[str]) -> None:
        """Refuse a table whose clock is there but in a spelling that is not read."""
        for name in by_name:
            if self._head[name].dtype == pl.String and _numbers(self._head[name]) is None:
                self._refuse(name, self._raw.column(name))
        for name in self.columns:
            series = self._head[name]
            if series.dtype != pl.String:
                continue
            cells = series.str.strip_chars().drop_nulls()
            cells = cells.filter(cells != "")
            if cells.len() and float(cells.str.contains(_TIME_OF_SOME_KIND).mean() or 0) >= 0.9:  # type: ignore[arg-type]
                self._refuse(name, self._raw.column(name))

    def _time_of_day(self, date: str) -> str | None:
        """The column with the time of day beside one of dates alone, if just one may be it."""
        others = [name for name in self.columns if name != date and _is_clock(self._head[name], name)]
        named = [name for name in others if _is_time_name(name)]
        return others[0] if len(others) == 1 else named[0] if len(named) == 1 else None

    def _together(self, name: str, dates: pl.Series, other: str) -> tuple[Times, tuple[str, ...]]:
        clock = _clock_text(self._raw.column(other))
        text = pl.select(dates + " " + clock).to_series()
        times = self._text(name, text)
        notes = ", ".join(filter(None, (f"with {quoted(other)}", times.note)))
        return replace(times, note=notes), (name, other)

    def _from_parts(self) -> Clock | None:
        """Year, month, day, hour, ... in columns of their own."""
        parts: dict[str, str] = {}
        for name in self.columns:
            for part, names in _PARTS.items():
                if _plain_name(name) in names and part not in parts and _numbers(self._head[name]) is not None:
                    parts[part] = name
        if not {"year", "month", "day"} <= parts.keys():
            return None
        texts = {part: self._raw.column(name).cast(pl.String).str.strip_chars() for part, name in parts.items()}
        texts = {part: text.str.replace(r"\.0+$", "") for part, text in texts.items()}
        zeros = pl.Series(["00"] * 1)
        clock = [texts.get(part, zeros).str.zfill(2) for part in ("hour", "minute", "second")]
        text = pl.select(
            pl.format(
                "{}-{}-{} {}:{}:{}",
                *(pl.lit(series) for series in (texts["year"], texts["month"], texts["day"], *clock)),
            )
        ).to_series()
        used = tuple(parts.values())
        times = self._text(parts["year"], text)
        if self._options.timezone is not None:
            times = to_utc(times, self._options.timezone, self._raw.origin, parts["year"])
        times = without_repeats(times, self._raw.origin)
        note = ", ".join(filter(None, (f"made of {', '.join(map(quoted, used))}", times.note)))
        return Clock("time", Times(times.values.rename("time"), note, times.told), used)


def _plain_name(name: str) -> str:
    lowered = re.sub(r"[._\-/()\[\]:,]", " ", name.lower())
    return " ".join(lowered.split())


def _is_time_name(name: str) -> bool:
    plain = _plain_name(name)
    return plain in _TIME_NAMES or " ".join(_BESIDE.sub(" ", plain).split()) in _TIME_NAMES


def _numbers(series: pl.Series) -> pl.Series | None:
    """The column as numbers, if nearly every cell is one; null where a cell is none."""
    if series.dtype == pl.String:
        text = series.str.strip_chars()
        filled = int((text.fill_null("") != "").sum())
        numbers = text.cast(pl.Int64, strict=False)
        if numbers.count() < 0.9 * filled:
            marked = text.str.replace(r"^(\d+),(\d+)$", "$1.$2")
            numbers = marked.cast(pl.Float64, strict=False)
        elif numbers.count() < filled:
            floats = text.cast(pl.Float64, strict=False)
            numbers = floats if floats.count() > numbers.count() else numbers
        if not filled or numbers.count() < 0.9 * filled:
            return None
        series = numbers
    if not series.dtype.is_numeric() or not series.count():
        return None
    if series.dtype.is_float():
        series = pl.select(pl.when(series.is_finite()).then(series)).to_series().rename(series.name)
        if series.count() < 0.9 * series.len():
            return None
    return series


def _decimals(series: pl.Series) -> int | None:
    if series.dtype != pl.String:
        return None
    digits = series.str.extract(r"[.,](\d+)\s*$", 1).str.len_chars().max()
    return digits if isinstance(digits, int) else 0


def _ticks(numbers: pl.Series) -> bool:
    """Whether numbers go strictly one way, mostly by the same step, as the readings of a clock do."""
    steps = np.diff(numbers.cast(pl.Float64).to_numpy())
    if not steps.size or not (bool((steps > 0).all()) or bool((steps < 0).all())):
        return False
    middle = np.median(steps)
    return bool(np.mean(np.abs(steps - middle) <= 0.1 * abs(middle)) >= 0.5)


def _is_midnight(series: pl.Series) -> bool:
    return series.dtype == pl.Date or bool((series.drop_nulls().dt.time() == time(0)).all())


def _is_clock(series: pl.Series, name: str) -> bool:
    if series.dtype == pl.Time:
        return True
    if series.dtype == pl.String and looks_like_clock(series):
        return True
    if not _is_time_name(name):
        return False
    numbers = _numbers(series)
    if numbers is None or numbers.has_nulls():
        return False
    floats = numbers.cast(pl.Float64).to_numpy()
    part_of_day = bool(((floats >= 0) & (floats < 1)).all())
    digits = bool(((floats >= 0) & (floats < 240_000) & (floats % 1 == 0) & (floats % 100 < 60)).all())
    return part_of_day or digits


def _clock_text(series: pl.Series) -> pl.Series:
    """Times of day as text with colons."""
    if series.dtype == pl.Time:
        return series.cast(pl.String)
    if series.dtype == pl.String and looks_like_clock(series):
        return series.str.strip_chars()
    numbers = _numbers(series)
    if numbers is None:
        return series.cast(pl.String)
    floats = numbers.cast(pl.Float64)
    if bool((floats < 1).all()):
        digits = _decimals(series)
        micros = micros_of_days(floats.to_numpy(), decimals_of(floats) if digits is None else digits)
        return pl.Series(np.minimum(micros, 86_399_999_999) * 1000).cast(pl.Time).dt.strftime("%H:%M:%S%.6f")
    text = numbers.cast(pl.Int64).cast(pl.String)
    width = 6 if bool((floats >= 2400).any()) or _longest(series) > 4 else 4
    text = text.str.zfill(width)
    return (
        text.str.replace(r"^(\d\d)(\d\d)(\d\d)?$", "$1:$2")
        if width == 4
        else text.str.replace(r"^(\d\d)(\d\d)(\d\d)$", "$1:$2:$3")
    )


def _longest(series: pl.Series) -> int:
    if series.dtype != pl.String:
        return 0
    longest = series.str.strip_chars().str.len_chars().max()
    return longest if isinstance(longest, int) else 0
