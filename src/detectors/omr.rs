//! Overall model residual.

use acm_detectors::omr::{FittedOmr, Model as Kind, Omr};
use acm_linalg::memory::reserve;
use numpy::{PyArray1, PyArray2};
use pyo3::prelude::*;

use crate::arguments::{Given, choice, count, number, numbers_by_column, whole_numbers};
use crate::held::Held;
use crate::interop::{compute, exception};
use crate::models::{Model, attribute, filled, matrix, model, samples_of, table, warn_left_out};
use crate::naming::names_of;

/// Overall model residual: how far a row is from what its sensors predict of each other.
///
/// A linear model of healthy rows predicts every sensor from the others; the score grows when sensors stop moving together,
/// even while each one stays within its own limits.
///
/// Parameters
/// ----------
/// model : {"auto", "pls", "ridge", "pca"}, default "auto"
///     ``"pls"``: partial least squares of all sensors on themselves. ``"ridge"``: ridge regression of each sensor on the
///     others. ``"pca"``: reconstruction from principal components. ``"auto"``: PCA where sensors outnumber rows, ridge with
///     more than 1,000 rows of fewer than 20 sensors, else PLS.
/// n_components : int, default 5
///     Components of PLS and PCA at most; never more than sensors less one or rows less one.
/// alpha : float, default 1.0
///     Penalty of the ridge, on coefficients between sensors in units of their standard deviations; at least 0.
/// clip : float or None, default 10.0
///     Where scores end; None: nowhere. With many sensors healthy rows come close to 10 already (see Notes): give None where
///     a threshold is found from the scores.
///
/// Attributes
/// ----------
/// model_ : str
///     The model in use: "pls", "ridge" or "pca".
/// n_components_ : int or None
///     Components in use; None for a ridge.
/// coefficients_ : ndarray of float64, shape (d, d)
///     How much the prediction of column j rises with column i, at [i, j], both in units of their standard deviations.
/// center_, scale_ : ndarray of float64, shape (d,)
///     Mean and standard deviation of each sensor, missing values counted as the median.
/// norm_scale_ : float
///     Length of a residual that scores 1.
/// used_ : ndarray of bool, shape (d,)
///     False for sensors that are left out.
/// weights_ : ndarray of float64, shape (d,)
///     As given to ``fit``.
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
/// With z the row in units of the sensors' standard deviations and B the ``coefficients_``, the residual is e = z - z B and
/// the score is the length of e over ``norm_scale_``: 1.4826 times the median absolute deviation of the lengths in training,
/// their standard deviation where that vanishes, at least 1e-6. The length's own level is not taken off, so healthy rows
/// score about its mean over its spread: some 10 for 50 unrelated sensors.
///
/// NaN and infinity are missing and count as the sensor's median. Sensors that are missing in more than half of the rows or
/// that change by no more than the rounding of their values are left out.
///
/// The ridges [1]_ come from one factorisation: with P = (Z'Z + alpha I)^-1 the coefficients of sensor j on sensor i are
/// -P[i, j] / P[j, j]. PLS is NIPALS [2]_ with weights iterated until the squared length of their change is below 1e-6, at
/// most 500 times. Carried to the end it would be PCA.
///
/// .. [1] Hoerl and Kennard, Ridge regression: biased estimation for nonorthogonal problems, 1970,
///        doi 10.1080/00401706.1970.10488634.
/// .. [2] Wold, Path models with latent variables: the NIPALS approach, 1975, doi 10.1016/B978-0-12-103950-9.50017-4.
///
/// Examples
/// --------
/// >>> import numpy as np, acm_rs
/// >>> random = np.random.default_rng(0)
/// >>> load = random.normal(50.0, 5.0, 500)
/// >>> x = np.outer(load, [1.0, 2.0, -0.5]) + random.normal(0.0, 0.3, (500, 3))
/// >>> detector = acm_rs.OMRDetector(model="ridge").fit(x)
/// >>> x[-1, 1] -= 4.0
/// >>> int(detector.score(x).argmax()), int(detector.contributions(x)[-1].argmax())
/// (499, 1)
#[pyclass(module = "acm_rs", frozen)]
pub(crate) struct OMRDetector {
    parameters: Omr,
    held: Held<FittedOmr>,
}

impl Model for OMRDetector {
    type Fitted = FittedOmr;
    type Live = ();

    const PARAMETERS: &'static [&'static str] = &["model", "n_components", "alpha", "clip"];

    fn held(&self) -> &Held<FittedOmr> {
        &self.held
    }

    fn around(held: Held<FittedOmr>) -> PyResult<Self> {
        Ok(Self {
            parameters: held.get()?.parameters().clone(),
            held,
        })
    }
}

/// Where scores end, given or not: None is nowhere.
struct Clip(f64);

