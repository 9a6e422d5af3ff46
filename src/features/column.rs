//! Whole columns: order statistics, moments, scaling, imputation, lags.

use acm_features::column::{self, Method, Moments};
use acm_linalg::columns::reserve;
use ndarray::ArrayViewMut2;
use numpy::PyArrayMethods;
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::PyTuple;

use super::columnwise;
use crate::arguments::{Given, choice, count, is_several, number, numbers, numbers_by_column, sequence, shown};
use crate::interop::{Borrowed, Input, Output, attribute, compute, exception, input};
use crate::lists::Float;

/// One number for every column, or a number for each.
pub(super) fn by_column(value: &Bound<'_, PyAny>, name: &'static str, columns: usize) -> PyResult<Vec<f64>> {
    if is_several(value) {
        return numbers_by_column(value, name, columns);
    }
    let one = match numbers(value, name)?[..] {
        [one] => one,
        _ => f64::NAN,
    };
    reserve(columns, one, "a number a column").map_err(exception)
}

#[pyfunction]
#[pyo3(signature = (x, scale=Given(None)))]
pub(crate) fn column_median_mad<'py>(
    py: Python<'py>,
    x: &Bound<'py, PyAny>,
    scale: Given<'_, 'py>,
) -> PyResult<Bound<'py, PyTuple>> {
    fn of<'py, T: Float>(py: Python<'py>, x: &Borrowed<'py, T>, scale: f64) -> PyResult<Bound<'py, PyTuple>> {
        let x = x.table();
        let (median, mad) = compute(py, || column::column_median_mad(x, scale))?;
        (attribute(py, &median)?, attribute(py, &mad)?).into_pyobject(py)
    }
    let scale = scale.map_or(Ok(1.0), |value| number(value, "scale"))?;
    match input(x, "x")? {
        Input::F64(x) => of(py, &x, scale),
        Input::F32(x) => of(py, &x, scale),
    }
}

#[pyfunction]
pub(crate) fn column_quantiles<'py>(
    py: Python<'py>,
    x: &Bound<'py, PyAny>,
    q: &Bound<'py, PyAny>,
) -> PyResult<Bound<'py, PyAny>> {
    fn of<'py, T: Float>(py: Python<'py>, x: &Borrowed<'py, T>, q: &[f64], one: bool) -> PyResult<Bound<'py, PyAny>> {
        let x = x.table();
        let shape = (q.len(), x.ncols());
        let found = compute(py, || {
            let mut found = reserve(shape.0.saturating_mul(shape.1), T::narrow(f64::NAN), "the result")?;
            if let Ok(out) = ArrayViewMut2::from_shape(shape, &mut found) {
                column::column_quantiles(x, q, out)?;
            }
            Ok(found)
        })?;
        let found = attribute(py, &found)?;
        Ok(if one { found.into_any() } else { found.reshape(shape)?.into_any() })
    }
    let one = !is_several(q);
    let q = numbers(q, "q")?;
    match input(x, "x")? {
        Input::F64(x) => of(py, &x, &q, one),
        Input::F32(x) => of(py, &x, &q, one),
    }
}

#[pyfunction]
pub(crate) fn column_moments<'py>(py: Python<'py>, x: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyTuple>> {
    fn of<'py, T: Float>(py: Python<'py>, x: &Borrowed<'py, T>) -> PyResult<Bound<'py, PyTuple>> {
        let x = x.table();
        let Moments {
            count,
            mean,
            std,
            skew,
            kurt,
        } = compute(py, || column::column_moments(x))?;
        let count = attribute(py, &count)?;
        let [mean, std] = [attribute(py, &mean)?, attribute(py, &std)?];
        let [skew, kurt] = [attribute(py, &skew)?, attribute(py, &kurt)?];
        (count, mean, std, skew, kurt).into_pyobject(py)
    }
    match input(x, "x")? {
        Input::F64(x) => of(py, &x),
        Input::F32(x) => of(py, &x),
    }
}

#[pyfunction]
#[pyo3(signature = (x, center=None, scale=None, *, out=None))]
pub(crate) fn zscore<'py>(
    py: Python<'py>,
    x: &Bound<'py, PyAny>,
    center: Option<&Bound<'py, PyAny>>,
    scale: Option<&Bound<'py, PyAny>>,
    out: Option<&Bound<'py, PyAny>>,
) -> PyResult<Bound<'py, PyAny>> {
    let x = input(x, "x")?;
    let columns = x.columns();
    let center = center.map(|value| by_column(value, "center", columns)).transpose()?;
    let scale = scale.map(|value| by_column(value, "scale", columns)).transpose()?;
    columnwise!(py, x, |rows| rows, 1, out, |x, out| column::zscore(x, center.as_deref(), scale.as_deref(), out))
}

#[pyfunction]
#[pyo3(
    signature = (x, method=Given(None), fill=None, limit=None, *, out=None)
)]
pub(crate) fn impute<'py>(
    py: Python<'py>,
    x: &Bound<'py, PyAny>,
    method: Given<'_, 'py>,
    fill: Option<&Bound<'py, PyAny>>,
    limit: Option<&Bound<'py, PyAny>>,
    out: Option<&Bound<'py, PyAny>>,
) -> PyResult<Bound<'py, PyAny>> {
    let x = input(x, "x")?;
    let method = method.map_or(Ok(Method::Median), |value| choice(value, "method", &METHODS))?;
    let limit = limit.map(|value| count(value, "limit", 1)).transpose()?;
    if fill.is_some() && method != Method::Median {
        return Err(PyValueError::new_err("`fill` must be None unless `method` is \"median\""));
    }
    let columns = x.columns();
    let fill = fill.map(|value| by_column(value, "fill", columns)).transpose()?;
    columnwise!(py, x, |rows| rows, 1, out, |x, out| column::impute(x, method, fill.as_deref(), limit, out))
}

const METHODS: [(&str, Method); 5] = [
    ("median", Method::Median),
    ("ffill", Method::Forward),
    ("bfill", Method::Backward),
    ("interpolate", Method::Interpolate),
    ("zero", Method::Zero),
];

#[pyfunction]
#[pyo3(signature = (x, lags, *, out=None))]
pub(crate) fn lag_matrix<'py>(
    py: Python<'py>,
    x: &Bound<'py, PyAny>,
    lags: &Bound<'py, PyAny>,
    out: Option<&Bound<'py, PyAny>>,
) -> PyResult<Bound<'py, PyAny>> {
    let x = input(x, "x")?;
    let lags = lags_of(lags)?;
    columnwise!(py, x, |rows| rows, lags.len(), out, |x, out| column::lag_matrix(x, &lags, out))
}

fn lags_of(value: &Bound<'_, PyAny>) -> PyResult<Vec<usize>> {
    if !is_several(value) {
        let most = count(value, "lags", 1)?;
        let mut lags = reserve(most, 0, "lags").map_err(exception)?;
        for (number, lag) in lags.iter_mut().enumerate() {
            *lag = number + 1;
        }
        return Ok(lags);
    }
    let must = "a whole number, at least 1, or a sequence of whole numbers, at least 0";
    let lags = sequence(value, "lags", must, None, |lag| count(lag, "lags", 0))?;
    if lags.is_empty() {
        return Err(PyValueError::new_err(format!("`lags` must be {must}, got {}", shown(value))));
    }
    Ok(lags)
}
