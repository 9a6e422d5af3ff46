"""Cells of text into numbers: historian words, states, units and marks, decimal commas, thousands."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import polars as pl

from acm_rs.files.bad_rows import BadRows
from acm_rs.files.changes import Changes
from acm_rs.files.decimals import Decimal, Evidence, is_bare, numbers_with
from acm_rs.files.errors import Origin, Refusal, counted, listed, quoted
from acm_rs.files.figures import NUMBER
from acm_rs.files.levels import Level, Uncertain
from acm_rs.files.marks import Affix, affix_of
from acm_rs.files.missing_words import MISSING_WORDS
from acm_rs.files.units import is_unit, unit_key
from acm_rs.files.words import SAID_OF_READINGS, beside_states, is_missing, states_of

__all__ = ["Cells", "Decimal", "Numbers"]

# A number with something before or behind it.
_DRESSED = (
    r"^(?P<before>[^\w\s+\-.,]{0,2})\s*"
    rf"(?P<core>[+-]?{NUMBER})"
    r"(?P<behind>.*)$"
)
# Of double precision, 1.5D+03, with what may stand about it.
_FORTRAN = r"^(\W{0,3}(?:\d+[.,]?\d*|[.,]\d+))[dD]([+-]\d{1,3})(\D.*)?$"
# More kinds of dress than this are prose.
_MOST_AFFIXES = 500
# So many words may stand among two states.
_MOST_ODD = 4


@dataclass
class Numbers:
    """Columns read as numbers, and what was met on the way.

    Parameters
    ----------
    columns : dict of str to Series
        Float64, missing as null, by column name.
    text : dict of str to str
        Columns that hold text, each with one of its cells.
    odd_states : dict of str to str
        Those of them that are states but for some words, which are named.
    words : dict of str to int
        Words taken as missing and how often each was met.
    decimal : Decimal
        The mark the numbers are written with.
    units : dict of str to str
        Units met in the cells, by column name.
    changes : Changes
        Cells made missing, kept though marked, or read as states.
    machines : list of str
        Columns read as states that a machine has, such as running and stopped.
    """

    columns: dict[str, pl.Series] = field(default_factory=dict)
    text: dict[str, str] = field(default_factory=dict)
    odd_states: dict[str, str] = field(default_factory=dict)
    words: dict[str, int] = field(default_factory=dict)
    decimal: Decimal = Decimal.point
    units: dict[str, str] = field(default_factory=dict)
    changes: Changes = field(default_factory=Changes)
    machines: list[str] = field(default_factory=list)


@dataclass
class _Column:
    """A column as far as it is understood before the decimal mark is known.

    Parameters
    ----------
    text : Series
        The cells, stripped.
    number : Series
        What is a number as it stands.
    rows : Series
        Rows of the cells that are numbers once commas, spaces and affixes are understood.
    cores : Series
        Those numbers as text.
    affixes : Series
        Places in `met`; null for a bare number.
    met : list of Affix
        The different affixes.
    strange : Series
        Rows of the cells that are no numbers.
    words : dict of str to int
        Words that mean no value.
    states : dict of str to int or None
        The pair of states that the words of the column are.
    """

    text: pl.Series
    number: pl.Series
    rows: pl.Series
    cores: pl.Series
    affixes: pl.Series
    met: list[Affix]
    strange: pl.Series
    words: dict[str, int]
    states: dict[str, int] | None = None

    def numbers(self) -> int:
        """How many cells are numbers."""
        return self.number.count() + self.rows.len()


_NO_ROWS = pl.Series("row", [], dtype=pl.UInt32)
_NO_CORES = pl.Series("core", [], dtype=pl.String)


class Cells:
    """Reads columns of text as numbers: looks at all of them, settles what holds for the table, then reads.

    A column in which text outweighs numbers is a text column; one stray word among numbers is refused, because it may
    be a reading.

    Parameters
    ----------
    origin : Origin
        Where the rows came from.
    required : sequence of str
        Columns that must be numeric: text in them is refused. All others may turn out to be text.
    decimal : Decimal, optional
        The decimal mark; told from the whole table by default.
    missing : iterable of str
        Further words or numbers that mean "no value".
    comma_is_decimal : bool
        Take ``1,234`` as a fraction where nothing else tells (files whose cells are parted by semicolons).
    points_may_group : bool
        Refuse ``1.480`` where nothing else tells (files with German dates whose cells are not parted by commas).
    uncertain : Uncertain
        What becomes of readings that are marked as uncertain.
    units : mapping of str to str
        Units known from elsewhere, by column name.
    bad_rows : BadRows, optional
        Takes the rows of cells that are no numbers; by default the first is refused.
    lone_states : collection of str
        Columns in which one word of two states is a state, where otherwise it may be a remark.
    keep : bool
        Hold on to what was understood between the looks and the readings; without it, less memory and more work.
    """

    def __init__(
        self,
        origin: Origin,
        *,
        required: Iterable[str] = (),
        decimal: Decimal | None = None,
        missing: Iterable[str] = (),
        comma_is_decimal: bool = False,
        points_may_group: bool = False,
        uncertain: Uncertain = Uncertain.keep,
        units: Mapping[str, str] | None = None,
        bad_rows: BadRows | None = None,
        lone_states: Collection[str] = (),
        keep: bool = True,
    ) -> None:
        missing = list(missing)
        self._origin = origin
        self._required = frozenset(required)
        self._given = decimal
        self._further = {word.strip().lower() for word in missing}
        self._sentinels = [value for value in map(_as_float, missing) if value is not None]
        self._uncertain = uncertain
        self._known = units or {}
        self._bad_rows = bad_rows or BadRows()
        self._lone_states = {*required, *lone_states}
        self._keep = keep
        self._seen: dict[str, _Column] = {}
        self._evidence = Evidence(origin, comma_is_decimal, keep, points_may_group=points_may_group)
        self.result: Numbers = Numbers(decimal=decimal or Decimal.point)

    def look(self, series: pl.Series) -> bool:
        """Look at a column; tell whether it is one of numbers."""
        name = series.name
        column = self._study(series)
        if self._is_text(name, column):
            return False
        self._settle_unit(name, column)
        if self._given is None:
            self._evidence.gather(name, column.text, column.rows, column.cores)
        if self._keep:
            self._seen[name] = column
        return True

    def settle(self) -> Decimal:
        """Tell the decimal mark from every numeric cell of the table."""
        if self._given is None:
            self.result.decimal = self._evidence.verdict()
        return self.result.decimal

    def read(self, series: pl.Series) -> pl.Series:
        """Read a column that was looked at.

        Parameters
        ----------
        series : Series
            The same cells.

        Returns
        -------
        Series
            Float64, missing as null.
        """
        name = series.name
        column = self._seen.pop(name, None)
        if column is None:
            column = self._study(series)
            self._settle_unit(name, column)
        if column.states is not None:
            number = self._read_states(name, column)
        else:
            number = self._second_reading(name, column)
            self._refuse_strange(name, column)
        for word, count in column.words.items():
            self._count_word(name, word, count)
        return self.without_sentinels(number.rename(name))

    def without_sentinels(self, number: pl.Series) -> pl.Series:
        """Make the numbers missing that were said to mean no value."""
        for value in self._sentinels:
            hit = (number == value).fill_null(False)
            if hit.any():
                self._count_word(number.name, f"{value:g}", int(hit.sum()))
                number = number.set(hit, None)
        return number

    def _count_word(self, name: str, word: str, count: int) -> None:
        self.result.words[word] = self.result.words.get(word, 0) + count
        self.result.changes.add(f"word {quoted(word)}, missing", name, count)

    def _study(self, series: pl.Series) -> _Column:
        text = series
        number = text.cast(pl.Float64, strict=False)
        if number.null_count() > text.null_count():
            text = series.str.strip_chars()
            number = text.cast(pl.Float64, strict=False)
        if not number.has_nulls() and np.isfinite(number.to_numpy()).all():
            return _Column(text, number, _NO_ROWS, _NO_CORES, _NO_ROWS, [], _NO_ROWS, {})
        odd = (number.is_null() | ~number.is_finite().fill_null(True)) & text.is_not_null()
        if not odd.any():
            return _Column(text, number, _NO_ROWS, _NO_CORES, _NO_ROWS, [], _NO_ROWS, {})
        number = pl.select(pl.when(~odd).then(number)).to_series()
        rows = odd.arg_true()
        cells = text.gather(rows).str.replace(_FORTRAN, "${1}E${2}${3}")
        bare = is_bare(cells)
        dressed = cells.filter(~bare)
        parts = [(rows.filter(bare), cells.filter(bare), pl.Series([None] * int(bare.sum()), dtype=pl.UInt32))]
        rows = rows.filter(~bare)
        if not number.count() and not parts[0][0].len():
            states = self._states(series.name, dressed)
            if states is not None:
                words = self._count_words(dressed.filter(~dressed.str.to_lowercase().is_in(list(states))))
                return _Column(text, number, _NO_ROWS, _NO_CORES, _NO_ROWS, [], _NO_ROWS, words, states)
        missing = is_missing(dressed, self._further) | _is_infinite_or_nan(dressed)
        words = self._count_words(dressed.filter(missing))
        rows, dressed = rows.filter(~missing), dressed.filter(~missing)
        met: list[Affix] = []
        strange = _NO_ROWS
        if dressed.len():
            core, kinds, met = _undress(dressed)
            known = kinds.is_not_null()
            strange = rows.filter(~known)
            parts.append((rows.filter(known), core.filter(known), kinds.filter(known)))
        all_rows, cores, affixes = (pl.concat([part[i] for part in parts]) for i in range(3))
        column = _Column(text, number, all_rows, cores, affixes, met, strange, words)
        _reject_odd_units(column)
        return column

    def _states(self, name: str, cells: pl.Series) -> dict[str, int] | None:
        lowered = cells.str.to_lowercase().unique(maintain_order=True)
        if lowered.len() > 40:
            return None
        met = {word for word in lowered if word not in self._further}
        states = states_of(met)
        if states is None:
            # Words of no value may stand among them.
            missing = set(lowered.filter(is_missing(lowered, self._further)))
            states = states_of(met - missing)
        if states is None:
            return None
        said = met & set(states)
        # One word alone may be a remark, unless it says true or false.
        both = len(said) == 2 or name in self._lone_states or bool(said & {"true", "false"})
        return states if both and not said <= MISSING_WORDS else None

    def _count_words(self, cells: pl.Series) -> dict[str, int]:
        return dict(cells.filter(cells != "").value_counts(sort=True).iter_rows())

    def _is_text(self, name: str, column: _Column) -> bool:
        if not column.strange.len() or name in self._required or column.strange.len() <= column.numbers():
            return False
        self.result.text[name] = column.text[int(column.strange[0])]
        odd = self._odd_states(column)
        if odd:
            self.result.odd_states[name] = odd
        return True

    def _odd_states(self, column: _Column) -> str:
        """What keeps a column of two states from being read as one; empty where that is not so."""
        words = column.text.gather(column.strange).value_counts(sort=True, name="met").head(_MOST_AFFIXES)
        found = None if column.numbers() else beside_states(dict(words.iter_rows()))
        if found is None or len(found[1]) > _MOST_ODD:
            return ""
        (one, zero), odd = found
        count = int(words.filter(words[column.text.name].is_in(odd))["met"].sum())
        options = " ".join(f"--missing {_shell_word(word)}" for word in odd)
        return (
            f"{listed(odd, _MOST_ODD)} ({counted(count, 'row')}) among {quoted(one)} and {quoted(zero)};"
            f" {options} reads these two as a state"
        )

    def _settle_unit(self, name: str, column: _Column) -> None:
        """Refuse cells of one column in several units."""
        units: dict[str, str] = {}
        for affix in column.met:
            if affix.unit:
                units.setdefault(unit_key(affix.unit), affix.unit)
        if not units:
            return
        where: dict[str, tuple[int, str]] = {}
        for key in units:
            place = self._first_of(key, column)
            if place is not None:
                where[key] = place
        if len(where) > 1:
            (row, cell), (other, differing) = sorted(where.values())[:2]
            raise Refusal(
                f"{self._origin.cell(row, name)}: {quoted(cell)}, but {quoted(differing)} in"
                f" {self._origin.other(other, row)}: one column holds one unit; --exclude leaves it out"
            )
        if not where:
            return
        self.result.units[name] = units[next(iter(where))]

    @staticmethod
    def _first_of(key: str, column: _Column) -> tuple[int, str] | None:
        places = [place for place, affix in enumerate(column.met) if unit_key(affix.unit) == key]
        hit = column.affixes.is_in(places).fill_null(False).arg_true()
        if not hit.len():
            return None
        row = int(column.rows[int(hit[0])])
        return row, str(column.text[row])

    def _second_reading(self, name: str, column: _Column) -> pl.Series:
        decimal = self.result.decimal
        number, rows, cores = column.number, column.rows, column.cores
        affixes = column.affixes
        if decimal is Decimal.comma:
            # What looked like a number with a point is one of grouped thousands, or none.
            dotted = (number.is_not_null() & column.text.str.contains(".", literal=True)).fill_null(False).arg_true()
            if dotted.len():
                rows, cores = pl.concat([rows, dotted]), pl.concat([cores, column.text.gather(dotted)])
                affixes = pl.concat([affixes, pl.Series([None] * dotted.len(), dtype=pl.UInt32)])
        if not rows.len():
            return number
        values = numbers_with(cores, decimal)
        wrong = rows.filter(values.is_null())
        if wrong.len():
            self._meet(name, column, wrong, f"is no number with a decimal {decimal}")
        if column.met:
            self._refuse_unitless(name, column, rows, affixes)
            values = self._dress(name, column.met, affixes, values, cores)
        return number.scatter(rows, values)

    def _refuse_unitless(self, name: str, column: _Column, rows: pl.Series, affixes: pl.Series) -> None:
        """Refuse numbers without a unit among others with one, unless the unit is known: they may be kW among W."""
        unit = self.result.units.get(name)
        if unit is None or unit_key(self._known.get(name, "")) == unit_key(unit):
            return
        with_unit = affixes.is_in([place for place, affix in enumerate(column.met) if affix.unit]).fill_null(False)
        bare = pl.concat([column.number.is_not_null().arg_true(), rows.filter(~with_unit)])
        if not bare.len():
            return
        row, other = int(rows.filter(with_unit)[0]), min(bare)
        raise Refusal(
            f"{self._origin.cell(row, name)}: {quoted(str(column.text[row]))} is not a number like"
            f" {quoted(str(column.text[other]))} in {self._origin.other(other, row)}, which has no unit;"
            " --exclude leaves the column out"
        )

    def _dress(
        self, name: str, met: Sequence[Affix], affixes: pl.Series, values: pl.Series, cores: pl.Series
    ) -> pl.Series:
        """Apply what stands about the numbers, and count it."""
        counts = dict(affixes.drop_nulls().value_counts().iter_rows())
        changes = self.result.changes
        minus, gone = [], []
        for place, affix in enumerate(met):
            count = counts.get(place, 0)
            if affix.minus:
                minus.append(place)
                changes.add("minus behind the number", name, count)
            if affix.bound:
                cell = cores.filter((affixes == place).fill_null(False))[0] if count else ""
                side = "below" if affix.bound == "<" else "above"
                changes.add(f"{side} what is measured ({quoted(affix.bound + cell)}), the bound taken", name, count)
            if affix.level is Level.bad or (affix.level is Level.uncertain and self._uncertain is Uncertain.missing):
                gone.append(place)
                changes.add(f"marked {quoted(affix.mark)}, made missing", name, count)
            elif affix.level is Level.uncertain:
                changes.add(f"marked {quoted(affix.mark)}, kept", name, count)
        if any(affix.unit for affix in met):
            unit = self.result.units.get(name, "")
            changes.add(
                f"unit {quoted(unit)} taken off", name, sum(counts.get(i, 0) for i, a in enumerate(met) if a.unit)
            )
        if minus:
            values = (-values).zip_with(affixes.is_in(minus).fill_null(False), values)
        if gone:
            values = values.set(affixes.is_in(gone).fill_null(False), None)
        return values

    def _read_states(self, name: str, column: _Column) -> pl.Series:
        states = column.states or {}
        number = column.text.str.to_lowercase().replace_strict(states, default=None, return_dtype=pl.Float64)
        if not SAID_OF_READINGS & states.keys():
            self.result.machines.append(name)
        for value in (1, 0):
            found = column.text.filter((number == value).fill_null(False))
            if found.len():
                self.result.changes.add(f"state {quoted(str(found[0]))} read as {value}", name, found.len())
        return number

    def _refuse_strange(self, name: str, column: _Column) -> None:
        if not column.strange.len():
            return
        cells = column.text.gather(column.strange)
        cell = str(cells[0])
        different = cells.unique(maintain_order=True).to_list()
        verb = "is" if len(different) == 2 else "are"
        others = f" (nor {verb} {listed(different[1:], 3)})" if len(different) > 1 else ""
        if not column.numbers():
            odd = self._odd_states(column)
            such = f", {odd}" if odd else f" such as {quoted(cell)}"
            raise Refusal(f"{self._origin.column(name)} holds no numbers but text{such}")
        hint = f"; if it means no value, add --missing {_shell_word(cell)}"
        more = "" if self._bad_rows.skipped else others + hint
        self._meet(name, column, column.strange, f"is not a number{more}")

    def _meet(self, name: str, column: _Column, rows: pl.Series, what: str) -> None:
        """Hand over rows with a cell that is no number."""
        bad = np.zeros(column.text.len(), dtype=np.bool_)
        bad[rows.to_numpy()] = True
        self._bad_rows.meet(bad, self._origin, name, lambda place: f"{quoted(str(column.text[place]))} {what}")


def _as_float(word: str) -> float | None:
    try:
        return float(word)
    except ValueError:
        return None


def _is_infinite_or_nan(text: pl.Series) -> pl.Series:
    number = text.cast(pl.Float64, strict=False)
    return (number.is_nan() | number.is_infinite()).fill_null(False)


def _undress(cells: pl.Series) -> tuple[pl.Series, pl.Series, list[Affix]]:
    """Part numbers from what stands about them.

    Returns the numbers as text, the place of each cell's affix (null where the cell is no number), and the affixes.
    """
    text = cells.str.replace_all("[\u2212\uff0d\ufe63]", "-").str.replace(
        "^([^\\d]*)[\u2010-\u2014](\\d|[.,]\\d)", "$1-$2"
    )
    parts = text.to_frame("t").select(pl.col("t").str.extract_groups(_DRESSED)).unnest("t")
    different = parts.select("before", "behind").drop_nulls().unique(maintain_order=True)
    if different.height > _MOST_AFFIXES:
        different = different.head(_MOST_AFFIXES)
    met: list[Affix] = []
    known: list[tuple[str, str, int]] = []
    for before, behind in different.iter_rows():
        affix = affix_of(before, behind)
        if affix is None:
            continue
        if affix not in met:
            met.append(affix)
        known.append((before, behind, met.index(affix)))
    table = pl.DataFrame(known, schema={"before": pl.String, "behind": pl.String, "kind": pl.UInt32}, orient="row")
    kinds = parts.join(table, on=["before", "behind"], how="left", maintain_order="left")["kind"]
    core = parts["core"]
    # Versions and addresses are no numbers: 1.0.3, 192.168.0.1.
    numeric = core.cast(pl.Float64, strict=False).is_not_null() | is_bare(core)
    return core, pl.select(pl.when(numeric).then(kinds)).to_series(), met


def _reject_odd_units(column: _Column) -> None:
    """A word that is no known unit is one only where it stands behind every number, and the numbers differ."""
    odd = {unit_key(affix.unit) for affix in column.met if affix.unit and not is_unit(affix.unit)}
    if not odd:
        return
    keys = {unit_key(affix.unit) for affix in column.met}
    alone = len(keys) == 1 and not column.number.count() and not column.affixes.has_nulls()
    if alone and column.cores.n_unique() > 1 and not any(" " in affix.unit for affix in column.met):
        return
    places = [place for place, affix in enumerate(column.met) if affix.unit and unit_key(affix.unit) in odd]
    strange = column.affixes.is_in(places).fill_null(False)
    column.strange = pl.concat([column.strange, column.rows.filter(strange)]).sort()
    column.rows, column.cores = column.rows.filter(~strange), column.cores.filter(~strange)
    column.affixes = column.affixes.filter(~strange)


def _shell_word(word: str) -> str:
    return word if re.fullmatch(r"[\w.:+-]+", word) else '"' + word.replace('"', '\\"') + '"'
