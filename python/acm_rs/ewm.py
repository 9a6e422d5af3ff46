"""Exponentially weighted statistics."""

from __future__ import annotations

from acm_rs import _native
from acm_rs.frames import By, Duration, Floats, Times, X
from acm_rs.kernels import weighted

__all__ = ["ewm_mean", "ewm_std"]


def ewm_mean(
    x: X,
    *,
    alpha: float | None = None,
    span: float | None = None,
    halflife: float | Duration | None = None,
    adjust: bool = True,
    ignore_na: bool = False,
    min_periods: int = 1,
    times: Times | None = None,
    out: Floats | None = None,
    by: By | None = None,
) -> X:
    """Exponentially weighted mean of each column.

    Parameters
    ----------
    x : array of float64 or float32, frame or series, shape (n, d) or (n,)
        Rows = time, oldest first; columns = sensors. Arrays of any memory layout are read where they lie, frames column
        by column; nothing is changed.
    alpha : float, optional
        A row's weight is ``1 - alpha`` times that of the next; above 0, at most 1. Give exactly one of ``alpha``,
        ``span`` and ``halflife``.
    span : float, optional
        ``alpha = 2 / (span + 1)``; at least 1.
    halflife : float or duration, optional
        Rows in which a weight halves, above 0; with ``times`` a duration: "2h", numpy.timedelta64 or
        datetime.timedelta.
    adjust : bool, default True
        Divide the weighted values by the sum of their weights. Otherwise the first value stands for the mean before it:
        ``y = (1 - alpha) * y + alpha * x``, in time with ``alpha = 1 - 0.5 ** (elapsed / halflife)``.
    ignore_na : bool, default False
        Let weights fade with known values alone. Otherwise missing rows count. In time without effect: it passes either
        way.
    min_periods : int, default 1
        Known values a result needs; NaN where there were fewer.
    times : ndarray of int64 (nanoseconds) or datetime64, shape (n,), optional
        When the rows were taken, sorted; needs a duration as ``halflife``.
    out : ndarray, optional
        Where to put the result: shape and dtype of ``x``, no memory shared with ``x``.
    by : sequence, array or series of labels, shape (n,), or str, optional
        A label for each row, or the name of a frame's column of them: each group's rows, in their order, are a history
        of their own, and only within a group need times be in order. Results stand in the order of the rows. A missing
        label is an error.

    Returns
    -------
    array or frame
        Shape and dtype of ``x``; a column that ``by`` names comes before the others.

    Raises
    ------
    TypeError
        ``x`` or ``out`` is no float array, or an argument not of its type.
    ValueError
        A parameter is out of range, or none or more than one decay is given.

    Notes
    -----
    NaN and infinity are missing; their rows repeat the mean of the last known value. The numbers of pandas'
    ``ewm(...).mean()`` but where that rounds (levels of 1e9, spikes of 1e15), and but for ``alpha`` of exactly 0.5 with
    ``adjust=False`` and missing rows, where pandas 3 weighs the new value by another rule than for every other
    ``alpha``. The mean moves by a share of the distance to the new value [1]_. Weights fade for ever: no outage is so
    long that what is left of them is cut off. Over ``times`` pandas lets the stamp of a row without a value decide a
    weight where ``ignore_na`` is set; here none does.

    .. [1] West, Updating mean and variance estimates: an improved method, Communications of the ACM 22, 1979,
       doi:10.1145/359146.359153.

    Examples
    --------
    >>> import numpy as np, acm_rs
    >>> acm_rs.ewm_mean(np.array([1.0, 2.0, np.nan, 4.0]), alpha=0.5, adjust=False)
    array([1.        , 1.5       , 1.5       , 3.16666667])
    """
    return weighted(
        _native.ewm_mean,
        x,
        halflife,
        times,
        out,
        by,
        alpha=alpha,
        span=span,
        adjust=adjust,
        ignore_na=ignore_na,
        min_periods=min_periods,
    )


def ewm_std(
    x: X,
    *,
    alpha: float | None = None,
    span: float | None = None,
    halflife: float | Duration | None = None,
    adjust: bool = True,
    ignore_na: bool = False,
    min_periods: int = 1,
    bias: bool = False,
    times: Times | None = None,
    out: Floats | None = None,
    by: By | None = None,
) -> X:
    """Exponentially weighted standard deviation of each column.

    Parameters
    ----------
    x : array of float64 or float32, frame or series, shape (n, d) or (n,)
        Rows = time, oldest first; columns = sensors. Arrays of any memory layout are read where they lie, frames column
        by column; nothing is changed.
    alpha : float, optional
        A row's weight is ``1 - alpha`` times that of the next; above 0, at most 1. Give exactly one of ``alpha``,
        ``span`` and ``halflife``.
    span : float, optional
        ``alpha = 2 / (span + 1)``; at least 1.
    halflife : float or duration, optional
        Rows in which a weight halves, above 0; with ``times`` a duration: "2h", numpy.timedelta64 or
        datetime.timedelta.
    adjust : bool, default True
        As in `ewm_mean`.
    ignore_na : bool, default False
        Let weights fade with known values alone. Otherwise missing rows count. In time without effect: it passes either
        way.
    min_periods : int, default 1
        Known values a result needs; NaN where there were fewer.
    bias : bool, default False
        Leave out the correction for the effective number of values.
    times : ndarray of int64 (nanoseconds) or datetime64, shape (n,), optional
        When the rows were taken, sorted; needs a duration as ``halflife``.
    out : ndarray, optional
        Where to put the result: shape and dtype of ``x``, no memory shared with ``x``.
    by : sequence, array or series of labels, shape (n,), or str, optional
        A label for each row, or the name of a frame's column of them: each group's rows, in their order, are a history
        of their own, and only within a group need times be in order. Results stand in the order of the rows. A missing
        label is an error.

    Returns
    -------
    array or frame
        Shape and dtype of ``x``; a column that ``by`` names comes before the others.

    Raises
    ------
    TypeError
        ``x`` or ``out`` is no float array, or an argument not of its type.
    ValueError
        A parameter is out of range, or none or more than one decay is given.

    Notes
    -----
    The root of ``sum(w * (x - mean)**2) / sum(w)`` about the mean of the same weights, unless ``bias`` divided by ``1 -
    sum(w**2) / sum(w)**2``. NaN and infinity are missing. The unbiased deviation of one value is NaN, the biased one 0;
    a constant gives exactly 0. The numbers of pandas' ``ewm(...).std(bias)``, which takes no ``times``, but where that
    rounds. Deviations from the mean beyond about 1e154, whose squares exceed the largest float64, make the standard
    deviation infinite, and leave it so. After an outage of any length the value is that of the formula, where pandas
    gives NaN once the weights are too small for a float64. Mean and squares are updated by weighted increments [1]_.

    .. [1] West, Updating mean and variance estimates: an improved method, Communications of the ACM 22, 1979,
       doi:10.1145/359146.359153.

    Examples
    --------
    >>> import numpy as np, acm_rs
    >>> acm_rs.ewm_std(np.array([1.0, 3.0, 3.0]), alpha=0.5, bias=True).round(6)
    array([0.      , 0.942809, 0.699854])
    """
    return weighted(
        _native.ewm_std,
        x,
        halflife,
        times,
        out,
        by,
        alpha=alpha,
        span=span,
        adjust=adjust,
        ignore_na=ignore_na,
        min_periods=min_periods,
        bias=bias,
    )
