"""Monitor: healthy history in, new readings in; alarms with their causes out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from acm_rs._native import __version__
from acm_rs.frames import listed
from acm_rs.monitor import arguments, cleaning, telling, words
from acm_rs.monitor.alarms import alarmed, limit_for, limit_for_count, spells, stated_interval
from acm_rs.monitor.cleaning import Rules
from acm_rs.monitor.filing import Filed
from acm_rs.monitor.judging import follow, judge, matched
from acm_rs.monitor.learning import learn_watches
from acm_rs.monitor.reading import Readings, read
from acm_rs.monitor.regimes import Regimes
from acm_rs.monitor.result import Result
from acm_rs.monitor.saving import pack
from acm_rs.monitor.state import put_watches
from acm_rs.monitor.watches import State, Watches

__all__ = ["Monitor"]

Matrix = NDArray[np.float64]
Flags = NDArray[np.bool_]


class Monitor(Filed):
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
        What a column is where it is taken for something else: "continuous", "state" (conditions the others, not
        watched) or "ignore".
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
    relations bend. The residuals are watched for shifts (exponentially weighted means [2]_), scatter and stuck
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

    # ---- what it is -----------------------------------------------------------------------------------------------

    @property
    def false_alarm_rate(self) -> float | None:
        """Share of the healthy rows that may be in alarm; None where the budget is alarms a day."""
        return self._rate

    @property
    def alarms_per_day(self) -> float | None:
        """Alarms a day that a healthy machine may give; None where the budget is a share of rows."""
        return self._per_day

    @property
    def drivers(self) -> tuple[str, ...]:
        """Columns that condition the others and are not watched."""
        return self._drivers

    @property
    def kinds(self) -> dict[str, str]:
        """What columns are, as given."""
        return dict(self._kinds)

    @property
    def limits(self) -> dict[str, tuple[float, float]]:
        """Physical limits, as given; infinite where there is none."""
        return dict(self._limits)

    @property
    def metadata(self) -> dict[str, str]:
        """Free texts that are saved with it by any key: "asset"; "unit:bearing" for the unit of a sensor; ..."""
        return dict(self._notes)

    @metadata.setter
    def metadata(self, given: Mapping[str, str]) -> None:
        self._notes = arguments.notes(given)

    @property
    def feature_names_in_(self) -> NDArray[np.object_]:
        """The columns of numbers that it was fitted on."""
        self._fitted()
        return np.array(self._about["columns"], dtype=object)

    @property
    def sensors_(self) -> tuple[str, ...]:
        """The sensors that are watched."""
        rules, watches = self._fitted()
        return tuple(name for name, used in zip(rules.names, watches.watched.tolist(), strict=True) if used)

    @property
    def left_out_(self) -> dict[str, str]:
        """The columns that are not used at all, each with the reason."""
        self._fitted()
        return dict(self._about["left_out"])

    @property
    def warnings_(self) -> list[str]:
        """What this fit is not worth, in plain words."""
        self._fitted()
        rate = self._rate if self._rate is not None else self._alarm_share
        _rules, watches = self._fitted()
        idle = [
            f"driver {name!r} is left out ({self._about['left_out'][name]}) and conditions nothing"
            for name in self._drivers
            if name in self._about["left_out"]
        ]
        return idle + words.doubts(
            self._about,
            self._interval,
            max(rate, 1e-9),
            self.sensors_,
            watches.fused is not None,
            self._drivers,
            1.0 - np.square(watches.band),
        )

    @property
    def expected_alarms_(self) -> tuple[float, float]:
        """Between which shares of healthy rows in alarm should be, 19 times in 20, in as many rows as at the fit."""
        self._fitted()
        return self._interval["low"], self._interval["high"]

    @property
    def wandering_(self) -> tuple[str, ...]:
        """Sensors that wander so slowly that the history holds few of their ups and downs: their limits are wide."""
        self._fitted()
        return tuple(self._about["slow"])

    @property
    def expected_false_alarms_(self) -> float:
        """The share of healthy rows in alarm that is to be expected, what the history does not know counted in."""
        self._fitted()
        return float(self._interval["mean"])

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
            The rows to learn from: a truth for each, or spans (from, to) of times or row numbers, both ends included.
            By default all.

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
            missing where ``alarms_per_day`` needs them, or a name in ``drivers``, ``kinds`` or ``limits`` is unknown.
        """
        readings = read(frame, times)
        rows = len(readings.values)
        arguments.unknown_columns([*self._drivers, *self._kinds, *self._limits], readings.names)
        if rows == 0:
            raise ValueError("`frame` must have rows to learn from, got none")
        if self._per_day is not None and _step(readings.times) is None:
            raise ValueError("`alarms_per_day` needs times; give `times`, or ask for a `false_alarm_rate`")
        chosen = arguments.healthy_rows(healthy, readings.times, rows)
        values = readings.values
        if not chosen.all():
            values = values.copy(order="F")
            values[~chosen] = np.nan
        rules, values, left_out, quality, marks = cleaning.learn(
            readings.names, values, self._kinds, self._limits, self._drivers, int(chosen.sum())
        )
        drivers = np.array([name in self._drivers for name in rules.names], dtype=bool)
        watched = ~(rules.state | drivers)
        if not watched.any():
            reasons = "; ".join(f"{name}: {reason}" for name, reason in list(left_out.items())[:8])
            raise ValueError(
                f"`frame` must have a sensor to watch, one that changes and is neither state nor driver, got "
                f"{listed(readings.names)}{f' ({reasons})' if reasons else ''}"
            )
        watches = Watches(Regimes.fit(values[chosen], rules.state, drivers), watched)
        learned = learn_watches(watches, values, chosen)
        step = _step(readings.times)
        span = None if readings.times is None else readings.times[chosen][[0, -1]].astype(np.int64).tolist()
        left_out |= readings.texts
        self._about: dict[str, Any] = {
            "columns": readings.names,
            "texts": list(readings.texts),
            "left_out": left_out,
            "quality": quality,
            "mended": telling.mended(marks, readings.times),
            "far": telling.stretches(np.flatnonzero(learned.far), readings.times),
            "far_rows": int(np.count_nonzero(learned.far)),
            "unlike": {
                name: int(count)
                for name, count in zip(_those(rules.names, watched), learned.unlike.tolist(), strict=True)
                if count
            },
            "constants": _constants(readings, left_out),
            "rows": int(chosen.sum()),
            "span": span,
            "step": step,
            "slow": [name for name, slow in zip(_those(rules.names, watched), learned.slow, strict=True) if slow],
            "utc": readings.utc,
            "alarms": [],
            "version": __version__,
        }
        self._scores = learned.scores
        self._learned = rules, watches
        self._state = self._fresh()
        self._hash: str | None = None
        self._set_limit()
        self._about["alarms"] = telling.own_alarms(
            self._scores, self._limit, learned.firsts, self.sensors_, readings.times
        )
        return self

    def _set_limit(self) -> None:
        known = self._scores[~np.isnan(self._scores)]
        if self._per_day is not None:
            self._limit = limit_for_count(known, self._per_day * self._about["step"] / 86_400e9)
        else:
            assert self._rate is not None
            self._limit = limit_for(known, self._rate)
        alarms = alarmed(known, self._limit)[0]
        self._alarm_share = float(alarms.mean())
        self._alarm_count = len(spells(alarms)[0])
        self._interval = stated_interval(known, self._limit, self._rate or self._alarm_share)

    def set_budget(self, false_alarm_rate: float | None = None, alarms_per_day: float | None = None) -> None:
        """Change the budget of false alarms, without another fit.

        Parameters
        ----------
        false_alarm_rate : float, optional
            Share of the healthy rows that may be in alarm.
        alarms_per_day : float, optional
            Alarms a day that a healthy machine may give, instead; needs times at the fit.

        Raises
        ------
        TypeError
            A budget is no number.
        ValueError
            It is outside what it may be, none or both are given, or the fit had no times.
        """
        if (false_alarm_rate is None) == (alarms_per_day is None):
            raise ValueError("give either `false_alarm_rate` or `alarms_per_day`")
        rate, per_day = arguments.budget(false_alarm_rate, alarms_per_day)
        if per_day is not None and self._learned is not None and self._about["step"] is None:
            raise ValueError("`alarms_per_day` needs times at the fit; ask for a `false_alarm_rate`")
        self._rate, self._per_day = rate, per_day
        if self._learned is not None:
            self._hash = None
            self._set_limit()

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
        frame : frame, or array of float64 or float32, shape (n, d) or (d,)
            The next rows, any number; one row where an array has one dimension.
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
            As for ``score``, or the times lie before those of the rows before; nothing is remembered then.
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
        _, watches = self._fitted()
        return State(int(watches.watched.sum()), int((~watches.watched).sum()))

    def _judge(self, frame: Any, times: Any, state: State, live: bool) -> Result:
        rules, watches = self._fitted()
        readings = read(frame, times, self._about["columns"])
        values, absent = matched(readings, rules.names)
        if live:
            follow(state, readings.times)
        about, sensors = self._about, _those(rules.names, watches.watched)
        verdict = judge(rules, watches, values, state, self._limit, live)
        return Result(
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
            found=verdict.episodes(sensors, watches.regimes.names),
            times=readings.times,
            monitor_card=self._card,
            quality_rows=partial(
                telling.quality, readings, about, rules, verdict.coded, verdict.outside, ~watches.watched
            ),
            remarks=telling.remarks(readings, about, rules, absent, verdict),
            units={key[5:]: unit for key, unit in self._notes.items() if key.startswith("unit:")},
            sheet=readings.sheet,
            utc=readings.utc,
        )

    # ---- words ----------------------------------------------------------------------------------------------------

    @property
    def _card(self) -> dict[str, str]:
        """What the Monitor is, line by line."""
        rules, watches = self._fitted()
        if self._hash is None:
            # Neither the budget nor the running version: only what was learnt, and by which version.
            settings, arrays = put_watches(rules, watches)
            self._hash = pack(settings, {**arrays, "scores": self._scores}, self._about["version"])[-32:].hex()
            self._cards = telling.card(self._about, watches, self.sensors_, self._budget_told(), self._hash)
        return {**({"asset": self._notes["asset"]} if "asset" in self._notes else {}), **self._cards}

    def _budget_told(self) -> str:
        return telling.budget(self._rate, self._per_day, self._interval, self._alarm_count, len(self._scores))

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
            self._about, rules, watches, self.sensors_, self._drivers, self._budget_told(), self.warnings_, self._notes
        )


def _constants(readings: Readings, left_out: Mapping[str, str]) -> dict[str, float]:
    """The columns that were constant, and their value."""
    found = {}
    for place, name in enumerate(readings.names):
        if left_out.get(name, "").startswith("constant"):
            column = readings.values[:, place]
            found[name] = float(column[~np.isnan(column)][0])
    return found


def _those(names: Sequence[str], which: Flags) -> list[str]:
    return [name for name, one in zip(names, which.tolist(), strict=True) if one]


def _step(times: NDArray[np.datetime64] | None) -> float | None:
    """Nanoseconds from row to row, usually."""
    if times is None or len(times) < 2:
        return None
    step = float(np.median(np.diff(times).astype(np.int64)))
    return step if step > 0.0 else None
