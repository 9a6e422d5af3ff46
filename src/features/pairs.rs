//! Pairs of columns: covariance, correlation, correlation at a lag.

use acm_features::rolling;
use acm_linalg::Error;
use pyo3::exceptions::PyTypeError;
use pyo3::prelude::*;
use pyo3::types::PyDict;

use super::frame::{Frame, Function, frame_of};
use crate::arguments::{Given, count, pairs_of};
use crate::interop::{Borrowed, Input, Output, compute, exception, input};
use crate::lists::Float;

/// Borrows both, computes detached, wraps: `$body` for whichever float type they have in common.
macro_rules! pairwise {
    ($py:ident, $x:expr, $y:expr, $frame:ident, $out:expr, |$one:ident, $other:ident, $windows:ident, $view:ident| $body:expr) => {
        match (input($x, "x")?, input($y, "y")?) {
            (Input::F64(x), Input::F64(y)) => {
                pairwise!(@one $py, x, y, $frame, $out, |$one, $other, $windows, $view| $body)
            }
            (Input::F32(x), Input::F32(y)) => {
                pairwise!(@one $py, x, y, $frame, $out, |$one, $other, $windows, $view| $body)
            }
            (Input::F64(_), Input::F32(_)) => Err(PyTypeError::new_err(
                "`y` must have the dtype of `x`, float64, got float32; convert with .astype(numpy.float64)",
            )),
            (Input::F32(_), Input::F64(_)) => Err(PyTypeError::new_err(
                "`y` must have the dtype of `x`, float32, got float64; convert with .astype(numpy.float32)",
            )),
        }
    };
    (@one $py:ident, $x:ident, $y:ident, $frame:ident, $out:expr, |$one:ident, $other:ident, $windows:ident, $view:ident| $body:expr) => {{
        let ($one, $other) = ($x.table(), $y.table());
        let mut output = Output::like(&$x, $frame.kept($one.nrows()), 1, $out, $py)?;
        let $view = output.view();
        compute($py, || {
            let $windows = $frame.windows()?;
            $body
        })?;
        Ok(output.into_object())
    }};
}

/// Rolling covariance of the columns of two arrays.
///
/// Parameters
/// ----------
/// x : ndarray of float64 or float32, shape (n, d) or (n,)
///     Rows = time, oldest first; columns = sensors. Any memory layout; never copied, never changed.
/// y : ndarray of the same dtype, shape (n, d), (n, 1) or (n,)
///     What each column of ``x`` is compared with: its own column of ``y``, or the only one.
/// window : int or duration
///     Rows of the window: row t sees rows t - window + 1 to t; longer than the data it works as an expanding window. Or how
///     long it lasts, with ``times``: ``"2h"``, ``"90s"``, a `numpy.timedelta64` or `datetime.timedelta`; row t sees the rows
///     up to itself that are later than ``times[t] - window``.
/// min_periods : int or None, default 1
///     Rows with both sides that a result needs; NaN where fewer remain. None, as in pandas: the window, or 1 for a duration.
/// ddof : int, default 1
///     The divisor is the count minus ``ddof``.
/// center : bool, default False
///     Put each row in the middle of its window, as pandas does, instead of at its end.
/// step : int, default 1
///     Evaluate only the rows whose absolute index is a multiple of it: 0, step, 2 step, ...
/// times : ndarray of datetime64 or int64, shape (n,), optional
///     When each row was taken, oldest first; equal ones may follow each other. int64 are nanoseconds.
/// out : ndarray, optional
///     Where to put the result: right shape, dtype of ``x``, no memory shared with an input.
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
///     An input or ``out`` is no float array, or they differ in dtype.
/// ValueError
///     An argument out of range, wrong shape, times that go back, or ``out`` does not fit.
///
/// Notes
/// -----
/// A row counts where neither side is missing (NaN or infinite). NaN while fewer than ``ddof + 1`` such rows remain. Merged
/// moments [1]_, so an offset or a spike that has left the window costs no digits.
///
/// .. [1] Pébay, Formulas for robust, one-pass parallel computation of covariances and arbitrary-order
///    statistical moments, Sandia report SAND2008-6212, 2008.
///
/// Examples
/// --------
/// >>> import numpy as np, acm_rs
/// >>> acm_rs.rolling_cov(np.array([1.0, 2.0, 4.0]), np.array([2.0, 4.0, 4.0]), 2)
/// array([nan,  1.,  0.])
#[pyfunction]
#[pyo3(
    signature = (x, y, window, min_periods=Given(None), *, ddof=Given(None), **options),
    text_signature = "(x, y, window, min_periods=1, *, ddof=1, center=False, step=1, times=None, out=None, first_row=0)"
)]
pub(crate) fn rolling_cov<'py>(
    py: Python<'py>,
    x: &Bound<'py, PyAny>,
    y: &Bound<'py, PyAny>,
    window: &Bound<'py, PyAny>,
    min_periods: Given<'_, 'py>,
    ddof: Given<'_, 'py>,
    options: Option<&Bound<'py, PyDict>>,
) -> PyResult<Bound<'py, PyAny>> {
    let (frame, out) = frame_of(&Function("rolling_cov", &["x", "y", "ddof"]), window, min_periods, options)?;
    let ddof = ddof.map_or(Ok(1), |value| count(value, "ddof", 0))?;
    pairwise!(py, x, y, frame, out.as_ref(), |x, y, windows, out| rolling::rolling_cov(x, y, windows, ddof, out))
}

