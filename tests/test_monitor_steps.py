"""Readings rounded more coarsely than in the training: told by sensor, no alarm, and faults are found all the same."""

from __future__ import annotations

from functools import cache
from itertools import pairwise

import numpy as np
import pytest
from acm_rs import Monitor
from acm_rs.monitor import steps as module
from acm_rs.monitor.parts import LEVEL_NAMES
from acm_rs.monitor.relations import Relations
from acm_rs.monitor.saving import pack, unpack
from acm_rs.monitor.steps import PARTS, Steps
from numpy.typing import NDArray
from test_monitor import same

from benchmarks.detection_sets import Loads

Matrix = NDArray[np.float64]
FINEST = 2
NOISE = np.array([0.1, 0.05, 0.004, 0.2, 0.02, 0.01])


@cache
def plant() -> tuple[Matrix, Matrix, Matrix]:
    """Training, healthy rows, and rows in which one sensor reads too much."""
    x = 20.0 + Loads(np.random.default_rng(5), 6, 2, noise=NOISE).rows(2600)
    wrong = x[2200:].copy()
    wrong[:, 3] += 1.5
    return x[:1500], x[1500:2200], wrong


@cache
def fitted() -> bytes:
    return Monitor().fit(plant()[0]).to_bytes()


def fresh() -> Monitor:
    return Monitor.from_bytes(fitted())


def told(rows: Matrix) -> list[str]:
    return [one for one in fresh().score(rows).remarks if one.startswith("readings in coarser steps")]


def to_step(rows: Matrix, step: float, sensors: object = slice(None)) -> Matrix:
    found = rows.copy()
    found[:, sensors] = np.round(rows[:, sensors] / step) * step
    return found


@pytest.mark.parametrize("step", [0.01, 0.02, 0.05, 0.1, 0.2, 0.5])
def test_coarser_rows_do_not_alarm_and_a_fault_is_found(step: float) -> None:
    _, healthy, wrong = plant()
    assert fresh().score(to_step(healthy, step)).alarms.mean() <= 0.02
    assert fresh().score(to_step(wrong, step)).alarms[50:].mean() > 0.9


def test_one_coarse_sensor_alone_does_not_alarm_and_is_named() -> None:
    _, healthy, wrong = plant()
    rows = to_step(healthy, 0.1, FINEST)
    assert fresh().score(rows).alarms.mean() <= 0.02
    assert fresh().score(to_step(wrong, 0.1, FINEST)).alarms[50:].mean() > 0.9
    assert told(rows) == [
        "readings in coarser steps than at the fit: x2 (0.1 in 695 rows); what was rounded away counts as noise of "
        "theirs, and small faults are found later"
    ]


def test_a_few_coarse_readings_are_not_worth_a_word() -> None:
    rows = plant()[1].copy()
    few = len(rows) // 250
    rows[:few] = to_step(rows[:few], 0.1, FINEST)
    assert told(rows) == []
    few = len(rows) // 50
    rows[:few] = to_step(rows[:few], 0.1, FINEST)
    assert len(told(rows)) == 1


def test_the_same_rows_alarm_where_their_steps_do_not_count() -> None:
    monitor = fresh()
    monitor._fitted()[1].steps = Steps.none(6)
    assert monitor.score(to_step(plant()[1], 0.1, FINEST)).alarms.mean() > 0.9


def test_rows_as_fine_as_the_training_are_not_told() -> None:
    assert not told(plant()[1])
    coarse = Monitor().fit(to_step(plant()[0], 0.1))
    assert not any("coarser" in one for one in coarse.score(to_step(plant()[1], 0.1)).remarks)


def test_single_precision_and_gaps_change_nothing() -> None:
    rows = to_step(plant()[1], 0.1)
    rows[np.random.default_rng(0).random(rows.shape) < 0.1] = np.nan
    assert fresh().score(rows.astype(np.float32)).alarms.mean() <= 0.02


