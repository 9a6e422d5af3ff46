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
from acm_rs.cli.cells import Decimal
from acm_rs.cli.console import console
from acm_rs.cli.demo import demonstrate
from acm_rs.cli.doctor import diagnose
from acm_rs.cli.errors import Refusal, printable
from acm_rs.cli.features import Fill, run_features
from acm_rs.cli.summary import print_summary
from acm_rs.cli.table import ReadOptions
from acm_rs.cli.timestamps import DateOrder

__all__ = ["run"]

_INTERRUPTED = 130

_OVERVIEW = """Features of plant histories: a CSV of sensor readings in, the full feature table out.

Examples:

  acm-rs demo

  acm-rs features history.csv -o features.parquet

  acm-rs doctor
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


def _features(
    source: Annotated[
        Path, typer.Argument(metavar="INPUT", readable=False, help="CSV or Parquet file; one row per time.")
    ],
    output: Annotated[
        Path,
        typer.Option("--output", "-o", readable=False, help="File to write: .parquet or .csv.", show_default=False),
    ],
    window: Annotated[int, typer.Option("--window", "-w", min=1, help="Rows in a window.")] = 16,
    columns: Annotated[
        list[str] | None,
        typer.Option("--columns", "-c", help="Sensors, between commas or one option each.", show_default="all numeric"),
    ] = None,
    time_column: Annotated[
        str | None, typer.Option("--time-column", "-t", help="Column that holds the time.", show_default="found")
    ] = None,
    threads: Annotated[
        int | None, typer.Option("--threads", min=1, max=1024, help="Threads to use.", show_default="all processors")
    ] = None,
    date_order: Annotated[
        DateOrder | None,
        typer.Option("--date-order", help="Order in dates such as 06-01-2012.", show_default="told from the column"),
    ] = None,
    decimal: Annotated[
        Decimal | None, typer.Option("--decimal", help="Decimal mark.", show_default="told from the file")
    ] = None,
    missing: Annotated[
        list[str] | None,
        typer.Option("--missing", help="A further word or number that means no value; may be repeated."),
    ] = None,
    fill: Annotated[
        Fill | None,
        typer.Option("--fill", help="What missing values become first.", show_default="nothing: they are left out"),
    ] = None,
) -> None:
    options = ReadOptions(columns or (), time_column, date_order, decimal, missing or ())
    screen = console(stderr=True)
    done = run_features(source, output, window=window, options=options, threads=threads, progress=screen, fill=fill)
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
    app.command("features", help=_FEATURES)(_features)
    app.command("demo", help="Make a small plant history with a known fault and find it in the features.")(_demo)
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
