"""Which sensor it was.

A sensor that is off makes the residuals of all that lean on it off as well, and those of slow ones may be off farther
than its own. What it does to all of them follows from the relations, so each sensor is asked how much of what is seen
it explains alone: reconstruction-based contributions (Dunia and Qin, AIChE Journal 44, 1998, 1813-1831; Alcala and Qin,
Automatica 45, 2009, 1593-1600). The one that explains most is taken out, and the others are asked about the rest.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from acm_rs.monitor.carried import Wider
from acm_rs.monitor.looking import Law, laws_of
from acm_rs.monitor.parts import PARTS, PIECE, SHIFTS, WILD, sized
from acm_rs.monitor.relations import Relations, inverse_of, product
from acm_rs.monitor.steps import Told
from acm_rs.monitor.watches import Watches

__all__ = ["NAMES", "NEAR", "blamed", "farthest", "standing", "traced"]

Matrix = NDArray[np.float64]
Vector = NDArray[np.float64]
Flags = NDArray[np.bool_]
Labels = NDArray[np.int64]

NAMES = tuple(f"shift {memory:g}" for memory in SHIFTS)
TAKEN = 3
"""Sensors that are taken out one after the other."""
SEEN = 0.1
"""Least share of what a shift explains when it is new that it must explain once slow means have taken it in: a sensor
that foretells itself shows too little then."""
CLEAR, LESSER = 1.5, 0.02
"""Limits from which on a sensor is off for itself, and its share beside what the one that is off most has, at least."""
SEVERAL = 2
"""Sensors that stand still for longer than they ever did in the same row: no chance."""
NEAR = 0.5
"""Scores from which on it is asked: below, rows are as usual, and a sensor's share goes by what it shows itself."""


class Directions:
    """What a shift of each sensor does to what is left of all: at once, and when slow means have taken it in.

    Its size is measured by how far the means of each sensor's residual go by themselves: `usual` is one standard
    deviation of them, in units of the residuals.
    """

    def __init__(self, watches: Watches, relations: Relations, usual: Vector) -> None:
        precision = relations.precision
        d = len(precision)
        # How much less they wander than rows apart would, and what that does to the force.
        calm = 1.0 / (usual * np.sqrt(np.diag(precision)))
        self.turn: Matrix = product(calm[:, None] * inverse_of(precision) * calm, precision)
        metric = product(precision, self.turn)
        states, slow = int(np.count_nonzero(~watches.watched)), watches.slow_axes.shape[1]
        self.lines: Matrix = np.ascontiguousarray(relations.slopes[states : states + slow].T)
        self.axes: Matrix = np.ascontiguousarray((watches.slow_axes * (watches.scale / watches.slow_scale)[:, None]).T)
        later = np.eye(d) - product(np.ascontiguousarray(self.axes.T), np.ascontiguousarray(self.lines.T))
        moved = product(later, metric)
        self.fresh: Vector = np.diag(metric).copy()
        self.later: Vector = (moved * later).sum(axis=1)
        self.hidden: Flags = ~(self.later >= SEEN * self.fresh)
        self.moved: Matrix = np.vstack([metric, moved])
        """How it moves the forces, (2 x sensors, sensors)."""

    def sizes(self, force: Matrix, silent: Flags) -> Matrix:
        """How much each sensor explains, (n, sensors): the root of what the rows' squared distances lose without it.
        `force` is precision times what is left."""
        n, d = force.shape
        force = product(force, self.turn)
        found, free, rows = np.zeros((n, d)), ~silent, np.arange(n)
        for turn in range(TAKEN + 1):
            new = np.square(force) / self.fresh
            shift = force - product(product(force, self.lines), self.axes)
            old = np.square(shift) / np.where(self.hidden, np.inf, self.later)
            best = np.where(free, np.maximum(new, old), 0.0)
            if turn == TAKEN:
                found = np.where(free, best, found)
                break
            first = best.argmax(axis=1)
            found[rows, first] = np.maximum(found[rows, first], best[rows, first])
            free[rows, first] = False
            taken_in = old[rows, first] > new[rows, first]
            size = np.where(taken_in, shift[rows, first] / self.later[first], force[rows, first] / self.fresh[first])
            force -= size[:, None] * self.moved[first + d * taken_in]
        return np.sqrt(found, out=found)


def directions(watches: Watches, law: Law, name: str) -> Directions:
    """Those of some relations for a shift, or for a row by itself; they are kept."""
    _, relations, band = law
    usual = band * watches.spreads.get(name, 1.0)
    known = relations.directions.get(name)
    if known is None or not np.array_equal(known[0], usual):
        known = relations.directions[name] = usual, Directions(watches, relations, usual)
    return known[1]


def standing(watches: Watches, causes: Labels, stuck: Matrix) -> Labels:
    """What is seen of rows: where several sensors stand still for longer than they ever did, that, and not what the
    others, which lean on them, seem to do."""
    if not watches.tells_apart:
        return causes
    number = PARTS.index("stuck")
    still = stuck > watches.middle[number] + watches.reach[number]
    return np.where(np.count_nonzero(still, axis=1) >= SEVERAL, number, causes)


