use ndarray::{arr2, s};
use proptest::prelude::*;

use super::{Kernel, config, naive, plant, wild_matrix, window};

fn column(kernel: Kernel, x: &[f64], rows: usize) -> Vec<f64> {
    kernel.of(x, window(rows, rows)).column(0).to_vec()
}

#[test]
fn by_hand() {
    let x = [1.0, 2.0, 4.0, 10.0, 4.0];
    assert_eq!(column(Kernel::Sum, &x, 3)[2..], [7.0, 16.0, 18.0]);
    assert_eq!(column(Kernel::Mean, &x, 2)[1..], [1.5, 3.0, 7.0, 7.0]);
    // Of 2, 4: mean 3, deviations -1 and 1.
    assert_eq!(column(Kernel::Var { ddof: 1 }, &x, 2)[1..], [0.5, 2.0, 18.0, 18.0]);
    assert_eq!(column(Kernel::Std { ddof: 0 }, &x, 2)[1..], [0.5, 1.0, 3.0, 3.0]);
    assert_eq!(column(Kernel::Min, &x, 2)[1..], [1.0, 2.0, 4.0, 4.0]);
    assert_eq!(column(Kernel::Max, &x, 2)[1..], [2.0, 4.0, 10.0, 10.0]);
    // Of 4, 10, 4: deviations -2, 4, -2; m2 = 8, m3 = 16; G1 = sqrt(6) / 1 * 16 / 8^1.5.
    assert!((column(Kernel::Skew, &x, 3)[4] - 3.0_f64.sqrt()).abs() < 1e-15);
    // Of 2, 4, 10, 4: deviations -3, -1, 5, -1; sums of squares 36, of fourth powers 708.
    let biased = 708.0 / 4.0 / 81.0 - 3.0;
    assert!((column(Kernel::Kurt, &x, 4)[4] - (5.0 * biased + 6.0) * 3.0 / 2.0).abs() < 1e-14);
    // Of 1, 2, 4 and of 4, 10, 4.
    assert_eq!(column(Kernel::Slope, &x, 3)[2..], [1.5, 4.0, 0.0]);
}

#[test]
fn a_slope_skips_the_rows_that_are_missing() {
    let x = [1.0, f64::NAN, 5.0, f64::INFINITY, f64::NAN, 11.0];
    let slope = Kernel::Slope.of(&x, window(6, 1));
    // One value has no slope: 0.
    assert_eq!(slope.column(0).to_vec(), [0.0, 0.0, 2.0, 2.0, 2.0, 2.0]);
    let short = Kernel::Slope.of(&x, window(2, 1));
    assert_eq!(short.slice(s![..4, 0]).to_vec(), [0.0; 4]);
    assert!(short[[4, 0]].is_nan());
}

#[test]
fn the_definitions_hold_for_every_kind_of_history() {
    let x = plant(1200);
    for (rows, step) in [
        (1, 1),
        (2, 1),
        (3, 1),
        (4, 1),
        (7, 1),
        (16, 3),
        (60, 7),
        (255, 13),
        (256, 13),
        (257, 13),
        (600, 37),
    ] {
        for kernel in Kernel::MOMENTS {
            for min_periods in [0, rows / 2, rows] {
                naive::check(kernel, x.view(), window(rows, min_periods), step);
            }
        }
    }
}

#[test]
fn windows_of_any_size_agree_with_the_definition() {
    let x = plant(2600).slice_move(s![.., ..7]);
    for rows in [511, 512, 513, 1024, 1100, 2599, 2600, 2601, usize::MAX] {
        for kernel in Kernel::MOMENTS {
            naive::check(kernel, x.view(), window(rows, 5), 211);
        }
    }
}

#[test]
fn mean_and_deviation_are_those_of_the_single_kernels() {
    let x = plant(700);
    for rows in [1, 5, 64, 300] {
        let shape = window(rows, 1);
        let both = Kernel::MeanStd.compute(x.view(), shape);
        let mean = Kernel::Mean.compute(x.view(), shape);
        let std = Kernel::Std { ddof: 1 }.compute(x.view(), shape);
        super::assert_same_bytes(both.slice(s![.., ..;2]), mean.view(), "mean");
        super::assert_same_bytes(both.slice(s![.., 1..;2]), std.view(), "std");
    }
}

