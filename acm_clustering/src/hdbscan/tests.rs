//! Oracles written out, edges, and the properties that every fit must have.

use acm_linalg::{Error, Persist, Samples, parallel, seed};
use ndarray::{Array2, ShapeBuilder, s};
use rand::RngExt;

use super::*;

fn plain(min_cluster_size: usize, min_samples: usize) -> Hdbscan {
    Hdbscan::new(min_cluster_size, Some(min_samples), Selection::ExcessOfMass).unwrap()
}

/// Clouds of differing widths and noise around them; every third set rounded, so that distances tie, every fourth with rows
/// that stand twice, every fifth far from zero.
fn set(number: u64) -> Array2<f64> {
    let mut random = seed::stream(number, 0);
    let rows = 20 + random.random_range(0..120);
    let columns = 1 + number as usize % 7;
    let clouds = 1 + random.random_range(0..4_usize);
    let middles = Array2::from_shape_fn((clouds, columns), |_| 12.0 * random.random::<f64>());
    let mut x = Array2::from_shape_fn((rows, columns), |(row, column)| {
        let noise: f64 = (0..4).map(|_| random.random::<f64>() - 0.5).sum();
        let wide = if row % 9 == 0 { 12.0 } else { 1.0 + (row % clouds) as f64 };
        middles[[row % clouds, column]] + wide * noise
    });
    if number.is_multiple_of(3) {
        x.mapv_inplace(|value| (2.0 * value).round() / 2.0);
    }
    if number.is_multiple_of(4) {
        for row in 0..rows / 3 {
            let other = x.row(rows - 1 - row).to_owned();
            x.row_mut(row).assign(&other);
        }
    }
    if number.is_multiple_of(5) {
        x += 1e9;
    }
    x
}

/// Squared mutual reachability of all pairs, written out.
fn reachability(x: &Array2<f64>, min_samples: usize) -> Array2<f64> {
    let rows = x.nrows();
    let squares = Array2::from_shape_fn((rows, rows), |(a, b)| {
        x.row(a).iter().zip(x.row(b)).fold(0.0, |sum, (a, b)| sum + (a - b) * (a - b))
    });
    let cores: Vec<f64> = (0..rows)
        .map(|row| {
            let mut all = squares.row(row).to_vec();
            all.sort_by(f64::total_cmp);
            all[min_samples - 1]
        })
        .collect();
    Array2::from_shape_fn((rows, rows), |(a, b)| squares[[a, b]].max(cores[a]).max(cores[b]))
}

/// Lengths of the spanning tree that grows from the first row (Prim), the shortest first.
fn grown(reach: &Array2<f64>) -> Vec<f64> {
    let mut nearest = reach.row(0).to_vec();
    let mut inside = vec![false; reach.nrows()];
    inside[0] = true;
    let mut lengths = Vec::new();
    for _ in 1..reach.nrows() {
        let outside = (0..reach.nrows()).filter(|&row| !inside[row]);
        let next = outside.min_by(|&a, &b| nearest[a].total_cmp(&nearest[b])).unwrap();
        inside[next] = true;
        lengths.push(nearest[next].sqrt());
        for row in 0..reach.nrows() {
            nearest[row] = nearest[row].min(reach[[next, row]]);
        }
    }
    lengths.sort_by(f64::total_cmp);
    lengths
}

/// Sets of rows that edges below `height` join.
fn parts(reach: &Array2<f64>, rows: &[usize], height: f64) -> Vec<Vec<usize>> {
    let mut left = rows.to_vec();
    let mut found = Vec::new();
    while let Some(start) = left.first().copied() {
        let mut part = vec![start];
        left.retain(|&row| row != start);
        let mut next = 0;
        while next < part.len() {
            let from = part[next];
            let (near, far): (Vec<_>, Vec<_>) = left.iter().partition(|&&row| reach[[from, row]].sqrt() < height);
            part.extend(near);
            left = far;
            next += 1;
        }
        part.sort_unstable();
        found.push(part);
    }
    found
}

