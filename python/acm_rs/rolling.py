"""Sums, means and slopes of a window that ends at each row."""

from __future__ import annotations

from acm_rs import _native
from acm_rs.frames import By, Closed, Duration, Floats, Times, Window, X
from acm_rs.kernels import windowed

__all__ = ["rolling_mean", "rolling_slope", "rolling_sum", "rolling_time_mean"]


def rolling_sum(
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
    """Rolling sum of each column.

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
    NaN and infinity are missing and skipped. With ``min_periods=0`` the sum of nothing is 0.
    Compensated summation [1]_: the exact sum but for its last rounding.

    .. [1] Knuth, The Art of Computer Programming, volume 2, section 4.2.2.

    Examples
    --------
    >>> import numpy as np, acm_rs
    >>> acm_rs.rolling_sum(np.array([1.0, 2.0, np.nan, 4.0]), 2)
    array([1., 3., 2., 4.])
    """
    return windowed(_native.rolling_sum, x, window, min_periods, center, closed, step, times, out, first_row, by)


def rolling_mean(
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
    """Rolling mean of each column.

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
    Compensated summation [1]_: a constant window gives its constant exactly.

    .. [1] Knuth, The Art of Computer Programming, volume 2, section 4.2.2.

    Examples
    --------
    >>> import numpy as np, acm_rs
    >>> acm_rs.rolling_mean(np.array([1.0, 2.0, np.nan, 4.0]), 2)
    array([1. , 1.5, 2. , 4. ])
    """
    return windowed(_native.rolling_mean, x, window, min_periods, center, closed, step, times, out, first_row, by)


def rolling_time_mean(
    x: X,
    window: Duration,
    min_periods: int | None = 1,
    *,
    hold: Duration | None = None,
    step: int = 1,
    times: Times | None = None,
    out: Floats | None = None,
    first_row: int = 0,
    by: By | None = None,
) -> X:
    """Rolling time-weighted mean of each column: a reading counts for as long as it stood.

    Parameters
    ----------
    x : array of float64 or float32, frame or series, shape (n, d) or (n,)
        Rows = time, oldest first; columns = sensors. Arrays of any memory layout are read where they lie, frames column
        by column; nothing is changed.
    window : duration
        How long it lasts: ``"2h"``, ``"90s"``, a `numpy.timedelta64` or `datetime.timedelta`; row t sees the time from
        ``times[t] - window`` to ``times[t]``.
    min_periods : int or None, default 1
        Non-missing readings a result needs, in the window or from before it and holding into it; NaN where fewer are.
        None: 1.
    hold : duration, optional
        How long a reading holds at most. After that, until the next one, nothing is known, and that time counts for
        nothing. By default it holds until the next one, however long.
    step : int, default 1
        Evaluate only the rows whose absolute index is a multiple of it: 0, step, 2 step, ...
    times : array of datetime64 or int64, shape (n,), series or str, optional
        When each row was taken, oldest first; equal ones may follow each other. int64 are nanoseconds. Of a frame also
        ``"index"``, or the name of a column; its index of dates or its only column of dates serves by itself.
    out : ndarray, optional
        Where to put the result: right shape, dtype of ``x``, no memory shared with ``x``.
    first_row : int, default 0
        Absolute index of the first row of ``x``, where ``x`` is a piece of a longer history. Give a piece all other
        rows in its windows as well, and of each sensor the last reading before them, and drop their results: the rest
        equals the whole to the last bit. With ``hold`` no reading further back than that is needed.
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
        ``x`` is neither a float array nor a frame of numbers, ``hold`` no duration, or ``out`` no float array.
    ValueError
        A window of rows, another argument out of range, wrong shape, times that go back, or ``out`` does not fit.

    See Also
    --------
    rolling_mean : where every reading counts alike.

    Notes
    -----
    With f(s) the newest reading at or before the instant s::

        y[t] = 1 / |K| * integral over K of f(s) ds

    where K is the part of ``[times[t] - window, times[t]]`` in which there is such a reading, no older than ``hold``.
    So the reading before a window holds into it, and the one of row t itself, which has not stood for any time, counts
    from then on. Where no time at all counts, as in the first row, the result is the newest reading of that instant.

    NaN and infinity are missing and skipped, as if their rows were not there: the reading before them holds on. Sums
    are compensated, as in `rolling_mean`: neither long windows nor readings that balance each other cost digits. The
    time for a row does not depend on the window: van Herk's blocks [1]_.

    .. [1] van Herk, A fast algorithm for local minimum and maximum filters on rectangular and octagonal kernels,
       Pattern Recognition Letters 13, 1992, doi:10.1016/0167-8655(92)90069-C.

    Examples
    --------
    A valve stood at 10 for an hour, then at 90 for a minute:

    >>> import numpy as np, acm_rs
    >>> times = np.array(["2024-05-01T10:00", "2024-05-01T11:00", "2024-05-01T11:01"], "datetime64[m]")
    >>> acm_rs.rolling_time_mean(np.array([10.0, 90.0, 10.0]), "2h", times=times).round(2)
    array([10.  , 10.  , 11.31])
    >>> acm_rs.rolling_mean(np.array([10.0, 90.0, 10.0]), "2h", times=times).round(2)
    array([10.  , 50.  , 36.67])
    """
    return windowed(
        _native.rolling_time_mean, x, window, min_periods, False, None, step, times, out, first_row, by, hold=hold
    )


def rolling_slope(
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
    """Rolling least-squares slope of each column against its rows or times.

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
    NaN and infinity are missing and skipped. The slope is that of the remaining values against their own rows, in units
    of ``x`` per row, or per second where ``times`` is given; 0 where one value remains, or all are of one instant.
    Least squares by the normal equations, from exact products [1]_ and compensated sums: neither an offset nor spikes
    that balance each other cost digits, nor does the size of the values.

    .. [1] Dekker, A floating-point technique for extending the available precision, Numerische Mathematik 18, 1971.

    Examples
    --------
    >>> import numpy as np, acm_rs
    >>> acm_rs.rolling_slope(np.array([1.0, 3.0, np.nan, 7.0]), 3)
    array([0., 2., 2., 2.])
    """
    return windowed(_native.rolling_slope, x, window, min_periods, center, closed, step, times, out, first_row, by)
