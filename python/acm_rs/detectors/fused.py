"""What the recent past does not explain, at several memories at once."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import Any, Literal, Self, overload

import numpy as np
from numpy.typing import NDArray

from acm_rs import _native
from acm_rs.frames import XT, Floats, Table
from acm_rs.model import Detector, Screening, Watching


class FusedDetector(Watching, Screening, Detector):
    """Fused detector: what the recent past does not explain, watched at several memories at once.

    Parameters
    ----------
    n_components : int or float, default 0.9
        Principal components of a row beside its earlier ones that count as explained; or, between 0 and 1, as many as
        explain at least this share of the variance. Never all.
    lags : int, default 2
        Earlier rows beside each row.
    memories : sequence of float, default (1.0, 0.2, 0.03)
        Weights of the latest row in the means of the residuals, 1 to 16 of them, above 0 and at most 1: 1 is no memory,
        0.03 some 33 rows.
    folds : int, default 10
        Stretches of the training rows, each predicted from the others; at least 2.
    false_alarm_rate : float, default 0.01
        Share of healthy rows that may score above 1, all parts together; above 0 and below 0.5.
    trim : float, default 5.0
        Training rows whose residuals are this many robust standard deviations above the median are left out once, at
        most one in 20; 0 keeps all. Runs of such rows that come back in at least half of the tenths of the training, as
        start-ups do, are how the machine is run, and stay.
    whole : bool, default True
        Watch the readings themselves too, in all directions: a machine that moves along its own correlations, only
        farther than ever, leaves no residuals, nor do sensors that have nothing to do with one another. False is the
        first edition, with its limits.
    rounding : {"watch", "ignore"}, default "watch"
        Whether rows that are rounded coarser than the training rows are judged by models of their own, which is up to
        four more fits, or like all others.
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
    Each row, scaled and beside its earlier ones, is compared with its projection on the principal components (dynamic
    PCA [1]_); r is the residual of the present row. With S the Ledoit-Wolf covariance [2]_ of the residuals of training
    rows that were predicted from other training rows, the parts are the *power*, the exponentially weighted mean of r'
    S^-1 r, at each memory, and the *shift*, e' S^-1 e (2 - m) / m with e the exponentially weighted mean of r [3]_, at
    each memory m below 1. Cube roots bring each part near a normal distribution [4]_; its limit is that of a prediction
    interval. The score is the greatest (cube root - mean) / sd / limit.

    With ``whole`` the same is done with the rows themselves, without lags and components, at the memories below 1
    (power but the fastest): z' C^-1 z of the scaled row z and its Ledoit-Wolf covariance C. The limits of the readings
    get one factor, so that the greatest of their parts exceeds its limit at half of ``false_alarm_rate`` in training
    rows that the model judging them has not seen; and all are raised where halves of the training rows that follow one
    another know less of each other than halves that lie everywhere. ``limits_`` are what comes out.

    Means of the slower memories do not outlast what the fastest of them sees: a shift is no longer than that of the
    fastest in its direction plus two standard deviations, a power loses a tenth of what it is above the fastest with
    each row.

    Rows that are rounded coarser than the training rows were are judged by a model of training rows rounded so, with
    the variance of rounding, step^2 / 12, in its covariances and with limits of its own; ``resolution`` tells which.
    ``rounding="ignore"`` does without.

    NaN and infinity are missing: readings that make w = r' S^-1 r least take their place, which is what the present
    sensors and the rows before let expect. The power and the shift are scaled to all sensors. In a row without any
    value the means stand still.

    .. [1] Ku, Storer and Georgakis, Disturbance detection and isolation by dynamic principal component analysis, 1995,
           doi 10.1016/0169-7439(95)00076-3.
    .. [2] Ledoit and Wolf, A well-conditioned estimator for large-dimensional covariance matrices, 2004,
           doi 10.1016/S0047-259X(03)00096-4.
    .. [3] Lowry, Woodall, Champ and Rigdon, A multivariate exponentially weighted moving average control chart, 1992,
           doi 10.1080/00401706.1992.10485232.
    .. [4] Wilson and Hilferty, The distribution of chi-square, 1931, doi 10.1073/pnas.17.12.684.

    Examples
    --------
    >>> import numpy as np, acm_rs
    >>> random = np.random.default_rng(0)
    >>> load = random.normal(size=(1500, 2))
    >>> x = load @ random.normal(size=(2, 8)) + 0.2 * random.normal(size=(1500, 8))
    >>> detector = acm_rs.FusedDetector().fit(x[:1000])
    >>> x[1200:, 5] += 0.5
    >>> alarm = detector.score(x[1000:]) > 1.0
    >>> float(alarm[:200].mean()) < 0.02, bool(alarm[220:].all())
    (True, True)
    >>> int(detector.contributions(x[1000:])[250].argmax())
    5
    """

    _Engine = _native.FusedDetector
    __slots__ = ()

    def __init__(
        self,
        n_components: float = 0.9,
        lags: int = 2,
        memories: Sequence[float] | NDArray[np.float64] = (1.0, 0.2, 0.03),
        folds: int = 10,
        false_alarm_rate: float = 0.01,
        trim: float = 5.0,
        whole: bool = True,
        *,
        rounding: Literal["watch", "ignore"] = "watch",
        constants: Literal["watch", "ignore"] = "watch",
    ) -> None:
        self._engine = self._Engine(
            n_components, lags, memories, folds, false_alarm_rate, trim, whole, rounding=rounding, constants=constants
        )

    @property
    def n_components(self) -> float:
        """Principal components that count as explained, or the share of the variance that they explain."""
        return self._engine.n_components

    @property
    def lags(self) -> int:
        """Earlier rows beside each row."""
        return self._engine.lags

    @property
    def memories(self) -> tuple[float, ...]:
        """Weights of the latest row in the means of the residuals."""
        return self._engine.memories

    @property
    def folds(self) -> int:
        """Stretches of the training rows, each predicted from the others."""
        return self._engine.folds

    @property
    def false_alarm_rate(self) -> float:
        """Share of healthy rows that may score above 1, all parts together."""
        return self._engine.false_alarm_rate

    @property
    def trim(self) -> float:
        """Robust standard deviations beyond which training rows are left out once."""
        return self._engine.trim

    @property
    def whole(self) -> bool:
        """Whether the readings themselves are watched too."""
        return self._engine.whole

    @property
    def rounding(self) -> Literal["watch", "ignore"]:
        """What is done about rows that are rounded coarser than the training rows."""
        return self._engine.rounding

    @property
    def n_components_(self) -> int:
        """Components that count as explained."""
        return self._engine.n_components_

    @property
    def part_names_(self) -> tuple[str, ...]:
        """The parts of the score: "power" or "shift", and the memory; "whole" before it for those of the readings."""
        return self._engine.part_names_

    @property
    def limits_(self) -> NDArray[np.float64]:
        """Limit of each part, in its standard deviations above its mean, (parts,)."""
        return self._engine.limits_

    @property
    def part_mean_(self) -> NDArray[np.float64]:
        """Mean of the cube root of each part on the training rows, (parts,)."""
        return self._engine.part_mean_

    @property
    def part_sd_(self) -> NDArray[np.float64]:
        """Standard deviation of the cube root of each part on the training rows, (parts,)."""
        return self._engine.part_sd_

    @property
    def mean_power_(self) -> float:
        """Mean squared length of the whitened residuals of the training rows."""
        return self._engine.mean_power_

    @property
    def trimmed_(self) -> int:
        """Training rows that were left out."""
        return self._engine.trimmed_

    @property
    def steps_(self) -> NDArray[np.float64]:
        """Steps of readings, coarser than at fit and rising, that there is a model for, (steps,)."""
        return self._engine.steps_

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
        """False for sensors that are left out: constant at fit, or with too few values, (d,)."""
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
            Rows = time, oldest first, at least folds * (2 * lags + 4); columns = sensors. Any memory layout; nothing is
            changed.

        Returns
        -------
        FusedDetector
            Itself.

        Raises
        ------
        TypeError
            ``x`` is neither a float array nor a frame of numbers.
        ValueError
            ``x`` has too few rows, or no sensor that changes and has half of its values (a third where rows
            are many).

        Warns
        -----
        UserWarning
            Sensors are left out of the model, or readings and rows (``left_out_``) out of the fit; rows are fewer than
            twice the sensors; or, with ``whole``, levels wander.
        """
        values, names = self._learned(x)
        self._engine.fit(values, names=names)
        rows, sensors = len(x), int(self.used_.sum())
        if rows < 2 * sensors:
            warnings.warn(
                f"{rows} rows are fewer than twice the {sensors} sensors: nothing can check the limits, and far more "
                "healthy rows than asked for may be in alarm; fit more rows, or fewer sensors",
                stacklevel=2,
            )
        return self

    def _fit_apart(self, x: Table) -> list[Self]:
        """As `fit`; gives the detectors of all rows but each of the ``folds`` stretches, with the same limits."""
        values, names = self._learned(x)
        return [self._around(engine) for engine in self._engine.fit_apart(values, names=names)]

    @overload
    def score(self, x: Floats) -> NDArray[np.float64]: ...
    @overload
    def score(self, x: Table) -> Any: ...
    def score(self, x: Table) -> Any:
        """How abnormal each row is, with what the rows before it have shown.

        Parameters
        ----------
        x : array of float64 or float32, frame or series, shape (n, d) or (n,)
            A history, oldest first. Before its first row stand repetitions of it.

        Returns
        -------
        array of float64 or series, shape (n,)
            The greatest of the parts, each over its limit; above 1 is an alarm.

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
        """The share of each sensor in what is abnormal.

        Parameters
        ----------
        x : array of float64 or float32, frame or series, shape (n, d) or (n,)
            A history, oldest first.

        Returns
        -------
        array of float64, frame or series, shape of ``x``
            The sensor's shares of the parts, weighed by how far each part is above its mean. 0 for sensors that are
            left out, and in rows where no part is above its mean.

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

    @overload
    def resolution(self, x: Floats) -> NDArray[np.float64]: ...
    @overload
    def resolution(self, x: Table) -> Any: ...
    def resolution(self, x: Table) -> Any:
        """Tell which rows are rounded coarser than the training rows were, and to what.

        Parameters
        ----------
        x : array of float64 or float32, frame or series, shape (n, d) or (n,)
            A history, oldest first.

        Returns
        -------
        array of float64 or series, shape (n,)
            The step, in units of the readings, that the model which judges the row is made for, one of ``steps_``; 0
            for rows as fine as those of the training. It is told from the row and those before it.

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
        >>> x = random.normal(size=(1000, 2)) @ random.normal(size=(2, 6)) + 0.2 * random.normal(size=(1000, 6))
        >>> detector = acm_rs.FusedDetector().fit(x[:800])
        >>> x[900:] = x[900:].round(1)
        >>> detector.resolution(x[898:902]).tolist()
        [0.0, 0.0, 0.1, 0.1]
        """
        return self._lines(self._engine.resolution, x, "resolution")
