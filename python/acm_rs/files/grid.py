"""Rows of a sheet or text file, and what their cells look like."""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import zip_longest

from acm_rs.files.errors import quoted
from acm_rs.files.figures import number_and_rest
from acm_rs.files.missing_words import MISSING_WORDS
from acm_rs.files.times import is_date
from acm_rs.files.units import is_unit

__all__ = ["HEADER_WITHIN", "Profile", "Row"]

# The header is looked for in so many rows.
HEADER_WITHIN = 20

_RULE = re.compile(r"[-=_*+~#.:| ]{2,}")
_MARKS = frozenset("?*!#")


class Row:
    """A row and what its cells look like."""

    def __init__(self, cells: Sequence[str]) -> None:
        self.cells: list[str] = [" ".join(cell.split()) for cell in cells]
        self.kinds: list[str] = ["" if not cell else _kind(cell) for cell in self.cells]
        for place, kind in enumerate(self.kinds):
            if kind == "text" and _has_digit(self.cells[place]) and is_date(self.cells[place]):
                self.kinds[place] = "time"
        self.filled: list[int] = [place for place, cell in enumerate(self.cells) if cell]

    def kind(self, place: int) -> str:
        return self.kinds[place] if place < len(self.kinds) else ""

    def cell(self, place: int) -> str:
        return self.cells[place] if place < len(self.cells) else ""

    def count(self, kind: str) -> int:
        return self.kinds.count(kind)

    @property
    def readings(self) -> bool:
        """Whether its cells look like readings, wherever they stand."""
        if self.count("time") and len(self.filled) > 1:
            return True
        sure = self.count("number") + self.count("time")
        return sure > 0 and sure + self.count("word") >= self.count("text")

    @property
    def rule(self) -> bool:
        return bool(self.filled) and all(_RULE.fullmatch(self.cells[place]) for place in self.filled)

    def said(self) -> str:
        return quoted(" ".join(self.cells[place] for place in self.filled), 60)


def _has_digit(cell: str) -> bool:
    return any(char.isdigit() for char in cell)


def _kind(cell: str) -> str:
    behind = number_and_rest(cell)
    if behind is not None and (not behind or behind in _MARKS or is_unit(behind)):
        return "number"
    return "word" if cell.lower() in MISSING_WORDS else "text"


class Profile:
    """What most rows of a table look like.

    Parameters
    ----------
    head : list of Row
        The first rows.
    """

    def __init__(self, head: list[Row]) -> None:
        self.head: list[Row] = head
        bulk = [row for row in head if row.readings]
        widest = max((len(row.filled) for row in bulk), default=0)
        bulk = [row for row in bulk if 2 * len(row.filled) >= widest]
        self.width: int = max((row.filled[-1] + 1 for row in bulk), default=0)
        columns = [
            [kind for kind in column if kind] for column in zip_longest(*(row.kinds for row in bulk), fillvalue="")
        ]
        columns = columns[: self.width]
        self.times: list[int] = [place for place, kinds in enumerate(columns) if _share(kinds, "time") >= 0.5]
        self.numbers: list[int] = [
            place for place, kinds in enumerate(columns) if _share(kinds, "number", "word") >= 0.6
        ]
        used = sum(map(bool, columns))
        # So many cells at least must a row have to name the columns.
        self.needed: int = 1 if used < 2 else max(2, (used + 1) // 2)
        self.key: int = self.times[0] if self.times else 0
        # In a column of words a label is a word like others.
        self.labelled: bool = bool(self.times) or 0 in self.numbers


def _share(kinds: list[str], *wanted: str) -> float:
    # A column of words alone is one of text.
    if not kinds or set(kinds) == {"word"}:
        return 0.0
    return sum(map(kinds.count, wanted)) / len(kinds)
