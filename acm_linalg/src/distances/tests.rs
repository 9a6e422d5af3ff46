//! Against plain loops, and at the edges.

use ndarray::{Array1, Array2, ShapeBuilder, s};
use rand::RngExt;

use super::{Metric, Points, nearest, pairwise};
use crate::parallel::set_num_threads;
use crate::samples::Samples;
use crate::seed::stream;

const ALL: [Metric; 4] = [
    Metric::Euclidean,
    Metric::SquaredEuclidean,
    Metric::Manhattan,
    Metric::Cosine,
];

fn random(rows: usize, columns: usize, seed: u64) -> Array2<f64> {
    let mut from = stream(seed, 0);
    Array2::from_shape_simple_fn((rows, columns), || from.random::<f64>() * 8.0 - 4.0)
}

fn between(x: &Array2<f64>, y: &Array2<f64>, metric: Metric) -> Array2<f64> {
    let mut out = Array2::zeros((x.nrows(), y.nrows()));
    pairwise(x.view().into(), Some(y.view().into()), metric, out.view_mut().into()).unwrap();
    out
}

fn within(x: Samples<'_>, metric: Metric) -> Array2<f64> {
    let mut out = Array2::from_elem((x.rows(), x.rows()), -1.0);
    pairwise(x, None, metric, out.view_mut().into()).unwrap();
    out
}

fn plain(x: &Array2<f64>, y: &Array2<f64>, metric: Metric) -> Array2<f64> {
    let norm = |values: &[f64]| values.iter().map(|value| value * value).sum::<f64>().sqrt();
    Array2::from_shape_fn((x.nrows(), y.nrows()), |(i, j)| {
        let (x, y) = (x.row(i).to_vec(), y.row(j).to_vec());
        let pairs = || x.iter().zip(&y);
        match metric {
            Metric::Euclidean => pairs().map(|(x, y)| (x - y).powi(2)).sum::<f64>().sqrt(),
            Metric::SquaredEuclidean => pairs().map(|(x, y)| (x - y).powi(2)).sum(),
            Metric::Manhattan => pairs().map(|(x, y)| (x - y).abs()).sum(),
            Metric::Cosine => 1.0 - pairs().map(|(x, y)| x * y).sum::<f64>() / (norm(&x) * norm(&y)),
        }
    })
}

#[test]
fn every_metric_is_the_plain_loop() {
    for (rows, others, columns) in [
        (1, 1, 1),
        (7, 9, 3),
        (64, 65, 5),
        (130, 200, 17),
        (3, 600, 2),
        (600, 3, 2),
    ] {
        let (x, y) = (random(rows, columns, 1), random(others, columns, 2));
        for metric in ALL {
            let (ours, theirs) = (between(&x, &y, metric), plain(&x, &y, metric));
            let worst = ours.iter().zip(&theirs).map(|(a, b)| (a - b).abs() / b.max(1.0)).fold(0.0, f64::max);
            assert!(worst < 1e-14, "{metric:?} {rows} {others} {columns}: {worst}");
        }
    }
}

#[test]
fn each_square_is_added_in_one_rounding() {
    let (x, y) = (random(30, 50, 3), random(21, 50, 4));
    let found = between(&x, &y, Metric::SquaredEuclidean);
    for ((i, j), found) in found.indexed_iter() {
        let pairs = x.row(i).into_iter().zip(y.row(j)).map(|(x, y)| y - x);
        assert_eq!(*found, pairs.fold(0.0, |sum, apart| apart.mul_add(apart, sum)), "{i}, {j}");
    }
}

#[test]
fn an_array_with_itself_is_symmetric_and_the_same_bytes() {
    for (rows, columns) in [(1, 4), (8, 1), (70, 6), (150, 3), (4500, 1)] {
        let mut x = random(rows, columns, 3);
        x.row_mut(rows / 2).fill(0.0);
        for metric in ALL {
            let ours = within(x.view().into(), metric);
            let mut both = between(&x, &x, metric);
            both.diag_mut().fill(0.0);
            assert_eq!(ours, both, "{metric:?} {rows}");
            assert_eq!(ours, ours.t(), "{metric:?} {rows}");
        }
    }
}

