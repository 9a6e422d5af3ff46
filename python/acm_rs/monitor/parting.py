"""Where an alarm is parted: what is known of the machine ends where it is not seen, as data collection stands still."""

from __future__ import annotations

from typing import NamedTuple

__all__ = ["BRIDGE", "PERSIST", "Stand"]

PERSIST = 3
"""Rows in sequence above the limit that make an alarm."""
BRIDGE = 12
"""Alarms with at most so many rows between them are one episode."""
REMEMBERED = 60
"""Rows after it stood still for which an alarm may go on by what slow means remember of it."""


class Stand(NamedTuple):
    """What the rows of an alarm so far have been: the same row by row and all at once."""

    frozen: bool | None = None
    """Whether the machine is not seen; None before the first row."""
    unlike: int = 0
    """Rows in sequence that say otherwise."""
    seen: int = 0
    """Rows of the alarm in which the machine was seen."""

    def after(self, frozen: bool) -> tuple[Stand, bool]:
        """As it is after one more row in alarm, and whether another alarm begins in that row."""
        seen = self.seen + (not frozen)
        if self.frozen is None or frozen == self.frozen:
            return Stand(frozen, 0, seen), False
        # A pause of some rows parts nothing, nor does a single new reading within a long one.
        if self.unlike < (BRIDGE if frozen else REMEMBERED):
            return Stand(self.frozen, self.unlike + 1, seen), False
        if frozen and seen <= PERSIST:
            return Stand(frozen, 0, seen), False
        return Stand(frozen, 0, int(not frozen)), True
