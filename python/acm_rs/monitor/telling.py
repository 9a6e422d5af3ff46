"""What a Monitor tells of itself and of what it was given: card, summary, quality and remarks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from acm_rs.fillers import CODES
from acm_rs.frames import listed
from acm_rs.monitor import flagging, words
from acm_rs.monitor.alarms import BRIDGE, FIRST, alarmed, spells
from acm_rs.monitor.cleaning import Mark, Rules
from acm_rs.monitor.constants import SAME
from acm_rs.monitor.episode import NEARLY_ZEROS, ZEROS
from acm_rs.monitor.judging import Verdict
from acm_rs.monitor.reading import Readings
from acm_rs.monitor.regimes import STANDSTILL, UNKNOWN
from acm_rs.monitor.standing import stuck
from acm_rs.monitor.steps import Told
from acm_rs.monitor.watches import CAUSES, Watches

__all__ = ["budget", "card", "changes", "mended", "own_alarms", "quality", "remarks", "renamed", "stretches", "summary"]

Matrix = NDArray[np.float64]
Flags = NDArray[np.bool_]
Counts = NDArray[np.int64]

GROWN = 0.2
"""Share of the rows by which more is missing than at the fit before it is told."""
STEPS = 1.5
"""Times by which another sampling step is told."""
AGAIN = 0.2
"""Share of the rows that have the time of the row before from which on that is told."""
SPANS = 3
"""Stretches that are told of each finding at most."""
FEW = 0.005
"""Share of a sensor's rows up to which coarser readings are an accident."""
EACH = 5
"""Columns of which the same is to be told up to which each has a remark of its own."""
MANY = 20
"""Rows from which on a share is told."""


ENOUGH, ALIKE, STANDS = 20, 0.9, 0.05
"""Readings of a column from which on it may be a sensor under another name, the share of them within that one's trained
range at least, and the share of it that they go through."""


def budget(
    rate: float | None, per_day: float | None, interval: dict[str, Any], leaves: float, count: int, rows: int
) -> str:
    """What may alarm, and how sure that is; `leaves` is what sensors that wander may add."""
    asked = (
        f"{words.share(rate)} of healthy rows in alarm"
        if rate is not None
        else f"{per_day:g} alarm{'' if per_day == 1 else 's'} a day"
    )
    low, high = words.share(interval["low"]), words.share(max(interval["high"], leaves))
    mean = words.share(interval["mean"])
    seen = "1 alarm" if count == 1 else f"{count} alarms"
    return (
        f"{asked}; of as many healthy rows to come, about {mean} and from {low} to {high} "
        f"(19 times in 20); the training itself, judged by "
        f"models that had not seen it, has {seen} in {rows:,} rows"
    )


def trained_on(about: dict[str, Any]) -> str:
    """The training history in one line."""
    span = about["span"]
    when = "without times"
    if span is not None:
        first, last = (np.datetime64(end, "ns") for end in span)
        when = words.span_text((first, last), about["utc"])
    every = "" if about["step"] is None else f", every {words.step_text(about['step'])}"
    return f"{about['rows']:,} rows, {when}{every}"


def card(about: dict[str, Any], watches: Watches, sensors: Sequence[str], budget: str, digest: str) -> dict[str, str]:
    """The model in some lines."""
    regimes = watches.regimes
    return {
        "trained on": trained_on(about),
        "sensors": f"{len(sensors)} watched: {', '.join(sensors)}",
        "regimes": "; ".join(words.regimes_told(regimes.names, regimes.counts, regimes.still_rows, regimes.settle)),
        "budget": budget,
        "version": f"acm_rs {about['version']}",
        "SHA-256 of what was learnt": digest,
    }


def changes(log: Sequence[dict[str, Any]]) -> list[str]:
    """What was changed since the fit and is in force, by whom and why."""
    found = []
    for line in log:
        if line["what"] in ("fit", "rollback") or line["undone"] is not None:
            continue
        sign = ", ".join(part for part in (line["by"], line["when"], line["why"]) if part)
        found.append(f"{line['number']}: {line['told']}{f' [{sign}]' if sign else ''}")
    return found


