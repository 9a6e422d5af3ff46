"""What is a reading and what is none: rules learnt at the fit, and applied to every row alike."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from acm_rs.fillers import CODE, CODES, strange
from acm_rs.monitor.codelike import dropouts, out_again
from acm_rs.monitor.constants import Constants
from acm_rs.monitor.counters import Counters, even
from acm_rs.monitor.rebasing import Rebase
from acm_rs.monitor.recurring import recurring
from acm_rs.monitor.staying import stays_of
from acm_rs.monitor.stops import end_stops
from acm_rs.monitor.words import number

__all__ = ["KINDS", "Mark", "Rules", "repeats"]

Matrix = NDArray[np.float64]
Flags = NDArray[np.bool_]

Mark = tuple[str, str, NDArray[np.int64]]
"""A column, what was wrong with its readings ("error code -999", "stuck at 4.2", ...), and in which rows."""

KINDS = ("continuous", "state", "set point", "counter", "ignore")
STATES, SWITCH = 20, 3
"""Most values of a column that counts as a state, and of one that does however often it changes."""
STAYS = 0.2
"""Share of its rows in which a state changes at most: what changes more often is measured."""
SELDOM = 0.01
"""Share of the rows below which a state is said to be rare."""
FAR = 8.0
"""Robust standard deviations beyond which a reading is far outside."""
WILD = 50.0
"""Beyond so many, a single reading of the training is left out of it."""
BESIDE = 8
"""More columns are counted one after the other: what they take beside a long history stays small."""
FEW = 20
"""Readings that must be left for what is written without one to be told by."""
OFTEN = 0.6
"""Share of the rows that a code has at most: what is there more often is what the sensor reads."""
FIRST = 1000
"""Readings that are looked at first."""
RESTS = 3
"""Times that a sensor comes to rest at a reading for it not to be stuck there; once less at its least and greatest."""
LONG = 20
"""Rows beyond which a repeated reading of the training may be a stuck instrument."""


def repeats(values: NDArray[np.float64], last: Any = np.nan, run: Any = 0) -> NDArray[np.int64]:
    """How many rows each reading has stood exactly alike, 1 where it is new; missing readings go on counting as before.

    `values` are a column or several; `last` and `run` are the reading and the count before the first row.
    """
    if not len(values):
        return np.zeros(values.shape, np.int64)
    if values.ndim == 2 and values.shape[1] > BESIDE and len(values) > 1:
        found = np.empty(values.shape, np.int64, order="F" if values.flags.f_contiguous else "C")
        last, run = (np.broadcast_to(each, values.shape[1:]) for each in (last, run))
        for place in range(values.shape[1]):
            found[:, place] = repeats(values[:, place], last[place], run[place])
        return found
    known = values == values
    if values.ndim == 1 and known.all():
        number = np.arange(len(values))
        new = np.append(values[:1] != last, values[1:] != values[:-1])
        # Since the row that was new.
        return number - np.maximum.accumulate(np.where(new, number, -run)) + 1
    rows = np.arange(len(values)).reshape(-1, *(1,) * (values.ndim - 1))
    latest = np.maximum.accumulate(np.where(known, rows, -1), axis=0)
    before = np.where(latest >= 0, np.take_along_axis(values, np.maximum(latest, 0), axis=0), last)
    earlier = np.concatenate([np.broadcast_to(last, (1, *values.shape[1:])), before[:-1]])
    new = known & (values != earlier)
    count = np.cumsum(known, axis=0)
    # Known readings since the latest new one.
    base = np.maximum.accumulate(np.where(new, count, 0), axis=0)
    fresh = np.maximum.accumulate(new, axis=0)
    return np.where(fresh, count - base + 1, count + run)


class Rules:
    """How the columns of a plant are read: kinds, error codes, limits, ranges."""

    def __init__(self, **parts: Any) -> None:
        self.names: list[str] = parts["names"]
        """Columns in use: watched ones and states, in the order of the fit."""
        self.state: Flags = np.asarray(parts["state"], dtype=bool)
        """Which of them are states: they condition but are not watched."""
        self.codes: list[list[float]] = parts["codes"]
        self.low: NDArray[np.float64] = np.asarray(parts["low"], dtype=np.float64)
        self.high: NDArray[np.float64] = np.asarray(parts["high"], dtype=np.float64)
        """Physical limits, infinite where none were given."""
        self.least: NDArray[np.float64] = np.asarray(parts["least"], dtype=np.float64)
        self.most: NDArray[np.float64] = np.asarray(parts["most"], dtype=np.float64)
        """Where well-known codes are far outside."""
        self.stays: list[list[tuple[float, float]]] = [[] for _ in self.names]
        """Of the codes that come and go, for how many rows each may stay."""
        self.rebased: list[Rebase] = []
        """Sensors that were calibrated anew."""
        self.constants: Constants = Constants.of({}, (), {})
        self.counters: Counters = Counters([], [], [], None)

    @staticmethod
    def fields() -> tuple[str, ...]:
        """The names of its arrays."""
        return ("state", "low", "high", "least", "most")

    def clean(self, values: Matrix) -> tuple[Matrix, NDArray[np.int64], NDArray[np.int64]]:
        """Readings with codes and what is beyond physical limits missing, and how many of each a sensor had."""
        cleaned = np.array(values, order="F")
        with np.errstate(invalid="ignore"):
            far = (cleaned < self.least) | (cleaned > self.most)
            outside = (cleaned < self.low) | (cleaned > self.high)
        code = far & np.isin(cleaned, CODES) if far.any() else np.zeros(cleaned.shape, bool)
        for place, codes in enumerate(self.codes):
            if codes:
                code[:, place] |= _among(cleaned[:, place], codes)
        outside &= ~code
        cleaned[code | outside] = np.nan
        return cleaned, np.count_nonzero(code, axis=0), np.count_nonzero(outside, axis=0)


def _among(column: NDArray[np.float64], values: Sequence[float] | NDArray[np.float64]) -> Flags:
    found = np.zeros(len(column), bool)
    for value in values:
        found |= column == value
    return found


def learn(
    names: Sequence[str],
    values: Matrix,
    kinds: Mapping[str, str],
    limits: Mapping[str, tuple[float, float]],
    drivers: Sequence[str],
    rows: int,
    counters: Counters,
) -> tuple[Rules, Matrix, dict[str, str], list[dict[str, Any]], list[Mark]]:
    """The rules of a training history, and what was found in it.

    Returns the rules, the cleaned readings of the columns in use, columns left out with reasons, a row of what was
    wrong for each column, and where it was. `rows` are the healthy ones: the others are missing throughout. Of
    `counters` `values` are the rises.
    """
    n = rows
    marks: list[Mark] = []
    left_out: dict[str, str] = {}
    found: dict[str, dict[str, Any]] = {name: _row(name, values[:, place], rows) for place, name in enumerate(names)}
    counting = np.array([name in counters.names for name in names], dtype=bool)
    low = np.array([limits.get(name, (-np.inf, np.inf))[0] for name in names], dtype=np.float64)
    high = np.array([limits.get(name, (-np.inf, np.inf))[1] for name in names], dtype=np.float64)
    low[counting], high[counting] = -np.inf, np.inf
    cleaned = np.array(values, order="F")
    with np.errstate(invalid="ignore"):
        outside = (cleaned < low) | (cleaned > high)
    cleaned[outside] = np.nan
    # Codes in many rows would be taken for the spread of the readings.
    written = np.isin(cleaned, CODES)
    written &= np.count_nonzero(~np.isnan(cleaned) & ~written, axis=0) >= FEW
    centre, below, above = scales(np.where(written, np.nan, cleaned) if written.any() else cleaned)
    with np.errstate(invalid="ignore"):
        far = (cleaned < centre - FAR * below) | (cleaned > centre + FAR * above)
        wild = (cleaned < centre - WILD * below) | (cleaned > centre + WILD * above)
    # What is nearly always the same has no scale; a code is one all the same.
    same = np.flatnonzero(~np.isfinite(below))
    some = cleaned[:, same]
    far[:, same] = (some != centre[same]) & (np.abs(some) >= CODE) & np.isin(some, CODES)
    # Where many sensors are far at once the machine does something else, and no instrument is wrong.
    alone = far & ((far.sum(axis=1) <= max(1, len(names) // 4)) | _outage(cleaned, far, written))[:, None]
    codes: list[list[float]] = []
    stays: list[list[tuple[float, float]]] = []
    for place, name in enumerate(names):
        column = cleaned[:, place]
        # Rises repeat by the step of the counter.
        wrong = [] if counting[place] else codes_of(column, alone[:, place], n)
        # Who says that a sensor is measured says so of all that it reads.
        unsaid = name not in kinds and not counting[place]
        come = [value for value in dropouts(cleaned, place) if value not in wrong] if unsaid else []
        wrong += come
        coded = _among(column, wrong)
        spikes = (wild & alone)[:, place] & ~coded
        if spikes.any():
            spikes &= ~recurring(column, far[:, place] & ~coded)
            # Codes in nearly all rows.
            more = np.unique(column[spikes & (np.abs(column) >= CODE) & np.isin(column, CODES)]).tolist()
            # What is no reading now is none later.
            again = [value for value in out_again(column, spikes) if value not in more] if unsaid else []
            more += again
            wrong, coded = wrong + more, coded | _among(column, more)
            spikes &= ~coded
        marks += [(name, f"error code {code:g}", np.flatnonzero(column == code)) for code in wrong]
        marks.append((name, "spike", np.flatnonzero(spikes)))
        marks.append((name, "reading beyond its limits", np.flatnonzero(outside[:, place])))
        stays.append(stays_of(column, wrong))
        column[coded | spikes] = np.nan
        codes.append(wrong)
        found[name]["codes"] = int(np.count_nonzero(coded))
        found[name]["spikes"] = int(np.count_nonzero(spikes))
        found[name]["beyond limits"] = int(np.count_nonzero(outside[:, place]))
    used: list[int] = []
    states: list[bool] = []
    frozen = stuck_cells(cleaned)
    for place, name in enumerate(names):
        column = cleaned[:, place]
        known = column[column == column]
        # What has many values shows so at once.
        distinct = np.unique(known[:FIRST])
        if distinct.size <= STATES:
            distinct = np.unique(known[:100_000])
        kind = kinds.get(name)
        reason = None
        if kind == "ignore":
            reason = "as asked"
        elif known.size < max(FEW, 0.2 * n):
            reason = _few(int(known.size), int(np.count_nonzero(outside[:, place])), found[name]["codes"], n)
        elif counting[place]:
            alike = even(column)
            if alike is not None:
                reason = f"a counter that rises by {number(alike, 4)} {counters.per} in most rows"
        elif distinct.size == 1:
            reason = f"constant ({distinct[0]:g})"
        if reason is not None:
            left_out[name] = found[name]["note"] = reason
            continue
        few = distinct.size <= min(STATES, max(2, n // 50))
        few &= distinct.size <= SWITCH or bool(np.count_nonzero(np.diff(known)) < STAYS * known.size)
        guessed = kind is None and few and name not in drivers and not counting[place]
        is_state = kind in ("state", "set point") or guessed
        if not is_state and frozen[:, place].any():
            # At the end of its scale a sensor may stay.
            frozen[:, place] &= ~np.isin(column, end_stops(column))
        if not is_state and frozen[:, place].any():
            found[name]["stuck"] = int(np.count_nonzero(frozen[:, place]))
            marks.append((name, "reading stuck", np.flatnonzero(frozen[:, place])))
            column[frozen[:, place]] = np.nan
        if is_state:
            distinct = np.unique(known[:100_000])
            found[name]["guessed"] = 0 if kind else int(distinct.size)
            found[name]["kind"] = called = _called(kind, known)
            found[name]["note"] = f"{distinct.size} values: a {called}, conditions the others but is not watched"
            found[name]["seldom"] = _seldom(known)
            if distinct.size <= STATES:
                found[name]["values"] = np.unique(known).tolist()
        elif counting[place]:
            found[name]["note"] = f"a counter: its rise {counters.per} is taken"
        used.append(place)
        states.append(is_state)
    chosen = cleaned[:, used]
    least = np.full(len(used), -np.inf)
    most = np.full(len(used), np.inf)
    for index, place in enumerate(used):
        known = chosen[:, index][~np.isnan(chosen[:, index])]
        if counting[place]:
            continue
        width = known.max() - known.min()
        least[index], most[index] = known.min() - width, known.max() + width
        # What is nearly always the same has no scale.
        if np.isfinite(below[place]):
            least[index] = min(least[index], centre[place] - FAR * below[place])
            most[index] = max(most[index], centre[place] + FAR * above[place])
    rules = Rules(
        names=[names[place] for place in used],
        state=states,
        codes=[codes[place] for place in used],
        low=low[used],
        high=high[used],
        least=least,
        most=most,
    )
    rules.stays = [stays[place] for place in used]
    rules.counters = counters.among(rules.names)
    return rules, chosen, left_out, list(found.values()), [mark for mark in marks if mark[2].size]


def _few(known: int, outside: int, codes: int, rows: int) -> str:
    """Why a sensor with so few readings is left out."""
    if codes > max(known, outside):
        return f"error codes in {100.0 * codes / rows:.0f} % of the rows"
    if outside > known:
        return f"beyond its limits in {100.0 * outside / rows:.0f} % of the rows"
    if known == rows:
        return f"{known} readings, where at least {FEW} are needed"
    return f"missing in {100.0 * (1.0 - known / max(rows, 1)):.0f} % of the rows"


def _called(kind: str | None, known: NDArray[np.float64]) -> str:
    """A state has whole numbers; what stands at others somebody has set."""
    if kind is not None:
        return kind
    return "state" if bool((known == np.rint(known)).all()) else "set point"


def _seldom(known: NDArray[np.float64]) -> list[list[float]]:
    """The values of a state in which the machine has hardly been, each with its rows."""
    values, counts = np.unique(known, return_counts=True)
    few = counts < SELDOM * known.size
    return [[float(value), int(count)] for value, count in zip(values[few], counts[few], strict=True)]


def _row(name: str, column: NDArray[np.float64], rows: int) -> dict[str, Any]:
    return {
        "sensor": name,
        "missing": 1.0 - float(np.count_nonzero(~np.isnan(column))) / rows if rows else 0.0,
        "codes": 0,
        "spikes": 0,
        "beyond limits": 0,
        "stuck": 0,
        "guessed": 0,
        "seldom": [],
        "note": "",
    }


def scales(values: Matrix) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Median of each column, and a robust standard deviation below and above it, for columns that lean to one side."""
    d = values.shape[1]
    centre, below, above = np.zeros(d), np.full(d, np.inf), np.full(d, np.inf)
    for place in range(d):
        known = values[:, place][~np.isnan(values[:, place])]
        if known.size < 3:
            continue
        low, middle, high = np.quantile(known, [0.15, 0.5, 0.85])
        mad = 1.4826 * float(np.median(np.abs(known - middle)))
        centre[place] = middle
        lower, upper = max(mad, (middle - low) / 1.036), max(mad, (high - middle) / 1.036)
        if lower == 0.0 and upper == 0.0:
            continue
        below[place], above[place] = lower or upper, upper or lower
    return centre, below, above


