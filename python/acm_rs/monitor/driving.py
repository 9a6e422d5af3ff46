"""Drivers that now and then have no reading."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from acm_rs.monitor.cleaning import repeats
from acm_rs.monitor.watches import Watches

__all__ = ["learn_holds", "measured", "put_unknown", "stood", "unknown", "with_drivers"]

Matrix = NDArray[np.float64]
Flags = NDArray[np.bool_]
Labels = NDArray[np.int64]

ENOUGH = 300
"""Running rows in which all drivers are known: what they have to do with the others is learnt from no fewer."""
NEARLY = 0.99
"""Else a reading stands for the rows after it as long as it did in so many of them."""


def measured(watches: Watches) -> Labels:
    """The columns of drivers that are measured."""
    return watches.stepped[len(watches.stepped) - len(watches.driving) :]


def learn_holds(watches: Watches, values: Matrix, ages: Labels, running: Flags) -> None:
    """For how many rows a driver's reading stands, by the rows since each column's last reading.

    A load that is read each tenth row stands for ten. One that now and then has a gap is not known in it.
    """
    holds = np.zeros(values.shape[1], np.int64)
    own = measured(watches)
    for place in own.tolist():
        read = np.flatnonzero(~np.isnan(values[:, place]))
        if len(read) > 1:
            holds[place] = int(np.median(np.diff(read))) - 1
    watches.regimes.holds = holds
    known = ~unknown(watches, ages).any(axis=1)
    if running.any() and np.count_nonzero(known & running) < ENOUGH:
        holds[own] = np.maximum(holds[own], np.quantile(ages[running][:, own], NEARLY, axis=0).astype(np.int64))


def stood(watches: Watches, values: Matrix, running: Flags) -> dict[int, int]:
    """For how many running rows at most each measured driver has read the same, by its column."""
    return {
        place: int(repeats(np.where(running, values[:, place], np.nan)).max(initial=1))
        for place in measured(watches).tolist()
    }


def unknown(watches: Watches, ages: Labels) -> Flags:
    """Readings of drivers, (n, columns), that are not known, by the rows since each column's last one."""
    found = np.zeros(ages.shape, bool)
    own = measured(watches)
    found[:, own] = ages[:, own] > watches.regimes.holds[own]
    return found


def put_unknown(watches: Watches, states: Matrix, ages: Labels) -> Flags:
    """Let the same of the states of `Watches.split` be missing."""
    found = unknown(watches, ages)
    held = np.flatnonzero(~watches.watched)
    states[:, : len(held)][found[:, held]] = np.nan
    return found


def with_drivers(watches: Watches, states: Matrix, drivers: Matrix) -> Matrix:
    """States with other readings of the drivers that are measured."""
    found, own = states.copy(), watches.driving
    found[:, own] = (drivers - watches.state_centre[own]) / watches.state_scale[own]
    return found
