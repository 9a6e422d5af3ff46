//! Fusion of several scores.

use acm_detectors::decisions::{self, Combine, FittedScoreFusion, Mapping};
use numpy::PyArray1;
use pyo3::prelude::*;
use pyo3::types::PyTuple;

use crate::arguments::{Given, choice, count, labels_for, numbers};
use crate::held::Held;
use crate::interop::{compute, exception};
use crate::models::{Model, attribute, filled, model, name_of, samples_of, table};
use crate::naming::names_of;

/// Several scores as one: each brought to a common scale by its training scores, then combined.
///
/// Parameters
/// ----------
/// scale : {"robust", "tail", "cube_root"}, default "robust"
///     The common scale. "robust": (s - median) / (1.4826 MAD) of the training scores. "tail": -log10 of the share of training
///     scores at or above s, on beyond the largest as an exponential tail. "cube_root": (cbrt(s) - mean) / standard deviation
///     of the training scores' cube roots, close to normal for squared distances such as SPE and T².
/// combine : {"max", "mean", "sum", "p95"}, default "max"
///     How the scaled and weighted scores of a row become one; "mean" divides by the sum of the weights.
/// weights : sequence of float, length m, optional
///     A factor for each scaled score, at least 0; 1 by default. "max" and "p95" divide scaled scores below 0 by it instead and
///     leave out scores of weight 0. With "max", 1 / limit makes 1 the limit of the fused score.
/// min_rows : int, default 50
///     Training rows that a regime needs for a scale of its own.
///
/// Attributes
/// ----------
/// regimes_ : ndarray of int64
///     Regimes that have scales of their own.
/// n_features_in_ : int
///     Scores to a row, m.
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
/// Every scale keeps the order of a score, beyond its training scores too. Where the MAD is 0 the standard deviation stands in
/// for it. A missing score (NaN, infinity) counts as its training median. "cube_root" is the approximation of Wilson and
/// Hilferty [1]_. Under "max" and "p95" a greater weight makes a score count more on either side of 0: multiplied, a score below
/// 0 would gain by a small weight.
///
/// .. [1] Wilson and Hilferty, The distribution of chi-square, Proceedings of the National Academy of Sciences 17, 1931,
///        doi 10.1073/pnas.17.12.684.
///
/// Examples
/// --------
/// >>> import numpy as np, acm_rs
/// >>> healthy = np.random.default_rng(0).chisquare([3, 30], (1000, 2))
/// >>> fusion = acm_rs.ScoreFusion(scale="cube_root").fit(healthy)
/// >>> fused = fusion.score(np.array([[3.0, 30.0], [3.0, 90.0]]))
/// >>> bool(fused[1] > 4 > fused[0])
/// True
/// >>> fusion.contributions(np.array([[3.0, 90.0]])).argmax()
/// np.int64(1)
#[pyclass(module = "acm_rs", frozen)]
pub(crate) struct ScoreFusion {
    parameters: decisions::ScoreFusion,
    held: Held<FittedScoreFusion>,
}

impl Model for ScoreFusion {
    type Fitted = FittedScoreFusion;
    type Live = ();

    const PARAMETERS: &'static [&'static str] = &["scale", "combine", "weights", "min_rows"];

    fn held(&self) -> &Held<FittedScoreFusion> {
        &self.held
    }

    fn around(held: Held<FittedScoreFusion>) -> PyResult<Self> {
        Ok(Self {
            parameters: held.get()?.parameters().clone(),
            held,
        })
    }
}

/// A snapshot of the rows' regimes: bounds must not come from an array that another thread may write to.
fn optional(labels: Option<&Bound<'_, PyAny>>, rows: usize) -> PyResult<Option<Vec<i64>>> {
    labels.map(|labels| labels_for(labels, "labels", rows)).transpose()
}

