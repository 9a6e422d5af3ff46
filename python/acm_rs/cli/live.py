"""Commands for a model at work."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from acm_rs.cli import options
from acm_rs.cli.fit import Budget
from acm_rs.cli.watch import Asked, run_watch
from acm_rs.files.options import ReadOptions

__all__ = ["add_commands"]

_WATCH = """Watch a source with a model, and tell alarms as they open, grow and close.

SOURCE is a text file that grows (rotated, cut or replaced as it may be), a folder into which files come, or - for
standard input. Its layout, columns and spelling of times are learnt once from its head. Rows that cannot be read are
counted and left out. No rows for ten intervals is an alarm too.

What is remembered is written after each batch, before anything is told: after a restart it goes on as if nothing had
happened, and after a crash the last alarms may be told twice, with the same identifiers. Ctrl-C and SIGTERM end it with
all kept.

Examples:

  acm-rs watch fan.acm /data/fan.csv

  acm-rs watch fan.acm /data/incoming --once --json

  tail -f fan.csv | acm-rs watch fan.acm - --lateness 5min

Exit status: 0 the source ended, all has been read (--once), or SIGTERM; 1 the data or the machine stood in the way,
2 wrong usage, 130 Ctrl-C.
"""


@options.reads_tables("columns", "exclude", "bad_rows", "layout", "tag_column", "value_column", "sheet")
def _watch(
    model: options.Model,
    source: Annotated[
        str, typer.Argument(metavar="SOURCE", help="A growing file, a folder, or -.", show_default=False)
    ],
    once: Annotated[bool, typer.Option("--once", help="Read what is there and stop.")] = False,
    state: Annotated[
        Path | None,
        typer.Option(
            "--state", readable=False, help="File of what is remembered.", show_default="MODEL.watch, beside the model"
        ),
    ] = None,
    store: Annotated[
        str | None,
        typer.Option(
            "--store",
            metavar="URL",
            help="Database for alarms, scores and the state: sqlite (a file beside the model), a file, a URL without a"
            " password, or @FILE that holds one.",
            show_default="$ACM_RS_STORE, or none",
        ),
    ] = None,
    fresh: Annotated[bool, typer.Option("--fresh", help="Begin anew, whatever is kept.")] = False,
    name: Annotated[
        str | None, typer.Option("--name", help="The watch's name.", show_default="the asset's or the model's")
    ] = None,
    lateness: Annotated[
        str,
        typer.Option("--lateness", metavar="DURATION", help="How late a row may come; rows wait that long for others."),
    ] = "0s",
    silence: Annotated[
        int, typer.Option("--silence", metavar="N", min=0, help="Intervals without rows that are an alarm; 0: never.")
    ] = 10,
    interval: Annotated[
        str, typer.Option("--interval", metavar="DURATION", help="How long to wait between looks at the source.")
    ] = "1s",
    far: options.FalseAlarmRate = None,
    per_day: options.AlarmsPerDay = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print a line of JSON for each event instead of text.")
    ] = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Print alarms alone.")] = False,
    threads: options.Threads = None,
    *,
    read: ReadOptions,
) -> None:
    run_watch(
        model,
        source,
        Asked(state, fresh, name, lateness, silence, interval, once, store),
        options=read,
        budget=Budget(far, per_day),
        threads=threads,
        as_json=as_json,
        quiet=quiet,
    )


def add_commands(app: typer.Typer) -> None:
    """Add them to the program."""
    app.command("watch", help=_WATCH)(_watch)
