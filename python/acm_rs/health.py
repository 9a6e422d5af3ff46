"""How sensors of a healthy machine lie about what the others let expect."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from acm_rs import _native
from acm_rs.running import RunningMoments

__all__ = ["Health"]

Vector = NDArray[np.float64]
Matrix = NDArray[np.float64]

RELATED = 1e-3
"""Least variance along any axis of the correlations."""
STILL = 1e-12
"""What is less than this share of a level is its rounding, and no movement."""


class Health:
    """How sensors lie about what the others let expect, by moments. Products and axes are the engine's: their bytes do
    not depend on the linear algebra beside NumPy."""

    def __init__(self, moments: RunningMoments) -> None:
        covariance, mean = moments.covariance(0), moments.mean()
        own = np.sqrt(covariance.diagonal())
        self.moves: NDArray[np.bool_] = own > STILL * np.abs(np.nan_to_num(mean))
        self.known: NDArray[np.bool_] = ~np.isnan(mean)
        self.mean: Vector = mean
        self.scale: Vector = np.where(self.moves, own, 1.0)
        kept = np.flatnonzero(self.moves)
        self.kept: NDArray[np.intp] = kept
        self.precision: Matrix = np.zeros((0, 0))
        self.deviation: Vector = np.zeros(len(mean))
        if not len(kept):
            return
        scale = self.scale[kept]
        related = np.nan_to_num(covariance[np.ix_(kept, kept)] / scale[:, None] / scale)
        related = np.where(np.eye(len(kept), dtype=bool), 1.0, (related + related.T) / 2.0)
        values, axes = _native.symmetric_eigen(related)
        weighed = axes / np.maximum(values, RELATED)[:, None]
        self.precision = _native.product(np.ascontiguousarray(axes.T), np.ascontiguousarray(weighed))
        self.deviation[kept] = scale / np.sqrt(self.precision.diagonal())

    def shift(self, to: Vector, since: Vector) -> Vector:
        """How far it is from the one mean to the other."""
        found = np.zeros(len(to))
        gap = np.nan_to_num(to - since)
        if len(self.kept):
            scaled = gap[self.kept] / self.scale[self.kept]
            across = _native.product(np.ascontiguousarray(scaled[None]), self.precision)[0]
            found[self.kept] = across / np.sqrt(self.precision.diagonal())
        stirred = self.known & ~self.moves & (np.abs(gap) > STILL * np.abs(np.nan_to_num(self.mean)))
        found[stirred] = np.copysign(np.inf, gap[stirred])
        return found
