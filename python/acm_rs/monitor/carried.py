"""What is carried from one piece of a history to the next, and rows beside what is expected of them."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from acm_rs.decisions import EwmaChart
from acm_rs.detectors import FusedDetector
from acm_rs.monitor.counters import Tally
from acm_rs.monitor.holding import Holding
from acm_rs.monitor.regimes import Phase

__all__ = ["Looked", "State", "Wider"]

Matrix = NDArray[np.float64]
Vector = NDArray[np.float64]

NEVER = 2**40
"""Rows since a reading that has never been."""


class State:
    """What is carried from one piece of a history to the next."""

    __slots__ = (
        "alarm",
        "charts",
        "fused",
        "gaps",
        "gone",
        "holding",
        "idle",
        "lack",
        "lacks",
        "last",
        "latest",
        "levels",
        "off",
        "over",
        "phase",
        "run",
        "slow",
        "states",
        "stays",
        "steps",
        "tally",
        "time",
        "utc",
    )

    def __init__(self, sensors: int, states: int) -> None:
        self.phase: Phase = Phase()
        self.charts: dict[str, EwmaChart] = {}
        self.fused: FusedDetector | None = None
        self.off: dict[str, NDArray[np.float64]] = {}
        """What slow means have let go of."""
        self.last: NDArray[np.float64] = np.full(sensors, np.nan)
        self.run: NDArray[np.int64] = np.zeros(sensors, np.int64)
        self.states: NDArray[np.float64] = np.full(states, np.nan)
        self.gaps: NDArray[np.int64] = np.full(sensors + states, NEVER)
        """Rows since each column's last reading."""
        self.idle: int = 0
        """Rows since the last one that had any reading."""
        self.levels: tuple[Vector, Vector] | None = None
        """Of sensors that are followed the levels, and how many readings they have followed."""
        self.gone: Vector | None = None
        """Of the same the rows since the last reading, those that are absent among them; former files have none."""
        self.holding: Holding | None = None
        """Which readings come again and again; None before the first row, and in former files."""
        self.slow: Matrix | None = None
        self.lack: Matrix | None = None
        """Which share of what the slow means remember of each sensor was not read; None before the first gap."""
        self.lacks: Matrix | None = None
        """The same before each of the rows that are looked at; None where all were read."""
        self.steps: tuple[NDArray[np.int64], Vector] | None = None
        """What the readings so far tell of steps."""
        self.stays: Vector | None = None
        """For how many rows what counts as no reading has stayed; None where nothing does."""
        self.tally: Tally | None = None
        """The latest readings of counters."""
        self.alarm: bool = False
        self.over: int = 0
        self.time: np.datetime64 | None = None
        """The time of the row before, where that had one."""
        self.latest: np.datetime64 | None = None
        """The latest time so far."""
        self.utc: bool | None = None
        """Whether times have had a zone; None where that is not known."""

    def chart(self, name: str, memory: float) -> EwmaChart:
        """A mean with a memory; one more for each name."""
        if name not in self.charts:
            self.charts[name] = EwmaChart(memory, 3.0)
        return self.charts[name]


class Looked:
    """Rows beside what the other sensors let expect."""

    __slots__ = ("expected", "held", "left", "residual", "rougher", "scaled", "scarce", "stopped", "vague")

    def __init__(self, rows: int, sensors: int) -> None:
        self.held: NDArray[np.bool_] = np.ones(rows, bool)
        self.scarce: NDArray[np.bool_] = np.zeros(rows, bool)
        """Rows with too few readings to be judged."""
        self.vague: NDArray[np.bool_] = np.zeros(rows, bool)
        """Rows in which too many sensors lean on a missing driver."""
        self.scaled: NDArray[np.float64] = np.zeros((rows, sensors), order="F")
        self.left: NDArray[np.float64] = np.zeros((rows, sensors), order="F")
        self.residual: NDArray[np.float64] = np.full((rows, sensors), np.nan, order="F")
        self.expected: NDArray[np.float64] = np.full((rows, sensors), np.nan, order="F")
        self.stopped: NDArray[np.bool_] | None = None
        """Readings at the end of their scale that say no more than that, (n, sensors); None where there is none."""
        self.rougher: NDArray[np.float64] | None = None
        """By which residuals are divided before they are squared, (n, sensors); None where by nothing."""

    def stop(self, rows: NDArray[np.int64], stopped: NDArray[np.bool_]) -> None:
        """Some rows have readings that say no more than that they are at the end of their scale."""
        if self.stopped is None:
            self.stopped = np.zeros(self.residual.shape, bool)
        self.stopped[rows] = stopped


class Wider:
    """By how much limits of rows are wider: in stretches of them, and elsewhere not."""

    __slots__ = ("rows", "stretches", "width")

    def __init__(self, rows: int, width: int, stretches: list[tuple[int, Matrix]]) -> None:
        self.rows: int = rows
        self.width: int = width
        self.stretches: list[tuple[int, Matrix]] = stretches
        """Where each begins, and by which share limits are wider there."""

    def times(self) -> Matrix:
        """How many times wider the limits of all rows are."""
        found = np.ones((self.rows, self.width))
        for start, more in self.stretches:
            found[start : start + len(more)] += more
        return found

    def of(self, rows: NDArray[np.int64]) -> Matrix:
        """The same of some rows."""
        found = np.ones((len(rows), self.width))
        for start, more in self.stretches:
            hit = (rows >= start) & (rows < start + len(more))
            found[hit] += more[rows[hit] - start]
        return found

    def inside(self) -> NDArray[np.bool_]:
        """The rows of these stretches."""
        found = np.zeros(self.rows, bool)
        for start, more in self.stretches:
            found[start : start + len(more)] = True
        return found
