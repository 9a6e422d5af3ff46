"""Clusters of any shape and density, and noise."""

from __future__ import annotations

from typing import Any, Literal, NamedTuple, Self, overload

import numpy as np
from numpy.typing import NDArray

from acm_rs import _native
from acm_rs.frames import Floats, Table
from acm_rs.model import Model


class CondensedTree(NamedTuple):
    """What is left of a hierarchy where clusters of few rows are no clusters: an edge for each row and each cluster.

    Attributes
    ----------
    parent, child : array of int64
        Rows have the numbers below n; clusters follow, from all rows, n, on.
    lambda_val : array of float64
        Density, 1 / distance, at which the child leaves its parent.
    child_size : array of int64
        Rows of the child.
    """

    parent: NDArray[np.int64]
    child: NDArray[np.int64]
    lambda_val: NDArray[np.float64]
    child_size: NDArray[np.int64]


class HDBSCAN(Model):
    """HDBSCAN: clusters of any shape and density, as many as there are, and rows that belong to none.

    Parameters
    ----------
    min_cluster_size : int
        Fewest rows of a cluster, at least 2.
    min_samples : int, optional
        A row's core distance is that to its ``min_samples``-th nearest row, itself the first; more calls more rows
        noise. ``min_cluster_size`` if omitted.
    cluster_selection_method : {"eom", "leaf"}, default "eom"
        Which clusters of the hierarchy are taken: those with the greatest excess of mass [1]_, or those that do not
        fall apart into others: more and smaller ones.
    cluster_selection_epsilon : float, default 0.0
        Clusters that part at a smaller distance than this are one [4]_.
    allow_single_cluster : bool, default False
        Whether all rows may be one cluster.
    max_cluster_size : int, optional
        By excess of mass, larger clusters are not taken, but their parts.

    Raises
    ------
    TypeError
        A parameter is of another type.
    ValueError
        A parameter is outside what it may be.

    Notes
    -----
    Two rows reach each other at the largest of their core distances and their Euclidean distance [1]_. A minimum
    spanning tree by that length is found exactly (Borůvka's rounds on a k-d tree [2]_), from differences, so that
    offsets cost no digits. Edges of equal length are removed from it at once [1]_: clusters and scores do not depend on
    the order of the rows. Columns are taken in their units: bring them to a common scale first where they differ.
    Clusters are numbered by their first rows.

    Any number of threads and any memory layout give the same bytes. A fit takes memory in proportion to the data, and
    keeps them: other rows are compared with them.

    .. [1] Campello, Moulavi and Sander, Density-based clustering based on hierarchical density estimates, 2013, doi
           10.1007/978-3-642-37456-2_14.
    .. [2] McInnes and Healy, Accelerated hierarchical density based clustering, 2017, doi 10.1109/ICDMW.2017.12.
    .. [3] Campello, Moulavi, Zimek and Sander, Hierarchical density estimates for data clustering, visualization, and
           outlier detection, 2015, doi 10.1145/2733381.
    .. [4] Malzer and Baum, A hybrid approach to hierarchical density-based cluster selection, 2020, doi
           10.1109/MFI49285.2020.9235263.

    Examples
    --------
    >>> import numpy as np, acm_rs
    >>> x = np.random.default_rng(0).normal(0.0, 1.0, (300, 2))
    >>> x[:100] += 20.0
    >>> x[7] = [10.0, -30.0]
    >>> model = acm_rs.HDBSCAN(20).fit(x)
    >>> model.n_clusters_, int(model.labels_[7])
    (2, -1)
    >>> labels, probabilities = model.approximate_predict(np.array([[20.0, 20.0], [0.0, 90.0]]))
    >>> labels
    array([ 0, -1])
    """

    _Engine = _native.HDBSCAN
    __slots__ = ()

    def __init__(
        self,
        min_cluster_size: int,
        min_samples: int | None = None,
        *,
        cluster_selection_method: Literal["eom", "leaf"] = "eom",
        cluster_selection_epsilon: float = 0.0,
        allow_single_cluster: bool = False,
        max_cluster_size: int | None = None,
    ) -> None:
        self._engine = self._Engine(
            min_cluster_size,
            min_samples,
            cluster_selection_method=cluster_selection_method,
            cluster_selection_epsilon=cluster_selection_epsilon,
            allow_single_cluster=allow_single_cluster,
            max_cluster_size=max_cluster_size,
        )

    @property
    def min_cluster_size(self) -> int:
        """Fewest rows of a cluster."""
        return self._engine.min_cluster_size

    @property
    def min_samples(self) -> int | None:
        """Rows within a core distance, the row itself counted; None: as many as ``min_cluster_size``."""
        return self._engine.min_samples

    @property
    def cluster_selection_method(self) -> Literal["eom", "leaf"]:
        """Which clusters of the hierarchy are taken."""
        return self._engine.cluster_selection_method

    @property
    def cluster_selection_epsilon(self) -> float:
        """Distance below which clusters do not part."""
        return self._engine.cluster_selection_epsilon

    @property
    def allow_single_cluster(self) -> bool:
        """Whether all rows may be one cluster."""
        return self._engine.allow_single_cluster

    @property
    def max_cluster_size(self) -> int | None:
        """Most rows of a cluster."""
        return self._engine.max_cluster_size

    @property
    def labels_(self) -> NDArray[np.int64]:
        """The cluster of each row of the fit, -1 for noise, (n,)."""
        return self._engine.labels_

    @property
    def probabilities_(self) -> NDArray[np.float64]:
        """How firmly each row belongs to its cluster, (n,): 1 in its densest part, 0 for noise."""
        return self._engine.probabilities_

    @property
    def outlier_scores_(self) -> NDArray[np.float64]:
        """GLOSH [3]_, (n,): how much less dense each row's place is than the densest around it, between 0 and 1."""
        return self._engine.outlier_scores_

    @property
    def counts_(self) -> NDArray[np.int64]:
        """Rows of each cluster, (k,)."""
        return self._engine.counts_

    @property
    def cluster_persistence_(self) -> NDArray[np.float64]:
        """How long each cluster's rows stay in it while the density rises to its end, (k,): 1 where all do."""
        return self._engine.cluster_persistence_

    @property
    def core_distances_(self) -> NDArray[np.float64]:
        """The distance of each row to its ``min_samples``-th nearest one, itself the first, (n,)."""
        return self._engine.core_distances_

    @property
    def tree_lengths_(self) -> NDArray[np.float64]:
        """Lengths of the minimum spanning tree's edges, the shortest first, (n - 1,); none with too few rows."""
        return self._engine.tree_lengths_

    @property
    def condensed_tree_(self) -> CondensedTree:
        """The hierarchy of the clusters."""
        return CondensedTree(*self._engine.condensed_tree_)

    @property
    def n_clusters_(self) -> int:
        """Clusters, k."""
        return self._engine.n_clusters_

    def fit(self, x: Table) -> Self:
        """Find the clusters of the rows.

        Parameters
        ----------
        x : array of float64 or float32, frame or series, shape (n, d) or (n,)
            Rows = samples, columns = sensors. Any memory layout; nothing is changed.

        Returns
        -------
        HDBSCAN
            Itself.

        Raises
        ------
        TypeError
            ``x`` is neither a float array nor a frame or series of numbers.
        ValueError
            ``x`` has no row, or a value is missing (NaN or infinite): ``impute`` fills gaps.
        MemoryError
            The copy of the data or the tree does not fit.

        Warns
        -----
        UserWarning
            There are fewer rows than ``min_cluster_size`` or ``min_samples``: all of them are noise.
        """
        values, names = self._learned(x)
        self._engine.fit(values, names=names)
        return self

    def approximate_predict(self, x: Table) -> tuple[Any, Any]:
        """Tell the clusters of other rows; the clusters themselves stay as they are.

        Parameters
        ----------
        x : array of float64 or float32, frame or series, shape (n, d) or (n,)
            Rows to place, each by itself.

        Returns
        -------
        labels : array of int64 or series, shape (n,)
            The cluster at the place where the row would join the hierarchy by the row of the fit that it reaches first;
            -1 for noise. Rows of the fit may get another label than in ``labels_``: they count twice.
        probabilities : array of float64 or series, shape (n,)
            How firmly it belongs there; 0 for noise.

        Raises
        ------
        RuntimeError
            Before ``fit``.
        TypeError
            ``x`` is neither a float array nor a frame of numbers.
        ValueError
            A value is missing; ``x`` has another number of columns than at fit, or columns of other names.
        """
        if isinstance(x, np.ndarray):
            return self._engine.approximate_predict(x)
        sheet = self._rows(x)
        labels, probabilities = self._engine.approximate_predict(sheet.values)
        return sheet.line(labels, "cluster"), sheet.line(probabilities, "probability")

    @overload
    def membership(self, x: Floats) -> NDArray[np.float64]: ...
    @overload
    def membership(self, x: Table) -> Any: ...
    def membership(self, x: Table) -> Any:
        """How far up each row is still connected with each cluster.

        Parameters
        ----------
        x : array of float64 or float32, frame or series, shape (n, d) or (n,)
            Rows to place, each by itself.

        Returns
        -------
        array of float64, frame or series, shape (n, k)
            The density at which the row and the cluster part, over that of the cluster's end: between 0 and 1, the
            row's probability for its own cluster. Rows need not sum to 1: what lies between two clusters is close to
            both, and noise to none.

        Raises
        ------
        RuntimeError
            Before ``fit``.
        TypeError
            ``x`` is neither a float array nor a frame of numbers.
        ValueError
            A value is missing; ``x`` has another number of columns than at fit, or columns of other names.
        """
        return self._tables(
            self._engine.membership, x, labels=lambda: [f"cluster_{number}" for number in range(self.n_clusters_)]
        )

    @overload
    def score(self, x: Floats) -> NDArray[np.float64]: ...
    @overload
    def score(self, x: Table) -> Any: ...
    def score(self, x: Table) -> Any:
        """How much of an outlier each of other rows is.

        Parameters
        ----------
        x : array of float64 or float32, frame or series, shape (n, d) or (n,)
            Rows to score, each by itself.

        Returns
        -------
        array of float64 or series, shape (n,)
            GLOSH [1]_ at the place where the row would join the hierarchy: how much less dense that is than the densest
            around it, between 0 and 1; higher is more abnormal.

        Raises
        ------
        RuntimeError
            Before ``fit``.
        TypeError
            ``x`` is neither a float array nor a frame of numbers.
        ValueError
            A value is missing; ``x`` has another number of columns than at fit, or columns of other names.

        Notes
        -----
        .. [1] Campello, Moulavi, Zimek and Sander, Hierarchical density estimates for data clustering, visualization,
               and outlier detection, 2015, doi 10.1145/2733381.
        """
        return self._lines(self._engine.score, x, "score")
