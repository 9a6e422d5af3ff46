"""Numbers that may be a clock's: days as spreadsheets count them, and readings that go on step by step."""

from __future__ import annotations

import numpy as np
import polars as pl

from acm_rs.files.times.numbers import SHEET, SHEET_DAYS_TO_1970, calendar_kind

__all__ = ["are_whole", "day_text", "is_sheet", "ticks"]


def is_sheet(numbers: pl.Series) -> bool:
    return calendar_kind(numbers, sheet=True) == SHEET


def are_whole(numbers: pl.Series) -> bool:
    return bool((numbers.drop_nulls().cast(pl.Float64) % 1 == 0).all())


def day_text(numbers: pl.Series, *, sheet: bool) -> pl.Series:
    """Days written as one number, as text."""
    whole = numbers.cast(pl.Int64, strict=False)
    if calendar_kind(numbers, sheet=sheet) == SHEET:
        return (whole - SHEET_DAYS_TO_1970).cast(pl.Date).cast(pl.String)
    return whole.cast(pl.String)


def ticks(numbers: pl.Series) -> bool:
    """Whether numbers go strictly one way, mostly by the same step, as the readings of a clock do."""
    with np.errstate(over="ignore", invalid="ignore"):
        steps = np.diff(numbers.cast(pl.Float64).to_numpy())
    if not steps.size or not (bool((steps > 0).all()) or bool((steps < 0).all())):
        return False
    middle = np.median(steps)
    return bool(np.mean(np.abs(steps - middle) <= 0.1 * abs(middle)) >= 0.5)
