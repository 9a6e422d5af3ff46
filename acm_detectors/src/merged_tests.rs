//! Fits from moments that were merged: one fit over all rows, in whatever pieces and order these came, and exact arithmetic.

use acm_linalg::covariance::Shrinkage;
use acm_linalg::pca::Components;
use acm_linalg::running::{RunningMoments, Sums};
use acm_linalg::scaling::Manner;
use acm_linalg::seed::stream;
use acm_linalg::{Persist, Result};
use ndarray::{Array2, ArrayView2, Axis, concatenate, s};
use rand::RngExt;

use crate::ar1::{Ar1, Fuse};
use crate::mahalanobis::MahalanobisDetector;
use crate::merged::Merged;
use crate::omr::{Model, Omr};
use crate::pca::{Limits, PcaDetector};

const NAN: f64 = f64::NAN;

/// Four columns in halves: three that hang together, one of them missing now and then, and one that stands still.
fn plant(rows: usize, seed: u64) -> Array2<f64> {
    let mut draw = stream(seed, 3);
    let mut level = 0.0;
    Array2::from_shape_fn((rows, 4), |(row, column)| {
        if column == 0 {
            level = 0.8 * level + draw.random_range(-9..=9) as f64;
        }
        let own = draw.random_range(-9..=9) as f64;
        match column {
            0 => 0.5 * level.round() + 40.0,
            1 if row % 6 == 4 => NAN,
            1 => own - level.round(),
            2 => 0.5 * own + level.round() + 1000.0,
            _ => -3.5,
        }
    })
}

fn moments() -> RunningMoments {
    RunningMoments::new(vec![40.0, 0.0, 1000.0, -3.5], vec![8.0, 16.0, 16.0, 4.0], 100.0).unwrap()
}

fn of(made: &RunningMoments, x: ArrayView2<'_, f64>) -> Sums {
    let mut sums = Sums::default();
    made.update(&mut sums, x.into(), true).unwrap();
    sums
}

/// Every fit there is from moments, as a file holds it, or why there is none.
fn fits(made: &RunningMoments, sums: &Sums) -> [std::result::Result<Vec<u8>, String>; 6] {
    fn bytes<P: Persist>(model: Result<P>) -> std::result::Result<Vec<u8>, String> {
        model.map(|model| model.to_bytes().unwrap()).map_err(|error| error.to_string())
    }
    let pca = |manner| PcaDetector::new(Components::Count(2), 0, manner, 0.01, Limits::Theoretical).unwrap();
    let mahalanobis = |share| MahalanobisDetector::new(Shrinkage::Share(share), 0).unwrap();
    [
        bytes(mahalanobis(0.0).fit_moments(made, sums)),
        bytes(mahalanobis(0.2).fit_moments(made, sums)),
        bytes(pca(Manner::Standard).fit_moments(made, sums)),
        bytes(pca(Manner::Robust).fit_moments(made, sums)),
        bytes(Omr::new(Model::Auto, 1, 2.0, 10.0).unwrap().fit_moments(made, sums)),
        bytes(Ar1::new(0.99, None, Fuse::Mean).unwrap().fit_moments(made, sums)),
    ]
}

#[test]
fn rows_in_pieces_give_the_fit_of_all() {
    let (x, made) = (plant(150, 1), moments());
    let whole = fits(&made, &of(&made, x.view()));
    assert!(whole.iter().all(std::result::Result::is_ok));
    // Pieces without a row, of one, and one in which column 1 is never known (row 4 alone).
    let each: Vec<usize> = (0..=150).collect();
    for ends in [&[0, 0, 1, 1, 4, 5, 90, 150, 150][..], &[0, 75, 150], &each] {
        let pieces: Vec<Sums> = ends.windows(2).map(|ends| of(&made, x.slice(s![ends[0]..ends[1], ..]))).collect();
        let mut merged = Sums::default();
        pieces.iter().for_each(|piece| made.merge(&mut merged, piece, true).unwrap());
        assert_eq!(fits(&made, &merged), whole);
        // From the last on: a pair of neighbours at a time.
        let mut pieces = pieces;
        while pieces.len() > 1 {
            pieces = pieces
                .chunks(2)
                .map(|pair| {
                    let mut one = pair[0].clone();
                    pair[1..].iter().for_each(|other| made.merge(&mut one, other, true).unwrap());
                    one
                })
                .collect();
        }
        assert_eq!(fits(&made, &pieces[0]), whole);
    }
}

