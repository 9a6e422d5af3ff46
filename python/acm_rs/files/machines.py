"""Tables with the rows of several machines, which are not one history."""

from __future__ import annotations

import re
from itertools import pairwise

import polars as pl

from acm_rs.files.clock import Clock, Found
from acm_rs.files.errors import Refusal, listed, quoted
from acm_rs.files.figures import share_of_numbers
from acm_rs.files.labels import bare
from acm_rs.files.options import Layout, ReadOptions
from acm_rs.files.quality_names import read_name
from acm_rs.files.raw import RawTable
from acm_rs.files.words import beside_states, states_of

__all__ = ["refuse_several_machines", "refuse_sheets_beside"]

_MACHINES = """
    asset machine unit tag device equipment engine turbine windturbine pump line plant compressor motor generator fan
    robot vehicle truck logger instrument node station maschine anlage gerät aggregat pumpe turbine linie
    équipement appareil unité pompe máquina equipo unidad bomba
"""
_OF = r"(?:id|no|nr|num|number|name|code|key|tag)"
_MACHINE = re.compile(rf"(?:{'|'.join(_MACHINES.split())})(?P<id>{_OF})?")
# What one machine does changes as well, and may change at every row.
_DOES = re.compile(
    r"mode|state|status|operator|user|shift|phase|step|stage|direction|batch|recipe|product|remark|comment|note|event"
    r"|alarm|message|betriebsart|zustand|bediener|schicht|schritt|charge|produkt|bemerkung|état|equipe|turno"
)
_FEWEST = 6


def refuse_several_machines(raw: RawTable, clock: Clock, found: Found, options: ReadOptions) -> None:
    """Refuse a table in which a column tells of which machine a row is: together they are no history.

    Parameters
    ----------
    raw : RawTable
        A wide table.
    clock : Clock
        Its times.
    found : Found
        Other columns that are times.
    options : ReadOptions
        A layout that is said to be wide is taken at its word.

    Raises
    ------
    Refusal
        A column tells the rows of a time apart; or, in the order of time, its few values take turns, and its name is
        that of a machine or they do so at every row. Values that stay for some rows are what one machine does.
    """
    if options.layout is Layout.wide:
        return
    head = raw.head(1000)
    named = [name for name in raw.columns if name not in (*clock.used, *found.left_out) and _may_tell(name, head[name])]
    if not named:
        return
    times = clock.times.values
    again = times.len() - times.n_unique()
    order = times.arg_sort()
    for name in sorted(named, key=lambda name: not _machine(name)):
        cells = raw.column(name).cast(pl.String).str.strip_chars().fill_null("")
        values = cells.unique(maintain_order=True)
        values = values.filter(values != "")
        if values.len() < 2 or values.len() * 2 > times.len() or _states(cells, values):
            continue
        machine = _machine(name)
        if again * 10 >= times.len():
            left = times.len() - pl.DataFrame({"time": times, "cells": cells}).n_unique()
            apart = left * 2 < again if machine else left * 100 <= times.len()
        else:
            apart = False
        if not (apart or _take_turns(cells.gather(order), values.len(), machine)):
            continue
        turns = "each time comes again for" if apart else "the rows take turns between"
        raise Refusal(
            f"{raw.origin.path}: {turns} {listed(values.to_list(), 3)} (column {quoted(name)}),"
            " which are not one machine's rows; write those of each into a file of its own, read one quantity of all"
            f" with --tag-column {quoted(name)} and --value-column, or say --layout wide if it is one machine"
        )


def refuse_sheets_beside(raw: RawTable, clock: Clock | None) -> None:
    """Refuse sheets of a workbook that do not follow one another in time: they may be those of several machines.

    Parameters
    ----------
    raw : RawTable
        A table of one file or several.
    clock : Clock or None
        Its times.

    Raises
    ------
    Refusal
        Their times overlap, or there are none.
    """
    if not raw.sheets:
        return
    if clock is None:
        raise Refusal(
            f"{raw.origin.path}: sheets with the same columns, and no time that tells how they follow one another;"
            " choose one with --sheet"
        )
    spans = []
    for rows in raw.sheets:
        times = clock.times.values[rows.start : rows.stop].drop_nulls().to_physical().to_numpy()
        if times.size:
            spans.append((float(times.min()), float(times.max()), rows.start))
    for (_, end, first), (start, _, second) in pairwise(sorted(spans)):
        if start < end:
            names = " and ".join(str(raw.origin.file(row)) for row in sorted((first, second)))
            raise Refusal(
                f"the times of {names} overlap, which have the same columns: one machine's history, or several?"
                " Choose one with --sheet"
            )


def _machine(name: str) -> re.Match[str] | None:
    return _MACHINE.fullmatch(re.sub(r"\d+", "", bare(name)))


def _may_tell(name: str, head: pl.Series) -> bool:
    known = head.drop_nulls()
    if not known.len() or known.n_unique() * 2 > known.len():
        return False
    machine = _machine(name)
    if head.dtype.is_numeric():
        whole = head.dtype.is_integer() or bool((known == known.floor()).all())
        return machine is not None and machine["id"] is not None and whole
    if head.dtype not in (pl.String, pl.Categorical, pl.Enum):
        return False
    if read_name(name) is not None or _DOES.search(name.lower()):
        return False
    if not share_of_numbers(known.cast(pl.String), 3):
        return True
    whole = bool(known.cast(pl.String).str.contains(r"^\s*\d+\s*$").all())
    return machine is not None and (machine["id"] is not None) and whole


def _take_turns(cells: pl.Series, count: int, machine: object) -> bool:
    """Whether the values change as those of several machines do, and not as one machine's state."""
    if cells.len() < max(_FEWEST, 3 * count):
        return False
    if machine:
        changes = int((cells != cells.shift(1)).sum())
        return changes >= 2 * count and changes * 10 > cells.len()
    again = int((cells == cells.shift(count)).sum())
    stay = int((cells == cells.shift(1)).sum())
    return again * 10 >= 9 * (cells.len() - count) and stay * 10 <= cells.len()


def _states(cells: pl.Series, values: pl.Series) -> bool:
    """Whether the values are a pair of states, with others among them or not."""
    if states_of(values.str.to_lowercase()):
        return True
    return beside_states(dict(cells.filter(cells != "").value_counts().iter_rows())) is not None
