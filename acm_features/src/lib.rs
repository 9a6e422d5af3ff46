//! Features of sensor histories: rolling and exponentially weighted statistics, correlations, spectra, whole columns, and
//! the fused feature matrix.
//!
//! Plain functions from arrays to arrays, rows = time (oldest first), columns = sensors. NaN and infinities are missing.
//!
//! # Examples
//!
//! The caller brings the array that a result goes into; one of another shape is an error.
//!
//! ```
//! use acm_features::rolling::{Window, rolling_mean, rolling_range};
//! use ndarray::{Array2, array};
//!
//! # fn main() -> acm_features::Result<()> {
//! let x = array![[1.0, 10.0], [2.0, f64::NAN], [6.0, 30.0]];
//! // Two rows, of which one must have a value.
//! let window = Window::new(2, 1)?;
//! let mut out = Array2::zeros(x.dim());
//! rolling_mean(x.view(), window, out.view_mut())?;
//! assert_eq!(out, array![[1.0, 10.0], [1.5, 10.0], [4.0, 30.0]]);
//! rolling_range(x.view(), window, out.view_mut())?;
//! assert_eq!(out, array![[0.0, 0.0], [1.0, 0.0], [4.0, 0.0]]);
//!
//! let mut narrow = Array2::zeros((3, 1));
//! let error = rolling_mean(x.view(), window, narrow.view_mut()).unwrap_err();
//! assert_eq!(error.to_string(), "`out` must have shape (3, 2), got (3, 1)");
//! # Ok(())
//! # }
//! ```

pub mod column;
pub mod correlation;
mod either;
pub mod ewm;
mod fill;
#[cfg(test)]
mod layout_tests;
pub mod live;
pub mod matrix;
#[cfg(test)]
mod matrix_tests;
mod ordering;
pub mod quality;
mod radix;
pub mod rolling;
pub mod spectral;

pub use acm_linalg::{Error, Result};
