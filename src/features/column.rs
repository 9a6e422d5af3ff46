//! Whole columns: order statistics, moments, scaling, imputation, lags.

use acm_features::column::{self, MaxGap, Method, Moments, Reach};
use acm_features::rolling::Times;
use acm_linalg::columns::reserve;
use ndarray::ArrayViewMut2;
use numpy::PyArrayMethods;
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::PyTuple;

use super::{columnwise, either};
use crate::arguments::{choice, count, is_several, number, numbers, optional, sequence};
use crate::interop::{Borrowed, Float, Value, array, compute, exception, input, shown};
use crate::times::{duration_of, times_of};

/// One number for every column, or a number for each.
pub(super) fn by_column(value: &Value<'_>, name: &'static str, columns: usize) -> PyResult<Vec<f64>> {
    if is_several(value) {
        return numbers(value, name, Some(columns));
    }
    let one = match numbers(value, name, None)?[..] {
        [one] => one,
        _ => f64::NAN,
    };
    reserve(columns, one, "a number a column").map_err(exception)
}

#[pyfunction]
pub(crate) fn column_median_mad<'py>(x: &Value<'py>, scale: &Value<'py>) -> PyResult<Bound<'py, PyTuple>> {
    fn of<'py, T: Float>(py: Python<'py>, x: &Borrowed<'py, T>, scale: f64) -> PyResult<Bound<'py, PyTuple>> {
        let x = x.table();
        let (median, mad) = compute(py, || column::column_median_mad(x, scale))?;
        (array(py, &median)?, array(py, &mad)?).into_pyobject(py)
    }
    let scale = number(scale, "scale")?;
    let py = x.py();
    either!(input(x, "x")?, |x| of(py, &x, scale))
}

#[pyfunction]
pub(crate) fn column_quantiles<'py>(x: &Value<'py>, q: &Value<'py>) -> PyResult<Value<'py>> {
    fn of<'py, T: Float>(py: Python<'py>, x: &Borrowed<'py, T>, q: &[f64], one: bool) -> PyResult<Value<'py>> {
        let x = x.table();
        let shape = (q.len(), x.ncols());
        let found = compute(py, || {
            let mut found = reserve(shape.0.saturating_mul(shape.1), T::narrow(f64::NAN), "the result")?;
            if let Ok(out) = ArrayViewMut2::from_shape(shape, &mut found) {
                column::column_quantiles(x, q, out)?;
            }
            Ok(found)
        })?;
        let found = array(py, &found)?;
        Ok(if one { found.into_any() } else { found.reshape(shape)?.into_any() })
    }
    let one = !is_several(q);
    let q = numbers(q, "q", None)?;
    let py = x.py();
    either!(input(x, "x")?, |x| of(py, &x, &q, one))
}

#[pyfunction]
pub(crate) fn column_moments<'py>(x: &Value<'py>) -> PyResult<Bound<'py, PyTuple>> {
    fn of<'py, T: Float>(py: Python<'py>, x: &Borrowed<'py, T>) -> PyResult<Bound<'py, PyTuple>> {
        let x = x.table();
        let Moments {
            count,
            mean,
            std,
            skew,
            kurt,
        } = compute(py, || column::column_moments(x))?;
        let count = array(py, &count)?;
        let [mean, std] = [array(py, &mean)?, array(py, &std)?];
        let [skew, kurt] = [array(py, &skew)?, array(py, &kurt)?];
        (count, mean, std, skew, kurt).into_pyobject(py)
    }
    let py = x.py();
    either!(input(x, "x")?, |x| of(py, &x))
}

#[pyfunction]
pub(crate) fn zscore<'py>(
    x: &Value<'py>,
    center: Option<&Value<'py>>,
    scale: Option<&Value<'py>>,
    out: Option<&Value<'py>>,
) -> PyResult<Value<'py>> {
    let (py, x) = (x.py(), input(x, "x")?);
    let columns = x.columns();
    let center = optional(center, |value| by_column(value, "center", columns))?;
    let scale = optional(scale, |value| by_column(value, "scale", columns))?;
    columnwise!(py, x, |rows| rows, 1, out, |x, out| column::zscore(x, center.as_deref(), scale.as_deref(), out))
}

#[pyfunction]
#[pyo3(signature = (x, method, fill, limit, out, times = None, max_gap = None))]
pub(crate) fn impute<'py>(
    x: &Value<'py>,
    method: &Value<'py>,
    fill: Option<&Value<'py>>,
    limit: Option<&Value<'py>>,
    out: Option<&Value<'py>>,
    times: Option<&Value<'py>>,
    max_gap: Option<&Value<'py>>,
) -> PyResult<Value<'py>> {
    let (py, x) = (x.py(), input(x, "x")?);
    let method = choice(method, "method", &METHODS)?;
    let limit = optional(limit, |value| count(value, "limit", 1))?;
    if fill.is_some() && method != Method::Median {
        return Err(PyValueError::new_err("`fill` must be None unless `method` is \"median\""));
    }
    let columns = x.columns();
    let fill = optional(fill, |value| by_column(value, "fill", columns))?;
    let times = optional(times, times_of)?;
    let max_gap = optional(max_gap, |value| match duration_of(value, "max_gap")? {
        Some(nanoseconds) => Ok(MaxGap::Lasting(nanoseconds)),
        None => count(value, "max_gap", 1).map(MaxGap::Rows),
    })?;
    if times.is_none() {
        let why = match (method, max_gap) {
            (Method::Time, _) => Some("`method` is \"time\""),
            (_, Some(MaxGap::Lasting(_))) => Some("`max_gap` is a duration"),
            _ => None,
        };
        if let Some(why) = why {
            return Err(PyValueError::new_err(format!("`times` must be given where {why}, got None")));
        }
    }
    columnwise!(py, x, |rows| rows, 1, out, |x, out| {
        let reach = Reach {
            limit,
            max_gap,
            times: times.as_deref().map(Times::new).transpose()?,
        };
        column::impute(x, method, fill.as_deref(), &reach, out)
    })
}

const METHODS: [(&str, Method); 6] = [
    ("median", Method::Median),
    ("ffill", Method::Forward),
    ("bfill", Method::Backward),
    ("interpolate", Method::Interpolate),
    ("time", Method::Time),
    ("zero", Method::Zero),
];

#[pyfunction]
pub(crate) fn lag_matrix<'py>(x: &Value<'py>, lags: &Value<'py>, out: Option<&Value<'py>>) -> PyResult<Value<'py>> {
    let (py, x) = (x.py(), input(x, "x")?);
    let lags = lags_of(lags)?;
    columnwise!(py, x, |rows| rows, lags.len(), out, |x, out| column::lag_matrix(x, &lags, out))
}

fn lags_of(value: &Value<'_>) -> PyResult<Vec<usize>> {
    if !is_several(value) {
        let most = count(value, "lags", 1)?;
        let mut lags = reserve(most, 0, "lags").map_err(exception)?;
        for (number, lag) in lags.iter_mut().enumerate() {
            *lag = number + 1;
        }
        return Ok(lags);
    }
    let must = "a whole number, at least 1, or a sequence of whole numbers, at least 0";
    let lags = sequence(value, "lags", must, None, |lag| count(lag, "lags", 0))?;
    if lags.is_empty() {
        return Err(PyValueError::new_err(format!("`lags` must be {must}, got {}", shown(value))));
    }
    Ok(lags)
}
