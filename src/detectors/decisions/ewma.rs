//! The exponentially weighted moving average chart.

use acm_detectors::decisions::{self, ChartMemory};
use pyo3::prelude::*;

use super::charts::{Charts, Given, charted, levels};
use crate::arguments::number;
use crate::classes::{class, parameters};
use crate::interop::{Value, exception};

class!(EwmaChart, decisions::EwmaChart, ChartMemory<decisions::EwmaChart>);
parameters!(EwmaChart, of, lam = of.lam(), width = of.width(), target = Given(of.target()), sigma = Given(of.sigma()));

#[pymethods]
impl EwmaChart {
    #[new]
    fn new(lam: &Value<'_>, width: &Value<'_>, target: &Value<'_>, sigma: &Value<'_>) -> PyResult<Self> {
        let (target, sigma) = (levels(target, "target")?, levels(sigma, "sigma")?);
        let chart = decisions::EwmaChart::new(number(lam, "lam")?, number(width, "width")?, target, sigma);
        Ok(Self::of(chart.map_err(exception)?))
    }

    fn update<'py>(&self, x: &Value<'py>) -> PyResult<Charts<'py>> {
        charted(x, |x, out| self.held.follow(|chart, live| live.update(chart, x, out)))
    }
}

#[pyfunction]
pub(crate) fn ewma_chart<'py>(
    x: &Value<'py>,
    lam: &Value<'py>,
    width: &Value<'py>,
    target: &Value<'py>,
    sigma: &Value<'py>,
) -> PyResult<Charts<'py>> {
    EwmaChart::new(lam, width, target, sigma)?.update(x)
}
