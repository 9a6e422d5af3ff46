use acm_linalg::seed::stream;
use acm_linalg::{Error, Persist};
use ndarray::Array2;
use rand::RngExt;

use super::*;

fn plant() -> Array2<f64> {
    let mut random = stream(3, 0);
    Array2::from_shape_fn((600, 3), |(row, column)| {
        let level = if row % 200 < 80 { 100.0 } else { 0.0 };
        level * (column + 1) as f64 + random.random::<f64>()
    })
}

/// One cloud of so many rows and sensors: of kind 0 normal, 1 uniform, 2 with heavy tails, 3 wandering.
fn cloud(seed: u64, rows: usize, sensors: usize, kind: usize) -> Array2<f64> {
    let mut random = stream(seed, 0);
    let mut normal = move || (0..12).map(|_| random.random::<f64>()).sum::<f64>() - 6.0;
    let mut before = vec![0.0; sensors];
    Array2::from_shape_fn((rows, sensors), |(_, sensor)| match kind {
        0 => normal(),
        1 => (normal() * 7.0).rem_euclid(1.0),
        2 => normal() / normal().abs().max(0.02),
        _ => {
            before[sensor] = 0.9 * before[sensor] + normal();
            before[sensor]
        }
    })
}

fn dense() -> Regimes {
    auto().with_method(Method::Hdbscan).unwrap()
}

fn auto() -> Regimes {
    Regimes::new(Count::Auto, 6, 30, 0.995, 1.5, 1, 17).unwrap()
}

#[test]
fn two_levels_are_two_regimes_and_the_far_is_unknown() {
    let x = plant();
    let fitted = auto().fit(x.view().into(), None).unwrap();
    assert_eq!((fitted.count(), fitted.rows()), (2, &[360, 240][..]));
    assert!(fitted.labels().iter().enumerate().all(|(row, &label)| label == i64::from(row % 200 < 80)));
    let mut odd = x.slice(ndarray::s![..3, ..]).to_owned();
    odd[[0, 1]] = 1e300;
    odd.row_mut(1).fill(f64::NAN);
    odd[[2, 0]] = f64::INFINITY;
    let mut labels = [0; 3];
    fitted.predict(odd.view().into(), &mut labels).unwrap();
    assert_eq!(labels, [-1, -1, 1]);
    let back = FittedRegimes::from_bytes(&fitted.to_bytes().unwrap()).unwrap();
    assert_eq!(back, fitted);
}

#[test]
fn numbers_last_and_parameters_are_checked() {
    let x = plant();
    let first = auto().fit(x.view().into(), None).unwrap();
    let standing = x.slice(ndarray::s![0..80, ..]);
    let again = auto().fit(standing.into(), Some(&first)).unwrap();
    assert_eq!(again.numbers(), [1]);
    // The number of a regime that these rows do not show is not given to another one.
    let mut other = x.clone();
    for row in (0..600).filter(|row| row % 200 < 80) {
        other.row_mut(row).mapv_inplace(|value| -value);
    }
    assert_eq!(auto().fit(other.view().into(), Some(&first)).unwrap().numbers(), [0, 2]);
    assert!(matches!(auto().fit(Array2::<f64>::zeros((9, 2)).view().into(), None), Err(Error::Unfit { .. })));
    assert!(Regimes::new(Count::Auto, 1, 30, 0.995, 1.5, 1, 17).is_err());
}

