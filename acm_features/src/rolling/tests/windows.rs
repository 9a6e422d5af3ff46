//! A result depends on the values in its window and on the row's absolute index, on nothing else.

use acm_linalg::parallel;
use ndarray::{Array2, ArrayView2, Axis, ShapeBuilder, s};
use proptest::prelude::*;

use super::{Kernel, assert_same_bytes, config, naive, plant, wild_matrix, window};
use crate::rolling::{Closed, Window, Windows, rolling_corr};

/// Short ones, those about the lengths at which a kernel changes its ways, and one beyond the history.
const WINDOWS: [usize; 14] = [1, 2, 3, 16, 60, 255, 256, 257, 300, 512, 513, 1100, 1800, 5000];

const ROWS: usize = 1800;

/// Rows `from..to` of a history as it is computed elsewhere: with the rows before them that their windows see.
fn piece(kernel: Kernel, x: ArrayView2<'_, f64>, shape: Window, from: usize, to: usize) -> Array2<f64> {
    let halo = from.min(shape.rows() - 1);
    let first = from - halo;
    let out = kernel.compute(x.slice(s![first..to, ..]), shape.starting_at(first));
    out.slice_move(s![halo.., ..])
}

#[test]
fn pieces_of_a_history_give_the_bytes_of_the_whole() {
    let x = plant(ROWS);
    for kernel in Kernel::all() {
        for rows in WINDOWS {
            let shape = window(rows, 1);
            let whole = kernel.compute(x.view(), shape);
            for cut in [1, 16, 255, 257, 640, 1024, 1100, 1799] {
                for (from, to) in [(0, cut), (cut, ROWS), (cut / 2, cut)] {
                    let got = piece(kernel, x.view(), shape, from, to);
                    let case = format!("{kernel:?}, window {rows}, rows {from}..{to}");
                    assert_same_bytes(got.view(), whole.slice(s![from..to, ..]), &case);
                }
            }
        }
    }
}

#[test]
fn columns_without_gaps_have_the_bytes_of_those_beside_a_missing_one() {
    // Eight lanes, so that all that is asked of a tile is asked of all of them.
    let whole = plant(1300).select(Axis(1), &[0, 1, 2, 3, 5, 9, 10, 11]);
    let mut beside = whole.clone();
    beside.column_mut(7).fill(f64::NAN);
    let y = plant(1300).select(Axis(1), &[5]);
    for rows in [1, 2, 16, 129, 300, 512, 513, 1100, 1300, 1301, 5000] {
        for first in [0, 3, rows / 2, rows] {
            let plain = Windows::from(window(rows, 2.min(rows)).starting_at(first));
            for windows in [plain, plain.centred(true), plain.closed(Closed::Left)] {
                for kernel in Kernel::MOMENTS {
                    let got = kernel.compute(whole.view(), windows);
                    let expected = kernel.compute(beside.view(), windows);
                    let same = s![.., ..7 * kernel.results()];
                    let case = format!("{kernel:?}, window {rows} from row {first}");
                    assert_same_bytes(got.slice(same), expected.slice(same), &case);
                }
                let corr = |x: &Array2<f64>| {
                    let mut out = Array2::zeros((windows.kept(x.nrows()), 8));
                    rolling_corr(x.view(), y.view(), windows, out.view_mut()).unwrap();
                    out
                };
                let (got, expected) = (corr(&whole), corr(&beside));
                let case = format!("correlation, window {rows} from row {first}");
                assert_same_bytes(got.slice(s![.., ..7]), expected.slice(s![.., ..7]), &case);
            }
        }
    }
}

#[test]
fn a_window_that_ends_before_its_row_has_the_bytes_of_the_row_before() {
    let x = plant(700);
    for kernel in Kernel::all() {
        for rows in [1, 2, 16, 255, 256, 257, 600, 900] {
            let windows = Windows::from(window(rows, 1).starting_at(3));
            let out = |closed| {
                let mut out = Array2::zeros((x.nrows(), x.ncols() * kernel.results()));
                kernel.run(x.view(), windows.closed(closed), out.view_mut()).unwrap();
                out
            };
            let (right, left) = (out(Closed::Right), out(Closed::Left));
            let case = format!("{kernel:?}, window {rows}");
            assert_same_bytes(left.slice(s![1.., ..]), right.slice(s![..-1, ..]), &case);
        }
    }
}

#[test]
fn a_history_row_by_row_gives_the_bytes_of_the_whole() {
    let x = plant(330);
    for kernel in Kernel::all() {
        for rows in [1, 5, 64, 300] {
            let shape = window(rows, 2.min(rows));
            let whole = kernel.compute(x.view(), shape);
            for row in 0..x.nrows() {
                let got = piece(kernel, x.view(), shape, row, row + 1);
                let case = format!("{kernel:?}, window {rows}, row {row}");
                assert_same_bytes(got.view(), whole.slice(s![row..=row, ..]), &case);
            }
        }
    }
}

#[test]
fn rows_that_are_not_at_hand_count_as_missing() {
    let x = plant(5);
    for rows in [2, 256, 257, 300, 1100] {
        for first_row in [1, 255, 256, 257, 299, 1099, 1_000_000] {
            for kernel in Kernel::all() {
                naive::check(kernel, x.view(), window(rows, 1).starting_at(first_row), 1);
            }
        }
    }
}

