"""Monitor: healthy history in, new readings in; alarms with their causes out."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from acm_rs.clocks import not_used, set_aside
from acm_rs.frames import listed
from acm_rs.monitor import arguments, flagging, remarking, staleness, telling, words
from acm_rs.monitor.alike import Alike
from acm_rs.monitor.amending import Amended
from acm_rs.monitor.changes import entry
from acm_rs.monitor.cleaning import Rules
from acm_rs.monitor.hindsight import Explained, in_hindsight
from acm_rs.monitor.history import Chunk, History
from acm_rs.monitor.holding import Bounds
from acm_rs.monitor.judging import absent_rows, follow, judge, matched
from acm_rs.monitor.lesson import usual_step
from acm_rs.monitor.one_row import Quick
from acm_rs.monitor.plane import plane
from acm_rs.monitor.reading import Readings, read
from acm_rs.monitor.rebasing import shifts
from acm_rs.monitor.result import Result
from acm_rs.monitor.saving import pack
from acm_rs.monitor.several import refuse_several
from acm_rs.monitor.standing import hold
from acm_rs.monitor.standing import told as held
from acm_rs.monitor.state import put_watches
from acm_rs.monitor.turned import Seen, Trial
from acm_rs.monitor.units import refuse_other_units
from acm_rs.monitor.watches import State, Watches

__all__ = ["Monitor"]

Matrix = NDArray[np.float64]
Flags = NDArray[np.bool_]


class Monitor(Amended):
    """The job of the whole: learns a machine from its healthy history, and tells what is wrong with it later, and who
    did it.

    Nothing needs tuning. What was left out, mended or guessed stands in ``summary()``.

    Parameters
    ----------
    false_alarm_rate : float, default 0.01
        Share of the healthy rows that may be in alarm, above 0 and below 0.5.
    alarms_per_day : float, optional
        Alarms a day that a healthy machine may give, instead; needs times.
    drivers : sequence of str, optional
        Columns that say what is asked of the machine: load, speed, ambient temperature. They condition the others and
        are not watched themselves; beyond their trained range nothing alarms.
    kinds : mapping of str to str, optional
        What a column is where it is taken for something else: "continuous", "state" or "set point" (they condition the
        others and are not watched), "counter" (its rise is watched) or "ignore".
    limits : mapping of str to (low, high), optional
        Physical limits: what lies beyond is no reading. None is no limit.

    Raises
    ------
    TypeError
        A parameter is of another type.
    ValueError
        A parameter is outside what it may be.

    Notes
    -----
    Error codes, dead, constant and text columns are found and told. A standstill is a regime and is not judged, nor
    are the rows in which a machine settles after a change of regime. What each sensor should read is the conditional
    expectation of a normal law, given all other sensors, in its regime [1]_; squares of the main components let
    relations bend; what a sensor's readings have been rounded to, more coarsely than in the history, counts as noise of
    its own. The residuals are watched for shifts (exponentially weighted means [2]_), scatter and stuck
    readings, the main components for levels, and all sensors at once by a `FusedDetector`. The limits come from rows
    that the model had not seen; the score is the greatest of the parts, each over its limit.

    .. [1] Anderson, An Introduction to Multivariate Statistical Analysis, 3rd edition, 2003, section 2.5.
    .. [2] Roberts, Control chart tests based on geometric moving averages, Technometrics 1, 1959,
           doi 10.1080/00401706.1959.10489860.

    Examples
    --------
    >>> import numpy as np, acm_rs
    >>> random = np.random.default_rng(0)
    >>> load = random.normal(size=(2500, 2))
    >>> x = 50 + load @ random.normal(size=(2, 6)) + 0.2 * random.normal(size=(2500, 6))
    >>> x[2300:, 4] += 0.6
    >>> monitor = acm_rs.Monitor().fit(x[:2000])
    >>> result = monitor.score(x[2000:])
    >>> bool(result.score["alarm"][310:].all()), bool(result.score["alarm"][:300].mean() < 0.03)
    (True, True)
    >>> result.episodes["culprits"][-1].split(";")[0], bool(result.episodes["open"][-1])
    ('x4 +', True)
    """

    def __init__(
        self,
        *,
        false_alarm_rate: float = 0.01,
        alarms_per_day: float | None = None,
        drivers: Sequence[str] | None = None,
        kinds: Mapping[str, str] | None = None,
        limits: Mapping[str, tuple[float | None, float | None]] | None = None,
    ) -> None:
        self._rate, self._per_day = arguments.budget(false_alarm_rate, alarms_per_day)
        self._drivers = arguments.names_of(drivers, "drivers")
        self._kinds = arguments.kinds_of(kinds)
        self._limits = arguments.limits_of(limits)
        self._notes: dict[str, str] = {}
        self._learned: tuple[Rules, Watches] | None = None
        self._history: History | None = None
        self._log: list[dict[str, Any]] = []
        self._undo: dict[int, bytes] = {}
        self._ready: Quick | None = None
        self._alike: Alike | None = None
        self._named: dict[str, Any] | None = None

    def _fitted(self) -> tuple[Rules, Watches]:
        if self._learned is None:
            raise RuntimeError(
                "this Monitor has not learnt a machine yet; call fit(frame) with its healthy history first"
            )
        return self._learned

    def __repr__(self) -> str:
        told = f"false_alarm_rate={self._rate:g}" if self._rate is not None else f"alarms_per_day={self._per_day:g}"
        parts = [told]
        if self._drivers:
            parts.append(f"drivers={list(self._drivers)}")
        if self._kinds:
            parts.append(f"kinds={self._kinds}")
        if self._limits:
            parts.append(f"limits={self._limits}")
        return f"Monitor({', '.join(parts)})"

    # ---- learning -------------------------------------------------------------------------------------------------

    def fit(self, frame: Any, *, times: Any = None, healthy: Any = None) -> Self:
        """Learn from a healthy history, best of some weeks with all usual loads.

        Parameters
        ----------
        frame : frame, or array of float64 or float32, shape (n, d)
            Rows = time, oldest first; columns = sensors. Columns of texts are left out. An array's columns are called
            x0, x1, ...
        times : str or array of datetime64, optional
            When the rows were: a column's name, or a time for each. By default the index of dates, or the one column
            of dates. Rows may come irregularly.
        healthy : array of bool, tuple or list of tuples, optional
            The rows to learn from: a truth for each, or spans (from, to) of times or row numbers, both ends included;
            None leaves an end open. By default all.

        Returns
        -------
        Monitor
            Itself.

        Raises
        ------
        TypeError
            ``frame`` is no frame or float array, or ``times`` are no times.
        ValueError
            There are too few rows (80 healthy ones with the machine running), no sensor changes, times go back or are
            missing where ``alarms_per_day`` needs them, a column tells that the rows are those of several machines, or
            a name in ``drivers``, ``kinds`` or ``limits`` is unknown.
        """
        readings = read(frame, times)
        # What says how good readings are may be texts.
        kinds = [name for name, kind in self._kinds.items() if kind != "ignore" or name not in readings.texts]
        arguments.unknown_columns([*self._drivers, *kinds, *self._limits], readings.names)
        if not len(readings.values):
            raise ValueError("`frame` must have rows to learn from, got none")
        refuse_several(frame, readings)
        if self._per_day is not None and usual_step(readings.times) is None:
            raise ValueError("`alarms_per_day` needs times; give `times`, or ask for a `false_alarm_rate`")
        chosen = arguments.healthy_rows(healthy, readings.times, len(readings.values), readings.zone)
        asked = {*self._drivers, *self._kinds, *self._limits}
        heeded = flagging.learn(readings, frame, asked, chosen)
        set_aside(readings, asked)
        chunk = Chunk.of(readings.values, readings.times, chosen)
        history = History(readings.names, readings.texts, readings.utc, [chunk], readings.units)
        clocks, zone = not_used(frame, readings, asked), readings.zone
        # The frame's own form of the values is not held meanwhile.
        del readings
        self._learn(history, [], clocks, zone, heeded)
        self._log = [entry(0, "fit", f"trained on {telling.trained_on(self._about)}")]
        self._undo = {}
        return self

    # ---- scoring --------------------------------------------------------------------------------------------------

    def score(self, frame: Any, *, times: Any = None) -> Result:
        """What is wrong in a history, and who did it.

        Parameters
        ----------
        frame : frame, or array of float64 or float32, shape (n, d)
            Columns are matched by name, in any order: those that are absent count as missing, others are ignored, and
            ``Result.remarks`` tells both. An array has the columns of the fit in their order.
        times : str or array of datetime64, optional
            As for ``fit``.

        Returns
        -------
        Result
            Scores, alarms, contributions, expected values and episodes. It does not depend on what was scored before.

        Raises
        ------
        RuntimeError
            Before ``fit``.
        TypeError
            ``frame`` is no frame or float array, or ``times`` are no times.
        ValueError
            More than half of the sensors are absent, or times go back.
        """
        self._fitted()
        return self._judge(frame, times, self._fresh(), live=False)

    def update(self, frame: Any, *, times: Any = None) -> Result:
        """The same for the rows that follow those given to ``update`` before.

        Parameters
        ----------
        frame : frame, or array of float64 or float32, shape (n, d) or (d,), or mapping of str to float
            The next rows, any number. One row may also be an array of one dimension, a series with the sensors' names
            as its labels, or a mapping such as ``{"Oil": 61.2, "Load": 80.0}``.
        times : str or array of datetime64, optional
            As for ``fit``; not before those of the rows before.

        Returns
        -------
        Result
            Of these rows; the same bytes as from one ``score`` of all rows since the fit.

        Raises
        ------
        RuntimeError
            Before ``fit``.
        TypeError
            As for ``score``.
        ValueError
            As for ``score``, or the times lie before those of the rows before, or have a zone where those had none, or
            the other way round; nothing is remembered then.
        """
        self._fitted()
        if isinstance(frame, np.ndarray) and frame.ndim == 1:
            frame = frame[None, :]
        return self._judge(frame, times, self._state, live=True)

    def _settings(self) -> dict[str, Any]:
        """What was asked for."""
        limits = {name: [None if np.isinf(end) else end for end in pair] for name, pair in self._limits.items()}
        return {
            "false_alarm_rate": self._rate,
            "alarms_per_day": self._per_day,
            "drivers": list(self._drivers),
            "kinds": self._kinds,
            "limits": limits,
        }

    def _fresh(self) -> State:
        return self._fresh_of(*self._fitted())

    @staticmethod
    def _fresh_of(rules: Rules, watches: Watches) -> State:
        """The state before all rows."""
        state = State(int(watches.watched.sum()), int((~watches.watched).sum()))
        state.tally = rules.counters.begin()
        return state

    def _judge(self, frame: Any, times: Any, state: State, live: bool) -> Result:
        rules, watches = self._fitted()
        readings = self._opened(frame, times, live)
        if readings.sheet is not None:
            refuse_other_units(self._units, readings.units, self._about["columns"], readings.names)
        heeded, flagged = self._heed(readings, frame)
        values, absent = matched(readings, rules.names)
        missed = absent_rows(readings.times, state.time, self._about)
        if live:
            # What numpy holds never has a zone: after times that had one it is in UTC, as `Result.times` are.
            bare = isinstance(times, np.ndarray) and times.dtype.kind == "M" and state.utc is True
            follow(state, readings.times, len(values), None if bare else readings.utc)
        raw = values
        values, begun = rules.counters.risen(values, rules.names, readings.times, state.tally)
        about, sensors = self._about, self._quick.names
        fixed = rules.constants.read(readings) if rules.constants.names else None
        verdict = None
        if live and len(values) == 1 and missed is None and self._quick.usable:
            verdict = self._quick.judge(values[0], state, self._limit, fixed)
        if verdict is None:
            off = shifts(rules.rebased, rules.names, readings.times, len(values))
            verdict = judge(rules, watches, values, off, state, self._limit, live, fixed, missed)
        holds = hold(verdict, state, raw, readings.times, watches, self._quick.bounds, live)
        clocks = not_used(frame, readings, rules.names)
        remarks = partial(
            remarking.remarks, readings, about, rules, absent, verdict, sensors, begun, heeded, flagged, clocks
        )
        result = Result(
            names=sensors,
            values=verdict.sensors,
            expected_values=verdict.looked.expected,
            band=verdict.band,
            scores=verdict.scores,
            limits=verdict.limits,
            alarms=verdict.alarms,
            regimes=verdict.regimes,
            regime_names=watches.regimes.names,
            confidences=verdict.confidences,
            shares=verdict.shares,
            found=verdict.episodes(sensors, watches.regimes.names) if verdict.alarms.any() else (),
            times=readings.times,
            monitor_card=self._card,
            quality_rows=partial(
                telling.quality,
                readings,
                about,
                rules,
                verdict.coded,
                verdict.outside,
                ~watches.watched,
                watches.regimes.drivers,
            ),
            remarks=remarks,
            units=rules.counters.units(self._units),
            sheet=readings.sheet,
            plane=partial(plane, watches, verdict.sensors, verdict.looked.expected, verdict.regimes),
            utc=readings.utc,
            model=self._identity,
        )
        placed = partial(words.placed, utc=readings.utc, fine=(self._about["step"] or 1e9) < 1e9)
        if live and holds:
            result._remarks = partial(_with, held(holds, rules.names, placed), remarks)
        result._source, result._always, result._causes = readings, self._quick.always, verdict.causes
        result._zone = readings.zone
        result._moving, result._holds = verdict.moving, holds
        result._undriven = np.logical_or.reduce(verdict.lost, axis=1)
        if not live:
            usual = self._usual_runs()
            before = held(holds, rules.names, placed)
            before += in_hindsight(rules, watches, about, self._history, usual, readings, verdict, absent)
            signs = (f"the model may have grown stale: {sign}" for sign in self.stale(result))
            rows = partial(_same, values) if rules.counters.names else partial(_again, readings, rules.names)
            trial = Trial(rules, watches, self._fresh_of, self._limit, rows, fixed, readings.times)
            strayed = np.asarray(verdict.strayed.any(axis=1))
            seen = Seen(
                result.names,
                result.values,
                result.expected_values,
                result.band,
                result.shares,
                result.alarms.copy(),
                strayed,
            )
            result._remarks = Explained(before, trial, seen, self._units, [*remarks(), *signs])
        return result

    def _usual_runs(self) -> dict[str, float]:
        """For how many rows at most each sensor and driver has read the same at the fit."""
        watches = self._fitted()[1]
        # A sensor's limit is twice what it has done, and two more.
        known = dict(zip(self.sensors_, ((watches.longest - 2.0) / 2.0).tolist(), strict=True))
        return known | self._about.get("stood", {})

    def _opened(self, frame: Any, times: Any, live: bool) -> Readings:
        """A frame or array; of the next row of a history is known what that before it was."""
        if times is not None or isinstance(frame, np.ndarray | Mapping):
            return read(frame, times, self._about["columns"])
        # Other threads may score meanwhile.
        alike = self._alike
        known = None if alike is None else alike.read(frame)
        if known is not None:
            return known
        readings = read(frame, names=self._about["columns"])
        if live:
            self._alike = Alike.of(frame, readings)
        return readings

    @property
    def _units(self) -> dict[str, str]:
        """Units of sensors: those of the frame of the fit, and those in ``metadata``."""
        return self._about["units"] | {key[5:]: unit for key, unit in self._notes.items() if key.startswith("unit:")}

    @property
    def _quick(self) -> Quick:
        """What is ready for the next row."""
        if self._ready is None or self._ready.rules is not self._fitted()[0]:
            self._ready = Quick(*self._fitted())
            rules, about = self._ready.rules, self._about
            self._ready.bounds = Bounds(rules.names, self._usual_runs(), about.get("rested", 0))
        return self._ready

    def stale(self, result: Result) -> list[str]:
        """Whether the machine has moved away from what was learnt: in rows outside of alarms, 300 and more.

        Parameters
        ----------
        result : Result
            What ``score`` or ``update`` gave.

        Returns
        -------
        list of str
            The signs in plain words: scores outside of alarms have risen, sensors are off on average though nothing
            alarms, have no readings any more, or the machine is beyond what was learnt too often. Empty where there is
            none. ``score`` puts them among the remarks.

        Raises
        ------
        RuntimeError
            Before ``fit``.
        TypeError
            ``result`` is no `Result`.
        ValueError
            It is of a Monitor with other sensors.
        """
        rules, watches = self._fitted()
        if not isinstance(result, Result):
            raise TypeError(f"`result` must be a Result of score() or update(), got {type(result).__name__}")
        names = (*self.sensors_, *rules.constants.watched)
        if result.names != names:
            raise ValueError(f"`result` must be of the same sensors ({listed(names)}), got {listed(result.names)}")
        return staleness.stale(result, self._scores, watches)

    # ---- words ----------------------------------------------------------------------------------------------------

    @property
    def sha256_(self) -> str:
        """SHA-256 of what was learnt: it changes with every fit, and with what was accepted, excluded or rebased."""
        return self._card["SHA-256 of what was learnt"]

    @property
    def _identity(self) -> dict[str, Any]:
        """What ties a result to its model."""
        if self._hash is None or self._named is None:
            self._named = {
                "sha256": self.sha256_,
                "acm_rs": self._about["version"],
                "settings": self._settings() | {"limit": self._limit},
                "changes": len(self._undo),
            }
        return self._named

    @property
    def _card(self) -> dict[str, str]:
        """What the Monitor is, line by line."""
        rules, watches = self._fitted()
        if self._hash is None:
            self._named = None
            # Neither the budget nor the running version: only what was learnt, and by which version.
            settings, arrays = put_watches(rules, watches)
            self._hash = pack(settings, {**arrays, "scores": self._scores}, self._about["version"])[-32:].hex()
            self._cards = telling.card(self._about, watches, self.sensors_, self._budget_told(), self._hash)
            if self._undo:
                self._cards["changes since the fit"] = "; ".join(telling.changes(self._log))
        return {**({"asset": self._notes["asset"]} if "asset" in self._notes else {}), **self._cards}

    def _budget_told(self) -> str:
        return telling.budget(
            self._rate, self._per_day, self._interval, self._leaves, self._alarm_count, len(self._scores)
        )

    def summary(self) -> str:
        """What was learnt, from what, and what it is worth.

        Returns
        -------
        str
            Plain text of some lines: history, sensors used and left out with reasons, what was mended, regimes,
            watches, budget and warnings.

        Raises
        ------
        RuntimeError
            Before ``fit``.
        """
        rules, watches = self._fitted()
        return telling.summary(
            self._about,
            rules,
            watches,
            self.sensors_,
            self._drivers,
            self._budget_told(),
            self.warnings_,
            self._notes,
            telling.changes(self._log),
        )


def _with(first: list[str], others: Callable[[], list[str]]) -> list[str]:
    return first + others()


def _same(values: Matrix) -> Matrix:
    return values


def _again(readings: Readings, names: list[str]) -> Matrix:
    return matched(readings, names)[0]


def _those(names: Sequence[str], which: Flags) -> list[str]:
    return [name for name, one in zip(names, which.tolist(), strict=True) if one]
