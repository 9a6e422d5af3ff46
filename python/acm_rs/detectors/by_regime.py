"""A detector for each operating regime."""

from __future__ import annotations

from typing import Any, Literal, Self, overload

import numpy as np
from numpy.typing import NDArray

from acm_rs import _native
from acm_rs.frames import XT, Floats, Labels, Table
from acm_rs.model import Detector, Screening, Watching, states


class RegimeDetector(Watching, Screening, Detector):
    """A detector for each operating regime, all on one scale: 1 is the limit of whatever the machine is doing.

    Parameters
    ----------
    detector : {"pca", "mahalanobis", "ar1"}, default "pca"
        What each regime has: ``PCADetector(0.9)``, ``MahalanobisDetector()`` or ``AR1Detector()``.
    false_alarm_rate : float, default 0.01
        Share of a regime's healthy rows that score above 1; between 0 and 1.
    min_rows : int, default 100
        Fewest training rows of a regime with a detector of its own; at least 2.
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
    One detector is fitted on all training rows, and one on the rows of each regime that has enough of them (local
    models, as Zhao, Zhang and Xu have them for principal components [1]_). The limits of PCA and Mahalanobis are those
    of stretches of their training rows, each judged by a detector of the others; PCA's score is relative to them, so
    that its limit is 1. AR(1)'s is the quantile 1 - ``false_alarm_rate`` of its own training rows' scores, interpolated
    as by ``numpy.quantile``; where it is 0 it counts as 1. A score is the one of the row's detector over its limit.
    Rows of no regime (a negative label), of one that has no detector of its own, and all rows where labels are left
    out, use the detector of all rows. A regime on whose rows no detector can be fitted, as where no sensor changes, has
    none of its own.

    AR(1) looks at the row before in time, whatever its regime; the levels and coefficients are those of the row's
    regime, so the row after a change of regime scores high: ``transients`` marks such rows. Missing values are treated
    as the detector does.

    .. [1] S. J. Zhao, J. Zhang and Y. M. Xu, "Monitoring of processes with multiple operating modes through multiple
           principle component analysis models", Industrial & Engineering Chemistry Research 43, 2004, doi
           10.1021/ie0497893.

    Examples
    --------
    >>> import numpy as np, acm_rs
    >>> random = np.random.default_rng(0)
    >>> running = np.repeat([0, 1, 0, 1], 200)
    >>> levels, noise = np.where(running, 1500.0, 0.0), np.where(running, 20.0, 0.1)
    >>> x = levels[:, None] + noise[:, None] * random.normal(size=(800, 3))
    >>> detector = acm_rs.RegimeDetector("mahalanobis").fit(x, running)
    >>> x[100, 2] += 2.0
    >>> int(detector.score(x, running).argmax()), bool(detector.score(x)[100] > 1.0)
    (100, False)
    """

    _Engine = _native.RegimeDetector
    __slots__ = ()

    def __init__(
        self,
        detector: Literal["pca", "mahalanobis", "ar1"] = "pca",
        false_alarm_rate: float = 0.01,
        min_rows: int = 100,
        *,
        constants: Literal["watch", "ignore"] = "watch",
    ) -> None:
        self._engine = self._Engine(detector, false_alarm_rate, min_rows, constants=constants)

    @property
    def detector(self) -> Literal["pca", "mahalanobis", "ar1"]:
        """What each regime has."""
        return self._engine.detector

    @property
    def false_alarm_rate(self) -> float:
        """Share of a regime's training rows that score above 1."""
        return self._engine.false_alarm_rate

    @property
    def min_rows(self) -> int:
        """Fewest training rows of a regime with a detector of its own."""
        return self._engine.min_rows

    @property
    def regimes_(self) -> NDArray[np.int64]:
        """Labels that have a detector of their own, rising, (k,)."""
        return self._engine.regimes_

    @property
    def limits_(self) -> NDArray[np.float64]:
        """What the scores of each of them are divided by, and last those of the detector of all rows, (k + 1,)."""
        return self._engine.limits_

    @property
    def rows_(self) -> NDArray[np.int64]:
        """Training rows of each of them, and last all, (k + 1,)."""
        return self._engine.rows_

    @property
    def wandering_(self) -> NDArray[np.bool_]:
        """True for columns whose level wanders within a regime, (d,).

        One half of its rows does not tell where the other lies; never with ``detector="ar1"``.
        """
        return self._engine.wandering_

    @property
    def expected_false_alarms_(self) -> float:
        """Share of healthy rows expected in alarm.

        ``false_alarm_rate``, or more where columns wander: by rows, what either half of a regime has at the limit that
        the other one sets.
        """
        return self._engine.expected_false_alarms_

    def fit(self, x: Table, labels: Labels | None = None) -> Self:
        """Learn each regime's detector and limit from healthy data.

        Parameters
        ----------
        x : array of float64 or float32, frame or series, shape (n, d) or (n,)
            Rows = time, oldest first; columns = sensors. Any memory layout; nothing is changed.
        labels : array of int or series, shape (n,), optional
            The rows' regimes, as of ``RegimeModel.labels_``. Negative: UNKNOWN. Left out: all rows are.

        Returns
        -------
        RegimeDetector
            Itself.

        Raises
        ------
        TypeError
            ``x`` is neither a float array nor a frame of numbers, or ``labels`` no integers.
        ValueError
            No detector can be fitted on all rows of ``x``, or ``labels`` has another length than ``x`` has rows.

        Warns
        -----
        UserWarning
            Readings or rows are left out of the fit (``left_out_``); with labels, rows unlike those of their regime; or
            levels wander.
        """
        values, names = self._learned(x)
        self._engine.fit(values, states(labels, x), names=names)
        return self

    @overload
    def score(self, x: Floats, labels: Labels | None = ...) -> NDArray[np.float64]: ...
    @overload
    def score(self, x: Table, labels: Labels | None = ...) -> Any: ...
    def score(self, x: Table, labels: Labels | None = None) -> Any:
        """Each row's score relative to the limit of its regime: above 1 is an alarm.

        Parameters
        ----------
        x : array of float64 or float32, frame or series, shape (n, d) or (n,)
            Rows to score, a history for AR(1).
        labels : array of int or series, shape (n,), optional
            The rows' regimes, as of ``RegimeModel.predict``. Left out: every row is UNKNOWN.

        Returns
        -------
        array of float64 or series, shape (n,)
            Higher is more abnormal. For AR(1) NaN where no sensor has a value.

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
        """Score the rows that follow those given to ``update`` before.

        Parameters
        ----------
        x : array of float64 or float32, frame or series, shape (n, d) or (n,)
            The next rows, any number.
        labels : array of int or series, shape (n,), optional
            Their regimes.

        Returns
        -------
        array of float64 or series, shape (n,)
            To the last bit what ``score`` gives for these rows of the whole history since ``fit``.

        Raises
        ------
        RuntimeError
            Before ``fit``.
        TypeError
            ``x`` is neither a float array nor a frame of numbers, or ``labels`` no integers.
        ValueError
            ``x`` has another number of columns than at fit, or columns of other names, or ``labels`` another length
            than ``x`` has rows; nothing is remembered then.
        """
        return self._lines(self._engine.update, x, "score", states(labels, x))

    @overload
    def contributions(self, x: Floats, labels: Labels | None = None) -> NDArray[np.float64]: ...
    @overload
    def contributions(self, x: XT, labels: Labels | None = None) -> XT: ...
    def contributions(self, x: Table, labels: Labels | None = None) -> Any:
        """What each sensor adds to the score of each row: what its detector says, over the limit.

        Parameters
        ----------
        x : array of float64 or float32, frame or series, shape (n, d) or (n,)
            Rows to explain, a history for AR(1).
        labels : array of int or series, shape (n,), optional
            The rows' regimes. Left out: every row is UNKNOWN.

        Returns
        -------
        array of float64, frame or series, shape of ``x``
            With PCA and Mahalanobis each row sums to its score; with AR(1) the score is the mean over known sensors.

        Raises
        ------
        RuntimeError, TypeError, ValueError
            As for ``score``.
        """
        return self._tables(self._engine.contributions, x, states(labels, x))
