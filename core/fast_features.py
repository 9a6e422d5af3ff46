"""Rolling features of sensor histories: data frames in, data frames out.

One self-contained file that takes the place of ACM's own ``core/fast_features.py``. Every call is served by the fastest
backend that is present: ``acm_rs`` (Rust), then Polars, then pandas. NumPy and pandas are all it needs; taking
``acm_rs`` or Polars away changes the speed and nothing else.

What holds for every function

* The input is a pandas or a Polars data frame; integers, booleans, float32, nullable and Arrow-backed columns are
  taken as float64. Rows are never dropped or reordered.
* NaN, null and plus or minus infinity are missing. A statistic uses the other values of its window and is NaN (null in
  Polars) while there are fewer of them than ``min_periods`` or than the statistic itself needs (standard deviation 2,
  skewness 3, kurtosis 4).
* Windows trail: row ``t`` sees the rows ``t - window + 1 .. t``.

Which backend serves is told by `BACKEND`; the environment variable ``ACM_BACKEND`` (``rust``, ``polars`` or
``pandas``), read once when the module is imported, forces one.

The Polars and pandas backends take the rolling median from their library. Neither library's rolling mean, deviation,
skewness and kurtosis is exact on sensor data (both update running sums, and a value of 1e15 that passes through the
window, or an offset of 1e9, ruins them), so those statistics are computed here from the values of each window alone:
sums carry their rounding error along, and moments are taken about the window's own mean.
"""

from __future__ import annotations

import importlib
import logging
import math
import operator
import os
import re
from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal, TypeAlias, TypeVar, cast

import numpy as np
import pandas as pd
from numpy.lib.stride_tricks import sliding_window_view

if TYPE_CHECKING:
    import polars as pl

__all__ = [
    "BACKEND",
    "compute_basic_features",
    "compute_basic_features_pl",
    "deduplicate_index",
    "ensure_local_index",
    "goertzel_energy",
    "ols_slope",
    "rolling_mad",
    "rolling_mean_std",
    "rolling_median",
    "rolling_ols_slope",
    "rolling_skew_kurt",
    "rolling_spectral_energy",
    "rolling_spectral_energy_pl",
    "spectral_energy",
]

Array: TypeAlias = "np.ndarray[Any, np.dtype[np.float64]]"
Mask: TypeAlias = "np.ndarray[Any, np.dtype[np.bool_]]"
Index: TypeAlias = "np.ndarray[Any, np.dtype[np.intp]]"
Frame: TypeAlias = "pd.DataFrame | pl.DataFrame"
ReturnType: TypeAlias = Literal["pandas", "polars"]
Method: TypeAlias = Literal["auto", "fft", "goertzel"]
Bands: TypeAlias = "Sequence[tuple[float, float]]"

_log = logging.getLogger(__name__)

# ---------------------------------------------------------------------------------------------------------------------
# Backends
# ---------------------------------------------------------------------------------------------------------------------

_BACKENDS = ("rust", "polars", "pandas")
_INSTALL = {"rust": "pip install acm-rs", "polars": "pip install polars"}


def _optional(name: str, needs: str) -> Any:
    """Import a module that may be absent; a folder that merely has its name does not count."""
    try:
        module = importlib.import_module(name)
    except ImportError:
        return None
    return module if hasattr(module, needs) else None


_rs: Any = _optional("acm_rs", "feature_matrix")
_pl: Any = _optional("polars", "DataFrame")
_console: Any = getattr(_optional("core.observability", "Console"), "Console", None)
_timer_class: Any = getattr(_optional("utils.timer", "Timer"), "Timer", None)

_F = TypeVar("_F", bound=Callable[..., Any])


def _timed(name: str) -> Callable[[_F], _F]:
    """Let ACM's timer, where there is one, measure the decorated function."""
    if _timer_class is None or not hasattr(_timer_class, "wrap"):
        return lambda function: function
    return cast("Callable[[_F], _F]", _timer_class().wrap(name))


def _choose_backend(forced: str | None) -> str:
    present = {"rust": _rs is not None, "polars": _pl is not None, "pandas": True}
    if not forced:
        return next(name for name in _BACKENDS if present[name])
    if forced not in present:
        raise ValueError(f"ACM_BACKEND must be rust, polars or pandas, got {forced!r}")
    if not present[forced]:
        raise RuntimeError(f"ACM_BACKEND={forced} is not available here: {_INSTALL[forced]}")
    return forced


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


