//! Sums and means.

use acm_features::rolling;
use pyo3::prelude::*;
use pyo3::types::PyTuple;

use super::rolling;
use crate::interop::Value;
#[pyfunction]
#[pyo3(signature = (x, *given))]
pub(crate) fn rolling_sum<'py>(x: &Value<'py>, given: &Bound<'py, PyTuple>) -> PyResult<Value<'py>> {
    rolling!(x, given, 1, |x, windows, out| rolling::rolling_sum(x, windows, out))
}

#[pyfunction]
#[pyo3(signature = (x, *given))]
pub(crate) fn rolling_mean<'py>(x: &Value<'py>, given: &Bound<'py, PyTuple>) -> PyResult<Value<'py>> {
    rolling!(x, given, 1, |x, windows, out| rolling::rolling_mean(x, windows, out))
}
