"""Several files become one table."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import polars as pl

from acm_rs.files.errors import Origin, Refusal, counted, listed, quoted
from acm_rs.files.raw import About, RawTable, kind
from acm_rs.files.sources import Source
from acm_rs.files.spool import SpooledTable, on_disk
from acm_rs.files.time_names import is_time_name
from acm_rs.files.times import looks_like_time
from acm_rs.files.units import unit_key

__all__ = ["joined"]


def joined(tables: Sequence[RawTable], sources: Sequence[Source]) -> RawTable:
    """Put the rows of several files one below the other, their columns by name.

    Parameters
    ----------
    tables : sequence of RawTable
        One for each file.
    sources : sequence of Source
        The files.

    Returns
    -------
    RawTable
        The rows in the order of the files. What one file lacks is missing in its rows.

    Raises
    ------
    Refusal
        Files that share no column, members of an archive whose columns differ, clocks of another name, columns of
        another kind or unit.
    """
    if len(tables) == 1:
        return tables[0]
    _refuse_strangers(tables, sources)
    columns = list(dict.fromkeys(name for table in tables for name in table.columns))
    book = len({source.path for source in sources}) == 1
    what = f"{counted(len(tables), 'sheet' if book else 'file')} joined"
    notes = [what if book else f"{what}: {_names(sources)}"]
    notes += _gathered(tables, sources)
    for name in columns:
        without = [source for table, source in zip(tables, sources, strict=True) if name not in table.columns]
        if without:
            notes.append(f"{quoted(name)} is missing in {_names(without)}")
    frames = [_as_one_kind(table, tables, sources) for table in tables]
    starts = np.cumsum([0, *(table.height for table in tables)]).tolist()
    label = f"{sources[0].name} and {counted(len(sources) - 1, 'more sheet' if book else 'more file')}"
    origin = Origin(
        Path(label),
        np.concatenate([table.origin.rows for table in tables]),
        tuple((table.origin.path, start) for table, start in zip(tables, starts, strict=False)),
    )
    separators = {table.separator for table in tables}
    about = (
        origin,
        separators.pop() if len(separators) == 1 else "",
        [name for name in columns if any(name in table.unnamed for table in tables)],
        notes,
        sum(table.blank_rows for table in tables),
        _about(tables, sources),
        tables[0].bad_rows,
        _sheets(sources, starts),
    )
    if not any(isinstance(table, SpooledTable) for table in tables):
        return RawTable(pl.concat(frames, how="diagonal", rechunk=True).select(columns), *about)
    empty = pl.concat([frame.clear() for frame in frames], how="diagonal").select(columns)
    return on_disk(empty, about, tables, frames, sources)


def _sheets(sources: Sequence[Source], starts: Sequence[int]) -> list[range]:
    """The rows of each sheet of workbooks of which there are several."""
    paths = [source.path for source in sources]
    return [
        range(start, end) for path, start, end in zip(paths, starts, starts[1:], strict=False) if paths.count(path) > 1
    ]


def _names(sources: Sequence[Source]) -> str:
    return listed([str(source.name) for source in sources], 4)


def _gathered(tables: Sequence[RawTable], sources: Sequence[Source]) -> list[str]:
    """The notes of each file, those that all have said once."""
    common = [note for note in tables[0].notes if all(note in table.notes for table in tables)]
    own = [
        f"{source.name}: {note}"
        for table, source in zip(tables, sources, strict=True)
        for note in table.notes
        if note not in common
    ]
    return common + own


def _refuse_strangers(tables: Sequence[RawTable], sources: Sequence[Source]) -> None:
    first = set(tables[0].columns)
    for table, source in zip(tables[1:], sources[1:], strict=True):
        if source.archive is not None and source.archive == sources[0].archive and set(table.columns) != first:
            raise Refusal(
                f"{source.archive} holds tables with other columns each: {_names(sources)}; unpack it and name one"
            )
        if not first & set(table.columns):
            raise Refusal(
                f"{source.name} has no column that {sources[0].name} has: {listed(table.columns, 3)}"
                f" against {listed(tables[0].columns, 3)}"
            )
        _refuse_other_clock(table, source, tables[0], sources[0])


def _refuse_other_clock(table: RawTable, source: Source, first: RawTable, origin: Source) -> None:
    """Refuse a file whose times stand under another name: its rows would have no time."""
    known, own = ([name for name in one.columns if is_time_name(name)] for one in (first, table))
    if not known or not own or set(known) & set(own):
        return
    # A clock may have a name that tells nothing.
    both = [name for name in first.columns if name in table.columns]
    if any(cells.dtype.is_temporal() or looks_like_time(cells) for cells in first.head(100).select(both)):
        return
    raise Refusal(
        f"{source.name} has its times in {listed(own, 2)}, but {origin.name} in {listed(known, 2)}: give them one name"
        " to read the files together"
    )


def _as_one_kind(table: RawTable, tables: Sequence[RawTable], sources: Sequence[Source]) -> pl.DataFrame:
    """The frame with its columns of the kind that they have in all files."""
    casts = []
    for name in table.columns:
        kinds = [other.frame.schema[name] for other in tables if name in other.columns]
        kinds = [dtype for dtype in kinds if dtype != pl.Null]
        if len(set(kinds)) < 2:
            # What is empty in one file is of the kind that it has in another.
            casts += [pl.col(name).cast(dtype) for dtype in kinds[:1] if dtype != table.frame.schema[name]]
            continue
        if all(dtype.is_numeric() or dtype == pl.Boolean for dtype in kinds):
            casts.append(pl.col(name).cast(pl.Float64))
            continue
        if all(dtype == pl.Duration for dtype in kinds):
            casts.append(pl.col(name).cast(pl.Duration("us")))
            continue
        zones = {getattr(dtype, "time_zone", None) for dtype in kinds}
        if all(dtype in (pl.Datetime, pl.Date) for dtype in kinds) and len(zones) == 1:
            casts.append(pl.col(name).cast(pl.Datetime("ns", zones.pop())))
            continue
        two = [place for place, other in enumerate(tables) if name in other.columns]
        other = next(place for place in two if tables[place].frame.schema[name] != tables[two[0]].frame.schema[name])
        raise Refusal(
            f"column {quoted(name)} is {kind(tables[two[0]].column(name))} in {sources[two[0]].name}"
            f" but {kind(tables[other].column(name))} in {sources[other].name}"
        )
    return table.frame.with_columns(casts) if casts else table.frame


def _about(tables: Sequence[RawTable], sources: Sequence[Source]) -> dict[str, About]:
    about: dict[str, About] = {}
    said: dict[str, Source] = {}
    for table, source in zip(tables, sources, strict=True):
        for name, more in table.about.items():
            known = about.setdefault(name, more)
            unit = said.setdefault(name, source) if known.unit else source
            if known.unit and more.unit and unit_key(known.unit) != unit_key(more.unit):
                raise Refusal(
                    f"column {quoted(name)} is in {more.unit} in {source.name} but in {known.unit} in {unit.name}"
                )
            if not known.unit and more.unit:
                about[name] = replace(known, unit=more.unit)
    return about