/// The definition, from the sets of rows themselves: for the rows of a cluster that is born at density `birth`, its stability
/// and the best clusters within, with all that is chosen of them.
fn best(reach: &Array2<f64>, rows: &[usize], birth: f64, size: usize, single: bool) -> (f64, Vec<Vec<usize>>) {
    let mut left = rows.to_vec();
    let mut stability = 0.0;
    let (within, chosen) = loop {
        let reaches = left.iter().flat_map(|&a| left.iter().map(move |&b| (a, b)));
        let mut heights: Vec<f64> = reaches.filter(|(a, b)| a != b).map(|pair| reach[pair].sqrt()).collect();
        heights.sort_by(f64::total_cmp);
        heights.dedup();
        let apart = |height: &f64| parts(reach, &left, height.next_up()).len() > 1;
        let height = heights[heights.partition_point(apart)];
        let density = 1.0 / height;
        let (large, small): (Vec<_>, Vec<_>) =
            parts(reach, &left, height).into_iter().partition(|part| part.len() >= size);
        let leaving = small.iter().chain(large.iter().filter(|_| large.len() > 1));
        stability += leaving.map(|part| part.len() as f64 * (density - birth)).sum::<f64>();
        match &large[..] {
            [only] => left.clone_from(only),
            _ => {
                let below: Vec<_> = large.iter().map(|part| best(reach, part, density, size, true)).collect();
                let within: f64 = below.iter().map(|(stability, _)| stability).sum();
                break (within, below.into_iter().flat_map(|(_, chosen)| chosen).collect());
            }
        }
    };
    if within > stability || !single {
        (within, chosen)
    } else {
        (stability, vec![rows.to_vec()])
    }
}

#[test]
fn the_tree_is_as_short_as_one_that_grows() {
    for number in 0..200 {
        let x = set(number);
        for min_samples in [1, 2, 5, 40] {
            let min_samples = min_samples.min(x.nrows());
            let fitted = plain(5, min_samples).fit(x.view().into()).unwrap();
            assert_eq!(fitted.heights(), grown(&reachability(&x, min_samples)), "set {number}, {min_samples}");
        }
    }
}

#[test]
fn core_distances_are_those_of_the_definition() {
    for number in 0..12 {
        let x = set(number);
        for min_samples in [1, 4] {
            let fitted = plain(5, min_samples).fit(x.view().into()).unwrap();
            let found = fitted.core_distances().unwrap();
            // What is mutual reachability of a row with itself is its core distance.
            let reach = reachability(&x, min_samples);
            assert_eq!(found.len(), x.nrows());
            for (row, found) in found.iter().enumerate() {
                let expected = reach[[row, row]].sqrt();
                assert!((found - expected).abs() <= 1e-12 * expected, "set {number}, row {row}: {found}, {expected}");
            }
        }
    }
}

#[test]
fn clusters_are_counted_and_hold_less_than_as_long_as_they_could() {
    let mut seen = 0;
    for number in 0..40 {
        let fitted = plain(5, 3).fit(set(number).view().into()).unwrap();
        let counts = fitted.counts().unwrap();
        let of = |cluster: usize| fitted.labels().iter().filter(|&&label| label == cluster as i64).count() as i64;
        assert_eq!(counts, (0..fitted.clusters()).map(of).collect::<Vec<i64>>(), "set {number}");
        let persistences = fitted.persistences().unwrap();
        assert!(persistences.iter().all(|&persistence| persistence > 0.0 && persistence <= 1.0), "set {number}");
        seen += persistences.iter().filter(|&&persistence| persistence < 1.0).count();
    }
    assert!(seen > 10, "{seen}");
}

