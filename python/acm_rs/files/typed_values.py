"""Long tables that keep numbers, states and texts in columns of their own, of which each row fills one."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

import polars as pl

from acm_rs.files.errors import listed
from acm_rs.files.labels import bare
from acm_rs.files.raw import RawTable
from acm_rs.files.spool import Part, SpooledTable

__all__ = ["one_value"]

_TYPE = "int|integer|long|float|double|dbl|real|num|numeric|number|bool|boolean|str|string|text|txt|json|date"
_TYPED = re.compile(rf"(?:{_TYPE})(?:value|val|v)|(?:value|val|v)(?:{_TYPE})|value|val")


def one_value(raw: RawTable) -> RawTable:
    """Take columns of values of several types together.

    Parameters
    ----------
    raw : RawTable
        A table.

    Returns
    -------
    RawTable
        With one column ``value`` in their place, where no row fills two of them (``intvalue``, ``floatvalue``,
        ``stringvalue``; ``Value``, ``ValueText``) and two are filled somewhere. Else the same.
    """
    names = [name for name in raw.columns if _TYPED.fullmatch(bare(name))]
    filled = _in_turns({name: raw.head(1000)[name] for name in names}, names)
    if not filled:
        return raw
    filled = _in_turns(raw, names)
    if len(filled) < 2:
        return raw
    rest = [name for name in raw.columns if name not in names]
    name = filled[0] if any(bare(other) == "value" for other in rest) else "value"
    notes = [*raw.notes, f"{listed(filled)} hold one value in each row: taken together"]
    empty = raw.frame.select(*rest, pl.coalesce(_text(raw.frame[other]) for other in filled).alias(name))
    if not isinstance(raw, SpooledTable):
        return replace(raw, frame=empty, notes=notes)
    parts: list[Part] = []
    for part in raw.parts:
        columns = part.columns.difference(names) | {name}
        parts.append(_Together(part.path, columns, part.height, part.keeper, part, name, tuple(filled)))
    return replace(raw, frame=empty, notes=notes, parts=parts)


def _in_turns(cells: RawTable | dict[str, pl.Series], names: Sequence[str]) -> list[str]:
    """The columns that are filled somewhere, where no row fills two of them; none where one does."""
    filled, taken = [], None
    for name in names if len(names) > 1 else ():
        there = _text(cells.column(name) if isinstance(cells, RawTable) else cells[name]).is_not_null()
        if not there.any():
            continue
        if taken is not None and (taken & there).any():
            return []
        taken = there if taken is None else taken | there
        filled.append(name)
    return filled


def _text(cells: pl.Series) -> pl.Series:
    cells = cells.cast(pl.Float64) if cells.dtype == pl.Float32 else cells
    return cells.cast(pl.String).str.strip_chars().replace("", None)


@dataclass(frozen=True)
class _Together(Part):
    """Rows on disk, some of whose columns are taken together.

    Parameters
    ----------
    part : Part
        The rows.
    name : str
        What the columns are together.
    of : tuple of str
        The columns.
    """

    part: Part | None = None
    name: str = ""
    of: tuple[str, ...] = ()

    def read(self, names: Sequence[str], rows: int | None = None) -> pl.DataFrame:
        """The cells of some columns, all rows or the first."""
        assert self.part is not None
        of = [name for name in self.of if name in self.part.columns] if self.name in names else []
        own = [name for name in names if name != self.name]
        frame = self.part.read([*own, *of], rows)
        if of:
            frame = frame.with_columns(pl.coalesce(_text(frame[name]) for name in of).alias(self.name))
        elif self.name in names:
            frame = frame.with_columns(pl.lit(None, pl.String).alias(self.name))
        return frame.select(names)
