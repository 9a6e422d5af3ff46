//! The PCA monitor.

use acm_detectors::pca::{Decomposition, FittedPca, Limits, Live, PcaDetector, Statistic};
use acm_linalg::pca::Components;
use acm_linalg::scaling::Manner;
use pyo3::prelude::*;

use crate::arguments::{Given, choice, count, number};
use crate::held::Held;
use crate::interop::{compute, exception};
use crate::linalg::components_of;
use crate::models::{Model, attribute, filled, matrix, model, name_of, samples_of, table, warn_left_out};
use crate::naming::names_of;

const SCALINGS: [(&str, Manner); 2] = [("robust", Manner::Robust), ("standard", Manner::Standard)];
const LIMITS: [(&str, Limits); 2] = [("theoretical", Limits::Theoretical), ("empirical", Limits::Empirical)];
const STATISTICS: [(&str, Statistic); 3] = [
    ("score", Statistic::Score),
    ("spe", Statistic::Spe),
    ("t2", Statistic::T2),
];
const DECOMPOSITIONS: [(&str, Decomposition); 2] = [
    ("partial", Decomposition::Partial),
    ("complete", Decomposition::Complete),
];

/// PCA monitor: healthy rows lie near a plane; how far is a row from it (SPE), and how far out within it (T²)?
///
/// Parameters
/// ----------
/// n_components : int or float, default 5
///     Components that are kept, fewer where columns or rows do not suffice; or, between 0 and 1, as many as explain more than
///     this share of the variance.
/// lags : int, default 0
///     Earlier rows that stand beside each row (dynamic PCA); rows before the first count as equal to it.
/// scaling : {"robust", "standard"}, default "robust"
///     Median and interquartile range, or mean and standard deviation, of each column.
/// alpha : float, default 0.01
///     Share of healthy rows that exceed either limit. The score is the larger of both: it exceeds 1 in up to twice that share.
/// limits : {"theoretical", "empirical"}, default "theoretical"
///     Limits from the statistics' distributions for normal data, or from their quantiles on the training rows.
///
/// Attributes
/// ----------
/// components_ : ndarray of float64, shape (k, w)
///     w = used columns times (lags + 1): all used columns of the row itself, then of the row before, and so on.
/// explained_variance_ : ndarray of float64, shape (k,)
///     Variance of the scaled training rows along each component.
/// mean_ : ndarray of float64, shape (w,)
///     Mean of the scaled training rows.
/// center_, scale_ : ndarray of float64, shape (d,)
///     What is subtracted from each column, and what it is divided by; NaN where a column is not used.
/// used_ : ndarray of bool, shape (d,)
///     False for columns without a value, or that change by no more than the rounding of their values: they have no part in
///     the model.
/// spe_limit_, t2_limit_ : float
///     Limits at ``alpha``, which the score is relative to.
/// n_components_ : int
///     Components kept, k.
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
/// Columns are scaled, clipped to ±1e6 and taken relative to ``mean_``: a row becomes z. With P the components and L their
/// variances, T² = z P' L^-1 P z' (Hotelling) and SPE = abs(z - z P' P)². NaN and infinity are missing and count as the
/// training median of their column. Where the interquartile range of a column that changes is below a hundredth
/// of its standard deviation, the standard deviation scales it. Lagged rows make it dynamic PCA [1]_.
///
/// Limits: Jackson and Mudholkar's for SPE [2]_, F's for T² of a new row; components along which the data vary by less than
/// 1e-12 of the first are not kept, and no limit of SPE is below 1e-12 of the data's variance, none of T² below 1e-12 k.
/// Contributions are the partial or
/// complete decompositions of Alcala and Qin [3]_.
///
/// .. [1] W. Ku, R. H. Storer and C. Georgakis, "Disturbance detection and isolation by dynamic principal component analysis",
///        Chemometrics and Intelligent Laboratory Systems 30, 1995, doi 10.1016/0169-7439(95)00076-3.
/// .. [2] J. E. Jackson and G. S. Mudholkar, "Control procedures for residuals associated with principal component analysis",
///        Technometrics 21, 1979, doi 10.1080/00401706.1979.10489779.
/// .. [3] C. F. Alcala and S. J. Qin, "Analysis and generalization of fault diagnosis methods for process monitoring", Journal
///        of Process Control 21, 2011, doi 10.1016/j.jprocont.2010.10.005.
///
/// Examples
/// --------
/// >>> import numpy as np, acm_rs
/// >>> random = np.random.default_rng(0)
/// >>> x = random.normal(size=(500, 1)) * [1.0, 2.0, 3.0] + random.normal(0.0, 0.1, (500, 3))
/// >>> detector = acm_rs.PCADetector(n_components=1).fit(x)
/// >>> x[-1, 1] += 2.0
/// >>> scores = detector.score(x)
/// >>> int(scores.argmax()), int(detector.contributions(x)[-1].argmax())
/// (499, 1)
#[pyclass(module = "acm_rs", frozen)]
pub(crate) struct PCADetector {
    parameters: PcaDetector,
    held: Held<FittedPca, Live>,
}

