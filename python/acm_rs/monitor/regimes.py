"""What the machine is doing: standing still, running in one of its regimes, or something that training has not seen."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from acm_rs.monitor.cleaning import scales
from acm_rs.monitor.quiet import quietly
from acm_rs.monitor.sampling import enough, spread_rows
from acm_rs.regimes import RegimeModel, minimum_dwell

__all__ = ["REST", "STANDSTILL", "UNKNOWN", "Phase", "Regimes", "gaps"]

Matrix = NDArray[np.float64]
Vector = NDArray[np.float64]
Flags = NDArray[np.bool_]
Labels = NDArray[np.int64]

UNKNOWN, STANDSTILL = -2, -1
"""Labels that are no running regime."""
REST = 0.2
"""A resting sensor reads at most this share of its level while running."""
STEADY = 0.3
"""A sensor that can tell a standstill never reads less than this share of its level while running."""
MAJORITY = 0.5
"""Share of those sensors that rest at least in a standstill of the training."""
NEARLY = 0.8
"""Share that must rest in a later one: some that drop to zero are faults. Where fewer rested in the training, one less
than then."""
TOGETHER = 0.75
"""Share of the rows that are no standstill in which a sensor that tells one moves at least."""
TURNS = 1.0 / 3.0
"""Share of those sensors above which such as run while most others rest make it no standstill."""
WHOLE = 0.25
"""Share of all sensors that must rest: a pump that pauses is no plant at a standstill."""
BRISK = 30
"""Rows that a regime must last on average: what changes faster is part of running."""
DISTANT = 1.0
"""Spreads beyond its trained range at which a sensor says that the state is unknown."""
EDGE = 3
"""Rows around a standstill in which the machine runs up or down."""
MOST = 4
"""Running regimes at most."""
LEAST = 0.05
"""Share of the running rows that a regime must have."""
CLIP = 8.0
"""Spreads that one sensor may add to a distance: no single one decides the regime."""


class Phase:
    """The regime of the row before and for how long it has lasted, carried from piece to piece."""

    __slots__ = ("age", "label")

    def __init__(self, label: int | None = None, age: int = 0) -> None:
        self.label: int | None = label
        self.age: int = age


class Regimes:
    """Standstill by rule, running regimes by their centres, and what is beyond all of them."""

    def __init__(self, **parts: Any) -> None:
        self.level: Vector = parts["level"]
        """Of sensors that rest at a standstill what they read while running, NaN for the others."""
        self.votes: float = float(parts["votes"])
        """Share of them that must rest."""
        self.centres: Matrix = parts["centres"]
        self.spread: Vector = parts["spread"]
        self.low: Matrix = parts["low"]
        self.high: Matrix = parts["high"]
        """Trained range of each sensor while running, (2, d): row 0 of all, row 1 of drivers alone (else infinite)."""
        self.counts: list[int] = [int(count) for count in parts["counts"]]
        self.still_rows: int = int(parts["still_rows"])
        self.settle: int = int(parts["settle"])
        """Rows after a change of regime that are not judged."""
        self.gap: int = int(parts["gap"])
        """Rows that a driver is without a reading at most before the regime is unknown."""
        self.holds: Labels = np.zeros(len(self.spread), np.int64)
        """Rows for which each driver's reading stands, as it comes no oftener; 0 where it comes with every row."""

    @staticmethod
    def fields() -> tuple[str, ...]:
        """The names of its arrays."""
        return ("level", "centres", "spread", "low", "high")

    @property
    def names(self) -> tuple[str, ...]:
        """What the labels are called: of label k the entry k + 2."""
        running = ["running"] if len(self.centres) == 1 else [f"running {k + 1}" for k in range(len(self.centres))]
        return ("unknown", "standstill", *running)

    @classmethod
    def fit(cls, values: Matrix, states: Flags, drivers: Flags, apart: Flags | None = None) -> Regimes:
        """Learn from cleaned readings; `states` and `drivers` tell which columns are such, and those `apart` tell of no
        regime."""
        level, votes, still = _resting(values, states)
        running = values[~near_rows(still, EDGE)]
        if not len(running):
            raise ValueError("`frame` must have rows in which the machine runs, got a standstill throughout")
        centres, counts, spread = _running(running, states, drivers, states if apart is None else states | apart)
        low = np.array([np.fmin.reduce(running, axis=0), np.full(values.shape[1], -np.inf)])
        high = np.array([np.fmax.reduce(running, axis=0), np.full(values.shape[1], np.inf)])
        reach = high[0] - low[0]
        low[1, drivers], high[1, drivers] = (low[0] - 0.05 * reach)[drivers], (high[0] + 0.05 * reach)[drivers]
        low[0, states], high[0, states] = -np.inf, np.inf
        return cls(
            level=level,
            votes=votes,
            centres=centres,
            spread=spread,
            low=low,
            high=high,
            counts=counts,
            still_rows=int(still.sum()),
            settle=0,
            gap=0,
        )

    def resting(self, values: Matrix) -> Flags:
        """Rows in which the machine stands still."""
        found = _rests(values, self.level, self.votes)
        if self.still_rows or self.votes > 1.0:
            return found
        # Of a standstill that training has not seen, temperatures may stay warm: they fall, though.
        some = self.level[~np.isnan(self.level)]
        resting, known = _counts(values, self.level)
        with np.errstate(invalid="ignore"):
            fallen = np.abs(values) <= np.maximum(REST * self.level, self.low[0])
        falls = np.count_nonzero(fallen[:, ~np.isnan(self.level)], axis=1)
        more: Flags = (resting > MAJORITY * len(some)) & (falls >= self.votes * known)
        return found | more

    def label(self, values: Matrix) -> Labels:
        """The regime of each row, by itself."""
        labels = np.zeros(len(values), np.int64)
        if len(self.centres) > 1:
            labels = self.nearest(values)
        many = max(2, int(0.25 * np.count_nonzero(self.ranged)))
        beyond_by = np.count_nonzero(self.far(values), axis=1)
        labels[(beyond_by > many) | self.outside(values)] = UNKNOWN
        labels[self.resting(values)] = STANDSTILL
        return labels

    @property
    def ranged(self) -> Flags:
        """Which columns have a trained range."""
        found: Flags = np.isfinite(self.low[0]) & np.isfinite(self.spread)
        return found

    def far(self, values: Matrix) -> Flags:
        """Readings far beyond their trained range, (n, columns)."""
        with np.errstate(invalid="ignore"):
            beyond = (values < self.low[0] - DISTANT * self.spread) | (values > self.high[0] + DISTANT * self.spread)
        found: Flags = beyond & self.ranged
        return found

    @property
    def drivers(self) -> Flags:
        """Which columns are drivers."""
        found: Flags = np.isfinite(self.low[1])
        return found

    def outside(self, values: Matrix) -> Flags:
        """Rows in which a driver is beyond its trained range."""
        found: Flags = np.logical_or.reduce(self.strayed(values), axis=1)
        return found

    def strayed(self, values: Matrix) -> Flags:
        """Drivers beyond their trained range, (n, columns)."""
        with np.errstate(invalid="ignore"):
            found: Flags = (values < self.low[1]) | (values > self.high[1])
        return found

    def nearest(self, values: Matrix) -> Labels:
        """The running regime whose centre is nearest, one sensor counting so much at most."""
        best = np.full(len(values), np.inf)
        labels = np.zeros(len(values), np.int64)
        for number, centre in enumerate(self.centres):
            distance = np.zeros(len(values))
            for place in np.flatnonzero(np.isfinite(self.spread)):
                away = np.abs(values[:, place] - centre[place]) / self.spread[place]
                distance += np.where(np.isnan(away), 0.0, np.minimum(away, CLIP) ** 2)
            closer = distance < best
            best[closer], labels[closer] = distance[closer], number
        return labels

    @staticmethod
    def carried(labels: Labels, silent: Any, phase: Phase) -> Labels:
        """Rows in which nothing was measured have the regime of the row before."""
        known = np.maximum.accumulate(np.where(silent, -1, np.arange(len(labels))))
        before = UNKNOWN if phase.label is None else phase.label
        return np.where(known >= 0, labels[known], before)

    def ages(self, labels: Labels, phase: Phase) -> tuple[Labels, Phase]:
        """Rows since the regime changed, 0 at the change; the first one that a history knows counts as settled."""
        n = len(labels)
        if not n:
            return np.zeros(0, np.int64), phase
        if phase.label is None and labels[0] == UNKNOWN:
            known = np.flatnonzero(labels != UNKNOWN)
            lead = int(known[0]) if known.size else n
            ages, phase = self.ages(labels[lead:], phase)
            return np.append(np.full(lead, self.settle + 1), ages), phase
        rows = np.arange(n)
        first = self.settle + 1 if phase.label is None else 0 if phase.label != labels[0] else phase.age + 1
        change = np.append(False, labels[1:] != labels[:-1])
        latest = np.maximum.accumulate(np.where(change, rows, 0))
        ages = np.where(latest > 0, rows - latest, first + rows)
        # Nobody counts further than this.
        ages = np.minimum(ages, 2**40)
        return ages, Phase(int(labels[-1]), int(ages[-1]))


