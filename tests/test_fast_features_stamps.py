"""Time stamps as people and machines spell them: the wall clock stays, and what is no date is none."""

from __future__ import annotations

import datetime as dt
import decimal
import logging
from typing import Any

import numpy as np
import pandas as pd
import pytest

from core import fast_features as ff

TEN = pd.Timestamp("2020-01-01 10:00")
EAST = dt.timezone(dt.timedelta(hours=2))


def read(stamps: Any) -> pd.Index:
    index = stamps if isinstance(stamps, pd.Index) else pd.Index(stamps, dtype=object)
    return ff.ensure_local_index(pd.DataFrame({"a": np.zeros(len(index))}, index=index)).index


@pytest.mark.parametrize(
    "zone",
    [
        *("", "Z", " z", " UTC", " utc", " UT", " GMT", "+02", " +2", " -5", "+02:00", "-0530", " +02:00:00"),
        *(" UTC+2", " UTC+02:00", " utc-5", " GMT+1", " GMT+0200", " UTC\u22122", " +0000 UTC", " -0800 PST"),
        *(" CET", " cest", " EST5EDT", " MSK", " Europe/Berlin", " America/Argentina/Buenos_Aires", " Etc/GMT+5"),
        *("[Europe/Berlin]", "+02:00[Europe/Berlin]", " GMT+0200 (CEST)", " GMT-0800 (Pacific Standard Time)"),
        *(" W. Europe Standard Time", " Central European Summer Time", " (UTC+01:00) Berlin"),
    ],
)
@pytest.mark.parametrize("clock", ["2020-01-01 10:00", "2020-01-01T10:00:00.000", "1/1/2020 10:00 AM"])
def test_the_wall_clock_stays_whatever_the_zone(clock: str, zone: str) -> None:
    assert read([clock + zone]).tolist() == [TEN]


@pytest.mark.parametrize(
    "text",
    [
        "Wed Jan 01 2020 10:00:00 GMT+0200 (CEST)",
        "Wed Jan 01 2020 10:00:00 GMT+0200 (Central European Summer Time)",
        "Wed, 01 Jan 2020 10:00:00 +0200",
        "Wed Jan  1 10:00:00 CET 2020",
        "01-Jan-2020 10:00:00 EST",
        "January 1, 2020 10:00 AM PST",
        "10:00 JAN 1 2020",
        "10:00:00 CET 1 Jan 2020",
        "10:00+02:00 2020-01-01",
        "20200101T100000Z",
        "20200101T100000+0200",
        "20200101 100000",
        "2020-01-01T10Z",
        "2020-01-01T10+02:00",
        "2020-01-01 10h00 CET",
        "2020-01-01 10 AM CET",
        "2020-01-01 10:00:00,000",
    ],
)
def test_other_spellings_of_ten(text: str) -> None:
    assert read([text]).tolist() == [TEN]


def test_a_day_with_a_zone_is_that_day() -> None:
    assert read(["2020-01-01Z", "2020-01-01+02:00", "2012-0530"]).tolist() == [
        pd.Timestamp("2020-01-01"),
        pd.Timestamp("2020-01-01"),
        pd.NaT,
    ]


def test_stamps_with_a_zone_of_their_own() -> None:
    aware = [
        dt.datetime(2020, 1, 1, 10, tzinfo=EAST),
        pd.Timestamp("2020-01-01 10:00", tz="Europe/Berlin"),
        pd.Timestamp("2020-01-01 10:00+03:00"),
        np.datetime64("2020-01-01T10", "h"),
        pd.Period("2020-01-01 10:00", "h"),
        "2020-01-01 10:00 +2",
    ]
    assert read(aware).tolist() == [TEN] * len(aware)
    exact = pd.Timestamp("2020-01-01 10:00:00.123456789", tz="Asia/Tokyo")
    assert read([exact])[0] == exact.tz_localize(None)


@pytest.mark.parametrize(
    "stamp",
    [
        *("14:00", "14:00:05", "2 PM", "2pm", "14h30", "T14:00", "10:00 AM", "10:00 CET", "10:00 UTC+2", "10:00 +02"),
        *("now", "today", "Today", "tomorrow", "now UTC", "noon", "NaN", "nan", "NaT", "inf", "", "no date", "Monday"),
        *("Jan", "May", "Jan 5", "5", "12", "3.5", "1e5", "1400", "1577872800", "2020-02-30", "2020-01-01 25:00"),
        *("2020-01-01 10:00 to 11:00", "2020-01-01 10:00 hello", "10000-01-01"),
        *(20200101, np.int64(5), 1.5, True, 1j, decimal.Decimal(1), b"2020-01-01"),
        *(dt.time(14), dt.timedelta(1), pd.Timedelta("1D"), pd.Interval(1, 2)),
    ],
    ids=str,
)
def test_what_is_no_date_is_none(stamp: Any, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING, logger=ff.__name__):
        assert read(["2020-01-01 10:00", stamp]).tolist() == [TEN, pd.NaT]
    (record,) = caplog.records
    shown = repr(stamp) if isinstance(stamp, str) else str(stamp)
    assert record.getMessage().startswith("1 of 2 time stamps are no date")
    assert record.getMessage().endswith(f"such as {shown}")