/// Rolling Pearson correlation of the columns of two arrays.
///
/// Parameters
/// ----------
/// x : ndarray of float64 or float32, shape (n, d) or (n,)
///     Rows = time, oldest first; columns = sensors. Any memory layout; never copied, never changed.
/// y : ndarray of the same dtype, shape (n, d), (n, 1) or (n,)
///     What each column of ``x`` is compared with: its own column of ``y``, or the only one.
/// window : int or duration
///     Rows of the window: row t sees rows t - window + 1 to t; longer than the data it works as an expanding window. Or how
///     long it lasts, with ``times``: ``"2h"``, ``"90s"``, a `numpy.timedelta64` or `datetime.timedelta`; row t sees the rows
///     up to itself that are later than ``times[t] - window``.
/// min_periods : int or None, default 1
///     Rows with both sides that a result needs; NaN where fewer remain. None, as in pandas: the window, or 1 for a duration.
/// center : bool, default False
///     Put each row in the middle of its window, as pandas does, instead of at its end.
/// step : int, default 1
///     Evaluate only the rows whose absolute index is a multiple of it: 0, step, 2 step, ...
/// times : ndarray of datetime64 or int64, shape (n,), optional
///     When each row was taken, oldest first; equal ones may follow each other. int64 are nanoseconds.
/// out : ndarray, optional
///     Where to put the result: right shape, dtype of ``x``, no memory shared with an input.
/// first_row : int, default 0
///     Absolute index of the first row of ``x``, where ``x`` is a piece of a longer history. Give a piece all other rows that
///     its windows see as well and drop their results: the rest equals the whole to the last bit.
///
/// Returns
/// -------
/// ndarray
///     Shape and dtype of ``x``, within [-1, 1]; with ``step`` fewer rows.
///
/// Raises
/// ------
/// TypeError
///     An input or ``out`` is no float array, or they differ in dtype.
/// ValueError
///     An argument out of range, wrong shape, times that go back, or ``out`` does not fit.
///
/// Notes
/// -----
/// A row counts where neither side is missing (NaN or infinite). NaN while fewer than two such rows remain, and where either
/// side is constant. Merged moments [1]_: as exact at 1e9 ± 1e-3 as at ± 1e-3, and at 1e-200 or 1e200 as at 1.
///
/// .. [1] Pébay, Formulas for robust, one-pass parallel computation of covariances and arbitrary-order
///    statistical moments, Sandia report SAND2008-6212, 2008.
///
/// Examples
/// --------
/// >>> import numpy as np, acm_rs
/// >>> acm_rs.rolling_corr(np.array([1.0, 2.0, 4.0, 3.0]), np.array([2.0, 4.0, 8.0, 9.0]), 2)
/// array([nan,  1.,  1., -1.])
#[pyfunction]
#[pyo3(
    signature = (x, y, window, min_periods=Given(None), **options),
    text_signature = "(x, y, window, min_periods=1, *, center=False, step=1, times=None, out=None, first_row=0)"
)]
pub(crate) fn rolling_corr<'py>(
    py: Python<'py>,
    x: &Bound<'py, PyAny>,
    y: &Bound<'py, PyAny>,
    window: &Bound<'py, PyAny>,
    min_periods: Given<'_, 'py>,
    options: Option<&Bound<'py, PyDict>>,
) -> PyResult<Bound<'py, PyAny>> {
    let (frame, out) = frame_of(&Function("rolling_corr", &["x", "y"]), window, min_periods, options)?;
    pairwise!(py, x, y, frame, out.as_ref(), |x, y, windows, out| rolling::rolling_corr(x, y, windows, out))
}

