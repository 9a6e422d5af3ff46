//! Linear equations.

use acm_linalg::solve;
use pyo3::prelude::*;

use super::copied;
use crate::interop::{Value, compute, filled, input};

#[pyfunction]
pub(crate) fn cholesky_solve<'py>(a: &Value<'py>, b: &Value<'py>) -> PyResult<Value<'py>> {
    let (py, a, b) = (a.py(), input(a, "a")?, input(b, "b")?);
    let (matrix, right) = (a.samples(), b.samples());
    let found = compute(py, || solve::cholesky_solve(matrix, right))?;
    let shape = [right.rows(), right.columns()];
    filled(py, if b.is_line() { &shape[..1] } else { &shape }, copied(&found))
}