@pytest.mark.parametrize(
    "stamp",
    [
        *("9999-12-31 23:59:59", "0001-01-01", "12/31/9999", "2262-04-12", "1677-09-20", "9999-12-31T00:00:00Z"),
        *(dt.datetime(9999, 12, 31, 23, 59, 59), dt.datetime(1, 1, 1), dt.date(9999, 12, 31)),
        *(np.datetime64("9999-12-31", "s"), np.datetime64(10**7, "Y"), pd.Period("9999-12", "M")),
        *(dt.datetime(9999, 12, 31, tzinfo=EAST), dt.datetime(1, 1, 1, tzinfo=EAST)),
    ],
    ids=str,
)
def test_what_nanoseconds_cannot_count_is_no_other_date(stamp: Any, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING, logger=ff.__name__):
        assert read([stamp, "2020-01-01 10:00"]).tolist() == [pd.NaT, TEN]
    assert "1 of 2 time stamps" in caplog.text


@pytest.mark.parametrize("unit", ["s", "ms", "us"])
@pytest.mark.parametrize("zone", [None, "UTC", "Asia/Tokyo"])
def test_far_dates_of_every_unit(unit: str, zone: str | None, caplog: pytest.LogCaptureFixture) -> None:
    stamps = np.array(["2020-01-01T01", "9999-12-31", "NaT", "2262-04-11T23:47:16"], dtype=f"datetime64[{unit}]")
    index = pd.DatetimeIndex(stamps, name="t")
    if zone:
        index = index.tz_localize("UTC").tz_convert(zone)
    # Nine hours later in Tokyo, the last one's wall clock is beyond the bounds.
    late = zone == "Asia/Tokyo"
    with caplog.at_level(logging.WARNING, logger=ff.__name__):
        out = read(index)
    hour = 10 if late else 1
    last = pd.NaT if late else pd.Timestamp("2262-04-11 23:47:16")
    assert out.tolist() == [pd.Timestamp(f"2020-01-01 {hour:02}:00"), pd.NaT, pd.NaT, last]
    assert out.name == "t"
    assert f"{1 + late} of 4 time stamps" in caplog.text


def test_a_wall_clock_beyond_the_bounds_in_nanoseconds(caplog: pytest.LogCaptureFixture) -> None:
    index = (
        pd.DatetimeIndex(np.array([2**63 - 1, 0], dtype="datetime64[ns]")).tz_localize("UTC").tz_convert("Asia/Tokyo")
    )
    with caplog.at_level(logging.WARNING, logger=ff.__name__):
        assert read(index).tolist() == [pd.NaT, pd.Timestamp("1970-01-01 09:00")]
    assert "1 of 2 time stamps" in caplog.text
    bounds = ["2262-04-11 23:47:16.854775807", "1677-09-21 00:12:43.145224193"]
    assert read(bounds).tolist() == [pd.Timestamp(2**63 - 1), pd.Timestamp(-(2**63) + 1)]


def test_numbers_are_nanoseconds_where_all_are() -> None:
    assert read(pd.Index([0.0, np.nan, 1e300, 5.0])).tolist() == [pd.Timestamp(0), pd.NaT, pd.NaT, pd.Timestamp(5)]
    assert read(pd.Index([1, None], dtype="Int64")).tolist() == [pd.Timestamp(1), pd.NaT]
    assert read(pd.Index([2**64 - 1, 7], dtype="uint64")).tolist() == [pd.NaT, pd.Timestamp(7)]
    for no_dates in (pd.Index([True]), pd.timedelta_range("1D", periods=1), pd.IntervalIndex.from_breaks([0, 1])):
        assert read(no_dates).tolist() == [pd.NaT]


def test_other_kinds_that_hold_dates() -> None:
    assert read(pd.CategoricalIndex(["2020-01-01 10:00 CET", "x"])).tolist() == [TEN, pd.NaT]
    assert read(pd.Index(["2020-01-01 10:00Z", None], dtype="string")).tolist() == [TEN, pd.NaT]
    assert read(pd.period_range("9998", periods=2, freq="Y")).tolist() == [pd.NaT, pd.NaT]
    assert read(["2020Q1", "2020", "20120530"])[2] == pd.Timestamp("2012-05-30")
    pa = pytest.importorskip("pyarrow")
    far = pd.array([dt.datetime(2020, 1, 1, 10), dt.datetime(9999, 1, 1)], dtype=pd.ArrowDtype(pa.timestamp("s")))
    assert read(pd.Index(far)).tolist() == [TEN, pd.NaT]
    assert read(pd.Index(pd.array([None], dtype=pd.ArrowDtype(pa.null())))).tolist() == [pd.NaT]


def test_steps_of_several_units_are_counted() -> None:
    tens = np.empty(3, dtype=object)
    tens[:] = [np.datetime64(5, "10s"), np.datetime64(2, "7D"), np.datetime64(2**62, "10D")]
    assert read(pd.Index(tens, dtype=object)).tolist() == [
        pd.Timestamp("1970-01-01 00:00:50"),
        pd.Timestamp("1970-01-15"),
        pd.NaT,
    ]
