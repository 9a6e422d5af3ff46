"""What becomes of a period of healthy rows that is to be learnt."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

__all__ = ["Period"]

Vector = NDArray[np.float64]


class Period(NamedTuple):
    """What became of a period.

    Attributes
    ----------
    taken : bool
        Whether it was learnt.
    rows, alarms : int
        Its rows, and those of them in alarm, which are not learnt.
    moved : array of float64, shape (d,)
        How far health would stand from where it stood a halflife before, for each sensor in standard deviations of what
        the others let expect; infinite for one that stood still and moves.
    grown : array of float64, shape (d,)
        By which share that deviation would have grown.
    refused : tuple of str or int
        Sensors beyond the limit, the furthest first, by name, or by column where they have no names. A sensor that
        left alone moves further than all others.
    """

    taken: bool
    rows: int
    alarms: int
    moved: Vector
    grown: Vector
    refused: tuple[Any, ...]
