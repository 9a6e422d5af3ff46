//! Python's view of `acm_features`.

use acm_features::matrix::{Feature, feature_matrix as feature_matrix_of};
use acm_features::rolling::{self, Window};
use acm_features::spectral::{self, Bands};
use pyo3::exceptions::{PyTypeError, PyValueError};
use pyo3::prelude::*;

use crate::interop::{Input, Output, compute, count, exception, input, input_f64, number, numbers};

/// The window behind Python's `window`, `min_periods` and `first_row`.
fn window_of(
    window: &Bound<'_, PyAny>,
    min_periods: Option<&Bound<'_, PyAny>>,
    first_row: Option<&Bound<'_, PyAny>>,
) -> PyResult<Window> {
    let rows = count(window, "window", 1)?;
    let min_periods = min_periods.map_or(Ok(1), |value| count(value, "min_periods", 0))?;
    let first_row = first_row.map_or(Ok(0), |value| count(value, "first_row", 0))?;
    Ok(Window::new(rows, min_periods).map_err(exception)?.starting_at(first_row))
}

/// Borrows, computes detached, wraps: `$body` for whichever float type `$input` has.
macro_rules! columnwise {
    ($py:ident, $input:expr, $width:expr, $out:expr, |$x:ident, $view:ident| $body:expr) => {
        match $input {
            Input::F64(x) => columnwise!(@one $py, x, $width, $out, |$x, $view| $body),
            Input::F32(x) => columnwise!(@one $py, x, $width, $out, |$x, $view| $body),
        }
    };
    (@one $py:ident, $input:ident, $width:expr, $out:expr, |$x:ident, $view:ident| $body:expr) => {{
        let mut output = Output::like(&$input, $width, $out, $py)?;
        let ($x, $view) = ($input.view(), output.view());
        compute($py, || $body)?;
        Ok(output.into_object())
    }};
}

/// Trailing rolling sum of each column.
///
/// Parameters
/// ----------
/// x : ndarray of float64 or float32, shape (n, d) or (n,)
///     Rows = time, oldest first; columns = sensors. Any memory layout; never copied, never changed.
/// window : int
///     Rows of the trailing window: row t sees rows t - window + 1 to t. Longer than the data works as an expanding window.
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
#[pyo3(signature = (x, window, min_periods=None, *, out=None, first_row=None), text_signature = "(x, window, min_periods=1, *, out=None, first_row=0)")]
pub(crate) fn rolling_sum<'py>(
    py: Python<'py>,
    x: &Bound<'py, PyAny>,
    window: &Bound<'py, PyAny>,
    min_periods: Option<&Bound<'py, PyAny>>,
    out: Option<&Bound<'py, PyAny>>,
    first_row: Option<&Bound<'py, PyAny>>,
) -> PyResult<Bound<'py, PyAny>> {
    let window = window_of(window, min_periods, first_row)?;
    columnwise!(py, input(x, "x")?, 1, out, |x, out| rolling::rolling_sum(x, window, out))
}

/// Trailing rolling mean of each column.
///
/// Parameters
/// ----------
/// x : ndarray of float64 or float32, shape (n, d) or (n,)
///     Rows = time, oldest first; columns = sensors. Any memory layout; never copied, never changed.
/// window : int
///     Rows of the trailing window: row t sees rows t - window + 1 to t. Longer than the data works as an expanding window.
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
#[pyo3(signature = (x, window, min_periods=None, *, out=None, first_row=None), text_signature = "(x, window, min_periods=1, *, out=None, first_row=0)")]
pub(crate) fn rolling_mean<'py>(
    py: Python<'py>,
    x: &Bound<'py, PyAny>,
    window: &Bound<'py, PyAny>,
    min_periods: Option<&Bound<'py, PyAny>>,
    out: Option<&Bound<'py, PyAny>>,
    first_row: Option<&Bound<'py, PyAny>>,
) -> PyResult<Bound<'py, PyAny>> {
    let window = window_of(window, min_periods, first_row)?;
    columnwise!(py, input(x, "x")?, 1, out, |x, out| rolling::rolling_mean(x, window, out))
}

