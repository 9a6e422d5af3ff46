"""Sensors that read more or less from some row of the history on, or for a while, though the machine does not.

The others tell: what they leave of such a sensor has two or three levels, with the others as they were. Where the last
is a new one it was calibrated or replaced, as a rule; where the sensor came back, something was wrong and was mended.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from acm_rs import _native
from acm_rs.monitor.relations import precision_of, product, products_among
from acm_rs.monitor.wandering import SENSORS, WILD

__all__ = ["Shift", "calibrated", "told_near", "without"]

Matrix = NDArray[np.float64]
Vector = NDArray[np.float64]
Labels = NDArray[np.int64]
Flags = NDArray[np.bool_]

SIZE = 3.0
"""Standard deviations of what the others leave of a sensor that its levels are apart at least."""
LEAST, PART = 50, 0.05
"""Rows, and share of the history, that each level has at least."""
NEAR, SUDDEN = 10, 0.6
"""The medians of so many readings before and after are apart by this share of the size: what goes slowly wanders."""
TOLD = 0.5
"""Share of the variance that the others leave at most."""
SHARED = 0.5
"""Share of the rows of either level in which the others read what they do beside the other one, at least."""
WRONG = 0.12
"""Share of a history in which a sensor that came back was wrong, at most; in more the machine may have been so."""
ABOUT = 0.1
"""Share of a history within which somebody remembers when a sensor was calibrated."""
BACK = 0.3
"""Share of the size within which a sensor has come back."""
TRIED = 8
"""Sensors that are looked at closely at a time, at most."""
TINY = 1e-9
"""Ridge of the least squares, as a share."""
ROWS = 10
"""Rows for each column, at least: of fewer the others seem to tell all."""


@dataclass(frozen=True)
class Shift:
    """From `row` on the sensor of a column reads so much more; up to the row `until`, or for ever where it is None."""

    place: int
    row: int
    size: float
    until: int | None = None

    def few(self, rows: int) -> bool:
        """Whether it lasted for so few of the rows of a history that they may be left out of it."""
        return self.until is not None and self.until - self.row <= WRONG * rows


def calibrated(values: Matrix, rows: Labels, labels: Labels, watched: Flags) -> list[Shift]:
    """Find what watched columns of some rows read more from when on; `labels` are the regimes of all rows."""
    columns = np.arange(values.shape[1])
    x = np.array(values[rows], order="F")
    if len(columns) < 2 or len(rows) < max(2 * LEAST, ROWS * len(columns)):
        return []
    regimes = labels[rows]
    for label in np.unique(regimes).tolist():
        own = np.flatnonzero(regimes == label)
        # A state may be what parts the regimes.
        x[np.ix_(own, watched)] -= _native.column_median_mad(x[np.ix_(own, watched)], 1.0)[0]
    x[:, ~watched] -= _native.column_median_mad(np.asfortranarray(x[:, ~watched]), 1.0)[0]
    # A state hardly changes.
    scale = _native.column_median_mad(x, 1.4826)[1]
    scale = np.where(scale > 0.0, scale, _native.column_moments(x)[2])
    columns, x, scale = columns[scale > 0.0], x[:, scale > 0.0], scale[scale > 0.0]
    if len(columns) < 2:
        return []
    x /= scale
    found: list[Shift] = []
    # Where many sensors change at once the machine has.
    most = max(1, len(columns) // 4)
    for _ in range(most + 1):
        done = [one.place for one in found]
        levels = next((one for one in _levels(x, done) if watched[columns[one[0].place]]), None)
        if levels is None:
            break
        for one in levels:
            x[: one.row, one.place] += one.size
        found += levels
    if len({one.place for one in found}) > most:
        return []
    shifts = []
    for place in dict.fromkeys(one.place for one in found):
        own_shifts = [one for one in found if one.place == place]
        column, unit = int(columns[place]), float(scale[place])
        whole = sum(one.size for one in own_shifts)
        if len(own_shifts) == 2 and abs(whole) < BACK * abs(own_shifts[0].size):
            first, last = own_shifts
            shifts.append(Shift(column, int(rows[first.row]), first.size * unit, int(rows[last.row])))
        else:
            shifts += [Shift(column, int(rows[one.row]), one.size * unit) for one in own_shifts]
    return shifts


def without(values: Matrix, shifts: Sequence[Shift], rows: Labels) -> Matrix:
    """A history in which what sensors read while they were wrong is missing, in some of its rows."""
    left = values.copy(order="F")
    for one in shifts:
        assert one.until is not None
        left[rows[(rows >= one.row) & (rows < one.until)], one.place] = np.nan
    return left


def told_near(calibrations: Sequence[Sequence[Any]], sensor: str, row: int, rows: int) -> tuple[int, float] | None:
    """From which row on a sensor was found to read how much more, about a row of so many; each of the calibrations is a
    sensor's name, its row and size."""
    own = [(abs(at - row), at, float(size)) for name, at, size in calibrations if name == sensor]
    far, at, size = min(own, default=(rows, 0, 0.0))
    return (at, size) if far <= max(LEAST, ABOUT * rows) else None


