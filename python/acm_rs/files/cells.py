"""Cells of text into numbers: historian words, decimal commas, thousands."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

import polars as pl

from acm_rs.files.errors import Origin, Refusal, listed, quoted

__all__ = ["MISSING_WORDS", "Decimal", "Numbers", "numbers_from_text"]

MISSING_WORDS = frozenset(
    (
        # Empty cells and spreadsheets
        "",
        "nan",
        "na",
        "n/a",
        "n.a.",
        "#n/a",
        "#na",
        "#n/a n/a",
        "null",
        "none",
        "nil",
        "-",
        "--",
        "---",
        ".",
        "?",
        "missing",
        "undefined",
        "#value!",
        "#div/0!",
        "#ref!",
        "#num!",
        "#name?",
        "#null!",
        "1.#qnan",
        "-1.#ind",
        "1.#ind",
        "1.#inf",
        "-1.#inf",
        "+inf",
        # Historians: digital states that stand in for a value
        "bad",
        "bad data",
        "bad input",
        "bad output",
        "bad quality",
        "bad value",
        "no data",
        "nodata",
        "no value",
        "no result",
        "no sample",
        "no good data",
        "[-11059] no good data for calculation",
        "i/o timeout",
        "io timeout",
        "timeout",
        "calc failed",
        "calc fail",
        "pt created",
        "point created",
        "scan off",
        "scan timeout",
        "configure",
        "comm fail",
        "comm error",
        "not connect",
        "not connected",
        "disconnected",
        "over range",
        "under range",
        "out of serv",
        "out of service",
        "arc off-line",
        "arc offline",
        "offline",
        "intf shut",
        "shutdown",
        "unit down",
        "sensor fail",
        "device fail",
        "failed",
        "error",
        "invalid",
        "unavailable",
        "not available",
        "questionable",
        "unknown",
        "invalid float",
        "inp out of range",
    )
)

_PLAIN_POINT = r"^[+-]?\d*\.\d*(?:[eE][+-]?\d+)?$"
_GROUP_SPACES = "[ \u00a0\u202f\u2009']"
_EXPONENT = r"(?:[eE][+-]?\d+)?"
_SPACED = rf"^[+-]?\d{{1,3}}(?:{_GROUP_SPACES}\d{{3}})+(?:[.,]\d*)?$"
_POINT_GROUPS = r"^[+-]?[1-9]\d{0,2}(?:\.\d{3})+(?:,\d*)?$"
_COMMA_GROUPS = r"^[+-]?[1-9]\d{0,2}(?:,\d{3})+(?:\.\d*)?$"
_DECIMAL_COMMA = rf"^[+-]?(?:\d+,\d*|,\d+){_EXPONENT}$"
# What may be a number once commas, dots and spaces are understood.
_COMMA_OR_SPACE = "|".join((_SPACED, _POINT_GROUPS, _COMMA_GROUPS, _DECIMAL_COMMA))
_UNDECIDED_COMMA = r"^[+-]?[1-9]\d{0,2},\d{3}$"
_UNDECIDED_POINT = r"^[+-]?[1-9]\d{0,2}\.\d{3}$"


class Decimal(StrEnum):
    """The mark between whole and fraction."""

    point = "point"
    comma = "comma"


@dataclass
class Numbers:
    """Columns read as numbers, and what was met on the way.

    Parameters
    ----------
    columns : dict of str to Series
        Float64, missing as null, by column name.
    text : dict of str to str
        Columns that hold text, each with one of its cells.
    words : dict of str to int
        Words taken as missing and how often each was met.
    decimal : Decimal
        The mark the numbers are written with.
    """

    columns: dict[str, pl.Series] = field(default_factory=dict)
    text: dict[str, str] = field(default_factory=dict)
    words: dict[str, int] = field(default_factory=dict)
    decimal: Decimal = Decimal.point


@dataclass
class _Column:
    text: pl.Series
    number: pl.Series
    rest: pl.Series
    words: dict[str, int]


def numbers_from_text(
    frame: pl.DataFrame,
    origin: Origin,
    *,
    wanted: Sequence[str] | None = None,
    decimal: Decimal | None = None,
    missing: Iterable[str] = (),
    comma_is_decimal: bool = False,
) -> Numbers:
    """Read columns of text as numbers.

    A column in which text outweighs numbers is a text column; one stray word among numbers is refused, because it may
    be a reading.

    Parameters
    ----------
    frame : DataFrame
        Columns of strings.
    origin : Origin
        Where the rows came from.
    wanted : sequence of str, optional
        Columns that must be numeric: text in them is refused. All others may turn out to be text.
    decimal : Decimal, optional
        The decimal mark; told from the whole table by default.
    missing : iterable of str, optional
        Further words or numbers that mean "no value".
    comma_is_decimal : bool
        Take ``1,234`` as a fraction where nothing else tells (files whose cells are parted by semicolons).

    Returns
    -------
    Numbers

    Raises
    ------
    Refusal
        A word among numbers, numbers written in two ways, or a mark that cannot be told.
    """
    required = frozenset(wanted or ())
    words = MISSING_WORDS | {word.strip().lower() for word in missing}
    sentinels = [value for value in map(_as_float, missing) if value is not None]
    result = Numbers()
    columns = {name: _first_reading(frame[name], words) for name in frame.columns}
    columns = {name: column for name, column in columns.items() if not _is_text(name, column, required, result)}
    result.decimal = decimal or _decimal_mark(columns, origin, comma_is_decimal)
    for name, column in columns.items():
        number, rest = _second_reading(column, result.decimal)
        _refuse_leftovers(name, number, rest, origin, result.decimal)
        for value in sentinels:
            hit = (number == value).fill_null(False)
            if hit.any():
                column.words[f"{value:g}"] = int(hit.sum())
                number = number.set(hit, None)
        for word, count in column.words.items():
            result.words[word] = result.words.get(word, 0) + count
        result.columns[name] = number
    return result


def _as_float(word: str) -> float | None:
    try:
        return float(word)
    except ValueError:
        return None


def _finite(number: pl.Series) -> pl.Series:
    return number.to_frame("v").select(pl.when(pl.col("v").is_finite()).then(pl.col("v")))["v"]


def _first_reading(series: pl.Series, words: frozenset[str]) -> _Column:
    counts: dict[str, int] = {}
    text = series.str.strip_chars()
    number = text.cast(pl.Float64, strict=False)
    odd = text.filter((number.is_null() | ~number.is_finite().fill_null(True)) & text.is_not_null())
    if odd.len():
        is_word = odd.str.to_lowercase().is_in(list(words)) | _is_infinite_or_nan(odd)
        for word, count in odd.filter(is_word & (odd != "")).value_counts().iter_rows():
            counts[word] = count
        known = odd.filter(is_word).unique().to_list()
        text = text.set(text.is_in(known).fill_null(False), None) if known else text
        number = _finite(text.cast(pl.Float64, strict=False))
    return _Column(text, number, _left_over(text, number), counts)


def _is_infinite_or_nan(text: pl.Series) -> pl.Series:
    number = text.cast(pl.Float64, strict=False)
    return (number.is_nan() | number.is_infinite()).fill_null(False)


def _left_over(text: pl.Series, number: pl.Series) -> pl.Series:
    return text.set(number.is_not_null(), None)


def _is_text(name: str, column: _Column, required: frozenset[str], result: Numbers) -> bool:
    rest = column.rest.drop_nulls()
    if rest.is_empty() or name in required:
        return False
    strange = rest.filter(~rest.str.contains(_COMMA_OR_SPACE))
    if strange.len() <= column.number.count() + rest.len() - strange.len():
        return False
    result.text[name] = strange[0]
    return True


def _decimal_mark(columns: dict[str, _Column], origin: Origin, comma_is_decimal: bool) -> Decimal:
    """Tell the decimal mark from every numeric cell of the table."""
    if not any(column.rest.str.contains(",", literal=True).any() for column in columns.values()):
        return Decimal.point
    point = comma = undecided = None
    for name, column in columns.items():
        cells = column.rest.filter(column.rest.str.contains(_COMMA_OR_SPACE).fill_null(False)).drop_nulls()
        commas = cells.filter(cells.str.contains(",", literal=True))
        grouped = commas.str.contains(_COMMA_GROUPS)
        open_ = commas.str.contains(_UNDECIDED_COMMA)
        plain = column.text.filter(column.number.is_not_null())
        dots = plain.filter(plain.str.contains(_PLAIN_POINT) & ~plain.str.contains(_UNDECIDED_POINT))
        comma = comma or _example(name, column, commas.filter(~grouped))
        comma = comma or _example(name, column, cells.filter(cells.str.contains(r"\.\d{3}\.\d{3}")))
        point = point or _example(name, column, commas.filter(grouped & ~open_))
        point = point or _example(name, column, dots)
        undecided = undecided or _example(name, column, commas.filter(open_))
    if comma and point:
        first, second = (f"{origin.cell(row, name)}: {quoted(cell)}" for row, name, cell in (comma, point))
        raise Refusal(f"{first} has a decimal comma, but {second} a decimal point; say which with --decimal")
    if comma or point:
        return Decimal.comma if comma else Decimal.point
    if undecided and not comma_is_decimal:
        row, name, cell = undecided
        raise Refusal(
            f"{origin.cell(row, name)}: {quoted(cell)} may be {cell.replace(',', '.')} or {cell.replace(',', '')};"
            " say which with --decimal comma or --decimal point"
        )
    return Decimal.comma


def _example(name: str, column: _Column, cells: pl.Series) -> tuple[int, str, str] | None:
    if cells.is_empty():
        return None
    cell = str(cells[0])
    row = (column.text == cell).arg_true()[0]
    return int(row), name, cell


def _second_reading(column: _Column, decimal: Decimal) -> tuple[pl.Series, pl.Series]:
    rest = column.rest.drop_nulls()
    if decimal is Decimal.point and rest.is_empty():
        return column.number, column.rest
    cell = pl.col("v")
    spaceless = pl.when(cell.str.contains(_SPACED)).then(cell.str.replace_all(_GROUP_SPACES, "")).otherwise(cell)
    if decimal is Decimal.comma:
        pointless = pl.when(cell.str.contains(_POINT_GROUPS)).then(cell.str.replace_all(r"\.", "")).otherwise(cell)
        # A point that groups nothing is no decimal mark here: it must be refused, not read.
        point_free = ~cell.str.contains(".", literal=True)
        marked: pl.Expr = pl.when(point_free).then(cell.str.replace(",", ".", literal=True))
    else:
        grouped = cell.str.contains(_COMMA_GROUPS)
        pointless = pl.when(grouped).then(cell.str.replace_all(",", "")).otherwise(cell)
        marked = cell
    text = column.text.to_frame("v")
    number = text.select(v=spaceless).select(v=pointless).select(v=marked)["v"].cast(pl.Float64, strict=False)
    number = _finite(number)
    return number, _left_over(column.text, number)


def _refuse_leftovers(name: str, number: pl.Series, rest: pl.Series, origin: Origin, decimal: Decimal) -> None:
    found = rest.is_not_null().arg_true()
    if not found.len():
        return
    row = int(found[0])
    cell = str(rest[row])
    if re.fullmatch(r"[+-]?\d[\d.,]*(?:[eE][+-]?\d+)?", cell):
        raise Refusal(f"{origin.cell(row, name)}: {quoted(cell)} is no number with a decimal {decimal}")
    different = rest.drop_nulls().unique(maintain_order=True).to_list()
    others = f" (nor are {listed(different[1:], 3)})" if len(different) > 1 else ""
    hint = f"; if it means no value, add --missing {_shell_word(cell)}"
    if not number.count():
        raise Refusal(f"{origin.column(name)} holds no numbers but text such as {quoted(cell)}")
    raise Refusal(f"{origin.cell(row, name)}: {quoted(cell)} is not a number{others}{hint}")


def _shell_word(word: str) -> str:
    return word if re.fullmatch(r"[\w.:+-]+", word) else '"' + word.replace('"', '\\"') + '"'
