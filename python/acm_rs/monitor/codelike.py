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
SINGLE = 10
"""Times as often as any other reading it comes where it is none that is far off."""
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


def _as_ever(values: Matrix, own: Flags, place: int, alike: float = ALIKE) -> bool:
    """Whether the other sensors read in these rows what they read in the rest."""
    rest = ~own & ~np.isnan(values[:, place])
    others = np.delete(values, place, axis=1)
    told = False
    for column in others.T:
        here, there = column[own], column[rest]
        here, there = here[~np.isnan(here)], there[~np.isnan(there)]
        if min(here.size, there.size) < FEW // 2:
            continue
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
    if readings.size <= FEW:
        return []
    most = int(counts.argmax())
    single = counts[most] >= max(SINGLE * np.delete(counts, most).max(), LEAST * some.size)
    tried = {float(known.min()), float(known.max())} | ({float(readings[most])} if single else set())
    found = []
    for value in sorted(tried):
        own = column == value
        if not max(LEAST * known.size, FEW // 2) <= np.count_nonzero(own) <= SELDOM * known.size:
            continue
        if not _comes_and_goes(own, SHORT) or recurring(column, own).any():
            continue
        if not _beyond(value, known[known != value]) and not (
            value == readings[most] and single and _apart(values, place, own)
        ):
            continue
        # 1.253 standard deviations over the root of the count, of which a quartile range is 1.349.
        error = 1.253 / 1.349 / np.sqrt(np.count_nonzero(np.diff(own.astype(np.int8), prepend=0) > 0))
        if _as_ever(values, own, place, max(ALIKE, ERRORS * error)):
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


def _apart(values: Matrix, place: int, own: Flags) -> bool:
    """Whether a sensor that belongs to this one goes through what it usually does while this one reads one value."""
    column = values[:, place]
    rest = np.flatnonzero(~own & ~np.isnan(column))
    rest = rest[spread_rows(len(rest), enough(1))]
    for other in range(values.shape[1]):
        known = rest[~np.isnan(values[rest, other])]
        here = values[own, other]
        here = here[~np.isnan(here)]
        if other == place or min(known.size, here.size) < FEW // 2:
            continue
        low, high = np.quantile(values[known, other], [0.25, 0.75])
        wide = np.quantile(here, 0.75) - np.quantile(here, 0.25)
        if (
            wide >= AS_WIDE * (high - low) > 0.0
            and abs(_rank_correlation(column[known], values[known, other])) >= RELATED
        ):
            return True
    return False


def _rank_correlation(one: Vector, other: Vector) -> float:
    """Spearman's correlation of readings, those that are alike in the order of their rows."""
    ranks = [np.argsort(np.argsort(values, kind="stable"), kind="stable") for values in (one, other)]
    n = len(one)
    return 1.0 - 6.0 * float(np.square(ranks[0] - ranks[1]).sum()) / (n * (n * n - 1.0))
