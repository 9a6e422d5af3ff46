"""Moments as people say them, in the zone of the frame that they speak of."""

from __future__ import annotations

import datetime
import re
import zoneinfo
from typing import Any

import numpy as np

from acm_rs.zones import fixed_offset, written_offset

__all__ = ["WHOLE", "Doubtful", "instant"]


class Doubtful(ValueError):
    """A time that is none, or not one, with the reason: one that the clocks of a zone show twice, or never."""


OFFSET = re.compile(
    r"(?P<local>.*[T ]\d{1,2}(?::?\d\d){0,2}(?:[.,]\d+)?)\s*"
    r"(?P<zone>Z|UTC|GMT|(?:UTC|GMT)?\s*[+-]\d{1,2}(?::?\d\d)?)$",
    re.IGNORECASE,
)
"""A time that says its zone itself."""
ELSE = re.compile(r"[^0-9:.]")
"""What a time of day does not hold."""
ONE_DIGIT = re.compile(r"T(?=\d(:|$))")
"""Before an hour of one digit."""
WHOLE = ("Y", "M", "W", "D")
"""A day, month or year by name is meant whole."""
BEFORE, AFTER = np.datetime64("1677-09-23", "s"), np.datetime64("2262-04-09", "s")
"""What 64 bits of nanoseconds hold, and an offset less or more."""


def instant(value: Any, zone: str | None, *, end: bool | None = None) -> np.datetime64:
    """A moment in nanoseconds: in UTC where the times have a `zone`, else as it is.

    Texts, datetimes without an offset and periods are of that zone; a datetime64 is in UTC, as ``Result.times`` are.
    `end` tells whether it begins or ends a span: a day is meant whole, and of an hour that comes twice all is taken. It
    is a ValueError where that is no time, or there is none such; one with an offset is no time of those without a zone.
    """
    ahead = None
    if isinstance(value, datetime.datetime) and value.tzinfo is not None:
        ahead = value.utcoffset()
        moment = np.datetime64(value.replace(tzinfo=None))
        if hasattr(value, "to_datetime64"):
            # It has nanoseconds, and is in UTC already.
            moment, ahead = value.to_datetime64(), datetime.timedelta(0)
    elif isinstance(value, str):
        text = value.strip()
        said = OFFSET.match(text)
        if said is not None:
            text = said["local"].strip()
            ahead = fixed_offset(said["zone"])
            if ahead is None:
                raise ValueError("no offset")
        text = ONE_DIGIT.sub("T0", text.replace(" ", "T"))
        if ELSE.search(text.partition("T")[2]) and text != "NaT":
            raise ValueError("no time of day")
        moment = np.datetime64(text)
    elif hasattr(value, "to_datetime64"):
        moment = value.to_datetime64()
    elif type(value).__name__ == "Period" and hasattr(value, "start_time"):
        moment = np.datetime64((value + 1 if end else value).start_time.to_datetime64(), "ns")
        local = _from_local(_nanoseconds(moment, value, end), zone, value, end=end, whole=True)
        return local - np.timedelta64(1, "ns") if end else local
    else:
        moment = np.datetime64(value)
        zone = zone if isinstance(value, datetime.date) else None
    if ahead is not None:
        if zone is None:
            raise Doubtful(f"{value} says a zone, and the times of the rows have none; leave it out")
        return _nanoseconds(moment, value, end) - np.timedelta64(ahead)
    unit: Any = np.datetime_data(moment.dtype)[0]
    if end and unit in WHOLE and not isinstance(value, np.datetime64):
        following = _nanoseconds(moment + np.timedelta64(1, unit), value, end)
        return _from_local(following, zone, value, end=True, whole=True) - np.timedelta64(1, "ns")
    return _from_local(_nanoseconds(moment, value, end), zone, value, end=end, whole=unit in WHOLE)


def _from_local(local: np.datetime64, zone: str | None, said: Any, *, end: bool | None, whole: bool) -> np.datetime64:
    """The moment at which the clocks of a zone show a time."""
    if zone is None:
        return local
    clocks = _clocks(zone, said)
    shown = local.astype("datetime64[us]").astype(datetime.datetime)
    first, last = (shown.replace(tzinfo=clocks, fold=fold).utcoffset() or datetime.timedelta(0) for fold in (0, 1))
    if first < last and not whole:
        raise Doubtful(f"{said} is not there in {zone}: the clocks go forward then")
    if first > last and getattr(said, "fold", 0):
        return local - np.timedelta64(last)
    if first > last and end is None:
        ways = " or ".join(f"{said}{written_offset(offset)}" for offset in (first, last))
        raise Doubtful(f"{said} comes twice in {zone}: say {ways}")
    return local - np.timedelta64(last if end and first > last else first)


def _nanoseconds(moment: Any, said: Any, end: bool | None) -> np.datetime64:
    """A moment in nanoseconds; the end of a span that they cannot hold is as far as they reach."""
    if np.isnat(moment):
        raise ValueError("no time")
    # A comparison in nanoseconds would wrap as they do.
    second = np.datetime64(moment, "s")
    if BEFORE <= second <= AFTER:
        return np.datetime64(moment, "ns")
    if end is None:
        raise Doubtful(f"{said} is none of the years 1678 to 2261")
    return (BEFORE if second < BEFORE else AFTER).astype("datetime64[ns]")


def _clocks(zone: str, said: Any) -> datetime.tzinfo:
    """The clocks of a zone."""
    ahead = fixed_offset(zone)
    if ahead is not None:
        return datetime.timezone(ahead)
    try:
        return zoneinfo.ZoneInfo(zone)
    except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError):
        raise Doubtful(
            f"nothing is known of the zone {zone!r} of the rows, so {said} must say its offset, such as "
            "2026-02-10 06:00+01:00"
        ) from None
