"""Sensors that lean on one that is dead.

What a dead sensor would have told of the others is left in their residuals, and as it may come and go slowly, means of
many rows do not take it away. How much farther off healthy residuals are then follows from what the fit has seen: a
residual without some sensors is a sum of residuals of complete rows, and of what the states that remember the rows
before have wrong. Its variance comes from the second moments of both.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from acm_rs.decisions import EwmaChart
from acm_rs.frames import listed
from acm_rs.monitor.carried import Looked, State
from acm_rs.monitor.looking import Law, laws_of
from acm_rs.monitor.parts import LEVEL_NAMES, LEVELS, MEMORIES, PIECE, SHIFTS, SLOW, WILD
from acm_rs.monitor.relations import inverse_of, product, products_of, solve_missing
from acm_rs.monitor.sampling import enough, spread_rows
from acm_rs.monitor.steps import Told
from acm_rs.monitor.watches import Watches

__all__ = ["CHARTS", "LACKS", "Leaning", "leaning", "learn_leaning", "less_sharp"]

Matrix = NDArray[np.float64]
Vector = NDArray[np.float64]
Flags = NDArray[np.bool_]
Labels = NDArray[np.int64]

SHIFT_NAMES = tuple(f"shift {memory:g}" for memory in SHIFTS)
CHARTS = {name: f"wider {name}" for name in (*SHIFT_NAMES, *LEVEL_NAMES)}
"""What remembers how much farther off each of the means may be."""
LACKS = 0.2 + 1e-9
"""Share of what the slow states remember of a sensor that was not read from which on that counts: more than one row."""
DEAD = 0.8
"""The same from which on it counts as all: sensors that are dead, for however long, are looked at together."""
LEVELS_OF = 8
"""Parts in which the share of several sensors is told."""
LEAST = 1e-6
"""Of a sensor's own precision that rounding cannot take from it."""
SETS = 1024
"""Sets of sensors that are held at once for each regime."""
ROWS = 1024
"""Rows that are looked at at once."""
TOLD, MANY, MOST = 2.0, 20, 8
"""Times by which a sensor may be farther off that people are told of, rows in which some are dead, and sensors that are
named."""


def learn_leaning(watches: Watches, unseen: Looked, sensors: Matrix, usable: Flags) -> None:
    """Second moments of residuals and of what the slow states remember, of rows and of their means.

    What they remember of a sensor is a mean of how far it is from what the other sensors tell of it, times its own
    precision. `unseen` are rows beside relations that had not seen them.
    """
    rows, d = sensors.shape
    learnt = np.flatnonzero(usable)
    chosen = np.zeros(rows, bool)
    chosen[learnt[spread_rows(len(learnt), enough(d))]] = True
    late = EwmaChart(SLOW, 3.0)
    charts = [None, *(EwmaChart(memory, 3.0) for memory in SHIFTS)]
    sums, counts = np.zeros((len(charts), 2 * d, 2 * d)), np.zeros((len(charts), 2 * d))
    before = np.zeros((1, d))
    for first in range(0, rows, PIECE):
        some = slice(first, first + PIECE)
        away = np.clip((sensors[some] - watches.slow_centre) / watches.slow_scale, -WILD, WILD)
        missing = np.isnan(away)
        force = product(solve_missing(away, missing, watches.slow_precision), watches.slow_precision)
        force[missing.all(axis=1)] = np.nan
        remembered = np.vstack([before, late.update(force)[0]])
        before = remembered[-1:]
        both = np.hstack([np.clip(unseen.residual[some], -WILD, WILD), remembered[:-1]])
        for number, chart in enumerate(charts):
            own = (both if chart is None else np.asarray(chart.update(both)[0]))[chosen[some]]
            known = ~np.isnan(own)
            counts[number] += known.sum(axis=0)
            sums[number] += products_of(np.where(known, own, 0.0))
    size = np.sqrt(np.maximum(counts, 1.0))
    watches.leans = sums / size[:, :, None] / size[:, None, :]


