//! The fused detector.

use acm_detectors::fused::{FittedFused, Fused, FusedMemory};
use acm_linalg::Samples;
use acm_linalg::state::Names;
use pyo3::prelude::*;

use crate::arguments::{choice, components_of, count, number, numbers, truth};
use crate::classes::{Array, CONSTANTS, ROUNDING, Sequence, Setting, class, learned, name_of, parameters, shared};
use crate::held::Held;
use crate::interop::{Value, exception};
use crate::left_out::{Told, told};
use crate::models::{Asked, Lesson, Model, left_out, marked, wandering};

class!(FusedDetector, Fused, FittedFused, FusedMemory);
shared!(FusedDetector, fit, score, update, contributions, missing, constants);
parameters!(
    FusedDetector,
    of,
    n_components = Setting::from(of.components()),
    lags = of.lags(),
    memories = Sequence(of.memories()),
    folds = of.folds(),
    false_alarm_rate = of.false_alarm_rate(),
    trim = of.trim(),
    whole = of.whole(),
    rounding = name_of(&of.rounding(), &ROUNDING),
    constants = name_of(&of.constants(), &CONSTANTS)
);
learned!(
    FusedDetector,
    fit,
    n_components_ = fit.components(),
    part_names_ = Sequence(&fit.part_names().map_err(exception)?),
    limits_ = Array(&fit.limits().map_err(exception)?),
    part_mean_ = Array(&fit.part_mean().map_err(exception)?),
    part_sd_ = Array(&fit.part_sd().map_err(exception)?),
    mean_power_ = fit.mean_power(),
    trimmed_ = fit.trimmed(),
    steps_ = Array(fit.member_steps()),
    center_ = Array(&fit.center().map_err(exception)?),
    scale_ = Array(&fit.scale().map_err(exception)?),
    used_ = Array(&fit.used().map_err(exception)?),
    wandering_ = Array(&marked(fit.wandering(), fit.columns())?),
    expected_false_alarms_ = fit.expected_false_alarms(),
    left_out_ = Told(fit.left_out(), fit.columns()),
    n_features_in_ = fit.columns()
);

#[pymethods]
impl FusedDetector {
    #[new]
    #[expect(clippy::too_many_arguments, reason = "the parameters")]
    fn new(
        n_components: &Value<'_>,
        lags: &Value<'_>,
        memories: &Value<'_>,
        folds: &Value<'_>,
        false_alarm_rate: &Value<'_>,
        trim: &Value<'_>,
        whole: &Value<'_>,
        rounding: &Value<'_>,
        constants: &Value<'_>,
    ) -> PyResult<Self> {
        let components = components_of(n_components, "n_components")?;
        let lags = count(lags, "lags", 0)?;
        let memories = numbers(memories, "memories", None)?;
        let folds = count(folds, "folds", 2)?;
        let rate = number(false_alarm_rate, "false_alarm_rate")?;
        let whole = truth(whole, "whole")?;
        let fused = Fused::new(components, lags, &memories, folds, rate, number(trim, "trim")?);
        let constants = choice(constants, "constants", &CONSTANTS)?;
        let rounding = choice(rounding, "rounding", &ROUNDING)?;
        Self::of(fused.map(|fused| fused.with_whole(whole).with_rounding(rounding).with_constants(constants)))
    }

    /// Fits, and gives the models of all rows but each stretch.
    fn fit_apart(&self, x: &Value<'_>, names: Option<&Value<'_>>) -> PyResult<Vec<Self>> {
        let (parameters, mut apart) = (&self.parameters, Vec::new());
        let learn = |x: Samples<'_>| {
            let (fit, others) = parameters.fit_apart(x)?;
            apart = others;
            Ok(fit)
        };
        Lesson::of(x, names)?.learn(self, learn, Self::remarks)?;
        apart.into_iter().map(|fit| Self::around(Held::of(fit))).collect()
    }

    fn resolution<'py>(&self, x: &Value<'py>) -> PyResult<Value<'py>> {
        Asked::of(self, x)?.line(|fit, x, out| fit.resolution(x, out))
    }

    fn parts<'py>(&self, x: &Value<'py>) -> PyResult<Value<'py>> {
        let asked = Asked::of(self, x)?;
        asked.wide(asked.fit().part_count(), |fit, x, out| fit.parts(x, out))
    }
}

impl FusedDetector {
    fn remarks(fit: &FittedFused, names: Option<&Names>, x: Option<Samples<'_>>) -> PyResult<Vec<String>> {
        let used = fit.used().map_err(exception)?;
        let mut remarks = left_out(names, &used, "are constant or lack too many of their values and are left out")?;
        remarks.extend(wandering(names, x, fit.wandering(), fit.columns(), fit.expected_false_alarms())?);
        remarks.extend(told(fit.left_out(), names)?);
        Ok(remarks)
    }
}
