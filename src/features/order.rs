//! Medians, deviations and quantiles.

use acm_features::rolling;
use pyo3::prelude::*;
use pyo3::types::PyDict;

use super::frame::{Function, frame_of, plain_frame};
use super::{columnwise, rolling};
use crate::arguments::{Given, number, numbers};
use crate::interop::{Input, Output, compute, input, input_f64};

/// Rolling median of each column.
///
/// Parameters
/// ----------
/// x : ndarray of float64 or float32, shape (n, d) or (n,)
///     Rows = time, oldest first; columns = sensors. Any memory layout; never copied, never changed.
/// window : int or duration
///     Rows of the window: row t sees rows t - window + 1 to t; longer than the data it works as an expanding window. Or how
///     long it lasts, with ``times``: ``"2h"``, ``"90s"``, a `numpy.timedelta64` or `datetime.timedelta`; row t sees the rows
///     up to itself that are later than ``times[t] - window``.
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
///     Shape and dtype of ``x``; with ``step`` fewer rows.
///
/// Raises
/// ------
/// TypeError
///     ``x`` or ``out`` is no float array.
/// ValueError
///     An argument out of range, wrong shape, times that go back, or ``out`` does not fit.
///
/// Notes
/// -----
/// NaN and infinity are missing and skipped. Exact. Short windows are kept sorted, eight columns at a time; long
/// ones are ranked in chunks [1]_, so the time for a row does not grow with the window.
///
/// .. [1] Suomela, Median filtering is equivalent to sorting, arXiv 1406.1717, 2014.
///
/// Examples
/// --------
/// >>> import numpy as np, acm_rs
/// >>> acm_rs.rolling_median(np.array([1.0, 9.0, 2.0, np.nan, 4.0]), 3)
/// array([1. , 5. , 2. , 5.5, 3. ])
#[pyfunction]
#[pyo3(signature = (x, window, min_periods=Given(None), **options), text_signature = "(x, window, min_periods=1, *, center=False, step=1, times=None, out=None, first_row=0)")]
pub(crate) fn rolling_median<'py>(
    py: Python<'py>,
    x: &Bound<'py, PyAny>,
    window: &Bound<'py, PyAny>,
    min_periods: Given<'_, 'py>,
    options: Option<&Bound<'py, PyDict>>,
) -> PyResult<Bound<'py, PyAny>> {
    let (frame, out) = frame_of(&Function("rolling_median", &["x"]), window, min_periods, options)?;
    rolling!(py, input(x, "x")?, frame, 1, out.as_ref(), |x, windows, out| rolling::rolling_median(x, windows, out))
}

/// Rolling median absolute deviation of each column.
///
/// Parameters
/// ----------
/// x : ndarray of float64 or float32, shape (n, d) or (n,)
///     Rows = time, oldest first; columns = sensors. Any memory layout; never copied, never changed.
/// window : int or duration
///     Rows of the window: row t sees rows t - window + 1 to t; longer than the data it works as an expanding window. Or how
///     long it lasts, with ``times``: ``"2h"``, ``"90s"``, a `numpy.timedelta64` or `datetime.timedelta`; row t sees the rows
///     up to itself that are later than ``times[t] - window``.
/// min_periods : int or None, default 1
///     Non-missing values a result needs; NaN where fewer remain. None, as in pandas: the window, or 1 for a duration.
/// scale : float, default 1.0
///     Factor of the result; 1.4826 makes it estimate the standard deviation of normal data.
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
///     Shape and dtype of ``x``; with ``step`` fewer rows.
///
/// Raises
/// ------
/// TypeError
///     ``x`` or ``out`` is no float array.
/// ValueError
///     An argument out of range, wrong shape, times that go back, or ``out`` does not fit.
///
/// Notes
/// -----
/// The median of ``abs(x - median(x))`` of each window, about that window's own median. NaN and infinity are missing
/// and skipped. Exact, from the same sorted window as the median.
///
/// Examples
/// --------
/// >>> import numpy as np, acm_rs
/// >>> acm_rs.rolling_mad(np.array([1.0, 9.0, 2.0, np.nan, 4.0]), 3)
/// array([0. , 4. , 1. , 3.5, 1. ])
#[pyfunction]
#[pyo3(signature = (x, window, min_periods=Given(None), *, scale=Given(None), **options), text_signature = "(x, window, min_periods=1, *, scale=1.0, center=False, step=1, times=None, out=None, first_row=0)")]
pub(crate) fn rolling_mad<'py>(
    py: Python<'py>,
    x: &Bound<'py, PyAny>,
    window: &Bound<'py, PyAny>,
    min_periods: Given<'_, 'py>,
    scale: Given<'_, 'py>,
    options: Option<&Bound<'py, PyDict>>,
) -> PyResult<Bound<'py, PyAny>> {
    let (frame, out) = frame_of(&Function("rolling_mad", &["x", "scale"]), window, min_periods, options)?;
    let scale = scale.map_or(Ok(1.0), |value| number(value, "scale"))?;
    rolling!(py, input(x, "x")?, frame, 1, out.as_ref(), |x, windows, out| rolling::rolling_mad(
        x, windows, scale, out
    ))
}

