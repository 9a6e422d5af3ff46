"""Distances and decompositions."""

from __future__ import annotations

from typing import Any, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from acm_rs import _native
from acm_rs.frames import Sheet, Table, arrays, opened
from acm_rs.kernels import beside

__all__ = ["cholesky_solve", "ledoit_wolf", "nearest", "pairwise_distances", "pca", "svd"]

Metric: TypeAlias = Literal["euclidean", "sqeuclidean", "manhattan", "cosine"]


def pairwise_distances(x: Table, y: Table | None = None, metric: Metric = "euclidean") -> NDArray[Any]:
    """Distance of each row of one array from each row of another, or of an array's rows from each other.

    Parameters
    ----------
    x : array of float64 or float32, or frame, shape (n, d) or (n,)
        A point in each row. Any memory layout; never changed. A 1-D array is one column.
    y : array of float64 or float32, or frame, shape (m, d) or (m,), optional
        The other points. Without it, those of ``x`` again.
    metric : {"euclidean", "sqeuclidean", "manhattan", "cosine"}, default "euclidean"
        Root of the sum of squared differences, that sum itself, the sum of absolute differences, or 1 minus the cosine
        of the angle between the rows (1 where a row is all zeros).

    Returns
    -------
    ndarray, shape (n, m)
        float32 where both arrays are, computed in float64; else float64. Without ``y`` symmetric to the last bit, and 0
        on the diagonal.

    Raises
    ------
    TypeError
        An array is no float array, or ``metric`` no string.
    ValueError
        ``y`` has another number of columns than ``x``, or there is none; ``metric`` is none of those.
    MemoryError
        There is no room for the result.

    Notes
    -----
    NaN and infinity are missing: a row with one has distance NaN to every row. Distances come from the differences
    themselves, added up in the order of the columns: points that are 1e-3 apart at 1e8 keep all their digits, which the
    usual product form |x|² - 2 x·y + |y|² loses [1]_, and a pair's distance does not depend on where it stands.
    Euclidean distances are right wherever float64 can hold them, even where their squares overflow or underflow. The
    cosine distance is half the squared distance of the rows brought to length 1, so that small angles keep their
    digits, too. Memory: a copy of ``y`` (of ``x`` without it).

    .. [1] Higham, Accuracy and Stability of Numerical Algorithms, 2nd edition, 2002, section 1.7,
           doi 10.1137/1.9780898718027.

    Examples
    --------
    >>> import numpy as np, acm_rs
    >>> x = np.array([[0.0, 0.0], [3.0, 4.0]])
    >>> acm_rs.pairwise_distances(x)
    array([[0., 5.],
           [5., 0.]])
    >>> acm_rs.pairwise_distances(x, x + 1e8, metric="manhattan")
    array([[2.00000000e+08, 2.00000007e+08],
           [1.99999993e+08, 2.00000000e+08]])
    """
    sheet = opened(x)
    values = x if sheet is None else sheet.values
    return _native.pairwise_distances(values, None if y is None else beside(sheet, y, rows=False), metric)


