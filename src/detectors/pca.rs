//! The PCA monitor.

use acm_detectors::pca::{Decomposition, FittedPca, LaggedMemory, Limits, PcaDetector, Statistic};
use acm_linalg::Samples;
use acm_linalg::scaling::Manner;
use acm_linalg::state::Names;
use pyo3::prelude::*;

use crate::arguments::{choice, components_of, count, number};
use crate::classes::{Array, CONSTANTS, Matrix, Setting, class, learned, name_of, parameters, shared};
use crate::interop::{Value, exception};
use crate::left_out::{Told, told};
use crate::models::{Asked, left_out, marked, wandering};

const SCALINGS: [(&str, Manner); 2] = [("robust", Manner::Robust), ("standard", Manner::Standard)];
const LIMITS: [(&str, Limits); 3] = [
    ("held_out", Limits::HeldOut),
    ("theoretical", Limits::Theoretical),
    ("empirical", Limits::Empirical),
];
const STATISTICS: [(&str, Statistic); 3] = [
    ("score", Statistic::Score),
    ("spe", Statistic::Spe),
    ("t2", Statistic::T2),
];
const DECOMPOSITIONS: [(&str, Decomposition); 2] = [
    ("partial", Decomposition::Partial),
    ("complete", Decomposition::Complete),
];

class!(PCADetector, PcaDetector, FittedPca, LaggedMemory);
shared!(PCADetector, fit, fit_moments, update, missing, constants);
parameters!(
    PCADetector,
    of,
    n_components = Setting::from(of.components()),
    lags = of.lags(),
    scaling = name_of(&of.scaling(), &SCALINGS),
    alpha = of.alpha(),
    limits = name_of(&of.limits(), &LIMITS),
    constants = name_of(&of.constants(), &CONSTANTS)
);
learned!(
    PCADetector,
    fit,
    components_ = Matrix(fit.components(), fit.mean().len()),
    explained_variance_ = Array(fit.explained_variance()),
    mean_ = Array(fit.mean()),
    center_ = Array(&fit.center().map_err(exception)?),
    scale_ = Array(&fit.scale().map_err(exception)?),
    used_ = Array(&fit.used().map_err(exception)?),
    wandering_ = Array(&marked(fit.wandering(), fit.columns())?),
    expected_false_alarms_ = fit.expected_false_alarms(),
    spe_limit_ = fit.spe_limit(),
    t2_limit_ = fit.t2_limit(),
    steps_ = Array(fit.steps()),
    n_components_ = fit.kept_components(),
    left_out_ = Told(fit.left_out(), fit.columns()),
    n_features_in_ = fit.columns()
);

#[pymethods]
impl PCADetector {
    #[new]
    fn new(
        n_components: &Value<'_>,
        lags: &Value<'_>,
        scaling: &Value<'_>,
        alpha: &Value<'_>,
        limits: &Value<'_>,
        constants: &Value<'_>,
    ) -> PyResult<Self> {
        let components = components_of(n_components, "n_components")?;
        let lags = count(lags, "lags", 0)?;
        let scaling = choice(scaling, "scaling", &SCALINGS)?;
        let alpha = number(alpha, "alpha")?;
        let limits = choice(limits, "limits", &LIMITS)?;
        let constants = choice(constants, "constants", &CONSTANTS)?;
        let parameters = PcaDetector::new(components, lags, scaling, alpha, limits);
        Self::of(parameters.map(|parameters| parameters.with_constants(constants)))
    }

    fn score<'py>(&self, x: &Value<'py>) -> PyResult<Value<'py>> {
        self.statistic(x, Statistic::Score)
    }

    fn spe<'py>(&self, x: &Value<'py>) -> PyResult<Value<'py>> {
        self.statistic(x, Statistic::Spe)
    }

    fn t2<'py>(&self, x: &Value<'py>) -> PyResult<Value<'py>> {
        self.statistic(x, Statistic::T2)
    }

    fn spe_limit(&self, alpha: Option<&Value<'_>>, method: Option<&Value<'_>>) -> PyResult<f64> {
        let fit = self.held.get()?;
        let (alpha, method) = self.limit_of(&fit, alpha, method)?;
        fit.spe_limit_at(alpha, method).map_err(exception)
    }

    fn t2_limit(&self, alpha: Option<&Value<'_>>, method: Option<&Value<'_>>) -> PyResult<f64> {
        let fit = self.held.get()?;
        let (alpha, method) = self.limit_of(&fit, alpha, method)?;
        fit.t2_limit_at(alpha, method).map_err(exception)
    }

    fn contributions<'py>(
        &self,
        x: &Value<'py>,
        statistic: &Value<'py>,
        decomposition: &Value<'py>,
    ) -> PyResult<Value<'py>> {
        let which = choice(statistic, "statistic", &STATISTICS)?;
        let decomposition = choice(decomposition, "decomposition", &DECOMPOSITIONS)?;
        Asked::of(self, x)?.like(|fit, x, out| fit.contributions(x, which, decomposition, out))
    }

    fn resolution<'py>(&self, x: &Value<'py>) -> PyResult<Value<'py>> {
        Asked::of(self, x)?.line(|fit, x, out| fit.resolution(x, out))
    }

    fn residuals<'py>(&self, x: &Value<'py>) -> PyResult<Value<'py>> {
        Asked::of(self, x)?.like(|fit, x, out| fit.residuals(x, out))
    }
}

impl PCADetector {
    fn remarks(fit: &FittedPca, names: Option<&Names>, x: Option<Samples<'_>>) -> PyResult<Vec<String>> {
        let used = fit.used().map_err(exception)?;
        let mut remarks = left_out(names, &used, "have no value or do not change, and are left out")?;
        remarks.extend(wandering(names, x, fit.wandering(), fit.columns(), fit.expected_false_alarms())?);
        remarks.extend(told(fit.left_out(), names)?);
        Ok(remarks)
    }

    fn statistic<'py>(&self, x: &Value<'py>, which: Statistic) -> PyResult<Value<'py>> {
        Asked::of(self, x)?.line(|fit, x, out| fit.statistic(x, which, out))
    }

    /// `alpha` and the method of a limit, those of the score where they are None.
    fn limit_of(
        &self,
        fit: &FittedPca,
        alpha: Option<&Value<'_>>,
        method: Option<&Value<'_>>,
    ) -> PyResult<(f64, Limits)> {
        let method = method.map_or(Ok(self.parameters.limits()), |value| choice(value, "method", &LIMITS))?;
        let alpha = alpha.map_or(Ok(fit.share_of_score(method)), |value| number(value, "alpha"))?;
        Ok((alpha, method))
    }
}
