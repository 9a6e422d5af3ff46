"""Findings in sentences, and the table as text."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from acm_rs.report.words import counted, part, span_text

__all__ = ["Finding", "findings", "summary", "table", "without_dates"]

FEW_SHIFTS = 5
"""More of them are the machine's own levels."""
MISSED = 0.01
"""Share of missing rows that is told."""
LONG_GAP = 0.01
"""Share of the rows that a gap must have to be told."""
NAMED = 40
"""Sensors that a sentence names; the table has all."""
RESTING = 5
"""Rows at a time that a standstill must last to be told: a few sensors repeat by chance."""
NEW = "not in the reference"
"""What is said of a sensor that is new."""
WIDTH = 100
"""Columns of a terminal."""


@dataclass(frozen=True)
class Finding:
    """A sentence, how bad it is (the greater, the worse) and the sensors it accuses."""

    text: str
    weight: float
    sensors: tuple[str, ...] = ()


def number(value: float | None) -> str:
    """A reading as people write it."""
    if value is None or not math.isfinite(value):
        return "-"
    return f"{value:.6g}"


def together(names: Sequence[str]) -> str:
    """Names for a sentence."""
    rest = f" and {len(names) - NAMED:,} more" if len(names) > NAMED else ""
    return ", ".join(names[:NAMED]) + rest


def findings(facts: Mapping[str, Mapping[str, Any]], rows: Mapping[str, Any]) -> list[Finding]:
    """What is wrong, the worst first."""
    found = [*_of_rows(rows, facts), *_of_changes(facts)]
    alike: dict[str, list[str]] = defaultdict(list)
    for name, fact in facts.items():
        found += _of_sensor(name, fact, rows["rows"])
        if fact["kind"] in ("empty", "constant"):
            alike[fact["kind"]].append(name)
        elif fact["wandering"]:
            alike["wandering"].append(name)
    for kind, names in alike.items():
        found.append(_alike(kind, names))
    return sorted(found, key=lambda finding: -finding.weight)


def without_dates(clocks: Sequence[str]) -> list[Finding]:
    """What holds times under another type, if anything does."""
    many = "s" if len(clocks) == 1 else ""
    text = (
        f"{' and '.join(clocks)} hold{many} times that are no dates, of which neither the order nor holes are looked "
        "at: turn them into dates first, as pd.to_datetime does."
    )
    return [Finding(text[0].upper() + text[1:], 93)] if clocks else []


def _alike(kind: str, names: list[str]) -> Finding:
    one = len(names) == 1
    if kind == "empty":
        return Finding(f"{together(names)} {'has' if one else 'have'} no reading at all.", 100, tuple(names))
    if kind == "constant":
        verb = "reads" if one else "read"
        return Finding(f"{together(names)} always {verb} the same.", 20, tuple(names))
    verb = "wanders" if one else "wander"
    return Finding(f"{together(names)} {verb}: there is no level that the readings come back to.", 50, tuple(names))


def _of_sensor(name: str, fact: Mapping[str, Any], rows: int) -> Iterable[Finding]:
    for code in fact["codes"]:
        text = f"{name} reads {code['value']:.10g} in {counted(code['count'], 'row')}"
        why = ", an error code." if fact["codes_given"] else ", far outside everything else: an error code?"
        yield Finding(text + why, 90 + code["count"] / max(rows, 1), (name,))
    if fact["beyond_limits"]:
        low, high = fact["limits"]
        text = (
            f"{name} is beyond its limits ({number(low)} to {number(high)}) in {counted(fact['beyond_limits'], 'row')}"
        )
        reach = f"it reads {number(fact['least'])} to {number(fact['most'])}"
        yield Finding(f"{text}: {reach}.", 88 + fact["beyond_limits"] / max(rows, 1), (name,))
    if fact["frozen"] > 0:
        text = (
            f"{name} is stuck in {part(fact['frozen'])} of the rows, {counted(fact['longest_frozen'], 'row')} at a time"
        )
        since = "" if fact["longest_frozen_at"] is None else f" (from {fact['longest_frozen_at']} on)"
        yield Finding(f"{text} at most{since}, while others move.", 80 + fact["frozen"], (name,))
    if fact["kind"] != "empty" and fact["missing"] >= MISSED:
        text = f"{name} is missing in {part(fact['missing'])} of the rows"
        gap = ""
        if fact["longest_gap"] >= max(2, LONG_GAP * rows):
            gap = f", {counted(fact['longest_gap'], 'row')} in one gap"
            if fact["longest_gap_time"] is not None:
                gap += f" ({span_text(fact['longest_gap_time'])})"
        yield Finding(f"{text}{gap}.", 70 + fact["missing"], (name,))
    if 1 <= fact["shifts"] <= FEW_SHIFTS:
        shift = fact["largest_shift"]
        where = f"row {shift['row']:,}" if shift["time"] is None else shift["time"]
        jump = f"from {number(shift['before'])} to {number(shift['after'])}"
        most = "" if fact["shifts"] == 1 else f", the largest of {fact['shifts']} shifts"
        yield Finding(f"{name} shifts its level at {where} {jump}{most}.", 60 + 1 / fact["shifts"], (name,))


