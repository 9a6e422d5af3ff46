"""How the sensors of a plant move together: what each should read, given the others."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from acm_rs import _native

__all__ = [
    "Relations",
    "axes_of",
    "inverse_of",
    "own_precision",
    "product",
    "products_of",
    "slopes_on",
    "solve_missing",
]

Matrix = NDArray[np.float64]
Vector = NDArray[np.float64]
Flags = NDArray[np.bool_]

CURVED = 2
"""Principal components whose squares and product count as covariates: relations may bend."""
REACH = 1.25
"""Components beyond so many times their training range bend no further."""
CAUTION = 3.0
"""Ridge of the covariance for each sensor over the number of rows, in units of its own noise."""
FEW_ROWS = 0.05
"""What the variances of scaled sensors gain where rows are about as many as sensors."""
TRIM = 0.05
"""Most training rows that are left out as far from the others."""


def product(rows: Matrix, matrix: Matrix) -> Matrix:
    """Rows times a matrix. A row's bytes do not depend on which others come with it, as those of `@` do."""
    if not (rows.size and matrix.size):
        return np.zeros((len(rows), matrix.shape[1]))
    return _native.product(rows, matrix)


def products_of(rows: Matrix) -> Matrix:
    """Sums of products of all pairs of columns. `rows.T @ rows` has other bytes with other threads or processors."""
    if not rows.size:
        return np.zeros((rows.shape[1], rows.shape[1]))
    return _native.gram(rows)


def axes_of(matrix: Matrix) -> Matrix:
    """Eigenvectors of a symmetric matrix, a column each, that of the largest value first."""
    return np.ascontiguousarray(_native.symmetric_eigen(matrix)[1].T)


def inverse_of(matrix: Matrix) -> Matrix:
    """The inverse of a positive definite matrix."""
    return _native.cholesky_solve(matrix, np.eye(len(matrix)))


def slopes_on(design: Matrix, rows: Matrix, count: int, keep: Flags | None = None) -> Matrix:
    """Least squares of all columns of `rows` on those of `design`, the first of which is the constant, in the rows to
    `keep`; a small ridge of `count` rows on the others, as states may hardly change."""
    k = design.shape[1]
    both = np.hstack([design, rows])
    products = products_of(both) if keep is None else _products(both, keep)
    ridge = np.diag(np.r_[0.0, np.full(k - 1, 1e-3 * count)])
    return _native.cholesky_solve(products[:k, :k] + ridge, products[:k, k:])


def solve_missing(rows: Matrix, missing: Flags, precision: Matrix) -> Matrix:
    """Rows with their missing places at the conditional expectation of a centred normal law with this precision."""
    found = rows.copy()
    hit = np.flatnonzero(missing.any(axis=1))
    if len(hit):
        found[hit] = _native.filled_rows(np.where(missing[hit], np.nan, rows[hit]), precision)
    return found


def own_precision(missing: Flags, precision: Matrix) -> Matrix:
    """The precision of each sensor given those that are known in its row."""
    if not missing.size:
        return np.zeros(missing.shape)
    return _native.row_precisions(np.where(missing, np.nan, 0.0), precision)


