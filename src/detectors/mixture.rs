//! Gaussian mixture.

use acm_detectors::mixture::{
    Components, Covariance, FittedGaussianMixture, GaussianMixture as Parameters, Shape, from_shares,
};
use acm_linalg::Samples;
use acm_linalg::memory::{reserve, reserved};
use numpy::{PyArrayDyn, PyArrayMethods};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyString};

use crate::arguments::{choice, count, number, seed_of};
use crate::classes::{Array, CONSTANTS, Matrix, Setting, class, learned, name_of, parameters, shared};
use crate::interop::{Value, array, compute, exception, input};
use crate::left_out::{Told, told};
use crate::models::{Asked, Lesson, left_out, marked, wandering};

const COVARIANCES: [(&str, Covariance); 2] = [("diag", Covariance::Diag), ("full", Covariance::Full)];
const SHAPES: [(&str, Shape); 4] = [
    ("full", Shape::Full),
    ("tied", Shape::Tied),
    ("diag", Shape::Diag),
    ("spherical", Shape::Spherical),
];

class!(GaussianMixture, Parameters, FittedGaussianMixture, ());
shared!(GaussianMixture, score, update_is_score, contributions, missing, limit, constants);
parameters!(
    GaussianMixture,
    of,
    n_components = match of.components() {
        Components::Fixed(count) => Setting::Count(count),
        Components::Bic => Setting::Word("bic"),
    },
    covariance = name_of(&of.covariance(), &COVARIANCES),
    n_init = of.n_init(),
    reg = of.reg(),
    tol = of.tol(),
    max_iter = of.max_iter(),
    seed = of.seed(),
    constants = name_of(&of.constants(), &CONSTANTS)
);
learned!(
    GaussianMixture,
    fit,
    weights_ = Array(fit.weights()),
    means_ = Matrix(fit.means(), fit.kept().len()),
    center_ = Array(&fit.scaling().center),
    scale_ = Array(&fit.scaling().scale),
    used_ = Array(&used(&fit)?),
    n_components_ = fit.components(),
    lower_bound_ = fit.lower_bound(),
    n_iter_ = fit.steps(),
    converged_ = fit.converged(),
    wandering_ = Array(&marked(fit.wandering(), fit.columns())?),
    expected_false_alarms_ = fit.expected_false_alarms(),
    left_out_ = Told(fit.left_out(), fit.columns()),
    n_features_in_ = fit.columns()
);

#[pymethods]
impl GaussianMixture {
    #[new]
    #[expect(clippy::too_many_arguments, reason = "the parameters")]
    fn new(
        n_components: &Value<'_>,
        covariance: &Value<'_>,
        n_init: &Value<'_>,
        reg: &Value<'_>,
        tol: &Value<'_>,
        max_iter: &Value<'_>,
        seed: &Value<'_>,
        constants: &Value<'_>,
    ) -> PyResult<Self> {
        let components = components(n_components)?;
        let covariance = choice(covariance, "covariance", &COVARIANCES)?;
        let n_init = count(n_init, "n_init", 1)?;
        let (reg, tol) = (number(reg, "reg")?, number(tol, "tol")?);
        let (max_iter, seed) = (count(max_iter, "max_iter", 1)?, seed_of(seed)?);
        let constants = choice(constants, "constants", &CONSTANTS)?;
        let parameters = Parameters::new(components, covariance, n_init, reg, tol, max_iter, seed);
        Self::of(parameters.map(|parameters| parameters.with_constants(constants)))
    }

