use acm_linalg::lanes::Element;
use acm_linalg::parallel;
use ndarray::{Array2, ArrayView2, ShapeBuilder, arr2, s};
use proptest::prelude::*;

use crate::matrix::{Feature, Gaps, feature_matrix};
use crate::rolling::tests::{Kernel, Random, assert_same_bytes, config, naive, plant, wild_matrix, window};
use crate::rolling::{Closed, Times, Window, Windows};
use crate::spectral::{Bands, rolling_band_energy};

fn bands() -> Bands {
    Bands::standard(1.0).unwrap()
}

fn compute_with<'w>(
    x: ArrayView2<'_, f64>,
    windows: impl Into<Windows<'w>>,
    features: &[Feature],
    gaps: Gaps<'_>,
) -> Array2<f64> {
    let windows = windows.into();
    let width: usize = features.iter().map(|&feature| width(feature)).sum();
    let mut out = Array2::from_elem((windows.kept(x.nrows()), x.ncols() * width), -7.0);
    feature_matrix(x, windows, features, &bands(), gaps, out.view_mut()).unwrap();
    out
}

/// Every feature, gaps filled by medians.
fn compute(x: ArrayView2<'_, f64>, window: Window) -> Array2<f64> {
    compute_with(x, window, &Feature::ALL, Gaps::Median)
}

/// Results of a column.
fn width(feature: Feature) -> usize {
    if feature == Feature::Energy { bands().len() } else { 1 }
}

/// Missing values replaced by the column's given number, else by its median, else by 0.
fn filled(x: ArrayView2<'_, f64>, given: Option<&[f64]>) -> Array2<f64> {
    let mut filled = x.to_owned();
    for (column, mut values) in filled.columns_mut().into_iter().enumerate() {
        let known: Vec<f64> = values.iter().copied().filter(|x| x.is_finite()).collect();
        let median = if known.is_empty() { 0.0 } else { naive::median(&known) };
        let fill = given.map(|given| given[column]).filter(|fill| fill.is_finite()).unwrap_or(median);
        values.mapv_inplace(|x| if x.is_finite() { x } else { fill });
    }
    filled
}

/// A feature by its own kernel.
fn alone<'w>(feature: Feature, x: ArrayView2<'_, f64>, windows: impl Into<Windows<'w>>) -> Array2<f64> {
    let windows = windows.into();
    match feature {
        Feature::Median => Kernel::Median.compute(x, windows),
        Feature::Mad => Kernel::Mad.compute(x, windows),
        Feature::Mean => Kernel::Mean.compute(x, windows),
        Feature::Std => Kernel::Std { ddof: 1 }.compute(x, windows),
        Feature::Slope => Kernel::Slope.compute(x, windows),
        Feature::Skew => Kernel::Skew.compute(x, windows).mapv(|skew| skew.clamp(-100.0, 100.0)),
        Feature::Kurt => Kernel::Kurt.compute(x, windows).mapv(|kurt| kurt.clamp(-1000.0, 1000.0)),
        Feature::Energy => {
            let mut out = Array2::zeros((windows.kept(x.nrows()), x.ncols() * bands().len()));
            rolling_band_energy(x, windows, &bands(), out.view_mut()).unwrap();
            out
        }
        Feature::RobustZ => {
            let (median, mad) = (Kernel::Median.compute(x, windows), Kernel::Mad.compute(x, windows));
            // The rows that have results, by their own windows of one row.
            let own = (0..x.nrows()).filter(|&row| windows.kept(row + 1) > windows.kept(row));
            let own: Vec<usize> = own.collect();
            Array2::from_shape_fn(median.dim(), |(row, column)| {
                let x = x[[own[row], column]];
                let x = if x.is_finite() { x + 0.0 } else { f64::NAN };
                let z = (x - median[[row, column]]) / (mad[[row, column]].max(1e-9) * 1.4826 + 1e-9);
                if z.is_nan() { f64::NAN } else { z.clamp(-100.0, 100.0) }
            })
        }
    }
}

