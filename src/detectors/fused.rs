//! The fused detector.

use acm_detectors::fused::{FittedFused, Fused, Live};
use acm_linalg::pca::Components;
use pyo3::prelude::*;
use pyo3::types::PyTuple;

use crate::arguments::{Given, count, number, numbers};
use crate::held::Held;
use crate::interop::{compute, exception};
use crate::linalg::components_of;
use crate::models::{Model, attribute, filled, model, samples_of, table, warn_left_out};
use crate::naming::names_of;

/// Fused detector: what the recent past does not explain, watched at several memories at once.
///
/// Parameters
/// ----------
/// n_components : int or float, default 0.9
///     Principal components of a row beside its earlier ones that count as explained; or, between 0 and 1, as many as explain
///     at least this share of the variance. Never all.
/// lags : int, default 2
///     Earlier rows beside each row.
/// memories : sequence of float, default (1.0, 0.2, 0.03)
///     Weights of the latest row in the means of the residuals, 1 to 16 of them, above 0 and at most 1: 1 is no memory,
///     0.03 some 33 rows.
/// folds : int, default 10
///     Stretches of the training rows, each predicted from the others; at least 2.
/// false_alarm_rate : float, default 0.01
///     Share of healthy rows that may score above 1, all parts together; above 0 and below 0.5.
/// trim : float, default 5.0
///     Training rows whose residuals are this many robust standard deviations above the median are left out once, at most
///     one in 20; 0 keeps all.
///
/// Attributes
/// ----------
/// n_components_ : int
///     Components that count as explained.
/// part_names_ : tuple of str
///     The parts of the score: "power" or "shift", and the memory.
/// limits_ : ndarray of float64, shape (parts,)
///     Limit of each part, in its standard deviations above its mean.
/// part_mean_, part_sd_ : ndarray of float64, shape (parts,)
///     Mean and standard deviation of the cube root of each part on the training rows.
/// mean_power_ : float
///     Mean squared length of the whitened residuals of the training rows.
/// trimmed_ : int
///     Training rows that were left out.
/// center_, scale_ : ndarray of float64, shape (d,)
///     Mean and standard deviation of each sensor; NaN where it is left out.
/// used_ : ndarray of bool, shape (d,)
///     False for sensors that are left out: constant at fit, or with less than half of their values.
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
/// Each row, scaled and beside its earlier ones, is compared with its projection on the principal components (dynamic PCA [1]_);
/// r is the residual of the present row. With S the Ledoit-Wolf covariance [2]_ of the residuals of training rows that were
/// predicted from other training rows, the parts are the *power*, the exponentially weighted mean of r' S^-1 r, at each memory,
/// and the *shift*, e' S^-1 e (2 - m) / m with e the exponentially weighted mean of r [3]_, at each memory m below 1. Cube roots
/// bring each part near a normal distribution [4]_; its limit is that of a prediction interval. The score is the greatest
/// (cube root - mean) / sd / limit.
///
/// NaN and infinity are missing: the training median takes their place.
///
/// .. [1] Ku, Storer and Georgakis, Disturbance detection and isolation by dynamic principal component analysis, 1995,
///        doi 10.1016/0169-7439(95)00076-3.
/// .. [2] Ledoit and Wolf, A well-conditioned estimator for large-dimensional covariance matrices, 2004,
///        doi 10.1016/S0047-259X(03)00096-4.
/// .. [3] Lowry, Woodall, Champ and Rigdon, A multivariate exponentially weighted moving average control chart, 1992,
///        doi 10.1080/00401706.1992.10485232.
/// .. [4] Wilson and Hilferty, The distribution of chi-square, 1931, doi 10.1073/pnas.17.12.684.
///
/// Examples
/// --------
/// >>> import numpy as np, acm_rs
/// >>> random = np.random.default_rng(0)
/// >>> load = random.normal(size=(1500, 2))
/// >>> x = load @ random.normal(size=(2, 8)) + 0.2 * random.normal(size=(1500, 8))
/// >>> detector = acm_rs.FusedDetector().fit(x[:1000])
/// >>> x[1200:, 5] += 0.5
/// >>> alarm = detector.score(x[1000:]) > 1.0
/// >>> float(alarm[:200].mean()) < 0.02, bool(alarm[220:].all())
/// (True, True)
/// >>> int(detector.contributions(x[1000:])[250].argmax())
/// 5
#[pyclass(module = "acm_rs", frozen)]
pub(crate) struct FusedDetector {
    parameters: Fused,
    held: Held<FittedFused, Live>,
}

impl Model for FusedDetector {
    type Fitted = FittedFused;
    type Live = Live;

    const PARAMETERS: &'static [&'static str] =
        &["n_components", "lags", "memories", "folds", "false_alarm_rate", "trim"];

    fn held(&self) -> &Held<FittedFused, Live> {
        &self.held
    }

    fn around(held: Held<FittedFused, Live>) -> PyResult<Self> {
        Ok(Self {
            parameters: held.get()?.parameters().clone(),
            held,
        })
    }
}

