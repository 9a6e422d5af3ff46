"""Each sensor predicted from the others."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal, Self, overload

import numpy as np
from numpy.typing import NDArray

from acm_rs import _native
from acm_rs.frames import XT, Floats, Labels, Line, Table
from acm_rs.kernels import per_sensor
from acm_rs.model import Detector, Screening, Wandering, Watching, states
from acm_rs.running import RunningMoments, counted


class OMRDetector(Wandering, Watching, Screening, Detector):
    """Overall model residual: how far a row is from what its sensors predict of each other.

    A linear model of healthy rows predicts every sensor from the others; the score grows when sensors stop moving
    together, even while each one stays within its own limits.

    Parameters
    ----------
    model : {"auto", "pls", "ridge", "pca"}, default "auto"
        ``"pls"``: partial least squares of all sensors on themselves. ``"ridge"``: ridge regression of each sensor on
        the others. ``"pca"``: reconstruction from principal components. ``"auto"``: PCA where sensors outnumber rows,
        ridge with more than 1,000 rows of fewer than 20 sensors, else PLS.
    n_components : int, default 5
        Components of PLS and PCA at most; never more than sensors less one or rows less one.
    alpha : float, default 1.0
        Penalty of the ridge, on coefficients between sensors in units of their standard deviations; at least 0.
    clip : float or None, default 10.0
        Where scores end; None: nowhere. Where healthy rows come close to it already (many sensors, see Notes), scores
        end at twice ``limit(0.01)`` instead, so that an alarm stays one.
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
    With z the row in units of the sensors' standard deviations and B the ``coefficients_``, the residual is e = z - z B
    and the score is the length of e over ``norm_scale_``: 1.4826 times the median absolute deviation of the lengths in
    training, their standard deviation where that vanishes, at least 1e-6. The length's own level is not taken off, so
    healthy rows score about its mean over its spread: some 10 for 50 unrelated sensors.

    NaN and infinity are missing. A missing sensor reads what the model predicts of it from the others and has no
    residual; the length of the others' residual counts where it would stand among those of complete rows. A row without
    any value scores NaN. At fit missing values are replaced by what the others let expect, plus noise of the variance
    they have about that. Sensors that are missing in more than half of the rows, or in two thirds where rows are many,
    or that change by no more than the rounding of their values are left out.

    The ridges [1]_ come from one factorisation: with P = (Z'Z + alpha I)^-1 the coefficients of sensor j on sensor i
    are -P[i, j] / P[j, j]. PLS is NIPALS [2]_ with weights iterated until the squared length of their change is below
    1e-6, at most 500 times. Carried to the end it would be PCA.

    .. [1] Hoerl and Kennard, Ridge regression: biased estimation for nonorthogonal problems, 1970,
           doi 10.1080/00401706.1970.10488634.
    .. [2] Wold, Path models with latent variables: the NIPALS approach, 1975, doi 10.1016/B978-0-12-103950-9.50017-4.

    Examples
    --------
    >>> import numpy as np, acm_rs
    >>> random = np.random.default_rng(0)
    >>> load = random.normal(50.0, 5.0, 500)
    >>> x = np.outer(load, [1.0, 2.0, -0.5]) + random.normal(0.0, 0.3, (500, 3))
    >>> detector = acm_rs.OMRDetector(model="ridge").fit(x)
    >>> x[-1, 1] -= 4.0
    >>> int(detector.score(x).argmax()), int(detector.contributions(x)[-1].argmax())
    (499, 1)
    """

    _Engine = _native.OMRDetector
    __slots__ = ()

    def __init__(
        self,
        model: Literal["auto", "pls", "ridge", "pca"] = "auto",
        n_components: int = 5,
        alpha: float = 1.0,
        clip: float | None = 10.0,
        *,
        constants: Literal["watch", "ignore"] = "watch",
    ) -> None:
        self._engine = self._Engine(model, n_components, alpha, clip, constants=constants)

    @property
    def model(self) -> Literal["auto", "pls", "ridge", "pca"]:
        """The model that was asked for."""
        return self._engine.model

    @property
    def n_components(self) -> int:
        """Most components of PLS and PCA."""
        return self._engine.n_components

    @property
    def alpha(self) -> float:
        """Penalty of the ridge."""
        return self._engine.alpha

    @property
    def clip(self) -> float | None:
        """Where scores end, at least; None: nowhere."""
        return self._engine.clip

    @property
    def model_(self) -> Literal["pls", "ridge", "pca"]:
        """The model in use."""
        return self._engine.model_

    @property
    def n_components_(self) -> int | None:
        """Components in use; None for a ridge."""
        return self._engine.n_components_

    @property
    def coefficients_(self) -> NDArray[np.float64]:
        """How much the prediction of column j rises with column i, at [i, j], (d, d).

        Both are in units of their standard deviations.
        """
        return self._engine.coefficients_

    @property
    def center_(self) -> NDArray[np.float64]:
        """Mean of each sensor, missing values counted as at fit, (d,)."""
        return self._engine.center_

    @property
    def scale_(self) -> NDArray[np.float64]:
        """Standard deviation of each sensor, missing values counted as at fit, (d,)."""
        return self._engine.scale_

    @property
    def norm_scale_(self) -> float:
        """Length of a residual that scores 1."""
        return self._engine.norm_scale_

    @property
    def used_(self) -> NDArray[np.bool_]:
        """False for sensors that are left out, (d,)."""
        return self._engine.used_

    @property
    def weights_(self) -> NDArray[np.float64]:
        """What each sensor's contribution is multiplied by, as given to ``fit``, (d,)."""
        return self._engine.weights_

    def fit(
        self, x: Table, labels: Sequence[int] | Labels | None = None, weights: Sequence[float] | Line | None = None
    ) -> Self:
        """Learn from healthy data how the sensors move together.

        Parameters
        ----------
        x : array of float64 or float32, frame or series, shape (n, d)
            Rows = time, columns = sensors. Nothing is changed; rows are copied only where ``labels`` choose them.
        labels : sequence or series of int, length n, optional
            Operating regime of each row. The model is fitted on the rows of the most frequent label (the smallest of
            equally frequent ones); -1, an unknown regime, is left out.
        weights : sequence or series of float, length d, optional
            What each sensor's contribution is multiplied by, at least 0; 1 by default. ACM gives a quarter to columns
            that hold a rolling skewness or kurtosis.

        Returns
        -------
        OMRDetector
            Itself.

        Raises
        ------
        TypeError
            ``x`` is neither a float array nor a frame of numbers, or ``labels`` or ``weights`` are no numbers.
        ValueError
            Fewer rows than max(20, min(50, sensors in use)), fewer than two sensors to use, all labels -1, or a wrong
            length.
        numpy.linalg.LinAlgError
            ``alpha`` is too small for sensors that are linear combinations of others. It is a ValueError.

        Warns
        -----
        UserWarning
            Sensors are left out of the model, or readings and rows (``left_out_``) out of the fit; or levels wander.
        """
        values, names = self._learned(x)
        self._engine.fit(values, states(labels, x), per_sensor(weights, x, "weights"), names=names)
        return self

    def fit_moments(self, moments: RunningMoments) -> Self:
        """Learn from moments of healthy rows that were counted in pieces, on any number of machines.

        Parameters
        ----------
        moments : RunningMoments
            Of at least max(20, min(50, watched sensors)) rows for each pair of sensors. They stay as they are, and may
            go on: fit again to learn what has come.

        Returns
        -------
        OMRDetector
            Itself. The same moments give the same bytes, whatever order they were merged in.

        Raises
        ------
        TypeError
            ``moments`` are something else.
        ValueError
            Rows are too few, or less than two sensors change.
        numpy.linalg.LinAlgError
            The ridge's ``alpha`` is too small for sensors that are linear combinations of others; or gaps that differ
            from pair to pair have left covariances that contradict each other.

        Warns
        -----
        UserWarning
            Sensors that do not vary are left out.

        Notes
        -----
        Predictions are those of `fit` on complete rows that it leaves nothing out of. No row is at hand, so what needs
        them is not there: bad rows are not looked for (readings beyond the moments' ``reach`` are missing), gaps are
        not filled (each covariance is over the rows with both), sensors that stood still are not watched. The unit of
        scores is that which normal noise would have, by Jackson and Mudholkar's law for the covariance that the
        prediction leaves, doi 10.1080/00401706.1979.10489779. There is no `limit`; scores of healthy rows give one by
        `calibrate`.

        Examples
        --------
        >>> import numpy as np, acm_rs
        >>> random = np.random.default_rng(0)
        >>> x = random.normal(size=(900, 1)) * [1.0, 2.0, 3.0] + random.normal(0.0, 0.1, (900, 3))
        >>> moments = acm_rs.RunningMoments.of_sample(x[:100])
        >>> for piece in (x[:300], x[300:600], x[600:]):
        ...     _ = moments.update(piece)
        >>> detector = acm_rs.OMRDetector("ridge").fit_moments(moments)
        >>> bool(np.allclose(detector.coefficients_, acm_rs.OMRDetector("ridge").fit(x).coefficients_, atol=1e-6))
        True
        """
        self._engine.fit_moments(counted(moments))
        return self

    @overload
    def score(self, x: Floats) -> NDArray[np.float64]: ...
    @overload
    def score(self, x: Table) -> Any: ...
    def score(self, x: Table) -> Any:
        """How far each row is from what its sensors predict of each other.

        Parameters
        ----------
        x : array of float64 or float32, frame or series, shape (n, d)
            Any rows; a row's score does not depend on the others.

        Returns
        -------
        array of float64 or series, shape (n,)
            Length of the residual over ``norm_scale_``, at most ``clip`` or twice ``limit(0.01)``; higher is more
            abnormal. NaN for a row without any value.

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
        """The same as ``score``: rows are scored each on its own.

        Parameters
        ----------
        x : array of float64 or float32, frame or series, shape (n, d)
            The next rows, any number.

        Returns
        -------
        array of float64 or series, shape (n,)
            To the last bit what ``score`` gives for these rows.

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
        """How much of a row's residual each sensor explains, if it alone is off.

        Parameters
        ----------
        x : array of float64 or float32, frame or series, shape (n, d)
            Any rows.

        Returns
        -------
        array of float64, frame or series, shape (n, d)
            What the sum of squared residuals, each over its variance in training, loses where the sensor reads what
            makes that sum least, times the sensor's weight; 0 for sensors that are left out and missing values.
            These rank sensors; what sums to the squared score of a complete row before clipping is ``(residuals(x) /
            scale_ / norm_scale_) ** 2``.

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
        A sensor that is off moves the residuals of all that are predicted from it, so that another's may be the largest
        beside what is usual for it. With W the precisions of the residuals e and M = I - B, sensor j explains
        ((M W e)_j)^2 / (M W M')_jj: reconstruction-based contributions [1]_. A component for each sensor but one leaves
        a single direction, in which all sensors explain the same: of few sensors take few components, or the ridge.
        Detectors saved in a former format give squared residuals over the variance of these in training.

        .. [1] Alcala and Qin, Reconstruction-based contribution for process monitoring, 2009,
               doi 10.1016/j.automatica.2009.02.027.
        """
        return self._tables(self._engine.contributions, x)

    @overload
    def predict(self, x: Floats) -> NDArray[np.float64]: ...
    @overload
    def predict(self, x: XT) -> XT: ...
    def predict(self, x: Table) -> Any:
        """What each sensor should read.

        Parameters
        ----------
        x : array of float64 or float32, frame or series, shape (n, d)
            Any rows.

        Returns
        -------
        array of float64, frame or series, shape (n, d)
            In the sensors' own units, of missing sensors too; NaN for sensors that are left out.

        Raises
        ------
        RuntimeError
            Before ``fit``.
        TypeError
            ``x`` is neither a float array nor a frame of numbers.
        ValueError
            ``x`` has another number of columns than at fit, or columns of other names.
        """
        return self._tables(self._engine.predict, x)

    @overload
    def residuals(self, x: Floats) -> NDArray[np.float64]: ...
    @overload
    def residuals(self, x: XT) -> XT: ...
    def residuals(self, x: Table) -> Any:
        """What each sensor reads less what it should.

        Parameters
        ----------
        x : array of float64 or float32, frame or series, shape (n, d)
            Any rows.

        Returns
        -------
        array of float64, frame or series, shape (n, d)
            In the sensors' own units; NaN for missing values and for sensors that are left out.

        Raises
        ------
        RuntimeError
            Before ``fit``.
        TypeError
            ``x`` is neither a float array nor a frame of numbers.
        ValueError
            ``x`` has another number of columns than at fit, or columns of other names.
        """
        return self._tables(self._engine.residuals, x)

    def limit(self, alpha: float = 0.01) -> float:
        """What a healthy row's score exceeds with probability ``alpha``.

        Parameters
        ----------
        alpha : float, default 0.01
            Between 0 and 1.

        Returns
        -------
        float
            From up to ten stretches of the training rows, each judged by a prediction from all others, without what the
            fit has left out. Never above where scores end.

        Raises
        ------
        RuntimeError
            Before ``fit``.
        ValueError
            ``alpha`` does not lie between 0 and 1, or the model is from a file of a former version, which has no scores
            of healthy rows.
        """
        return self._engine.limit(alpha)
