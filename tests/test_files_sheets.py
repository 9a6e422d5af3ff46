"""Workbooks: which sheet, where its table is, and every cell as exact as it is kept."""

from __future__ import annotations

import io
import struct
import zipfile
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import xlsxwriter
from acm_rs.files.errors import Refusal
from acm_rs.files.options import ReadOptions
from acm_rs.files.raw import About, RawTable
from acm_rs.files.reading import read_table
from acm_rs.files.table import load_sensors

Grid = list[list[Any]]
TIMES = [datetime(2024, 3, 1) + timedelta(minutes=10, seconds=7) * i for i in range(4)]
# More digits than are shown, as many as every writer keeps.
VALUES = [60.1, 60.433333333333, 60.766666666667, 61.1]
TABLE: Grid = [["Time", "A", "B"], *([moment, VALUES[i], i] for i, moment in enumerate(TIMES))]
READINGS = [[str(moment), repr(VALUES[i]), str(i)] for i, moment in enumerate(TIMES)]


def xlsx(*sheets: Grid, hide: tuple[int, ...] = (), chart: bool = False, **options: object) -> bytes:
    out = io.BytesIO()
    book = xlsxwriter.Workbook(out, {"in_memory": True, "default_date_format": "yyyy-mm-dd hh:mm:ss", **options})
    if chart:
        book.add_chartsheet("Chart")
    for place, rows in enumerate(sheets):
        page = book.add_worksheet(f"Sheet {place + 1}")
        for at, row in enumerate(rows):
            for column, cell in enumerate(row):
                if cell is not None:
                    page.write(at, column, cell)
        if place in hide:
            page.hide()
        elif all(earlier in hide for earlier in range(place)):
            page.activate()
    book.close()
    return out.getvalue()


def ods(rows: Grid) -> bytes:
    """A spreadsheet of OpenDocument with what it must have and no more."""

    def cell(value: Any) -> str:
        if isinstance(value, datetime):
            return f'<table:table-cell office:value-type="date" office:date-value="{value.isoformat()}"/>'
        if isinstance(value, str):
            return f'<table:table-cell office:value-type="string"><text:p>{value}</text:p></table:table-cell>'
        return f'<table:table-cell office:value-type="float" office:value="{value!r}"/>'

    body = "".join(f"<table:table-row>{''.join(map(cell, row))}</table:table-row>" for row in rows)
    names = "".join(
        f' xmlns:{short}="urn:oasis:names:tc:opendocument:xmlns:{short}:1.0"' for short in ("office", "table", "text")
    )
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr("mimetype", "application/vnd.oasis.opendocument.spreadsheet")
        archive.writestr("META-INF/manifest.xml", "<manifest/>")
        archive.writestr(
            "content.xml",
            f'<?xml version="1.0" encoding="UTF-8"?><office:document-content{names}><office:body><office:spreadsheet>'
            f'<table:table table:name="Sheet 1">{body}</table:table>'
            "</office:spreadsheet></office:body></office:document-content>",
        )
    return out.getvalue()


def xlsb(rows: Grid) -> bytes:
    """A binary workbook with what it must have and no more; times as numbers of days."""

    def record(kind: int, data: bytes = b"") -> bytes:
        head = bytes((kind,)) if kind < 128 else bytes((kind & 127 | 128, kind >> 7))
        size, length = len(data), b""
        while size > 127:
            length, size = length + bytes((size & 127 | 128,)), size >> 7
        return head + length + bytes((size,)) + data

    def text(word: str) -> bytes:
        return struct.pack("<I", len(word)) + word.encode("utf-16-le")

    def cell(column: int, value: Any) -> bytes:
        place = struct.pack("<II", column, 0)
        if isinstance(value, str):
            return record(6, place + text(value))
        days = (value - datetime(1899, 12, 30)) / timedelta(days=1) if isinstance(value, datetime) else float(value)
        return record(5, place + struct.pack("<d", days))

    body = record(129) + record(148, struct.pack("<IIII", 0, len(rows) - 1, 0, len(rows[0]) - 1)) + record(145)
    for at, row in enumerate(rows):
        body += record(0, struct.pack("<I", at) + bytes(21)) + b"".join(cell(*pair) for pair in enumerate(row))
    bundle = struct.pack("<II", 0, 1) + text("rId1") + text("Sheet 1")
    kind = "http://schemas.openxmlformats.org/officeDocument/2006/relationships/worksheet"
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr("xl/workbook.bin", record(131) + record(143) + record(156, bundle) + record(144) + record(132))
        archive.writestr("xl/worksheets/sheet1.bin", body + record(146) + record(130))
        archive.writestr(
            "xl/_rels/workbook.bin.rels",
            '<?xml version="1.0"?><Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships">'
            f'<Relationship Id="rId1" Type="{kind}" Target="worksheets/sheet1.bin"/></Relationships>',
        )
    return out.getvalue()


