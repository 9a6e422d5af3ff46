"""What should be known of readings beside the verdict: the remarks of a result."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from acm_rs.clocks import FALLS
from acm_rs.fillers import CODES
from acm_rs.frames import listed
from acm_rs.monitor import flagging, words
from acm_rs.monitor.cleaning import Rules
from acm_rs.monitor.constants import SAME
from acm_rs.monitor.episode import NEARLY_ZEROS, ZEROS
from acm_rs.monitor.judging import Verdict
from acm_rs.monitor.leaning import less_sharp
from acm_rs.monitor.parting import PERSIST
from acm_rs.monitor.parts import CAUSES
from acm_rs.monitor.presence import absent_text, without_text
from acm_rs.monitor.reading import OF_TYPE, Readings, converted
from acm_rs.monitor.regimes import STANDSTILL, UNKNOWN
from acm_rs.monitor.standing import stuck
from acm_rs.monitor.steps import Told

__all__ = ["at_the_end", "coarse", "remarks", "renamed"]

Matrix = NDArray[np.float64]
Flags = NDArray[np.bool_]
Counts = NDArray[np.int64]

GROWN = 0.2
"""Share of the rows by which more is missing than at the fit before it is told."""
STEPS = 1.5
"""Times by which another sampling step is told."""
AGAIN = 0.2
"""Share of the rows that have the time of the row before from which on that is told."""
FEW = 0.005
"""Share of a sensor's rows up to which coarser readings are an accident."""
EACH = 5
"""Columns of which the same is to be told up to which each has a remark of its own."""
MANY = 20
"""Rows from which on a share is told."""
ENOUGH, ALIKE, STANDS = 20, 0.9, 0.05
"""Readings of a column from which on it may be a sensor under another name, the share of them within that one's trained
range at least, and the share of it that they go through."""


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


def at_the_end(verdict: Verdict) -> list[str]:
    """Rows above their limit with which a history ends before they can be an alarm."""
    known = ~np.isnan(verdict.scores)
    with np.errstate(invalid="ignore"):
        above = (verdict.scores > verdict.limits)[known]
    # As many as there are where none is below.
    over = int(np.argmin(above[::-1])) if not above.all() else len(above)
    if not over or over >= PERSIST or verdict.alarms[known][-1]:
        return []
    rows, lie = ("row", "lies") if over == 1 else (f"{over} rows", "lie")
    return [
        f"the last {rows} {lie} above the limit, and an alarm takes {PERSIST} in sequence: score once more with the "
        "rows that follow; where rows come one by one, `update` and acm-rs watch go on from those before"
    ]


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
    clocks: Sequence[str] = (),
) -> list[str]:
    """What should be known beside the verdict; `clocks` are the times of the frame that are no dates."""
    found = [] if len(readings.values) else ["no rows came, and nothing was judged; look at the source of the frame"]
    texts = [name for name in rules.names if name in readings.texts]
    absent = [name for name in absent if name not in texts]
    if absent:
        found.append(absent_text(absent))
    known = {*about["columns"], *about["texts"]}
    strange = [name for name in (*readings.names, *readings.texts) if name not in known]
    others = flagging.of_others(strange, rules.names) if readings.sheet is not None and strange else {}
    if others:
        found.append(flagging.unheeded(others))
    if clocks:
        found.append(words.no_dates(clocks))
    named = {clock.removesuffix(FALLS) for clock in clocks}
    strange = [name for name in strange if name not in others and repr(name) not in named]
    if strange:
        one = len(strange) == 1
        many = "1 column was" if one else f"{len(strange)} columns were"
        found.append(f"{many} not known at the fit and {'is' if one else 'are'} ignored: {listed(strange)}")
    other = converted(readings, texts)
    if other:
        found.append(f"columns that are not read as numbers and count as missing: {'; '.join(other)}")
    texts = [name for name in texts if not readings.texts[name].startswith(OF_TYPE)]
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
    found += less_sharp(verdict.leaning, sensors)
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
            + ("" if verdict.far is None else f"; far beyond their range: {_counted(rules.names, verdict.far)}")
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
        found.append(without_text(gone))
    if grown:
        more = f" and {len(grown) - 8} more" if len(grown) > 8 else ""
        found.append(f"far more readings are missing than at the fit: {', '.join(grown[:8])}{more}")
    return found
