"""How a file is understood: clocks, sensors and what is missing; and how long work shows its progress."""

from __future__ import annotations

import io
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from acm_rs.cli import features, summary
from acm_rs.files import pieces
from acm_rs.files.cells import Decimal
from acm_rs.files.errors import Refusal, quoted
from acm_rs.files.options import ReadOptions
from acm_rs.files.table import SensorTable, load_sensors
from rich.console import Console

HOURS = [datetime(2024, 1, 1) + timedelta(hours=i) for i in range(6)]


@pytest.fixture
def source(tmp_path: Path) -> Path:
    return tmp_path / "in.parquet"


def load(frame: pl.DataFrame, source: Path, **options: object) -> SensorTable:
    frame.write_parquet(source)
    return load_sensors(source, ReadOptions(**options))  # type: ignore[arg-type]


def test_zones_and_units_of_parquet_are_kept(source: Path) -> None:
    zoned = pl.Series("t", HOURS).cast(pl.Datetime("ns", "UTC"))
    table = load(pl.DataFrame({"A": [1.0] * 6, "t": zoned}), source)
    assert table.time is not None
    assert table.time.dtype == pl.Datetime("ns", "UTC")
    assert table.time[0] == HOURS[0].replace(tzinfo=UTC)


def test_a_missing_time_in_parquet_is_named(source: Path) -> None:
    frame = pl.DataFrame({"t": [*HOURS[:3], None], "A": [1.0, 2.0, 3.0, 4.0]})
    with pytest.raises(Refusal, match=r"in\.parquet, row 4, column 't': the time is missing"):
        load(frame, source)


def test_numbers_that_stand_for_missing(source: Path) -> None:
    frame = pl.DataFrame({"t": HOURS, "A": [1.0, -9999.0, 3.0, float("nan"), 5.0, -9999.0]})
    table = load(frame, source, missing=["-9999", "never"])
    assert table.sensors["A"].to_list() == [1.0, None, 3.0, None, 5.0, None]
    assert table.words == {"-9999": 2}


def test_columns_that_are_no_numbers(source: Path) -> None:
    frame = pl.DataFrame({"t": HOURS, "A": [1.0] * 6, "parts": [[1]] * 6, "on": [True] * 6})
    table = load(frame, source)
    assert table.sensors.columns == ["A", "on"]
    with pytest.raises(Refusal, match=r"column 'parts' holds list\(int64\), not numbers"):
        load(frame, source, columns=["parts"])
    with pytest.raises(Refusal, match="column 'on' holds boolean, not times"):
        load(frame, source, time_column="on")


def test_a_telling_name_is_asked_first(source: Path) -> None:
    later = [moment + timedelta(days=9) for moment in HOURS]
    table = load(pl.DataFrame({"Created": later, "Time-Stamp": HOURS, "A": [1.0] * 6}), source)
    assert table.time is not None
    assert table.time.name == "Time-Stamp"
    assert any("'Created'" in note for note in table.notes)


def test_a_sensor_with_a_telling_name_stays_a_sensor(source: Path) -> None:
    table = load(pl.DataFrame({"time": [3.0, 1.0, 2.0], "A": [1.0, 2.0, 3.0]}), source)
    assert table.time is None
    assert table.sensors.columns == ["time", "A"]


def test_many_columns_left_out_are_counted(tmp_path: Path) -> None:
    path = tmp_path / "in.csv"
    names = [f"State {i}" for i in range(7)]
    path.write_text("\n".join([",".join(["TS", "A", *names]), *(f"{t},1,{','.join(['on'] * 7)}" for t in HOURS)]))
    table = load_sensors(path, ReadOptions())
    assert table.notes == [
        "constant, kept: 'A' (1)",
        "left out: 'State 0' (text), 'State 1' (text), 'State 2' (text), 'State 3' (text) and 3 more",
    ]


def test_a_given_mark_counts(tmp_path: Path) -> None:
    path = tmp_path / "in.csv"
    path.write_text('TS,A\n2024-01-01,"1,234"\n')
    for mark, value in ((Decimal.comma, 1.234), (Decimal.point, 1234.0)):
        assert load_sensors(path, ReadOptions(decimal=mark)).sensors["A"].to_list() == [value]


def test_a_rotten_encoding_is_named(tmp_path: Path) -> None:
    path = tmp_path / "in.csv"
    path.write_bytes(b"\xff\xfeT\x00S")
    with pytest.raises(Refusal, match="says it is UTF-16 but is not"):
        load_sensors(path, ReadOptions())


def test_long_names_are_shortened_in_messages() -> None:
    assert quoted("x" * 200) == "'" + "x" * 77 + "...'"
    assert quoted("a\tb\x9b") == "'a\N{REPLACEMENT CHARACTER}b\N{REPLACEMENT CHARACTER}'"


def test_rhythm() -> None:
    days = pl.Series("day", [date(2024, 1, day) for day in (1, 2, 3, 6, 7)])
    beat = summary.rhythm(days)
    assert beat is not None
    assert (beat.step, beat.other, beat.gaps, beat.before_first, beat.longest, beat.before_longest, beat.lost) == (
        86_400.0,
        1,
        1,
        2,
        3 * 86_400.0,
        2,
        2,
    )
    assert summary.rhythm(days[:1]) is None
    even = summary.rhythm(pl.Series([0.5, 1.0, 1.5]))
    assert even is not None
    assert (even.step, even.other, even.gaps) == (0.5, 0, 0)


@pytest.mark.parametrize("terminal", [True, False])
def test_progress_is_shown_on_a_terminal_only(source: Path, terminal: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pieces, "_GROUP_CELLS", 1)
    random = np.random.default_rng(3)
    pl.DataFrame({"t": HOURS, **{f"S{i}": random.random(6) for i in range(4)}}).write_parquet(source)
    stream = io.StringIO()
    screen = Console(file=stream, force_terminal=terminal, width=80)
    done = features.run_features(
        source, source.with_suffix(".csv"), window=3, options=ReadOptions(), threads=None, progress=screen
    )
    assert pl.read_csv(done.output).shape == (6, 45)
    assert ("6 of 6 rows" in stream.getvalue()) == terminal
    summary.print_summary(done, Console(file=stream, width=60))


def test_the_summary_counts_sensors_with_gaps(source: Path) -> None:
    columns = {f"S{i:02}": [1.0] * (6 - i % 3) + [None] * (i % 3) for i in range(20)}
    pl.DataFrame({"t": HOURS, **columns}).write_parquet(source)
    done = features.run_features(
        source, source.with_suffix(".csv"), window=3, options=ReadOptions(), threads=None, progress=None
    )
    stream = io.StringIO()
    summary.print_summary(done, Console(file=stream, width=100))
    assert "19 values (16 %)" in stream.getvalue()
    assert "and 5 more sensors" in stream.getvalue()
