//! Moments.

use acm_features::rolling;
use pyo3::prelude::*;
use pyo3::types::PyTuple;

use super::{rolling, rolling_f64};
use crate::arguments::count;
use crate::interop::Value;
#[pyfunction]
#[pyo3(signature = (x, *given, ddof))]
pub(crate) fn rolling_var<'py>(x: &Value<'py>, given: &Bound<'py, PyTuple>, ddof: &Value<'py>) -> PyResult<Value<'py>> {
    let ddof = count(ddof, "ddof", 0)?;
    rolling!(x, given, 1, |x, windows, out| rolling::rolling_var(x, windows, ddof, out))
}

#[pyfunction]
#[pyo3(signature = (x, *given, ddof))]
pub(crate) fn rolling_std<'py>(x: &Value<'py>, given: &Bound<'py, PyTuple>, ddof: &Value<'py>) -> PyResult<Value<'py>> {
    let ddof = count(ddof, "ddof", 0)?;
    rolling!(x, given, 1, |x, windows, out| rolling::rolling_std(x, windows, ddof, out))
}

#[pyfunction]
#[pyo3(signature = (x, *given, ddof))]
pub(crate) fn rolling_mean_std<'py>(
    x: &Value<'py>,
    given: &Bound<'py, PyTuple>,
    ddof: &Value<'py>,
) -> PyResult<Value<'py>> {
    let ddof = count(ddof, "ddof", 0)?;
    rolling!(x, given, 2, |x, windows, out| rolling::rolling_mean_std(x, windows, ddof, out))
}

#[pyfunction]
#[pyo3(signature = (x, *given))]
pub(crate) fn rolling_skew<'py>(x: &Value<'py>, given: &Bound<'py, PyTuple>) -> PyResult<Value<'py>> {
    rolling!(x, given, 1, |x, windows, out| rolling::rolling_skew(x, windows, out))
}

#[pyfunction]
#[pyo3(signature = (x, *given))]
pub(crate) fn rolling_kurt<'py>(x: &Value<'py>, given: &Bound<'py, PyTuple>) -> PyResult<Value<'py>> {
    rolling!(x, given, 1, |x, windows, out| rolling::rolling_kurt(x, windows, out))
}

#[pyfunction]
pub(crate) fn rolling_mean_std_f64<'py>(
    data: &Value<'py>,
    window: &Value<'py>,
    min_periods: &Value<'py>,
) -> PyResult<Value<'py>> {
    rolling_f64!(data, window, min_periods, 2, |x, windows, out| rolling::rolling_mean_std(x, windows, 1, out))
}
