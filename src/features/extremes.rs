//! Extremes and slopes.

use acm_features::rolling;
use pyo3::prelude::*;

use super::{columnwise, window_of};
use crate::interop::{Input, Output, compute, input};

/// Trailing rolling minimum of each column.
///
/// Parameters
/// ----------
/// x : ndarray of float64 or float32, shape (n, d) or (n,)
///     Rows = time, oldest first; columns = sensors. Any memory layout; never copied, never changed.
/// window : int
///     Rows of the trailing window: row t sees rows t - window + 1 to t. Longer than the data works as an
///     expanding window.
/// min_periods : int, default 1
///     Non-missing values a result needs; NaN where fewer remain.
/// out : ndarray, optional
///     Where to put the result: right shape, dtype of ``x``, no memory shared with ``x``.
/// first_row : int, default 0
///     Absolute index of the first row of ``x``, where ``x`` is a piece of a longer history. Give a piece the
///     ``window - 1`` rows before it as well and drop their results: the rest equals the whole to the last bit.
///
/// Returns
/// -------
/// ndarray
///     Shape and dtype of ``x``.
///
/// Raises
/// ------
/// TypeError
///     ``x`` or ``out`` is no float array.
/// ValueError
///     ``window`` or ``min_periods`` out of range, wrong shape, or ``out`` does not fit.
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
#[pyo3(signature = (x, window, min_periods=None, *, out=None, first_row=None), text_signature = "(x, window, min_periods=1, *, out=None, first_row=0)")]
pub(crate) fn rolling_min<'py>(
    py: Python<'py>,
    x: &Bound<'py, PyAny>,
    window: &Bound<'py, PyAny>,
    min_periods: Option<&Bound<'py, PyAny>>,
    out: Option<&Bound<'py, PyAny>>,
    first_row: Option<&Bound<'py, PyAny>>,
) -> PyResult<Bound<'py, PyAny>> {
    let window = window_of(window, min_periods, first_row)?;
    columnwise!(py, input(x, "x")?, 1, out, |x, out| rolling::rolling_min(x, window, out))
}

/// Trailing rolling maximum of each column.
///
/// Parameters
/// ----------
/// x : ndarray of float64 or float32, shape (n, d) or (n,)
///     Rows = time, oldest first; columns = sensors. Any memory layout; never copied, never changed.
/// window : int
///     Rows of the trailing window: row t sees rows t - window + 1 to t. Longer than the data works as an
///     expanding window.
/// min_periods : int, default 1
///     Non-missing values a result needs; NaN where fewer remain.
/// out : ndarray, optional
///     Where to put the result: right shape, dtype of ``x``, no memory shared with ``x``.
/// first_row : int, default 0
///     Absolute index of the first row of ``x``, where ``x`` is a piece of a longer history. Give a piece the
///     ``window - 1`` rows before it as well and drop their results: the rest equals the whole to the last bit.
///
/// Returns
/// -------
/// ndarray
///     Shape and dtype of ``x``.
///
/// Raises
/// ------
/// TypeError
///     ``x`` or ``out`` is no float array.
/// ValueError
///     ``window`` or ``min_periods`` out of range, wrong shape, or ``out`` does not fit.
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
#[pyo3(signature = (x, window, min_periods=None, *, out=None, first_row=None), text_signature = "(x, window, min_periods=1, *, out=None, first_row=0)")]
pub(crate) fn rolling_max<'py>(
    py: Python<'py>,
    x: &Bound<'py, PyAny>,
    window: &Bound<'py, PyAny>,
    min_periods: Option<&Bound<'py, PyAny>>,
    out: Option<&Bound<'py, PyAny>>,
    first_row: Option<&Bound<'py, PyAny>>,
) -> PyResult<Bound<'py, PyAny>> {
    let window = window_of(window, min_periods, first_row)?;
    columnwise!(py, input(x, "x")?, 1, out, |x, out| rolling::rolling_max(x, window, out))
}

/// Trailing rolling least-squares slope of each column against its rows.
///
/// Parameters
/// ----------
/// x : ndarray of float64 or float32, shape (n, d) or (n,)
///     Rows = time, oldest first; columns = sensors. Any memory layout; never copied, never changed.
/// window : int
///     Rows of the trailing window: row t sees rows t - window + 1 to t. Longer than the data works as an
///     expanding window.
/// min_periods : int, default 1
///     Non-missing values a result needs; NaN where fewer remain.
/// out : ndarray, optional
///     Where to put the result: right shape, dtype of ``x``, no memory shared with ``x``.
/// first_row : int, default 0
///     Absolute index of the first row of ``x``, where ``x`` is a piece of a longer history. Give a piece the
///     ``window - 1`` rows before it as well and drop their results: the rest equals the whole to the last bit.
///
/// Returns
/// -------
/// ndarray
///     Shape and dtype of ``x``.
///
/// Raises
/// ------
/// TypeError
///     ``x`` or ``out`` is no float array.
/// ValueError
///     ``window`` or ``min_periods`` out of range, wrong shape, or ``out`` does not fit.
///
/// Notes
/// -----
/// NaN and infinity are missing and skipped. The slope is that of the remaining values against their own row's
/// position, in units of
/// ``x`` per row; 0 where one value remains. From exact products and compensated sums, so neither an offset nor spikes
/// that balance each other cost digits; NaN while a value beyond 1e300 is in the window.
///
/// Examples
/// --------
/// >>> import numpy as np, acm_rs
/// >>> acm_rs.rolling_slope(np.array([1.0, 3.0, np.nan, 7.0]), 3)
/// array([0., 2., 2., 2.])
#[pyfunction]
#[pyo3(signature = (x, window, min_periods=None, *, out=None, first_row=None), text_signature = "(x, window, min_periods=1, *, out=None, first_row=0)")]
pub(crate) fn rolling_slope<'py>(
    py: Python<'py>,
    x: &Bound<'py, PyAny>,
    window: &Bound<'py, PyAny>,
    min_periods: Option<&Bound<'py, PyAny>>,
    out: Option<&Bound<'py, PyAny>>,
    first_row: Option<&Bound<'py, PyAny>>,
) -> PyResult<Bound<'py, PyAny>> {
    let window = window_of(window, min_periods, first_row)?;
    columnwise!(py, input(x, "x")?, 1, out, |x, out| rolling::rolling_slope(x, window, out))
}