class Relations:
    """A normal law of the watched sensors around what states, and bends of the main components, let expect.

    All in scaled units: sensors less the centre of their regime, over the plant's scale.
    """

    def __init__(self, **parts: Any) -> None:
        self.first: Matrix = parts["first"]
        """Precision of sensors and covariates before bends, for what is missing."""
        self.axes: Matrix = parts["axes"]
        """Main components, a column each."""
        self.ends: Matrix = parts["ends"]
        """Their training range, (2, components)."""
        self.slopes: Matrix = parts["slopes"]
        """What a covariate adds to each sensor, (covariates, sensors)."""
        self.offset: Vector = parts["offset"]
        self.precision: Matrix = parts["precision"]
        self.kept: Flags = np.ones(0, bool)
        """Of the rows that it was just fitted on those that are near the others."""
        self.rounding: Vector | None = None
        """Variance of what was rounded away of each sensor."""

    def arrays(self) -> dict[str, Matrix]:
        """Its state."""
        return {name: np.ascontiguousarray(getattr(self, name)) for name in self.fields()}

    @staticmethod
    def fields() -> tuple[str, ...]:
        """The names of its arrays."""
        return ("first", "axes", "ends", "slopes", "offset", "precision")

    @classmethod
    def fit(cls, sensors: Matrix, states: Matrix) -> Relations:
        """Learn from scaled rows (NaN is missing); `states` have no gaps."""
        n, d = sensors.shape
        filled = np.empty((n, d + states.shape[1]))
        filled[:, :d], filled[:, d:] = sensors, states
        missing = np.isnan(filled)
        hit = np.flatnonzero(missing.any(axis=1))
        missing, gaps = missing[hit], filled[hit]
        filled[hit] = np.where(missing, 0.0, gaps)
        keep = np.ones(n, bool)
        for _ in range(3):
            first = _precision(filled, keep, missing[keep[hit]])
            if len(hit):
                filled[hit] = _native.filled_rows(gaps, first)
            keep = near(filled, first)
        own = filled[:, :d]
        axes = np.ascontiguousarray(axes_of(_products(filled, keep)[:d, :d])[:, : min(CURVED, d - 1)])
        main = product(own, axes)
        ends = np.array([main[keep].min(axis=0), main[keep].max(axis=0)]) if axes.shape[1] else np.zeros((2, 0))
        around = (ends[0] + ends[1]) / 2.0
        ends = np.array([around + REACH * (end - around) for end in ends])
        model = cls(first=first, axes=axes, ends=ends, slopes=np.zeros((0, d)), offset=np.zeros(d), precision=np.eye(d))
        given = model.covariates(own, states)
        weights = slopes_on(np.hstack([np.ones((n, 1)), given]), own, n, keep)
        model.offset, model.slopes = weights[0], weights[1:]
        left = own - model.offset
        left -= product(given, model.slopes)
        model.precision = _precision(left, keep, missing[keep[hit], :d])
        model.kept = keep
        return model

    def covariates(self, filled: Matrix, states: Matrix) -> Matrix:
        """States, and squares and product of the main components."""
        main = np.minimum(np.maximum(product(filled, self.axes), self.ends[0]), self.ends[1])
        pairs = [(a, b) for a in range(main.shape[1]) for b in range(a + 1)]
        count = states.shape[1]
        found = np.empty((len(filled), count + len(pairs)))
        found[:, :count] = states
        for place, (a, b) in enumerate(pairs, count):
            np.multiply(main[:, a], main[:, b], out=found[:, place])
        return found

    def look(self, sensors: Matrix, states: Matrix, slow: int = 0) -> tuple[Matrix, Matrix, Matrix, Matrix]:
        """Filled rows; those less states and bends, but for the last `slow` states; what each reads
        more than the others let expect; and that with the spread that it has where all are known."""
        d = sensors.shape[1]
        missing = np.isnan(sensors)
        both = np.hstack([sensors, states])
        filled = solve_missing(both, np.isnan(both), self.first)[:, :d]
        given = self.covariates(filled, states)
        left = filled - self.offset - product(given, self.slopes)
        if missing.any():
            # With the bends known, what is missing is known better.
            better = solve_missing(left, missing, self.precision)
            filled += np.where(missing, better - left, 0.0)
            left = better
        lately = slice(states.shape[1] - slow, states.shape[1])
        straight = left + product(given[:, lately], self.slopes[lately])
        force, own = product(left, self.precision), np.diag(self.precision)
        if self.rounding is not None:
            # What was most likely rounded away, given all sensors.
            away = force * self.rounding
            filled, straight = filled - away, straight - away
        residual = off = force / own
        hit = np.flatnonzero(missing.any(axis=1))
        if len(hit):
            # The fewer others are known, the more a sensor leans on itself in what was filled.
            known = own_precision(missing[hit], self.precision)
            residual, off = residual.copy(), residual.copy()
            off[hit] = force[hit] / known
            residual[hit] = force[hit] / np.sqrt(known * own)
        return filled, straight, off, residual

    def with_rounding(self, variance: Vector) -> Relations:
        """The same where readings have noise of their own that the training did not have."""
        more = np.zeros(len(self.first))
        more[: len(variance)] = variance
        parts = {name: getattr(self, name) for name in self.fields()}
        first, precision = (_noisier(self.first, more), _noisier(self.precision, variance))
        found = Relations(**parts | {"first": first, "precision": precision})
        found.rounding = variance
        return found

    def told_of_others(self, own: Matrix) -> Matrix:
        """What is in the residuals because sensors are off by so much."""
        found: Matrix = product(own, self.precision) / np.diag(self.precision)
        return found


