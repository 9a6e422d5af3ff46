use ndarray::{Array2, ArrayView2, array};

use super::{bits, every_layout, known, plant};
use crate::column::{MaxGap, Method, Reach, impute, lag_matrix};
use crate::rolling::Times;
use crate::rolling::middle;

const GAP: f64 = f64::NAN;
const METHODS: [Method; 5] = [
    Method::Median,
    Method::Zero,
    Method::Forward,
    Method::Backward,
    Method::Interpolate,
];

fn limited(limit: Option<usize>) -> Reach<'static> {
    Reach {
        limit,
        ..Reach::default()
    }
}

fn filled(x: ArrayView2<'_, f64>, method: Method, fill: Option<&[f64]>, limit: Option<usize>) -> Array2<f64> {
    let mut out = Array2::from_elem(x.dim(), 77.0);
    let reach = limited(limit);
    impute(x, method, fill, &reach, out.view_mut()).unwrap();
    out
}

fn column(method: Method, limit: Option<usize>) -> Vec<f64> {
    let x = array![
        [GAP],
        [1.0],
        [f64::INFINITY],
        [GAP],
        [GAP],
        [5.0],
        [9.0],
        [GAP],
        [f64::NEG_INFINITY]
    ];
    filled(x.view(), method, None, limit).column(0).to_vec()
}

/// Equal, with 77 for NaN.
fn same(got: &[f64], expected: &[f64]) {
    let marked: Vec<f64> = got.iter().map(|&value| if value.is_nan() { 77.0 } else { value }).collect();
    assert_eq!(marked, expected);
}

#[test]
fn by_hand() {
    same(&column(Method::Median, None), &[5.0, 1.0, 5.0, 5.0, 5.0, 5.0, 9.0, 5.0, 5.0]);
    same(&column(Method::Zero, None), &[0.0, 1.0, 0.0, 0.0, 0.0, 5.0, 9.0, 0.0, 0.0]);
    same(&column(Method::Forward, None), &[77.0, 1.0, 1.0, 1.0, 1.0, 5.0, 9.0, 9.0, 9.0]);
    same(&column(Method::Backward, None), &[1.0, 1.0, 5.0, 5.0, 5.0, 5.0, 9.0, 77.0, 77.0]);
    same(&column(Method::Interpolate, None), &[77.0, 1.0, 2.0, 3.0, 4.0, 5.0, 9.0, 9.0, 9.0]);
    same(&column(Method::Zero, Some(1)), &[0.0, 1.0, 0.0, 77.0, 77.0, 5.0, 9.0, 0.0, 77.0]);
    same(&column(Method::Median, Some(2)), &[5.0, 1.0, 5.0, 5.0, 77.0, 5.0, 9.0, 5.0, 5.0]);
    same(&column(Method::Forward, Some(1)), &[77.0, 1.0, 1.0, 77.0, 77.0, 5.0, 9.0, 9.0, 77.0]);
    same(&column(Method::Backward, Some(2)), &[1.0, 1.0, 77.0, 5.0, 5.0, 5.0, 9.0, 77.0, 77.0]);
    same(&column(Method::Interpolate, Some(1)), &[77.0, 1.0, 2.0, 77.0, 77.0, 5.0, 9.0, 9.0, 77.0]);
}

#[test]
fn a_column_of_nothing_stays_so_unless_a_number_is_given() {
    let x = Array2::from_elem((5, 2), GAP);
    for method in METHODS {
        let out = filled(x.view(), method, None, None);
        assert!(
            out.iter()
                .all(|&value| if method == Method::Zero { value == 0.0 } else { value.is_nan() })
        );
    }
    let out = filled(x.view(), Method::Median, Some(&[3.0, GAP]), None);
    assert!(out.column(0).iter().all(|&value| value == 3.0) && out.column(1).iter().all(|value| value.is_nan()));
    let refused = |method, fill, reach: &Reach<'_>| {
        assert!(impute(x.view(), method, fill, reach, Array2::zeros((5, 2)).view_mut()).is_err());
    };
    refused(Method::Zero, Some(&[3.0, GAP][..]), &limited(None));
    refused(Method::Median, Some(&[3.0][..]), &limited(None));
    refused(Method::Zero, None, &limited(Some(0)));
    refused(Method::Time, None, &limited(None));
    for max_gap in [MaxGap::Rows(0), MaxGap::Lasting(0), MaxGap::Lasting(5)] {
        refused(
            Method::Zero,
            None,
            &Reach {
                max_gap: Some(max_gap),
                ..Reach::default()
            },
        );
    }
    let times = Times::new(&[0, 1, 2]).unwrap();
    refused(
        Method::Time,
        None,
        &Reach {
            times: Some(times),
            ..Reach::default()
        },
    );
    assert_eq!(filled(Array2::zeros((0, 3)).view(), Method::Median, None, None).dim(), (0, 3));
}

#[test]
fn lines_cross_spikes_and_the_largest_numbers() {
    let x = array![
        [-1e15, 1.7e308, 0.1],
        [GAP, GAP, GAP],
        [GAP, GAP, GAP],
        [GAP, GAP, GAP],
        [1e15 + 8.0, -1.7e308, 0.1]
    ];
    let out = filled(x.view(), Method::Interpolate, None, None);
    assert_eq!(out[[2, 0]], 4.0);
    assert_eq!(out[[2, 1]], 0.0);
    assert!((out[[1, 1]] - 0.85e308).abs() < 1e294);
    assert!(out.column(2).iter().all(|&value| value == 0.1));
}

