"""Times in parts: a date in one column, the time of day, the zone, or the hour in others."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import time

import numpy as np
import polars as pl

from acm_rs.files.labels import plain
from acm_rs.files.raw import RawTable, seconds
from acm_rs.files.short import short_cells
from acm_rs.files.time_names import PARTS, ZONE_NAMES, is_time_name
from acm_rs.files.times import has_time_of_day, is_zone, looks_like_clock
from acm_rs.files.times.numbers import decimals_of, micros_of_days

__all__ = [
    "bare_dates",
    "clock_text",
    "decimals_written",
    "is_clock",
    "is_midnight",
    "numbers_of",
    "parts_of",
    "text_of_parts",
    "zone_column",
]

# What a spreadsheet makes of a time of day: a moment of its first days.
_SHEET_DAY = r"^(?:1899-12-3[01]|1900-01-0[01])[ T]+"
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
    if not is_time_name(name):
        return False
    numbers = numbers_of(series)
    if numbers is None or numbers.has_nulls():
        return False
    floats = numbers.cast(pl.Float64).to_numpy()
    part_of_day = bool(((floats >= 0) & (floats < 1)).all())
    digits = bool(((floats >= 0) & (floats < 240_000) & (floats % 1 == 0) & (floats % 100 < 60)).all())
    return part_of_day or digits


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
    if bool((floats >= 2400).any()) or _longest(series) > 4:
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
    """The columns with year, month, day and perhaps hour, minute and second, by what they hold; else empty."""
    parts: dict[str, str] = {}
    for name in names:
        for part, known in PARTS.items():
            if plain(name) in known and part not in parts and numbers_of(head[name]) is not None:
                parts[part] = name
    return parts if {"year", "month", "day"} <= parts.keys() else {}


def text_of_parts(raw: RawTable, parts: dict[str, str]) -> pl.Series:
    """Dates as text out of their parts."""
    texts = {part: raw.column(name).cast(pl.String).str.strip_chars() for part, name in parts.items()}
    texts = {part: text.str.replace(r"\.0+$", "") for part, text in texts.items()}
    clock = [texts[part].str.zfill(2) if part in texts else pl.lit("00") for part in ("hour", "minute", "second")]
    date = [texts[part] for part in ("year", "month", "day")]
    return pl.select(pl.format("{}-{}-{} {}:{}:{}", *(pl.lit(part) for part in date), *clock)).to_series()
