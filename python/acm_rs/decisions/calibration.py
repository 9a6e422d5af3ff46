"""Thresholds from healthy scores."""

from __future__ import annotations

import warnings
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
    trimmed : int, default 0
        How many of them, the largest, count as no healthy ones and were left out.
    heavy : bool, default False
        Whether the largest of the others reach further out than those of a light tail.

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

    def __init__(
        self,
        threshold: float,
        low: float,
        high: float,
        extrapolated: bool,
        block: int,
        known: int,
        trimmed: int = 0,
        heavy: bool = False,
    ) -> None:
        self._engine = self._Engine(threshold, low, high, extrapolated, block, known, trimmed, heavy)

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
        """Upper end of the confidence interval; infinite where no number bounds the threshold."""
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

    @property
    def trimmed(self) -> int:
        """How many of the known scores, the largest, count as no healthy ones and were left out."""
        return self._engine.trimmed

    @property
    def heavy(self) -> bool:
        """Whether the largest of the others reach further out than those of a light tail.

        There are more that are not healthy, or the tail is heavy.
        """
        return self._engine.heavy

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
    contamination: float | None = None,
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
    contamination : float, optional
        Share of the scores that are not healthy, at least 0 and below 1/2: so many of the largest are left out. If left
        out, a group of 8 scores to a tenth of them that lies above a clear gap is; 0 keeps all.

    Returns
    -------
    Threshold
        ``threshold``, ``low``, ``high``, ``extrapolated``, ``block``, ``known``, ``trimmed``, ``heavy``; unpacks to the
        first three.

    Raises
    ------
    TypeError
        ``score`` is neither a float array nor a series of numbers, or a parameter is of another type.
    ValueError
        A parameter is outside what it may be, fewer than 20 scores are known (and not left out), or ``score`` has more
        than one column.

    Warns
    -----
    UserWarning
        Scores above a clear gap are left out; the largest reach further out than those of a light tail, and
        ``contamination`` is not said; or no number bounds the threshold.

    Notes
    -----
    The h-th largest of n scores, h = false_alarm_rate (n + 1), between two scores linearly: the next score of the same
    kind exceeds it with the rate asked for, whatever their distribution. Where h < 1 the rate lies beyond the data: a
    generalised Pareto distribution is fitted to the excesses of the top tenth (30 to 500 scores) by
    probability-weighted moments [1]_, and the threshold is never below the largest score. There the mean true rate is
    above the rate asked for: 1.6e-3 for 1e-3 on 400 exponential scores. NaN is left out.

    A gap is clear where it is wider than all that is left below it down to the median, and than the lower half of what
    lies above it: of independent scores with a tail as heavy as x^-1.5 one sample in 2,500 has one. Scores reach far
    where, between the places k, 4 k and 16 k from the top, k = 5, 10, 20, ..., the upper step is more than three times
    the lower one [4]_: an exponential tail has equal steps. Anomalies and a heavy tail look alike there. Where scores
    are so few that not even the largest bounds the threshold as surely as asked, (1 - rate)^n > (1 - confidence) / 2
    (at a rate of 1 % and 95 % fewer than 368), a tail of shape 1/2 or more has no upper bound that could be trusted:
    ``high`` is then infinite.

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
    .. [4] Pickands, Statistical inference using extreme order statistics, Annals of Statistics 3, 1975,
           doi 10.1214/aos/1176343003.

    Examples
    --------
    >>> import numpy as np, acm_rs
    >>> healthy = np.arange(1.0, 100.0)
    >>> acm_rs.calibrate(healthy, 0.1).threshold
    90.0
    """
    found = Threshold._around(
        _native.calibrate(
            arrays(score, "score"),
            false_alarm_rate,
            confidence=confidence,
            n_boot=n_boot,
            block=block,
            seed=seed,
            contamination=contamination,
        )
    )
    remark = _remark(found, contamination)
    if remark:
        warnings.warn(remark, UserWarning, stacklevel=2)
    return found


def threshold_at(score: Line, false_alarm_rate: float) -> float:
    """The threshold alone, of all scores and without a word."""
    return float(
        _native.calibrate(
            arrays(score, "score"), false_alarm_rate, confidence=0.95, n_boot=1, block=None, seed=17, contamination=0.0
        )
    )


def _remark(found: Threshold, contamination: float | None) -> str:
    """What the scores do not let be taken for granted."""
    said = []
    if contamination is None and found.trimmed:
        said.append(
            f"the {found.trimmed} largest of {found.known} scores lie above a clear gap: they count as no healthy ones "
            "and are left out (`contamination=0` keeps them)"
        )
    if contamination is None and found.heavy:
        said.append(
            "the largest scores reach far beyond the others: there are anomalies among them, whose share "
            "`contamination` would leave out, or the tail is heavy"
        )
    if found.high == float("inf") and (found.extrapolated or found.heavy):
        beyond = "lies beyond the scores" if found.extrapolated else f"is low for {found.known} scores"
        often = f"true alarms may be {'several times as' if found.extrapolated else 'more'} frequent"
        said.append(f"the rate {beyond}, and no number bounds its threshold: {often}")
    return "; ".join(said)
