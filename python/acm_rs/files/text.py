"""Text files as rows of cells."""

from __future__ import annotations

import io
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import polars as pl
from numpy.typing import NDArray

from acm_rs.files.raw import About

__all__ = ["TextLayout"]


@dataclass
class TextLayout:
    """Where the rows of a text file are and what its columns are called.

    The bytes between `start` and `end` are UTF-8 and hold rows of cells and nothing else: header, footer, blank rows,
    rows that cannot be read are left out. What a row lacks at its end is missing.

    Parameters
    ----------
    path : Path
        The bytes: the file itself, or a temporary file that lives as long as `keep`.
    name : Path
        The file as people name it.
    start, end : int
        Where the first row begins and the last row ends, in bytes.
    separator : str
        What parts the cells, one character.
    names : list of str
        The columns, each with a name of its own.
    rows : ndarray of int64
        For each row its number in the file as people see it.
    unnamed : list of str
        Columns without a name in the file, by the name given to them here.
    about : dict of str to About
        What the file says of its columns.
    notes : list of str
        What a person should know about the reading.
    blank_rows : int
        Rows without any content, left out.
    keep : object
        Holds temporary files.
    """

    path: Path
    name: Path
    start: int
    end: int
    separator: str
    names: list[str]
    rows: NDArray[np.int64]
    unnamed: list[str] = field(default_factory=list)
    about: dict[str, About] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    blank_rows: int = 0
    keep: object = None

    def blocks(self, size: int = 1 << 24) -> Iterator[bytes]:
        """The rows, in blocks of about `size` bytes, each of whole rows.

        A line end within quotation marks ends no row.
        """
        left = self.end - self.start
        rest = b""
        with self.path.open("rb") as file:
            file.seek(self.start)
            while left:
                block = file.read(min(size, left))
                if not block:
                    raise OSError(f"{self.name} has become shorter while it was read")
                left -= len(block)
                rest += block
                cut = len(rest) if not left else _last_row_end(rest)
                if cut:
                    yield rest[:cut]
                    rest = rest[cut:]

    def parse(self, block: bytes, columns: list[str] | None = None) -> pl.DataFrame:
        """The cells of a block as strings, of all columns or of some."""
        places = list(range(len(self.names))) if columns is None else [self.names.index(name) for name in columns]
        # Names of our own, so that the cells do not decide how many columns there are.
        header = self.separator.join(f"c{place}" for place in range(len(self.names))).encode() + b"\n"
        frame = pl.read_csv(
            io.BytesIO(header + block),
            separator=self.separator,
            infer_schema=False,
            columns=[f"c{place}" for place in sorted(places)],
        )
        return frame.select(pl.col(f"c{place}").alias(self.names[place]) for place in places)


def _last_row_end(block: bytes) -> int:
    """Where the last whole row ends; 0 where none does."""
    cut = block.rfind(b"\n") + 1
    while cut and block.count(b'"', 0, cut) % 2:
        cut = block.rfind(b"\n", 0, cut - 1) + 1
    return cut
