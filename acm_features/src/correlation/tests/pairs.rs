//! Pearson's correlations, covariances and lags.

use ndarray::{Array2, Array3, Axis, array, s};
use proptest::prelude::*;

use super::{METHODS, check, check_covariance, compute, compute_covariance, pearson, plant, uniform, wild_matrix};
use crate::correlation::{Method, lagged_correlation};

#[test]
fn by_hand() {
    let x = array![[1.0, 2.0, 1.0], [2.0, 4.0, 0.0], [3.0, 6.0, -1.0], [4.0, 9.0, 5.0]];
    let got = compute_covariance(x.view(), 1, 1);
    // Means 2.5, 5.25, 1.25.
    let expected = [
        [5.0 / 3.0, 11.5 / 3.0, 5.5 / 3.0],
        [11.5 / 3.0, 26.75 / 3.0, 14.75 / 3.0],
    ];
    for (i, row) in expected.iter().enumerate() {
        for (j, value) in row.iter().enumerate() {
            assert!((got[[i, j]] - value).abs() < 1e-15 * 16.0);
        }
    }
    let got = compute(x.view(), Method::Pearson, 1);
    assert!((got[[0, 1]] - 11.5 / (5.0_f64 * 26.75).sqrt()).abs() < 1e-15);
    assert_eq!(got.diag(), array![1.0, 1.0, 1.0]);
}

#[test]
fn a_plant_of_any_size() {
    // About the edges of blocks, groups and tiles.
    for (rows, columns) in [
        (2, 3),
        (255, 9),
        (256, 8),
        (257, 17),
        (600, 131),
        (1100, 60),
        (300, 270),
    ] {
        for gaps in [0.0, 0.05, 0.6] {
            let x = plant(rows, columns, gaps);
            check(x.view(), Method::Pearson, 1, 1e-13);
            check_covariance(x.view(), 1, 3, 1e-13);
        }
    }
}

#[test]
fn values_far_from_zero_keep_their_digits() {
    let mut next = uniform(1);
    let base: Vec<f64> = (0..5000).map(|_| next() - 0.5).collect();
    let x = Array2::from_shape_fn((5000, 3), |(row, column)| match column {
        0 => 1e9 + 1e-3 * base[row],
        1 => -1e9 + 1e-3 * (base[row] + base[(row + 1) % 5000]),
        _ => base[row],
    });
    check(x.view(), Method::Pearson, 1, 1e-13);
    check_covariance(x.view(), 1, 1, 1e-13);
}

#[test]
fn a_pair_whose_rows_are_few_and_far_from_the_rest() {
    // The second column has only the rows in which the first stands far off, where that varies hardly or not at all.
    let mut x = Array2::from_elem((3000, 4), f64::NAN);
    let mut next = uniform(3);
    for (row, mut values) in x.rows_mut().into_iter().enumerate() {
        let far = row % 100 == 50;
        values[0] = next() + if far { 1e7 } else { 0.0 };
        values[2] = if far { 12.5 } else { next() };
        values[3] = next();
        if far {
            values[1] = next();
        }
    }
    check(x.view(), Method::Pearson, 1, 1e-13);
    check_covariance(x.view(), 0, 1, 1e-13);
    let got = compute(x.view(), Method::Pearson, 1);
    assert!(got[[1, 2]].is_nan() && !got[[0, 1]].is_nan() && !got[[2, 3]].is_nan());
    assert_eq!(compute_covariance(x.view(), 1, 1)[[1, 2]], 0.0);
}