/// Trailing rolling variance of each column.
///
/// Parameters
/// ----------
/// x : ndarray of float64 or float32, shape (n, d) or (n,)
///     Rows = time, oldest first; columns = sensors. Any memory layout; never copied, never changed.
/// window : int
///     Rows of the trailing window: row t sees rows t - window + 1 to t. Longer than the data works as an expanding window.
/// min_periods : int, default 1
///     Non-missing values a result needs; NaN where fewer remain.
/// ddof : int, default 1
///     The divisor is the count minus ``ddof``.
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
#[pyo3(signature = (x, window, min_periods=None, *, ddof=None, out=None, first_row=None), text_signature = "(x, window, min_periods=1, *, ddof=1, out=None, first_row=0)")]
pub(crate) fn rolling_var<'py>(
    py: Python<'py>,
    x: &Bound<'py, PyAny>,
    window: &Bound<'py, PyAny>,
    min_periods: Option<&Bound<'py, PyAny>>,
    ddof: Option<&Bound<'py, PyAny>>,
    out: Option<&Bound<'py, PyAny>>,
    first_row: Option<&Bound<'py, PyAny>>,
) -> PyResult<Bound<'py, PyAny>> {
    let window = window_of(window, min_periods, first_row)?;
    let ddof = ddof.map_or(Ok(1), |value| count(value, "ddof", 0))?;
    columnwise!(py, input(x, "x")?, 1, out, |x, out| rolling::rolling_var(x, window, ddof, out))
}

/// Trailing rolling standard deviation of each column.
///
/// Parameters
/// ----------
/// x : ndarray of float64 or float32, shape (n, d) or (n,)
///     Rows = time, oldest first; columns = sensors. Any memory layout; never copied, never changed.
/// window : int
///     Rows of the trailing window: row t sees rows t - window + 1 to t. Longer than the data works as an expanding window.
/// min_periods : int, default 1
///     Non-missing values a result needs; NaN where fewer remain.
/// ddof : int, default 1
///     The divisor is the count minus ``ddof``.
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
#[pyo3(signature = (x, window, min_periods=None, *, ddof=None, out=None, first_row=None), text_signature = "(x, window, min_periods=1, *, ddof=1, out=None, first_row=0)")]
pub(crate) fn rolling_std<'py>(
    py: Python<'py>,
    x: &Bound<'py, PyAny>,
    window: &Bound<'py, PyAny>,
    min_periods: Option<&Bound<'py, PyAny>>,
    ddof: Option<&Bound<'py, PyAny>>,
    out: Option<&Bound<'py, PyAny>>,
    first_row: Option<&Bound<'py, PyAny>>,
) -> PyResult<Bound<'py, PyAny>> {
    let window = window_of(window, min_periods, first_row)?;
    let ddof = ddof.map_or(Ok(1), |value| count(value, "ddof", 0))?;
    columnwise!(py, input(x, "x")?, 1, out, |x, out| rolling::rolling_std(x, window, ddof, out))
}

/// Trailing rolling mean and standard deviation of each column, in one pass.
///
/// Parameters
/// ----------
/// x : ndarray of float64 or float32, shape (n, d) or (n,)
///     Rows = time, oldest first; columns = sensors. Any memory layout; never copied, never changed.
/// window : int
///     Rows of the trailing window: row t sees rows t - window + 1 to t. Longer than the data works as an expanding window.
/// min_periods : int, default 1
///     Non-missing values a result needs; NaN where fewer remain.
/// ddof : int, default 1
///     The divisor is the count minus ``ddof``.
/// out : ndarray, optional
///     Where to put the result: right shape, dtype of ``x``, no memory shared with ``x``.
/// first_row : int, default 0
///     Absolute index of the first row of ``x``, where ``x`` is a piece of a longer history. Give a piece the
///     ``window - 1`` rows before it as well and drop their results: the rest equals the whole to the last bit.
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
///     ``window`` or ``min_periods`` out of range, wrong shape, or ``out`` does not fit.
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
#[pyo3(signature = (x, window, min_periods=None, *, ddof=None, out=None, first_row=None), text_signature = "(x, window, min_periods=1, *, ddof=1, out=None, first_row=0)")]
pub(crate) fn rolling_mean_std<'py>(
    py: Python<'py>,
    x: &Bound<'py, PyAny>,
    window: &Bound<'py, PyAny>,
    min_periods: Option<&Bound<'py, PyAny>>,
    ddof: Option<&Bound<'py, PyAny>>,
    out: Option<&Bound<'py, PyAny>>,
    first_row: Option<&Bound<'py, PyAny>>,
) -> PyResult<Bound<'py, PyAny>> {
    let window = window_of(window, min_periods, first_row)?;
    let ddof = ddof.map_or(Ok(1), |value| count(value, "ddof", 0))?;
    columnwise!(py, input(x, "x")?, 2, out, |x, out| rolling::rolling_mean_std(x, window, ddof, out))
}

