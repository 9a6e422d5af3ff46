"""Which column is the time, and what is said of its order."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import numpy as np
import polars as pl
import pytest
from acm_rs.files.bad_rows import BadRows, OnBadRow
from acm_rs.files.clock import find_clock
from acm_rs.files.errors import Origin, Refusal
from acm_rs.files.options import ReadOptions
from acm_rs.files.raw import RawTable
from acm_rs.files.table import SensorTable, load_sensors
from acm_rs.files.times import DateOrder

ROWS = 12
START = datetime(2024, 3, 1)
STEP = timedelta(minutes=10)
MOMENTS = [START + i * STEP for i in range(ROWS)]
EPOCH = datetime(1970, 1, 1)
SECONDS = [int(moment.replace(tzinfo=UTC).timestamp()) for moment in MOMENTS]
DAYS = [(moment - datetime(1899, 12, 30)) / timedelta(days=1) for moment in MOMENTS]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "in.csv"


def reading(row: int) -> float:
    return row * row % 101 + 0.5


def load(path: Path, header: str, cells: list[str], **options: object) -> SensorTable:
    """A file of these first cells and a sensor A."""
    lines = [header, *(f"{cell},{reading(i)}" for i, cell in enumerate(cells))]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return load_sensors(path, ReadOptions(**options))  # type: ignore[arg-type]


def raw(frame: pl.DataFrame, bad_rows: OnBadRow = OnBadRow.refuse) -> RawTable:
    return RawTable(frame, Origin(Path("in.csv"), np.arange(2, frame.height + 2)), bad_rows=BadRows(bad_rows))


def wall(table: SensorTable) -> list[datetime]:
    assert table.time is not None
    return [moment.replace(tzinfo=None) for moment in table.time.to_list()]


@pytest.mark.parametrize(
    ("header", "cells", "note"),
    [
        ("TS,A", [f"{m:%Y%m%dT%H%M%SZ}" for m in MOMENTS], "in UTC"),
        ("TS,A", [f"{m:%Y%m%d%H%M}" for m in MOMENTS], "written YYYYMMDDhhmm"),
        ("TS,A", [f"{m:%Y%m%d%H%M%S}" for m in MOMENTS], "written YYYYMMDDhhmmss"),
        ("TS,A", [f"{m:%Y%m%d%H%M%S}.000" for m in MOMENTS], ""),
        ("time,A", [f"{s}" for s in SECONDS], "from seconds since 1970, in UTC"),
        ("Timestamp [UTC],A", [f"{s * 1000}" for s in SECONDS], "from milliseconds since 1970, in UTC"),
        ("unix_time,A", [f"{s}.0" for s in SECONDS], "from seconds since 1970, in UTC"),
        ("epoch (ms),A", [f"{s * 1000}" for s in reversed(SECONDS)], "from milliseconds since 1970, in UTC"),
        ("Time,A", [f"{day:.5f}" for day in DAYS], "from days of a spreadsheet"),
        ("Date,Time,A", [f"{m:%d.%m.%Y,%H:%M}" for m in MOMENTS], "with 'Time', dates day first"),
        ("Date,Time,A", [f"{m:%Y%m%d,%H%M%S}" for m in MOMENTS], "with 'Time'"),
        ("Datum,Uhrzeit,A", [f"{m:%Y-%m-%d,%H%M}" for m in MOMENTS], "with 'Uhrzeit'"),
        ("Date,Time,A", [f"{m:%Y-%m-%d},{day % 1:.6f}" for m, day in zip(MOMENTS, DAYS, strict=True)], "with 'Time'"),
        ("d,when,A", [f"{m:%Y-%m-%d,%I:%M:%S %p}" for m in MOMENTS], "with 'when'"),
        ("Time,Date,A", [f"{m:%H:%M:%S,%Y-%m-%d}" for m in MOMENTS], "with 'Time'"),
        (
            "TS,Zone,A",
            [f"{m:%Y-%m-%d %H:%M},{'UTC' if i % 2 else '+00:00'}" for i, m in enumerate(MOMENTS)],
            "with 'Zone', in UTC",
        ),
        ("Timestamp (UTC),A", [f"{m:%Y-%m-%d %H:%M}" for m in MOMENTS], "in UTC by its name"),
        *(
            (f"Time{say},A", [f"{m:%Y-%m-%d %H:%M}" for m in MOMENTS], f"as written, though its name says {zone!r}")
            for say, zone in (
                (" (UTC+1)", "UTC+1"),
                (" [GMT +01:00]", "GMT +01:00"),
                ("_UTC-0530", "UTC-0530"),
                (" (CET)", "CET"),
                (" [Europe/Berlin]", "Europe/Berlin"),
            )
        ),
        ("Time (s),A", [f"{m:%Y-%m-%d %H:%M}" for m in MOMENTS], ""),
        ("Date,Time,A", [f"{m:%Y-%m-%d},{m:%Y-%m-%d %H:%M}" for m in MOMENTS], ""),
        ("Date,Time,A", [f"{m:%Y-%m-%d} 00:00:00,{m:%H:%M:%S}" for m in MOMENTS], "with 'Time'"),
        ("Date,Time,A", [f"{m:%d/%m/%Y},1899-12-30 {m:%H:%M:%S}" for m in MOMENTS], "with 'Time', dates day first"),
        ("Date,Time,A", [f"45352,{day % 1:.9f}" for day in DAYS], "with 'Time'"),
        ("TS,A", [f"'{m}" for m in MOMENTS], ""),
        ("TS,A", [f'"=""{m}"""' for m in MOMENTS], ""),
        ("time,A", [f"{(s + 11_644_473_600) * 10**7}" for s in SECONDS], "from ticks of 100 ns since 1601, in UTC"),
        (
            "time,A",
            [f"{(s + 62_135_596_800) * 10**7}" for s in SECONDS],
            "from ticks of 100 ns since the year 1",
        ),
        (
            "year,month,day,hour,minute,A",
            [f"{m.year},{m.month},{m.day},{m.hour},{m.minute}" for m in MOMENTS],
            "made of 'year', 'month', 'day', 'hour', 'minute'",
        ),
    ],
)
def test_clocks_of_many_kinds(path: Path, header: str, cells: list[str], note: str) -> None:
    table = load(path, header, cells, date_order=DateOrder.dmy if "/03/2024" in cells[0] else None)
    assert wall(table) == MOMENTS
    assert table.time_note == note
    assert table.sensors.columns == ["A"]


