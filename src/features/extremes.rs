//! Extremes and slopes.

use acm_features::rolling;
use pyo3::prelude::*;
use pyo3::types::PyTuple;

use super::frame::frame_of;
use super::{columnwise, rolling};
use crate::interop::{Input, Output, compute, input};

#[pyfunction]
#[pyo3(signature = (x, window, *frame))]
pub(crate) fn rolling_min<'py>(
    py: Python<'py>,
    x: &Bound<'py, PyAny>,
    window: &Bound<'py, PyAny>,
    frame: &Bound<'py, PyTuple>,
) -> PyResult<Bound<'py, PyAny>> {
    let (frame, out) = frame_of(window, frame)?;
    rolling!(py, input(x, "x")?, frame, 1, out.as_ref(), |x, windows, out| rolling::rolling_min(x, windows, out))
}

#[pyfunction]
#[pyo3(signature = (x, window, *frame))]
pub(crate) fn rolling_max<'py>(
    py: Python<'py>,
    x: &Bound<'py, PyAny>,
    window: &Bound<'py, PyAny>,
    frame: &Bound<'py, PyTuple>,
) -> PyResult<Bound<'py, PyAny>> {
    let (frame, out) = frame_of(window, frame)?;
    rolling!(py, input(x, "x")?, frame, 1, out.as_ref(), |x, windows, out| rolling::rolling_max(x, windows, out))
}

#[pyfunction]
#[pyo3(signature = (x, window, *frame))]
pub(crate) fn rolling_range<'py>(
    py: Python<'py>,
    x: &Bound<'py, PyAny>,
    window: &Bound<'py, PyAny>,
    frame: &Bound<'py, PyTuple>,
) -> PyResult<Bound<'py, PyAny>> {
    let (frame, out) = frame_of(window, frame)?;
    rolling!(py, input(x, "x")?, frame, 1, out.as_ref(), |x, windows, out| rolling::rolling_range(x, windows, out))
}

#[pyfunction]
#[pyo3(signature = (x, window, *frame))]
pub(crate) fn rolling_slope<'py>(
    py: Python<'py>,
    x: &Bound<'py, PyAny>,
    window: &Bound<'py, PyAny>,
    frame: &Bound<'py, PyTuple>,
) -> PyResult<Bound<'py, PyAny>> {
    let (frame, out) = frame_of(window, frame)?;
    rolling!(py, input(x, "x")?, frame, 1, out.as_ref(), |x, windows, out| rolling::rolling_slope(x, windows, out))
}
