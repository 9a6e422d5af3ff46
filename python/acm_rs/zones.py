"""Time zones of frames: by a name that says what their clocks show."""

from __future__ import annotations

import datetime
import re
import zoneinfo
from typing import Any

__all__ = ["fixed_offset", "written_offset", "zone_name"]

FIXED = re.compile(r"(?:Z|(?:UTC|GMT)?(?:\s*([+-])(\d{1,2})(?::?(\d\d))?)?)", re.IGNORECASE)
LONGEST_HOURS = 14


def zone_name(zone: Any) -> str:
    """What a zone is called, or its offset where that is always the same: its own name may be anybody's.

    Parameters
    ----------
    zone : tzinfo or str

    Returns
    -------
    str
        A name of the time zone database, or an offset such as ``+05:30``; of others what they call themselves.
    """
    if isinstance(zone, str):
        return zone
    # Those of zoneinfo and of pytz say their name.
    known = getattr(zone, "key", None) or getattr(zone, "zone", None)
    if isinstance(known, str):
        return known
    ahead = zone.utcoffset(None)
    if ahead is not None:
        return written_offset(ahead) if ahead else "UTC"
    # Those of dateutil know their file.
    parts = str(getattr(zone, "_filename", "")).split("/")
    places = ["/".join(parts[start:]) for start in range(len(parts))]
    return next((place for place in places if place in zoneinfo.available_timezones()), str(zone))


def fixed_offset(text: str) -> datetime.timedelta | None:
    """What a fixed zone (Z, UTC, ``+01``, ``UTC+05:30``) is ahead of UTC; None where it is none."""
    found = FIXED.fullmatch(text.strip())
    if found is None or not text.strip():
        return None
    hours, minutes = int(found[2] or 0), int(found[3] or 0)
    ahead = datetime.timedelta(hours=hours, minutes=minutes)
    if minutes > 59 or ahead > datetime.timedelta(hours=LONGEST_HOURS):
        return None
    return -ahead if found[1] == "-" else ahead


def written_offset(offset: datetime.timedelta) -> str:
    """An offset as ISO 8601 writes it."""
    minutes = round(offset.total_seconds() / 60.0)
    return f"{'-' if minutes < 0 else '+'}{abs(minutes) // 60:02d}:{abs(minutes) % 60:02d}"
