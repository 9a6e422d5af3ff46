"""Codes and compression that come only after the fit are told."""

from __future__ import annotations

from functools import cache

import numpy as np
import pandas as pd
import pytest
from acm_rs import Monitor
from test_monitor_outages import plant


def machine(seed: int, rows: int) -> pd.DataFrame:
    return plant(seed, rows).drop(columns="energy")


@cache
def fitted(seed: int) -> tuple[Monitor, pd.DataFrame]:
    frame = machine(seed, 3000)
    return Monitor().fit(frame[:2400]), frame[2400:]


def written_when_changed(frame: pd.DataFrame, width: float) -> pd.DataFrame:
    """Each reading held until it has moved by so many standard deviations."""
    held = frame.copy()
    for name in held:
        values, last = frame[name].to_numpy().copy(), frame[name].iloc[0]
        for row, value in enumerate(values):
            last = value if abs(value - last) >= width * frame[name].std() else last
            values[row] = last
        held[name] = values
    return held


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("code", [0.0, -1.0, 850.0, 3276.7])
def test_a_code_that_comes_later_is_told(seed: int, code: float) -> None:
    monitor, later = fitted(seed)
    assert not any("reads exactly" in remark for remark in monitor.score(later).remarks)
    odd = later.copy()
    rows = np.sort(np.random.default_rng(seed).choice(np.arange(5, 590, 3), 12, replace=False))
    odd.iloc[rows, odd.columns.get_loc("winding")] = code
    told = [remark for remark in monitor.score(odd).remarks if "reads exactly" in remark]
    assert len(told) == 1
    assert told[0].startswith(f"winding reads exactly {code:g} in 12 rows (first: {odd.index[rows[0]]:%Y-%m-%d %H:%M}")
    # A fault that stays, and one that scatters, are none.
    odd = later.copy()
    odd.iloc[300:, odd.columns.get_loc("winding")] = code
    assert not any("reads exactly" in remark for remark in monitor.score(odd).remarks)
    odd = later.copy()
    odd.iloc[rows, odd.columns.get_loc("winding")] = code + np.arange(12)
    assert not any("reads exactly" in remark for remark in monitor.score(odd).remarks)


@pytest.mark.parametrize("seed", range(4))
def test_readings_that_are_written_only_when_they_change_are_told(seed: int) -> None:
    monitor, later = fitted(seed)
    for frame in (later, later.round(1)):
        assert not any("the row before in" in remark for remark in monitor.score(frame).remarks)
    told = [remark for remark in monitor.score(written_when_changed(later, 0.4)).remarks if "row before in" in remark]
    assert len(told) == 1
    assert "bring both to the same" in told[0]
    own = Monitor().fit(written_when_changed(machine(seed, 3000)[:2400], 0.4))
    assert not any("row before in" in remark for remark in own.score(written_when_changed(later, 0.4)).remarks)
    # One sensor that holds its reading is its own fault.
    stuck = later.copy()
    stuck.iloc[100:, 2] = stuck.iloc[100, 2]
    assert not any("row before in" in remark for remark in monitor.score(stuck).remarks)
