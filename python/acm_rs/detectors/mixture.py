"""A few operating states, and rows that none of them makes likely."""

from __future__ import annotations

from typing import Any, Literal, Self, overload

import numpy as np
from numpy.typing import NDArray

from acm_rs import _native
from acm_rs.frames import XT, Floats, Labels, Table
from acm_rs.model import Detector, Screening, Wandering, Watching, states


class GaussianMixture(Wandering, Watching, Screening, Detector):
    """Gaussian mixture detector: a row that none of a few operating states makes likely is abnormal.

    Parameters
    ----------
    n_components : int or "bic", default 5
        States. ``"bic"`` takes as many, between 1 and min(5, sqrt(n) / 2), as the Bayesian information criterion of the
        training rows likes best.
    covariance : {"diag", "full"}, default "diag"
        Whether a state knows the spread of each sensor alone, or also how its sensors move together.
    n_init : int, default 3
        k-means starts; the one that ends with the highest likelihood stays.
    reg : float, default 1e-2
        Added to every variance, in units of the scaled sensors; at least 0.
    tol : float, default 1e-3
        A run ends when the mean log density changes by less.
    max_iter : int, default 100
        Most steps of a run.
    seed : int, default 42
        Seed of the starts.
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
    p(z) = sum_k w_k N(z; m_k, S_k), z the scaled row, fitted by expectation and maximisation [1]_ from k-means
    clusters; the criterion is Schwarz's [2]_. NaN and infinity are missing: at fit they are replaced by what the others
    of their row let expect, plus noise of the variance they have about that. Later a row has the density of its known
    values and the responsibilities that follow from it; for the score its squared distances from the components count
    at the same quantile of chi-squared as those of a complete row. A row without any value scores NaN. Scaled values
    are clipped to ±1e100. The fit holds a scaled copy of the data. Any number of threads, memory layout and chunking
    gives the same bytes.

    .. [1] Dempster, Laird and Rubin, Maximum likelihood from incomplete data via the EM algorithm, Journal of the Royal
           Statistical Society B 39 (1), 1977, doi 10.1111/j.2517-6161.1977.tb01600.x.
    .. [2] Schwarz, Estimating the dimension of a model, Annals of Statistics 6 (2), 1978, doi 10.1214/aos/1176344136.

    Examples
    --------
    >>> import numpy as np, acm_rs
    >>> random = np.random.default_rng(0)
    >>> load = random.choice([20.0, 80.0], 500)
    >>> x = np.column_stack([load, 2 * load, 100 - load]) + random.standard_normal((500, 3))
    >>> detector = acm_rs.GaussianMixture(n_components=2, covariance="full").fit(x)
    >>> odd = np.array([[20.0, 40.0, 80.0], [20.0, 160.0, 80.0]])
    >>> detector.score(odd) > 10
    array([False,  True])
    >>> int(detector.contributions(odd)[1].argmax())
    1
    """

    _Engine = _native.GaussianMixture
    __slots__ = ()

    def __init__(
        self,
        n_components: int | Literal["bic"] = 5,
        covariance: Literal["diag", "full"] = "diag",
        n_init: int = 3,
        reg: float = 0.01,
        tol: float = 0.001,
        max_iter: int = 100,
        seed: int = 42,
        *,
        constants: Literal["watch", "ignore"] = "watch",
    ) -> None:
        self._engine = self._Engine(n_components, covariance, n_init, reg, tol, max_iter, seed, constants=constants)

    @property
    def n_components(self) -> int | Literal["bic"]:
        """States that were asked for."""
        return self._engine.n_components

    @property
    def covariance(self) -> Literal["diag", "full"]:
        """What a state knows of the spread of its sensors."""
        return self._engine.covariance

    @property
    def n_init(self) -> int:
        """k-means starts."""
        return self._engine.n_init

    @property
    def reg(self) -> float:
        """What is added to every variance."""
        return self._engine.reg

    @property
    def tol(self) -> float:
        """A run ends when the mean log density changes by less."""
        return self._engine.tol

    @property
    def max_iter(self) -> int:
        """Most steps of a run."""
        return self._engine.max_iter

    @property
    def seed(self) -> int:
        """What is drawn, is drawn from it."""
        return self._engine.seed

    @property
    def weights_(self) -> NDArray[np.float64]:
        """Shares of the states, (k,)."""
        return self._engine.weights_

    @property
    def means_(self) -> NDArray[np.float64]:
        """Levels of the states in the scaled sensors in use, (k, u)."""
        return self._engine.means_

    @property
    def covariances_(self) -> NDArray[np.float64]:
        """Variances of the states, (k, u), with "full" their covariances, (k, u, u); ``reg`` included."""
        return self._engine.covariances_

    @property
    def center_(self) -> NDArray[np.float64]:
        """Median of each sensor, which is subtracted from it, (d,)."""
        return self._engine.center_

    @property
    def scale_(self) -> NDArray[np.float64]:
        """What each sensor is divided by after that, (d,).

        Its interquartile range; the standard deviation where that is more than a hundred times as large.
        """
        return self._engine.scale_

    @property
    def used_(self) -> NDArray[np.bool_]:
        """False for sensors that stand still in the training data and are left out, (d,)."""
        return self._engine.used_

    @property
    def n_components_(self) -> int:
        """States, k."""
        return self._engine.n_components_

    @property
    def lower_bound_(self) -> float:
        """Mean log density of the training rows before the last step of the best run."""
        return self._engine.lower_bound_

    @property
    def n_iter_(self) -> int:
        """Steps of the best run."""
        return self._engine.n_iter_

    @property
    def converged_(self) -> bool:
        """Whether it ended before ``max_iter`` or just then."""
        return self._engine.converged_

    def fit(self, x: Table, labels: Labels | None = None) -> Self:
        """Learn the states from healthy data.

        Parameters
        ----------
        x : array of float64 or float32, frame or series, shape (n, d) or (n,)
            Rows = time; columns = sensors. Any memory layout; nothing is changed.
        labels : array of int or series, shape (n,), optional
            The state that each row begins in, in place of k-means; between 0 and ``n_components`` - 1, which must be a
            number.

        Returns
        -------
        GaussianMixture
            Itself.

        Raises
        ------
        TypeError
            ``x`` is neither a float array nor a frame of numbers, or ``labels`` no integers.
        ValueError
            ``x`` has fewer rows than there are states or no column that changes; ``reg`` is too small for the states'
            covariances, whatever the start and, with "bic", their number; ``labels`` has another length or names no
            state.

        Warns
        -----
        UserWarning
            Sensors are left out of the model, or readings and rows (``left_out_``) out of the fit; or levels wander.
        """
        values, names = self._learned(x)
        self._engine.fit(values, states(labels, x), names=names)
        return self

    @overload
    def score(self, x: Floats) -> NDArray[np.float64]: ...
    @overload
    def score(self, x: Table) -> Any: ...
    def score(self, x: Table) -> Any:
        """How unlikely each row is.

        Parameters
        ----------
        x : array of float64 or float32, frame or series, shape (n, d) or (n,)
            Rows to score.

        Returns
        -------
        array of float64 or series, shape (n,)
            The negative log density, less the training rows' median, over 1.4826 times their median absolute deviation
            (at least 1e-6); higher is more abnormal.

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
        """The same as ``score``: rows are scored one by one.

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
        """What each sensor adds to the squared Mahalanobis distance from the states.

        The states are weighted by their responsibilities.

        Parameters
        ----------
        x : array of float64 or float32, frame or series, shape (n, d) or (n,)
            Rows to explain.

        Returns
        -------
        array of float64, frame or series, shape of ``x``
            With "diag" sum_k r_k (z_j - m_kj)² / s_kj; with "full" sum_k r_k (z - m_k)_j (inv(S_k) (z - m_k))_j, which
            may be negative. A row sums to the distance. 0 for sensors that are left out.

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
    def score_samples(self, x: Floats) -> NDArray[np.float64]: ...
    @overload
    def score_samples(self, x: Table) -> Any: ...
    def score_samples(self, x: Table) -> Any:
        """Natural logarithm of the density of each scaled row.

        Parameters
        ----------
        x : array of float64 or float32, frame or series, shape (n, d) or (n,)
            Rows.

        Returns
        -------
        array of float64 or series, shape (n,)
            ln p(z). For the density of x itself take off the sum of ``log(scale_[used_])``.

        Raises
        ------
        RuntimeError
            Before ``fit``.
        TypeError
            ``x`` is neither a float array nor a frame of numbers.
        ValueError
            ``x`` has another number of columns than at fit, or columns of other names.
        """
        return self._lines(self._engine.score_samples, x, "log_density")

    @overload
    def predict(self, x: Floats) -> NDArray[np.int64]: ...
    @overload
    def predict(self, x: Table) -> Any: ...
    def predict(self, x: Table) -> Any:
        """The state that is most likely behind each row.

        Parameters
        ----------
        x : array of float64 or float32, frame or series, shape (n, d) or (n,)
            Rows.

        Returns
        -------
        array of int64 or series, shape (n,)
            The number of the state; the first of equally likely ones.

        Raises
        ------
        RuntimeError
            Before ``fit``.
        TypeError
            ``x`` is neither a float array nor a frame of numbers.
        ValueError
            ``x`` has another number of columns than at fit, or columns of other names.
        """
        return self._lines(self._engine.predict, x, "cluster")

    @overload
    def predict_proba(self, x: Floats) -> NDArray[np.float64]: ...
    @overload
    def predict_proba(self, x: Table) -> Any: ...
    def predict_proba(self, x: Table) -> Any:
        """How likely each state is behind each row.

        Parameters
        ----------
        x : array of float64 or float32, frame or series, shape (n, d) or (n,)
            Rows.

        Returns
        -------
        array of float64, frame or series, shape (n, k)
            The states' responsibilities; a row sums to 1.

        Raises
        ------
        RuntimeError
            Before ``fit``.
        TypeError
            ``x`` is neither a float array nor a frame of numbers.
        ValueError
            ``x`` has another number of columns than at fit, or columns of other names.
        """
        return self._tables(
            self._engine.predict_proba, x, labels=lambda: [f"cluster_{number}" for number in range(self.n_components_)]
        )

    def bic(self, x: Table) -> float:
        """Bayesian information criterion of the mixture for these rows.

        Parameters
        ----------
        x : array of float64 or float32, frame or series, shape (n, d) or (n,)
            Rows.

        Returns
        -------
        float
            p ln(n) - 2 ln L, with p free numbers; lower is better.

        Raises
        ------
        RuntimeError
            Before ``fit``.
        TypeError
            ``x`` is neither a float array nor a frame of numbers.
        ValueError
            ``x`` has no row, or another number of columns than at fit.
        """
        return self._number(self._engine.bic, x)

    def aic(self, x: Table) -> float:
        """Akaike information criterion of the mixture for these rows.

        Parameters
        ----------
        x : array of float64 or float32, frame or series, shape (n, d) or (n,)
            Rows.

        Returns
        -------
        float
            2 p - 2 ln L, with p free numbers; lower is better.

        Raises
        ------
        RuntimeError
            Before ``fit``.
        TypeError
            ``x`` is neither a float array nor a frame of numbers.
        ValueError
            ``x`` has no row, or another number of columns than at fit.
        """
        return self._number(self._engine.aic, x)

    def limit(self, alpha: float = 0.01) -> float:
        """What a healthy row's score exceeds with probability ``alpha``.

        Parameters
        ----------
        alpha : float, default 0.01
            Between 0 and 1.

        Returns
        -------
        float
            From up to ten stretches of the training rows, each judged by states that are found from all others with the
            responsibilities of the whole mixture, without what the fit has left out.

        Raises
        ------
        RuntimeError
            Before ``fit``.
        ValueError
            ``alpha`` does not lie between 0 and 1, or the model is from a file of a former version, which has no scores
            of healthy rows.
        """
        return self._engine.limit(alpha)
