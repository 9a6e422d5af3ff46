//! How well rows are parted: silhouettes and two indices.

use acm_clustering as kernels;
use numpy::PyArray1;
use pyo3::prelude::*;

use crate::arguments::{Given, count, labels_for, seed_of};
use crate::interop::compute;
use crate::models::{attribute, samples_of};

#[pyfunction]
pub(crate) fn silhouette_samples<'py>(
    py: Python<'py>,
    x: &Bound<'py, PyAny>,
    labels: &Bound<'py, PyAny>,
) -> PyResult<Bound<'py, PyArray1<f64>>> {
    let x = samples_of(x)?;
    let x = x.samples();
    let labels = labels_for(labels, "labels", x.rows())?;
    let found = compute(py, || kernels::silhouette_samples(x, &labels))?;
    attribute(py, &found)
}

#[pyfunction]
#[pyo3(signature = (x, labels, sample_size=None, seed=Given(None)))]
pub(crate) fn silhouette_score<'py>(
    py: Python<'py>,
    x: &Bound<'py, PyAny>,
    labels: &Bound<'py, PyAny>,
    sample_size: Option<&Bound<'py, PyAny>>,
    seed: Given<'_, 'py>,
) -> PyResult<f64> {
    let x = samples_of(x)?;
    let x = x.samples();
    let labels = labels_for(labels, "labels", x.rows())?;
    let size = sample_size.map(|size| count(size, "sample_size", 1)).transpose()?;
    let seed = seed.map_or(Ok(17), seed_of)?;
    compute(py, || kernels::silhouette_score(x, &labels, size.map(|size| (size, seed))))
}

#[pyfunction]
pub(crate) fn calinski_harabasz_score(
    py: Python<'_>,
    x: &Bound<'_, PyAny>,
    labels: &Bound<'_, PyAny>,
) -> PyResult<f64> {
    let x = samples_of(x)?;
    let x = x.samples();
    let labels = labels_for(labels, "labels", x.rows())?;
    compute(py, || kernels::calinski_harabasz(x, &labels))
}

#[pyfunction]
pub(crate) fn davies_bouldin_score(py: Python<'_>, x: &Bound<'_, PyAny>, labels: &Bound<'_, PyAny>) -> PyResult<f64> {
    let x = samples_of(x)?;
    let x = x.samples();
    let labels = labels_for(labels, "labels", x.rows())?;
    compute(py, || kernels::davies_bouldin(x, &labels))
}