def summary(
    about: dict[str, Any],
    rules: Rules,
    watches: Watches,
    sensors: Sequence[str],
    drivers: Sequence[str],
    budget: str,
    warnings: Sequence[str],
    notes: dict[str, str],
    changed: Sequence[str],
) -> str:
    """Everything in plain text."""
    regimes = watches.regimes
    asset = f" for {notes['asset']}" if "asset" in notes else ""
    lines = [f"Monitor{asset}, trained on {trained_on(about)}"]
    lines += words.wrapped("Watched", [f"{len(sensors)} sensors: {', '.join(sensors)}"])
    states = [name for name, state in zip(rules.names, rules.state.tolist(), strict=True) if state]
    held = [name for name in drivers if name in rules.names]
    lines += words.wrapped("Drivers, which condition the others", [", ".join(held)] if held else [])
    called = {row["sensor"]: row.get("kind", "") for row in about["quality"]}
    for title, kind in (("States", ""), ("Set points", "set point")):
        those = [name for name in states if (called.get(name) == "set point") == bool(kind)]
        lines += words.wrapped(
            f"{title}, which condition the others and are not watched", [", ".join(those)] if those else []
        )
    counters = rules.counters
    lines += words.wrapped(
        f"Counters, whose rise {counters.per} is taken", [", ".join(counters.names)] if counters.names else []
    )
    fixed = set(rules.constants.watched)
    lines += words.wrapped(
        "Left out",
        [
            f"{name}: {reason}{', an alarm where it changes' if name in fixed else ''}"
            for name, reason in about["left_out"].items()
        ],
    )
    lines += words.wrapped("Taken as missing", [_with_way(one, rules) for one in about["mended"]])
    gone = words.left_out(about)
    if any(one.startswith(words.LEFT_OUT) for one in warnings):
        gone[0] += f"; {words.MORE}"
    lines += words.wrapped("Left out of the fit", gone)
    lines += words.wrapped(
        "Regimes", words.regimes_told(regimes.names, regimes.counts, regimes.still_rows, regimes.settle)
    )
    watched = ["shifts, scatter and stuck readings of each sensor beside what the others let expect", "levels of all"]
    watched += ["all sensors together, with the rows before"] if watches.fused is not None else []
    lines += words.wrapped("Watches", [", ".join(watched)])
    lines += words.wrapped("Budget", [budget])
    lines += words.wrapped("Changes since the fit", changed)
    # What was taken as missing or left out stands above.
    told = words.MISSING, words.LEFT_OUT, words.NOT_WATCHED
    lines += words.wrapped("Warnings", [one for one in warnings if not one.startswith(told)])
    return "\n".join(lines)


def _with_way(told: str, rules: Rules) -> str:
    """What was taken as missing; where it alarms as it stays, with what says that it is a reading."""
    for name, stays in zip(rules.names, rules.stays, strict=True):
        if stays and told.startswith(f"{name}: ") and "error code" in told:
            way = f"kinds={{{name!r}: 'continuous'}} takes them as such; where one stays now, it alarms"
            return f"{told}; if those are readings, {way}"
    return told


def quality(
    readings: Readings,
    about: dict[str, Any],
    rules: Rules,
    coded: Counts,
    outside: Counts,
    states: Flags,
    drivers: Flags,
) -> list[dict[str, Any]]:
    """A row for each column of the fit or of the frame: what was wrong with its readings."""
    place = {name: number for number, name in enumerate(readings.names)}
    found = []
    for number, name in enumerate(rules.names):
        note = f"{'driver' if drivers[number] else 'state'}: not watched" if states[number] else ""
        column = readings.values[:, place[name]] if name in place else np.full(0, np.nan)
        found.append(
            {
                "sensor": name,
                "missing": float(np.isnan(column).mean()) if len(column) else 1.0,
                "stuck": _standing(column),
                "codes": int(coded[number]),
                "beyond limits": int(outside[number]),
                "note": note if name in place else "absent: counts as missing",
            }
        )
    empty = {"missing": np.nan, "stuck": np.nan, "codes": 0, "beyond limits": 0}
    for name, reason in about["left_out"].items():
        found.append({"sensor": name, **empty, "note": f"left out at the fit: {reason}"})
    known = {*about["columns"], *about["texts"]}
    for name in (*readings.names, *readings.texts):
        if name not in known:
            found.append({"sensor": name, **empty, "note": "not known at the fit: ignored"})
    return found


