"""Which share of what slow means remember of each sensor was not read, and how wrong the slow states are for it.

A missing reading is filled from the others of its row. What that has wrong is a sum of the forces on all that were
missing together, and slow states remember it as they remember all. How far off they are follows from the second moments
of forces: of their slow part, which is the same in all rows that are remembered, and of the rest, of which rows have
each their own.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from acm_rs.monitor.carried import State
from acm_rs.monitor.parts import PAST, PIECE, SHIFTS, SLOW
from acm_rs.monitor.relations import inverse_of, product, solve_missing

__all__ = ["CHARTS", "TINY", "Doubt", "fade", "forget", "lacking"]

Matrix = NDArray[np.float64]
Vector = NDArray[np.float64]
Flags = NDArray[np.bool_]
Labels = NDArray[np.int64]

AGAIN = 1.0 - (1.0 - SLOW) ** 2
CHARTS = {"lacking": SLOW, "lacking once": AGAIN}
"""What remembers the shares and what is slow in them, and what each row has for itself; former files have the first."""
TINY = 1e-6
"""Shares that count as none."""
APART = SLOW / (2.0 - SLOW)
"""Share of a variance that a slow mean has of what each row has for itself."""


class Doubt:
    """How wrong slow states are where readings were missing: their second moments, and those of their means."""

    def __init__(self, precision: Matrix, axes: Matrix, leans: NDArray[np.float64], leant: Vector) -> None:
        d, count = axes.shape
        self.sensors: int = d
        self.count: int = count
        self.axes: Matrix = axes
        # With the states beside the sensors what fills these is what a force on the states does to them.
        level = 1.0 + (axes * product(inverse_of(precision), axes)).sum()
        self.law: Matrix = np.block([[precision, axes], [axes.T, level * np.eye(count)]])
        self.mean: Matrix = leant[d:, None].copy()
        moments = leans[:, d:, d:]
        lasting = (moments[0] - APART * precision) / (1.0 - APART)
        self.single: Matrix = precision - lasting
        """Second moments of what each row has for itself."""
        self.faded: list[float] = [1.0, *(_faded(memory) for memory in SHIFTS)]
        means = [own - APART * faded * self.single for own, faded in zip(moments, self.faded, strict=True)]
        self.lasting: Matrix = np.hstack(means)
        """Those of what lasts, and of its means beside them."""
        self.pairs: list[tuple[int, int]] = [(a, b) for a in range(count) for b in range(a + 1)]
        """Pairs of slow states."""
        self.width: int = len(means) * len(self.pairs) + count
        """How many numbers are told of a row."""

    def of_rows(self, missing: Flags) -> tuple[Matrix, Matrix]:
        """What a force on each missing sensor does to each state, (n, states x sensors), and the second moments of what
        rows have for themselves, (n, pairs)."""
        n, d = missing.shape
        found = np.zeros((n, self.count * d))
        hit = np.flatnonzero(missing.any(axis=1))
        # A row for each state.
        every = np.hstack(
            [missing[hit].repeat(self.count, axis=0), np.zeros((len(hit) * self.count, self.count), bool)]
        )
        rows = np.hstack([np.zeros((len(every), d)), np.tile(np.eye(self.count), (len(hit), 1))])
        found[hit] = -solve_missing(rows, every, self.law)[:, :d].reshape(len(hit), self.count * d)
        return found, self._moments(found, self.single)[:, 0]

    def _moments(self, pulls: Matrix, moments: Matrix) -> NDArray[np.float64]:
        """Second moments of the states where forces have these, of which several may stand side by side."""
        n, d, count = len(pulls), self.sensors, self.count
        rows = np.ascontiguousarray(pulls).reshape(n * count, d)
        turned = product(rows, moments).reshape(n, count, moments.shape[1] // d, d)
        own = rows.reshape(n, count, 1, d)
        return np.concatenate([(turned[:, a] * own[:, b]).sum(axis=2)[:, :, None] for a, b in self.pairs], axis=2)

    def told(self, pulls: Matrix, once: Matrix) -> Matrix:
        """What is told of rows: second moments of the states, of their means, and how far off they are on the whole."""
        n = len(pulls)
        found = self._moments(pulls, self.lasting) + APART * np.array(self.faded)[:, None] * once[:, None]
        off = product(np.ascontiguousarray(pulls).reshape(n * self.count, self.sensors), self.mean)
        return np.hstack([found.reshape(n, -1), off.reshape(n, self.count)])


def _faded(memory: float) -> float:
    """Share of its variance that a mean has of what is itself a slow mean of rows apart."""
    stays = (1.0 - memory) * (1.0 - SLOW)
    return memory / (2.0 - memory) * (1.0 + stays) / (1.0 - stays)


def lacking(
    missing: Flags, silent: Flags, begun: int | None, times: Labels, state: State, doubt: Doubt | None = None
) -> Matrix | None:
    """That share before each row, (n, sensors), and beside it how wrong the states are; None where all was read.

    `begun` is the row with which the means begin, or None where they have; from it on each row counts so many `times`.
    """
    hit = np.asarray((missing & ~silent[:, None]).any(axis=1))
    if state.lack is None and not hit.any():
        return None
    found = np.zeros((len(missing), missing.shape[1] + (0 if doubt is None else doubt.width)))
    # Rows before the first gap change nothing, and what is remembered begins with it wherever a history is cut.
    start = int(hit.argmax()) if state.lack is None else 0
    while start < len(missing):
        start = _stretch(start, missing, silent, hit, begun, times, state, found, doubt)
    return found


def _stretch(
    start: int,
    missing: Flags,
    silent: Flags,
    hit: Flags,
    begun: int | None,
    times: Labels,
    state: State,
    found: Matrix,
    doubt: Doubt | None,
) -> int:
    """Take rows from one on, until all is read again and the rest is forgotten; where the next gap begins."""
    d = missing.shape[1]
    wide = d * (1 if doubt is None else 1 + doubt.count)
    for first in range(start, len(missing), PIECE):
        some = slice(first, first + PIECE)
        lack = missing[some].astype(np.float64)
        if doubt is not None:
            lack = np.hstack([lack, *doubt.of_rows(missing[some])])
        lack[silent[some]] = np.nan
        if state.lack is None:
            state.lack = np.zeros((1, lack.shape[1]))
            if first == begun:
                state.lack = lack[:1]
                _took_in(np.repeat(state.lack, PAST, axis=0), state, wide)
        own = times[first - (begun or 0) :][: len(lack)]
        shares = np.vstack([state.lack, _took_in(np.repeat(lack, own, axis=0), state, wide)])
        before, after = shares[np.cumsum(own) - 1], shares[np.cumsum(own)]
        found[some, :d] = before[:, :d]
        if doubt is not None:
            found[some, d:] = doubt.told(before[:, d:wide], before[:, wide:])
        state.lack = after[-1:]
        over = ~hit[some] & (after[:, :d] < TINY).all(axis=1)
        if over.any():
            end = first + int(over.argmax()) + 1
            found[end : first + PIECE] = 0.0
            forget(state)
            later = np.flatnonzero(hit[end:])
            return end + int(later[0]) if len(later) else len(missing)
    return len(missing)


def _took_in(rows: Matrix, state: State, wide: int) -> Matrix:
    """The means after each of some rows, whose first columns are remembered as what is slow."""
    slow, once = CHARTS
    found = [np.asarray(state.chart(slow, CHARTS[slow]).update(np.ascontiguousarray(rows[:, :wide]))[0])]
    if wide < rows.shape[1]:
        found.append(np.asarray(state.chart(once, CHARTS[once]).update(np.ascontiguousarray(rows[:, wide:]))[0]))
    return np.hstack(found)


def fade(state: State, sensors: int, doubt: Doubt | None) -> None:
    """Take in a row in which all was read."""
    assert state.lack is not None
    wide = sensors * (1 if doubt is None else 1 + doubt.count)
    state.lack = _took_in(np.zeros(state.lack.shape), state, wide)
    if (state.lack[:, :sensors] < TINY).all():
        forget(state)


def forget(state: State) -> None:
    """All that is remembered was read."""
    state.lack = None
    for name in CHARTS:
        state.charts.pop(name, None)
