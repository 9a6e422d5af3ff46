"""Control charts: shifts of the mean that last."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from acm_rs import _native
from acm_rs.decisions.calibration import Threshold
from acm_rs.frames import Numbers, PerSensor, Sheet, X
from acm_rs.kernels import per_sensor, unlabelled
from acm_rs.model import Saved


def _charted(chart: Callable[..., Any], x: Any, *arguments: Any, **named: Any) -> Any:
    """Both sides' statistics and the alarms, as the kind that ``x`` is."""
    if isinstance(x, np.ndarray):
        return chart(x, *arguments, **named)
    sheet = Sheet(x, "x")
    named = {name: per_sensor(value, sheet, name) for name, value in named.items()}
    return tuple(sheet.like(found) for found in chart(sheet.values, *arguments, **named))


def cusum(
    x: X,
    threshold: float | Threshold,
    drift: float,
    *,
    target: PerSensor = 0.0,
    scale: PerSensor = 1.0,
    reset: bool = False,
) -> tuple[X, X, Any]:
    """Two-sided cumulative sums: small lasting shifts of the mean add up until they show.

    Parameters
    ----------
    x : array of float64 or float32, frame or series, shape (n, d) or (n,)
        Rows = time, oldest first; columns = sensors or scores. Arrays of any memory layout are read where they lie,
        frames column by column; nothing is changed.
    threshold : float
        What a sum must exceed for an alarm, in units of ``scale``; above 0.
    drift : float
        What each row takes off the sums, in units of ``scale``; at least 0. Half of the shift to be found is the usual
        choice.
    target, scale : float or sequence of float, length d, default 0.0 and 1.0
        Mean and standard deviation of healthy values: one for all columns or one for each.
    reset : bool, default False
        Start both sums of a column again from 0 after an alarm's row. Otherwise the alarm lasts until the sums have
        fallen.

    Returns
    -------
    high, low : array of float64, frame or series, shape of ``x``
        The upper and the lower sum, both at least 0.
    alarm : array of bool, frame or series, shape of ``x``
        Whether either exceeds the threshold.

    Raises
    ------
    TypeError
        ``x`` is neither a float array nor a frame of numbers, or a parameter is of another type.
    ValueError
        A parameter is outside what it may be, or ``target`` or ``scale`` has another length than ``x`` has columns.

    Notes
    -----
    z = (x - target) / scale; high[t] = max(0, high[t-1] + z[t] - drift), low[t] = max(0, low[t-1] - z[t] - drift) [1]_.
    NaN and infinity are missing: the sums stay, no alarm.

    .. [1] Page, Continuous inspection schemes, Biometrika 41, 1954, doi 10.1093/biomet/41.1-2.100.

    Examples
    --------
    >>> import numpy as np, acm_rs
    >>> high, low, alarm = acm_rs.cusum(np.array([0.0, 1.0, 1.5, 2.5]), threshold=2.0, drift=0.5)
    >>> high
    array([0. , 0.5, 1.5, 3.5])
    >>> alarm
    array([False, False, False,  True])
    """
    return _charted(_native.cusum, x, threshold, drift, target=target, scale=scale, reset=reset)


