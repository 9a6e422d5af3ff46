"""How far the parts of a score go on healthy rows that no model has seen: what one of them counts."""

from __future__ import annotations

from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

from acm_rs.decisions.calibration import threshold_at
from acm_rs.monitor.parts import LEVEL_NAMES, LEVELS, MEMORIES, PARTS, PIECE, SHIFTS, SLOWLY, farther, leading, sized
from acm_rs.monitor.releasing import room_between
from acm_rs.monitor.wandering import lasting
from acm_rs.monitor.watches import Looked, State, Watches

__all__ = ["PART_RATE", "scaled_parts"]

Matrix = NDArray[np.float64]
Vector = NDArray[np.float64]
Flags = NDArray[np.bool_]
Labels = NDArray[np.int64]

PART_RATE = 0.0015
"""Share of healthy rows in which a part of the score alone exceeds 1."""


def _chart_spread(values: Matrix, usable: Flags, memory: float) -> Vector:
    """Standard deviation of each chart's means, wider where they wander so slowly that the history holds few of them:
    Student's quantile for the normal one."""
    rows = values[usable]
    n = len(rows)
    length = lasting(rows)
    spread = np.sqrt(np.mean(np.square(rows, out=rows), axis=0))
    spread[~(spread > 0.0)] = 1.0
    own = 2.0 / memory - 1.0
    freedom = np.maximum(n / np.maximum(length, own) - 1.0, 1.0)
    z = 3.5
    bent = z * (8.0 * freedom + 3.0) / (8.0 * freedom + 1.0)
    student = np.sqrt(freedom * np.expm1(np.square(bent) / freedom))
    return spread * student / z


def scaled_parts(
    watches: Watches,
    unseen: Looked,
    sensors: Matrix,
    labels: Labels,
    fused: Vector,
    usable: Flags,
    main: Matrix | None,
) -> tuple[Vector, Labels]:
    """Scale every chart and part by the rows that were not seen, whose scaled readings are let go, and their main
    components where those are not of all rows; their scores, and which sensor says most of each."""
    state = State(sensors.shape[1], 0)
    watches.spreads = {}
    memories = MEMORIES | dict(zip(LEVEL_NAMES, LEVELS, strict=True))
    levels = watches.levels(unseen, labels, state, main)
    del unseen.scaled, main
    kinds = len(levels)
    quick = {"level": LEVELS[1]}
    watches.lets_go = np.array([room_between(MEMORIES[name], quick.get(name, SHIFTS[0])) for name in SLOWLY])
    spreads = {name: _chart_spread(values, usable, memories[name]) for name, values in levels.items()}
    known = np.broadcast_to(~unseen.held[:, None], levels["level"].shape)
    watches.let_go("level", levels["level"], levels[LEVEL_NAMES[1]], known, state, spreads["level"])
    for name, spread in spreads.items():
        levels[name] /= spread
    level = farther(list(levels.values()))
    del levels, known
    watches.middle, watches.reach = np.zeros(len(PARTS)), np.ones(len(PARTS))
    raw = np.empty((len(sensors), len(PARTS)))
    raw[:, PARTS.index("all together")] = np.where(np.isnan(fused), -np.inf, fused)
    raw[:, PARTS.index("level")] = np.abs(level).max(axis=1, initial=0.0)
    _set_limit(watches, "all together", raw[usable], 0)
    _set_limit(watches, "level", raw[usable], kinds * level.shape[1])
    # Of the components the one that is farthest off is all that is asked for.
    count, farthest = level.shape[1], np.abs(level).argmax(axis=1) if level.shape[1] else np.zeros(len(level), np.int64)
    del level
    worst = np.zeros(sensors.shape)
    own: dict[str, Vector] = {}
    # One after the other: each is as large as the history.
    for name, values, trace in watches.each_by_sensor(unseen, sensors, state):
        number = PARTS.index(name)
        if name != "stuck":
            own[name] = _chart_spread(values, usable, memories[name])
            watches.spreads[name] = own[name]
        values = watches.measured(name, values, trace, state)
        size = sized(name, values)
        del values
        raw[:, number] = size.max(axis=1, initial=-np.inf)
        if name != "stuck":
            _set_limit(watches, name, raw[usable], sensors.shape[1])
        size -= watches.middle[number]
        size /= watches.reach[number]
        np.maximum(worst, size, out=worst)
        del size
    watches.spreads = own | spreads
    parts = (raw - watches.middle) / watches.reach
    scores = parts.max(axis=1)
    scores[~usable] = np.nan
    causes = leading(parts)
    firsts = np.zeros(len(causes), np.int64)
    for first in range(0, len(causes), PIECE):
        some = slice(first, first + PIECE)
        level = np.arange(count) == farthest[some, None]
        firsts[some] = watches.parted(worst[some], causes[some], level, unseen.residual[some]).argmax(axis=1)
    return scores, firsts


def _set_limit(watches: Watches, name: str, raw: Matrix, count: int) -> None:
    """Middle and reach of a part on healthy rows; `count` values are watched in each."""
    number = PARTS.index(name)
    part = raw[:, number]
    if not np.isfinite(part).all():
        return
    middle = float(np.median(part))
    limit = threshold_at(part, PART_RATE)
    if name == "all together":
        # The detector has a limit of its own, which counts with few rows.
        limit = max(limit, 1.0)
    if count:
        sides = 1.0 if name == "scatter" else 2.0
        limit = max(limit, NormalDist().inv_cdf(1.0 - PART_RATE / (sides * count)))
    watches.middle[number], watches.reach[number] = middle, max(limit - middle, 1e-6)