#[track_caller]
fn assert_alike(got: ArrayView2<'_, f64>, features: &[Feature], columns: usize, of: impl Fn(Feature) -> Array2<f64>) {
    let mut first = 0;
    for &feature in features {
        let columns = columns * width(feature);
        assert_same_bytes(got.slice(s![.., first..first + columns]), of(feature).view(), &format!("{feature:?}"));
        first += columns;
    }
    assert_eq!(first, got.ncols());
}

/// Of filled values: what is not defined is 0.
#[track_caller]
fn assert_as_alone(got: ArrayView2<'_, f64>, x: ArrayView2<'_, f64>, window: Window, features: &[Feature]) {
    assert_alike(got, features, x.ncols(), |feature| {
        alone(feature, x, window).mapv(|y| if y.is_finite() { y } else { 0.0 })
    });
}

/// Gaps kept.
#[track_caller]
fn assert_kept_as_alone(x: ArrayView2<'_, f64>, windows: Windows<'_>, features: &[Feature]) {
    let got = compute_with(x, windows, features, Gaps::Kept);
    assert_alike(got.view(), features, x.ncols(), |feature| alone(feature, x, windows));
}

#[test]
fn gaps_that_are_kept_give_the_bits_of_every_kernel() {
    let x = plant(1300);
    for rows in [1, 2, 3, 4, 16, 60, 255, 256, 257, 300, 513, 600, 1100, 1300, 5000] {
        for (min_periods, first_row) in [(1, 0), (rows.min(20), 777)] {
            assert_kept_as_alone(x.view(), window(rows, min_periods).starting_at(first_row).into(), &Feature::ALL);
        }
    }
}

#[test]
fn windows_that_cannot_hold_what_they_need_have_no_feature() {
    let x = plant(700);
    for rows in [2, 7, 60, 300] {
        let windows = Windows::from(window(rows, rows)).closed(Closed::Neither);
        let got = compute_with(x.view(), windows, &Feature::ALL, Gaps::Kept);
        assert_alike(got.view(), &Feature::ALL, x.ncols(), |feature| alone(feature, x.view(), windows));
        assert!(got.slice(s![rows.., ..]).iter().all(|feature| feature.is_nan()), "{rows} rows");
    }
}

/// Steps of seconds to an hour, some of no time at all, a few of days.
fn clock(rows: usize) -> Vec<i64> {
    let mut random = Random::new(9);
    let mut time = 0;
    let mut step = || match random.uniform() {
        kind if kind < 0.125 => 0,
        kind if kind < 0.14 => 259_200_000_000_000,
        kind => (kind * 3.6e12) as i64,
    };
    (0..rows)
        .map(|_| {
            time += step();
            time
        })
        .collect()
}

#[test]
fn durations_centres_and_steps_give_the_bits_of_every_kernel() {
    let x = plant(300);
    let known = filled(x.view(), Some(&[0.5; 12]));
    let stamps = clock(300);
    let times = Times::new(&stamps).unwrap();
    let hour = 3_600_000_000_000;
    let mut shapes: Vec<Windows<'_>> = Vec::new();
    for (duration, least) in [(1, 1), (hour / 4, 0), (5 * hour + 1, 4), (40 * hour, 1), (i64::MAX, 1)] {
        shapes.push(Windows::lasting(duration, least, times).unwrap());
    }
    for rows in [1, 2, 9, 60, 257, 301, 5000] {
        let shape = Windows::from(window(rows, rows.min(3)));
        shapes.extend([shape, shape.at(times)]);
    }
    for shape in shapes {
        for centred in [false, true] {
            for step in [1, 7] {
                let shape = shape.centred(centred).every(step).unwrap().starting_at(if step == 1 { 0 } else { 20 });
                assert_kept_as_alone(x.view(), shape, &Feature::ALL);
                assert_kept_as_alone(x.view(), shape, &[Feature::RobustZ, Feature::Slope]);
                let got = compute_with(x.view(), shape, &Feature::ALL, Gaps::Filled(&[0.5; 12]));
                assert_alike(got.view(), &Feature::ALL, 12, |feature| {
                    alone(feature, known.view(), shape).mapv(|y| if y.is_finite() { y } else { 0.0 })
                });
            }
        }
    }
}

