"""Columns that say something of another's readings beside their quality: confidences, and numbers of errors."""

from __future__ import annotations

from collections.abc import Collection, Iterable

import polars as pl

from acm_rs.files.errors import listed, quoted
from acm_rs.files.flags import Flags
from acm_rs.files.levels import Level
from acm_rs.files.quality_names import NameOfQuality, Sense, key_of, of_the_row, read_aspect
from acm_rs.files.raw import RawTable

__all__ = ["add_aspects"]

HALF = 0.5
"""Confidence below which a reading is rather wrong than right, and share of the rows that are bad at most."""
SURE, DOUBTFUL = "confidence", "confidence below half"


def add_aspects(raw: RawTable, names: Iterable[str], flags: Flags, asked: Collection[str] = ()) -> None:
    """Let confidences and numbers of errors flag the readings of the sensors whose names they bear.

    Parameters
    ----------
    raw : RawTable
        The table.
    names : iterable of str
        Columns that may be sensors, or say something of one.
    flags : Flags
        The quality columns; takes what is found.
    asked : collection of str
        Columns that are sensors, whatever their names.
    """
    names = [name for name in names if name not in flags.left_out]
    told = {
        name: aspect
        for name in names
        if name not in raw.unnamed and name not in asked and (aspect := _aspect(name)) is not None
    }
    if not told:
        return
    keys: dict[str, list[str]] = {}
    for name in names:
        if name not in told:
            keys.setdefault(key_of(name), []).append(name)
    kept: list[str] = []
    said: list[str] = []
    for column, aspect in told.items():
        alike = [one for base in aspect.bases for one in keys.get(key_of(base), ())]
        if not aspect.bases:
            # Beside a single sensor it can be of no other.
            alike = [one for found in keys.values() for one in found if _numbers(raw.column(one)) is not None]
            kept += [column] if len(alike) != 1 else []
        sensor = next((base for base in aspect.bases if base in alike), alike[0] if len(alike) == 1 else None)
        numbers = None if sensor is None else _numbers(raw.column(column))
        if sensor is None or numbers is None or not numbers.count():
            continue
        cells = levels = None
        if aspect.sense is Sense.confidence:
            cells, levels = _confidences(numbers)
        elif aspect.sense is Sense.error:
            cells, levels = _errors(numbers)
        if cells is None or levels is None:
            # Those of alarms are told as labels, and a controller's deviation is measured.
            odd = aspect.sense in (Sense.status, Sense.flag, Sense.beside, Sense.confidence, Sense.good)
            kept += [column] if odd and column[-1:] not in "Qq" else []
            continue
        flags.cells[column], flags.levels[column] = cells, levels
        flags.of.setdefault(sensor, []).append(column)
        flags.left_out[column] = f"quality of {quoted(sensor)}"
        said.append(f"{quoted(column)} of {quoted(sensor)}")
    if said:
        what = "confidences and numbers of errors flag readings, and are no sensors"
        flags.notes.append(f"{what}: {_first(said)}")
    if kept:
        flags.notes.append(
            f"named like what is said of a sensor's readings, but what it means is not known, kept: {listed(kept)};"
            " --exclude leaves them out"
        )


def _aspect(name: str) -> NameOfQuality | None:
    return NameOfQuality((), False, Sense.confidence) if of_the_row(name) else read_aspect(name)


def _first(texts: list[str]) -> str:
    """The first of some texts, and how many more there are."""
    more = f" and {len(texts) - 4:,} more" if len(texts) > 4 else ""
    return "; ".join(texts[:4]) + more


def _numbers(cells: pl.Series) -> pl.Series | None:
    """A column as numbers; None where a cell is none."""
    if cells.dtype == pl.String:
        text = cells.str.strip_chars(" \t%").str.replace(",", ".", literal=True)
        text = text.set(text == "", None)
        numbers = text.cast(pl.Float64, strict=False)
        return numbers if numbers.null_count() == text.null_count() else None
    if not cells.dtype.is_numeric() and cells.dtype != pl.Boolean:
        return None
    return cells.cast(pl.Float64).fill_nan(None)


def _confidences(numbers: pl.Series) -> tuple[pl.Series, dict[str, Level]] | tuple[None, None]:
    known = numbers.drop_nulls()
    full = 1.0 if (known <= 1.0).all() else 100.0
    if (known < 0.0).any() or (known > full).any() or (known < HALF * full).sum() > HALF * known.len():
        return None, None
    cells = pl.select(
        pl.when(numbers < HALF * full).then(pl.lit(DOUBTFUL)).when(numbers.is_not_null()).then(pl.lit(SURE))
    ).to_series()
    return cells, {SURE: Level.good, DOUBTFUL: Level.bad}


def _errors(numbers: pl.Series) -> tuple[pl.Series, dict[str, Level]] | tuple[None, None]:
    known = numbers.drop_nulls()
    if not (known.is_finite() & (known == known.round())).all() or (known == 0.0).sum() <= HALF * known.len():
        return None, None
    cells = "error " + numbers.cast(pl.Int64, strict=False).cast(pl.String)
    return cells, {cell: Level.good if cell == "error 0" else Level.bad for cell in cells.drop_nulls().unique()}
