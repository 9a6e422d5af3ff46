"""No data where there should be some is an alarm: seen in the times of rows, and by the clock while none come."""

from __future__ import annotations

from typing import Any

import numpy as np

from acm_rs.live.episodes import CLOSED, NO_DATA, OPENED, Alarm, Event, Place, alarm_id
from acm_rs.live.rows import Rows

__all__ = ["Silence"]


class Silence:
    """Tells of rows that did not come.

    Parameters
    ----------
    longest : int or None
        Nanoseconds between two rows from which it is an alarm; None: never.
    model : str
        SHA-256 of the model.
    watch : str
        The watch's name.
    """

    def __init__(self, longest: int | None, model: str, watch: str) -> None:
        self.longest = longest
        self._model, self._watch = model, watch
        self._last: Place | None = None
        self._open = False

    def _alarm(self, start: Place, end: Place, open: bool) -> Alarm:
        key = alarm_id(self._model, self._watch, NO_DATA, start[0] if start[1] is None else start[1])
        return Alarm(key, start, end, open, kind=NO_DATA)

    def take(self, rows: Rows, first: int) -> list[Event]:
        """Look at rows, of which the first has that number."""
        n = len(rows)
        if not n:
            return []
        events = []
        begun = (first, None if rows.times is None else int(rows.times[0]))
        before, self._last = self._last, (first + n - 1, None if rows.times is None else int(rows.times[-1]))
        if self._open:
            assert before is not None
            self._open = False
            alarm = self._alarm(before, begun, False)
            events.append(Event(f"{alarm.id}-1", CLOSED, begun, alarm))
            before = None
        if rows.times is None or self.longest is None:
            return events
        times = rows.times
        gaps = np.diff(times, prepend=times[0] if before is None or before[1] is None else before[1])
        for place in np.flatnonzero(gaps > self.longest).tolist():
            start = (first + place - 1, int(times[place] - gaps[place]))
            end = (first + place, int(times[place]))
            alarm = self._alarm(start, end, True)
            events.append(Event(f"{alarm.id}-0", OPENED, start, alarm))
            events.append(Event(f"{alarm.id}-1", CLOSED, end, self._alarm(start, end, False)))
        return events

    def look(self, waited: float, first: int) -> list[Event]:
        """Look at the clock: so many seconds have gone since rows came; the next one has that number."""
        if self._open or self.longest is None or waited * 1e9 <= self.longest:
            return []
        self._open = True
        if self._last is None:
            # No row has ever come: it is the one before the first.
            self._last = (first - 1, None)
        alarm = self._alarm(self._last, self._last, True)
        return [Event(f"{alarm.id}-0", OPENED, self._last, alarm)]

    def put(self) -> dict[str, Any]:
        """For JSON."""
        return {"last": self._last, "open": self._open}

    def go_on(self, kept: dict[str, Any]) -> None:
        """Go on where `put` left off."""
        last = kept["last"]
        self._last = None if last is None else (int(last[0]), None if last[1] is None else int(last[1]))
        self._open = bool(kept["open"])
