//! A detector for each regime.

use acm_detectors::regime_detector::{FittedRegimeDetector, Kind, RegimeDetector as Parameters, RegimeDetectorMemory};
use acm_linalg::Samples;
use acm_linalg::memory::Gather;
use acm_linalg::state::Names;
use numpy::PyArray1;
use pyo3::prelude::*;

use crate::arguments::{choice, count, number};
use crate::classes::{Array, CONSTANTS, class, learned, name_of, parameters, shared};
use crate::interop::{Value, array, exception};
use crate::left_out::{Told, told};
use crate::models::{Asked, Lesson, marked, wandering};

class!(RegimeDetector, Parameters, FittedRegimeDetector, RegimeDetectorMemory);
shared!(RegimeDetector, missing, constants);
parameters!(
    RegimeDetector,
    of,
    detector = name_of(&of.kind(), &Kind::ALL),
    false_alarm_rate = of.rate(),
    min_rows = of.min_rows(),
    constants = name_of(&of.constants(), &CONSTANTS)
);
learned!(
    RegimeDetector,
    fit,
    regimes_ = Array(fit.regimes()),
    limits_ = Array(&fit.limits().map_err(exception)?),
    wandering_ = Array(&marked(&fit.wandering().map_err(exception)?, fit.columns())?),
    expected_false_alarms_ = fit.expected_false_alarms(),
    left_out_ = Told(fit.left_out(), fit.columns()),
    n_features_in_ = fit.columns()
);

#[pymethods]
impl RegimeDetector {
    #[new]
    fn new(
        detector: &Value<'_>,
        false_alarm_rate: &Value<'_>,
        min_rows: &Value<'_>,
        constants: &Value<'_>,
    ) -> PyResult<Self> {
        let kind = choice(detector, "detector", &Kind::ALL)?;
        let rate = number(false_alarm_rate, "false_alarm_rate")?;
        let min_rows = count(min_rows, "min_rows", 2)?;
        let constants = choice(constants, "constants", &CONSTANTS)?;
        let parameters = Parameters::new(kind, rate, min_rows);
        Self::of(parameters.map(|parameters| parameters.with_constants(constants)))
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
        lesson.learn(slf.get(), |x| parameters.fit(x, labels.as_deref()), Self::remarks)?;
        Ok(slf)
    }

    fn score<'py>(&self, x: &Value<'py>, labels: Option<&Value<'py>>) -> PyResult<Value<'py>> {
        let asked = Asked::of(self, x)?;
        let labels = asked.labels(labels)?;
        asked.line(|fit, x, out| fit.score(x, labels.as_deref(), out))
    }

    fn update<'py>(&self, x: &Value<'py>, labels: Option<&Value<'py>>) -> PyResult<Value<'py>> {
        let asked = Asked::of(self, x)?;
        let labels = asked.labels(labels)?;
        asked.follow(|fit, live, x, out| fit.update(live, x, labels.as_deref(), out))
    }

    fn contributions<'py>(&self, x: &Value<'py>, labels: Option<&Value<'py>>) -> PyResult<Value<'py>> {
        let asked = Asked::of(self, x)?;
        let labels = asked.labels(labels)?;
        asked.like(|fit, x, out| fit.contributions(x, labels.as_deref(), out))
    }

    #[getter]
    fn rows_<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyArray1<i64>>> {
        let rows = self.held.get()?.rows().map_err(exception)?;
        let rows = rows.into_iter().map(|rows| (rows as u64).cast_signed()).gathered("the regimes");
        array(py, &rows.map_err(exception)?)
    }
}

impl RegimeDetector {
    fn remarks(fit: &FittedRegimeDetector, names: Option<&Names>, x: Option<Samples<'_>>) -> PyResult<Vec<String>> {
        let columns = fit.wandering().map_err(exception)?;
        let mut remarks = wandering(names, x, &columns, fit.columns(), fit.expected_false_alarms())?;
        remarks.extend(told(fit.left_out(), names)?);
        Ok(remarks)
    }
}
