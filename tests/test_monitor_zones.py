"""Spans and moments without an offset are of the frame's own zone."""

from __future__ import annotations

import datetime

import dateutil.tz
import numpy as np
import pandas as pd
import polars as pl
import pytest
from acm_rs import Monitor, backtest
from acm_rs.monitor.events import events_of
from acm_rs.monitor.local import instant
from test_monitor_outages import plant

ZONES = ["Europe/Berlin", "America/Chicago", "Australia/Sydney", "Asia/Kolkata", "UTC"]


def history(zone: str, rows: int = 3000) -> pd.DataFrame:
    frame = plant(1, rows)
    return frame.set_axis(pd.date_range("2026-01-05", periods=rows, freq="10min", tz=zone))


@pytest.mark.parametrize("zone", ZONES)
def test_spans_are_those_of_the_zone(zone: str) -> None:
    frame = history(zone)
    for own in (frame, pl.from_pandas(frame.reset_index(names="when"))):
        monitor = Monitor().fit(own, healthy=("2026-01-06", "2026-01-20"))
        first, last = monitor._about["span"]
        days = frame["2026-01-06":"2026-01-20"].index
        assert (first, last) == (days[0].value, days[-1].value)
        monitor = Monitor.from_bytes(monitor.to_bytes())
        monitor.exclude(("2026-01-12 06:00", "2026-01-12 07:00"))
        assert "7 rows were taken" in monitor.log_[-1]["told"]
        assert monitor.log_[-1]["told"].endswith(" UTC)")
        gone = frame.index[~monitor._history.chosen & (frame.index >= days[0]) & (frame.index <= days[-1])]
        assert gone[0] == pd.Timestamp("2026-01-12 06:00", tz=zone)
        # What was left out is still of that zone.
        monitor.exclude(("2026-01-13 06:00", datetime.datetime(2026, 1, 13, 7)))
        assert "7 rows were taken" in monitor.log_[-1]["told"]
        result = monitor.score(own)
        assert result.times[result.at("2026-01-12 06:00").row] == gone[0].tz_convert("UTC").tz_localize(None)
        assert result.at(result.times[200]).row == 200
        assert result.at(f"{pd.Timestamp(result.times[200])} UTC").row == 200
        assert result.at(frame.index[200]).row == 200


def test_hours_that_come_twice_or_never() -> None:
    berlin = "Europe/Berlin"
    twice, never = "2026-10-25 02:30", "2026-03-29 02:30"
    assert instant(twice, berlin, end=False) == np.datetime64("2026-10-25T00:30")
    assert instant(twice, berlin, end=True) == np.datetime64("2026-10-25T01:30")
    with pytest.raises(ValueError, match=r"comes twice in Europe/Berlin: say 2026-10-25 02:30\+02:00 or"):
        instant(twice, berlin)
    assert instant(f"{twice}+01:00", berlin) == np.datetime64("2026-10-25T01:30")
    for end in (None, True, False):
        with pytest.raises(ValueError, match="is not there in Europe/Berlin"):
            instant(never, berlin, end=end)
    assert instant("2026-10-25", berlin, end=True) == np.datetime64("2026-10-25T22:59:59.999999999")
    frame = plant(1, 3000).set_axis(pd.date_range("2026-03-20", periods=3000, freq="10min", tz=berlin))
    with pytest.raises(ValueError, match="`healthy` must be times that there are: 2026-03-29 02:30 is not there"):
        Monitor().fit(frame, healthy=(never, "2026-04-05"))
    result = Monitor().fit(frame[:2000]).score(frame)
    with pytest.raises(ValueError, match="`at` must be one time: 2026-03-29 02:30 is not there"):
        result.at(never)
    with pytest.raises(ValueError, match="`events` must be times that there are"):
        backtest(frame, [(never, "2026-04-01")])


def test_events_are_of_the_zone() -> None:
    frame = history("America/Chicago")
    tried = backtest(frame, [("2026-01-20", None, "day")])
    (event,) = tried.events
    assert event.start == np.datetime64("2026-01-20T06:00")
    assert event.end == np.datetime64("2026-01-21T05:59:59.999999999")


def test_fixed_offsets_and_frames_without_a_zone() -> None:
    assert instant("2026-07-01 12:00", "UTC+05:30") == np.datetime64("2026-07-01T06:30")
    assert instant("2026-07-01 12:00", "-03:00") == np.datetime64("2026-07-01T15:00")
    assert instant("2026-07-01 12:00", None) == np.datetime64("2026-07-01T12:00")
    frame = history("UTC").tz_localize(None)
    monitor = Monitor().fit(frame)
    assert "zone" not in monitor._about
    monitor.exclude(("2026-01-12", "2026-01-12"))
    assert "144 rows were taken out of the history (2026-01-12 00:00 to 2026-01-12 23:50)" in monitor.log_[-1]["told"]


