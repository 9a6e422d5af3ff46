"""``acm_rs.read_table``: files as plants have them, asked for from Python."""

from __future__ import annotations

import inspect
import subprocess
import sys
from dataclasses import fields
from pathlib import Path
from typing import Any

import acm_rs
import polars as pl
import pytest
from acm_rs.files.errors import Refusal
from acm_rs.files.front import read_table
from acm_rs.files.options import ReadOptions

DATA = "TS,Druck,State\n2024-05-13 10:10,Bad,on\n2024-05-13 10:00,1.5,on\n2024-05-13 10:20,3,off\n"


@pytest.fixture(autouse=True)
def _in_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("in.csv").write_text(DATA)


def test_the_frame_has_the_time_first_and_sorted() -> None:
    frame = acm_rs.read_table("in.csv")
    assert frame.columns[:2] == ["TS", "Druck"]
    assert frame["TS"].dtype.is_temporal()
    assert frame["TS"].is_sorted()
    assert frame["Druck"].to_list() == [1.5, None, 3.0]
    assert frame["Druck"].dtype == pl.Float64
    again = [acm_rs.read_table(Path("in.csv")), acm_rs.read_table(["in.csv"])]
    assert all(frame.equals(other) for other in again)


def test_a_clock_that_counts_is_no_sensor() -> None:
    rows = "".join(f"{99.5 - i / 2},{i % 7},{(i % 7) * 2 + i % 3}\n" for i in range(200))
    Path("in.csv").write_text("Time [s],A,B\n" + rows)
    frame, report = acm_rs.read_table("in.csv", report=True)
    assert frame.columns == ["A", "B"]
    assert (report.time, report.times.to_list()) == ("Time [s]", [i / 2 for i in range(200)])
    assert frame["A"].to_list() == [float((199 - i) % 7) for i in range(200)]
    assert any("'Time [s]' counts and tells no date" in note for note in report.notes)
    assert set(acm_rs.Monitor().fit(frame).sensors_) == {"A", "B"}


def test_dates_are_times() -> None:
    Path("in.csv").write_text("Date,A\n2024-03-01,5\n2024-03-02,6\n")
    frame, report = acm_rs.read_table("in.csv", report=True)
    assert frame["Date"].dtype == pl.Datetime("us")
    assert report.times.len() == 2
    assert not any("counts" in note for note in report.notes)


def test_the_report_says_what_was_done() -> None:
    frame, report = acm_rs.read_table("in.csv", columns=["Druck"], report=True)
    assert frame.columns == ["TS", "Druck"]
    assert (report.path, report.rows, report.rows_read, report.time) == ("in.csv", 3, 3, "TS")
    assert report.missing == {"Druck": 1}
    assert any("sorted by time" in note for note in report.notes)
    text = str(report)
    assert text.startswith("in.csv: 3 rows")
    assert "column 'TS'" in text
    assert "sorted by time" in text
    assert "'Druck' 1" in text
    _, report = acm_rs.read_table("in.csv", report=True, missing=["3"])
    assert report.missing == {"Druck": 2}
    assert sum(report.changes[f"word {word}, missing"]["Druck"] for word in ("'Bad'", "'3'")) == 2


def test_step_and_gaps_stand_in_the_report() -> None:
    Path("in.csv").write_text("TS,A\n2024-05-13 10:00,1\n2024-05-13 10:10,2\n2024-05-13 10:20,3\n2024-05-13 11:20,4\n")
    _, report = acm_rs.read_table("in.csv", report=True)
    assert (report.rhythm.step, report.rhythm.gaps, report.rhythm.longest, report.rhythm.lost) == (600.0, 1, 3600.0, 5)
    assert "gaps: 1, the longest 1 h after 2024-05-13 10:20" in str(report)
    Path("in.csv").write_text("A,B\n1,2\n3,4\n")
    assert acm_rs.read_table("in.csv", report=True)[1].rhythm is None


@pytest.mark.parametrize(("option", "value"), [("skip_rows", 1), ("encoding", "cp1252"), ("sheet", "1")])
def test_an_option_that_says_nothing_of_a_file_is_refused(option: str, value: object) -> None:
    pl.DataFrame({"time": [1, 2], "A": [1.0, 2.0]}).write_parquet("in.parquet")
    given: dict[str, Any] = {option: value}
    with pytest.raises(ValueError, match=rf"in\.parquet is no .*`{option}` says nothing of it"):
        acm_rs.read_table("in.parquet", **given)


