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
from acm_rs.monitor.carried import Looked, State, Wider
from acm_rs.monitor.lacking import lacking
from acm_rs.monitor.looking import Law, laws_of
from acm_rs.monitor.parts import LEVEL_NAMES, LEVELS, MEMORIES, PAST, PIECE, SHIFTS, SLOW, WILD
from acm_rs.monitor.relations import inverse_of, product, products_of, solve_missing
from acm_rs.monitor.sampling import enough, spread_rows
from acm_rs.monitor.steps import Told
from acm_rs.monitor.watches import Watches

__all__ = [
    "CHARTS",
    "LACKS",
    "Leaning",
    "forget",
    "leaning",
    "learn_gaps",
    "learn_leaning",
    "less_sharp",
    "still_wider",
]

Matrix = NDArray[np.float64]
Vector = NDArray[np.float64]
Flags = NDArray[np.bool_]
Labels = NDArray[np.int64]

SHIFT_NAMES = tuple(f"shift {memory:g}" for memory in SHIFTS)
CHARTS = {name: f"wider {name}" for name in (*SHIFT_NAMES, *LEVEL_NAMES)}
"""What remembers how much farther off each of the means may be."""
OF_MEANS = dict(zip(LEVEL_NAMES, LEVELS, strict=True)) | MEMORIES
LACKS = 0.02
"""Share of what the slow states remember of a sensor that was not read from which on that counts: a single row does for
ten rows. What it leaves is much to a sensor that another one tells closely."""
DEAD = 0.8
"""The same from which on it counts as all: sensors that are dead, for however long, are looked at together."""
LEVELS_OF = 8
"""Parts in which the share of several sensors is told."""
LEAST = 1e-6
"""Of a sensor's own precision that rounding cannot take from it."""
OFTEN = 0.05
"""Share of the rows of a training in which a gap leaves single residuals as far off as any that it allows for."""
PAIRS = 50
"""Rows in which two sensors were both read from which on is known what they have to do with each other."""
TINY = 1e-6
"""Share by which a limit is wider that counts."""
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
    precision. `unseen` are rows beside relations that had not seen them. Of two sensors those rows count in which both
    were read.
    """
    rows, d = sensors.shape
    late = EwmaChart(SLOW, 3.0)
    charts = [None, *(EwmaChart(memory, 3.0) for memory in SHIFTS)]
    sums, pairs = np.zeros((2, len(charts), 2 * d, 2 * d))
    totals, counts = np.zeros((2, len(charts), 2 * d))
    before = np.zeros((1, d))
    chosen = _chosen(usable, d)
    for first in range(0, rows, PIECE):
        some = slice(first, first + PIECE)
        away = np.clip((sensors[some] - watches.slow_centre) / watches.slow_scale, -WILD, WILD)
        missing = np.isnan(away)
        force = product(solve_missing(away, missing, watches.slow_precision), watches.slow_precision)
        force[missing] = np.nan
        remembered = np.vstack([before, late.update(force)[0]])
        before = remembered[-1:]
        both = np.hstack([np.clip(unseen.residual[some], -WILD, WILD), remembered[:-1]])
        unread = np.hstack([np.isnan(both[:, :d]), missing])
        for number, chart in enumerate(charts):
            own = both.copy() if chart is None else np.asarray(chart.update(both)[0])
            own[unread] = np.nan
            own = own[chosen[some]]
            known = ~np.isnan(own)
            own = np.where(known, own, 0.0)
            counted = known.astype(np.float64)
            sums[number] += products_of(own)
            pairs[number] += products_of(counted)
            totals[number] += own.sum(axis=0)
            counts[number] += counted.sum(axis=0)
    mean = totals / np.maximum(counts, 1.0)
    moments = sums / np.maximum(pairs, 1.0) - mean[:, :, None] * mean[:, None, :]
    watches.leans = np.where(pairs >= PAIRS, moments, 0.0)
    watches.leant = mean[0]


def learn_gaps(watches: Watches, sensors: Matrix, labels: Labels, usable: Flags) -> None:
    """How much farther off rows of the training were for the gaps that they had: its limits allow for that."""
    rows, d = sensors.shape
    total, count = np.zeros(3 * d + len(LEVEL_NAMES) * watches.axes.shape[1]), np.zeros(d)
    chosen, state = _chosen(usable, d), State(d, 0)
    single = []
    for first in range(0, rows, PIECE):
        some = slice(first, first + PIECE)
        missing = np.isnan(sensors[some])
        silent, times = np.asarray(missing.all(axis=1)), np.ones(len(missing), np.int64)
        count += np.count_nonzero(~missing[chosen[some]], axis=0)
        lacks = lacking(missing, silent, None if first else 0, times, state)
        if lacks is None:
            continue
        lacks, gone = _counted(lacks, missing)
        ready = chosen[some] & (lacks > 0.0).any(axis=1)
        for every, law in laws_of(watches, labels[some], ready, None):
            without = _without(watches, law)
            for begin in range(0, len(every), ROWS):
                own = every[begin : begin + ROWS]
                found = without.of_rows(gone[own], lacks[own])[:, :-d].clip(0.0)
                found[:, : 3 * d][np.tile(missing[own], 3)] = 0.0
                total += found.sum(axis=0)
                single.append(found[:, :d])
    levels = np.full(len(total) - 3 * d, np.count_nonzero(chosen))
    watches.gaps = total / np.maximum(np.append(np.tile(count, 3), levels), 1.0)
    if single:
        # What comes over and over is known of single rows.
        each = np.sort(np.vstack(single), axis=0)
        place = np.clip((len(each) - OFTEN * count).astype(np.int64), 0, len(each) - 1)
        often = np.where(OFTEN * count < len(each), each[place, np.arange(d)], 0.0)
        watches.gaps[:d] = np.maximum(watches.gaps[:d], often)


def _chosen(usable: Flags, sensors: int) -> Flags:
    """Some of the rows to learn from; in the first of all the slow states are not yet what they should be."""
    learnt = np.flatnonzero(usable)
    learnt = learnt[learnt >= min(PAST, len(usable) // 10)]
    found = np.zeros(len(usable), bool)
    found[learnt[spread_rows(len(learnt), enough(sensors))]] = True
    return found


def _counted(lacks: Matrix, missing: Flags) -> tuple[Matrix, Flags]:
    """The shares of what the slow states remember that count, and which readings are gone beside."""
    lacks = np.where(lacks > DEAD, 1.0, np.where(lacks > LACKS, lacks, 0.0))
    return lacks, missing & (lacks > 0.0)


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
        self.swayed: Matrix = product(self.precision, np.ascontiguousarray(lines.T))
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

    def leaned(self, gone: Flags) -> Flags:
        """Which of the sensors that are gone in many rows make others so much less sure that people are told."""
        d = gone.shape[1]
        found = np.zeros(d, bool)
        for place in np.flatnonzero(np.count_nonzero(gone, axis=0) >= MANY).tolist():
            found[place] = bool((self.of_one(place, True).sum(axis=0)[2 * d : 3 * d] >= TOLD**2 - 1.0).any())
        return found

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

    def __init__(self, limits: dict[str, Wider], dead: Flags, times: Vector) -> None:
        self.limits: dict[str, Wider] = limits
        """By how much wider the limit of each mean is, for each sensor or component."""
        self.dead: Flags = dead
        """Which sensors are dead in many of the rows, and leaned on."""
        self.times: Vector = times
        """How many times farther off each sensor's means of some tens of rows may be in these rows."""


