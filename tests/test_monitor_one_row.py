"""Rows one by one take a short way; it gives the bytes of the long one, and hands over what it cannot judge."""

from __future__ import annotations

from functools import cache

import numpy as np
import pandas as pd
import pytest
from acm_rs import Monitor
from acm_rs.monitor.one_row import Quick
from test_monitor import ROWS, faulty, history

KEPT = ("scores", "limits", "alarms", "regimes", "confidences", "shares", "expected_values", "values", "band")


def batch() -> pd.DataFrame:
    """Later rows with a fault, a standstill, gaps, codes, outages, wild readings, another state and what is unknown."""
    frame = faulty().drop(columns="status").iloc[440:840]
    frame = frame.where(np.random.default_rng(0).random(frame.shape) > 0.003)
    frame.iloc[150:170, 4] = np.nan
    frame.iloc[200:203] = np.nan
    frame.iloc[210:214, 2] *= 3.0
    frame.iloc[220:226, :6] *= 4.0
    frame.iloc[30, 0] = -999.0
    frame.iloc[250:256, 7] = 49.0
    return frame


@cache
def fitted(kind: str) -> Monitor:
    drivers = ["load"] if kind == "driver" else []
    frame = history()[:ROWS].copy()
    if kind == "two regimes":
        frame.iloc[700:1200, :6] *= 1.4
    monitor = Monitor(drivers=drivers).fit(frame)
    if kind == "accepted":
        monitor.accept((300, 330), batch())
    return monitor


@pytest.mark.parametrize("kind", ["plain", "driver", "two regimes", "accepted"])
def test_the_short_way_gives_the_bytes_of_the_long_one(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    frame = batch()
    if kind == "two regimes":
        frame.iloc[270:330, :6] *= 1.4
    whole = fitted(kind).score(frame)
    assert whole.alarms.any()
    rows = frame[list(fitted(kind).feature_names_in_)].to_numpy()
    live = Monitor.from_bytes(fitted(kind).to_bytes())
    taken = []
    short = Quick.judge
    monkeypatch.setattr(Quick, "judge", lambda *given: taken.append(short(*given)) or taken[-1])
    for row in range(len(rows)):
        one = live.update(rows[row])
        for name in KEPT[:-1]:
            np.testing.assert_array_equal(getattr(one, name), getattr(whole, name)[row : row + 1], err_msg=name)
        np.testing.assert_array_equal(one.band, whole.band)
    assert sum(one is not None for one in taken) > 0.5 * len(rows)
    long = Monitor.from_bytes(fitted(kind).to_bytes())
    long.update(rows)
    assert live.to_bytes() == long.to_bytes()


def test_episodes_and_words_of_one_row_are_those_of_the_long_way(monkeypatch: pytest.MonkeyPatch) -> None:
    rows = faulty()[list(fitted("plain").feature_names_in_)].to_numpy()[640:760]
    told = []
    for short in (True, False):
        live = Monitor.from_bytes(fitted("plain").to_bytes())
        if not short:
            monkeypatch.setattr(Quick, "judge", lambda *_: None)
        found = [live.update(row) for row in rows]
        told.append([(one.explain(), one.remarks, one.quality_rows, one.monitor_card, one.model) for one in found])
    assert any(said for said, *_ in told[0])
    assert told[0] == told[1]
