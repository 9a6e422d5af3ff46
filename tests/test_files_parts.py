"""Times that stand in several columns: parts of the date, hours, hours and minutes run together."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path

import polars as pl
import pytest
from acm_rs.files.errors import Refusal
from acm_rs.files.options import ReadOptions
from acm_rs.files.table import SensorTable, load_sensors

ROWS = 60
START = datetime(2024, 2, 28)
MOMENTS = [START + i * timedelta(hours=1) for i in range(ROWS)]
HALVES = [START + i * timedelta(minutes=30) for i in range(ROWS)]


def load(path: Path, lines: list[str], **options: object) -> SensorTable:
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return load_sensors(path, ReadOptions(**options))  # type: ignore[arg-type]


def ending(moment: datetime, form: str) -> str:
    """The hour that ends then, 1 to 24, of its day."""
    before = moment - timedelta(hours=1)
    return f"{before.strftime(form)},{before.hour + 1}"


def hhmm(moment: datetime) -> str:
    return f"{moment.hour * 100 + moment.minute}"


Cells = Callable[[datetime], str]

IN_PARTS: list[tuple[str, Cells, list[datetime]]] = [
    ("YY,MM,DD,hh,mm", lambda m: f"{m:%Y,%m,%d,%H,%M}", HALVES),
    ("YY,MM,DD,hh,mm", lambda m: f"{m:%y,%m,%d,%H,%M}", HALVES),
    ("yr,mo,dy,hr,mn", lambda m: f"{m:%Y},{m.month},{m.day},{m.hour},{m.minute}", HALVES),
    ("Year,Month,Day,Hours,Minutes", lambda m: f"{m:%Y,%b,%d,%H,%M}", HALVES),
    ("year,day,hour", lambda m: f"{m.year},{m.timetuple().tm_yday},{m.hour}", MOMENTS),
    ("Year,DOY,HHMM", lambda m: f"{m.year},{m.timetuple().tm_yday},{hhmm(m)}", HALVES),
    ("Year,Month,Day,Time", lambda m: f"{m:%Y,%m,%d,%H:%M}", HALVES),
    ("DD,MM,YYYY,hh,mm", lambda m: f"{m:%d,%m,%Y,%H,%M}", HALVES),
    ("Date,Hour", lambda m: f"{m:%Y-%m-%d},{m.hour}", MOMENTS),
    ("Date,Heure", lambda m: f"{m:%d/%m/%Y},{m.hour}", MOMENTS),
    ("Date,Hour", lambda m: ending(m, "%Y-%m-%d"), MOMENTS),
    ("Date,Hour Ending", lambda m: ending(m, "%Y-%m-%d"), MOMENTS),
    ("Date,HE", lambda m: ending(m, "%Y%m%d"), MOMENTS),
    ("Date,Hour,Minute", lambda m: f"{m:%Y-%m-%d},{m.hour},{m.minute}", HALVES),
    ("date,hhmm", lambda m: f"{m:%Y%m%d},{hhmm(m)}", HALVES),
    ("Date,Time", lambda m: f"{m:%Y-%m-%d},{m.hour}", MOMENTS),
    ("Date,Hour", lambda m: f"{m:%Y-%m-%d},{hhmm(m)}", HALVES),
    ("Fecha,Hora", lambda m: f"{m:%Y-%m-%d},{(m.hour * 60 + m.minute) / 1440:.6f}", HALVES),
]


@pytest.mark.parametrize("newest_first", [False, True])
@pytest.mark.parametrize(
    ("header", "cells", "moments"), IN_PARTS, ids=[f"{i} {header}" for i, (header, _, _) in enumerate(IN_PARTS)]
)
def test_a_time_in_parts_is_read(
    tmp_path: Path, header: str, cells: Cells, moments: list[datetime], newest_first: bool
) -> None:
    lines = [f"{cells(moment)},{i * i % 101}.5" for i, moment in enumerate(moments)]
    table = load(tmp_path / "in.csv", [f"{header},Flow", *(lines[::-1] if newest_first else lines)])
    assert table.time is not None
    assert table.time.to_list() == moments
    assert table.sensors.columns == ["Flow"]
    assert table.sensors["Flow"].to_list() == [i * i % 101 + 0.5 for i in range(ROWS)]
    assert all(name in table.time_note for name in header.split(",")[1:])


@pytest.mark.parametrize("blanks", [" ", "  "])
def test_the_form_of_buoys_with_a_row_of_units(tmp_path: Path, blanks: str) -> None:
    lines = [f"{m:%Y %m %d %H %M}{blanks}{i % 7}.5 {1000 + i * i % 11}.1 {i % 4}" for i, m in enumerate(HALVES)][::-1]
    header = [f"#YY  MM DD hh mm WSPD{blanks}PRES DPD", f"#yr  mo dy hr mn m/s  {blanks}hPa sec"]
    table = load(tmp_path / "in.txt", [*header, *lines])
    assert table.time is not None
    assert table.time.to_list() == HALVES
    assert table.sensors.columns == ["WSPD", "PRES", "DPD"]
    assert [table.about[name].unit for name in table.sensors.columns] == ["m/s", "hPa", "sec"]


def test_months_without_days(tmp_path: Path) -> None:
    lines = [f"{2020 + i // 12},{i % 12 + 1},{i * i % 101}" for i in range(ROWS)][::-1]
    table = load(tmp_path / "in.csv", ["Year,Month,Flow", *lines])
    assert table.time is not None
    assert table.time.to_list() == [datetime(2020 + i // 12, i % 12 + 1, 1) for i in range(ROWS)]


def test_midnight_at_the_end_of_the_day_run_together(tmp_path: Path) -> None:
    lines = [
        f"{m - timedelta(minutes=1):%Y-%m-%d},{hhmm(m) if hhmm(m) != '0' else '2400'},1.{i}"
        for i, m in enumerate(HALVES)
    ]
    table = load(tmp_path / "in.csv", ["Date,Time,Flow", *lines])
    assert table.time is not None
    assert table.time.to_list() == HALVES


@pytest.mark.parametrize(
    ("header", "cells"),
    [
        ("Month,Day,Hour", lambda m: f"{m.month},{m.day},{m.hour}"),
        ("Day,Hour", lambda m: f"{m.day},{m.hour}"),
        ("Year,DOY", lambda m: f"{m.year},{m.timetuple().tm_yday + m.hour / 24:.4f}"),
        ("Year,Hour", lambda m: f"{m.year},{m.hour}"),
    ],
)
def test_parts_that_make_no_time_are_refused_with_the_way_on(tmp_path: Path, header: str, cells: Cells) -> None:
    lines = [f"{header},Flow", *(f"{cells(m)},{i * i % 101}" for i, m in enumerate(MOMENTS))]
    with pytest.raises(Refusal, match=r"hold parts of the time, which do not make a whole one.*--exclude"):
        load(tmp_path / "in.csv", lines)
    assert load(tmp_path / "in.csv", lines, exclude=header.split(",")).sensors.columns == ["Flow"]


def test_days_that_come_again_tell_how_hours_are_named(tmp_path: Path) -> None:
    lines = [f"{m:%Y-%m-%d},{m.hour},{i * i % 101}" for i, m in enumerate(MOMENTS)]
    with pytest.raises(Refusal, match="one column named Time, Hour or hhmm"):
        load(tmp_path / "in.csv", ["Date,Position,Flow", *lines])


def test_what_only_has_the_name_of_an_hour_stays_a_sensor(tmp_path: Path) -> None:
    days = [START + i * timedelta(days=1) for i in range(ROWS)]
    table = load(
        tmp_path / "in.csv", ["Date,Hour,Flow", *(f"{m:%Y-%m-%d},{i % 5 + 9},1.{i}" for i, m in enumerate(days))]
    )
    assert table.sensors.columns == ["Hour", "Flow"]
    lines = [f"{m:%Y-%m-%d},{m.hour},{i % 7},{i % 7 + 20}" for i, m in enumerate(MOMENTS)]
    table = load(tmp_path / "in.csv", ["Date,Hour,min,max", *lines])
    assert table.sensors.columns == ["min", "max"]
    assert table.time is not None
    assert table.time.to_list() == MOMENTS


def test_a_whole_time_counts_more_than_its_parts(tmp_path: Path) -> None:
    lines = [f"{m:%Y-%m-%d},{m.hour},{m:%Y-%m-%d %H:%M},1.{i},2.{i}" for i, m in enumerate(HALVES)]
    table = load(tmp_path / "in.csv", ["Date,Hour,Stamp,Flow,Load", *lines])
    assert table.time is not None
    assert table.time.to_list() == HALVES


@pytest.mark.parametrize("chosen", ["Year", "Hour"])
def test_parts_chosen_by_one_of_them(tmp_path: Path, chosen: str) -> None:
    lines = [f"{m:%Y},{m.month},{m.day},{m.hour},1.{i}" for i, m in enumerate(MOMENTS)]
    table = load(tmp_path / "in.csv", ["Year,Month,Day,Hour,Flow", *lines], time_column=chosen)
    assert table.time is not None
    assert table.time.to_list() == MOMENTS


def test_parts_as_stored(tmp_path: Path) -> None:
    frame = pl.DataFrame({"m": MOMENTS}).select(
        pl.col("m").dt.year().alias("year"),
        pl.col("m").dt.ordinal_day().alias("doy"),
        pl.col("m").dt.hour().cast(pl.Float64).alias("hour"),
        pl.int_range(ROWS).cast(pl.Float64).sqrt().alias("Flow"),
    )
    frame.reverse().write_parquet(tmp_path / "in.parquet")
    table = load_sensors(tmp_path / "in.parquet", ReadOptions())
    assert table.time is not None
    assert table.time.to_list() == MOMENTS


@pytest.mark.parametrize("name", ["HE", "Hour Ending", "Hour"])
@pytest.mark.parametrize("day", [1, 20])
def test_an_hour_25_is_refused_and_makes_no_minutes_of_the_others(tmp_path: Path, name: str, day: int) -> None:
    lines = []
    for k in range(30):
        hours = range(1, 26 if k == day else 25)
        lines += [f"{START + k * timedelta(days=1):%Y-%m-%d},{hour},{(k + hour) % 7}.5" for hour in hours]
    with pytest.raises(Refusal, match=r"25:00|one column named Time, Hour or hhmm"):
        load(tmp_path / "in.csv", [f"Date,{name},Flow", *lines])


def test_seconds_with_a_fraction(tmp_path: Path) -> None:
    moments = [START + i * timedelta(seconds=0.5) for i in range(ROWS)]
    cells = [f"{m.year},{m.month},{m.day},{m.hour},{m.minute},{m.second + m.microsecond / 1e6:g}" for m in moments]
    lines = [f"{cell},{i * i % 101}.5" for i, cell in enumerate(cells)]
    table = load(tmp_path / "in.csv", ["Year,Month,Day,Hour,Minute,Second,Flow", *lines])
    assert table.time is not None
    assert table.time.to_list() == moments


def test_helium_and_molybdenum_are_no_hours_and_months(tmp_path: Path) -> None:
    lines = [f"{i * i % 11 + 0.25},{i * i % 7 + 1.5},{i % 5}" for i in range(ROWS)]
    assert load(tmp_path / "in.csv", ["He,Mo,Flow", *lines]).sensors.columns == ["He", "Mo", "Flow"]


@pytest.mark.parametrize("rows", [1, 5])
def test_an_hour_beside_single_days(tmp_path: Path, rows: int) -> None:
    days = [START + timedelta(days=i, hours=6) for i in range(rows)]
    table = load(tmp_path / "in.csv", ["Date,Hour,Flow", *(f"{m:%Y-%m-%d},{m.hour},{i}.5" for i, m in enumerate(days))])
    assert table.time is not None
    assert table.time.to_list() == days
