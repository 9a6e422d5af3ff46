//! Thresholds from healthy scores.

use acm_detectors::decisions::{self, Calibration};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::PyIterator;

use crate::arguments::{Given, count, kept_count, number, seed_of, truth};
use crate::interop::{compute, exception, input};

/// A threshold and its confidence interval, made by `calibrate`. Counts as its threshold wherever a number is asked for.
///
/// Attributes
/// ----------
/// threshold : float
///     Healthy scores exceed it at the false alarm rate.
/// low, high : float
///     Ends of the confidence interval.
/// extrapolated : bool
///     Whether the rate lies beyond the data, so that the threshold comes from a fit to their tail.
/// block : int
///     Rows to a block of the bootstrap.
/// known : int
///     Known scores.
///
/// Notes
/// -----
/// Unpacks to ``threshold, low, high``.
///
/// Examples
/// --------
/// >>> import numpy as np, acm_rs
/// >>> found = acm_rs.calibrate(np.random.default_rng(0).normal(size=1000), 0.01)
/// >>> threshold, low, high = found
/// >>> low <= float(found) <= high
/// True
#[pyclass(module = "acm_rs", frozen, eq)]
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

/// The threshold that healthy scores exceed at a given rate, with its confidence interval.
///
/// Parameters
/// ----------
/// score : ndarray of float64 or float32, shape (n,)
///     Scores of healthy rows, oldest first, best of rows that the detector was not fitted on. At least 20 known values.
/// false_alarm_rate : float
///     Share of healthy rows that may lie above the threshold; above 0 and below 1.
/// confidence : float, default 0.95
///     Of the interval; above 0 and below 1.
/// n_boot : int, default 1000
///     Resamples of the bootstrap.
/// block : int, optional
///     Rows to a block of the bootstrap; by default as long as the scores depend on each other.
/// seed : int, default 17
///     Of the resamples. The threshold itself does not depend on it.
///
/// Returns
/// -------
/// Threshold
///     ``threshold``, ``low``, ``high``, ``extrapolated``, ``block``, ``known``; unpacks to the first three.
///
/// Raises
/// ------
/// TypeError
///     ``score`` is no float array, or a parameter is of another type.
/// ValueError
///     A parameter is outside what it may be, fewer than 20 scores are known, or ``score`` has more than one column.
///
/// Notes
/// -----
/// The h-th largest of n scores, h = false_alarm_rate (n + 1), between two scores linearly: the next score of the same kind
/// exceeds it with the rate asked for, whatever their distribution. Where h < 1 the rate lies beyond the data: a generalised
/// Pareto distribution is fitted to the excesses of the top tenth (30 to 500 scores) by probability-weighted moments [1]_, and
/// the threshold is never below the largest score. There the mean true rate is above the rate asked for: 1.6e-3 for 1e-3 on 400
/// exponential scores. NaN and infinity are left out.
///
/// Neighbouring scores depend on each other, so that n of them say less than n. The interval therefore comes from a circular
/// block bootstrap [2]_ with blocks by the rule of Politis and White [3]_ on the scores' ranks, at least n^(1/3) rows; of the tail's fit where fewer
/// than 10 false alarms are expected. A wide interval says that more healthy data are needed.
///
/// .. [1] Hosking and Wallis, Parameter and quantile estimation for the generalized Pareto distribution, Technometrics 29,
///        1987, doi 10.1080/00401706.1987.10488243.
/// .. [2] Künsch, The jackknife and the bootstrap for general stationary observations, Annals of Statistics 17, 1989,
///        doi 10.1214/aos/1176347265.
/// .. [3] Politis and White, Automatic block-length selection for the dependent bootstrap, Econometric Reviews 23, 2004,
///        doi 10.1081/ETC-120028836; corrected 2009, doi 10.1080/07474930802459016.
///
/// Examples
/// --------
/// >>> import numpy as np, acm_rs
/// >>> healthy = np.arange(1.0, 100.0)
/// >>> acm_rs.calibrate(healthy, 0.1).threshold
/// 90.0
#[pyfunction]
#[pyo3(signature = (score, false_alarm_rate, *, confidence=Given(None), n_boot=Given(None), block=None, seed=Given(None)),
       text_signature = "(score, false_alarm_rate, *, confidence=0.95, n_boot=1000, block=None, seed=17)")]
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
