"""What a Monitor sees at one moment, in plain words."""

from __future__ import annotations

import math
import reprlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from acm_rs.frames import listed
from acm_rs.monitor import words
from acm_rs.monitor.episode import Culprit, Episode
from acm_rs.monitor.local import Doubtful, instant

if TYPE_CHECKING:
    from acm_rs.monitor.result import Result

__all__ = ["Moment", "moment_of", "row_at"]

NAMED = 5
"""Sensors that are named at most."""
MOST = 0.5
"""Share of the score from which on a sensor is what the alarm is for."""
FAR = 3.0
"""Usual steps from the nearest row beyond which that is told."""


@dataclass(frozen=True)
class Moment:
    """What was seen at one row.

    Parameters
    ----------
    row : int
        Its number.
    when : str
        Its time in words, or "row 7".
    score, limit : float
        NaN where the row is not judged.
    alarm : bool
        Whether it is in alarm.
    regime : str
        What the machine was doing.
    confidence : float
        Share of the sensors that were there; 0 where the row is not judged.
    sensors : list of Culprit
        The sensors with a share of the score, greatest first, with what they read and should read.
    missing : list of str
        Sensors without a reading.
    episode : Episode or None
        The alarm that the row belongs to.
    sentences : list of str
        All of it in words.

    Notes
    -----
    ``print`` shows the sentences.
    """

    row: int
    when: str
    score: float
    limit: float
    alarm: bool
    regime: str
    confidence: float
    sensors: list[Culprit]
    missing: list[str]
    episode: Episode | None
    sentences: list[str]

    def __str__(self) -> str:
        return "\n".join(self.sentences)


def row_at(result: Result, at: Any) -> tuple[int, str]:
    """The row nearest to a time, or of a number, and what should be known of that choice."""
    n = len(result.scores)
    if not n:
        raise ValueError("`at` must be a time or a row of what was scored, but that has no rows")
    if isinstance(at, int | np.integer) and not isinstance(at, bool):
        if not -n <= at < n:
            raise ValueError(f"`at` must be one of the rows 0 to {n - 1:,}, got {at}")
        return int(at) % n, ""
    if result.times is None:
        raise ValueError(
            f"`at` must be a row's number where no times are known, 0 to {n - 1:,}, got {reprlib.repr(at)}"
        )
    moment = _time(at, result._zone or ("UTC" if result.utc else None))
    times = result.times.astype("datetime64[ns]")
    step = float(np.median(np.diff(times).astype(np.int64))) if n > 1 else 0.0
    late = np.timedelta64(int(step), "ns")
    if not times[0] - late <= moment <= times[-1] + late:
        zone = " UTC" if result.utc else ""
        raise ValueError(
            f"`at` must lie within the times of the rows, {words.moment(times[0])} to {words.moment(times[-1])}{zone}, "
            f"got {words.moment(moment)}{zone}"
        )
    after = min(int(np.searchsorted(times, moment, "left")), n - 1)
    row = after - 1 if after and moment - times[after - 1] < abs(times[after] - moment) else after
    away = abs(float((times[row] - moment).astype(np.int64)))
    if away and away > FAR * step:
        shown = words.moment(moment) + " UTC" * result.utc
        return row, f"No row is nearer to {shown}: it is {words.step_text(away)} away."
    return row, ""


def _time(at: Any, zone: str | None) -> np.datetime64:
    try:
        return instant(at, zone)
    except Doubtful as error:
        raise ValueError(f"`at` must be one time: {error}") from None
    except (TypeError, ValueError):
        raise ValueError(f"`at` must be a time such as '2026-02-10 06:00', got {reprlib.repr(at)}") from None


