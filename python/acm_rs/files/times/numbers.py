"""Times written as numbers: seconds since 1970 and their fractions, digits run together, days of a spreadsheet."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

import numpy as np
import polars as pl
from numpy.typing import NDArray

from acm_rs.files.bad_rows import BadRows
from acm_rs.files.errors import Origin, Refusal, quoted
from acm_rs.files.times.dates import DAY_US, civil_days
from acm_rs.files.times.result import Times

__all__ = [
    "RUNNING",
    "SHEET",
    "SHEET_DAYS_TO_1970",
    "calendar_kind",
    "decimals_of",
    "micros_of_days",
    "refuse_other_digits",
    "times_from_numbers",
]

RUNNING = "a running number"
_FIRST_YEAR, _LAST_YEAR = 1990, 2040
_LOW_S, _HIGH_S = (int(datetime(year, 1, 1, tzinfo=UTC).timestamp()) for year in (_FIRST_YEAR, _LAST_YEAR + 1))
_NET = "ticks of 100 ns since the year 1"
# Counts in a second, and seconds from the beginning of the count to 1970.
_EPOCHS = {
    "seconds since 1970": (1, 0),
    "milliseconds since 1970": (10**3, 0),
    "microseconds since 1970": (10**6, 0),
    "ticks of 100 ns since 1601": (10**7, 11_644_473_600),
    _NET: (10**7, 62_135_596_800),
    "nanoseconds since 1970": (10**9, 0),
}
# Digits after the day: hour, minute, second, thousandths.
_COMPACT = {17: "YYYYMMDDhhmmssfff", 14: "YYYYMMDDhhmmss", 12: "YYYYMMDDhhmm", 10: "YYYYMMDDhh", 8: "YYYYMMDD"}
# Digits in other orders: none of them is read, as day and month may be either, or two digits any year.
_OTHERS = (
    ("DDMMYYYYhhmm", (2, 2, 4, 2, 2)),
    ("DDMMYYYYhhmmss", (2, 2, 4, 2, 2, 2)),
    ("MMDDYYYYhhmm", (2, 2, 4, 2, 2)),
    ("MMDDYYYYhhmmss", (2, 2, 4, 2, 2, 2)),
    ("DDMMYYYY", (2, 2, 4)),
    ("MMDDYYYY", (2, 2, 4)),
    ("YYMMDDhhmmss", (2, 2, 2, 2, 2, 2)),
    ("YYMMDDhhmm", (2, 2, 2, 2, 2)),
)
# Day 1 of a spreadsheet is 1 January 1900; counted from here because it believes in 29 February 1900.
SHEET_DAYS_TO_1970 = 25_569
SHEET = "days of a spreadsheet"
_MOST = 0.9


@dataclass(frozen=True)
class _Reading:
    """Numbers read in one way: microseconds since 1970, and where that gives a time."""

    kind: str
    micros: NDArray[np.int64]
    valid: NDArray[np.bool_]


def calendar_kind(values: pl.Series, *, sheet: bool = False) -> str:
    """Tell which way of writing times fits nearly all numbers of a column.

    Parameters
    ----------
    values : Series
        Numbers.
    sheet : bool
        Whether whole days of a spreadsheet may be meant, which look like any other number.

    Returns
    -------
    str
        ``"seconds since 1970"`` and its like, ``"YYYYMMDDhhmm"`` and its like, ``"days of a spreadsheet"``, or empty.
    """
    numbers = values.drop_nulls()
    if numbers.is_empty():
        return ""
    floats = numbers.cast(pl.Float64).to_numpy()
    middle = float(np.median(floats))
    for unit in _EPOCHS:
        low, high = _range(unit)
        if low <= middle < high:
            inside = (floats >= low) & (floats < high)
            # From 2033 on seconds have the size of YYYYMMDDhh.
            if float(inside.mean()) >= _MOST and not (middle < 1e10 and _compact_share(numbers, 10) == 1):
                return unit
    for digits, name in _COMPACT.items():
        if 10 ** (digits - 1) <= middle < 10**digits and _compact_share(numbers, digits) >= _MOST:
            return name
    days = (floats >= _sheet_day(_FIRST_YEAR)) & (floats < _sheet_day(_LAST_YEAR + 1))
    if float(days.mean()) >= _MOST and (sheet or bool((floats % 1 != 0).any())):
        return SHEET
    return ""


def _range(unit: str) -> tuple[int, int]:
    factor, before = _EPOCHS[unit]
    return (_LOW_S + before) * factor, (_HIGH_S + before) * factor


def _sheet_day(year: int) -> int:
    return (datetime(year, 1, 1) - datetime(1899, 12, 30)).days


def _compact_share(numbers: pl.Series, digits: int) -> float:
    return float(_compact(numbers, digits).valid.mean())


def times_from_numbers(
    values: pl.Series,
    column: str = "",
    origin: Origin | None = None,
    *,
    sheet: bool = False,
    decimals: int | None = None,
    cells: pl.Series | None = None,
    bad_rows: BadRows | None = None,
) -> Times:
    """Read a column of numbers as times, or as a running number that says nothing of the calendar.

    Parameters
    ----------
    values : Series
        Numbers; null where a cell is none.
    column : str
        The column's name, for messages.
    origin : Origin, optional
        Where the rows came from.
    sheet : bool
        Whether whole days of a spreadsheet may be meant.
    decimals : int, optional
        Digits after the decimal mark as written; as many as the shortest form has by default.
    cells : Series, optional
        The text that the numbers were read from, for messages.
    bad_rows : BadRows, optional
        What takes rows that do not fit the others.

    Returns
    -------
    Times
        In UTC from seconds since 1970, without a zone from digits or days of a spreadsheet, or the numbers as they are.
    """
    kind = calendar_kind(values, sheet=sheet)
    if kind in _EPOCHS:
        reading = _epoch(values, kind)
    elif kind == SHEET:
        reading = _sheet(values, decimals_of(values) if decimals is None else decimals)
    elif kind:
        reading = _compact(values, len(kind))
    else:
        refuse_other_digits(values, column, origin, cells)
        _refuse(values.is_null().to_numpy(), values, RUNNING, column, origin, cells, bad_rows)
        return Times(values, RUNNING)
    _refuse(~reading.valid, values, f"time in {kind}" if kind not in _EPOCHS else "", column, origin, cells, bad_rows)
    stamps = pl.Series(values.name, reading.micros)
    if kind.startswith("nanoseconds"):
        stamps = (values if values.dtype.is_integer() else values.cast(pl.Int64, strict=False)).cast(pl.Int64)
        stamps = stamps.cast(pl.Datetime("ns"))
    else:
        stamps = stamps.cast(pl.Datetime("us"))
    if not reading.valid.all():
        stamps = pl.select(pl.when(pl.Series(reading.valid)).then(stamps)).to_series().rename(values.name)
    if kind == _NET:
        # Ticks of .NET are those of whichever clock wrote them.
        return Times(stamps, f"from {kind}")
    if kind in _EPOCHS:
        return Times(stamps.dt.replace_time_zone("UTC"), f"from {kind}, in UTC", _rounded(cells, column))
    return Times(stamps, f"from {kind}" if kind == SHEET else f"written {kind}")


def _rounded(cells: pl.Series | None, column: str) -> tuple[str, ...]:
    """Tell of times in too few digits, as 1.709251e+09 has."""
    if cells is None:
        return ()
    short = cells.filter(cells.str.contains(r"\d[eE]\+?\d").fill_null(value=False))
    if not short.len():
        return ()
    return (
        f"times of {quoted(column)} are rounded by their exponent, such as {quoted(short[0].strip())}:"
        " several rows may share one; export them with all digits",
    )


def _refuse(
    bad: NDArray[np.bool_],
    values: pl.Series,
    what: str,
    column: str,
    origin: Origin | None,
    cells: pl.Series | None,
    bad_rows: BadRows | None,
) -> None:
    if not bad.any():
        return
    if origin is None:
        raise Refusal(f"number {int(np.flatnonzero(bad)[0]) + 1} of the column is no {what or 'time'}")

    def why(row: int) -> str:
        cell = values[row] if cells is None else (cells[row] or "").strip()
        if cell is None or cell == "":
            return "the time is missing but the row holds values"
        if what == RUNNING:
            return f"{quoted(str(cell))} is no number, and the other rows count on; --time-column names another column"
        given = f"no {what}" if what else f"no time between {_FIRST_YEAR} and {_LAST_YEAR}"
        return f"{quoted(str(cell))} is {given}, as the other rows are"

    (bad_rows or BadRows()).meet(bad, origin, column, why)


def refuse_other_digits(values: pl.Series, column: str, origin: Origin | None, cells: pl.Series | None = None) -> None:
    """Refuse times that are run together in an order which numbers do not rise in, or without their century."""
    known = values.drop_nulls().cast(pl.Float64).to_numpy()
    if origin is None or not known.size or not (known >= 1e6).all() or not (known == np.rint(known)).all():
        return
    whole = known[known < 1e15].astype(np.int64)
    for name, widths in _OTHERS:
        rest, parts = whole, {}
        place = len(name)
        for width in reversed(widths):
            rest, parts[name[place - width : place]] = np.divmod(rest, 10**width)
            place -= width
        year = parts["YYYY"] if "YYYY" in parts else 2000 + parts["YY"]
        _, valid = civil_days(year, parts["MM"], parts["DD"])
        valid &= (rest == 0) & (year >= _FIRST_YEAR) & (year <= _LAST_YEAR)
        for part, most in (("hh", 24), ("mm", 60), ("ss", 60)):
            valid &= parts.get(part, np.zeros(1, np.int64)) < most
        if len(valid) == len(known) and valid.mean() >= _MOST:
            first = str(values.drop_nulls()[0]) if cells is None else (cells.drop_nulls()[0] or "").strip()
            raise Refusal(
                f"{origin.column(column)}: {quoted(first)} may be a time run together as {name}, which is not read:"
                " write it as 2024-03-01 00:20:00; name another with --time-column, or leave the column out with"
                " --exclude"
            )


def _epoch(values: pl.Series, unit: str) -> _Reading:
    factor, before = _EPOCHS[unit]
    low, high = _range(unit)
    numbers = values.cast(pl.Float64).fill_null(0).fill_nan(0).to_numpy()
    valid = (numbers >= low) & (numbers < high)
    if values.dtype.is_integer():
        whole = np.where(valid, values.fill_null(0).cast(pl.Int64).to_numpy(), 0)
        micros = whole * (10**6 // factor) if factor <= 10**6 else whole // (factor // 10**6)
    else:
        micros = np.rint(np.where(valid, numbers, 0) * (10**6 / factor)).astype(np.int64)
    return _Reading(unit, np.where(valid, micros - before * 10**6, 0), valid)


def _compact(values: pl.Series, digits: int) -> _Reading:
    if values.dtype.is_integer():
        whole = values.fill_null(0).cast(pl.Int64, strict=False).fill_null(0).to_numpy()
        fraction: NDArray[np.float64] | float = 0.0
    else:
        numbers = values.cast(pl.Float64).fill_null(0).fill_nan(0).to_numpy()
        numbers = np.where(np.abs(numbers) < 10**17 * 9.0, numbers, 0)
        whole = np.floor(numbers).astype(np.int64)
        fraction = numbers - whole
    sized = (whole >= 10 ** (digits - 1)) & (whole < 10**digits)
    rest = np.where(sized, whole, 0)
    millis: NDArray[np.int64] | int = 0
    if digits == 17:
        rest, millis = np.divmod(rest, 1000)
    clock: list[NDArray[np.int64]] = []
    for _ in range(min(3, (min(digits, 14) - 8) // 2)):
        rest, last = np.divmod(rest, 100)
        clock.insert(0, last)
    hour, minute, second = [*clock, *[np.zeros(1, dtype=np.int64)] * 3][:3]
    days, valid = civil_days(rest // 10_000, rest // 100 % 100, rest % 100)
    year = rest // 10_000
    valid &= sized & (year >= _FIRST_YEAR) & (year <= _LAST_YEAR)
    end_of_day = (hour == 24) & (minute == 0) & (second == 0)
    valid &= ((hour < 24) & (minute < 60) & (second < 60)) | end_of_day
    if digits != 14:
        valid &= np.broadcast_to(np.asarray(fraction) == 0, valid.shape)
    # Of 14 digits a float keeps thousandths of a second, no more.
    millis = millis + np.rint(np.asarray(fraction) * 1000).astype(np.int64)
    micros = days * DAY_US + ((hour * 60 + minute) * 60 + second) * 1_000_000 + millis * 1000
    return _Reading(_COMPACT[digits], np.where(valid, micros, 0), valid)


def decimals_of(values: pl.Series) -> int:
    """Digits after the point in the shortest form of numbers."""
    if values.dtype.is_integer():
        return 0
    digits = values.drop_nulls().cast(pl.String).str.extract(r"\.(\d+)$", 1).str.len_chars().max()
    return digits if isinstance(digits, int) else 0


def _sheet(values: pl.Series, decimals: int) -> _Reading:
    numbers = values.cast(pl.Float64).fill_null(0).fill_nan(0).to_numpy()
    valid = (numbers >= _sheet_day(_FIRST_YEAR)) & (numbers < _sheet_day(_LAST_YEAR + 1))
    micros = micros_of_days(np.where(valid, numbers - SHEET_DAYS_TO_1970, 0), decimals)
    return _Reading(SHEET, micros, valid)


def micros_of_days(days: NDArray[np.float64], decimals: int) -> NDArray[np.int64]:
    """Microseconds of days and their fractions, rounded to the coarsest unit that agrees with every cell as written."""
    exact = days * DAY_US
    doubt = 0.5 * 10.0**-decimals * DAY_US + 2.0
    for unit in (60_000_000, 1_000_000, 1_000):
        rounded = np.rint(exact / unit) * unit
        if bool((np.abs(rounded - exact) <= doubt).all()) or unit <= 2.5 * doubt:
            return rounded.astype(np.int64)
    return np.rint(exact).astype(np.int64)
