"""What a model would have found of known events: the work behind ``acm-rs backtest``."""

from __future__ import annotations

import struct
import time
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from rich.console import Console
from rich.table import Table

import acm_rs
from acm_rs.cli.console import facts, plain, show
from acm_rs.cli.events import read_events
from acm_rs.cli.explain import load_readings
from acm_rs.cli.fit import drivers_named, monitor_says, spoken
from acm_rs.cli.inputs import named, said
from acm_rs.cli.kinds import Columns
from acm_rs.cli.progress import Bar
from acm_rs.cli.score import load_monitor
from acm_rs.cli.summary import file_json, table_json
from acm_rs.files.errors import Refusal, counted, quoted
from acm_rs.files.options import ReadOptions
from acm_rs.files.table import SensorTable, load_sensors
from acm_rs.files.writing import STANDARD_OUTPUT, check_output, write_table
from acm_rs.monitor import Backtest
from acm_rs.monitor.trials import BUDGETS, run_backtest

__all__ = ["Backtested", "backtest_json", "budgets_of", "print_backtest", "run_backtested"]

_ORDER = ("event", "start", "end", "budget", "outcome", "first")
_MODEL = (".acm", ".safetensors")


@dataclass(frozen=True)
class Backtested:
    """What a run found.

    Parameters
    ----------
    table : SensorTable
        The history as understood.
    tried : Backtest
        What was found at each budget.
    model : Path or None
        The model that was judged; None where it was learnt on the way.
    seconds : float
        Time for all of it.
    output : tuple of Path, int and bool, or None
        The file written, its size, and whether it took the place of another.
    """

    table: SensorTable
    tried: Backtest
    model: Path | None
    seconds: float
    output: tuple[Path, int, bool] | None = None


def budgets_of(text: str | None) -> list[float]:
    """Shares between commas: 0.001,0.01,0.1.

    Parameters
    ----------
    text : str, optional
        What stands behind ``--budgets``.

    Returns
    -------
    list of float
        Each above 0 and below 0.5; the five that are tried by default where None.

    Raises
    ------
    Refusal
        One is no share.
    """
    if text is None:
        return list(BUDGETS)
    found = []
    for word in text.split(","):
        try:
            rate = float(word)
        except ValueError:
            rate = np.nan
        if not 0.0 < rate < 0.5:
            raise Refusal(
                f"--budgets must be shares above 0 and below 0.5 such as 0.001,0.01, got {quoted(word)}",
                status=2,
            )
        found.append(rate)
    return found


def is_model(path: str) -> bool:
    """Whether a file holds a model rather than a table: by its first bytes."""
    try:
        with Path(path).open("rb") as file:
            head = file.read(9)
    except OSError:
        return path.lower().endswith(_MODEL)
    # A safetensors file begins with the length of its header, which is JSON.
    return len(head) == 9 and head[8:] == b"{" and 2 <= struct.unpack("<Q", head[:8])[0] < 2**32


def run_backtested(
    sources: Sequence[str],
    events: Path,
    *,
    options: ReadOptions,
    budgets: Sequence[float],
    before: str | None = None,
    parts: int = 5,
    drivers: Sequence[str] = (),
    columns: Columns | None = None,
    output: Path | None = None,
    threads: int | None = None,
    progress: Console | None = None,
    raw: bool = False,
) -> Backtested:
    """Read a history and its events, and see what would have been found.

    Parameters
    ----------
    sources : sequence of str
        The history; a model may stand before it.
    events : Path
        The file of events.
    options : ReadOptions
        What is known of the input.
    budgets : sequence of float
        Shares of healthy rows in alarm to try.
    before : str, optional
        How long before its start an alarm warns of an event; rows where there are no dates.
    parts : int
        In how many parts the history is cut where no model is given.
    drivers : sequence of str
        Columns that condition the others, where no model is given.
    columns : Columns, optional
        Kinds and limits of single ones, likewise.
    output : Path, optional
        Where to write the table of events and budgets.
    threads : int, optional
        Threads to use.
    progress : Console, optional
        Where to show that something is done.
    raw : bool
        Write names into CSV as they are.

    Returns
    -------
    Backtested

    Raises
    ------
    Refusal
        Input that cannot be understood or learnt from, or output that cannot be written.
    """
    model = Path(sources[0]) if is_model(sources[0]) else None
    history = list(sources) if model is None else list(sources[1:])
    if not history:
        raise Refusal(f"{model} is a model: name the history behind it", status=2)
    columns = columns or Columns()
    if model is not None and (drivers or columns.kinds or columns.limits):
        what = "--drivers" if drivers else "--kind" if columns.kinds else "--limits"
        raise Refusal(f"{what} is for a model learnt on the way; the model has its own", status=2)
    columns.read()
    if output is not None:
        check_output(output, events, *([] if model is None else [model]), *named(history))
    if threads is not None:
        acm_rs.set_num_threads(threads)
    if model is None:
        monitor = None
        with Bar(progress) as bar:
            table = load_sensors(history, options, bar.step(f"reading {said(history)}"), own_codes=True)
        kinds, limits = columns.read(table)
        monitor = acm_rs.Monitor(drivers=drivers_named(table, drivers), kinds=kinds, limits=limits)
    else:
        monitor = load_monitor(model)
        table = load_readings(history, options, progress, monitor)
    dated = table.time is not None and table.time.dtype.is_temporal()
    known = read_events(events, options, dated=dated)
    start = time.perf_counter()
    with ExitStack() as stack:
        told = _telling(stack, progress)
        stack.enter_context(monitor_says(table.path))
        tried = run_backtest(table.frame, known, monitor, None, budgets, _before(before, dated), parts, told)
    seconds = time.perf_counter() - start
    done = Backtested(table, tried, model, seconds)
    if output is None:
        return done
    there = output != STANDARD_OUTPUT and output.exists()
    size = write_table(_outcomes(tried), output, raw=raw)
    return Backtested(table, tried, model, seconds, (output, size, there))


