//! Sums and moments.

use acm_features::rolling;
use pyo3::prelude::*;
use pyo3::types::PyDict;

use super::frame::{Function, frame_of, plain_frame};
use super::{columnwise, rolling};
use crate::arguments::{Given, count};
use crate::interop::{Input, Output, compute, input, input_f64};

/// Rolling sum of each column.
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
/// NaN and infinity are missing and skipped. With ``min_periods=0`` the sum of nothing is 0.
/// Compensated summation [1]_: the exact sum but for its last rounding.
///
/// .. [1] Knuth, The Art of Computer Programming, volume 2, section 4.2.2.
///
/// Examples
/// --------
/// >>> import numpy as np, acm_rs
/// >>> acm_rs.rolling_sum(np.array([1.0, 2.0, np.nan, 4.0]), 2)
/// array([1., 3., 2., 4.])
#[pyfunction]
#[pyo3(signature = (x, window, min_periods=Given(None), **options), text_signature = "(x, window, min_periods=1, *, center=False, step=1, times=None, out=None, first_row=0)")]
pub(crate) fn rolling_sum<'py>(
    py: Python<'py>,
    x: &Bound<'py, PyAny>,
    window: &Bound<'py, PyAny>,
    min_periods: Given<'_, 'py>,
    options: Option<&Bound<'py, PyDict>>,
) -> PyResult<Bound<'py, PyAny>> {
    let (frame, out) = frame_of(&Function("rolling_sum", &["x"]), window, min_periods, options)?;
    rolling!(py, input(x, "x")?, frame, 1, out.as_ref(), |x, windows, out| rolling::rolling_sum(x, windows, out))
}

/// Rolling mean of each column.
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
/// NaN and infinity are missing and skipped.
/// Compensated summation [1]_: a constant window gives its constant exactly.
///
/// .. [1] Knuth, The Art of Computer Programming, volume 2, section 4.2.2.
///
/// Examples
/// --------
/// >>> import numpy as np, acm_rs
/// >>> acm_rs.rolling_mean(np.array([1.0, 2.0, np.nan, 4.0]), 2)
/// array([1. , 1.5, 2. , 4. ])
#[pyfunction]
#[pyo3(signature = (x, window, min_periods=Given(None), **options), text_signature = "(x, window, min_periods=1, *, center=False, step=1, times=None, out=None, first_row=0)")]
pub(crate) fn rolling_mean<'py>(
    py: Python<'py>,
    x: &Bound<'py, PyAny>,
    window: &Bound<'py, PyAny>,
    min_periods: Given<'_, 'py>,
    options: Option<&Bound<'py, PyDict>>,
) -> PyResult<Bound<'py, PyAny>> {
    let (frame, out) = frame_of(&Function("rolling_mean", &["x"]), window, min_periods, options)?;
    rolling!(py, input(x, "x")?, frame, 1, out.as_ref(), |x, windows, out| rolling::rolling_mean(x, windows, out))
}

/// Rolling variance of each column.
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
/// ddof : int, default 1
///     The divisor is the count minus ``ddof``.
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
/// NaN and infinity are missing and skipped. NaN while fewer than ``ddof + 1`` values remain. A constant window
/// gives exactly 0. Merged moments [1]_, so an offset or a spike that has left the window costs no digits.
///
/// .. [1] Pébay, Formulas for robust, one-pass parallel computation of covariances and arbitrary-order
///    statistical moments, Sandia report SAND2008-6212, 2008.
///
/// Examples
/// --------
/// >>> import numpy as np, acm_rs
/// >>> acm_rs.rolling_var(np.array([1.0, 2.0, 4.0]), 2)
/// array([nan, 0.5, 2. ])
#[pyfunction]
#[pyo3(signature = (x, window, min_periods=Given(None), *, ddof=Given(None), **options), text_signature = "(x, window, min_periods=1, *, ddof=1, center=False, step=1, times=None, out=None, first_row=0)")]
pub(crate) fn rolling_var<'py>(
    py: Python<'py>,
    x: &Bound<'py, PyAny>,
    window: &Bound<'py, PyAny>,
    min_periods: Given<'_, 'py>,
    ddof: Given<'_, 'py>,
    options: Option<&Bound<'py, PyDict>>,
) -> PyResult<Bound<'py, PyAny>> {
    let (frame, out) = frame_of(&Function("rolling_var", &["x", "ddof"]), window, min_periods, options)?;
    let ddof = ddof.map_or(Ok(1), |value| count(value, "ddof", 0))?;
    rolling!(py, input(x, "x")?, frame, 1, out.as_ref(), |x, windows, out| rolling::rolling_var(x, windows, ddof, out))
}