def leaning(
    watches: Watches, looked: Looked, sensors: Matrix, labels: Labels, state: State, told: Told | None
) -> Leaning | None:
    """Bring residuals of rows with dead sensors to the spread that they have in complete ones; None where there are and
    were none."""
    lacks, state.lacks = state.lacks, None
    begun = CHARTS[SHIFT_NAMES[0]] in state.charts
    if lacks is None:
        if not begun:
            return None
        lacks = np.zeros(sensors.shape)
    missing = np.isnan(sensors)
    if looked.stopped is not None:
        missing |= looked.stopped
    lacks, gone = _counted(lacks, missing)
    ready = (lacks > 0.0).any(axis=1) & ~looked.held
    if not ready.any() and not begun:
        return None
    d = sensors.shape[1]
    widths = {name: d if name in SHIFT_NAMES else watches.axes.shape[1] for name in CHARTS}
    place = np.cumsum(ready) - 1
    more = {name: np.zeros((np.count_nonzero(ready), width)) for name, width in widths.items()}
    times, count = np.zeros(d), 0
    own, leaned = 1.0 + watches.gaps, np.zeros(d, bool)
    for every, law in laws_of(watches, labels, ready, told):
        without = _without(watches, law)
        for first in range(0, len(every), ROWS):
            rows = every[first : first + ROWS]
            found = without.of_rows(gone[rows], lacks[rows])
            wide = np.sqrt((1.0 + found[:, :-d].clip(0.0)) / own)
            row, last = np.maximum(wide[:, :d], 1.0), wide[:, 2 * d : 3 * d]
            looked.residual[rows] = (looked.residual[rows] - found[:, -d:]) / row
            lie = gone[rows].any(axis=1)
            times, count = times + last[lie].clip(1.0).sum(axis=0), count + int(np.count_nonzero(lie))
            end = d
            for name, width in widths.items():
                part = wide[:, end : end + width]
                more[name][place[rows]] = (part / row if name in SHIFT_NAMES else part) - 1.0
                end += width
        if count >= MANY:
            leaned |= without.leaned(gone)
    limits = {name: Wider(len(sensors), width, []) for name, width in widths.items()}
    start = 0 if begun else int(ready.argmax())
    while start < len(sensors):
        start = _stretch(start, ready, place, more, looked, state, limits)
    return Leaning(limits, leaned, times / count if count >= MANY else np.ones(d))


