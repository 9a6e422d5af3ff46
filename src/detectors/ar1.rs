//! AR(1).

use acm_detectors::ar1::{self, Ar1, Ar1Memory, FittedAr1, Fuse};
use acm_linalg::memory::copied;
use pyo3::prelude::*;

use crate::arguments::{Given, choice, number, numbers_by_column};
use crate::held::Held;
use crate::interop::{compute, exception};
use crate::models::{Model, attribute, filled, model, name_of, samples_of, table, warn, warn_left_out};
use crate::naming::names_of;

#[pyclass(module = "acm_rs._native", frozen)]
pub(crate) struct AR1Detector {
    parameters: Ar1,
    held: Held<FittedAr1, Ar1Memory>,
}

impl Model for AR1Detector {
    type Fitted = FittedAr1;
    type Live = Ar1Memory;

    const PARAMETERS: &'static [&'static str] = &["phi_cap", "sd_floor", "fuse"];

    fn held(&self) -> &Held<FittedAr1, Ar1Memory> {
        &self.held
    }

    fn around(held: Held<FittedAr1, Ar1Memory>) -> PyResult<Self> {
        Ok(Self {
            parameters: held.get()?.parameters().clone(),
            held,
        })
    }
}

model! { AR1Detector {
    #[new]
    #[pyo3(signature = (phi_cap=Given(None), sd_floor=None, fuse=Given(None)))]
    fn new(
        phi_cap: Given<'_, '_>,
        sd_floor: Option<&Bound<'_, PyAny>>,
        fuse: Given<'_, '_>,
    ) -> PyResult<Self> {
        let phi_cap = phi_cap.map_or(Ok(0.999), |value| number(value, "phi_cap"))?;
        let sd_floor = sd_floor.map(|value| number(value, "sd_floor")).transpose()?;
        let fuse = fuse.map_or(Ok(Fuse::Mean), |value| choice(value, "fuse", &Fuse::ALL))?;
        Ok(Self {
            parameters: Ar1::new(phi_cap, sd_floor, fuse).map_err(exception)?,
            held: Held::default(),
        })
    }

    #[pyo3(signature = (x, *, names=None))]
    fn fit<'py>(
        slf: Bound<'py, Self>,
        x: &Bound<'py, PyAny>,
        names: Option<&Bound<'py, PyAny>>,
    ) -> PyResult<Bound<'py, Self>> {
        let py = slf.py();
        let input = samples_of(x)?;
        let samples = input.samples();
        let names = names_of(names, samples.columns())?;
        let parameters = &slf.get().parameters;
        let fitted = compute(py, || parameters.fit(samples))?;
        let (clipped, used) = (fitted.clipped(), copied(fitted.used(), "the columns").map_err(exception)?);
        let white = fitted.phi().iter().filter(|phi| phi.abs() < 1e-6).count();
        let memoryless = 10 * white > 8 * used.len();
        slf.get().held.set(py, fitted, names.clone())?;
        if clipped > 0 {
            warn(py, &format!("{clipped} values of `x` beyond 1e150 in magnitude were clipped"))?;
        }
        if memoryless {
            warn(py, "most columns of `x` have no memory: their residuals are their deviations from the median")?;
        }
        warn_left_out(py, names.as_ref(), &used, "have less than half of their values and are left out")?;
        Ok(slf)
    }

    fn score<'py>(&self, py: Python<'py>, x: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
        let fitted = self.held.get()?;
        let input = samples_of(x)?;
        let samples = input.samples();
        filled(py, samples.rows(), |out| fitted.score(samples, out))
    }

    fn update<'py>(&self, py: Python<'py>, x: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
        self.held.get()?;
        let input = samples_of(x)?;
        let samples = input.samples();
        filled(py, samples.rows(), |out| {
            self.held.follow(|fitted, live| fitted.update(live, samples, out))
        })
    }

    fn contributions<'py>(&self, py: Python<'py>, x: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
        let fitted = self.held.get()?;
        let input = samples_of(x)?;
        let samples = input.samples();
        let shape = (samples.rows(), samples.columns());
        table(py, shape, input.is_line(), |out| fitted.contributions(samples, out))
    }

    #[getter]
    fn phi_cap(&self) -> f64 {
        self.parameters.phi_cap()
    }

    #[getter]
    fn sd_floor(&self) -> Option<f64> {
        self.parameters.sd_floor()
    }

    #[getter]
    fn fuse(&self) -> &'static str {
        name_of(&self.parameters.fuse(), &Fuse::ALL)
    }

    #[getter]
    fn mu_<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, numpy::PyArray1<f64>>> {
        attribute(py, self.held.get()?.mu())
    }

    #[getter]
    fn phi_<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, numpy::PyArray1<f64>>> {
        attribute(py, self.held.get()?.phi())
    }

    #[getter]
    fn sd_<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, numpy::PyArray1<f64>>> {
        attribute(py, self.held.get()?.sd())
    }

    #[getter]
    fn used_<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, numpy::PyArray1<bool>>> {
        attribute(py, self.held.get()?.used())
    }

    #[getter]
    fn n_features_in_(&self) -> PyResult<usize> {
        Ok(self.held.get()?.columns())
    }
} }

#[pyfunction]
pub(crate) fn ar1_residuals<'py>(
    py: Python<'py>,
    x: &Bound<'py, PyAny>,
    phi: &Bound<'py, PyAny>,
    mu: &Bound<'py, PyAny>,
) -> PyResult<Bound<'py, PyAny>> {
    let input = samples_of(x)?;
    let samples = input.samples();
    let shape = (samples.rows(), samples.columns());
    let (phi, mu) = (numbers_by_column(phi, "phi", shape.1)?, numbers_by_column(mu, "mu", shape.1)?);
    table(py, shape, input.is_line(), |out| ar1::residuals(samples, &phi, &mu, out))
}
