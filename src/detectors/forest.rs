//! Isolation forest.

use acm_detectors::forest::{self, FittedIsolationForest, SampleSize};
use numpy::PyArray1;
use pyo3::prelude::*;
use pyo3::types::{PyFloat, PyString};

use crate::arguments::{Given, choice, count, number, seed_of};
use crate::held::Held;
use crate::interop::{compute, exception};
use crate::models::{Model, attribute, filled, model, samples_of, table, warn_left_out};
use crate::naming::names_of;

const AUTO: &[(&str, SampleSize)] = &[("auto", SampleSize::Auto)];

/// Isolation forest: rows that few random splits set apart from the others are abnormal.
///
/// Parameters
/// ----------
/// n_estimators : int, default 100
///     Trees, at most 1,000,000.
/// max_samples : int, float or "auto", default 256
///     Rows that each tree is grown from, drawn without replacement: a number of rows, at least 2 (all where there are fewer),
///     a share of them in (0, 1] that makes at least 2, or "auto" for 256.
/// extension : int, default 0
///     Sensors that a split looks at beyond the first. 0: splits along the axes; more: oblique ones (extended isolation
///     forest). More than there are sensors counts as all.
/// seed : int, default 17
///     The same seed and data give the same forest, whatever the number of threads.
///
/// Attributes
/// ----------
/// max_samples_ : int
///     Rows that each tree was grown from.
/// n_nodes_ : int
///     Nodes of all trees together.
/// used_ : ndarray of bool, shape (d,)
///     False for sensors without two different training values: no split looks at them.
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
/// score(x) = 2^(-h(x) / c(max_samples_)), with h the mean path length of the row over the trees and c(n) that of an
/// unsuccessful search in a binary search tree of n keys [1]_; about 0.5 for an average row, towards 1 for one that stands
/// alone. A split draws a sensor among those that vary at the node and a threshold evenly between its least and greatest
/// value; a tree is at most ceil(log2(max_samples_)) high. Values and thresholds are compared in float64.
///
/// NaN and infinity are missing: they go down the branch that took more of the training rows.
///
/// With ``extension`` a split looks at ``extension + 1`` sensors along a random direction [2]_, in units of each sensor's span
/// at the node, so that units of measurement do not matter; its offset is drawn evenly between the node's rows [3]_. A missing
/// value stands at the node's mean of the sensor.
///
/// .. [1] Liu, Ting and Zhou, Isolation Forest, 2008, doi 10.1109/ICDM.2008.17.
/// .. [2] Hariri, Carrasco Kind and Brunner, Extended Isolation Forest, 2021, doi 10.1109/TKDE.2019.2947676.
/// .. [3] Lesouple, Baudoin, Spigai and Tourneret, Generalized isolation forest for anomaly detection, 2021,
///        doi 10.1016/j.patrec.2021.05.022.
///
/// Examples
/// --------
/// >>> import numpy as np, acm_rs
/// >>> x = np.random.default_rng(0).normal(50.0, 2.0, (500, 3))
/// >>> forest = acm_rs.IsolationForest().fit(x)
/// >>> rows = x[:3].copy()
/// >>> rows[1, 2] = 75.0
/// >>> int(forest.score(rows).argmax()), int(forest.contributions(rows)[1].argmax())
/// (1, 2)
#[pyclass(module = "acm_rs", frozen)]
pub(crate) struct IsolationForest {
    parameters: forest::IsolationForest,
    held: Held<FittedIsolationForest>,
}

impl Model for IsolationForest {
    type Fitted = FittedIsolationForest;
    type Live = ();

    const PARAMETERS: &'static [&'static str] = &["n_estimators", "max_samples", "extension", "seed"];

    fn held(&self) -> &Held<FittedIsolationForest> {
        &self.held
    }

    fn around(held: Held<FittedIsolationForest>) -> PyResult<Self> {
        Ok(Self {
            parameters: held.get()?.parameters().clone(),
            held,
        })
    }
}

fn sample_size(value: &Bound<'_, PyAny>) -> PyResult<SampleSize> {
    if value.is_instance_of::<PyString>() {
        choice(value, "max_samples", AUTO)
    } else if value.is_instance_of::<PyFloat>() {
        number(value, "max_samples").map(SampleSize::Share)
    } else {
        count(value, "max_samples", 2).map(SampleSize::Count)
    }
}

