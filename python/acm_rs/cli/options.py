"""Options that several commands share."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from acm_rs.files.cells import Decimal
from acm_rs.files.options import ReadOptions
from acm_rs.files.times import DateOrder

__all__ = [
    "AlarmsPerDay",
    "Columns",
    "DateOrders",
    "Decimals",
    "FalseAlarmRate",
    "Input",
    "Missing",
    "Threads",
    "TimeColumn",
    "reading",
]

_READ = "Reading the file"

Input = Annotated[Path, typer.Argument(metavar="INPUT", readable=False, help="CSV or Parquet file; one row per time.")]
Columns = Annotated[
    list[str] | None,
    typer.Option("--columns", "-c", help="Sensors, between commas or one option each.", show_default="all numeric"),
]
TimeColumn = Annotated[
    str | None,
    typer.Option(
        "--time-column", "-t", help="Column that holds the time.", show_default="found", rich_help_panel=_READ
    ),
]
Threads = Annotated[
    int | None,
    typer.Option("--threads", min=1, max=1024, help="Threads to use.", show_default="all processors"),
]
DateOrders = Annotated[
    DateOrder | None,
    typer.Option(
        "--date-order",
        help="Order in dates such as 06-01-2012.",
        show_default="told from the column",
        rich_help_panel=_READ,
    ),
]
Decimals = Annotated[
    Decimal | None,
    typer.Option("--decimal", help="Decimal mark.", show_default="told from the file", rich_help_panel=_READ),
]
Missing = Annotated[
    list[str] | None,
    typer.Option(
        "--missing", help="A further word or number that means no value; may be repeated.", rich_help_panel=_READ
    ),
]
FalseAlarmRate = Annotated[
    float | None,
    typer.Option("--false-alarm-rate", "--far", help="Share of healthy rows that may be in alarm: 0.01 is one in 100."),
]
AlarmsPerDay = Annotated[
    float | None, typer.Option("--alarms-per-day", help="Alarms a day that a healthy machine may give, instead.")
]


def reading(
    columns: list[str] | None,
    time_column: str | None,
    date_order: DateOrder | None,
    decimal: Decimal | None,
    missing: list[str] | None,
) -> ReadOptions:
    """What the person said about the input."""
    return ReadOptions(columns or (), time_column, date_order, decimal, missing or ())
