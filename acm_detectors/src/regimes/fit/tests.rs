use acm_linalg::seed::stream;
use ndarray::Array2;
use rand::RngExt;

use super::*;

const NAN: f64 = f64::NAN;

/// Two regimes of two sensors and one that has no part, about (0, 0) and (4, 0) in their scales, numbered 5 and 3.
fn fitted(min_rows: usize, quantile: f64, margin: f64) -> FittedRegimes {
    FittedRegimes {
        parameters: Regimes::new(Count::Fixed(2), 6, min_rows, quantile, margin, 1, 1).unwrap(),
        scaling: Scaling {
            fill: vec![0.0; 3],
            center: vec![10.0, -1.0, 0.0],
            scale: vec![2.0, 1.0, 1.0],
            known: vec![9; 3],
        },
        used: vec![true, true, false],
        centers: vec![0.0, 0.0, 0.0, 4.0, 0.0, 0.0],
        numbers: vec![5, 3],
        fresh: 6,
        rows: vec![0; 2],
        scales: vec![1.0; 2],
        limits: vec![2.0; 2],
        spreads: Vec::new(),
        labels: Vec::new(),
        constants: Constants::default(),
        left_out: LeftOut::default(),
        density: None,
    }
}

/// Rows at such distances from the centre of a regime, along the second sensor.
fn rows(first: &[f64], second: &[f64]) -> Array2<f64> {
    let of = |centre: f64| move |&distance: &f64| [10.0 + 2.0 * centre, -1.0 + distance, 7.0 * distance];
    let values = first.iter().map(of(0.0)).chain(second.iter().map(of(4.0)));
    let values: Vec<f64> = values.flatten().collect();
    Array2::from_shape_vec((values.len() / 3, 3), values).unwrap()
}

fn close(found: &[f64], exact: &[f64]) -> bool {
    found.len() == exact.len() && found.iter().zip(exact).all(|(one, other)| (one - other).abs() < 1e-12)
}

#[test]
fn scale_and_limit_are_quantiles_of_the_distances() {
    let of = fitted(1, 0.9, 1.5);
    // The median of 1 to 11 is 6, the 90 % quantile 10.
    let mut distances: Vec<f64> = (1..=11).map(f64::from).collect();
    let (scale, limit) = of.width(&mut distances);
    assert!(close(&[scale, limit], &[6.0, 2.5]));
    // A limit is not below the scale; rows that are all alike differ by rounding.
    assert_eq!(fitted(1, 0.1, 1.0).width(&mut [2.0, 4.0, 9.0]), (4.0, 1.0));
    assert_eq!(of.width(&mut [0.0; 5]), (1e-9, 1.5));
    let (scale, limit) = of.width(&mut [0.0, 0.0, 0.0, 0.0, 2.0]);
    // Most are alike: the scale is the limit itself, 1.5 times the 90 % quantile 1.2.
    assert!(close(&[scale, limit], &[1.8, 1.0]));
}

#[test]
fn each_regime_has_the_width_of_its_own_rows() {
    let mut of = fitted(5, 0.75, 1.2);
    let (first, second) = ([0.0, 1.0, -2.0, 3.0, -4.0], [0.5, 1.0, 1.5, -2.0, 2.5, -3.0, -3.5]);
    let x = rows(&first, &second);
    of.measure(x.view().into(), None).unwrap();
    assert_eq!(of.rows, [5, 7]);
    // Medians 2 and 2; 75 % quantiles 3 and 2.75.
    assert!(close(&of.scales, &[2.0, 2.0]) && close(&of.limits, &[1.2 * 1.5, 1.2 * 2.75 / 2.0]));
    // 1.4826 times the median absolute deviations about the medians: of 0, 1, -2, 3, -4 about 0 it is 2, of the second regime's
    // about .5 too, and of the third sensor seven times as much.
    let mads = [0.0, 2.0, 14.0, 0.0, 2.0, 14.0];
    assert!(close(&of.spreads, &mads.map(|mad| 1.4826 * mad)), "{:?}", of.spreads);
    // Rows that are UNKNOWN do not count.
    let mut labels = vec![0; 12];
    labels[4] = UNKNOWN;
    let mut of = fitted(4, 0.75, 1.2);
    of.measure(x.view().into(), Some(&labels)).unwrap();
    assert_eq!(of.rows, [4, 7]);
    // Of 0, 1, 2 and 3.
    assert!(close(&of.scales, &[1.5, 2.0]) && close(&of.limits[..1], &[1.2 * 2.25 / 1.5]));
}

#[test]
fn a_regime_of_few_rows_takes_scale_limit_and_spreads_of_all() {
    let (first, second) = ([0.0, 1.0, -2.0, 3.0, -4.0], [0.5, 1.5, 9.0]);
    let x = rows(&first, &second);
    let mut of = fitted(4, 0.75, 1.2);
    of.measure(x.view().into(), None).unwrap();
    // All distances are 0, .5, 1, 1.5, 2, 3, 4, 9: the median is 1.75, the 75 % quantile 3.25.
    assert_eq!(of.rows, [5, 3]);
    assert!(close(&of.scales, &[2.0, 1.75]) && close(&of.limits, &[1.2 * 1.5, 1.2 * 3.25 / 1.75]));
    // All readings about their median .75: deviations .75, .25, 2.75, 2.25, 4.75, .25, .75, 8.25.
    let mad = f64::midpoint(0.75, 2.25);
    assert!((of.spreads[4] - 1.4826 * mad).abs() < 1e-12, "{:?}", of.spreads);
    assert!((of.spreads[1] - 1.4826 * 2.0).abs() < 1e-12);
}