model! { IsolationForest {
    #[new]
    #[pyo3(signature = (n_estimators=Given(None), max_samples=Given(None), extension=Given(None), seed=Given(None)),
           text_signature = "(n_estimators=100, max_samples=256, extension=0, seed=17)")]
    fn new(
        n_estimators: Given<'_, '_>,
        max_samples: Given<'_, '_>,
        extension: Given<'_, '_>,
        seed: Given<'_, '_>,
    ) -> PyResult<Self> {
        let n_estimators = n_estimators.map_or(Ok(100), |value| count(value, "n_estimators", 1))?;
        let max_samples = max_samples.map_or(Ok(SampleSize::Count(256)), sample_size)?;
        let extension = extension.map_or(Ok(0), |value| count(value, "extension", 0))?;
        let seed = seed.map_or(Ok(17), seed_of)?;
        let parameters = forest::IsolationForest::new(n_estimators, max_samples, extension, seed);
        Ok(Self {
            parameters: parameters.map_err(exception)?,
            held: Held::default(),
        })
    }

    /// Grows the trees from healthy data.
    ///
    /// Parameters
    /// ----------
    /// x : ndarray of float64 or float32, shape (n, d) or (n,)
    ///     Rows = time, columns = sensors. Any memory layout; never copied, never changed.
    ///
    /// Returns
    /// -------
    /// IsolationForest
    ///     Itself.
    ///
    /// Raises
    /// ------
    /// TypeError
    ///     ``x`` is no float array.
    /// ValueError
    ///     ``x`` has fewer than two rows, no column, or no sensor that changes, or ``max_samples`` is a share of less than two
    ///     rows.
    ///
    /// Warns
    /// -----
    /// UserWarning
    ///     Sensors are not used because they have no value or do not change.
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

    /// How soon random splits set each row apart.
    ///
    /// Parameters
    /// ----------
    /// x : ndarray of float64 or float32, shape (n, d) or (n,)
    ///     Rows to judge; each by itself.
    ///
    /// Returns
    /// -------
    /// ndarray of float64, shape (n,)
    ///     In (0, 1]; higher is more abnormal, about 0.5 for an average row.
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

    /// The same as ``score``: the forest remembers no rows.
    ///
    /// Parameters
    /// ----------
    /// x : ndarray of float64 or float32, shape (n, d) or (n,)
    ///     The next rows, any number.
    ///
    /// Returns
    /// -------
    /// ndarray of float64, shape (n,)
    ///     Their scores.
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

    /// What each sensor does to set each row apart.
    ///
    /// Parameters
    /// ----------
    /// x : ndarray of float64 or float32, shape (n, d) or (n,)
    ///     Rows to explain.
    ///
    /// Returns
    /// -------
    /// ndarray of float64, shape of ``x``
    ///     A row's values sum to the mean over the trees of (mean path length of the tree's training rows) / (path length of
    ///     the row) - 1: about 0 for an average row, 1 for one that is set apart in half the steps. Negative: the sensor made
    ///     the path longer.
    ///
    /// Raises
    /// ------
    /// RuntimeError
    ///     Before ``fit``.
    /// TypeError
    ///     ``x`` is no float array.
    /// ValueError
    ///     ``x`` has another number of columns than at fit.
    ///
    /// Notes
    /// -----
    /// A split is credited with the mean path length of the training rows at its node less that of those which went the same
    /// way, relative to the row's path length in that tree. An oblique split is shared among its sensors by how far each moves
    /// the row along the direction. Paths as explanations: Carletti, Terzi and Susto, 2023,
    /// doi 10.1016/j.engappai.2022.105730.
    fn contributions<'py>(&self, py: Python<'py>, x: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
        let fitted = self.held.get()?;
        let input = samples_of(x)?;
        let samples = input.samples();
        let shape = (samples.rows(), samples.columns());
        table(py, shape, input.is_line(), |out| fitted.contributions(samples, out))
    }

    #[getter]
    fn n_estimators(&self) -> usize {
        self.parameters.n_estimators()
    }

    #[getter]
    fn max_samples<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        Ok(match self.parameters.max_samples() {
            SampleSize::Count(rows) => rows.into_pyobject(py)?.into_any(),
            SampleSize::Share(share) => share.into_pyobject(py)?.into_any(),
            _ => "auto".into_pyobject(py)?.into_any(),
        })
    }

    #[getter]
    fn extension(&self) -> usize {
        self.parameters.extension()
    }

    #[getter]
    fn seed(&self) -> u64 {
        self.parameters.seed()
    }

    #[getter]
    fn max_samples_(&self) -> PyResult<usize> {
        Ok(self.held.get()?.samples())
    }

    #[getter]
    fn n_nodes_(&self) -> PyResult<usize> {
        Ok(self.held.get()?.nodes())
    }

    #[getter]
    fn used_<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyArray1<bool>>> {
        attribute(py, &self.held.get()?.used().map_err(exception)?)
    }

    #[getter]
    fn n_features_in_(&self) -> PyResult<usize> {
        Ok(self.held.get()?.columns())
    }
} }
