"""Sensors that come to the end of their scale: 20 mA, a level of 100 %."""

from __future__ import annotations

import json

import numpy as np
import pytest
from acm_rs import Monitor
from acm_rs.monitor import saving
from acm_rs.monitor.relations import Relations
from acm_rs.monitor.stops import end_stops
from numpy.typing import NDArray

Matrix = NDArray[np.float64]
FIRST, SECOND, THIRD = range(3)


def plant(seed: int, rows: int, pace: float = 0.04) -> Matrix:
    """Four currents of 4 to 20 mA: two of them leave their scale where the load is high or low."""
    random = np.random.default_rng(seed)
    noise = random.normal(size=(rows, 5))
    load = np.empty(rows)
    now = 12.0
    for row in range(rows):
        now += pace * (12.0 - now) + np.sqrt(25.0 * pace) * noise[row, 0]
        load[row] = now
    x = np.column_stack([load, 1.3 * load - 2.0, 20.0 - 0.8 * load, 12.0 + noise[:, 4]])
    x[:, :3] += 0.05 * noise[:, 1:4]
    return np.clip(x, 4.0, 20.0)


def test_ends_of_scales_are_no_alarm_and_faults_are_found() -> None:
    healthy = []
    for seed in range(4):
        x = plant(seed, 6500)
        monitor = Monitor().fit(x[:4000])
        assert "stuck" not in monitor.summary().split("Watches")[0]
        rows = x[4000:]
        assert (rows[:, SECOND] == 20.0).mean() > 0.03
        healthy.append(monitor.score(rows).alarms.mean())
        rows[1000:1400, FIRST] += 0.6
        wrong = monitor.score(rows)
        assert wrong.alarms[1030:1400].mean() > 0.9
        assert FIRST in wrong.shares[1030:1400].sum(axis=0).argsort()[-2:]
    assert np.mean(healthy) <= 0.02


@pytest.mark.parametrize("end", [4.0, 20.0])
def test_a_sensor_that_fails_at_the_end_of_its_scale_alarms(end: float) -> None:
    x = plant(1, 5000)
    monitor = Monitor().fit(x[:4000])
    rows = x[4000:]
    rows[300:500, SECOND] = end
    found = monitor.score(rows)
    elsewhere = np.abs(rows[320:500, FIRST] - (12.0 if end == 4.0 else 10.0)) < 4.0
    assert elsewhere.sum() > 50
    assert found.alarms[320:500][elsewhere].mean() > 0.9
    assert found.shares[320:500][elsewhere].sum(axis=0).argmax() == SECOND


@pytest.mark.parametrize(("pace", "seed"), [(0.004, 1), (0.01, 1), (0.01, 7)])
def test_two_sensors_at_their_ends_at_once_do_not_hide_each_other(pace: float, seed: int) -> None:
    x = plant(seed, 6500, pace)
    both = ((x == 4.0) | (x == 20.0)).sum(axis=1) == 2
    assert both[:4000].sum() > 100
    assert both[4000:].sum() > 50
    assert Monitor().fit(x[:4000]).score(x[4000:]).alarms[both[4000:]].mean() <= 0.05


def test_row_by_row_and_from_a_file_it_is_the_same() -> None:
    x = plant(2, 4600)
    monitor = Monitor().fit(x[:4000])
    assert monitor._learned is not None
    assert np.isfinite(monitor._learned[1].stops).any()
    again = Monitor.from_bytes(monitor.to_bytes())
    whole = again.score(x[4000:])
    parts = [again.update(x[row : row + 1]) for row in range(4000, 4600)]
    np.testing.assert_array_equal(np.concatenate([one.scores for one in parts]), whole.scores)
    np.testing.assert_array_equal(np.concatenate([one.alarms for one in parts]), whole.alarms)
    np.testing.assert_array_equal(monitor.score(x[4000:]).scores, whole.scores)


def test_what_is_an_end_of_a_scale() -> None:
    random = np.random.default_rng(3)
    wave = 10.0 * np.sin(np.arange(3000) / 40.0) + 0.2 * random.normal(size=3000)
    assert np.isnan(end_stops(wave)).all()
    assert end_stops(np.minimum(wave, 8.0))[1] == 8.0
    assert end_stops(np.clip(wave, -9.0, 8.0)) == (-9.0, 8.0)
    # Coarse steps, a dropout, a standstill, one stretch, and what mostly rests.
    assert np.isnan(end_stops(np.round(wave))).all()
    dropped = wave + 30.0
    dropped[random.random(3000) < 0.05] = 0.0
    assert np.isnan(end_stops(dropped)).all()
    still = np.where(np.arange(3000) % 300 < 100, 0.0, wave + 30.0)
    assert np.isnan(end_stops(still)).all()
    once = wave.copy()
    once[1000:1100] = wave.max()
    assert np.isnan(end_stops(once)).all()
    assert np.isnan(end_stops(np.maximum(wave, 3.0))[0])
    assert np.isnan(end_stops(np.full(3000, np.nan))).all()


def test_readings_that_are_missing_at_one_end_of_a_range_do_not_bend_relations() -> None:
    random = np.random.default_rng(4)
    load = random.normal(size=4000)
    x = np.column_stack([load, 1.3 * load, -0.8 * load]) + 0.05 * random.normal(size=(4000, 3))
    gaps = x.copy()
    gaps[load > 1.0, 1] = np.nan
    found = Relations.fit(gaps, np.zeros((4000, 0))).look(x, np.zeros((4000, 0)))[2]
    assert np.abs(found[(load > 0.5) & (load < 1.0), 1].mean()) < 0.02
    assert found[:, 1].std() < 0.1


@pytest.mark.parametrize("wrong", [np.zeros((2, 1)), np.full((2, 4), 5.0), np.array([[9.0] * 4, [1.0] * 4])])
def test_ends_that_no_monitor_wrote_do_not_load(wrong: Matrix) -> None:
    data = Monitor().fit(plant(1, 1500)).to_bytes()
    settings, arrays, version, _ = saving.unpack(data)
    assert json.loads(data[8 : 8 + int.from_bytes(data[:8], "little")])["__metadata__"]["format"] == "3"
    arrays["watches.stops"] = wrong
    with pytest.raises(ValueError, match="ends of scales are not those of the sensors"):
        Monitor.from_bytes(saving.pack(settings, arrays, version))
