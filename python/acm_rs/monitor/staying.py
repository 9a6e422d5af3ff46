"""A reading that counts as none because it came and went, and that now stays: the instrument has failed, or a valve
sticks."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from acm_rs.fillers import CODE, CODES

if TYPE_CHECKING:
    from acm_rs.monitor.carried import State
    from acm_rs.monitor.cleaning import Rules

__all__ = ["STAYS", "allow", "staying", "stays_of"]

Matrix = NDArray[np.float64]
Vector = NDArray[np.float64]
Flags = NDArray[np.bool_]

STAYS = "stays at what had come and gone in the history and counted as no reading"
LEAST = 8.0
"""Rows in sequence that it has in any case, as many as a reading that is stuck."""


def stays_of(column: Vector, values: Sequence[float]) -> list[tuple[float, float]]:
    """Values, and for how many rows each may stay: twice as long as it has, and two rows more.

    What historians write where there is no reading may stay: the reading is missing.
    """
    none = _nothing(column, values)
    return [
        (value, max(LEAST, _twice(column == value, none)))
        for value in values
        if not (abs(value) >= CODE and value in CODES)
    ]


def allow(rules: Rules, raw: Matrix, rows: Flags) -> None:
    """Let them stay for as long as they do in these rows."""
    for place, own in enumerate(rules.stays):
        column = raw[:, place]
        none = _nothing(column, rules.codes[place])
        rules.stays[place] = [(value, max(most, _twice((column == value) & rows, none))) for value, most in own]


def _twice(own: Flags, none: Flags) -> float:
    return 2.0 * float(_runs(own, none, 0.0).max(initial=0.0)) + 2.0


def _nothing(column: Vector, codes: Sequence[float]) -> Flags:
    """Rows in which a sensor has no reading: none at all, or a code."""
    found: Flags = np.isnan(column) | np.isin(column, codes)
    return found


def _runs(own: Flags, none: Flags, before: float) -> Vector:
    """How often a value has come since the latest reading, counted on from `before`."""
    count = np.cumsum(own)
    base = np.maximum.accumulate(np.where(own | none, -1.0, count))
    return np.where(base >= 0.0, count - base, count + before)


def staying(rules: Rules, raw: Matrix, held: Flags, state: State) -> Flags:
    """Readings, (n, columns), that count as none and stay for longer than they may; rows that are held are none."""
    found = np.zeros(raw.shape, bool)
    pairs = [(place, value, most) for place, own in enumerate(rules.stays) for value, most in own]
    if not pairs or not len(raw):
        return found
    before = np.zeros(len(pairs)) if state.stays is None else state.stays
    after = np.zeros(len(pairs))
    for number, (place, value, most) in enumerate(pairs):
        column = np.where(held, np.nan, raw[:, place])
        own = column == value
        run = _runs(own, _nothing(column, rules.codes[place]), before[number])
        after[number] = run[-1]
        found[:, place] |= own & (run > most)
    state.stays = after if after.any() else None
    return found
