use acm_linalg::Table;
use ndarray::{Array2, ArrayView2, ShapeBuilder, s};

use super::*;
use crate::rolling::tests::Random;

fn noise(rows: usize, columns: usize) -> Array2<f64> {
    let mut random = Random::new(7);
    Array2::from_shape_simple_fn((rows, columns), || random.noise())
}

/// Mean and both deviations.
fn all(x: ArrayView2<'_, f64>, decay: Decay<'_>, weighing: Weighing, fortran: bool) -> [Array2<f64>; 3] {
    let fresh = || Array2::zeros(x.dim().set_f(fortran));
    let [mut mean, mut biased, mut unbiased] = [fresh(), fresh(), fresh()];
    ewm_mean(x, decay, weighing, mean.view_mut()).unwrap();
    ewm_std(x, decay, weighing, true, biased.view_mut()).unwrap();
    ewm_std(x, decay, weighing, false, unbiased.view_mut()).unwrap();
    [mean, biased, unbiased]
}

fn bits<'a>(x: impl IntoIterator<Item = &'a f64>) -> Vec<u64> {
    x.into_iter().map(|value| value.to_bits()).collect()
}

fn manners() -> impl Iterator<Item = (Decay<'static>, Weighing)> {
    [0.003, 0.1, 0.7, 1.0].into_iter().flat_map(|alpha| {
        [
            (true, false, 1),
            (true, true, 3),
            (false, false, 40),
            (false, true, 300),
        ]
        .map(|(adjust, ignore_na, min_periods)| {
            let weighing = Weighing {
                adjust,
                ignore_na,
                min_periods,
            };
            (Decay::alpha(alpha).unwrap(), weighing)
        })
    })
}

#[test]
fn columns_without_a_value_so_far_change_nothing_beside_them() {
    let mut x = noise(600, 21);
    // Never a value; the first of them in each place of a tile; a whole group without any for a while.
    x.column_mut(0).fill(f64::NAN);
    x.column_mut(12).fill(f64::INFINITY);
    for (column, rows) in [
        (1, 1),
        (3, 63),
        (4, 64),
        (5, 65),
        (6, 255),
        (7, 256),
        (13, 257),
        (20, 511),
    ] {
        x.slice_mut(s![..rows, column]).fill(f64::NAN);
    }
    x.slice_mut(s![..130, 8..16]).fill(f64::NAN);
    // One that falls silent, and one that comes back.
    x.slice_mut(s![300.., 17]).fill(f64::NAN);
    x.slice_mut(s![200..500, 18]).fill(f64::NAN);
    for (decay, weighing) in manners() {
        let together = all(x.view(), decay, weighing, false);
        for column in 0..x.ncols() {
            // Beside one with gaps in each tile a column goes by itself.
            let mut pair = Array2::from_elem((600, 2), 1.0);
            pair.column_mut(0).assign(&x.column(column));
            pair.slice_mut(s![5..;50, 1]).fill(f64::NAN);
            for (together, alone) in together.iter().zip(all(pair.view(), decay, weighing, false)) {
                assert_eq!(
                    bits(together.column(column)),
                    bits(alone.column(0)),
                    "column {column}, {decay:?} {weighing:?}"
                );
            }
        }
    }
}

#[test]
fn any_number_of_columns_in_any_layout_gives_each_its_own_bits() {
    for columns in [1, 2, 7, 8, 9, 15, 16, 17, 31, 33, 63, 130, 150] {
        let mut x = noise(300, columns);
        if columns > 2 {
            x[[200, columns / 2]] = f64::NAN;
            x[[10, columns - 1]] = f64::NEG_INFINITY;
        }
        let turned = x.t().as_standard_layout().into_owned();
        let wide =
            Array2::from_shape_fn(
                (300, columns + 3),
                |(row, column)| {
                    if column < columns { x[[row, column]] } else { f64::NAN }
                },
            );
        let apart: Vec<_> = x.columns().into_iter().map(|column| column.to_owned()).collect();
        let apart: Vec<_> = apart.iter().map(|column| column.view()).collect();
        for (decay, weighing) in manners().take(6) {
            let expected = all(x.view(), decay, weighing, false).map(|found| bits(&found));
            for fortran in [false, true] {
                for x in [x.view(), turned.t(), wide.slice(s![.., ..columns])] {
                    let found = all(x, decay, weighing, fortran).map(|found| bits(&found));
                    assert_eq!(found, expected, "{columns} columns, {decay:?} {weighing:?}");
                }
            }
            let mut out = Array2::zeros((300, columns));
            let table = Table::of_columns(300, &apart, "x").unwrap();
            ewm_std(table, decay, weighing, false, out.view_mut()).unwrap();
            assert_eq!(bits(&out), expected[2], "{columns} columns by themselves");
            for column in [0, columns / 3, columns - 1] {
                let alone = all(x.slice(s![.., column..=column]), decay, weighing, false);
                let mut own = expected[1].iter().skip(column).step_by(columns);
                assert!(alone[1].iter().all(|value| own.next() == Some(&value.to_bits())), "{column} of {columns}");
            }
        }
    }
}