def xls(rows: Grid) -> bytes:
    xlwt = pytest.importorskip("xlwt")
    book = xlwt.Workbook()
    page = book.add_sheet("Sheet 1")
    style = xlwt.easyxf(num_format_str="yyyy-mm-dd hh:mm:ss")
    for at, row in enumerate(rows):
        for column, cell in enumerate(row):
            page.write(at, column, cell, style if isinstance(cell, datetime) else xlwt.Style.default_style)
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


@pytest.fixture
def path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return Path("in.xlsx")


def read(path: Path, data: bytes, **options: object) -> RawTable:
    path.write_bytes(data)
    return read_table(path, ReadOptions(**options))  # type: ignore[arg-type]


def cells(raw: RawTable) -> list[list[str | None]]:
    return [list(row) for row in raw.frame.rows()]


@pytest.mark.parametrize("write", [xlsx, xls, ods], ids=["xlsx", "xls", "ods"])
def test_kinds_of_workbooks(path: Path, write: Callable[[Grid], bytes]) -> None:
    raw = read(path, write(TABLE))
    assert raw.columns == ["Time", "A", "B"]
    assert [row[1:] for row in cells(raw)] == [row[1:] for row in READINGS]
    assert [str(row[0]).replace("T", " ") for row in cells(raw)] == [row[0] for row in READINGS]
    assert raw.origin.rows.tolist() == [2, 3, 4, 5]


def test_a_binary_workbook(path: Path) -> None:
    raw = read(path, xlsb(TABLE))
    assert [row[1:] for row in cells(raw)] == [row[1:] for row in READINGS]
    days = [(moment - datetime(1899, 12, 30)) / timedelta(days=1) for moment in TIMES]
    assert [float(str(row[0])) for row in cells(raw)] == days


def test_numbers_are_exact(path: Path) -> None:
    random = np.random.default_rng(3)
    values = [
        *(random.normal(0, 1, 300) * 10.0 ** random.integers(-12, 20, 300)),
        1 / 3,
        1e30,
        1e-12 / 3,
        20240301001000,
    ]
    raw = read(path, xlsx([["n", "x"], *([place, float(f"{value:.16g}")] for place, value in enumerate(values))]))
    assert [float(str(cell)) for cell in raw.column("x")] == [float(f"{value:.16g}") for value in values]
    assert raw.column("x")[-1] == "20240301001000"


@pytest.mark.parametrize("first_day", [1900, 1904])
def test_dates_of_both_calendars(path: Path, first_day: int) -> None:
    raw = read(path, xlsx(TABLE, date_1904=first_day == 1904))
    assert raw.column("Time").to_list() == [row[0] for row in READINGS]


def test_rows_around_the_table(path: Path) -> None:
    page: Grid = [
        [],
        ["Pump house 4"],
        [],
        [None, "Time", "TI101", "VI102"],
        [None, None, "°C", "mm/s"],
        *([None, *row] for row in TABLE[1:3]),
        [],
        [None, "Time", "TI101", "VI102"],
        *([None, *row] for row in TABLE[3:]),
        [],
        [None, "Average", 60.0, 1.0],
        [None, "End of report"],
    ]
    raw = read(path, xlsx(page))
    assert raw.columns == ["Time", "TI101", "VI102"]
    assert cells(raw) == READINGS
    assert raw.origin.rows.tolist() == [6, 7, 10, 11]
    assert (raw.about, raw.blank_rows) == ({"TI101": About("°C"), "VI102": About("mm/s")}, 2)
    assert raw.notes == [
        "row 5 taken as units",
        "1 row above the header left out ('Pump house 4')",
        "2 rows below the readings left out ('Average 60 1', 'End of report')",
        "the header comes again in 1 row (first: row 9): left out",
    ]
    raw = read(path, xlsx([["a", "b", "c"]] * 25 + TABLE), skip_rows=25)
    assert (cells(raw), raw.origin.rows[0]) == (READINGS, 27)


