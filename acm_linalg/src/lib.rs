//! Ground floor of the acm crates: errors and checks, threads, and the driver that walks a matrix in lanes.
//!
//! Everything above rests on one rule: a result depends on the values in its window and on the row's absolute index, on
//! nothing else. The driver in [`columns`] may therefore cut the work by columns and by rows, on any number of threads,
//! and the bytes stay the same.

pub mod columns;
#[cfg(test)]
mod columns_tests;
pub mod covariance;
pub mod dense;
pub mod distances;
pub mod error;
pub mod lanes;
pub mod memory;
mod packing;
pub mod parallel;
pub mod pca;
mod plan;
pub mod samples;
pub mod scaling;
pub mod seed;
pub mod solve;
mod source;
pub mod state;
pub mod svd;
pub mod workspace;

pub use error::{Error, Number, Result, StateFault};
pub use samples::Samples;
pub use scaling::Scaling;
pub use state::{Memory, Persist, Reader, Writer};
