"""Columns that never changed in the training: one that does is an alarm of its own kind."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from acm_rs.fillers import CODE, CODES
from acm_rs.monitor.reading import Readings

__all__ = ["MOVED", "Constants"]

Matrix = NDArray[np.float64]
Flags = NDArray[np.bool_]

MOVED = "changes, which it never did in training"
"""What people are told of it."""
SAME = 1e-6
"""Share of its value by which a constant may differ: single precision, or another rounding."""
WIDE = 0.01
"""Share of its value that is drawn as its band."""


class Constants:
    """What always was the same, or has been accepted since."""

    def __init__(self, **parts: Any) -> None:
        self.names: list[str] = list(parts["names"])
        self.driver: Flags = np.asarray(parts["driver"], dtype=bool)
        """Which of them say what is asked of the machine: beyond them nothing is known, and nothing alarms."""
        self.low: NDArray[np.float64] = np.asarray(parts["low"], dtype=np.float64)
        self.high: NDArray[np.float64] = np.asarray(parts["high"], dtype=np.float64)
        """The values that it may have."""
        self.least: NDArray[np.float64] = np.asarray(parts["least"], dtype=np.float64)
        self.most: NDArray[np.float64] = np.asarray(parts["most"], dtype=np.float64)
        """Physical limits."""

    @staticmethod
    def fields() -> tuple[str, ...]:
        """The names of its arrays."""
        return ("driver", "low", "high", "least", "most")

    @classmethod
    def of(
        cls, values: Mapping[str, float], drivers: Sequence[str], limits: Mapping[str, tuple[float, float]]
    ) -> Constants:
        """Columns with their values."""
        names = list(values)
        ends = [limits.get(name, (-np.inf, np.inf)) for name in names]
        level = list(values.values())
        return cls(
            names=names,
            driver=[name in drivers for name in names],
            low=level,
            high=level,
            least=[low for low, _ in ends],
            most=[high for _, high in ends],
        )

    @property
    def watched(self) -> list[str]:
        """Those that alarm."""
        return [name for name, driver in zip(self.names, self.driver.tolist(), strict=True) if not driver]

    @property
    def band(self) -> NDArray[np.float64]:
        """Of those that alarm how far off is drawn as near."""
        found: NDArray[np.float64] = (np.maximum(np.abs(self.low), np.abs(self.high)) * WIDE)[~self.driver]
        found[found == 0.0] = WIDE
        return found

    @property
    def level(self) -> NDArray[np.float64]:
        """Of those that alarm what they should read."""
        found: NDArray[np.float64] = self.low[~self.driver]
        return found

    def read(self, readings: Readings) -> Matrix:
        """Their readings; codes and what is beyond physical limits are missing, as is a column that is absent."""
        values = np.full((len(readings.values), len(self.names)), np.nan, order="F")
        place = {name: number for number, name in enumerate(readings.names)}
        for number, name in enumerate(self.names):
            if name in place:
                values[:, number] = readings.values[:, place[name]]
        return self._cleaned(values)

    def _cleaned(self, values: Matrix) -> Matrix:
        moved = self.moved(values)
        if moved.any():
            moved &= (np.abs(values) >= CODE) & np.isin(values, CODES)
        with np.errstate(invalid="ignore"):
            values[moved | (values < self.least) | (values > self.most)] = np.nan
        return values

    def moved(self, values: Matrix) -> Flags:
        """Readings that are not what they always were, a column a constant."""
        near = np.maximum(SAME * np.maximum(np.abs(self.low), np.abs(self.high)), 1e-12)
        with np.errstate(invalid="ignore"):
            found: Flags = (values < self.low - near) | (values > self.high + near)
        return found

    def allow(self, values: Matrix) -> None:
        """Let them have these values, too."""
        values = self._cleaned(values)
        self.low = np.fmin(self.low, np.fmin.reduce(values, axis=0, initial=np.inf))
        self.high = np.fmax(self.high, np.fmax.reduce(values, axis=0, initial=-np.inf))
