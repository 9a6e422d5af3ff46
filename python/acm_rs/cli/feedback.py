"""What people know better than a history, told to a model: the work behind ``acm-rs feedback``."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from rich.console import Console

import acm_rs
from acm_rs.cli.console import facts, plain, show, size_text
from acm_rs.cli.fit import Budget, moment_in_utc, monitor_says, span_ends, span_in_utc, waiting
from acm_rs.cli.inputs import named, said
from acm_rs.cli.progress import Bar
from acm_rs.cli.score import load_monitor
from acm_rs.cli.summary import file_json
from acm_rs.files.errors import Refusal
from acm_rs.files.options import ReadOptions
from acm_rs.files.table import load_sensors
from acm_rs.files.writing import check_output, write_whole

__all__ = ["Asked", "Told", "feedback_json", "print_feedback", "run_feedback"]


@dataclass(frozen=True)
class Asked:
    """What is to be changed; nothing: the log is shown.

    Parameters
    ----------
    accept, exclude : str, optional
        Spans "FROM..TO" that were healthy, or were not.
    rebase, since : str, optional
        A sensor that was calibrated anew, and when.
    budget : Budget
        False alarms.
    rollback : int, optional
        How many changes to undo.
    by, when, why : str, optional
        For the log.
    """

    accept: str | None = None
    exclude: str | None = None
    rebase: str | None = None
    since: str | None = None
    budget: Budget = field(default_factory=Budget)
    rollback: int | None = None
    by: str | None = None
    when: str | None = None
    why: str | None = None

    @property
    def what(self) -> str | None:
        """The one change; more are refused."""
        names = ("accept", "exclude", "rebase", "rollback")
        asked = [f"--{name}" for name in names if getattr(self, name) is not None]
        if self.budget.given:
            self.budget.check()
            asked.append("a budget")
        if len(asked) > 1:
            raise Refusal(f"{asked[0]} and {asked[1]} are two changes; make them one after the other", status=2)
        if (self.rebase is None) != (self.since is None):
            raise Refusal("--rebase SENSOR and --since TIME go together: which sensor, and since when", status=2)
        return asked[0] if asked else None


@dataclass(frozen=True)
class Told:
    """What was done.

    Parameters
    ----------
    monitor : Monitor
        The model after the change.
    output : Path, optional
        The file written; None where the log was only shown.
    size : int
        Its size in bytes.
    replaced : bool
        Whether it took the place of another.
    """

    monitor: acm_rs.Monitor
    output: Path | None = None
    size: int = 0
    replaced: bool = False


def run_feedback(
    model: Path,
    sources: Sequence[str],
    asked: Asked,
    *,
    output: Path | None = None,
    options: ReadOptions,
    progress: Console | None = None,
) -> Told:
    """Load a model, change it, and write it back.

    Parameters
    ----------
    model : Path
        The model's file.
    sources : sequence of str
        Readings that hold the rows in question; none: those that the model has learnt from.
    asked : Asked
        The change.
    output : Path, optional
        Where to write the model; by default its own file.
    options : ReadOptions
        What is known of the readings.
    progress : Console, optional
        Where to show that something is done.

    Returns
    -------
    Told

    Raises
    ------
    Refusal
        A model, input or change that cannot be understood, or output that cannot be written.
    """
    what = asked.what
    spans = {name: span_ends(text, f"--{name}") for name in ("accept", "exclude") if (text := getattr(asked, name))}
    if sources and what not in ("--accept", "--rebase"):
        raise Refusal("readings are of use with --accept and --rebase alone; leave them out", status=2)
    if what is not None:
        check_output(output or model, *(named(list(sources)) if sources else ()), endings=())
    elif output is not None:
        raise Refusal("--output needs a change, such as --accept or --rollback", status=2)
    monitor = load_monitor(model)
    if what is None:
        return Told(monitor)
    frame: Any = None
    if sources:
        with Bar(progress) as bar:
            known = [str(name) for name in monitor.feature_names_in_]
            reading = bar.step(f"reading {said(list(sources))}")
            frame = load_sensors(list(sources), options, reading, needed=known, own_codes=True).frame
    # Of times in UTC, as those of --timezone are, the spans are in it too.
    zone = options.timezone if frame is not None or monitor._about["utc"] else None
    spans = {name: span_in_utc(span, zone, f"--{name}") for name, span in spans.items()}
    when = asked.when or datetime.now(UTC).strftime("%Y-%m-%d %H:%M:%SZ")
    sign: dict[str, Any] = {"by": asked.by, "when": when, "why": asked.why}
    with waiting(progress, "learning"), monitor_says(model):
        if asked.accept is not None:
            monitor.accept(spans["accept"], frame, **sign)
        elif asked.exclude is not None:
            monitor.exclude(spans["exclude"], **sign)
        elif asked.rebase is not None:
            since = asked.since or ""
            # Four digits are a year where rows have times.
            row = since.isdecimal() and (len(since) != 4 or monitor._about["span"] is None)
            monitor.rebase(asked.rebase, int(since) if row else moment_in_utc(since, zone, "--since"), frame, **sign)
        elif asked.rollback is not None:
            monitor.rollback(asked.rollback, **sign)
        else:
            monitor.set_budget(**asked.budget.given, **sign)
    target = output or model
    data = monitor.to_bytes()
    replaced = target.exists()
    size = write_whole(target, lambda path: path.write_bytes(data))
    return Told(monitor, target, size, replaced)


def feedback_json(done: Told) -> dict[str, Any]:
    """Everything for a machine: what JSON can hold."""
    return {
        "sha256": done.monitor.sha256_,
        "log": done.monitor.log_,
        "output": None if done.output is None else file_json(done.output, done.size, done.replaced),
    }


def print_feedback(done: Told, screen: Console) -> None:
    """Print the log, newest last, and where the model is."""
    for line in done.monitor.log_:
        sign = ", ".join(part for part in (line["by"], line["when"], line["why"]) if part)
        undone = "" if line["undone"] is None else f" (undone by {line['undone']})"
        screen.print(
            plain(f"{line['number']:>3}  {line['what']}: {line['told']}{f' [{sign}]' if sign else ''}{undone}"),
            soft_wrap=True,
        )
    rows = [("SHA-256 of what was learnt", done.monitor.sha256_)]
    if done.output is not None:
        rows.append(("model", f"{done.output} ({size_text(done.size)}{', replaced' if done.replaced else ''})"))
    screen.print()
    show(screen, facts(rows))
