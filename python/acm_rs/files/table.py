"""A table of sensors over time, understood from a file: its clock, its sensors, what is missing."""

from __future__ import annotations

import difflib
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import polars as pl

from acm_rs.files.cells import Decimal, Numbers, numbers_from_text
from acm_rs.files.changes import Changes
from acm_rs.files.clock import NO_TIME, Clock, find_clock
from acm_rs.files.errors import Origin, Refusal, counted, listed, quoted
from acm_rs.files.marks import unit_in_name
from acm_rs.files.meter import Told
from acm_rs.files.options import ReadOptions
from acm_rs.files.order import order_of
from acm_rs.files.raw import About, RawTable, kind
from acm_rs.files.reading import read_table
from acm_rs.files.times import looks_like_time

__all__ = ["SensorTable", "load_sensors", "require_column"]


@dataclass
class SensorTable:
    """Sensors over time: sorted, each time once.

    Parameters
    ----------
    path : Path
        The file it came from.
    time : Series or None
        The clock, named as in the file; None where the file has none.
    sensors : DataFrame
        Float64 columns, missing as null.
    time_note : str
        How the clock was understood.
    rows_read : int
        Rows with content in the file.
    notes : list of str
        What was done to the rows and columns, one line each.
    words : dict of str to int
        Words taken as missing.
    about : dict of str to About
        What the file says of its sensors.
    changes : Changes
        What was made missing or mended, by reason and sensor.
    left_out : dict of str to str
        Columns that are no sensors here, each with the reason.
    """

    path: Path
    time: pl.Series | None
    sensors: pl.DataFrame
    time_note: str = ""
    rows_read: int = 0
    notes: list[str] = field(default_factory=list)
    words: dict[str, int] = field(default_factory=dict)
    about: dict[str, About] = field(default_factory=dict)
    changes: Changes = field(default_factory=Changes)
    left_out: dict[str, str] = field(default_factory=dict)

    @property
    def frame(self) -> pl.DataFrame:
        """The sensors with the clock before them, where it is one of dates."""
        if self.time is None or not self.time.dtype.is_temporal():
            return self.sensors
        time = self.time.cast(pl.Datetime("us")) if self.time.dtype == pl.Date else self.time
        return pl.DataFrame([time, *self.sensors])


def load_sensors(
    source: str | os.PathLike[str] | Sequence[str | os.PathLike[str]],
    options: ReadOptions,
    told: Told = lambda _done, _total: None,
) -> SensorTable:
    """Read a file and understand it.

    Parameters
    ----------
    source : path or sequence of paths
        Files, patterns, or ``-`` for standard input.
    options : ReadOptions
        What is known beforehand.
    told : callable
        Is told how many bytes are read, and of how many, where they are many.

    Returns
    -------
    SensorTable
        At least one sensor and one row.

    Raises
    ------
    Refusal
        Whatever cannot be understood, by file, row and column.
    """
    raw = read_table(source, options, told)
    path = raw.origin.path
    if not raw.height:
        raise Refusal(f"{path} has column names but no rows")
    wanted = _resolve(raw, options)
    found = find_clock(raw, options, wanted)
    clock = found.clock
    left_out = dict(found.left_out)
    used = (*(clock.used if clock else ()), *left_out)
    numbers = _sensors(raw, options, wanted, used, left_out)
    notes = [*raw.notes, *found.notes]
    if raw.separator and raw.separator != ",":
        notes.append(f"cells parted by {_separator_name(raw.separator)}")
    if numbers.decimal is Decimal.comma:
        notes.append("numbers with a decimal comma")
    if not numbers.columns or not any(column.count() for column in numbers.columns.values()):
        what = f"; left out: {_left_out_text(left_out)}" if left_out else ""
        raise Refusal(f"{path} has no column with numbers{' beside the time' if clock else ''}{what}")
    if left_out:
        notes.append(f"left out: {_left_out_text(left_out)}")
    if raw.blank_rows:
        notes.append(f"{counted(raw.blank_rows, 'blank row')} left out")
    frame = pl.DataFrame(numbers.columns).select(wanted or list(numbers.columns))
    origin = raw.origin
    bad = raw.bad_rows.of(raw.height)
    notes += raw.bad_rows.lines()
    if bad.all():
        raise Refusal(f"{path}: no row can be read; {raw.bad_rows.lines()[1]}")
    about = {name: raw.about[name] for name in frame.columns if name in raw.about}
    for name, unit in numbers.units.items():
        about[name] = replace(about.get(name, About()), unit=unit)
    table = SensorTable(
        path,
        None,
        frame,
        rows_read=raw.height,
        notes=notes,
        words=numbers.words,
        about=about,
        changes=numbers.changes,
        left_out=left_out,
    )
    # Whoever holds the columns as well keeps them in memory when they are put in order.
    numbers.columns.clear()
    del frame
    if bad.any():
        good = pl.Series(~bad).arg_true()
        origin = origin.kept(~bad)
        _take(table, lambda column: column.gather(good))
        if clock:
            clock.times = replace(clock.times, values=clock.times.values.gather(good))
    if clock:
        table.time_note = clock.times.note
        table.notes += clock.times.told
        _put_in_order(table, clock, origin)
    else:
        table.time_note = NO_TIME
    return table


