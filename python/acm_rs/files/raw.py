"""A file as it is, before any cell is understood."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import polars as pl
from polars.selectors import by_name

from acm_rs.files.bad_rows import BadRows
from acm_rs.files.errors import Origin

__all__ = ["About", "RawTable", "kind", "seconds"]

_PER_SECOND = {"ms": 10**3, "us": 10**6, "ns": 10**9}


@dataclass
class About:
    """What a file says of a column beside its cells.

    Parameters
    ----------
    unit : str
        The unit, as written.
    description : str
        What is measured.
    low, high : float, optional
        Limits of the range.
    """

    unit: str = ""
    description: str = ""
    low: float | None = None
    high: float | None = None


@dataclass
class RawTable:
    """A file as it is, before any cell is understood.

    Parameters
    ----------
    frame : DataFrame
        Strings from a text file or a sheet, the stored types from a Parquet file.
    origin : Origin
        Where its rows came from.
    separator : str
        What parts the cells of a text file; empty where there is none.
    unnamed : list of str
        Columns without a name of their own, by the name given to them here.
    notes : list of str
        What a person should know about the reading.
    blank_rows : int
        Rows without any content, left out of the frame.
    about : dict of str to About
        What the file says of its columns, by their names.
    bad_rows : BadRows
        Rows that cannot be read: every stage hands over what it meets, and they are left out at the end.
    sheets : list of range
        The rows of each sheet, where several of one workbook were joined.
    """

    frame: pl.DataFrame
    origin: Origin
    separator: str = ""
    unnamed: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    blank_rows: int = 0
    about: dict[str, About] = field(default_factory=dict)
    bad_rows: BadRows = field(default_factory=BadRows)
    sheets: list[range] = field(default_factory=list)

    @property
    def columns(self) -> list[str]:
        """The names, in the order of the file."""
        return self.frame.columns

    @property
    def height(self) -> int:
        """How many rows there are."""
        return self.frame.height

    def column(self, name: str) -> pl.Series:
        """The cells of a column."""
        return self.frame[name]

    def head(self, rows: int) -> pl.DataFrame:
        """The cells of the first rows, to judge columns by."""
        return self.frame.head(rows)

    def select(self, names: Sequence[str]) -> pl.DataFrame:
        """The cells of some columns; a file that is large is read for it."""
        # As names they are never wildcards.
        return self.frame.select(by_name(*names))


def seconds(durations: pl.Series) -> pl.Series:
    """Durations as numbers of seconds."""
    unit = getattr(durations.dtype, "time_unit", "us")
    return (durations.to_physical() / _PER_SECOND[unit]).rename(durations.name)


def kind(series: pl.Series) -> str:
    """What a column holds, for a sentence."""
    return "text" if series.dtype == pl.String else str(series.dtype).lower()
