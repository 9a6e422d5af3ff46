//! Mahalanobis distances.

use acm_detectors::mahalanobis::{self, FittedMahalanobis, Live};
use acm_linalg::covariance::Shrinkage;
use pyo3::prelude::*;
use pyo3::types::PyString;

use crate::arguments::{Given, count, number, unknown_word, word};
use crate::held::Held;
use crate::interop::{compute, exception};
use crate::models::{Model, attribute, filled, matrix, model, samples_of, table, warn_left_out};
use crate::naming::names_of;

/// Mahalanobis detector: how far is a row from the mean of healthy data, in units of their covariance?
///
/// Parameters
/// ----------
/// shrinkage : "ledoit_wolf", "none" or float, default "ledoit_wolf"
///     How far the covariance is drawn towards a multiple of the identity: as far as lowers its expected error most, not at all,
///     or by this share between 0 and 1.
/// lags : int, default 0
///     Earlier rows that stand beside each row; rows before the first count as equal to it.
///
/// Attributes
/// ----------
/// covariance_ : ndarray of float64, shape (w, w)
///     Shrunk covariance (divisor n) of the scaled columns; w = used columns times (lags + 1): all used columns of the row
///     itself, then of the row before, and so on.
/// shrinkage_ : float
///     The share of the identity in it.
/// center_, scale_ : ndarray of float64, shape (d,)
///     Mean and standard deviation of each column; NaN where a column is not used.
/// used_ : ndarray of bool, shape (d,)
///     False for columns without a value, or that change by no more than the rounding of their values: they have no part in
///     the model.
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
/// Columns are scaled by mean and standard deviation, clipped to ±1e6 and taken relative to their mean after that: a row becomes
/// z. The score is z S^-1 z', the squared distance (Mahalanobis 1936), with S shrunk after Ledoit and Wolf [1]_. NaN and
/// infinity are missing and count as the training median of their column.
///
/// .. [1] O. Ledoit and M. Wolf, "A well-conditioned estimator for large-dimensional covariance matrices", Journal of
///        Multivariate Analysis 88, 2004, doi 10.1016/S0047-259X(03)00096-4.
///
/// Examples
/// --------
/// >>> import numpy as np, acm_rs
/// >>> random = np.random.default_rng(0)
/// >>> x = random.normal(size=(500, 1)) * [1.0, 2.0, 3.0] + random.normal(0.0, 0.1, (500, 3))
/// >>> detector = acm_rs.MahalanobisDetector().fit(x)
/// >>> x[-1, 1] += 2.0
/// >>> scores = detector.score(x)
/// >>> int(scores.argmax()), bool(scores[-1] > detector.limit(0.001))
/// (499, True)
#[pyclass(module = "acm_rs", frozen)]
pub(crate) struct MahalanobisDetector {
    parameters: mahalanobis::MahalanobisDetector,
    held: Held<FittedMahalanobis, Live>,
}

impl Model for MahalanobisDetector {
    type Fitted = FittedMahalanobis;
    type Live = Live;

    const PARAMETERS: &'static [&'static str] = &["shrinkage", "lags"];

    fn held(&self) -> &Held<FittedMahalanobis, Live> {
        &self.held
    }

    fn around(held: Held<FittedMahalanobis, Live>) -> PyResult<Self> {
        Ok(Self {
            parameters: *held.get()?.parameters(),
            held,
        })
    }
}

fn shrinkage_of(value: &Bound<'_, PyAny>) -> PyResult<Shrinkage> {
    let must = "\"ledoit_wolf\", \"none\" or a number between 0 and 1";
    if !value.is_instance_of::<PyString>() {
        return number(value, "shrinkage").map(Shrinkage::Share);
    }
    match word(value, "shrinkage", must)?.as_str() {
        "ledoit_wolf" => Ok(Shrinkage::LedoitWolf),
        "none" => Ok(Shrinkage::Nothing),
        _ => Err(unknown_word(value, "shrinkage", must)),
    }
}

