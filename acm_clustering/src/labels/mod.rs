//! Sequences of regime labels: smoothed, rid of short stays, searched for changes, numbered as before.
//!
//! A label is any whole number of at least 0, or [`UNKNOWN`]. No operation makes a label that its input has not, and none
//! touches a row that is UNKNOWN; only [`align`] gives numbers anew.

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
