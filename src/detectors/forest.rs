//! Isolation forest.

use acm_detectors::forest::{self, FittedIsolationForest, SampleSize};
use numpy::PyArray1;
use pyo3::prelude::*;
use pyo3::types::{PyFloat, PyString};

use crate::arguments::{Given, choice, count, number, seed_of};
use crate::held::Held;
use crate::interop::{compute, exception};
use crate::models::{Model, attribute, filled, model, samples_of, table, warn_left_out};
use crate::naming::names_of;

const AUTO: &[(&str, SampleSize)] = &[("auto", SampleSize::Auto)];

#[pyclass(module = "acm_rs._native", frozen)]
pub(crate) struct IsolationForest {
    parameters: forest::IsolationForest,
    held: Held<FittedIsolationForest>,
}

impl Model for IsolationForest {
    type Fitted = FittedIsolationForest;
    type Live = ();

    const PARAMETERS: &'static [&'static str] = &["n_estimators", "max_samples", "extension", "seed"];

    fn held(&self) -> &Held<FittedIsolationForest> {
        &self.held
    }

    fn around(held: Held<FittedIsolationForest>) -> PyResult<Self> {
        Ok(Self {
            parameters: held.get()?.parameters().clone(),
            held,
        })
    }
}

fn sample_size(value: &Bound<'_, PyAny>) -> PyResult<SampleSize> {
    if value.is_instance_of::<PyString>() {
        choice(value, "max_samples", AUTO)
    } else if value.is_instance_of::<PyFloat>() {
        number(value, "max_samples").map(SampleSize::Share)
    } else {
        count(value, "max_samples", 2).map(SampleSize::Count)
    }
}

model! { IsolationForest {
    #[new]
    #[pyo3(signature = (n_estimators=Given(None), max_samples=Given(None), extension=Given(None), seed=Given(None)))]
    fn new(
        n_estimators: Given<'_, '_>,
        max_samples: Given<'_, '_>,
        extension: Given<'_, '_>,
        seed: Given<'_, '_>,
    ) -> PyResult<Self> {
        let n_estimators = n_estimators.map_or(Ok(100), |value| count(value, "n_estimators", 1))?;
        let max_samples = max_samples.map_or(Ok(SampleSize::Count(256)), sample_size)?;
        let extension = extension.map_or(Ok(0), |value| count(value, "extension", 0))?;
        let seed = seed.map_or(Ok(17), seed_of)?;
        let parameters = forest::IsolationForest::new(n_estimators, max_samples, extension, seed);
        Ok(Self {
            parameters: parameters.map_err(exception)?,
            held: Held::default(),
        })
    }

    #[pyo3(signature = (x, *, names=None))]
    fn fit<'py>(
        slf: Bound<'py, Self>,
        x: &Bound<'py, PyAny>,
        names: Option<&Bound<'py, PyAny>>,
    ) -> PyResult<Bound<'py, Self>> {
        let py = slf.py();
        let input = samples_of(x)?;
        let samples = input.samples();
        let names = names_of(names, samples.columns())?;
        let parameters = &slf.get().parameters;
        let fitted = compute(py, || parameters.fit(samples))?;
        let used = fitted.used().map_err(exception)?;
        slf.get().held.set(py, fitted, names.clone())?;
        warn_left_out(py, names.as_ref(), &used, "have no value or do not change, and are left out")?;
        Ok(slf)
    }

    fn score<'py>(&self, py: Python<'py>, x: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
        let fitted = self.held.get()?;
        let input = samples_of(x)?;
        let samples = input.samples();
        filled(py, samples.rows(), |out| fitted.score(samples, out))
    }

    fn update<'py>(&self, py: Python<'py>, x: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
        self.score(py, x)
    }

    fn contributions<'py>(&self, py: Python<'py>, x: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
        let fitted = self.held.get()?;
        let input = samples_of(x)?;
        let samples = input.samples();
        let shape = (samples.rows(), samples.columns());
        table(py, shape, input.is_line(), |out| fitted.contributions(samples, out))
    }

    #[getter]
    fn n_estimators(&self) -> usize {
        self.parameters.n_estimators()
    }

    #[getter]
    fn max_samples<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        Ok(match self.parameters.max_samples() {
            SampleSize::Count(rows) => rows.into_pyobject(py)?.into_any(),
            SampleSize::Share(share) => share.into_pyobject(py)?.into_any(),
            _ => "auto".into_pyobject(py)?.into_any(),
        })
    }

    #[getter]
    fn extension(&self) -> usize {
        self.parameters.extension()
    }

    #[getter]
    fn seed(&self) -> u64 {
        self.parameters.seed()
    }

    #[getter]
    fn max_samples_(&self) -> PyResult<usize> {
        Ok(self.held.get()?.samples())
    }

    #[getter]
    fn n_nodes_(&self) -> PyResult<usize> {
        Ok(self.held.get()?.nodes())
    }

    #[getter]
    fn used_<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyArray1<bool>>> {
        attribute(py, &self.held.get()?.used().map_err(exception)?)
    }

    #[getter]
    fn n_features_in_(&self) -> PyResult<usize> {
        Ok(self.held.get()?.columns())
    }
} }
