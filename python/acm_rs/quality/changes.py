"""What changed against an earlier history."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from acm_rs.frames import listed
from acm_rs.quality.words import NEW, Finding, number, together
from acm_rs.report.words import part

__all__ = ["compare", "facts_of", "other_sensors"]

FEW_VALUES = 20
"""Sensors with no more different values have no resolution to compare."""
STEP = 1.5
"""How many times the reference's step another one is."""
WIDER = 0.1
"""Of the reference's range, what a reading may lie beyond it."""
MORE_MISSING = 0.05
"""Share of the rows that is missing more than in the reference."""

Facts = Mapping[str, Mapping[str, Any]]


def facts_of(reference: Mapping[str, Any]) -> Facts:
    """The facts of the sensors in what `Quality.as_dict` gave."""
    found = reference.get("sensors")
    wanted = {"kind", "distinct", "resolution", "least", "most", "codes", "missing"}
    complete = isinstance(found, Mapping) and all(
        isinstance(fact, Mapping) and wanted <= set(fact) for fact in found.values()
    )
    if not complete:
        raise ValueError(f"`reference` must be what Quality.as_dict gave, got a dict of {listed(list(reference))}")
    return found  # type: ignore[return-value]


def compare(facts: dict[str, dict[str, Any]], earlier: Facts) -> None:
    """Write into the facts of each sensor what changed."""
    if not set(facts) & set(earlier):
        raise ValueError(
            f"`reference` must have sensors of `x`, got {listed(list(earlier))}; `x` has {listed(list(facts))}"
        )
    for name, fact in facts.items():
        before = earlier.get(name)
        if before is None:
            fact["changed"] = [NEW]
            continue
        fact["changed"] = changed = []
        step = _step(fact, before)
        if step is not None:
            fact["step_change"] = list(step)
            changed.append(f"resolution {number(step[0])} to {number(step[1])}")
        if before["kind"] != fact["kind"]:
            changed.append(f"kind {before['kind']} to {fact['kind']}")
        changed += _range(fact, before)
        known = {code["value"] for code in before["codes"]}
        new = [code["value"] for code in fact["codes"] if code["value"] not in known]
        if new:
            changed.append(f"new error codes {', '.join(number(value) for value in new)}")
        if fact["missing"] > before["missing"] + MORE_MISSING:
            changed.append(f"missing {part(before['missing'])} to {part(fact['missing'])}")


def _step(fact: Mapping[str, Any], before: Mapping[str, Any]) -> tuple[float | None, float | None] | None:
    """The reference's step and the one now, where they differ."""
    still = {"empty", "constant", "state"}
    if fact["kind"] in still or before["kind"] in still or min(fact["distinct"], before["distinct"]) <= FEW_VALUES:
        return None
    old, now = before["resolution"], fact["resolution"]
    if old == now or (old is not None and now is not None and max(old, now) < STEP * min(old, now)):
        return None
    return old, now


def _range(fact: Mapping[str, Any], before: Mapping[str, Any]) -> list[str]:
    if None in (fact["least"], before["least"]):
        return []
    room = WIDER * (before["most"] - before["least"])
    if fact["least"] >= before["least"] - room and fact["most"] <= before["most"] + room:
        return []
    then, now = (f"{number(one['least'])} to {number(one['most'])}" for one in (before, fact))
    return [f"reads {now}, where it read {then}"]


def other_sensors(facts: Facts, earlier: Facts) -> list[Finding]:
    """Sensors that only the reference has."""
    gone = [name for name in earlier if name not in facts]
    return (
        [Finding(f"Of the reference's sensors {together(gone)} {'is' if len(gone) == 1 else 'are'} not here.", 84)]
        if gone
        else []
    )