#[test]
fn clusters_are_those_of_the_definition() {
    let mut clusters = 0;
    for number in (0..120).filter(|number| number % 12 != 0) {
        let x = set(number);
        let (size, min_samples) = (4 + number as usize % 3, 1 + number as usize % 5);
        let reach = reachability(&x, min_samples);
        let rows: Vec<usize> = (0..x.nrows()).collect();
        let mut expected = vec![-1; x.nrows()];
        let mut chosen = best(&reach, &rows, 0.0, size, false).1;
        chosen.sort_unstable();
        for (label, cluster) in chosen.iter().enumerate() {
            cluster.iter().for_each(|&row| expected[row] = label as i64);
        }
        let fitted = plain(size, min_samples).fit(x.view().into()).unwrap();
        assert_eq!(fitted.labels(), expected, "set {number}");
        clusters += chosen.len();
    }
    assert!(clusters > 150, "{clusters}");
}

#[test]
fn the_order_of_the_rows_does_not_matter() {
    for number in 0..60 {
        let x = set(number);
        let turned = x.slice(s![..;-1, ..]);
        let model = plain(5, 3);
        let (one, other) = (model.fit(x.view().into()).unwrap(), model.fit(turned.into()).unwrap());
        let back: Vec<i64> = other.labels().iter().rev().copied().collect();
        let mut pairs: Vec<_> = one.labels().iter().zip(&back).collect();
        pairs.sort_unstable();
        pairs.dedup();
        assert_eq!(pairs.len(), one.clusters() + usize::from(one.labels().contains(&-1)), "set {number}");
        assert!(one.outlier_scores().iter().eq(other.outlier_scores().iter().rev()));
        assert!(one.probabilities().iter().eq(other.probabilities().iter().rev()));
    }
}

#[test]
fn any_threads_and_any_layout_give_the_same_bytes() {
    let mut random = seed::stream(5, 0);
    let x = Array2::from_shape_fn((3000, 4), |(row, _)| (row % 5) as f64 * 3.0 + random.random::<f64>());
    let model = plain(20, 5);
    let bytes = |x: Samples<'_>| model.fit(x).unwrap().to_bytes().unwrap();
    let before = parallel::num_threads();
    parallel::set_num_threads(1).unwrap();
    let one = bytes(x.view().into());
    parallel::set_num_threads(5).unwrap();
    assert_eq!(bytes(x.view().into()), one);
    let mut fortran = Array2::zeros((3000, 4).f());
    fortran.assign(&x);
    assert_eq!(bytes(fortran.view().into()), one);
    parallel::set_num_threads(before).unwrap();
}

#[test]
fn a_read_model_is_the_one_that_was_written() {
    let models = [
        plain(5, 3),
        Hdbscan::new(4, None, Selection::Leaf).unwrap().with_epsilon(0.5).unwrap(),
        plain(5, 1).with_single_cluster(true).with_max_cluster_size(Some(30)).unwrap(),
        plain(500, 1),
    ];
    for (number, model) in models.iter().enumerate() {
        let fitted = model.fit(set(number as u64 + 8).view().into()).unwrap();
        let bytes = fitted.to_bytes().unwrap();
        let read = FittedHdbscan::from_bytes(&bytes).unwrap();
        assert_eq!(read.parameters(), model);
        assert_eq!(read.labels(), fitted.labels());
        assert_eq!(read.probabilities(), fitted.probabilities());
        assert_eq!(read.to_bytes().unwrap(), bytes);
    }
}

#[test]
fn sizes_beyond_the_range_of_squares_are_no_matter() {
    let x = set(7);
    let fitted = plain(5, 3).fit(x.view().into()).unwrap();
    for power in [-980, 700] {
        let unit = 2.0_f64.powi(power);
        let other = plain(5, 3).fit(x.mapv(|value| value * unit).view().into()).unwrap();
        assert_eq!(other.labels(), fitted.labels());
        assert!(other.heights().iter().zip(fitted.heights()).all(|(a, b)| *a == b * unit));
        let cores = fitted.core_distances().unwrap();
        assert!(other.core_distances().unwrap().iter().zip(&cores).all(|(a, b)| *a == b * unit));
    }
}

