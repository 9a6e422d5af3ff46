"""What the rows of a text file are: header, descriptions, units, limits, readings, footer, and rows that are bad."""

from __future__ import annotations

import csv
import io
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from acm_rs.files import rows as rows_module
from acm_rs.files.bad_rows import OnBadRow
from acm_rs.files.errors import Refusal
from acm_rs.files.options import ReadOptions
from acm_rs.files.raw import About, RawTable
from acm_rs.files.reading import read_table

READINGS = [[f"2024-03-01 00:{10 * i:02}", f"6{i}.5", str(i)] for i in range(6)]
SKIP = {"bad_rows": OnBadRow.skip}


def text(*above: str, below: str = "", separator: str = ",", end: str = "\n") -> str:
    """A file: some lines, the readings, some lines."""
    lines = [*above, *(separator.join(row) for row in READINGS), *below.splitlines()]
    return end.join(lines) + end


@pytest.fixture
def path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return Path("in.csv")


def read(path: Path, content: str | bytes, **options: object) -> RawTable:
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return read_table(path, ReadOptions(**options))  # type: ignore[arg-type]


def cells(raw: RawTable) -> list[list[str | None]]:
    return [list(row) for row in raw.frame.rows()]


# ---- rows above and below the readings ------------------------------------------------------------------------------

