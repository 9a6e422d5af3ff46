"""The commands and their options."""

from __future__ import annotations

import os
import sys
import traceback
from pathlib import Path
from typing import Annotated

import typer
from typer.main import get_command

import acm_rs
from acm_rs.cli import options
from acm_rs.cli.console import console
from acm_rs.cli.demo import demonstrate
from acm_rs.cli.doctor import diagnose
from acm_rs.cli.features import Fill, run_features
from acm_rs.cli.fit import Budget, print_fit, run_fit
from acm_rs.cli.score import print_json, print_scored, run_score
from acm_rs.cli.summary import print_summary
from acm_rs.files.errors import Refusal, printable
from acm_rs.report.words import judged

__all__ = ["run"]

_ALARM = 3
_INTERRUPTED = 130

_OVERVIEW = """Watch machines: learn from healthy history, find what is wrong later, and which sensors show it.

Examples:

  acm-rs demo

  acm-rs fit healthy.csv -o fan.acm

  acm-rs score fan.acm new.csv -o scores.parquet --report fan.html
"""

_FIT = """Learn a machine from its healthy history and write a model.

HEALTHY is a CSV or Parquet file: one row per time, one column per sensor, best some weeks with all usual loads. Nothing
needs tuning. What was left out, mended or guessed is told, and what the history is worth.

Examples:

  acm-rs fit history.csv -o fan.acm

  acm-rs fit history.csv -o fan.acm --healthy 2026-01-05..2026-02-28 --drivers "Load,Ambient Temp"

  acm-rs fit export.csv -o pump.acm --asset "Pump 3" --alarms-per-day 0.1
"""

_SCORE = """Score new readings with a model: alarms, their culprits, and what each sensor should have read.

Columns are matched by name. The table (-o) has a row for each row: score, limit, alarm, regime, confidence, and for
each sensor its share of the score and what it should have read. The report is one HTML file to look at and send on.

Examples:

  acm-rs score fan.acm today.csv

  acm-rs score fan.acm new.csv -o scores.parquet --report fan.html

  acm-rs score fan.acm new.csv --json --fail-on-alarm > alarms.json

Exit status: 0 done, 1 the data or the machine stood in the way, 2 wrong usage, 3 an alarm with --fail-on-alarm,
130 interrupted.
"""

_FEATURES = """Compute the features of every sensor in a CSV or Parquet file.

Eleven for each sensor, over the last WINDOW rows: median, MAD, mean, standard deviation, slope, skewness, kurtosis,
three band energies and a robust z-score. Missing values are left out: a feature is empty where its window has too few
others. The output holds the time first, sorted, each time once.

Examples:

  acm-rs features history.csv -o features.parquet

  acm-rs features history.csv -o slow.csv -w 48 -c "Current,Bearing Temp"

  acm-rs features export.csv -o features.parquet -t Zeit --missing Revision
"""


def _show_version(value: bool) -> None:
    if value:
        print(f"acm-rs {acm_rs.__version__}")
        raise typer.Exit


def _overview(
    version: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Show the version and exit.")
    ] = False,
) -> None:
    """Stand for the program itself; the options act through their callbacks."""


def _fit(
    source: Annotated[
        Path, typer.Argument(metavar="HEALTHY", readable=False, help="CSV or Parquet file of healthy operation.")
    ],
    output: Annotated[
        Path, typer.Option("--output", "-o", readable=False, help="File to write the model to.", show_default=False)
    ],
    healthy: Annotated[
        list[str] | None,
        typer.Option(
            "--healthy",
            metavar="FROM..TO",
            help="Learn from this span alone; may be repeated, either end may be left out.",
            show_default="all rows",
        ),
    ] = None,
    drivers: Annotated[
        list[str] | None,
        typer.Option(
            "--drivers",
            help="Columns that say what is asked of the machine (load, ambient temperature): they condition the"
            " others and are not watched.",
        ),
    ] = None,
    asset: Annotated[str | None, typer.Option("--asset", help="What the machine is called.")] = None,
    far: options.FalseAlarmRate = None,
    per_day: options.AlarmsPerDay = None,
    columns: options.Columns = None,
    time_column: options.TimeColumn = None,
    threads: options.Threads = None,
    date_order: options.DateOrders = None,
    decimal: options.Decimals = None,
    missing: options.Missing = None,
) -> None:
    done = run_fit(
        source,
        output,
        options=options.reading(columns, time_column, date_order, decimal, missing),
        budget=Budget(far, per_day),
        healthy=healthy or (),
        drivers=drivers or (),
        asset=asset,
        threads=threads,
        progress=console(stderr=True),
    )
    print_fit(done, console())


