//! Principal components.

use acm_linalg::pca as principal;
use pyo3::prelude::*;

use super::copied;
use crate::arguments::components_of;
use crate::interop::{Value, compute, filled, input};

#[pyfunction]
pub(crate) fn pca<'py>(x: &Value<'py>, k: &Value<'py>) -> PyResult<(Value<'py>, Value<'py>, Value<'py>)> {
    let keep = components_of(k, "k")?;
    let (py, x) = (x.py(), input(x, "x")?);
    let x = x.samples();
    let found = compute(py, || principal::pca(x, keep))?;
    Ok((
        filled(py, &[found.kept, x.columns()], copied(&found.components))?,
        filled(py, &[found.kept], copied(&found.variances[..found.kept]))?,
        filled(py, &[x.columns()], copied(&found.mean))?,
    ))
}
