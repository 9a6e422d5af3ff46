"""Periods of pandas are the times of their starts."""

from __future__ import annotations

import acm_rs
import numpy as np
import pandas as pd
import pytest
from acm_rs import Monitor
from test_monitor_outages import plant


def test_an_index_of_periods_is_that_of_its_starts() -> None:
    dated = plant(1, 2400).set_axis(pd.date_range("2026-01-05", periods=2400, freq="10min"))
    frame = dated.to_period("10min")
    monitor, same = Monitor().fit(frame[:2000]), Monitor().fit(dated[:2000])
    assert monitor.log_[0]["told"] == same.log_[0]["told"]
    assert "every 10 min" in monitor.log_[0]["told"]
    later = frame[2000:].copy()
    later.iloc[100:, 1] += 50.0
    result, other = monitor.score(later), same.score(later.to_timestamp())
    assert result.explain() == other.explain()
    assert result.score.index.equals(later.index)
    assert result.at("2026-01-19 20:00").row == other.at("2026-01-19 20:00").row
    rows = [monitor.update(later[row : row + 1]) for row in range(30)]
    assert np.array_equal(np.concatenate([one.scores for one in rows]), result.scores[:30], equal_nan=True)
    assert rows[-1].times[0] == other.times[29]
    monitor.exclude(("2026-01-06", "2026-01-06"))
    assert "144 rows were taken out" in monitor.log_[-1]["told"]


def test_a_column_of_periods_is_one_of_dates() -> None:
    dated = plant(1, 1500).set_axis(pd.date_range("2026-01-05", periods=1500, freq="h"))
    frame = dated.to_period("h").reset_index(names="hour")
    monitor = Monitor().fit(frame)
    assert "every 1 h" in monitor.log_[0]["told"]
    assert monitor.left_out_ == Monitor().fit(dated).left_out_
    assert Monitor().fit(frame, times="hour").log_[0]["told"] == monitor.log_[0]["told"]


def periods(rows: int = 2400) -> tuple[pd.DataFrame, pd.DataFrame]:
    dated = plant(1, rows).set_axis(pd.date_range("2026-01-05", periods=rows, freq="10min"))
    return dated, dated.to_period("10min")


def test_spans_and_moments_of_periods() -> None:
    dated, frame = periods()
    monitor = Monitor().fit(frame, healthy=(frame.index[300], frame.index[1900]))
    assert tuple(monitor._about["span"]) == (dated.index[300].value, dated.index[1900].value)
    assert monitor.score(frame).at(frame.index[700]).row == 700
    monitor.exclude((frame.index[400], frame.index[406]))
    assert "7 rows were taken out" in monitor.log_[-1]["told"]
    day = pd.Period("2026-01-06", "D")
    for zone in (None, "Europe/Berlin", "America/Chicago"):
        own = dated.tz_localize(zone)
        monitor = Monitor().fit(own, healthy=(day, pd.Period("2026-01-15", "D")))
        days = own["2026-01-06":"2026-01-15"].index
        assert tuple(monitor._about["span"]) == (days[0].value, days[-1].value)
        assert monitor.score(own).at(day).row == 144


def test_times_of_periods() -> None:
    dated, frame = periods()
    expected = tuple(Monitor().fit(dated)._about["span"])
    plain = dated.reset_index(drop=True)
    for times in (frame.index, pd.Series(frame.index)):
        assert tuple(Monitor().fit(plain, times=times)._about["span"]) == expected
        assert tuple(Monitor().fit(plain.to_numpy(), times=times)._about["span"]) == expected
        rolled = acm_rs.rolling_mean(plain.to_numpy(), "2h", times=times)
        assert np.array_equal(rolled, acm_rs.rolling_mean(dated, "2h").to_numpy())
    state = acm_rs.RollingState("mean", "2h", plain.shape[1])
    rows = [state.update(plain.to_numpy()[row], times=frame.index[row]) for row in range(30)]
    assert np.array_equal(np.array(rows), rolled[:30])


def test_one_row_of_a_frame_of_periods() -> None:
    dated, frame = periods()
    monitor = Monitor().fit(frame[:2000])
    monitor.update(frame[2000:2100])
    assert monitor.update(frame.iloc[2100]).times[0] == dated.index[2100]
    with pytest.raises(ValueError, match="must not lie before"):
        monitor.update(frame.iloc[10])
    row = {"when": frame.index[2101], **frame.iloc[2101].to_dict()}
    assert monitor.update(row).times[0] == dated.index[2101]


def test_dates_beside_an_index_of_periods_are_refused_as_beside_one_of_dates() -> None:
    dated, frame = periods()
    when = pd.date_range("2020-01-01", periods=len(frame), freq="10min")
    with pytest.raises(TypeError, match="no column of dates beside its index of dates"):
        Monitor().fit(dated.assign(when=when))
    for column in (when, when.to_period("10min")):
        with pytest.raises(TypeError, match="no column of dates beside its index of periods, got 'when'"):
            Monitor().fit(frame.assign(when=column))
        assert Monitor().fit(frame.assign(when=column), times="when")._about["span"][0] == when[0].value
