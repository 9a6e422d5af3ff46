//! Decompositions, shrunk covariance and linear equations.

use acm_linalg::pca::Components;
use acm_linalg::{covariance, pca as principal, solve, svd as singular};
use pyo3::prelude::*;
use pyo3::types::{PyBool, PyFloat};

use crate::arguments::{count, number};
use crate::interop::{compute, input};
use crate::models::{samples_of, table};

/// A number of components, or a share of the variance.
pub(crate) fn components_of(value: &Bound<'_, PyAny>, name: &str) -> PyResult<Components> {
    let real = value.is_instance_of::<PyFloat>();
    if !real && !value.is_instance_of::<PyBool>() && !value.hasattr("__index__")? {
        return number(value, name).map(Components::Share);
    }
    if real {
        number(value, name).map(Components::Share)
    } else {
        count(value, name, 1).map(Components::Count)
    }
}

fn copied<'py>(py: Python<'py>, values: &[f64], shape: (usize, usize), line: bool) -> PyResult<Bound<'py, PyAny>> {
    table(py, shape, line, |out| {
        out.copy_from_slice(values);
        Ok(())
    })
}

#[pyfunction]
pub(crate) fn pca<'py>(
    py: Python<'py>,
    x: &Bound<'py, PyAny>,
    k: &Bound<'py, PyAny>,
) -> PyResult<(Bound<'py, PyAny>, Bound<'py, PyAny>, Bound<'py, PyAny>)> {
    let keep = components_of(k, "k")?;
    let input = samples_of(x)?;
    let samples = input.samples();
    let columns = samples.columns();
    let found = compute(py, || principal::pca(samples, keep))?;
    Ok((
        copied(py, &found.components, (found.kept, columns), false)?,
        copied(py, &found.variances[..found.kept], (found.kept, 1), true)?,
        copied(py, &found.mean, (columns, 1), true)?,
    ))
}

#[pyfunction]
#[pyo3(signature = (x, k=None))]
pub(crate) fn svd<'py>(
    py: Python<'py>,
    x: &Bound<'py, PyAny>,
    k: Option<&Bound<'py, PyAny>>,
) -> PyResult<(Bound<'py, PyAny>, Bound<'py, PyAny>, Bound<'py, PyAny>)> {
    let k = k.map(|k| count(k, "k", 1)).transpose()?;
    let input = samples_of(x)?;
    let samples = input.samples();
    let found = compute(py, || singular::svd(samples, k))?;
    let k = found.s.len();
    Ok((
        copied(py, &found.u, (samples.rows(), k), false)?,
        copied(py, &found.s, (k, 1), true)?,
        copied(py, &found.vt, (k, samples.columns()), false)?,
    ))
}

#[pyfunction]
pub(crate) fn cholesky_solve<'py>(
    py: Python<'py>,
    a: &Bound<'py, PyAny>,
    b: &Bound<'py, PyAny>,
) -> PyResult<Bound<'py, PyAny>> {
    let (a, b) = (input(a, "a")?, input(b, "b")?);
    let (matrix, right) = (a.samples(), b.samples());
    let found = compute(py, || solve::cholesky_solve(matrix, right))?;
    copied(py, &found, (right.rows(), right.columns()), b.is_line())
}

#[pyfunction]
pub(crate) fn ledoit_wolf<'py>(py: Python<'py>, x: &Bound<'py, PyAny>) -> PyResult<(Bound<'py, PyAny>, f64)> {
    let input = samples_of(x)?;
    let samples = input.samples();
    let found = compute(py, || covariance::ledoit_wolf(samples))?;
    let shape = (samples.columns(), samples.columns());
    Ok((copied(py, &found.covariance, shape, false)?, found.shrinkage))
}