/// Sums over the rows that another column has are taken from a column's own where that lacks none of a block, and left out
/// where it has none: a neighbour that lacks some in every block forbids both.
#[test]
fn blocks_without_gaps_have_the_bytes_of_those_with() {
    let (rows, columns) = (1500, 19);
    let mut x = plant(rows, columns, 0.0);
    x.slice_mut(s![300..520, 4]).fill(f64::NAN);
    x.slice_mut(s![256..1024, 8..16]).fill(f64::INFINITY);
    x.slice_mut(s![.., 17]).fill(f64::NAN);
    x[[1499, 6]] = f64::NAN;
    let spoilt = [3, 11, 18];
    let mut other = x.clone();
    for row in (0..rows).step_by(100) {
        for column in spoilt {
            other[[row, column]] = if row % 200 == 0 { f64::NAN } else { 1.0 };
            other[[row + 1, column]] = f64::NAN;
        }
    }
    let everything = |x: &Array2<f64>| {
        let mut lags = Array3::zeros((3, columns, columns));
        lagged_correlation(x.view(), 1, lags.view_mut()).unwrap();
        (compute_covariance(x.view(), 1, 1), lags)
    };
    let ((cov, lags), (other_cov, other_lags)) = (everything(&x), everything(&other));
    for i in (0..columns).filter(|i| !spoilt.contains(i)) {
        for j in (0..columns).filter(|j| !spoilt.contains(j)) {
            assert_eq!(cov[[i, j]].to_bits(), other_cov[[i, j]].to_bits(), "({i}, {j})");
            for lag in 0..3 {
                let at = [lag, i, j];
                assert_eq!(lags[at].to_bits(), other_lags[at].to_bits(), "lag {lag} ({i}, {j})");
            }
        }
    }
    check(x.view(), Method::Pearson, 1, 1e-13);
}

#[test]
fn a_centre_that_misses_the_mean_is_moved() {
    // Half of the values at either level: whichever is the centre, half of the column is far from it, and equally so where
    // nearly all of it is.
    for share in [2, 3, 700] {
        let mut next = uniform(5);
        let x = Array2::from_shape_fn((2100, 2), |(row, column)| {
            let level = if row % share == 0 { 0.0 } else { 1e6 };
            level * (column as f64 + 1.0) + next()
        });
        check(x.view(), Method::Pearson, 1, 1e-13);
    }
}

#[test]
fn lags_by_definition() {
    for gaps in [0.0, 0.1] {
        let x = plant(300, 10, gaps);
        let mut out = Array3::zeros((6, 10, 10));
        lagged_correlation(x.view(), 1, out.view_mut()).unwrap();
        assert_same(out.index_axis(Axis(0), 0).to_owned(), &compute(x.view(), Method::Pearson, 1));
        for lag in 1..6 {
            for i in 0..10 {
                for j in 0..10 {
                    let now = x.slice(s![lag.., i]);
                    let then = x.slice(s![..300 - lag, j]);
                    let (a, b) = super::common(now, then);
                    let (got, expected) = (out[[lag, i, j]], pearson(&a, &b));
                    let close = (got - expected).abs() < 1e-13 || got.is_nan() && expected.is_nan();
                    assert!(close, "lag {lag} ({i}, {j}): {got} is not {expected}");
                }
            }
        }
    }
}

fn assert_same(got: Array2<f64>, expected: &Array2<f64>) {
    for (got, expected) in got.iter().zip(expected) {
        assert_eq!(got.to_bits(), expected.to_bits());
    }
}

#[test]
fn lags_beyond_the_rows_are_not_defined() {
    let x = plant(4, 3, 0.0);
    let mut out = Array3::zeros((7, 3, 3));
    lagged_correlation(x.view(), 1, out.view_mut()).unwrap();
    assert!(out.slice(s![3.., .., ..]).iter().all(|value: &f64| value.is_nan()));
    assert!(out.slice(s![2, .., ..]).iter().any(|value| !value.is_nan()));
    let mut none = Array3::zeros((0, 3, 3));
    lagged_correlation(x.view(), 1, none.view_mut()).unwrap();
}

proptest! {
    #[test]
    fn any_matrix(x in wild_matrix(), min_periods in 0..5_usize) {
        for method in METHODS {
            // Where values of 1e12 stand among some of 1, the oracle itself is good to about its tolerance.
            check(x.view(), method, min_periods, 1e-12);
        }
        check_covariance(x.view(), 1, min_periods, 1e-12);
    }

    #[test]
    fn shift_and_scale_change_the_sign_at_most(
        x in proptest::collection::vec((-1e3..1e3, -1e3..1e3), 3..50), scale in prop_oneof![-8.0..-0.1, 0.1..8.0],
    ) {
        let table = |factor: f64, shift: f64| {
            Array2::from_shape_fn((x.len(), 2), |(row, column)| {
                if column == 0 { x[row].0 * factor + shift } else { x[row].1 }
            })
        };
        for method in METHODS {
            let plain = compute(table(1.0, 0.0).view(), method, 1)[[0, 1]];
            let moved = compute(table(scale, 100.0).view(), method, 1)[[0, 1]];
            prop_assert!((plain * scale.signum() - moved).abs() < 1e-9, "{:?}: {} and {}", method, plain, moved);
        }
    }
}
