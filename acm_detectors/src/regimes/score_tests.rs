//! What regimes say of rows, by the distances to their centres.

use acm_clustering::labels::smooth;
use acm_linalg::seed::stream;
use ndarray::{Array2, s};
use rand::RngExt;

use super::*;

const NAN: f64 = f64::NAN;

/// Three levels of four sensors, of which the third stands still.
fn plant(rows: usize, seed: u64) -> Array2<f64> {
    let mut draw = stream(seed, 0);
    Array2::from_shape_fn((rows, 4), |(row, column)| {
        let level = [0.0, 40.0, -60.0][row / 30 % 3];
        let noise = (0..6).map(|_| draw.random::<f64>()).sum::<f64>() - 3.0;
        if column == 2 { 5.0 } else { level * (column + 1) as f64 + noise }
    })
}

fn fitted() -> FittedRegimes {
    let regimes = Regimes::new(Count::Fixed(3), 6, 30, 0.995, 1.5, 5, 17).unwrap();
    regimes.with_constants(false).fit(plant(900, 3).view().into(), None).unwrap()
}

#[test]
fn what_is_said_of_rows_is_by_the_distances_to_the_centres() {
    let model = fitted();
    let (count, columns) = (model.count(), 4);
    assert_eq!((count, &model.used[..]), (3, &[true, true, false, true][..]));
    let centers = model.centers().unwrap();
    for (place, center) in centers.iter().enumerate() {
        let (center, scale) = (center - model.scaling.center[place % 4], model.scaling.scale[place % 4]);
        assert!((center / scale - model.centers[place]).abs() < 1e-12);
    }
    let mut x = plant(120, 4);
    x[[3, 0]] = NAN;
    x[[40, 1]] = f64::INFINITY;
    x[[40, 3]] = NAN;
    x[[41, 2]] = NAN;
    x.row_mut(70).fill(NAN);
    // From the usual distance to the limit and beyond it.
    for (step, row) in (80..120).enumerate() {
        let level = [0.0, 40.0, -60.0][row / 30 % 3];
        for column in [0, 1, 3] {
            x[[row, column]] = level * (column + 1) as f64 + 0.15 * step as f64;
        }
    }
    let view = || Samples::from(x.view());
    let (mut labels, mut sure, mut score) = (vec![9; 120], vec![9.0; 120], vec![9.0; 120]);
    let (mut shares, mut far, mut nearest) = (vec![9.0; 480], vec![9.0; 360], vec![9.0; 240]);
    model.predict(view(), &mut labels).unwrap();
    model.confidence(view(), &mut sure).unwrap();
    model.score(view(), &mut score).unwrap();
    model.contributions(view(), &mut shares).unwrap();
    model.transform(view(), &mut far).unwrap();
    model.nearest(view(), &mut nearest).unwrap();
    let (mut between, mut beyond) = (0, 0);
    for row in 0..120 {
        let z: Vec<f64> = (0..columns)
            .map(|column| (x[[row, column]] - model.scaling.center[column]) / model.scaling.scale[column])
            .collect();
        let known: Vec<usize> = [0, 1, 3].into_iter().filter(|&column| z[column].is_finite()).collect();
        let more = 3.0 / known.len() as f64;
        let part = |regime: usize, column: usize| (z[column] - model.centers[regime * columns + column]).powi(2) * more;
        let distance = |regime: usize| known.iter().map(|&column| part(regime, column)).sum::<f64>().sqrt();
        let near = |found: f64, exact: f64| {
            let same = (found - exact).abs() <= 1e-12 * exact.abs().max(1.0) || (found.is_nan() && exact.is_nan());
            assert!(same, "{row}: {found} {exact}");
        };
        if known.is_empty() {
            assert_eq!((labels[row], sure[row], &shares[4 * row..][..4]), (-1, 0.0, &[0.0; 4][..]));
            assert!(score[row].is_nan() && nearest[2 * row] < 0.0);
            continue;
        }
        let mut order = [0, 1, 2];
        order.sort_by(|&one, &other| distance(one).total_cmp(&distance(other)));
        let (own, next) = (order[0], distance(order[1]));
        for regime in 0..3 {
            near(far[3 * row + regime], distance(regime));
        }
        near(nearest[2 * row], own as f64);
        near(nearest[2 * row + 1], distance(own));
        let (exact, limit) = (distance(own) / model.scales[own], model.limits[own]);
        near(score[row], exact);
        for column in 0..4 {
            let share = if known.contains(&column) {
                part(own, column) / model.scales[own].powi(2)
            } else {
                0.0
            };
            near(shares[4 * row + column], share);
        }
        assert_eq!(labels[row], if exact <= limit { model.numbers[own] } else { -1 });
        let left = ((limit - exact) / (limit - 1.0)).clamp(0.0, 1.0);
        near(sure[row], left * (1.0 - (distance(own) / next).powi(2)));
        between += usize::from(left > 0.0 && left < 1.0);
        beyond += usize::from(exact > limit);
    }
    assert!(between > 5 && beyond > 5, "{between} {beyond}");
}

#[test]
fn labels_that_come_bit_by_bit_are_smoothed_as_all_at_once() {
    let model = fitted();
    let mut x = plant(300, 5);
    for row in (7..300).step_by(9) {
        x.row_mut(row).fill(1e6);
    }
    let mut labels = vec![0; 300];
    model.predict(x.view().into(), &mut labels).unwrap();
    let mut exact = vec![0; 300];
    smooth(&labels, 5, true, &mut exact).unwrap();
    assert_ne!(labels, exact);
    let (mut live, mut found) = (RegimesMemory::default(), Vec::new());
    for first in (0..300).step_by(7) {
        let rows = x.slice(s![first..(first + 7).min(300), ..]);
        let mut out = vec![9; rows.nrows()];
        model.track(&mut live, rows.into(), &mut out).unwrap();
        found.extend(out);
    }
    assert_eq!(found, exact);
}
