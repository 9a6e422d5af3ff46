//! Spectra of whole columns: band energies, power spectra, cycles.

use acm_features::spectral::{self, Search, Seasons, Taper, Welch};
use ndarray::Ix2;
use numpy::{Element, PyArray, PyArray2, PyArrayMethods};
use pyo3::prelude::*;
use pyo3::types::PyTuple;

use super::spectra::bands_of;
use crate::arguments::{Given, choice, count, number, numbers};
use crate::interop::{Input, attribute, compute, empty, exception, input};

/// Energy of frequency bands of each whole column.
///
/// Parameters
/// ----------
/// x : ndarray of float64 or float32, shape (n, d) or (n,)
///     Rows = time, oldest first; columns = sensors. Any memory layout; never copied, never changed.
/// fs : float, default 1.0
///     Rows per unit of time.
/// bands : sequence of (low, high), optional
///     Frequency bands ``low <= f < high`` in the unit of ``fs``; they may overlap. By default (0, 0.1), (0.1, 0.3) and
///     (0.3, 1.0) of the Nyquist frequency ``fs / 2``.
/// window : {"boxcar", "hann", "hamming", "blackman"}, default "boxcar"
///     The taper, as ``scipy.signal.get_window`` gives it (periodic).
///
/// Returns
/// -------
/// ndarray
///     Shape (d, k) for k bands, dtype of ``x``; squared units of ``x``. One row of a 1-D ``x``.
///
/// Raises
/// ------
/// TypeError
///     ``x`` is no float array, ``bands`` no sequence of pairs, ``window`` no string.
/// ValueError
///     A parameter is out of range, or ``x`` has the wrong shape.
///
/// Notes
/// -----
/// ``sum(abs(X[k])**2)`` over the bins k >= 1 of a band, where X is the discrete Fourier transform of the n values less
/// their mean, times the taper, and bin k stands at ``k * fs / n``. Bin 0 belongs to no band, also where a taper puts
/// something there. NaN and infinity count as the mean of the others; a column of nothing else is NaN, as is every column
/// of no rows. Over all bins but 0 of an untapered column without gaps the sum is about ``n * n / 2`` times its variance.
/// The tapers are those of [1]_.
///
/// .. [1] Harris, On the use of windows for harmonic analysis with the discrete Fourier transform, Proceedings of the IEEE 66,
///    1978, doi:10.1109/PROC.1978.10837.
///
/// Examples
/// --------
/// >>> import numpy as np, acm_rs
/// >>> x = np.sin(2 * np.pi * np.arange(16) / 4)
/// >>> acm_rs.band_energy(x, bands=[(0.0, 0.2), (0.2, 0.3)]).round(9)
/// array([[ 0., 64.]])
#[pyfunction]
#[pyo3(
    signature = (x, fs=Given(None), bands=None, window=Given(None)),
    text_signature = "(x, fs=1.0, bands=None, window=\"boxcar\")"
)]
pub(crate) fn band_energy<'py>(
    py: Python<'py>,
    x: &Bound<'py, PyAny>,
    fs: Given<'_, 'py>,
    bands: Option<&Bound<'py, PyAny>>,
    window: Given<'_, 'py>,
) -> PyResult<Bound<'py, PyAny>> {
    let taper = taper_of(window, Taper::Boxcar)?;
    let bands = bands_of(bands, fs)?;
    macro_rules! energies {
        ($x:ident) => {{
            let view = $x.table();
            let out = table(py, view.ncols(), bands.len(), false)?;
            let mut place = out.try_readwrite()?;
            let out_view = place.as_array_mut();
            compute(py, || spectral::band_energy(view, taper, &bands, out_view))?;
            drop(place);
            Ok(out.into_any())
        }};
    }
    match input(x, "x")? {
        Input::F64(x) => energies!(x),
        Input::F32(x) => energies!(x),
    }
}

