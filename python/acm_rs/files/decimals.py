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
# Thousands that are grouped, or fractions of three figures; and what may stand beside them either way.
_GROUPED_OR_FRACTION = {mark: rf"^[+-]?[1-9]\d{{0,2}}(?:[{mark}]\d{{3}})+$" for mark in ".,"}
_SMALL_WHOLE = r"^[+-]?(?:0|[1-9]\d{0,2})$"
_FIGURES = r"^[+-]?[\d.]+(?:[eE][+-]?\d+)?$"
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
    points_may_group : bool
        Leave the doubt where all that tells are numbers such as ``1.480``.
    """

    def __init__(self, origin: Origin, comma_is_decimal: bool, keep: bool, *, points_may_group: bool = False) -> None:
        self._keep = keep
        self._points_may_group = points_may_group
        self._plain: list[tuple[str, pl.Series, pl.Series]] = []
        self._origin = origin
        self._comma_is_decimal = comma_is_decimal
        self._commas = False
        self._comma: _Example | None = None
        self._point: _Example | None = None
        self._undecided: _Example | None = None
        # Beside whole numbers below 1000, or not.
        self._doubts: dict[str, list[tuple[_Example, str]]] = {".": [], ",": []}

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
            # Looked through only where nothing else tells.
            if self._keep:
                self._plain.append((name, text, cores))
            else:
                self._look_for_points(name, text)
                self._look_for_doubts(name, text, cores)

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
        if not text.str.contains(".", literal=True).any():
            return
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
        for name, text, _ in self._plain:
            if self._point is None:
                self._look_for_points(name, text)
        if self._point is None and self._comma is None:
            for column in self._plain:
                self._look_for_doubts(*column)
            self._refuse_doubts()
        if not self._commas:
            return Decimal.point
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

    def _look_for_doubts(self, name: str, text: pl.Series, cores: pl.Series) -> None:
        """Look for a column of numbers in which a mark may group thousands, or begin fractions of three figures."""
        if self._point or self._comma:
            return
        for mark, found in self._doubts.items():
            pattern = _GROUPED_OR_FRACTION[mark]
            if not text.str.contains(mark, literal=True).any():
                continue
            marked = pl.concat([cores, text.filter(text.str.contains(_FIGURES).fill_null(False))])
            doubtful = marked.str.contains(pattern)
            whole = marked.str.contains(_SMALL_WHOLE)
            if not doubtful.any() or not (doubtful | whole).all():
                continue
            hit = text.str.contains(str(marked.filter(doubtful)[0]), literal=True)
            example = _example(name, text, pl.int_range(text.len(), eager=True), hit)
            if example:
                found.append((example, str(marked.filter(whole)[0]) if whole.any() else ""))

    def _refuse_doubts(self) -> None:
        """Refuse numbers that may be a thousand times as large, where nothing in the table tells."""
        for mark, found in self._doubts.items():
            for (row, name, cell), whole in found:
                if not whole and not (mark == "." and self._points_may_group):
                    continue
                beside = f", {quoted(whole)} beside it has no mark" if whole else ""
                raise Refusal(
                    f"{self._origin.cell(row, name)}: {quoted(cell)} may be {cell.replace(mark, '.')} or"
                    f" {cell.replace(mark, '')}{beside}, and no other cell tells; say which with --decimal comma or"
                    " --decimal point"
                )


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
