"""Every feature of every sensor in one pass, and what the columns are called."""

from __future__ import annotations

import reprlib
from collections.abc import Iterable, Sequence
from itertools import islice
from typing import Any, Literal

import numpy as np

from acm_rs import _native
from acm_rs.frames import MOST, XF, By, Closed, Floats, PerSensor, Sheet, Times, Window
from acm_rs.kernels import per_sensor, windowed

__all__ = ["ALL_FEATURES", "feature_matrix", "feature_names"]

ALL_FEATURES = ("median", "mad", "mean", "std", "slope", "skew", "kurt", "energy", "robust_z")
"""Every feature, in the order of the feature matrix."""

_SUFFIXES = {
    "median": "med",
    "mad": "mad",
    "mean": "mean",
    "std": "std",
    "slope": "slope",
    "skew": "skew",
    "kurt": "kurt",
    "energy": "energy",
    "robust_z": "rz",
}


def feature_names(
    columns: Iterable[str],
    features: Sequence[str] | None = None,
    bands: Sequence[tuple[float, float]] | None = None,
) -> list[str]:
    """Names of the columns of `feature_matrix`, in their order.

    Parameters
    ----------
    columns : iterable of str
        Names of the sensors, in the order of the array's columns.
    features : sequence of str, optional
        As given to `feature_matrix`; by default `ALL_FEATURES`.
    bands : sequence of (low, high), optional
        As given to `feature_matrix`; three by default.

    Returns
    -------
    list of str
        ``{column}_med``, ``_mad``, ``_mean``, ``_std``, ``_slope``, ``_skew``, ``_kurt``, ``_energy_0`` and so on,
        ``_rz``.

    Raises
    ------
    TypeError
        `columns` or `features` is no sequence of names.
    ValueError
        A name in `features` is unknown or given twice.

    Examples
    --------
    >>> import acm_rs
    >>> acm_rs.feature_names(["p", "t"], ["median", "energy"], bands=[(0.0, 0.1), (0.1, 0.5)])
    ['p_med', 't_med', 'p_energy_0', 'p_energy_1', 't_energy_0', 't_energy_1']
    """
    columns = _names(columns, "columns")
    features = list(ALL_FEATURES) if features is None else _names(features, "features")
    for feature in features:
        if not isinstance(feature, str) or feature not in _SUFFIXES:
            raise ValueError(f"`features` must be names among {', '.join(ALL_FEATURES)}, got {reprlib.repr(feature)}")
    if len(set(features)) < len(features):
        raise ValueError(f"`features` must name each feature once, got {', '.join(features)}")
    energies = energy_count(bands)
    names: list[str] = []
    for feature in features:
        suffix = _SUFFIXES[feature]
        if feature == "energy":
            names += [f"{column}_{suffix}_{band}" for column in columns for band in range(energies)]
        else:
            names += [f"{column}_{suffix}" for column in columns]
    return names


def _names(names: Iterable[str], argument: str) -> list[str]:
    """The names one after the other, but no endless number of them."""
    if isinstance(names, str | bytes | bytearray) or not isinstance(names, Iterable):
        raise TypeError(f"`{argument}` must be a sequence of names, got {type(names).__name__}")
    try:
        found = list(islice(names, MOST + 1))
    except TypeError as error:
        # Arrays without dimensions only look iterable.
        raise TypeError(f"`{argument}` must be a sequence of names: {error}") from error
    if len(found) > MOST:
        raise ValueError(f"`{argument}` must be at most {MOST} names, got more")
    return found


def energy_count(bands: Sequence[tuple[float, float]] | None) -> int:
    """Energies of a sensor: as many as the bands are by their own account, as long as that can be."""
    if bands is None:
        return 3
    must = f"a sequence of at most {MOST} (low, high) pairs"
    if isinstance(bands, str | bytes | bytearray) or not isinstance(bands, Sequence | np.ndarray):
        raise TypeError(f"`bands` must be {must}, got {type(bands).__name__}")
    try:
        energies = len(bands)
    except (TypeError, ValueError, OverflowError) as error:
        raise TypeError(f"`bands` must be {must}: {error}") from error
    if energies > MOST:
        raise ValueError(f"`bands` must be {must}, got {energies}")
    return energies


