//! Overall model residual.

use acm_detectors::omr::{FittedOmr, Model as Kind, Omr};
use acm_linalg::Samples;
use acm_linalg::memory::reserve;
use acm_linalg::state::Names;
use numpy::PyArray2;
use pyo3::prelude::*;

use crate::arguments::{choice, count, number, numbers, optional, whole_numbers};
use crate::classes::{Array, CONSTANTS, class, learned, name_of, parameters, shared};
use crate::interop::{Value, compute, exception, matrix};
use crate::left_out::{Told, told};
use crate::models::{Asked, Lesson, left_out, marked, wandering};

class!(OMRDetector, Omr, FittedOmr, ());
shared!(OMRDetector, fit_moments, score, update_is_score, contributions, missing, limit, constants);
parameters!(
    OMRDetector,
    of,
    model = of.model().name(),
    n_components = of.components(),
    alpha = of.alpha(),
    clip = Some(of.clip()).filter(|clip| clip.is_finite()),
    constants = name_of(&of.constants(), &CONSTANTS)
);
learned!(
    OMRDetector,
    fit,
    model_ = fit.model().name(),
    n_components_ = fit.components(),
    center_ = Array(&fit.scaling().center),
    scale_ = Array(&fit.scaling().scale),
    norm_scale_ = fit.norm_scale(),
    used_ = Array(&used(&fit)?),
    weights_ = Array(fit.weights()),
    wandering_ = Array(&marked(fit.wandering(), fit.columns())?),
    expected_false_alarms_ = fit.expected_false_alarms(),
    left_out_ = Told(fit.left_out(), fit.columns()),
    n_features_in_ = fit.columns()
);

#[pymethods]
impl OMRDetector {
    #[new]
    fn new(
        model: &Value<'_>,
        n_components: &Value<'_>,
        alpha: &Value<'_>,
        clip: Option<&Value<'_>>,
        constants: &Value<'_>,
    ) -> PyResult<Self> {
        let model = choice(model, "model", &Kind::ALL)?;
        let components = count(n_components, "n_components", 1)?;
        let alpha = number(alpha, "alpha")?;
        let clip = clip.map_or(Ok(f64::INFINITY), |value| number(value, "clip"))?;
        let constants = choice(constants, "constants", &CONSTANTS)?;
        Self::of(Omr::new(model, components, alpha, clip).map(|omr| omr.with_constants(constants)))
    }

    fn fit<'py>(
        slf: Bound<'py, Self>,
        x: &Value<'py>,
        labels: Option<&Value<'py>>,
        weights: Option<&Value<'py>>,
        names: Option<&Value<'py>>,
    ) -> PyResult<Bound<'py, Self>> {
        let lesson = Lesson::of(x, names)?;
        let (rows, columns) = (lesson.samples().rows(), lesson.samples().columns());
        // Lists of states as well: the drop-in has them.
        let labels = optional(labels, |labels| whole_numbers(labels, "labels", Some(rows)))?;
        let weights = optional(weights, |weights| numbers(weights, "weights", Some(columns)))?;
        let parameters = &slf.get().parameters;
        let fit = |x: Samples<'_>| {
            let fitted = match labels {
                Some(labels) => parameters.fit_most_frequent(x, &labels)?,
                None => parameters.fit(x)?,
            };
            match weights {
                Some(weights) => fitted.weigh(&weights),
                None => Ok(fitted),
            }
        };
        lesson.learn(slf.get(), fit, Self::remarks)?;
        Ok(slf)
    }

    #[getter]
    fn coefficients_<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyArray2<f64>>> {
        let fit = self.held.get()?;
        matrix(py, &compute(py, || fit.coefficients())?, fit.columns())
    }

    fn predict<'py>(&self, x: &Value<'py>) -> PyResult<Value<'py>> {
        Asked::of(self, x)?.like(|fit, x, out| fit.predict(x, out))
    }

    fn residuals<'py>(&self, x: &Value<'py>) -> PyResult<Value<'py>> {
        Asked::of(self, x)?.like(|fit, x, out| fit.residuals(x, out))
    }
}

impl OMRDetector {
    fn remarks(fit: &FittedOmr, names: Option<&Names>, x: Option<Samples<'_>>) -> PyResult<Vec<String>> {
        let why = "do not vary or are missing in more than half of the rows (two thirds of many), and are left out";
        let mut remarks = left_out(names, &used(fit)?, why)?;
        remarks.extend(wandering(names, x, fit.wandering(), fit.columns(), fit.expected_false_alarms())?);
        remarks.extend(told(fit.left_out(), names)?);
        Ok(remarks)
    }
}

/// Whether each column takes part.
fn used(fitted: &FittedOmr) -> PyResult<Vec<bool>> {
    let mut used = reserve(fitted.columns(), false, "the columns").map_err(exception)?;
    for &column in fitted.watched() {
        used[column] = true;
    }
    Ok(used)
}
