"""Sensors that lean on one that is dead.

What a dead sensor would have told of the others is left in their residuals, and as it may come and go slowly, means of
many rows do not take it away. How much farther off healthy residuals are then follows from what the fit has seen.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from acm_rs.decisions import EwmaChart
from acm_rs.frames import listed
from acm_rs.monitor.carried import Looked, State, Wider
from acm_rs.monitor.lacking import lacking
from acm_rs.monitor.looking import laws_of
from acm_rs.monitor.parts import LEVEL_NAMES, LEVELS, MEMORIES, PAST, PIECE, SHIFTS, SLOW, WILD
from acm_rs.monitor.relations import product, products_of, solve_missing
from acm_rs.monitor.sampling import enough, spread_rows
from acm_rs.monitor.steps import Told
from acm_rs.monitor.watches import Watches
from acm_rs.monitor.without import LACKS, MANY, TOLD, without

__all__ = [
    "CHARTS",
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
DEAD = 0.8
"""Share of what the slow states remember of a sensor that was not read from which on it counts as all: sensors that are
dead, for however long, are looked at together."""
OFTEN = 0.05
"""Share of the rows of a training in which a gap leaves single residuals as far off as any that it allows for."""
PAIRS = 50
"""Rows in which two sensors were both read from which on is known what they have to do with each other."""
WHOLE = 20
"""Complete rows a sensor from which on they alone tell that."""
TINY = 1e-6
"""Share by which a limit is wider that counts."""
ROWS = 1024
"""Rows that are looked at at once."""
MOST = 8
"""Sensors that are named."""


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
    # Of sensors that tell the same little is left but a difference: it must be one of the same rows.
    whole = chosen & ~np.isnan(sensors).any(axis=1)
    enough_whole = np.count_nonzero(whole) >= WHOLE * d
    if enough_whole:
        chosen = whole
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
    watches.leant = mean[0] if enough_whole else np.zeros(2 * d)


def learn_gaps(watches: Watches, sensors: Matrix, labels: Labels, usable: Flags) -> None:
    """How much farther off rows of the training were for the gaps that they had: its limits allow for that."""
    rows, d = sensors.shape
    total, count = np.zeros(3 * d + len(LEVEL_NAMES) * watches.axes.shape[1]), np.zeros(d)
    chosen, state = _chosen(usable, d), State(d, 0)
    single, rough, lasting = [], np.zeros(d), np.zeros((len(SHIFTS), d))
    for first in range(0, rows, PIECE):
        some = slice(first, first + PIECE)
        missing = np.isnan(sensors[some])
        silent, times = np.asarray(missing.all(axis=1)), np.ones(len(missing), np.int64)
        count += np.count_nonzero(~missing[chosen[some]], axis=0)
        lacks = lacking(missing, silent, None if first else 0, times, state, watches.doubt)
        if lacks is None:
            continue
        lacks, gone, doubts = _counted(lacks, missing, watches.joint)
        ready = chosen[some] & ((lacks > 0.0) | gone).any(axis=1)
        for every, law in laws_of(watches, labels[some], ready, None):
            beside = without(watches, law)
            for begin in range(0, len(every), ROWS):
                own = every[begin : begin + ROWS]
                found = beside.found(gone[own], lacks[own], doubts[own])[:, :-d].clip(0.0)
                found[:, : 3 * d][np.tile(missing[own], 3)] = 0.0
                single.append(found[:, :d].copy())
                # What each row has for itself adds up in means as its variance does, what lasts as it is.
                for k, mean in enumerate((found[:, d : 2 * d], found[:, 2 * d : 3 * d])):
                    lasting[k] += np.sqrt((mean - found[:, :d]).clip(0.0)).sum(axis=0)
                    np.minimum(mean, found[:, :d], out=mean)
                total += found.sum(axis=0)
                # Scatter takes squares, and of what counts as so far off at most.
                rough += np.minimum(found[:, :d], WILD**2 - 1.0).sum(axis=0)
    levels = np.full(len(total) - 3 * d, np.count_nonzero(chosen))
    watches.gaps = total / np.maximum(np.append(np.tile(count, 3), levels), 1.0)
    watches.gaps[d : 3 * d] += np.square(lasting / np.maximum(count, 1.0)).ravel()
    if single:
        # What comes over and over is known of single rows.
        each = np.sort(np.vstack(single), axis=0)
        place = np.clip((len(each) - OFTEN * count).astype(np.int64), 0, len(each) - 1)
        often = np.where(OFTEN * count < len(each), each[place, np.arange(d)], 0.0)
        watches.gaps[:d] = np.maximum(watches.gaps[:d], often)
    watches.gaps = np.append(watches.gaps, rough / np.maximum(count, 1.0))


def _chosen(usable: Flags, sensors: int) -> Flags:
    """Some of the rows to learn from; in the first of all the slow states are not yet what they should be."""
    learnt = np.flatnonzero(usable)
    learnt = learnt[learnt >= min(PAST, len(usable) // 10)]
    found = np.zeros(len(usable), bool)
    found[learnt[spread_rows(len(learnt), enough(sensors))]] = True
    return found


def _counted(lacks: Matrix, missing: Flags, joint: bool) -> tuple[Matrix, Flags, Matrix]:
    """The shares of what the slow states remember that count, which readings are gone beside, and how wrong the states
    are."""
    d = missing.shape[1]
    lacks, doubts = lacks[:, :d], lacks[:, d:]
    lacks = np.where(lacks > DEAD, 1.0, np.where(lacks > LACKS, lacks, 0.0))
    return lacks, missing if joint else missing & (lacks > 0.0), doubts


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
        lacks = np.zeros((len(sensors), sensors.shape[1] + (0 if watches.doubt is None else watches.doubt.width)))
    missing = np.isnan(sensors)
    if looked.stopped is not None:
        missing |= looked.stopped
    lacks, gone, doubts = _counted(lacks, missing, watches.joint)
    ready = ((lacks > 0.0) | gone).any(axis=1) & ~looked.held
    if not ready.any() and not begun:
        return None
    d = sensors.shape[1]
    widths = {name: d if name in SHIFT_NAMES else watches.axes.shape[1] for name in CHARTS}
    place = np.cumsum(ready) - 1
    more = {name: np.zeros((np.count_nonzero(ready), width)) for name, width in widths.items()}
    times, count = np.zeros(d), 0
    end = 3 * d + len(LEVEL_NAMES) * watches.axes.shape[1]
    own, rough, leaned = 1.0 + watches.gaps[:end], 1.0 + watches.gaps[end:], np.zeros(d, bool)
    if watches.joint:
        looked.rougher = np.ones((len(sensors), d), order="F")
    for every, law in laws_of(watches, labels, ready, told):
        beside = without(watches, law)
        for first in range(0, len(every), ROWS):
            rows = every[first : first + ROWS]
            found = beside.found(gone[rows], lacks[rows], doubts[rows])
            wide = np.sqrt((1.0 + found[:, :-d].clip(0.0)) / own)
            row, last = np.maximum(wide[:, :d], 1.0), wide[:, 2 * d : 3 * d]
            looked.residual[rows] = (looked.residual[rows] - found[:, -d:]) / row
            if looked.rougher is not None:
                looked.rougher[rows] = np.maximum(np.sqrt((1.0 + found[:, :d].clip(0.0)) / rough) / row, 1.0)
            lie = gone[rows].any(axis=1)
            times, count = times + last[lie].clip(1.0).sum(axis=0), count + int(np.count_nonzero(lie))
            end = d
            for name, width in widths.items():
                part = wide[:, end : end + width]
                more[name][place[rows]] = _lasting(part / row if name in SHIFT_NAMES else part, watches.joint)
                end += width
        if count >= MANY:
            leaned |= beside.leaned(gone)
    limits = {name: Wider(len(sensors), width, []) for name, width in widths.items()}
    start = 0 if begun else int(ready.argmax())
    while start < len(sensors):
        start = _stretch(start, ready, place, more, looked, state, limits, watches.joint)
    return Leaning(limits, leaned, times / count if count >= MANY else np.ones(d))


def _stretch(
    start: int,
    ready: Flags,
    place: Labels,
    more: dict[str, Matrix],
    looked: Looked,
    state: State,
    limits: dict[str, Wider],
    joint: bool,
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
            blocks[name].append(still_wider(block, joint))
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


def _lasting(times: Matrix, joint: bool) -> Matrix:
    """What rows that are so many times farther off have in common, beside one deviation that each has for itself; in
    former files that was not told apart."""
    return np.sqrt(np.square(times).clip(1.0) - 1.0) if joint else times - 1.0


def still_wider(more: Matrix, joint: bool) -> Matrix:
    """Without what is hardly more than nothing, or less: no limit is narrower than it was learnt."""
    found = np.where(more < TINY, 0.0, more)
    return np.sqrt(1.0 + np.square(found)) - 1.0 if joint else found


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