/// Trailing rolling minimum of each column.
///
/// Parameters
/// ----------
/// x : ndarray of float64 or float32, shape (n, d) or (n,)
///     Rows = time, oldest first; columns = sensors. Any memory layout; never copied, never changed.
/// window : int
///     Rows of the trailing window: row t sees rows t - window + 1 to t. Longer than the data works as an expanding window.
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
///     Rows of the trailing window: row t sees rows t - window + 1 to t. Longer than the data works as an expanding window.
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

/// Trailing rolling skewness of each column, bias-corrected.
///
/// Parameters
/// ----------
/// x : ndarray of float64 or float32, shape (n, d) or (n,)
///     Rows = time, oldest first; columns = sensors. Any memory layout; never copied, never changed.
/// window : int
///     Rows of the trailing window: row t sees rows t - window + 1 to t. Longer than the data works as an expanding window.
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
#[pyo3(signature = (x, window, min_periods=None, *, out=None, first_row=None), text_signature = "(x, window, min_periods=1, *, out=None, first_row=0)")]
pub(crate) fn rolling_skew<'py>(
    py: Python<'py>,
    x: &Bound<'py, PyAny>,
    window: &Bound<'py, PyAny>,
    min_periods: Option<&Bound<'py, PyAny>>,
    out: Option<&Bound<'py, PyAny>>,
    first_row: Option<&Bound<'py, PyAny>>,
) -> PyResult<Bound<'py, PyAny>> {
    let window = window_of(window, min_periods, first_row)?;
    columnwise!(py, input(x, "x")?, 1, out, |x, out| rolling::rolling_skew(x, window, out))
}

/// Trailing rolling excess kurtosis of each column, bias-corrected.
///
/// Parameters
/// ----------
/// x : ndarray of float64 or float32, shape (n, d) or (n,)
///     Rows = time, oldest first; columns = sensors. Any memory layout; never copied, never changed.
/// window : int
///     Rows of the trailing window: row t sees rows t - window + 1 to t. Longer than the data works as an expanding window.
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
/// NaN and infinity are missing and skipped. NaN while fewer than 4 values remain and where the window is constant.
/// G2 of [1]_, from merged moments: exact at any offset.
///
/// .. [1] Joanes and Gill, Comparing measures of sample skewness and kurtosis, The Statistician 47 (1), 1998.
///
/// Examples
/// --------
/// >>> import numpy as np, acm_rs
/// >>> acm_rs.rolling_kurt(np.array([1.0, 2.0, 4.0, 8.0]), 4)
/// array([       nan,        nan,        nan, 0.75765306])
#[pyfunction]
#[pyo3(signature = (x, window, min_periods=None, *, out=None, first_row=None), text_signature = "(x, window, min_periods=1, *, out=None, first_row=0)")]
pub(crate) fn rolling_kurt<'py>(
    py: Python<'py>,
    x: &Bound<'py, PyAny>,
    window: &Bound<'py, PyAny>,
    min_periods: Option<&Bound<'py, PyAny>>,
    out: Option<&Bound<'py, PyAny>>,
    first_row: Option<&Bound<'py, PyAny>>,
) -> PyResult<Bound<'py, PyAny>> {
    let window = window_of(window, min_periods, first_row)?;
    columnwise!(py, input(x, "x")?, 1, out, |x, out| rolling::rolling_kurt(x, window, out))
}

/// Trailing rolling least-squares slope of each column against its rows.
///
/// Parameters
/// ----------
/// x : ndarray of float64 or float32, shape (n, d) or (n,)
///     Rows = time, oldest first; columns = sensors. Any memory layout; never copied, never changed.
/// window : int
///     Rows of the trailing window: row t sees rows t - window + 1 to t. Longer than the data works as an expanding window.
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
/// NaN and infinity are missing and skipped. The slope is that of the remaining values against their own row's position, in units of
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

