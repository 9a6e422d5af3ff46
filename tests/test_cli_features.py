"""``acm-rs features``: files in, files out, and everything that is refused."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from datetime import date, datetime, timedelta
from pathlib import Path

import acm_rs
import numpy as np
import polars as pl
import pytest
from acm_rs.cli import main
from acm_rs.files import pieces
from cli import Run, runner

START = datetime(2024, 1, 1)
STEP = timedelta(minutes=30)


@pytest.fixture(autouse=True)
def _in_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Run:
    return runner(capsys)


def history(rows: int = 60, seed: int = 5) -> pl.DataFrame:
    random = np.random.default_rng(seed)
    return pl.DataFrame(
        {
            "TS": [START + i * STEP for i in range(rows)],
            "Fan.A-1 Current": random.standard_normal(rows).cumsum() + 35,
            "B": random.random(rows) * 100,
        }
    )


def expected(frame: pl.DataFrame, window: int = 16) -> pl.DataFrame:
    columns = [name for name in frame.columns if name != "TS"]
    x = np.column_stack([frame[name].to_numpy().astype(float) for name in columns])
    return pl.DataFrame(acm_rs.feature_matrix(x, window), schema=acm_rs.feature_names(columns), nan_to_null=True)


def files() -> set[str]:
    return {path.name for path in Path().iterdir()}


def text(lines: list[str], header: str = "TS,A,B") -> str:
    return "\n".join([header, *lines]) + "\n"


def stamped(cells: list[str], header: str = "TS,A,B") -> str:
    return text([f"{START + i * STEP},{cell}" for i, cell in enumerate(cells)], header)


@pytest.mark.parametrize("source", ["in.csv", "in.parquet"])
@pytest.mark.parametrize("output", ["out.csv", "out.parquet", "OUT.PQ"])
def test_files_in_and_out(run: Run, source: str, output: str) -> None:
    frame = history()
    frame.write_csv(source) if source.endswith("csv") else frame.write_parquet(source)
    status, said, complained = run("features", source, "-o", output)
    assert (status, complained) == (0, "")
    made = pl.read_csv(output, try_parse_dates=True) if output.endswith("csv") else pl.read_parquet(output)
    assert made.columns == ["TS", *acm_rs.feature_names(["Fan.A-1 Current", "B"])]
    assert made["TS"].to_list() == frame["TS"].to_list()
    assert made.drop("TS").equals(expected(frame))
    assert "rows      60" in said
    assert "2024-01-01 00:00 to 2024-01-02 05:30" in said
    assert "30 min, every step" in said
    assert "22 (11 for each sensor, window 16 rows = 8 h)" in said
    assert files() == {source, output}


def test_means_and_medians_are_those_of_pandas(run: Run) -> None:
    frame = history()
    frame.write_csv("in.csv")
    assert run("features", "in.csv", "-o", "out.parquet", "--window", "5")[0] == 0
    made = pl.read_parquet("out.parquet")
    rolling = frame.drop("TS").to_dict(as_series=False)
    import pandas as pd

    windows = pd.DataFrame(rolling).rolling(5, min_periods=1)
    for name in rolling:
        np.testing.assert_allclose(made[f"{name}_mean"], windows.mean()[name], rtol=1e-12)
        np.testing.assert_array_equal(made[f"{name}_med"], windows.median()[name])


@pytest.mark.parametrize("window", ["16", "150", "8h", "1000h"])
@pytest.mark.parametrize("fill", [[], ["--fill", "median"]], ids=["gaps", "filled"])
@pytest.mark.parametrize("output", ["out.csv", "out.parquet"])
def test_where_rows_are_cut_changes_no_bit(
    run: Run, monkeypatch: pytest.MonkeyPatch, window: str, fill: list[str], output: str
) -> None:
    gaps = pl.when(pl.int_range(pl.len()) % 7 > 0).then(pl.col("B"))
    frame = history(200).with_columns([(gaps * k).sqrt().alias(f"C{k}") for k in range(1, 4)])
    frame.write_parquet("in.parquet")
    made = []
    for cells in (1, 3_000, 4_000_000):
        monkeypatch.setattr(pieces, "_GROUP_CELLS", cells)
        assert run("features", "in.parquet", "-o", output, "-w", window, *fill)[0] == 0
        made.append(pl.read_csv(output) if output.endswith("csv") else pl.read_parquet(output))
    assert made[0].equals(made[2])
    assert made[1].equals(made[2])


def test_windows_of_a_duration(run: Run) -> None:
    frame = history().filter(pl.int_range(pl.len()) % 5 != 3)
    frame.write_csv("in.csv")
    status, said, _ = run("features", "in.csv", "-o", "out.parquet", "-w", "90min")
    assert status == 0
    assert "window 1 h 30 min, slopes per second" in said
    x = frame.drop("TS").to_numpy()
    values = acm_rs.feature_matrix(x, "90min", times=frame["TS"].to_numpy())
    names = acm_rs.feature_names(["Fan.A-1 Current", "B"])
    assert pl.read_parquet("out.parquet").drop("TS").equals(pl.DataFrame(values, schema=names, nan_to_null=True))
    for same in ("5400s", "1.5h", "1h30min", "1h 30m", "5400000 ms"):
        assert run("features", "in.csv", "-o", "same.parquet", "-w", same)[0] == 0
        assert Path("same.parquet").read_bytes() == Path("out.parquet").read_bytes()


@pytest.mark.parametrize(
    ("window", "data", "words"),
    [
        ("2h", "A,B\n1.5,2\n", "in.csv has no times, so --window must be a number of rows"),
        ("2h", "time,B\n0,2\n1,3\n", "column 'time' is a running number and no time"),
        ("0h", "", "--window must be a number of rows such as 16, or a duration such as 90s"),
        ("1M", "", "got '1M'"),
        ("1h later", "", "got '1h later'"),
        ("-1h", "", "got '-1h'"),
        ("1e3", "", "got '1e3'"),
        ("9999999999d", "", "got '9999999999d'"),
    ],
)
def test_durations_refused(run: Run, window: str, data: str, words: str) -> None:
    Path("in.csv").write_text(data or "TS,B\n2024-01-01,2\n")
    status, said, complained = run("features", "in.csv", "-o", "out.csv", f"--window={window}")
    assert (status, said) == (2, "")
    assert words in complained
    assert files() == {"in.csv"}


def test_quiet_and_json(run: Run) -> None:
    lines = [f"{i},{'Bad' if i == 3 else i},x" for i in range(20)]
    Path("in.csv").write_text(stamped(lines, "TS,A,B,Word"))
    assert run("features", "in.csv", "-o", "out.csv", "-q") == (0, "", "")
    status, said, complained = run("features", "in.csv", "-o", "out.csv", "--json", "-w", "2h")
    assert (status, complained) == (0, "")
    told = json.loads(said)
    assert told["output"] == {"path": "out.csv", "bytes": Path("out.csv").stat().st_size, "replaced": True}
    assert told["features"] == acm_rs.feature_names(["A", "B"])
    assert told["window"] == {"seconds": 7200}
    assert told["empty"] == pl.read_csv("out.csv").select(pl.all().null_count()).sum_horizontal()[0]
    read = told["input"]
    assert (read["path"], read["rows"], read["sensors"], read["missing"]) == ("in.csv", 20, ["A", "B"], {"B": 1})
    assert read["time"]["column"] == "TS"
    assert (read["time"]["from"], read["time"]["to"]) == ("2024-01-01T00:00:00", "2024-01-01T09:30:00")
    assert (read["time"]["step"], read["time"]["gaps"]) == (1800.0, 0)
    assert list(read["left_out"]) == ["Word"]


def test_standard_output_takes_the_table_and_nothing_else(run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    history().write_csv("in.csv")
    assert run("features", "in.csv", "-o", "out.csv", "-q") == (0, "", "")
    assert main(["features", "in.csv", "-o", "-"]) == 0
    said, told = capsys.readouterr()
    assert said == Path("out.csv").read_text()
    assert "rows      60" in told
    assert run("features", "in.csv", "-o", "-", "-q") == (0, said, "")
    status, said, complained = run("features", "in.csv", "-o", "-", "--json")
    assert (status, said) == (2, "")
    assert "cannot both be printed" in complained
    assert run("features", "none.csv", "-o", "-")[:2] == (1, "")
    assert "only tables go" in run("fit", "in.csv", "-o", "-")[2]
    assert files() == {"in.csv", "out.csv"}


def test_no_cell_of_csv_is_run_by_a_spreadsheet(run: Run) -> None:
    cells = ["-1.5,2,3,4,5"] * 4
    Path("in.csv").write_text(stamped(cells, "TS,=cmd|' /C calc'!A0,+x,@SUM(1),-y;=z,quiet"))
    assert run("features", "in.csv", "-o", "out.csv", "-w", "1")[0] == 0
    names = pl.read_csv("out.csv").columns
    assert names[1:6] == ["'=cmd|' /C calc'!A0_med", "'+x_med", "'@SUM(1)_med", "'-y;'=z_med", "quiet_med"]
    assert pl.read_csv("out.csv")[names[1]].to_list() == [-1.5] * 4
    assert run("features", "in.csv", "-o", "out.csv", "-w", "1", "--raw")[0] == 0
    assert pl.read_csv("out.csv").columns[1] == "=cmd|' /C calc'!A0_med"
    assert run("features", "in.csv", "-o", "out.parquet", "-w", "1")[0] == 0
    assert pl.read_parquet("out.parquet").columns[1] == "=cmd|' /C calc'!A0_med"


@pytest.mark.usefixtures("threads")
def test_threads_change_no_byte(run: Run) -> None:
    history().write_csv("in.csv")
    for count in ("1", "3"):
        status, said, _ = run("features", "in.csv", "-o", f"{count}.parquet", "--threads", count)
        assert status == 0
        assert f"on {count} thread" in said
    assert Path("1.parquet").read_bytes() == Path("3.parquet").read_bytes()


def test_mixed_dates_gaps_and_words(run: Run) -> None:
    lines = []
    for i in range(72):
        moment = datetime(2012, 5, 31) + i * STEP
        if 10 <= i < 14:
            continue
        spelled = f"{moment:%m-%d-%Y %H:%M}" if moment.day <= 12 else f"{moment.month}/{moment.day}/{moment:%Y %H:%M}"
        value = {20: "Bad", 21: "", 22: "No Data"}.get(i, f"{i}.5")
        lines.append(f"{spelled},{value},{i}")
    Path("in.csv").write_bytes(b"\xef\xbb\xbf" + text(lines).encode())
    status, said, _ = run("features", "in.csv", "-o", "out.parquet")
    assert status == 0
    times = pl.read_parquet("out.parquet")["TS"]
    assert times.to_list() == [datetime(2012, 5, 31) + i * STEP for i in range(72) if not 10 <= i < 14]
    assert "dates month first" in said
    assert "1, the longest 2 h 30 min after 2012-05-31 04:30; about 4 rows not there" in said
    assert "3 values (2.2 %), among them 1 'Bad', 1 'No Data'" in said or "1 'No Data', 1 'Bad'" in said
    assert "all but 1 of 67 steps" in said


def test_missing_values_are_left_out_or_filled_with_the_median(run: Run) -> None:
    values = [1.0, 2.0, 4.0, 8.0, 9.0]
    Path("in.csv").write_text(stamped(["1,1", "2,1", "Bad,1", "8,1", "9,1"]))
    assert run("features", "in.csv", "-o", "out.parquet", "-w", "2")[0] == 0
    made = pl.read_parquet("out.parquet")
    assert made["A_med"].to_list() == [1.0, 1.5, 2.0, 8.0, 8.5]
    assert made["A_std"].to_list() == [None, 0.5**0.5, None, None, 0.5**0.5]
    assert made["A_rz"].is_null().to_list() == [False, False, True, False, False]
    assert run("features", "in.csv", "-o", "out.parquet", "-w", "2", "--fill", "median")[0] == 0
    values[2] = 5.0
    made = pl.read_parquet("out.parquet")
    assert made["A_med"].to_list() == [1.0, 1.5, 3.5, 6.5, 8.5]
    assert not sum(made.null_count().row(0))


def test_nothing_of_the_future_stands_in_a_gap(run: Run) -> None:
    levels = ["60"] * 50 + ["90"] * 30
    levels[55] = levels[70] = ""
    Path("in.csv").write_text(stamped([f"{level}," for level in levels], "TS,A,B"))
    # A sensor that never measured stays only where it is asked for.
    asked = ("features", "in.csv", "-o", "out.csv", "-w", "5", "-c", "A,B")
    status, said, _ = run(*asked)
    assert status == 0
    rows = Path("out.csv").read_text().splitlines()
    header = rows[0].split(",")
    cells = [dict(zip(header, row.split(","), strict=True)) for row in rows[1:]]
    assert {row["A_med"] for row in cells[54:]} == {"90.0"}
    assert {row["A_std"] for row in cells[54:]} == {"0.0"}
    assert [number for number, row in enumerate(cells) if row["A_rz"] == ""] == [55, 70]
    assert {row["B_med"] for row in cells} == {""}
    assert "NaN" not in Path("out.csv").read_text()
    assert "2  A, 2 gaps, the longest 1 row" in said
    assert "80 (all)  B" in said
    assert "no values  1 sensor: B; all features empty" in said
    assert "empty      " in said
    status, said, _ = run(*asked, "--fill", "median")
    assert status == 0
    assert "82 values (51 %); filled with their sensor's median" in said
    assert "no values  1 sensor: B; all features empty" in said
    made = pl.read_csv("out.csv")
    assert made["A_rz"].null_count() == 0
    assert all(made[name].null_count() == 80 for name in made.columns if name.startswith("B_"))
    status, said, _ = run("features", "in.csv", "-o", "out.csv", "-w", "5", "--fill", "median")
    assert status == 0
    assert "never measured, left out: 'B'" in said
    assert "empty" not in said
    assert pl.read_csv("out.csv")["A_rz"][55] == -100.0


def test_gaps_are_told_by_sensor(run: Run) -> None:
    cells = [f"{i},{i}" for i in range(40)]
    for start, stop in ((0, 3), (7, 8), (20, 32)):
        cells[start:stop] = [f",{i}" for i in range(start, stop)]
    cells[39] = "39,inf"
    names = [f"S{i}" for i in range(12)]
    rows = [cell + "," * len(names) for cell in cells]
    Path("in.csv").write_text(stamped(rows, f"TS,A,B,{','.join(names)}"))
    status, said, _ = run("features", "in.csv", "-o", "out.parquet")
    assert status == 0
    assert "left out" in said
    assert "never measured, left out: 'S0', 'S1', 'S2', 'S3', 'S4', 'S5' and 6 more" in said
    assert run("features", "in.csv", "-o", "out.parquet", "-c", "A,B")[0] == 0
    said = run("features", "in.csv", "-o", "out.parquet", "-c", "A,B")[1]
    assert "16  A, 3 gaps, the longest 12 rows" in said
    assert "1  B, one gap of 1 row" in said


@pytest.mark.parametrize("kind", ["reversed", "shuffled", "repeated"])
def test_rows_are_put_in_order(run: Run, kind: str) -> None:
    frame = history()
    if kind == "reversed":
        mixed, words = frame.reverse(), "newest row first in the file"
    elif kind == "shuffled":
        mixed, words = frame.sample(fraction=1, shuffle=True, seed=3), "it ran backwards at"
    else:
        first = frame[:20].with_columns(pl.lit(-1.0).alias("B"))
        mixed, words = pl.concat([first, frame]).sort("TS", maintain_order=True), "20 rows left out, the last"
    mixed.write_csv("in.csv")
    status, said, _ = run("features", "in.csv", "-o", "out.parquet")
    assert status == 0
    assert words in said
    made = pl.read_parquet("out.parquet")
    assert made["TS"].to_list() == frame["TS"].to_list()
    assert made.drop("TS").equals(expected(frame))


def test_semicolons_commas_and_dotted_dates(run: Run) -> None:
    rows = [f"{START + i * STEP:%d.%m.%Y %H:%M};{i},5;1.{i:03},25" for i in range(100)]
    Path("in.csv").write_bytes(text(rows, "Datum;Druck;T °C").encode("cp1252"))
    status, said, _ = run("features", "in.csv", "-o", "out.parquet", "-w", "1")
    assert status == 0
    made = pl.read_parquet("out.parquet")
    assert made["Datum"].to_list() == [START + i * STEP for i in range(100)]
    assert made["Druck_med"].to_list() == [i + 0.5 for i in range(100)]
    assert made["T °C_mean"].to_list() == [1000 + i + 0.25 for i in range(100)]
    for note in ("Windows-1252", "semicolons", "decimal comma", "dates day first"):
        assert note in said


@pytest.mark.parametrize(
    ("change", "note"),
    [
        (lambda data: data.replace(b"\n", b"\r\n"), ""),
        (lambda data: data.replace(b"\n", b"\r"), ""),
        (lambda data: data.replace(b",", b"\t"), "tabs"),
        (lambda data: data.replace(b",", b"|"), "bars"),
        (lambda data: b"sep=;\n" + data.replace(b",", b";"), "semicolons"),
        (lambda data: data.decode().encode("utf-16"), "UTF-16"),
        (lambda data: b"\n\n" + data + b",,\n\n", "2 blank rows left out"),
        (lambda data: data.replace(b"\n", b",,\n"), ""),
        (lambda data: data.replace(b"TS,A,B", b'"TS"," A ","B"'), ""),
        (lambda data: data.rstrip(b"\n"), ""),
    ],
)
def test_shapes_of_csv(run: Run, change: Callable[[bytes], bytes], note: str) -> None:
    Path("in.csv").write_bytes(change(stamped([f"{i},{i * i}" for i in range(30)]).encode()))
    status, said, complained = run("features", "in.csv", "-o", "out.parquet", "-w", "1")
    assert (status, complained) == (0, "")
    made = pl.read_parquet("out.parquet")
    assert made["B_med"].to_list() == [float(i * i) for i in range(30)]
    assert made.columns[0] == "TS"
    assert note in said


def test_text_columns_and_quotes_are_left_out(run: Run) -> None:
    lines = [f'{START + i * STEP},5" pipe,{i}' for i in range(30)]
    Path("in.csv").write_text(text(lines, "TS,State,A"))
    status, said, _ = run("features", "in.csv", "-o", "out.parquet")
    assert status == 0
    assert "left out: 'State' (text)" in said
    assert pl.read_parquet("out.parquet").columns == ["TS", *acm_rs.feature_names(["A"])]


def test_short_rows_are_missing_at_their_end(run: Run) -> None:
    Path("in.csv").write_text(stamped(["1,2", "3", "5,6"]))
    status, said, _ = run("features", "in.csv", "-o", "out.parquet")
    assert status == 0
    assert "1 row shorter than the header (first: row 3, 2 of 3 cells)" in said
    assert "1 value (17 %)" in said


@pytest.mark.parametrize("choice", [["-c", "B,Fan.A-1 Current"], ["-c", "B", "--columns", "Fan.A-1 Current"]])
def test_columns_in_the_order_asked_for(run: Run, choice: list[str]) -> None:
    history().write_csv("in.csv")
    assert run("features", "in.csv", "-o", "out.parquet", *choice)[0] == 0
    assert pl.read_parquet("out.parquet").columns[1:] == acm_rs.feature_names(["B", "Fan.A-1 Current"])


def test_a_column_whose_name_holds_a_comma(run: Run) -> None:
    history().rename({"B": "Flow, left"}).write_csv("in.csv")
    assert run("features", "in.csv", "-o", "out.parquet", "-c", "Flow, left")[0] == 0
    assert pl.read_parquet("out.parquet").columns[1:] == acm_rs.feature_names(["Flow, left"])


@pytest.mark.parametrize(
    ("header", "cells", "name", "first"),
    [
        ("Date,Time,A", lambda i: f"{START + i * STEP:%Y-%m-%d,%H:%M},{i}", "Date", START),
        (",A", lambda i: f"{START + i * STEP},{i}", "time", START),
        ("A,Zeit", lambda i: f"{i},{START + i * STEP}", "Zeit", START),
        ("time,A", lambda i: f"{0.5 * i},{i}", "time", 0.0),
    ],
)
def test_the_clock_is_found(
    run: Run, header: str, cells: Callable[[int], str], name: str, first: datetime | float
) -> None:
    Path("in.csv").write_text(text([cells(i) for i in range(100)], header))
    assert run("features", "in.csv", "-o", "out.parquet")[0] == 0
    made = pl.read_parquet("out.parquet")
    assert made.columns == [name, *acm_rs.feature_names(["A"])]
    assert made[name][0] == first
    assert made[name].is_sorted()


def test_the_clock_may_be_named(run: Run) -> None:
    frame = history().with_columns((pl.col("TS") + timedelta(days=400)).alias("Entered"))
    frame.write_csv("in.csv")
    status, said, _ = run("features", "in.csv", "-o", "out.parquet", "--time-column", "Entered")
    assert status == 0
    assert pl.read_parquet("out.parquet")["Entered"].to_list() == frame["Entered"].to_list()
    assert "left out: 'TS' (times)" in said


def test_no_clock_keeps_the_order_of_the_file(run: Run) -> None:
    frame = history().drop("TS")
    frame.write_parquet("in.parquet")
    status, said, _ = run("features", "in.parquet", "-o", "out.parquet")
    assert status == 0
    assert "no time column found" in said
    assert pl.read_parquet("out.parquet").equals(expected(frame))


def test_types_of_parquet(run: Run) -> None:
    frame = pl.DataFrame(
        {
            "day": [date(2024, 1, 1) + timedelta(days=i) for i in range(5)],
            "count": pl.Series([1, 2, None, 4, 5], dtype=pl.Int16),
            "on": [True, False, True, True, None],
            "narrow": pl.Series([0.5, float("inf"), float("nan"), 1.5, 2.5], dtype=pl.Float32),
            "words": ["1.5", "Bad", "2", "3", "4"],
            "lists": [[1], [2], [3], [4], [5]],
            "nothing": [None] * 5,
        }
    )
    frame.write_parquet("in.parquet")
    status, said, _ = run("features", "in.parquet", "-o", "out.csv", "-w", "1")
    assert status == 0
    assert "'lists' (list" in said
    assert "never measured, left out: 'nothing'" in said
    made = pl.read_csv("out.csv", try_parse_dates=True)
    assert made["day"].to_list() == frame["day"].to_list()
    assert made["on_med"].to_list() == [1.0, 0.0, 1.0, 1.0, None]
    assert made["narrow_med"].to_list() == [0.5, None, None, 1.5, 2.5]
    assert not any(name.startswith("nothing") for name in made.columns)


@pytest.mark.parametrize("rows", [1, 2, 3])
def test_few_rows(run: Run, rows: int) -> None:
    history(rows).write_csv("in.csv")
    status, said, _ = run("features", "in.csv", "-o", "out.parquet", "-w", "9" * 30)
    assert status == 0
    assert "longer than the history" in said
    assert pl.read_parquet("out.parquet").height == rows


REFUSED: list[tuple[str, str | bytes, list[str], int, str]] = [
    ("empty", "", [], 1, "in.csv is empty"),
    ("blank", " \n\n", [], 1, "in.csv is empty"),
    ("header only", "TS,A\n", [], 1, "has column names but no rows"),
    ("no header", "2024-01-01,1\n2024-01-02,2\n", [], 1, "row 1: '2024-01-01' looks like data"),
    ("no header, numbers", "1,2\n3,4\n", [], 1, "row 1: '1' looks like data"),
    ("same name", "TS,A,A\n2024-01-01,1,2\n", [], 1, "row 1: columns 2 and 3 are both named 'A'"),
    ("word", stamped(["1,2", "3,4", "hot,5"]), [], 1, "in.csv, row 4, column 'A': 'hot' is not a number"),
    ("long row", stamped(["1,2", "1,2,3"]), [], 1, "row 3: 4 cells, but the header names 3 columns"),
    ("quote", stamped(["1,2", '"3,4', "5,6"]), [], 1, "row 3: not readable as CSV"),
    ("bytes", b"TS,A\n\x00\x01\x02", [], 1, "is not a text file"),
    ("sheet", b"PK\x03\x04rest", [], 1, "is a damaged zip archive"),
    ("packed", b"\x1f\x8b\x08rest", [], 1, "is a damaged gz file: it ends too early"),
    ("parquet", b"PAR1 but nothing else", [], 1, "is a damaged Parquet file"),
    ("only text", stamped(["ON,OFF"] * 3), [], 1, "has no column with numbers beside the time; left out: 'A' (text)"),
    ("only missing", stamped(["Bad,"] * 3), [], 1, "has no column with numbers beside the time"),
    ("unknown", stamped(["1,2"]), ["-c", "A,Bb"], 2, "has no column 'Bb'; did you mean 'B'?"),
    ("twice", stamped(["1,2"]), ["-c", "A", "-c", "A"], 2, "--columns names 'A' twice"),
    ("none", stamped(["1,2"]), ["-c", ","], 2, "--columns names no column"),
    ("clock", stamped(["1,2"]), ["-t", "Zeit"], 2, "has no column 'Zeit'; it has 'TS', 'A', 'B'"),
    ("clock as sensor", stamped(["1,2"]), ["-c", "TS", "-t", "TS"], 2, "cannot be a sensor too"),
    ("no clock", stamped(["ON,2"]), ["-t", "A"], 1, "row 2, column 'A': 'ON' is not a date"),
    ("day or month", text(["02/03/2024,1,2"]), [], 1, "say which with --date-order mdy or dmy"),
    ("one reading a row", text([f"2024-01-0{i // 5 + 1},{i},2" for i in range(20)]), [], 1, "row 2, column 'TS'"),
    ("name taken", "A_med,A\n2024-01-01,1\n", [], 1, "the time column is named 'A_med'"),
    ("window 0", stamped(["1,2"]), ["-w", "0"], 2, "--window"),
    ("window word", stamped(["1,2"]), ["-w", "two"], 2, "--window"),
    ("threads", stamped(["1,2"]), ["--threads", "0"], 2, "--threads"),
    ("option", stamped(["1,2"]), ["--speed"], 2, "--speed"),
    ("fill", stamped(["1,2"]), ["--fill", "mean"], 2, "--fill"),
]


@pytest.mark.parametrize(
    ("data", "options", "status", "words"), [case[1:] for case in REFUSED], ids=[c[0] for c in REFUSED]
)
def test_refused_in_one_line(run: Run, data: str | bytes, options: list[str], status: int, words: str) -> None:
    Path("in.csv").write_bytes(data if isinstance(data, bytes) else data.encode())
    got, said, complained = run("features", "in.csv", "-o", "out.parquet", *options)
    assert (got, said) == (status, "")
    assert complained.startswith("acm-rs: ")
    assert words in complained
    assert files() == {"in.csv"}


def test_every_cut_of_a_parquet_file_is_refused(run: Run) -> None:
    history(5).write_parquet("whole.parquet")
    data = Path("whole.parquet").read_bytes()
    for length in range(0, len(data), 97):
        Path("in.parquet").write_bytes(data[:length])
        status, _, complained = run("features", "in.parquet", "-o", "out.parquet")
        assert status == 1
        assert complained.startswith("acm-rs: in.parquet")


@pytest.mark.parametrize(
    ("output", "status", "words"),
    [
        ("out.xlsx", 2, "must end in .parquet or .csv"),
        ("out", 2, "must end in .parquet or .csv"),
        ("nowhere/out.csv", 1, "does not exist"),
        ("in.csv", 2, "is the input too"),
        ("./in.csv", 2, "is the input too"),
        ("folder.csv", 1, "is a folder"),
    ],
)
def test_outputs_refused(run: Run, output: str, status: int, words: str) -> None:
    history().write_csv("in.csv")
    Path("folder.csv").mkdir()
    before = Path("in.csv").read_bytes()
    got, _, complained = run("features", "in.csv", "-o", output)
    assert got == status
    assert words in complained
    assert Path("in.csv").read_bytes() == before


def test_inputs_that_are_no_file(run: Run) -> None:
    assert run("features", "none.csv", "-o", "out.csv")[2] == "acm-rs: none.csv: no such file\n"
    said = run("features", ".", "-o", "out.csv")[2]
    assert said == "acm-rs: . is a folder, not a file; name the files in it, such as *.csv\n"


@pytest.mark.parametrize("output", ["out.csv", "out.parquet"])
def test_a_failed_write_leaves_what_was_there(run: Run, output: str, monkeypatch: pytest.MonkeyPatch) -> None:
    history().write_csv("in.csv")
    Path(output).write_text("kept")

    def full(path: Path, *_: object) -> None:
        path.write_text("half a tab")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(pieces, "_write_csv", full)
    monkeypatch.setattr(pieces, "_write_parquet", full)
    status, _, complained = run("features", "in.csv", "-o", output)
    assert (status, complained) == (1, f"acm-rs: {output} cannot be written: No space left on device\n")
    assert Path(output).read_text() == "kept"
    assert files() == {"in.csv", output}


@pytest.mark.parametrize("error", [KeyboardInterrupt, MemoryError, ZeroDivisionError])
@pytest.mark.parametrize("output", ["out.csv", "out.parquet"])
def test_an_interrupted_write_leaves_nothing(
    run: Run, monkeypatch: pytest.MonkeyPatch, output: str, error: type[BaseException]
) -> None:
    history().write_csv("in.csv")
    monkeypatch.setattr(pieces, "_GROUP_CELLS", 100)
    whole, calls = acm_rs.feature_matrix, []

    def half(*given: object, **named: object) -> object:
        calls.append(given)
        if len(calls) > 2:
            raise error
        return whole(*given, **named)  # type: ignore[arg-type]

    monkeypatch.setattr(acm_rs, "feature_matrix", half)
    status, said, complained = run("features", "in.csv", "-o", output)
    words = {
        KeyboardInterrupt: (130, "acm-rs: interrupted, nothing written\n"),
        MemoryError: (1, "acm-rs: not enough memory: use fewer --columns\n"),
        ZeroDivisionError: (1, "acm-rs: ZeroDivisionError:  (unexpected; ACM_RS_TRACEBACK=1 shows where)\n"),
    }
    assert (status, said, complained) == (words[error][0], "", words[error][1])
    assert files() == {"in.csv"}


def test_no_permission(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    history().write_csv("in.csv")
    monkeypatch.setattr("os.access", lambda path, mode: mode != os.W_OK)
    assert run("features", "in.csv", "-o", "out.csv")[2] == "acm-rs: out.csv cannot be written: no permission\n"


@pytest.mark.skipif(os.name == "nt", reason="links need rights of their own on Windows")
def test_a_link_is_written_through(run: Run) -> None:
    history().write_csv("in.csv")
    Path("real.parquet").write_text("old")
    Path("link.parquet").symlink_to("real.parquet")
    status, said, _ = run("features", "in.csv", "-o", "link.parquet")
    assert status == 0
    assert "replaced" in said
    assert Path("link.parquet").is_symlink()
    assert pl.read_parquet("real.parquet").height == 60


def test_names_that_would_steer_a_terminal(run: Run) -> None:
    Path("in.csv").write_text(text([f"{START + i * STEP},{i},x" for i in range(5)], "TS,A\x1b[31m,[bold]"))
    status, said, _ = run("features", "in.csv", "-o", "out.parquet")
    assert status == 0
    assert "'[bold]' (text)" in said


def test_unexpected_errors_are_one_line_too(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    history().write_csv("in.csv")
    for error, words in (
        (ZeroDivisionError("by what\nno one knows"), "ZeroDivisionError: by what (unexpected"),
        (MemoryError(), "not enough memory: use fewer --columns"),
    ):

        def fail(*_: object, error: BaseException = error, **__: object) -> None:
            raise error

        monkeypatch.setattr(acm_rs, "feature_matrix", fail)
        status, _, complained = run("features", "in.csv", "-o", "out.parquet")
        assert status == 1
        assert words in complained
    assert files() == {"in.csv"}


def test_nothing_is_left_by_a_thread_that_outlives_the_failure() -> None:
    def fails() -> Iterator[pl.DataFrame]:
        raise ZeroDivisionError
        yield

    for _ in range(200):
        with pytest.raises(ZeroDivisionError):
            pieces.write_pieces(Path("out.parquet"), pl.DataFrame(), ["a"], fails())
    assert files() == set()
