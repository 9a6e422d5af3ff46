"""Rows that are left out as they came too late or again: told where they are many, whatever the batches."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["Passed"]

PASSED = 10
"""Rows that came too late or again, from which it is told."""
SHARE = 4
"""Rows that can be judged for each that makes up for one that came too late."""


class Passed:
    """Counts rows that were left out, and says when it is to be told.

    Rows that were read before, as of a file that was written anew, come before others that are newer and are no loss;
    so where a batch has some that are newer, only those count that are older than a row before them in it.
    """

    def __init__(self) -> None:
        self._level = 0
        """Rows that were left out, each as `SHARE`, less those that were not."""
        self._out = self._rows = 0
        """Rows left out, and rows in all, since that was 0."""
        self._told = False
        self.run_out: int = 0
        """Rows that were left out since this run of the watch began."""
        self.run_rows: int = 0
        """Rows that came since then."""
        self.mixed: bool = False
        """Some were older than a row before them in their batch."""

    def take(self, times: NDArray[np.int64] | None, out: int, lateness: int) -> tuple[int, int] | None:
        """Look at the times of a batch, of which so many rows were left out; how many of how many, where it is told."""
        rows = 0 if times is None else len(times)
        if times is None or not rows:
            return None
        back = int(np.count_nonzero(times[1:] <= np.maximum.accumulate(times)[:-1] - lateness))
        missed = out if out == rows else min(out, back)
        self.mixed = self.mixed or back > 0
        self.run_out += missed
        self.run_rows += rows
        self._out += missed
        self._rows += rows
        # What was many is few again after some rows, however many it was.
        self._level = max(0, min(self._level + SHARE * missed, 2 * SHARE * PASSED) - (rows - out))
        tell = not self._told and (self._level >= SHARE * PASSED or missed >= PASSED)
        self._told = self._told or tell
        said = (self._out, self._rows)
        if self._level == 0:
            self._told, self._out, self._rows = False, 0, 0
        return said if tell else None

    def put(self) -> dict[str, Any]:
        """For JSON."""
        return {"level": self._level, "out": self._out, "rows": self._rows, "told": self._told}

    def go_on(self, kept: Mapping[str, Any]) -> None:
        """Go on where `put` left off."""
        self._level, self._out, self._rows = (int(kept[name]) for name in ("level", "out", "rows"))
        self._told = bool(kept["told"])
