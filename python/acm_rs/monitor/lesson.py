"""From a kept history to what a Monitor knows: the whole of a fit."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from acm_rs._native import __version__
from acm_rs.fillers import CODES
from acm_rs.frames import listed
from acm_rs.monitor import cleaning, telling
from acm_rs.monitor.calibrated import Shift, calibrated, without
from acm_rs.monitor.cleaning import Rules
from acm_rs.monitor.codelike import codelike
from acm_rs.monitor.constants import Constants
from acm_rs.monitor.counters import Counters, apart
from acm_rs.monitor.following import seen, wander_alone
from acm_rs.monitor.history import History
from acm_rs.monitor.holding import rested
from acm_rs.monitor.learning import OWN_ROWS, learn_watches
from acm_rs.monitor.presence import longest
from acm_rs.monitor.rebasing import Rebase, shifts
from acm_rs.monitor.regimes import STANDSTILL, Regimes
from acm_rs.monitor.screening import seeming
from acm_rs.monitor.watches import Watches
from acm_rs.monitor.words import number

__all__ = ["Lesson", "learn_machine", "usual_step"]

Flags = NDArray[np.bool_]

HUGE = 1e100
"""What no sensor reads."""
FEW = 0.1
"""Share of accepted rows in a regime up to which its relations are those of the other rows."""
NEXT = 1.5
"""Steps within which a row follows another where those of a history do so, but for one in a hundred."""


@dataclass(frozen=True)
class Lesson:
    """What was learnt of a history."""

    rules: Rules
    watches: Watches
    about: dict[str, Any]
    """What is told of the history."""
    scores: NDArray[np.float64]
    """Of its rows, each by a model that had not seen it."""
    firsts: NDArray[np.int64]
    """The sensor that has the greatest share of each."""


def learn_machine(
    history: History,
    kinds: Mapping[str, str],
    limits: Mapping[str, tuple[float, float]],
    drivers: Sequence[str],
    rebased: Sequence[Rebase],
) -> Lesson:
    """Learn everything but the limit."""
    chosen, times, names = history.chosen, history.times, history.names
    step = usual_step(times)
    own = None if times is None else times[chosen]
    held = history.values
    # Columns of numbers that say something of others are none.
    beside = [place for place, name in enumerate(names) if name in history.texts]
    if beside:
        kinds = {**kinds, **{names[place]: "ignore" for place in beside}}
        held = held.copy(order="F")
        held[:, beside] = np.nan
    counters = Counters.of(names, held[chosen], kinds, limits, step, own)
    values, _ = counters.risen(held, names, times, begins=history.begins)
    del held
    beyond = {name: why for name, why in _beyond(names, values, chosen).items() if kinds.get(name) != "ignore"}
    huge = [np.flatnonzero(np.abs(column) > HUGE) for column in values.T]
    if any(len(rows) for rows in huge):
        values = values.copy(order="F")
        for place, rows in enumerate(huge):
            values[rows, place] = np.nan
        values[:, [names.index(name) for name in beyond]] = np.nan
    off = shifts(rebased, names, times, len(values), history=True)
    if off is not None:
        # A code is none less for a calibration.
        values = np.where(np.isin(values, CODES), values, values - off)
    if not chosen.all():
        values = values.copy(order="F")
        values[~chosen] = np.nan
    rules, values, left_out, quality, marks = cleaning.learn(
        names, values, kinds, limits, drivers, int(chosen.sum()), counters
    )
    left_out |= beyond
    left_out |= {names[place]: history.texts[names[place]] for place in beside}
    quality = [row | {"note": beyond[row["sensor"]]} if row["sensor"] in beyond else row for row in quality]
    driving = np.array([name in drivers for name in rules.names], dtype=bool)
    watched = ~(rules.state | driving)
    if not watched.any():
        reasons = "; ".join(f"{name}: {reason}" for name, reason in list(left_out.items())[:8])
        raise ValueError(
            f"`frame` must have a sensor to watch, one that changes and is neither state nor driver, got "
            f"{listed(names)}{f' ({reasons})' if reasons else ''}"
        )
    rules.rebased = list(rebased)
    judged = np.flatnonzero(chosen & (history.accepted == 0))
    levels = calibrated(values, judged, np.zeros(len(values), np.int64), watched)
    away = [one for one in levels if one.few(len(judged))]
    spells = [_known(values, one, judged) for one in away]
    if away:
        values = without(values, away, judged)
    regimes = Regimes.fit(values[chosen], rules.state, driving)
    wrong = seeming(regimes, values, chosen, watched)
    if wrong.any():
        values = values.copy(order="F")
        values[:, watched] = np.where(wrong, np.nan, values[:, watched])
        regimes = Regimes.fit(values[chosen], rules.state, driving)
    labels = regimes.label(values)
    # What was found of all rows is not looked for again.
    known = np.isin(np.arange(len(watched)), [one.place for one in levels])
    more = calibrated(values, judged[labels[judged] >= 0], labels, watched & ~known) if labels.any() else []
    again = [one for one in more if one.few(len(judged))]
    if again:
        spells += [_known(values, one, judged) for one in again]
        values = without(values, again, judged)
        regimes = Regimes.fit(values[chosen], rules.state, driving)
    levels, away = levels + more, away + again
    alone = wander_alone(regimes, values, chosen, watched)
    if alone.any():
        regimes = Regimes.fit(values[chosen], rules.state, driving, alone)
    watches = Watches(regimes, watched)
    healthy = chosen & ~_few(regimes, values, chosen, history.accepted > 0)
    codes = codelike(rules.names, values, judged, watched)
    still = rested(values, regimes.label(values) == STANDSTILL)
    given = [values]
    rises = {name: values[chosen, rules.names.index(name)] for name in rules.counters.names}
    del values
    learned = learn_watches(watches, given, healthy)
    wrong |= learned.belied
    for one, rows in zip(away, spells, strict=True):
        wrong[rows, np.count_nonzero(watched[: one.place])] = True
    sensors = [name for name, one in zip(rules.names, watched.tolist(), strict=True) if one]
    for place, name in enumerate(sensors):
        if name in rises:
            rules.counters.trust(name, rises[name], float(watches.band[place] * watches.scale[place]))
    # Rows that are not learnt from tell that it stops, too.
    watches.zeros = not regimes.still_rows
    shown = history.values[:, [names.index(name) for name in sensors]]
    watches.zeros &= not watches.nothing(shown).any()
    rests = regimes.resting(history.values[:, [names.index(name) for name in rules.names]])
    watches.nearly_zeros = not regimes.still_rows and not (rests & watches.nearly_nothing(shown)).any()
    del shown, rests
    marks += [
        (name, f"reading beyond {HUGE:g}", rows[chosen[rows]])
        for name, rows in zip(names, huge, strict=True)
        if name not in beyond and chosen[rows].any()
    ]
    marks += [
        (name, "reading that the other sensors belie", np.flatnonzero(wrong[:, place]))
        for place, name in enumerate(sensors)
        if wrong[:, place].any()
    ]
    constants = {
        name: _level(history.values[chosen, place])
        for place, name in enumerate(names)
        if left_out.get(name, "").startswith("constant")
    }
    rules.constants = Constants.of(constants, drivers, limits)
    about: dict[str, Any] = {
        "columns": names,
        "texts": list(history.texts),
        "left_out": left_out | history.texts,
        "quality": quality,
        "mended": telling.mended(marks, times),
        "far": telling.stretches(np.flatnonzero(learned.far), times),
        "far_rows": int(np.count_nonzero(learned.far)),
        "unlike": {name: count for name, count in zip(sensors, learned.unlike.tolist(), strict=True) if count},
        "constants": constants,
        "rows": int(chosen.sum()),
        "span": None if times is None else times[chosen][[0, -1]].astype(np.int64).tolist(),
        "step": step,
        "slow": [name for name, slow in zip(sensors, learned.slow, strict=True) if slow],
        "leaves": learned.leaves,
        "lasts": learned.lasts,
        "utc": history.utc,
        "units": history.units,
        "alarms": [],
        "gaps": longest(rules, names, history.values),
        "version": __version__,
    }
    if times is not None and step is not None:
        about["pause"] = _pause(times.astype(np.int64) / step)
    if learned.followed.any():
        about["followed"] = [name for name, one in zip(sensors, learned.followed, strict=True) if one]
        about["roams"] = {name: seen(watches, place) for place, name in enumerate(sensors) if learned.followed[place]}
        about["follows"] = round(2.0 / float(watches.pace[0]) - 1.0)
    told = [one for one in levels if one not in away]
    if told:
        about["calibrations"] = [[rules.names[one.place], one.row, one.size] for one in told if one.until is None]
        about["shifted"] = [_told(one, rules.names[one.place], times, history.utc) for one in told]
    about |= {"codelike": [list(one) for one in codes]} if codes else {}
    undriven = {name: count for name, count in zip(rules.names, learned.undriven.tolist(), strict=True) if count}
    about |= {"undriven": undriven} if undriven else {}
    if still:
        about["rested"] = still
    if learned.stood:
        about["stood"] = {rules.names[place]: rows for place, rows in learned.stood.items()}
    return Lesson(rules, watches, about, learned.scores, learned.firsts)


def _known(values: NDArray[np.float64], one: Shift, rows: NDArray[np.int64]) -> NDArray[np.int64]:
    """The rows of some in which a sensor read something while it was wrong."""
    inside = rows[(rows >= one.row) & (rows < (one.until or 0))]
    return inside[~np.isnan(values[inside, one.place])]


def _told(one: Shift, name: str, times: NDArray[np.datetime64] | None, utc: bool) -> str:
    """Since when a sensor reads differently, and what to do."""
    more = f"{number(abs(one.size), 3)} {'more' if one.size > 0.0 else 'less'}"
    rows = [one.row] if one.until is None else [one.row, one.until]
    when = [telling.stretches(np.array([row]), times)[0] + " UTC" * utc for row in rows]
    if one.until is not None:
        return f"{name} reads {more} from {when[0]} to {when[1]}"
    since = f"{one.row}" if times is None else repr(when[0])
    return f"{name} reads {more} from {when[0]} on (`rebase({name!r}, {since})`)"


def _beyond(names: Sequence[str], values: NDArray[np.float64], chosen: Flags) -> dict[str, str]:
    """Columns of readings most of which no sensor has, and why they are left out."""
    # Their squares, and products of several, are beyond all numbers.
    found = {}
    for name, column in zip(names, values.T, strict=True):
        size = np.abs(column[chosen])
        known = size[~np.isnan(size)]
        count = np.count_nonzero(known > HUGE)
        if count > known.size / 2:
            share = 100.0 * count / known.size
            found[name] = f"beyond {HUGE:g} in {share:.0f} % of its readings, which no sensor reads in any unit"
    return found


def _few(regimes: Regimes, values: NDArray[np.float64], chosen: Flags, accepted: Flags) -> Flags:
    """Accepted rows that are few in their regime: they would blur what the sensors have to do with each other."""
    few = chosen & accepted
    if few.any():
        labels = regimes.label(values)
        for number in np.unique(labels[few]).tolist():
            own = labels == number
            rows, count = np.count_nonzero(own & chosen), np.count_nonzero(own & few)
            if number < 0 or count > FEW * rows or rows - count < OWN_ROWS:
                few &= ~own
    return few


def _level(column: NDArray[np.float64]) -> float:
    """What a constant reads, but for codes."""
    values, counts = np.unique(column[~np.isnan(column)], return_counts=True)
    return float(values[counts.argmax()])


def usual_step(times: NDArray[np.datetime64] | None) -> float | None:
    """Nanoseconds from row to row, usually."""
    if times is None or len(times) < 2:
        return None
    step = float(np.median(np.diff(times).astype(np.int64)))
    return step if step > 0.0 else None


def _pause(when: NDArray[np.float64]) -> float:
    """How many rows later one may be and still follow: of a history without holes each row that is absent counts."""
    even = len(when) > 1 and float(np.quantile(np.diff(when), 0.99)) < NEXT
    return NEXT if even else apart(when)
