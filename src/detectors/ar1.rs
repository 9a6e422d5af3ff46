//! AR(1).

use acm_detectors::ar1::{self, Ar1, FittedAr1, Fuse, Live};
use acm_linalg::memory::copied;
use pyo3::prelude::*;

use crate::arguments::{Given, choice, number, numbers_by_column};
use crate::held::Held;
use crate::interop::{compute, exception};
use crate::models::{Model, attribute, filled, model, name_of, samples_of, table, warn, warn_left_out};
use crate::naming::names_of;

/// AR(1) detector: each sensor is expected to keep part of its last deviation.
///
/// Parameters
/// ----------
/// phi_cap : float, default 0.999
///     Most that a sensor's lag-1 coefficient may be, in magnitude; at least 0 and below 1.
/// sd_floor : float, optional
///     Least scale of a sensor's residuals, in the sensor's unit; by default relative to the sensor, so that units do not matter:
///     1e-6 of its root mean square about the median, of the median where the sensor stands still, 1e-6 where that is 0.
/// fuse : {"mean", "median", "p95"}, default "mean"
///     How the sensors' deviations become one score.
///
/// Attributes
/// ----------
/// mu_, phi_, sd_ : ndarray of float64, shape (d,)
///     Level (median), lag-1 coefficient and residual scale (1.4826 times the median absolute deviation) of each sensor.
/// used_ : ndarray of bool, shape (d,)
///     False for sensors with less than half of their training values; they are left out of the score.
/// n_features_in_ : int
///     Sensors, d.
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
/// The model of a sensor is x[t] = mu + phi (x[t-1] - mu) + r[t] [1]_. NaN and infinity are missing: gaps are closed up at
/// fit; at scoring time a missing value has no residual, and one before counts as the sensor's level. Values are clipped to
/// ±1e150. A sensor with fewer than three values, or that changes by no more than the rounding of its values, has coefficient 0.
///
/// .. [1] Box, Jenkins and Reinsel, Time Series Analysis: Forecasting and Control, 4th edition, 2008, section 3.2,
///        doi 10.1002/9781118619193.
///
/// Examples
/// --------
/// >>> import numpy as np, acm_rs
/// >>> x = np.random.default_rng(0).normal(50.0, 2.0, (500, 3))
/// >>> detector = acm_rs.AR1Detector().fit(x)
/// >>> x[-1, 1] = 90.0
/// >>> scores = detector.score(x)
/// >>> int(scores.argmax()), int(detector.contributions(x)[-1].argmax())
/// (499, 1)
#[pyclass(module = "acm_rs", frozen)]
pub(crate) struct AR1Detector {
    parameters: Ar1,
    held: Held<FittedAr1, Live>,
}

impl Model for AR1Detector {
    type Fitted = FittedAr1;
    type Live = Live;

    const PARAMETERS: &'static [&'static str] = &["phi_cap", "sd_floor", "fuse"];

    fn held(&self) -> &Held<FittedAr1, Live> {
        &self.held
    }

    fn around(held: Held<FittedAr1, Live>) -> PyResult<Self> {
        Ok(Self {
            parameters: held.get()?.parameters().clone(),
            held,
        })
    }
}

