"""Readings that stand still: a driver that is stuck, and data collection that brings nothing new."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from acm_rs.frames import listed
from acm_rs.monitor import words
from acm_rs.monitor.cleaning import repeats
from acm_rs.monitor.episode import FROZEN
from acm_rs.monitor.judging import Verdict
from acm_rs.monitor.reading import Readings
from acm_rs.monitor.regimes import STANDSTILL
from acm_rs.monitor.watches import CAUSES

__all__ = ["frozen_rows", "held_together", "stuck"]

Flags = NDArray[np.bool_]

FROZEN_ROWS, FROZEN_SENSORS = 30, 3
"""Rows and sensors from which on it is told that nothing differs at a standstill."""
STUCK = 20
"""Rows that a driver, or several sensors from the same row on, read the same at least before that is told."""
MOST = 3
"""Such stretches that are told at most."""
TOGETHER = 3
"""Sensors that hold their readings from the same row on, or two that also let go of them in the same."""


def stuck(name: str, readings: Readings, column: NDArray[np.float64], running: Flags, usual: int) -> list[str]:
    """A driver that reads the same for far longer than it ever did."""
    runs = repeats(np.where(running, column, np.nan))
    longest = int(runs.max(initial=0))
    if longest <= max(STUCK, 2 * usual + 2):
        return []
    last = int(runs.argmax())
    known = np.flatnonzero(running & ~np.isnan(column))
    first = int(known[np.searchsorted(known, last) - longest + 1])
    when = words.rows_text(first, last, readings.times, words.brisk(readings.times))
    return [
        f"driver {name} reads {column[last]:g} in {longest:,} rows one after the other ({when}), at the fit in "
        f"{usual:,} at most; if it is stuck, what the sensors should read is wrong there, and they are blamed for it"
    ]


def frozen_rows(readings: Readings, places: Sequence[int], verdict: Verdict) -> tuple[int, str]:
    """Rows in which nothing differs from the row before for long, and what is to be said of them."""
    values = readings.values[:, places]
    if len(places) < FROZEN_SENSORS or len(values) < FROZEN_ROWS:
        return 0, ""
    alike = (values[1:] == values[:-1]) | (np.isnan(values[1:]) & np.isnan(values[:-1]))
    known = np.count_nonzero(~np.isnan(values[1:]), axis=1) >= FROZEN_SENSORS
    same = np.append(False, alike.all(axis=1) & known)
    # While it runs sensors may read the same for long, and did in the training.
    still = verdict.labels == STANDSTILL
    same &= still | (verdict.causes == CAUSES.index(FROZEN))
    edges = np.flatnonzero(np.diff(np.concatenate([[False], same, [False]]).astype(np.int8)))
    spans = [(start, end) for start, end in zip(edges[::2].tolist(), edges[1::2].tolist(), strict=True)]
    spans = [(start, end) for start, end in spans if end - start >= FROZEN_ROWS]
    if not spans:
        return 0, ""
    first, last = max(spans, key=lambda span: span[1] - span[0])
    where = words.rows_text(first, last - 1, readings.times, words.brisk(readings.times))
    rows = sum(end - start for start, end in spans)
    held = values[first][~np.isnan(values[first])]
    what = f"all sensors read exactly {'0' if not held.any() else 'the same'} for long ({where})"
    so = "if the machine did not stand, no readings came" if still[first:last].any() else "no new readings came"
    return rows, f"{what}: {so}"


def held_together(readings: Readings, usual: Mapping[str, float], running: Flags) -> list[str]:
    """Several sensors that hold their readings from the same row on: one source that brings nothing new.

    `usual` tells for how many rows at most each column has read the same at the fit, while the machine was running.
    """
    place = {name: number for number, name in enumerate(readings.names)}
    runs: dict[str, list[tuple[int, int]]] = {}
    for name, rows in usual.items():
        if name in place:
            runs[name] = _long_runs(
                np.where(running, readings.values[:, place[name]], np.nan), max(STUCK, 2 * rows + 2)
            )
    firsts: dict[int, list[str]] = {}
    for name, own in runs.items():
        for first, _ in own:
            firsts.setdefault(first, []).append(name)
    found = []
    for first, names in sorted(firsts.items(), key=lambda item: (-len(item[1]), item[0])):
        ends = {name: next(last for start, last in runs[name] if start == first) for name in names}
        last = max(set(ends.values()), key=lambda row: (list(ends.values()).count(row), row))
        if len(names) < TOGETHER and (len(names) < 2 or len(set(ends.values())) > 1):
            continue
        # A reading may have been the same for some rows before by chance.
        more = [
            name
            for name, own in runs.items()
            if name not in names
            and any(0 < first - start <= usual[name] and 0 <= end - last <= usual[name] for start, end in own)
        ]
        if len(names) + len(more) == len(usual):
            continue
        found.append((first, last, [name for name in usual if name in names or name in more]))
    fine = words.brisk(readings.times)
    return [
        f"data collection: {len(names)} of {len(usual)} sensors hold exactly the same readings from one row on "
        f"({words.rows_text(first, last, readings.times, fine)}), as where one source brings nothing new: "
        f"{listed(names)}; they are no faults of each, and what the others should read leans on what these held"
        for first, last, names in found[:MOST]
    ]


def _long_runs(column: NDArray[np.float64], least: float) -> list[tuple[int, int]]:
    """First and last rows of the stretches in which a column reads the same for more than so many rows."""
    known = np.flatnonzero(~np.isnan(column))
    if not known.size:
        return []
    edges = np.flatnonzero(np.diff(column[known]) != 0.0)
    starts, ends = np.append(0, edges + 1), np.append(edges, len(known) - 1)
    long = ends - starts + 1 > least
    return list(zip(known[starts[long]].tolist(), known[ends[long]].tolist(), strict=True))