#[test]
fn threads_layouts_and_neighbours_change_no_byte() {
    let (x, y) = (random(300, 11, 4), random(90, 11, 5));
    for metric in ALL {
        let mut seen = Vec::new();
        for threads in [1, 2, 5] {
            set_num_threads(threads).unwrap();
            seen.push((between(&x, &y, metric), within(x.view().into(), metric)));
        }
        assert!(seen.windows(2).all(|pair| pair[0] == pair[1]));
        let (all, own) = seen.remove(0);
        let mut fortran = Array2::zeros(x.dim().f());
        fortran.assign(&x);
        assert_eq!(within(fortran.view().into(), metric), own);
        let wide = Array2::from_shape_fn((600, 22), |(row, column)| x[[row / 2, column / 2]]);
        assert_eq!(within(wide.slice(s![..;2, ..;2]).into(), metric), own);
        let mut columns = Array2::<f64>::zeros((300, 90).f());
        pairwise(x.view().into(), Some(y.view().into()), metric, columns.view_mut().into()).unwrap();
        assert_eq!(columns, all);
        let mut columns = Array2::<f64>::zeros((300, 300).f());
        pairwise(x.view().into(), None, metric, columns.view_mut().into()).unwrap();
        assert_eq!(columns, own);
        for (i, j) in [(0, 0), (299, 89), (77, 13)] {
            let one = between(&x.slice(s![i..=i, ..]).to_owned(), &y.slice(s![j..=j, ..]).to_owned(), metric);
            assert_eq!(one[[0, 0]], all[[i, j]]);
        }
    }
}

#[test]
fn offsets_cost_no_digit() {
    let x = Array2::from_shape_fn((20, 2), |(row, _)| 1e8 + row as f64 * 2.0_f64.powi(-10));
    let own = within(x.view().into(), Metric::Euclidean);
    for ((i, j), &found) in own.indexed_iter() {
        let exact = i.abs_diff(j) as f64 * 2.0_f64.powi(-10) * std::f64::consts::SQRT_2;
        assert!((found - exact).abs() <= 1e-15 * exact);
    }
}

#[test]
fn missing_values_have_no_distance() {
    let mut x = random(20, 3, 6);
    x[[3, 1]] = f64::NAN;
    x[[11, 2]] = f64::NEG_INFINITY;
    x[[12, 0]] = f64::INFINITY;
    x.row_mut(5).fill(0.0);
    for metric in ALL {
        for found in [within(x.view().into(), metric), between(&x, &x, metric)] {
            for ((i, j), value) in found.indexed_iter() {
                assert_eq!(value.is_nan(), [3, 11, 12].contains(&i) || [3, 11, 12].contains(&j), "{metric:?} {i} {j}");
            }
        }
    }
}

#[test]
fn huge_and_tiny_distances_are_right() {
    let near = |found: f64, exact: f64| assert!((found - exact).abs() <= 4e-16 * exact, "{found} {exact}");
    let two = |x: [f64; 2], y: [f64; 2]| {
        let (x, y) = (Array2::from_shape_vec((1, 2), x.to_vec()), Array2::from_shape_vec((1, 2), y.to_vec()));
        between(&x.unwrap(), &y.unwrap(), Metric::Euclidean)[[0, 0]]
    };
    near(two([3e150, 0.0], [0.0, 4e150]), 5e150);
    near(two([3e300, 0.0], [0.0, 4e300]), 5e300);
    near(two([1e308, 1.0], [1e308, 2.0]), 1.0);
    near(two([1e308, 0.0], [-0.79e308, 0.0]), 1.79e308);
    near(two([3e-200, 0.0], [0.0, 4e-200]), 5e-200);
    near(two([3e-310, 0.0], [0.0, 4e-310]), 5e-310);
    near(two([5e-324, 1e300], [0.0, 1e300]), 5e-324);
    assert_eq!(two([1.7e308, 0.0], [-1.7e308, 0.0]), f64::INFINITY);
    assert_eq!(two([1e-300, 1e300], [1e-300, 1e300]), 0.0);
    assert!(two([1e-300, f64::NAN], [1e-300, 1.0]).is_nan());
}

#[test]
fn values_are_brought_to_the_magnitude_asked_for() {
    for factor in [1.0, 1e300, 1e-300, 5e-324] {
        let x = random(40, 3, 6).mapv(|x| x * factor);
        let greatest = x.iter().fold(0.0_f64, |most, x| most.max(x.abs()));
        for exponent in [0, 1, 100, 495] {
            let mut points = Points::new(x.view().into()).unwrap();
            let power = points.rescale_to(exponent);
            if factor == 1.0 {
                assert_eq!(power, 1.0);
                continue;
            }
            let least = 2.0_f64.powi(i32::try_from(exponent).unwrap());
            let found = greatest * power;
            let most = power == 2.0_f64.powi(1023) && found < least;
            assert!(most || (least..2.0 * least).contains(&found), "{factor} {exponent}: {power}");
        }
    }
}

#[test]
fn angles_are_told_of_every_length() {
    let x =
        Array2::from_shape_vec((5, 2), vec![1e300, 1e300, 1e-300, 0.0, 0.0, 0.0, -2e-310, -2e-310, 1.0, 1.0 + 2e-8]);
    let own = within(x.unwrap().view().into(), Metric::Cosine);
    let exact = 1.0 - 0.5_f64.sqrt();
    assert!((own[[0, 1]] - exact).abs() < 1e-15);
    assert_eq!((own[[0, 2]], own[[2, 2]], own[[2, 3]]), (1.0, 0.0, 1.0));
    assert!((own[[0, 3]] - 2.0).abs() < 1e-15 && own[[0, 3]] <= 2.0);
    // 1 - cos would have no digit right.
    assert!((own[[0, 4]] / 5e-17 - 1.0).abs() < 1e-6);
}

