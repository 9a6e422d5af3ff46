"""The seeded plants are what they say: faults of their size, and nothing else beside the healthy twin."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks.plants import DELAY, KINDS, RAMP, SIZES, Plant

PLANTS = [Plant(seed) for seed in range(4)]


@pytest.mark.parametrize("plant", PLANTS, ids=lambda plant: f"seed{plant.seed}")
def test_a_seed_makes_one_plant(plant: Plant) -> None:
    again = Plant(plant.seed)
    assert 10 <= len(plant.names) <= 20
    assert again.names == plant.names
    np.testing.assert_array_equal(again.training, plant.training)
    np.testing.assert_array_equal(again.fault("spikes", 2.0).readings, plant.fault("spikes", 2.0).readings)
    assert not np.array_equal(Plant(plant.seed + 1).load, plant.load)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("plant", PLANTS, ids=lambda plant: f"seed{plant.seed}")
def test_a_fault_is_its_twin_but_for_one_sensor_from_its_start(plant: Plant, kind: str) -> None:
    fault = plant.fault(kind, 2.0)
    np.testing.assert_array_equal(fault.readings[: fault.start], plant.healthy[: fault.start])
    other = fault.readings != plant.healthy
    other &= ~np.isnan(plant.healthy)
    changed = {plant.names[column] for column in np.flatnonzero(other.any(axis=0))}
    if kind == "wear":
        assert len(changed) > 1
        assert fault.sensor is None
    else:
        assert changed == {fault.sensor}
    assert fault.start < fault.within <= plant.rows
    assert not changed & {"load", "ambient", "valve"}


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind not in ("stuck", "wear")])
def test_the_size_is_the_root_mean_square_of_the_displacement(kind: str, size: float) -> None:
    ratios = []
    for plant in PLANTS:
        fault = plant.fault(kind, size)
        sensor = plant.names.index(str(fault.sensor))
        whole = fault.readings[fault.start + RAMP.get(kind, 0) :, sensor]
        moved = whole - plant.healthy[fault.start + RAMP.get(kind, 0) :, sensor]
        moved = moved[plant.running[-len(moved) :] & ~np.isnan(moved)]
        ratios.append(np.sqrt(np.mean(moved**2)) / plant.sigma[sensor] / size)
    assert np.mean(ratios) == pytest.approx(1.0, abs=0.1)


def test_stuck_is_one_value_off_by_the_size() -> None:
    for plant in PLANTS:
        fault = plant.fault("stuck", 3.0)
        column = fault.readings[fault.start :, plant.names.index(str(fault.sensor))]
        column = column[~np.isnan(column) & (column != plant.code)]
        assert len(np.unique(column)) == 1
        before = plant.healthy[fault.start, plant.names.index(str(fault.sensor))]
        sigma = plant.sigma[plant.names.index(str(fault.sensor))]
        assert np.isnan(before) or abs(column[0] - before) / sigma == pytest.approx(3.0, abs=0.2)


def test_time_to_find_counts_rows_in_which_the_machine_runs() -> None:
    for plant in PLANTS:
        fault, small = plant.fault("step", 2.0), plant.fault("step", 1.0)
        running = plant.running[plant.fit_rows :]
        assert running[fault.start : fault.within].sum() == DELAY["step"]
        assert small.within > fault.within
        assert running[fault.start]


def test_histories_are_soiled_as_historians_do() -> None:
    plants = [Plant(seed) for seed in range(12)]
    assert any(np.isnan(plant.healthy).any() for plant in plants)
    assert any((plant.training == plant.code).any() for plant in plants)
    assert any(plant.stops for plant in plants)
    assert {plant.points for plant in plants} == {1, 2, 3}
    frame = plants[0].frame(plants[0].healthy)
    assert list(frame.columns[-2:]) == ["status", "set point"]
    with pytest.raises(ValueError, match="one of drift"):
        plants[0].fault("gremlins", 1.0)
