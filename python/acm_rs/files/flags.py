"""Quality columns: which they are, whose readings they speak of, and what they make of them."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field

import polars as pl

from acm_rs.files.changes import Changes
from acm_rs.files.errors import Refusal, counted, listed, quoted
from acm_rs.files.figures import has_numbers
from acm_rs.files.levels import (
    Level,
    Scheme,
    Uncertain,
    level_of_code,
    level_of_word,
    scheme_of,
    speaks_of_quality,
)
from acm_rs.files.quality_names import NameOfQuality, Sense, key_of, read_name
from acm_rs.files.raw import RawTable
from acm_rs.files.short import short_cells
from acm_rs.files.words import is_missing

__all__ = ["Flags", "find_flags"]

_MOST_LEVELS = 64
_SAMPLE = 1000


@dataclass
class _Candidate:
    """A column that may hold qualities.

    Parameters
    ----------
    column : str
        Its name.
    name : NameOfQuality or None
        What the name says.
    cells : list of str
        The different cells.
    codes : dict of str to int
        Those of them that are numbers.
    """

    column: str
    name: NameOfQuality | None
    cells: list[str]
    codes: dict[str, int]

    @property
    def words(self) -> list[str]:
        return [cell for cell in self.cells if cell not in self.codes]

    @property
    def telling(self) -> bool:
        return self.name is not None and self.name.strong


@dataclass
class Flags:
    """Quality columns and what they mean for the sensors.

    Parameters
    ----------
    of : dict of str to list of str
        The quality columns of each sensor.
    levels : dict of str to dict
        For each quality column, the level of each of its cells.
    left_out : dict of str to str
        Columns that are no sensors for it, each with the reason.
    notes : list of str
        How they were paired.
    cells : dict of str to Series
        Quality columns that are no columns of the table.
    """

    of: dict[str, list[str]] = field(default_factory=dict)
    levels: dict[str, dict[str, Level]] = field(default_factory=dict)
    left_out: dict[str, str] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    cells: dict[str, pl.Series] = field(default_factory=dict)

    def apply(self, raw: RawTable, series: pl.Series, uncertain: Uncertain, changes: Changes) -> pl.Series:
        """Make the bad readings of a sensor missing, and count what is flagged.

        Parameters
        ----------
        raw : RawTable
            Where the quality columns are.
        series : Series
            The cells of the sensor, text or numbers.
        uncertain : Uncertain
            What becomes of uncertain readings.
        changes : Changes
            Takes the counts.

        Returns
        -------
        Series
            The cells, null where they are flagged.
        """
        name = series.name
        for column in self.of.get(name, ()):
            levels = self.levels[column]
            cells = self.cells[column] if column in self.cells else raw.column(column)
            odd = [cell for cell, level in levels.items() if level is not Level.good]
            few = short_cells(cells) if cells.dtype == pl.String else None
            if few is not None and "" not in few and not set(odd).intersection(few):
                continue
            flags = _as_words(cells)
            unsaid = flags.is_null() | (flags == "")
            hit = flags.is_in(odd).fill_null(False) | unsaid
            if not hit.any():
                continue
            table = pl.DataFrame({"flag": flags.filter(hit), "there": _is_there(series.filter(hit))})
            gone: list[str] = []
            for flag, count in table.group_by("flag", maintain_order=True).agg(pl.col("there").sum()).iter_rows():
                level = levels.get(flag or "", None)
                if level is Level.bad or (level is Level.uncertain and uncertain is Uncertain.missing):
                    gone.append(flag)
                    changes.add(f"flagged {quoted(flag)}, made missing", name, count)
                elif level is Level.uncertain:
                    changes.add(f"flagged {quoted(flag)}, kept", name, count)
                else:
                    changes.add("without a quality, kept", name, count)
            if gone:
                keep = ~flags.is_in(gone).fill_null(False)
                series = pl.select(pl.when(keep).then(series)).to_series().rename(name)
        return series


def _as_words(series: pl.Series) -> pl.Series:
    """Cells of a quality column as text, whole numbers without a fraction."""
    if series.dtype == pl.String:
        return series.str.strip_chars()
    if series.dtype.is_float():
        return series.cast(pl.Int64, strict=False).cast(pl.String)
    return series.cast(pl.String, strict=False)


def _is_there(cells: pl.Series) -> pl.Series:
    """Tell which cells hold a reading."""
    if cells.dtype != pl.String:
        return cells.is_not_null()
    text = cells.str.strip_chars().fill_null("")
    return (text != "") & ~is_missing(text)


def _different(raw: RawTable, head: pl.DataFrame, name: str) -> list[str] | None:
    """The different cells of a column; None where there are many, or fractions."""
    start = head[name]
    dtype = start.dtype
    if not (dtype == pl.String or dtype.is_integer() or dtype.is_float() or dtype == pl.Boolean):
        return None
    # The first rows are cheap, and tell of most columns that they hold too much.
    if start.n_unique() > _MOST_LEVELS or not _whole(start):
        return None
    few = short_cells(start) if dtype == pl.String and raw.height <= _SAMPLE else None
    if few is not None:
        return list(dict.fromkeys(filter(None, few))) or None
    cells = raw.column(name).drop_nulls().unique(maintain_order=True)
    if cells.len() > 4 * _MOST_LEVELS or not _whole(cells):
        return None
    words = _as_words(cells).unique(maintain_order=True)
    words = words.filter(words != "")
    return words.to_list() if 0 < words.len() <= _MOST_LEVELS else None


def _whole(cells: pl.Series) -> bool:
    if not cells.dtype.is_float():
        return True
    known = cells.drop_nulls()
    return bool((known.is_finite() & (known == known.round())).all())


def _code(cell: str) -> int | None:
    try:
        return int(cell, 16) if cell[:2].lower() == "0x" else int(float(cell)) if float(cell).is_integer() else None
    except (ValueError, OverflowError):
        return {"true": 1, "false": 0}.get(cell.lower())


def find_flags(
    raw: RawTable,
    *,
    used: Collection[str],
    kept: Collection[str] = (),
    alone: str | None = None,
    row_column: str | None = None,
    good: Sequence[str] = (),
) -> Flags:
    """Find quality columns and pair them with their sensors.

    Parameters
    ----------
    raw : RawTable
        The table.
    used : collection of str
        Columns that are neither sensors nor qualities, such as the clock.
    kept : collection of str
        Columns that are sensors, because they were asked for.
    alone : str, optional
        The only sensor, as the values of a long table: whatever holds qualities holds its own.
    row_column : str, optional
        The column that holds the quality of the whole row.
    good : sequence of str
        Cells of quality columns that mean good; all others then mean bad.

    Returns
    -------
    Flags

    Raises
    ------
    Refusal
        Quality columns whose sensors cannot be told.
    """
    columns = [name for name in raw.columns if name not in used]
    if row_column is not None and row_column not in columns:
        raise Refusal(
            f"{raw.origin.column(row_column)} is no quality column: it holds the times, names or units", status=2
        )
    if row_column in kept:
        raise Refusal(f"{raw.origin.column(str(row_column))} is a sensor, and cannot hold the qualities", status=2)
    candidates: dict[str, _Candidate] = {}
    head = raw.head(_SAMPLE)
    for column in columns:
        if column in kept:
            continue
        cells = _different(raw, head, column)
        if cells is None and column != row_column:
            continue
        codes = {cell: code for cell in cells or () if (code := _code(cell)) is not None}
        name = None if column in raw.unnamed else read_name(column)
        candidates[column] = _Candidate(column, name, cells or [], codes)
    flags = Flags()
    if row_column is not None and not candidates[row_column].cells:
        raise Refusal(f"{raw.origin.column(row_column)} holds no qualities", status=2)
    finder = _Finder(raw, columns, candidates, row_column, good, flags)
    finder.run(alone)
    return flags


class _Finder:
    """One search for quality columns."""

    def __init__(
        self,
        raw: RawTable,
        columns: list[str],
        candidates: dict[str, _Candidate],
        row_column: str | None,
        good: Sequence[str],
        flags: Flags,
    ) -> None:
        self._raw = raw
        self._columns = columns
        self._candidates = candidates
        self._row = row_column
        self._good = {word.strip().lower() for word in good}
        self._flags = flags
        numeric = [c for c in candidates.values() if c.codes and not c.words and c.name is not None]
        self._scheme = scheme_of({code for c in numeric if c.telling or _is_opc(c) for code in c.codes.values()})

    def run(self, alone: str | None = None) -> None:
        found = {c.column: levels for c in self._candidates.values() if (levels := self._levels(c)) is not None}
        if not found:
            return
        if alone is not None:
            found = self._without_contradicted(found, alone)
            self._settle(dict.fromkeys(found, alone), found, [alone], [])
            return
        head = self._raw.head(_SAMPLE)
        sensors = [name for name in self._columns if name not in found and self._has_numbers(name, head[name])]
        pairs: dict[str, str | None] = {}
        alike_of = _by_key(sensors)
        for column in found:
            if column == self._row:
                pairs[column] = None
                continue
            sensor = self._by_name(column, alike_of)
            if sensor is not None:
                pairs[column] = sensor
        by_name = list(pairs)
        rest = [column for column in found if column not in pairs]
        own = {c for c in rest if self._is_not_understood(c, found[c]) or self._is_a_sensor_of_its_own(c, sensors)}
        sensors = [name for name in self._columns if name in sensors or name in own]
        rest = [column for column in rest if column not in own]
        pairs.update(self._by_position(rest, sensors, by_name, found))
        self._settle(pairs, found, sensors, by_name)

    def _without_contradicted(self, found: dict[str, dict[str, Level]], alone: str) -> dict[str, dict[str, Level]]:
        """Without columns of 0 alone, by which nothing at all was measured, where another calls all of it good.

        In some systems 0 is good, in others bad. That nothing is said to be questionable does not make it good.
        """
        of = {column: {levels.get(cell) for cell in self._candidates[column].cells} for column, levels in found.items()}
        senses = {column: one.name.sense if one.name else Sense.good for column, one in self._candidates.items()}
        fine = next((one for one, levels in of.items() if levels == {Level.good} and senses[one] is Sense.good), None)
        if fine is None or self._good:
            return found
        for column in [column for column, levels in of.items() if levels == {Level.bad} and column != self._row]:
            if self._candidates[column].cells != ["0"]:
                continue
            self._flags.left_out[column] = f"quality of {quoted(alone)}, not used: {quoted(fine)} says otherwise"
            self._flags.notes.append(
                f"{quoted(column)} was not used: by its 0 all readings would be bad, and by {quoted(fine)} all are good"
            )
            del found[column]
        return found

    def _has_numbers(self, name: str, start: pl.Series) -> bool:
        if start.dtype != pl.String:
            return start.dtype.is_numeric()
        return has_numbers(start) or (self._raw.height > _SAMPLE and has_numbers(self._raw.column(name)))

    def _levels(self, one: _Candidate) -> dict[str, Level] | None:
        """The level of each cell, where the column is one of qualities."""
        asked = one.column == self._row
        if self._good and (asked or one.telling):
            return {cell: Level.good if cell.lower() in self._good else Level.bad for cell in one.cells}
        spoken = [speaks_of_quality(word) for word in one.words]
        sure = asked or one.telling or (one.name is not None and Level.good in spoken)
        levels = {word: level for word in one.words if (level := level_of_word(word))}
        if len(levels) < len(one.words):
            # One unknown word among those of a quality must not let the bad readings through: it is kept, and told.
            if not sure or 2 * len(levels) < len(one.words):
                return None
            levels = {word: levels.get(word, Level.uncertain) for word in one.words}
        # A pump's status may be OK or Failed; and a dead sensor reads Bad throughout.
        doubtful = not any(spoken) or (one.name is None and Level.good not in spoken)
        if one.words and doubtful and not (asked or one.telling):
            return None
        if not one.codes:
            return levels
        if not one.words and not (asked or one.telling or _is_opc(one)):
            return None
        coded = self._coded(one, asked)
        if one.words and sure:
            # So must no unknown number.
            levels |= dict.fromkeys(one.codes, Level.uncertain)
            coded = coded or {}
        return None if coded is None else levels | coded

    def _coded(self, one: _Candidate, asked: bool) -> dict[str, Level] | None:
        codes = one.codes
        scheme = self._scheme
        sense = one.name.sense if one.name else Sense.good
        if one.column.strip().lower() == "q" and not asked and all(cell in ("0", "1") for cell in one.cells):
            # Reactive power and flows are called Q as well.
            return {}
        switch = set(codes.values()) <= {0, 1} and (1 in codes.values() or sense not in (Sense.good, Sense.none))
        if scheme is None or switch or not all(level_of_code(code, scheme) for code in codes.values()):
            scheme = scheme_of(codes.values())
        if scheme is None:
            return {} if one.telling or asked else None
        if scheme is not Scheme.switch:
            return {cell: level for cell, code in codes.items() if (level := level_of_code(code, scheme))}
        if sense is Sense.none:
            return {}
        wrong = Level.uncertain if sense is Sense.uncertain else Level.bad
        one_is_good = sense is Sense.good
        levels = {cell: Level.good if bool(code) is one_is_good else wrong for cell, code in codes.items()}
        flags = _as_words(self._raw.column(one.column))
        bad = flags.is_in([cell for cell, level in levels.items() if level is Level.bad]).fill_null(False).sum()
        # In some systems 0 is good.
        return {} if bad * 2 > flags.count() else levels

    def _by_name(self, column: str, alike_of: Mapping[str, list[str]]) -> str | None:
        name = self._candidates[column].name
        if name is None or not name.bases:
            return None
        for base in name.bases:
            alike = alike_of.get(key_of(base), [])
            if base in alike:
                return base
            if len(alike) > 1:
                place = self._columns.index(column)
                alike = [s for s in alike if abs(self._columns.index(s) - place) == 1][:1] or alike
            if len(alike) == 1:
                return alike[0]
        return None

    def _by_position(
        self, rest: list[str], sensors: list[str], by_name: list[str], found: Mapping[str, Mapping[str, Level]]
    ) -> dict[str, str | None]:
        """Pair columns whose names do not tell their sensors."""
        if not rest:
            return {}
        alike_of = _by_key(sensors)
        taken = {self._by_name(column, alike_of) for column in by_name}
        open_ = [sensor for sensor in sensors if sensor not in taken]
        named = [column for column in rest if self._candidates[column].name is not None]
        if len(rest) == len(open_):
            order = [name for name in self._columns if name in rest or name in open_]
            if order[0::2] == open_:
                return dict(zip(rest, open_, strict=True))
            if named == rest and (order[1::2] == open_ or order[: len(open_)] == open_):
                return dict(zip(rest, open_, strict=True))
        senses = {one.name.sense for column in named if (one := self._candidates[column]).name}
        if named and len(senses) == len(named):
            # One for all, or each of another kind: Questionable, Substituted.
            return dict.fromkeys(named)
        spoilt = [c for c in rest if self._candidates[c].words and set(found[c].values()) > {Level.good}]
        if named or (spoilt and len(rest) > 1):
            raise Refusal(
                f"{self._raw.origin.path}: {listed(named or rest, 3)} hold qualities, but which sensors are meant is"
                " not told; name them like their sensors ('Flow Quality' of 'Flow'), or leave them out with --exclude"
            )
        for column in rest:
            self._flags.left_out[column] = f"qualities ({listed(list(found[column]), 2)}), of which sensor is not told"
        return {}

    def _is_not_understood(self, column: str, levels: Mapping[str, Level]) -> bool:
        """Numbers under a name that says nothing but quality, though they are no qualities: reactive power, a state."""
        one = self._candidates[column]
        if one.words or one.name is None or one.name.bases or all(cell in levels for cell in one.cells):
            return False
        if sum(other.name == one.name for other in self._candidates.values()) > 1:
            return False
        self._flags.notes.append(
            f"{quoted(column)} is named like a quality, but what {listed(one.cells, 4)} means is not known: kept as a"
            " sensor; --good with those that mean good makes it a quality, --exclude leaves it out"
        )
        return True

    def _is_a_sensor_of_its_own(self, column: str, sensors: list[str]) -> bool:
        """Numbers under a name that is no sensor's quality: steam quality, a valve's 0 and 192."""
        one = self._candidates[column]
        if one.words or (one.name is not None and not one.name.bases):
            return False
        if one.name is None and column not in self._raw.unnamed:
            # Without a name that says it, only every second column can be meant.
            alike = [c for c in self._candidates.values() if c.name is None and not c.words and _is_opc(c)]
            order = [name for name in self._columns if name in sensors or name in {c.column for c in alike}]
            if len(alike) > 1 and order[1::2] == [c.column for c in alike] and len(order) == 2 * len(alike):
                return False
        if column in self._raw.unnamed:
            return False
        cells = listed([str(code) for code in sorted(one.codes.values())], 4)
        self._flags.notes.append(
            f"{quoted(column)} holds {cells} as qualities do, but is no sensor's: kept as a sensor"
        )
        return True

    def _settle(
        self,
        pairs: dict[str, str | None],
        found: dict[str, dict[str, Level]],
        sensors: list[str],
        by_name: list[str],
    ) -> None:
        flags = self._flags
        said: list[str] = []
        for column, sensor in pairs.items():
            levels = found[column]
            whose = "of the row" if sensor is None else f"of {quoted(sensor)}"
            cells = self._candidates[column].cells
            unknown = [cell for cell in cells if cell not in levels]
            if unknown:
                flags.left_out[column] = f"quality {whose}, not used: what {listed(unknown, 3)} means is not known"
                flags.notes.append(
                    f"{quoted(column)} was not used: say which of {listed(cells, 4)} mean good with --good"
                )
                continue
            flags.levels[column] = levels
            flags.left_out[column] = f"quality {whose}"
            for name in sensors if sensor is None else [sensor]:
                flags.of.setdefault(name, []).append(column)
            said.append(f"{quoted(column)} {whose}" + ("" if column in by_name else ", by its place"))
        if said:
            more = f" and {len(said) - 4:,} more" if len(said) > 4 else ""
            flags.notes.append(f"{counted(len(said), 'quality column')}: {'; '.join(said[:4])}{more}")


def _by_key(sensors: list[str]) -> dict[str, list[str]]:
    """Sensors by what their names have in common with those of their quality columns."""
    names: dict[str, list[str]] = {}
    for sensor in sensors:
        names.setdefault(key_of(sensor), []).append(sensor)
    return names


def _is_opc(one: _Candidate) -> bool:
    """Whether the numbers are such as OPC alone writes."""
    return bool(one.codes) and scheme_of(one.codes.values()) in (Scheme.opc, Scheme.opc_ua)
