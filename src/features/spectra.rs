//! Energies of frequency bands.

use acm_features::spectral::{self, Bands};
use pyo3::exceptions::PyTypeError;
use pyo3::prelude::*;

use super::{columnwise, window_of};
use crate::interop::{Input, Output, compute, exception, input, number};

/// Trailing rolling energy of frequency bands of each column.
///
/// Parameters
/// ----------
/// x : ndarray of float64 or float32, shape (n, d) or (n,)
///     Rows = time, oldest first; columns = sensors. Any memory layout; never copied, never changed.
/// window : int
///     Rows of the trailing window. The first rows have the shorter windows that there are.
/// bands : sequence of (low, high), optional
///     Frequency bands ``low <= f < high`` in the unit of ``fs``; they may overlap. By default (0, 0.1), (0.1, 0.3) and
///     (0.3, 1.0) of the Nyquist frequency ``fs / 2``.
/// fs : float, default 1.0
///     Rows per unit of time.
/// min_periods : int, default 1
///     Non-missing values a result needs; NaN where fewer remain.
/// out : ndarray, optional
///     Where to put the result: right shape, dtype of ``x``, no memory shared with ``x``.
/// first_row : int, default 0
///     Absolute index of the first row of ``x``, where ``x`` is a piece of a longer history.
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
/// window less their mean and bin k stands at ``k * fs / n``. NaN and infinity count as the mean of the others. A
/// window of
/// fewer than ``window // 2`` rows gives 0.
///
/// Examples
/// --------
/// >>> import numpy as np, acm_rs
/// >>> x = np.sin(2 * np.pi * np.arange(16) / 4)
/// >>> acm_rs.rolling_band_energy(x, 16, bands=[(0.0, 0.2), (0.2, 0.3)])[-1].round(9)
/// array([ 0., 64.])
#[pyfunction]
#[pyo3(
    signature = (x, window, bands=None, fs=None, min_periods=None, *, out=None, first_row=None),
    text_signature = "(x, window, bands=None, fs=1.0, min_periods=1, *, out=None, first_row=0)"
)]
#[expect(clippy::too_many_arguments, reason = "the signature of the Python function")]
pub(crate) fn rolling_band_energy<'py>(
    py: Python<'py>,
    x: &Bound<'py, PyAny>,
    window: &Bound<'py, PyAny>,
    bands: Option<&Bound<'py, PyAny>>,
    fs: Option<&Bound<'py, PyAny>>,
    min_periods: Option<&Bound<'py, PyAny>>,
    out: Option<&Bound<'py, PyAny>>,
    first_row: Option<&Bound<'py, PyAny>>,
) -> PyResult<Bound<'py, PyAny>> {
    let window = window_of(window, min_periods, first_row)?;
    let bands = bands_of(bands, fs)?;
    columnwise!(py, input(x, "x")?, bands.len(), out, |x, out| spectral::rolling_band_energy(x, window, &bands, out))
}

/// The bands behind Python's `bands` and `fs`.
pub(super) fn bands_of(bands: Option<&Bound<'_, PyAny>>, fs: Option<&Bound<'_, PyAny>>) -> PyResult<Bands> {
    let fs = fs.map_or(Ok(1.0), |value| number(value, "fs"))?;
    match bands {
        None => Bands::standard(fs),
        Some(bands) => {
            let edges: Vec<(f64, f64)> = bands.extract().or_else(|_| pairs(bands)).map_err(|_: PyErr| {
                PyTypeError::new_err(format!(
                    "`bands` must be a sequence of (low, high) pairs of numbers, got {}",
                    bands.repr().map_or_else(|_| "?".to_owned(), |text| text.to_string())
                ))
            })?;
            Bands::new(edges, fs)
        }
    }
    .map_err(exception)
}

/// Pairs that are lists or rows of an array instead of tuples.
fn pairs(bands: &Bound<'_, PyAny>) -> PyResult<Vec<(f64, f64)>> {
    let rows: Vec<[f64; 2]> = bands.extract()?;
    Ok(rows.into_iter().map(|[low, high]| (low, high)).collect())
}
