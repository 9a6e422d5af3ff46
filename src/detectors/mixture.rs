//! Gaussian mixture.

use acm_detectors::mixture::{Components, Covariance, FittedGaussianMixture, GaussianMixture as Parameters};
use acm_linalg::memory::{reserve, reserved};
use numpy::{PyArray1, PyArray2, PyArrayDyn, PyArrayMethods};
use pyo3::IntoPyObjectExt;
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::PyString;

use crate::arguments::{Given, choice, count, labels_for, number, seed_of};
use crate::held::Held;
use crate::interop::{compute, exception};
use crate::models::{Model, attribute, filled, matrix, model, name_of, samples_of, table, warn_left_out};
use crate::naming::names_of;

const COVARIANCES: [(&str, Covariance); 2] = [("diag", Covariance::Diag), ("full", Covariance::Full)];

/// Gaussian mixture detector: healthy rows come from a few operating states, and a row that none of them makes likely is
/// abnormal.
///
/// Parameters
/// ----------
/// n_components : int or "bic", default 5
///     States. ``"bic"`` takes as many, between 1 and min(5, sqrt(n) / 2), as the Bayesian information criterion of the
///     training rows likes best.
/// covariance : {"diag", "full"}, default "diag"
///     Whether a state knows the spread of each sensor alone, or also how its sensors move together.
/// n_init : int, default 3
///     k-means starts; the one that ends with the highest likelihood stays.
/// reg : float, default 1e-2
///     Added to every variance, in units of the scaled sensors; at least 0.
/// tol : float, default 1e-3
///     A run ends when the mean log density changes by less.
/// max_iter : int, default 100
///     Most steps of a run.
/// seed : int, default 42
///     Seed of the starts.
///
/// Attributes
/// ----------
/// weights_ : ndarray of float64, shape (k,)
///     Shares of the states.
/// means_ : ndarray of float64, shape (k, u)
///     Their levels, of the scaled sensors in use.
/// covariances_ : ndarray of float64, shape (k, u) or (k, u, u)
///     Their variances ("diag") or covariances ("full"), ``reg`` included.
/// center_, scale_ : ndarray of float64, shape (d,)
///     Scaled values are (x - center) / scale: median and interquartile range of a sensor; where the latter is below
///     a hundredth of the standard deviation, that.
/// used_ : ndarray of bool, shape (d,)
///     False for the sensors that stand still in the training data: they are left out.
/// n_components_ : int
///     States, k.
/// lower_bound_ : float
///     Mean log density of the training rows before the last step of the best run.
/// n_iter_ : int
///     Steps of the best run.
/// converged_ : bool
///     Whether it ended before ``max_iter`` or just then.
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
/// p(z) = sum_k w_k N(z; m_k, S_k), z the scaled row, fitted by expectation and maximisation [1]_ from k-means clusters; the
/// criterion is Schwarz's [2]_. NaN and infinity are missing and count as the median of the training data. Scaled values are
/// clipped to ±1e100. The fit holds a scaled copy of the data. Any number of threads, memory layout and chunking gives the
/// same bytes.
///
/// .. [1] Dempster, Laird and Rubin, Maximum likelihood from incomplete data via the EM algorithm, Journal of the Royal
///        Statistical Society B 39 (1), 1977, doi 10.1111/j.2517-6161.1977.tb01600.x.
/// .. [2] Schwarz, Estimating the dimension of a model, Annals of Statistics 6 (2), 1978, doi 10.1214/aos/1176344136.
///
/// Examples
/// --------
/// >>> import numpy as np, acm_rs
/// >>> random = np.random.default_rng(0)
/// >>> load = random.choice([20.0, 80.0], 500)
/// >>> x = np.column_stack([load, 2 * load, 100 - load]) + random.standard_normal((500, 3))
/// >>> detector = acm_rs.GaussianMixture(n_components=2, covariance="full").fit(x)
/// >>> odd = np.array([[20.0, 40.0, 80.0], [20.0, 160.0, 80.0]])
/// >>> detector.score(odd) > 10
/// array([False,  True])
/// >>> int(detector.contributions(odd)[1].argmax())
/// 1
#[pyclass(module = "acm_rs", frozen)]
pub(crate) struct GaussianMixture {
    parameters: Parameters,
    held: Held<FittedGaussianMixture>,
}

