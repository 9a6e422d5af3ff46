//! Operating regimes.

use acm_detectors::regimes::{Count, FittedRegimes, Live, Regimes};
use acm_linalg::memory::Gather;
use pyo3::exceptions::PyTypeError;
use pyo3::prelude::*;
use pyo3::types::PyString;

use crate::arguments::{Given, count, number, seed_of, type_name, unknown_word, word};
use crate::held::Held;
use crate::interop::{compute, exception};
use crate::models::{Model, attribute, filled, matrix, model, samples_of, table};
use crate::naming::{agreed, names_of};

/// Operating regimes of a machine: what it usually does, which of that it is doing now, and how sure that is.
///
/// Parameters
/// ----------
/// n_regimes : int or "auto", default "auto"
///     Regimes, or as many as the silhouette of at most 4,000 training rows likes best, one where they have no clusters: see
///     ``choose_k``.
/// k_max : int, default 6
///     Most regimes that "auto" looks for, at least 2.
/// min_rows : int, default 30
///     A regime of fewer training rows takes scale and limit from all rows together.
/// unknown_quantile : float, default 0.995
///     Share of a regime's training distances that its limit covers before the margin.
/// margin : float, default 1.5
///     Factor of the limit, at least 1.
/// smoothing : int, default 1
///     Rows that ``track`` smooths labels over.
/// seed : int, default 17
///     What the starts of k-means and the sample are drawn from.
///
/// Attributes
/// ----------
/// centers_ : ndarray of float64, shape (k, d)
///     Centre of each regime in the sensors' units.
/// spreads_ : ndarray of float64, shape (k, d)
///     Robust standard deviation (1.4826 times the median absolute deviation) of each sensor within each regime, in its unit.
/// regimes_ : ndarray of int64, shape (k,)
///     The number of each regime, which ``predict`` gives.
/// counts_ : ndarray of int64, shape (k,)
///     Training rows nearest to each centre.
/// scale_ : ndarray of float64, shape (k,)
///     Median distance of those rows to the centre, in scaled units.
/// limits_ : ndarray of float64, shape (k,)
///     Score beyond which a row is UNKNOWN.
/// used_ : ndarray of bool, shape (d,)
///     False for sensors that did not change at fit; they are left out.
/// labels_ : ndarray of int64, shape (n,)
///     ``predict`` of the training rows.
/// n_regimes_ : int
///     Regimes, k.
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
/// Sensors are scaled by median and interquartile range (the range of the inner 98 % where that is 0), training values drawn
/// in to their 0.1 % and 99.9 % quantiles, and parted by k-means [1]_, beyond 20 sensors on their first 20 principal
/// components. A row's distance to a centre is Euclidean over the scaled sensors. NaN and infinity are missing: at fit they
/// take the median; later they take no part, and the squared distance over the known sensors counts for all [2]_, because the
/// median of a machine with regimes may lie in none of them. A row without any known sensor is UNKNOWN and has no score (NaN).
///
/// .. [1] Lloyd, Least squares quantization in PCM, IEEE Transactions on Information Theory 28, 1982,
///        doi 10.1109/TIT.1982.1056489.
/// .. [2] Dixon, Pattern recognition with partly missing data, IEEE Transactions on Systems, Man, and Cybernetics 9, 1979,
///        doi 10.1109/TSMC.1979.4310090.
///
/// Examples
/// --------
/// >>> import numpy as np, acm_rs
/// >>> random = np.random.default_rng(0)
/// >>> running = random.normal([1500.0, 8.0], [10.0, 0.3], (300, 2))
/// >>> standing = random.normal([0.0, 0.1], [1.0, 0.02], (200, 2))
/// >>> model = acm_rs.RegimeModel().fit(np.vstack([running, standing]))
/// >>> model.n_regimes_
/// 2
/// >>> model.predict(np.array([[1503.0, 8.1], [0.5, 0.1], [9000.0, 8.0]]))
/// array([ 0,  1, -1])
#[pyclass(module = "acm_rs", frozen)]
pub(crate) struct RegimeModel {
    parameters: Regimes,
    held: Held<FittedRegimes, Live>,
}

