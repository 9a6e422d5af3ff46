"""Features of sensor histories: data frames in, data frames out.

One self-contained file that takes the place of ACM's own ``core/fast_features.py``. Every call is served by the fastest
backend that is present: ``acm_rs`` (Rust), then Polars, then pandas. NumPy and pandas are all it needs; taking
``acm_rs`` or Polars away changes the speed and nothing else.

What holds for every function

* The input is a pandas or a Polars data frame; integers, booleans, float32, nullable and Arrow-backed columns are
  taken as float64. Rows are never dropped or reordered.
* NaN, null and plus or minus infinity are missing. A statistic uses the other values of its window and is NaN (null in
  Polars) while there are fewer of them than ``min_periods`` or than the statistic itself needs (standard deviation and
  correlation 2, skewness 3, kurtosis 4).
* Windows trail: row ``t`` sees the rows ``t - window + 1 .. t``.

Which backend serves is told by `BACKEND`; the environment variable ``ACM_BACKEND`` (``rust``, ``polars`` or
``pandas``), read once when the module is imported, forces one.

The Polars and pandas backends take the rolling median from their library. Neither library's rolling mean, deviation,
skewness, kurtosis and correlation is exact on sensor data (both update running sums, and a value of 1e15 that passes
through the window, or an offset of 1e9, ruins them), so those statistics are computed here from the values of each
window alone: sums carry their rounding error along, and moments are taken about the window's own mean.
"""

from __future__ import annotations

import datetime as dt
import importlib
import logging
import math
import numbers
import operator
import os
import re
import warnings
from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from itertools import combinations, islice, permutations, product
from typing import TYPE_CHECKING, Any, Literal, TypeAlias, TypeVar, cast

import numpy as np
import pandas as pd
from numpy.lib.stride_tricks import sliding_window_view

if TYPE_CHECKING:
    import polars as pl

__all__ = [
    "BACKEND",
    "HAS_POLARS",
    "HAS_RUST",
    "ConfidenceGatedNormalizer",
    "NormalizationResult",
    "RegimeNormStats",
    "batched_pairwise_lag",
    "build_correlations",
    "build_lagged_features",
    "compute_basic_features",
    "compute_basic_features_pl",
    "deduplicate_index",
    "ensure_local_index",
    "goertzel_energy",
    "impute_features",
    "normalize_with_confidence_gating",
    "ols_slope",
    "rolling_mad",
    "rolling_mean_std",
    "rolling_median",
    "rolling_ols_slope",
    "rolling_pairwise_lag",
    "rolling_skew_kurt",
    "rolling_spectral_energy",
    "rolling_spectral_energy_pl",
    "rolling_xcorr",
    "spectral_energy",
]

Array: TypeAlias = "np.ndarray[Any, np.dtype[np.float64]]"
Mask: TypeAlias = "np.ndarray[Any, np.dtype[np.bool_]]"
Index: TypeAlias = "np.ndarray[Any, np.dtype[np.intp]]"
Frame: TypeAlias = "pd.DataFrame | pl.DataFrame"
ReturnType: TypeAlias = Literal["pandas", "polars"]
Method: TypeAlias = Literal["auto", "fft", "goertzel"]
CorrelationMethod: TypeAlias = Literal["pearson", "spearman", "kendall"]
Bands: TypeAlias = "Sequence[tuple[float, float]]"

_log = logging.getLogger(__name__)

# ---------------------------------------------------------------------------------------------------------------------
# Backends
# ---------------------------------------------------------------------------------------------------------------------

_BACKENDS = ("rust", "polars", "pandas")
_INSTALL = {"rust": "pip install acm-rs", "polars": "pip install polars"}


def _optional(name: str, *needs: str) -> Any:
    """Import a module that may be absent; a folder that merely has its name, or an older release, does not count."""
    try:
        module = importlib.import_module(name)
    except Exception as error:  # whatever keeps it from being imported, the features do without it
        if name in {"acm_rs", "polars"} and not isinstance(error, ImportError):
            logging.getLogger(__name__).warning("%s is there but fails to import: %r", name, error)
        return None
    return module if all(hasattr(module, need) for need in needs) else None


_rs: Any = _optional(
    "acm_rs",
    "feature_matrix",
    "rolling_corr",
    "rolling_lag_corr",
    "correlation",
    "lag_matrix",
    "column_median_mad",
    "column_quantiles",
    "column_moments",
)
_pl: Any = _optional("polars", "DataFrame")
_console: Any = getattr(_optional("core.observability", "Console"), "Console", None)
_timer_class: Any = getattr(_optional("utils.timer", "Timer"), "Timer", None)
_timer: Any = _timer_class() if hasattr(_timer_class, "wrap") else None

_F = TypeVar("_F", bound=Callable[..., Any])


def _timed(name: str) -> Callable[[_F], _F]:
    """Let ACM's timer, where there is one, measure the decorated function."""
    if _timer is None:
        return lambda function: function
    return cast("Callable[[_F], _F]", _timer.wrap(name))


def _choose_backend(forced: str | None) -> str:
    present = {"rust": _rs is not None, "polars": _pl is not None, "pandas": True}
    if not forced:
        return next(name for name in _BACKENDS if present[name])
    if forced not in present:
        raise ValueError(f"ACM_BACKEND must be rust, polars or pandas, got {forced!r}")
    if not present[forced]:
        raise RuntimeError(f"ACM_BACKEND={forced} is not available here: {_INSTALL[forced]}")
    return forced


HAS_RUST: bool = _rs is not None
"""Whether ``acm_rs`` is there."""

HAS_POLARS: bool = _pl is not None
"""Whether Polars is there."""

_forced = os.environ.get("ACM_BACKEND")

BACKEND: str = _choose_backend(_forced)
"""The backend that serves the calls of this module: ``"rust"``, ``"polars"`` or ``"pandas"``."""

_fallback_told = bool(_forced)


def _use_rust() -> bool:
    """Say once that a slower backend serves, and tell whether ``acm_rs`` does."""
    global _fallback_told
    if BACKEND == "rust":
        return True
    if not _fallback_told:
        _fallback_told = True
        _log.warning("acm_rs is not available (%s): %s computes the features, slower", _INSTALL["rust"], BACKEND)
    return False


# ---------------------------------------------------------------------------------------------------------------------
# Frames in and out
# ---------------------------------------------------------------------------------------------------------------------


def _is_polars(df: object) -> bool:
    return _pl is not None and isinstance(df, _pl.DataFrame)


def _select(df: Any, cols: Sequence[Hashable] | None) -> list[Any]:
    present = list(df.columns)
    if cols is None:
        names = present
    elif isinstance(cols, str) or not isinstance(cols, (Sequence, pd.Index, np.ndarray)):
        raise TypeError(f"cols must be a list of column names, got {type(cols).__name__}")
    else:
        names = list(cols)
    known = set(present)
    absent = [name for name in names if name not in known]
    if absent:
        raise KeyError(f"no such column: {', '.join(map(repr, absent))}")
    twice = sorted({repr(name) for name in names if names.count(name) > 1 or present.count(name) > 1})
    if twice:
        raise ValueError(f"column names must be unique, got more than once: {', '.join(twice)}")
    return names


def _refuse(names: list[Any], dtypes: list[Any]) -> None:
    if names:
        listed = ", ".join(f"{name!r} ({dtype})" for name, dtype in zip(names, dtypes, strict=True))
        raise TypeError(f"columns must be numeric, got {listed}")


def _is_number(dtype: Any) -> bool:
    types = pd.api.types
    return (types.is_numeric_dtype(dtype) or types.is_bool_dtype(dtype)) and not types.is_complex_dtype(dtype)


def _is_empty(column: pd.Series) -> bool:
    """Whether a column that does not say what it holds has no value at all: a sensor that never spoke."""
    said = pd.api.types.is_datetime64_any_dtype(column.dtype) or getattr(column.dtype, "kind", "O") in "mMc"
    return not said and bool(column.isna().all())


def _values_pandas(df: pd.DataFrame, names: list[Any]) -> Array:
    frame = df if len(names) == df.shape[1] and names == list(df.columns) else df[names]
    dtypes = list(frame.dtypes)
    if dtypes and all(dtype == np.float64 and isinstance(dtype, np.dtype) for dtype in dtypes):
        return np.asfortranarray(frame.to_numpy())
    numeric = [_is_number(dtype) for dtype in dtypes]
    empty = [not number and _is_empty(frame.iloc[:, i]) for i, number in enumerate(numeric)]
    bad = [i for i, known in enumerate(zip(numeric, empty, strict=True)) if not any(known)]
    _refuse([names[i] for i in bad], [dtypes[i] for i in bad])
    values = np.empty(frame.shape, order="F")
    for i, dtype in enumerate(dtypes):
        column = frame.iloc[:, i]
        if empty[i]:
            values[:, i] = np.nan
        elif isinstance(dtype, np.dtype):
            values[:, i] = column.to_numpy()
        else:
            values[:, i] = column.to_numpy(dtype=np.float64, na_value=np.nan)
    return values


def _values_polars(df: Any, names: list[Any]) -> Array:
    numeric = {name for name in names if df.schema[name].is_numeric() or df.schema[name] == _pl.Boolean}
    kinds = (_pl.Null, _pl.String, _pl.Categorical, _pl.Enum, _pl.Object)
    others = [name for name in names if name not in numeric]
    bad = [name for name in others if not (df.schema[name] in kinds and df[name].null_count() == df.height)]
    _refuse(bad, [df.schema[name] for name in bad])
    if not names:
        return np.empty((df.height, 0), order="F")
    missing = float("nan")
    wide = df.select(
        _pl.col(name).cast(_pl.Float64).fill_null(missing)
        if name in numeric
        else _pl.repeat(missing, df.height, dtype=_pl.Float64).alias(name)
        for name in names
    )
    return np.asfortranarray(wide.to_numpy(order="fortran"))


def _read(df: Frame, cols: Sequence[Hashable] | None) -> tuple[list[Any], Array]:
    """Names and values, (rows, columns) in Fortran order, of the chosen columns."""
    _require_frame("df", df)
    names = _select(df, cols)
    return names, _values_polars(df, names) if _is_polars(df) else _values_pandas(cast("pd.DataFrame", df), names)


def _require_frame(name: str, df: object) -> None:
    if not (_is_polars(df) or isinstance(df, pd.DataFrame)):
        raise TypeError(f"{name} must be a pandas or a Polars DataFrame, got {type(df).__name__}")


def _labels(names: list[Any]) -> pd.Index:
    """An index of these names, tuples among them left as they are."""
    return pd.Index(names, dtype=None if names else object, tupleize_cols=False)


def _distinct(columns: list[str], inputs: list[Any], argument: str = "df") -> list[str]:
    """The names of output columns, one from each of `inputs`, if no two are equal."""
    if len(set(columns)) < len(columns):
        first: dict[str, Any] = {}
        for column, source in zip(columns, inputs, strict=True):
            if column in first:
                raise ValueError(
                    f"{argument} must have column names whose results are told apart, got {first[column]!r} and "
                    f"{source!r}, which both give {column!r}: rename one"
                )
            first[column] = source
    return columns


def _to_polars(values: Array, columns: list[str]) -> Any:
    return _pl.DataFrame([_pl.Series(name, values[:, i], nan_to_null=True) for i, name in enumerate(columns)])


def _write(df: Frame, values: Array, columns: list[str], return_type: str) -> Any:
    if return_type == "polars":
        return _to_polars(values, columns)
    index = None if _is_polars(df) else cast("pd.DataFrame", df).index
    return pd.DataFrame(values, index=index, columns=columns, copy=False)


def _check_return_type(return_type: str) -> None:
    if return_type not in ("pandas", "polars"):
        raise ValueError(f"return_type must be 'pandas' or 'polars', got {return_type!r}")
    if return_type == "polars":
        _need_polars()


def _need_polars() -> None:
    if _pl is None:
        raise RuntimeError(f"Polars is not available here: {_INSTALL['polars']}")


def _integer(name: str, value: object) -> int:
    if isinstance(value, (bool, np.bool_)):
        raise ValueError(f"{name} must be an integer, got {value!r}")
    try:
        return operator.index(cast("Any", value))
    except TypeError:
        raise ValueError(f"{name} must be an integer, got {value!r}") from None


def _at_least(name: str, value: object, least: int) -> int:
    number = _integer(name, value)
    if number < least:
        raise ValueError(f"{name} must be at least {least}, got {number}")
    return number


def _number(name: str, value: object, least: float) -> float:
    if not _is_real(value):
        raise ValueError(f"{name} must be a number, got {value!r}")
    number = float(cast("Any", value))
    if not number >= least:
        raise ValueError(f"{name} must be a number and at least {least:g}, got {value!r}")
    return number


def _is_real(value: object) -> bool:
    return isinstance(value, numbers.Real) and not isinstance(value, bool)


def _check_window(window: object, min_periods: object) -> tuple[int, int]:
    rows, least = _integer("window", window), _integer("min_periods", min_periods)
    if rows < 1:
        raise ValueError(f"window must be at least 1, got {rows}")
    if not 0 <= least <= rows:
        raise ValueError(f"min_periods must be between 0 and window ({rows}), got {least}")
    return rows, least


# ---------------------------------------------------------------------------------------------------------------------
# Windows of an array, without acm_rs: exact sums and moments
# ---------------------------------------------------------------------------------------------------------------------

# Cells of scratch a step may use: 2**17 doubles are 1 MiB, small enough for the cache.
_CELLS = 1 << 17
# Plain sums are closed after this many terms, so that their rounding error stays that of a short sum.
_RUN = 64
# Sums of values beyond _HUGE could overflow; they are scaled by a power of two on the way.
_HUGE = 2.0**900
_SHRINK = 2.0**-128
# Squares of values beyond _LARGE could overflow, those of differences of values below _SMALL could lose digits. Windows
# with such values are taken again, scaled by 2**-_SHIFT or 2**_SHIFT; a sum of squares below _LEAST has lost digits.
_LARGE, _SMALL, _LEAST = 2.0**480, 2.0**-380, 2.0**-960
_SHIFT = 600