#[test]
fn what_is_far_from_dense_parts_is_unknown() {
    let mut x = plant();
    let odd = |row: usize| row % 100 == 99;
    for row in (0..600).filter(|&row| odd(row)) {
        let way = 500.0 + 3.0 * row as f64;
        x.row_mut(row).assign(&ndarray::array![way, -way, 2.0 * way]);
    }
    let model = auto().with_method(Method::Hdbscan).unwrap();
    let fitted = model.fit(x.view().into(), None).unwrap();
    assert_eq!((fitted.count(), fitted.rows()), (2, &[354, 240][..]));
    for (row, &label) in fitted.labels().iter().enumerate() {
        assert_eq!(label, if odd(row) { -1 } else { i64::from(row % 200 < 80) }, "row {row}");
    }
    let mut again = vec![0; 600];
    fitted.predict(x.view().into(), &mut again).unwrap();
    assert_eq!(again, fitted.labels());
    let back = FittedRegimes::from_bytes(&fitted.to_bytes().unwrap()).unwrap();
    assert_eq!(back, fitted);
    assert_eq!(back.parameters().method(), Method::Hdbscan);
    // Numbers last here too, and one part is one regime.
    let standing = x.slice(ndarray::s![0..80, ..]);
    assert_eq!(model.fit(standing.into(), Some(&fitted)).unwrap().numbers(), [1]);
    assert!(
        Regimes::new(Count::Fixed(2), 6, 30, 0.995, 1.5, 1, 17)
            .unwrap()
            .with_method(Method::Hdbscan)
            .is_err()
    );
}

#[test]
fn one_cloud_is_one_regime_however_it_is_read() {
    for seed in 0..15 {
        for sensors in 1..=3 {
            for kind in 0..4 {
                let rows = if seed % 5 == 0 { 3000 } else { 600 };
                let x = cloud(seed, rows, sensors, kind);
                // As it is, and rounded to steps from far below a deviation to above it.
                for steps in [0.0, 100.0, 10.0, 1.0] {
                    let x = if steps > 0.0 {
                        x.mapv(|value| (value * steps).round() / steps)
                    } else {
                        x.clone()
                    };
                    if kind == 1 && steps == 1.0 {
                        continue;
                    }
                    let fitted = dense().fit(x.view().into(), None).unwrap();
                    assert_eq!(fitted.count(), 1, "seed {seed}, {sensors} sensors, kind {kind}, {steps} steps in 1");
                    assert_eq!(fitted.density().map(|density| density.noise), Some(0));
                }
            }
        }
    }
}

#[test]
fn few_rows_far_from_one_cloud_are_no_part_of_it() {
    let mut seen = 0;
    for (seed, sensors) in [(1, 1), (2, 2), (3, 3), (4, 9), (5, 25)] {
        for kind in [0, 1, 3] {
            let clean = cloud(seed, 2000, sensors, kind);
            let wide = [1.0, 0.29, 2.3][[0, 1, 3].iter().position(|&of| of == kind).unwrap()];
            let alone = dense().fit(clean.view().into(), None).unwrap();
            let mut random = stream(seed, 1);
            // A state that stays, in one sensor and in all; rows here and there, in a box and beyond it; too few to tell.
            for (rare, what) in [(39, 0), (39, 1), (20, 1), (60, 2), (20, 2), (60, 3), (12, 3)] {
                let mut x = clean.clone();
                let rows = (0..rare).map(|number| if what < 2 { 700 + number } else { number * 2000 / rare });
                let rows: Vec<usize> = rows.collect();
                for &row in &rows {
                    for (sensor, value) in x.row_mut(row).iter_mut().enumerate() {
                        let way = random.random::<f64>() - 0.5;
                        match what {
                            0 if sensor == 0 => *value += 10.0 * wide,
                            1 => *value += 8.0 * wide,
                            2 => *value = 100.0 * way * wide,
                            3 => *value += (80.0 * way + 10.0_f64.copysign(way)) * wide,
                            _ => {}
                        }
                    }
                }
                let fitted = dense().fit(x.view().into(), None).unwrap();
                let case = format!("{sensors} sensors, kind {kind}, {rare} rows, what {what}");
                assert_eq!(fitted.count(), 1, "{case}");
                let bound = |fitted: &FittedRegimes| fitted.scales()[0] * fitted.limits()[0];
                let ratio = bound(&fitted) / bound(&alone);
                assert!((0.75..1.3).contains(&ratio), "{case}: {ratio}");
                // Of the box some lie in the cloud.
                let near = |row: &usize| x.row(*row).iter().all(|value| value.abs() < 6.5 * wide);
                let inside = rows.iter().filter(|&&row| fitted.labels()[row] != -1);
                assert_eq!(inside.filter(|row| what != 2 || !near(row)).count(), 0, "{case}");
                let others = (0..2000).filter(|row| !rows.contains(row));
                assert!(others.filter(|&row| fitted.labels()[row] == -1).count() < 8, "{case}");
                // Single readings are found by their sensor before.
                let left_out = fitted.left_out();
                let told = left_out.rows.len() as u64 + left_out.readings.iter().sum::<u64>();
                let told = told + fitted.density().unwrap().noise;
                // Some lie between the cloud and the limit.
                assert!(told + 3 >= rows.iter().filter(|row| !near(row)).count() as u64, "{case}: {told}");
                seen += 1;
            }
        }
    }
    assert_eq!(seen, 105);
}

