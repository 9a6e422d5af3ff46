"""Rows that cannot be read: refused at the first, or left out and counted."""

from __future__ import annotations

from collections.abc import Callable
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from acm_rs.files.errors import Origin, Refusal, counted

__all__ = ["BadRows", "OnBadRow"]

_SHOWN = 5


class OnBadRow(StrEnum):
    """What happens to a row that cannot be read."""

    refuse = "refuse"
    skip = "skip"


class BadRows:
    """The rows of a table that cannot be read.

    Whoever meets one hands it over and goes on as if its cell were missing: either the row is refused at once, or it is
    left out at the end.

    Parameters
    ----------
    what : OnBadRow
        Refuse or skip.

    Examples
    --------
    >>> import numpy as np
    >>> from pathlib import Path
    >>> from acm_rs.files.errors import Origin
    >>> rows = BadRows(OnBadRow.skip)
    >>> rows.meet(np.array([False, True]), Origin(Path("in.csv"), np.array([2, 3])), "T", lambda row: "'x' is no date")
    >>> rows.of(2)
    array([False,  True])
    >>> rows.lines()[1]
    "in.csv, row 3, column 'T': 'x' is no date"
    """

    def __init__(self, what: OnBadRow = OnBadRow.refuse) -> None:
        self._what = what
        self._places: NDArray[np.bool_] = np.zeros(0, dtype=np.bool_)
        self._shown: list[tuple[int, str]] = []
        self._unread = 0
        self.look: Callable[[NDArray[np.bool_], str], None] | None = None
        """Is shown the rows and their column first, and may refuse them whatever happens to others."""

    @property
    def skipped(self) -> bool:
        """Whether such rows are left out instead of refused."""
        return self._what is OnBadRow.skip

    def meet(self, bad: NDArray[np.bool_], origin: Origin, column: str, why: Callable[[int], str]) -> None:
        """Hand over rows of the table because of their cells in a column.

        Parameters
        ----------
        bad : ndarray of bool, one for each row of the table
            Where the cell cannot be read.
        origin : Origin
            Where the rows came from.
        column : str
            The column of the cells.
        why : callable
            What is wrong with the cell of a row, such as ``"'x' is no date"``.

        Raises
        ------
        Refusal
            At the first row, unless such rows are skipped; at one that `look` refuses.
        """
        known = self.of(bad.size)
        first = [int(place) for place in np.flatnonzero(bad & ~known)[:_SHOWN]]
        if not first:
            return
        if self.look is not None:
            self.look(bad & ~known, column)
        if not self.skipped:
            raise Refusal(f"{origin.cell(first[0], column)}: {why(first[0])}; --bad-rows skip leaves such rows out")
        self._shown += [(int(origin.rows[place]), f"{origin.cell(place, column)}: {why(place)}") for place in first]
        self._places = known | bad

    def unread(self, place: str, row: int, why: str) -> None:
        """Hand over a row of a file that never came into the table.

        Parameters
        ----------
        place : str
            The file and its row.
        row : int
            The number of the row, for the order of what is shown.
        why : str
            What is wrong with it.

        Raises
        ------
        Refusal
            Unless such rows are skipped.
        """
        if not self.skipped:
            raise Refusal(f"{place}: {why}; --bad-rows skip leaves such rows out")
        self._unread += 1
        if self._unread <= _SHOWN:
            self._shown.append((row, f"{place}: {why}"))

    def of(self, height: int) -> NDArray[np.bool_]:
        """Which rows of the table are to be left out."""
        return self._places if self._places.size == height else np.zeros(height, dtype=np.bool_)

    @property
    def count(self) -> int:
        """How many rows are left out."""
        return self._unread + int(self._places.sum())

    def lines(self) -> list[str]:
        """How many rows are left out, then the first five of them with their reasons; nothing where there is none."""
        if not self.count:
            return []
        shown = [text for _, text in sorted(self._shown)[:_SHOWN]]
        return [f"{counted(self.count, 'bad row')} left out" + (", the first:" if self.count > 1 else ":"), *shown]
