"""Files into one table of cells, whatever they are."""

from __future__ import annotations

import os
from collections.abc import Sequence

from acm_rs.files import spool
from acm_rs.files.bad_rows import BadRows
from acm_rs.files.errors import Origin, Refusal
from acm_rs.files.joining import joined
from acm_rs.files.meter import Meter, Told
from acm_rs.files.options import ReadOptions
from acm_rs.files.raw import RawTable
from acm_rs.files.sheets import read_sheets
from acm_rs.files.sources import Source, open_sources
from acm_rs.files.stored import StoredFile
from acm_rs.files.text import text_layout

__all__ = ["read_table"]

_STORED = ("parquet", "arrow", "arrow stream")
# What an option is for, and the kinds of files that have it.
_SAY_NOTHING_ELSEWHERE = {
    "sheet": ("workbook", ("sheet",)),
    "skip_rows": ("text file or workbook", ("text", "sheet")),
    "encoding": ("text file", ("text",)),
}


def read_table(
    paths: str | os.PathLike[str] | Sequence[str | os.PathLike[str]],
    options: ReadOptions | None = None,
    told: Told = lambda _done, _total: None,
) -> RawTable:
    """Read files of any kind that is known, told by their content; several become one table.

    Parameters
    ----------
    paths : path or sequence of paths
        Files, patterns, or ``-`` for standard input.
    options : ReadOptions, optional
        What is known beforehand.
    told : callable
        Is told how many bytes are read, and of how many, where they are many.

    Returns
    -------
    RawTable
        At least one named column; possibly no rows.

    Raises
    ------
    Refusal
        No such file, no table in it, a table that is broken, or tables that do not fit together.
    """
    options = options or ReadOptions()
    bad_rows = BadRows(options.bad_rows)
    sources = open_sources(paths)
    for name, (what, kinds) in _SAY_NOTHING_ELSEWHERE.items():
        if getattr(options, name) and all(source.kind not in kinds for source in sources):
            option = name.replace("_", "-")
            raise Refusal(f"{sources[0].name} is no {what}: --{option} says nothing of it", status=2)
    stored = {place: StoredFile(source) for place, source in enumerate(sources) if source.kind in _STORED}
    text = sum(source.path.stat().st_size for source in sources if source.kind == "text")
    meter = None
    if text + sum(file.size for file in stored.values()) > spool.LARGE:
        meter = Meter(told, text + sum(file.source.path.stat().st_size for file in stored.values()))
    tables: list[tuple[RawTable, Source]] = []
    for place, source in enumerate(sources):
        if source.kind == "sheet":
            tables += read_sheets(source, options, bad_rows)
        elif place in stored:
            tables.append((_stored(stored[place], bad_rows, meter), source))
        else:
            tables.append((_read_text(source, options, bad_rows, meter), source))
    return joined([table for table, _ in tables], [source for _, source in tables])


def _stored(file: StoredFile, bad_rows: BadRows, meter: Meter | None) -> RawTable:
    return file.whole(bad_rows) if meter is None else file.on_disk(bad_rows, meter)


def _read_text(source: Source, options: ReadOptions, bad_rows: BadRows, meter: Meter | None) -> RawTable:
    layout = text_layout(source, options, bad_rows, meter)
    origin = Origin(source.name, layout.rows)
    unnamed: list[str] = []
    about = (origin, layout.written_separator, unnamed, layout.notes, layout.blank_rows, layout.about, bad_rows)
    table = RawTable(layout.frame(), *about) if meter is None else spool.spooled(layout, about, meter)
    empty = [name for name in layout.unnamed if not (table.column(name).str.strip_chars().fill_null("") != "").any()]
    table.frame = table.frame.drop(empty)
    table.unnamed = [name for name in layout.unnamed if name not in empty]
    return table
