"""What readings to score have that those of the history had not, and that looks like faults of sensors."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from acm_rs.frames import listed
from acm_rs.monitor import words
from acm_rs.monitor.reading import Readings

if TYPE_CHECKING:
    from acm_rs.monitor.history import History

__all__ = ["filled", "held_often", "new_codes", "on_lines"]

Vector = NDArray[np.float64]
Flags = NDArray[np.bool_]

SPELLS, SHARE = 3, 0.3
"""Times that a code has come at least, and share of the rows at most."""
FAR = 0.25
"""Widths of its trained range by which a code lies outside of it at least."""
BACK = 0.8
"""Share of the readings just before and after it that lie within the range at least."""
MOST = 5
"""Codes that are told at most."""
SELDOM, OFTEN = 3, 0.3
"""Rows for which a sensor read the same at most at the fit, and share of the rows in which it does now at least."""
ONCE = 3
"""Stretches, the longest, in which a sensor reads the same that are left out: it may have stuck, or its source."""
ROWS = 100
"""Rows from which on that is told."""
TIMES, LONGER = 3, 3
"""Times that a sensor repeats its last reading for so many rows more than it ever did, from which on gaps were filled
with it."""
NEVER, NOW, APART = 0.001, 0.02, 0.9
"""Share of its rows in which a sensor repeats its last reading at the fit at most, and now at least, where gaps of
single rows were filled; and share of its other readings that are all different: what is rounded comes to the same
again."""

LINES, FEW_LINES = 0.25, 0.1
"""Share of its rows in which a sensor lies on a straight line with those before at least, and at most at the fit."""
STRAIGHT = 0.02
"""How far off a straight line it may be, in the distance that nine of ten rows do not exceed."""


def new_codes(readings: Readings, ranges: Mapping[str, tuple[float, float]]) -> list[str]:
    """Sensors that come to one and the same reading far outside over and over, and are back at once.

    `ranges` are those of the history, which had no such code.
    """
    place = {name: number for number, name in enumerate(readings.names)}
    fine = words.brisk(readings.times)
    found = []
    for name, (low, high) in ranges.items():
        if name not in place or not high > low:
            continue
        column = readings.values[:, place[name]]
        rows = np.flatnonzero(~np.isnan(column))
        known, room = column[rows], FAR * (high - low)
        values, counts = np.unique(known[(known < low - room) | (known > high + room)], return_counts=True)
        for value, count in zip(values.tolist(), counts.tolist(), strict=True):
            if count < SPELLS or count > SHARE * len(known):
                continue
            there = known == value
            beside = np.append(~there[:-1] & there[1:], False) | np.append(False, ~there[1:] & there[:-1])
            spells = np.count_nonzero(np.diff(there.astype(np.int8), prepend=0) == 1)
            inside = (known[beside] >= low) & (known[beside] <= high)
            if spells < SPELLS or inside.mean() < BACK:
                continue
            row = int(rows[there.argmax()])
            first = words.rows_text(row, row, readings.times, fine)
            found.append(
                f"{name} reads exactly {value:g} in {count:,} rows (first: {first}), far from all that it read at the "
                "fit, and is back at once: if that is a code and no reading, make it missing, or say what it can read, "
                f"as in limits={{{name!r}: (low, high)}}; until then it alarms, and others may be blamed with it"
            )
    return found[:MOST]


def held_often(
    readings: Readings, usual: Mapping[str, float], running: Flags, coarse: Collection[str] = ()
) -> list[str]:
    """Sensors that never stood still at the fit and do in many rows now: written only where they change.

    Those whose steps are `coarse` are told for that.
    """
    place = {name: number for number, name in enumerate(readings.names)}
    shares = {}
    for name, rows in usual.items():
        if name not in place or rows > SELDOM or name in coarse:
            continue
        column = np.where(running, readings.values[:, place[name]], np.nan)
        both = ~np.isnan(column[1:]) & ~np.isnan(column[:-1])
        same = (column[1:] == column[:-1])[both]
        # What stands still for once, and for long, does not do so by habit.
        edges = np.flatnonzero(np.diff(same.astype(np.int8), prepend=0, append=0))
        long = np.sort(edges[1::2] - edges[::2])[::-1][:ONCE].sum()
        if len(same) - long < ROWS:
            continue
        share = float((np.count_nonzero(same) - long) / (len(same) - long))
        # At the end of its scale, or at rest, a sensor reads one and the same.
        if share > OFTEN and 2 * np.unique(column[1:][both][same], return_counts=True)[1].max() <= same.sum():
            shares[name] = share
    held = list(shares)
    if not held:
        return []
    usually = words.share(float(np.median(list(shares.values()))))
    one = len(held) == 1
    return [
        f"{len(held)} of {len(usual)} sensors {'reads' if one else 'read'} the same as the row before in {usually} of "
        f"{'its' if one else 'their'} rows, at the fit never for more than {SELDOM} rows: {listed(held)}; where "
        "readings are written only when they change (a deadband, a compression), or held to a finer step, healthy rows "
        "may alarm: bring both to the same, or learn again from such rows"
    ]


def filled(
    readings: Readings,
    usual: Mapping[str, float],
    running: Flags,
    coarse: Collection[str] = (),
    history: History | None = None,
) -> list[str]:
    """Sensors that repeat their last reading for some rows, again and again, and never did at the fit: filled gaps.

    Those whose steps are `coarse`, and those that `held_often` tells, are told for that. `history` are the rows of the
    fit, where they are kept: without them gaps of a row or two are not seen.
    """
    place = {name: number for number, name in enumerate(readings.names)}
    own = {} if history is None else {name: history.values[:, number] for number, name in enumerate(history.names)}
    found, times, longest = [], 0, 0
    for name, rows in usual.items():
        if name not in place or rows > SELDOM or name in coarse:
            continue
        column = np.where(running, readings.values[:, place[name]], np.nan)
        same = column[1:] == column[:-1]
        edges = np.flatnonzero(np.diff(same.astype(np.int8), prepend=0, append=0))
        starts, runs = edges[::2], edges[1::2] - edges[::2]
        known = column[~np.isnan(column)]
        single = (
            np.count_nonzero(same) >= NOW * len(same)
            and np.unique(known).size >= APART * (known.size - np.count_nonzero(same))
            and name in own
            and _repeats(own[name]) <= NEVER
        )
        long = runs >= (1 if single else rows + LONGER)
        values = column[starts[long]]
        if len(values) < TIMES or np.count_nonzero(same) > OFTEN * len(same):
            continue
        # At the end of its scale, or at rest, a sensor reads one and the same.
        if 2 * np.unique(values).size > len(values):
            found.append(name)
            times += len(values)
            longest = max(longest, int(runs.max()))
    if not found:
        return []
    repeat = "repeats its" if len(found) == 1 else "repeat their"
    return [
        f"{len(found)} of {len(usual)} sensors {repeat} last reading for up to {longest} rows, {times:,} times, at the "
        f"fit never for more than {SELDOM} rows: {listed(found)}; where gaps are filled with the last reading, leave "
        "them missing instead: it is none, and healthy rows may alarm; a transmitter that freezes now "
        "and then looks alike"
    ]


def on_lines(readings: Readings, sensors: Collection[str], running: Flags, history: History | None) -> list[str]:
    """Sensors whose readings lie on straight lines, as values do that were filled in between, and did not at the fit.

    `history` are the rows of the fit, where they are kept.
    """
    place = {name: number for number, name in enumerate(readings.names)}
    shares = {
        name: straight(np.where(running, readings.values[:, place[name]], np.nan)) for name in sensors if name in place
    }
    shares = {name: share for name, share in shares.items() if share > LINES}
    if history is None or not shares:
        return []
    own = {name: history.values[:, number] for number, name in enumerate(history.names) if name in shares}
    found = [name for name in shares if name in own and straight(own[name]) < FEW_LINES]
    if not found:
        return []
    lie = "lies on a straight line with the two" if len(found) == 1 else "lie on straight lines with the two"
    usually = words.share(float(np.median([shares[name] for name in found])))
    return [
        f"{len(found)} of {len(sensors)} sensors {lie} before in {usually} of the rows, which they did not at the fit: "
        f"{listed(found)}; where an export fills in between what was read (interpolated values), take what was read, "
        "or bring both to the same: healthy rows may alarm"
    ]


def _repeats(column: Vector) -> float:
    """The share of the rows that read the same as the row before."""
    return float(np.mean(column[1:] == column[:-1])) if len(column) > 1 else 1.0


def straight(column: Vector) -> float:
    """The share of the rows in which readings that move go on by the step of the row before."""
    steps = np.diff(column)
    bends = np.diff(steps)
    moves = ~np.isnan(bends) & (steps[1:] != 0.0)
    if np.count_nonzero(moves) < ROWS:
        return 0.0
    bends = np.abs(bends[moves])
    return float(np.mean(bends <= STRAIGHT * np.quantile(bends, 0.9)))