def _levels(x: Matrix, done: Sequence[int]) -> list[list[Shift]]:
    """Columns of several levels, the farthest apart first; rows and sizes are those of `x`."""
    n, missing = len(x), np.isnan(x)
    filled = np.where(missing, 0.0, np.clip(x, -WILD, WILD))
    filled -= filled.mean(axis=0)
    precision = precision_of(filled, missing)
    left = product(filled, precision) / np.diag(precision)
    least = max(LEAST, int(PART * n))
    row, size, noise = np.zeros(x.shape[1], np.int64), np.zeros(x.shape[1]), np.zeros(x.shape[1])
    away, while_away = np.zeros((2, x.shape[1]), np.int64), np.zeros(x.shape[1])
    for first in range(0, x.shape[1], SENSORS):
        part = slice(first, first + SENSORS)
        some = left[:, part]
        sums = np.cumsum(some - some.mean(axis=0), axis=0)
        row[part], size[part] = _split(sums, least)
        away[:, part], while_away[part] = _while(sums, least)
        # Without the levels' own part; where they last for a while only, most rows have none.
        own = np.var(some, axis=0) - np.square(size[part]) * row[part] * (n - row[part]) / n**2
        noise[part] = np.minimum(np.sqrt(np.maximum(own, 0.0)), 1.4826 * np.median(np.abs(some), axis=0))
    large = np.maximum(np.abs(size), np.abs(while_away)) / np.where(noise > 0.0, noise, np.inf)
    found, tried = [], 0
    for place in np.argsort(-large, kind="stable").tolist():
        if large[place] < 0.5 * SIZE or tried == TRIED:
            break
        at, both = int(row[place]), away[:, place].tolist()
        tries = [both] if abs(while_away[place]) >= 0.5 * SIZE * noise[place] else []
        for first, last in ((0, at), (at, n)):
            more = _split(np.cumsum(left[first:last, [place]] - left[first:last, place].mean(), axis=0), least)
            tries += [sorted([at, first + int(more[0][0])])] if more[0][0] else []
        seen = np.where(missing[:, place], np.nan, left[:, place])
        tries = [
            rows
            for rows in [*tries, [at]]
            if all(abs(_jump(seen, row)) >= 0.5 * SUDDEN * SIZE * noise[place] for row in rows)
        ]
        if place in done or not tries:
            continue
        tried += 1
        own, others = x[:, place], np.delete(filled, place, axis=1)
        # Two levels would leave more of three.
        for rows in tries:
            levels = _sizes(own, others, rows)
            if levels is not None:
                found.append([Shift(place, at, size) for at, size in levels])
                break
    return found


def _jump(values: Vector, row: int) -> float:
    """How much more the readings from a row on are than those before, of the nearest ones that are known."""
    before, after = (some[~np.isnan(some)] for some in (values[:row], values[row:]))
    if min(len(before), len(after)) < NEAR:
        return 0.0
    return float(np.median(after[:NEAR]) - np.median(before[-NEAR:]))


