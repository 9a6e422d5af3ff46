//! Against plain forms over the rows, in the order of the textbook.

use acm_linalg::seed::stream;
use acm_linalg::{Error, Persist, Samples, parallel};
use ndarray::{Array2, ShapeBuilder, s};
use proptest::prelude::*;
use rand::RngExt;

use super::*;

mod odd;
mod scores;

/// Sensors that follow three hidden causes, with noise of their own.
fn plant(rows: usize, sensors: usize, seed: u64) -> Array2<f64> {
    let mut draw = stream(seed, 0);
    let mut normal = || (0..12).map(|_| draw.random::<f64>()).sum::<f64>() - 6.0;
    let causes = Array2::from_shape_fn((3, sensors), |_| normal());
    let hidden = Array2::from_shape_fn((rows, 3), |(_, cause)| normal() * (3.0 - cause as f64));
    let mut x = hidden.dot(&causes);
    x.mapv_inplace(|value| value + 0.3 * normal());
    for (sensor, mut column) in x.columns_mut().into_iter().enumerate() {
        let unit = 10.0_f64.powi(i32::try_from(sensor % 5).unwrap() - 2);
        column.mapv_inplace(|value| value * unit + 50.0 * unit);
    }
    x
}

fn omr(model: Model) -> Omr {
    Omr::new(model, 5, 1.0, 10.0).unwrap()
}

/// Filled, about the mean, over the deviation; all columns take part.
fn standard(x: &Array2<f64>) -> Array2<f64> {
    let mut z = x.clone();
    for mut column in z.columns_mut() {
        let mut known: Vec<f64> = column.iter().copied().filter(|value| value.is_finite()).collect();
        known.sort_by(f64::total_cmp);
        let median = f64::midpoint(known[(known.len() - 1) / 2], known[known.len() / 2]);
        column.mapv_inplace(|value| if value.is_finite() { value } else { median });
        for _ in 0..2 {
            let mean = column.mean().unwrap();
            column.mapv_inplace(|value| value - mean);
        }
        let deviation = (column.mapv(|value| value * value).mean().unwrap()).sqrt();
        column.mapv_inplace(|value| value / deviation);
    }
    z
}

fn solve(mut a: Array2<f64>, mut b: Vec<f64>) -> Vec<f64> {
    let size = b.len();
    for pivot in 0..size {
        for row in pivot + 1..size {
            let factor = a[[row, pivot]] / a[[pivot, pivot]];
            for column in pivot..size {
                a[[row, column]] -= factor * a[[pivot, column]];
            }
            b[row] -= factor * b[pivot];
        }
    }
    for row in (0..size).rev() {
        let rest: f64 = (row + 1..size).map(|column| a[[row, column]] * b[column]).sum();
        b[row] = (b[row] - rest) / a[[row, row]];
    }
    b
}

/// Ridge of each sensor on the others, one system each.
fn plain_ridge(z: &Array2<f64>, alpha: f64) -> Array2<f64> {
    let mut predicted = z.clone();
    for sensor in 0..z.ncols() {
        let others: Vec<usize> = (0..z.ncols()).filter(|&other| other != sensor).collect();
        let inputs = z.select(ndarray::Axis(1), &others);
        let mut products = inputs.t().dot(&inputs);
        products.diag_mut().mapv_inplace(|value| value + alpha);
        let coefficients = solve(products, inputs.t().dot(&z.column(sensor)).to_vec());
        predicted.column_mut(sensor).assign(&inputs.dot(&ndarray::Array1::from(coefficients)));
    }
    predicted
}

/// NIPALS over the rows, inputs and targets deflated each on its own.
fn plain_pls(z: &Array2<f64>, components: usize, tolerance: f64) -> Array2<f64> {
    let (mut inputs, mut targets) = (z.clone(), z.clone());
    for _ in 0..components {
        let mut score = targets.column(0).to_owned();
        let mut weights = ndarray::Array1::from_elem(z.ncols(), 100.0);
        for _ in 0..500 {
            let before = weights.clone();
            weights = inputs.t().dot(&score) / score.dot(&score);
            weights /= weights.dot(&weights).sqrt();
            let scores = inputs.dot(&weights);
            let loads = targets.t().dot(&scores) / scores.dot(&scores);
            score = targets.dot(&loads) / loads.dot(&loads);
            let step = &weights - &before;
            if step.dot(&step) < tolerance {
                break;
            }
        }
        let scores = inputs.dot(&weights);
        for block in [&mut inputs, &mut targets] {
            let loads = block.t().dot(&scores) / scores.dot(&scores);
            for (row, score) in scores.iter().enumerate() {
                for (column, load) in loads.iter().enumerate() {
                    block[[row, column]] -= score * load;
                }
            }
        }
    }
    z - targets
}

