"""How well labels part the rows."""

from __future__ import annotations

from typing import Any

from acm_rs import _native
from acm_rs.frames import Labels, Table, arrays, opened
from acm_rs.model import states


def silhouette_samples(x: Table, labels: Labels) -> Any:
    """How much closer each row is to its own cluster than to the next one.

    Parameters
    ----------
    x : array of float64 or float32, or frame, shape (n, d) or (n,)
        A point in each row. Any memory layout; never changed. A 1-D array is one column.
    labels : array or series of integers, shape (n,)
        Cluster of each row: any numbers of at least 2 and at most n - 1 kinds. -1 is a label like any other.

    Returns
    -------
    ndarray of float64, shape (n,)
        Within -1 and 1: (b - a) / max(a, b), a the mean Euclidean distance to the other rows of the row's cluster, b
        the least mean distance to the rows of another one. 0 for the only row of a cluster, and where a and b are 0.

    Raises
    ------
    TypeError
        ``x`` is neither a float array nor a frame of numbers or ``labels`` no integer array.
    ValueError
        ``labels`` has another length than ``x`` has rows, fewer than 2 or more than n - 1 kinds; a value of ``x`` is
        missing (NaN or infinite).

    Notes
    -----
    Rousseeuw's silhouettes [1]_. Distances are exact, from the differences themselves, as in `pairwise_distances`. Each
    pair of rows is met once, and no matrix of distances is held: memory is a copy of ``x`` and a sum for each row and
    cluster. Beyond 4,194,304 such sums (n times the number of clusters) pairs are met twice and no sums are held.

    .. [1] Rousseeuw, Silhouettes: A Graphical Aid to the Interpretation and Validation of Cluster Analysis, Journal of
           Computational and Applied Mathematics 20, 1987, doi 10.1016/0377-0427(87)90125-7.

    Examples
    --------
    >>> import numpy as np, acm_rs
    >>> x = np.array([0.0, 1.0, 5.0, 7.0])
    >>> acm_rs.silhouette_samples(x, np.array([0, 0, 1, 1])).round(3)
    array([0.833, 0.8  , 0.556, 0.692])
    """
    sheet = opened(x)
    known = states(labels, x)
    if sheet is None:
        return _native.silhouette_samples(x, known)
    return sheet.line(_native.silhouette_samples(sheet.values, known), "silhouette")


def silhouette_score(x: Table, labels: Labels, sample_size: int | None = None, seed: int = 17) -> float:
    """Mean silhouette: how much closer rows are to their own cluster than to the next one.

    Parameters
    ----------
    x : array of float64 or float32, or frame, shape (n, d) or (n,)
        A point in each row. Any memory layout; never changed. A 1-D array is one column.
    labels : array or series of integers, shape (n,)
        Cluster of each row: any numbers of at least 2 and at most n - 1 kinds. -1 is a label like any other.
    sample_size : int, optional
        Only so many rows, drawn without replacement, as if there were no others; all where there are no more.
    seed : int, default 17
        Of the drawing.

    Returns
    -------
    float
        Mean of `silhouette_samples`, within -1 and 1; higher is better parted.

    Raises
    ------
    TypeError
        ``x`` is neither a float array nor a frame of numbers or ``labels`` no integer array.
    ValueError
        ``labels`` has another length than ``x`` has rows, fewer than 2 or more than n - 1 kinds; a value of ``x`` is
        missing (NaN or infinite); ``sample_size`` or ``seed`` is none of what it may be; the rows drawn are all of one
        kind, or all of different ones.

    Notes
    -----
    Rousseeuw's silhouettes [1]_. The rows that a seed draws are not those that scikit-learn draws for it.

    .. [1] Rousseeuw, Silhouettes: A Graphical Aid to the Interpretation and Validation of Cluster Analysis, Journal of
           Computational and Applied Mathematics 20, 1987, doi 10.1016/0377-0427(87)90125-7.

    Examples
    --------
    >>> import numpy as np, acm_rs
    >>> x = np.array([0.0, 1.0, 5.0, 7.0])
    >>> round(acm_rs.silhouette_score(x, np.array([0, 0, 1, 1])), 4)
    0.7203
    """
    return _native.silhouette_score(arrays(x), states(labels, x), sample_size, seed)


