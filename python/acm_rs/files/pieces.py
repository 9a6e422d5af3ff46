"""A table that is made and written some rows at a time: the whole is never in memory."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path

import polars as pl
from polars.io.plugins import register_io_source

from acm_rs.files.spelling import as_csv, defused_names
from acm_rs.files.writing import is_parquet, write_whole

__all__ = ["group_rows", "write_pieces"]

_GROUP_CELLS = 4_000_000
"""Cells of a row group: 32 MB of numbers. Of many small groups the writer keeps more than of one piece."""


def group_rows(columns: int) -> int:
    """How many rows of a table a row group has.

    Parameters
    ----------
    columns : int
        Columns of the table.

    Returns
    -------
    int
        At least one.
    """
    return max(1, _GROUP_CELLS // max(columns, 1))


def write_pieces(
    output: Path,
    before: pl.DataFrame,
    names: Sequence[str] | Mapping[str, pl.DataType],
    pieces: Iterator[pl.DataFrame],
    *,
    raw: bool = False,
) -> int:
    """Write a table that comes in pieces as Parquet or CSV, by the ending; the file appears whole or not at all.

    Parameters
    ----------
    output : Path
        Where to; an existing file is replaced in one step.
    before : DataFrame
        Columns that stand before the others, all rows; may have no columns.
    names : sequence of str, or mapping of str to DataType
        The columns of the pieces; Float64 where their types are not said.
    pieces : iterator of DataFrame
        The first rows first.
    raw : bool
        Leave names and text in CSV as they are, also those that a spreadsheet would run.

    Returns
    -------
    int
        The size in bytes.

    Raises
    ------
    Refusal
        The disk is full, the folder not writable, and so on; nothing is left behind then.
    """
    if is_parquet(output):
        types = names if isinstance(names, Mapping) else dict.fromkeys(names, pl.Float64())
        return write_whole(output, lambda path: _write_parquet(path, before, types, pieces))
    if not raw:
        defused_names([*before.columns, *names])
    # Whether times need a fraction is told from all of them.
    before = as_csv(before, raw=raw)
    return write_whole(output, lambda path: _write_csv(path, before, pieces, raw))


def _joined(before: pl.DataFrame, pieces: Iterator[pl.DataFrame]) -> Iterator[pl.DataFrame]:
    start = 0
    for piece in pieces:
        yield before[start : start + piece.height].hstack(piece) if before.width else piece
        start += piece.height


def _write_csv(path: Path, before: pl.DataFrame, pieces: Iterator[pl.DataFrame], raw: bool) -> None:
    with path.open("wb") as file:
        for place, piece in enumerate(_joined(before, (as_csv(piece, raw=raw) for piece in pieces))):
            piece.write_csv(file, include_header=not place)


def _write_parquet(
    path: Path, before: pl.DataFrame, types: Mapping[str, pl.DataType], pieces: Iterator[pl.DataFrame]
) -> None:
    failure: list[BaseException] = []
    stopped = False

    def rows(*_: object) -> Iterator[pl.DataFrame]:
        # Another thread asks for the rows: what goes wrong there is kept as it is.
        try:
            for piece in _joined(before, pieces):
                if stopped:
                    return
                yield piece
        except BaseException as error:
            failure.append(error)
            raise

    schema = before.clear().hstack(pl.DataFrame(schema=types)).schema
    try:
        # An open file, not its path: Polars opens a path in a thread that may outlive a failure, and would make the
        # file anew after it was removed.
        with path.open("wb") as file:
            register_io_source(rows, schema=schema).sink_parquet(file, row_group_size=group_rows(len(schema)))
    except KeyboardInterrupt:
        stopped = True
        # Python tells it once more, as soon as it can.
        with suppress(KeyboardInterrupt):
            time.sleep(0.01)
        raise
    except Exception as error:
        if failure and failure[0] is not error:
            raise failure[0] from None
        raise
