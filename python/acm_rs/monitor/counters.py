"""Counters: energy, running hours, starts. Their level says nothing of a machine; how much they rise does."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from acm_rs.fillers import CODES
from acm_rs.monitor import words

__all__ = ["Counters", "Tally", "apart", "counts"]

Matrix = NDArray[np.float64]
Vector = NDArray[np.float64]
Counts = NDArray[np.int64]

FEW, VALUES = 8, 5
"""Rises and values that a counter has at least: less may be a switch."""
RISES = 200
"""Rises to a fall, at least."""
HALF, LOW = 0.5, 0.05
"""A counter that begins anew falls by half of its range at least, or to so near its least reading."""
PASS, TIMES = 5, 2.0
"""Rows that readings may be apart, and times as many as nearly all of the history are."""
EXACT = 2.0
"""Deviations of what the others leave of a rise by which its mean over several rows may be off it."""
EVEN = 0.8
"""Share of the rises that are alike from which on they say nothing."""
NO_TIME = np.iinfo(np.int64).min


def counts(column: Vector) -> bool:
    """Whether a column rises throughout, and falls only where it begins anew."""
    known = column[~np.isnan(column)]
    known = known[~np.isin(known, CODES)]
    if known.size <= FEW:
        return False
    steps = np.diff(known)
    rises = int(np.count_nonzero(steps > 0.0))
    falls = np.flatnonzero(steps < 0.0)
    if rises < FEW or len(falls) > rises // RISES or np.unique(known[:100_000]).size < VALUES:
        return False
    least, most = float(known.min()), float(known.max())
    reach = most - least
    anew = (steps[falls] <= -HALF * reach) | (known[falls + 1] <= least + LOW * reach)
    return bool(anew.all())


def even(rises: Vector) -> float | None:
    """What nearly all rises are, where they are alike."""
    known = rises[~np.isnan(rises)]
    size = float(np.abs(known).max(initial=0.0))
    if size == 0.0:
        return 0.0
    # What is left of a division in the last digits is no difference.
    values, often = np.unique(np.round(known / size, 6), return_counts=True)
    return float(values[often.argmax()] * size) if often.max() > EVEN * known.size else None


def apart(when: Vector) -> float:
    """How many rows readings may be apart and still follow each other, by where those of the history are."""
    passed = np.diff(when)
    return max(float(PASS), TIMES * float(np.quantile(passed, 0.99))) if passed.size else np.inf


class Tally:
    """What is remembered of each counter: its latest reading, when that was, and how many rows ago."""

    __slots__ = ("apart", "last", "since", "when")

    def __init__(self, last: Vector, since: Counts, when: Counts, apart: Vector | None = None) -> None:
        self.last: Vector = last
        self.since: Counts = since
        self.when: Counts = when
        """Nanoseconds since 1970, or `NO_TIME`."""
        self.apart: Vector = np.full(len(last), np.nan) if apart is None else apart
        """Rows from the reading before the latest one; NaN where there was none."""

    @classmethod
    def none(cls, number: int) -> Tally:
        """Before the first row."""
        return cls(np.full(number, np.nan), np.zeros(number, np.int64), np.full(number, NO_TIME))


class Counters:
    """Columns that count, and how their rises are taken."""

    def __init__(
        self, names: list[str], low: list[float], high: list[float], step: float | None, most: list[float] | None = None
    ) -> None:
        self.names: list[str] = names
        self.low: list[float] = low
        """Physical limits of the readings; those of the rises are none."""
        self.high: list[float] = high
        self.step: float | None = step
        """Nanoseconds between rows, usually: a rise is one in so much time; None where rows have no times."""

        self.most: list[float] = [np.inf] * len(names) if most is None else most
        """Rows over which a rise is the mean of too many to tell of the present; infinite in former files. Below 0 it
        is so however far apart the readings before were."""

    @classmethod
    def of(
        cls,
        names: Sequence[str],
        values: Matrix,
        kinds: Mapping[str, str],
        limits: Mapping[str, tuple[float, float]],
        step: float | None,
        times: NDArray[np.datetime64] | None = None,
    ) -> Counters:
        """Those among the columns of a history, found or said to be some."""
        found = [
            name
            for place, name in enumerate(names)
            if kinds.get(name) == "counter" or (name not in kinds and counts(values[:, place]))
        ]
        ends = [limits.get(name, (-np.inf, np.inf)) for name in found]
        when = np.arange(len(values), dtype=np.float64)
        if times is not None and step is not None:
            when = times.astype(np.int64) / step
        most = [apart(when[~np.isnan(values[:, names.index(name)])]) for name in found]
        return cls(found, [low for low, _ in ends], [high for _, high in ends], step, most)

    def among(self, names: Sequence[str]) -> Counters:
        """Those that are in use."""
        kept = [place for place, name in enumerate(self.names) if name in names]
        low, high, most = ([part[place] for place in kept] for part in (self.low, self.high, self.most))
        return Counters([self.names[place] for place in kept], low, high, self.step, most)

    def trust(self, name: str, rises: Vector, noise: float) -> None:
        """Let means over several rises of a history count no farther than they tell of the last to within its noise."""
        rows = np.flatnonzero(~np.isnan(rises))
        if len(rows) <= PASS:
            return
        known = rises[rows]
        sums = np.append(0.0, np.cumsum(known - known.mean()))
        for count in range(2, PASS + 1):
            off = (sums[count:] - sums[:-count]) / count - (known[count - 1 :] - known.mean())
            if float(np.std(off)) > EXACT * noise:
                self.most[self.names.index(name)] = -(count - 0.5) * float(np.median(np.diff(rows)))
                return

    def begin(self) -> Tally | None:
        """What is remembered before the first row."""
        return Tally.none(len(self.names)) if self.names else None

    def units(self, known: Mapping[str, str]) -> dict[str, str]:
        """Units of all, those of counters in so much time."""
        return {**known, **{name: f"{known.get(name, '')} {self.per}".strip() for name in self.names}}

    @property
    def per(self) -> str:
        """In how much time they rise by what is given."""
        return "a row" if self.step is None else f"per {words.step_text(self.step)}"

    def risen(
        self,
        values: Matrix,
        names: Sequence[str],
        times: NDArray[np.datetime64] | None,
        tally: Tally | None = None,
        begins: Sequence[int] = (),
    ) -> tuple[Matrix, list[int]]:
        """The columns `names` with each counter's rise since its latest reading, over the rows or the time between.

        Also how often each has begun anew: a fall is no rise, and missing. `tally` is moved on; rows of `begins` do not
        follow the one before.
        """
        found = [0] * len(self.names)
        if not self.names:
            return values, found
        values = np.array(values, order="F")
        tally = Tally.none(len(self.names)) if tally is None else tally
        when = None if times is None or self.step is None else times.astype(np.int64)
        edges = [0, *begins, len(values)]
        for start, end in pairwise(edges):
            rows = slice(start, end)
            own = tally if not start else Tally.none(len(self.names))
            for place, name in enumerate(self.names):
                if name in names:
                    column = values[rows, list(names).index(name)]
                    found[place] += self._rise(column, None if when is None else when[rows], own, place)
        return values, found

    def _rise(self, column: Vector, when: Counts | None, tally: Tally, place: int) -> int:
        """Put a counter's rises in the place of its readings."""
        with np.errstate(invalid="ignore"):
            column[np.isin(column, CODES) | (column < self.low[place]) | (column > self.high[place])] = np.nan
        known = np.flatnonzero(~np.isnan(column))
        readings = column[known]
        n = len(column)
        column[:] = np.nan
        if not len(known):
            tally.since[place] += n
            return 0
        before = np.append(tally.last[place], readings[:-1])
        passed = np.diff(known, prepend=-1 - tally.since[place]).astype(np.float64)
        if when is not None:
            assert self.step is not None
            moments = when[known]
            earlier = np.append(tally.when[place], moments[:-1])
            timed = earlier != NO_TIME
            passed[timed] = (moments - earlier)[timed] / self.step
        rise = readings - before
        fell = rise < 0.0
        # A mean over many rows tells nothing of the present, unless all are such.
        passed[np.isnan(before)] = np.nan
        most = self.most[place]
        usual = np.fmax(most, TIMES * np.append(tally.apart[place], passed[:-1])) if most >= 0.0 else -most
        short = ~(passed > usual)
        tally.apart[place] = passed[-1]
        with np.errstate(divide="ignore", invalid="ignore"):
            column[known] = np.where((passed > 0.0) & short & ~fell, rise / passed, np.nan)
        tally.last[place], tally.since[place] = readings[-1], n - 1 - known[-1]
        tally.when[place] = NO_TIME if when is None else when[known[-1]]
        return int(np.count_nonzero(fell))

    # ---- in a file ------------------------------------------------------------------------------------------------

    def put(self) -> list[Any]:
        """For a file."""
        ends = [[None if np.isinf(end) else end for end in part] for part in (self.low, self.high)]
        most = [None if np.isinf(most) else most for most in self.most]
        return [self.names, *ends, self.step, *([most] if any(most) else [])]

    @classmethod
    def take(cls, entry: Sequence[Any]) -> Counters:
        """What `put` put."""
        names, low, high, step, *rest = entry
        most = rest[0] if rest else [None] * len(names)
        if not all(isinstance(name, str) for name in names) or not isinstance(step, float | None):
            raise TypeError("a counter has no name")
        if not len(names) == len(low) == len(high) == len(most) or len(rest) > 1:
            raise ValueError("limits are not one for each counter")
        return cls(
            list(names),
            [-np.inf if end is None else float(end) for end in low],
            [np.inf if end is None else float(end) for end in high],
            step,
            [np.inf if end is None else float(end) for end in most],
        )
