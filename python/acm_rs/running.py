"""Moments of rows that come in pieces and lie on many machines."""

from __future__ import annotations

from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from acm_rs import _native
from acm_rs.frames import Sheet, Table
from acm_rs.model import Saved, difference

__all__ = ["RunningMoments"]


class RunningMoments(Saved):
    """Counts, means, covariances and lag-1 slopes of rows that come in pieces, merged to the same bytes in any order.

    Parameters
    ----------
    center, scale : sequence of float, length d
        A first pass' centre and spread of each sensor, in its unit; `of_sample` finds them. All that is to be merged
        must have the same.
    reach : float, default 100.0
        Readings further from the centre than so many scales count as missing, and are counted in ``beyond``: error
        codes and spikes. Above 0 and at most 4096.

    Raises
    ------
    TypeError
        A parameter is of another type.
    ValueError
        ``center`` is empty, ``scale`` has another length, or a value is outside what it may be.

    See Also
    --------
    covariance : of a whole array.
    MahalanobisDetector.fit_moments, PCADetector.fit_moments, OMRDetector.fit_moments, AR1Detector.fit_moments : models
        of them.

    Notes
    -----
    Two passes learn from what no memory holds: a sample fixes centres, scales and reach; then each piece of each file
    is counted where it lies, and the results are merged. A reading counts as the nearest whole number of steps of
    ``scale / 2**40`` from the centre. Sums of whole numbers and of their products are exact in 128 bits, so that
    neither the cuts between pieces nor the order of merging change a bit, which sums of floats cannot promise [1]_.
    Against the readings as they are, each is off by at most 4.6e-13 scales and the rounding of its own scaling.

    Covariances are over the rows in which both sensors are known. Where gaps differ from pair to pair such a matrix may
    have no inverse.

    Memory: 32 d² bytes, however many rows. Rows are bounded by what 128 bits hold: 7e9 at the default reach, 4 million
    at 4096.

    .. [1] N. J. Higham, Accuracy and Stability of Numerical Algorithms, 2nd edition, 2002, chapter 4, doi
           10.1137/1.9780898718027.

    Examples
    --------
    >>> import numpy as np, acm_rs
    >>> x = np.random.default_rng(0).normal(60.0, 2.0, (1000, 3))
    >>> first, second = (acm_rs.RunningMoments.of_sample(x[:100]) for _ in range(2))
    >>> first.update(x[:400]).merge(second.update(x[400:]), follows=True).rows
    1000
    >>> bool(np.allclose(first.covariance(), np.cov(x.T), rtol=1e-9))
    True
    >>> first == acm_rs.RunningMoments.of_sample(x[:100]).update(x)
    True
    """

    _Engine = _native.RunningMoments
    __slots__ = ()

    def __init__(self, center: ArrayLike, scale: ArrayLike, reach: float = 100.0) -> None:
        self._engine = self._Engine(center, scale, reach)

    @classmethod
    def of_sample(cls, x: Table, reach: float = 100.0) -> Self:
        """Centres and scales by a sample of rows, none of which is counted yet.

        Parameters
        ----------
        x : array of float64 or float32, frame or series, shape (n, d) or (n,)
            Rows that show what the sensors usually read, one at least. NaN and infinity are missing.
        reach : float, default 100.0
            As for the class.

        Returns
        -------
        RunningMoments
            With medians for centres, and for scales interquartile ranges over 1.349, that of a normal distribution.
            Where half of a sensor's readings are alike, its standard deviation; its level where it stands still; 1
            where it does so at 0 or has no value. Names are those of a frame.

        Raises
        ------
        TypeError
            ``x`` is neither a float array nor a frame of numbers.
        ValueError
            ``x`` has no row or no column, or ``reach`` is outside what it may be.

        Examples
        --------
        >>> import numpy as np, acm_rs
        >>> moments = acm_rs.RunningMoments.of_sample(np.array([[1.0], [2.0], [3.0], [-9999.0]]))
        >>> moments.center, moments.update(np.array([[2.5], [-9999.0]])).beyond
        (array([1.5]), array([1]))
        """
        if isinstance(x, np.ndarray):
            return cls._around(cls._Engine.of_sample(x, reach))
        sheet = Sheet(x, "x")
        engine = cls._Engine.of_sample(sheet.values, reach)
        if sheet.names is not None:
            engine.call(sheet.names)
        return cls._around(engine)

    @property
    def center(self) -> NDArray[np.float64]:
        """The first pass' centre of each sensor, (d,)."""
        return np.array(self._engine.center)

    @property
    def scale(self) -> NDArray[np.float64]:
        """The first pass' spread of each sensor, (d,)."""
        return np.array(self._engine.scale)

    @property
    def reach(self) -> float:
        """How many scales from the centre a reading may lie."""
        return self._engine.reach

    @property
    def names(self) -> tuple[str, ...] | None:
        """Names of the sensors, those of the first frame that had some; None before."""
        return self._engine.names

    @property
    def rows(self) -> int:
        """Rows that were counted."""
        return self._engine.rows

    @property
    def beyond(self) -> NDArray[np.int64]:
        """Readings of each sensor that lay beyond ``reach`` and count as missing, (d,)."""
        return self._engine.beyond

    @property
    def counts(self) -> NDArray[np.int64]:
        """Rows in which both of two sensors are known, (d, d); on the diagonal the known readings of each."""
        return self._engine.counts

    def update(self, x: Table, follows: bool = True) -> Self:
        """Count rows.

        Parameters
        ----------
        x : array of float64 or float32, frame or series, shape (m, d) or (m,)
            Any number of rows, oldest first. NaN, infinity and what lies beyond ``reach`` are missing.
        follows : bool, default True
            Whether the first of them comes right after the last one before, which counts for `lag_slope` alone. The
            last of them is kept for what may follow; histories that are to be the same bytes in any order have a
            RunningMoments each, and are merged.

        Returns
        -------
        RunningMoments
            Itself.

        Raises
        ------
        TypeError
            ``x`` is neither a float array nor a frame of numbers.
        ValueError
            ``x`` has another number of columns, or columns of other names, or there would be more rows than sums are
            exact for. Nothing is counted then.
        """
        if isinstance(x, np.ndarray):
            self._engine.update(x, follows)
            return self
        sheet = Sheet(x, "x")
        names, known = sheet.names, self._engine.names
        if known is not None and names is not None and names != known:
            raise ValueError(difference("the RunningMoments", known, names, "has had before"))
        self._engine.update(sheet.values, follows)
        if known is None and names is not None:
            self._engine.call(names)
        return self

    def merge(self, other: RunningMoments, follows: bool = False) -> Self:
        """Add what others have counted.

        Parameters
        ----------
        other : RunningMoments
            With the same ``center``, ``scale`` and ``reach``. It stays as it is.
        follows : bool, default False
            Whether its first row comes right after the last one of these: pieces of one history, merged in their order,
            are then the same bytes as one update. Without it they are histories of their own, such as of several
            assets, and any order of merging gives the same bytes.

        Returns
        -------
        RunningMoments
            Itself.

        Raises
        ------
        TypeError
            ``other`` is something else.
        ValueError
            It has another first pass or other names, or there would be more rows than sums are exact for.

        Examples
        --------
        >>> import numpy as np, acm_rs
        >>> one, other = (acm_rs.RunningMoments([0.0], [1.0]) for _ in range(2))
        >>> one.update(np.array([1.0, 3.0])).merge(other.update(np.array([5.0, 7.0]))).mean()
        array([4.])
        """
        if not isinstance(other, RunningMoments):
            raise TypeError(f"`other` must be RunningMoments, got {type(other).__name__}")
        self._engine.merge(other._engine, follows)
        return self

    def mean(self) -> NDArray[np.float64]:
        """Mean of each sensor.

        Returns
        -------
        array of float64, shape (d,)
            In its unit; NaN without a reading.
        """
        return self._engine.mean()

    def covariance(self, ddof: int = 1) -> NDArray[np.float64]:
        """Covariance of each pair of sensors over the rows in which both are known.

        Parameters
        ----------
        ddof : int, default 1
            The divisor is their number less this.

        Returns
        -------
        array of float64, shape (d, d)
            Symmetric to the bit, and right to some roundings; NaN for pairs of ``ddof`` rows or less. A sensor that
            stands still has 0.

        Raises
        ------
        TypeError, ValueError
            ``ddof`` is no whole number from 0 on.
        """
        return self._engine.covariance(ddof)

    def lag_slope(self) -> NDArray[np.float64]:
        """The slope of each sensor's readings on those of the row before: an AR(1) coefficient.

        Returns
        -------
        array of float64, shape (d,)
            By least squares with an intercept, over readings that follow a known one. NaN where less than two do, or
            those that are followed are all alike.
        """
        return self._engine.lag_slope()


def counted(moments: RunningMoments) -> Any:
    """The engine of moments that a model is to learn from."""
    if not isinstance(moments, RunningMoments):
        raise TypeError(f"`moments` must be RunningMoments, got {type(moments).__name__}")
    return moments._engine