#[test]
fn every_feature_has_the_bits_of_its_own_kernel() {
    let x = plant(1300);
    let known = filled(x.view(), None);
    for rows in [1, 2, 3, 4, 16, 60, 255, 256, 257, 300, 513, 600, 1100, 1300, 5000] {
        for min_periods in [0, rows.min(20), rows] {
            let shape = window(rows, min_periods);
            let got = compute(x.view(), shape);
            assert!(got.iter().all(|y| y.is_finite()), "window {rows}");
            assert_as_alone(got.view(), known.view(), shape, &Feature::ALL);
        }
    }
}

#[test]
fn by_hand() {
    let nan = f64::NAN;
    let x = arr2(&[[1.0], [3.0], [nan], [5.0]]);
    // The gap becomes 3, the median of 1, 3 and 5.
    let features = [
        Feature::Mean,
        Feature::Median,
        Feature::Mad,
        Feature::RobustZ,
        Feature::Slope,
        Feature::Skew,
    ];
    let out = compute_with(x.view(), window(3, 2), &features, Gaps::Median);
    assert_eq!(out.column(0).to_vec(), [0.0, 2.0, 7.0 / 3.0, 11.0 / 3.0]);
    assert_eq!(out.column(1).to_vec(), [0.0, 2.0, 3.0, 3.0]);
    assert_eq!(out.column(2).to_vec(), [0.0, 1.0, 0.0, 0.0]);
    assert_eq!(out.column(3).to_vec(), [0.0, 1.0 / (1.4826 + 1e-9), 0.0, 100.0]);
    assert_eq!(out.column(4).to_vec(), [0.0, 2.0, 1.0, 1.0]);
    assert_eq!(out.column(5).to_vec()[..2], [0.0, 0.0]);
}

#[test]
fn gaps_that_are_kept_by_hand() {
    let nan = f64::NAN;
    let x = arr2(&[[nan], [1.0], [3.0], [f64::INFINITY], [nan], [nan], [5.0]]);
    let got = compute_with(x.view(), window(3, 1), &Feature::ALL, Gaps::Kept);
    let expect = |column: usize, expected: [f64; 7]| {
        let (got, expected) = (got.column(column).mapv(f64::to_bits), expected.map(f64::to_bits));
        assert_eq!(got.to_vec(), expected, "{:?}", Feature::ALL[column]);
    };
    expect(0, [nan, 1.0, 2.0, 2.0, 3.0, nan, 5.0]);
    expect(1, [nan, 0.0, 1.0, 1.0, 0.0, nan, 0.0]);
    expect(2, [nan, 1.0, 2.0, 2.0, 3.0, nan, 5.0]);
    expect(3, [nan, nan, 2_f64.sqrt(), 2_f64.sqrt(), nan, nan, nan]);
    expect(4, [nan, 0.0, 2.0, 2.0, 0.0, nan, 0.0]);
    expect(5, [nan; 7]);
    expect(6, [nan; 7]);
    expect(10, [nan, 0.0, 1.0 / (1.4826 + 1e-9), nan, nan, nan, 0.0]);
    // One bin, that of a third: 1, 3 and their mean are -1, 1 and 0 about it, and 2 - 2 cos 120 degrees = 3.
    assert_eq!((got[[3, 7]], got[[3, 8]]), (0.0, 0.0));
    assert!((got[[3, 9]] - 3.0).abs() < 1e-14);
    assert!(got[[5, 9]].is_nan());
    assert_eq!(got[[6, 9]], 0.0);
}

