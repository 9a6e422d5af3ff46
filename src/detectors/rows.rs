//! Rows times a matrix, and what a normal law makes of those with gaps.

use acm_detectors::given;
use acm_detectors::product::of_rows;
use acm_linalg::{Result, Samples};
use pyo3::prelude::*;

use crate::interop::{Value, filled, input};

#[pyfunction]
pub(crate) fn product<'py>(x: &Value<'py>, matrix: &Value<'py>) -> PyResult<Value<'py>> {
    let (py, x, matrix) = (x.py(), input(x, "x")?, input(matrix, "matrix")?);
    let (x, matrix) = (x.samples(), matrix.samples());
    filled(py, &[x.rows(), matrix.columns()], |out| of_rows(x, matrix, out))
}

#[pyfunction]
pub(crate) fn filled_rows<'py>(x: &Value<'py>, precision: &Value<'py>) -> PyResult<Value<'py>> {
    by_law(x, precision, given::filled)
}

#[pyfunction]
pub(crate) fn row_precisions<'py>(x: &Value<'py>, precision: &Value<'py>) -> PyResult<Value<'py>> {
    by_law(x, precision, given::precisions)
}

fn by_law<'py>(
    x: &Value<'py>,
    precision: &Value<'py>,
    rule: fn(Samples<'_>, Samples<'_>, &mut [f64]) -> Result<()>,
) -> PyResult<Value<'py>> {
    let (py, x, precision) = (x.py(), input(x, "x")?, input(precision, "precision")?);
    let (x, precision) = (x.samples(), precision.samples());
    filled(py, &[x.rows(), x.columns()], |out| rule(x, precision, out))
}
