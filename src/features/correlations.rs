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

#[pyfunction]
#[pyo3(signature = (x, method=Given(None), min_periods=Given(None)))]
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

#[pyfunction]
#[pyo3(signature = (data, method=Given(None)))]
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

#[pyfunction]
#[pyo3(signature = (x, ddof=Given(None), min_periods=Given(None)))]
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

#[pyfunction]
#[pyo3(signature = (x, max_lag, min_periods=Given(None)))]
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
