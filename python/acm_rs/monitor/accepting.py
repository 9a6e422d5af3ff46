"""Rows that alarmed and were healthy: how much wider the limits must be for them, and no more than that."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from acm_rs.monitor import staying
from acm_rs.monitor.cleaning import Rules
from acm_rs.monitor.judging import Verdict, judge
from acm_rs.monitor.parts import MEMORIES, PAST, sized
from acm_rs.monitor.watches import State, Watches
from acm_rs.monitor.words import number

__all__ = ["BEFORE", "allow", "told"]

Matrix = NDArray[np.float64]
Vector = NDArray[np.float64]
Flags = NDArray[np.bool_]

BEFORE = PAST
"""Rows before accepted ones that are judged with them, because the watches remember some."""
CALM = 4.0
"""Times as much as its limit is wider a sensor counts less in what the others should read."""
TOLD = 1.05
"""Times by which a limit is wider before that is told."""


def allow(rules: Rules, watches: Watches, raw: Matrix, off: Matrix | None, rows: Flags, limit: float) -> None:
    """Widen the watches until the marked ones among some rows that follow one another do not alarm."""
    staying.allow(rules, raw, rows)
    _reach(rules, watches, raw, off, rows)
    raw, off, rows = _and_back(rules, watches, raw, off, rows, limit)
    sensors = int(watches.watched.sum())
    calm = watches.wide.get("calm", np.ones(sensors))
    # The one that is off most first: the others lean on it, and what is left of them is their own.
    for _ in range(sensors + 1):
        watches.wide = {"calm": calm} if (calm > 1.0).any() else {}
        seen = _seen(rules, watches, raw, off, limit)
        judged = rows & ~seen.looked.held
        if not judged.any():
            break
        size = {name: _size(seen, name, judged) for name in (*MEMORIES, "stuck")}
        over = np.maximum.reduce(
            [values / watches.room(name, limit) for name, values in size.items() if "shift" in name]
        )
        over[calm > 1.0] = 0.0
        if not over.max() > 1.0:
            fused = seen.fused[judged]
            size |= {"all together": fused.max(keepdims=True)} if np.isfinite(fused).all() else {}
            for name, values in size.items():
                watches.needs[name] = np.maximum(watches.needs.get(name, np.zeros(len(values))), values)
            break
        calm = calm.copy()
        calm[over.argmax()] = CALM * over.max()
    watches.widen(limit)


def _and_back(
    rules: Rules, watches: Watches, raw: Matrix, off: Matrix | None, rows: Flags, limit: float
) -> tuple[Matrix, Matrix | None, Flags]:
    """The rows, and those before them once more: the watches alarm when the machine goes back, too."""
    before = int(rows.argmax())
    usual = ~(_seen(rules, watches, raw[:before], None if off is None else off[:before], limit).scores > limit)
    if not before or not usual.all():
        return raw, off, rows
    again = np.append(np.arange(len(raw)), np.arange(before))
    return np.asfortranarray(raw[again]), None if off is None else off[again], np.append(rows, np.ones(before, bool))


def _size(seen: Verdict, name: str, rows: Flags) -> Vector:
    """How great a statistic was."""
    values = np.abs(seen.level[rows]) if name == "level" else sized(name, seen.own[name][rows])
    found: Vector = values.max(axis=0)
    return found


def _seen(rules: Rules, watches: Watches, raw: Matrix, off: Matrix | None, limit: float) -> Verdict:
    state = State(int(watches.watched.sum()), int((~watches.watched).sum()))
    return judge(rules, watches, raw, off, state, limit, False)


def _reach(rules: Rules, watches: Watches, raw: Matrix, off: Matrix | None, rows: Flags) -> None:
    """Let the ranges of running machines and of drivers hold the accepted rows."""
    values = rules.clean(raw)[0][rows]
    values = values if off is None else values - off[rows]
    regimes = watches.regimes
    values = values[~regimes.resting(values)]
    if not len(values):
        return
    low, high = np.fmin.reduce(values, axis=0), np.fmax.reduce(values, axis=0)
    # Infinite ends stay so.
    regimes.low = np.where(np.isfinite(regimes.low), np.fmin(regimes.low, low), regimes.low)
    regimes.high = np.where(np.isfinite(regimes.high), np.fmax(regimes.high, high), regimes.high)


def told(watches: Watches, sensors: Sequence[str]) -> list[str]:
    """Which limits are wider than the history alone has made them."""
    if not watches.wide:
        return []
    found = []
    own = [watches.wide[name] for name in watches.wide if name not in ("level", "all together", "calm")]
    for name, factor in zip(sensors, np.maximum.reduce(own).tolist(), strict=True):
        if factor > TOLD:
            found.append(f"{name} {number(factor, 2)} times")
    for name, words in (("level", "levels of all"), ("all together", "all sensors together")):
        factor = float(watches.wide.get(name, np.ones(1)).max(initial=1.0))
        if factor > TOLD:
            found.append(f"{words} {number(factor, 2)} times")
    return found