#[test]
fn lines_by_time_and_gaps_that_are_too_long() {
    let x = array![[GAP], [2.0], [GAP], [GAP], [12.0], [GAP], [4.0], [GAP]];
    let times = [0, 10, 12, 19, 20, 20, 20, 21];
    let filled = |method, max_gap| {
        let reach = Reach {
            limit: None,
            max_gap,
            times: Some(Times::new(&times).unwrap()),
        };
        let mut out = Array2::from_elem(x.dim(), 77.0);
        impute(x.view(), method, None, &reach, out.view_mut()).unwrap();
        out.column(0).to_vec()
    };
    // Where no time passes the earlier value stays.
    same(&filled(Method::Time, None), &[77.0, 2.0, 4.0, 11.0, 12.0, 12.0, 4.0, 4.0]);
    same(&filled(Method::Interpolate, Some(MaxGap::Rows(1))), &[77.0, 2.0, 77.0, 77.0, 12.0, 8.0, 4.0, 4.0]);
    same(&filled(Method::Zero, Some(MaxGap::Rows(2))), &[0.0, 2.0, 0.0, 0.0, 12.0, 0.0, 4.0, 0.0]);
    same(&filled(Method::Zero, Some(MaxGap::Lasting(9))), &[77.0, 2.0, 77.0, 77.0, 12.0, 0.0, 4.0, 0.0]);
    same(&filled(Method::Zero, Some(MaxGap::Lasting(10))), &[0.0, 2.0, 0.0, 0.0, 12.0, 0.0, 4.0, 0.0]);
}

#[test]
fn lines_over_years_lose_no_digit() {
    // Centuries in nanoseconds, of which a float64 holds no single ones.
    let second = 1_000_000_000;
    let times = [-9_000_000_000 * second, second, 9_000_000_002 * second];
    let x = array![[-1e15], [GAP], [1e15 + 8.0]];
    let mut out = Array2::zeros((3, 1));
    let reach = Reach {
        times: Some(Times::new(&times).unwrap()),
        ..Reach::default()
    };
    impute(x.view(), Method::Time, None, &reach, out.view_mut()).unwrap();
    assert_eq!(out[[1, 0]], 4.0);
}

#[test]
fn filling_is_the_same_in_every_layout_and_touches_nothing_else() {
    let x = plant(20_000);
    for method in METHODS {
        for limit in [None, Some(1), Some(3)] {
            let expected = filled(x.view(), method, None, limit);
            every_layout(&x, |x| {
                let out = filled(x, method, None, limit);
                assert_eq!(bits(out.as_slice().unwrap()), bits(expected.as_slice().unwrap()), "{method:?}");
                let mut turned = Array2::zeros((x.ncols(), x.nrows()));
                impute(x, method, None, &limited(limit), turned.view_mut().reversed_axes()).unwrap();
                let turned = turned.t().as_standard_layout().into_owned();
                assert_eq!(bits(turned.as_slice().unwrap()), bits(expected.as_slice().unwrap()), "{method:?}");
            });
            for ((place, &before), &after) in x.indexed_iter().zip(&expected) {
                assert!(!before.is_finite() || before.to_bits() == after.to_bits(), "{place:?}");
                assert!(!after.is_infinite());
            }
        }
    }
    let medians = filled(x.view(), Method::Median, None, None);
    let sorted = known(&x.view(), 5);
    let median = middle(sorted[(sorted.len() - 1) / 2], sorted[sorted.len() / 2]);
    assert!(x.column(5).iter().zip(medians.column(5)).all(|(x, &y)| x.is_finite() || y == median));
}

#[test]
fn lags_shift_down() {
    let x = array![[1.0, -4.0], [f64::INFINITY, 5.0], [3.0, 6.0]];
    let mut out = Array2::zeros((3, 6));
    lag_matrix(x.view(), &[0, 2, 9], out.view_mut()).unwrap();
    let first: Vec<f64> = out.row(2).to_vec();
    same(&first, &[3.0, 1.0, 77.0, 6.0, -4.0, 77.0]);
    same(&out.row(1).to_vec(), &[f64::INFINITY, 77.0, 77.0, 5.0, 77.0, 77.0]);
    assert!(lag_matrix(x.view(), &[], Array2::zeros((3, 0)).view_mut()).is_err());
    assert!(lag_matrix(x.view(), &[1], Array2::zeros((3, 3)).view_mut()).is_err());
    let x = plant(9000);
    let lags = [0, 1, 5, 8000, usize::MAX];
    let mut expected = Array2::zeros((9000, 55));
    lag_matrix(x.view(), &lags, expected.view_mut()).unwrap();
    every_layout(&x, |x| {
        let mut out = Array2::zeros((55, 9000));
        lag_matrix(x, &lags, out.view_mut().reversed_axes()).unwrap();
        let out = out.t().as_standard_layout().into_owned();
        assert_eq!(bits(out.as_slice().unwrap()), bits(expected.as_slice().unwrap()));
    });
    assert_eq!(expected[[8500, 3]].to_bits(), x[[500, 0]].to_bits());
}
