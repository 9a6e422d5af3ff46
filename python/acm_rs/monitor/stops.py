"""Ends of a scale: 20 mA, a level of 100 %, a clamped calculation. A reading there says "at least so much"."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

__all__ = ["Sides", "at_stops", "end_stops", "within"]

Matrix = NDArray[np.float64]
Vector = NDArray[np.float64]
Flags = NDArray[np.bool_]
Sides = NDArray[np.int8]

LEAST, SHARE, MOST = 20, 0.005, 0.5
"""Readings at a stop at least, as a number and as a share, and at most: where most are, the sensor rests there."""
SPELLS = 3
"""Times that it has come there at least."""
CROWDED = 3
"""Times as many readings are there as are next to it: steps of a coarse instrument are no stops."""
NEAR = 1.0
"""Robust standard deviations within which most of the readings just before and after it lie: what drops there from
anywhere is a dropout, or a machine that stops."""


def end_stops(column: Vector) -> tuple[float, float]:
    """The lowest and the highest reading of a sensor where it comes to an end of its scale over and over, else NaN."""
    known = column[~np.isnan(column)]
    found = [np.nan, np.nan]
    if len(known) < 2 * LEAST:
        return np.nan, np.nan
    for side, end in enumerate((known.min(), known.max())):
        there = column == end
        count = int(np.count_nonzero(there))
        if not max(LEAST, SHARE * len(known)) <= count <= MOST * len(known):
            continue
        others = known[known != end]
        following = others.max() if side else others.min()
        if count < CROWDED * np.count_nonzero(others == following):
            continue
        edges = np.diff(there.astype(np.int8), prepend=0, append=0)
        firsts, ends = np.flatnonzero(edges > 0), np.flatnonzero(edges < 0)
        if len(firsts) < SPELLS:
            continue
        beside = np.concatenate([column[firsts[firsts > 0] - 1], column[ends[ends < len(column)]]])
        beside = beside[~np.isnan(beside)]
        spread = 1.4826 * float(np.median(np.abs(others - np.median(others))))
        if beside.size and np.median(np.abs(beside - end)) <= NEAR * spread:
            found[side] = float(end)
    return found[0], found[1]


def at_stops(sensors: Matrix, stops: Matrix) -> Sides | None:
    """-1 where a sensor is at the lower end of its scale, 1 at the upper one, else 0; None where no reading is."""
    with np.errstate(invalid="ignore"):
        below, above = sensors <= stops[0], sensors >= stops[1]
    if not below.any() and not above.any():
        return None
    return above.astype(np.int8) - below.astype(np.int8)


def within(sensors: Matrix, at: Sides | None) -> Matrix:
    """Readings that are not at the end of their scale, the others missing."""
    return sensors if at is None else np.where(at != 0, np.nan, sensors)
