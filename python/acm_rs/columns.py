"""Whole columns: their statistics, their scale, their gaps."""

from __future__ import annotations

import operator
from collections.abc import Iterable, Sequence
from itertools import islice
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from acm_rs import _native
from acm_rs.frames import MOST, XF, Floats, Numbers, PerSensor, Sheet, Table, Times, Window, X
from acm_rs.kernels import per_sensor, same
from acm_rs.stamps import stamps

__all__ = ["column_median_mad", "column_moments", "column_quantiles", "impute", "lag_matrix", "zscore"]


def column_median_mad(x: Table, scale: float = 1.0) -> tuple[Any, Any]:
    """Median and median absolute deviation of each column.

    Parameters
    ----------
    x : array of float64 or float32, or frame, shape (n, d) or (n,)
        Rows = time; columns = sensors. Arrays of any memory layout are read where they lie, frames column by
        column; nothing is changed.
    scale : float, default 1.0
        Factor of the deviations; 1.4826 makes them estimate the standard deviation of normal data.

    Returns
    -------
    median : ndarray, shape (d,)
        In the dtype of ``x``; length 1 where ``x`` is 1-D.
    mad : ndarray, shape (d,)
        The median of ``abs(x - median)`` of each column, times ``scale``.

    Raises
    ------
    TypeError
        ``x`` is neither a float array nor a frame of numbers.
    ValueError
        Wrong shape, or a ``scale`` that is not finite.

    Notes
    -----
    NaN and infinity are missing and skipped; a column of nothing else is NaN. Exact: the deviations are taken from the
    median of an even count before its rounding. The statistic is Hampel's [1]_.

    .. [1] Hampel, The influence curve and its role in robust estimation, Journal of the American Statistical
       Association 69, 1974, doi:10.1080/01621459.1974.10482962.

    Examples
    --------
    >>> import numpy as np, acm_rs
    >>> acm_rs.column_median_mad(np.array([[1.0, 5.0], [2.0, np.nan], [9.0, 7.0]]))
    (array([2., 6.]), array([1., 1.]))
    """
    if isinstance(x, np.ndarray):
        return _native.column_median_mad(x, scale)
    sheet = Sheet(x, "x")
    median, mad = _native.column_median_mad(sheet.values, scale)
    return sheet.by_sensor(median, "median"), sheet.by_sensor(mad, "mad")


def column_quantiles(x: Table, q: Numbers) -> Any:
    """Quantiles of each column, linearly interpolated.

    Parameters
    ----------
    x : array of float64 or float32, or frame, shape (n, d) or (n,)
        Rows = time; columns = sensors. Arrays of any memory layout are read where they lie, frames column by
        column; nothing is changed.
    q : float or sequence of float
        Quantiles in [0, 1].

    Returns
    -------
    array or frame
        Shape (k, d) for k quantiles, (d,) for one number; in the dtype of ``x``.

    Raises
    ------
    TypeError
        ``x`` is neither a float array nor a frame of numbers, ``q`` no number or sequence of numbers.
    ValueError
        Wrong shape, or a quantile outside [0, 1].

    Notes
    -----
    NaN and infinity are missing and skipped; a column of nothing else is NaN. The linear method of NumPy and pandas,
    which is definition 7 of [1]_, rounded once. All quantiles come from the same passes over the data.

    .. [1] Hyndman & Fan, Sample quantiles in statistical packages, The American Statistician 50, 1996,
       doi:10.1080/00031305.1996.10473566.

    Examples
    --------
    >>> import numpy as np, acm_rs
    >>> acm_rs.column_quantiles(np.array([[1.0, 10.0], [2.0, 20.0], [4.0, 40.0]]), [0.5, 0.75])
    array([[ 2., 20.],
           [ 3., 30.]])
    """
    if isinstance(x, np.ndarray):
        return _native.column_quantiles(x, q)
    sheet = Sheet(x, "x")
    found = _native.column_quantiles(sheet.values, q)
    if found.ndim == 1:
        return sheet.by_sensor(found, "quantile")
    return sheet.sensors_across(found, list(np.asarray(q)))


