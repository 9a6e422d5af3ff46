"""Times in parts: a date in one column, the time of day, the zone, or the hour in others."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import time

import numpy as np
import polars as pl

from acm_rs.files.errors import Refusal, listed
from acm_rs.files.labels import plain
from acm_rs.files.raw import RawTable, seconds
from acm_rs.files.short import short_cells
from acm_rs.files.time_names import DIGITS_OF_DAY, ZONE_NAMES, is_time_name, part_names
from acm_rs.files.times import has_time_of_day, is_zone, looks_like_clock
from acm_rs.files.times.numbers import decimals_of, micros_of_days

__all__ = [
    "bare_dates",
    "clock_parts",
    "clock_text",
    "decimals_written",
    "hours_beside",
    "is_clock",
    "is_hours",
    "is_midnight",
    "numbers_of",
    "parts_of",
    "refuse_parts",
    "says_hour",
    "text_of_hours",
    "text_of_parts",
    "zone_column",
]

# What a spreadsheet makes of a time of day: a moment of its first days.
_SHEET_DAY = r"^(?:1899-12-3[01]|1900-01-0[01])[ T]+"
# What each part of the time lies within; hour 24 is the midnight after.
_WITHIN = {
    "year": (0, 2261),
    "month": (1, 12),
    "day": (1, 366),
    "day of the year": (1, 366),
    "hour": (0, 24),
    "minute": (0, 59),
    "second": (0, 60),
}
_MONTH = r"^\pL{3,}\.?$"
_CENTURY = 70
_MOST = 0.9
_LAST_HOUR = 24
_MIDNIGHT = r"[ T]+0{1,2}:00(?::00(?:[.,]0+)?)?$"


def numbers_of(series: pl.Series) -> pl.Series | None:
    """The column as numbers, if nearly every cell is one; null where a cell is none."""
    if series.dtype == pl.String:
        few = short_cells(series)
        if few is None:
            text = series.str.strip_chars()
            filled = int((text.fill_null("") != "").sum())
        else:
            text = pl.Series(series.name, few, dtype=pl.String)
            filled = len(few) - few.count("")
        numbers = text.cast(pl.Int64, strict=False)
        if numbers.count() < filled:
            pointed = few is not None and "," not in "".join(few)
            marked = text if pointed else text.str.replace(r"^(\d+),(\d+)$", "$1.$2")
            marked = marked.cast(pl.Float64, strict=False)
            numbers = marked if marked.count() > numbers.count() else numbers
        if not filled or numbers.count() < 0.9 * filled:
            return None
        series = numbers
    if series.dtype == pl.Duration:
        series = seconds(series)
    if not series.dtype.is_numeric() or not series.count():
        return None
    if series.dtype.is_float() and not np.isfinite(series.to_numpy()).all():
        series = pl.select(pl.when(series.is_finite()).then(series)).to_series().rename(series.name)
        if series.count() < 0.9 * series.len():
            return None
    return series


def decimals_written(series: pl.Series) -> int | None:
    """Digits after the decimal mark in cells of text; None in stored numbers."""
    if series.dtype != pl.String:
        return None
    digits = series.str.extract(r"[.,](\d+)\s*$", 1).str.len_chars().max()
    return digits if isinstance(digits, int) else 0


def is_midnight(series: pl.Series) -> bool:
    """Whether dates have no time of day, or none but midnight."""
    if series.dtype == pl.String:
        return not has_time_of_day(bare_dates(series))
    return series.dtype == pl.Date or bool((series.drop_nulls().dt.time() == time(0)).all())


def bare_dates(series: pl.Series) -> pl.Series:
    """Dates as text, without a midnight behind them."""
    return series.str.strip_chars().str.replace(_MIDNIGHT, "")


def is_clock(series: pl.Series, name: str) -> bool:
    """Whether a column holds times of day without a date."""
    if series.dtype == pl.Time:
        return True
    if series.dtype == pl.Datetime:
        days = series.drop_nulls().dt.strftime("%Y-%m-%d ")
        return days.len() > 0 and bool(days.str.contains(_SHEET_DAY).all())
    if series.dtype == pl.String and looks_like_clock(series.str.replace(_SHEET_DAY, "")):
        return True
    hour = says_hour(name)
    if not (is_time_name(name) or hour or plain(name) in DIGITS_OF_DAY):
        return False
    numbers = numbers_of(series)
    if numbers is None or numbers.has_nulls():
        return False
    floats = numbers.cast(pl.Float64).to_numpy()
    part_of_day = bool(((floats >= 0) & (floats < 1)).all())
    whole = (floats >= 0) & (floats <= 240_000) & (floats % 1 == 0)
    if hour and floats.max() < 100:
        return part_of_day or bool((whole & (floats <= _LAST_HOUR)).all())
    digits = bool((whole & (floats % 100 < 60) & (floats // 100 % 100 < 60)).all())
    return part_of_day or digits


def says_hour(name: str) -> bool:
    """Whether a name says that a column holds the hour of the day."""
    return "hour" in part_names([name])


def is_hours(series: pl.Series) -> bool:
    """Whether a time of day is written as the number of its hour alone, 0 to 24."""
    numbers = numbers_of(series)
    if numbers is None or _longest(series) > 2 or plain(series.name) in DIGITS_OF_DAY:
        return False
    floats = numbers.cast(pl.Float64).drop_nulls()
    if not floats.len() or bool((floats != floats.floor()).any()):
        return False
    most = float(floats.max())  # type: ignore[arg-type]
    # An hour 25, as of a day in autumn, is refused with its row and makes no minutes of the others.
    return most < 100 if says_hour(series.name) else 1 <= most <= _LAST_HOUR


def clock_text(series: pl.Series) -> pl.Series:
    """Times of day as text with colons."""
    if series.dtype == pl.Time:
        return series.cast(pl.String)
    if series.dtype == pl.Datetime:
        return series.dt.time().cast(pl.String)
    if series.dtype == pl.String:
        text = series.str.strip_chars().str.replace(_SHEET_DAY, "")
        if looks_like_clock(text):
            return text
    numbers = numbers_of(series)
    if numbers is None:
        return series.cast(pl.String)
    floats = numbers.cast(pl.Float64)
    if bool((floats < 1).all()):
        written = decimals_written(series)
        micros = micros_of_days(floats.fill_null(0).to_numpy(), decimals_of(floats) if written is None else written)
        return pl.Series(np.minimum(micros, 86_399_999_999) * 1000).cast(pl.Time).dt.strftime("%H:%M:%S%.6f")
    text = numbers.cast(pl.Int64).cast(pl.String)
    if is_hours(series):
        return text.str.zfill(2) + ":00"
    if bool((floats > 2400).any()) or _longest(series) > 4:
        return text.str.zfill(6).str.replace(r"^(\d\d)(\d\d)(\d\d)$", "$1:$2:$3")
    return text.str.zfill(4).str.replace(r"^(\d\d)(\d\d)$", "$1:$2")


def _longest(series: pl.Series) -> int:
    if series.dtype != pl.String:
        return 0
    longest = series.str.strip_chars().str.len_chars().max()
    return longest if isinstance(longest, int) else 0


def zone_column(head: pl.DataFrame, names: Sequence[str]) -> str | None:
    """The column that says the zone of each row."""
    for name in names:
        if plain(name) in ZONE_NAMES and head[name].dtype == pl.String and is_zone(head[name]):
            return name
    return None


def parts_of(head: pl.DataFrame, names: Sequence[str]) -> dict[str, str]:
    """The columns with year, month, day and perhaps hour, minute and second, by what they hold; else empty.

    A day beside a year alone is one of the year, and a month without a day begins on its first.
    """
    parts = {part: name for part, name in part_names(names).items() if _may_be(part, head[name])}
    if {"year", "month", "day"} <= parts.keys():
        date = ["year", "month", "day"]
    elif {"year", "day of the year"} <= parts.keys():
        date = ["year", "day of the year"]
    elif {"year", "day"} <= parts.keys() and not {"month", "day of the year"} & part_names(names).keys():
        parts["day of the year"] = parts["day"]
        date = ["year", "day of the year"]
    elif {"year", "month"} <= parts.keys() and not {"day", "day of the year"} & part_names(names).keys():
        once = not head.select(parts["year"], parts["month"]).is_duplicated().any()
        return {part: parts[part] for part in ("year", "month")} if once else {}
    else:
        return {}
    return {part: parts[part] for part in date} | clock_parts(parts)


def clock_parts(parts: dict[str, str]) -> dict[str, str]:
    """Of columns by their part of the time the hour, and what belongs to it."""
    kept: dict[str, str] = {}
    for part in ("hour", "minute", "second"):
        if part not in parts:
            break
        kept[part] = parts[part]
    return kept


def hours_beside(head: pl.DataFrame, names: Sequence[str]) -> dict[str, str]:
    """The columns with the hour, and perhaps the minute and second, of a day that stands in another column."""
    return clock_parts({part: name for part, name in part_names(names).items() if _may_be(part, head[name])})


def _may_be(part: str, cells: pl.Series, *, whole: bool = True) -> bool:
    """Whether nearly all cells may be that part of the time, in whole numbers or in others too."""
    if part == "month" and cells.dtype == pl.String:
        text = cells.str.strip_chars().drop_nulls()
        text = text.filter(text != "")
        if text.len() and bool(text.str.contains(_MONTH).all()):
            return True
    numbers = numbers_of(cells)
    if numbers is None:
        return False
    floats = numbers.drop_nulls().cast(pl.Float64)
    least, most = _WITHIN[part]
    good = (floats >= least) & (floats <= most)
    if part == "year":
        good &= (floats < 100) | (floats > 1000)
    if whole and part != "second":
        good &= floats == floats.floor()
    return int(good.sum()) >= _MOST * floats.len()


def text_of_parts(raw: RawTable, parts: dict[str, str], clock: pl.Series | None = None) -> pl.Series:
    """Dates as text out of their parts, with the time of day where that is known."""
    texts = {part: _whole_text(raw.column(name)) for part, name in parts.items()}
    year = texts["year"]
    short = year.str.len_chars() <= 2
    century = pl.when(year.cast(pl.Int64, strict=False) >= _CENTURY).then(pl.lit("19")).otherwise(pl.lit("20"))
    year = pl.select(pl.when(short).then(pl.concat_str(century, year.str.zfill(2))).otherwise(year)).to_series()
    if "day of the year" in texts:
        date = pl.format("{}-{}", year, texts["day of the year"].str.zfill(3))
    elif not bool(texts["month"].str.contains(r"^\d*$").all()):
        date = pl.format("{} {} {}", texts.get("day", pl.lit("1")), texts["month"], year)
    else:
        date = pl.format("{}-{}-{}", year, texts["month"], texts.get("day", pl.lit("1")))
    return pl.select(pl.format("{} {}", date, text_of_hours(raw, parts) if clock is None else clock)).to_series()


def text_of_hours(raw: RawTable, parts: dict[str, str]) -> pl.Series | pl.Expr:
    """Times of day as text out of hour, minute and second."""
    texts = [
        _whole_text(raw.column(parts[part])).str.replace(r"^(\d)(\.|$)", "0${1}${2}")
        for part in ("hour", "minute", "second")
        if part in parts
    ]
    if not texts:
        return pl.lit("00:00:00")
    texts += [pl.repeat("00", raw.height, eager=True)] * (3 - len(texts))
    return pl.select(pl.concat_str(texts, separator=":")).to_series()


def _whole_text(series: pl.Series) -> pl.Series:
    return series.cast(pl.String).str.strip_chars().str.replace(r"\.0+$", "")


def refuse_parts(raw: RawTable, head: pl.DataFrame, names: Sequence[str]) -> None:
    """Refuse a table without a clock in which several columns hold parts of the time that make no whole one.

    Raises
    ------
    Refusal
        In the order of the file the newest row may come first.
    """
    parts = {part: name for part, name in part_names(names).items() if part not in ("minute", "second")}
    found = [name for part, name in parts.items() if _may_be(part, head[name], whole="day" not in part)]
    if len(found) > 1 and parts.keys() - {"hour"}:
        raise Refusal(
            f"{raw.origin.path}: {listed(found)} hold parts of the time, which do not make a whole one; write year,"
            " month and day, or year and day of the year, and the hour, or the time in one column; or leave them out"
            " with --exclude, and the rows are taken in the order of the file, oldest first"
        )