#[test]
fn a_row_farther_than_numbers_reach_joins_nothing() {
    let x = set(6);
    for power in [0, 1017] {
        let x = x.mapv(|value| value * 2.0_f64.powi(power));
        let fitted = plain(5, 3).fit(x.view().into()).unwrap();
        assert!(fitted.clusters() > 0 && fitted.labels().contains(&0));
        let beyond = Array2::from_elem((1, x.ncols()), -f64::MAX);
        let (mut labels, mut firm, mut scores) = ([7], [-1.0], [-1.0]);
        fitted.approximate_predict(beyond.view().into(), &mut labels, &mut firm).unwrap();
        fitted.score(beyond.view().into(), &mut scores).unwrap();
        let mut members = vec![-1.0; fitted.clusters()];
        fitted.membership(beyond.view().into(), &mut members).unwrap();
        assert_eq!((labels, firm[0] < 1e-100, scores), ([-1], true, [1.0]), "{power}");
        assert!(members.iter().all(|&member| (0.0..1e-100).contains(&member)), "{power}");
    }
}

#[test]
fn one_huge_value_is_an_outlier_and_no_more() {
    for (number, huge) in [(7, 1e165), (8, -1e200), (11, 1e300)] {
        let mut x = set(number);
        let last = x.nrows() - 1;
        let all = plain(5, 1).fit(x.slice(s![..last, ..]).into()).unwrap();
        x[[last, 0]] = huge;
        let fitted = plain(5, 1).fit(x.view().into()).unwrap();
        assert_eq!(fitted.labels()[last], -1);
        let (far, near) = fitted.heights().split_last().unwrap();
        assert!((far / huge.abs() - 1.0).abs() < 1e-12, "{far}");
        let same = |(a, b): (&f64, &f64)| (a - b).abs() <= 1e-9 * b;
        assert!(near.iter().zip(all.heights()).all(same), "set {number}");
        assert!(fitted.outlier_scores()[last] == 1.0);
    }
}

/// Clouds of two columns, so many rows each, their rows mixed: every second one further along the one column or the other.
fn clouds(number: u64, sizes: &[usize], apart: f64) -> (Array2<f64>, Vec<usize>) {
    let mut random = seed::stream(number, 3);
    let mut of: Vec<usize> = sizes.iter().enumerate().flat_map(|(cloud, &size)| vec![cloud; size]).collect();
    for place in (1..of.len()).rev() {
        of.swap(place, random.random_range(0..=place));
    }
    let x = Array2::from_shape_fn((of.len(), 2), |(row, column)| {
        let normal: f64 = (0..12).map(|_| random.random::<f64>()).sum::<f64>() - 6.0;
        normal + if column == of[row] % 2 { apart * of[row] as f64 } else { 0.0 }
    });
    (x, of)
}

