"""Rows of sensors beside what the others let expect of them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from acm_rs.monitor.carried import Looked
from acm_rs.monitor.parts import PIECE, WARM
from acm_rs.monitor.relations import Relations, own_precision
from acm_rs.monitor.steps import Told
from acm_rs.monitor.stops import Sides
from acm_rs.monitor.watches import Watches

__all__ = ["Law", "laws_of", "look"]

Matrix = NDArray[np.float64]
Vector = NDArray[np.float64]
Flags = NDArray[np.bool_]
Labels = NDArray[np.int64]
Law = tuple[int, Relations, Vector]

INSIDE = 3.0
"""Standard deviations of what the others let expect by which that lies within a scale at whose end the reading is."""
PATTERNS = 64
"""Relations of sensors with coarser steps that are held at once."""


def _rounded(watches: Watches, number: int, size: Vector) -> tuple[Relations, Vector]:
    """The relations of a regime, and how residuals spread, where sensors have coarser steps."""
    key = number, size.tobytes()
    known = watches.known_roundings.get(key)
    if known is None:
        if len(watches.known_roundings) >= PATTERNS:
            watches.known_roundings.clear()
        plain = watches.relations[number]
        d = len(watches.scale)
        variance = np.zeros(len(plain.first))
        variance[:d] = np.square(size[:d] / watches.scale) / 12.0
        if len(size) > d:
            variance[d + watches.driving] = np.square(size[d:] / watches.state_scale[watches.driving]) / 12.0
        relations = plain.with_rounding(variance)
        own = np.diag(plain.precision) / np.diag(relations.precision)
        known = relations, watches.band * np.sqrt(own)
        watches.known_roundings[key] = known
    return known


def laws_of(watches: Watches, labels: Labels, ready: Flags, told: Told | None) -> Iterator[tuple[Any, Law]]:
    """Rows of one regime and the same steps, with its number, their relations and bands."""
    for number in np.unique(labels[ready]).tolist():
        rows = np.flatnonzero(ready & (labels == number))
        coarse = None if told is None else told.size[rows]
        if coarse is None or not coarse.any():
            yield rows, (number, watches.relations[number], watches.band)
            continue
        sizes, which = np.unique(coarse, axis=0, return_inverse=True)
        for place, size in enumerate(sizes):
            own = _rounded(watches, number, size) if size.any() else (watches.relations[number], watches.band)
            yield rows[which.ravel() == place], (number, *own)


def look(
    watches: Watches,
    sensors: Matrix,
    states: Matrix,
    labels: Labels,
    ages: Labels,
    told: Told | None = None,
    at: Sides | None = None,
) -> Looked:
    """Residuals of all rows that are judged; `at` tells which sensors are at the end of their scale."""
    found = Looked(len(sensors), sensors.shape[1])
    running = labels >= 0
    found.scarce = watches.scarce(sensors)
    unsettled = ~(running & (ages >= watches.regimes.settle))
    ready = running & (ages >= watches.regimes.settle - WARM)
    for every, law in laws_of(watches, labels, ready, told):
        for rows in _pieces(every):
            _look(watches, found, rows, sensors[rows], states[rows], law, None if at is None else at[rows])
    found.held = unsettled | found.scarce | found.vague
    found.residual[found.held] = np.nan
    found.expected[unsettled] = np.nan
    return found


def _look(
    watches: Watches, found: Looked, rows: Labels, sensors: Matrix, states: Matrix, law: Law, at: Sides | None = None
) -> None:
    """The same of some rows of one regime."""
    number, relations, band = law
    centre = watches.regimes.centres[number, watches.watched]
    scaled = (sensors - centre) / watches.scale
    filled, left, off, residual = relations.look(scaled, states, watches.slow_axes.shape[1])
    if at is not None:
        some, stopped = _stopped(watches, relations, scaled, states, at)
        if len(some):
            scaled[some] = np.where(stopped, np.nan, scaled[some])
            off = off.copy()
            again = relations.look(scaled[some], states[some], watches.slow_axes.shape[1])
            for whole, part in zip((filled, left, off, residual), again, strict=True):
                whole[some] = part
            found.stop(rows[some], stopped)
    gone = np.isnan(scaled)
    main = filled
    doubt = np.isnan(residual) & ~gone
    found.vague[rows] = doubt.any(axis=1) & ((gone | doubt).mean(axis=1) > 1.0 - watches.present[0])
    if "calm" in watches.wide:
        own = np.where(gone | doubt, 0.0, residual * (1.0 - 1.0 / watches.wide["calm"]))
        others = own - relations.told_of_others(own)
        residual, off = residual + others, off + others
        main, left = filled - own, left - own
    found.scaled[rows] = main
    # What is missing is filled where all sensors are known to belong together, not here.
    found.left[rows] = np.where(gone, np.nan, left)
    residual[gone] = np.nan
    found.residual[rows] = residual / band
    found.expected[rows] = centre + watches.scale * np.where(gone, filled, scaled - off)


def _stopped(watches: Watches, relations: Relations, scaled: Matrix, states: Matrix, at: Sides) -> tuple[Labels, Flags]:
    """Rows with readings at the end of their scale that say no more than "at least so much", and which these are.

    They are those of which the sensors that are within their scales let expect as much, or tell too little.
    """
    some = np.flatnonzero((at != 0).any(axis=1))
    rows, sides = scaled[some], at[some]
    bare = np.where(sides != 0, np.nan, rows)
    expected = relations.look(bare, states[some], watches.slow_axes.shape[1])[0]
    doubt = 1.0 / np.sqrt(own_precision(np.isnan(bare), relations.precision))
    stopped = (sides != 0) & ~(sides * (expected - rows) < -INSIDE * doubt)
    hit = stopped.any(axis=1)
    return some[hit], stopped[hit]


def _pieces(rows: Labels) -> list[Labels]:
    """Rows that are looked at at once: what it takes on the way is that of a piece."""
    return [rows[first : first + PIECE] for first in range(0, len(rows), PIECE)]
