"""The commands for many assets: ``acm-rs fleet fit``, ``score``, ``report`` and ``status``."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from enum import StrEnum
from typing import Annotated, Any, Literal

import typer
from rich.console import Console
from rich.table import Table

import acm_rs
from acm_rs import fleet
from acm_rs.cli import options
from acm_rs.cli.console import console, facts, plain, show, span_text
from acm_rs.cli.fit import Budget, span_ends, span_in_utc, spoken
from acm_rs.cli.kinds import Columns
from acm_rs.cli.options import screen_of
from acm_rs.cli.progress import Bar
from acm_rs.cli.summary import print_json
from acm_rs.files.errors import Refusal, counted, listed
from acm_rs.files.options import ReadOptions
from acm_rs.fleet.crew import Crew
from acm_rs.fleet.reporting import reported
from acm_rs.fleet.running import launch, stranger_text
from acm_rs.monitor.arguments import FARTHEST

__all__ = ["add_commands"]

_ALARM = 3
_LISTED = 40
"""Assets in a table at most; --json tells all."""

_FLEET = """Many assets: a model for each, learnt and scored on all processors or on a cluster of Dask.

Examples:

  acm-rs fleet fit plant --data history/

  acm-rs fleet score plant --data today/

  acm-rs fleet status plant

  acm-rs fleet report plant
"""

_FIT = """Learn every asset of a fleet from its healthy history: a model for each in the folder DIR.

DATA is a folder with a file or a folder for each asset, or folders asset=NAME as Dask, Spark and Arrow write them;
files and patterns, each an asset; or tables with a column (--by) that tells of which asset a row is. An asset that
cannot be learnt is named with its reason, and the others are done. What is done and has not changed is not done again:
after Ctrl-C, a crash, or with new assets the same command goes on.

Examples:

  acm-rs fleet fit plant --data history/

  acm-rs fleet fit plant --data all.parquet --by machine --healthy 2026-01-05..2026-02-28

  acm-rs fleet fit s3://bucket/plant --data s3://bucket/history --scheduler tcp://cluster:8786

Exit status: 0 done, 1 an asset failed, 2 wrong usage, 130 interrupted.
"""

_SCORE = """Score new readings of every asset with its model: scores and alarms in the folder DIR.

DATA is what fit takes. Each asset gets a table of scores (scores/asset=NAME/scores.parquet) and a list of its alarms
(alarms/NAME.json). The worst assets are printed, by health: 50 % is a machine at its limit.

Examples:

  acm-rs fleet score plant --data today/

  acm-rs fleet score plant --data all.csv --by machine --fail-on-alarm

Exit status: 0 done, 1 an asset failed, 2 wrong usage, 3 an alarm with --fail-on-alarm, 130 interrupted.
"""

_REPORT = """Write the report of a fleet: assets ranked by health, alarms over time, and a page for each asset in alarm.

The report is report/index.html in DIR. Pages are made from the readings that were scored; where those lie elsewhere
now, --data names them.

Examples:

  acm-rs fleet report plant

  acm-rs fleet report plant --pages all

Exit status: 0 done, 1 a page could not be made, 2 wrong usage, 130 interrupted.
"""

_STATUS = """Show how the assets are: rows, alarms, health, the last time, and what failed and why.

Examples:

  acm-rs fleet status plant

  acm-rs fleet status plant --json
