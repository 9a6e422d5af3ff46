use acm_linalg::parallel::set_num_threads;
use ndarray::{Array2, Axis, array, s};
use proptest::prelude::*;

use super::*;
use crate::rolling::{Times, Window};

const GAP: f64 = f64::NAN;

fn means(x: &Array2<f64>, times: &[i64], window: i64, hold: Option<i64>, least: usize) -> Array2<f64> {
    let mut out = Array2::from_elem(x.dim(), 77.0);
    let windows = Windows::lasting(window, least, Times::new(times).unwrap()).unwrap();
    rolling_time_mean(x.view(), windows, hold, out.view_mut()).unwrap();
    out
}

/// Nanosecond by nanosecond.
fn naive(x: &[f64], times: &[i64], row: usize, window: i64, hold: i64) -> f64 {
    let newest = |time: i64| (0..=row).rev().find(|&row| times[row] <= time && x[row].is_finite());
    let values: Vec<f64> = (times[row] - window..times[row])
        .filter_map(|time| newest(time).filter(|&row| time - times[row] < hold).map(|row| x[row]))
        .collect();
    if values.is_empty() {
        return newest(times[row]).filter(|&newest| times[newest] == times[row]).map_or(GAP, |row| x[row]);
    }
    values.iter().sum::<f64>() / values.len() as f64
}

proptest! {
    #[test]
    fn every_nanosecond_counts_alike(
        rows in proptest::collection::vec((0..5_i64, -9..9_i32, 0..4_i32), 1..60),
        window in 1..15_i64,
        hold in prop_oneof![Just(1000), 1..8_i64],
    ) {
        let mut now = -40;
        let times: Vec<i64> = rows.iter().map(|row| { now += row.0; now }).collect();
        let x: Vec<f64> = rows.iter().map(|row| if row.2 == 0 { GAP } else { f64::from(row.1) }).collect();
        let found = means(&Array2::from_shape_vec((x.len(), 1), x.clone()).unwrap(), &times, window, Some(hold), 1);
        for (row, &found) in found.iter().enumerate() {
            let expected = naive(&x, &times, row, window, hold);
            prop_assert!(
                (found - expected).abs() <= 1e-14 || (found.is_nan() && expected.is_nan()),
                "row {row}: {found}, not {expected}"
            );
        }
    }
}

#[test]
fn by_hand_and_at_the_edges() {
    let times = [0, 10, 10, 25, 40];
    let x = array![[GAP, 1.0], [2.0, 3.0], [8.0, GAP], [GAP, f64::INFINITY], [4.0, 5.0]];
    let found = means(&x, &times, 20, None, 1);
    assert!(found[[0, 0]].is_nan());
    assert_eq!(found.column(0).slice(s![1..]), array![2.0, 8.0, 8.0, 8.0]);
    // A reading at one instant with another stands for no time.
    assert_eq!(found.column(1), array![1.0, 1.0, 1.0, 2.5, 3.0]);
    let found = means(&x, &times, 20, None, 2);
    assert!(found[[1, 0]].is_nan() && found[[4, 0]] == 8.0);
    let found = means(&x, &times, 20, Some(5), 1);
    assert!(found[[3, 0]] == 8.0 && found[[4, 0]] == 4.0);

    let large = array![[f64::MAX], [f64::MAX], [-f64::MAX]];
    assert_eq!(means(&large, &[0, 3, 7], 5, None, 1), array![[f64::MAX], [f64::MAX], [f64::MAX]]);
    let year = 31_556_952_000_000_000;
    let constant = Array2::from_elem((40, 1), 0.1);
    let times: Vec<i64> = (0..40).map(|row| row * 12_345_678_912_345_678).collect();
    assert_eq!(means(&constant, &times, 5 * year, None, 1), constant);
    assert_eq!(means(&Array2::zeros((0, 3)), &[], 5, None, 1).dim(), (0, 3));
}

#[test]
fn columns_threads_pieces_and_steps_change_nothing() {
    let rows = 900;
    let x = Array2::from_shape_fn((rows, 19), |(row, column)| match (row * 31 + column * 17) % 23 {
        0..4 => GAP,
        other => other as f64 * 0.37 - 1e6,
    });
    let times: Vec<i64> = (0..rows as i64).map(|row| row * 700 + (row * row) % 691).collect();
    let whole = means(&x, &times, 30_000, None, 1);
    for threads in [1, 2, 5] {
        set_num_threads(threads).unwrap();
        assert_eq!(means(&x, &times, 30_000, None, 1).map(|v| v.to_bits()), whole.map(|v| v.to_bits()));
    }
    for column in 0..19 {
        let one = x.slice(s![.., column..=column]).to_owned();
        let found = means(&one, &times, 30_000, None, 1);
        assert_eq!(found.column(0).map(|v| v.to_bits()), whole.column(column).map(|v| v.to_bits()));
    }
    // The window, and for every column a reading before it.
    let piece = x.slice(s![300.., ..]).to_owned();
    let found = means(&piece, &times[300..], 30_000, None, 1);
    assert_eq!(found.slice(s![70.., ..]).map(|v| v.to_bits()), whole.slice(s![370.., ..]).map(|v| v.to_bits()));
    let windows = Windows::lasting(30_000, 1, Times::new(&times).unwrap()).unwrap();
    let windows = windows.every(7).unwrap().starting_at(3);
    let mut out = Array2::zeros((windows.kept(rows), 19));
    rolling_time_mean(x.view(), windows, None, out.view_mut()).unwrap();
    assert_eq!(out.map(|v| v.to_bits()), whole.slice(s![4..;7, ..]).map(|v| v.to_bits()));
}