/// Power spectral density of each column, by Welch's method.
///
/// Parameters
/// ----------
/// x : ndarray of float64 or float32, shape (n, d) or (n,)
///     Rows = time, oldest first; columns = sensors. Any memory layout; never copied, never changed.
/// fs : float, default 1.0
///     Rows per unit of time.
/// segment : int, optional
///     Rows of a segment; 256 by default, never more than there are.
/// overlap : float, default 0.5
///     Share of a segment that lies over the one before: ``int(overlap * segment)`` rows; in [0, 1).
/// window : {"boxcar", "hann", "hamming", "blackman"}, default "hann"
///     The taper, as ``scipy.signal.get_window`` gives it (periodic).
///
/// Returns
/// -------
/// freqs : ndarray of float64, shape (f,)
///     ``numpy.fft.rfftfreq(segment, 1 / fs)``; empty where there are no rows.
/// psd : ndarray, shape (f, d) or (f,)
///     Squared units of ``x`` per unit of ``fs``, one-sided; dtype of ``x``.
///
/// Raises
/// ------
/// TypeError
///     ``x`` is no float array, ``window`` no string.
/// ValueError
///     A parameter is out of range, or ``x`` has the wrong shape.
///
/// Notes
/// -----
/// The numbers of ``scipy.signal.welch(x, fs, window, segment, noverlap, detrend="constant", scaling="density")``. NaN and
/// infinity count as the mean of their segment; a segment of which less than half is known is left out, and a column
/// without a segment left is NaN. Source: P. D. Welch, 1967, doi:10.1109/TAU.1967.1161901.
///
/// Examples
/// --------
/// >>> import numpy as np, acm_rs
/// >>> x = np.sin(2 * np.pi * np.arange(64) / 8)
/// >>> freqs, psd = acm_rs.power_spectrum(x, segment=16)
/// >>> float(freqs[psd.argmax()])
/// 0.125
#[pyfunction]
#[pyo3(
    signature = (x, fs=Given(None), segment=None, overlap=Given(None), window=Given(None)),
    text_signature = "(x, fs=1.0, segment=None, overlap=0.5, window=\"hann\")"
)]
pub(crate) fn power_spectrum<'py>(
    py: Python<'py>,
    x: &Bound<'py, PyAny>,
    fs: Given<'_, 'py>,
    segment: Option<&Bound<'py, PyAny>>,
    overlap: Given<'_, 'py>,
    window: Given<'_, 'py>,
) -> PyResult<Bound<'py, PyTuple>> {
    let taper = taper_of(window, Taper::Hann)?;
    let fs = fs.map_or(Ok(1.0), |value| number(value, "fs"))?;
    let segment = segment.map(|value| count(value, "segment", 1)).transpose()?;
    let overlap = overlap.map_or(Ok(0.5), |value| number(value, "overlap"))?;
    macro_rules! spectrum {
        ($x:ident) => {{
            let view = $x.table();
            let welch = Welch::new(view.nrows(), segment, overlap, fs, taper).map_err(exception)?;
            let freqs = attribute(py, &welch.frequencies().map_err(exception)?)?;
            let psd = table(py, welch.bins(), view.ncols(), $x.is_fortran())?;
            let mut place = psd.try_readwrite()?;
            let out_view = place.as_array_mut();
            compute(py, || spectral::power_spectrum(view, &welch, out_view))?;
            drop(place);
            let psd = if $x.is_line() {
                psd.reshape(welch.bins())?.into_any()
            } else {
                psd.into_any()
            };
            PyTuple::new(py, [freqs.into_any(), psd])
        }};
    }
    match input(x, "x")? {
        Input::F64(x) => spectrum!(x),
        Input::F32(x) => spectrum!(x),
    }
}

