//! Auto-associative kernel regression.

use acm_detectors::similarity::{FittedSimilarity, Similarity, SimilarityMemory};
use acm_linalg::Samples;
use acm_linalg::state::Names;
use pyo3::prelude::*;

use crate::arguments::{choice, count, number, numbers};
use crate::classes::{Array, CONSTANTS, Matrix, Sequence, class, learned, name_of, parameters, shared};
use crate::interop::{Value, exception};
use crate::left_out::{Told, told};
use crate::models::{Asked, left_out, marked, wandering};

class!(SimilarityDetector, Similarity, FittedSimilarity, SimilarityMemory);
shared!(SimilarityDetector, fit, score, update, contributions, missing, limit, constants);
parameters!(
    SimilarityDetector,
    of,
    memory = of.memory(),
    neighbours = of.neighbours(),
    smoothing = Sequence(of.smoothing()),
    folds = of.folds(),
    false_alarm_rate = of.false_alarm_rate(),
    constants = name_of(&of.constants(), &CONSTANTS)
);
learned!(
    SimilarityDetector,
    fit,
    memory_ = Matrix(&fit.memory().map_err(exception)?, fit.columns()),
    width_ = fit.width(),
    residual_sd_ = Array(&fit.residual_sd().map_err(exception)?),
    steps_ = Array(fit.steps()),
    part_names_ = Sequence(&fit.part_names().map_err(exception)?),
    center_ = Array(&fit.center().map_err(exception)?),
    scale_ = Array(&fit.scale().map_err(exception)?),
    used_ = Array(&fit.used().map_err(exception)?),
    wandering_ = Array(&marked(fit.wandering(), fit.columns())?),
    expected_false_alarms_ = fit.expected_false_alarms(),
    left_out_ = Told(fit.left_out(), fit.columns()),
    n_features_in_ = fit.columns()
);

#[pymethods]
impl SimilarityDetector {
    #[new]
    fn new(
        memory: &Value<'_>,
        neighbours: &Value<'_>,
        smoothing: &Value<'_>,
        folds: &Value<'_>,
        false_alarm_rate: &Value<'_>,
        constants: &Value<'_>,
    ) -> PyResult<Self> {
        let memory = count(memory, "memory", 2)?;
        let neighbours = count(neighbours, "neighbours", 1)?;
        let smoothing = numbers(smoothing, "smoothing", None)?;
        let folds = count(folds, "folds", 2)?;
        let rate = number(false_alarm_rate, "false_alarm_rate")?;
        let constants = choice(constants, "constants", &CONSTANTS)?;
        let parameters = Similarity::new(memory, neighbours, &smoothing, folds, rate);
        Self::of(parameters.map(|parameters| parameters.with_constants(constants)))
    }

    fn estimate<'py>(&self, x: &Value<'py>) -> PyResult<Value<'py>> {
        Asked::of(self, x)?.like(|fit, x, out| fit.estimate(x, out))
    }

    fn resolution<'py>(&self, x: &Value<'py>) -> PyResult<Value<'py>> {
        Asked::of(self, x)?.line(|fit, x, out| fit.resolution(x, out))
    }

    fn parts<'py>(&self, x: &Value<'py>) -> PyResult<Value<'py>> {
        let asked = Asked::of(self, x)?;
        let parts = asked.fit().part_names().map_err(exception)?.len();
        asked.wide(parts, |fit, x, out| fit.parts(x, out))
    }
}

impl SimilarityDetector {
    fn remarks(fit: &FittedSimilarity, names: Option<&Names>, x: Option<Samples<'_>>) -> PyResult<Vec<String>> {
        let used = fit.used().map_err(exception)?;
        let mut remarks = left_out(names, &used, "have no value or do not change, and are left out")?;
        remarks.extend(wandering(names, x, fit.wandering(), fit.columns(), fit.expected_false_alarms())?);
        remarks.extend(told(fit.left_out(), names)?);
        Ok(remarks)
    }
}
