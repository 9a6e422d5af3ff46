"""Moments as people say them, in the zone of the frame that they speak of."""

from __future__ import annotations

import datetime
import re
import zoneinfo
from typing import Any

import numpy as np

__all__ = ["WHOLE", "Doubtful", "instant"]


class Doubtful(ValueError):
    """A time that the clocks of a zone show twice, or never."""


OFFSET = re.compile(r"(?P<local>.*[T ]\d{1,2}(?::\d\d){0,2}(?:\.\d+)?)\s*(?P<zone>Z|UTC|[+-]\d\d:?\d\d)$")
"""A time that says its zone itself."""
FIXED = re.compile(r"(?:UTC)?([+-])(\d\d):?(\d\d)$")
WHOLE = ("Y", "M", "W", "D")
"""A day, month or year by name is meant whole."""


def instant(value: Any, zone: str | None, *, end: bool | None = None) -> np.datetime64:
    """A moment in nanoseconds: in UTC where the times have a `zone`, else as it is.

    Texts and datetimes without an offset are of that zone; a datetime64 is in UTC, as ``Result.times`` are. `end` tells
    whether it begins or ends a span: a day is meant whole, and of an hour that comes twice all is taken. It is a
    ValueError where that is no time, or there is none such.
    """
    if hasattr(value, "to_datetime64") and getattr(value, "tzinfo", None) is not None:
        return _nanoseconds(value.to_datetime64())
    if isinstance(value, datetime.datetime) and value.tzinfo is not None:
        return _nanoseconds(value.astimezone(datetime.UTC).replace(tzinfo=None))
    if isinstance(value, str):
        text = value.strip()
        said = OFFSET.match(text)
        if said is not None:
            return _nanoseconds(said["local"].strip().replace(" ", "T")) - _difference(said["zone"])
        moment = np.datetime64(text.replace(" ", "T"))
    elif hasattr(value, "to_datetime64"):
        moment = value.to_datetime64()
    else:
        moment = np.datetime64(value)
        zone = zone if isinstance(value, datetime.date) else None
    unit: Any = np.datetime_data(moment.dtype)[0]
    if end and isinstance(value, str) and unit in WHOLE:
        following = _nanoseconds(moment + np.timedelta64(1, unit))
        return _from_local(following, zone, value, end=True, whole=True) - np.timedelta64(1, "ns")
    return _from_local(_nanoseconds(moment), zone, value, end=end, whole=unit in WHOLE)


def _from_local(local: np.datetime64, zone: str | None, said: Any, *, end: bool | None, whole: bool) -> np.datetime64:
    """The moment at which the clocks of a zone show a time."""
    clocks = None if zone is None else _clocks(zone)
    if clocks is None:
        return local
    shown = local.astype("datetime64[us]").astype(datetime.datetime)
    first, last = (shown.replace(tzinfo=clocks, fold=fold).utcoffset() or datetime.timedelta(0) for fold in (0, 1))
    if first < last and not whole:
        raise Doubtful(f"{said} is not there in {zone}: the clocks go forward then")
    if first > last and end is None:
        ways = " or ".join(f"{said}{_written(offset)}" for offset in (first, last))
        raise Doubtful(f"{said} comes twice in {zone}: say {ways}")
    return local - np.timedelta64(last if end and first > last else first)


def _nanoseconds(moment: Any) -> np.datetime64:
    found = np.datetime64(moment, "ns")
    if np.isnat(found):
        raise ValueError("no time")
    return found


def _difference(zone: str) -> np.timedelta64:
    return np.timedelta64(_fixed(zone) or datetime.timedelta(0))


def _fixed(zone: str) -> datetime.timedelta | None:
    """What a fixed zone is ahead of UTC; None where it is none."""
    found = FIXED.match(zone)
    if found is None:
        return None
    ahead = datetime.timedelta(hours=int(found[2]), minutes=int(found[3]))
    return ahead if found[1] == "+" else -ahead


def _clocks(zone: str) -> datetime.tzinfo | None:
    """The clocks of a zone; None where nobody knows them: its times are then those of UTC."""
    ahead = _fixed(zone)
    if ahead is not None:
        return datetime.timezone(ahead)
    try:
        return zoneinfo.ZoneInfo(zone)
    except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError):
        return None


def _written(offset: datetime.timedelta) -> str:
    """An offset as ISO 8601 writes it."""
    minutes = round(offset.total_seconds() / 60.0)
    return f"{'-' if minutes < 0 else '+'}{abs(minutes) // 60:02d}:{abs(minutes) % 60:02d}"
