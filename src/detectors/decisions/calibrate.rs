//! Thresholds from healthy scores.

use acm_detectors::decisions::{self, Calibration};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::{PyIterator, PyTuple, PyType};

use crate::arguments::{count, kept_count, number, optional, seed_of, truth};
use crate::classes::parameters;
use crate::interop::{Value, compute, exception, input};
use crate::saved::spelled;

#[pyclass(module = "acm_rs._native", frozen, eq)]
#[derive(PartialEq)]
pub(crate) struct Threshold {
    parameters: decisions::Threshold,
}

parameters!(
    Threshold,
    of,
    threshold = of.threshold,
    low = of.low,
    high = of.high,
    extrapolated = of.extrapolated,
    block = of.block,
    known = of.known,
    trimmed = of.trimmed,
    heavy = of.heavy
);

/// A score; not NaN.
fn level(value: &Value<'_>, name: &str) -> PyResult<f64> {
    match number(value, name)? {
        nan if nan.is_nan() => Err(PyValueError::new_err(format!("`{name}` must be a number, got NaN"))),
        level => Ok(level),
    }
}

#[pymethods]
impl Threshold {
    #[new]
    #[expect(clippy::too_many_arguments, reason = "one for each attribute")]
    fn new(
        threshold: &Value<'_>,
        low: &Value<'_>,
        high: &Value<'_>,
        extrapolated: &Value<'_>,
        block: &Value<'_>,
        known: &Value<'_>,
        trimmed: &Value<'_>,
        heavy: &Value<'_>,
    ) -> PyResult<Self> {
        let parameters = decisions::Threshold {
            threshold: level(threshold, "threshold")?,
            low: level(low, "low")?,
            high: level(high, "high")?,
            extrapolated: truth(extrapolated, "extrapolated")?,
            block: kept_count(block, "block", 1)?,
            known: kept_count(known, "known", 0)?,
            trimmed: kept_count(trimmed, "trimmed", 0)?,
            heavy: truth(heavy, "heavy")?,
        };
        if parameters.low > parameters.high {
            let (low, high) = (parameters.low, parameters.high);
            return Err(PyValueError::new_err(format!("`low` must be at most `high` = {high}, got {low}")));
        }
        Ok(Self { parameters })
    }

    fn __float__(&self) -> f64 {
        self.parameters.threshold
    }

    fn __iter__<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyIterator>> {
        let of = &self.parameters;
        (of.threshold, of.low, of.high).into_pyobject(py)?.try_iter()
    }

    fn __reduce__<'py>(slf: &Bound<'py, Self>) -> PyResult<(Bound<'py, PyType>, Bound<'py, PyTuple>)> {
        let parameters = slf.get().named(slf.py())?.into_iter().map(|(_, value)| value);
        Ok((slf.get_type(), PyTuple::new(slf.py(), parameters.collect::<Vec<_>>())?))
    }

    fn __repr__(slf: &Bound<'_, Self>) -> PyResult<String> {
        spelled(slf, &slf.get().named(slf.py())?)
    }
}

#[pyfunction]
pub(crate) fn calibrate(
    score: &Value<'_>,
    false_alarm_rate: &Value<'_>,
    confidence: &Value<'_>,
    n_boot: &Value<'_>,
    block: Option<&Value<'_>>,
    seed: &Value<'_>,
    contamination: Option<&Value<'_>>,
) -> PyResult<Threshold> {
    let rate = number(false_alarm_rate, "false_alarm_rate")?;
    let confidence = number(confidence, "confidence")?;
    let resamples = count(n_boot, "n_boot", 1)?;
    let block = optional(block, |value| count(value, "block", 1))?;
    let seed = seed_of(seed)?;
    let contamination = optional(contamination, |value| number(value, "contamination"))?;
    let calibration = Calibration::new(rate, confidence, resamples, block, seed)
        .and_then(|calibration| calibration.with_contamination(contamination))
        .map_err(exception)?;
    let (py, input) = (score.py(), input(score, "score")?);
    let samples = input.samples();
    let parameters = compute(py, || calibration.fit(samples))?;
    Ok(Threshold { parameters })
}