def ewma_chart(x: X, lam: float, width: float, *, target: PerSensor = 0.0, sigma: PerSensor = 1.0) -> tuple[X, X, Any]:
    """Exponentially weighted moving average with control limits that hold from the first row on.

    Parameters
    ----------
    x : array of float64 or float32, frame or series, shape (n, d) or (n,)
        Rows = time, oldest first; columns = sensors or scores. Arrays of any memory layout are read where they lie,
        frames column by column; nothing is changed.
    lam : float
        Weight of the newest value, above 0 and at most 1. The average remembers some 2 / lam rows.
    width : float
        Width of the limits in standard deviations of the average; above 0.
    target, sigma : float or sequence of float, length d, default 0.0 and 1.0
        Mean and standard deviation of healthy values: one for all columns or one for each.

    Returns
    -------
    ewma, limit : array of float64, frame or series, shape of ``x``
        The average, starting from the target, and how far from the target it may be.
    alarm : array of bool, frame or series, shape of ``x``
        Whether ``abs(ewma - target)`` exceeds the limit.

    Raises
    ------
    TypeError
        ``x`` is neither a float array nor a frame of numbers, or a parameter is of another type.
    ValueError
        A parameter is outside what it may be, or ``target`` or ``sigma`` has another length than ``x`` has columns.

    Notes
    -----
    ewma[t] = (1 - lam) ewma[t-1] + lam x[t]; after t known values of a column limit = width sigma sqrt(lam / (2 - lam)
    (1 - (1 - lam)^(2 t))) [1]_ [2]_, for values that do not depend on each other: those that do need wider limits,
    which `calibrate` finds. NaN and infinity are missing: average and limit stay, no alarm.

    .. [1] Roberts, Control chart tests based on geometric moving averages, Technometrics 1, 1959,
           doi 10.1080/00401706.1959.10489860.
    .. [2] Lucas and Saccucci, Exponentially weighted moving average control schemes, Technometrics 32, 1990,
           doi 10.1080/00401706.1990.10484583.

    Examples
    --------
    >>> import numpy as np, acm_rs
    >>> ewma, limit, alarm = acm_rs.ewma_chart(np.array([1.0, -1.0, 10.0]), lam=0.5, width=3.0)
    >>> ewma
    array([ 0.5  , -0.25 ,  4.875])
    >>> limit.round(3), alarm
    (array([1.5  , 1.677, 1.718]), array([False, False,  True]))
    """
    return _charted(_native.ewma_chart, x, lam, width, target=target, sigma=sigma)


def page_hinkley(
    x: X, threshold: float | Threshold, delta: float, *, min_rows: int = 30, reset: bool = False
) -> tuple[X, X, Any]:
    """Page-Hinkley test: whether the mean has left the level it has had so far.

    Nothing need be known of healthy data.

    Parameters
    ----------
    x : array of float64 or float32, frame or series, shape (n, d) or (n,)
        Rows = time, oldest first; columns = sensors or scores. Arrays of any memory layout are read where they lie,
        frames column by column; nothing is changed.
    threshold : float
        What a statistic must exceed for an alarm, in the values' unit; above 0.
    delta : float
        Change of the mean that is allowed, in the values' unit; at least 0.
    min_rows : int, default 30
        Known values of a column before its first alarm.
    reset : bool, default False
        Forget everything of a column after an alarm's row, its mean too: the level after the change becomes the new
        one.

    Returns
    -------
    high, low : array of float64, frame or series, shape of ``x``
        The statistic for a rise and that for a fall, both at least 0.
    alarm : array of bool, frame or series, shape of ``x``
        Whether either exceeds the threshold.

    Raises
    ------
    TypeError
        ``x`` is neither a float array nor a frame of numbers, or a parameter is of another type.
    ValueError
        A parameter is outside what it may be.

    Notes
    -----
    With mean[t] of the known values up to t: m[t] = m[t-1] + x[t] - mean[t] - delta, high[t] = m[t] - min(m[0..t]),
    m[0] = 0; low likewise of -x [1]_. NaN and infinity are missing: everything stays, no alarm.

    .. [1] Hinkley, Inference about the change-point from cumulative sum tests, Biometrika 58, 1971,
           doi 10.1093/biomet/58.3.509.

    Examples
    --------
    >>> import numpy as np, acm_rs
    >>> x = np.r_[np.full(100, 20.0), np.full(3, 24.0)]
    >>> high, low, alarm = acm_rs.page_hinkley(x, threshold=5.0, delta=0.5)
    >>> int(alarm.argmax())
    101
    """
    return _charted(_native.page_hinkley, x, threshold, delta, min_rows=min_rows, reset=reset)


