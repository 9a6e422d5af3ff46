//! Slopes.

use acm_features::rolling;
use pyo3::prelude::*;
use pyo3::types::PyTuple;

use super::rolling;
use crate::interop::Value;
#[pyfunction]
#[pyo3(signature = (x, *given))]
pub(crate) fn rolling_slope<'py>(x: &Value<'py>, given: &Bound<'py, PyTuple>) -> PyResult<Value<'py>> {
    rolling!(x, given, 1, |x, windows, out| rolling::rolling_slope(x, windows, out))
}
