"""Times that a frame holds under another type: as text, as objects, or as numbers. They are told, not used."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Sequence
from datetime import date
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from acm_rs.monitor.reading import Readings

__all__ = [
    "FALLS",
    "TIMES_AS_TEXT",
    "are_dates",
    "index_clock",
    "named_clocks",
    "not_used",
    "number_clocks",
    "of_durations",
    "set_aside",
]

Vector = NDArray[np.float64]

LOOKED_AT = 100
"""Labels of an index that are looked at."""
DATE = re.compile(
    r"\s*(\d{4}[-/.]\d{1,2}[-/.]\d{1,2}|\d{1,2}[-/.]\d{1,2}[-/.]\d{2,4}|\d{1,2}[-. /]*[^\W\d_]{3,9}[-. /]+\d{2,4}"
    r"|\d{8}(?=T\d))([T ].*)?$"
)
TIMES_AS_TEXT = "holds times as text"
AS_A_CLOCK = "runs as a clock does"
SINCE_1970 = (631_152_000.0, 2_208_988_800.0)
"""Seconds since 1970 of the years 1990 to 2040."""
UNITS = (1.0, 1e3, 1e6, 1e9)
"""Seconds, milliseconds, microseconds and nanoseconds."""
FALLS = ", which falls from row to row"
LIKE, EQUAL, MOST, FEW = 0.1, 1e-3, 0.5, 3
"""Share by which steps are alike, and where no name speaks of times; share of the steps of a clock that are, and rows
that tell one."""


def are_dates(cells: Sequence[Any]) -> bool:
    """Whether cells look like dates, with or without a time, or are dates that their kind of column cannot tell."""
    return bool(cells) and all(isinstance(cell, date) or (isinstance(cell, str) and DATE.match(cell)) for cell in cells)


def of_durations(index: Any) -> bool:
    """Whether an index tells how long after something each row was, which is no time."""
    return getattr(getattr(index, "dtype", None), "kind", "") == "m"


def named_clocks(names: Iterable[str], columns: Iterable[Vector]) -> list[str]:
    """Columns whose name speaks of times, and whose numbers are those of seconds to nanoseconds since 1970."""
    from acm_rs.files.time_names import is_time_name

    found = []
    for name, column in zip(names, columns, strict=True):
        if is_time_name(name) and len(column) >= FEW and np.isfinite(column).all() and _since_1970(column):
            found.append(repr(name))
    return found


def number_clocks(names: Iterable[str], columns: Iterable[Vector], used: Collection[str] = ()) -> dict[str, str]:
    """Columns of numbers that run as a clock does in a frame without times, each as it is told.

    They go strictly one way, mostly by the same step: a meter or a battery does so by steps of all sizes. What rises is
    told by its numbers, which must be those of seconds to nanoseconds since 1970: it may be a counter otherwise. What
    falls in each row of a history is one read backwards.
    """
    from acm_rs.files.time_names import is_time_name

    found = {}
    for name, cells in zip(names, columns, strict=True):
        column = cells[np.isfinite(cells)]
        if name in used or len(column) < FEW or not _ticks(column, LIKE if is_time_name(name) else EQUAL):
            continue
        if column[1] < column[0]:
            found[name] = repr(name) + FALLS
        elif _since_1970(column):
            found[name] = repr(name)
    return found


def set_aside(readings: Readings, used: Collection[str]) -> None:
    """Take columns that run as a clock does for no sensors."""
    if readings.times is None and readings.sheet is not None:
        clocks = number_clocks(readings.names, readings.values.T, used)
        if len(clocks) < len(readings.names):
            readings.texts |= {
                name: f'{AS_A_CLOCK}; kinds={{{name!r}: "continuous"}} makes it a sensor' for name in clocks
            }


def not_used(x: Any, readings: Readings, used: Collection[str] = ()) -> list[str]:
    """Where a frame without times holds some as text, objects, durations or numbers: its columns, or its index.

    `used` are the columns that count as readings.
    """
    if readings.times is not None:
        return []
    found = [repr(name) for name, reason in readings.texts.items() if reason == TIMES_AS_TEXT]
    found += number_clocks(readings.names, readings.values.T, used).values() if readings.sheet is not None else []
    return found + index_clock(x)


def index_clock(x: Any) -> list[str]:
    """The same of the index of a frame without times, where it holds some."""
    index = getattr(x, "index", None)
    if index is None or not hasattr(x, "iloc"):
        return []
    kind = getattr(getattr(index, "dtype", np.dtype(int)), "kind", "O")
    if kind in "iuf":
        labels = np.asarray(index, dtype=np.float64)
        if len(labels) >= FEW and _ticks(labels, LIKE) and labels[1] < labels[0]:
            return ["the index" + FALLS]
        return ["the index"] if len(labels) and _since_1970(labels) else []
    head = [cell for cell in list(index[:LOOKED_AT]) if cell is not None] if kind != "M" else []
    return ["the index"] if are_dates(head) or of_durations(index) else []


def _ticks(column: Vector, like: float) -> bool:
    """Whether numbers go strictly one way, mostly by the same step."""
    first = column[1] - column[0]
    with np.errstate(over="ignore", invalid="ignore"):
        steps = np.diff(column) * np.sign(first)
        if not bool((steps > 0.0).all()):
            return False
        middle = float(np.median(steps))
        return bool(np.mean(np.abs(steps - middle) <= like * middle) >= MOST)


def _since_1970(column: Vector) -> bool:
    low, high = SINCE_1970
    least, most = float(column.min()), float(column.max())
    return any(low * unit <= least and most <= high * unit for unit in UNITS)