def gaps(values: Matrix, before: Labels) -> Labels:
    """Rows since each column's last reading, 0 where it has one; `before` are those of the row before."""
    rows = np.arange(len(values))[:, None]
    latest = np.maximum.accumulate(np.where(np.isnan(values), -1, rows), axis=0)
    # Nobody counts further than this.
    found: Labels = np.minimum(np.where(latest >= 0, rows - latest, before + rows + 1), 2**40)
    return found


def near_rows(marked: Flags, rows: int) -> Flags:
    """Marked rows and those at most so many rows from one."""
    found = marked.copy()
    for shift in range(1, rows + 1):
        found[shift:] |= marked[:-shift]
        found[:-shift] |= marked[shift:]
    return found


def _resting(values: Matrix, states: Flags) -> tuple[Vector, float, Flags]:
    """The sensors that tell a standstill, by their levels while running; the share that must rest; resting rows."""
    n, d = values.shape
    level = np.full(d, np.nan)
    rested = np.zeros(d, bool)
    for place in range(d):
        known = np.abs(values[:, place][~np.isnan(values[:, place])])
        if states[place] or not known.size:
            continue
        high = float(np.quantile(known, 0.9))
        if high <= 0.0:
            continue
        resting = known <= REST * high
        between = (known > REST * high) & (known < STEADY * high)
        if between.mean() <= 0.02 and not resting.all():
            level[place] = high
            rested[place] = resting.any()
    able = np.count_nonzero(~np.isnan(level))
    # Only sensors that have rested together are known to rest.
    if np.count_nonzero(rested) >= 2:
        some = np.where(rested, level, np.nan)
        for share in (MAJORITY, NEARLY):
            some = _running_together(values, some, states, share)
            still = _rests(values, some, _votes(some, states, share))
            if not still.any():
                break
            on = _resting_share(values[still], some) <= MAJORITY
            if np.count_nonzero(on) > TURNS * np.count_nonzero(~np.isnan(some)):
                # By turns, as those of a pump on duty and one on standby.
                continue
            if on.any():
                # A few that run on, as an oil pump's, are of no standstill.
                some = np.where(on, np.nan, some)
                still = _rests(values, some, _votes(some, states, share))
                if not still.any():
                    break
            zeros, known = _counts(values[still], some)
            usual = float(np.quantile(zeros / known, 0.1))
            able = np.count_nonzero(~np.isnan(some))
            least = NEARLY if usual >= NEARLY else max(share, usual - 1.0 / able)
            votes = _votes(some, states, least)
            return some, votes, _rests(values, some, votes)
    # Training has seen no standstill; nearly all sensors at rest would be one.
    return level, _votes(level, states, NEARLY if able >= 3 else 2.0), np.zeros(n, bool)


