"""Columns that never changed in the training: what is said when one does."""

from __future__ import annotations

import acm_rs
import numpy as np
import pandas as pd
import pytest
from acm_rs import Monitor
from test_monitor_faults import plant


def with_constants(frame: pd.DataFrame) -> pd.DataFrame:
    return frame.assign(setting=50.0, spare=0.0)


HISTORY, BATCH = with_constants(plant(1500, 0, "2026-01-01")), with_constants(plant(600, 1, "2026-03-01"))
MOVED = BATCH.copy()
MOVED.iloc[300:360, 6] = 0.0


@pytest.fixture(scope="module")
def monitor() -> Monitor:
    return Monitor().fit(HISTORY)


def test_a_constant_that_moves_is_an_alarm_and_its_own_culprit(monitor: Monitor) -> None:
    result = monitor.score(MOVED)
    (one,) = result.found
    assert (one.start, one.end, one.kind) == (302, 360, "changes, which it never did in training")
    assert (one.culprits[0].name, one.culprits[0].direction) == ("setting", -1)
    assert result.explain() == [
        "From 2026-03-03 02:20 to 2026-03-03 11:50, changes, which it never did in training: setting reads 0, always "
        "read 50 (100 % of the score)."
    ]
    assert result.contributions["setting"].iloc[310:350].min() > 0.99
    assert not result.contributions["setting"].iloc[:300].any()
    assert result.expected["setting"].iloc[320] == 50.0
    assert "set" not in monitor.sensors_
    assert monitor.left_out_ == {"setting": "constant (50)", "spare": "constant (0)"}
    assert "setting: constant (50), an alarm where it changes" in monitor.summary()


def test_a_constant_that_stays_changes_nothing(monitor: Monitor) -> None:
    plain = Monitor().fit(HISTORY.iloc[:, :6]).score(BATCH.iloc[:, :6])
    result = monitor.score(BATCH)
    np.testing.assert_array_equal(result.scores, plain.scores)
    np.testing.assert_array_equal(result.shares[:, :6], plain.shares)
    assert result.names == (*plain.names, "setting", "spare")


@pytest.mark.parametrize("value", [np.nan, np.inf, -9999.0, 50.0 * (1 + 1e-7), float(np.float32(50.0))])
def test_gaps_codes_and_rounding_are_no_change(monitor: Monitor, value: float) -> None:
    frame = BATCH.copy()
    frame.iloc[300:360, 6] = value
    assert not monitor.score(frame).alarms[290:370].any()


def test_live_rows_and_files_say_the_same(monitor: Monitor) -> None:
    whole = monitor.score(MOVED)
    live = Monitor.from_bytes(monitor.to_bytes())
    for first, last in ((0, 301), (301, 302), (302, 340), (340, 600)):
        part = live.update(MOVED.iloc[first:last])
        for name in ("scores", "alarms", "shares", "values", "expected_values"):
            np.testing.assert_array_equal(getattr(part, name), getattr(whole, name)[first:last])
        live = Monitor.from_bytes(live.to_bytes())


def test_a_sensor_that_is_off_at_the_same_time_keeps_its_share(monitor: Monitor) -> None:
    frame = MOVED.copy()
    frame.iloc[300:360, 2] += 20.0
    shares = monitor.score(frame).contributions.iloc[310:350]
    assert shares["s2"].min() > shares["setting"].max() > 0.0


def test_a_driver_that_never_changed_says_that_nothing_is_known() -> None:
    result = Monitor(drivers=["setting"]).fit(HISTORY).score(MOVED)
    assert set(result.score["regime"].iloc[300:360]) == {"unknown"}
    assert not result.alarms[300:360].any()
    assert "setting" not in result.names


@pytest.mark.parametrize("history", [True, False])
def test_another_value_may_be_accepted(monitor: Monitor, history: bool) -> None:
    own = Monitor.from_bytes(monitor.to_bytes(history=history))
    own.accept((300, 359), MOVED)
    assert not own.score(MOVED).alarms[300:362].any()


def test_what_is_ignored_may_change(monitor: Monitor) -> None:
    quiet = Monitor(kinds={"setting": "ignore"}).fit(HISTORY)
    assert not quiet.score(MOVED).alarms[300:362].any()


def test_codes_in_a_constant_are_codes() -> None:
    frame = HISTORY.copy()
    frame.iloc[[5, 90, 500], 6] = -999.0
    fitted = Monitor().fit(frame)
    assert fitted.left_out_["setting"] == "constant (50)"
    assert "setting: 3 error codes -999" in fitted.summary()
    assert fitted.score(MOVED).found[0].culprits[0].expects == 50.0


def test_results_keep_their_kind_of_names() -> None:
    x = np.column_stack([np.random.default_rng(0).normal(size=(300, 3)), np.full(300, 7.0)])
    result = acm_rs.Monitor().fit(x).score(x)
    assert result.names == ("x0", "x1", "x2", "x3")
