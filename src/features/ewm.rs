//! Exponentially weighted mean and standard deviation.

use acm_features::ewm::{self, Decay, Weighing};
use acm_features::rolling::Times;
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;

use super::columnwise;
use super::times::{duration_of, times_of};
use crate::arguments::{Given, count, number, truth};
use crate::interop::{Input, Output, compute, exception, input};

/// What Python says of the decay, its times a snapshot of the caller's.
enum Fading {
    ByRow(Decay<'static>),
    InTime(i64, Vec<i64>),
}

impl Fading {
    fn decay(&self) -> acm_linalg::Result<Decay<'_>> {
        match self {
            Self::ByRow(decay) => Ok(*decay),
            Self::InTime(half_life, times) => Decay::half_life_in_time(*half_life, Times::new(times)?),
        }
    }
}

fn fading_of(
    alpha: Option<&Bound<'_, PyAny>>,
    span: Option<&Bound<'_, PyAny>>,
    halflife: Option<&Bound<'_, PyAny>>,
    times: Option<&Bound<'_, PyAny>>,
) -> PyResult<Fading> {
    let decay = match (alpha, span, halflife) {
        (Some(alpha), None, None) => Decay::alpha(number(alpha, "alpha")?),
        (None, Some(span), None) => Decay::span(number(span, "span")?),
        (None, None, Some(halflife)) => match (duration_of(halflife, "halflife")?, times) {
            (Some(duration), Some(times)) => return Ok(Fading::InTime(duration, times_of(times)?)),
            (Some(_), None) => {
                return Err(PyValueError::new_err("`halflife` must be a number of rows where `times` is not given"));
            }
            (None, _) => Decay::half_life(number(halflife, "halflife")?),
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
    let decay = decay.map_err(exception)?;
    if times.is_some() {
        return Err(PyValueError::new_err(
            "`times` must be left out unless `halflife` is a duration such as '2h', and `alpha` and `span` with it",
        ));
    }
    Ok(Fading::ByRow(decay))
}

fn weighing_of(adjust: Given<'_, '_>, ignore_na: Given<'_, '_>, min_periods: Given<'_, '_>) -> PyResult<Weighing> {
    Ok(Weighing {
        adjust: adjust.map_or(Ok(true), |value| truth(value, "adjust"))?,
        ignore_na: ignore_na.map_or(Ok(false), |value| truth(value, "ignore_na"))?,
        min_periods: min_periods.map_or(Ok(1), |value| count(value, "min_periods", 0))?,
    })
}

/// Exponentially weighted mean of each column.
///
/// Parameters
/// ----------
/// x : ndarray of float64 or float32, shape (n, d) or (n,)
///     Rows = time, oldest first; columns = sensors. Any memory layout; never copied, never changed.
/// alpha : float, optional
///     A row's weight is ``1 - alpha`` times that of the next; above 0, at most 1. Give exactly one of ``alpha``, ``span`` and
///     ``halflife``.
/// span : float, optional
///     ``alpha = 2 / (span + 1)``; at least 1.
/// halflife : float or duration, optional
///     Rows in which a weight halves, above 0; with ``times`` a duration: "2h", numpy.timedelta64 or datetime.timedelta.
/// adjust : bool, default True
///     Divide the weighted values by the sum of their weights. Otherwise the first value stands for the mean before it:
///     ``y = (1 - alpha) * y + alpha * x``, in time with ``alpha = 1 - 0.5 ** (elapsed / halflife)``.
/// ignore_na : bool, default False
///     Let weights fade with known values alone. Otherwise missing rows count. In time without effect: it passes either way.
/// min_periods : int, default 1
///     Known values a result needs; NaN where there were fewer.
/// times : ndarray of int64 (nanoseconds) or datetime64, shape (n,), optional
///     When the rows were taken, sorted; needs a duration as ``halflife``.
/// out : ndarray, optional
///     Where to put the result: shape and dtype of ``x``, no memory shared with ``x``.
///
/// Returns
/// -------
/// ndarray
///     Shape and dtype of ``x``.
///
/// Raises
/// ------
/// TypeError
///     ``x`` or ``out`` is no float array, or an argument not of its type.
/// ValueError
///     A parameter is out of range, or none or more than one decay is given.
///
/// Notes
/// -----
/// NaN and infinity are missing; their rows repeat the mean of the last known value. The numbers of pandas' ``ewm(...).mean()``
/// but where that rounds (levels of 1e9, spikes of 1e15), and but for ``alpha`` of exactly 0.5 with ``adjust=False`` and
/// missing rows, where pandas 3 weighs the new value by another rule than for every other ``alpha``. The mean moves by a share
/// of the distance to the new value [1]_. Weights fade for ever: no outage is so long that what is left of them is cut off.
/// Over ``times`` pandas lets the stamp of a row without a value decide a weight where ``ignore_na`` is set; here none does.
///
/// .. [1] West, Updating mean and variance estimates: an improved method, Communications of the ACM 22, 1979,
///    doi:10.1145/359146.359153.
///
/// Examples
/// --------
/// >>> import numpy as np, acm_rs
/// >>> acm_rs.ewm_mean(np.array([1.0, 2.0, np.nan, 4.0]), alpha=0.5, adjust=False)
/// array([1.        , 1.5       , 1.5       , 3.16666667])
#[pyfunction]
#[pyo3(
    signature = (x, *, alpha=None, span=None, halflife=None, adjust=Given(None), ignore_na=Given(None), min_periods=Given(None), times=None, out=None),
    text_signature = "(x, *, alpha=None, span=None, halflife=None, adjust=True, ignore_na=False, min_periods=1, times=None, out=None)"
)]
#[expect(clippy::too_many_arguments, reason = "the signature of the Python function")]
pub(crate) fn ewm_mean<'py>(
    py: Python<'py>,
    x: &Bound<'py, PyAny>,
    alpha: Option<&Bound<'py, PyAny>>,
    span: Option<&Bound<'py, PyAny>>,
    halflife: Option<&Bound<'py, PyAny>>,
    adjust: Given<'_, 'py>,
    ignore_na: Given<'_, 'py>,
    min_periods: Given<'_, 'py>,
    times: Option<&Bound<'py, PyAny>>,
    out: Option<&Bound<'py, PyAny>>,
) -> PyResult<Bound<'py, PyAny>> {
    let x = input(x, "x")?;
    let fading = fading_of(alpha, span, halflife, times)?;
    let weighing = weighing_of(adjust, ignore_na, min_periods)?;
    columnwise!(py, x, |rows| rows, 1, out, |x, out| ewm::ewm_mean(x, fading.decay()?, weighing, out))
}

