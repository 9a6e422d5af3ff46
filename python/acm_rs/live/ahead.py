"""Rows whose times lie far ahead of all others: one wrong clock must not make every later row late."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from acm_rs.live.rows import Rows, no_rows, put_together

__all__ = ["Ahead"]

_DAY = 86_400 * 10**9
_STEPS = 100
_TOLD = 5


class Ahead:
    """Leaves out rows that are far ahead where no other confirms them.

    A row is far ahead where it is later than the newest by more than a day, a hundred intervals and the lateness. It is
    held until the next row comes, and left out where that one is not as far. Where it is also a day beyond the
    computer's clock, and the newest is not, it is left out at once. So of a source that was silent for long the first
    row is judged together with the second.

    Parameters
    ----------
    columns : int
        How many readings a row has.
    step : int or None
        Nanoseconds between rows, as trained.
    lateness : int, default 0
        Nanoseconds that a row may come late.
    now : callable
        Nanoseconds since 1970 by the computer's clock.
    """

    def __init__(
        self, columns: int, step: int | None, lateness: int = 0, now: Callable[[], int] = time.time_ns
    ) -> None:
        self._columns, self._now = columns, now
        self._far = max(_DAY, _STEPS * (step or 0)) + lateness
        self._held = no_rows(columns)
        self.bad: list[int] = []
        """The times of rows that `take` left out."""

    @property
    def waiting(self) -> int:
        """Rows that wait for another to confirm them."""
        return len(self._held)

    def take(self, rows: Rows, newest: int | None) -> Rows:
        """Rows that came, after all those up to the newest; those that are as they should be come back."""
        self.bad = []
        if rows.times is None or not len(rows):
            return rows
        if len(self._held):
            rows, self._held = put_together([self._held, rows]), no_rows(self._columns)
        assert rows.times is not None
        before = rows.times[:1] if newest is None else np.array([newest])
        if not (np.diff(rows.times, prepend=before) > self._far).any():
            return rows
        kept = self._walk(rows.times.tolist(), newest)
        if kept[-1] is None:
            self._held = rows.take(slice(len(rows) - 1, None))
        return rows.take(np.array([bool(one) for one in kept]))

    def _walk(self, times: list[int], newest: int | None) -> list[bool | None]:
        """Whether each row stays; None of the last one where the next must come first."""
        clock = self._now() + _DAY
        kept: list[bool | None] = [True] * len(times)
        for place, at in enumerate(times):
            if newest is None or at - newest <= self._far:
                newest = at if newest is None else max(newest, at)
            elif newest <= clock < at:
                kept[place] = False
            elif place + 1 == len(times):
                kept[place] = None
            elif times[place + 1] < at - self._far:
                kept[place] = False
            else:
                newest = at
        self.bad = [at for at, one in zip(times, kept, strict=True) if one is False]
        return kept

    def told(self, moment: Callable[[int], str]) -> list[str]:
        """What is to be said of the rows that were left out."""
        notes = [
            f"a row says {moment(at)}, far ahead of all others, and no other row confirms it: left out"
            for at in self.bad[:_TOLD]
        ]
        more = len(self.bad) - _TOLD
        return notes if more <= 0 else [*notes, f"and {more:,} more rows far ahead of all others"]

    def flush(self) -> Rows:
        """The row that waits, whatever may come."""
        rows, self._held = self._held, no_rows(self._columns)
        return rows

    def put(self) -> dict[str, NDArray[Any]]:
        """What it holds."""
        if not len(self._held):
            return {}
        assert self._held.times is not None
        return {"ahead.values": self._held.values, "ahead.times": self._held.times}

    def go_on(self, arrays: dict[str, NDArray[Any]]) -> None:
        """Go on where `put` left off."""
        values = arrays.get("ahead.values")
        if values is None:
            return
        if values.shape[1:] != (self._columns,):
            raise ValueError("a row that waits has other columns")
        self._held = Rows(values, arrays["ahead.times"])
