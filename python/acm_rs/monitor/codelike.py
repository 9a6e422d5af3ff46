"""A reading that comes over and over, exactly, while no other sensor changes: a code?"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from acm_rs.monitor.recurring import recurring
from acm_rs.monitor.sampling import enough, spread_rows

__all__ = ["codelike", "dropouts", "out_again"]

Vector = NDArray[np.float64]
Matrix = NDArray[np.float64]
Flags = NDArray[np.bool_]
Labels = NDArray[np.int64]

OFTEN, MOST = 0.02, 0.6
"""Share of the readings that it is at least and at most: less is left out as a spike, and more is the rule."""
FEW = 50
"""Other readings that tell how wide a sensor reads."""
FAR = 0.5
"""Times the inner 99 % of the other readings by which it lies beyond them."""
ALIKE = 0.5
"""Quartile ranges by which the medians of the other sensors differ at most."""
ERRORS = 3.0
"""Standard errors of a median of so many spells by which they may differ where that is more."""
LEAST, SELDOM = 0.005, 0.2
"""Share of the readings that drop out to one value, at least and at most."""
SHORT, SPELLS = 3, 20
"""Rows that half of the spells last at most, and how many of them there are at least."""
DISTINCT = 6
"""Readings that a sensor has at least: one of fewer is a state."""
OVER = 6.0
"""Standard errors by which one comes more often than those beside it let expect, where it is none that is far off."""
WIDER = 1.25
"""Times as wide a sensor that belongs to it reads then as when this one reads nearly the same, at least."""
FEW_VALUES = 3
"""Of such readings there are at most so many: where more stand out, the sensor reads so."""
GRID = 1000
"""Readings that stand for those of two kinds of rows."""
AS_WIDE = 0.6
"""Share of their usual quartile range that the other sensors have meanwhile, at least."""
RELATED = 0.5
"""Rank correlation with one of them from which on the sensor cannot stay while that one does not."""


def codelike(
    names: Sequence[str], values: NDArray[np.float64], rows: NDArray[np.int64], watched: NDArray[np.bool_]
) -> list[tuple[str, float, float]]:
    """Such sensors among the columns, what they read, and in which share of their readings."""
    places = np.flatnonzero(watched)
    some = values[rows[spread_rows(len(rows), enough(len(places)))]][:, places]
    found = []
    for place, column in enumerate(some.T):
        known = column[~np.isnan(column)]
        if known.size <= FEW:
            continue
        for value in (known.min(), known.max()):
            own = column == value
            share = np.count_nonzero(own) / known.size
            others = known[known != value]
            if not OFTEN <= share <= MOST or others.size < FEW:
                continue
            if _beyond(value, others) and _as_ever(some, own, place):
                found.append((names[places[place]], float(value), float(share)))
                break
    return found


def _as_ever(
    values: Matrix, own: Flags, place: int, alike: float = ALIKE, near: Labels | None = None, true: float = 0.0
) -> bool:
    """Whether the other sensors read in these rows what they read in the rest; a part of them, `true`, what they read
    in the rows `near`."""
    rest = ~own & ~np.isnan(values[:, place])
    told = False
    for other in range(values.shape[1]):
        column = values[:, other]
        here, there = column[own], column[rest]
        here, there = here[~np.isnan(here)], there[~np.isnan(there)]
        if other == place or min(here.size, there.size) < FEW // 2:
            continue
        if near is not None:
            there = _mixed(there, column[near], true)
        low, middle, high = np.quantile(there, [0.25, 0.5, 0.75])
        if abs(float(np.median(here)) - middle) > alike * (high - low):
            return False
        told = True
    return told


def dropouts(values: Matrix, place: int) -> list[float]:
    """Values to which a sensor drops for some rows, again and again, whatever the machine does: no readings.

    They are far from all others; or come far more often than any other, though a sensor that belongs to it goes on as
    ever meanwhile.
    """
    column = values[:, place]
    known = column[~np.isnan(column)]
    if known.size <= FEW:
        return []
    some = known[spread_rows(known.size, enough(1))]
    readings, counts = np.unique(some, return_counts=True)
    if readings.size < DISTINCT:
        return []
    excess, error = _over_neighbours(readings, counts)
    often = (excess >= LEAST * some.size) & (excess >= OVER * error)
    outstanding = np.flatnonzero(often)
    if len(outstanding) > FEW_VALUES:
        outstanding = outstanding[:0]
    # Where it truly reads so, too, a part of them are readings.
    single = {float(readings[one]): max(0.0, 1.0 - float(excess[one] / counts[one])) for one in outstanding.tolist()}
    tried = {float(known.min()), float(known.max()), *single}
    found = []
    for value in sorted(tried):
        own = column == value
        if not max(LEAST * known.size, FEW // 2) <= np.count_nonzero(own) <= SELDOM * known.size:
            continue
        if not _comes_and_goes(own, SHORT) or recurring(column, own).any():
            continue
        near, true = None, single.get(value, 0.0)
        if not _beyond(value, known[known != value]):
            near = _nearest(column, own, value)
            if value not in single or not _apart(values, place, own, near, true):
                continue
        # 1.253 standard deviations over the root of the count, of which a quartile range is 1.349.
        error = 1.253 / 1.349 / np.sqrt(np.count_nonzero(np.diff(own.astype(np.int8), prepend=0) > 0))
        if _as_ever(values, own, place, max(ALIKE, ERRORS * error), near, true):
            found.append(value)
    return found


def out_again(column: Vector, wrong: Flags) -> list[float]:
    """Values that were taken as no readings over and over, and are far from what else the sensor reads.

    `wrong` are the rows that were taken so; what comes once may be what a sensor reads when it has failed.
    """
    readings, counts = np.unique(column[wrong], return_counts=True)
    found = []
    for value in readings[counts >= SPELLS].tolist():
        own = column == value
        some = own & wrong
        if 2 * np.count_nonzero(some) >= np.count_nonzero(own) and _comes_and_goes(some, len(column)):
            rest = column[~own & ~wrong]
            rest = rest[~np.isnan(rest)]
            if rest.size > FEW and _beyond(value, rest):
                found.append(float(value))
    return found


def _beyond(value: float, others: Vector) -> bool:
    """Whether a value lies far beyond the others."""
    low, high = np.quantile(others, [0.005, 0.995])
    return bool(max(low - value, value - high) > FAR * (high - low))


def _comes_and_goes(own: Flags, rows: int) -> bool:
    """Whether rows come in spells enough, in either half of a history, most of them so short."""
    edges = np.diff(own.astype(np.int8), prepend=0, append=0)
    firsts, ends = np.flatnonzero(edges > 0), np.flatnonzero(edges < 0)
    if len(firsts) < SPELLS:
        return False
    early = np.count_nonzero(firsts < len(own) / 2)
    return bool(len(firsts) / 4 <= early <= 3 * len(firsts) / 4 and np.median(ends - firsts) <= rows)


def _over_neighbours(readings: Vector, counts: NDArray[np.int64]) -> tuple[Vector, Vector]:
    """By how much more often each reading comes than those a step or two beside it let expect, and the error of that.

    Of a normal law the logarithms of the counts lie on a parabola, however coarse its steps are.
    """
    step = float(np.diff(readings).min())
    beside = []
    for away in (-2, -1, 1, 2):
        place = np.searchsorted(readings, readings + (away - 0.5) * step)
        place = np.minimum(place, len(readings) - 1)
        near = np.abs(readings[place] - readings - away * step) < 0.5 * step
        beside.append(np.where(near, counts[place], 0).astype(np.float64))
    inner, outer = np.array(beside[1:3]), np.array([beside[0], beside[3]])
    smooth = np.exp((4.0 * np.log(inner + 1.0).sum(axis=0) - np.log(outer + 1.0).sum(axis=0)) / 6.0)
    expected = np.maximum(inner.mean(axis=0), np.where(inner.min(axis=0) > 0.0, smooth, 0.0))
    return counts - expected, np.sqrt(2.0 * expected + 1.0)


def _nearest(column: Vector, own: Flags, value: float) -> Labels:
    """As many other rows that are nearest to a reading."""
    rest = np.flatnonzero(~own & ~np.isnan(column))
    rest = rest[spread_rows(len(rest), enough(1))]
    found: Labels = rest[np.argsort(np.abs(column[rest] - value), kind="stable")[: max(FEW, np.count_nonzero(own))]]
    return found


def _mixed(there: Vector, near: Vector, true: float) -> Vector:
    """Readings of which a share is as those of some rows, and the rest as the others."""
    near = near[~np.isnan(near)]
    count = round(GRID * true)
    if not count or not near.size:
        return there
    middles = [(np.arange(many) + 0.5) / many for many in (count, GRID - count)]
    return np.append(np.quantile(near, middles[0]), np.quantile(there, middles[1]))


def _apart(values: Matrix, place: int, own: Flags, near: Labels, true: float) -> bool:
    """Whether the sensor that belongs to this one most goes through what it usually does while this one reads one
    value."""
    column = values[:, place]
    rest = np.flatnonzero(~own & ~np.isnan(column))
    rest = rest[spread_rows(len(rest), enough(1))]
    found, most = False, RELATED
    for other in range(values.shape[1]):
        known = rest[~np.isnan(values[rest, other])]
        here, close = values[own, other], values[near, other]
        here, close = here[~np.isnan(here)], close[~np.isnan(close)]
        if other == place or min(known.size, here.size, close.size) < FEW // 2:
            continue
        tie = abs(_rank_correlation(column[known], values[known, other]))
        if tie < most:
            continue
        usual = _quartile_range(_mixed(values[known, other], close, true))
        wide = _quartile_range(here)
        # When it truly reads so, what belongs to it is narrower.
        found, most = wide >= WIDER * _quartile_range(close) and wide >= AS_WIDE * usual > 0.0, tie
    return found


def _quartile_range(values: Vector) -> float:
    low, high = np.quantile(values, [0.25, 0.75])
    return float(high - low)


def _rank_correlation(one: Vector, other: Vector) -> float:
    """Spearman's correlation of readings, those that are alike in the order of their rows."""
    ranks = [np.argsort(np.argsort(values, kind="stable"), kind="stable") for values in (one, other)]
    n = len(one)
    return 1.0 - 6.0 * float(np.square(ranks[0] - ranks[1]).sum()) / (n * (n * n - 1.0))
