//! A detector for each regime.

use acm_detectors::regime_detector::{self, FittedRegimeDetector, Kind, Live};
use acm_linalg::memory::Gather;
use pyo3::prelude::*;

use crate::arguments::{Given, choice, count, labels_for, number};
use crate::held::Held;
use crate::interop::{compute, exception};
use crate::models::{Model, attribute, filled, model, name_of, samples_of, table};
use crate::naming::names_of;

/// A detector for each operating regime, all on one scale: 1 is the limit of whatever the machine is doing.
///
/// Parameters
/// ----------
/// detector : {"pca", "mahalanobis", "ar1"}, default "pca"
///     What each regime has: ``PCADetector(0.9)``, ``MahalanobisDetector()`` or ``AR1Detector()``.
/// false_alarm_rate : float, default 0.01
///     Share of a regime's training rows that score above 1; between 0 and 1.
/// min_rows : int, default 100
///     Fewest training rows of a regime with a detector of its own; at least 2.
///
/// Attributes
/// ----------
/// regimes_ : ndarray of int64, shape (k,)
///     Labels that have a detector of their own, rising.
/// limits_ : ndarray of float64, shape (k + 1,)
///     What the scores of each of them are divided by, and last those of the detector of all rows.
/// rows_ : ndarray of int64, shape (k + 1,)
///     Training rows of each of them, and last all.
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
/// One detector is fitted on all training rows, and one on the rows of each regime that has enough of them (local models, as
/// Zhao, Zhang and Xu have them for principal components [1]_). A detector's limit is the quantile 1 - ``false_alarm_rate`` of
/// its own training rows' scores, interpolated as by ``numpy.quantile``; where it is 0 it counts as 1. A score is the one of the
/// row's detector over its limit. Rows of no regime (a negative label), of one that has no detector of its own, and all rows
/// where labels are left out, use the detector of all rows. A regime on whose rows no detector can be fitted, as where no
/// sensor changes, has none of its own.
///
/// AR(1) looks at the row before in time, whatever its regime; the levels and coefficients are those of the row's regime, so the
/// row after a change of regime scores high: ``transients`` marks such rows. Missing values are treated as the detector does.
///
/// .. [1] S. J. Zhao, J. Zhang and Y. M. Xu, "Monitoring of processes with multiple operating modes through multiple principle
///        component analysis models", Industrial & Engineering Chemistry Research 43, 2004, doi 10.1021/ie0497893.
///
/// Examples
/// --------
/// >>> import numpy as np, acm_rs
/// >>> random = np.random.default_rng(0)
/// >>> running = np.repeat([0, 1, 0, 1], 200)
/// >>> levels, noise = np.where(running, 1500.0, 0.0), np.where(running, 20.0, 0.1)
/// >>> x = levels[:, None] + noise[:, None] * random.normal(size=(800, 3))
/// >>> detector = acm_rs.RegimeDetector("mahalanobis").fit(x, running)
/// >>> x[100, 2] += 2.0
/// >>> int(detector.score(x, running).argmax()), bool(detector.score(x)[100] > 1.0)
/// (100, False)
#[pyclass(module = "acm_rs", frozen)]
pub(crate) struct RegimeDetector {
    parameters: regime_detector::RegimeDetector,
    held: Held<FittedRegimeDetector, Live>,
}

impl Model for RegimeDetector {
    type Fitted = FittedRegimeDetector;
    type Live = Live;

    const PARAMETERS: &'static [&'static str] = &["detector", "false_alarm_rate", "min_rows"];

    fn held(&self) -> &Held<FittedRegimeDetector, Live> {
        &self.held
    }

    fn around(held: Held<FittedRegimeDetector, Live>) -> PyResult<Self> {
        Ok(Self {
            parameters: *held.get()?.parameters(),
            held,
        })
    }
}

fn optional(labels: Option<&Bound<'_, PyAny>>, rows: usize) -> PyResult<Option<Vec<i64>>> {
    labels.map(|labels| labels_for(labels, "labels", rows)).transpose()
}

