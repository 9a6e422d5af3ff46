"""Tables with stored types: Parquet, Feather and Arrow, files and streams.

Damage is looked for: rows that cannot be read, pages with another checksum or length than was written, values beyond
the extremes that the file says it has. What lies between them and has no checksum cannot be told from readings: write
Parquet with checksums of its pages where files may be damaged on their way.
"""

from __future__ import annotations

import os
import re
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import TypeVar

import numpy as np
import polars as pl

from acm_rs.files.bad_rows import BadRows
from acm_rs.files.errors import Origin, Refusal, listed, printable
from acm_rs.files.parquet import Damaged, RowGroup, differs, look_at_pages, row_groups
from acm_rs.files.raw import About, RawTable
from acm_rs.files.sources import Source
from acm_rs.files.units import unit_of_name

__all__ = ["Damaged", "read_stored", "unbroken"]

_T = TypeVar("_T")

_NAMES = {"parquet": "Parquet", "arrow": "Feather or Arrow", "arrow stream": "Arrow stream"}
# What pandas calls an index that has no name.
_PANDAS_INDEX = re.compile(r"__index_level_\d+__")
_PANIC = re.compile(
    rb"(?:(?<=\n)\n|\A\n)?thread '[^\n]*panicked at[^\n]*\n.*?note: [^\n]*RUST_BACKTRACE[^\n]*\n", re.DOTALL
)
# What fastexcel says of a sheet that is a chart.
_CHART = re.compile(rb"'chartsheet' not a valid worksheet\n?")


def read_stored(source: Source, bad_rows: BadRows) -> RawTable:
    """Read a file with stored types.

    Parameters
    ----------
    source : Source
        A Parquet, Feather or Arrow file, or an Arrow stream.
    bad_rows : BadRows
        For the stages after this one.

    Returns
    -------
    RawTable
        Nested fields as columns of their own (``a.b``), dictionaries as their values, decimals as numbers, durations as
        seconds.

    Raises
    ------
    Refusal
        A damaged file, or one without columns.
    """
    try:
        frame, groups = _frame(source)
        notes = list(source.notes)
        frame = _flat(frame, notes)
        if groups is not None and (wrong := differs(frame, groups)):
            raise Damaged(wrong)
    except Refusal:
        raise
    except (Damaged, pl.exceptions.PolarsError, OSError, ValueError, RuntimeError) as error:
        raise Refusal(f"{source.name} is a damaged {_NAMES[source.kind]} file: {_first_line(error)}") from None
    if not frame.width:
        raise Refusal(f"{source.name} holds no columns")
    frame, unnamed = _named(frame)
    frame = _plain(frame, notes)
    units = {name: unit_of_name(name) for name in frame.columns}
    about = {name: About(unit) for name, unit in units.items() if unit}
    return RawTable(frame, Origin(source.name, np.arange(1, frame.height + 1)), "", unnamed, notes, 0, about, bad_rows)


def _frame(source: Source) -> tuple[pl.DataFrame, list[RowGroup] | None]:
    """The table, and what a Parquet file says of its rows."""
    path = source.path
    if source.kind == "parquet":
        groups = row_groups(path)
        look_at_pages(path, groups)
        return unbroken(lambda: pl.read_parquet(path, glob=False, hive_partitioning=False)), groups
    if source.kind == "arrow":
        with path.open("rb") as file:
            file.seek(-min(6, file.seek(0, 2)), 2)
            if file.read(6) != b"ARROW1":
                raise Damaged("it ends too early")
            file.seek(0)
            return unbroken(lambda: pl.read_ipc(file)), None
    with path.open("rb") as file:
        file.seek(-min(8, file.seek(0, 2)), 2)
        if file.read(8) != b"\xff\xff\xff\xff\x00\x00\x00\x00":
            raise Damaged("its end is missing")
        file.seek(0)
        return unbroken(lambda: pl.read_ipc_stream(file)), None


