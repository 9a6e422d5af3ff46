"""Alarms that go on from batch to batch: opened, grown and closed at the same rows however the rows were cut."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from acm_rs.monitor.alarms import BRIDGE, FIRST, OFF, named_culprits
from acm_rs.monitor.episode import PARTLY, STUCK, UNSEEN, Culprit
from acm_rs.monitor.parting import Stand
from acm_rs.monitor.parts import CAUSES
from acm_rs.monitor.result import Result

__all__ = ["CLOSED", "GREW", "NO_DATA", "OPENED", "STILL", "Alarm", "Event", "Follower", "alarm_id"]

OPENED, GREW, STILL, CLOSED = "opened", "grew", "still", "closed"
NO_DATA = "no data"
GROWTH = 1.5
"""An alarm has grown when its peak is so many times the one that was told last."""

HANGS = frozenset(number for number, name in enumerate(CAUSES) if name in UNSEEN)

Place = tuple[int, int | None]
"""A row by its number since the watch began, and its time in nanoseconds."""


@dataclass(frozen=True)
class Alarm:
    """An alarm as far as it is known.

    Parameters
    ----------
    id : str
        The same whenever the same rows are judged by the same model.
    start, end, peak_at, first_sign : (int, int or None)
        Row number and time: of its first and last row in alarm, of its peak, and of the row from which the score rose.
    open : bool
        Whether it still runs.
    peak : float
        Its highest score over the limit.
    rows : int
        Rows in alarm.
    regime, kind : str
        The regime of most of its rows; what was seen.
    culprits : list of Culprit
        Sensors with the greatest shares, greatest first.
    moving : list of str
        Where no sensor's reading changes, the drivers and states that go on.
    """

    id: str
    start: Place
    end: Place
    open: bool
    peak: float = np.nan
    peak_at: Place = (0, None)
    first_sign: Place = (0, None)
    rows: int = 0
    regime: str = ""
    kind: str = ""
    culprits: list[Culprit] = field(default_factory=list)
    moving: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Event:
    """Something to tell: an alarm opened, grew or closed.

    Parameters
    ----------
    id : str
        The alarm's and a number: the same whenever the same rows are judged.
    what : str
        ``"opened"``, ``"grew"``, ``"still"`` or ``"closed"``.
    at : (int, int or None)
        The row at which it did.
    alarm : Alarm
        As it was then.
    """

    id: str
    what: str
    at: Place
    alarm: Alarm


def alarm_id(*parts: object) -> str:
    """A name for an alarm that follows from what it is."""
    return hashlib.sha256("\n".join(map(str, parts)).encode()).hexdigest()[:12]


@dataclass
class _Running:
    """An alarm under way."""

    id: str
    start: Place
    end: Place
    first_sign: Place
    peak: float = -np.inf
    peak_at: Place = (0, None)
    told: float = 0.0
    told_at: int | None = None
    events: int = 0
    rows: int = 0
    quiet: int = 0
    after: float = -np.inf
    after_at: Place = (0, None)
    regimes: Counter[int] = field(default_factory=Counter)
    causes: Counter[int] = field(default_factory=Counter)
    stand: Stand = field(default_factory=Stand)
    moving: list[str] = field(default_factory=list)

    @classmethod
    def taken(cls, kept: dict[str, Any]) -> _Running:
        """From what JSON has held."""
        kept = dict(kept)
        for name in ("start", "end", "first_sign", "peak_at", "after_at"):
            row, time = kept[name]
            kept[name] = (int(row), None if time is None else int(time))
        for name in ("peak", "told", "after"):
            kept[name] = -np.inf if kept[name] is None else float(kept[name])
        for name in ("regimes", "causes"):
            kept[name] = Counter({int(key): int(count) for key, count in kept[name].items()})
        if "stand" in kept:
            kept["stand"] = Stand(*kept["stand"])
        elif kept["causes"]:
            # Former versions counted all rows alike.
            seen = sum(count for cause, count in kept["causes"].items() if cause not in HANGS)
            kept["stand"] = Stand(2 * seen < kept["causes"].total(), 0, seen)
        return cls(**kept)

    def put(self) -> dict[str, Any]:
        """For JSON."""
        kept = dict(vars(self))
        for name in ("peak", "told", "after"):
            kept[name] = None if np.isinf(kept[name]) else kept[name]
        for name in ("regimes", "causes"):
            kept[name] = {str(key): count for key, count in kept[name].items()}
        return kept


class Follower:
    """Follows the alarms of a Monitor from batch to batch.

    What it tells of an alarm is what one batch of all rows would have told: start, end, peak, first sign, regime, kind
    and culprits with their shares are the same, what they read and should read on average to the last digits.

    Parameters
    ----------
    model : str
        SHA-256 of the model.
    watch : str
        The watch's name.
    again : int, optional
        Nanoseconds, by the times of rows, after which an alarm that goes on is told again.
    """

    def __init__(self, model: str, watch: str, again: int | None = None) -> None:
        self._model, self._watch, self._again = model, watch, again
        self.row: int = 0
        """Rows so far."""
        self._sign: Place = (0, None)
        self._sign_open = True
        """Whether the next row's time belongs to `_sign`."""
        self._running: _Running | None = None
        self._first: list[NDArray[np.float64]] = []
        self._still: list[NDArray[np.float64]] = []
        """The same of rows in which a reading does not change any more."""
        self._sums: NDArray[np.float64] = np.zeros((3, 0))
        """For each sensor: rows in which both are known, what it read and what it should have read, added up."""

    def begin(self, row: int) -> None:
        """Number the first row."""
        self.row, self._sign = row, (row, None)

    @property
    def running(self) -> str | None:
        """The alarm under way."""
        return None if self._running is None else self._running.id

    def take(self, result: Result) -> list[Event]:
        """Follow the rows of a result, which come after those before; what is to be told comes back."""
        scores, alarms = result.scores, result.alarms
        n = len(scores)
        if not n:
            return []
        events: list[Event] = []
        times = None if result.times is None else result.times.astype(np.int64)

        def place(row: int) -> Place:
            return self.row + row, None if times is None else int(times[row])

        if self._sign_open:
            self._sign, self._sign_open = place(0), False
        with np.errstate(invalid="ignore"):
            low = np.flatnonzero(~(scores > OFF * result.limits))
        ratio = np.where(np.isnan(scores), -np.inf, scores / result.limits)
        known = ~np.isnan(scores)
        alarm_rows = np.flatnonzero(alarms)
        row = 0
        while row < n:
            if self._running is None:
                coming = int(np.searchsorted(alarm_rows, row))
                if coming == len(alarm_rows):
                    break
                row = int(alarm_rows[coming])
                self._begin(place(row), self._sign_of(row, low, place), result)
            running = self._running
            assert running is not None
            if alarms[row]:
                stand, cut = running.stand.after(_cause(result, row) in HANGS)
                if cut:
                    events.append(self._event(CLOSED, place(row), result))
                    self._begin(place(row), place(row), result)
                    running = self._running
                    assert running is not None
                running.stand = stand
                self._add(running, row, place(row), float(ratio[row]), result)
                if running.events == 0:
                    events.append(self._event(OPENED, place(row), result))
                elif running.peak >= GROWTH * running.told:
                    events.append(self._event(GREW, place(row), result))
                elif self._is_due(running, place(row)):
                    events.append(self._event(STILL, place(row), result))
            elif known[row]:
                if ratio[row] > running.after:
                    running.after, running.after_at = float(ratio[row]), place(row)
                running.quiet += 1
                if running.quiet > BRIDGE:
                    events.append(self._event(CLOSED, place(row), result))
                    self._running = None
            row += 1
        if len(low):
            last = int(low[-1])
            if last + 1 < n:
                self._sign = place(last + 1)
            else:
                self._sign, self._sign_open = (self.row + n, None), True
        self.row += n
        return events

    def _is_due(self, running: _Running, at: Place) -> bool:
        """Whether an alarm has gone on for long since it was told."""
        if self._again is None or at[1] is None or running.told_at is None:
            return False
        return at[1] - running.told_at >= self._again

    def _sign_of(self, start: int, low: NDArray[np.int64], place: Any) -> Place:
        """The row from which the score rose to the alarm that begins in a row."""
        before = int(np.searchsorted(low, start, side="right")) - 1
        if before < 0:
            return self._sign
        quiet = int(low[before])
        found: Place = place(quiet + 1 if quiet < start else start)
        return found

    def _begin(self, start: Place, first_sign: Place, result: Result) -> None:
        key = alarm_id(self._model, self._watch, start[0] if start[1] is None else start[1])
        self._running = _Running(key, start, start, first_sign)
        self._first, self._still = [], []
        self._sums = np.zeros((3, len(result.names)))

    def _add(self, running: _Running, row: int, place: Place, ratio: float, result: Result) -> None:
        """A row in alarm."""
        if running.quiet or running.after > -np.inf:
            if running.after > running.peak:
                running.peak, running.peak_at = running.after, running.after_at
            running.after, running.quiet = -np.inf, 0
        if ratio > running.peak:
            running.peak, running.peak_at = ratio, place
        running.end = place
        running.rows += 1
        running.regimes[int(result.regimes[row])] += 1
        running.causes[_cause(result, row)] += 1
        if result._moving is not None:
            names, flags = result._moving
            moved = {*running.moving, *(name for name, one in zip(names, flags[row].tolist(), strict=True) if one)}
            running.moving = [name for name in names if name in moved]
        # Where the machine is not seen nobody sees who did it.
        if _cause(result, row) in HANGS:
            return
        if len(self._first) < FIRST:
            self._first.append(np.array(result.shares[row], np.float64))
        if len(self._still) < FIRST and _cause(result, row) == CAUSES.index(STUCK):
            self._still.append(np.array(result.shares[row], np.float64))
        read, expect = result.values[row], result.expected_values[row]
        both = ~np.isnan(read) & ~np.isnan(expect)
        self._sums[0] += both
        self._sums[1] += np.where(both, read, 0.0)
        self._sums[2] += np.where(both, expect, 0.0)

    def _event(self, what: str, at: Place, result: Result) -> Event:
        running = self._running
        assert running is not None
        number, running.events = running.events, running.events + 1
        running.told, running.told_at = running.peak, at[1]
        return Event(f"{running.id}-{number}", what, at, self._alarm(what != CLOSED, result))

    def _alarm(self, open: bool, result: Result) -> Alarm:
        running = self._running
        assert running is not None

        def read(sensor: int) -> tuple[float, float]:
            count, reads, expects = self._sums[:, sensor].tolist()
            return (reads / count, expects / count) if count else (np.nan, np.nan)

        hangs = sum(count for cause, count in running.causes.items() if cause in HANGS)
        frozen = bool(running.stand.frozen) and running.causes[CAUSES.index(STUCK)] <= hangs
        causes = {cause: count for cause, count in running.causes.items() if (cause in HANGS) == frozen}
        kind = CAUSES[_most(causes)]
        named = self._still if kind == STUCK and self._still else self._first
        return Alarm(
            running.id,
            running.start,
            running.end,
            open,
            running.peak,
            running.peak_at,
            running.first_sign,
            running.rows,
            result.regime_names[_most(running.regimes)],
            kind,
            [] if frozen else named_culprits(np.array(named).mean(axis=0), read, result.band, result.names),
            running.moving if kind == PARTLY else [],
        )

    def current(self, result: Result) -> Alarm | None:
        """The alarm under way, as it is after the rows of `result`."""
        return None if self._running is None else self._alarm(True, result)

    def put(self) -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:
        """What it remembers, as settings and arrays."""
        settings = {
            "row": self.row,
            "sign": self._sign,
            "sign_open": self._sign_open,
            "running": None if self._running is None else self._running.put(),
        }
        if self._running is None:
            return settings, {}
        return settings, {
            "follower.first": np.array(self._first),
            "follower.still": np.array(self._still),
            "follower.sums": self._sums,
        }

    def go_on(self, settings: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]]) -> None:
        """Go on where `put` left off."""
        self.row = int(settings["row"])
        row, time = settings["sign"]
        self._sign, self._sign_open = (int(row), None if time is None else int(time)), bool(settings["sign_open"])
        self._running = None if settings["running"] is None else _Running.taken(settings["running"])
        if self._running is not None:
            self._first = list(arrays["follower.first"])
            self._still = list(arrays.get("follower.still", ()))
            self._sums = arrays["follower.sums"].copy()


def _cause(result: Result, row: int) -> int:
    """What was seen in a row, as an index into ``CAUSES``."""
    return 0 if result._causes is None else int(result._causes[row])


def _most(counts: Mapping[int, int]) -> int:
    """The most frequent; the smallest of several."""
    return min(counts, key=lambda key: (-counts[key], key))
