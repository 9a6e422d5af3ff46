"""Files too large for memory: the same results as of small ones, to the byte."""

from __future__ import annotations

import gc
import tempfile
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from acm_rs.cli import main
from acm_rs.files import pieces, reading, spool
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
            assert main(["features", "in.csv", "-o", output, "-q"]) == 0
        assert Path(output).read_bytes() == made


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
def test_how_far_it_is_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    Path("in.csv").write_text(plain())
    told: list[tuple[int, int]] = []
    load_sensors(Path("in.csv"), ReadOptions(), lambda done, total: told.append((done, total)))
    assert len(told) > 5
    assert told == sorted(told)
    size = Path("in.csv").stat().st_size
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
