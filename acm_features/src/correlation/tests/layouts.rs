//! The same bytes for any memory layout and any number of threads.

use acm_linalg::{Table, parallel};
use ndarray::{Array2, Array3, ArrayView2, Axis, ShapeBuilder, s};

use super::{METHODS, compute, compute_covariance, plant};
use crate::correlation::{correlation, lagged_correlation};

fn everything(x: ArrayView2<'_, f64>) -> Vec<u64> {
    let mut bits: Vec<u64> = Vec::new();
    for method in METHODS {
        bits.extend(compute(x, method, 3).iter().map(|value| value.to_bits()));
    }
    bits.extend(compute_covariance(x, 1, 1).iter().map(|value| value.to_bits()));
    let mut lags = Array3::zeros((3, x.ncols(), x.ncols()));
    lagged_correlation(x, 1, lags.view_mut()).unwrap();
    bits.extend(lags.iter().map(|value: &f64| value.to_bits()));
    bits
}

#[test]
fn any_number_of_threads() {
    for (rows, columns) in [(3000, 20), (400, 150)] {
        for gaps in [0.0, 0.05] {
            let x = plant(rows, columns, gaps);
            let mut expected = None;
            for threads in [1, 2, 5] {
                parallel::set_num_threads(threads).unwrap();
                let got = everything(x.view());
                assert!(*expected.get_or_insert_with(|| got.clone()) == got, "{threads} threads");
            }
        }
    }
}

#[test]
fn any_memory_layout() {
    for gaps in [0.0, 0.05] {
        let x = plant(700, 19, gaps);
        let expected = everything(x.view());
        let mut fortran = Array2::zeros((700, 19).f());
        fortran.assign(&x);
        assert!(everything(fortran.view()) == expected, "columns contiguous");
        let mut wide = Array2::from_elem((1400, 57), f64::NAN);
        wide.slice_mut(s![..;2, 1..;3]).assign(&x);
        assert!(everything(wide.slice(s![..;2, 1..;3])) == expected, "strided");
        let mut within = Array2::from_elem((700, 30), f64::NAN);
        within.slice_mut(s![.., 5..24]).assign(&x);
        assert!(everything(within.slice(s![.., 5..24])) == expected, "part of wider rows");
        // Columns of their own, every fifth of them not in one piece.
        let apart = |column: usize| {
            if column.is_multiple_of(5) {
                wide.slice(s![..;2, 3 * column + 1])
            } else {
                fortran.column(column)
            }
        };
        let apart: Vec<_> = (0..19).map(apart).collect();
        let apart = Table::of_columns(700, &apart, "x").unwrap();
        let mut out = Array2::zeros((19, 19));
        for (number, method) in METHODS.into_iter().enumerate() {
            correlation(apart, method, 3, out.view_mut()).unwrap();
            let bits: Vec<u64> = out.iter().map(|value: &f64| value.to_bits()).collect();
            assert!(bits == expected[number * 361..number * 361 + 361], "columns apart");
        }
        let mut turned = x.clone();
        turned.invert_axis(Axis(0));
        turned.invert_axis(Axis(1));
        let turned = Array2::from_shape_fn((700, 19), |(row, column)| turned[[row, column]]);
        assert!(everything(turned.slice(s![..;-1, ..;-1])) == expected, "reversed");
    }
}

#[test]
fn no_row_of_many_columns() {
    parallel::set_num_threads(1).unwrap();
    let x = Array2::from_elem((2, 40), 1.0);
    for method in METHODS {
        let found = compute(x.slice(s![..0, ..]), method, 1);
        assert!(found.iter().all(|value| value.is_nan()));
    }
}