def _outage(values: Matrix, far: Flags, written: Flags) -> Flags:
    """Rows in which all that is far outside is a code, or the same number in most sensors: no machine does that."""
    found = np.zeros(len(values), bool)
    rows = np.flatnonzero(far.sum(axis=1) > 1)
    some, own = values[rows], far[rows]
    least = np.where(own, some, np.inf).min(axis=1, initial=np.inf)
    most = np.where(own, some, -np.inf).max(axis=1, initial=-np.inf)
    alike = (least == most) & (least != 0.0) & (2 * own.sum(axis=1) > (some == some).sum(axis=1))
    found[rows] = (written[rows] | ~own).all(axis=1) | alike
    return found


def codes_of(column: NDArray[np.float64], far: Flags, rows: int) -> list[float]:
    """Values far outside that repeat exactly in at most a tenth of the rows; in more where historians write them."""
    values, counts = np.unique(column[far], return_counts=True)
    usual = np.isin(values, CODES)
    seldom = (counts <= 0.1 * rows) | (usual & strange(column, values) & (counts <= OFTEN * rows))
    wrong = values[((counts >= 3) | usual) & seldom & (values != 0.0)]
    return [float(value) for value in wrong[:20]]


def _rests(column: NDArray[np.float64], ends: NDArray[np.int64]) -> NDArray[np.float64]:
    """Readings at which a sensor comes to rest over and over: a pump that stands, a valve that is shut. `ends` are the
    last rows of long runs."""
    readings, times = np.unique(column[ends], return_counts=True)
    if not readings.size or np.isnan(readings).all():
        return readings
    outermost = np.isin(readings, [np.nanmin(column), np.nanmax(column)])
    found: NDArray[np.float64] = readings[times >= np.where(outermost, RESTS - 1, RESTS)]
    return found


def stuck_cells(values: Matrix) -> Flags:
    """Stretches in which a single sensor repeats exactly for far longer than it usually does."""
    n, d = values.shape
    stuck = np.zeros((n, d), bool)
    runs = repeats(values)
    # Rows in which at least half of the sensors stand still say nothing of one.
    moving = (runs > 1).sum(axis=1) <= 0.5 * d
    for place in range(d):
        run = runs[:, place]
        ends = np.flatnonzero(np.append(run[1:] <= 1, True))
        lengths = run[ends]
        usual = np.quantile(lengths, 0.99) if lengths.size else 1.0
        long = lengths > max(LONG, 10.0 * usual)
        long &= ~np.isin(values[ends, place], _rests(values[:, place], ends[lengths > LONG]))
        for end, length in zip(ends[long], lengths[long], strict=True):
            rows = slice(end - length + 2, end + 1)
            if moving[rows].mean() > 0.5:
                stuck[rows, place] = True
    return stuck
