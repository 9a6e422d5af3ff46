"""The time index: zones, spellings, duplicates."""

from __future__ import annotations

import datetime as dt
import logging

import numpy as np
import pandas as pd
import pytest

from core import fast_features as ff


def framed(index: object) -> pd.DataFrame:
    index = pd.Index(index) if not isinstance(index, pd.Index) else index
    return pd.DataFrame({"a": np.arange(float(len(index)))}, index=index)


def test_a_naive_index_stays() -> None:
    index = pd.date_range("2012-05-21", periods=3, freq="30min", name="TS")
    df = framed(index)
    assert ff.ensure_local_index(df) is df
    pd.testing.assert_index_equal(df.index, index)


@pytest.mark.parametrize("zone", ["UTC", "Europe/Berlin", "Asia/Kolkata"])
def test_the_wall_clock_is_kept(zone: str) -> None:
    naive = pd.date_range("2012-03-25 00:00", periods=3, freq="1h", name="TS")
    df = framed(pd.DatetimeIndex(naive).tz_localize(zone, nonexistent="shift_forward"))
    out = ff.ensure_local_index(df)
    assert out is df
    assert out.index.tz is None
    assert out.index[0] == pd.Timestamp("2012-03-25 00:00")
    assert out.index.name == "TS"


def test_mixed_spellings_in_one_index() -> None:
    spellings = [
        "5/21/2012 14:00",
        "06-01-2012 00:00",
        "2012-06-01T00:30:00Z",
        " 2012-06-01 01:00+05:30",
        "June 1, 2012 1:30",
    ]
    with_zone = pd.Timestamp("2012-06-01 02:00", tz="Asia/Kolkata")
    df = framed(pd.Index([*spellings, with_zone, dt.datetime(2012, 6, 1, 2, 30), dt.date(2012, 6, 2)], dtype=object))
    out = ff.ensure_local_index(df)
    want = [
        *("2012-05-21 14:00", "2012-06-01 00:00", "2012-06-01 00:30", "2012-06-01 01:00", "2012-06-01 01:30"),
        *("2012-06-01 02:00", "2012-06-01 02:30", "2012-06-02"),
    ]
    assert out.index.tolist() == [pd.Timestamp(w) for w in want]
    assert out["a"].tolist() == list(range(8))


def test_one_order_of_day_and_month_for_each_separator() -> None:
    df = framed(["05.06.2012 00:00", "21.06.2012 00:00", "05/06/2012 00:00", "05-21-2012 00:00", "2012-06-05"])
    months = [(stamp.month, stamp.day) for stamp in ff.ensure_local_index(df).index]
    assert months == [(6, 5), (6, 21), (5, 6), (5, 21), (6, 5)]
    for wrong in (["21/05/2012", "05/21/2012"], ["05/21/2012", "21/05/2012"], ["21/21/2012"]):
        with pytest.raises(ValueError, match="mixes day-first and month-first dates, as in"):
            ff.ensure_local_index(framed(wrong))


def test_what_cannot_be_read_is_told(caplog: pytest.LogCaptureFixture) -> None:
    df = framed(pd.Index(["2012-05-21", "no date", None, "2012-05-22"], dtype=object))
    with caplog.at_level(logging.WARNING, logger=ff.__name__):
        out = ff.ensure_local_index(df)
    assert out.index.isna().tolist() == [False, True, True, False]
    assert [record.getMessage() for record in caplog.records] == [
        "1 of 4 time stamps are no date between the years 1677 and 2262 and became NaT, such as 'no date'"
    ]


def test_other_kinds_of_index() -> None:
    nanoseconds = framed(pd.Index([0, 10**9], name="t"))
    assert ff.ensure_local_index(nanoseconds).index.tolist() == [pd.Timestamp(0), pd.Timestamp(10**9)]
    assert nanoseconds.index.name == "t"
    assert ff.ensure_local_index(framed(pd.period_range("2012-05", periods=2, freq="M"))).index[1] == pd.Timestamp(
        "2012-06"
    )
    assert isinstance(ff.ensure_local_index(framed([])).index, pd.DatetimeIndex)
    with pytest.raises(TypeError, match="one level"):
        ff.ensure_local_index(framed(pd.MultiIndex.from_tuples([(1, 2)])))
    pl = pytest.importorskip("polars")
    for function in (ff.ensure_local_index, lambda df: ff.deduplicate_index(df, "train")):
        with pytest.raises(TypeError, match="must be a pandas DataFrame"):
            function(pl.DataFrame({"a": [1]}))


def test_the_last_of_each_time_stamp_stays(caplog: pytest.LogCaptureFixture) -> None:
    stamps = pd.to_datetime(["2012-05-23", "2012-05-21", "2012-05-22", "2012-05-21", "2012-05-21"])
    df = framed(stamps)
    with caplog.at_level(logging.WARNING, logger=ff.__name__):
        out, removed = ff.deduplicate_index(df, "SCORE", equip="FD fan")
    assert removed == 2
    assert isinstance(removed, int)
    assert out.index.tolist() == sorted(set(stamps))
    assert out["a"].tolist() == [4.0, 2.0, 0.0]
    assert len(df) == 5
    messages = [record.getMessage() for record in caplog.records]
    assert messages == ["Removing 2 duplicate timestamps from SCORE data of FD fan"]


def test_nothing_to_remove(caplog: pytest.LogCaptureFixture) -> None:
    df = framed(pd.to_datetime(["2012-05-22", "2012-05-21"]))
    with caplog.at_level(logging.WARNING, logger=ff.__name__):
        out, removed = ff.deduplicate_index(df, "TRAIN")
    assert removed == 0
    assert out["a"].tolist() == [1.0, 0.0]
    ordered, _ = ff.deduplicate_index(out, "TRAIN")
    assert ordered is out
    assert not caplog.records


@pytest.mark.parametrize("zone", ["+02", " +02", "+02:00", "+0200", "-0530", "Z", " UTC"])
def test_the_wall_clock_stays_whatever_the_spelling_of_the_zone(zone: str) -> None:
    frame = pd.DataFrame({"a": [1.0, 2.0]}, index=[f"2024-01-01 00:30{zone}", f"2024-01-01 01:00:30{zone}"])
    got = ff.ensure_local_index(frame).index
    assert list(got) == [pd.Timestamp("2024-01-01 00:30"), pd.Timestamp("2024-01-01 01:00:30")]
