//! Values near the ends of the range of float64: a power of two as a factor changes no digit of any result.

use std::cell::Cell;

use acm_linalg::lanes::{LANES, Row};
use acm_linalg::{Error, parallel};
use fearless_simd::{Level, dispatch};
use ndarray::{Array2, ArrayView2, ShapeBuilder, array, s};

use super::{Kernel, Random, assert_same_bytes, plant, window};
use crate::rolling::beyond::{WORK, ordinary_at_the_end};
use crate::rolling::survey::{HAS_LARGE, HAS_ODD, HAS_PLAIN, HAS_SMALL, survey};
use crate::rolling::{Times, Windows, rolling_corr, rolling_cov, rolling_lag_corr};

/// `value` times 2^power, where the factor alone may be none.
fn times(value: f64, power: i32) -> f64 {
    let half = power / 2;
    value * 2.0_f64.powi(half) * 2.0_f64.powi(power - half)
}

/// Columns of noise, with an offset, a walk, with gaps, at rest for a while.
fn ordinary(rows: usize) -> Array2<f64> {
    let mut x = plant(rows).select(ndarray::Axis(1), &[0, 5, 9, 4, 8, 0, 5, 9, 11]);
    x.slice_mut(s![rows / 3..rows / 2, 5..]).fill(2.5);
    x
}

fn corr(x: ArrayView2<'_, f64>, y: ArrayView2<'_, f64>, windows: Windows<'_>) -> Array2<f64> {
    let mut out = Array2::from_elem((windows.kept(x.nrows()), x.ncols()), -7.0);
    rolling_corr(x, y, windows, out.view_mut()).unwrap();
    out
}

/// One root or two: a rounding apart, and NaN in the same places.
#[track_caller]
fn assert_close(got: ArrayView2<'_, f64>, expected: ArrayView2<'_, f64>, case: &str) {
    for ((at, got), expected) in got.indexed_iter().zip(expected) {
        let same = (got - expected).abs() <= 1e-15 || (got.is_nan() && expected.is_nan());
        assert!(same, "{case}: at {at:?} got {got:e}, expected {expected:e}");
    }
}

/// Windows of rows, of time, and centred.
fn shapes<'a>(rows: usize, stamps: &'a [i64]) -> [Windows<'a>; 4] {
    let plain = Windows::from(window(rows, 1));
    [
        plain,
        Windows::from(window(rows, rows)),
        plain.centred(true).every(3).unwrap(),
        Windows::lasting(rows as i64, 1, Times::new(stamps).unwrap()).unwrap(),
    ]
}

#[test]
fn moments_of_large_values_are_those_of_small_ones() {
    let x = ordinary(900);
    let stamps: Vec<i64> = (0..900).collect();
    for (kernel, power, factor) in [
        (Kernel::Sum, 1, 1012),
        (Kernel::Mean, 1, 1012),
        (Kernel::MeanStd, 1, 1012),
        (Kernel::MeanStd, 1, 512),
        (Kernel::Std { ddof: 0 }, 1, 700),
        (Kernel::Var { ddof: 1 }, 2, 500),
        (Kernel::Slope, 1, 1012),
    ] {
        let large = x.mapv(|x| times(x, factor));
        for rows in [2, 3, 16, 64, 300, 2000] {
            for windows in shapes(rows, &stamps) {
                let expected = kernel.compute(x.view(), windows).mapv(|y| times(y, power * factor));
                let got = kernel.compute(large.view(), windows);
                assert_same_bytes(got.view(), expected.view(), &format!("{kernel:?}, {windows:?}"));
            }
        }
    }
}

#[test]
fn correlations_depend_on_no_scale() {
    let x = ordinary(900);
    let mut y = x.clone();
    y.invert_axis(ndarray::Axis(1));
    let stamps: Vec<i64> = (0..900).collect();
    for (left, right) in [
        (0, 1010),
        (1010, 1010),
        (660, -700),
        (-900, 0),
        (-700, 900),
        (-520, -520),
        (-1022, 700),
    ] {
        let (scaled_x, scaled_y) = (x.mapv(|x| times(x, left)), y.mapv(|y| times(y, right)));
        // What the least numbers cannot hold is no longer the same value.
        let (x, y) = (scaled_x.mapv(|x| times(x, -left)), scaled_y.mapv(|y| times(y, -right)));
        for rows in [2, 3, 16, 64, 300, 2000] {
            for windows in shapes(rows, &stamps) {
                let expected = corr(x.view(), y.view(), windows);
                let got = corr(scaled_x.view(), scaled_y.view(), windows);
                assert_close(got.view(), expected.view(), &format!("2^{left}, 2^{right}, {windows:?}"));
            }
        }
        let pairs = [(0, 3), (3, 1), (8, 8)];
        let lagged = |x: &Array2<f64>| {
            let mut out = Array2::from_elem((x.nrows(), 9), -7.0);
            rolling_lag_corr(x.view(), window(20, 5), 2, &pairs, out.view_mut()).unwrap();
            out
        };
        assert_close(lagged(&scaled_x).view(), lagged(&x).view(), &format!("lags, 2^{left}"));
    }
}

