//! Energies of frequency bands.

use acm_features::spectral::{self, Bands};
use pyo3::prelude::*;
use pyo3::types::PyDict;

use super::frame::{Function, frame_of};
use super::{columnwise, rolling};
use crate::arguments::{Given, number, pairs_of};
use crate::interop::{Input, Output, compute, exception, input};

/// Rolling energy of frequency bands of each column.
///
/// Parameters
/// ----------
/// x : ndarray of float64 or float32, shape (n, d) or (n,)
///     Rows = time, oldest first; columns = sensors. Any memory layout; never copied, never changed.
/// window : int or duration
///     Rows of the window: row t sees rows t - window + 1 to t; longer than the data it works as an expanding window. Or how
///     long it lasts, with ``times``: ``"2h"``, ``"90s"``, a `numpy.timedelta64` or `datetime.timedelta`; row t sees the rows
///     up to itself that are later than ``times[t] - window``.
/// bands : sequence of (low, high), optional
///     Frequency bands ``low <= f < high`` in the unit of ``fs``; they may overlap. By default (0, 0.1), (0.1, 0.3) and
///     (0.3, 1.0) of the Nyquist frequency ``fs / 2``.
/// fs : float, default 1.0
///     Rows per unit of time.
/// min_periods : int or None, default 1
///     Non-missing values a result needs; NaN where fewer remain. None, as in pandas: the window, or 1 for a duration.
/// center : bool, default False
///     Put each row in the middle of its window, as pandas does, instead of at its end.
/// step : int, default 1
///     Evaluate only the rows whose absolute index is a multiple of it: 0, step, 2 step, ...
/// times : ndarray of datetime64 or int64, shape (n,), optional
///     When each row was taken, oldest first; equal ones may follow each other. int64 are nanoseconds.
/// out : ndarray, optional
///     Where to put the result: right shape, dtype of ``x``, no memory shared with ``x``.
/// first_row : int, default 0
///     Absolute index of the first row of ``x``, where ``x`` is a piece of a longer history. Give a piece all other rows that
///     its windows see as well and drop their results: the rest equals the whole to the last bit.
///
/// Returns
/// -------
/// ndarray
///     Shape (n, d * k) for k bands, those of a column adjacent; squared units of ``x``.
///
/// Raises
/// ------
/// TypeError
///     ``x`` or ``out`` is no float array, ``bands`` no sequence of pairs.
/// ValueError
///     A parameter is out of range, or an array has the wrong shape.
///
/// Notes
/// -----
/// ``sum(abs(X[k])**2)`` over the bins k >= 1 of a band, where X is the discrete Fourier transform of the n values of a
/// window less their mean and bin k stands at ``k * fs / n``. NaN and infinity count as the mean of the others. A window of
/// fewer than ``window // 2`` rows gives 0. Windows are merged from the suffix of one block of rows and the prefix of the
/// next [1]_, as partial Fourier sums.
///
/// .. [1] van Herk, A fast algorithm for local minimum and maximum filters on rectangular and octagonal kernels, Pattern
///    Recognition Letters 13, 1992, doi:10.1016/0167-8655(92)90069-C.
///
/// Examples
/// --------
/// >>> import numpy as np, acm_rs
/// >>> x = np.sin(2 * np.pi * np.arange(16) / 4)
/// >>> acm_rs.rolling_band_energy(x, 16, bands=[(0.0, 0.2), (0.2, 0.3)])[-1].round(9)
/// array([ 0., 64.])
#[pyfunction]
#[pyo3(
    signature = (x, window, bands=None, fs=Given(None), min_periods=Given(None), **options),
    text_signature = "(x, window, bands=None, fs=1.0, min_periods=1, *, center=False, step=1, times=None, out=None, first_row=0)"
)]
pub(crate) fn rolling_band_energy<'py>(
    py: Python<'py>,
    x: &Bound<'py, PyAny>,
    window: &Bound<'py, PyAny>,
    bands: Option<&Bound<'py, PyAny>>,
    fs: Given<'_, 'py>,
    min_periods: Given<'_, 'py>,
    options: Option<&Bound<'py, PyDict>>,
) -> PyResult<Bound<'py, PyAny>> {
    let (frame, out) = frame_of(&Function("rolling_band_energy", &["x", "bands", "fs"]), window, min_periods, options)?;
    let bands = bands_of(bands, fs)?;
    rolling!(py, input(x, "x")?, frame, bands.len(), out.as_ref(), |x, windows, out| spectral::rolling_band_energy(
        x, windows, &bands, out
    ))
}

/// The bands behind Python's `bands` and `fs`.
pub(super) fn bands_of(bands: Option<&Bound<'_, PyAny>>, fs: Given<'_, '_>) -> PyResult<Bands> {
    let fs = fs.map_or(Ok(1.0), |value| number(value, "fs"))?;
    let edges = bands.map(|bands| {
        pairs_of(bands, "bands", "a sequence of (low, high) pairs of numbers", |edge| number(edge, "bands"))
    });
    match edges.transpose()? {
        None => Bands::standard(fs),
        Some(edges) => Bands::new(edges, fs),
    }
    .map_err(exception)
}
