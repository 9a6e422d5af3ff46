"""What the command line refuses, said in one line."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np
    from numpy.typing import NDArray


class Refusal(ValueError):
    """Input, output or a request that cannot be served; its text is one line for the person at the keyboard."""

    def __init__(self, text: str, *, status: int = 1) -> None:
        super().__init__(printable(text))
        self.status = status


@dataclass(frozen=True)
class Origin:
    """Where the rows of a table came from.

    Parameters
    ----------
    path : Path
        The file as people name it; with several, the first of them and how many more.
    rows : ndarray of int64
        For each row its number in its file, the first line being 1, as a spreadsheet counts.
    files : sequence of (Path, int)
        With several files, each with the place in the table where its rows begin; empty with one.
    """

    path: Path
    rows: NDArray[np.int64]
    files: Sequence[tuple[Path, int]] = ()

    def file(self, row: int) -> Path:
        """The file of a row of the table."""
        return next((path for path, start in reversed(self.files) if start <= row), self.path)

    def kept(self, keep: NDArray[np.bool_]) -> Origin:
        """Where the rows came from once the others are left out."""
        files = tuple((path, int(keep[:start].sum())) for path, start in self.files)
        return Origin(self.path, self.rows[keep], files)

    def row(self, row: int) -> str:
        """Name a row by its position in the table."""
        return f"{self.file(row)}, row {int(self.rows[row])}"

    def cell(self, row: int, column: str) -> str:
        """Name a cell by its position in the table."""
        return f"{self.row(row)}, column {quoted(column)}"

    def other(self, row: int, than: int) -> str:
        """Name a second row in a sentence that has named the first: its file only where that is another."""
        return f"row {int(self.rows[row])}" if self.file(row) == self.file(than) else self.row(row)

    def column(self, column: str) -> str:
        """Name a column."""
        return f"{self.path}, column {quoted(column)}"


def printable(text: str) -> str:
    """Replace what a terminal would obey (escapes, line ends) by a visible mark."""
    return "".join(char if char.isprintable() else "\N{REPLACEMENT CHARACTER}" for char in text)


def quoted(text: str, limit: int = 80) -> str:
    """Put a name or a cell into quotes, shortened where it is very long."""
    return "'" + printable(text if len(text) <= limit else text[: limit - 3] + "...") + "'"


def listed(names: Sequence[str], limit: int = 6) -> str:
    """Join names for a sentence, the tail counted instead of written."""
    head = ", ".join(quoted(name) for name in names[:limit])
    return head if len(names) <= limit else f"{head} and {len(names) - limit:,} more"


def counted(count: int, noun: str) -> str:
    """Say how many there are: 1 row, 2,000 rows."""
    return f"{count:,} {noun}" + ("" if count == 1 else "s")