@pytest.mark.parametrize(
    ("offset", "hours"),
    [
        ("+01", 5.0),
        ("+1", 5.0),
        (" +01", 5.0),
        ("+0100", 5.0),
        ("-03", 9.0),
        ("-0130", 7.5),
        ("Z", 6.0),
        ("z", 6.0),
        (" UTC", 6.0),
        (" GMT", 6.0),
        (" UTC+01:00", 5.0),
        (" GMT-1", 7.0),
        ("+14:00", -8.0),
    ],
)
@pytest.mark.parametrize("time", ["2026-01-06 06:00", "2026-01-06T06:00:00", "2026-01-06 06"])
def test_offsets_however_written(time: str, offset: str, hours: float) -> None:
    expected = np.datetime64("2026-01-06T00:00") + np.timedelta64(int(hours * 60), "m")
    for zone in ("Europe/Berlin", "UTC"):
        for end in (None, True, False):
            assert instant(time + offset, zone, end=end) == expected


@pytest.mark.parametrize("offset", ["+25:99", "+01:60", "+15", " CET", "+01:00:00", "+1h", "Europe/Berlin"])
def test_what_is_no_offset_is_refused(offset: str) -> None:
    for zone in ("Europe/Berlin", None):
        with pytest.raises(ValueError, match=r"no offset|no time of day|Error parsing|says a zone|no ISO"):
            instant(f"2026-01-06 06:00{offset}", zone)


def test_far_years() -> None:
    frame = history("Europe/Berlin")
    for own in (frame, frame.tz_localize(None)):
        monitor = Monitor().fit(own, healthy=("2026-01-06", "9999-12-31"))
        assert monitor._about["rows"] == 3000 - 144
        monitor = Monitor().fit(own, healthy=("0001-01-01", datetime.datetime(9999, 12, 31)))
        assert monitor._about["rows"] == 3000
        result = monitor.score(own)
        with pytest.raises(ValueError, match="9999-12-31 is none of the years 1678 to 2261"):
            result.at("9999-12-31")
    aware = datetime.datetime(9999, 12, 31, 23, 30, tzinfo=datetime.timezone(datetime.timedelta(hours=-5)))
    assert instant(aware, "UTC", end=True) > np.datetime64("2262-01-01")
    assert instant(np.datetime64("9999-12-31"), None, end=True) > np.datetime64("2262-01-01")
    with pytest.raises(ValueError, match="no time"):
        instant("NaT", None)


def test_the_second_of_two_hours_by_fold() -> None:
    twice = datetime.datetime(2026, 10, 25, 2, 30)
    for end in (None, True, False):
        assert instant(twice.replace(fold=1), "Europe/Berlin", end=end) == np.datetime64("2026-10-25T01:30")
        assert instant(pd.Timestamp(twice.replace(fold=1)), "Europe/Berlin", end=end) == np.datetime64(
            "2026-10-25T01:30"
        )
    with pytest.raises(ValueError, match="comes twice"):
        instant(twice, "Europe/Berlin")


def test_offsets_beside_times_without_a_zone_are_refused() -> None:
    frame = history("UTC").tz_localize(None)
    aware = pd.Timestamp("2026-01-06", tz="Europe/Berlin")
    for first in ("2026-01-06 00:00+02:00", "2026-01-06 00:00Z", aware, aware.to_pydatetime()):
        with pytest.raises(ValueError, match="says a zone, and the times of the rows have none; leave it out"):
            Monitor().fit(frame, healthy=(first, "2026-01-20"))
    result = Monitor().fit(frame).score(frame)
    with pytest.raises(ValueError, match="`at` must be one time: 2026-01-07 06:00Z says a zone"):
        result.at("2026-01-07 06:00Z")
    # Rows that are in UTC without a frame have no zone of their own.
    monitor = Monitor().fit(history("UTC"))
    row = {"when": datetime.datetime(2026, 2, 1, tzinfo=datetime.UTC), **frame.iloc[0].to_dict()}
    assert monitor.score(row).at("2026-02-01 01:00+01:00").row == 0


OWN_NAMES = {
    "fixed": datetime.timezone(datetime.timedelta(hours=1)),
    "fixed, a name of summer and winter": datetime.timezone(datetime.timedelta(hours=1), "CET"),
    "fixed, a name of nothing": datetime.timezone(datetime.timedelta(hours=8), "China"),
    "posix": "Etc/GMT-1",
    "place": "America/New_York",
    "dateutil": dateutil.tz.gettz("Europe/Berlin"),
    "dateutil, fixed": dateutil.tz.tzoffset("X", 3600),
    "dateutil, UTC": dateutil.tz.tzutc(),
}