def test_which_sheet(path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    other: Grid = [["n", "X"], [1, 2.5], [2, 3.5]]
    book = xlsx([["Only words"], ["and more"]], [], other, TABLE, hide=(2,), chart=True)
    raw = read(path, book)
    assert cells(raw) == READINGS
    assert raw.notes == ["sheet 'Sheet 4' read; others: 'Chart', 'Sheet 1', 'Sheet 2', 'Sheet 3'"]
    for sheet in ("Sheet 3", "sheet 3", "4"):
        assert read(path, book, sheet=sheet).columns == ["n", "X"]
    for sheet in ("Sheet 9", "9", "0", "X"):
        with pytest.raises(Refusal, match=rf"in\.xlsx has no sheet '{sheet}'; it has 'Chart', 'Sheet 1'") as refusal:
            read(path, book, sheet=sheet)
        assert refusal.value.status == 2
    with pytest.raises(Refusal, match="sheet 'Sheet 2' is empty"):
        read(path, book, sheet="Sheet 2")
    # A hidden sheet is read where no other holds a table.
    assert read(path, xlsx([["Words"]], other, hide=(1,))).columns == ["n", "X"]
    assert capfd.readouterr() == ("", "")
    with pytest.raises(Refusal, match="--sheet says nothing of it"):
        read(path, b"Time,A\n2024-03-01,1\n", sheet="1")


def test_workbooks_that_hold_no_table(path: Path) -> None:
    with pytest.raises(Refusal, match=r"holds no table; its 2 sheets: 'Sheet 1', 'Sheet 2'"):
        read(path, xlsx([], []))
    with pytest.raises(Refusal, match=r"looks like data; the first row must name the columns \(sheet 'Sheet 1'\)"):
        read(path, xlsx(TABLE[1:]))
    whole = xlsx(TABLE)
    for data in (whole[:2000], b"\xd0\xcf\x11\xe0" + bytes(5000)):
        with pytest.raises(Refusal, match=r"in\.xlsx is (?:a damaged|no workbook)"):
            read(path, data)


def test_cells_that_are_no_numbers(path: Path) -> None:
    out = io.BytesIO()
    book = xlsxwriter.Workbook(out)
    page = book.add_worksheet()
    hour = book.add_format({"num_format": "hh:mm:ss"})
    page.write_row(0, 0, ["Day", "Hour", "A", "on", "code"])
    for at in range(1, 5):
        page.write_string(at, 0, "2024-03-01")
        page.write_number(at, 1, at / 24, hour)
        page.write_formula(at, 2, "=NA()", None, "#N/A" if at == 2 else 7.5)
        page.write_boolean(at, 3, at % 2)
        page.write_string(at, 4, f"00{at}")
    book.close()
    raw = read(path, out.getvalue())
    assert raw.column("Hour").to_list() == [f"0{at}:00:00" for at in range(1, 5)]
    assert raw.column("A").to_list() == ["7.5", None, "7.5", "7.5"]
    assert raw.column("on").to_list() == ["true", "false"] * 2
    assert raw.column("code").to_list() == ["001", "002", "003", "004"]


def _month(month: int, days: int = 4) -> Grid:
    return [["Time", "A"], *([datetime(2024, month, day), 100.0 * month + day] for day in range(1, days))]


def test_sheets_of_the_same_columns_are_one_history(tmp_path: Path) -> None:
    path = tmp_path / "year.xlsx"
    # Newest first, a hidden sheet and one of other columns beside them, and a day that two sheets have.
    book = [_month(3), [["Notes"], ["none"]], _month(2, 30), _month(9), [["Time", "C"], [TIMES[0], 1]]]
    book[2].append([datetime(2024, 3, 1), 7.0])
    path.write_bytes(xlsx(*book, hide=(3,)))
    table = load_sensors(path, ReadOptions())
    assert table.time is not None
    assert table.time.to_list() == [datetime(2024, 2, 1) + timedelta(days=day) for day in range(32)]
    assert table.sensors["A"][[0, 28, 29, 31]].to_list() == [201.0, 229.0, 7.0, 303.0]
    assert "2 sheets joined" in table.notes
    assert "sheets 'Sheet 1', 'Sheet 3' read; others: 'Sheet 2', 'Sheet 4', 'Sheet 5'" in table.notes
    alone = load_sensors(path, ReadOptions(sheet="Sheet 3"))
    assert (alone.sensors.height, alone.sensors["A"][0]) == (30, 201.0)
    book[2][2][1] = "hot"
    path.write_bytes(xlsx(*book, hide=(3,)))
    with pytest.raises(Refusal, match=r"year\.xlsx, sheet 'Sheet 3', row 3, column 'A': 'hot' is not a number"):
        load_sensors(path, ReadOptions())


def test_workbooks_are_joined_with_all_their_sheets(tmp_path: Path) -> None:
    for name, months in (("a.xlsx", (1, 2)), ("b.xlsx", (3, 4))):
        (tmp_path / name).write_bytes(xlsx(*map(_month, months)))
    table = load_sensors(sorted(tmp_path.glob("*.xlsx")), ReadOptions())
    assert table.sensors["A"].to_list() == [100.0 * month + day for month in range(1, 5) for day in range(1, 4)]
    assert any(note.startswith("4 files joined") for note in table.notes)


@pytest.mark.parametrize(
    ("sheets", "why"),
    [
        ([_month(3), _month(3)], r"the times of .*sheet 'Sheet 1' and .*sheet 'Sheet 2' overlap"),
        ([_month(4), _month(3), [["Time", "A"], [datetime(2024, 4, 2, 1), 1], [datetime(2024, 5, 2), 1]]], "overlap"),
        ([[["n", "A"], [1.5, 2], [4, 3]]] * 2, "no time that tells how they follow one another"),
        ([[["Time [s]", "A"], [0, 2], [1, 3], [2, 3]]] * 2, "no time that tells how they follow one another"),
    ],
    ids=["machines", "within", "no clock", "counting"],
)
def test_sheets_beside_one_another_are_refused(tmp_path: Path, sheets: list[Grid], why: str) -> None:
    path = tmp_path / "pumps.xlsx"
    path.write_bytes(xlsx(*sheets))
    with pytest.raises(Refusal, match=f"{why}.*--sheet"):
        load_sensors(path, ReadOptions())
    assert load_sensors(path, ReadOptions(sheet="2")).sensors.height == len(sheets[1]) - 1


@pytest.mark.parametrize("form", ["[h]:mm:ss", "[mm]:ss", "[ss].000"])
@pytest.mark.parametrize("name", ["Run", "Time on load", "Time"])
def test_durations_are_seconds(tmp_path: Path, form: str, name: str) -> None:
    seconds = [0.5, 10_000.25, 86_399.0, 86_400.0, 500_000.0, None, 40_000_000.0]
    out = io.BytesIO()
    book = xlsxwriter.Workbook(out)
    page, duration = book.add_worksheet(), book.add_format({"num_format": form})
    page.write_row(2, 1, ["Stamp", name, "Flow"])
    for place, value in enumerate(seconds):
        page.write(place + 3, 1, f"2024-03-01 00:{place:02}")
        if value is not None:
            page.write_number(place + 3, 2, value / 86_400, duration)
        page.write_number(place + 3, 3, place * place % 5)
    book.close()
    path = tmp_path / "in.xlsx"
    path.write_bytes(out.getvalue())
    table = load_sensors(path, ReadOptions(time_column="Stamp", columns=[name]))
    assert table.sensors[name].to_list() == seconds


@pytest.mark.parametrize("form", ["[h]:mm:ss", "hh:mm:ss"])
def test_a_time_of_day_beside_a_date_may_have_the_form_of_a_duration(tmp_path: Path, form: str) -> None:
    out = io.BytesIO()
    book = xlsxwriter.Workbook(out)
    page, clock = book.add_worksheet(), book.add_format({"num_format": form})
    page.write_row(0, 0, ["Date", "Time", "Flow"])
    for place in range(12):
        page.write(place + 1, 0, "2024-03-01")
        page.write_number(place + 1, 1, place / 24, clock)
        page.write_number(place + 1, 2, place * place % 5)
    book.close()
    path = tmp_path / "in.xlsx"
    path.write_bytes(out.getvalue())
    table = load_sensors(path, ReadOptions())
    assert table.time is not None
    assert table.time.to_list() == [datetime(2024, 3, 1, hour) for hour in range(12)]
    assert table.sensors.columns == ["Flow"]
