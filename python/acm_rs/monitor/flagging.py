"""Columns that say how good another's readings are: found by their names and what they hold, and heeded."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from numbers import Number
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from acm_rs.monitor.reading import Readings

if TYPE_CHECKING:
    from acm_rs.files.quality_names import NameOfQuality

__all__ = [
    "ABSENT",
    "Flagged",
    "Heeded",
    "Rule",
    "compared",
    "heed",
    "learn",
    "of_others",
    "remarks",
    "unheeded",
    "wrong",
]

Flags = NDArray[np.bool_]
Vector = NDArray[np.float64]

MOST = 64
"""Different cells that a column of qualities has at most."""
HALF = 0.5
"""Confidence below which a reading is rather wrong than right, and share of the rows that are bad at most where only
the name says what a number means."""
SHORT = 4
"""Words or numbers that are told."""
ABSENT = "qualities of the fit that are absent"
"""How it is told that columns which flagged readings are not there."""
WAYS = ("words", "OPC", "OPC UA", "percent good", "good", "bad", "uncertain", "error", "confidence")


@dataclass(frozen=True)
class Rule:
    """What a column says of a sensor, fixed at the fit.

    Parameters
    ----------
    column, sensor : str
        The column, and the sensor of whose readings it tells.
    way : str
        What its cells are: words, codes of OPC, a 1 for good or for bad, the number of an error, a confidence.
    full : float
        The confidence of a sure reading, 1 or 100.
    sure : bool
        The name speaks of qualities alone: words that may be a machine's are taken for the reading's too.
    """

    column: str
    sensor: str
    way: str
    full: float = 1.0
    sure: bool = True

    def put(self) -> list[Any]:
        return [self.column, self.sensor, self.way, self.full, self.sure]

    @classmethod
    def take(cls, told: Sequence[Any]) -> Rule:
        """What `put` put."""
        column, sensor, way, full, sure = told
        if not (isinstance(column, str) and isinstance(sensor, str) and way in WAYS and isinstance(sure, bool)):
            raise ValueError("what flags readings is not what was written")
        if full not in (1.0, 100.0):
            raise ValueError("a full confidence is none")
        return cls(column, sensor, way, float(full), sure)

    def of_number(self, value: float) -> int:
        """-1 for bad, 0 for uncertain, 1 for good."""
        from acm_rs.files.levels import Scheme, level_of_code

        if self.way == "confidence":
            return 1 if value >= HALF * self.full else -1
        if self.way == "error":
            return 1 if value == 0.0 else -1
        if value != np.rint(value) or abs(value) >= 2.0**32:
            return 0
        code = int(value)
        if self.way in ("good", "bad", "uncertain"):
            wrong = 0 if self.way == "uncertain" else -1
            return 0 if code not in (0, 1) else 1 if (code == 1) is (self.way == "good") else wrong
        if self.way == "words":
            return 0
        return _rank(level_of_code(code, Scheme(self.way)))

    def of_text(self, cell: str) -> int:
        """The same of a word, or of a number that came as text."""
        from acm_rs.files.levels import Level, level_of_word, speaks_of_quality

        text = cell.strip()
        if not text:
            return 1
        number = None if self.way == "words" else _number(text)
        if number is not None:
            return self.of_number(number)
        level = level_of_word(text)
        if level is Level.bad and not self.sure and speaks_of_quality(text) is not Level.bad:
            # A pump's status may be Failed, and its power is 0 then.
            return 0
        return _rank(level)


def _rank(level: Any) -> int:
    return {"good": 1, "bad": -1}.get(level, 0)


def _number(text: str) -> float | None:
    try:
        return float(int(text, 16)) if text[:2].lower() == "0x" else float(text)
    except ValueError:
        return {"true": 1.0, "false": 0.0}.get(text.lower())


@dataclass(frozen=True)
class Flagged:
    """What a column said of some readings: which were bad, and are missing now, and how many uncertain."""

    rule: Rule
    bad: NDArray[np.int64]
    uncertain: int


def heed(rules: Iterable[Rule], readings: Readings, frame: Any) -> list[Flagged]:
    """Make the readings missing that are flagged as bad."""
    place = {name: number for number, name in enumerate(readings.names)}
    found = []
    for rule in rules:
        at = place.get(rule.sensor)
        if at is None:
            continue
        if rule.column in place:
            rank = _of_numbers(rule, readings.values[:, place[rule.column]])
        elif rule.column in readings.texts:
            rank = _of_texts(rule, _texts(frame, rule.column))
        else:
            continue
        there = ~np.isnan(readings.values[:, at])
        bad = np.flatnonzero((rank < 0) & there)
        if len(bad):
            readings.values[bad, at] = np.nan
        found.append(Flagged(rule, bad, int(np.count_nonzero((rank == 0) & there))))
    return found


def wrong(rule: Rule, cells: Vector | Sequence[Any]) -> Flags:
    """Whether each cell of a rule's column says that the reading beside it is bad; None and NaN say nothing."""
    if isinstance(cells, np.ndarray):
        return _of_numbers(rule, cells) < 0
    return _of_texts(rule, _words(cells)) < 0


