//! The Page-Hinkley test.

use acm_detectors::decisions::{self, ChartMemory};
use pyo3::prelude::*;

use super::charts::{Charts, charted};
use crate::arguments::{count, number, truth};
use crate::classes::{class, parameters};
use crate::interop::{Value, exception};

class!(PageHinkley, decisions::PageHinkley, ChartMemory<decisions::PageHinkley>);
parameters!(
    PageHinkley,
    of,
    threshold = of.threshold(),
    delta = of.delta(),
    min_rows = of.min_rows(),
    reset = of.reset()
);

#[pymethods]
impl PageHinkley {
    #[new]
    fn new(threshold: &Value<'_>, delta: &Value<'_>, min_rows: &Value<'_>, reset: &Value<'_>) -> PyResult<Self> {
        let reset = truth(reset, "reset")?;
        let (threshold, delta) = (number(threshold, "threshold")?, number(delta, "delta")?);
        let chart = decisions::PageHinkley::new(threshold, delta, count(min_rows, "min_rows", 1)?, reset);
        Ok(Self::of(chart.map_err(exception)?))
    }

    fn update<'py>(&self, x: &Value<'py>) -> PyResult<Charts<'py>> {
        charted(x, |x, out| self.held.follow(|chart, live| live.update(chart, x, out)))
    }
}

#[pyfunction]
pub(crate) fn page_hinkley<'py>(
    x: &Value<'py>,
    threshold: &Value<'py>,
    delta: &Value<'py>,
    min_rows: &Value<'py>,
    reset: &Value<'py>,
) -> PyResult<Charts<'py>> {
    PageHinkley::new(threshold, delta, min_rows, reset)?.update(x)
}