"""

Folder = Annotated[str, typer.Argument(metavar="DIR", help="The fleet: a folder, or an address such as s3://...")]
Data = Annotated[
    list[str],
    typer.Option("--data", "-d", metavar="DATA", help="Readings: a folder, files, a pattern.", show_default=False),
]
By = Annotated[
    str | None,
    typer.Option(
        "--by",
        metavar="COLUMN",
        help="Column that tells of which asset a row is; key of folders.",
        show_default="asset",
    ),
]
Workers = Annotated[
    int | None,
    typer.Option(
        "--workers", "-w", min=1, help="Processes; 1 does without Dask.", show_default="as many as processors"
    ),
]
Scheduler = Annotated[
    str | None, typer.Option("--scheduler", metavar="ADDRESS", help="A cluster of Dask that is there, instead.")
]
MemoryLimit = Annotated[
    str | None,
    typer.Option(
        "--memory-limit", metavar="SIZE", help="What each process may take, such as 2GB.", show_default="its share"
    ),
]


@options.reads_tables()
def _fit(
    folder: Folder,
    data: Data,
    by: By = None,
    healthy: Annotated[
        list[str] | None,
        typer.Option("--healthy", metavar="FROM..TO", help="Learn from this span alone; may be repeated."),
    ] = None,
    drivers: Annotated[
        list[str] | None,
        typer.Option("--drivers", help="Columns that say what is asked of the machines (load, ambient temperature)."),
    ] = None,
    kinds: options.Kinds = None,
    limits: options.Limits = None,
    far: options.FalseAlarmRate = None,
    per_day: options.AlarmsPerDay = None,
    workers: Workers = None,
    scheduler: Scheduler = None,
    memory_limit: MemoryLimit = None,
    quiet: options.Quiet = False,
    as_json: options.Json = False,
    *,
    read: ReadOptions,
) -> None:
    budget = Budget(far, per_day)
    budget.check()
    kind, limit = Columns(kinds or (), limits or ()).read()
    names = [name.strip() for text in drivers or () for name in text.split(",") if name.strip()]
    model = acm_rs.Monitor(**{"false_alarm_rate": 0.01, **budget.given}, drivers=names, kinds=kind, limits=limit)
    settings = {
        "monitor": {**model._settings(), "metadata": {}},
        "healthy": [_span(text, read.timezone) for text in healthy or ()],
        "history": True,
    }
    done = _run("fit", "learning", data, folder, by, settings, read, (workers, scheduler, memory_limit), quiet)
    if as_json:
        print_json(_summary_json(done))
    elif not quiet:
        _print_summary(done, console(), f"acm-rs fleet score {folder} --data NEW")
    if done.failed:
        raise typer.Exit(1)


@options.reads_tables("columns")
def _score(
    folder: Folder,
    data: Data,
    by: By = None,
    far: options.FalseAlarmRate = None,
    per_day: options.AlarmsPerDay = None,
    workers: Workers = None,
    scheduler: Scheduler = None,
    memory_limit: MemoryLimit = None,
    quiet: options.Quiet = False,
    as_json: options.Json = False,
    fail: Annotated[bool, typer.Option("--fail-on-alarm", help="Exit with status 3 if there is an alarm.")] = False,
    *,
    read: ReadOptions,
) -> None:
    budget = Budget(far, per_day)
    budget.check()
    settings = {"budget": budget.given, "cells": fleet.CELLS}
    done = _run("score", "scoring", data, folder, by, settings, read, (workers, scheduler, memory_limit), quiet)
    if as_json:
        print_json(_summary_json(done))
    elif not quiet:
        screen = console()
        _print_summary(done, screen, f"acm-rs fleet report {folder}")
        with _told():
            scored = {one.asset for one in done.outcomes}
            every = [one for one in fleet.status(folder) if one.asset in scored and one.scored]
        if every:
            screen.print()
            show(screen, _table(every))
    if fail and any(one.told.get("alarms") for one in done.outcomes):
        raise typer.Exit(_ALARM)
    if done.failed:
        raise typer.Exit(1)


class _Pages(StrEnum):
    """Which assets get a page of their own."""

    alarms = "alarms"
    all = "all"
    none = "none"


def _report(
    folder: Folder,
    pages: Annotated[
        _Pages, typer.Option("--pages", help="Assets with a page of their own, 5 MB each.")
    ] = _Pages.alarms,
    data: Annotated[
        list[str] | None,
        typer.Option("--data", "-d", metavar="DATA", help="Readings.", show_default="those that were scored"),
    ] = None,
    by: By = None,
    workers: Workers = None,
    scheduler: Scheduler = None,
    memory_limit: MemoryLimit = None,
    quiet: options.Quiet = False,
    as_json: options.Json = False,
) -> None:
    with (
        Bar(screen_of(quiet)) as bar,
        interruptible(bar.step("writing pages", "assets")) as told,
        _told(),
        Crew(workers, scheduler, memory_limit) as crew,
    ):
        made = reported(folder, pages, data or None, by, crew, told)
    if as_json:
        print_json(asdict(made))
    elif not quiet:
        screen = console()
        show(
            screen, facts([("report", made.path), ("pages", f"{len(made.pages):,} of {counted(made.assets, 'asset')}")])
        )
        for name, why in made.failed.items():
            screen.print(plain(f"{name}: no page, {spoken(why)}", "red"), soft_wrap=True)
    if made.failed:
        raise typer.Exit(1)


def _status(
    folder: Folder,
    as_json: options.Json = False,
) -> None:
    with _told():
        every = fleet.status(folder)
    if not every:
        raise Refusal(f"{folder} is no fleet: there is no status in it; acm-rs fleet fit makes one")
    if as_json:
        print_json({"assets": [_status_json(one) for one in every]})
        return
    screen = console()
    failed = [one for one in every if one.error]
    running = [one for one in every if one.open]
    counts = [("assets", f"{len(every):,}"), ("in alarm", f"{len(running):,}"), ("failed", f"{len(failed):,}")]
    show(screen, facts(counts))
    screen.print()
    show(screen, _table(every))
    for one in every:
        if one.lacks or one.besides:
            screen.print(plain(f"Note: {stranger_text(one.asset, one.lacks, one.besides)}."), soft_wrap=True)


# ---- doing ----------------------------------------------------------------------------------------------------------


def _span(text: str, timezone: str | None) -> list[Any]:
    """A span of times or rows, both ends given or open."""
    first, last = span_in_utc(span_ends(text), timezone)
    if isinstance(first, int) or isinstance(last, int):
        if first is None or last is None:
            raise Refusal(f"--healthy {text}: a span of rows needs both ends here", status=2)
        return [first, last]
    return [first or FARTHEST[0], last or FARTHEST[1]]


def _run(
    step: str,
    doing: str,
    data: list[str],
    folder: str,
    by: str | None,
    settings: dict[str, Any],
    read: ReadOptions,
    where: tuple[int | None, str | None, str | None],
    quiet: bool,
) -> fleet.Summary:
    with (
        Bar(screen_of(quiet)) as bar,
        interruptible(bar.step(doing, "assets")) as told,
        _told(),
        Crew(*where) as crew,
    ):
        return launch(step, data, folder, by, settings, read, crew, told)


@contextmanager
def interruptible(told: Callable[[int, int], None]) -> Iterator[Callable[[int, int], None]]:
    """Count assets, and say on Ctrl-C how many are through."""
    through = [0, 0]

    def count(done: int, total: int) -> None:
        through[:] = done, total
        told(done, total)

    try:
        yield count
    except KeyboardInterrupt:
        done, total = through
        raise Refusal(
            f"interrupted: {done:,} of {counted(total, 'asset')} are through, and the same command goes on", status=130
        ) from None


@contextmanager
def _told() -> Iterator[None]:
    """What the library refuses, in the words of the command line."""
    try:
        yield
    except Refusal:
        raise
    except ModuleNotFoundError as error:
        raise Refusal(str(error).replace("`workers=1`", "--workers 1"), status=2) from None
    except (ValueError, TypeError) as error:
        said = " ".join(spoken(str(error)).split())
        for name in ("workers", "scheduler", "memory_limit"):
            said = said.replace(f"`{name}`", "--" + name.replace("_", "-"))
        raise Refusal(said, status=2) from None


# ---- telling --------------------------------------------------------------------------------------------------------


def _print_summary(done: fleet.Summary, screen: Console, then: str) -> None:
    rows = sum(one.rows for one in (*done.done, *done.unchanged))
    lines = [
        (what, counted(len(some), "asset"))
        for what, some in (("done", done.done), ("unchanged", done.unchanged), ("failed", done.failed))
        if some
    ]
    lines.append(("rows", f"{rows:,}"))
    if done.done:
        lines.append(("work", f"{span_text(round(sum(one.seconds for one in done.done), 1))} of processors"))
    if len(done.failed) < len(done.outcomes):
        lines.append(("next", then))
    show(screen, facts(lines))
    if done.failed:
        screen.print()
    reasons: dict[str, list[str]] = {}
    for one in done.failed:
        reasons.setdefault(one.error, []).append(one.asset)
    for error, names in list(reasons.items())[:_LISTED]:
        who = names[0] if len(names) == 1 else f"{counted(len(names), 'asset')} ({listed(names)})"
        screen.print(plain(f"{who}: {spoken(error)}", "red"), soft_wrap=True)
    if len(reasons) > _LISTED:
        left = sum(len(names) for names in list(reasons.values())[_LISTED:])
        screen.print(plain(f"and {left:,} more; --json tells them all"))
    for name, which in list(done.strangers.items())[:_LISTED]:
        screen.print(plain(f"Note: {stranger_text(name, *which)}."), soft_wrap=True)
    for note in done.notes[:_LISTED]:
        screen.print(plain(f"Note: {spoken(note, fitted=True)}."), soft_wrap=True)


def health_text(health: float | None) -> str:
    """Health in percent."""
    return "not judged" if health is None else f"{100.0 * health:.0f} %"


def _table(every: list[fleet.AssetStatus]) -> Table:
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    table.add_column("asset", overflow="fold")
    for name in ("rows", "alarms", "health"):
        table.add_column(name, justify="right", no_wrap=True)
    table.add_column("last", no_wrap=True)
    table.add_column("state", overflow="fold")
    shown = every[:_LISTED]
    # What failed is not scored and stands last: it must not fall behind the end of the table. Nor must what looks as
    # healthy as it does because it is not seen.
    shown += [one for one in every[_LISTED:] if one.error or one.lacking][:_LISTED]
    for one in shown:
        state = spoken(one.error) if one.error else one.state
        if one.open:
            state = f"alarm: {one.culprit}" if one.culprit else "alarm"
            state += f"; {spoken(one.error)}" if one.error else ""
        if one.lacking:
            state += f"; no readings of {listed(one.lacking)}"
        style = "bold red" if one.open else "red" if one.error else "yellow" if one.lacking else ""
        table.add_row(
            plain(one.asset),
            f"{one.rows:,}" if one.scored else "",
            f"{one.alarms:,}" if one.scored else "",
            health_text(one.health) if one.scored else "",
            (one.last or "").replace("T", " ").removesuffix("Z")[:16],
            plain(state, style),
        )
    if len(every) > len(shown):
        table.add_row(plain(f"and {len(every) - len(shown):,} more; --json tells them all"), *[""] * 5)
    return table


def _summary_json(done: fleet.Summary) -> dict[str, Any]:
    return {
        "step": done.step,
        "done": len(done.done),
        "unchanged": len(done.unchanged),
        "failed": {one.asset: one.error for one in done.failed},
        "assets": [asdict(one) for one in done.outcomes],
        "other_columns": {name: {"lacks": lacks, "besides": has} for name, (lacks, has) in done.strangers.items()},
        "notes": done.notes,
    }


def _status_json(one: fleet.AssetStatus) -> dict[str, Any]:
    told = asdict(one)
    told.pop("sections")
    return {**told, "open": one.open}


def add_commands(app: typer.Typer, markup: Literal["markdown"] | None) -> None:
    """Add ``fleet`` with its commands."""
    group = typer.Typer(rich_markup_mode=markup, no_args_is_help=True)
    group.command("fit", help=_FIT, short_help="Learn every asset from its healthy history.")(_fit)
    group.command("score", help=_SCORE, short_help="Score new readings of every asset.")(_score)
    group.command("report", help=_REPORT, short_help="Write the report: assets ranked by health.")(_report)
    group.command("status", help=_STATUS, short_help="Show how the assets are.")(_status)
    app.add_typer(group, name="fleet", help=_FLEET, short_help="Many assets: a model for each, on all processors.")