#[test]
fn runs_that_do_not_follow_one_another_give_one_fit_in_any_order() {
    let made = moments();
    let mut runs = [plant(60, 2), plant(1, 3), plant(45, 4), plant(0, 5), plant(30, 6)];
    // Of a whole run nothing is known of a column.
    runs[2].column_mut(1).fill(NAN);
    let sums = runs.each_ref().map(|run| of(&made, run.view()));
    let merged = |order: [usize; 5]| {
        let mut all = Sums::default();
        order.iter().for_each(|&run| made.merge(&mut all, &sums[run], false).unwrap());
        fits(&made, &all)
    };
    let first = merged([0, 1, 2, 3, 4]);
    assert!(first.iter().all(std::result::Result::is_ok));
    for order in [[4, 3, 2, 1, 0], [3, 1, 0, 4, 2], [2, 3, 4, 0, 1]] {
        assert_eq!(merged(order), first, "{order:?}");
    }
    // What knows nothing of order is the fit of all rows; autoregression does not take the end of a run for the row before the next.
    let all = concatenate(Axis(0), &runs.each_ref().map(|run| run.view())).unwrap();
    let together = fits(&made, &of(&made, all.view()));
    assert_eq!(together[..5], first[..5]);
    assert_ne!(together[5], first[5]);
    let mut apart = Sums::default();
    sums.iter().for_each(|run| made.merge(&mut apart, run, false).unwrap());
    let model = Ar1::new(0.99, None, Fuse::Mean).unwrap().fit_moments(&made, &apart).unwrap();
    for column in 0..3 {
        let pairs: Vec<[f64; 2]> = runs
            .iter()
            .flat_map(|run| run.column(column).to_vec().windows(2).map(|two| [two[0], two[1]]).collect::<Vec<_>>())
            .filter(|pair| pair.iter().all(|value| !value.is_nan()))
            .collect();
        let count = pairs.len() as f64;
        let mean = [0, 1].map(|side| pairs.iter().map(|pair| pair[side]).sum::<f64>() / count);
        let over = |one: usize, other: usize| {
            pairs
                .iter()
                .map(|pair| (pair[one] - mean[one]) * (pair[other] - mean[other]))
                .sum::<f64>()
        };
        let exact = over(0, 1) / over(0, 0);
        assert!((model.phi()[column] - exact).abs() < 1e-12, "{column}: {} {exact}", model.phi()[column]);
    }
}

#[test]
fn means_and_covariances_are_exact_far_from_zero() {
    // Whole numbers a thousand million away, in pieces whose own means lie far from one another.
    let step = |row: usize, column: usize| {
        let way = (row * (17 + 4 * column) % 101) as i64 + if row < 20 { 900 } else { 0 };
        (1_000_000_000 + way, row % 5 == column)
    };
    let x = Array2::from_shape_fn((64, 3), |(row, column)| match step(row, column) {
        (_, true) => NAN,
        (value, false) => value as f64,
    });
    let made = RunningMoments::new(vec![1e9; 3], vec![16.0; 3], 1000.0).unwrap();
    let mut sums = Sums::default();
    for ends in [[40, 64], [0, 20], [20, 40]] {
        made.merge(&mut sums, &of(&made, x.slice(s![ends[0]..ends[1], ..])), false).unwrap();
    }
    let merged = Merged::of(&made, &sums).unwrap();
    let covariance = merged.over(&[1.0; 3]).unwrap();
    for one in 0..3 {
        for other in 0..3 {
            let rows: Vec<(i128, i128)> = (0..64)
                .map(|row| (step(row, one), step(row, other)))
                .filter(|(one, other)| !one.1 && !other.1)
                .map(|(one, other)| (i128::from(one.0), i128::from(other.0)))
                .collect();
            let n = rows.len() as i128;
            let (left, right) = rows.iter().fold((0, 0), |(a, b), row| (a + row.0, b + row.1));
            let exact = (n * rows.iter().map(|row| row.0 * row.1).sum::<i128>() - left * right) as f64 / (n * n) as f64;
            let found = covariance[3 * one + other];
            assert!((found - exact).abs() <= 1e-15 * exact.abs(), "{one} {other}: {found} {exact}");
            if one == other {
                assert!((merged.mean[one] - left as f64 / n as f64).abs() <= f64::EPSILON * 1e9);
            }
        }
    }
}

#[test]
fn pieces_that_know_too_little_are_no_fit() {
    let made = moments();
    let why = |sums: &Sums| fits(&made, sums).map(|fit| fit.err().unwrap_or_default());
    // Nothing at all, and nothing in two pieces.
    let mut nothing = Sums::default();
    made.merge(&mut nothing, &Sums::default(), true).unwrap();
    made.merge(&mut nothing, &of(&made, plant(0, 1).view()), true).unwrap();
    for why in [why(&Sums::default()), why(&nothing)] {
        assert!(why[..5].iter().all(|why| why.contains("a column that changes")), "{why:?}");
        assert!(why[5].contains("at least 12 rows, got 0"), "{why:?}");
    }
    // One row changes nothing.
    let why_one = why(&of(&made, plant(1, 1).view()));
    assert!(why_one[..5].iter().all(|why| why.contains("a column that changes")), "{why_one:?}");
    // Two columns that are never known in one row, each in a piece of its own.
    let (mut one, mut other) = (plant(50, 1), plant(50, 2));
    one.column_mut(1).fill(NAN);
    other.column_mut(0).fill(NAN);
    let mut apart = of(&made, one.view());
    made.merge(&mut apart, &of(&made, other.view()), false).unwrap();
    let why_apart = why(&apart);
    assert!(why_apart[..5].iter().all(|why| why.contains("common row") && why.contains("got 0")), "{why_apart:?}");
    assert_eq!(why_apart[5], "");
}