FOUR = {
    "MTR1_TEMP": About("°C", "Motor 1 bearing", 0.0, 120.0),
    "MTR1_VIB": About("mm/s", "Motor 1 casing", 0.0, 10.0),
}
UNITS = {"TI101": About("degC"), "VI102": About("mm/s")}
# The rows above the readings, the names, what is said of the columns, the number of the first reading's row.
ABOVE = {
    "header": (["Time,A,B"], ["Time", "A", "B"], {}, 2),
    "title": (["Report of pump 3", "", "Time,A,B"], ["Time", "A", "B"], {}, 4),
    "open quotation mark in the title": (['Report "Daily', '"x', "Time,A,B"], ["Time", "A", "B"], {}, 4),
    "nineteen titles": ([f"line {i}" for i in range(19)] + ["Time,A,B"], ["Time", "A", "B"], {}, 21),
    "pairs": (
        ["Plant,Duisburg", "Start,2024-03-01 00:00", "End,2024-03-02", "Interval,60", "Time,A,B"],
        ["Time", "A", "B"],
        {},
        6,
    ),
    "four rows": (
        [
            "Point Name,MTR1_TEMP,MTR1_VIB",
            "Description,Motor 1 bearing,Motor 1 casing",
            "Units,°C,mm/s",
            "Limits,0-120,0-10",
        ],
        ["column 1", "MTR1_TEMP", "MTR1_VIB"],
        FOUR,
        5,
    ),
    "the same above the header": (
        [
            "Low limit,0,0",
            "High limit,120,10",
            "Description,Motor 1 bearing,Motor 1 casing",
            "Unit:,°C,mm/s",
            "Timestamp,MTR1_TEMP,MTR1_VIB",
        ],
        ["Timestamp", "MTR1_TEMP", "MTR1_VIB"],
        FOUR,
        6,
    ),
    "names, then the time's own": (
        [
            "Tag,MTR1_TEMP,MTR1_VIB",
            "Descriptor,Motor 1 bearing,Motor 1 casing",
            "Eng Units,°C,mm/s",
            "Range,0..120,0 to 10",
            "Timestamp,,",
        ],
        ["Timestamp", "MTR1_TEMP", "MTR1_VIB"],
        FOUR,
        6,
    ),
    "units without a label": (["Time,TI101,VI102", ",degC,mm/s"], ["Time", "TI101", "VI102"], UNITS, 3),
    "units above": ([",degC,mm/s", "Time,TI101,VI102"], ["Time", "TI101", "VI102"], UNITS, 3),
    "units in brackets": (["Time,TI101,VI102", ",[degC],(mm/s)"], ["Time", "TI101", "VI102"], UNITS, 3),
    "units in German": (["Zeit,TI101,VI102", "Einheit,degC,mm/s"], ["Zeit", "TI101", "VI102"], UNITS, 3),
    "units of some": (["Time,TI101,VI102,State", ",degC,mm/s,"], ["Time", "TI101", "VI102", "State"], UNITS, 3),
    "descriptions and units above": (
        ["Report", ",Bearing of pump,Casing of pump", ",degC,mm/s", "Time,TI101,VI102"],
        ["Time", "TI101", "VI102"],
        {"TI101": About("degC", "Bearing of pump"), "VI102": About("mm/s", "Casing of pump")},
        5,
    ),
    "dashes": (["Time,A,B", "----,---,---"], ["Time", "A", "B"], {}, 3),
    "blank below": (["Time,A,B", "", "s,A,V"], ["Time", "A", "B"], {"A": About("A"), "B": About("V")}, 4),
    "descriptions below": (
        ["Time,TI101,VI102", ",Bearing of pump,Casing of pump"],
        ["Time", "TI101", "VI102"],
        {"TI101": About("", "Bearing of pump"), "VI102": About("", "Casing of pump")},
        3,
    ),
    "groups": (
        [",Pump,Motor", "Time,Temp,Vib"],
        ["Time", "Temp", "Vib"],
        {"Temp": About("", "Pump"), "Vib": About("", "Motor")},
        3,
    ),
    "two rows of names": ([",Pump,Motor", "Time,Temp,Temp"], ["Time", "Pump Temp", "Motor Temp"], {}, 3),
    "limits without a label": (
        ["Time,TI101,VI102", ",degC,mm/s", ",0,0", ",120,10"],
        ["Time", "TI101", "VI102"],
        {"TI101": About("degC", "", 0.0, 120.0), "VI102": About("mm/s", "", 0.0, 10.0)},
        5,
    ),
    "units and what is none": (
        ["TIMESTAMP,TI101,VI102,State", "TS,degC,mm/s,RN", ",Avg,Smp,Smp"],
        ["TIMESTAMP", "TI101", "VI102", "State"],
        {"TI101": About("degC", "Avg"), "VI102": About("mm/s", "Smp"), "State": About("", "RN, Smp")},
        4,
    ),
    "alarms and warnings": (
        ["Time,TI101,VI102", "LL,0,0", "L,10,1", "H,100,9", "HH,120,10"],
        ["Time", "TI101", "VI102"],
        {"TI101": About("", "", 0.0, 120.0), "VI102": About("", "", 0.0, 10.0)},
        6,
    ),
    "units in the names": (
        ["Time,Bearing Temp [°C],Flow (m3/h)"],
        ["Time", "Bearing Temp [°C]", "Flow (m3/h)"],
        {"Bearing Temp [°C]": About("°C"), "Flow (m3/h)": About("m3/h")},
        2,
    ),
    "names that are units": (["t,A,V"], ["t", "A", "V"], {}, 2),
    "no name of the time": ([",A,B"], ["column 1", "A", "B"], {}, 2),
    "comments": (["# by logger 3", "# 2024-03-01", "Time,A,B"], ["Time", "A", "B"], {}, 4),
    "names that are numbers": (["Time,0,1"], ["Time", "0", "1"], {}, 2),
}


@pytest.mark.parametrize("case", ABOVE)
def test_rows_above_the_readings(path: Path, case: str) -> None:
    above, names, about, first = ABOVE[case]
    raw = read(path, text(*above))
    assert raw.columns == names
    assert [row[:3] for row in cells(raw)] == READINGS
    assert raw.about == about
    assert raw.origin.rows.tolist() == list(range(first, first + 6))
    # What was left out or taken for something is told.
    said = sum(1 for line in above if line.strip(',-" ')) - 1
    assert bool(raw.notes) == (said > 0)


@pytest.mark.parametrize("separator", ["\t", ";", "|"])
def test_rows_above_with_other_separators(path: Path, separator: str) -> None:
    above = [line.replace(",", separator) for line in ABOVE["the same above the header"][0]]
    raw = read(path, text("Plant A, unit 3", *above, separator=separator))
    assert (cells(raw), raw.about, raw.separator) == (READINGS, FOUR, separator)


