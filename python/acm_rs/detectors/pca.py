"""Healthy rows lie near a plane."""

from __future__ import annotations

from typing import Any, Literal, Self, overload

import numpy as np
from numpy.typing import NDArray

from acm_rs import _native
from acm_rs.frames import XT, Floats, Table, X
from acm_rs.model import Detector, Screening, Watching
from acm_rs.running import RunningMoments, counted


class PCADetector(Watching, Screening, Detector):
    """PCA monitor: healthy rows lie near a plane; how far is a row from it (SPE), and how far out within it (T²)?

    Parameters
    ----------
    n_components : int or float, default 5
        Components that are kept, fewer where columns or rows do not suffice; or, between 0 and 1, as many as explain
        more than this share of the variance.
    lags : int, default 0
        Earlier rows that stand beside each row (dynamic PCA); rows before the first count as equal to it.
    scaling : {"robust", "standard"}, default "robust"
        Median and interquartile range, or mean and standard deviation, of each column.
    alpha : float, default 0.01
        With held-out limits the share of healthy rows whose score exceeds 1; else the share that exceeds either limit,
        and the score, the larger of both, exceeds 1 in up to twice that share.
    limits : {"held_out", "theoretical", "empirical"}, default "held_out"
        Limits from up to ten stretches of the training rows, each judged by components of all others; from the
        statistics' distributions for normal data; or from their quantiles on the training rows themselves.
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
    Columns are scaled, clipped to ±1e6 and taken relative to ``mean_``: a row becomes z. With P the components and L
    their variances, T² = z P' L^-1 P z' (Hotelling) and SPE = abs(z - z P' P)². Where the interquartile range of a
    column that changes is below a hundredth of its standard deviation, the standard deviation scales it. Lagged rows
    make it dynamic PCA [1]_.

    NaN and infinity are missing. They count as what the present coordinates let expect in the covariance of
    probabilistic PCA, P' L P + s (I - P' P) with s the mean of the variances left out [4]_ [5]_. SPE and T² of a row so
    filled are like multiples of chi-squared with less mean and fewer degrees of freedom, and count at the same quantile
    as those of complete rows, so that their limits hold for every row. A row without any value scores NaN. At fit
    missing values are replaced by what the others let expect, plus noise of the variance they have about that.

    Held-out limits: with c the cube roots of a statistic of n rows that the components were not found from, of mean m,
    standard deviation s, skewness g and autocorrelation r, a the share of alpha (half, unless one statistic is all),
    k = n (1 - r) / (1 + r), z = t(1 - a) sqrt(1 + 1 / k) with n (1 - r²) / (1 + r²) - 1 degrees of freedom and
    L = (m + s (z + (z² - 1) g / 6))³, the limit is q^v L^(1 - v): q is the statistic at place a (n + 1) from the top,
    v = min(1, k a / 10). With less than nine rows there are none, and the theoretical ones take their place.

    Theoretical limits: Jackson and Mudholkar's for SPE [2]_, F's for T² of a new row. Components along which the data
    vary by less than 1e-12 of the first are not kept, and no limit of SPE is below 1e-12 of the data's variance, none
    of T² below 1e-12 k. Contributions are the partial or complete decompositions of Alcala and Qin [3]_.

    .. [1] W. Ku, R. H. Storer and C. Georgakis, "Disturbance detection and isolation by dynamic principal component
           analysis", Chemometrics and Intelligent Laboratory Systems 30, 1995, doi 10.1016/0169-7439(95)00076-3.
    .. [2] J. E. Jackson and G. S. Mudholkar, "Control procedures for residuals associated with principal component
           analysis", Technometrics 21, 1979, doi 10.1080/00401706.1979.10489779.
    .. [3] C. F. Alcala and S. J. Qin, "Analysis and generalization of fault diagnosis methods for process monitoring",
           Journal of Process Control 21, 2011, doi 10.1016/j.jprocont.2010.10.005.
    .. [4] M. E. Tipping and C. M. Bishop, "Probabilistic principal component analysis", Journal of the Royal
           Statistical Society B 61, 1999, doi 10.1111/1467-9868.00196.
    .. [5] P. R. C. Nelson, P. A. Taylor and J. F. MacGregor, "Missing data methods in PCA and PLS", Chemometrics and
           Intelligent Laboratory Systems 35, 1996, doi 10.1016/S0169-7439(96)00007-X.

    Examples
    --------
    >>> import numpy as np, acm_rs
    >>> random = np.random.default_rng(0)
    >>> x = random.normal(size=(500, 1)) * [1.0, 2.0, 3.0] + random.normal(0.0, 0.1, (500, 3))
    >>> detector = acm_rs.PCADetector(n_components=1).fit(x)
    >>> x[-1, 1] += 2.0
    >>> scores = detector.score(x)
    >>> int(scores.argmax()), int(detector.contributions(x)[-1].argmax())
    (499, 1)
    """

    _Engine = _native.PCADetector
    __slots__ = ()

    def __init__(
        self,
        n_components: float = 5,
        lags: int = 0,
        *,
        scaling: Literal["robust", "standard"] = "robust",
        alpha: float = 0.01,
        limits: Literal["held_out", "theoretical", "empirical"] = "held_out",
        constants: Literal["watch", "ignore"] = "watch",
    ) -> None:
        self._engine = self._Engine(
            n_components, lags, scaling=scaling, alpha=alpha, limits=limits, constants=constants
        )

    @property
    def n_components(self) -> float:
        """Components that were asked for, or the share of the variance."""
        return self._engine.n_components

    @property
    def lags(self) -> int:
        """Earlier rows that stand beside each row."""
        return self._engine.lags

    @property
    def scaling(self) -> Literal["robust", "standard"]:
        """How columns are scaled."""
        return self._engine.scaling

    @property
    def alpha(self) -> float:
        """Share of healthy rows in alarm, or that exceed either limit where limits are not held out."""
        return self._engine.alpha

    @property
    def limits(self) -> Literal["held_out", "theoretical", "empirical"]:
        """Where the limits come from."""
        return self._engine.limits

    @property
    def components_(self) -> NDArray[np.float64]:
        """Components, (k, w), with w = used columns times (lags + 1).

        All used columns of the row itself, then of the row before, and so on.
        """
        return self._engine.components_

    @property
    def explained_variance_(self) -> NDArray[np.float64]:
        """Variances of the scaled training rows along the components, (k,)."""
        return self._engine.explained_variance_

    @property
    def mean_(self) -> NDArray[np.float64]:
        """Mean of the scaled training rows, (w,)."""
        return self._engine.mean_

    @property
    def center_(self) -> NDArray[np.float64]:
        """What is subtracted from each column, NaN where it is not used, (d,)."""
        return self._engine.center_

    @property
    def scale_(self) -> NDArray[np.float64]:
        """What each column is divided by, NaN where it is not used, (d,)."""
        return self._engine.scale_

    @property
    def used_(self) -> NDArray[np.bool_]:
        """False for columns that have no part in the model, (d,).

        They are without a value, or change by no more than the rounding of their values.
        """
        return self._engine.used_

    @property
    def steps_(self) -> NDArray[np.float64]:
        """Steps of readings, coarser than at fit and rising, that matter: at most four powers of ten, (steps,)."""
        return self._engine.steps_

    @property
    def wandering_(self) -> NDArray[np.bool_]:
        """True for columns whose level wanders, (d,): one half of the history does not tell where the other lies."""
        return self._engine.wandering_

    @property
    def expected_false_alarms_(self) -> float:
        """Share of healthy rows that is expected in alarm.

        With held-out limits; ``alpha``, or where columns wander, what either half of the training rows has at the
        limit that the other one sets.
        """
        return self._engine.expected_false_alarms_

    @property
    def spe_limit_(self) -> float:
        """Limit of SPE, which the score is relative to."""
        return self._engine.spe_limit_

    @property
    def t2_limit_(self) -> float:
        """Limit of T², which the score is relative to."""
        return self._engine.t2_limit_

    @property
    def n_components_(self) -> int:
        """Components kept, k."""
        return self._engine.n_components_

    def fit(self, x: Table) -> Self:
        """Learn scales, components and limits from healthy data.

        Parameters
        ----------
        x : array of float64 or float32, frame or series, shape (n, d) or (n,)
            Rows = time, oldest first, at least two; columns = sensors. Any memory layout; nothing is changed.

        Returns
        -------
        PCADetector
            Itself.

        Raises
        ------
        TypeError
            ``x`` is neither a float array nor a frame of numbers.
        ValueError
            ``x`` has less than two rows, no more rows than ``lags``, or no column that changes.

        Warns
        -----
        UserWarning
            Sensors are left out of the model, or readings and rows (``left_out_``) out of the fit; or levels wander.
        """
        values, names = self._learned(x)
        self._engine.fit(values, names=names)
        return self

    def fit_moments(self, moments: RunningMoments) -> Self:
        """Learn from moments of healthy rows that were counted in pieces, on any number of machines.

        Parameters
        ----------
        moments : RunningMoments
            Of at least six rows for each pair of sensors. They stay as they are, and may go on: fit again to learn what
            has come.

        Returns
        -------
        PCADetector
            Itself. The same moments give the same bytes, whatever order they were merged in.

        Raises
        ------
        TypeError
            ``moments`` are something else.
        ValueError
            There are ``lags``; ``limits`` are "empirical", which need the rows; rows are too few, or no sensor changes.
        numpy.linalg.LinAlgError
            Gaps that differ from pair to pair have left covariances that contradict each other.

        Warns
        -----
        UserWarning
            Sensors without a value, or that do not change, are left out.

        Notes
        -----
        With ``scaling="robust"`` centres and scales are those of the moments' first pass, with "standard" means and
        deviations; components and variances are those of `fit` on complete rows with the same scaling, from which it
        leaves nothing out. No row is at hand, so what needs them is not there: bad rows are not looked for (readings
        beyond the moments' ``reach`` are missing), gaps are not filled (each covariance is over the rows with both),
        sensors that stood still are not watched, nor are coarser rows judged apart, and limits are the theoretical
        ones, for as many rows as the rarest pair has.

        Examples
        --------
        >>> import numpy as np, acm_rs
        >>> random = np.random.default_rng(0)
        >>> x = random.normal(size=(900, 1)) * [1.0, 2.0, 3.0] + random.normal(0.0, 0.1, (900, 3))
        >>> moments = acm_rs.RunningMoments.of_sample(x[:100])
        >>> for piece in (x[:300], x[300:600], x[600:]):
        ...     _ = moments.update(piece)
        >>> detector = acm_rs.PCADetector(n_components=1, scaling="standard").fit_moments(moments)
        >>> bool(np.mean(detector.score(x) > 1.0) < 0.02)
        True
        """
        self._engine.fit_moments(counted(moments))
        return self

    @overload
    def score(self, x: Floats) -> NDArray[np.float64]: ...
    @overload
    def score(self, x: Table) -> Any: ...
    def score(self, x: Table) -> Any:
        """The larger of each row's SPE and T², relative to its limit: above 1 is an alarm.

        With held-out limits ``alpha`` of the healthy rows give one, else up to twice as many.

        Parameters
        ----------
        x : array of float64 or float32, frame or series, shape (n, d) or (n,)
            Rows to score, a history if the model has lags.

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
        return self._lines(self._engine.score, x, "score")

    @overload
    def update(self, x: Floats) -> NDArray[np.float64]: ...
    @overload
    def update(self, x: Table) -> Any: ...
    def update(self, x: Table) -> Any:
        """Score the rows that follow those given to ``update`` before.

        Parameters
        ----------
        x : array of float64 or float32, frame or series, shape (n, d) or (n,)
            The next rows, any number.

        Returns
        -------
        array of float64 or series, shape (n,)
            To the last bit what ``score`` gives for these rows of the whole history since ``fit``.

        Raises
        ------
        RuntimeError
            Before ``fit``.
        TypeError
            ``x`` is neither a float array nor a frame of numbers.
        ValueError
            ``x`` has another number of columns than at fit, or columns of other names; nothing is remembered then.
        """
        return self._lines(self._engine.update, x, "score")

    def contributions(
        self,
        x: X,
        statistic: Literal["score", "spe", "t2"] = "score",
        decomposition: Literal["partial", "complete"] = "partial",
    ) -> X:
        """What each sensor adds to a statistic of each row.

        Parameters
        ----------
        x : array of float64 or float32, frame or series, shape (n, d) or (n,)
            Rows to explain.
        statistic : {"score", "spe", "t2"}, default "score"
            Of the score: what is added to the larger of the two statistics, relative to its limit.
        decomposition : {"partial", "complete"}, default "partial"
            With M the statistic's matrix, z M z': partial is z_j (M z)_j, signed, and a deviation of one sensor alone
            is all its own; complete is the square of (M^0.5 z)_j, never negative, for SPE the squared residual.

        Returns
        -------
        array of float64, frame or series, shape of ``x``
            Each row sums to the statistic. The shares of a sensor's lags count together; 0 where a column is not used.

        Raises
        ------
        RuntimeError, TypeError, ValueError
            As for ``score``; there is no such statistic or decomposition.
        """
        return self._tables(self._engine.contributions, x, statistic, decomposition)

    @overload
    def spe(self, x: Floats) -> NDArray[np.float64]: ...
    @overload
    def spe(self, x: Table) -> Any: ...
    def spe(self, x: Table) -> Any:
        """Squared distance of each scaled row from the plane of the components (SPE, also called Q).

        Parameters
        ----------
        x : array of float64 or float32, frame or series, shape (n, d) or (n,)
            Rows to score.

        Returns
        -------
        array of float64 or series, shape (n,)
            To be compared with ``spe_limit``.

        Raises
        ------
        RuntimeError, TypeError, ValueError
            As for ``score``.
        """
        return self._lines(self._engine.spe, x, "spe")

    @overload
    def t2(self, x: Floats) -> NDArray[np.float64]: ...
    @overload
    def t2(self, x: Table) -> Any: ...
    def t2(self, x: Table) -> Any:
        """Hotelling's T² of each row: its squared distance from the mean within the plane.

        It is in units of the variances there.

        Parameters
        ----------
        x : array of float64 or float32, frame or series, shape (n, d) or (n,)
            Rows to score.

        Returns
        -------
        array of float64 or series, shape (n,)
            To be compared with ``t2_limit``.

        Raises
        ------
        RuntimeError, TypeError, ValueError
            As for ``score``.
        """
        return self._lines(self._engine.t2, x, "t2")

    def spe_limit(
        self, alpha: float | None = None, method: Literal["held_out", "theoretical", "empirical"] | None = None
    ) -> float:
        """What a healthy row's SPE exceeds with probability ``alpha``.

        Parameters
        ----------
        alpha : float, optional
            Between 0 and 1. If left out, what the score asks of each limit: the constructor's, and half of it where
            limits are held out and both statistics count.
        method : {"held_out", "theoretical", "empirical"}, optional
            The constructor's ``limits`` if left out.

        Returns
        -------
        float
            From held-out rows, Jackson and Mudholkar's, or the quantile of the training rows' SPE.

        Raises
        ------
        RuntimeError
            Before ``fit``.
        ValueError
            ``alpha`` does not lie between 0 and 1, or there is no such method.
        """
        return self._engine.spe_limit(alpha, method)

    def t2_limit(
        self, alpha: float | None = None, method: Literal["held_out", "theoretical", "empirical"] | None = None
    ) -> float:
        """What a healthy row's T² exceeds with probability ``alpha``.

        Parameters
        ----------
        alpha : float, optional
            Between 0 and 1. If left out, what the score asks of each limit: the constructor's, and half of it where
            limits are held out and both statistics count.
        method : {"held_out", "theoretical", "empirical"}, optional
            The constructor's ``limits`` if left out.

        Returns
        -------
        float
            From held-out rows, the F distribution, or the quantile of the training rows' T².

        Raises
        ------
        RuntimeError
            Before ``fit``.
        ValueError
            ``alpha`` does not lie between 0 and 1, or there is no such method.
        """
        return self._engine.t2_limit(alpha, method)

    @overload
    def resolution(self, x: Floats) -> NDArray[np.float64]: ...
    @overload
    def resolution(self, x: Table) -> Any: ...
    def resolution(self, x: Table) -> Any:
        """Tell which rows are rounded more coarsely than the training rows were, and to what.

        Parameters
        ----------
        x : array of float64 or float32, frame or series, shape (n, d) or (n,)
            Rows as for ``score``.

        Returns
        -------
        array of float64 or series, shape (n,)
            The step, in units of the readings, that the row is judged for, one of ``steps_``; 0 for rows as fine as
            those of the training. It is told from all sensors of the row itself.

        Raises
        ------
        RuntimeError
            Before ``fit``.
        TypeError
            ``x`` is neither a float array nor a frame of numbers.
        ValueError
            ``x`` has another number of columns than at fit, or columns of other names.

        Examples
        --------
        >>> import numpy as np, acm_rs
        >>> random = np.random.default_rng(0)
        >>> x = random.normal(size=(1000, 2)) @ random.normal(size=(2, 6)) + 0.02 * random.normal(size=(1000, 6))
        >>> detector = acm_rs.PCADetector().fit(x[:800])
        >>> x[900:] = x[900:].round(1)
        >>> detector.resolution(x[898:902]).tolist()
        [0.0, 0.0, 0.1, 0.1]
        """
        return self._lines(self._engine.resolution, x, "resolution")

    @overload
    def residuals(self, x: Floats) -> NDArray[np.float64]: ...
    @overload
    def residuals(self, x: XT) -> XT: ...
    def residuals(self, x: Table) -> Any:
        """What the components leave of each value: positive where it is higher than the other sensors let expect.

        Parameters
        ----------
        x : array of float64 or float32, frame or series, shape (n, d) or (n,)
            Rows to explain.

        Returns
        -------
        array of float64, frame or series, shape of ``x``
            In units of ``scale_``; of the row itself, not its lags. 0 where a column is not used.

        Raises
        ------
        RuntimeError, TypeError, ValueError
            As for ``score``.
        """
        return self._tables(self._engine.residuals, x)