/// Rolling standard deviation of each column.
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
/// ddof : int, default 1
///     The divisor is the count minus ``ddof``.
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
/// NaN and infinity are missing and skipped. NaN while fewer than ``ddof + 1`` values remain. A constant window
/// gives exactly 0. Merged moments [1]_, so an offset or a spike that has left the window costs no digits.
///
/// .. [1] Pébay, Formulas for robust, one-pass parallel computation of covariances and arbitrary-order
///    statistical moments, Sandia report SAND2008-6212, 2008.
///
/// Examples
/// --------
/// >>> import numpy as np, acm_rs
/// >>> acm_rs.rolling_std(1e9 + np.array([0.0, 2.0, 4.0]), 3)
/// array([       nan, 1.41421356, 2.        ])
#[pyfunction]
#[pyo3(signature = (x, window, min_periods=Given(None), *, ddof=Given(None), **options), text_signature = "(x, window, min_periods=1, *, ddof=1, center=False, step=1, times=None, out=None, first_row=0)")]
pub(crate) fn rolling_std<'py>(
    py: Python<'py>,
    x: &Bound<'py, PyAny>,
    window: &Bound<'py, PyAny>,
    min_periods: Given<'_, 'py>,
    ddof: Given<'_, 'py>,
    options: Option<&Bound<'py, PyDict>>,
) -> PyResult<Bound<'py, PyAny>> {
    let (frame, out) = frame_of(&Function("rolling_std", &["x", "ddof"]), window, min_periods, options)?;
    let ddof = ddof.map_or(Ok(1), |value| count(value, "ddof", 0))?;
    rolling!(py, input(x, "x")?, frame, 1, out.as_ref(), |x, windows, out| rolling::rolling_std(x, windows, ddof, out))
}

/// Rolling mean and standard deviation of each column, in one pass.
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
/// ddof : int, default 1
///     The divisor is the count minus ``ddof``.
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
///     Shape (n, 2 d): mean and standard deviation of a column adjacent.
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
/// NaN and infinity are missing and skipped. NaN while fewer than ``ddof + 1`` values remain. A constant window
/// gives exactly 0. Merged moments [1]_, so an offset or a spike that has left the window costs no digits.
///
/// .. [1] Pébay, Formulas for robust, one-pass parallel computation of covariances and arbitrary-order
///    statistical moments, Sandia report SAND2008-6212, 2008.
///
/// Examples
/// --------
/// >>> import numpy as np, acm_rs
/// >>> acm_rs.rolling_mean_std(np.array([[1.0], [3.0]]), 2)
/// array([[1.        ,        nan],
///        [2.        , 1.41421356]])
#[pyfunction]
#[pyo3(signature = (x, window, min_periods=Given(None), *, ddof=Given(None), **options), text_signature = "(x, window, min_periods=1, *, ddof=1, center=False, step=1, times=None, out=None, first_row=0)")]
pub(crate) fn rolling_mean_std<'py>(
    py: Python<'py>,
    x: &Bound<'py, PyAny>,
    window: &Bound<'py, PyAny>,
    min_periods: Given<'_, 'py>,
    ddof: Given<'_, 'py>,
    options: Option<&Bound<'py, PyDict>>,
) -> PyResult<Bound<'py, PyAny>> {
    let (frame, out) = frame_of(&Function("rolling_mean_std", &["x", "ddof"]), window, min_periods, options)?;
    let ddof = ddof.map_or(Ok(1), |value| count(value, "ddof", 0))?;
    rolling!(py, input(x, "x")?, frame, 2, out.as_ref(), |x, windows, out| rolling::rolling_mean_std(
        x, windows, ddof, out
    ))
}

