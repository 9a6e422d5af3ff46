"""What a Monitor says of itself in plain words."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from acm_rs.frames import listed

__all__ = ["moment", "share", "span_text", "step_text", "wrapped"]


def share(part: float) -> str:
    """A share in percent, with digits enough."""
    percent = 100.0 * part
    return f"{percent:.0f} %" if percent >= 10.0 or percent == round(percent) else f"{percent:.2g} %"


def moment(time: np.datetime64) -> str:
    """A time to the minute, or to the second where it has any."""
    return np.datetime_as_string(time, unit="s").replace("T", " ").removesuffix(":00")


def span_text(span: tuple[np.datetime64, np.datetime64] | None, utc: bool = False) -> str:
    """From when to when."""
    zone = " UTC" if utc else ""
    return "rows without times" if span is None else f"{moment(span[0])} to {moment(span[1])}{zone}"


def step_text(nanoseconds: float) -> str:
    """A distance between rows, in the greatest unit that keeps it short."""
    for unit, size in (("d", 86_400e9), ("h", 3_600e9), ("min", 60e9), ("s", 1e9)):
        if nanoseconds >= size:
            return f"{nanoseconds / size:.3g} {unit}"
    return f"{nanoseconds / 1e6:.3g} ms"


def wrapped(title: str, texts: Sequence[str]) -> list[str]:
    """A title and its lines."""
    if not texts:
        return []
    if len(texts) == 1:
        return [f"{title}: {texts[0]}"]
    return [f"{title}:", *(f"  {text}" for text in texts)]


def regimes_told(names: Sequence[str], counts: Sequence[int], still: int, settle: int) -> list[str]:
    """Each regime with its rows, and which rows are not judged."""
    found = [f"{name} ({count:,} rows)" for name, count in zip(names[2:], counts, strict=True)]
    if still:
        found.append(f"standstill ({still:,} rows), which is not judged")
    else:
        found.append("no standstill; one that comes later is told by its readings near zero, and is not judged")
    if settle:
        found.append(f"the first {settle} rows after a change of regime are not judged")
    return found


def mended(quality: Sequence[dict[str, Any]]) -> list[str]:
    """What was taken for no reading at the fit."""
    found = []
    for row in quality:
        parts = [
            f"{row[what]:,} {label}"
            for what, label in (
                ("codes", "error codes or wild readings"),
                ("beyond limits", "readings beyond its limits"),
                ("stuck", "rows stuck"),
            )
            if row[what]
        ]
        if parts:
            found.append(f"{row['sensor']}: {', '.join(parts)}, taken as missing")
    return found


def doubts(
    rows: int,
    interval: dict[str, Any],
    rate: float,
    slow: Sequence[str],
    quality: Sequence[dict[str, Any]],
    used: Sequence[str],
    fused: bool,
    drivers: Sequence[str],
    known: NDArray[np.float64],
    alarms: Sequence[str],
) -> list[str]:
    """What a fit is not worth, and why."""
    found = []
    if rows < 1000:
        found.append(
            f"{rows:,} rows are few: limits are wide guesses, and small faults are found late; a thousand rows and all "
            "usual loads are better"
        )
    if interval["high"] > 3.0 * rate:
        found.append(
            f"alarms come in spells of about {interval['spell']:.0f} rows, of which the history holds few: between "
            f"{share(interval['low'])} and {share(interval['high'])} of healthy rows may alarm"
        )
    if slow:
        found.append(
            f"{listed(slow)} wander so slowly that the history holds few of their ups and downs: their limits are wide"
        )
    for row in quality:
        # A switch of two values is one; more may be a coarse reading.
        if row["guessed"] > 2:
            found.append(
                f"{row['sensor']} has {row['guessed']} values and is taken for a state, not watched; "
                f"kinds={{{row['sensor']!r}: 'continuous'}} watches it"
            )
    gaps = [row["sensor"] for row in quality if row["sensor"] in used and row["missing"] > 0.1]
    if gaps:
        found.append(f"more than a tenth of the readings are missing in {listed(gaps)}")
    if alarms:
        more = f"; {len(alarms) - 5} more" if len(alarms) > 5 else ""
        found.append(
            f"the history itself alarms: {'; '.join(alarms[:5])}{more}; where something was wrong then, "
            "leave it out with `healthy`"
        )
    if not fused:
        found.append("rows or sensors are too few for the watch on all sensors together")
    if not drivers:
        found.append(
            "no drivers are named: a load or ambient beyond the trained range looks like wear; name them with `drivers`"
        )
    weak = [name for name, part in zip(used, known.tolist(), strict=False) if part < 0.2]
    if weak:
        found.append(
            f"the other sensors tell little of {listed(weak)}: only large or lasting faults of theirs are found"
        )
    return found
