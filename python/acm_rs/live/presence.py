"""Sensors that have no reading for long, or whose column a source does not have: told as it begins and as it ends."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from acm_rs.frames import listed
from acm_rs.live.episodes import Place
from acm_rs.live.rows import Columns, Rows
from acm_rs.monitor.presence import absent_text, lacking, others, spans, without_text

__all__ = ["Presence"]

Flags = NDArray[np.bool_]

BACK = 5
"""Readings after which a sensor has some again: a loose plug has one now and then."""


@dataclass
class _Column:
    """What is known of a column.

    Parameters
    ----------
    run : int
        Rows without a reading, up to the last one.
    since : (int, int or None), optional
        The first of them.
    told : (int, int or None), optional
        Since when it has none, where that has been told.
    back : int
        Readings since then, with no such span between.
    again : (int, int or None), optional
        The first of them.
    """

    run: int = 0
    since: Place | None = None
    told: Place | None = None
    back: int = 0
    again: Place | None = None


@dataclass
class _Found:
    """What begins and what ends in some rows."""

    begun: dict[tuple[Place, bool], list[int]] = field(default_factory=dict)
    ended: dict[tuple[Place, Place], list[int]] = field(default_factory=dict)


class Presence:
    """Follows which columns of a model have readings.

    Row by row: what is told does not depend on how rows were cut into batches.

    Parameters
    ----------
    monitor : Monitor
        The model.
    """

    def __init__(self, monitor: Any) -> None:
        self._monitor = monitor
        self._rules = monitor._fitted()[0]
        self._spans = spans(self._rules, monitor._about)
        given = [str(name) for name in monitor.feature_names_in_]
        self._places = [given.index(name) for name in self._rules.names]
        self._columns = [_Column() for _ in self._rules.names]
        self._absent: set[str] = set()
        """Those whose column the source does not have."""
        self._source = Columns([], pl.DataFrame(), False)

    @property
    def missing(self) -> list[str]:
        """The sensors of which it has been told that they have no reading, and not that they have some again."""
        return [name for name, one in zip(self._rules.names, self._columns, strict=True) if one.told is not None]

    def look(self, source: Columns) -> None:
        """Look at the columns of a source, before the rows that they are of."""
        self._source = source
        if source.whole:
            self._absent = {name for name in self._rules.names if name not in source.names}

    def take(self, rows: Rows, first: int, moment: Callable[[Place], str]) -> list[str]:
        """Look at rows, of which the first has that number; what is to be told."""
        found, n = _Found(), len(rows)
        if not n:
            return []

        def place(row: int) -> Place:
            return first + row, None if rows.times is None else int(rows.times[row])

        for number, own in enumerate(self._places):
            none = lacking(self._rules, number, rows.values[:, own])
            one = self._columns[number]
            if none.any() or one.run or one.told is not None:
                self._follow(number, none, place, found)
        return self._told(rows, found, moment)

    def _follow(self, number: int, none: Flags, place: Callable[[int], Place], found: _Found) -> None:
        one, n = self._columns[number], len(none)
        edges = np.flatnonzero(np.diff(none, prepend=False, append=False))
        starts, ends = edges[::2], edges[1::2]
        lengths = ends - starts
        going = bool(none[0]) and one.run > 0
        if going:
            lengths[0] += one.run
        absent = self._rules.names[number] in self._absent
        read = 0
        for which in np.flatnonzero(lengths > (0 if absent else self._spans[number])).tolist():
            start = int(starts[which])
            self._back(number, read + np.flatnonzero(~none[read:start]), place, found)
            if one.told is None:
                one.told = one.since if which == 0 and going else place(start)
                assert one.told is not None
                found.begun.setdefault((one.told, absent), []).append(number)
            one.back, one.again, read = 0, None, int(ends[which])
        self._back(number, read + np.flatnonzero(~none[read:]), place, found)
        if not none[-1]:
            one.run, one.since = 0, None
        else:
            one.run = int(lengths[-1])
            if not (going and len(starts) == 1 and ends[0] == n):
                one.since = place(int(starts[-1]))

    def _back(self, number: int, rows: NDArray[np.int64], place: Callable[[int], Place], found: _Found) -> None:
        """Count readings after it was told that there are none."""
        one = self._columns[number]
        if one.told is None or not len(rows):
            return
        one.again = one.again or place(int(rows[0]))
        one.back += len(rows)
        if one.back >= BACK:
            found.ended.setdefault((one.told, one.again), []).append(number)
            one.told, one.back, one.again = None, 0, None

    def _told(self, rows: Rows, found: _Found, moment: Callable[[Place], str]) -> list[str]:
        notes = []
        for (begin, absent), numbers in sorted(found.begun.items()):
            names = [self._rules.names[one] for one in numbers]
            since = f" since {moment(begin)}"
            text = f"{absent_text(names)} (the rows{since})" if absent else without_text(names, since)
            codes = {} if absent else {self._rules.names[one]: self._code(rows, one) for one in numbers}
            coded = [f"{name} reads {code}" for name, code in codes.items() if code]
            text += f" ({', '.join(coded)}, which counts as none)" if coded else ""
            notes.append(f"{text}; no fault of {'it' if len(names) == 1 else 'theirs'} is seen meanwhile")
            notes += others(self._monitor, self._source.frame, self._source.names, names)
        for (begin, again), numbers in sorted(found.ended.items()):
            names = [self._rules.names[one] for one in numbers]
            notes.append(
                f"readings again since {moment(again)}: {listed(names)}, of which there had been none since"
                f" {moment(begin)}"
            )
        return notes

    def _code(self, rows: Rows, number: int) -> str:
        """What is read that counts as no reading, where something is."""
        column = rows.values[:, self._places[number]]
        column = column[lacking(self._rules, number, column) & ~np.isnan(column)]
        return f"{column[-1]:g}" if len(column) else ""

    def put(self) -> dict[str, Any]:
        """For JSON."""
        known = {
            name: [one.run, one.since, one.told, one.back, one.again]
            for name, one in zip(self._rules.names, self._columns, strict=True)
            if one.run or one.told is not None
        }
        return {"absent": sorted(self._absent), "columns": known}

    def go_on(self, kept: Mapping[str, Any]) -> None:
        """Go on where `put` left off."""
        self._absent = {str(name) for name in kept["absent"]}
        for name, (run, since, told, back, again) in kept["columns"].items():
            self._columns[self._rules.names.index(name)] = _Column(
                int(run), _place(since), _place(told), int(back), _place(again)
            )


def _place(kept: Any) -> Place | None:
    if kept is None:
        return None
    row, time = kept
    return int(row), None if time is None else int(time)
