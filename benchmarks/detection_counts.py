"""What is counted of alarms: shares, F1, the area under the curve, false episodes, culprits."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Vector = NDArray[np.float64]
Flags = NDArray[np.bool_]
Truth = NDArray[np.int8]

UNCOUNTED, HEALTHY, FAULT, STATE = -1, 0, 1, 2
"""What a row is; STATE is a healthy row in a rare state."""
JOINED = 10
"""Rows without an alarm that do not end an episode."""
SHORT = 3
"""Alarm rows that make an episode; fewer are a flicker."""
NAMED = 3
"""Sensors that count as named."""


@dataclass(frozen=True)
class Judged:
    """A run, and what a model said of it."""

    truth: Truth
    scores: Vector
    alarms: Flags
    named: Sequence[int] | None = None
    """The first sensors by contribution over the first alarms of the fault; None where the model names nobody."""
    culprits: Sequence[int] = ()
    """Sensors of which one should be named."""
    warned: bool = False
    """Whether the fit told that sensors wander."""


Count = Callable[[Sequence[Judged]], tuple[float, ...]]


def share(runs: Sequence[Judged], what: int) -> float:
    """Share of the rows of one truth that are in alarm."""
    rows = sum(int((run.truth == what).sum()) for run in runs)
    hits = sum(int(run.alarms[run.truth == what].sum()) for run in runs)
    return hits / rows if rows else np.nan


def found_and_false(runs: Sequence[Judged]) -> tuple[float, ...]:
    """Share of rows with a fault, and of healthy ones, that are in alarm."""
    return share(runs, FAULT), share(runs, HEALTHY)


def false_only(runs: Sequence[Judged]) -> tuple[float, ...]:
    """Share of healthy rows in alarm."""
    return (share(runs, HEALTHY),)


def false_and_told(runs: Sequence[Judged]) -> tuple[float, ...]:
    """Share of healthy rows in alarm, and of the runs before which the fit told that sensors wander."""
    return share(runs, HEALTHY), float(np.mean([run.warned for run in runs]))


def with_state(runs: Sequence[Judged]) -> tuple[float, ...]:
    """Share of rows with a fault, of healthy ones, and of healthy ones in the rare state, that are in alarm."""
    return share(runs, FAULT), share(runs, HEALTHY), share(runs, STATE)


def f1(runs: Sequence[Judged]) -> float:
    """Harmonic mean of recall and precision, over the rows of all runs."""
    hits = sum(int((run.alarms & (run.truth == FAULT)).sum()) for run in runs)
    faults = sum(int((run.truth == FAULT).sum()) for run in runs)
    alarms = sum(int((run.alarms & (run.truth >= HEALTHY)).sum()) for run in runs)
    return 2.0 * hits / (faults + alarms) if faults + alarms else np.nan


def f1_and_false(runs: Sequence[Judged]) -> tuple[float, ...]:
    """F1 of the rows with a fault, and the share of healthy rows in alarm."""
    return f1(runs), share(runs, HEALTHY)


def area(scores: Vector, faults: Flags) -> float:
    """The chance that a row with a fault scores higher than a healthy one; rows of equal score count half."""
    ranks = np.empty(len(scores))
    order = np.argsort(scores, kind="stable")
    _, first, counts = np.unique(scores[order], return_index=True, return_counts=True)
    ranks[order] = np.repeat(first + (counts + 1) / 2.0, counts)
    many, few = int(faults.sum()), int((~faults).sum())
    return float((ranks[faults].sum() - many * (many + 1) / 2.0) / (many * few)) if many and few else np.nan


def mean_area(runs: Sequence[Judged]) -> float:
    """Mean over runs of the area under the curve; a row without a score counts as the lowest."""
    areas = []
    for run in runs:
        counted = run.truth >= HEALTHY
        scores = np.where(np.isnan(run.scores), -np.inf, run.scores)
        areas.append(area(scores[counted], run.truth[counted] == FAULT))
    return float(np.nanmean(areas)) if np.isfinite(areas).any() else np.nan


def false_episodes(run: Judged) -> int:
    """Count the episodes that touch no row with a fault: three alarm rows or more, gaps of up to ten rows bridged."""
    rows = np.flatnonzero(run.alarms)
    if not rows.size:
        return 0
    breaks = np.flatnonzero(np.diff(rows) > JOINED + 1)
    spans = zip(np.r_[0, breaks + 1], np.r_[breaks, rows.size - 1], strict=True)
    long = [(rows[first], rows[last]) for first, last in spans if last - first + 1 >= SHORT]
    return sum(not (run.truth[start : end + 1] == FAULT).any() for start, end in long)


def area_and_episodes(runs: Sequence[Judged]) -> tuple[float, ...]:
    """Mean area under the curve, and false episodes in 1,000 healthy rows."""
    healthy = sum(int((run.truth == HEALTHY).sum()) for run in runs)
    return mean_area(runs), 1000.0 * sum(map(false_episodes, runs)) / max(1, healthy)


def culprits_named(runs: Sequence[Judged]) -> tuple[float, ...]:
    """Share of the runs with a fault in which one of its sensors is among the first three."""
    named = [(run.named[:NAMED], run.culprits) for run in runs if run.named is not None]
    return (float(np.mean([bool(set(first) & set(culprits)) for first, culprits in named])) if named else np.nan,)
