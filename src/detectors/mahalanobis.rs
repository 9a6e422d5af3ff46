//! Mahalanobis distances.

use acm_detectors::mahalanobis::{self, FittedMahalanobis, LaggedMemory};
use acm_linalg::covariance::Shrinkage;
use pyo3::prelude::*;
use pyo3::types::PyString;

use crate::arguments::{Given, count, number, unknown_word, word};
use crate::held::Held;
use crate::interop::{compute, exception};
use crate::models::{Model, attribute, filled, matrix, model, samples_of, table, warn_left_out};
use crate::naming::names_of;

#[pyclass(module = "acm_rs._native", frozen)]
pub(crate) struct MahalanobisDetector {
    parameters: mahalanobis::MahalanobisDetector,
    held: Held<FittedMahalanobis, LaggedMemory>,
}

impl Model for MahalanobisDetector {
    type Fitted = FittedMahalanobis;
    type Live = LaggedMemory;

    const PARAMETERS: &'static [&'static str] = &["shrinkage", "lags"];

    fn held(&self) -> &Held<FittedMahalanobis, LaggedMemory> {
        &self.held
    }

    fn around(held: Held<FittedMahalanobis, LaggedMemory>) -> PyResult<Self> {
        Ok(Self {
            parameters: *held.get()?.parameters(),
            held,
        })
    }
}

fn shrinkage_of(value: &Bound<'_, PyAny>) -> PyResult<Shrinkage> {
    let must = "\"ledoit_wolf\", \"none\" or a number between 0 and 1";
    if !value.is_instance_of::<PyString>() {
        return number(value, "shrinkage").map(Shrinkage::Share);
    }
    match word(value, "shrinkage", must)?.as_str() {
        "ledoit_wolf" => Ok(Shrinkage::LedoitWolf),
        "none" => Ok(Shrinkage::Nothing),
        _ => Err(unknown_word(value, "shrinkage", must)),
    }
}

model! { MahalanobisDetector {
    #[new]
    #[pyo3(signature = (shrinkage=Given(None), lags=Given(None)))]
    fn new(shrinkage: Given<'_, '_>, lags: Given<'_, '_>) -> PyResult<Self> {
        let shrinkage = shrinkage.map_or(Ok(Shrinkage::LedoitWolf), shrinkage_of)?;
        let lags = lags.map_or(Ok(0), |value| count(value, "lags", 0))?;
        Ok(Self {
            parameters: mahalanobis::MahalanobisDetector::new(shrinkage, lags).map_err(exception)?,
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
        self.held.get()?;
        let input = samples_of(x)?;
        let samples = input.samples();
        filled(py, samples.rows(), |out| {
            self.held.follow(|fitted, live| fitted.update(live, samples, out))
        })
    }

    fn contributions<'py>(&self, py: Python<'py>, x: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
        let fitted = self.held.get()?;
        let input = samples_of(x)?;
        let samples = input.samples();
        let shape = (samples.rows(), samples.columns());
        table(py, shape, input.is_line(), |out| fitted.contributions(samples, out))
    }

    #[pyo3(signature = (alpha=Given(None)))]
    fn limit(&self, alpha: Given<'_, '_>) -> PyResult<f64> {
        let alpha = alpha.map_or(Ok(0.01), |value| number(value, "alpha"))?;
        self.held.get()?.limit(alpha).map_err(exception)
    }

    #[getter]
    fn shrinkage<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        Ok(match self.parameters.shrinkage() {
            Shrinkage::LedoitWolf => PyString::new(py, "ledoit_wolf").into_any(),
            Shrinkage::Nothing => PyString::new(py, "none").into_any(),
            Shrinkage::Share(share) => share.into_pyobject(py)?.into_any(),
        })
    }

    #[getter]
    fn lags(&self) -> usize {
        self.parameters.lags()
    }

    #[getter]
    fn covariance_<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, numpy::PyArray2<f64>>> {
        let fitted = self.held.get()?;
        matrix(py, fitted.covariance(), fitted.width())
    }

    #[getter]
    fn shrinkage_(&self) -> PyResult<f64> {
        Ok(self.held.get()?.shrinkage())
    }

    #[getter]
    fn center_<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, numpy::PyArray1<f64>>> {
        attribute(py, &self.held.get()?.center().map_err(exception)?)
    }

    #[getter]
    fn scale_<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, numpy::PyArray1<f64>>> {
        attribute(py, &self.held.get()?.scale().map_err(exception)?)
    }

    #[getter]
    fn used_<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, numpy::PyArray1<bool>>> {
        attribute(py, &self.held.get()?.used().map_err(exception)?)
    }

    #[getter]
    fn n_features_in_(&self) -> PyResult<usize> {
        Ok(self.held.get()?.columns())
    }
} }
