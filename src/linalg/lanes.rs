//! Instructions.

use acm_linalg::lanes::instructions;
use pyo3::prelude::*;

#[pyfunction]
pub(crate) fn cpu_features() -> Vec<&'static str> {
    instructions()
}