/// Trailing rolling median of each column.
///
/// Parameters
/// ----------
/// x : ndarray of float64 or float32, shape (n, d) or (n,)
///     Rows = time, oldest first; columns = sensors. Any memory layout; never copied, never changed.
/// window : int
///     Rows of the trailing window: row t sees rows t - window + 1 to t. Longer than the data works as an expanding window.
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
#[pyo3(signature = (x, window, min_periods=None, *, out=None, first_row=None), text_signature = "(x, window, min_periods=1, *, out=None, first_row=0)")]
pub(crate) fn rolling_median<'py>(
    py: Python<'py>,
    x: &Bound<'py, PyAny>,
    window: &Bound<'py, PyAny>,
    min_periods: Option<&Bound<'py, PyAny>>,
    out: Option<&Bound<'py, PyAny>>,
    first_row: Option<&Bound<'py, PyAny>>,
) -> PyResult<Bound<'py, PyAny>> {
    let window = window_of(window, min_periods, first_row)?;
    columnwise!(py, input(x, "x")?, 1, out, |x, out| rolling::rolling_median(x, window, out))
}

/// Trailing rolling median absolute deviation of each column.
///
/// Parameters
/// ----------
/// x : ndarray of float64 or float32, shape (n, d) or (n,)
///     Rows = time, oldest first; columns = sensors. Any memory layout; never copied, never changed.
/// window : int
///     Rows of the trailing window: row t sees rows t - window + 1 to t. Longer than the data works as an expanding window.
/// min_periods : int, default 1
///     Non-missing values a result needs; NaN where fewer remain.
/// scale : float, default 1.0
///     Factor of the result; 1.4826 makes it estimate the standard deviation of normal data.
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
/// The median of ``abs(x - median(x))`` of each window, about that window's own median. NaN and infinity are missing
/// and skipped. Exact, from the same sorted window as the median.
///
/// Examples
/// --------
/// >>> import numpy as np, acm_rs
/// >>> acm_rs.rolling_mad(np.array([1.0, 9.0, 2.0, np.nan, 4.0]), 3)
/// array([0. , 4. , 1. , 3.5, 1. ])
#[pyfunction]
#[pyo3(signature = (x, window, min_periods=None, *, scale=None, out=None, first_row=None), text_signature = "(x, window, min_periods=1, *, scale=1.0, out=None, first_row=0)")]
pub(crate) fn rolling_mad<'py>(
    py: Python<'py>,
    x: &Bound<'py, PyAny>,
    window: &Bound<'py, PyAny>,
    min_periods: Option<&Bound<'py, PyAny>>,
    scale: Option<&Bound<'py, PyAny>>,
    out: Option<&Bound<'py, PyAny>>,
    first_row: Option<&Bound<'py, PyAny>>,
) -> PyResult<Bound<'py, PyAny>> {
    let window = window_of(window, min_periods, first_row)?;
    let scale = scale.map_or(Ok(1.0), |value| number(value, "scale"))?;
    columnwise!(py, input(x, "x")?, 1, out, |x, out| rolling::rolling_mad(x, window, scale, out))
}

/// Trailing rolling quantiles of each column, linearly interpolated.
///
/// Parameters
/// ----------
/// x : ndarray of float64 or float32, shape (n, d) or (n,)
///     Rows = time, oldest first; columns = sensors. Any memory layout; never copied, never changed.
/// window : int
///     Rows of the trailing window: row t sees rows t - window + 1 to t. Longer than the data works as an expanding window.
/// q : float or sequence of float
///     Quantiles in [0, 1].
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
///     Shape (n, d * k) for k quantiles, those of a column adjacent; shape of ``x`` for one number.
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
#[pyo3(signature = (x, window, q, min_periods=None, *, out=None, first_row=None), text_signature = "(x, window, q, min_periods=1, *, out=None, first_row=0)")]
pub(crate) fn rolling_quantile<'py>(
    py: Python<'py>,
    x: &Bound<'py, PyAny>,
    window: &Bound<'py, PyAny>,
    q: &Bound<'py, PyAny>,
    min_periods: Option<&Bound<'py, PyAny>>,
    out: Option<&Bound<'py, PyAny>>,
    first_row: Option<&Bound<'py, PyAny>>,
) -> PyResult<Bound<'py, PyAny>> {
    let window = window_of(window, min_periods, first_row)?;
    let q = numbers(q, "q")?;
    columnwise!(py, input(x, "x")?, q.len(), out, |x, out| rolling::rolling_quantile(x, window, &q, out))
}

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
/// window less their mean and bin k stands at ``k * fs / n``. NaN and infinity count as the mean of the others. A window of
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

