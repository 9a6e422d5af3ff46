"""Excursions that come back: a valve that opens on demand is no instrument that goes wrong."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

__all__ = ["recurring"]

Flags = NDArray[np.bool_]

SPELLS = 10
"""Spells that tell that what is far off comes back."""
BEATS = 20
"""Spells that tell of a clock."""
SOONER, SELDOM = 0.45, 0.05
"""Of those the share that comes sooner than so much of the usual time: by chance it is .27."""
LASTS = 3
"""Rows that a spell lasts: what goes wrong by chance is alone."""
APART = 2
"""Rows between two spells at least."""
MOST = 0.5
"""Share of the rows far off that such spells have."""
MOVES = 0.5
"""Share of the readings within spells that differ from the one before, at least."""
SMOOTH = 0.5
"""Mean square of the steps of ranks within spells, as a share of what it is where they are drawn by chance, at most."""


def recurring(column: NDArray[np.float64], far: Flags) -> Flags:
    """Which of the readings of a sensor that are far off are as those that come in spells, over and over.

    Readings change steadily within most of the spells, or these come as by a clock. A spike beyond them is none.
    """
    none = np.zeros(len(far), bool)
    places = np.flatnonzero(far)
    if _beats(places, len(far)):
        return _like(column, far, column[places])
    if len(places) < SPELLS * LASTS:
        return none
    number = np.cumsum(np.append(0, np.diff(places) > APART))
    rows = np.bincount(number)
    lasting = rows >= LASTS
    if np.count_nonzero(lasting) < SPELLS or rows[lasting].sum() < MOST * len(places):
        return none
    firsts = places[np.flatnonzero(np.append(True, np.diff(number) > 0))][lasting]
    # All in one half of the history is another machine, or a trouble of some days.
    early = np.count_nonzero(firsts < len(column) / 2)
    if not SPELLS / 4 <= early <= len(firsts) - SPELLS / 4:
        return none
    readings = column[places]
    ranks = np.argsort(np.argsort(readings, kind="stable"), kind="stable")
    near = (np.diff(places) == 1) & lasting[number[1:]]
    # What stays the same is no excursion: a dropout to zero, or a code.
    if not near.any() or np.mean(np.diff(readings)[near] != 0.0) < MOVES:
        return none
    if np.square(np.diff(ranks)[near]).mean() >= SMOOTH * 2.0 * np.var(ranks):
        return none
    return _like(column, far, readings[lasting[number]])


def _like(column: NDArray[np.float64], far: Flags, readings: NDArray[np.float64]) -> Flags:
    """Which of those far off are within half the width of some readings around them."""
    low, high = np.quantile(readings, [0.02, 0.98])
    reach = (high - low) / 2.0
    found: Flags = far & (column >= low - reach) & (column <= high + reach)
    return found


def _beats(places: NDArray[np.int64], rows: int) -> bool:
    """Whether what is far off comes as by a clock, as a dosing pump does: hardly ever much sooner than usual."""
    if len(places) < BEATS:
        return False
    firsts = places[np.append(True, np.diff(places) > APART)]
    early = np.count_nonzero(firsts < rows / 2)
    if len(firsts) < BEATS or not len(firsts) / 4 <= early <= len(firsts) * 3 / 4:
        return False
    between = np.diff(firsts)
    return bool(np.mean(between < SOONER * np.median(between)) <= SELDOM)