#[test]
fn columns_together_have_the_bits_of_each_by_itself() {
    let rows = 700;
    let values = |row: usize, column: usize| match column {
        0 => -0.0,
        1 => f64::MAX * if row.is_multiple_of(3) { -1.0 } else { 1.0 },
        2 => 5e-324 * ((row % 7) as f64),
        3 => 1e9 + ((row * 37) % 11) as f64 * 1e-3,
        4 => 0.1,
        _ => ((row * 31 + column * 17) % 23) as f64 * 0.37 - 1e6,
    };
    // Here and there, for long, from the start, to the end, and all of it.
    let missing = |row: usize, column: usize| match column {
        0 | 1 | 5 => (row * row + column * 7).is_multiple_of(19),
        6 => (200..450).contains(&row),
        7 => row < 300,
        8 => row >= 300 && !row.is_multiple_of(101),
        9 => true,
        11 => !(row * 13 + row / 7).is_multiple_of(3),
        _ => false,
    };
    let complete = Array2::from_shape_fn((rows, 13), |(row, column)| values(row, column));
    let gappy = Array2::from_shape_fn((rows, 13), |(row, column)| match (missing(row, column), row % 2) {
        (false, _) => values(row, column),
        (true, 0) => GAP,
        (true, _) => f64::NEG_INFINITY,
    });
    // With rows at one time, and outages longer than windows.
    let steps = |row: i64| if row % 97 == 0 { 250_000 } else { 100 * ((row * row) % 7) };
    let mut now = -1_000_000;
    let times: Vec<i64> = (0..rows as i64)
        .map(|row| {
            now += steps(row);
            now
        })
        .collect();
    let exact = |window| TimeMean::new(window, None, 1).unwrap().has_exact_ages(&times);
    assert!(exact(120_000) && !exact(1 << 60));
    for (window, hold, least) in [
        (3_000, None, 1),
        (700, Some(150), 3),
        (120_000, Some(9_000), 1),
        (120_000, Some(60), 2),
        (1 << 60, None, 5),
    ] {
        for (x, threads) in [(&complete, 1), (&complete, 3), (&gappy, 1), (&gappy, 3)] {
            set_num_threads(threads).unwrap();
            let together = means(x, &times, window, hold, least);
            for (number, column) in x.columns().into_iter().enumerate() {
                let alone = means(&column.to_owned().insert_axis(Axis(1)), &times, window, hold, least);
                assert_eq!(
                    alone.column(0).map(|v| v.to_bits()),
                    together.column(number).map(|v| v.to_bits()),
                    "column {number}, window {window}, hold {hold:?}"
                );
            }
            let windows = Windows::lasting(window, least, Times::new(&times).unwrap()).unwrap();
            let windows = windows.every(5).unwrap().starting_at(2);
            let mut out = Array2::zeros((13, windows.kept(rows)));
            rolling_time_mean(x.view(), windows, hold, out.view_mut().reversed_axes()).unwrap();
            assert_eq!(out.t().map(|v| v.to_bits()), together.slice(s![3..;5, ..]).map(|v| v.to_bits()));
        }
    }
}

#[test]
fn ages_are_exact_as_far_as_float64_tells_them() {
    const DAY: i64 = 86_400_000_000_000;
    let exact =
        |days: i64, hold: Option<i64>, times: &[i64]| TimeMean::new(days * DAY, hold, 1).unwrap().has_exact_ages(times);
    let now = 1_780_000_000_000_000_000;
    // Whole seconds, and single nanoseconds.
    assert!(exact(20_000, None, &[now, now + 5 * DAY]));
    assert!(exact(40, None, &[now, now + 500 * DAY + 1]) && !exact(60, None, &[now, now + 5 * DAY + 1]));
    // One that holds beyond all times has no end.
    assert!(exact(40, Some(600 * DAY), &[now, now + 500 * DAY + 1]));
    assert!(!exact(40, Some(400 * DAY), &[now, now + 500 * DAY + 1]));
    assert!(!exact(1, None, &[i64::MIN, 0]) && !exact(1, None, &[-(1 << 62), i64::MAX]));
    assert!(exact(1, None, &[]));
}

#[test]
fn what_does_not_fit_is_refused() {
    let x = array![[1.0], [2.0]];
    let windows = Windows::lasting(5, 1, Times::new(&[0, 1]).unwrap()).unwrap();
    let mut out = Array2::zeros((2, 1));
    assert!(rolling_time_mean(x.view(), Window::new(2, 1).unwrap().into(), None, out.view_mut()).is_err());
    assert!(rolling_time_mean(x.view(), windows, Some(0), out.view_mut()).is_err());
    assert!(rolling_time_mean(x.view(), windows, None, Array2::zeros((3, 1)).view_mut()).is_err());
    assert!(rolling_time_mean(array![[1.0]].view(), windows, None, Array2::zeros((1, 1)).view_mut()).is_err());
}
