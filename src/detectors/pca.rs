//! The PCA monitor.

use acm_detectors::pca::{Decomposition, FittedPca, LaggedMemory, Limits, PcaDetector, Statistic};
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

#[pyclass(module = "acm_rs._native", frozen)]
pub(crate) struct PCADetector {
    parameters: PcaDetector,
    held: Held<FittedPca, LaggedMemory>,
}

impl Model for PCADetector {
    type Fitted = FittedPca;
    type Live = LaggedMemory;

    const PARAMETERS: &'static [&'static str] = &["n_components", "lags", "scaling", "alpha", "limits"];

    fn held(&self) -> &Held<FittedPca, LaggedMemory> {
        &self.held
    }

    fn around(held: Held<FittedPca, LaggedMemory>) -> PyResult<Self> {
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
        let alpha = alpha.map_or(Ok(self.parameters.alpha()), |value| number(value, "alpha"))?;
        let method = method.map_or(Ok(self.parameters.limits()), |value| choice(value, "method", &LIMITS))?;
        Ok((alpha, method))
    }
}

model! { PCADetector {
    #[new]
    #[pyo3(signature = (n_components=Given(None), lags=Given(None), *, scaling=Given(None), alpha=Given(None), limits=Given(None)))]
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

    fn score<'py>(&self, py: Python<'py>, x: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
        self.statistic(py, x, Statistic::Score)
    }

    fn update<'py>(&self, py: Python<'py>, x: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
        self.held.get()?;
        let input = samples_of(x)?;
        let samples = input.samples();
        filled(py, samples.rows(), |out| {
            self.held.follow(|fitted, live| fitted.update(live, samples, out))
        })
    }

    fn spe<'py>(&self, py: Python<'py>, x: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
        self.statistic(py, x, Statistic::Spe)
    }

    fn t2<'py>(&self, py: Python<'py>, x: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
        self.statistic(py, x, Statistic::T2)
    }

    #[pyo3(signature = (alpha=None, method=None))]
    fn spe_limit(&self, alpha: Option<&Bound<'_, PyAny>>, method: Option<&Bound<'_, PyAny>>) -> PyResult<f64> {
        let (alpha, method) = self.limit_of(alpha, method)?;
        self.held.get()?.spe_limit_at(alpha, method).map_err(exception)
    }

    #[pyo3(signature = (alpha=None, method=None))]
    fn t2_limit(&self, alpha: Option<&Bound<'_, PyAny>>, method: Option<&Bound<'_, PyAny>>) -> PyResult<f64> {
        let (alpha, method) = self.limit_of(alpha, method)?;
        self.held.get()?.t2_limit_at(alpha, method).map_err(exception)
    }

    #[pyo3(signature = (x, statistic=Given(None), decomposition=Given(None)))]
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

    fn residuals<'py>(&self, py: Python<'py>, x: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
        let fitted = self.held.get()?;
        let input = samples_of(x)?;
        let samples = input.samples();
        let shape = (samples.rows(), samples.columns());
        table(py, shape, input.is_line(), |out| fitted.residuals(samples, out))
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
    fn scaling(&self) -> &'static str {
        name_of(&self.parameters.scaling(), &SCALINGS)
    }

    #[getter]
    fn alpha(&self) -> f64 {
        self.parameters.alpha()
    }

    #[getter]
    fn limits(&self) -> &'static str {
        name_of(&self.parameters.limits(), &LIMITS)
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
