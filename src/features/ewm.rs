//! Exponentially weighted mean and standard deviation.

use acm_features::ewm::{self, Decay, Fading, Weighing};
use acm_features::rolling::Times;
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;

use super::columnwise;
use crate::arguments::{count, number, truth};
use crate::interop::{Value, exception, input};
use crate::times::{duration_of, times_of};

/// How weights fade, and the rows' times where that is in time: a snapshot of the caller's.
struct Timed(Fading, Vec<i64>);

impl Timed {
    fn decay(&self) -> acm_linalg::Result<Decay<'_>> {
        match self.0 {
            Fading::Lasting(half_life) => Decay::half_life_in_time(half_life, Times::new(&self.1)?),
            by_row => by_row.decay(),
        }
    }
}

/// What Python says of the decay.
pub(super) fn fading_of(
    alpha: Option<&Value<'_>>,
    span: Option<&Value<'_>>,
    halflife: Option<&Value<'_>>,
) -> PyResult<Fading> {
    let fading = match (alpha, span, halflife) {
        (Some(alpha), None, None) => Fading::Alpha(number(alpha, "alpha")?),
        (None, Some(span), None) => Fading::Span(number(span, "span")?),
        (None, None, Some(halflife)) => match duration_of(halflife, "halflife")? {
            Some(duration) => return Ok(Fading::Lasting(duration)),
            None => Fading::HalfLife(number(halflife, "halflife")?),
        },
        _ => {
            let given = [("`alpha`", alpha), ("`span`", span), ("`halflife`", halflife)];
            let names: Vec<_> = given.iter().filter(|(_, value)| value.is_some()).map(|(name, _)| *name).collect();
            return Err(PyValueError::new_err(format!(
                "exactly one of `alpha`, `span`, `halflife` must be given, got {}",
                if names.is_empty() { "none".to_owned() } else { names.join(", ") }
            )));
        }
    };
    fading.decay().map_err(exception)?;
    Ok(fading)
}

fn timed(fading: Fading, times: Option<&Value<'_>>) -> PyResult<Timed> {
    match (fading, times) {
        (Fading::Lasting(_), Some(times)) => Ok(Timed(fading, times_of(times)?)),
        (Fading::Lasting(_), None) => {
            Err(PyValueError::new_err("`halflife` must be a number of rows where `times` is not given"))
        }
        (_, None) => Ok(Timed(fading, Vec::new())),
        (_, Some(_)) => Err(PyValueError::new_err(
            "`times` must be left out unless `halflife` is a duration such as '2h', and `alpha` and `span` with it",
        )),
    }
}

pub(super) fn weighing_of(adjust: &Value<'_>, ignore_na: &Value<'_>, min_periods: &Value<'_>) -> PyResult<Weighing> {
    Ok(Weighing {
        adjust: truth(adjust, "adjust")?,
        ignore_na: truth(ignore_na, "ignore_na")?,
        min_periods: count(min_periods, "min_periods", 0)?,
    })
}

#[pyfunction]
#[expect(clippy::too_many_arguments, reason = "the signature of the Python function")]
pub(crate) fn ewm_mean<'py>(
    x: &Value<'py>,
    alpha: Option<&Value<'py>>,
    span: Option<&Value<'py>>,
    halflife: Option<&Value<'py>>,
    adjust: &Value<'py>,
    ignore_na: &Value<'py>,
    min_periods: &Value<'py>,
    times: Option<&Value<'py>>,
    out: Option<&Value<'py>>,
) -> PyResult<Value<'py>> {
    let (py, x) = (x.py(), input(x, "x")?);
    let fading = timed(fading_of(alpha, span, halflife)?, times)?;
    let weighing = weighing_of(adjust, ignore_na, min_periods)?;
    columnwise!(py, x, |rows| rows, 1, out, |x, out| ewm::ewm_mean(x, fading.decay()?, weighing, out))
}

#[pyfunction]
#[expect(clippy::too_many_arguments, reason = "the signature of the Python function")]
pub(crate) fn ewm_std<'py>(
    x: &Value<'py>,
    alpha: Option<&Value<'py>>,
    span: Option<&Value<'py>>,
    halflife: Option<&Value<'py>>,
    adjust: &Value<'py>,
    ignore_na: &Value<'py>,
    min_periods: &Value<'py>,
    bias: &Value<'py>,
    times: Option<&Value<'py>>,
    out: Option<&Value<'py>>,
) -> PyResult<Value<'py>> {
    let (py, x) = (x.py(), input(x, "x")?);
    let fading = timed(fading_of(alpha, span, halflife)?, times)?;
    let weighing = weighing_of(adjust, ignore_na, min_periods)?;
    let bias = truth(bias, "bias")?;
    columnwise!(py, x, |rows| rows, 1, out, |x, out| ewm::ewm_std(x, fading.decay()?, weighing, bias, out))
}