impl Model for PCADetector {
    type Fitted = FittedPca;
    type Live = Live;

    const PARAMETERS: &'static [&'static str] = &["n_components", "lags", "scaling", "alpha", "limits"];

    fn held(&self) -> &Held<FittedPca, Live> {
        &self.held
    }

    fn around(held: Held<FittedPca, Live>) -> PyResult<Self> {
        Ok(Self {
            parameters: *held.get()?.parameters(),
            held,
        })
    }
}

impl PCADetector {
    fn statistic<'py>(&self, py: Python<'py>, x: &Bound<'py, PyAny>, which: Statistic) -> PyResult<Bound<'py, PyAny>> {
        let fitted = self.held.get()?;
        let input = samples_of(x)?;
        let samples = input.samples();
        filled(py, samples.rows(), |out| fitted.statistic(samples, which, out))
    }

    /// `alpha` and the method of a limit, the constructor's where they are left out.
    fn limit_of(&self, alpha: Option<&Bound<'_, PyAny>>, method: Option<&Bound<'_, PyAny>>) -> PyResult<(f64, Limits)> {
        let alpha = alpha.map_or(Ok(self.parameters.alpha), |value| number(value, "alpha"))?;
        let method = method.map_or(Ok(self.parameters.limits), |value| choice(value, "method", &LIMITS))?;
        Ok((alpha, method))
    }
}

