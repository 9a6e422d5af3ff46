//! Windows that last a time, that are centred, or of every so many rows.

use std::ops::Range;

use acm_linalg::{Error, parallel};
use ndarray::{Array2, ArrayView2, ShapeBuilder, s};

use super::{Kernel, Random, assert_same_bytes, naive, plant, window};
use crate::rolling::{Times, Windows};

const SECOND: i64 = 1_000_000_000;

/// Durations in seconds, from less than the least step to more than the history.
const DURATIONS: [i64; 7] = [1, 7, 60, 333, 4000, 40_000, 10_000_000];

/// Times in uneven steps: rows of one instant, gaps longer than most windows, and a start before 1970.
fn times(rows: usize) -> Vec<i64> {
    let mut random = Random::new(5);
    let mut now = -70_000 * SECOND;
    let mut next = |row: usize| {
        let step = random.uniform();
        now += match row % 400 {
            0 => 9_000 * SECOND,
            1..=8 => 0,
            _ if step < 0.2 => 0,
            _ if step < 0.5 => SECOND,
            _ => (step * 60.0) as i64 * SECOND + 1,
        };
        now
    };
    (0..rows).map(&mut next).collect()
}

fn lasting(nanoseconds: i64, min_periods: usize, times: &[i64]) -> Windows<'_> {
    Windows::lasting(nanoseconds, min_periods, Times::new(times).unwrap()).unwrap()
}

/// The rows of a window by its definition.
fn seen(times: &[i64], row: usize, nanoseconds: i64, centred: bool) -> Range<usize> {
    let (nanoseconds, now) = (i128::from(nanoseconds), i128::from(times[row]));
    let within = |other: &usize| {
        let twice = 2 * (i128::from(times[*other]) - now);
        let (least, most) = if centred { (-nanoseconds, nanoseconds) } else { (-2 * nanoseconds, 0) };
        twice > least && twice <= most && (centred || *other <= row)
    };
    let first = (0..times.len()).find(within).unwrap();
    let last = (0..times.len()).rfind(within).unwrap();
    first..last + 1
}

fn in_rows() -> impl Iterator<Item = Kernel> {
    Kernel::all().filter(|kernel| *kernel != Kernel::Slope)
}

#[test]
fn durations_agree_with_the_definition() {
    let x = plant(1300);
    let times = times(1300);
    for centred in [false, true] {
        for seconds in DURATIONS {
            let nanoseconds = seconds * SECOND + seconds % 2;
            for kernel in in_rows() {
                let out = kernel.compute(x.view(), lasting(nanoseconds, 2, &times).centred(centred));
                for row in (0..x.nrows()).step_by(17) {
                    let rows = seen(&times, row, nanoseconds, centred);
                    let case = format!("{seconds} s, centred {centred}, row {row}");
                    naive::compare(kernel, x.slice(s![rows, ..]), 2, out.row(row), &case);
                }
            }
        }
    }
}

/// Least squares of values against seconds, by whole numbers; the values are multiples of 2^-10.
fn exact_slope(times: &[i64], values: &[f64]) -> f64 {
    let points: Vec<(i128, i128)> = times
        .iter()
        .zip(values)
        .filter(|(_, x)| x.is_finite())
        .map(|(&time, &x)| (i128::from(time - times[0]), (x * 1024.0) as i128))
        .collect();
    let n = points.len() as i128;
    let total = |of: fn(&(i128, i128)) -> i128| points.iter().map(of).sum::<i128>();
    let (t, x) = (total(|p| p.0), total(|p| p.1));
    let upper = n * total(|p| p.0 * p.1) - t * x;
    let lower = n * total(|p| p.0 * p.0) - t * t;
    if points.is_empty() {
        f64::NAN
    } else if lower == 0 {
        0.0
    } else {
        upper as f64 / lower as f64 / 1024.0 * 1e9
    }
}

