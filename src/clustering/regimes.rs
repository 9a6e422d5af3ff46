//! Operating regimes.

use acm_detectors::regimes::{Count, FittedRegimes, Regimes, RegimesMemory};
use acm_linalg::memory::Gather;
use pyo3::exceptions::PyTypeError;
use pyo3::prelude::*;
use pyo3::types::PyString;

use crate::arguments::{Given, count, number, seed_of, type_name, unknown_word, word};
use crate::held::Held;
use crate::interop::{compute, exception};
use crate::models::{Model, attribute, filled, matrix, model, samples_of, table};
use crate::naming::{agreed, names_of};

#[pyclass(module = "acm_rs._native", frozen)]
pub(crate) struct RegimeModel {
    parameters: Regimes,
    held: Held<FittedRegimes, RegimesMemory>,
}

impl Model for RegimeModel {
    type Fitted = FittedRegimes;
    type Live = RegimesMemory;

    const PARAMETERS: &'static [&'static str] = &[
        "n_regimes",
        "k_max",
        "min_rows",
        "unknown_quantile",
        "margin",
        "smoothing",
        "seed",
    ];

    fn held(&self) -> &Held<FittedRegimes, RegimesMemory> {
        &self.held
    }

    fn around(held: Held<FittedRegimes, RegimesMemory>) -> PyResult<Self> {
        Ok(Self {
            parameters: held.get()?.parameters().clone(),
            held,
        })
    }
}

fn regimes_of(value: &Bound<'_, PyAny>) -> PyResult<Count> {
    let must = "\"auto\" or a whole number";
    if !value.is_instance_of::<PyString>() {
        return count(value, "n_regimes", 1).map(Count::Fixed);
    }
    match word(value, "n_regimes", must)?.as_str() {
        "auto" => Ok(Count::Auto),
        _ => Err(unknown_word(value, "n_regimes", must)),
    }
}

