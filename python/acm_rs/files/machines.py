"""Tables with the rows of several machines, which are not one history."""

from __future__ import annotations

import re
from itertools import pairwise

import numpy as np
import polars as pl

from acm_rs.files.clock import Clock, Found
from acm_rs.files.errors import Refusal, listed, quoted
from acm_rs.files.figures import share_of_numbers
from acm_rs.files.labels import bare
from acm_rs.files.options import Layout, ReadOptions
from acm_rs.files.quality_names import read_name
from acm_rs.files.raw import RawTable
from acm_rs.files.state_words import are_states
from acm_rs.files.words import beside_states, states_of

__all__ = [
    "are_numbers",
    "in_one_order",
    "may_tell",
    "named_for_machines",
    "refuse_several_machines",
    "refuse_sheets_beside",
    "take_turns",
    "words_of_states",
]

# Nothing but a machine is numbered under such a name; the others may be running numbers of pumps, stages, speeds.
_THINGS = """
    asset machine device equipment turbine windturbine vehicle truck robot logger instrument node station tag maschine
    anlage gerät aggregat équipement appareil máquina equipo entity topic
"""
_PARTS = """
    unit engine pump line plant compressor motor generator fan pumpe linie unité pompe unidad bomba
"""
_NUMBERED = """
    id nr no num number nummer numéro número sensor sensornr sensorno channel kanal location site where place
    standort anlagennr canal
"""
_OF = r"(?:id|no|nr|num|number|name|code|key|tag)"
_THING = re.compile("|".join(_THINGS.split()))
_MACHINE = re.compile(rf"(?:{'|'.join((_THINGS + _PARTS).split())})(?P<id>{_OF})?")
_NUMBER_OF = re.compile("|".join(_NUMBERED.split()))
# What one machine does changes as well, and may change at every row.
_DOES = re.compile(
    r"mode|state|status|operator|user|shift|phase|step|stage|direction|batch|recipe|product|remark|comment|note|event"
    r"|alarm|message|betriebsart|zustand|bediener|schicht|schritt|charge|produkt|bemerkung|état|equipe|turno"
)
_FEWEST = 6
# So many different whole numbers at most tell machines apart under a name that tells nothing.
_MOST_UNTOLD, _MOST_NUMBERS = 4, 50
_NO_NUMBER = 1e6
_SWITCH = ("0", "1")
_WHOLE = r"^\s*\d+(?:\.0)?\s*$"
_EVEN = 0.8
# How far what each of several tags reads scatters at most, in what all of them read together.
_OWN = 0.3


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
        that of a machine or they do so at every row. Values that stay for some rows are what one machine does. Whole
        numbers do so too, but those under a name that tells nothing only where most sensors read otherwise for each.
    """
    if options.layout is Layout.wide:
        return
    head = raw.head(1000)
    named = [name for name in raw.columns if name not in (*clock.used, *found.left_out) and may_tell(name, head[name])]
    if not named:
        return
    times = clock.times.values
    again = times.len() - times.n_unique()
    order = times.arg_sort()
    for name in sorted(named, key=lambda name: not _machine(name)):
        cells = raw.column(name).cast(pl.String).str.strip_chars().fill_null("")
        values = cells.unique(maintain_order=True)
        values = values.filter(values != "")
        if values.len() < 2 or values.len() * 2 > times.len() or words_of_states(cells, values):
            continue
        machine = _machine(name)
        numbers = are_numbers(cells)
        apart = False
        if again * 10 >= times.len():
            left = times.len() - pl.DataFrame({"time": times, "cells": cells}).n_unique()
            sure = _is_thing(name) if numbers else machine
            apart = left * 2 < again if sure else left * 100 <= times.len()
            if numbers and not sure:
                few = values.len() <= _most_of(name)
                apart = apart and few and in_one_order(times.gather(order), cells.gather(order))
        in_turns = not apart and take_turns(name, cells.gather(order), times.gather(order), values)
        if in_turns and numbers and not named_for_machines(name):
            in_turns = _readings_follow(raw, (*clock.used, *found.left_out, name), cells)
        if not (apart or in_turns or numbers or are_states(values)):
            in_turns = _often(cells.gather(order)) and _readings_are(raw, (*clock.used, *found.left_out, name), cells)
        if not (apart or in_turns):
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


def _is_thing(name: str) -> bool:
    """Whether a column has the name of machines, and numbers in it can be nothing else."""
    plain = re.sub(r"\d+", "", bare(name))
    machine = _MACHINE.fullmatch(plain)
    return _THING.fullmatch(plain) is not None or (machine is not None and machine["id"] is not None)


def named_for_machines(name: str) -> bool:
    """Whether a column has the name of machines, or of their numbers."""
    return _machine(name) is not None or _NUMBER_OF.fullmatch(re.sub(r"\d+", "", bare(name))) is not None


def _most_of(name: str) -> int:
    return _MOST_NUMBERS if named_for_machines(name) else _MOST_UNTOLD


def may_tell(name: str, head: pl.Series) -> bool:
    """Whether a column may tell machines, by its name and first cells: few words or whole numbers."""
    known = head.drop_nulls()
    if not known.len() or known.n_unique() * 2 > known.len():
        return False
    if read_name(name) is not None or _DOES.search(name.lower()):
        return _is_thing(name) and read_name(name) is None
    if head.dtype.is_numeric():
        small = bool(((known >= 0) & (known < _NO_NUMBER)).all())
        return small and bool((known == known.floor()).all()) and known.n_unique() <= _MOST_NUMBERS
    if head.dtype not in (pl.String, pl.Categorical, pl.Enum):
        return False
    if not share_of_numbers(known.cast(pl.String), 3):
        return True
    whole = bool(known.cast(pl.String).str.contains(_WHOLE).all())
    return whole and known.n_unique() <= _MOST_NUMBERS


def are_numbers(cells: pl.Series) -> bool:
    """Whether all cells are whole numbers, or empty."""
    return bool((cells.str.contains(_WHOLE) | (cells == "")).all())


def in_one_order(times: pl.Series, cells: pl.Series) -> bool:
    """Whether rows of one time, next to each other, always stand in the same order of their numbers."""
    steps = cells.cast(pl.Float64, strict=False).diff().filter(times == times.shift(1)).drop_nulls()
    return steps.len() >= _FEWEST and bool((steps > 0).all() or (steps < 0).all())


def take_turns(name: str, cells: pl.Series, times: pl.Series, values: pl.Series) -> bool:
    """Whether cells in the order of time change as those of several machines do, and not as one machine's state."""
    if are_numbers(cells):
        return _numbers_take_turns(name, cells, times, values)
    return _take_turns(cells, values.len(), _machine(name))