model! { AR1Detector {
    #[new]
    #[pyo3(signature = (phi_cap=Given(None), sd_floor=None, fuse=Given(None)),
           text_signature = "(phi_cap=0.999, sd_floor=None, fuse='mean')")]
    fn new(
        phi_cap: Given<'_, '_>,
        sd_floor: Option<&Bound<'_, PyAny>>,
        fuse: Given<'_, '_>,
    ) -> PyResult<Self> {
        let phi_cap = phi_cap.map_or(Ok(0.999), |value| number(value, "phi_cap"))?;
        let sd_floor = sd_floor.map(|value| number(value, "sd_floor")).transpose()?;
        let fuse = fuse.map_or(Ok(Fuse::Mean), |value| choice(value, "fuse", &Fuse::ALL))?;
        Ok(Self {
            parameters: Ar1::new(phi_cap, sd_floor, fuse).map_err(exception)?,
            held: Held::default(),
        })
    }

    /// Learns level, coefficient and residual scale of each sensor from healthy data.
    ///
    /// Parameters
    /// ----------
    /// x : ndarray of float64 or float32, shape (n, d) or (n,)
    ///     Rows = time, oldest first; columns = sensors. Any memory layout; never copied, never changed.
    ///
    /// Returns
    /// -------
    /// AR1Detector
    ///     Itself.
    ///
    /// Raises
    /// ------
    /// TypeError
    ///     ``x`` is no float array.
    /// ValueError
    ///     ``x`` has fewer than three rows, or no sensor with at least half of its values.
    ///
    /// Warns
    /// -----
    /// UserWarning
    ///     Values beyond ±1e150 were clipped, sensors are left out, or over 80 % of them have no memory (a coefficient below
    ///     1e-6 in magnitude).
    #[pyo3(signature = (x, *, names=None))]
    fn fit<'py>(
        slf: Bound<'py, Self>,
        x: &Bound<'py, PyAny>,
        names: Option<&Bound<'py, PyAny>>,
    ) -> PyResult<Bound<'py, Self>> {
        let py = slf.py();
        let input = samples_of(x)?;
        let samples = input.samples();
        let names = names_of(names, samples.columns())?;
        let parameters = &slf.get().parameters;
        let fitted = compute(py, || parameters.fit(samples))?;
        let (clipped, used) = (fitted.clipped(), copied(fitted.used(), "the columns").map_err(exception)?);
        let white = fitted.phi().iter().filter(|phi| phi.abs() < 1e-6).count();
        let memoryless = 10 * white > 8 * used.len();
        slf.get().held.set(py, fitted, names.clone())?;
        if clipped > 0 {
            warn(py, &format!("{clipped} values of `x` beyond 1e150 in magnitude were clipped"))?;
        }
        if memoryless {
            warn(py, "most columns of `x` have no memory: their residuals are their deviations from the median")?;
        }
        warn_left_out(py, names.as_ref(), &used, "have less than half of their values and are left out")?;
        Ok(slf)
    }

    /// How far each row is from what the row before it lets expect.
    ///
    /// Parameters
    /// ----------
    /// x : ndarray of float64 or float32, shape (n, d) or (n,)
    ///     A history, oldest first. Its first row has no row before it and scores 0.
    ///
    /// Returns
    /// -------
    /// ndarray of float64, shape (n,)
    ///     The sensors' abs(residual) / sd, fused; higher is more abnormal. NaN where no sensor has a value.
    ///
    /// Raises
    /// ------
    /// RuntimeError
    ///     Before ``fit``.
    /// TypeError
    ///     ``x`` is no float array.
    /// ValueError
    ///     ``x`` has another number of columns than at fit.
    fn score<'py>(&self, py: Python<'py>, x: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
        let fitted = self.held.get()?;
        let input = samples_of(x)?;
        let samples = input.samples();
        filled(py, samples.rows(), |out| fitted.score(samples, out))
    }

    /// Scores the rows that follow those given to ``update`` before.
    ///
    /// Parameters
    /// ----------
    /// x : ndarray of float64 or float32, shape (n, d) or (n,)
    ///     The next rows, any number.
    ///
    /// Returns
    /// -------
    /// ndarray of float64, shape (n,)
    ///     To the last bit what ``score`` gives for these rows of the whole history since ``fit``.
    ///
    /// Raises
    /// ------
    /// RuntimeError
    ///     Before ``fit``.
    /// TypeError
    ///     ``x`` is no float array.
    /// ValueError
    ///     ``x`` has another number of columns than at fit; nothing is remembered then.
    fn update<'py>(&self, py: Python<'py>, x: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
        self.held.get()?;
        let input = samples_of(x)?;
        let samples = input.samples();
        filled(py, samples.rows(), |out| {
            self.held.follow(|fitted, live| fitted.update(live, samples, out))
        })
    }

    /// What each sensor adds to the score: its abs(residual) / sd.
    ///
    /// Parameters
    /// ----------
    /// x : ndarray of float64 or float32, shape (n, d) or (n,)
    ///     A history, oldest first.
    ///
    /// Returns
    /// -------
    /// ndarray of float64, shape of ``x``
    ///     0 where a sensor has no residual or is left out.
    ///
    /// Raises
    /// ------
    /// RuntimeError
    ///     Before ``fit``.
    /// TypeError
    ///     ``x`` is no float array.
    /// ValueError
    ///     ``x`` has another number of columns than at fit.
    fn contributions<'py>(&self, py: Python<'py>, x: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
        let fitted = self.held.get()?;
        let input = samples_of(x)?;
        let samples = input.samples();
        let shape = (samples.rows(), samples.columns());
        table(py, shape, input.is_line(), |out| fitted.contributions(samples, out))
    }

    #[getter]
    fn phi_cap(&self) -> f64 {
        self.parameters.phi_cap()
    }

    #[getter]
    fn sd_floor(&self) -> Option<f64> {
        self.parameters.sd_floor()
    }

    #[getter]
    fn fuse(&self) -> &'static str {
        name_of(&self.parameters.fuse(), &Fuse::ALL)
    }

    #[getter]
    fn mu_<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, numpy::PyArray1<f64>>> {
        attribute(py, self.held.get()?.mu())
    }

    #[getter]
    fn phi_<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, numpy::PyArray1<f64>>> {
        attribute(py, self.held.get()?.phi())
    }

    #[getter]
    fn sd_<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, numpy::PyArray1<f64>>> {
        attribute(py, self.held.get()?.sd())
    }

    #[getter]
    fn used_<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, numpy::PyArray1<bool>>> {
        attribute(py, self.held.get()?.used())
    }

    #[getter]
    fn n_features_in_(&self) -> PyResult<usize> {
        Ok(self.held.get()?.columns())
    }
} }

