"""What the times of the rows say: order, repeats, sampling and its holes."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["Clock", "stretches"]

REGULAR = 0.8
"""Share of the steps near the usual one, for sampling to be regular."""
NEAR = 0.1
"""How near that is, as a share of the usual step."""
HOLE = 1.5
"""Usual steps that a hole exceeds where sampling is regular."""
WIDE = 10.0
"""Usual steps that a hole exceeds where it is not."""


def stretches(flags: NDArray[np.bool_]) -> NDArray[np.int64]:
    """First row and row after the last of each stretch of true rows, shape (k, 2)."""
    edges = np.flatnonzero(np.diff(np.concatenate([[False], flags, [False]]).astype(np.int8)))
    return edges.reshape(-1, 2)


class Clock:
    """Times of rows, whatever their order.

    Parameters
    ----------
    times : ndarray of datetime64 or int64 nanoseconds, shape (n,)
        When the rows were.
    rows : int
        How many rows there are.
    utc : bool
        The times had a zone, and are in UTC.
    """

    def __init__(self, times: Any, rows: int, utc: bool) -> None:
        if not isinstance(times, np.ndarray):
            raise TypeError(
                f"`times` must be datetime64 or int64 nanoseconds, one for each row, got {type(times).__name__}; "
                "convert with numpy.asarray(...)"
            )
        values = np.asarray(times)
        if values.dtype.kind not in "Mi" or values.ndim != 1:
            held = f"{values.dtype}" if values.ndim == 1 else f"an array of {values.ndim} dimensions"
            raise TypeError(f"`times` must be datetime64 or int64 nanoseconds, one for each row, got {held}")
        if len(values) != rows:
            raise ValueError(f"`times` must have a time for each of the {rows} rows of `x`, got {len(values)}")
        if values.dtype.kind == "i":
            values = values.astype(np.int64).view("datetime64[ns]")
        unit: Any
        unit, count = np.datetime_data(values.dtype)
        if unit in ("Y", "M"):
            values = values.astype("datetime64[D]")
            unit, count = "D", 1
        self._values: NDArray[np.datetime64] = values.astype(values.dtype.newbyteorder("="))
        self._second: float = count * float(np.timedelta64(1, unit) / np.timedelta64(1, "s"))
        self._per_second: float = float(np.timedelta64(1, "s") / np.timedelta64(1, unit)) / count
        self._utc = utc

    def at(self, row: int) -> str | None:
        """The time of a row, in words; None where it has none."""
        return self._spelled(self._values[row])

    def seconds(self, first: int, last: int) -> float | None:
        """Seconds from one row to another; None where one of them has no time."""
        ends = self._values[[first, last]]
        if np.isnat(ends).any():
            return None
        return self._seconds(abs(int(ends[1].astype(np.int64)) - int(ends[0].astype(np.int64))))

    def _seconds(self, ticks: float) -> float:
        # Of the two factors one is whole, and loses nothing.
        return ticks / self._per_second if self._per_second > 1.0 else ticks * self._second

    def facts(self) -> dict[str, Any]:
        """Order, repeats, sampling and holes."""
        known = self._values[~np.isnat(self._values)].astype(np.int64)
        facts: dict[str, Any] = {"without_time": len(self._values) - len(known)}
        steps = np.diff(known)
        facts["backwards"] = int(np.count_nonzero(steps < 0))
        if facts["backwards"]:
            known = np.sort(known)
            steps = np.diff(known)
        facts["duplicates"] = int(np.count_nonzero(steps == 0))
        facts["first"] = facts["last"] = None
        if len(known):
            ends = known[[0, -1]].view(self._values.dtype)
            facts["first"], facts["last"] = self._spelled(ends[0]), self._spelled(ends[1])
        forward = np.flatnonzero(steps > 0)
        lengths = steps[forward].astype(np.float64)
        facts |= {"interval": None, "regular": False, "holes": 0, "longest_hole": None, "longest_hole_after": None}
        if not len(lengths):
            return facts
        usual = float(np.median(lengths))
        facts["interval"] = self._seconds(usual)
        facts["regular"] = bool(np.mean(np.abs(lengths - usual) <= NEAR * usual) >= REGULAR)
        holes = np.flatnonzero(lengths > (HOLE if facts["regular"] else WIDE) * usual)
        facts["holes"] = len(holes)
        if len(holes):
            longest = holes[np.argmax(lengths[holes])]
            facts["longest_hole"] = self._seconds(float(lengths[longest]))
            start = known[forward[longest] : forward[longest] + 1].view(self._values.dtype)
            facts["longest_hole_after"] = self._spelled(start[0])
        return facts

    def _spelled(self, time: Any) -> str | None:
        if np.isnat(time):
            return None
        text = str(time).replace("T", " ")
        if "." in text:
            text = text.rstrip("0").rstrip(".")
        if len(text) == len("2026-01-05 06:00:00") and text.endswith(":00"):
            text = text[:-3]
        return f"{text} UTC" if self._utc else text
