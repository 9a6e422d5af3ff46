"""Readings whose times are those of another clock: whether rows earlier or later they would be as they should."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from acm_rs.frames import listed
from acm_rs.monitor.words import step_text

__all__ = ["TRIED", "closer", "lags", "seen_late"]

Matrix = NDArray[np.float64]
Vector = NDArray[np.float64]
Again = Callable[[Mapping[int, int]], float]

HOUR = 3.6e12
"""Nanoseconds."""
NEAR, HOURS = 3, 2
"""Rows, and hours, by which the times of a sensor may be off."""
MOST = 400
"""Rows of that at most."""
CLOSER = 0.7
"""Share of how far a sensor is off that is left at most, for its times to be looked at."""
EXPLAINED, HEALTHY = 0.5, 1.0
"""Share of how far the rows are off that is left at most where the times were it, and limits that they are off then."""
TRIED = 6
"""Sensors that are tried at most."""


def lags(step: float | None) -> list[int]:
    """By how many rows times may be off: a few, and whole hours, in which zones and summer time differ."""
    found = set(range(1, NEAR + 1))
    for hours in range(1, HOURS + 1):
        rows = 0.0 if not step else hours * HOUR / step
        if 1.0 <= rows <= MOST and abs(rows - round(rows)) < 0.01:
            found.add(round(rows))
    return [sign * lag for lag in sorted(found) for sign in (1, -1)]


def closer(read: Vector, should: Vector, tried: Sequence[int]) -> list[int]:
    """The lags, the best first, by which a sensor is much closer to what it should read."""
    here = _off(read, should, 0)
    found = {lag: _off(read, should, lag) for lag in tried if abs(lag) < len(read) // 2}
    return sorted((lag for lag, off in found.items() if off < CLOSER * here), key=lambda lag: found[lag])


def _off(read: Vector, should: Vector, lag: int) -> float:
    """How far off a sensor is in its median with the readings of so many rows later."""
    if lag > 0:
        read, should = read[lag:], should[:-lag]
    elif lag < 0:
        read, should = read[:lag], should[-lag:]
    off = np.abs(read - should)
    off = off[~np.isnan(off)]
    return float(np.median(off)) if off.size else np.inf


def seen_late(
    names: Sequence[str],
    candidates: Mapping[int, Sequence[int]],
    watched: Collection[int],
    step: float | None,
    again: Again,
) -> list[str]:
    """The sensors or drivers whose times explain the alarms.

    `candidates` are the lags that may explain each column, by its place, of which `watched` are sensors; `again` tells
    how far the rows are off on average, in limits, where some columns take the readings of so many rows later.
    """
    if not candidates:
        return []
    before = again({})
    sizes = {(place, lag): again({place: lag}) for place, own in candidates.items() for lag in own}
    place, lag = min(sizes, key=lambda pair: sizes[pair])
    chosen, least = {place: lag}, sizes[place, lag]
    # What comes from one source is late together, and each of it alone explains little.
    for lag in sorted({lag for _, lag in sizes}):
        group = {place: lag for place, own in candidates.items() if lag in own and place in watched}
        if len(group) < 2:
            continue
        size = again(group)
        for place in list(group):
            rest = {other: lag for other in group if other != place}
            if rest and (without := again(rest)) < size:
                group, size = rest, without
        if size < least:
            chosen, least = group, size
    for place, own in candidates.items():
        lag = next(iter(chosen.values()))
        if place not in chosen and lag in own and (size := again(chosen | {place: lag})) < CLOSER * least:
            chosen, least = chosen | {place: lag}, size
    if not least <= min(EXPLAINED * before, HEALTHY):
        return []
    lag = next(iter(chosen.values()))
    rows = f"{abs(lag)} row{'s' if abs(lag) > 1 else ''}"
    far = rows if step is None else f"{step_text(abs(lag) * step)} ({rows})"
    late, way = ("late", "back") if lag > 0 else ("early", "on")
    one = len(chosen) == 1
    told = listed([names[place] for place in sorted(chosen)])
    reads, whose = ("reads as it", "its") if one else ("read as they", "their")
    # What a machine follows seems early where the machine has become slow: what is told must not hide that.
    slow = (
        "; a sensor that has become slow looks alike"
        if lag > 0
        else "; where the others follow it more slowly than they did (fouling, a sluggish valve), it looks alike, and "
        "moving it would hide that"
    )
    return [
        f"{told} {reads} should, but {far} {late}: where the clock of {whose} source is off from that of the others, "
        f"as by summer time, move {whose} readings so far {way} first{slow}"
    ]
