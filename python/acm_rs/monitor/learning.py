"""What is learnt of a healthy history: relations, statistics of rows that were not fitted on, and their scales."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from acm_rs.detectors import FusedDetector
from acm_rs.monitor.cleaning import repeats, scales
from acm_rs.monitor.driving import learn_holds, measured, put_unknown, stood
from acm_rs.monitor.following import beside_levels, learn_following
from acm_rs.monitor.leaning import learn_gaps, learn_leaning
from acm_rs.monitor.looking import look
from acm_rs.monitor.parts import PRESENT, WILD
from acm_rs.monitor.quiet import quietly
from acm_rs.monitor.reach import PART_RATE, scaled_parts
from acm_rs.monitor.regimes import EDGE, STANDSTILL, UNKNOWN, Phase, gaps, near_rows
from acm_rs.monitor.relations import Relations, axes_of, precision_of, product, products_of, solve_missing
from acm_rs.monitor.rounding import learn_steps
from acm_rs.monitor.sampling import enough, spread_rows
from acm_rs.monitor.screening import belied
from acm_rs.monitor.stops import at_stops, end_stops, within
from acm_rs.monitor.wandering import leaving, slowest, wandering
from acm_rs.monitor.watches import Looked, State, Watches, state_scales

__all__ = ["FOLDS", "OWN_ROWS", "Learned", "learn_watches"]

Matrix = NDArray[np.float64]
Vector = NDArray[np.float64]
Flags = NDArray[np.bool_]
Labels = NDArray[np.int64]

FOLDS = 5
"""Stretches of the history, each judged by what was learnt from the others."""
OWN_ROWS = 300
OWN_ROWS_A_SENSOR = 15
"""Rows from which on a regime has relations of its own."""
SLOWEST = 60
"""Rows after a change of regime that are left unjudged at most."""
SETTLED_ROWS = 200
"""Rows that it takes to tell how a settled machine is."""
STARTS = 5
"""Starts after a standstill from which on they alone tell how long the machine settles."""
UNSEEN = 10
"""Rows that are left unjudged where training has seen no change."""
SETTLED = 2
"""Rows that tell how a settled machine is: so many times as many as tell its scales."""
AHEAD, EXCESS = 8, 1.3
"""It has settled where the mean squared residuals of so many rows are at most so many times the usual."""
MAIN = 3
"""Main components whose slow means count as states."""
FEW_ROWS_A_SENSOR = 5
"""Rows a sensor below which main components fit their own rows too well to be judged by them."""
MANY = 67
"""Sensors from which on the fused detector, which sees each beside its two earlier readings, is fitted on as many
stretches, not twice as many: each takes the eigenvectors of all."""
SPELL, APART = 10, 60
"""Rows that were left out in a spell that counts, and rows between two spells at least."""
BEFORE, REMEMBERED = 20, 100
"""Rows before such a spell, and half as many as it lasts, and after it: faults begin small, and means remember."""
CALM = 0.8
"""Share of the rows to learn from that limits are set by at least."""
LEAD = 60
"""Rows before a stretch that the fused detector is shown first."""


class Learned:
    """What a fit gives beside the watches."""

    __slots__ = (
        "belied",
        "far",
        "firsts",
        "followed",
        "lasts",
        "leaves",
        "scores",
        "slow",
        "stood",
        "undriven",
        "unlike",
    )

    def __init__(
        self,
        scores: Vector,
        slow: Flags,
        followed: Flags,
        leaves: float,
        lasts: float,
        firsts: Labels,
        far: Flags,
        unlike: Labels,
        belied: Flags,
        undriven: Labels,
        stood: dict[int, int],
    ) -> None:
        self.scores: Vector = scores
        """Scores of the training rows, each by a model that had not seen it; NaN where not judged."""
        self.firsts: Labels = firsts
        """The sensor that has the greatest share of each."""
        self.far: Flags = far
        """Rows that are unlike the others, and were not learnt from."""
        self.unlike: Labels = unlike
        """Readings of each sensor that the watch on all sensors together did not learn from."""
        self.belied: Flags = belied
        """Readings of each sensor, (n, sensors), that were taken as missing because the other sensors belie them."""
        self.undriven: Labels = undriven
        """Running rows that were not learnt from as they have no reading of a driver, for each column."""
        self.stood: dict[int, int] = stood
        """For how many rows at most each driver has read the same, by its column."""
        self.slow: Flags = slow
        """Sensors that wander so slowly that the history holds few of their ups and downs."""
        self.followed: Flags = followed
        """Those of them whose level follows their readings."""
        self.lasts: float = lasts
        """Rows that count as one independent reading of the sensor that goes up and down most slowly."""
        self.leaves: float = leaves
        """In which share of its rows either half of the history leaves what the other one has seen of the others."""


def learn_watches(watches: Watches, given: list[Matrix], healthy: Flags) -> Learned:
    """Fit the watches on the healthy rows of a cleaned history, which is taken out of its list and let go of."""
    values, regimes = given.pop(), watches.regimes
    watches.bridges = watches.traces = watches.tells_apart = watches.joint = True
    silent = np.isnan(values).all(axis=1)
    labels = regimes.carried(regimes.label(values), silent, Phase())
    labels[~healthy] = UNKNOWN
    regimes.settle, lived = 0, labels.copy()
    ages, _ = regimes.ages(lived, Phase())
    labels[near_rows(labels == STANDSTILL, EDGE) & (labels != STANDSTILL)] = UNKNOWN
    _set_scales(watches, values, labels)
    watches.stops = np.array(
        [end_stops(np.where(labels >= 0, values[:, place], np.nan)) for place in np.flatnonzero(watches.watched)]
    ).T
    at = at_stops(values[:, watches.watched], watches.stops)
    sensors, states = watches.split(values, State(int(watches.watched.sum()), int((~watches.watched).sum())), at)
    behind = np.zeros(values.shape, np.int64, order="F")
    behind[:, regimes.drivers] = gaps(values[:, regimes.drivers], np.zeros(1, np.int64))
    learn_holds(watches, values, behind, labels >= 0)
    bare = put_unknown(watches, states, behind)
    begins = (labels < 0) & (lived >= 0) & (ages < EDGE)
    regimes.settle = _settling(watches, sensors, states, np.where(begins, lived, labels), ages, begins)
    starts = np.count_nonzero((lived[1:] >= 0) & (lived[:-1] == STANDSTILL))
    if 0 < starts < STARTS:
        # A few of them tell little of the next.
        regimes.settle = max(regimes.settle, EDGE)
    ages, _ = regimes.ages(lived, Phase())
    running = (labels >= 0) & (ages >= regimes.settle)
    # What a driver has to do with the others only its readings tell.
    usable = running & ~bare.any(axis=1)
    if usable.sum() < 80:
        raise ValueError(
            f"`frame` must have at least 80 healthy rows with the machine running, got {int(usable.sum())}; give more "
            "history, or say with `healthy` which rows count"
        )
    # What says "at least so much" tells nothing of how sensors belong together.
    wrong = _belied(watches, within(sensors, at), states, labels, usable)
    if wrong.any():
        values = values.copy(order="F")
        values[:, watches.watched] = np.where(wrong, np.nan, sensors)
        _set_scales(watches, values, labels)
        sensors, states = watches.split(values, State(int(watches.watched.sum()), int((~watches.watched).sum())), at)
        put_unknown(watches, states, behind)
    watches.present = np.minimum(PRESENT, np.quantile(1.0 - np.isnan(sensors[usable]).mean(axis=1), [0.05]))
    usable &= ~watches.scarce(sensors)
    learnt = np.flatnonzero(usable)
    centres = watches.regimes.centres[labels[learnt]][:, watches.watched]
    beside = (sensors[learnt] - centres) / watches.scale
    several = len(watches.regimes.centres) > 1
    whole = (sensors[learnt] - watches.slow_centre) / watches.slow_scale if several else None
    slow, alone = wandering(beside, whole)
    leaves = leaving(beside, slow & ~alone)
    lasts = slowest((sensors[learnt] - watches.slow_centre) / watches.slow_scale)
    del beside, whole, centres
    raw, level = sensors, None
    if alone.any():
        learn_following(watches, values, lived, alone, len(learnt))
        state = State(len(alone), values.shape[1] - len(alone))
        near, level = beside_levels(watches, values, lived, state, state.gaps)
        _set_scales(watches, near, labels)
        sensors, states = watches.split(near, State(len(alone), values.shape[1] - len(alone)), at)
        put_unknown(watches, states, behind)
        del near
    driven = behind[:, regimes.drivers][running]
    usual = int(np.quantile(driven, 0.99)) if driven.size else 0
    cuts = stretches(learnt, len(sensors), FOLDS)
    drivers = np.ascontiguousarray(values[:, measured(watches)])
    still_drivers = stood(watches, values, running)
    undriven = np.count_nonzero(bare[running], axis=0)
    del values, behind, bare
    unseen = Looked(len(sensors), sensors.shape[1])
    # Of rows not seen nothing else is asked.
    del unseen.left, unseen.expected
    unseen.scaled = np.zeros(sensors.shape)
    rows = np.zeros(sensors.shape)
    watches.band = np.ones(sensors.shape[1])
    apart = _with_relations(watches, labels, usable)
    for start, end in pairwise(cuts):
        others = usable.copy()
        others[start:end] = False
        # Rows of a spell that lies in one stretch alone would be learnt beside other relations than they are judged by.
        apart &= _with_relations(watches, labels, others)
    for start, end in pairwise(cuts):
        others = usable.copy()
        others[start:end] = False
        watches.relations = _relations(watches, within(sensors, at), states, labels, others, apart)
        some = slice(start, end)
        own = None if at is None else at[some]
        looked = look(watches, sensors[some], states[some], labels[some], ages[some], at=own)
        unseen.residual[some] = looked.residual
        unseen.scaled[some] = looked.scaled
        unseen.held[some] = looked.held
        unread = (looked.scarce | looked.vague) & (labels[some] >= 0)
        rows[some] = watches.fused_rows(looked, labels[some], ages[some], unread)
        del looked
    watches.band = _spread(unseen.residual)
    unseen.residual /= watches.band
    watches.relations = _relations(watches, within(sensors, at), states, labels, usable, apart)
    far = _far(watches, labels, usable)
    fused = _fused(watches, rows, learnt)
    del rows
    unlike = np.zeros(sensors.shape[1], np.int64)
    if watches.fused is not None:
        gone = watches.fused.left_out_
        far[learnt[gone.rows]] = True
        unlike = gone.readings
    scaled = unseen.scaled
    watches.axes = _axes(scaled[usable])
    main = None
    if len(learnt) < FEW_ROWS_A_SENSOR * sensors.shape[1]:
        main = np.zeros(sensors.shape)
        for start, end in pairwise(cuts):
            others = usable.copy()
            others[start:end] = False
            main[start:end] = product(scaled[start:end], _axes(scaled[others]))
    known = product(scaled[usable], watches.axes) if main is None else main[usable]
    _set_level_scale(watches, known, labels[usable])
    del known
    del scaled
    watches.scatter_mean = np.nanmean(np.square(np.clip(unseen.residual, -WILD, WILD)), axis=0)
    watches.longest = _longest(raw, usable)
    raw = within(raw, at)
    # Nobody wants limits by what was wrong once and has been mended.
    calm = usable & ~_once(far)
    calm = calm if calm.sum() >= CALM * usable.sum() else usable
    learn_leaning(watches, unseen, within(sensors, at), calm)
    scores, firsts = scaled_parts(watches, unseen, raw, labels, fused, calm, main)
    del unseen, fused, main
    learn_gaps(watches, within(sensors, at), labels, calm)
    learn_steps(watches, raw, drivers, states, labels, ages, usable, level)
    regimes.gap = max(regimes.settle, usual, UNSEEN)
    return Learned(
        scores, slow, watches.follows > 0.0, leaves, lasts, firsts, far, unlike, wrong, undriven, still_drivers
    )


def _belied(watches: Watches, sensors: Matrix, states: Matrix, labels: Labels, usable: Flags) -> Flags:
    """The readings of rows to learn from that the others belie."""
    wrong = np.zeros(sensors.shape, bool)
    rows = np.flatnonzero(usable)
    scaled = (sensors[rows] - watches.regimes.centres[labels[rows]][:, watches.watched]) / watches.scale
    wrong[rows] = belied(scaled, states[rows, : np.count_nonzero(~watches.watched)])
    return wrong


def _set_scales(watches: Watches, values: Matrix, labels: Labels) -> None:
    """Scales of sensors and states: what is left of a sensor beside its regime's centre, in some running rows."""
    running = np.flatnonzero(labels >= 0)
    running = running[spread_rows(len(running), enough(values.shape[1]))]
    sensors = values[running][:, watches.watched]
    own = sensors - watches.regimes.centres[labels[running]][:, watches.watched]
    scale = np.sqrt(np.nanmean(np.square(_clipped(own)), axis=0))
    scale[~(scale > 0.0)] = 1.0
    watches.scale = scale
    _set_slow(watches, sensors)
    watches.state_centre, watches.state_scale = state_scales(values, watches.watched)