def moment_of(result: Result, at: Any) -> Moment:
    """What was seen at a time or row."""
    row, note = row_at(result, at)
    score, limit = float(result.scores[row]), float(result.limits[row])
    judged = not math.isnan(score)
    inside = next((one for one in result.found if one.start <= row < one.end), None)
    sensors = _sensors(result, row) if judged else []
    missing = [name for name, gap in zip(result.names, np.isnan(result.values[row]).tolist(), strict=True) if gap]
    regime = result.regime_names[int(result.regimes[row])]
    sentences = [note] if note else []
    sentences.append(f"{result.moment(row)}{f' (row {row:,})' if result.times is not None else ''}: {regime}.")
    sentences.append(_verdict(result, row, judged, score, limit, inside))
    if judged:
        lasts = set()
        if result.alarms[row] and inside is not None and not inside.kind:
            lasts = {(one.name, one.direction) for one in inside.culprits if one.share >= MOST}
        sentences += _blames(result, sensors, lasts)
    if missing:
        sentences.append(f"Without a reading: {listed(missing)}.")
    return Moment(
        row=row,
        when=result.moment(row),
        score=score,
        limit=limit,
        alarm=bool(result.alarms[row]),
        regime=regime,
        confidence=float(result.confidences[row]),
        sensors=sensors,
        missing=missing,
        episode=inside,
        sentences=sentences,
    )


def _verdict(result: Result, row: int, judged: bool, score: float, limit: float, inside: Episode | None) -> str:
    """Whether it is in alarm, and why or why not."""
    if not judged:
        return f"Not judged: {_why_not(result, row)}.{_meanwhile(result, inside)}"
    ratio = f"score {words.number(score, 3)}, limit {words.number(limit, 3)}"
    if result.alarms[row]:
        assert inside is not None
        kind = f" ({inside.kind})" if inside.kind else ""
        below = "" if score > limit else ", below its limit again, but not yet well below"
        return f"In alarm since {result.moment(inside.start)}{kind}: {ratio}{below}."
    if score > limit:
        return f"Above the limit, but no alarm: {ratio}; it takes several rows in sequence.{_meanwhile(result, inside)}"
    return f"No alarm: {ratio}.{_meanwhile(result, inside)}"


def _meanwhile(result: Result, inside: Episode | None) -> str:
    if inside is None:
        return ""
    return f" It lies within the alarm from {result.moment(inside.start)} to {result.moment(inside.end - 1)}."


def _why_not(result: Result, row: int) -> str:
    kind = result.regime_names[int(result.regimes[row])]
    gap = np.isnan(result.values[row])
    if gap.all():
        return "there are no readings"
    if kind == "standstill":
        return "the machine stands still"
    if kind == "unknown":
        return "a driver is beyond its trained range, or has no reading"
    if gap.mean() > 0.5:
        return "there are too few readings"
    return "the machine is settling after a change of regime"


def _sensors(result: Result, row: int) -> list[Culprit]:
    shares = result.shares[row]
    total = float(shares.sum())
    found = []
    for place in np.argsort(-shares, kind="stable")[:NAMED].tolist():
        share = float(shares[place]) / total if total > 0.0 else 0.0
        if share < 0.01:
            continue
        reads, expects = float(result.values[row, place]), float(result.expected_values[row, place])
        band = float(result.band[place])
        sigmas = (reads - expects) / band if band > 0.0 else 0.0
        found.append(Culprit(result.names[place], share, -1 if sigmas < 0.0 else 1, reads, expects, sigmas))
    return found


def _blames(result: Result, sensors: Sequence[Culprit], lasts: set[tuple[str, int]]) -> list[str]:
    """Who makes up the score; of sensors that are off for long, in a direction, a row alone may show little."""
    if not sensors:
        return ["No sensor stands out."]
    found = ["The score is made up of:"]
    for one in sensors:
        unit = result.units.get(one.name, "")
        share = f"{one.name}, {100.0 * one.share:.0f} %"
        if math.isnan(one.reads) or math.isnan(one.expects):
            found.append(f"  {share}: no reading")
            continue
        reads, expects = _told(one.reads, one.expects)
        way = _away(one)
        if abs(one.residual_sigmas) < 1.0:
            way = f"{way}, which is little but lasts" if (one.name, one.direction) in lasts else "as it should"
        found.append(f"  {share}: reads {reads}, should read {expects}{' ' + unit if unit else ''} ({way})")
    return found


def _away(one: Culprit) -> str:
    return f"{abs(one.residual_sigmas):.1f} deviations too {'high' if one.direction > 0 else 'low'}"


def _told(reads: float, expects: float) -> tuple[str, str]:
    from acm_rs.monitor.result import told

    return told(reads, expects)
