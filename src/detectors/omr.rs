//! Overall model residual.

use acm_detectors::omr::{FittedOmr, Model as Kind, Omr};
use acm_linalg::memory::reserve;
use numpy::{PyArray1, PyArray2};
use pyo3::prelude::*;

use crate::arguments::{Given, choice, count, number, numbers_by_column, whole_numbers};
use crate::held::Held;
use crate::interop::{compute, exception};
use crate::models::{Model, attribute, filled, matrix, model, samples_of, table, warn_left_out};
use crate::naming::names_of;

#[pyclass(module = "acm_rs._native", frozen)]
pub(crate) struct OMRDetector {
    parameters: Omr,
    held: Held<FittedOmr>,
}

impl Model for OMRDetector {
    type Fitted = FittedOmr;
    type Live = ();

    const PARAMETERS: &'static [&'static str] = &["model", "n_components", "alpha", "clip"];

    fn held(&self) -> &Held<FittedOmr> {
        &self.held
    }

    fn around(held: Held<FittedOmr>) -> PyResult<Self> {
        Ok(Self {
            parameters: held.get()?.parameters().clone(),
            held,
        })
    }
}

/// Where scores end, given or not: None is nowhere.
struct Clip(f64);

impl<'py> FromPyObject<'_, 'py> for Clip {
    type Error = PyErr;

    fn extract(value: Borrowed<'_, 'py, PyAny>) -> PyResult<Self> {
        if value.is_none() {
            return Ok(Self(f64::INFINITY));
        }
        number(&value, "clip").map(Self)
    }
}

model! { OMRDetector {
    #[new]
    #[pyo3(signature = (model=Given(None), n_components=Given(None), alpha=Given(None), clip=Clip(10.0)))]
    fn new(
        model: Given<'_, '_>,
        n_components: Given<'_, '_>,
        alpha: Given<'_, '_>,
        clip: Clip,
    ) -> PyResult<Self> {
        let model = model.map_or(Ok(Kind::Auto), |value| choice(value, "model", &Kind::ALL))?;
        let components = n_components.map_or(Ok(5), |value| count(value, "n_components", 1))?;
        let alpha = alpha.map_or(Ok(1.0), |value| number(value, "alpha"))?;
        Ok(Self {
            parameters: Omr::new(model, components, alpha, clip.0).map_err(exception)?,
            held: Held::default(),
        })
    }

    #[pyo3(signature = (x, labels=None, weights=None, *, names=None))]
    fn fit<'py>(
        slf: Bound<'py, Self>,
        x: &Bound<'py, PyAny>,
        labels: Option<&Bound<'py, PyAny>>,
        weights: Option<&Bound<'py, PyAny>>,
        names: Option<&Bound<'py, PyAny>>,
    ) -> PyResult<Bound<'py, Self>> {
        let py = slf.py();
        let input = samples_of(x)?;
        let samples = input.samples();
        let names = names_of(names, samples.columns())?;
        let labels = labels.map(|labels| whole_numbers(labels, "labels", Some(samples.rows()))).transpose()?;
        let weights = weights.map(|value| numbers_by_column(value, "weights", samples.columns())).transpose()?;
        let parameters = &slf.get().parameters;
        let fitted = compute(py, || {
            let fitted = match labels {
                Some(labels) => parameters.fit_most_frequent(samples, &labels)?,
                None => parameters.fit(samples)?,
            };
            match weights {
                Some(weights) => fitted.weigh(&weights),
                None => Ok(fitted),
            }
        })?;
        let used = used(&fitted)?;
        slf.get().held.set(py, fitted, names.clone())?;
        let reason = "do not vary or are missing in more than half of the rows, and are left out";
        warn_left_out(py, names.as_ref(), &used, reason)?;
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

    fn predict<'py>(&self, py: Python<'py>, x: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
        let fitted = self.held.get()?;
        let input = samples_of(x)?;
        let samples = input.samples();
        let shape = (samples.rows(), samples.columns());
        table(py, shape, input.is_line(), |out| fitted.predict(samples, out))
    }

    fn residuals<'py>(&self, py: Python<'py>, x: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
        let fitted = self.held.get()?;
        let input = samples_of(x)?;
        let samples = input.samples();
        let shape = (samples.rows(), samples.columns());
        table(py, shape, input.is_line(), |out| fitted.residuals(samples, out))
    }

    #[getter]
    fn model(&self) -> &'static str {
        self.parameters.model().name()
    }

    #[getter]
    fn n_components(&self) -> usize {
        self.parameters.components()
    }

    #[getter]
    fn alpha(&self) -> f64 {
        self.parameters.alpha()
    }

    #[getter]
    fn clip(&self) -> Option<f64> {
        Some(self.parameters.clip()).filter(|clip| clip.is_finite())
    }

    #[getter]
    fn model_(&self) -> PyResult<&'static str> {
        Ok(self.held.get()?.model().name())
    }

    #[getter]
    fn n_components_(&self) -> PyResult<Option<usize>> {
        Ok(self.held.get()?.components())
    }

    #[getter]
    fn coefficients_<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyArray2<f64>>> {
        let fitted = self.held.get()?;
        let values = compute(py, || fitted.coefficients())?;
        matrix(py, &values, fitted.columns())
    }

    #[getter]
    fn center_<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyArray1<f64>>> {
        attribute(py, &self.held.get()?.scaling().center)
    }

    #[getter]
    fn scale_<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyArray1<f64>>> {
        attribute(py, &self.held.get()?.scaling().scale)
    }

    #[getter]
    fn norm_scale_(&self) -> PyResult<f64> {
        Ok(self.held.get()?.norm_scale())
    }

    #[getter]
    fn used_<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyArray1<bool>>> {
        attribute(py, &used(&*self.held.get()?)?)
    }

    #[getter]
    fn weights_<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyArray1<f64>>> {
        attribute(py, self.held.get()?.weights())
    }

    #[getter]
    fn n_features_in_(&self) -> PyResult<usize> {
        Ok(self.held.get()?.columns())
    }
} }

/// Whether each column takes part.
fn used(fitted: &FittedOmr) -> PyResult<Vec<bool>> {
    let mut used = reserve(fitted.columns(), false, "the columns").map_err(exception)?;
    for &column in fitted.watched() {
        used[column] = true;
    }
    Ok(used)
}
