//! Covariance and correlation of pairs.

use acm_linalg::columns::{self, History, Pick, Plane, Source};
use acm_linalg::{Error, parallel};
use ndarray::{Array2, ArrayView2, s};
use proptest::prelude::*;

use super::{Random, assert_same_bytes, config, plant, wild_matrix, window};
use crate::rolling::block::Blocks;
use crate::rolling::{Pairs, Times, Windows, rolling_corr, rolling_cov, rolling_lag_corr, rolling_std, rolling_var};

fn corr(x: ArrayView2<'_, f64>, y: ArrayView2<'_, f64>, windows: Windows<'_>) -> Array2<f64> {
    let mut out = Array2::from_elem((windows.kept(x.nrows()), x.ncols()), -7.0);
    rolling_corr(x, y, windows, out.view_mut()).unwrap();
    out
}

fn cov(x: ArrayView2<'_, f64>, y: ArrayView2<'_, f64>, windows: Windows<'_>, ddof: usize) -> Array2<f64> {
    let mut out = Array2::from_elem((windows.kept(x.nrows()), x.ncols()), -7.0);
    rolling_cov(x, y, windows, ddof, out.view_mut()).unwrap();
    out
}

/// Count and the sums of products of the deviations of what both sides have: xx, yy, xy.
fn products(x: &[f64], y: &[f64]) -> (usize, [f64; 3]) {
    let both: Vec<(f64, f64)> = x
        .iter()
        .zip(y)
        .filter(|(x, y)| x.is_finite() && y.is_finite())
        .map(|(x, y)| (*x, *y))
        .collect();
    let n = both.len() as f64;
    let Some(&(x0, y0)) = both.first() else {
        return (0, [0.0; 3]);
    };
    let mean = |of: &dyn Fn(&(f64, f64)) -> f64| both.iter().map(of).sum::<f64>() / n;
    let (mx, my) = (mean(&|p| p.0 - x0), mean(&|p| p.1 - y0));
    let sum = |of: &dyn Fn(f64, f64) -> f64| both.iter().map(|p| of(p.0 - x0 - mx, p.1 - y0 - my)).sum::<f64>();
    (both.len(), [sum(&|x, _| x * x), sum(&|_, y| y * y), sum(&|x, y| x * y)])
}

/// Whether `x` has different values where neither side is missing.
fn varies(x: &[f64], y: &[f64]) -> bool {
    let mut both = x.iter().zip(y).filter(|(x, y)| x.is_finite() && y.is_finite());
    both.next().is_some_and(|(first, _)| both.any(|(x, _)| x != first))
}

#[track_caller]
fn check(x: ArrayView2<'_, f64>, y: ArrayView2<'_, f64>, rows: usize, min_periods: usize) {
    let correlation = corr(x, y, window(rows, min_periods).into());
    let covariance = cov(x, y, window(rows, min_periods).into(), 1);
    for ((row, column), &got) in correlation.indexed_iter() {
        let seen = (row + 1).saturating_sub(rows)..row + 1;
        let other = if y.ncols() == 1 { 0 } else { column };
        let (xs, ys) = (x.slice(s![seen.clone(), column]).to_vec(), y.slice(s![seen, other]).to_vec());
        let (count, [xx, yy, xy]) = products(&xs, &ys);
        let case = format!("window {rows}, row {row}, column {column}");
        let scale = (xx * yy).sqrt();
        let enough = count >= min_periods.max(2);
        let digits = xx >= f64::MIN_POSITIVE && yy >= f64::MIN_POSITIVE;
        if enough && digits {
            assert!((got - xy / scale).abs() <= 1e-12, "{case}: got {got:e}, expected {:e}", xy / scale);
            assert!((-1.0..=1.0).contains(&got), "{case}: {got:e}");
        } else if enough && varies(&xs, &ys) && varies(&ys, &xs) {
            // The definition's squares have no digits left; the correlation has.
            assert!((-1.0..=1.0).contains(&got), "{case}: {got:e}");
        } else {
            assert!(got.is_nan(), "{case}: {got:e} of {count}");
        }
        let (got, free) = (covariance[[row, column]], count as f64 - 1.0);
        if enough {
            assert!((got - xy / free).abs() <= 1e-12 * (scale / free).max(1.0), "{case}: got {got:e}");
        } else {
            assert!(got.is_nan(), "{case}: {got:e} of {count}");
        }
    }
}

