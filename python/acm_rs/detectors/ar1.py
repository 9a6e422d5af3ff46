"""Each sensor against what its last value lets expect."""

from __future__ import annotations

from typing import Any, Literal, Self, overload

import numpy as np
from numpy.typing import NDArray

from acm_rs import _native
from acm_rs.frames import XT, Floats, Numbers, Table, opened
from acm_rs.kernels import per_sensor
from acm_rs.model import Detector, Screening, Watching
from acm_rs.running import RunningMoments, counted


class AR1Detector(Watching, Screening, Detector):
    """AR(1) detector: each sensor is expected to keep part of its last deviation.

    Parameters
    ----------
    phi_cap : float, default 0.999
        Most that a sensor's lag-1 coefficient may be, in magnitude; at least 0 and below 1.
    sd_floor : float, optional
        Least scale of a sensor's residuals, in the sensor's unit; by default relative to the sensor, so that units do
        not matter: 1e-6 of its root mean square about the median, of the median where the sensor stands still, 1e-6
        where that is 0.
    fuse : {"mean", "median", "p95"}, default "mean"
        How the sensors' deviations become one score.
    constants : {"watch", "ignore"}, default "watch"
        Whether a sensor that stood still in all of the training and moves later is an alarm of its own that names it
        (``constants_``, ``moved``), or is judged as every other one.

    Raises
    ------
    TypeError
        A parameter is of another type.
    ValueError
        A parameter is outside what it may be.

    Notes
    -----
    The model of a sensor [1]_ is x[t] = mu + phi (x[t-1] - mu) + r[t]. NaN and infinity are missing. At fit mu is from
    all known values, phi and the scale from those that follow one another from row to row. At scoring time a missing
    value has no residual; after k - 1 of them a sensor is expected at mu + phi^k (x[t-k] - mu) with k rows' variance,
    sd² (1 - phi^2k) / (1 - phi²), and without any known value before at its level. A row without any value scores NaN.
    Values are clipped to ±1e150. Where sensors keep a value far from where they run while the machine stands still, mu,
    phi and the scale are those of running rows; rows of standstill are judged by those values, the first row after them
    by mu. A sensor with fewer than three values, or that changes by no more than the rounding of
    its values, has coefficient 0.

    .. [1] Box, Jenkins and Reinsel, Time Series Analysis: Forecasting and Control, 4th edition, 2008, section 3.2,
           doi 10.1002/9781118619193.

    Examples
    --------
    >>> import numpy as np, acm_rs
    >>> x = np.random.default_rng(0).normal(50.0, 2.0, (500, 3))
    >>> detector = acm_rs.AR1Detector().fit(x)
    >>> x[-1, 1] = 90.0
    >>> scores = detector.score(x)
    >>> int(scores.argmax()), int(detector.contributions(x)[-1].argmax())
    (499, 1)
    """

    _Engine = _native.AR1Detector
    __slots__ = ()

    def __init__(
        self,
        phi_cap: float = 0.999,
        sd_floor: float | None = None,
        fuse: Literal["mean", "median", "p95"] = "mean",
        *,
        constants: Literal["watch", "ignore"] = "watch",
    ) -> None:
        self._engine = self._Engine(phi_cap, sd_floor, fuse, constants=constants)

    @property
    def phi_cap(self) -> float:
        """Most that a coefficient may be, in magnitude."""
        return self._engine.phi_cap

    @property
    def sd_floor(self) -> float | None:
        """Least scale of a sensor's residuals; None: relative to the sensor."""
        return self._engine.sd_floor

    @property
    def fuse(self) -> Literal["mean", "median", "p95"]:
        """How the sensors' deviations become one score."""
        return self._engine.fuse

    @property
    def mu_(self) -> NDArray[np.float64]:
        """Levels: the sensors' medians, of running rows where a sensor has a value of its own at standstill, (d,)."""
        return self._engine.mu_

    @property
    def phi_(self) -> NDArray[np.float64]:
        """Lag-1 coefficients of the sensors, (d,)."""
        return self._engine.phi_

    @property
    def sd_(self) -> NDArray[np.float64]:
        """Residual scales of the sensors, 1.4826 times the median absolute deviation, (d,)."""
        return self._engine.sd_

    @property
    def used_(self) -> NDArray[np.bool_]:
        """False for sensors with too few training values, which are left out of the score, (d,).

        Too few are less than half of them, or less than a third where these are a hundred.
        """
        return self._engine.used_

    def fit(self, x: Table) -> Self:
        """Learn level, coefficient and residual scale of each sensor from healthy data.

        Parameters
        ----------
        x : array of float64 or float32, frame or series, shape (n, d) or (n,)
            Rows = time, oldest first; columns = sensors. Arrays of any memory layout are read where they lie, frames
            column by column; nothing is changed.

        Returns
        -------
        AR1Detector
            Itself.

        Raises
        ------
        TypeError
            ``x`` is neither a float array nor a frame of numbers.
        ValueError
            ``x`` has fewer than three rows, or no sensor with half of its values, or a hundred that are a
            third of them.

        Warns
        -----
        UserWarning
            Values beyond ±1e150 were clipped, sensors are left out, or over 80 % of them have no memory (a coefficient
            below 1e-6 in magnitude).
        """
        values, names = self._learned(x)
        self._engine.fit(values, names=names)
        return self

    def fit_moments(self, moments: RunningMoments) -> Self:
        """Learn from moments of healthy rows that were counted in pieces, on any number of machines.

        Parameters
        ----------
        moments : RunningMoments
            Of at least twelve rows. They stay as they are, and may go on: fit again to learn what has come.

        Returns
        -------
        AR1Detector
            Itself. The same moments give the same bytes, whatever order they were merged in.

        Raises
        ------
        TypeError
            ``moments`` are something else.
        ValueError
            Rows are too few, or no sensor has half of its values, or a hundred that are a third of them.

        Warns
        -----
        UserWarning
            Sensors with less than half of their values (a third where these are a hundred) are left out; most sensors
            have no memory.

        Notes
        -----
        Levels are means, coefficients the slopes of readings on those before, and scales the standard deviations of
        what these leave of readings that follow a known one; `fit` takes medians and their like, so the two agree
        on clean normal rows to what samples tell, not to the last digit. No row is at hand, so what needs them is not
        there: bad rows are not looked for (readings beyond the moments' ``reach`` are missing), and sensors that stood
        still are not watched. There is no `limit`; scores of healthy rows give one by `calibrate`.

        Examples
        --------
        >>> import numpy as np, acm_rs
        >>> x = np.sin(np.arange(900.0) / 9.0)[:, None] + np.random.default_rng(0).normal(0.0, 0.1, (900, 2))
        >>> moments = acm_rs.RunningMoments.of_sample(x[:100])
        >>> for piece in (x[:300], x[300:600], x[600:]):
        ...     _ = moments.update(piece)
        >>> acm_rs.AR1Detector().fit_moments(moments).phi_.round(2).tolist()
        [0.97, 0.97]
        """
        self._engine.fit_moments(counted(moments))
        return self

    @overload
    def score(self, x: Floats) -> NDArray[np.float64]: ...
    @overload
    def score(self, x: Table) -> Any: ...
    def score(self, x: Table) -> Any:
        """How far each row is from what the row before it lets expect.

        Parameters
        ----------
        x : array of float64 or float32, frame or series, shape (n, d) or (n,)
            A history, oldest first. Its first row has no row before it and scores 0.

        Returns
        -------
        array of float64 or series, shape (n,)
            The sensors' abs(residual) / sd, fused; higher is more abnormal. NaN where no sensor has a value.

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
        """What each sensor adds to the score: its abs(residual) / sd.

        Parameters
        ----------
        x : array of float64 or float32, frame or series, shape (n, d) or (n,)
            A history, oldest first.

        Returns
        -------
        array of float64, frame or series, shape of ``x``
            0 where a sensor has no residual or is left out.

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

    def limit(self, alpha: float = 0.01) -> float:
        """What a healthy row's score exceeds with probability ``alpha``.

        Parameters
        ----------
        alpha : float, default 0.01
            Between 0 and 1.

        Returns
        -------
        float
            From the training rows' own scores, without what the fit has left out: two numbers a sensor fit the rows
            that they were found from hardly better than others. 1 where no row departs from what is expected.

        Raises
        ------
        RuntimeError
            Before ``fit``.
        ValueError
            ``alpha`` does not lie between 0 and 1, or the model is from a file of a former version, which has no scores
            of healthy rows.
        """
        return self._engine.limit(alpha)