@pytest.mark.parametrize("name", ["x", "column_1", "Messung"])
@pytest.mark.parametrize("cells", [SECONDS, [s * 10**9 for s in SECONDS], [f"{m:%Y%m%d%H%M}" for m in MOMENTS]])
def test_a_clock_under_an_untelling_name_is_told(path: Path, name: str, cells: list[object]) -> None:
    table = load(path, f"{name},A", [str(cell) for cell in cells])
    assert wall(table) == MOMENTS
    assert table.notes == [f"column '{name}' taken as the time: it rises as a clock does"]


def test_a_counter_of_that_size_is_no_clock(path: Path) -> None:
    random = np.random.default_rng(4)
    energy = 1_700_000_000 + random.integers(1, 10_000, ROWS).cumsum() ** 2 // 1000
    table = load(path, "energy,A", [str(value) for value in energy])
    assert table.time is None
    assert table.sensors.columns == ["energy", "A"]


def test_a_counter_of_hours_is_a_sensor(path: Path) -> None:
    # Of the size of days of a spreadsheet, and as regular as a clock.
    hours = [f"{40_000 + i / 6:.6f}" for i in range(ROWS)]
    assert load(path, "hours,A", hours).sensors.columns == ["hours", "A"]
    assert load(path, "TS,hours,A", [f"{m},{h}" for m, h in zip(MOMENTS, hours, strict=True)]).sensors.columns == [
        "hours",
        "A",
    ]


def test_the_unread_clock_counts_more_than_a_number_of_the_row(path: Path) -> None:
    with pytest.raises(Refusal, match="row 2, column 'Timestamp': '2024-W095-0' is not a date"):
        load(path, "index,Timestamp,A", [f"{i},2024-W095-{i}" for i in range(ROWS)])
    assert load(path, "index,A", [f"pump {i}" for i in range(ROWS)]).time is None


def test_a_zone_of_a_place_as_stored() -> None:
    stored = pl.Series("t", MOMENTS).dt.replace_time_zone("Europe/Berlin")
    found = find_clock(raw(pl.DataFrame({"t": stored, "A": range(ROWS)})), ReadOptions(), []).clock
    assert found is not None
    assert found.times.values.dtype == pl.Datetime("us", "UTC")
    assert found.times.values.to_list() == stored.to_list()


