//! What the kernels compute, written down once more: each window alone, two passes, sums in doubled precision.

use ndarray::{ArrayView1, ArrayView2, s};

use super::{Kernel, QUANTILES};
use crate::rolling::Window;

/// High part of a sum and what its roundings lost.
#[derive(Clone, Copy, Default)]
struct Exact(f64, f64);

impl Exact {
    fn add(self, x: f64) -> Self {
        let high = self.0 + x;
        let part = high - self.0;
        Self(high, self.1 + ((self.0 - (high - part)) + (x - part)))
    }

    fn add_product(self, x: f64, y: f64) -> Self {
        let product = x * y;
        let sum = self.add(product);
        Self(sum.0, sum.1 + x.mul_add(y, -product))
    }

    fn value(self) -> f64 {
        self.0 + self.1
    }
}

fn sum(values: impl Iterator<Item = f64>) -> f64 {
    values.fold(Exact::default(), Exact::add).value()
}

/// Deviations from the mean: from the first value first, which costs nothing where values lie close together.
fn deviations(values: &[f64]) -> Vec<f64> {
    let count = values.len() as f64;
    let sum = values.iter().fold(Exact::default(), |sum, x| sum.add(x - values[0]));
    let mean = sum.value() / count;
    let rest = (mean.mul_add(-count, sum.0) + sum.1) / count;
    values.iter().map(|x| ((x - values[0]) - mean) - rest).collect()
}

fn power_sum(deviations: &[f64], power: i32) -> f64 {
    sum(deviations.iter().map(|x| x.powi(power)))
}

fn variance(values: &[f64], ddof: usize) -> f64 {
    power_sum(&deviations(values), 2) / (values.len() as f64 - ddof as f64)
}

fn skew(values: &[f64]) -> f64 {
    let (n, deviations) = (values.len() as f64, deviations(values));
    let (m2, m3) = (power_sum(&deviations, 2) / n, power_sum(&deviations, 3) / n);
    let biased = m3 / m2.powf(1.5);
    biased * (n * (n - 1.0)).sqrt() / (n - 2.0)
}

fn kurt(values: &[f64]) -> f64 {
    let (n, deviations) = (values.len() as f64, deviations(values));
    let (m2, m4) = (power_sum(&deviations, 2) / n, power_sum(&deviations, 4) / n);
    let biased = m4 / (m2 * m2) - 3.0;
    ((n + 1.0) * biased + 6.0) * (n - 1.0) / ((n - 2.0) * (n - 3.0))
}

/// Weights that a whole number of each row makes exact: `n s - sum(s)`.
fn slope(rows: &[f64], values: &[f64]) -> f64 {
    let count = rows.len() as f64;
    let total: f64 = rows.iter().sum();
    let weights = rows.iter().map(|row| count * row - total);
    let cross = weights
        .clone()
        .zip(values)
        .fold(Exact::default(), |sum, (weight, x)| sum.add_product(weight, *x));
    let spread: f64 = weights.zip(rows).map(|(weight, row)| weight * row).sum();
    if rows.len() == 1 { 0.0 } else { cross.value() / spread }
}

/// By linear interpolation between the sorted values.
pub(crate) fn quantile(values: &[f64], q: f64) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let place = q * (sorted.len() - 1) as f64;
    let below = (0..sorted.len()).rfind(|&below| below as f64 <= place).unwrap_or(0);
    let (low, high) = (sorted[below], sorted[(below + 1).min(sorted.len() - 1)]);
    low + (high - low) * (place - below as f64)
}

fn halfway(sorted: &[f64]) -> (f64, f64) {
    (sorted[(sorted.len() - 1) / 2], sorted[sorted.len() / 2])
}

pub(crate) fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let (low, high) = halfway(&sorted);
    (low + high) * 0.5
}

/// Deviations from the very middle of the two middle values, which need not be a float64.
pub(crate) fn mad(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let (low, high) = halfway(&sorted);
    let twice = |x: &f64| Exact::default().add(-low).add(*x).add(*x).add(-high).value().abs();
    let mut doubled: Vec<f64> = sorted.iter().map(twice).collect();
    doubled.sort_by(f64::total_cmp);
    let (low, high) = halfway(&doubled);
    (low + high) * 0.25
}

