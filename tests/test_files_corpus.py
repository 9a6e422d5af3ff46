"""Every file of the corpus: the frame that must come of it, or the line in which it must be refused."""

from __future__ import annotations

import io
import re
import struct
import sys
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from pathlib import Path
from typing import Any, get_args, get_type_hints

import acm_rs
import corpus_broken
import corpus_layouts
import corpus_mixed
import corpus_stored
import corpus_text
import corpus_times
import corpus_values
import polars as pl
import pytest
from acm_rs.files.errors import Refusal
from acm_rs.files.options import ReadOptions
from acm_rs.files.table import SensorTable, load_sensors
from cli import runner
from corpus import Case, Frame, Refused

SUBJECTS = (corpus_text, corpus_layouts, corpus_stored, corpus_times, corpus_values, corpus_broken, corpus_mixed)
CASES = {case.name: case for subject in SUBJECTS for case in subject.cases()}


@pytest.fixture
def case(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Case:
    """A case of the corpus, its files in the working folder."""
    case = CASES[request.param]
    monkeypatch.chdir(tmp_path)
    for name, data in case.files.items():
        if name == "-":
            monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(data)))
            continue
        Path(name).parent.mkdir(exist_ok=True)
        Path(name).write_bytes(data)
    return case


def load(case: Case) -> SensorTable:
    named: Any = Path(case.named) if isinstance(case.named, str) else [Path(name) for name in case.named]
    return load_sensors(named, options(case))


def options(case: Case) -> ReadOptions:
    """What is said beforehand, words in the place of their kinds."""
    kinds = get_type_hints(ReadOptions)

    def kind(name: str, value: object) -> object:
        words = [k for k in (kinds[name], *get_args(kinds[name])) if isinstance(k, type) and issubclass(k, StrEnum)]
        return words[0](value) if words else value

    return ReadOptions(**{name: kind(name, value) for name, value in case.options.items()})  # type: ignore[arg-type]


def instants(time: pl.Series) -> list[int | float]:
    """Nanoseconds since 1970, or the running numbers they are."""
    if not time.dtype.is_temporal():
        return [float(value) for value in time]
    return [int(value) for value in time.cast(pl.Datetime("ns", getattr(time.dtype, "time_zone", None))).to_physical()]


def expected(moment: datetime | float) -> int | float:
    if not isinstance(moment, datetime):
        return moment
    since = (moment if moment.tzinfo else moment.replace(tzinfo=UTC)) - datetime(1970, 1, 1, tzinfo=UTC)
    return since // timedelta(microseconds=1) * 1000


def bits(value: float | None) -> int | None:
    return None if value is None else struct.unpack("<q", struct.pack("<d", value))[0]


def same(table: SensorTable, frame: Frame) -> None:
    """Times and values, exactly."""
    assert table.sensors.columns == list(frame.sensors)
    if frame.time is None:
        assert table.time is None
    else:
        assert table.time is not None, "the time was not found"
        assert instants(table.time) == [expected(moment) for moment in frame.time]
        zoned = isinstance(frame.time[0], datetime) and frame.time[0].tzinfo is not None
        assert (getattr(table.time.dtype, "time_zone", None) is not None) == zoned
    for name, values in frame.sensors.items():
        assert table.sensors[name].dtype == pl.Float64
        assert list(map(bits, table.sensors[name])) == list(map(bits, values)), name


def unnamed(outcome: Refused, line: str) -> list[str]:
    """What a refusal should name and does not; row 5 is not named by row 55."""
    edges = [
        ("(?<![0-9A-Za-z])" * piece[0].isalnum(), "(?![0-9A-Za-z])" * piece[-1].isalnum()) for piece in outcome.pieces
    ]
    marked = zip(outcome.pieces, edges, strict=True)
    return [piece for piece, (before, behind) in marked if not re.search(before + re.escape(piece) + behind, line)]


def report(table: SensorTable) -> str:
    """All that is told of a reading."""
    told = [table.time_note, *table.notes, *table.changes.lines()]
    told += [f"{word} {count}" for word, count in table.words.items()]
    told += [f"{name}: {why}" for name, why in table.left_out.items()]
    return "\n".join(told)


@pytest.mark.parametrize("case", CASES, indirect=True)
def test_what_comes_of_a_file(case: Case) -> None:
    if isinstance(case.outcome, Refused):
        with pytest.raises(Refusal) as refusal:
            load(case)
        line = str(refusal.value)
        assert "\n" not in line
        assert unnamed(case.outcome, line) == [], line
        assert refusal.value.status == case.outcome.status
        return
    table = load(case)
    same(table, case.outcome)
    told = report(table)
    assert [piece for piece in case.said if piece.lower() not in told.lower()] == [], told
    about = {
        name: (table.about[name].unit, table.about[name].description) for name in case.about if name in table.about
    }
    assert about == case.about


def arguments(case: Case) -> list[str]:
    """The command line for a case."""
    given = [case.named] if isinstance(case.named, str) else list(case.named)
    for name, value in case.options.items():
        for word in value if isinstance(value, list) else [value]:
            given += ["--" + name.replace("_", "-"), str(word)]
    return given


def some(first: int) -> list[str]:
    """Every ninth case: each subject is among them, and each kind of refusal."""
    return list(CASES)[first::9]


@pytest.mark.parametrize("case", some(0), indirect=True)
def test_what_the_program_makes_of_it(case: Case, capsys: pytest.CaptureFixture[str]) -> None:
    # In a window of one row the median is the reading itself.
    status, _, complained = runner(capsys)("features", *arguments(case), "-o", "out.parquet", "-w", "1")
    if isinstance(case.outcome, Refused):
        assert status == case.outcome.status
        assert unnamed(case.outcome, complained) == [], complained
        assert not Path("out.parquet").exists()
        return
    assert status == 0, complained
    features = pl.read_parquet("out.parquet")
    sensors = features.select(pl.col(f"{name}_med").alias(name) for name in case.outcome.sensors)
    time = None if case.outcome.time is None else features.to_series(0)
    same(SensorTable(Path(), time, sensors), case.outcome)


@pytest.mark.parametrize("case", some(2), indirect=True)
def test_what_python_reads(case: Case) -> None:
    named = case.named if isinstance(case.named, str) else list(case.named)
    if isinstance(case.outcome, Refused):
        with pytest.raises((ValueError, FileNotFoundError)) as refusal:
            acm_rs.read_table(named, **case.options)  # type: ignore[call-overload]
        spoken = [
            re.sub(r"--([a-z-]+)( .*)?", lambda m: f"`{m[1].replace('-', '_')}`", piece)
            for piece in case.outcome.pieces
        ]
        if not isinstance(refusal.value, FileNotFoundError):
            assert unnamed(Refused(tuple(spoken)), str(refusal.value)) == [], str(refusal.value)
        return
    frame, report = acm_rs.read_table(named, report=True, **case.options)  # type: ignore[call-overload]
    time = report.times
    if time is not None and time.dtype.is_temporal():
        assert frame.to_series(0).equals(time.cast(frame.dtypes[0]), check_names=True)
        frame = frame.drop(time.name)
    same(SensorTable(Path(), time, frame), case.outcome)
