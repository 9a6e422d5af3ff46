//! Whole columns against plain definitions, and the bytes of every memory layout.

mod gaps;
mod order;
mod shape;

use acm_linalg::lanes::Element;
use ndarray::{Array2, ArrayView2, s};

/// Normal-like numbers in the plainest way: sums of a linear congruence's digits.
fn noise(seed: u64, count: usize) -> Vec<f64> {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let mut uniform = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 11) as f64 / (1_u64 << 53) as f64 - 0.5
    };
    (0..count).map(|_| (0..6).map(|_| uniform()).sum()).collect()
}

/// Columns that sensors have: noise, offset, spikes, a stuck value, few values, gaps, nothing, one value, a huge range.
fn plant(rows: usize) -> Array2<f64> {
    let mut x = Array2::zeros((rows, 11));
    for (column, mut target) in x.columns_mut().into_iter().enumerate() {
        let noise = noise(column as u64 + 3, rows);
        for (row, (target, noise)) in target.iter_mut().zip(noise).enumerate() {
            *target = match column {
                0 => noise,
                1 => 1e9 + 1e-3 * noise,
                2 if row % 97 == 5 => 1e15 * noise.signum(),
                3 if row % 3 > 0 => 50.1,
                4 => (noise * 10.0).round() / 10.0,
                5 if row % 7 == 3 => f64::NAN,
                5 if row % 11 == 1 => f64::INFINITY,
                6 if row % 2 == 0 => f64::NEG_INFINITY,
                7 => f64::NAN,
                8 if row != rows / 2 => f64::NAN,
                9 => (noise * 400.0).exp2() * noise.signum(),
                10 => -3.25,
                _ => noise,
            };
        }
    }
    x
}

fn known(x: &ArrayView2<'_, f64>, column: usize) -> Vec<f64> {
    let mut known: Vec<f64> = x.column(column).iter().copied().filter(|value| value.is_finite()).collect();
    known.sort_by(f64::total_cmp);
    known
}

fn bits<T: Element>(values: &[T]) -> Vec<u64> {
    values.iter().map(|value| value.widen().to_bits()).collect()
}

/// Runs `check` on the same numbers in every memory layout.
fn every_layout(x: &Array2<f64>, check: impl Fn(ArrayView2<'_, f64>)) {
    let (rows, columns) = x.dim();
    check(x.view());
    check(x.t().as_standard_layout().t());
    let mut wide = Array2::from_elem((2 * rows, 3 * columns), -7.0);
    wide.slice_mut(s![..;2, ..;3]).assign(x);
    check(wide.slice(s![..;2, ..;3]));
    let turned = x.slice(s![..;-1, ..;-1]).to_owned();
    check(turned.slice(s![..;-1, ..;-1]));
}
