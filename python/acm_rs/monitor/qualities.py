"""Columns of qualities of a history, and of later readings: it is told where one of them has none."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from acm_rs.monitor import flagging

__all__ = ["kept", "missed", "remarked"]

_KEY = "qualities"
"""Under which a model's metadata hold them."""


def kept(qualities: Mapping[str, Sequence[str]], sensors: Collection[str]) -> dict[str, str]:
    """The columns of qualities of some sensors, as metadata."""
    own = {name: list(columns) for name, columns in qualities.items() if name in sensors and columns}
    return {_KEY: json.dumps(own, ensure_ascii=False)} if own else {}


def missed(monitor: Any, qualities: Mapping[str, Sequence[str]], columns: Collection[str] | None = None) -> list[str]:
    """What is to be said where readings have other columns of qualities than the history of a Monitor.

    `columns` are those that the Monitor itself has seen, and heeded; None where it sees its sensors
    alone, as in a watch.
    """
    known = [str(name) for name in monitor.feature_names_in_]
    before, now = _known(monitor), {name: list(own) for name, own in qualities.items() if name in known}
    unread = []
    for column, sensor, *_ in monitor._about.get("flags", {"rules": []})["rules"]:
        if columns is None and not now.get(sensor):
            unread.append(f"{column} (of {sensor})")
            continue
        before.setdefault(sensor, []).append(column)
        if column in (columns or ()):
            now.setdefault(sensor, []).append(column)
    return [*flagging.compared(before, now), *([flagging.unread(unread)] if unread else [])]


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
