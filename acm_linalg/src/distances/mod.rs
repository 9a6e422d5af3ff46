//! Distances between rows, from their differences: nothing cancels, however far from zero the data lie.
//!
//! The usual short cut, |x|² - 2 x·y + |y|², loses every digit where points are close together and far from the origin.
//! Here the differences themselves are squared and added in the order of the columns, so that a pair's distance is the same
//! bytes wherever the pair stands in the arrays.
//!
//! Missing: a row with a NaN or an infinity has no distance to anything, NaN.
//!
//! # Examples
//!
//! ```
//! use acm_linalg::distances::{Metric, Target, pairwise};
//! use ndarray::{Array2, array};
//!
//! # fn main() -> acm_linalg::Result<()> {
//! let x = array![[1e9, 0.0], [1e9 + 3.0, 4.0]];
//! let mut out = Array2::zeros((2, 2));
//! pairwise(x.view().into(), None, Metric::Euclidean, Target::F64(out.view_mut()))?;
//! assert_eq!(out, array![[0.0, 5.0], [5.0, 0.0]]);
//! # Ok(())
//! # }
//! ```

mod kernel;
mod nearest;
mod pairwise;
mod points;
#[cfg(test)]
mod tests;

pub use kernel::{Square, squares};
pub use nearest::nearest;
pub use pairwise::{Target, pairwise};
pub use points::Points;

/// How far two rows are apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Metric {
    /// Root of the sum of squared differences.
    Euclidean,
    /// Sum of squared differences.
    SquaredEuclidean,
    /// Sum of absolute differences.
    Manhattan,
    /// 1 - cos of the angle between the rows, as half the squared distance of the rows brought to length 1; 1 where a row
    /// is all zeros.
    Cosine,
}
