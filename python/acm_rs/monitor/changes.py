"""The log of a Monitor: what was changed after the fit, by whom, and what it takes to undo it."""

from __future__ import annotations

import zlib
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from acm_rs.frames import type_name
from acm_rs.monitor.saving import MOST_HEADER, pack, unpack

__all__ = ["LIVE", "difference", "entry", "restored", "signed", "take_log"]

Arrays = dict[str, NDArray[Any]]

LIVE = ("holding.", "state.", "chart.")
"""Beginnings of the names of arrays that change with every row."""
MOST = 2**31
"""Bytes of a packed difference at most."""


def entry(
    number: int, what: str, told: str, by: str | None = None, when: str | None = None, why: str | None = None
) -> dict[str, Any]:
    """A line of the log."""
    return {"number": number, "what": what, "told": told, "by": by, "when": when, "why": why, "undone": None}


def signed(by: Any, when: Any, why: Any) -> tuple[str | None, str | None, str | None]:
    """Who did it, when and why, as texts."""
    for name, text in (("by", by), ("why", why)):
        if text is not None and not isinstance(text, str):
            raise TypeError(f"`{name}` must be a text, got {type_name(text)}")
    if when is None:
        return by, None, why
    bare = when.isoformat() if hasattr(when, "isoformat") else when
    try:
        if not isinstance(bare, str | np.datetime64):
            raise TypeError
        # A zone is kept as it was written, and a time without one is checked.
        whole = bare.replace("Z", "").rpartition("+")[0] or bare.replace("Z", "") if isinstance(bare, str) else bare
        if np.isnat(np.datetime64(whole)):
            raise ValueError
    except (TypeError, ValueError):
        raise (ValueError if isinstance(when, str) else TypeError)(
            f"`when` must be a time, such as '2026-03-05 14:30', got {when!r:.60}"
        ) from None
    return by, str(bare), why


def difference(before: Mapping[str, Any], arrays: Arrays, after: Arrays, version: str) -> bytes:
    """What it takes to go back: the settings before, and the arrays that were different or gone."""
    kept, same = {}, []
    for name, values in arrays.items():
        other = after.get(name)
        alike = other is not None and other.dtype == values.dtype and np.array_equal(_raw(other), _raw(values))
        if alike and not name.startswith(LIVE):
            same.append(name)
        else:
            kept[name] = values
    return zlib.compress(pack({"before": before, "same": same}, kept, version), 1)


def restored(change: bytes, arrays: Arrays) -> tuple[dict[str, Any], Arrays]:
    """Settings and arrays before a change, from those after it."""
    inflate = zlib.decompressobj()
    try:
        data = inflate.decompress(change, MOST)
    except zlib.error:
        raise ValueError("what it takes to undo a change is damaged") from None
    settings, kept, _, _ = unpack(data)
    return settings["before"], {**{name: arrays[name] for name in settings["same"]}, **kept}


def take_log(log: Any, arrays: Arrays) -> tuple[list[dict[str, Any]], dict[int, bytes]]:
    """The log of a file, and what undoes its entries."""
    if not isinstance(log, list) or not log:
        raise TypeError("the log is no list")
    lines = []
    for number, line in enumerate(log):
        told = entry(number, *(line[name] for name in ("what", "told", "by", "when", "why")))
        told["undone"] = line["undone"]
        texts = [told["what"], told["told"], *(told[name] for name in ("by", "when", "why") if told[name] is not None)]
        if line != told or not all(isinstance(text, str) for text in texts):
            raise TypeError("an entry of the log is none")
        if told["undone"] is not None and not isinstance(told["undone"], int):
            raise TypeError("an entry of the log is none")
        lines.append(told)
    undo = {}
    for name, values in arrays.items():
        if name.startswith("undo."):
            if values.dtype != np.uint8 or values.ndim != 1 or values.size > MOST_HEADER * 32:
                raise TypeError("what undoes a change is no row of bytes")
            undo[int(name.removeprefix("undo."))] = values.tobytes()
    wanted = {line["number"] for line in lines[1:] if line["what"] != "rollback" and line["undone"] is None}
    if set(undo) != wanted:
        raise ValueError("the log does not fit what undoes its changes")
    return lines, undo


def _raw(values: NDArray[Any]) -> NDArray[np.uint8]:
    return np.frombuffer(np.ascontiguousarray(values).tobytes(), np.uint8)