def calinski_harabasz_score(x: Table, labels: Labels) -> float:
    """Ratio of the scatter between clusters to the scatter within them.

    Parameters
    ----------
    x : array of float64 or float32, or frame, shape (n, d) or (n,)
        A point in each row. Any memory layout; never changed. A 1-D array is one column.
    labels : array or series of integers, shape (n,)
        Cluster of each row: any numbers of at least 2 and at most n - 1 kinds. -1 is a label like any other.

    Returns
    -------
    float
        (B / (k - 1)) / (W / (n - k)) of k clusters: B the squared distances of the clusters' means from the overall
        mean, weighed by their rows, W the squared distances of the rows from their cluster's mean. Higher is better
        parted. 1 where W is 0.

    Raises
    ------
    TypeError
        ``x`` is neither a float array nor a frame of numbers or ``labels`` no integer array.
    ValueError
        ``labels`` has another length than ``x`` has rows, fewer than 2 or more than n - 1 kinds; a value of ``x`` is
        missing (NaN or infinite).

    Notes
    -----
    The variance ratio of Caliński and Harabasz [1]_. Means are taken relative to a row of their cluster: 1e9 ± 1e-3
    costs no digits.

    .. [1] Caliński and Harabasz, A Dendrite Method for Cluster Analysis, Communications in Statistics 3, 1974,
           doi 10.1080/03610927408827101.

    Examples
    --------
    >>> import numpy as np, acm_rs
    >>> x = np.array([0.0, 1.0, 5.0, 7.0])
    >>> round(acm_rs.calinski_harabasz_score(x, np.array([0, 0, 1, 1])), 3)
    24.2
    """
    return _native.calinski_harabasz_score(arrays(x), states(labels, x))


def davies_bouldin_score(x: Table, labels: Labels) -> float:
    """How wide clusters are for how far they are apart.

    Parameters
    ----------
    x : array of float64 or float32, or frame, shape (n, d) or (n,)
        A point in each row. Any memory layout; never changed. A 1-D array is one column.
    labels : array or series of integers, shape (n,)
        Cluster of each row: any numbers of at least 2 and at most n - 1 kinds. -1 is a label like any other.

    Returns
    -------
    float
        Mean over the clusters of the greatest (w + w') / |m - m'| with another cluster: m a cluster's mean, w its rows'
        mean Euclidean distance from it. Lower is better parted. Clusters with the same mean are left out of account; 0
        where all widths or all distances are 0.

    Raises
    ------
    TypeError
        ``x`` is neither a float array nor a frame of numbers or ``labels`` no integer array.
    ValueError
        ``labels`` has another length than ``x`` has rows, fewer than 2 or more than n - 1 kinds; a value of ``x`` is
        missing (NaN or infinite).

    Notes
    -----
    The index of Davies and Bouldin [1]_ with mean distances. Means are taken relative to a row of their cluster: 1e9 ±
    1e-3 costs no digits. scikit-learn calls widths and distances below 1e-8 zero, whatever the unit; here only zero is.

    .. [1] Davies and Bouldin, A Cluster Separation Measure, IEEE Transactions on Pattern Analysis and Machine
           Intelligence 1, 1979, doi 10.1109/TPAMI.1979.4766909.

    Examples
    --------
    >>> import numpy as np, acm_rs
    >>> x = np.array([0.0, 1.0, 5.0, 7.0])
    >>> round(acm_rs.davies_bouldin_score(x, np.array([0, 0, 1, 1])), 4)
    0.2727
    """
    return _native.davies_bouldin_score(arrays(x), states(labels, x))


def validity_index(x: Table, labels: Labels) -> float:
    """Density-based validity (DBCV): how sparse clusters of any shape are inside, and how sparse it is between them.

    Parameters
    ----------
    x : array of float64 or float32, or frame, shape (n, d) or (n,)
        A point in each row. Any memory layout; never changed. A 1-D array is one column.
    labels : array or series of integers, shape (n,)
        Cluster of each row, -1 for noise: of at least 2 kinds beside noise, with at least 2 rows each.

    Returns
    -------
    float
        Within -1 and 1; higher is better parted. The sum over the clusters of their share of all rows, noise counted,
        times (b - a) / max(a, b): a the longest edge between inner rows of the cluster's spanning tree, b the least
        distance of its inner rows from those of another one.

    Raises
    ------
    TypeError
        ``x`` is neither a float array nor a frame of numbers or ``labels`` no integer array.
    ValueError
        ``labels`` has another length than ``x`` has rows, or not the kinds that it must have; a value of ``x`` is
        missing (NaN or infinite).

    Notes
    -----
    The index of Moulavi et al. [1]_. Lengths are mutual reachabilities, with a core distance from all other rows of the
    cluster: (Σ (1 / distance)^d / (n_c - 1))^(-1/d). Its powers are of relative distances, so that many columns
    do not overflow. Inner rows have more than one edge; where there are none, or no edge between any, all count. Of
    edges of equal length the tree takes that of the first rows. Time grows with n² d, memory is a copy of ``x``.

    .. [1] Moulavi, Jaskowiak, Campello, Zimek and Sander, Density-based clustering validation, 2014, doi
           10.1137/1.9781611973440.96.

    Examples
    --------
    >>> import numpy as np, acm_rs
    >>> x = np.array([0.0, 1.0, 2.0, 100.0, 101.0, 102.0])
    >>> round(acm_rs.validity_index(x, np.array([0, 0, 0, 1, 1, 1])), 3)
    0.987
    """
    return _native.validity_index(arrays(x), states(labels, x))