model! { RegimeDetector {
    #[new]
    #[pyo3(signature = (detector=Given(None), false_alarm_rate=Given(None), min_rows=Given(None)),
           text_signature = "(detector='pca', false_alarm_rate=0.01, min_rows=100)")]
    fn new(
        detector: Given<'_, '_>,
        false_alarm_rate: Given<'_, '_>,
        min_rows: Given<'_, '_>,
    ) -> PyResult<Self> {
        let kind = detector.map_or(Ok(Kind::Pca), |value| choice(value, "detector", &Kind::ALL))?;
        let rate = false_alarm_rate.map_or(Ok(0.01), |value| number(value, "false_alarm_rate"))?;
        let min_rows = min_rows.map_or(Ok(100), |value| count(value, "min_rows", 2))?;
        Ok(Self {
            parameters: regime_detector::RegimeDetector::new(kind, rate, min_rows).map_err(exception)?,
            held: Held::default(),
        })
    }

    /// Learns each regime's detector and limit from healthy data.
    ///
    /// Parameters
    /// ----------
    /// x : ndarray of float64 or float32, shape (n, d) or (n,)
    ///     Rows = time, oldest first; columns = sensors. Any memory layout; never changed.
    /// labels : ndarray of int, shape (n,), optional
    ///     The rows' regimes, as of ``RegimeModel.labels_``. Negative: UNKNOWN. Left out: all rows are.
    ///
    /// Returns
    /// -------
    /// RegimeDetector
    ///     Itself.
    ///
    /// Raises
    /// ------
    /// TypeError
    ///     ``x`` is no float array, or ``labels`` no array of integers.
    /// ValueError
    ///     No detector can be fitted on all rows of ``x``, or ``labels`` has another length than ``x`` has rows.
    #[pyo3(signature = (x, labels=None, *, names=None))]
    fn fit<'py>(
        slf: Bound<'py, Self>,
        x: &Bound<'py, PyAny>,
        labels: Option<&Bound<'py, PyAny>>,
        names: Option<&Bound<'py, PyAny>>,
    ) -> PyResult<Bound<'py, Self>> {
        let py = slf.py();
        let input = samples_of(x)?;
        let samples = input.samples();
        let names = names_of(names, samples.columns())?;
        let labels = optional(labels, samples.rows())?;
        let parameters = &slf.get().parameters;
        let fitted = compute(py, || parameters.fit(samples, labels.as_deref()))?;
        slf.get().held.set(py, fitted, names)?;
        Ok(slf)
    }

    /// Each row's score relative to the limit of its regime: above 1 is an alarm.
    ///
    /// Parameters
    /// ----------
    /// x : ndarray of float64 or float32, shape (n, d) or (n,)
    ///     Rows to score, a history for AR(1).
    /// labels : ndarray of int, shape (n,), optional
    ///     The rows' regimes, as of ``RegimeModel.predict``. Left out: every row is UNKNOWN.
    ///
    /// Returns
    /// -------
    /// ndarray of float64, shape (n,)
    ///     Higher is more abnormal. For AR(1) NaN where no sensor has a value.
    ///
    /// Raises
    /// ------
    /// RuntimeError
    ///     Before ``fit``.
    /// TypeError
    ///     ``x`` is no float array, or ``labels`` no array of integers.
    /// ValueError
    ///     ``x`` has another number of columns than at fit, or ``labels`` another length than ``x`` has rows.
    #[pyo3(signature = (x, labels=None))]
    fn score<'py>(
        &self,
        py: Python<'py>,
        x: &Bound<'py, PyAny>,
        labels: Option<&Bound<'py, PyAny>>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let fitted = self.held.get()?;
        let input = samples_of(x)?;
        let samples = input.samples();
        let labels = optional(labels, samples.rows())?;
        filled(py, samples.rows(), |out| fitted.score(samples, labels.as_deref(), out))
    }

    /// Scores the rows that follow those given to ``update`` before.
    ///
    /// Parameters
    /// ----------
    /// x : ndarray of float64 or float32, shape (n, d) or (n,)
    ///     The next rows, any number.
    /// labels : ndarray of int, shape (n,), optional
    ///     Their regimes.
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
    ///     ``x`` is no float array, or ``labels`` no array of integers.
    /// ValueError
    ///     ``x`` has another number of columns than at fit, or ``labels`` another length than ``x`` has rows; nothing is
    ///     remembered then.
    #[pyo3(signature = (x, labels=None))]
    fn update<'py>(
        &self,
        py: Python<'py>,
        x: &Bound<'py, PyAny>,
        labels: Option<&Bound<'py, PyAny>>,
    ) -> PyResult<Bound<'py, PyAny>> {
        self.held.get()?;
        let input = samples_of(x)?;
        let samples = input.samples();
        let labels = optional(labels, samples.rows())?;
        filled(py, samples.rows(), |out| {
            self.held.follow(|fitted, live| fitted.update(live, samples, labels.as_deref(), out))
        })
    }

    /// What each sensor adds to the score of each row: what its detector says, over the limit.
    ///
    /// Parameters
    /// ----------
    /// x : ndarray of float64 or float32, shape (n, d) or (n,)
    ///     Rows to explain, a history for AR(1).
    /// labels : ndarray of int, shape (n,), optional
    ///     The rows' regimes. Left out: every row is UNKNOWN.
    ///
    /// Returns
    /// -------
    /// ndarray of float64, shape of ``x``
    ///     With PCA and Mahalanobis each row sums to its score; with AR(1) the score is the mean over known sensors.
    ///
    /// Raises
    /// ------
    /// RuntimeError, TypeError, ValueError
    ///     As for ``score``.
    #[pyo3(signature = (x, labels=None))]
    fn contributions<'py>(
        &self,
        py: Python<'py>,
        x: &Bound<'py, PyAny>,
        labels: Option<&Bound<'py, PyAny>>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let fitted = self.held.get()?;
        let input = samples_of(x)?;
        let samples = input.samples();
        let labels = optional(labels, samples.rows())?;
        let shape = (samples.rows(), samples.columns());
        table(py, shape, input.is_line(), |out| fitted.contributions(samples, labels.as_deref(), out))
    }

    #[getter]
    fn detector(&self) -> &'static str {
        name_of(&self.parameters.kind(), &Kind::ALL)
    }

    #[getter]
    fn false_alarm_rate(&self) -> f64 {
        self.parameters.rate()
    }

    #[getter]
    fn min_rows(&self) -> usize {
        self.parameters.min_rows()
    }

    #[getter]
    fn regimes_<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, numpy::PyArray1<i64>>> {
        attribute(py, self.held.get()?.regimes())
    }

    #[getter]
    fn limits_<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, numpy::PyArray1<f64>>> {
        attribute(py, &self.held.get()?.limits().map_err(exception)?)
    }

    #[getter]
    fn rows_<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, numpy::PyArray1<i64>>> {
        let rows = self.held.get()?.rows().map_err(exception)?;
        let rows = rows.into_iter().map(|rows| (rows as u64).cast_signed()).gathered("the regimes");
        let rows = rows.map_err(exception)?;
        attribute(py, &rows)
    }

    #[getter]
    fn n_features_in_(&self) -> PyResult<usize> {
        Ok(self.held.get()?.columns())
    }
} }
