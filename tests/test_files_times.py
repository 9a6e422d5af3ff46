"""Timestamps as historians and spreadsheets write them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from acm_rs.files.errors import Origin, Refusal
from acm_rs.files.times import (
    DateOrder,
    Times,
    looks_like_clock,
    looks_like_time,
    times_from_numbers,
    times_from_text,
)
from hypothesis import given
from hypothesis import strategies as st

MOMENTS = st.lists(st.datetimes(datetime(1970, 1, 1), datetime(2069, 12, 31)), min_size=1, max_size=20)


def read(cells: list[str | None], order: DateOrder | None = None) -> Times:
    origin = Origin(Path("plant.csv"), np.arange(2, len(cells) + 2))
    return times_from_text(pl.Series(cells, dtype=pl.String), "TS", origin, order)


@pytest.mark.parametrize(
    ("spelling", "unit"),
    [
        ("%Y-%m-%d %H:%M:%S.%f", timedelta(microseconds=1)),
        ("%Y-%m-%dT%H:%M:%S", timedelta(seconds=1)),
        ("%Y/%m/%d %H:%M", timedelta(minutes=1)),
        ("%Y-%m-%d", timedelta(days=1)),
        ("%d-%b-%y %H:%M:%S", timedelta(seconds=1)),
        ("%d %B %Y %H:%M", timedelta(minutes=1)),
        ("%B %d, %Y %I:%M:%S %p", timedelta(seconds=1)),
        ("%d-%b-%Y %I:%M %p", timedelta(minutes=1)),
    ],
)
@given(moments=MOMENTS)
def test_spellings_that_leave_no_doubt(spelling: str, unit: timedelta, moments: list[datetime]) -> None:
    start = datetime(1970, 1, 1)
    whole = [start + (moment - start) // unit * unit for moment in moments]
    assert read([moment.strftime(spelling) for moment in whole]).values.to_list() == whole


@pytest.mark.parametrize(("order", "spelling"), [("mdy", "%m/%d/%Y"), ("dmy", "%d.%m.%Y"), ("mdy", "%m-%d-%y")])
@given(moments=MOMENTS)
def test_given_order(order: str, spelling: str, moments: list[datetime]) -> None:
    days = [datetime(moment.year, moment.month, moment.day) for moment in moments]
    assert read([day.strftime(spelling) for day in days], DateOrder(order)).values.to_list() == days


def test_two_spellings_in_one_column() -> None:
    times = read(["5/31/2012 23:30", "06-01-2012 00:00", "2012-06-01 00:30", "6/1/2012 1:00"])
    step = timedelta(minutes=30)
    assert times.values.to_list() == [datetime(2012, 5, 31, 23, 30) + i * step for i in range(4)]
    assert times.note == "dates month first"


@pytest.mark.parametrize(
    ("spelling", "note"),
    [("%d/%m/%Y %H:%M", "day first"), ("%m/%d/%Y %H:%M", "month first"), ("%y/%m/%d %H:%M", "year first")],
)
def test_order_told_by_the_length_of_the_history(spelling: str, note: str) -> None:
    # No day of these is above 12 but for the year-first ones: only the steps tell.
    start = datetime(2013, 3, 2, 12)
    moments = [start + i * timedelta(hours=1) for i in range(100)]
    times = read([moment.strftime(spelling) for moment in moments])
    assert times.values.to_list() == moments
    assert times.note == f"dates {note}"


def test_order_does_not_matter_where_all_readings_agree() -> None:
    assert read(["06/06/2012 01:00", "06/06/2012 02:00"]).values.to_list() == [
        datetime(2012, 6, 6, 1),
        datetime(2012, 6, 6, 2),
    ]


@pytest.mark.parametrize(
    ("cells", "row", "words"),
    [
        (["02/03/2024 00:00", "02/03/2024 01:00"], 2, ["month first or day first", "--date-order mdy or dmy"]),
        (["01/02/2024", "02/02/2024", "03/02/2024"], 2, ["--date-order"]),
        (["21/05/2012 1:00", "5/22/2012 1:00"], 2, ["only be day first", "row 3 only month first"]),
        (["2012-05-21", "yesterday"], 3, ["'yesterday' is not a date"]),
        (["2012-05-21", None], 3, ["the time is missing"]),
        (["2012-05-21", " "], 3, ["the time is missing"]),
        (["2012-02-30"], 2, ["no date of the calendar"]),
        (["31/31/2012"], 2, ["no date of the calendar"]),
        (["2100-02-29"], 2, ["no date of the calendar"]),
        (["2012-05-21 25:00"], 2, ["no such time of day"]),
        (["2012-05-21 13:00 PM"], 2, ["no such time of day"]),
        (["2012-05-21 10:60"], 2, ["no such time of day"]),
        (["2012-05-21 10:00Z", "2012-05-21 11:00"], 3, ["no time zone", "row 2 has one"]),
        (["2012-05-21 10:00 CET"], 2, ["is not a date"]),
        (["21-Foo-2012"], 2, ["is not a date", "calendar"]),
    ],
)
def test_refused_by_row_and_column(cells: list[str | None], row: int, words: list[str]) -> None:
    with pytest.raises(Refusal) as refusal:
        read(cells)
    text = str(refusal.value)
    assert text.startswith(f"plant.csv, row {row}, column 'TS'")
    assert any(word in text for word in words)
    assert "\n" not in text


def test_given_order_refuses_the_other() -> None:
    with pytest.raises(Refusal, match="row 2, column 'TS': '01/21/2024' is no day first date"):
        read(["01/21/2024"], DateOrder.dmy)


def test_zones_become_utc() -> None:
    times = read(["2024-01-01T00:30+02:00", "2024-01-01T00:30:00Z", "2023-12-31 20:00 -0500", "2024-01-01 01:45+00"])
    assert times.values.to_list() == [
        datetime(2023, 12, 31, 22, 30, tzinfo=UTC),
        datetime(2024, 1, 1, 0, 30, tzinfo=UTC),
        datetime(2024, 1, 1, 1, 0, tzinfo=UTC),
        datetime(2024, 1, 1, 1, 45, tzinfo=UTC),
    ]
    assert times.note == "in UTC"


def test_midnight_as_24_and_leap_days() -> None:
    times = read(["2024-02-29 24:00", "2000-02-29", "2024-12-31 24:00:00"])
    assert times.values.to_list() == [datetime(2024, 3, 1), datetime(2000, 2, 29), datetime(2025, 1, 1)]


def test_nanoseconds_are_kept() -> None:
    times = read(["2024-01-01 00:00:00.123456789", "2024-01-01 00:00:00,5"])
    assert times.values.dtype == pl.Datetime("ns")
    second = 1_704_067_200 * 10**9
    assert times.values.to_physical().to_list() == [second + 123_456_789, second + 500_000_000]
    assert read(["2024-01-01 00:00:00.123456000"]).values.dtype == pl.Datetime("us")


@pytest.mark.parametrize(("factor", "name"), [(1, "seconds"), (10**3, "milli"), (10**6, "micro"), (10**9, "nano")])
def test_numbers_since_1970(factor: int, name: str) -> None:
    seconds = [1_700_000_000, 1_700_000_060]
    times = times_from_numbers(pl.Series("t", [s * factor for s in seconds]))
    assert [moment.timestamp() for moment in times.values.to_list()] == seconds
    assert name in times.note
    halves = times_from_numbers(pl.Series("t", [1_700_000_000.5, 1_700_000_060.25]))
    assert [moment.timestamp() for moment in halves.values.to_list()] == [1_700_000_000.5, 1_700_000_060.25]


def test_a_running_number_stays_one() -> None:
    numbers = pl.Series("t", [0.0, 0.5, 1.0])
    assert times_from_numbers(numbers).values.equals(numbers)


def test_what_looks_like_time() -> None:
    assert looks_like_time(pl.Series(["5/21/2012 14:00", None, " "]))
    assert not looks_like_time(pl.Series(["12.5", "13"]))
    assert not looks_like_time(pl.Series([None, ""], dtype=pl.String))
    assert looks_like_clock(pl.Series(["14:00", "2:30 PM"]))
    assert not looks_like_clock(pl.Series(["5/21/2012 14:00"]))
