//! Features of sensor histories: rolling and exponentially weighted statistics, correlations, spectra, whole columns, and
//! the fused feature matrix.
//!
//! Plain functions from arrays to arrays, rows = time (oldest first), columns = sensors. NaN and infinities are missing.

pub mod column;
pub mod correlation;
mod either;
pub mod ewm;
mod fill;
pub mod matrix;
#[cfg(test)]
mod matrix_tests;
mod ordering;
pub mod rolling;
pub mod spectral;

pub use acm_linalg::{Error, Result};