def feature_matrix(
    x: XF,
    window: Window,
    *,
    features: Sequence[str] | None = None,
    bands: Sequence[tuple[float, float]] | None = None,
    fs: float = 1.0,
    fill: Literal["median"] | PerSensor | None = None,
    min_periods: int | None = 1,
    center: bool = False,
    closed: Closed | None = None,
    step: int = 1,
    times: Times | None = None,
    out: Floats | None = None,
    first_row: int = 0,
    by: By | None = None,
) -> XF:
    """The features of every column in one pass: the columns of `feature_names`, in its order.

    Parameters
    ----------
    x : array of float64 or float32, frame or series, shape (n, d) or (n,)
        Rows = time, oldest first; columns = sensors. Arrays of any memory layout are read where they lie, frames column
        by column; nothing is changed.
    window : int or duration
        Rows of the window: row t sees rows t - window + 1 to t; longer than the data it works as an expanding window.
        Or how long it lasts, with ``times``: ``"2h"``, ``"90s"``, a `numpy.timedelta64` or `datetime.timedelta`; row t
        sees the rows up to itself that are later than ``times[t] - window``.
    features : sequence of str, optional
        Which features, in which order; by default `ALL_FEATURES`.
    bands : sequence of (low, high), optional
        Frequency bands of the energies, as in `rolling_band_energy`.
    fs : float, default 1.0
        Rows per unit of time, the scale of the bands.
    fill : "median", float or ndarray of float, shape (d,), optional
        None keeps gaps: statistics use what is there. Else what each column's missing values become before anything is
        computed: its median, 0 where it has none; or the value given, NaN standing for the median.
    min_periods : int or None, default 1
        Non-missing values a result needs; NaN where fewer remain, 0 with ``fill``. None: as many as the window has
        rows, 1 for a duration.
    center : bool, default False
        Put each row in the middle of its window, as pandas does, instead of at its end.
    closed : {"right", "left", "both", "neither"}, optional
        Which of its two ends a window holds, as in pandas. They are row t and the row, or the instant, a window before
        it: "right", the default, holds row t; "left" the other, so that row t sees only what was before it.
    step : int, default 1
        Evaluate only the rows whose absolute index is a multiple of it: 0, step, 2 step, ...
    times : array of datetime64 or int64, shape (n,), series or str, optional
        When each row was taken, oldest first; equal ones may follow each other. int64 are nanoseconds. The slope is
        then per second. Of a frame also ``"index"``, or the name of a column; where ``window`` is a duration, its index
        of dates or its only column of dates serves by itself.
    out : ndarray, optional
        Where to put the result: right shape, dtype of ``x``, no memory shared with ``x``.
    first_row : int, default 0
        Absolute index of the first row of ``x``, where ``x`` is a piece of a longer history. Give a piece all other
        rows that its windows see as well and drop their results: the rest equals the whole to the last bit, with
        ``fill="median"`` only where nothing is missing, because a piece has a median of its own.
    by : sequence, array or series of labels, shape (n,), or str, optional
        A label for each row, or the name of a frame's column of them: each group's rows, in their order, are a history
        of their own, and only within a group need times be in order. Results stand in the order of the rows. A missing
        label is an error.

    Returns
    -------
    array or frame
        Shape (n, 11 * d) with every feature and three bands, in the memory order of ``x``: features one after the
        other, each with its columns in order; the bands of a column are adjacent.

    Raises
    ------
    TypeError
        An argument is not of its type.
    ValueError
        A parameter is out of range, or an array has the wrong shape.

    Notes
    -----
    NaN and infinity are missing. Median, MAD, mean, std, slope, skew (within 100 of 0), kurt (within 1000 of 0) and
    energy are the bits of the rolling functions with the same windows; robust_z is ``(x - median) / (1.4826 * max(mad,
    1e-9) + 1e-9)``, within 100 of 0. By default what is not defined is NaN, as there: all of a window of gaps, the
    deviation of one value, the shape of a constant, the robust_z of a missing reading. Energies count a gap as the
    window's mean. With ``fill`` what is not defined, or beyond the largest float64, is 0.

    ``fill="median"`` looks at the whole column: past gaps then hold what only the future knows, and what a gap becomes
    depends on the rows that happen to be in ``x``.

    Examples
    --------
    >>> import numpy as np, acm_rs
    >>> x = np.array([[1.0, 10.0], [np.nan, 20.0], [3.0, 60.0]])
    >>> acm_rs.feature_names(["p", "t"], ["mean", "robust_z"])
    ['p_mean', 't_mean', 'p_rz', 't_rz']
    >>> acm_rs.feature_matrix(x, 2, features=["mean", "robust_z"]).round(3)
    array([[ 1.   , 10.   ,  0.   ,  0.   ],
           [ 1.   , 15.   ,    nan,  0.674],
           [ 3.   , 40.   ,  0.   ,  0.674]])
    >>> acm_rs.feature_matrix(x, 2, features=["mean", "robust_z"], fill="median").round(3)
    array([[ 1.   , 10.   ,  0.   ,  0.   ],
           [ 1.5  , 15.   ,  0.674,  0.674],
           [ 2.5  , 40.   ,  0.674,  0.674]])
    """
    own: dict[str, Any] = {"features": features, "bands": bands, "fs": fs, "fill": fill}
    if isinstance(x, np.ndarray):
        return windowed(
            _native.feature_matrix, x, window, min_periods, center, closed, step, times, out, first_row, by, **own
        )
    sheet = Sheet(x, "x", times, by)
    own["fill"] = fill if isinstance(fill, str) else per_sensor(fill, sheet, "fill")
    return windowed(
        _native.feature_matrix,
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
        labels=lambda: feature_names(sheet.texts(), features, bands),
        **own,
    )