#[test]
fn by_hand() {
    let x = ndarray::array![[1.0], [2.0], [4.0], [f64::NAN], [3.0]];
    let y = ndarray::array![[2.0], [4.0], [8.0], [1.0], [f64::INFINITY]];
    let correlation = corr(x.view(), y.view(), window(3, 1).into());
    assert!(correlation[[0, 0]].is_nan() && correlation[[4, 0]].is_nan());
    assert_eq!(correlation.slice(s![1..4, 0]).to_vec(), [1.0, 1.0, 1.0]);
    let covariance = cov(x.view(), y.view(), window(3, 1).into(), 1);
    for (got, expected) in covariance.slice(s![1..4, 0]).iter().zip([1.0, 14.0 / 3.0, 4.0]) {
        assert!((got - expected).abs() <= 1e-15 * expected, "got {got:e}");
    }
    assert_eq!(cov(x.view(), y.view(), window(3, 1).into(), 0)[[0, 0]], 0.0);
}

#[test]
fn pairs_of_every_kind_agree_with_the_definition() {
    let x = plant(700);
    let mut y = x.clone();
    y.invert_axis(ndarray::Axis(1));
    for rows in [1, 2, 3, 16, 255, 300, 2000] {
        check(x.view(), y.view(), rows, 1);
        check(x.view(), x.slice(s![.., 4..5]), rows, 1 + rows / 3);
    }
}

#[test]
fn a_column_with_itself_has_its_variance_and_correlates_fully() {
    let x = plant(900);
    for rows in [2, 16, 300] {
        let covariance = cov(x.view(), x.view(), window(rows, 1).into(), 1);
        let mut variance = Array2::zeros(x.dim());
        rolling_var(x.view(), window(rows, 1), 1, variance.view_mut()).unwrap();
        let mut deviation = Array2::zeros(x.dim());
        rolling_std(x.view(), window(rows, 1), 1, deviation.view_mut()).unwrap();
        for ((at, got), expected) in covariance.indexed_iter().zip(&variance) {
            assert!((got - expected).abs() <= 1e-13 * expected || got.is_nan() && expected.is_nan(), "{at:?}");
        }
        for ((at, &got), &deviation) in corr(x.view(), x.view(), window(rows, 1).into()).indexed_iter().zip(&deviation)
        {
            assert!(if deviation > 1e-150 { got > 1.0 - 1e-15 } else { got.is_nan() }, "{at:?}: {got}");
        }
    }
}

#[test]
fn lags_shift_the_second_of_a_pair() {
    let x = plant(400);
    let pairs = [(0, 4), (4, 0), (9, 9), (5, 1)];
    let max_lag = 3;
    for windows in [
        Windows::from(window(16, 1)),
        Windows::from(window(300, 5)).every(7).unwrap(),
    ] {
        let mut out = Array2::from_elem((windows.kept(400), pairs.len() * (max_lag + 1)), -7.0);
        rolling_lag_corr(x.view(), windows, max_lag, &pairs, out.view_mut()).unwrap();
        for (number, &(a, b)) in pairs.iter().enumerate() {
            for lag in 0..=max_lag {
                let late = Array2::from_shape_fn((400, 1), |(row, _)| {
                    row.checked_sub(lag).map_or(f64::NAN, |row| x[[row, b]])
                });
                let expected = corr(x.slice(s![.., a..=a]), late.view(), windows);
                let column = number * (max_lag + 1) + lag;
                assert_same_bytes(out.slice(s![.., column..=column]), expected.view(), &format!("{a}, {b}, lag {lag}"));
            }
        }
    }
    let mut out = Array2::zeros((400, 1));
    let error = rolling_lag_corr(x.view(), window(3, 1), 0, &[(0, 12)], out.view_mut()).unwrap_err();
    assert_eq!(error.to_string(), "`pairs` must be column numbers below 12, got 12");
}

