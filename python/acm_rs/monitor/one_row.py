"""One more row of a running machine, as most are: all sensors there, nothing strange. It is judged as any, but quicker.

Every step is that of `Verdict`, on one row; what a row does not have is left out. A row that has more goes that way.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from acm_rs.monitor import lacking, leaning
from acm_rs.monitor.alarms import OFF, PERSIST
from acm_rs.monitor.cleaning import Rules
from acm_rs.monitor.episode import FROZEN
from acm_rs.monitor.following import levels_of, within_reach
from acm_rs.monitor.holding import Bounds
from acm_rs.monitor.judging import Verdict
from acm_rs.monitor.leaning import CHARTS
from acm_rs.monitor.parts import (
    AT_ONCE,
    CAUSES,
    LEVEL_NAMES,
    LEVELS,
    PARTS,
    SCATTER,
    SHIFTS,
    SLOW,
    WILD,
    farther,
    leading,
)
from acm_rs.monitor.regimes import CLIP, DISTANT, REST, UNKNOWN, Phase
from acm_rs.monitor.relations import product
from acm_rs.monitor.tracing import NAMES, NEAR, farthest, standing, traced
from acm_rs.monitor.watches import Looked, State, Watches
from acm_rs.monitor.without import LACKS

__all__ = ["Quick"]

Vector = NDArray[np.float64]

NO, YES = np.zeros(1, bool), np.ones(1, bool)
OWN = (*NAMES, "scatter", "stuck")
"""What each sensor has for itself."""


class Quick:
    """A Monitor's arrays as one row needs them."""

    rules: Rules
    watches: Watches
    names: list[str]
    bounds: Bounds
    """What the Monitor knows of how long readings hold."""
    always: frozenset[str]
    usable: bool
    steps: bool
    releases: bool
    driven: bool
    stepped: NDArray[np.int64]
    calm: Any
    followed: NDArray[np.intp]
    coded: NDArray[np.intp]
    able: NDArray[np.intp]
    near: NDArray[np.intp]
    states: NDArray[np.bool_]
    units: dict[str, Any]
    longest: Any
    levels: list[tuple[str, float]]
    single: list[int]
    others: list[int]
    diagonals: list[Any]
    nothing: NDArray[np.int64]
    lost: NDArray[np.bool_]
    band: Any
    least: NDArray[np.float64]
    most: NDArray[np.float64]
    codes: NDArray[np.float64]
    low: NDArray[np.float64]
    high: NDArray[np.float64]
    rest: NDArray[np.float64]
    spread: NDArray[np.float64]
    middle: NDArray[np.float64]
    centres: NDArray[np.float64]
    reach: NDArray[np.float64]
    middles: NDArray[np.float64]
    reaches: NDArray[np.float64]

    def __init__(self, rules: Rules, watches: Watches) -> None:
        regimes = watches.regimes
        self.rules, self.watches = rules, watches
        own = zip(rules.names, watches.watched.tolist(), strict=True)
        self.names = [*(name for name, one in own if one), *rules.constants.watched]
        self.always = frozenset(rules.constants.watched)
        self.usable = not rules.rebased and watches.fused is not None
        self.followed = np.flatnonzero(watches.follows > 0.0)
        self.steps, self.releases = bool(watches.steps.size.size), watches.releases
        self.stepped = watches.stepped[: len(watches.steps.digits)]
        self.driven = len(self.stepped) > len(watches.scale)
        self.calm = 1.0 - 1.0 / watches.wide["calm"] if "calm" in watches.wide else None
        self.usable &= watches.present[0] <= 1.0 and regimes.settle >= 0 and watches.axes.shape[1] > 1
        self.least = np.maximum(rules.least, rules.low)
        self.most = np.minimum(rules.most, rules.high)
        pairs = [(place, code) for place, codes in enumerate(rules.codes) for code in codes]
        self.coded = np.array([place for place, _ in pairs], np.intp)
        self.codes = np.array([code for _, code in pairs])
        judged = np.isfinite(regimes.low[0]) & np.isfinite(regimes.spread)
        self.low = np.where(judged, regimes.low[0] - DISTANT * regimes.spread, -np.inf)
        self.high = np.where(judged, regimes.high[0] + DISTANT * regimes.spread, np.inf)
        self.low, self.high = np.maximum(self.low, regimes.low[1]), np.minimum(self.high, regimes.high[1])
        self.low, self.high = np.maximum(self.low, self.least), np.minimum(self.high, self.most)
        # What is at the end of its scale goes the long way.
        ends = np.full((2, len(self.low)), np.nan)
        ends[:, watches.watched] = watches.stops
        self.low = np.fmax(self.low, np.nextafter(ends[0], np.inf))
        self.high = np.fmin(self.high, np.nextafter(ends[1], -np.inf))
        able = np.flatnonzero(~np.isnan(regimes.level))
        # Where a row within its range cannot rest, nobody looks.
        rests = (self.low[able] <= REST * regimes.level[able]) & (self.high[able] >= -REST * regimes.level[able])
        able = able if np.count_nonzero(rests) > 1 else able[:0]
        self.able, self.rest = able, REST * regimes.level[able]
        self.near = np.flatnonzero(np.isfinite(regimes.spread))
        self.spread = regimes.spread[self.near, None]
        self.middle = np.ascontiguousarray(regimes.centres[:, self.near].T)
        self.states = ~watches.watched
        self.centres = regimes.centres[:, watches.watched]
        self.units = {name: watches.unit(name) for name in (*NAMES, "scatter", *LEVEL_NAMES)}
        self.levels = [pair for pair in zip(LEVEL_NAMES, LEVELS, strict=True) if watches.has(pair[0])]
        self.longest = watches.longest * watches.wide["stuck"] if "stuck" in watches.wide else watches.longest
        reach = watches.reach.copy()
        if "all together" in watches.wide:
            reach[PARTS.index("all together")] *= watches.wide["all together"][0]
        self.reach = reach
        self.single = [PARTS.index(name) for name in OWN]
        self.others = [PARTS.index("all together"), PARTS.index("level")]
        self.middles, self.reaches = watches.middle[self.single, None], watches.reach[self.single, None]
        self.band = watches.band * watches.scale
        self.diagonals = [np.diag(relations.precision) for relations in watches.relations]
        self.nothing = np.zeros(len(rules.names), np.int64)
        self.lost = np.zeros((1, len(rules.names)), bool)

    def _beside(self, sensors: Vector, label: int, state: State, gaps: NDArray[np.int64]) -> tuple[Vector, Vector]:
        """Readings less the levels of sensors that are followed, and those levels."""
        chosen, watches = self.followed, self.watches
        centres = self.centres[label, chosen]
        away = within_reach(watches, chosen, sensors[chosen] - centres, centres)[None]
        found = levels_of(watches, chosen, away, state, gaps[np.flatnonzero(watches.watched)[chosen]])
        near, level = sensors.copy(), np.zeros(sensors.shape)
        near[chosen] -= found[0]
        level[chosen] = found[0]
        return near, level

    def _wider(self, units: dict[str, Any], sensors: int, state: State) -> dict[str, Any]:
        """Units by how much wider limits still are where sensors were dead."""
        components = self.watches.axes.shape[1]
        more = {
            name: np.asarray(state.charts[own].update(np.zeros((1, components if name in LEVEL_NAMES else sensors)))[0])
            for name, own in CHARTS.items()
        }
        if all((one < leaning.TINY).all() for one in more.values()):
            leaning.forget(state)
        return {name: units[name] * (1.0 + leaning.still_wider(one, self.watches.joint)) for name, one in more.items()}

    def judge(self, row: Vector, state: State, limit: float, fixed: Any) -> Verdict | None:
        """The verdict on a row, or None where it must go the long way; nothing is changed then."""
        rules, watches, regimes = self.rules, self.watches, self.watches.regimes
        # A missing reading is neither.
        if (
            state.slow is None
            or state.fused is None
            or state.idle
            or not ((row >= self.low) & (row <= self.high)).all()
        ):
            return None
        if len(self.codes) and (row[self.coded] == self.codes).any():
            return None
        if len(self.able) and np.count_nonzero(np.abs(row[self.able]) <= self.rest) > 1:
            return None
        if fixed is not None and (len(fixed) != 1 or rules.constants.moved(fixed).any()):
            return None
        if state.stays is not None or (state.lack is not None and (state.lack[:, : len(watches.scale)] > LACKS).any()):
            return None
        label = 0
        if len(self.centres) > 1:
            far = np.minimum(np.abs(row[self.near, None] - self.middle) / self.spread, CLIP) ** 2
            label = int(np.add.reduce(far, axis=0, initial=0.0).argmin())
        phase = state.phase
        known = phase.label is not None
        age = regimes.settle + 1 if not known else 0 if phase.label != label else min(phase.age + 1, 2**40)
        if age < regimes.settle:
            return None
        sensors = row[watches.watched]
        if self.steps:
            stepped = row[self.stepped] if self.driven else sensors
            coarse, shown = watches.steps.one(stepped, state.steps or watches.steps.begin())
            if coarse:
                return None
            state.steps = shown
        state.phase = Phase(label, age)
        gaps, state.gaps = state.gaps, self.nothing
        held = row[self.states]
        state.states = held
        slow, near, level = state.slow, sensors, None
        if len(self.followed):
            near, level = self._beside(sensors, label, state, gaps)
        away = np.minimum(np.maximum((near - watches.slow_centre) / watches.slow_scale, -WILD), WILD)
        means = state.chart("slow", SLOW).update(product(away[None], watches.slow_axes))[0]
        state.slow = np.asarray(means)
        if state.lack is not None:
            lacking.fade(state, len(near), watches.doubt)
        states = np.concatenate([(held - watches.state_centre) / watches.state_scale, slow[0]])
        relations = watches.relations[label]
        scaled = (near - self.centres[label]) / watches.scale
        filled = scaled[None]
        given = relations.covariates(filled, states[None])
        left = filled - relations.offset - product(given, relations.slopes)
        lately = slice(len(states) - slow.shape[1], len(states))
        straight = left + product(given[:, lately], relations.slopes[lately])
        residual = product(left, relations.precision) / self.diagonals[label]
        main = filled
        if self.calm is not None:
            off = residual * self.calm
            residual = residual + (off - relations.told_of_others(off))
            main, straight = filled - off, straight - off
        looked = Looked.__new__(Looked)
        looked.held, looked.scarce = NO, NO
        looked.stopped = None
        looked.expected = self.centres[label] + watches.scale * (filled - residual)
        if level is not None:
            looked.expected += level
        residual = residual / watches.band
        looked.residual, looked.scaled, looked.left = residual, main, straight
        near = np.minimum(np.maximum(residual, -WILD), WILD)
        units = self.units
        begun = CHARTS[NAMES[0]] in state.charts
        if begun:
            # Sensors have been dead: means remember rows without them.
            units = units | self._wider(units, near.shape[1], state)
        own = np.empty((len(OWN), len(sensors)))
        swift = centre = np.asarray(state.chart(NAMES[0], SHIFTS[0]).update(near)[0])
        signed = {NAMES[0]: centre / units[NAMES[0]]}
        np.abs(signed[NAMES[0]][0], out=own[0])
        centre = np.asarray(state.chart(NAMES[1], SHIFTS[1]).update(near)[0])
        # The last of them remembers as long as the scatter.
        squares = np.square(near)
        rough = np.asarray(state.chart("squares", SCATTER).update(squares)[0])
        rough = rough - (watches.scatter_mean + np.square(centre))
        if self.releases:
            there = np.ones(residual.shape, bool)
            watches.let_go(NAMES[1], centre, swift, there, state, units[NAMES[1]])
            trace = np.asarray(state.chart(AT_ONCE, SHIFTS[0]).update(squares)[0])
            trace = trace - (watches.scatter_mean + np.square(swift))
            watches.let_go("scatter", rough, trace, there, state, self.units["scatter"])
        signed[NAMES[1]] = centre / units[NAMES[1]]
        np.abs(signed[NAMES[1]][0], out=own[1])
        own[-2] = (rough / self.units["scatter"])[0]
        state.run = np.where(sensors == state.last, state.run + 1, 1)
        state.last = sensors
        own[-1] = (state.run - 1.0) / self.longest
        together = product(main, watches.axes) / watches.level_scale[label]
        together = np.minimum(np.maximum(together, -WILD), WILD)
        both = {name: np.asarray(state.chart(name, memory).update(together)[0]) for name, memory in self.levels}
        if self.releases and len(both) > 1:
            quick = both[LEVEL_NAMES[1]]
            watches.let_go("level", both["level"], quick, np.ones(quick.shape, bool), state, units["level"])
        level = farther([values / units[name] for name, values in both.items()])
        fused = np.asarray(state.fused.update(straight))
        raw = np.empty(len(PARTS))
        raw[self.single] = own.max(axis=1)
        raw[self.others] = fused[0], np.abs(level).max(initial=0.0)
        parts = (raw - watches.middle) / self.reach
        verdict = Verdict.__new__(Verdict)
        verdict.causes = standing(watches, leading(parts[None]), own[-1:])
        score = float(parts.max())
        if watches.traces and score > NEAR:
            signed |= {"scatter": own[-2:-1], "stuck": own[-1:]}
            law = label, relations, watches.band
            verdict.shares = traced(watches, verdict.causes, signed, units, level, residual, law)
            if begun and not (verdict.shares > 0.0).any():
                verdict.shares = farthest([signed[name] for name in NAMES])
        else:
            worst = np.maximum(((own - self.middles) / self.reaches).max(axis=0, keepdims=True), 0.0)
            verdict.shares = watches.parted(worst, verdict.causes, level, residual)
        if own[-1].min(initial=1.0) > 0.0 and watches.frozen(own[-1:], sensors[None], self.longest)[0]:
            verdict.causes[0] = CAUSES.index(FROZEN)
        verdict.scores = np.array([score])
        state.over = state.over + 1 if score > limit else 0
        if score > limit and state.over >= PERSIST:
            state.alarm = True
        elif score <= OFF * limit:
            state.alarm = False
        verdict.alarms = YES.copy() if state.alarm else NO.copy()
        verdict.limits, verdict.confidences = np.array([limit]), np.ones(1)
        verdict.labels = np.array([label])
        verdict.regimes = verdict.labels - UNKNOWN
        verdict.sensors, verdict.looked, verdict.band = sensors[None], looked, self.band
        verdict.coded, verdict.outside = self.nothing, self.nothing
        verdict.lost = verdict.bridged = verdict.strayed = self.lost
        verdict.beyond, verdict.scarce, verdict.told, verdict.leaning = NO, NO, None, None
        if fixed is not None and fixed.shape[1]:
            verdict.with_constants(rules, fixed, np.zeros((1, len(rules.constants.watched))))
        return verdict