def _set_slow(watches: Watches, sensors: Matrix) -> None:
    """Main components of running rows, whatever their regime."""
    centre, below, above = scales(sensors)
    spread = np.maximum(np.where(np.isfinite(below), below, 0.0), np.where(np.isfinite(above), above, 0.0))
    spread[spread <= 0.0] = 1.0
    watches.slow_centre, watches.slow_scale = centre, spread
    away = np.clip((sensors - centre) / spread, -5.0, 5.0)
    missing = np.isnan(away)
    watches.slow_precision = precision_of(np.where(missing, 0.0, away), missing)
    away = solve_missing(away, missing, watches.slow_precision)
    watches.slow_precision = precision_of(away, missing)
    watches.slow_axes = np.ascontiguousarray(axes_of(products_of(away))[:, :MAIN])


def _clipped(values: Matrix) -> Matrix:
    """Values drawn in to their inner 99.8 %."""
    low, high = np.nanquantile(values, [0.001, 0.999], axis=0)
    return np.clip(values, low, high)


def _with_relations(watches: Watches, labels: Labels, usable: Flags) -> Flags:
    """The regimes with rows enough for relations of their own."""
    count = len(watches.regimes.centres)
    rows = np.bincount(labels[usable], minlength=count)[:count]
    enough_rows: Flags = (rows >= max(OWN_ROWS, OWN_ROWS_A_SENSOR * int(watches.watched.sum()))) & (count > 1)
    return enough_rows


