"""Slow means that let go of what is over."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

__all__ = ["released", "room_between"]

Matrix = NDArray[np.float64]
Vector = NDArray[np.float64]
Flags = NDArray[np.bool_]

NOISE = 2.0
"""Standard deviations of a quick mean that a slow one may be farther off."""
TINY = 1e-3
"""What has been taken off counts as long as it is this share of the room."""


def room_between(slow: float, quick: float) -> float:
    """By how many of its own standard deviations a slow mean may be farther off than a quick one shows, where both are
    means of independent rows. It is above the limit: what just alarms is not let go of."""
    return NOISE * float(np.sqrt(quick / (2.0 - quick) / (slow / (2.0 - slow))))


def released(values: Matrix, trace: Matrix, room: Matrix, memory: float, known: Flags, off: Vector) -> Vector:
    """Keep slow means within `room` of what the quick ones, `trace`, show of the same direction; they take their place.

    What is taken off a mean stays off, and is forgotten as the mean forgets: it goes on as if it had been there.
    `known` are the readings that the means have taken in, `off` what had been taken off before the first row. Gives
    what has been taken off after the last.
    """
    upper, lower = np.maximum(trace, 0.0) + room, np.minimum(trace, 0.0) - room
    beyond = np.flatnonzero(((values > upper) | (values < lower)).any(axis=1))
    row = 0
    while row < len(values):
        if not off.any():
            place = int(np.searchsorted(beyond, row))
            if place == len(beyond):
                break
            row = int(beyond[place])
        off = np.where(known[row], off * (1.0 - memory), off)
        own = values[row] + off
        kept = np.minimum(np.maximum(own, lower[row]), upper[row])
        more = kept - own
        off = off + np.where(np.isnan(more), 0.0, more)
        off = np.where(np.abs(off) < TINY * room[min(row, len(room) - 1)], 0.0, off)
        values[row] = kept
        row += 1
    return off