/// Norms and squared residuals to what is documented of them.
fn check(x: &Array2<f64>, fitted: &FittedOmr, predicted: &Array2<f64>, tolerance: f64) {
    let (rows, columns) = x.dim();
    let residuals = standard(x) - predicted;
    let mut norms: Vec<f64> = residuals.rows().into_iter().map(|row| row.dot(&row).sqrt()).collect();
    let all = norms.clone();
    let mean = norms.iter().sum::<f64>() / rows as f64;
    let deviation = (norms.iter().map(|norm| (norm - mean).powi(2)).sum::<f64>() / rows as f64).sqrt();
    let middle = |values: &mut Vec<f64>| {
        values.sort_by(f64::total_cmp);
        f64::midpoint(values[(rows - 1) / 2], values[rows / 2])
    };
    let median = middle(&mut norms);
    let mut gaps = norms.iter().map(|norm| (norm - median).abs()).collect();
    let robust = 1.4826 * middle(&mut gaps);
    let scale = if robust > 1e-6 { robust } else { deviation.max(1e-6) };
    assert!((fitted.norm_scale() / scale - 1.0).abs() < tolerance, "{} {scale}", fitted.norm_scale());
    let mut scores = vec![0.0; rows];
    fitted.score(x.view().into(), &mut scores).unwrap();
    let most = (2.0 * fitted.limit(0.01).unwrap()).max(10.0);
    for (score, norm) in scores.iter().zip(all) {
        let expected = (norm / scale).min(most);
        assert!((score - expected).abs() < tolerance * expected.max(1.0), "{score} {expected}");
    }
    let mut contributions = vec![0.0; rows * columns];
    fitted.contributions(x.view().into(), &mut contributions).unwrap();
    let coefficients = Array2::from_shape_vec((columns, columns), fitted.coefficients().unwrap()).unwrap();
    let moves: Array2<f64> = Array2::eye(columns) - coefficients;
    let precision: Vec<f64> = (0..columns)
        .map(|column| {
            let squares = residuals.column(column).mapv(|value| value * value);
            1.0 / (0.5 * squares.var(0.0).max(1e-12)).sqrt().max(1e-12)
        })
        .collect();
    for row in 0..rows {
        let e = residuals.row(row);
        let whole: f64 = (0..columns).map(|place| precision[place] * e[place] * e[place]).sum();
        for column in 0..columns {
            // What is left of the weighted square when the sensor is moved to where that is least.
            let moved = moves.row(column);
            let along: f64 = (0..columns).map(|place| precision[place] * moved[place] * e[place]).sum();
            let size: f64 = (0..columns).map(|place| precision[place] * moved[place] * moved[place]).sum();
            let best: f64 = along / size;
            let rest: f64 = (0..columns)
                .map(|place| {
                    let left: f64 = e[place] - best * moved[place];
                    precision[place] * left * left
                })
                .sum();
            let found = contributions[row * columns + column];
            assert!((found - (whole - rest)).abs() < tolerance * whole.max(1.0), "{found} {whole} {rest}");
        }
    }
}

#[test]
fn a_ridge_is_one_system_for_each_sensor() {
    for (rows, sensors, seed) in [(1500, 7, 1), (60, 12, 2), (2000, 19, 3), (50, 60, 4)] {
        let x = plant(rows, sensors, seed);
        let fitted = omr(Model::Ridge).fit(x.view().into()).unwrap();
        check(&x, &fitted, &plain_ridge(&standard(&x), 1.0), 1e-10);
    }
}

#[test]
fn pls_is_nipals_over_the_rows() {
    for (rows, sensors, seed) in [(400, 7, 1), (300, 30, 2), (60, 20, 5), (50, 80, 3)] {
        let x = plant(rows, sensors, seed);
        let fitted = omr(Model::Pls).fit(x.view().into()).unwrap();
        assert_eq!((omr(Model::Pls).components(), fitted.components()), (5, Some(5)));
        check(&x, &fitted, &plain_pls(&standard(&x), 5, 1e-6), 1e-10);
    }
}

#[test]
fn pca_is_pls_carried_to_the_end() {
    // Eigenvalues apart, so that plain iteration ends.
    let mut x = plant(500, 6, 8);
    x.column_mut(5).mapv_inplace(|value| value * 1.5);
    let three = Omr::new(Model::Pca, 3, 1.0, 10.0).unwrap();
    for rows in [500, 60] {
        let x = x.slice(s![..rows, ..]).to_owned();
        let fitted = three.fit(x.view().into()).unwrap();
        check(&x, &fitted, &plain_pls(&standard(&x), 3, 1e-29), 1e-9);
    }
}