def renamed(
    readings: Readings,
    about: dict[str, Any],
    absent: Sequence[str],
    low: Mapping[str, float],
    high: Mapping[str, float],
) -> list[str]:
    """Columns not known at the fit that read as an absent sensor did; `low` and `high` are the trained ranges."""
    known = {*about["columns"], *about["texts"]}
    pairs = []
    for place, name in enumerate(readings.names):
        column = readings.values[:, place]
        column = column[~np.isnan(column)]
        if name in known or len(column) < ENOUGH:
            continue
        for sensor in absent:
            within = (column >= low[sensor]) & (column <= high[sensor])
            wide = np.ptp(column[within]) if within.any() else 0.0
            # What stands still anywhere in it is no sensor of this kind.
            if within.mean() >= ALIKE and wide > STANDS * (high[sensor] - low[sensor]) > 0.0:
                pairs.append((name, sensor))
    names, sensors = ([pair[side] for pair in pairs] for side in (0, 1))
    return [
        f"{name!r}, not known at the fit, reads as {sensor!r} did, which is absent; if it was renamed, give the column "
        "its former name"
        for name, sensor in pairs
        if names.count(name) == 1 and sensors.count(sensor) == 1
    ]


def _standing(column: NDArray[np.float64]) -> float:
    """Share of the rows whose reading is exactly that of the row before."""
    return float(np.mean(column[1:] == column[:-1])) if len(column) > 1 else 0.0


