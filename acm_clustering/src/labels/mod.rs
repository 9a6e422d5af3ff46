//! Sequences of regime labels: smoothed, rid of short stays, searched for changes, numbered as before.
//!
//! A label is any whole number of at least 0, or [`UNKNOWN`]. No operation makes a label that its input has not, and none
//! touches a row that is UNKNOWN; only [`align`] gives numbers anew.
//!
//! # Examples
//!
//! ```
//! use acm_clustering::labels::{UNKNOWN, align, transients};
//!
//! # fn main() -> acm_linalg::Result<()> {
//! // The same regimes under other numbers.
//! let mut labels = [0; 5];
//! align(&[0, 0, 1, 1, UNKNOWN], &[7, 7, 3, 3, 3], 0.5, &mut labels)?;
//! assert_eq!(labels, [0, 0, 1, 1, 1]);
//! // One row before a change, and the two from it on.
//! let mut change = [false; 6];
//! transients(&[0, 0, 0, 1, 1, 1], 1, 2, &mut change)?;
//! assert_eq!(change, [false, false, true, true, true, false]);
//! # Ok(())
//! # }
//! ```

mod align;
mod known;
mod smooth;
mod stays;
#[cfg(test)]
mod tests;

pub use align::{MOST_LABELS, align, pairs};
pub use known::UNKNOWN;
pub use smooth::{Recent, smooth};
pub use stays::{minimum_dwell, transients};
