"""What the public functions do with missing values, few values, constants and nothing: found out by calling them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import acm_rs
import numpy as np
import numpy.typing as npt
from oracles import ROLLING

Array = npt.NDArray[Any]
Call = Callable[..., Array]

ROWS = 16
CONSTANT = 1500.1


@dataclass(frozen=True)
class Policy:
    """The cells of a row of the table."""

    missing: str
    least: str
    min_periods: str
    constant: str
    nothing: str


def _flat(found: Any) -> Array:
    parts = found if isinstance(found, tuple) else (found,)
    return np.concatenate([np.ravel(np.asarray(p, dtype=np.float64)) for p in parts])


def _rolling(name: str, **fixed: Any) -> Call:
    """The last row over a window as long as the data, so that windows of fewer rows can be compared."""

    def call(x: Array, **keywords: Any) -> Array:
        function = getattr(acm_rs, name)
        return _flat(function(x, max(len(x), 1), **{**fixed, **keywords})[-1:])

    return call


def _pair(name: str) -> Call:
    """The first column with the second, likewise."""

    def call(x: Array, **keywords: Any) -> Array:
        return _flat(getattr(acm_rs, name)(x[:, 0].copy(), x[:, 1].copy(), max(len(x), 1), **keywords)[-1:])

    return call


def _lagged(x: Array, **keywords: Any) -> Array:
    return _flat(acm_rs.rolling_lag_corr(x, max(len(x), 1), 0, pairs=[(0, 1)], **keywords)[-1:])


def _whole(name: str, *arguments: Any, **fixed: Any) -> Call:
    def call(x: Array, **keywords: Any) -> Array:
        return _flat(getattr(acm_rs, name)(x, *arguments, **{**fixed, **keywords}))

    return call


def _matrix(name: str, *arguments: Any, **fixed: Any) -> Call:
    """The first column with the second, of a result that has every column with every one."""

    def call(x: Array, **keywords: Any) -> Array:
        found = getattr(acm_rs, name)(x, *arguments, **{**fixed, **keywords})
        return _flat(found[..., 0, 1])

    return call


# The functions of one column, those of two, and the rest; a second word tells apart what one function can do.
ONE: dict[str, Call] = {
    **{kernel.name: _rolling(kernel.name, **kernel.keywords) for kernel in ROLLING},
    "rolling_quantile": _rolling("rolling_quantile", q=[0.1, 0.5]),
    "feature_matrix": _rolling("feature_matrix", features=["median", "mean", "std", "skew", "kurt"]),
    "feature_matrix filled": _rolling("feature_matrix", features=["median", "mean", "std", "kurt"], fill="median"),
    "ewm_mean": _whole("ewm_mean", span=5),
    "ewm_std": _whole("ewm_std", span=5),
    "column_median_mad": _whole("column_median_mad"),
    "column_quantiles": _whole("column_quantiles", [0.1, 0.5]),
    "column_moments": _whole("column_moments"),
    "zscore": _whole("zscore"),
    "impute": _whole("impute"),
    "lag_matrix": _whole("lag_matrix", [0]),
    "band_energy": _whole("band_energy"),
    "power_spectrum": lambda x, **keywords: _flat(acm_rs.power_spectrum(x, **keywords)[1]),
    "seasonality": lambda x, **keywords: _flat(acm_rs.seasonality(x, max_periods=1, **keywords)),
}
TWO: dict[str, Call] = {
    "rolling_cov": _pair("rolling_cov"),
    "rolling_corr": _pair("rolling_corr"),
    "rolling_lag_corr": _lagged,
    "correlation": _matrix("correlation"),
    "correlation spearman": _matrix("correlation", "spearman"),
    "correlation kendall": _matrix("correlation", "kendall"),
    "covariance": _matrix("covariance"),
    "lagged_correlation": _matrix("lagged_correlation", 0),
    "compute_correlations_f64": _matrix("compute_correlations_f64"),
}


def _same(a: Array, b: Array) -> bool:
    return a.shape == b.shape and bool(np.allclose(a, b, rtol=1e-11, atol=1e-11, equal_nan=True))


def _data(columns: int) -> Array:
    """Some cycles and noise; a function of one column gets a vector."""
    rows = 240 if columns == 0 else ROWS
    rng = np.random.default_rng(20)
    x = rng.standard_normal((rows, max(columns, 1))) + 3.0 * np.cos(np.arange(rows) / 2.0)[:, None]
    return x[:, 0] if columns < 2 else x


def _missing_of_one(call: Call, x: Array) -> str:
    """Say what a missing value counts as, by the first explanation that gives the same numbers."""
    gap = ROWS // 3
    holed = x.copy()
    holed[gap] = np.nan
    rest = np.delete(x, gap)
    got = call(holed)

    def filled(value: float) -> Array:
        other = x.copy()
        other[gap] = value
        return call(other)

    if got.size == x.size:
        there, others = got[gap], np.delete(got, gap)
        if np.isnan(there):
            if _same(others, np.delete(x, gap)):
                return "copied"
            return "NaN there, else skipped" if _same(others, call(rest)) else "?"
        if _same(others, rest):
            return "filled"
        return "skipped, repeats the last; weights fade on" if there == got[gap - 1] and got[-1] != x[-1] else "?"
    if _same(got, call(rest)):
        return "skipped"
    at = np.delete(np.arange(x.size), gap)
    if got.size == 1 and _same(got, filled(float(np.polyval(np.polyfit(at, rest, 1), gap)))):
        return "skipped, rows keep their places"
    if _same(got, filled(float(rest.mean()))):
        return "counts as the mean"
    if _same(got, filled(float(np.median(rest)))):
        return "filled by the median"
    # A search: the cycle found and how strong it is hardly move.
    return "skipped" if np.isfinite(got).all() and np.allclose(got, call(x), rtol=0.02) else "?"


def _missing_of_two(call: Call, x: Array) -> str:
    gap = ROWS // 3
    holed = x.copy()
    holed[gap, 0] = np.nan
    return "row skipped for the pair" if _same(call(holed), call(np.delete(x, gap, axis=0))) else "?"


def _infinities(call: Call, x: Array) -> bool:
    """Whether infinities count as NaN does."""
    found = []
    for value in (np.nan, np.inf, -np.inf):
        holed = x.copy()
        holed[ROWS // 3 :: 5] = value
        found.append(call(holed))
    return all(np.array_equal(found[0], one, equal_nan=True) for one in found[1:])


def _known(x: Array, count: int) -> Array:
    """Keep so many values."""
    out = np.full_like(x, np.nan)
    out[2 : 2 + count] = x[2 : 2 + count]
    return out


def _least(call: Call, x: Array, **keywords: Any) -> Array:
    """Fewest values with which each result is a number; 0 if a result is one without any value."""
    size = call(x).size
    found = np.full(size, -1)
    for count in range(ROWS + 1):
        found[(found < 0) & np.isfinite(call(_known(x, count), **keywords))] = count
    return found


def _takes(call: Call, x: Array, **keywords: Any) -> bool:
    try:
        call(x, **keywords)
    except TypeError:
        return False
    return True


def _numbers(found: Array) -> str:
    values = list(dict.fromkeys(found.tolist()))
    return "; ".join(str(v) for v in values)


def _least_of(call: Call, x: Array) -> str:
    if call(x).size == x.size:
        # A result a row: count the values up to the first that is a number.
        got = call(x)
        return str(int(np.flatnonzero(np.isfinite(got))[0]) + 1)
    own = _least(call, x)
    if _takes(call, x, ddof=1):
        for ddof in (0, 2, 3):
            moved = _least(call, x, ddof=ddof)
            steps = set((moved - own).tolist())
            assert steps <= {0, ddof - 1}, (own, moved)
        moves = _least(call, x, ddof=3) != own
        return "; ".join("ddof + 1" if m else str(o) for m, o in zip(moves.tolist(), own.tolist(), strict=True))
    return _numbers(own)


def _least_cycles(call: Call) -> str:
    rng = np.random.default_rng(21)
    for cycles in range(1, 20):
        angle = 2.0 * np.pi / 25.0 * np.arange(25 * cycles)
        if np.isfinite(call(np.cos(angle) + 1e-3 * rng.standard_normal(angle.size))).any():
            return f"{cycles} clear cycles"
    return "?"


def _min_periods_of(call: Call, x: Array) -> str:
    if not _takes(call, x, min_periods=1):
        return "—"
    if call(x).size == x.size:
        got = call(x, min_periods=7)
        return "obeyed" if np.flatnonzero(np.isfinite(got))[0] == 6 else "?"
    least = _least(call, x, min_periods=7)
    if not least.any():
        return "what is filled counts"
    return "obeyed" if (least == 7).all() else "?"


def _words(found: Array, rows: int = -1) -> str:
    """Describe the results for a constant or for nothing."""
    words = []
    for value in found.tolist():
        if np.isnan(value):
            word = "NaN"
        elif value == CONSTANT:
            word = "c"
        elif value == rows:
            word = "n"
        elif abs(value - rows * CONSTANT) < 1e-9:
            word = "n c"
        else:
            word = f"{value + 0.0:g}"
        words.append(word)
    return "; ".join(dict.fromkeys(words))


def _probe(name: str, call: Call, x: Array) -> Policy:
    pairs = x.ndim == 2
    missing = _missing_of_two(call, x) if pairs else _missing_of_one(call, x)
    if not _infinities(call, x):
        missing += " as they are"
    nothing = _words(call(np.full_like(x, np.nan)))
    if _takes(call, x, min_periods=0):
        other = _words(call(np.full_like(x, np.nan), min_periods=0))
        if other != nothing:
            nothing += f"; {other} if min_periods=0"
    constant = np.full_like(x, CONSTANT)
    if pairs:
        constant[:, 1] = x[:, 1]
    told = _words(call(constant), len(x))
    if pairs and name.startswith(("correlation", "compute")):
        method = name.partition(" ")[2] or "pearson"
        own = acm_rs.correlation(constant, method)[0, 0]
        told += "" if np.isnan(own) else f"; {own:g} on the diagonal"
    least = _least_cycles(call) if name == "seasonality" else _least_of(call, x)
    if name == "power_spectrum" and least == str(len(x) // 2):
        least = "half a segment"
    return Policy(missing, least, _min_periods_of(call, x), told, nothing)


def policies() -> dict[str, Policy]:
    """Probe every function."""
    rows = {name: _probe(name, call, _data(0 if name == "seasonality" else 1)) for name, call in ONE.items()}
    return rows | {name: _probe(name, call, _data(2)) for name, call in TWO.items()}
