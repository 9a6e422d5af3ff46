//! Slow means that let go of what is over, and levels that follow sensors that wander.

use acm_detectors::slow;
use numpy::{PyArrayMethods, PyReadonlyArray2};
use pyo3::prelude::*;

use crate::arguments::number;
use crate::interop::{Value, compute, empty, input};

/// The means, and what has been taken off them after the last row.
#[pyfunction]
pub(crate) fn released<'py>(
    values: &Value<'py>,
    trace: &Value<'py>,
    room: &Value<'py>,
    known: PyReadonlyArray2<'py, bool>,
    memory: &Value<'py>,
    off: &Value<'py>,
) -> PyResult<(Value<'py>, Value<'py>)> {
    let py = values.py();
    let (values, trace, room) = (input(values, "values")?, input(trace, "trace")?, input(room, "room")?);
    let (memory, after) = (number(memory, "memory")?, copied(off)?);
    let shape = [values.samples().rows(), values.samples().columns()];
    let out = empty::<f64>(py, &shape, false)?;
    {
        let mut means = out.cast::<numpy::PyArray2<f64>>()?.readwrite();
        let mut off = after.cast::<numpy::PyArray1<f64>>()?.readwrite();
        let (means, off) = (means.as_slice_mut()?, off.as_slice_mut()?);
        let (values, trace, room, known) = (values.samples(), trace.samples(), room.samples(), known.as_array());
        compute(py, || slow::released(values, trace, room, known, memory, off, means))?;
    }
    Ok((out, after))
}

/// The levels before each row, and the levels, the readings so far and the missing ones since, after the last.
#[pyfunction]
pub(crate) fn followed<'py>(
    x: &Value<'py>,
    gain: &Value<'py>,
    reach: &Value<'py>,
    level: &Value<'py>,
    count: &Value<'py>,
    gone: &Value<'py>,
) -> PyResult<(Value<'py>, Value<'py>, Value<'py>, Value<'py>)> {
    let (py, x, gain) = (x.py(), input(x, "x")?, number(gain, "gain")?);
    let (reach, level, count, gone) = (copied(reach)?, copied(level)?, copied(count)?, copied(gone)?);
    let out = empty::<f64>(py, &[x.samples().rows(), x.samples().columns()], false)?;
    {
        let mut levels = out.cast::<numpy::PyArray2<f64>>()?.readwrite();
        let reach = reach.cast::<numpy::PyArray1<f64>>()?.readonly();
        let mut level = level.cast::<numpy::PyArray1<f64>>()?.readwrite();
        let mut count = count.cast::<numpy::PyArray1<f64>>()?.readwrite();
        let mut gone = gone.cast::<numpy::PyArray1<f64>>()?.readwrite();
        let gone = gone.as_slice_mut()?;
        let (levels, level, count) = (levels.as_slice_mut()?, level.as_slice_mut()?, count.as_slice_mut()?);
        let (x, reach) = (x.samples(), reach.as_slice()?);
        compute(py, || slow::followed(x, gain, reach, level, count, gone, levels))?;
    }
    Ok((out, level, count, gone))
}

/// A line of numbers of one's own.
fn copied<'py>(line: &Value<'py>) -> PyResult<Value<'py>> {
    let line = line.extract::<numpy::PyReadonlyArray1<'py, f64>>()?;
    let copy = line.as_array().to_vec();
    Ok(crate::interop::array(line.py(), &copy)?.into_any())
}
