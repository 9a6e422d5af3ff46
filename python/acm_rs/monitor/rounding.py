"""How readings rounded more coarsely than those of the training would look: tried on the training itself."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from acm_rs.decisions.calibration import threshold_at
from acm_rs.monitor.cleaning import repeats
from acm_rs.monitor.driving import with_drivers
from acm_rs.monitor.looking import look
from acm_rs.monitor.parts import PARTS
from acm_rs.monitor.steps import WATCHES, Steps, Told
from acm_rs.monitor.watches import State, Watches

__all__ = ["learn_steps"]

Matrix = NDArray[np.float64]
Vector = NDArray[np.float64]
Flags = NDArray[np.bool_]
Labels = NDArray[np.int64]

ROWS = 4000
"""Rows of the training that are rounded and judged, the latest."""
LATEST = 10_000
"""Rows that tell which steps the training has, the latest."""
RATE = 0.0015
"""Share of the rows in which the watch on all sensors together may say more."""


def learn_steps(
    watches: Watches,
    sensors: Matrix,
    drivers: Matrix,
    states: Matrix,
    labels: Labels,
    ages: Labels,
    usable: Flags,
    level: Matrix | None = None,
) -> None:
    """Which steps of readings would matter, and how much wider each watch must be then; `level` is that of sensors that
    are followed."""
    learnt = np.flatnonzero(usable)
    count = sensors.shape[1]
    both = np.hstack([sensors[learnt[-LATEST:]], drivers[learnt[-LATEST:]]])
    noise, scale = watches.band * watches.scale, watches.scale
    if drivers.shape[1]:
        own = watches.state_scale[watches.driving]
        told = [max(one.told_by(place) for one in watches.relations) for place in watches.driving.tolist()]
        # What is small beside that with which the sensors tell a driver does not matter.
        noise = np.append(noise, own / np.sqrt(np.maximum(told, 1e-6)))
        scale = np.append(scale, own)
    watches.steps = Steps.fit(both, noise, scale, count)
    every = slice(0, count), slice(count, both.shape[1])
    rungs = [watches.steps.rungs(some) for some in every]
    if not any(rungs):
        return
    latest = slice(int(learnt[-ROWS:][0]), None)
    rows = labels[latest], ages[latest], usable[latest]
    both = np.hstack([sensors[latest], drivers[latest]])
    below = None if level is None else level[latest]
    plain = _usual(watches, sensors[latest], states[latest], *rows, None, below)
    tables = [np.ones((most + 1, len(WATCHES), count)) for most in rungs]
    for some, wider in zip(every, tables, strict=True):
        for rung in range(1, len(wider)):
            values, coarse = watches.steps.rounded(both, rung, some)
            own = with_drivers(watches, states[latest], values[:, count:])
            # Not less for being coarser.
            wider[rung] = np.maximum(
                _usual(watches, np.asfortranarray(values[:, :count]), own, *rows, coarse, below) / plain,
                wider[rung - 1],
            )
    watches.steps.wider, watches.steps.swayed = tables


def _usual(
    watches: Watches,
    sensors: Matrix,
    states: Matrix,
    labels: Labels,
    ages: Labels,
    usable: Flags,
    told: Told | None,
    level: Matrix | None,
) -> Matrix:
    """How large each watch is on healthy rows."""
    state = State(sensors.shape[1], 0)
    looked = look(watches, sensors if level is None else sensors - level, states, labels, ages, told)
    own = watches.by_sensor(looked, sensors, state)
    level = watches.level(looked, labels, state)
    found = np.ones((len(WATCHES), sensors.shape[1]))
    for place, name in enumerate(WATCHES):
        if name in own and name != "stuck":
            found[place] = np.sqrt(np.mean(np.square(own[name][usable]), axis=0))
    found[WATCHES.index("level"), : level.shape[1]] = np.sqrt(np.mean(np.square(level[usable]), axis=0))
    clipped = np.square(np.clip(looked.residual[usable], -5.0, 5.0))
    known = ~np.isnan(clipped)
    found[WATCHES.index("squares")] = np.where(known, clipped, 0.0).sum(axis=0) / np.maximum(known.sum(axis=0), 1)
    for place in range(sensors.shape[1]):
        runs = repeats(np.where(usable, sensors[:, place], np.nan))
        found[WATCHES.index("stuck"), place] = max(8.0, 2.0 * runs.max(initial=1) + 2.0)
    if watches.fused is not None:
        unread = (looked.scarce | looked.vague) & (labels >= 0)
        fused = np.asarray(watches.fused.score(watches.fused_rows(looked, labels, ages, unread)))[usable]
        middle = watches.middle[PARTS.index("all together")]
        found[WATCHES.index("all together")] = max(threshold_at(fused, RATE), 1.0) - middle
    found[~(found > 0.0)] = 1.0
    return found
