//! k-means.

use acm_clustering::kmeans::{self, FittedKMeans};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;

use crate::arguments::{Given, count, number, seed_of};
use crate::held::Held;
use crate::interop::{Input, compute, exception, input};
use crate::models::{Model, attribute, filled, matrix, model, samples_of, table};
use crate::naming::{agreed, names_of};

/// k-means: rows parted into clusters, each around the mean of its rows.
///
/// Parameters
/// ----------
/// n_clusters : int
///     Clusters, k; at least 1.
/// n_init : int, default 10
///     Starts, of which the one with the lowest inertia is kept.
/// max_iter : int, default 300
///     Most iterations of a start.
/// tol : float, default 1e-4
///     A start is over when the sum of the centres' squared shifts is at most ``tol`` times the mean variance of the
///     columns.
/// seed : int, default 17
///     Starts are drawn from it; between 0 and 2^64 - 1.
///
/// Attributes
/// ----------
/// cluster_centers_ : ndarray of float64, shape (k, d)
///     The clusters' means, in the columns' units.
/// labels_ : ndarray of int64, shape (n,)
///     The cluster of each row of the fit, or of the latest mini-batch.
/// inertia_ : float
///     Sum of those rows' squared distances to their centres, times their weights.
/// counts_ : ndarray of float64, shape (k,)
///     Weight of the rows that each centre is the mean of.
/// n_iter_ : int
///     Iterations of the start that was kept (0 without a fit), plus the mini-batches taken since.
/// n_features_in_ : int
///     Columns, d.
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
/// A start draws its centres from the rows by greedy k-means++ [1]_; Lloyd's iterations [2]_ follow. Then
/// as many starts again set out from the best centres, each with one of them drawn anew, the least useful first, while
/// that saves a thousandth of the inertia. Distances are sums of squared differences about the columns' medians, so
/// that offsets cost no digits. Columns are taken in their units: bring them to a common scale first where they differ.
/// A cluster that loses its last row takes the row that lies farthest from its own centre. With fewer different rows
/// than clusters some clusters stay empty (``counts_`` 0) and their centres repeat others. NaN and infinity are
/// missing: they count as the median of the column at fit. Values farther than 1e150 from it count as that far.
///
/// The same seed gives the same bytes for any number of threads and any memory layout. A fit holds a packed copy of the
/// data, 16 n bytes for each start, and 8 (3 + ln k) n bytes while one is drawn.
///
/// .. [1] Arthur and Vassilvitskii, k-means++: the advantages of careful seeding, SODA 2007, pages 1027-1035.
/// .. [2] Lloyd, Least squares quantization in PCM, 1982, doi 10.1109/TIT.1982.1056489.
///
/// Examples
/// --------
/// >>> import numpy as np, acm_rs
/// >>> x = np.random.default_rng(0).normal(0.0, 1.0, (300, 2))
/// >>> x[:100] += 20.0
/// >>> model = acm_rs.KMeans(2).fit(x)
/// >>> model.predict(x[99:101]).tolist() == model.labels_[99:101].tolist()
/// True
/// >>> sorted(np.bincount(model.labels_).tolist())
/// [100, 200]
#[pyclass(module = "acm_rs", frozen)]
pub(crate) struct KMeans {
    parameters: kmeans::KMeans,
    held: Held<FittedKMeans>,
}

impl Model for KMeans {
    type Fitted = FittedKMeans;
    type Live = ();

    const PARAMETERS: &'static [&'static str] = &["n_clusters", "n_init", "max_iter", "tol", "seed"];

    fn held(&self) -> &Held<FittedKMeans> {
        &self.held
    }

    fn around(held: Held<FittedKMeans>) -> PyResult<Self> {
        Ok(Self {
            parameters: held.get()?.parameters().clone(),
            held,
        })
    }
}

/// A weight for each row.
fn weights_of(value: Option<&Bound<'_, PyAny>>, rows: usize) -> PyResult<Option<Vec<f64>>> {
    let Some(value) = value else { return Ok(None) };
    let weights = input(value, "sample_weight")?;
    if !weights.is_line() {
        return Err(PyValueError::new_err("`sample_weight` must have 1 dimension, a weight for each row, got 2"));
    }
    let got = weights.samples().rows();
    if got != rows {
        return Err(exception(acm_linalg::Error::Length {
            name: "sample_weight",
            expected: rows,
            got,
        }));
    }
    Ok(Some(read(&weights)?))
}

/// Centres to start from, one after the other.
fn centers_of(value: Option<&Bound<'_, PyAny>>, clusters: usize, columns: usize) -> PyResult<Option<Vec<f64>>> {
    let Some(value) = value else { return Ok(None) };
    let centers = input(value, "centers")?;
    let (rows, width) = (centers.samples().rows(), centers.samples().columns());
    if (rows, width) != (clusters, columns) {
        return Err(exception(acm_linalg::Error::Shape {
            name: "centers",
            expected: (clusters, columns),
            got: (rows, width),
        }));
    }
    Ok(Some(read(&centers)?))
}

