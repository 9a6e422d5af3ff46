"""What people give a Monitor, checked once."""

from __future__ import annotations

import math
import re
import reprlib
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from acm_rs.frames import listed, type_name, vector
from acm_rs.monitor.cleaning import KINDS
from acm_rs.monitor.local import Doubtful, instant
from acm_rs.monitor.words import span_text

__all__ = ["FARTHEST", "budget", "healthy_rows", "inside", "kinds_of", "limits_of", "names_of", "notes", "spelled"]

Flags = NDArray[np.bool_]

FARTHEST = "1700-01-01", "2262-01-01"
"""What stands for an end of a span that is left open."""


def budget(rate: Any, per_day: Any) -> tuple[float | None, float | None]:
    """One of both: a share of rows, or alarms a day."""
    if per_day is not None:
        number = _number(per_day, "alarms_per_day")
        if not 0.0 < number < math.inf:
            raise ValueError(f"`alarms_per_day` must be above 0, got {per_day!r}")
        return None, number
    if rate is None:
        raise ValueError("`false_alarm_rate` must be a share of rows where `alarms_per_day` is not given, got None")
    number = _number(rate, "false_alarm_rate")
    if not 0.0 < number < 0.5:
        raise ValueError(
            f"`false_alarm_rate` must lie above 0 and below 0.5, got {rate!r}; 0.01 is one row in a hundred"
        )
    return number, None


def _number(value: Any, name: str) -> float:
    if isinstance(value, bool | np.bool_) or not isinstance(value, int | float | np.integer | np.floating):
        raise TypeError(f"`{name}` must be a number, got {type_name(value)}")
    return float(value)


def names_of(names: Any, what: str) -> tuple[str, ...]:
    """Columns by name."""
    if names is None:
        return ()
    if isinstance(names, str) or not isinstance(names, Sequence | np.ndarray):
        raise TypeError(f"`{what}` must be a list of columns, got {reprlib.repr(names)}; give [{reprlib.repr(names)}]")
    return tuple(str(name) for name in names)


def kinds_of(kinds: Any) -> dict[str, str]:
    """What a column is, by name."""
    if kinds is None:
        return {}
    if not isinstance(kinds, Mapping):
        raise TypeError(f"`kinds` must map columns to kinds, got {type_name(kinds)}")
    found = {str(name): kind for name, kind in kinds.items()}
    for name, kind in found.items():
        if kind not in KINDS:
            raise ValueError(f"`kinds` must be one of {', '.join(map(repr, KINDS))} for {name!r}, got {kind!r}")
    return found


def limits_of(limits: Any) -> dict[str, tuple[float, float]]:
    """Physical limits by column; None is no limit."""
    if limits is None:
        return {}
    if not isinstance(limits, Mapping):
        raise TypeError(f"`limits` must map columns to (low, high), got {type_name(limits)}")
    found = {}
    for name, pair in limits.items():
        if not isinstance(pair, Sequence) or isinstance(pair, str) or len(pair) != 2:
            raise TypeError(f"`limits` must be (low, high) for {name!r}, got {reprlib.repr(pair)}")
        low = -math.inf if pair[0] is None else _number(pair[0], "limits")
        high = math.inf if pair[1] is None else _number(pair[1], "limits")
        if not low < high:
            raise ValueError(f"`limits` of {name!r} must rise, got ({low:g}, {high:g})")
        found[str(name)] = (low, high)
    return found


def notes(given: Any) -> dict[str, str]:
    """Free texts by any key."""
    if not isinstance(given, Mapping):
        raise TypeError(f"`metadata` must map texts to texts, got {type_name(given)}")
    for key, value in given.items():
        if not isinstance(key, str) or not isinstance(value, str):
            raise TypeError(f"`metadata` must map texts to texts, got {reprlib.repr(key)}: {reprlib.repr(value)}")
    return dict(given)


