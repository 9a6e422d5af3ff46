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
Vector = NDArray[np.float64]
Ways = Mapping[int, int]
Residuals = Callable[[Ways], Matrix]
Scores = Callable[[Ways], Vector]

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
FEW = 20
"""Rows that tell how far off a piece is."""
OFF, EXPLAINED, HEALTHY = 0.5, 0.5, 1.0
"""Limits that the rows are off at least, the share of that which is left at most where the times were it, and limits
that they are off then."""


def lags(step: float | None) -> list[int]:
    """By how many rows times may be off: a few, and whole hours, in which zones and summer time differ."""
    found = set(range(1, NEAR + 1))
    for hours in range(1, HOURS + 1):
        rows = 0.0 if not step else hours * HOUR / step
        if 1.0 <= rows <= MOST and abs(rows - round(rows)) < 0.01:
            found.add(round(rows))
    return sorted(found)


def _off(scores: Vector, edge: int) -> float:
    """How far off a piece is on average without the rows at its ends; NaN where hardly any are left."""
    known = scores[edge : len(scores) - edge]
    known = known[~np.isnan(known)]
    return float(known.mean()) if len(known) >= FEW else np.nan


def _ways(suspects: Sequence[int], lag: int, here: Matrix, residuals: Residuals) -> list[tuple[float, dict[int, int]]]:
    """Suspects that may be so many rows late or early together, each with the share that they leave unexplained.

    Residuals are sums over the readings. What each suspect brings that takes its readings of some rows later thus adds
    up, and least squares tell who is late. Who is early is late by less than nothing.
    """
    moved = [residuals({place: lag}) for place in suspects]
    known = np.isfinite(here)
    for one in moved:
        known &= np.isfinite(one)
    known[:lag] = known[len(known) - lag :] = False
    off = here[known]
    brings = np.array([one[known] - off for one in moved])
    products = products_of(np.column_stack([brings.T, -off]))
    total = float(np.trace(products[:-1, :-1]))
    if not (off.any() and np.isfinite(total) and total > 0.0):
        return []
    # Whether some are late or all others early leaves one direction open: a small ridge takes the middle.
    ridge = np.eye(len(brings)) * RIDGE * total
    parts = _native.cholesky_solve(products[:-1, :-1] + ridge, products[:-1, -1:])[:, 0]
    found = []
    for sign in (1, -1):
        order = np.argsort(-sign * parts).tolist()
        for many in range(1, len(suspects)):
            left = off + sign * brings[order[:many]].sum(axis=0)
            share = float((left**2).mean() / (off**2).mean()) + EACH * many
            found.append((share, {suspects[one]: sign * lag for one in order[:many]}))
    return found


def seen_late(
    names: Sequence[str], suspects: Sequence[int], step: float | None, residuals: Residuals, scores: Scores
) -> list[str]:
    """The sensors or drivers whose times explain the alarms.

    `suspects` are their places among the columns. `residuals` tells how far each sensor is off in each row of a piece,
    `scores` each row's score in limits, where some columns take the readings of so many rows later.
    """
    if len(suspects) < 2:
        return []
    here, off = residuals({}), scores({})
    # A fault that ends soon would leave the piece by being moved: the rows that stay in it must be off themselves.
    before = {lag: _off(off, 2 * lag) for lag in lags(step)}
    ways = [one for lag, size in before.items() if size >= OFF for one in _ways(suspects, lag, here, residuals)]
    ways.sort(key=lambda pair: pair[0])

    def after(ways: Ways) -> float:
        lag = abs(next(iter(ways.values())))
        off = _off(scores(ways), lag)
        return off if off <= min(EXPLAINED * before[lag], HEALTHY) else np.inf

    found = [(after(one), one) for share, one in ways[:TRIED] if share < 1.0]
    least, chosen = min(found, key=lambda pair: pair[0], default=(np.inf, {}))
    if not np.isfinite(least):
        return []
    # That some are late or all others early is the same.
    others = {place: -lag for place in suspects if place not in chosen for lag in list(chosen.values())[:1]}
    if 0 < len(others) < len(chosen) and after(others) <= least + ALIKE:
        chosen = others
    for place in list(chosen):
        rest = {other: lag for other, lag in chosen.items() if other != place}
        if rest and after(rest) <= least + ALIKE:
            chosen = rest
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
