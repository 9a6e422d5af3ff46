"""Workbooks: Excel's .xlsx, .xls and .xlsb, and OpenDocument's .ods, as rows of cells."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from acm_rs.files.bad_rows import BadRows
from acm_rs.files.errors import Origin, Refusal, counted, listed, quoted
from acm_rs.files.grid import HEADER_WITHIN
from acm_rs.files.layout import Layout, find_layout
from acm_rs.files.options import ReadOptions
from acm_rs.files.raw import RawTable
from acm_rs.files.sources import Source
from acm_rs.files.stored import Damaged, unbroken
from acm_rs.files.time_names import is_time_name

__all__ = ["read_sheets"]

_HEAD = 200
# Times of day are kept as the first day of the calendar.
_NO_DAY = r"^(?:1899-12-3[01]|1904-01-01) (\d\d:\d\d:\d\d.*)$"

_LIKE_DURATION = r"^\d\d:\d\d:\d\d|^1[89]\d\d-\d\d-\d\d \d"


def read_sheets(source: Source, options: ReadOptions, bad_rows: BadRows) -> list[tuple[RawTable, Source]]:
    """Read a sheet of a workbook, or several that have the same columns.

    Parameters
    ----------
    source : Source
        The workbook.
    options : ReadOptions
        The sheet, and how many rows stand above the header; by default the first sheet that is not hidden and holds a
        table, and others of the same columns.
    bad_rows : BadRows
        For the stages after this one.

    Returns
    -------
    list of (RawTable, Source)
        Each sheet. Every cell as text: numbers so that they read as what they are, dates as ISO 8601. Cells with an
        error such as ``#N/A`` are missing.

    Raises
    ------
    Refusal
        A damaged workbook, no such sheet, or no table in it.
    """
    try:
        import fastexcel
    except ImportError:
        raise Refusal(f'{source.name} is a workbook, which needs more to be read: pip install "acm-rs[cli]"') from None
    try:
        book = unbroken(lambda: fastexcel.read_excel(source.path.read_bytes()))
        names = list(book.sheet_names)
        alike: list[str] = []
        if options.sheet is not None:
            chosen = _chosen(source, names, options.sheet)
            cells = _cells(book, chosen)
            if cells is None or not cells.height:
                raise Refusal(f"{source.name}: sheet {quoted(chosen)} is empty")
            layout = _layout(source, cells, options)
        else:
            chosen, cells, layout = _first_table(source, book, names, options)
            alike = _of_same_columns(source, book, [name for name in names if name != chosen], layout, options)
    except (fastexcel.FastExcelError, Damaged, pl.exceptions.PolarsError) as error:
        why = (str(error).strip().splitlines() or [type(error).__name__])[0].removeprefix("calamine error: ")
        said = "is no workbook that can be read" if "detect file format" in why else "is a damaged workbook"
        raise Refusal(f"{source.name} {said}: {why}; is it protected by a password?") from None
    tables = [_read(source, book, chosen, cells, layout, options, bad_rows)]
    for name in alike:
        cells = _cells(book, name)
        if cells is not None:
            tables.append(_read(source, book, name, cells, _layout(source, cells, options), options, bad_rows))
    if len(names) > 1:
        others = [name for name in names if name not in (chosen, *alike)]
        said = f"sheets {listed([chosen, *alike])} read" if alike else f"sheet {quoted(chosen)} read"
        for raw in tables:
            raw.notes.insert(0, said + (f"; others: {listed(others)}" if others else ""))
    if not alike:
        return [(tables[0], source)]
    sources = [_sheet(source, name) for name in (chosen, *alike)]
    for raw, part in zip(tables, sources, strict=True):
        raw.origin = replace(raw.origin, path=part.name)
    return list(zip(tables, sources, strict=True))


def _sheet(source: Source, name: str) -> Source:
    """A sheet as a file of its own, for messages."""
    return replace(source, name=Path(f"{source.name}, sheet {quoted(name)}"))


def _read(
    source: Source, book: Any, name: str, cells: pl.DataFrame, layout: Layout, options: ReadOptions, bad_rows: BadRows
) -> RawTable:
    raw = _table(source, cells, layout, options, bad_rows)
    if options.decimal is not None:
        # A decimal mark is said of text: cells of numbers have none.
        raw.frame = raw.frame.with_columns(_numbers(book, name, layout, options, raw))
    raw.frame = raw.frame.with_columns(_durations(book, name, layout, options, raw))
    return raw


def _chosen(source: Source, names: list[str], sheet: str) -> str:
    if sheet in names:
        return sheet
    alike = [name for name in names if name.strip().lower() == sheet.strip().lower()]
    if len(alike) == 1:
        return alike[0]
    if sheet.strip().isdecimal() and 1 <= int(sheet) <= len(names):
        return names[int(sheet) - 1]
    raise Refusal(f"{source.name} has no sheet {quoted(sheet)}; it has {listed(names, 20)}", status=2)


def _first_table(source: Source, book: Any, names: list[str], options: ReadOptions) -> tuple[str, pl.DataFrame, Layout]:
    """The first sheet that holds readings; sheets that are hidden come last."""
    refusal: Refusal | None = None
    for hidden in (False, True):
        for name in names:
            cells = _cells(book, name, hidden)
            if cells is None or not cells.height:
                continue
            try:
                layout = _layout(source, cells, options)
            except Refusal as said:
                refusal = refusal or Refusal(f"{said} (sheet {quoted(name)})")
                continue
            if layout.readings:
                return name, cells, layout
    raise refusal or Refusal(f"{source.name} holds no table; its {counted(len(names), 'sheet')}: {listed(names)}")


def _of_same_columns(source: Source, book: Any, others: list[str], layout: Layout, options: ReadOptions) -> list[str]:
    """The other sheets, none that is hidden, whose columns are those of the one that is read."""
    found = []
    for name in others:
        cells = _cells(book, name, False, options.skip_rows + _HEAD)
        if cells is None or not cells.height:
            continue
        with suppress(Refusal):
            other = _layout(source, cells, options)
            if other.readings and other.names == layout.names:
                found.append(name)
    return found


def _cells(book: Any, name: str, hidden: bool | None = None, rows: int | None = None) -> pl.DataFrame | None:
    """The cells of a sheet as text; none where it is hidden or not as asked for."""
    sheet = unbroken(lambda: book.load_sheet(name, header_row=None, skip_rows=0, n_rows=rows, dtypes="string"))
    if hidden is not None and (sheet.visible != "visible") != hidden:
        return None
    text = sheet.to_polars()
    if not text.height:
        return text
    # As text numbers are rounded to nine digits.
    numbers = unbroken(
        lambda: book.load_sheet(name, header_row=None, skip_rows=0, n_rows=rows, dtypes="float")
    ).to_polars()
    text.columns = numbers.columns = [f"c{place}" for place in range(text.width)]
    return pl.DataFrame(_exact(text[name], numbers[name]) for name in text.columns)


def _numbers(book: Any, name: str, layout: Layout, options: ReadOptions, raw: RawTable) -> list[pl.Series]:
    """The columns of a sheet whose filled cells are all numbers, as numbers."""
    first = options.skip_rows + layout.first
    rows = raw.origin.rows - first - 1
    last = int(rows.max(initial=0))
    sheet = unbroken(lambda: book.load_sheet(name, header_row=None, skip_rows=first)).to_polars()
    stored = {name: sheet[:, place] for place, name in enumerate(layout.names) if place < sheet.width}
    return [
        cells.gather(pl.Series(rows)).cast(pl.Float64).rename(name)
        for name, cells in stored.items()
        if name in raw.columns and cells.dtype.is_numeric() and cells.len() > last
    ]


def _durations(book: Any, name: str, layout: Layout, options: ReadOptions, raw: RawTable) -> list[pl.Series]:
    """The columns of durations ([h]:mm:ss), which as text are times of day and dates of the calendar's first days."""
    import fastexcel

    first = options.skip_rows + layout.first
    rows = raw.origin.rows - first - 1
    found = []
    for place, column in enumerate(layout.names):
        if column not in raw.columns or raw.column(column).dtype != pl.String:
            continue
        cells = raw.column(column).drop_nulls()
        if not cells.len() or not cells.str.contains(_LIKE_DURATION).all():
            continue
        with suppress(fastexcel.FastExcelError):
            # By name, as numbers of columns count those that are empty before the first.
            chosen = {"header_row": None, "skip_rows": first, "use_columns": [f"__UNNAMED__{place}"]}
            stored = unbroken(partial(book.load_sheet, name, **chosen)).to_polars().to_series(0)
            if stored.dtype != pl.Duration or stored.len() <= int(rows.max(initial=0)):
                continue
            of_day = bool(((stored >= timedelta(0)) & (stored < timedelta(days=1))).all())
            # A time of day beside a date may have that format too.
            if not (of_day and is_time_name(column)):
                found.append(stored.gather(pl.Series(rows)).rename(column))
    return found


