//! AR(1).

use acm_detectors::ar1::{self, Ar1, Ar1Memory, FittedAr1, Fuse};
use acm_linalg::Samples;
use acm_linalg::state::Names;
use pyo3::prelude::*;

use crate::arguments::{choice, number, numbers, optional};
use crate::classes::{Array, CONSTANTS, class, learned, name_of, parameters, shared};
use crate::interop::{Value, filled, input};
use crate::left_out::{Told, told};
use crate::models::left_out;

class!(AR1Detector, Ar1, FittedAr1, Ar1Memory);
shared!(AR1Detector, fit, fit_moments, score, update, contributions, missing, limit, constants);
parameters!(
    AR1Detector,
    of,
    phi_cap = of.phi_cap(),
    sd_floor = of.sd_floor(),
    fuse = name_of(&of.fuse(), &Fuse::ALL),
    constants = name_of(&of.constants(), &CONSTANTS)
);
learned!(
    AR1Detector,
    fit,
    mu_ = Array(fit.mu()),
    phi_ = Array(fit.phi()),
    sd_ = Array(fit.sd()),
    used_ = Array(fit.used()),
    left_out_ = Told(fit.left_out(), fit.columns()),
    n_features_in_ = fit.columns()
);

#[pymethods]
impl AR1Detector {
    #[new]
    fn new(
        phi_cap: &Value<'_>,
        sd_floor: Option<&Value<'_>>,
        fuse: &Value<'_>,
        constants: &Value<'_>,
    ) -> PyResult<Self> {
        let phi_cap = number(phi_cap, "phi_cap")?;
        let sd_floor = optional(sd_floor, |value| number(value, "sd_floor"))?;
        let fuse = choice(fuse, "fuse", &Fuse::ALL)?;
        let constants = choice(constants, "constants", &CONSTANTS)?;
        Self::of(Ar1::new(phi_cap, sd_floor, fuse).map(|ar1| ar1.with_constants(constants)))
    }
}

impl AR1Detector {
    fn remarks(fit: &FittedAr1, names: Option<&Names>, _: Option<Samples<'_>>) -> PyResult<Vec<String>> {
        let mut remarks = Vec::new();
        if fit.clipped() > 0 {
            remarks.push(format!("{} values of `x` beyond 1e150 in magnitude were clipped", fit.clipped()));
        }
        let white = fit.phi().iter().filter(|phi| phi.abs() < 1e-6).count();
        if 10 * white > 8 * fit.used().len() {
            let text = "most columns of `x` have no memory: their residuals are their deviations from the median";
            remarks.push(text.to_owned());
        }
        remarks.extend(left_out(
            names,
            fit.used(),
            "have less than half of their values (a third of many) and are left out",
        )?);
        remarks.extend(told(fit.left_out(), names)?);
        Ok(remarks)
    }
}

#[pyfunction]
pub(crate) fn ar1_residuals<'py>(x: &Value<'py>, phi: &Value<'py>, mu: &Value<'py>) -> PyResult<Value<'py>> {
    let (py, input) = (x.py(), input(x, "x")?);
    let samples = input.samples();
    let (rows, columns) = (samples.rows(), samples.columns());
    let (phi, mu) = (numbers(phi, "phi", Some(columns))?, numbers(mu, "mu", Some(columns))?);
    let shape: &[usize] = if input.is_line() { &[rows] } else { &[rows, columns] };
    filled(py, shape, |out| ar1::residuals(samples, &phi, &mu, out))
}
