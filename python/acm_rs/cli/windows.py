"""How long a window is, in rows or in time, as people write it."""

from __future__ import annotations

import re

import numpy as np

from acm_rs.durations import nanoseconds_of
from acm_rs.files.errors import Refusal, quoted
from acm_rs.files.feature_table import Window

__all__ = ["Window", "duration_of", "span_of_window", "window_of"]


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
    nanoseconds = nanoseconds_of(word)
    if nanoseconds is None:
        raise _refused(text)
    return np.timedelta64(nanoseconds, "ns")


def _refused(text: str) -> Refusal:
    return Refusal(
        f"--window must be a number of rows such as 16, or a duration such as 90s, 90min, 2h or 1d, got {quoted(text)}",
        status=2,
    )


def duration_of(option: str, text: str) -> int:
    """The nanoseconds of a duration that stands behind an option; 0 where it says so."""
    if text.strip() in ("0", "0s"):
        return 0
    nanoseconds = nanoseconds_of(text)
    if nanoseconds is None:
        raise Refusal(f"{option} must be a duration such as 90s, 5min or 2h, got {quoted(text)}", status=2)
    return nanoseconds


def span_of_window(window: np.timedelta64) -> float:
    """The seconds of a duration."""
    return float(window / np.timedelta64(1, "s"))
