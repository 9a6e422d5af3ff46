//! Oracles written out, edges, and the properties that every fit must have.

use acm_linalg::scaling::Manner;
use acm_linalg::{Error, Persist, Samples, Scaling, parallel, seed};
use ndarray::{Array2, ShapeBuilder, array, s};
use proptest::prelude::*;
use rand::RngExt;

use super::*;

fn model(clusters: usize, starts: usize) -> KMeans {
    KMeans::new(clusters, starts, 300, 1e-4, 17).unwrap()
}

/// `clusters` clouds, row `i` in cloud `i % clusters`.
fn clouds(rows: usize, columns: usize, clusters: usize, apart: f64, number: u64) -> Array2<f64> {
    let mut random = seed::stream(number, 0);
    let middles = Array2::from_shape_fn((clusters, columns), |_| apart * (random.random::<f64>() - 0.5));
    Array2::from_shape_fn((rows, columns), |(row, column)| {
        let noise: f64 = (0..12).map(|_| random.random::<f64>()).sum::<f64>() - 6.0;
        middles[[row % clusters, column]] + noise
    })
}

fn square(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| (a - b).powi(2)).sum()
}

/// Lloyd's iterations written out.
fn naive(x: &Array2<f64>, weights: &[f64], start: &[f64], clusters: usize) -> (Vec<u32>, Vec<f64>, f64) {
    let columns = x.ncols();
    let mut centers = start.to_vec();
    let mut labels: Vec<u32> = Vec::new();
    loop {
        let nearest = |row: &[f64]| {
            let squares: Vec<f64> = centers.chunks_exact(columns).map(|center| square(row, center)).collect();
            (0..clusters).min_by(|&a, &b| squares[a].total_cmp(&squares[b])).unwrap()
        };
        let found: Vec<u32> = x.rows().into_iter().map(|row| nearest(&row.to_vec()) as u32).collect();
        if found == labels {
            let inertia = x.rows().into_iter().zip(&labels).zip(weights);
            let inertia = inertia.map(|((row, &label), weight)| {
                weight * square(&row.to_vec(), &centers[label as usize * columns..][..columns])
            });
            let inertia = inertia.sum();
            return (labels, centers, inertia);
        }
        labels = found;
        for cluster in 0..clusters {
            let mine: Vec<usize> = (0..x.nrows()).filter(|&row| labels[row] == cluster as u32).collect();
            let total: f64 = mine.iter().map(|&row| weights[row]).sum();
            for column in 0..columns {
                centers[cluster * columns + column] =
                    mine.iter().map(|&row| weights[row] * x[[row, column]]).sum::<f64>() / total;
            }
        }
    }
}

#[test]
fn the_iterations_are_lloyds() {
    for (rows, columns, clusters, far) in [
        (503, 3, 4, 0.0),
        (2000, 7, 5, 0.0),
        (64, 1, 3, 0.0),
        (1201, 20, 9, 0.0),
        (1500, 4, 30, 0.0),
        // Products of one centre and the others' rows have no digits left to tell these apart.
        (1203, 6, 4, 1e9),
    ] {
        let mut x = clouds(rows, columns, clusters, 6.0, rows as u64);
        x[[0, 0]] += far;
        let start: Vec<f64> = x.slice(s![..clusters, ..]).iter().copied().collect();
        let weights: Vec<f64> = (0..rows).map(|row| 0.5 + (row % 3) as f64).collect();
        for weights in [vec![1.0; rows], weights] {
            let (labels, centers, inertia) = naive(&x, &weights, &start, clusters);
            let exact = KMeans::new(clusters, 1, 300, 0.0, 0).unwrap();
            let fitted = exact.fit_from(x.view().into(), Some(&weights), &start).unwrap();
            assert_eq!(fitted.labels(), labels);
            assert!((fitted.inertia() - inertia).abs() < 1e-11 * inertia);
            for (found, exact) in fitted.centers().unwrap().iter().zip(centers) {
                assert!((found - exact).abs() < 1e-11 + f64::EPSILON * exact.abs());
            }
        }
    }
}