model! { MahalanobisDetector {
    #[new]
    #[pyo3(signature = (shrinkage=Given(None), lags=Given(None)), text_signature = "(shrinkage='ledoit_wolf', lags=0)")]
    fn new(shrinkage: Given<'_, '_>, lags: Given<'_, '_>) -> PyResult<Self> {
        let shrinkage = shrinkage.map_or(Ok(Shrinkage::LedoitWolf), shrinkage_of)?;
        let lags = lags.map_or(Ok(0), |value| count(value, "lags", 0))?;
        Ok(Self {
            parameters: mahalanobis::MahalanobisDetector::new(shrinkage, lags).map_err(exception)?,
            held: Held::default(),
        })
    }

    /// Learns means, scales and the covariance from healthy data.
    ///
    /// Parameters
    /// ----------
    /// x : ndarray of float64 or float32, shape (n, d) or (n,)
    ///     Rows = time, oldest first, at least two; columns = sensors. Any memory layout; never changed.
    ///
    /// Returns
    /// -------
    /// MahalanobisDetector
    ///     Itself.
    ///
    /// Raises
    /// ------
    /// TypeError
    ///     ``x`` is no float array.
    /// ValueError
    ///     ``x`` has less than two rows, no more rows than ``lags``, or no column that changes.
    /// numpy.linalg.LinAlgError
    ///     Columns determine one another and nothing is shrunk.
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
        warn_left_out(py, names.as_ref(), &used, "have no value or do not change, and are left out")?;
        Ok(slf)
    }

    /// The squared Mahalanobis distance of each row.
    ///
    /// Parameters
    /// ----------
    /// x : ndarray of float64 or float32, shape (n, d) or (n,)
    ///     Rows to score, a history if the model has lags.
    ///
    /// Returns
    /// -------
    /// ndarray of float64, shape (n,)
    ///     Higher is more abnormal; about w on average for healthy rows. To be compared with ``limit``.
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

    /// What each sensor adds to the squared distance: z_j (S^-1 z)_j.
    ///
    /// Parameters
    /// ----------
    /// x : ndarray of float64 or float32, shape (n, d) or (n,)
    ///     Rows to explain.
    ///
    /// Returns
    /// -------
    /// ndarray of float64, shape of ``x``
    ///     Signed; each row sums to its score, and a deviation of one sensor alone is all its own. The shares of a sensor's lags
    ///     count together; 0 where a column is not used.
    ///
    /// Raises
    /// ------
    /// RuntimeError, TypeError, ValueError
    ///     As for ``score``.
    fn contributions<'py>(&self, py: Python<'py>, x: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
        let fitted = self.held.get()?;
        let input = samples_of(x)?;
        let samples = input.samples();
        let shape = (samples.rows(), samples.columns());
        table(py, shape, input.is_line(), |out| fitted.contributions(samples, out))
    }

    /// What a healthy row's score exceeds with probability ``alpha``.
    ///
    /// Parameters
    /// ----------
    /// alpha : float, default 0.01
    ///     Between 0 and 1.
    ///
    /// Returns
    /// -------
    /// float
    ///     For normal data: after Hotelling for the number of training rows, or the quantile of chi-squared where they are no more
    ///     than w. An approximation where the covariance is shrunk.
    ///
    /// Raises
    /// ------
    /// RuntimeError
    ///     Before ``fit``.
    /// ValueError
    ///     ``alpha`` does not lie between 0 and 1.
    #[pyo3(signature = (alpha=Given(None)), text_signature = "($self, alpha=0.01)")]
    fn limit(&self, alpha: Given<'_, '_>) -> PyResult<f64> {
        let alpha = alpha.map_or(Ok(0.01), |value| number(value, "alpha"))?;
        self.held.get()?.limit(alpha).map_err(exception)
    }

    #[getter]
    fn shrinkage<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        Ok(match self.parameters.shrinkage {
            Shrinkage::LedoitWolf => PyString::new(py, "ledoit_wolf").into_any(),
            Shrinkage::Nothing => PyString::new(py, "none").into_any(),
            Shrinkage::Share(share) => share.into_pyobject(py)?.into_any(),
        })
    }

    #[getter]
    fn lags(&self) -> usize {
        self.parameters.lags
    }

    #[getter]
    fn covariance_<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, numpy::PyArray2<f64>>> {
        let fitted = self.held.get()?;
        matrix(py, fitted.covariance(), fitted.width())
    }

    #[getter]
    fn shrinkage_(&self) -> PyResult<f64> {
        Ok(self.held.get()?.shrinkage())
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