/// The features of every column in one pass: the columns of `feature_names`, in its order.
///
/// Parameters
/// ----------
/// x : ndarray of float64 or float32, shape (n, d) or (n,)
///     Rows = time, oldest first; columns = sensors. Any memory layout; never copied, never changed.
/// window : int
///     Rows of the trailing window. The first rows have the shorter windows that there are.
/// features : sequence of str, optional
///     Which features, in which order; by default `ALL_FEATURES`.
/// bands : sequence of (low, high), optional
///     Frequency bands of the energies, as in `rolling_band_energy`.
/// fs : float, default 1.0
///     Rows per unit of time, the scale of the bands.
/// fill : ndarray of float64, shape (d,), optional
///     What takes the place of each column's missing values; NaN, or no array: that column's median, 0 where it has none.
/// out : ndarray, optional
///     Where to put the result: right shape, dtype of ``x``, no memory shared with ``x``.
///
/// Returns
/// -------
/// ndarray
///     Shape (n, 11 * d) with every feature and three bands, in the memory order of ``x``: features one after the other, each
///     with its columns in order; the bands of a column are adjacent.
///
/// Raises
/// ------
/// TypeError
///     An argument is not of its type.
/// ValueError
///     A parameter is out of range, or an array has the wrong shape.
///
/// Notes
/// -----
/// Missing values (NaN and infinity) are filled first. Median, MAD, mean, std, slope, skew (within 100 of 0), kurt (within
/// 1000 of 0) and energy are the bits of the rolling functions with ``min_periods=1``; robust_z is
/// ``(x - median) / (1.4826 * max(mad, 1e-9) + 1e-9)``, within 100 of 0. What is not defined, as the deviation of one value,
/// is 0.
///
/// Examples
/// --------
/// >>> import numpy as np, acm_rs
/// >>> x = np.array([[1.0, 10.0], [np.nan, 20.0], [3.0, 30.0]])
/// >>> acm_rs.feature_names(["p", "t"], ["mean", "slope"])
/// ['p_mean', 't_mean', 'p_slope', 't_slope']
/// >>> acm_rs.feature_matrix(x, 2, features=["mean", "slope"])
/// array([[ 1. , 10. ,  0. ,  0. ],
///        [ 1.5, 15. ,  1. , 10. ],
///        [ 2.5, 25. ,  1. , 10. ]])
#[pyfunction]
#[pyo3(
    signature = (x, window, *, features=None, bands=None, fs=None, fill=None, out=None),
    text_signature = "(x, window, *, features=None, bands=None, fs=1.0, fill=None, out=None)"
)]
#[expect(clippy::too_many_arguments, reason = "the signature of the Python function")]
pub(crate) fn feature_matrix<'py>(
    py: Python<'py>,
    x: &Bound<'py, PyAny>,
    window: &Bound<'py, PyAny>,
    features: Option<&Bound<'py, PyAny>>,
    bands: Option<&Bound<'py, PyAny>>,
    fs: Option<&Bound<'py, PyAny>>,
    fill: Option<&Bound<'py, PyAny>>,
    out: Option<&Bound<'py, PyAny>>,
) -> PyResult<Bound<'py, PyAny>> {
    let window = window_of(window, None, None)?;
    let bands = bands_of(bands, fs)?;
    let features = features.map_or_else(|| Ok(Feature::ALL.to_vec()), features_of)?;
    let fill = fill.map(|fill| numbers(fill, "fill")).transpose()?;
    let energies = features.iter().filter(|feature| **feature == Feature::Energy).count();
    let width = features.len() - energies + energies * bands.len();
    columnwise!(py, input(x, "x")?, width, out, |x, out| {
        feature_matrix_of(x, window, &features, &bands, fill.as_deref(), out)
    })
}

