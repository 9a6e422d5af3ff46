"""Timestamps as historians and spreadsheets write them."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from acm_rs.files.errors import Origin, Refusal
from acm_rs.files.options import ReadOptions
from acm_rs.files.table import load_sensors
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

MOMENTS = st.lists(st.datetimes(datetime(1970, 1, 2), datetime(2069, 12, 31)), min_size=1, max_size=20)


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


def test_hours_without_minutes() -> None:
    start = datetime(2014, 1, 6)
    moments = [start + i * timedelta(hours=1) for i in range(24 * 30)]
    for spelling in ("%d/%m/%y %H", "%m/%d/%Y %H", "%Y-%m-%d %H", "%Y%m%dT%H", "%Y/%m/%d %I %p"):
        assert read([moment.strftime(spelling) for moment in moments]).values.to_list() == moments


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
        (["01-01-02 00:00", "01-01-02 00:10"], 2, ["--date-order mdy or dmy or ymd"]),
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
        (["2012-05-21 00:22:60"], 2, ["no such time of day"]),
        (["2012-05-21 10:00Z", "2012-05-21 11:00"], 3, ["no time zone", "row 2 has one"]),
        (["2012-05-21 10:00 CST"], 2, ["'CST' has several meanings; say which with --timezone America/Chicago"]),
        (["2012-05-21 10:00 IST"], 2, ["--timezone Asia/Kolkata or --timezone Europe/Dublin"]),
        (["2012-05-21 10:00 XYZ"], 2, ["'XYZ' is no time zone that is known"]),
        (["2012-05-21 10:00 Mars/Crater"], 2, ["'Mars/Crater' is no time zone that is known"]),
        (["2012-367"], 2, ["no date of the calendar"]),
        (["2023-366"], 2, ["no date of the calendar"]),
        (["20240230T0010"], 2, ["no date of the calendar"]),
        (["20240301T2510"], 2, ["no such time of day"]),
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


@pytest.mark.parametrize(
    "cell",
    [
        "01. März 2024 00:10",
        "1. März 2024, 0:10 Uhr",
        "Fr. 1. Mär 2024 00:10",
        "Freitag, 1. Maerz 2024 um 00:10",
        "01-MRZ-2024 00:10:00",
        "1er mars 2024 00:10",
        "1er mars 2024 à 00h10",
        "vendredi 1 mars 2024 00:10:00",
        "ven. 01 mars 2024, 00:10",
        "1 de marzo de 2024 00:10",
        "1 de marzo del 2024 a las 00:10",
        "viernes, 1 mar. 2024 12:10 a. m.",
        "vie 01-mar-2024 00:10",
        "Fri Mar 01 00:10:00 2024",
        "Fri Mar  1 00:10:00 2024",
        "Fri, 01 Mar 2024 00:10:00",
        "Friday, March 1, 2024 12:10:00 AM",
        "March 1st, 2024 0:10",
        "01MAR2024:00:10:00",
        "01MAR24 00:10",
        "01/Mar/2024:00:10:00",
        "2024-Mar-01 00:10",
        "2024/03/01 12:10:00\u202fAM",
        "2024.03.01 00.10.00",
        "2024-03-01_00-10-00",
        "2024-03-01T00:10:00.000000000000",
        "2024-061T00:10",
        "2024-W09-5T00:10",
        "2024W095T0010",
        "20240301T001000",
        "20240301T0010",
        "20240301 001000",
        "20240301_001000",
        "20240301-001000",
        "20240301 00:10",
        "20240301001000000",
        "00:10:00 2024-03-01",
        "12:10 AM, 1 March 2024",
        "01.03.2024 00:10",
        "1. 3. 2024 0:10",
    ],
)
def test_one_moment_in_many_spellings(cell: str) -> None:
    assert read([cell]).values.to_list() == [datetime(2024, 3, 1, 0, 10)]


@pytest.mark.parametrize(
    ("language", "months"),
    [
        ("en", "January February March April May June July August September October November December"),
        ("en", "Jan Feb Mar Apr May Jun Jul Aug Sept Oct Nov Dec"),
        ("de", "Januar Februar März April Mai Juni Juli August September Oktober November Dezember"),
        ("de", "Jän. Feb. Mrz. Apr. Mai Jun. Jul. Aug. Sep. Okt. Nov. Dez."),
        ("fr", "janvier février mars avril mai juin juillet août septembre octobre novembre décembre"),
        ("fr", "janv. févr. mars avr. mai juin juil. aout sept. oct. nov. dec."),
        ("es", "enero febrero marzo abril mayo junio julio agosto septiembre octubre noviembre diciembre"),
        ("es", "ene feb mar abr may jun jul ago setiembre oct nov dic"),
    ],
)
def test_months_by_name(language: str, months: str) -> None:
    of = " de " if language == "es" else " "
    cells = [f"{3 + i}{of}{name}{of}2023 0{i % 10}:30" for i, name in enumerate(months.split())]
    expected = [datetime(2023, i + 1, 3 + i, i % 10, 30) for i in range(12)]
    assert read(cells).values.to_list() == expected
    assert read([cell.upper() for cell in cells]).values.to_list() == expected


def test_accents_of_two_characters() -> None:
    cells = ["1 f\u0065\u0301vrier 2024 10:05", "1 M\u0061\u0308rz 2024 10:05"]
    assert read(cells).values.to_list() == [datetime(2024, 2, 1, 10, 5), datetime(2024, 3, 1, 10, 5)]


@pytest.mark.parametrize(
    ("zone", "hours"),
    [
        ("Z", 0),
        (" UTC", 0),
        (" (UTC)", 0),
        (" GMT", 0),
        (" CET", 1),
        (" CEST", 2),
        (" MESZ", 2),
        (" EST", -5),
        (" PDT", -7),
        (" JST", 9),
        (" IST", 5.5),
        (" Europe/Berlin", 2),
        ("[Europe/Berlin]", 2),
        (" america/new_york", -4),
        ("+01:00", 1),
        ("+0100", 1),
        ("+01", 1),
        (" -03:30", -3.5),
        ("\u22123", -3),
        (" UTC+1", 1),
        (" GMT-05:00", -5),
        ("+02:00[Europe/Berlin]", 2),
        (" GMT+0200 (Central European Summer Time)", 2),
        (" +0000 UTC", 0),
    ],
)
def test_zones_by_name_and_offset(zone: str, hours: float) -> None:
    given = "Asia/Kolkata" if "IST" in zone else None
    cells = [f"2024-07-01 12:00:00{zone}", f"2024-07-01 13:00:00{zone}"]
    start = datetime(2024, 7, 1, 12, tzinfo=UTC) - timedelta(hours=hours)
    times = times_from_text(pl.Series(cells), "TS", Origin(Path("plant.csv"), np.arange(2, 4)), timezone=given)
    assert times.values.to_list() == [start, start + timedelta(hours=1)]
    assert times.values.dtype == pl.Datetime("us", "UTC")


def test_zones_that_change_from_row_to_row() -> None:
    times = read(["2024-10-27 02:50 CEST", "2024-10-27 02:00 CET", "2024-10-27T01:10Z", "2024-10-27 02:20+01:00"])
    assert times.values.to_list() == [
        datetime(2024, 10, 27, 0, 50, tzinfo=UTC) + i * timedelta(minutes=10) for i in range(4)
    ]


def test_a_partner_tells_what_an_abbreviation_means() -> None:
    times = read(["2024-03-10 01:00 CST", "2024-03-10 03:00 CDT"])
    assert times.values.to_list() == [datetime(2024, 3, 10, hour, tzinfo=UTC) for hour in (7, 8)]
    times = read(["2024-03-31 00:30 GMT", "2024-03-31 02:30 BST"])
    assert times.values.to_list() == [datetime(2024, 3, 31, hour, 30, tzinfo=UTC) for hour in (0, 1)]


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


@pytest.mark.parametrize("cell", ["2016-12-31 23:59:60Z", "2017-01-01 05:29:60+05:30", "2017-01-01 05:44:60+05:45"])
def test_a_leap_second_ends_an_hour_of_utc(cell: str) -> None:
    assert read([cell]).values.to_list() == [datetime(2017, 1, 1, tzinfo=UTC)]


def test_nanoseconds_are_kept() -> None:
    times = read(["2024-01-01 00:00:00.123456789", "2024-01-01 00:00:00,5"])
    assert times.values.dtype == pl.Datetime("ns")
    second = 1_704_067_200 * 10**9
    assert times.values.to_physical().to_list() == [second + 123_456_789, second + 500_000_000]
    assert read(["2024-01-01 00:00:00.123456000"]).values.dtype == pl.Datetime("us")
    # Nanoseconds reach to 2262, further than the years that are taken for times.
    with pytest.raises(Refusal, match="row 3, column 'TS': '9999-12-31 00:00:00' is no time from 1970 to 2100"):
        read(["2024-01-01 00:00:00.123456789", "9999-12-31 00:00:00"])
    last = read(["2024-01-01 00:00:00.123456789", "2100-12-31 23:59:59.999999999"]).values
    assert last.to_physical().to_list() == [second + 123_456_789, 4_133_980_799_999_999_999]


@pytest.mark.parametrize(("factor", "name"), [(1, "seconds"), (10**3, "milli"), (10**6, "micro"), (10**9, "nano")])
def test_numbers_since_1970(factor: int, name: str) -> None:
    seconds = [1_700_000_000, 1_700_000_060]
    times = times_from_numbers(pl.Series("t", [s * factor for s in seconds]))
    assert [moment.timestamp() for moment in times.values.to_list()] == seconds
    assert name in times.note
    halves = times_from_numbers(pl.Series("t", [1_700_000_000.5, 1_700_000_060.25]))
    assert [moment.timestamp() for moment in halves.values.to_list()] == [1_700_000_000.5, 1_700_000_060.25]


@pytest.mark.parametrize("first", [0, 50_000_000, 600_000_000, 2_300_000_000, 85_000_000_000])
def test_numbers_outside_of_the_plausible_years_are_running(first: int) -> None:
    numbers = pl.Series("t", [first, first + 60, first + 120])
    times = times_from_numbers(numbers)
    assert times.values.equals(numbers)
    assert times.note == "a running number"


def test_a_running_number_stays_one() -> None:
    numbers = pl.Series("t", [0.0, 0.5, 1.0])
    assert times_from_numbers(numbers).values.equals(numbers)


@pytest.mark.parametrize(
    ("spelling", "unit"),
    [
        ("%Y%m%d", timedelta(days=1)),
        ("%Y%m%d%H", timedelta(hours=1)),
        ("%Y%m%d%H%M", timedelta(minutes=1)),
        ("%Y%m%d%H%M%S", timedelta(seconds=1)),
        ("%Y%m%d%H%M%S%f", timedelta(milliseconds=1)),
    ],
)
@given(moments=st.lists(st.datetimes(datetime(1990, 1, 1), datetime(2040, 12, 31)), min_size=1, max_size=9))
def test_digits_run_together(spelling: str, unit: timedelta, moments: list[datetime]) -> None:
    start = datetime(1990, 1, 1)
    whole = [start + (moment - start) // unit * unit for moment in moments]
    written = [moment.strftime(spelling) for moment in whole]
    written = [text[:17] for text in written]
    assert times_from_numbers(pl.Series("t", [int(text) for text in written])).values.to_list() == whole
    if len(written[0]) < 17:
        assert times_from_numbers(pl.Series("t", [float(text) for text in written])).values.to_list() == whole


def test_one_number_that_does_not_fit_is_named() -> None:
    origin = Origin(Path("plant.csv"), np.arange(2, 22))
    stamps = [202403010000 + i for i in range(20)]
    for wrong, words in ((202402300000, "is no time in YYYYMMDDhhmm"), (None, "the time is missing")):
        cells = pl.Series([*stamps[:7], wrong, *stamps[8:]])
        with pytest.raises(Refusal, match=f"row 9, column 't': .*{words}"):
            times_from_numbers(cells, "t", origin)
    seconds = pl.Series([1_700_000_000 + i for i in range(19)] + [0])
    with pytest.raises(Refusal, match="row 21, column 't': '0' is no time between 1990 and 2040"):
        times_from_numbers(seconds, "t", origin)


@pytest.mark.parametrize(
    ("decimals", "step"),
    [
        (4, timedelta(minutes=10)),
        (5, timedelta(minutes=1)),
        (6, timedelta(seconds=13)),
        (8, timedelta(seconds=1)),
        (11, timedelta(milliseconds=250)),
    ],
)
def test_days_of_a_spreadsheet(decimals: int, step: timedelta) -> None:
    moments = [datetime(2024, 3, 1) + i * step for i in range(40)]
    days = [round((moment - datetime(1899, 12, 30)) / timedelta(days=1), decimals) for moment in moments]
    for numbers, digits in ((days, decimals), (days, None)):
        assert times_from_numbers(pl.Series("t", numbers), decimals=digits).values.to_list() == moments


def test_whole_days_of_a_spreadsheet_only_where_a_date_is_meant() -> None:
    numbers = pl.Series("t", [45352, 45353, 45354])
    assert times_from_numbers(numbers).note == "a running number"
    assert times_from_numbers(numbers, sheet=True).values.to_list() == [datetime(2024, 3, day) for day in (1, 2, 3)]


def test_what_looks_like_time() -> None:
    assert looks_like_time(pl.Series(["5/21/2012 14:00", None, " "]))
    # Marks that a program puts before its text are none of it, and no content.
    assert looks_like_time(pl.Series(["'"] * 300 + ["2026-01-05 10:00"] * 300))
    assert not looks_like_time(pl.Series(["12.5", "13"]))
    assert not looks_like_time(pl.Series([None, ""], dtype=pl.String))
    assert looks_like_clock(pl.Series(["14:00", "2:30 PM"]))
    assert not looks_like_clock(pl.Series(["5/21/2012 14:00"]))


def test_weeks_of_iso_are_those_of_python() -> None:
    ends = [(1, 1), (1, 3), (1, 4), (1, 5), (7, 1), (12, 28), (12, 30), (12, 31)]
    days = [date(year, month, day) for year in range(1998, 2030) for month, day in ends]
    weeks = ["{}-W{:02}-{}".format(*day.isocalendar()) for day in days]
    read = times_from_text(pl.Series("t", weeks), "t", Origin(Path("in.csv"), np.arange(len(days))))
    assert read.values.dt.date().to_list() == days


@pytest.mark.parametrize("cell", ["2023-W53-1", "2024-W00-1", "2024-W10-8", "2024-W10-0"])
def test_weeks_that_do_not_exist_are_bad(cell: str) -> None:
    cells = pl.Series("t", ["2024-W09-5", cell])
    with pytest.raises(Refusal, match=f"row 3, column 't': '{cell}' is no date of the calendar"):
        times_from_text(cells, "t", Origin(Path("in.csv"), np.array([2, 3])))


@pytest.mark.parametrize("newest_first", [False, True])
@pytest.mark.parametrize("whole_year", [False, True])
def test_two_orders_in_one_column_that_its_rows_betray_are_refused(newest_first: bool, whole_year: bool) -> None:
    days = [datetime(2024, 3, 1) + timedelta(hours=8 * k) for k in range(1000 if whole_year else 90)]
    cells = [day.strftime("%d/%m/%Y %H:%M" if day.day > 12 else "%m/%d/%Y %H:%M") for day in days]
    cells = cells[::-1] if newest_first else cells
    with pytest.raises(Refusal, match=r"dates beyond the twelfth are day first, but .* --date-order dmy"):
        read(cells)
    assert len(read(cells, DateOrder.dmy).values) == len(days)
    one = [day.strftime("%d/%m/%Y %H:%M") for day in days]
    assert read(one).values.to_list() == days


def test_a_word_among_running_numbers_is_said_to_be_none(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("n,b\n" + "".join(f"{'Bad' if row == 5 else row},{row % 3}\n" for row in range(1, 40)))
    told = "row 6, column 'n': 'Bad' is no number, and the other rows count on; --time-column names another"
    with pytest.raises(Refusal, match=told):
        load_sensors(path, ReadOptions(time_column="n"))