#[test]
fn pieces_and_threads_give_the_bytes_of_the_whole() {
    let x = plant(3000);
    let y = x.slice(s![.., 9..10]);
    let times: Vec<i64> = (0..3000).map(|row| row / 3 * 5).collect();
    for rows in [2, 60, 300] {
        let whole = corr(x.view(), y, window(rows, 1).into());
        for threads in [1, 3] {
            parallel::set_num_threads(threads).unwrap();
            assert_same_bytes(corr(x.view(), y, window(rows, 1).into()).view(), whole.view(), "threads");
        }
        for from in [300, 777, 2500] {
            let halo = rows - 1;
            let first = from - halo;
            let shape = Windows::from(window(rows, 1)).starting_at(first);
            let got = corr(x.slice(s![first.., ..]), y.slice(s![first.., ..]), shape);
            assert_same_bytes(got.slice(s![halo.., ..]), whole.slice(s![from.., ..]), "pieces");
        }
        let lasting = Windows::lasting(rows as i64, 1, Times::new(&times).unwrap()).unwrap();
        let covariance = cov(x.view(), y, lasting, 1);
        let first = 1000;
        let piece = Windows::lasting(rows as i64, 1, Times::new(&times[first..]).unwrap()).unwrap();
        let got = cov(x.slice(s![first.., ..]), y.slice(s![first.., ..]), piece, 1);
        assert_same_bytes(got.slice(s![rows.., ..]), covariance.slice(s![first + rows.., ..]), "times");
    }
}

#[test]
fn deviations_whose_squares_are_no_numbers_have_a_correlation() {
    let x = ndarray::array![[1.0], [2.0], [4.0], [3.0], [7.0]];
    for scale in [1e-200, 1e-160, 1e-150, 1e150, 1e154, 1e300] {
        let correlation = corr((&x * scale).view(), x.view(), window(3, 1).into());
        assert!((correlation[[4, 0]] - 1.0).abs() < 1e-15, "{scale:e}");
    }
}

#[test]
fn other_shapes_are_refused() {
    let x = plant(20);
    for y in [x.slice(s![..19, ..]), x.slice(s![.., ..5])] {
        let mut out = Array2::zeros(x.dim());
        let error = rolling_corr(x.view(), y, window(3, 1), out.view_mut()).unwrap_err();
        assert!(matches!(error, Error::Shape { name: "y", .. }));
    }
}

proptest! {
    #![proptest_config(config(200))]

    #[test]
    fn anything_agrees_with_the_definition_within_its_bounds(
        x in wild_matrix(120),
        rows in 1_usize..40,
    ) {
        let mut y = x.clone();
        y.invert_axis(ndarray::Axis(0));
        for value in corr(x.view(), y.view(), window(rows, 1).into()) {
            prop_assert!(value.is_nan() || (-1.0..=1.0).contains(&value));
        }
        check(x.view(), y.view(), rows, 1);
    }
}

#[test]
fn rows_beyond_the_end_of_a_shorter_last_segment_are_no_reason_to_look_again() {
    let mut random = Random::new(3);
    for (rows, ahead, late) in [(10_000, 0, 0), (2_001, 0, 1), (2_001, 7, 0), (40, 0, 0)] {
        let x = Array2::from_shape_fn((rows, 50), |_| random.noise());
        let plane = |pick| Plane {
            values: x.view().into(),
            pick,
            late,
        };
        let leaf = Blocks::new(Pairs::<true>::new(1), window(16, 2)).unwrap();
        let history = History {
            ahead,
            ..History::default()
        };
        let mut out = Array2::zeros(x.dim());
        let source = || Source::pair(plane(Pick::Each), plane(Pick::Listed(&[(0, 3); 50])));
        columns::run(&leaf, source(), history, out.view_mut()).unwrap();
        assert!(!leaf.noted(), "{rows} rows, {ahead} ahead, {late} late");
    }
}

#[test]
fn a_result_that_is_not_defined_is_a_reason_in_any_segment() {
    let mut random = Random::new(4);
    let whole = Array2::from_shape_fn((2_001, 50), |_| random.noise());
    for (row, value) in [
        (700, 1e-200),
        (1_500, 1e-200),
        (1_985, 1e-200),
        (2_000, 1e-200),
        (1_000, 1.5),
    ] {
        let mut x = whole.clone();
        x.slice_mut(s![row - 15..=row, 1]).fill(value);
        let leaf = Blocks::new(Pairs::<true>::new(1), window(16, 2)).unwrap();
        let mut out = Array2::zeros(x.dim());
        let plane = |pick| Plane {
            values: x.view().into(),
            pick,
            late: 0,
        };
        let source = Source::pair(plane(Pick::Each), plane(Pick::Listed(&[(0, 0); 50])));
        columns::run(&leaf, source, History::default(), out.view_mut()).unwrap();
        // A scale could tell small values apart, but not a constant among ordinary ones.
        assert!(out[[row, 1]].is_nan() && leaf.noted() == (value < 1.0), "row {row}");
    }
}
