//! Against plain loops, and at the edges.

use acm_linalg::parallel::set_num_threads;
use ndarray::{Array2, ShapeBuilder};

use acm_linalg::Samples;
use acm_linalg::seed::stream;
use rand::RngExt;

use super::{HELD, draw, silhouette_samples, silhouette_score, silhouettes};
use crate::partition::Partition;

fn clouds(rows: usize, columns: usize, kinds: i64, seed: u64) -> (Array2<f64>, Vec<i64>) {
    let mut from = stream(seed, 0);
    let labels: Vec<i64> = (0..rows).map(|_| from.random_range(0..kinds) * 3 - 5).collect();
    let x = Array2::from_shape_fn((rows, columns), |(row, column)| {
        from.random::<f64>() * 4.0 + (labels[row] as f64) * 0.3 * ((column % 3) as f64)
    });
    (x, labels)
}

fn plain(x: &Array2<f64>, labels: &[i64]) -> Vec<f64> {
    let distance = |i: usize, j: usize| (&x.row(i) - &x.row(j)).mapv(|value| value * value).sum().sqrt();
    let mut kinds = labels.to_vec();
    kinds.sort_unstable();
    kinds.dedup();
    let of = |i: usize| {
        let mean = |kind: i64| {
            let others: Vec<f64> = (0..labels.len())
                .filter(|&j| labels[j] == kind && j != i)
                .map(|j| distance(i, j))
                .collect();
            others.iter().sum::<f64>() / others.len() as f64
        };
        let a = mean(labels[i]);
        let others = kinds.iter().filter(|&&kind| kind != labels[i]);
        let b = others.map(|&kind| mean(kind)).fold(f64::INFINITY, f64::min);
        if a.is_nan() || a.max(b) == 0.0 { 0.0 } else { (b - a) / a.max(b) }
    };
    (0..labels.len()).map(of).collect()
}

fn apart(a: &[f64], b: &[f64]) -> f64 {
    assert_eq!(a.len(), b.len());
    a.iter().zip(b).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max)
}

#[test]
fn both_ways_are_the_plain_loop() {
    for (rows, columns, kinds) in [
        (3, 1, 2),
        (9, 2, 3),
        (127, 3, 2),
        (128, 1, 5),
        (129, 4, 40),
        (300, 7, 3),
        (700, 2, 6),
    ] {
        let (mut x, mut labels) = clouds(rows, columns, kinds, rows as u64);
        labels[0] = 1000;
        labels[1] = -1000;
        labels[2] = -1000;
        x[[0, 0]] = 3.0;
        let theirs = plain(&x, &labels);
        let ours = silhouette_samples(x.view().into(), &labels).unwrap();
        assert!(apart(&ours, &theirs) < 1e-13, "{rows} {columns} {kinds}");
        let partition = Partition::new(&labels, rows).unwrap();
        let twice = silhouettes(x.view().into(), &partition, 0).unwrap();
        assert!(apart(&twice, &theirs) < 1e-13, "{rows} {columns} {kinds}");
        let mean = silhouette_score(x.view().into(), &labels, None).unwrap();
        assert!((mean - theirs.iter().sum::<f64>() / rows as f64).abs() < 1e-13);
    }
}