#[test]
fn any_number_of_threads_gives_the_same_bytes() {
    let x = plant(6000);
    for kernel in Kernel::all() {
        for rows in [3, 64, 300, 2000] {
            let mut expected = None;
            for threads in [1, 2, 3, 7] {
                parallel::set_num_threads(threads).unwrap();
                let got = kernel.compute(x.view(), window(rows, 1));
                let expected = expected.get_or_insert_with(|| got.clone());
                assert_same_bytes(
                    got.view(),
                    expected.view(),
                    &format!("{kernel:?}, window {rows}, {threads} threads"),
                );
            }
        }
    }
}

#[test]
fn a_column_has_the_same_bytes_whatever_stands_beside_it() {
    let x = plant(1300);
    for kernel in Kernel::all() {
        for rows in [1, 16, 60, 300, 600, 2000] {
            let shape = window(rows, 2.min(rows));
            let whole = kernel.compute(x.view(), shape);
            let width = kernel.results();
            for column in 0..x.ncols() {
                let alone = kernel.compute(x.slice(s![.., column..=column]), shape);
                let expected = whole.slice(s![.., column * width..(column + 1) * width]);
                assert_same_bytes(alone.view(), expected, &format!("{kernel:?}, window {rows}, column {column}"));
            }
        }
    }
}

#[test]
fn any_memory_order_gives_the_same_bytes() {
    let x = plant(900);
    let (rows, columns) = x.dim();
    let fortran = Array2::from_shape_fn(x.dim().f(), |at| x[at]);
    let mut wide = Array2::from_elem((2 * rows, 3 * columns), 1e300);
    wide.slice_mut(s![..;2, 1..;3]).assign(&x);
    let mut turned = Array2::from_elem(x.dim(), 1e300);
    turned.slice_mut(s![..;-1, ..;-1]).assign(&x);
    for kernel in Kernel::all() {
        for length in [4, 60, 300] {
            let shape = window(length, 1);
            let expected = kernel.compute(x.view(), shape);
            let inputs = [
                x.view(),
                fortran.view(),
                wide.slice(s![..;2, 1..;3]),
                turned.slice(s![..;-1, ..;-1]),
            ];
            for (number, input) in inputs.into_iter().enumerate() {
                let case = format!("{kernel:?}, window {length}, input {number}");
                assert_same_bytes(kernel.compute(input, shape).view(), expected.view(), &case);
                let mut out = Array2::zeros(expected.dim().f());
                kernel.run(input, shape, out.view_mut()).unwrap();
                assert_same_bytes(out.view(), expected.view(), &case);
                let (high, broad) = expected.dim();
                let mut out = Array2::from_elem((3 * high, 2 * broad), -7.0);
                kernel.run(input, shape, out.slice_mut(s![1..;3, ..;-2])).unwrap();
                assert_same_bytes(out.slice(s![1..;3, ..;-2]), expected.view(), &case);
                assert!(out.slice(s![..;3, ..]).iter().chain(out.slice(s![.., ..;2])).all(|&y| y == -7.0), "{case}");
            }
        }
    }
}

#[expect(clippy::cast_possible_truncation, reason = "float32 in, float32 out")]
#[test]
fn float32_is_rounded_once() {
    let x = plant(700).mapv(|x| x as f32);
    let exact = x.mapv(f64::from);
    for kernel in Kernel::all() {
        for rows in [1, 16, 300] {
            let mut out = Array2::from_elem((x.nrows(), x.ncols() * kernel.results()), -7.0);
            kernel.run(x.view(), window(rows, 1), out.view_mut()).unwrap();
            let expected = kernel.compute(exact.view(), window(rows, 1));
            for (at, got) in out.indexed_iter() {
                let expected = expected[at] as f32;
                assert!(
                    got.to_bits() == expected.to_bits(),
                    "{kernel:?}, window {rows}, {at:?}: {got:e}, {expected:e}"
                );
            }
        }
    }
}

proptest! {
    #![proptest_config(config(150))]

    #[test]
    fn any_cut_of_any_matrix_gives_the_same_bytes(
        x in wild_matrix(300),
        rows in prop_oneof![1_usize..=12, 250_usize..=262],
        first_row in 0_usize..1000,
        cut in 0.0..1.0,
    ) {
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "below the rows")]
        let cut = (x.nrows() as f64 * cut) as usize;
        let shape = window(rows, 1);
        for kernel in Kernel::all() {
            let whole = kernel.compute(x.view(), shape.starting_at(first_row));
            let halo = cut.min(rows - 1);
            let first = cut - halo;
            let late = kernel.compute(x.slice(s![first.., ..]), shape.starting_at(first_row + first));
            assert_same_bytes(late.slice(s![halo.., ..]), whole.slice(s![cut.., ..]), &format!("{kernel:?} from {cut}"));
            let early = kernel.compute(x.slice(s![..cut, ..]), shape.starting_at(first_row));
            assert_same_bytes(early.view(), whole.slice(s![..cut, ..]), &format!("{kernel:?} to {cut}"));
        }
    }
}