def _score(
    model: Annotated[Path, typer.Argument(metavar="MODEL", readable=False, help="What acm-rs fit has written.")],
    source: Annotated[Path, typer.Argument(metavar="NEW", readable=False, help="CSV or Parquet file to score.")],
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", readable=False, help="Table of scores to write: .parquet or .csv."),
    ] = None,
    report: Annotated[
        Path | None, typer.Option("--report", readable=False, help="Report to write: an .html file.")
    ] = None,
    far: options.FalseAlarmRate = None,
    per_day: options.AlarmsPerDay = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object instead of text.")] = False,
    fail: Annotated[
        bool, typer.Option("--fail-on-alarm", help="Exit with status 3 if there is an alarm, 1 if nothing was judged.")
    ] = False,
    time_column: options.TimeColumn = None,
    threads: options.Threads = None,
    date_order: options.DateOrders = None,
    decimal: options.Decimals = None,
    missing: options.Missing = None,
) -> None:
    done = run_score(
        model,
        source,
        output=output,
        report=report,
        options=options.reading(None, time_column, date_order, decimal, missing),
        budget=Budget(far, per_day),
        threads=threads,
        progress=console(stderr=True),
    )
    if as_json:
        print_json(done, model)
    else:
        print_scored(done, console())
    if fail and done.result.found:
        raise typer.Exit(_ALARM)
    if fail and not judged(done.result):
        raise Refusal(f"{source}: nothing was judged, so there may be an alarm or none; the notes say why")


def _features(
    source: options.Input,
    output: Annotated[
        Path,
        typer.Option("--output", "-o", readable=False, help="File to write: .parquet or .csv.", show_default=False),
    ],
    window: Annotated[int, typer.Option("--window", "-w", min=1, help="Rows in a window.")] = 16,
    columns: options.Columns = None,
    time_column: options.TimeColumn = None,
    threads: options.Threads = None,
    date_order: options.DateOrders = None,
    decimal: options.Decimals = None,
    missing: options.Missing = None,
    fill: Annotated[
        Fill | None,
        typer.Option("--fill", help="What missing values become first.", show_default="nothing: they are left out"),
    ] = None,
) -> None:
    read = options.reading(columns, time_column, date_order, decimal, missing)
    screen = console(stderr=True)
    done = run_features(source, output, window=window, options=read, threads=threads, progress=screen, fill=fill)
    print_summary(done, console())


def _demo(
    folder: Annotated[Path, typer.Option("--folder", help="Where to put the files.")] = Path("acm-rs-demo"),
) -> None:
    demonstrate(folder, console())


def _doctor() -> None:
    raise typer.Exit(diagnose(console()))


def _application(*, rich_help: bool) -> typer.Typer:
    app = typer.Typer(
        name="acm-rs",
        help=_OVERVIEW,
        add_completion=False,
        rich_markup_mode="markdown" if rich_help else None,
    )
    app.callback()(_overview)
    app.command("demo", help="The whole job on a small plant with a known fault: fit, score, report.")(_demo)
    app.command("fit", help=_FIT)(_fit)
    app.command("score", help=_SCORE)(_score)
    app.command("features", help=_FEATURES)(_features)
    app.command("doctor", help="Show versions, threads and processor features, and check the kernels.")(_doctor)
    return app


def run(arguments: list[str]) -> int:
    """Run the command line and return its exit status; nothing leaves as a traceback.

    Parameters
    ----------
    arguments : list of str
        What stands behind the program's name.

    Returns
    -------
    int
        The exit status.
    """
    command = get_command(_application(rich_help=sys.stdout.isatty()))
    try:
        status = command.main(args=arguments or ["--help"], prog_name="acm-rs", standalone_mode=False)
        if status == _INTERRUPTED:
            raise KeyboardInterrupt
        return status if isinstance(status, int) else 0
    except Refusal as refusal:
        return _say(str(refusal), refusal.status)
    except KeyboardInterrupt:
        return _say("interrupted, nothing written", _INTERRUPTED)
    except MemoryError as error:
        return _say(f"not enough memory: {str(error) or 'use fewer --columns'}", 1)
    except BrokenPipeError:
        raise
    except Exception as error:
        return _unexpected(error)


def _unexpected(error: Exception) -> int:
    # Usage errors bring their own text and exit code; their class has moved between releases of typer.
    if type(error).__name__ == "Abort":
        return _say("interrupted, nothing written", _INTERRUPTED)
    describe = getattr(error, "format_message", None)
    if callable(describe):
        return _say(f"{' '.join(str(describe()).split()).rstrip('.')} (acm-rs --help shows how)", 2)
    if os.environ.get("ACM_RS_TRACEBACK"):
        traceback.print_exc()
    first = str(error).strip().partition("\n")[0]
    return _say(f"{type(error).__name__}: {first} (unexpected; ACM_RS_TRACEBACK=1 shows where)", 1)


def _say(text: str, status: int) -> int:
    print(f"acm-rs: {printable(text)}", file=sys.stderr)
    return status