def unbroken(read: Callable[[], _T]) -> _T:
    """Read with an engine that may break down over a file, which then is damaged.

    Parameters
    ----------
    read : callable
        What reads.

    Returns
    -------
    object
        What it gives.

    Raises
    ------
    Damaged
        The engine broke down; what it says of that does not come to the terminal.
    """
    try:
        with _without_panic():
            return read()
    except Exception:
        raise
    except BaseException as error:
        if type(error).__name__ != "PanicException":
            raise
        raise Damaged(_first_line(error)) from None


@contextmanager
def _without_panic() -> Iterator[None]:
    """Keep from the terminal what an engine writes when it breaks down; what else is written meanwhile comes after."""
    try:
        sys.stderr.flush()
        kept = os.dup(2)
    except (OSError, AttributeError, ValueError):
        yield
        return
    with tempfile.TemporaryFile() as written:
        try:
            os.dup2(written.fileno(), 2)
            yield
        finally:
            with suppress(OSError, AttributeError, ValueError):
                sys.stderr.flush()
            os.dup2(kept, 2)
            os.close(kept)
            written.seek(0)
            said = _CHART.sub(b"", _PANIC.sub(b"", written.read()))
            if said:
                with suppress(OSError):
                    os.write(2, said)


def _first_line(error: BaseException) -> str:
    lines = str(error).strip().splitlines()
    return printable(lines[0])[:200] if lines else type(error).__name__


# ---- columns --------------------------------------------------------------------------------------------------------


def _flat(frame: pl.DataFrame, notes: list[str]) -> pl.DataFrame:
    """Give the fields of nested columns a column of their own."""
    nested = [name for name, dtype in frame.schema.items() if isinstance(dtype, pl.Struct)]
    columns: list[pl.Series] = []
    for series in frame:
        columns += _fields(series, series.name)
    if nested:
        notes.append(f"fields of {listed(nested)} taken as columns")
    names = [column.name for column in columns]
    for name in names:
        if names.count(name) > 1:
            raise Refusal(f"the fields of nested columns are named like another column: {listed([name])}")
    return pl.DataFrame(columns)


def _fields(series: pl.Series, name: str) -> list[pl.Series]:
    if not isinstance(series.dtype, pl.Struct):
        return [series.alias(name)]
    found = []
    for field in series.dtype.fields:
        found += _fields(series.struct.field(field.name), f"{name}.{field.name}")
    return found


def _named(frame: pl.DataFrame) -> tuple[pl.DataFrame, list[str]]:
    """Find the columns that have no name but one that a library gave them."""
    renamed = {}
    for place, name in enumerate(frame.columns, 1):
        if not name.strip() or _PANDAS_INDEX.fullmatch(name):
            given = "index" if name.strip() and "index" not in frame.columns else f"column {place}"
            renamed[name] = given
    return frame.rename(renamed), list(renamed.values())


def _plain(frame: pl.DataFrame, notes: list[str]) -> pl.DataFrame:
    """The few types that the stages after this one know."""
    schema = frame.schema
    days = [name for name, dtype in schema.items() if dtype == pl.Date]
    clocks = [name for name, dtype in schema.items() if dtype == pl.Time]
    durations = [name for name, dtype in schema.items() if dtype == pl.Duration]
    parts = {"ms": 10**3, "us": 10**6, "ns": 10**9}
    casts = []
    for name, dtype in schema.items():
        column = pl.col(name)
        if dtype in (pl.Categorical, pl.Enum):
            casts.append(column.cast(pl.String))
        elif isinstance(dtype, pl.Decimal):
            # By way of their text: the float nearest to the decimal.
            casts.append(column.cast(pl.String).cast(pl.Float64))
        elif isinstance(dtype, pl.Duration):
            casts.append(column.to_physical() / parts[dtype.time_unit])
        elif dtype == pl.Time or (dtype == pl.Date and len(days) == len(clocks) == 1):
            # A date and a time of day in columns of their own are paired as they are in text.
            casts.append(column.cast(pl.String))
    if durations:
        notes.append(f"durations in seconds: {listed(durations)}")
    return frame.with_columns(casts)
