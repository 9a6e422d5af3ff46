"""Readings that stand still: a driver that is stuck, and data collection that brings nothing new."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from acm_rs.monitor import words
from acm_rs.monitor.carried import State
from acm_rs.monitor.cleaning import repeats
from acm_rs.monitor.episode import FROZEN, PARTLY
from acm_rs.monitor.holding import STUCK, Bounds, Hold, Holding, Place
from acm_rs.monitor.judging import Verdict
from acm_rs.monitor.parts import CAUSES
from acm_rs.monitor.reading import Readings
from acm_rs.monitor.regimes import STANDSTILL
from acm_rs.monitor.watches import Watches

__all__ = ["hold", "stuck", "told"]

Matrix = NDArray[np.float64]
Flags = NDArray[np.bool_]

STANDS, PART = CAUSES.index(FROZEN), CAUSES.index(PARTLY)
MOST = 3
"""Stretches of a history in which readings hold that are told at most."""


def stuck(name: str, readings: Readings, column: NDArray[np.float64], running: Flags, usual: int) -> list[str]:
    """A driver that reads the same for far longer than it ever did."""
    runs = repeats(np.where(running, column, np.nan))
    longest = int(runs.max(initial=0))
    if longest <= max(STUCK, 2 * usual + 2):
        return []
    last = int(runs.argmax())
    known = np.flatnonzero(running & ~np.isnan(column))
    first = int(known[np.searchsorted(known, last) - longest + 1])
    when = words.rows_text(first, last, readings.times, words.brisk(readings.times))
    return [
        f"driver {name} reads {column[last]:g} in {longest:,} rows one after the other ({when}), at the fit in "
        f"{usual:,} at most; if it is stuck, what the sensors should read is wrong there, and they are blamed for it"
    ]


def hold(
    verdict: Verdict,
    state: State,
    raw: Matrix,
    times: NDArray[np.datetime64] | None,
    watches: Watches,
    bounds: Bounds,
    live: bool,
) -> list[Hold]:
    """Look at which readings come again and again, and let alarms say of a part that others go on.

    Of rows that follow comes back what begins and what ends, of a history once each, the greatest first.
    """
    if verdict.none is not None:
        # A code that stays is no reading that holds.
        raw = np.where(verdict.none, np.nan, raw)
    if state.holding is None:
        state.holding = Holding(raw.shape[1])
    watched = watches.watched
    frozen = np.flatnonzero(verdict.causes == STANDS)
    if frozen.size and not watched.all():
        going = state.holding.going_on(raw, frozen, watched, bounds)
        some = going.any(axis=1)
        if some.any():
            verdict.causes[frozen[some]] = PART
            flags = np.zeros((len(raw), going.shape[1]), bool)
            flags[frozen] = going
            verdict.moving = [name for name, one in zip(bounds.names, watched.tolist(), strict=True) if not one], flags
    own = None if times is None else times.astype("datetime64[ns]").astype(np.int64)
    found = state.holding.take(raw, own, verdict.labels == STANDSTILL, bounds)
    if live:
        return found
    ended = [*(one for one in found if one.end is not None), *state.holding.open]
    return sorted(ended, key=lambda one: (not one.whole, -len(one.members), one.begin[0]))[:MOST]


def told(holds: Sequence[Hold], names: Sequence[str], moment: Callable[[Place], str]) -> list[str]:
    """What is to be said of it."""
    return [one.told(names, moment) for one in holds]
