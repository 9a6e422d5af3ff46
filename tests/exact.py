"""Exact arithmetic on windows of values, in integers and fractions. What is computed of them stands in the registry.

A double is an integer times a power of two, so a column can be written as integers over one common power of two. Sums,
moments, slopes and order statistics of a window are then integer arithmetic without any rounding. The last step rounds
the true value once to the nearest double (``hi``) and keeps what that rounding lost (``lo``), so that an error below
one unit in the last place can still be measured. Square roots are taken of integers with 220 bits.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Pair = tuple[float, float]
Bounds = tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]

NAN: Pair = (math.nan, 0.0)
ZERO: Pair = (0.0, 0.0)

_ROOT_BITS = 220


def round_ratio(p: int, q: int) -> Pair:
    """Round ``p / q`` to the nearest double and give what is left of it."""
    try:
        hi = p / q
    except OverflowError:
        return (math.copysign(math.inf, p) if (p > 0) == (q > 0) else -math.inf, 0.0)
    hp, hq = hi.as_integer_ratio()
    try:
        lo = (p * hq - hp * q) / (q * hq)
    except OverflowError:
        lo = 0.0
    return hi, lo


def round_root(p: int, q: int) -> Pair:
    """Round ``sqrt(p / q)``."""
    if p == 0:
        return ZERO
    # The integer root below keeps _ROOT_BITS significant bits, whatever the size of p / q.
    shift = max(0, _ROOT_BITS + (q.bit_length() - p.bit_length() + 1) // 2)
    return round_ratio(math.isqrt((p << (2 * shift)) // q), 1 << shift)


@dataclass(frozen=True)
class Column:
    """A column of doubles as integers over ``unit``; ``None`` where a value is missing (NaN or infinite)."""

    values: list[int | None]
    unit: int

    @classmethod
    def of(cls, x: Iterable[float]) -> Column:
        """Scale a column of floats (float32 or float64) without rounding."""
        ratios = [float(v).as_integer_ratio() if math.isfinite(v) else None for v in x]
        unit = max((r[1] for r in ratios if r is not None), default=1)
        return cls([None if r is None else r[0] * (unit // r[1]) for r in ratios], unit)

    def between(self, start: int, stop: int, nominal: int = 0, times: Sequence[int] | None = None) -> Window:
        """Give the window of these rows; ``nominal`` is 0 for a duration, ``times`` are nanoseconds."""
        part = self.values[start:stop]
        at = [i for i, v in enumerate(part) if v is not None]
        when = None if times is None else [times[start + i] - times[start] for i in at]
        return Window([v for v in part if v is not None], at, len(part), nominal, self.unit, when)


@dataclass(frozen=True)
class Window:
    """The non-missing values of a window, their positions in it, its own rows and the nominal rows, and when they were.

    ``when`` is in nanoseconds since the first row of the window.
    """

    values: list[int]
    at: list[int]
    rows: int
    nominal: int
    unit: int
    when: list[int] | None = None

    @property
    def count(self) -> int:
        return len(self.values)


Form = Callable[..., Pair | list[Pair]]
"""Window, keywords -> its true value, or one for each output."""


def deviations(w: Window) -> list[int]:
    """Give the deviations from the mean, times count and unit."""
    n, s = w.count, sum(w.values)
    return [n * v - s for v in w.values]


@dataclass(frozen=True)
class Exact:
    """True values at sampled rows: ``hi + lo``, of shape (rows, outputs)."""

    hi: Floats
    lo: Floats

    def error(self, got: npt.NDArray[np.floating[Any]]) -> Floats:
        """Give the absolute error of ``got``; 0 where both are NaN or both the same infinity, inf where only one is."""
        ours = np.asarray(got, dtype=np.float64).reshape(self.hi.shape)
        both = np.isfinite(ours) & np.isfinite(self.hi)
        same = (np.isnan(ours) & np.isnan(self.hi)) | (ours == self.hi)
        with np.errstate(invalid="ignore", over="ignore"):
            err = np.abs((ours - self.hi) - self.lo)
        return np.where(both, err, np.where(same, 0.0, np.inf))

    def scaled_error(self, got: npt.NDArray[np.floating[Any]]) -> Floats:
        """Give the error over max(1, |exact|)."""
        size = np.where(np.isfinite(self.hi), np.maximum(1.0, np.abs(self.hi)), 1.0)
        return self.error(got) / size

    def relative_error(self, got: npt.NDArray[np.floating[Any]]) -> Floats:
        """Give the error over |exact|; 0 where the error is 0."""
        err = self.error(got)
        size = np.where(np.isfinite(self.hi) & (self.hi != 0.0), np.abs(self.hi), np.finfo(float).tiny)
        with np.errstate(over="ignore"):
            return np.where(err == 0.0, 0.0, err / size)


def evaluate(
    form: Form,
    column: Column,
    window: int,
    rows: Iterable[int],
    *,
    min_periods: int = 1,
    own_minimum: int = 1,
    leading_zeros: bool = False,
    bounds: Bounds | None = None,
    times: Sequence[int] | None = None,
    **keywords: Any,
) -> Exact:
    """Evaluate a form exactly at the given rows of one column.

    ``bounds`` are the first row of every row's window and the row after its last, where the windows do not just trail;
    ``window`` is 0 where they are durations. With ``leading_zeros`` windows of fewer than half the nominal rows give 0.
    """
    need = max(min_periods, own_minimum)
    found: list[list[Pair]] = []
    probe = form(Window([0] * 8, list(range(8)), 8, 8, 1), **keywords)
    width = len(probe) if isinstance(probe, list) else 1
    for row in rows:
        if bounds is None:
            w = column.between(max(0, row + 1 - window), row + 1, window, times)
        else:
            w = column.between(int(bounds[0][row]), int(bounds[1][row]), window, times)
        if leading_zeros and w.rows < window // 2:
            found.append([ZERO])
            continue
        if w.count < need:
            found.append([NAN])
            continue
        one = form(w, **keywords)
        found.append(one if isinstance(one, list) else [one])
    return as_exact([one * width if len(one) == 1 else one for one in found], width)


def as_exact(found: Sequence[Sequence[Pair]], width: int) -> Exact:
    """Give rows of true values as arrays."""
    hi = np.array([[p[0] for p in one] for one in found], dtype=np.float64).reshape(len(found), width)
    lo = np.array([[p[1] for p in one] for one in found], dtype=np.float64).reshape(len(found), width)
    return Exact(hi, lo)


def as_columns(found: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Give results of a single column as (rows, outputs)."""
    return found.reshape(found.shape[0], -1)