/// Cycles of each column: their periods, and how much of the column they explain.
///
/// Parameters
/// ----------
/// x : ndarray of float64 or float32, shape (n, d) or (n,)
///     Rows = time, evenly spaced, oldest first; columns = sensors. Any memory layout; never copied, never changed. NaN and
///     infinity are skipped.
/// fs : float, default 1.0
///     Rows per unit of time: 48 for half-hourly rows and periods in days.
/// periods : float or sequence of float, optional
///     Periods to test and fit, in units of ``1 / fs``, at least four rows each. By default cycles are searched for.
/// max_periods : int, default 3
///     Most cycles of a column, at most 100; without effect where ``periods`` are given.
///
/// Returns
/// -------
/// period : ndarray, shape (d, max_periods) or (d, len(periods))
///     Length of the cycle in units of ``1 / fs``; NaN, as in the other arrays, where there is none. Strongest first; given
///     periods keep their order.
/// strength : ndarray
///     Share of the variance that the cycle explains, in [0, 1]: ``1 - var(R) / var(R + S)``, where S is the cycle with its
///     harmonics and R what is left when trend, shifts of the level and all cycles are taken off.
/// phase : ndarray
///     Time of the fundamental's crest, in units of ``1 / fs`` from the first row; in [0, period).
/// amplitude : ndarray
///     Half the peak-to-peak of the fundamental, in the unit of ``x``.
///
/// Raises
/// ------
/// TypeError
///     ``x`` is no float array, ``periods`` no numbers.
/// ValueError
///     A parameter is out of range, or ``x`` has the wrong shape.
///
/// Notes
/// -----
/// A cycle needs at least four rows, and the data at least four cycles; a cycle of few turns must stand out far to be told
/// from a drift. A straight trend and up to six large shifts of the level are taken off first, values over eight robust
/// standard deviations from the trend are drawn in to that distance, and gaps are bridged by straight lines. A peak of Hann's
/// periodogram becomes a cycle where it stands out from the 20 bins on either side; its frequency and up to 24 harmonics
/// are then fitted to the known values by least squares. Harmonics are part of their cycle: a day of two halves is one
/// period. Only a harmonic from the fourth on that exceeds twice all those before it is a cycle of its own, as is a day
/// beside a week.
///
/// A column of noise whose spectrum is smooth over some forty bins is said to have a cycle with a probability of at most
/// 1 %. Simulated rates for 60 to 10,770 rows: white noise, AR(1) of 0.9 and 0.99, random walks, with gaps, trend, spikes, or
/// stretches that stand still 0.4 % and less, with given periods 0.8 % and less. Other noise is taken for a cycle more often:
/// moving averages of n / 40 rows in 6 to 12 % of columns, differences over 7 rows in 3 %, damped resonances (AR(2) of radius
/// 0.99) in 5 to 9 %. The sidebands of a cycle whose strength changes, such as a daily one that is weaker on weekends, can be
/// reported as cycles of their own: 42 or 56 rows beside 48.
///
/// Sources: X. Wang, K. Smith, R. Hyndman, 2006, doi:10.1007/s10618-005-0039-x (strength); R. A. Fisher, 1929,
/// doi:10.1098/rspa.1929.0151 (a peak against its neighbours).
///
/// Examples
/// --------
/// >>> import numpy as np, acm_rs
/// >>> rng = np.random.default_rng(0)
/// >>> t = np.arange(48 * 60)
/// >>> x = 3 * np.cos(2 * np.pi * (t - 12) / 48) + rng.standard_normal(t.size)
/// >>> period, strength, phase, amplitude = acm_rs.seasonality(x)
/// >>> period.round(1)
/// array([[48., nan, nan]])
/// >>> phase.round(0), amplitude.round(0), strength.round(1)
/// (array([[12., nan, nan]]), array([[ 3., nan, nan]]), array([[0.8, nan, nan]]))
#[pyfunction]
#[pyo3(
    signature = (x, fs=Given(None), periods=None, max_periods=Given(None)),
    text_signature = "(x, fs=1.0, periods=None, max_periods=3)"
)]
pub(crate) fn seasonality<'py>(
    py: Python<'py>,
    x: &Bound<'py, PyAny>,
    fs: Given<'_, 'py>,
    periods: Option<&Bound<'py, PyAny>>,
    max_periods: Given<'_, 'py>,
) -> PyResult<Bound<'py, PyTuple>> {
    let fs = fs.map_or(Ok(1.0), |value| number(value, "fs"))?;
    let most = max_periods.map_or(Ok(3), |value| count(value, "max_periods", 1))?;
    let search = match periods {
        None => Search::strongest(fs, most),
        Some(periods) => Search::among(fs, numbers(periods, "periods")?),
    }
    .map_err(exception)?;
    macro_rules! cycles {
        ($x:ident) => {{
            let view = $x.table();
            let out = [(); 4].map(|()| table(py, view.ncols(), search.len(), false));
            let [period, strength, phase, amplitude] = out;
            let out = [period?, strength?, phase?, amplitude?];
            let [mut period, mut strength, mut phase, mut amplitude] = out.each_ref().map(|array| array.readwrite());
            let seasons = Seasons {
                period: period.as_array_mut(),
                strength: strength.as_array_mut(),
                phase: phase.as_array_mut(),
                amplitude: amplitude.as_array_mut(),
            };
            compute(py, || spectral::seasonality(view, &search, seasons))?;
            drop((period, strength, phase, amplitude));
            PyTuple::new(py, out)
        }};
    }
    match input(x, "x")? {
        Input::F64(x) => cycles!(x),
        Input::F32(x) => cycles!(x),
    }
}

const TAPERS: [(&str, Taper); 4] = [
    ("boxcar", Taper::Boxcar),
    ("hann", Taper::Hann),
    ("hamming", Taper::Hamming),
    ("blackman", Taper::Blackman),
];

/// The taper behind Python's `window`.
fn taper_of(window: Given<'_, '_>, default: Taper) -> PyResult<Taper> {
    window.map_or(Ok(default), |value| choice(value, "window", &TAPERS))
}

/// A fresh array, not yet written.
fn table<T: Element>(py: Python<'_>, rows: usize, columns: usize, fortran: bool) -> PyResult<Bound<'_, PyArray2<T>>> {
    Ok(empty::<T>(py, rows, columns, false, fortran)?.cast_into::<PyArray<T, Ix2>>()?)
}