impl Model for GaussianMixture {
    type Fitted = FittedGaussianMixture;
    type Live = ();

    const PARAMETERS: &'static [&'static str] =
        &["n_components", "covariance", "n_init", "reg", "tol", "max_iter", "seed"];

    fn held(&self) -> &Held<FittedGaussianMixture> {
        &self.held
    }

    fn around(held: Held<FittedGaussianMixture>) -> PyResult<Self> {
        Ok(Self {
            parameters: held.get()?.parameters().clone(),
            held,
        })
    }
}

fn components(value: &Bound<'_, PyAny>) -> PyResult<Components> {
    if value.is_instance_of::<PyString>() {
        return choice(value, "n_components", &[("bic", Components::Bic)]);
    }
    Ok(Components::Fixed(count(value, "n_components", 1)?))
}

/// The state that each row begins in.
fn states_of(value: &Bound<'_, PyAny>, rows: usize) -> PyResult<Vec<u32>> {
    let labels = labels_for(value, "labels", rows)?;
    let state = |&label: &i64| {
        let wrong = || PyValueError::new_err(format!("`labels` must be between 0 and n_components - 1, got {label}"));
        u32::try_from(label).map_err(|_| wrong())
    };
    let mut states = reserved(rows, "the states").map_err(exception)?;
    for label in &labels {
        states.push(state(label)?);
    }
    Ok(states)
}

fn used(fitted: &FittedGaussianMixture) -> PyResult<Vec<bool>> {
    let mut used = reserve(fitted.columns(), false, "the columns").map_err(exception)?;
    fitted.kept().iter().for_each(|&column| used[column] = true);
    Ok(used)
}

