"""What historians write where there is no reading."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["CODE", "CODES", "many_codes"]

_FILLERS = (
    99.0,
    99.9,
    99.99,
    999.0,
    999.25,
    999.9,
    999.99,
    9999.0,
    9999.9,
    9999.99,
    99999.0,
    999999.0,
    1e30,
    1e31,
    1e38,
)
_ENDS_OF_TYPES = (32767.0, 32768.0, 65535.0, 2147483647.0, 2147483648.0, 4294967295.0, float(np.finfo(np.float32).max))
CODES = np.array([sign * value for value in (*_FILLERS, *_ENDS_OF_TYPES) for sign in (1, -1)])
"""What historians write where there is no reading; believed only where it is far outside."""
CODE = 999.0
"""Least size of what is a code however many rows have it, and of one that is no reading of a constant."""
MANY = 0.1
"""Share of its rows up to which a fit finds the codes of a sensor by itself."""


def many_codes(values: Any) -> list[tuple[int, float, float]]:
    """Sensors with so many codes that a fit does not tell them from a state: which, the code, and its share.

    `values` are an array, (n, sensors), or columns.
    """
    if isinstance(values, np.ndarray):
        if values.ndim != 2 or values.dtype.kind != "f" or not len(values):
            return []
        ends = np.array([np.fmin.reduce(values, axis=0), np.fmax.reduce(values, axis=0)])
    else:
        columns = [np.asarray(column) for column in values]
        if not columns or any(column.dtype.kind != "f" or not column.size for column in columns):
            return []
        ends = np.array([[end.reduce(column) for column in columns] for end in (np.fmin, np.fmax)])
    found = []
    for side, place in zip(*np.nonzero(np.isin(ends, CODES) & (np.abs(ends) >= CODE)), strict=True):
        code = float(ends[side, place])
        column: NDArray[Any] = np.asarray(values[:, place] if isinstance(values, np.ndarray) else values[place])
        known = column[np.isfinite(column)]
        rest = known[known != code]
        if len(known) - len(rest) <= MANY * len(column) or not rest.size:
            continue
        # Farther from all others than they are from each other.
        if np.abs(rest - code).min() > max(float(np.ptp(rest)), 1e-9 * abs(code)):
            found.append((int(place), code, (len(known) - len(rest)) / len(column)))
    return found