#[test]
fn what_stands_out_has_denser_rows_than_where_it_parts() {
    let (mut kept, mut gone) = (0, 0);
    for number in 0..40 {
        let (x, _) = clouds(number, &[150, 80, 60], 3.0 + (number % 5) as f64);
        let model = plain(20, 4);
        let fitted = model.fit(x.view().into()).unwrap();
        let rows = x.nrows();
        let reaches: Vec<f64> = (0..rows)
            .map(|row| {
                let from = x.row(row).to_vec();
                let mut all: Vec<f64> = x.rows().into_iter().map(|to| square(&from, &to.to_vec()).sqrt()).collect();
                all.sort_by(f64::total_cmp);
                all[12 - 1]
            })
            .collect();
        let tree: Vec<_> = fitted.condensed().collect();
        let above = |child: usize| tree.iter().find(|entry| entry.1 == child).unwrap().0;
        let mut stand = Vec::new();
        for cluster in tree.iter().filter(|entry| entry.1 >= rows) {
            let within = |&row: &usize| {
                let mut at = above(row);
                while at > rows && at != cluster.1 {
                    at = above(at);
                }
                at == cluster.1
            };
            let mut of: Vec<f64> = (0..rows).filter(within).map(|row| reaches[row]).collect();
            assert_eq!(of.len(), cluster.3);
            of.sort_by(f64::total_cmp);
            if of[of.len().div_ceil(4) - 1] <= 1.0 / cluster.2 {
                stand.push(cluster.1);
            } else {
                gone += 1;
            }
        }
        // Two that stand out of one that is still there part it.
        let mut births: Vec<f64> = Vec::new();
        for &cluster in &stand {
            let beside = stand.iter().any(|&other| other != cluster && above(other) == above(cluster));
            let mut at = above(cluster);
            let mut there = beside;
            while at > rows {
                there &= stand.contains(&at);
                at = above(at);
            }
            if there {
                births.push(tree.iter().find(|entry| entry.1 == cluster).unwrap().2);
            }
        }
        let fitted = fitted.standing_out(3).unwrap();
        let mut found: Vec<f64> = fitted.condensed().filter(|entry| entry.1 >= rows).map(|entry| entry.2).collect();
        births.sort_by(f64::total_cmp);
        found.sort_by(f64::total_cmp);
        assert_eq!(found, births, "set {number}");
        assert_eq!(fitted.condensed().filter(|entry| entry.1 < rows).count(), rows);
        kept += found.len();
        let back = FittedHdbscan::from_bytes(&fitted.to_bytes().unwrap()).unwrap();
        assert_eq!(back.labels(), fitted.labels());
    }
    assert!(kept > 60 && gone > 40, "{kept}, {gone}");
}

#[test]
fn one_cloud_is_not_parted_and_more_are() {
    for number in 0..60 {
        let (x, _) = clouds(number, &[600], 0.0);
        let one = plain(30, 10).fit(x.view().into()).unwrap().standing_out(3).unwrap();
        assert_eq!((one.clusters(), one.condensed().count()), (0, 600), "set {number}");
        let (x, of) = clouds(number, &[400, 150, 60], 7.0);
        let three = plain(30, 10).fit(x.view().into()).unwrap().standing_out(3).unwrap();
        assert_eq!(three.clusters(), 3, "set {number}");
        let mut pairs: Vec<_> = of.iter().zip(three.labels()).filter(|(_, label)| **label >= 0).collect();
        assert!(pairs.len() > 550);
        pairs.sort_unstable();
        pairs.dedup();
        assert_eq!(pairs.len(), 3, "set {number}");
    }
    // A ball of more rows than there are is nowhere.
    let (x, _) = clouds(0, &[30, 30], 20.0);
    let fitted = plain(20, 20).fit(x.view().into()).unwrap();
    assert_eq!(fitted.clusters(), 2);
    assert_eq!(fitted.standing_out(4).unwrap().clusters(), 0);
}

#[test]
fn rows_of_the_fit_that_are_asked_again_score_as_they_did() {
    let (mut apart, mut count, mut noise) = (0.0, 0.0, 0);
    for number in 0..60 {
        let mut x = set(number);
        let rows = x.nrows();
        // Four rows close together, too few for a cluster.
        for row in 0..4 {
            x.row_mut(row).mapv_inplace(|_| 300.0 + 1e-3 * row as f64);
        }
        let fitted = plain(5, 1 + number as usize % 4).fit(x.view().into()).unwrap();
        let mut scores = vec![9.0; rows];
        fitted.score(x.view().into(), &mut scores).unwrap();
        for (row, (again, own)) in scores.iter().zip(fitted.outlier_scores()).enumerate() {
            // It counts twice: at least as dense, and never more than its neighbours.
            assert!(*again <= own + 1e-12, "set {number}, row {row}: {again}, {own}");
            apart += own - again;
            count += 1.0;
        }
        let (mut labels, mut firm) = (vec![9; rows], vec![9.0; rows]);
        fitted.approximate_predict(x.view().into(), &mut labels, &mut firm).unwrap();
        assert_eq!(labels[..4], [-1; 4]);
        assert!(scores[..4].iter().all(|&score| score > 0.9), "set {number}: {:?}", &scores[..4]);
        noise += fitted.labels().iter().zip(&labels).filter(|(own, again)| own != again).count();
    }
    assert!(apart / count < 0.02, "{}", apart / count);
    assert!((noise as f64) < 0.03 * count, "{noise} of {count}");
}