def test_pieces_rows_and_files_give_the_bytes_of_the_whole() -> None:
    healthy = plant()[1][:300]
    rows = np.vstack([healthy[:60], to_step(healthy[60:160], 0.1), to_step(healthy[160:220], 0.05, FINEST)])
    rows = np.vstack([rows, healthy[220:]])
    rows[np.random.default_rng(1).random(rows.shape) < 0.02] = np.nan
    rows[100, 1] = 0.0
    whole = fresh().score(rows)
    cuts = [0, 61, 62, 120, 190, 191, 300]
    live = fresh()
    for first, end in pairwise(cuts):
        same(live.update(rows[first:end]), whole, slice(first, end))
        live = Monitor.from_bytes(live.to_bytes())
    live = fresh()
    for row in range(len(rows)):
        same(live.update(rows[row]), whole, slice(row, row + 1))


def looked_for() -> Steps:
    """Four sensors: fine ones, one in steps of .01, one of which nothing is looked for."""
    x = np.random.default_rng(0).normal(20.0, 3.0, (500, 4))
    x[:, 2] = to_step(x, 0.01)[:, 2]
    return Steps.fit(x, np.array([0.05, 0.5, 0.05, 1e9]), np.full(4, 3.0))


def by_a_loop(steps: Steps, rows: Matrix) -> Matrix:
    """The step of each reading, row by row from the definition."""
    d, s = steps.digits.shape
    runs, latest = np.zeros((d, s), int), np.full(d, np.nan)
    found = np.zeros(rows.shape)
    for t, row in enumerate(rows):
        for i, value in enumerate(row):
            if np.isnan(value) or value == 0.0:
                continue
            for k in range(s):
                share = value / steps.size[k]
                on = abs(share - round(share)) < 1e-4 and round(share) != 0
                if steps.digits[i, k] > 0.0:
                    runs[i, k] = runs[i, k] + (value != latest[i]) if on else 0
            latest[i] = value
        for k in range(s):
            able = steps.digits[:, k] > 0.0
            shown = np.minimum(runs[:, k] * steps.digits[:, k], 8.0)
            voters = able & ((~np.isnan(row) & (row != 0.0)) | (runs[:, k] > 0))
            together = shown.sum() >= 4.0 and (shown >= 0.9).sum() >= 0.75 * voters.sum()
            found[t, (shown >= 6.0) | (together & (shown > 0.0))] = steps.size[k]
    return found


@pytest.mark.parametrize("chunk", [1, 7, 4096])
def test_steps_are_those_of_a_loop_in_any_pieces(chunk: int, monkeypatch: pytest.MonkeyPatch) -> None:
    random = np.random.default_rng(3)
    rows = random.normal(20.0, 3.0, (240, 4))
    rows[:, 2] = to_step(rows, 0.01)[:, 2]
    for first, step, sensors in ((40, 0.1, [0, 1, 2]), (100, 0.5, [0, 1, 2]), (150, 0.2, [1]), (190, 1.0, [0, 2])):
        rows[first : first + 40] = to_step(rows[first : first + 40], step, sensors)
    rows[random.random(rows.shape) < 0.1] = np.nan
    rows[random.random(rows.shape) < 0.03] = 0.0
    steps = looked_for()
    assert (steps.digits[3] == 0.0).all()
    assert (steps.digits[2, steps.size <= 0.0101] == 0.0).all()
    wanted = by_a_loop(steps, rows)
    assert len(np.unique(wanted)) > 4
    monkeypatch.setattr(module, "CHUNK", chunk)
    found, (runs, latest) = steps.tell(rows, steps.begin())
    assert found is not None
    np.testing.assert_array_equal(found.size, wanted)
    one = steps.begin()
    for row in range(len(rows)):
        seen, one = steps.one(rows[row], one)
        assert seen == bool((wanted[row] > 0.0).any())
    np.testing.assert_array_equal(one[0], runs)
    np.testing.assert_array_equal(one[1], latest)


def test_what_the_training_seems_to_have_tells_nothing() -> None:
    x = np.random.default_rng(0).normal(20.0, 3.0, (500, 2))
    x[100:130, 0] = np.round(x[100:130, 0], 1)
    steps = Steps.fit(x, np.full(2, 0.05), np.full(2, 3.0))
    tenth = int(np.argmin(np.abs(steps.size - 0.1)))
    assert steps.digits[0, tenth] == 0.0
    assert steps.digits[1, tenth] == 1.0


