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

#[pyclass(module = "acm_rs._native", frozen)]
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
    #[pyo3(signature = (n_components=Given(None), covariance=Given(None), n_init=Given(None), reg=Given(None), tol=Given(None), max_iter=Given(None), seed=Given(None)))]
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

    fn score<'py>(&self, py: Python<'py>, x: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
        let fitted = self.held.get()?;
        let input = samples_of(x)?;
        let samples = input.samples();
        filled(py, samples.rows(), |out| fitted.score(samples, out))
    }

    fn update<'py>(&self, py: Python<'py>, x: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
        self.score(py, x)
    }

    fn contributions<'py>(&self, py: Python<'py>, x: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
        let fitted = self.held.get()?;
        let input = samples_of(x)?;
        let samples = input.samples();
        let shape = (samples.rows(), samples.columns());
        table(py, shape, input.is_line(), |out| fitted.contributions(samples, out))
    }

    fn score_samples<'py>(&self, py: Python<'py>, x: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
        let fitted = self.held.get()?;
        let input = samples_of(x)?;
        let samples = input.samples();
        filled(py, samples.rows(), |out| fitted.log_density(samples, out))
    }

    fn predict<'py>(&self, py: Python<'py>, x: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
        let fitted = self.held.get()?;
        let input = samples_of(x)?;
        let samples = input.samples();
        filled(py, samples.rows(), |out| fitted.predict(samples, out))
    }

    fn predict_proba<'py>(&self, py: Python<'py>, x: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
        let fitted = self.held.get()?;
        let input = samples_of(x)?;
        let samples = input.samples();
        let shape = (samples.rows(), fitted.components());
        table(py, shape, false, |out| fitted.responsibilities(samples, out))
    }

    fn bic(&self, py: Python<'_>, x: &Bound<'_, PyAny>) -> PyResult<f64> {
        let fitted = self.held.get()?;
        let input = samples_of(x)?;
        let samples = input.samples();
        compute(py, || fitted.bic(samples))
    }

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
