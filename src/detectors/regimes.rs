//! Operating regimes.

use acm_detectors::regimes::{Count, Density, FittedRegimes, Method, Regimes, RegimesMemory};
use acm_linalg::Samples;
use acm_linalg::memory::Gather;
use numpy::PyArray1;
use pyo3::exceptions::PyTypeError;
use pyo3::prelude::*;
use pyo3::types::PyString;

use crate::arguments::{choice, count, number, optional, seed_of, unknown_word, word};
use crate::classes::{Array, CONSTANTS, Matrix, Setting, class, learned, name_of, parameters, shared};
use crate::interop::{Value, array, exception, type_name};
use crate::left_out::{Told, told};
use crate::models::{Asked, Lesson};
use crate::naming::agreed;

/// What finds regimes.
const METHODS: [(&str, Method); 2] = [("kmeans", Method::KMeans), ("hdbscan", Method::Hdbscan)];

/// Percentage of the rows that may be nearer to another regime's centre before it is told.
const ELSEWHERE: f64 = 1.0;

class!(RegimeModel, Regimes, FittedRegimes, RegimesMemory);
shared!(RegimeModel, score, update_is_score, contributions, missing, constants);
parameters!(
    RegimeModel,
    of,
    n_regimes = match of.count() {
        Count::Auto => Setting::Word("auto"),
        Count::Fixed(count) => Setting::Count(count),
    },
    method = name_of(&of.method(), &METHODS),
    k_max = of.most(),
    min_rows = of.min_rows(),
    unknown_quantile = of.quantile(),
    margin = of.margin(),
    smoothing = of.smoothing(),
    seed = of.seed(),
    constants = name_of(&of.constants(), &CONSTANTS)
);
learned!(
    RegimeModel,
    fit,
    centers_ = Matrix(&fit.centers().map_err(exception)?, fit.columns()),
    spreads_ = Matrix(fit.spreads(), fit.columns()),
    regimes_ = Array(fit.numbers()),
    scale_ = Array(fit.scales()),
    limits_ = Array(fit.limits()),
    used_ = Array(fit.used()),
    labels_ = Array(fit.labels()),
    n_regimes_ = fit.count(),
    left_out_ = Told(fit.left_out(), fit.columns()),
    n_features_in_ = fit.columns()
);

#[pymethods]
impl RegimeModel {
    #[new]
    #[expect(clippy::too_many_arguments, reason = "the parameters")]
    fn new(
        n_regimes: &Value<'_>,
        method: &Value<'_>,
        k_max: &Value<'_>,
        min_rows: &Value<'_>,
        unknown_quantile: &Value<'_>,
        margin: &Value<'_>,
        smoothing: &Value<'_>,
        seed: &Value<'_>,
        constants: &Value<'_>,
    ) -> PyResult<Self> {
        let regimes = Regimes::new(
            regimes_of(n_regimes)?,
            count(k_max, "k_max", 2)?,
            count(min_rows, "min_rows", 1)?,
            number(unknown_quantile, "unknown_quantile")?,
            number(margin, "margin")?,
            count(smoothing, "smoothing", 1)?,
            seed_of(seed)?,
        );
        let method = choice(method, "method", &METHODS)?;
        let constants = choice(constants, "constants", &CONSTANTS)?;
        Self::of(regimes.and_then(|regimes| regimes.with_constants(constants).with_method(method)))
    }

    fn fit<'py>(
        slf: Bound<'py, Self>,
        x: &Value<'py>,
        reference: Option<&Value<'py>>,
        names: Option<&Value<'py>>,
    ) -> PyResult<Bound<'py, Self>> {
        let before = optional(reference, |value| {
            let wrong =
                |_| PyTypeError::new_err(format!("`reference` must be a RegimeModel, got {}", type_name(value)));
            value.cast::<Self>().map_err(wrong)?.get().held.get()
        })?;
        let lesson = Lesson::of(x, names)?;
        agreed(before.as_ref().and_then(|fit| fit.names()), lesson.names.as_ref(), "`reference`")?;
        let parameters = &slf.get().parameters;
        let fit = |x: Samples<'_>| parameters.fit(x, before.as_deref().map(|fit| &**fit));
        lesson.learn(slf.get(), fit, |fit, names, _| {
            let mut remarks = told(fit.left_out(), names)?;
            remarks.extend(fit.density().and_then(|density| of_density(density, fit.labels().len(), fit.count())));
            Ok(remarks)
        })?;
        Ok(slf)
    }

    fn predict<'py>(&self, x: &Value<'py>) -> PyResult<Value<'py>> {
        Asked::of(self, x)?.line(|fit, x, out| fit.predict(x, out))
    }

    fn track<'py>(&self, x: &Value<'py>) -> PyResult<Value<'py>> {
        Asked::of(self, x)?.follow(|fit, live, x, out| fit.track(live, x, out))
    }

    fn confidence<'py>(&self, x: &Value<'py>) -> PyResult<Value<'py>> {
        Asked::of(self, x)?.line(|fit, x, out| fit.confidence(x, out))
    }

    fn transform<'py>(&self, x: &Value<'py>) -> PyResult<Value<'py>> {
        let asked = Asked::of(self, x)?;
        asked.wide(asked.fit().count(), |fit, x, out| fit.transform(x, out))
    }

    #[getter]
    fn counts_<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyArray1<i64>>> {
        let fitted = self.held.get()?;
        let counts = fitted.rows().iter().map(|rows| rows.cast_signed()).gathered("the regimes");
        array(py, &counts.map_err(exception)?)
    }
}

/// What HDBSCAN does not do well on so many rows with so many regimes, or leaves out beside one, if anything.
fn of_density(density: Density, rows: usize, regimes: usize) -> Option<String> {
    let share = |count: u64| 100.0 * count as f64 / rows as f64;
    let Density {
        noise,
        elsewhere,
        given_up,
    } = density;
    if given_up {
        let noise = share(noise);
        return Some(format!(
            "HDBSCAN finds {noise:.0} % of the rows in no cluster: the regimes are those of method=\"kmeans\""
        ));
    }
    if regimes == 1 && noise > 0 {
        let (rows, are, have) = if noise == 1 { ("row", "is", "has") } else { ("rows", "are", "have") };
        return Some(format!(
            "{noise} {rows} ({:.1} %), far from the one regime of all others, {are} UNKNOWN in `labels_` and {have} no part in \
             its centre and limit",
            share(noise)
        ));
    }
    let elsewhere = share(elsewhere);
    (elsewhere > ELSEWHERE).then(|| {
        format!(
            "{elsewhere:.0} % of the rows are nearer to the centre of another regime than to that of their own: `predict` \
             goes by centres and gives them another number than `labels_`"
        )
    })
}

fn regimes_of(value: &Value<'_>) -> PyResult<Count> {
    let must = "\"auto\" or a whole number";
    if !value.is_instance_of::<PyString>() {
        return count(value, "n_regimes", 1).map(Count::Fixed);
    }
    match word(value, "n_regimes", must)?.as_str() {
        "auto" => Ok(Count::Auto),
        _ => Err(unknown_word(value, "n_regimes", must)),
    }
}