#[test]
fn slopes_are_per_second() {
    let rows = 900;
    let times = times(rows);
    let mut random = Random::new(3);
    let x = Array2::from_shape_fn((rows, 3), |(row, column)| match column {
        _ if random.uniform() < 0.05 => f64::NAN,
        0 => (random.noise() * 1024.0).round() / 1024.0,
        1 if row % 97 == 13 => 1e12,
        1 => 1e9 + (random.noise() * 8.0).round() / 8.0,
        _ => row as f64,
    });
    let check = |case: &str, windows: Windows<'_>, seen: &dyn Fn(usize) -> Range<usize>| {
        let out = Kernel::Slope.compute(x.view(), windows);
        for ((row, column), got) in out.indexed_iter() {
            let rows = seen(row);
            let expected = exact_slope(&times[rows.clone()], &x.slice(s![rows, column]).to_vec());
            let near = (got - expected).abs() <= 1e-14 * expected.abs() || got.is_nan() && expected.is_nan();
            assert!(near, "{case}: row {row} column {column}: got {got:e}, expected {expected:e}");
        }
    };
    for seconds in DURATIONS {
        for centred in [false, true] {
            let nanoseconds = seconds * SECOND;
            let windows = lasting(nanoseconds, 1, &times).centred(centred);
            check("lasting", windows, &|row| seen(&times, row, nanoseconds, centred));
        }
    }
    for length in [1, 2, 16, 300, 2000] {
        let windows = Windows::from(window(length, 1)).at(Times::new(&times).unwrap());
        check("rows", windows, &|row| (row + 1).saturating_sub(length)..row + 1);
        check("centred rows", windows.centred(true), &|row| {
            let end = row + (length - 1) / 2 + 1;
            end.saturating_sub(length)..end.min(rows)
        });
    }
}

#[test]
fn pieces_of_a_history_of_times_give_the_bytes_of_the_whole() {
    let x = plant(1100);
    let times = times(1100);
    for centred in [false, true] {
        for seconds in [7, 333, 4000, 40_000] {
            let nanoseconds = seconds * SECOND;
            for kernel in Kernel::all() {
                let whole = kernel.compute(x.view(), lasting(nanoseconds, 1, &times).centred(centred));
                for (from, to) in [(0, 300), (299, 300), (300, 1100), (511, 800), (1099, 1100)] {
                    let first = seen(&times, from, nanoseconds, centred).start;
                    let last = seen(&times, to - 1, nanoseconds, centred).end;
                    let windows = lasting(nanoseconds, 1, &times[first..last]).centred(centred);
                    let got = kernel.compute(x.slice(s![first..last, ..]), windows);
                    let case = format!("{kernel:?}, {seconds} s, centred {centred}, rows {from}..{to}");
                    let got = got.slice(s![from - first..to - first, ..]);
                    assert_same_bytes(got, whole.slice(s![from..to, ..]), &case);
                }
            }
        }
    }
}

#[test]
fn durations_on_any_number_of_threads_and_in_any_layout_give_the_same_bytes() {
    let x = plant(4000);
    let times = times(4000);
    let mut turned = Array2::zeros(x.dim().f());
    turned.assign(&x);
    for kernel in Kernel::all() {
        for seconds in [60, 4000, 40_000] {
            let windows = lasting(seconds * SECOND, 1, &times);
            parallel::set_num_threads(1).unwrap();
            let expected = kernel.compute(x.view(), windows);
            for threads in [2, 5] {
                parallel::set_num_threads(threads).unwrap();
                let case = format!("{kernel:?}, {seconds} s, {threads} threads");
                assert_same_bytes(kernel.compute(x.view(), windows).view(), expected.view(), &case);
                assert_same_bytes(kernel.compute(turned.view(), windows).view(), expected.view(), &case);
            }
            for column in 0..x.ncols() {
                let alone = kernel.compute(x.slice(s![.., column..=column]), windows);
                let results = column * kernel.results()..(column + 1) * kernel.results();
                assert_same_bytes(alone.view(), expected.slice(s![.., results]), &format!("{kernel:?} alone"));
            }
        }
    }
}