def test_units_stand_in_the_report() -> None:
    Path("in.csv").write_text("TS,p [bar]\n2024-05-13 10:00,1.5 bar\n2024-05-13 10:10,1.6 bar\n")
    frame, report = acm_rs.read_table("in.csv", report=True)
    assert frame["p [bar]"].to_list() == [1.5, 1.6]
    assert report.about["p [bar]"].unit == "bar"


def test_several_files_are_joined() -> None:
    whole = acm_rs.read_table("in.csv")
    lines = DATA.splitlines(keepends=True)
    Path("part1.csv").write_text("".join(lines[:3]))
    Path("part2.csv").write_text(lines[0] + lines[3])
    assert acm_rs.read_table("part*.csv").drop("State", strict=False).equals(whole.drop("State", strict=False))


def test_a_monitor_takes_the_frame() -> None:
    rows = "".join(f"2024-05-{1 + i // 24:02} {i % 24:02}:00,{i % 7},{(i % 7) * 2 + i % 3}\n" for i in range(200))
    Path("in.csv").write_text("TS,A,B\n" + rows)
    monitor = acm_rs.Monitor().fit(acm_rs.read_table("in.csv"))
    assert set(monitor.sensors_) == {"A", "B"}


def test_its_arguments_are_the_options_of_reading() -> None:
    given = inspect.signature(read_table).parameters
    defaults = ReadOptions()
    for field in fields(ReadOptions):
        # The command line may let a command choose; Python says what it does.
        default = "auto" if field.name == "codes" else getattr(defaults, field.name)
        assert given[field.name].default == default, field.name


@pytest.mark.parametrize(
    ("given", "error", "words"),
    [
        ({"path": "none.csv"}, FileNotFoundError, "none.csv"),
        ({"path": ["in.csv", "none.csv"]}, FileNotFoundError, "none.csv"),
        ({"path": "none*.csv"}, ValueError, "no file matches"),
        ({"path": "."}, ValueError, "is a folder"),
        ({"path": 3}, TypeError, "`path` must be a path or a sequence of paths, got int"),
        ({"path": b"in.csv"}, TypeError, "`path`"),
        ({"path": ["in.csv", 3]}, TypeError, "`path`"),
        ({"columns": "Druck"}, TypeError, "`columns` must be a sequence of texts, got str; write ['Druck']"),
        ({"columns": [1]}, TypeError, "`columns` must be a sequence of texts, got list"),
        ({"columns": ["Drück"]}, ValueError, "has no column 'Drück'; did you mean 'Druck'?"),
        ({"time_column": 1}, TypeError, "`time_column` must be a text, got int"),
        ({"date_order": "ydm"}, ValueError, "`date_order` must be 'mdy' or 'dmy' or 'ymd', got 'ydm'"),
        ({"date_order": 1}, TypeError, "`date_order` must be a word, got int"),
        ({"decimal": ","}, ValueError, "`decimal` must be 'point' or 'comma', got ','"),
        ({"missing": "Bad"}, TypeError, "`missing` must be a sequence of texts"),
        ({"bad_rows": "keep"}, ValueError, "`bad_rows` must be 'refuse' or 'skip', got 'keep'"),
        ({"skip_rows": 1.5}, TypeError, "`skip_rows` must be a whole number, got float"),
        ({"skip_rows": -1}, ValueError, "`skip_rows` must be at least 0, got -1"),
    ],
    ids=str,
)
def test_what_is_wrong_is_said_of_the_argument(given: dict[str, Any], error: type[Exception], words: str) -> None:
    with pytest.raises(error) as raised:
        acm_rs.read_table(**{"path": "in.csv", **given})
    assert words in str(raised.value)
    assert not isinstance(raised.value, Refusal)


def test_refusals_name_arguments_in_place_of_options() -> None:
    Path("in.csv").write_text("TS,A\n02/03/2024 10:00,1\n")
    with pytest.raises(ValueError, match="`date_order`") as raised:
        acm_rs.read_table("in.csv")
    assert "in.csv, row 2, column 'TS'" in str(raised.value)
    assert "--" not in str(raised.value)


def test_without_polars_it_says_what_to_install() -> None:
    code = (
        "import sys; sys.modules['polars'] = None\n"
        "import acm_rs\n"
        "try:\n    acm_rs.read_table('in.csv')\n"
        "except ModuleNotFoundError as error:\n    print(error.name, error)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == 'polars read_table needs Polars: pip install "acm-rs[cli]"\n'
