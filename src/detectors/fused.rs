//! The fused detector.

use acm_detectors::fused::{FittedFused, Fused, FusedMemory};
use acm_linalg::pca::Components;
use pyo3::prelude::*;
use pyo3::types::PyTuple;

use crate::arguments::{Given, count, number, numbers};
use crate::held::Held;
use crate::interop::{compute, exception};
use crate::linalg::components_of;
use crate::models::{Model, attribute, filled, model, samples_of, table, warn_left_out};
use crate::naming::names_of;

#[pyclass(module = "acm_rs._native", frozen)]
pub(crate) struct FusedDetector {
    parameters: Fused,
    held: Held<FittedFused, FusedMemory>,
}

impl Model for FusedDetector {
    type Fitted = FittedFused;
    type Live = FusedMemory;

    const PARAMETERS: &'static [&'static str] =
        &["n_components", "lags", "memories", "folds", "false_alarm_rate", "trim"];

    fn held(&self) -> &Held<FittedFused, FusedMemory> {
        &self.held
    }

    fn around(held: Held<FittedFused, FusedMemory>) -> PyResult<Self> {
        Ok(Self {
            parameters: held.get()?.parameters().clone(),
            held,
        })
    }
}

model! { FusedDetector {
    #[new]
    #[pyo3(signature = (n_components=Given(None), lags=Given(None), memories=Given(None), folds=Given(None), false_alarm_rate=Given(None), trim=Given(None)))]
    fn new(
        n_components: Given<'_, '_>,
        lags: Given<'_, '_>,
        memories: Given<'_, '_>,
        folds: Given<'_, '_>,
        false_alarm_rate: Given<'_, '_>,
        trim: Given<'_, '_>,
    ) -> PyResult<Self> {
        let components =
            n_components.map_or(Ok(Components::Share(0.9)), |value| components_of(value, "n_components"))?;
        let lags = lags.map_or(Ok(2), |value| count(value, "lags", 0))?;
        let memories = memories.map_or(Ok(vec![1.0, 0.2, 0.03]), |value| numbers(value, "memories"))?;
        let folds = folds.map_or(Ok(10), |value| count(value, "folds", 2))?;
        let rate = false_alarm_rate.map_or(Ok(0.01), |value| number(value, "false_alarm_rate"))?;
        let trim = trim.map_or(Ok(5.0), |value| number(value, "trim"))?;
        Ok(Self {
            parameters: Fused::new(components, lags, &memories, folds, rate, trim).map_err(exception)?,
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
        warn_left_out(py, names.as_ref(), &used, "are constant or lack half of their values and are left out")?;
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

    fn parts<'py>(&self, py: Python<'py>, x: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
        let fitted = self.held.get()?;
        let input = samples_of(x)?;
        let samples = input.samples();
        let shape = (samples.rows(), fitted.limits().len());
        table(py, shape, false, |out| fitted.parts(samples, out))
    }

    #[getter]
    fn n_components<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        Ok(match self.parameters.components() {
            Components::Count(count) => count.into_pyobject(py)?.into_any(),
            Components::Share(share) => share.into_pyobject(py)?.into_any(),
        })
    }

    #[getter]
    fn lags(&self) -> usize {
        self.parameters.lags()
    }

    #[getter]
    fn memories<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyTuple>> {
        PyTuple::new(py, self.parameters.memories())
    }

    #[getter]
    fn folds(&self) -> usize {
        self.parameters.folds()
    }

    #[getter]
    fn false_alarm_rate(&self) -> f64 {
        self.parameters.false_alarm_rate()
    }

    #[getter]
    fn trim(&self) -> f64 {
        self.parameters.trim()
    }

    #[getter]
    fn n_components_(&self) -> PyResult<usize> {
        Ok(self.held.get()?.components())
    }

    #[getter]
    fn part_names_<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyTuple>> {
        PyTuple::new(py, self.held.get()?.part_names().map_err(exception)?)
    }

    #[getter]
    fn limits_<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, numpy::PyArray1<f64>>> {
        attribute(py, self.held.get()?.limits())
    }

    #[getter]
    fn part_mean_<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, numpy::PyArray1<f64>>> {
        attribute(py, self.held.get()?.part_mean())
    }

    #[getter]
    fn part_sd_<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, numpy::PyArray1<f64>>> {
        attribute(py, self.held.get()?.part_sd())
    }

    #[getter]
    fn mean_power_(&self) -> PyResult<f64> {
        Ok(self.held.get()?.mean_power())
    }

    #[getter]
    fn trimmed_(&self) -> PyResult<usize> {
        Ok(self.held.get()?.trimmed())
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
