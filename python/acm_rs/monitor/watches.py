"""What is watched of the residuals: shifts, scatter, levels, stuck readings, and all sensors at once."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from acm_rs.detectors import FusedDetector
from acm_rs.monitor.carried import Looked, State, Wider
from acm_rs.monitor.cleaning import repeats
from acm_rs.monitor.lacking import Doubt, lacking
from acm_rs.monitor.parts import (
    AT_ONCE,
    FEW,
    LEVEL_NAMES,
    LEVELS,
    MEMORIES,
    PARTS,
    PAST,
    PIECE,
    PRESENT,
    SCATTER,
    SHIFTS,
    SLOW,
    SLOWLY,
    STAND,
    WARM,
    WILD,
    WITHIN,
    farther,
    sized,
)
from acm_rs.monitor.regimes import REST, Regimes
from acm_rs.monitor.relations import Relations, product, solve_missing
from acm_rs.monitor.releasing import released
from acm_rs.monitor.steps import Steps, Told
from acm_rs.monitor.stops import Sides, within

__all__ = ["Looked", "State", "Watches", "state_scales"]

Matrix = NDArray[np.float64]
Vector = NDArray[np.float64]
Flags = NDArray[np.bool_]
Labels = NDArray[np.int64]
Trace = tuple[Matrix, Flags, Flags]
"""Beside slow means the quick ones, which readings both have taken in, and which sensors are silent."""


class Watches:
    """Relations of each regime, and the statistics of what they leave."""

    def __init__(self, regimes: Regimes, watched: Flags) -> None:
        self.regimes = regimes
        self.watched = watched
        self.driving: Labels = np.flatnonzero((regimes.drivers & np.isfinite(regimes.spread))[~watched])
        """Which states are drivers that are measured: a missing reading of theirs is not known."""
        self.stepped: Labels = np.append(np.flatnonzero(watched), np.flatnonzero(~watched)[self.driving])
        """Columns whose steps are looked for: sensors, then these drivers."""
        self.scale: Vector = np.ones(0)
        self.state_centre: Vector = np.zeros(0)
        self.state_scale: Vector = np.ones(0)
        self.slow_centre: Vector = np.zeros(0)
        self.slow_scale: Vector = np.ones(0)
        self.slow_precision: Matrix = np.zeros((0, 0))
        self.bridges: bool = False
        """Whether they go on where nothing was read; in former files they do not."""
        self.tells_apart: bool = False
        """Whether shares tell who stands still, and lesser faults beside great ones; not in former files."""
        self.traces: bool = False
        """Whether shares go by what each sensor explains of all; in former files they go by its own statistics."""
        self.zeros: bool = False
        """Whether rows in which all sensors read exactly 0 alarm, as the history has none; not in former files."""
        self.nearly_zeros: bool = False
        """Whether those alarm too in which nearly all do while others go on; not in former files."""
        self.slow_axes: Matrix = np.zeros((0, 0))
        """What the machine has done of late: main components whose slow means count as states."""
        self.present: Vector = np.array([PRESENT])
        """Share of the sensors that a row must have."""
        self.relations: list[Relations] = []
        """One for each running regime; regimes of few rows share that of all."""
        self.band: Vector = np.ones(0)
        """Standard deviation of each sensor's residuals of rows not seen, in scaled units."""
        self.axes: Matrix = np.zeros((0, 0))
        self.level_scale: Matrix = np.ones((1, 0))
        """Standard deviation of each main component, in each running regime."""
        self.scatter_mean: Vector = np.ones(0)
        self.longest: Vector = np.ones(0)
        """Repetitions of each sensor beyond which it is stuck."""
        self.spreads: dict[str, Vector] = {}
        """Standard deviation of each chart's means on healthy rows."""
        self.middle: Vector = np.zeros(len(PARTS))
        self.reach: Vector = np.ones(len(PARTS))
        """Median of each part on healthy rows, and how far its limit lies above."""
        self.fused: FusedDetector | None = None
        self.steps: Steps = Steps.none(int(np.count_nonzero(watched)))
        """Of these sensors and drivers; in files of before of the sensors alone."""
        self.known_roundings: dict[tuple[int, bytes], tuple[Relations, Vector]] = {}
        """Relations and bands of sensors with coarser steps, as they have come."""
        self.lets_go: Vector = np.full(len(SLOWLY), np.inf)
        """How much farther off slow means may be than the quick ones beside them, in their standard deviations; former
        files do not have it."""
        self.follows: Vector = np.zeros(int(np.count_nonzero(watched)))
        """Of sensors whose level follows their readings how far off these may be to move it by their weight; 0 for the
        others. Files of formats 1 and 2 have none."""
        self.pace: Vector = np.zeros(1)
        """The weight of the latest reading in those levels."""
        self.roam: Matrix = np.array([[-np.inf], [np.inf]]) * np.ones(len(self.follows))
        """What those levels read at least and at most, (2, sensors)."""
        self.stops: Matrix = np.full((2, len(self.follows)), np.nan)
        """Ends of the sensors' scales, (2, sensors): the lower and the upper ones, NaN where there is none."""
        self.leans: NDArray[np.float64] = np.zeros((0, 0, 0))
        """Second moments that tell how the others fare without some sensors; former files have none."""
        self.leant: Vector = np.zeros(0)
        """Means of what has these moments."""
        self.gaps: Vector = np.zeros(0)
        """By which share of their variance rows of the training were farther off for the gaps that they had."""
        self.joint: bool = False
        """Whether sensors that are missing in the same row are looked at together; not in former files."""
        self.known_doubt: tuple[NDArray[np.float64], Doubt] | None = None
        """How wrong slow states are, as it was asked for."""
        self.needs: dict[str, Vector] = {}
        """Of each part by sensor or component, how great it was in healthy rows that were accepted."""
        self.wide: dict[str, Vector] = {}
        """Times by which limits are wider for them; by "calm" a sensor counts less in what the others should read."""

    @staticmethod
    def fields() -> tuple[str, ...]:
        """The names of its arrays."""
        return (
            "watched",
            "scale",
            "state_centre",
            "state_scale",
            "slow_centre",
            "slow_scale",
            "slow_precision",
            "slow_axes",
            "present",
            "band",
            "axes",
            "level_scale",
            "scatter_mean",
            "longest",
            "middle",
            "reach",
            "lets_go",
            "follows",
            "pace",
            "roam",
            "stops",
            "leans",
            "leant",
            "gaps",
        )

    @property
    def doubt(self) -> Doubt | None:
        """How wrong slow states are where readings were missing; former files tell it of each sensor by itself."""
        if not self.joint:
            return None
        if self.known_doubt is None or self.known_doubt[0] is not self.leans:
            self.known_doubt = self.leans, Doubt(self.slow_precision, self.slow_axes, self.leans, self.leant)
        return self.known_doubt[1]

    def room(self, name: str, limit: float) -> float:
        """How great a part may be in accepted rows."""
        number = PARTS.index(name)
        return float(self.middle[number] + WITHIN * limit * self.reach[number])

    def widen(self, limit: float) -> None:
        """Let everything that was accepted stay below a limit."""
        for name, need in self.needs.items():
            if name == "all together":
                middle = self.middle[PARTS.index(name)]
                self.wide[name] = np.maximum(1.0, (need - middle) / (self.room(name, limit) - middle))
            else:
                self.wide[name] = np.maximum(1.0, need / self.room(name, limit))

    def unit(self, name: str, told: Told | None = None, wider: Mapping[str, Wider] | None = None) -> Any:
        """What one of a statistic's standard deviations is; some are `wider` where sensors are dead."""
        spread = self.spreads.get(name, 1.0)
        part = "level" if name in LEVEL_NAMES else name
        spread = spread * self.wide[part] if part in self.wide else spread
        spread = spread if told is None else spread * self.steps.times(part, told)
        return spread if wider is None or name not in wider else spread * wider[name].times()

    # ---- rows beside what is expected -----------------------------------------------------------------------------

    def split(
        self, values: Matrix, state: State, at: Sides | None = None, absent: Labels | None = None
    ) -> tuple[Matrix, Matrix]:
        """Watched sensors, and states in scaled units without gaps; before each row so many are `absent`."""
        states = values[:, ~self.watched]
        filled = np.empty_like(states)
        for place in range(states.shape[1]):
            column = states[:, place]
            rows = np.maximum.accumulate(np.where(np.isnan(column), -1, np.arange(len(column))))
            held = np.where(rows >= 0, column[rows], state.states[place])
            if len(held):
                state.states[place] = held[-1]
            held = np.where(np.isnan(held), self.state_centre[place], held)
            filled[:, place] = (held - self.state_centre[place]) / self.state_scale[place]
        # Where all are watched they are not copied.
        sensors = values if self.watched.all() and values.flags.f_contiguous else values[:, self.watched]
        return sensors, np.hstack([filled, self.slow(within(sensors, at), state, absent)])

    def slow(self, sensors: Matrix, state: State, absent: Labels | None = None) -> Matrix:
        """The slow means of the main components up to the row before.

        The machine goes on while nothing is read. What it did then is taken to have been like the first row after it,
        as what came before the first of all.
        """
        away = np.clip((sensors - self.slow_centre) / self.slow_scale, -WILD, WILD)
        main = product(solve_missing(away, np.isnan(away), self.slow_precision), self.slow_axes)
        silent = np.asarray(np.isnan(away).all(axis=1))
        main[silent] = np.nan
        if not len(main) or not main.shape[1]:
            return main
        idle = self._idle(silent, state, absent)
        begun, fresh = 0, state.slow is None
        if state.slow is None:
            # What came before the first reading is taken to have been like it, as long as the means remember.
            known = np.flatnonzero(~np.isnan(main[:, 0]))
            if not known.size:
                return np.zeros_like(main)
            begun = int(known[0])
            state.slow = main[begun : begun + 1].copy()
            state.chart("slow", SLOW).update(np.repeat(state.slow, PAST, axis=0))
        times = 1 + np.where(silent, 0, np.minimum(idle, PAST))[begun:]
        if self.leans.size:
            state.lacks = lacking(np.isnan(away), silent, begun if fresh else None, times, state, self.doubt)
        main = np.ascontiguousarray(main[begun:])
        main = main if (times == 1).all() else np.repeat(main, times, axis=0)
        means = np.vstack([state.slow, state.chart("slow", SLOW).update(main)[0]])
        state.slow = means[-1:]
        return np.vstack([np.zeros((begun, main.shape[1])), means[np.cumsum(times) - 1]])

    def _idle(self, silent: Flags, state: State, absent: Labels | None) -> Labels:
        """For how many rows before each nothing was read, some of which are not there at all."""
        if not self.bridges:
            return np.zeros(len(silent), np.int64)
        passed = np.ones(len(silent), np.int64) if absent is None else 1 + absent
        count = np.cumsum(passed)
        # What had come up to the latest row with a reading.
        last = np.maximum.accumulate(np.where(silent, -1, np.arange(len(silent))))
        before = np.append(-1, last[:-1])
        found = count - np.where(before < 0, -state.idle, count[before]) - 1
        state.idle = int(state.idle + count[-1] if last[-1] < 0 else count[-1] - count[last[-1]])
        return found

    def scarce(self, sensors: Matrix) -> Flags:
        """Rows that have less readings than it takes to judge them."""
        found: Flags = np.isnan(sensors).mean(axis=1) > 1.0 - self.present[0]
        return found

    # ---- statistics -----------------------------------------------------------------------------------------------

    def by_sensor(
        self,
        looked: Looked,
        readings: Matrix,
        state: State,
        told: Told | None = None,
        wider: Mapping[str, Wider] | None = None,
    ) -> dict[str, Matrix]:
        """The statistics that each sensor has for itself, in standard deviations but for the stuck one."""
        every = self.each_by_sensor(looked, readings, state, told)
        return {name: self.measured(name, values, trace, state, told, wider) for name, values, trace in every}

    def measured(
        self,
        name: str,
        values: Matrix,
        trace: Trace | None,
        state: State,
        told: Told | None = None,
        wider: Mapping[str, Wider] | None = None,
    ) -> Matrix:
        """A statistic in standard deviations, which takes the place of its values."""
        if name == "stuck":
            return values
        unit = self.unit(name, told, wider)
        if trace is not None:
            quick, known, silent = trace
            self.let_go(name, values, quick, known, state, unit)
            values[silent] = 0.0
        values /= unit
        return values

    def let_go(self, name: str, values: Matrix, trace: Matrix, known: Flags, state: State, unit: Any) -> None:
        """Let slow means go of what the quick ones, `trace`, do not show any more."""
        # However wide a limit was made for rows that were accepted, what is over is let go of as before.
        room = np.atleast_2d(self.lets_go[SLOWLY.index(name)] / self.wide.get(name, 1.0) * unit)
        off = state.off.get(name, np.zeros(values.shape[1]))
        # What it takes on the way is that of a piece.
        for first in range(0, len(values), PIECE):
            some = slice(first, first + PIECE)
            own = room if len(room) == 1 else room[some]
            off = released(values[some], trace[some], own, MEMORIES[name], known[some], off)
        state.off[name] = off

    @property
    def releases(self) -> bool:
        """Whether slow means let go of what is over."""
        return bool(np.isfinite(self.lets_go).any())

    def each_by_sensor(
        self, looked: Looked, readings: Matrix, state: State, told: Told | None = None
    ) -> Iterator[tuple[str, Matrix, Trace | None]]:
        """The same one after the other as they are, and of slow ones the quick one beside it; who takes them all
        leaves the memories as they should be."""
        held = looked.held
        # A sensor that is missing alarms no more for what it has shown before.
        known = ~np.isnan(looked.residual)
        silent = np.isnan(readings) & ~held[:, None]
        if looked.stopped is not None:
            silent |= looked.stopped & ~held[:, None]
        residual = np.ascontiguousarray(np.clip(looked.residual, -WILD, WILD))
        usual = self.scatter_mean if told is None else self.scatter_mean * self.steps.times("squares", told)
        plain, swift = usual, residual
        trace: Trace | None = None
        for memory in SHIFTS:
            name = f"shift {memory:g}"
            means = self._plain(name, memory, residual, state)
            after = trace
            if memory == SCATTER:
                usual = usual + np.square(means)
            elif self.releases:
                # Whoever takes the means may change them.
                swift = means.copy()
                trace = swift, known, silent
            means[silent] = 0.0
            yield name, means, after
            del means, after
        # What has shifted does not scatter: the mean is taken off.
        if looked.rougher is not None:
            np.clip(looked.residual / looked.rougher, -WILD, WILD, out=residual)
        squares = np.square(residual, out=residual)
        trace = None
        if self.releases:
            quick = self._plain(AT_ONCE, SHIFTS[0], squares, state)
            quick -= np.add(np.square(swift, out=swift), plain, out=swift)
            trace = quick, known, silent
        rough = self._plain("squares", SCATTER, squares, state)
        rough -= usual
        del residual, usual, swift, squares
        rough[silent] = 0.0
        yield "scatter", rough, trace
        del rough, silent, trace
        moving = np.where(held[:, None], np.nan, readings)
        runs = repeats(moving, state.last, state.run)
        if len(moving):
            state.run = runs[-1].copy()
            known = ~np.isnan(moving)
            newest = moving[len(moving) - 1 - known[::-1].argmax(axis=0), np.arange(moving.shape[1])]
            state.last = np.where(known.any(axis=0), newest, state.last)
            del known
        del moving
        # Sensors whose reading is missing are not stuck now.
        longest = self.longest_of(told)
        stuck = (runs - 1.0).astype(np.float64, copy=False)
        del runs
        stuck[np.isnan(readings)] = 0.0
        stuck /= longest
        yield "stuck", stuck, None

    def longest_of(self, told: Told | None = None) -> Any:
        """Repetitions of each sensor beyond which it is stuck, in rows with coarser steps too."""
        longest = self.longest * self.wide["stuck"] if "stuck" in self.wide else self.longest
        return longest if told is None else longest * self.steps.times("stuck", told)

    def level(
        self,
        looked: Looked,
        labels: Labels,
        state: State,
        told: Told | None = None,
        wider: Mapping[str, Wider] | None = None,
    ) -> Matrix:
        """The means of the main components, in standard deviations: of the two memories the one that is farther off."""
        levels = self.levels(looked, labels, state)
        quick = levels.get(LEVEL_NAMES[1])
        found = []
        for name, means in levels.items():
            unit = self.unit(name, told, wider)
            if name == "level" and quick is not None and self.releases:
                known = np.broadcast_to(~looked.held[:, None], means.shape)
                self.let_go(name, means, quick, known, state, unit)
            found.append(means / unit)
        return farther(found)

    def levels(self, looked: Looked, labels: Labels, state: State, main: Matrix | None = None) -> dict[str, Matrix]:
        """The means of the main components, of each memory."""
        main = product(looked.scaled, self.axes) if main is None else main.copy()
        main /= self.level_scale[np.maximum(labels, 0)]
        np.clip(main, -WILD, WILD, out=main)
        main[looked.held] = np.nan
        memories = zip(LEVEL_NAMES, LEVELS, strict=True)
        return {name: self._plain(name, memory, main, state) for name, memory in memories if self.has(name)}

    def has(self, name: str) -> bool:
        """Whether one of the statistics was learnt; all are while they are being learnt."""
        return not self.spreads or name in self.spreads

    @staticmethod
    def _plain(name: str, memory: float, values: Matrix, state: State) -> Matrix:
        chart, values = state.chart(name, memory), np.ascontiguousarray(values)
        if len(values) <= PIECE:
            return np.asarray(chart.update(values)[0])
        means = np.empty(values.shape)
        for first in range(0, len(values), PIECE):
            some = slice(first, first + PIECE)
            # Of the limits and alarms nothing is kept.
            means[some] = chart.update(values[some])[0]
        return means

    def fused_rows(self, looked: Looked, labels: Labels, ages: Labels, unread: Flags | None = None) -> Matrix:
        """What the fused detector is given: nothing unusual where rows are held, and nothing where too little is read.
        Of `unread` rows too little is."""
        ready = (labels >= 0) & (ages >= self.regimes.settle - WARM) & ~(looked.scarce | looked.vague)
        found = np.zeros(looked.left.shape)
        np.copyto(found, looked.left, where=ready[:, None])
        if unread is not None:
            found[unread] = np.nan
        return found

    def parts(self, fused: Vector, own: dict[str, Matrix], level: Matrix, told: Told | None = None) -> Matrix:
        """Each part of the score, (n, parts): 0 is usual, 1 at its limit."""
        raw = np.empty((len(fused), len(PARTS)))
        for number, name in enumerate(PARTS):
            if name == "all together":
                raw[:, number] = fused
            elif name == "level":
                raw[:, number] = np.abs(level).max(axis=1, initial=0.0)
            else:
                raw[:, number] = sized(name, own[name]).max(axis=1, initial=-np.inf)
        if told is None and "all together" not in self.wide:
            return (raw - self.middle) / self.reach
        together = PARTS.index("all together")
        reach = np.array(np.broadcast_to(self.reach, raw.shape))
        if "all together" in self.wide:
            reach[:, together] *= self.wide["all together"][0]
        if told is not None:
            reach[:, together] *= self.steps.times("all together", told)
        return (raw - self.middle) / reach

    @staticmethod
    def frozen(stuck: Matrix, readings: Matrix, longest: Any) -> Flags:
        """Rows in which no sensor changes and nearly all have stood still for longer than in the training."""
        known = ~np.isnan(readings)
        count = known.sum(axis=1)
        # A sensor's limit is twice what the training has seen.
        long = stuck > 0.5
        found: Flags = (np.count_nonzero(long, axis=1) >= STAND * count) & (count >= FEW)
        found &= ((stuck > 0.0) | ~known).all(axis=1)
        rows = np.flatnonzero(found)
        if rows.size:
            # What has changed since the others stand goes on, however seldom it changes.
            runs = np.rint(stuck[rows] * (longest if np.ndim(longest) < 2 else longest[rows]))
            stand = np.where(long[rows], runs, np.inf).min(axis=1)
            found[rows] = ~(known[rows] & ~long[rows] & (runs < stand[:, None])).any(axis=1)
        return found

    @staticmethod
    def nothing(readings: Matrix) -> Flags:
        """Rows in which all sensors that are there read exactly 0, and not only a few are."""
        known = ~np.isnan(readings)
        found: Flags = (known.sum(axis=1) >= FEW) & ((readings == 0.0) | ~known).all(axis=1)
        return found

    def nearly_nothing(self, readings: Matrix) -> Flags:
        """Rows of a standstill in which what rests reads exactly 0, and something else goes on as ever."""
        level, low = self.regimes.level[self.watched], self.regimes.low[0, self.watched]
        zero = readings == 0.0
        with np.errstate(invalid="ignore"):
            rests = zero | (np.abs(readings) <= REST * level)
            # What is warm yet falls when a machine stops.
            fallen = np.abs(readings) <= np.maximum(REST * level, low)
        goes_on = ~(rests | fallen | np.isnan(readings))
        found: Flags = (zero.sum(axis=1) >= FEW) & (zero | ~rests).all(axis=1) & goes_on.any(axis=1)
        return found

    def shares(self, causes: Labels, own: dict[str, Matrix], level: Matrix, residual: Matrix) -> Matrix:
        """Each sensor's share of the score."""
        names = [name for name in PARTS if name in own]
        n, d = own[names[0]].shape
        worst = np.zeros((n, d))
        for name in names:
            number = PARTS.index(name)
            worst = np.maximum(worst, (sized(name, own[name]) - self.middle[number]) / self.reach[number])
        return self.parted(worst, causes, level, residual)

    def parted(self, worst: Matrix, causes: Labels, level: Matrix, residual: Matrix) -> Matrix:
        """Shares by how far each sensor's worst statistic is from what is usual."""
        worst = np.square(np.square(np.minimum(worst, 1e6)))
        # Where sensors move together beyond the usual, the component's sensors do.
        together = causes == PARTS.index("level")
        if together.any() and level.shape[1]:
            main = np.abs(level[together]).argmax(axis=1)
            worst[together] = np.square(self.axes[:, main].T)
        # Clipped residuals of a large fault are alike in all sensors that lean on it: their true sizes tell.
        size = np.abs(residual)
        top = np.fmax.reduce(size, axis=1, initial=0.0)
        wild = top > WILD
        if wild.any():
            worst[wild] *= np.square(np.square(np.nan_to_num(size[wild]) / top[wild, None]))
        total = worst.sum(axis=1)
        return np.divide(worst, total[:, None], out=np.zeros(worst.shape), where=total[:, None] > 0.0)


def state_scales(values: Matrix, watched: Flags) -> tuple[Vector, Vector]:
    """Mean and standard deviation of each state."""
    states = values[:, ~watched]
    centre, scale = np.zeros(states.shape[1]), np.ones(states.shape[1])
    for place in range(states.shape[1]):
        known = states[:, place][~np.isnan(states[:, place])]
        if known.size:
            centre[place] = known.mean()
            scale[place] = known.std() or 1.0
    return centre, scale