def test_a_second_clock_is_no_sensor(path: Path) -> None:
    cells = [f"{i},{m},{s * 1000}" for i, (m, s) in enumerate(zip(MOMENTS, SECONDS, strict=True))]
    table = load(path, "index,TS,stamp,A", cells)
    assert table.sensors.columns == ["A"]
    assert table.left_out == {"index": "a running number", "stamp": "times, milliseconds since 1970"}
    asked = load(path, "index,TS,stamp,A", cells, columns=["stamp"])
    assert asked.sensors.columns == ["stamp"]


@pytest.mark.parametrize("names", ["ServerTimestamp,SourceTimestamp", "Server Time,Source Time"])
@pytest.mark.parametrize("numbers", [False, True])
def test_of_two_clocks_the_source_is_taken_and_told(path: Path, names: str, numbers: bool) -> None:
    server, source = names.split(",")
    late = [m + timedelta(seconds=7 + i % 3) for i, m in enumerate(MOMENTS)]
    pairs = zip(late, MOMENTS, strict=True)
    cells = [f"{int((a - EPOCH).total_seconds())},{int((b - EPOCH).total_seconds())}" for a, b in pairs]
    cells = cells if numbers else [f"{a},{b}" for a, b in zip(late, MOMENTS, strict=True)]
    table = load(path, f"{names},A", cells)
    assert wall(table) == MOMENTS
    told = f"time taken from '{source}'; '{server}' holds times too: --time-column '{server}' takes it instead"
    assert told in table.notes
    chosen = load(path, f"{names},A", cells, time_column=server)
    assert wall(chosen) == late
    assert not any("times too" in note for note in chosen.notes)


def test_no_time_is_said(path: Path) -> None:
    table = load(path, "B,A", [str(i * i % 7) for i in range(ROWS)])
    assert table.time_note == "no time column found: rows taken in the order of the file, oldest first"


@pytest.mark.parametrize(
    ("header", "cell", "words"),
    [
        ("Timestamp,A", "2024-W095-{:02}", "'2024-W095-00' is not a date in any spelling that is read"),
        ("x,A", "12 \N{CYRILLIC SMALL LETTER EM}ая 2024 00:{:02}", "name another with --time-column"),
        ("x,A", "2024-W095 00:{:02}", "such as 2024-03-01 00:20:00"),
        ("Time,A", "00:{:02}", "is a time of day without a date"),
        ("x,A", "10:00:{:02}", "is a time of day without a date"),
        ("Date,A", "yesterday", "'yesterday' is not a date"),
    ],
)
def test_a_clock_that_cannot_be_read_is_refused(path: Path, header: str, cell: str, words: str) -> None:
    with pytest.raises(Refusal) as refusal:
        load(path, header, [cell.format(i) for i in range(ROWS)])
    assert str(refusal.value).startswith(f"{path}, row 2, column '{header.split(',')[0]}': ")
    assert words in str(refusal.value)
    column = header.split(",")[0]
    assert load(path, header, [cell.format(i) for i in range(ROWS)], exclude=[column]).sensors.columns == ["A"]


def test_a_chosen_column_without_times_is_refused(path: Path) -> None:
    with pytest.raises(Refusal, match="row 2, column 'state': 'on' is not a date"):
        load(path, "TS,state,A", [f"{m},on" for m in MOMENTS], time_column="state")


@pytest.mark.parametrize("chosen", ["Date", "Time"])
def test_either_of_two_columns_may_be_chosen(path: Path, chosen: str) -> None:
    table = load(path, "Date,Time,A", [f"{m:%Y-%m-%d,%H:%M}" for m in MOMENTS], time_column=chosen)
    assert wall(table) == MOMENTS
    assert table.sensors.columns == ["A"]


def test_other_columns_of_text_are_no_clocks(path: Path) -> None:
    cells = [f"pump {i},unit 4-{i},v1.2.{i},{20 + i}.5 m3/h,part {i % 4} of 5" for i in range(ROWS)]
    table = load(path, "B,C,D,E,F,A", cells)
    assert table.time is None
    assert table.sensors.columns == ["E", "A"]


