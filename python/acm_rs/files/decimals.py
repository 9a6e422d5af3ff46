"""The decimal mark: what tells it, and numbers written with commas or spaces."""

from __future__ import annotations

from collections.abc import Iterator
from enum import StrEnum

import polars as pl

from acm_rs.files.errors import Origin, Refusal, quoted
from acm_rs.files.figures import EXPONENT, GROUP_SPACES

__all__ = ["Decimal", "Evidence", "is_bare", "numbers_with"]

_PLAIN_POINT = r"^[+-]?\d*\.\d*(?:[eE][+-]?\d+)?$"
_SPACED = rf"^[+-]?\d{{1,3}}(?:{GROUP_SPACES}\d{{3}})+(?:[.,]\d*)?$"
_POINT_GROUPS = r"^[+-]?[1-9]\d{0,2}(?:\.\d{3})+(?:,\d*)?$"
_COMMA_GROUPS = r"^[+-]?[1-9]\d{0,2}(?:,\d{3})+(?:\.\d*)?$"
_DECIMAL_COMMA = rf"^[+-]?(?:\d+,\d*|,\d+){EXPONENT}$"
# What may be a number once commas, dots and spaces are understood.
_COMMA_OR_SPACE = "|".join((_SPACED, _POINT_GROUPS, _COMMA_GROUPS, _DECIMAL_COMMA))
_UNDECIDED_COMMA = r"^[+-]?[1-9]\d{0,2},\d{3}$"
_UNDECIDED_POINT = r"^[+-]?[1-9]\d{0,2}\.\d{3}$"
_Example = tuple[int, str, str]


class Decimal(StrEnum):
    """The mark between whole and fraction."""

    point = "point"
    comma = "comma"


class Evidence:
    """Cells of a table that tell its decimal mark, one of each kind.

    Parameters
    ----------
    origin : Origin
        Where the rows came from.
    comma_is_decimal : bool
        Take ``1,234`` as a fraction where nothing else tells.
    keep : bool
        Hold on to the cells: less work where no number has a comma.
    """

    def __init__(self, origin: Origin, comma_is_decimal: bool, keep: bool) -> None:
        self._keep = keep
        self._plain: list[tuple[str, pl.Series]] = []
        self._origin = origin
        self._comma_is_decimal = comma_is_decimal
        self._commas = False
        self._comma: _Example | None = None
        self._point: _Example | None = None
        self._undecided: _Example | None = None

    def gather(self, name: str, text: pl.Series, rows: pl.Series, cores: pl.Series) -> None:
        """Look through a column.

        Parameters
        ----------
        name : str
            Its name.
        text : Series
            All its cells.
        rows, cores : Series
            The rows of those that are no plain numbers, and the numbers in them as they are written.
        """
        if cores.len():
            self._gather_cores(name, text, rows, cores)
        if self._point is None:
            # Looked through only where a comma was met.
            if self._keep:
                self._plain.append((name, text))
            else:
                self._look_for_points(name, text)

    def _gather_cores(self, name: str, text: pl.Series, rows: pl.Series, cores: pl.Series) -> None:
        single = cores.str.contains(",", literal=True) & ~cores.str.contains(".", literal=True)
        single &= _with_point(cores).is_not_null()
        self._commas |= bool(single.any())
        if self._comma is None:
            # Most cells say it: slices find one without a look at all.
            for cells in _growing(pl.DataFrame({"core": cores.filter(single), "row": rows.filter(single)})):
                open_ = cells["core"].str.contains(_UNDECIDED_COMMA)
                self._undecided = self._undecided or _example(name, text, cells["row"], open_)
                self._comma = _example(name, text, cells["row"], ~open_)
                if self._comma:
                    break
        self._gather_grouped(name, text, rows.filter(~single), cores.filter(~single))

    def _gather_grouped(self, name: str, text: pl.Series, rows: pl.Series, cores: pl.Series) -> None:
        if not cores.len():
            return
        commas = cores.str.contains(",", literal=True)
        self._commas |= bool(commas.any())
        grouped = cores.str.contains(_COMMA_GROUPS)
        pointed = cores.str.contains(r"\.\d{3}\.\d{3}") | cores.str.contains(r"\.\d+,")
        dotted = cores.str.contains(_PLAIN_POINT) & ~cores.str.contains(_UNDECIDED_POINT)
        spaced = cores.str.contains(rf"{GROUP_SPACES}\d{{3}}\.\d*$")
        self._comma = self._comma or _example(name, text, rows, (commas & ~grouped) | pointed)
        self._point = self._point or _example(name, text, rows, (commas & grouped) | dotted | spaced)

    def _look_for_points(self, name: str, text: pl.Series) -> None:
        for cells in _growing(text.to_frame("text").with_row_index("row")):
            dots = cells["text"].str.contains(_PLAIN_POINT) & ~cells["text"].str.contains(_UNDECIDED_POINT)
            self._point = _example(name, text, cells["row"], dots & cells["text"].str.contains(r"\d"))
            if self._point:
                return

    def verdict(self) -> Decimal:
        """The mark of the table.

        Raises
        ------
        Refusal
            Both marks were met, or neither is certain.
        """
        if not self._commas:
            return Decimal.point
        for name, text in self._plain:
            if self._point is None:
                self._look_for_points(name, text)
        comma, point, undecided = self._comma, self._point, self._undecided
        if comma and point:
            first, second = (f"{self._origin.cell(row, name)}: {quoted(cell)}" for row, name, cell in (comma, point))
            raise Refusal(f"{first} has a decimal comma, but {second} a decimal point; say which with --decimal")
        if comma or point:
            return Decimal.comma if comma else Decimal.point
        if undecided and not self._comma_is_decimal:
            row, name, cell = undecided
            raise Refusal(
                f"{self._origin.cell(row, name)}: {quoted(cell)} may be {cell.replace(',', '.')} or"
                f" {cell.replace(',', '')}; say which with --decimal comma or --decimal point"
            )
        return Decimal.comma


