"""How well it detects: ``python -m benchmarks.detection [--data FOLDER] [--seeds N] [--markdown FILE]``.

Every model at its defaults, and peers, on recorded and synthetic sets, with the false alarms beside each figure.
Without ``--data`` only the synthetic sets; with it also ``tep``, ``skab``, ``batadal`` and ``fd_fan``, those that are
in FOLDER.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
import warnings
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field, replace
from multiprocessing import get_context
from pathlib import Path

import numpy as np
from registry.inputs import cores

from benchmarks.detection_counts import FAULT, NAMED, Judged
from benchmarks.detection_models import MODELS, Judge, Matrix, Model
from benchmarks.detection_page import SLOW, page, tables
from benchmarks.detection_plants import PLANTS
from benchmarks.detection_recorded import recorded
from benchmarks.detection_sets import Row, Run, Set, Trial
from benchmarks.environment import THREAD_VARIABLES

FIRST_ALARMS = 60
"""Alarm rows, from the begin of the fault on, whose contributions name the sensors."""
MANY = 100_000
"""Training values above which slow models are left out."""
TOLD = ("wander", "drift")
"""Words in which a fit tells that sensors have no level of their own."""
LITTLE = 0.1
"""Share of the fault rows below which a model's finds are not compared with one another."""


@dataclass
class Cell:
    """The numbers of one model in one row: a tuple a seed, or why there are none."""

    numbers: list[tuple[float, ...]] = field(default_factory=list)
    refused: str = ""

    @property
    def mean(self) -> tuple[float, ...] | None:
        """The mean over seeds; None where there are none."""
        if not self.numbers:
            return None
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return tuple(map(float, np.nanmean(np.array(self.numbers), axis=0)))


Cells = dict[str, dict[str, Cell]]
"""By row, then by model."""


def named_first(shares: Matrix, alarms: np.ndarray, truth: np.ndarray) -> list[int]:
    """Order sensors by what they add on average over the first alarms of the fault."""
    rows = np.flatnonzero(alarms & (truth == FAULT))[:FIRST_ALARMS]
    if not rows.size:
        return []
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        mean = np.nan_to_num(np.nanmean(np.abs(shares[rows]), axis=0))
    return [int(sensor) for sensor in np.argsort(-mean, kind="stable")[:NAMED]]


def judged(judge: Judge, run: Run, naming: bool) -> Judged:
    """Score a run."""
    said = judge(run.rows, run.times)
    named: list[int] | None = None
    if naming and said.shares is not None:
        named = named_first(np.asarray(said.shares(), np.float64), said.alarms, run.truth)
    return Judged(run.truth, said.scores, said.alarms, named, run.culprits)


def tells(said: Sequence[warnings.WarningMessage]) -> bool:
    """Whether a fit warned that sensors wander."""
    return any(word in str(one.message) for one in said for word in TOLD)


class Fits:
    """The last fit of each model: rows that differ only in what is scored share it."""

    def __init__(self) -> None:
        self._known: dict[str, tuple[Matrix, Judge, bool]] = {}

    def of(self, model: Model, trial: Trial) -> tuple[Judge, bool]:
        """Fit a model to a trial's training rows, or give the fit that is there; and whether it told of wandering."""
        known = self._known.get(model.name)
        if known is None or known[0] is not trial.train:
            with warnings.catch_warnings(record=True) as said:
                warnings.simplefilter("always")
                judge = model.fit(trial.train, trial.times)
            known = self._known[model.name] = (trial.train, judge, tells(said))
        return known[1:]


def measured(one: Set, model: Model, row: Row, fits: Fits) -> tuple[float, ...]:
    """Fit and score all of a row's trials, and count."""
    runs = []
    for trial in row.trials:
        judge, warned = fits.of(model, trial)
        runs += [replace(judged(judge, run, one.names_sensors), warned=warned) for run in trial.runs]
    return one.count(runs)


def board(one: Set, models: Sequence[Model], seed: int) -> Cells:
    """Measure a set for one seed."""
    cells: Cells = {}
    fits, firsts = Fits(), {}
    for row in one.rows(seed):
        for model in models:
            cell = cells.setdefault(row.name, {}).setdefault(model.name, Cell())
            if model.slow and max(trial.train.size for trial in row.trials) > MANY:
                cell.refused = SLOW
                continue
            try:
                with warnings.catch_warnings(), np.errstate(all="ignore"):
                    warnings.simplefilter("ignore")
                    numbers = measured(one, model, row, fits)
            except Exception as error:
                cell.refused = f"{type(error).__name__}: {error}".splitlines()[0]
                continue
            if one.of_first and model.name in firsts:
                clean = firsts[model.name]
                numbers = (numbers[0] / clean if clean >= LITTLE else np.nan, *numbers[1:])
            firsts.setdefault(model.name, numbers[0])
            cell.numbers.append(numbers)
    return cells


