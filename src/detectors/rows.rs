//! Rows times a matrix.

use acm_detectors::product::of_rows;
use pyo3::prelude::*;

use crate::interop::{Value, filled, input};

#[pyfunction]
pub(crate) fn product<'py>(x: &Value<'py>, matrix: &Value<'py>) -> PyResult<Value<'py>> {
    let (py, x, matrix) = (x.py(), input(x, "x")?, input(matrix, "matrix")?);
    let (x, matrix) = (x.samples(), matrix.samples());
    filled(py, &[x.rows(), matrix.columns()], |out| of_rows(x, matrix, out))
}
