//! Pairs of columns: covariance, correlation, correlation at a lag.

use acm_features::rolling;
use acm_linalg::Error;
use pyo3::exceptions::PyTypeError;
use pyo3::prelude::*;
use pyo3::types::PyTuple;

use super::frame::{Frame, frame_of};
use crate::arguments::{Given, count, pairs_of};
use crate::interop::{Borrowed, Input, Output, compute, exception, input};
use crate::lists::Float;

/// Borrows both, computes detached, wraps: `$body` for whichever float type they have in common.
macro_rules! pairwise {
    ($py:ident, $x:expr, $y:expr, $frame:ident, $out:expr, |$one:ident, $other:ident, $windows:ident, $view:ident| $body:expr) => {
        match (input($x, "x")?, input($y, "y")?) {
            (Input::F64(x), Input::F64(y)) => {
                pairwise!(@one $py, x, y, $frame, $out, |$one, $other, $windows, $view| $body)
            }
            (Input::F32(x), Input::F32(y)) => {
                pairwise!(@one $py, x, y, $frame, $out, |$one, $other, $windows, $view| $body)
            }
            (Input::F64(_), Input::F32(_)) => Err(PyTypeError::new_err(
                "`y` must have the dtype of `x`, float64, got float32; convert with .astype(numpy.float64)",
            )),
            (Input::F32(_), Input::F64(_)) => Err(PyTypeError::new_err(
                "`y` must have the dtype of `x`, float32, got float64; convert with .astype(numpy.float32)",
            )),
        }
    };
    (@one $py:ident, $x:ident, $y:ident, $frame:ident, $out:expr, |$one:ident, $other:ident, $windows:ident, $view:ident| $body:expr) => {{
        let ($one, $other) = ($x.table(), $y.table());
        let mut output = Output::like(&$x, $frame.kept($one.nrows()), 1, $out, $py)?;
        let $view = output.view();
        compute($py, || {
            let $windows = $frame.windows()?;
            $body
        })?;
        Ok(output.into_object())
    }};
}

#[pyfunction]
#[pyo3(signature = (x, y, window, *frame, ddof=Given(None)))]
pub(crate) fn rolling_cov<'py>(
    py: Python<'py>,
    x: &Bound<'py, PyAny>,
    y: &Bound<'py, PyAny>,
    window: &Bound<'py, PyAny>,
    frame: &Bound<'py, PyTuple>,
    ddof: Given<'_, 'py>,
) -> PyResult<Bound<'py, PyAny>> {
    let (frame, out) = frame_of(window, frame)?;
    let ddof = ddof.map_or(Ok(1), |value| count(value, "ddof", 0))?;
    pairwise!(py, x, y, frame, out.as_ref(), |x, y, windows, out| rolling::rolling_cov(x, y, windows, ddof, out))
}

#[pyfunction]
#[pyo3(signature = (x, y, window, *frame))]
pub(crate) fn rolling_corr<'py>(
    py: Python<'py>,
    x: &Bound<'py, PyAny>,
    y: &Bound<'py, PyAny>,
    window: &Bound<'py, PyAny>,
    frame: &Bound<'py, PyTuple>,
) -> PyResult<Bound<'py, PyAny>> {
    let (frame, out) = frame_of(window, frame)?;
    pairwise!(py, x, y, frame, out.as_ref(), |x, y, windows, out| rolling::rolling_corr(x, y, windows, out))
}

#[pyfunction]
#[pyo3(signature = (x, window, *frame, max_lag, pairs=None))]
pub(crate) fn rolling_lag_corr<'py>(
    py: Python<'py>,
    x: &Bound<'py, PyAny>,
    window: &Bound<'py, PyAny>,
    frame: &Bound<'py, PyTuple>,
    max_lag: &Bound<'py, PyAny>,
    pairs: Option<&Bound<'py, PyAny>>,
) -> PyResult<Bound<'py, PyAny>> {
    let (frame, out) = frame_of(window, frame)?;
    let max_lag = count(max_lag, "max_lag", 0)?;
    let listed = pairs
        .map(|pairs| {
            pairs_of(pairs, "pairs", "a sequence of pairs of column numbers", |column| count(column, "pairs", 0))
        })
        .transpose()?;
    match input(x, "x")? {
        Input::F64(x) => lag_corr(py, &x, (max_lag, listed), &frame, out.as_ref()),
        Input::F32(x) => lag_corr(py, &x, (max_lag, listed), &frame, out.as_ref()),
    }
}

fn lag_corr<'py, T: Float>(
    py: Python<'py>,
    x: &Borrowed<'py, T>,
    (max_lag, listed): (usize, Option<Vec<(usize, usize)>>),
    frame: &Frame,
    out: Option<&Bound<'py, PyAny>>,
) -> PyResult<Bound<'py, PyAny>> {
    let view = x.table();
    let columns = view.ncols();
    let count = listed
        .as_ref()
        .map_or_else(|| columns.checked_mul(columns.saturating_sub(1)), |pairs| Some(pairs.len()));
    let too_large = || {
        exception(Error::Memory {
            what: "the pairs and lags",
            rows: count.unwrap_or(usize::MAX),
            columns: max_lag,
        })
    };
    let wide = count.and_then(|pairs| pairs.checked_mul(max_lag.checked_add(1)?)).ok_or_else(too_large)?;
    let mut output = Output::wide(x, frame.kept(view.nrows()), wide, out, py)?;
    let pairs = match listed {
        Some(pairs) => pairs,
        None => {
            let mut pairs = Vec::new();
            pairs.try_reserve_exact(count.unwrap_or(usize::MAX)).map_err(|_| too_large())?;
            pairs.extend((0..columns).flat_map(|a| (0..columns).filter(move |&b| b != a).map(move |b| (a, b))));
            pairs
        }
    };
    let target = output.view();
    compute(py, || rolling::rolling_lag_corr(view, frame.windows()?, max_lag, &pairs, target))?;
    Ok(output.into_object())
}