def _stretch(
    start: int,
    ready: Flags,
    place: Labels,
    more: dict[str, Matrix],
    looked: Looked,
    state: State,
    limits: dict[str, Wider],
) -> int:
    """Take rows from one on into the means of how much wider limits are, until that is over and is forgotten; where
    the next such rows begin."""
    blocks: dict[str, list[Matrix]] = {name: [] for name in more}
    for first in range(start, len(ready), PIECE):
        some = slice(first, first + PIECE)
        here, over = np.flatnonzero(ready[some]), ~ready[some]
        for name, own in more.items():
            block = np.zeros((len(over), own.shape[1]))
            block[here] = own[place[some][here]]
            block[np.isnan(looked.residual[some]) if name in SHIFT_NAMES else looked.held[some]] = np.nan
            # Some of the rows that a mean remembers had all their readings.
            block = np.asarray(state.chart(CHARTS[name], OF_MEANS[name]).update(block)[0])
            over &= (block < TINY).all(axis=1)
            blocks[name].append(still_wider(block))
        if over.any():
            end = first + int(over.argmax()) + 1
            forget(state)
            break
    else:
        end = len(ready)
    for name, found in blocks.items():
        limits[name].stretches.append((start, np.vstack(found)[: end - start]))
    later = np.flatnonzero(ready[end:])
    return end + int(later[0]) if len(later) else len(ready)


def forget(state: State) -> None:
    """No mean remembers rows with dead sensors any more."""
    for name in CHARTS.values():
        state.charts.pop(name, None)


def still_wider(more: Matrix) -> Matrix:
    """Without what is hardly more than nothing, or less: no limit is narrower than it was learnt."""
    return np.where(more < TINY, 0.0, more)


def less_sharp(found: Leaning | None, names: Sequence[str]) -> list[str]:
    """What people are told of sensors that lean on dead ones; `names` begin with those that are looked at."""
    if found is None or not (found.times >= TOLD).any():
        return []
    dead = [name for name, leaned in zip(names, found.dead.tolist(), strict=False) if leaned]
    pairs = zip(names, found.times.tolist(), strict=False)
    lean = [f"{name} ({times:.1f} times)" for name, times in pairs if times >= TOLD]
    more = f" and {len(lean) - MOST} more" if len(lean) > MOST else ""
    what = f"{listed(dead)} {'has' if len(dead) == 1 else 'have'} no reading" if dead else "sensors have no reading"
    return [
        f"while {what}, faults of what leans on {'it' if len(dead) == 1 else 'them'} must be larger to be found: "
        f"{', '.join(lean[:MOST])}{more}"
    ]
