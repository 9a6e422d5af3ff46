"""Rows parted into clusters."""

from __future__ import annotations

from typing import Any, Self, overload

import numpy as np
from numpy.typing import NDArray

from acm_rs import _native
from acm_rs.frames import XT, Floats, Frame, Line, Table, listed, opened
from acm_rs.model import Detector, row_weights


def _centers(centers: Frame, names: tuple[str, ...] | None) -> Any:
    """What the engine takes of them; they have the columns of the rows."""
    sheet = opened(centers, "centers")
    if sheet is None:
        return centers
    if names is not None and sheet.names is not None and sheet.names != names:
        raise ValueError(f"`centers` must have the columns of `x`, {listed(names)}, got {listed(sheet.names)}")
    return sheet.values


class KMeans(Detector):
    """k-means: rows parted into clusters, each around the mean of its rows.

    Parameters
    ----------
    n_clusters : int
        Clusters, k; at least 1.
    n_init : int, default 10
        Starts, of which the one with the lowest inertia is kept.
    max_iter : int, default 300
        Most iterations of a start.
    tol : float, default 1e-4
        A start is over when the sum of the centres' squared shifts is at most ``tol`` times the mean variance of the
        columns.
    seed : int, default 17
        Starts are drawn from it; between 0 and 2^64 - 1.

    Raises
    ------
    TypeError
        A parameter is of another type.
    ValueError
        A parameter is outside what it may be.

    Notes
    -----
    A start draws its centres from the rows by greedy k-means++ [1]_; Lloyd's iterations [2]_ follow. Then
    as many starts again set out from the best centres, each with one of them drawn anew, the least useful first, while
    that saves a thousandth of the inertia. Distances are sums of squared differences about the columns' medians, so
    that offsets cost no digits. Columns are taken in their units: bring them to a common scale first where they differ.
    A cluster that loses its last row takes the row that lies farthest from its own centre. With fewer different rows
    than clusters some clusters stay empty (``counts_`` 0) and their centres repeat others. NaN and infinity are
    missing: they count as the median of the column at fit. Values farther than 1e150 from it count as that far.

    The same seed gives the same bytes for any number of threads and any memory layout. A fit holds a packed copy of the
    data, 16 n bytes for each start, and 8 (3 + ln k) n bytes while one is drawn.

    .. [1] Arthur and Vassilvitskii, k-means++: the advantages of careful seeding, SODA 2007, pages 1027-1035.
    .. [2] Lloyd, Least squares quantization in PCM, 1982, doi 10.1109/TIT.1982.1056489.

    Examples
    --------
    >>> import numpy as np, acm_rs
    >>> x = np.random.default_rng(0).normal(0.0, 1.0, (300, 2))
    >>> x[:100] += 20.0
    >>> model = acm_rs.KMeans(2).fit(x)
    >>> model.predict(x[99:101]).tolist() == model.labels_[99:101].tolist()
    True
    >>> sorted(np.bincount(model.labels_).tolist())
    [100, 200]
    """

    _Engine = _native.KMeans
    __slots__ = ()

    def __init__(
        self, n_clusters: int, n_init: int = 10, max_iter: int = 300, tol: float = 0.0001, seed: int = 17
    ) -> None:
        self._engine = self._Engine(n_clusters, n_init, max_iter, tol, seed)

    @property
    def n_clusters(self) -> int:
        """Clusters, k."""
        return self._engine.n_clusters

    @property
    def n_init(self) -> int:
        """Starts."""
        return self._engine.n_init

    @property
    def max_iter(self) -> int:
        """Most iterations of a start."""
        return self._engine.max_iter

    @property
    def tol(self) -> float:
        """Squared shift of the centres, relative to the columns' variance, at which a start is over."""
        return self._engine.tol

    @property
    def seed(self) -> int:
        """What is drawn, is drawn from it."""
        return self._engine.seed

    @property
    def cluster_centers_(self) -> NDArray[np.float64]:
        """The clusters' means, in the columns' units, (k, d)."""
        return self._engine.cluster_centers_

    @property
    def labels_(self) -> NDArray[np.int64]:
        """The cluster of each row of the fit, or of the latest mini-batch, (n,)."""
        return self._engine.labels_

    @property
    def counts_(self) -> NDArray[np.float64]:
        """Weight of the rows that each centre is the mean of, (k,)."""
        return self._engine.counts_

    @property
    def inertia_(self) -> float:
        """Sum of the squared distances of the rows of ``labels_`` to their centres, times their weights."""
        return self._engine.inertia_

    @property
    def n_iter_(self) -> int:
        """Iterations of the start that was kept (0 without a fit), plus the mini-batches taken since."""
        return self._engine.n_iter_

    def fit(self, x: Table, sample_weight: Line | None = None, *, centers: Frame | None = None) -> Self:
        """Find the clusters of the rows.

        Parameters
        ----------
        x : array of float64 or float32, frame or series, shape (n, d) or (n,)
            Rows = samples, at least as many as clusters; columns = sensors. Any memory layout; nothing is changed.
        sample_weight : array of float64 or float32, or series, shape (n,), optional
            How much each row counts: finite, at least 0, not all 0.
        centers : array of float64 or float32, or frame, shape (k, d), optional
            Start from these, once, in place of drawn starts.

        Returns
        -------
        KMeans
            Itself.

        Raises
        ------
        TypeError
            An argument is neither a float array nor a frame or series of numbers.
        ValueError
            ``x`` has fewer rows than clusters or no value that is not missing; weights or centres are not what they
            must be.
        MemoryError
            The packed copy of the data does not fit.
        """
        values, names = self._learned(x)
        starts = centers if centers is None else _centers(centers, names)
        self._engine.fit(values, row_weights(sample_weight, x), centers=starts, names=names)
        return self

    def partial_fit(self, x: Table, sample_weight: Line | None = None) -> Self:
        """Move the centres by a mini-batch: each becomes the mean of all rows that were its own so far.

        Parameters
        ----------
        x : array of float64 or float32, frame or series, shape (n, d) or (n,)
            The next rows. The first batch of a model that is not fitted has at least as many rows as clusters; the
            centres start from it.
        sample_weight : array of float64 or float32, or series, shape (n,), optional
            How much each row counts: finite, at least 0, not all 0.

        Returns
        -------
        KMeans
            Itself.

        Raises
        ------
        TypeError
            An argument is neither a float array nor a frame or series of numbers.
        ValueError
            ``x`` has another number of columns than before, or too few rows.

        Notes
        -----
        The steps of Sculley [1]_ for the rows of a batch taken at once. Missing values count as the medians
        of the first batch, or of the fit.

        .. [1] Sculley, Web-scale k-means clustering, WWW 2010, doi 10.1145/1772690.1772862.
        """
        values, names = self._learned(x)
        self._admit(names, "the KMeans")
        self._engine.partial_fit(values, row_weights(sample_weight, x), names=names)
        return self

    @overload
    def score(self, x: Floats) -> NDArray[np.float64]: ...
    @overload
    def score(self, x: Table) -> Any: ...
    def score(self, x: Table) -> Any:
        """The distance of each row to the nearest centre.

        Parameters
        ----------
        x : array of float64 or float32, frame or series, shape (n, d) or (n,)
            Rows to score.

        Returns
        -------
        array of float64 or series, shape (n,)
            Euclidean distances, in the columns' unit; higher is more abnormal.

        Raises
        ------
        RuntimeError
            Before ``fit``.
        TypeError
            ``x`` is neither a float array nor a frame of numbers.
        ValueError
            ``x`` has another number of columns than at fit, or columns of other names.
        """
        return self._lines(self._engine.score, x, "score")

    @overload
    def update(self, x: Floats) -> NDArray[np.float64]: ...
    @overload
    def update(self, x: Table) -> Any: ...
    def update(self, x: Table) -> Any:
        """The same as ``score``: a row's distance does not depend on the rows before.

        Parameters
        ----------
        x : array of float64 or float32, frame or series, shape (n, d) or (n,)
            The next rows, any number.

        Returns
        -------
        array of float64 or series, shape (n,)
            Distances to the nearest centre. The centres stay: ``partial_fit`` moves them.

        Raises
        ------
        RuntimeError
            Before ``fit``.
        TypeError
            ``x`` is neither a float array nor a frame of numbers.
        ValueError
            ``x`` has another number of columns than at fit, or columns of other names.
        """
        return self._lines(self._engine.update, x, "score")

    @overload
    def contributions(self, x: Floats) -> NDArray[np.float64]: ...
    @overload
    def contributions(self, x: XT) -> XT: ...
    def contributions(self, x: Table) -> Any:
        """What each column adds to the squared score: its squared difference to the nearest centre.

        Parameters
        ----------
        x : array of float64 or float32, frame or series, shape (n, d) or (n,)
            Rows to explain.

        Returns
        -------
        array of float64, frame or series, shape of ``x``
            A row's contributions sum to the square of its score.

        Raises
        ------
        RuntimeError
            Before ``fit``.
        TypeError
            ``x`` is neither a float array nor a frame of numbers.
        ValueError
            ``x`` has another number of columns than at fit, or columns of other names.
        """
        return self._tables(self._engine.contributions, x)

    @overload
    def predict(self, x: Floats) -> NDArray[np.int64]: ...
    @overload
    def predict(self, x: Table) -> Any: ...
    def predict(self, x: Table) -> Any:
        """The cluster of each row: the number of the nearest centre.

        Parameters
        ----------
        x : array of float64 or float32, frame or series, shape (n, d) or (n,)
            Rows to place.

        Returns
        -------
        array of int64 or series, shape (n,)
            The lowest number of equally near centres.

        Raises
        ------
        RuntimeError
            Before ``fit``.
        TypeError
            ``x`` is neither a float array nor a frame of numbers.
        ValueError
            ``x`` has another number of columns than at fit, or columns of other names.
        """
        return self._lines(self._engine.predict, x, "cluster")

    @overload
    def transform(self, x: Floats) -> NDArray[np.float64]: ...
    @overload
    def transform(self, x: Table) -> Any: ...
    def transform(self, x: Table) -> Any:
        """The distance of each row to each centre.

        Parameters
        ----------
        x : array of float64 or float32, frame or series, shape (n, d) or (n,)
            Rows to measure.

        Returns
        -------
        array of float64, frame or series, shape (n, k)
            Euclidean distances.

        Raises
        ------
        RuntimeError
            Before ``fit``.
        TypeError
            ``x`` is neither a float array nor a frame of numbers.
        ValueError
            ``x`` has another number of columns than at fit, or columns of other names.
        """
        return self._tables(
            self._engine.transform, x, labels=lambda: [f"cluster_{number}" for number in range(self.n_clusters)]
        )
