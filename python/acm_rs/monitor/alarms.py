"""From scores to alarms and episodes: an alarm begins when the score stays above its limit, and ends well below it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from statistics import NormalDist
from typing import Any

import numpy as np
from numpy.typing import NDArray

from acm_rs.decisions.calibration import threshold_at
from acm_rs.monitor.episode import PARTLY, STUCK, UNSEEN, Culprit, Episode
from acm_rs.monitor.parting import BRIDGE, PERSIST, Stand

__all__ = [
    "BRIDGE",
    "FIRST",
    "OFF",
    "PERSIST",
    "alarmed",
    "found_episodes",
    "limit_for",
    "named_culprits",
    "spells",
    "stay_of",
]

Matrix = NDArray[np.float64]
Vector = NDArray[np.float64]
Flags = NDArray[np.bool_]

OFF = 0.9
"""Share of the limit at or below which an alarm ends."""
LASTING = 20.0
"""Rows that a false alarm of the slow watches lasts."""
FEW_VALUES = 8.0
"""Independent readings of the slowest sensor up to which it may stay elsewhere as long as one of them lasts; the more
there are beyond, the more rarely the next is beyond all of them."""
FIRST = 60
"""Alarm rows of an episode whose shares name the culprits."""
NAMED = 5
"""Culprits that an episode keeps."""
USUAL = 0.01
"""The rate at which the limits of the parts, taken together, are about 1."""
FEW = 10.0
"""Expected alarm rows of the training below which the limit is extrapolated."""


def alarmed(scores: Vector, limit: float, alarm: bool = False, over: int = 0) -> tuple[Flags, bool, int]:
    """Rows in alarm; `alarm` and `over` (rows above the limit so far) go on from piece to piece.

    Missing scores change nothing.
    """
    known = ~np.isnan(scores)
    with np.errstate(invalid="ignore"):
        above, below = scores > limit, scores <= OFF * limit
    # Known rows in sequence above the limit, up to each row.
    count = np.cumsum(above)
    broken = known & ~above
    base = np.maximum.accumulate(np.where(broken, count, -1))
    in_row = np.where(base >= 0, count - base, count + over)
    begins = above & (in_row >= PERSIST)
    rows = np.arange(len(scores))
    latest_on = np.maximum.accumulate(np.where(begins, rows, -1))
    latest_off = np.maximum.accumulate(np.where(below, rows, -1))
    alarms = np.where((latest_on < 0) & (latest_off < 0), alarm, latest_on > latest_off)
    if len(scores):
        alarm, over = bool(alarms[-1]), int(in_row[-1])
    # Nobody is alarmed by a row that is not judged, but the alarm goes on after it.
    return alarms.astype(bool) & known, alarm, over


def spells(
    alarms: Flags, known: Flags | None = None, bridge: int = BRIDGE
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """First rows of episodes and rows after their last; only known rows part two of them."""
    edges = np.diff(np.r_[False, alarms, False].astype(np.int8))
    starts, ends = np.flatnonzero(edges == 1), np.flatnonzero(edges == -1)
    if len(starts) < 2:
        return starts, ends
    passed = np.arange(len(alarms) + 1) if known is None else np.append(0, np.cumsum(known))
    apart = passed[starts[1:]] - passed[ends[:-1]] > bridge
    return starts[np.r_[True, apart]], ends[np.r_[apart, True]]


def limit_for(scores: Vector, rate: float) -> float:
    """The limit above which healthy scores alarm in a share `rate` of the known rows, persistence included."""
    known = scores[~np.isnan(scores)]
    reached = max(rate, FEW / len(known)) if rate * len(known) < FEW else rate
    limit = _least(known, lambda limit: float(alarmed(known, limit)[0].mean()) <= reached)
    if reached > rate:
        limit *= max(1.0, threshold_at(known, rate) / max(threshold_at(known, reached), 1e-9))
    return max(limit, least_limit(rate))


def least_limit(rate: float) -> float:
    """What the limits of the parts amount to at a rate: fewer alarms in the training than that are luck."""
    return NormalDist().inv_cdf(1.0 - rate / 20.0) / NormalDist().inv_cdf(1.0 - USUAL / 20.0)


def limit_for_count(scores: Vector, per_row: float) -> float:
    """The limit above which healthy scores have at most so many episodes a row."""
    known = scores[~np.isnan(scores)]
    reached = max(per_row, 2.0 / len(known))
    limit = _least(known, lambda limit: len(spells(alarmed(known, limit)[0])[0]) <= reached * len(known))
    if reached > per_row:
        share = float(alarmed(known, limit)[0].mean())
        lower = min(0.4, max(share, 1.0 / len(known)))
        ratio = threshold_at(known, lower * per_row / reached) / max(threshold_at(known, lower), 1e-9)
        limit *= max(1.0, ratio)
    return limit


def _least(scores: Vector, holds: Callable[[float], bool]) -> float:
    """The least limit at which a condition holds, to a thousandth; it need not be monotonous."""
    low, high = max(1e-3, float(np.quantile(scores, 0.5))), max(2e-3, float(scores.max()) * 1.01)
    for _ in range(30):
        if high - low <= 1e-3 * high:
            break
        middle = (low + high) / 2.0
        low, high = (low, middle) if holds(middle) else (middle, high)
    return high


def found_episodes(
    alarms: Flags,
    scores: Vector,
    limits: Vector,
    shares: Matrix,
    values: Matrix,
    expected: Matrix,
    band: Vector,
    names: Sequence[str],
    regimes: NDArray[np.int64],
    regime_names: Sequence[str],
    causes: NDArray[np.int64],
    cause_names: Sequence[str],
    moving: tuple[Sequence[str], Flags] | None = None,
) -> list[Episode]:
    """Alarms that belong together, with who did it; `moving` tells which others go on where no sensor does."""
    if not alarms.any():
        return []
    starts, ends = spells(alarms, ~np.isnan(scores))
    found = []
    with np.errstate(invalid="ignore"):
        # A rise does not reach over rows that are not judged, such as a standstill.
        low = ~(scores > OFF * limits)
    quiet = np.maximum.accumulate(np.where(low, np.arange(len(scores)), -1)) if len(scores) else low
    hangs = np.isin(causes, [number for number, name in enumerate(cause_names) if name in UNSEEN])
    parts = [
        part
        for start, end in zip(starts.tolist(), ends.tolist(), strict=True)
        for part in _parted(start, end, alarms, hangs)
    ]
    for start, end, frozen, follows in parts:
        ratio = np.where(np.isnan(scores[start:end]), -np.inf, scores[start:end] / limits[start:end])
        peak_row = start + int(ratio.argmax())
        inside = start + np.flatnonzero(alarms[start:end])
        regime = regime_names[int(np.bincount(regimes[inside]).argmax())]
        # Where some go on while others stand, these do.
        if frozen and STUCK in cause_names:
            stuck = int(np.count_nonzero(causes[inside] == cause_names.index(STUCK)))
            frozen = stuck <= int(np.count_nonzero(hangs[inside]))
        # Where the machine is not seen nobody sees who did it.
        told = inside[hangs[inside] == frozen]
        kind = cause_names[int(np.bincount(causes[told]).argmax())]
        # Before it is told that readings stand still, others may have seemed wrong beside them.
        named = told[causes[told] == cause_names.index(STUCK)] if kind == STUCK else told
        found.append(
            Episode(
                start=start,
                end=end,
                peak_row=peak_row,
                peak=float(ratio.max()),
                first_sign=int(quiet[start]) + 1 if quiet[start] < start and not follows else start,
                regime=regime,
                open=bool(alarms[-1]) and end == len(alarms),
                culprits=[] if frozen else _culprits(told, named, shares, values, expected, band, names),
                kind=kind,
                moving=_going_on(moving, told) if kind == PARTLY and moving is not None else (),
            )
        )
    return found


def _going_on(moving: tuple[Sequence[str], Flags], rows: NDArray[np.int64]) -> list[str]:
    names, flags = moving
    return [name for place, name in enumerate(names) if flags[rows, place].any()]


def _parted(start: int, end: int, alarms: Flags, hangs: Flags) -> list[tuple[int, int, bool, bool]]:
    """The parts of an alarm: first row, row after the last, whether the machine is unseen, whether one came before."""
    inside = start + np.flatnonzero(alarms[start:end])
    frozen = hangs[inside]
    if frozen.all() or not frozen.any():
        return [(start, end, bool(frozen.all()), False)]
    stand, last, found = Stand(), start, []
    follows = False
    for row, own in zip(inside.tolist(), frozen.tolist(), strict=True):
        before = stand
        stand, cut = stand.after(own)
        if cut:
            found.append((start, last + 1, bool(before.frozen), follows))
            start, follows = row, True
        last = row
    found.append((start, end, bool(stand.frozen), follows))
    return found


def _culprits(
    rows: NDArray[np.int64],
    named: NDArray[np.int64],
    shares: Matrix,
    values: Matrix,
    expected: Matrix,
    band: Vector,
    names: Sequence[str],
) -> list[Culprit]:
    def read(place: int) -> tuple[float, float]:
        read, expect = values[rows, place], expected[rows, place]
        both = ~np.isnan(read) & ~np.isnan(expect)
        return (float(read[both].mean()), float(expect[both].mean())) if both.any() else (np.nan, np.nan)

    return named_culprits(shares[named[:FIRST]].mean(axis=0), read, band, names)


def named_culprits(
    shares: Vector, read: Callable[[int], tuple[float, float]], band: Vector, names: Sequence[str]
) -> list[Culprit]:
    """The sensors with the greatest shares; `read` tells what one reads and should read on average."""
    total = shares.sum()
    # Of very many with the same share some are named all the same.
    least = min(0.01, 0.5 * float(shares.max(initial=0.0) / total)) if total > 0.0 else 0.01
    found = []
    for place in np.argsort(-shares, kind="stable")[:NAMED].tolist():
        share = float(shares[place] / total) if total > 0.0 else 0.0
        if share < least:
            continue
        reads, expects = read(place)
        known = not (np.isnan(reads) or np.isnan(expects))
        sigmas = (reads - expects) / float(band[place]) if known and band[place] > 0 else 0.0
        found.append(Culprit(names[place], share, -1 if sigmas < 0 else 1, reads, expects, sigmas))
    return found


def stay_of(lasts: float, rows: int) -> float:
    """Rows that a machine stays where it has not been: the more stays a history holds, the rarer and shorter."""
    stays = min(lasts, rows / 3.0)
    return stays / max(1.0, rows / max(stays, 1.0) / FEW_VALUES)


def stated_interval(
    scores: Vector, limit: float, rate: float, lasts: float = 0.0, leaves: float = 1.0, seed: int = 17
) -> dict[str, Any]:
    """How far the share of alarm rows in as many new healthy rows may lie from the budget, at 95 %.

    `lasts` are the rows that count as one independent reading of the slowest sensor: where a history holds few of them,
    the machine goes where it has not been, and stays there as long; in hardly more than twice the share of rows,
    `leaves`, in which either half of it leaves what the other has seen: a season that goes by is in both.
    """
    known = scores[~np.isnan(scores)]
    alarms = alarmed(known, limit)[0]
    starts, _ = spells(alarms)
    length = float(alarms.sum()) / len(starts) if len(starts) else float(PERSIST)
    length = max(length, LASTING)
    stays = stay_of(lasts, len(known))
    # Alarms come in spells. At most as many as the budget allows are expected, at least as many as the training had;
    # the true rate is known from as many spells, and those to come are as many give or take, of any length.
    low, high, mean = _spread_of(len(known), len(starts), rate, length, seed)
    if stays > length:
        high = max(high, min(_spread_of(len(known), len(starts), rate, stays, seed)[1], high + 2.0 * leaves))
    return {
        "low": float(low),
        "high": float(min(max(high, rate), 1.0)),
        "mean": min(mean, 1.0),
        "rows": len(known),
        "spell": max(length, stays),
    }


def _spread_of(rows: int, count: int, rate: float, length: float, seed: int) -> tuple[float, float, float]:
    """Between which shares of rows to come alarms are, and how many on average, where spells are so long."""
    random = np.random.default_rng(seed)
    ends = []
    mean = 0.0
    for expected in (float(count), max(rate * rows / length, 0.05)):
        coming = random.poisson(random.gamma(expected + 0.5, 1.0, 4000))
        alarmed_rows = random.gamma(np.maximum(coming, 1e-9), length)
        ends.append(np.quantile(alarmed_rows / rows, [0.025, 0.975]))
        mean = max(mean, (expected + 0.5) * length / rows)
    return float(min(ends[0][0], ends[1][0])), float(max(ends[0][1], ends[1][1])), mean