fn read(values: &Input<'_>) -> PyResult<Vec<f64>> {
    let samples = values.samples();
    let (rows, columns) = (samples.rows(), samples.columns());
    let mut copy = acm_linalg::samples::room(rows, columns, 0.0, "a copy of an argument").map_err(exception)?;
    samples.read(0..rows, &mut copy);
    Ok(copy)
}

model! { KMeans {
    #[new]
    #[pyo3(signature = (n_clusters, n_init=Given(None), max_iter=Given(None), tol=Given(None), seed=Given(None)),
           text_signature = "(n_clusters, n_init=10, max_iter=300, tol=1e-4, seed=17)")]
    fn new(
        n_clusters: &Bound<'_, PyAny>,
        n_init: Given<'_, '_>,
        max_iter: Given<'_, '_>,
        tol: Given<'_, '_>,
        seed: Given<'_, '_>,
    ) -> PyResult<Self> {
        let n_clusters = count(n_clusters, "n_clusters", 1)?;
        let n_init = n_init.map_or(Ok(10), |value| count(value, "n_init", 1))?;
        let max_iter = max_iter.map_or(Ok(300), |value| count(value, "max_iter", 1))?;
        let tol = tol.map_or(Ok(1e-4), |value| number(value, "tol"))?;
        let seed = seed.map_or(Ok(17), seed_of)?;
        Ok(Self {
            parameters: kmeans::KMeans::new(n_clusters, n_init, max_iter, tol, seed).map_err(exception)?,
            held: Held::default(),
        })
    }

    /// Finds the clusters of the rows.
    ///
    /// Parameters
    /// ----------
    /// x : ndarray of float64 or float32, shape (n, d) or (n,)
    ///     Rows = samples, at least as many as clusters; columns = sensors. Any memory layout; never changed.
    /// sample_weight : ndarray of float64 or float32, shape (n,), optional
    ///     How much each row counts: finite, at least 0, not all 0.
    /// centers : ndarray of float64 or float32, shape (k, d), optional
    ///     Start from these, once, in place of drawn starts.
    ///
    /// Returns
    /// -------
    /// KMeans
    ///     Itself.
    ///
    /// Raises
    /// ------
    /// TypeError
    ///     An argument is no float array.
    /// ValueError
    ///     ``x`` has fewer rows than clusters or no value that is not missing; weights or centres are not what they
    ///     must be.
    /// MemoryError
    ///     The packed copy of the data does not fit.
    #[pyo3(signature = (x, sample_weight=None, *, centers=None, names=None))]
    fn fit<'py>(
        slf: Bound<'py, Self>,
        x: &Bound<'py, PyAny>,
        sample_weight: Option<&Bound<'py, PyAny>>,
        centers: Option<&Bound<'py, PyAny>>,
        names: Option<&Bound<'py, PyAny>>,
    ) -> PyResult<Bound<'py, Self>> {
        let py = slf.py();
        let input = samples_of(x)?;
        let samples = input.samples();
        let names = names_of(names, samples.columns())?;
        let parameters = &slf.get().parameters;
        let weights = weights_of(sample_weight, samples.rows())?;
        let centers = centers_of(centers, parameters.clusters(), samples.columns())?;
        let fitted = compute(py, || match &centers {
            Some(centers) => parameters.fit_from(samples, weights.as_deref(), centers),
            None => parameters.fit(samples, weights.as_deref()),
        })?;
        slf.get().held.set(py, fitted, names)?;
        Ok(slf)
    }

    /// Moves the centres by a mini-batch: each becomes the mean of all rows that were its own so far.
    ///
    /// Parameters
    /// ----------
    /// x : ndarray of float64 or float32, shape (n, d) or (n,)
    ///     The next rows. The first batch of a model that is not fitted has at least as many rows as clusters; the
    ///     centres start from it.
    /// sample_weight : ndarray of float64 or float32, shape (n,), optional
    ///     How much each row counts: finite, at least 0, not all 0.
    ///
    /// Returns
    /// -------
    /// KMeans
    ///     Itself.
    ///
    /// Raises
    /// ------
    /// TypeError
    ///     An argument is no float array.
    /// ValueError
    ///     ``x`` has another number of columns than before, or too few rows.
    ///
    /// Notes
    /// -----
    /// The steps of Sculley [1]_ for the rows of a batch taken at once. Missing values count as the medians
    /// of the first batch, or of the fit.
    ///
    /// .. [1] Sculley, Web-scale k-means clustering, WWW 2010, doi 10.1145/1772690.1772862.
    #[pyo3(signature = (x, sample_weight=None, *, names=None))]
    fn partial_fit<'py>(
        slf: Bound<'py, Self>,
        x: &Bound<'py, PyAny>,
        sample_weight: Option<&Bound<'py, PyAny>>,
        names: Option<&Bound<'py, PyAny>>,
    ) -> PyResult<Bound<'py, Self>> {
        let py = slf.py();
        let input = samples_of(x)?;
        let samples = input.samples();
        let given = names_of(names, samples.columns())?;
        let weights = weights_of(sample_weight, samples.rows())?;
        let parameters = &slf.get().parameters;
        // Batches of other threads may come in between: each moves the centres that the one before has left.
        loop {
            let known = slf.get().held.known();
            let before = known.as_ref().and_then(|known| known.names());
            let names = agreed(before, given.as_ref(), "the batches before")?;
            let fitted = compute(py, || match &known {
                Some(known) => known.updated(samples, weights.as_deref()),
                None => parameters.begin(samples, weights.as_deref()),
            })?;
            if slf.get().held.replace(py, known.as_ref(), fitted, names)? {
                return Ok(slf);
            }
        }
    }

    /// The cluster of each row: the number of the nearest centre.
    ///
    /// Parameters
    /// ----------
    /// x : ndarray of float64 or float32, shape (n, d) or (n,)
    ///     Rows to place.
    ///
    /// Returns
    /// -------
    /// ndarray of int64, shape (n,)
    ///     The lowest number of equally near centres.
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
        filled(py, samples.rows(), |out: &mut [i64]| fitted.predict(samples, out))
    }

    /// The distance of each row to each centre.
    ///
    /// Parameters
    /// ----------
    /// x : ndarray of float64 or float32, shape (n, d) or (n,)
    ///     Rows to measure.
    ///
    /// Returns
    /// -------
    /// ndarray of float64, shape (n, k)
    ///     Euclidean distances.
    ///
    /// Raises
    /// ------
    /// RuntimeError
    ///     Before ``fit``.
    /// TypeError
    ///     ``x`` is no float array.
    /// ValueError
    ///     ``x`` has another number of columns than at fit.
    fn transform<'py>(&self, py: Python<'py>, x: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
        let fitted = self.held.get()?;
        let input = samples_of(x)?;
        let samples = input.samples();
        table(py, (samples.rows(), fitted.clusters()), false, |out| fitted.transform(samples, out))
    }

    /// The distance of each row to the nearest centre.
    ///
    /// Parameters
    /// ----------
    /// x : ndarray of float64 or float32, shape (n, d) or (n,)
    ///     Rows to score.
    ///
    /// Returns
    /// -------
    /// ndarray of float64, shape (n,)
    ///     Euclidean distances, in the columns' unit; higher is more abnormal.
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

    /// The same as ``score``: a row's distance does not depend on the rows before.
    ///
    /// Parameters
    /// ----------
    /// x : ndarray of float64 or float32, shape (n, d) or (n,)
    ///     The next rows, any number.
    ///
    /// Returns
    /// -------
    /// ndarray of float64, shape (n,)
    ///     Distances to the nearest centre. The centres stay: ``partial_fit`` moves them.
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

    /// What each column adds to the squared score: its squared difference to the nearest centre.
    ///
    /// Parameters
    /// ----------
    /// x : ndarray of float64 or float32, shape (n, d) or (n,)
    ///     Rows to explain.
    ///
    /// Returns
    /// -------
    /// ndarray of float64, shape of ``x``
    ///     A row's contributions sum to the square of its score.
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
    fn n_clusters(&self) -> usize {
        self.parameters.clusters()
    }

    #[getter]
    fn n_init(&self) -> usize {
        self.parameters.starts()
    }

    #[getter]
    fn max_iter(&self) -> usize {
        self.parameters.max_iter()
    }

    #[getter]
    fn tol(&self) -> f64 {
        self.parameters.tol()
    }

    #[getter]
    fn seed(&self) -> u64 {
        self.parameters.seed()
    }

    #[getter]
    fn cluster_centers_<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, numpy::PyArray2<f64>>> {
        let fitted = self.held.get()?;
        matrix(py, &fitted.centers().map_err(exception)?, fitted.columns())
    }

    #[getter]
    fn labels_<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        let fitted = self.held.get()?;
        filled(py, fitted.labels().len(), |out: &mut [i64]| {
            out.iter_mut().zip(fitted.labels()).for_each(|(to, &label)| *to = i64::from(label));
            Ok(())
        })
    }

    #[getter]
    fn counts_<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, numpy::PyArray1<f64>>> {
        attribute(py, self.held.get()?.counts())
    }

    #[getter]
    fn inertia_(&self) -> PyResult<f64> {
        Ok(self.held.get()?.inertia())
    }

    #[getter]
    fn n_iter_(&self) -> PyResult<usize> {
        Ok(self.held.get()?.iterations())
    }

    #[getter]
    fn n_features_in_(&self) -> PyResult<usize> {
        Ok(self.held.get()?.columns())
    }
} }