/// The names of the features, in their default order.
const NAMES: [(&str, Feature); 9] = [
    ("median", Feature::Median),
    ("mad", Feature::Mad),
    ("mean", Feature::Mean),
    ("std", Feature::Std),
    ("slope", Feature::Slope),
    ("skew", Feature::Skew),
    ("kurt", Feature::Kurt),
    ("energy", Feature::Energy),
    ("robust_z", Feature::RobustZ),
];

fn features_of(value: &Bound<'_, PyAny>) -> PyResult<Vec<Feature>> {
    let known = || NAMES.map(|(name, _)| name).join(", ");
    let names: Vec<String> = value.extract().map_err(|_| {
        PyTypeError::new_err(format!(
            "`features` must be a sequence of feature names ({}), got {}",
            known(),
            value.get_type()
        ))
    })?;
    let mut features = Vec::with_capacity(names.len());
    for name in names {
        let Some((_, feature)) = NAMES.iter().find(|(known, _)| *known == name) else {
            return Err(PyValueError::new_err(format!("`features` must be names among {}, got {name:?}", known())));
        };
        if features.contains(feature) {
            return Err(PyValueError::new_err(format!("`features` must name each feature once, got {name:?} twice")));
        }
        features.push(*feature);
    }
    Ok(features)
}

fn bands_of(bands: Option<&Bound<'_, PyAny>>, fs: Option<&Bound<'_, PyAny>>) -> PyResult<Bands> {
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

/// Rolling mean and standard deviation (ddof 1) of float64 columns: `rolling_mean_std` under its migration name.
///
/// Parameters
/// ----------
/// data : ndarray of float64, shape (n, d) or (n,)
///     Rows = time, oldest first; columns = sensors.
/// window : int
///     Rows of the trailing window.
/// min_periods : int, default 1
///     Non-missing values a result needs.
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
#[pyo3(signature = (data, window, min_periods=None), text_signature = "(data, window, min_periods=1)")]
pub(crate) fn rolling_mean_std_f64<'py>(
    py: Python<'py>,
    data: &Bound<'py, PyAny>,
    window: &Bound<'py, PyAny>,
    min_periods: Option<&Bound<'py, PyAny>>,
) -> PyResult<Bound<'py, PyAny>> {
    let window = window_of(window, min_periods, None)?;
    columnwise!(py, input_f64(data, "data")?, 2, None, |x, out| rolling::rolling_mean_std(x, window, 1, out))
}

/// Rolling median of float64 columns: `rolling_median` under its migration name.
///
/// Parameters
/// ----------
/// data : ndarray of float64, shape (n, d) or (n,)
///     Rows = time, oldest first; columns = sensors.
/// window : int
///     Rows of the trailing window.
/// min_periods : int, default 1
///     Non-missing values a result needs.
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
#[pyo3(signature = (data, window, min_periods=None), text_signature = "(data, window, min_periods=1)")]
pub(crate) fn rolling_median_f64<'py>(
    py: Python<'py>,
    data: &Bound<'py, PyAny>,
    window: &Bound<'py, PyAny>,
    min_periods: Option<&Bound<'py, PyAny>>,
) -> PyResult<Bound<'py, PyAny>> {
    let window = window_of(window, min_periods, None)?;
    columnwise!(py, input_f64(data, "data")?, 1, None, |x, out| rolling::rolling_median(x, window, out))
}

/// Rolling median absolute deviation of float64 columns: `rolling_mad` under its migration name.
///
/// Parameters
/// ----------
/// data : ndarray of float64, shape (n, d) or (n,)
///     Rows = time, oldest first; columns = sensors.
/// window : int
///     Rows of the trailing window.
/// min_periods : int, default 1
///     Non-missing values a result needs.
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
#[pyo3(signature = (data, window, min_periods=None), text_signature = "(data, window, min_periods=1)")]
pub(crate) fn rolling_mad_f64<'py>(
    py: Python<'py>,
    data: &Bound<'py, PyAny>,
    window: &Bound<'py, PyAny>,
    min_periods: Option<&Bound<'py, PyAny>>,
) -> PyResult<Bound<'py, PyAny>> {
    let window = window_of(window, min_periods, None)?;
    columnwise!(py, input_f64(data, "data")?, 1, None, |x, out| rolling::rolling_mad(x, window, 1.0, out))
}
