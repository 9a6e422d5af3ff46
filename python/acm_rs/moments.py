"""Variance, deviation and shape of a window that ends at each row."""

from __future__ import annotations

from acm_rs import _native
from acm_rs.frames import XF, By, Closed, Floats, Times, Window, X
from acm_rs.kernels import windowed, windowed_f64

__all__ = ["rolling_kurt", "rolling_mean_std", "rolling_mean_std_f64", "rolling_skew", "rolling_std", "rolling_var"]


def rolling_var(
    x: X,
    window: Window,
    min_periods: int | None = 1,
    *,
    ddof: int = 1,
    center: bool = False,
    closed: Closed | None = None,
    step: int = 1,
    times: Times | None = None,
    out: Floats | None = None,
    first_row: int = 0,
    by: By | None = None,
) -> X:
    """Rolling variance of each column.

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
    ddof : int, default 1
        The divisor is the count minus ``ddof``.
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
    NaN and infinity are missing and skipped. NaN while fewer than ``ddof + 1`` values remain. A constant window
    gives exactly 0. Merged moments [1]_, so an offset or a spike that has left the window costs no digits.

    .. [1] Pébay, Formulas for robust, one-pass parallel computation of covariances and arbitrary-order
       statistical moments, Sandia report SAND2008-6212, 2008.

    Examples
    --------
    >>> import numpy as np, acm_rs
    >>> acm_rs.rolling_var(np.array([1.0, 2.0, 4.0]), 2)
    array([nan, 0.5, 2. ])
    """
    return windowed(
        _native.rolling_var, x, window, min_periods, center, closed, step, times, out, first_row, by, ddof=ddof
    )


def rolling_std(
    x: X,
    window: Window,
    min_periods: int | None = 1,
    *,
    ddof: int = 1,
    center: bool = False,
    closed: Closed | None = None,
    step: int = 1,
    times: Times | None = None,
    out: Floats | None = None,
    first_row: int = 0,
    by: By | None = None,
) -> X:
    """Rolling standard deviation of each column.

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
    ddof : int, default 1
        The divisor is the count minus ``ddof``.
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
    NaN and infinity are missing and skipped. NaN while fewer than ``ddof + 1`` values remain. A constant window
    gives exactly 0. Merged moments [1]_, so an offset or a spike that has left the window costs no digits.

    .. [1] Pébay, Formulas for robust, one-pass parallel computation of covariances and arbitrary-order
       statistical moments, Sandia report SAND2008-6212, 2008.

    Examples
    --------
    >>> import numpy as np, acm_rs
    >>> acm_rs.rolling_std(1e9 + np.array([0.0, 2.0, 4.0]), 3)
    array([       nan, 1.41421356, 2.        ])
    """
    return windowed(
        _native.rolling_std, x, window, min_periods, center, closed, step, times, out, first_row, by, ddof=ddof
    )


def rolling_mean_std(
    x: XF,
    window: Window,
    min_periods: int | None = 1,
    *,
    ddof: int = 1,
    center: bool = False,
    closed: Closed | None = None,
    step: int = 1,
    times: Times | None = None,
    out: Floats | None = None,
    first_row: int = 0,
    by: By | None = None,
) -> XF:
    """Rolling mean and standard deviation of each column, in one pass.

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
    ddof : int, default 1
        The divisor is the count minus ``ddof``.
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
        Shape (n, 2 d): mean and standard deviation of a column adjacent.

    Raises
    ------
    TypeError
        ``x`` is neither a float array nor a frame of numbers, or ``out`` no float array.
    ValueError
        An argument out of range, wrong shape, times that go back, or ``out`` does not fit.

    Notes
    -----
    NaN and infinity are missing and skipped. NaN while fewer than ``ddof + 1`` values remain. A constant window
    gives exactly 0. Merged moments [1]_, so an offset or a spike that has left the window costs no digits.

    .. [1] Pébay, Formulas for robust, one-pass parallel computation of covariances and arbitrary-order
       statistical moments, Sandia report SAND2008-6212, 2008.

    Examples
    --------
    >>> import numpy as np, acm_rs
    >>> acm_rs.rolling_mean_std(np.array([[1.0], [3.0]]), 2)
    array([[1.        ,        nan],
           [2.        , 1.41421356]])
    """
    return windowed(
        _native.rolling_mean_std,
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
        tails=("mean", "std"),
        ddof=ddof,
    )


def rolling_skew(
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
    """Rolling skewness of each column, bias-corrected.

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
    NaN and infinity are missing and skipped. NaN while fewer than 3 values remain and where the window is constant.
    G1 of [1]_, from merged moments: exact at any offset.

    .. [1] Joanes and Gill, Comparing measures of sample skewness and kurtosis, The Statistician 47 (1), 1998.

    Examples
    --------
    >>> import numpy as np, acm_rs
    >>> acm_rs.rolling_skew(np.array([1.0, 2.0, 4.0]), 3)
    array([       nan,        nan, 0.93521953])
    """
    return windowed(_native.rolling_skew, x, window, min_periods, center, closed, step, times, out, first_row, by)


def rolling_kurt(
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
    """Rolling excess kurtosis of each column, bias-corrected.

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
    NaN and infinity are missing and skipped. NaN while fewer than 4 values remain and where the window is constant.
    G2 of [1]_, from merged moments: exact at any offset.

    .. [1] Joanes and Gill, Comparing measures of sample skewness and kurtosis, The Statistician 47 (1), 1998.

    Examples
    --------
    >>> import numpy as np, acm_rs
    >>> acm_rs.rolling_kurt(np.array([1.0, 2.0, 4.0, 8.0]), 4)
    array([       nan,        nan,        nan, 0.75765595])
    """
    return windowed(_native.rolling_kurt, x, window, min_periods, center, closed, step, times, out, first_row, by)


def rolling_mean_std_f64(data: XF, window: int, min_periods: int | None = 1) -> XF:
    """Rolling mean and standard deviation (ddof 1) of float64 columns: `rolling_mean_std` under its migration name.

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
        Shape (n, 2 d): mean and standard deviation of a column adjacent.

    Raises
    ------
    TypeError
        ``data`` is no float64 array.
    ValueError
        ``window`` or ``min_periods`` out of range, or wrong shape.

    Examples
    --------
    >>> import numpy as np, acm_rs
    >>> acm_rs.rolling_mean_std_f64(np.array([2.0, 2.0]), 2)
    array([[ 2., nan],
           [ 2.,  0.]])
    """
    return windowed_f64(_native.rolling_mean_std_f64, data, window, min_periods, ("mean", "std"))
