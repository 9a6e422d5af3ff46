//! The exponentially weighted moving average chart.

use acm_detectors::decisions::{self, ChartMemory};
use pyo3::prelude::*;

use super::charted::{Charts, charted, levels, shown};
use crate::arguments::{Given, number};
use crate::held::Held;
use crate::interop::exception;
use crate::models::{Model, model};

#[pyclass(module = "acm_rs._native", frozen)]
pub(crate) struct EwmaChart {
    held: Held<decisions::EwmaChart, ChartMemory<decisions::EwmaChart>>,
}

impl Model for EwmaChart {
    type Fitted = decisions::EwmaChart;
    type Live = ChartMemory<decisions::EwmaChart>;

    const PARAMETERS: &'static [&'static str] = &["lam", "width", "target", "sigma"];

    fn held(&self) -> &Held<Self::Fitted, Self::Live> {
        &self.held
    }

    fn around(held: Held<Self::Fitted, Self::Live>) -> PyResult<Self> {
        Ok(Self { held })
    }
}

fn chart_of(
    lam: &Bound<'_, PyAny>,
    width: &Bound<'_, PyAny>,
    target: Given<'_, '_>,
    sigma: Given<'_, '_>,
) -> PyResult<decisions::EwmaChart> {
    let (target, sigma) = (levels(target, "target", 0.0)?, levels(sigma, "sigma", 1.0)?);
    decisions::EwmaChart::new(number(lam, "lam")?, number(width, "width")?, target, sigma).map_err(exception)
}

model! { EwmaChart {
    #[new]
    #[pyo3(signature = (lam, width, *, target=Given(None), sigma=Given(None)))]
    fn new(
        py: Python<'_>,
        lam: &Bound<'_, PyAny>,
        width: &Bound<'_, PyAny>,
        target: Given<'_, '_>,
        sigma: Given<'_, '_>,
    ) -> PyResult<Self> {
        let held = Held::default();
        held.set(py, chart_of(lam, width, target, sigma)?, None)?;
        Ok(Self { held })
    }

    fn update<'py>(&self, py: Python<'py>, x: &Bound<'py, PyAny>) -> PyResult<Charts<'py>> {
        charted(py, x, |x, out| self.held.follow(|chart, live| live.update(chart, x, out)))
    }

    #[getter]
    fn lam(&self) -> PyResult<f64> {
        Ok(self.held.get()?.lam())
    }

    #[getter]
    fn width(&self) -> PyResult<f64> {
        Ok(self.held.get()?.width())
    }

    #[getter]
    fn target<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        shown(py, self.held.get()?.target())
    }

    #[getter]
    fn sigma<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        shown(py, self.held.get()?.sigma())
    }
} }

#[pyfunction]
#[pyo3(signature = (x, lam, width, *, target=Given(None), sigma=Given(None)))]
pub(crate) fn ewma_chart<'py>(
    py: Python<'py>,
    x: &Bound<'py, PyAny>,
    lam: &Bound<'py, PyAny>,
    width: &Bound<'py, PyAny>,
    target: Given<'_, 'py>,
    sigma: Given<'_, 'py>,
) -> PyResult<Charts<'py>> {
    let chart = chart_of(lam, width, target, sigma)?;
    charted(py, x, |x, out| ChartMemory::default().update(&chart, x, out))
}