    fn fit<'py>(
        slf: Bound<'py, Self>,
        x: &Value<'py>,
        labels: Option<&Value<'py>>,
        names: Option<&Value<'py>>,
    ) -> PyResult<Bound<'py, Self>> {
        let lesson = Lesson::of(x, names)?;
        let states = lesson.labels(labels)?.map(|labels| states_of(&labels)).transpose()?;
        let parameters = &slf.get().parameters;
        let fit = |x: Samples<'_>| match &states {
            Some(states) => parameters.fit_from(x, states),
            None => parameters.fit(x),
        };
        lesson.learn(slf.get(), fit, |fit, names, x| {
            let mut remarks = left_out(names, &used(fit)?, "have no value or do not change, and are left out")?;
            remarks.extend(wandering(names, x, fit.wandering(), fit.columns(), fit.expected_false_alarms())?);
            remarks.extend(told(fit.left_out(), names)?);
            Ok(remarks)
        })?;
        Ok(slf)
    }

    fn score_samples<'py>(&self, x: &Value<'py>) -> PyResult<Value<'py>> {
        Asked::of(self, x)?.line(|fit, x, out| fit.log_density(x, out))
    }

    fn predict<'py>(&self, x: &Value<'py>) -> PyResult<Value<'py>> {
        Asked::of(self, x)?.line(|fit, x, out| fit.predict(x, out))
    }

    fn predict_proba<'py>(&self, x: &Value<'py>) -> PyResult<Value<'py>> {
        let asked = Asked::of(self, x)?;
        asked.wide(asked.fit().components(), |fit, x, out| fit.responsibilities(x, out))
    }

    fn bic(&self, x: &Value<'_>) -> PyResult<f64> {
        Asked::of(self, x)?.one(|fit, x| fit.bic(x))
    }

    fn aic(&self, x: &Value<'_>) -> PyResult<f64> {
        Asked::of(self, x)?.one(|fit, x| fit.aic(x))
    }

    #[getter]
    fn covariances_<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyArrayDyn<f64>>> {
        let fitted = self.held.get()?;
        let (components, width) = (fitted.components(), fitted.kept().len());
        let shape = match self.parameters.covariance() {
            Covariance::Diag => vec![components, width],
            Covariance::Full => vec![components, width, width],
        };
        array(py, fitted.covariances())?.reshape(shape)
    }
}

fn components(value: &Value<'_>) -> PyResult<Components> {
    if value.is_instance_of::<PyString>() {
        return choice(value, "n_components", &[("bic", Components::Bic)]);
    }
    Ok(Components::Fixed(count(value, "n_components", 1)?))
}

/// The state that each row begins in.
fn states_of(labels: &[i64]) -> PyResult<Vec<u32>> {
    let wrong = |label| PyValueError::new_err(format!("`labels` must be between 0 and n_components - 1, got {label}"));
    let mut states = reserved(labels.len(), "the states").map_err(exception)?;
    for &label in labels {
        states.push(u32::try_from(label).map_err(|_| wrong(label))?);
    }
    Ok(states)
}

/// Whether each column takes part.
fn used(fitted: &FittedGaussianMixture) -> PyResult<Vec<bool>> {
    let mut used = reserve(fitted.columns(), false, "the columns").map_err(exception)?;
    fitted.kept().iter().for_each(|&column| used[column] = true);
    Ok(used)
}

/// What steps from given responsibilities lead to: the drop-ins' mixture.
#[pyfunction]
pub(crate) fn mixture_from_shares<'py>(
    x: &Value<'py>,
    shares: &Value<'py>,
    n_components: &Value<'py>,
    covariance_type: &Value<'py>,
    reg_covar: &Value<'py>,
    tol: &Value<'py>,
    max_iter: &Value<'py>,
) -> PyResult<Bound<'py, PyDict>> {
    let py = x.py();
    let (x, shares) = (input(x, "x")?, input(shares, "shares")?);
    let (x, shares) = (x.samples(), shares.samples());
    let components = count(n_components, "n_components", 1)?;
    let shape = choice(covariance_type, "covariance_type", &SHAPES)?;
    let (reg, tol) = (number(reg_covar, "reg_covar")?, number(tol, "tol")?);
    let steps = count(max_iter, "max_iter", 1)?;
    let found = compute(py, || from_shares(x, shares, components, shape, reg, tol, steps))?;
    let (k, d) = (components, x.columns());
    let sizes = match shape {
        Shape::Full => vec![k, d, d],
        Shape::Tied => vec![d, d],
        Shape::Diag => vec![k, d],
        Shape::Spherical => vec![k],
    };
    let told = PyDict::new(py);
    told.set_item("weights_", array(py, &found.weights)?)?;
    told.set_item("means_", array(py, &found.means)?.reshape([k, d])?)?;
    told.set_item("covariances_", array(py, &found.covariances)?.reshape(sizes)?)?;
    told.set_item("lower_bound_", found.lower_bound)?;
    told.set_item("log_density_", found.log_density)?;
    told.set_item("n_iter_", found.steps)?;
    told.set_item("converged_", found.converged)?;
    Ok(told)
}