/// Rolling skewness of each column, bias-corrected.
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
/// NaN and infinity are missing and skipped. NaN while fewer than 3 values remain and where the window is constant.
/// G1 of [1]_, from merged moments: exact at any offset.
///
/// .. [1] Joanes and Gill, Comparing measures of sample skewness and kurtosis, The Statistician 47 (1), 1998.
///
/// Examples
/// --------
/// >>> import numpy as np, acm_rs
/// >>> acm_rs.rolling_skew(np.array([1.0, 2.0, 4.0]), 3)
/// array([       nan,        nan, 0.93521953])
#[pyfunction]
#[pyo3(signature = (x, window, min_periods=Given(None), **options), text_signature = "(x, window, min_periods=1, *, center=False, step=1, times=None, out=None, first_row=0)")]
pub(crate) fn rolling_skew<'py>(
    py: Python<'py>,
    x: &Bound<'py, PyAny>,
    window: &Bound<'py, PyAny>,
    min_periods: Given<'_, 'py>,
    options: Option<&Bound<'py, PyDict>>,
) -> PyResult<Bound<'py, PyAny>> {
    let (frame, out) = frame_of(&Function("rolling_skew", &["x"]), window, min_periods, options)?;
    rolling!(py, input(x, "x")?, frame, 1, out.as_ref(), |x, windows, out| rolling::rolling_skew(x, windows, out))
}

/// Rolling excess kurtosis of each column, bias-corrected.
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
/// NaN and infinity are missing and skipped. NaN while fewer than 4 values remain and where the window is constant.
/// G2 of [1]_, from merged moments: exact at any offset.
///
/// .. [1] Joanes and Gill, Comparing measures of sample skewness and kurtosis, The Statistician 47 (1), 1998.
///
/// Examples
/// --------
/// >>> import numpy as np, acm_rs
/// >>> acm_rs.rolling_kurt(np.array([1.0, 2.0, 4.0, 8.0]), 4)
/// array([       nan,        nan,        nan, 0.75765595])
#[pyfunction]
#[pyo3(signature = (x, window, min_periods=Given(None), **options), text_signature = "(x, window, min_periods=1, *, center=False, step=1, times=None, out=None, first_row=0)")]
pub(crate) fn rolling_kurt<'py>(
    py: Python<'py>,
    x: &Bound<'py, PyAny>,
    window: &Bound<'py, PyAny>,
    min_periods: Given<'_, 'py>,
    options: Option<&Bound<'py, PyDict>>,
) -> PyResult<Bound<'py, PyAny>> {
    let (frame, out) = frame_of(&Function("rolling_kurt", &["x"]), window, min_periods, options)?;
    rolling!(py, input(x, "x")?, frame, 1, out.as_ref(), |x, windows, out| rolling::rolling_kurt(x, windows, out))
}

/// Rolling mean and standard deviation (ddof 1) of float64 columns: `rolling_mean_std` under its migration name.
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
///     Shape (n, 2 d): mean and standard deviation of a column adjacent.
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
/// >>> acm_rs.rolling_mean_std_f64(np.array([2.0, 2.0]), 2)
/// array([[ 2., nan],
///        [ 2.,  0.]])
#[pyfunction]
#[pyo3(signature = (data, window, min_periods=Given(None)), text_signature = "(data, window, min_periods=1)")]
pub(crate) fn rolling_mean_std_f64<'py>(
    py: Python<'py>,
    data: &Bound<'py, PyAny>,
    window: &Bound<'py, PyAny>,
    min_periods: Given<'_, 'py>,
) -> PyResult<Bound<'py, PyAny>> {
    let frame = plain_frame(window, min_periods)?;
    rolling!(py, input_f64(data, "data")?, frame, 2, None, |x, windows, out| rolling::rolling_mean_std(
        x, windows, 1, out
    ))
}
