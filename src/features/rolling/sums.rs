//! Sums and means.

use acm_features::rolling;
use pyo3::exceptions::PyTypeError;
use pyo3::prelude::*;
use pyo3::types::PyTuple;

use super::rolling;
use crate::arguments::optional;
use crate::interop::{Value, type_name};
use crate::times::duration_of;

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

#[pyfunction]
#[pyo3(signature = (x, *given, hold))]
pub(crate) fn rolling_time_mean<'py>(
    x: &Value<'py>,
    given: &Bound<'py, PyTuple>,
    hold: Option<&Value<'py>>,
) -> PyResult<Value<'py>> {
    let hold = optional(hold, |hold| lasting(hold, "hold"))?;
    rolling!(x, given, 1, |x, windows, out| rolling::rolling_time_mean(x, windows, hold, out))
}

/// A duration, and nothing else.
pub(crate) fn lasting(value: &Value<'_>, name: &'static str) -> PyResult<i64> {
    duration_of(value, name)?.ok_or_else(|| {
        PyTypeError::new_err(format!(
            "`{name}` must be a duration such as '2h', '90s' or numpy.timedelta64(5, 'm'), got {}",
            type_name(value)
        ))
    })
}
