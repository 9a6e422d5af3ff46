//! A detector for each regime.

use acm_detectors::regime_detector::{self, FittedRegimeDetector, Kind, RegimeDetectorMemory};
use acm_linalg::memory::Gather;
use pyo3::prelude::*;

use crate::arguments::{Given, choice, count, labels_for, number};
use crate::held::Held;
use crate::interop::{compute, exception};
use crate::models::{Model, attribute, filled, model, name_of, samples_of, table};
use crate::naming::names_of;

#[pyclass(module = "acm_rs._native", frozen)]
pub(crate) struct RegimeDetector {
    parameters: regime_detector::RegimeDetector,
    held: Held<FittedRegimeDetector, RegimeDetectorMemory>,
}

impl Model for RegimeDetector {
    type Fitted = FittedRegimeDetector;
    type Live = RegimeDetectorMemory;

    const PARAMETERS: &'static [&'static str] = &["detector", "false_alarm_rate", "min_rows"];

    fn held(&self) -> &Held<FittedRegimeDetector, RegimeDetectorMemory> {
        &self.held
    }

    fn around(held: Held<FittedRegimeDetector, RegimeDetectorMemory>) -> PyResult<Self> {
        Ok(Self {
            parameters: *held.get()?.parameters(),
            held,
        })
    }
}

fn optional(labels: Option<&Bound<'_, PyAny>>, rows: usize) -> PyResult<Option<Vec<i64>>> {
    labels.map(|labels| labels_for(labels, "labels", rows)).transpose()
}

model! { RegimeDetector {
    #[new]
    #[pyo3(signature = (detector=Given(None), false_alarm_rate=Given(None), min_rows=Given(None)))]
    fn new(
        detector: Given<'_, '_>,
        false_alarm_rate: Given<'_, '_>,
        min_rows: Given<'_, '_>,
    ) -> PyResult<Self> {
        let kind = detector.map_or(Ok(Kind::Pca), |value| choice(value, "detector", &Kind::ALL))?;
        let rate = false_alarm_rate.map_or(Ok(0.01), |value| number(value, "false_alarm_rate"))?;
        let min_rows = min_rows.map_or(Ok(100), |value| count(value, "min_rows", 2))?;
        Ok(Self {
            parameters: regime_detector::RegimeDetector::new(kind, rate, min_rows).map_err(exception)?,
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
        let labels = optional(labels, samples.rows())?;
        let parameters = &slf.get().parameters;
        let fitted = compute(py, || parameters.fit(samples, labels.as_deref()))?;
        slf.get().held.set(py, fitted, names)?;
        Ok(slf)
    }

    #[pyo3(signature = (x, labels=None))]
    fn score<'py>(
        &self,
        py: Python<'py>,
        x: &Bound<'py, PyAny>,
        labels: Option<&Bound<'py, PyAny>>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let fitted = self.held.get()?;
        let input = samples_of(x)?;
        let samples = input.samples();
        let labels = optional(labels, samples.rows())?;
        filled(py, samples.rows(), |out| fitted.score(samples, labels.as_deref(), out))
    }

    #[pyo3(signature = (x, labels=None))]
    fn update<'py>(
        &self,
        py: Python<'py>,
        x: &Bound<'py, PyAny>,
        labels: Option<&Bound<'py, PyAny>>,
    ) -> PyResult<Bound<'py, PyAny>> {
        self.held.get()?;
        let input = samples_of(x)?;
        let samples = input.samples();
        let labels = optional(labels, samples.rows())?;
        filled(py, samples.rows(), |out| {
            self.held.follow(|fitted, live| fitted.update(live, samples, labels.as_deref(), out))
        })
    }

    #[pyo3(signature = (x, labels=None))]
    fn contributions<'py>(
        &self,
        py: Python<'py>,
        x: &Bound<'py, PyAny>,
        labels: Option<&Bound<'py, PyAny>>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let fitted = self.held.get()?;
        let input = samples_of(x)?;
        let samples = input.samples();
        let labels = optional(labels, samples.rows())?;
        let shape = (samples.rows(), samples.columns());
        table(py, shape, input.is_line(), |out| fitted.contributions(samples, labels.as_deref(), out))
    }

    #[getter]
    fn detector(&self) -> &'static str {
        name_of(&self.parameters.kind(), &Kind::ALL)
    }

    #[getter]
    fn false_alarm_rate(&self) -> f64 {
        self.parameters.rate()
    }

    #[getter]
    fn min_rows(&self) -> usize {
        self.parameters.min_rows()
    }

    #[getter]
    fn regimes_<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, numpy::PyArray1<i64>>> {
        attribute(py, self.held.get()?.regimes())
    }

    #[getter]
    fn limits_<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, numpy::PyArray1<f64>>> {
        attribute(py, &self.held.get()?.limits().map_err(exception)?)
    }

    #[getter]
    fn rows_<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, numpy::PyArray1<i64>>> {
        let rows = self.held.get()?.rows().map_err(exception)?;
        let rows = rows.into_iter().map(|rows| (rows as u64).cast_signed()).gathered("the regimes");
        let rows = rows.map_err(exception)?;
        attribute(py, &rows)
    }

    #[getter]
    fn n_features_in_(&self) -> PyResult<usize> {
        Ok(self.held.get()?.columns())
    }
} }
