use ndarray::{Array2, array, s};
use proptest::prelude::*;

use super::{bits, every_layout, known, plant};
use crate::column::{column_median_mad, column_quantiles};
use crate::rolling::{Window, middle, rolling_mad, rolling_median};

/// Rows that fit the scratch, and more.
const LENGTHS: [usize; 8] = [1, 2, 3, 100, 5000, 16_384, 60_001, 270_000];

#[test]
fn by_hand() {
    let x = array![[1.0, 4.0], [2.0, f64::NAN], [9.0, 8.0], [4.0, f64::INFINITY]];
    let (median, mad) = column_median_mad(x.view(), 2.0).unwrap();
    assert_eq!((median, mad), (vec![3.0, 6.0], vec![3.0, 4.0]));
    let mut out = Array2::zeros((3, 2));
    column_quantiles(x.view(), &[0.0, 0.25, 1.0], out.view_mut()).unwrap();
    assert_eq!(out, array![[1.0, 4.0], [1.75, 5.0], [9.0, 8.0]]);
}

#[test]
fn median_and_deviation_are_those_of_a_window_over_everything() {
    for rows in LENGTHS {
        let x = plant(rows);
        let window = Window::new(rows, 1).unwrap();
        let mut rolling = [Array2::zeros(x.dim()), Array2::zeros(x.dim())];
        let [medians, mads] = &mut rolling;
        rolling_median(x.view(), window, medians.view_mut()).unwrap();
        rolling_mad(x.view(), window, 1.0, mads.view_mut()).unwrap();
        let last = |all: &Array2<f64>| bits(&all.row(rows - 1).to_vec());
        every_layout(&x, |x| {
            let (median, mad) = column_median_mad(x, 1.0).unwrap();
            assert_eq!(bits(&median), last(&rolling[0]), "{rows} rows");
            assert_eq!(bits(&mad), last(&rolling[1]), "{rows} rows");
        });
    }
}

#[expect(clippy::cast_sign_loss, reason = "places in a column")]
#[test]
fn quantiles_are_those_of_the_sorted_column() {
    let many: Vec<f64> = (0..=400).map(|place| f64::from(place) / 400.0).collect();
    for q in [&[0.5][..], &[0.95, 0.05, 0.0, 1.0, 0.25, 0.75, 0.5], &many] {
        for rows in LENGTHS {
            let x = plant(rows);
            every_layout(&x.slice(s![.., ..;2]).to_owned(), |x| {
                let mut out = Array2::zeros((q.len(), x.ncols()));
                column_quantiles(x, q, out.view_mut()).unwrap();
                for column in 0..x.ncols() {
                    let sorted = known(&x, column);
                    for (&q, &got) in q.iter().zip(out.column(column)) {
                        if sorted.is_empty() {
                            assert!(got.is_nan());
                            continue;
                        }
                        let place = q * (sorted.len() - 1) as f64;
                        let low = sorted[place.floor() as usize];
                        let high = sorted[place.ceil() as usize];
                        let expected = low + (high - low) * place.fract();
                        let scale = low.abs().max(high.abs());
                        assert!((got - expected).abs() <= 1e-15 * scale, "{got} is not {expected}: {rows} rows, {q}");
                        assert!(got >= low && got <= high);
                    }
                }
            });
        }
    }
}

#[test]
fn nothing_has_no_order() {
    for rows in [0, 3] {
        let x = Array2::from_elem((rows, 2), f64::NAN);
        let (median, mad) = column_median_mad(x.view(), 1.0).unwrap();
        assert!(median.iter().chain(&mad).all(|value| value.is_nan()) && median.len() == 2);
        let mut out = Array2::zeros((1, 2));
        column_quantiles(x.view(), &[0.3], out.view_mut()).unwrap();
        assert!(out.iter().all(|value| value.is_nan()));
    }
    let (median, mad) = column_median_mad(Array2::<f64>::zeros((4, 0)).view(), 1.0).unwrap();
    assert!(median.is_empty() && mad.is_empty());
}

#[test]
fn the_largest_numbers_do_not_overflow() {
    let x = array![
        [1.7e308_f64, -1.7e308],
        [1.7e308, 1.7e308],
        [1.7e308, 1.7e308],
        [1.7e308, -1.7e308]
    ];
    let (median, _) = column_median_mad(x.view(), 1.0).unwrap();
    assert_eq!(median, [1.7e308, 0.0]);
    let mut out = Array2::<f64>::zeros((2, 2));
    column_quantiles(x.view(), &[0.4, 0.5], out.view_mut()).unwrap();
    assert_eq!(out.row(1).to_vec(), [1.7e308, 0.0]);
    assert!((out[[0, 1]] + 1.02e308).abs() < 1e294);
}

#[test]
fn parameters_are_checked() {
    let x = Array2::<f64>::zeros((3, 2));
    assert!(column_median_mad(x.view(), f64::NAN).is_err());
    for q in [&[][..], &[1.1], &[0.5, f64::NAN], &[-1e-9]] {
        let mut out = Array2::zeros((q.len(), 2));
        assert!(column_quantiles(x.view(), q, out.view_mut()).is_err());
    }
    assert!(column_quantiles(x.view(), &[0.5], Array2::zeros((2, 2)).view_mut()).is_err());
}

proptest! {
    #[test]
    fn any_column_gives_the_middle_of_its_sorted_values(
        column in proptest::collection::vec(
            prop_oneof![-1e300..1e300, -3.0..3.0, (-2..2_i32).prop_map(f64::from), Just(f64::NAN), Just(1e9)],
            1..400,
        ),
        repeats in prop_oneof![Just(1_usize), Just(60)],
    ) {
        let column: Vec<f64> = column.iter().copied().cycle().take(column.len() * repeats).collect();
        let x = Array2::from_shape_vec((column.len(), 1), column).unwrap();
        let sorted = known(&x.view(), 0);
        let (median, _) = column_median_mad(x.view(), 1.0).unwrap();
        if sorted.is_empty() {
            prop_assert!(median[0].is_nan());
        } else {
            prop_assert_eq!(median[0], middle(sorted[(sorted.len() - 1) / 2], sorted[sorted.len() / 2]));
        }
    }
}
