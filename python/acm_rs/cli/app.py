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
from acm_rs.cli import fleet, live, options, review
from acm_rs.cli.console import console, of_a_stream
from acm_rs.cli.demo import demonstrate
from acm_rs.cli.doctor import diagnose
from acm_rs.cli.dropins import add_dropins
from acm_rs.cli.features import run_features
from acm_rs.cli.feedback import Asked, feedback_json, print_feedback, run_feedback
from acm_rs.cli.fit import Budget, fit_json, print_fit, run_fit
from acm_rs.cli.kinds import Columns
from acm_rs.cli.options import one_to_print, screen_of
from acm_rs.cli.quality import print_quality, quality_json, run_quality
from acm_rs.cli.score import print_scored, run_score, score_json
from acm_rs.cli.summary import features_json, print_json, print_summary
from acm_rs.cli.windows import window_of
from acm_rs.files.errors import Refusal, printable
from acm_rs.files.feature_table import Fill
from acm_rs.files.options import ReadOptions
from acm_rs.files.writing import STANDARD_OUTPUT
from acm_rs.report.words import judged

__all__ = ["run"]

_ALARM = 3
_INTERRUPTED = 130

_OVERVIEW = """Watch machines: learn from healthy history, find what is wrong later, and which sensors show it.

Examples:

  acm-rs demo

  acm-rs fit healthy.csv -o fan.acm

  acm-rs score fan.acm new.csv -o scores.parquet --report fan.html

  acm-rs explain fan.acm new.csv --at "2026-02-10 06:00"
"""

_FIT = """Learn a machine from its healthy history and write a model.

HEALTHY is a table of sensors over time, best some weeks with all usual loads: CSV, Excel or Parquet as it was exported,
several files, a pattern, or - for standard input. Nothing needs tuning. What was left out, mended or guessed is told,
and what the history is worth.

Examples:

  acm-rs fit history.csv -o fan.acm

  acm-rs fit history.csv -o fan.acm --healthy 2026-01-05..2026-02-28 --drivers "Load,Ambient Temp"

  acm-rs fit export.csv -o pump.acm --asset "Pump 3" --alarms-per-day 0.1

  acm-rs fit history.csv -o fan.acm --kind Valve=continuous --limits "Bearing Temp=-40..150"
"""

_SCORE = """Score new readings with a model: alarms, their culprits, and what each sensor should have read.

Columns are matched by name. The table (-o) has a row for each row: score, limit, alarm, regime, confidence, model (the
first digits of its SHA-256), and for each sensor its share of the score and what it should have read. The report is one
HTML file to look at and send on.

Examples:

  acm-rs score fan.acm today.csv

  acm-rs score fan.acm new.csv -o scores.parquet --report fan.html

  acm-rs score fan.acm new.csv --json --fail-on-alarm > alarms.json

Exit status: 0 done, 1 the data or the machine stood in the way, 2 wrong usage, 3 an alarm with --fail-on-alarm,
130 interrupted.
"""

_FEEDBACK = """Tell a model what you know better, or see what it was told: the log of its changes.

--accept: that was healthy, it shall not alarm any more. --exclude: something was wrong then in the history it learnt
from. --rebase: a sensor was calibrated anew. --false-alarm-rate, --alarms-per-day: another budget. --rollback: undo the
last changes. NEW holds the rows in question; without it they are those that the model has learnt from. The model's file
is replaced, or another written with -o.

Examples:

  acm-rs feedback fan.acm

  acm-rs feedback fan.acm today.csv --accept 2026-03-04T10:00..2026-03-04T14:00 --by Huber --why "new grease"

  acm-rs feedback fan.acm --exclude 2026-01-12..2026-01-13

  acm-rs feedback fan.acm today.csv --rebase "Bearing Temp" --since 2026-03-02T09:00

  acm-rs feedback fan.acm --rollback 1
"""

_FEATURES = """Compute the features of every sensor in a table: CSV, Excel or Parquet as it was exported.

Eleven for each sensor, over the last WINDOW rows (16) or time (2h): median, MAD, mean, standard deviation, slope,
skewness, kurtosis, three band energies and a robust z-score. Missing values are left out: a feature is empty where its
window has too few others. The output holds the time first, sorted, each time once.

Examples:

  acm-rs features history.csv -o features.parquet

  acm-rs features history.csv -o slow.csv -w 2h -c "Current,Bearing Temp"

  acm-rs features export.csv -o features.parquet -t Zeit --missing Revision
"""

