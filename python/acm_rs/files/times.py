"""Timestamps out of text: mixed spellings in one column, the order of day and month told from the whole of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
import polars as pl
from numpy.typing import NDArray

from acm_rs.files.errors import Origin, Refusal, quoted

__all__ = ["DateOrder", "Times", "looks_like_clock", "looks_like_time", "times_from_numbers", "times_from_text"]

_CLOCK = (
    r"(?P<hour>\d{1,2}):(?P<minute>\d{2})(?::(?P<second>\d{2})(?:[.,](?P<fraction>\d{1,9}))?)?"
    r"(?:\s*(?P<half>[AaPp])\.?[Mm]\.?)?\s*(?P<zone>[Zz]|UTC|GMT|[+-]\d{2}:?\d{2}|[+-]\d{2})?"
)
_TAIL = rf"(?:(?:T|,?\s+|,){_CLOCK})?$"
_YEAR_FIRST = rf"^(?P<year>\d{{4}})[-/.](?P<month>\d{{1,2}})[-/.](?P<day>\d{{1,2}}){_TAIL}"
_NUMERIC = rf"^(?P<first>\d{{1,2}})[-/.](?P<second_>\d{{1,2}})[-/.](?P<third>\d{{4}}|\d{{2}}){_TAIL}"
_DAY_NAME = rf"^(?P<day>\d{{1,2}})[-/. ](?P<name>[A-Za-z]{{3,9}})\.?[-/. ,]\s?(?P<year>\d{{4}}|\d{{2}}){_TAIL}"
_NAME_DAY = rf"^(?P<name>[A-Za-z]{{3,9}})\.?[- ](?P<day>\d{{1,2}}),?[- ](?P<year>\d{{4}}){_TAIL}"
_SPELLINGS = (_YEAR_FIRST, _NUMERIC, _DAY_NAME, _NAME_DAY)
_PARTS = ("year", "month", "day", "name", "first", "second_", "third")
_CLOCK_PARTS = ("hour", "minute", "second", "fraction", "half", "zone")

_MONTHS = (
    "january",
    "february",
    "march",
    "april",
    "may",
    "june",
    "july",
    "august",
    "september",
    "october",
    "november",
    "december",
)
_MONTH_NUMBER = {name: i for i, full in enumerate(_MONTHS, 1) for name in (full, full[:3])} | {"sept": 9}
_MONTH_DAYS = np.array([0, 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31])
_DAY_US = 86_400_000_000
_ABSENT = -1
_NO_TIME = np.iinfo(np.int64).min


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
class Times:
    """A column of times.

    Parameters
    ----------
    values : Series
        Datetime, Date, or plain numbers where the column counts something else than a calendar.
    note : str
        How the column was understood, for the summary; may be empty.
    """

    values: pl.Series
    note: str = ""


@dataclass(frozen=True)
class _Fields:
    """The numbers in each cell; -1 where a cell has none."""

    text: pl.Series
    known: NDArray[np.bool_]
    numeric: NDArray[np.bool_]
    parts: dict[str, NDArray[np.int64]]
    clock_us: NDArray[np.int64]
    clock_ns: NDArray[np.int64]
    zoned: NDArray[np.bool_]


def looks_like_time(text: pl.Series, sample: int = 200, share: float = 0.9) -> bool:
    """Tell whether at least this share of a column's cells are dates."""
    cells = text.str.strip_chars().drop_nulls()
    cells = cells.filter(cells != "").head(sample)
    if cells.is_empty():
        return False
    hits = sum(int(cells.str.contains(spelling).sum()) for spelling in _SPELLINGS)
    return hits > 0 and hits >= share * cells.len()


def looks_like_clock(text: pl.Series, sample: int = 200) -> bool:
    """Tell whether the cells of a column are times of day without a date."""
    cells = text.str.strip_chars().drop_nulls()
    cells = cells.filter(cells != "").head(sample)
    return not cells.is_empty() and bool(cells.str.contains(rf"^{_CLOCK}$").all())


