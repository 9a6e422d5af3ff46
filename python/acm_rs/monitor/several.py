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
OWN = 0.3
"""How far what each of several tags reads scatters at most, in what all of them read together."""
PIVOT = (
    "; where these are the tags of one machine, make a column of each first; where they are states or products of one"
    " machine, leave the column out"
)
NUMBERS = 50
"""So many different whole numbers may be those of machines, at most."""


def refuse_several(frame: Any, readings: Readings) -> None:
    """Refuse a history of which a column tells that its rows are those of several machines.

    Texts tell so where they take turns row by row, where each time comes again for another one, or where they are
    others in every third row and tell what is read, as tags do; whole numbers where both of the first hold.
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
        tags = words and not turns and not apart and _are_tags(readings, values, codes)
        turns = turns or tags
        if (turns or apart) if words else (turns and apart):
            how = "each time comes again for" if apart else "the rows take turns between"
            raise ValueError(
                f"`frame` must hold the rows of one machine: {how} {listed(values)} (column {name!r}); fit a Monitor "
                f"for each, on the rows in which {name!r} is {values[0]!r}, and so on{PIVOT if tags else ''}"
            )


def _are_tags(readings: Readings, values: list[Any], codes: Labels) -> bool:
    """Whether words are others in every third row, and the only sensor follows them: a row for each reading.

    Where several sensors follow words, these are states or products of one machine.
    """
    from acm_rs.files.state_words import are_states

    if 3 * np.count_nonzero(np.diff(codes)) < len(codes) or are_states(str(value) for value in values):
        return False
    [varies] = np.nonzero(_spread(readings.values) > 0.0)
    if varies.size != 1:
        return False
    only = readings.values[:, varies]
    parts = [only[codes == code] for code in range(len(values))]
    own = np.sum([_spread(part) * len(part) for part in parts]) / len(codes)
    return bool(own < OWN * _spread(only)[0])


def _spread(rows: NDArray[np.float64]) -> NDArray[np.float64]:
    # A sensor without any reading scatters by nothing.
    low, high = np.nanquantile(np.where(np.isnan(rows).all(axis=0), 0.0, rows), [0.1, 0.9], axis=0)
    return np.asarray(high - low)


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
