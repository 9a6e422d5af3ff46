"""Rows judged again with readings converted or moved: whether another unit, or clock, explains what is odd."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from acm_rs.monitor.cleaning import Rules
from acm_rs.monitor.judging import Verdict, judge
from acm_rs.monitor.late import SUSPECTS, lags, seen_late
from acm_rs.monitor.lesson import usual_step
from acm_rs.monitor.rebasing import shifts
from acm_rs.monitor.units import seen_driver, seen_units
from acm_rs.monitor.watches import State, Watches

__all__ = ["Seen", "Trial"]

Matrix = NDArray[np.float64]
Vector = NDArray[np.float64]
Flags = NDArray[np.bool_]
Places = NDArray[np.int64]

SEEN, BEFORE, AFTER = 10_000, 60, 400
"""Rows from the first alarm on in which another unit is looked for, and rows before and after it by which is told
whether that explains it."""
LASTS, MOST = 20, 0.9
"""Rows so many of which alarm, or are beyond a driver's range, where another unit is looked for in drivers."""
DRIVERS = 3
"""Drivers whose times are looked at, at most."""
FARTHEST, FAR_OFF = 20.0, 1e3
"""Limits that a row counts as at most there, and bands that a sensor is off at most."""


@dataclass(frozen=True)
class Seen:
    """What was found, as it was found: people mask alarms and name sensors otherwise in their result."""

    names: Sequence[str]
    values: Matrix
    expected: Matrix
    band: Vector
    shares: Matrix
    alarms: Flags
    strayed: Flags
    """Rows in which a driver is beyond its trained range."""


class Trial:
    """Rows that were judged, to be judged again as if they had come in other units.

    Parameters
    ----------
    rules, watches
        What was learnt.
    fresh : callable
        Gives the state before all rows.
    limit : float
        Above which rows alarm.
    rows : callable
        Gives the readings of the columns in use, (n, columns); kept apart they would be held twice.
    fixed : array or None
        Readings of constants.
    times : array of datetime64 or None
        When the rows were.
    """

    def __init__(
        self,
        rules: Rules,
        watches: Watches,
        fresh: Callable[[Rules, Watches], State],
        limit: float,
        rows: Callable[[], Matrix],
        fixed: Any,
        times: Any,
    ) -> None:
        self._rules, self._watches, self._fresh, self._limit = rules, watches, fresh, limit
        self._rows, self._fixed, self._times = rows, fixed, times

    @cached_property
    def _values(self) -> Matrix:
        return self._rows()

    def sensors(self, seen: Seen, units: Mapping[str, str]) -> list[str]:
        """The sensors whose conversion explains the alarms."""
        watches = self._watches
        first, own = int(seen.alarms.argmax()), slice(0, len(watches.band))
        some = slice(first, first + SEEN)
        read = (seen.values[some, own], seen.expected[some, own], seen.band[own])
        low, high = (end[0, watches.watched] for end in (watches.regimes.low, watches.regimes.high))
        places = np.flatnonzero(watches.watched)
        tried = partial(self._size, slice(max(0, first - BEFORE), first + AFTER), places, False)
        return seen_units(seen.names, *read, low, high, units, tried)

    def driver(self, seen: Seen, units: Mapping[str, str]) -> list[str]:
        """The driver that reads in another unit, from the first row on that alarms or is beyond its range."""
        rules, regimes = self._rules, self._watches.regimes
        drivers = np.flatnonzero(regimes.drivers & ~np.isin(rules.names, rules.counters.names))
        if not len(drivers):
            return []
        names = [rules.names[place] for place in drivers.tolist()]
        low, high = (end[1, drivers] for end in (regimes.low, regimes.high))
        for odd in (seen.strayed, seen.alarms):
            # One reading beyond the range is no other unit: nearly all of those after it are odd as well.
            count = np.append(0, np.cumsum(odd))
            lasting = odd[: max(0, len(odd) - LASTS + 1)] & (count[LASTS:] - count[:-LASTS] >= MOST * LASTS)
            if not lasting.any():
                continue
            first = int(lasting.argmax())
            before = self._values[first - 1, drivers] if first else np.full(len(drivers), np.nan)
            tried = partial(self._size, slice(first, first + AFTER), drivers, True)
            told = seen_driver(names, self._values[first : first + SEEN, drivers], before, low, high, units, tried)
            if told:
                return told
        return []

    def late(self, seen: Seen) -> list[str]:
        """The sensors and drivers whose times explain the alarms."""
        watches, rules = self._watches, self._rules
        if np.count_nonzero(seen.alarms) < LASTS:
            return []
        first, places = int(seen.alarms.argmax()), np.flatnonzero(watches.watched)
        step = usual_step(self._times)
        longest = max(lags(step))
        some = slice(max(0, first - max(BEFORE, longest)), first + max(AFTER, 4 * longest))
        shares = np.nansum(seen.shares[some][seen.alarms[some]], axis=0)
        order = [int(places[own]) for own in np.argsort(shares)[::-1].tolist() if own < len(places)]
        sensors = [place for place in order if rules.names[place] not in rules.counters.names][:SUSPECTS]
        # What nobody watches itself may be late by hours, as the weather of another source.
        drivers = np.flatnonzero(watches.regimes.drivers & ~rules.state)[:DRIVERS].tolist()

        def moved(ways: Mapping[int, int]) -> Matrix:
            piece = np.array(self._values[some], order="F")
            for place, lag in ways.items():
                rows = np.arange(some.start, some.start + len(piece)) + lag
                there = (rows >= 0) & (rows < len(self._values))
                piece[:, place] = np.where(there, self._values[np.where(there, rows, 0), place], np.nan)
            return piece

        def residuals(ways: Mapping[int, int]) -> Matrix:
            found = self._verdict(moved(ways), some, "residuals").looked.residual
            return np.clip(found / watches.band, -FAR_OFF, FAR_OFF)

        def scores(ways: Mapping[int, int]) -> Vector:
            verdict = self._verdict(moved(ways), some)
            # What is beyond all that was seen no clock explains.
            return np.where(verdict.beyond, np.nan, np.minimum(verdict.scores / self._limit, FARTHEST))

        return seen_late(rules.names, sensors + drivers, step, residuals, scores)

    def _size(self, some: slice, places: Places, driven: bool, ways: Mapping[int, tuple[float, float]]) -> float:
        """How far rows are off on average, in limits, where what stands in those `places` is converted."""
        piece = np.array(self._values[some], order="F")
        for place, (factor, offset) in ways.items():
            piece[:, places[place]] = factor * piece[:, places[place]] + offset
        return self._judged(piece, some, driven)

    def _judged(self, piece: Matrix, some: slice, driven: bool) -> float:
        """How far the rows of a piece are off on average, in limits."""
        verdict = self._verdict(piece, some)
        scores = verdict.scores / self._limit
        if driven:
            # What is not judged for a driver is not explained.
            scores[verdict.strayed.any(axis=1)] = FARTHEST
        return float(np.nanmean(np.minimum(scores, FARTHEST))) if (scores == scores).any() else FARTHEST

    def _verdict(self, piece: Matrix, some: slice, only: Literal["residuals", "scores"] = "scores") -> Verdict:
        """What is found in the rows of a piece."""
        rules = self._rules
        own = None if self._times is None else self._times[some]
        off = shifts(rules.rebased, rules.names, own, len(piece))
        held = None if self._fixed is None else self._fixed[some]
        return judge(
            rules, self._watches, piece, off, self._fresh(rules, self._watches), self._limit, False, held, only=only
        )
