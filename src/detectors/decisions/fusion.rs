//! Fusion of several scores.

use acm_detectors::decisions::{self, Combine, FittedScoreFusion, Mapping};
use pyo3::prelude::*;

use crate::arguments::{choice, count, numbers, optional};
use crate::classes::{Array, Sequence, class, learned, name_of, parameters};
use crate::interop::Value;
use crate::models::{Asked, Lesson};

class!(ScoreFusion, decisions::ScoreFusion, FittedScoreFusion, ());
parameters!(
    ScoreFusion,
    of,
    scale = name_of(&of.mapping(), &Mapping::ALL),
    combine = name_of(&of.combine(), &Combine::ALL),
    weights = of.weights().map(Sequence),
    min_rows = of.min_rows()
);
learned!(ScoreFusion, fit, regimes_ = Array(fit.regimes()), n_features_in_ = fit.columns());

#[pymethods]
impl ScoreFusion {
    #[new]
    fn new(
        scale: &Value<'_>,
        combine: &Value<'_>,
        weights: Option<&Value<'_>>,
        min_rows: &Value<'_>,
    ) -> PyResult<Self> {
        let mapping = choice(scale, "scale", &Mapping::ALL)?;
        let combine = choice(combine, "combine", &Combine::ALL)?;
        let weights = optional(weights, |value| numbers(value, "weights", None))?;
        Self::of(decisions::ScoreFusion::new(mapping, combine, weights, count(min_rows, "min_rows", 2)?))
    }

    fn fit<'py>(
        slf: Bound<'py, Self>,
        x: &Value<'py>,
        labels: Option<&Value<'py>>,
        names: Option<&Value<'py>>,
    ) -> PyResult<Bound<'py, Self>> {
        let lesson = Lesson::of(x, names)?;
        let labels = lesson.labels(labels)?;
        let parameters = &slf.get().parameters;
        lesson.learn(slf.get(), |x| parameters.fit(x, labels.as_deref()), |_, _, _| Ok(Vec::new()))?;
        Ok(slf)
    }

    fn score<'py>(&self, x: &Value<'py>, labels: Option<&Value<'py>>) -> PyResult<Value<'py>> {
        let asked = Asked::of(self, x)?;
        let labels = asked.labels(labels)?;
        asked.line(|fit, x, out| fit.score(x, labels.as_deref(), out))
    }

    fn update<'py>(&self, x: &Value<'py>, labels: Option<&Value<'py>>) -> PyResult<Value<'py>> {
        self.score(x, labels)
    }

    fn contributions<'py>(&self, x: &Value<'py>, labels: Option<&Value<'py>>) -> PyResult<Value<'py>> {
        let asked = Asked::of(self, x)?;
        let labels = asked.labels(labels)?;
        asked.like(|fit, x, out| fit.contributions(x, labels.as_deref(), out))
    }

    fn scaled<'py>(&self, x: &Value<'py>, labels: Option<&Value<'py>>) -> PyResult<Value<'py>> {
        let asked = Asked::of(self, x)?;
        let labels = asked.labels(labels)?;
        asked.like(|fit, x, out| fit.scaled(x, labels.as_deref(), out))
    }
}