impl<'py> FromPyObject<'_, 'py> for Clip {
    type Error = PyErr;

    fn extract(value: Borrowed<'_, 'py, PyAny>) -> PyResult<Self> {
        if value.is_none() {
            return Ok(Self(f64::INFINITY));
        }
        number(&value, "clip").map(Self)
    }
}

model! { OMRDetector {
    #[new]
    #[pyo3(signature = (model=Given(None), n_components=Given(None), alpha=Given(None), clip=Clip(10.0)),
           text_signature = "(model='auto', n_components=5, alpha=1.0, clip=10.0)")]
    fn new(
        model: Given<'_, '_>,
        n_components: Given<'_, '_>,
        alpha: Given<'_, '_>,
        clip: Clip,
    ) -> PyResult<Self> {
        let model = model.map_or(Ok(Kind::Auto), |value| choice(value, "model", &Kind::ALL))?;
        let components = n_components.map_or(Ok(5), |value| count(value, "n_components", 1))?;
        let alpha = alpha.map_or(Ok(1.0), |value| number(value, "alpha"))?;
        Ok(Self {
            parameters: Omr::new(model, components, alpha, clip.0).map_err(exception)?,
            held: Held::default(),
        })
    }

    /// Learns from healthy data how the sensors move together.
    ///
    /// Parameters
    /// ----------
    /// x : ndarray of float64 or float32, shape (n, d)
    ///     Rows = time, columns = sensors. Any memory layout; never changed, and copied only where ``labels`` choose rows.
    /// labels : sequence of int, length n, optional
    ///     Operating regime of each row. The model is fitted on the rows of the most frequent label (the smallest of equally
    ///     frequent ones); -1, an unknown regime, is left out.
    /// weights : sequence of float, length d, optional
    ///     What each sensor's contribution is multiplied by, at least 0; 1 by default. ACM gives a quarter to columns that
    ///     hold a rolling skewness or kurtosis.
    ///
    /// Returns
    /// -------
    /// OMRDetector
    ///     Itself.
    ///
    /// Raises
    /// ------
    /// TypeError
    ///     ``x`` is no float array, or ``labels`` or ``weights`` are no numbers.
    /// ValueError
    ///     Fewer rows than max(20, min(50, sensors in use)), fewer than two sensors to use, all labels -1, or a wrong length.
    /// numpy.linalg.LinAlgError
    ///     ``alpha`` is too small for sensors that are linear combinations of others. It is a ValueError.
    ///
    /// Warns
    /// -----
    /// UserWarning
    ///     Sensors are left out.
    #[pyo3(signature = (x, labels=None, weights=None, *, names=None))]
    fn fit<'py>(
        slf: Bound<'py, Self>,
        x: &Bound<'py, PyAny>,
        labels: Option<&Bound<'py, PyAny>>,
        weights: Option<&Bound<'py, PyAny>>,
        names: Option<&Bound<'py, PyAny>>,
    ) -> PyResult<Bound<'py, Self>> {
        let py = slf.py();
        let input = samples_of(x)?;
        let samples = input.samples();
        let names = names_of(names, samples.columns())?;
        let labels = labels.map(|labels| whole_numbers(labels, "labels", Some(samples.rows()))).transpose()?;
        let weights = weights.map(|value| numbers_by_column(value, "weights", samples.columns())).transpose()?;
        let parameters = &slf.get().parameters;
        let fitted = compute(py, || {
            let fitted = match labels {
                Some(labels) => parameters.fit_most_frequent(samples, &labels)?,
                None => parameters.fit(samples)?,
            };
            match weights {
                Some(weights) => fitted.weigh(&weights),
                None => Ok(fitted),
            }
        })?;
        let used = used(&fitted)?;
        slf.get().held.set(py, fitted, names.clone())?;
        let reason = "do not vary or are missing in more than half of the rows, and are left out";
        warn_left_out(py, names.as_ref(), &used, reason)?;
        Ok(slf)
    }

    /// How far each row is from what its sensors predict of each other.
    ///
    /// Parameters
    /// ----------
    /// x : ndarray of float64 or float32, shape (n, d)
    ///     Any rows; a row's score does not depend on the others. Missing values count as the sensor's median in training.
    ///
    /// Returns
    /// -------
    /// ndarray of float64, shape (n,)
    ///     Length of the residual over ``norm_scale_``, at most ``clip``; higher is more abnormal.
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

    /// The same as ``score``: rows are scored each on its own.
    ///
    /// Parameters
    /// ----------
    /// x : ndarray of float64 or float32, shape (n, d)
    ///     The next rows, any number.
    ///
    /// Returns
    /// -------
    /// ndarray of float64, shape (n,)
    ///     To the last bit what ``score`` gives for these rows.
    ///
    /// Raises
    /// ------
    /// RuntimeError
    ///     Before ``fit``.
    /// TypeError
    ///     ``x`` is no float array.
    /// ValueError
    ///     ``x`` has another number of columns than at fit.
    fn update<'py>(&self, py: Python<'py>, x: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
        self.score(py, x)
    }

    /// How far each sensor is from its prediction, against what is usual for it.
    ///
    /// Parameters
    /// ----------
    /// x : ndarray of float64 or float32, shape (n, d)
    ///     Any rows.
    ///
    /// Returns
    /// -------
    /// ndarray of float64, shape (n, d)
    ///     The sensor's squared residual, in units of its standard deviation, over the variance that such squares had in
    ///     training (at least 1e-12), times its weight; 0 for sensors that are left out. These rank sensors; what sums to the
    ///     squared score before clipping is ``(residuals(x) / scale_ / norm_scale_) ** 2``.
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

    /// What each sensor should read.
    ///
    /// Parameters
    /// ----------
    /// x : ndarray of float64 or float32, shape (n, d)
    ///     Any rows.
    ///
    /// Returns
    /// -------
    /// ndarray of float64, shape (n, d)
    ///     In the sensors' own units; NaN for sensors that are left out.
    ///
    /// Raises
    /// ------
    /// RuntimeError
    ///     Before ``fit``.
    /// TypeError
    ///     ``x`` is no float array.
    /// ValueError
    ///     ``x`` has another number of columns than at fit.
    fn predict<'py>(&self, py: Python<'py>, x: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
        let fitted = self.held.get()?;
        let input = samples_of(x)?;
        let samples = input.samples();
        let shape = (samples.rows(), samples.columns());
        table(py, shape, input.is_line(), |out| fitted.predict(samples, out))
    }

    /// What each sensor reads less what it should.
    ///
    /// Parameters
    /// ----------
    /// x : ndarray of float64 or float32, shape (n, d)
    ///     Any rows. A missing value counts as the sensor's median in training, as it does in the score.
    ///
    /// Returns
    /// -------
    /// ndarray of float64, shape (n, d)
    ///     In the sensors' own units; NaN for sensors that are left out.
    ///
    /// Raises
    /// ------
    /// RuntimeError
    ///     Before ``fit``.
    /// TypeError
    ///     ``x`` is no float array.
    /// ValueError
    ///     ``x`` has another number of columns than at fit.
    fn residuals<'py>(&self, py: Python<'py>, x: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
        let fitted = self.held.get()?;
        let input = samples_of(x)?;
        let samples = input.samples();
        let shape = (samples.rows(), samples.columns());
        table(py, shape, input.is_line(), |out| fitted.residuals(samples, out))
    }

    #[getter]
    fn model(&self) -> &'static str {
        self.parameters.model().name()
    }

    #[getter]
    fn n_components(&self) -> usize {
        self.parameters.components()
    }

    #[getter]
    fn alpha(&self) -> f64 {
        self.parameters.alpha()
    }

    #[getter]
    fn clip(&self) -> Option<f64> {
        Some(self.parameters.clip()).filter(|clip| clip.is_finite())
    }

    #[getter]
    fn model_(&self) -> PyResult<&'static str> {
        Ok(self.held.get()?.model().name())
    }

    #[getter]
    fn n_components_(&self) -> PyResult<Option<usize>> {
        Ok(self.held.get()?.components())
    }

    #[getter]
    fn coefficients_<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyArray2<f64>>> {
        let fitted = self.held.get()?;
        let values = compute(py, || fitted.coefficients())?;
        matrix(py, &values, fitted.columns())
    }

    #[getter]
    fn center_<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyArray1<f64>>> {
        attribute(py, &self.held.get()?.scaling().center)
    }

    #[getter]
    fn scale_<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyArray1<f64>>> {
        attribute(py, &self.held.get()?.scaling().scale)
    }

    #[getter]
    fn norm_scale_(&self) -> PyResult<f64> {
        Ok(self.held.get()?.norm_scale())
    }

    #[getter]
    fn used_<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyArray1<bool>>> {
        attribute(py, &used(&*self.held.get()?)?)
    }

    #[getter]
    fn weights_<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyArray1<f64>>> {
        attribute(py, self.held.get()?.weights())
    }

    #[getter]
    fn n_features_in_(&self) -> PyResult<usize> {
        Ok(self.held.get()?.columns())
    }
} }

/// Whether each column takes part.
fn used(fitted: &FittedOmr) -> PyResult<Vec<bool>> {
    let mut used = reserve(fitted.columns(), false, "the columns").map_err(exception)?;
    for &column in fitted.watched() {
        used[column] = true;
    }
    Ok(used)
}
