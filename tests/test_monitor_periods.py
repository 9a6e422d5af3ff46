"""Periods of pandas are the times of their starts."""

from __future__ import annotations

import numpy as np
import pandas as pd
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
