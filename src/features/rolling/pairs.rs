//! Pairs of columns: covariance, correlation, correlation at a lag.

use acm_features::rolling;
use acm_linalg::Error;
use pyo3::exceptions::PyTypeError;
use pyo3::prelude::*;
use pyo3::types::PyTuple;

use super::Rolling;
use crate::arguments::{count, optional, pairs_of};
use crate::interop::{Borrowed, Float, Input, Output, Value, compute, exception, input};

/// `$body` over the windows of both, for whichever float type they have in common.
macro_rules! pairwise {
    ($x:ident, $y:ident, $given:ident, |$one:ident, $other:ident, $windows:ident, $out:ident| $body:expr) => {{
        let (py, (asked, out)) = ($x.py(), Rolling::of($given)?);
        match (input($x, "x")?, input($y, "y")?) {
            (Input::F64(x), Input::F64(y)) => pairwise!(@one py, x, y, asked, out, |$one, $other, $windows, $out| $body),
            (Input::F32(x), Input::F32(y)) => pairwise!(@one py, x, y, asked, out, |$one, $other, $windows, $out| $body),
            (Input::F64(_), Input::F32(_)) => Err(PyTypeError::new_err(
                "`y` must have the dtype of `x`, float64, got float32; convert with .astype(numpy.float64)",
            )),
            (Input::F32(_), Input::F64(_)) => Err(PyTypeError::new_err(
                "`y` must have the dtype of `x`, float32, got float64; convert with .astype(numpy.float32)",
            )),
        }
    }};
    (@one $py:ident, $x:ident, $y:ident, $asked:ident, $target:ident, |$one:ident, $other:ident, $windows:ident, $out:ident| $body:expr) => {{
        let ($one, $other) = ($x.table(), $y.table());
        let mut output = Output::like(&$x, $asked.kept($one.nrows()), 1, $target.as_ref(), $py)?;
        let $out = output.view();
        compute($py, || {
            let $windows = $asked.windows()?;
            $body
        })?;
        Ok(output.into_object())
    }};
}

#[pyfunction]
#[pyo3(signature = (x, y, *given, ddof))]
pub(crate) fn rolling_cov<'py>(
    x: &Value<'py>,
    y: &Value<'py>,
    given: &Bound<'py, PyTuple>,
    ddof: &Value<'py>,
) -> PyResult<Value<'py>> {
    let ddof = count(ddof, "ddof", 0)?;
    pairwise!(x, y, given, |x, y, windows, out| rolling::rolling_cov(x, y, windows, ddof, out))
}

#[pyfunction]
#[pyo3(signature = (x, y, *given))]
pub(crate) fn rolling_corr<'py>(x: &Value<'py>, y: &Value<'py>, given: &Bound<'py, PyTuple>) -> PyResult<Value<'py>> {
    pairwise!(x, y, given, |x, y, windows, out| rolling::rolling_corr(x, y, windows, out))
}

#[pyfunction]
#[pyo3(signature = (x, *given, max_lag, pairs))]
pub(crate) fn rolling_lag_corr<'py>(
    x: &Value<'py>,
    given: &Bound<'py, PyTuple>,
    max_lag: &Value<'py>,
    pairs: Option<&Value<'py>>,
) -> PyResult<Value<'py>> {
    let (asked, out) = Rolling::of(given)?;
    let max_lag = count(max_lag, "max_lag", 0)?;
    let listed = listed_of(pairs)?;
    let py = x.py();
    match input(x, "x")? {
        Input::F64(x) => lag_corr(py, &x, (max_lag, listed), &asked, out.as_ref()),
        Input::F32(x) => lag_corr(py, &x, (max_lag, listed), &asked, out.as_ref()),
    }
}

fn lag_corr<'py, T: Float>(
    py: Python<'py>,
    x: &Borrowed<'py, T>,
    (max_lag, listed): (usize, Option<Vec<(usize, usize)>>),
    asked: &Rolling,
    out: Option<&Value<'py>>,
) -> PyResult<Value<'py>> {
    let view = x.table();
    let columns = view.ncols();
    let wide = lanes_of(listed.as_deref(), columns, max_lag)?;
    let mut output = Output::wide(x, asked.kept(view.nrows()), wide, out, py)?;
    let pairs = pairs_among(listed, columns, max_lag)?;
    let target = output.view();
    compute(py, || rolling::rolling_lag_corr(view, asked.windows()?, max_lag, &pairs, target))?;
    Ok(output.into_object())
}

/// The pairs of columns that Python lists; none for all.
pub(in crate::features) fn listed_of(pairs: Option<&Value<'_>>) -> PyResult<Option<Vec<(usize, usize)>>> {
    optional(pairs, |pairs| {
        pairs_of(pairs, "pairs", "a sequence of pairs of column numbers", |column| count(column, "pairs", 0))
    })
}

/// How many results a row has: one for each pair and lag.
fn lanes_of(listed: Option<&[(usize, usize)]>, columns: usize, max_lag: usize) -> PyResult<usize> {
    let count = listed.map_or_else(|| columns.checked_mul(columns.saturating_sub(1)), |pairs| Some(pairs.len()));
    let wide = count.and_then(|pairs| pairs.checked_mul(max_lag.checked_add(1)?));
    wide.ok_or_else(|| too_large(count.unwrap_or(usize::MAX), max_lag))
}

/// The pairs that are listed, or all of two different columns.
pub(in crate::features) fn pairs_among(
    listed: Option<Vec<(usize, usize)>>,
    columns: usize,
    max_lag: usize,
) -> PyResult<Vec<(usize, usize)>> {
    if let Some(pairs) = listed {
        return Ok(pairs);
    }
    let count = columns.saturating_mul(columns.saturating_sub(1));
    let mut pairs = Vec::new();
    pairs.try_reserve_exact(count).map_err(|_| too_large(count, max_lag))?;
    pairs.extend((0..columns).flat_map(|a| (0..columns).filter(move |&b| b != a).map(move |b| (a, b))));
    Ok(pairs)
}

fn too_large(pairs: usize, max_lag: usize) -> PyErr {
    exception(Error::Memory {
        what: "the pairs and lags",
        rows: pairs,
        columns: max_lag,
    })
}
