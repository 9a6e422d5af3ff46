//! The exponentially weighted moving average chart.

use acm_detectors::decisions::{self, Live};
use pyo3::prelude::*;

use super::charted::{Charts, charted, levels, shown};
use crate::arguments::{Given, number};
use crate::held::Held;
use crate::interop::exception;
use crate::models::{Model, model};

/// A moving average chart of rows as they come: `ewma_chart` with a memory.
///
/// Parameters
/// ----------
/// lam : float
///     Weight of the newest value, above 0 and at most 1. The average remembers some 2 / lam rows.
/// width : float
///     Width of the limits in standard deviations of the average; above 0.
/// target, sigma : float or sequence of float, length d, default 0.0 and 1.0
///     Mean and standard deviation of healthy values: one for all columns or one for each.
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
/// Any cut of a history into updates gives the bytes of one ``ewma_chart`` over all of it. ``to_bytes`` carries the averages
/// across a restart. The chart is that of Roberts [1]_.
///
/// .. [1] Roberts, Control chart tests based on geometric moving averages, Technometrics 1, 1959,
///        doi 10.1080/00401706.1959.10489860.
///
/// Examples
/// --------
/// >>> import numpy as np, acm_rs
/// >>> chart = acm_rs.EwmaChart(lam=0.5, width=3.0, target=10.0)
/// >>> ewma, limit, alarm = chart.update(np.array([11.0, 9.0]))
/// >>> ewma, limit, alarm = chart.update(np.array([20.0]))
/// >>> ewma, alarm
/// (array([14.875]), array([ True]))
#[pyclass(module = "acm_rs", frozen)]
pub(crate) struct EwmaChart {
    held: Held<decisions::EwmaChart, Live<decisions::EwmaChart>>,
}

impl Model for EwmaChart {
    type Fitted = decisions::EwmaChart;
    type Live = Live<decisions::EwmaChart>;

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
    #[pyo3(signature = (lam, width, *, target=Given(None), sigma=Given(None)),
           text_signature = "(lam, width, *, target=0.0, sigma=1.0)")]
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

    /// The averages, limits and alarms of the next rows.
    ///
    /// Parameters
    /// ----------
    /// x : ndarray of float64 or float32, shape (n, d) or (n,)
    ///     The next rows, any number; as many columns as before.
    ///
    /// Returns
    /// -------
    /// ewma, limit : ndarray of float64, shape of ``x``
    ///     The average, and how far from the target it may be.
    /// alarm : ndarray of bool, shape of ``x``
    ///     Whether it is farther.
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

/// Exponentially weighted moving average with control limits that hold from the first row on.
///
/// Parameters
/// ----------
/// x : ndarray of float64 or float32, shape (n, d) or (n,)
///     Rows = time, oldest first; columns = sensors or scores. Any memory layout; never copied, never changed.
/// lam : float
///     Weight of the newest value, above 0 and at most 1. The average remembers some 2 / lam rows.
/// width : float
///     Width of the limits in standard deviations of the average; above 0.
/// target, sigma : float or sequence of float, length d, default 0.0 and 1.0
///     Mean and standard deviation of healthy values: one for all columns or one for each.
///
/// Returns
/// -------
/// ewma, limit : ndarray of float64, shape of ``x``
///     The average, starting from the target, and how far from the target it may be.
/// alarm : ndarray of bool, shape of ``x``
///     Whether ``abs(ewma - target)`` exceeds the limit.
///
/// Raises
/// ------
/// TypeError
///     ``x`` is no float array, or a parameter is of another type.
/// ValueError
///     A parameter is outside what it may be, or ``target`` or ``sigma`` has another length than ``x`` has columns.
///
/// Notes
/// -----
/// ewma[t] = (1 - lam) ewma[t-1] + lam x[t]; after t known values of a column
/// limit = width sigma sqrt(lam / (2 - lam) (1 - (1 - lam)^(2 t))) [1]_ [2]_, for values that do not depend on each other:
/// those that do need wider limits, which `calibrate` finds. NaN and infinity are missing: average and limit stay, no alarm.
///
/// .. [1] Roberts, Control chart tests based on geometric moving averages, Technometrics 1, 1959,
///        doi 10.1080/00401706.1959.10489860.
/// .. [2] Lucas and Saccucci, Exponentially weighted moving average control schemes, Technometrics 32, 1990,
///        doi 10.1080/00401706.1990.10484583.
///
/// Examples
/// --------
/// >>> import numpy as np, acm_rs
/// >>> ewma, limit, alarm = acm_rs.ewma_chart(np.array([1.0, -1.0, 10.0]), lam=0.5, width=3.0)
/// >>> ewma
/// array([ 0.5  , -0.25 ,  4.875])
/// >>> limit.round(3), alarm
/// (array([1.5  , 1.677, 1.718]), array([False, False,  True]))
#[pyfunction]
#[pyo3(signature = (x, lam, width, *, target=Given(None), sigma=Given(None)),
       text_signature = "(x, lam, width, *, target=0.0, sigma=1.0)")]
pub(crate) fn ewma_chart<'py>(
    py: Python<'py>,
    x: &Bound<'py, PyAny>,
    lam: &Bound<'py, PyAny>,
    width: &Bound<'py, PyAny>,
    target: Given<'_, 'py>,
    sigma: Given<'_, 'py>,
) -> PyResult<Charts<'py>> {
    let chart = chart_of(lam, width, target, sigma)?;
    charted(py, x, |x, out| Live::default().update(&chart, x, out))
}
