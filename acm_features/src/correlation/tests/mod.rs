//! Against what the definitions say, pair by pair.

mod edges;
mod layouts;
mod pairs;
mod ranks;

use ndarray::{Array2, ArrayView1, ArrayView2, Axis};
use proptest::prelude::*;

use super::{Method, correlation, covariance};

/// Numbers between 0 and 1 without end: a linear congruential generator (Knuth, MMIX).
pub(super) fn uniform(seed: u64) -> impl FnMut() -> f64 {
    let mut state = seed;
    move || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 11) as f64 / (1_u64 << 53) as f64
    }
}

/// A plant: correlated sensors, some of them quantised, standing still, drifting, far from zero or struck by spikes.
pub(super) fn plant(rows: usize, columns: usize, gaps: f64) -> Array2<f64> {
    let mut next = uniform(7 + columns as u64);
    let mut load = 0.0;
    let mut x = Array2::zeros((rows, columns));
    for (row, mut values) in x.rows_mut().into_iter().enumerate() {
        load = 0.95 * load + next() - 0.5;
        for (column, value) in values.iter_mut().enumerate() {
            let noise = next() + next() + next() - 1.5;
            *value = match column % 8 {
                0 => noise,
                1 => load + 0.3 * noise,
                2 => 1e9 + 1e-3 * (noise + load),
                3 => (10.0 * (noise - load)).round() / 10.0,
                4 if row % 17 == 3 => 1e15,
                5 if row < rows / 2 => 4.25,
                6 => 1e-130 * (noise + load),
                7 => 1e140 * (load - noise),
                _ => noise + 0.01 * row as f64,
            };
            let missing = next();
            if missing < gaps {
                *value = [f64::NAN, f64::INFINITY, f64::NEG_INFINITY][row % 3];
            }
        }
    }
    x
}

/// The rows that both columns have.
fn common(a: ArrayView1<'_, f64>, b: ArrayView1<'_, f64>) -> (Vec<f64>, Vec<f64>) {
    a.iter().zip(b).filter(|(a, b)| a.is_finite() && b.is_finite()).unzip()
}

/// A power of two about as large as the largest value.
fn size(x: &[f64]) -> f64 {
    let most = x.iter().fold(0.0_f64, |most, x| most.max(x.abs()));
    if most == 0.0 {
        1.0
    } else {
        f64::from_bits(most.max(f64::MIN_POSITIVE).to_bits() >> 52 << 52)
    }
}

/// Sums of squares and products about the means, of values over their size.
fn moments(a: &[f64], b: &[f64]) -> [f64; 3] {
    let centred = |x: &[f64]| {
        let size = size(x);
        let scaled: Vec<f64> = x.iter().map(|value| value / size).collect();
        let anchor = scaled.first().copied().unwrap_or(0.0);
        let mean = scaled.iter().map(|x| x - anchor).sum::<f64>() / x.len() as f64;
        let near: Vec<f64> = scaled.iter().map(|x| (x - anchor) - mean).collect();
        let rest = near.iter().sum::<f64>() / x.len() as f64;
        near.into_iter().map(|x| x - rest).collect::<Vec<f64>>()
    };
    let (a, b) = (centred(a), centred(b));
    let sum = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f64>();
    [sum(&a, &a), sum(&b, &b), sum(&a, &b)]
}

fn still(x: &[f64]) -> bool {
    x.iter().all(|value| *value == x[0])
}

/// Pearson's correlation by its definition.
pub(super) fn pearson(a: &[f64], b: &[f64]) -> f64 {
    if a.len() < 2 || still(a) || still(b) {
        return f64::NAN;
    }
    let [aa, bb, ab] = moments(a, b);
    ab / (aa.sqrt() * bb.sqrt())
}

/// Average ranks by counting.
fn average_ranks(x: &[f64]) -> Vec<f64> {
    let rank = |value: &f64| {
        let less = x.iter().filter(|other| *other < value).count();
        let same = x.iter().filter(|other| *other == value).count();
        less as f64 + (same as f64 + 1.0) / 2.0
    };
    x.iter().map(rank).collect()
}

pub(super) fn spearman(a: &[f64], b: &[f64]) -> f64 {
    pearson(&average_ranks(a), &average_ranks(b))
}