#[test]
fn a_constant_has_exact_moments_and_no_shape() {
    for value in [0.1, 1500.1, -1e9 / 3.0, 1e200, 5e-324, 0.0] {
        // The mean of many is exact where their sum is.
        let x = [value; 900];
        for rows in [1, 2, 3, 7, 16, 64, 256, 300, 512, 900] {
            let shape = window(rows, 1);
            for kernel in [Kernel::Var { ddof: 0 }, Kernel::Std { ddof: 0 }, Kernel::Slope] {
                assert!(kernel.of(&x, shape).iter().all(|&y| y.to_bits() == 0), "{kernel:?} of {value}, window {rows}");
            }
            for kernel in [Kernel::Min, Kernel::Max, Kernel::Mean] {
                assert!(kernel.of(&x, shape).iter().all(|&y| y == value), "{kernel:?} of {value}, window {rows}");
            }
            for kernel in [Kernel::Skew, Kernel::Kurt] {
                assert!(kernel.of(&x, shape).iter().all(|y| y.is_nan()), "{kernel:?} of {value}, window {rows}");
            }
        }
    }
}

#[test]
fn only_what_is_itself_beyond_float64_is_infinite_and_it_passes() {
    let mut x = [1.0, 2.0, 4.0].repeat(30);
    x[30] = 1.7e308;
    x[31] = 1.7e308;
    x[33] = -1e160;
    let calm: Vec<f64> = [1.0, 2.0, 4.0].repeat(30);
    for rows in [4, 7, 16] {
        let shape = window(rows, 2);
        assert_eq!(Kernel::Sum.of(&x, shape)[[31, 0]], f64::INFINITY);
        assert!(Kernel::Mean.of(&x, shape).iter().skip(1).all(|y| y.is_finite()));
        for row in 30..34 {
            assert_eq!(Kernel::Var { ddof: 1 }.of(&x, shape)[[row, 0]], f64::INFINITY, "row {row}");
            assert!(Kernel::Std { ddof: 0 }.of(&x, shape)[[row, 0]].is_finite(), "row {row}");
            assert!(Kernel::Skew.of(&x, shape)[[row, 0]].is_nan(), "row {row}");
            assert!(Kernel::Kurt.of(&x, shape)[[row, 0]].is_nan(), "row {row}");
        }
        for kernel in Kernel::MOMENTS {
            let after = s![33 + rows.., ..];
            let (got, expected) = (kernel.of(&x, shape), kernel.of(&calm, shape));
            super::assert_same_bytes(got.slice(after), expected.slice(after), &format!("{kernel:?}, window {rows}"));
        }
    }
}

#[test]
fn large_values_far_from_the_largest_keep_their_mean() {
    let x = [1e300, -1e300, 3.0, 1e15, 1.0, -1e15];
    assert_eq!(Kernel::Sum.of(&x, window(3, 1))[[2, 0]], 3.0);
    assert_eq!(Kernel::Mean.of(&x, window(3, 1))[[5, 0]], 1.0 / 3.0);
}

#[test]
fn the_smallest_numbers_add_up() {
    let least = 5e-324;
    let x = [least, least, -least, 3.0 * least];
    assert_eq!(column(Kernel::Sum, &x, 2)[1..], [2.0 * least, 0.0, 2.0 * least]);
    assert_eq!(column(Kernel::Mean, &x, 2)[1..], [least, 0.0, least]);
    assert_eq!(column(Kernel::Min, &x, 4)[3], -least);
    assert_eq!(column(Kernel::Max, &x, 4)[3], 3.0 * least);
    assert_eq!(column(Kernel::Std { ddof: 0 }, &x, 4)[3], 0.0);
}

#[test]
fn ddof_takes_rows_away() {
    let x = arr2(&[[1.0], [3.0], [5.0]]);
    let of = |ddof| Kernel::Var { ddof }.compute(x.view(), window(3, 1)).column(0).to_vec();
    assert_eq!(of(0)[..2], [0.0, 1.0]);
    assert_eq!(of(2)[2], 8.0);
    assert!(of(2)[1].is_nan());
    assert!(of(3).iter().chain(&of(100)).all(|y| y.is_nan()));
}

proptest! {
    #![proptest_config(config(300))]

    #[test]
    fn any_matrix_gives_the_numbers_of_the_definition(
        x in wild_matrix(240),
        rows in 1_usize..=12,
        least in 0_usize..=12,
        first_row in 0_usize..100,
    ) {
        let shape = window(rows, least.min(rows)).starting_at(first_row);
        for kernel in Kernel::MOMENTS {
            naive::check(kernel, x.view(), shape, 1);
        }
    }
}
