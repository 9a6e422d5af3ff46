//! Mahalanobis distances.

use acm_detectors::mahalanobis::{FittedMahalanobis, LaggedMemory, MahalanobisDetector as Parameters};
use acm_linalg::Samples;
use acm_linalg::covariance::Shrinkage;
use acm_linalg::state::Names;
use pyo3::prelude::*;
use pyo3::types::PyString;

use crate::arguments::{choice, count, number, unknown_word, word};
use crate::classes::{Array, CONSTANTS, Matrix, Setting, class, learned, name_of, parameters, shared};
use crate::interop::{Value, exception};
use crate::left_out::{Told, told};
use crate::models::{Asked, left_out, marked, wandering};

/// Whether a limit is of rows that the model has not seen.
const METHODS: [(&str, bool); 2] = [("held_out", true), ("theoretical", false)];

class!(MahalanobisDetector, Parameters, FittedMahalanobis, LaggedMemory);
shared!(MahalanobisDetector, fit, fit_moments, score, update, contributions, missing, constants);
parameters!(
    MahalanobisDetector,
    of,
    shrinkage = match of.shrinkage() {
        Shrinkage::LedoitWolf => Setting::Word("ledoit_wolf"),
        Shrinkage::Nothing => Setting::Word("none"),
        Shrinkage::Share(share) => Setting::Number(share),
    },
    lags = of.lags(),
    constants = name_of(&of.constants(), &CONSTANTS)
);
learned!(
    MahalanobisDetector,
    fit,
    covariance_ = Matrix(fit.covariance(), fit.width()),
    shrinkage_ = fit.shrinkage(),
    center_ = Array(&fit.center().map_err(exception)?),
    scale_ = Array(&fit.scale().map_err(exception)?),
    used_ = Array(&fit.used().map_err(exception)?),
    wandering_ = Array(&marked(fit.wandering(), fit.columns())?),
    expected_false_alarms_ = fit.expected_false_alarms(),
    steps_ = Array(fit.steps()),
    left_out_ = Told(fit.left_out(), fit.columns()),
    n_features_in_ = fit.columns()
);

#[pymethods]
impl MahalanobisDetector {
    #[new]
    fn new(shrinkage: &Value<'_>, lags: &Value<'_>, constants: &Value<'_>) -> PyResult<Self> {
        let (shrinkage, lags) = (shrinkage_of(shrinkage)?, count(lags, "lags", 0)?);
        let constants = choice(constants, "constants", &CONSTANTS)?;
        let parameters = Parameters::new(shrinkage, lags);
        Self::of(parameters.map(|parameters| parameters.with_constants(constants)))
    }

    fn resolution<'py>(&self, x: &Value<'py>) -> PyResult<Value<'py>> {
        Asked::of(self, x)?.line(|fit, x, out| fit.resolution(x, out))
    }

    fn limit(&self, alpha: &Value<'_>, method: &Value<'_>) -> PyResult<f64> {
        let alpha = number(alpha, "alpha")?;
        let fit = self.held.get()?;
        let held_out = choice(method, "method", &METHODS)?;
        if held_out { fit.limit(alpha) } else { fit.theoretical_limit(alpha) }.map_err(exception)
    }
}

impl MahalanobisDetector {
    fn remarks(fit: &FittedMahalanobis, names: Option<&Names>, x: Option<Samples<'_>>) -> PyResult<Vec<String>> {
        let used = fit.used().map_err(exception)?;
        let mut remarks = left_out(names, &used, "have no value or do not change, and are left out")?;
        remarks.extend(wandering(names, x, fit.wandering(), fit.columns(), fit.expected_false_alarms())?);
        remarks.extend(told(fit.left_out(), names)?);
        Ok(remarks)
    }
}

fn shrinkage_of(value: &Value<'_>) -> PyResult<Shrinkage> {
    let must = "\"ledoit_wolf\", \"none\" or a number between 0 and 1";
    if !value.is_instance_of::<PyString>() {
        return number(value, "shrinkage").map(Shrinkage::Share);
    }
    match word(value, "shrinkage", must)?.as_str() {
        "ledoit_wolf" => Ok(Shrinkage::LedoitWolf),
        "none" => Ok(Shrinkage::Nothing),
        _ => Err(unknown_word(value, "shrinkage", must)),
    }
}
