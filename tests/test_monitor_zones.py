"""Spans and moments without an offset are of the frame's own zone."""

from __future__ import annotations

import datetime

import numpy as np
import pandas as pd
import polars as pl
import pytest
from acm_rs import Monitor, backtest
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
