"""A header that comes again among the rows: the same is left out, another begins a table of other columns."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import acm_rs
import polars as pl
import pytest
from acm_rs.files import spool
from corpus_stored import sheet

HEAD = "Time,Flow,Temp"
UNITS = ",m³/h,°C"
ROWS = [f"2024-03-01 00:{minute:02d}:00,{10 + minute}.5,{60 + minute}.25" for minute in range(9)]
LATER = [f"2024-03-01 01:{minute:02d}:00,{10 + minute}.5,{60 + minute}.25" for minute in range(9)]
OTHERS = {
    "the same names in another order": ["Time,Temp,Flow"],
    "the time elsewhere": ["Flow,Time,Temp"],
    "in capitals": ["TIME,TEMP,FLOW"],
    "other names": ["Time,Pressure,Speed"],
    "the same names, other units": [HEAD, ",l/s,°F"],
}


def write(folder: Path, lines: list[str], kind: str = "csv") -> Path:
    path = folder / f"plant.{kind}"
    if kind == "csv":
        path.write_text("\n".join(lines) + "\n")
    else:
        path.write_bytes(sheet({"Data": [line.split(",") for line in lines]}))
    return path


@pytest.mark.parametrize("skip", ["refuse", "skip"])
@pytest.mark.parametrize("kind", ["csv", "xlsx"])
@pytest.mark.parametrize("other", OTHERS)
@pytest.mark.parametrize("large", [False, True])
def test_another_header_among_the_rows_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, other: str, kind: str, skip: Literal["refuse", "skip"], large: bool
) -> None:
    if large:
        monkeypatch.setattr(spool, "LARGE", 0)
        monkeypatch.setattr(spool, "_BLOCK", 200)
    path = write(tmp_path, [HEAD, UNITS, *ROWS, *OTHERS[other], *LATER], kind)
    row = 2 + len(ROWS) + len(OTHERS[other])
    with pytest.raises(ValueError, match=rf"row {row}: another header .* into a file of its own"):
        acm_rs.read_table(path, bad_rows=skip)


@pytest.mark.parametrize("kind", ["csv", "xlsx"])
@pytest.mark.parametrize("below", [[], [UNITS]], ids=["alone", "with its units"])
def test_the_same_header_is_left_out_with_the_rows_that_belong_to_it(
    tmp_path: Path, below: list[str], kind: str
) -> None:
    frame = acm_rs.read_table(write(tmp_path, [HEAD, UNITS, *ROWS, *LATER], kind))
    again, report = acm_rs.read_table(write(tmp_path, [HEAD, UNITS, *ROWS, HEAD, *below, *LATER], kind), report=True)
    assert again.equals(frame)
    assert any(note.startswith("the header comes again in 1 row (first: row 12)") for note in report.notes)


def test_titles_above_the_header_come_again_with_it(tmp_path: Path) -> None:
    above = ["# logger 3", "Trend of pump 3"]
    frame = acm_rs.read_table(write(tmp_path, [HEAD, *ROWS, *LATER]))
    again = acm_rs.read_table(write(tmp_path, [*above, HEAD, *ROWS, *above, HEAD, *LATER]))
    assert again.equals(frame)


def test_remarks_among_the_rows_are_left_out_where_there_are_some_above(tmp_path: Path) -> None:
    frame = acm_rs.read_table(write(tmp_path, [HEAD, *ROWS, *LATER]))
    path = write(tmp_path, ["# logger 3", HEAD, *ROWS, "# pump stopped, checked by Huber", *LATER])
    again, report = acm_rs.read_table(path, report=True)
    assert again.equals(frame)
    assert any("1 row of remarks that begin with #" in note and "row 12" in note for note in report.notes)
    # Where nothing tells that it is one it is refused.
    with pytest.raises(ValueError, match=r"row 11, .*'# pump stopped' is not a date"):
        acm_rs.read_table(write(tmp_path, [HEAD, *ROWS, "# pump stopped,1,2", *LATER]))
    # Rows with such a number are rows.
    numbered = [f"#{number},{row}" for number, row in enumerate([*ROWS, *LATER])]
    assert acm_rs.read_table(write(tmp_path, ["# logger 3", f"No,{HEAD}", *numbered])).equals(frame)


@pytest.mark.parametrize("block", [1 << 24, 60, 200])
def test_rows_that_begin_with_a_hash_are_rows_where_they_have_all_cells(
    tmp_path: Path, block: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("acm_rs.files.rows._BLOCK", block)
    readings = [
        (tag, k, 10 * n + k % 3) for n, tag in enumerate(("Boiler", "Tank", "#1 Pump", "Fan")) for k in range(9)
    ]
    rows = [f"{tag},2024-03-01 00:{k:02d}:00,{value}.5" for tag, k, value in readings]
    # A spreadsheet fills remarks up with empty cells.
    remarks = ["# restarted", "# checked, by Huber", "# full,,"]
    lines = ["# export", "Tag,Time,Value", *rows[:20], *remarks, *rows[20:]]
    table, report = acm_rs.read_table(write(tmp_path, lines), report=True)
    assert [table[tag].null_count() for tag in ("Boiler", "Tank", "#1 Pump", "Fan")] == [0, 0, 0, 0]
    assert any("3 rows of remarks that begin with #" in note and "row 23" in note for note in report.notes)


def test_rows_that_are_no_header_stay_bad_rows(tmp_path: Path) -> None:
    for bad in ("Stopped,,", "2024-03-01 00:30:00,Temp,61", ",revision,by Huber"):
        path = write(tmp_path, [HEAD, UNITS, *ROWS, bad, *LATER])
        with pytest.raises(ValueError, match=r"row 12, .* leaves such rows out"):
            acm_rs.read_table(path)
        assert acm_rs.read_table(path, bad_rows="skip").height == len(ROWS) + len(LATER)


def test_numbers_under_a_header_of_numbers_are_readings(tmp_path: Path) -> None:
    lines = ["Channel 1,Channel 2", "1,2", "3,4", "1,2", "5,6"]
    assert acm_rs.read_table(write(tmp_path, lines)).equals(
        pl.DataFrame({"Channel 1": [1.0, 3.0, 1.0, 5.0], "Channel 2": [2.0, 4.0, 2.0, 6.0]})
    )
