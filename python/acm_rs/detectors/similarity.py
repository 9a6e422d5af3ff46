"""What each sensor should read, by the healthy rows that are most alike."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal, Self, overload

import numpy as np
from numpy.typing import NDArray

from acm_rs import _native
from acm_rs.frames import XT, Floats, Table
from acm_rs.model import Detector, Screening, Watching


class SimilarityDetector(Watching, Screening, Detector):
    """Similarity detector (auto-associative kernel regression): what should each sensor read, by rows that are alike?

    Parameters
    ----------
    memory : int, default 300
        Healthy rows that are remembered at most; at least 2.
    neighbours : int, default 5
        How many remembered rows are alike, about: the kernel is so wide that a remembered row's neighbour of this
        number weighs 1 / e as much as itself, in the median. At least 1.
    smoothing : sequence of float, default (1.0, 0.3, 0.1)
        Weights of the latest row in the means of the residuals, 1 to 16 of them, above 0 and at most 1: 1 is the row
        alone, 0.1 some ten rows.
    folds : int, default 4
        Stretches of the training rows, each judged by what is remembered of the others; at least 2.
    false_alarm_rate : float, default 0.01
        Share of healthy rows that may score above 1, all parts together; above 0 and below 0.5.
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
    Sensors are scaled by mean and standard deviation. Remembered are the rows in which a sensor is least or greatest
    (half of the memory at most), and then always the row that is farthest from all remembered ones [1]_ [2]_: rare
    operating points have their rows, however often the usual ones come. Of more than 16,384 rows so many that lie
    evenly in time are looked at, beside the extremes. A row x should read the mean of the remembered rows m, weighted
    by exp(-abs(x - m)^2 / (2 h^2)) [3]_ [4]_: no straight line is needed between sensors.

    With S the Ledoit-Wolf covariance [5]_ of the residuals r of training rows that were judged by a memory of other
    stretches, the parts of the score are the *power*, the exponentially weighted mean of r' S^-1 r, at each weight, and
    the *shift*, e' S^-1 e (2 - w) / w with e the exponentially weighted mean of r [6]_, at each weight w below 1. A
    part stands at (cube root - mean) / (cube root of its limit - mean); the score is the greatest of them, over the
    limit that rows which were not remembered exceed at the rate asked for.

    NaN and infinity are missing: likeness is that of the present sensors, and residuals that those of the present ones
    let expect take the place of the others'. In a row without any value the means stand still.

    Rows that are rounded more coarsely than the training rows (``resolution``) are judged by S with q^2 / 12, the
    variance of what is rounded away to steps of q, for each sensor that was finer.

    .. [1] Singer, Gross, Herzog, King and Wegerich, Model-based nuclear power plant monitoring and fault detection,
           1997, doi 10.2172/460536.
    .. [2] Gonzalez, Clustering to minimize the maximum intercluster distance, 1985, doi 10.1016/0304-3975(85)90224-5.
    .. [3] Nadaraya, On estimating regression, 1964, doi 10.1137/1109020.
    .. [4] Hines, Garvey, Seibert and Usynin, Technical review of on-line monitoring techniques for performance
           assessment, volume 2, NUREG/CR-6895, 2008.
    .. [5] Ledoit and Wolf, A well-conditioned estimator for large-dimensional covariance matrices, 2004,
           doi 10.1016/S0047-259X(03)00096-4.
    .. [6] Lowry, Woodall, Champ and Rigdon, A multivariate exponentially weighted moving average control chart, 1992,
           doi 10.1080/00401706.1992.10485232.

    Examples
    --------
    >>> import numpy as np, acm_rs
    >>> random = np.random.default_rng(3)
    >>> load = random.uniform(-1, 1, 2000)
    >>> x = np.column_stack([load, load**2, load**3, np.cos(3 * load)]) + 0.05 * random.normal(size=(2000, 4))
    >>> detector = acm_rs.SimilarityDetector().fit(x[:1500])
    >>> x[1800:, 1] += 0.3
    >>> alarm = detector.score(x[1500:]) > 1.0
    >>> float(alarm[:300].mean()) < 0.03, bool(alarm[310:].all())
    (True, True)
    >>> int(detector.contributions(x[1500:])[300:].mean(axis=0).argmax())
    1
    >>> told = detector.estimate(x[1500:])
    >>> bool((told[300:, 1] < x[1800:, 1]).all())
    True
    """

    _Engine = _native.SimilarityDetector
    __slots__ = ()

    def __init__(
        self,
        memory: int = 300,
        neighbours: int = 5,
        smoothing: Sequence[float] | NDArray[np.float64] = (1.0, 0.3, 0.1),
        folds: int = 4,
        false_alarm_rate: float = 0.01,
        *,
        constants: Literal["watch", "ignore"] = "watch",
    ) -> None:
        self._engine = self._Engine(memory, neighbours, smoothing, folds, false_alarm_rate, constants=constants)

    @property
    def memory(self) -> int:
        """Healthy rows that are remembered at most."""
        return self._engine.memory

    @property
    def neighbours(self) -> int:
        """Number of the neighbour that weighs 1 / e as much as a remembered row itself."""
        return self._engine.neighbours

    @property
    def smoothing(self) -> tuple[float, ...]:
        """Weights of the latest row in the means of the residuals."""
        return self._engine.smoothing

    @property
    def folds(self) -> int:
        """Stretches of the training rows, each judged by what is remembered of the others."""
        return self._engine.folds

    @property
    def false_alarm_rate(self) -> float:
        """Share of healthy rows that may score above 1, all parts together."""
        return self._engine.false_alarm_rate

    @property
    def memory_(self) -> NDArray[np.float64]:
        """The remembered rows in the sensors' units, in the order of choice; NaN where a sensor is left out, (m, d)."""
        return self._engine.memory_

    @property
    def steps_(self) -> NDArray[np.float64]:
        """Steps of readings, coarser than at fit and rising, that matter: at most four powers of ten, (steps,)."""
        return self._engine.steps_

    @property
    def width_(self) -> float:
        """Width h of the kernel, in standard deviations of the sensors."""
        return self._engine.width_

    @property
    def residual_sd_(self) -> NDArray[np.float64]:
        """Standard deviation of reading less estimate of each sensor, in its unit; NaN where it is left out, (d,)."""
        return self._engine.residual_sd_

    @property
    def part_names_(self) -> tuple[str, ...]:
        """The parts of the score: "power" or "shift", and the weight."""
        return self._engine.part_names_

    @property
    def center_(self) -> NDArray[np.float64]:
        """Mean of each sensor, NaN where it is left out, (d,)."""
        return self._engine.center_

    @property
    def scale_(self) -> NDArray[np.float64]:
        """Standard deviation of each sensor, NaN where it is left out, (d,)."""
        return self._engine.scale_

    @property
    def used_(self) -> NDArray[np.bool_]:
        """False for sensors that are left out: without a value at fit, or constant, (d,)."""
        return self._engine.used_

    @property
    def wandering_(self) -> NDArray[np.bool_]:
        """True for sensors whose level wanders: neither half of the rows tells where the other lies, (d,)."""
        return self._engine.wandering_

    @property
    def expected_false_alarms_(self) -> float:
        """Share of healthy rows expected above 1: the rate asked for, or more where sensors wander."""
        return self._engine.expected_false_alarms_

    def fit(self, x: Table) -> Self:
        """Learn from healthy data.

        Parameters
        ----------
        x : array of float64 or float32, frame or series, shape (n, d) or (n,)
            Rows = time, oldest first, at least 2 * folds; columns = sensors. Any memory layout; nothing is changed.

        Returns
        -------
        SimilarityDetector
            Itself.

        Raises
        ------
        TypeError
            ``x`` is neither a float array nor a frame of numbers.
        ValueError
            ``x`` has too few rows, or no sensor that changes.

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
        """How abnormal each row is, with what the rows before it have shown.

        Parameters
        ----------
        x : array of float64 or float32, frame or series, shape (n, d) or (n,)
            A history, oldest first.

        Returns
        -------
        array of float64 or series, shape (n,)
            The greatest of the parts, each over its limit; above 1 is an alarm. Below 0 where all are less than usual.

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
    def estimate(self, x: Floats) -> NDArray[np.float64]: ...
    @overload
    def estimate(self, x: XT) -> XT: ...
    def estimate(self, x: Table) -> Any:
        """What each sensor should read.

        Parameters
        ----------
        x : array of float64 or float32, frame or series, shape (n, d) or (n,)
            Rows, each by itself. Missing sensors are told from the present ones.

        Returns
        -------
        array of float64, frame or series, shape of ``x``
            In the sensors' units; NaN for sensors that are left out, and in rows without any value.

        Raises
        ------
        RuntimeError
            Before ``fit``.
        TypeError
            ``x`` is neither a float array nor a frame of numbers.
        ValueError
            ``x`` has another number of columns than at fit, or columns of other names.
        """
        return self._tables(self._engine.estimate, x)

    @overload
    def contributions(self, x: Floats) -> NDArray[np.float64]: ...
    @overload
    def contributions(self, x: XT) -> XT: ...
    def contributions(self, x: Table) -> Any:
        """What each sensor adds to the score.

        Parameters
        ----------
        x : array of float64 or float32, frame or series, shape (n, d) or (n,)
            A history, oldest first.

        Returns
        -------
        array of float64, frame or series, shape of ``x``
            The sensor's shares of the parts, weighed by how far each part is above its mean; each row sums to its
            score. 0 for sensors that are left out, and in rows where no part is above its mean.

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
        >>> detector = acm_rs.SimilarityDetector().fit(x[:800])
        >>> x[900:] = x[900:].round(1)
        >>> detector.resolution(x[898:902]).tolist()
        [0.0, 0.0, 0.1, 0.1]
        """
        return self._lines(self._engine.resolution, x, "resolution")

    @overload
    def parts(self, x: Floats) -> NDArray[np.float64]: ...
    @overload
    def parts(self, x: Table) -> Any: ...
    def parts(self, x: Table) -> Any:
        """Each part of the score, over its limit.

        Parameters
        ----------
        x : array of float64 or float32, frame or series, shape (n, d) or (n,)
            A history, oldest first.

        Returns
        -------
        array of float64, frame or series, shape (n, parts)
            In the order of ``part_names_``; the greatest of a row is its score.

        Raises
        ------
        RuntimeError
            Before ``fit``.
        TypeError
            ``x`` is neither a float array nor a frame of numbers.
        ValueError
            ``x`` has another number of columns than at fit, or columns of other names.
        """
        return self._tables(self._engine.parts, x, labels=lambda: self.part_names_)

    def limit(self, alpha: float = 0.01) -> float:
        """What a healthy row's score exceeds with probability ``alpha``.

        Parameters
        ----------
        alpha : float, default 0.01
            Between 0 and 1.

        Returns
        -------
        float
            From stretches of the training rows, each judged by what is remembered of the others; 1 at
            ``false_alarm_rate``. Where sensors wander, also from each half judged by the other.

        Raises
        ------
        RuntimeError
            Before ``fit``.
        ValueError
            ``alpha`` does not lie between 0 and 1.
        """
        return self._engine.limit(alpha)
