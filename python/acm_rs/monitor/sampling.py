"""Some rows of a long history, where all of them would tell no more."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

__all__ = ["enough", "spread_rows"]

GOLDEN = (5.0**0.5 - 1.0) / 2.0
LEAST, A_SENSOR = 10_000, 50
"""Rows, and rows a sensor, from which scales, regimes and what is usual are told to within a few per cent."""


def enough(sensors: int) -> int:
    """Rows that tell what many more would."""
    return max(LEAST, A_SENSOR * sensors)


def spread_rows(rows: int, most: int) -> NDArray[np.int64]:
    """The numbers of at most `most` of so many rows, rising: one of each of as many stretches, at places that keep step
    with no period of the machine (Weyl's sequence of the golden ratio)."""
    if rows <= most:
        return np.arange(rows)
    edges = np.arange(most + 1) * rows // most
    place = np.arange(most) * GOLDEN % 1.0
    return edges[:-1] + (place * np.diff(edges)).astype(np.int64)