#[test]
fn covariances_of_large_values() {
    let x = ordinary(400);
    let y = x.slice(s![.., ..;-1]).to_owned();
    let cov = |x: &Array2<f64>, y: &Array2<f64>| {
        let mut out = Array2::from_elem(x.dim(), -7.0);
        rolling_cov(x.view(), y.view(), window(30, 2), 1, out.view_mut()).unwrap();
        out
    };
    let expected = cov(&x, &y);
    for (left, right) in [(1010, -10), (505, 500), (-30, 1012)] {
        let got = cov(&x.mapv(|x| times(x, left)), &y.mapv(|y| times(y, right)));
        let expected = expected.mapv(|z| times(z, left + right));
        assert_same_bytes(got.view(), expected.view(), &format!("2^{left}, 2^{right}"));
    }
}

#[test]
fn by_hand() {
    let most = 1.7e308;
    let mean = |x: &[f64], rows| Kernel::Mean.of(x, window(rows, 1)).into_raw_vec_and_offset().0;
    assert_eq!(mean(&[most; 5], 3), [most; 5]);
    assert_eq!(mean(&[most, most, -most, -most], 4), [most, most, most / 3.0, 0.0]);
    assert_eq!(mean(&[5e307; 7], 3), [5e307; 7]);
    let sum = Kernel::Sum.of(&[most, most, -most, 1.0], window(4, 1));
    assert_eq!(sum.column(0).to_vec(), [most, f64::INFINITY, most, most]);
    let std = Kernel::Std { ddof: 0 }.of(&[most, -most, 3.0], window(2, 1));
    assert_eq!(std.column(0).to_vec(), [0.0, most, most / 2.0]);
    // The deviation itself is beyond the range.
    assert_eq!(Kernel::Std { ddof: 1 }.of(&[most, -most], window(2, 1))[[1, 0]], f64::INFINITY);
    let slope = Kernel::Slope.of(&[0.0, most, -most], window(2, 1));
    assert_eq!(slope.column(0).to_vec(), [0.0, most, f64::NEG_INFINITY]);
}

#[test]
fn one_large_value_tells_on_its_own_windows_only() {
    let calm = array![
        [1.0, 2.0],
        [2.0, 1.0],
        [4.0, 3.0],
        [3.0, 5.0],
        [7.0, 4.0],
        [6.0, 8.0],
        [5.0, 6.0]
    ];
    let mut spiked = calm.clone();
    spiked[[2, 0]] = 1e200;
    spiked[[2, 1]] = 1e-200;
    let (x, y) = (spiked.slice(s![.., 0..1]), spiked.slice(s![.., 1..2]));
    let got = corr(x, y, window(2, 2).into());
    let expected = corr(calm.slice(s![.., 0..1]), calm.slice(s![.., 1..2]), window(2, 2).into());
    for row in [1, 4, 5, 6] {
        assert_eq!(got[[row, 0]].to_bits(), expected[[row, 0]].to_bits(), "row {row}");
    }
    assert!((2..4).all(|row| (got[[row, 0]] + 1.0).abs() < 1e-15));
}

#[test]
fn least_differences_count() {
    let least = 5e-324;
    let x: Array2<f64> = array![[0.0], [least], [0.0], [least], [0.0]];
    let y = x.mapv(|x| if x > 0.0 { 3.0 } else { 1.0 });
    for rows in [2, 3, 5] {
        let got = corr(x.view(), y.view(), window(rows, 2).into());
        assert!(got.slice(s![1.., 0]).iter().all(|&r| (r - 1.0).abs() < 1e-15), "window {rows}: {got}");
    }
}

