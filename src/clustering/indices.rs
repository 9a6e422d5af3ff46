//! How well rows are parted: three indices.

use acm_clustering as kernels;
use pyo3::prelude::*;

use crate::arguments::labels;
use crate::interop::{Value, compute, input};

#[pyfunction]
pub(crate) fn calinski_harabasz_score(x: &Value<'_>, labels: &Value<'_>) -> PyResult<f64> {
    let (py, x) = (x.py(), input(x, "x")?);
    let x = x.samples();
    let labels = self::labels(labels, "labels", Some(x.rows()))?;
    compute(py, || kernels::calinski_harabasz(x, &labels))
}

#[pyfunction]
pub(crate) fn davies_bouldin_score(x: &Value<'_>, labels: &Value<'_>) -> PyResult<f64> {
    let (py, x) = (x.py(), input(x, "x")?);
    let x = x.samples();
    let labels = self::labels(labels, "labels", Some(x.rows()))?;
    compute(py, || kernels::davies_bouldin(x, &labels))
}

#[pyfunction]
pub(crate) fn validity_index(x: &Value<'_>, labels: &Value<'_>) -> PyResult<f64> {
    let (py, x) = (x.py(), input(x, "x")?);
    let x = x.samples();
    let labels = self::labels(labels, "labels", Some(x.rows()))?;
    compute(py, || kernels::validity_index(x, &labels))
}