#[test]
fn clouds_are_found_and_new_rows_fall_into_them() {
    let x = clouds(3000, 4, 5, 60.0, 3);
    let fitted = model(5, 10).fit(x.view().into(), None).unwrap();
    for row in 5..3000 {
        assert_eq!(fitted.labels()[row], fitted.labels()[row % 5]);
    }
    assert!(fitted.inertia() < 1.1 * 4.0 * 3000.0);
    let mut labels = vec![0_u32; 3000];
    fitted.predict(x.view().into(), &mut labels).unwrap();
    assert_eq!(labels, fitted.labels());
    assert_eq!(fitted.counts(), [600.0; 5]);
}

#[test]
fn scores_distances_and_contributions_belong_together() {
    let x = clouds(101, 3, 6, 8.0, 1);
    let fitted = model(6, 3).fit(x.view().into(), None).unwrap();
    let (mut scores, mut all, mut parts) = (vec![0.0; 101], vec![0.0; 606], vec![0.0; 303]);
    fitted.score(x.view().into(), &mut scores).unwrap();
    fitted.transform(x.view().into(), &mut all).unwrap();
    fitted.contributions(x.view().into(), &mut parts).unwrap();
    let centers = fitted.centers().unwrap();
    for row in 0..101 {
        let exact: Vec<f64> = centers
            .chunks_exact(3)
            .map(|center| square(&x.row(row).to_vec(), center).sqrt())
            .collect();
        for (found, exact) in all[6 * row..][..6].iter().zip(&exact) {
            assert!((found - exact).abs() < 1e-13);
        }
        assert_eq!(scores[row], all[6 * row..][..6].iter().copied().fold(f64::INFINITY, f64::min));
        assert!((parts[3 * row..][..3].iter().sum::<f64>() - scores[row].powi(2)).abs() < 1e-12);
    }
}

#[test]
fn layouts_threads_chunks_and_single_rows_give_the_same_bytes() {
    let mut x = clouds(4099, 5, 3, 3.0, 9).mapv(|value| f64::from(value as f32));
    x[[7, 2]] = f64::NAN;
    x[[8, 0]] = f64::INFINITY;
    let parameters = model(6, 4);
    let fitted = parameters.fit(x.view().into(), None).unwrap();
    let mut fortran = Array2::zeros((4099, 5).f());
    fortran.assign(&x);
    let wide = Array2::from_shape_fn((8198, 10), |(row, column)| x[[row / 2, column / 2]]);
    let narrow = x.mapv(|value| value as f32);
    let all: [Samples<'_>; 3] = [
        fortran.view().into(),
        wide.slice(s![..;2, ..;2]).into(),
        narrow.view().into(),
    ];
    let mut scores = vec![0.0; 4099];
    fitted.score(x.view().into(), &mut scores).unwrap();
    for samples in all {
        assert_eq!(parameters.fit(samples, None).unwrap(), fitted);
        let mut other = vec![0.0; 4099];
        fitted.score(samples, &mut other).unwrap();
        assert_eq!(other, scores);
    }
    for threads in [1, 2, 5] {
        parallel::set_num_threads(threads).unwrap();
        assert_eq!(parameters.fit(x.view().into(), None).unwrap(), fitted);
    }
    for row in 0..50 {
        let mut one = [0.0];
        fitted.score(x.slice(s![row..=row, ..]).into(), &mut one).unwrap();
        assert_eq!(one[0], scores[row]);
    }
}

#[test]
fn fewer_different_rows_than_clusters_leave_clusters_empty() {
    let x = Array2::from_shape_fn((40, 2), |(row, column)| (row % 3) as f64 + column as f64);
    let fitted = model(8, 3).fit(x.view().into(), None).unwrap();
    assert_eq!(fitted.inertia(), 0.0);
    assert!(fitted.centers().unwrap().iter().all(|value| value.is_finite()));
    assert_eq!(fitted.counts().iter().filter(|&&count| count > 0.0).count(), 3);
    let constant = Array2::from_elem((10, 3), 1e9);
    let fitted = model(10, 2).fit(constant.view().into(), None).unwrap();
    assert_eq!((fitted.inertia(), fitted.labels()), (0.0, &[0; 10][..]));
}

#[test]
fn as_many_clusters_as_rows_cost_nothing() {
    let x = clouds(20, 3, 1, 0.0, 5);
    let fitted = model(20, 1).fit(x.view().into(), None).unwrap();
    assert!(fitted.inertia() < 1e-28);
    let mut labels = fitted.labels().to_vec();
    labels.sort_unstable();
    assert_eq!(labels, (0..20).collect::<Vec<u32>>());
}

