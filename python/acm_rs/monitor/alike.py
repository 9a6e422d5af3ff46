"""Rows of a machine that come one by one come in frames that are all alike: what one was found to be, the next is."""

from __future__ import annotations

from typing import Any

import numpy as np

from acm_rs.frames import Sheet
from acm_rs.monitor.reading import Readings, in_order, of_floats

__all__ = ["Alike"]

FLOATS = ("Float64", "Float32")


class Alike:
    """A frame of one row whose sensors are floats, as it was read, and others of the same columns and types.

    The frame itself is not held: it may be part of a long one.

    Parameters
    ----------
    frame : frame
        The frame.
    readings : Readings
        What was read of it.
    sheet : Sheet
        The frame, as it was opened.
    """

    def __init__(self, frame: Any, readings: Readings, sheet: Sheet) -> None:
        self._type, self._columns, self._kinds = type(frame), frame.columns, _kinds(frame)
        self._names, self._sheet = readings.names, sheet.bare()
        self._clock: int | None = None
        if isinstance(self._columns, list) and len(readings.names) < len(self._columns):
            self._clock = next(at for at, name in enumerate(self._columns) if name not in set(readings.names))

    @classmethod
    def of(cls, frame: Any, readings: Readings) -> Alike | None:
        """What is known of the next frames; None where each must be looked at."""
        sheet = readings.sheet
        if sheet is None or len(readings.values) != 1 or readings.texts or readings.units or readings.utc:
            return None
        if not hasattr(frame, "columns"):
            return None
        kinds = _kinds(frame)
        if kinds is None:
            return None
        if isinstance(kinds, list):
            plain = sum(str(kind) in FLOATS for kind in kinds) == len(readings.names) == len(sheet.labels)
        else:
            plain = all(type(label) is str for label in sheet.labels)
        return cls(frame, readings, sheet) if plain else None

    def read(self, frame: Any) -> Readings | None:
        """What another frame says; None where it is not like the first."""
        if type(frame) is not self._type or len(frame) != 1 or _kinds(frame) != self._kinds:
            return None
        columns, own = frame.columns, self._columns
        if not (columns == own if isinstance(own, list) else columns.equals(own)):
            return None
        if isinstance(own, list):
            cells = list(frame.row(0))
            when = None
            if self._clock is not None:
                del cells[self._clock]
                when = frame.get_column(own[self._clock]).to_numpy()
            values = np.array([cells], dtype=np.float64, order="F")
        else:
            values = np.array(frame.to_numpy(), dtype=np.float64, order="F")
            when = frame.index.to_numpy() if frame.index.dtype.kind == "M" else None
        sheet = self._sheet.with_row(frame, values)
        values[np.isinf(values)] = np.nan
        return Readings(self._names, values, in_order(when, 1), sheet, {}, False)


def _kinds(frame: Any) -> Any:
    """Types of a frame of Polars; True for one block of floats of pandas without zone and units; None for others."""
    if of_floats(frame):
        return True if isinstance(frame.index.dtype, np.dtype) and not frame.attrs else None
    return frame.dtypes if type(frame).__module__.startswith("polars.") else None
