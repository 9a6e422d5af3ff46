"""Detection on the Tennessee Eastman process: ``python -m benchmarks.tep --data FOLDER``."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import acm_rs
import numpy as np
from numpy.typing import NDArray

from benchmarks.table import markdown
from benchmarks.tep_data import (
    EASY,
    FAULTS,
    HIDDEN,
    NORMAL,
    START,
    TRAIN,
    Matrix,
    NoData,
    Runs,
    Vector,
    name_of,
    read_runs,
)
from benchmarks.tep_detectors import ENTRIES, RATE, Entry, Score, limit_of, out_of_fold

PERSISTENT = 5
"""Alarm rows in sequence that end the delay."""
FIRST = 60
"""Alarm rows, from the end of the delay on, whose contributions name the sensors."""

Alarms = NDArray[np.bool_]


@dataclass(frozen=True)
class Outcome:
    """What a detector did on all runs after one training."""

    scores: Mapping[str, Vector]
    limit: float

    def alarms(self, run: str) -> Alarms:
        """Tell which rows alarm."""
        return self.scores[run] > self.limit

    def detected(self, fault: int) -> float:
        """Share of the rows with the fault that alarm."""
        return float(self.alarms(name_of(fault))[START:].mean())

    def before(self, fault: int) -> float:
        """Share of the rows before the fault that alarm."""
        return float(self.alarms(name_of(fault))[:START].mean())

    def delay(self, fault: int) -> int | None:
        """Rows from the fault's begin to the first of five alarms in sequence."""
        alarms = self.alarms(name_of(fault))[START:]
        runs = np.convolve(alarms, np.ones(PERSISTENT), "valid") == PERSISTENT
        return int(runs.argmax()) if runs.any() else None

    @property
    def rate(self) -> float:
        """Mean share of rows detected, without the hidden faults."""
        return float(np.mean([self.detected(fault) for fault in FAULTS if fault not in HIDDEN]))

    @property
    def false_before(self) -> float:
        """Mean share of alarms before the faults."""
        return float(np.mean([self.before(fault) for fault in FAULTS]))

    @property
    def easy_delay(self) -> float:
        """Median delay of the easy faults; infinite where most are never found."""
        delays = (self.delay(fault) for fault in EASY)
        return float(np.median([np.inf if delay is None else delay for delay in delays]))

    def at_rate(self, run: str) -> Outcome:
        """Move the limit to where it gives exactly the false alarm rate on a run, as is usual in the literature."""
        return Outcome(self.scores, float(np.quantile(self.scores[run], 1.0 - RATE)))


def outcome(entry: Entry, runs: Runs, train: str) -> Outcome:
    """Fit on one run without a fault, set the limit by it alone, and score all runs."""
    return followed(entry, runs, train)[0]


def followed(entry: Entry, runs: Runs, train: str) -> tuple[Outcome, Score]:
    """The outcome, and the fitted score it came from."""
    x = runs.runs[train]
    limit = 1.0 if entry.limited else limit_of(out_of_fold(entry.fit, x))
    score = entry.fit(x)
    return Outcome({name: score(rows) for name, rows in runs.runs.items()}, limit), score


def shares_of(score: Score, rows: Matrix) -> Matrix | None:
    """What each sensor adds to a score of acm_rs; nothing for the peers' forms."""
    model = getattr(score, "__self__", None)
    if model is None:
        return None
    if isinstance(model, acm_rs.PCADetector):
        shares: Matrix = model.contributions(rows, statistic=score.__name__, decomposition="complete")
    else:
        shares = model.contributions(rows)
    return shares


def percent(share: float) -> str:
    """Write a share in percent."""
    return f"{100.0 * share:.1f}"


def rows_text(delay: float | None) -> str:
    """Write a number of rows; a dash for never."""
    return "-" if delay is None or not np.isfinite(delay) else f"{delay:g}"


