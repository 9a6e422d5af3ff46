"""Where acm_rs knowingly differs from its peers: for each difference one input, the peer's number and ours.

Inputs are small, or a family of ``families.py`` at the row where the peer is worst.
"""

from __future__ import annotations

import importlib
import math
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import acm_rs
import mpmath
import numpy as np
import numpy.typing as npt
import pandas as pd
from exact import Column
from exact_pairs import Pairs
from families import family
from registry import KERNELS
from registry.ewm import weighted_exactly

Array = npt.NDArray[Any]
Number = float | str
SECOND = 10**9
START = 1_700_000_000 * SECOND
KNOWN_ERRORS = (TypeError, ValueError, NotImplementedError)


@dataclass(frozen=True)
class Difference:
    """One line of evidence; ``truth`` is the exact value or, where that is a matter of definition, the reason.

    ``theirs`` raises ImportError where the peer is not installed.
    """

    function: str
    given: str
    peer: str
    theirs: Callable[[], Any]
    ours: Callable[[], Any]
    truth: Callable[[], Any] | str


def number(call: Callable[[], Any] | str) -> Number:
    """The number a call gives, or the name of the exception it raises."""
    if isinstance(call, str):
        return call
    try:
        with warnings.catch_warnings(), np.errstate(all="ignore"):
            warnings.simplefilter("ignore")
            return float(np.asarray(call()).ravel()[-1])
    except KNOWN_ERRORS as error:
        return type(error).__name__


def spelled(value: Number) -> str:
    """Spell a number so that what differs can be seen."""
    if isinstance(value, str):
        return value
    return "NaN" if math.isnan(value) else f"{value:.12g}"


def _peer(name: str) -> Any:
    return importlib.import_module(name)


def _exact(kind: str, x: Array, window: int, row: int) -> Callable[[], float]:
    return lambda: float(KERNELS[f"rolling_{kind}"].exactly(x, window, [row]).hi[0, 0])


def _row(name: str, kind: str, window: int, row: int, label: str) -> Difference:
    x = family(name)
    return Difference(
        f"rolling_{kind}",
        f"{label}, window {window}, row {row}",
        "pandas",
        lambda: getattr(pd.Series(x).rolling(window, min_periods=1), kind)().iloc[row],
        lambda: getattr(acm_rs, f"rolling_{kind}")(x, window)[row],
        _exact(kind, x, window, row),
    )


def _other(library: str, call: Callable[[Any, Array], Array], name: str, kind: str, row: int, label: str) -> Difference:
    x = family(name)
    return Difference(
        f"rolling_{kind}",
        f"{label}, window 100, row {row}",
        library,
        lambda: call(_peer({"Polars": "polars"}.get(library, library)), x)[row],
        lambda: getattr(acm_rs, f"rolling_{kind}")(x, 100)[row],
        _exact(kind, x, 100, row),
    )


def _level(rows: int = 1000) -> Array:
    """Two columns of 1e9 with deviations of 1e-3 that go along with each other."""
    z = np.random.default_rng(0).standard_normal((rows, 2))
    z[:, 1] += z[:, 0]
    return 1e9 + 1e-3 * z


def _correlated(kind: str = "corr") -> float:
    a, b = (Column.of(_level()[:, j].tolist()) for j in (0, 1))
    return getattr(Pairs(a, b), kind)(0, 1000)[0]


GAP = np.array([1.0, np.nan, 3.0])
INFINITE = np.array([1.0, np.inf, 3.0])
PAIR = np.array([[1.0, 5.0], [2.0, 3.0], [3.0, 1.0], [4.0, 2.0], [-np.inf, -np.inf], [2.5, 2.0]])
FOUR = np.array([1.0, 2.0, 4.0, 9.0])
NEAR = 1e9 + np.array([0.0, 1.0, 2.0, 7.0]) * np.spacing(1e9)
HUGE = np.array([1.7e308, 1.7e308])
TWINS = np.array([0, 0, 0, 1]) * SECOND + START
HOLES = np.array([1.0, np.nan, np.nan, 5.0, 2.0])
HOLE = np.array([1.0, np.nan, 4.0])
DAYS = np.arange(3) * 86_400 * SECOND + START
OUTAGE = np.r_[10.0, 11.0, np.full(7400, np.nan), 12.0]
OFFSET = family("A-offset")
QUIET = np.concatenate([[0.1, 2.0, 1e160], np.sin(np.arange(20.0))])
NOISE_WITH_GAP = np.where(np.arange(256) == 7, np.nan, np.cos(np.arange(256.0) ** 1.5))


