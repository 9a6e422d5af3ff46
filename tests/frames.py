"""Sensor histories that break careless arithmetic, and the exact value of every statistic of one window."""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager
from decimal import Context, Decimal, localcontext
from fractions import Fraction
from functools import cache
from typing import Any

import mpmath
import numpy as np
import pandas as pd
import pytest

from core import fast_features as ff

BACKENDS = [
    pytest.param("rust", marks=pytest.mark.skipif(ff._rs is None, reason="acm_rs is not built")),
    pytest.param("polars", marks=pytest.mark.skipif(ff._pl is None, reason="Polars is not installed")),
    "pandas",
]
WINDOWS = (1, 2, 3, 4, 5, 16, 400)
BASIC_SUFFIXES = ("_med", "_mad", "_mean", "_std", "_slope", "_skew", "_kurt")

NAN = float("nan")


@contextmanager
def serving(backend: str) -> Iterator[None]:
    """Let one backend serve the calls inside."""
    before = ff.BACKEND, ff._fallback_told
    ff.BACKEND, ff._fallback_told = backend, True
    try:
        yield
    finally:
        ff.BACKEND, ff._fallback_told = before


def available() -> list[str]:
    """Return the backends present, the pandas one last."""
    return [
        name
        for name, there in (("rust", ff._rs is not None), ("polars", ff._pl is not None), ("pandas", True))
        if there
    ]


def adversarial(rows: int = 90) -> pd.DataFrame:
    """One column a trouble: each is the downfall of some running sum."""
    rng = np.random.default_rng(20120521)
    noise = rng.normal(size=(12, rows))
    half = rows // 2
    gaps = np.where(rng.random(rows) < 0.3, np.nan, noise[0])
    gaps[half : half + 20] = np.nan
    spikes = noise[1].copy()
    spikes[[5, half, half + 1]] = 1e15
    spikes[[6, half + 7]] = -1e15
    infinite = noise[2].copy()
    infinite[[0, 3, half]] = np.inf
    infinite[[4, half + 1]] = -np.inf
    stuck = np.round(50.0 + noise[3], 1)
    stuck[10:40] = stuck[9]
    stuck[60:75] = 0.1
    tiny = np.where(np.arange(rows) < 30, 1e6 * noise[4], 1e-5 * noise[4])
    late = np.full(rows, np.nan)
    late[half:] = 1500.0 + 5.0 * noise[5, half:]
    calm = np.where(np.arange(rows) % 7 == 0, np.nan, 1e6 + np.round(1e-3 * noise[6], 3))
    return pd.DataFrame(
        {
            "gaps": gaps,
            "constant": np.full(rows, 0.1),
            "offset": 1e9 + 1e-3 * noise[7],
            "spikes": spikes,
            "infinite": infinite,
            "missing": np.full(rows, np.nan),
            "stuck": stuck,
            "tiny": tiny,
            "late": late,
            "calm": calm,
            "walk": np.cumsum(noise[8]),
            "pressure": 101325.0 + 10.0 * noise[9],
        },
        index=pd.date_range("2012-05-21 14:00", periods=rows, freq="30min"),
    )