def _exact(text: pl.Series, number: pl.Series) -> pl.Series:
    cells = pl.DataFrame({"text": text, "number": number})
    said = pl.col("text").cast(pl.Float64, strict=False)
    rounded = said.is_not_null() & pl.col("number").is_not_null() & (said != pl.col("number"))
    exact = pl.when(rounded).then(pl.col("number").cast(pl.String)).otherwise(pl.col("text"))
    return cells.select(exact.str.replace(_NO_DAY, "${1}").alias(text.name)).to_series()


def _layout(source: Source, cells: pl.DataFrame, options: ReadOptions) -> Layout:
    if options.skip_rows >= cells.height:
        raise Refusal(f"{source.name} has no rows below the {options.skip_rows} that --skip-rows leaves out")
    return find_layout(source.name, list(_rows(cells[options.skip_rows :].head(_HEAD))), options.skip_rows)


def _rows(cells: pl.DataFrame) -> Iterator[list[str]]:
    for row in cells.iter_rows():
        yield ["" if cell is None else cell for cell in row]


def _alike(frame: pl.DataFrame, cells: Sequence[str | None]) -> NDArray[np.bool_]:
    """Which rows are a row of the head once more."""
    same = [pl.col(name).fill_null("") == (cell or "") for name, cell in zip(frame.columns, cells, strict=True)]
    return frame.select(pl.all_horizontal(same)).to_series().to_numpy().copy()


