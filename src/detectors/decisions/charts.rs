//! What the control charts' classes and functions share.

use acm_detectors::decisions::{Charted, Levels};
use acm_linalg::{Result, Samples};
use numpy::{PyArray2, PyArrayMethods};
use pyo3::IntoPyObjectExt;
use pyo3::prelude::*;

use crate::arguments::numbers;
use crate::classes::Sequence;
use crate::interop::{Value, compute, empty, input};

/// Two statistics and the alarms, each of the shape of `x`.
pub(super) type Charts<'py> = (Value<'py>, Value<'py>, Value<'py>);

/// Fresh arrays of the shape and memory order of `x` that `run` fills.
pub(super) fn charted<'py>(
    x: &Value<'py>,
    run: impl FnOnce(Samples<'_>, Charted<'_>) -> Result<()> + Send,
) -> PyResult<Charts<'py>> {
    let (py, input) = (x.py(), input(x, "x")?);
    let samples = input.samples();
    let shape = [samples.rows(), samples.columns()];
    let first = empty::<f64>(py, &shape, input.is_fortran())?;
    let second = empty::<f64>(py, &shape, input.is_fortran())?;
    let alarm = empty::<bool>(py, &shape, input.is_fortran())?;
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
        let line = |array: Value<'py>| array.call_method1("reshape", (shape[0],));
        return Ok((line(first)?, line(second)?, line(alarm)?));
    }
    Ok((first, second, alarm))
}

/// One number for all columns or one for each.
pub(super) fn levels(value: &Value<'_>, name: &'static str) -> PyResult<Levels> {
    numbers(value, name, None).map(Levels::each)
}

/// As given: a number, or a tuple of them.
pub(super) struct Given<'a>(pub(super) &'a Levels);

impl<'py> IntoPyObject<'py> for Given<'_> {
    type Target = PyAny;
    type Output = Value<'py>;
    type Error = PyErr;

    fn into_pyobject(self, py: Python<'py>) -> PyResult<Value<'py>> {
        match self.0.values() {
            [one] => one.into_bound_py_any(py),
            each => Sequence(each).into_bound_py_any(py),
        }
    }
}