def remarks(
    readings: Readings,
    about: dict[str, Any],
    rules: Rules,
    absent: Sequence[str],
    verdict: Verdict,
    sensors: Sequence[str],
    begun: Sequence[int] = (),
    heeded: Sequence[flagging.Rule] = (),
    flagged: Sequence[flagging.Flagged] = (),
) -> list[str]:
    """What should be known beside the verdict."""
    found = [] if len(readings.values) else ["no rows came, and nothing was judged; look at the source of the frame"]
    if absent:
        many = "1 sensor is absent and counts" if len(absent) == 1 else f"{len(absent)} sensors are absent and count"
        found.append(f"{many} as missing: {listed(absent)}")
    known = {*about["columns"], *about["texts"]}
    strange = [name for name in (*readings.names, *readings.texts) if name not in known]
    others = flagging.of_others(strange, rules.names) if readings.sheet is not None and strange else {}
    if others:
        found.append(flagging.unheeded(others))
    strange = [name for name in strange if name not in others]
    if strange:
        one = len(strange) == 1
        many = "1 column was" if one else f"{len(strange)} columns were"
        found.append(f"{many} not known at the fit and {'is' if one else 'are'} ignored: {listed(strange)}")
    texts = [name for name in rules.names if name in readings.texts]
    if texts:
        found.append(f"columns that held numbers at the fit hold none now: {listed(texts)}")
    if about["span"] is not None and readings.times is not None and len(readings.times):
        first, last = (np.datetime64(end, "ns") for end in about["span"])
        inside = int(np.count_nonzero((readings.times >= first) & (readings.times <= last)))
        if inside:
            found.append(
                f"{inside:,} of {len(readings.times):,} rows lie within the training "
                f"({words.span_text((first, last), about['utc'])}): what was learnt from them looks healthier than it "
                "is"
            )
    if about["step"] is not None and readings.times is not None and len(readings.times) >= MANY:
        steps = np.diff(readings.times).astype(np.int64)
        step, again = float(np.median(steps)), int(np.count_nonzero(steps == 0))
        if again > AGAIN * len(steps):
            found.append(
                f"{again:,} of {len(readings.times):,} rows have the time of the row before; where rows are written "
                "twice, leave one of them out: what counts in rows is twice as short, and healthy rows may alarm"
            )
        if step > 0.0 and not 1.0 / STEPS < step / about["step"] < STEPS:
            found.append(
                f"rows come every {words.step_text(step)}, at the fit every {words.step_text(about['step'])}: what "
                "counts in rows is shorter or longer than it was there, and healthy rows may alarm; bring the rows to "
                "the step of the fit first"
            )
    found += flagging.remarks(heeded, flagged)
    if verdict.coded.any():
        found.append(f"error codes, taken as missing: {_counted(rules.names, verdict.coded)}")
    if verdict.outside.any():
        found.append(f"readings beyond their limits, taken as missing: {_counted(rules.names, verdict.outside)}")
    coarser = ""
    if verdict.told is not None:
        coarser = _coarser([rules.names[place] for place in verdict.stepped.tolist()], verdict.told)
    if coarser:
        found.append(
            f"readings in coarser steps than at the fit: {coarser}; what was rounded away counts as noise of theirs, "
            "and small faults are found later"
        )
    if verdict.stayed is not None:
        found += _stayed(sensors, verdict.stayed, verdict.sensors)
    if any(begun):
        found.append(
            f"counters that have begun anew: {_counted(rules.counters.names, np.asarray(begun))}; what they had risen "
            "by is missing"
        )
    place = {name: number for number, name in enumerate(readings.names)}
    codes = dict(zip(rules.names, verdict.coded.tolist(), strict=True))
    found += _missing(readings, about, [name for name in rules.names if name in place], codes)
    moved = [
        name
        for name, value in about["constants"].items()
        if name in place and np.any(np.abs(readings.values[:, place[name]] - value) > 0.0)
    ]
    if moved:
        found.append(f"columns that were constant in the training change now: {listed(moved)}")
    taken = verdict.taken(readings, rules.names)
    unseen = {
        row["sensor"]: new
        for row in about["quality"]
        if row["sensor"] in place and "values" in row
        for new in [_unseen(taken.values[:, place[row["sensor"]]], row["values"])]
        if new.size
    }
    if len(unseen) > EACH:
        found.append(
            f"{len(unseen)} columns have values that training has never seen: "
            f"{_counted(list(unseen), np.array([new.size for new in unseen.values()]))}; what the others read then is "
            "extrapolated"
        )
    else:
        found += [
            f"{name} has values that training has never seen ({_values(new)}) in {int(new.size):,} rows: what the "
            "others read then is extrapolated"
            for name, new in unseen.items()
        ]
    labels, beyond = verdict.labels, verdict.beyond
    zeros = np.isin(verdict.causes, [CAUSES.index(ZEROS), CAUSES.index(NEARLY_ZEROS)])
    still, away = int(np.count_nonzero((labels == STANDSTILL) & ~zeros)), int(np.count_nonzero(labels == UNKNOWN))
    if still:
        found.append(f"{still:,} rows at a standstill, which are not judged")
    if np.count_nonzero(beyond):
        found.append(
            f"{int(np.count_nonzero(beyond)):,} rows are beyond all that training has seen, "
            + (
                "which no driver explains: wear, another state, or a fault of many sensors"
                if verdict.driven
                else "by load or wear: no drivers are named that would tell which"
            )
        )
    scarce = int(np.count_nonzero(verdict.scarce))
    if scarce:
        found.append(f"{scarce:,} rows have readings of less than half of the sensors, and are not judged")
    for name, rows in zip(rules.names, np.count_nonzero(verdict.lost, axis=0).tolist(), strict=True):
        if rows:
            found.append(f"no reading of driver {name} in {rows:,} rows, which are not judged")
    bridged = np.count_nonzero(verdict.bridged, axis=0)
    if bridged.any():
        found.append(
            f"no reading of drivers, in rows that are judged by what the sensors tell of them: "
            f"{_counted(rules.names, bridged)}; small faults are found later there"
        )
    # Files of former versions do not have it.
    for name, rows in about.get("stood", {}).items():
        if name in place:
            found += stuck(name, readings, taken.values[:, place[name]], verdict.labels != STANDSTILL, rows)
    roams = about.get("roams", {})
    running = verdict.sensors[verdict.labels >= 0] if roams else verdict.sensors[:0]
    gone = {}
    for name, (low, high) in roams.items():
        own = running[:, list(sensors).index(name)]
        gone[name] = int(np.count_nonzero((own < low) | (own > high)))
    gone = {name: count for name, count in gone.items() if count}
    if len(gone) > EACH:
        found.append(
            f"{len(gone)} sensors are beyond all that training has seen: "
            f"{_counted(list(gone), np.array(list(gone.values())))}; their level follows the readings, and where they "
            "went there before these rows or slowly nothing alarms"
        )
    else:
        for name, count in gone.items():
            least, most = (words.number(end, 4) for end in roams[name])
            found.append(
                f"{name} is beyond all that training has seen ({least} to {most}) in {count:,} rows: its level follows "
                "the readings, and where it went there before these rows or slowly nothing alarms"
            )
    strayed = np.count_nonzero(verdict.strayed, axis=0)
    if strayed.any():
        told = _counted(rules.names, strayed)
        found.append(f"drivers beyond their trained range, in rows that are not judged: {told}")
    away -= int(np.count_nonzero(beyond | verdict.lost.any(axis=1) | verdict.strayed.any(axis=1)))
    if away > 0:
        found.append(f"{away:,} rows have no reading, or a driver is not what it always was, and are not judged")
    return found