def _relations(
    watches: Watches, sensors: Matrix, states: Matrix, labels: Labels, usable: Flags, apart: Flags
) -> list[Relations]:
    """Relations of each regime; those that are not `apart` share the relations of all rows."""
    centres = watches.regimes.centres[:, watches.watched]
    every: Relations | None = None
    found = []
    for number, centre in enumerate(centres):
        if apart[number]:
            own = np.flatnonzero(usable & (labels == number))
            found.append(Relations.fit((sensors[own] - centre) / watches.scale, states[own]))
            continue
        if every is None:
            rows = np.flatnonzero(usable)
            every = Relations.fit((sensors[rows] - centres[labels[rows]]) / watches.scale, states[rows])
        found.append(every)
    return found


def _far(watches: Watches, labels: Labels, usable: Flags) -> Flags:
    """The rows that the relations just fitted have left out."""
    far = np.zeros(len(labels), bool)
    for number, relations in enumerate(watches.relations):
        own = usable & (labels == number)
        rows = np.flatnonzero(own if relations.kept.size == np.count_nonzero(own) else usable)
        gone = rows[~relations.kept]
        far[gone[labels[gone] == number]] = True
    return far


def stretches(chosen: Labels, rows: int, count: int) -> Labels:
    """Where stretches of as many chosen rows begin, and where the last one ends: `count` and one more."""
    cuts = np.arange(count + 1) * len(chosen) // count
    return np.r_[0, chosen[cuts[1:-1]], rows]