model! { RegimeModel {
    #[new]
    #[pyo3(signature = (n_regimes=Given(None), *, k_max=Given(None), min_rows=Given(None), unknown_quantile=Given(None), margin=Given(None), smoothing=Given(None),
                        seed=Given(None)))]
    fn new(
        n_regimes: Given<'_, '_>,
        k_max: Given<'_, '_>,
        min_rows: Given<'_, '_>,
        unknown_quantile: Given<'_, '_>,
        margin: Given<'_, '_>,
        smoothing: Given<'_, '_>,
        seed: Given<'_, '_>,
    ) -> PyResult<Self> {
        let parameters = Regimes::new(
            n_regimes.map_or(Ok(Count::Auto), regimes_of)?,
            k_max.map_or(Ok(6), |value| count(value, "k_max", 2))?,
            min_rows.map_or(Ok(30), |value| count(value, "min_rows", 1))?,
            unknown_quantile.map_or(Ok(0.995), |value| number(value, "unknown_quantile"))?,
            margin.map_or(Ok(1.5), |value| number(value, "margin"))?,
            smoothing.map_or(Ok(1), |value| count(value, "smoothing", 1))?,
            seed.map_or(Ok(17), seed_of)?,
        );
        Ok(Self {
            parameters: parameters.map_err(exception)?,
            held: Held::default(),
        })
    }

    #[pyo3(signature = (x, reference=None, *, names=None))]
    fn fit<'py>(
        slf: Bound<'py, Self>,
        x: &Bound<'py, PyAny>,
        reference: Option<&Bound<'py, PyAny>>,
        names: Option<&Bound<'py, PyAny>>,
    ) -> PyResult<Bound<'py, Self>> {
        let py = slf.py();
        let before = match reference {
            None => None,
            Some(value) => {
                let Ok(model) = value.cast::<Self>() else {
                    let got = type_name(value);
                    return Err(PyTypeError::new_err(format!("`reference` must be a RegimeModel, got {got}")));
                };
                Some(model.get().held.get()?)
            }
        };
        let input = samples_of(x)?;
        let samples = input.samples();
        let names = names_of(names, samples.columns())?;
        agreed(before.as_ref().and_then(|fit| fit.names()), names.as_ref(), "`reference`")?;
        let parameters = &slf.get().parameters;
        let fitted = compute(py, || parameters.fit(samples, before.as_deref().map(|fit| &**fit)))?;
        slf.get().held.set(py, fitted, names)?;
        Ok(slf)
    }

    fn predict<'py>(&self, py: Python<'py>, x: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
        let fitted = self.held.get()?;
        let input = samples_of(x)?;
        let samples = input.samples();
        filled(py, samples.rows(), |out| fitted.predict(samples, out))
    }

    fn track<'py>(&self, py: Python<'py>, x: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
        self.held.get()?;
        let input = samples_of(x)?;
        let samples = input.samples();
        filled(py, samples.rows(), |out| {
            self.held.follow(|fitted, live| fitted.track(live, samples, out))
        })
    }

    fn confidence<'py>(&self, py: Python<'py>, x: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
        let fitted = self.held.get()?;
        let input = samples_of(x)?;
        let samples = input.samples();
        filled(py, samples.rows(), |out| fitted.confidence(samples, out))
    }

    fn score<'py>(&self, py: Python<'py>, x: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
        let fitted = self.held.get()?;
        let input = samples_of(x)?;
        let samples = input.samples();
        filled(py, samples.rows(), |out| fitted.score(samples, out))
    }

    fn update<'py>(&self, py: Python<'py>, x: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
        let fitted = self.held.get()?;
        let input = samples_of(x)?;
        let samples = input.samples();
        filled(py, samples.rows(), |out| fitted.score(samples, out))
    }

    fn contributions<'py>(&self, py: Python<'py>, x: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
        let fitted = self.held.get()?;
        let input = samples_of(x)?;
        let samples = input.samples();
        let shape = (samples.rows(), samples.columns());
        table(py, shape, input.is_line(), |out| fitted.contributions(samples, out))
    }

    fn transform<'py>(&self, py: Python<'py>, x: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
        let fitted = self.held.get()?;
        let input = samples_of(x)?;
        let samples = input.samples();
        let shape = (samples.rows(), fitted.count());
        table(py, shape, false, |out| fitted.transform(samples, out))
    }

    #[getter]
    fn n_regimes<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        match self.parameters.count() {
            Count::Auto => Ok("auto".into_pyobject(py)?.into_any()),
            Count::Fixed(count) => Ok(count.into_pyobject(py)?.into_any()),
        }
    }

    #[getter]
    fn k_max(&self) -> usize {
        self.parameters.most()
    }

    #[getter]
    fn min_rows(&self) -> usize {
        self.parameters.min_rows()
    }

    #[getter]
    fn unknown_quantile(&self) -> f64 {
        self.parameters.quantile()
    }

    #[getter]
    fn margin(&self) -> f64 {
        self.parameters.margin()
    }

    #[getter]
    fn smoothing(&self) -> usize {
        self.parameters.smoothing()
    }

    #[getter]
    fn seed(&self) -> u64 {
        self.parameters.seed()
    }

    #[getter]
    fn centers_<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, numpy::PyArray2<f64>>> {
        let fitted = self.held.get()?;
        matrix(py, &fitted.centers().map_err(exception)?, fitted.columns())
    }

    #[getter]
    fn spreads_<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, numpy::PyArray2<f64>>> {
        let fitted = self.held.get()?;
        matrix(py, fitted.spreads(), fitted.columns())
    }

    #[getter]
    fn regimes_<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, numpy::PyArray1<i64>>> {
        attribute(py, self.held.get()?.numbers())
    }

    #[getter]
    fn scale_<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, numpy::PyArray1<f64>>> {
        attribute(py, self.held.get()?.scales())
    }

    #[getter]
    fn limits_<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, numpy::PyArray1<f64>>> {
        attribute(py, self.held.get()?.limits())
    }

    #[getter]
    fn used_<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, numpy::PyArray1<bool>>> {
        attribute(py, self.held.get()?.used())
    }

    #[getter]
    fn labels_<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, numpy::PyArray1<i64>>> {
        attribute(py, self.held.get()?.labels())
    }

    #[getter]
    fn counts_<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, numpy::PyArray1<i64>>> {
        let fitted = self.held.get()?;
        let counts = fitted.rows().iter().map(|rows| rows.cast_signed()).gathered("the regimes");
        let counts = counts.map_err(exception)?;
        attribute(py, &counts)
    }

    #[getter]
    fn n_regimes_(&self) -> PyResult<usize> {
        Ok(self.held.get()?.count())
    }

    #[getter]
    fn n_features_in_(&self) -> PyResult<usize> {
        Ok(self.held.get()?.columns())
    }
} }
