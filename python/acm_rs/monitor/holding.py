"""Readings that come again and again while times go on: several sensors, or all, whose source brings nothing new.

Row by row, so that a batch, pieces of it and a watch tell the same at the same rows.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from copy import copy
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from acm_rs.frames import listed

__all__ = ["STUCK", "Bounds", "Hold", "Holding", "Place", "rested"]

Matrix = NDArray[np.float64]
Vector = NDArray[np.float64]
Flags = NDArray[np.bool_]
Labels = NDArray[np.int64]
Times = NDArray[np.int64] | None
Place = tuple[int, int | None]
"""A row by its number since the first, and its time in nanoseconds."""

STUCK = 20
"""Rows that several sensors read the same at least before that is told; more where they did at the fit."""
TOGETHER = 3
"""Sensors that hold their readings since the same time, or two since the same row."""
REST_ROWS, REST_SENSORS = 30, 3
"""Rows and sensors from which on it is told that nothing differs at a standstill."""
NEVER = -(2**62)
"""The row, or time, of what has not been."""


@dataclass
class Hold:
    """Some columns that read the same in row after row.

    Parameters
    ----------
    begin : (int, int or None)
        The first row of these readings.
    members : list of int
        The columns.
    end : (int, int or None), optional
        The last such row; None while it lasts.
    moved : array of bool
        Columns that changed meanwhile.
    rest : bool
        The machine stood still, as far as the readings tell.
    zero : bool
        All read 0.
    left : set of int
        Members that have changed since.
    """

    begin: Place
    members: list[int]
    moved: Flags
    end: Place | None = None
    rest: bool = False
    zero: bool = False
    left: set[int] = field(default_factory=set)

    @property
    def whole(self) -> bool:
        """Whether nothing goes on."""
        return not self.moved.any()

    def told(self, names: Sequence[str], moment: Callable[[Place], str]) -> str:
        """In a sentence."""
        first = moment(self.begin)
        if self.end is None:
            where, hold, come = f"since {first}", "hold", "come"
        else:
            where, hold, come = f"{first} to {moment(self.end)}", "held", "came"
        if self.whole:
            what = f"all sensors read exactly {'0' if self.zero else 'the same'} for long ({where})"
            so = f"if the machine {'did' if self.end else 'does'} not stand, " if self.rest else ""
            return f"data collection: {what}: {so}no new readings {come}"
        others = [name for name, one in zip(names, self.moved.tolist(), strict=True) if one]
        return (
            f"data collection: {len(self.members)} of {len(names)} sensors {hold} exactly the same readings from one "
            f"row on ({where}), as where one source brings nothing new: {listed([names[one] for one in self.members])};"
            f" {listed(others)} {'goes' if len(others) == 1 else 'go'} on; those that {hold} are no faults of each, and"
            f" what the others should read leans on them"
        )

    def put(self) -> dict[str, Any]:
        """For JSON."""
        return {
            "begin": list(self.begin),
            "members": self.members,
            "moved": np.flatnonzero(self.moved).tolist(),
            "rest": self.rest,
            "zero": self.zero,
            "left": sorted(self.left),
        }

    @classmethod
    def take(cls, kept: Mapping[str, Any], columns: int) -> Hold:
        """What `put` put."""
        row, time = kept["begin"]
        moved = np.zeros(columns, bool)
        places = [*kept["moved"], *kept["members"], *kept["left"]]
        if not all(type(place) is int and 0 <= place < columns for place in places):
            raise ValueError("what holds its readings is none of the columns")
        if type(row) is not int or not (time is None or type(time) is int):
            raise TypeError("since when readings hold is not told")
        moved[kept["moved"]] = True
        return cls(
            (row, time),
            list(kept["members"]),
            moved,
            None,
            bool(kept["rest"]),
            bool(kept["zero"]),
            set(kept["left"]),
        )


class Bounds:
    """What columns have done at the fit.

    Parameters
    ----------
    names : sequence of str
        The columns.
    usual : mapping of str to float
        For how many running rows at most each has read the same, where that is known.
    rested : int
        For how many rows at most all of them have at a standstill.
    """

    __slots__ = ("most", "names", "rest", "usual")

    def __init__(self, names: Sequence[str], usual: Mapping[str, float], rested: int) -> None:
        self.names: list[str] = list(names)
        self.usual: Vector = np.array([usual.get(name, np.inf) for name in names])
        self.most: Vector = np.maximum(STUCK, 2.0 * self.usual + 2.0)
        self.rest: int = max(REST_ROWS, 2 * rested + 2)


class Holding:
    """What is carried of it from one piece of a history to the next."""

    __slots__ = ("before", "begun", "last", "latest", "open", "row", "run", "same", "since", "still")

    def __init__(self, columns: int) -> None:
        self.row: int = 0
        """Rows so far."""
        self.last: Vector = np.full(columns, np.nan)
        """The latest reading of each column."""
        self.begun: Labels = np.full(columns, NEVER)
        self.since: Labels = np.full(columns, NEVER)
        """The row, and its time, since which it has been read."""
        self.run: Labels = np.zeros(columns, np.int64)
        """The running rows in which it was."""
        self.before: Vector = np.full(columns, np.nan)
        """The latest row, gaps and all."""
        self.latest: int | None = None
        """Its time."""
        self.same: int = 0
        """Rows at a standstill up to it in which nothing has differed from the row before."""
        self.still: Place = (0, None)
        """The first row of those readings."""
        self.open: list[Hold] = []

    def take(self, values: Matrix, times: Times, still: Flags, bounds: Bounds) -> list[Hold]:
        """Look at the rows that follow, those at a standstill among them; what begins and ends, row by row."""
        if not len(values) or (len(values) == 1 and self._next(values[0], times, still, bounds)):
            return []
        piece = _Piece(self, values, times, still, bounds)
        found = piece.walk()
        last = len(values) - 1
        self.before, self.latest = values[last].copy(), piece.place(last)[1]
        self.row += len(values)
        return found

    def _next(self, row: Vector, times: Times, still: Flags, bounds: Bounds) -> bool:
        """Take one more row that tells nothing, as most do; whether it was one."""
        if self.open or self.same or still[0]:
            return False
        new = row != self.last
        run = np.where(new, 1, self.run + 1)
        # Neither is so of a missing reading.
        if not ((run <= bounds.usual) & (row == row)).all():
            return False
        self.latest = None if times is None else int(times[0])
        self.begun = np.where(new, self.row, self.begun)
        self.since = np.where(new, NEVER if self.latest is None else self.latest, self.since)
        self.run, self.last = run, row.copy()
        self.before = self.last
        self.row += 1
        return True

    def going_on(self, values: Matrix, rows: Labels, sensors: Flags, bounds: Bounds) -> Flags:
        """In some of the rows that follow, which of the columns that are no sensors have changed since those did, and
        do not stand themselves, (rows, others)."""
        begun = np.column_stack([self._begun(values, place)[rows] for place in range(values.shape[1])])
        latest = begun[:, sensors].max(axis=1, initial=NEVER)
        others = begun[:, ~sensors]
        stands = self.row + rows[:, None] - others > bounds.most[~sensors]
        return np.asarray((others > latest[:, None]) & ~stands)

    def _begun(self, values: Matrix, place: int) -> Labels:
        """The row, in each, since which a column has read what it reads."""
        number = np.arange(len(values))
        column = values[:, place]
        starts = _starts(column, self.last[place])
        which = np.searchsorted(starts, number, "right") - 1
        return np.where(which >= 0, self.row + np.append(starts, 0)[which], self.begun[place])

    def put(self) -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:
        """As settings and arrays."""
        settings = {
            "row": self.row,
            "latest": self.latest,
            "same": self.same,
            "still": list(self.still),
            "open": [one.put() for one in self.open],
        }
        return settings, {name: getattr(self, name) for name in ("last", "begun", "since", "run", "before")}

    @classmethod
    def taken(cls, settings: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]]) -> Holding:
        """What `put` put."""
        self = cls(len(arrays["last"]))
        for name in ("last", "begun", "since", "run", "before"):
            if arrays[name].shape != self.last.shape or arrays[name].dtype != getattr(self, name).dtype:
                raise ValueError("for how long readings hold is not what was written")
            setattr(self, name, arrays[name])
        row, time = settings["still"]
        numbers = settings["row"], settings["same"], row
        if not all(type(number) is int and number >= 0 for number in numbers):
            raise ValueError("for how long readings hold is not what was written")
        if not all(one is None or type(one) is int for one in (time, settings["latest"])):
            raise TypeError("when readings began to hold is not told")
        self.row, self.same, self.latest, self.still = (
            settings["row"],
            settings["same"],
            settings["latest"],
            (row, time),
        )
        self.open = [Hold.take(one, len(self.last)) for one in settings["open"]]
        return self


class _Piece:
    """Rows that follow those that are known."""

    def __init__(self, known: Holding, values: Matrix, times: Times, still: Flags, bounds: Bounds) -> None:
        self.known, self.values, self.times, self.still, self.bounds = known, values, times, still, bounds
        self.base, self.latest = known.row, known.latest
        self.last, self.begun, self.since = known.last, known.begun, known.since
        """As they were before these rows."""
        self.held = {place: int(known.begun[place]) for place in np.flatnonzero(known.run > bounds.usual).tolist()}
        """Columns that have read the same for longer than ever at the fit, and since which row."""
        self.long = set(np.flatnonzero(known.run > bounds.most).tolist())
        self.events: dict[int, tuple[list[int], list[tuple[int, int]], list[int]]] = {}
        """By row the columns that change, those that begin to be held, and since when, and those that are for long."""
        self.looked: int = 0
        """The row up to which open ones have been asked what goes on."""

    def place(self, row: int) -> Place:
        """A row of the piece, or the one before."""
        if row < 0:
            return self.base + row, self.latest
        return self.base + row, None if self.times is None else int(self.times[row])

    def walk(self) -> list[Hold]:
        """What begins and ends."""
        if len(self.values) == 1:
            self._one()
        else:
            self._each()
        found: list[tuple[int, Hold]] = []
        for row in sorted(self.events):
            changed, held, long = self.events[row]
            found += [(row, one) for one in self._end(row, changed)]
            self.held |= dict(held)
            self.long.update(long)
            found += [(row, one) for one in self._begin(row)]
        self._look(len(self.values))
        found += self._rest()
        return [one for _, one in sorted(found, key=lambda pair: pair[0])]

    # ---- columns --------------------------------------------------------------------------------------------------

    def _event(self, row: int) -> tuple[list[int], list[tuple[int, int]], list[int]]:
        return self.events.setdefault(row, ([], [], []))

    def _one(self) -> None:
        known, bounds, row = self.known, self.bounds, self.values[0]
        there = row == row
        new = there & (row != known.last)
        before = np.where(new, 0, known.run)
        runs = before + there if not self.still[0] else before
        for place in np.flatnonzero(new & (known.run > bounds.usual)).tolist():
            self._event(0)[0].append(place)
        known.begun = np.where(new, self.base, known.begun)
        known.since = np.where(new, NEVER if self.times is None else self.times[0], known.since)
        known.last, known.run = np.where(there, row, known.last), runs
        for place in np.flatnonzero((runs > bounds.usual) & ~(before > bounds.usual)).tolist():
            self._event(0)[1].append((place, int(known.begun[place])))
        for place in np.flatnonzero((runs > bounds.most) & ~(before > bounds.most)).tolist():
            self._event(0)[2].append(place)

    def _each(self) -> None:
        known = self.known
        known.since, known.run = known.since.copy(), known.run.copy()
        known.last, known.begun = known.last.copy(), known.begun.copy()
        for place in range(self.values.shape[1]):
            self._column(place)

    def _column(self, place: int) -> None:
        known, column = self.known, self.values[:, place]
        rows = np.flatnonzero(column == column)
        if not rows.size:
            return
        seen = column[rows]
        new = np.flatnonzero(seen != np.append(known.last[place], seen[:-1]))
        count = np.append(0, np.cumsum(~self.still[rows]))
        # The run that goes on, then those that begin.
        starts = np.append(0, new)
        before = count[starts]
        before[0] = -known.run[place]
        ends = np.append(new, len(rows))
        whole = count[ends] - before
        usual, most = self.bounds.usual[place], self.bounds.most[place]
        for one in np.flatnonzero(whole > usual).tolist():
            begun = int(known.begun[place]) if one == 0 else self.base + int(rows[starts[one]])
            was = int(known.run[place]) if one == 0 else 0
            if not was > usual:
                at = int(np.searchsorted(count, before[one] + int(usual) + 1)) - 1
                self._event(int(rows[at]))[1].append((place, begun))
            if whole[one] > most and not was > most:
                at = int(np.searchsorted(count, before[one] + int(most) + 1)) - 1
                self._event(int(rows[at]))[2].append(place)
            if ends[one] < len(rows):
                self._event(int(rows[ends[one]]))[0].append(place)
        if new.size:
            first = int(rows[new[-1]])
            known.begun[place] = self.base + first
            known.since[place] = NEVER if self.times is None else self.times[first]
        known.last[place], known.run[place] = seen[-1], whole[-1]

    # ---- what holds together --------------------------------------------------------------------------------------

    def _end(self, row: int, changed: Iterable[int]) -> list[Hold]:
        """End what most have let go of."""
        found = []
        for place in changed:
            self.held.pop(place, None)
            self.long.discard(place)
        for one in list(self.known.open):
            left = set(changed) & set(one.members)
            if one.rest or not left:
                continue
            one.left |= left
            if 2 * len(one.left) >= len(one.members):
                self._look(row, (one,))
                one.end = self.place(row - 1)
                self.known.open.remove(one)
                found.append(one)
        return found

    def _begin(self, row: int) -> list[Hold]:
        """Let columns join what is open, and begin what is new."""
        usual, found = self.bounds.usual, []
        free = set(self.held)
        for one in self.known.open:
            if one.rest:
                continue
            free -= set(one.members)
            more = [place for place in free if self._since(place, one.begin[0])]
            one.members = sorted({*one.members, *more})
            free -= set(more)
        for start in sorted({self.held[place] for place in free & self.long}, reverse=True):
            there = [place for place in free & self.long if self._since(place, start)]
            alike = sum(self.held[place] == start for place in there)
            if len(there) < TOGETHER and alike < 2:
                continue
            members = sorted(place for place in free if self._since(place, start))
            free -= set(members)
            moved = np.array([self._changed(place, start + 1, self.base + row) for place in range(len(usual))])
            own = self.values[row]
            hold = Hold(self._start(members, start), members, moved, zero=not own[own == own].any())
            hold.moved[members] = False
            self.known.open.append(hold)
            found.append(copy(hold))
            found[-1].moved = hold.moved.copy()
        return found

    def _since(self, place: int, start: int) -> bool:
        """Whether a column has read the same since a row, or from somewhat before by chance."""
        return bool(start - self.bounds.usual[place] <= self.held[place] <= start)

    def _start(self, members: Sequence[int], start: int) -> Place:
        if start >= self.base:
            return self.place(start - self.base)
        since = next(self.since[place] for place in members if self.begun[place] == start)
        return start, None if since == NEVER else int(since)

    def _look(self, row: int, which: Iterable[Hold] | None = None) -> None:
        """What has gone on up to a row of the piece, which is not looked at, while something held."""
        for one in self.known.open if which is None else which:
            if one.rest:
                continue
            first = max(one.begin[0] + 1, self.base)
            for place in np.flatnonzero(~one.moved).tolist():
                if place not in one.members:
                    one.moved[place] = self._changed(place, first, self.base + row - 1)

    def _changed(self, place: int, first: int, last: int) -> bool:
        """Whether a column has read something new in some rows."""
        if first < self.base and self.begun[place] >= first:
            return True
        begin, end = max(first - self.base, 0), last - self.base + 1
        if end <= begin:
            return False
        column = self.values[:begin, place]
        known = column[column == column]
        return bool(_starts(self.values[begin:end, place], known[-1] if known.size else self.last[place]).size)

    # ---- a standstill ---------------------------------------------------------------------------------------------

    def _rest(self) -> list[tuple[int, Hold]]:
        """Rows at a standstill in which nothing differs for long."""
        known, values = self.known, self.values
        n = len(values)
        if not known.same and not self.still.any():
            return []
        same, found = _same(values, self.still, known.before), []
        edges = np.flatnonzero(np.diff(same.astype(np.int8), prepend=int(known.same > 0)))
        for first, last in zip(np.append(0, edges).tolist(), np.append(edges, n).tolist(), strict=True):
            if last <= first:
                continue
            if not same[first]:
                for one in [one for one in known.open if one.rest]:
                    one.end = self.place(first - 1)
                    known.open.remove(one)
                    found.append((first, one))
                known.same = 0
                continue
            if not known.same:
                known.still = self.place(first - 1)
            opens = first + self.bounds.rest - known.same - 1
            known.same += last - first
            if first <= opens < last:
                own = values[opens]
                nothing = np.zeros(values.shape[1], bool)
                members = np.flatnonzero(own == own).tolist()
                hold = Hold(known.still, members, nothing, rest=True, zero=not own[own == own].any())
                known.open.append(hold)
                found.append((opens, copy(hold)))
        return found


def _starts(column: Vector, last: float) -> Labels:
    """The rows in which a column reads something new."""
    rows = np.flatnonzero(column == column)
    seen = column[rows]
    return rows[seen != np.append(last, seen[:-1])]


def _same(values: Matrix, still: Flags, before: Vector) -> Flags:
    """Rows at a standstill in which nothing differs from the row before."""
    same = np.zeros(len(values), bool)
    rows = np.flatnonzero(still)
    if rows.size:
        earlier, own = values[rows - 1], values[rows]
        if rows[0] == 0:
            earlier[0] = before
        alike = (own == earlier) | (np.isnan(own) & np.isnan(earlier))
        same[rows] = alike.all(axis=1) & (np.count_nonzero(own == own, axis=1) >= REST_SENSORS)
    return same


def rested(values: Matrix, still: Flags) -> int:
    """For how many rows in sequence nothing differs at a standstill, at most."""
    same = _same(values, still, np.full(values.shape[1], np.nan))
    edges = np.flatnonzero(np.diff(same.astype(np.int8), prepend=0, append=0))
    return int((edges[1::2] - edges[::2]).max(initial=0))
