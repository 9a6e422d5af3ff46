"""The corpus: where the header stands, what is above and below it, wide and long, several files, packed files."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import zipfile

import pyarrow as pa
from corpus import Case, Grid, Refused, Table, accepted, plant, refused, text

__all__ = ["cases", "pack"]

MOTOR = ("Motor 3 Winding", "Motor 3 Current", "Motor 3 Speed")


def cases() -> list[Case]:
    """Every file of this subject."""
    return [*_headers(), *_first_rows(), *_descriptions(), *_footers(), *_long(), *_several(), *_packed()]


def _headers() -> list[Case]:
    made = []
    for row in (2, 3, 5, 8, 13, 20):
        table = plant(100 + row, names=("Flow", "Bearing Temp", "Load"))
        above: Grid = [
            ["Trend export"],
            ["Plant", "Pump house 4"],
            ["Created", "2024-03-02 07:15:00"],
            [],
            ["From:", "2024-03-01 00:00:00", "To:", "2024-03-01 01:10:00"],
            ["Operator", "M. Berger"],
        ]
        grid = [*(above[k % 6] for k in range(row - 1)), *table.grid()]
        made.append(accepted(f"header-in-row-{row}", "trend.csv", text(grid, ";" if row % 2 else ","), table))
    table = plant(130)
    late = [[f"Remark {k}"] for k in range(40)] + table.grid()
    hashed = b"# historian 7.1\n# interval: 10 min, mode: sampled\n#\n" + text(table.grid())
    return [
        *made,
        refused("header-in-row-41", "trend.csv", text(late), "--skip-rows"),
        accepted("header-in-row-41-said", "trend.csv", text(late), table, options={"skip_rows": 40}),
        accepted("header-below-hashes", "trend.csv", hashed, table),
        accepted("header-below-one-title", "trend.csv", b"Pump house 4\n" + text(table.grid()), table),
        accepted("header-below-a-wide-title", "trend.csv", text([["Pump house 4", "", ""], *table.grid()]), table),
        accepted(
            "header-below-more-cells", "trend.csv", text([["a", "b", "c", "d", "e", "f"], [], *table.grid()]), table
        ),
    ]


def _first_rows() -> list[Case]:
    """Readings that are not there yet are no rows of units or descriptions."""
    table = plant(135, rows=12)
    head, *rows = table.grid()
    late = Table(table.times, {name: (None,) * 3 + cells[3:] for name, cells in table.cells.items()})
    worded = [head, *([row[0], "No Data", "No Data"] for row in rows[:3]), *rows[3:]]
    empty = [head, *([row[0], "", ""] for row in rows[:3]), *rows[3:]]
    numbered = plant(136, names=("101", "102"))
    return [
        accepted("first-rows-without-data", "trend.csv", text(worded), late, said=("No Data",)),
        accepted("first-rows-empty", "trend.csv", text(empty), late),
        accepted("first-row-of-numbers-as-names", "trend.csv", text(numbered.grid()), numbered),
    ]


def _descriptions() -> list[Case]:
    table = plant(140, names=MOTOR)
    head, *rows = table.grid()
    names = ["", "Winding temperature", "Stator current", "Speed of the shaft"]
    units = ["", "°C", "A", "1/min"]
    low, high = ["Low", "0", "0", "0"], ["High", "120", "400", "3000"]
    about = {name: (unit, "") for name, unit in zip(MOTOR, units[1:], strict=True)}
    both = {name: (unit, said) for name, unit, said in zip(MOTOR, units[1:], names[1:], strict=True)}
    labelled = [["Unit", *units[1:]], ["Description", *names[1:]]]
    return [
        accepted("units-below", "motor.csv", text([head, units, *rows]), table, about=about),
        accepted("units-above", "motor.csv", text([units, head, *rows]), table, about=about),
        accepted(
            "units-in-brackets-below",
            "motor.csv",
            text([head, ["", "[°C]", "[A]", "[1/min]"], *rows], ";"),
            table,
            about=about,
        ),
        accepted("units-and-descriptions-below", "motor.csv", text([head, names, units, *rows]), table, about=both),
        accepted("units-and-descriptions-above", "motor.csv", text([names, units, head, *rows]), table, about=both),
        accepted("units-and-descriptions-labelled", "motor.csv", text([head, *labelled, *rows]), table, about=both),
        accepted(
            "units-descriptions-and-limits",
            "motor.csv",
            text([head, names, units, low, high, *rows]),
            table,
            about=both,
        ),
        accepted(
            "units-descriptions-and-nameless-limits",
            "motor.csv",
            text([head, names, units, ["", *low[1:]], ["", *high[1:]], *rows]),
            table,
            about=both,
        ),
        accepted(
            "units-with-a-time-unit",
            "motor.csv",
            text([head, ["yyyy-mm-dd hh:mm:ss", *units[1:]], *rows]),
            table,
            about=about,
        ),
        accepted(
            "units-below-a-title", "motor.csv", text([["Motor 3"], [], head, units, *rows], ";"), table, about=about
        ),
        accepted(
            "units-and-a-decimal-comma",
            "motor.csv",
            text([head, units, *table.grid(decimal=",")[1:]], ";", "\r\n", "cp1252"),
            table,
            about=about,
        ),
    ]


def _footers() -> list[Case]:
    table = plant(160)
    grid = table.grid()
    mean = ["Average", "60.00", "61.00"]
    return [
        accepted("footer-average", "trend.csv", text([*grid, mean]), table, said=("1 row",)),
        accepted(
            "footer-minimum-maximum-average",
            "trend.csv",
            text([*grid, [], ["Minimum", "50.1", "51.2"], ["Maximum", "70.3", "71.4"], mean]),
            table,
        ),
        accepted("footer-end-of-report", "trend.csv", text([*grid, ["End of report"]]), table),
        accepted(
            "footer-after-a-blank-row",
            "trend.csv",
            text([*grid, [], ["8 rows written", ""], ["Printed 2024-03-02"]], ";"),
            table,
        ),
        accepted("footer-in-hashes", "trend.csv", text(grid) + b"# end\n", table),
        accepted(
            "footer-and-header",
            "trend.csv",
            text([["Pump house 4"], [], *grid, ["Mittelwert", "60.00", "61.00"], ["Ende des Berichts"]], ";"),
            table,
        ),
    ]


def _apart(table: Table) -> Table:
    """The readings of two sensors at times of their own."""
    first, second = table.cells
    odd = {first: tuple(c if k % 2 else None for k, c in enumerate(table.cells[first]))}
    even = {second: tuple(None if k % 2 else c for k, c in enumerate(table.cells[second]))}
    # The even row comes first in the file, and so does its sensor.
    return Table(table.times, {**even, **odd})


def _long() -> list[Case]:
    table = plant(180, names=("P-101.FLOW", "P-101.TEMP", "P-101.LOAD"))
    grid = table.long()
    by_tag = [grid[0], *sorted(grid[1:], key=lambda row: (list(table.cells).index(row[1]), row[0]))]
    tag_first = [[row[1], row[0], row[2]] for row in grid]
    german = Table(table.times, table.cells).long("%d.%m.%Y %H:%M:%S", ("Zeitstempel", "Messstelle", "Wert"))
    german = [german[0], *([a, b, c.replace(".", ",")] for a, b, c in german[1:])]
    flagged = [[*grid[0], "Quality"], *([*row, "Good"] for row in grid[1:])]
    flagged[5] = [*flagged[5][:2], "999", "Bad"]
    bad = table.put("P-101.TEMP", 1, None)
    wordy = [list(row) for row in grid]
    wordy[7][2] = "No Data"
    unusual = [["Stamp of reading", "What", "Reads"], *grid[1:]]
    apart = _apart(plant(181))
    constant = [[*grid[0], "Unit"], *([*row, "%"] for row in grid[1:])]
    named = {"layout": "long", "tag_column": "What", "value_column": "Reads"}
    return [
        accepted("long-found", "readings.csv", text(grid), table),
        accepted("long-by-tag", "readings.csv", text(by_tag), table),
        accepted("long-tag-first", "readings.csv", text(tag_first, ";"), table),
        accepted(
            "long-newest-first",
            "readings.csv",
            text([grid[0], *reversed(grid[1:])]),
            Table(table.times, dict(reversed(table.cells.items()))),
        ),
        accepted("long-german", "readings.csv", text(german, ";", "\r\n"), table),
        accepted("long-quality", "readings.csv", text(flagged), bad, said=("Bad", "P-101.TEMP")),
        accepted("long-with-words", "readings.csv", text(wordy), table.put("P-101.FLOW", 2, None), said=("no data",)),
        accepted("long-times-apart", "readings.csv", text(apart.long()), apart),
        accepted("long-unit-column", "readings.csv", text(constant), table),
        accepted("long-named-by-hand", "readings.csv", text(unusual), table, options=named),
        accepted("long-below-a-title", "readings.csv", b"Readings of pump 101\n\n" + text(grid), table),
        accepted("long-said-to-be-wide", "wide.csv", text(plant(182).grid()), plant(182), options={"layout": "wide"}),
        refused(
            "long-no-such-tag-column",
            "readings.csv",
            text(unusual),
            "'Tog'",
            options={"layout": "long", "tag_column": "Tog", "value_column": "Reads"},
            status=2,
        ),
    ]


def _several() -> list[Case]:
    table = plant(200, rows=12)
    parts = [text(table.rows(slice(k, k + 4)).grid()) for k in (0, 4, 8)]
    days = dict(zip(("day-1.csv", "day-2.csv", "day-3.csv"), parts, strict=True))
    overlap = {"a.csv": text(table.rows(slice(0, 7)).grid()), "b.csv": text(table.rows(slice(5, 12)).grid())}
    wider = plant(201, rows=4, names=("Flow", "Bearing Temp", "Load"), start=table.times[4])
    grown = Table(
        table.times[:8],
        {
            **{name: table.cells[name][:4] + wider.cells[name] for name in table.cells},
            "Load": (None,) * 4 + wider.cells["Load"],
        },
    )
    mixed = {
        "a.csv": parts[0],
        "b.csv.gz": gzip.compress(parts[1], mtime=0),
        "c.txt": text(table.rows(slice(8, 12)).grid("%d.%m.%Y %H:%M"), ";"),
    }
    marks = {"a.csv": parts[0], "c.txt": text(table.rows(slice(8, 12)).grid(decimal=","), ";")}
    return [
        Case("several-listed", days, table.frame, tuple(days)),
        Case("several-listed-newest-first", days, table.frame, tuple(reversed(days))),
        Case("several-by-a-glob", days, table.frame, "day-*.csv"),
        Case("several-that-overlap", overlap, table.frame, ("a.csv", "b.csv"), said=("repeated times: 2 rows",)),
        Case(
            "several-with-a-new-sensor",
            {"a.csv": parts[0], "b.csv": text(wider.grid())},
            grown.frame,
            ("a.csv", "b.csv"),
            said=("Load",),
        ),
        Case("several-of-different-kinds", mixed, table.frame, tuple(mixed), options={"date_order": "dmy"}),
        Case("several-with-two-decimal-marks", marks, Refused(("a.csv", "c.txt", "row 2")), tuple(marks)),
        Case("several-one-broken", {**days, "day-4.csv": b""}, Refused(("day-4.csv", "is empty")), "day-*.csv"),
        Case("several-none-there", {}, Refused(("night-*.csv",)), "night-*.csv"),
        Case("several-one-not-there", days, Refused(("day-9.csv", "no such file")), ("day-1.csv", "day-9.csv")),
        Case("stdin-csv", {"-": parts[0]}, table.rows(slice(0, 4)).frame, "-"),
        Case("stdin-gzip", {"-": gzip.compress(parts[0], mtime=0)}, table.rows(slice(0, 4)).frame, "-"),
        Case("stdin-empty", {"-": b""}, Refused(("standard input", "empty")), "-"),
    ]


def pack(data: bytes, kind: str, inside: str = "plant.csv") -> bytes:
    """Pack a file as its ending says."""
    if kind == "zip":
        out = io.BytesIO()
        with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr(zipfile.ZipInfo(inside), data)
        return out.getvalue()
    if kind == "zst":
        sink = pa.BufferOutputStream()
        with pa.CompressedOutputStream(sink, "zstd") as stream:
            stream.write(data)
        return sink.getvalue().to_pybytes()
    return {"gz": lambda d: gzip.compress(d, mtime=0), "bz2": bz2.compress, "xz": lzma.compress}[kind](data)


def _packed() -> list[Case]:
    made = []
    for k, kind in enumerate(("gz", "bz2", "xz", "zst", "zip")):
        table = plant(220 + k, rows=40)
        data = pack(text(table.grid()), kind)
        made += [
            accepted(f"packed-{kind}", f"plant.csv.{kind}", data, table),
            accepted(f"packed-{kind}-whatever-its-name", "plant.csv", data, table),
            refused(f"packed-{kind}-cut", f"plant.csv.{kind}", data[: len(data) * 2 // 3]),
        ]
    table = plant(230)
    two = io.BytesIO()
    with zipfile.ZipFile(two, "w") as archive:
        archive.writestr(zipfile.ZipInfo("a.csv"), text(table.rows(slice(0, 4)).grid()))
        archive.writestr(zipfile.ZipInfo("b.csv"), text(table.rows(slice(4, 8)).grid()))
    nothing = io.BytesIO()
    zipfile.ZipFile(nothing, "w").close()
    return [
        *made,
        accepted("packed-zip-of-two", "plant.zip", two.getvalue(), table),
        refused("packed-zip-of-none", "plant.zip", nothing.getvalue()),
        refused("packed-gz-of-nothing", "plant.csv.gz", gzip.compress(b"", mtime=0), "empty"),
    ]