def _example(name: str, text: pl.Series, rows: pl.Series, hit: pl.Series) -> _Example | None:
    """The first cell that was hit: its row, its column and itself."""
    places = hit.fill_null(False).arg_true()
    if not places.len():
        return None
    row = int(rows[int(places[0])])
    return row, name, str(text[row])


def _growing(frame: pl.DataFrame) -> Iterator[pl.DataFrame]:
    """A table in slices, each longer than the one before."""
    start, size = 0, 1000
    while start < frame.height:
        yield frame.slice(start, size)
        start, size = start + size, size * 8


def numbers_with(cores: pl.Series, decimal: Decimal) -> pl.Series:
    """Read numbers that are written with commas or spaces; null where they are not written with this mark."""
    if decimal is Decimal.comma:
        # A point that groups nothing is no decimal mark here: it must be refused, not read.
        point_free = ~cores.str.contains(".", literal=True)
        number = _with_point(cores.zip_with(point_free, _NOTHING))
        rest = number.is_null().arg_true()
        if not rest.len():
            return number
        return number.scatter(rest, _grouped(cores.gather(rest), decimal))
    return _grouped(cores, decimal)


_NOTHING = pl.Series([None], dtype=pl.String)


def _with_point(cells: pl.Series) -> pl.Series:
    """Numbers with one decimal comma and nothing else about them; null where they are others."""
    number = cells.str.replace(",", ".", literal=True).cast(pl.Float64, strict=False)
    return pl.select(pl.when(number.is_finite()).then(number)).to_series()


def is_bare(cells: pl.Series) -> pl.Series:
    """Tell which cells may be numbers once commas, dots and spaces are understood."""
    bare = _with_point(cells).is_not_null()
    rest = (~bare).arg_true()
    return bare.scatter(rest, cells.gather(rest).str.contains(_COMMA_OR_SPACE).fill_null(False)) if rest.len() else bare


def _grouped(cores: pl.Series, decimal: Decimal) -> pl.Series:
    cell = pl.col("v")
    spaceless = pl.when(cell.str.contains(_SPACED)).then(cell.str.replace_all(GROUP_SPACES, "")).otherwise(cell)
    if decimal is Decimal.comma:
        pointless = pl.when(cell.str.contains(_POINT_GROUPS)).then(cell.str.replace_all(r"\.", "")).otherwise(cell)
        # A point that groups nothing is no decimal mark here: it must be refused, not read.
        point_free = ~cell.str.contains(".", literal=True)
        marked: pl.Expr = pl.when(point_free).then(cell.str.replace(",", ".", literal=True))
    else:
        grouped = cell.str.contains(_COMMA_GROUPS)
        pointless = pl.when(grouped).then(cell.str.replace_all(",", "")).otherwise(cell)
        marked = cell
    number = cores.to_frame("v").select(v=spaceless).select(v=pointless).select(v=marked)["v"]
    number = number.cast(pl.Float64, strict=False)
    return pl.select(pl.when(number.is_finite()).then(number)).to_series()
