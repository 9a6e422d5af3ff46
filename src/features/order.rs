//! Medians, deviations and quantiles.

use acm_features::rolling;
use pyo3::prelude::*;
use pyo3::types::PyTuple;

use super::frame::{frame_of, plain_frame};
use super::{columnwise, rolling};
use crate::arguments::{Given, number, numbers};
use crate::interop::{Input, Output, compute, input, input_f64};

#[pyfunction]
#[pyo3(signature = (x, window, *frame))]
pub(crate) fn rolling_median<'py>(
    py: Python<'py>,
    x: &Bound<'py, PyAny>,
    window: &Bound<'py, PyAny>,
    frame: &Bound<'py, PyTuple>,
) -> PyResult<Bound<'py, PyAny>> {
    let (frame, out) = frame_of(window, frame)?;
    rolling!(py, input(x, "x")?, frame, 1, out.as_ref(), |x, windows, out| rolling::rolling_median(x, windows, out))
}

#[pyfunction]
#[pyo3(signature = (x, window, *frame, scale=Given(None)))]
pub(crate) fn rolling_mad<'py>(
    py: Python<'py>,
    x: &Bound<'py, PyAny>,
    window: &Bound<'py, PyAny>,
    frame: &Bound<'py, PyTuple>,
    scale: Given<'_, 'py>,
) -> PyResult<Bound<'py, PyAny>> {
    let (frame, out) = frame_of(window, frame)?;
    let scale = scale.map_or(Ok(1.0), |value| number(value, "scale"))?;
    rolling!(py, input(x, "x")?, frame, 1, out.as_ref(), |x, windows, out| rolling::rolling_mad(
        x, windows, scale, out
    ))
}

#[pyfunction]
#[pyo3(signature = (x, window, *frame, q))]
pub(crate) fn rolling_quantile<'py>(
    py: Python<'py>,
    x: &Bound<'py, PyAny>,
    window: &Bound<'py, PyAny>,
    frame: &Bound<'py, PyTuple>,
    q: &Bound<'py, PyAny>,
) -> PyResult<Bound<'py, PyAny>> {
    let (frame, out) = frame_of(window, frame)?;
    let q = numbers(q, "q")?;
    rolling!(py, input(x, "x")?, frame, q.len(), out.as_ref(), |x, windows, out| rolling::rolling_quantile(
        x, windows, &q, out
    ))
}

#[pyfunction]
#[pyo3(signature = (data, window, min_periods))]
pub(crate) fn rolling_median_f64<'py>(
    py: Python<'py>,
    data: &Bound<'py, PyAny>,
    window: &Bound<'py, PyAny>,
    min_periods: &Bound<'py, PyAny>,
) -> PyResult<Bound<'py, PyAny>> {
    let frame = plain_frame(window, min_periods)?;
    rolling!(py, input_f64(data, "data")?, frame, 1, None, |x, windows, out| rolling::rolling_median(x, windows, out))
}

#[pyfunction]
#[pyo3(signature = (data, window, min_periods))]
pub(crate) fn rolling_mad_f64<'py>(
    py: Python<'py>,
    data: &Bound<'py, PyAny>,
    window: &Bound<'py, PyAny>,
    min_periods: &Bound<'py, PyAny>,
) -> PyResult<Bound<'py, PyAny>> {
    let frame = plain_frame(window, min_periods)?;
    rolling!(py, input_f64(data, "data")?, frame, 1, None, |x, windows, out| rolling::rolling_mad(
        x, windows, 1.0, out
    ))
}
