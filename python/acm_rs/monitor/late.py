"""Readings whose times are those of another clock: whether rows earlier or later they would be as they should."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from acm_rs import _native
from acm_rs.frames import listed
from acm_rs.monitor.relations import products_of
from acm_rs.monitor.words import step_text

__all__ = ["SUSPECTS", "lags", "seen_late"]

Matrix = NDArray[np.float64]
Ways = Mapping[int, int]

HOUR = 3.6e12
"""Nanoseconds."""
NEAR, HOURS = 3, 2
"""Rows, and hours, by which the times of a sensor may be off."""
MOST = 400
"""Rows of that at most."""
SUSPECTS, TRIED = 8, 4
"""Sensors that are looked at, at most, and ways to move some of them that are tried on the rows themselves."""
EACH = 0.01
"""What each sensor that is moved has to explain, as a share."""
RIDGE = 1e-6
"""Of the least squares, as a share of all squares."""
ALIKE = 0.05
"""Limits by which rows are farther off at most where fewer sensors are told instead."""
EXPLAINED, HEALTHY = 0.5, 1.0
"""Share of how far the rows are off that is left at most where the times were it, and limits that they are off then."""


def lags(step: float | None) -> list[int]:
    """By how many rows times may be off: a few, and whole hours, in which zones and summer time differ."""
    found = set(range(1, NEAR + 1))
    for hours in range(1, HOURS + 1):
        rows = 0.0 if not step else hours * HOUR / step
        if 1.0 <= rows <= MOST and abs(rows - round(rows)) < 0.01:
            found.add(round(rows))
    return sorted(found)


def _ways(suspects: Sequence[int], tried: Sequence[int], residuals: Callable[[Ways], Matrix]) -> list[dict[int, int]]:
    """Suspects together with the rows by which they may be late, those that explain most first.

    Residuals are sums over the readings. What each suspect brings that takes its readings of some rows later thus adds
    up, and least squares tell who is late. Who is early is late by less than nothing.
    """
    here = residuals({})
    found: list[tuple[float, dict[int, int]]] = []
    for lag in tried:
        moved = [residuals({place: lag}) for place in suspects]
        known = np.isfinite(sum(moved, start=here))
        off = here[known]
        brings = np.array([one[known] - off for one in moved])
        if not off.any() or not brings.any():
            continue
        products = products_of(np.column_stack([brings.T, -off]))
        # Whether some are late or all others early leaves one direction open: a small ridge takes the middle.
        ridge = np.eye(len(brings)) * RIDGE * np.trace(products[:-1, :-1])
        parts = _native.cholesky_solve(products[:-1, :-1] + ridge, products[:-1, -1:])[:, 0]
        for sign in (1, -1):
            order = np.argsort(-sign * parts).tolist()
            for many in range(1, len(suspects)):
                left = off + sign * brings[order[:many]].sum(axis=0)
                share = float((left**2).mean() / (off**2).mean()) + EACH * many
                found.append((share, {suspects[one]: sign * lag for one in order[:many]}))
    return [ways for share, ways in sorted(found, key=lambda pair: pair[0])[:TRIED] if share < 1.0]


def seen_late(
    names: Sequence[str],
    suspects: Sequence[int],
    step: float | None,
    residuals: Callable[[Ways], Matrix],
    again: Callable[[Ways], float],
) -> list[str]:
    """The sensors or drivers whose times explain the alarms.

    `suspects` are their places among the columns. `residuals` gives how far each sensor is off in each row, and `again`
    how far the rows are off on average, in limits, where some columns take the readings of so many rows later.
    """
    found = [(again(ways), ways) for ways in _ways(suspects, lags(step), residuals)]
    if not found:
        return []
    least = min(size for size, _ in found)
    if not least <= min(EXPLAINED * again({}), HEALTHY):
        return []
    chosen = min((ways for size, ways in found if size <= least + ALIKE), key=len)
    # That some are late or all others early is the same.
    others = {place: -lag for place in suspects if place not in chosen for lag in list(chosen.values())[:1]}
    if len(others) < len(chosen) and again(others) <= least + ALIKE:
        chosen = others
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
