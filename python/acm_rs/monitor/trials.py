"""What a Monitor would have found in a history with known events, had it watched."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from acm_rs.frames import type_name
from acm_rs.monitor import arguments, words
from acm_rs.monitor.alarms import FIRST, alarmed, spells
from acm_rs.monitor.events import Event, events_of, lasting
from acm_rs.monitor.monitor import Monitor
from acm_rs.monitor.outcomes import Backtest, Outcome, Trial
from acm_rs.monitor.reading import Readings, read
from acm_rs.monitor.result import Result

__all__ = ["BUDGETS", "backtest", "run_backtest", "sliced"]

Flags = NDArray[np.bool_]

BUDGETS = (0.001, 0.003, 0.01, 0.03, 0.1)
"""Shares of healthy rows in alarm that are tried."""
MONTH = 30.4375 * 86_400e9
"""Nanoseconds."""
PER_ROWS = 1000.0
"""Where there are no times, false alarms are counted in so many rows."""


def backtest(
    history: Any,
    events: Any,
    monitor: Monitor | None = None,
    *,
    times: Any = None,
    budgets: Sequence[float] = BUDGETS,
    before: Any = None,
    parts: int = 5,
) -> Backtest:
    """What a Monitor would have found in a history with known events, for several budgets of false alarms.

    Parameters
    ----------
    history : frame, or array of float64 or float32, shape (n, d)
        Rows = time, oldest first; columns = sensors, as for ``Monitor.fit``.
    events : list of tuples, or frame
        What is known to have been wrong: (start, end) or (start, end, name), both ends included, as times or as row
        numbers; a day stands for the whole of it, an end of None for the start. Of a frame the columns start, end and
        name.
    monitor : Monitor, optional
        One that has learnt is judged as it is, on the rows after its training. Any other gives its settings alone.
    times : str or array of datetime64, optional
        As for ``Monitor.fit``.
    budgets : sequence of float, default (0.001, 0.003, 0.01, 0.03, 0.1)
        Shares of healthy rows that may be in alarm, each above 0 and below 0.5.
    before : duration or int, optional
        How long before its start an alarm counts as a warning of an event: "7d", numpy.timedelta64 or
        datetime.timedelta; a number of rows where there are no times. By default it does not.
    parts : int, default 5
        The history is cut in so many parts of as many rows. Each but the first is judged by a Monitor that learnt from
        the parts before it, without the events known by then. Not used where ``monitor`` has learnt.

    Returns
    -------
    Backtest
        ``print`` shows it; ``table`` has a row for each budget, ``outcomes`` one for each event and budget.

    Raises
    ------
    TypeError
        An argument is of another type.
    ValueError
        A value is outside what it may be, or there are too few healthy rows to learn from.

    Notes
    -----
    An event is *found* where an alarm begins from ``before`` its start to its end, *missed* where none does: one that
    was running already tells nobody anything. An event without rows that were judged (a standstill, the first part) is
    neither. The *lead time* is from the alarm's begin to the event's start: negative where the alarm came after it. An
    alarm that begins outside all of these windows is *false*. Months are those of healthy rows that were judged: rows
    outside the windows.

    See Also
    --------
    compare : Two Monitors beside each other.

    Examples
    --------
    >>> import numpy as np, acm_rs
    >>> random = np.random.default_rng(0)
    >>> x = 50 + random.normal(size=(2500, 2)) @ random.normal(size=(2, 5)) + 0.2 * random.normal(size=(2500, 5))
    >>> x[1400:1500, 2] += 1.5
    >>> x[2300:, 4] += 0.8
    >>> tried = acm_rs.backtest(x, [(1400, 1500, "blade"), (2300, 2499, "bearing")], parts=3)
    >>> [one.found for one in tried.budgets]
    [2, 2, 2, 2, 2]
    >>> [one.culprit for one in tried.budgets[2].outcomes]
    ['x2', 'x4']
    """
    if monitor is not None and not isinstance(monitor, Monitor):
        raise TypeError(f"`monitor` must be a Monitor, got {type_name(monitor)}")
    return run_backtest(history, events, monitor, times, budgets, before, parts, lambda _: None)


def run_backtest(
    history: Any,
    events: Any,
    monitor: Monitor | None,
    times: Any,
    budgets: Sequence[float],
    before: Any,
    parts: int,
    told: Callable[[str], None],
) -> Backtest:
    """The same, telling what is being done."""
    monitor = Monitor() if monitor is None else monitor
    fitted = monitor._learned is not None
    rates = _rates(budgets)
    readings = read(history, times, monitor._about["columns"] if fitted else None)
    rows = len(readings.values)
    axis = _axis(readings)
    known = events_of(events, readings.times, readings.zone)
    ahead = lasting(before, readings.times is not None, "before")
    windows = [_window(one, axis, ahead) for one in known]
    if fitted:
        pieces, learnt, remarks = _judged_by(monitor, history, times, readings.times, rows)
    else:
        pieces, learnt, remarks = _learning(monitor, history, times, readings, known, windows, parts, told)
    outside = np.ones(rows, bool)
    for first, end in windows:
        outside[first:end] = False
    step = float(np.median(np.diff(axis))) if rows > 1 else 1.0
    unit = PER_ROWS if readings.times is None else MONTH / max(step, 1.0)
    scores = np.full(rows, np.nan)
    alarms = np.zeros((len(rates), rows), bool)
    judged: list[tuple[int, Result]] = []
    for first, judge in pieces:
        told("judging")
        result, limits = _scored(judge, rates)
        end = first + len(result.scores)
        scores[first:end] = result.scores
        for place, limit in enumerate(limits):
            alarms[place, first:end] = alarmed(result.scores, limit)[0]
        judged.append((first, result))
    known_rows = ~np.isnan(scores)
    trials = []
    for place, rate in enumerate(rates):
        starts, _ = spells(alarms[place], known_rows)
        outcomes = [
            _outcome(one, window, axis, readings.times, alarms[place], known_rows, starts, judged)
            for one, window in zip(known, windows, strict=True)
        ]
        healthy = int(np.count_nonzero(known_rows & outside))
        false = int(np.count_nonzero(outside[starts]))
        trials.append(
            Trial(
                budget=rate,
                outcomes=outcomes,
                alarms=len(starts),
                false_alarms=false,
                false_per_month=false / (healthy / unit) if healthy else np.nan,
                healthy_in_alarm=float(alarms[place][known_rows & outside].mean()) if healthy else np.nan,
            )
        )
    return Backtest(
        events=known,
        budgets=trials,
        trained_on=learnt,
        healthy_rows=int(np.count_nonzero(known_rows & outside)),
        judged_rows=int(np.count_nonzero(known_rows)),
        step=None if readings.times is None else step,
        before=ahead,
        remarks=remarks,
        sheet=readings.sheet,
        utc=readings.utc,
    )


def _axis(readings: Readings) -> NDArray[np.int64]:
    """Where the rows are: nanoseconds since 1970, or their numbers."""
    return np.arange(len(readings.values)) if readings.times is None else readings.times.astype(np.int64)


def _rates(budgets: Any) -> list[float]:
    if isinstance(budgets, str) or not isinstance(budgets, Sequence | np.ndarray):
        raise TypeError(f"`budgets` must be a list of shares of rows, got {type_name(budgets)}")
    found = []
    for rate in budgets:
        number = arguments.budget(rate, None)[0]
        assert number is not None
        found.append(number)
    if not found:
        raise ValueError("`budgets` must hold at least one share of rows, got none")
    return sorted(set(found))


def _window(event: Event, axis: NDArray[np.int64], ahead: int) -> tuple[int, int]:
    """The rows in which an alarm finds an event."""
    start, end = _number(event.start), _number(event.end)
    return int(np.searchsorted(axis, start - ahead, "left")), int(np.searchsorted(axis, end, "right"))


def _number(moment: Any) -> int:
    return int(moment.astype(np.int64)) if isinstance(moment, np.datetime64) else int(moment)


def sliced(frame: Any, times: Any, first: int, end: int) -> tuple[Any, Any]:
    """Some rows of a frame or array, and their times."""
    part = slice(first, end)
    when = times if times is None or isinstance(times, str) else times[part]
    if isinstance(frame, np.ndarray):
        return frame[part], when
    if hasattr(frame, "iloc"):
        return frame.iloc[part], when
    import narwhals as nw

    return nw.from_native(frame, eager_only=True)[part].to_native(), when


Judge = tuple[Monitor, Any, Any]
"""A Monitor that has learnt, and the rows that it shall judge, with their times."""


def _judged_by(
    monitor: Monitor, history: Any, times: Any, when: NDArray[np.datetime64] | None, rows: int
) -> tuple[Iterator[tuple[int, Judge]], list[str], list[str]]:
    """The rows after the training of a Monitor that has learnt."""
    span = monitor._about["span"]
    first, remarks = 0, []
    if span is None or when is None:
        remarks.append(
            "whether rows of the history were learnt from cannot be told without times; those look healthier than they "
            "are"
        )
    else:
        first = int(np.searchsorted(when.astype(np.int64), span[1], "right"))
        if first == rows:
            raise ValueError(
                f"`history` must have rows after the training of the Monitor, which ends at "
                f"{words.moment(np.datetime64(span[1], 'ns'))}; give an unfitted Monitor to learn on the way"
            )
        if first:
            remarks.append(f"{first:,} rows up to the end of the training are not judged")
    own = Monitor.from_bytes(monitor.to_bytes())
    trained = own.summary().partition("\n")[0]
    return iter([(first, (own, *sliced(history, times, first, rows)))]), [trained], remarks


def _learning(
    monitor: Monitor,
    history: Any,
    times: Any,
    readings: Readings,
    events: Sequence[Event],
    windows: Sequence[tuple[int, int]],
    parts: int,
    told: Callable[[str], None],
) -> tuple[Iterator[tuple[int, Judge]], list[str], list[str]]:
    """Each part but the first, judged by what was learnt from those before."""
    if isinstance(parts, bool) or not isinstance(parts, int | np.integer):
        raise TypeError(f"`parts` must be a whole number, got {type_name(parts)}")
    rows = len(readings.values)
    if not 2 <= parts <= max(2, rows // 2):
        raise ValueError(f"`parts` must be at least 2 and leave two rows a part, got {parts} for {rows:,} rows")
    cuts = np.linspace(0, rows, int(parts) + 1).round().astype(int).tolist()
    axis = _axis(readings)
    trained: list[tuple[int, int, Flags]] = []
    for cut, last in pairwise(cuts[1:]):
        healthy = np.ones(cut, bool)
        for one, (first, end) in zip(events, windows, strict=True):
            # What had not begun was not known.
            if _number(one.start) <= axis[cut - 1]:
                healthy[first:end] = False
        trained.append((cut, last, healthy))
    learnt = [_told(cut, last, healthy, readings.times, readings.utc) for cut, last, healthy in trained]

    def pieces() -> Iterator[tuple[int, Judge]]:
        for number, (cut, last, healthy) in enumerate(trained):
            told(f"learning from {int(healthy.sum()):,} rows, for part {number + 2} of {len(trained) + 1}")
            own = Monitor(drivers=monitor.drivers, kinds=monitor.kinds, limits=monitor.limits)
            frame, when = sliced(history, times, 0, cut)
            try:
                own.fit(frame, times=when, healthy=healthy)
            except ValueError as error:
                raise ValueError(f"{error} (in the first {cut:,} rows; fewer `parts` leave more)") from None
            yield cut, (own, *sliced(history, times, cut, last))

    return pieces(), learnt, []


def _told(cut: int, end: int, healthy: Flags, when: NDArray[np.datetime64] | None, utc: bool) -> str:
    """What a part was judged by."""
    left = int(np.count_nonzero(~healthy))
    out = f", less {left:,} of known events" if left else ""
    return f"{_span(0, cut, when, utc)} ({cut:,} rows{out}), for the rows {_span(cut, end, when, utc)}"


def _span(first: int, end: int, when: NDArray[np.datetime64] | None, utc: bool) -> str:
    if when is None:
        return f"{first:,} to {end - 1:,}"
    return words.span_text((when[first], when[end - 1]), utc)


def _scored(judge: Judge, rates: Sequence[float]) -> tuple[Result, list[float]]:
    """The rows scored, and the limit of each budget."""
    monitor, frame, when = judge
    limits = []
    for rate in rates:
        monitor.set_budget(rate)
        limits.append(monitor._limit)
    # Rows beyond all that was learnt score above the limit: above the greatest, they are so at every budget.
    monitor.set_budget(rates[int(np.argmax(limits))])
    return monitor.score(frame, times=when), limits


def _outcome(
    event: Event,
    window: tuple[int, int],
    axis: NDArray[np.int64],
    times: NDArray[np.datetime64] | None,
    alarms: Flags,
    known: Flags,
    starts: NDArray[np.int64],
    pieces: Sequence[tuple[int, Result]],
) -> Outcome:
    """What became of an event."""
    first, end = window
    if not known[first:end].any():
        return Outcome(event, None)
    begun = starts[(starts >= first) & (starts < end)]
    if not begun.size:
        return Outcome(event, False, running=bool(alarms[first:end].any()))
    row = int(begun[0])
    lead = float(_number(event.start) - axis[row])
    rows = row + np.flatnonzero(alarms[row:end])[:FIRST]
    return Outcome(event, True, row if times is None else times[row], lead, culprit=_culprit(rows, pieces))


def _culprit(rows: NDArray[np.int64], pieces: Sequence[tuple[int, Result]]) -> str:
    """The sensor with the greatest share of the score in some rows, all of them in one piece at least."""
    begin, result = next((first, result) for first, result in reversed(pieces) if first <= rows[0])
    mine = rows[rows < begin + len(result.scores)] - begin
    shares = result.shares[mine].mean(axis=0)
    return result.names[int(shares.argmax())] if shares.any() else ""
