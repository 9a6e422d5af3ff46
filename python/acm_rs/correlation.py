"""How sensors move together."""

from __future__ import annotations

from typing import Any, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from acm_rs import _native
from acm_rs.frames import XF, Sheet, Table, arrays, opened

__all__ = ["compute_correlations_f64", "correlation", "covariance", "lagged_correlation"]

Method: TypeAlias = Literal["pearson", "spearman", "kendall"]


def correlation(x: XF, method: Method = "pearson", min_periods: int = 1) -> XF:
    """Correlation of each column with each other.

    Parameters
    ----------
    x : array of float64 or float32, or frame, shape (n, d) or (n,)
        Rows = time, columns = sensors. Arrays of any memory layout are read where they lie, frames column by
        column; nothing is changed. A 1-D array is one column.
    method : {"pearson", "spearman", "kendall"}, default "pearson"
        Of the values, of their average ranks, or Kendall's tau-b.
    min_periods : int, default 1
        Rows that a pair of columns must have in common; NaN where it has fewer, or fewer than two.

    Returns
    -------
    array or frame, shape (d, d)
        In the dtype of ``x``; symmetric to the last bit and within -1 and 1. NaN where a column has no variance over
        the common rows, on the diagonal too, where it is exactly 1 otherwise; Kendall's diagonal is 1 wherever the
        column has a value, as in pandas.

    Raises
    ------
    TypeError
        ``x`` is neither a float array nor a frame of numbers, or ``method`` no string.
    ValueError
        ``method`` or ``min_periods`` is none of what it may be.

    Notes
    -----
    NaN and infinity are missing and deleted pair by pair. Pearson's coefficients come from blocked products of centred
    columns [1]_; where values are missing, from products with masks. A pair whose variance would cancel is computed on
    its own in two passes: levels far from zero (1e9 ± 1e-3) cost no digits. With ranks, a pair's ranks are those among
    the rows it has in common; they are computed anew only where the two columns' gaps differ. Kendall's tau takes O(n
    log n) for each pair [2]_.

    .. [1] Goto and van de Geijn, Anatomy of High-Performance Matrix Multiplication, ACM TOMS 34 (3), 2008,
           doi 10.1145/1356052.1356053.
    .. [2] Knight, A Computer Method for Calculating Kendall's Tau with Ungrouped Data, JASA 61, 1966,
           doi 10.1080/01621459.1966.10480879.

    Examples
    --------
    >>> import numpy as np, acm_rs
    >>> x = np.array([[1.0, 2.0], [2.0, 4.0], [3.0, 7.0], [4.0, np.nan]])
    >>> acm_rs.correlation(x, "spearman")
    array([[1., 1.],
           [1., 1.]])
    >>> round(float(acm_rs.correlation(x)[0, 1]), 4)
    0.9934
    """
    if isinstance(x, np.ndarray):
        return _native.correlation(x, method, min_periods)
    sheet = Sheet(x, "x")
    return sheet.square(_native.correlation(sheet.values, method, min_periods))


def covariance(x: XF, ddof: int = 1, min_periods: int = 1) -> XF:
    """Covariance of each column with each other.

    Parameters
    ----------
    x : array of float64 or float32, or frame, shape (n, d) or (n,)
        Rows = time, columns = sensors. Arrays of any memory layout are read where they lie, frames column by
        column; nothing is changed. A 1-D array is one column.
    ddof : int, default 1
        The sum of products about the means is divided by the number of common rows less ``ddof``.
    min_periods : int, default 1
        Rows that a pair of columns must have in common; NaN where it has fewer, or no more than ``ddof``.

    Returns
    -------
    array or frame, shape (d, d)
        In the dtype of ``x``; symmetric to the last bit. Exactly 0 where a column does not change.

    Raises
    ------
    TypeError
        ``x`` is neither a float array nor a frame of numbers.
    ValueError
        ``ddof`` or ``min_periods`` is no whole number, at least 0.

    Notes
    -----
    NaN and infinity are missing and deleted pair by pair, each pair with the means over its own rows, as pandas does.
    Errors are relative to the product of the two standard deviations.
    The products are blocked as by Goto and van de Geijn [1]_.

    .. [1] Goto and van de Geijn, Anatomy of High-Performance Matrix Multiplication, ACM TOMS 34 (3), 2008,
           doi 10.1145/1356052.1356053.

    Examples
    --------
    >>> import numpy as np, acm_rs
    >>> acm_rs.covariance(np.array([[1.0, 2.0], [2.0, 4.0], [3.0, 6.0]]))
    array([[1., 2.],
           [2., 4.]])
    """
    if isinstance(x, np.ndarray):
        return _native.covariance(x, ddof, min_periods)
    sheet = Sheet(x, "x")
    return sheet.square(_native.covariance(sheet.values, ddof, min_periods))


