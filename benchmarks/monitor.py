"""What Monitor finds: ``python -m benchmarks.monitor [--seeds 0 40] [--data FOLDER]``.

Without data: seeded plants (`benchmarks/plants.py`), each with a healthy twin and eight kinds of faults in three sizes.
With ``--data``: the folders ``tep``, ``skab``, ``batadal`` and ``fd_fan`` in it, those that are there. The settings are
the defaults throughout.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import acm_rs
import numpy as np
from numpy.typing import NDArray

from benchmarks.monitor_data import batadal, fan, skab, tep
from benchmarks.plants import KINDS, SIZES, Plant
from benchmarks.table import markdown


@dataclass(frozen=True)
class Twin:
    """What was made of a plant's healthy later history."""

    seed: int
    rows: int
    rate: float
    low: float
    high: float
    episodes: int

    @property
    def kept(self) -> bool:
        """Whether the alarms are within the interval that the Monitor states."""
        return self.low <= self.rate <= self.high


@dataclass(frozen=True)
class Finding:
    """What was made of a fault."""

    kind: str
    size: float
    delay: int | None
    place: int | None
    """Of the faulty sensor among the culprits, from 0; None where it is not among them, or there is none."""

    @property
    def found(self) -> bool:
        """Whether there was an alarm in time that the healthy twin does not have."""
        return self.delay is not None


def judge(seed: int) -> tuple[Twin, list[Finding]]:
    """Fit a plant's healthy history; score its healthy twin and all faults."""
    plant = Plant(seed)
    monitor = acm_rs.Monitor().fit(plant.frame(plant.training))
    healthy = monitor.score(plant.frame(plant.healthy))
    judged = ~np.isnan(healthy.scores)
    interval = monitor.expected_alarms_
    twin = Twin(seed, int(judged.sum()), float(healthy.alarms[judged].mean()), *interval, len(healthy.found))
    findings = []
    for kind in KINDS:
        for size in SIZES:
            fault = plant.fault(kind, size)
            result = monitor.score(plant.frame(fault.readings))
            new = result.alarms[fault.start : fault.within] & ~healthy.alarms[fault.start : fault.within]
            delay, place = None, None
            if new.any():
                delay = int(new.argmax())
                row = fault.start + delay
                episode = next(one for one in result.found if one.start <= row < one.end)
                names = [culprit.name for culprit in episode.culprits]
                place = names.index(fault.sensor) if fault.sensor in names else None
            findings.append(Finding(kind, size, delay, place))
    return twin, findings


def percent(share: float) -> str:
    """Write a share in percent."""
    return f"{100.0 * share:.1f}"


def plants(seeds: Sequence[int]) -> str:
    """Lay out what is found on seeded plants."""
    twins: list[Twin] = []
    findings: list[Finding] = []
    for seed in seeds:
        twin, found = judge(seed)
        twins.append(twin)
        findings += found
    rates = np.array([twin.rate for twin in twins])
    rows = sum(twin.rows for twin in twins)
    alone = [one for one in findings if one.size >= 2.0]
    named = [one for one in alone if one.found and one.kind != "wear"]
    lines = [
        f"## {len(seeds)} plants, seeds {seeds[0]} to {seeds[-1]}",
        "",
        f"- healthy rows in alarm: mean {percent(float(rates.mean()))} %, median {percent(float(np.median(rates)))} %, "
        f"greatest {percent(float(rates.max()))} %; within the stated interval in "
        f"{sum(twin.kept for twin in twins)} of {len(twins)}",
        f"- false episodes per 1,000 healthy rows: {1000.0 * sum(twin.episodes for twin in twins) / rows:.2f}",
        f"- faults of 2 sigma and more found in time: {percent(_mean(one.found for one in alone))} %",
        f"- the right sensor first: {percent(_mean(one.place == 0 for one in named))} %, among the first two: "
        f"{percent(_mean(one.place in (0, 1) for one in named))} % (without wear)",
        "",
    ]
    head = ["fault", *(f"{size:g} sigma: found %, among two %, delay" for size in SIZES)]
    table = []
    for kind in KINDS:
        cells = [kind]
        for size in SIZES:
            some = [one for one in findings if one.kind == kind and one.size == size]
            hits = [one for one in some if one.found]
            two = "-" if kind == "wear" or not hits else percent(_mean(one.place in (0, 1) for one in hits))
            delay = f"{np.median([one.delay for one in hits if one.delay is not None]):.0f}" if hits else "-"
            cells.append(f"{percent(_mean(one.found for one in some))}, {two}, {delay}")
        table.append(cells)
    lines += [markdown(head, table), ""]
    outside = [
        f"{twin.seed} ({percent(twin.rate)} %, at most {percent(twin.high)} %)" for twin in twins if not twin.kept
    ]
    if outside:
        lines += [f"Outside of their interval: seeds {', '.join(outside)}", ""]
    return "\n".join(lines)


def _mean(truths: object) -> float:
    found: NDArray[np.bool_] = np.array(list(truths))  # type: ignore[call-overload]
    return float(found.mean()) if found.size else 0.0


SETS = {"tep": tep, "skab": skab, "batadal": batadal, "fd_fan": fan}


def main(arguments: Sequence[str] | None = None) -> None:
    """Print the report."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.monitor", description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, nargs=2, metavar=("FIRST", "AFTER"), help="seeds of plants; 0 to 40")
    parser.add_argument("--data", type=Path, help="a folder with tep, skab, batadal or fd_fan in it")
    given = parser.parse_args(arguments)
    print(f"# Monitor, acm_rs {acm_rs.__version__}, settings as they are\n")
    if given.seeds or not given.data:
        print(plants(range(*(given.seeds or (0, 40)))))
    if given.data:
        there = [name for name in SETS if (given.data / name).is_dir()]
        if not there:
            raise SystemExit(f"{given.data}: none of {', '.join(SETS)} is in it")
        for name in there:
            print(SETS[name](given.data / name))


if __name__ == "__main__":
    main()