def culprits(runs: Runs, found: Outcome, fault: int, score: Score) -> str:
    """Name the three sensors with the greatest contributions over the first alarms."""
    delay = found.delay(fault)
    shares = shares_of(score, runs.fault(fault))
    if delay is None or shares is None:
        return "-"
    alarms = np.flatnonzero(found.alarms(name_of(fault)))
    rows = alarms[alarms >= START + delay][:FIRST]
    return " ".join(runs.sensors[column] for column in np.argsort(-shares[rows].mean(axis=0))[:3])


def fault_table(entry: Entry, runs: Runs, train: str) -> str:
    """Lay out what a detector does fault by fault."""
    found, score = followed(entry, runs, train)
    head = ["fault", "detected %", "delay", "alarms before %", "greatest contributions"]
    rows = [
        [
            str(fault),
            percent(found.detected(fault)),
            rows_text(found.delay(fault)),
            percent(found.before(fault)),
            culprits(runs, found, fault, score),
        ]
        for fault in FAULTS
    ]
    return markdown(head, rows)


def detector_table(runs: Runs, train: str, other: str) -> str:
    """Lay out all detectors."""
    head = [
        "detector",
        "detected %",
        f"alarms {other} %",
        "alarms before %",
        "delay",
        *(f"fault {fault} %" for fault in HIDDEN),
        f"detected % at {100 * RATE:g} % of {other}",
    ]
    rows = []
    for entry in ENTRIES:
        found = outcome(entry, runs, train)
        rows.append(
            [
                entry.name,
                percent(found.rate),
                percent(float(found.alarms(other).mean())),
                percent(found.false_before),
                rows_text(found.easy_delay),
                *(percent(found.detected(fault)) for fault in HIDDEN),
                percent(found.at_rate(other).rate),
            ]
        )
    return markdown(head, rows)


def report(runs: Runs) -> str:
    """Write everything as Markdown."""
    hidden = ", ".join(map(str, HIDDEN))
    lines = [
        f"# Tennessee Eastman process, acm_rs {acm_rs.__version__}",
        "",
        f"{len(FAULTS)} faults that begin at row {START}; {len(runs.sensors)} sensors. Detected: share of the rows with"
        f" a fault that alarm, the mean of the faults without {hidden}, which are told on their own. Alarms before:"
        f" of the rows before the faults. Delay: rows from the fault to the first of {PERSISTENT} alarms in sequence,"
        f" the median of the faults {', '.join(map(str, EASY))}.",
        "",
        f"Limits for {100 * RATE:g} % come from the training run alone: the fused detector's are its own; the others"
        f" are set on scores of each tenth of the run by a fit of the other nine, by acm_rs.calibrate. The last column"
        " moves the limit to where the run without a fault has exactly that rate, as is usual in the literature.",
        "",
    ]
    for train, other in ((TRAIN, NORMAL), (NORMAL, TRAIN)):
        lines += [f"## Trained on {train}", ""]
        if train == TRAIN:
            lines += [fault_table(ENTRIES[0], runs, train), ""]
        lines += [detector_table(runs, train, other), ""]
    lines += [f"## Fault by fault, trained on {TRAIN}", ""]
    for entry in ENTRIES[1:]:
        lines += [f"### {entry.name}", "", fault_table(entry, runs, TRAIN), ""]
    return "\n".join(lines)


def parser() -> argparse.ArgumentParser:
    """Describe the command line."""
    made = argparse.ArgumentParser(prog="python -m benchmarks.tep", description=__doc__)
    made.add_argument(
        "--data", type=Path, required=True, help="folder with d00.parquet, d00_te.parquet, d01_te.parquet, ..."
    )
    made.add_argument("--output", type=Path, help="write the report to this file as well")
    return made


def main(arguments: Sequence[str]) -> int:
    """Read, fit, score and report; 2 where the data are not there."""
    options = parser().parse_args(arguments)
    try:
        runs = read_runs(options.data)
    except NoData as error:
        print(error, file=sys.stderr)
        return 2
    text = report(runs)
    print(text)
    if options.output:
        options.output.write_text(text + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
