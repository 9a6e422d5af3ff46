//! Correlations of ranks.

use acm_linalg::parallel::Stop;
use ndarray::{Array2, array};
use proptest::prelude::*;

use super::{check, compute, plant};
use crate::correlation::Method;
use crate::correlation::kendall::inversions;
use crate::correlation::ranks::doubled;
use crate::correlation::spearman::with_gaps;

#[test]
fn by_hand() {
    let x = array![[1.0, 1.0], [2.0, 3.0], [2.0, 2.0], [4.0, 4.0]];
    // Ranks 1, 2.5, 2.5, 4 and 1, 3, 2, 4; of six pairs five concordant and one tied in the first column.
    let spearman = compute(x.view(), Method::Spearman, 1)[[0, 1]];
    assert!((spearman - 4.5 / (4.5 * 5.0_f64).sqrt()).abs() < 1e-15);
    let kendall = compute(x.view(), Method::Kendall, 1)[[0, 1]];
    assert!((kendall - 5.0 / (5.0 * 6.0_f64).sqrt()).abs() < 1e-15);
}

#[test]
fn a_plant() {
    for (rows, columns) in [(2, 2), (64, 9), (300, 20)] {
        for gaps in [0.0, 0.07, 0.6] {
            let x = plant(rows, columns, gaps);
            check(x.view(), Method::Spearman, 1, 1e-14);
            check(x.view(), Method::Kendall, 1, 1e-14);
        }
    }
}

#[test]
fn columns_with_the_same_gaps_keep_their_ranks() {
    let mut x = plant(400, 9, 0.0);
    for row in (0..400).step_by(7) {
        x.row_mut(row).fill(f64::NAN);
    }
    check(x.view(), Method::Spearman, 1, 1e-14);
    for row in (0..400).step_by(31) {
        x[[row, 4]] = f64::INFINITY;
    }
    check(x.view(), Method::Spearman, 1, 1e-14);
    check(x.view(), Method::Kendall, 1, 1e-14);
}

/// Many pairs at once have the bytes of each by itself.
#[test]
fn pairs_of_other_gaps_are_ranked_alike_by_themselves_and_together() {
    for (rows, columns) in [(1, 9), (2, 3), (63, 8), (64, 17), (300, 9), (1000, 2), (517, 26)] {
        for gaps in [0.01, 0.3, 0.9] {
            let mut x = plant(rows, columns, gaps);
            // Columns with ties, constant ones, dead ones, two with the same gaps.
            for column in (2..columns).step_by(5) {
                x.column_mut(column).mapv_inplace(|value| (value * 0.3).round());
            }
            for (column, value) in [(5, 4.0), (13, f64::NAN), (16, f64::INFINITY)] {
                if column < columns {
                    x.column_mut(column).fill(value);
                }
            }
            if columns > 20 {
                let same = x.column(20).mapv(|value| -value);
                x.column_mut(7).assign(&same);
            }
            for min_periods in [0, 5] {
                let of = |few: usize| {
                    let mut out = Array2::from_elem((columns, columns), 7.0);
                    with_gaps(x.view().into(), min_periods, out.view_mut(), few).unwrap();
                    out.mapv(f64::to_bits)
                };
                assert_eq!(of(rows), of(0), "{rows} x {columns}, {gaps}, {min_periods}");
            }
        }
    }
}

#[test]
fn ties_and_values_that_differ_in_their_last_bits() {
    let mut x = Array2::from_shape_fn((500, 4), |(row, column)| match column {
        0 => 1.0 + ((row * 7) % 500) as f64 * f64::EPSILON,
        1 => (row % 5) as f64,
        2 => {
            if (row * 13) % 500 == 77 {
                -1e300
            } else {
                1e-300 * ((row * 11) % 500) as f64
            }
        }
        _ => -((row * 3 % 50) as f64),
    });
    check(x.view(), Method::Spearman, 1, 1e-14);
    check(x.view(), Method::Kendall, 1, 1e-14);
    x[[3, 1]] = f64::NAN;
    check(x.view(), Method::Spearman, 1, 1e-14);
    check(x.view(), Method::Kendall, 1, 1e-14);
}

#[test]
fn perfect_orders_are_exactly_one() {
    let x = Array2::from_shape_fn((1000, 3), |(row, column)| {
        let value = row as f64;
        [value, (value * 0.01).exp(), -value.sqrt()][column]
    });
    for method in [Method::Spearman, Method::Kendall] {
        let got = compute(x.view(), method, 1);
        assert_eq!((got[[0, 1]], got[[0, 2]], got[[1, 2]]), (1.0, -1.0, -1.0));
    }
}

#[test]
fn doubled_ranks_are_whole_and_about_zero() {
    let x = array![[3.0], [f64::NAN], [1.0], [3.0], [2.0]];
    let ranks: Array2<f32> = doubled(&x.view().into()).unwrap();
    assert!(ranks[[1, 0]].is_nan());
    assert_eq!([ranks[[0, 0]], ranks[[2, 0]], ranks[[3, 0]], ranks[[4, 0]]], [2.0, -3.0, 2.0, -1.0]);
}

proptest! {
    #[test]
    fn inversions_are_counted(ranks in proptest::collection::vec(0..60_u32, 0..200)) {
        let mut expected = 0;
        for i in 0..ranks.len() {
            expected += ranks[..i].iter().filter(|&&earlier| earlier > ranks[i]).count() as u64;
        }
        let (mut sorted, mut spare) = (ranks.clone(), vec![0; ranks.len()]);
        prop_assert_eq!(inversions(&mut sorted, &mut spare, &Stop::default()), expected);
    }
}