#[test]
fn small_directions_keep_their_digits() {
    // The fourth sensor is the sum of the first two but for 1e-6 of it: products of columns know nothing of such a rest.
    let mut x = plant(1200, 4, 3);
    let noise = plant(1200, 1, 9);
    for row in 0..1200 {
        x[[row, 3]] = x[[row, 0]] + x[[row, 1]] + 1e-6 * (noise[[row, 0]] - 0.5);
        x[[row, 2]] = x[[row, 0]] * 3.0;
    }
    let fitted = Omr::new(Model::Pca, 2, 1.0, f64::INFINITY).unwrap().fit(x.view().into()).unwrap();
    let z = standard(&x);
    // Two components leave the length along the third direction.
    let exact = plain_pls(&z, 2, 1e-29);
    let mut residuals = vec![0.0; 4800];
    fitted.residuals(x.view().into(), &mut residuals).unwrap();
    for row in 0..1200 {
        for sensor in 0..4 {
            let found = residuals[row * 4 + sensor] / fitted.scaling().scale[sensor];
            let exact = z[[row, sensor]] - exact[[row, sensor]];
            assert!((found - exact).abs() < 1e-13, "{found} {exact}");
        }
    }
}

#[test]
fn offsets_cost_no_digits() {
    for model in [Model::Ridge, Model::Pls, Model::Pca] {
        let x = plant(300, 6, 11).mapv(|value| 1e9 + (value * 1e-3 * 2.0_f64.powi(20)).round() / 2.0_f64.powi(20));
        let small = x.mapv(|value| value - 1e9);
        let fit = |x: &Array2<f64>| {
            let fitted = omr(model).fit(x.view().into()).unwrap();
            let mut scores = vec![0.0; 300];
            fitted.score(x.view().into(), &mut scores).unwrap();
            scores
        };
        for (one, other) in fit(&x).iter().zip(fit(&small)) {
            assert!((one - other).abs() < 1e-9, "{one} {other}");
        }
    }
}

#[test]
fn the_choice_follows_the_shape() {
    let chosen = |rows, sensors| omr(Model::Auto).fit(plant(rows, sensors, 1).view().into()).unwrap().model();
    assert_eq!(chosen(1001, 19), Model::Ridge);
    assert_eq!(chosen(1000, 19), Model::Pls);
    assert_eq!(chosen(1001, 20), Model::Pls);
    assert_eq!(chosen(60, 60), Model::Pls);
    assert_eq!(chosen(60, 61), Model::Pca);
    let few = omr(Model::Auto).fit(plant(100, 3, 1).view().into()).unwrap();
    assert_eq!(few.components(), Some(2));
}

#[test]
fn useless_columns_are_left_out() {
    let mut x = plant(200, 8, 4);
    x.column_mut(1).fill(7.0);
    x.slice_mut(s![..101, 3]).fill(f64::NAN);
    x.column_mut(4).fill(f64::NAN);
    x.slice_mut(s![..100, 6]).fill(f64::NAN);
    let fitted = omr(Model::Auto).fit(x.view().into()).unwrap();
    assert_eq!(fitted.watched(), [0, 2, 5, 6, 7]);
    let y = x.select(ndarray::Axis(1), fitted.watched());
    let narrow = omr(Model::Auto).fit(y.view().into()).unwrap();
    let (mut wide_scores, mut narrow_scores) = (vec![0.0; 200], vec![0.0; 200]);
    // What stands in such a column is of no account.
    x.column_mut(4).fill(1e300);
    fitted.score(x.view().into(), &mut wide_scores).unwrap();
    narrow.score(y.view().into(), &mut narrow_scores).unwrap();
    assert_eq!(wide_scores, narrow_scores);
    let mut predicted = vec![0.0; 1600];
    fitted.predict(x.view().into(), &mut predicted).unwrap();
    let mut contributions = vec![1.0; 1600];
    fitted.contributions(x.view().into(), &mut contributions).unwrap();
    for column in 0..8 {
        // Of the last row, which lacks nothing else.
        assert_eq!(predicted[1592 + column].is_nan(), !fitted.watched().contains(&column));
        assert_eq!(contributions[1592 + column] == 0.0, !fitted.watched().contains(&column));
    }
    let coefficients = fitted.coefficients().unwrap();
    assert!((0..8).all(|other| coefficients[8 + other] == 0.0 && coefficients[other * 8 + 1] == 0.0));
}