def _table(source: Source, cells: pl.DataFrame, layout: Layout, options: ReadOptions, bad_rows: BadRows) -> RawTable:
    header = cells.row(options.skip_rows + layout.header)
    first = options.skip_rows + layout.first
    frame = cells[first:]
    frame.columns = layout.names
    filled = frame.select(pl.any_horizontal(pl.all().str.strip_chars().fill_null("") != "")).to_series()
    last = int(filled.arg_true()[-1]) + 1 if filled.any() else 0
    tail = list(_rows(frame[:last].tail(2 * HEADER_WITHIN)))
    last -= layout.footer(tail)
    keep = filled.to_numpy()[:last].copy()
    blank = int((~keep).sum())
    again = _alike(frame[:last], header)
    # Units and descriptions come again with it.
    below = [_alike(frame[:last], cells.row(row)) for row in range(options.skip_rows + layout.header + 1, first)]
    left = again.copy()
    for _ in below:
        left[1:] |= left[:-1] & np.logical_or.reduce(below)[1:]
    notes = [*source.notes, *layout.notes]
    if again.any():
        notes.append(
            f"the header comes again in {counted(int(again.sum()), 'row')}"
            f" (first: row {first + 1 + int(np.flatnonzero(again)[0])}): left out"
        )
    keep &= ~left
    frame = frame[:last].filter(pl.Series(keep))
    rows = np.arange(first + 1, first + 1 + last)[keep]
    empty = [name for name in layout.unnamed if not (frame[name].str.strip_chars().fill_null("") != "").any()]
    unnamed = [name for name in layout.unnamed if name not in empty]
    return RawTable(frame.drop(empty), Origin(source.name, rows), "", unnamed, notes, blank, layout.about, bad_rows)