def nearest(x: Table, centers: Table) -> tuple[Any, Any]:
    """Which of some centres is nearest to each row, and how far it is.

    Parameters
    ----------
    x : array of float64 or float32, or frame, shape (n, d) or (n,)
        A point in each row. Any memory layout; never changed. A 1-D array is one column.
    centers : array of float64 or float32, or frame, shape (k, d) or (k,)
        The centres, at least one.

    Returns
    -------
    index : ndarray of int64, shape (n,)
        Row of the nearest centre by Euclidean distance; of centres equally far the first.
    distance : ndarray of float64, shape (n,)
        Distance from it.

    Raises
    ------
    TypeError
        An array is no float array.
    ValueError
        ``centers`` has no row or another number of columns than ``x``.

    Notes
    -----
    NaN and infinity are missing: a row with one has index -1 and distance NaN; a centre with one is nobody's nearest.
    Distances come from the differences themselves, as in `pairwise_distances`. Memory: a copy of the centres. The
    search is exhaustive, the decision rule that of Fix and Hodges [1]_.

    .. [1] Fix and Hodges, Discriminatory Analysis. Nonparametric Discrimination: Consistency Properties, 1951,
           reprinted in International Statistical Review 57, 1989, doi 10.2307/1403797.

    Examples
    --------
    >>> import numpy as np, acm_rs
    >>> x = np.array([[0.0, 1.0], [9.0, 9.0], [np.nan, 1.0]])
    >>> index, distance = acm_rs.nearest(x, np.array([[0.0, 0.0], [9.0, 7.0]]))
    >>> index
    array([ 0,  1, -1])
    >>> distance
    array([ 1.,  2., nan])
    """
    sheet = opened(x)
    index, distance = _native.nearest(
        x if sheet is None else sheet.values, beside(sheet, centers, "centers", rows=False)
    )
    if sheet is None:
        return index, distance
    return sheet.line(index, "nearest"), sheet.line(distance, "distance")


def pca(x: Table, k: float) -> tuple[Any, NDArray[np.float64], Any]:
    """Principal components of the rows of an array.

    Parameters
    ----------
    x : array of float64 or float32, or frame, shape (n, d)
        Rows = samples, columns = sensors; at least two rows. Any memory layout.
    k : int or float
        How many components; or, between 0 and 1, as many as explain more than this share of the variance.

    Returns
    -------
    components : ndarray of float64, shape (k, d)
        Rows of length 1, the direction of greatest variance first. The entry of greatest magnitude of each row is
        positive.
    explained_variance : ndarray of float64, shape (k,)
        Variance along each component, divisor n - 1, in squared units of ``x``.
    mean : ndarray of float64, shape (d,)
        What is subtracted from a row before it is projected.

    Raises
    ------
    TypeError
        ``x`` is neither a float array nor a frame of numbers, or ``k`` no number.
    ValueError
        ``x`` has a missing value (NaN or infinite) or less than two rows; ``k`` is below 1 or above min(n, d), or no
        share between 0 and 1.
    numpy.linalg.LinAlgError
        Values are too large to be squared.

    Notes
    -----
    Found from the covariance of the columns (of the rows, where they are fewer) while the variances asked for are above
    1e-4 of the greatest, and from an orthogonal reduction of the centred rows themselves where they are not: squaring
    would cost them their digits [1]_. The variances agree with scikit-learn's ``PCA(svd_solver="full")`` to 1e-10.

    .. [1] G. H. Golub and C. F. Van Loan, Matrix Computations, 4th edition, 2013, sections 5.2 and 8.6.

    Examples
    --------
    >>> import numpy as np, acm_rs
    >>> x = np.array([[1.0, 2.0], [2.0, 4.0], [3.0, 6.0]])
    >>> components, variance, mean = acm_rs.pca(x, 1)
    >>> components.round(3), variance.round(3), mean
    (array([[0.447, 0.894]]), array([5.]), array([2., 4.]))
    """
    if isinstance(x, np.ndarray):
        return _native.pca(x, k)
    sheet = Sheet(x, "x")
    components, variance, mean = _native.pca(sheet.values, k)
    return sheet.sensors_across(components, range(len(components))), variance, sheet.by_sensor(mean, "mean")


