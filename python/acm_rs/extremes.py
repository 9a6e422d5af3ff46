"""Least and greatest values of a window that ends at each row."""

from __future__ import annotations

from acm_rs import _native
from acm_rs.frames import By, Closed, Floats, Times, Window, X
from acm_rs.kernels import windowed

__all__ = ["rolling_max", "rolling_min", "rolling_range"]


def rolling_min(
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
    """Rolling minimum of each column.

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
    NaN and infinity are missing and skipped.
    The time for a row does not depend on the window: van Herk, Gil and Werman's blocks [1]_.

    .. [1] Gil and Werman, Computing 2-D min, median, and max filters, IEEE PAMI 15 (5), 1993.

    Examples
    --------
    >>> import numpy as np, acm_rs
    >>> acm_rs.rolling_min(np.array([3.0, 1.0, 2.0, 5.0]), 2)
    array([3., 1., 1., 2.])
    """
    return windowed(_native.rolling_min, x, window, min_periods, center, closed, step, times, out, first_row, by)


def rolling_max(
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
    """Rolling maximum of each column.

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
    NaN and infinity are missing and skipped.
    The time for a row does not depend on the window: van Herk, Gil and Werman's blocks [1]_.

    .. [1] Gil and Werman, Computing 2-D min, median, and max filters, IEEE PAMI 15 (5), 1993.

    Examples
    --------
    >>> import numpy as np, acm_rs
    >>> acm_rs.rolling_max(np.array([3.0, 1.0, 2.0, 5.0]), 2)
    array([3., 3., 2., 5.])
    """
    return windowed(_native.rolling_max, x, window, min_periods, center, closed, step, times, out, first_row, by)


def rolling_range(
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
    """Rolling range of each column: the maximum less the minimum.

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
    NaN and infinity are missing and skipped. Rounded once and never negative; infinite where the difference exceeds the
    largest number of the dtype. The time for a row does not depend on the window: van Herk, Gil and Werman's blocks
    [1]_.

    .. [1] Gil and Werman, Computing 2-D min, median, and max filters, IEEE PAMI 15 (5), 1993.

    Examples
    --------
    >>> import numpy as np, acm_rs
    >>> acm_rs.rolling_range(np.array([3.0, 1.0, 2.0, 5.0]), 2)
    array([0., 2., 1., 3.])
    """
    return windowed(_native.rolling_range, x, window, min_periods, center, closed, step, times, out, first_row, by)
