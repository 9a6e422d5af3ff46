"""Counters are read by how much they rise; states, set points and measured whole numbers are told apart."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import acm_rs
import numpy as np
import pandas as pd
import pytest
from acm_rs.monitor.counters import Counters, counts, even

STEP = 600


def _plant(rows: int = 2600, seed: int = 0, noise_of_energy: float = 0.05) -> pd.DataFrame:
    random = np.random.default_rng(seed)
    slow = np.convolve(random.normal(size=rows + 80), np.full(80, 80**-0.5), "valid")[:rows]
    load = 1.0 + 0.15 * slow
    names = {"speed": (1480.0, 4.0), "flow": (210.0, 1.0), "current": (85.0, 0.6), "bearing": (25.0, 0.3)}
    frame = {name: size * load + noise * random.normal(size=rows) for name, (size, noise) in names.items()}
    when = pd.date_range("2026-01-05", periods=rows, freq=f"{STEP}s")
    frame["energy"] = 1e5 + np.cumsum(6.0 * load + noise_of_energy * random.normal(size=rows))
    return pd.DataFrame(frame, index=when)


def _learnt(frame: pd.DataFrame, **settings: Any) -> acm_rs.Monitor:
    return acm_rs.Monitor(**settings).fit(frame.iloc[:1800])


@cache
def _plain() -> acm_rs.Monitor:
    return _learnt(_plant())


def _alarms(monitor: acm_rs.Monitor, frame: Any) -> float:
    return float(monitor.score(frame).alarms.mean())


def test_a_counter_is_watched_by_its_rise() -> None:
    plant, monitor = _plant(), _plain()
    assert monitor.sensors_[-1] == "energy"
    assert "Counters, whose rise per 10 min is taken: energy" in monitor.summary()
    later = plant.iloc[1800:]
    result = monitor.score(later)
    assert result.alarms.mean() < 0.02
    rises = np.diff(later["energy"].to_numpy())
    assert result.values[1:, -1] == pytest.approx(rises, rel=1e-9)
    assert result.units["energy"] == "per 10 min"
    # A tenth more energy at the same load: 0.6, twelve deviations of what a row's energy is off.
    wasteful = later.copy()
    wasteful["energy"] += np.append(np.zeros(300), np.cumsum(np.full(len(later) - 300, 0.6)))
    found = monitor.score(wasteful)
    assert found.alarms[320:].mean() > 0.95
    assert found.found[-1].culprits[0].name == "energy"
    assert "energy reads" in found.explain()[-1]
    assert "per 10 min" in found.explain()[-1]
    # One that stands still while the machine runs.
    dead = later.copy()
    dead.iloc[300:, -1] = dead.iloc[300, -1]
    assert monitor.score(dead).alarms[320:].mean() > 0.95


def test_beginning_anew_and_gaps_are_no_faults() -> None:
    plant = _plant()
    plant.iloc[900:, -1] -= plant.iloc[900, -1]
    plant.iloc[400:440, -1] = np.nan
    plant.iloc[600, -1] = -9999.0
    monitor = _learnt(plant)
    assert "energy" in monitor.sensors_
    later = plant.iloc[1800:].copy()
    assert _alarms(monitor, later) < 0.02
    later.iloc[200:, -1] -= later.iloc[200, -1]
    later.iloc[400:450, -1] = np.nan
    later.iloc[500, -1] = -9999.0
    result = monitor.score(later)
    assert result.alarms.mean() < 0.02
    assert "counters that have begun anew: energy (1); what they had risen by is missing" in result.remarks
    # After a short gap the rise is that of the time between; after a long one it tells nothing of the present.
    before, after = later["energy"].iloc[[499, 501]]
    assert result.values[501, -1] == pytest.approx((after - before) / 2, rel=1e-12)
    assert np.isnan(result.values[[0, 200, 450, 500], -1]).all()


def test_rises_count_by_the_time_between_rows() -> None:
    # Where the others tell each rise closely a mean over several rows tells nothing of the present.
    assert np.isnan(_plain().score(_plant().iloc[1800::6]).values[:, -1]).all()
    plant = _plant(noise_of_energy=0.2)
    monitor = _learnt(plant)
    # Every third row alone: what it rises by is three times as much, in three times the time.
    thinned = plant.iloc[1800::3]
    result = monitor.score(thinned)
    assert result.values[1:, -1] == pytest.approx(np.diff(thinned["energy"]) / 3, rel=1e-9)
    # So far apart the first might follow a gap.
    thinned = plant.iloc[1800::12]
    rises = monitor.score(thinned).values[:, -1]
    assert rises[2:] == pytest.approx(np.diff(thinned["energy"])[1:] / 12, rel=1e-9)
    assert np.isnan(rises[:2]).all()


@pytest.mark.parametrize("timed", [True, False])
def test_pieces_are_the_whole(timed: bool, tmp_path: Path) -> None:
    plant = _plant()
    plant.iloc[2000:2010, -1] = np.nan
    plant.iloc[2100:, -1] -= plant.iloc[2100, -1]
    if not timed:
        plant = plant.reset_index(drop=True)
    monitor = _learnt(plant)
    later = plant.iloc[1800:]
    whole = monitor.score(later)
    pieces = []
    place = 0
    for number, size in enumerate([1, 199, 3, 5, 1, 1, 90, 1, 499]):
        pieces.append(monitor.update(later.iloc[place : place + size]))
        place += size
        if number % 3 == 0:
            monitor.save(tmp_path / "monitor")
            monitor = acm_rs.Monitor.load(tmp_path / "monitor")
    assert place == len(later)
    for name in ("scores", "values", "expected_values", "shares", "alarms"):
        joined = np.concatenate([getattr(one, name) for one in pieces])
        assert joined.tobytes() == getattr(whole, name).tobytes(), name


def test_what_says_nothing_is_left_out_and_told() -> None:
    plant = _plant()
    plant["hours"] = 10_000 + np.arange(len(plant)) / 6
    starts = np.zeros(len(plant))
    starts[50::120] = 1.0
    plant["starts"] = 40 + np.cumsum(starts)
    monitor = _learnt(plant)
    assert monitor.left_out_ == {
        "hours": "a counter that rises by 0.1667 per 10 min in most rows",
        "starts": "a counter that rises by 0 per 10 min in most rows",
    }
    assert _alarms(monitor, plant.iloc[1800:]) < 0.02


def test_kinds_are_told_and_overridden() -> None:
    random = np.random.default_rng(4)
    plant = _plant()
    rows = len(plant)
    plant["valve"] = np.repeat(random.integers(0, 2, rows // 26), 26)
    plant["mode"] = np.repeat(random.integers(1, 5, rows // 26), 26)
    plant["set"] = np.repeat(random.choice([50.0, 52.5, 55.0, 60.0], rows // 26), 26)
    # Whole numbers, few of them, but measured: they change from row to row.
    plant["level"] = np.round(plant["flow"] / 21 + random.normal(size=rows))
    assert plant["level"].nunique() <= 20
    monitor = _learnt(plant)
    assert monitor.sensors_ == ("speed", "flow", "current", "bearing", "energy", "level")
    told = monitor.summary()
    assert "States, which condition the others and are not watched: valve, mode" in told
    assert "Set points, which condition the others and are not watched: set" in told
    assert "set has 4 values and is taken for a set point, not watched; kinds={'set': 'continuous'}" in told
    later = plant.iloc[1800:].copy()
    assert not any("never seen" in remark for remark in monitor.score(later).remarks)
    later.iloc[100:150, later.columns.get_loc("mode")] = [5, 7] * 25
    later.iloc[300, later.columns.get_loc("mode")] = -9999
    said = "mode has values that training has never seen (5, 7) in 50 rows: what the others read then is extrapolated"
    assert said in monitor.score(later).remarks
    other = _learnt(plant, kinds={"energy": "continuous", "level": "state", "set": "continuous", "mode": "ignore"})
    assert other.sensors_ == ("speed", "flow", "current", "bearing", "energy", "set")
    assert "Counters" not in other.summary()
    assert other.left_out_ == {"mode": "as asked"}
    with pytest.raises(ValueError, match="must be one of 'continuous', 'state', 'set point', 'counter', 'ignore'"):
        acm_rs.Monitor(kinds={"set": "setpoint"})


def test_limits_are_those_of_the_readings() -> None:
    plant = _plant()
    monitor = _learnt(plant, limits={"energy": (0.0, 1e6)})
    later = plant.iloc[1800:].copy()
    later.iloc[300, -1] = 2e6
    result = monitor.score(later)
    assert np.isnan(result.values[300, -1])
    assert result.values[301, -1] == pytest.approx((later.iloc[301, -1] - later.iloc[299, -1]) / 2, rel=1e-9)
    assert result.alarms.mean() < 0.02


def test_a_counter_may_drive() -> None:
    plant = _plant()
    monitor = _learnt(plant, drivers=["energy"])
    later = plant.iloc[1800:].copy()
    assert _alarms(monitor, later) < 0.02
    # Twice the energy in a row is beyond what it has seen: nothing is judged.
    later["energy"] += np.append(np.zeros(300), np.cumsum(np.full(len(later) - 300, 6.0)))
    result = monitor.score(later)
    assert not result.alarms.any()
    assert set(result.score["regime"][310:]) == {"unknown"}


def test_accepting_and_rebasing_know_rises() -> None:
    plant, monitor = _plant(), acm_rs.Monitor.from_bytes(_plain().to_bytes())
    later = plant.iloc[1800:].copy()
    later["energy"] += np.append(np.zeros(300), np.cumsum(np.full(len(later) - 300, 0.6)))
    monitor.rebase("energy", later.index[300], later)
    assert _alarms(monitor, later) < 0.02
    monitor.rollback()
    result = monitor.score(later)
    assert result.alarms[320:].mean() > 0.95
    monitor.accept((later.index[300], later.index[-1]), later)
    assert _alarms(monitor, later) < 0.02


def _column(name: str) -> Any:
    random = np.random.default_rng(2)
    rising = np.cumsum(random.exponential(size=1000))
    return {
        "energy": rising,
        "twice anew": np.concatenate([rising, rising[:500], rising]),
        "whole hours": np.floor(np.arange(1000) / 6),
        "starts": np.repeat(np.arange(12.0), 80),
        "gaps and codes": np.where(random.random(1000) < 0.1, np.nan, np.where(np.arange(1000) % 97, rising, -9999.0)),
        "ramp with noise": np.arange(1000) / 100 + random.normal(size=1000),
        "saw": np.arange(1000.0) % 50,
        "modes": np.repeat([1.0, 2.0, 3.0, 4.0], 250),
        "walk": np.cumsum(random.normal(size=1000)),
        "constant": np.ones(1000),
        "empty": np.full(1000, np.nan),
    }[name]


@pytest.mark.parametrize(
    ("name", "is_one"),
    [
        ("energy", True),
        ("twice anew", True),
        ("whole hours", True),
        ("starts", True),
        ("gaps and codes", True),
        ("ramp with noise", False),
        ("saw", False),
        ("modes", False),
        ("walk", False),
        ("constant", False),
        ("empty", False),
    ],
)
def test_counters_are_told_from_what_rises(name: str, is_one: bool) -> None:
    assert counts(_column(name)) is is_one


def test_rises_by_hand() -> None:
    minute = 60_000_000_000
    times = (np.array([0, 1, 2, 2, 5, 6, 7]) * minute).astype("datetime64[ns]")
    values = np.array([[10.0, 12.0, 13.0, 14.0, 20.0, 3.0, 5.0]]).T
    counters = Counters(["energy"], [-np.inf], [np.inf], float(minute))
    rises, anew = counters.risen(values, ["energy"], times)
    # In the fourth row no time has passed; in the sixth it has begun anew.
    assert rises[:, 0].tolist()[1:3] == [2.0, 1.0]
    assert rises[4, 0] == 2.0
    assert rises[6, 0] == 2.0
    assert np.isnan(rises[[0, 3, 5], 0]).all()
    assert anew == [1]
    assert values[0, 0] == 10.0
    by_row, _ = counters.risen(values, ["energy"], None, begins=[3])
    assert by_row[[1, 2, 4, 6], 0].tolist() == [2.0, 1.0, 6.0, 2.0]
    assert np.isnan(by_row[[0, 3, 5], 0]).all()
    assert even(np.array([np.nan, 0.5, 0.5 + 1e-9, 0.5, 0.5, 0.5, 0.7])) == pytest.approx(0.5)
    assert even(np.array([0.5, 0.6, 0.7, 0.5])) is None
    assert even(np.zeros(3)) == 0.0
