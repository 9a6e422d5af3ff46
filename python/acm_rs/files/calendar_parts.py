"""Columns with the month, the day or the hour beside the clock that has it: they rise with the time, as no sensor."""

from __future__ import annotations

from collections.abc import Callable

import polars as pl

from acm_rs.files.labels import plain
from acm_rs.files.time_names import DAYS_OF_YEAR, PARTS
from acm_rs.files.times import zone_given

__all__ = ["CalendarParts"]

_NAMES = {
    **PARTS,
    "weekday": ("weekday", "day of week", "dayofweek", "dow", "wochentag", "jour de la semaine", "día de la semana"),
    "week": ("week", "week of year", "weekofyear", "iso week", "kalenderwoche", "kw", "semaine", "semana"),
    "quarter": ("quarter", "quartal", "trimestre"),
    "day of the year": DAYS_OF_YEAR,
}
_PART = {name: part for part, names in _NAMES.items() for name in names}
# A shorter name may be another quantity: min, tag, kw.
_TELLING = 4
_OF: dict[str, Callable[[pl.Series], list[pl.Series]]] = {
    "year": lambda t: [t.dt.year()],
    "month": lambda t: [t.dt.month()],
    "day": lambda t: [t.dt.day()],
    "hour": lambda t: [t.dt.hour()],
    "minute": lambda t: [t.dt.minute()],
    "second": lambda t: [t.dt.second()],
    # From Monday or Sunday, from 0 or 1.
    "weekday": lambda t: [t.dt.weekday(), t.dt.weekday() - 1, t.dt.weekday() % 7, t.dt.weekday() % 7 + 1],
    "week": lambda t: [t.dt.week()],
    "quarter": lambda t: [t.dt.quarter()],
    "day of the year": lambda t: [t.dt.ordinal_day()],
}


class CalendarParts:
    """Tells which columns are parts of the time.

    Parameters
    ----------
    times : Series or None
        The time of each row; only dates have parts.
    timezone : str, optional
        The zone in which they were written before they became UTC.
    """

    def __init__(self, times: pl.Series | None, timezone: str | None) -> None:
        self._times: list[pl.Series] = []
        if times is not None and times.dtype.is_temporal():
            times = times.cast(pl.Datetime("us")) if times.dtype == pl.Date else times
            self._times.append(times)
            place = zone_given(timezone)[1] if timezone else ""
            if place and getattr(times.dtype, "time_zone", None) is not None:
                self._times.append(times.dt.convert_time_zone(place))

    def part(self, name: str) -> str:
        """What part of the time a column should hold by its name; empty where the name says none."""
        return _PART.get(plain(name), "") if self._times else ""

    def holds(self, name: str, numbers: pl.Series) -> bool:
        """Whether the numbers are that part of the time in every row, and not the same in all."""
        known = numbers.is_not_null()
        if numbers.n_unique() - int(numbers.has_nulls()) < 2:
            return False
        for times in self._times:
            for part in _OF[self.part(name)](times):
                same = (part.cast(pl.Float64) == numbers).fill_null(True)
                if bool(same.filter(known).all()):
                    return True
        return False

    def may_hold(self, name: str) -> bool:
        """Whether the name can hardly be that of a sensor."""
        return len(plain(name)) >= _TELLING and bool(self.part(name))
