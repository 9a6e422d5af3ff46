//! Cumulative sums.

use acm_detectors::decisions::{self, Live};
use pyo3::prelude::*;

use super::charted::{Charts, charted, levels, shown};
use crate::arguments::{Given, number, truth};
use crate::held::Held;
use crate::interop::exception;
use crate::models::{Model, model};

/// Cumulative sums of rows as they come: `cusum` with a memory.
///
/// Parameters
/// ----------
/// threshold : float
///     What a sum must exceed for an alarm, in units of ``scale``; above 0.
/// drift : float
///     What each row takes off the sums, in units of ``scale``; at least 0. Half of the shift to be found is the usual choice.
/// target, scale : float or sequence of float, length d, default 0.0 and 1.0
///     Mean and standard deviation of healthy values: one for all columns or one for each.
/// reset : bool, default False
///     Start both sums of a column again from 0 after an alarm's row.
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
/// Any cut of a history into updates gives the bytes of one ``cusum`` over all of it. ``to_bytes`` carries the sums across a
/// restart. The sums are those of Page [1]_.
///
/// .. [1] Page, Continuous inspection schemes, Biometrika 41, 1954, doi 10.1093/biomet/41.1-2.100.
///
/// Examples
/// --------
/// >>> import numpy as np, acm_rs
/// >>> chart = acm_rs.Cusum(threshold=2.0, drift=0.5)
/// >>> high, low, alarm = chart.update(np.array([1.0, 1.5]))
/// >>> high, low, alarm = chart.update(np.array([2.5]))
/// >>> high, alarm
/// (array([3.5]), array([ True]))
#[pyclass(module = "acm_rs", frozen)]
pub(crate) struct Cusum {
    held: Held<decisions::Cusum, Live<decisions::Cusum>>,
}

impl Model for Cusum {
    type Fitted = decisions::Cusum;
    type Live = Live<decisions::Cusum>;

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
    #[pyo3(signature = (threshold, drift, *, target=Given(None), scale=Given(None), reset=Given(None)),
           text_signature = "(threshold, drift, *, target=0.0, scale=1.0, reset=False)")]
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

    /// The sums and alarms of the next rows.
    ///
    /// Parameters
    /// ----------
    /// x : ndarray of float64 or float32, shape (n, d) or (n,)
    ///     The next rows, any number; as many columns as before.
    ///
    /// Returns
    /// -------
    /// high, low : ndarray of float64, shape of ``x``
    ///     The upper and the lower sum.
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

/// Two-sided cumulative sums: small lasting shifts of the mean add up until they show.
///
/// Parameters
/// ----------
/// x : ndarray of float64 or float32, shape (n, d) or (n,)
///     Rows = time, oldest first; columns = sensors or scores. Any memory layout; never copied, never changed.
/// threshold : float
///     What a sum must exceed for an alarm, in units of ``scale``; above 0.
/// drift : float
///     What each row takes off the sums, in units of ``scale``; at least 0. Half of the shift to be found is the usual choice.
/// target, scale : float or sequence of float, length d, default 0.0 and 1.0
///     Mean and standard deviation of healthy values: one for all columns or one for each.
/// reset : bool, default False
///     Start both sums of a column again from 0 after an alarm's row. Otherwise the alarm lasts until the sums have fallen.
///
/// Returns
/// -------
/// high, low : ndarray of float64, shape of ``x``
///     The upper and the lower sum, both at least 0.
/// alarm : ndarray of bool, shape of ``x``
///     Whether either exceeds the threshold.
///
/// Raises
/// ------
/// TypeError
///     ``x`` is no float array, or a parameter is of another type.
/// ValueError
///     A parameter is outside what it may be, or ``target`` or ``scale`` has another length than ``x`` has columns.
///
/// Notes
/// -----
/// z = (x - target) / scale; high[t] = max(0, high[t-1] + z[t] - drift), low[t] = max(0, low[t-1] - z[t] - drift) [1]_. NaN
/// and infinity are missing: the sums stay, no alarm.
///
/// .. [1] Page, Continuous inspection schemes, Biometrika 41, 1954, doi 10.1093/biomet/41.1-2.100.
///
/// Examples
/// --------
/// >>> import numpy as np, acm_rs
/// >>> high, low, alarm = acm_rs.cusum(np.array([0.0, 1.0, 1.5, 2.5]), threshold=2.0, drift=0.5)
/// >>> high
/// array([0. , 0.5, 1.5, 3.5])
/// >>> alarm
/// array([False, False, False,  True])
#[pyfunction]
#[pyo3(signature = (x, threshold, drift, *, target=Given(None), scale=Given(None), reset=Given(None)),
       text_signature = "(x, threshold, drift, *, target=0.0, scale=1.0, reset=False)")]
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
    charted(py, x, |x, out| Live::default().update(&chart, x, out))
}
