//! Correlations and covariances between all columns.

use acm_features::correlation::{self as kernels, Method};
use acm_linalg::Error;
use ndarray::{ArrayViewMut2, ArrayViewMut3, Ix2, Ix3};
use numpy::{PyArray, PyArrayMethods};
use pyo3::prelude::*;
use pyo3::types::PyTuple;

use crate::arguments::{Given, choice, count};
use crate::interop::{Borrowed, Input, compute, exception, input, input_f64};
use crate::lists::Float;

const METHODS: [(&str, Method); 3] = [
    ("pearson", Method::Pearson),
    ("spearman", Method::Spearman),
    ("kendall", Method::Kendall),
];

fn method_of(method: Given<'_, '_>) -> PyResult<Method> {
    method.map_or(Ok(Method::Pearson), |value| choice(value, "method", &METHODS))
}

fn min_periods_of(value: Given<'_, '_>) -> PyResult<usize> {
    value.map_or(Ok(1), |value| count(value, "min_periods", 0))
}

/// A fresh array, through NumPy itself so that a lack of memory is an exception.
fn empty<'py, T: numpy::Element>(py: Python<'py>, shape: &[usize]) -> PyResult<Bound<'py, PyAny>> {
    let values = shape.iter().try_fold(size_of::<T>(), |product, &length| product.checked_mul(length));
    if values.is_none_or(|bytes| isize::try_from(bytes).is_err()) {
        return Err(exception(Error::Memory {
            what: "the result",
            rows: shape.iter().rev().skip(1).product(),
            columns: shape.last().copied().unwrap_or(0),
        }));
    }
    py.import("numpy")?.call_method1("empty", (PyTuple::new(py, shape)?, T::get_dtype(py)))
}

/// Fills a fresh (d, d) array for the columns of `x`.
fn square<'py, T: Float>(
    py: Python<'py>,
    x: &Borrowed<'py, T>,
    work: impl FnOnce(ArrayViewMut2<'_, T>) -> acm_linalg::Result<()> + Send,
) -> PyResult<Bound<'py, PyAny>> {
    let columns = x.table().ncols();
    let object = empty::<T>(py, &[columns, columns])?;
    let mut out = object.cast::<PyArray<T, Ix2>>()?.readwrite();
    let view = out.as_array_mut();
    compute(py, || work(view))?;
    Ok(object)
}

/// Fills a fresh (lags, d, d) array for the columns of `x`.
fn stack<'py, T: Float>(
    py: Python<'py>,
    x: &Borrowed<'py, T>,
    lags: usize,
    work: impl FnOnce(ArrayViewMut3<'_, T>) -> acm_linalg::Result<()> + Send,
) -> PyResult<Bound<'py, PyAny>> {
    let columns = x.table().ncols();
    let object = empty::<T>(py, &[lags, columns, columns])?;
    let mut out = object.cast::<PyArray<T, Ix3>>()?.readwrite();
    let view = out.as_array_mut();
    compute(py, || work(view))?;
    Ok(object)
}

/// `$body` for whichever float type `$input` has.
macro_rules! either {
    ($input:expr, |$x:ident| $body:expr) => {
        match $input {
            Input::F64($x) => $body,
            Input::F32($x) => $body,
        }
    };
}