def times_from_text(text: pl.Series, column: str, origin: Origin, order: DateOrder | None = None) -> Times:
    """Read a column of timestamps.

    Parameters
    ----------
    text : Series
        The cells.
    column : str
        The column's name, for messages.
    origin : Origin
        Where the rows came from.
    order : DateOrder, optional
        The order of dates such as 06-01-2012; told from the whole column by default.

    Returns
    -------
    Times
        Without a time zone as written, or in UTC where every cell carries a zone.

    Raises
    ------
    Refusal
        A cell that is no timestamp, orders that contradict each other or cannot be told, zones in some cells only.
    """
    fields = _read_fields(text.str.strip_chars())
    _refuse_first(~fields.known, fields.text, column, origin, "is not a date")
    _refuse_first(fields.clock_us == _NO_TIME, fields.text, column, origin, "has no such time of day")
    _refuse_mixed_zones(fields, column, origin)
    order = order if order or not fields.numeric.any() else _tell_order(fields, column, origin)
    days, valid = _days(fields, order)
    wrong = f"is no {order.words} date" if order and fields.numeric.any() else "is no date of the calendar"
    _refuse_first(~valid, fields.text, column, origin, wrong)
    micros = days * _DAY_US + fields.clock_us
    if fields.clock_ns.any():
        values = pl.Series(column, micros * 1000 + fields.clock_ns).cast(pl.Datetime("ns"))
    else:
        values = pl.Series(column, micros).cast(pl.Datetime("us"))
    notes = []
    if fields.numeric.any() and order:
        notes.append(f"dates {order.words}")
    if fields.zoned.any():
        values = values.dt.replace_time_zone("UTC")
        notes.append("in UTC")
    return Times(values, ", ".join(notes))


