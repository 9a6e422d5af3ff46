//! What the control charts' classes and functions share.

use acm_detectors::decisions::{Charted, Levels};
use acm_linalg::{Result, Samples};
use numpy::{PyArray2, PyArrayMethods};
use pyo3::prelude::*;
use pyo3::types::PyTuple;

use crate::arguments::{Given, numbers};
use crate::interop::{Input, compute, empty};
use crate::models::samples_of;

/// Two statistics and the alarms, each of the shape of `x`.
pub(super) type Charts<'py> = (Bound<'py, PyAny>, Bound<'py, PyAny>, Bound<'py, PyAny>);

/// Fresh arrays of the shape and memory order of `x` that `run` fills.
pub(super) fn charted<'py>(
    py: Python<'py>,
    x: &Bound<'py, PyAny>,
    run: impl FnOnce(Samples<'_>, Charted<'_>) -> Result<()> + Send,
) -> PyResult<Charts<'py>> {
    let input = samples_of(x)?;
    let samples = input.samples();
    let (rows, columns) = (samples.rows(), samples.columns());
    let fortran = match &input {
        Input::F64(x) => x.is_fortran(),
        Input::F32(x) => x.is_fortran(),
    };
    let first = empty::<f64>(py, rows, columns, false, fortran)?;
    let second = empty::<f64>(py, rows, columns, false, fortran)?;
    let alarm = empty::<bool>(py, rows, columns, false, fortran)?;
    {
        let mut first = first.cast::<PyArray2<f64>>()?.readwrite();
        let mut second = second.cast::<PyArray2<f64>>()?.readwrite();
        let mut alarm = alarm.cast::<PyArray2<bool>>()?.readwrite();
        let out = Charted {
            first: first.as_array_mut(),
            second: second.as_array_mut(),
            alarm: alarm.as_array_mut(),
        };
        compute(py, || run(samples, out))?;
    }
    if input.is_line() {
        let line = |array: Bound<'py, PyAny>| array.call_method1("reshape", (rows,));
        return Ok((line(first)?, line(second)?, line(alarm)?));
    }
    Ok((first, second, alarm))
}

/// One number for all columns or one for each; `default` where it is not given.
pub(super) fn levels(value: Given<'_, '_>, name: &'static str, default: f64) -> PyResult<Levels> {
    value.map_or(Ok(Levels::all(default)), |value| numbers(value, name).map(Levels::each))
}

/// As given: a number, or a tuple of them.
pub(super) fn shown<'py>(py: Python<'py>, levels: &Levels) -> PyResult<Bound<'py, PyAny>> {
    match levels.values() {
        [one] => Ok(one.into_pyobject(py)?.into_any()),
        each => Ok(PyTuple::new(py, each)?.into_any()),
    }
}
