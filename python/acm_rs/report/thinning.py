"""Long histories for the eye: as many points as a screen can show, with the extremes kept."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

__all__ = ["Buckets"]

Vector = NDArray[np.float64]
Matrix = NDArray[np.float64]

GAP = 3.0
"""Usual steps between two rows beyond which a line is broken."""


class Buckets:
    """Equal stretches of an axis and the rows in each.

    Parameters
    ----------
    when : array of float64, shape (n,)
        Where the rows are on the axis, never going back.
    most : int
        Buckets at most. Fewer rows than half of them have one each.

    Attributes
    ----------
    edges : array of float64, shape (k + 1,)
        Where the buckets begin and end on the axis.
    """

    def __init__(self, when: Vector, most: int) -> None:
        n = len(when)
        self.when = when
        steps = np.diff(when)
        moved = steps[steps > 0.0]
        self.step: float = float(np.median(moved)) if moved.size else 1.0
        begin, end = float(when[0]), float(when[-1]) + self.step
        self.each_row: bool = n * 2 <= most or (
            n <= most and moved.size == n - 1 and float(steps.max()) <= GAP * self.step
        )
        if self.each_row:
            # A gap is a bucket of its own, without rows.
            gaps = np.flatnonzero(steps > GAP * self.step)
            self.edges: NDArray[np.float64] = np.unique(np.concatenate([when, when[gaps] + self.step, [end]]))
        else:
            width = max((end - begin) / most, self.step)
            count = max(1, int(np.ceil((end - begin) / width - 1e-9)))
            self.edges = begin + (end - begin) * np.arange(count + 1) / count
        self.first: NDArray[np.intp] = np.searchsorted(when, self.edges[:-1], side="left")
        counts = np.diff(np.append(self.first, n))
        self.filled: NDArray[np.bool_] = counts > 0
        self._starts = self.first[self.filled]

    def __len__(self) -> int:
        return len(self.first)

    @property
    def middles(self) -> Vector:
        """The middle of each bucket on the axis; where each row has its own, the row."""
        return self.edges[:-1] if self.each_row else (self.edges[1:] + self.edges[:-1]) / 2.0

    def most(self, values: Matrix) -> Matrix:
        """The largest value of each bucket; NaN where it has none."""
        return self._spread(np.fmax.reduceat(values, self._starts, axis=0))

    def least(self, values: Matrix) -> Matrix:
        """The smallest value of each bucket; NaN where it has none."""
        return self._spread(np.fmin.reduceat(values, self._starts, axis=0))

    def farthest(self, values: Matrix) -> Matrix:
        """The value of each bucket that is farthest from zero, with its sign."""
        low, high = self.least(values), self.most(values)
        with np.errstate(invalid="ignore"):
            return np.where(-low > high, low, high)

    def means(self, values: Matrix) -> Matrix:
        """The mean of the values that each bucket has; NaN where it has none."""
        known = ~np.isnan(values)
        count = np.add.reduceat(known, self._starts, axis=0, dtype=np.float64)
        total = np.add.reduceat(np.where(known, values, 0.0), self._starts, axis=0)
        return self._spread(np.divide(total, count, out=np.full(total.shape, np.nan), where=count > 0))

    def usual(self, labels: NDArray[np.int64], kinds: int) -> Vector:
        """The label that most rows of each bucket have; NaN where it has no rows."""
        counts = [np.add.reduceat(labels == kind, self._starts, dtype=np.int64) for kind in range(kinds)]
        return self._spread(np.argmax(counts, axis=0).astype(np.float64))

    def line(self, values: Vector) -> tuple[Vector, Vector]:
        """A line through the extremes: each bucket's smallest and largest value, broken where rows are missing."""
        middles = self.middles
        if self.each_row:
            return middles, self.means(values)
        both = np.column_stack([self.least(values), self.most(values)])
        # From low to high and back from high to low, so that neighbours touch.
        both[1::2] = both[1::2, ::-1]
        return np.repeat(middles, 2), both.ravel()

    def _spread(self, found: Matrix) -> Matrix:
        """What the buckets with rows have, among all of them."""
        whole = np.full((len(self), *found.shape[1:]), np.nan)
        whole[self.filled] = found
        return whole
