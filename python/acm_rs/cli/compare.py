"""Two models on the same readings: the work behind ``acm-rs compare``."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

import acm_rs
from acm_rs.cli.console import plain, show
from acm_rs.cli.explain import load_readings
from acm_rs.cli.fit import monitor_says, spoken, waiting
from acm_rs.cli.inputs import Inputs, named
from acm_rs.cli.score import load_monitor
from acm_rs.cli.summary import file_json, table_json
from acm_rs.files.errors import counted
from acm_rs.files.options import ReadOptions
from acm_rs.files.scores import json_time
from acm_rs.files.table import SensorTable
from acm_rs.files.writing import STANDARD_OUTPUT, check_output, write_table
from acm_rs.monitor import Comparison
from acm_rs.monitor.comparison import blamed

__all__ = ["Compared", "compare_json", "print_compared", "run_compare"]

_LISTED = 40
"""Alarms printed at most; --json and the table hold all."""
_STYLES = {"comes": "bold red", "goes": "bold yellow", "stays": ""}


@dataclass(frozen=True)
class Compared:
    """What a run found.

    Parameters
    ----------
    table : SensorTable
        The readings as understood.
    found : Comparison
        What both models make of them.
    output : tuple of Path, int and bool, or None
        The file written, its size, and whether it took the place of another.
    """

    table: SensorTable
    found: Comparison
    output: tuple[Path, int, bool] | None = None


def run_compare(
    old: Path,
    new: Path,
    sources: Inputs,
    *,
    options: ReadOptions,
    output: Path | None = None,
    threads: int | None = None,
    progress: Console | None = None,
    raw: bool = False,
) -> Compared:
    """Score readings with two models.

    Parameters
    ----------
    old, new : Path
        The models' files.
    sources : path or sequence of paths
        The readings.
    options : ReadOptions
        What is known of the input.
    output : Path, optional
        Where to write the table of alarms.
    threads : int, optional
        Threads to use.
    progress : Console, optional
        Where to show that something is done.
    raw : bool
        Write names into CSV as they are.

    Returns
    -------
    Compared

    Raises
    ------
    Refusal
        A model or input that cannot be understood, or output that cannot be written.
    """
    if output is not None:
        check_output(output, old, new, *named(sources))
    if threads is not None:
        acm_rs.set_num_threads(threads)
    monitors = load_monitor(old), load_monitor(new)
    table = load_readings(sources, options, progress, *monitors)
    with waiting(progress, f"scoring {counted(table.sensors.height, 'row')} twice"), monitor_says(table.path):
        found = acm_rs.compare(*monitors, table.frame)
    if output is None:
        return Compared(table, found)
    there = output != STANDARD_OUTPUT and output.exists()
    return Compared(table, found, (output, write_table(found.table, output, raw=raw), there))


def print_compared(done: Compared, screen: Console) -> None:
    """Print the verdict, the alarms that come, go and stay, and what should be known beside it."""
    found = done.found
    screen.print(plain(found.verdict, "bold"), soft_wrap=True)
    screen.print()
    if found.changes:
        table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
        for name in ("change", "start", "end"):
            table.add_column(name, no_wrap=True)
        for name in ("old peak", "new peak"):
            table.add_column(name, justify="right", no_wrap=True)
        table.add_column("culprits", overflow="fold")
        for one in found.changes[:_LISTED]:
            table.add_row(
                plain(one.what, _STYLES[one.what]),
                found.old.moment(one.start),
                found.old.moment(one.end - 1),
                *(f"{max(who.peak for who in some):.1f}" if some else "" for some in (one.old, one.new)),
                plain(blamed([*one.new, *one.old])),
            )
        show(screen, table)
        if len(found.changes) > _LISTED:
            screen.print(plain(f"and {len(found.changes) - _LISTED:,} more; --json tells them all"))
        screen.print()
    for remark in (spoken(remark, fitted=True) for remark in found.remarks):
        screen.print(plain(f"Note: {remark}."), soft_wrap=True)
    if done.output is not None:
        screen.print(plain(f"table  {done.output[0]}"), soft_wrap=True)


def compare_json(done: Compared, old: Path, new: Path) -> dict[str, Any]:
    """Everything for a machine: what JSON can hold."""
    found = done.found
    return {
        "old": {"path": str(old), **found.old.monitor_card},
        "new": {"path": str(new), **found.new.monitor_card},
        "input": table_json(done.table),
        "stay": found.count("stays"),
        "go": found.count("goes"),
        "come": found.count("comes"),
        "rows_in_alarm": found.rows,
        "alarms": [
            {
                "change": one.what,
                "start": json_time(found.old, one.start),
                "end": json_time(found.old, one.end - 1),
                "old": blamed(one.old) or None,
                "new": blamed(one.new) or None,
            }
            for one in found.changes
        ],
        "verdict": found.verdict,
        "remarks": [spoken(remark, fitted=True) for remark in found.remarks],
        "output": [] if done.output is None else [file_json(*done.output)],
    }