def _outcomes(tried: Backtest) -> pl.DataFrame:
    """A row for each event and budget; leads in seconds, because CSV has no durations."""
    frame: pl.DataFrame = tried.outcomes
    if tried.step is None:
        return frame.rename({"lead": "lead_rows"})
    lead = pl.col("lead").dt.total_microseconds().truediv(1e6).alias("lead_seconds")
    return frame.with_columns(lead).drop("lead").select(*_ORDER, "lead_seconds", "culprit")


def _before(text: str | None, dated: bool) -> str | int | None:
    if text is not None and not dated:
        if not text.strip().isdecimal():
            raise Refusal(f"the readings have no dates: --before takes a number of rows, got {quoted(text)}", status=2)
        return int(text)
    return text


def _telling(stack: ExitStack, progress: Console | None) -> Any:
    """Where to say what is being done."""
    if progress is None or not progress.is_terminal:
        return lambda _: None
    status = stack.enter_context(progress.status("learning"))
    return lambda text: status.update(plain(text))


def print_backtest(done: Backtested, screen: Console) -> None:
    """Print what was judged by what, the table of budgets, the events, and which budget to take."""
    tried = done.tried
    screen.print(plain(tried.counts_text()), soft_wrap=True)
    for line in tried.trained_on:
        screen.print(plain(f"Learnt from {line}." if done.model is None else line), soft_wrap=True)
    screen.print()
    head, *rows = tried.cells()
    show(screen, _table(head, rows, numbers=(1, 2, 4, 5, 6)))
    screen.print()
    if tried.events:
        show(screen, _table(["event", *(row[0] for row in rows), "culprit"], _by_event(tried)))
        screen.print()
    screen.print(plain(spoken(tried.advice), "bold"), soft_wrap=True)
    for doubt in tried.doubts:
        screen.print(plain(f"Note: {spoken(doubt)}."), soft_wrap=True)
    screen.print()
    lines = [
        (
            "tried",
            f"{counted(len(rows), 'budget')} on {counted(done.table.sensors.height, 'row')} in {done.seconds:.1f} s",
        )
    ]
    if done.output is not None:
        lines.append(("table", str(done.output[0])))
    lines.append(("next", _next(done)))
    show(screen, facts(lines))


def _next(done: Backtested) -> str:
    if done.model is None:
        return "acm-rs fit HEALTHY -o MODEL --far BUDGET"
    return f"acm-rs score {done.model} NEW --far BUDGET"


def _by_event(tried: Backtest) -> list[list[str]]:
    """For each event when it was found at each budget."""
    found = []
    for place, event in enumerate(tried.events):
        cells = []
        for trial in tried.budgets:
            one = trial.outcomes[place]
            if one.found is None:
                cells.append("not judged")
            elif not one.found:
                cells.append("missed (alarm running)" if one.running else "missed")
            else:
                cells.append(tried.lead_text(one.lead))
        culprits = (trial.outcomes[place].culprit for trial in tried.budgets)
        named = next(filter(None, culprits), "")
        when = f"row {event.start}" if tried.step is None else _json_moment(event.start)[:16].replace("T", " ")
        found.append([f"{when} {event.name}".rstrip(), *cells, named])
    return found


def _table(head: Sequence[str], rows: Sequence[Sequence[str]], numbers: Sequence[int] = ()) -> Table:
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    for place, name in enumerate(head):
        table.add_column(name, justify="right" if place in numbers else "left", overflow="fold")
    for row in rows:
        table.add_row(*(plain(cell) for cell in row))
    return table


def backtest_json(done: Backtested) -> dict[str, Any]:
    """Everything for a machine: what JSON can hold. Leads are in seconds, or rows where there are no times."""
    tried = done.tried
    per_unit = 1e9 if tried.step is not None else 1.0
    unit = "false_alarms_in_1000_rows" if tried.step is None else "false_alarms_a_month"
    return {
        "model": None if done.model is None else str(done.model),
        "input": table_json(done.table),
        "trained_on": tried.trained_on,
        "rows_judged": tried.judged_rows,
        "healthy_rows_judged": tried.healthy_rows,
        "events": [
            {"name": one.name, "start": _json_moment(one.start), "end": _json_moment(one.end)} for one in tried.events
        ],
        "budgets": [
            {
                "budget": one.budget,
                "found": one.found,
                "missed": one.missed,
                "missed_with_an_alarm_running": one.running,
                "not_judged": one.not_judged,
                "lead": None if one.lead is None else one.lead / per_unit,
                "false_alarms": one.false_alarms,
                unit: one.false_per_month if np.isfinite(one.false_per_month) else None,
                "healthy_rows_in_alarm": one.healthy_in_alarm if np.isfinite(one.healthy_in_alarm) else None,
                "events": [
                    {
                        "found": outcome.found,
                        "first_alarm": None if outcome.first is None else _json_moment(outcome.first),
                        "lead": None if outcome.lead is None else outcome.lead / per_unit,
                        "culprit": outcome.culprit or None,
                    }
                    for outcome in one.outcomes
                ],
            }
            for one in tried.budgets
        ],
        "advice": spoken(tried.advice),
        "remarks": [spoken(doubt) for doubt in tried.doubts],
        "output": [] if done.output is None else [file_json(*done.output)],
    }


def _json_moment(moment: Any) -> Any:
    return str(np.datetime_as_string(moment, unit="s")) if isinstance(moment, np.datetime64) else int(moment)