BELOW = {
    "sums": "Average,60,2\nMinimum,50,1\nStd Dev,1,1\n",
    "end": "End of report\n",
    "count": "--- 600 rows ---\n",
    "all": "\nAverage,60,2\n\nEnd of report\n--- 600 rows ---\n\n",
    "German": "Mittelwert,60,2\nMaximum,60,2\n",
    "pair": "Total rows: 6,,\n",
    "sentence": "Exported by M. Weber on Friday\n",
    "rule": "=====,=====,=====\n",
}


@pytest.mark.parametrize("case", BELOW)
def test_rows_below_the_readings(path: Path, case: str) -> None:
    raw = read(path, text("Time,A,B", below=BELOW[case]))
    assert cells(raw) == READINGS
    assert len(raw.notes) == 1
    assert "below the readings left out" in raw.notes[0]


# Rows that may be readings are readings, whatever becomes of them.
KEPT = {
    "no time above": (["Time,A,B", ",60.5,1"], ""),
    "an odd time above": (["Time,A,B", "x1,60.5,1"], ""),
    "words above": (["Time,A,B", "2024-02-29,Bad,No Data"], ""),
    "text above": (["Time,A,B", "foo,bar,baz"], ""),
    "no time in two rows": (["Time,A,B", ",0,0", ",120,10"], ""),
    "bounds that a reading is beyond": (["Time,A,B", ",,m", ",0,1", ",120,3"], ""),
    "no time below": (["Time,A,B"], ",60.5,1"),
    "an odd time below": (["Time,A,B"], "x1,60.5,1"),
    "a footer with a time": (["Time,A,B"], "2024-03-02,Total,1"),
    "cut off in the time": (["Time,A,B"], "2024-03-0"),
    "a number alone": (["Time,A,B"], "7"),
}


@pytest.mark.parametrize("case", KEPT)
def test_what_may_be_a_reading_is_one(path: Path, case: str) -> None:
    above, below = KEPT[case]
    raw = read(path, text(*above, below=below))
    assert raw.height == 6 + sum(case.count(word) for word in (" two ", "bounds that")) + 1
    assert all(about.low is None for about in raw.about.values())


def test_a_row_cut_off_within_a_month_is_a_reading(path: Path) -> None:
    content = "Time,A,B\n" + "".join(f"0{day}-Mar-2024 00:00,6{day}.5,1\n" for day in range(1, 7))
    for cut in ("07-Mar", "07-Mar-2024 0"):
        raw = read(path, f"{content}{cut}\n")
        assert raw.column("Time")[-1] == cut
    assert read(path, f"{content}Marked by hand\n").height == 6


def test_numbers_without_a_clock(path: Path) -> None:
    raw = read(path, "Low,High\n1,2\n3,4\n5,6\nAverage,4\n")
    assert raw.columns == ["Low", "High"]
    assert cells(raw) == [["1", "2"], ["3", "4"], ["5", "6"]]
    raw = read(path, "Report\n\nA\n1\n2\n\n3\n")
    assert (raw.columns, cells(raw), raw.blank_rows) == (["A"], [["1"], ["2"], ["3"]], 1)


def test_wide_tables(path: Path) -> None:
    names = [f"S{place}" for place in range(1500)]
    rows = [[f"2024-03-01 {hour:02}:00", *[f"{hour}.{place:04}" for place in range(1500)]] for hour in range(24)] * 2
    sums = [[word, *["1.0"] * 1500] for word in ("Minimum", "Maximum", "Average", "Std Dev", "Total")]
    lines = [["Report"], ["Time", *names], ["", *["°C"] * 1500], *rows, *sums]
    raw = read(path, "\n".join(map(",".join, lines)) + "\n")
    assert (raw.columns, raw.height, raw.about["S1499"].unit) == (["Time", *names], 48, "°C")
    assert cells(raw)[-1] == rows[-1]


