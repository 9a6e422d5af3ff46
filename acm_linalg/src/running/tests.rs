//! Against sums of whole numbers over whole tables, and over cuts and orders of merging.

use ndarray::{Array2, s};
use proptest::prelude::*;

use super::{RunningMoments, STEPS, Sums, exact};
use crate::state::{from_bytes_with, to_bytes_with};

const COLUMNS: usize = 4;

/// A table of four columns: noise at 1e8, one with gaps, one that stands still, one without a reading; a few far off.
fn table(values: &[(f64, u8)]) -> Array2<f64> {
    let rows = values.len();
    Array2::from_shape_fn((rows, COLUMNS), |(row, column)| {
        let (value, kind) = values[row];
        match column {
            0 if kind == 0 => 1e300,
            0 => 1e8 + value,
            1 if kind % 3 == 1 => f64::NAN,
            1 => value * value - 3.0,
            2 => 7.25,
            _ => f64::INFINITY,
        }
    })
}

fn moments() -> RunningMoments {
    RunningMoments::new(vec![1e8, 0.0, 7.0, 0.0], vec![2.0, 0.5, 7.0, 1.0], 100.0).unwrap()
}

fn whole(x: &Array2<f64>) -> Sums {
    let mut sums = Sums::default();
    moments().update(&mut sums, x.view().into(), true).unwrap();
    sums
}

/// A covariance by the definition, in doubles about exact means of steps: good to some roundings.
fn plain(x: &Array2<f64>, one: usize, other: usize) -> (u64, f64) {
    let made = moments();
    let pairs: Vec<_> = x
        .rows()
        .into_iter()
        .filter_map(|row| Some((made.steps(row[one], one).0?, made.steps(row[other], other).0?)))
        .collect();
    let n = pairs.len() as i128;
    let (left, right) = pairs.iter().fold((0, 0), |(a, b), &(x, y)| (a + i128::from(x), b + i128::from(y)));
    // n Σ a b - Σ a Σ b = Σ (n a - Σ a) (n b - Σ b) / n, in two words each.
    let sum: f64 = pairs
        .iter()
        .map(|&(x, y)| {
            let (x, y) = (i128::from(x) * n - left, i128::from(y) * n - right);
            (x as f64 / n as f64) * (y as f64 / n as f64)
        })
        .sum();
    let unit = made.scale()[one] * made.scale()[other] / (STEPS * STEPS);
    (pairs.len() as u64, sum / (n - 1) as f64 * unit)
}

fn rows() -> impl Strategy<Value = Vec<(f64, u8)>> {
    prop::collection::vec((-20.0..20.0_f64, 0..12_u8), 1..700)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn cuts_and_bytes_between_change_no_bit(values in rows(), cuts in prop::collection::vec(0..700_usize, 0..6)) {
        let (x, made) = (table(&values), moments());
        let mut ends: Vec<_> = cuts.into_iter().map(|cut| cut.min(values.len())).chain([values.len()]).collect();
        ends.sort_unstable();
        let (mut streamed, mut merged, mut begin) = (Sums::default(), Sums::default(), 0);
        for end in ends {
            let piece = x.slice(s![begin..end, ..]);
            made.update(&mut streamed, piece.into(), true).unwrap();
            let mut own = Sums::default();
            made.update(&mut own, piece.into(), true).unwrap();
            made.merge(&mut merged, &own, true).unwrap();
            let bytes = to_bytes_with(&made, &streamed).unwrap();
            let (read, again) = from_bytes_with::<RunningMoments, Sums>(&bytes).unwrap();
            prop_assert_eq!(&read, &made);
            streamed = again;
            begin = end;
        }
        let expected = whole(&x);
        prop_assert_eq!(&streamed, &expected);
        prop_assert_eq!(&merged, &expected);
    }

    #[test]
    fn runs_merge_alike_in_any_order(one in rows(), other in rows(), third in rows()) {
        let (made, runs) = (moments(), [one, other, third].map(|run| whole(&table(&run))));
        let merged = |order: [usize; 3]| {
            let mut all = Sums::default();
            order.iter().for_each(|&run| made.merge(&mut all, &runs[run], false).unwrap());
            all
        };
        let first = merged([0, 1, 2]);
        for order in [[0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]] {
            prop_assert_eq!(&merged(order), &first);
        }
        let (mut tree, mut rest) = (runs[0].clone(), runs[1].clone());
        made.merge(&mut rest, &runs[2], false).unwrap();
        made.merge(&mut tree, &rest, false).unwrap();
        prop_assert_eq!(&tree, &first);
    }

    #[test]
    fn covariances_are_those_of_the_steps(values in rows()) {
        let (x, made) = (table(&values), moments());
        let sums = whole(&x);
        let found = made.covariance(&sums, 1).unwrap();
        for one in 0..COLUMNS {
            for other in 0..COLUMNS {
                let (count, expected) = plain(&x, one, other);
                prop_assert_eq!(sums.pairs(one, other), count);
                let got = found[one * COLUMNS + other];
                if count < 2 {
                    prop_assert!(got.is_nan());
                    continue;
                }
                let room = 1e-12 * (plain(&x, one, one).1 * plain(&x, other, other).1).sqrt().max(expected.abs());
                prop_assert!((got - expected).abs() <= room, "{} {}: {} {}", one, other, got, expected);
            }
        }
        prop_assert_eq!(sums.known(3), 0);
        prop_assert_eq!(sums.beyond(0), values.iter().filter(|(_, kind)| *kind == 0).count() as u64);
        if values.len() > 1 {
            prop_assert_eq!(found[2 * COLUMNS + 2].to_bits(), 0);
        }
    }
}

