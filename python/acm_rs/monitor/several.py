"""Histories that hold the rows of several machines."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from acm_rs.frames import listed
from acm_rs.monitor.reading import WORDS, Readings

__all__ = ["refuse_several"]

Labels = NDArray[np.int64]

AGAIN, SAME = 0.1, 0.01
"""Share of the rows whose time comes again at least, and of those whose column does not tell them apart at most."""
TURNS = 0.9
"""Share of the rows in which the values take turns in the same order."""
NUMBERS = 50
"""So many different whole numbers may be those of machines, at most."""


def refuse_several(frame: Any, readings: Readings) -> None:
    """Refuse a history of which a column tells that its rows are those of several machines.

    Texts tell so where they take turns row by row, or where each time comes again for another one; whole numbers where
    both hold.
    """
    again = None
    if readings.times is not None:
        again = np.count_nonzero(np.diff(readings.times) == np.timedelta64(0)) >= AGAIN * len(readings.times)
    for name in [*readings.texts, *readings.names]:
        if readings.texts.get(name) != WORDS and not again:
            continue
        values, codes = _texts(frame, name) if name in readings.texts else _numbers(readings, name)
        if not 1 < len(values) <= len(codes) // 3:
            continue
        turns = _in_turns(codes, len(values))
        apart = bool(again) and _apart(readings, codes)
        # Numbers, as texts or not, may be readings that come round.
        words = readings.texts.get(name) == WORDS
        if (turns or apart) if words else (turns and apart):
            how = "each time comes again for" if apart else "the rows take turns between"
            raise ValueError(
                f"`frame` must hold the rows of one machine: {how} {listed(values)} (column {name!r}); fit a Monitor "
                f"for each, on the rows in which {name!r} is {values[0]!r}, and so on"
            )


def _texts(frame: Any, name: str) -> tuple[list[Any], Labels]:
    import narwhals as nw

    table: Any = nw.from_native(frame, eager_only=True)
    label = next((label for label in table.columns if str(label) == name), None)
    if label is None:
        return [], np.zeros(0, np.int64)
    cells = table[label].to_list()
    place: dict[Any, int] = {}
    try:
        codes = [place.setdefault(cell, len(place)) for cell in cells]
    except TypeError:
        # What cannot be compared is no name.
        return [], np.zeros(0, np.int64)
    return list(place), np.array(codes, np.int64)


def _numbers(readings: Readings, name: str) -> tuple[list[Any], Labels]:
    column = readings.values[:, readings.names.index(name)]
    some = column[:1000]
    if np.isnan(some).any() or (some != np.floor(some)).any() or len(np.unique(some)) > NUMBERS:
        return [], np.zeros(0, np.int64)
    values, codes = np.unique(column, return_inverse=True)
    if values.tolist() == [0.0, 1.0]:
        # A heartbeat.
        return [], np.zeros(0, np.int64)
    return values.tolist(), codes.ravel().astype(np.int64)


def _in_turns(codes: Labels, count: int) -> bool:
    """Whether the values follow one another in the same order, row by row."""
    again = np.count_nonzero(codes[count:] == codes[:-count])
    stay = np.count_nonzero(codes[1:] == codes[:-1])
    return bool(again >= TURNS * (len(codes) - count) and stay <= (1.0 - TURNS) * len(codes))


def _apart(readings: Readings, codes: Labels) -> bool:
    """Whether rows of one time differ in these."""
    assert readings.times is not None
    pairs = np.stack([readings.times.astype(np.int64), codes], axis=1)
    return bool(len(codes) - len(np.unique(pairs, axis=0)) <= SAME * len(codes))