#[test]
fn pieces_whose_gaps_contradict_are_no_law() {
    // Each pair in a piece of its own: 0 with 1, 1 with 2, and 0 against 2.
    let made = RunningMoments::new(vec![0.0; 3], vec![1.0; 3], 100.0).unwrap();
    let mut sums = Sums::default();
    for (missing, against) in [(2, false), (0, false), (1, true)] {
        let piece = Array2::from_shape_fn((40, 3), |(row, column)| match ((row * 7 % 11) as f64 - 5.0, column) {
            (_, column) if column == missing => NAN,
            (value, 2) if against => -value,
            (value, _) => value,
        });
        made.merge(&mut sums, &of(&made, piece.view()), false).unwrap();
    }
    let found = fits(&made, &sums);
    for (place, fit) in found.iter().enumerate().take(5) {
        let why = fit.as_ref().unwrap_err();
        assert!(place < 2 || (why.contains("moments") && why.contains("contradict")), "{place}: {why}");
    }
    assert!(found[5].is_ok());
    // Axes of variance 2, 2 and -1: what is left of the correlations, less than half of them, is a law again.
    let firm = MahalanobisDetector::new(Shrinkage::Share(0.6), 0).unwrap();
    assert!(firm.fit_moments(&made, &sums).is_ok());
}

#[test]
fn scales_whose_squares_are_no_numbers_are_no_fit() {
    for (scale, fitting) in [(1e-141, false), (1e-139, true), (1e139, true), (1e141, false)] {
        let made = RunningMoments::new(vec![0.0; 2], vec![scale; 2], 100.0).unwrap();
        let x = Array2::from_shape_fn((60, 2), |(row, column)| scale * ((row * (7 + 2 * column) % 13) as f64 - 6.0));
        for (place, fit) in fits(&made, &of(&made, x.view())).into_iter().enumerate() {
            assert_eq!(fit.is_ok(), fitting, "{scale} {place} {fit:?}");
            assert!(fitting || fit.unwrap_err().contains("scales between 1e-140 and 1e140"));
        }
    }
}

/// Unrelated columns, of which the first two are known together in so many rows.
fn seldom_together(columns: usize, rows: usize) -> (RunningMoments, Sums) {
    let mut draw = stream(8, 4);
    let x = Array2::from_shape_fn((60 + rows, columns), |(row, column)| {
        let value = draw.random_range(-99..=99) as f64;
        if row >= rows && column == row % 2 { NAN } else { value }
    });
    let made = RunningMoments::new(vec![0.0; columns], vec![64.0; columns], 100.0).unwrap();
    let sums = of(&made, x.view());
    (made, sums)
}

#[test]
fn the_rarest_pair_counts_for_all() {
    // No more components than its rows less one, though the others would tell more.
    let (made, sums) = seldom_together(8, 6);
    let pca = PcaDetector::new(Components::Count(8), 0, Manner::Standard, 0.01, Limits::Theoretical).unwrap();
    assert_eq!(pca.fit_moments(&made, &sums).unwrap().kept_components(), 5);
    // Without shrinkage one more than there are columns.
    let none = MahalanobisDetector::new(Shrinkage::Nothing, 0).unwrap();
    for (rows, fitting) in [(8, false), (9, true)] {
        let (made, sums) = seldom_together(8, rows);
        let why = none.fit_moments(&made, &sums).err().map(|error| error.to_string()).unwrap_or_default();
        assert_eq!(why.is_empty(), fitting, "{why}");
        assert!(fitting || why.contains("at least 9 common rows, got 8"), "{why}");
    }
}

#[test]
fn what_does_not_change_is_no_sensor_and_no_component() {
    let made = RunningMoments::new(vec![0.0; 2], vec![1.0; 2], 100.0).unwrap();
    let x = Array2::from_shape_fn((40, 2), |(row, column)| if column == 0 { 0.0 } else { (row * 7 % 11) as f64 });
    assert_eq!(Merged::of(&made, &of(&made, x.view())).unwrap().kept, [1]);
    // Nearly twins, in scales of which they are thousands: a share of 1e-13 of the greatest variance is none.
    let made = RunningMoments::new(vec![0.0; 2], vec![2.0_f64.powi(-10); 2], 4096.0).unwrap();
    let x = Array2::from_shape_fn((40, 2), |(row, column)| {
        let way = (row * 7 % 11) as f64 / 4.0 - 1.25;
        way + if (row % 3, column) == (0, 1) { 2.0_f64.powi(-20) } else { 0.0 }
    });
    let pca = PcaDetector::new(Components::Count(2), 0, Manner::Robust, 0.01, Limits::Theoretical).unwrap();
    let fitted = pca.fit_moments(&made, &of(&made, x.view())).unwrap();
    let share = fitted.variances()[1] / fitted.variances()[0];
    assert!((1e-14..1e-12).contains(&share) && fitted.kept_components() == 1, "{share}");
}
