"""The corpus: dialects, the ways a table is written, mixed with each other."""

from __future__ import annotations

import codecs
import random
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

import pyarrow as pa
from corpus import Case, Frame, Grid, Table, plant, text
from corpus_layouts import pack
from corpus_stored import sheet, stored

__all__ = ["CHOICES", "Dialect", "cases", "frame", "sensible", "written"]

MARKS = {"utf-16-le": codecs.BOM_UTF16_LE, "utf-16-be": codecs.BOM_UTF16_BE}
STAMPS = {
    "iso": "%Y-%m-%d %H:%M:%S",
    "zulu": "%Y-%m-%dT%H:%M:%SZ",
    "offset": "%Y-%m-%dT%H:%M:%S+00:00",
    "named": "%d-%b-%Y %H:%M",
    "dmy": "%d.%m.%Y %H:%M",
    "mdy": "%m/%d/%Y %I:%M:%S %p",
    "compact": "%Y%m%d%H%M%S",
    "ctime": "%a %b %d %H:%M:%S %Y",
}
ABOVE: Grid = [["Trend export"], ["Plant", "Pump house 4"], [], ["Printed by", "M. Berger"]]
CHOICES = {
    "container": ("text", "text", "text", "sheet", "parquet", "feather", "arrows"),
    "separator": (",", ";", "\t", "|"),
    "decimal": (".", ","),
    "encoding": ("utf-8", "utf-8-sig", "utf-16-le", "utf-16-be", "cp1252"),
    "end": ("\n", "\r\n", "\r"),
    "stamp": (*STAMPS, "epoch", "excel"),
    "above": (0, 0, 1, 2, 4, 7, 19),
    "units": (False, True),
    "footer": (False, True),
    "packed": ("", "", "gz", "bz2", "xz", "zst", "zip"),
    "long": (False, False, True),
    "newest_first": (False, True),
    "missing": ("", "NaN", "Bad", "#N/A", "No Data", "I/O Timeout"),
    "quality": ("", "", "text", "numbers"),
}


@dataclass(frozen=True)
class Dialect:
    """How a table is written.

    ``above`` counts the rows before the header, ``quality`` gives every sensor a column that flags bad readings.
    """

    container: str = "text"
    separator: str = ","
    decimal: str = "."
    encoding: str = "utf-8"
    end: str = "\n"
    stamp: str = "iso"
    above: int = 0
    units: bool = False
    footer: bool = False
    packed: str = ""
    long: bool = False
    newest_first: bool = False
    missing: str = ""
    quality: str = ""

    @property
    def zoned(self) -> bool:
        """Whether the times say that they are UTC."""
        return self.stamp in ("zulu", "offset", "epoch")

    @property
    def options(self) -> dict[str, object]:
        """What must be said because no cell tells it for certain."""
        said: dict[str, object] = {}
        if self.stamp in ("dmy", "mdy"):
            said["date_order"] = self.stamp
        if self.decimal == ",":
            said["decimal"] = "comma"
        return said


def written(table: Table, dialect: Dialect) -> tuple[str, bytes]:
    """Write a table in a dialect: the name of the file and what is in it."""
    grid = _laid_out(table, dialect)
    if dialect.container == "sheet":
        return "plant.xlsx", sheet({"Data": [_typed(row) for row in grid]})
    if dialect.container != "text":
        columns = zip(*grid[1:], strict=True)
        return f"plant.{dialect.container}", stored(
            pa.table(dict(zip(grid[0], columns, strict=True))), dialect.container
        )
    data = MARKS.get(dialect.encoding, b"") + text(grid, dialect.separator, dialect.end, dialect.encoding)
    return ("plant.csv", data) if not dialect.packed else (f"plant.csv.{dialect.packed}", pack(data, dialect.packed))


def frame(table: Table, dialect: Dialect) -> Frame:
    """What must come of it."""
    out = table.frame
    return replace(out, time=tuple(m.replace(tzinfo=UTC) for m in table.times)) if dialect.zoned else out


def _typed(row: list[str]) -> list[str | float]:
    def cell(text: str) -> str | float:
        try:
            return float(text)
        except ValueError:
            return text

    return [cell(c) if c.lower() not in ("nan",) else c for c in row]


def _stamp(moment: datetime, kind: str) -> str:
    if kind == "epoch":
        return str(int(moment.replace(tzinfo=UTC).timestamp()))
    if kind == "excel":
        return repr((moment - datetime(1899, 12, 30)) / timedelta(days=1))
    return moment.strftime(STAMPS[kind])


def _laid_out(table: Table, dialect: Dialect) -> Grid:
    stamps = [_stamp(moment, dialect.stamp) for moment in table.times]
    good, bad = {"text": ("Good", "Bad"), "numbers": ("192", "0")}.get(dialect.quality, ("", ""))

    def reading(cell: str | None) -> list[str]:
        if not dialect.quality:
            return [dialect.missing if cell is None else cell.replace(".", dialect.decimal)]
        # What is flagged is a number, and a wrong one.
        return [f"999{dialect.decimal}5", bad] if cell is None else [cell.replace(".", dialect.decimal), good]

    def flagged(name: str, other: str) -> list[str]:
        return [name, other] if dialect.quality else [name]

    columns = list(table.cells.items())
    if dialect.long:
        head = ["Timestamp", "Tag", *flagged("Value", "Quality")]
        rows = [[stamp, name, *reading(cells[k])] for k, stamp in enumerate(stamps) for name, cells in columns]
        if dialect.newest_first:
            # The rows of a time keep their order, so that the sensors do.
            rows = [
                row for k in range(len(stamps) - 1, -1, -1) for row in rows[k * len(columns) : (k + 1) * len(columns)]
            ]
    else:
        head = ["Timestamp", *(c for name, _ in columns for c in flagged(name, f"{name} Quality"))]
        rows = [[stamp, *(c for _, cells in columns for c in reading(cells[k]))] for k, stamp in enumerate(stamps)]
        rows = rows[::-1] if dialect.newest_first else rows
    above = [ABOVE[k % len(ABOVE)] for k in range(dialect.above)]
    units = [["", *(c for _ in columns for c in flagged("bar", ""))]] if dialect.units else []
    return [*above, head, *units, *rows, *([["End of report"]] if dialect.footer else [])]


def sensible(dialect: Dialect) -> Dialect:
    """The same dialect without what its container or layout cannot have."""
    if dialect.container != "text":
        dialect = replace(dialect, packed="")
    if dialect.container == "sheet":
        dialect = replace(dialect, decimal=".")
    elif dialect.container != "text":
        dialect = replace(dialect, above=0, units=False, footer=False)
    return replace(dialect, units=False) if dialect.long else dialect


def cases(count: int = 60) -> list[Case]:
    """Every file of this subject."""
    made = []
    for seed in range(count):
        draw = random.Random(seed)
        dialect = sensible(Dialect(**{name: draw.choice(choices) for name, choices in CHOICES.items()}))
        names = draw.sample(("Öldruck", "Débit", "Presión", "FAN1.VIB", "Bearing Temp", "Load"), 3)
        table = plant(
            1_000 + seed, rows=draw.randint(4, 12), names=names, step=timedelta(minutes=draw.choice((1, 10, 60, 1440)))
        )
        for _ in range(2):
            table = table.put(draw.choice(names), draw.randrange(1, len(table.times)), None)
        name, data = written(table, dialect)
        made.append(Case(f"mixed-{seed:02}", {name: data}, frame(table, dialect), options=dialect.options))
    return made