def add(cells: Cells, more: Cells) -> None:
    """Put what another seed gave beside what is there."""
    for row, by_model in more.items():
        for model, found in by_model.items():
            cell = cells.setdefault(row, {}).setdefault(model, Cell())
            cell.numbers += found.numbers
            cell.refused = cell.refused or found.refused


def part(data: Path | None, key: str, names: Sequence[str], seed: int) -> tuple[Cells, float]:
    """Measure a set for one seed, in a process of its own; tell the seconds too."""
    begin = time.perf_counter()
    one = next(one for one in sets_of(data) if one.key == key)
    return board(one, [model for model in MODELS if model.name in names], seed), time.perf_counter() - begin


def sets_of(data: Path | None) -> list[Set]:
    """Give all sets, the recorded ones first."""
    return [*(recorded(data) if data else ()), *PLANTS]


def boards(
    data: Path | None, sets: Sequence[Set], names: Sequence[str], seeds: int, jobs: int, say: Callable[[str], None]
) -> list[tuple[Set, Cells]]:
    """Measure sets for all seeds, several at a time; what comes out does not depend on how many."""
    parts = [(one, seed) for one in sets for seed in range(seeds if one.seeded else 1)]
    found: dict[str, Cells] = {one.key: {} for one in sets}

    def take(one: Set, seed: int, cells: Cells, seconds: float) -> None:
        add(found[one.key], cells)
        say(f"{one.key}{f', seed {seed}' if one.seeded else ''}: {seconds:.1f} s")

    if jobs == 1:
        for one, seed in parts:
            take(one, seed, *part(data, one.key, names, seed))
    else:
        # Processes share the cores: threads of each would only wait for one another.
        for name in THREAD_VARIABLES:
            os.environ.setdefault(name, "1")
        with ProcessPoolExecutor(jobs, mp_context=get_context("spawn")) as pool:
            waiting = [pool.submit(part, data, one.key, names, seed) for one, seed in parts]
            for (one, seed), future in zip(parts, waiting, strict=True):
                take(one, seed, *future.result())
    return [(one, found[one.key]) for one in sets]


def parser() -> argparse.ArgumentParser:
    """Describe the command line."""
    made = argparse.ArgumentParser(prog="python -m benchmarks.detection", description=(__doc__ or "").splitlines()[0])
    made.add_argument("--data", type=Path, metavar="FOLDER", help="a folder with tep, skab, batadal or fd_fan in it")
    made.add_argument("--sets", nargs="+", metavar="SET", help="only these sets")
    made.add_argument("--models", nargs="+", metavar="MODEL", help="only these models, as in the tables' heads")
    made.add_argument("--seeds", type=int, default=3, metavar="N", help="seeds of the synthetic sets (default 3)")
    made.add_argument("--jobs", type=int, default=cores(), metavar="N", help="processes (default: all cores)")
    made.add_argument("--markdown", type=Path, metavar="FILE", help="write the page 'How well it detects' here")
    return made


def chosen(kind: str, names: Sequence[str] | None, there: Sequence[str]) -> Sequence[str]:
    """Check the names that were asked for; all where none were."""
    unknown = [name for name in names or () if name not in there]
    if unknown:
        raise SystemExit(f"--{kind}: {', '.join(unknown)} is not among {', '.join(there)}")
    return names or there


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, print, and write the page where asked."""
    given = parser().parse_args(arguments)
    for name in ("seeds", "jobs"):
        if getattr(given, name) < 1:
            raise SystemExit(f"--{name}: at least 1, got {getattr(given, name)}")
    sets = sets_of(given.data)
    if given.data and len(sets) == len(PLANTS):
        raise SystemExit(f"{given.data}: none of tep, skab, batadal, fd_fan is in it")
    keys = chosen("sets", given.sets, [one.key for one in sets])
    names = chosen("models", given.models, [model.name for model in MODELS])
    models = [model for model in MODELS if model.name in names and model.there]
    absent = [model.full for model in MODELS if model.name in names and not model.there]

    def say(text: str) -> None:
        print(text, file=sys.stderr, flush=True)

    if absent:
        say(f"Not installed, left out: {', '.join(absent)}")
    wanted = [one for one in sets if one.key in keys]
    measured_sets = boards(given.data, wanted, [model.name for model in models], given.seeds, given.jobs, say)
    if given.markdown:
        given.markdown.write_text(page(measured_sets, models, absent, given.seeds), encoding="utf-8")
    print(tables(measured_sets, models))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