def test_settings_above_numbers(path: Path) -> None:
    above = ["Logger", "Version,2", "Separator,Comma", "Rate,10,Hz", "X_Value,Temp,Vib"]
    raw = read(path, "\n".join([*above, "0.0,60,1", "0.1,61,2", "0.2,62,3"]) + "\n")
    assert raw.columns == ["X_Value", "Temp", "Vib"]
    assert raw.height == 3
    # A word among the first readings is for the stages after this one.
    raw = read(path, "A,B\n1,abc\n2,3\n4,5\n")
    assert (raw.columns, raw.height) == (["A", "B"], 3)
    raw = read(path, "A,B\nabc,1\n2,3\n4,5\n")
    assert (raw.columns, raw.height) == (["A", "B"], 3)


def test_columns_of_quality_are_named_by_their_sensor(path: Path) -> None:
    raw = read(path, "Time,A,Quality,B,Quality\n" + "2024-03-01 00:00,1,Good,2,Bad\n" * 3)
    assert raw.columns == ["Time", "A", "A Quality", "B", "B Quality"]
    with pytest.raises(Refusal, match="columns 2 and 3 are both named 'A'; give one of them another name"):
        read(path, text("Time,A,A"))


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (text(), "row 1: '2024-03-01 00:00' looks like data; the first row must name the columns"),
        (text("Report", ""), "row 3: '2024-03-01 00:00' looks like data; a row above it must name the columns"),
        ("", "is empty"),
        ("\n \n", "is empty"),
        (text(*["x"] * 25, "Time,A,B"), "no row that names the columns in the first 20 rows;.*--skip-rows"),
    ],
)
def test_without_a_header(path: Path, content: str, words: str) -> None:
    with pytest.raises(Refusal, match=words):
        read(path, content)


def test_rows_that_are_not_looked_at(path: Path) -> None:
    raw = read(path, text(*["x,y,z"] * 25, '"open', "Time,A,B"), skip_rows=26)
    assert (cells(raw), raw.origin.rows[0]) == (READINGS, 28)
    with pytest.raises(Refusal, match="no rows below the 9 that --skip-rows leaves out"):
        read(path, text("Time,A,B"), skip_rows=9)


# ---- bad rows -------------------------------------------------------------------------------------------------------

BAD = {
    "too many cells": ("2024-03-01 00:05,1,2,3", "4 cells, but the header names 3 columns"),
    "an open quotation mark": ('2024-03-01 00:05,"1,2', "is a quotation mark left open"),
    "null characters": ("2024-03-01 00:05,\0\0\0,2", "it holds null characters"),
}


@pytest.mark.parametrize("block", [1 << 24, 64])
@pytest.mark.parametrize("case", BAD)
def test_bad_rows(path: Path, case: str, block: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rows_module, "_BLOCK", block)
    line, why = BAD[case]
    lines = text("Time,A,B").splitlines()
    content = "\n".join([*lines[:3], line, *lines[3:], ""])
    with pytest.raises(Refusal, match=rf"^in\.csv, row 4: .*{why}.*--bad-rows skip"):
        read(path, content)
    raw = read(path, content, **SKIP)
    assert cells(raw) == READINGS
    assert raw.origin.rows.tolist() == [2, 3, 5, 6, 7, 8]
    said = raw.bad_rows.lines()
    assert said[0] == "1 bad row left out:"
    assert said[1].startswith("in.csv, row 4: ")
    assert why in said[1]


def test_a_file_that_ends_within_a_row(path: Path) -> None:
    content = text("Time,A,B") + "2024-03-01 01:00,6"
    with pytest.raises(Refusal, match="row 8: the file ends within this row, after 2 cells"):
        read(path, content)
    assert cells(read(path, content, **SKIP)) == READINGS
    # With its line end the row is whole and short.
    raw = read(path, content + "\n")
    assert raw.height == 7
    assert raw.notes == ["1 row shorter than the header (first: row 8, 2 of 3 cells): what they lack is missing"]


