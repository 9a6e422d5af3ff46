"""From a healthy history to a model: the work behind ``acm-rs fit``."""

from __future__ import annotations

import ast
import re
import shlex
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console

import acm_rs
from acm_rs.cli.console import facts, plain, show, size_text
from acm_rs.cli.inputs import Inputs, named, said
from acm_rs.cli.kinds import SPELLED, Columns
from acm_rs.cli.progress import Bar
from acm_rs.cli.summary import file_json, table_json, table_rows
from acm_rs.files.columns import require_column
from acm_rs.files.errors import Refusal, counted, quoted
from acm_rs.files.options import ReadOptions
from acm_rs.files.table import SensorTable, load_sensors
from acm_rs.files.times import zone_given
from acm_rs.files.writing import check_output, write_whole
from acm_rs.monitor.local import Doubtful, instant
from acm_rs.monitor.qualities import kept
from acm_rs.zones import written_offset

__all__ = [
    "Budget",
    "Fit",
    "drivers_named",
    "fit_json",
    "moment_in_utc",
    "monitor_says",
    "print_fit",
    "run_fit",
    "span_ends",
    "span_in_utc",
    "spoken",
    "waiting",
]

_OPTIONS = {
    "frame": "the table",
    "history": "the table",
    "events": "the file of events",
    "budgets": "--budgets",
    "before": "--before",
    "parts": "--parts",
    "at": "--at",
    "times": "the time column",
    "healthy": "--healthy",
    "since": "--since",
    "sensor": "--rebase",
    "n": "--rollback",
    "drivers": "--drivers",
    "kinds": "--kind",
    "limits": "--limits",
    "false_alarm_rate": "--false-alarm-rate",
    "alarms_per_day": "--alarms-per-day",
}


_NAME = r"""'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*\""""
"""A text as Python writes it."""


@dataclass(frozen=True)
class Budget:
    """How many false alarms there may be; neither: what the Monitor has.

    Parameters
    ----------
    false_alarm_rate : float, optional
        Share of healthy rows in alarm.
    alarms_per_day : float, optional
        Alarms a day.
    """

    false_alarm_rate: float | None = None
    alarms_per_day: float | None = None

    def check(self) -> None:
        """Refuse what is no budget, before anything is read."""
        if self.false_alarm_rate is not None and self.alarms_per_day is not None:
            raise Refusal("--false-alarm-rate and --alarms-per-day are two budgets; give one of them", status=2)
        if self.false_alarm_rate is not None and not 0.0 < self.false_alarm_rate < 0.5:
            raise Refusal(
                f"--false-alarm-rate must lie above 0 and below 0.5, got {self.false_alarm_rate:g};"
                " 0.01 is one row in a hundred",
                status=2,
            )
        if self.alarms_per_day is not None and not 0.0 < self.alarms_per_day < np.inf:
            raise Refusal(f"--alarms-per-day must be above 0, got {self.alarms_per_day:g}", status=2)

    @property
    def given(self) -> dict[str, Any]:
        """As the Monitor takes it."""
        both: dict[str, Any] = {"false_alarm_rate": self.false_alarm_rate, "alarms_per_day": self.alarms_per_day}
        return {name: value for name, value in both.items() if value is not None}


@dataclass(frozen=True)
class Fit:
    """What a fit did, for the summary.

    Parameters
    ----------
    table : SensorTable
        The history as understood.
    monitor : Monitor
        What was learnt.
    seconds : float
        Time to learn it.
    output : Path
        The file written.
    size : int
        Its size in bytes.
    replaced : bool
        Whether it took the place of another.
    """

    table: SensorTable
    monitor: acm_rs.Monitor
    seconds: float
    output: Path
    size: int
    replaced: bool