#[test]
fn a_machine_at_rest_is_a_tenth_as_wide_as_it_runs() {
    let (first, second) = ([1.0, 2.0, 3.0, 4.0, 5.0], [0.01, 0.02, 0.03, 0.04, 0.05]);
    let mut of = fitted(3, 1.0, 1.5);
    of.measure(rows(&first, &second).view().into(), None).unwrap();
    // The rows at rest tell nothing of how far others lie: all of them are the first five.
    assert!(close(&of.scales, &[3.0, 0.3]), "{:?}", of.scales);
    // As wide as its own limit, .075, but no less than the margin.
    assert!(close(&of.limits, &[1.5 * 5.0 / 3.0, 1.5]));
    let mut of = fitted(3, 1.0, 10.0);
    of.measure(rows(&first, &[0.01, 0.02, 0.03, 0.04, 0.5]).view().into(), None).unwrap();
    assert!(close(&of.limits, &[10.0 * 5.0 / 3.0, 5.0 / 0.3]), "{:?}", of.limits);
    // A tenth of the width is no rest.
    let mut of = fitted(3, 1.0, 1.5);
    of.measure(rows(&first, &[0.2, 0.3, 0.4]).view().into(), None).unwrap();
    assert!(close(&of.scales, &[3.0, 0.3]) && close(&of.limits[1..], &[1.5 * 0.4 / 0.3]));
}

#[test]
fn regimes_that_share_half_of_their_rows_keep_their_number() {
    let before = fitted(1, 1.0, 1.5);
    let x = rows(&[0.1, 0.2, 0.3, -0.1], &[0.1, -0.2]);
    // The same two in the other order, and a third one far away.
    let of = |third: f64| {
        let mut after = fitted(1, 1.0, 1.5);
        after.centers = vec![4.0, 0.0, 0.0, 0.0, 0.0, 0.0, third, 0.0, 0.0];
        after.numbers = vec![0, 1, 2];
        after.rows = vec![0; 3];
        after.scales = vec![1.0; 3];
        after.limits = vec![2.0; 3];
        after.renumber(&before, x.view().into()).unwrap();
        (after.numbers, after.fresh)
    };
    assert_eq!(of(-50.0), (vec![3, 5, 6], 7));
    // Rows of the third regime alone: the first two have no partner.
    let others = rows(&[0.1, 0.2], &[]);
    let mut after = fitted(1, 1.0, 1.5);
    after.numbers = vec![0, 1];
    after.renumber(&before, others.view().into()).unwrap();
    assert_eq!((after.numbers[0], after.fresh), (5, 7));
    assert_eq!(after.numbers[1], 6);
}

#[test]
fn a_place_is_found_where_there_is_one() {
    assert_eq!(
        [
            found(&[2.0, 0.5]),
            found(&[0.0, 1.5]),
            found(&[-1.0, NAN]),
            found(&[1.0])
        ],
        [Some((2, 0.5)), Some((0, 1.5)), None, None]
    );
}

#[test]
fn columns_that_change_have_a_scale_and_bounds() {
    // 0 to 1000 with one far value, constant, nearly always the same, missing, and one known value.
    let mut x = Array2::from_shape_fn((1001, 5), |(row, column)| match column {
        0 => row as f64,
        1 => 5.0,
        2 => {
            if row % 40 == 0 {
                3.0
            } else {
                1.0
            }
        }
        _ => NAN,
    });
    x[[1000, 0]] = 1e9;
    x[[7, 4]] = 2.0;
    let (scaling, used, bounds) = scales(x.view().into()).unwrap();
    assert_eq!(used, [true, false, true, false, false]);
    // Median and interquartile range; where that is none, the range of the inner 98 %.
    assert_eq!((scaling.center[0], scaling.scale[0], scaling.scale[2]), (500.0, 500.0, 2.0));
    assert_eq!([scaling.scale[1], scaling.scale[3], scaling.scale[4]], [1.0; 3]);
    // One in a thousand on either side is drawn in to the next value.
    assert_eq!((bounds[0], bounds[2]), ([1.0, 999.0], [1.0, 3.0]));
    assert_eq!(bounds[1], [5.0, 5.0]);
}

#[test]
fn axes_are_those_of_the_most_variance() {
    let mut draw = stream(1, 0);
    // 24 unrelated sensors, the more spread the later they come; the first four are lost.
    let x = Array2::from_shape_fn((400, 24), |(_, column)| {
        3.0 + (draw.random::<f64>() - 0.5) * 2.0_f64.powi(i32::try_from(column).unwrap())
    });
    let along = axes(x.view()).unwrap();
    assert_eq!(along.dim(), (400, 20));
    let variance = |values: ndarray::ArrayView1<'_, f64>| {
        let mean = values.sum() / 400.0;
        values.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / 400.0
    };
    for axis in 0..20 {
        assert!(along.column(axis).sum().abs() < 1e-6 * variance(along.column(axis)).sqrt() * 400.0);
        // Its variance is nearly that of the sensor with so much.
        let ratio = variance(along.column(axis)) / variance(x.column(23 - axis));
        assert!((ratio - 1.0).abs() < 0.1, "{axis}: {ratio}");
    }
    // Of fewer rows than sensors from the rows themselves: the same squared distances.
    let few = x.slice(ndarray::s![..10, ..]);
    let along = axes(few).unwrap();
    let apart = |table: ndarray::ArrayView2<'_, f64>, one: usize, other: usize| -> f64 {
        table
            .row(one)
            .iter()
            .zip(table.row(other))
            .map(|(one, other)| (one - other).powi(2))
            .sum()
    };
    for other in 1..10 {
        let (exact, found) = (apart(few, 0, other), apart(along.view(), 0, other));
        assert!((found / exact - 1.0).abs() < 1e-9, "{other}");
    }
}