def _of_numbers(rule: Rule, column: Vector) -> NDArray[np.int64]:
    if rule.way == "confidence":
        return np.where(column < HALF * rule.full, -1, 1)
    values, which = np.unique(np.where(np.isnan(column), np.inf, column), return_inverse=True)
    ranks = [1 if value == np.inf else rule.of_number(value) for value in values.tolist()]
    return np.array(ranks, np.int64)[which.ravel()] if len(column) else np.empty(0, np.int64)


def _of_texts(rule: Rule, cells: Sequence[str]) -> NDArray[np.int64]:
    ranks = {cell: rule.of_text(cell) for cell in set(cells)}
    return np.array([ranks[cell] for cell in cells], np.int64)


def _texts(frame: Any, column: str) -> list[str]:
    """The cells of a column that is none of numbers; empty where there is none."""
    if isinstance(frame, Mapping):
        cells = [next(cell for label, cell in frame.items() if str(label) == column)]
    elif hasattr(frame, "to_frame") and hasattr(frame, "index"):
        # A row as a series, whose labels are the sensors.
        cells = [frame[next(label for label in frame.index if str(label) == column)]]
    elif hasattr(frame, "iloc"):
        cells = frame.iloc[:, [str(label) for label in frame.columns].index(column)].tolist()
    else:
        import narwhals as nw

        cells = nw.from_native(frame, eager_only=True).get_column(column).to_list()
    return _words(cells)


def _words(cells: Iterable[Any]) -> list[str]:
    # Categories and objects may hold numbers; what is missing is not equal to itself.
    kinds = (str, Number, np.bool_)
    return [str(cell) if isinstance(cell, kinds) and cell == cell else "" for cell in cells]


class Heeded:
    """What a history says of its own readings.

    Parameters
    ----------
    rules : list of Rule
        The columns that flag readings of others.
    marks : list of (str, str, array)
        The sensors whose readings are missing for it, by what, and in which rows.
    notes : list of str
        Columns that say something that is not known, and what to do.
    """

    __slots__ = ("marks", "notes", "rules")

    def __init__(self, rules: list[Rule], marks: list[tuple[str, str, NDArray[np.int64]]], notes: list[str]) -> None:
        self.rules: list[Rule] = rules
        self.marks: list[tuple[str, str, NDArray[np.int64]]] = marks
        self.notes: list[str] = notes


def learn(readings: Readings, frame: Any, kept: Collection[str], chosen: Flags) -> Heeded:
    """Find the columns that flag readings of others, leave them out, and make missing what they say is bad."""
    rules, unused, notes = find(readings, frame, kept, chosen)
    flagged = heed(rules, readings, frame)
    readings.texts |= {rule.column: f"says how good the readings of {rule.sensor} are" for rule in rules} | unused
    marks = [
        (one.rule.sensor, f"reading flagged as bad by {one.rule.column}", rows)
        for one in flagged
        if len(rows := one.bad[chosen[one.bad]])
    ]
    return Heeded(rules, marks, notes)


def find(
    readings: Readings, frame: Any, kept: Collection[str], chosen: Flags
) -> tuple[list[Rule], dict[str, str], list[str]]:
    """The columns of a history that flag the readings of others; those that are not used, each with the reason; and
    what is to be said of them.

    `kept` are columns of which people said what they are; what rows that are `chosen` hold tells what numbers mean.
    """
    if readings.sheet is None:
        return [], {}, []
    from acm_rs.files.quality_names import Sense

    names = [name for name in (*readings.names, *readings.texts) if name not in kept]
    pairs = _pairs(names, readings.names)
    rules: list[Rule] = []
    unused: dict[str, str] = {}
    notes = []
    place = {name: number for number, name in enumerate(readings.names)}
    for column, (sensor, name) in pairs.items():
        if column in place:
            said = _numeric(column, sensor, name, readings.values[:, place[column]][chosen])
        else:
            cells = _texts(frame, column)
            numbers = None if name.sense in (Sense.alarm, Sense.beside) else _numbers(cells)
            said = (
                _worded(column, sensor, name, cells)
                if numbers is None
                else _numeric(column, sensor, name, numbers[chosen])
            )
        if isinstance(said, Rule):
            rules.append(said)
        elif said is not None:
            unused[column] = said
            way = ""
            if column in place:
                values = readings.values[:, place[column]]
                kind = "state" if len(np.unique(values[~np.isnan(values)])) <= MOST else "continuous"
                way = f"; kinds={{{column!r}: {kind!r}}} makes it a column of its own"
            notes.append(
                f"{column} is not used: {said}; where it says that some are wrong, make those missing before{way}"
            )
    return rules, unused, notes


