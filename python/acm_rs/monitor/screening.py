"""Readings of the training that the other sensors of their rows belie: an instrument was wrong, not the machine."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from acm_rs.detectors import MahalanobisDetector
from acm_rs.monitor.alarms import BRIDGE
from acm_rs.monitor.quiet import quietly
from acm_rs.monitor.recurring import recurring
from acm_rs.monitor.regimes import Regimes
from acm_rs.monitor.relations import inverse_of, product, slopes_on
from acm_rs.monitor.sampling import enough, spread_rows
from acm_rs.monitor.watches import state_scales

__all__ = ["belied", "seeming"]

Matrix = NDArray[np.float64]
Vector = NDArray[np.float64]
Flags = NDArray[np.bool_]
Labels = NDArray[np.int64]

SHARE = 0.005
"""Share of the rows from which on they count: the limits bear fewer."""
PART = 4
"""At most one in so many sensors is wrong in a row; where more are, the machine does something else."""
NEARLY = 0.8
"""Share of the rows of a regime that must have such readings for it to be none."""
NORMAL = 3.29
"""The .9995 quantile of the standard normal distribution."""


def belied(scaled: Matrix, states: Matrix, regimes: Labels | None = None) -> Flags:
    """Which readings are wrong, (n, sensors): rows are unlike all others because of them, and as usual without them.

    `scaled` are rows of a running machine beside the centres of their regimes, `states` their states. A state that
    comes back is none of them, nor is what was so from the first row or stays to the last. With `regimes` nothing is
    looked for unless nearly all rows of a regime but the first may be such.
    """
    n, d = scaled.shape
    found = np.zeros(scaled.shape, bool)
    if d < 3:
        return found
    known = ~np.isnan(scaled)
    if states.shape[1]:
        design = np.hstack([np.ones((n, 1)), states])
        scaled = scaled - product(design, slopes_on(design, np.where(known, scaled, 0.0), n))
    try:
        with quietly():
            # Of a long history some rows tell first whether there are many such at all.
            some = spread_rows(n, enough(d))
            if len(some) < n and not _many(MahalanobisDetector().fit(scaled[some]), regimes, some, 0.5):
                return found
            model = MahalanobisDetector().fit(np.ascontiguousarray(scaled))
    except ValueError:
        return found
    far = np.asarray(model.left_out_.rows)
    used = np.flatnonzero(model.used_)
    if len(used) < 3 or not _many(model, regimes, np.arange(n), 1.0):
        return found
    away = np.where(known, scaled - model.center_, 0.0)[:, used] / model.scale_[used]
    precision = inverse_of(np.asarray(model.covariance_)[np.ix_(used, used)])
    size = (product(away, precision) * away).sum(axis=1)
    # The median of healthy rows beside that of chi squared, as the covariance may be too narrow or wide.
    wide = max(float(np.median(size)) / _chi_squared(len(used), 0.0), 1e-12)
    for row in far.tolist():
        wrong = _wrong(away[row], known[row, used], precision, wide)
        found[row, used[wrong]] = True
    for place in np.flatnonzero(found.any(axis=0)).tolist():
        found[:, place] = _gone_by(found[:, place])
        found[:, place] &= ~recurring(scaled[:, place], found[:, place])
    if np.count_nonzero(found.any(axis=1)) < SHARE * n:
        found[:] = False
    return found


def seeming(regimes: Regimes, values: Matrix, chosen: Flags, watched: Flags) -> Flags:
    """The readings, (n, sensors), that make a regime of what is a wrong instrument: nearly all rows of it have some."""
    found = np.zeros((len(values), int(np.count_nonzero(watched))), bool)
    if len(regimes.centres) < 2:
        return found
    labels = regimes.label(values)
    rows = np.flatnonzero((labels >= 0) & chosen)
    spread = np.where(np.isfinite(regimes.spread), regimes.spread, 1.0)[watched]
    centre, scale = state_scales(values, watched)
    states = (np.nan_to_num(values[rows][:, ~watched], nan=0.0) - centre) / scale
    wrong = belied((values[rows][:, watched] - regimes.centres[0, watched]) / spread, states, labels[rows])
    for number in range(1, len(regimes.centres)):
        own = labels[rows] == number
        if own.any() and wrong[own].any(axis=1).mean() >= NEARLY:
            found[rows[own]] = wrong[own]
    return found


def _many(model: MahalanobisDetector, regimes: Labels | None, rows: Labels, part: float) -> bool:
    """Whether a model has left out rows enough of those it was fitted on, or a part of so many."""
    far = np.zeros(len(rows), bool)
    far[model.left_out_.rows] = True
    if np.count_nonzero(far) < part * SHARE * len(rows):
        return False
    if regimes is None:
        return True
    own = regimes[rows]
    return any(far[own == number].mean() >= part * NEARLY for number in np.unique(own[own > 0]).tolist())


def _gone_by(rows: Flags) -> Flags:
    """Spells that have come and gone: what was so from the first row, or stays to the last, may be another machine."""
    places = np.flatnonzero(rows)
    cuts = np.flatnonzero(np.diff(places) > BRIDGE)
    kept = rows.copy()
    for first, last in zip(places[np.append(0, cuts + 1)], places[np.append(cuts, len(places) - 1)], strict=True):
        if last > first and (first <= BRIDGE or last >= len(rows) - 1 - BRIDGE):
            kept[first : last + 1] = False
    return kept


def _wrong(away: Vector, known: Flags, precision: Matrix, wide: float) -> list[int]:
    """The fewest sensors without which a row is as usual, none where they would be too many."""
    left = precision.copy()
    there = known.copy()
    for place in np.flatnonzero(~known).tolist():
        left = _without(left, place)
    wrong: list[int] = []
    most = max(1, len(away) // PART)
    while True:
        force = np.where(there, (left * np.where(there, away, 0.0)).sum(axis=1), 0.0)
        if float(np.sum(away[there] * force[there])) <= wide * _chi_squared(int(there.sum()), NORMAL):
            return wrong
        if len(wrong) == most or there.sum() < 3:
            return []
        own = np.where(there, np.diag(left), 1.0)
        place = int(np.argmax(np.square(force) / own))
        wrong.append(place)
        there[place] = False
        left = _without(left, place)


def _without(precision: Matrix, place: int) -> Matrix:
    """The precision of the others where one variable is not known."""
    column = precision[:, place]
    found: Matrix = precision - np.outer(column, column) / column[place]
    # What rounding leaves would be divided by.
    found[place], found[:, place] = 0.0, 0.0
    return found


def _chi_squared(freedom: int, normal: float) -> float:
    """A quantile of chi squared, given that of the standard normal distribution, by Wilson and Hilferty."""
    part = 2.0 / (9.0 * freedom)
    return float(freedom * (1.0 - part + normal * np.sqrt(part)) ** 3)
