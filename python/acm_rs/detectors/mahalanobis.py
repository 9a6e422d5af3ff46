"""The distance from the mean of healthy data."""

from __future__ import annotations

from typing import Any, Literal, Self, overload

import numpy as np
from numpy.typing import NDArray

from acm_rs import _native
from acm_rs.frames import XT, Floats, Table
from acm_rs.model import Detector, Screening, Wandering, Watching
from acm_rs.running import RunningMoments, counted


class MahalanobisDetector(Wandering, Watching, Screening, Detector):
    """Mahalanobis detector: how far is a row from the mean of healthy data, in units of their covariance?

    Parameters
    ----------
    shrinkage : "ledoit_wolf", "none" or float, default "ledoit_wolf"
        How far the covariance is drawn towards a multiple of the identity: as far as lowers its expected error most,
        not at all, or by this share between 0 and 1.
    lags : int, default 0
        Earlier rows that stand beside each row; rows before the first count as equal to it.
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
    Columns are scaled by mean and standard deviation, clipped to ±1e6 and taken relative to their mean after that: a
    row becomes z. The score is z S^-1 z', the squared distance (Mahalanobis 1936), with S shrunk after Ledoit and Wolf
    [1]_.

    NaN and infinity are missing. A row of which k of w coordinates are present has the squared distance of those in
    their own covariance, which is what it has with the others where the present ones let expect them; it counts at the
    same quantile of chi-squared with w degrees of freedom as it has with k [2]_, so that ``limit`` holds for every row.
    A row without any value scores NaN. At fit missing values are replaced by what the others let expect, plus noise of
    the variance they have about that [3]_.

    Rows that are rounded more coarsely than the training rows (``resolution``) are judged by S with q²/12, the variance
    of what is rounded away, for each sensor that was finer. That a row is, most of its sensors must show at once.
    Sensors that each have a step of their own, or one that is rounded alone, a hundred times more coarsely than in
    training, count with that variance of theirs.

    .. [1] O. Ledoit and M. Wolf, "A well-conditioned estimator for large-dimensional covariance matrices", Journal of
           Multivariate Analysis 88, 2004, doi 10.1016/S0047-259X(03)00096-4.
    .. [2] E. B. Wilson and M. M. Hilferty, "The distribution of chi-square", Proceedings of the National Academy of
           Sciences 17, 1931, doi 10.1073/pnas.17.12.684.
    .. [3] R. J. A. Little and D. B. Rubin, Statistical Analysis with Missing Data, 3rd edition, 2019, section 11.2, doi
           10.1002/9781119482260.

    Examples
    --------
    >>> import numpy as np, acm_rs
    >>> random = np.random.default_rng(0)
    >>> x = random.normal(size=(500, 1)) * [1.0, 2.0, 3.0] + random.normal(0.0, 0.1, (500, 3))
    >>> detector = acm_rs.MahalanobisDetector().fit(x)
    >>> x[-1, 1] += 2.0
    >>> scores = detector.score(x)
    >>> int(scores.argmax()), bool(scores[-1] > detector.limit(0.001))
    (499, True)
    """

    _Engine = _native.MahalanobisDetector
    __slots__ = ()

    def __init__(
        self,
        shrinkage: Literal["ledoit_wolf", "none"] | float = "ledoit_wolf",
        lags: int = 0,
        *,
        constants: Literal["watch", "ignore"] = "watch",
    ) -> None:
        self._engine = self._Engine(shrinkage, lags, constants=constants)

    @property
    def shrinkage(self) -> Literal["ledoit_wolf", "none"] | float:
        """How far the covariance is to be drawn towards a multiple of the identity."""
        return self._engine.shrinkage

    @property
    def lags(self) -> int:
        """Earlier rows that stand beside each row."""
        return self._engine.lags

    @property
    def covariance_(self) -> NDArray[np.float64]:
        """Shrunk covariance (divisor n) of the scaled columns, (w, w), with w = used columns times (lags + 1).

        All used columns of the row itself, then of the row before, and so on.
        """
        return self._engine.covariance_

    @property
    def shrinkage_(self) -> float:
        """The share of the identity in the covariance."""
        return self._engine.shrinkage_

    @property
    def center_(self) -> NDArray[np.float64]:
        """Mean of each column, NaN where it is not used, (d,)."""
        return self._engine.center_

    @property
    def scale_(self) -> NDArray[np.float64]:
        """Standard deviation of each column, NaN where it is not used, (d,)."""
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

    def fit(self, x: Table) -> Self:
        """Learn means, scales and the covariance from healthy data.

        Parameters
        ----------
        x : array of float64 or float32, frame or series, shape (n, d) or (n,)
            Rows = time, oldest first, at least two; columns = sensors. Any memory layout; nothing is changed.

        Returns
        -------
        MahalanobisDetector
            Itself.

        Raises
        ------
        TypeError
            ``x`` is neither a float array nor a frame of numbers.
        ValueError
            ``x`` has less than two rows, no more rows than ``lags``, or no column that changes.
        numpy.linalg.LinAlgError
            Columns determine one another and nothing is shrunk.

        Warns
        -----
        UserWarning
            Sensors are left out of the model, or readings and rows (``left_out_``) out of the fit; or levels wander.
        """
        values, names = self._learned(x)
        self._engine.fit(values, names=names)
        return self

    @overload
    def score(self, x: Floats) -> NDArray[np.float64]: ...
    @overload
    def score(self, x: Table) -> Any: ...
    def score(self, x: Table) -> Any:
        """The squared Mahalanobis distance of each row.

        Parameters
        ----------
        x : array of float64 or float32, frame or series, shape (n, d) or (n,)
            Rows to score, a history if the model has lags.

        Returns
        -------
        array of float64 or series, shape (n,)
            Higher is more abnormal; about w on average for healthy rows. To be compared with ``limit``. NaN for a row
            without any value.

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

    @overload
    def contributions(self, x: Floats) -> NDArray[np.float64]: ...
    @overload
    def contributions(self, x: XT) -> XT: ...
    def contributions(self, x: Table) -> Any:
        """What each sensor adds to the squared distance: z_j (S^-1 z)_j.

        Parameters
        ----------
        x : array of float64 or float32, frame or series, shape (n, d) or (n,)
            Rows to explain.

        Returns
        -------
        array of float64, frame or series, shape of ``x``
            Signed; each row sums to its score, and a deviation of one sensor alone is all its own. The shares of a
            sensor's lags count together; 0 where a column is not used or a value missing.

        Raises
        ------
        RuntimeError, TypeError, ValueError
            As for ``score``.
        """
        return self._tables(self._engine.contributions, x)

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
        >>> detector = acm_rs.MahalanobisDetector().fit(x[:800])
        >>> x[900:] = x[900:].round(1)
        >>> detector.resolution(x[898:902]).tolist()
        [0.0, 0.0, 0.1, 0.1]
        """
        return self._lines(self._engine.resolution, x, "resolution")

    def fit_moments(self, moments: RunningMoments) -> Self:
        """Learn from moments of healthy rows that were counted in pieces, on any number of machines.

        Parameters
        ----------
        moments : RunningMoments
            Of at least six rows for each pair of sensors, and without shrinkage more than there are sensors. They stay
            as they are, and may go on: fit again to learn what has come.

        Returns
        -------
        MahalanobisDetector
            Itself. The same moments give the same bytes, whatever order they were merged in.

        Raises
        ------
        TypeError
            ``moments`` are something else.
        ValueError
            ``shrinkage`` is "ledoit_wolf", which needs the rows; there are ``lags``; rows are too few, or no sensor
            changes.
        numpy.linalg.LinAlgError
            Sensors determine one another and nothing is shrunk, or gaps that differ from pair to pair have left
            covariances that contradict each other; more shrinkage mends that.

        Warns
        -----
        UserWarning
            Sensors without a value, or that do not change, are left out.

        Notes
        -----
        Means, scales and covariances are those of `fit` on complete rows that it leaves nothing out of. No row is at
        hand, so what needs them is not there: bad rows are not looked for (readings beyond the moments' ``reach`` are
        missing), gaps are not filled (each covariance is over the rows with both), sensors that stood still are not
        watched, nor are coarser rows judged apart, and ``limit`` is the theoretical one for as many rows as the rarest
        pair has. A limit for what is no normal noise comes from scores of healthy rows, by `calibrate`.

        Examples
        --------
        >>> import numpy as np, acm_rs
        >>> x = np.random.default_rng(0).normal(size=(900, 3))
        >>> moments = acm_rs.RunningMoments.of_sample(x[:100])
        >>> for piece in (x[:300], x[300:600], x[600:]):
        ...     _ = moments.update(piece)
        >>> detector = acm_rs.MahalanobisDetector(shrinkage=0.01).fit_moments(moments)
        >>> bool(detector.score(x).mean() < detector.limit(0.01))
        True
        """
        self._engine.fit_moments(counted(moments))
        return self

    def limit(self, alpha: float = 0.01, method: Literal["held_out", "theoretical"] = "held_out") -> float:
        """What a healthy row's score exceeds with probability ``alpha``.

        Parameters
        ----------
        alpha : float, default 0.01
            Between 0 and 1.
        method : {"held_out", "theoretical"}, default "held_out"
            From up to ten stretches of the training rows, each judged by a covariance of all others; or for independent
            normal rows.

        Returns
        -------
        float
            Held out: as `PCADetector` has it for its statistics. Theoretical: after Hotelling for the number of
            training rows, or the quantile of chi-squared where they are no more than w; an approximation where the
            covariance is shrunk. With less than nine rows (and two for each lag and stretch), and in files of former
            versions, there is nothing held out and the theoretical limit takes its place.

        Raises
        ------
        RuntimeError
            Before ``fit``.
        ValueError
            ``alpha`` does not lie between 0 and 1, or there is no such method.
        """
        return self._engine.limit(alpha, method)