model! { FusedDetector {
    #[new]
    #[pyo3(signature = (n_components=Given(None), lags=Given(None), memories=Given(None), folds=Given(None), false_alarm_rate=Given(None), trim=Given(None)),
           text_signature = "(n_components=0.9, lags=2, memories=(1.0, 0.2, 0.03), folds=10, false_alarm_rate=0.01, trim=5.0)")]
    fn new(
        n_components: Given<'_, '_>,
        lags: Given<'_, '_>,
        memories: Given<'_, '_>,
        folds: Given<'_, '_>,
        false_alarm_rate: Given<'_, '_>,
        trim: Given<'_, '_>,
    ) -> PyResult<Self> {
        let components =
            n_components.map_or(Ok(Components::Share(0.9)), |value| components_of(value, "n_components"))?;
        let lags = lags.map_or(Ok(2), |value| count(value, "lags", 0))?;
        let memories = memories.map_or(Ok(vec![1.0, 0.2, 0.03]), |value| numbers(value, "memories"))?;
        let folds = folds.map_or(Ok(10), |value| count(value, "folds", 2))?;
        let rate = false_alarm_rate.map_or(Ok(0.01), |value| number(value, "false_alarm_rate"))?;
        let trim = trim.map_or(Ok(5.0), |value| number(value, "trim"))?;
        Ok(Self {
            parameters: Fused::new(components, lags, &memories, folds, rate, trim).map_err(exception)?,
            held: Held::default(),
        })
    }

    /// Learns from healthy data.
    ///
    /// Parameters
    /// ----------
    /// x : ndarray of float64 or float32, shape (n, d) or (n,)
    ///     Rows = time, oldest first, at least folds * (2 * lags + 4); columns = sensors. Any memory layout; never changed.
    ///
    /// Returns
    /// -------
    /// FusedDetector
    ///     Itself.
    ///
    /// Raises
    /// ------
    /// TypeError
    ///     ``x`` is no float array.
    /// ValueError
    ///     ``x`` has too few rows, or no sensor that changes and has at least half of its values.
    ///
    /// Warns
    /// -----
    /// UserWarning
    ///     Sensors are left out.
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
        let used = fitted.used().map_err(exception)?;
        slf.get().held.set(py, fitted, names.clone())?;
        warn_left_out(py, names.as_ref(), &used, "are constant or lack half of their values and are left out")?;
        Ok(slf)
    }

    /// How abnormal each row is, with what the rows before it have shown.
    ///
    /// Parameters
    /// ----------
    /// x : ndarray of float64 or float32, shape (n, d) or (n,)
    ///     A history, oldest first. Before its first row stand repetitions of it.
    ///
    /// Returns
    /// -------
    /// ndarray of float64, shape (n,)
    ///     The greatest of the parts, each over its limit; above 1 is an alarm.
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

    /// The share of each sensor in what is abnormal.
    ///
    /// Parameters
    /// ----------
    /// x : ndarray of float64 or float32, shape (n, d) or (n,)
    ///     A history, oldest first.
    ///
    /// Returns
    /// -------
    /// ndarray of float64, shape of ``x``
    ///     The sensor's shares of the parts, weighed by how far each part is above its mean. 0 for sensors that are left
    ///     out, and in rows where no part is above its mean.
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

    /// Each part of the score, over its limit.
    ///
    /// Parameters
    /// ----------
    /// x : ndarray of float64 or float32, shape (n, d) or (n,)
    ///     A history, oldest first.
    ///
    /// Returns
    /// -------
    /// ndarray of float64, shape (n, parts)
    ///     In the order of ``part_names_``; the greatest of a row is its score.
    ///
    /// Raises
    /// ------
    /// RuntimeError
    ///     Before ``fit``.
    /// TypeError
    ///     ``x`` is no float array.
    /// ValueError
    ///     ``x`` has another number of columns than at fit.
    fn parts<'py>(&self, py: Python<'py>, x: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
        let fitted = self.held.get()?;
        let input = samples_of(x)?;
        let samples = input.samples();
        let shape = (samples.rows(), fitted.limits().len());
        table(py, shape, false, |out| fitted.parts(samples, out))
    }

    #[getter]
    fn n_components<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        Ok(match self.parameters.components() {
            Components::Count(count) => count.into_pyobject(py)?.into_any(),
            Components::Share(share) => share.into_pyobject(py)?.into_any(),
        })
    }

    #[getter]
    fn lags(&self) -> usize {
        self.parameters.lags()
    }

    #[getter]
    fn memories<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyTuple>> {
        PyTuple::new(py, self.parameters.memories())
    }

    #[getter]
    fn folds(&self) -> usize {
        self.parameters.folds()
    }

    #[getter]
    fn false_alarm_rate(&self) -> f64 {
        self.parameters.false_alarm_rate()
    }

    #[getter]
    fn trim(&self) -> f64 {
        self.parameters.trim()
    }

    #[getter]
    fn n_components_(&self) -> PyResult<usize> {
        Ok(self.held.get()?.components())
    }

    #[getter]
    fn part_names_<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyTuple>> {
        PyTuple::new(py, self.held.get()?.part_names().map_err(exception)?)
    }

    #[getter]
    fn limits_<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, numpy::PyArray1<f64>>> {
        attribute(py, self.held.get()?.limits())
    }

    #[getter]
    fn part_mean_<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, numpy::PyArray1<f64>>> {
        attribute(py, self.held.get()?.part_mean())
    }

    #[getter]
    fn part_sd_<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, numpy::PyArray1<f64>>> {
        attribute(py, self.held.get()?.part_sd())
    }

    #[getter]
    fn mean_power_(&self) -> PyResult<f64> {
        Ok(self.held.get()?.mean_power())
    }

    #[getter]
    fn trimmed_(&self) -> PyResult<usize> {
        Ok(self.held.get()?.trimmed())
    }

    #[getter]
    fn center_<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, numpy::PyArray1<f64>>> {
        attribute(py, &self.held.get()?.center().map_err(exception)?)
    }

    #[getter]
    fn scale_<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, numpy::PyArray1<f64>>> {
        attribute(py, &self.held.get()?.scale().map_err(exception)?)
    }

    #[getter]
    fn used_<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, numpy::PyArray1<bool>>> {
        attribute(py, &self.held.get()?.used().map_err(exception)?)
    }

    #[getter]
    fn n_features_in_(&self) -> PyResult<usize> {
        Ok(self.held.get()?.columns())
    }
} }