def _running_together(values: Matrix, level: Vector, states: Flags, share: float) -> Vector:
    """Levels of the sensors that move in most rows that are no standstill: a valve that opens on demand is left out."""
    running = ~_rests(values, level, _votes(level, states, share))
    moving = 1.0 - _resting_share(values[running], level)
    return np.where(moving >= TOGETHER, level, np.nan)


def _resting_share(values: Matrix, level: Vector) -> Vector:
    """In which share of its readings each sensor rests, NaN of those that do not tell a standstill."""
    known = np.count_nonzero(~np.isnan(values), axis=0)
    with np.errstate(invalid="ignore"):
        resting = np.count_nonzero(np.abs(values) <= REST * level, axis=0)
    return np.where(np.isnan(level), np.nan, resting / np.maximum(known, 1))


def _votes(level: Vector, states: Flags, share: float) -> float:
    """The share of those that can tell a standstill that must rest, so that enough of all sensors do."""
    able = np.count_nonzero(~np.isnan(level))
    return max(share, WHOLE * np.count_nonzero(~states) / able) if able else 2.0


def _rests(values: Matrix, level: Vector, votes: float) -> Flags:
    resting, known = _counts(values, level)
    return (known > 0) & (resting >= 2) & (resting >= votes * known)


def _counts(values: Matrix, level: Vector) -> tuple[Labels, Labels]:
    """Of the sensors that can tell a standstill, how many rest and how many have a reading."""
    able = np.flatnonzero(~np.isnan(level))
    some = values[:, able]
    with np.errstate(invalid="ignore"):
        resting = np.count_nonzero(np.abs(some) <= REST * level[able], axis=1)
    return resting, np.count_nonzero(~np.isnan(some), axis=1)


