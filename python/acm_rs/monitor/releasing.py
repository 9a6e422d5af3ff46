"""Slow means that let go of what is over."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from acm_rs import _native

__all__ = ["released", "room_between"]

Matrix = NDArray[np.float64]
Vector = NDArray[np.float64]
Flags = NDArray[np.bool_]

NOISE = 2.0
"""Standard deviations of a quick mean that a slow one may be farther off."""


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
    kept, after = _native.released(values, trace, room, known, memory, off)
    values[...] = kept
    found: Vector = after
    return found
