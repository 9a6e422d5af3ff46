"""Which share of what slow means remember of each sensor was not read."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from acm_rs.monitor.carried import State
from acm_rs.monitor.parts import PAST, SLOW

__all__ = ["CHART", "lacking"]

Matrix = NDArray[np.float64]
Flags = NDArray[np.bool_]
Labels = NDArray[np.int64]

CHART = "lacking"


def lacking(missing: Flags, silent: Flags, begun: int | None, times: Labels, state: State) -> Matrix | None:
    """That share before each row, (n, sensors); None where all was read.

    `begun` is the row with which the means begin, or None where they have; from it on each row counts so many `times`.
    """
    hit = (missing & ~silent[:, None]).any(axis=1)
    if state.lack is None and not hit.any():
        return None
    # Rows before the first gap change nothing, and what is remembered begins with it wherever a history is cut.
    first = int(hit.argmax()) if state.lack is None else 0
    lack = missing[first:].astype(np.float64)
    lack[silent[first:]] = np.nan
    chart = state.chart(CHART, SLOW)
    if state.lack is None:
        state.lack = np.zeros((1, lack.shape[1]))
        if first == begun:
            state.lack = lack[:1]
            chart.update(np.repeat(state.lack, PAST, axis=0))
    times = times[first - (begun or 0) :]
    shares = np.vstack([state.lack, chart.update(np.repeat(lack, times, axis=0))[0]])
    state.lack = shares[-1:]
    return np.vstack([np.zeros((first, lack.shape[1])), shares[np.cumsum(times) - 1]])