@pytest.mark.parametrize("block", [1 << 24, 400])
def test_rows_are_cut_as_the_csv_module_cuts_them(path: Path, block: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rows_module, "_BLOCK", block)
    random = np.random.default_rng(5)
    odd = ['5" pipe', "a, b", 'say ""x""', "two\nlines", 'end"', '"', "", "  x ", "three\r\n\nlines"]
    table = [
        [
            f"2024-03-01 {i // 60:02}:{i % 60:02}",
            f"{i}.5",
            odd[random.integers(len(odd))],
            odd[random.integers(len(odd))],
        ]
        for i in range(300)
    ]
    out = io.StringIO(newline="")
    csv.writer(out).writerows([["Time", "A", "B", "C"], *table])
    raw = read(path, out.getvalue())
    expected = [[" ".join(cell.split()) for cell in row] for row in table]
    assert [[" ".join((cell or "").split()) for cell in row] for row in cells(raw)] == expected
    assert raw.origin.rows.tolist() == list(range(2, 302))


def test_marks_within_cells(path: Path) -> None:
    lines = ['2024-03-01 01:00,1,5" pipe', '2024-03-01 01:10,1,5" x 6"', '2024-03-01 01:20,1, "a, b"']
    raw = read(path, text("Time,A,B") + "\n".join(lines) + "\n")
    assert raw.column("B").to_list()[-3:] == ['5" pipe', '5" x 6"', "a, b"]


def test_blank_rows_and_headers_that_come_again(path: Path) -> None:
    once = text("Time,A,B")
    raw = read(path, once + "\n,,\n" + once + '\n"", ,\n')
    assert cells(raw) == READINGS * 2
    assert raw.origin.rows.tolist() == [*range(2, 8), *range(11, 17)]
    assert raw.blank_rows == 4
    assert raw.notes == ["the header comes again in 1 row (first: row 10): left out"]


def test_an_empty_column_at_the_end(path: Path) -> None:
    raw = read(path, text("Time,A,B").replace("\n", ",\n").replace("B,", "B"))
    assert (cells(raw), raw.notes, raw.unnamed) == (READINGS, [], [])


# ---- encodings and separators ---------------------------------------------------------------------------------------

HEAD = "Zeit;Temp °C;Müller"


@pytest.mark.parametrize(
    ("encoding", "note"),
    [
        ("utf-8", []),
        ("utf-8-sig", []),
        ("utf-16", ["written in UTF-16"]),
        ("utf-16-le", ["written in UTF-16"]),
        ("utf-16-be", ["written in UTF-16"]),
        ("cp1252", ["not UTF-8: read as Windows-1252"]),
        ("latin-1", ["not UTF-8: read as Windows-1252"]),
    ],
)
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"], ids=["feed", "both", "return"])
def test_encodings(path: Path, encoding: str, note: list[str], end: str) -> None:
    raw = read(path, text(HEAD, separator=";", end=end).encode(encoding))
    assert raw.columns == HEAD.split(";")
    assert [[cell.strip() for cell in row if cell] for row in cells(raw)] == READINGS
    assert raw.notes == note


@pytest.mark.parametrize("encoding", ["cp850", "cp437", "mac-roman", "cp1250", "utf-16"])
def test_a_given_encoding(path: Path, encoding: str) -> None:
    header = "Zeit;Temp;Müller"
    raw = read(path, text(header, separator=";").encode(encoding), encoding=encoding)
    assert (raw.columns, cells(raw)) == (header.split(";"), READINGS)


def test_encodings_that_cannot_be(path: Path) -> None:
    with pytest.raises(Refusal, match="is written in UTF-32"):
        read(path, text(HEAD).encode("utf-32"))
    with pytest.raises(Refusal, match="--encoding utf-9: no such encoding"):
        read(path, text(HEAD), encoding="utf-9")
    with pytest.raises(Refusal, match=r"--encoding a.b: no such encoding"):
        read(path, text(HEAD), encoding="a\0b")
    with pytest.raises(Refusal, match=r"not begin with a mark of the byte order.*--encoding utf-16-le or utf-16-be"):
        read(path, text(HEAD).encode("utf-16-le"), encoding="utf-16")
    with pytest.raises(Refusal, match="is not 'ascii', as --encoding says: byte 0xc2"):
        read(path, text(HEAD), encoding="ascii")
    with pytest.raises(Refusal, match="is not a text file"):
        read(path, bytes(range(256)) * 4)