def _of_rows(rows: Mapping[str, Any], facts: Mapping[str, Mapping[str, Any]]) -> Iterable[Finding]:
    if rows.get("backwards"):
        yield Finding(f"Time goes back at {counted(rows['backwards'], 'row')}.", 95)
    if rows.get("without_time"):
        yield Finding(f"{counted(rows['without_time'], 'row')} without a time.", 94)
    if rows.get("duplicates"):
        yield Finding(f"{counted(rows['duplicates'], 'row')} at a time that another row has.", 45)
    if rows.get("holes"):
        longest = f"the longest of {span_text(rows['longest_hole'])} after {rows['longest_hole_after']}"
        every = f" of {span_text(rows['interval'])}"
        yield Finding(f"{counted(rows['holes'], 'hole')} in the sampling{every}, {longest}.", 40)
    if rows["longest_standstill"] >= RESTING:
        text = f"The machine stands still in {part(rows['standstill'])} of the rows"
        since = "" if rows["longest_standstill_at"] is None else f" from {rows['longest_standstill_at']} on"
        resting = sorted(facts, key=lambda name: -facts[name]["standstill"])
        resting = [name for name in resting if facts[name]["standstill"] >= 0.5 * rows["standstill"]]
        which = f"; {together(resting)} repeat exactly" if resting else ""
        yield Finding(f"{text}, {counted(rows['longest_standstill'], 'row')} at a time at most{since}{which}.", 30)
    elif rows["repeated"] > max(1, 0.01 * rows["rows"]):
        yield Finding(f"{counted(rows['repeated'], 'row')} in which every sensor repeats the row before.", 35)


def _of_changes(facts: Mapping[str, Mapping[str, Any]]) -> Iterable[Finding]:
    steps: dict[tuple[str, str], list[str]] = defaultdict(list)
    for name, fact in facts.items():
        step = fact.get("step_change")
        if step is not None:
            before, now = step
            before_text = "no step" if before is None else number(before)
            coarser = now is not None and (before is None or now > before)
            steps["coarser" if coarser else "finer", number(now)].append(f"{name} ({before_text})")
        others = [text for text in fact.get("changed", ()) if not text.startswith("resolution")]
        if others == [NEW]:
            yield Finding(f"{name} is not in the reference.", 54, (name,))
        elif others:
            yield Finding(f"{name}, against the reference: {'; '.join(others)}.", 55, (name,))
    for (way, now), named in steps.items():
        names = tuple(text.rpartition(" (")[0] for text in named)
        what = f"now in steps of {now}" if now != "-" else "now in no steps"
        yield Finding(f"Resolution {way} than the reference: {what}, before in brackets: {together(named)}.", 85, names)


def summary(rows: Mapping[str, Any]) -> str:
    """The history in one line."""
    text = f"{counted(rows['rows'], 'row')} of {counted(rows['sensors'], 'sensor')}"
    if rows.get("first") is not None:
        text += f", {rows['first']} to {rows['last']}"
    if rows.get("interval") is not None:
        text += f", every {span_text(rows['interval'])}" if rows["regular"] else ", at irregular times"
    return text


_HEADS = ("kind", "missing", "gap", "frozen", "codes", "beyond", "step", "shifts", "wanders", "still")


def table(facts: Mapping[str, Mapping[str, Any]], accused: set[str]) -> list[str]:
    """The sensors as lines of text, those that are accused first."""
    order = sorted(facts, key=lambda name: name not in accused)
    cells = [_cells(facts[name]) for name in order]
    widths = (
        [max(len(head), *(len(row[place]) for row in cells), 0) for place, head in enumerate(_HEADS)] if cells else []
    )
    room = max(12, WIDTH - sum(widths) - 2 * len(widths))
    names = [_shown(name, room) for name in order]
    first = max(6, *map(len, names)) if names else 6
    lines = ["  ".join([f"{'sensor':{first}}", *(f"{head:>{w}}" for head, w in zip(_HEADS, widths, strict=True))])]
    for name, row in zip(names, cells, strict=True):
        lines.append("  ".join([f"{name:{first}}", *(f"{cell:>{w}}" for cell, w in zip(row, widths, strict=True))]))
    return [line.rstrip() for line in lines]


def _shown(name: str, room: int) -> str:
    """A name without what a terminal would obey, its middle left out where it is long: its ends tell tags apart."""
    text = "".join(char if char.isprintable() else "\N{REPLACEMENT CHARACTER}" for char in name)
    if len(text) <= room:
        return text
    head = (room - 2) // 3
    return f"{text[:head]}..{text[len(text) - (room - 2 - head) :]}"


def _cells(fact: Mapping[str, Any]) -> tuple[str, ...]:
    def share(value: float) -> str:
        return "" if value == 0 else part(value)

    def count(value: int) -> str:
        return f"{value:,}" if value else ""

    return (
        fact["kind"],
        share(fact["missing"]),
        count(fact["longest_gap"]),
        share(fact["frozen"]),
        count(sum(code["count"] for code in fact["codes"])),
        count(fact["beyond_limits"]),
        "" if fact["resolution"] is None else number(fact["resolution"]),
        count(fact["shifts"]),
        "yes" if fact["wandering"] else "",
        share(fact["standstill"]),
    )