def _while(sums: Matrix, least: int) -> tuple[Labels, Vector]:
    """The rows between which each column is farthest from where it is before and after, (2, d), and how far.

    `sums` are those of all rows so far beside the mean.
    """
    n, columns = len(sums), np.arange(sums.shape[1])
    rows = np.sort([sums.argmin(axis=0), sums.argmax(axis=0)], axis=0) + 1
    inside = rows[1] - rows[0]
    able = (rows[0] >= least) & (inside >= min(least, LEAST)) & (rows[1] <= n - least)
    inner = sums[rows[1] - 1, columns] - sums[rows[0] - 1, columns]
    held = np.where(able, inside, 1)
    return rows, np.where(able, inner * n / (held * (n - held)), 0.0)


def _split(sums: Matrix, least: int) -> tuple[Labels, Vector]:
    """The row that parts each column into two levels, and how far apart they are; row 0 where there are too few rows.

    `sums` are those of all rows so far beside the mean.
    """
    n, d = sums.shape
    if n < 2 * least + 1:
        return np.zeros(d, np.int64), np.zeros(d)
    counts = np.arange(least, n - least, dtype=np.float64)[:, None]
    some = sums[least - 1 : n - least - 1]
    # The split that leaves least variance.
    at = (np.abs(some) / np.sqrt(counts * (n - counts))).argmax(axis=0)
    held = counts[at, 0]
    return at + least, -some[at, np.arange(d)] * n / (held * (n - held))


def _sizes(own: Vector, others: Matrix, steps: Sequence[int]) -> list[tuple[int, float]] | None:
    """How much more a column reads from about some rows on; None where these are no levels, or the machine's."""
    n, width, known = len(own), others.shape[1], ~np.isnan(own)
    after = (np.arange(n)[:, None] >= np.array(steps)).astype(np.float64)
    design = np.column_stack([others, after, np.ones(n), np.where(known, own, 0.0)])
    used, loads, rest, sizes, spread = known, own, own, np.zeros(len(steps)), 0.0
    for _ in range(3):
        products = products_among(design, used)
        # Of two copies either tells.
        products[np.diag_indices(len(products))] *= 1.0 + TINY
        weights = _native.cholesky_solve(products[:-1, :-1], products[:-1, -1:])[:, 0]
        loads, sizes = product(others, weights[:width, None])[:, 0], weights[width:-1]
        rest = own - loads - (after * sizes).sum(axis=1) - weights[-1]
        spread = 1.4826 * float(np.median(np.abs(rest[known])))
        with np.errstate(invalid="ignore"):
            used = np.abs(rest) <= WILD * spread
        if np.count_nonzero(used) < 0.8 * np.count_nonzero(known):
            return None
    if float(np.var(rest[used])) > TOLD * float(np.var((own - (after * sizes).sum(axis=1))[used])):
        return None
    ends = [0, *steps, n]
    for number, (row, size) in enumerate(zip(steps, sizes.tolist(), strict=True)):
        level = _jump(own - loads, row)
        if abs(size) <= SIZE * spread or not level / size >= SUDDEN:
            return None
        parts = slice(ends[number], row), slice(row, ends[number + 2])
        if not _shared(loads, [np.flatnonzero(used[one]) + one.start for one in parts]):
            return None
    # What is over is no level.
    latest = (own - loads)[known][-LEAST:]
    if not abs(float(np.median(latest)) - weights[-1] - sizes.sum()) <= 0.5 * abs(sizes[-1]):
        return None
    half = weights[-1] + np.cumsum(sizes) - 0.5 * sizes
    beside = np.where(known, own - loads, np.nan)
    rows = [_row_of(beside - level, row, size) for row, level, size in zip(steps, half, sizes, strict=True)]
    return list(zip(rows, sizes.tolist(), strict=True))


def _row_of(beside: Vector, about: int, size: float) -> int:
    """The first row of the new level, from what a column reads beside the middle of both."""
    first = about - NEAR
    sums = np.nancumsum(beside[first : about + NEAR] * np.sign(size))
    return first + int(sums.argmin()) + 1


def _shared(loads: Vector, rows: Sequence[Labels]) -> bool:
    """Whether the others read the same before and after: a machine in another mode has other levels."""
    if not all(len(own) for own in rows):
        return False
    ends = np.array([np.quantile(loads[own], [0.02, 0.98]) for own in rows])
    low, high = ends[:, 0].max(), ends[:, 1].min()
    inside = [np.count_nonzero((loads[own] >= low) & (loads[own] <= high)) / len(own) for own in rows]
    return bool(min(inside) >= SHARED)