/// Rolling Pearson correlation of a column with another some rows earlier.
///
/// Parameters
/// ----------
/// x : ndarray of float64 or float32, shape (n, d) or (n,)
///     Rows = time, oldest first; columns = sensors. Any memory layout; never copied, never changed.
/// window : int or duration
///     Rows of the window: row t sees rows t - window + 1 to t; longer than the data it works as an expanding window. Or how
///     long it lasts, with ``times``: ``"2h"``, ``"90s"``, a `numpy.timedelta64` or `datetime.timedelta`; row t sees the rows
///     up to itself that are later than ``times[t] - window``.
/// max_lag : int
///     Lags 0 to ``max_lag``, in rows.
/// pairs : sequence of (a, b), optional
///     Column numbers: a is compared with b so many rows earlier. By default every ordered pair of two columns.
/// min_periods : int or None, default 1
///     Rows with both sides that a result needs; NaN where fewer remain. None, as in pandas: the window, or 1 for a duration.
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
///     its windows see, and ``max_lag`` more before them, and drop their results: the rest equals the whole to the last bit.
///
/// Returns
/// -------
/// ndarray
///     Shape (n, p * (max_lag + 1)) for p pairs, the lags of a pair adjacent; within [-1, 1]; with ``step`` fewer rows.
///
/// Raises
/// ------
/// TypeError
///     ``x`` or ``out`` is no float array, or ``pairs`` no sequence of pairs.
/// ValueError
///     An argument out of range, wrong shape, times that go back, or ``out`` does not fit.
///
/// Notes
/// -----
/// Lag k of the pair (a, b) correlates ``x[t, a]`` with ``x[t - k, b]`` over the rows t of the window; rows before the first
/// are missing. Missing values and accuracy as in `rolling_corr` [1]_.
///
/// .. [1] Pébay, Formulas for robust, one-pass parallel computation of covariances and arbitrary-order
///    statistical moments, Sandia report SAND2008-6212, 2008.
///
/// Examples
/// --------
/// >>> import numpy as np, acm_rs
/// >>> x = np.array([[1.0, 5.0], [2.0, 1.0], [4.0, 2.0], [3.0, 4.0]])
/// >>> acm_rs.rolling_lag_corr(x, 2, 1, pairs=[(1, 0)])
/// array([[nan, nan],
///        [-1., nan],
///        [ 1.,  1.],
///        [-1.,  1.]])
#[pyfunction]
#[pyo3(
    signature = (x, window, max_lag, pairs=None, min_periods=Given(None), **options),
    text_signature = "(x, window, max_lag, pairs=None, min_periods=1, *, center=False, step=1, times=None, out=None, first_row=0)"
)]
pub(crate) fn rolling_lag_corr<'py>(
    py: Python<'py>,
    x: &Bound<'py, PyAny>,
    window: &Bound<'py, PyAny>,
    max_lag: &Bound<'py, PyAny>,
    pairs: Option<&Bound<'py, PyAny>>,
    min_periods: Given<'_, 'py>,
    options: Option<&Bound<'py, PyDict>>,
) -> PyResult<Bound<'py, PyAny>> {
    let (frame, out) =
        frame_of(&Function("rolling_lag_corr", &["x", "max_lag", "pairs"]), window, min_periods, options)?;
    let max_lag = count(max_lag, "max_lag", 0)?;
    let listed = pairs
        .map(|pairs| {
            pairs_of(pairs, "pairs", "a sequence of pairs of column numbers", |column| count(column, "pairs", 0))
        })
        .transpose()?;
    match input(x, "x")? {
        Input::F64(x) => lag_corr(py, &x, (max_lag, listed), &frame, out.as_ref()),
        Input::F32(x) => lag_corr(py, &x, (max_lag, listed), &frame, out.as_ref()),
    }
}

fn lag_corr<'py, T: Float>(
    py: Python<'py>,
    x: &Borrowed<'py, T>,
    (max_lag, listed): (usize, Option<Vec<(usize, usize)>>),
    frame: &Frame,
    out: Option<&Bound<'py, PyAny>>,
) -> PyResult<Bound<'py, PyAny>> {
    let view = x.table();
    let columns = view.ncols();
    let count = listed
        .as_ref()
        .map_or_else(|| columns.checked_mul(columns.saturating_sub(1)), |pairs| Some(pairs.len()));
    let too_large = || {
        exception(Error::Memory {
            what: "the pairs and lags",
            rows: count.unwrap_or(usize::MAX),
            columns: max_lag,
        })
    };
    let wide = count.and_then(|pairs| pairs.checked_mul(max_lag.checked_add(1)?)).ok_or_else(too_large)?;
    let mut output = Output::wide(x, frame.kept(view.nrows()), wide, out, py)?;
    let pairs = match listed {
        Some(pairs) => pairs,
        None => {
            let mut pairs = Vec::new();
            pairs.try_reserve_exact(count.unwrap_or(usize::MAX)).map_err(|_| too_large())?;
            pairs.extend((0..columns).flat_map(|a| (0..columns).filter(move |&b| b != a).map(move |b| (a, b))));
            pairs
        }
    };
    let target = output.view();
    compute(py, || rolling::rolling_lag_corr(view, frame.windows()?, max_lag, &pairs, target))?;
    Ok(output.into_object())
}
