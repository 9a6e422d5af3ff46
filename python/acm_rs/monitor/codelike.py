"""A reading that comes over and over, far from all others of its sensor, while no other sensor changes: a code?"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from acm_rs.monitor.sampling import enough, spread_rows

__all__ = ["codelike"]

OFTEN, MOST = 0.02, 0.6
"""Share of the readings that it is at least and at most: less is left out as a spike, and more is the rule."""
FEW = 50
"""Other readings that tell how wide a sensor reads."""
FAR = 0.5
"""Times the inner 99 % of the other readings by which it lies beyond them."""
ALIKE = 0.5
"""Quartile ranges by which the medians of the other sensors differ at most."""


def codelike(
    names: Sequence[str], values: NDArray[np.float64], rows: NDArray[np.int64], watched: NDArray[np.bool_]
) -> list[tuple[str, float, float]]:
    """Such sensors among the columns, what they read, and in which share of their readings."""
    places = np.flatnonzero(watched)
    some = values[rows[spread_rows(len(rows), enough(len(places)))]][:, places]
    found = []
    for place, column in enumerate(some.T):
        known = column[~np.isnan(column)]
        if known.size <= FEW:
            continue
        for value in (known.min(), known.max()):
            own = column == value
            share = np.count_nonzero(own) / known.size
            others = known[known != value]
            if not OFTEN <= share <= MOST or others.size < FEW:
                continue
            low, high = np.quantile(others, [0.005, 0.995])
            if max(low - value, value - high) > FAR * (high - low) and _as_ever(some, own, place):
                found.append((names[places[place]], float(value), float(share)))
                break
    return found


def _as_ever(values: NDArray[np.float64], own: NDArray[np.bool_], place: int) -> bool:
    """Whether the other sensors read in these rows what they read in the rest."""
    rest = ~own & ~np.isnan(values[:, place])
    others = np.delete(values, place, axis=1)
    told = False
    for column in others.T:
        here, there = column[own], column[rest]
        here, there = here[~np.isnan(here)], there[~np.isnan(there)]
        if min(here.size, there.size) < FEW // 2:
            continue
        low, middle, high = np.quantile(there, [0.25, 0.5, 0.75])
        if abs(float(np.median(here)) - middle) > ALIKE * (high - low):
            return False
        told = True
    return told
