"""Several scores as one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal, Self, overload

import numpy as np
from numpy.typing import NDArray

from acm_rs import _native
from acm_rs.frames import XT, Floats, Labels, Table
from acm_rs.kernels import unlabelled
from acm_rs.model import Model, states


class ScoreFusion(Model):
    """Several scores as one: each brought to a common scale by its training scores, then combined.

    Parameters
    ----------
    scale : {"robust", "tail", "cube_root"}, default "robust"
        The common scale. "robust": (s - median) / (1.4826 MAD) of the training scores. "tail": -log10 of the share of
        training scores at or above s, on beyond the largest as an exponential tail. "cube_root": (cbrt(s) - mean) /
        standard deviation of the training scores' cube roots, close to normal for squared distances such as SPE and T².
    combine : {"max", "mean", "sum", "p95"}, default "max"
        How the scaled and weighted scores of a row become one; "mean" divides by the sum of the weights.
    weights : sequence or series of float, length m, optional
        A factor for each scaled score, at least 0; 1 by default. "max" and "p95" divide scaled scores below 0 by it
        instead and leave out scores of weight 0. With "max", 1 / limit makes 1 the limit of the fused score.
    min_rows : int, default 50
        Training rows that a regime needs for a scale of its own.

    Raises
    ------
    TypeError
        A parameter is of another type.
    ValueError
        A parameter is outside what it may be.

    Notes
    -----
    Every scale keeps the order of a score, beyond its training scores too. Where the MAD is 0 the standard deviation
    stands in for it. A missing score (NaN, infinity) counts as its training median. "cube_root" is the approximation of
    Wilson and Hilferty [1]_. Under "max" and "p95" a greater weight makes a score count more on either side of 0:
    multiplied, a score below 0 would gain by a small weight.

    .. [1] Wilson and Hilferty, The distribution of chi-square, Proceedings of the National Academy of Sciences 17,
           1931, doi 10.1073/pnas.17.12.684.

    Examples
    --------
    >>> import numpy as np, acm_rs
    >>> healthy = np.random.default_rng(0).chisquare([3, 30], (1000, 2))
    >>> fusion = acm_rs.ScoreFusion(scale="cube_root").fit(healthy)
    >>> fused = fusion.score(np.array([[3.0, 30.0], [3.0, 90.0]]))
    >>> bool(fused[1] > 4 > fused[0])
    True
    >>> int(fusion.contributions(np.array([[3.0, 90.0]])).argmax())
    1
    """

    _Engine = _native.ScoreFusion
    __slots__ = ()

    def __init__(
        self,
        scale: Literal["robust", "tail", "cube_root"] = "robust",
        combine: Literal["max", "mean", "sum", "p95"] = "max",
        weights: Sequence[float] | Floats | None = None,
        min_rows: int = 50,
    ) -> None:
        self._engine = self._Engine(scale, combine, unlabelled(weights, "weights"), min_rows)

    @property
    def scale(self) -> Literal["robust", "tail", "cube_root"]:
        """The common scale."""
        return self._engine.scale

    @property
    def combine(self) -> Literal["max", "mean", "sum", "p95"]:
        """How the scaled and weighted scores of a row become one."""
        return self._engine.combine

    @property
    def weights(self) -> tuple[float, ...] | None:
        """A factor for each scaled score; None: 1."""
        return self._engine.weights

    @property
    def min_rows(self) -> int:
        """Training rows that a regime needs for a scale of its own."""
        return self._engine.min_rows

    @property
    def regimes_(self) -> NDArray[np.int64]:
        """Regimes that have scales of their own."""
        return self._engine.regimes_

    def fit(self, x: Table, labels: Labels | None = None) -> Self:
        """Learn the scale of each score from healthy data.

        Parameters
        ----------
        x : array of float64 or float32, frame or series, shape (n, m) or (n,)
            Scores of healthy rows, best of rows that the detectors were not fitted on. Any memory layout; nothing is
            changed.
        labels : array of int or series, shape (n,), optional
            The rows' operating regimes; each with ``min_rows`` rows gets scales of its own. Negative: no regime.

        Returns
        -------
        ScoreFusion
            Itself.

        Raises
        ------
        TypeError
            ``x`` is neither a float array nor a frame of numbers, or ``labels`` no integers.
        ValueError
            ``x`` has no row or a column without a known value, or ``labels`` or ``weights`` has another length.
        """
        values, names = self._learned(x)
        self._engine.fit(values, states(labels, x), names=names)
        return self

    @overload
    def score(self, x: Floats, labels: Labels | None = ...) -> NDArray[np.float64]: ...
    @overload
    def score(self, x: Table, labels: Labels | None = ...) -> Any: ...
    def score(self, x: Table, labels: Labels | None = None) -> Any:
        """The fused score of each row.

        Parameters
        ----------
        x : array of float64 or float32, frame or series, shape (n, m) or (n,)
            Scores.
        labels : array of int or series, shape (n,), optional
            The rows' operating regimes; those without scales of their own use the scales of all training rows.

        Returns
        -------
        array of float64 or series, shape (n,)
            Higher is more abnormal.

        Raises
        ------
        RuntimeError
            Before ``fit``.
        TypeError
            ``x`` is neither a float array nor a frame of numbers, or ``labels`` no integers.
        ValueError
            ``x`` has another number of columns than at fit, or columns of other names, or ``labels`` another length
            than ``x`` has rows.
        """
        return self._lines(self._engine.score, x, "score", states(labels, x))

    @overload
    def update(self, x: Floats, labels: Labels | None = ...) -> NDArray[np.float64]: ...
    @overload
    def update(self, x: Table, labels: Labels | None = ...) -> Any: ...
    def update(self, x: Table, labels: Labels | None = None) -> Any:
        """The same as ``score``: a fusion remembers no rows.

        Parameters
        ----------
        x : array of float64 or float32, frame or series, shape (n, m) or (n,)
            The next scores, any number of rows.
        labels : array of int or series, shape (n,), optional
            The rows' operating regimes.

        Returns
        -------
        array of float64 or series, shape (n,)
            Higher is more abnormal.

        Raises
        ------
        RuntimeError
            Before ``fit``.
        TypeError
            ``x`` is neither a float array nor a frame of numbers, or ``labels`` no integers.
        ValueError
            ``x`` has another number of columns than at fit, or columns of other names, or ``labels`` another length
            than ``x`` has rows.
        """
        return self._lines(self._engine.update, x, "score", states(labels, x))

    @overload
    def contributions(self, x: Floats, labels: Labels | None = None) -> NDArray[np.float64]: ...
    @overload
    def contributions(self, x: XT, labels: Labels | None = None) -> XT: ...
    def contributions(self, x: Table, labels: Labels | None = None) -> Any:
        """What each score has in the fused one.

        Parameters
        ----------
        x : array of float64 or float32, frame or series, shape (n, m) or (n,)
            Scores.
        labels : array of int or series, shape (n,), optional
            The rows' operating regimes.

        Returns
        -------
        array of float64, frame or series, shape of ``x``
            They sum to the fused score: with "max" the largest score has all of it, with "p95" one or two have.

        Raises
        ------
        RuntimeError
            Before ``fit``.
        TypeError
            ``x`` is neither a float array nor a frame of numbers, or ``labels`` no integers.
        ValueError
            ``x`` has another number of columns than at fit, or columns of other names, or ``labels`` another length
            than ``x`` has rows.
        """
        return self._tables(self._engine.contributions, x, states(labels, x))

    @overload
    def scaled(self, x: Floats, labels: Labels | None = None) -> NDArray[np.float64]: ...
    @overload
    def scaled(self, x: XT, labels: Labels | None = None) -> XT: ...
    def scaled(self, x: Table, labels: Labels | None = None) -> Any:
        """The scores on their common scale, without weights.

        Parameters
        ----------
        x : array of float64 or float32, frame or series, shape (n, m) or (n,)
            Scores.
        labels : array of int or series, shape (n,), optional
            The rows' operating regimes.

        Returns
        -------
        array of float64, frame or series, shape of ``x``
            Comparable with each other.

        Raises
        ------
        RuntimeError
            Before ``fit``.
        TypeError
            ``x`` is neither a float array nor a frame of numbers, or ``labels`` no integers.
        ValueError
            ``x`` has another number of columns than at fit, or columns of other names, or ``labels`` another length
            than ``x`` has rows.
        """
        return self._tables(self._engine.scaled, x, states(labels, x))
