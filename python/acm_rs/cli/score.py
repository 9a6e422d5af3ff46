"""From new readings to alarms: the work behind ``acm-rs score``."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

import acm_rs
from acm_rs.cli.console import facts, plain, show, size_text
from acm_rs.cli.fit import Budget, monitor_says, spoken, waiting
from acm_rs.cli.inputs import Inputs, named, said
from acm_rs.cli.progress import Bar
from acm_rs.cli.summary import file_json, table_json, table_rows
from acm_rs.files.errors import Refusal, counted
from acm_rs.files.options import ReadOptions
from acm_rs.files.scores import culprits_json, json_time, number, score_table
from acm_rs.files.table import SensorTable, load_sensors
from acm_rs.files.writing import check_output, write_table, write_whole
from acm_rs.monitor.qualities import remarked
from acm_rs.report import plotly_script
from acm_rs.report.words import judged, nobody, part, span_of, verdict

__all__ = [
    "Scored",
    "load_monitor",
    "print_scored",
    "run_score",
    "score_json",
]

_REPORTS = (".html", ".htm")
_LISTED = 40
"""Alarms printed at most; the files hold all."""


@dataclass(frozen=True)
class Scored:
    """What a run found, for the summary.

    Parameters
    ----------
    table : SensorTable
        The readings as understood.
    result : Result
        What was found.
    seconds : float
        Time to score them.
    files : list of tuple
        What each file is, where it is, its size, and whether it took the place of another.
    """

    table: SensorTable
    result: acm_rs.Result
    seconds: float
    files: list[tuple[str, Path, int, bool]] = field(default_factory=list)


def load_monitor(path: Path) -> acm_rs.Monitor:
    """Read a model, or say why it is none."""
    try:
        return acm_rs.Monitor.load(path)
    except FileNotFoundError:
        raise Refusal(f"{path}: no such file") from None
    except IsADirectoryError:
        raise Refusal(f"{path} is a folder, not a file") from None
    except OSError as error:
        raise Refusal(f"{path} cannot be read: {error.strerror or error}") from None
    except ValueError as error:
        why = str(error).removeprefix(f"{str(path)!r}: ")
        raise Refusal(f"{path} cannot be used as a model: {why}; acm-rs fit makes one") from None


def run_score(
    model: Path,
    sources: Inputs,
    *,
    output: Path | None = None,
    report: Path | None = None,
    options: ReadOptions,
    budget: Budget,
    threads: int | None = None,
    progress: Console | None = None,
    raw: bool = False,
) -> Scored:
    """Load a model, score new readings, write what was asked for.

    Parameters
    ----------
    model : Path
        The model's file.
    sources : path or sequence of paths
        The readings.
    output, report : Path, optional
        Where to write the table and the page.
    options : ReadOptions
        What is known of the input.
    budget : Budget
        False alarms; the model's own where none are given.
    threads : int, optional
        Threads to use.
    progress : Console, optional
        Where to show that something is done.
    raw : bool
        Write names and text into CSV as they are, also those that a spreadsheet would run.

    Returns
    -------
    Scored

    Raises
    ------
    Refusal
        A model or input that cannot be understood, or output that cannot be written.
    """
    budget.check()
    inputs = named(sources)
    if output is not None:
        check_output(output, model, *inputs)
    if report is not None:
        check_output(report, model, *inputs, endings=_REPORTS)
        if output is not None and output.resolve() == report.resolve():
            raise Refusal(f"{report} cannot be both the table and the report", status=2)
        try:
            plotly_script()
        except ModuleNotFoundError as error:
            raise Refusal(str(error), status=2) from None
    if threads is not None:
        acm_rs.set_num_threads(threads)
    monitor = load_monitor(model)
    if budget.given:
        with monitor_says(model):
            monitor.set_budget(**budget.given)
    known = [str(name) for name in monitor.feature_names_in_]
    with Bar(progress) as bar:
        reading = bar.step(f"reading {said(sources)}")
        table = load_sensors(sources, options, reading, needed=known, own_codes=True)
    start = time.perf_counter()
    with waiting(progress, f"scoring {counted(table.sensors.height, 'row')}"), monitor_says(table.path):
        result = monitor.score(table.frame)
        found = result.remarks
    # The report, too, is read by those who type.
    remarks = remarked(found, monitor, table.qualities, table.sensors.columns)
    result.remarks = [spoken(remark, fitted=True) for remark in remarks]
    seconds = time.perf_counter() - start
    done = Scored(table, result, seconds)
    # All is made before the first file is written.
    waits: list[tuple[str, Path, Callable[[], int]]] = []
    with waiting(progress, "writing"):
        if output is not None:
            scores = score_table(table.time, result, table.path)
            waits.append(("scores", output, lambda: write_table(scores, output, raw=raw)))
        if report is not None:
            page = acm_rs.report.report_html(result).encode()
            waits.append(("report", report, lambda: write_whole(report, lambda path: path.write_bytes(page))))
        for what, where, write in waits:
            replaced = where.exists()
            try:
                size = write()
            except KeyboardInterrupt:
                if not done.files:
                    raise
                raise Refusal(f"interrupted; only {done.files[0][1]} is written", status=130) from None
            done.files.append((what, where, size, replaced))
    return done


def print_scored(done: Scored, screen: Console) -> None:
    """Print what was read, the alarms with their causes, and where the files are."""
    result = done.result
    n = len(result.scores)
    show(screen, facts(table_rows(done.table, "left out")))
    screen.print()
    span = span_of(result, 0, n)
    found = len(result.found)
    if not found:
        text, mood = verdict(result, f"in {span}")
        screen.print(plain(text, "bold green" if mood == "fine" else "bold yellow"))
    else:
        share = part(float(result.alarms.mean()))
        screen.print(plain(f"{counted(found, 'alarm')} in {span}; {share} of the rows.", "bold red"))
        show(screen, _alarm_table(result))
        screen.print()
        for sentence in result.explain()[:_LISTED]:
            screen.print(plain(sentence), soft_wrap=True)
        if found > _LISTED:
            screen.print(plain(f"and {found - _LISTED:,} more; --json tells them all"))
    if result.remarks:
        screen.print()
        for remark in result.remarks:
            screen.print(plain(f"Note: {remark}."), soft_wrap=True)
    screen.print()
    rows = [("scored", f"{counted(n, 'row')} in {done.seconds:.2f} s")]
    rows += [
        (what, f"{where} ({size_text(size)}{', replaced' if old else ''})") for what, where, size, old in done.files
    ]
    show(screen, facts(rows))


def _alarm_table(result: acm_rs.Result) -> Table:
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    for name in ("start", "end", "duration"):
        table.add_column(name, no_wrap=True)
    table.add_column("peak", justify="right", no_wrap=True)
    table.add_column("regime", no_wrap=True)
    table.add_column("culprits", overflow="fold")
    for one in result.found[:_LISTED]:
        named = [who for who in one.culprits if who.share >= 0.05][:3]
        blamed = "; ".join(f"{who.name} {'+' if who.direction > 0 else '-'}" for who in named)
        table.add_row(
            result.moment(one.start),
            "still running" if one.open else result.moment(one.end - 1),
            span_of(result, one.start, one.end).partition(", ")[0],
            f"{one.peak:.1f}",
            plain(one.regime),
            plain(blamed or nobody(one.kind)),
        )
    return table


def score_json(done: Scored, model: Path) -> dict[str, Any]:
    """Everything for a machine: what JSON can hold."""
    result = done.result
    n = len(result.scores)
    return {
        "model": {"path": str(model), **result.monitor_card, **result.model},
        "input": table_json(done.table),
        "from": json_time(result, 0) if n else None,
        "to": json_time(result, n - 1) if n else None,
        "rows_in_alarm": int(result.alarms.sum()),
        "rows_not_judged": n - judged(result),
        "alarms": [
            {
                "start": json_time(result, one.start),
                "end": json_time(result, one.end - 1),
                "open": one.open,
                "rows": one.end - one.start,
                "peak": number(one.peak),
                "first_sign": json_time(result, one.first_sign),
                "regime": one.regime,
                "kind": one.kind,
                "culprits": culprits_json(one.culprits, result.units),
                "explanation": sentence,
            }
            for one, sentence in zip(result.found, result.explain(), strict=True)
        ],
        "remarks": result.remarks,
        "files": {what: str(where) for what, where, _, _ in done.files},
        "output": [{"what": what, **file_json(where, size, old)} for what, where, size, old in done.files],
    }
