"""The plane of T² and SPE: how far from the middle of what was learnt, and how far out of its relations."""

from __future__ import annotations

from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

from acm_rs.monitor.relations import product
from acm_rs.monitor.watches import Watches

__all__ = ["KEPT", "plane"]

Matrix = NDArray[np.float64]

KEPT = 0.9
"""Share of the variance that the main components keep."""
RATE = 0.01
"""Share of healthy rows of a normal law beyond each limit."""


def plane(watches: Watches, values: Matrix, expected: Matrix, regimes: NDArray[np.int64]) -> Matrix:
    """T² and SPE of each row, each over its limit, (n, 2); NaN where nothing is expected.

    T² is the squared distance along the main components, each in its standard deviations; SPE is what they leave,
    squared and summed. The limits are those of sums of squares of a normal law with the variances learnt: chi squared,
    and Box's for SPE (Box, Some theorems on quadratic forms, Annals of Mathematical Statistics 25, 1954, doi
    10.1214/aoms/1177728786).
    """
    found = np.full((len(values), 2), np.nan)
    # Behind the sensors that are watched may stand constants that have moved.
    d = len(watches.scale)
    values, expected = values[:, :d], expected[:, :d]
    if d < 2 or not watches.axes.size:
        return found
    spreads = np.square(watches.level_scale)
    order = np.argsort(-spreads.mean(axis=0), kind="stable")
    share = np.cumsum(spreads.mean(axis=0)[order]) / spreads.mean(axis=0).sum()
    count = min(int(np.searchsorted(share, KEPT)) + 1, d - 1)
    main, rest = order[:count], order[count:]
    centres = watches.regimes.centres[:, watches.watched]
    for number in range(len(centres)):
        # Regimes are counted from the two that are not running.
        rows = np.flatnonzero((regimes == number + 2) & ~np.isnan(expected).all(axis=1))
        if not rows.size:
            continue
        filled = np.where(np.isnan(values[rows]), expected[rows], values[rows])
        # What wanders by itself has no place of its own to be far from.
        middle = np.where(watches.follows > 0.0, expected[rows], centres[number])
        along = product((filled - middle) / watches.scale, watches.axes)
        squares, variances = np.square(along), spreads[number]
        found[rows, 0] = (squares[:, main] / variances[main]).sum(axis=1) / chi_squared(float(count), RATE)
        left = variances[rest]
        scale, freedom = np.square(left).sum() / left.sum(), left.sum() ** 2 / np.square(left).sum()
        found[rows, 1] = squares[:, rest].sum(axis=1) / (scale * chi_squared(float(freedom), RATE))
    return found


def chi_squared(freedom: float, rate: float) -> float:
    """The value of chi squared that a share `rate` exceeds, by Wilson and Hilferty (to 1 % from one degree on)."""
    z = NormalDist().inv_cdf(1.0 - rate)
    return float(freedom * (1.0 - 2.0 / (9.0 * freedom) + z * np.sqrt(2.0 / (9.0 * freedom))) ** 3)