def _tiles(xt: Array, width: int, cells: int) -> Iterator[tuple[slice, slice, Array]]:
    """Cut (columns, rows) into pieces of about `cells` windows, each with the rows its windows reach back to.

    Rows before the first one come as NaN: a window that reaches over the start is one with missing values.
    """
    columns, length = xt.shape
    rows = max(1, min(length, cells))
    group = max(1, cells // rows)
    for left in range(0, columns, group):
        for top in range(0, length, rows):
            end = min(top + rows, length)
            start = top - width + 1
            block = xt[left : left + group, max(start, 0) : end]
            if start < 0:
                block = np.concatenate([np.full((block.shape[0], -start), np.nan), block], axis=1)
            yield slice(left, left + block.shape[0]), slice(top, end), block


def _rolling(
    x: Array, window: int, outputs: int, kernel: Callable[[Array, int], tuple[Array, ...]], cells: int
) -> Array:
    """Run a kernel over all windows; one output after the other, each with all columns: (rows, outputs * columns)."""
    length, columns = x.shape
    width = min(window, length)
    out = np.empty((outputs, columns, length))
    with np.errstate(all="ignore"):
        for lanes, rows, block in _tiles(x.T, width, cells):
            for i, result in enumerate(kernel(block, width)):
                out[i, lanes, rows] = result
    return out.reshape(outputs * columns, length).T


def _count(valid: Mask, width: int) -> Array:
    total = np.zeros((valid.shape[0], valid.shape[1] + 1))
    np.cumsum(valid, axis=1, out=total[:, 1:])
    return cast("Array", total[:, width:] - total[:, :-width])


def _reach(valid: Mask, width: int) -> tuple[Index, Index]:
    """Position in the block of each window's first and last valid value (of any, where it has none)."""
    end = valid.shape[1]
    place = np.arange(end)
    last = np.maximum.accumulate(np.where(valid, place, 0), axis=1)[:, width - 1 :]
    first = np.minimum.accumulate(np.where(valid, place, end - 1)[:, ::-1], axis=1)[:, ::-1][:, : end - width + 1]
    return first, last


def _is_constant(values: Array, valid: Mask, first: Index, last: Index) -> Mask:
    """Whether all valid values of a window are equal; `values` holds 0 where it is not valid."""
    seen = np.maximum.accumulate(np.where(valid, np.arange(valid.shape[1]), 0), axis=1)
    held = np.take_along_axis(values, seen, axis=1)
    steps = np.zeros(values.shape, dtype=np.intp)
    np.cumsum(held[:, 1:] != held[:, :-1], axis=1, out=steps[:, 1:])
    return cast("Mask", np.take_along_axis(steps, first, axis=1) == np.take_along_axis(steps, last, axis=1))


def _split(a: Array) -> tuple[Array, Array]:
    """Upper 26 bits and the rest: a product of either with an integer below 2**26 is exact."""
    high = (np.ascontiguousarray(a).view(np.int64) & -(1 << 27)).view(np.float64)
    return high, a - high


def _two_sum(a: Array, b: Array) -> tuple[Array, Array]:
    """``a + b`` and its rounding error (Knuth, TAOCP 2, 4.2.2)."""
    s = a + b
    t = s - a
    return s, (a - (s - t)) + (b - t)


def _two_product(a: Array, b: Array) -> tuple[Array, Array]:
    """``a * b`` and its rounding error (Dekker 1971, doi:10.1007/BF01397083)."""
    p = a * b
    (ah, al), (bh, bl) = _split(a), _split(b)
    return p, ((ah * bh - p) + ah * bl + al * bh) + al * bl


def _window_sum(values: Array, width: int) -> tuple[Array, Array]:
    """Sum of each window, as a double and the error of that double."""
    rows = values.shape[1] - width + 1
    total, error = values[:, :rows].copy(), np.zeros((values.shape[0], rows))
    for k in range(1, width):
        total, slip = _two_sum(total, values[:, k : k + rows])
        error += slip
    return total, error


def _window_mean(values: Array, size: Array, width: int) -> tuple[Array, Array]:
    """Mean of each window of `size` values (0 elsewhere), as a double and the error of that double."""
    shrink = _SHRINK if np.abs(values).max(initial=0.0) > _HUGE else 1.0
    total, error = _window_sum(values * shrink if shrink != 1.0 else values, width)
    rough = total / size
    product, slip = _two_product(rough, size)
    mean, rest = _two_sum(rough, (((total - product) - slip) + error) / size)
    return mean / shrink, rest / shrink


def _moments(block: Array, width: int, order: int) -> tuple[Array, Array, list[Array]]:
    """Count, mean and the sums of the 2nd to `order`-th powers of the deviations from it, of each window."""
    valid = np.isfinite(block)
    values = np.where(valid, block, 0.0)
    count = _count(valid, width)
    mean, rest = _window_mean(values, np.maximum(count, 1.0), width)
    rows = count.shape[1]
    sums = [np.zeros_like(count) for _ in range(2, order + 1)]
    runs = [np.zeros_like(count) for _ in sums]
    gaps = None if valid.all() else valid.astype(np.float64)
    for k in range(width if sums else 0):
        deviation = values[:, k : k + rows] - mean
        deviation -= rest
        if gaps is not None:
            deviation *= gaps[:, k : k + rows]
        power = deviation * deviation
        runs[0] += power
        for run in runs[1:]:
            power *= deviation
            run += power
        if k % _RUN == _RUN - 1 or k == width - 1:
            for one, run in zip(sums, runs, strict=True):
                one += run
                run[:] = 0.0
    if sums:
        constant = _is_constant(values, valid, *_reach(valid, width))
        for one in sums:
            one[constant] = 0.0
    return count, mean, sums


def _enough(result: Array, count: Array, least: int) -> Array:
    result[count < least] = np.nan
    return result


def _largest(values: Array) -> float:
    return float(np.fmax.reduce(np.abs(values), axis=None, initial=0.0))


def _deviation(block: Array, width: int, count: Array, m2: Array) -> Array:
    """Standard deviation of each window, given its count and sum of squares."""
    std = np.sqrt(m2 / (count - 1.0))
    if _largest(_without_infinities(block)) > _LARGE:
        _, _, (m2,) = _moments(np.ldexp(block, -_SHIFT), width, 2)
        std = np.where(np.isfinite(std), std, np.ldexp(np.sqrt(m2 / (count - 1.0)), _SHIFT))
    return std


def _mean_std(x: Array, window: int, min_periods: int) -> Array:
    least = max(min_periods, 1)

    def kernel(block: Array, width: int) -> tuple[Array, ...]:
        count, mean, (m2,) = _moments(block, width, 2)
        std = _deviation(block, width, count, m2)
        return _enough(mean, count, least), _enough(std, count, max(least, 2))

    return _rolling(x, window, 2, kernel, _CELLS)


def _skew_kurt_of(count: Array, m2: Array, m3: Array, m4: Array, least: int) -> tuple[Array, Array]:
    cube, square = m2 * np.sqrt(m2), m2 * m2
    skew = count * np.sqrt(count - 1.0) / (count - 2.0) * (m3 / cube)
    kurt = (
        (count - 1.0) / ((count - 2.0) * (count - 3.0)) * ((count + 1.0) * count * (m4 / square) - 3.0 * (count - 1.0))
    )
    # Where a power under- or overflows there is no ratio of powers left to speak of.
    normal = np.finfo(np.float64).tiny
    skew[~(cube >= normal) | np.isinf(skew)] = np.nan
    kurt[~(square >= normal) | np.isinf(kurt)] = np.nan
    return _enough(skew, count, max(least, 3)), _enough(kurt, count, max(least, 4))


def _skew_kurt(x: Array, window: int, min_periods: int) -> Array:
    def kernel(block: Array, width: int) -> tuple[Array, ...]:
        count, _, (m2, m3, m4) = _moments(block, width, 4)
        return _skew_kurt_of(count, m2, m3, m4, max(min_periods, 1))

    return _rolling(x, window, 2, kernel, _CELLS)


def _all_moments(x: Array, window: int) -> Array:
    """Mean, std, skewness and kurtosis from one pass; for complete data, so one value is enough."""

    def kernel(block: Array, width: int) -> tuple[Array, ...]:
        count, mean, (m2, m3, m4) = _moments(block, width, 4)
        std = _enough(_deviation(block, width, count, m2), count, 2)
        return _enough(mean, count, 1), std, *_skew_kurt_of(count, m2, m3, m4, 1)

    return _rolling(x, window, 4, kernel, _CELLS)


def _slope(x: Array, window: int, min_periods: int) -> Array:
    least = max(min_periods, 1)

    def kernel(block: Array, width: int) -> tuple[Array, ...]:
        valid = np.isfinite(block)
        values = np.where(valid, block, 0.0)
        count = _count(valid, width)
        first, last = _reach(valid, width)
        constant = _is_constant(values, valid, first, last)
        shrink = _SHRINK if np.abs(values).max(initial=0.0) > _HUGE else 1.0
        values *= shrink
        high, low = _split(values)
        weight = valid.astype(np.float64)
        rows = count.shape[1]
        # Twice the distance to the middle of the window's valid rows: whole numbers, so sums over them are exact.
        middle = 2.0 * np.arange(rows) - (first + last)
        sum_x, sum_x_low = np.zeros_like(count), np.zeros_like(count)
        sum_tx, sum_tx_low = np.zeros_like(count), np.zeros_like(count)
        sum_t, sum_tt = np.zeros_like(count), np.zeros_like(count)
        for k in range(width):
            cut = slice(k, k + rows)
            t = middle + 2.0 * k
            product = t * values[:, cut]
            slip = (t * high[:, cut] - product) + t * low[:, cut]
            sum_tx, more = _two_sum(sum_tx, product)
            sum_tx_low += more + slip
            sum_x, more = _two_sum(sum_x, values[:, cut])
            sum_x_low += more
            t *= weight[:, cut]
            sum_t += t
            sum_tt += t * t
        a, a_low = _two_product(sum_tx, count)
        b, b_low = _two_product(sum_x, sum_t)
        top, top_low = _two_sum(a, -b)
        top += top_low + ((a_low - b_low) + (count * sum_tx_low - sum_t * sum_x_low))
        c, c_low = _two_product(sum_tt, count)
        d, d_low = _two_product(sum_t, sum_t)
        slope = 2.0 * (top / ((c - d) + (c_low - d_low))) / shrink
        slope[constant] = 0.0
        return (_enough(slope, count, least),)

    return _rolling(x, window, 1, kernel, _CELLS)


def _middle(ordered: Array, count: Array) -> tuple[Array, Array]:
    """The two middle ones (the same one twice, for an odd count) of the first `count` of each sorted row."""
    width = ordered.shape[-1]
    if count.min(initial=width) == width:
        return ordered[..., (width - 1) // 2], ordered[..., width // 2]
    size = np.maximum(count.astype(np.intp), 1)[..., None]
    low = np.take_along_axis(ordered, (size - 1) // 2, axis=-1)
    return low[..., 0], np.take_along_axis(ordered, size // 2, axis=-1)[..., 0]


def _mad(x: Array, window: int, min_periods: int) -> Array:
    least = max(min_periods, 1)

    def kernel(block: Array, width: int) -> tuple[Array, ...]:
        count = _count(np.isfinite(block), width)
        ordered = np.sort(sliding_window_view(block, width, axis=-1), axis=-1)
        low, high = _middle(ordered, count)
        far = _largest(block) > 0.25 * np.finfo(np.float64).max
        if far:
            ordered, low, high = ordered * 0.25, low * 0.25, high * 0.25
        half = high * 0.5 - low * 0.5
        # Measured from the lower middle value: a median rounded at 1e9 would spoil deviations of 1e-3.
        ordered = ordered - low[..., None]
        ordered -= half[..., None]
        np.abs(ordered, out=ordered)
        ordered.sort(axis=-1)
        low, high = _middle(ordered, count)
        middle = low + (high - low) * 0.5
        return (_enough(middle * 4.0 if far else middle, count, least),)

    width = min(window, len(x))
    return _rolling(_without_infinities(x), window, 1, kernel, max(1, 4 * _CELLS // max(width, 1)))


def _without_infinities(x: Array) -> Array:
    infinite = np.isinf(x)
    return np.where(infinite, np.nan, x) if infinite.any() else x


def _median(x: Array, window: int, min_periods: int) -> Array:
    """Rolling median by the backend's own library, exact in both."""
    least = max(min_periods, 1)
    x = _without_infinities(x)

    def native(values: Array) -> Array:
        width = min(window, len(values))
        if BACKEND == "polars":
            frame = _to_polars(values, [str(i) for i in range(values.shape[1])])
            medians = frame.select(_pl.all().rolling_median(width, min_samples=min(least, width)))
            return np.require(_values_polars(medians, medians.columns), requirements=["F", "W"])
        medians = pd.DataFrame(values, copy=False).rolling(width, min_periods=min(least, width)).median()
        # A copy: what pandas hands out is read-only, and the caller's frame is built on it.
        return np.array(medians.to_numpy(), order="F")

    if least > len(x):
        return np.full(x.shape, np.nan, order="F")
    result = native(x)
    if np.isinf(result).any():
        # The sum of the two middle values overflowed.
        result = np.where(np.isinf(result), 2.0 * native(x * 0.5), result)
    return result


# ---------------------------------------------------------------------------------------------------------------------
# Pairs of columns and whole columns, without acm_rs
# ---------------------------------------------------------------------------------------------------------------------

# Squares of larger or smaller numbers could leave the range of doubles: 2**400.
_TAME = 400


def _tamed(values: Array) -> Array:
    """Rows whose largest magnitude is extreme, scaled by a power of two; a correlation does not depend on it."""
    _, power = np.frexp(np.abs(values).max(axis=-1, initial=0.0))
    power[np.abs(power) <= _TAME] = 0
    return np.asarray(np.ldexp(values, -power[..., None])) if power.any() else values


def _products(a: Array, b: Array, width: int, size: Array, gaps: Array | None) -> tuple[Array, Array, Array]:
    """Sums of the products of the deviations in each window: of `a` with `b`, with itself, and of `b` with itself."""
    rows = size.shape[1]
    centred = [(values, *_window_mean(values, size, width)) for values in (a, b)]
    sums = [np.zeros_like(size) for _ in range(3)]
    runs = [np.zeros_like(size) for _ in range(3)]
    for k in range(width):
        da, db = ((values[:, k : k + rows] - mean) - rest for values, mean, rest in centred)
        if gaps is not None:
            da *= gaps[:, k : k + rows]
            db *= gaps[:, k : k + rows]
        runs[0] += da * db
        runs[1] += da * da
        runs[2] += db * db
        if k % _RUN == _RUN - 1 or k == width - 1:
            for one, run in zip(sums, runs, strict=True):
                one += run
                run[:] = 0.0
    return sums[0], sums[1], sums[2]


def _shifts(values: Array) -> list[int]:
    """Powers of two that bring the squares of a side back among the numbers, where some may have left them."""
    size = np.abs(values)
    small = bool(((size < _SMALL) & (size > 0.0)).any())
    return [0] + [-_SHIFT] * (_largest(size) > _LARGE) + [_SHIFT] * small


def _pair_kernel(a: Array, b: Array, width: int, least: int) -> Array:
    """Pearson correlation of the windows of `a` with those of `b`, two passes over each."""
    valid = np.isfinite(a) & np.isfinite(b)
    count = _count(valid, width)
    size = np.maximum(count, 1.0)
    first, last = _reach(valid, width)
    gaps = None if valid.all() else valid.astype(np.float64)
    a, b = (np.where(valid, block, 0.0) for block in (a, b))
    undefined = count < max(least, 2)
    for values in (a, b):
        undefined |= _is_constant(values, valid, first, last)
    result = np.full(count.shape, np.nan)
    for shift_a, shift_b in product(_shifts(a), _shifts(b)):
        wanted = np.isnan(result) & ~undefined
        if not wanted.any():
            break
        cross, squares_a, squares_b = _products(np.ldexp(a, shift_a), np.ldexp(b, shift_b), width, size, gaps)
        area = squares_a * squares_b
        # One root of the product makes windows on a line exactly 1; two roots never leave the range of doubles.
        safe = (area > 1e-280) & (area < np.inf)
        ratio = cross / np.where(safe, np.sqrt(area), np.sqrt(squares_a) * np.sqrt(squares_b))
        known = (np.minimum(squares_a, squares_b) >= _LEAST) & (np.maximum(squares_a, squares_b) < np.inf)
        np.copyto(result, np.clip(ratio, -1.0, 1.0), where=wanted & known)
    return result


def _stretch(xt: Array, lanes: Index, start: int, end: int) -> Array:
    """Rows `start` to `end` of some lanes of (columns, rows); NaN before the first row."""
    block = xt[lanes, max(start, 0) : max(end, 0)]
    before = end - start - block.shape[1]
    return np.concatenate([np.full((len(lanes), before), np.nan), block], axis=1) if before else block


def _lag_corr(x: Array, window: int, max_lag: int, pairs: list[tuple[int, int]], min_periods: int) -> Array:
    """Rolling correlation of column a with column b shifted down by 0 .. max_lag rows, for each pair (a, b)."""
    length = len(x)
    width, xt = min(window, length), np.ascontiguousarray(x.T)
    left, right = np.array(pairs, dtype=np.intp).reshape(-1, 2).T
    out = np.empty((len(pairs), max_lag + 1, length))
    rows = max(1, min(length, _CELLS))
    group = max(1, _CELLS // rows)
    with np.errstate(all="ignore"):
        for lag in range(max_lag + 1):
            for lane in range(0, len(pairs), group):
                lanes = slice(lane, lane + group)
                for top in range(0, length, rows):
                    end = min(top + rows, length)
                    start = top - width + 1
                    a = _stretch(xt, left[lanes], start, end)
                    b = _stretch(xt, right[lanes], start - lag, end - lag)
                    out[lanes, lag, top:end] = _pair_kernel(a, b, width, min_periods)
    return out.reshape(len(pairs) * (max_lag + 1), length).T


def _centred(values: Array) -> tuple[Array, Mask]:
    """Deviations of each row (the last axis) from its mean, and which rows are constant."""
    constant = values.max(axis=-1) == values.min(axis=-1)
    # Measured from a value of the row first: an offset of 1e9 must not cost the digits of deviations of 1e-3.
    values = values - values[..., :1]
    for _ in range(2):
        values -= values.mean(axis=-1, keepdims=True)
    return values, constant


def _unit(values: Array) -> Array:
    """Rows centred and scaled to length 1, so that their products are correlations; NaN where constant."""
    values, constant = _centred(_tamed(values))
    values = _tamed(values)
    values /= np.sqrt((values * values).sum(axis=-1, keepdims=True))
    values[constant] = np.nan
    return values


def _ranks(values: Array) -> Array:
    """Ranks of each row's values from 0 on, equal ones sharing the mean of theirs (so multiples of one half)."""
    size = values.shape[-1]
    place, ranks = np.arange(size), np.empty(values.shape)
    group = max(1, _CELLS // size)
    for lane in range(0, len(values), group):
        block = values[lane : lane + group]
        order = np.argsort(block, axis=-1)
        ordered = np.take_along_axis(block, order, axis=-1)
        starts = np.ones(block.shape, dtype=np.bool_)
        starts[:, 1:] = ordered[:, 1:] != ordered[:, :-1]
        ends = np.ones_like(starts)
        ends[:, :-1] = starts[:, 1:]
        first = np.maximum.accumulate(np.where(starts, place, 0), axis=-1)
        last = np.minimum.accumulate(np.where(ends, place, size - 1)[:, ::-1], axis=-1)[:, ::-1]
        np.put_along_axis(ranks[lane : lane + group], order, 0.5 * (first + last), axis=-1)
    return ranks


def _inversions(y: Index) -> int:
    """Pairs in falling order, counted while merging sorted blocks that double in length (Knight 1966)."""
    size, top = len(y), int(y.max(initial=0)) + 1
    # Padded at the end with the largest number, which is in no falling pair.
    blocks: Any = np.full(1 << max(size - 1, 0).bit_length(), top, dtype=np.int64)
    blocks[:size] = y
    found, half = 0, 1
    while half < len(blocks):
        blocks = blocks.reshape(-1, 2 * half)
        # Raised block by block, the sorted left halves are one sorted sequence to search in.
        base = np.arange(len(blocks))[:, None]
        left, right = (blocks[:, part] + base * (top + 1) for part in (slice(None, half), slice(half, None)))
        not_above = np.searchsorted(left.ravel(), right.ravel(), side="right").reshape(right.shape) - base * half
        found += right.size * half - int(not_above.sum())
        blocks.sort(axis=1, kind="stable")
        blocks, half = blocks.ravel(), 2 * half
    return found


def _tied(starts: Mask) -> int:
    """Pairs within runs of equal values, given where the runs start."""
    runs = np.diff(np.append(np.flatnonzero(starts), len(starts)))
    return int((runs * (runs - 1) // 2).sum())


def _kendall(a: Array, b: Array) -> float:
    """Kendall's tau-b of two columns given as ranks, in whole numbers until the end.

    Knight (1966), doi:10.1080/01621459.1966.10480879.
    """
    order = np.lexsort((b, a))
    x, y = (np.rint(2.0 * ranks[order]).astype(np.int64) for ranks in (a, b))
    starts = np.ones((3, len(x)), dtype=np.bool_)
    ordered = np.sort(y)
    starts[0, 1:] = x[1:] != x[:-1]
    starts[1, 1:] = ordered[1:] != ordered[:-1]
    starts[2, 1:] = starts[0, 1:] | (y[1:] != y[:-1])
    in_x, in_y, in_both = (_tied(row) for row in starts)
    pairs = len(x) * (len(x) - 1) // 2
    if in_x == pairs or in_y == pairs:
        return math.nan
    score = pairs - in_x - in_y + in_both - 2 * _inversions(cast("Index", y))
    return max(-1.0, min(1.0, score / math.sqrt((pairs - in_x) * (pairs - in_y))))


def _joint_correlation(a: Array, b: Array, method: str, same: bool) -> Array:
    """Correlation of each row of `a` with each row of `b`, nothing missing; above the diagonal only, if `same`."""
    if method != "pearson":
        a, b = _ranks(a), _ranks(b)
    if method != "kendall":
        return np.clip(_unit(a) @ _unit(b).T, -1.0, 1.0)
    out = np.full((len(a), len(b)), np.nan)
    for i, one in enumerate(a):
        for j in range(i + 1 if same else 0, len(b)):
            out[i, j] = _kendall(one, b[j])
    return out


def _correlation(x: Array, method: str, min_periods: int) -> Array:
    """Correlation matrix; each pair of columns by the rows that both have.

    Columns that miss the same rows are taken together, as one product of matrices.
    """
    columns, least = x.shape[1], max(min_periods, 1)
    valid = np.isfinite(x).T
    groups: dict[bytes, list[int]] = {}
    for i in range(columns):
        groups.setdefault(np.packbits(valid[i]).tobytes(), []).append(i)
    alike = [np.array(group) for group in groups.values()]
    out = np.full((columns, columns), np.nan)
    with np.errstate(all="ignore"):
        for place, left in enumerate(alike):
            for right in alike[place:]:
                rows = np.flatnonzero(valid[left[0]] & valid[right[0]])
                if len(rows) < least:
                    continue
                a, b = (x.T[np.ix_(group, rows)] for group in (left, right))
                values = _joint_correlation(a, b, method, left is right)
                if left is not right:
                    out[np.ix_(right, left)] = values.T
                out[np.ix_(left, right)] = values
    # The columns of a group stand in order, so every pair has its value above the diagonal of the whole.
    one = valid.sum(axis=1) >= least if method == "kendall" else ~np.isnan(out.diagonal())
    upper = np.triu(out, 1)
    return cast("Array", upper + upper.T + np.diag(np.where(one, 1.0, np.nan)))


def _lags(x: Array, max_lag: int) -> Array:
    length, columns = x.shape
    out = np.full((length, columns * max_lag), np.nan, order="F")
    for lag in range(1, min(max_lag, length - 1) + 1):
        out[lag:, lag - 1 :: max_lag] = x[: length - lag]
    return out


def _sorted_columns(x: Array) -> tuple[Array, Array]:
    """Columns as sorted rows, missing values last, and how many values each has."""
    ordered = np.sort(_without_infinities(x).T, axis=-1)
    return ordered, np.count_nonzero(np.isfinite(ordered), axis=-1).astype(np.float64)


def _median_of(ordered: Array, count: Array) -> Array:
    low, high = _middle(ordered, count)
    middle = (low + high) * 0.5
    return np.where(np.isinf(middle), low * 0.5 + high * 0.5, middle)


def _column_median_mad(x: Array) -> tuple[Array, Array]:
    with np.errstate(all="ignore"):
        ordered, count = _sorted_columns(x)
        median = _median_of(ordered, count)
        low, high = _middle(ordered, count)
        ordered -= low[:, None]
        ordered -= (high * 0.5 - low * 0.5)[:, None]
        np.abs(ordered, out=ordered)
        ordered.sort(axis=-1)
        return median, _median_of(ordered, count)


def _column_quantiles(x: Array, q: Sequence[float]) -> Array:
    """Quantiles (q, columns) by linear interpolation, NumPy's and pandas' default."""
    with np.errstate(all="ignore"):
        ordered, count = _sorted_columns(x)
        place = np.multiply.outer(q, np.maximum(count - 1.0, 0.0))
        below = np.floor(place).astype(np.intp)
        above = np.minimum(below + 1, np.maximum(count - 1.0, 0.0).astype(np.intp))
        low, high = (np.take_along_axis(ordered, at.T, axis=-1).T for at in (below, above))
        share = place - below
        return np.where(low == high, low, low * (1.0 - share) + high * share)


def _column_std(x: Array) -> Array:
    """Standard deviation (``ddof=1``) of columns without missing values."""
    with np.errstate(all="ignore"):
        deviation, constant = _centred(x.T)
        std = np.sqrt((deviation * deviation).sum(axis=-1) / (len(x) - 1.0))
    std[constant & (len(x) > 1)] = 0.0
    return cast("Array", std)


# ---------------------------------------------------------------------------------------------------------------------
# Spectra
# ---------------------------------------------------------------------------------------------------------------------


def _check_bands(bands: Bands | None, fs: float) -> list[tuple[float, float]]:
    if not _is_real(fs) or not math.isfinite(fs) or fs <= 0.0:
        raise ValueError(f"fs must be a positive number, got {fs!r}")
    nyquist = 0.5 * float(fs)
    if bands is None:
        return [(0.0, 0.1 * nyquist), (0.1 * nyquist, 0.3 * nyquist), (0.3 * nyquist, nyquist)]
    if isinstance(bands, str) or not isinstance(bands, Iterable):
        raise ValueError(f"bands must be a list of pairs of frequencies (low, high), got {bands!r}")
    checked = []
    for band in bands:
        try:
            low, high = (float(edge) for edge in band)
        except (TypeError, ValueError):
            raise ValueError(f"bands must be pairs of frequencies (low, high), got {band!r}") from None
        if not 0.0 <= low < high < math.inf:
            raise ValueError(f"bands must have finite ends and 0 <= low < high, got {band!r}")
        checked.append((low, high))
    if not checked:
        raise ValueError("bands must hold at least one pair of frequencies, got none")
    return checked


def _check_method(method: str) -> None:
    if method not in ("auto", "fft", "goertzel"):
        raise ValueError(f"method must be 'auto', 'fft' or 'goertzel', got {method!r}")


def _centre(windows: Array) -> Array:
    """Deviations from the mean of each row (the last axis); missing values become 0, the mean itself."""
    valid = np.isfinite(windows)
    size = np.maximum(valid.sum(axis=-1, keepdims=True), 1)
    # In C order, so that a row is summed in one fixed order whatever the layout of the windows.
    values = np.ascontiguousarray(np.where(valid, windows, 0.0))
    for _ in range(2):
        values -= values.sum(axis=-1, keepdims=True) / size
        values[~valid] = 0.0
    return values


def _power_goertzel(centred: Array, bins: Index) -> Array:
    """Goertzel's recurrence in Reinsch's form, which does not lose digits at the lowest and highest bins.

    For a bin of angle w it carries ``s`` and ``d = s - s'`` (``s + s'`` beyond a quarter of the sampling rate) instead
    of ``s`` and its predecessor ``s'``; the power is ``d**2 - u*s*s'`` with ``u = 2*cos(w) - 2`` (``+ 2``).
    """
    angle = 2.0 * np.pi * bins / centred.shape[-1]
    sign = np.where(np.cos(angle) > 0.0, 1.0, -1.0)
    factor = np.where(sign > 0.0, -4.0 * np.sin(angle / 2.0) ** 2, 4.0 * np.cos(angle / 2.0) ** 2)
    d = np.zeros((*centred.shape[:-1], len(bins)))
    s, before = d.copy(), d.copy()
    for k in range(centred.shape[-1]):
        d = centred[..., k, None] + factor * s + sign * d
        before = s
        s = d + sign * s
    return cast("Array", d * d - factor * (s * before))


def _energies(windows: Array, bands: list[tuple[float, float]], fs: float, method: str) -> Array:
    """Energy of each band (new last axis) of windows (last axis) less their mean."""
    size = windows.shape[-1]
    frequency = np.fft.rfftfreq(size, 1.0 / float(fs))
    # Bin 0 is the mean, which is taken away.
    edges = np.maximum(np.searchsorted(frequency, np.array(bands)), 1)
    large = np.fmax.reduce(np.abs(windows), axis=-1, initial=0.0) > _LARGE
    shift = np.where(large, -_SHIFT, 0)[..., None] if large.any() else None
    centred = _centre(windows if shift is None else np.ldexp(windows, shift))
    first, last = int(edges.min()), int(edges.max())
    if method == "goertzel":
        power = _power_goertzel(centred, np.arange(first, last))
    else:
        spectrum = np.fft.rfft(centred, axis=-1)[..., first:last]
        power = spectrum.real**2 + spectrum.imag**2
    energies = np.stack([power[..., low - first : high - first].sum(axis=-1) for low, high in edges], axis=-1)
    return energies if shift is None else np.ldexp(energies, -2 * shift)


def _band_energy(
    x: Array, window: int, bands: list[tuple[float, float]], fs: float, min_periods: int, method: str
) -> Array:
    """Band energies of trailing windows: (rows, columns * bands), the bands of a column side by side."""
    length, columns = x.shape
    least = max(min_periods, 1)
    xt = _without_infinities(x).T
    out = np.zeros((columns, len(bands), length))
    count = np.zeros((columns, length))
    np.cumsum(np.isfinite(xt), axis=1, out=count)
    if window < length:
        count[:, window:] -= count[:, :-window].copy()
    with np.errstate(all="ignore"):
        for rows in range(max(1, window // 2), min(window - 1, length) + 1):
            out[:, :, rows - 1] = _energies(xt[:, :rows], bands, fs, method)
        if window <= length:
            cells = max(1, 2 * _CELLS // window)
            for lanes, rows_cut, block in _tiles(xt[:, :], window, cells):
                keep = slice(max(rows_cut.start, window - 1), rows_cut.stop)
                if keep.start >= keep.stop:
                    continue
                windows = sliding_window_view(block, window, axis=-1)[:, keep.start - rows_cut.start :]
                out[lanes, :, keep] = _energies(windows, bands, fs, method).transpose(0, 2, 1)
    missing = count < least
    missing[:, : max(window // 2 - 1, 0)] = False
    out[np.broadcast_to(missing[:, None, :], out.shape)] = np.nan
    return out.reshape(columns * len(bands), length).T


def _unmasked(values: Any) -> Any:
    """What is masked is missing: NaN, or None among objects."""
    if not np.ma.isMaskedArray(values):
        return np.asarray(values)
    number = values.dtype.kind in "fiub"
    out = np.array(np.ma.getdata(values), dtype=np.float64 if number else object)
    out[np.ma.getmaskarray(values)] = np.nan if number else None
    return out


def _vector(name: str, series: object) -> Array:
    """A 1-D float64 array of a series, a list or an array, without infinities."""
    if isinstance(series, pd.Series):
        series = _values_pandas(series.to_frame(name), [name])[:, 0]
    elif _pl is not None and isinstance(series, _pl.Series):
        series = _values_polars(series.alias(name).to_frame(), [name])[:, 0]
    values = np.asanyarray(series)
    if values.ndim != 1:
        raise ValueError(f"{name} must have one dimension, got {values.ndim}")
    if values.dtype.kind == "O" and bool(pd.isna(_unmasked(values)).all()):
        return np.full(len(values), np.nan)
    if values.size and values.dtype.kind not in "fiub":
        raise TypeError(f"{name} must be numeric, got {values.dtype}")
    return _without_infinities(_unmasked(values).astype(np.float64))


def _series_energy(series: object, fs: float, bands: Bands | None, method: str) -> Array:
    checked = _check_bands(bands, fs)
    values = _vector("series", series)
    if not values.size:
        return np.empty(0)
    if not np.isfinite(values).any():
        return np.full(len(checked), np.nan)
    with np.errstate(over="ignore"):
        return _energies(values, checked, fs, method)


def spectral_energy(series: Any, fs: float = 1.0, bands: Bands | None = None) -> Array:
    """Energy of a series in frequency bands, by the fast Fourier transform.

    The mean is subtracted; a band's energy is the sum of ``abs(X_k)**2`` over the bins of the real transform with
    ``low <= k * fs / n < high``.

    Parameters
    ----------
    series : array_like, (n,)
        Missing values count as the mean.
    fs : float
        Sampling rate.
    bands : sequence of (low, high), optional
        In units of `fs`; (0, 0.1), (0.1, 0.3) and (0.3, 1.0) of the Nyquist frequency by default.

    Returns
    -------
    numpy.ndarray, (bands,)
        Empty for an empty series, NaN for one without any value.

    Examples
    --------
    >>> spectral_energy([1.0, -1.0, 1.0, -1.0], bands=[(0.0, 0.3), (0.3, 0.6)])
    array([ 0., 16.])
    """
    return _series_energy(series, fs, bands, "fft")


def goertzel_energy(series: Any, fs: float = 1.0, bands: Bands | None = None) -> Array:
    """Energy of a series in frequency bands, by Goertzel's recurrence at the bins of the bands.

    The same numbers as `spectral_energy`; cheaper where the bands hold a few bins.

    Parameters
    ----------
    series : array_like, (n,)
        Missing values count as the mean.
    fs : float
        Sampling rate.
    bands : sequence of (low, high), optional
        In units of `fs`; (0, 0.1), (0.1, 0.3) and (0.3, 1.0) of the Nyquist frequency by default.

    Returns
    -------
    numpy.ndarray, (bands,)
        Empty for an empty series, NaN for one without any value.
    """
    return _series_energy(series, fs, bands, "goertzel")


def ols_slope(x: Any) -> float:
    """Slope of the least-squares line of a series against 0, 1, 2, ...

    Parameters
    ----------
    x : array_like, (n,)
        Missing values are left out; the others keep their positions.

    Returns
    -------
    float
        0.0 for fewer than two values.

    Examples
    --------
    >>> ols_slope([1.0, 3.0, 5.0])
    2.0
    """
    values = _vector("x", x)
    place = np.flatnonzero(np.isfinite(values))
    if len(place) < 2:
        return 0.0
    values = values[place]
    if (values == values[0]).all():
        return 0.0
    shrink = _SHRINK if np.abs(values).max() > _HUGE else 1.0
    # n * t - sum(t) are whole numbers that add up to zero: an offset of the values cancels exactly.
    whole = [len(place) * int(t) for t in place]
    weight = np.array([t - sum(whole) // len(place) for t in whole], dtype=np.float64)
    product, slip = _two_product(weight, values * shrink)
    return math.fsum([*product, *slip]) / math.fsum(weight * place) / shrink


# ---------------------------------------------------------------------------------------------------------------------
# Rolling features
# ---------------------------------------------------------------------------------------------------------------------


def _single(
    df: Frame,
    window: int,
    cols: Sequence[Hashable] | None,
    min_periods: int,
    return_type: str,
    suffixes: Sequence[str],
    compute: Callable[[Array, int, int], Array],
) -> Any:
    """The shape of most functions here: check, read, compute, write; all columns of one suffix after the other."""
    rows, least = _check_window(window, min_periods)
    _check_return_type(return_type)
    names, x = _read(df, cols)
    columns = _distinct([f"{name}{suffix}" for suffix in suffixes for name in names], names * len(suffixes))
    values = compute(x, rows, least) if x.size else np.empty((len(x), len(columns)))
    return _write(df, values, columns, return_type)


def _apart(pairs: Array) -> Array:
    """Columns a0 b0 a1 b1 ... as a0 a1 ... b0 b1 ..., in Fortran order."""
    rows, twice = pairs.shape
    out = np.empty((rows, twice), order="F")
    out[:, : twice // 2] = pairs[:, 0::2]
    out[:, twice // 2 :] = pairs[:, 1::2]
    return out


def rolling_median(
    df: Frame,
    window: int,
    cols: Sequence[Hashable] | None = None,
    min_periods: int = 1,
    return_type: ReturnType = "pandas",
) -> Any:
    """Median of trailing windows.

    Parameters
    ----------
    df : pandas.DataFrame or polars.DataFrame
        Rows are time, oldest first.
    window : int
        Rows of a window, at least 1.
    cols : sequence of names, optional
        All columns by default.
    min_periods : int
        Values a window needs, at most `window`.
    return_type : {"pandas", "polars"}
        Kind of frame to return.

    Returns
    -------
    pandas.DataFrame or polars.DataFrame
        ``{column}_med``, one row for each row of `df`.

    Examples
    --------
    >>> rolling_median(pd.DataFrame({"a": [1.0, 9.0, 2.0]}), 3)["a_med"].tolist()
    [1.0, 5.0, 2.0]
    """
    compute = _rs.rolling_median if _use_rust() else _median
    return _single(df, window, cols, min_periods, return_type, ("_med",), compute)


def rolling_mad(
    df: Frame,
    window: int,
    cols: Sequence[Hashable] | None = None,
    min_periods: int = 1,
    return_type: ReturnType = "pandas",
) -> Any:
    """Median absolute deviation of trailing windows from their own median, unscaled.

    Parameters
    ----------
    df : pandas.DataFrame or polars.DataFrame
        Rows are time, oldest first.
    window : int
        Rows of a window, at least 1.
    cols : sequence of names, optional
        All columns by default.
    min_periods : int
        Values a window needs, at most `window`.
    return_type : {"pandas", "polars"}
        Kind of frame to return.

    Returns
    -------
    pandas.DataFrame or polars.DataFrame
        ``{column}_mad``, one row for each row of `df`.

    Examples
    --------
    >>> rolling_mad(pd.DataFrame({"a": [1.0, 9.0, 2.0]}), 3)["a_mad"].tolist()
    [0.0, 4.0, 1.0]
    """
    compute = _rs.rolling_mad if _use_rust() else _mad
    return _single(df, window, cols, min_periods, return_type, ("_mad",), compute)


def rolling_mean_std(
    df: Frame,
    window: int,
    cols: Sequence[Hashable] | None = None,
    min_periods: int = 1,
    return_type: ReturnType = "pandas",
) -> Any:
    """Mean and standard deviation (``ddof=1``) of trailing windows.

    Parameters
    ----------
    df : pandas.DataFrame or polars.DataFrame
        Rows are time, oldest first.
    window : int
        Rows of a window, at least 1.
    cols : sequence of names, optional
        All columns by default.
    min_periods : int
        Values a window needs, at most `window`.
    return_type : {"pandas", "polars"}
        Kind of frame to return.

    Returns
    -------
    pandas.DataFrame or polars.DataFrame
        All ``{column}_mean``, then all ``{column}_std``, one row for each row of `df`. A window of one value has a
        mean and no standard deviation; that of a constant window is exactly 0.

    Examples
    --------
    >>> rolling_mean_std(pd.DataFrame({"a": [1.0, 3.0, 5.0]}), 2)["a_mean"].tolist()
    [1.0, 2.0, 4.0]
    """

    def rust(x: Array, window: int, min_periods: int) -> Array:
        return _apart(_rs.rolling_mean_std(x, window, min_periods))

    compute = rust if _use_rust() else _mean_std
    return _single(df, window, cols, min_periods, return_type, ("_mean", "_std"), compute)


def rolling_skew_kurt(
    df: Frame,
    window: int,
    cols: Sequence[Hashable] | None = None,
    min_periods: int = 1,
    return_type: ReturnType = "pandas",
    skew_clip: float = 100.0,
    kurt_clip: float = 1000.0,
) -> Any:
    """Skewness and excess kurtosis of trailing windows, both corrected for bias as pandas does.

    Parameters
    ----------
    df : pandas.DataFrame or polars.DataFrame
        Rows are time, oldest first.
    window : int
        Rows of a window, at least 1.
    cols : sequence of names, optional
        All columns by default.
    min_periods : int
        Values a window needs, at most `window`; skewness needs 3 anyway, kurtosis 4.
    return_type : {"pandas", "polars"}
        Kind of frame to return.
    skew_clip, kurt_clip : float
        Largest magnitude returned.

    Returns
    -------
    pandas.DataFrame or polars.DataFrame
        All ``{column}_skew``, then all ``{column}_kurt``, one row for each row of `df`; missing where the window is
        constant.

    Examples
    --------
    >>> out = rolling_skew_kurt(pd.DataFrame({"a": [1.0, 2.0, 3.0, 4.0]}), 4)
    >>> out["a_kurt"].round(9).tolist()
    [nan, nan, nan, -1.2]
    """
    limits = [_number("skew_clip", skew_clip, 0.0), _number("kurt_clip", kurt_clip, 0.0)]
    use_rust = _use_rust()

    def compute(x: Array, window: int, min_periods: int) -> Array:
        half = x.shape[1]
        if use_rust:
            values = np.empty((len(x), 2 * half), order="F")
            _rs.rolling_skew(x, window, min_periods, out=values[:, :half])
            _rs.rolling_kurt(x, window, min_periods, out=values[:, half:])
        else:
            values = _skew_kurt(x, window, min_periods)
        for part, limit in zip((values[:, :half], values[:, half:]), limits, strict=True):
            np.clip(part, -limit, limit, out=part)
        return values

    return _single(df, window, cols, min_periods, return_type, ("_skew", "_kurt"), compute)


def rolling_ols_slope(
    df: Frame,
    window: int,
    cols: Sequence[Hashable] | None = None,
    min_periods: int = 1,
    return_type: ReturnType = "pandas",
) -> Any:
    """Slope, per row, of the least-squares line through the values of trailing windows.

    Parameters
    ----------
    df : pandas.DataFrame or polars.DataFrame
        Rows are time, oldest first.
    window : int
        Rows of a window, at least 1.
    cols : sequence of names, optional
        All columns by default.
    min_periods : int
        Values a window needs, at most `window`.
    return_type : {"pandas", "polars"}
        Kind of frame to return.

    Returns
    -------
    pandas.DataFrame or polars.DataFrame
        ``{column}_slope``, one row for each row of `df`; 0.0 for a single value.

    Examples
    --------
    >>> rolling_ols_slope(pd.DataFrame({"a": [1.0, 3.0, 5.0]}), 3)["a_slope"].tolist()
    [0.0, 2.0, 2.0]
    """
    compute = _rs.rolling_slope if _use_rust() else _slope
    return _single(df, window, cols, min_periods, return_type, ("_slope",), compute)


def rolling_spectral_energy(
    df: Frame,
    window: int,
    cols: Sequence[Hashable] | None = None,
    bands: Bands | None = None,
    fs: float = 1.0,
    min_periods: int = 1,
    return_type: ReturnType = "pandas",
    method: Method = "auto",
) -> Any:
    """Energy in frequency bands of trailing windows, as `spectral_energy` defines it.

    Parameters
    ----------
    df : pandas.DataFrame or polars.DataFrame
        Rows are time, oldest first.
    window : int
        Rows of a window, at least 1. The first, shorter windows use their own length.
    cols : sequence of names, optional
        All columns by default.
    bands : sequence of (low, high), optional
        In units of `fs`; (0, 0.1), (0.1, 0.3) and (0.3, 1.0) of the Nyquist frequency by default.
    fs : float
        Sampling rate.
    min_periods : int
        Values a window needs, at most `window`. Missing values count as the window's mean.
    return_type : {"pandas", "polars"}
        Kind of frame to return.
    method : {"auto", "fft", "goertzel"}
        Algorithm where ``acm_rs`` does not serve; the numbers are the same.

    Returns
    -------
    pandas.DataFrame or polars.DataFrame
        ``{column}_energy_{i}``, the bands of a column side by side, one row for each row of `df`; 0.0 while a window
        has fewer than ``window // 2`` rows. Without columns where `df` itself has fewer rows than that.

    Examples
    --------
    >>> frame = pd.DataFrame({"a": [1.0, -1.0, 1.0, -1.0]})
    >>> rolling_spectral_energy(frame, 4, bands=[(0.3, 0.6)])["a_energy_0"].round(9).tolist()
    [0.0, 4.0, 4.0, 16.0]
    """
    rows, least = _check_window(window, min_periods)
    _check_return_type(return_type)
    checked = _check_bands(bands, fs)
    _check_method(method)
    names, x = _read(df, cols)
    pieces = [(name, i) for name in names for i in range(len(checked))]
    columns = _distinct([f"{name}_energy_{i}" for name, i in pieces], [name for name, _ in pieces])
    if len(x) < rows // 2:
        return _write(df, np.empty((len(x), 0)), [], return_type)
    if not x.size:
        values = np.empty((len(x), len(columns)))
    elif _use_rust():
        values = _rs.rolling_band_energy(x, rows, checked, float(fs), least)
    else:
        values = _band_energy(x, rows, checked, fs, least, method)
    return _write(df, values, columns, return_type)


def rolling_spectral_energy_pl(
    df: pl.DataFrame,
    window: int,
    cols: Sequence[str] | None = None,
    bands: Bands | None = None,
    fs: float = 1.0,
    min_periods: int = 1,
    method: Method = "auto",
) -> pl.DataFrame:
    """Energy in frequency bands of trailing windows: `rolling_spectral_energy`, Polars in, Polars out.

    Parameters
    ----------
    df : polars.DataFrame
        Rows are time, oldest first.
    window : int
        Rows of a window, at least 1.
    cols : sequence of names, optional
        All columns by default.
    bands : sequence of (low, high), optional
        In units of `fs`; (0, 0.1), (0.1, 0.3) and (0.3, 1.0) of the Nyquist frequency by default.
    fs : float
        Sampling rate.
    min_periods : int
        Values a window needs, at most `window`.
    method : {"auto", "fft", "goertzel"}
        Algorithm where ``acm_rs`` does not serve; the numbers are the same.

    Returns
    -------
    polars.DataFrame
        ``{column}_energy_{i}``, the bands of a column side by side.

    Raises
    ------
    RuntimeError
        Without Polars.
    TypeError
        If `df` is not a Polars frame.
    """
    _require_polars_frame(df)
    out = rolling_spectral_energy(df, window, cols, bands, fs, min_periods, "polars", method)
    return cast("pl.DataFrame", out)


def _require_polars_frame(df: object) -> None:
    _need_polars()
    if not _is_polars(df):
        raise TypeError(f"df must be a Polars DataFrame, got {type(df).__name__}")


# ---------------------------------------------------------------------------------------------------------------------
# The feature set
# ---------------------------------------------------------------------------------------------------------------------

_FLOOR = 1e-9
_RZ_CLIP = 100.0


def _fill_array(names: list[Any], fill_values: Mapping[Any, Any] | pd.Series | None) -> Array | None:
    if fill_values is None:
        return None
    if not isinstance(fill_values, (Mapping, pd.Series)):
        raise TypeError(f"fill_values must map column names to numbers, got {type(fill_values).__name__}")
    fill = np.full(len(names), np.nan)
    for i, name in enumerate(names):
        value = fill_values.get(name)
        if value is None or value is pd.NA or value is np.ma.masked:
            continue
        try:
            fill[i] = float(value)
        except (TypeError, ValueError):
            raise TypeError(f"fill_values[{name!r}] must be a number, got {value!r}") from None
    return _without_infinities(fill)


def _fill(x: Array, given: Array | None) -> Array:
    """What takes the place of a column's missing values: the given number, else the median, 0 where there is none."""
    fill = np.zeros(x.shape[1]) if given is None else np.where(np.isfinite(given), given, 0.0)
    unknown = np.ones(x.shape[1], dtype=np.bool_) if given is None else ~np.isfinite(given)
    with np.errstate(all="ignore"):
        # A sum that is infinite because it is too large only means a median too many.
        lacking = np.flatnonzero(unknown & ~np.isfinite(x.sum(axis=0)))
    if lacking.size:
        medians, _ = _center_scale(np.asfortranarray(x[:, lacking]))
        fill[lacking] = np.where(np.isfinite(medians), medians, 0.0)
    return fill


def _filled(x: Array, fill: Array | None) -> Array:
    """A copy without missing values, or `x` itself where it has none."""
    valid = np.isfinite(x)
    return x if valid.all() else np.asfortranarray(np.where(valid, x, _fill(x, fill)))


def _feature_matrix(x: Array, window: int, fill: Array | None) -> Array:
    """The whole set without ``acm_rs``: (rows, 11 * columns) in Fortran order."""
    length, columns = x.shape
    x = _filled(x, fill)
    out = np.empty((length, 11 * columns), order="F")
    part = [out[:, i * columns : (i + 1) * columns] for i in range(11)]
    with np.errstate(all="ignore"):
        part[0][:] = _median(x, window, 1)
        part[1][:] = _mad(x, window, 1)
        moments = _all_moments(x, window)
        out[:, 2 * columns : 4 * columns] = moments[:, : 2 * columns]
        part[4][:] = _slope(x, window, 1)
        np.clip(moments[:, 2 * columns : 3 * columns], -100.0, 100.0, out=part[5])
        np.clip(moments[:, 3 * columns :], -1000.0, 1000.0, out=part[6])
        out[:, 7 * columns : 10 * columns] = _band_energy(x, window, _check_bands(None, 1.0), 1.0, 1, "fft")
        score = (x - part[0]) / (1.4826 * np.maximum(part[1], _FLOOR) + _FLOOR)
        if _largest(x) > _LARGE:
            # The difference or the scale may have left the numbers.
            again = part[1] > _LARGE
            score[again] = (0.25 * x - 0.25 * part[0])[again] / (1.4826 * (0.25 * part[1]))[again]
        np.clip(score, -_RZ_CLIP, _RZ_CLIP, out=part[10])
    out[~np.isfinite(out)] = 0.0
    return out


def _basic(
    df: Frame,
    window: int,
    cols: Sequence[Hashable] | None,
    fill_values: Mapping[Any, Any] | pd.Series | None,
    return_type: str,
    argument: str = "df",
) -> Any:
    rows, _ = _check_window(window, 0)
    _require_frame(argument, df)
    names, x = _read(df, cols)
    fill = _fill_array(names, fill_values)
    suffixes = ("_med", "_mad", "_mean", "_std", "_slope", "_skew", "_kurt")
    columns = [f"{name}{suffix}" for suffix in suffixes for name in names]
    columns += [f"{name}_energy_{i}" for name in names for i in range(3)]
    columns += [f"{name}_rz" for name in names]
    _distinct(columns, names * len(suffixes) + [name for name in names for _ in range(3)] + names, argument)
    if not x.size:
        values = np.empty((len(x), len(columns)))
    elif _use_rust():
        values = _rs.feature_matrix(x, rows, fill=_fill(x, fill))
    else:
        values = _feature_matrix(x, rows, fill)
    return _write(df, values, columns, return_type)


@_timed("compute_basic_features")
def compute_basic_features(
    pdf: Frame,
    window: int = 3,
    cols: Sequence[Hashable] | None = None,
    fill_values: Mapping[Any, Any] | pd.Series | None = None,
) -> pd.DataFrame:
    """Compute the feature set of a sensor history: eleven columns a sensor.

    Missing values are filled first; a window then needs one value only. What is still missing or infinite afterwards
    (the standard deviation of one value, say) becomes 0.0.

    Parameters
    ----------
    pdf : pandas.DataFrame or polars.DataFrame
        Rows are time, oldest first.
    window : int
        Rows of a window, at least 1.
    cols : sequence of names, optional
        All columns by default.
    fill_values : mapping of name to number, optional
        What missing values of a column become (the medians of the training data, when new data are scored); the
        column's own median where none is given, 0.0 for a column without any value.

    Returns
    -------
    pandas.DataFrame
        With the index of `pdf`, in this order: all ``_med``, ``_mad``, ``_mean``, ``_std``, ``_slope``, ``_skew``
        (within 100 of 0), ``_kurt`` (within 1000 of 0), for each column ``_energy_0`` to ``_energy_2``, and all
        ``_rz``: ``(x - med) / (1.4826 * max(mad, 1e-9) + 1e-9)``, within 100 of 0.

    See Also
    --------
    compute_basic_features_pl : the same, Polars in, Polars out.

    Examples
    --------
    >>> features = compute_basic_features(pd.DataFrame({"a": [1.0, 3.0, 5.0]}), window=3)
    >>> features.columns[:3].tolist()
    ['a_med', 'a_mad', 'a_mean']
    """
    return cast("pd.DataFrame", _basic(pdf, window, cols, fill_values, "pandas", "pdf"))


@_timed("compute_basic_features_pl")
def compute_basic_features_pl(
    df: pl.DataFrame,
    window: int = 3,
    cols: Sequence[str] | None = None,
    fill_values: Mapping[Any, Any] | pd.Series | None = None,
) -> pl.DataFrame:
    """Compute the feature set of a sensor history: `compute_basic_features`, Polars in, Polars out.

    Parameters
    ----------
    df : polars.DataFrame
        Rows are time, oldest first.
    window : int
        Rows of a window, at least 1.
    cols : sequence of names, optional
        All columns by default.
    fill_values : mapping of name to number, optional
        What missing values of a column become; the column's own median where none is given.

    Returns
    -------
    polars.DataFrame
        The columns of `compute_basic_features`.

    Raises
    ------
    RuntimeError
        Without Polars.
    TypeError
        If `df` is not a Polars frame.
    """
    _require_polars_frame(df)
    return cast("pl.DataFrame", _basic(df, window, cols, fill_values, "polars"))


# ---------------------------------------------------------------------------------------------------------------------
# Pairs of columns
# ---------------------------------------------------------------------------------------------------------------------


def rolling_xcorr(
    df: Frame,
    window: int,
    target_col: Hashable,
    ref_cols: Sequence[Hashable] | None = None,
    min_periods: int = 1,
    standardize: bool = True,
    return_type: ReturnType = "pandas",
) -> Any:
    """Pearson correlation of trailing windows of reference columns with those of a target column.

    Parameters
    ----------
    df : pandas.DataFrame or polars.DataFrame
        Rows are time, oldest first.
    window : int
        Rows of a window, at least 1.
    target_col : name
        The column all others are compared with.
    ref_cols : sequence of names, optional
        All columns but the target by default.
    min_periods : int
        Rows of a window in which both columns must have a value, at most `window`; a correlation needs 2 anyway.
    standardize : bool
        Taken for compatibility: a correlation does not depend on the scale of its columns.
    return_type : {"pandas", "polars"}
        Kind of frame to return.

    Returns
    -------
    pandas.DataFrame or polars.DataFrame
        ``{reference}_xcorr`` in the order of `ref_cols`, one row for each row of `df`, always within 1 of 0; missing
        where either column is constant.

    Raises
    ------
    ValueError
        If there is no column `target_col`.

    Examples
    --------
    >>> frame = pd.DataFrame({"a": [1.0, 2.0, 3.0, 4.0], "b": [2.0, 4.0, 4.0, 2.0]})
    >>> rolling_xcorr(frame, 2, "a")["b_xcorr"].round(9).tolist()
    [nan, 1.0, nan, -1.0]
    """
    rows, least = _check_window(window, min_periods)
    _check_return_type(return_type)
    _require_frame("df", df)
    present = list(df.columns)
    if target_col not in present:
        raise ValueError(f"target_col must be a column of df, got {target_col!r}")
    names, refs = _read(df, [name for name in present if name != target_col] if ref_cols is None else ref_cols)
    _, target = _read(df, [target_col])
    columns = _distinct([f"{name}_xcorr" for name in names], names)
    if not refs.size:
        values = np.empty(refs.shape)
    elif _use_rust():
        values = _rs.rolling_corr(refs, target[:, 0], rows, least)
    else:
        pairs = [(i, len(names)) for i in range(len(names))]
        values = _lag_corr(np.column_stack([refs, target]), rows, 0, pairs, least)
    return _write(df, values, columns, return_type)


def _lagged_windows(
    x: Array, window: int, max_lag: int, pairs: list[tuple[int, int]], min_periods: int, rust: bool
) -> Array:
    if not (len(x) and pairs):
        return np.empty((len(x), len(pairs) * (max_lag + 1)))
    if rust:
        return cast("Array", _rs.rolling_lag_corr(x, window, max_lag, pairs, min_periods))
    return _lag_corr(x, window, max_lag, pairs, min_periods)


def _pair_names(names: list[Any], pairs: list[tuple[int, int]], max_lag: int) -> list[str]:
    return [f"{names[a]}__{names[b]}_lag{lag}_corr" for a, b in pairs for lag in range(max_lag + 1)]


def _tell_pairs_apart(names: list[Any], ordered: bool) -> None:
    """Refuse names of which two pairs make the same one, as a and b__a do with a__b and a."""
    texts = _distinct([f"{name}" for name in names], names)
    # Where the joint may be read in two places, one of the names goes on with it.
    if any("__" in text or text.endswith("_") for text in texts):
        pairs = list(permutations(names, 2) if ordered else combinations(names, 2))
        _distinct([f"{a}__{b}" for a, b in pairs], pairs)


def _check_lag_window(max_lag: object, window: object, min_periods: object) -> tuple[int, int, int]:
    lags = _at_least("max_lag", max_lag, 0)
    return lags, *_check_window(lags + 1 if window is None else window, min_periods)


def rolling_pairwise_lag(
    df: Frame,
    max_lag: int = 3,
    cols: Sequence[Hashable] | None = None,
    window: int | None = None,
    min_periods: int = 1,
    return_type: ReturnType = "pandas",
) -> Any:
    """Pearson correlation of trailing windows of every column with every other one, some rows earlier.

    Parameters
    ----------
    df : pandas.DataFrame or polars.DataFrame
        Rows are time, oldest first.
    max_lag : int
        Largest number of rows to look back, at least 0.
    cols : sequence of names, optional
        All columns by default.
    window : int, optional
        Rows of a window; ``max_lag + 1`` by default.
    min_periods : int
        Rows of a window in which both columns must have a value, at most `window`; a correlation needs 2 anyway.
    return_type : {"pandas", "polars"}
        Kind of frame to return.

    Returns
    -------
    pandas.DataFrame or polars.DataFrame
        ``{a}__{b}_lag{k}_corr`` for every ordered pair of different columns and k from 0 to `max_lag`: a against b
        shifted down by k rows. One row for each row of `df`; missing where either window is constant.

    See Also
    --------
    batched_pairwise_lag : for many columns.

    Examples
    --------
    >>> frame = pd.DataFrame({"a": [0.0, 1.0, 3.0, 1.0], "b": [1.0, 3.0, 2.0, 5.0]})
    >>> out = rolling_pairwise_lag(frame, max_lag=1, window=3)
    >>> out.columns.tolist()
    ['a__b_lag0_corr', 'a__b_lag1_corr', 'b__a_lag0_corr', 'b__a_lag1_corr']
    >>> out["a__b_lag1_corr"].round(9).tolist()
    [nan, nan, 1.0, 0.866025404]
    """
    lags, rows, least = _check_lag_window(max_lag, window, min_periods)
    _check_return_type(return_type)
    names, x = _read(df, cols)
    _tell_pairs_apart(names, ordered=True)
    pairs = [(a, b) for a in range(len(names)) for b in range(len(names)) if a != b]
    values = _lagged_windows(x, rows, lags, pairs, least, _use_rust())
    return _write(df, values, _pair_names(names, pairs, lags), return_type)


def batched_pairwise_lag(
    df: Frame,
    max_lag: int = 3,
    cols: Sequence[Hashable] | None = None,
    window: int | None = None,
    min_periods: int = 1,
    batch_size: int = 100,
    min_corr: float = 0.0,
    unique_pairs: bool = True,
    return_type: ReturnType = "pandas",
) -> Any:
    """Pearson correlation of trailing windows of pairs of columns, the second some rows earlier, for many columns.

    The pairs are taken batch by batch, and those that never correlate are dropped as soon as their batch is done:
    beyond the result no more than one batch is held.

    Parameters
    ----------
    df : pandas.DataFrame or polars.DataFrame
        Rows are time, oldest first.
    max_lag : int
        Largest number of rows to look back, at least 0.
    cols : sequence of names, optional
        All columns by default. They are taken in sorted order.
    window : int, optional
        Rows of a window; ``max_lag + 1`` by default.
    min_periods : int
        Rows of a window in which both columns must have a value, at most `window`; a correlation needs 2 anyway.
    batch_size : int
        Pairs to a batch, at least 1.
    min_corr : float
        All lags of a pair stay if any of them reaches this magnitude in any row; 0 keeps all pairs.
    unique_pairs : bool
        Take a before b only, instead of both orders.
    return_type : {"pandas", "polars"}
        Kind of frame to return.

    Returns
    -------
    pandas.DataFrame or polars.DataFrame
        ``{a}__{b}_lag{k}_corr``: a against b shifted down by k rows. One row for each row of `df`, even where no pair
        is left (a Polars frame without columns has no rows).

    See Also
    --------
    rolling_pairwise_lag : all ordered pairs at once.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> frame = pd.DataFrame({"a": rng.normal(size=50), "b": rng.normal(size=50)})
    >>> frame["c"] = frame["a"].shift(1)
    >>> batched_pairwise_lag(frame, max_lag=1, window=20, min_periods=20, min_corr=0.99).columns.tolist()
    []
    >>> batched_pairwise_lag(frame, 1, None, 20, 20, min_corr=0.99, unique_pairs=False).columns.tolist()
    ['c__a_lag0_corr', 'c__a_lag1_corr']
    """
    lags, rows, least = _check_lag_window(max_lag, window, min_periods)
    size, floor = _at_least("batch_size", batch_size, 1), _number("min_corr", min_corr, 0.0)
    _check_return_type(return_type)
    _require_frame("df", df)
    chosen = _select(df, cols)
    try:
        chosen = sorted(chosen)
    except TypeError:
        chosen = sorted(chosen, key=str)
    names, x = _read(df, chosen)
    _tell_pairs_apart(names, ordered=not unique_pairs)
    places = range(len(names))
    pairs = combinations(places, 2) if unique_pairs else permutations(places, 2)
    size = min(size, max(len(names) ** 2, 1))
    rust = _use_rust()
    columns: list[str] = []
    frames = []
    # Grown by as much as each batch leaves, so that the result is never held twice.
    kept = np.empty(0)
    while batch := list(islice(pairs, size)):
        block = np.ascontiguousarray(_lagged_windows(x, rows, lags, batch, least, rust).T)
        if floor > 0.0:
            peak = np.fmax(np.fmax.reduce(block, axis=1, initial=-1.0), -np.fmin.reduce(block, axis=1, initial=1.0))
            stays = (peak.reshape(len(batch), lags + 1) >= floor).any(axis=1)
            batch = [pair for pair, stay in zip(batch, stays, strict=True) if stay]
            block = block[np.repeat(stays, lags + 1)]
        new = _pair_names(names, batch, lags)
        columns += new
        if return_type == "polars":
            frames.append(_to_polars(block.T, new))
        else:
            end = kept.size
            kept.resize(end + block.size, refcheck=False)
            kept[end:] = block.ravel()
    if return_type == "polars":
        return _pl.concat(frames, how="horizontal") if frames else _pl.DataFrame()
    return _write(df, kept.reshape(len(columns), len(x)).T, columns, return_type)


def build_correlations(
    df: Frame,
    cols: Sequence[Hashable] | None = None,
    method: CorrelationMethod = "pearson",
    min_periods: int = 1,
) -> pd.DataFrame:
    """Correlation of every column with every other one, over all rows.

    Parameters
    ----------
    df : pandas.DataFrame or polars.DataFrame
        A pair of columns is compared by the rows in which both have a value.
    cols : sequence of names, optional
        All columns by default.
    method : {"pearson", "spearman", "kendall"}
        Of the values, of their ranks, or of the order of pairs of rows (tau-b).
    min_periods : int
        Rows a pair needs, at least 0.

    Returns
    -------
    pandas.DataFrame
        Square, symmetric and within 1 of 0; its columns and its index are `cols`. Missing for a constant column
        (whose own Kendall coefficient is 1 all the same).

    Examples
    --------
    >>> frame = pd.DataFrame({"a": [1.0, 2.0, 3.0, 4.0], "b": [1.0, 4.0, 9.0, 16.0]})
    >>> build_correlations(frame, method="spearman")["b"].tolist()
    [1.0, 1.0]
    """
    if method not in ("pearson", "spearman", "kendall"):
        raise ValueError(f"method must be 'pearson', 'spearman' or 'kendall', got {method!r}")
    least = _at_least("min_periods", min_periods, 0)
    names, x = _read(df, cols)
    if not x.size:
        values = np.full((len(names), len(names)), np.nan)
    elif _use_rust():
        values = _rs.correlation(x, method, max(least, 1))
    else:
        values = _correlation(x, method, least)
    labels = _labels(names)
    return pd.DataFrame(values, index=labels, columns=labels, copy=False)


def build_lagged_features(
    df: Frame,
    max_lag: int = 3,
    cols: Sequence[Hashable] | None = None,
) -> pd.DataFrame:
    """Put the values of the last rows beside every row.

    Parameters
    ----------
    df : pandas.DataFrame or polars.DataFrame
        Rows are time, oldest first.
    max_lag : int
        Largest number of rows to look back, at least 0.
    cols : sequence of names, optional
        All columns by default.

    Returns
    -------
    pandas.DataFrame
        ``{column}_lag{k}``, k from 1 to `max_lag`, the lags of a column side by side; the index of `df`. Values are
        copied as they are, infinities too; missing in the first k rows.

    Examples
    --------
    >>> build_lagged_features(pd.DataFrame({"a": [1.0, 2.0, 3.0]}), max_lag=2)["a_lag2"].tolist()
    [nan, nan, 1.0]
    """
    lags = _at_least("max_lag", max_lag, 0)
    names, x = _read(df, cols)
    pieces = [(name, lag) for name in names for lag in range(1, lags + 1)]
    columns = _distinct([f"{name}_lag{lag}" for name, lag in pieces], [name for name, _ in pieces])
    if not (x.size and lags):
        values = np.empty((len(x), len(columns)))
    elif _use_rust():
        values = _rs.lag_matrix(x, lags)
    else:
        values = _lags(x, lags)
    return cast("pd.DataFrame", _write(df, values, columns, "pandas"))


# ---------------------------------------------------------------------------------------------------------------------
# Imputation
# ---------------------------------------------------------------------------------------------------------------------


def _center_scale(x: Array) -> tuple[Array, Array]:
    """Median and median absolute deviation of each column."""
    if not x.size:
        return np.full(x.shape[1], np.nan), np.full(x.shape[1], np.nan)
    return cast("tuple[Array, Array]", _rs.column_median_mad(x)) if _use_rust() else _column_median_mad(x)


def _spread(x: Array) -> Array:
    if not x.size:
        return np.full(x.shape[1], np.nan)
    return cast("Array", _rs.column_moments(x)[2]) if _use_rust() else _column_std(x)


def _like(df: Frame, values: Array, names: list[Any]) -> Any:
    """A frame of the kind of `df`, with its index."""
    if _is_polars(df):
        return _to_polars(values, names)
    return pd.DataFrame(values, index=cast("pd.DataFrame", df).index, columns=_labels(names), copy=False)


def impute_features(
    train: Frame,
    score: Frame,
    low_var_threshold: float,
    output_manager: Any = None,
    run_id: Any = None,
    equip_id: Any = 0,
    equip: str = "",
) -> tuple[Any, Any, list[Any]]:
    """Fill missing values with the medians of the training data, and drop columns that say nothing.

    Parameters
    ----------
    train : pandas.DataFrame or polars.DataFrame
        Features to train on; its columns decide.
    score : pandas.DataFrame or polars.DataFrame
        Features to score. Columns it lacks come to hold the medians; columns `train` lacks are left out.
    low_var_threshold : float
        Columns of `train` with a smaller standard deviation (``ddof=1``, after filling) are dropped.
    output_manager : object, optional
        Its ``write_feature_drop_log`` gets a list of records, one a dropped column: FeatureName, DropReason
        ("all_NaN" or "low_variance"), DropValue (the deviation, if any) and Threshold (if compared with one).
    run_id, equip_id, equip : optional
        What the warning about dropped columns names.

    Returns
    -------
    train, score : pandas.DataFrame or polars.DataFrame
        New frames, each of its own kind, with the same columns and without missing or infinite values.
    dropped : list of names
        In the order of `train`.

    Raises
    ------
    RuntimeError
        If no column is left.
    TypeError
        If a column of `train` has a name that is no string, and `score` is a Polars frame, which cannot have it.

    Examples
    --------
    >>> train = pd.DataFrame({"a": [1.0, np.nan, 5.0], "b": [2.0, 2.0, 2.0]})
    >>> train, score, dropped = impute_features(train, pd.DataFrame({"b": [2.0]}), 1e-6)
    >>> train["a"].tolist(), score["a"].tolist(), dropped
    ([1.0, 3.0, 5.0], [3.0], ['b'])
    """
    _require_frame("train", train)
    _require_frame("score", score)
    threshold = _number("low_var_threshold", low_var_threshold, 0.0)
    names, x = _read(train, None)
    numbered = [name for name in names if not isinstance(name, str)] if _is_polars(score) else []
    if numbered:
        listed = ", ".join(map(repr, numbered))
        raise TypeError(f"train must have strings as column names where score is a Polars DataFrame, got {listed}")
    there = set(score.columns)
    shared = [i for i, name in enumerate(names) if name in there]
    _, part = _read(score, [names[i] for i in shared])
    y = np.full((len(part), len(names)), np.nan, order="F")
    y[:, shared] = part

    valid = np.isfinite(x)
    medians, _ = _center_scale(x)
    x = np.where(valid, x, medians)
    y = np.where(np.isfinite(y), y, medians)
    empty = cast("Mask", ~valid.any(axis=0))
    spread = _spread(x)
    keep = ~(empty | (spread < threshold))
    if not keep.all():
        _report_dropped(names, keep, empty, spread, threshold, output_manager, run_id, equip_id, equip)
    if not keep.any():
        raise RuntimeError("no usable feature column is left: all are missing or vary less than low_var_threshold")
    left = [name for name, stays in zip(names, keep, strict=True) if stays]
    dropped = [name for name, stays in zip(names, keep, strict=True) if not stays]
    return _like(train, x[:, keep], left), _like(score, y[:, keep], left), dropped


def _report_dropped(
    names: list[Any],
    keep: Mask,
    empty: Mask,
    spread: Array,
    threshold: float,
    output_manager: Any,
    run_id: Any,
    equip_id: Any,
    equip: str,
) -> None:
    gone = np.flatnonzero(~keep)
    missing = int(empty.sum())
    message = f"Dropping {len(gone)} feature columns ({missing} all missing, {len(gone) - missing} of low variance)"
    if _console is not None:
        _console.warn(message, component="FEAT", equip=equip, equip_id=equip_id, run_id=run_id, dropped=len(gone))
    else:
        _log.warning("%s%s", message, f" of {equip}" if equip else "")
    if output_manager is not None:
        records = [
            {
                "FeatureName": str(names[i]),
                "DropReason": "all_NaN" if empty[i] else "low_variance",
                "DropValue": None if empty[i] else float(spread[i]),
                "Threshold": None if empty[i] else threshold,
            }
            for i in gone
        ]
        output_manager.write_feature_drop_log(records)


# ---------------------------------------------------------------------------------------------------------------------
# Normalization by regime
# ---------------------------------------------------------------------------------------------------------------------

_EPSILON = 1e-10
# Makes the median absolute deviation of normal data their standard deviation.
_NORMAL = 1.4826


@dataclass(eq=False)
class RegimeNormStats:
    """What normal is in one regime, sensor by sensor.

    Parameters
    ----------
    regime_label : int
        Number of the regime; -1 for all data.
    mean : pandas.Series
        Centres: medians, by column.
    std : pandas.Series
        Scales: 1.4826 times the median absolute deviation, by column.
    p05, p95 : pandas.Series
        5th and 95th percentile, by column.
    sample_count : int
        Rows the statistics come from.
    """

    regime_label: int
    mean: pd.Series
    std: pd.Series
    p05: pd.Series
    p95: pd.Series
    sample_count: int

    def to_dict(self) -> dict[str, Any]:
        """Plain Python values, ready for JSON.

        Returns
        -------
        dict
            ``regime_label``, ``sample_count``, and a dict by column for each of ``mean``, ``std``, ``p05``, ``p95``.
        """
        return {
            "regime_label": int(self.regime_label),
            **{name: getattr(self, name).to_dict() for name in ("mean", "std", "p05", "p95")},
            "sample_count": int(self.sample_count),
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> RegimeNormStats:
        """Build the statistics from what `to_dict` gave.

        Parameters
        ----------
        data : mapping
            As `to_dict` returns it, through JSON or not.

        Returns
        -------
        RegimeNormStats
            Equal in all values.
        """
        series = {}
        for name in ("mean", "std", "p05", "p95"):
            values = data[name]
            series[name] = pd.Series(list(values.values()), index=_labels(list(values)), dtype=np.float64)
        return cls(int(data["regime_label"]), **series, sample_count=int(data["sample_count"]))


@dataclass(eq=False)
class NormalizationResult:
    """Scores of a frame, and how each row got them; everything has the index of the frame.

    Parameters
    ----------
    z_scores : pandas.DataFrame
        Robust z-scores.
    method_used : pandas.Series
        "global" or "regime_{label}", row by row.
    confidence_values : pandas.Series
        Confidences as used: 0.0 where missing.
    regime_labels : pandas.Series
        Labels as used: -1 where missing.
    """

    z_scores: pd.DataFrame
    method_used: pd.Series
    confidence_values: pd.Series
    regime_labels: pd.Series


def _label(value: Any) -> int:
    """A regime's number: what holds labels besides missing ones is a float column."""
    if isinstance(value, (float, np.floating)) and float(value).is_integer():
        value = int(value)
    label = _integer("regime_label", value)
    if label >= 2**63:
        raise ValueError(f"regime_label must be less than 2**63, got {label}")
    return label


def _read_coerced(df: Frame, names: list[Any]) -> Array:
    """Values of the columns; what is no number is missing."""
    if _is_polars(df):
        wide: Any = df
        text = [name for name in names if not (wide.schema[name].is_numeric() or wide.schema[name] == _pl.Boolean)]
        return _values_polars(wide.with_columns(_pl.col(text).cast(_pl.Float64, strict=False)), names)
    frame = cast("pd.DataFrame", df)[names]
    if not all(pd.api.types.is_numeric_dtype(dtype) for dtype in frame.dtypes):
        frame = frame.apply(pd.to_numeric, errors="coerce")
    return _values_pandas(frame, names)


def _row_index(df: Frame) -> pd.Index:
    return pd.RangeIndex(len(df)) if _is_polars(df) else cast("pd.DataFrame", df).index


def _aligned(name: str, values: Any, df: Frame) -> tuple[Array, Any]:
    """One number a row of `df`, NaN where missing, by index where both have one; and the name of the series."""
    index = _row_index(df)
    title = getattr(values, "name", None)
    if _pl is not None and isinstance(values, _pl.Series):
        values, title = pd.Series(values.to_list(), dtype=object), None
    if np.ma.isMaskedArray(values):
        values = _unmasked(values)
    if isinstance(values, pd.Series) and isinstance(df, pd.DataFrame) and not values.index.equals(index):
        if not values.index.is_unique:
            raise ValueError(f"{name} must have the index of df or a unique one, got one with duplicates")
        if len(values) == len(index) and (values.index.get_indexer(index) < 0).all():
            raise ValueError(
                f"{name} must share df's index or be an array in the order of its rows, got a series of equal length "
                f"whose index, from {values.index[0]!r}, has none of df's labels, from {index[0]!r}"
            )
        values = values.reindex(index)
    if np.ndim(values) != 1 or len(values) != len(index):
        raise ValueError(f"{name} must have one value for each row of df ({len(index)}), got shape {np.shape(values)}")
    numbers = pd.to_numeric(pd.Series(values), errors="coerce")
    return numbers.to_numpy(dtype=np.float64, na_value=np.nan), title


def _gated_scores(
    df: Frame,
    names: list[Any],
    labels: Any,
    confidences: Any,
    threshold: float,
    center: Array,
    scale: Array,
    regimes: list[int],
) -> NormalizationResult:
    """Scores by the first row of `center` and `scale`, or by the one of the row's regime where that is trusted."""
    index = _row_index(df)
    label, label_name = _aligned("regime_labels", labels, df)
    confidence, confidence_name = _aligned("confidences", confidences, df)
    confidence = np.where(np.isnan(confidence), 0.0, confidence)
    # What is no whole number, or none of 64 bits, names no regime.
    whole = (label == np.floor(label)) & (label >= -(2.0**63)) & (label < 2.0**63)
    label = np.where(whole, label, -1.0).astype(np.int64)
    use = np.zeros(len(index), dtype=np.intp)
    if regimes:
        known = np.array(regimes, dtype=np.int64)
        place = np.minimum(np.searchsorted(known, label), len(known) - 1)
        trusted = (confidence >= threshold) & (label >= 0) & (known[place] == label)
        use[trusted] = place[trusted] + 1
    with np.errstate(all="ignore"):
        z = (_read_coerced(df, names) - center[use]) / scale[use]
    z[~np.isfinite(z)] = np.nan
    methods = np.array(["global", *(f"regime_{regime}" for regime in regimes)], dtype=object)
    return NormalizationResult(
        z_scores=pd.DataFrame(z, index=index, columns=_labels(names), copy=False),
        method_used=pd.Series(methods[use], index=index, dtype=str),
        confidence_values=pd.Series(confidence, index=index, name=confidence_name),
        regime_labels=pd.Series(label, index=index, name=label_name),
    )


def _sensors(df: Frame, sensor_cols: Sequence[Hashable]) -> list[Any]:
    """The sensors among `sensor_cols` that the frame has."""
    if isinstance(sensor_cols, str) or not isinstance(sensor_cols, (Sequence, pd.Index, np.ndarray)):
        raise TypeError(f"sensor_cols must be a list of column names, got {type(sensor_cols).__name__}")
    present = set(df.columns)
    return _select(df, [name for name in sensor_cols if name in present])


def _no_sensor(wanted: Sequence[Hashable]) -> ValueError:
    names = list(wanted)
    return ValueError(f"No valid sensor columns found: sensor_cols must name at least one column of df, got {names!r}")


class ConfidenceGatedNormalizer:
    """Robust z-scores by operating regime, wherever the regime is known well enough.

    A row is scored by the statistics of its regime if the confidence in its label reaches the threshold and the regime
    was fitted, else by those of all data. Centre and scale are the median and 1.4826 times the median absolute
    deviation, which faults in the training data hardly move.

    Parameters
    ----------
    confidence_threshold : float
        Confidence from which a label is trusted.
    min_regime_samples : int
        Rows a regime needs; regimes with fewer are not fitted.
    epsilon : float
        Scale of a sensor whose median absolute deviation is 0.

    Examples
    --------
    >>> train = pd.DataFrame({"a": [1.0, 2.0, 3.0, 11.0, 12.0, 13.0]})
    >>> normalizer = ConfidenceGatedNormalizer(min_regime_samples=3).fit_global(train, ["a"])
    >>> result = normalizer.fit_regime(1, train[3:]).normalize(train[4:], pd.Series(1, train.index), [0.9, 0.1])
    >>> result.method_used.tolist(), result.z_scores["a"].round(3).tolist()
    (['regime_1', 'global'], [0.0, 0.809])
    """

    GLOBAL_LABEL = -1

    def __init__(
        self, confidence_threshold: float = 0.7, min_regime_samples: int = 50, epsilon: float = _EPSILON
    ) -> None:
        self.confidence_threshold = _number("confidence_threshold", confidence_threshold, -math.inf)
        self.min_regime_samples = _at_least("min_regime_samples", min_regime_samples, 0)
        self.epsilon = _number("epsilon", epsilon, 0.0)
        self._global_stats: RegimeNormStats | None = None
        self._regime_stats: dict[int, RegimeNormStats] = {}
        self._sensor_cols: list[Any] = []
        self._is_fitted = False

    def _statistics(self, df: Frame, names: list[Any], label: int) -> RegimeNormStats:
        x = _read_coerced(df, names)
        median, mad = _center_scale(x)
        scale = _NORMAL * mad
        scale[~(scale > 0.0)] = self.epsilon
        q = [0.05, 0.95]
        low, high = _rs.column_quantiles(x, q) if _use_rust() else _column_quantiles(x, q)
        mean, std, p05, p95 = (pd.Series(values, index=_labels(names)) for values in (median, scale, low, high))
        return RegimeNormStats(label, mean, std, p05, p95, sample_count=len(x))

    def fit_global(self, df: Frame, sensor_cols: Sequence[Hashable]) -> ConfidenceGatedNormalizer:
        """Take the statistics of all training data; comes before everything else, and forgets all regimes.

        Parameters
        ----------
        df : pandas.DataFrame or polars.DataFrame
            Training data. What is no number counts as missing.
        sensor_cols : sequence of names
            Columns to normalize; those `df` lacks are left out.

        Returns
        -------
        ConfidenceGatedNormalizer
            The normalizer itself.

        Raises
        ------
        ValueError
            If `df` has no row or none of the columns.
        """
        _require_frame("df", df)
        names = _sensors(df, sensor_cols)
        if not len(df):
            raise ValueError("Cannot fit on empty DataFrame: df must have at least one row, got none")
        if not names:
            raise _no_sensor(sensor_cols)
        self._global_stats = self._statistics(df, names, self.GLOBAL_LABEL)
        self._regime_stats = {}
        self._sensor_cols = names
        self._is_fitted = True
        return self

    def fit_regime(
        self, regime_label: int, df: Frame, sensor_cols: Sequence[Hashable] | None = None
    ) -> ConfidenceGatedNormalizer:
        """Take the statistics of one regime, if there are rows enough.

        Parameters
        ----------
        regime_label : int
            Number of the regime, at least 0.
        df : pandas.DataFrame or polars.DataFrame
            Training data of the regime; with fewer than ``min_regime_samples`` rows the regime is not fitted, and what
            was fitted under its label before is forgotten.
        sensor_cols : sequence of names, optional
            Columns to take, those of `fit_global` by default; others, and those without a value in `df`, are scored by
            the statistics of all data.

        Returns
        -------
        ConfidenceGatedNormalizer
            The normalizer itself.

        Raises
        ------
        RuntimeError
            Before `fit_global`.
        ValueError
            If the label is negative or beyond 64 bits, or `df` has none of the columns.
        """
        if not self._is_fitted:
            raise RuntimeError("Must call fit_global before fit_regime")
        label = _label(regime_label)
        if label < 0:
            raise ValueError(f"Regime label must be non-negative: regime_label must be at least 0, got {label}")
        _require_frame("df", df)
        wanted = self._sensor_cols if sensor_cols is None else sensor_cols
        names = _sensors(df, wanted)
        if len(df) < max(self.min_regime_samples, 1):
            self._regime_stats.pop(label, None)
            return self
        if not names:
            raise _no_sensor(wanted)
        self._regime_stats[label] = self._statistics(df, names, label)
        return self

    def has_regime_stats(self, regime_label: int) -> bool:
        """Whether a regime has been fitted.

        Parameters
        ----------
        regime_label : int
            Number of the regime.

        Returns
        -------
        bool
            False for a regime that had too few rows, too.
        """
        return regime_label in self._regime_stats

    def normalize(self, df: Frame, regime_labels: Any, confidences: Any) -> NormalizationResult:
        """Score every row, by its regime or by all data.

        Parameters
        ----------
        df : pandas.DataFrame or polars.DataFrame
            Data to score. What is no number counts as missing.
        regime_labels : pandas.Series or array_like, (n,)
            A regime a row. A series is aligned to the index of `df`; a label that is missing, no whole number or
            beyond 64 bits is -1.
        confidences : pandas.Series or array_like, (n,)
            Confidence in the label, row by row. Aligned likewise; a missing one is 0.

        Returns
        -------
        NormalizationResult
            Scores of the fitted columns that `df` has.

        Raises
        ------
        RuntimeError
            Before `fit_global`.
        ValueError
            If a series of labels or confidences has as many rows as `df` but none of its index, or an index with
            duplicates that is not the one of `df`.
        """
        if self._global_stats is None:
            raise RuntimeError("Normalizer not fitted: call fit_global before normalize")
        _require_frame("df", df)
        everything = self._global_stats
        if not len(df):
            return _no_scores(df, self._sensor_cols)
        names = _sensors(df, self._sensor_cols)
        regimes = sorted(self._regime_stats)
        center = np.empty((len(regimes) + 1, len(names)))
        scale = np.empty_like(center)
        for i, stats in enumerate([everything, *(self._regime_stats[regime] for regime in regimes)]):
            at = stats.mean.index.get_indexer(_labels(names))
            center[i], scale[i] = stats.mean.to_numpy()[at], stats.std.to_numpy()[at]
            # The scale of a sensor that was always missing is epsilon, which says nothing about other centres.
            foreign = (at < 0) | ~np.isfinite(center[i]) | ~np.isfinite(scale[i])
            center[i, foreign], scale[i, foreign] = center[0, foreign], scale[0, foreign]
        return _gated_scores(df, names, regime_labels, confidences, self.confidence_threshold, center, scale, regimes)

    def get_stats_summary(self) -> dict[str, Any]:
        """What is fitted, in short.

        Returns
        -------
        dict
            ``is_fitted``, ``confidence_threshold``, ``min_regime_samples``, ``sensor_cols``, ``global_samples``,
            ``regime_count`` and ``regime_samples`` (rows by label).
        """
        return {
            "is_fitted": self._is_fitted,
            "confidence_threshold": self.confidence_threshold,
            "min_regime_samples": self.min_regime_samples,
            "sensor_cols": list(self._sensor_cols),
            "global_samples": self._global_stats.sample_count if self._global_stats else 0,
            "regime_count": len(self._regime_stats),
            "regime_samples": {label: stats.sample_count for label, stats in self._regime_stats.items()},
        }

    def to_dict(self) -> dict[str, Any]:
        """Everything `from_dict` needs, as plain Python values.

        Returns
        -------
        dict
            ``confidence_threshold``, ``min_regime_samples``, ``epsilon``, ``sensor_cols``, ``global_stats``,
            ``regime_stats`` (by label) and ``is_fitted``.
        """
        return {
            "confidence_threshold": self.confidence_threshold,
            "min_regime_samples": self.min_regime_samples,
            "epsilon": self.epsilon,
            "sensor_cols": list(self._sensor_cols),
            "global_stats": self._global_stats.to_dict() if self._global_stats else None,
            "regime_stats": {label: stats.to_dict() for label, stats in self._regime_stats.items()},
            "is_fitted": self._is_fitted,
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> ConfidenceGatedNormalizer:
        """Build a normalizer from what `to_dict` gave.

        Parameters
        ----------
        data : mapping
            As `to_dict` returns it; JSON, which makes strings of labels and of numbered columns, does no harm.

        Returns
        -------
        ConfidenceGatedNormalizer
            One that scores as the original did.
        """
        normalizer = cls(data["confidence_threshold"], data["min_regime_samples"], data.get("epsilon", _EPSILON))
        normalizer._sensor_cols = list(data["sensor_cols"])
        spelled = {str(name): name for name in normalizer._sensor_cols}

        def restored(stats: Mapping[str, Any]) -> RegimeNormStats:
            out = RegimeNormStats.from_dict(stats)
            for series in (out.mean, out.std, out.p05, out.p95):
                series.index = _labels([spelled.get(name, name) for name in series.index])
            return out

        if data["global_stats"]:
            normalizer._global_stats = restored(data["global_stats"])
        normalizer._regime_stats = {int(label): restored(stats) for label, stats in data["regime_stats"].items()}
        normalizer._is_fitted = bool(data["is_fitted"])
        return normalizer


def _no_scores(df: Frame, names: list[Any]) -> NormalizationResult:
    index = _row_index(df)
    return NormalizationResult(
        z_scores=pd.DataFrame(index=index, columns=_labels(names), dtype=np.float64),
        method_used=pd.Series(index=index, dtype=str),
        confidence_values=pd.Series(index=index, dtype=np.float64),
        regime_labels=pd.Series(index=index, dtype=np.int64),
    )


def _by_name(name: str, values: Any, names: list[Any]) -> Array:
    """One number a column, from a mapping or a series; NaN where there is none."""
    if not isinstance(values, (Mapping, pd.Series)):
        raise TypeError(f"{name} must map column names to numbers, got {type(values).__name__}")
    numbers = np.full(len(names), np.nan)
    for i, column in enumerate(names):
        # A series would read a number that is no label as a place.
        if column not in values or (value := values[column]) is None or value is pd.NA or value is np.ma.masked:
            continue
        # Conversion would take spelled numbers, arrays of one and the real part of complex ones.
        number: float | None = None
        if not (isinstance(value, (str, bytes, complex, np.complexfloating)) or getattr(value, "ndim", 0) > 0):
            with suppress(TypeError, ValueError, OverflowError):
                number = float(value)
        if number is None:
            raise ValueError(f"{name}[{column!r}] must be a number, got {value!r}")
        numbers[i] = number
    return numbers


def normalize_with_confidence_gating(
    df: Frame,
    sensor_cols: Sequence[Hashable],
    regime_labels: Any,
    confidences: Any,
    global_mean: Mapping[Any, float] | pd.Series,
    global_std: Mapping[Any, float] | pd.Series,
    regime_means: Mapping[int, Any] | None = None,
    regime_stds: Mapping[int, Any] | None = None,
    confidence_threshold: float = 0.7,
) -> tuple[pd.DataFrame, pd.Series]:
    """Score every row by given means and deviations, those of its regime where the label is trusted.

    Parameters
    ----------
    df : pandas.DataFrame or polars.DataFrame
        Data to score. What is no number counts as missing.
    sensor_cols : sequence of names
        Columns to score; those `df` lacks are left out.
    regime_labels : pandas.Series or array_like, (n,)
        A regime a row. A series is aligned to the index of `df`; a label that is missing, no whole number or beyond
        64 bits is -1.
    confidences : pandas.Series or array_like, (n,)
        Confidence in the label, row by row. Aligned likewise; a missing one is 0.
    global_mean, global_std : pandas.Series or mapping
        By column; a column without them has no scores. No deviation counts as less than 1e-10.
    regime_means, regime_stds : mapping of label to pandas.Series or mapping, optional
        By column. Rows of a regime in `regime_means` are scored by it, and by the deviations of `regime_stds` where
        that has the regime; the global ones stand in for what is not there or not finite.
    confidence_threshold : float
        Confidence from which a label is trusted.

    Returns
    -------
    z_scores : pandas.DataFrame
        Missing where not finite.
    method_used : pandas.Series
        "global" or "regime_{label}", row by row.

    Raises
    ------
    ValueError
        If a mean or a deviation is no number, or a series of labels or confidences cannot be aligned, as in
        `ConfidenceGatedNormalizer.normalize`.

    See Also
    --------
    ConfidenceGatedNormalizer : takes the statistics from training data.

    Examples
    --------
    >>> z, method = normalize_with_confidence_gating(
    ...     pd.DataFrame({"a": [4.0, 4.0]}), ["a"], [0, 0], [0.9, 0.2], {"a": 0.0}, {"a": 2.0}, {0: {"a": 3.0}}
    ... )
    >>> z["a"].tolist(), method.tolist()
    ([0.5, 2.0], ['regime_0', 'global'])
    """
    _require_frame("df", df)
    threshold = _number("confidence_threshold", confidence_threshold, -math.inf)
    means = {_label(label): values for label, values in (regime_means or {}).items()}
    deviations = {_label(label): values for label, values in (regime_stds or {}).items()}
    names = _sensors(df, sensor_cols)
    if not len(df):
        empty = _no_scores(df, list(sensor_cols))
        return empty.z_scores, empty.method_used
    regimes = sorted(means)
    center = np.empty((len(regimes) + 1, len(names)))
    scale = np.empty_like(center)
    center[0] = _by_name("global_mean", global_mean, names)
    scale[0] = _by_name("global_std", global_std, names)
    for i, regime in enumerate(regimes, 1):
        mean = _by_name(f"regime_means[{regime}]", means[regime], names)
        deviation = _by_name(f"regime_stds[{regime}]", deviations.get(regime, {}), names)
        center[i] = np.where(np.isfinite(mean), mean, center[0])
        scale[i] = np.where(np.isfinite(deviation), deviation, scale[0])
    scale = np.maximum(scale, _EPSILON)
    result = _gated_scores(df, names, regime_labels, confidences, threshold, center, scale, regimes)
    return result.z_scores, result.method_used


# ---------------------------------------------------------------------------------------------------------------------
# The time index
# ---------------------------------------------------------------------------------------------------------------------

# A time of day: 10:00, 10:00:30.5 PM, T10, T100030, 10h30, 3 PM. What follows a sign is an offset.
_CLOCK = re.compile(
    r"(?:(?<![+\-\u2212:\d])\d{1,2}:\d{2}(?::\d{2}(?:[.,]\d+)?)?"
    r"|(?<=\d)T\d{2}(?:\d{2}(?:\d{2}(?:[.,]\d+)?)?)?(?![\d:])"
    r"|(?<=\d )\d{6}(?![\d:])"
    r"|(?<!\d)\d{1,2}\s?h(?:\d{2}(?:m(?:in)?(?:\d{2}s?)?)?)?(?![a-z])"
    r"|(?<!\d)\d{1,2}(?=\s?[ap]\.?m\b))"
    r"(?:\s?[ap](?:m\b|\.m\.))?",
    re.IGNORECASE,
)
# Words that are of a date, not of a zone.
_WORDS = (
    r"(?:jan(?:uary)?|feb(?:ruary)?|mar(?:ch)?|apr(?:il)?|may|june?|july?|aug(?:ust)?|sept?(?:ember)?|oct(?:ober)?"
    r"|nov(?:ember)?|dec(?:ember)?|mon(?:day)?|tue(?:s|sday)?|wed(?:nesday)?|thu(?:rs|rsday)?|fri(?:day)?|sat(?:urday)?"
    r"|sun(?:day)?|on|of|at|am|pm)\b"
)
# A zone after the time of day, however it is spelled: Z, CET, utc, UTC+2, GMT+0200 (CEST), +02, -05:30, Europe/Berlin,
# W. Europe Standard Time, [Europe/Berlin], (UTC+01:00) Berlin.
_ZONE = re.compile(
    rf"\s*(?!(?i:{_WORDS}))"
    r"(?:[A-Za-z]+(?:/[A-Za-z_+\-\d]+)+|(?:[A-Z][A-Za-z.]*\s)+Time\b|[A-Z]{3}\d{1,2}[A-Z]{3}\b|[A-Z]{1,5}\b"
    r"|(?i:z|utc?|gmt)\b|[a-z]{2,4}t\b)?"
    r"\s*(?:[+\-\u2212]\d{1,2}(?::?\d{2}){0,2}(?!\d))?"
    rf"(?:\s*\((?:UTC|GMT)[^()]*\)[A-Za-z,. ]*|\s*\([^()]*\)|\s*\[[^\[\]]*\]|\s+(?!(?i:{_WORDS}))[A-Z]{{2,5}}\b)*"
)
_DAY_WITH_ZONE = re.compile(r"(\d{4}-\d{2}-\d{2})\s*(?:[Zz]|[+\-\u2212]\d{2}:\d{2})")
_DATE = re.compile(r"\d{4}|\d+\D+\d")
_NUMERIC_DATE = re.compile(r"(\d{1,2})([/.-])(\d{1,2})\2\d{2,4}(?!\d)")
_NANOSECONDS = {"s": 10**9, "ms": 10**6, "us": 10**3, "ns": 1}


def _wall_clock(text: str) -> str | None:
    """The spelling of a time stamp without its zone; none if it tells no date."""
    text = text.strip()
    if day := _DAY_WITH_ZONE.fullmatch(text):
        return day[1]
    # A date alone may end like an offset does: 2012-0530.
    clock = _CLOCK.search(text)
    if clock is None:
        return text if _DATE.search(text) else None
    zone = cast("re.Match[str]", _ZONE.match(text, clock.end()))
    before, after = text[: clock.start()], text[zone.end() :]
    if not _DATE.search(f"{before} {after}"):
        return None
    return f"{before}{after} {clock[0]}" if after.strip() else f"{before}{clock[0]}"


def _day_first(stamps: list[Any]) -> dict[str, bool]:
    """Whether dates like 05/06/2012 name the day first, for each separator, judged by all of its dates together."""
    verdict: dict[str, bool] = {}
    for stamp in stamps:
        found = _NUMERIC_DATE.match(stamp) if isinstance(stamp, str) else None
        if found is None:
            continue
        mark, first, second = found[2], int(found[1]) > 12, int(found[3]) > 12
        if (first or second) and (verdict.setdefault(mark, first) != first or (first and second)):
            raise ValueError(f"the index mixes day-first and month-first dates, as in {stamp!r}")
    return verdict


def _in_nanoseconds(times: Any) -> Any:
    """Stamps of any unit in nanoseconds, NaT where these cannot count them."""
    unit = np.datetime_data(times.dtype)[0]
    step = _NANOSECONDS[unit]
    whole = times.view(np.int64)
    limit = (2**63 - 1) // step
    known = ~np.isnat(times) & (whole <= limit) & (whole >= -limit)
    return np.where(known, np.where(known, whole, 0) * step, np.iinfo(np.int64).min).view("datetime64[ns]")


def _read_texts(texts: list[str], day_first: bool) -> Any:
    """Stamps in nanoseconds of spellings without a zone."""
    try:
        with warnings.catch_warnings():
            # That some spelling will be refused one day.
            warnings.simplefilter("ignore")
            times = pd.to_datetime(texts, format="mixed", dayfirst=day_first, errors="coerce")
        if isinstance(times, pd.DatetimeIndex) and times.tz is None:
            return _in_nanoseconds(times.to_numpy())
    except (ValueError, TypeError, OverflowError):
        pass
    if len(texts) > 1:
        return np.concatenate([_read_texts([text], day_first) for text in texts])
    # What pandas still takes for a zone, or cannot take at all.
    return np.full(1, np.datetime64("NaT", "ns"), dtype="datetime64[ns]")


def _read_object(stamp: Any) -> Any:
    """The stamp, in nanoseconds and without its zone, of what holds a date; NaT for anything else."""
    nothing = np.datetime64("NaT", "ns")
    try:
        if isinstance(stamp, pd.Period):
            stamp = stamp.to_timestamp()
        if isinstance(stamp, (pd.Timestamp, dt.datetime)):
            if pd.isna(stamp):
                return nothing
            naive = stamp.replace(tzinfo=None)
            stamp = naive.to_datetime64() if isinstance(naive, pd.Timestamp) else np.datetime64(naive, "us")
        elif isinstance(stamp, dt.date):
            stamp = np.datetime64(stamp, "D")
        if not isinstance(stamp, np.datetime64) or np.isnat(stamp):
            return nothing
        unit, count = np.datetime_data(stamp.dtype)
        if unit not in _NANOSECONDS:
            # Far years leave what seconds can count, silently.
            if abs(int(stamp.astype("datetime64[Y]").astype(np.int64))) > 1000:
                return nothing
            stamp = stamp.astype("datetime64[s]")
        elif count != 1:
            whole = int(stamp.astype(np.int64)) * count
            if abs(whole) >= 2**63:
                return nothing
            stamp = np.int64(whole).astype(f"datetime64[{unit}]")
        return _in_nanoseconds(np.array([stamp]))[0]
    except (ValueError, OverflowError, KeyError):
        return nothing


def _read_numbers(index: pd.Index) -> Any:
    """Numbers of nanoseconds since 1970 as stamps."""
    dtype: Any = index.dtype
    kind = getattr(dtype, "numpy_dtype", dtype).kind
    wide = {"u": np.uint64, "i": np.int64}.get(kind, np.float64)
    numbers = index.to_numpy(dtype=wide, na_value=0 if kind in "iu" else np.nan)
    known = ~np.asarray(index.isna()) & (np.abs(numbers) < 2**63 if kind == "f" else numbers <= wide(2**63 - 1))
    whole = np.where(known, numbers, 0).astype(np.int64)
    return np.where(known, whole, np.iinfo(np.int64).min).view("datetime64[ns]")


def _parse_index(index: pd.Index) -> pd.DatetimeIndex:
    if isinstance(index, pd.MultiIndex):
        raise TypeError("the index must have one level, got a MultiIndex")
    if isinstance(index, pd.DatetimeIndex):
        # The wall clock of a stamp near the bounds of nanoseconds may lie beyond them.
        coarse = index if index.tz is None or index.unit != "ns" else index.as_unit("us")
        beyond = np.isnat(_in_nanoseconds(coarse.tz_localize(None).to_numpy())) & ~np.asarray(index.isna())
        if not beyond.any():
            return index.tz_localize(None)
        return cast("pd.DatetimeIndex", index.where(~beyond)).tz_localize(None)
    if isinstance(index, pd.PeriodIndex):
        with suppress(ValueError, OverflowError):
            return _parse_index(index.to_timestamp())
    elif pd.api.types.is_integer_dtype(index.dtype) or pd.api.types.is_float_dtype(index.dtype):
        return pd.DatetimeIndex(_read_numbers(index), name=index.name)
    stamps = [_wall_clock(stamp) if isinstance(stamp, str) else stamp for stamp in index]
    day_first = _day_first(stamps)
    groups: dict[bool, list[int]] = {}
    parsed = np.full(len(stamps), np.datetime64("NaT", "ns"), dtype="datetime64[ns]")
    for i, stamp in enumerate(stamps):
        if isinstance(stamp, str):
            found = _NUMERIC_DATE.match(stamp)
            groups.setdefault(found is not None and day_first.get(found[2], False), []).append(i)
        else:
            parsed[i] = _read_object(stamp)
    for days, places in groups.items():
        parsed[places] = _read_texts([cast("str", stamps[i]) for i in places], days)
    return pd.DatetimeIndex(parsed, name=index.name)


def _shown(index: pd.Index, place: int) -> str:
    """The stamp as a person reads it."""
    try:
        stamp = index[place]
    except (ValueError, OverflowError):
        # A wall clock beyond the bounds: the instant will do.
        stamp = index.to_numpy(dtype="datetime64[ns]")[place]
    try:
        return repr(stamp) if isinstance(stamp, str) else str(stamp)
    except OverflowError:
        # A date beyond every calendar, which NumPy counts and does not write.
        return f"{stamp.astype(np.int64)} of {stamp.dtype}"


def ensure_local_index(df: pd.DataFrame) -> pd.DataFrame:
    """Give a frame a time index without a time zone; the wall clock stays as it is.

    Parameters
    ----------
    df : pandas.DataFrame
        Its index holds time stamps or their spellings, several spellings in one index included. In dates like
        ``06-01-2012`` the month comes first, unless another date with the same separator can only be read day first.
        Numbers are nanoseconds since 1970.

    Returns
    -------
    pandas.DataFrame
        `df` itself, its index replaced. The zone of a stamp is dropped, however it is spelled, and its wall clock
        stays. What is no date (a time alone, "now", a number among other things) becomes NaT, and so does a stamp
        that nanoseconds cannot count exactly, outside the years 1677 to 2262; a warning is logged.

    Raises
    ------
    ValueError
        If dates with one separator are day-first here and month-first there.

    Examples
    --------
    >>> frame = pd.DataFrame({"a": [1.0, 2.0]}, index=["5/21/2012 14:00", "2012-05-21 14:30+02:00"])
    >>> ensure_local_index(frame).index[1]
    Timestamp('2012-05-21 14:30:00')
    """
    _require_pandas_frame(df)
    index = _parse_index(df.index)
    unread = np.flatnonzero(np.asarray(index.isna()) & ~np.asarray(df.index.isna()))
    if unread.size:
        _log.warning(
            "%d of %d time stamps are no date between the years 1677 and 2262 and became NaT, such as %s",
            unread.size,
            len(index),
            _shown(df.index, int(unread[0])),
        )
    df.index = index
    return df


def deduplicate_index(df: pd.DataFrame, name: str, equip: str = "") -> tuple[pd.DataFrame, int]:
    """Keep the last row of every time stamp, in the order of time.

    Parameters
    ----------
    df : pandas.DataFrame
        Frame with a time index.
    name : str
        Name of the data set, for the warning.
    equip : str
        Name of the equipment, for the warning.

    Returns
    -------
    frame : pandas.DataFrame
        Sorted, every time stamp once.
    removed : int
        Rows removed; a warning is logged unless there are none.

    Examples
    --------
    >>> frame, removed = deduplicate_index(pd.DataFrame({"a": [1, 2, 3]}, index=[5, 4, 5]), "train")
    >>> frame["a"].tolist(), removed
    ([2, 3], 1)
    """
    _require_pandas_frame(df)
    repeated = df.index.duplicated(keep="last")
    removed = int(repeated.sum())
    if removed:
        message = f"Removing {removed} duplicate timestamps from {name} data"
        if _console is not None:
            _console.warn(message, component="DATA", equip=equip, duplicates=removed, dataset=name)
        else:
            _log.warning("%s%s", message, f" of {equip}" if equip else "")
        df = df[~repeated]
    return (df if df.index.is_monotonic_increasing else df.sort_index()), removed


def _require_pandas_frame(df: object) -> None:
    if not isinstance(df, pd.DataFrame):
        raise TypeError(f"df must be a pandas DataFrame, the kind that has an index, got {type(df).__name__}")