def _running(running: Matrix, states: Flags, drivers: Flags, apart: Flags) -> tuple[Matrix, list[int], Vector]:
    """Centres, counts and the common spread of the running regimes; columns `apart` tell of none."""
    labels = np.zeros(len(running), np.int64)
    looked = drivers & ~states if (drivers & ~states).any() else ~apart
    # What the machine does without a reading of a driver only the rows before tell.
    told = np.flatnonzero(_driven(running[:, drivers & ~states]))
    if len(told) >= 200 and looked.any():
        rows = np.ascontiguousarray(running[told][:, looked])
        labels = labels[told]
        # A regime that counts has one in twenty of them; each row is given to one of them then.
        some = spread_rows(len(rows), enough(rows.shape[1]) // 2)
        # A number too small joins regimes that a gap parts, one too great parts what has none: the latter mends.
        count = 1
        for number in range(2, MOST + 1):
            with quietly():
                model = RegimeModel(number).fit(rows[some])
            own = np.asarray(model.labels_)
            parted = _parted(rows[some], own)
            if len(np.unique(parted)) > count:
                count = len(np.unique(parted))
                called = np.zeros(number, np.int64)
                called[np.maximum(own, 0)] = parted
                labels = parted if len(some) == len(rows) else called[np.maximum(model.predict(rows), 0)]
        labels = labels[np.maximum(np.searchsorted(told, np.arange(len(running)), "right") - 1, 0)]
        labels = np.asarray(minimum_dwell(labels, 5))
        if np.count_nonzero(np.diff(labels)) > len(labels) / BRISK:
            labels[:] = 0
    kinds, counts = np.unique(labels, return_counts=True)
    # What hardly ever lasts is part of running too.
    few = kinds[counts < LEAST * len(labels)]
    labels[np.isin(labels, few)] = kinds[counts.argmax()]
    kinds, counts = np.unique(labels, return_counts=True)
    order = kinds[np.argsort(-counts, kind="stable")]
    found = [scales(running[labels == kind]) for kind in order]
    centres = np.array([one[0] for one in found])
    within = np.array([one[1:] for one in found])
    spread = np.sqrt(np.mean(np.where(np.isfinite(within), within, 0.0) ** 2, axis=(0, 1)))
    spread[(spread <= 0.0) | apart] = np.inf
    return centres, [int(count) for count in np.sort(counts)[::-1]], spread


def _driven(drivers: Matrix) -> Flags:
    """Rows that have readings of all drivers, or of some where hardly any has all."""
    missing = np.isnan(drivers)
    known: Flags = ~np.logical_or.reduce(missing, axis=1)
    if np.count_nonzero(known) >= len(known) / 2:
        return known
    some: Flags = ~np.logical_and.reduce(missing, axis=1)
    return some


def _parted(values: Matrix, labels: Labels) -> Labels:
    """Regimes with rows all along the way between them are one, as are those with few rows."""
    labels = labels.copy()
    labels[labels < 0] = 0
    middle, below, above = scales(values)
    spread = np.maximum(np.where(np.isfinite(below), below, 1.0), np.where(np.isfinite(above), above, 1.0))
    scaled = np.where(np.isnan(values), 0.0, (values - middle) / spread)
    joined = True
    while joined:
        joined = False
        kinds = np.unique(labels)
        for a in kinds:
            for b in kinds[kinds > a]:
                if _together(scaled, labels, int(a), int(b)):
                    labels[labels == b] = a
                    joined = True
                    break
            if joined:
                break
    return labels


def _together(scaled: Matrix, labels: Labels, a: int, b: int) -> bool:
    """Whether two regimes are no two: few rows of one, or no gap between them."""
    one, other = labels == a, labels == b
    if min(one.sum(), other.sum()) < max(30, LEAST * len(labels)):
        return True
    begin, end = np.median(scaled[one], axis=0), np.median(scaled[other], axis=0)
    way = end - begin
    length = float(np.sum(way * way))
    if length <= 0.0:
        return True
    place = ((scaled[one | other] - begin) * way).sum(axis=1) / length
    between = np.mean((place > 0.35) & (place < 0.65))
    return bool(between > 0.05)
