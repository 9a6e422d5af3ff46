//! Products of columns and eigenvectors, for what is fitted in Python: the same bytes with any library beside NumPy.

use acm_linalg::dense;
use acm_linalg::samples::{read_all, room};
use pyo3::prelude::*;

use super::copied;
use crate::interop::{Value, compute, filled, input};

#[pyfunction]
pub(crate) fn gram<'py>(x: &Value<'py>) -> PyResult<Value<'py>> {
    let (py, x) = (x.py(), input(x, "x")?);
    let x = x.samples();
    let found = compute(py, || dense::products(&x))?;
    filled(py, &[x.columns(); 2], copied(&found))
}

/// Eigenvalues, largest first, and a row for the vector of each.
#[pyfunction]
pub(crate) fn symmetric_eigen<'py>(matrix: &Value<'py>) -> PyResult<(Value<'py>, Value<'py>)> {
    let (py, matrix) = (matrix.py(), input(matrix, "matrix")?);
    let matrix = matrix.samples();
    let size = matrix.columns();
    matrix.require_columns(matrix.rows()).map_err(crate::interop::exception)?;
    let (values, vectors) = compute(py, || {
        let mut own = room(size, size, 0.0, "a matrix")?;
        read_all(matrix, &mut own)?;
        dense::symmetric_eigen(&own, size, "matrix")
    })?;
    Ok((filled(py, &[size], copied(&values))?, filled(py, &[size; 2], copied(&vectors))?))
}