def _values_pandas(df: pd.DataFrame, names: list[Any]) -> Array:
    frame = df if len(names) == df.shape[1] and names == list(df.columns) else df[names]
    dtypes = list(frame.dtypes)
    bad = [
        i
        for i, dtype in enumerate(dtypes)
        if not pd.api.types.is_numeric_dtype(dtype) or pd.api.types.is_complex_dtype(dtype)
    ]
    _refuse([names[i] for i in bad], [dtypes[i] for i in bad])
    if dtypes and all(dtype == np.float64 and isinstance(dtype, np.dtype) for dtype in dtypes):
        return np.asfortranarray(frame.to_numpy())
    values = np.empty(frame.shape, order="F")
    for i, dtype in enumerate(dtypes):
        column = frame.iloc[:, i]
        if isinstance(dtype, np.dtype):
            values[:, i] = column.to_numpy()
        else:
            values[:, i] = column.to_numpy(dtype=np.float64, na_value=np.nan)
    return values


def _values_polars(df: Any, names: list[Any]) -> Array:
    bad = [name for name in names if not (df.schema[name].is_numeric() or df.schema[name] == _pl.Boolean)]
    _refuse(bad, [df.schema[name] for name in bad])
    if not names:
        return np.empty((df.height, 0), order="F")
    wide = df.select(_pl.col(name).cast(_pl.Float64).fill_null(float("nan")) for name in names)
    return np.asfortranarray(wide.to_numpy(order="fortran"))


def _read(df: Frame, cols: Sequence[Hashable] | None) -> tuple[list[Any], Array]:
    """Names and values, (rows, columns) in Fortran order, of the chosen columns."""
    if _is_polars(df):
        names = _select(df, cols)
        return names, _values_polars(df, names)
    if isinstance(df, pd.DataFrame):
        names = _select(df, cols)
        return names, _values_pandas(df, names)
    raise TypeError(f"df must be a pandas or a Polars DataFrame, got {type(df).__name__}")


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


def _moments(block: Array, width: int, order: int) -> tuple[Array, Array, list[Array]]:
    """Count, mean and the sums of the 2nd to `order`-th powers of the deviations from it, of each window."""
    valid = np.isfinite(block)
    values = np.where(valid, block, 0.0)
    count = _count(valid, width)
    size = np.maximum(count, 1.0)
    shrink = _SHRINK if np.abs(values).max(initial=0.0) > _HUGE else 1.0
    total, error = _window_sum(values * shrink if shrink != 1.0 else values, width)
    rough = total / size
    product, slip = _two_product(rough, size)
    mean, rest = _two_sum(rough, (((total - product) - slip) + error) / size)
    mean, rest = mean / shrink, rest / shrink

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


def _mean_std(x: Array, window: int, min_periods: int) -> Array:
    least = max(min_periods, 1)

    def kernel(block: Array, width: int) -> tuple[Array, ...]:
        count, mean, (m2,) = _moments(block, width, 2)
        std = np.sqrt(m2 / (count - 1.0))
        return _enough(mean, count, least), _enough(std, count, max(least, 2))

    return _rolling(x, window, 2, kernel, _CELLS)


def _skew_kurt_of(count: Array, m2: Array, m3: Array, m4: Array, least: int) -> tuple[Array, Array]:
    cube, square = m2 * np.sqrt(m2), m2 * m2
    skew = count * np.sqrt(count - 1.0) / (count - 2.0) * (m3 / cube)
    kurt = (
        (count - 1.0) / ((count - 2.0) * (count - 3.0)) * ((count + 1.0) * count * (m4 / square) - 3.0 * (count - 1.0))
    )
    # Where a power under- or overflows there is no ratio of powers left to speak of.
    skew[(cube == 0.0) | np.isinf(cube)] = np.nan
    kurt[(square == 0.0) | np.isinf(square)] = np.nan
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
        std = _enough(np.sqrt(m2 / (count - 1.0)), count, 2)
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
        half = high * 0.5 - low * 0.5
        # Measured from the lower middle value: a median rounded at 1e9 would spoil deviations of 1e-3.
        ordered = ordered - low[..., None]
        ordered -= half[..., None]
        np.abs(ordered, out=ordered)
        ordered.sort(axis=-1)
        low, high = _middle(ordered, count)
        return (_enough(low + (high - low) * 0.5, count, least),)

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
# Spectra
# ---------------------------------------------------------------------------------------------------------------------