class Cusum(Saved):
    """Cumulative sums of rows as they come: `cusum` with a memory.

    Parameters
    ----------
    threshold : float
        What a sum must exceed for an alarm, in units of ``scale``; above 0.
    drift : float
        What each row takes off the sums, in units of ``scale``; at least 0. Half of the shift to be found is the usual
        choice.
    target, scale : float or sequence of float, length d, default 0.0 and 1.0
        Mean and standard deviation of healthy values: one for all columns or one for each.
    reset : bool, default False
        Start both sums of a column again from 0 after an alarm's row.

    Raises
    ------
    TypeError
        A parameter is of another type.
    ValueError
        A parameter is outside what it may be.

    Notes
    -----
    Any cut of a history into updates gives the bytes of one ``cusum`` over all of it. ``to_bytes`` carries the sums
    across a restart. The sums are those of Page [1]_.

    .. [1] Page, Continuous inspection schemes, Biometrika 41, 1954, doi 10.1093/biomet/41.1-2.100.

    Examples
    --------
    >>> import numpy as np, acm_rs
    >>> chart = acm_rs.Cusum(threshold=2.0, drift=0.5)
    >>> high, low, alarm = chart.update(np.array([1.0, 1.5]))
    >>> high, low, alarm = chart.update(np.array([2.5]))
    >>> high, alarm
    (array([3.5]), array([ True]))
    """

    _Engine = _native.Cusum
    __slots__ = ()

    def __init__(
        self,
        threshold: float | Threshold,
        drift: float,
        *,
        target: Numbers = 0.0,
        scale: Numbers = 1.0,
        reset: bool = False,
    ) -> None:
        target, scale = unlabelled(target, "target"), unlabelled(scale, "scale")
        self._engine = self._Engine(threshold, drift, target=target, scale=scale, reset=reset)

    @property
    def threshold(self) -> float:
        """What a sum must exceed for an alarm."""
        return self._engine.threshold

    @property
    def drift(self) -> float:
        """What each row takes off the sums."""
        return self._engine.drift

    @property
    def target(self) -> float | tuple[float, ...]:
        """Mean of healthy values: one, or one for each column."""
        return self._engine.target

    @property
    def scale(self) -> float | tuple[float, ...]:
        """Standard deviation of healthy values: one, or one for each column."""
        return self._engine.scale

    @property
    def reset(self) -> bool:
        """Whether both sums of a column start again after an alarm's row."""
        return self._engine.reset

    def update(self, x: X) -> tuple[X, X, Any]:
        """The sums and alarms of the next rows.

        Parameters
        ----------
        x : array of float64 or float32, frame or series, shape (n, d) or (n,)
            The next rows, any number; as many columns as before.

        Returns
        -------
        high, low : array of float64, frame or series, shape of ``x``
            The upper and the lower sum.
        alarm : array of bool, frame or series, shape of ``x``
            Whether either exceeds the threshold.

        Raises
        ------
        TypeError
            ``x`` is neither a float array nor a frame of numbers.
        ValueError
            ``x`` has another number of columns than before; nothing is remembered then.
        """
        return _charted(self._engine.update, x)


class EwmaChart(Saved):
    """A moving average chart of rows as they come: `ewma_chart` with a memory.

    Parameters
    ----------
    lam : float
        Weight of the newest value, above 0 and at most 1. The average remembers some 2 / lam rows.
    width : float
        Width of the limits in standard deviations of the average; above 0.
    target, sigma : float or sequence of float, length d, default 0.0 and 1.0
        Mean and standard deviation of healthy values: one for all columns or one for each.

    Raises
    ------
    TypeError
        A parameter is of another type.
    ValueError
        A parameter is outside what it may be.

    Notes
    -----
    Any cut of a history into updates gives the bytes of one ``ewma_chart`` over all of it. ``to_bytes`` carries the
    averages across a restart. The chart is that of Roberts [1]_.

    .. [1] Roberts, Control chart tests based on geometric moving averages, Technometrics 1, 1959,
           doi 10.1080/00401706.1959.10489860.

    Examples
    --------
    >>> import numpy as np, acm_rs
    >>> chart = acm_rs.EwmaChart(lam=0.5, width=3.0, target=10.0)
    >>> ewma, limit, alarm = chart.update(np.array([11.0, 9.0]))
    >>> ewma, limit, alarm = chart.update(np.array([20.0]))
    >>> ewma, alarm
    (array([14.875]), array([ True]))
    """

    _Engine = _native.EwmaChart
    __slots__ = ()

    def __init__(self, lam: float, width: float, *, target: Numbers = 0.0, sigma: Numbers = 1.0) -> None:
        target, sigma = unlabelled(target, "target"), unlabelled(sigma, "sigma")
        self._engine = self._Engine(lam, width, target=target, sigma=sigma)

    @property
    def lam(self) -> float:
        """Weight of the newest value."""
        return self._engine.lam

    @property
    def width(self) -> float:
        """Width of the limits in standard deviations of the average."""
        return self._engine.width

    @property
    def target(self) -> float | tuple[float, ...]:
        """Mean of healthy values: one, or one for each column."""
        return self._engine.target

    @property
    def sigma(self) -> float | tuple[float, ...]:
        """Standard deviation of healthy values: one, or one for each column."""
        return self._engine.sigma

    def update(self, x: X) -> tuple[X, X, Any]:
        """The averages, limits and alarms of the next rows.

        Parameters
        ----------
        x : array of float64 or float32, frame or series, shape (n, d) or (n,)
            The next rows, any number; as many columns as before.

        Returns
        -------
        ewma, limit : array of float64, frame or series, shape of ``x``
            The average, and how far from the target it may be.
        alarm : array of bool, frame or series, shape of ``x``
            Whether it is farther.

        Raises
        ------
        TypeError
            ``x`` is neither a float array nor a frame of numbers.
        ValueError
            ``x`` has another number of columns than before; nothing is remembered then.
        """
        return _charted(self._engine.update, x)