model! { PCADetector {
    #[new]
    #[pyo3(signature = (n_components=Given(None), lags=Given(None), *, scaling=Given(None), alpha=Given(None), limits=Given(None)),
           text_signature = "(n_components=5, lags=0, *, scaling='robust', alpha=0.01, limits='theoretical')")]
    fn new(
        n_components: Given<'_, '_>,
        lags: Given<'_, '_>,
        scaling: Given<'_, '_>,
        alpha: Given<'_, '_>,
        limits: Given<'_, '_>,
    ) -> PyResult<Self> {
        let components =
            n_components.map_or(Ok(Components::Count(5)), |value| components_of(value, "n_components"))?;
        let lags = lags.map_or(Ok(0), |value| count(value, "lags", 0))?;
        let scaling = scaling.map_or(Ok(Manner::Robust), |value| choice(value, "scaling", &SCALINGS))?;
        let alpha = alpha.map_or(Ok(0.01), |value| number(value, "alpha"))?;
        let limits = limits.map_or(Ok(Limits::Theoretical), |value| choice(value, "limits", &LIMITS))?;
        Ok(Self {
            parameters: PcaDetector::new(components, lags, scaling, alpha, limits).map_err(exception)?,
            held: Held::default(),
        })
    }

    /// Learns scales, components and limits from healthy data.
    ///
    /// Parameters
    /// ----------
    /// x : ndarray of float64 or float32, shape (n, d) or (n,)
    ///     Rows = time, oldest first, at least two; columns = sensors. Any memory layout; never changed.
    ///
    /// Returns
    /// -------
    /// PCADetector
    ///     Itself.
    ///
    /// Raises
    /// ------
    /// TypeError
    ///     ``x`` is no float array.
    /// ValueError
    ///     ``x`` has less than two rows, no more rows than ``lags``, or no column that changes.
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

    /// The larger of each row's SPE and T², relative to its limit: above 1 is an alarm, which up to twice ``alpha`` of the healthy
    /// rows give.
    ///
    /// Parameters
    /// ----------
    /// x : ndarray of float64 or float32, shape (n, d) or (n,)
    ///     Rows to score, a history if the model has lags.
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
    fn score<'py>(&self, py: Python<'py>, x: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
        self.statistic(py, x, Statistic::Score)
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

    /// Squared distance of each scaled row from the plane of the components (SPE, also called Q).
    ///
    /// Parameters
    /// ----------
    /// x : ndarray of float64 or float32, shape (n, d) or (n,)
    ///     Rows to score.
    ///
    /// Returns
    /// -------
    /// ndarray of float64, shape (n,)
    ///     To be compared with ``spe_limit``.
    ///
    /// Raises
    /// ------
    /// RuntimeError, TypeError, ValueError
    ///     As for ``score``.
    fn spe<'py>(&self, py: Python<'py>, x: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
        self.statistic(py, x, Statistic::Spe)
    }

    /// Hotelling's T² of each row: its squared distance from the mean within the plane, in units of the variances there.
    ///
    /// Parameters
    /// ----------
    /// x : ndarray of float64 or float32, shape (n, d) or (n,)
    ///     Rows to score.
    ///
    /// Returns
    /// -------
    /// ndarray of float64, shape (n,)
    ///     To be compared with ``t2_limit``.
    ///
    /// Raises
    /// ------
    /// RuntimeError, TypeError, ValueError
    ///     As for ``score``.
    fn t2<'py>(&self, py: Python<'py>, x: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
        self.statistic(py, x, Statistic::T2)
    }

    /// What a healthy row's SPE exceeds with probability ``alpha``.
    ///
    /// Parameters
    /// ----------
    /// alpha : float, optional
    ///     Between 0 and 1; the constructor's if left out.
    /// method : {"theoretical", "empirical"}, optional
    ///     The constructor's ``limits`` if left out.
    ///
    /// Returns
    /// -------
    /// float
    ///     Jackson and Mudholkar's limit, or the quantile of the training rows' SPE.
    ///
    /// Raises
    /// ------
    /// RuntimeError
    ///     Before ``fit``.
    /// ValueError
    ///     ``alpha`` does not lie between 0 and 1, or there is no such method.
    #[pyo3(signature = (alpha=None, method=None))]
    fn spe_limit(&self, alpha: Option<&Bound<'_, PyAny>>, method: Option<&Bound<'_, PyAny>>) -> PyResult<f64> {
        let (alpha, method) = self.limit_of(alpha, method)?;
        self.held.get()?.spe_limit_at(alpha, method).map_err(exception)
    }

    /// What a healthy row's T² exceeds with probability ``alpha``.
    ///
    /// Parameters
    /// ----------
    /// alpha : float, optional
    ///     Between 0 and 1; the constructor's if left out.
    /// method : {"theoretical", "empirical"}, optional
    ///     The constructor's ``limits`` if left out.
    ///
    /// Returns
    /// -------
    /// float
    ///     From the F distribution, or the quantile of the training rows' T².
    ///
    /// Raises
    /// ------
    /// RuntimeError
    ///     Before ``fit``.
    /// ValueError
    ///     ``alpha`` does not lie between 0 and 1, or there is no such method.
    #[pyo3(signature = (alpha=None, method=None))]
    fn t2_limit(&self, alpha: Option<&Bound<'_, PyAny>>, method: Option<&Bound<'_, PyAny>>) -> PyResult<f64> {
        let (alpha, method) = self.limit_of(alpha, method)?;
        self.held.get()?.t2_limit_at(alpha, method).map_err(exception)
    }

    /// What each sensor adds to a statistic of each row.
    ///
    /// Parameters
    /// ----------
    /// x : ndarray of float64 or float32, shape (n, d) or (n,)
    ///     Rows to explain.
    /// statistic : {"score", "spe", "t2"}, default "score"
    ///     Of the score: what is added to the larger of the two statistics, relative to its limit.
    /// decomposition : {"partial", "complete"}, default "partial"
    ///     With M the statistic's matrix, z M z': partial is z_j (M z)_j, signed, and a deviation of one sensor alone is all its
    ///     own; complete is the square of (M^0.5 z)_j, never negative, for SPE the squared residual.
    ///
    /// Returns
    /// -------
    /// ndarray of float64, shape of ``x``
    ///     Each row sums to the statistic. The shares of a sensor's lags count together; 0 where a column is not used.
    ///
    /// Raises
    /// ------
    /// RuntimeError, TypeError, ValueError
    ///     As for ``score``; there is no such statistic or decomposition.
    #[pyo3(signature = (x, statistic=Given(None), decomposition=Given(None)),
           text_signature = "($self, x, statistic='score', decomposition='partial')")]
    fn contributions<'py>(
        &self,
        py: Python<'py>,
        x: &Bound<'py, PyAny>,
        statistic: Given<'_, 'py>,
        decomposition: Given<'_, 'py>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let which = statistic.map_or(Ok(Statistic::Score), |value| choice(value, "statistic", &STATISTICS))?;
        let decomposition = decomposition
            .map_or(Ok(Decomposition::Partial), |value| choice(value, "decomposition", &DECOMPOSITIONS))?;
        let fitted = self.held.get()?;
        let input = samples_of(x)?;
        let samples = input.samples();
        let shape = (samples.rows(), samples.columns());
        table(py, shape, input.is_line(), |out| fitted.contributions(samples, which, decomposition, out))
    }

    /// What the components leave of each value: positive where it is higher than the other sensors let expect.
    ///
    /// Parameters
    /// ----------
    /// x : ndarray of float64 or float32, shape (n, d) or (n,)
    ///     Rows to explain.
    ///
    /// Returns
    /// -------
    /// ndarray of float64, shape of ``x``
    ///     In units of ``scale_``; of the row itself, not its lags. 0 where a column is not used.
    ///
    /// Raises
    /// ------
    /// RuntimeError, TypeError, ValueError
    ///     As for ``score``.
    fn residuals<'py>(&self, py: Python<'py>, x: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
        let fitted = self.held.get()?;
        let input = samples_of(x)?;
        let samples = input.samples();
        let shape = (samples.rows(), samples.columns());
        table(py, shape, input.is_line(), |out| fitted.residuals(samples, out))
    }

    #[getter]
    fn n_components<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        Ok(match self.parameters.components {
            Components::Count(count) => count.into_pyobject(py)?.into_any(),
            Components::Share(share) => share.into_pyobject(py)?.into_any(),
        })
    }

    #[getter]
    fn lags(&self) -> usize {
        self.parameters.lags
    }

    #[getter]
    fn scaling(&self) -> &'static str {
        name_of(&self.parameters.scaling, &SCALINGS)
    }

    #[getter]
    fn alpha(&self) -> f64 {
        self.parameters.alpha
    }

    #[getter]
    fn limits(&self) -> &'static str {
        name_of(&self.parameters.limits, &LIMITS)
    }

    #[getter]
    fn components_<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, numpy::PyArray2<f64>>> {
        let fitted = self.held.get()?;
        matrix(py, fitted.components(), fitted.mean().len())
    }

    #[getter]
    fn explained_variance_<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, numpy::PyArray1<f64>>> {
        attribute(py, self.held.get()?.explained_variance())
    }

    #[getter]
    fn mean_<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, numpy::PyArray1<f64>>> {
        attribute(py, self.held.get()?.mean())
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
    fn spe_limit_(&self) -> PyResult<f64> {
        Ok(self.held.get()?.spe_limit())
    }

    #[getter]
    fn t2_limit_(&self) -> PyResult<f64> {
        Ok(self.held.get()?.t2_limit())
    }

    #[getter]
    fn n_components_(&self) -> PyResult<usize> {
        Ok(self.held.get()?.kept_components())
    }

    #[getter]
    fn n_features_in_(&self) -> PyResult<usize> {
        Ok(self.held.get()?.columns())
    }
} }