#[test]
fn centred_windows_agree_with_the_definition() {
    for rows in [1, 2, 9, 700] {
        let x = plant(rows);
        for length in [1, 2, 5, 16, 255, 300, 699, 1399, 5000, usize::MAX / 4] {
            for kernel in Kernel::all() {
                let out = kernel.compute(x.view(), Windows::from(window(length, 1)).centred(true));
                for row in (0..rows).step_by(11).chain([rows - 1]) {
                    let end = row + (length - 1) / 2 + 1;
                    let seen = x.slice(s![end.saturating_sub(length)..end.min(rows), ..]);
                    naive::compare(kernel, seen, 1, out.row(row), &format!("{length} centred, row {row} of {rows}"));
                }
            }
        }
    }
}

#[test]
fn centred_windows_that_are_whole_have_the_bytes_of_trailing_ones() {
    let x = plant(1500);
    for kernel in Kernel::all() {
        for length in [1, 2, 16, 257, 1000] {
            let trailing = kernel.compute(x.view(), window(length, 1));
            let centred = kernel.compute(x.view(), Windows::from(window(length, 1)).centred(true));
            let after = (length - 1) / 2;
            let case = format!("{kernel:?}, {length}");
            assert_same_bytes(centred.slice(s![..1500 - after, ..]), trailing.slice(s![after.., ..]), &case);
        }
    }
}

/// Every so many rows of the results, by absolute index.
fn every(out: ArrayView2<'_, f64>, first_row: usize, step: usize) -> Array2<f64> {
    let rows: Vec<usize> = (0..out.nrows()).filter(|row| (row + first_row).is_multiple_of(step)).collect();
    out.select(ndarray::Axis(0), &rows)
}

#[test]
fn steps_keep_the_bytes_of_every_so_many_rows() {
    let x = plant(1500);
    let times = times(1500);
    for kernel in Kernel::all() {
        for first_row in [0, 5] {
            for length in [1, 16, 300] {
                let plain = Windows::from(window(length, 1)).starting_at(first_row);
                let lasting = lasting(length as i64 * 20 * SECOND, 1, &times).starting_at(first_row);
                for windows in [plain, plain.centred(true), lasting, lasting.centred(true)] {
                    let whole = kernel.compute(x.view(), windows);
                    for step in [1, 2, 7, 16, 511, 1499, 1500, usize::MAX / 4] {
                        let got = kernel.compute(x.view(), windows.every(step).unwrap());
                        let expected = every(whole.view(), first_row, step);
                        assert_same_bytes(got.view(), expected.view(), &format!("{kernel:?}, {length}, step {step}"));
                    }
                }
            }
        }
    }
}

#[test]
fn what_cannot_be_is_refused() {
    let times = [3, 3, 2];
    let unsorted = Times::new(&times).unwrap_err();
    assert_eq!(unsorted, Error::Unsorted { name: "times", row: 2 });
    assert_eq!(unsorted.to_string(), "`times` must not go back, but row 2 is earlier than row 1");
    let sorted = Times::new(&times[..2]).unwrap();
    for nothing in [0, -5] {
        assert!(Windows::lasting(nothing, 1, sorted).is_err());
    }
    let x = plant(3);
    let mut out = Array2::zeros(x.dim());
    for windows in [
        Windows::lasting(1, 1, sorted).unwrap(),
        Windows::from(window(2, 1)).at(sorted),
    ] {
        assert!(windows.every(0).is_err());
        for kernel in [Kernel::Sum, Kernel::Median, Kernel::Slope] {
            let error = kernel.run(x.view(), windows, out.view_mut()).unwrap_err();
            let expected = Error::Length {
                name: "times",
                expected: 3,
                got: 2,
            };
            assert_eq!(error, expected);
        }
    }
}