def times_from_numbers(values: pl.Series) -> Times:
    """Read a column of numbers as times: seconds, milliseconds, ... since 1970, or a plain running number."""
    numbers = values.cast(pl.Float64).to_numpy()
    size = np.abs(numbers)
    for name, per_second, low, high in (
        ("seconds", 1, 1e8, 1e11),
        ("milliseconds", 10**3, 1e11, 1e14),
        ("microseconds", 10**6, 1e14, 1e17),
        ("nanoseconds", 10**9, 1e17, 9.2e18),
    ):
        if not (numbers.size and np.all((size >= low) & (size < high))):
            continue
        whole = values.cast(pl.Int64) if values.dtype.is_integer() else None
        if name == "nanoseconds":
            stamps = (whole if whole is not None else values.cast(pl.Int64)).cast(pl.Datetime("ns"))
        elif whole is not None:
            stamps = (whole * (10**6 // per_second)).cast(pl.Datetime("us"))
        else:
            micros = np.rint(numbers * (10**6 // per_second)).astype(np.int64)
            stamps = pl.Series(values.name, micros).cast(pl.Datetime("us"))
        return Times(stamps.rename(values.name).dt.replace_time_zone("UTC"), f"from {name} since 1970, in UTC")
    return Times(values, "a running number")


def _read_fields(text: pl.Series) -> _Fields:
    frame = pl.DataFrame({"text": text})
    found = {name: pl.lit(None, dtype=pl.String) for name in (*_PARTS, *_CLOCK_PARTS)}
    for spelling in _SPELLINGS:
        if not text.str.contains(spelling).any():
            continue
        struct = pl.col("text").str.extract_groups(spelling)
        for name in found:
            if f"<{name}>" in spelling:
                found[name] = pl.coalesce(found[name], struct.struct.field(name))
    table = frame.select(**found)
    month = table["name"].str.to_lowercase().replace_strict(_MONTH_NUMBER, default=_ABSENT, return_dtype=pl.Int64)
    parts = {name: _integers(table[name]) for name in _PARTS if name != "name"}
    parts["month"] = np.where(table["name"].is_not_null().to_numpy(), month.fill_null(_ABSENT), parts["month"])
    numeric = parts["first"] >= 0
    known = numeric | (parts["year"] >= 0)
    clock_us, clock_ns = _clock(table)
    return _Fields(text, known, numeric, parts, clock_us, clock_ns, table["zone"].is_not_null().to_numpy())


def _integers(text: pl.Series) -> NDArray[np.int64]:
    return text.cast(pl.Int64).fill_null(_ABSENT).to_numpy()


def _clock(table: pl.DataFrame) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Microseconds since midnight (in UTC where a zone is given) and the nanoseconds beyond them."""
    hour, minute, second = (np.maximum(_integers(table[name]), 0) for name in ("hour", "minute", "second"))
    half = table["half"].str.to_lowercase()
    halved = half.is_not_null().to_numpy()
    afternoon = (half == "p").fill_null(False).to_numpy()
    fraction = np.maximum(_integers(table["fraction"].str.pad_end(9, "0")), 0)
    # A second 60 is a leap second, an hour 24 the end of the day: both are written by real historians.
    bad = (minute > 59) | (second > 60) | (hour > 24) | ((hour == 24) & ((minute > 0) | (second > 0)))
    bad |= halved & ((hour < 1) | (hour > 12))
    hour = np.where(halved, hour % 12 + np.where(afternoon, 12, 0), hour)
    micros = ((hour * 60 + minute) * 60 + second) * 1_000_000 + fraction // 1000
    digits = table["zone"].str.replace_all(r"[^\d]", "").str.pad_end(4, "0")
    offset = np.maximum(_integers(digits.str.slice(0, 2)), 0) * 60 + np.maximum(_integers(digits.str.slice(2, 2)), 0)
    east = table["zone"].str.starts_with("+").fill_null(False).to_numpy()
    shift = np.where(east, -offset, offset) * 60_000_000
    return np.where(bad, _NO_TIME, micros + shift), fraction % 1000


def _refuse_first(bad: NDArray[np.bool_], text: pl.Series, column: str, origin: Origin, what: str) -> None:
    if not bad.any():
        return
    row = int(np.flatnonzero(bad)[0])
    cell = text[row]
    if cell is None or cell == "":
        raise Refusal(f"{origin.cell(row, column)}: the time is missing but the row holds values")
    raise Refusal(f"{origin.cell(row, column)}: {quoted(cell)} {what}")


def _refuse_mixed_zones(fields: _Fields, column: str, origin: Origin) -> None:
    if fields.zoned.any() and not fields.zoned.all():
        with_zone, without = (int(np.flatnonzero(mask)[0]) for mask in (fields.zoned, ~fields.zoned))
        raise Refusal(
            f"{origin.cell(without, column)}: {quoted(fields.text[without])} has no time zone,"
            f" but {quoted(fields.text[with_zone])} in row {int(origin.rows[with_zone])} has one"
        )


def _days(fields: _Fields, order: DateOrder | None) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """Days since 1970 and whether each date exists, numeric dates read in the given order."""
    parts = fields.parts
    year, month, day = parts["year"].copy(), parts["month"].copy(), parts["day"].copy()
    if order:
        places = {"mdy": ("third", "first", "second_"), "dmy": ("third", "second_", "first")}
        names = places.get(order, ("first", "second_", "third"))
        for target, name in zip((year, month, day), names, strict=True):
            np.copyto(target, parts[name], where=fields.numeric)
    year = np.where((year >= 0) & (year < 100), year + np.where(year < 70, 2000, 1900), year)
    leap = (year % 4 == 0) & ((year % 100 != 0) | (year % 400 == 0))
    valid = fields.known & (year >= 1) & (month >= 1) & (month <= 12) & (day >= 1)
    length = _MONTH_DAYS[np.where(valid, month, 0)] + (leap & (month == 2))
    valid &= day <= length
    # Days from the civil calendar, years counted from March so that the leap day is the last.
    y = year - (month <= 2)
    of_year = (153 * ((month + 9) % 12) + 2) // 5 + day - 1
    days = 365 * y + y // 4 - y // 100 + y // 400 + of_year - 719_468
    return np.where(valid, days, 0), valid


def _tell_order(fields: _Fields, column: str, origin: Origin) -> DateOrder:
    """Find the one order under which every date exists or, failing that, the history holds together."""
    orders = [DateOrder.mdy, DateOrder.dmy]
    if bool((fields.parts["third"][fields.numeric] < 100).all()):
        orders.append(DateOrder.ymd)
    readings = {order: _days(fields, order) for order in orders}
    possible = [order for order in orders if bool(readings[order][1].all())]
    if not possible:
        raise Refusal(_contradiction(fields, column, origin, lambda order: readings[order][1]))
    micros = [readings[order][0] * _DAY_US + fields.clock_us for order in possible]
    if all(np.array_equal(micros[0], other) for other in micros[1:]):
        return possible[0]
    # Read the wrong way, each midnight is a jump of a month or a year: the right reading is the much shorter one.
    spans = [int(stamps.max() - stamps.min()) for stamps in micros]
    best = int(np.argmin(spans))
    steps = np.diff(np.unique(micros[best]))
    within_days = steps.size > 0 and float(np.median(steps)) < _DAY_US
    if within_days and all(spans[best] * 3 < span for i, span in enumerate(spans) if i != best):
        return possible[best]
    row = int(np.flatnonzero(micros[0] != micros[1])[0])
    ways = " or ".join(order.words for order in possible)
    raise Refusal(
        f"{origin.cell(row, column)}: {quoted(fields.text[row])} may be {ways} and no other row tells;"
        f" say which with --date-order {' or '.join(possible)}"
    )


def _contradiction(
    fields: _Fields, column: str, origin: Origin, valid: Callable[[DateOrder], NDArray[np.bool_]]
) -> str:
    mdy, dmy = valid(DateOrder.mdy), valid(DateOrder.dmy)
    neither = np.flatnonzero(~mdy & ~dmy)
    if neither.size:
        row = int(neither[0])
        return f"{origin.cell(row, column)}: {quoted(fields.text[row])} is no date of the calendar"
    month, day = int(np.flatnonzero(~dmy)[0]), int(np.flatnonzero(~mdy)[0])
    return (
        f"{origin.cell(day, column)}: {quoted(fields.text[day])} can only be day first,"
        f" but {quoted(fields.text[month])} in row {int(origin.rows[month])} only month first"
    )