#[test]
fn threads_and_layouts_change_no_byte() {
    let (x, labels) = clouds(1500, 5, 4, 1);
    let narrow = x.mapv(|value| value as f32);
    let wide = narrow.mapv(f64::from);
    let mut fortran = Array2::zeros(x.dim().f());
    fortran.assign(&wide);
    let partition = Partition::new(&labels, 1500).unwrap();
    let mut seen = Vec::new();
    for threads in [1, 2, 3] {
        set_num_threads(threads).unwrap();
        let all: [Samples<'_>; 3] = [narrow.view().into(), wide.view().into(), fortran.view().into()];
        for x in all {
            seen.push([HELD, 0].map(|held| silhouettes(x, &partition, held).unwrap()));
        }
    }
    assert!(seen.windows(2).all(|pair| pair[0] == pair[1]));
}

#[test]
fn hand_computed() {
    let x = Array2::from_shape_vec((5, 1), vec![0.0, 1.0, 5.0, 7.0, 100.0]).unwrap();
    let found = silhouette_samples(x.view().into(), &[0, 0, 1, 1, 2]).unwrap();
    assert_eq!(found, [5.0 / 6.0, 4.0 / 5.0, 2.5 / 4.5, 4.5 / 6.5, 0.0]);
    let same = Array2::from_elem((6, 2), 3.0);
    assert_eq!(silhouette_samples(same.view().into(), &[1, 1, 1, 2, 2, 2]).unwrap(), [0.0; 6]);
}

#[test]
fn neither_offset_nor_unit_matters() {
    let labels = [0, 0, 0, 1, 1, 2, 2, 2];
    let x = Array2::from_shape_fn((8, 2), |(row, column)| ((row * 7 + column * 3) % 11) as f64);
    let found = silhouette_samples(x.view().into(), &labels).unwrap();
    for (unit, offset) in [
        (2.0_f64.powi(-10), 1e9),
        (2.0_f64.powi(1000), 0.0),
        (2.0_f64.powi(-1000), 0.0),
    ] {
        let moved = x.mapv(|value| value * unit + offset);
        let other = silhouette_samples(moved.view().into(), &labels).unwrap();
        assert!(apart(&found, &other) < 1e-15);
    }
}

#[test]
fn samples_stand_for_all() {
    let (x, labels) = clouds(900, 4, 3, 2);
    let score = |sample| silhouette_score(x.view().into(), &labels, sample).unwrap();
    assert_eq!(score(Some((900, 1))), score(None));
    assert_eq!(score(Some((5000, 1))), score(None));
    let part = score(Some((400, 17)));
    assert_eq!(part, score(Some((400, 17))));
    assert_ne!(part, score(Some((400, 18))));
    assert!((part - score(None)).abs() < 0.05);
    let rows = draw(900, 400, 17).unwrap();
    assert!(rows.windows(2).all(|pair| pair[0] < pair[1]));
    let own: Vec<f64> = rows.iter().flat_map(|&row| x.row(row).to_vec()).collect();
    let own = Array2::from_shape_vec((400, 4), own).unwrap();
    let own_labels: Vec<i64> = rows.iter().map(|&row| labels[row]).collect();
    assert_eq!(silhouette_score(own.view().into(), &own_labels, None).unwrap(), part);
}

#[test]
fn what_cannot_be_told_is_an_error() {
    let (mut x, labels) = clouds(20, 2, 3, 3);
    let fails = |x: &Array2<f64>, labels: &[i64], sample| {
        silhouette_score(x.view().into(), labels, sample).unwrap_err().to_string()
    };
    assert!(fails(&x, &[1; 20], None).contains("`labels` must be of at least 2 kinds"));
    assert_eq!(fails(&x, &[1; 19], None), "`labels` must have length 20, got 19");
    assert_eq!(fails(&x, &labels, Some((0, 1))), "`sample_size` must be at least 1, got 0");
    for size in [1, 2] {
        assert_eq!(
            fails(&x, &labels, Some((size, 1))),
            format!(
                "`sample_size` must be large enough to draw rows of at least 2 kinds of `labels`, and several of one kind, got \
                 {size}"
            )
        );
    }
    let mut rare = vec![0; 20];
    rare[11] = 1;
    assert!(fails(&x, &rare, Some((3, 1))).starts_with("`sample_size` must be large enough"));
    assert!(fails(&x, &[1; 20], Some((3, 1))).contains("`labels` must be of at least 2 kinds"));
    x[[4, 1]] = f64::INFINITY;
    assert_eq!(fails(&x, &labels, None), "`x` must have no missing values (NaN or infinity)");
    assert_eq!(fails(&Array2::zeros((20, 0)), &labels, None), "`x` must have at least 1 column, got 0");
}
