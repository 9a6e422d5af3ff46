"""Rows that few random splits set apart."""

from __future__ import annotations

from typing import Any, Literal, Self, overload

import numpy as np
from numpy.typing import NDArray

from acm_rs import _native
from acm_rs.frames import XT, Floats, Table
from acm_rs.model import Detector, Watching


class IsolationForest(Watching, Detector):
    """Isolation forest: rows that few random splits set apart from the others are abnormal.

    Parameters
    ----------
    n_estimators : int, default 100
        Trees, at most 1,000,000.
    max_samples : int, float or "auto", default 256
        Rows that each tree is grown from, drawn without replacement: a number of rows, at least 2 (all where there are
        fewer), a share of them in (0, 1] that makes at least 2, or "auto" for 256.
    extension : int, default 0
        Sensors that a split looks at beyond the first. 0: splits along the axes; more: oblique ones (extended isolation
        forest). More than there are sensors counts as all.
    seed : int, default 17
        The same seed and data give the same forest, whatever the number of threads.
    constants : {"watch", "ignore"}, default "watch"
        Whether a sensor that stood still in all of the training and moves later is an alarm of its own that names it
        (``constants_``, ``moved``), or has no part in anything.

    Raises
    ------
    TypeError
        A parameter is of another type.
    ValueError
        A parameter is outside what it may be.

    Notes
    -----
    score(x) = 2^(-h(x) / c(max_samples_)), with h the mean path length of the row over the trees and c(n) that of an
    unsuccessful search in a binary search tree of n keys [1]_; about 0.5 for an average row, towards 1 for one that
    stands alone. A split draws a sensor among those that vary at the node and a threshold evenly between its least and
    greatest value; a tree is at most ceil(log2(max_samples_)) high. Values and thresholds are compared in float64.

    NaN and infinity are missing: they go down the branch that took more of the training rows.

    With ``extension`` a split looks at ``extension + 1`` sensors along a random direction [2]_, in units of each
    sensor's span at the node, so that units of measurement do not matter; its offset is drawn evenly between the node's
    rows [3]_. A missing value stands at the node's mean of the sensor.

    .. [1] Liu, Ting and Zhou, Isolation Forest, 2008, doi 10.1109/ICDM.2008.17.
    .. [2] Hariri, Carrasco Kind and Brunner, Extended Isolation Forest, 2021, doi 10.1109/TKDE.2019.2947676.
    .. [3] Lesouple, Baudoin, Spigai and Tourneret, Generalized isolation forest for anomaly detection, 2021,
           doi 10.1016/j.patrec.2021.05.022.

    Examples
    --------
    >>> import numpy as np, acm_rs
    >>> x = np.random.default_rng(0).normal(50.0, 2.0, (500, 3))
    >>> forest = acm_rs.IsolationForest().fit(x)
    >>> rows = x[:3].copy()
    >>> rows[1, 2] = 75.0
    >>> int(forest.score(rows).argmax()), int(forest.contributions(rows)[1].argmax())
    (1, 2)
    """

    _Engine = _native.IsolationForest
    __slots__ = ()

    def __init__(
        self,
        n_estimators: int = 100,
        max_samples: int | float | Literal["auto"] = 256,
        extension: int = 0,
        seed: int = 17,
        *,
        constants: Literal["watch", "ignore"] = "watch",
    ) -> None:
        self._engine = self._Engine(n_estimators, max_samples, extension, seed, constants=constants)

    @property
    def n_estimators(self) -> int:
        """Trees."""
        return self._engine.n_estimators

    @property
    def max_samples(self) -> int | float | Literal["auto"]:
        """Rows that each tree is to be grown from, or their share."""
        return self._engine.max_samples

    @property
    def extension(self) -> int:
        """Sensors that a split looks at beyond the first."""
        return self._engine.extension

    @property
    def seed(self) -> int:
        """What is drawn, is drawn from it."""
        return self._engine.seed

    @property
    def max_samples_(self) -> int:
        """Rows that each tree was grown from."""
        return self._engine.max_samples_

    @property
    def n_nodes_(self) -> int:
        """Nodes of all trees together."""
        return self._engine.n_nodes_

    @property
    def used_(self) -> NDArray[np.bool_]:
        """False for sensors without two different training values, which no split looks at, (d,)."""
        return self._engine.used_

    def fit(self, x: Table) -> Self:
        """Grows the trees from healthy data.

        Parameters
        ----------
        x : array of float64 or float32, frame or series, shape (n, d) or (n,)
            Rows = time, columns = sensors. Arrays of any memory layout are read where they lie, frames column by
            column; nothing is changed.

        Returns
        -------
        IsolationForest
            Itself.

        Raises
        ------
        TypeError
            ``x`` is neither a float array nor a frame of numbers.
        ValueError
            ``x`` has fewer than two rows, no column, or no sensor that changes, or ``max_samples`` is a share of less
            than two rows.

        Warns
        -----
        UserWarning
            Sensors are not used because they have no value or do not change.
        """
        values, names = self._learned(x)
        self._engine.fit(values, names=names)
        return self

    @overload
    def score(self, x: Floats) -> NDArray[np.float64]: ...
    @overload
    def score(self, x: Table) -> Any: ...
    def score(self, x: Table) -> Any:
        """How soon random splits set each row apart.

        Parameters
        ----------
        x : array of float64 or float32, frame or series, shape (n, d) or (n,)
            Rows to judge; each by itself.

        Returns
        -------
        array of float64 or series, shape (n,)
            In (0, 1]; higher is more abnormal, about 0.5 for an average row.

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
        """The same as ``score``: the forest remembers no rows.

        Parameters
        ----------
        x : array of float64 or float32, frame or series, shape (n, d) or (n,)
            The next rows, any number.

        Returns
        -------
        array of float64 or series, shape (n,)
            Their scores.

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
        """What each sensor does to set each row apart.

        Parameters
        ----------
        x : array of float64 or float32, frame or series, shape (n, d) or (n,)
            Rows to explain.

        Returns
        -------
        array of float64, frame or series, shape of ``x``
            A row's values sum to the mean over the trees of (mean path length of the tree's training rows) / (path
            length of the row) - 1: about 0 for an average row, 1 for one that is set apart in half the steps. Negative:
            the sensor made the path longer.

        Raises
        ------
        RuntimeError
            Before ``fit``.
        TypeError
            ``x`` is neither a float array nor a frame of numbers.
        ValueError
            ``x`` has another number of columns than at fit, or columns of other names.

        Notes
        -----
        A split is credited with the mean path length of the training rows at its node less that of those which went the
        same way, relative to the row's path length in that tree. An oblique split is shared among its sensors by how
        far each moves the row along the direction. Paths as explanations: Carletti, Terzi and Susto, 2023, doi
        10.1016/j.engappai.2022.105730."""
        return self._tables(self._engine.contributions, x)

    def limit(self, alpha: float = 0.01) -> float:
        """What a healthy row's score exceeds with probability ``alpha``.

        Parameters
        ----------
        alpha : float, default 0.01
            Between 0 and 1.

        Returns
        -------
        float
            From up to 2,500 of the training rows, evenly chosen, each judged by the trees that were not grown from it.
            Rows with readings that no healthy machine has (error codes, spikes, rows unlike the others) do not count.

        Raises
        ------
        RuntimeError
            Before ``fit``.
        ValueError
            ``alpha`` does not lie between 0 and 1, or the model is from a file of a former version, which has no scores
            of healthy rows.
        """
        return self._engine.limit(alpha)