def _separator_name(separator: str) -> str:
    return {"\t": "tabs", ";": "semicolons", "|": "bars"}.get(separator, quoted(separator))


def _left_out_text(left_out: dict[str, str], limit: int = 4) -> str:
    parts = [f"{quoted(name)} ({why})" for name, why in left_out.items()]
    tail = f" and {len(parts) - limit:,} more" if len(parts) > limit else ""
    return ", ".join(parts[:limit]) + tail


def _resolve(raw: RawTable, options: ReadOptions) -> list[str]:
    """The sensor names asked for: each value is a name or, where no such column exists, names between commas."""
    known = raw.columns
    names: list[str] = []
    for value in options.columns:
        whole = " ".join(value.split())
        single = next((name for name in (value, whole) if name in known), None)
        parts = [single] if single else [part.strip() for part in value.split(",")]
        for name in filter(None, parts):
            require_column(raw.origin.path, name, raw.columns)
            if name in names:
                raise Refusal(f"--columns names {quoted(name)} twice", status=2)
            names.append(name)
    if options.columns and not names:
        raise Refusal("--columns names no column", status=2)
    if options.time_column is not None:
        require_column(raw.origin.path, options.time_column, raw.columns)
        if options.time_column in names:
            raise Refusal(f"{quoted(options.time_column)} is the time column and cannot be a sensor too", status=2)
    return names


def require_column(path: Path, name: str, known: Sequence[str]) -> None:
    """Refuse a column that a file does not have, with those that are alike.

    Parameters
    ----------
    path : Path
        The file.
    name : str
        The column asked for.
    known : sequence of str
        The columns that it has.
    """
    if name in known:
        return
    close = difflib.get_close_matches(name, known, n=3, cutoff=0.5)
    folded = [other for other in known if name.lower() in other.lower()]
    alike = folded or close
    hint = f"did you mean {listed(alike[:6])}?" if alike else f"it has {listed(known)}"
    raise Refusal(f"{path} has no column {quoted(name)}; {hint}", status=2)


def _sensors(
    raw: RawTable, options: ReadOptions, wanted: Sequence[str], used: tuple[str, ...], left_out: dict[str, str]
) -> Numbers:
    names = list(wanted) or [name for name in raw.columns if name not in used]
    text: list[str] = []
    stored: dict[str, pl.Series] = {}
    for name in names:
        series = raw.column(name)
        if name in raw.unnamed and not wanted:
            left_out[name] = "no name"
        elif series.dtype == pl.String:
            if not wanted and looks_like_time(series):
                left_out[name] = "times"
            else:
                text.append(name)
        elif series.dtype.is_numeric() or series.dtype == pl.Boolean:
            stored[name] = series.cast(pl.Float64)
        elif series.dtype == pl.Null:
            stored[name] = pl.Series(name, [None] * raw.height, dtype=pl.Float64)
        elif wanted:
            raise Refusal(f"{raw.origin.column(name)} holds {kind(series)}, not numbers")
        else:
            left_out[name] = kind(series)
    numbers = numbers_from_text(
        raw.select(text),
        raw.origin,
        wanted=wanted,
        decimal=options.decimal,
        missing=options.missing,
        comma_is_decimal=raw.separator == ";",
        uncertain=options.uncertain,
        units={name: raw.about.get(name, About()).unit or unit_in_name(name) for name in text},
        bad_rows=raw.bad_rows,
    )
    left_out.update(dict.fromkeys(numbers.text, "text"))
    for name, series in stored.items():
        numbers.columns[name] = _without_sentinels(series, options.missing, numbers.words)
    numbers.columns = {name: numbers.columns[name] for name in names if name in numbers.columns}
    return numbers


def _without_sentinels(series: pl.Series, missing: Sequence[str], words: dict[str, int]) -> pl.Series:
    series = pl.select(pl.when(series.is_finite()).then(series)).to_series().rename(series.name)
    for word in missing:
        try:
            value = float(word)
        except ValueError:
            continue
        hit = (series == value).fill_null(False)
        if hit.any():
            words[f"{value:g}"] = words.get(f"{value:g}", 0) + int(hit.sum())
            series = series.set(hit, None)
    return series


def _put_in_order(table: SensorTable, clock: Clock, origin: Origin) -> None:
    """Sort by time and keep the last row of each time, and say so."""
    times = clock.times.values
    if clock.name in table.sensors.columns:
        raise Refusal(f"{origin.path}: the time column and a sensor are both named {quoted(clock.name)}")
    order = order_of(times, origin, clock.name)
    table.notes += order.notes
    table.time = order.take(times)
    if order.rows is not None:
        _take(table, order.take)


def _take(table: SensorTable, take: Callable[[pl.Series], pl.Series]) -> None:
    """Take rows of the sensors; one sensor after the other, so that no more than one stands in memory twice."""
    columns = table.sensors.get_columns()
    table.sensors = pl.DataFrame()
    for place, column in enumerate(columns):
        columns[place] = take(column)
        del column
    table.sensors = pl.DataFrame(columns)