def test_damaged_letters_are_told(path: Path) -> None:
    raw = read(path, text(HEAD, separator=";").encode() + b"2024-03-01 01:00;\xff1;2\n")
    assert raw.columns == HEAD.split(";")
    assert raw.notes == ["1 byte not UTF-8, replaced by \ufffd"]


def test_null_characters_at_the_end(path: Path) -> None:
    raw = read(path, text("Time,A,B").encode() + bytes(5000))
    assert (cells(raw), raw.notes) == (READINGS, ["5,000 null characters at the end left out"])


@pytest.mark.parametrize(
    ("content", "separator"),
    [
        ("sep=;\n" + text("Time;A;B", separator=";"), ";"),
        ("sep=^\n" + text("Time^A^B", separator="^"), "^"),
        (text("Time              A     B", separator="   "), " "),
        (text("Time  A  B", separator="  "), " "),
        (text("Date Clock A B", separator=" "), " "),
        (text("Time A B", separator=" "), " "),
        (text("Report of pump 3", "Time A B", separator=" ", below="End of report"), " "),
        (text("Time  A  B", separator="  ").replace(".", ","), " "),
    ],
)
def test_separators(path: Path, content: str, separator: str) -> None:
    raw = read(path, content)
    expected = [[*row[0].split(), *row[1:]] for row in READINGS] if raw.columns[0] == "Date" else READINGS
    found = [[cell and cell.replace(",", ".") for cell in row] for row in cells(raw)]
    assert (found, raw.separator) == (expected, separator)


def test_columns_at_fixed_places(path: Path) -> None:
    table = [
        ["Time", "Bearing Temp", "B"],
        *([row[0], "" if place == 2 else row[1], row[2]] for place, row in enumerate(READINGS)),
    ]
    lines = ["Trend of pump 3", *(f"{a:<17}{b:>12} {c:>3}" for a, b, c in table), "End of report"]
    raw = read(path, "\n".join(lines) + "\n")
    assert raw.columns == table[0]
    assert [[cell or "" for cell in row] for row in cells(raw)] == table[1:]
    # A line that does not fit is one cell.
    odd = "2024-03-01 00:20 a word that is longer than a column"
    raw = read(path, "\n".join([*lines[:2], *lines[2:-1] * 50, odd, *lines[2:]]) + "\n")
    assert raw.column("Time")[300] == odd
    assert raw.height == 307


def test_a_decimal_comma_does_not_part_cells(path: Path) -> None:
    raw = read(path, "Zeit;A\n" + "".join(f"2024-03-01 00:{i:02};1,{i}\n" for i in range(20)))
    assert raw.columns == ["Zeit", "A"]
    assert raw.column("A")[19] == "1,19"


def test_blocks_hold_the_same_cells(path: Path) -> None:
    from acm_rs.files.bad_rows import BadRows
    from acm_rs.files.sources import open_sources
    from acm_rs.files.text import text_layout

    path.write_text(text("Title", "Time,A,B", ",°C,mm", below="End of report"))
    layout = text_layout(open_sources(path)[0], ReadOptions(), BadRows())
    parts = [layout.parse(block, ["B", "Time"]) for block in layout.blocks(40)]
    assert len(parts) > 2
    assert pl.concat(parts).equals(layout.frame().select("B", "Time"))


def test_remarks_behind_a_hash(path: Path) -> None:
    raw = read(path, b"# comment,1\n# time,Flow\n2024-03-01 00:00,1.5\n2024-03-01 00:01,2.5\n2024-03-01 00:02,3.5\n")
    assert (raw.columns, raw.about, raw.height) == (["time", "Flow"], {}, 3)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16-le"])
@pytest.mark.parametrize("ends", ["\n", "\r"])
@pytest.mark.parametrize("marks", [1, 2, 3])
def test_marks_of_the_byte_order_are_no_part_of_a_name(path: Path, encoding: str, ends: str, marks: int) -> None:
    content = "\ufeff" * marks + text("Time,A,B", end=ends)
    raw = read(path, content.encode(encoding))
    assert raw.columns == ["Time", "A", "B"]
    assert raw.height == len(READINGS)
