"""Rows that come late, twice or out of order: a rule that does not depend on how the rows were cut into batches."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from acm_rs.live.rows import Rows, no_rows, put_together

__all__ = ["Sorter"]


class Sorter:
    """Hands on rows in the order of their times, each time once.

    A row waits until one has come that is `lateness` later; then it is handed on. One that comes when a row at least
    `lateness` later has been there already is left out: as *repeated* where it has the time of the newest row, else as
    *late*. Of rows with one time that wait, the one that came last is taken, and the others count as repeated. With a
    lateness of 0 no row waits, and whatever is not newer than all before is left out. Rows without times are handed on
    as they come.

    Parameters
    ----------
    columns : int
        How many readings a row has.
    lateness : int, default 0
        Nanoseconds.
    """

    def __init__(self, columns: int, lateness: int = 0) -> None:
        self._columns = columns
        self._lateness = lateness
        self._newest: int | None = None
        self._last: int | None = None
        """The time of the last row that was handed on."""
        self._waiting = no_rows(columns)
        self.late: int = 0
        self.repeated: int = 0

    @property
    def newest(self) -> int | None:
        """The newest time so far."""
        return self._newest

    @property
    def waiting(self) -> int:
        """Rows that wait for a later one."""
        return len(self._waiting)

    def take(self, rows: Rows) -> Rows:
        """Rows that came; those that are ready come back."""
        times = rows.times
        if times is None or not len(times):
            return rows
        before = np.maximum.accumulate(times)
        if self._newest is not None:
            before = np.maximum(before, self._newest)
        newest = int(before[-1])
        known = np.empty(len(times), bool)
        known[0], known[1:] = self._newest is not None, True
        shifted = np.empty_like(before)
        shifted[0] = self._newest if self._newest is not None else times[0]
        shifted[1:] = before[:-1]
        bound = shifted - self._lateness
        out = known & (times <= bound)
        if self._last is not None:
            # Only where rows were handed on before their time, or with a smaller lateness.
            out |= times <= self._last
        again = out & (times == shifted)
        self.repeated += int(again.sum())
        self.late += int(out.sum() - again.sum())
        self._newest = newest
        if self._lateness == 0:
            # What is left is newer than all before it.
            return self._handed(rows if not out.any() else rows.take(~out))
        held = put_together([self._waiting, rows.take(~out)])
        assert held.times is not None
        order = np.argsort(held.times, kind="stable")
        sorted_times = held.times[order]
        last = np.append(sorted_times[1:] != sorted_times[:-1], True) if len(order) else np.zeros(0, bool)
        self.repeated += int(len(order) - last.sum())
        held = held.take(order[last])
        assert held.times is not None
        ready = int(np.searchsorted(held.times, newest - self._lateness, side="right"))
        self._waiting = held.take(slice(ready, None))
        return self._handed(held.take(slice(0, ready)))

    def _handed(self, rows: Rows) -> Rows:
        if rows.times is not None and len(rows):
            self._last = int(rows.times[-1])
        return rows

    def flush(self) -> Rows:
        """The rows that wait, whatever may come."""
        rows, self._waiting = self._waiting, no_rows(self._columns)
        return self._handed(rows)

    def put(self) -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:
        """What it holds, as settings and arrays."""
        arrays: dict[str, NDArray[Any]] = {"sorter.values": self._waiting.values}
        if self._waiting.times is not None:
            arrays["sorter.times"] = self._waiting.times
        counts = {"late": self.late, "repeated": self.repeated}
        return {"newest": self._newest, "last": self._last, **counts}, arrays

    def go_on(self, settings: dict[str, Any], arrays: dict[str, NDArray[Any]]) -> None:
        """Go on where `put` left off; the lateness may be another."""
        self._newest, self._last = (
            None if settings[name] is None else int(settings[name]) for name in ("newest", "last")
        )
        self.late, self.repeated = int(settings["late"]), int(settings["repeated"])
        values = arrays["sorter.values"]
        if values.shape[1:] != (self._columns,):
            raise ValueError("rows that wait have other columns")
        self._waiting = Rows(values, arrays.get("sorter.times"))
