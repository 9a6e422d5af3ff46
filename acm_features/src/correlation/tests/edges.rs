//! Nothing, next to nothing, and too much.

use ndarray::{Array2, Array3, array};

use super::{METHODS, compute, compute_covariance, plant};
use crate::correlation::{Method, correlation, covariance, lagged_correlation};

#[test]
fn no_rows_no_columns_and_nothing_but_missing() {
    for method in METHODS {
        assert_eq!(compute(Array2::zeros((5, 0)).view(), method, 1).dim(), (0, 0));
        for (rows, columns) in [(0, 3), (1, 3), (300, 3), (1, 1), (300, 1)] {
            let got = compute(Array2::from_elem((rows, columns), f64::NAN).view(), method, 0);
            assert!(got.iter().all(|value| value.is_nan()));
        }
    }
    assert!(compute_covariance(Array2::zeros((0, 2)).view(), 0, 0).iter().all(|value| value.is_nan()));
}

#[test]
fn one_row() {
    let x = array![[1.0, 2.0]];
    for method in METHODS {
        let got = compute(x.view(), method, 1);
        assert!(got[[0, 1]].is_nan());
        assert_eq!(got[[0, 0]].is_nan(), method != Method::Kendall);
    }
    assert!(compute_covariance(x.view(), 1, 1).iter().all(|value| value.is_nan()));
    assert_eq!(compute_covariance(x.view(), 0, 1), array![[0.0, 0.0], [0.0, 0.0]]);
}

#[test]
fn constant_columns() {
    for constant in [0.0, -0.0, 0.1, 1e9, 1e300, 5e-324] {
        for missing in [false, true] {
            let mut x =
                Array2::from_shape_fn((400, 3), |(row, column)| if column == 1 { constant } else { row as f64 });
            if missing {
                x[[17, 1]] = f64::NAN;
                x[[18, 2]] = f64::INFINITY;
            }
            for method in METHODS {
                let got = compute(x.view(), method, 1);
                assert!(got[[0, 1]].is_nan() && got[[2, 1]].is_nan());
                assert_eq!(got[[1, 1]].is_nan(), method != Method::Kendall);
                assert!((got[[0, 2]] - 1.0).abs() < 1e-15);
            }
            let got = compute_covariance(x.view(), 1, 1);
            assert_eq!([got[[0, 1]], got[[1, 1]], got[[1, 2]]], [0.0; 3]);
        }
    }
}

#[test]
fn too_few_rows_in_common() {
    let missing = f64::NAN;
    let x = array![
        [1.0, missing, 4.0],
        [2.0, missing, 6.0],
        [missing, 3.0, 5.0],
        [5.0, 1.0, missing],
        [4.0, 2.0, 1.0]
    ];
    for method in METHODS {
        for (min_periods, expected) in [
            (0, [false, false]),
            (2, [false, false]),
            (3, [true, false]),
            (4, [true, true]),
        ] {
            let got = compute(x.view(), method, min_periods);
            assert_eq!([got[[0, 1]].is_nan(), got[[0, 2]].is_nan()], expected, "{method:?}, {min_periods}");
            assert_eq!(got[[1, 1]].is_nan(), min_periods > 3);
        }
    }
    for ddof in [0, 1, 2, 5] {
        assert_eq!(compute_covariance(x.view(), ddof, 1)[[0, 1]].is_nan(), ddof >= 2);
    }
}

#[test]
fn sizes_at_the_ends_of_the_range() {
    let base = plant(300, 2, 0.0);
    let plain = compute(base.view(), Method::Pearson, 1)[[0, 1]];
    for size in [1.7e308, 1e200, 1e-200, 1e-307] {
        let scaled = base.mapv(|value| value / 8.0 * size);
        let got = compute(scaled.view(), Method::Pearson, 1)[[0, 1]];
        assert!((got - plain).abs() < 1e-13, "{size}: {got} is not {plain}");
        let mut gappy = scaled.clone();
        gappy[[5, 0]] = f64::NAN;
        assert!(!compute(gappy.view(), Method::Pearson, 1)[[0, 1]].is_nan());
    }
    // The rest of a column of ordinary size whose one enormous value the other column lacks.
    let mut spiked = base.clone();
    (spiked[[7, 0]], spiked[[7, 1]]) = (1e300, f64::NAN);
    let mut without = base.clone();
    (without[[7, 0]], without[[7, 1]]) = (f64::NAN, f64::NAN);
    let expected = compute(without.view(), Method::Pearson, 1)[[0, 1]];
    assert!((compute(spiked.view(), Method::Pearson, 1)[[0, 1]] - expected).abs() < 1e-13);
    let (got, expected) = (compute_covariance(spiked.view(), 1, 1), compute_covariance(without.view(), 1, 1));
    assert!((got[[0, 1]] - expected[[0, 1]]).abs() < 1e-13);

    let mixed = array![[1e200, 1e-200], [-1e200, 2e-200], [3e200, 3e-200]];
    let got = compute_covariance(mixed.view(), 1, 1);
    assert!((got[[0, 1]] - 1.0).abs() < 1e-14);
    assert_eq!(got[[0, 0]], f64::INFINITY);
}

#[test]
fn single_precision_is_widened_and_narrowed_once() {
    let x = plant(500, 12, 0.1).mapv(|value| value as f32);
    let wide = x.mapv(f64::from);
    for method in METHODS {
        let mut got = Array2::zeros((12, 12));
        correlation(x.view(), method, 1, got.view_mut()).unwrap();
        let expected = compute(wide.view(), method, 1);
        for (got, expected) in got.iter().zip(&expected) {
            assert_eq!(got.to_bits(), (*expected as f32).to_bits());
        }
    }
}

#[test]
fn other_shapes_of_the_result_are_refused() {
    let x = plant(10, 3, 0.0);
    let mut out = Array2::zeros((3, 2));
    assert!(correlation(x.view(), Method::Pearson, 1, out.view_mut()).is_err());
    assert!(covariance(x.view(), 1, 1, out.view_mut()).is_err());
    let mut out = Array3::zeros((4, 3, 2));
    assert!(lagged_correlation(x.view(), 1, out.view_mut()).is_err());
}
