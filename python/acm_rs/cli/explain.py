"""What a model sees at a moment: the work behind ``acm-rs explain``."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.console import Console

import acm_rs
from acm_rs.cli.console import plain
from acm_rs.cli.fit import moment_in_utc, monitor_says, spoken, waiting
from acm_rs.cli.inputs import Inputs, said
from acm_rs.cli.progress import Bar
from acm_rs.cli.score import load_monitor
from acm_rs.cli.summary import table_json
from acm_rs.files.errors import counted
from acm_rs.files.options import ReadOptions
from acm_rs.files.scores import culprits_json
from acm_rs.files.table import SensorTable, load_sensors
from acm_rs.monitor import Moment, Monitor
from acm_rs.monitor.qualities import remarked

__all__ = ["Explained", "explained_json", "load_readings", "print_explained", "run_explain"]


@dataclass(frozen=True)
class Explained:
    """What a run saw.

    Parameters
    ----------
    table : SensorTable
        The readings as understood.
    result : Result
        What was found in all of them.
    moments : list of Moment
        What was asked about.
    """

    table: SensorTable
    result: acm_rs.Result
    moments: list[Moment]


def load_readings(sources: Inputs, options: ReadOptions, progress: Console | None, *monitors: Monitor) -> SensorTable:
    """Read a table with the columns that some models know."""
    known = {str(name) for monitor in monitors for name in monitor.feature_names_in_}
    with Bar(progress) as bar:
        return load_sensors(sources, options, bar.step(f"reading {said(sources)}"), needed=known, own_codes=True)


def run_explain(
    model: Path,
    sources: Inputs,
    at: Sequence[str],
    *,
    options: ReadOptions,
    threads: int | None = None,
    progress: Console | None = None,
) -> Explained:
    """Score readings and look at some moments of them.

    Parameters
    ----------
    model : Path
        The model's file.
    sources : path or sequence of paths
        The readings.
    at : sequence of str
        Times, or row numbers.
    options : ReadOptions
        What is known of the input.
    threads : int, optional
        Threads to use.
    progress : Console, optional
        Where to show that something is done.

    Returns
    -------
    Explained

    Raises
    ------
    Refusal
        A model or input that cannot be understood, or no such moment.
    """
    if threads is not None:
        acm_rs.set_num_threads(threads)
    monitor = load_monitor(model)
    table = load_readings(sources, options, progress, monitor)
    with waiting(progress, f"scoring {counted(table.sensors.height, 'row')}"), monitor_says(table.path):
        result = monitor.score(table.frame)
        found = result.remarks
        moments = [result.at(_moment(text, result, options.timezone)) for text in at]
    remarks = remarked(found, monitor, table.qualities, table.sensors.columns)
    result.remarks = [spoken(remark, fitted=True) for remark in remarks]
    return Explained(table, result, moments)


def _moment(text: str, result: acm_rs.Result, timezone: str | None) -> Any:
    word = text.strip()
    # Four digits are a year, unless there are no times.
    if word.lstrip("-").isdecimal() and (result.times is None or not (len(word) == 4 and 1800 <= int(word) <= 2200)):
        return int(word)
    return moment_in_utc(word, timezone if result.utc else None, "--at")


def print_explained(done: Explained, screen: Console) -> None:
    """Print each moment in sentences."""
    for number, moment in enumerate(done.moments):
        if number:
            screen.print()
        for sentence in moment.sentences:
            screen.print(plain(sentence), soft_wrap=True)


def explained_json(done: Explained, model: Path) -> dict[str, Any]:
    """Everything for a machine: what JSON can hold."""
    return {
        "model": {"path": str(model), **done.result.monitor_card},
        "input": table_json(done.table),
        "moments": [
            {
                "row": one.row,
                "time": None if done.result.times is None else one.when,
                "judged": not math.isnan(one.score),
                "score": None if math.isnan(one.score) else one.score,
                "limit": one.limit,
                "alarm": one.alarm,
                "regime": one.regime,
                "confidence": one.confidence,
                "sensors": culprits_json(one.sensors, done.result.units),
                "missing": one.missing,
                "explanation": one.sentences,
            }
            for one in done.moments
        ],
        "remarks": done.result.remarks,
    }