#[test]
fn pieces_and_threads_give_the_bytes_of_the_whole() {
    let mut x = ordinary(3000);
    for row in (0..3000).step_by(701) {
        x[[row, 0]] = 1.6e308;
        x[[row + 3, 1]] = -1e200;
        x[[row + 5, 2]] = 1e-310;
    }
    x.slice_mut(s![1000..1100, 0]).mapv_inplace(|x| x * 1e-200);
    let y = x.slice(s![.., 1..2]).to_owned();
    for rows in [3, 40, 600] {
        let mut whole = None;
        for threads in [1, 3] {
            parallel::set_num_threads(threads).unwrap();
            let got =
                (Kernel::MeanStd.compute(x.view(), window(rows, 2)), corr(x.view(), y.view(), window(rows, 2).into()));
            let first: &(Array2<f64>, Array2<f64>) = whole.get_or_insert_with(|| got.clone());
            assert_same_bytes(got.0.view(), first.0.view(), "threads");
            assert_same_bytes(got.1.view(), first.1.view(), "threads");
        }
        parallel::set_num_threads(2).unwrap();
        let whole = whole.unwrap();
        for first in [1, 650, 1401, 2222] {
            let piece = Windows::from(window(rows, 2)).starting_at(first);
            let (part, other) = (x.slice(s![first.., ..]), y.slice(s![first.., ..]));
            let from = (rows - 1).min(3000 - first);
            let got = Kernel::MeanStd.compute(part, piece);
            assert_same_bytes(got.slice(s![from.., ..]), whole.0.slice(s![first + from.., ..]), "a piece");
            let got = corr(part, other, piece);
            assert_same_bytes(got.slice(s![from.., ..]), whole.1.slice(s![first + from.., ..]), "a piece");
        }
    }
}

/// Columns that were looked at for large and small values meanwhile, and columns that were taken again.
fn work(of: impl FnOnce()) -> (usize, usize) {
    WORK.set((0, 0));
    of();
    WORK.get()
}

#[test]
fn only_columns_with_such_values_are_taken_again() {
    let mut x = Array2::from_shape_fn((5000, 40).f(), |(row, column)| ((row * 7 + column) % 31) as f64 - 0.3);
    let y = x.slice(s![.., ..;-1]).to_owned();
    let stamps: Vec<i64> = (0..5000).collect();
    let of = |x: &Array2<f64>, windows: Windows<'_>| work(|| drop(corr(x.view(), y.view(), windows)));
    let all = |x: &Array2<f64>| shapes(50, &stamps).map(|windows| of(x, windows).1);
    assert_eq!(of(&x, window(50, 9).into()), (0, 0));
    x.slice_mut(s![1000..2000, 3]).fill(4.5);
    x.slice_mut(s![3000..3100, 7]).fill(f64::NAN);
    // Two columns on either side without results, and nothing in them that a scale could change.
    assert_eq!(of(&x, window(50, 9).into()), (0, 0));
    assert_eq!(all(&x), [0; 4]);
    // A large value, one way to scale it; a large and a small one, two.
    x[[4000, 7]] = 1e200;
    assert_eq!(of(&x, window(50, 9).into()), (4, 1));
    x[[4100, 7]] = 1e-200;
    assert_eq!(of(&x, window(50, 9).into()), (4, 2));
    assert_eq!(all(&x), [2; 4]);
    let mean = work(|| drop(Kernel::MeanStd.compute(x.view(), window(50, 2))));
    assert_eq!(mean, (1, 1));
    // Each of the columns that pairs name is looked at once a side, however many lags there are.
    let lags = |x: &Array2<f64>| {
        let mut out = Array2::zeros((5000, 12));
        work(|| rolling_lag_corr(x.view(), window(50, 9), 3, &[(3, 1), (1, 2), (1, 3)], out.view_mut()).unwrap())
    };
    assert_eq!(lags(&x), (0, 0));
    x.slice_mut(s![1000..2000, 3]).fill(1e-200);
    assert_eq!(lags(&x), (5, 8));
}

/// Of three ways to scale small values, those that leave a side's all too small to tell lead nowhere.
#[test]
fn columns_of_small_values_alone_are_taken_again_once() {
    let ordinary = Array2::from_shape_fn((3000, 10), |(row, column)| ((row * 7 + column) % 31) as f64 - 0.3);
    let y = ordinary.slice(s![.., ..;-1]).to_owned();
    let of = |x: &Array2<f64>, y: &Array2<f64>| work(|| drop(corr(x.view(), y.view(), window(50, 9).into()))).1;
    let scaled = |x: &Array2<f64>, power| x.mapv(|value| times(value, power));
    for power in [-1060, -700, -530] {
        assert_eq!(of(&scaled(&ordinary, power), &scaled(&y, power)), 10, "2^{power}");
        assert_eq!(of(&ordinary, &scaled(&y, power)), 10, "2^{power} and ordinary ones");
    }
    // There is a value among them whose square is a number.
    let mut one = scaled(&ordinary, -700);
    one[[1500, 4]] = 1.0;
    assert_eq!(of(&one, &scaled(&y, -700)), 11);
    // Nothing but zeros on a side.
    assert_eq!(of(&Array2::zeros((3000, 10)), &scaled(&y, -700)), 0);
}

