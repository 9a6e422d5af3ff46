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
Labels = NDArray[np.int64]

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
COMPLETE = 10
"""Rows without gaps for each column from which on those tell first what is missing in the others."""
DOUBT = 0.05
"""Share of a residual's variance that may stem from where an unknown state is, beside what the sensors tell of it: that
comes and goes slowly, as no noise does, and makes means of many rows alarm."""


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
    products = products_of(both) if keep is None else products_among(both, keep)
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
        """Variance of what was rounded away of each sensor and state."""
        self.directions: dict[str, tuple[Vector, Any]] = {}
        """What shifts of the sensors do, as it was asked for."""
        self.without: dict[int, tuple[Vector, Any]] = {}
        """What it does to the others that some sensors are dead, as it was asked for."""
        self._joint: tuple[Matrix, Matrix] | None = None

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
        if len(hit) and n - len(hit) >= COMPLETE * filled.shape[1]:
            # Where readings are missing at one end of a range, means in their place would bend all.
            keep[hit] = False
        for _ in range(3):
            first = _precision(filled, keep, missing[keep[hit]])
            if len(hit):
                filled[hit] = _native.filled_rows(gaps, first)
            keep = near(filled, first)
        own = filled[:, :d]
        axes = np.ascontiguousarray(axes_of(products_among(filled, keep)[:d, :d])[:, : min(CURVED, d - 1)])
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
        more than the others let expect; and that with the spread that it has where all are known, NaN for sensors that
        lean on a missing state of which the others tell too little."""
        d = sensors.shape[1]
        missing = np.isnan(sensors)
        both = np.hstack([sensors, states])
        filled = solve_missing(both, np.isnan(both), self.first)
        filled, states = filled[:, :d], filled[:, d:]
        given = self.covariates(filled, states)
        left = filled - self.offset - product(given, self.slopes)
        if missing.any():
            # With the bends known, what is missing is known better.
            better = solve_missing(left, missing, self.precision)
            filled += np.where(missing, better - left, 0.0)
            left = better
        unsure = np.flatnonzero(np.isnan(both[:, d:]).any(axis=1))
        if len(unsure):
            known, doubt = self._without_states(unsure, both, filled, left, given)
        lately = slice(states.shape[1] - slow, states.shape[1])
        straight = left + product(given[:, lately], self.slopes[lately])
        force, own = product(left, self.precision), np.diag(self.precision)
        if self.rounding is not None:
            # What was most likely rounded away, given all sensors.
            away = force * self.rounding[:d]
            filled, straight = filled - away, straight - away
            if self.rounding[d:].any():
                lines = self.slopes[: states.shape[1]]
                straight -= product(product(force, np.ascontiguousarray(lines.T)) * self.rounding[d:], lines)
        residual = off = force / own
        hit = np.flatnonzero(np.isnan(both).any(axis=1))
        if len(hit):
            # The fewer others are known, the more a sensor leans on itself in what was filled.
            precisions = own_precision(missing[hit], self.precision)
            if len(unsure):
                precisions[np.searchsorted(hit, unsure)] = known
            residual, off = residual.copy(), residual.copy()
            off[hit] = force[hit] / precisions
            residual[hit] = force[hit] / np.sqrt(precisions * own)
        if len(unsure):
            residual[unsure] = np.where(doubt, np.nan, residual[unsure])
            # Where all sensors are known to belong together they read what the others let expect.
            open_places = doubt | missing[unsure]
            usual = solve_missing(left[unsure], open_places, self.precision)
            usual += product(given[unsure, lately], self.slopes[lately])
            straight[unsure] = np.where(doubt, usual, straight[unsure])
        return filled, straight, off, residual

    def _without_states(
        self, rows: Labels, both: Matrix, filled: Matrix, left: Matrix, given: Matrix
    ) -> tuple[Matrix, Flags]:
        """Put rows with missing states at what sensors and the other states let expect; the precision of each sensor
        there, and which sensors lean on those states too much."""
        d, count = filled.shape[1], both.shape[1] - filled.shape[1]
        joint, alone = self._joint_law()
        lines = self.slopes[:count]
        before = left[rows] + product(given[rows, :count], lines)
        gone = np.isnan(both[rows])
        found = _native.filled_rows(np.where(gone, np.nan, np.hstack([before, both[rows, d:]])), joint)
        filled[rows] += np.where(gone[:, :d], found[:, :d] - before, 0.0)
        given[rows, :count] = found[:, d:]
        left[rows] = found[:, :d] - product(found[:, d:], lines)
        known = own_precision(gone, joint)[:, :d]
        share = np.zeros(known.shape)
        for place in np.flatnonzero(gone[:, d:].any(axis=0)).tolist():
            # One standard deviation of the state beside what the other states tell of it.
            others = gone[:, d:].copy()
            others[:, place] = False
            spread = np.where(gone[:, d + place], 1.0 / np.sqrt(own_precision(others, alone)[:, place]), 0.0)
            moved = np.zeros(gone.shape)
            moved[:, :d] = spread[:, None] * lines[place]
            moved = _native.filled_rows(np.where(gone, np.nan, moved), joint)
            moved = product(moved[:, :d] - product(moved[:, d:], lines), self.precision)
            share += np.square(moved) / known
        return known, share > DOUBT

    def _joint_law(self) -> tuple[Matrix, Matrix]:
        """The precision of sensors, beside their bends, and states together, and that of the states alone."""
        if self._joint is None:
            d = len(self.precision)
            alone = inverse_of(inverse_of(self.first)[d:, d:])
            lines = self.slopes[: len(alone)]
            pull = product(lines, self.precision)
            joint = np.block([[self.precision, -pull.T], [-pull, alone + product(pull, np.ascontiguousarray(lines.T))]])
            self._joint = (joint + joint.T) / 2.0, (alone + alone.T) / 2.0
        return self._joint

    def with_rounding(self, variance: Vector) -> Relations:
        """The same where readings of sensors and states have noise of their own that the training did not have."""
        d = len(self.precision)
        lines = self.slopes[: len(self.first) - d]
        parts = {name: getattr(self, name) for name in self.fields()}
        own = np.diag(variance[:d])
        if variance[d:].any():
            own = own + product(np.ascontiguousarray(lines.T) * variance[d:], lines)
        first, precision = (_noisier(self.first, np.diag(variance)), _noisier(self.precision, own))
        found = Relations(**parts | {"first": first, "precision": precision})
        found.rounding = variance
        return found

    def told_by(self, place: int) -> float:
        """The precision with which the sensors tell a state."""
        line = self.slopes[place : place + 1]
        return float((product(line, self.precision) * line).sum())

    def told_of_others(self, own: Matrix) -> Matrix:
        """What is in the residuals because sensors are off by so much."""
        found: Matrix = product(own, self.precision) / np.diag(self.precision)
        return found


def _noisier(precision: Matrix, covariance: Matrix) -> Matrix:
    """The precision of a law with some more noise."""
    inverse = inverse_of(inverse_of(precision) + covariance)
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


def products_among(rows: Matrix, keep: Flags) -> Matrix:
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
    return _inverse(products_among(filled, keep), int(np.count_nonzero(keep)), missing.sum(axis=0))


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
