"""How long something lasts, as people write it: 90s, 2h, 1d, 1h30min."""

from __future__ import annotations

import re
from fractions import Fraction

import numpy as np

__all__ = ["nanoseconds_of"]

_SECONDS = {
    **dict.fromkeys(("ms", "millisecond", "milliseconds"), Fraction(1, 1000)),
    **dict.fromkeys(("s", "sec", "secs", "second", "seconds"), Fraction(1)),
    **dict.fromkeys(("m", "min", "mins", "minute", "minutes"), Fraction(60)),
    **dict.fromkeys(("h", "hr", "hrs", "hour", "hours"), Fraction(3600)),
    **dict.fromkeys(("d", "day", "days"), Fraction(86_400)),
    **dict.fromkeys(("w", "week", "weeks"), Fraction(604_800)),
}
_PART = re.compile(r"\s*(\d+(?:\.\d+)?)\s*([A-Za-z]+)")
_MOST = np.iinfo(np.int64).max


def nanoseconds_of(text: str) -> int | None:
    """Read a duration.

    Parameters
    ----------
    text : str
        Such as ``90s``, ``90min``, ``2h``, ``1d``, ``1h30min``.

    Returns
    -------
    int or None
        Its nanoseconds, at least 1; None where it is no duration, or longer than 292 years.
    """
    # A capital M is a month to many, and months have no fixed length.
    parts = _PART.findall(text)
    unknown = any(unit == "M" or unit.lower() not in _SECONDS for _, unit in parts)
    if not parts or unknown or _PART.sub("", text).strip():
        return None
    nanoseconds = sum(Fraction(number) * _SECONDS[unit.lower()] for number, unit in parts) * 10**9
    return int(nanoseconds) if 1 <= nanoseconds <= _MOST else None
