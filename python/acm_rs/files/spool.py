"""Tables too large for memory: their cells lie on disk, and columns are taken from there when they are asked for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import polars as pl
from polars.selectors import by_name

from acm_rs.files.errors import Refusal
from acm_rs.files.meter import Meter
from acm_rs.files.raw import RawTable
from acm_rs.files.sources import Source
from acm_rs.files.text import TextLayout

__all__ = ["LARGE", "Part", "SpooledTable", "on_disk", "spooled"]

LARGE = 1 << 26
"""Bytes of text, or of stored numbers, that are held in memory at once: 64 MB."""

_BLOCK = 1 << 24


@dataclass(frozen=True)
class Part:
    """Some rows on disk.

    Parameters
    ----------
    path : Path
        A temporary file in Arrow's format.
    columns : frozenset of str
        The columns that it has.
    height : int
        How many rows.
    keeper : object
        Removes the file when nobody holds it any more.
    """

    path: Path
    columns: frozenset[str]
    height: int
    keeper: object = field(repr=False, compare=False, default=None)

    def read(self, names: Sequence[str], rows: int | None = None) -> pl.DataFrame:
        """The cells of some columns, all rows or the first."""
        cells = pl.scan_ipc(self.path, glob=False).select(by_name(*names))
        return (cells if rows is None else cells.head(rows)).collect()


@dataclass
class SpooledTable(RawTable):
    """A table as it is, its cells on disk.

    Parameters
    ----------
    parts : list of Part
        The first rows first; the frame has the columns and no rows.
    meter : Meter, optional
        Is told how far the understanding of the columns is.
    size : int
        Bytes of its files.
    """

    parts: list[Part] = field(default_factory=list)
    meter: Meter | None = None
    size: int = 0

    @property
    def height(self) -> int:
        """How many rows there are."""
        return self.origin.rows.size

    def column(self, name: str) -> pl.Series:
        """The cells of a column."""
        if self.meter:
            # Whoever understands a column asks for it twice: for what it holds, and for its numbers.
            self.meter.add(self.size / (2 * len(self.columns)))
        return self.select([name])[name]

    def head(self, rows: int) -> pl.DataFrame:
        """The first rows, which are cheap to have."""
        found, left = [self.frame], rows
        for part in self.parts:
            if left <= 0:
                break
            found.append(_some(part, self.frame.schema, left))
            left -= part.height
        return pl.concat(found)

    def select(self, names: Sequence[str]) -> pl.DataFrame:
        """The cells of some columns, read for it."""
        schema = self.frame.select(by_name(*names)).schema
        if not schema or not self.parts:
            return pl.DataFrame(schema=schema)
        if all(type(part) is Part and part.columns.issuperset(names) for part in self.parts):
            return pl.scan_ipc([part.path for part in self.parts], glob=False).select(by_name(*names)).collect()
        return pl.concat([_some(part, schema) for part in self.parts])


def _some(part: Part, schema: pl.Schema, rows: int | None = None) -> pl.DataFrame:
    """Columns of a part, of the kind that all parts have; those that it lacks are missing."""
    height = part.height if rows is None else min(part.height, rows)
    there = [name for name in schema if name in part.columns]
    frame = part.read(there, rows) if there else pl.DataFrame()
    columns = [
        frame[name].cast(dtype) if name in part.columns else pl.Series(name, [None], dtype).new_from_index(0, height)
        for name, dtype in schema.items()
    ]
    return pl.DataFrame(columns)


def spooled(layout: TextLayout, about: tuple[Any, ...], meter: Meter) -> SpooledTable:
    """Write the cells of a text file to disk.

    Parameters
    ----------
    layout : TextLayout
        Where the rows are.
    about : tuple
        What a RawTable has beside its frame.
    meter : Meter
        Is told how far it is.

    Returns
    -------
    SpooledTable

    Raises
    ------
    Refusal
        No room for them, or a block that cannot be cut into cells.
    """
    table = SpooledTable(pl.DataFrame(schema=dict.fromkeys(layout.names, pl.String)), *about)
    table.meter, table.size = meter, layout.end - layout.start
    for block in layout.blocks(_BLOCK):
        table.parts.append(written(layout.parse(block), layout.source))
        meter.add(len(block))
    return table


def on_disk(
    empty: pl.DataFrame,
    about: tuple[Any, ...],
    tables: Sequence[RawTable],
    frames: Sequence[pl.DataFrame],
    sources: Sequence[Source],
) -> SpooledTable:
    """Put tables one below the other, some of which lie on disk.

    Parameters
    ----------
    empty : DataFrame
        The columns.
    about : tuple
        What a RawTable has beside its frame.
    tables : sequence of RawTable
        The tables.
    frames : sequence of DataFrame
        The cells of those that do not lie on disk, each of the kind that the columns have.
    sources : sequence of Source
        Where they come from.

    Returns
    -------
    SpooledTable
    """
    whole = SpooledTable(empty, *about)
    for table, frame, source in zip(tables, frames, sources, strict=True):
        if isinstance(table, SpooledTable):
            whole.parts += table.parts
            whole.size += table.size
            whole.meter = table.meter
        else:
            whole.parts.append(written(frame, source))
    return whole


def written(frame: pl.DataFrame, source: Source) -> Part:
    """Write some rows to disk.

    Parameters
    ----------
    frame : DataFrame
        The rows.
    source : Source
        The file that they come from, whose temporary folder is used.

    Returns
    -------
    Part

    Raises
    ------
    Refusal
        No room for them.
    """
    path = source.scratch("cells")
    try:
        frame.write_ipc(path, compression="lz4")
    except (OSError, pl.exceptions.PolarsError) as error:
        why = getattr(error, "strerror", None) or str(error).strip().partition("\n")[0]
        raise Refusal(
            f"{source.name} needs a temporary copy, which cannot be written in {path.parent.parent}: {why};"
            " the environment variable TMPDIR names another folder"
        ) from None
    return Part(path, frozenset(frame.columns), frame.height, source)