def _numbers_take_turns(name: str, cells: pl.Series, times: pl.Series, values: pl.Series) -> bool:
    """Whether whole numbers change in the order of time as those of several machines do."""
    if cells.len() < max(_FEWEST, 3 * values.len()):
        return False
    with_id = (machine := _machine(name)) is not None and machine["id"] is not None
    # What is on and off at every row may be one pump.
    if not with_id and set(values) <= {*_SWITCH, "0.0", "1.0"}:
        return False
    if _is_thing(name):
        return _take_turns(cells, values.len(), machine=True)
    if values.len() > _most_of(name):
        return False
    changes = int((cells != cells.shift(1)).sum())
    if 3 * changes < cells.len():
        return False
    return _take_turns(cells, values.len(), machine=False) or _own_clocks(cells, times)


def _own_clocks(cells: pl.Series, times: pl.Series) -> bool:
    """Whether the rows of each value follow one another evenly, and all rows together do not."""
    if _even(times) >= _EVEN:
        return False
    return all(_even(part["t"]) >= _EVEN for part in pl.DataFrame({"c": cells, "t": times}).partition_by("c"))


def _even(times: pl.Series) -> float:
    """The share of the steps that are as long as the middle one."""
    steps = np.diff(times.to_physical().drop_nulls().to_numpy())
    return float((steps == np.median(steps)).mean()) if steps.size >= 2 else 0.0


def _readings_follow(raw: RawTable, used: tuple[str, ...], cells: pl.Series) -> bool:
    """Whether most sensors read something else for each value: their levels lie farther apart than they scatter."""
    tried = followed = 0
    for name in raw.columns:
        if name in used:
            continue
        numbers = raw.column(name).cast(pl.Float64, strict=False)
        if numbers.count() * 2 < numbers.len() or numbers.n_unique() < _FEWEST:
            continue
        tried += 1
        of = pl.DataFrame({"c": cells, "v": numbers}).drop_nulls().group_by("c")
        levels = of.agg(low=pl.col("v").quantile(0.1), high=pl.col("v").quantile(0.9)).sort("low")
        followed += levels.height > 1 and bool((levels["low"].shift(-1) > levels["high"]).drop_nulls().all())
    return 2 * followed > tried


def _often(cells: pl.Series) -> bool:
    """Whether words in the order of time are others than before in every third row."""
    return cells.len() >= _FEWEST and 3 * int((cells != cells.shift(1)).sum()) >= cells.len()


def _readings_are(raw: RawTable, used: tuple[str, ...], cells: pl.Series) -> bool:
    """Whether the only sensor reads what the words say, and scatters little beside that: they are tags.

    Where several sensors follow words, these are states or products of one machine.
    """
    tried, follow = 0, False
    for name in raw.columns:
        if name in used:
            continue
        numbers = raw.column(name)
        if numbers.dtype == pl.String:
            numbers = numbers.str.replace(",", ".", literal=True)
        table = pl.DataFrame({"c": cells, "v": numbers.cast(pl.Float64, strict=False)}).drop_nulls()
        spread = (pl.col("v").quantile(0.9) - pl.col("v").quantile(0.1)).alias("spread")
        whole = table.select(spread).item()
        if not whole:
            continue
        tried += 1
        of = table.group_by("c").agg(spread, rows=pl.len())
        follow = float((of["spread"] * of["rows"]).sum()) / table.height < _OWN * float(whole)
        if tried > 1 or not follow:
            return False
    return follow


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


def words_of_states(cells: pl.Series, values: pl.Series) -> bool:
    """Whether the values are a pair of states, with others among them or not."""
    if states_of(values.str.to_lowercase()):
        return True
    return beside_states(dict(cells.filter(cells != "").value_counts().iter_rows())) is not None