#[test]
fn a_constant_step_is_a_slope_of_one_and_runs_are_kept_apart() {
    let made = RunningMoments::new(vec![0.0], vec![1.0], 100.0).unwrap();
    let rising = Array2::from_shape_fn((20, 1), |(row, _)| row as f64);
    let mut sums = Sums::default();
    made.update(&mut sums, rising.view().into(), true).unwrap();
    assert_eq!(made.lag_slope(&sums).unwrap(), [1.0]);
    let one = sums.clone();
    made.merge(&mut sums, &one, false).unwrap();
    assert_eq!(made.lag_slope(&sums).unwrap(), [1.0]);
    let mut joined = one.clone();
    made.merge(&mut joined, &one, true).unwrap();
    assert!(made.lag_slope(&joined).unwrap()[0] < 0.9);
    assert_eq!(made.mean(&sums).unwrap(), [9.5]);
    assert_eq!(made.covariance(&sums, 0).unwrap(), [33.25]);
}

#[test]
fn what_a_slope_leaves_is_that_of_the_pairs() {
    let made = RunningMoments::new(vec![3.0], vec![4.0], 100.0).unwrap();
    let values = [0.0, 1.0, 3.0, 2.0, 5.0, 4.0, 4.0, 7.0, 1.0];
    let x = Array2::from_shape_vec((values.len(), 1), values.to_vec()).unwrap();
    let mut sums = Sums::default();
    made.update(&mut sums, x.view().into(), true).unwrap();
    let pairs = (values.len() - 1) as f64;
    let (before, after) = (values[..8].iter().sum::<f64>() / pairs, values[1..].iter().sum::<f64>() / pairs);
    for phi in [-0.5, 0.0, 0.25, 1.0] {
        let left = values.windows(2).map(|pair| ((pair[1] - after) - phi * (pair[0] - before)).powi(2));
        let deviation = (left.sum::<f64>() / pairs).sqrt();
        let found = made.lag_rest(&sums, &[phi]).unwrap()[0];
        assert!((found - deviation).abs() < 1e-13, "{phi}: {found} {deviation}");
    }
    assert!(made.lag_rest(&Sums::default(), &[0.5]).unwrap()[0].is_nan());
}

#[test]
fn more_rows_than_sums_are_exact_for_are_refused() {
    let made = RunningMoments::new(vec![0.0], vec![1.0], 4096.0).unwrap();
    assert!((1 << 21..=1 << 22).contains(&made.most_rows()));
    let x = Array2::from_elem((1 << 20, 1), 4096.0);
    let mut sums = Sums::default();
    made.update(&mut sums, x.view().into(), true).unwrap();
    let once = sums.clone();
    while sums.rows() + once.rows() <= made.most_rows() {
        made.merge(&mut sums, &once, true).unwrap();
    }
    assert_eq!(made.covariance(&sums, 0).unwrap(), [0.0]);
    assert_eq!(made.mean(&sums).unwrap(), [4096.0]);
    assert!(made.merge(&mut sums, &once, true).is_err());
}

#[test]
fn parameters_are_checked() {
    for (center, scale, reach) in [
        (vec![], vec![], 1.0),
        (vec![0.0], vec![], 1.0),
        (vec![f64::NAN], vec![1.0], 1.0),
        (vec![0.0], vec![0.0], 1.0),
        (vec![0.0], vec![1.0], 0.0),
        (vec![0.0], vec![1.0], 5000.0),
        (vec![0.0], vec![1.0], f64::NAN),
    ] {
        assert!(RunningMoments::new(center, scale, reach).is_err());
    }
}

#[test]
fn scales_have_squares() {
    for (scale, squares) in [
        (1.0, true),
        (1e-139, true),
        (1e139, true),
        (1e-141, false),
        (1e141, false),
    ] {
        let made = RunningMoments::new(vec![0.0; 3], vec![1.0, scale, 1.0], 100.0).unwrap();
        assert_eq!(made.require_squares().is_ok(), squares, "{scale}");
    }
}

#[test]
fn a_sample_gives_centres_and_scales_that_bad_readings_do_not_move() {
    let x = Array2::from_shape_fn((401, 3), |(row, column)| match column {
        0 if row % 40 == 0 => -9999.0,
        0 => (row as f64 / 200.0).sin(),
        1 => 5.0,
        _ => f64::NAN,
    });
    let made = RunningMoments::of_sample(x.view().into(), 100.0).unwrap();
    assert!(made.center()[0].abs() < 1.0 && (0.1..1.0).contains(&made.scale()[0]), "{made:?}");
    let mut sums = Sums::default();
    made.update(&mut sums, x.view().into(), true).unwrap();
    assert_eq!((sums.beyond(0), sums.known(0)), (11, 390));
    assert_eq!((made.center()[1], made.scale()[1]), (5.0, 5.0));
    assert_eq!((made.center()[2], made.scale()[2]), (0.0, 1.0));
}

#[test]
fn readings_a_step_apart_keep_their_spread() {
    // Of 0, 0, 1 about a third; a level of any size changes nothing.
    for level in [0_i128, -5, 1 << 51, -(1 << 51)] {
        let (product, sum) = (2 * level * level + (level + 1) * (level + 1), 3 * level + 1);
        assert_eq!(exact::central(product, sum, sum, 3), 2.0 / 3.0, "{level}");
    }
    // Beyond what 128 bits hold times the count.
    let far = 1_i128 << 60;
    assert_eq!(exact::central(far * far, 0, 0, 1 << 20), 2.0_f64.powi(120));
}
