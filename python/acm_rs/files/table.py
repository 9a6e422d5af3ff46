"""A table of sensors over time, understood from a file: its clock, its sensors, what is missing."""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path

import polars as pl

from acm_rs.files.cells import Decimal
from acm_rs.files.changes import Changes
from acm_rs.files.clock import NO_TIME, Clock, find_clock
from acm_rs.files.columns import resolve
from acm_rs.files.effects import without_effect
from acm_rs.files.errors import Origin, Refusal, counted, quoted
from acm_rs.files.long import spread_long
from acm_rs.files.machines import refuse_several_machines, refuse_sheets_beside
from acm_rs.files.memory import Room, require_room
from acm_rs.files.meter import Told
from acm_rs.files.on_disk import FrameOnDisk
from acm_rs.files.options import ReadOptions
from acm_rs.files.order import order_of
from acm_rs.files.other_header import refuse_other_header
from acm_rs.files.quality_names import Sense, read_aspect
from acm_rs.files.raw import About
from acm_rs.files.reading import read_table
from acm_rs.files.sensors import NEVER, Sensors

__all__ = ["SensorTable", "load_sensors"]

# Columns of which another note tells.
_TOLD = ("quality of ", NEVER)


@dataclass
class SensorTable:
    """Sensors over time: sorted, each time once.

    Parameters
    ----------
    path : Path
        The file it came from.
    time : Series or None
        The clock, named as in the file; None where the file has none.
    sensors : DataFrame or FrameOnDisk
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
    qualities : dict of str to list of str
        The columns of qualities of each sensor that has some.
    machines : list of str
        Columns that hold words of what a machine does: running and stopped, open and closed.
    """

    path: Path
    time: pl.Series | None
    sensors: pl.DataFrame | FrameOnDisk
    time_note: str = ""
    rows_read: int = 0
    notes: list[str] = field(default_factory=list)
    words: dict[str, int] = field(default_factory=dict)
    about: dict[str, About] = field(default_factory=dict)
    changes: Changes = field(default_factory=Changes)
    left_out: dict[str, str] = field(default_factory=dict)
    qualities: dict[str, list[str]] = field(default_factory=dict)
    machines: list[str] = field(default_factory=list)

    @property
    def kinds(self) -> dict[str, str]:
        """Columns that are states, as their words tell, though their names could be of what is said of readings."""
        aspects = {name: read_aspect(name) for name in self.machines if name in self.sensors.columns}
        own = (Sense.none, Sense.status)
        return {name: "state" for name, aspect in aspects.items() if aspect is not None and aspect.sense in own}

    @property
    def frame(self) -> pl.DataFrame:
        """The sensors with the clock before them, where it is one of dates."""
        if self.time is None or not self.time.dtype.is_temporal():
            return pl.DataFrame([*self.sensors])
        time = self.time.cast(pl.Datetime("us")) if self.time.dtype == pl.Date else self.time
        return pl.DataFrame([time, *self.sensors])