def column_moments(x: Table) -> tuple[Any, Any, Any, Any, Any]:
    """Count, mean, standard deviation, skewness and kurtosis of each column.

    Parameters
    ----------
    x : array of float64 or float32, or frame, shape (n, d) or (n,)
        Rows = time; columns = sensors. Arrays of any memory layout are read where they lie, frames column by
        column; nothing is changed.

    Returns
    -------
    count : ndarray of int64, shape (d,)
        Values that are not missing.
    mean, std, skew, kurt : ndarray, shape (d,)
        In the dtype of ``x``: mean, standard deviation (``ddof=1``), skewness and excess kurtosis, both bias-corrected.

    Raises
    ------
    TypeError
        ``x`` is neither a float array nor a frame of numbers.
    ValueError
        Wrong shape.

    Notes
    -----
    NaN and infinity are missing and skipped. NaN for the mean of nothing, the deviation of fewer than 2 values, the
    skewness of fewer than 3, the kurtosis of fewer than 4, and for both of a constant, whose deviation is exactly 0.
    Blocks of rows are summarised about a value of their own and merged [1]_, so a level of 1e9 takes no digits from
    deviations of 1e-3. Deviations from the mean beyond about 1e154, whose squares exceed the largest float64, make the
    standard deviation infinite.

    .. [1] Pébay, Formulas for robust, one-pass parallel computation of covariances and arbitrary-order statistical
       moments, Sandia SAND2008-6212, 2008.

    Examples
    --------
    >>> import numpy as np, acm_rs
    >>> count, mean, std, skew, kurt = acm_rs.column_moments(np.array([1.0, 2.0, np.nan, 3.0, 6.0]))
    >>> count, mean, std.round(6), skew.round(6), kurt.round(6)
    (array([4]), array([3.]), array([2.160247]), array([1.19034]), array([1.5]))
    """
    if isinstance(x, np.ndarray):
        return _native.column_moments(x)
    sheet = Sheet(x, "x")
    found = _native.column_moments(sheet.values)
    names = ("count", "mean", "std", "skew", "kurt")
    count, mean, std, skew, kurt = (sheet.by_sensor(one, name) for one, name in zip(found, names, strict=True))
    return count, mean, std, skew, kurt


def zscore(x: X, center: PerSensor | None = None, scale: PerSensor | None = None, *, out: Floats | None = None) -> X:
    """Each column less its centre, over its scale; robust by default.

    Parameters
    ----------
    x : array of float64 or float32, or frame, shape (n, d) or (n,)
        Rows = time; columns = sensors. Arrays of any memory layout are read where they lie, frames column by
        column; nothing is changed.
    center : float or ndarray of float, shape (d,), optional
        What is subtracted, used as it is; by default the median of each column.
    scale : float or ndarray of float, shape (d,), optional
        What is divided by, used as it is; by default 1.4826 times the median absolute deviation of each column, at
        least 1e-9.
    out : ndarray, optional
        Where to put the result: shape and dtype of ``x``, no memory shared with ``x``.

    Returns
    -------
    array or frame
        Shape and dtype of ``x``.

    Raises
    ------
    TypeError
        An argument is not of its type.
    ValueError
        An array has the wrong shape.

    Notes
    -----
    ``(x - center) / scale``. NaN and infinity are missing: NaN in the result, and skipped where medians are found. The
    median of an even count is used before its rounding. Median and median absolute deviation stand for mean and
    deviation as in [1]_.

    .. [1] Hampel, The influence curve and its role in robust estimation, Journal of the American Statistical
       Association 69, 1974, doi:10.1080/01621459.1974.10482962.

    Examples
    --------
    >>> import numpy as np, acm_rs
    >>> acm_rs.zscore(np.array([1.0, 2.0, 3.0, np.nan, 100.0]), scale=0.5)
    array([ -3.,  -1.,   1.,  nan, 195.])
    """
    return same(_native.zscore, x, out, center=per_sensor(center, x, "center"), scale=per_sensor(scale, x, "scale"))


