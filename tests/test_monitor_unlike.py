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


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("count", [1, 2])
def test_some_sensors_that_are_written_only_when_they_change_are_told_too(seed: int, count: int) -> None:
    monitor, later = fitted(seed)
    some = list(monitor.sensors_[:count])
    odd = later.assign(**written_when_changed(later, 0.6)[some])
    (told,) = [remark for remark in monitor.score(odd).remarks if "row before in" in remark]
    assert told.startswith(f"{count} of {len(monitor.sensors_)} sensors read")
    assert all(repr(name) in told for name in some)


@pytest.mark.parametrize("seed", range(3))
def test_a_sensor_at_the_end_of_its_scale_is_not_compressed(seed: int) -> None:
    monitor, later = fitted(seed)
    name = monitor.sensors_[0]
    # Over and over, for six of ten rows.
    full = later.assign(**{name: later[name].where(np.arange(len(later)) % 10 > 5, later[name].max())})
    assert not any("row before in" in remark for remark in monitor.score(full).remarks)


@pytest.mark.parametrize("seed", range(3))
def test_data_collection_that_stands_still_is_no_compression(seed: int) -> None:
    monitor, later = fitted(seed)
    for spans in ([(100, 550)], [(100, 300), (350, 500)]):
        odd = later.copy()
        for first, last in spans:
            odd.iloc[first:last] = odd.iloc[first].to_numpy()
        remarks = monitor.score(odd).remarks
        assert any("all sensors read exactly the same" in remark for remark in remarks)
        assert not any("row before in" in remark for remark in remarks)


@pytest.mark.parametrize("seed", range(2))
@pytest.mark.parametrize("code", [850.0, -999.0, 0.0])
def test_what_counts_as_no_reading_is_told_as_such_alone(seed: int, code: float) -> None:
    frame, later = machine(seed, 3000), fitted(seed)[1].copy()
    random = np.random.default_rng(seed)
    name = "winding"
    limits = {name: (1.0, 400.0)} if code == 0.0 else None
    frame.loc[frame.index[random.random(3000) < 0.03], name] = code
    later.loc[later.index[random.random(600) < 0.03], name] = code
    remarks = Monitor(limits=limits).fit(frame[:2400]).score(later).remarks
    assert any("taken as missing: winding" in remark for remark in remarks)
    assert not any("reads exactly" in remark for remark in remarks)


def test_codes_that_stay_in_several_sensors_are_no_readings_that_hold() -> None:
    monitor, later = fitted(1)
    odd = later.copy()
    odd.loc[odd.index[200:400], list(monitor.sensors_[:3])] = -999.0
    whole = monitor.score(odd)
    assert any(remark.startswith("error codes, taken as missing") for remark in whole.remarks)
    assert not any("data collection" in remark for remark in whole.remarks)
    again = Monitor.from_bytes(monitor.to_bytes())
    parts = [again.update(odd[row : row + 50]) for row in range(0, 600, 50)]
    assert not any("data collection" in remark for part in parts for remark in part.remarks)
    # A state has values, and codes beside them.
    state = pd.DataFrame({"valve": (np.arange(3000) // 60 % 2).astype(float)}, index=machine(1, 3000).index)
    frame = machine(1, 3000).join(state)
    frame.loc[frame.index[::97], "valve"] = 255.0
    knowing = Monitor().fit(frame[:2400])
    assert not any("never seen" in remark for remark in knowing.score(frame[2400:]).remarks)


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("together", [False, True])
def test_gaps_that_are_filled_with_the_last_reading_are_told(seed: int, together: bool) -> None:
    monitor, later = fitted(seed)
    gaps = np.zeros(later.shape, dtype=np.bool_)
    random = np.random.default_rng(seed)
    for place in range(later.shape[1]):
        for start in random.integers(10, len(later) - 20, 5):
            gaps[start : start + 7, slice(None) if together else place] = True
    missing = later.mask(gaps)
    assert not any("last reading" in remark for remark in monitor.score(missing).remarks)
    (told,) = [remark for remark in monitor.score(missing.ffill()).remarks if "last reading" in remark]
    assert told.startswith("5 of 5 sensors repeat their last reading for up to ")
    assert "leave them missing instead" in told
    own = Monitor().fit(machine(seed, 3000)[:2400].mask(np.tile(gaps, (4, 1))).ffill())
    assert not any("last reading" in remark for remark in own.score(missing.ffill()).remarks)


@pytest.mark.parametrize("share", [0.05, 0.15])
@pytest.mark.parametrize("seed", range(3))
def test_gaps_of_single_rows_that_are_filled_are_told(seed: int, share: float) -> None:
    monitor, later = fitted(seed)
    missing = later.mask(np.random.default_rng(seed).random(later.shape) < share)
    assert not any("last reading" in remark for remark in monitor.score(missing).remarks)
    (told,) = [remark for remark in monitor.score(missing.ffill()).remarks if "last reading" in remark]
    assert told.startswith("5 of 5 sensors repeat their last reading for up to ")


@pytest.mark.parametrize("seed", range(3))
def test_a_sensor_that_sticks_or_rests_is_filled_by_nobody(seed: int) -> None:
    monitor, later = fitted(seed)
    stuck = later.copy()
    stuck.iloc[100:160, 2] = stuck.iloc[100, 2]
    rests = later.copy()
    for start in range(50, 550, 60):
        rests.iloc[start : start + 9, 2] = 55.5
    for frame in (later, later.round(1), stuck, rests):
        assert not any("last reading" in remark for remark in monitor.score(frame).remarks)


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("every", [2, 3, 6])
def test_values_that_were_filled_in_between_readings_are_told(seed: int, every: int) -> None:
    monitor, later = fitted(seed)

    def sparse(frame: pd.DataFrame) -> pd.DataFrame:
        return frame.iloc[::every].reindex(frame.index).interpolate()

    odd = later.assign(**sparse(later)[["oil", "winding"]])
    for frame in (odd, odd.round(3), odd.round(2)):
        (told,) = [remark for remark in monitor.score(frame).remarks if "straight line" in remark]
        assert told.startswith(f"2 of {len(monitor.sensors_)} sensors lie on straight lines")
        assert "'oil', 'winding'; where an export fills in" in told
    for frame in (later, later.round(3), later.round(1), later[later.index.minute > 0]):
        assert not any("straight line" in remark for remark in monitor.score(frame).remarks)
    own = Monitor().fit(sparse(machine(seed, 3000)[:2400]))
    assert not any("straight line" in remark for remark in own.score(sparse(later)).remarks)
