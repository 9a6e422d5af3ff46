"""Rows to verdicts: cleaned, labelled, compared with what is expected, and watched."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from copy import copy
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from acm_rs.frames import listed
from acm_rs.monitor import words
from acm_rs.monitor.alarms import alarmed, found_episodes
from acm_rs.monitor.cleaning import Rules
from acm_rs.monitor.constants import MOVED
from acm_rs.monitor.driving import put_unknown, unknown
from acm_rs.monitor.episode import FROZEN, NEARLY_ZEROS, ZEROS, Episode
from acm_rs.monitor.following import beside_levels
from acm_rs.monitor.leaning import Leaning, leaning
from acm_rs.monitor.looking import look
from acm_rs.monitor.parts import CAUSES, PARTS, leading
from acm_rs.monitor.reading import Readings
from acm_rs.monitor.regimes import STANDSTILL, UNKNOWN, gaps
from acm_rs.monitor.staying import STAYS, staying
from acm_rs.monitor.steps import Told
from acm_rs.monitor.stops import at_stops
from acm_rs.monitor.tracing import blamed, standing
from acm_rs.monitor.watches import Looked, State, Watches

__all__ = ["Verdict", "absent_rows", "follow", "judge", "matched"]

Matrix = NDArray[np.float64]
Vector = NDArray[np.float64]
Flags = NDArray[np.bool_]
Labels = NDArray[np.int64]

PRESENT = 0.5
"""Share of its columns that a frame must have."""
BEYOND = 4.0
"""Least score of a row beyond all that training has seen."""
CLEAR = 1.5
"""Limits that it has at least: it alarms whatever the budget."""
MOST_ABSENT = 2.0**40
"""Rows that are absent at most, whatever the clock says."""


def matched(readings: Readings, names: list[str]) -> tuple[Matrix, list[str]]:
    """The columns in use, in the order of the fit; those that are absent are missing throughout, and named."""
    if readings.names == names:
        return readings.values, []
    place = {name: number for number, name in enumerate(readings.names)}
    absent = [name for name in names if name not in place]
    if len(absent) > (1.0 - PRESENT) * len(names):
        raise ValueError(
            f"`frame` must have at least half of the {len(names)} columns that the Monitor uses, "
            f"{len(absent)} are absent: {listed(absent)}; it has {listed(readings.names)}"
        )
    values = np.full((len(readings.values), len(names)), np.nan, order="F")
    for number, name in enumerate(names):
        if name in place:
            values[:, number] = readings.values[:, place[name]]
    return values, absent


def follow(state: State, times: NDArray[np.datetime64] | None, rows: int, utc: bool | None) -> None:
    """Refuse live rows before those that came before, and those whose clock is another; `utc` is None where their times
    do not tell whether they have a zone."""
    if not rows:
        return
    if times is None:
        # They come at the usual step, and so do those after them: the time of those before tells of no pause.
        state.time = None
        return
    if None not in (utc, state.utc) and utc != state.utc:
        had, have = ("a zone", "none") if state.utc else ("no zone", "one")
        raise ValueError(
            f"`times` must be by one clock: those of the rows before had {had} and these have {have}; give all with "
            "their zone, or all without"
        )
    if state.latest is not None and times[0] < state.latest:
        raise ValueError(
            f"`times` must not lie before those of the rows before ({words.moment(state.latest)}), got "
            f"{words.moment(times[0])}; score() takes a history by itself"
        )
    state.time = state.latest = times[-1]
    state.utc = utc if state.utc is None else state.utc


def absent_rows(times: NDArray[np.datetime64] | None, before: Any, about: Mapping[str, Any]) -> Labels | None:
    """How many rows are not there before each, by the time since the one before; None where there is no telling."""
    if times is None or not len(times) or "pause" not in about:
        return None
    earlier = np.append(times[0] if before is None else before, times[:-1])
    passed = (times - earlier).astype("timedelta64[ns]").astype(np.float64) / about["step"]
    absent = np.where(passed > about["pause"], np.minimum(np.rint(passed), MOST_ABSENT) - 1.0, 0.0).astype(np.int64)
    return absent if absent.any() else None


class Verdict:
    """What was found in some rows."""

    coded: NDArray[np.int64]
    outside: NDArray[np.int64]
    sensors: Matrix
    alarms: Flags
    stayed: Flags | None = None
    """Readings that count as none and stay, (n, sensors); None where there is none."""
    none: Flags | None = None
    """Readings, (n, columns), that count as none: codes, and what is beyond its limits; None where there is none."""
    far: NDArray[np.int64] | None = None
    """In how many of the rows beyond all that was seen each column is far beyond its range; None without such rows."""
    moving: tuple[list[str], Flags] | None = None
    """Of rows in which no sensor's reading changes, which of the drivers and states go on."""

    def __init__(
        self,
        rules: Rules,
        watches: Watches,
        raw: Matrix,
        off: Matrix | None,
        fixed: Matrix | None,
        state: State,
        limit: float,
        live: bool,
        absent: Labels | None = None,
        only: Literal["residuals", "scores"] | None = None,
    ) -> None:
        regimes = watches.regimes
        values, self.coded, self.outside = rules.clean(raw)
        if self.coded.any() or self.outside.any():
            self.none = np.isnan(values) & ~np.isnan(raw)
        shown = values
        if off is not None:
            values = values - off
        silent = np.isnan(values).all(axis=1)
        labels = regimes.label(values)
        # Beyond all that was seen it is in the regime that it was in: such rows are a fault, and no change of regime.
        strange = (labels == UNKNOWN) & ~regimes.outside(values) & ~silent
        lived = regimes.carried(labels, silent | strange, state.phase)
        self.labels: Labels = np.where(strange, UNKNOWN, lived)
        since = state.gaps
        away = gaps(values, since)
        if len(away):
            state.gaps = away[-1]
        self.lost: Flags = regimes.drivers & (away > regimes.gap) & (self.labels != STANDSTILL)[:, None]
        """Rows that are not judged for the lack of a driver's reading, (n, columns)."""
        # The machine goes on meanwhile: it has not to settle when the reading is back.
        lost = self.lost.any(axis=1)
        self.labels[lost] = UNKNOWN
        unread = lost.copy()
        if fixed is not None and rules.constants.driver.any():
            other = rules.constants.moved(fixed)[:, rules.constants.driver].any(axis=1)
            other &= lived != STANDSTILL
            self.labels[other] = lived[other] = UNKNOWN
            lost |= other
        self.strayed: Flags = regimes.strayed(values) & (self.labels == UNKNOWN)[:, None]
        """Drivers beyond their trained range, (n, columns)."""
        self.driven: bool = bool(regimes.drivers.any())
        gone = unknown(watches, away)
        # Where a driver that has no reading was beyond its range before, nobody knows which of the two it is.
        excused = strange & (lived == UNKNOWN)
        self.lost |= gone & excused[:, None]
        lost |= gone.any(axis=1) & excused
        self.beyond: Flags = (self.labels == UNKNOWN) & ~silent & ~self.strayed.any(axis=1) & ~lost
        ages, state.phase = regimes.ages(lived, state.phase)
        before = watches.steps.begin() if state.steps is None else state.steps
        self.told: Told | None
        self.stepped: Labels = watches.stepped[: len(watches.steps.digits)]
        self.told, state.steps = watches.steps.tell(shown[:, self.stepped], before)
        """Which readings are in coarser steps than those of the training."""
        told = self.told
        # Beyond all that was seen a level does not follow.
        near, level = beside_levels(watches, values, lived, state, since, strange, absent)
        at = at_stops(shown[:, watches.watched], watches.stops)
        sensors, states = watches.split(near, state, at, absent)
        self.sensors = sensors if level is None else values[:, watches.watched]
        put_unknown(watches, states, away)
        self.looked: Looked = look(watches, sensors, states, lived, ages, told, at)
        if level is not None:
            self.looked.expected += level
        # Of the machine running as it does they say nothing: what is remembered is what was before.
        passed = strange | unread
        self.looked.held |= passed
        self.looked.residual[passed] = self.looked.expected[passed] = np.nan
        self.scarce: Flags = self.looked.scarce & (self.labels >= 0)
        vague = self.looked.vague & ~self.scarce & (self.labels >= 0)
        self.lost |= gone & vague[:, None]
        self.labels[vague] = UNKNOWN
        self.bridged: Flags = gone & ~self.looked.held[:, None]
        """Rows in which the other sensors stand for a driver, (n, columns)."""
        self.regimes: Labels = self.labels - UNKNOWN
        self.beyond &= ~self.looked.scarce
        if self.beyond.any():
            self.far = np.count_nonzero(regimes.far(values)[self.beyond], axis=0)
        self.leaning: Leaning | None = leaning(watches, self.looked, self.sensors, lived, state, told)
        if only == "residuals":
            return
        wider = None if self.leaning is None else self.leaning.limits
        own = watches.by_sensor(self.looked, self.sensors, state, told, wider)
        self.own: dict[str, Matrix] = own
        main = watches.level(self.looked, lived, state, told, wider)
        self.level: Matrix = main
        barely: Flags | None = None
        if watches.leans.size:
            barely = self.looked.scarce | self.looked.vague | np.asarray(self.lost.any(axis=1))
            barely &= self.labels != STANDSTILL
        fused = _all_together(watches, watches.fused_rows(self.looked, self.labels, ages, barely), state, live)
        self.fused: Vector = fused
        parts = watches.parts(fused, own, main, told)
        self.causes: Labels = standing(watches, leading(parts), own["stuck"])
        worst = parts.max(axis=1)
        self.scores: Vector = np.where(self.looked.held, np.nan, worst)
        self.shares: Matrix
        if only == "scores":
            self.shares = np.zeros(self.sensors.shape)
        elif watches.traces:
            self.shares = blamed(watches, self.causes, own, main, self.looked.residual, lived, self.scores, told, wider)
        else:
            self.shares = watches.shares(self.causes, own, main, self.looked.residual)
        self.shares[self.looked.held] = 0.0
        self.scores[self.beyond] = np.maximum(worst[self.beyond], max(BEYOND, CLEAR * limit))
        self.causes[self.beyond] = len(PARTS)
        still = self.labels == STANDSTILL
        self.causes[watches.frozen(own["stuck"], self.sensors, watches.longest_of(told))] = CAUSES.index(FROZEN)
        for told_of, rows, cause in (
            (watches.zeros, watches.nothing, ZEROS),
            (watches.nearly_zeros, watches.nearly_nothing, NEARLY_ZEROS),
        ):
            if told_of and still.any():
                nothing = still & rows(shown[:, watches.watched])
                self.scores[nothing] = max(BEYOND, CLEAR * limit)
                self.causes[nothing] = CAUSES.index(cause)
        stays = staying(rules, raw, self.looked.held, state)[:, watches.watched]
        # Where the machine is not seen that is told.
        stays &= (self.causes != CAUSES.index(FROZEN))[:, None]
        if stays.any():
            self.stayed = stays
            self.shares += self._raised(stays, worst, max(BEYOND, CLEAR * limit), STAYS)
        if fixed is not None:
            moved = self._moved(rules, fixed, worst, max(BEYOND, CLEAR * limit))
        self.alarms, state.alarm, state.over = alarmed(self.scores, limit, state.alarm, state.over)
        self.limits: Vector = np.full(len(self.scores), limit)
        self.band: Vector = watches.band * watches.scale
        present = 1.0 - np.isnan(self.sensors).mean(axis=1)
        self.confidences: Vector = np.where(self.looked.held, 0.0, present)
        if off is not None:
            # People read what the instrument shows.
            self.sensors = shown[:, watches.watched]
            self.looked.expected += off[:, watches.watched]
        if stays.any():
            self.sensors = np.where(stays, raw[:, watches.watched], self.sensors)
        if fixed is not None and moved.shape[1]:
            self.with_constants(rules, fixed, moved)

    def with_constants(self, rules: Rules, fixed: Matrix, shares: Matrix) -> None:
        """A column more for each constant that alarms."""
        constants = rules.constants
        expected = np.where(self.looked.held[:, None], np.nan, constants.level)
        self.sensors = np.hstack([self.sensors, fixed[:, ~constants.driver]])
        self.looked.expected = np.hstack([self.looked.expected, expected])
        self.shares = np.hstack([self.shares, shares])
        self.band = np.append(self.band, constants.band)

    def _moved(self, rules: Rules, fixed: Matrix, worst: Vector, size: float) -> Matrix:
        """Let rows alarm in which a constant has changed; its share of their scores."""
        moved = rules.constants.moved(fixed)[:, ~rules.constants.driver] & ~self.looked.held[:, None]
        return self._raised(moved, worst, size, MOVED)

    def _raised(self, moved: Flags, worst: Vector, size: float, cause: str) -> Matrix:
        """Let rows alarm in which some columns have a reading that is told by itself; their share of the scores."""
        rows = np.flatnonzero(moved.any(axis=1))
        share = np.zeros(moved.shape)
        if len(rows):
            others = np.clip(worst[rows], 0.0, 1e6)
            part = size**4 / (size**4 + others**4)
            share[rows] = moved[rows] * (part / np.count_nonzero(moved[rows], axis=1))[:, None]
            self.shares[rows] *= (1.0 - part)[:, None]
            self.causes[rows[others <= size]] = CAUSES.index(cause)
            self.scores[rows] = np.maximum(self.scores[rows], size)
        return share

    def taken(self, readings: Readings, names: Sequence[str]) -> Readings:
        """Readings without those that count as none; `names` are the columns in use."""
        if self.none is None:
            return readings
        found = copy(readings)
        found.values = readings.values.copy(order="F")
        place = {name: number for number, name in enumerate(readings.names)}
        for number in np.flatnonzero(self.none.any(axis=0)).tolist():
            if names[number] in place:
                found.values[self.none[:, number], place[names[number]]] = np.nan
        return found

    def episodes(self, names: Sequence[str], regime_names: Sequence[str]) -> list[Episode]:
        """Alarms that belong together."""
        return found_episodes(
            self.alarms,
            self.scores,
            self.limits,
            self.shares,
            self.sensors,
            self.looked.expected,
            self.band,
            names,
            self.regimes,
            regime_names,
            self.causes,
            CAUSES,
            self.moving,
        )


def judge(
    rules: Rules,
    watches: Watches,
    raw: Matrix,
    off: Matrix | None,
    state: State,
    limit: float,
    live: bool,
    fixed: Matrix | None = None,
    absent: Labels | None = None,
    only: Literal["residuals", "scores"] | None = None,
) -> Verdict:
    """Judge rows that follow those that `state` remembers; `off` is what sensors read too much since a calibration,
    `fixed` are the readings of constants, before each row so many rows are `absent`.

    Where `only` residuals or scores are wanted, nobody is blamed for these, and of those nothing follows.
    """
    return Verdict(rules, watches, raw, off, fixed, state, limit, live, absent, only)


def _all_together(watches: Watches, rows: Matrix, state: State, live: bool) -> Vector:
    if watches.fused is None or not len(rows):
        return np.full(len(rows), -np.inf)
    if not live:
        return np.asarray(watches.fused.score(rows))
    if state.fused is None:
        state.fused = type(watches.fused).from_bytes(watches.fused.to_bytes())
    return np.asarray(state.fused.update(rows))
