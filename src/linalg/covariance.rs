//! Shrunk covariance.

use acm_linalg::covariance;
use pyo3::prelude::*;

use super::copied;
use crate::interop::{Value, compute, filled, input};

#[pyfunction]
pub(crate) fn ledoit_wolf<'py>(x: &Value<'py>) -> PyResult<(Value<'py>, f64)> {
    let (py, x) = (x.py(), input(x, "x")?);
    let x = x.samples();
    let found = compute(py, || covariance::ledoit_wolf(x))?;
    Ok((filled(py, &[x.columns(); 2], copied(&found.covariance))?, found.shrinkage))
}
