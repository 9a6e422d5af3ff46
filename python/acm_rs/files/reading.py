"""Files into one table of cells, whatever they are."""

from __future__ import annotations

import os
from collections.abc import Sequence

from acm_rs.files.bad_rows import BadRows
from acm_rs.files.errors import Origin
from acm_rs.files.joining import joined
from acm_rs.files.options import ReadOptions
from acm_rs.files.raw import RawTable
from acm_rs.files.sources import Source, open_sources
from acm_rs.files.stored import read_stored
from acm_rs.files.text import text_layout

__all__ = ["read_table"]


def read_table(
    paths: str | os.PathLike[str] | Sequence[str | os.PathLike[str]], options: ReadOptions | None = None
) -> RawTable:
    """Read files of any kind that is known, told by their content; several become one table.

    Parameters
    ----------
    paths : path or sequence of paths
        Files, patterns, or ``-`` for standard input.
    options : ReadOptions, optional
        What is known beforehand.

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
    return joined([_read(source, options, bad_rows) for source in sources], sources)


def _read(source: Source, options: ReadOptions, bad_rows: BadRows) -> RawTable:
    if source.kind in ("parquet", "arrow", "arrow stream"):
        return read_stored(source, bad_rows)
    return _read_text(source, options, bad_rows)


def _read_text(source: Source, options: ReadOptions, bad_rows: BadRows) -> RawTable:
    layout = text_layout(source, options, bad_rows)
    frame = layout.frame()
    empty = [name for name in layout.unnamed if not (frame[name].str.strip_chars().fill_null("") != "").any()]
    return RawTable(
        frame.drop(empty),
        Origin(source.name, layout.rows),
        layout.written_separator,
        [name for name in layout.unnamed if name not in empty],
        layout.notes,
        layout.blank_rows,
        layout.about,
        bad_rows,
    )
