"""By how much healthy rows are farther off without some sensors.

A residual without some sensors is a sum of residuals of complete rows, and of what the states that remember the rows
before have wrong. Its variance comes from the second moments of both.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from acm_rs.monitor.lacking import Doubt
from acm_rs.monitor.looking import Law
from acm_rs.monitor.parts import LEVEL_NAMES, SHIFTS
from acm_rs.monitor.relations import inverse_of, own_precision, product, solve_missing
from acm_rs.monitor.watches import Watches

__all__ = ["LACKS", "MANY", "TOLD", "Without", "without"]

Matrix = NDArray[np.float64]
Vector = NDArray[np.float64]
Flags = NDArray[np.bool_]

LACKS = 0.02
"""Share of what the slow states remember of a sensor that was not read from which on that counts: a single row does for
ten rows. What it leaves is much to a sensor that another one tells closely."""
LEVELS_OF = 8
"""Parts in which the share of several sensors is told."""
LEAST = 1e-6
"""Of a sensor's own precision that rounding cannot take from it."""
FEW_SENSORS, FEW_GONE = 12, 2
"""Sensors of which all that are missing in a row are looked at together, and how many of more sensors."""
SETS = 1024
"""Sets of sensors that are held at once for each regime."""
TOLD, MANY = 2.0, 20
"""Times by which a sensor may be farther off that people are told of, and rows in which some are dead."""


