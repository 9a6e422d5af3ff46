"""How long a window is, in rows or in time, as people write it."""

from __future__ import annotations

import re
from fractions import Fraction

import numpy as np

from acm_rs.files.errors import Refusal, quoted

__all__ = ["Window", "span_of_window", "window_of"]

Window = int | np.timedelta64
"""Rows, or a duration in nanoseconds."""

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


def window_of(text: str) -> Window:
    """Read a window: ``16`` are rows; ``90s``, ``90min``, ``2h``, ``1d``, ``1h30min`` are durations.

    Parameters
    ----------
    text : str
        What stands behind ``--window``.

    Returns
    -------
    int or timedelta64
        At least one row, or a duration of at least a nanosecond.

    Raises
    ------
    Refusal
        It is neither.
    """
    word = text.strip()
    if re.fullmatch(r"\d+", word):
        if int(word) < 1:
            raise _refused(text)
        return int(word)
    # A capital M is a month to many, and months have no fixed length.
    parts = _PART.findall(word)
    unknown = any(unit == "M" or unit.lower() not in _SECONDS for _, unit in parts)
    if not parts or unknown or _PART.sub("", word).strip():
        raise _refused(text)
    nanoseconds = sum(Fraction(number) * _SECONDS[unit.lower()] for number, unit in parts) * 10**9
    if not 1 <= nanoseconds <= _MOST:
        raise _refused(text)
    return np.timedelta64(int(nanoseconds), "ns")


def _refused(text: str) -> Refusal:
    return Refusal(
        f"--window must be a number of rows such as 16, or a duration such as 90s, 90min, 2h or 1d, got {quoted(text)}",
        status=2,
    )


def span_of_window(window: np.timedelta64) -> float:
    """The seconds of a duration."""
    return float(window / np.timedelta64(1, "s"))