def test_rounded_rows_have_the_decade_of_a_rung() -> None:
    steps = looked_for()
    x = np.random.default_rng(1).normal(20.0, 3.0, (50, 4))
    values, told = steps.rounded(x, 1)
    np.testing.assert_array_equal(values[:, 3], x[:, 3])
    for sensor in range(3):
        size = told.size[0, sensor]
        assert size == steps.size[steps.first[sensor] * len(PARTS) + 2]
        np.testing.assert_allclose(values[:, sensor], np.round(x[:, sensor] / size) * size, atol=1e-12)


def test_what_was_rounded_away_is_its_conditional_expectation() -> None:
    random = np.random.default_rng(2)
    x = random.normal(size=(4000, 2)) @ random.normal(size=(2, 4)) + 0.1 * random.normal(size=(4000, 4))
    relations = Relations.fit(x, np.zeros((len(x), 0)))
    variance = np.array([0.0, 0.02, 0.3, 0.0])
    noisy = relations.with_rounding(variance)
    covariance = np.linalg.inv(relations.precision)
    row = x[:5]
    _, plain, _, _ = relations.look(row, np.zeros((5, 0)))
    _, left, off, residual = noisy.look(row, np.zeros((5, 0)))
    away = plain @ np.linalg.inv(covariance + np.diag(variance)) @ np.diag(variance)
    np.testing.assert_allclose(left, plain - away, atol=1e-10)
    both = covariance + np.diag(variance)
    for sensor in range(4):
        others = np.arange(4) != sensor
        told = plain[:, others] @ np.linalg.solve(both[np.ix_(others, others)], both[others, sensor])
        np.testing.assert_allclose(off[:, sensor], plain[:, sensor] - told, atol=1e-8)
    np.testing.assert_array_equal(off, residual)


def test_a_file_without_steps_is_one_of_before_and_one_with_others_is_refused() -> None:
    settings, arrays, version, _ = unpack(fitted())
    old = {name: values for name, values in arrays.items() if not name.startswith("steps.")}
    monitor = Monitor.from_bytes(pack(settings | {"arrays": sorted(old)}, old, version))
    same(monitor.score(plant()[1]), fresh().score(plant()[1]))
    for name in ("steps.digits", "steps.wider", "steps.first"):
        forged = arrays | {name: arrays[name][1:]}
        with pytest.raises(ValueError, match="damaged or of another version"):
            Monitor.from_bytes(pack(settings, forged, version))


def test_a_file_with_one_memory_of_levels_goes_on_with_it() -> None:
    settings, arrays, version, _ = unpack(fitted())
    old = {name: values for name, values in arrays.items() if name != f"spreads.{LEVEL_NAMES[1]}"}
    assert len(old) == len(arrays) - 1
    monitor = Monitor.from_bytes(pack(settings | {"arrays": sorted(old)}, old, version))
    watches = monitor._fitted()[1]
    # All sensors go along the main component, where levels say most.
    rows = plant()[1][:60] + 3.0 * watches.axes[:, 0] * watches.scale
    whole = monitor.score(rows)
    for row in range(len(rows)):
        same(monitor.update(rows[row]), whole, slice(row, row + 1))
    assert not np.array_equal(whole.scores, fresh().score(rows).scores)


def test_steps_of_the_training_and_ten_times_coarser_ones_later() -> None:
    x = 20.0 + Loads(np.random.default_rng(8), 6, 2, noise=3.0 * NOISE[0]).rows(2600)
    for step in (0.1, 1.0):
        monitor = Monitor().fit(to_step(x[:1500], step))
        assert monitor.score(to_step(x[1500:], step)).alarms.mean() <= 0.02
        coarser = monitor.score(to_step(x[1500:], 10.0 * step))
        # Steps wider than the sensors' own spread are no readings any more: that alarms.
        assert coarser.alarms.mean() <= 0.02 if step < 1.0 else coarser.alarms.mean() > 0.9
        assert any(one.startswith("readings in coarser steps") for one in coarser.remarks)
