"""Rows one by one take a short way; it gives the bytes of the long one, and hands over what it cannot judge."""

from __future__ import annotations

import gc
import weakref
from functools import cache
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pytest
from acm_rs import Monitor
from acm_rs.monitor.alike import Alike
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


def changed(frame: pd.DataFrame) -> list[pd.DataFrame]:
    """Rows in frames of many kinds: most like the one before, then in each way unlike."""
    frame, name = frame.copy(), frame.columns[0]
    frame.iloc[2, 0], frame.iloc[3, 1] = np.inf, np.nan
    rows = [frame.iloc[at : at + 1] for at in range(40)]
    rows[6] = rows[6][rows[6].columns[::-1]]
    rows[9] = rows[9].drop(columns=name)
    rows[12] = rows[12].astype("float32")
    rows[15] = rows[15].assign(more="text")
    rows[18] = rows[18].astype({name: "int64"})
    rows[21:23] = [row.tz_localize("UTC") for row in rows[21:23]]
    rows[24] = frame.iloc[24:26]
    rows[28] = rows[28].rename(columns={name: "unknown"})
    rows[31] = rows[31].copy()
    rows[31].attrs["units"] = {name: "bar"}
    rows[34] = rows[34].reset_index(drop=True)
    del rows[25]
    return rows


def as_polars(frame: pd.DataFrame) -> pl.DataFrame:
    return pl.from_pandas(frame.rename_axis("time").reset_index())


@pytest.mark.parametrize("kind", ["pandas", "polars"])
def test_frames_of_one_row_are_read_as_any_frame(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    frame = faulty()[list(fitted("plain").feature_names_in_)].iloc[640:680]
    rows: list[Any] = changed(frame)
    if kind == "polars":
        rows = [as_polars(row) for row in rows]
        rows[9] = rows[9].with_columns(pl.lit(None, pl.Float64).alias(frame.columns[1]))
        rows[36] = rows[36].with_columns(pl.col("time").cast(pl.Datetime("ns")))
    quick: list[bool] = []
    short = Alike.read
    monkeypatch.setattr(Alike, "read", lambda *given: (found := short(*given), quick.append(found is not None))[0])
    told = []
    for known in (True, False):
        if not known:
            monkeypatch.setattr(Alike, "of", lambda *_: None)
        live = Monitor.from_bytes(fitted("plain").to_bytes())
        found = []
        for number, row in enumerate(rows):
            if number in (21, 22):
                with pytest.raises(ValueError, match="`times` must be by one clock"):
                    live.update(row)
            else:
                found.append(live.update(row))
        with pytest.raises(ValueError, match="`times` must not lie before"):
            live.update(rows[5])
        told.append([(*(getattr(one, name) for name in KEPT), one.times, one.utc) for one in found])
        told[-1].append((live.to_bytes(),))
        told[-1] += [(one.remarks, one.quality_rows) for one in found]
        told[-1] += [
            tuple(
                each.to_dict(as_series=False) if kind == "polars" else each.to_dict("tight")
                for each in (one.score, one.contributions, one.episodes)
            )
            for one in found
        ]
    assert 12 <= sum(quick) < len(rows) - 12
    for one, other in zip(*told, strict=True):
        np.testing.assert_equal(one, other)


@pytest.mark.parametrize("kind", ["pandas", "polars"])
def test_a_row_without_a_time_is_refused_after_one_with_a_time(kind: str) -> None:
    frame = faulty()[list(fitted("plain").feature_names_in_)].iloc[640:643]
    live = Monitor.from_bytes(fitted("plain").to_bytes())
    lost = frame.iloc[2:].set_axis(pd.DatetimeIndex([pd.NaT], dtype=frame.index.dtype))
    for row in (frame.iloc[:1], frame.iloc[1:2]):
        live.update(as_polars(row) if kind == "polars" else row)
    before = live.to_bytes()
    with pytest.raises(ValueError, match="`times` must all be known, row 0 has none"):
        live.update(as_polars(lost) if kind == "polars" else lost)
    assert live.to_bytes() == before


def test_a_row_in_another_unit_is_refused_after_one_that_states_none() -> None:
    frame = history()[:ROWS].copy()
    name = frame.columns[0]
    frame.attrs["units"] = {name: "bar"}
    live = Monitor().fit(frame)
    rows = [frame.iloc[at : at + 1][list(live.feature_names_in_)] for at in range(3)]
    for row in rows[:2]:
        row.attrs = {}
        live.update(row)
    rows[2].attrs = {"units": {name: "psi"}}
    with pytest.raises(ValueError, match=f"`frame` must have '{name}' in bar as at the fit, it is in psi"):
        live.update(rows[2])


@pytest.mark.parametrize("kind", ["pandas", "polars"])
def test_frames_are_not_held_on_to(kind: str) -> None:
    frame = faulty()[list(fitted("plain").feature_names_in_)].iloc[640:643]
    live = Monitor.from_bytes(fitted("plain").to_bytes())
    for at in range(3):
        row: Any = frame.iloc[at : at + 1].copy()
        row = as_polars(row) if kind == "polars" else row
        held = weakref.ref(row)
        assert live.update(row).values.shape[0] == 1
        del row
        gc.collect()
        assert held() is None