def blamed(
    watches: Watches,
    causes: Labels,
    own: dict[str, Matrix],
    level: Matrix,
    residual: Matrix,
    labels: Labels,
    scores: Vector,
    told: Told | None,
    wider: Mapping[str, Wider] | None = None,
) -> Matrix:
    """Each sensor's share of the score, (n, sensors); scores are NaN where rows are not judged."""
    found = watches.shares(causes, own, level, residual)
    with np.errstate(invalid="ignore"):
        ready = (scores > NEAR) & (labels >= 0)
    for every, law in laws_of(watches, labels, ready, told):
        for first in range(0, len(every), PIECE):
            rows = every[first : first + PIECE]
            stats = {name: values[rows] for name, values in own.items()}
            units = {name: _of(watches.unit(name, told), rows) for name in NAMES}
            if wider is not None:
                units = {name: unit * wider[name].of(rows) for name, unit in units.items()}
            found[rows] = traced(watches, causes[rows], stats, units, level[rows], residual[rows], law)
    if wider is not None:
        # All together may alarm where limits of each are wide: then those count that are farthest off.
        nobody = np.flatnonzero(ready & wider[NAMES[0]].inside() & ~(found > 0.0).any(axis=1))
        found[nobody] = farthest([own[name][nobody] for name in NAMES])
    return found


def farthest(shifts: Sequence[Matrix]) -> Matrix:
    """Shares by how far each sensor's means are off, whatever is usual."""
    most = np.zeros(shifts[0].shape)
    for one in shifts:
        np.maximum(most, np.abs(one), out=most)
    most = np.square(np.square(most))
    total = most.sum(axis=1, keepdims=True)
    return np.divide(most, total, out=np.zeros(most.shape), where=total > 0.0)


def traced(
    watches: Watches,
    causes: Labels,
    own: Mapping[str, Matrix],
    units: Mapping[str, Matrix | Vector],
    level: Matrix,
    residual: Matrix,
    law: Law,
) -> Matrix:
    """The same of rows of one law; `own` are the statistics in standard deviations, of which `units` are those of the
    shifts."""
    _, relations, band = law

    def beyond(names: Iterable[str]) -> Matrix:
        most = np.zeros(residual.shape)
        for name in names:
            number = PARTS.index(name)
            np.maximum(most, (sized(name, own[name]) - watches.middle[number]) / watches.reach[number], out=most)
        return most

    shifted, others = beyond(NAMES), beyond(name for name in own if name not in NAMES)
    silent = np.isnan(residual)
    # Clipped residuals of a large fault are alike in all sensors that lean on it: their true sizes tell.
    top = np.fmax.reduce(np.abs(residual), axis=1, initial=0.0)
    wild = top > WILD
    tops = [np.abs(own[name]).max(axis=1, initial=0.0) for name in NAMES]
    which = np.where(wild, 2, np.where(tops[0] > tops[1], 0, 1))
    sizes = np.empty(residual.shape)
    pull = band * np.diag(relations.precision)
    for number, name in enumerate((*NAMES, "")):
        rows = np.flatnonzero(which == number)
        if len(rows):
            away = own[name][rows] * _of(units[name], rows) if name else residual[rows] / top[rows, None]
            away = np.where(silent[rows], 0.0, away)
            sizes[rows] = directions(watches, law, name).sizes(away * pull, silent[rows])
    sizes /= np.maximum(sizes.max(axis=1, initial=0.0), np.finfo(float).tiny)[:, None]
    worst = np.maximum(shifted.max(axis=1, initial=0.0)[:, None] * sizes, np.where(wild[:, None], sizes, 1.0) * others)
    own_size = np.minimum(worst, 1e6)
    worst = np.square(np.square(own_size))
    # Where sensors move together beyond the usual, the component's sensors do.
    together = causes == PARTS.index("level")
    if together.any() and level.shape[1]:
        main = np.abs(level[together]).argmax(axis=1)
        calm = np.where(wild[together, None], np.square(np.square(sizes[together])), 1.0)
        worst[together] = np.square(watches.axes[:, main].T) * calm
    # Those that stand still, not those that cannot be without them.
    still = causes == PARTS.index("stuck")
    if watches.tells_apart and still.any():
        worst[still] = np.square(np.square(np.clip(beyond(["stuck"])[still], 0.0, 1e6)))
    if watches.tells_apart:
        # A lesser fault beside a great one is one all the same.
        most = worst.max(axis=1, initial=0.0)[:, None]
        top = np.maximum(own_size.max(axis=1, initial=0.0), 1.0)[:, None]
        least = (LESSER + LESSER * own_size / top) * most
        np.copyto(worst, np.maximum(worst, least), where=(own_size > CLEAR) & ~still[:, None] & ~together[:, None])
    total = worst.sum(axis=1)
    return np.divide(worst, total[:, None], out=np.zeros(worst.shape), where=total[:, None] > 0.0)


def _of(unit: Matrix | Vector, rows: Labels) -> Matrix | Vector:
    """What some rows have of what all share, or of what each has for itself."""
    return unit[rows] if np.ndim(unit) == 2 else unit
