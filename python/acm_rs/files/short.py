"""Short columns: Python looks at a few cells faster than a query is planned, and wide files have many such columns."""

from __future__ import annotations

import polars as pl

__all__ = ["BLANKS", "short_cells"]

_FEW = 1000
# In ASCII, what Polars takes for a blank; Python takes some control characters for blanks too.
BLANKS = " \t\n\v\f\r"


def short_cells(text: pl.Series) -> list[str] | None:
    """The cells of a short column without the blanks around them.

    Parameters
    ----------
    text : Series
        Strings.

    Returns
    -------
    list of str or None
        Empty where a cell is missing. None where there are many cells, or letters beyond ASCII, of which Python and
        Polars think differently.
    """
    if text.len() > _FEW:
        return None
    cells = text.to_list()
    if None in cells:
        cells = [cell or "" for cell in cells]
    return [cell.strip(BLANKS) for cell in cells] if "".join(cells).isascii() else None