#[test]
fn empty_clusters_take_the_farthest_rows() {
    // The second centre is nobody's nearest; the farthest row is the last one.
    let x = Array2::from_shape_vec((5, 1), vec![0.0, 1.0, 2.0, 3.0, 100.0]).unwrap();
    let fitted = model(2, 1).fit_from(x.view().into(), None, &[1.0, -50.0]).unwrap();
    assert_eq!(fitted.labels(), [0, 0, 0, 0, 1]);
    assert_eq!(fitted.centers().unwrap(), [1.5, 100.0]);
    // A row without weight is no home.
    let weights = [1.0, 1.0, 1.0, 1.0, 0.0];
    let fitted = model(2, 1).fit_from(x.view().into(), Some(&weights), &[1.0, -50.0]).unwrap();
    assert_eq!(fitted.labels()[..4], [0, 0, 0, 1]);
}

#[test]
fn offsets_cost_no_digits_and_huge_values_no_panic() {
    let plain = clouds(600, 2, 3, 30.0, 2).mapv(|value| (value * 1024.0).round() / 1024.0);
    let x = plain.mapv(|value| 1e9 + value / 1024.0);
    let fitted = model(3, 3).fit(x.view().into(), None).unwrap();
    for row in 3..600 {
        assert_eq!(fitted.labels()[row], fitted.labels()[row % 3]);
    }
    let near = model(3, 3).fit(plain.view().into(), None).unwrap();
    let ratio = fitted.inertia() * 1024.0 * 1024.0 / near.inertia();
    assert!((ratio - 1.0).abs() < 1e-5, "{ratio}");
    for size in [1e150, 1e300, f64::MAX] {
        let x = Array2::from_shape_fn((30, 2), |(row, _)| if row % 2 == 0 { size } else { -size });
        let fitted = model(2, 2).fit(x.view().into(), None).unwrap();
        assert!(fitted.centers().unwrap().iter().all(|value| value.is_finite()), "{size}");
        assert_ne!(fitted.labels()[0], fitted.labels()[1]);
        let mut scores = vec![0.0; 30];
        fitted.score(x.view().into(), &mut scores).unwrap();
        assert!(scores.iter().all(|value| value.is_finite()));
    }
}

#[test]
fn missing_values_count_as_the_median() {
    let x = clouds(301, 3, 2, 20.0, 4);
    let median = Scaling::fit(x.view().into(), Manner::Robust, 1.0).unwrap().fill;
    let mut gaps = x.clone();
    gaps.row_mut(5).fill(f64::NAN);
    let fitted = model(2, 2).fit(x.view().into(), None).unwrap();
    let filled = Array2::from_shape_fn((1, 3), |(_, column)| median[column]);
    let (mut one, mut other) = ([0.0], [1.0]);
    fitted.score(gaps.slice(s![5..6, ..]).into(), &mut one).unwrap();
    fitted.score(filled.view().into(), &mut other).unwrap();
    assert_eq!(one, other);
    let none = Array2::from_elem((4, 2), f64::NAN);
    assert!(matches!(model(2, 1).fit(none.view().into(), None), Err(Error::Unfit { name: "x", .. })));
}

#[test]
fn a_row_that_goes_to_a_centre_without_any_leaves_its_own() {
    let x = array![[0.0], [1.0], [2.0], [9.0]];
    let once = KMeans::new(2, 1, 1, 0.0, 0).unwrap();
    let fitted = once.fit_from(x.view().into(), None, &[3.0, 900.0]).unwrap();
    assert_eq!(fitted.centers().unwrap(), [1.0, 9.0]);
}

#[test]
fn every_start_of_every_round_is_drawn_by_itself() {
    let x = clouds(900, 3, 3, 9.0, 6);
    let parameters = model(1, 2);
    let (points, _) = parameters.points(x.view().into(), None).unwrap();
    let until = Until {
        iterations: 3,
        shift: 0.0,
    };
    let mut drawn = parameters.draw(&points, 0, None).unwrap();
    let best = lloyd::best(&points, drawn.clone(), 1, until).unwrap();
    for round in 1..4 {
        drawn.extend(parameters.draw(&points, round, Some(&best)).unwrap());
    }
    for (number, start) in drawn.iter().enumerate() {
        assert!(!drawn[..number].contains(start), "{number}");
    }
}