def healthy_rows(healthy: Any, times: NDArray[np.datetime64] | None, rows: int, zone: str | None = None) -> Flags:
    """The rows to learn from: a truth for each, or spans of times or row numbers, both ends included."""
    if healthy is None:
        return np.ones(rows, bool)
    if isinstance(healthy, tuple) and len(healthy) == 2 and not isinstance(healthy[0], tuple | list):
        healthy = [healthy]
    if (
        isinstance(healthy, list)
        and healthy
        and all(isinstance(span, tuple | list) and len(span) == 2 for span in healthy)
    ):
        chosen = np.zeros(rows, bool)
        for span in healthy:
            found = inside(span, times, rows, zone=zone)
            if not found.any():
                there = f"has {rows:,} rows"
                if times is not None and rows and not any(isinstance(end, int | np.integer) for end in span):
                    there = f"reaches from {span_text((times[0], times[-1]), zone is not None)}"
                raise ValueError(
                    f"`healthy` must leave rows to learn from in each span, got none {spelled(span)}; the history "
                    f"{there}"
                )
            chosen |= found
    else:
        chosen = np.asarray(vector(healthy, "healthy"))
        if chosen.dtype != bool or chosen.shape != (rows,):
            raise ValueError(
                f"`healthy` must be a truth for each of the {rows} rows, or spans (from, to), got {chosen.dtype} of "
                f"shape {chosen.shape}"
            )
    if not chosen.any():
        raise ValueError(
            "`healthy` must leave rows to learn from, got none; look at the spans and the times of the rows"
        )
    return chosen


def inside(
    span: Sequence[Any],
    times: NDArray[np.datetime64] | None,
    rows: int,
    name: str = "healthy",
    zone: str | None = None,
) -> Flags:
    """The rows from one time or row number to another, both included; texts without an offset are of a `zone`."""
    given = [end for end in span if end is not None]
    if all(isinstance(end, int | np.integer) and not isinstance(end, bool) for end in given):
        _rises(span, len(given) < 2 or given[0] <= given[1], name)
        place = np.arange(rows)
        first, last = 0 if span[0] is None else span[0], rows if span[1] is None else span[1]
        return (place >= first) & (place <= last)
    if times is None:
        raise ValueError(f"`{name}` must be row numbers where the rows have no times, got {reprlib.repr(span)}")
    try:
        first, last = (FARTHEST[place] if end is None else end for place, end in enumerate(span))
        # Of both ends their begins: years beyond 64 bits are cut off alike.
        rises = bool(instant(first, zone, end=False) <= instant(last, zone, end=False))
        first, last = instant(first, zone, end=False), instant(last, zone, end=True)
    except Doubtful as error:
        raise ValueError(f"`{name}` must be times that there are: {error}") from None
    except (TypeError, ValueError):
        raise ValueError(
            f"`{name}` must be times, for example ('2026-01-05', '2026-02-01'), got {reprlib.repr(span)}"
        ) from None
    _rises(span, rises or np.isnat(first) or np.isnat(last), name)
    return (times >= first) & (times <= last)


def _rises(span: Sequence[Any], rises: bool, name: str) -> None:
    if not rises:
        raise ValueError(f"`{name}` must be from an earlier row or time to a later one, got {spelled(span)}")


def spelled(span: Sequence[Any]) -> str:
    """A span in words; an end that was left open is as far away as times go."""
    first, last = ("" if end is None else re.sub(r"\.0+(?=Z?$)", "", str(end)) for end in span)
    if not first or first.startswith(FARTHEST[0]):
        return f"up to {last}"
    return f"from {first} on" if not last or last.startswith(FARTHEST[1]) else f"from {first} to {last}"


def unknown_columns(wanted: Sequence[str], known: Sequence[str]) -> None:
    """Refuse names that no column has."""
    strange = [name for name in wanted if name not in known]
    if strange:
        raise ValueError(
            f"`drivers`, `kinds` and `limits` must name columns of numbers, got {listed(strange)}; columns: "
            f"{listed(known, 30)}"
        )
