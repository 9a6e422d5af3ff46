"""Commands for a model at work, and for what people do with its alarms."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from acm_rs.cli import alarms, options
from acm_rs.cli.console import console, plain
from acm_rs.cli.fit import Budget
from acm_rs.cli.summary import print_json
from acm_rs.cli.watch import Asked, run_watch
from acm_rs.files.options import ReadOptions

__all__ = ["add_commands"]

_WATCH = """Watch a source with a model, and tell alarms as they open, grow and close.

SOURCE is a text file that grows (rotated, cut or replaced as it may be), a folder into which files come, or - for
standard input; sql:FILE is a query for --database, mqtt://HOST/TOPIC a broker, python:FILE:NAME an adapter. The layout
of a text, its columns and the spelling of its times are learnt once from its head. Rows that cannot be read are counted
and left out. No rows for ten intervals is an alarm too.

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

_ALARMS = """See and handle the alarms that acm-rs watch --store keeps, after ISA 18.2.

An alarm is unacknowledged until someone has seen it, whether it still runs or has returned. Shelving and maintenance
keep alarms from being told for a while; they are kept all the same. Who did what and when stays in the store.

Examples:

  acm-rs alarms list --store fan.alarms.sqlite

  acm-rs alarms ack dcbea894bd26 --by Huber --why "bearing ordered"

  acm-rs alarms shelve dcbea894bd26 --for 8h --why "known, repair on Tuesday"

  acm-rs alarms maintain "Pump 3" --from 2026-03-02T09:00 --to 2026-03-02T15:00 --why "seal replaced"

The store is named with --store, or by the environment variable ACM_RS_STORE.
"""

_Store = Annotated[
    str | None,
    typer.Option(
        "--store",
        metavar="URL",
        help="A file of SQLite, a URL without a password, or @FILE.",
        show_default="$ACM_RS_STORE",
    ),
]
_By = Annotated[str | None, typer.Option("--by", help="Who does it.", show_default="the user of this machine")]
_Why = Annotated[str | None, typer.Option("--why", help="Why.")]
_Reason = Annotated[str, typer.Option("--why", help="Why.", show_default=False)]
_Alarm = Annotated[
    str, typer.Argument(metavar="ALARM", help="Its identifier, or the first characters of it.", show_default=False)
]


