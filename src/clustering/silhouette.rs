//! Silhouettes.

use acm_clustering as kernels;
use numpy::PyArray1;
use pyo3::prelude::*;

use crate::arguments::{count, labels, optional, seed_of};
use crate::interop::{Value, array, compute, input};

#[pyfunction]
pub(crate) fn silhouette_samples<'py>(x: &Value<'py>, labels: &Value<'py>) -> PyResult<Bound<'py, PyArray1<f64>>> {
    let (py, x) = (x.py(), input(x, "x")?);
    let x = x.samples();
    let labels = self::labels(labels, "labels", Some(x.rows()))?;
    array(py, &compute(py, || kernels::silhouette_samples(x, &labels))?)
}

#[pyfunction]
pub(crate) fn silhouette_score(
    x: &Value<'_>,
    labels: &Value<'_>,
    sample_size: Option<&Value<'_>>,
    seed: &Value<'_>,
) -> PyResult<f64> {
    let (py, x) = (x.py(), input(x, "x")?);
    let x = x.samples();
    let labels = self::labels(labels, "labels", Some(x.rows()))?;
    let size = optional(sample_size, |size| count(size, "sample_size", 1))?;
    let seed = seed_of(seed)?;
    compute(py, || kernels::silhouette_score(x, &labels, size.map(|size| (size, seed))))
}
