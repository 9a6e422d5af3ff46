"""What a Monitor tells of itself and of what it was given: card, summary and quality."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from acm_rs.monitor import words
from acm_rs.monitor.alarms import BRIDGE, FIRST, alarmed, spells
from acm_rs.monitor.cleaning import Mark, Rules
from acm_rs.monitor.reading import Readings
from acm_rs.monitor.watches import Watches

__all__ = ["budget", "card", "changes", "mended", "own_alarms", "quality", "stretches", "summary"]

Matrix = NDArray[np.float64]
Flags = NDArray[np.bool_]
Counts = NDArray[np.int64]

SPANS = 3
"""Stretches that are told of each finding at most."""


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


def _standing(column: NDArray[np.float64]) -> float:
    """Share of the rows whose reading is exactly that of the row before."""
    return float(np.mean(column[1:] == column[:-1])) if len(column) > 1 else 0.0


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
