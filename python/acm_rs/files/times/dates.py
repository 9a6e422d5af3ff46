"""Dates of three numbers: which of them is the day, told from the whole column."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
import polars as pl
from numpy.typing import NDArray

from acm_rs.files.errors import Origin, Refusal, quoted

__all__ = ["ABSENT", "DAY_US", "DateOrder", "Fields", "civil_days", "days", "tell_order"]

ABSENT = -1
DAY_US = 86_400_000_000
_MONTH_DAYS = np.array([0, 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31])
_FEWEST_DATES = 2
# Nobody who writes points between the numbers writes the month first.
_DOTS = r"\d{1,2}\.\s?\d{1,2}\.\s?(?:\d{4}|\d{2})(?:\D|$)"


class DateOrder(StrEnum):
    """How dates of three numbers are written."""

    mdy = "mdy"
    dmy = "dmy"
    ymd = "ymd"

    @property
    def words(self) -> str:
        """The order in words."""
        return {"mdy": "month first", "dmy": "day first", "ymd": "year first"}[self.value]


@dataclass(frozen=True)
class Fields:
    """The numbers in each cell of a column; -1 where a cell has none.

    Parameters
    ----------
    text : Series
        The cells.
    known : ndarray of bool
        Where a cell is a time.
    parts : dict of str to ndarray of int32
        Year, month, day (or day of the year, or week and its day), and the three numbers of a numeric date.
    whole_year : ndarray of bool
        Where the year has four digits: 0001 is not 2001.
    clock_us : ndarray of int64
        Microseconds since midnight, the offset from UTC taken off.
    nanos : ndarray of int64
        Nanoseconds beyond them.
    zone : ndarray of int32
        -1 without a zone, 0 in UTC, else the place of the cell's zone in ``zones``.
    zones : tuple of str
        Names of zones whose offset depends on the date.
    zoned : bool
        Whether any cell says its zone itself.
    local : bool
        Whether the zone that was given tells what any cell means.
    """

    text: pl.Series
    known: NDArray[np.bool_]
    parts: dict[str, NDArray[np.int32]]
    whole_year: NDArray[np.bool_]
    clock_us: NDArray[np.int64]
    nanos: NDArray[np.int64]
    zone: NDArray[np.int32]
    zones: tuple[str, ...]
    zoned: bool
    local: bool = False

    @property
    def numeric(self) -> NDArray[np.bool_]:
        """Where the date is one of three numbers without a telling year."""
        return self.parts["first"] >= 0


def civil_days(
    year: NDArray[np.int64], month: NDArray[np.int64], day: NDArray[np.int64]
) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """Days since 1970 and whether each date exists in the calendar."""
    leap = (year % 4 == 0) & ((year % 100 != 0) | (year % 400 == 0))
    valid = (year >= 1) & (year <= 9999) & (month >= 1) & (month <= 12) & (day >= 1)
    length = _MONTH_DAYS[np.where(valid, month, 0)] + (leap & (month == 2))
    valid &= day <= length
    # Years are counted from March so that the leap day is the last.
    y = year - (month <= 2)
    of_year = (153 * ((month + 9) % 12) + 2) // 5 + day - 1
    count = 365 * y + y // 4 - y // 100 + y // 400 + of_year - 719_468
    return np.where(valid, count, 0), valid


def days(fields: Fields, order: DateOrder | None) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """Days since 1970 and whether each date exists, numeric dates read in the given order."""
    parts = fields.parts
    year, month, day = (parts[name].astype(np.int64) for name in ("year", "month", "day"))
    if order:
        places = {"mdy": ("third", "first", "second_"), "dmy": ("third", "second_", "first")}
        names = places.get(order, ("first", "second_", "third"))
        for target, name in zip((year, month, day), names, strict=True):
            np.copyto(target, parts[name], where=fields.numeric)
    short = (year >= 0) & (year < 100) & ~fields.whole_year
    year = np.where(short, year + np.where(year < 70, 2000, 1900), year)
    of_year = parts["of_year"].astype(np.int64)
    ordinal = of_year >= 0
    if ordinal.any():
        leap = (year % 4 == 0) & ((year % 100 != 0) | (year % 400 == 0))
        month, day = np.where(ordinal, 1, month), np.where(ordinal, 1, day)
        count, valid = civil_days(year, month, day)
        valid &= ~ordinal | ((of_year >= 1) & (of_year <= 365 + leap))
        count = count + np.where(ordinal, of_year - 1, 0)
    else:
        count, valid = civil_days(year, month, day)
    weeks = parts["week"] >= 0
    if weeks.any():
        of_week, real = _days_of_weeks(year, parts["week"].astype(np.int64), parts["of_week"].astype(np.int64))
        count, valid = np.where(weeks, of_week, count), np.where(weeks, real, valid)
    valid &= fields.known
    return np.where(valid, count, 0), valid


def _days_of_weeks(
    year: NDArray[np.int64], week: NDArray[np.int64], day: NDArray[np.int64]
) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """Days since 1970 of weeks of ISO 8601, the first of which has 4 January, and whether each exists."""

    def first_monday(of: NDArray[np.int64]) -> NDArray[np.int64]:
        fourth, _ = civil_days(of, np.ones_like(of), np.full_like(of, 4))
        return fourth - (fourth + 3) % 7

    start = first_monday(year)
    count = start + 7 * (week - 1) + day - 1
    return count, (week >= 1) & (day >= 1) & (day <= 7) & (count < first_monday(year + 1))


def tell_order(fields: Fields, column: str, origin: Origin) -> DateOrder:
    """Find the one order under which every date exists or, failing that, the history holds together."""
    orders = [DateOrder.mdy, DateOrder.dmy]
    if bool((fields.parts["third"][fields.numeric] < 100).all()):
        orders.append(DateOrder.ymd)
    some = fields.known
    readings = {order: days(fields, order) for order in orders}
    possible = [order for order in orders if bool(readings[order][1][some].all())]
    if not possible:
        # A date that exists in no order is a bad row, not a contradiction.
        real = some & np.any([valid for _, valid in readings.values()], axis=0)
        possible = [order for order in orders if bool(readings[order][1][real].all())]
        if not possible:
            raise Refusal(_contradiction(fields, column, origin, lambda order: readings[order][1] | ~real))
        some = real
    micros = [(readings[order][0] * DAY_US + fields.clock_us)[some] for order in possible]
    if len(possible) == 1:
        _refuse_mixed(fields, some, possible[0], column, origin)
    if all(np.array_equal(micros[0], other) for other in micros[1:]):
        return possible[0]
    # Read the wrong way, each midnight is a jump of a month or a year: the right reading is the much shorter one.
    spans = [int(stamps.max() - stamps.min()) for stamps in micros]
    best = int(np.argmin(spans))
    steps = np.diff(np.unique(micros[best]))
    within_days = steps.size > 0 and float(np.median(steps)) < DAY_US
    if within_days and all(spans[best] * 3 < span for i, span in enumerate(spans) if i != best):
        return possible[best]
    if DateOrder.dmy in possible and bool(fields.text.filter(pl.Series(fields.numeric)).str.contains(_DOTS).all()):
        return DateOrder.dmy
    differs = np.any([micros[0] != other for other in micros[1:]], axis=0)
    row = int(np.flatnonzero(some)[np.argmax(differs)])
    ways = " or ".join(order.words for order in possible)
    raise Refusal(
        f"{origin.cell(row, column)}: {quoted(fields.text[row])} may be {ways} and no other row tells;"
        f" say which with --date-order {' or '.join(possible)}"
    )


def _refuse_mixed(fields: Fields, some: NDArray[np.bool_], order: DateOrder, column: str, origin: Origin) -> None:
    """Refuse dates of which those that may be of the other order are in the order of their rows only if they are."""
    other = {DateOrder.mdy: DateOrder.dmy, DateOrder.dmy: DateOrder.mdy}.get(order)
    if other is None:
        return
    count, _ = days(fields, order)
    swapped, valid = days(fields, other)
    either = some & fields.numeric & valid & (count != swapped)
    sure = some & fields.numeric & ~valid
    if min(np.unique(count[part]).size for part in (either, sure)) < _FEWEST_DATES:
        return
    mixed = np.where(either, swapped, count)
    steps = [np.diff((read * DAY_US + fields.clock_us)[some]) for read in (count, mixed)]
    runs = [bool((step >= 0).all() or (step <= 0).all()) for step in steps]
    if runs == [False, True]:
        row = int(np.flatnonzero(either)[0])
        raise Refusal(
            f"{origin.cell(row, column)}: dates beyond the twelfth are {order.words}, but the rows are in order of time"
            f" only if {quoted(fields.text[row])} and others are {other.words}: the dates seem to be written in two"
            f" orders; --date-order {order} takes all of them as {order.words}"
        )


def _contradiction(fields: Fields, column: str, origin: Origin, valid: Callable[[DateOrder], NDArray[np.bool_]]) -> str:
    month, day = (int(np.flatnonzero(~valid(order))[0]) for order in (DateOrder.dmy, DateOrder.mdy))
    return (
        f"{origin.cell(day, column)}: {quoted(fields.text[day])} can only be day first,"
        f" but {quoted(fields.text[month])} in {origin.other(month, day)} only month first;"
        " if a row is at fault, say the order with --date-order"
    )
