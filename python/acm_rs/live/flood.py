"""More alarms than a person can take in: those beyond a limit are kept and counted, not told."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Mapping
from typing import Any

import numpy as np

from acm_rs.live.episodes import CLOSED, OPENED

__all__ = ["Flood"]

SPAN = 600.0
"""Seconds: ISA 18.2 calls more than ten alarms in ten minutes a flood."""


class Flood:
    """Lets alarms through as long as they are not too many.

    Parameters
    ----------
    most : int or None
        Alarms that open within ten minutes, by the times of their rows; None: any number.
    """

    def __init__(self, most: int | None) -> None:
        self._most = most
        self._opened: deque[float] = deque()
        self._held: set[str] = set()
        self._count = 0
        self.said: str = ""
        """What a person should know after the last event."""

    def lets(self, event: Mapping[str, Any]) -> bool:
        """Whether an event is told."""
        self.said = ""
        if self._most is None:
            return True
        if event["what"] != OPENED:
            held = event["alarm"] in self._held
            if event["what"] == CLOSED:
                self._held.discard(event["alarm"])
            return not held
        at = _seconds(event["at"])
        while self._opened and at - self._opened[0] > SPAN:
            self._opened.popleft()
        self._opened.append(at)
        if len(self._opened) <= self._most:
            if self._count:
                self.said = f"the flood is over: {self._count:,} alarms were kept and not told"
            self._count = 0
            return True
        if not self._count:
            self.said = f"a flood: more than {self._most:,} alarms in ten minutes; those after are kept and not told"
        self._count += 1
        self._held.add(event["alarm"])
        return False


def _seconds(stamp: str | int) -> float:
    if isinstance(stamp, int):
        return time.monotonic()
    return float(np.datetime64(stamp.removesuffix("Z"), "ns").astype(np.int64)) / 1e9