def _fused(watches: Watches, rows: Matrix, learnt: Labels) -> Vector:
    """Fit the detector of all sensors at once, where there are rows enough for it; each row's score by one that has not
    seen its stretch."""
    scores = np.full(len(rows), np.nan)
    sensors = rows.shape[1]
    watches.fused = None
    if len(learnt) < 100 or sensors < 2:
        return scores
    folds = 2 * FOLDS if sensors < MANY else FOLDS
    detector = FusedDetector(
        false_alarm_rate=PART_RATE, folds=folds, whole=False, rounding="ignore", constants="ignore"
    )
    try:
        with quietly():
            apart = detector._fit_apart(rows[learnt])
    except ValueError:
        return scores
    watches.fused = detector
    for one, (start, end) in zip(apart, pairwise(stretches(learnt, len(rows), folds)), strict=True):
        first = max(0, start - LEAD)
        scores[start:end] = one.score(rows[first:end])[start - first :]
    return scores


def _settling(watches: Watches, sensors: Matrix, states: Matrix, labels: Labels, ages: Labels, begins: Flags) -> int:
    """Rows until a machine that has changed its regime is as usual; `begins` are the first after a standstill."""
    running = np.sort(ages[(labels >= 0) & ~begins])
    if not (np.diff(labels) != 0).any() or len(running) < SETTLED_ROWS:
        return UNSEEN
    # Where it never runs for long, the later half of its rows are as settled as it gets.
    slowest = min(SLOWEST, int(running[-max(SETTLED_ROWS, len(running) // 2)]))
    young = (labels >= 0) & (ages < 3 * slowest)
    old = (labels >= 0) & (ages >= slowest) & ~begins & ~np.isnan(states).any(axis=1)
    watches.band = np.ones(sensors.shape[1])
    # How large residuals usually are some rows tell, so many that they fit themselves no better than others; those
    # after a change are all looked at.
    settled = np.flatnonzero(old)
    old = np.zeros(len(old), bool)
    old[settled[spread_rows(len(settled), SETTLED * enough(sensors.shape[1]))]] = True
    watches.relations = _relations(watches, sensors, states, labels, old, _with_relations(watches, labels, old))
    some = np.flatnonzero(old | young)
    labels, ages, old, young = labels[some], ages[some], old[some], young[some]
    looked = look(watches, sensors[some], states[some], labels, ages)
    power = np.square(np.clip(looked.residual / _spread(looked.residual[old]), -10.0, 10.0))
    known = ~np.isnan(power)
    size = np.where(known, power, 0.0).sum(axis=1) / np.maximum(known.sum(axis=1), 1)
    usual = float(np.mean(size[old & known.any(axis=1)]))
    young &= known.any(axis=1)
    for age in range(slowest):
        rows = young & (ages >= age) & (ages < age + AHEAD)
        if not rows.any() or np.mean(size[rows]) <= EXCESS * usual:
            return age
    return slowest


def _spread(residual: Matrix) -> Vector:
    """Standard deviation of each sensor's residuals without their tails."""
    spread = np.ones(residual.shape[1])
    for place in range(residual.shape[1]):
        known = residual[:, place][~np.isnan(residual[:, place])]
        if known.size:
            middle = 1.4826 * float(np.median(np.abs(known)))
            inner = np.clip(known, -5.0 * middle, 5.0 * middle) if middle > 0.0 else known
            spread[place] = np.sqrt(np.mean(inner**2)) or 1.0
    return spread


def _axes(scaled: Matrix) -> Matrix:
    """The main components of scaled sensors."""
    return axes_of(products_of(np.clip(scaled, -5.0, 5.0)))


def _set_level_scale(watches: Watches, main: Matrix, labels: Labels) -> None:
    """The spread of each main component in each regime."""
    every = _spread(main)
    watches.level_scale = np.array(
        [
            _spread(main[labels == number]) if np.count_nonzero(labels == number) >= OWN_ROWS else every
            for number in range(len(watches.regimes.centres))
        ]
    )


def _longest(sensors: Matrix, usable: Flags) -> Vector:
    """Repetitions that no healthy sensor comes to."""
    longest = np.empty(sensors.shape[1])
    for place in range(sensors.shape[1]):
        runs = repeats(np.where(usable, sensors[:, place], np.nan))
        longest[place] = max(8.0, 2.0 * runs.max(initial=1) + 2.0)
    return longest


def _once(far: Flags) -> Flags:
    """A spell of rows that were left out and that never came again, and the rows around it whose means remember it."""
    found = np.zeros(len(far), bool)
    places = np.flatnonzero(far)
    cuts = np.flatnonzero(np.diff(places) > APART) + 1
    spells = [spell for spell in np.split(places, cuts) if len(spell) >= SPELL]
    if len(spells) == 1:
        first, last = int(spells[0][0]), int(spells[0][-1])
        # What is so from the first rows, or to the last, may be another machine.
        if first > APART and last < len(far) - APART:
            before = BEFORE + (last - first) // 2
            found[max(0, first - before) : last + REMEMBERED] = True
    return found
