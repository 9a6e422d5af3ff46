"""Lines of a growing text into rows, by what its head has told: layout, columns, decimal mark and spelling of times."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import polars as pl
from numpy.typing import NDArray
from polars.selectors import by_name

from acm_rs.files.bad_rows import BadRows, OnBadRow
from acm_rs.files.blanks import Cut, tell_blanks
from acm_rs.files.cells import Decimal
from acm_rs.files.clock import Clock, find_clock
from acm_rs.files.columns import resolve
from acm_rs.files.encodings import Utf8
from acm_rs.files.errors import Origin, Refusal
from acm_rs.files.long import spread_long
from acm_rs.files.machines import refuse_several_machines
from acm_rs.files.memory import Room
from acm_rs.files.options import ReadOptions
from acm_rs.files.raw import RawTable
from acm_rs.files.rows import sweep
from acm_rs.files.sensors import Sensors
from acm_rs.files.separators import BLANKS
from acm_rs.files.sources import Scratch, Source
from acm_rs.files.text import TextLayout, text_layout
from acm_rs.files.times import DateOrder
from acm_rs.files.times.zones import zone_given
from acm_rs.live.rows import Batch, Columns, Rows, no_rows, put_together
from acm_rs.monitor.flagging import Rule, wrong

__all__ = ["SAMPLE", "Head", "heeded", "nanoseconds", "readings"]

_CELLS = re.compile(r"[,;\t|]|\s{2,}")

SAMPLE = 60
"""Rows of the head that stay beside those that are read: what is guessed of the new ones is guessed with them."""


@dataclass
class _Table:
    """Rows that were read."""

    times: NDArray[np.int64] | None
    values: NDArray[np.float64]
    bad: NDArray[np.bool_]
    utc: bool


class Head:
    """What the first lines of a text have told of all that follow.

    Parameters
    ----------
    data : bytes
        Its first lines, whole ones: header and some rows. Of many rows `SAMPLE` are taken.
    name : Path
        What people call it.
    options : ReadOptions
        What is known of it.
    columns : sequence of str
        The model's columns.
    rules : sequence of Rule
        How the model itself heeds columns of qualities.

    Raises
    ------
    Refusal
        No table, no row that can be read, or a layout that cannot be followed: long, or UTF-16.
    """

    def __init__(
        self, data: bytes, name: Path, options: ReadOptions, columns: Sequence[str], rules: Sequence[Rule] = ()
    ) -> None:
        self.name: Path = name
        self.columns: list[str] = list(columns)
        self._rules = tuple(rules)
        self._encoding = _encoding(data, name, options)
        self._options = replace(options, bad_rows=OnBadRow.skip, encoding=None)
        lines = data.splitlines(keepends=True)
        layout = self._layout(lines)
        if not len(layout.rows):
            raise Refusal(f"{name} has column names but no rows")
        lines = lines[: layout.above + SAMPLE]
        layout = self._layout(lines)
        self._layout_of_head = layout
        self.data: bytes = b"".join(lines)
        """The lines that were learnt from."""
        self.header: bytes = b"".join(lines[: layout.above])
        self._separator, self._width = layout.separator, len(layout.names)
        self._cut: Cut | None = None
        if layout.written_separator == BLANKS:
            self._cut = tell_blanks([line for line in self._text(self.data).splitlines() if line.strip()])
        above = self._text(self.header).splitlines()
        self._names_line = next((line for line in reversed(above) if layout.names[0] in line), "")
        self._beside = [line for line in above if line != self._names_line]
        self._context = pl.DataFrame()
        self._timed = True
        frame = layout.frame()
        bad = BadRows(OnBadRow.skip)
        raw = self._raw(frame, layout.rows, bad)
        if spread_long(raw, self._options, Room.now()):
            raise Refusal(
                f"{name} has a row for each reading (long); only tables with a column for each sensor can be watched"
                " as they grow: put finished files into a folder and watch that"
            )
        self.notes: list[str] = list(layout.notes)
        clock, sample = self._learn(raw)
        self.sample: pl.DataFrame = sample
        """Its readings."""
        self.known: Columns = Columns(list(raw.columns), sample, True)
        """Its columns."""
        self._timed = clock is not None
        self._clock_columns = [] if clock is None else list(clock.used)
        rows = raw.bad_rows.of(raw.height)
        self._context = (frame.filter(pl.Series(~rows)) if rows.any() else frame).select(by_name(*self._kept))
        if not self._context.height:
            raise Refusal(f"{name}: no row can be read; {raw.bad_rows.lines()[1]}")

    # ---- the head ---------------------------------------------------------------------------------------------------

    def _layout(self, lines: list[bytes]) -> TextLayout:
        scratch = Scratch()
        path = scratch.path("head")
        path.write_bytes(self._text(b"".join(lines)).encode())
        return text_layout(Source(path, self.name, _scratch=scratch), self._options, BadRows(OnBadRow.skip))

    def _learn(self, raw: RawTable) -> tuple[Clock | None, pl.DataFrame]:
        """Find the clock and the decimal mark, and hold on to them; the clock and the readings of the head."""
        options = self._options
        choice = resolve(raw, options)
        found = find_clock(raw, options, [*choice.exact, *choice.excluded])
        clock = found.clock
        self.notes += found.notes
        if clock is not None:
            refuse_several_machines(raw, clock, found, options)
            order = next((one for one in DateOrder if f"dates {one.words}" in clock.times.note), options.date_order)
            options = replace(options, time_column=clock.used[0], date_order=order)
        self._look_at_zone(raw, options, clock)
        sensors = Sensors(
            raw,
            options,
            choice,
            used=(*(clock.used if clock else ()), *found.left_out),
            needed=self.columns,
            own_codes=True,
            times=clock.times.values if clock else None,
        )
        frame = sensors.read()
        assert isinstance(frame, pl.DataFrame)
        decimal = sensors.numbers.decimal
        pointed = any(
            raw.column(name).str.contains(r"\d\.\d").any()
            for name in raw.columns
            if name in self.columns and raw.column(name).dtype == pl.String
        )
        if decimal is Decimal.comma or pointed:
            options = replace(options, decimal=decimal)
        self._options = options
        self.qualities: dict[str, list[str]] = heeded(sensors.flags.of, frame, self._rules)
        """The columns of qualities of each sensor that has some."""
        ruled = [rule.column for rule in self._rules if rule.column in frame.columns]
        wanted = {*self.columns, *(clock.used if clock else ()), *sensors.flags.left_out, *ruled}
        self._kept: list[str] = [name for name in raw.columns if name in wanted]
        """Columns that are looked at from now on: those of the model, of the clock and of qualities."""
        return clock, frame

    def _look_at_zone(self, raw: RawTable, options: ReadOptions, clock: Clock | None) -> None:
        """Whether times are of a local clock that may be set back, and of which."""
        self.local: bool = False
        """The times that `read` gives are by a local clock."""
        self.place: str = "" if options.timezone is None else zone_given(options.timezone)[1]
        """Where that clock is, if it is known."""
        self.step: int = 0
        """Nanoseconds between rows, usually; 0 where it is not known."""
        if clock is None or (options.timezone is not None and not self.place):
            return
        own = replace(raw, frame=raw.select(clock.used), bad_rows=BadRows(OnBadRow.skip))
        try:
            found = find_clock(own, replace(options, timezone=None), (), as_written=True).clock
        except Refusal:
            return
        if found is None:
            return
        times, zoned = nanoseconds(found.times.values)
        self.local = times is not None and not zoned
        if times is not None:
            steps = np.diff(times[found.times.values.is_not_null().to_numpy()])
            self.step = int(np.median(steps[steps > 0])) if (steps > 0).any() else 0

    # ---- what follows -----------------------------------------------------------------------------------------------

    def read(self, data: bytes, row: int, notes: list[str]) -> Batch:
        """Read whole lines that follow.

        Parameters
        ----------
        data : bytes
            Lines with their ends.
        row : int
            The number of the first in its file, for what is told of it.
        notes : list of str
            Takes what is told of rows that cannot be read.

        Returns
        -------
        Batch
            Without a position. Rows that cannot be read are left out and counted.
        """
        bad = BadRows(OnBadRow.skip)
        try:
            frame, numbers = self._cells(data, row, bad)
            table = self._table(frame, numbers, bad)
        except (Refusal, pl.exceptions.PolarsError) as error:
            lines = data.splitlines(keepends=True)
            if len(lines) == 1:
                notes.append(str(error))
                return Batch(no_rows(len(self.columns), self._timed), {}, 1)
            # One row spoils those beside it: it is found by halves.
            half = len(lines) // 2
            first = self.read(b"".join(lines[:half]), row, notes)
            rest = self.read(b"".join(lines[half:]), row + half, notes)
            return Batch(put_together([first.rows, rest.rows]), {}, first.bad + rest.bad, utc=first.utc or rest.utc)
        good = ~table.bad
        notes += bad.lines()[1:]
        rows = Rows(table.values, table.times)
        return Batch(rows if good.all() else rows.take(good), {}, bad.count, utc=table.utc)

    def another(self, data: bytes) -> int | None:
        """Where the first line begins that is another header: half its cells are names. None where there is none."""
        own = self._names_line.strip()
        names = {_bare(name) for name in (*self.columns, *self._layout_of_head.names)}
        place = 0
        for line in data.splitlines(keepends=True):
            text = self._text(line).strip()
            cells = [_bare(cell) for cell in _CELLS.split(text)]
            if text != own and len(cells) > 1 and 2 * sum(cell in names for cell in cells) >= len(cells):
                return place
            place += len(line)
        return None

    def _text(self, data: bytes) -> str:
        return data.decode(self._encoding, "replace")

    def _cells(self, data: bytes, row: int, bad: BadRows) -> tuple[pl.DataFrame, NDArray[np.int64]]:
        """The cells of some lines."""
        text = self._text(data)
        if self._cut is not None:
            text = "".join("\t".join(self._cut.cells(line)) + "\n" for line in text.splitlines())
        scratch = Scratch()
        path = scratch.path("lines")
        path.write_bytes(text.encode())
        source = Source(path, self.name, _scratch=scratch)
        utf8 = Utf8(path, 0, path.stat().st_size)
        found = sweep(source, utf8, self._separator, self._width, [self._names_line, *self._beside], row, bad)
        own = self._layout_of_head
        rows = TextLayout(found.path, source, found.start, found.end, self._separator, own.names, found.rows, "")
        return rows.frame(), found.rows

    def _raw(self, frame: pl.DataFrame, rows: NDArray[np.int64], bad: BadRows) -> RawTable:
        own = self._layout_of_head
        return RawTable(
            frame, Origin(self.name, rows), own.written_separator, list(own.unnamed), [], 0, dict(own.about), bad
        )

    def _table(self, frame: pl.DataFrame, rows: NDArray[np.int64], bad: BadRows) -> _Table:
        """New rows read below those of the head, which are left out again."""
        before = self._context.height
        frame = frame.select(by_name(*self._kept))
        raw = self._raw(pl.concat([self._context, frame]), np.concatenate([np.zeros(before, np.int64), rows]), bad)
        options = self._options
        choice = resolve(raw, options)
        clock: Clock | None = None
        used: tuple[str, ...] = ()
        if self._timed:
            if self.local:
                # The context stands before rows that it does not precede: their order is looked at where they come.
                options = replace(options, timezone=None)
            own = replace(raw, frame=raw.select(self._clock_columns))
            clock = find_clock(own, options, (), as_written=True).clock
            used = clock.used if clock else ()
        sensors = Sensors(
            raw,
            options,
            choice,
            used=used,
            needed=self.columns,
            own_codes=True,
            times=clock.times.values if clock else None,
        )
        values = readings(sensors.read(), self.columns, self._rules)[before:]
        met = raw.bad_rows.of(raw.height)[before:]
        times, utc = (None, False) if clock is None else nanoseconds(clock.times.values[before:])
        return _Table(times, values, met, utc)


def _bare(cell: str) -> str:
    return cell.strip().strip("\"'").strip().casefold()


def _encoding(data: bytes, name: Path, options: ReadOptions) -> str:
    if data.startswith((b"\xff\xfe", b"\xfe\xff")) or (data and data.count(0) > 0.2 * len(data)):
        raise Refusal(f"{name} is written in UTF-16 and cannot be watched as it grows: have it written in UTF-8")
    if options.encoding is not None:
        try:
            "a\n".encode(options.encoding)
        except LookupError:
            raise Refusal(
                f"--encoding {options.encoding}: no such encoding; utf-8, cp1252, latin-1 and cp850 are some", status=2
            ) from None
        if "a\n".encode(options.encoding)[-2:] != b"a\n":
            raise Refusal(f"{name} cannot be watched as it grows in {options.encoding}: have it written in UTF-8")
        return options.encoding
    try:
        data.decode()
    except UnicodeDecodeError:
        return "cp1252"
    return "utf-8-sig" if data.startswith(b"\xef\xbb\xbf") else "utf-8"


def nanoseconds(times: pl.Series) -> tuple[NDArray[np.int64] | None, bool]:
    """Times as nanoseconds since 1970, and whether they are in UTC; None where they count and tell no date."""
    if not times.dtype.is_temporal() or times.dtype == pl.Duration:
        return None, False
    zone = getattr(times.dtype, "time_zone", None)
    whole = times.cast(pl.Datetime("ns", zone)) if times.dtype != pl.Date else times.cast(pl.Datetime("ns"))
    return whole.to_physical().fill_null(0).to_numpy().astype(np.int64), zone is not None


def heeded(of: dict[str, list[str]], frame: pl.DataFrame, rules: Sequence[Rule]) -> dict[str, list[str]]:
    """The columns of qualities of each sensor: those that a file explains, and those that the model does."""
    found = {sensor: list(columns) for sensor, columns in of.items()}
    for rule in rules:
        if rule.column in frame.columns:
            found.setdefault(rule.sensor, []).append(rule.column)
    return found


def readings(frame: object, columns: Sequence[str], rules: Sequence[Rule] = ()) -> NDArray[np.float64]:
    """A frame's columns in the order of the model; those that it lacks, and what is flagged as bad, are missing."""
    assert isinstance(frame, pl.DataFrame)
    values = np.full((frame.height, len(columns)), np.nan, order="F")
    there = set(frame.columns)
    places = [place for place, name in enumerate(columns) if name in there]
    if places:
        values[:, places] = frame.select(by_name(*(columns[place] for place in places)).cast(pl.Float64)).to_numpy()
    for rule in rules:
        if rule.column in there and rule.sensor in there:
            values[wrong(rule, frame[rule.column].cast(pl.Float64).to_numpy()), columns.index(rule.sensor)] = np.nan
    return values