def _values(readings: NDArray[np.float64]) -> str:
    values = np.unique(readings)
    return ", ".join(f"{value:g}" for value in values[:5]) + (", ..." if len(values) > 5 else "")


def _unseen(column: NDArray[np.float64], known: Sequence[float]) -> NDArray[np.float64]:
    """The readings of a state that are none of those of the training; codes and impossible ones are told elsewhere."""
    readings, counts = np.unique(column[~np.isnan(column)], return_counts=True)
    new = np.abs(readings[:, None] - np.asarray(known)).min(axis=1) > SAME * np.maximum(np.abs(readings), 1.0)
    new &= ~np.isin(readings, CODES)
    return np.repeat(readings[new], counts[new])


def _stayed(sensors: Sequence[str], stayed: Flags, readings: Matrix) -> list[str]:
    """Sensors that stay at what counts as no reading, and what to do where it is one."""
    found = []
    for place in np.flatnonzero(stayed.any(axis=0)).tolist():
        values, name = readings[stayed[:, place], place], sensors[place]
        found.append(
            f"{name} stays at {_values(values)}, which came and went in the history and counted as no reading, in "
            f"{len(values):,} rows: if that is a reading of the machine, learn again with "
            f"kinds={{{name!r}: 'continuous'}}, and it counts as one"
        )
    return found


def coarse(names: Sequence[str], verdict: Verdict) -> list[str]:
    """The columns with coarser steps than at the fit in more than a few rows."""
    if verdict.told is None:
        return []
    few = FEW * len(verdict.told.size)
    counts = np.count_nonzero(verdict.told.size > 0.0, axis=0).tolist()
    return [names[place] for place, count in zip(verdict.stepped.tolist(), counts, strict=False) if count > few]


def _coarser(sensors: Sequence[str], told: Told) -> str:
    """Which sensors have coarser steps in more than a few rows, in how many, and what the steps are."""
    found = []
    for name, sizes in zip(sensors, told.size.T, strict=False):
        few = FEW * len(sizes)
        sizes, counts = np.unique(sizes[sizes > 0.0], return_counts=True)
        if counts.sum() > few:
            found.append(f"{name} ({words.number(sizes[counts.argmax()], 1)} in {counts.sum():,} rows)")
    return ", ".join(found[:8]) + (f" and {len(found) - 8} more" if len(found) > 8 else "")


