//! The number of clusters.

use acm_clustering::choose::Search;
use acm_detectors::choose::{Choice, Method, choose};
use acm_linalg::memory::Gather;
use numpy::PyArray1;
use pyo3::prelude::*;

use crate::arguments::{Given, choice, count, seed_of};
use crate::interop::{compute, exception};
use crate::models::{attribute, samples_of};

#[pyclass(module = "acm_rs._native", frozen)]
pub(crate) struct ClusterChoice(Choice);

#[pymethods]
impl ClusterChoice {
    #[getter]
    fn k(&self) -> usize {
        self.0.k
    }

    #[getter]
    fn ks<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyArray1<i64>>> {
        let ks = self
            .0
            .found
            .ks
            .iter()
            .map(|&k| k.cast_signed() as i64)
            .gathered("the numbers of clusters");
        attribute(py, &ks.map_err(exception)?)
    }

    #[getter]
    fn silhouette<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyArray1<f64>>> {
        attribute(py, &self.0.found.silhouette)
    }

    #[getter]
    fn inertia<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyArray1<f64>>> {
        attribute(py, &self.0.found.inertia)
    }

    #[getter]
    fn bic<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyArray1<f64>>> {
        attribute(py, &self.0.bic)
    }

    #[getter]
    fn gap<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyArray1<f64>>> {
        attribute(py, &self.0.found.gap)
    }

    #[getter]
    fn gap_error<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyArray1<f64>>> {
        attribute(py, &self.0.found.gap_error)
    }

    #[getter]
    fn one_cluster(&self) -> bool {
        self.0.found.one
    }

    fn __repr__(&self) -> String {
        format!("ClusterChoice(k={}, ks={:?})", self.0.k, self.0.found.ks)
    }
}

#[pyfunction]
#[pyo3(signature = (x, k_min=Given(None), k_max=Given(None), *, method=Given(None), sample_size=Given(None), n_init=Given(None), seed=Given(None)))]
#[expect(clippy::too_many_arguments, reason = "as many as the function has for Python")]
pub(crate) fn choose_k<'py>(
    py: Python<'py>,
    x: &Bound<'py, PyAny>,
    k_min: Given<'_, 'py>,
    k_max: Given<'_, 'py>,
    method: Given<'_, 'py>,
    sample_size: Given<'_, 'py>,
    n_init: Given<'_, 'py>,
    seed: Given<'_, 'py>,
) -> PyResult<ClusterChoice> {
    let search = Search {
        least: k_min.map_or(Ok(2), |value| count(value, "k_min", 1))?,
        most: k_max.map_or(Ok(8), |value| count(value, "k_max", 1))?,
        sample: sample_size.map_or(Ok(4000), |value| count(value, "sample_size", 2))?,
        starts: n_init.map_or(Ok(5), |value| count(value, "n_init", 1))?,
        gap_references: 10,
        seed: seed.map_or(Ok(17), seed_of)?,
    };
    let method = method.map_or(Ok(Method::Silhouette), |value| choice(value, "method", &Method::ALL))?;
    let input = samples_of(x)?;
    let samples = input.samples();
    compute(py, || choose(samples, &search, method)).map(ClusterChoice)
}
