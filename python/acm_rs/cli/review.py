"""Commands that look at a model from outside: explain a moment, report, try on known events, compare with another."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from acm_rs.cli import options
from acm_rs.cli.backtest import backtest_json, budgets_of, print_backtest, run_backtested
from acm_rs.cli.compare import compare_json, print_compared, run_compare
from acm_rs.cli.console import console
from acm_rs.cli.explain import explained_json, print_explained, run_explain
from acm_rs.cli.fit import Budget
from acm_rs.cli.kinds import Columns
from acm_rs.cli.options import one_to_print, screen_of
from acm_rs.cli.score import print_scored, run_score, score_json
from acm_rs.cli.summary import print_json
from acm_rs.files.options import ReadOptions
from acm_rs.files.writing import STANDARD_OUTPUT

__all__ = ["add_commands"]

_EXPLAIN = """Explain what a model sees at one moment: score, limit, regime, and which sensors read what.

All of NEW is scored, because a model remembers the rows before. TIME is one of its times, the nearest row is taken; or
a row number, counted from 0, -1 being the last.

Examples:

  acm-rs explain fan.acm new.csv --at "2026-02-10 06:00"

  acm-rs explain fan.acm new.csv --at 2026-02-10T06:00 --at -1
"""

_REPORT = """Write the report of new readings: one HTML file to look at, send on and print.

The same as acm-rs score with --report, for when nothing else is wanted.

Example:

  acm-rs report fan.acm new.csv -o fan.html
"""

_BACKTEST = """Try on known events: what would have been found, how long before, at how many false alarms?

HISTORY alone is cut in five parts; each but the first is judged by a model that learnt from those before it, without
the events known by then. With a MODEL (what acm-rs fit has written) before it, the rows after its training are judged.
The file of events has the columns start, end and name; a day stands for the whole of it.

An event is found where an alarm begins in it, or up to --before its start. An alarm that begins elsewhere is false.
Five budgets are tried: the table shows which to take for a first model.

Examples:

  acm-rs backtest history.csv --events failures.csv --before 7d

  acm-rs backtest fan.acm history.csv --events failures.csv --before 12h

  acm-rs backtest history.csv --events failures.csv --budgets 0.001,0.01 -o outcomes.csv
"""

_COMPARE = """Compare two models on the same readings: which alarms come, go and stay.

Look before you trust a model that was trained anew. HISTORY is best one that neither model has learnt from, with
healthy days and known faults: those should stay, and nothing new should come.

Example:

  acm-rs compare fan.acm fan-new.acm lately.csv
"""


@options.reads_tables("columns")
def _explain(
    model: options.Model,
    sources: options.New,
    at: Annotated[
        list[str], typer.Option("--at", metavar="TIME", help="Time or row number; may be repeated.", show_default=False)
    ],
    quiet: options.Quiet = False,
    as_json: options.Json = False,
    threads: options.Threads = None,
    *,
    read: ReadOptions,
) -> None:
    done = run_explain(model, sources, at, options=read, threads=threads, progress=screen_of(quiet))
    if as_json:
        print_json(explained_json(done, model))
    elif not quiet:
        print_explained(done, console())


@options.reads_tables("columns")
def _report(
    model: options.Model,
    sources: options.New,
    output: Annotated[
        Path,
        typer.Option("--output", "-o", readable=False, help="Report to write: an .html file.", show_default=False),
    ],
    far: options.FalseAlarmRate = None,
    per_day: options.AlarmsPerDay = None,
    quiet: options.Quiet = False,
    as_json: options.Json = False,
    threads: options.Threads = None,
    *,
    read: ReadOptions,
) -> None:
    done = run_score(
        model,
        sources,
        report=output,
        options=read,
        budget=Budget(far, per_day),
        threads=threads,
        progress=screen_of(quiet),
    )
    if as_json:
        print_json(score_json(done, model))
    elif not quiet:
        print_scored(done, console())


@options.reads_tables()
def _backtest(
    sources: Annotated[
        list[str],
        typer.Argument(
            metavar="[MODEL] HISTORY...",
            help="Readings with known events; several files, patterns, or -. A model may stand before them.",
            show_default=False,
        ),
    ],
    events: Annotated[
        Path,
        typer.Option(
            "--events", "-e", readable=False, help="Known events: a table with start, end, name.", show_default=False
        ),
    ],
    before: Annotated[
        str | None,
        typer.Option(
            "--before",
            metavar="DURATION",
            help="How long before its start an alarm warns of an event: 12h, 7d; rows where there are no dates.",
            show_default="none",
        ),
    ] = None,
    budgets: Annotated[
        str | None,
        typer.Option(
            "--budgets", help="Shares of healthy rows in alarm to try.", show_default="0.001,0.003,0.01,0.03,0.1"
        ),
    ] = None,
    parts: Annotated[int, typer.Option("--parts", min=2, help="Parts of the history, without a MODEL.")] = 5,
    drivers: Annotated[
        list[str] | None,
        typer.Option("--drivers", help="As for acm-rs fit, without a MODEL."),
    ] = None,
    kinds: options.Kinds = None,
    limits: options.Limits = None,
    output: Annotated[
        Path | None,
        typer.Option(
            "--output", "-o", readable=False, help="Table of events and budgets: .parquet or .csv; - prints CSV."
        ),
    ] = None,
    threads: options.Threads = None,
    raw: options.Raw = False,
    quiet: options.Quiet = False,
    as_json: options.Json = False,
    *,
    read: ReadOptions,
) -> None:
    one_to_print(as_json, output)
    done = run_backtested(
        sources,
        events,
        options=read,
        budgets=budgets_of(budgets),
        before=before,
        parts=parts,
        drivers=drivers or (),
        columns=Columns(kinds or (), limits or ()),
        output=output,
        threads=threads,
        progress=screen_of(quiet),
        raw=raw,
    )
    if as_json:
        print_json(backtest_json(done))
    elif not quiet:
        print_backtest(done, console(stderr=output == STANDARD_OUTPUT))


@options.reads_tables("columns")
def _compare(
    old: Annotated[Path, typer.Argument(metavar="OLD", readable=False, help="The model in use.")],
    new: Annotated[Path, typer.Argument(metavar="NEW", readable=False, help="The model that may take its place.")],
    sources: Annotated[
        list[str],
        typer.Argument(
            metavar="HISTORY...", help="Readings for both; several files, patterns, or -.", show_default=False
        ),
    ],
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", readable=False, help="Table of alarms: .parquet or .csv; - prints CSV."),
    ] = None,
    threads: options.Threads = None,
    raw: options.Raw = False,
    quiet: options.Quiet = False,
    as_json: options.Json = False,
    *,
    read: ReadOptions,
) -> None:
    one_to_print(as_json, output)
    done = run_compare(
        old, new, sources, options=read, output=output, threads=threads, progress=screen_of(quiet), raw=raw
    )
    if as_json:
        print_json(compare_json(done, old, new))
    elif not quiet:
        print_compared(done, console(stderr=output == STANDARD_OUTPUT))


def add_commands(app: typer.Typer) -> None:
    """Add them to the program."""
    app.command("report", help=_REPORT, short_help="Write the report of new readings: one HTML file.")(_report)
    app.command("explain", help=_EXPLAIN, short_help="Explain what a model sees at one moment.")(_explain)
    app.command("backtest", help=_BACKTEST, short_help="Try on known events: what would have been found.")(_backtest)
    app.command("compare", help=_COMPARE, short_help="Compare two models on the same readings.")(_compare)
