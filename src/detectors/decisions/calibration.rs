//! Thresholds from healthy scores.

use acm_detectors::decisions::{self, Calibration};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::PyIterator;

use crate::arguments::{Given, count, kept_count, number, seed_of, truth};
use crate::interop::{compute, exception, input};

#[pyclass(module = "acm_rs._native", frozen, eq)]
#[derive(PartialEq)]
pub(crate) struct Threshold {
    found: decisions::Threshold,
}

/// A score; not NaN.
fn level(value: &Bound<'_, PyAny>, name: &str) -> PyResult<f64> {
    match number(value, name)? {
        nan if nan.is_nan() => Err(PyValueError::new_err(format!("`{name}` must be a number, got NaN"))),
        level => Ok(level),
    }
}

/// What a threshold is made of.
type Parts = (f64, f64, f64, bool, usize, usize);

#[pymethods]
impl Threshold {
    #[new]
    fn new(
        threshold: &Bound<'_, PyAny>,
        low: &Bound<'_, PyAny>,
        high: &Bound<'_, PyAny>,
        extrapolated: &Bound<'_, PyAny>,
        block: &Bound<'_, PyAny>,
        known: &Bound<'_, PyAny>,
    ) -> PyResult<Self> {
        let found = decisions::Threshold {
            threshold: level(threshold, "threshold")?,
            low: level(low, "low")?,
            high: level(high, "high")?,
            extrapolated: truth(extrapolated, "extrapolated")?,
            block: kept_count(block, "block", 1)?,
            known: kept_count(known, "known", 0)?,
        };
        if found.low > found.high {
            let (low, high) = (found.low, found.high);
            return Err(PyValueError::new_err(format!("`low` must be at most `high` = {high}, got {low}")));
        }
        Ok(Self { found })
    }

    #[getter]
    fn threshold(&self) -> f64 {
        self.found.threshold
    }

    #[getter]
    fn low(&self) -> f64 {
        self.found.low
    }

    #[getter]
    fn high(&self) -> f64 {
        self.found.high
    }

    #[getter]
    fn extrapolated(&self) -> bool {
        self.found.extrapolated
    }

    #[getter]
    fn block(&self) -> usize {
        self.found.block
    }

    #[getter]
    fn known(&self) -> usize {
        self.found.known
    }

    fn __float__(&self) -> f64 {
        self.found.threshold
    }

    fn __iter__<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyIterator>> {
        (self.found.threshold, self.found.low, self.found.high).into_pyobject(py)?.try_iter()
    }

    fn __reduce__<'py>(slf: &Bound<'py, Self>) -> (Bound<'py, PyAny>, Parts) {
        let found = slf.get().found;
        let parts = (found.threshold, found.low, found.high, found.extrapolated, found.block, found.known);
        (slf.as_any().get_type().into_any(), parts)
    }

    fn __repr__(slf: &Bound<'_, Self>) -> PyResult<String> {
        let mut parts = Vec::new();
        for name in ["threshold", "low", "high", "extrapolated", "block", "known"] {
            parts.push(format!("{name}={}", slf.as_any().getattr(name)?.repr()?));
        }
        Ok(format!("Threshold({})", parts.join(", ")))
    }
}

#[pyfunction]
#[pyo3(signature = (score, false_alarm_rate, *, confidence=Given(None), n_boot=Given(None), block=None, seed=Given(None)))]
pub(crate) fn calibrate(
    py: Python<'_>,
    score: &Bound<'_, PyAny>,
    false_alarm_rate: &Bound<'_, PyAny>,
    confidence: Given<'_, '_>,
    n_boot: Given<'_, '_>,
    block: Option<&Bound<'_, PyAny>>,
    seed: Given<'_, '_>,
) -> PyResult<Threshold> {
    let rate = number(false_alarm_rate, "false_alarm_rate")?;
    let confidence = confidence.map_or(Ok(0.95), |value| number(value, "confidence"))?;
    let resamples = n_boot.map_or(Ok(1000), |value| count(value, "n_boot", 1))?;
    let block = block.map(|value| count(value, "block", 1)).transpose()?;
    let seed = seed.map_or(Ok(17), seed_of)?;
    let calibration = Calibration::new(rate, confidence, resamples, block, seed).map_err(exception)?;
    let input = input(score, "score")?;
    let samples = input.samples();
    let found = compute(py, || calibration.fit(samples))?;
    Ok(Threshold { found })
}
