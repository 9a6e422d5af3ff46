"""Long tables with the readings of several machines under the same tags."""

from __future__ import annotations

from collections.abc import Collection

import polars as pl

from acm_rs.files.clock import Clock
from acm_rs.files.errors import Refusal, listed, quoted
from acm_rs.files.labels import DESCRIPTION, UNIT, bare
from acm_rs.files.machines import are_numbers, in_one_order, may_tell, named_for_machines, take_turns, words_of_states
from acm_rs.files.raw import RawTable

__all__ = ["TagsOfMachines", "machines_of_tags", "may_be_numbers_of_machines"]


class TagsOfMachines:
    """Tags with their machines before them.

    Parameters
    ----------
    raw : RawTable
        A long table.
    column : str
        The column of the machines.
    tags : Series
        The tag of each row.
    """

    def __init__(self, raw: RawTable, column: str, tags: pl.Series) -> None:
        machines = _text(raw, column)
        table = pl.DataFrame({"tag": tags, "machine": machines})
        alone = (pl.col("machine") == "") | (pl.col("tag") == "")
        joined = pl.when(alone).then("tag").otherwise(pl.format("{}.{}", "machine", "tag"))
        self.column = column
        self.cells: pl.Series = table.select(joined.alias("tag"))["tag"]
        if self.cells.n_unique() < table.n_unique():
            raise Refusal(
                f"{raw.origin.path}: a tag has the name of another behind its machine (column {quoted(column)}):"
                " write the readings of each machine into a file of its own"
            )
        names = machines.filter(machines != "").unique(maintain_order=True).to_list()
        self.note: str = (
            f"tags of several machines: {quoted(column)} ({listed(names, 3)}) stands before the tags, as in"
            f" {quoted(str(self.cells[0]))}"
        )


def machines_of_tags(
    raw: RawTable, tag: str, value: str, clock: Clock, left_out: Collection[str], needed: Collection[str]
) -> TagsOfMachines | None:
    """Look for a column that tells of which machine the readings of a tag are.

    Parameters
    ----------
    raw : RawTable
        A long table.
    tag, value : str
        The columns of its tags and of their values.
    clock : Clock
        Its times.
    left_out : collection of str
        Other columns that are times.
    needed : collection of str
        Sensors that a model knows, of which some may bear the names of machines.

    Returns
    -------
    TagsOfMachines or None
        None where each tag is of one machine.
    """
    tags, times = _text(raw, tag), clock.times.values
    head = raw.head(1000)
    names = [name for name in raw.columns if name not in (tag, value, *clock.used, *left_out)]
    names = [name for name in names if bare(name) not in DESCRIPTION and may_tell(name, head[name])]
    # The fraction of a second beside the time.
    names = [name for name in names if "nano" not in name.lower()]
    for name in sorted(names, key=lambda name: not named_for_machines(name)):
        cells = _text(raw, name)
        if bare(name) in UNIT and not are_numbers(cells):
            continue
        if _tells(name, tags, times, cells):
            return TagsOfMachines(raw, name, tags)
        if needed and named_for_machines(name):
            found = TagsOfMachines(raw, name, tags)
            if not set(found.cells.unique()).isdisjoint(needed):
                return found
    return None


def may_be_numbers_of_machines(name: str, head: pl.Series) -> bool:
    """Whether a column of numbers beside tags and values may tell machines, and is no reading."""
    return head.dtype != pl.Boolean and may_tell(name, head)


def _text(raw: RawTable, name: str) -> pl.Series:
    cells = raw.column(name).cast(pl.String).str.strip_chars().fill_null("")
    return cells.str.strip_suffix(".0") if raw.column(name).dtype.is_float() else cells


def _tells(name: str, tags: pl.Series, times: pl.Series, cells: pl.Series) -> bool:
    table = pl.DataFrame({"tag": tags, "cells": cells, "time": times.rename("time")})
    values = cells.filter(cells != "").unique(maintain_order=True)
    if values.len() < 2 or values.len() * 2 > cells.len():
        return False
    if table.select("tag", "cells").n_unique() == tags.n_unique():
        return False
    named, numbers = named_for_machines(name), are_numbers(cells)
    ordered = table.sort("tag", "time", maintain_order=True)
    again = table.height - table.select("tag", "time").n_unique()
    left = table.height - table.n_unique()
    apart = again * 10 >= table.height and left * 100 <= table.height
    # Nothing is in two states at one time: words of states that tell rows of one time apart are names.
    if words_of_states(cells, values) and not apart:
        return False
    if named and again and left * 2 < again:
        return True
    if apart:
        together = ordered.select(pl.concat_str(pl.col("tag"), pl.col("time").cast(pl.String), separator="\0"))
        return not numbers or in_one_order(together.to_series(), ordered["cells"])
    return take_turns(name, ordered["cells"], ordered["time"], values)
