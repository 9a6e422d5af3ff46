"""One number for how an asset is, from its scores."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["Tally"]

_LATELY = np.timedelta64(1, "D")
_ROWS = 100
"""Judged rows that are looked at where there are no times."""


class Tally:
    """Counts rows piece by piece, and remembers the scores of the last day."""

    def __init__(self) -> None:
        self.rows: int = 0
        self.judged: int = 0
        self.in_alarm: int = 0
        self.first: np.datetime64 | None = None
        self.last: np.datetime64 | None = None
        self._ratios: NDArray[np.float64] = np.empty(0)
        self._times: NDArray[np.datetime64] | None = None

    def take(
        self,
        scores: NDArray[np.float64],
        limits: NDArray[np.float64],
        alarms: NDArray[np.bool_],
        times: NDArray[np.datetime64] | None,
    ) -> None:
        """Count the rows that follow those before."""
        if not len(scores):
            return
        known = ~np.isnan(scores)
        self.rows += len(scores)
        self.judged += int(known.sum())
        self.in_alarm += int(alarms.sum())
        ratios = np.concatenate([self._ratios, scores[known] / limits[known]])
        if times is None:
            self._ratios = ratios[-_ROWS:]
            return
        if self.first is None:
            self.first = times[0]
        self.last = times[-1]
        before = times[:0] if self._times is None else self._times
        moments = np.concatenate([before, times[known]])
        lately = moments > self.last - _LATELY
        self._ratios, self._times = ratios[lately], moments[lately]

    @property
    def health(self) -> float | None:
        """1 / (1 + r), where r is the mean of score over limit in the judged rows of the last day; None without any.

        1 is a machine that does exactly what was learnt, 0.5 one at its limit.
        """
        if not len(self._ratios):
            return None
        # One row far beyond its limit must not stand for the day.
        return float(1.0 / (1.0 + np.minimum(self._ratios, 10.0).mean()))

    def told(self, stamp: Any) -> dict[str, Any]:
        """What the status says."""
        return {
            "judged": self.judged,
            "in_alarm": self.in_alarm,
            "health": self.health,
            "first": None if self.first is None else stamp(self.first),
            "last": None if self.last is None else stamp(self.last),
        }
