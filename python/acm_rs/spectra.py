"""Frequencies: energies of bands, power spectra, cycles."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from acm_rs import _native
from acm_rs.features import energy_count
from acm_rs.frames import XF, By, Closed, Floats, Numbers, Sheet, Table, Times, Window
from acm_rs.kernels import windowed

__all__ = ["band_energy", "power_spectrum", "rolling_band_energy", "seasonality"]

Taper: TypeAlias = Literal["boxcar", "hann", "hamming", "blackman"]


def energies(bands: int) -> list[str]:
    """What the energies of a sensor are called."""
    return [f"energy_{band}" for band in range(bands)]


def band_energy(
    x: XF, fs: float = 1.0, bands: Sequence[tuple[float, float]] | None = None, window: Taper = "boxcar"
) -> XF:
    """Energy of frequency bands of each whole column.

    Parameters
    ----------
    x : array of float64 or float32, frame or series, shape (n, d) or (n,)
        Rows = time, oldest first; columns = sensors. Arrays of any memory layout are read where they lie, frames column
        by column; nothing is changed.
    fs : float, default 1.0
        Rows per unit of time.
    bands : sequence of (low, high), optional
        Frequency bands ``low <= f < high`` in the unit of ``fs``; they may overlap. By default (0, 0.1), (0.1, 0.3) and
        (0.3, 1.0) of the Nyquist frequency ``fs / 2``.
    window : {"boxcar", "hann", "hamming", "blackman"}, default "boxcar"
        The taper, as ``scipy.signal.get_window`` gives it (periodic).

    Returns
    -------
    array or frame
        Shape (d, k) for k bands, dtype of ``x``; squared units of ``x``. One row of a 1-D ``x``.

    Raises
    ------
    TypeError
        ``x`` is neither a float array nor a frame of numbers, ``bands`` no sequence of pairs, ``window`` no string.
    ValueError
        A parameter is out of range, or ``x`` has the wrong shape.

    Notes
    -----
    ``sum(abs(X[k])**2)`` over the bins k >= 1 of a band, where X is the discrete Fourier transform of the n values less
    their mean, times the taper, and bin k stands at ``k * fs / n``. Bin 0 belongs to no band, also where a taper puts
    something there. NaN and infinity count as the mean of the others; a column of nothing else is NaN, as is every
    column of no rows. Over all bins but 0 of an untapered column without gaps the sum is about ``n * n / 2`` times its
    variance. The tapers are those of [1]_.

    .. [1] Harris, On the use of windows for harmonic analysis with the discrete Fourier transform, Proceedings of the
       IEEE 66, 1978, doi:10.1109/PROC.1978.10837.

    Examples
    --------
    >>> import numpy as np, acm_rs
    >>> x = np.sin(2 * np.pi * np.arange(16) / 4)
    >>> acm_rs.band_energy(x, bands=[(0.0, 0.2), (0.2, 0.3)]).round(9)
    array([[ 0., 64.]])
    """
    if isinstance(x, np.ndarray):
        return _native.band_energy(x, fs, bands, window)
    sheet = Sheet(x, "x")
    found = _native.band_energy(sheet.values, fs, bands, window)
    return sheet.sensors_down(found, energies(found.shape[1]))


def rolling_band_energy(
    x: XF,
    window: Window,
    bands: Sequence[tuple[float, float]] | None = None,
    fs: float = 1.0,
    min_periods: int | None = 1,
    *,
    center: bool = False,
    closed: Closed | None = None,
    step: int = 1,
    times: Times | None = None,
    out: Floats | None = None,
    first_row: int = 0,
    by: By | None = None,
) -> XF:
    """Rolling energy of frequency bands of each column.

    Parameters
    ----------
    x : array of float64 or float32, frame or series, shape (n, d) or (n,)
        Rows = time, oldest first; columns = sensors. Arrays of any memory layout are read where they lie, frames column
        by column; nothing is changed.
    window : int or duration
        Rows of the window: row t sees rows t - window + 1 to t; longer than the data it works as an expanding window.
        Or how long it lasts, with ``times``: ``"2h"``, ``"90s"``, a `numpy.timedelta64` or `datetime.timedelta`; row t
        sees the rows up to itself that are later than ``times[t] - window``.
    bands : sequence of (low, high), optional
        Frequency bands ``low <= f < high`` in the unit of ``fs``; they may overlap. By default (0, 0.1), (0.1, 0.3) and
        (0.3, 1.0) of the Nyquist frequency ``fs / 2``.
    fs : float, default 1.0
        Rows per unit of time.
    min_periods : int or None, default 1
        Non-missing values a result needs; NaN where fewer remain. None, as in pandas: the window, or 1 for a duration.
    center : bool, default False
        Put each row in the middle of its window, as pandas does, instead of at its end.
    closed : {"right", "left", "both", "neither"}, optional
        Which of its two ends a window holds, as in pandas. They are row t and the row, or the instant, a window before
        it: "right", the default, holds row t; "left" the other, so that row t sees only what was before it.
    step : int, default 1
        Evaluate only the rows whose absolute index is a multiple of it: 0, step, 2 step, ...
    times : array of datetime64 or int64, shape (n,), series or str, optional
        When each row was taken, oldest first; equal ones may follow each other. int64 are nanoseconds. Of a frame also
        ``"index"``, or the name of a column; where ``window`` is a duration, its index of dates or its only column of
        dates serves by itself.
    out : ndarray, optional
        Where to put the result: right shape, dtype of ``x``, no memory shared with ``x``.
    first_row : int, default 0
        Absolute index of the first row of ``x``, where ``x`` is a piece of a longer history. Give a piece all other
        rows that its windows see as well and drop their results: the rest equals the whole to the last bit.
    by : sequence, array or series of labels, shape (n,), or str, optional
        A label for each row, or the name of a frame's column of them: each group's rows, in their order, are a history
        of their own, and only within a group need times be in order. Results stand in the order of the rows. A missing
        label is an error.

    Returns
    -------
    array or frame
        Shape (n, d * k) for k bands, those of a column adjacent; squared units of ``x``.

    Raises
    ------
    TypeError
        ``x`` or ``out`` is no float array, ``bands`` no sequence of pairs.
    ValueError
        A parameter is out of range, or an array has the wrong shape.

    Notes
    -----
    ``sum(abs(X[k])**2)`` over the bins k >= 1 of a band, where X is the discrete Fourier transform of the n values of a
    window less their mean and bin k stands at ``k * fs / n``. NaN and infinity count as the mean of the others. A
    window of fewer than ``window // 2`` rows gives 0. Windows are merged from the suffix of one block of rows and the
    prefix of the next [1]_, as partial Fourier sums.

    .. [1] van Herk, A fast algorithm for local minimum and maximum filters on rectangular and octagonal kernels,
       Pattern Recognition Letters 13, 1992, doi:10.1016/0167-8655(92)90069-C.

    Examples
    --------
    >>> import numpy as np, acm_rs
    >>> x = np.sin(2 * np.pi * np.arange(16) / 4)
    >>> acm_rs.rolling_band_energy(x, 16, bands=[(0.0, 0.2), (0.2, 0.3)])[-1].round(9)
    array([ 0., 64.])
    """
    tails = None if isinstance(x, np.ndarray) else energies(energy_count(bands))
    return windowed(
        _native.rolling_band_energy,
        x,
        window,
        min_periods,
        center,
        closed,
        step,
        times,
        out,
        first_row,
        by,
        tails,
        bands=bands,
        fs=fs,
    )


def power_spectrum(
    x: Table, fs: float = 1.0, segment: int | None = None, overlap: float = 0.5, window: Taper = "hann"
) -> tuple[NDArray[np.float64], Any]:
    """Power spectral density of each column, by Welch's method.

    Parameters
    ----------
    x : array of float64 or float32, frame or series, shape (n, d) or (n,)
        Rows = time, oldest first; columns = sensors. Arrays of any memory layout are read where they lie, frames column
        by column; nothing is changed.
    fs : float, default 1.0
        Rows per unit of time.
    segment : int, optional
        Rows of a segment; 256 by default, never more than there are.
    overlap : float, default 0.5
        Share of a segment that lies over the one before: ``int(overlap * segment)`` rows; in [0, 1).
    window : {"boxcar", "hann", "hamming", "blackman"}, default "hann"
        The taper, as ``scipy.signal.get_window`` gives it (periodic).

    Returns
    -------
    freqs : ndarray of float64, shape (f,)
        ``numpy.fft.rfftfreq(segment, 1 / fs)``; empty where there are no rows.
    psd : ndarray, shape (f, d) or (f,)
        Squared units of ``x`` per unit of ``fs``, one-sided; dtype of ``x``.

    Raises
    ------
    TypeError
        ``x`` is neither a float array nor a frame of numbers, ``window`` no string.
    ValueError
        A parameter is out of range, or ``x`` has the wrong shape.

    Notes
    -----
    The numbers of ``scipy.signal.welch(x, fs, window, segment, noverlap, detrend="constant", scaling="density")``. NaN
    and infinity count as the mean of their segment; a segment of which less than half is known is left out, and a
    column without a segment left is NaN. Source: P. D. Welch, 1967, doi:10.1109/TAU.1967.1161901.

    Examples
    --------
    >>> import numpy as np, acm_rs
    >>> x = np.sin(2 * np.pi * np.arange(64) / 8)
    >>> freqs, psd = acm_rs.power_spectrum(x, segment=16)
    >>> float(freqs[psd.argmax()])
    0.125
    """
    if isinstance(x, np.ndarray):
        return _native.power_spectrum(x, fs, segment, overlap, window)
    sheet = Sheet(x, "x")
    freqs, psd = _native.power_spectrum(sheet.values, fs, segment, overlap, window)
    return freqs, sheet.sensors_across(psd, freqs)


def seasonality(
    x: Table, fs: float = 1.0, periods: Numbers | None = None, max_periods: int = 3
) -> tuple[Any, Any, Any, Any]:
    """Cycles of each column: their periods, and how much of the column they explain.

    Parameters
    ----------
    x : array of float64 or float32, or frame, shape (n, d) or (n,)
        Rows = time, evenly spaced, oldest first; columns = sensors. Arrays of any memory layout are read where they
        lie, frames column by column; nothing is changed. NaN and infinity are skipped.
    fs : float, default 1.0
        Rows per unit of time: 48 for half-hourly rows and periods in days.
    periods : float or sequence of float, optional
        Periods to test and fit, in units of ``1 / fs``, at least four rows each. By default cycles are searched for.
    max_periods : int, default 3
        Most cycles of a column, at most 100; without effect where ``periods`` are given.

    Returns
    -------
    period : ndarray, shape (d, max_periods) or (d, len(periods))
        Length of the cycle in units of ``1 / fs``; NaN, as in the other arrays, where there is none. Strongest first;
        given periods keep their order.
    strength : ndarray
        Share of the variance that the cycle explains, in [0, 1]: ``1 - var(R) / var(R + S)``, where S is the cycle with
        its harmonics and R what is left when trend, shifts of the level and all cycles are taken off.
    phase : ndarray
        Time of the fundamental's crest, in units of ``1 / fs`` from the first row; in [0, period).
    amplitude : ndarray
        Half the peak-to-peak of the fundamental, in the unit of ``x``.

    Raises
    ------
    TypeError
        ``x`` is neither a float array nor a frame of numbers, ``periods`` no numbers.
    ValueError
        A parameter is out of range, or ``x`` has the wrong shape.

    Notes
    -----
    A cycle needs at least four rows, and the data at least four cycles; a cycle of few turns must stand out far to be
    told from a drift. A straight trend and up to six large shifts of the level are taken off first, values over eight
    robust standard deviations from the trend are drawn in to that distance, and gaps are bridged by straight lines. A
    peak of Hann's periodogram becomes a cycle where it stands out from the 20 bins on either side; its frequency and up
    to 24 harmonics are then fitted to the known values by least squares. Harmonics are part of their cycle: a day of
    two halves is one period. Only a harmonic from the fourth on that exceeds twice all those before it is a cycle of
    its own, as is a day beside a week.

    A column of noise whose spectrum is smooth over some forty bins is said to have a cycle with a probability of at
    most 1 %. Simulated rates for 60 to 10,770 rows: white noise, AR(1) of 0.9 and 0.99, random walks, with gaps, trend,
    spikes, or stretches that stand still 0.4 % and less, with given periods 0.8 % and less. Other noise is taken for a
    cycle more often: moving averages of n / 40 rows in 6 to 12 % of columns, differences over 7 rows in 3 %, damped
    resonances (AR(2) of radius 0.99) in 5 to 9 %. The sidebands of a cycle whose strength changes, such as a daily one
    that is weaker on weekends, can be reported as cycles of their own: 42 or 56 rows beside 48.

    Sources: X. Wang, K. Smith, R. Hyndman, 2006, doi:10.1007/s10618-005-0039-x (strength); R. A. Fisher, 1929,
    doi:10.1098/rspa.1929.0151 (a peak against its neighbours).

    Examples
    --------
    >>> import numpy as np, acm_rs
    >>> rng = np.random.default_rng(0)
    >>> t = np.arange(48 * 60)
    >>> x = 3 * np.cos(2 * np.pi * (t - 12) / 48) + rng.standard_normal(t.size)
    >>> period, strength, phase, amplitude = acm_rs.seasonality(x)
    >>> period.round(1)
    array([[48., nan, nan]])
    >>> phase.round(0), amplitude.round(0), strength.round(1)
    (array([[12., nan, nan]]), array([[ 3., nan, nan]]), array([[0.8, nan, nan]]))
    """
    if isinstance(x, np.ndarray):
        return _native.seasonality(x, fs, periods, max_periods)
    sheet = Sheet(x, "x")
    found = _native.seasonality(sheet.values, fs, periods, max_periods)
    period, strength, phase, amplitude = (
        sheet.sensors_down(one, [f"cycle_{number}" for number in range(one.shape[1])]) for one in found
    )
    return period, strength, phase, amplitude
