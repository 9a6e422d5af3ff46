"""Parquet, Feather and Arrow: what types become, and damage that must not pass."""

from __future__ import annotations

import io
import os
from collections.abc import Callable
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import acm_rs
import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from acm_rs.files import stored
from acm_rs.files.errors import Refusal
from acm_rs.files.options import ReadOptions
from acm_rs.files.parquet import Damaged, row_groups
from acm_rs.files.raw import RawTable, seconds
from acm_rs.files.reading import read_table
from acm_rs.files.table import load_sensors

ROWS = 300
TIMES = [datetime(2024, 3, 1) + timedelta(minutes=10 * i) for i in range(ROWS)]


def plant() -> pl.DataFrame:
    random = np.random.default_rng(11)
    sensors = {f"S{place}": np.round(random.normal(60, 3, ROWS), 2) for place in range(4)}
    return pl.DataFrame({"t": TIMES, **sensors, "state": ["on" if x > 0.1 else "off" for x in random.random(ROWS)]})


def polars_parquet(frame: pl.DataFrame, **how: object) -> bytes:
    out = io.BytesIO()
    frame.write_parquet(out, **how)  # type: ignore[arg-type]
    return out.getvalue()


def arrow_parquet(frame: pl.DataFrame, **how: object) -> bytes:
    out = io.BytesIO()
    pq.write_table(frame.to_arrow(), out, **how)
    return out.getvalue()


def pandas_parquet(frame: pl.DataFrame) -> bytes:
    out = io.BytesIO()
    frame.to_pandas().to_parquet(out)
    return out.getvalue()


def feather(frame: pl.DataFrame, **how: object) -> bytes:
    out = io.BytesIO()
    frame.write_ipc(out, **how)  # type: ignore[call-overload]
    return out.getvalue()


def stream(frame: pl.DataFrame) -> bytes:
    out = io.BytesIO()
    frame.write_ipc_stream(out)
    return out.getvalue()


# How it is written, and whether every damage to its readings shows.
WRITERS: dict[str, tuple[Callable[[pl.DataFrame], bytes], bool]] = {
    "zstd": (lambda frame: polars_parquet(frame, compression="zstd"), True),
    "snappy": (lambda frame: polars_parquet(frame, compression="snappy"), True),
    "plain": (lambda frame: polars_parquet(frame, compression="uncompressed"), True),
    "arrow's, groups of 100 rows": (lambda frame: arrow_parquet(frame, row_group_size=100, compression="none"), True),
    "with checksums, without extremes": (
        lambda frame: arrow_parquet(frame, write_page_checksum=True, write_statistics=False, compression="none"),
        True,
    ),
    "second kind of pages": (lambda frame: arrow_parquet(frame, data_page_version="2.0"), True),
    "feather": (lambda frame: feather(frame, compression="zstd"), False),
    "stream": (stream, False),
}


@pytest.fixture
def path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return Path("in.bin")


def read(path: Path, data: bytes) -> RawTable:
    path.write_bytes(data)
    return read_table(path)


@pytest.mark.parametrize("writer", WRITERS)
def test_whole_files_are_read(path: Path, writer: str) -> None:
    raw = read(path, WRITERS[writer][0](plant()))
    assert raw.frame.equals(plant())
    assert raw.notes == []


