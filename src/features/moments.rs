//! Sums and moments.

use acm_features::rolling;
use pyo3::prelude::*;
use pyo3::types::PyTuple;

use super::frame::{frame_of, plain_frame};
use super::{columnwise, rolling};
use crate::arguments::{Given, count};
use crate::interop::{Input, Output, compute, input, input_f64};

#[pyfunction]
#[pyo3(signature = (x, window, *frame))]
pub(crate) fn rolling_sum<'py>(
    py: Python<'py>,
    x: &Bound<'py, PyAny>,
    window: &Bound<'py, PyAny>,
    frame: &Bound<'py, PyTuple>,
) -> PyResult<Bound<'py, PyAny>> {
    let (frame, out) = frame_of(window, frame)?;
    rolling!(py, input(x, "x")?, frame, 1, out.as_ref(), |x, windows, out| rolling::rolling_sum(x, windows, out))
}

#[pyfunction]
#[pyo3(signature = (x, window, *frame))]
pub(crate) fn rolling_mean<'py>(
    py: Python<'py>,
    x: &Bound<'py, PyAny>,
    window: &Bound<'py, PyAny>,
    frame: &Bound<'py, PyTuple>,
) -> PyResult<Bound<'py, PyAny>> {
    let (frame, out) = frame_of(window, frame)?;
    rolling!(py, input(x, "x")?, frame, 1, out.as_ref(), |x, windows, out| rolling::rolling_mean(x, windows, out))
}

#[pyfunction]
#[pyo3(signature = (x, window, *frame, ddof=Given(None)))]
pub(crate) fn rolling_var<'py>(
    py: Python<'py>,
    x: &Bound<'py, PyAny>,
    window: &Bound<'py, PyAny>,
    frame: &Bound<'py, PyTuple>,
    ddof: Given<'_, 'py>,
) -> PyResult<Bound<'py, PyAny>> {
    let (frame, out) = frame_of(window, frame)?;
    let ddof = ddof.map_or(Ok(1), |value| count(value, "ddof", 0))?;
    rolling!(py, input(x, "x")?, frame, 1, out.as_ref(), |x, windows, out| rolling::rolling_var(x, windows, ddof, out))
}

#[pyfunction]
#[pyo3(signature = (x, window, *frame, ddof=Given(None)))]
pub(crate) fn rolling_std<'py>(
    py: Python<'py>,
    x: &Bound<'py, PyAny>,
    window: &Bound<'py, PyAny>,
    frame: &Bound<'py, PyTuple>,
    ddof: Given<'_, 'py>,
) -> PyResult<Bound<'py, PyAny>> {
    let (frame, out) = frame_of(window, frame)?;
    let ddof = ddof.map_or(Ok(1), |value| count(value, "ddof", 0))?;
    rolling!(py, input(x, "x")?, frame, 1, out.as_ref(), |x, windows, out| rolling::rolling_std(x, windows, ddof, out))
}

#[pyfunction]
#[pyo3(signature = (x, window, *frame, ddof=Given(None)))]
pub(crate) fn rolling_mean_std<'py>(
    py: Python<'py>,
    x: &Bound<'py, PyAny>,
    window: &Bound<'py, PyAny>,
    frame: &Bound<'py, PyTuple>,
    ddof: Given<'_, 'py>,
) -> PyResult<Bound<'py, PyAny>> {
    let (frame, out) = frame_of(window, frame)?;
    let ddof = ddof.map_or(Ok(1), |value| count(value, "ddof", 0))?;
    rolling!(py, input(x, "x")?, frame, 2, out.as_ref(), |x, windows, out| rolling::rolling_mean_std(
        x, windows, ddof, out
    ))
}

#[pyfunction]
#[pyo3(signature = (x, window, *frame))]
pub(crate) fn rolling_skew<'py>(
    py: Python<'py>,
    x: &Bound<'py, PyAny>,
    window: &Bound<'py, PyAny>,
    frame: &Bound<'py, PyTuple>,
) -> PyResult<Bound<'py, PyAny>> {
    let (frame, out) = frame_of(window, frame)?;
    rolling!(py, input(x, "x")?, frame, 1, out.as_ref(), |x, windows, out| rolling::rolling_skew(x, windows, out))
}

#[pyfunction]
#[pyo3(signature = (x, window, *frame))]
pub(crate) fn rolling_kurt<'py>(
    py: Python<'py>,
    x: &Bound<'py, PyAny>,
    window: &Bound<'py, PyAny>,
    frame: &Bound<'py, PyTuple>,
) -> PyResult<Bound<'py, PyAny>> {
    let (frame, out) = frame_of(window, frame)?;
    rolling!(py, input(x, "x")?, frame, 1, out.as_ref(), |x, windows, out| rolling::rolling_kurt(x, windows, out))
}

#[pyfunction]
#[pyo3(signature = (data, window, min_periods))]
pub(crate) fn rolling_mean_std_f64<'py>(
    py: Python<'py>,
    data: &Bound<'py, PyAny>,
    window: &Bound<'py, PyAny>,
    min_periods: &Bound<'py, PyAny>,
) -> PyResult<Bound<'py, PyAny>> {
    let frame = plain_frame(window, min_periods)?;
    rolling!(py, input_f64(data, "data")?, frame, 2, None, |x, windows, out| rolling::rolling_mean_std(
        x, windows, 1, out
    ))
}
