"""What a machine usually does, and which of that it is doing now."""

from __future__ import annotations

from typing import Any, Literal, Self, overload

import numpy as np
from numpy.typing import NDArray

from acm_rs import _native
from acm_rs.frames import XT, Floats, Table
from acm_rs.model import Detector, Screening, Watching


class RegimeModel(Watching, Screening, Detector):
    """Operating regimes of a machine: what it usually does, which of that it is doing now, and how sure that is.

    Parameters
    ----------
    n_regimes : int or "auto", default "auto"
        Regimes, or as many as the silhouette of at most 4,000 training rows likes best, one where they have no
        clusters: see ``choose_k``.
    method : {"kmeans", "hdbscan"}, default "kmeans"
        What finds them: k-means, in which every row has a place, or `HDBSCAN` [3]_, which finds how many dense parts
        there are; rows between them are UNKNOWN. ``n_regimes`` stays "auto" then.
    k_max : int, default 6
        Most regimes that "auto" looks for by k-means, at least 2.
    min_rows : int, default 30
        A regime of fewer training rows takes scale and limit from all rows together; HDBSCAN calls nothing smaller a
        regime, nor what has fewer than 30 rows or 2 % of them.
    unknown_quantile : float, default 0.995
        Share of a regime's training distances that its limit covers before the margin.
    margin : float, default 1.5
        Factor of the limit, at least 1.
    smoothing : int, default 1
        Rows that ``track`` smooths labels over.
    seed : int, default 17
        What the starts of k-means and the sample are drawn from.
    constants : {"watch", "ignore"}, default "watch"
        Whether a sensor that stood still in all of the training and moves later is an alarm of its own that names it
        (``constants_``, ``moved``), and the row UNKNOWN; or has no part in anything.

    Raises
    ------
    TypeError
        A parameter is of another type.
    ValueError
        A parameter is outside what it may be.

    Notes
    -----
    Sensors are scaled by median and interquartile range (the range of the inner 98 % where that is 0), training values
    drawn in to their 0.1 % and 99.9 % quantiles, and parted by k-means [1]_, beyond 20 sensors on their first 20
    principal components. HDBSCAN sees the same, equal readings spread over the step between those around them, and its
    clusters count where they stand out: a quarter of a cluster's rows have three times as many rows around them, as far
    as it is to where it parts from the others, as there are at that place [4]_. Where no two do, there is one regime,
    of all rows but the few (at most 5 %, or as many as are too few for a regime and 10 %) beyond a break of their
    distances from the middle, over all sensors or in one: there these grow faster than in the cloud's shoulder and than
    in a tail of finite variance [5]_. Where more than half of the rows are noise, k-means is taken. Noise has no part
    in centres, scales and limits, and is UNKNOWN in ``labels_``. Other rows belong to the nearest centre with either
    method. A row's distance to a centre is Euclidean over the scaled sensors. NaN and infinity are missing: at fit they
    take the median; later they take no part, and the squared distance over the known sensors counts for all [2]_,
    because the median of a machine with regimes may lie in none of them. A row without any known sensor is UNKNOWN and
    has no score (NaN).

    .. [1] Lloyd, Least squares quantization in PCM, IEEE Transactions on Information Theory 28, 1982,
           doi 10.1109/TIT.1982.1056489.
    .. [2] Dixon, Pattern recognition with partly missing data, IEEE Transactions on Systems, Man, and Cybernetics 9,
           1979, doi 10.1109/TSMC.1979.4310090.
    .. [3] Campello, Moulavi and Sander, Density-based clustering based on hierarchical density estimates, 2013, doi
           10.1007/978-3-642-37456-2_14.
    .. [4] Kpotufe and von Luxburg, Pruning nearest neighbor cluster trees, ICML 2011, arXiv 1105.0540.
    .. [5] After Hill, A simple general approach to inference about the tail of a distribution, Annals of Statistics 3,
           1975, doi 10.1214/aos/1176343247.

    Examples
    --------
    >>> import numpy as np, acm_rs
    >>> random = np.random.default_rng(0)
    >>> running = random.normal([1500.0, 8.0], [10.0, 0.3], (300, 2))
    >>> standing = random.normal([0.0, 0.1], [1.0, 0.02], (200, 2))
    >>> model = acm_rs.RegimeModel().fit(np.vstack([running, standing]))
    >>> model.n_regimes_
    2
    >>> model.predict(np.array([[1503.0, 8.1], [0.5, 0.1], [9000.0, 8.0]]))
    array([ 0,  1, -1])
    """

    _Engine = _native.RegimeModel
    __slots__ = ()

    def __init__(
        self,
        n_regimes: int | Literal["auto"] = "auto",
        *,
        method: Literal["kmeans", "hdbscan"] = "kmeans",
        k_max: int = 6,
        min_rows: int = 30,
        unknown_quantile: float = 0.995,
        margin: float = 1.5,
        smoothing: int = 1,
        seed: int = 17,
        constants: Literal["watch", "ignore"] = "watch",
    ) -> None:
        self._engine = self._Engine(
            n_regimes,
            method=method,
            k_max=k_max,
            min_rows=min_rows,
            unknown_quantile=unknown_quantile,
            margin=margin,
            smoothing=smoothing,
            seed=seed,
            constants=constants,
        )

    @property
    def n_regimes(self) -> int | Literal["auto"]:
        """Regimes that were asked for."""
        return self._engine.n_regimes

    @property
    def method(self) -> Literal["kmeans", "hdbscan"]:
        """What finds the regimes; "kmeans" in files of former versions."""
        return self._engine.method

    @property
    def k_max(self) -> int:
        """Most regimes that "auto" looks for."""
        return self._engine.k_max

    @property
    def min_rows(self) -> int:
        """Training rows from which on a regime has a scale and limit of its own."""
        return self._engine.min_rows

    @property
    def unknown_quantile(self) -> float:
        """Share of a regime's training distances that its limit covers before the margin."""
        return self._engine.unknown_quantile

    @property
    def margin(self) -> float:
        """Factor of the limit."""
        return self._engine.margin

    @property
    def smoothing(self) -> int:
        """Rows that ``track`` smooths labels over."""
        return self._engine.smoothing

    @property
    def seed(self) -> int:
        """What is drawn, is drawn from it."""
        return self._engine.seed

    @property
    def centers_(self) -> NDArray[np.float64]:
        """Centre of each regime in the sensors' units, (k, d)."""
        return self._engine.centers_

    @property
    def spreads_(self) -> NDArray[np.float64]:
        """Robust standard deviation of each sensor within each regime, in its unit, (k, d)."""
        return self._engine.spreads_

    @property
    def regimes_(self) -> NDArray[np.int64]:
        """The number of each regime, which ``predict`` gives, (k,)."""
        return self._engine.regimes_

    @property
    def counts_(self) -> NDArray[np.int64]:
        """Training rows nearest to each centre, (k,)."""
        return self._engine.counts_

    @property
    def scale_(self) -> NDArray[np.float64]:
        """Median distance of those rows to the centre, in scaled units, (k,)."""
        return self._engine.scale_

    @property
    def limits_(self) -> NDArray[np.float64]:
        """Score beyond which a row is UNKNOWN, (k,)."""
        return self._engine.limits_

    @property
    def used_(self) -> NDArray[np.bool_]:
        """False for sensors that did not change at fit and are left out, (d,)."""
        return self._engine.used_

    @property
    def labels_(self) -> NDArray[np.int64]:
        """Regimes of the training rows, (n,): ``predict`` of them; HDBSCAN's clusters and -1 for its noise."""
        return self._engine.labels_

    @property
    def n_regimes_(self) -> int:
        """Regimes, k."""
        return self._engine.n_regimes_

    def fit(self, x: Table, reference: RegimeModel | None = None) -> Self:
        """Learn the regimes of a history.

        Parameters
        ----------
        x : array of float64 or float32, frame or series, shape (n, d) or (n,)
            Rows = time, columns = sensors. Arrays of any memory layout are read where they lie, frames column by
            column; nothing is changed.
        reference : RegimeModel, optional
            A fitted model of the same sensors: regimes that share at least half of the rows of the smaller one with one
            of its own keep its numbers (``align_labels``), others get new ones. Otherwise the largest regime has number
            0.

        Returns
        -------
        RegimeModel
            Itself.

        Raises
        ------
        TypeError
            ``x`` is neither a float array nor a frame of numbers, or ``reference`` no RegimeModel.
        RuntimeError
            ``reference`` is not fitted.
        ValueError
            ``x`` has fewer rows than regimes, no column that changes, or other columns than the reference.

        Warns
        -----
        UserWarning
            Readings or rows are left out of the fit (``left_out_``); with HDBSCAN readings alone, with a given number
            of regimes also lone rows that are like no others. More than half of the rows are noise to HDBSCAN, and
            k-means is taken; some are far from its one regime; or more than 1 % are nearer to another regime's centre
            than to that of their own.
        """
        values, names = self._learned(x)
        known: Any = reference
        if isinstance(reference, RegimeModel):
            reference._admit(names, "`reference`")
            known = reference._engine
        self._engine.fit(values, known, names=names)
        return self

    @overload
    def score(self, x: Floats) -> NDArray[np.float64]: ...
    @overload
    def score(self, x: Table) -> Any: ...
    def score(self, x: Table) -> Any:
        """How far each row is from what its regime usually does.

        Parameters
        ----------
        x : array of float64 or float32, frame or series, shape (n, d) or (n,)
            Rows to look at, each by itself.

        Returns
        -------
        array of float64 or series, shape (n,)
            Distance to the nearest centre over ``scale_`` of its regime: 1 is usual, higher is more abnormal. NaN for
            rows without a known sensor.

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
        """The same as ``score``: a row's score does not depend on the rows before it.

        Parameters
        ----------
        x : array of float64 or float32, frame or series, shape (n, d) or (n,)
            Rows to look at, each by itself.

        Returns
        -------
        array of float64 or series, shape (n,)
            Higher is more abnormal.

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
        """What each sensor adds to the squared score.

        Parameters
        ----------
        x : array of float64 or float32, frame or series, shape (n, d) or (n,)
            Rows to look at, each by itself.

        Returns
        -------
        array of float64, frame or series, shape of ``x``
            A row sums to its squared score; 0 for sensors that are missing or left out.

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
        """The regime of each row.

        Parameters
        ----------
        x : array of float64 or float32, frame or series, shape (n, d) or (n,)
            Rows to look at, each by itself.

        Returns
        -------
        array of int64 or series, shape (n,)
            A number of ``regimes_``; -1, UNKNOWN, for rows beyond their limit or without a known sensor.

        Raises
        ------
        RuntimeError
            Before ``fit``.
        TypeError
            ``x`` is neither a float array nor a frame of numbers.
        ValueError
            ``x`` has another number of columns than at fit, or columns of other names.
        """
        return self._lines(self._engine.predict, x, "regime")

    @overload
    def track(self, x: Floats) -> NDArray[np.int64]: ...
    @overload
    def track(self, x: Table) -> Any: ...
    def track(self, x: Table) -> Any:
        """The regimes of the rows that follow those given to ``track`` before, smoothed over ``smoothing`` rows.

        Parameters
        ----------
        x : array of float64 or float32, frame or series, shape (n, d) or (n,)
            Rows to look at, each by itself.

        Returns
        -------
        array of int64 or series, shape (n,)
            ``smooth_labels(labels, smoothing, causal=True)`` of the labels of the whole history since ``fit``.

        Raises
        ------
        RuntimeError
            Before ``fit``.
        TypeError
            ``x`` is neither a float array nor a frame of numbers.
        ValueError
            ``x`` has another number of columns than at fit, or columns of other names.
        """
        return self._lines(self._engine.track, x, "regime")

    @overload
    def confidence(self, x: Floats) -> NDArray[np.float64]: ...
    @overload
    def confidence(self, x: Table) -> Any: ...
    def confidence(self, x: Table) -> Any:
        """How sure the regime of each row is.

        Parameters
        ----------
        x : array of float64 or float32, frame or series, shape (n, d) or (n,)
            Rows to look at, each by itself.

        Returns
        -------
        array of float64 or series, shape (n,)
            Between 0 and 1: (limit - score) / (limit - 1) within 0 and 1, times 1 - (d1 / d2)^2 with the distances to
            the nearest and the next centre. 0 for UNKNOWN rows.

        Raises
        ------
        RuntimeError
            Before ``fit``.
        TypeError
            ``x`` is neither a float array nor a frame of numbers.
        ValueError
            ``x`` has another number of columns than at fit, or columns of other names.
        """
        return self._lines(self._engine.confidence, x, "confidence")

    @overload
    def transform(self, x: Floats) -> NDArray[np.float64]: ...
    @overload
    def transform(self, x: Table) -> Any: ...
    def transform(self, x: Table) -> Any:
        """The distance of each row to each centre.

        Parameters
        ----------
        x : array of float64 or float32, frame or series, shape (n, d) or (n,)
            Rows to look at, each by itself.

        Returns
        -------
        array of float64, frame or series, shape (n, k)
            In scaled units; NaN for rows without a known sensor.

        Raises
        ------
        RuntimeError
            Before ``fit``.
        TypeError
            ``x`` is neither a float array nor a frame of numbers.
        ValueError
            ``x`` has another number of columns than at fit, or columns of other names.
        """
        return self._tables(self._engine.transform, x, labels=lambda: [f"regime_{number}" for number in self.regimes_])
