//! The number of clusters.

use acm_clustering::choose::Search;
use acm_detectors::choose::{Choice, Method, choose};
use acm_linalg::memory::Gather;
use numpy::PyArray1;
use pyo3::prelude::*;

use crate::arguments::{choice, count, seed_of};
use crate::interop::{Value, array, compute, exception, input};

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
        array(py, &ks.map_err(exception)?)
    }

    #[getter]
    fn silhouette<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyArray1<f64>>> {
        array(py, &self.0.found.silhouette)
    }

    #[getter]
    fn inertia<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyArray1<f64>>> {
        array(py, &self.0.found.inertia)
    }

    #[getter]
    fn bic<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyArray1<f64>>> {
        array(py, &self.0.bic)
    }

    #[getter]
    fn gap<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyArray1<f64>>> {
        array(py, &self.0.found.gap)
    }

    #[getter]
    fn gap_error<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyArray1<f64>>> {
        array(py, &self.0.found.gap_error)
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
pub(crate) fn choose_k<'py>(
    x: &Value<'py>,
    k_min: &Value<'py>,
    k_max: &Value<'py>,
    method: &Value<'py>,
    sample_size: &Value<'py>,
    n_init: &Value<'py>,
    seed: &Value<'py>,
) -> PyResult<ClusterChoice> {
    let search = Search {
        least: count(k_min, "k_min", 1)?,
        most: count(k_max, "k_max", 1)?,
        sample: count(sample_size, "sample_size", 2)?,
        starts: count(n_init, "n_init", 1)?,
        gap_references: 10,
        seed: seed_of(seed)?,
    };
    let method = choice(method, "method", &Method::ALL)?;
    let (py, input) = (x.py(), input(x, "x")?);
    let samples = input.samples();
    compute(py, || choose(samples, &search, method)).map(ClusterChoice)
}