def _pairs(names: Sequence[str], numeric: Sequence[str]) -> dict[str, tuple[str, NameOfQuality]]:
    """Columns whose name is that of a column of numbers with what says that it is about its readings."""
    from acm_rs.files.quality_names import key_of, read_aspect

    told = {name: aspect for name in names if (aspect := read_aspect(name)) is not None}
    if not told:
        return {}
    keys: dict[str, list[str]] = {}
    for name in numeric:
        keys.setdefault(key_of(name), []).append(name)
    found = {}
    for name, aspect in told.items():
        for base in aspect.bases:
            alike = [one for one in keys.get(key_of(base), ()) if one != name]
            sensor = base if base in alike else alike[0] if len(alike) == 1 else None
            if sensor is not None:
                found[name] = (sensor, aspect)
                break
    return {name: (sensor, aspect) for name, (sensor, aspect) in found.items() if sensor not in found}


def _numbers(cells: Sequence[str]) -> Vector | None:
    """Texts as the numbers that they are; None where one is none."""
    met = {cell: _number(cell.strip()) if cell.strip() else np.nan for cell in set(cells)}
    if None in met.values() or not any(cell.strip() for cell in met):
        return None
    return np.array([met[cell] for cell in cells], np.float64)


def _numeric(column: str, sensor: str, name: NameOfQuality, values: Vector) -> Rule | str | None:
    """How a column of numbers is heeded, why it is not used, or None where it is one like any other."""
    from acm_rs.files.levels import Level, Scheme, level_of_code, scheme_of
    from acm_rs.files.quality_names import Sense

    known = values[~np.isnan(values)]
    if not known.size:
        return None if name.sense in (Sense.alarm, Sense.beside) else Rule(column, sensor, "words", sure=name.strong)
    met = np.unique(known)
    whole = len(met) <= MOST and bool((met == np.rint(met)).all()) and float(np.abs(met).max()) < 2.0**32
    codes = [int(value) for value in met.tolist()] if whole else []
    what = ", ".join(f"{value:g}" for value in met[:SHORT]) + (", ..." if len(met) > SHORT else "")
    unknown = f"said of the readings of {sensor}, but what {what} mean{'s' * (len(met) == 1)} is not known"
    # What never changed is a constant, and alarms where it does.
    alone = len(met) == 1
    if name.sense is Sense.alarm:
        # A fault current is measured.
        return None if alone or not whole else f"an alarm of {sensor} and no reading"
    if name.sense is Sense.beside:
        return f"said of the readings of {sensor}, and no reading itself"
    if name.sense is Sense.confidence:
        full = 1.0 if met[-1] <= 1.0 else 100.0
        bad = met[0] < 0.0 or met[-1] > full or np.mean(known < HALF * full) > HALF
        return unknown if bad else Rule(column, sensor, "confidence", full)
    if name.sense is Sense.error:
        if whole and np.mean(known == 0.0) > HALF:
            return Rule(column, sensor, "error")
        # The deviation of a controller is below 0 as often as above.
        return None if alone or (met[0] < 0.0 and not whole) else unknown
    scheme = scheme_of(codes) if codes else None
    # Steam and paper have a quality as well, which is hardly ever all of it.
    complete = scheme is Scheme.percent and name.strong and np.mean(known == 100.0) > HALF
    if scheme in (Scheme.opc, Scheme.opc_ua) or complete:
        assert scheme is not None
        bad = [code for code in codes if level_of_code(code, scheme) is Level.bad]
        if name.strong or np.mean(np.isin(known, bad)) <= HALF:
            return Rule(column, sensor, str(scheme))
    if scheme is Scheme.switch and name.sense in (Sense.good, Sense.bad, Sense.uncertain):
        wrong = 0.0 if name.sense is Sense.good else 1.0
        if np.mean(known == wrong) <= HALF:
            return Rule(column, sensor, str(name.sense))
    if alone or (not name.strong and name.sense is not Sense.status) or re.match("[Qq](?![^\\W_])|.*[Qq]$", column):
        # A machine has states, and reactive power and flows are called Q as well.
        return None
    return unknown if whole or (name.strong and met[0] >= 0.0 and met[-1] <= 100.0) else None


