use ndarray::{Array2, array, s};

use super::{bits, every_layout, plant};
use crate::column::{Moments, column_median_mad, column_moments, zscore};

fn all(moments: &Moments<f64>) -> Vec<Vec<u64>> {
    let Moments {
        mean, std, skew, kurt, ..
    } = moments;
    [mean, std, skew, kurt].map(|values| bits(values)).to_vec()
}

/// Count, mean, deviation, skewness and kurtosis of two passes about a value of the column.
fn two_passes(values: &[f64]) -> [f64; 5] {
    let n = values.len() as f64;
    let Some(&origin) = values.first() else {
        return [0.0, f64::NAN, f64::NAN, f64::NAN, f64::NAN];
    };
    let shift = values.iter().map(|value| value - origin).sum::<f64>() / n;
    let power = |power: i32| values.iter().map(|value| ((value - origin) - shift).powi(power)).sum::<f64>();
    let (m2, m3, m4) = (power(2), power(3), power(4));
    let flat = values.iter().all(|value| *value == origin);
    let where_enough = |least: f64, value: f64| if n >= least { value } else { f64::NAN };
    let shaped = |least: f64, value: f64| if flat { f64::NAN } else { where_enough(least, value) };
    let skew = n * (n - 1.0).sqrt() / (n - 2.0) * m3 / m2.powf(1.5);
    let kurt = (n - 1.0) / ((n - 2.0) * (n - 3.0)) * ((n + 1.0) * n * m4 / (m2 * m2) - 3.0 * (n - 1.0));
    let std = if flat { 0.0 } else { (m2 / (n - 1.0)).sqrt() };
    [
        n,
        origin + shift,
        where_enough(2.0, std),
        shaped(3.0, skew),
        shaped(4.0, kurt),
    ]
}

#[test]
fn moments_are_those_of_two_passes() {
    for rows in [0, 1, 2, 3, 4, 127, 129, 3000, 16_385, 70_000] {
        // Powers of the widest column are beyond float64.
        let x = plant(rows).select(ndarray::Axis(1), &[0, 1, 2, 3, 4, 5, 6, 7, 8, 10]);
        let moments = column_moments(x.view()).unwrap();
        for column in 0..x.ncols() {
            let values: Vec<f64> = x.column(column).iter().copied().filter(|value| value.is_finite()).collect();
            let [count, mean, std, skew, kurt] = two_passes(&values);
            assert_eq!(moments.count[column] as f64, count);
            for (got, expected) in [
                (moments.mean[column], mean),
                (moments.std[column], std),
                (moments.skew[column], skew),
                (moments.kurt[column], kurt),
            ] {
                let close = (got - expected).abs() <= 1e-9 * expected.abs().max(1.0);
                assert!(
                    close || (got.is_nan() && expected.is_nan()),
                    "{got} is not {expected}: column {column}, {rows} rows"
                );
            }
        }
    }
}

#[test]
fn layout_and_neighbours_do_not_matter() {
    let x = plant(40_000);
    let expected = column_moments(x.view()).unwrap();
    every_layout(&x, |x| assert_eq!(all(&column_moments(x).unwrap()), all(&expected)));
    for column in 0..x.ncols() {
        let alone = column_moments(x.slice(s![.., column..=column])).unwrap();
        for (alone, all) in all(&alone).iter().zip(all(&expected)) {
            assert_eq!(alone[0], all[column]);
        }
    }
}

#[test]
fn a_constant_has_no_shape() {
    let moments = column_moments(Array2::from_elem((5000, 1), 1500.1_f64).view()).unwrap();
    assert_eq!((moments.mean[0], moments.std[0]), (1500.1, 0.0));
    assert!(moments.skew[0].is_nan() && moments.kurt[0].is_nan());
}

#[test]
fn scaling_by_hand() {
    let x = array![[1.0, 7.0], [2.0, f64::INFINITY], [3.0, 7.0], [f64::NAN, 8.0]];
    let mut out = Array2::zeros(x.dim());
    zscore(x.view(), None, None, out.view_mut()).unwrap();
    assert_eq!(out.column(0).to_vec()[..3], [-1.0 / 1.4826, 0.0, 1.0 / 1.4826]);
    assert!(out[[3, 0]].is_nan() && out[[1, 1]].is_nan());
    // No deviation: the floor.
    assert_eq!((out[[0, 1]], out[[3, 1]]), (0.0, 1.0 / 1e-9));
    zscore(x.view(), Some(&[1.0, 0.0]), Some(&[0.5, 2.0]), out.view_mut()).unwrap();
    assert_eq!(out.column(0).to_vec()[..3], [0.0, 2.0, 4.0]);
    zscore(x.view(), None, Some(&[0.5, 2.0]), out.view_mut()).unwrap();
    assert_eq!(out.column(0).to_vec()[..3], [-2.0, 0.0, 2.0]);
    assert!(zscore(x.view(), Some(&[1.0]), None, out.view_mut()).is_err());
}

#[test]
fn scaling_is_the_same_in_every_layout() {
    let x = plant(5000);
    let (_, mad) = column_median_mad(x.view(), 1.4826).unwrap();
    let mut expected = Array2::zeros(x.dim());
    zscore(x.view(), None, None, expected.view_mut()).unwrap();
    let (_, spread) = column_median_mad(expected.view(), 1.4826).unwrap();
    assert!(
        spread
            .iter()
            .zip(mad)
            .all(|(spread, mad)| mad.is_nan() || mad < 1e-9 || (spread - 1.0).abs() < 1e-12)
    );
    every_layout(&x, |x| {
        let mut out = Array2::zeros(x.dim());
        zscore(x, None, None, out.view_mut()).unwrap();
        assert_eq!(bits(out.as_slice().unwrap()), bits(expected.as_slice().unwrap()));
        let mut out = Array2::zeros((x.ncols(), x.nrows()));
        zscore(x, None, None, out.view_mut().reversed_axes()).unwrap();
        let out = out.t().as_standard_layout().into_owned();
        assert_eq!(bits(out.as_slice().unwrap()), bits(expected.as_slice().unwrap()));
    });
}
