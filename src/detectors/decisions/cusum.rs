//! Cumulative sums.

use acm_detectors::decisions::{self, ChartMemory};
use pyo3::prelude::*;

use super::charts::{Charts, Given, charted, levels};
use crate::arguments::{number, truth};
use crate::classes::{class, parameters};
use crate::interop::{Value, exception};

class!(Cusum, decisions::Cusum, ChartMemory<decisions::Cusum>);
parameters!(
    Cusum,
    of,
    threshold = of.threshold(),
    drift = of.drift(),
    target = Given(of.target()),
    scale = Given(of.scale()),
    reset = of.reset()
);

#[pymethods]
impl Cusum {
    #[new]
    fn new(
        threshold: &Value<'_>,
        drift: &Value<'_>,
        target: &Value<'_>,
        scale: &Value<'_>,
        reset: &Value<'_>,
    ) -> PyResult<Self> {
        let reset = truth(reset, "reset")?;
        let (threshold, drift) = (number(threshold, "threshold")?, number(drift, "drift")?);
        let (target, scale) = (levels(target, "target")?, levels(scale, "scale")?);
        Ok(Self::of(decisions::Cusum::new(threshold, drift, target, scale, reset).map_err(exception)?))
    }

    fn update<'py>(&self, x: &Value<'py>) -> PyResult<Charts<'py>> {
        charted(x, |x, out| self.held.follow(|chart, live| live.update(chart, x, out)))
    }
}

#[pyfunction]
pub(crate) fn cusum<'py>(
    x: &Value<'py>,
    threshold: &Value<'py>,
    drift: &Value<'py>,
    target: &Value<'py>,
    scale: &Value<'py>,
    reset: &Value<'py>,
) -> PyResult<Charts<'py>> {
    Cusum::new(threshold, drift, target, scale, reset)?.update(x)
}