def run_fit(
    sources: Inputs,
    output: Path,
    *,
    options: ReadOptions,
    budget: Budget,
    healthy: Sequence[str] = (),
    drivers: Sequence[str] = (),
    columns: Columns | None = None,
    asset: str | None = None,
    threads: int | None = None,
    progress: Console | None = None,
) -> Fit:
    """Read a healthy history, learn the machine, write the model.

    Parameters
    ----------
    sources : path or sequence of paths
        The history.
    output : Path
        The model's file.
    options : ReadOptions
        What is known of the input.
    budget : Budget
        False alarms.
    healthy : sequence of str
        Spans "FROM..TO" to learn from; all rows where empty.
    drivers : sequence of str
        Columns that condition the others; a value may hold several between commas.
    columns : Columns, optional
        Kinds and limits of single ones.
    asset : str, optional
        What the machine is called.
    threads : int, optional
        Threads to use.
    progress : Console, optional
        Where to show that something is done.

    Returns
    -------
    Fit

    Raises
    ------
    Refusal
        Input that cannot be understood or learnt from, or output that cannot be written.
    """
    budget.check()
    columns = columns or Columns()
    columns.read()
    spans = [span_ends(text) for text in healthy]
    check_output(output, *named(sources), endings=())
    if threads is not None:
        acm_rs.set_num_threads(threads)
    with Bar(progress) as bar:
        table = load_sensors(sources, options, bar.step(f"reading {said(sources)}"), own_codes=True)
    drives = drivers_named(table, drivers)
    spans = _spans_in_utc(spans, table, options.timezone)
    kinds, limits = columns.read(table)
    monitor = acm_rs.Monitor(**budget.given, drivers=drives, kinds=kinds, limits=limits)
    qualities = kept(table.qualities, table.sensors.columns)
    monitor.metadata = {"history": table.path.name, **({"asset": asset} if asset else {}), **qualities}
    start = time.perf_counter()
    with waiting(progress, f"learning from {counted(table.sensors.height, 'row')}"), monitor_says(table.path):
        monitor.fit(table.frame, healthy=spans or None)
    seconds = time.perf_counter() - start
    data = monitor.to_bytes()
    replaced = output.exists()
    size = write_whole(output, lambda path: path.write_bytes(data))
    return Fit(table, monitor, seconds, output, size, replaced)


def fit_json(done: Fit) -> dict[str, Any]:
    """Everything for a machine: what JSON can hold."""
    monitor = done.monitor
    return {
        "input": table_json(done.table),
        "watched": list(monitor.sensors_),
        "left_out": monitor.left_out_,
        "warnings": [spoken(warning) for warning in monitor.warnings_],
        "summary": spoken(monitor.summary()).splitlines(),
        "seconds": done.seconds,
        "output": file_json(done.output, done.size, done.replaced),
    }


def print_fit(done: Fit, screen: Console) -> None:
    """Print what was read, what was learnt, and where it is."""
    show(screen, facts(table_rows(done.table, "left out")))
    screen.print()
    for line in spoken(done.monitor.summary()).splitlines():
        screen.print(plain(line), soft_wrap=True)
    screen.print()
    written = (
        f"{done.output} ({size_text(done.size)}{', replaced' if done.replaced else ''}), learnt in {done.seconds:.1f} s"
    )
    show(screen, facts([("model", written), ("next", f"acm-rs score {done.output} NEW --report report.html")]))


@contextmanager
def waiting(screen: Console | None, text: str) -> Iterator[None]:
    """Say what is done, on a terminal, as long as it lasts."""
    if screen is None or not screen.is_terminal:
        yield
        return
    with screen.status(plain(text)):
        yield


@contextmanager
def monitor_says(path: Path) -> Iterator[None]:
    """What a Monitor refuses, in the words of the command line."""
    try:
        yield
    except (ValueError, TypeError) as error:
        raise Refusal(f"{path}: {' '.join(spoken(str(error)).split())}") from None


def spoken(text: str, *, fitted: bool = False) -> str:
    """A text of the library with the options of the command line in place of its arguments.

    Parameters
    ----------
    text : str
        The text.
    fitted : bool
        It is told of a model that has learnt: what is to be said at a fit is said of another one.
    """
    text = re.sub(r"`rebase\((['\"].*?['\"]), (\d+|'[^']*')\)`", _feedback, text)
    # Its own reader has done so where it could.
    text = text.replace(" (acm_rs.read_table does)", "")
    before = "acm-rs fit ... " if fitted else ""
    text = re.sub(rf"kinds=\{{({_NAME}): '([a-z ]+)'\}}", lambda found: before + _kind(found), text)
    text = re.sub(
        rf"limits=\{{({_NAME}): \(low, high\)\}}",
        lambda found: f"{before}--limits {shlex.quote(ast.literal_eval(found[1]) + '=LOW..HIGH')}",
        text,
    )
    return re.sub(r"`(\w+)`", lambda found: _OPTIONS.get(found[1], found[0]), text)