def lagged_correlation(x: Table, max_lag: int, min_periods: int = 1) -> NDArray[Any]:
    """Pearson's correlation of each column with each one some rows earlier.

    Parameters
    ----------
    x : array of float64 or float32, frame or series, shape (n, d) or (n,)
        Rows = time, oldest first; columns = sensors. Arrays of any memory layout are read where they lie, frames column
        by column; nothing is changed. A 1-D array is one column.
    max_lag : int
        Lags 0 to ``max_lag`` are computed; at least 0.
    min_periods : int, default 1
        Rows that a pair of columns must have in common; NaN where it has fewer, or fewer than two.

    Returns
    -------
    array or frame, shape (max_lag + 1, d, d)
        ``[k, a, b]`` correlates ``x[t, a]`` with ``x[t - k, b]`` over all rows t that have both: where b leads a by k
        rows, it is large. In the dtype of ``x``, within -1 and 1; NaN where a side has no variance, and for lags of n
        and more.

    Raises
    ------
    TypeError
        ``x`` is neither a float array nor a frame of numbers.
    ValueError
        ``max_lag`` or ``min_periods`` is no whole number, at least 0.

    Notes
    -----
    NaN and infinity are missing and deleted pair by pair. Each lag has the means and variances of its own rows, unlike
    an autocorrelation function with those of the whole series. Lag 0 is `correlation`. The products are blocked as by
    Goto and van de Geijn [1]_.

    .. [1] Goto and van de Geijn, Anatomy of High-Performance Matrix Multiplication, ACM TOMS 34 (3), 2008,
           doi 10.1145/1356052.1356053.

    Examples
    --------
    >>> import numpy as np, acm_rs
    >>> lead = np.array([0.0, 1.0, 0.0, 3.0, 2.0, 5.0])
    >>> x = np.column_stack([np.roll(lead, 1), lead])
    >>> acm_rs.lagged_correlation(x, 1).round(2)[:, 0, 1]
    array([-0.22,  1.  ])
    """
    return _native.lagged_correlation(arrays(x), max_lag, min_periods)


def compute_correlations_f64(data: XF, method: Method = "pearson") -> XF:
    """Correlation of each column of a float64 array with each other.

    The name of the migration plan; `correlation` also takes float32 and ``min_periods``.

    Parameters
    ----------
    data : ndarray of float64, shape (n, d) or (n,)
        Rows = time, columns = sensors. Arrays of any memory layout are read where they lie, frames column by
        column; nothing is changed.
    method : {"pearson", "spearman", "kendall"}, default "pearson"
        Of the values, of their average ranks, or Kendall's tau-b.

    Returns
    -------
    ndarray of float64, shape (d, d)
        As `correlation` gives it.

    Raises
    ------
    TypeError
        ``data`` is no float64 array, or ``method`` no string.
    ValueError
        ``method`` is none of the three.

    Notes
    -----
    NaN and infinity are missing and deleted pair by pair. Method and sources as in `correlation`.

    Examples
    --------
    >>> import numpy as np, acm_rs
    >>> acm_rs.compute_correlations_f64(np.array([[1.0, 3.0], [2.0, 1.0], [3.0, -1.0]]))
    array([[ 1., -1.],
           [-1.,  1.]])
    """
    sheet = opened(data, "data")
    if sheet is None:
        return _native.compute_correlations_f64(data, method)
    return sheet.square(_native.correlation(sheet.values, method, 1))
