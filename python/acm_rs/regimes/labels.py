"""Label sequences: smoothing, dwell times, changes, names that last."""

from __future__ import annotations

from functools import partial
from typing import Any

from acm_rs import _native
from acm_rs.frames import Labels, same_index, vector
from acm_rs.kernels import relabelled


def smooth_labels(labels: Labels, window: int, *, causal: bool = False) -> Any:
    """The most frequent label around each row.

    Parameters
    ----------
    labels : array or series of int, shape (n,)
        Regimes of rows, oldest first; -1 is UNKNOWN.
    window : int
        Rows that vote, at least 1.
    causal : bool, default False
        False: the window is centred, rows t - (window - 1) // 2 to t + window // 2. True: rows t - window + 1 to t, so
        that a row's label does not change when more rows come.

    Returns
    -------
    ndarray of int64, shape (n,)
        Only labels of the window itself; UNKNOWN rows stay UNKNOWN and have no vote. Among equally frequent labels a
        row keeps its own if it is one of them, else takes the one that stands latest.

    Raises
    ------
    TypeError
        ``labels`` is no array of integers.
    ValueError
        A label is below -1, or ``window`` is no whole number of at least 1.

    Examples
    --------
    >>> import numpy as np, acm_rs
    >>> acm_rs.smooth_labels(np.array([0, 0, 1, 0, 0, -1, 1, 1]), 3)
    array([ 0,  0,  0,  0,  0, -1,  1,  1])
    """
    return relabelled(_native.smooth_labels, labels, window, causal=causal)


def minimum_dwell(labels: Labels, rows: int) -> Any:
    """Labels without stays shorter than ``rows`` rows.

    Parameters
    ----------
    labels : array or series of int, shape (n,)
        Regimes of rows, oldest first; -1 is UNKNOWN.
    rows : int
        Fewest rows of a stay, at least 1.

    Returns
    -------
    ndarray of int64, shape (n,)
        The shortest stay of those too short joins the longer of the stays beside it, the earlier one where they are
        equally long; so on until none is left that has a neighbour. UNKNOWN rows stay UNKNOWN and part neighbours.

    Raises
    ------
    TypeError
        ``labels`` is no array of integers.
    ValueError
        A label is below -1, or ``rows`` is no whole number of at least 1.

    Examples
    --------
    >>> import numpy as np, acm_rs
    >>> acm_rs.minimum_dwell(np.array([0, 0, 0, 1, 2, 2]), 2)
    array([0, 0, 0, 0, 2, 2])
    """
    return relabelled(_native.minimum_dwell, labels, rows)


def transients(labels: Labels, before: int = 5, after: int = 5) -> Any:
    """Which rows are near a change of regime.

    Parameters
    ----------
    labels : array or series of int, shape (n,)
        Regimes of rows, oldest first; -1 is UNKNOWN.
    before, after : int, default 5
        Rows that are marked before a change, and from the first row of the new regime on.

    Returns
    -------
    ndarray of bool, shape (n,)
        True near rows whose label differs from the last known label before; UNKNOWN rows between the two regimes are
        part of the change. A return from UNKNOWN to the same regime is none.

    Raises
    ------
    TypeError
        ``labels`` is no array of integers.
    ValueError
        A label is below -1, or a count is no whole number of at least 0.

    Examples
    --------
    >>> import numpy as np, acm_rs
    >>> acm_rs.transients(np.array([0, 0, 0, 1, 1, 1]), before=1, after=2)
    array([False, False,  True,  True,  True, False])
    """
    return relabelled(_native.transients, labels, before, after)


def align_labels(reference: Labels, labels: Labels, *, min_share: float = 0.5) -> Any:
    """Labels numbered as those of a reference.

    Parameters
    ----------
    reference : array or series of int, shape (n,)
        Labels that keep their numbers; -1 is UNKNOWN.
    labels : array or series of int, shape (n,)
        Other labels of the same rows.
    min_share : float, default 0.5
        Share of the rows of the smaller of two regimes that they must have in common to be one.

    Returns
    -------
    ndarray of int64, shape (n,)
        ``labels`` with the numbers of the reference that agree in most rows, one for one; those without a partner get
        new numbers, above all of the reference. UNKNOWN stays UNKNOWN.

    Raises
    ------
    TypeError
        One of them is no array of integers.
    ValueError
        They differ in length, a label is below -1, there are more than 1000 different ones, or ``min_share`` is not
        between 0 and 1.

    Notes
    -----
    The assignment is found by the Hungarian method [1]_.

    .. [1] Kuhn, The Hungarian method for the assignment problem, Naval Research Logistics Quarterly 2, 1955,
           doi 10.1002/nav.3800020109.

    Examples
    --------
    >>> import numpy as np, acm_rs
    >>> acm_rs.align_labels(np.array([2, 2, 5, 5, 5]), np.array([1, 1, 0, 0, 3]))
    array([2, 2, 5, 5, 6])
    """
    same_index(reference, labels, "reference", "labels")
    return relabelled(partial(_native.align_labels, vector(reference, "reference")), labels, min_share=min_share)
