//! Which labels there are.

use acm_linalg::error::require;
use acm_linalg::{Error, Result};

/// The label of a row that is like no regime.
pub const UNKNOWN: i64 = -1;

/// `Ok` where every label is UNKNOWN or at least 0.
pub(super) fn check(labels: &[i64], name: &'static str) -> Result<()> {
    match labels.iter().find(|&&label| label < UNKNOWN) {
        Some(&wrong) => require(false, name, "whole numbers of at least -1", wrong as f64),
        None => Ok(()),
    }
}

pub(super) fn same_length(name: &'static str, expected: usize, got: usize) -> Result<()> {
    if expected == got {
        Ok(())
    } else {
        Err(Error::Length { name, expected, got })
    }
}