/// Residuals of AR(1) with given coefficients and levels.
///
/// Parameters
/// ----------
/// x : ndarray of float64 or float32, shape (n, d) or (n,)
///     Rows = time, oldest first; columns = sensors. Any memory layout; never copied, never changed.
/// phi, mu : float or sequence of float, length d
///     Coefficient and level of each sensor.
///
/// Returns
/// -------
/// ndarray of float64, shape of ``x``
///     r[t] = (x[t] - mu) - phi (x[t-1] - mu); 0 in the first row. A missing value before counts as ``mu``; a missing value
///     gives NaN.
///
/// Raises
/// ------
/// TypeError
///     ``x`` is no float array, or ``phi`` or ``mu`` no numbers.
/// ValueError
///     ``phi`` or ``mu`` has another length than ``x`` has columns.
///
/// Notes
/// -----
/// NaN and infinity are missing; values are clipped to ±1e150. The model is that of Box, Jenkins and Reinsel [1]_.
///
/// .. [1] Box, Jenkins and Reinsel, Time Series Analysis: Forecasting and Control, 4th edition, 2008, section 3.2,
///        doi 10.1002/9781118619193.
///
/// Examples
/// --------
/// >>> import numpy as np, acm_rs
/// >>> acm_rs.ar1_residuals(np.array([1.0, 3.0, 2.0]), 0.5, 2.0)
/// array([ 0. ,  1.5, -0.5])
#[pyfunction]
pub(crate) fn ar1_residuals<'py>(
    py: Python<'py>,
    x: &Bound<'py, PyAny>,
    phi: &Bound<'py, PyAny>,
    mu: &Bound<'py, PyAny>,
) -> PyResult<Bound<'py, PyAny>> {
    let input = samples_of(x)?;
    let samples = input.samples();
    let shape = (samples.rows(), samples.columns());
    let (phi, mu) = (numbers_by_column(phi, "phi", shape.1)?, numbers_by_column(mu, "mu", shape.1)?);
    table(py, shape, input.is_line(), |out| ar1::residuals(samples, &phi, &mu, out))
}
