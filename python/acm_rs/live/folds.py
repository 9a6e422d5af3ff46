"""Local times of rows as they come: the hour that comes twice in autumn, told apart by what came before."""

from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from acm_rs.files.times.repeated import in_the_night

__all__ = ["Folds"]

_SECOND = 10**9
_HOUR = 3_600 * _SECOND
_DAY = 24 * _HOUR
_HALF_YEAR = 120 * _DAY


class Folds:
    """Makes times of a local clock rise, row by row, by the rule for files.

    Without a zone rows are an hour later than written from where the clock went back an hour in an autumn night until
    it goes forward again. With one, rows of the hour that comes twice are of the second from where the clock went back.
    What a row becomes follows from the rows before it alone.
    """

    def __init__(self) -> None:
        self._before: int | None = None
        self._last: int | None = None
        self._active: list[int] = []
        self._day: int | None = None
        self._most = 0
        self._second = False

    def take(
        self, times: NDArray[np.int64], step: int, place: str, notes: list[str]
    ) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
        """Times by the local clock, in nanoseconds, as rows that are read; and which never were.

        Parameters
        ----------
        times : array of int64
            In the order in which rows came.
        step : int
            Nanoseconds between rows, usually.
        place : str
            A name of the time zone database, or empty.
        notes : list of str
            Takes what is told.
        """
        if not len(times):
            return times, np.zeros(0, bool)
        found = self._in_place(times, step, place, notes) if place else self._raised(times, step, notes)
        self._before = int(times[-1])
        return found

    def _raised(
        self, times: NDArray[np.int64], step: int, notes: list[str]
    ) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
        none = np.zeros(len(times), bool)
        if not 0 < step <= _HOUR:
            return times, none
        before = np.concatenate([times[:1] - step if self._before is None else [self._before], times[:-1]])
        steps = times - before
        extra = steps - step
        back = (extra >= -1.25 * _HOUR) & (extra <= -0.5 * _HOUR) & (steps > -_HOUR) & (steps <= 0)
        back &= (steps < 0) | (2 * step > _HOUR)
        back &= in_the_night(times, _SECOND)
        on = (extra >= 0.5 * _HOUR) & (extra <= 1.25 * _HOUR) & (steps > step) & in_the_night(before + step, _SECOND)
        added = np.full(len(times), len(self._active))
        for at in np.flatnonzero(back | on).tolist():
            stamp = int(before[at])
            if on[at]:
                self._active = [one for one in self._active if stamp <= one + _HALF_YEAR]
            elif self._last is None or stamp - self._last >= _HALF_YEAR:
                self._last = stamp
                self._active.append(stamp)
                notes.append(
                    f"the clock went back an hour on {_date(stamp)}: times after it are an hour later than written,"
                    " until it goes forward again, so that no two rows share a time; --timezone makes them exact"
                )
            added[at:] = len(self._active)
        return times + added * _HOUR, none

    def _in_place(
        self, times: NDArray[np.int64], step: int, place: str, notes: list[str]
    ) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
        local = pl.Series(times).cast(pl.Datetime("ns"))
        early, late = (
            local.dt.replace_time_zone(place, ambiguous=which, non_existent="null") for which in ("earliest", "latest")
        )
        never = early.is_null().to_numpy()
        for at in np.flatnonzero(never)[:5].tolist():
            notes.append(f"{local[at]} did not happen in {place}, where clocks were put forward over it")
        first, second = (one.to_physical().fill_null(0).to_numpy() for one in (early, late))
        done = first.copy()
        for at in np.flatnonzero(first != second).tolist():
            now = int(times[at])
            if now // _DAY != self._day:
                self._day, self._most, self._second = now // _DAY, now, False
            elif not self._second and now <= self._most and self._most - now + step >= 0.5 * _HOUR:
                self._second = True
                notes.append(
                    f"the hour that comes twice in {place} on {_date(now)}: its rows told apart by their order"
                )
            self._most = max(self._most, now)
            if self._second:
                done[at] = second[at]
        return done, never

    def put(self) -> list[Any]:
        """For JSON."""
        return [self._before, self._last, self._active, self._day, self._most, self._second]

    def go_on(self, kept: list[Any]) -> None:
        """Go on where `put` left off."""
        before, last, active, day, most, second = kept
        self._before, self._last, self._day = (None if one is None else int(one) for one in (before, last, day))
        self._active, self._most, self._second = [int(one) for one in active], int(most), bool(second)


def _date(stamp: int) -> str:
    return str(np.datetime64(stamp // _DAY, "D"))
