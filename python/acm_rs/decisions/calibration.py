"""Thresholds from healthy scores."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from acm_rs import _native
from acm_rs.frames import Line, arrays
from acm_rs.model import Engined


class Threshold(Engined):
    """A threshold and its confidence interval, made by `calibrate`.

    It counts as its threshold wherever a number is asked for.

    Parameters
    ----------
    threshold : float
        Healthy scores exceed it at the false alarm rate.
    low, high : float
        Ends of the confidence interval.
    extrapolated : bool
        Whether the rate lies beyond the data, so that the threshold comes from a fit to their tail.
    block : int
        Rows to a block of the bootstrap.
    known : int
        Known scores.

    Notes
    -----
    Unpacks to ``threshold, low, high``.

    Examples
    --------
    >>> import numpy as np, acm_rs
    >>> found = acm_rs.calibrate(np.random.default_rng(0).normal(size=1000), 0.01)
    >>> threshold, low, high = found
    >>> low <= float(found) <= high
    True
    """

    _Engine = _native.Threshold
    __slots__ = ()

    def __init__(self, threshold: float, low: float, high: float, extrapolated: bool, block: int, known: int) -> None:
        self._engine = self._Engine(threshold, low, high, extrapolated, block, known)

    @property
    def threshold(self) -> float:
        """Healthy scores exceed it at the false alarm rate."""
        return self._engine.threshold

    @property
    def low(self) -> float:
        """Lower end of the confidence interval."""
        return self._engine.low

    @property
    def high(self) -> float:
        """Upper end of the confidence interval."""
        return self._engine.high

    @property
    def extrapolated(self) -> bool:
        """Whether the rate lies beyond the data, so that the threshold comes from a fit to their tail."""
        return self._engine.extrapolated

    @property
    def block(self) -> int:
        """Rows to a block of the bootstrap."""
        return self._engine.block

    @property
    def known(self) -> int:
        """Known scores."""
        return self._engine.known

    def __float__(self) -> float:
        return self.threshold

    def __iter__(self) -> Iterator[float]:
        return iter(self._engine)

    def __reduce__(self) -> tuple[Any, Any]:
        return type(self), self._engine.__reduce__()[1]


def calibrate(
    score: Line,
    false_alarm_rate: float,
    *,
    confidence: float = 0.95,
    n_boot: int = 1000,
    block: int | None = None,
    seed: int = 17,
) -> Threshold:
    """The threshold that healthy scores exceed at a given rate, with its confidence interval.

    Parameters
    ----------
    score : array of float64 or float32, or series, shape (n,)
        Scores of healthy rows, oldest first, best of rows that the detector was not fitted on. At least 20 known
        values.
    false_alarm_rate : float
        Share of healthy rows that may lie above the threshold; above 0 and below 1.
    confidence : float, default 0.95
        Of the interval; above 0 and below 1.
    n_boot : int, default 1000
        Resamples of the bootstrap.
    block : int, optional
        Rows to a block of the bootstrap; by default as long as the scores depend on each other.
    seed : int, default 17
        Of the resamples. The threshold itself does not depend on it.

    Returns
    -------
    Threshold
        ``threshold``, ``low``, ``high``, ``extrapolated``, ``block``, ``known``; unpacks to the first three.

    Raises
    ------
    TypeError
        ``score`` is neither a float array nor a series of numbers, or a parameter is of another type.
    ValueError
        A parameter is outside what it may be, fewer than 20 scores are known, or ``score`` has more than one column.

    Notes
    -----
    The h-th largest of n scores, h = false_alarm_rate (n + 1), between two scores linearly: the next score of the same
    kind exceeds it with the rate asked for, whatever their distribution. Where h < 1 the rate lies beyond the data: a
    generalised Pareto distribution is fitted to the excesses of the top tenth (30 to 500 scores) by
    probability-weighted moments [1]_, and the threshold is never below the largest score. There the mean true rate is
    above the rate asked for: 1.6e-3 for 1e-3 on 400 exponential scores. NaN and infinity are left out.

    Neighbouring scores depend on each other, so that n of them say less than n. The interval therefore comes from a
    circular block bootstrap [2]_ with blocks by the rule of Politis and White [3]_ on the scores' ranks, at least
    n^(1/3) rows; of the tail's fit where fewer than 10 false alarms are expected. A wide interval says that more
    healthy data are needed.

    .. [1] Hosking and Wallis, Parameter and quantile estimation for the generalized Pareto distribution, Technometrics
           29, 1987, doi 10.1080/00401706.1987.10488243.
    .. [2] Künsch, The jackknife and the bootstrap for general stationary observations, Annals of Statistics 17, 1989,
           doi 10.1214/aos/1176347265.
    .. [3] Politis and White, Automatic block-length selection for the dependent bootstrap, Econometric Reviews 23,
           2004, doi 10.1081/ETC-120028836; corrected 2009, doi 10.1080/07474930802459016.

    Examples
    --------
    >>> import numpy as np, acm_rs
    >>> healthy = np.arange(1.0, 100.0)
    >>> acm_rs.calibrate(healthy, 0.1).threshold
    90.0
    """
    found = _native.calibrate(
        arrays(score, "score"), false_alarm_rate, confidence=confidence, n_boot=n_boot, block=block, seed=seed
    )
    return Threshold._around(found)