/// Correlation of each column with each other.
///
/// Parameters
/// ----------
/// x : ndarray of float64 or float32, shape (n, d) or (n,)
///     Rows = time, columns = sensors. Any memory layout; never copied, never changed. A 1-D array is one column.
/// method : {"pearson", "spearman", "kendall"}, default "pearson"
///     Of the values, of their average ranks, or Kendall's tau-b.
/// min_periods : int, default 1
///     Rows that a pair of columns must have in common; NaN where it has fewer, or fewer than two.
///
/// Returns
/// -------
/// ndarray, shape (d, d)
///     In the dtype of ``x``; symmetric to the last bit and within -1 and 1. NaN where a column has no variance over the
///     common rows, on the diagonal too, where it is exactly 1 otherwise; Kendall's diagonal is 1 wherever the column has
///     a value, as in pandas.
///
/// Raises
/// ------
/// TypeError
///     ``x`` is no float array, or ``method`` no string.
/// ValueError
///     ``method`` or ``min_periods`` is none of what it may be.
///
/// Notes
/// -----
/// NaN and infinity are missing and deleted pair by pair. Pearson's coefficients come from blocked products of centred
/// columns [1]_; where values are missing, from products with masks. A pair whose variance would cancel is computed on
/// its own in two passes: levels far from zero (1e9 ± 1e-3) cost no digits. With ranks, a pair's ranks are those among the
/// rows it has in common; they are computed anew only where the two columns' gaps differ. Kendall's tau takes
/// O(n log n) for each pair [2]_.
///
/// .. [1] Goto and van de Geijn, Anatomy of High-Performance Matrix Multiplication, ACM TOMS 34 (3), 2008,
///        doi 10.1145/1356052.1356053.
/// .. [2] Knight, A Computer Method for Calculating Kendall's Tau with Ungrouped Data, JASA 61, 1966,
///        doi 10.1080/01621459.1966.10480879.
///
/// Examples
/// --------
/// >>> import numpy as np, acm_rs
/// >>> x = np.array([[1.0, 2.0], [2.0, 4.0], [3.0, 7.0], [4.0, np.nan]])
/// >>> acm_rs.correlation(x, "spearman")
/// array([[1., 1.],
///        [1., 1.]])
/// >>> round(float(acm_rs.correlation(x)[0, 1]), 4)
/// 0.9934
#[pyfunction]
#[pyo3(signature = (x, method=Given(None), min_periods=Given(None)), text_signature = "(x, method='pearson', min_periods=1)")]
pub(crate) fn correlation<'py>(
    py: Python<'py>,
    x: &Bound<'py, PyAny>,
    method: Given<'_, 'py>,
    min_periods: Given<'_, 'py>,
) -> PyResult<Bound<'py, PyAny>> {
    let (method, min_periods) = (method_of(method)?, min_periods_of(min_periods)?);
    either!(input(x, "x")?, |x| {
        let view = x.table();
        square(py, &x, |out| kernels::correlation(view, method, min_periods, out))
    })
}

/// Correlation of each column of a float64 array with each other.
///
/// The name of the migration plan; `correlation` also takes float32 and ``min_periods``.
///
/// Parameters
/// ----------
/// data : ndarray of float64, shape (n, d) or (n,)
///     Rows = time, columns = sensors. Any memory layout; never copied, never changed.
/// method : {"pearson", "spearman", "kendall"}, default "pearson"
///     Of the values, of their average ranks, or Kendall's tau-b.
///
/// Returns
/// -------
/// ndarray of float64, shape (d, d)
///     As `correlation` gives it.
///
/// Raises
/// ------
/// TypeError
///     ``data`` is no float64 array, or ``method`` no string.
/// ValueError
///     ``method`` is none of the three.
///
/// Notes
/// -----
/// NaN and infinity are missing and deleted pair by pair. Method and sources as in `correlation`.
///
/// Examples
/// --------
/// >>> import numpy as np, acm_rs
/// >>> acm_rs.compute_correlations_f64(np.array([[1.0, 3.0], [2.0, 1.0], [3.0, -1.0]]))
/// array([[ 1., -1.],
///        [-1.,  1.]])
#[pyfunction]
#[pyo3(signature = (data, method=Given(None)), text_signature = "(data, method='pearson')")]
pub(crate) fn compute_correlations_f64<'py>(
    py: Python<'py>,
    data: &Bound<'py, PyAny>,
    method: Given<'_, 'py>,
) -> PyResult<Bound<'py, PyAny>> {
    let method = method_of(method)?;
    either!(input_f64(data, "data")?, |x| {
        let view = x.table();
        square(py, &x, |out| kernels::correlation(view, method, 1, out))
    })
}

