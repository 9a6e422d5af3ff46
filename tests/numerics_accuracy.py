"""How far the public functions are from exact arithmetic, on the six families and at irregular times.

An error is ``|ours - exact| / max(1, |exact|)``; spectra and covariances are held against what they are summed from.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import acm_rs
import exact
import mpmath
import numpy as np
import numpy.typing as npt
import scipy.stats
from accuracy_table import as_columns, worst_errors
from exact import Column, Exact, Pair, as_exact, round_ratio, round_root
from exact_pairs import Pairs, lagged, pair_values, whole
from families import FAMILIES, family, sample_rows
from oracles import FEATURE_MATRIX, KERNELS, PAIRS, ROLLING, WINDOWED, Kernel, partner
from windows import MINUTE, clock, evaluated, ns, trailing

Array = npt.NDArray[Any]
CASES = [(name, missing) for name in FAMILIES for missing in (False, True)]
FEW_CASES = [("A-offset", True), ("C-calm", True), ("D-walk", False)]
SCALE = 1.4826


@dataclass(frozen=True)
class Worst:
    """The largest error and where it was met."""

    error: float
    where: str


def _largest(found: Iterable[tuple[float, str]]) -> Worst:
    error, where = max(found, key=lambda one: one[0])
    return Worst(error, where if error else "")


def _case(name: str, missing: bool) -> str:
    return f"{name[2:]}{' with gaps' if missing else ''}"


# ---- rolling --------------------------------------------------------------------------------------------------------


def _spread(column: Column, other: Column, window: int, rows: Sequence[int], n: int) -> Array:
    start, stop = trailing(n, window)
    sums = Pairs(column, other)
    return np.array([sums.spread(int(start[r]), int(stop[r])) for r in rows])[:, None]


def _pair_errors(kernel: Kernel, name: str, missing: bool, window: int) -> float:
    x = family(name, missing)
    column, rows = Column.of(x.tolist()), list(sample_rows(name, missing, window))
    bounds = trailing(x.size, window)
    if kernel.exact == "lag_corr":
        many = [Pairs(column, lagged(column, lag)) for lag in range(kernel.keywords["max_lag"] + 1)]
        want = pair_values("corr", many, bounds, rows)
    else:
        want = pair_values(kernel.exact, Pairs(column, Column.of(partner(x).tolist())), bounds, rows)
    error = want.error(as_columns(kernel(x, window))[rows])
    size = np.fmax(1.0, np.abs(want.hi))
    if kernel.exact == "cov":
        size = np.fmax(size, _spread(column, Column.of(partner(x).tolist()), window, rows, x.size))
    return float((error / size).max())


def rolling(kernel: Kernel, few: bool) -> Worst:
    """Over windows of rows."""
    windows = (3, 20) if few else (2, 3, 4, 20, 100, 1000)
    found = []
    for name, missing in FEW_CASES if few else CASES:
        for window in windows:
            if kernel in PAIRS:
                error = _pair_errors(kernel, name, missing, window)
            else:
                error = max(one.scaled for one in worst_errors(kernel, name, missing, window))
            found.append((error, f"{_case(name, missing)}, window {window}"))
    return _largest(found)


def lasting(kernel: Kernel, few: bool) -> Worst:
    """Over durations at irregular times."""
    n = 2000
    times, found = clock("irregular", n), []
    for name, missing in FEW_CASES if few else CASES:
        if kernel.exact == "cov" and name.startswith("B"):
            continue
        x = family(name, missing)[:n]
        slow = kernel.exact == "band_energy"
        rows = sorted({*range(0, 60, 6), *range(1500, 1520, 5), *range(0, n, 400 if slow else 40)})
        for minutes in (45, 1200):
            got = as_columns(kernel(x, ns(minutes * MINUTE), times=times))[rows]
            want = evaluated(kernel, x, times, minutes * MINUTE, rows)
            found.append((float(want.scaled_error(got).max()), f"{_case(name, missing)}, {minutes} minutes"))
    return _largest(found)


FEATURE_FORMS = {
    "median": "median",
    "mad": "mad",
    "mean": "mean",
    "std": "std",
    "slope": "slope",
    "skew": "skew",
    "kurt": "kurt",
    "energy": "band_energy",
}


def _robust_z(x: Array, window: int, row: int) -> Pair:
    """From the median and the deviation as they stand in their own columns, so rounded."""
    if not math.isfinite(x[row]):
        return exact.NAN
    part = Column.of(x[max(0, row + 1 - window) : row + 1].tolist()).between(0, window)
    median, mad = Fraction(exact.median(part)[0]), Fraction(exact.mad(part)[0])
    z = (Fraction(float(x[row])) - median) / (Fraction(SCALE) * max(mad, Fraction(1e-9)) + Fraction(1e-9))
    return round_ratio(*max(min(z, Fraction(100)), Fraction(-100)).as_integer_ratio())


def _clipped(feature: str, want: Exact) -> Exact:
    limit = {"skew": 100.0, "kurt": 1000.0}.get(feature, math.inf)
    return Exact(np.clip(want.hi, -limit, limit), want.lo)


def features(few: bool) -> Worst:
    """The feature matrix, feature by feature."""
    window, found = 20, []
    for name, missing in FEW_CASES if few else CASES:
        x = family(name, missing)[:3000]
        rows = list(range(0, x.size, 37))
        for feature, form in FEATURE_FORMS.items():
            want = _clipped(feature, evaluated(KERNELS[f"rolling_{form}"], x, None, window, rows))
            got = as_columns(acm_rs.feature_matrix(x, window, features=[feature]))[rows]
            found.append((float(want.scaled_error(got).max()), f"{_case(name, missing)}, {feature}"))
        got = as_columns(acm_rs.feature_matrix(x, window, features=["robust_z"]))[rows]
        want = as_exact([[_robust_z(x, window, row)] for row in rows], 1)
        found.append((float(want.scaled_error(got).max()), f"{_case(name, missing)}, robust_z"))
    return _largest(found)


def features_lasting(few: bool) -> Worst:
    """The same over durations at irregular times."""
    n = 2000
    times, found = clock("irregular", n), []
    for name, missing in FEW_CASES if few else CASES:
        x = family(name, missing)[:n]
        rows = list(range(0, n, 97))
        for feature, form in FEATURE_FORMS.items():
            want = _clipped(feature, evaluated(KERNELS[f"rolling_{form}"], x, times, 45 * MINUTE, rows))
            got = as_columns(acm_rs.feature_matrix(x, ns(45 * MINUTE), features=[feature], times=times))[rows]
            found.append((float(want.scaled_error(got).max()), f"{_case(name, missing)}, {feature}"))
    return _largest(found)


# ---- columns --------------------------------------------------------------------------------------------------------


def _by_column(
    function: Callable[[Array], Any],
    values: Callable[[exact.Window], Sequence[Pair]],
    few: bool,
) -> Worst:
    found = []
    for name, missing in FEW_CASES if few else CASES:
        x = family(name, missing)
        w = Column.of(x.tolist()).between(0, x.size)
        got = function(x)
        ours = np.array([np.ravel(part)[0] for part in got])[None, :]
        error = as_exact([values(w)], ours.size).scaled_error(ours)
        found.append((float(error.max()), _case(name, missing)))
    return _largest(found)


def _each_value(function: Callable[[Array], Array], value: Callable[[Array], list[Pair]], few: bool) -> Worst:
    found = []
    for name, missing in FEW_CASES if few else CASES:
        x = family(name, missing)[:4500]
        want = as_exact([[pair] for pair in value(x)], 1)
        found.append((float(want.scaled_error(function(x)).max()), _case(name, missing)))
    return _largest(found)


def _z(x: Array) -> list[Pair]:
    w = Column.of(x.tolist()).between(0, x.size)
    values = sorted(w.values)
    median = Fraction(values[(w.count - 1) // 2] + values[w.count // 2], 2 * w.unit)
    away = sorted(abs(Fraction(v, w.unit) - median) for v in values)
    mad = (away[(w.count - 1) // 2] + away[w.count // 2]) / 2
    scale = max(Fraction(SCALE) * mad, Fraction(1e-9))
    return [
        round_ratio(*((Fraction(v) - median) / scale).as_integer_ratio()) if math.isfinite(v) else exact.NAN
        for v in x.tolist()
    ]


def _interpolated(x: Array) -> list[Pair]:
    known = np.flatnonzero(np.isfinite(x)).tolist()
    out: list[Pair] = [exact.NAN] * x.size
    for left, right in zip(known, [*known[1:], x.size], strict=True):
        a = Fraction(float(x[left]))
        b = Fraction(float(x[right])) if right < x.size else a
        for row in range(left, right):
            out[row] = round_ratio(*(a + (b - a) * Fraction(row - left, right - left)).as_integer_ratio())
    return out


def _imputed(x: Array) -> list[Pair]:
    median = exact.median(Column.of(x.tolist()).between(0, x.size))
    return [(v, 0.0) if math.isfinite(v) else median for v in x.tolist()]


def _ewm(name: str, few: bool) -> Worst:
    found = []
    with mpmath.workprec(500):
        for case in FEW_CASES if few else CASES:
            x = family(*case)[:1200]
            for alpha in (0.3, 0.02):
                want = as_exact([[pair] for pair in weighted_exactly(x, alpha, name)], 1)
                got = getattr(acm_rs, name)(x, alpha=alpha)
                found.append((float(want.scaled_error(got).max()), f"{_case(*case)}, alpha {alpha}"))
    return _largest(found)


def _split(value: Any) -> Pair:
    hi = float(value)
    return hi, float(value - hi)


def weighted_exactly(x: Array, alpha: float, name: str) -> list[Pair]:
    """Mean or deviation from adjusted weighted sums, as exact as mpmath is told to be."""
    keep, out = 1 - mpmath.mpf(alpha), []
    s0 = s1 = s2 = q = mpmath.mpf(0)
    for v in x.tolist():
        s0, s1, s2, q = keep * s0, keep * s1, keep * s2, keep * keep * q
        if math.isfinite(v):
            s0, s1, s2, q = s0 + 1, s1 + v, s2 + mpmath.mpf(v) ** 2, q + 1
        mean = s1 / s0 if s0 else mpmath.nan
        if name == "ewm_mean":
            out.append(_split(mean) if s0 else exact.NAN)
        else:
            left = 1 - q / (s0 * s0) if s0 else 0
            out.append(_split(mpmath.sqrt(abs(s2 / s0 - mean * mean) / left)) if left > 1e-60 else exact.NAN)
    return out


# ---- matrices -------------------------------------------------------------------------------------------------------


def _table(few: bool, rows: int) -> Array:
    """The families side by side, and one more of each that goes along with it."""
    names = list(FAMILIES)[:3] if few else list(FAMILIES)
    x = np.column_stack([family(name, True)[:rows] for name in names])
    other = np.column_stack([family(name)[rows : 2 * rows] + family(name)[:rows] for name in names])
    return np.column_stack([x, other])


def _matrix(kind: str, got: Array, x: Array, lag: int = 0) -> Worst:
    columns = [Column.of(x[:, j].tolist()) for j in range(x.shape[1])]
    want = whole(kind, columns, lag=lag)
    size = np.fmax(1.0, np.abs(want.hi))
    if kind == "cov":
        spread = [[Pairs(a, b).spread(0, len(x)) for b in columns] for a in columns]
        size = np.fmax(size, np.array(spread).reshape(size.shape))
    return Worst(float((want.error(got.reshape(want.hi.shape)) / size).max()), f"{x.shape[1]} columns of the families")


def _wide_and_narrow(measure: Callable[[bool], Worst]) -> Callable[[bool], Worst]:
    """How many columns there are decides how sums are cut: half of them are measured too."""
    return lambda few: measure(True) if few else max(measure(True), measure(False), key=lambda one: one.error)


def _ranked(method: str, few: bool) -> Worst:
    x = _table(few, 400)
    d = x.shape[1]
    found = [[exact.NAN] * d for _ in range(d)]
    for i in range(d):
        for j in range(d):
            both = np.isfinite(x[:, i]) & np.isfinite(x[:, j])
            a, b = x[both, i], x[both, j]
            if method == "spearman":
                ranks = [Column.of(scipy.stats.rankdata(v).tolist()) for v in (a, b)]
                found[i][j] = Pairs(*ranks).corr(0, a.size)
            else:
                left, right = (np.sign(v[:, None] - v[None, :]).astype(np.int64) for v in (a, b))
                over, under = int((left * right).sum()), int((left * left).sum()) * int((right * right).sum())
                hi, lo = round_root(over * over, under)
                found[i][j] = (math.copysign(hi, over), math.copysign(1.0, over) * lo)
    want = as_exact(found, d)
    error = want.scaled_error(acm_rs.correlation(x, method))
    return Worst(float(error.max()), f"{d} columns of the families")


def _lags(few: bool) -> Worst:
    x = _table(few, 2000)
    got = acm_rs.lagged_correlation(x, 3)
    return max((_matrix("corr", got[k], x, k) for k in range(4)), key=lambda one: one.error)


# ---- spectra --------------------------------------------------------------------------------------------------------


def _energy(few: bool) -> Worst:
    found = []
    for name, missing in FEW_CASES if few else CASES:
        x = family(name, missing)[1450:1690]
        w = Column.of(x.tolist()).between(0, x.size)
        want = as_exact([exact.band_energy(w)], 3)
        found.append((float(want.scaled_error(acm_rs.band_energy(x)).max()), _case(name, missing)))
    return _largest(found)


def _density(x: Array, size: int) -> list[float]:
    """Welch's estimate with Hann's taper and segments half over each other, by its definition."""
    pi = mpmath.pi
    taper = [(1 - mpmath.cos(2 * pi * i / size)) / 2 for i in range(size)]
    turns = [mpmath.expj(-2 * pi * i / size) for i in range(size)]
    starts = range(0, x.size - size + 1, size // 2)
    power = [mpmath.mpf(0)] * (size // 2 + 1)
    for start in starts:
        values = [mpmath.mpf(v) for v in x[start : start + size].tolist()]
        mean = mpmath.fsum(values) / size
        tapered = [(v - mean) * w for v, w in zip(values, taper, strict=True)]
        for k in range(len(power)):
            power[k] += abs(mpmath.fsum(v * turns[k * i % size] for i, v in enumerate(tapered))) ** 2
    total = mpmath.fsum(w * w for w in taper) * len(starts)
    return [float((1 if k in (0, size // 2) else 2) * p / total) for k, p in enumerate(power)]


def _spectrum(few: bool) -> Worst:
    found = []
    with mpmath.workprec(200):
        for name in ("A-offset", "D-walk") if few else FAMILIES:
            x = family(name)[1450:1610]
            want = np.array(_density(x, 32))
            got = acm_rs.power_spectrum(x, segment=32)[1]
            found.append((float(np.abs(got - want).max() / max(1.0, want.max())), _case(name, False)))
    return _largest(found)


# ---- all ------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Measure:
    """How a function is measured, and what it is held to."""

    measure: Callable[[bool], Worst]
    limit: float
    durations: Callable[[bool], Worst] | None = None


def _of_kernel(kernel: Kernel) -> Measure:
    limit = kernel.tolerance if kernel.target is None else float(np.max(kernel.target))
    over = (lambda few: lasting(kernel, few)) if kernel in WINDOWED else None
    return Measure(lambda few: rolling(kernel, few), limit, over)


def _moments(w: exact.Window) -> list[Pair]:
    return [(float(w.count), 0.0), exact.mean(w), exact.std(w), exact.skew(w), exact.kurt(w)]


QUANTILES = (0.0, 0.05, 0.5, 0.9, 1.0)
MEASURES: dict[str, Measure] = {
    **{kernel.name: _of_kernel(kernel) for kernel in (*ROLLING, *PAIRS)},
    FEATURE_MATRIX.name: Measure(features, 1e-12, features_lasting),
    "ewm_mean": Measure(lambda few: _ewm("ewm_mean", few), 1e-12),
    "ewm_std": Measure(lambda few: _ewm("ewm_std", few), 1e-12),
    "column_median_mad": Measure(
        lambda few: _by_column(acm_rs.column_median_mad, lambda w: [exact.median(w), exact.mad(w)], few), 2.0**-51
    ),
    "column_quantiles": Measure(
        lambda few: _by_column(
            lambda x: acm_rs.column_quantiles(x, QUANTILES), lambda w: exact.quantile(w, QUANTILES), few
        ),
        2.0**-51,
    ),
    "column_moments": Measure(lambda few: _by_column(acm_rs.column_moments, _moments, few), 2e-13),
    "zscore": Measure(lambda few: _each_value(acm_rs.zscore, _z, few), 1e-12),
    "impute": Measure(
        lambda few: max(
            _each_value(acm_rs.impute, _imputed, few),
            _each_value(lambda x: acm_rs.impute(x, "interpolate"), _interpolated, few),
            key=lambda one: one.error,
        ),
        1e-12,
    ),
    "lag_matrix": Measure(
        lambda few: _each_value(lambda x: acm_rs.lag_matrix(x, [0]), lambda x: [(v, 0.0) for v in x.tolist()], few),
        0.0,
    ),
    "correlation": Measure(
        _wide_and_narrow(lambda few: _matrix("corr", acm_rs.correlation(x := _table(few, 2000)), x)), 1e-13
    ),
    "correlation spearman": Measure(_wide_and_narrow(lambda few: _ranked("spearman", few)), 1e-13),
    "correlation kendall": Measure(_wide_and_narrow(lambda few: _ranked("kendall", few)), 1e-13),
    "compute_correlations_f64": Measure(
        _wide_and_narrow(lambda few: _matrix("corr", acm_rs.compute_correlations_f64(x := _table(few, 2000)), x)), 1e-13
    ),
    "covariance": Measure(
        _wide_and_narrow(lambda few: _matrix("cov", acm_rs.covariance(x := _table(few, 2000)), x)), 1e-12
    ),
    "lagged_correlation": Measure(_wide_and_narrow(_lags), 1e-13),
    "band_energy": Measure(_energy, 1e-12),
    "power_spectrum": Measure(_spectrum, 1e-12),
}
NOT_MEASURED = frozenset({"seasonality"})
