"""Recorded histories of the Monitor's report: each with the protocol of its folder."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import acm_rs
import numpy as np
from numpy.typing import NDArray

from benchmarks.tep_data import FAULTS, HIDDEN, NORMAL, START, TRAIN, name_of, read_runs

Flags = NDArray[np.bool_]

ATTACKS = (
    ("2016-09-13T23", "2016-09-16T00"),
    ("2016-09-26T11", "2016-09-27T10"),
    ("2016-10-09T09", "2016-10-11T20"),
    ("2016-10-29T19", "2016-11-02T16"),
    ("2016-11-26T17", "2016-11-29T04"),
    ("2016-12-06T07", "2016-12-10T04"),
    ("2016-12-14T15", "2016-12-19T04"),
)
"""First and last hours of the seven attacks in BATADAL's dataset 4."""
FIRST = 400
"""Rows of a SKAB run that train."""


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
    import pandas as pd

    truths, alarms, areas, episodes = [], [], [], 0
    for path in sorted(folder.glob("*/*.csv")):
        run = pd.read_csv(path, sep=";", index_col=0, parse_dates=True)
        fault = run["anomaly"].to_numpy() > 0.5
        sensors = run.drop(columns=["anomaly", "changepoint"])
        result = acm_rs.Monitor().fit(sensors.iloc[:FIRST]).score(sensors.iloc[FIRST:])
        truth = fault[FIRST:]
        truths.append(truth)
        alarms.append(result.alarms)
        areas.append(_area(np.nan_to_num(result.scores, nan=0.0), truth))
        episodes += sum(not truth[max(0, one.start - 1) : one.end].any() for one in result.found)
    truth, alarm = np.concatenate(truths), np.concatenate(alarms)
    hit = int((truth & alarm).sum())
    f1 = 2.0 * hit / max(1, int(truth.sum() + alarm.sum()))
    return (
        f"## SKAB, {len(truths)} runs\n\n- F1 {f1:.2f}, false alarms {percent(float(alarm[~truth].mean()))}, "
        f"AUC {np.mean(areas):.2f}, false episodes per 1,000 healthy rows {1000.0 * episodes / (~truth).sum():.1f}\n"
    )


def _area(scores: NDArray[np.float64], truth: Flags) -> float:
    """The chance that a row with a fault scores higher than a healthy one."""
    ranks = np.empty(len(scores))
    order = np.argsort(scores, kind="stable")
    _, first, counts = np.unique(scores[order], return_index=True, return_counts=True)
    ranks[order] = np.repeat(first + (counts + 1) / 2.0, counts)
    many, few = int(truth.sum()), int((~truth).sum())
    return float((ranks[truth].sum() - many * (many + 1) / 2.0) / (many * few)) if many and few else np.nan


def _water(path: Path) -> Any:
    import pandas as pd

    frame = pd.read_csv(path, skipinitialspace=True)
    frame.columns = frame.columns.str.strip()
    frame.index = pd.DatetimeIndex(pd.to_datetime(frame.pop("DATETIME").str.strip(), format="%d/%m/%y %H"))
    return frame.drop(columns="ATT_FLAG")


def batadal(folder: Path) -> str:
    """BATADAL: trained on a year without attacks, scored on half a year with seven."""
    monitor = acm_rs.Monitor().fit(_water(folder / "BATADAL_dataset03.csv"))
    result = monitor.score(_water(folder / "BATADAL_dataset04.csv"))
    assert result.times is not None
    attacked = np.zeros(len(result.alarms), bool)
    for first, last in ATTACKS:
        attacked |= (result.times >= np.datetime64(first)) & (result.times <= np.datetime64(last))
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
    import pandas as pd

    def read(name: str) -> pd.DataFrame:
        frame = pd.read_csv(folder / name, encoding="utf-8-sig")
        frame.index = pd.DatetimeIndex(pd.to_datetime(frame.pop("TS"), format="mixed"))
        return frame.sort_index()

    result = acm_rs.Monitor().fit(read("baseline.csv")).score(read("batch.csv"))
    still = int((np.array(result.regime_names)[result.regimes] == "standstill").sum())
    lines = [f"- rows at a standstill: {still:,} of {len(result.alarms):,}; in alarm: {int(result.alarms.sum()):,}"]
    lines += [f"- {said}" for said in result.explain()]
    return "\n".join(["## Fan", "", *lines, ""])