@pytest.mark.parametrize("writer", WRITERS)
def test_damage_is_an_error_and_never_a_shorter_table(
    path: Path, writer: str, capfd: pytest.CaptureFixture[str]
) -> None:
    write, shown = WRITERS[writer]
    good, random, said = write(plant()), np.random.default_rng(7), []
    for _ in range(25):
        place = int(random.integers(4, len(good) - 54))
        bad = good[:place] + random.bytes(50) + good[place + 50 :]
        try:
            raw = read(path, bad)
        except Refusal as refusal:
            said.append(str(refusal))
            continue
        assert raw.height == ROWS
        # What is not refused is whole where the file says enough of itself; names of a footer may be other ones.
        assert not shown or raw.frame.equals(plant()) or raw.columns != plant().columns
    assert len(said) > (20 if shown else 5)
    assert [line for line in said if "is a damaged" not in line or "\n" in line] == []
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("writer", WRITERS)
def test_what_is_cut_off_is_refused(path: Path, writer: str) -> None:
    good = WRITERS[writer][0](plant())
    for size in [12, 60, *range(len(good) // 3, len(good), len(good) // 7), len(good) - 1]:
        with pytest.raises(Refusal, match=r"in\.bin is a damaged"):
            read(path, good[:size])


@pytest.mark.parametrize("said", ["Cannot allocate memory (os error 12)", "mapping failed (os error 1455)"])
def test_missing_memory_is_no_damage(path: Path, said: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_file: stored.StoredFile) -> pl.DataFrame:
        raise pl.exceptions.ComputeError(said)

    monkeypatch.setattr(stored.StoredFile, "_everything", full)
    with pytest.raises(MemoryError, match=r"in\.bin needs more than there is: .*os error"):
        read(path, polars_parquet(plant()))


def test_extremes_of_long_texts(path: Path) -> None:
    frame = pl.DataFrame({"t": TIMES[:3], "remark": [letter * 200_000 for letter in "abc"], "A": [1.0, 2.0, 3.0]})
    for data in (
        polars_parquet(frame, statistics="full"),
        arrow_parquet(frame, use_dictionary=False),
        pandas_parquet(frame),
    ):
        assert read(path, data).frame.select("remark", "A").equals(frame.select("remark", "A"))


def test_a_footer_of_more_rows_than_there_are(path: Path) -> None:
    good = polars_parquet(plant())
    path.write_bytes(good)
    assert [group.rows for group in row_groups(path)] == [ROWS]
    length = int.from_bytes(good[-8:-4], "little")
    path.write_bytes(good[:-8] + (length + 10**6).to_bytes(4, "little") + b"PAR1")
    with pytest.raises(Damaged, match="its footer is longer than the file"):
        row_groups(path)


def test_a_panic_is_an_error_in_one_line(capfd: pytest.CaptureFixture[str]) -> None:
    class PanicException(BaseException):
        pass

    def panics() -> None:
        os.write(2, b"before\n")
        os.write(2, b"\nthread '<unnamed>' (7) panicked at src/lib.rs:7:9:\nindex\nout of range\nnote: run with")
        os.write(2, b" `RUST_BACKTRACE=1` environment variable to display a backtrace\nafter\n")
        raise PanicException("index out of range")

    with pytest.raises(Damaged, match="index out of range"):
        stored.unbroken(panics)
    assert capfd.readouterr().err == "before\nafter\n"

    def stopped() -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        stored.unbroken(stopped)


# ---- types ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("write", [polars_parquet, feather, stream], ids=["parquet", "feather", "stream"])
def test_types(path: Path, write: Callable[[pl.DataFrame], bytes]) -> None:
    frame = pl.DataFrame(
        {
            "t": pl.Series(TIMES[:3]).dt.replace_time_zone("Europe/Berlin"),
            "pump": [{"flow": 1.5, "in": {"p": 2.5}}, {"flow": None, "in": {"p": 3.5}}, None],
            "parts": [[1], [2], [3]],
            "state": pl.Series(["on", "off", None], dtype=pl.Categorical),
            "level": pl.Series(["low", "high", "low"], dtype=pl.Enum(["low", "high"])),
            "exact": pl.Series([Decimal("60.1"), None, Decimal("0.3")], dtype=pl.Decimal(20, 10)),
            "ran": [timedelta(seconds=90), None, timedelta(milliseconds=1)],
            "Temp [°C]": pl.Series([1.5, 2.5, 3.5], dtype=pl.Float32),
        }
    )
    raw = read(path, write(frame))
    assert raw.columns == ["t", "pump.flow", "pump.in.p", "parts", "state", "level", "exact", "ran", "Temp [°C]"]
    assert raw.column("t")[0] == datetime(2024, 2, 29, 23, tzinfo=UTC)
    assert raw.column("pump.flow").to_list() == [1.5, None, None]
    assert raw.column("pump.in.p").to_list() == [2.5, 3.5, None]
    assert raw.column("state").to_list() == ["on", "off", None]
    assert raw.column("level").to_list() == ["low", "high", "low"]
    assert raw.column("exact").to_list() == [60.1, None, 0.3]
    assert seconds(raw.column("ran")).to_list() == [90.0, None, 0.001]
    assert raw.about["Temp [°C]"].unit == "°C"
    assert raw.notes == ["fields of 'pump' taken as columns", "durations in seconds: 'ran'"]


def test_decimals_are_the_nearest_floats(path: Path) -> None:
    random = np.random.default_rng(2)
    text = [f"{random.integers(-(10**9), 10**9)}.{random.integers(10**8):08}" for _ in range(500)]
    frame = pl.DataFrame({"x": pl.Series([Decimal(word) for word in text], dtype=pl.Decimal(30, 8))})
    assert read(path, polars_parquet(frame)).column("x").to_list() == [float(word) for word in text]


def test_a_date_and_a_time_of_day_are_one_clock(path: Path) -> None:
    days = [date(2024, 3, 1), date(2024, 3, 1), date(2024, 3, 2)]
    frame = pl.DataFrame({"day": days, "hour": [time(10), time(11, 30), time(1, 2, 3)], "A": [1.0, 2.0, 3.0]})
    path.write_bytes(polars_parquet(frame))
    table = load_sensors(path, ReadOptions())
    assert table.time is not None
    assert table.time.to_list() == [
        datetime(2024, 3, 1, 10),
        datetime(2024, 3, 1, 11, 30),
        datetime(2024, 3, 2, 1, 2, 3),
    ]


def test_an_index_of_pandas_is_the_clock(path: Path) -> None:
    frame = pd.DataFrame({"A": [1.0, 2.0]}, index=pd.DatetimeIndex(["2024-03-01", "2024-03-02"]))
    frame.to_parquet(path)
    table = load_sensors(path, ReadOptions())
    assert table.time is not None
    assert (table.time.name, table.sensors.columns) == ("time", ["A"])
    pd.DataFrame({"A": [1.0, 2.0]}, index=[7, 3]).to_parquet(path)
    assert load_sensors(path, ReadOptions()).sensors.columns == ["A"]


@pytest.mark.parametrize("unit", ["s", "ms", "us", "ns"])
def test_extremes_of_times_are_understood(path: Path, unit: str) -> None:
    table = pa.table(
        {
            "t": pa.array(np.arange(10), pa.timestamp(unit, "UTC")),
            "day": pa.array(range(10), pa.date32()),
            "old": pa.array([i * 86_400_000 for i in range(10)], pa.date64())
            if unit == "ms"
            else pa.array(np.arange(10), pa.duration(unit)),
            "u": pa.array([2**63 + i for i in range(10)], pa.uint64()),
            "w": pa.array(np.arange(10) + 2**31, pa.uint32()),
            "nan": pa.array([float("nan"), *range(9)], pa.float64()),
            "inf": pa.array([float("-inf"), *range(8), float("inf")], pa.float32()),
            "zero": pa.array([-0.0] * 10),
            "clock": pa.array(np.arange(10), pa.time64("us")),
            "none": pa.array([None] * 10, pa.float64()),
        }
    )
    out = io.BytesIO()
    pq.write_table(table, out)
    assert read(path, out.getvalue()).height == 10
    out = io.BytesIO()
    pq.write_table(table, out, use_deprecated_int96_timestamps=True, row_group_size=3)
    assert read(path, out.getvalue()).height == 10


def _durations(*columns: tuple[str, list[float]], **more: list[Any]) -> pl.DataFrame:
    return pl.DataFrame({**{name: [timedelta(seconds=value) for value in values] for name, values in columns}, **more})


def test_a_duration_that_never_falls_is_the_clock(path: Path) -> None:
    ran = [0.0, 0.5, 1.0, 2.0]
    path.write_bytes(polars_parquet(_durations(("el", ran), A=[5, 7, 6, 5])))
    table = load_sensors(path, ReadOptions())
    assert table.time is not None
    assert (table.time.name, table.time.to_list(), table.sensors.columns) == ("el", ran, ["A"])
    assert "column 'el' taken as the time: its durations run as a clock does" in table.notes
    assert acm_rs.read_table(path).columns == ["A"]


@pytest.mark.parametrize(
    "frame",
    [
        _durations(("el", [0.0, 2.0, 1.0, 3.0]), A=[5, 7, 6, 5]),
        _durations(("el", [2.0, 2.0, 2.0, 2.0]), A=[5, 7, 6, 5]),
        _durations(("el", [0.0, 1.0, 2.0, 3.0]), ("ran", [0.0, 0.0, 1.0, 1.0]), A=[5, 7, 6, 5]),
        _durations(("el", [0.0, 1.0, 2.0, 3.0]), day=[date(2024, 3, day) for day in range(1, 5)]),
    ],
    ids=["falls", "stands", "two", "beside"],
)
def test_other_durations_are_sensors_in_seconds(path: Path, frame: pl.DataFrame) -> None:
    path.write_bytes(polars_parquet(frame))
    table = load_sensors(path, ReadOptions())
    assert table.sensors["el"].to_list() == [delta.total_seconds() for delta in frame["el"]]
    assert not any("taken as the time" in note for note in table.notes)


def test_durations_of_other_units_are_joined(tmp_path: Path) -> None:
    times = [datetime(2024, 3, 1, hour) for hour in range(4)]
    for place, unit in enumerate(("ms", "ns")):
        frame = _durations(("ran", [3.0, 1.5, 2.0, 7.0]), time=[moment + timedelta(days=place) for moment in times])
        frame.with_columns(pl.col("ran").cast(pl.Duration(unit))).write_parquet(tmp_path / f"{place}.parquet")
    table = load_sensors(sorted(tmp_path.glob("*.parquet")), ReadOptions())
    assert table.sensors["ran"].to_list() == [3.0, 1.5, 2.0, 7.0] * 2


def test_reading_in_threads_leaves_standard_error_where_it_was(capfd: pytest.CaptureFixture[str]) -> None:
    first, second = stored._without_panic(), stored._without_panic()
    with first:
        second.__enter__()
        os.write(2, b"within\n")
    os.write(2, b"still within\n")
    assert capfd.readouterr().err == ""
    second.__exit__(None, None, None)
    os.write(2, b"after\n")
    assert capfd.readouterr().err == "within\nstill within\nafter\n"


def test_bytes_are_read_as_the_text_that_they_hold(tmp_path: Path) -> None:
    frame = plant()[::-1]
    texts = frame.with_columns(pl.col("t").dt.to_string(), pl.col("S0", "S1").cast(pl.String))
    path = tmp_path / "plant.parquet"
    path.write_bytes(polars_parquet(texts.with_columns(pl.col("t", "S0", "S1").cast(pl.Binary))))
    (tmp_path / "text.parquet").write_bytes(polars_parquet(texts))
    found = acm_rs.read_table(path)
    assert found["t"].to_list() == TIMES
    assert found.equals(acm_rs.read_table(tmp_path / "text.parquet"))
    # What is no text is no number either.
    path.write_bytes(polars_parquet(frame.with_columns(pl.Series("S0", [b"\x90\x12"] * ROWS))))
    assert "S0" not in acm_rs.read_table(path).columns


@pytest.mark.parametrize(
    "cells",
    [[b"\x90\x12"], [b"\0\0\x08\x41"], [b"4" * 4096], [b"1.5", b"2.5" * 40]],
    ids=["no text", "zeros", "long", "one is long"],
)
@pytest.mark.parametrize("late", [False, True])
def test_bytes_that_are_no_short_text_are_left_out_unread(
    tmp_path: Path, cells: list[bytes], late: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("acm_rs.files.stored._FIRST", 10)
    cells = [cells[row % len(cells)] for row in range(ROWS)]
    wave = [None if late and row < 20 else cell for row, cell in enumerate(cells)]
    path = tmp_path / "plant.parquet"
    path.write_bytes(polars_parquet(plant().with_columns(pl.Series("wave", wave))))
    raw = read_table(path)
    assert raw.column("wave").dtype == pl.Binary
    assert load_sensors(path, ReadOptions()).left_out["wave"] == "binary"


def test_bytes_that_are_no_text_spoil_no_cells_beside_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("acm_rs.files.stored._FIRST", 10)
    cells = [f"{row}.5".encode() for row in range(ROWS)]
    cells[-1] = b"\xff\xfe"
    path = tmp_path / "plant.parquet"
    path.write_bytes(polars_parquet(plant().with_columns(pl.Series("S0", cells)), row_group_size=50))
    raw = read_table(path)
    assert raw.column("S0").to_list() == [*(cell.decode() for cell in cells[:-1]), "0xfffe"]


def test_two_columns_of_one_name_are_no_damage(tmp_path: Path) -> None:
    table = pa.table([pa.array(TIMES), pa.array(range(ROWS)), pa.array(range(ROWS))], names=["t", "S0", "S0"])
    pq.write_table(table, tmp_path / "plant.parquet")
    with pytest.raises(ValueError, match=r"has two columns of one name: .*'S0'"):
        acm_rs.read_table(tmp_path / "plant.parquet")
