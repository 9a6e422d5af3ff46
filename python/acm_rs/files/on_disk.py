"""A table of numbers on disk, for rows that are taken some at a time."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import overload

import numpy as np
import polars as pl
from numpy.typing import NDArray

from acm_rs.files.errors import Refusal
from acm_rs.files.sources import Scratch

__all__ = ["FrameOnDisk"]

_BYTES = 8


class FrameOnDisk:
    """Columns of Float64 in one temporary file: what is asked of a frame of Polars here, without its memory.

    Parameters
    ----------
    rows : int
        How many rows each column has.
    """

    def __init__(self, rows: int) -> None:
        self.height: int = rows
        self._slot = rows
        self._scratch = Scratch()
        self._path = self._scratch.path("numbers")
        self._missing: dict[str, int] = {}

    @property
    def columns(self) -> list[str]:
        """The names, in the order in which they came."""
        return list(self._missing)

    @property
    def width(self) -> int:
        """How many columns there are."""
        return len(self._missing)

    def add(self, column: pl.Series) -> None:
        """Put a column behind the others."""
        self._write(self.width, column)
        self._missing[column.name] = column.null_count()

    def take(self, taken: Callable[[pl.Series], pl.Series]) -> None:
        """Put in the place of each column what is made of it, which has at most as many rows."""
        before = self.height
        for place, name in enumerate(self.columns):
            column = taken(self._column(place, name, 0, before))
            self._write(place, column)
            self._missing[name] = column.null_count()
            self.height = column.len()

    def null_count(self) -> pl.DataFrame:
        """How many values each column lacks, in one row."""
        return pl.DataFrame({name: [count] for name, count in self._missing.items()})

    def __iter__(self) -> Iterator[pl.Series]:
        for name in self.columns:
            yield self[name]

    @overload
    def __getitem__(self, asked: str) -> pl.Series: ...
    @overload
    def __getitem__(self, asked: slice) -> pl.DataFrame: ...

    def __getitem__(self, asked: str | slice) -> pl.Series | pl.DataFrame:
        if isinstance(asked, str):
            return self._column(self.columns.index(asked), asked, 0, self.height)
        start, stop, _ = asked.indices(self.height)
        return pl.DataFrame([self._column(place, name, start, stop) for place, name in enumerate(self.columns)])

    def _column(self, place: int, name: str, start: int, stop: int) -> pl.Series:
        with self._path.open("rb") as file:
            file.seek(_BYTES * (place * self._slot + start))
            values: NDArray[np.float64] = np.fromfile(file, np.float64, stop - start)
        if values.size < stop - start:
            raise Refusal(f"{self._path}, a temporary file, was cut off while it was in use")
        return pl.Series(name, values, nan_to_null=True)

    def _write(self, place: int, column: pl.Series) -> None:
        try:
            with self._path.open("r+b" if self._path.exists() else "wb") as file:
                file.seek(_BYTES * place * self._slot)
                file.write(np.ascontiguousarray(column.to_numpy()).data)
        except OSError as error:
            raise Refusal(
                f"a temporary copy of the numbers cannot be written in {self._path.parent.parent}:"
                f" {error.strerror or error}; the environment variable TMPDIR names another folder"
            ) from None