/// Kendall's tau-b by looking at every pair of rows.
pub(super) fn kendall(a: &[f64], b: &[f64]) -> f64 {
    let (mut excess, mut untied_a, mut untied_b) = (0.0, 0.0, 0.0);
    let sign = |x: f64, y: f64| f64::from(i8::from(x > y) - i8::from(x < y));
    for i in 0..a.len() {
        for j in 0..i {
            let (up, right) = (sign(a[i], a[j]), sign(b[i], b[j]));
            excess += up * right;
            untied_a += up.abs();
            untied_b += right.abs();
        }
    }
    if untied_a == 0.0 || untied_b == 0.0 {
        f64::NAN
    } else {
        excess / (f64::sqrt(untied_a) * f64::sqrt(untied_b))
    }
}

pub(super) fn of(method: Method, a: &[f64], b: &[f64]) -> f64 {
    match method {
        Method::Pearson => pearson(a, b),
        Method::Spearman => spearman(a, b),
        Method::Kendall => kendall(a, b),
    }
}

pub(super) const METHODS: [Method; 3] = [Method::Pearson, Method::Spearman, Method::Kendall];

pub(super) fn compute(x: ArrayView2<'_, f64>, method: Method, min_periods: usize) -> Array2<f64> {
    let mut out = Array2::from_elem((x.ncols(), x.ncols()), 7.0);
    correlation(x, method, min_periods, out.view_mut()).unwrap();
    out
}

pub(super) fn compute_covariance(x: ArrayView2<'_, f64>, ddof: usize, min_periods: usize) -> Array2<f64> {
    let mut out = Array2::from_elem((x.ncols(), x.ncols()), 7.0);
    covariance(x, ddof, min_periods, out.view_mut()).unwrap();
    out
}

/// Compares every pair with the definition, and looks at what must hold to the bit.
pub(super) fn check(x: ArrayView2<'_, f64>, method: Method, min_periods: usize, tolerance: f64) {
    let got = compute(x, method, min_periods);
    for i in 0..x.ncols() {
        for j in 0..x.ncols() {
            let (a, b) = common(x.index_axis(Axis(1), i), x.index_axis(Axis(1), j));
            let value = got[[i, j]];
            assert_eq!(value.to_bits(), got[[j, i]].to_bits(), "{method:?} ({i}, {j}) is not symmetric");
            let mut expected = of(method, &a, &b);
            if i == j && (!expected.is_nan() || method == Method::Kendall && !a.is_empty()) {
                expected = 1.0;
            }
            if a.len() < min_periods {
                expected = f64::NAN;
            }
            if i == j {
                assert!(value == expected || value.is_nan() && expected.is_nan(), "{method:?} ({i}, {i}): {value}");
            }
            assert!(value.is_nan() || value.abs() <= 1.0, "{method:?} ({i}, {j}): {value}");
            let close = (value - expected).abs() <= tolerance || value.is_nan() && expected.is_nan();
            assert!(close, "{method:?} ({i}, {j}) of {} rows: {value} is not {expected}", a.len());
        }
    }
}

/// Covariances by their definition, in units of the two standard deviations.
pub(super) fn check_covariance(x: ArrayView2<'_, f64>, ddof: usize, min_periods: usize, tolerance: f64) {
    let got = compute_covariance(x, ddof, min_periods);
    for i in 0..x.ncols() {
        for j in 0..x.ncols() {
            let (a, b) = common(x.index_axis(Axis(1), i), x.index_axis(Axis(1), j));
            let value = got[[i, j]];
            assert_eq!(value.to_bits(), got[[j, i]].to_bits());
            if a.len() < min_periods.max(ddof + 1) {
                assert!(value.is_nan());
                continue;
            }
            let [aa, bb, ab] = moments(&a, &b).map(|moment| moment / (a.len() - ddof) as f64);
            let value = value / size(&a) / size(&b);
            let near = (value - ab).abs() <= tolerance * (aa.sqrt() * bb.sqrt());
            assert!(near, "({i}, {j}): {value} is not {ab}");
        }
    }
}

pub(super) fn wild_matrix() -> impl Strategy<Value = Array2<f64>> {
    let value = prop_oneof![
        4 => -3.0..3.0,
        2 => (-2..3_i32).prop_map(f64::from),
        1 => Just(f64::NAN),
        1 => prop_oneof![Just(f64::INFINITY), Just(f64::NEG_INFINITY), Just(-0.0), Just(1e12), Just(-1e12)],
    ];
    (0..40_usize, 1..12_usize).prop_flat_map(move |(rows, columns)| {
        let values = proptest::collection::vec(value.clone(), rows * columns);
        values.prop_map(move |values| Array2::from_shape_vec((rows, columns), values).unwrap())
    })
}
