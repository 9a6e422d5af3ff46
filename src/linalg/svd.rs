//! Singular values.

use acm_linalg::svd as singular;
use pyo3::prelude::*;

use super::copied;
use crate::arguments::{count, optional};
use crate::interop::{Value, compute, filled, input};

#[pyfunction]
pub(crate) fn svd<'py>(x: &Value<'py>, k: Option<&Value<'py>>) -> PyResult<(Value<'py>, Value<'py>, Value<'py>)> {
    let k = optional(k, |k| count(k, "k", 1))?;
    let (py, x) = (x.py(), input(x, "x")?);
    let x = x.samples();
    let found = compute(py, || singular::svd(x, k))?;
    let k = found.s.len();
    Ok((
        filled(py, &[x.rows(), k], copied(&found.u))?,
        filled(py, &[k], copied(&found.s))?,
        filled(py, &[k, x.columns()], copied(&found.vt))?,
    ))
}