@options.reads_tables("columns", "exclude", "bad_rows", "layout", "tag_column", "value_column", "sheet")
def _watch(
    model: options.Model,
    source: Annotated[
        str,
        typer.Argument(
            metavar="SOURCE",
            help="A growing file, a folder, -, sql:FILE, mqtt://HOST/TOPIC or python:FILE:NAME.",
            show_default=False,
        ),
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
    database: Annotated[
        str | None,
        typer.Option(
            "--database",
            metavar="URL",
            help="The database that sql:FILE asks: a file of SQLite, a URL without a password, or @FILE.",
            show_default="$ACM_RS_DATABASE",
        ),
    ] = None,
    webhook: Annotated[
        str | None,
        typer.Option(
            "--webhook",
            metavar="URL",
            help="Post each event there as JSON: an address without secrets, or @FILE that holds one.",
            show_default="$ACM_RS_WEBHOOK, or none",
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
    again: Annotated[
        str,
        typer.Option("--again", metavar="DURATION", help="Tell an alarm that goes on again after so long; 0: never."),
    ] = "0s",
    flood: Annotated[
        int, typer.Option("--flood", metavar="N", min=0, help="Alarms in ten minutes that are told at most; 0: all.")
    ] = 10,
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
        Asked(state, fresh, name, lateness, silence, interval, once, store, again, flood, database, webhook),
        options=read,
        budget=Budget(far, per_day),
        threads=threads,
        as_json=as_json,
        quiet=quiet,
    )


def _list(
    store: _Store = None,
    watch: Annotated[str | None, typer.Option("--watch", help="Of this watch alone.")] = None,
    everything: Annotated[bool, typer.Option("--all", help="Also those that are over and acknowledged.")] = False,
    states: Annotated[
        list[str] | None,
        typer.Option(
            "--state",
            help="Those in this state: unacknowledged, acknowledged, returned, shelved, out of service, normal; may be"
            " repeated.",
            show_default="all but normal",
        ),
    ] = None,
    as_json: options.Json = False,
) -> None:
    with alarms.desk(store) as desk:
        alarms.list_alarms(desk, watch, states or (), everything, as_json, console())


def _show(alarm: _Alarm, store: _Store = None, as_json: options.Json = False) -> None:
    with alarms.desk(store) as desk:
        found = desk.details(alarm)
    if as_json:
        print_json(alarms.details_json(*found))
    else:
        alarms.print_details(*found, console())


def _ack(
    ids: Annotated[
        list[str], typer.Argument(metavar="ALARM...", help="Those that someone has seen.", show_default=False)
    ],
    store: _Store = None,
    by: _By = None,
    why: _Why = None,
) -> None:
    with alarms.desk(store) as desk:
        for entry in desk.acknowledge(ids, alarms.whoever(by), why):
            console().print(plain(f"{entry.row['episode']} is {entry.state}"))


def _comment(
    alarm: _Alarm,
    text: Annotated[str, typer.Argument(metavar="TEXT", help="What to write beside it.", show_default=False)],
    store: _Store = None,
    by: _By = None,
) -> None:
    with alarms.desk(store) as desk:
        desk.comment(alarm, text, alarms.whoever(by))


def _shelve(
    alarm: _Alarm,
    length: Annotated[str, typer.Option("--for", metavar="DURATION", help="How long: 8h, 2d.", show_default=False)],
    why: _Reason,
    store: _Store = None,
    by: _By = None,
) -> None:
    with alarms.desk(store) as desk:
        shelf = desk.shelve(alarm, alarms.length_of(length), alarms.whoever(by), why)
    console().print(plain(alarms.shelf_text(shelf)), soft_wrap=True)


def _maintain(
    watch: Annotated[str, typer.Argument(metavar="WATCH", help="The watch's name.", show_default=False)],
    since: Annotated[str, typer.Option("--from", metavar="TIME", help="Begin, by the source.", show_default=False)],
    until: Annotated[str, typer.Option("--to", metavar="TIME", help="End.", show_default=False)],
    why: _Reason,
    store: _Store = None,
    by: _By = None,
) -> None:
    span = alarms.moment_of("--from", since), alarms.moment_of("--to", until)
    with alarms.desk(store) as desk:
        shelf = desk.maintain(watch, *span, alarms.whoever(by), why)
    console().print(plain(alarms.shelf_text(shelf)), soft_wrap=True)


def _unshelve(
    number: Annotated[int, typer.Argument(metavar="NUMBER", help="As acm-rs alarms list tells.", show_default=False)],
    store: _Store = None,
    by: _By = None,
    why: _Why = None,
) -> None:
    with alarms.desk(store) as desk:
        shelf = desk.unshelve(number, alarms.whoever(by), why)
    console().print(plain(f"{shelf.kind} {shelf.number} has ended"))


def add_commands(app: typer.Typer, markup: Literal["markdown"] | None) -> None:
    """Add them to the program."""
    app.command("watch", help=_WATCH, short_help="Watch a source, and tell alarms as they open.")(_watch)
    group = typer.Typer(rich_markup_mode=markup)
    group.command("list", help="List alarms, newest first, and the shelves in force.")(_list)
    group.command("show", help="Show an alarm: its sensors, what was told, what people did.")(_show)
    group.command("ack", help="Acknowledge alarms: someone has seen them.")(_ack)
    group.command("comment", help="Write something beside an alarm.")(_comment)
    group.command("shelve", help="Tell nothing of alarms by the same sensor, for at most 30 days.")(_shelve)
    group.command("maintain", help="Tell nothing of alarms that begin within a span.")(_maintain)
    group.command("unshelve", help="End a shelf or maintenance now.")(_unshelve)
    app.add_typer(group, name="alarms", help=_ALARMS, short_help="See and handle the alarms that a watch keeps.")