def load_sensors(
    source: str | os.PathLike[str] | Sequence[str | os.PathLike[str]],
    options: ReadOptions,
    told: Told = lambda _done, _total: None,
    *,
    needed: Collection[str] = (),
    own_codes: bool = False,
    disk: bool = False,
    room: Room | None = None,
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
    needed : collection of str
        Sensors that a model knows: they stay, whatever they hold.
    own_codes : bool
        A model that takes the table has its own rules for error codes: ``"auto"`` leaves them.
    disk : bool
        The sensors may lie on disk where they are many.
    room : Room, optional
        What is there of memory and disk; looked up where None.

    Returns
    -------
    SensorTable
        At least one sensor and one row.

    Raises
    ------
    Refusal
        Whatever cannot be understood, by file, row and column, and a table for which there is no room.
    """
    raw = read_table(source, options, told)
    path = raw.origin.path
    if not raw.height:
        raise Refusal(f"{path} has column names but no rows")
    raw.bad_rows.look = partial(refuse_other_header, raw)
    rows_read = raw.height
    long = spread_long(raw, options, room or Room.now(), needed)
    if long:
        raw, options, found = long.raw, long.options, long.found
        choice = resolve(raw, options)
    else:
        choice = resolve(raw, options)
        found = find_clock(raw, options, [*choice.exact, *choice.excluded])
        refuse_sheets_beside(raw, found.clock)
        if found.clock:
            refuse_several_machines(raw, found.clock, found, options)
    clock = found.clock
    sensors = Sensors(
        raw,
        options,
        choice,
        used=(*(clock.used if clock else ()), *found.left_out),
        needed=needed,
        flags=long.flags if long else None,
        own_codes=own_codes,
        times=clock.times.values if clock else None,
    )
    on_disk = require_room(path, raw.height, len(sensors.names), room or Room.now(), disk=disk)
    frame = sensors.read(FrameOnDisk(raw.height) if on_disk else None)
    numbers = sensors.numbers
    left_out = found.left_out | sensors.left_out
    notes = [*raw.notes, *found.notes]
    if raw.separator and raw.separator != ",":
        notes.append(f"cells parted by {_separator_name(raw.separator)}")
    if numbers.decimal is Decimal.comma:
        notes.append("numbers with a decimal comma")
    if not frame.width or (not needed and min(frame.null_count().row(0)) == raw.height):
        what = f"; left out: {_left_out_text(left_out, told=())}" if left_out else ""
        raise Refusal(f"{path} has no column with numbers{' beside the time' if clock else ''}{what}")
    notes += sensors.notes
    notes += without_effect(options, raw, clock, sensors)
    if any(why for why in left_out.values() if not why.startswith(_TOLD)):
        notes.append(f"left out: {_left_out_text(left_out)}")
    if raw.blank_rows:
        notes.append(f"{counted(raw.blank_rows, 'blank row')} left out")
    origin = raw.origin
    bad = raw.bad_rows.of(raw.height)
    notes += raw.bad_rows.lines()
    if bad.all():
        raise Refusal(f"{path}: no row can be read; {raw.bad_rows.lines()[1]}")
    table = SensorTable(
        path,
        None,
        frame,
        rows_read=rows_read,
        notes=notes,
        words=numbers.words,
        about=sensors.about(),
        changes=numbers.changes,
        left_out=left_out,
        qualities=sensors.flags.of,
        machines=numbers.machines,
    )
    # Whoever holds the columns as well keeps them in memory when they are put in order.
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


def _left_out_text(left_out: dict[str, str], limit: int = 4, told: tuple[str, ...] = _TOLD) -> str:
    parts = [f"{quoted(name)} ({why})" for name, why in left_out.items() if not why.startswith(told)]
    tail = f" and {len(parts) - limit:,} more" if len(parts) > limit else ""
    return ", ".join(parts[:limit]) + tail


def _put_in_order(table: SensorTable, clock: Clock, origin: Origin) -> None:
    """Sort by time and keep the last row of each time, and say so."""
    times = clock.times.values
    if clock.name in table.sensors.columns:
        raise Refusal(f"{origin.path}: the time column and a sensor are both named {quoted(clock.name)}")
    order = order_of(times, origin, clock.name, table.sensors)
    table.notes += order.notes
    table.time = order.take(times)
    if order.rows is not None:
        _take(table, order.take)


def _take(table: SensorTable, take: Callable[[pl.Series], pl.Series]) -> None:
    """Take rows of the sensors; one sensor after the other, so that no more than one stands in memory twice."""
    if isinstance(table.sensors, FrameOnDisk):
        table.sensors.take(take)
        return
    columns = table.sensors.get_columns()
    table.sensors = pl.DataFrame()
    for place, column in enumerate(columns):
        columns[place] = take(column)
        del column
    table.sensors = pl.DataFrame(columns)