model! { GaussianMixture {
    #[new]
    #[pyo3(signature = (n_components=Given(None), covariance=Given(None), n_init=Given(None), reg=Given(None), tol=Given(None), max_iter=Given(None), seed=Given(None)),
           text_signature = "(n_components=5, covariance='diag', n_init=3, reg=1e-2, tol=1e-3, max_iter=100, seed=42)")]
    fn new(
        n_components: Given<'_, '_>,
        covariance: Given<'_, '_>,
        n_init: Given<'_, '_>,
        reg: Given<'_, '_>,
        tol: Given<'_, '_>,
        max_iter: Given<'_, '_>,
        seed: Given<'_, '_>,
    ) -> PyResult<Self> {
        let components = n_components.map_or(Ok(Components::Fixed(5)), components)?;
        let covariance = covariance.map_or(Ok(Covariance::Diag), |value| choice(value, "covariance", &COVARIANCES))?;
        let n_init = n_init.map_or(Ok(3), |value| count(value, "n_init", 1))?;
        let reg = reg.map_or(Ok(1e-2), |value| number(value, "reg"))?;
        let tol = tol.map_or(Ok(1e-3), |value| number(value, "tol"))?;
        let max_iter = max_iter.map_or(Ok(100), |value| count(value, "max_iter", 1))?;
        let seed = seed.map_or(Ok(42), seed_of)?;
        let parameters = Parameters::new(components, covariance, n_init, reg, tol, max_iter, seed);
        Ok(Self {
            parameters: parameters.map_err(exception)?,
            held: Held::default(),
        })
    }

    /// Learns the states from healthy data.
    ///
    /// Parameters
    /// ----------
    /// x : ndarray of float64 or float32, shape (n, d) or (n,)
    ///     Rows = time; columns = sensors. Any memory layout; never changed.
    /// labels : ndarray of int, shape (n,), optional
    ///     The state that each row begins in, in place of k-means; between 0 and ``n_components`` - 1, which must be a number.
    ///
    /// Returns
    /// -------
    /// GaussianMixture
    ///     Itself.
    ///
    /// Raises
    /// ------
    /// TypeError
    ///     ``x`` is no float array, or ``labels`` no array of int64.
    /// ValueError
    ///     ``x`` has fewer rows than there are states or no column that changes; ``reg`` is too small for the states'
    ///     covariances, whatever the start and, with "bic", their number; ``labels`` has another length or names no state.
    ///
    /// Warns
    /// -----
    /// UserWarning
    ///     Sensors are left out.
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
        let labels = labels.map(|labels| states_of(labels, samples.rows())).transpose()?;
        let parameters = &slf.get().parameters;
        let fitted = compute(py, || match &labels {
            Some(labels) => parameters.fit_from(samples, labels),
            None => parameters.fit(samples),
        })?;
        let used = used(&fitted)?;
        slf.get().held.set(py, fitted, names.clone())?;
        warn_left_out(py, names.as_ref(), &used, "have no value or do not change, and are left out")?;
        Ok(slf)
    }

    /// How unlikely each row is.
    ///
    /// Parameters
    /// ----------
    /// x : ndarray of float64 or float32, shape (n, d) or (n,)
    ///     Rows to score.
    ///
    /// Returns
    /// -------
    /// ndarray of float64, shape (n,)
    ///     The negative log density, less the training rows' median, over 1.4826 times their median absolute deviation (at
    ///     least 1e-6); higher is more abnormal.
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

    /// The same as ``score``: rows are scored one by one.
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

    /// What each sensor adds to the squared Mahalanobis distance from the states, weighted by their responsibilities.
    ///
    /// Parameters
    /// ----------
    /// x : ndarray of float64 or float32, shape (n, d) or (n,)
    ///     Rows to explain.
    ///
    /// Returns
    /// -------
    /// ndarray of float64, shape of ``x``
    ///     With "diag" sum_k r_k (z_j - m_kj)² / s_kj; with "full" sum_k r_k (z - m_k)_j (inv(S_k) (z - m_k))_j, which may be
    ///     negative. A row sums to the distance. 0 for sensors that are left out.
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

    /// Natural logarithm of the density of each scaled row.
    ///
    /// Parameters
    /// ----------
    /// x : ndarray of float64 or float32, shape (n, d) or (n,)
    ///     Rows.
    ///
    /// Returns
    /// -------
    /// ndarray of float64, shape (n,)
    ///     ln p(z). For the density of x itself take off the sum of ``log(scale_[used_])``.
    ///
    /// Raises
    /// ------
    /// RuntimeError
    ///     Before ``fit``.
    /// TypeError
    ///     ``x`` is no float array.
    /// ValueError
    ///     ``x`` has another number of columns than at fit.
    fn score_samples<'py>(&self, py: Python<'py>, x: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
        let fitted = self.held.get()?;
        let input = samples_of(x)?;
        let samples = input.samples();
        filled(py, samples.rows(), |out| fitted.log_density(samples, out))
    }

    /// The state that is most likely behind each row.
    ///
    /// Parameters
    /// ----------
    /// x : ndarray of float64 or float32, shape (n, d) or (n,)
    ///     Rows.
    ///
    /// Returns
    /// -------
    /// ndarray of int64, shape (n,)
    ///     The number of the state; the first of equally likely ones.
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
        filled(py, samples.rows(), |out| fitted.predict(samples, out))
    }

    /// How likely each state is behind each row.
    ///
    /// Parameters
    /// ----------
    /// x : ndarray of float64 or float32, shape (n, d) or (n,)
    ///     Rows.
    ///
    /// Returns
    /// -------
    /// ndarray of float64, shape (n, k)
    ///     The states' responsibilities; a row sums to 1.
    ///
    /// Raises
    /// ------
    /// RuntimeError
    ///     Before ``fit``.
    /// TypeError
    ///     ``x`` is no float array.
    /// ValueError
    ///     ``x`` has another number of columns than at fit.
    fn predict_proba<'py>(&self, py: Python<'py>, x: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
        let fitted = self.held.get()?;
        let input = samples_of(x)?;
        let samples = input.samples();
        let shape = (samples.rows(), fitted.components());
        table(py, shape, false, |out| fitted.responsibilities(samples, out))
    }

    /// Bayesian information criterion of the mixture for these rows.
    ///
    /// Parameters
    /// ----------
    /// x : ndarray of float64 or float32, shape (n, d) or (n,)
    ///     Rows.
    ///
    /// Returns
    /// -------
    /// float
    ///     p ln(n) - 2 ln L, with p free numbers; lower is better.
    ///
    /// Raises
    /// ------
    /// RuntimeError
    ///     Before ``fit``.
    /// TypeError
    ///     ``x`` is no float array.
    /// ValueError
    ///     ``x`` has no row, or another number of columns than at fit.
    fn bic(&self, py: Python<'_>, x: &Bound<'_, PyAny>) -> PyResult<f64> {
        let fitted = self.held.get()?;
        let input = samples_of(x)?;
        let samples = input.samples();
        compute(py, || fitted.bic(samples))
    }

    /// Akaike information criterion of the mixture for these rows.
    ///
    /// Parameters
    /// ----------
    /// x : ndarray of float64 or float32, shape (n, d) or (n,)
    ///     Rows.
    ///
    /// Returns
    /// -------
    /// float
    ///     2 p - 2 ln L, with p free numbers; lower is better.
    ///
    /// Raises
    /// ------
    /// RuntimeError
    ///     Before ``fit``.
    /// TypeError
    ///     ``x`` is no float array.
    /// ValueError
    ///     ``x`` has no row, or another number of columns than at fit.
    fn aic(&self, py: Python<'_>, x: &Bound<'_, PyAny>) -> PyResult<f64> {
        let fitted = self.held.get()?;
        let input = samples_of(x)?;
        let samples = input.samples();
        compute(py, || fitted.aic(samples))
    }

    #[getter]
    fn n_components<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        match self.parameters.components() {
            Components::Fixed(count) => count.into_bound_py_any(py),
            Components::Bic => "bic".into_bound_py_any(py),
        }
    }

    #[getter]
    fn covariance(&self) -> &'static str {
        name_of(&self.parameters.covariance(), &COVARIANCES)
    }

    #[getter]
    fn n_init(&self) -> usize {
        self.parameters.n_init()
    }

    #[getter]
    fn reg(&self) -> f64 {
        self.parameters.reg()
    }

    #[getter]
    fn tol(&self) -> f64 {
        self.parameters.tol()
    }

    #[getter]
    fn max_iter(&self) -> usize {
        self.parameters.max_iter()
    }

    #[getter]
    fn seed(&self) -> u64 {
        self.parameters.seed()
    }

    #[getter]
    fn weights_<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyArray1<f64>>> {
        attribute(py, self.held.get()?.weights())
    }

    #[getter]
    fn means_<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyArray2<f64>>> {
        let fitted = self.held.get()?;
        matrix(py, fitted.means(), fitted.kept().len())
    }

    #[getter]
    fn covariances_<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyArrayDyn<f64>>> {
        let fitted = self.held.get()?;
        let (components, width) = (fitted.components(), fitted.kept().len());
        let shape = match self.parameters.covariance() {
            Covariance::Diag => vec![components, width],
            Covariance::Full => vec![components, width, width],
        };
        attribute(py, fitted.covariances())?.reshape(shape)
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
    fn used_<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyArray1<bool>>> {
        attribute(py, &used(&*self.held.get()?)?)
    }

    #[getter]
    fn n_components_(&self) -> PyResult<usize> {
        Ok(self.held.get()?.components())
    }

    #[getter]
    fn lower_bound_(&self) -> PyResult<f64> {
        Ok(self.held.get()?.lower_bound())
    }

    #[getter]
    fn n_iter_(&self) -> PyResult<usize> {
        Ok(self.held.get()?.steps())
    }

    #[getter]
    fn converged_(&self) -> PyResult<bool> {
        Ok(self.held.get()?.converged())
    }

    #[getter]
    fn n_features_in_(&self) -> PyResult<usize> {
        Ok(self.held.get()?.columns())
    }
} }
