"""Recorded histories of the Monitor's report: each with the protocol of its folder."""

from __future__ import annotations

from pathlib import Path

import acm_rs
import numpy as np

from benchmarks.detection_counts import area
from benchmarks.recordings import FIRST, attacked_at, fan_history, skab_runs, water_network
from benchmarks.tep_data import FAULTS, HIDDEN, NORMAL, START, TRAIN, name_of, read_runs


def percent(share: float) -> str:
    """Write a share in percent."""
    return f"{100.0 * share:.1f} %"


def tep(folder: Path) -> str:
    """Tennessee Eastman: trained on d00, faults from row 160 on."""
    runs = read_runs(folder)
    monitor = acm_rs.Monitor().fit(runs.runs[TRAIN])
    false = float(monitor.score(runs.runs[NORMAL]).alarms.mean())
    found, before = [], []
    for fault in FAULTS:
        alarms = monitor.score(runs.runs[name_of(fault)]).alarms
        before.append(float(alarms[:START].mean()))
        if fault not in HIDDEN:
            found.append(float(alarms[START:].mean()))
    return (
        f"## Tennessee Eastman\n\n- rows with one of {len(found)} faults in alarm: {percent(float(np.mean(found)))}\n"
        f"- false alarms: {percent(false)} of {NORMAL}, {percent(float(np.mean(before)))} before the faults\n"
    )


def skab(folder: Path) -> str:
    """SKAB: in each run the first 400 rows train and the rest is scored."""
    truths, alarms, areas, episodes = [], [], [], 0
    for sensors, fault in skab_runs(folder):
        result = acm_rs.Monitor().fit(sensors.iloc[:FIRST]).score(sensors.iloc[FIRST:])
        truth = fault[FIRST:]
        truths.append(truth)
        alarms.append(result.alarms)
        areas.append(area(np.nan_to_num(result.scores, nan=0.0), truth))
        episodes += sum(not truth[max(0, one.start - 1) : one.end].any() for one in result.found)
    truth, alarm = np.concatenate(truths), np.concatenate(alarms)
    hit = int((truth & alarm).sum())
    f1 = 2.0 * hit / max(1, int(truth.sum() + alarm.sum()))
    return (
        f"## SKAB, {len(truths)} runs\n\n- F1 {f1:.2f}, false alarms {percent(float(alarm[~truth].mean()))}, "
        f"AUC {np.mean(areas):.2f}, false episodes per 1,000 healthy rows {1000.0 * episodes / (~truth).sum():.1f}\n"
    )


def batadal(folder: Path) -> str:
    """BATADAL: trained on a year without attacks, scored on half a year with seven."""
    monitor = acm_rs.Monitor().fit(water_network(folder / "BATADAL_dataset03.csv"))
    result = monitor.score(water_network(folder / "BATADAL_dataset04.csv"))
    assert result.times is not None
    attacked = attacked_at(result.times)
    after = attacked.copy()
    for hours in range(1, 73):
        after[hours:] |= attacked[:-hours]
    near = after & ~attacked
    return (
        f"## BATADAL, dataset 4\n\n- healthy rows in alarm: {percent(float(result.alarms[~attacked].mean()))} "
        f"(up to 72 hours after an attack {percent(float(result.alarms[near].mean()))}, else "
        f"{percent(float(result.alarms[~after].mean()))})\n"
        f"- attack rows found: {percent(float(result.alarms[attacked].mean()))}\n"
    )


def fan(folder: Path) -> str:
    """The forced-draught fan: what is said of the later batch."""
    result = acm_rs.Monitor().fit(fan_history(folder / "baseline.csv")).score(fan_history(folder / "batch.csv"))
    still = int((np.array(result.regime_names)[result.regimes] == "standstill").sum())
    lines = [f"- rows at a standstill: {still:,} of {len(result.alarms):,}; in alarm: {int(result.alarms.sum()):,}"]
    lines += [f"- {said}" for said in result.explain()]
    return "\n".join(["## Fan", "", *lines, ""])
