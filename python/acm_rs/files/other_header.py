"""Another header among the rows: what stands below it is of other columns, or in other units."""

from __future__ import annotations

import numpy as np
import polars as pl
from numpy.typing import NDArray

from acm_rs.files.errors import Refusal, listed
from acm_rs.files.figures import number_and_rest
from acm_rs.files.raw import RawTable
from acm_rs.files.units import is_unit, unit_key

__all__ = ["refuse_other_header"]

_MOST = 1000
_APART = "and the rows below it are of other columns; write what stands below it into a file of its own"


def refuse_other_header(raw: RawTable, bad: NDArray[np.bool_], column: str) -> None:
    """Refuse rows that cannot be read because they are a header of their own.

    To leave out such a row alone would give what stands below it the names, and the units, of the first header.

    Parameters
    ----------
    raw : RawTable
        The rows.
    bad : ndarray of bool
        Those that cannot be read.
    column : str
        Because of their cells in this column.

    Raises
    ------
    Refusal
        A row holds no number and has the name of a column in `column`: the column's own, or half its cells are names,
        and it is not the header above. Or it holds other units than the columns have.
    """
    if bad.size != raw.height or column not in raw.columns or raw.frame.schema[column] != pl.String:
        return
    names = {_bare(name): name for name in raw.columns}
    units = {name: about.unit for name, about in raw.about.items() if about.unit}
    places = np.flatnonzero(bad)[:_MOST]
    met = [_bare(cell or "") for cell in raw.column(column).gather(places)]
    # A row of units has no name of a time.
    places = places[[cell in names or (not cell and bool(units)) for cell in met]]
    if not places.size:
        return
    rows = pl.DataFrame([raw.column(name).gather(places).cast(pl.String).alias(name) for name in raw.columns])
    for place, row in zip(places.tolist(), rows.iter_rows(), strict=True):
        cells = {name: cell.strip() for name, cell in zip(raw.columns, row, strict=True) if cell and cell.strip()}
        if not cells or any(number_and_rest(cell) == "" for cell in cells.values()):
            continue
        head = _bare(cells.get(column, ""))
        known = sum(_bare(cell) in names for cell in cells.values())
        own = all(_bare(cell) == _bare(name) for name, cell in cells.items())
        if head and not own and (head == _bare(column) or 2 * known >= len(cells)) and len(cells) > 1:
            raise Refusal(
                f"{raw.origin.row(place)}: another header ({listed(list(cells.values()))}) stands here, {_APART}"
            )
        others = [
            f"{name} in {cell}, above in {units[name]}"
            for name, cell in cells.items()
            if name in units and is_unit(cell) and unit_key(cell) != unit_key(units[name])
        ]
        if not head and others:
            raise Refusal(
                f"{raw.origin.row(place)}: another header with other units ({'; '.join(others[:4])}) stands here; "
                "write what stands below it into a file of its own"
            )


def _bare(cell: str) -> str:
    return " ".join(cell.split()).casefold()