/// Exponentially weighted standard deviation of each column.
///
/// Parameters
/// ----------
/// x : ndarray of float64 or float32, shape (n, d) or (n,)
///     Rows = time, oldest first; columns = sensors. Any memory layout; never copied, never changed.
/// alpha : float, optional
///     A row's weight is ``1 - alpha`` times that of the next; above 0, at most 1. Give exactly one of ``alpha``, ``span`` and
///     ``halflife``.
/// span : float, optional
///     ``alpha = 2 / (span + 1)``; at least 1.
/// halflife : float or duration, optional
///     Rows in which a weight halves, above 0; with ``times`` a duration: "2h", numpy.timedelta64 or datetime.timedelta.
/// adjust : bool, default True
///     As in `ewm_mean`.
/// ignore_na : bool, default False
///     Let weights fade with known values alone. Otherwise missing rows count. In time without effect: it passes either way.
/// min_periods : int, default 1
///     Known values a result needs; NaN where there were fewer.
/// bias : bool, default False
///     Leave out the correction for the effective number of values.
/// times : ndarray of int64 (nanoseconds) or datetime64, shape (n,), optional
///     When the rows were taken, sorted; needs a duration as ``halflife``.
/// out : ndarray, optional
///     Where to put the result: shape and dtype of ``x``, no memory shared with ``x``.
///
/// Returns
/// -------
/// ndarray
///     Shape and dtype of ``x``.
///
/// Raises
/// ------
/// TypeError
///     ``x`` or ``out`` is no float array, or an argument not of its type.
/// ValueError
///     A parameter is out of range, or none or more than one decay is given.
///
/// Notes
/// -----
/// The root of ``sum(w * (x - mean)**2) / sum(w)`` about the mean of the same weights, unless ``bias`` divided by
/// ``1 - sum(w**2) / sum(w)**2``. NaN and infinity are missing. The unbiased deviation of one value is NaN, the biased one 0; a
/// constant gives exactly 0. The numbers of pandas' ``ewm(...).std(bias)``, which takes no ``times``, but where that rounds.
/// Deviations from the mean beyond about 1e154, whose squares exceed the largest float64, make the standard deviation
/// infinite, and leave it so. After an outage of any length the value is that of the formula, where
/// pandas gives NaN once the weights are too small for a float64. Mean and squares are updated by weighted increments [1]_.
///
/// .. [1] West, Updating mean and variance estimates: an improved method, Communications of the ACM 22, 1979,
///    doi:10.1145/359146.359153.
///
/// Examples
/// --------
/// >>> import numpy as np, acm_rs
/// >>> acm_rs.ewm_std(np.array([1.0, 3.0, 3.0]), alpha=0.5, bias=True).round(6)
/// array([0.      , 0.942809, 0.699854])
#[pyfunction]
#[pyo3(
    signature = (x, *, alpha=None, span=None, halflife=None, adjust=Given(None), ignore_na=Given(None), min_periods=Given(None), bias=Given(None), times=None, out=None),
    text_signature = "(x, *, alpha=None, span=None, halflife=None, adjust=True, ignore_na=False, min_periods=1, bias=False, times=None, out=None)"
)]
#[expect(clippy::too_many_arguments, reason = "the signature of the Python function")]
pub(crate) fn ewm_std<'py>(
    py: Python<'py>,
    x: &Bound<'py, PyAny>,
    alpha: Option<&Bound<'py, PyAny>>,
    span: Option<&Bound<'py, PyAny>>,
    halflife: Option<&Bound<'py, PyAny>>,
    adjust: Given<'_, 'py>,
    ignore_na: Given<'_, 'py>,
    min_periods: Given<'_, 'py>,
    bias: Given<'_, 'py>,
    times: Option<&Bound<'py, PyAny>>,
    out: Option<&Bound<'py, PyAny>>,
) -> PyResult<Bound<'py, PyAny>> {
    let x = input(x, "x")?;
    let fading = fading_of(alpha, span, halflife, times)?;
    let weighing = weighing_of(adjust, ignore_na, min_periods)?;
    let bias = bias.map_or(Ok(false), |value| truth(value, "bias"))?;
    columnwise!(py, x, |rows| rows, 1, out, |x, out| ewm::ewm_std(x, fading.decay()?, weighing, bias, out))
}
