"""What historians write where there is no reading."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["CODE", "CODES", "many_codes", "some_of", "strange", "warn_of_codes"]

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
SOME = 1000
"""Rows that are looked at first."""


def some_of(values: NDArray[Any], most: int) -> NDArray[Any]:
    """At least `most` of the values, one drawn from each few: at even distances all might be of one phase of a beat."""
    step = max(1, values.size // most)
    if step == 1:
        return values
    places = step * np.arange(values.size // step)
    return values[places + np.random.default_rng(0).integers(step, size=len(places))]


def strange(column: NDArray[Any], codes: Any) -> NDArray[np.bool_]:
    """Whether codes of a column are beyond doubt: farther from its other readings than those are wide and large.

    A speed of 999 beside one of 950 is none, nor is 999 in a column that reads nothing else.
    """
    codes = np.atleast_1d(codes)
    rest = column[np.isfinite(column) & ~np.isin(column, CODES.astype(column.dtype))].astype(np.float64)
    if not rest.size:
        return np.zeros(codes.shape, bool)
    low, middle, high = np.quantile(rest, [0.01, 0.5, 0.99])
    far: NDArray[np.bool_] = np.abs(codes - middle) > abs(middle) + (high - low)
    return far & (np.abs(codes) >= CODE)


def many_codes(values: Any) -> list[tuple[int, float, float]]:
    """Sensors with so many codes that a fit does not tell them from a state: which, the code, and its share.

    `values` are an array, (n, sensors), or columns.
    """
    if isinstance(values, np.ndarray):
        if values.ndim != 2:
            return []
        values = list(values.T)
    found = []
    for place, given in enumerate(values):
        column = np.asarray(given)
        if column.dtype.kind != "f" or not column.size:
            return []
        # What stands in so many rows some of them tell.
        some = some_of(column, SOME)
        codes, counts = np.unique(some, return_counts=True)
        codes = codes[(counts >= MANY / 2.0 * some.size) & np.isin(codes, CODES.astype(column.dtype))]
        for code in codes[strange(column, codes)].tolist() if codes.size else []:
            share = float(np.mean(column == code))
            if MANY < share < 1.0:
                found.append((place, code, share))
    return found


def warn_of_codes(values: Any, names: Sequence[str] | None, depth: int) -> None:
    """Warn of what `many_codes` finds, on behalf of the caller so many calls above."""
    for place, code, share in many_codes(values)[:8]:
        sensor = f"column {place}" if names is None else repr(names[place])
        # As it is written, whatever the precision that it came in.
        code = min(CODES.tolist(), key=lambda one: abs(one - code))
        warnings.warn(
            f"{sensor} reads {code:.15g} in {100.0 * share:.0f} % of the rows, far from all else it reads: it is "
            "learnt as it is; where it says that there is no reading, give NaN",
            UserWarning,
            stacklevel=depth + 1,
        )
