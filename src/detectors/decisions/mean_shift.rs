//! The Page-Hinkley test.

use acm_detectors::decisions::{self, Live};
use pyo3::prelude::*;

use super::charted::{Charts, charted};
use crate::arguments::{Given, count, number, truth};
use crate::held::Held;
use crate::interop::exception;
use crate::models::{Model, model};

/// The Page-Hinkley test of rows as they come: `page_hinkley` with a memory.
///
/// Parameters
/// ----------
/// threshold : float
///     What a statistic must exceed for an alarm, in the values' unit; above 0.
/// delta : float
///     Change of the mean that is allowed, in the values' unit; at least 0.
/// min_rows : int, default 30
///     Known values of a column before its first alarm.
/// reset : bool, default False
///     Forget everything of a column after an alarm's row, its mean too.
///
/// Raises
/// ------
/// TypeError
///     A parameter is of another type.
/// ValueError
///     A parameter is outside what it may be.
///
/// Notes
/// -----
/// Any cut of a history into updates gives the bytes of one ``page_hinkley`` over all of it. ``to_bytes`` carries means and
/// statistics across a restart. The test is that of Hinkley [1]_.
///
/// .. [1] Hinkley, Inference about the change-point from cumulative sum tests, Biometrika 58, 1971,
///        doi 10.1093/biomet/58.3.509.
///
/// Examples
/// --------
/// >>> import numpy as np, acm_rs
/// >>> chart = acm_rs.PageHinkley(threshold=5.0, delta=0.5)
/// >>> high, low, alarm = chart.update(np.full(100, 20.0))
/// >>> high, low, alarm = chart.update(np.array([24.0, 24.0]))
/// >>> alarm
/// array([False,  True])
#[pyclass(module = "acm_rs", frozen)]
pub(crate) struct PageHinkley {
    held: Held<decisions::PageHinkley, Live<decisions::PageHinkley>>,
}

impl Model for PageHinkley {
    type Fitted = decisions::PageHinkley;
    type Live = Live<decisions::PageHinkley>;

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
    #[pyo3(signature = (threshold, delta, *, min_rows=Given(None), reset=Given(None)),
           text_signature = "(threshold, delta, *, min_rows=30, reset=False)")]
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

    /// The statistics and alarms of the next rows.
    ///
    /// Parameters
    /// ----------
    /// x : ndarray of float64 or float32, shape (n, d) or (n,)
    ///     The next rows, any number; as many columns as before.
    ///
    /// Returns
    /// -------
    /// high, low : ndarray of float64, shape of ``x``
    ///     The statistic for a rise and that for a fall.
    /// alarm : ndarray of bool, shape of ``x``
    ///     Whether either exceeds the threshold.
    ///
    /// Raises
    /// ------
    /// TypeError
    ///     ``x`` is no float array.
    /// ValueError
    ///     ``x`` has another number of columns than before; nothing is remembered then.
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

/// Page-Hinkley test: whether the mean has left the level it has had so far. Nothing need be known of healthy data.
///
/// Parameters
/// ----------
/// x : ndarray of float64 or float32, shape (n, d) or (n,)
///     Rows = time, oldest first; columns = sensors or scores. Any memory layout; never copied, never changed.
/// threshold : float
///     What a statistic must exceed for an alarm, in the values' unit; above 0.
/// delta : float
///     Change of the mean that is allowed, in the values' unit; at least 0.
/// min_rows : int, default 30
///     Known values of a column before its first alarm.
/// reset : bool, default False
///     Forget everything of a column after an alarm's row, its mean too: the level after the change becomes the new one.
///
/// Returns
/// -------
/// high, low : ndarray of float64, shape of ``x``
///     The statistic for a rise and that for a fall, both at least 0.
/// alarm : ndarray of bool, shape of ``x``
///     Whether either exceeds the threshold.
///
/// Raises
/// ------
/// TypeError
///     ``x`` is no float array, or a parameter is of another type.
/// ValueError
///     A parameter is outside what it may be.
///
/// Notes
/// -----
/// With mean[t] of the known values up to t: m[t] = m[t-1] + x[t] - mean[t] - delta, high[t] = m[t] - min(m[0..t]), m[0] = 0;
/// low likewise of -x [1]_. NaN and infinity are missing: everything stays, no alarm.
///
/// .. [1] Hinkley, Inference about the change-point from cumulative sum tests, Biometrika 58, 1971,
///        doi 10.1093/biomet/58.3.509.
///
/// Examples
/// --------
/// >>> import numpy as np, acm_rs
/// >>> x = np.r_[np.full(100, 20.0), np.full(3, 24.0)]
/// >>> high, low, alarm = acm_rs.page_hinkley(x, threshold=5.0, delta=0.5)
/// >>> int(alarm.argmax())
/// 101
#[pyfunction]
#[pyo3(signature = (x, threshold, delta, *, min_rows=Given(None), reset=Given(None)),
       text_signature = "(x, threshold, delta, *, min_rows=30, reset=False)")]
pub(crate) fn page_hinkley<'py>(
    py: Python<'py>,
    x: &Bound<'py, PyAny>,
    threshold: &Bound<'py, PyAny>,
    delta: &Bound<'py, PyAny>,
    min_rows: Given<'_, 'py>,
    reset: Given<'_, 'py>,
) -> PyResult<Charts<'py>> {
    let chart = chart_of(threshold, delta, min_rows, reset)?;
    charted(py, x, |x, out| Live::default().update(&chart, x, out))
}