#[test]
fn too_few_rows_are_noise() {
    for (rows, model) in [(1, plain(2, 1)), (4, plain(5, 1)), (9, plain(5, 10))] {
        let fitted = model.fit(Array2::<f64>::zeros((rows, 2)).view().into()).unwrap();
        assert!(fitted.is_too_few() && fitted.clusters() == 0 && fitted.heights().is_empty());
        assert_eq!(fitted.labels(), vec![-1; rows]);
        assert_eq!(fitted.condensed().count(), 0);
    }
}

#[test]
fn rows_that_are_all_the_same() {
    let x = Array2::from_elem((100, 3), 7.0);
    let fitted = plain(5, 5).fit(x.view().into()).unwrap();
    assert_eq!((fitted.labels(), fitted.heights()), (&[-1; 100][..], &[0.0; 99][..]));
    let fitted = plain(5, 5).with_single_cluster(true).fit(x.view().into()).unwrap();
    assert_eq!((fitted.labels(), fitted.probabilities()), (&[0; 100][..], &[1.0; 100][..]));
    assert_eq!(fitted.outlier_scores(), [0.0; 100]);
}

#[test]
fn what_cannot_be_is_told() {
    let refused = |result: acm_linalg::Result<Hdbscan>| result.unwrap_err().to_string();
    let of = |size, samples| Hdbscan::new(size, samples, Selection::Leaf);
    assert_eq!(refused(of(1, None)), "`min_cluster_size` must be at least 2, got 1");
    assert_eq!(refused(of(2, Some(0))), "`min_samples` must be at least 1, got 0");
    let epsilon = refused(of(2, None).unwrap().with_epsilon(f64::NAN));
    assert_eq!(epsilon, "`cluster_selection_epsilon` must be finite and at least 0, got NaN");
    assert!(of(2, None).unwrap().with_max_cluster_size(Some(0)).is_err());
    let mut x = Array2::zeros((9, 2));
    x[[4, 1]] = f64::NAN;
    let error = plain(2, 2).fit(x.view().into()).unwrap_err();
    assert!(matches!(error, Error::Gap { row: 4, column: 1, .. }));
    assert!(plain(2, 2).fit(Array2::<f64>::zeros((0, 2)).view().into()).is_err());
}

/// What is said of a row alone, written out.
fn predicted(fitted: &FittedHdbscan, x: &Array2<f64>, row: &[f64], min_samples: usize) -> (i64, f64) {
    let squares = |to: &[f64]| x.rows().into_iter().map(|from| square(&from.to_vec(), to)).collect::<Vec<f64>>();
    let own = squares(row);
    let mut sorted = own.clone();
    sorted.sort_by(f64::total_cmp);
    let core = if min_samples == 1 { 0.0 } else { sorted[min_samples - 2] };
    let tree: Vec<_> = fitted.condensed().collect();
    let of = |child: usize| *tree.iter().find(|entry| entry.1 == child).unwrap();
    let reach = |other: usize| own[other].max(core).sqrt().max(1.0 / of(other).2);
    let first = (0..x.nrows())
        .min_by(|&a, &b| reach(a).total_cmp(&reach(b)).then(own[a].total_cmp(&own[b])))
        .unwrap();
    let density = (1.0 / reach(first)).min(of(first).2);
    let mut cluster = of(first).0;
    while cluster > x.nrows() && of(cluster).2 >= density {
        cluster = of(cluster).0;
    }
    // Rows that leave the same cluster later tell the label.
    let alike = tree.iter().find(|entry| entry.0 == cluster && entry.1 < x.nrows() && entry.2 >= density);
    let label = alike.map_or(-1, |entry| fitted.labels()[entry.1]);
    (label, density)
}

