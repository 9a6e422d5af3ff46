"""What a Monitor says of itself in plain words."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from acm_rs.frames import listed
from acm_rs.monitor.alarms import stay_of
from acm_rs.monitor.reading import OF_TYPE

__all__ = ["moment", "no_dates", "number", "rows_text", "share", "span_text", "step_text", "wrapped"]


MISSING, LEFT_OUT = "taken as missing", "left out of the fit"
MORE = "if they are healthy, more history with such rows helps"
WANDER = "wander so slowly that the history holds few of their ups and downs"
WANDERS = "wanders so slowly that the history holds few of its ups and downs"
"""How what is not learnt from begins, and what is said of sensors that leave what was learnt."""
NOT_WATCHED = "not watched"
NO_READINGS = "missing in", "error codes in", "beyond"
"""How it is told of sensors that have too few readings, and how the reasons begin."""
UNDRIVEN = 0.01
"""Share of the rows beyond which those without a reading of a driver are told."""


def share(part: float) -> str:
    """A share in percent, with digits enough."""
    percent = 100.0 * part
    return f"{percent:.0f} %" if percent >= 10.0 or percent == round(percent) else f"{percent:.2g} %"


def number(value: float, digits: int) -> str:
    """A number of so many significant digits, and no powers of ten where it is large: 41,200 and not 4.12e+04."""
    if not np.isfinite(value) or abs(value) < 10.0**digits:
        text = f"{value:.{digits}g}"
        if "e+" not in text:
            return text
    exact = float(f"{value:.{digits}g}")
    return f"{exact:,.0f}" if abs(exact) < 1e15 else f"{exact:.{digits}g}"


def moment(time: np.datetime64, fine: bool = False) -> str:
    """A time to the minute, or to the second where it has any; to the millisecond where that is `fine`."""
    text = np.datetime_as_string(time, unit="ms" if fine else "s").replace("T", " ").removesuffix(".000")
    return text.removesuffix(":00")


def placed(place: tuple[int, int | None], utc: bool, fine: bool) -> str:
    """A row by its time in nanoseconds, or by its number where it has none."""
    row, time = place
    return f"row {row:,}" if time is None else moment(np.datetime64(time, "ns"), fine) + " UTC" * utc


def brisk(times: NDArray[np.datetime64] | None) -> bool:
    """Whether rows usually come faster than each second."""
    if times is None or len(times) < 2:
        return False
    return bool(np.median(np.diff(times.astype("datetime64[ns]")).astype(np.int64)) < 1e9)


def span_text(span: tuple[np.datetime64, np.datetime64] | None, utc: bool = False) -> str:
    """From when to when."""
    zone = " UTC" if utc else ""
    return "rows without times" if span is None else f"{moment(span[0])} to {moment(span[1])}{zone}"


def rows_text(first: int, last: int, times: NDArray[np.datetime64] | None, fine: bool) -> str:
    """From which row to which."""
    if first == last:
        return f"row {first:,}" if times is None else moment(times[first], fine)
    if times is None:
        return f"rows {first:,} to {last:,}"
    return f"{moment(times[first], fine)} to {moment(times[last], fine)}"


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
        rows = "row" if settle == 1 else f"{settle} rows"
        verb = "is" if settle == 1 else "are"
        found.append(f"the first {rows} after a change of regime {verb} not judged")
    return found


def no_dates(clocks: Sequence[str]) -> str:
    """What is said of the times of a frame that are no dates."""
    return (
        f"times that are no dates are not used ({', '.join(clocks)}), and rows are taken in the order in which they "
        "come: turn them into dates first, as pd.to_datetime does, and sort by them"
    )


def left_out(about: dict[str, Any], most: int = 5) -> list[str]:
    """What the history held and was not learnt from."""
    found = []
    if about["far_rows"]:
        more = f"; {len(about['far']) - most} more" if len(about["far"]) > most else ""
        rows = "1 row" if about["far_rows"] == 1 else f"{about['far_rows']:,} rows"
        found.append(f"{rows} unlike the others ({'; '.join(about['far'][:most])}{more})")
    if about["unlike"]:
        counts = [f"{name} ({count:,})" for name, count in about["unlike"].items()]
        more = f" and {len(counts) - 8} more" if len(counts) > 8 else ""
        found.append(
            f"of the watch on all sensors together, single readings unlike the others: {', '.join(counts[:8])}{more}"
        )
    return found


def doubts(
    about: dict[str, Any],
    interval: dict[str, Any],
    rate: float,
    used: Sequence[str],
    fused: bool,
    drivers: Sequence[str],
    known: NDArray[np.float64],
) -> list[str]:
    """What a fit is not worth, and why."""
    rows, slow, quality, alarms = about["rows"], about["slow"], about["quality"], about["alarms"]
    found = []
    if about["mended"]:
        more = f"; {len(about['mended']) - 8} more" if len(about["mended"]) > 8 else ""
        found.append(f"{MISSING}: {'; '.join(about['mended'][:8])}{more}")
    # Some rows in a thousand are far from the others in any history.
    if about["far_rows"] > max(3, 0.002 * rows):
        found.append(f"{LEFT_OUT}: {left_out(about)[0]}; {MORE}")
    found += about.get("flags", {}).get("notes", [])
    # A constant is watched for moving, and who asks for it knows.
    lost = [f"{name} ({reason})" for name, reason in about["left_out"].items() if reason.startswith(NO_READINGS)]
    if lost:
        more = f"; {len(lost) - 8} more" if len(lost) > 8 else ""
        found.append(f"{NOT_WATCHED}: {'; '.join(lost[:8])}{more}")
    other = [f"{name!r} {reason}" for name, reason in about["left_out"].items() if reason.startswith(OF_TYPE)]
    if other:
        more = f"; {len(other) - 8} more" if len(other) > 8 else ""
        found.append(f"columns that are not read as numbers, and not watched: {'; '.join(other[:8])}{more}")
    gappy = [name for name, reason in about["left_out"].items() if reason.startswith("missing in")]
    if 2 * len(gappy) > len(about["columns"]):
        found.append(
            f"{len(gappy)} of {len(about['columns'])} sensors have no reading in most rows, and are not watched: where "
            "readings are written only when they change, bring them to a common clock first, each held for some minutes"
        )
    if about.get("clocks"):
        found.append(no_dates(about["clocks"]))
    if about.get("shifted"):
        found.append(
            f"{'; '.join(about['shifted'])}, and the other sensors do not: where it was calibrated, say so; where "
            "something was wrong, leave those rows out with `healthy`; until then it is learnt as it is, and faults of "
            "about that size are not found"
        )
    if rows < 1000:
        found.append(
            f"{rows:,} rows are few: limits are wide guesses, and small faults are found late; a thousand rows and all "
            "usual loads are better"
        )
    if interval["high"] > 3.0 * rate:
        stays = stay_of(about.get("lasts", 0.0), interval["rows"])
        what = f"alarms come in spells of about {interval['spell']:.0f} rows, of which the history holds few"
        if interval["spell"] == stays:
            what = f"the slowest sensor may stay {stays:.0f} rows where the history has seldom been"
        found.append(
            f"{what}: between {share(interval['low'])} and {share(interval['high'])} of healthy rows may alarm"
        )
    # Files of former versions do not have them.
    shifted = {name for name, *_ in about.get("calibrations", [])}
    followed = [name for name in about.get("followed", []) if name not in shifted]
    if followed:
        rows, step = about["follows"], about["step"]
        within = f"{rows:,} rows" if step is None else f"{step_text(step * rows)} ({rows:,} rows)"
        one = len(followed) == 1
        how = f"{WANDERS}, by itself: its" if one else f"{WANDER}, each by itself: their"
        found.append(
            f"{listed(followed)} {how} level follows the readings, and what comes within about {within} is found, no "
            "slower drift; a longer history helps"
        )
    slow = [name for name in slow if name not in followed and name not in shifted]
    if slow:
        leaves = about.get("leaves", 0.0)
        so = f" (either half of it leaves what the other one has seen in {share(leaves)} of its rows)" if leaves else ""
        how, they = (WANDERS, "its readings") if len(slow) == 1 else (WANDER, "they")
        found.append(
            f"{listed(slow)} {how}: {they} may leave what it has seen{so}, and alarm then; a longer history helps"
        )
    for row in quality:
        # A switch of two values is one; more may be a coarse reading.
        if row["guessed"] > 2:
            kind = row.get("kind", "state")
            found.append(
                f"{row['sensor']} has {row['guessed']} values and is taken for a {kind}, not watched; "
                f"kinds={{{row['sensor']!r}: 'continuous'}} watches it"
            )
    for row in quality:
        if row["seldom"]:
            held = ", ".join(f"{value:g} in {count:,} rows" for value, count in row["seldom"][:5])
            found.append(
                f"{row['sensor']} is seldom at some of its values ({held}): little is learnt of the others then"
            )
    found += [
        f"{name} reads {value:g} in {share(often)} of its rows, far from all else, and no other sensor changes then; "
        f"if that is a code and no reading, say what it can read, as in limits={{{name!r}: (low, high)}}"
        for name, value, often in about.get("codelike", [])
    ]
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
    # Files of former versions do not have it.
    undriven = about.get("undriven", {})
    found += [
        f"driver {name!r} has no reading in {count:,} running rows, which teach nothing of the others"
        for name, count in undriven.items()
        if count > UNDRIVEN * rows
    ]
    weak = [name for name, part in zip(used, known.tolist(), strict=False) if part < 0.2]
    if weak:
        found.append(
            f"the other sensors tell little of {listed(weak)}: only large or lasting faults of theirs are found"
        )
    return found
