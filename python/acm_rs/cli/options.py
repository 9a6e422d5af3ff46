"""Options that several commands share."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console

from acm_rs.cli.console import console
from acm_rs.files.bad_rows import OnBadRow
from acm_rs.files.cells import Decimal
from acm_rs.files.errors import Refusal
from acm_rs.files.levels import Uncertain
from acm_rs.files.options import Layout, ReadOptions
from acm_rs.files.times import DateOrder
from acm_rs.files.writing import STANDARD_OUTPUT

__all__ = [
    "AlarmsPerDay",
    "FalseAlarmRate",
    "Inputs",
    "Json",
    "Kinds",
    "Limits",
    "Model",
    "New",
    "Quiet",
    "Raw",
    "Threads",
    "one_to_print",
    "reads_tables",
    "screen_of",
]

_READ = "Reading the file"

Inputs = Annotated[
    list[str],
    typer.Argument(
        metavar="INPUT...",
        help="Table of sensors over time: CSV, Excel, Parquet; several files, a pattern, or - for standard input.",
        show_default=False,
    ),
]
Model = Annotated[Path, typer.Argument(metavar="MODEL", readable=False, help="What acm-rs fit has written.")]
New = Annotated[
    list[str],
    typer.Argument(metavar="NEW...", help="What to score; several files, patterns, or -.", show_default=False),
]
Threads = Annotated[
    int | None,
    typer.Option("--threads", min=1, max=1024, help="Threads to use.", show_default="all processors"),
]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="Print nothing where all goes well.")]
Raw = Annotated[
    bool, typer.Option("--raw", help="Write names and text into CSV as they are, also what a spreadsheet would run.")
]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON object instead of text.")]
FalseAlarmRate = Annotated[
    float | None,
    typer.Option("--false-alarm-rate", "--far", help="Share of healthy rows that may be in alarm: 0.01 is one in 100."),
]
AlarmsPerDay = Annotated[
    float | None, typer.Option("--alarms-per-day", help="Alarms a day that a healthy machine may give, instead.")
]

Kinds = Annotated[
    list[str] | None,
    typer.Option(
        "--kind",
        metavar="NAME=KIND",
        help="What a column is where it is taken for something else: continuous, state or set-point (they condition the"
        " others and are not watched), counter (its rise is watched), ignore; may be repeated.",
        show_default="found",
    ),
]
Limits = Annotated[
    list[str] | None,
    typer.Option(
        "--limits",
        metavar="NAME=LOW..HIGH",
        help="What a column can read; what lies beyond is no reading. Either end may be left out; may be repeated.",
    ),
]

# What may be said of an input: the fields of ReadOptions by name, for every command that reads a table.
_READING: dict[str, Any] = {
    "columns": Annotated[
        list[str] | None,
        typer.Option(
            "--columns",
            "-c",
            help="Sensors, between commas or one option each; 'Temp*' takes all such.",
            show_default="all numeric",
        ),
    ],
    "time_column": Annotated[
        str | None,
        typer.Option(
            "--time-column", "-t", help="Column that holds the time.", show_default="found", rich_help_panel=_READ
        ),
    ],
    "date_order": Annotated[
        DateOrder | None,
        typer.Option(
            "--date-order",
            help="Order in dates such as 06-01-2012.",
            show_default="told from the column",
            rich_help_panel=_READ,
        ),
    ],
    "decimal": Annotated[
        Decimal | None,
        typer.Option("--decimal", help="Decimal mark.", show_default="told from the file", rich_help_panel=_READ),
    ],
    "missing": Annotated[
        list[str] | None,
        typer.Option(
            "--missing", help="A further word or number that means no value; may be repeated.", rich_help_panel=_READ
        ),
    ],
    "layout": Annotated[
        Layout | None,
        typer.Option(
            "--layout",
            help="Wide, a column for each sensor; long, a row for each reading.",
            show_default="told from the table",
            rich_help_panel=_READ,
        ),
    ],
    "tag_column": Annotated[
        str | None,
        typer.Option(
            "--tag-column",
            help="Column of a long table with the sensors' names.",
            show_default="found",
            rich_help_panel=_READ,
        ),
    ],
    "value_column": Annotated[
        str | None,
        typer.Option(
            "--value-column",
            help="Column of a long table with the readings.",
            show_default="found",
            rich_help_panel=_READ,
        ),
    ],
    "exclude": Annotated[
        list[str] | None,
        typer.Option("--exclude", "-x", help="Columns to leave out, by name or as in 'Temp*'; may be repeated."),
    ],
    "codes": Annotated[
        str | None,
        typer.Option(
            "--codes",
            help="Error codes such as -9999,1e30 to make missing; auto: certain ones (a model: its own); none: no one.",
            show_default="auto",
            rich_help_panel=_READ,
        ),
    ],
    "uncertain": Annotated[
        Uncertain | None,
        typer.Option(
            "--uncertain", help="What becomes of uncertain readings.", show_default="keep", rich_help_panel=_READ
        ),
    ],
    "quality_column": Annotated[
        str | None,
        typer.Option(
            "--quality-column",
            help="Column with the quality of the whole row.",
            show_default="found",
            rich_help_panel=_READ,
        ),
    ],
    "good": Annotated[
        list[str] | None,
        typer.Option(
            "--good",
            help="What means good in quality columns, all else being bad; may be repeated.",
            show_default="words and OPC codes",
            rich_help_panel=_READ,
        ),
    ],
    "timezone": Annotated[
        str | None,
        typer.Option(
            "--timezone",
            help="Zone of times that say none, such as Europe/Berlin or +01:00: they become UTC.",
            show_default="as written",
            rich_help_panel=_READ,
        ),
    ],
    "bad_rows": Annotated[
        OnBadRow | None,
        typer.Option(
            "--bad-rows",
            help="What to do with a row that cannot be read.",
            show_default="refuse",
            rich_help_panel=_READ,
        ),
    ],
    "skip_rows": Annotated[
        int | None,
        typer.Option(
            "--skip-rows",
            min=0,
            help="Rows at the top that are not looked at.",
            show_default="0",
            rich_help_panel=_READ,
        ),
    ],
    "encoding": Annotated[
        str | None,
        typer.Option(
            "--encoding", help="Such as utf-8 or cp1252.", show_default="told from the file", rich_help_panel=_READ
        ),
    ],
    "sheet": Annotated[
        str | None,
        typer.Option(
            "--sheet",
            help="Sheet of a workbook, by name or number.",
            show_default="the first with a table",
            rich_help_panel=_READ,
        ),
    ],
}


def reads_tables(*without: str) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Give a command the options of reading: together they become its argument ``read``, a ReadOptions.

    Parameters
    ----------
    *without : str
        Fields that the command does not let people choose.
    """

    def decorate(command: Callable[..., None]) -> Callable[..., None]:
        signature = inspect.signature(command, eval_str=True)
        own = [parameter for name, parameter in signature.parameters.items() if name != "read"]
        fields = {name: kind for name, kind in _READING.items() if name not in without}
        shared = [
            inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=None, annotation=kind)
            for name, kind in fields.items()
        ]

        @wraps(command)
        def whole(**given: Any) -> None:
            said = {name: given.pop(name, None) for name in fields}
            read = ReadOptions(**{name: value for name, value in said.items() if value is not None})
            command(**given, read=read)

        parameters = [*own, *shared]
        whole.__signature__ = signature.replace(parameters=parameters)  # type: ignore[attr-defined]
        whole.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters}
        del whole.__wrapped__
        return whole

    return decorate


def one_to_print(as_json: bool, output: Path | None) -> None:
    """Refuse to print both JSON and a table."""
    if as_json and output == STANDARD_OUTPUT:
        raise Refusal("--json and the table of --output - cannot both be printed; name a file", status=2)


def screen_of(quiet: bool) -> Console | None:
    """Where to show that something is done."""
    return None if quiet else console(stderr=True)