impl Model for RegimeModel {
    type Fitted = FittedRegimes;
    type Live = Live;

    const PARAMETERS: &'static [&'static str] = &[
        "n_regimes",
        "k_max",
        "min_rows",
        "unknown_quantile",
        "margin",
        "smoothing",
        "seed",
    ];

    fn held(&self) -> &Held<FittedRegimes, Live> {
        &self.held
    }

    fn around(held: Held<FittedRegimes, Live>) -> PyResult<Self> {
        Ok(Self {
            parameters: held.get()?.parameters().clone(),
            held,
        })
    }
}

fn regimes_of(value: &Bound<'_, PyAny>) -> PyResult<Count> {
    let must = "\"auto\" or a whole number";
    if !value.is_instance_of::<PyString>() {
        return count(value, "n_regimes", 1).map(Count::Fixed);
    }
    match word(value, "n_regimes", must)?.as_str() {
        "auto" => Ok(Count::Auto),
        _ => Err(unknown_word(value, "n_regimes", must)),
    }
}

model! { RegimeModel {
    #[new]
    #[pyo3(signature = (n_regimes=Given(None), *, k_max=Given(None), min_rows=Given(None), unknown_quantile=Given(None), margin=Given(None), smoothing=Given(None),
                        seed=Given(None)),
           text_signature = "(n_regimes='auto', *, k_max=6, min_rows=30, unknown_quantile=0.995, margin=1.5, smoothing=1, \
                             seed=17)")]
    fn new(
        n_regimes: Given<'_, '_>,
        k_max: Given<'_, '_>,
        min_rows: Given<'_, '_>,
        unknown_quantile: Given<'_, '_>,
        margin: Given<'_, '_>,
        smoothing: Given<'_, '_>,
        seed: Given<'_, '_>,
    ) -> PyResult<Self> {
        let parameters = Regimes::new(
            n_regimes.map_or(Ok(Count::Auto), regimes_of)?,
            k_max.map_or(Ok(6), |value| count(value, "k_max", 2))?,
            min_rows.map_or(Ok(30), |value| count(value, "min_rows", 1))?,
            unknown_quantile.map_or(Ok(0.995), |value| number(value, "unknown_quantile"))?,
            margin.map_or(Ok(1.5), |value| number(value, "margin"))?,
            smoothing.map_or(Ok(1), |value| count(value, "smoothing", 1))?,
            seed.map_or(Ok(17), seed_of)?,
        );
        Ok(Self {
            parameters: parameters.map_err(exception)?,
            held: Held::default(),
        })
    }

    /// Learns the regimes of a history.
    ///
    /// Parameters
    /// ----------
    /// x : ndarray of float64 or float32, shape (n, d) or (n,)
    ///     Rows = time, columns = sensors. Any memory layout; never copied, never changed.
    /// reference : RegimeModel, optional
    ///     A fitted model of the same sensors: regimes that share at least half of the rows of the smaller one with one of its
    ///     own keep its numbers (``align_labels``), others get new ones. Otherwise the largest regime has number 0.
    ///
    /// Returns
    /// -------
    /// RegimeModel
    ///     Itself.
    ///
    /// Raises
    /// ------
    /// TypeError
    ///     ``x`` is no float array, or ``reference`` no RegimeModel.
    /// RuntimeError
    ///     ``reference`` is not fitted.
    /// ValueError
    ///     ``x`` has fewer rows than regimes, no column that changes, or other columns than the reference.
    #[pyo3(signature = (x, reference=None, *, names=None))]
    fn fit<'py>(
        slf: Bound<'py, Self>,
        x: &Bound<'py, PyAny>,
        reference: Option<&Bound<'py, PyAny>>,
        names: Option<&Bound<'py, PyAny>>,
    ) -> PyResult<Bound<'py, Self>> {
        let py = slf.py();
        let before = match reference {
            None => None,
            Some(value) => {
                let Ok(model) = value.cast::<Self>() else {
                    let got = type_name(value);
                    return Err(PyTypeError::new_err(format!("`reference` must be a RegimeModel, got {got}")));
                };
                Some(model.get().held.get()?)
            }
        };
        let input = samples_of(x)?;
        let samples = input.samples();
        let names = names_of(names, samples.columns())?;
        agreed(before.as_ref().and_then(|fit| fit.names()), names.as_ref(), "`reference`")?;
        let parameters = &slf.get().parameters;
        let fitted = compute(py, || parameters.fit(samples, before.as_deref().map(|fit| &**fit)))?;
        slf.get().held.set(py, fitted, names)?;
        Ok(slf)
    }

    /// The regime of each row.
    ///
    /// Parameters
    /// ----------
    /// x : ndarray of float64 or float32, shape (n, d) or (n,)
    ///     Rows to look at, each by itself.
    ///
    /// Returns
    /// -------
    /// ndarray of int64, shape (n,)
    ///     A number of ``regimes_``; -1, UNKNOWN, for rows beyond their limit or without a known sensor.
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

    /// The regimes of the rows that follow those given to ``track`` before, smoothed over ``smoothing`` rows.
    ///
    /// Parameters
    /// ----------
    /// x : ndarray of float64 or float32, shape (n, d) or (n,)
    ///     Rows to look at, each by itself.
    ///
    /// Returns
    /// -------
    /// ndarray of int64, shape (n,)
    ///     ``smooth_labels(labels, smoothing, causal=True)`` of the labels of the whole history since ``fit``.
    ///
    /// Raises
    /// ------
    /// RuntimeError
    ///     Before ``fit``.
    /// TypeError
    ///     ``x`` is no float array.
    /// ValueError
    ///     ``x`` has another number of columns than at fit.
    fn track<'py>(&self, py: Python<'py>, x: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
        self.held.get()?;
        let input = samples_of(x)?;
        let samples = input.samples();
        filled(py, samples.rows(), |out| {
            self.held.follow(|fitted, live| fitted.track(live, samples, out))
        })
    }

    /// How sure the regime of each row is.
    ///
    /// Parameters
    /// ----------
    /// x : ndarray of float64 or float32, shape (n, d) or (n,)
    ///     Rows to look at, each by itself.
    ///
    /// Returns
    /// -------
    /// ndarray of float64, shape (n,)
    ///     Between 0 and 1: (limit - score) / (limit - 1) within 0 and 1, times 1 - (d1 / d2)^2 with the distances to the nearest
    ///     and the next centre. 0 for UNKNOWN rows.
    ///
    /// Raises
    /// ------
    /// RuntimeError
    ///     Before ``fit``.
    /// TypeError
    ///     ``x`` is no float array.
    /// ValueError
    ///     ``x`` has another number of columns than at fit.
    fn confidence<'py>(&self, py: Python<'py>, x: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
        let fitted = self.held.get()?;
        let input = samples_of(x)?;
        let samples = input.samples();
        filled(py, samples.rows(), |out| fitted.confidence(samples, out))
    }

    /// How far each row is from what its regime usually does.
    ///
    /// Parameters
    /// ----------
    /// x : ndarray of float64 or float32, shape (n, d) or (n,)
    ///     Rows to look at, each by itself.
    ///
    /// Returns
    /// -------
    /// ndarray of float64, shape (n,)
    ///     Distance to the nearest centre over ``scale_`` of its regime: 1 is usual, higher is more abnormal. NaN for rows without
    ///     a known sensor.
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

    /// The same as ``score``: a row's score does not depend on the rows before it.
    ///
    /// Parameters
    /// ----------
    /// x : ndarray of float64 or float32, shape (n, d) or (n,)
    ///     Rows to look at, each by itself.
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
    ///     ``x`` is no float array.
    /// ValueError
    ///     ``x`` has another number of columns than at fit.
    fn update<'py>(&self, py: Python<'py>, x: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
        let fitted = self.held.get()?;
        let input = samples_of(x)?;
        let samples = input.samples();
        filled(py, samples.rows(), |out| fitted.score(samples, out))
    }

    /// What each sensor adds to the squared score.
    ///
    /// Parameters
    /// ----------
    /// x : ndarray of float64 or float32, shape (n, d) or (n,)
    ///     Rows to look at, each by itself.
    ///
    /// Returns
    /// -------
    /// ndarray of float64, shape of ``x``
    ///     A row sums to its squared score; 0 for sensors that are missing or left out.
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

    /// The distance of each row to each centre.
    ///
    /// Parameters
    /// ----------
    /// x : ndarray of float64 or float32, shape (n, d) or (n,)
    ///     Rows to look at, each by itself.
    ///
    /// Returns
    /// -------
    /// ndarray of float64, shape (n, k)
    ///     In scaled units; NaN for rows without a known sensor.
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
        let shape = (samples.rows(), fitted.count());
        table(py, shape, false, |out| fitted.transform(samples, out))
    }

    #[getter]
    fn n_regimes<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        match self.parameters.count() {
            Count::Auto => Ok("auto".into_pyobject(py)?.into_any()),
            Count::Fixed(count) => Ok(count.into_pyobject(py)?.into_any()),
        }
    }

    #[getter]
    fn k_max(&self) -> usize {
        self.parameters.most()
    }

    #[getter]
    fn min_rows(&self) -> usize {
        self.parameters.min_rows()
    }

    #[getter]
    fn unknown_quantile(&self) -> f64 {
        self.parameters.quantile()
    }

    #[getter]
    fn margin(&self) -> f64 {
        self.parameters.margin()
    }

    #[getter]
    fn smoothing(&self) -> usize {
        self.parameters.smoothing()
    }

    #[getter]
    fn seed(&self) -> u64 {
        self.parameters.seed()
    }

    #[getter]
    fn centers_<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, numpy::PyArray2<f64>>> {
        let fitted = self.held.get()?;
        matrix(py, &fitted.centers().map_err(exception)?, fitted.columns())
    }

    #[getter]
    fn spreads_<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, numpy::PyArray2<f64>>> {
        let fitted = self.held.get()?;
        matrix(py, fitted.spreads(), fitted.columns())
    }

    #[getter]
    fn regimes_<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, numpy::PyArray1<i64>>> {
        attribute(py, self.held.get()?.numbers())
    }

    #[getter]
    fn scale_<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, numpy::PyArray1<f64>>> {
        attribute(py, self.held.get()?.scales())
    }

    #[getter]
    fn limits_<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, numpy::PyArray1<f64>>> {
        attribute(py, self.held.get()?.limits())
    }

    #[getter]
    fn used_<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, numpy::PyArray1<bool>>> {
        attribute(py, self.held.get()?.used())
    }

    #[getter]
    fn labels_<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, numpy::PyArray1<i64>>> {
        attribute(py, self.held.get()?.labels())
    }

    #[getter]
    fn counts_<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, numpy::PyArray1<i64>>> {
        let fitted = self.held.get()?;
        let counts = fitted.rows().iter().map(|rows| rows.cast_signed()).gathered("the regimes");
        let counts = counts.map_err(exception)?;
        attribute(py, &counts)
    }

    #[getter]
    fn n_regimes_(&self) -> PyResult<usize> {
        Ok(self.held.get()?.count())
    }

    #[getter]
    fn n_features_in_(&self) -> PyResult<usize> {
        Ok(self.held.get()?.columns())
    }
} }
