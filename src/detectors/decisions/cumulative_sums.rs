//! Cumulative sums.

use acm_detectors::decisions::{self, ChartMemory};
use pyo3::prelude::*;

use super::charted::{Charts, charted, levels, shown};
use crate::arguments::{Given, number, truth};
use crate::held::Held;
use crate::interop::exception;
use crate::models::{Model, model};

#[pyclass(module = "acm_rs._native", frozen)]
pub(crate) struct Cusum {
    held: Held<decisions::Cusum, ChartMemory<decisions::Cusum>>,
}

impl Model for Cusum {
    type Fitted = decisions::Cusum;
    type Live = ChartMemory<decisions::Cusum>;

    const PARAMETERS: &'static [&'static str] = &["threshold", "drift", "target", "scale", "reset"];

    fn held(&self) -> &Held<Self::Fitted, Self::Live> {
        &self.held
    }

    fn around(held: Held<Self::Fitted, Self::Live>) -> PyResult<Self> {
        Ok(Self { held })
    }
}

fn chart_of(
    threshold: &Bound<'_, PyAny>,
    drift: &Bound<'_, PyAny>,
    target: Given<'_, '_>,
    scale: Given<'_, '_>,
    reset: Given<'_, '_>,
) -> PyResult<decisions::Cusum> {
    let reset = reset.map_or(Ok(false), |value| truth(value, "reset"))?;
    let (threshold, drift) = (number(threshold, "threshold")?, number(drift, "drift")?);
    let (target, scale) = (levels(target, "target", 0.0)?, levels(scale, "scale", 1.0)?);
    decisions::Cusum::new(threshold, drift, target, scale, reset).map_err(exception)
}

model! { Cusum {
    #[new]
    #[pyo3(signature = (threshold, drift, *, target=Given(None), scale=Given(None), reset=Given(None)))]
    fn new(
        py: Python<'_>,
        threshold: &Bound<'_, PyAny>,
        drift: &Bound<'_, PyAny>,
        target: Given<'_, '_>,
        scale: Given<'_, '_>,
        reset: Given<'_, '_>,
    ) -> PyResult<Self> {
        let held = Held::default();
        held.set(py, chart_of(threshold, drift, target, scale, reset)?, None)?;
        Ok(Self { held })
    }

    fn update<'py>(&self, py: Python<'py>, x: &Bound<'py, PyAny>) -> PyResult<Charts<'py>> {
        charted(py, x, |x, out| self.held.follow(|chart, live| live.update(chart, x, out)))
    }

    #[getter]
    fn threshold(&self) -> PyResult<f64> {
        Ok(self.held.get()?.threshold())
    }

    #[getter]
    fn drift(&self) -> PyResult<f64> {
        Ok(self.held.get()?.drift())
    }

    #[getter]
    fn target<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        shown(py, self.held.get()?.target())
    }

    #[getter]
    fn scale<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        shown(py, self.held.get()?.scale())
    }

    #[getter]
    fn reset(&self) -> PyResult<bool> {
        Ok(self.held.get()?.reset())
    }
} }

#[pyfunction]
#[pyo3(signature = (x, threshold, drift, *, target=Given(None), scale=Given(None), reset=Given(None)))]
pub(crate) fn cusum<'py>(
    py: Python<'py>,
    x: &Bound<'py, PyAny>,
    threshold: &Bound<'py, PyAny>,
    drift: &Bound<'py, PyAny>,
    target: Given<'_, 'py>,
    scale: Given<'_, 'py>,
    reset: Given<'_, 'py>,
) -> PyResult<Charts<'py>> {
    let chart = chart_of(threshold, drift, target, scale, reset)?;
    charted(py, x, |x, out| ChartMemory::default().update(&chart, x, out))
}
