"""Exact references for the rolling kernels, in integers and fractions.

A double is an integer times a power of two, so a column can be written as integers over one common power of two. Sums,
moments, slopes and order statistics of a window are then integer arithmetic without any rounding. The last step rounds
the true value once to the nearest double (``hi``) and keeps what that rounding lost (``lo``), so that an error below
one unit in the last place can still be measured. Square roots are taken of integers with 220 bits; the cosines of the
band energies are integers with 160 bits.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import mpmath
import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Pair = tuple[float, float]
Bounds = tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]

NAN: Pair = (math.nan, 0.0)
ZERO: Pair = (0.0, 0.0)

DEFAULT_BANDS = ((0.0, 0.1), (0.1, 0.3), (0.3, 1.0))
_ROOT_BITS = 220
_COS_BITS = 160


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


def total(w: Window) -> Pair:
    return round_ratio(sum(w.values), w.unit)


def mean(w: Window) -> Pair:
    return round_ratio(sum(w.values), w.unit * w.count)


def _deviations(w: Window) -> list[int]:
    """Give the deviations from the mean, times count and unit."""
    n, s = w.count, sum(w.values)
    return [n * v - s for v in w.values]


def var(w: Window, ddof: int = 1) -> Pair:
    n = w.count
    if n <= ddof:
        return NAN
    return round_ratio(sum(d * d for d in _deviations(w)), n * n * w.unit * w.unit * (n - ddof))


def std(w: Window, ddof: int = 1) -> Pair:
    n = w.count
    if n <= ddof:
        return NAN
    return round_root(sum(d * d for d in _deviations(w)), n * n * w.unit * w.unit * (n - ddof))


def mean_std(w: Window, ddof: int = 1) -> list[Pair]:
    return [mean(w), std(w, ddof)]


def skew(w: Window) -> Pair:
    """Adjusted Fisher-Pearson skewness; undefined for a constant window."""
    n = w.count
    d = _deviations(w)
    a2 = sum(v * v for v in d)
    if n < 3 or a2 == 0:
        return NAN
    a3 = sum(v * v * v for v in d)
    hi, lo = round_root(n * n * (n - 1) * a3 * a3, (n - 2) ** 2 * a2**3)
    return (hi, lo) if a3 >= 0 else (-hi, -lo)


def kurt(w: Window) -> Pair:
    """Bias-corrected excess kurtosis; undefined for a constant window."""
    n = w.count
    squares = [v * v for v in _deviations(w)]
    a2 = sum(squares)
    if n < 4 or a2 == 0:
        return NAN
    a4 = sum(v * v for v in squares)
    top = (n - 1) * ((n + 1) * n * a4 - 3 * (n - 1) * a2 * a2)
    return round_ratio(top, (n - 2) * (n - 3) * a2 * a2)


def slope(w: Window) -> Pair:
    """Least squares slope of the values against their positions, or per second; 0 where all are at one place."""
    n = w.count
    at, per = (w.at, 1) if w.when is None else (w.when, 10**9)
    si = sum(at)
    below = n * sum(i * i for i in at) - si * si
    if below == 0:
        return ZERO
    top = n * sum(i * v for i, v in zip(at, w.values, strict=True)) - si * sum(w.values)
    return round_ratio(top * per, below * w.unit)


def minimum(w: Window) -> Pair:
    return round_ratio(min(w.values), w.unit)


def maximum(w: Window) -> Pair:
    return round_ratio(max(w.values), w.unit)


def extent(w: Window) -> Pair:
    return round_ratio(max(w.values) - min(w.values), w.unit)


def _twice_median(ordered: Sequence[int]) -> int:
    n = len(ordered)
    return ordered[(n - 1) // 2] + ordered[n // 2]


def median(w: Window) -> Pair:
    return round_ratio(_twice_median(sorted(w.values)), 2 * w.unit)


def mad(w: Window, scale: float = 1.0) -> Pair:
    """Scaled median of the absolute deviations from the true (unrounded) median."""
    m2 = _twice_median(sorted(w.values))
    twice = _twice_median(sorted(abs(2 * v - m2) for v in w.values))
    p, q = float(scale).as_integer_ratio()
    return round_ratio(twice * p, 4 * w.unit * q)


def quantile(w: Window, q: float | Sequence[float] = 0.5) -> list[Pair]:
    """Linear interpolation at position ``q * (count - 1)``, that product rounded to double as pandas and NumPy do."""
    ordered = sorted(w.values)
    out = []
    for one in np.atleast_1d(np.asarray(q, dtype=float)).tolist():
        at = one * (w.count - 1)
        i = int(at)
        fp, fq = (at - i).as_integer_ratio()
        a, b = ordered[i], ordered[min(i + 1, w.count - 1)]
        out.append(round_ratio(a * (fq - fp) + b * fp, fq * w.unit))
    return out


@lru_cache(maxsize=32)
def _turn(n: int) -> tuple[list[int], list[int]]:
    """Cosine and sine of 2 pi j / n as integers over 2**_COS_BITS."""
    with mpmath.workprec(_COS_BITS + 40):
        one = mpmath.mpf(2) ** _COS_BITS
        angles = [2 * mpmath.pi * j / n for j in range(n)]
        return [int(mpmath.nint(one * mpmath.cos(a))) for a in angles], [
            int(mpmath.nint(one * mpmath.sin(a))) for a in angles
        ]


def band_energy(w: Window, bands: Sequence[tuple[float, float]] | None = None, fs: float = 1.0) -> list[Pair]:
    """Sum of |X_k|^2 over the bins of each band, of the mean-free window with missing values at its mean."""
    n = w.rows
    edges = [(lo * (fs / 2), hi * (fs / 2)) for lo, hi in DEFAULT_BANDS] if bands is None else list(bands)
    if n < w.nominal // 2:
        return [ZERO] * len(edges)
    if w.count == 0:
        return [NAN] * len(edges)
    d = _deviations(w)
    power: dict[int, int] = {}
    # A bin at the edge of a band is on the side where NumPy's rounded frequency lies.
    frequency = np.fft.rfftfreq(n, 1 / fs).tolist()
    out = []
    for lo, hi in edges:
        energy = 0
        for k in range(n // 2 + 1):
            if lo <= frequency[k] < hi:
                if k not in power:
                    cos, sin = _turn(n)
                    turns = [(j * k) % n for j in w.at]
                    re = sum(v * cos[t] for v, t in zip(d, turns, strict=True)) if k else 0
                    im = sum(v * sin[t] for v, t in zip(d, turns, strict=True)) if k else 0
                    power[k] = re * re + im * im
                energy += power[k]
        out.append(round_ratio(energy, (w.count * w.unit) ** 2 << (2 * _COS_BITS)))
    return out


KERNELS: Mapping[str, Callable[..., Pair | list[Pair]]] = {
    "sum": total,
    "mean": mean,
    "var": var,
    "std": std,
    "mean_std": mean_std,
    "skew": skew,
    "kurt": kurt,
    "slope": slope,
    "min": minimum,
    "max": maximum,
    "range": extent,
    "median": median,
    "mad": mad,
    "quantile": quantile,
    "band_energy": band_energy,
}


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
    name: str,
    column: Column,
    window: int,
    rows: Iterable[int],
    *,
    min_periods: int = 1,
    own_minimum: int = 1,
    bounds: Bounds | None = None,
    times: Sequence[int] | None = None,
    **keywords: Any,
) -> Exact:
    """Evaluate a kernel exactly at the given rows of one column.

    ``bounds`` are the first row of every row's window and the row after its last, where the windows do not just trail;
    ``window`` is 0 where they are durations.
    """
    kernel = KERNELS[name]
    need = max(min_periods, own_minimum)
    found: list[list[Pair]] = []
    probe = kernel(Window([0] * 8, list(range(8)), 8, 8, 1), **keywords)
    width = len(probe) if isinstance(probe, list) else 1
    for row in rows:
        if bounds is None:
            w = column.between(max(0, row + 1 - window), row + 1, window, times)
        else:
            w = column.between(int(bounds[0][row]), int(bounds[1][row]), window, times)
        too_short = name == "band_energy" and w.rows < window // 2
        if w.count < need and not too_short:
            found.append([ZERO if name == "sum" and w.count == 0 and min_periods == 0 else NAN])
            continue
        one = kernel(w, **keywords)
        found.append(one if isinstance(one, list) else [one])
    return as_exact([one * width if len(one) == 1 else one for one in found], width)


def as_exact(found: Sequence[Sequence[Pair]], width: int) -> Exact:
    """Give rows of true values as arrays."""
    hi = np.array([[p[0] for p in one] for one in found], dtype=np.float64).reshape(len(found), width)
    lo = np.array([[p[1] for p in one] for one in found], dtype=np.float64).reshape(len(found), width)
    return Exact(hi, lo)
