"""Rolling statistics of two sensors."""

from __future__ import annotations

import operator
from collections.abc import Hashable, Sequence
from itertools import permutations
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from acm_rs import _native
from acm_rs.frames import XF, By, Closed, Floats, Sheet, Table, Times, Window, X, listed
from acm_rs.kernels import windowed

__all__ = ["rolling_corr", "rolling_cov", "rolling_lag_corr"]

Pairs: TypeAlias = Sequence[tuple[int | str, int | str]] | NDArray[np.intp]


def _numbered(pairs: Pairs | None, labels: list[Hashable]) -> Any:
    """Pairs with the numbers of the columns that they name; what is no pair of names is the engine's to refuse."""
    if not isinstance(pairs, list | tuple):
        return pairs
    place = {label: number for number, label in enumerate(labels)}
    each = [pair for pair in pairs if isinstance(pair, list | tuple)]
    strange = [one for pair in each for one in pair if isinstance(one, str) and one not in place]
    if strange:
        raise ValueError(f"`pairs` must name columns of `x`, got {listed(strange)}; columns: {listed(labels)}")
    return [
        tuple(place[one] if isinstance(one, str) else one for one in pair) if isinstance(pair, list | tuple) else pair
        for pair in pairs
    ]


def lag_names(names: Sequence[str], pairs: Any, max_lag: int) -> list[str]:
    """What the results of pairs of columns, by their numbers, are called; those of all pairs by default."""
    each = permutations(range(len(names)), 2) if pairs is None else pairs
    return [f"{names[a]}_{names[b]}_lag{lag}" for a, b in each for lag in range(operator.index(max_lag) + 1)]


