"""The number of clusters."""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import NDArray

from acm_rs import _native
from acm_rs.frames import Table, arrays
from acm_rs.model import Engined


class ClusterChoice(Engined):
    """What `choose_k` found.

    Examples
    --------
    >>> import numpy as np, acm_rs
    >>> found = acm_rs.choose_k(np.random.default_rng(0).normal(0.0, 1.0, (200, 2)), 2, 3)
    >>> found
    ClusterChoice(k=1, ks=[2, 3])
    >>> found.ks
    array([2, 3])
    """

    _Engine = _native.ClusterChoice
    __slots__ = ()

    def __init__(self) -> None:
        raise TypeError("a ClusterChoice comes from choose_k")

    @property
    def k(self) -> int:
        """The number of clusters; 1 where the data have none."""
        return self._engine.k

    @property
    def ks(self) -> NDArray[np.int64]:
        """The numbers that were tried, (m,)."""
        return self._engine.ks

    @property
    def silhouette(self) -> NDArray[np.float64]:
        """Mean silhouette of each; higher is better, NaN where it is not defined, (m,)."""
        return self._engine.silhouette

    @property
    def inertia(self) -> NDArray[np.float64]:
        """Sum of squared distances to the centres, (m,)."""
        return self._engine.inertia

    @property
    def bic(self) -> NDArray[np.float64]:
        """Bayesian information criterion of the diagonal mixture; lower is better, (m,)."""
        return self._engine.bic

    @property
    def gap(self) -> NDArray[np.float64]:
        """Gap statistic, (m,)."""
        return self._engine.gap

    @property
    def gap_error(self) -> NDArray[np.float64]:
        """Standard error of the gap statistic, (m,)."""
        return self._engine.gap_error

    @property
    def one_cluster(self) -> bool:
        """Whether the test found no clusters."""
        return self._engine.one_cluster


def choose_k(
    x: Table,
    k_min: int = 2,
    k_max: int = 8,
    *,
    method: Literal["silhouette", "elbow", "bic"] = "silhouette",
    sample_size: int = 4000,
    n_init: int = 5,
    seed: int = 17,
) -> ClusterChoice:
    """How many clusters the rows of ``x`` form.

    Parameters
    ----------
    x : array of float64 or float32, frame or series, shape (n, d) or (n,)
        Rows = samples. The columns should have a common scale: see ``zscore``.
    k_min, k_max : int, default 2 and 8
        Fewest and most clusters.
    method : {"silhouette", "elbow", "bic"}, default "silhouette"
        What decides: the highest mean silhouette, the elbow of the inertia [1]_, or the lowest Bayesian information
        criterion of a Gaussian mixture with diagonal covariances [2]_. All are returned.
    sample_size : int, default 4000
        Rows that are drawn where there are more; above ``k_max``.
    n_init : int, default 5
        Starts of k-means.
    seed : int, default 17
        What rows, starts and references are drawn from.

    Returns
    -------
    ClusterChoice
        ``k`` and, for each number in ``ks``: ``silhouette``, ``inertia``, ``bic``, ``gap``, ``gap_error``.

    Raises
    ------
    TypeError
        ``x`` is neither a float array nor a frame of numbers.
    ValueError
        ``x`` has fewer than ``k_min`` rows or no known value, or a parameter is outside what it may be.

    Notes
    -----
    NaN and infinity count as the median of their column. ``k`` is 1 where the rows have no clusters: k-means parts at
    most 1000 of them in two, and their projections on the line through both centres depart from having one mode [3]_ by
    no more than 1.15 times the most of 24 samples that are uniform in the box of the principal axes. The test takes
    rows for independent: the path of a random walk lingers in places and has clusters by it. The gap statistic [4]_ is
    of the same rows and of 10 of those samples.

    .. [1] Satopää, Albrecht, Irwin and Raghavan, Finding a "kneedle" in a haystack, 2011, doi 10.1109/ICDCSW.2011.20.
    .. [2] Schwarz, Estimating the dimension of a model, Annals of Statistics 6, 1978, doi 10.1214/aos/1176344136.
    .. [3] Hartigan and Hartigan, The dip test of unimodality, Annals of Statistics 13, 1985, doi
           10.1214/aos/1176346577.
    .. [4] Tibshirani, Walther and Hastie, Estimating the number of clusters in a data set via the gap statistic,
           Journal of the Royal Statistical Society B 63, 2001, doi 10.1111/1467-9868.00293.

    Examples
    --------
    >>> import numpy as np, acm_rs
    >>> x = np.random.default_rng(0).normal(0.0, 1.0, (300, 2))
    >>> acm_rs.choose_k(x).k
    1
    >>> x[:100] += 12.0
    >>> x[100:200, 0] -= 12.0
    >>> acm_rs.choose_k(x).k
    3
    """
    found = _native.choose_k(arrays(x), k_min, k_max, method=method, sample_size=sample_size, n_init=n_init, seed=seed)
    return ClusterChoice._around(found)
