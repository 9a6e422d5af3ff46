"""Options that have nothing to say of a table are told or refused."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Any

import acm_rs
import polars as pl
import pytest
import xlsxwriter
from acm_rs.files.cells import Decimal
from acm_rs.files.errors import Refusal
from acm_rs.files.levels import Uncertain
from acm_rs.files.options import Layout, ReadOptions
from acm_rs.files.table import load_sensors
from acm_rs.files.times import DateOrder

HOURS = [datetime(2024, 3, 4, hour) for hour in range(5)]
VALUES = [1.5, 2.5, 3.5, 4.5, 5.5]
SAID: dict[str, Any] = {
    "date_order": DateOrder.dmy,
    "timezone": "Europe/Berlin",
    "decimal": Decimal.point,
    "uncertain": Uncertain.missing,
}
NO_EFFECT = {
    "date_order": "--date-order had no effect: no date leaves its order open",
    "timezone": "--timezone had no effect: no date is without a zone",
    "decimal": "--decimal had no effect: no number is written as text",
    "uncertain": "--uncertain missing had no effect: no reading is flagged or marked",
}


def _file(folder: Path, kind: str) -> Path:
    file = folder / f"plant.{kind.rpartition(' ')[2]}"
    frame = pl.DataFrame({"time": HOURS, "A": VALUES})
    if kind == "parquet":
        frame.write_parquet(file)
    elif kind == "zoned parquet":
        frame.with_columns(pl.col("time").dt.replace_time_zone("Europe/Berlin")).write_parquet(file)
    elif kind == "text parquet":
        frame.with_columns(pl.all().cast(pl.String)).write_parquet(file)
    else:
        form = {"iso csv": "%Y-%m-%d %H:%M", "zoned csv": "%Y-%m-%d %H:%M+01:00", "open csv": "%d/%m/%Y %H:%M"}
        frame = frame.with_columns(pl.col("time").dt.strftime(form.get(kind, form["iso csv"])))
        if kind == "flagged csv":
            frame = frame.with_columns(pl.lit("Good").alias("A Quality"))
        if kind == "marked csv":
            marked = pl.col("A").cast(pl.String) + pl.when(pl.col("A") < 2).then(pl.lit("?")).otherwise(pl.lit(""))
            frame = frame.with_columns(marked)
        frame.write_csv(file)
    return file


@pytest.mark.parametrize(
    ("kind", "idle"),
    [
        ("parquet", ["date_order", "decimal", "uncertain"]),
        ("zoned parquet", ["date_order", "timezone", "decimal", "uncertain"]),
        ("text parquet", ["date_order", "uncertain"]),
        ("iso csv", ["date_order", "uncertain"]),
        ("zoned csv", ["date_order", "timezone", "uncertain"]),
        ("open csv", ["uncertain"]),
        ("flagged csv", ["date_order"]),
        ("marked csv", ["date_order"]),
    ],
)
def test_what_has_no_effect_is_told(tmp_path: Path, kind: str, idle: list[str]) -> None:
    file = _file(tmp_path, kind)
    table = load_sensors(file, ReadOptions(**SAID))
    assert [note for note in table.notes if "no effect" in note] == [NO_EFFECT[name] for name in idle]
    plain = load_sensors(file, ReadOptions(date_order=DateOrder.dmy) if kind == "open csv" else ReadOptions())
    assert not [note for note in plain.notes if "no effect" in note]
    for name in idle:
        # It is true: without them the table is the same.
        said = {other: value for other, value in SAID.items() if other != name}
        assert load_sensors(file, ReadOptions(**said)).frame.equals(table.frame)


def test_a_zone_tells_what_an_abbreviation_means(tmp_path: Path) -> None:
    file = tmp_path / "plant.csv"
    file.write_text("time,A\n2024-03-01 00:00 CST,1\n2024-03-01 00:10 CST,2\n")
    notes = load_sensors(file, ReadOptions(timezone="America/Chicago")).notes
    assert not [note for note in notes if "no effect" in note]


def test_good_without_a_quality_column_is_refused(tmp_path: Path) -> None:
    file = _file(tmp_path, "iso csv")
    with pytest.raises(Refusal, match="has no quality column: --good says nothing of it") as raised:
        load_sensors(file, ReadOptions(good=["192"]))
    assert raised.value.status == 2
    load_sensors(_file(tmp_path, "flagged csv"), ReadOptions(good=["Good"]))


def test_columns_of_the_long_layout_are_refused_in_a_wide_one(tmp_path: Path) -> None:
    file = _file(tmp_path, "iso csv")
    with pytest.raises(Refusal, match="--value-column 'A' is for the long layout"):
        load_sensors(file, ReadOptions(layout=Layout.wide, value_column="A"))


@pytest.mark.parametrize("codes", ["nan", "-9999,inf"])
def test_a_code_that_is_no_number_is_refused(tmp_path: Path, codes: str) -> None:
    with pytest.raises(Refusal, match="--codes must be auto, none or numbers"):
        load_sensors(_file(tmp_path, "iso csv"), ReadOptions(codes=codes))


def test_arguments_are_told_by_their_names(tmp_path: Path) -> None:
    _, report = acm_rs.read_table(_file(tmp_path, "parquet"), date_order="dmy", report=True)
    assert "`date_order` had no effect: no date leaves its order open" in report.notes


def write_workbook(file: Path, rows: list[list[str | float]]) -> None:
    book = xlsxwriter.Workbook(file)
    page = book.add_worksheet()
    for at, row in enumerate(rows):
        for column, cell in enumerate(row):
            page.write(at, column, cell)
    book.close()


def test_the_decimal_mark_is_one_of_text_cells_in_a_workbook(tmp_path: Path) -> None:
    file = tmp_path / "book.xlsx"
    rows: list[list[str | float]] = [
        ["time", "A", "B"],
        ["2024-03-01 00:00", 60.5, "1.234"],
        ["2024-03-01 00:10", 61.25, "60,5"],
    ]
    write_workbook(file, rows)
    table = load_sensors(file, ReadOptions(decimal=Decimal.comma))
    assert table.sensors.to_dict(as_series=False) == {"A": [60.5, 61.25], "B": [1234.0, 60.5]}
    write_workbook(file, [row[:2] for row in rows])
    assert NO_EFFECT["decimal"] in load_sensors(file, ReadOptions(decimal=Decimal.comma)).notes