#[test]
fn gaps_hold_nothing_of_the_future() {
    let mut x = Array2::from_shape_fn((80, 1), |(row, _)| if row < 50 { 60.0 } else { 90.0 });
    x[[55, 0]] = f64::NAN;
    x[[70, 0]] = f64::NEG_INFINITY;
    let got = compute_with(x.view(), window(5, 1), &Feature::ALL, Gaps::Kept);
    let filled = compute(x.view(), window(5, 1));
    assert_eq!((filled[[55, 0]], filled[[55, 2]], filled[[55, 10]]), (90.0, 84.0, -100.0));
    for row in 54..80 {
        let gap = row == 55 || row == 70;
        assert_eq!(
            (got[[row, 0]], got[[row, 1]], got[[row, 2]], got[[row, 3]], got[[row, 4]]),
            (90.0, 0.0, 90.0, 0.0, 0.0)
        );
        assert_eq!((got[[row, 7]], got[[row, 8]], got[[row, 9]]), (0.0, 0.0, 0.0));
        assert_eq!(got[[row, 10]].is_nan(), gap, "row {row}");
        assert!(gap || got[[row, 10]] == 0.0);
    }
    for first in 0..76 {
        let piece = compute_with(x.slice(s![first.., ..]), window(5, 1).starting_at(first), &Feature::ALL, Gaps::Kept);
        let halo = first.min(1) * 4;
        let case = format!("from {first}");
        assert_same_bytes(piece.slice(s![halo.., ..]), got.slice(s![first + halo.., ..]), &case);
    }
}

#[test]
fn features_come_in_the_order_asked_for() {
    let x = plant(400);
    let known = filled(x.view(), None);
    let shape = window(16, 4);
    for feature in Feature::ALL {
        let got = compute_with(x.view(), shape, &[feature], Gaps::Median);
        assert_as_alone(got.view(), known.view(), shape, &[feature]);
    }
    let mut reversed = Feature::ALL;
    reversed.reverse();
    let orders: [&[Feature]; 4] = [
        &reversed,
        &[Feature::RobustZ, Feature::Mean],
        &[Feature::Kurt, Feature::Energy, Feature::Mad, Feature::Kurt],
        &[Feature::Energy, Feature::Energy],
    ];
    for features in orders {
        for rows in [16, 300] {
            let shape = window(rows, 4);
            let got = compute_with(x.view(), shape, features, Gaps::Median);
            assert_as_alone(got.view(), known.view(), shape, features);
        }
    }
}

#[test]
fn missing_values_are_filled_with_the_given_ones() {
    let x = plant(300);
    let mut given: Vec<f64> = (0..x.ncols()).map(|column| column as f64 - 3.5).collect();
    given[6] = f64::NAN;
    given[8] = f64::INFINITY;
    let known = filled(x.view(), Some(&given));
    for rows in [5, 64, 300] {
        let shape = window(rows, 1);
        let got = compute_with(x.view(), shape, &Feature::ALL, Gaps::Filled(&given));
        assert_as_alone(got.view(), known.view(), shape, &Feature::ALL);
    }
    let mut out = Array2::zeros((300, x.ncols()));
    let error =
        feature_matrix(x.view(), window(5, 1), &[Feature::Mean], &bands(), Gaps::Filled(&given[1..]), out.view_mut());
    assert_eq!(error.unwrap_err().to_string(), format!("`fill` must have length {}, got {}", x.ncols(), x.ncols() - 1));
}

