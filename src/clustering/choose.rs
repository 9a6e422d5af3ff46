//! The number of clusters.

use acm_clustering::choose::Search;
use acm_detectors::choose::{Choice, Method, choose};
use acm_linalg::memory::Gather;
use numpy::PyArray1;
use pyo3::prelude::*;

use crate::arguments::{Given, choice, count, seed_of};
use crate::interop::{compute, exception};
use crate::models::{attribute, samples_of};

/// What `choose_k` found.
///
/// Attributes
/// ----------
/// k : int
///     The number of clusters; 1 where the data have none.
/// ks : ndarray of int64, shape (m,)
///     The numbers that were tried.
/// silhouette : ndarray of float64, shape (m,)
///     Mean silhouette of each; higher is better, NaN where it is not defined.
/// inertia : ndarray of float64, shape (m,)
///     Sum of squared distances to the centres.
/// bic : ndarray of float64, shape (m,)
///     Bayesian information criterion of the diagonal mixture; lower is better.
/// gap, gap_error : ndarray of float64, shape (m,)
///     Gap statistic and its standard error.
/// one_cluster : bool
///     Whether the test found no clusters.
///
/// Examples
/// --------
/// >>> import numpy as np, acm_rs
/// >>> found = acm_rs.choose_k(np.random.default_rng(0).normal(0.0, 1.0, (200, 2)), 2, 3)
/// >>> found
/// ClusterChoice(k=1, ks=[2, 3])
/// >>> found.ks
/// array([2, 3])
#[pyclass(module = "acm_rs", frozen)]
pub(crate) struct ClusterChoice(Choice);

#[pymethods]
impl ClusterChoice {
    #[getter]
    fn k(&self) -> usize {
        self.0.k
    }

    #[getter]
    fn ks<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyArray1<i64>>> {
        let ks = self
            .0
            .found
            .ks
            .iter()
            .map(|&k| k.cast_signed() as i64)
            .gathered("the numbers of clusters");
        attribute(py, &ks.map_err(exception)?)
    }

    #[getter]
    fn silhouette<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyArray1<f64>>> {
        attribute(py, &self.0.found.silhouette)
    }

    #[getter]
    fn inertia<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyArray1<f64>>> {
        attribute(py, &self.0.found.inertia)
    }

    #[getter]
    fn bic<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyArray1<f64>>> {
        attribute(py, &self.0.bic)
    }

    #[getter]
    fn gap<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyArray1<f64>>> {
        attribute(py, &self.0.found.gap)
    }

    #[getter]
    fn gap_error<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyArray1<f64>>> {
        attribute(py, &self.0.found.gap_error)
    }

    #[getter]
    fn one_cluster(&self) -> bool {
        self.0.found.one
    }

    fn __repr__(&self) -> String {
        format!("ClusterChoice(k={}, ks={:?})", self.0.k, self.0.found.ks)
    }
}

/// How many clusters the rows of ``x`` form.
///
/// Parameters
/// ----------
/// x : ndarray of float64 or float32, shape (n, d) or (n,)
///     Rows = samples. The columns should have a common scale: see ``zscore``.
/// k_min, k_max : int, default 2 and 8
///     Fewest and most clusters.
/// method : {"silhouette", "elbow", "bic"}, default "silhouette"
///     What decides: the highest mean silhouette, the elbow of the inertia [1]_, or the lowest Bayesian information criterion
///     of a Gaussian mixture with diagonal covariances [2]_. All are returned.
/// sample_size : int, default 4000
///     Rows that are drawn where there are more; above ``k_max``.
/// n_init : int, default 5
///     Starts of k-means.
/// seed : int, default 17
///     What rows, starts and references are drawn from.
///
/// Returns
/// -------
/// ClusterChoice
///     ``k`` and, for each number in ``ks``: ``silhouette``, ``inertia``, ``bic``, ``gap``, ``gap_error``.
///
/// Raises
/// ------
/// TypeError
///     ``x`` is no float array.
/// ValueError
///     ``x`` has fewer than ``k_min`` rows or no known value, or a parameter is outside what it may be.
///
/// Notes
/// -----
/// NaN and infinity count as the median of their column. ``k`` is 1 where the rows have no clusters: k-means parts at most
/// 1000 of them in two, and their projections on the line through both centres depart from having one mode [3]_ by no more
/// than 1.15 times the most of 24 samples that are uniform in the box of the principal axes. The test takes rows for independent: the
/// path of a random walk lingers in places and has clusters by it. The gap statistic [4]_ is of the same rows and of 10 of
/// those samples.
///
/// .. [1] Satopää, Albrecht, Irwin and Raghavan, Finding a "kneedle" in a haystack, 2011, doi 10.1109/ICDCSW.2011.20.
/// .. [2] Schwarz, Estimating the dimension of a model, Annals of Statistics 6, 1978, doi 10.1214/aos/1176344136.
/// .. [3] Hartigan and Hartigan, The dip test of unimodality, Annals of Statistics 13, 1985, doi 10.1214/aos/1176346577.
/// .. [4] Tibshirani, Walther and Hastie, Estimating the number of clusters in a data set via the gap statistic, Journal of
///        the Royal Statistical Society B 63, 2001, doi 10.1111/1467-9868.00293.
///
/// Examples
/// --------
/// >>> import numpy as np, acm_rs
/// >>> x = np.random.default_rng(0).normal(0.0, 1.0, (300, 2))
/// >>> acm_rs.choose_k(x).k
/// 1
/// >>> x[:100] += 12.0
/// >>> x[100:200, 0] -= 12.0
/// >>> acm_rs.choose_k(x).k
/// 3
#[pyfunction]
#[pyo3(signature = (x, k_min=Given(None), k_max=Given(None), *, method=Given(None), sample_size=Given(None), n_init=Given(None), seed=Given(None)),
       text_signature = "(x, k_min=2, k_max=8, *, method='silhouette', sample_size=4000, n_init=5, seed=17)")]
#[expect(clippy::too_many_arguments, reason = "as many as the function has for Python")]
pub(crate) fn choose_k<'py>(
    py: Python<'py>,
    x: &Bound<'py, PyAny>,
    k_min: Given<'_, 'py>,
    k_max: Given<'_, 'py>,
    method: Given<'_, 'py>,
    sample_size: Given<'_, 'py>,
    n_init: Given<'_, 'py>,
    seed: Given<'_, 'py>,
) -> PyResult<ClusterChoice> {
    let search = Search {
        least: k_min.map_or(Ok(2), |value| count(value, "k_min", 1))?,
        most: k_max.map_or(Ok(8), |value| count(value, "k_max", 1))?,
        sample: sample_size.map_or(Ok(4000), |value| count(value, "sample_size", 2))?,
        starts: n_init.map_or(Ok(5), |value| count(value, "n_init", 1))?,
        gap_references: 10,
        seed: seed.map_or(Ok(17), seed_of)?,
    };
    let method = method.map_or(Ok(Method::Silhouette), |value| choice(value, "method", &Method::ALL))?;
    let input = samples_of(x)?;
    let samples = input.samples();
    compute(py, || choose(samples, &search, method)).map(ClusterChoice)
}
