//! Ground floor of the acm crates: errors and checks, threads, and the driver that walks a matrix in lanes.
//!
//! Everything above rests on one rule: a result depends on the values in its window and on the row's absolute index, on
//! nothing else. The driver in [`columns`] may therefore cut the work by columns and by rows, on any number of threads,
//! and the bytes stay the same.
//!
//! # Examples
//!
//! ```
//! use acm_linalg::distances::nearest;
//! use acm_linalg::pca::{Components, pca};
//! use acm_linalg::solve::cholesky_solve;
//! use ndarray::array;
//!
//! # fn main() -> acm_linalg::Result<()> {
//! let x = array![[0.0, 0.0], [1.0, 1.0], [2.0, 2.0]];
//! let found = pca(x.view().into(), Components::Count(1))?;
//! assert_eq!(found.mean, [1.0, 1.0]);
//! assert!((found.variances[0] - 2.0).abs() < 1e-12);
//!
//! let centers = array![[0.0, 1.0], [2.0, 1.0]];
//! let (mut index, mut distance) = ([0; 3], [0.0; 3]);
//! nearest(x.view().into(), centers.view().into(), &mut index, &mut distance)?;
//! assert_eq!((index, distance), ([0, 0, 1], [1.0, 1.0, 1.0]));
//!
//! let (a, b) = (array![[4.0, 0.0], [0.0, 9.0]], array![[8.0], [18.0]]);
//! assert_eq!(cholesky_solve(a.view().into(), b.view().into())?, [2.0, 2.0]);
//! # Ok(())
//! # }
//! ```

pub mod columns;
#[cfg(test)]
mod columns_tests;
pub mod covariance;
pub mod dense;
pub mod distances;
pub mod error;
mod jobs;
pub mod lanes;
mod leading;
pub mod memory;
mod packing;
pub mod parallel;
pub mod pca;
mod plan;
pub mod running;
pub mod samples;
pub mod scaling;
pub mod seed;
pub mod solve;
mod source;
pub mod state;
pub mod svd;
mod table;
mod unpacking;
#[cfg(test)]
mod whole_tests;
pub mod workspace;

pub use error::{Error, Number, Result, StateFault};
pub use samples::Samples;
pub use scaling::Scaling;
pub use state::{Memory, Persist, Reader, Writer};
pub use table::Table;