def _worded(column: str, sensor: str, name: NameOfQuality, cells: Sequence[str]) -> Rule | str | None:
    """The same of a column of texts."""
    from acm_rs.files.levels import level_of_word
    from acm_rs.files.quality_names import Sense

    if name.sense in (Sense.alarm, Sense.beside, Sense.confidence):
        return None
    words = {cell.strip() for cell in set(cells)} - {""}
    if len(words) > MOST:
        return None
    unknown = sorted(word for word in words if level_of_word(word) is None)
    # One unknown word among those of qualities is uncertain, but letters may be anything.
    if unknown and (2 * len(unknown) > len(words) or min(map(len, unknown)) == 1):
        what = ", ".join(map(repr, unknown[:SHORT])) + (", ..." if len(unknown) > SHORT else "")
        return f"said of the readings of {sensor}, but what {what} mean{'s' * (len(unknown) == 1)} is not known"
    return Rule(column, sensor, "words", sure=name.strong)


def remarks(rules: Sequence[Rule], flagged: Sequence[Flagged]) -> list[str]:
    """What is to be said of readings that were scored."""
    found = []
    for what, counts in (
        ("bad, taken as missing", [(one.rule, len(one.bad)) for one in flagged]),
        ("uncertain, kept", [(one.rule, one.uncertain) for one in flagged]),
    ):
        those = [f"{rule.sensor} ({count:,}, by {rule.column})" for rule, count in counts if count]
        if those:
            more = f" and {len(those) - 8} more" if len(those) > 8 else ""
            found.append(f"readings flagged as {what}: {', '.join(those[:8])}{more}")
    there = {one.rule.column for one in flagged}
    absent = [rule.column for rule in rules if rule.column not in there]
    if absent:
        found.append(_lacking([f"{rule.column} (of {rule.sensor})" for rule in rules if rule.column in absent]))
    return found


def _lacking(names: Sequence[str]) -> str:
    return f"{ABSENT}: {_first(names)}; no reading of theirs is flagged, and what they would flag as bad counts as one"


def _first(names: Sequence[str]) -> str:
    return ", ".join(names[:8]) + (f" and {len(names) - 8} more" if len(names) > 8 else "")


def of_others(names: Sequence[str], columns: Sequence[str]) -> dict[str, str]:
    """Those of some names that speak of the readings of a model's columns, each with that column."""
    return {name: sensor for name, (sensor, _) in _pairs([*names, *columns], columns).items() if name in names}


def unheeded(others: Mapping[str, str]) -> str:
    """What is to be said of columns that were not there at the fit and may say how good readings are."""
    named = _first([f"{name} (of {sensor})" for name, sensor in others.items()])
    return (
        f"columns that may say how good readings are and were not known at the fit: {named}; they are not heeded, and "
        "what they flag as bad counts as a reading: make it missing first (acm_rs.read_table does), or learn again "
        "with such columns"
    )


def compared(before: Mapping[str, Sequence[str]], now: Mapping[str, Sequence[str]]) -> list[str]:
    """What is to be said where files have other columns of qualities than those of the fit.

    Both give the columns of qualities of each sensor; those of `now` have been heeded.
    """
    found = []
    gone, new = _by_column(before, now), _by_column(now, before)
    if gone:
        found.append(_lacking(gone))
    if new:
        found.append(
            f"qualities that the fit did not have: {_first(new)}; what they flag as bad is missing here, and counted "
            "as a reading at the fit"
        )
    return found


def _by_column(these: Mapping[str, Sequence[str]], others: Mapping[str, Sequence[str]]) -> list[str]:
    """Columns of qualities of sensors that have none in others."""
    own: dict[str, list[str]] = {}
    for sensor, columns in these.items():
        if not others.get(sensor):
            for column in columns:
                own.setdefault(column, []).append(sensor)
    return [
        f"{column} (of {', '.join(those) if len(those) < 4 else f'{len(those)} sensors'})"
        for column, those in own.items()
    ]
