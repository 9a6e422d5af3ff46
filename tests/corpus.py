"""A corpus of small files as plants have them: what each is written from, and what must come out of it.

Nothing here is read back by the code under test: times and values come from the table a file is written from.
"""

from __future__ import annotations

import csv
import io
import random
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

__all__ = ["Case", "Frame", "Grid", "Refused", "Stamp", "Table", "accepted", "plant", "refused", "spelled", "text"]

Grid = list[list[str]]
Stamp = str | Callable[[datetime], str]
ISO = "%Y-%m-%d %H:%M:%S"
START = datetime(2024, 3, 1)


@dataclass(frozen=True)
class Frame:
    """What must come out: the times (None without a clock, zoned where they are UTC) and each sensor's values."""

    time: tuple[datetime | float, ...] | None
    sensors: Mapping[str, tuple[float | None, ...]]


@dataclass(frozen=True)
class Refused:
    """How a file must be refused: the exit status and the pieces its one line names."""

    pieces: tuple[str, ...]
    status: int = 1


@dataclass(frozen=True)
class Case:
    """Files by name, how they are named to the reader, what is said beforehand, and what must come of it.

    ``said`` are pieces that the report on an accepted file must hold; ``about`` the unit and description of sensors.
    """

    name: str
    files: Mapping[str, bytes]
    outcome: Frame | Refused
    source: str | tuple[str, ...] = ""
    options: Mapping[str, object] = field(default_factory=dict)
    said: tuple[str, ...] = ()
    about: Mapping[str, tuple[str, str]] = field(default_factory=dict)

    @property
    def named(self) -> str | tuple[str, ...]:
        """What the reader is given: the only file where nothing else is said."""
        return self.source or next(iter(self.files))


@dataclass(frozen=True)
class Table:
    """Sensors over time as text: cells with a decimal point, None where nothing was measured."""

    times: tuple[datetime, ...]
    cells: Mapping[str, tuple[str | None, ...]]

    @property
    def frame(self) -> Frame:
        """What must come of the table, written in whatever way."""
        values = {name: tuple(None if c is None else float(c) for c in cells) for name, cells in self.cells.items()}
        return Frame(self.times, values)

    def grid(self, stamp: Stamp = ISO, *, decimal: str = ".", missing: str = "", time: str = "Timestamp") -> Grid:
        """The header and a row for each time."""
        columns = [[missing if c is None else c.replace(".", decimal) for c in cells] for cells in self.cells.values()]
        stamps = [spelled(moment, stamp) for moment in self.times]
        return [[time, *self.cells], *([when, *row] for when, *row in zip(stamps, *columns, strict=True))]

    def long(self, stamp: Stamp = ISO, header: Sequence[str] = ("Timestamp", "Tag", "Value")) -> Grid:
        """The header and a row for each reading, those of one time together."""
        rows = [
            [spelled(moment, stamp), name, cell]
            for place, moment in enumerate(self.times)
            for name, cells in self.cells.items()
            if (cell := cells[place]) is not None
        ]
        return [list(header), *rows]

    def put(self, name: str, place: int, cell: str | None) -> Table:
        """The same table with another cell."""
        cells = list(self.cells[name])
        cells[place] = cell
        return replace(self, cells={**self.cells, name: tuple(cells)})

    def rows(self, chosen: slice) -> Table:
        """Some of the rows."""
        return Table(self.times[chosen], {name: cells[chosen] for name, cells in self.cells.items()})


def spelled(moment: datetime, stamp: Stamp) -> str:
    """A time in a spelling."""
    return moment.strftime(stamp) if isinstance(stamp, str) else stamp(moment)


def plant(
    seed: int,
    rows: int = 8,
    names: Sequence[str] = ("Flow", "Bearing Temp"),
    *,
    start: datetime = START,
    step: timedelta = timedelta(minutes=10),
    digits: int = 2,
) -> Table:
    """A machine that runs: cells with this many digits behind the point."""
    draw = random.Random(seed)
    cells = {name: tuple(f"{60 + draw.uniform(-9, 9):.{digits}f}" for _ in range(rows)) for name in names}
    return Table(tuple(start + k * step for k in range(rows)), cells)


def text(grid: Iterable[Sequence[str]], separator: str = ",", end: str = "\n", encoding: str = "utf-8") -> bytes:
    """Write rows of cells as separated text."""
    out = io.StringIO(newline="")
    csv.writer(out, delimiter=separator, lineterminator=end).writerows(grid)
    return out.getvalue().encode(encoding)


def accepted(name: str, file: str, data: bytes, table: Table | Frame, **more: object) -> Case:
    """A file and the table that must come of it."""
    return Case(name, {file: data}, table.frame if isinstance(table, Table) else table, **more)  # type: ignore[arg-type]


def refused(name: str, file: str, data: bytes, *pieces: str, status: int = 1, **more: object) -> Case:
    """A file that must be refused, and what the one line must name."""
    return Case(name, {file: data}, Refused((file, *pieces), status), **more)  # type: ignore[arg-type]