def fan(rows: int = 600, sensors: int = 5, missing: float = 0.0) -> pd.DataFrame:
    """Look like an industrial historian's export: rounded, drifting with the load, at rest now and then."""
    rng = np.random.default_rng(7)
    load = 0.6 + 0.2 * np.sin(np.arange(rows) / 48.0) + 0.05 * rng.normal(size=rows)
    load[rows // 3 : rows // 3 + 40] = 0.0
    columns = {}
    for i in range(sensors):
        column = np.round((i + 1) * 40.0 * load + rng.normal(scale=0.3, size=rows), 2)
        column[rows // 3 : rows // 3 + 40] = 0.54
        columns[f"FAN.{i}-1 sensor"] = np.where(rng.random(rows) < missing, np.nan, column)
    return pd.DataFrame(columns, index=pd.date_range("2012-05-21 14:00", periods=rows, freq="30min"))


# --- exact values of one window -------------------------------------------------------------------------------------


def _decimal(value: Fraction) -> Decimal:
    return Decimal(value.numerator) / Decimal(value.denominator)


def _median(values: list[Fraction]) -> Fraction:
    ordered, size = sorted(values), len(values)
    return (ordered[(size - 1) // 2] + ordered[size // 2]) / 2


def exact_statistics(window: np.ndarray[Any, Any]) -> dict[str, float]:
    """Return every statistic of a window but the energies, in rational arithmetic rounded once at the end."""
    out = dict.fromkeys(BASIC_SUFFIXES, NAN)
    pairs = [(t, Fraction(float(v))) for t, v in enumerate(window) if np.isfinite(v)]
    values = [v for _, v in pairs]
    size = len(values)
    if not size:
        return out
    median, mean = _median(values), sum(values) / size
    out["_med"], out["_mean"] = float(median), float(mean)
    out["_mad"] = float(_median([abs(v - median) for v in values]))
    centre = Fraction(sum(t for t, _ in pairs), size)
    spread = sum((t - centre) ** 2 for t, _ in pairs)
    out["_slope"] = float(sum((t - centre) * v for t, v in pairs) / spread) if size > 1 else 0.0
    m2, m3, m4 = (sum((v - mean) ** power for v in values) for power in (2, 3, 4))
    with localcontext(Context(prec=60)):
        if size > 1:
            out["_std"] = float(_decimal(m2 / (size - 1)).sqrt())
        if size > 2 and m2:
            cube = _decimal(m2) * _decimal(m2).sqrt()
            out["_skew"] = float(size * Decimal(size - 1).sqrt() / (size - 2) * _decimal(m3) / cube)
        if size > 3 and m2:
            ratio = (size + 1) * size * m4 / m2**2 - 3 * (size - 1)
            out["_kurt"] = float(Fraction(size - 1, (size - 2) * (size - 3)) * ratio)
    return out


@cache
def _turn(size: int) -> list[tuple[mpmath.mpf, mpmath.mpf]]:
    """Cosine and sine of every multiple of a turn's ``size``-th part."""
    parts = [2 * mpmath.mpf(k) / size for k in range(size)]
    return [(mpmath.cospi(part), mpmath.sinpi(part)) for part in parts]


def exact_energies(window: np.ndarray[Any, Any], bands: list[tuple[float, float]], fs: float = 1.0) -> list[float]:
    """Return the energy of each band by the definition of the discrete Fourier transform, in 50 digits."""
    size = len(window)
    values = [Fraction(float(v)) for v in window if np.isfinite(v)]
    mean = sum(values) / len(values)
    energies = [mpmath.mpf(0)] * len(bands)
    with mpmath.workdps(50):
        centred = []
        for v in window:
            value = Fraction(float(v)) - mean if np.isfinite(v) else Fraction(0)
            centred.append(mpmath.mpf(value.numerator) / value.denominator)
        turn = _turn(size)
        for k in range(size // 2 + 1):
            real = mpmath.fsum(v * turn[k * t % size][0] for t, v in enumerate(centred))
            imag = mpmath.fsum(v * turn[k * t % size][1] for t, v in enumerate(centred))
            for i, (low, high) in enumerate(bands):
                # A bin on an edge falls on the side where NumPy's own frequencies put it.
                if low <= np.fft.rfftfreq(size, 1.0 / fs)[k] < high:
                    energies[i] += real**2 + imag**2
    return [float(energy) for energy in energies]


def _whole(values: np.ndarray[Any, Any]) -> list[int]:
    """Doubles as integers, times one power of two."""
    ratios = [float(v).as_integer_ratio() for v in values]
    unit = max((below for _, below in ratios), default=1)
    return [above * (unit // below) for above, below in ratios]


def exact_correlation(x: np.ndarray[Any, Any], y: np.ndarray[Any, Any]) -> float:
    """Return Pearson's coefficient of the rows that both have, in whole numbers rounded at the end."""
    both = np.isfinite(x) & np.isfinite(y)
    a, b = _whole(x[both]), _whole(y[both])
    size, sum_a, sum_b = len(a), sum(a), sum(b)
    spread_a = size * sum(v * v for v in a) - sum_a * sum_a
    spread_b = size * sum(v * v for v in b) - sum_b * sum_b
    if not spread_a or not spread_b:
        return NAN
    cross = size * sum(v * w for v, w in zip(a, b, strict=True)) - sum_a * sum_b
    return math.copysign(math.sqrt(cross * cross / (spread_a * spread_b)), 1 if cross >= 0 else -1)


def exact_ranks(values: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """Return ranks from 1 on, equal values sharing the mean of theirs, by counting."""
    below = (values[:, None] > values[None, :]).sum(axis=1)
    equal = (values[:, None] == values[None, :]).sum(axis=1)
    return np.asarray(below + 0.5 * (equal + 1.0))


def exact_kendall(x: np.ndarray[Any, Any], y: np.ndarray[Any, Any]) -> float:
    """Return Kendall's tau-b of the rows that both have, pair of rows by pair of rows."""
    both = np.isfinite(x) & np.isfinite(y)
    left = np.sign(x[both][:, None] - x[both][None, :]).astype(int)
    right = np.sign(y[both][:, None] - y[both][None, :]).astype(int)
    untied = int((left != 0).sum()) * int((right != 0).sum())
    return float((left * right).sum() / np.sqrt(untied)) if untied else NAN


@cache
def exact_frame(window: int) -> pd.DataFrame:
    """Return the exact statistics of all trailing windows of the adversarial frame."""
    frame = adversarial()
    columns = {}
    for name in frame:
        values = frame[name].to_numpy()
        rows = [exact_statistics(values[max(0, t + 1 - window) : t + 1]) for t in range(len(values))]
        for suffix in BASIC_SUFFIXES:
            columns[f"{name}{suffix}"] = [row[suffix] for row in rows]
    return pd.DataFrame(columns, index=frame.index)


def statistics(df: Any, window: int, min_periods: int = 1, return_type: str = "pandas") -> list[Any]:
    """Return what the five simple functions make of a frame."""
    return [
        function(df, window, min_periods=min_periods, return_type=return_type)
        for function in (
            ff.rolling_median,
            ff.rolling_mad,
            ff.rolling_mean_std,
            ff.rolling_ols_slope,
            ff.rolling_skew_kurt,
        )
    ]
