"""Sensors that wander so slowly that a history holds few of their ups and downs."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from acm_rs.monitor.relations import precision_of, product

__all__ = ["lasting", "wandering"]

Matrix = NDArray[np.float64]
Vector = NDArray[np.float64]
Flags = NDArray[np.bool_]

FEW = 8.0
"""Independent values below which a history does not say where a sensor will go."""
WILD = 5.0
"""Readings count as so many standard deviations at most."""


def wandering(scaled: Matrix) -> Flags:
    """Which sensors wander: their readings, or what the others do not tell of them.

    `scaled` are rows of a running machine beside the centres of their regimes. A load that wanders is in all readings,
    a sensor that wanders alone in what it has for itself.
    """
    missing = np.isnan(scaled)
    filled = np.where(missing, 0.0, np.clip(scaled, -WILD, WILD))
    filled -= filled.mean(axis=0)
    precision = precision_of(filled, missing)
    own = product(filled, precision) / np.diag(precision)
    found: Flags = len(scaled) < FEW * np.maximum(lasting(filled), lasting(own))
    return found


def lasting(rows: Matrix) -> Vector:
    """Rows that count as one independent value, by the sum of each column's autocorrelations."""
    n = len(rows)
    centred = rows - rows.mean(axis=0)
    size = 1 << (2 * n - 1).bit_length()
    power = np.square(np.abs(np.fft.rfft(centred, size, axis=0)))
    auto = np.fft.irfft(power, size, axis=0)[: n // 3]
    auto = auto / np.where(auto[0] > 0.0, auto[0], 1.0)
    # Up to the first that is small, as Geyer's initial sequence.
    small = np.where((auto < 0.05).any(axis=0), (auto < 0.05).argmax(axis=0), len(auto))
    inside = np.arange(len(auto))[:, None] < small
    found: Vector = 2.0 * np.sum(auto * inside, axis=0) - 1.0
    return found
