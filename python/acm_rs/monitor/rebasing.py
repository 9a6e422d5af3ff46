"""Sensors that read differently since they were calibrated anew."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["Rebase", "shifts"]

Matrix = NDArray[np.float64]


@dataclass(frozen=True)
class Rebase:
    """A sensor reads so much more since then."""

    sensor: str
    since: int | None
    """Nanoseconds since 1970; None where rows have no times: all rows to come."""
    row: int | None
    """The first such row of the history that was learnt, where it has no times; None where they all came later."""
    offset: float

    def comes_after(self, row: int, times: NDArray[np.datetime64] | None) -> bool:
        """Whether it counts from a later row of a history on."""
        if times is None or self.since is None:
            return self.row is None or self.row > row
        return self.since > int(times[row].astype(np.int64))

    def put(self) -> list[Any]:
        """For a file."""
        return [self.sensor, self.since, self.row, self.offset]

    @classmethod
    def take(cls, entry: Sequence[Any]) -> Rebase:
        """What `put` put."""
        sensor, since, row, offset = entry
        if not isinstance(sensor, str) or not isinstance(since, int | None) or not isinstance(row, int | None):
            raise TypeError("a sensor that was rebased is none")
        return cls(sensor, since, row, float(offset))


def shifts(
    rebased: Sequence[Rebase],
    names: Sequence[str],
    times: NDArray[np.datetime64] | None,
    rows: int,
    history: bool = False,
) -> Matrix | None:
    """What each reading has too much, (rows, columns); the latest rebase of a sensor counts. None where nothing has."""
    if not rebased:
        return None
    found = np.zeros((rows, len(names)), order="F")
    when = None if times is None else times.astype(np.int64)
    for one in rebased:
        if one.sensor not in names:
            continue
        place = list(names).index(one.sensor)
        if one.since is not None and when is not None:
            found[when >= one.since, place] = one.offset
        elif not history:
            found[:, place] = one.offset
        elif one.row is not None:
            found[one.row :, place] = one.offset
    return found if found.any() else None
