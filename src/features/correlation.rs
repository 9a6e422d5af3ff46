//! Correlations and covariances between all columns.

use acm_features::correlation::{self as kernels, Method};
use pyo3::prelude::*;

use super::either;
use crate::arguments::{choice, count};
use crate::interop::{Value, input, input_f64, shaped};

const METHODS: [(&str, Method); 3] = [
    ("pearson", Method::Pearson),
    ("spearman", Method::Spearman),
    ("kendall", Method::Kendall),
];

#[pyfunction]
pub(crate) fn correlation<'py>(x: &Value<'py>, method: &Value<'py>, min_periods: &Value<'py>) -> PyResult<Value<'py>> {
    let (method, min_periods) = (choice(method, "method", &METHODS)?, count(min_periods, "min_periods", 0)?);
    let py = x.py();
    either!(input(x, "x")?, |x| {
        let x = x.table();
        shaped(py, [x.ncols(); 2], false, |out| kernels::correlation(x, method, min_periods, out))
    })
}

#[pyfunction]
pub(crate) fn compute_correlations_f64<'py>(data: &Value<'py>, method: &Value<'py>) -> PyResult<Value<'py>> {
    let (py, method) = (data.py(), choice(method, "method", &METHODS)?);
    either!(input_f64(data, "data")?, |x| {
        let x = x.table();
        shaped(py, [x.ncols(); 2], false, |out| kernels::correlation(x, method, 1, out))
    })
}

#[pyfunction]
pub(crate) fn covariance<'py>(x: &Value<'py>, ddof: &Value<'py>, min_periods: &Value<'py>) -> PyResult<Value<'py>> {
    let (ddof, min_periods) = (count(ddof, "ddof", 0)?, count(min_periods, "min_periods", 0)?);
    let py = x.py();
    either!(input(x, "x")?, |x| {
        let x = x.table();
        shaped(py, [x.ncols(); 2], false, |out| kernels::covariance(x, ddof, min_periods, out))
    })
}

#[pyfunction]
pub(crate) fn lagged_correlation<'py>(
    x: &Value<'py>,
    max_lag: &Value<'py>,
    min_periods: &Value<'py>,
) -> PyResult<Value<'py>> {
    let lags = count(max_lag, "max_lag", 0)?.saturating_add(1);
    let (py, min_periods) = (x.py(), count(min_periods, "min_periods", 0)?);
    either!(input(x, "x")?, |x| {
        let x = x.table();
        let shape = [lags, x.ncols(), x.ncols()];
        shaped(py, shape, false, |out| kernels::lagged_correlation(x, min_periods, out))
    })
}