_QUALITY = """Look at the readings of a table (CSV, Excel, Parquet): what is wrong with them, sensor by sensor.

Missing readings and gaps, stuck instruments, error codes, coarse steps, levels that shift or wander, standstill, holes
in the sampling. Findings first, in sentences, then a table with a row for each sensor. What changed against an earlier
file is told with --against.

Examples:

  acm-rs quality history.csv

  acm-rs quality new.csv --against history.csv

  acm-rs quality history.csv -o sensors.csv

  acm-rs quality history.csv --json > quality.json
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


@options.reads_tables()
def _fit(
    sources: Annotated[
        list[str],
        typer.Argument(
            metavar="HEALTHY...", help="Healthy operation; several files, a pattern, or -.", show_default=False
        ),
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
    kinds: options.Kinds = None,
    limits: options.Limits = None,
    asset: Annotated[str | None, typer.Option("--asset", help="What the machine is called.")] = None,
    far: options.FalseAlarmRate = None,
    per_day: options.AlarmsPerDay = None,
    threads: options.Threads = None,
    quiet: options.Quiet = False,
    as_json: options.Json = False,
    *,
    read: ReadOptions,
) -> None:
    done = run_fit(
        sources,
        output,
        options=read,
        budget=Budget(far, per_day),
        healthy=healthy or (),
        drivers=drivers or (),
        columns=Columns(kinds or (), limits or ()),
        asset=asset,
        threads=threads,
        progress=screen_of(quiet),
    )
    if as_json:
        print_json(fit_json(done))
    elif not quiet:
        print_fit(done, console())


@options.reads_tables("columns")
def _score(
    model: options.Model,
    sources: options.New,
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", readable=False, help="Table of scores: .parquet or .csv; - prints CSV."),
    ] = None,
    report: Annotated[
        Path | None, typer.Option("--report", readable=False, help="Report to write: an .html file.")
    ] = None,
    far: options.FalseAlarmRate = None,
    per_day: options.AlarmsPerDay = None,
    raw: options.Raw = False,
    quiet: options.Quiet = False,
    as_json: options.Json = False,
    fail: Annotated[
        bool, typer.Option("--fail-on-alarm", help="Exit with status 3 if there is an alarm, 1 if nothing was judged.")
    ] = False,
    threads: options.Threads = None,
    *,
    read: ReadOptions,
) -> None:
    one_to_print(as_json, output)
    done = run_score(
        model,
        sources,
        output=output,
        report=report,
        options=read,
        budget=Budget(far, per_day),
        threads=threads,
        progress=screen_of(quiet),
        raw=raw,
    )
    if as_json:
        print_json(score_json(done, model))
    elif not quiet:
        print_scored(done, console(stderr=output == STANDARD_OUTPUT))
    if fail and done.result.found:
        raise typer.Exit(_ALARM)
    if fail and not judged(done.result):
        raise Refusal(f"{done.table.path}: nothing was judged, so there may be an alarm or none; the notes say why")


@options.reads_tables("columns", "exclude")
def _feedback(
    model: Annotated[Path, typer.Argument(metavar="MODEL", readable=False, help="What acm-rs fit has written.")],
    sources: Annotated[
        list[str] | None,
        typer.Argument(metavar="[NEW]...", help="Readings that hold the rows in question.", show_default=False),
    ] = None,
    accept: Annotated[str | None, typer.Option("--accept", metavar="FROM..TO", help="These rows were healthy.")] = None,
    exclude: Annotated[
        str | None, typer.Option("--exclude", metavar="FROM..TO", help="These rows of the history were not.")
    ] = None,
    rebase: Annotated[
        str | None, typer.Option("--rebase", metavar="SENSOR", help="A sensor that was calibrated anew.")
    ] = None,
    since: Annotated[str | None, typer.Option("--since", metavar="TIME", help="When that was.")] = None,
    far: options.FalseAlarmRate = None,
    per_day: options.AlarmsPerDay = None,
    rollback: Annotated[
        int | None, typer.Option("--rollback", metavar="N", help="Undo the last N changes that are in force.")
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", readable=False, help="Write the model here, not over its own file."),
    ] = None,
    by: Annotated[str | None, typer.Option("--by", help="Who says it, for the log.")] = None,
    when: Annotated[
        str | None, typer.Option("--when", help="When it was decided, for the log.", show_default="now")
    ] = None,
    why: Annotated[str | None, typer.Option("--why", help="Why, for the log.")] = None,
    quiet: options.Quiet = False,
    as_json: options.Json = False,
    *,
    read: ReadOptions,
) -> None:
    asked = Asked(accept, exclude, rebase, since, Budget(far, per_day), rollback, by, when, why)
    done = run_feedback(model, sources or (), asked, output=output, options=read, progress=screen_of(quiet))
    if as_json:
        print_json(feedback_json(done))
    elif not quiet:
        print_feedback(done, console())


@options.reads_tables()
def _features(
    sources: options.Inputs,
    output: Annotated[
        Path,
        typer.Option(
            "--output", "-o", readable=False, help="File to write: .parquet or .csv; - prints CSV.", show_default=False
        ),
    ],
    window: Annotated[
        str, typer.Option("--window", "-w", metavar="N|DURATION", help="Rows in a window, or how long it is: 90s, 2h.")
    ] = "16",
    fill: Annotated[
        Fill | None,
        typer.Option("--fill", help="What missing values become first.", show_default="nothing: they are left out"),
    ] = None,
    threads: options.Threads = None,
    raw: options.Raw = False,
    quiet: options.Quiet = False,
    as_json: options.Json = False,
    *,
    read: ReadOptions,
) -> None:
    one_to_print(as_json, output)
    done = run_features(
        sources,
        output,
        window=window_of(window),
        options=read,
        threads=threads,
        progress=screen_of(quiet),
        fill=fill,
        raw=raw,
    )
    if as_json:
        print_json(features_json(done))
    elif not quiet:
        print_summary(done, console(stderr=output == STANDARD_OUTPUT))


@options.reads_tables()
def _quality(
    sources: options.Inputs,
    against: Annotated[
        Path | None,
        typer.Option("--against", metavar="FILE", readable=False, help="Earlier readings of the same sensors."),
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", readable=False, help="Table of sensors: .parquet or .csv; - prints CSV."),
    ] = None,
    as_csv: Annotated[bool, typer.Option("--csv", help="Print the table of sensors as CSV: --output -.")] = False,
    threads: options.Threads = None,
    raw: options.Raw = False,
    quiet: options.Quiet = False,
    as_json: options.Json = False,
    *,
    read: ReadOptions,
) -> None:
    if as_csv and output not in (None, STANDARD_OUTPUT):
        raise Refusal("--csv prints the table; leave out --csv or --output", status=2)
    output = STANDARD_OUTPUT if as_csv else output
    one_to_print(as_json, output)
    done = run_quality(
        sources,
        against=against,
        output=output,
        options=read,
        threads=threads,
        progress=screen_of(quiet),
        raw=raw,
    )
    if as_json:
        print_json(quality_json(done))
    elif not quiet and output != STANDARD_OUTPUT:
        print_quality(done)


def _demo(
    folder: Annotated[Path, typer.Option("--folder", help="Where to put the files.")] = Path("acm-rs-demo"),
) -> None:
    demonstrate(folder, console())


def _doctor(as_json: options.Json = False) -> None:
    raise typer.Exit(diagnose(console(), as_json))


def _application(*, rich_help: bool) -> typer.Typer:
    app = typer.Typer(
        name="acm-rs",
        help=_OVERVIEW,
        add_completion=False,
        rich_markup_mode="markdown" if rich_help else None,
    )
    app.callback()(_overview)
    app.command(
        "demo",
        short_help="The whole job on a small plant with a known fault.",
        help="The whole job on a small plant with a known fault: fit, score, report.",
    )(_demo)
    app.command("fit", help=_FIT)(_fit)
    app.command("score", help=_SCORE, short_help="Score new readings: alarms and their culprits.")(_score)
    review.add_commands(app)
    live.add_commands(app, "markdown" if rich_help else None)
    fleet.add_commands(app, "markdown" if rich_help else None)
    app.command("feedback", help=_FEEDBACK, short_help="Tell a model what you know better.")(_feedback)
    app.command("features", help=_FEATURES, short_help="Compute the features of every sensor in a table.")(_features)
    app.command("quality", help=_QUALITY, short_help="What is wrong with the readings of a table.")(_quality)
    add_dropins(app)
    app.command(
        "doctor",
        short_help="Show what is installed, and whether it works.",
        help="Show versions, threads and processor features, and check the kernels and a model.",
    )(_doctor)
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
    except Exception as error:
        if isinstance(error, OSError) and of_a_stream(error):
            raise
        return _unexpected(error)


def _unexpected(error: Exception) -> int:
    # Usage errors bring their own text and exit code; their class has moved between releases of typer.
    if type(error).__name__ == "Abort":
        return _say("interrupted, nothing written", _INTERRUPTED)
    describe = getattr(error, "format_message", None)
    if callable(describe):
        which = getattr(getattr(error, "ctx", None), "command_path", "acm-rs")
        return _say(f"{' '.join(str(describe()).split()).rstrip('.')} ({which} --help shows how)", 2)
    if os.environ.get("ACM_RS_TRACEBACK"):
        traceback.print_exc()
    first = str(error).strip().partition("\n")[0]
    return _say(f"{type(error).__name__}: {first} (unexpected; ACM_RS_TRACEBACK=1 shows where)", 1)


def _say(text: str, status: int) -> int:
    print(f"acm-rs: {printable(text)}", file=sys.stderr)
    return status