#[test]
fn columns_are_surveyed_in_any_layout_and_interrupts_seen() {
    thread_local! {
        static STOP: Cell<bool> = const { Cell::new(false) };
    }
    let mut x = Array2::zeros((70_000, 11));
    (x[[0, 0]], x[[69_999, 0]], x[[40_000, 2]]) = (1.0, f64::INFINITY, -1e200);
    (x[[69_998, 3]], x[[5, 4]], x[[69_999, 4]], x[[7, 5]]) = (-1e-150, 5e-324, 1e-116, 1e-115);
    (x[[3, 9]], x[[69_999, 10]]) = (f64::NAN, 42.0);
    let large = HAS_LARGE | HAS_PLAIN;
    let small = HAS_SMALL | HAS_PLAIN;
    let everything = [HAS_ODD | HAS_PLAIN, 0, large, small, small, small, HAS_ODD];
    let mut by_column = Array2::zeros(x.dim().f());
    by_column.assign(&x);
    let all = HAS_ODD | HAS_LARGE | HAS_SMALL | HAS_PLAIN;
    let mut turned = x.clone();
    turned.invert_axis(ndarray::Axis(1));
    let turned = turned.as_standard_layout();
    for x in [
        x.view(),
        by_column.view(),
        x.slice(s![..;-1, ..]),
        turned.slice(s![.., ..;-1]),
    ] {
        let survey = |columns: &[usize], asked| survey(x.into(), columns, asked).unwrap();
        assert_eq!(survey(&[0, 1, 2, 3, 4, 5, 9], all), everything);
        assert_eq!(survey(&[2, 8], HAS_LARGE), [HAS_LARGE, 0]);
        assert_eq!(survey(&[9, 10], all), [HAS_ODD, HAS_PLAIN]);
        assert!(survey(&[], all).is_empty());
    }
    // The question is asked on the calling thread, here one that has not asked before.
    let told = std::thread::scope(|scope| {
        let asked = || {
            parallel::set_interrupt_hook(|| STOP.get());
            STOP.set(true);
            survey(x.view().into(), &[0, 1, 2], all)
        };
        scope.spawn(asked).join().unwrap()
    });
    assert_eq!(told, Err(Error::Interrupted));
}

#[test]
fn one_odd_row_among_ordinary_ones_is_found() {
    for length in 0..70 {
        let mut rows = vec![Row([1.5; LANES]); length];
        let known = |rows: &[Row]| dispatch!(Level::new(), simd => ordinary_at_the_end(simd, rows));
        assert_eq!(known(&rows), length);
        for at in 0..length {
            for odd in [f64::NAN, f64::INFINITY, -1e200] {
                let lane = (at + length) % LANES;
                rows[at].0[lane] = odd;
                assert_eq!(known(&rows), length - at - 1, "{odd} in row {at} of {length}");
                rows[at].0[lane] = 0.0;
            }
        }
    }
}

/// Whether windows are clean is known from tile to tile: a gap is in all windows that see it, and in no others.
#[test]
fn a_gap_is_seen_by_its_windows_alone() {
    let rows = 3_000;
    for (length, gaps) in [
        (16, [0, 511, 512, 1_500]),
        (300, [599, 600, 1_499, 2_999]),
        (1_100, [5, 512, 1_023, 1_800]),
    ] {
        for gap in gaps {
            let mut x = Array2::from_shape_fn((rows, 3), |(row, column)| ((row * 7 + column) % 11) as f64);
            x[[gap, 1]] = f64::NAN;
            let least = Kernel::Min.compute(x.view(), window(length, length));
            let mean = Kernel::Mean.compute(x.view(), window(length, 1));
            for row in 0..rows {
                let seen = (gap..gap + length).contains(&row) || row + 1 < length;
                assert_eq!(least[[row, 1]].is_nan(), seen, "window {length}, gap {gap}, row {row}");
                assert_eq!(mean[[row, 1]].is_nan(), row == 0 && gap == 0, "window {length}, gap {gap}, row {row}");
            }
        }
    }
}

#[test]
fn small_values_soon_after_the_start_correlate() {
    let mut random = Random::new(5);
    let y = Array2::from_shape_fn((200, 8), |_| random.noise());
    let x = Array2::from_shape_fn((200, 8), |at| random.noise() + y[at]);
    let mut small = x.clone();
    small.slice_mut(s![50.., ..]).mapv_inplace(|value| times(value, -640));
    let windows = Windows::from(window(16, 2));
    let (got, expected) = (corr(small.view(), y.view(), windows), corr(x.view(), y.view(), windows));
    assert_close(got.slice(s![66.., ..]), expected.slice(s![66.., ..]), "small from row 50 on");
}
