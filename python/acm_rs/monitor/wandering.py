"""Sensors that wander so slowly that a history holds few of their ups and downs."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from acm_rs.monitor.relations import precision_of, product

__all__ = ["TURNS", "lasting", "leaving", "slowest", "wandering"]

Matrix = NDArray[np.float64]
Vector = NDArray[np.float64]
Flags = NDArray[np.bool_]

FEW = 8.0
"""Independent values below which a history does not say where a sensor will go."""
WILD = 5.0
"""Readings count as so many standard deviations at most."""
SMALL = 0.05
"""Autocorrelations below this are none."""
TURNS = 11.0
"""Independent values of its history that 19 in 20 random walks seem to hold no more than."""
SPURIOUS = 0.3, 2.5
"""Random walks seem to tell of one another though they do not (Granger and Newbold 1974, doi
10.1016/0304-4076(74)90034-7): in 19 of 20, what is left of one lasts the first of these numbers of the history's rows,
over the sum of the second and the number of walks, or more. As tried with 400 to 4,000 rows and 2 to 20 walks."""
SENSORS = 8
"""Columns that are transformed at once."""


def wandering(scaled: Matrix, whole: Matrix | None = None) -> tuple[Flags, Flags]:
    """Which sensors wander: their readings, or what the others do not tell of them. And which do so by themselves.

    `scaled` are rows of a running machine beside the centres of their regimes. A load that wanders is in all readings,
    a sensor that wanders alone in what it has for itself. `whole` are the same rows beside one centre, where there are
    several regimes: a load that wanders may have made them.
    """
    n, readings, left = len(scaled), *_lasting(scaled)
    walks = n < TURNS * readings
    own = left if whole is None or not walks.any() else np.minimum(left, _lasting(whole)[1])
    alone: Flags = walks & (own > n * SPURIOUS[0] / (SPURIOUS[1] + np.count_nonzero(walks)))
    found: Flags = (n < FEW * np.maximum(readings, left)) | alone
    return found, alone


def _lasting(scaled: Matrix) -> tuple[Vector, Vector]:
    """How long each sensor's readings last, and what the others do not tell of them."""
    missing = np.isnan(scaled)
    filled = np.where(missing, 0.0, np.clip(scaled, -WILD, WILD))
    filled -= filled.mean(axis=0)
    precision = precision_of(filled, missing)
    return lasting(filled), lasting(product(filled, precision) / np.diag(precision))


def leaving(scaled: Matrix, slow: Flags) -> float:
    """In which share of its rows either half leaves what the other one has seen of the sensors that wander."""
    x, middle = scaled[:, slow], len(scaled) // 2
    if not slow.any() or middle < 1:
        return 0.0
    left = 0
    for own, other in ((x[:middle], x[middle:]), (x[middle:], x[:middle])):
        low, high = np.fmin.reduce(other), np.fmax.reduce(other)
        left += int(np.count_nonzero(((own < low) | (own > high)).any(axis=1)))
    return left / len(x)


def slowest(scaled: Matrix) -> float:
    """Rows that count as one independent reading of the sensor that goes up and down most slowly."""
    filled = np.nan_to_num(np.clip(scaled, -WILD, WILD))
    return float(lasting(filled).max(initial=1.0))


def lasting(rows: Matrix) -> Vector:
    """Rows that count as one independent value, by the sum of each column's autocorrelations."""
    n, d = rows.shape
    lags = n // 3
    # Zeros behind the rows for the lags that count; a size of small factors.
    unit = 1 << max(0, (n + lags).bit_length() - 4)
    size = -(-(n + lags) // unit) * unit
    found = np.empty(d)
    for first in range(0, d, SENSORS):
        columns = np.ascontiguousarray(rows[:, first : first + SENSORS].T)
        columns -= columns.mean(axis=1, keepdims=True)
        auto = np.fft.irfft(np.square(np.abs(np.fft.rfft(columns, size))), size)[:, :lags]
        auto /= np.where(auto[:, :1] > 0.0, auto[:, :1], 1.0)
        # Up to the first that is small, as Geyer's initial sequence.
        small = np.where((auto < SMALL).any(axis=1), (auto < SMALL).argmax(axis=1), lags)
        inside = np.arange(lags) < small[:, None]
        found[first : first + SENSORS] = 2.0 * np.sum(auto * inside, axis=1) - 1.0
    return found