def _counted(names: Sequence[str], counts: Counts) -> str:
    """Names with their counts, the first eight."""
    which = [f"{name} ({count:,})" for name, count in zip(names, counts.tolist(), strict=True) if count]
    return ", ".join(which[:8]) + (f" and {len(which) - 8} more" if len(which) > 8 else "")


def _missing(readings: Readings, about: dict[str, Any], names: Sequence[str], codes: Mapping[str, int]) -> list[str]:
    """Columns that have no readings, or far fewer than at the fit; of those that are there so many are codes."""
    rows = len(readings.values)
    if not rows:
        return []
    place = {name: number for number, name in enumerate(readings.names)}
    coded = {row["sensor"]: row["codes"] / max(about["rows"], 1) for row in about["quality"]}
    before = {row["sensor"]: row["missing"] + coded[row["sensor"]] for row in about["quality"]}
    gone, grown = [], []
    counts = np.count_nonzero(np.isnan(readings.values), axis=0)
    for name in names:
        counts[place[name]] += codes[name]
    if rows < MANY and not (counts == rows).any():
        return []
    for name in names:
        share = float(counts[place[name]]) / rows
        if share == 1.0:
            gone.append(name)
        elif rows >= MANY and share > before[name] + GROWN:
            grown.append(f"{name} ({words.share(share)}, {words.share(before[name])} at the fit)")
    found = []
    if gone:
        found.append(f"without any reading: {listed(gone)}")
    if grown:
        more = f" and {len(grown) - 8} more" if len(grown) > 8 else ""
        found.append(f"far more readings are missing than at the fit: {', '.join(grown[:8])}{more}")
    return found


def mended(marks: Sequence[Mark], times: NDArray[np.datetime64] | None) -> list[str]:
    """What was taken for no reading at the fit, sensor by sensor, and when that was."""
    found: dict[str, list[str]] = {}
    for name, what, rows in marks:
        when = stretches(rows, times)
        rest = len(when) - SPANS
        more = f" and {rest} more time{'s' * (rest > 1)}" if rest > 0 else ""
        plural = (
            what.replace(" ", "s ", 1)
            if what.startswith("reading")
            else what.replace("code", "codes") + ("s" if what == "spike" else "")
        )
        many = f"1 {what}" if len(rows) == 1 else f"{len(rows):,} {plural}"
        found.setdefault(name, []).append(f"{many} ({', '.join(when[:SPANS])}{more})")
    return [f"{name}: {', '.join(parts)}" for name, parts in found.items()]


def stretches(rows: Counts, times: NDArray[np.datetime64] | None) -> list[str]:
    """Rows as stretches, the longest first; those with few rows between them are one."""
    if not len(rows):
        return []
    edges = np.flatnonzero(np.diff(rows) > BRIDGE)
    starts, ends = np.append(0, edges + 1), np.append(edges, len(rows) - 1)
    order, fine = np.argsort(starts - ends, kind="stable"), words.brisk(times)
    return [words.rows_text(int(rows[starts[one]]), int(rows[ends[one]]), times, fine) for one in order.tolist()]


def own_alarms(
    scores: NDArray[np.float64],
    limit: float,
    firsts: Counts,
    sensors: Sequence[str],
    times: NDArray[np.datetime64] | None,
) -> list[str]:
    """The alarms of the training, each with its begin, end and first culprit."""
    alarms, fine = alarmed(scores, limit)[0], words.brisk(times)
    found = []
    for start, end in zip(*(edge.tolist() for edge in spells(alarms, ~np.isnan(scores))), strict=True):
        rows = start + np.flatnonzero(alarms[start:end])[:FIRST]
        culprit = sensors[int(np.bincount(firsts[rows]).argmax())]
        found.append(f"{words.rows_text(start, end - 1, times, fine)} ({culprit})")
    return found
