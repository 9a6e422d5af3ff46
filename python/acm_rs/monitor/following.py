"""Sensors that wander by themselves: their level follows the readings, and what changes faster is watched.

What such a sensor reads beside its level of late is as quick as it must be for the history to hold enough of its ups
and downs; of what the level itself does nothing in the history tells good from bad.
"""

from __future__ import annotations

from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from acm_rs import _native
from acm_rs.monitor.carried import State
from acm_rs.monitor.regimes import Regimes
from acm_rs.monitor.wandering import TURNS, WILD, wandering
from acm_rs.monitor.watches import Watches

__all__ = ["beside_levels", "learn_following", "levels_of", "seen", "wander_alone"]

Matrix = NDArray[np.float64]
Flags = NDArray[np.bool_]
Labels = NDArray[np.int64]

ROAM = 2.0
"""Times the width of its history by which a level leaves it at most: a walk three times as long hardly does."""


def wander_alone(regimes: Regimes, values: Matrix, chosen: Flags, watched: Flags) -> Flags:
    """Of several regimes the columns that wander by themselves: where they happen to be is no regime."""
    found = np.zeros(values.shape[1], bool)
    if len(regimes.centres) < 2:
        return found
    labels = regimes.label(values)
    rows = np.flatnonzero(chosen & (labels >= 0))
    sensors = values[rows][:, watched]
    beside = sensors - regimes.centres[labels[rows]][:, watched]
    whole = sensors - np.nanmedian(sensors, axis=0)
    both = [
        x / np.where((scale := np.sqrt(np.nanmean(np.square(x), axis=0))) > 0.0, scale, 1.0) for x in (beside, whole)
    ]
    found[np.flatnonzero(watched)] = wandering(*both)[1]
    return found


def learn_following(watches: Watches, values: Matrix, labels: Labels, sensors: Flags, rows: int) -> None:
    """Let the levels of some sensors follow, by a history of which so many rows are learnt from.

    The distance of a random walk from a mean with the weight w for the latest reading counts as one independent value
    in 2 / w - 1 rows: w is such that the history holds as many of them as it takes not to be told to wander.
    """
    watches.pace = np.array([2.0 / (1.0 + rows / TURNS)])
    watches.follows = np.where(sensors, np.inf, 0.0)
    state = State(len(sensors), values.shape[1] - len(sensors))
    beside, _ = beside_levels(watches, values, labels, state, state.gaps)
    own = (beside[:, watches.watched] - watches.regimes.centres[np.maximum(labels, 0)][:, watches.watched])[labels >= 0]
    spread = 1.4826 * np.nanmedian(np.abs(own), axis=0)
    # A step beyond all that the history has seen moves the level no faster than its own ups and downs do.
    watches.follows = np.where(sensors & (spread > 0.0), WILD * spread, 0.0)
    running = values[labels >= 0][:, watches.watched]
    low, high = np.nanmin(running, axis=0), np.nanmax(running, axis=0)
    watches.roam = np.where(sensors, [low - ROAM * (high - low), high + ROAM * (high - low)], watches.roam)
    watches.regimes.low[0, np.flatnonzero(watches.watched)[sensors]] = -np.inf
    watches.regimes.high[0, np.flatnonzero(watches.watched)[sensors]] = np.inf


def within_reach(watches: Watches, chosen: Labels, away: Matrix, centres: Matrix) -> Matrix:
    """How far readings are from the centres of their regimes, as far as a level may go."""
    low, high = watches.roam[:, chosen]
    found: Matrix = np.minimum(np.maximum(away, low - centres), high - centres)
    return found


def seen(watches: Watches, place: int) -> tuple[float, float]:
    """Between which readings the history of a sensor that is followed lies."""
    low, high = watches.roam[:, place].tolist()
    beyond = ROAM * (high - low) / (1.0 + 2.0 * ROAM)
    return low + beyond, high - beyond


def levels_of(
    watches: Watches, chosen: Labels, away: Matrix, state: State, gaps: Labels, absent: Labels | None = None
) -> Matrix:
    """The levels of some sensors before each row of what they read beside their centres; `state` knows the next."""
    level, count = (np.zeros(len(chosen)),) * 2 if state.levels is None else state.levels
    gone = gaps.astype(np.float64) if state.gone is None else state.gone
    found = []
    for start, end in pairwise([0, *(() if absent is None else np.flatnonzero(absent).tolist()), len(away)]):
        if absent is not None and start < end:
            gone = gone + absent[start]
        levels, level, count, gone = _native.followed(
            away[start:end], float(watches.pace[0]), watches.follows[chosen], level, count, gone
        )
        found.append(levels)
    state.levels = level, count
    if watches.bridges:
        state.gone = gone
    return np.asarray(found[0]) if len(found) == 1 else np.concatenate(found)


def beside_levels(
    watches: Watches,
    values: Matrix,
    labels: Labels,
    state: State,
    gaps: Labels,
    held: Flags | None = None,
    absent: Labels | None = None,
) -> tuple[Matrix, Matrix | None]:
    """Readings less the levels of the sensors that are followed, and those levels beside the centre of the regime,
    (n, sensors); None where none is followed. Rows that are `held` move no level; `gaps` are the rows since each
    column's last reading, before the first one; so many rows are `absent` before each."""
    chosen = np.flatnonzero(watches.follows > 0.0)
    if not len(chosen):
        return values, None
    columns = np.flatnonzero(watches.watched)[chosen]
    centres = watches.regimes.centres[np.maximum(labels, 0)][:, columns]
    away = within_reach(watches, chosen, values[:, columns] - centres, centres)
    passed = labels < 0 if held is None else (labels < 0) | held
    away[passed[:, None] & ~np.isnan(away)] = np.inf
    found = levels_of(watches, chosen, away, state, gaps[columns], absent)
    beside = np.array(values, order="F")
    beside[:, columns] -= found
    whole = np.zeros((len(values), len(watches.follows)), order="F")
    whole[:, chosen] = found
    return beside, whole