#[test]
fn regimes_are_found_in_rounded_readings_and_beside_transients() {
    for seed in 0..15 {
        for sensors in 1..=3 {
            for steps in [0.0, 10.0, 1.0] {
                let mut random = stream(seed, 1);
                let mut x = cloud(seed, 1500, sensors, 0);
                let mut of = Vec::new();
                for mut row in x.rows_mut() {
                    let draw: f64 = random.random();
                    // Half, a third and a tenth of the rows, and what leads from one to the next.
                    let (regime, level) = match draw {
                        draw if draw < 0.5 => (0, 0.0),
                        draw if draw < 0.85 => (1, 12.0),
                        draw if draw < 0.95 => (2, 24.0),
                        _ => (3, 24.0 * random.random::<f64>()),
                    };
                    of.push(regime);
                    row.mapv_inplace(|value| value + level);
                }
                let x = if steps > 0.0 { x.mapv(|value| (value * steps).round() / steps) } else { x };
                let fitted = dense().fit(x.view().into(), None).unwrap();
                assert_eq!(fitted.count(), 3, "seed {seed}, {sensors} sensors, {steps} steps in 1");
                let known = of.iter().zip(fitted.labels()).filter(|(of, _)| **of < 3);
                let right = known.filter(|(of, label)| **of == **label).count();
                assert!(right > 1375, "seed {seed}, {sensors} sensors, {steps} steps: {right}");
            }
        }
    }
}

#[test]
fn a_ring_keeps_its_rows_and_what_is_mostly_noise_goes_by_centres() {
    let mut random = stream(9, 0);
    let ring = Array2::from_shape_fn((900, 2), |(row, column)| {
        if row % 3 == 0 {
            return random.random::<f64>() - 0.5;
        }
        let angle = row as f64;
        (if column == 0 { angle.cos() } else { angle.sin() }) * 10.0 + 0.3 * random.random::<f64>()
    });
    let fitted = dense().fit(ring.view().into(), None).unwrap();
    assert_eq!(fitted.count(), 2);
    let right = fitted
        .labels()
        .iter()
        .enumerate()
        .filter(|(row, label)| **label == i64::from(row % 3 == 0))
        .count();
    assert!(right > 880, "{right}");
    let mut predicted = vec![0; 900];
    fitted.predict(ring.view().into(), &mut predicted).unwrap();
    let differ = predicted
        .iter()
        .zip(fitted.labels())
        .filter(|(one, other)| **other >= 0 && one != other)
        .count();
    assert_eq!(fitted.density().map(|density| density.elsewhere), Some(differ as u64));
    assert!(differ > 100, "{differ}");
    // Two dense parts in a wide cloud that has most of the rows.
    let x = Array2::from_shape_fn((2000, 3), |(row, column)| {
        let wide = if row % 5 < 3 { 60.0 } else { 0.1 };
        let level = if row % 5 == 3 { 12.0 + column as f64 } else { 0.0 };
        level + wide * (random.random::<f64>() - 0.5)
    });
    let fitted = dense().fit(x.view().into(), None).unwrap();
    let density = fitted.density().unwrap();
    assert!(density.given_up && density.noise > 1000, "{density:?}");
    let mut predicted = vec![0; 2000];
    fitted.predict(x.view().into(), &mut predicted).unwrap();
    assert_eq!(fitted.labels(), predicted);
    let back = FittedRegimes::from_bytes(&fitted.to_bytes().unwrap()).unwrap();
    assert_eq!(back, fitted);
}
