"""Whether columns have readings at all: for how long they had none at the fit, and what counts as none."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from acm_rs.fillers import CODES
from acm_rs.frames import listed
from acm_rs.monitor.cleaning import Rules
from acm_rs.monitor.reading import read

__all__ = ["absent_text", "lacking", "longest", "others", "spans", "without_text"]

Flags = NDArray[np.bool_]
Vector = NDArray[np.float64]

LEAST = 20
"""Rows without a reading at least before it is said that there is none; more where the fit had none for longer."""


def lacking(rules: Rules, place: int, column: Vector) -> Flags:
    """In which rows a column in use has no reading, or what counts as none: codes, and what lies beyond its limits."""
    none = np.isnan(column)
    if rules.names[place] in rules.counters.names:
        # Its limits are those of its rise.
        return none | ((column < 0.0) & np.isin(column, CODES))
    with np.errstate(invalid="ignore"):
        far = (column < rules.least[place]) | (column > rules.most[place])
        none |= (column < rules.low[place]) | (column > rules.high[place])
    if far.any():
        none |= far & np.isin(column, CODES)
    for code in rules.codes[place]:
        none |= column == code
    return none


def longest(rules: Rules, names: Sequence[str], values: NDArray[np.float64]) -> dict[str, int]:
    """For how many rows on end at most each column in use has had no reading; those that always had one are left out.

    `values` are the readings of a history as they came, in the order of `names`.
    """
    found = {}
    for place, name in enumerate(rules.names):
        none = lacking(rules, place, values[:, list(names).index(name)])
        edges = np.flatnonzero(np.diff(none, prepend=False, append=False))
        if len(edges):
            found[name] = int((edges[1::2] - edges[::2]).max())
    return found


def spans(rules: Rules, about: Mapping[str, Any]) -> list[int]:
    """Rows without a reading beyond which it is told: more than twice the longest of the history."""
    usual: Mapping[str, float] = about.get("gaps", {})
    if "gaps" not in about:
        # Former files know how many there were, not how long: they may all have been one.
        usual = {row["sensor"]: row["missing"] * about["rows"] + row["codes"] for row in about["quality"]}
    return [int(max(LEAST, 2.0 * usual.get(name, 0.0) + 2.0)) for name in rules.names]


def absent_text(absent: Sequence[str]) -> str:
    """Sensors whose columns are not there."""
    many = "1 sensor is absent and counts" if len(absent) == 1 else f"{len(absent)} sensors are absent and count"
    return f"{many} as missing: {listed(absent)}"


def without_text(names: Sequence[str], since: str = "") -> str:
    """Columns that are there and have no reading."""
    return f"without any reading{since}: {listed(names)}"


def others(monitor: Any, frame: Any, columns: Collection[str], absent: Sequence[str]) -> list[str]:
    """Columns of a frame that read as absent sensors did; of those whose name is among `columns` it is none."""
    from acm_rs.monitor.remarking import renamed

    rules, watches = monitor._fitted()
    gone = [name for name in absent if name not in columns]
    ends = (dict(zip(rules.names, end[0].tolist(), strict=True)) for end in (watches.regimes.low, watches.regimes.high))
    return renamed(read(frame), monitor._about, gone, *ends) if gone and len(frame) else []