/// Rolling quantiles of each column, linearly interpolated.
///
/// Parameters
/// ----------
/// x : ndarray of float64 or float32, shape (n, d) or (n,)
///     Rows = time, oldest first; columns = sensors. Any memory layout; never copied, never changed.
/// window : int or duration
///     Rows of the window: row t sees rows t - window + 1 to t; longer than the data it works as an expanding window. Or how
///     long it lasts, with ``times``: ``"2h"``, ``"90s"``, a `numpy.timedelta64` or `datetime.timedelta`; row t sees the rows
///     up to itself that are later than ``times[t] - window``.
/// q : float or sequence of float
///     Quantiles in [0, 1].
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
///     Shape (n, d * k) for k quantiles, those of a column adjacent; shape of ``x`` for one number.
///
/// Raises
/// ------
/// TypeError
///     ``x`` or ``out`` is no float array.
/// ValueError
///     An argument out of range, wrong shape, times that go back, or ``out`` does not fit.
///
/// Notes
/// -----
/// NaN and infinity are missing and skipped. All quantiles come from one sorted window.
///
/// Examples
/// --------
/// >>> import numpy as np, acm_rs
/// >>> acm_rs.rolling_quantile(np.array([1.0, 2.0, 4.0]), 3, [0.5, 0.9])
/// array([[1. , 1. ],
///        [1.5, 1.9],
///        [2. , 3.6]])
#[pyfunction]
#[pyo3(signature = (x, window, q, min_periods=Given(None), **options), text_signature = "(x, window, q, min_periods=1, *, center=False, step=1, times=None, out=None, first_row=0)")]
pub(crate) fn rolling_quantile<'py>(
    py: Python<'py>,
    x: &Bound<'py, PyAny>,
    window: &Bound<'py, PyAny>,
    q: &Bound<'py, PyAny>,
    min_periods: Given<'_, 'py>,
    options: Option<&Bound<'py, PyDict>>,
) -> PyResult<Bound<'py, PyAny>> {
    let (frame, out) = frame_of(&Function("rolling_quantile", &["x", "q"]), window, min_periods, options)?;
    let q = numbers(q, "q")?;
    rolling!(py, input(x, "x")?, frame, q.len(), out.as_ref(), |x, windows, out| rolling::rolling_quantile(
        x, windows, &q, out
    ))
}

/// Rolling median of float64 columns: `rolling_median` under its migration name.
///
/// Parameters
/// ----------
/// data : ndarray of float64, shape (n, d) or (n,)
///     Rows = time, oldest first; columns = sensors.
/// window : int
///     Rows of the trailing window.
/// min_periods : int or None, default 1
///     Non-missing values a result needs. None, as in pandas: the window, or 1 for a duration.
///
/// Returns
/// -------
/// ndarray
///     Shape of ``data``.
///
/// Raises
/// ------
/// TypeError
///     ``data`` is no float64 array.
/// ValueError
///     ``window`` or ``min_periods`` out of range, or wrong shape.
///
/// Examples
/// --------
/// >>> import numpy as np, acm_rs
/// >>> acm_rs.rolling_median_f64(np.array([2.0, 4.0]), 2)
/// array([2., 3.])
#[pyfunction]
#[pyo3(signature = (data, window, min_periods=Given(None)), text_signature = "(data, window, min_periods=1)")]
pub(crate) fn rolling_median_f64<'py>(
    py: Python<'py>,
    data: &Bound<'py, PyAny>,
    window: &Bound<'py, PyAny>,
    min_periods: Given<'_, 'py>,
) -> PyResult<Bound<'py, PyAny>> {
    let frame = plain_frame(window, min_periods)?;
    rolling!(py, input_f64(data, "data")?, frame, 1, None, |x, windows, out| rolling::rolling_median(x, windows, out))
}

/// Rolling median absolute deviation of float64 columns: `rolling_mad` under its migration name.
///
/// Parameters
/// ----------
/// data : ndarray of float64, shape (n, d) or (n,)
///     Rows = time, oldest first; columns = sensors.
/// window : int
///     Rows of the trailing window.
/// min_periods : int or None, default 1
///     Non-missing values a result needs. None, as in pandas: the window, or 1 for a duration.
///
/// Returns
/// -------
/// ndarray
///     Shape of ``data``.
///
/// Raises
/// ------
/// TypeError
///     ``data`` is no float64 array.
/// ValueError
///     ``window`` or ``min_periods`` out of range, or wrong shape.
///
/// Examples
/// --------
/// >>> import numpy as np, acm_rs
/// >>> acm_rs.rolling_mad_f64(np.array([2.0, 4.0]), 2)
/// array([0., 1.])
#[pyfunction]
#[pyo3(signature = (data, window, min_periods=Given(None)), text_signature = "(data, window, min_periods=1)")]
pub(crate) fn rolling_mad_f64<'py>(
    py: Python<'py>,
    data: &Bound<'py, PyAny>,
    window: &Bound<'py, PyAny>,
    min_periods: Given<'_, 'py>,
) -> PyResult<Bound<'py, PyAny>> {
    let frame = plain_frame(window, min_periods)?;
    rolling!(py, input_f64(data, "data")?, frame, 1, None, |x, windows, out| rolling::rolling_mad(
        x, windows, 1.0, out
    ))
}
