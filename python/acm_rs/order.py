"""Middle values and quantiles of a window that ends at each row."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import islice

import numpy as np

from acm_rs import _native
from acm_rs.frames import MOST, XF, By, Closed, Floats, Numbers, Times, Window, X, vector
from acm_rs.kernels import windowed, windowed_f64

__all__ = ["rolling_mad", "rolling_mad_f64", "rolling_median", "rolling_median_f64", "rolling_quantile"]


def levels(x: object, q: Numbers) -> list[str] | None:
    """What the results of several quantiles of a frame are called; one is called as the sensor."""
    if (
        isinstance(x, np.ndarray)
        or not isinstance(q, Sequence | np.ndarray)
        or isinstance(q, str)
        or getattr(q, "ndim", 1) == 0
    ):
        return None
    return [f"q{level}" for level in islice(q, MOST)]


def rolling_median(
    x: X,
    window: Window,
    min_periods: int | None = 1,
    *,
    center: bool = False,
    closed: Closed | None = None,
    step: int = 1,
    times: Times | None = None,
    out: Floats | None = None,
    first_row: int = 0,
    by: By | None = None,
) -> X:
    """Rolling median of each column.

    Parameters
    ----------
    x : array of float64 or float32, frame or series, shape (n, d) or (n,)
        Rows = time, oldest first; columns = sensors. Arrays of any memory layout are read where they lie, frames column
        by column; nothing is changed.
    window : int or duration
        Rows of the window: row t sees rows t - window + 1 to t; longer than the data it works as an expanding window.
        Or how long it lasts, with ``times``: ``"2h"``, ``"90s"``, a `numpy.timedelta64` or `datetime.timedelta`; row t
        sees the rows up to itself that are later than ``times[t] - window``.
    min_periods : int or None, default 1
        Non-missing values a result needs; NaN where fewer remain. None, as in pandas: the window, or 1 for a duration.
    center : bool, default False
        Put each row in the middle of its window, as pandas does, instead of at its end.
    closed : {"right", "left", "both", "neither"}, optional
        Which of its two ends a window holds, as in pandas. They are row t and the row, or the instant, a window before
        it: "right", the default, holds row t; "left" the other, so that row t sees only what was before it.
    step : int, default 1
        Evaluate only the rows whose absolute index is a multiple of it: 0, step, 2 step, ...
    times : array of datetime64 or int64, shape (n,), series or str, optional
        When each row was taken, oldest first; equal ones may follow each other. int64 are nanoseconds. Of a frame also
        ``"index"``, or the name of a column; where ``window`` is a duration, its index of dates or its only column of
        dates serves by itself.
    out : ndarray, optional
        Where to put the result: right shape, dtype of ``x``, no memory shared with ``x``.
    first_row : int, default 0
        Absolute index of the first row of ``x``, where ``x`` is a piece of a longer history. Give a piece all other
        rows that its windows see as well and drop their results: the rest equals the whole to the last bit.
    by : sequence, array or series of labels, shape (n,), or str, optional
        A label for each row, or the name of a frame's column of them: each group's rows, in their order, are a history
        of their own, and only within a group need times be in order. Results stand in the order of the rows. A missing
        label is an error.

    Returns
    -------
    array, frame or series
        Of the kind and shape of ``x``; with ``step`` fewer rows. A frame keeps its index and names.

    Raises
    ------
    TypeError
        ``x`` is neither a float array nor a frame of numbers, or ``out`` no float array.
    ValueError
        An argument out of range, wrong shape, times that go back, or ``out`` does not fit.

    Notes
    -----
    NaN and infinity are missing and skipped. Exact. Short windows are kept sorted, eight columns at a time; long
    ones are ranked in chunks [1]_, so the time for a row does not grow with the window.

    .. [1] Suomela, Median filtering is equivalent to sorting, arXiv 1406.1717, 2014.

    Examples
    --------
    >>> import numpy as np, acm_rs
    >>> acm_rs.rolling_median(np.array([1.0, 9.0, 2.0, np.nan, 4.0]), 3)
    array([1. , 5. , 2. , 5.5, 3. ])
    """
    return windowed(_native.rolling_median, x, window, min_periods, center, closed, step, times, out, first_row, by)


def rolling_mad(
    x: X,
    window: Window,
    min_periods: int | None = 1,
    *,
    scale: float = 1.0,
    center: bool = False,
    closed: Closed | None = None,
    step: int = 1,
    times: Times | None = None,
    out: Floats | None = None,
    first_row: int = 0,
    by: By | None = None,
) -> X:
    """Rolling median absolute deviation of each column.

    Parameters
    ----------
    x : array of float64 or float32, frame or series, shape (n, d) or (n,)
        Rows = time, oldest first; columns = sensors. Arrays of any memory layout are read where they lie, frames column
        by column; nothing is changed.
    window : int or duration
        Rows of the window: row t sees rows t - window + 1 to t; longer than the data it works as an expanding window.
        Or how long it lasts, with ``times``: ``"2h"``, ``"90s"``, a `numpy.timedelta64` or `datetime.timedelta`; row t
        sees the rows up to itself that are later than ``times[t] - window``.
    min_periods : int or None, default 1
        Non-missing values a result needs; NaN where fewer remain. None, as in pandas: the window, or 1 for a duration.
    scale : float, default 1.0
        Factor of the result; 1.4826 makes it estimate the standard deviation of normal data.
    center : bool, default False
        Put each row in the middle of its window, as pandas does, instead of at its end.
    closed : {"right", "left", "both", "neither"}, optional
        Which of its two ends a window holds, as in pandas. They are row t and the row, or the instant, a window before
        it: "right", the default, holds row t; "left" the other, so that row t sees only what was before it.
    step : int, default 1
        Evaluate only the rows whose absolute index is a multiple of it: 0, step, 2 step, ...
    times : array of datetime64 or int64, shape (n,), series or str, optional
        When each row was taken, oldest first; equal ones may follow each other. int64 are nanoseconds. Of a frame also
        ``"index"``, or the name of a column; where ``window`` is a duration, its index of dates or its only column of
        dates serves by itself.
    out : ndarray, optional
        Where to put the result: right shape, dtype of ``x``, no memory shared with ``x``.
    first_row : int, default 0
        Absolute index of the first row of ``x``, where ``x`` is a piece of a longer history. Give a piece all other
        rows that its windows see as well and drop their results: the rest equals the whole to the last bit.
    by : sequence, array or series of labels, shape (n,), or str, optional
        A label for each row, or the name of a frame's column of them: each group's rows, in their order, are a history
        of their own, and only within a group need times be in order. Results stand in the order of the rows. A missing
        label is an error.

    Returns
    -------
    array, frame or series
        Of the kind and shape of ``x``; with ``step`` fewer rows. A frame keeps its index and names.

    Raises
    ------
    TypeError
        ``x`` is neither a float array nor a frame of numbers, or ``out`` no float array.
    ValueError
        An argument out of range, wrong shape, times that go back, or ``out`` does not fit.

    Notes
    -----
    The median of ``abs(x - median(x))`` of each window, about that window's own median. NaN and infinity are missing
    and skipped. Exact, from the same sorted window as the median.

    Examples
    --------
    >>> import numpy as np, acm_rs
    >>> acm_rs.rolling_mad(np.array([1.0, 9.0, 2.0, np.nan, 4.0]), 3)
    array([0. , 4. , 1. , 3.5, 1. ])
    """
    return windowed(
        _native.rolling_mad, x, window, min_periods, center, closed, step, times, out, first_row, by, scale=scale
    )


def rolling_quantile(
    x: XF,
    window: Window,
    q: Numbers,
    min_periods: int | None = 1,
    *,
    center: bool = False,
    closed: Closed | None = None,
    step: int = 1,
    times: Times | None = None,
    out: Floats | None = None,
    first_row: int = 0,
    by: By | None = None,
) -> XF:
    """Rolling quantiles of each column, linearly interpolated.

    Parameters
    ----------
    x : array of float64 or float32, frame or series, shape (n, d) or (n,)
        Rows = time, oldest first; columns = sensors. Arrays of any memory layout are read where they lie, frames column
        by column; nothing is changed.
    window : int or duration
        Rows of the window: row t sees rows t - window + 1 to t; longer than the data it works as an expanding window.
        Or how long it lasts, with ``times``: ``"2h"``, ``"90s"``, a `numpy.timedelta64` or `datetime.timedelta`; row t
        sees the rows up to itself that are later than ``times[t] - window``.
    q : float or sequence of float
        Quantiles in [0, 1].
    min_periods : int or None, default 1
        Non-missing values a result needs; NaN where fewer remain. None, as in pandas: the window, or 1 for a duration.
    center : bool, default False
        Put each row in the middle of its window, as pandas does, instead of at its end.
    closed : {"right", "left", "both", "neither"}, optional
        Which of its two ends a window holds, as in pandas. They are row t and the row, or the instant, a window before
        it: "right", the default, holds row t; "left" the other, so that row t sees only what was before it.
    step : int, default 1
        Evaluate only the rows whose absolute index is a multiple of it: 0, step, 2 step, ...
    times : array of datetime64 or int64, shape (n,), series or str, optional
        When each row was taken, oldest first; equal ones may follow each other. int64 are nanoseconds. Of a frame also
        ``"index"``, or the name of a column; where ``window`` is a duration, its index of dates or its only column of
        dates serves by itself.
    out : ndarray, optional
        Where to put the result: right shape, dtype of ``x``, no memory shared with ``x``.
    first_row : int, default 0
        Absolute index of the first row of ``x``, where ``x`` is a piece of a longer history. Give a piece all other
        rows that its windows see as well and drop their results: the rest equals the whole to the last bit.
    by : sequence, array or series of labels, shape (n,), or str, optional
        A label for each row, or the name of a frame's column of them: each group's rows, in their order, are a history
        of their own, and only within a group need times be in order. Results stand in the order of the rows. A missing
        label is an error.

    Returns
    -------
    array or frame
        Shape (n, d * k) for k quantiles, those of a column adjacent; shape of ``x`` for one number.

    Raises
    ------
    TypeError
        ``x`` is neither a float array nor a frame of numbers, or ``out`` no float array.
    ValueError
        An argument out of range, wrong shape, times that go back, or ``out`` does not fit.

    Notes
    -----
    NaN and infinity are missing and skipped. All quantiles come from one sorted window.

    Examples
    --------
    >>> import numpy as np, acm_rs
    >>> acm_rs.rolling_quantile(np.array([1.0, 2.0, 4.0]), 3, [0.5, 0.9])
    array([[1. , 1. ],
           [1.5, 1.9],
           [2. , 3.6]])
    """
    q = vector(q, "q")
    return windowed(
        _native.rolling_quantile,
        x,
        window,
        min_periods,
        center,
        closed,
        step,
        times,
        out,
        first_row,
        by,
        tails=levels(x, q),
        q=q,
    )


def rolling_median_f64(data: X, window: int, min_periods: int | None = 1) -> X:
    """Rolling median of float64 columns: `rolling_median` under its migration name.

    Parameters
    ----------
    data : ndarray of float64, shape (n, d) or (n,)
        Rows = time, oldest first; columns = sensors.
    window : int
        Rows of the trailing window.
    min_periods : int or None, default 1
        Non-missing values a result needs. None, as in pandas: the window, or 1 for a duration.

    Returns
    -------
    array or frame
        Shape of ``data``.

    Raises
    ------
    TypeError
        ``data`` is no float64 array.
    ValueError
        ``window`` or ``min_periods`` out of range, or wrong shape.

    Examples
    --------
    >>> import numpy as np, acm_rs
    >>> acm_rs.rolling_median_f64(np.array([2.0, 4.0]), 2)
    array([2., 3.])
    """
    return windowed_f64(_native.rolling_median_f64, data, window, min_periods)


def rolling_mad_f64(data: X, window: int, min_periods: int | None = 1) -> X:
    """Rolling median absolute deviation of float64 columns: `rolling_mad` under its migration name.

    Parameters
    ----------
    data : ndarray of float64, shape (n, d) or (n,)
        Rows = time, oldest first; columns = sensors.
    window : int
        Rows of the trailing window.
    min_periods : int or None, default 1
        Non-missing values a result needs. None, as in pandas: the window, or 1 for a duration.

    Returns
    -------
    array or frame
        Shape of ``data``.

    Raises
    ------
    TypeError
        ``data`` is no float64 array.
    ValueError
        ``window`` or ``min_periods`` out of range, or wrong shape.

    Examples
    --------
    >>> import numpy as np, acm_rs
    >>> acm_rs.rolling_mad_f64(np.array([2.0, 4.0]), 2)
    array([0., 1.])
    """
    return windowed_f64(_native.rolling_mad_f64, data, window, min_periods)