def _check_bands(bands: Bands | None, fs: float) -> list[tuple[float, float]]:
    if isinstance(fs, (bool, str)) or not math.isfinite(fs) or fs <= 0.0:
        raise ValueError(f"fs must be a positive number, got {fs!r}")
    nyquist = 0.5 * float(fs)
    if bands is None:
        return [(0.0, 0.1 * nyquist), (0.1 * nyquist, 0.3 * nyquist), (0.3 * nyquist, nyquist)]
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


def _energies(centred: Array, bands: list[tuple[float, float]], fs: float, method: str) -> Array:
    """Energy of each band (new last axis) of centred windows (last axis)."""
    size = centred.shape[-1]
    frequency = np.fft.rfftfreq(size, 1.0 / float(fs))
    edges = np.searchsorted(frequency, np.array(bands))
    first, last = int(edges.min()), int(edges.max())
    if method == "goertzel":
        power = _power_goertzel(centred, np.arange(first, last))
    else:
        spectrum = np.fft.rfft(centred, axis=-1)[..., first:last]
        power = spectrum.real**2 + spectrum.imag**2
    return np.stack([power[..., low - first : high - first].sum(axis=-1) for low, high in edges], axis=-1)


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
            out[:, :, rows - 1] = _energies(_centre(xt[:, :rows]), bands, fs, method)
        if window <= length:
            cells = max(1, 2 * _CELLS // window)
            for lanes, rows_cut, block in _tiles(xt[:, :], window, cells):
                keep = slice(max(rows_cut.start, window - 1), rows_cut.stop)
                if keep.start >= keep.stop:
                    continue
                windows = sliding_window_view(block, window, axis=-1)[:, keep.start - rows_cut.start :]
                out[lanes, :, keep] = _energies(_centre(windows), bands, fs, method).transpose(0, 2, 1)
    missing = count < least
    missing[:, : max(window // 2 - 1, 0)] = False
    out[np.broadcast_to(missing[:, None, :], out.shape)] = np.nan
    return out.reshape(columns * len(bands), length).T


def _vector(name: str, series: object) -> Array:
    """A 1-D float64 array of a series, a list or an array, without infinities."""
    if isinstance(series, pd.Series):
        series = _values_pandas(series.to_frame(name), [name])[:, 0]
    elif _pl is not None and isinstance(series, _pl.Series):
        series = _values_polars(series.alias(name).to_frame(), [name])[:, 0]
    values = np.asarray(series)
    if values.ndim != 1:
        raise ValueError(f"{name} must have one dimension, got {values.ndim}")
    if values.size and values.dtype.kind not in "fiub":
        raise TypeError(f"{name} must be numeric, got {values.dtype}")
    return _without_infinities(values.astype(np.float64))


def _series_energy(series: object, fs: float, bands: Bands | None, method: str) -> Array:
    checked = _check_bands(bands, fs)
    values = _vector("series", series)
    if not values.size:
        return np.empty(0)
    if not np.isfinite(values).any():
        return np.full(len(checked), np.nan)
    return _energies(_centre(values), checked, fs, method)


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
    columns = [f"{name}{suffix}" for suffix in suffixes for name in names]
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
    limits = []
    for name, limit in (("skew_clip", skew_clip), ("kurt_clip", kurt_clip)):
        if not float(limit) >= 0.0:
            raise ValueError(f"{name} must not be negative, got {limit!r}")
        limits.append(float(limit))
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
    columns = [f"{name}_energy_{i}" for name in names for i in range(len(checked))]
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
        if value is None or value is pd.NA:
            continue
        try:
            fill[i] = float(value)
        except (TypeError, ValueError):
            raise TypeError(f"fill_values[{name!r}] must be a number, got {value!r}") from None
    return _without_infinities(fill)


def _filled(x: Array, fill: Array | None) -> Array:
    """A copy without missing values, or `x` itself where it has none."""
    valid = np.isfinite(x)
    if valid.all():
        return x
    x = np.array(x, order="F")
    for i in np.flatnonzero(~valid.all(axis=0)):
        value = np.nan if fill is None else fill[i]
        known = x[valid[:, i], i]
        if not np.isfinite(value):
            value = (
                float(np.median(known * 0.5) * 2.0 if np.abs(known).max() > _HUGE else np.median(known))
                if known.size
                else 0.0
            )
        x[~valid[:, i], i] = value
    return x


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
        np.clip(score, -_RZ_CLIP, _RZ_CLIP, out=part[10])
    out[~np.isfinite(out)] = 0.0
    return out


def _basic(
    df: Frame,
    window: int,
    cols: Sequence[Hashable] | None,
    fill_values: Mapping[Any, Any] | pd.Series | None,
    return_type: str,
) -> Any:
    rows, _ = _check_window(window, 0)
    names, x = _read(df, cols)
    fill = _fill_array(names, fill_values)
    suffixes = ("_med", "_mad", "_mean", "_std", "_slope", "_skew", "_kurt")
    columns = [f"{name}{suffix}" for suffix in suffixes for name in names]
    columns += [f"{name}_energy_{i}" for name in names for i in range(3)]
    columns += [f"{name}_rz" for name in names]
    if not x.size:
        values = np.empty((len(x), len(columns)))
    elif _use_rust():
        values = _rs.feature_matrix(x, rows, fill=fill)
    else:
        values = _feature_matrix(x, rows, fill)
    return _write(df, values, columns, return_type)


@_timed("compute_basic_features")
def compute_basic_features(
    df: Frame,
    window: int = 3,
    cols: Sequence[Hashable] | None = None,
    fill_values: Mapping[Any, Any] | pd.Series | None = None,
) -> pd.DataFrame:
    """Compute the feature set of a sensor history: eleven columns a sensor.

    Missing values are filled first; a window then needs one value only. What is still missing or infinite afterwards
    (the standard deviation of one value, say) becomes 0.0.

    Parameters
    ----------
    df : pandas.DataFrame or polars.DataFrame
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
        With the index of `df`, in this order: all ``_med``, ``_mad``, ``_mean``, ``_std``, ``_slope``, ``_skew``
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
    return cast("pd.DataFrame", _basic(df, window, cols, fill_values, "pandas"))


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
# The time index
# ---------------------------------------------------------------------------------------------------------------------

_ZONE = re.compile(r"(?<=\d)\s*(?:Z|UTC|GMT|[+-]\d{2}(?::?\d{2})?)$", re.IGNORECASE)
_CLOCK = re.compile(r"\d{1,2}:\d{2}")
_NUMERIC_DATE = re.compile(r"(\d{1,2})([/.-])(\d{1,2})\2\d{2,4}(?!\d)")


def _wall_clock(stamp: Any) -> Any:
    """A time stamp, or its spelling, without its zone."""
    if isinstance(stamp, str):
        stamp = stamp.strip()
        # A date alone may end like an offset does: 2012-0530.
        clock = _CLOCK.search(stamp)
        if clock is None:
            return stamp
        return stamp[: clock.end()] + _ZONE.sub("", "0" + stamp[clock.end() :]).removeprefix("0")
    return stamp.replace(tzinfo=None) if getattr(stamp, "tzinfo", None) is not None else stamp


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


def _parse_index(index: pd.Index) -> pd.DatetimeIndex:
    if isinstance(index, pd.DatetimeIndex):
        return index.tz_localize(None)
    if isinstance(index, pd.MultiIndex):
        raise TypeError("the index must have one level, got a MultiIndex")
    if isinstance(index, pd.PeriodIndex):
        return index.to_timestamp()
    if pd.api.types.is_numeric_dtype(index.dtype):
        return pd.DatetimeIndex(pd.to_datetime(index), name=index.name)
    stamps = [_wall_clock(stamp) for stamp in index]
    day_first = _day_first(stamps)
    groups: dict[bool, list[int]] = {}
    for i, stamp in enumerate(stamps):
        found = _NUMERIC_DATE.match(stamp) if isinstance(stamp, str) else None
        groups.setdefault(found is not None and day_first.get(found[2], False), []).append(i)
    parsed = np.full(len(stamps), np.datetime64("NaT"), dtype="datetime64[ns]")
    for days, places in groups.items():
        times = pd.to_datetime([stamps[i] for i in places], format="mixed", dayfirst=days, errors="coerce")
        parsed[places] = times.to_numpy()
    return pd.DatetimeIndex(parsed, name=index.name)


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
        `df` itself, its index replaced. A spelling that cannot be read becomes NaT, and a warning is logged.

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
    unread = int(np.count_nonzero(np.asarray(index.isna()) & ~np.asarray(df.index.isna())))
    if unread > 0:
        _log.warning("%d of %d time stamps cannot be read and became NaT", unread, len(index))
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