class PageHinkley(Saved):
    """The Page-Hinkley test of rows as they come: `page_hinkley` with a memory.

    Parameters
    ----------
    threshold : float
        What a statistic must exceed for an alarm, in the values' unit; above 0.
    delta : float
        Change of the mean that is allowed, in the values' unit; at least 0.
    min_rows : int, default 30
        Known values of a column before its first alarm.
    reset : bool, default False
        Forget everything of a column after an alarm's row, its mean too.

    Raises
    ------
    TypeError
        A parameter is of another type.
    ValueError
        A parameter is outside what it may be.

    Notes
    -----
    Any cut of a history into updates gives the bytes of one ``page_hinkley`` over all of it. ``to_bytes`` carries means
    and statistics across a restart. The test is that of Hinkley [1]_.

    .. [1] Hinkley, Inference about the change-point from cumulative sum tests, Biometrika 58, 1971,
           doi 10.1093/biomet/58.3.509.

    Examples
    --------
    >>> import numpy as np, acm_rs
    >>> chart = acm_rs.PageHinkley(threshold=5.0, delta=0.5)
    >>> high, low, alarm = chart.update(np.full(100, 20.0))
    >>> high, low, alarm = chart.update(np.array([24.0, 24.0]))
    >>> alarm
    array([False,  True])
    """

    _Engine = _native.PageHinkley
    __slots__ = ()

    def __init__(self, threshold: float | Threshold, delta: float, *, min_rows: int = 30, reset: bool = False) -> None:
        self._engine = self._Engine(threshold, delta, min_rows=min_rows, reset=reset)

    @property
    def threshold(self) -> float:
        """What a statistic must exceed for an alarm."""
        return self._engine.threshold

    @property
    def delta(self) -> float:
        """Change of the mean that is allowed."""
        return self._engine.delta

    @property
    def min_rows(self) -> int:
        """Known values of a column before its first alarm."""
        return self._engine.min_rows

    @property
    def reset(self) -> bool:
        """Whether everything of a column is forgotten after an alarm's row."""
        return self._engine.reset

    def update(self, x: X) -> tuple[X, X, Any]:
        """The statistics and alarms of the next rows.

        Parameters
        ----------
        x : array of float64 or float32, frame or series, shape (n, d) or (n,)
            The next rows, any number; as many columns as before.

        Returns
        -------
        high, low : array of float64, frame or series, shape of ``x``
            The statistic for a rise and that for a fall.
        alarm : array of bool, frame or series, shape of ``x``
            Whether either exceeds the threshold.

        Raises
        ------
        TypeError
            ``x`` is neither a float array nor a frame of numbers.
        ValueError
            ``x`` has another number of columns than before; nothing is remembered then.
        """
        return _charted(self._engine.update, x)
