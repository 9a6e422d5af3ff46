//! Sequences of regime labels: smoothed, rid of short stays, searched for changes, numbered as before.
//!
//! A label is any whole number of at least 0, or [`UNKNOWN`]. No operation makes a label that its input has not, and none
//! touches a row that is UNKNOWN; only [`align`] gives numbers anew.

mod align;
mod smooth;
mod stays;
#[cfg(test)]
mod tests;

use acm_linalg::error::require;
use acm_linalg::{Error, Result};

pub use align::{MOST_LABELS, align, pairs};
pub use smooth::{Recent, smooth};
pub use stays::{minimum_dwell, transients};

/// The label of a row that is like no regime.
pub const UNKNOWN: i64 = -1;

/// `Ok` where every label is UNKNOWN or at least 0.
fn check(labels: &[i64], name: &'static str) -> Result<()> {
    match labels.iter().find(|&&label| label < UNKNOWN) {
        Some(&wrong) => require(false, name, "whole numbers of at least -1", wrong as f64),
        None => Ok(()),
    }
}

fn same_length(name: &'static str, expected: usize, got: usize) -> Result<()> {
    if expected == got {
        Ok(())
    } else {
        Err(Error::Length { name, expected, got })
    }
}