@pytest.mark.parametrize("name", ["x", "\u65f6\u95f4", "Quarter"])
@pytest.mark.parametrize(
    "cells",
    [
        [f"2024\u5e743\u6708{i + 1}\u65e5 00:00" for i in range(ROWS)],
        [f"24\u5e743\u6708{i + 1}\u65e5" for i in range(ROWS)],
        [f"{2021 + i // 4}Q{i % 4 + 1}" for i in range(ROWS)],
        [f"Q{i % 4 + 1} {2021 + i // 4}" for i in range(ROWS)],
        [f"2024 03 {i + 1:02} 00 10" for i in range(ROWS)],
        [f"2024Q{i + 1}" for i in range(4)],
        [f"\u0662\u0660\u0662\u0664-\u0660\u0663-{chr(0x661 + i)}" for i in range(9)],
    ],
    ids=["years and hours", "short years", "quarters", "quarters first", "blanks", "one year", "other digits"],
)
def test_text_that_may_be_the_time_is_never_dropped(path: Path, name: str, cells: list[str]) -> None:
    with pytest.raises(Refusal) as refusal:
        load(path, f"{name},A", cells)
    assert str(refusal.value).startswith(f"{path}, row 2, column '{name}': '{cells[0]}' is not a date in any spelling")
    assert "--time-column" in str(refusal.value)
    assert load(path, f"{name},A", cells, exclude=[name]).sensors.columns == ["A"]
    # Beside a clock it is a column of text like any other.
    timed = [f"{m},{cell}" for m, cell in zip(MOMENTS, cells, strict=False)]
    assert load(path, f"TS,{name},A", timed).sensors.columns == ["A"]


@pytest.mark.parametrize(("name", "first"), [("datenum", 739312.0), ("JD", 2460370.5), ("Julian Date", 2460370.5)])
@pytest.mark.parametrize("newest_first", [False, True])
def test_days_of_astronomers_and_of_matlab_run(path: Path, name: str, first: float, newest_first: bool) -> None:
    days = [round(first + i / 144, 4) for i in range(ROWS)]
    table = load(path, f"{name},A", [str(day) for day in (days[::-1] if newest_first else days)])
    assert table.time is not None
    assert table.time.to_list() == days
    assert table.time_note == "a running number"
    assert table.sensors.columns == ["A"]


def test_seconds_rounded_by_an_exponent_are_told(path: Path) -> None:
    table = load(path, "time,A", [f"{s:.6e}" for s in SECONDS])
    assert any("'time' are rounded by their exponent, such as '1.709251e+09'" in note for note in table.notes)
    assert load(path, "time,A", [str(s) for s in SECONDS]).notes == []


@pytest.mark.parametrize("name", ["Time [s]", "t [s]", "index", "elapsed"])
def test_a_running_clock_with_the_newest_row_first(path: Path, name: str) -> None:
    table = load(path, f"{name},A", [f"{(ROWS - 1 - i) / 2}" for i in range(ROWS)])
    assert table.time is not None
    assert table.time.to_list() == [i / 2 for i in range(ROWS)]
    assert table.sensors["A"].to_list() == [reading(i) for i in reversed(range(ROWS))]
    assert table.notes == ["newest row first in the file: sorted by time"]


def test_a_column_that_falls_evenly_without_a_clock_is_told(path: Path) -> None:
    cells = [f"{739312 - i / 144:.4f}" for i in range(ROWS)]
    told = "column 'x' falls evenly: if it is the time, newest row first, say --time-column 'x'"
    assert load(path, "x,A", cells).notes == [told]
    assert load(path, "x,A", cells[::-1]).notes == []
    table = load(path, "x,A", cells, time_column="x")
    assert table.sensors["A"].to_list() == [reading(i) for i in reversed(range(ROWS))]
    assert load(path, "TS,x,A", [f"{m},{c}" for m, c in zip(MOMENTS, cells, strict=True)]).notes == []


