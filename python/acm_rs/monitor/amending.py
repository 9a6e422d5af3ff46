"""What people know better than a history: a Monitor is told, and every change stands in its log."""

from __future__ import annotations

from copy import copy
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from acm_rs._native import __version__
from acm_rs.monitor import accepting, arguments, flagging, telling, words
from acm_rs.monitor.calibrated import told_near
from acm_rs.monitor.changes import difference, entry, restored, signed
from acm_rs.monitor.episode import Episode
from acm_rs.monitor.history import Chunk, History
from acm_rs.monitor.judging import judge, matched
from acm_rs.monitor.reading import Readings, read
from acm_rs.monitor.rebasing import Rebase, shifts
from acm_rs.monitor.relearning import Relearning
from acm_rs.monitor.result import Result, told
from acm_rs.monitor.state import put_watches, take_watches

__all__ = ["Amended"]

Flags = NDArray[np.bool_]
Sign = tuple[str | None, str | None, str | None]
Kept = tuple[dict[str, Any], dict[str, NDArray[Any]]]

ENOUGH = 20
"""Judged rows from which an offset is learnt at least."""


class Amended(Relearning):
    """A Monitor that can be told what it cannot know."""

    # ---- changes --------------------------------------------------------------------------------------------------

    @property
    def log_(self) -> list[dict[str, Any]]:
        """Every change since the fit, oldest first: number, what, told, by, when, why, and which entry undid it."""
        self._fitted()
        return [dict(line) for line in self._log]

    def set_budget(
        self,
        false_alarm_rate: float | None = None,
        alarms_per_day: float | None = None,
        *,
        by: str | None = None,
        when: Any = None,
        why: str | None = None,
    ) -> None:
        """Change the budget of false alarms, without another fit.

        Parameters
        ----------
        false_alarm_rate : float, optional
            Share of the healthy rows that may be in alarm.
        alarms_per_day : float, optional
            Alarms a day that a healthy machine may give, instead; needs times at the fit.
        by : str, optional
            Who wants it, for the log.
        when : str or datetime, optional
            When it was decided, for the log; no clock is read.
        why : str, optional
            Why, for the log.

        Raises
        ------
        TypeError
            A budget is no number, or what is for the log is no text.
        ValueError
            It is outside what it may be, none or both are given, or the fit had no times.
        """
        if (false_alarm_rate is None) == (alarms_per_day is None):
            raise ValueError("give either `false_alarm_rate` or `alarms_per_day`")
        rate, per_day = arguments.budget(false_alarm_rate, alarms_per_day)
        sign = signed(by, when, why)
        if self._learned is None:
            self._rate, self._per_day = rate, per_day
            return
        if per_day is not None and self._about["step"] is None:
            raise ValueError("`alarms_per_day` needs times at the fit; ask for a `false_alarm_rate`")
        before = self._kept()
        self._rate, self._per_day = rate, per_day
        self._set_limit()
        asked = words.share(rate) + " of healthy rows" if rate is not None else f"{per_day:g} alarms a day"
        self._note("budget", f"the budget is {asked}", sign, before)

    def accept(
        self,
        span: Any,
        frame: Any = None,
        *,
        times: Any = None,
        by: str | None = None,
        when: Any = None,
        why: str | None = None,
    ) -> None:
        """Say that some rows were healthy: they do not alarm any more, nor does what is like them.

        They join the history, which is learnt again; of what still alarms then, the limits become as much wider as it
        takes, sensor by sensor. ``update`` begins anew.

        Parameters
        ----------
        span : tuple (from, to), or Episode
            Times or row numbers, both ends included, None where an end is left open; or an episode of the result in
            ``frame``.
        frame : Result, or frame or array, optional
            Where the rows are: what ``score`` gave, or what it was given. By default the history of the fit.
        times : str or array of datetime64, optional
            As for ``fit``, where ``frame`` is no result.
        by : str, optional
            Who says it, for the log.
        when : str or datetime, optional
            When it was decided, for the log; no clock is read.
        why : str, optional
            Why, for the log.

        Raises
        ------
        RuntimeError
            Before ``fit``.
        TypeError
            ``frame`` is no frame, or ``span`` no pair.
        ValueError
            There are no rows in the span, or it lies outside of the history where no ``frame`` is given.

        Examples
        --------
        >>> import numpy as np, acm_rs
        >>> random = np.random.default_rng(0)
        >>> load = random.normal(size=(2500, 2))
        >>> x = 50 + load @ random.normal(size=(2, 6)) + 0.2 * random.normal(size=(2500, 6))
        >>> x[2300:, 4] += 0.6
        >>> monitor = acm_rs.Monitor().fit(x[:2000])
        >>> result = monitor.score(x[2000:])
        >>> monitor.accept(result.found[-1], result, by="Huber", why="new bearing")
        >>> bool(result.alarms[310:].all()), bool(monitor.score(x[2000:]).alarms[310:].any())
        (True, False)
        """
        self._fitted()
        sign = signed(by, when, why)
        number = len(self._log)
        if frame is None:
            history = self._own("accept")
            rows = self._span_of(span, history)
            said = telling.stretches(np.flatnonzero(rows), history.times)[0] + _utc(history)
        else:
            readings = self._read(frame, times)
            inside = self._span_of(span, readings)
            said = telling.stretches(np.flatnonzero(inside), readings.times)[0] + _utc(readings)
            history, rows = self._with(readings, inside)
        history = history.marked(rows, number)
        before = self._kept()
        with self._whole():
            if self._history is None:
                # Without the history the algebra of the limits is all there is.
                rules, watches = self._fitted()
                self._learned = take_watches(*put_watches(rules, watches))
                self._allow(history, rows)
                self._state = self._fresh()
                self._set_limit()
            else:
                self._learn(history, self._fitted()[0].rebased)
        wide = accepting.told(self._fitted()[1], self.sensors_)
        result = f"; limits are wider now: {', '.join(wide)}" if wide else "; no limit had to be wider"
        self._note("accept", f"{_rows(rows)} healthy ({said}){result}", sign, before)

    def exclude(self, span: Any, *, by: str | None = None, when: Any = None, why: str | None = None) -> None:
        """Take rows out of the history: something was wrong then. What is left is learnt again.

        The Monitor is then the same, to the last bit, as one that was fitted without them. ``update`` begins anew.

        Parameters
        ----------
        span : tuple (from, to)
            Times or row numbers of the history, both ends included, None where an end is left open.
        by : str, optional
            Who says it, for the log.
        when : str or datetime, optional
            When it was decided, for the log; no clock is read.
        why : str, optional
            Why, for the log.

        Raises
        ------
        RuntimeError
            Before ``fit``.
        TypeError
            ``span`` is no pair.
        ValueError
            The history has no rows in the span that were learnt from, too few are left, or it was saved without its
            history.
        """
        self._fitted()
        sign = signed(by, when, why)
        history = self._own("exclude")
        rows = self._span_of(span, history) & history.chosen
        if not rows.any():
            raise ValueError(
                f"`span` must hold rows that were learnt from, got {span!r:.80}; they are left out already"
            )
        before = self._kept()
        with self._whole():
            self._learn(history.marked(rows, 0), self._fitted()[0].rebased)
        when_told = telling.stretches(np.flatnonzero(rows), history.times)[0] + _utc(history)
        self._note("exclude", f"{_rows(rows)} taken out of the history ({when_told})", sign, before)

    def rebase(
        self,
        sensor: str,
        since: Any,
        frame: Any = None,
        *,
        times: Any = None,
        by: str | None = None,
        when: Any = None,
        why: str | None = None,
    ) -> None:
        """Say that a sensor was calibrated anew: how much more it reads since then is learnt, and no fault.

        Nothing else is learnt again, unless the history reaches beyond that time. ``update`` begins anew.

        Parameters
        ----------
        sensor : str
            A sensor that is watched.
        since : time or int
            The first time, or the first row of ``frame``, at which it reads anew. Earlier rows are taken as they are;
            without times all rows to come are later.
        frame : Result, or frame or array, optional
            Rows from then on, some tens at least: what ``score`` gave, or what it was given. By default the history of
            the fit.
        times : str or array of datetime64, optional
            As for ``fit``, where ``frame`` is no result.
        by : str, optional
            Who says it, for the log.
        when : str or datetime, optional
            When it was decided, for the log; no clock is read.
        why : str, optional
            Why, for the log.

        Raises
        ------
        RuntimeError
            Before ``fit``.
        TypeError
            ``frame`` is no frame.
        ValueError
            The sensor is not watched, or there are less than 20 rows since then that can be judged.
        """
        rules, watches = self._fitted()
        sign = signed(by, when, why)
        if sensor not in self.sensors_:
            watched = ", ".join(self.sensors_)
            raise ValueError(f"`sensor` must be one that is watched, got {sensor!r:.60}; watched: {watched}")
        source = self._own("rebase") if frame is None else self._read(frame, times)
        n = len(source.values)
        rows = self._span_of((since, None), source, "since")
        values, _ = matched(source, rules.names) if isinstance(source, Readings) else (source.values, [])
        begins: list[int] = []
        if isinstance(source, History):
            values = np.asfortranarray(values[:, [source.names.index(name) for name in rules.names]])
            begins = source.begins
        values, _ = rules.counters.risen(values, rules.names, source.times, begins=begins)
        off = shifts(rules.rebased, rules.names, source.times, n, history=frame is None)
        place = rules.names.index(sensor)
        alone = values.copy(order="F")
        alone_read = rules.clean(values)[0][:, place]
        alone[rows, place] = np.nan
        seen = judge(rules, watches, alone, off, self._fresh(), self._limit, False)
        # Without its own reading, it should read what the others let expect.
        expected = seen.looked.expected[:, self.sensors_.index(sensor)]
        if off is not None:
            expected = expected - off[:, place]
        left = (alone_read - expected)[rows & ~seen.looked.held]
        left = left[~np.isnan(left)]
        if len(left) < ENOUGH:
            raise ValueError(
                f"`since` must leave at least {ENOUGH} rows in which {sensor!r} can be judged, got {len(left)}; give "
                "more rows since then"
            )
        offset = float(np.median(left))
        first = int(np.flatnonzero(rows)[0])
        known = None
        if isinstance(source, History):
            known = told_near(self._about.get("calibrations", []), sensor, first, n)
        learnt, later = f"learnt from {len(left):,} rows", []
        if known is not None:
            # What is expected was learnt from both levels.
            first, size = known
            offset = size + (0.0 if off is None else float(off[first, place]))
            learnt = "as found in the history"
            later = [one for one in rules.rebased if one.sensor == sensor and one.comes_after(first, source.times)]
        nanoseconds = None if source.times is None else int(source.times[first].astype(np.int64))
        row = first if isinstance(source, History) and nanoseconds is None else None
        latest = Rebase(sensor, nanoseconds, row, offset)
        rebased = [one for one in rules.rebased if one not in later] + [latest]
        rebased += [replace(one, offset=one.offset + size) for one in later]
        before = self._kept()
        history = self._history
        with self._whole():
            if (
                history is not None
                and shifts([latest], history.names, history.times, len(history.chosen), True) is not None
            ):
                self._learn(history, rebased)
            else:
                self._learned = copy(rules), watches
                self._learned[0].rebased = rebased
                self._state = self._fresh()
                self._hash = self._ready = None
        since_told = f"row {first:,}" if source.times is None else words.moment(source.times[first]) + _utc(source)
        now, unit = float(np.nanmedian(alone_read[rows])), self._about["units"].get(sensor, "")
        unit = self._notes.get(f"unit:{sensor}", unit)
        reads, should = told(now, now - offset)
        more = (
            f"{words.number(abs(offset), 4)}{' ' * bool(unit)}{unit} {'more' if offset > 0.0 else 'less'} than before"
        )
        said = f"{sensor} reads {more} since {since_told} ({reads} where {should} would be expected), {learnt}"
        self._note("rebase", said, sign, before)

    def rollback(self, n: int = 1, *, by: str | None = None, when: Any = None, why: str | None = None) -> None:
        """Undo the last changes: all that was learnt, and what ``update`` remembered, is as it was before them.

        The log goes on: it keeps what was undone, and says so.

        Parameters
        ----------
        n : int, default 1
            How many of the changes that are in force.
        by : str, optional
            Who wants it, for the log.
        when : str or datetime, optional
            When it was decided, for the log; no clock is read.
        why : str, optional
            Why, for the log.

        Raises
        ------
        RuntimeError
            Before ``fit``.
        TypeError
            ``n`` is no integer.
        ValueError
            ``n`` is below 1, or there are less changes.
        """
        self._fitted()
        sign = signed(by, when, why)
        if isinstance(n, bool) or not isinstance(n, int | np.integer):
            raise TypeError(f"`n` must be an integer, got {type(n).__name__}")
        force = sorted(self._undo)
        if not 1 <= n <= len(force):
            have = "no change is" if not force else "1 change is" if len(force) == 1 else f"{len(force)} changes are"
            raise ValueError(f"`n` must be from 1 to the number of changes in force, got {n}; {have} in force")
        number = len(self._log)
        with self._whole():
            for last in reversed(force[-n:]):
                settings, arrays = restored(self._undo[last], self._kept()[1])
                self._take(settings, arrays, self._history)
        undone = force[-n:]
        self._log = [line | ({"undone": number} if line["number"] in undone else {}) for line in self._log]
        self._undo = {last: change for last, change in self._undo.items() if last not in undone}
        which = ", ".join(f"{last} ({self._log[last]['what']})" for last in undone)
        by, told_when, why = sign
        self._log = [*self._log, entry(number, "rollback", f"undone: {which}", by, told_when, why)]
        self._hash = None

    # ---- how ------------------------------------------------------------------------------------------------------

    def _note(self, what: str, told: str, sign: Sign, before: Kept) -> None:
        """A change that was made: its line in the log, and what undoes it."""
        number = len(self._log)
        settings, arrays = before
        self._undo = {**self._undo, number: difference(settings, arrays, self._kept()[1], __version__)}
        self._log = [*self._log, entry(number, what, told, *sign)]
        self._hash = None

    def _own(self, what: str) -> History:
        if self._history is None:
            way = "give `frame`" if what != "exclude" else "load a file that has it, or fit again without the span"
            raise ValueError(f"this Monitor was saved without its history, from which {what}() takes rows; {way}")
        return self._history

    def _read(self, frame: Any, times: Any) -> Readings:
        if isinstance(frame, Result):
            if frame._source is None:
                raise ValueError(
                    "`frame` must be a result that score() or update() gave, got one that was made by hand"
                )
            return frame._source
        readings = read(frame, times, self._about["columns"])
        self._heed(readings, frame)
        return readings

    def _heed(self, readings: Readings, frame: Any) -> tuple[list[flagging.Rule], list[flagging.Flagged]]:
        """What columns say of others' readings: the bad ones are missing then."""
        if "flags" not in self._about:
            return [], []
        rules = [flagging.Rule.take(one) for one in self._about["flags"]["rules"]]
        return rules, flagging.heed(rules, readings, frame)

    def _span_of(self, span: Any, source: History | Readings, name: str = "span") -> Flags:
        """The rows of a span."""
        n = len(source.values) if isinstance(source, Readings) else len(source.chosen)
        if isinstance(span, Episode):
            if isinstance(source, History):
                raise TypeError(
                    "`span` must be times or rows where no `frame` is given, got an Episode; give its Result"
                )
            span = (span.start, span.end - 1)
        if not isinstance(span, tuple | list) or len(span) != 2:
            raise TypeError(f"`{name}` must be (from, to), or an Episode, got {span!r:.80}")
        zone = (
            source.zone if isinstance(source, Readings) else self._about.get("zone") or ("UTC" if source.utc else None)
        )
        rows = arguments.inside(span, source.times, n, name, zone)
        if not rows.any():
            where = "the history" if isinstance(source, History) else "`frame`"
            have = "has no rows" if not n else f"has {n:,} rows"
            if n and source.times is not None and not any(isinstance(end, int | np.integer) for end in span):
                have = f"reaches from {words.span_text((source.times[0], source.times[-1]), source.utc)}"
            raise ValueError(f"`{name}` must hold rows, got none {arguments.spelled(span)}; {where} {have}")
        return rows

    def _with(self, readings: Readings, inside: Flags) -> tuple[History, Flags]:
        """The history with the rows of a frame and some before them, and which are those of the span."""
        names = self._about["columns"]
        values, _ = matched(readings, names)
        first, last = np.flatnonzero(inside)[[0, -1]].tolist()
        some = slice(max(0, first - accepting.BEFORE), last + 1)
        own, times = self._history, readings.times
        when = None if own is None else own.times
        if own is not None and (when is None) != (times is None):
            raise ValueError(
                "`frame` must have times where the history of the fit has them, and none where it has none"
            )
        new = np.ones(last + 1 - some.start, bool)
        if when is not None and times is not None:
            # Rows that are in the history already are accepted there.
            new = ~np.isin(times[some], when)
        marked = inside[some][new]
        chunk = Chunk.of(
            np.asfortranarray(values[some][new]),
            None if times is None else times[some][new],
            np.zeros(len(marked), bool),
        )
        if own is None:
            return History(names, {}, readings.utc, [chunk]), marked
        history = own.grown(chunk) if marked.any() else own
        flat = np.zeros(sum(len(one) for one in history.chunks), bool)
        if marked.any():
            flat[-len(marked) :] = marked
        rows: Flags = flat[history.order]
        if when is not None and times is not None:
            rows |= np.isin(history.times, times[inside])  # type: ignore[arg-type]
        return history, rows


def _utc(source: History | Readings) -> str:
    return " UTC" if source.utc else ""


def _rows(rows: Flags) -> str:
    many = int(rows.sum())
    return "1 row was" if many == 1 else f"{many:,} rows were"
