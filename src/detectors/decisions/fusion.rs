//! Fusion of several scores.

use acm_detectors::decisions::{self, Combine, FittedScoreFusion, Mapping};
use numpy::PyArray1;
use pyo3::prelude::*;
use pyo3::types::PyTuple;

use crate::arguments::{Given, choice, count, labels_for, numbers};
use crate::held::Held;
use crate::interop::{compute, exception};
use crate::models::{Model, attribute, filled, model, name_of, samples_of, table};
use crate::naming::names_of;

#[pyclass(module = "acm_rs._native", frozen)]
pub(crate) struct ScoreFusion {
    parameters: decisions::ScoreFusion,
    held: Held<FittedScoreFusion>,
}

impl Model for ScoreFusion {
    type Fitted = FittedScoreFusion;
    type Live = ();

    const PARAMETERS: &'static [&'static str] = &["scale", "combine", "weights", "min_rows"];

    fn held(&self) -> &Held<FittedScoreFusion> {
        &self.held
    }

    fn around(held: Held<FittedScoreFusion>) -> PyResult<Self> {
        Ok(Self {
            parameters: held.get()?.parameters().clone(),
            held,
        })
    }
}

/// A snapshot of the rows' regimes: bounds must not come from an array that another thread may write to.
fn optional(labels: Option<&Bound<'_, PyAny>>, rows: usize) -> PyResult<Option<Vec<i64>>> {
    labels.map(|labels| labels_for(labels, "labels", rows)).transpose()
}

model! { ScoreFusion {
    #[new]
    #[pyo3(signature = (scale=Given(None), combine=Given(None), weights=None, min_rows=Given(None)))]
    fn new(
        scale: Given<'_, '_>,
        combine: Given<'_, '_>,
        weights: Option<&Bound<'_, PyAny>>,
        min_rows: Given<'_, '_>,
    ) -> PyResult<Self> {
        let mapping = scale.map_or(Ok(Mapping::Robust), |value| choice(value, "scale", &Mapping::ALL))?;
        let combine = combine.map_or(Ok(Combine::Max), |value| choice(value, "combine", &Combine::ALL))?;
        let weights = weights.map(|value| numbers(value, "weights")).transpose()?;
        let min_rows = min_rows.map_or(Ok(50), |value| count(value, "min_rows", 2))?;
        Ok(Self {
            parameters: decisions::ScoreFusion::new(mapping, combine, weights, min_rows).map_err(exception)?,
            held: Held::default(),
        })
    }

    #[pyo3(signature = (x, labels=None, *, names=None))]
    fn fit<'py>(
        slf: Bound<'py, Self>,
        x: &Bound<'py, PyAny>,
        labels: Option<&Bound<'py, PyAny>>,
        names: Option<&Bound<'py, PyAny>>,
    ) -> PyResult<Bound<'py, Self>> {
        let py = slf.py();
        let input = samples_of(x)?;
        let samples = input.samples();
        let names = names_of(names, samples.columns())?;
        let labels = optional(labels, samples.rows())?;
        let parameters = &slf.get().parameters;
        let fitted = compute(py, || parameters.fit(samples, labels.as_deref()))?;
        slf.get().held.set(py, fitted, names)?;
        Ok(slf)
    }

    #[pyo3(signature = (x, labels=None))]
    fn score<'py>(
        &self,
        py: Python<'py>,
        x: &Bound<'py, PyAny>,
        labels: Option<&Bound<'py, PyAny>>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let fitted = self.held.get()?;
        let input = samples_of(x)?;
        let samples = input.samples();
        let labels = optional(labels, samples.rows())?;
        filled(py, samples.rows(), |out| fitted.score(samples, labels.as_deref(), out))
    }

    #[pyo3(signature = (x, labels=None))]
    fn update<'py>(
        &self,
        py: Python<'py>,
        x: &Bound<'py, PyAny>,
        labels: Option<&Bound<'py, PyAny>>,
    ) -> PyResult<Bound<'py, PyAny>> {
        self.score(py, x, labels)
    }

    #[pyo3(signature = (x, labels=None))]
    fn contributions<'py>(
        &self,
        py: Python<'py>,
        x: &Bound<'py, PyAny>,
        labels: Option<&Bound<'py, PyAny>>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let fitted = self.held.get()?;
        let input = samples_of(x)?;
        let samples = input.samples();
        let labels = optional(labels, samples.rows())?;
        let shape = (samples.rows(), samples.columns());
        table(py, shape, input.is_line(), |out| fitted.contributions(samples, labels.as_deref(), out))
    }

    #[pyo3(signature = (x, labels=None))]
    fn scaled<'py>(
        &self,
        py: Python<'py>,
        x: &Bound<'py, PyAny>,
        labels: Option<&Bound<'py, PyAny>>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let fitted = self.held.get()?;
        let input = samples_of(x)?;
        let samples = input.samples();
        let labels = optional(labels, samples.rows())?;
        let shape = (samples.rows(), samples.columns());
        table(py, shape, input.is_line(), |out| fitted.scaled(samples, labels.as_deref(), out))
    }

    #[getter]
    fn scale(&self) -> &'static str {
        name_of(&self.parameters.mapping(), &Mapping::ALL)
    }

    #[getter]
    fn combine(&self) -> &'static str {
        name_of(&self.parameters.combine(), &Combine::ALL)
    }

    #[getter]
    fn weights<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyTuple>>> {
        self.parameters.weights().map(|weights| PyTuple::new(py, weights)).transpose()
    }

    #[getter]
    fn min_rows(&self) -> usize {
        self.parameters.min_rows()
    }

    #[getter]
    fn regimes_<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyArray1<i64>>> {
        attribute(py, self.held.get()?.regimes())
    }

    #[getter]
    fn n_features_in_(&self) -> PyResult<usize> {
        Ok(self.held.get()?.columns())
    }
} }