def test_cells_that_are_no_times_are_handed_over() -> None:
    cells = [str(moment) for moment in MOMENTS]
    cells[4], cells[7], cells[9] = "garbage", "2024-02-30 01:00", ""
    frame = pl.DataFrame({"TS": cells, "A": np.arange(ROWS) + 0.5})
    table = raw(frame, OnBadRow.skip)
    clock = find_clock(table, ReadOptions(bad_rows=OnBadRow.skip), []).clock
    assert clock is not None
    bad = table.bad_rows.of(ROWS)
    assert np.flatnonzero(bad).tolist() == [4, 7, 9]
    assert clock.times.values.is_null().to_list() == bad.tolist()
    assert table.bad_rows.lines()[1:] == [
        "in.csv, row 6, column 'TS': 'garbage' is not a date",
        "in.csv, row 9, column 'TS': '2024-02-30 01:00' is no date of the calendar",
        "in.csv, row 11, column 'TS': the time is missing but the row holds values",
    ]
    with pytest.raises(Refusal, match="row 6, column 'TS': 'garbage' is not a date; --bad-rows skip"):
        find_clock(raw(frame), ReadOptions(), [])


@pytest.mark.parametrize(
    ("cell", "why"),
    [
        ("0001-01-01 00:00", "is no time from 1970 to 2100"),
        ("01.01.0001 00:00", "is no time from 1970 to 2100"),
        ("1900-01-01 00:00", "is no time from 1970 to 2100"),
        ("2567-03-01 00:00", "is no time from 1970 to 2100"),
        ("1970-01-01 00:00", "is the first day of 1970"),
    ],
)
def test_a_year_of_no_plant_is_a_bad_row(path: Path, cell: str, why: str) -> None:
    cells = [str(moment) for moment in MOMENTS]
    cells[4] = cell
    with pytest.raises(Refusal) as refusal:
        load(path, "TS,A", cells)
    assert str(refusal.value).startswith(f"{path}, row 6, column 'TS': '{cell}' {why}")
    assert str(refusal.value).endswith("--bad-rows skip leaves such rows out")
    table = load(path, "TS,A", cells, bad_rows=OnBadRow.skip)
    assert wall(table) == MOMENTS[:4] + MOMENTS[5:]
    assert table.sensors["A"].to_list() == [reading(i) for i in range(ROWS) if i != 4]


def test_a_stored_year_of_no_plant_is_a_bad_row() -> None:
    moments = [datetime(1, 1, 1), *MOMENTS[1:-1], datetime(1970, 1, 1)]
    with pytest.raises(Refusal, match="row 2, column 't': '0001-01-01 00:00:00' is no time from 1970 to 2100"):
        find_clock(raw(pl.DataFrame({"t": moments, "A": range(ROWS)})), ReadOptions(), [])
    table = raw(pl.DataFrame({"t": moments, "A": range(ROWS)}), OnBadRow.skip)
    found = find_clock(table, ReadOptions(), []).clock
    assert found is not None
    assert found.times.values.to_list() == [None, *MOMENTS[1:-1], None]
    assert np.flatnonzero(table.bad_rows.of(ROWS)).tolist() == [0, ROWS - 1]


@pytest.mark.parametrize("year", [1402, 2567, 24])
def test_years_of_another_calendar_are_refused(path: Path, year: int) -> None:
    cells = [f"{year:04}-01-{i + 1:02} 00:00" for i in range(ROWS)]
    for skip in OnBadRow:
        with pytest.raises(Refusal, match=r"row 2, column 'TS': .* is no year from 1970 to 2100, nor are most others"):
            load(path, "TS,A", cells, bad_rows=skip)


def test_words_among_seconds_are_named(path: Path) -> None:
    cells = [str(second) for second in SECONDS]
    cells[7] = "power failure"
    with pytest.raises(Refusal, match="row 9, column 'time': 'power failure' is no time between 1990 and 2040"):
        load(path, "time,A", cells)
    cells[7] = ""
    with pytest.raises(Refusal, match="row 9, column 'time': the time is missing"):
        load(path, "time,A", cells)


