"""Known events of a machine: what went wrong, from when to when."""

from __future__ import annotations

import datetime
import reprlib
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from acm_rs.durations import nanoseconds_of
from acm_rs.frames import listed, type_name
from acm_rs.monitor.local import WHOLE, Doubtful, instant

__all__ = ["Event", "events_of", "lasting"]

DAY = len("2026-02-10")


class Event:
    """A known event.

    Parameters
    ----------
    start, end : datetime64 or int
        Its first and last moment: times, or row numbers where the history has no times.
    name : str, default ""
        What it was.
    """

    __slots__ = ("end", "name", "start")

    def __init__(self, start: Any, end: Any, name: str = "") -> None:
        self.start: Any = start
        self.end: Any = end
        self.name: str = name

    def __repr__(self) -> str:
        return f"Event({self.start}, {self.end}{f', {self.name!r}' if self.name else ''})"


def events_of(events: Any, times: NDArray[np.datetime64] | None, zone: str | None = None) -> list[Event]:
    """Events as people give them: pairs, triples, or a frame with the columns start, end and name; oldest first."""
    found = []
    rows = list(_rows(events))
    days = _are_days(rows)
    for row in rows:
        if isinstance(row, Event):
            row = (row.start, row.end, row.name)
        if isinstance(row, str) or not isinstance(row, Sequence) or len(row) not in (2, 3):
            raise ValueError(f"`events` must hold (start, end) or (start, end, name), got {reprlib.repr(row)}")
        start = _moment(row[0], times, zone, last=False, days=days)
        end = _moment(row[0] if _nothing(row[1]) else row[1], times, zone, last=True, days=days)
        if end < start:
            raise ValueError(f"`events` must not end before they start, got {reprlib.repr(tuple(row))}")
        name = "" if len(row) < 3 or _nothing(row[2]) else str(row[2])
        found.append(Event(start, end, name))
    return sorted(found, key=lambda one: (one.start, one.end))


def _rows(events: Any) -> Iterable[Any]:
    if isinstance(events, str) or not (isinstance(events, Sequence) or hasattr(events, "columns")):
        raise TypeError(f"`events` must be a list of (start, end) or a frame, got {type_name(events)}")
    if not hasattr(events, "columns"):
        return events
    import narwhals as nw

    frame = nw.from_native(events, eager_only=True)
    labels = {str(label).strip().lower(): label for label in frame.columns}
    if "start" not in labels:
        raise ValueError(
            f"`events` must have a column 'start', and may have 'end' and 'name', got {listed(frame.columns)}"
        )
    columns = [frame[labels[label]].to_list() if label in labels else None for label in ("start", "end", "name")]
    count = len(frame)
    return zip(*([None] * count if column is None else column for column in columns), strict=True)


def _are_days(rows: list[Any]) -> bool:
    """Whether all that is a datetime without a zone says midnight: a column of days that somebody has converted."""
    cells = [cell for row in rows if isinstance(row, Sequence) and not isinstance(row, str) for cell in row[:2]]
    said = [cell for cell in cells if isinstance(cell, datetime.datetime) and not _nothing(cell)]
    return all(cell.tzinfo is None and cell.time() == datetime.time() for cell in said)


def _nothing(value: Any) -> bool:
    return value is None or value == "" or value != value


def _moment(value: Any, times: NDArray[np.datetime64] | None, zone: str | None, *, last: bool, days: bool) -> Any:
    """A time, or a row's number where there are none; the last moment of a day that stands for the whole of it."""
    if isinstance(value, int | np.integer) and not isinstance(value, bool):
        if times is None:
            return int(value)
        if 0 <= value < len(times):
            return times[value]
        raise ValueError(f"`events` must lie within the {len(times):,} rows where they are row numbers, got {value}")
    if times is None:
        raise ValueError(f"`events` must be row numbers where the history has no times, got {reprlib.repr(value)}")
    if isinstance(value, datetime.date) and (days or not isinstance(value, datetime.datetime)):
        value = value.isoformat()[:DAY]
    elif isinstance(value, np.datetime64) and np.datetime_data(value.dtype)[0] in WHOLE:
        # A day that is no text is a day by name, too.
        value = str(value)
    try:
        return instant(value, zone, end=last)
    except Doubtful as error:
        raise ValueError(f"`events` must be times that there are: {error}") from None
    except (TypeError, ValueError):
        raise ValueError(f"`events` must be times such as '2026-02-10 06:00', got {reprlib.repr(value)}") from None


def lasting(given: Any, dated: bool, name: str) -> int:
    """A duration in nanoseconds, or in rows where there are no times."""
    if given is None:
        return 0
    # NumPy counts its durations among the integers.
    if isinstance(given, int | np.integer) and not isinstance(given, bool | np.timedelta64):
        if given < 0:
            raise ValueError(f"`{name}` must be at least 0, got {given}")
        if dated and given:
            raise ValueError(f"`{name}` must be a duration such as '7d' where the history has times, got {given}")
        return int(given)
    if not isinstance(given, str | datetime.timedelta | np.timedelta64):
        raise TypeError(f"`{name}` must be a duration such as '7d', got {type_name(given)}")
    if not dated:
        raise ValueError(f"`{name}` must be a number of rows where the history has no times, got {given!r}")
    if isinstance(given, str):
        found = nanoseconds_of(given)
        if found is None:
            raise ValueError(f"`{name}` must be a duration such as '12h' or '7d', got {given!r}")
        return found
    span = np.timedelta64(given, "ns").astype(np.int64)
    if span < 0:
        raise ValueError(f"`{name}` must be at least 0, got {given!r}")
    return int(span)
