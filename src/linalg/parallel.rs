//! Threads.

use acm_linalg::parallel;
use pyo3::prelude::*;

use crate::arguments::count;
use crate::interop::{Value, exception};

#[pyfunction]
pub(crate) fn set_num_threads(n: &Value<'_>) -> PyResult<()> {
    parallel::set_num_threads(count(n, "n", 1)?).map_err(exception)
}

#[pyfunction]
pub(crate) fn get_num_threads() -> usize {
    parallel::num_threads()
}
