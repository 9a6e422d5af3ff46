"""What the report says: texts that are safe in HTML, numbers, spans and the headline."""

from __future__ import annotations

import html
import math
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from acm_rs.monitor import Episode, Result

__all__ = [
    "cell",
    "chief",
    "counted",
    "headline",
    "judged",
    "nobody",
    "part",
    "safe",
    "span_of",
    "span_text",
    "spelled",
    "title",
    "verdict",
]


def safe(text: object) -> str:
    """Text from data as HTML that shows it and does nothing else."""
    shown = "".join(char if char.isprintable() or char == "\n" else "\N{REPLACEMENT CHARACTER}" for char in str(text))
    return html.escape(shown, quote=True)


def counted(count: int, noun: str) -> str:
    """How many there are: 1 row, 2,000 rows."""
    return f"{count:,} {noun}" + ("" if count == 1 else "s")


def part(share: float) -> str:
    """A share in percent, with as many digits as a person reads."""
    if not math.isfinite(share):
        return "unknown"
    percent = 100.0 * share
    if percent == 0.0 or percent >= 9.95:
        return f"{percent:.0f} %"
    return f"{percent:.2g} %" if percent >= 0.01 else "under 0.01 %"


def span_text(seconds: float) -> str:
    """A span of time in at most two units: 30 min, 1 h 30 min, 224 d 9 h."""
    if not math.isfinite(seconds):
        return "unknown"
    if seconds < 60:
        return f"{seconds:.6g} s"
    whole = round(seconds)
    parts: list[str] = []
    for name, size in (("d", 86_400), ("h", 3_600), ("min", 60), ("s", 1)):
        count, whole = divmod(whole, size)
        if count or parts:
            parts.append(f"{count:,} {name}" if count else "")
        if len(parts) == 2:
            break
    return " ".join(filter(None, parts))


def span_of(result: Result, first: int, end: int) -> str:
    """How long the rows from `first` up to `end` (left out) last."""
    rows = counted(end - first, "row")
    if result.times is None or end - first < 2:
        return rows
    seconds = float((result.times[end - 1] - result.times[first]) / np.timedelta64(1, "ns")) / 1e9
    return f"{span_text(seconds)}, {rows}"


def cell(value: Any, column: str = "") -> tuple[str, bool]:
    """A value of a table as text, and whether it is a number."""
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return "", False
    if isinstance(value, bool | np.bool_):
        return ("yes" if value else "no"), False
    if isinstance(value, int | np.integer):
        return f"{int(value):,}", True
    if isinstance(value, float | np.floating):
        shares = column in ("missing", "stuck") or "share" in column
        return (part(float(value)) if shares else spelled(float(value))), True
    return str(value), False


def spelled(value: float) -> str:
    """A reading with four digits that count."""
    if not math.isfinite(value):
        return "unknown"
    if value != 0.0 and not 1e-4 <= abs(value) < 1e6:
        return f"{value:.3e}"
    text = f"{value:,.{max(0, 3 - math.floor(math.log10(abs(value))))}f}" if value else "0"
    return text.rstrip("0").rstrip(".") if "." in text else text


def title(result: Result) -> str:
    """What the page is called."""
    asset = result.monitor_card.get("asset", "")
    return f"Condition report: {asset}" if asset else "Condition report"


def judged(result: Result) -> int:
    """How many rows were judged: only they can be in alarm, or be fine."""
    return int(np.count_nonzero(~np.isnan(result.scores)))


def nobody(kind: str) -> str:
    """What stands where an alarm of a kind names no culprit."""
    # Who asks for no report or Monitor does not wait for them.
    from acm_rs.monitor.episode import UNSEEN

    return "the machine is not seen" if kind in UNSEEN else "none stands out"


def verdict(result: Result, where: str) -> tuple[str, str]:
    """What is said where there is no alarm, and its mood: nothing is fine that was not judged."""
    n, known = len(result.scores), judged(result)
    if not known:
        why = "see the notes" if result.remarks else "there were no readings, or the machine was settling"
        return f"Nothing was judged {where}: {why}.", "doubt"
    if known < n:
        return f"No alarm in the {counted(known, 'row')} judged (of {n:,}).", "fine"
    return f"No alarm {where}.", "fine"


def chief(result: Result) -> Episode | None:
    """The episode that comes first to a person: one that still runs, else the strongest."""
    return max(result.found, key=lambda one: (one.open, one.peak), default=None)


def headline(result: Result) -> tuple[str, list[str], str]:
    """The page in one sentence, what follows it, and its mood: fine, doubt, alarm or none."""
    n = len(result.scores)
    if not n:
        return "Nothing was scored: the table has no rows.", [], ""
    rows = counted(n, "row")
    span = span_of(result, 0, n).removesuffix(f", {rows}")
    whole = f"in {rows}" if span == rows else f"in {span} ({rows})"
    unjudged = 1.0 - judged(result) / n
    mood = "alarm"
    said = []
    first = chief(result)
    if first is None:
        text, mood = verdict(result, whole)
    else:
        running = sum(one.open for one in result.found)
        if running:
            still = (
                ", still running"
                if len(result.found) == 1
                else f", {'one' if running == 1 else f'{running:,}'} still running"
            )
        else:
            still = ", over by the end"
        text = f"{counted(len(result.found), 'alarm')} {whole}{still}."
        place = next(number for number, one in enumerate(result.found) if one is first)
        lead = "" if len(result.found) == 1 else "Latest: " if first.open else f"Strongest (alarm {place + 1}): "
        said.append(lead + result.explain()[place])
    if unjudged > 0.0:
        said.append(f"{part(unjudged)} of the rows were not judged: a standstill, a change of regime, or no readings.")
    return text, said, mood