class Without:
    """By which share of their variance healthy rows are farther off without some sensors than complete ones.

    Each is told of single residuals, of their two means, and of the two means of the main components: all in one row of
    numbers.
    """

    def __init__(self, watches: Watches, law: Law) -> None:
        number, relations, band = law
        self.precision: Matrix = relations.precision
        self.moments: NDArray[np.float64] = watches.leans
        self.unit: Vector = np.diag(self.precision) * band
        # What states that are wrong do to the forces of all sensors.
        states, slow = int(np.count_nonzero(~watches.watched)), watches.slow_axes.shape[1]
        lines = relations.slopes[states : states + slow]
        self.swayed: Matrix = product(self.precision, np.ascontiguousarray(lines.T))
        self.slow_axes: Matrix = watches.slow_axes
        self.slow_precision: Matrix = watches.slow_precision
        self.axes: Matrix = watches.axes
        turned = product(np.ascontiguousarray(watches.axes.T), inverse_of(self.precision))
        self.turned: Matrix = turned * self.unit
        """What residuals have to do with the main components."""
        self.usual: list[Vector] = [
            np.square(watches.level_scale[number] * watches.unit(name))
            if watches.has(name)
            else np.full(watches.axes.shape[1], np.inf)
            for name in LEVEL_NAMES
        ]
        self.sets: dict[bytes, Vector] = {}
        self.single: dict[tuple[int, bool], Matrix] = {}

    def more(self, gone: Flags, lacks: Vector) -> Vector:
        """That share where some sensors are gone, and such shares of what the slow states remember were not read."""
        precision, unit, d = self.precision, self.unit, len(gone)
        dead, there, late = np.flatnonzero(gone), np.flatnonzero(~gone), np.flatnonzero(lacks)
        own = np.diag(precision)[there]
        beside = np.ascontiguousarray(precision[np.ix_(there, dead)])
        inner = inverse_of(precision[np.ix_(dead, dead)])
        pull = product(beside, inner)
        alone = np.maximum(own - (pull * beside).sum(axis=1), LEAST * own)
        wrong = product(self.swayed, np.ascontiguousarray(self.slow_axes[late].T))
        wrong = product(wrong, inverse_of(self.slow_precision[np.ix_(late, late)])) * lacks[late]
        left = wrong[there] - product(pull, wrong[dead])
        weights = np.hstack([-pull * unit[dead], left]) / unit[there, None]
        places = np.append(dead, d + late)
        found = []
        for moments in self.moments:
            part, usual = np.zeros(d), np.diag(moments)[there]
            variance = usual + _variance(weights, moments[np.ix_(there, places)], moments[np.ix_(places, places)])
            share = variance * (own / alone)
            part[there] = np.divide(share, usual, out=np.ones(len(there)), where=usual > 0.0) - 1.0
            found.append(part)
        # What stands for dead sensors in the main components is off by so much. Residuals have to do with it, what the
        # slow states add has not; and means that forget somewhat sooner are no less far off.
        filled = product(inner, np.hstack([-np.diag(unit[dead]), -wrong[dead]]))
        weights = product(np.ascontiguousarray(self.axes[dead].T), filled)
        for usual, moments in zip(self.usual, self.moments[:0:-1], strict=True):
            with_own = product(self.turned, np.ascontiguousarray(moments[:d, places]))
            found.append(_variance(weights, with_own, moments[np.ix_(places, places)]) / usual)
        return np.concatenate(found)

    def of_set(self, gone: Flags, lacks: Vector) -> Vector:
        """The same, as it was found before where it was; shares are told in parts."""
        parts = np.ceil(lacks * LEVELS_OF)
        key = (2.0 * parts + gone).astype(np.uint8).tobytes()
        known = self.sets.get(key)
        if known is None:
            if len(self.sets) >= SETS:
                self.sets.clear()
            known = self.sets[key] = self.more(gone, parts / LEVELS_OF)
        return known

    def of_one(self, place: int, gone: bool) -> Matrix:
        """The same of one sensor: what is there anyhow, goes with its share, and with the square of that, (3, ...)."""
        known = self.single.get((place, gone))
        if known is None:
            none = np.zeros(len(self.unit))
            one = none.copy()
            one[place] = 1.0
            flags = (one > 0.0) & gone
            first, middle, last = self.more(flags, none), self.more(flags, 0.5 * one), self.more(flags, one)
            square = 2.0 * (first + last) - 4.0 * middle
            known = self.single[place, gone] = np.array([first, last - first - square, square])
        return known

    def of_rows(self, gone: Flags, lacks: Matrix) -> Matrix:
        """The same of rows, a row of numbers each."""
        found = np.zeros((len(gone), len(self.moments) * gone.shape[1] + len(self.usual) * self.axes.shape[1]))
        order = np.sort(lacks, axis=1)
        # Sensors that went together, and all that are dead, are looked at together; the others each by itself.
        several = np.flatnonzero(((order[:, 1:] == order[:, :-1]) & (order[:, 1:] > 0.0)).any(axis=1))
        alone = lacks > 0.0
        if len(several):
            same = (lacks[several[1:]] == lacks[several[:-1]]) & (gone[several[1:]] == gone[several[:-1]])
            for rows in np.split(several, np.flatnonzero(~same.all(axis=1)) + 1):
                first = rows[0]
                values, counts = np.unique(lacks[first], return_counts=True)
                for value in values[(counts > 1) & (values > 0.0)].tolist():
                    own = lacks[first] == value
                    found[rows] += self.of_set(gone[first] & own, np.where(own, lacks[first], 0.0))
                    alone[np.ix_(rows, own)] = False
        for away in (False, True):
            which = alone & (gone == away)
            places = np.flatnonzero(which.any(axis=0))
            if len(places):
                shares = np.where(which, lacks, 0.0)[:, places]
                terms = np.stack([self.of_one(place, away) for place in places.tolist()], axis=1)
                found += product(which[:, places].astype(np.float64), np.ascontiguousarray(terms[0]))
                found += product(shares, np.ascontiguousarray(terms[1]))
                found += product(np.square(shares), np.ascontiguousarray(terms[2]))
        return found