@pytest.mark.parametrize("which", list(OWN_NAMES))
def test_zones_of_any_kind(which: str) -> None:
    try:
        index = pd.date_range("2026-07-01", periods=3000, freq="10min", tz=OWN_NAMES[which])
    except AttributeError:
        pytest.skip("this pandas cannot read such a zone's file")
    frame = plant(1, 3000).set_axis(index)
    days = frame["2026-07-05":"2026-07-15"].index
    for own in (frame, frame.reset_index(names="when")):
        monitor = Monitor().fit(own, healthy=("2026-07-05", "2026-07-15"))
        assert tuple(monitor._about["span"]) == (days[0].value, days[-1].value)
        monitor = Monitor.from_bytes(monitor.to_bytes())
        result = monitor.score(own)
        assert result.at("2026-07-06 06:00").row == 5 * 144 + 36
        assert monitor.update(own.iloc[:1]).times[0] == result.times[0]
    array = Monitor().fit(frame.to_numpy(), times=frame.index, healthy=("2026-07-05", "2026-07-15"))
    assert array._about["span"] == Monitor().fit(frame, healthy=("2026-07-05", "2026-07-15"))._about["span"]


def test_a_zone_that_nobody_knows_is_named() -> None:
    with pytest.raises(ValueError, match="nothing is known of the zone 'China' of the rows"):
        instant("2026-01-06", "China")
    assert instant("2026-01-06 06:00+01:00", "China") == np.datetime64("2026-01-06T05:00")


def test_days_of_events_however_given() -> None:
    times = history("Europe/Berlin").index.tz_convert("UTC").tz_localize(None).to_numpy()
    day = datetime.date(2026, 1, 12)
    first, last = np.datetime64("2026-01-11T23:00"), np.datetime64("2026-01-12T22:59:59.999999999")
    given = [
        "2026-01-12",
        day,
        np.datetime64(day),
        pd.Timestamp(day),
        datetime.datetime(2026, 1, 12),
        pd.Period(day, "D"),
    ]
    for one in given:
        for events in ([(one, None)], [(one, one)], pd.DataFrame({"start": [one], "end": [one]})):
            (event,) = events_of(events, times, "Europe/Berlin")
            assert (event.start, event.end) == (first, last)
    # Where one has a time of day, midnight is one too.
    midnight = pd.Timestamp(day)
    found = events_of([(midnight - pd.Timedelta("6h"), midnight)], times, "Europe/Berlin")
    assert found[0].end == first
    assert events_of([(midnight.tz_localize("Europe/Berlin"), None)], times, "Europe/Berlin")[0].end == first


def test_days_and_hours_of_one_digit() -> None:
    day = datetime.date(2026, 1, 12)
    for zone in ("Europe/Berlin", None):
        for end in (True, False, None):
            assert instant(day, zone, end=end) == instant("2026-01-12", zone, end=end)
    assert instant("2026-01-12 6:00", None) == instant("2026-01-12 6", None) == np.datetime64("2026-01-12T06:00")
    assert instant("2026-01-12 6:05:07+01:00", "UTC") == np.datetime64("2026-01-12T05:05:07")


@pytest.mark.parametrize("first", [None, "America/New_York"])
def test_live_rows_neither_gain_nor_lose_a_zone(first: str | None) -> None:
    """Taken as UTC they would leave a hole of hours, or go back."""
    frame = history("UTC").tz_localize(None)
    frame = frame.tz_localize(first)
    monitor = Monitor().fit(frame[:2000])
    live = Monitor.from_bytes(monitor.to_bytes())
    live.update(frame[2000:2100])
    live = Monitor.from_bytes(live.to_bytes())
    other = frame[2100:2110].tz_localize(None).tz_localize("Asia/Kolkata" if first is None else None)
    had = "had no zone and these have one" if first is None else "had a zone and these have none"
    with pytest.raises(ValueError, match=rf"`times` must be by one clock: those of the rows before {had}"):
        live.update(other)
    # Nothing is remembered of them; rows without times, or with others of the same clock, go on.
    after = live.update(frame[2100:2200])
    np.testing.assert_array_equal(after.scores, monitor.score(frame[2000:2200]).scores[100:])
    live.update(frame[2200:2201].to_numpy())
    assert len(live.update(frame[2202:2203].tz_convert("UTC") if first else frame[2202:2203]).scores) == 1
    with pytest.raises(ValueError, match="must be by one clock"):
        live.update(other + 0.0)
    bare = frame[2203:2204]
    stamps = bare.index.tz_convert("UTC").tz_localize(None).to_numpy() if first else bare.index.to_numpy()
    assert len(live.update(bare.to_numpy(), times=stamps).scores) == 1
    assert len(monitor.score(other).scores) == 10