/// Covariance of each column with each other.
///
/// Parameters
/// ----------
/// x : ndarray of float64 or float32, shape (n, d) or (n,)
///     Rows = time, columns = sensors. Any memory layout; never copied, never changed. A 1-D array is one column.
/// ddof : int, default 1
///     The sum of products about the means is divided by the number of common rows less ``ddof``.
/// min_periods : int, default 1
///     Rows that a pair of columns must have in common; NaN where it has fewer, or no more than ``ddof``.
///
/// Returns
/// -------
/// ndarray, shape (d, d)
///     In the dtype of ``x``; symmetric to the last bit. Exactly 0 where a column does not change.
///
/// Raises
/// ------
/// TypeError
///     ``x`` is no float array.
/// ValueError
///     ``ddof`` or ``min_periods`` is no whole number, at least 0.
///
/// Notes
/// -----
/// NaN and infinity are missing and deleted pair by pair, each pair with the means over its own rows, as pandas does.
/// Errors are relative to the product of the two standard deviations.
/// The products are blocked as by Goto and van de Geijn [1]_.
///
/// .. [1] Goto and van de Geijn, Anatomy of High-Performance Matrix Multiplication, ACM TOMS 34 (3), 2008,
///        doi 10.1145/1356052.1356053.
///
/// Examples
/// --------
/// >>> import numpy as np, acm_rs
/// >>> acm_rs.covariance(np.array([[1.0, 2.0], [2.0, 4.0], [3.0, 6.0]]))
/// array([[1., 2.],
///        [2., 4.]])
#[pyfunction]
#[pyo3(signature = (x, ddof=Given(None), min_periods=Given(None)), text_signature = "(x, ddof=1, min_periods=1)")]
pub(crate) fn covariance<'py>(
    py: Python<'py>,
    x: &Bound<'py, PyAny>,
    ddof: Given<'_, 'py>,
    min_periods: Given<'_, 'py>,
) -> PyResult<Bound<'py, PyAny>> {
    let ddof = ddof.map_or(Ok(1), |value| count(value, "ddof", 0))?;
    let min_periods = min_periods_of(min_periods)?;
    either!(input(x, "x")?, |x| {
        let view = x.table();
        square(py, &x, |out| kernels::covariance(view, ddof, min_periods, out))
    })
}

/// Pearson's correlation of each column with each one some rows earlier.
///
/// Parameters
/// ----------
/// x : ndarray of float64 or float32, shape (n, d) or (n,)
///     Rows = time, oldest first; columns = sensors. Any memory layout; never copied, never changed. A 1-D array is one
///     column.
/// max_lag : int
///     Lags 0 to ``max_lag`` are computed; at least 0.
/// min_periods : int, default 1
///     Rows that a pair of columns must have in common; NaN where it has fewer, or fewer than two.
///
/// Returns
/// -------
/// ndarray, shape (max_lag + 1, d, d)
///     ``[k, a, b]`` correlates ``x[t, a]`` with ``x[t - k, b]`` over all rows t that have both: where b leads a by k
///     rows, it is large. In the dtype of ``x``, within -1 and 1; NaN where a side has no variance, and for lags of n and
///     more.
///
/// Raises
/// ------
/// TypeError
///     ``x`` is no float array.
/// ValueError
///     ``max_lag`` or ``min_periods`` is no whole number, at least 0.
///
/// Notes
/// -----
/// NaN and infinity are missing and deleted pair by pair. Each lag has the means and variances of its own rows, unlike an
/// autocorrelation function with those of the whole series. Lag 0 is `correlation`. The products are blocked as by Goto
/// and van de Geijn [1]_.
///
/// .. [1] Goto and van de Geijn, Anatomy of High-Performance Matrix Multiplication, ACM TOMS 34 (3), 2008,
///        doi 10.1145/1356052.1356053.
///
/// Examples
/// --------
/// >>> import numpy as np, acm_rs
/// >>> lead = np.array([0.0, 1.0, 0.0, 3.0, 2.0, 5.0])
/// >>> x = np.column_stack([np.roll(lead, 1), lead])
/// >>> acm_rs.lagged_correlation(x, 1).round(2)[:, 0, 1]
/// array([-0.22,  1.  ])
#[pyfunction]
#[pyo3(signature = (x, max_lag, min_periods=Given(None)), text_signature = "(x, max_lag, min_periods=1)")]
pub(crate) fn lagged_correlation<'py>(
    py: Python<'py>,
    x: &Bound<'py, PyAny>,
    max_lag: &Bound<'py, PyAny>,
    min_periods: Given<'_, 'py>,
) -> PyResult<Bound<'py, PyAny>> {
    let lags = count(max_lag, "max_lag", 0)?.saturating_add(1);
    let min_periods = min_periods_of(min_periods)?;
    either!(input(x, "x")?, |x| {
        let view = x.table();
        stack(py, &x, lags, |out| kernels::lagged_correlation(view, min_periods, out))
    })
}