#[test]
fn what_is_not_defined_is_zero() {
    for value in [f64::NAN, f64::INFINITY, 0.0, -0.0] {
        let x = Array2::from_elem((700, 9), value);
        for rows in [1, 16, 600] {
            assert!(compute(x.view(), window(rows, 1)).iter().all(|y| y.to_bits() == 0), "{value}, window {rows}");
        }
    }
    let few = compute(plant(9).view(), window(10, 10));
    let energies_only = Feature::ALL.iter().position(|&feature| feature == Feature::Energy).unwrap();
    assert!(few.slice(s![.., ..energies_only * 12]).iter().all(|&y| y == 0.0));
    let mut huge = Array2::from_elem((60, 2), 1.0);
    huge[[20, 0]] = 1.7e308;
    huge[[21, 0]] = -1.7e308;
    for rows in [4, 16] {
        assert!(compute(huge.view(), window(rows, 1)).iter().all(|y| y.is_finite()), "window {rows}");
    }
}

#[test]
fn large_values_have_the_moments_of_small_ones() {
    let x = plant(500).slice_move(s![.., 0..6;5]);
    for factor in [1000, 700] {
        let large = x.mapv(|x| x * 2.0_f64.powi(factor));
        for rows in [3, 40, 300] {
            let features = [Feature::Slope, Feature::Mean, Feature::Energy, Feature::Std];
            let (small, got) = (
                compute_with(x.view(), window(rows, 1), &features, Gaps::Median),
                compute_with(large.view(), window(rows, 1), &features, Gaps::Median),
            );
            let columns = x.ncols();
            for (column, got) in got.columns().into_iter().enumerate() {
                if !(2 * columns..5 * columns).contains(&column) {
                    let expected = small.column(column).mapv(|y| y * 2.0_f64.powi(factor));
                    assert_eq!(got, expected, "column {column}, window {rows}");
                }
            }
        }
    }
}

#[test]
fn distances_of_large_values_are_those_of_small_ones() {
    let x = plant(500).slice_move(s![.., 0..6;5]);
    for factor in [470, 490, 700, 1000] {
        let large = x.mapv(|x| x * 2.0_f64.powi(factor));
        for rows in [3, 40, 300] {
            let got = compute_with(large.view(), window(rows, 1), &[Feature::RobustZ], Gaps::Median);
            assert!(got.iter().any(|z| z.abs() > 0.5 && z.abs() < 5.0), "window {rows}, 2^{factor}");
            assert_as_alone(got.view(), large.view(), window(rows, 1), &[Feature::RobustZ]);
        }
    }
}

#[test]
fn shape_and_distance_are_bounded() {
    let rows = 12_000;
    let x = Array2::from_shape_fn((rows, 2), |(row, column)| {
        let spike = if row == rows - 1 { 1e6 } else { (row % 2) as f64 };
        if column == 0 { spike } else { -spike }
    });
    let out = compute_with(x.view(), window(rows, 1), &[Feature::Skew, Feature::Kurt, Feature::RobustZ], Gaps::Median);
    assert_eq!(out.row(rows - 1).to_vec(), [100.0, -100.0, 1000.0, 1000.0, 100.0, -100.0]);
}

#[test]
fn pieces_and_threads_give_the_bytes_of_the_whole() {
    let x = plant(2600);
    let given = [0.5; 12];
    let ways = [Gaps::Kept, Gaps::Filled(&given)];
    for (rows, gaps) in [1, 16, 60, 300, 600, 1100].into_iter().flat_map(|rows| ways.map(|gaps| (rows, gaps))) {
        let shape = window(rows, rows.min(3));
        let mut expected = None;
        for threads in [1, 2, 5] {
            parallel::set_num_threads(threads).unwrap();
            let got = compute_with(x.view(), shape, &Feature::ALL, gaps);
            let expected = expected.get_or_insert_with(|| got.clone());
            assert_same_bytes(got.view(), expected.view(), &format!("window {rows}, {threads} threads"));
        }
        let whole = expected.unwrap();
        for cut in [1, 16, 100, 599, 640, 1100, 1537, 2599] {
            let halo = cut.min(rows - 1);
            let first = cut - halo;
            let piece = compute_with(x.slice(s![first.., ..]), shape.starting_at(first), &Feature::ALL, gaps);
            let case = format!("window {rows}, from {cut}");
            assert_same_bytes(piece.slice(s![halo.., ..]), whole.slice(s![cut.., ..]), &case);
        }
    }
}

