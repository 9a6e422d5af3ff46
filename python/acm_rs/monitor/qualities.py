"""Columns of qualities of a history, and of later readings: it is told where one of them has none."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from acm_rs.monitor import flagging

__all__ = ["kept", "missed", "remarked", "rules_of"]

_KEY = "qualities"
"""Under which a model's metadata hold them."""


def kept(qualities: Mapping[str, Sequence[str]], sensors: Collection[str]) -> dict[str, str]:
    """The columns of qualities of some sensors, as metadata."""
    own = {name: list(columns) for name, columns in qualities.items() if name in sensors and columns}
    return {_KEY: json.dumps(own, ensure_ascii=False)} if own else {}


def rules_of(monitor: Any) -> list[flagging.Rule]:
    """How a Monitor itself heeds columns of qualities that no file explains."""
    return [flagging.Rule.take(one) for one in monitor._about.get("flags", {"rules": []})["rules"]]


def missed(monitor: Any, qualities: Mapping[str, Sequence[str]], columns: Collection[str] = ()) -> list[str]:
    """What is to be said where readings have other columns of qualities than the history of a Monitor.

    `columns` are those that the Monitor's own rules have heeded.
    """
    known = [str(name) for name in monitor.feature_names_in_]
    before, now = _known(monitor), {name: list(own) for name, own in qualities.items() if name in known}
    for rule in rules_of(monitor):
        before.setdefault(rule.sensor, []).append(rule.column)
        if rule.column in columns:
            now.setdefault(rule.sensor, []).append(rule.column)
    return flagging.compared(before, now)


def _known(monitor: Any) -> dict[str, list[str]]:
    try:
        found = json.loads(monitor.metadata.get(_KEY, "{}"))
        return {str(name): [str(one) for one in columns] for name, columns in found.items()}
    except (ValueError, TypeError, AttributeError):
        # Anyone may write what they like there.
        return {}


def remarked(
    remarks: Sequence[str], monitor: Any, qualities: Mapping[str, Sequence[str]], columns: Collection[str]
) -> list[str]:
    """Remarks on readings of a file, whose columns of qualities have been heeded already."""
    own = [remark for remark in remarks if not remark.startswith(flagging.ABSENT)]
    return [*own, *missed(monitor, qualities, columns)]