def _kind(said: re.Match[str]) -> str:
    kind = next(word for word, kind in SPELLED.items() if kind == said[2])
    return f"--kind {shlex.quote(f'{ast.literal_eval(said[1])}={kind}')}"


def _feedback(call: re.Match[str]) -> str:
    sensor, since = shlex.quote(ast.literal_eval(call[1])), call[2].replace("'", '"')
    return f"acm-rs feedback MODEL --rebase {sensor} --since {since}"


def _dated(table: SensorTable) -> bool:
    return table.time is not None and table.time.dtype.is_temporal()


def drivers_named(table: SensorTable, drivers: Sequence[str]) -> list[str]:
    """The drivers: each value is a column or, where there is none of the name, columns between commas."""
    known = table.sensors.columns
    names: list[str] = []
    for value in drivers:
        whole = " ".join(value.split())
        for name in [whole] if whole in known else filter(None, (part.strip() for part in value.split(","))):
            require_column(table.path, name, known)
            if name not in names:
                names.append(name)
    return names


Span = tuple[str | int | None, str | int | None]


def span_ends(text: str, option: str = "--healthy") -> Span:
    """Both ends of "FROM..TO"; one of them may be left out."""
    first, dots, last = text.partition("..")
    ends = _end(first, text, option), _end(last, text, option)
    if not dots or ends == (None, None):
        raise Refusal(
            f"{option} must be FROM..TO, such as 2026-01-05..2026-02-01 or 2026-01-05T06:00.., got {quoted(text)}",
            status=2,
        )
    return ends


def _end(text: str, whole: str, option: str) -> str | int | None:
    word = text.strip()
    if not word:
        return None
    if word.isdecimal() and not (len(word) == 4 and 1800 <= int(word) <= 2200):
        return int(word)
    try:
        instant(word, "UTC", end=True)
    except ValueError:
        raise Refusal(
            f"{option} {quoted(whole)}: {quoted(word)} is no time; write 2026-01-05 or 2026-01-05T06:00", status=2
        ) from None
    return word


def span_in_utc(span: Span, timezone: str | None, option: str = "--healthy") -> Span:
    """The same span with its times in UTC, where `timezone` tells whose they are."""
    return moment_in_utc(span[0], timezone, option, end=False), moment_in_utc(span[1], timezone, option, end=True)


def moment_in_utc(
    moment: str | int | None, timezone: str | None, option: str, *, end: bool | None = None
) -> str | int | None:
    """A time of the clocks of ``--timezone`` in UTC, as those of the readings are then; without it as it is."""
    if timezone is None or not isinstance(moment, str):
        return moment
    minutes, place = zone_given(timezone)
    zone = place or written_offset(timedelta(minutes=minutes))
    try:
        return f"{instant(moment, zone, end=end)}Z"
    except Doubtful as error:
        raise Refusal(f"{option}: {error}", status=2) from None
    except ValueError:
        raise Refusal(
            f"{option}: {quoted(moment)} is no time; write 2026-01-05 or 2026-01-05T06:00", status=2
        ) from None


def _spans_in_utc(spans: Sequence[Span], table: SensorTable, timezone: str | None) -> list[Span]:
    """Spans with times of a time zone in UTC."""
    dated = _dated(table)
    if dated:
        spans = [span_in_utc(span, timezone) for span in spans]
    if not dated:
        # What looks like a year is a row here.
        spans = [(_row(first, table.path), _row(last, table.path)) for first, last in spans]
    return list(spans)


def _row(end: str | int | None, path: Path) -> int | None:
    if isinstance(end, str) and not end.isdecimal():
        raise Refusal(f"{path} has no dates: --healthy takes row numbers, such as 0..5000", status=2)
    return None if end is None else int(end)
