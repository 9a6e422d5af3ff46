//! Extremes.

use acm_features::rolling;
use pyo3::prelude::*;
use pyo3::types::PyTuple;

use super::rolling;
use crate::interop::Value;
#[pyfunction]
#[pyo3(signature = (x, *given))]
pub(crate) fn rolling_min<'py>(x: &Value<'py>, given: &Bound<'py, PyTuple>) -> PyResult<Value<'py>> {
    rolling!(x, given, 1, |x, windows, out| rolling::rolling_min(x, windows, out))
}

#[pyfunction]
#[pyo3(signature = (x, *given))]
pub(crate) fn rolling_max<'py>(x: &Value<'py>, given: &Bound<'py, PyTuple>) -> PyResult<Value<'py>> {
    rolling!(x, given, 1, |x, windows, out| rolling::rolling_max(x, windows, out))
}

#[pyfunction]
#[pyo3(signature = (x, *given))]
pub(crate) fn rolling_range<'py>(x: &Value<'py>, given: &Bound<'py, PyTuple>) -> PyResult<Value<'py>> {
    rolling!(x, given, 1, |x, windows, out| rolling::rolling_range(x, windows, out))
}
