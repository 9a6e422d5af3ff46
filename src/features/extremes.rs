//! Extremes and slopes.

use acm_features::rolling;
use pyo3::prelude::*;
use pyo3::types::PyDict;

use super::frame::{Function, frame_of};
use super::{columnwise, rolling};
use crate::arguments::Given;
use crate::interop::{Input, Output, compute, input};

/// Rolling minimum of each column.
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
/// The time for a row does not depend on the window: van Herk, Gil and Werman's blocks [1]_.
///
/// .. [1] Gil and Werman, Computing 2-D min, median, and max filters, IEEE PAMI 15 (5), 1993.
///
/// Examples
/// --------
/// >>> import numpy as np, acm_rs
/// >>> acm_rs.rolling_min(np.array([3.0, 1.0, 2.0, 5.0]), 2)
/// array([3., 1., 1., 2.])
#[pyfunction]
#[pyo3(signature = (x, window, min_periods=Given(None), **options), text_signature = "(x, window, min_periods=1, *, center=False, step=1, times=None, out=None, first_row=0)")]
pub(crate) fn rolling_min<'py>(
    py: Python<'py>,
    x: &Bound<'py, PyAny>,
    window: &Bound<'py, PyAny>,
    min_periods: Given<'_, 'py>,
    options: Option<&Bound<'py, PyDict>>,
) -> PyResult<Bound<'py, PyAny>> {
    let (frame, out) = frame_of(&Function("rolling_min", &["x"]), window, min_periods, options)?;
    rolling!(py, input(x, "x")?, frame, 1, out.as_ref(), |x, windows, out| rolling::rolling_min(x, windows, out))
}

/// Rolling maximum of each column.
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
/// The time for a row does not depend on the window: van Herk, Gil and Werman's blocks [1]_.
///
/// .. [1] Gil and Werman, Computing 2-D min, median, and max filters, IEEE PAMI 15 (5), 1993.
///
/// Examples
/// --------
/// >>> import numpy as np, acm_rs
/// >>> acm_rs.rolling_max(np.array([3.0, 1.0, 2.0, 5.0]), 2)
/// array([3., 3., 2., 5.])
#[pyfunction]
#[pyo3(signature = (x, window, min_periods=Given(None), **options), text_signature = "(x, window, min_periods=1, *, center=False, step=1, times=None, out=None, first_row=0)")]
pub(crate) fn rolling_max<'py>(
    py: Python<'py>,
    x: &Bound<'py, PyAny>,
    window: &Bound<'py, PyAny>,
    min_periods: Given<'_, 'py>,
    options: Option<&Bound<'py, PyDict>>,
) -> PyResult<Bound<'py, PyAny>> {
    let (frame, out) = frame_of(&Function("rolling_max", &["x"]), window, min_periods, options)?;
    rolling!(py, input(x, "x")?, frame, 1, out.as_ref(), |x, windows, out| rolling::rolling_max(x, windows, out))
}

/// Rolling range of each column: the maximum less the minimum.
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
/// NaN and infinity are missing and skipped. Rounded once and never negative; infinite where the difference exceeds the
/// largest number of the dtype.
/// The time for a row does not depend on the window: van Herk, Gil and Werman's blocks [1]_.
///
/// .. [1] Gil and Werman, Computing 2-D min, median, and max filters, IEEE PAMI 15 (5), 1993.
///
/// Examples
/// --------
/// >>> import numpy as np, acm_rs
/// >>> acm_rs.rolling_range(np.array([3.0, 1.0, 2.0, 5.0]), 2)
/// array([0., 2., 1., 3.])
#[pyfunction]
#[pyo3(signature = (x, window, min_periods=Given(None), **options), text_signature = "(x, window, min_periods=1, *, center=False, step=1, times=None, out=None, first_row=0)")]
pub(crate) fn rolling_range<'py>(
    py: Python<'py>,
    x: &Bound<'py, PyAny>,
    window: &Bound<'py, PyAny>,
    min_periods: Given<'_, 'py>,
    options: Option<&Bound<'py, PyDict>>,
) -> PyResult<Bound<'py, PyAny>> {
    let (frame, out) = frame_of(&Function("rolling_range", &["x"]), window, min_periods, options)?;
    rolling!(py, input(x, "x")?, frame, 1, out.as_ref(), |x, windows, out| rolling::rolling_range(x, windows, out))
}

/// Rolling least-squares slope of each column against its rows or times.
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
/// NaN and infinity are missing and skipped. The slope is that of the remaining values against their own rows, in units of
/// ``x`` per row, or per second where ``times`` is given; 0 where one value remains, or all are of one instant. Least
/// squares by the normal equations, from exact products [1]_ and compensated sums: neither an offset nor spikes that balance
/// each other cost digits, nor does the size of the values.
///
/// .. [1] Dekker, A floating-point technique for extending the available precision, Numerische Mathematik 18, 1971.
///
/// Examples
/// --------
/// >>> import numpy as np, acm_rs
/// >>> acm_rs.rolling_slope(np.array([1.0, 3.0, np.nan, 7.0]), 3)
/// array([0., 2., 2., 2.])
#[pyfunction]
#[pyo3(signature = (x, window, min_periods=Given(None), **options), text_signature = "(x, window, min_periods=1, *, center=False, step=1, times=None, out=None, first_row=0)")]
pub(crate) fn rolling_slope<'py>(
    py: Python<'py>,
    x: &Bound<'py, PyAny>,
    window: &Bound<'py, PyAny>,
    min_periods: Given<'_, 'py>,
    options: Option<&Bound<'py, PyDict>>,
) -> PyResult<Bound<'py, PyAny>> {
    let (frame, out) = frame_of(&Function("rolling_slope", &["x"]), window, min_periods, options)?;
    rolling!(py, input(x, "x")?, frame, 1, out.as_ref(), |x, windows, out| rolling::rolling_slope(x, windows, out))
}
