"""Files too large for memory: the same results as of small ones, to the byte."""

from __future__ import annotations

import gc
import gzip
import io
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path

import acm_rs
import numpy as np
import polars as pl
import pyarrow.parquet as pq
import pytest
from acm_rs.cli import main
from acm_rs.files import feature_table, memory, pieces, reading, spool, stored
from acm_rs.files.errors import Refusal
from acm_rs.files.options import ReadOptions
from acm_rs.files.table import SensorTable, load_sensors

START = datetime(2024, 3, 1)


@pytest.fixture(autouse=True)
def _in_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("tmp").mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "tmp"))


@pytest.fixture
def large(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Everything is large, a block has few rows."""
    monkeypatch.setattr(spool, "LARGE", 0)
    monkeypatch.setattr(spool, "_BLOCK", 500)
    monkeypatch.setattr(pieces, "_GROUP_CELLS", 200)
    monkeypatch.setattr(memory, "HELD", 0)
    monkeypatch.setattr(stored, "_AT_ONCE", 0)
    yield
    gc.collect()
    assert not list(Path("tmp").iterdir())


def history(rows: int = 60) -> list[str]:
    random = np.random.default_rng(9)
    lines = []
    for row in range(rows):
        a, b = random.normal(40, 5), random.normal(900, 9)
        lines.append(f"{START + row * timedelta(minutes=10)},{a:.3f},{b:.2f},run")
    return lines


def plain() -> str:
    return "\n".join(["TS,A,B,State", *history()]) + "\n"


def _shuffled() -> str:
    lines = history()
    return "\n".join(["TS,A,B,State", *(lines[i] for i in np.random.default_rng(2).permutation(len(lines)))])


def _words() -> str:
    lines = history()
    lines[50] = lines[50].replace(",run", ",stop")
    for row in (3, 47, 48):
        time, _, b, state = lines[row].split(",")
        lines[row] = f"{time},No Data,{b},{state}"
    return "\n".join(["TS,A,B,State", *lines])


def _late_comma() -> str:
    rows = [f"{START + row * timedelta(minutes=10):%d.%m.%Y %H:%M};{row + 1},500;{row}" for row in range(60)]
    return "\n".join(["Zeit;A;B", *rows, f"{START + timedelta(days=3):%d.%m.%Y %H:%M};7,25;8"])


def _quoted() -> str:
    lines = [
        f'"{line.split(",")[0]}","{row}","{row * 2}","say ""{row}"", please"' for row, line in enumerate(history())
    ]
    return "\n".join(['"TS","A","B","Remark"', *lines])


def _short_and_blank() -> str:
    lines = history()
    lines[20] = lines[20].rsplit(",", 2)[0]
    lines[40:40] = ["", ",,,", ""]
    return "\n".join(["TS,A,B,State", *lines])


def _long() -> str:
    rows = []
    for line in history():
        time, a, b, _ = line.split(",")
        rows += [f"{time},A,{a}", f"{time},B,{b}"]
    return "\n".join(["TS,Tag,Value", *rows])


def _flagged() -> str:
    flags = ["Bad" if row in (7, 51) else "Good" for row in range(60)]
    lines = [line.replace("run", flag) for line, flag in zip(history(), flags, strict=True)]
    return "\n".join(["TS,A,B,B Quality", *lines])


KINDS = {
    "long": _long(),
    "flags": _flagged(),
    "plain": plain(),
    "newest first": "\n".join(["TS,A,B,State", *history()[::-1]]),
    "shuffled": _shuffled(),
    "repeated": "\n".join(["TS,A,B,State", *history(), *history()[5:9]]),
    "words": _words(),
    "comma that decides late": _late_comma(),
    "quoted": _quoted(),
    "short and blank rows": _short_and_blank(),
    "windows line ends": plain().replace("\n", "\r\n"),
}


def same(one: SensorTable, other: SensorTable) -> bool:
    """Whether two readings are one, with all that is told."""
    clocks = one.time is not None and other.time is not None and one.time.equals(other.time)
    told = [
        (table.time_note, table.rows_read, table.notes, table.words, table.left_out, table.changes.by_reason())
        for table in (one, other)
    ]
    return clocks and one.sensors.equals(other.sensors) and told[0] == told[1]


@pytest.mark.parametrize("kind", KINDS)
def test_large_files_are_read_as_small_ones(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    options = ReadOptions(columns=["B", "A"] if kind == "quoted" else ())
    Path("in.csv").write_bytes(KINDS[kind].encode())
    small = load_sensors(Path("in.csv"), options)
    monkeypatch.setattr(spool, "LARGE", 0)
    for block in (500, 4_000):
        monkeypatch.setattr(spool, "_BLOCK", block)
        raw = reading.read_table(Path("in.csv"), options)
        assert isinstance(raw, spool.SpooledTable)
        assert len(raw.parts) > 1 or block == 4_000
        assert same(small, load_sensors(Path("in.csv"), options))


@pytest.mark.usefixtures("large")
def test_their_features_are_the_same_bytes(monkeypatch: pytest.MonkeyPatch) -> None:
    Path("in.csv").write_text(KINDS["words"])
    for output in ("out.csv", "out.parquet"):
        assert main(["features", "in.csv", "-o", output, "-q"]) == 0
        made = Path(output).read_bytes()
        with monkeypatch.context() as small:
            small.setattr(spool, "LARGE", 1 << 26)
            small.setattr(memory, "HELD", 1 << 28)
            assert main(["features", "in.csv", "-o", output, "-q"]) == 0
        assert Path(output).read_bytes() == made


@pytest.mark.usefixtures("large")
@pytest.mark.parametrize("more", [[], ["-w", "3h"], ["--fill", "median"]], ids=["rows", "time", "fill"])
def test_features_of_long_windows_are_made_some_sensors_at_a_time(
    more: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    Path("in.csv").write_text(KINDS["words"])
    call = ["features", "in.csv", "-q", *(more or ["-w", "50"]), "-o"]
    assert main([*call, "whole.parquet"]) == 0
    widths: list[int] = []
    work = acm_rs.feature_matrix

    def heard(x: np.ndarray, *given: object, **more: object) -> np.ndarray:
        widths.append(x.shape[1])
        return work(x, *given, **more)

    monkeypatch.setattr(feature_table, "_MOST_CELLS", 1)
    monkeypatch.setattr(acm_rs, "feature_matrix", heard)
    assert main([*call, "parts.parquet"]) == 0
    assert set(widths) == {1}
    assert Path("parts.parquet").read_bytes() == Path("whole.parquet").read_bytes()


# ---- stored types ---------------------------------------------------------------------------------------------------


def _typed() -> pl.DataFrame:
    """A table with all that a stored column may be."""
    random = np.random.default_rng(6)
    a, b = random.normal(40, 5, 60), random.normal(900, 9, 60).astype(np.float32)
    a[[3, 40]] = np.nan
    return pl.DataFrame(
        {
            "TS": [START + row * timedelta(minutes=10) for row in random.permutation(60)],
            "A": a,
            "B [bar]": pl.Series(b).set(pl.Series([row == 7 for row in range(60)]), None),
            "*": [row % 5 for row in range(60)],
            "pump": [{"flow": float(row), "in": {"p": row / 8}} if row != 9 else None for row in range(60)],
            "state": pl.Series(["on", "off"] * 30, dtype=pl.Categorical),
            "exact": pl.Series([Decimal(row) / 10 for row in range(60)], dtype=pl.Decimal(12, 2)),
            "ran": [timedelta(seconds=row % 7) for row in range(60)],
            "A Quality": ["Bad" if row in (5, 52) else "Good" for row in range(60)],
            "parts": [[1], [2]] * 30,
            "never": pl.Series([None] * 60, dtype=pl.Float64),
            "nothing": [None] * 60,
            "  ": [0.1 * row for row in range(60)],
        }
    )


def _polars_parquet(frame: pl.DataFrame, path: Path) -> None:
    frame.write_parquet(path, row_group_size=17)


def _arrow_parquet(frame: pl.DataFrame, path: Path) -> None:
    pq.write_table(frame.drop("parts").to_arrow(), path, row_group_size=23, data_page_size=64)


def _feather(frame: pl.DataFrame, path: Path) -> None:
    frame.write_ipc(path, compression="zstd", record_batch_size=13)


def _stream(frame: pl.DataFrame, path: Path) -> None:
    pl.concat([frame[:20], frame[20:]], rechunk=False).write_ipc_stream(path)


WRITERS = [_polars_parquet, _arrow_parquet, _feather, _stream]


def _names(writer: object) -> str:
    return str(getattr(writer, "__name__", "")).strip("_").replace("_", " ")


@pytest.mark.parametrize("write", WRITERS, ids=_names)
def test_large_tables_with_types_are_read_as_small_ones(
    write: Callable[[pl.DataFrame, Path], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    path = Path("in")
    write(_typed(), path)
    cells = reading.read_table(path)
    small = load_sensors(path, ReadOptions())
    assert {"A", "B [bar]", "*", "pump.flow", "pump.in.p", "exact", "ran"} <= set(small.sensors.columns)
    asked: list[int] = []
    scan = stored.StoredFile._scan

    def heard(file: stored.StoredFile, names: Sequence[str] | None = None, rows: int | None = None) -> pl.LazyFrame:
        if names is not None and rows is None:
            asked.append(len(names))
        return scan(file, names, rows)

    monkeypatch.setattr(spool, "LARGE", 0)
    monkeypatch.setattr(stored, "_AT_ONCE", 0)
    monkeypatch.setattr(stored.StoredFile, "_scan", heard)
    monkeypatch.setattr(stored.StoredFile, "_everything", None)
    raw = reading.read_table(path)
    assert isinstance(raw, spool.SpooledTable)
    assert raw.select(raw.columns).equals(cells.frame)
    assert (raw.height, raw.notes, raw.unnamed, raw.about) == (60, cells.notes, cells.unnamed, cells.about)
    assert raw.head(20).equals(cells.frame.head(20))
    asked.clear()
    assert same(small, load_sensors(path, ReadOptions()))
    # No two of its columns are in memory at once, unless they are short.
    assert set(asked) == {1}
    monkeypatch.setattr(stored, "_AT_ONCE", 8 * 60 * 5)
    every = len(asked)
    asked.clear()
    assert same(small, load_sensors(path, ReadOptions()))
    assert set(asked) <= {1, 2, 3, 4, 5}
    assert len(asked) < every / 2


@pytest.mark.usefixtures("large")
@pytest.mark.parametrize("write", WRITERS, ids=_names)
def test_their_damage_is_seen_before_anything_is_made_of_them(write: Callable[[pl.DataFrame, Path], None]) -> None:
    path, random = Path("in"), np.random.default_rng(4)
    frame = _typed().drop("pump", "ran", "exact", "state")
    write(frame, path)
    good = path.read_bytes()
    said = []
    for _ in range(25):
        place = int(random.integers(4, len(good) - 54))
        path.write_bytes(good[:place] + random.bytes(50) + good[place + 50 :])
        try:
            raw = reading.read_table(path)
        except Refusal as refusal:
            said.append(str(refusal))
            continue
        # None of the writers adds checksums: values of a page may be others, rows are never fewer.
        assert raw.height == 60
    assert len(said) > (15 if write in (_polars_parquet, _arrow_parquet) else 5)
    assert [line for line in said if "in is a damaged" not in line] == []


def test_files_of_different_types_are_joined_where_they_lie(monkeypatch: pytest.MonkeyPatch) -> None:
    start = datetime(2024, 3, 1)
    times = [start + timedelta(minutes=row) for row in range(60)]
    first = pl.DataFrame({"t": times[:40], "A": list(range(40)), "B": [None] * 40, "C": [1.5] * 40})
    second = pl.DataFrame({"t": pl.Series(times[30:]).cast(pl.Datetime("ms")), "A": [0.5] * 30, "B": [2.5, None] * 15})
    first.write_parquet("1.parquet")
    second.write_ipc("2.feather")
    paths = [Path("1.parquet"), Path("2.feather")]
    small = load_sensors(paths, ReadOptions())
    assert small.sensors.columns == ["A", "B", "C"]
    monkeypatch.setattr(spool, "LARGE", 0)
    assert isinstance(reading.read_table(paths), spool.SpooledTable)
    assert same(small, load_sensors(paths, ReadOptions()))


@pytest.mark.usefixtures("large")
@pytest.mark.parametrize("packed", [False, True], ids=["as it is", "gzip"])
def test_types_from_standard_input(packed: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    frame = _typed().select("TS", "A", "pump", "A Quality")
    for name, write in (("in.parquet", _polars_parquet), ("in.arrow", _feather), ("in.arrows", _stream)):
        write(frame, Path(name))
        assert main(["features", name, "-o", "one.parquet", "-q"]) == 0
        data = Path(name).read_bytes()
        if packed:
            data = gzip.compress(data)
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(data)))
        assert main(["features", "-", "-o", "other.parquet", "-q"]) == 0
        assert Path("other.parquet").read_bytes() == Path("one.parquet").read_bytes()
        assert pq.ParquetFile("other.parquet").num_row_groups > 1


@pytest.mark.usefixtures("large")
@pytest.mark.parametrize(
    ("data", "words"),
    [
        (
            plain().replace(",run\n", ",run\n", 1) + "2024-03-02 00:00,hot,5,run\n",
            "row 62, column 'A': 'hot' is not a number",
        ),
        (plain() + "2024-03-02 00:00,1,5,run,6\n", "row 62: 5 cells, but the header names 4"),
        (plain() + "yesterday,1,5,run\n", "row 62, column 'TS'"),
    ],
    ids=["word", "cells", "time"],
)
def test_the_same_is_refused_with_its_row(data: str, words: str, monkeypatch: pytest.MonkeyPatch) -> None:
    Path("in.csv").write_text(data)
    with pytest.raises(Refusal) as large:
        load_sensors(Path("in.csv"), ReadOptions())
    assert words in str(large.value)
    with monkeypatch.context() as context:
        context.setattr(spool, "LARGE", 1 << 26)
        with pytest.raises(Refusal) as small:
            load_sensors(Path("in.csv"), ReadOptions())
    assert str(small.value) == str(large.value)
    large = small = None  # type: ignore[assignment]


@pytest.mark.usefixtures("large")
@pytest.mark.parametrize("types", [False, True], ids=["text", "types"])
def test_how_far_it_is_is_told(types: bool) -> None:
    Path("in").write_text(plain())
    if types:
        load_sensors(Path("in"), ReadOptions()).frame.write_parquet("in")
    told: list[tuple[int, int]] = []
    load_sensors(Path("in"), ReadOptions(), lambda done, total: told.append((done, total)))
    assert len(told) > 5
    assert told == sorted(told)
    size = Path("in").stat().st_size
    assert {total for _, total in told} == {size}
    assert size / 2 < told[-1][0] <= size


@pytest.mark.usefixtures("large")
def test_no_room_for_the_copy_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    Path("in.csv").write_text(plain())

    def full(self: pl.DataFrame, path: Path, **_: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as context:
        context.setattr(pl.DataFrame, "write_ipc", full)
        assert main(["features", "in.csv", "-o", "out.csv"]) == 1
        with pytest.raises(Refusal, match=r"in\.csv needs a temporary copy, .*: No space left on device; .*TMPDIR"):
            load_sensors(Path("in.csv"), ReadOptions())