def test_columns_of_dates_and_of_times_as_stored() -> None:
    days = [date(2024, 3, 1 + i // 6) for i in range(ROWS)]
    hours = [time(i % 6) for i in range(ROWS)]
    found = find_clock(raw(pl.DataFrame({"day": days, "hour": hours, "A": range(ROWS)})), ReadOptions(), []).clock
    assert found is not None
    assert found.times.values.to_list() == [datetime.combine(d, h) for d, h in zip(days, hours, strict=True)]


def test_order_and_repeats_are_told_with_their_first_row(path: Path) -> None:
    cells = [str(moment) for moment in MOMENTS]
    cells[5], cells[6] = cells[6], cells[5]
    cells[9] = cells[8]
    table = load(path, "TS,A", cells)
    assert table.notes == [
        f"sorted by time: it ran backwards at 1 row (first: {path}, row 8)",
        f"repeated times: 1 row left out, the last of each time kept (first: 2024-03-01 01:20:00 in {path}, row 10)",
    ]
    assert table.sensors["A"].to_list() == [reading(i) for i in (0, 1, 2, 3, 4, 6, 5, 7, 9, 10, 11)]


def berlin(start: datetime, rows: int, minutes: int) -> tuple[list[datetime], list[str]]:
    """Moments in UTC, and what a clock in Berlin shows."""
    moments = [start + timedelta(minutes=minutes * i) for i in range(rows)]
    zone = ZoneInfo("Europe/Berlin")
    return moments, [f"{m.replace(tzinfo=UTC).astimezone(zone):%Y-%m-%d %H:%M}" for m in moments]


AUTUMN = datetime(2024, 10, 26, 20)


@pytest.mark.parametrize("minutes", [1, 10, 15, 30, 60])
@pytest.mark.parametrize("newest_first", [False, True])
class TestTheHourThatComesTwice:
    def test_without_a_zone(self, path: Path, minutes: int, newest_first: bool) -> None:
        rows = 12 * 60 // minutes
        moments, cells = berlin(AUTUMN, rows, minutes)
        table = load(path, "TS,A", cells[::-1] if newest_first else cells)
        # Summer time goes on: two hours before UTC, to the end.
        assert wall(table) == [moment + timedelta(hours=2) for moment in moments]
        expected = [reading(i) for i in range(rows)]
        assert table.sensors["A"].to_list() == (expected[::-1] if newest_first else expected)
        told = [note for note in table.notes if note.startswith("the clock went back an hour on 2024-10-27 (")]
        assert len(told) == 1
        assert "--timezone" in told[0]

    def test_with_a_zone(self, path: Path, minutes: int, newest_first: bool) -> None:
        moments, cells = berlin(AUTUMN, 12 * 60 // minutes, minutes)
        table = load(path, "TS,A", cells[::-1] if newest_first else cells, timezone="Europe/Berlin")
        assert wall(table) == moments
        assert table.time_note == "from Europe/Berlin to UTC"
        assert table.time is not None
        assert table.time.dtype == pl.Datetime("us", "UTC")
        assert (
            "the hour that comes twice in Europe/Berlin on 2024-10-27: its rows told apart by their order"
            in table.notes
        )


def test_years_of_local_time(path: Path) -> None:
    moments, cells = berlin(datetime(2021, 6, 1), 24 * 365 * 3, 60)
    assert wall(load(path, "TS,A", cells, timezone="Europe/Berlin")) == moments
    table = load(path, "TS,A", cells)
    assert wall(table) == [moment + timedelta(hours=2) for moment in moments]
    assert "on 2021-10-31, 2022-10-30, 2023-10-29 (" in table.notes[0]


@pytest.mark.parametrize(
    ("zone", "start", "told"),
    [
        ("America/New_York", datetime(2023, 2, 1), "2023-11-05, 2024-11-03"),
        ("Australia/Sydney", datetime(2023, 11, 1), "2024-04-07, 2025-04-06"),
        ("Europe/London", datetime(2023, 5, 1), "2023-10-29, 2024-10-27"),
        ("America/Sao_Paulo", datetime(2016, 12, 1), ""),
        ("Australia/Lord_Howe", datetime(2023, 11, 1), ""),
        ("Asia/Kolkata", datetime(2023, 1, 1), ""),
    ],
)
def test_clocks_of_other_places(zone: str, start: datetime, told: str) -> None:
    moments = [start.replace(tzinfo=UTC) + i * timedelta(minutes=30) for i in range(2 * 24 * 700)]
    shown = [moment.astimezone(ZoneInfo(zone)).replace(tzinfo=None) for moment in moments]
    table = raw(pl.DataFrame({"t": shown}))
    found = find_clock(table, ReadOptions(timezone=zone), []).clock
    assert found is not None
    assert found.times.values.to_list() == moments
    bare = find_clock(table, ReadOptions(), []).clock
    assert bare is not None
    if told:
        steps = bare.times.values.diff().drop_nulls()
        assert set(steps) <= {timedelta(minutes=30), timedelta(minutes=90)}
        assert f" on {told} (" in bare.times.told[0]
    else:
        assert bare.times.told == ()


def test_one_hour_of_the_two_is_taken_as_the_first(path: Path) -> None:
    moments, cells = berlin(AUTUMN, 24, 10)
    table = load(path, "TS,A", [cell for cell in cells if cell < "2024-10-27 03"], timezone="Europe/Berlin")
    assert wall(table) == moments[: table.sensors.height]
    moments, cells = berlin(datetime(2024, 10, 27, 0), 6, 10)
    table = load(path, "TS,A", cells, timezone="Europe/Berlin")
    assert wall(table) == moments
    assert table.notes == [
        "the hour that comes twice in Europe/Berlin on 2024-10-27: it stands once here and is taken as the first"
    ]


def test_numbers_with_points_that_are_no_dates() -> None:
    versions = [f"0.{i}.24" for i in range(ROWS)]
    frame = pl.DataFrame({"version": versions, "A": range(ROWS)})
    assert find_clock(raw(frame), ReadOptions(), []).clock is None
    with pytest.raises(Refusal, match=r"'0\.0\.24' is no date of the calendar"):
        find_clock(raw(frame.rename({"version": "Date"})), ReadOptions(), [])


def test_an_hour_with_rows_lacking(path: Path) -> None:
    moments, cells = berlin(AUTUMN, 72, 10)
    # 02:50 of the first hour and 02:00, 02:10 of the second were not recorded.
    kept = [i for i, moment in enumerate(moments) if moment.strftime("%H:%M") not in ("00:50", "01:00", "01:10")]
    table = load(path, "TS,A", [cells[i] for i in kept], timezone="Europe/Berlin")
    assert wall(table) == [moments[i] for i in kept]
    table = load(path, "TS,A", [cells[i] for i in kept])
    assert wall(table) == [moments[i] + timedelta(hours=2) for i in kept]


@pytest.mark.parametrize("start", [datetime(2024, 6, 8, 20), datetime(2024, 10, 23, 20), datetime(2024, 10, 27, 6)])
def test_rows_an_hour_back_at_another_time_are_out_of_order(path: Path, start: datetime) -> None:
    cells = [str(start + i * STEP) for i in range(72)]
    cells[40:] = [str(start + (i - 6) * STEP) for i in range(40, 72)]
    notes = load(path, "TS,A", cells).notes
    assert not any("clock went back" in note for note in notes)
    assert any("repeated times: 6 rows" in note for note in notes)


def test_the_hour_that_spring_lacks_is_a_gap(path: Path) -> None:
    moments, cells = berlin(datetime(2024, 3, 30, 20), 72, 10)
    table = load(path, "TS,A", cells)
    assert wall(table) == [datetime.fromisoformat(cell) for cell in cells]
    assert table.notes == []
    assert wall(load(path, "TS,A", cells, timezone="Europe/Berlin")) == moments


def test_a_time_that_never_was_is_refused(path: Path) -> None:
    cells = [str(datetime(2024, 3, 31) + i * STEP) for i in range(24)]
    with pytest.raises(Refusal, match="row 14, column 'TS': 2024-03-31 02:00:00 did not happen in Europe/Berlin"):
        load(path, "TS,A", cells, timezone="Europe/Berlin")
    assert wall(load(path, "TS,A", cells, timezone="+01:00"))[0] == datetime(2024, 3, 30, 23)


def test_stored_dates_and_those_of_a_spreadsheet_take_the_zone(path: Path) -> None:
    found = find_clock(
        raw(pl.DataFrame({"t": MOMENTS, "A": range(ROWS)})), ReadOptions(timezone="Asia/Tokyo"), []
    ).clock
    assert found is not None
    expected = [(m - timedelta(hours=9)).replace(tzinfo=UTC) for m in MOMENTS]
    assert found.times.values.to_list() == expected
    assert found.times.note == "from Asia/Tokyo to UTC"
    table = load(path, "Time,A", [f"{day:.6f}" for day in DAYS], timezone="Asia/Tokyo")
    assert wall(table) == [moment.replace(tzinfo=None) for moment in expected]
    assert wall(load(path, "Time,A", [str(s) for s in SECONDS], timezone="Asia/Tokyo")) == MOMENTS


@pytest.mark.parametrize(
    ("timezone", "words"),
    [("Berlin", "did you mean 'Europe/Berlin'"), ("CST", "America/Chicago or Asia/Shanghai"), ("+25:00", "examples")],
)
def test_a_zone_that_is_not_known_is_refused(path: Path, timezone: str, words: str) -> None:
    with pytest.raises(Refusal, match=f"--timezone '{timezone.replace('+', '.')}' is no time zone.*{words}") as refusal:
        load(path, "TS,A", [str(moment) for moment in MOMENTS], timezone=timezone)
    assert refusal.value.status == 2


STAMPS = [datetime(2024, 2, 27, 20) + timedelta(hours=hour) for hour in range(150)]
PARTS: dict[str, Callable[[datetime], int]] = {
    "Month": lambda t: t.month,
    "tag": lambda t: t.day,
    "Hour": lambda t: t.hour,
    "day_of_week": lambda t: t.isoweekday() % 7,
    "weekday": lambda t: t.weekday(),
    "DOY": lambda t: t.timetuple().tm_yday,
    "Kalenderwoche": lambda t: t.isocalendar().week,
}


@pytest.mark.parametrize("timezone", [None, "America/Chicago"])
def test_parts_of_the_time_are_no_sensors(path: Path, timezone: str | None) -> None:
    # A week and a month begin within the hours.
    rows = [",".join([str(t), *(str(part(t)) for part in PARTS.values()), str(t.hour % 5)]) for t in STAMPS]
    path.write_text("\n".join([f"time,{','.join(PARTS)},Flow", *rows]))
    table = load_sensors(path, ReadOptions(timezone=timezone))
    assert table.sensors.columns == ["Flow"]
    assert {name: table.left_out[name] for name in ("Month", "tag", "Hour", "weekday")} == {
        "Month": "the month of the time",
        "tag": "the day of the time",
        "Hour": "the hour of the time",
        "weekday": "the weekday of the time",
    }
    kept = load_sensors(path, ReadOptions(columns=["Hour", "Flow"]))
    assert kept.sensors.columns == ["Hour", "Flow"]


def test_what_is_only_named_like_a_part_of_the_time_stays(path: Path) -> None:
    rows = [f"{t},{(t.hour + 1) % 24},{t.hour / 2},{t.month},{t.minute}" for t in STAMPS[-20:]]
    path.write_text("\n".join(["time,Hour,min,Year,sec", *rows]))
    table = load_sensors(path, ReadOptions())
    assert table.sensors.columns == ["Hour", "min", "Year", "sec"]
    assert "named like parts of the time, kept as sensors: 'Hour', 'Year'; --exclude leaves them out" in table.notes


@pytest.mark.parametrize(
    ("form", "name"),
    [
        ("%d%m%Y%H%M", "DDMMYYYYhhmm"),
        ("%d%m%Y%H%M%S", "DDMMYYYYhhmmss"),
        ("%d%m%Y", "DDMMYYYY"),
        ("%y%m%d%H%M%S", "YYMMDDhhmmss"),
        ("%y%m%d%H%M", "YYMMDDhhmm"),
    ],
)
def test_digits_in_an_order_that_is_not_read_are_refused(tmp_path: Path, form: str, name: str) -> None:
    start = datetime(2024, 2, 28, 20, 0)
    step = timedelta(days=1) if "%H" not in form else timedelta(minutes=30)
    times = [(start + k * step).strftime(form) for k in range(40)]
    file = tmp_path / "trend.csv"
    file.write_text("Time,Flow\n" + "".join(f"{time},{60 + k}\n" for k, time in enumerate(times)))
    with pytest.raises(Refusal, match=f"run together as {name}"):
        load_sensors(file, ReadOptions())


@pytest.mark.parametrize("first", [1_000_000, 240_301_001_000, 10_320_240_050, 123_456_789])
def test_running_numbers_stay_what_they_are(tmp_path: Path, first: int) -> None:
    file = tmp_path / "trend.csv"
    file.write_text("Time,Flow\n" + "".join(f"{first + 7 * k},{60 + k}\n" for k in range(400)))
    assert load_sensors(file, ReadOptions()).time is not None