/// The least number of values that the kernel needs, whatever `min_periods` says.
fn least(kernel: Kernel) -> usize {
    match kernel {
        Kernel::Sum => 0,
        Kernel::Var { ddof } | Kernel::Std { ddof } => ddof + 1,
        Kernel::Skew => 3,
        Kernel::Kurt => 4,
        _ => 1,
    }
}

/// The results of one window: the rows that it spans as far as the history has them.
pub(crate) fn window(kernel: Kernel, x: &[f64], min_periods: usize) -> Vec<f64> {
    let valid = || (0..x.len()).filter(|&row| x[row].is_finite());
    let values: Vec<f64> = valid().map(|row| x[row]).collect();
    let rows: Vec<f64> = valid().map(|row| row as f64).collect();
    if values.len() < min_periods.max(least(kernel)) {
        return vec![f64::NAN; kernel.results()];
    }
    let defined = |shape: f64| {
        let constant = values.iter().all(|x| *x == values[0]);
        if constant || !shape.is_finite() { f64::NAN } else { shape }
    };
    match kernel {
        Kernel::Sum => vec![sum(values.iter().copied())],
        Kernel::Mean => vec![sum(values.iter().copied()) / values.len() as f64],
        Kernel::MeanStd => {
            let mean = sum(values.iter().copied()) / values.len() as f64;
            vec![
                mean,
                if values.len() > 1 { variance(&values, 1).sqrt() } else { f64::NAN },
            ]
        }
        Kernel::Var { ddof } => vec![variance(&values, ddof)],
        Kernel::Std { ddof } => vec![variance(&values, ddof).sqrt()],
        Kernel::Skew => vec![defined(skew(&values))],
        Kernel::Kurt => vec![defined(kurt(&values))],
        Kernel::Min => vec![values.iter().copied().fold(f64::INFINITY, f64::min)],
        Kernel::Max => vec![values.iter().copied().fold(f64::NEG_INFINITY, f64::max)],
        Kernel::Slope => vec![slope(&rows, &values)],
        Kernel::Median => vec![median(&values)],
        Kernel::Mad => vec![mad(&values)],
        Kernel::Quantile => QUANTILES.iter().map(|&q| quantile(&values, q)).collect(),
    }
}

/// The error that a result may have: (relative, absolute).
fn tolerance(kernel: Kernel) -> (f64, f64) {
    match kernel {
        Kernel::Sum | Kernel::Mean => (4e-16, 0.0),
        // Four units of rounding (2^-53) are the kernel's own, one is that of the value it is compared with.
        Kernel::Mad => (5.0 * f64::EPSILON / 2.0, 5e-324),
        Kernel::MeanStd | Kernel::Var { .. } | Kernel::Std { .. } => (1e-13, 0.0),
        Kernel::Skew | Kernel::Kurt => (4e-13, 4e-13),
        // A slope whose products balance each other is as exact as their scale allows.
        Kernel::Slope => (1e-15, 1e-15),
        Kernel::Min | Kernel::Max | Kernel::Median | Kernel::Quantile => (0.0, 0.0),
    }
}

/// Panics where a result of `kernel` is farther from the naive one than it may be, looking at every `step`-th row.
#[track_caller]
pub(crate) fn check(kernel: Kernel, x: ArrayView2<'_, f64>, shape: Window, step: usize) {
    let out = kernel.compute(x, shape);
    let seen = |row: usize| (row + 1).saturating_sub(shape.rows())..row + 1;
    for row in (0..x.nrows()).step_by(step) {
        compare(
            kernel,
            x.slice(s![seen(row), ..]),
            shape.min_periods(),
            out.row(row),
            &format!("{shape:?}, row {row}"),
        );
    }
}

/// Panics where one row's results are farther from those of its window than they may be.
#[track_caller]
pub(crate) fn compare(
    kernel: Kernel,
    seen: ArrayView2<'_, f64>,
    min_periods: usize,
    got: ArrayView1<'_, f64>,
    case: &str,
) {
    let (relative, absolute) = tolerance(kernel);
    for (column, values) in seen.columns().into_iter().enumerate() {
        for (result, expected) in window(kernel, &values.to_vec(), min_periods).into_iter().enumerate() {
            let got = got[column * kernel.results() + result];
            let right = if expected.is_nan() {
                got.is_nan()
            } else {
                (got - expected).abs() <= relative * expected.abs() + absolute
            };
            assert!(right, "{kernel:?} {case}: column {column} result {result}: got {got:e}, expected {expected:e}");
        }
    }
}