class Without:
    """By which share of their variance healthy rows are farther off without some sensors than complete ones.

    It is told of single residuals, of their two means, and of the two means of the main components; and then by how
    much residuals are off on the whole. All stand in one row of numbers.
    """

    def __init__(self, watches: Watches, law: Law) -> None:
        number, relations, band = law
        self.precision: Matrix = relations.precision
        self.moments: NDArray[np.float64] = watches.leans
        self.mean: Vector = watches.leant
        self.unit: Vector = np.diag(self.precision) * band
        # What states that are wrong do to the forces of all sensors.
        states, slow = int(np.count_nonzero(~watches.watched)), watches.slow_axes.shape[1]
        lines = relations.slopes[states : states + slow]
        self.lines: Matrix = np.ascontiguousarray(lines)
        self.swayed: Matrix = product(self.precision, np.ascontiguousarray(lines.T))
        self.doubt: Doubt | None = watches.doubt
        self.slow_axes: Matrix = watches.slow_axes
        self.slow_precision: Matrix = watches.slow_precision
        self.axes: Matrix = watches.axes
        turned = product(np.ascontiguousarray(watches.axes.T), inverse_of(self.precision))
        self.turned: Matrix = turned * self.unit
        """What residuals have to do with the main components."""
        self.usual: list[Vector] = [
            np.square(watches.level_scale[number] * watches.spreads[name])
            if watches.has(name)
            else np.full(watches.axes.shape[1], np.inf)
            for name in LEVEL_NAMES
        ]
        own = np.diagonal(self.moments, axis1=1, axis2=2)[:, : len(self.unit)]
        apart = [memory / (2.0 - memory) * own[0] for memory in SHIFTS]
        self.taken_back: list[Vector] = [
            np.where(mean > 0.0, alone / np.where(mean > 0.0, mean, 1.0) - 1.0, 0.0).clip(0.0)
            for alone, mean in zip(apart, own[1:], strict=True)
        ]
        """By which share of their variance means of rows that have nothing to do with each other are farther off."""
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
        off = np.zeros(d)
        off[there] = (weights * self.mean[places]).sum(axis=1) * np.sqrt(own / alone)
        if self.doubt is not None:
            # What complete rows of this sensor are off on the whole is as much magnified, and is a part of its limits.
            off[there] += self.mean[there] * (np.sqrt(own / alone) - 1.0)
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
        return np.concatenate([*found, off])

    def found(self, gone: Flags, lacks: Matrix, doubts: Matrix) -> Matrix:
        """The same of rows, a row of numbers each; `doubts` is how wrong the slow states are in them."""
        if self.doubt is None:
            return self.of_rows(gone, lacks)
        d = gone.shape[1]
        # Of a few all that are missing in a row are looked at together, of many those that went together.
        few = np.count_nonzero(gone, axis=1) <= (d if d <= FEW_SENSORS else FEW_GONE)
        each = LACKS * np.arange(1, d + 1) / (d + 1)
        together = np.where(few[:, None], 1.0, np.where(lacks > 0.0, lacks, each))
        found = self.of_rows(gone, np.where(gone, together, 0.0)) + self.swayed_by(gone, doubts)
        lasting = gone & (lacks == 1.0)
        alike: dict[bytes, list[int]] = {}
        for row in np.flatnonzero(lasting.any(axis=1)).tolist():
            alike.setdefault(lasting[row].tobytes(), []).append(row)
        for rows in alike.values():
            found[rows] += self.of_dead(lasting[rows[0]])
        # Noise that the next row takes back (of the steps of a counter) stays where that is missing, or not judged as
        # most sensors are.
        lacks = np.maximum(lacks, np.median(lacks, axis=1)[:, None])
        stays = np.minimum(lacks / np.maximum(1.0 - lacks, 0.5), 1.0)
        for kind, more in enumerate(self.taken_back, 1):
            found[:, kind * d : (kind + 1) * d] += stays * more
        return found

    def of_dead(self, dead: Flags) -> Vector:
        """How much more that is because what sensors that are dead for long do at once and what states that are wrong
        for it do have to do with each other."""
        known = self.sets.get(b"dead" + dead.tobytes())
        if known is None:
            assert self.doubt is not None
            share = dead.astype(np.float64)
            apart = self.swayed_by(dead[None], self.doubt.told(*self.doubt.of_rows(dead[None])))[0]
            known = self.more(dead, share) - self.more(dead, np.zeros(len(dead))) - apart
            self._keep(b"dead" + dead.tobytes(), known)
        return known

    def _keep(self, key: bytes, value: Vector) -> None:
        """Keep what was found of a set of sensors, beside not too many others."""
        if len(self.sets) >= SETS:
            self.sets.clear()
        self.sets[key] = value

    def swayed_by(self, gone: Flags, doubts: Matrix) -> Matrix:
        """What wrong states do to rows in which some sensors are gone."""
        assert self.doubt is not None
        pairs, count, d = self.doubt.pairs, self.doubt.count, len(self.unit)
        alone = own_precision(gone, self.precision)
        sharp = np.sqrt(np.diag(self.precision) / alone) / self.unit
        # All rows for each state.
        every, lines = np.tile(gone, (count, 1)), self.lines.repeat(len(gone), axis=0)
        filled = solve_missing(np.where(every, 0.0, lines), every, self.precision)
        off = np.split(np.where(every, 0.0, product(filled, self.precision) * np.tile(sharp, (count, 1))), count)
        of_axes = np.split(product(np.where(every, filled - lines, 0.0), self.axes), count)
        own = doubts[:, : -count or None].reshape(len(doubts), len(self.moments), len(pairs))
        found = []
        for kind, moments in enumerate(self.moments):
            residual = np.diag(moments)[:d]
            found.append(_squares(off, own[:, kind], pairs) / np.where(residual > 0.0, residual, np.inf))
        for kind, usual in zip(range(len(self.moments) - 1, 0, -1), self.usual, strict=True):
            found.append(_squares(of_axes, own[:, kind], pairs) / usual)
        shift = np.zeros((len(gone), d))
        for place, moved in enumerate(off):
            shift += moved * doubts[:, len(doubts[0]) - count + place, None]
        return np.hstack([*found, shift])

    def leaned(self, gone: Flags) -> Flags:
        """Which of the sensors that are gone in many rows make others so much less sure that people are told."""
        d = gone.shape[1]
        found = np.zeros(d, bool)
        for place in np.flatnonzero(np.count_nonzero(gone, axis=0) >= MANY).tolist():
            one = np.arange(d) == place
            found[place] = bool((self.more(one, one.astype(np.float64))[2 * d : 3 * d] >= TOLD**2 - 1.0).any())
        return found

    def of_set(self, gone: Flags, lacks: Vector) -> Vector:
        """The same, as it was found before where it was; shares are told in parts."""
        parts = np.ceil(lacks * LEVELS_OF)
        key = (2.0 * parts + gone).astype(np.uint8).tobytes()
        known = self.sets.get(key)
        if known is None:
            known = self.more(gone, parts / LEVELS_OF if self.doubt is None else np.zeros(len(gone)))
            self._keep(key, known)
        return known

    def of_one(self, place: int, gone: bool) -> Matrix:
        """The same of one sensor: what is there anyhow, goes with its share, and with the square of that, (3, ...)."""
        known = self.single.get((place, gone))
        if known is None:
            none = np.zeros(len(self.unit))
            one = none.copy()
            one[place] = 1.0
            flags = (one > 0.0) & gone
            first = self.more(flags, none)
            # What wrong states do is told of all together.
            middle, last = (first, first) if self.doubt else (self.more(flags, 0.5 * one), self.more(flags, one))
            square = 2.0 * (first + last) - 4.0 * middle
            known = self.single[place, gone] = np.array([first, last - first - square, square])
        return known

    def of_rows(self, gone: Flags, lacks: Matrix) -> Matrix:
        """The same of rows, a row of numbers each."""
        n, d = gone.shape
        found = np.zeros((n, (len(self.moments) + 1) * d + len(self.usual) * self.axes.shape[1]))
        # Sensors that went together, and all that are dead, are looked at together; the others each by itself.
        order = np.argsort(lacks, axis=1)
        rising = np.take_along_axis(lacks, order, axis=1)
        again = (rising[:, 1:] == rising[:, :-1]) & (rising[:, 1:] > 0.0)
        none = np.zeros((n, 1), bool)
        together = np.zeros((n, d), bool)
        np.put_along_axis(together, order, np.hstack([again, none]) | np.hstack([none, again]), axis=1)
        groups = np.count_nonzero(again & ~np.hstack([none, again])[:, :-1], axis=1)
        keys = np.where(together, 2.0 * np.ceil(lacks * LEVELS_OF) + gone, 0.0).astype(np.uint8)
        alike: dict[bytes, list[int]] = {}
        for row in np.flatnonzero(groups == 1).tolist():
            alike.setdefault(keys[row].tobytes(), []).append(row)
        for rows in alike.values():
            first = rows[0]
            found[rows] += self.of_set(gone[first] & together[first], np.where(together[first], lacks[first], 0.0))
        for row in np.flatnonzero(groups > 1).tolist():
            for value in np.unique(lacks[row, together[row]]).tolist():
                own = lacks[row] == value
                found[row] += self.of_set(gone[row] & own, np.where(own, lacks[row], 0.0))
        alone = (lacks > 0.0) & ~together
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


def _squares(moved: list[Matrix], moments: Matrix, pairs: list[tuple[int, int]]) -> Matrix:
    """The variance of sums of what has these second moments, each times as much as it moves them."""
    found = np.zeros(moved[0].shape)
    for place, (a, b) in enumerate(pairs):
        found += (1.0 if a == b else 2.0) * moved[a] * moved[b] * moments[:, place, None]
    return found


def without(watches: Watches, law: Law) -> Without:
    """That of a law, as it was found before where it was."""
    number, relations, band = law
    known = relations.without.get(number)
    if known is None or not np.array_equal(known[0], band):
        known = relations.without[number] = band, Without(watches, law)
    found: Without = known[1]
    return found
