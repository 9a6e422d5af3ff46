"""Years in which a plant can have been recorded."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date

import numpy as np
from numpy.typing import NDArray

from acm_rs.files.bad_rows import BadRows
from acm_rs.files.errors import Origin, Refusal, quoted

__all__ = ["implausible"]

_FIRST_YEAR, _LAST_YEAR = 1970, 2100
_END_DAY = (date(_LAST_YEAR + 1, 1, 1) - date(1970, 1, 1)).days
# Twenty years on, the first day of 1970 is a clock that was never set.
_SET = 20 * 365


def implausible(
    count: NDArray[np.int64],
    some: NDArray[np.bool_],
    cell: Callable[[int], str],
    column: str,
    origin: Origin,
    bad_rows: BadRows,
) -> NDArray[np.bool_]:
    """Hand over rows whose dates cannot be those of a record, such as 0001-01-01.

    Parameters
    ----------
    count : ndarray of int64
        Days since 1970.
    some : ndarray of bool
        Where there is a date.
    cell : callable
        The cell of a row, for messages.
    column : str
        The column's name, for messages.
    origin : Origin
        Where the rows came from.
    bad_rows : BadRows
        What takes them.

    Returns
    -------
    ndarray of bool
        Those rows.

    Raises
    ------
    Refusal
        Most dates are such, as in another calendar.
    """
    bad = some & ((count < 0) | (count >= _END_DAY))
    if not some.any():
        return bad
    total = int(np.count_nonzero(some))
    if 2 * int(np.count_nonzero(bad)) > total:
        row = int(np.argmax(bad))
        raise Refusal(
            f"{origin.cell(row, column)}: {quoted(cell(row))} is no year from {_FIRST_YEAR} to {_LAST_YEAR}, nor are"
            " most others; write the times in the Gregorian calendar, name another with --time-column, or leave the"
            " column out with --exclude"
        )
    unset = some & (count == 0)
    if unset.any() and 2 * int(np.count_nonzero(count[some] > _SET)) > total:
        bad |= unset
    bad_rows.meet(
        bad,
        origin,
        column,
        lambda row: (
            f"{quoted(cell(row))} is the first day of 1970, as of a clock that was never set"
            if count[row] == 0
            else f"{quoted(cell(row))} is no time from {_FIRST_YEAR} to {_LAST_YEAR}, as the other rows are"
        ),
    )
    return bad