def _dates(times: Array) -> pd.DatetimeIndex:
    return pd.DatetimeIndex(times.view("datetime64[ns]"))


def _polars_by(values: Array, times: Array) -> Any:
    pl = _peer("polars")
    frame = pl.DataFrame({"t": times.view("datetime64[ns]"), "v": values})
    return frame.select(pl.col("v").rolling_sum_by("t", "1s")).to_series()[0]


def _polars_corr(row: int) -> float:
    pl, x = _peer("polars"), _level()
    frame = pl.DataFrame({"a": x[:, 0], "b": x[:, 1]})
    return float(frame.select(pl.rolling_corr("a", "b", window_size=50)).to_series()[row])


def _pairs_at(row: int) -> float:
    a, b = (Column.of(_level()[:, j].tolist()) for j in (0, 1))
    return Pairs(a, b).corr(row - 49, row + 1)[0]


def _exact_ewm_std(row: int) -> float:
    with mpmath.workprec(500):
        return weighted_exactly(OFFSET[: row + 1], 2.0 / 21.0, "ewm_std")[-1][0]


DIFFERENCES: tuple[Difference, ...] = (
    # The moments.
    _row("A-offset", "std", 100, 8953, "1e9 ± 1e-3"),
    _other("bottleneck", lambda bn, x: bn.move_std(x, 100, 2, ddof=1), "A-offset", "std", 8953, "1e9 ± 1e-3"),
    _other("Polars", lambda pl, x: pl.Series(x).rolling_std(100, min_samples=2), "A-offset", "std", 1890, "1e9 ± 1e-3"),
    _other("numbagg", lambda nb, x: nb.move_std(x, window=100, min_count=2), "A-offset", "std", 8899, "1e9 ± 1e-3"),
    _row("C-calm", "std", 100, 2641, "calm after 1e6 ± 1e3"),
    _row("E-stuck", "std", 60, 9359, "sensor stuck"),
    _row("D-walk", "skew", 100, 8412, "random walk"),
    _row("D-walk", "kurt", 1000, 9270, "random walk"),
    _row("B-spikes", "mean", 100, 3185, "after spikes of 1e15"),
    _other("bottleneck", lambda bn, x: bn.move_mean(x, 100, 1), "B-spikes", "mean", 3407, "after spikes of 1e15"),
    Difference(
        "rolling_std",
        "20 rows after a value of 1e160, window 4",
        "pandas",
        lambda: pd.Series(QUIET).rolling(4).std(),
        lambda: acm_rs.rolling_std(QUIET, 4),
        _exact("std", QUIET, 4, QUIET.size - 1),
    ),
    Difference(
        "rolling_kurt",
        "1, 2, 4, 9",
        "Polars",
        lambda: _peer("polars").Series(FOUR).kurtosis(),
        lambda: acm_rs.rolling_kurt(FOUR, 4),
        "biased by default; SciPy too",
    ),
    Difference(
        "column_moments",
        "skewness of 1e9 ± 1e-3, 10,000 rows",
        "SciPy",
        lambda: _peer("scipy.stats").skew(OFFSET, bias=False),
        lambda: acm_rs.column_moments(OFFSET)[3],
        _exact("skew", OFFSET, OFFSET.size, OFFSET.size - 1),
    ),
    Difference(
        "column_moments",
        "deviation of the same",
        "pandas",
        lambda: pd.Series(OFFSET).std(),
        lambda: acm_rs.column_moments(OFFSET)[2],
        _exact("std", OFFSET, OFFSET.size, OFFSET.size - 1),
    ),
    # Pairs.
    Difference(
        "rolling_corr",
        "1e9 ± 1e-3 twice, window 50, row 606",
        "Polars",
        lambda: _polars_corr(606),
        lambda: acm_rs.rolling_corr(_level()[:, 0], _level()[:, 1], 50)[606],
        lambda: _pairs_at(606),
    ),
    Difference(
        "correlation",
        "1e9 ± 1e-3 twice, 1,000 rows",
        "pandas",
        lambda: pd.DataFrame(_level()).corr().iloc[0, 1],
        lambda: acm_rs.correlation(_level())[0, 1],
        _correlated,
    ),
    Difference(
        "correlation",
        "the same",
        "NumPy",
        lambda: np.corrcoef(_level().T)[0, 1],
        lambda: acm_rs.correlation(_level())[0, 1],
        _correlated,
    ),
    Difference(
        "covariance",
        "the same",
        "pandas",
        lambda: pd.DataFrame(_level()).cov().iloc[0, 1],
        lambda: acm_rs.covariance(_level())[0, 1],
        lambda: _correlated("cov"),
    ),
    Difference(
        "covariance",
        "variance of 1, NaN, 3 with ddof=0",
        "pandas",
        lambda: pd.DataFrame({"a": GAP}).cov(ddof=0),
        lambda: acm_rs.covariance(GAP, ddof=0),
        "ddof is ignored there where a value is missing",
    ),
    Difference(
        "correlation",
        "a NaN in one of six rows",
        "NumPy",
        lambda: np.corrcoef(np.where(np.isfinite(PAIR), PAIR, np.nan).T)[0, 1],
        lambda: acm_rs.correlation(PAIR)[0, 1],
        "missing rows are left out",
    ),
    Difference(
        "correlation",
        "Spearman, -inf in both columns of a row",
        "pandas",
        lambda: pd.DataFrame(PAIR).corr("spearman").iloc[0, 1],
        lambda: acm_rs.correlation(PAIR, "spearman")[0, 1],
        "infinity has no rank: it is missing",
    ),
    # Missing values.
    Difference(
        "rolling_mean",
        "1, NaN, 3",
        "Polars",
        lambda: _peer("polars").Series(GAP).rolling_mean(3, min_samples=1)[2],
        lambda: acm_rs.rolling_mean(GAP, 3),
        "there NaN is a value, null is missing",
    ),
    Difference(
        "rolling_mean",
        "1, inf, 3",
        "bottleneck",
        lambda: _peer("bottleneck").move_mean(INFINITE, 3, 1),
        lambda: acm_rs.rolling_mean(INFINITE, 3),
        "infinity is missing",
    ),
    Difference(
        "column_moments",
        "count of 1, inf, 3",
        "pandas",
        lambda: pd.Series(INFINITE).count(),
        lambda: acm_rs.column_moments(INFINITE)[0],
        "infinity is missing",
    ),
    Difference(
        "impute",
        "1, inf, 3: interpolated, the second row",
        "pandas",
        lambda: pd.Series(INFINITE).interpolate()[1],
        lambda: acm_rs.impute(INFINITE, "interpolate")[1],
        "infinity is missing",
    ),
    Difference(
        "impute",
        "zeros for 1, NaN, NaN, 5, 2, NaN with limit=2, the last row",
        "pandas",
        lambda: pd.Series([*HOLES, np.nan]).fillna(0.0, limit=2),
        lambda: acm_rs.impute(np.array([*HOLES, np.nan]), "zero", limit=2),
        "the limit is per gap, as in ffill",
    ),
    Difference(
        "impute",
        "columns left of two, one without any value",
        "scikit-learn",
        lambda: (
            _peer("sklearn.impute")
            .SimpleImputer(strategy="median")
            .fit_transform(np.array([[1.0, np.nan], [3.0, np.nan]]))
            .shape[1]
        ),
        lambda: acm_rs.impute(np.array([[1.0, np.nan], [3.0, np.nan]])).shape[1],
        "no column disappears",
    ),
    Difference(
        "power_spectrum",
        "noise with one NaN in its only segment, bin 1",
        "SciPy",
        lambda: _peer("scipy.signal").welch(NOISE_WITH_GAP)[1][1],
        lambda: acm_rs.power_spectrum(NOISE_WITH_GAP)[1][1],
        "it counts as the segment's mean",
    ),
    # Order statistics.
    Difference(
        "column_median_mad",
        "median of 1.7e308 and 1.7e308",
        "NumPy",
        lambda: np.median(HUGE),
        lambda: acm_rs.column_median_mad(HUGE)[0],
        "1.7e+308",
    ),
    Difference(
        "column_median_mad",
        "MAD of 1e9 and the numbers 1, 2 and 7 units in the last place above",
        "SciPy",
        lambda: _peer("scipy.stats").median_abs_deviation(NEAR),
        lambda: acm_rs.column_median_mad(NEAR)[1],
        _exact("mad", NEAR, 4, 3),
    ),
    Difference(
        "column_quantiles",
        "a quarter between -1.7e308 and 1.7e308",
        "NumPy",
        lambda: np.quantile([-1.7e308, 1.7e308], 0.25),
        lambda: acm_rs.column_quantiles(np.array([-1.7e308, 1.7e308]), 0.25),
        "-8.5e+307",
    ),
    # Windows and weights.
    Difference(
        "rolling_mean",
        "1, 2, 4, 9, window 3, first row",
        "pandas",
        lambda: np.asarray(pd.Series(FOUR).rolling(3).mean())[0],
        lambda: acm_rs.rolling_mean(FOUR, 3)[0],
        "min_periods: there the window, here 1",
    ),
    Difference(
        "rolling_std",
        "1, 2, 4, 9, window 0",
        "pandas",
        lambda: pd.Series(FOUR).rolling(0).std(),
        lambda: acm_rs.rolling_std(FOUR, 0),
        "a window has rows",
    ),
    Difference(
        "rolling_sum",
        '1, 2, 4 at one instant, 9 a second later; "1s", first row',
        "Polars",
        lambda: _polars_by(FOUR, TWINS),
        lambda: acm_rs.rolling_sum(FOUR, "1s", times=TWINS)[0],
        "up to the row itself, as pandas",
    ),
    Difference(
        "rolling_mean",
        "1 + 1j, 2",
        "pandas",
        lambda: pd.Series([1 + 1j, 2]).rolling(2).mean(),
        lambda: acm_rs.rolling_mean(np.array([1 + 1j, 2]), 2),
        "no imaginary part is dropped",
    ),
    Difference(
        "ewm_mean",
        "1, NaN, NaN, 5, 2 with alpha=0.5, adjust=False, row 3",
        "pandas",
        lambda: pd.Series(HOLES).ewm(alpha=0.5, adjust=False).mean()[3],
        lambda: acm_rs.ewm_mean(HOLES, alpha=0.5, adjust=False)[3],
        "4.2; there 4.2 as well with alpha=0.499999",
    ),
    Difference(
        "ewm_std",
        "1, 2, 4, 9 at irregular times",
        "pandas",
        lambda: pd.Series(FOUR).ewm(halflife="1s", times=_dates(TWINS)).std(),
        lambda: acm_rs.ewm_std(FOUR, halflife="1s", times=TWINS),
        "weighted as the mean is",
    ),
    Difference(
        "ewm_mean",
        "1, NaN, 4 a day apart, halflife 1 day, ignore_na, the last",
        "pandas",
        lambda: pd.Series(HOLE).ewm(halflife="24h", times=_dates(DAYS), ignore_na=True).mean().iloc[-1],
        lambda: acm_rs.ewm_mean(HOLE, halflife="24h", times=DAYS, ignore_na=True)[-1],
        "3.4; there 2.5 to 3.4, as the stamp of the NaN is",
    ),
    Difference(
        "ewm_std",
        "10, 11, 7400 NaN, 12, alpha=0.1, the last",
        "pandas",
        lambda: pd.Series(OUTAGE).ewm(alpha=0.1).std().iloc[-1],
        lambda: acm_rs.ewm_std(OUTAGE, alpha=0.1)[-1],
        # Half of the variance before and of the squared distance from the mean before, whose weights were 0.9 and 1.
        lambda: ((0.9 / 1.9**2 + (12 - 20.0 / 1.9) ** 2) / 2) ** 0.5,
    ),
    Difference(
        "ewm_std",
        "1e9 ± 1e-3, span 20, row 2373",
        "pandas",
        lambda: pd.Series(OFFSET).ewm(span=20).std()[2373],
        lambda: acm_rs.ewm_std(OFFSET, span=20)[2373],
        lambda: _exact_ewm_std(2373),
    ),
    Difference(
        "zscore",
        "1, 2, 4, 9: the last",
        "SciPy",
        lambda: _peer("scipy.stats").zscore(FOUR),
        lambda: acm_rs.zscore(FOUR),
        "by median and 1.4826 MAD; mean and deviation may be given",
    ),
)
