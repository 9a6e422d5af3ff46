"""Rows below the readings: sums, ends of reports."""

from __future__ import annotations

import re
from collections.abc import Sequence

from acm_rs.files import labels
from acm_rs.files.errors import counted
from acm_rs.files.grid import HEADER_WITHIN, Profile, Row

__all__ = ["footer"]

_LETTERS = re.compile(r"[^\W\d_]{2,}")


def footer(table: Profile, tail: Sequence[Sequence[str]]) -> tuple[int, list[str]]:
    """Find how many rows at the end are no readings.

    Parameters
    ----------
    table : Profile
        What the readings look like.
    tail : sequence of rows of cells
        The last readings and what stands below them.

    Returns
    -------
    count : int
        How many.
    notes : list of str
        What they say.
    """
    taken, place = 0, len(tail)
    texts: list[str] = []
    while place and taken < HEADER_WITHIN:
        place -= 1
        row = Row(tail[place])
        if not row.filled:
            continue
        if not _is_footer(table, row):
            break
        taken = len(tail) - place
        texts.append(row.said())
    if not taken:
        return 0, []
    said = ", ".join(reversed(texts[-3:])) + (" ..." if len(texts) > 3 else "")
    return taken, [f"{counted(len(texts), 'row')} below the readings left out ({said})"]


def _is_footer(table: Profile, row: Row) -> bool:
    if any(row.kind(place) == "time" for place in table.times or range(len(row.cells))):
        return False
    if row.rule:
        return True
    first = row.cells[row.filled[0]]
    if row.kind(row.filled[0]) != "text" and labels.bare(first) not in labels.FOOTER:
        return False
    if row.filled[0] <= table.key and (table.labelled or len(row.filled) == 1) and labels.says_footer(first):
        return True
    if len(row.filled) > 1 or table.width < 2 or not _LETTERS.search(first):
        return False
    # One cell of text. A row cut off in the middle of its time is a reading.
    return not (table.times and _begins_like(first, table))


def _begins_like(cell: str, table: Profile) -> bool:
    """Tell whether a cell is the beginning of a time as the others are written."""
    shape, key = _shape(cell), table.key
    return any(_shape(row.cell(key)).startswith(shape) for row in table.head if row.kind(key) == "time")


def _shape(cell: str) -> str:
    return "".join("9" if char.isdigit() else "a" if char.isalpha() else char for char in cell)
