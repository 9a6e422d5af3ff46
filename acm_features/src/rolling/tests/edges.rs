use ndarray::{Array2, Zip, arr2, s};

use super::{Kernel, assert_same_bytes, naive, plant, window};
use crate::Error;

#[test]
fn nothing_in_nothing_out() {
    for kernel in Kernel::all() {
        for dim in [(0, 3), (5, 0), (0, 0)] {
            let out = kernel.compute(Array2::zeros(dim).view(), window(4, 1));
            assert_eq!(out.dim(), (dim.0, dim.1 * kernel.results()), "{kernel:?}");
        }
    }
}

#[test]
fn a_single_row() {
    let x = arr2(&[[5.5, f64::NAN, f64::INFINITY]]);
    for rows in [1, 4, usize::MAX] {
        for kernel in Kernel::all() {
            naive::check(kernel, x.view(), window(rows, 1), 1);
            if rows > 1 {
                let out = kernel.compute(x.view(), window(rows, 2));
                assert!(out.iter().all(|y| y.is_nan()), "{kernel:?}, window {rows}");
            }
        }
    }
}

#[test]
fn a_window_beyond_the_history_sees_all_of_it() {
    let x = plant(130);
    for kernel in Kernel::all() {
        let whole = kernel.compute(x.view(), window(130, 3));
        for rows in [131, 200, 1000, 1 << 40, usize::MAX] {
            naive::check(kernel, x.view(), window(rows, 3), 11);
            let got = kernel.compute(x.view(), window(rows, 3));
            assert_same_bytes(got.view(), whole.view(), &format!("{kernel:?}, window {rows}"));
        }
    }
}

#[test]
fn all_missing_is_missing() {
    for value in [f64::NAN, -f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
        let x = Array2::from_elem((40, 9), value);
        for rows in [1, 7, 300] {
            for kernel in Kernel::all() {
                for min_periods in [0, 1, rows] {
                    let out = kernel.compute(x.view(), window(rows, min_periods));
                    let empty_sum = kernel == Kernel::Sum && min_periods == 0;
                    let right = |y: &f64| if empty_sum { y.to_bits() == 0 } else { y.is_nan() };
                    assert!(out.iter().all(right), "{kernel:?} of {value}, window {rows}, {min_periods}");
                }
            }
        }
    }
}

#[test]
fn no_least_number_of_values_is_one_value_but_for_the_sum() {
    let x = plant(200);
    for rows in [1, 5, 60, 300] {
        for kernel in Kernel::all() {
            let none = kernel.compute(x.view(), window(rows, 0));
            let one = kernel.compute(x.view(), window(rows, 1));
            if kernel == Kernel::Sum {
                assert!(none.iter().all(|y| !y.is_nan()));
                Zip::from(&none)
                    .and(&one)
                    .for_each(|none, one| assert!(one.is_nan() && *none == 0.0 || none == one));
            } else {
                assert_same_bytes(none.view(), one.view(), &format!("{kernel:?}, window {rows}"));
            }
        }
    }
}

#[test]
fn infinities_are_missing() {
    let x = plant(400);
    let gaps = x.mapv(|x| if x.is_finite() { x } else { f64::NAN });
    assert!(x.iter().any(|x| x.is_infinite()));
    for rows in [1, 6, 64, 300] {
        for kernel in Kernel::all() {
            let (got, expected) = (
                kernel.compute(x.view(), window(rows, 2.min(rows))),
                kernel.compute(gaps.view(), window(rows, 2.min(rows))),
            );
            assert_same_bytes(got.view(), expected.view(), &format!("{kernel:?}, window {rows}"));
        }
    }
}

#[test]
fn minus_zero_is_zero() {
    let x = plant(300).slice_move(s![.., 11..]);
    assert!(x.iter().any(|x| x.to_bits() == (-0.0_f64).to_bits()));
    let plain = x.mapv(|x| x + 0.0);
    for rows in [1, 2, 13, 270] {
        for kernel in Kernel::all() {
            let (got, expected) =
                (kernel.compute(x.view(), window(rows, 1)), kernel.compute(plain.view(), window(rows, 1)));
            assert_same_bytes(got.view(), expected.view(), &format!("{kernel:?}, window {rows}"));
        }
    }
    let zeros = [-0.0; 20];
    for kernel in [Kernel::Sum, Kernel::Mean, Kernel::Min, Kernel::Max, Kernel::Median] {
        assert!(kernel.of(&zeros, window(3, 1)).iter().all(|y| y.to_bits() == 0), "{kernel:?}");
    }
}

#[test]
fn what_left_the_window_leaves_no_trace() {
    let calm = plant(1500);
    let mut wild = calm.clone();
    wild.slice_mut(s![..150, ..])
        .mapv_inplace(|x| if x.is_nan() { 3.0 } else { -1e15 * (1.0 + x.abs()) });
    wild.slice_mut(s![..150;3, ..]).fill(f64::NAN);
    for rows in [1, 2, 12, 60, 256, 257, 600, 1100] {
        let shape = window(rows, 1);
        let after = s![149 + rows.., ..];
        for kernel in Kernel::all() {
            let (calm, wild) = (kernel.compute(calm.view(), shape), kernel.compute(wild.view(), shape));
            assert_same_bytes(wild.slice(after), calm.slice(after), &format!("{kernel:?}, window {rows}"));
            assert!(wild != calm || rows == 1, "{kernel:?}, window {rows}: nothing was disturbed");
        }
    }
}

#[test]
fn another_output_is_refused() {
    let x = plant(10);
    for kernel in Kernel::all() {
        let columns = x.ncols() * kernel.results();
        for dim in [
            (9, columns),
            (11, columns),
            (10, columns - 1),
            (10, columns + 1),
            (0, 0),
        ] {
            let mut out = Array2::from_elem(dim, -7.0);
            let error = kernel.run(x.view(), window(3, 1), out.view_mut()).unwrap_err();
            let expected = Error::Shape {
                name: "out",
                expected: (10, columns),
                got: dim,
            };
            assert_eq!(error, expected, "{kernel:?}");
            assert!(out.iter().all(|&y| y == -7.0));
        }
    }
}
