"""The recorded sets: Tennessee Eastman, a pump's test bed, a water network, a fan. Each is read where its folder is."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path

import numpy as np

from benchmarks.detection_counts import (
    FAULT,
    HEALTHY,
    STATE,
    Judged,
    area_and_episodes,
    culprits_named,
    f1_and_false,
    found_and_false,
    share,
    with_state,
)
from benchmarks.detection_sets import Row, Run, Set, Trial, healthy
from benchmarks.recordings import FIRST, attacked_at, fan_history, skab_runs, water_network
from benchmarks.tep_data import FAULTS, HIDDEN, NORMAL, START, TRAIN, read_runs

CULPRITS = {
    1: ("XMEAS_01", "XMEAS_04", "XMV_03", "XMV_04"),
    2: ("XMEAS_10", "XMEAS_30", "XMV_06"),
    4: ("XMEAS_09", "XMEAS_21", "XMV_10"),
    5: ("XMEAS_11", "XMEAS_22", "XMV_11"),
    6: ("XMEAS_01", "XMV_03"),
    7: ("XMEAS_04", "XMV_04"),
    10: ("XMEAS_18", "XMEAS_19", "XMV_09"),
    11: ("XMEAS_09", "XMEAS_21", "XMV_10"),
    12: ("XMEAS_11", "XMEAS_22", "XMV_11"),
    14: ("XMEAS_09", "XMEAS_21", "XMV_10"),
}
"""Sensors next to the disturbance, by the process description of Downs and Vogel (1993): the feed, stream, reactor,
condenser or stripper that it is in, and the valve of its loop. Faults without such a place are not judged."""


def _eastman(folder: Path, seed: int) -> Iterator[Row]:
    runs = read_runs(folder)
    scored = [healthy(runs.runs[NORMAL])]
    for fault in FAULTS:
        if fault in HIDDEN:
            continue
        rows = runs.fault(fault)
        truth = np.full(len(rows), STATE, np.int8)
        truth[START:] = FAULT
        scored.append(Run(rows, truth))
    yield Row(f"trained on {TRAIN}, {len(runs.runs[TRAIN])} rows", [Trial(runs.runs[TRAIN], scored)])


def _eastman_culprits(folder: Path, seed: int) -> Iterator[Row]:
    runs = read_runs(folder)
    scored = []
    for fault, names in CULPRITS.items():
        rows = runs.fault(fault)
        truth = np.full(len(rows), HEALTHY, np.int8)
        truth[START:] = FAULT
        scored.append(Run(rows, truth, culprits=[runs.sensors.index(name) for name in names]))
    yield Row(f"{len(CULPRITS)} faults with a place", [Trial(runs.runs[TRAIN], scored)])


def _skab(folder: Path, seed: int) -> Iterator[Row]:
    trials = []
    for frame, fault in skab_runs(folder):
        rows, times = frame.to_numpy(np.float64), frame.index.to_numpy()
        truth = np.where(fault[FIRST:], FAULT, HEALTHY).astype(np.int8)
        trials.append(Trial(rows[:FIRST], [Run(rows[FIRST:], truth, times[FIRST:])], times[:FIRST]))
    yield Row(f"{len(trials)} runs", trials)


def f1_false_area_episodes(runs: Sequence[Judged]) -> tuple[float, ...]:
    """F1, healthy rows in alarm, area, false episodes."""
    return *f1_and_false(runs), *area_and_episodes(runs)


def _water(folder: Path, seed: int) -> Iterator[Row]:
    before, later = (water_network(folder / f"BATADAL_dataset0{number}.csv") for number in (3, 4))
    times = later.index.to_numpy()
    truth = np.where(attacked_at(times), FAULT, HEALTHY).astype(np.int8)
    runs = [Run(later.to_numpy(np.float64), truth, times)]
    yield Row("dataset 4", [Trial(before.to_numpy(np.float64), runs, before.index.to_numpy())])


def _fan(folder: Path, seed: int) -> Iterator[Row]:
    base, batch = fan_history(folder / "baseline.csv"), fan_history(folder / "batch.csv")
    rows, times = base.to_numpy(np.float64), base.index.to_numpy()
    half = len(rows) // 2
    later = batch.to_numpy(np.float64)
    unknown = Run(later, np.full(len(later), STATE, np.int8), batch.index.to_numpy())
    runs = [healthy(rows[half:], times[half:]), unknown]
    yield Row("fitted on the first half of the baseline", [Trial(rows[:half], runs, times[:half])])


def healthy_and_batch(runs: Sequence[Judged]) -> tuple[float, ...]:
    """Share of the healthy rows, and of the batch nobody labelled, that are in alarm."""
    return share(runs, HEALTHY), share(runs, STATE)


def recorded(data: Path) -> list[Set]:
    """Give the sets whose folders are in this one."""
    sets = [
        (
            "tep",
            Set(
                "tep",
                "Tennessee Eastman process",
                "A simulated chemical plant of 52 sensors (Downs and Vogel 1993). Rows with one of "
                f"{len(FAULTS) - len(HIDDEN)} faults; faults {', '.join(map(str, HIDDEN))}, which no method finds, "
                f"are not counted. Healthy rows: {NORMAL}, and those before each fault.",
                ("rows with a fault found %", f"rows of {NORMAL} in alarm %", "rows before the faults in alarm %"),
                partial(_eastman, data / "tep"),
                with_state,
                seeded=False,
            ),
        ),
        (
            "tep",
            Set(
                "tep-culprits",
                "Tennessee Eastman process: which sensor",
                "Faults that are in one place: whether a sensor of that place is among the first three by contribution "
                "over the first 60 alarm rows.",
                ("culprit among the first three %",),
                partial(_eastman_culprits, data / "tep"),
                culprits_named,
                seeded=False,
                names_sensors=True,
                best=("high",),
            ),
        ),
        (
            "skab",
            Set(
                "skab",
                "A pump's test bed (SKAB)",
                f"In each run the first {FIRST} rows train and the rest is scored: seven minutes of training, in "
                "which the temperatures still wander. AUC is the mean of the runs'. An episode is three alarm rows "
                "or more with no gap of more than ten rows; it is false where it touches no row with a fault.",
                ("F1 %", "healthy rows in alarm %", "AUC %", "false episodes in 1,000 healthy rows"),
                partial(_skab, data / "skab"),
                f1_false_area_episodes,
                seeded=False,
                best=("high", "low", "high", "low"),
            ),
        ),
        (
            "batadal",
            Set(
                "batadal",
                "A water network (BATADAL)",
                "43 sensors, hourly; a year without attacks trains, half a year with seven attacks is scored. Every "
                "row outside the attacks counts as healthy. Dataset 4 has two decimals where the training has nine.",
                ("attack rows found %", "other rows in alarm %"),
                partial(_water, data / "batadal"),
                found_and_false,
                seeded=False,
            ),
        ),
        (
            "fd_fan",
            Set(
                "fd_fan",
                "A forced-draught fan",
                "Nine sensors, half-hourly. The first half of the baseline trains, the second is taken as healthy. The "
                "later batch has no labels: its share is told, not judged.",
                ("healthy rows in alarm %", "rows of the later batch in alarm %"),
                partial(_fan, data / "fd_fan"),
                healthy_and_batch,
                seeded=False,
                best=("low", "-"),
            ),
        ),
    ]
    return [one for folder, one in sets if (data / folder).is_dir()]