@overload
def ar1_residuals(x: Floats, phi: Numbers, mu: Numbers) -> NDArray[np.float64]: ...
@overload
def ar1_residuals(x: XT, phi: Numbers, mu: Numbers) -> XT: ...
def ar1_residuals(x: Table, phi: Numbers, mu: Numbers) -> Any:
    """Residuals of AR(1) with given coefficients and levels.

    Parameters
    ----------
    x : array of float64 or float32, frame or series, shape (n, d) or (n,)
        Rows = time, oldest first; columns = sensors. Arrays of any memory layout are read where they lie, frames column
        by column; nothing is changed.
    phi, mu : float or sequence of float, length d
        Coefficient and level of each sensor.

    Returns
    -------
    array of float64, frame or series, shape of ``x``
        r[t] = (x[t] - mu) - phi (x[t-1] - mu); 0 in the first row. A missing value before counts as ``mu``; a missing
        value gives NaN.

    Raises
    ------
    TypeError
        ``x`` is neither a float array nor a frame of numbers, or ``phi`` or ``mu`` no numbers.
    ValueError
        ``phi`` or ``mu`` has another length than ``x`` has columns.

    Notes
    -----
    NaN and infinity are missing; values are clipped to ±1e150. The model is that of Box, Jenkins and Reinsel [1]_.

    .. [1] Box, Jenkins and Reinsel, Time Series Analysis: Forecasting and Control, 4th edition, 2008, section 3.2,
           doi 10.1002/9781118619193.

    Examples
    --------
    >>> import numpy as np, acm_rs
    >>> acm_rs.ar1_residuals(np.array([1.0, 3.0, 2.0]), 0.5, 2.0)
    array([ 0. ,  1.5, -0.5])
    """
    sheet = opened(x)
    if sheet is None:
        return _native.ar1_residuals(x, phi, mu)
    phi, mu = per_sensor(phi, sheet, "phi"), per_sensor(mu, sheet, "mu")
    return sheet.like(_native.ar1_residuals(sheet.values, phi, mu))
