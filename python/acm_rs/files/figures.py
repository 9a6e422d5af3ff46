"""Text that looks like a number, with whatever marks; what it is worth is told elsewhere."""

from __future__ import annotations

import re

import polars as pl

from acm_rs.files.short import short_cells

__all__ = [
    "EXPONENT",
    "GROUP_SPACES",
    "NUMBER",
    "begins_with_number",
    "has_numbers",
    "number_and_rest",
    "share_of_numbers",
]

# Patterns for Python and for Polars alike.
GROUP_SPACES = "[ \u00a0\u202f\u2009\u2019']"
EXPONENT = r"(?:[eE][+-]?\d+)?"
NUMBER = rf"(?:\d+|[.,\u066b]\d+)(?:{GROUP_SPACES}\d{{3}}|[.,\u066b]\d+)*[.,]?{EXPONENT}"
"""A number without its sign, however its thousands and fraction are marked."""
_BEGINNING = r"[^\w]{0,2}\d"
_SIGNED = re.compile(rf"[+-]?{NUMBER}")
_BEGINS = re.compile(_BEGINNING)


def number_and_rest(cell: str) -> str | None:
    """What stands behind the number that a cell begins with; None where it begins with none."""
    found = _SIGNED.match(cell)
    return cell[found.end() :].strip() if found else None


def begins_with_number(cell: str) -> bool:
    """Whether a cell begins with a figure, its sign and a mark aside; dates do as well."""
    return _BEGINS.match(cell) is not None


def has_numbers(cells: pl.Series) -> bool:
    """Whether any cell of a column of text begins with a figure."""
    few = short_cells(cells)
    if few is not None:
        return any(map(begins_with_number, few))
    return bool(cells.str.contains(rf"^\s*{_BEGINNING}").any())


def share_of_numbers(cells: pl.Series, behind: int = 12) -> float:
    """The share of the filled cells of a column of text that are a number and little else.

    Parameters
    ----------
    cells : Series
        Text.
    behind : int
        So many letters may stand behind a number, a unit or a mark.

    Returns
    -------
    float
        0 where no cell is filled.
    """
    pattern = rf"\s*[^\w]{{0,2}}{NUMBER}\D{{0,{behind}}}"
    few = short_cells(cells)
    if few is not None:
        filled = list(filter(None, few))
        return sum(map(bool, map(re.compile(pattern).fullmatch, filled))) / len(filled) if filled else 0.0
    text = cells.str.strip_chars().drop_nulls()
    text = text.filter(text != "")
    return int(text.str.contains(f"^{pattern}$").sum()) / text.len() if text.len() else 0.0
