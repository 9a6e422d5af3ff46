//! The Page-Hinkley test.

use acm_detectors::decisions::{self, ChartMemory};
use pyo3::prelude::*;

use super::charted::{Charts, charted};
use crate::arguments::{Given, count, number, truth};
use crate::held::Held;
use crate::interop::exception;
use crate::models::{Model, model};

#[pyclass(module = "acm_rs._native", frozen)]
pub(crate) struct PageHinkley {
    held: Held<decisions::PageHinkley, ChartMemory<decisions::PageHinkley>>,
}

impl Model for PageHinkley {
    type Fitted = decisions::PageHinkley;
    type Live = ChartMemory<decisions::PageHinkley>;

    const PARAMETERS: &'static [&'static str] = &["threshold", "delta", "min_rows", "reset"];

    fn held(&self) -> &Held<Self::Fitted, Self::Live> {
        &self.held
    }

    fn around(held: Held<Self::Fitted, Self::Live>) -> PyResult<Self> {
        Ok(Self { held })
    }
}

fn chart_of(
    threshold: &Bound<'_, PyAny>,
    delta: &Bound<'_, PyAny>,
    min_rows: Given<'_, '_>,
    reset: Given<'_, '_>,
) -> PyResult<decisions::PageHinkley> {
    let reset = reset.map_or(Ok(false), |value| truth(value, "reset"))?;
    let (threshold, delta) = (number(threshold, "threshold")?, number(delta, "delta")?);
    let min_rows = min_rows.map_or(Ok(30), |value| count(value, "min_rows", 1))?;
    decisions::PageHinkley::new(threshold, delta, min_rows, reset).map_err(exception)
}

model! { PageHinkley {
    #[new]
    #[pyo3(signature = (threshold, delta, *, min_rows=Given(None), reset=Given(None)))]
    fn new(
        py: Python<'_>,
        threshold: &Bound<'_, PyAny>,
        delta: &Bound<'_, PyAny>,
        min_rows: Given<'_, '_>,
        reset: Given<'_, '_>,
    ) -> PyResult<Self> {
        let held = Held::default();
        held.set(py, chart_of(threshold, delta, min_rows, reset)?, None)?;
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
    fn delta(&self) -> PyResult<f64> {
        Ok(self.held.get()?.delta())
    }

    #[getter]
    fn min_rows(&self) -> PyResult<u64> {
        Ok(self.held.get()?.min_rows())
    }

    #[getter]
    fn reset(&self) -> PyResult<bool> {
        Ok(self.held.get()?.reset())
    }
} }

#[pyfunction]
#[pyo3(signature = (x, threshold, delta, *, min_rows=Given(None), reset=Given(None)))]
pub(crate) fn page_hinkley<'py>(
    py: Python<'py>,
    x: &Bound<'py, PyAny>,
    threshold: &Bound<'py, PyAny>,
    delta: &Bound<'py, PyAny>,
    min_rows: Given<'_, 'py>,
    reset: Given<'_, 'py>,
) -> PyResult<Charts<'py>> {
    let chart = chart_of(threshold, delta, min_rows, reset)?;
    charted(py, x, |x, out| ChartMemory::default().update(&chart, x, out))
}