#[test]
fn labels_that_rounding_decides_are_not_given() {
    let x = clouds(900, 3, 3, 9.0, 6);
    let centers: Vec<f64> = x.slice(s![..3, ..]).iter().copied().collect();
    let fitted = model(3, 1).fit_from(x.view().into(), None, &centers).unwrap();
    assert_eq!(certain_labels(x.view().into(), 3, &centers).unwrap().unwrap(), fitted.labels());
    // The last row is as far from either centre at first, and in no doubt after that.
    let line = array![[0.0], [0.5], [1.0], [9.0], [9.5], [10.0], [5.0]];
    assert_eq!(certain_labels(line.view().into(), 2, &[0.0, 10.0]).unwrap(), None);
    assert_eq!(certain_labels(line.view().into(), 2, &[0.0, 9.9]).unwrap().unwrap(), [0, 0, 0, 1, 1, 1, 1]);
    // The middle row is as far from either centre only when the centres have moved.
    let moved = array![[0.0], [0.0], [6.0], [10.0], [10.0]];
    assert_eq!(certain_labels(moved.view().into(), 2, &[3.0, 10.0]).unwrap(), None);
    // A centre without a row.
    assert_eq!(certain_labels(line.view().into(), 3, &[0.0, 10.1, 900.0]).unwrap(), None);
    assert!(matches!(certain_labels(line.view().into(), 2, &[0.0]), Err(Error::Length { name: "centers", .. })));
}

#[test]
fn labels_are_those_of_the_scaled_rows() {
    let x = clouds(900, 3, 3, 90.0, 6);
    let stretched = Array2::from_shape_fn((900, 3), |(row, column)| x[[row, column]] * [1.0, 1e4, 1e-4][column] + 1e5);
    let scaling = Scaling::fit(stretched.view().into(), Manner::Robust, 1e-6).unwrap();
    let found = labels_for(stretched.view().into(), Some(&scaling), 3, 3, 100, 1).unwrap();
    for row in 3..900 {
        assert_eq!(found.labels[row], found.labels[row % 3]);
    }
    let scaled = Array2::from_shape_fn((900, 3), |(row, column)| scaling.scaled(stretched[[row, column]], column));
    let plain = labels_for(scaled.view().into(), None, 3, 3, 100, 1).unwrap();
    assert_eq!(found.labels, plain.labels);
    assert!((found.inertia - plain.inertia).abs() < 1e-10 * plain.inertia);
    for (a, b) in found.centers.iter().zip(&plain.centers) {
        assert!((a - b).abs() < 1e-12);
    }
}

#[test]
fn mini_batches_keep_the_mean_of_all_their_rows() {
    let x = clouds(6000, 3, 4, 80.0, 8);
    let parameters = model(4, 1);
    let mut fitted = parameters.begin(x.slice(s![..1000, ..]).into(), None).unwrap();
    for start in (1000..6000).step_by(1000) {
        fitted = fitted.updated(x.slice(s![start..start + 1000, ..]).into(), None).unwrap();
    }
    assert_eq!((fitted.iterations(), fitted.labels().len()), (6, 1000));
    assert_eq!(fitted.counts().iter().sum::<f64>(), 6000.0);
    let whole = parameters.fit(x.view().into(), None).unwrap();
    let mut labels = vec![0_u32; 6000];
    fitted.predict(x.view().into(), &mut labels).unwrap();
    let centers = fitted.centers().unwrap();
    for row in 0..4 {
        let (ours, theirs) = (labels[row] as usize, whole.labels()[row] as usize);
        let gap = square(&centers[3 * ours..][..3], &whole.centers().unwrap()[3 * theirs..][..3]);
        assert!(gap < 1e-20, "{gap}");
    }
}

