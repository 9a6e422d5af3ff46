"""How far the reading of large files is."""

from __future__ import annotations

from collections.abc import Callable

__all__ = ["Meter", "Told"]

Told = Callable[[int, int], None]
"""Is told how much is done, and of how much."""

# The rows are found, the cells are cut, the columns are understood.
STEPS = 3


class Meter:
    """Counts bytes over all steps of the reading.

    Parameters
    ----------
    told : callable
        Is told how many bytes are done, and of how many.
    total : int
        Bytes of text.
    """

    def __init__(self, told: Told, total: int) -> None:
        self._told = told
        self._total = total
        self._done = 0.0
        told(0, total)

    def add(self, count: float) -> None:
        """So many bytes more are through one of the steps."""
        self._done = min(self._done + count / STEPS, float(self._total))
        self._told(int(self._done), self._total)