def _variance(weights: Matrix, with_own: Matrix, among: Matrix) -> Vector:
    """What is added to the variance of something by a weighted sum of what has these second moments with it, and among
    each other."""
    return np.asarray((weights * (2.0 * with_own + product(weights, among))).sum(axis=1))


def _without(watches: Watches, law: Law) -> Without:
    """That of a law, as it was found before where it was."""
    number, relations, band = law
    known = relations.without.get(number)
    if known is None or not np.array_equal(known[0], band):
        known = relations.without[number] = band, Without(watches, law)
    found: Without = known[1]
    return found


class Leaning:
    """What dead sensors do to the others in some rows."""

    __slots__ = ("dead", "limits", "times")

    def __init__(self, limits: dict[str, Matrix], dead: Flags, times: Vector) -> None:
        self.limits: dict[str, Matrix] = limits
        """By how much wider the limit of each mean is, (n, sensors or components)."""
        self.dead: Flags = dead
        """Which sensors are dead in some of the rows."""
        self.times: Vector = times
        """How many times farther off each sensor's means of some tens of rows may be in these rows."""


def leaning(
    watches: Watches, looked: Looked, sensors: Matrix, labels: Labels, state: State, told: Told | None
) -> Leaning | None:
    """Bring residuals of rows with dead sensors to the spread that they have in complete ones; None where there are and
    were none."""
    lacks, state.lacks = state.lacks, None
    if lacks is None:
        return None
    lacks = np.where(lacks > DEAD, 1.0, np.where(lacks > LACKS, lacks, 0.0))
    ready = (lacks > 0.0).any(axis=1) & ~looked.held
    begun = any(name in state.charts for name in CHARTS.values())
    if not ready.any() and not begun:
        return None
    gone = np.isnan(sensors)
    if looked.stopped is not None:
        gone |= looked.stopped
    gone &= lacks > 0.0
    n, d = sensors.shape
    more = {name: np.zeros((n, d)) for name in SHIFT_NAMES}
    more |= {name: np.zeros((n, watches.axes.shape[1])) for name in LEVEL_NAMES}
    away, count = np.zeros(d), 0
    for every, law in laws_of(watches, labels, ready, told):
        without = _without(watches, law)
        for first in range(0, len(every), ROWS):
            rows = every[first : first + ROWS]
            found = without.of_rows(gone[rows], lacks[rows])
            row = np.sqrt(1.0 + found[:, :d].clip(0.0))
            looked.residual[rows] /= row
            end = d
            for name, wider in more.items():
                begin, end = end, end + wider.shape[1]
                wider[rows] = np.sqrt(1.0 + found[:, begin:end].clip(0.0))
                if name == SHIFT_NAMES[-1]:
                    lie = gone[rows].any(axis=1)
                    away, count = away + wider[rows[lie]].sum(axis=0), count + int(np.count_nonzero(lie))
                if name in SHIFT_NAMES:
                    wider[rows] = np.maximum(wider[rows] / row, 1.0)
                wider[rows] -= 1.0
    unknown = np.isnan(looked.residual)
    # What is remembered begins with the first of these rows wherever a history is cut.
    begin = 0 if begun else int(ready.argmax())
    for name, wider in more.items():
        wider[unknown if name in SHIFT_NAMES else looked.held] = np.nan
        memory = dict(zip(LEVEL_NAMES, LEVELS, strict=True)) | MEMORIES
        # Some of the rows that a mean remembers had all their readings.
        chart = state.chart(CHARTS[name], memory[name])
        wider[begin:] = chart.update(np.ascontiguousarray(wider[begin:]))[0]
        wider[:begin] = 0.0
        wider += 1.0
    return Leaning(more, np.asarray(gone.any(axis=0)), away / count if count >= MANY else np.ones(d))


def less_sharp(found: Leaning | None, names: Sequence[str]) -> list[str]:
    """What people are told of sensors that lean on dead ones."""
    if found is None or not (found.times >= TOLD).any():
        return []
    dead = [name for name, gone in zip(names, found.dead.tolist(), strict=True) if gone]
    lean = [
        f"{name} ({times:.1f} times)" for name, times in zip(names, found.times.tolist(), strict=True) if times >= TOLD
    ]
    more = f" and {len(lean) - MOST} more" if len(lean) > MOST else ""
    return [
        f"while {listed(dead)} {'has' if len(dead) == 1 else 'have'} no reading, faults of what leans on it must be "
        f"larger to be found: {', '.join(lean[:MOST])}{more}"
    ]
