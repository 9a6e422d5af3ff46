"""A column of times, understood."""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl

__all__ = ["Times"]


@dataclass(frozen=True)
class Times:
    """A column of times.

    Parameters
    ----------
    values : Series
        Datetime, Date, or plain numbers where the column counts something else than a calendar; null where a cell
        cannot be read and its row is left out.
    note : str
        How the column was understood, for the summary; may be empty.
    told : tuple of str
        Whole sentences about rows, for the notes.
    settled : frozenset of str
        The options without which the cells would not have been read so.
    """

    values: pl.Series
    note: str = ""
    told: tuple[str, ...] = ()
    settled: frozenset[str] = frozenset()
