"""Text that may be dates in a spelling that nobody here knows."""

from __future__ import annotations

import polars as pl

from acm_rs.files.figures import NUMBER

__all__ = ["may_be_dates"]

_MOST = 0.9
_FEWEST = 3
_DRESSED = rf"^[^\d\pL]*{NUMBER}"
_YEAR = r"(?:^|\D)(?:19[7-9]\d|20\d\d)(?:\D|$)"
# A tag or a part: pump 3, unit 4-3, v1.2.3.
_LABEL = r"^[A-Za-z]"


def may_be_dates(text: pl.Series) -> bool:
    """Tell whether cells of text that are no dates as read here may still be some.

    They nearly all hold digits and nearly all differ, and are neither numbers with their units (``12.5 m3/h``) nor
    labels in which one number counts (``pump 3``).

    Parameters
    ----------
    text : Series
        The first cells of a column.

    Returns
    -------
    bool
    """
    cells = text.str.strip_chars().drop_nulls()
    cells = cells.filter(cells != "")
    if cells.len() < _FEWEST or min(_share(cells, r"\d"), cells.n_unique() / cells.len()) < _MOST:
        return False
    if _share(cells, _DRESSED) >= _MOST:
        units = cells.str.replace(_DRESSED, "")
        # Any unit may hold digits, but then it is the same in most cells.
        if _share(units, r"\d") < 1 - _MOST or units.value_counts(sort=True)["count"][0] > cells.len() / 2:
            return False
    if _share(cells, _YEAR) >= _MOST:
        return True
    return _share(cells, _LABEL) < _MOST or _varying(cells) > 1


def _share(cells: pl.Series, pattern: str) -> float:
    return float(cells.str.contains(pattern).sum()) / cells.len()


def _varying(cells: pl.Series) -> int:
    """How many of the numbers within a cell differ from row to row."""
    numbers = cells.str.extract_all(r"\d+")
    most = numbers.list.len().max()
    places = range(min(most, 8) if isinstance(most, int) else 0)
    return sum(numbers.list.get(place, null_on_oob=True).drop_nulls().n_unique() > 1 for place in places)
