//! Isolation forest.

use acm_detectors::forest::{FittedIsolationForest, IsolationForest as Parameters, SampleSize};
use acm_linalg::Samples;
use acm_linalg::state::Names;
use pyo3::prelude::*;
use pyo3::types::{PyFloat, PyString};

use crate::arguments::{choice, count, number, seed_of};
use crate::classes::{Array, CONSTANTS, Setting, class, learned, name_of, parameters, shared};
use crate::interop::{Value, exception};
use crate::models::left_out;

const AUTO: &[(&str, SampleSize)] = &[("auto", SampleSize::Auto)];

class!(IsolationForest, Parameters, FittedIsolationForest, ());
shared!(IsolationForest, fit, score, update_is_score, contributions, missing, limit, constants);
parameters!(
    IsolationForest,
    of,
    n_estimators = of.n_estimators(),
    max_samples = match of.max_samples() {
        SampleSize::Count(rows) => Setting::Count(rows),
        SampleSize::Share(share) => Setting::Number(share),
        _ => Setting::Word("auto"),
    },
    extension = of.extension(),
    seed = of.seed(),
    constants = name_of(&of.constants(), &CONSTANTS)
);
learned!(
    IsolationForest,
    fit,
    max_samples_ = fit.samples(),
    n_nodes_ = fit.nodes(),
    used_ = Array(&fit.used().map_err(exception)?),
    n_features_in_ = fit.columns()
);

#[pymethods]
impl IsolationForest {
    #[new]
    fn new(
        n_estimators: &Value<'_>,
        max_samples: &Value<'_>,
        extension: &Value<'_>,
        seed: &Value<'_>,
        constants: &Value<'_>,
    ) -> PyResult<Self> {
        let n_estimators = count(n_estimators, "n_estimators", 1)?;
        let max_samples = sample_size(max_samples)?;
        let (extension, seed) = (count(extension, "extension", 0)?, seed_of(seed)?);
        let constants = choice(constants, "constants", &CONSTANTS)?;
        let parameters = Parameters::new(n_estimators, max_samples, extension, seed);
        Self::of(parameters.map(|parameters| parameters.with_constants(constants)))
    }
}

impl IsolationForest {
    fn remarks(fit: &FittedIsolationForest, names: Option<&Names>, _: Option<Samples<'_>>) -> PyResult<Vec<String>> {
        let used = fit.used().map_err(exception)?;
        left_out(names, &used, "have no value or do not change, and are left out")
    }
}

fn sample_size(value: &Value<'_>) -> PyResult<SampleSize> {
    if value.is_instance_of::<PyString>() {
        choice(value, "max_samples", AUTO)
    } else if value.is_instance_of::<PyFloat>() {
        number(value, "max_samples").map(SampleSize::Share)
    } else {
        count(value, "max_samples", 2).map(SampleSize::Count)
    }
}