def _noisier(precision: Matrix, variance: Vector) -> Matrix:
    """The precision of a law with some more variance of its own in each variable."""
    inverse = inverse_of(inverse_of(precision) + np.diag(variance))
    found: Matrix = (inverse + inverse.T) / 2.0
    return found


def near(filled: Matrix, precision: Matrix) -> Flags:
    """Rows that are not far from the others; at most one in twenty is."""
    distance = product(filled, precision)
    distance *= filled
    distance = distance.sum(axis=1)
    middle = float(np.median(distance))
    # The median and the .9995 quantile of chi squared with as many degrees of freedom, by Wilson and Hilferty.
    d = filled.shape[1]
    wide = (1.0 - 2.0 / (9 * d) + 3.29 * np.sqrt(2.0 / (9 * d))) ** 3 / (1.0 - 2.0 / (9 * d)) ** 3
    limit = max(1.5 * wide * middle, float(np.quantile(distance, 1.0 - TRIM)))
    return distance <= limit


def precision_of(filled: Matrix, missing: Flags) -> Matrix:
    """The inverse of a covariance about zero, with a ridge; what was filled counts with the spread it has lost."""
    return _inverse(products_of(filled), len(filled), missing.sum(axis=0))


def _products(rows: Matrix, keep: Flags) -> Matrix:
    """Sums of products of all pairs of columns in the rows to keep; the others are zeros meanwhile, none is copied."""
    gone = np.flatnonzero(~keep)
    if not len(gone):
        return products_of(rows)
    held = rows[gone]
    rows[gone] = 0.0
    found = products_of(rows)
    rows[gone] = held
    return found


def _precision(filled: Matrix, keep: Flags, missing: Flags) -> Matrix:
    """The same of the rows to keep; `missing` has those of them where something is."""
    return _inverse(_products(filled, keep), int(np.count_nonzero(keep)), missing.sum(axis=0))


def _inverse(products: Matrix, n: int, lacking: NDArray[np.int64]) -> Matrix:
    """The same from sums of products of `n` rows, in which columns lack so many readings."""
    d = len(products)
    if d == 0:
        return np.zeros((0, 0))
    level = np.sqrt(np.diag(products) / n)
    level[level < 1e-9] = 1.0
    # Of about as many rows as sensors the others seem to tell all of each, which no further row confirms; of far fewer
    # rows many laws do, and the least of them is a mild one.
    covariance = products / n / level[:, None] / level
    covariance += (FEW_ROWS if d < 2 * n < 4 * d else 1e-6) * np.eye(d)
    # What the others leave of each sensor is the scale of its noise; few rows know it less well.
    own = 1.0 / np.diag(inverse_of(covariance))
    covariance += np.diag(own * (min(1.0, CAUTION * d / n) + lacking / n))
    inverse = inverse_of(covariance)
    found: Matrix = (inverse + inverse.T) / 2.0 / level[:, None] / level
    return found
