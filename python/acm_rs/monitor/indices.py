"""Indices of pandas that hold times under another type: as objects, or as a level among others."""

from __future__ import annotations

from datetime import date
from typing import Any

import numpy as np

from acm_rs.frames import INDEX, listed

__all__ = ["dated_index"]


def dated_index(x: Any, times: Any) -> Any:
    """A frame or series of pandas with the times of its index where they are objects or one level of several.

    The other levels are left out: one machine has one row at a time. Where its times go back or come twice, there are
    several machines, or runs that are not in order.
    """
    index = getattr(x, "index", None)
    if not (times is None or (isinstance(times, str) and times == INDEX)) or not hasattr(x, "set_axis"):
        return x
    if hasattr(index, "levels"):
        return _of_levels(x, index)
    if getattr(index, "dtype", None) != np.dtype(object):
        return x
    when = _as_dates(index)
    return x if when is None else x.set_axis(when, axis=0)


def _of_levels(x: Any, index: Any) -> Any:
    dated = []
    for level in range(index.nlevels):
        cells = index.get_level_values(level)
        when = cells if getattr(cells.dtype, "kind", "") == "M" else _as_dates(cells)
        if when is not None:
            dated.append((level, when))
    if len(dated) != 1:
        return x
    level, when = dated[0]
    if not (when.is_monotonic_increasing and when.is_unique):
        for other in range(index.nlevels):
            values = list(dict.fromkeys(index.get_level_values(other))) if other != level else []
            # As many values as rows number these, and tell no machines.
            if 1 < len(values) <= len(index) // 2:
                name = index.names[other]
                asked = other if name is None else name
                raise ValueError(
                    f"`frame` must hold one machine in order of time, its index has {len(values):,} values of level "
                    f"{asked!r} ({listed(values)}) and times that go back or come twice; take one with "
                    f".xs({values[0]!r}, level={asked!r}), or sort runs of one machine by time"
                )
    return x.set_axis(when, axis=0)


def _as_dates(index: Any) -> Any:
    """An index of objects as dates; None where one is none, or zones differ."""
    if index.dtype != np.dtype(object):
        return None
    cells = [cell for cell in index if cell is not None]
    if not cells or not all(isinstance(cell, date) for cell in cells):
        return None
    found = index.infer_objects()
    if getattr(found.dtype, "kind", "") == "M":
        return found
    if len({getattr(cell, "tzinfo", None) for cell in cells}) == 1 and getattr(cells[0], "tzinfo", None) is None:
        return type(index)(np.array(list(index), dtype="datetime64[ns]"))
    return None
