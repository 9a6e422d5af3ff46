//! Medians, deviations and quantiles.

use acm_features::rolling;
use pyo3::prelude::*;
use pyo3::types::PyTuple;

use super::{rolling, rolling_f64};
use crate::arguments::{number, numbers};
use crate::interop::Value;
#[pyfunction]
#[pyo3(signature = (x, *given))]
pub(crate) fn rolling_median<'py>(x: &Value<'py>, given: &Bound<'py, PyTuple>) -> PyResult<Value<'py>> {
    rolling!(x, given, 1, |x, windows, out| rolling::rolling_median(x, windows, out))
}

#[pyfunction]
#[pyo3(signature = (x, *given, scale))]
pub(crate) fn rolling_mad<'py>(
    x: &Value<'py>,
    given: &Bound<'py, PyTuple>,
    scale: &Value<'py>,
) -> PyResult<Value<'py>> {
    let scale = number(scale, "scale")?;
    rolling!(x, given, 1, |x, windows, out| rolling::rolling_mad(x, windows, scale, out))
}

#[pyfunction]
#[pyo3(signature = (x, *given, q))]
pub(crate) fn rolling_quantile<'py>(
    x: &Value<'py>,
    given: &Bound<'py, PyTuple>,
    q: &Value<'py>,
) -> PyResult<Value<'py>> {
    let q = numbers(q, "q", None)?;
    rolling!(x, given, q.len(), |x, windows, out| rolling::rolling_quantile(x, windows, &q, out))
}

#[pyfunction]
pub(crate) fn rolling_median_f64<'py>(
    data: &Value<'py>,
    window: &Value<'py>,
    min_periods: &Value<'py>,
) -> PyResult<Value<'py>> {
    rolling_f64!(data, window, min_periods, 1, |x, windows, out| rolling::rolling_median(x, windows, out))
}

#[pyfunction]
pub(crate) fn rolling_mad_f64<'py>(
    data: &Value<'py>,
    window: &Value<'py>,
    min_periods: &Value<'py>,
) -> PyResult<Value<'py>> {
    rolling_f64!(data, window, min_periods, 1, |x, windows, out| rolling::rolling_mad(x, windows, 1.0, out))
}