model! { ScoreFusion {
    #[new]
    #[pyo3(signature = (scale=Given(None), combine=Given(None), weights=None, min_rows=Given(None)),
           text_signature = "(scale='robust', combine='max', weights=None, min_rows=50)")]
    fn new(
        scale: Given<'_, '_>,
        combine: Given<'_, '_>,
        weights: Option<&Bound<'_, PyAny>>,
        min_rows: Given<'_, '_>,
    ) -> PyResult<Self> {
        let mapping = scale.map_or(Ok(Mapping::Robust), |value| choice(value, "scale", &Mapping::ALL))?;
        let combine = combine.map_or(Ok(Combine::Max), |value| choice(value, "combine", &Combine::ALL))?;
        let weights = weights.map(|value| numbers(value, "weights")).transpose()?;
        let min_rows = min_rows.map_or(Ok(50), |value| count(value, "min_rows", 2))?;
        Ok(Self {
            parameters: decisions::ScoreFusion::new(mapping, combine, weights, min_rows).map_err(exception)?,
            held: Held::default(),
        })
    }

    /// Learns the scale of each score from healthy data.
    ///
    /// Parameters
    /// ----------
    /// x : ndarray of float64 or float32, shape (n, m) or (n,)
    ///     Scores of healthy rows, best of rows that the detectors were not fitted on. Any memory layout; never copied.
    /// labels : ndarray of int, shape (n,), optional
    ///     The rows' operating regimes; each with ``min_rows`` rows gets scales of its own. Negative: no regime.
    ///
    /// Returns
    /// -------
    /// ScoreFusion
    ///     Itself.
    ///
    /// Raises
    /// ------
    /// TypeError
    ///     ``x`` is no float array, or ``labels`` no integer array.
    /// ValueError
    ///     ``x`` has no row or a column without a known value, or ``labels`` or ``weights`` has another length.
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

    /// The fused score of each row.
    ///
    /// Parameters
    /// ----------
    /// x : ndarray of float64 or float32, shape (n, m) or (n,)
    ///     Scores.
    /// labels : ndarray of int, shape (n,), optional
    ///     The rows' operating regimes; those without scales of their own use the scales of all training rows.
    ///
    /// Returns
    /// -------
    /// ndarray of float64, shape (n,)
    ///     Higher is more abnormal.
    ///
    /// Raises
    /// ------
    /// RuntimeError
    ///     Before ``fit``.
    /// TypeError
    ///     ``x`` is no float array, or ``labels`` no integer array.
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

    /// The same as ``score``: a fusion remembers no rows.
    ///
    /// Parameters
    /// ----------
    /// x : ndarray of float64 or float32, shape (n, m) or (n,)
    ///     The next scores, any number of rows.
    /// labels : ndarray of int, shape (n,), optional
    ///     The rows' operating regimes.
    ///
    /// Returns
    /// -------
    /// ndarray of float64, shape (n,)
    ///     Higher is more abnormal.
    ///
    /// Raises
    /// ------
    /// RuntimeError
    ///     Before ``fit``.
    /// TypeError
    ///     ``x`` is no float array, or ``labels`` no integer array.
    /// ValueError
    ///     ``x`` has another number of columns than at fit, or ``labels`` another length than ``x`` has rows.
    #[pyo3(signature = (x, labels=None))]
    fn update<'py>(
        &self,
        py: Python<'py>,
        x: &Bound<'py, PyAny>,
        labels: Option<&Bound<'py, PyAny>>,
    ) -> PyResult<Bound<'py, PyAny>> {
        self.score(py, x, labels)
    }

    /// What each score has in the fused one.
    ///
    /// Parameters
    /// ----------
    /// x : ndarray of float64 or float32, shape (n, m) or (n,)
    ///     Scores.
    /// labels : ndarray of int, shape (n,), optional
    ///     The rows' operating regimes.
    ///
    /// Returns
    /// -------
    /// ndarray of float64, shape of ``x``
    ///     They sum to the fused score: with "max" the largest score has all of it, with "p95" one or two have.
    ///
    /// Raises
    /// ------
    /// RuntimeError
    ///     Before ``fit``.
    /// TypeError
    ///     ``x`` is no float array, or ``labels`` no integer array.
    /// ValueError
    ///     ``x`` has another number of columns than at fit, or ``labels`` another length than ``x`` has rows.
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

    /// The scores on their common scale, without weights.
    ///
    /// Parameters
    /// ----------
    /// x : ndarray of float64 or float32, shape (n, m) or (n,)
    ///     Scores.
    /// labels : ndarray of int, shape (n,), optional
    ///     The rows' operating regimes.
    ///
    /// Returns
    /// -------
    /// ndarray of float64, shape of ``x``
    ///     Comparable with each other.
    ///
    /// Raises
    /// ------
    /// RuntimeError
    ///     Before ``fit``.
    /// TypeError
    ///     ``x`` is no float array, or ``labels`` no integer array.
    /// ValueError
    ///     ``x`` has another number of columns than at fit, or ``labels`` another length than ``x`` has rows.
    #[pyo3(signature = (x, labels=None))]
    fn scaled<'py>(
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
        table(py, shape, input.is_line(), |out| fitted.scaled(samples, labels.as_deref(), out))
    }

    #[getter]
    fn scale(&self) -> &'static str {
        name_of(&self.parameters.mapping(), &Mapping::ALL)
    }

    #[getter]
    fn combine(&self) -> &'static str {
        name_of(&self.parameters.combine(), &Combine::ALL)
    }

    #[getter]
    fn weights<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyTuple>>> {
        self.parameters.weights().map(|weights| PyTuple::new(py, weights)).transpose()
    }

    #[getter]
    fn min_rows(&self) -> usize {
        self.parameters.min_rows()
    }

    #[getter]
    fn regimes_<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyArray1<i64>>> {
        attribute(py, self.held.get()?.regimes())
    }

    #[getter]
    fn n_features_in_(&self) -> PyResult<usize> {
        Ok(self.held.get()?.columns())
    }
} }