#[test]
fn a_column_has_the_same_bytes_in_any_company_and_any_memory_order() {
    let x = plant(900);
    for rows in [5, 60, 300, 2000] {
        let shape = window(rows, 1);
        let whole = compute(x.view(), shape);
        let fortran = Array2::from_shape_fn(x.dim().f(), |at| x[at]);
        assert_same_bytes(compute(fortran.view(), shape).view(), whole.view(), "Fortran order in");
        let mut out = Array2::zeros(whole.dim().f());
        feature_matrix(x.view(), shape, &Feature::ALL, &bands(), Gaps::Median, out.view_mut()).unwrap();
        assert_same_bytes(out.view(), whole.view(), "Fortran order out");
        for column in 0..x.ncols() {
            let alone = compute(x.slice(s![.., column..=column]), shape);
            let (mut first, mut taken) = (0, 0);
            for feature in Feature::ALL {
                let width = width(feature);
                let expected = whole.slice(s![.., first + column * width..first + (column + 1) * width]);
                let case = format!("{feature:?}, window {rows}, column {column}");
                assert_same_bytes(alone.slice(s![.., taken..taken + width]), expected, &case);
                first += x.ncols() * width;
                taken += width;
            }
        }
    }
}

#[test]
fn float32_is_rounded_once() {
    let x = plant(500).mapv(f32::narrow);
    let given = [0.25; 12];
    for rows in [16, 300] {
        let mut out = Array2::zeros((500, 12 * 11));
        feature_matrix(x.view(), window(rows, 1), &Feature::ALL, &bands(), Gaps::Filled(&given), out.view_mut())
            .unwrap();
        let expected = compute_with(x.mapv(f64::from).view(), window(rows, 1), &Feature::ALL, Gaps::Filled(&given));
        for (at, got) in out.indexed_iter() {
            assert_eq!(got.to_bits(), f32::narrow(expected[at]).to_bits(), "window {rows}, {at:?}");
        }
    }
}

#[test]
fn nothing_in_nothing_out_and_other_shapes_are_refused() {
    for dim in [(0, 3), (4, 0)] {
        assert_eq!(compute(Array2::zeros(dim).view(), window(4, 1)).dim(), (dim.0, dim.1 * 11));
    }
    let one = compute(arr2(&[[5.5]]).view(), window(4, 1));
    assert_eq!(one.row(0).to_vec(), [5.5, 0.0, 5.5, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0]);
    let x = plant(10);
    let mut out = Array2::zeros((10, 12));
    let refused = |features: &[Feature], out: &mut Array2<f64>| {
        feature_matrix(x.view(), window(4, 1), features, &bands(), Gaps::Median, out.view_mut())
            .unwrap_err()
            .to_string()
    };
    assert!(refused(&[], &mut out).starts_with("`features` must be one feature or more"));
    assert_eq!(refused(&[Feature::Energy], &mut out), "`out` must have shape (10, 36), got (10, 12)");
}

proptest! {
    #![proptest_config(config(100))]

    #[test]
    fn any_matrix_has_the_bits_of_the_single_kernels(
        x in wild_matrix(200),
        rows in prop_oneof![1_usize..=12, 250_usize..=262],
        least in 0_usize..=12,
        first_row in 0_usize..50,
    ) {
        let shape = window(rows, least.min(rows)).starting_at(first_row);
        let got = compute(x.view(), shape);
        prop_assert!(got.iter().all(|y| y.is_finite()));
        assert_as_alone(got.view(), filled(x.view(), None).view(), shape, &Feature::ALL);
        assert_kept_as_alone(x.view(), shape.into(), &Feature::ALL);
    }
}
