//! Where a call writes: a fresh array, or the caller's `out`.

use acm_linalg::Error;
use ndarray::{ArrayViewMut2, Axis, Ix1, Ix2};
use numpy::{
    BorrowError, Element, PyArray, PyArrayDescrMethods, PyArrayDyn, PyArrayMethods, PyReadwriteArray, PyUntypedArray,
    PyUntypedArrayMethods,
};
use pyo3::exceptions::{PyTypeError, PyValueError};
use pyo3::prelude::*;

use super::Value;
use super::arrays::{empty, untyped};
use super::calls::exception;
use super::input::{Borrowed, Float};

/// Where results go: a fresh array, or the caller's `out`.
pub(crate) struct Output<'py, T: Element> {
    object: Value<'py>,
    array: Written<'py, T>,
}

enum Written<'py, T: Element> {
    Line(PyReadwriteArray<'py, T, Ix1>),
    Table(PyReadwriteArray<'py, T, Ix2>),
}

impl<'py, T: Float> Output<'py, T> {
    /// An output of `rows` rows and `width` results for each column of `x`, in the memory order of `x`; 1-D where `x` is and
    /// `width` is 1.
    pub(crate) fn like(
        x: &Borrowed<'py, T>,
        rows: usize,
        width: usize,
        out: Option<&Value<'py>>,
        py: Python<'py>,
    ) -> PyResult<Self> {
        let columns = x.table().ncols();
        let Some(wide) = columns.checked_mul(width) else {
            return Err(exception(Error::Memory {
                what: "the result",
                rows,
                columns,
            }));
        };
        Self::of(x, rows, wide, x.is_line() && width == 1, out, py)
    }

    /// An output of `rows` rows and `wide` columns in the memory order of `x`, 2-D.
    pub(crate) fn wide(
        x: &Borrowed<'py, T>,
        rows: usize,
        wide: usize,
        out: Option<&Value<'py>>,
        py: Python<'py>,
    ) -> PyResult<Self> {
        Self::of(x, rows, wide, false, out, py)
    }

    fn of(
        x: &Borrowed<'py, T>,
        rows: usize,
        wide: usize,
        line: bool,
        out: Option<&Value<'py>>,
        py: Python<'py>,
    ) -> PyResult<Self> {
        let shape: &[usize] = if line { &[rows] } else { &[rows, wide] };
        let object = if let Some(out) = out {
            let array = untyped(out, "out", "a NumPy array")?;
            if array.shape() != shape {
                return Err(PyValueError::new_err(format!(
                    "`out` must have shape {}, got {}",
                    shape_text(shape),
                    shape_text(array.shape())
                )));
            }
            if overlaps_itself(array) {
                return Err(PyValueError::new_err("`out` must not overlap itself in memory"));
            }
            out.clone()
        } else {
            empty::<T>(py, shape, x.is_fortran())?
        };
        let Ok(array) = object.cast::<PyArrayDyn<T>>() else {
            let got = object.cast::<PyUntypedArray>().map(|array| array.dtype().to_string());
            return Err(PyTypeError::new_err(format!(
                "`out` must have the dtype of `x`, {}, got {}",
                T::get_dtype(py),
                got.unwrap_or_default()
            )));
        };
        let refused = |error: BorrowError| {
            PyValueError::new_err(match error {
                BorrowError::NotWriteable => "`out` must be writeable, got a read-only array",
                _ => "`out` must not share memory with `x` or with another call's arrays",
            })
        };
        let array = if line {
            Written::Line(array.cast::<PyArray<T, Ix1>>()?.try_readwrite().map_err(refused)?)
        } else {
            Written::Table(array.cast::<PyArray<T, Ix2>>()?.try_readwrite().map_err(refused)?)
        };
        Ok(Self { object, array })
    }

    pub(crate) fn view(&mut self) -> ArrayViewMut2<'_, T> {
        match &mut self.array {
            Written::Line(line) => line.as_array_mut().insert_axis(Axis(1)),
            Written::Table(table) => table.as_array_mut(),
        }
    }

    pub(crate) fn into_object(self) -> Value<'py> {
        self.object
    }
}

fn shape_text(shape: &[usize]) -> String {
    match shape {
        [one] => format!("({one},)"),
        _ => format!("({})", shape.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")),
    }
}

/// Whether two places of the array may be one in memory.
fn overlaps_itself(array: &Bound<'_, PyUntypedArray>) -> bool {
    let mut axes: Vec<(usize, usize)> = array
        .shape()
        .iter()
        .zip(array.strides())
        .filter(|(length, _)| **length > 1)
        .map(|(&length, &stride)| (stride.unsigned_abs(), length))
        .collect();
    axes.sort_unstable();
    let mut extent = array.dtype().itemsize();
    for (stride, length) in axes {
        if stride < extent {
            return true;
        }
        extent = stride.saturating_mul(length);
    }
    false
}
