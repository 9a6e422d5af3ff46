"""Which share of what slow means remember of each sensor was not read."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from acm_rs.monitor.carried import State
from acm_rs.monitor.parts import PAST, PIECE, SLOW

__all__ = ["CHART", "TINY", "forget", "lacking"]

Matrix = NDArray[np.float64]
Flags = NDArray[np.bool_]
Labels = NDArray[np.int64]

CHART = "lacking"
TINY = 1e-6
"""Shares that count as none."""


def lacking(missing: Flags, silent: Flags, begun: int | None, times: Labels, state: State) -> Matrix | None:
    """That share before each row, (n, sensors); None where all was read.

    `begun` is the row with which the means begin, or None where they have; from it on each row counts so many `times`.
    """
    hit = np.asarray((missing & ~silent[:, None]).any(axis=1))
    if state.lack is None and not hit.any():
        return None
    found = np.zeros(missing.shape)
    # Rows before the first gap change nothing, and what is remembered begins with it wherever a history is cut.
    start = int(hit.argmax()) if state.lack is None else 0
    while start < len(missing):
        start = _stretch(start, missing, silent, hit, begun, times, state, found)
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
) -> int:
    """Take rows from one on, until all is read again and the rest is forgotten; where the next gap begins."""
    for first in range(start, len(missing), PIECE):
        some = slice(first, first + PIECE)
        lack = missing[some].astype(np.float64)
        lack[silent[some]] = np.nan
        chart = state.chart(CHART, SLOW)
        if state.lack is None:
            state.lack = np.zeros((1, lack.shape[1]))
            if first == begun:
                state.lack = lack[:1]
                chart.update(np.repeat(state.lack, PAST, axis=0))
        own = times[first - (begun or 0) :][: len(lack)]
        shares = np.vstack([state.lack, chart.update(np.repeat(lack, own, axis=0))[0]])
        found[some] = shares[np.cumsum(own) - 1]
        after = shares[np.cumsum(own)]
        state.lack = after[-1:]
        over = ~hit[some] & (after < TINY).all(axis=1)
        if over.any():
            end = first + int(over.argmax()) + 1
            found[end : first + PIECE] = 0.0
            forget(state)
            later = np.flatnonzero(hit[end:])
            return end + int(later[0]) if len(later) else len(missing)
    return len(missing)


def forget(state: State) -> None:
    """All that is remembered was read."""
    state.lack = None
    state.charts.pop(CHART, None)