fn square(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).fold(0.0, |sum, (a, b)| sum + (a - b) * (a - b))
}

#[test]
fn other_rows_join_where_they_stay_longest() {
    let (mut clustered, mut noise) = (0, 0);
    for number in (1..60).filter(|number| number % 3 != 0 && number % 4 != 0) {
        let (x, min_samples) = (set(number), 1 + number as usize % 4);
        let fitted = plain(5, min_samples).fit(x.view().into()).unwrap();
        let mut random = seed::stream(number, 1);
        let near: Array2<f64> = x.slice(s![..30.min(x.nrows()), ..]).mapv(|value| value + random.random::<f64>() - 0.5);
        let rows = near.nrows();
        let (mut labels, mut firm) = (vec![9; rows], vec![9.0; rows]);
        fitted.approximate_predict(near.view().into(), &mut labels, &mut firm).unwrap();
        let mut members = vec![9.0; rows * fitted.clusters()];
        fitted.membership(near.view().into(), &mut members).unwrap();
        for row in 0..rows {
            let (label, density) = predicted(&fitted, &x, &near.row(row).to_vec(), min_samples);
            if label >= 0 {
                assert_eq!(labels[row], label, "set {number}, row {row}, density {density}");
                let own = usize::try_from(label).unwrap();
                assert_eq!(members[row * fitted.clusters() + own], firm[row]);
                assert!(firm[row] > 0.0 && firm[row] <= 1.0);
                clustered += 1;
            }
            noise += usize::from(labels[row] < 0);
            let mut one = ([9], [9.0]);
            fitted
                .approximate_predict(near.slice(s![row..=row, ..]).into(), &mut one.0, &mut one.1)
                .unwrap();
            assert_eq!((one.0[0], one.1[0]), (labels[row], firm[row]));
        }
        let mut scores = vec![9.0; rows];
        fitted.score(near.view().into(), &mut scores).unwrap();
        assert!(scores.iter().all(|score| (0.0..=1.0).contains(score)));
    }
    assert!(clustered > 300 && noise > 50, "{clustered}, {noise}");
}

/// Rows on a line, whose densities are one over the gaps between them.
#[test]
fn how_long_clusters_last_and_who_joins_them_is_told_on_a_line() {
    let x = Array2::from_shape_vec((7, 1), vec![0.0, 1.0, 2.0, 4.0, 20.0, 21.0, 22.0]).unwrap();
    let fitted = plain(3, 1).fit(x.view().into()).unwrap();
    assert_eq!(fitted.labels(), [0, 0, 0, 0, 1, 1, 1]);
    // Born where they part, at 1/16. One row of the first leaves at 1/2, the others at 1, as all of the second.
    let first = ((0.5 - 0.0625) + 3.0 * (1.0 - 0.0625)) / (4.0 * (1.0 - 0.0625));
    let persistences = fitted.persistences().unwrap();
    assert!((persistences[0] - first).abs() < 1e-15);
    assert_eq!(persistences[1], 1.0);
    assert_eq!(fitted.probabilities(), [1.0, 1.0, 1.0, 0.5, 1.0, 1.0, 1.0]);
    // Where the clusters part no row joins either; nearer, it joins at one over its distance.
    let later = Array2::from_shape_vec((6, 1), vec![-16.0, -15.0, 38.0, 37.5, -4.0, 0.5]).unwrap();
    let (mut labels, mut probabilities) = ([7; 6], [7.0; 6]);
    fitted.approximate_predict(later.view().into(), &mut labels, &mut probabilities).unwrap();
    assert_eq!(labels, [-1, 0, -1, 1, 0, 0]);
    for (found, expected) in probabilities.iter().zip([0.0, 1.0 / 15.0, 0.0, 1.0 / 15.5, 0.25, 1.0]) {
        assert!((found - expected).abs() < 1e-15, "{probabilities:?}");
    }
}