#[test]
fn narrow_values_are_widened_and_results_narrowed() {
    let x = random(30, 4, 7).mapv(|value| value as f32);
    let mut out = Array2::<f32>::zeros((30, 30));
    pairwise(x.view().into(), None, Metric::Euclidean, out.view_mut().into()).unwrap();
    let wide = x.mapv(f64::from);
    assert_eq!(out, within(wide.view().into(), Metric::Euclidean).mapv(|value| value as f32));
    assert_eq!(within(x.view().into(), Metric::Manhattan), within(wide.view().into(), Metric::Manhattan));
}

#[test]
fn empty_arrays_have_empty_results() {
    let (none, some) = (Array2::zeros((0, 3)), random(4, 3, 8));
    for metric in ALL {
        assert_eq!(between(&none, &some, metric).dim(), (0, 4));
        assert_eq!(between(&some, &none, metric).dim(), (4, 0));
        assert_eq!(within(none.view().into(), metric).dim(), (0, 0));
    }
}

#[test]
fn shapes_are_checked() {
    let (x, y) = (random(4, 3, 9), random(5, 2, 9));
    let mut out = Array2::<f64>::zeros((4, 5));
    let error = pairwise(x.view().into(), Some(y.view().into()), Metric::Euclidean, out.view_mut().into()).unwrap_err();
    assert_eq!(error.to_string(), "`y` must have shape (5, 3), got (5, 2)");
    let error = pairwise(x.view().into(), None, Metric::Euclidean, out.view_mut().into()).unwrap_err();
    assert_eq!(error.to_string(), "`out` must have shape (4, 4), got (4, 5)");
    let (mut index, mut distance) = ([0; 4], [0.0; 4]);
    let error = nearest(x.view().into(), y.view().into(), &mut index, &mut distance).unwrap_err();
    assert_eq!(error.to_string(), "`centers` must have shape (5, 3), got (5, 2)");
    let none = Array2::<f64>::zeros((0, 3));
    let error = nearest(x.view().into(), none.view().into(), &mut index, &mut distance).unwrap_err();
    assert_eq!(error.to_string(), "`centers` must have at least 1 row, got 0");
    let none = Array2::<f64>::zeros((4, 0));
    assert!(pairwise(none.view().into(), None, Metric::Euclidean, out.view_mut().into()).is_err());
}

fn closest(x: &Array2<f64>, centers: &Array2<f64>) -> (Array1<i64>, Array1<f64>) {
    let (mut index, mut distance) = (Array1::from_elem(x.nrows(), -9), Array1::from_elem(x.nrows(), -9.0));
    let places = (index.as_slice_mut().unwrap(), distance.as_slice_mut().unwrap());
    nearest(x.view().into(), centers.view().into(), places.0, places.1).unwrap();
    (index, distance)
}

#[test]
fn the_nearest_is_the_first_of_the_least() {
    for (rows, count, columns) in [(1, 1, 1), (9, 8, 3), (500, 21, 4), (65, 100, 2)] {
        // Whole numbers: many centres are equally far.
        let x = random(rows, columns, 10).mapv(f64::round);
        let centers = random(count, columns, 11).mapv(f64::round);
        let (index, distance) = closest(&x, &centers);
        for (row, all) in between(&x, &centers, Metric::Euclidean).rows().into_iter().enumerate() {
            let least = all.iter().copied().fold(f64::INFINITY, f64::min);
            let first = all.iter().position(|&value| value == least);
            assert_eq!((Some(usize::try_from(index[row]).unwrap()), distance[row]), (first, least));
        }
    }
}

#[test]
fn the_nearest_at_the_edges() {
    let mut centers = random(12, 2, 12);
    centers[[2, 0]] = f64::NAN;
    let mut x = centers.clone();
    x[[7, 1]] = f64::INFINITY;
    let (index, distance) = closest(&x, &centers);
    assert_eq!((index[7], index[2]), (-1, -1));
    assert!(distance[7].is_nan() && distance[2].is_nan());
    assert_eq!((index[11], distance[11]), (11, 0.0));
    let nobody = Array2::from_elem((3, 2), f64::NAN);
    assert_eq!(closest(&x, &nobody).0, Array1::from_elem(12, -1));
    let far = Array2::from_shape_vec((3, 1), vec![1e300, 3e300, 1e-300]).unwrap();
    let rows = Array2::from_shape_vec((4, 1), vec![2.5e300, 0.0, 4e-300, f64::NAN]).unwrap();
    let (index, distance) = closest(&rows, &far);
    assert_eq!(index.to_vec(), [1, 2, 2, -1]);
    assert_eq!(distance.to_vec()[..3], [3e300 - 2.5e300, 1e-300, 4e-300 - 1e-300]);
}