def svd(x: Table, k: int | None = None) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Thin singular value decomposition, ``x = u @ numpy.diag(s) @ vt``.

    Parameters
    ----------
    x : array of float64 or float32, or frame, shape (n, d)
        Any memory layout.
    k : int, optional
        How many singular values; all min(n, d) if left out.

    Returns
    -------
    u : ndarray of float64, shape (n, k)
        Columns of length 1.
    s : ndarray of float64, shape (k,)
        Singular values, largest first, in the unit of ``x``.
    vt : ndarray of float64, shape (k, d)
        Rows of length 1. The entry of greatest magnitude of each row is positive.

    Raises
    ------
    TypeError
        ``x`` is neither a float array nor a frame of numbers.
    ValueError
        ``x`` is empty or has a missing value (NaN or infinite); ``k`` is below 1 or above min(n, d).
    numpy.linalg.LinAlgError
        A singular value is too large to be a float64.

    Notes
    -----
    By Householder reduction and divide and conquer [1]_, on one thread, with a copy of ``x``.

    .. [1] M. Gu and S. C. Eisenstat, "A divide-and-conquer algorithm for the bidiagonal SVD", SIAM Journal on Matrix
           Analysis and Applications 16, 1995, doi 10.1137/S0895479892242232.

    Examples
    --------
    >>> import numpy as np, acm_rs
    >>> u, s, vt = acm_rs.svd(np.array([[3.0, 0.0], [0.0, -4.0]]))
    >>> s.round(12)
    array([4., 3.])
    """
    return _native.svd(arrays(x), k)


def cholesky_solve(a: Table, b: Table) -> NDArray[np.float64]:
    """Solves ``a @ y = b`` for a symmetric positive definite ``a``.

    Parameters
    ----------
    a : array of float64 or float32, or frame, shape (n, n)
        Only the lower triangle is read.
    b : array of float64 or float32, or frame, shape (n,) or (n, m)
        One or several right-hand sides.

    Returns
    -------
    ndarray of float64, shape of ``b``
        The solution.

    Raises
    ------
    TypeError
        ``a`` or ``b`` is no float array.
    ValueError
        Shapes do not fit, or a value is missing (NaN or infinite).
    numpy.linalg.LinAlgError
        ``a`` is not positive definite.

    Notes
    -----
    By the Cholesky factor of ``a`` [1]_, on one thread.

    .. [1] G. H. Golub and C. F. Van Loan, Matrix Computations, 4th edition, 2013, section 4.2.

    Examples
    --------
    >>> import numpy as np, acm_rs
    >>> acm_rs.cholesky_solve(np.array([[4.0, 2.0], [2.0, 5.0]]), np.array([10.0, 13.0]))
    array([1.5, 2. ])
    """
    return _native.cholesky_solve(arrays(a, "a"), arrays(b, "b"))


def ledoit_wolf(x: Table) -> tuple[Any, float]:
    """Covariance of the columns, drawn towards a multiple of the identity as far as lowers its expected error most.

    Parameters
    ----------
    x : array of float64 or float32, or frame, shape (n, d)
        Rows = samples, columns = sensors. Any memory layout.

    Returns
    -------
    covariance : ndarray of float64, shape (d, d)
        (1 - s) S + s m I with S the covariance (divisor n) and m the mean of its diagonal; symmetric to the bit.
    shrinkage : float
        s, between 0 and 1.

    Raises
    ------
    TypeError
        ``x`` is neither a float array nor a frame of numbers.
    ValueError
        ``x`` is empty or has a missing value (NaN or infinite).
    numpy.linalg.LinAlgError
        Values are too large to be squared.

    Notes
    -----
    The estimator of Ledoit and Wolf [1]_; scikit-learn's numbers. Columns should be of comparable scale: the identity
    counts all of them alike.

    .. [1] O. Ledoit and M. Wolf, "A well-conditioned estimator for large-dimensional covariance matrices", Journal of
           Multivariate Analysis 88, 2004, doi 10.1016/S0047-259X(03)00096-4.

    Examples
    --------
    >>> import numpy as np, acm_rs
    >>> x = np.array([[1.0, 2.0], [-1.0, 2.0], [1.0, -2.0], [-1.0, -2.0]])
    >>> covariance, shrinkage = acm_rs.ledoit_wolf(x)
    >>> round(shrinkage, 4)
    0.4444
    >>> covariance.round(4)
    array([[1.6667, 0.    ],
           [0.    , 3.3333]])
    """
    if isinstance(x, np.ndarray):
        return _native.ledoit_wolf(x)
    sheet = Sheet(x, "x")
    covariance, shrinkage = _native.ledoit_wolf(sheet.values)
    return sheet.square(covariance), shrinkage