#[test]
fn bad_parameters_and_data_are_told() {
    let message = |error: Error| error.to_string();
    assert_eq!(message(KMeans::new(0, 1, 1, 0.0, 0).unwrap_err()), "`n_clusters` must be at least 1, got 0");
    assert_eq!(message(KMeans::new(2, 0, 1, 0.0, 0).unwrap_err()), "`n_init` must be at least 1, got 0");
    assert_eq!(message(KMeans::new(2, 1, 0, 0.0, 0).unwrap_err()), "`max_iter` must be at least 1, got 0");
    assert!(KMeans::new(2, 1, 1, f64::NAN, 0).is_err());
    let x = Array2::<f64>::zeros((3, 2));
    let fit =
        |clusters, weights: Option<&[f64]>| message(model(clusters, 1).fit(x.view().into(), weights).unwrap_err());
    assert_eq!(fit(4, None), "`x` must have at least 4 rows, got 3");
    assert_eq!(fit(2, Some(&[1.0])), "`sample_weight` must have length 3, got 1");
    assert_eq!(fit(2, Some(&[1.0, -1.0, 1.0])), "`sample_weight` must be finite and at least 0, got -1");
    assert_eq!(fit(2, Some(&[0.0; 3])), "`sample_weight` must have a weight above 0, and a finite sum");
    let none = Array2::<f64>::zeros((3, 0));
    assert!(model(2, 1).fit(none.view().into(), None).is_err());
    let fitted = model(2, 1).fit(x.view().into(), None).unwrap();
    let wide = Array2::<f64>::zeros((3, 5));
    assert!(fitted.score(wide.view().into(), &mut [0.0; 3]).is_err());
    assert!(model(2, 1).fit_from(x.view().into(), None, &[0.0; 3]).is_err());
    assert!(model(2, 1).fit_from(x.view().into(), None, &[f64::NAN; 4]).is_err());
}

#[test]
fn a_saved_model_comes_back_whole() {
    let x = clouds(200, 3, 3, 9.0, 2);
    let fitted = model(3, 2).fit(x.view().into(), None).unwrap();
    let bytes = fitted.to_bytes().unwrap();
    assert_eq!(FittedKMeans::from_bytes(&bytes).unwrap(), fitted);
    for length in (0..bytes.len()).step_by(7) {
        assert!(FittedKMeans::from_bytes(&bytes[..length]).is_err());
    }
    for place in 0..bytes.len() {
        let mut wrong = bytes.clone();
        wrong[place] ^= 0x48;
        if let Ok(read) = FittedKMeans::from_bytes(&wrong) {
            let mut labels = vec![0_u32; 200];
            read.predict(x.view().into(), &mut labels).unwrap();
        }
    }
}

#[test]
fn another_number_of_places_is_told() {
    let x = clouds(20, 3, 2, 50.0, 5);
    let fitted = model(2, 1).fit(x.view().into(), None).unwrap();
    let told = |result: acm_linalg::Result<()>| result.unwrap_err().to_string();
    let samples = Samples::from(x.view());
    assert_eq!(told(fitted.predict(samples, &mut [0_u32; 19])), "`out` must have length 20, got 19");
    assert_eq!(told(fitted.transform(samples, &mut [0.0; 20])), "`out` must have length 40, got 20");
    assert_eq!(told(fitted.contributions(samples, &mut [0.0; 61])), "`out` must have length 60, got 61");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// No row is nearer to another centre than to its own, and each centre is the mean of its rows.
    #[test]
    fn a_fit_is_a_fixed_point(
        values in proptest::collection::vec(-3_i8..4, 12..400),
        columns in 1_usize..4,
        clusters in 1_usize..6,
        number in 0_u64..4,
    ) {
        let rows = values.len() / columns;
        prop_assume!(rows >= clusters);
        let x = Array2::from_shape_fn((rows, columns), |(row, column)| f64::from(values[row * columns + column]));
        let fitted = KMeans::new(clusters, 2, 300, 0.0, number).unwrap().fit(x.view().into(), None).unwrap();
        let centers = fitted.centers().unwrap();
        let mut inertia = 0.0;
        for (row, &label) in x.rows().into_iter().zip(fitted.labels()) {
            let own = square(&row.to_vec(), &centers[label as usize * columns..][..columns]);
            for center in centers.chunks_exact(columns) {
                prop_assert!(own <= square(&row.to_vec(), center) + 1e-9);
            }
            inertia += own;
        }
        prop_assert!((inertia - fitted.inertia()).abs() < 1e-9 * (1.0 + inertia));
        for cluster in 0..clusters {
            let mine: Vec<usize> = (0..rows).filter(|&row| fitted.labels()[row] == cluster as u32).collect();
            prop_assert_eq!(mine.len() as f64, fitted.counts()[cluster]);
            if !mine.is_empty() {
                for column in 0..columns {
                    let mean = mine.iter().map(|&row| x[[row, column]]).sum::<f64>() / mine.len() as f64;
                    prop_assert!((mean - centers[cluster * columns + column]).abs() < 1e-9);
                }
            }
        }
    }
}
