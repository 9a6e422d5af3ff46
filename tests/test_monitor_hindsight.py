"""What is said of a history as a whole: found when it is asked for, of what the Monitor knew when it judged."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from acm_rs import Monitor
from acm_rs.monitor.judging import judge
from acm_rs.monitor.turned import Trial
from test_monitor_late import fitted, machine
from test_monitor_outages import plant


@pytest.fixture
def late() -> pd.DataFrame:
    """Rows in which the clock of one source is an hour off."""
    frame = machine(50, 1000, "2026-06-01")
    return frame.assign(flow=frame["flow"].shift(6))


def test_rows_are_judged_again_when_somebody_asks_and_once(late: pd.DataFrame, monkeypatch: pytest.MonkeyPatch) -> None:
    tried = []
    once = Trial.late
    monkeypatch.setattr(Trial, "late", lambda self, seen: tried.append(1) or once(self, seen))
    result = fitted(0).score(late)
    assert (result.alarms.any(), tried) == (True, [])
    assert any("'flow' reads as it should, but 1 h (6 rows) late" in text for text in result.remarks)
    assert result.remarks is result.remarks
    assert tried == [1]


def test_they_are_of_what_was_known_then(late: pd.DataFrame) -> None:
    monitor = Monitor.from_bytes(fitted(0).to_bytes())
    expected, result = list(monitor.score(late).remarks), monitor.score(late)
    frame = late.copy()
    shown = monitor.score(frame)
    frame.loc[:] = 0.0
    monitor.metadata = {"unit:flow": "l/s"}
    monitor.accept((200, 900), late)
    monitor.fit(machine(1, 1500, "2026-01-01").drop(columns="oil"))
    masked = shown.alarms
    masked[:] = False
    result.names = tuple("abcdefgh")[: len(result.names)]
    assert result.remarks == shown.remarks == expected


def test_what_is_found_alone_is_what_is_found_with_all_else() -> None:
    frame = plant(5, 3000)
    frame.loc[frame.index[::7], "oil"] = np.nan
    frame.iloc[2500:2600, 1] = 60.0
    frame.iloc[2600:2800, 3] += 4.0
    for drivers in ([], ["ambient"]):
        monitor = Monitor(drivers=drivers).fit(frame[:2000])
        rules, watches = monitor._fitted()
        rows = np.asfortranarray(frame[2000:][rules.names].to_numpy())
        every, residuals, scores = (
            judge(rules, watches, rows, None, monitor._fresh(), monitor._limit, False, only=only)
            for only in (None, "residuals", "scores")
        )
        assert every.alarms.any()
        assert residuals.looked.residual.tobytes() == every.looked.residual.tobytes()
        assert scores.scores.tobytes() == every.scores.tobytes()
        assert np.array_equal(scores.beyond, every.beyond)
        assert np.array_equal(scores.strayed, every.strayed)