def rolling_cov(
    x: X,
    y: Table,
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
    """Rolling covariance of the columns of two arrays.

    Parameters
    ----------
    x : array of float64 or float32, frame or series, shape (n, d) or (n,)
        Rows = time, oldest first; columns = sensors. Arrays of any memory layout are read where they lie, frames column
        by column; nothing is changed.
    y : array, frame or series of the same dtype, shape (n, d), (n, 1) or (n,)
        What each column of ``x`` is compared with: its own column of ``y``, or the only one.
    window : int or duration
        Rows of the window: row t sees rows t - window + 1 to t; longer than the data it works as an expanding window.
        Or how long it lasts, with ``times``: ``"2h"``, ``"90s"``, a `numpy.timedelta64` or `datetime.timedelta`; row t
        sees the rows up to itself that are later than ``times[t] - window``.
    min_periods : int or None, default 1
        Rows with both sides that a result needs; NaN where fewer remain. None, as in pandas: the window, or 1 for a
        duration.
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
        Where to put the result: right shape, dtype of ``x``, no memory shared with an input.
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
        An input or ``out`` is no float array, or they differ in dtype.
    ValueError
        An argument out of range, wrong shape, times that go back, or ``out`` does not fit.

    Notes
    -----
    A row counts where neither side is missing (NaN or infinite). NaN while fewer than ``ddof + 1`` such rows remain.
    Merged moments [1]_, so an offset or a spike that has left the window costs no digits.

    .. [1] Pébay, Formulas for robust, one-pass parallel computation of covariances and arbitrary-order
       statistical moments, Sandia report SAND2008-6212, 2008.

    Examples
    --------
    >>> import numpy as np, acm_rs
    >>> acm_rs.rolling_cov(np.array([1.0, 2.0, 4.0]), np.array([2.0, 4.0, 4.0]), 2)
    array([nan,  1.,  0.])
    """
    return windowed(
        _native.rolling_cov, x, window, min_periods, center, closed, step, times, out, first_row, by, y=y, ddof=ddof
    )


def rolling_corr(
    x: X,
    y: Table,
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
    """Rolling Pearson correlation of the columns of two arrays.

    Parameters
    ----------
    x : array of float64 or float32, frame or series, shape (n, d) or (n,)
        Rows = time, oldest first; columns = sensors. Arrays of any memory layout are read where they lie, frames column
        by column; nothing is changed.
    y : array, frame or series of the same dtype, shape (n, d), (n, 1) or (n,)
        What each column of ``x`` is compared with: its own column of ``y``, or the only one.
    window : int or duration
        Rows of the window: row t sees rows t - window + 1 to t; longer than the data it works as an expanding window.
        Or how long it lasts, with ``times``: ``"2h"``, ``"90s"``, a `numpy.timedelta64` or `datetime.timedelta`; row t
        sees the rows up to itself that are later than ``times[t] - window``.
    min_periods : int or None, default 1
        Rows with both sides that a result needs; NaN where fewer remain. None, as in pandas: the window, or 1 for a
        duration.
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
        Where to put the result: right shape, dtype of ``x``, no memory shared with an input.
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
        Shape and dtype of ``x``, within [-1, 1]; with ``step`` fewer rows.

    Raises
    ------
    TypeError
        An input or ``out`` is no float array, or they differ in dtype.
    ValueError
        An argument out of range, wrong shape, times that go back, or ``out`` does not fit.

    Notes
    -----
    A row counts where neither side is missing (NaN or infinite). NaN while fewer than two such rows remain, and where
    either side is constant. Merged moments [1]_: as exact at 1e9 ± 1e-3 as at ± 1e-3, and at 1e-200 or 1e200 as at 1.

    .. [1] Pébay, Formulas for robust, one-pass parallel computation of covariances and arbitrary-order
       statistical moments, Sandia report SAND2008-6212, 2008.

    Examples
    --------
    >>> import numpy as np, acm_rs
    >>> acm_rs.rolling_corr(np.array([1.0, 2.0, 4.0, 3.0]), np.array([2.0, 4.0, 8.0, 9.0]), 2)
    array([nan,  1.,  1., -1.])
    """
    return windowed(_native.rolling_corr, x, window, min_periods, center, closed, step, times, out, first_row, by, y=y)


def rolling_lag_corr(
    x: XF,
    window: Window,
    max_lag: int,
    pairs: Pairs | None = None,
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
    """Rolling Pearson correlation of a column with another some rows earlier.

    Parameters
    ----------
    x : array of float64 or float32, frame or series, shape (n, d) or (n,)
        Rows = time, oldest first; columns = sensors. Arrays of any memory layout are read where they lie, frames column
        by column; nothing is changed.
    window : int or duration
        Rows of the window: row t sees rows t - window + 1 to t; longer than the data it works as an expanding window.
        Or how long it lasts, with ``times``: ``"2h"``, ``"90s"``, a `numpy.timedelta64` or `datetime.timedelta`; row t
        sees the rows up to itself that are later than ``times[t] - window``.
    max_lag : int
        Lags 0 to ``max_lag``, in rows.
    pairs : sequence of (a, b), optional
        Column numbers, or names of a frame's columns: a is compared with b so many rows earlier. By default every
        ordered pair of two columns.
    min_periods : int or None, default 1
        Rows with both sides that a result needs; NaN where fewer remain. None, as in pandas: the window, or 1 for a
        duration.
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
        rows that its windows see, and ``max_lag`` more before them, and drop their results: the rest equals the whole
        to the last bit.
    by : sequence, array or series of labels, shape (n,), or str, optional
        A label for each row, or the name of a frame's column of them: each group's rows, in their order, are a history
        of their own, and only within a group need times be in order. Results stand in the order of the rows. A missing
        label is an error.

    Returns
    -------
    array or frame
        Shape (n, p * (max_lag + 1)) for p pairs, the lags of a pair adjacent; within [-1, 1]; with ``step`` fewer rows.

    Raises
    ------
    TypeError
        ``x`` or ``out`` is no float array, or ``pairs`` no sequence of pairs.
    ValueError
        An argument out of range, wrong shape, times that go back, or ``out`` does not fit.

    Notes
    -----
    Lag k of the pair (a, b) correlates ``x[t, a]`` with ``x[t - k, b]`` over the rows t of the window; rows before the
    first are missing. Missing values and accuracy as in `rolling_corr` [1]_.

    .. [1] Pébay, Formulas for robust, one-pass parallel computation of covariances and arbitrary-order
       statistical moments, Sandia report SAND2008-6212, 2008.

    Examples
    --------
    >>> import numpy as np, acm_rs
    >>> x = np.array([[1.0, 5.0], [2.0, 1.0], [4.0, 2.0], [3.0, 4.0]])
    >>> acm_rs.rolling_lag_corr(x, 2, 1, pairs=[(1, 0)])
    array([[nan, nan],
           [-1., nan],
           [ 1.,  1.],
           [-1.,  1.]])
    """
    if isinstance(x, np.ndarray):
        own: dict[str, Any] = {"max_lag": max_lag, "pairs": pairs}
        return windowed(
            _native.rolling_lag_corr, x, window, min_periods, center, closed, step, times, out, first_row, by, **own
        )
    sheet = Sheet(x, "x", times, by)
    chosen = _numbered(pairs, sheet.labels)

    return windowed(
        _native.rolling_lag_corr,
        sheet,
        window,
        min_periods,
        center,
        closed,
        step,
        times,
        out,
        first_row,
        by,
        labels=lambda: lag_names(sheet.texts(), chosen, max_lag),
        max_lag=max_lag,
        pairs=chosen,
    )
