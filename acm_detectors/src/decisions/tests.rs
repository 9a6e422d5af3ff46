//! What all decisions hold: plain loops as oracles, any cut of a history, any layout, saved states.

mod calibration;
mod charts;
mod episodes;
mod fusion;

use acm_linalg::Samples;
use ndarray::{ArrayView1, Axis};
use rand::RngExt;

/// Repeatable noise between -1 and 1.
fn noise(count: usize, seed: u64) -> Vec<f64> {
    let mut draws = acm_linalg::seed::stream(seed, 0);
    (0..count).map(|_| draws.random_range(-1.0..1.0)).collect()
}

/// One column of values.
fn column(values: &[f64]) -> Samples<'_> {
    ArrayView1::from(values).insert_axis(Axis(1)).into()
}