def impute(
    x: X,
    method: Literal["median", "ffill", "bfill", "interpolate", "time", "zero"] = "median",
    fill: PerSensor | None = None,
    limit: int | None = None,
    *,
    max_gap: Window | None = None,
    times: Times | None = None,
    out: Floats | None = None,
) -> X:
    """A copy with its missing values filled.

    Parameters
    ----------
    x : array of float64 or float32, or frame, shape (n, d) or (n,)
        Rows = time, oldest first; columns = sensors. Any memory layout; never changed.
    method : {"median", "ffill", "bfill", "interpolate", "time", "zero"}, default "median"
        The column's median; the last value before the gap; the next value after it; the line between the two, by rows
        or by ``times``, and after the last value that value; or 0.
    fill : float or ndarray of float, shape (d,), optional
        With "median": takes the place of the median of each column for which it is a number, not NaN or infinity.
    limit : int, optional
        Most rows of a gap that are filled: its first ones, with "bfill" its last ones. By default all.
    max_gap : int or duration, optional
        The longest gap that is filled; longer ones stay missing as a whole. Missing rows, or how far apart the values
        around the gap are, with ``times``: ``"2h"``, a `numpy.timedelta64` or `datetime.timedelta`; a gap at the start
        or the end counts from the first row or to the last. By default all.
    times : array of datetime64 or int64, shape (n,), series or str, optional
        When each row was taken, oldest first; equal ones may follow each other. int64 are nanoseconds. Of a frame also
        ``"index"``, or the name of a column; where they are needed, its index of dates or its only column of dates
        serves by itself.
    out : ndarray, optional
        Where to put the result: shape and dtype of ``x``, no memory shared with ``x``.

    Returns
    -------
    array or frame
        Shape and dtype of ``x``.

    Raises
    ------
    TypeError
        An argument is not of its type.
    ValueError
        An unknown method, a ``limit`` or ``max_gap`` below 1, a ``fill`` without "median", times that are lacking or go
        back, or an array of the wrong shape.

    Notes
    -----
    NaN and infinity are missing, and both are filled. What cannot be filled is NaN: before the first value with
    "ffill", "interpolate" and "time", after the last with "bfill", and beyond the limit. A column of nothing stays NaN
    but with "zero" or ``fill``. Where no time passes over a gap, the value before it fills it. The numbers are those of
    `DataFrame.ffill`, `bfill` and `interpolate` in pandas; there ``fillna(value, limit)`` counts over the whole column,
    here every gap by itself.

    Examples
    --------
    >>> import numpy as np, acm_rs
    >>> x = np.array([1.0, np.nan, np.nan, np.inf, 5.0, 9.0])
    >>> acm_rs.impute(x)
    array([1., 5., 5., 5., 5., 9.])
    >>> acm_rs.impute(x, "interpolate", limit=2)
    array([ 1.,  2.,  3., nan,  5.,  9.])

    One row missed is a line; a day of them is not to be made up:

    >>> hours = np.array([0, 1, 3, 4, 27, 28], "datetime64[h]")
    >>> x = np.array([1.0, np.nan, 7.0, np.nan, np.nan, 9.0])
    >>> acm_rs.impute(x, "time", max_gap="6h", times=hours)
    array([ 1.,  3.,  7., nan, nan,  9.])
    """
    sheet = None if isinstance(x, np.ndarray) else Sheet(x, "x", times)
    # The frame's own times where a duration is asked about, as windows have it.
    moments = stamps(times) if sheet is None else sheet.times(times, "1s" if method == "time" else max_gap)
    reach = {name: value for name, value in (("max_gap", max_gap), ("times", moments)) if value is not None}
    fill = per_sensor(fill, x, "fill")
    values = x if sheet is None else sheet.values
    found = _native.impute(values, method=method, fill=fill, limit=limit, out=out, **reach)
    return found if sheet is None or out is not None else sheet.like(found)


def _each(lags: int | Sequence[int] | NDArray[np.integer[Any]]) -> Iterable[int]:
    """The lags, of which a number stands for all from 1 on."""
    if isinstance(lags, Sequence | np.ndarray):
        return islice(lags, MOST)
    return range(1, min(operator.index(lags), MOST) + 1)


def lag_matrix(x: XF, lags: int | Sequence[int] | NDArray[np.integer[Any]], *, out: Floats | None = None) -> XF:
    """Every column shifted down by every lag.

    Parameters
    ----------
    x : array of float64 or float32, or frame, shape (n, d) or (n,)
        Rows = time, oldest first; columns = sensors. Any memory layout; never changed.
    lags : int or sequence of int
        The lags, in rows, at least 0; one whole number L stands for 1, 2, ... L.
    out : ndarray, optional
        Where to put the result: right shape, dtype of ``x``, no memory shared with ``x``.

    Returns
    -------
    array or frame
        Shape (n, d * k) for k lags, those of a column adjacent: ``x[t - lag, j]``, NaN above the first row. 1-D where
        ``x`` is and there is one lag.

    Raises
    ------
    TypeError
        ``x`` is neither a float array nor a frame of numbers, or ``out`` no float array.
    ValueError
        A lag is no whole number in its range, there is none, or an array has the wrong shape.

    Notes
    -----
    Values are copied as they are, NaN and infinity too.

    Examples
    --------
    >>> import numpy as np, acm_rs
    >>> acm_rs.lag_matrix(np.array([[1.0, 4.0], [2.0, 5.0], [3.0, 6.0]]), [0, 2])
    array([[ 1., nan,  4., nan],
           [ 2., nan,  5., nan],
           [ 3.,  1.,  6.,  4.]])
    """
    tails = None if isinstance(x, np.ndarray) else [f"lag{lag}" for lag in _each(lags)]
    return same(_native.lag_matrix, x, out, tails=tails, lags=lags)
