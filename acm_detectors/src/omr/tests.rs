//! Against plain forms over the rows, in the order of the textbook.

use acm_linalg::seed::stream;
use acm_linalg::{Error, Persist, Samples, parallel};
use ndarray::{Array2, ShapeBuilder, s};
use proptest::prelude::*;
use rand::RngExt;

use super::*;

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

#[test]
fn predictions_are_in_the_sensors_units() {
    for model in [Model::Ridge, Model::Pls, Model::Pca] {
        let x = plant(150, 5, 6);
        let fitted = Omr::new(model, 3, 1.0, 10.0).unwrap().fit(x.view().into()).unwrap();
        let (mut predicted, mut residuals) = (vec![0.0; 750], vec![0.0; 750]);
        fitted.predict(x.view().into(), &mut predicted).unwrap();
        fitted.residuals(x.view().into(), &mut residuals).unwrap();
        let coefficients = Array2::from_shape_vec((5, 5), fitted.coefficients().unwrap()).unwrap();
        let expected = standard(&x).dot(&coefficients);
        for (place, &value) in x.iter().enumerate() {
            let scale = fitted.scaling().scale[place % 5];
            assert!((predicted[place] + residuals[place] - value).abs() < 1e-12 * value.abs().max(scale));
            let z = (predicted[place] - fitted.scaling().center[place % 5]) / scale;
            assert!((z - expected[[place / 5, place % 5]]).abs() < 1e-11);
        }
    }
}

#[test]
fn a_sensor_that_reads_nothing_has_a_prediction_and_no_residual() {
    let x = plant(300, 8, 11);
    for model in [Model::Pls, Model::Ridge, Model::Pca] {
        let model = omr(model).fit(x.view().into()).unwrap();
        let mut gaps = x.slice(s![..40, ..]).to_owned();
        (0..40).filter(|row| row % 3 == 0).for_each(|row| gaps[[row, row % 8]] = f64::NAN);
        let (mut told, mut rest) = (vec![-1.0; 320], vec![-1.0; 320]);
        model.predict(gaps.view().into(), &mut told).unwrap();
        model.residuals(gaps.view().into(), &mut rest).unwrap();
        for ((place, reading), scale) in gaps.iter().enumerate().zip(model.scaling().scale.iter().cycle()) {
            // Within the noise of where the sensor would have read.
            assert!((told[place] - x[[place / 8, place % 8]]).abs() < 2.0 * scale, "{place}: {}", told[place]);
            assert_eq!(rest[place].is_nan(), reading.is_nan());
            assert!(reading.is_nan() || (reading - told[place] - rest[place]).abs() < 1e-9 * reading.abs());
        }
    }
}

#[test]
fn a_broken_relation_stands_out_and_names_its_sensor() {
    for model in [Model::Ridge, Model::Pls, Model::Pca] {
        let healthy = plant(2000, 10, 12);
        let fitted = Omr::new(model, 3, 1.0, f64::INFINITY)
            .unwrap()
            .fit(healthy.slice(s![..1500, ..]).into())
            .unwrap();
        let mut later = healthy.slice(s![1500.., ..]).to_owned();
        let mut quiet = vec![0.0; 500];
        fitted.score(later.view().into(), &mut quiet).unwrap();
        // Within its own range, but against the others.
        let middle = fitted.scaling().center[4];
        later.column_mut(4).mapv_inplace(|value| 2.0 * middle - value);
        let mut loud = vec![0.0; 500];
        fitted.score(later.view().into(), &mut loud).unwrap();
        assert!(loud.iter().sum::<f64>() > 3.0 * quiet.iter().sum::<f64>());
        let mut contributions = vec![0.0; 5000];
        fitted.contributions(later.view().into(), &mut contributions).unwrap();
        let mean = |sensor: usize| contributions.iter().skip(sensor).step_by(10).sum::<f64>();
        let culprit = (0..10).max_by(|&one, &other| mean(one).total_cmp(&mean(other)));
        assert_eq!(culprit, Some(4), "{model:?}");
    }
}

#[test]
fn rows_of_the_most_frequent_label_are_fitted() {
    let x = plant(300, 5, 2);
    let labels: Vec<i64> = (0..300).map(|row| [2, -1, 7, 7, -1, -1][row % 6]).collect();
    let rows: Vec<usize> = (0..300).filter(|&row| labels[row] == 7).collect();
    let part = x.select(ndarray::Axis(0), &rows);
    let model = omr(Model::Auto);
    let fitted = model.fit_most_frequent(x.view().into(), &labels).unwrap();
    assert_eq!(fitted, model.fit(part.view().into()).unwrap());
    let equal: Vec<i64> = (0..300).map(|row| i64::from(row >= 150) + 3).collect();
    let fitted = model.fit_most_frequent(x.view().into(), &equal).unwrap();
    assert_eq!(fitted, model.fit(x.slice(s![..150, ..]).into()).unwrap());
    assert_eq!(
        model.fit_most_frequent(x.view().into(), &[-1; 300]).unwrap_err().to_string(),
        "`labels` must have a label other than -1"
    );
    assert!(matches!(model.fit_most_frequent(x.view().into(), &[0; 299]), Err(Error::Length { .. })));
}

#[test]
fn weights_scale_contributions_alone() {
    let x = plant(100, 4, 2);
    let fitted = omr(Model::Pls).fit(x.view().into()).unwrap();
    let weighed = fitted.clone().weigh(&[1.0, 0.25, 0.0, 1.0]).unwrap();
    let (mut one, mut other) = (vec![0.0; 400], vec![0.0; 400]);
    fitted.contributions(x.view().into(), &mut one).unwrap();
    weighed.contributions(x.view().into(), &mut other).unwrap();
    for row in 0..100 {
        assert_eq!(other[row * 4], one[row * 4]);
        assert!((other[row * 4 + 1] - one[row * 4 + 1] / 4.0).abs() <= 1e-15 * one[row * 4 + 1]);
        assert_eq!(other[row * 4 + 2], 0.0);
    }
    assert!(fitted.clone().weigh(&[1.0]).is_err());
    assert!(fitted.weigh(&[1.0, -1.0, 1.0, 1.0]).is_err());
}

#[test]
fn bad_input_is_told() {
    let told = |x: Array2<f64>| omr(Model::Auto).fit(x.view().into()).unwrap_err().to_string();
    assert_eq!(told(plant(19, 5, 1)), "`x` must have at least 20 rows, got 19");
    assert_eq!(told(plant(30, 40, 1)), "`x` must have at least 40 rows, got 30");
    assert_eq!(told(plant(49, 400, 1)), "`x` must have at least 50 rows, got 49");
    assert_eq!(told(Array2::zeros((0, 5))), "`x` must have at least 20 rows, got 0");
    assert_eq!(told(Array2::zeros((30, 0))), "`x` must have at least 1 column, got 0");
    let lonely = "`x` must have at least two columns that vary and are known in half of the rows";
    assert_eq!(told(Array2::from_elem((30, 3), f64::NAN)), lonely);
    assert_eq!(told(plant(30, 1, 1)), lonely);
    for bad in [Omr::new(Model::Pls, 0, 1.0, 10.0), Omr::new(Model::Pls, 5, -1.0, 10.0)] {
        assert!(matches!(bad, Err(Error::Parameter { .. })));
    }
    assert!(Omr::new(Model::Pls, 5, f64::NAN, 10.0).is_err());
    assert!(Omr::new(Model::Pls, 5, 1.0, f64::NAN).is_err());
    let mut twins = plant(100, 3, 1);
    let first = twins.column(0).to_owned();
    twins.column_mut(2).assign(&first);
    let bare = Omr::new(Model::Ridge, 5, 0.0, 10.0).unwrap();
    assert_eq!(
        bare.fit(twins.view().into()).unwrap_err().to_string(),
        "`alpha` must be larger where sensors are linear combinations of others"
    );
    let fitted = omr(Model::Auto).fit(twins.view().into()).unwrap();
    let wrong = fitted.score(plant(5, 2, 1).view().into(), &mut [0.0; 5]);
    assert!(matches!(wrong, Err(Error::Columns { fitted: 3, got: 2, .. })));
}

#[test]
fn twins_and_huge_values_stay_finite() {
    for model in [Model::Ridge, Model::Pls, Model::Pca] {
        let mut x = plant(80, 6, 1).mapv(|value| value * 1e150);
        let twin = x.column(0).to_owned();
        x.column_mut(5).assign(&twin);
        x.column_mut(4).assign(&twin);
        x.column_mut(3).assign(&twin);
        let fitted = omr(model).fit(x.view().into()).unwrap();
        let mut scores = vec![0.0; 81];
        let mut beyond = x.clone();
        beyond
            .push_row(ndarray::aview1(&[1e308, -1e308, f64::NAN, 0.0, f64::INFINITY, 1.0]))
            .unwrap();
        fitted.score(beyond.view().into(), &mut scores).unwrap();
        let most = |fitted: &FittedOmr| (2.0 * fitted.limit(0.01).unwrap()).max(10.0);
        assert!(scores.iter().all(|score| (0.0..=most(&fitted)).contains(score)), "{scores:?}");
        let calm = omr(model).fit(plant(80, 6, 1).view().into()).unwrap();
        calm.score(beyond.view().into(), &mut scores).unwrap();
        assert_eq!(scores[80], most(&calm));
        let mut contributions = vec![0.0; 81 * 6];
        calm.contributions(beyond.view().into(), &mut contributions).unwrap();
        assert!(contributions.iter().all(|value| value.is_finite()));
        let endless = Omr::new(model, 5, 1.0, f64::INFINITY)
            .unwrap()
            .fit(plant(80, 6, 1).view().into())
            .unwrap();
        endless.score(beyond.view().into(), &mut scores).unwrap();
        assert!(scores[80] > 1e99 && scores[80].is_finite());
    }
}

#[test]
fn the_greatest_numbers_are_fitted() {
    let mut draw = stream(3, 0);
    let x = Array2::from_shape_fn((40, 3), |_| if draw.random::<bool>() { 1.7e308 } else { -1.7e308 });
    for model in [Model::Auto, Model::Ridge, Model::Pls, Model::Pca] {
        let fitted = omr(model).fit(x.view().into()).unwrap();
        let mut scores = vec![f64::NAN; 40];
        fitted.score(x.view().into(), &mut scores).unwrap();
        assert!(scores.iter().all(|score| (0.0..=10.0).contains(score)), "{scores:?}");
    }
}

#[test]
fn threads_layouts_and_chunks_give_the_same_bytes() {
    for (model, rows, sensors) in [
        (Model::Ridge, 3001, 13),
        (Model::Pls, 2999, 21),
        (Model::Pca, 3000, 9),
        (Model::Pls, 1200, 40),
    ] {
        let mut x = plant(rows, sensors, 5).mapv(|value| f64::from(value as f32));
        if sensors == 40 {
            // Through reflections.
            let twin = x.column(0).to_owned();
            x.column_mut(7).assign(&twin);
        }
        x[[7, 1]] = f64::NAN;
        let mut fortran = Array2::zeros(x.dim().f());
        fortran.assign(&x);
        let narrow = x.mapv(|value| value as f32);
        let wide = Array2::from_shape_fn((2 * rows, 2 * sensors), |(row, column)| x[[row / 2, column / 2]]);
        let fit = |x: Samples<'_>| {
            let fitted = omr(model).fit(x).unwrap();
            let mut all = [vec![0.0; rows], vec![0.0; rows * sensors], vec![0.0; rows * sensors]];
            fitted.score(x, &mut all[0]).unwrap();
            fitted.contributions(x, &mut all[1]).unwrap();
            fitted.predict(x, &mut all[2]).unwrap();
            (fitted, all)
        };
        parallel::set_num_threads(1).unwrap();
        let alone = fit(x.view().into());
        parallel::set_num_threads(4).unwrap();
        let all: [Samples<'_>; 4] = [
            x.view().into(),
            fortran.view().into(),
            narrow.view().into(),
            wide.slice(s![..;2, ..;2]).into(),
        ];
        for samples in all {
            assert!(alone == fit(samples), "{model:?}");
        }
        let mut scores = Vec::new();
        for part in x.axis_chunks_iter(ndarray::Axis(0), 11) {
            let mut some = vec![0.0; part.nrows()];
            alone.0.score(part.into(), &mut some).unwrap();
            scores.extend(some);
        }
        assert_eq!(scores, alone.1[0]);
    }
}

#[test]
fn saved_models_score_alike_and_damaged_ones_are_refused() {
    for model in [Model::Ridge, Model::Pls, Model::Pca] {
        let mut x = plant(60, 6, 9);
        x.column_mut(2).fill(1.0);
        let fitted = Omr::new(model, 2, 0.5, f64::INFINITY).unwrap().fit(x.view().into()).unwrap();
        let fitted = fitted.weigh(&[1.0, 0.25, 1.0, 1.0, 0.25, 1.0]).unwrap();
        let bytes = fitted.to_bytes().unwrap();
        let read = FittedOmr::from_bytes(&bytes).unwrap();
        assert_eq!(read, fitted);
        let (mut one, mut other) = (vec![0.0; 60], vec![0.0; 60]);
        fitted.score(x.view().into(), &mut one).unwrap();
        read.score(x.view().into(), &mut other).unwrap();
        assert_eq!(one, other);
        for length in 0..bytes.len() {
            assert!(FittedOmr::from_bytes(&bytes[..length]).is_err());
        }
        for place in 0..bytes.len() {
            for bit in [0, 4, 7] {
                let mut wrong = bytes.clone();
                wrong[place] ^= 1 << bit;
                if let Ok(read) = FittedOmr::from_bytes(&wrong) {
                    read.score(x.view().into(), &mut other).unwrap();
                    assert!(other.iter().all(|score| *score >= 0.0));
                }
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]

    #[test]
    fn any_table_scores_between_zero_and_the_clip(
        rows in 20..90_usize,
        sensors in 2..24_usize,
        seed in any::<u64>(),
        components in 1..8_usize,
        model in proptest::sample::select(Model::ALL.map(|(_, model)| model).to_vec()),
    ) {
        let mut draw = stream(seed, 1);
        let x = Array2::from_shape_fn((rows, sensors), |_| match draw.random_range(0..12) {
            0 => f64::NAN,
            1 => 3.0,
            2 => f64::NEG_INFINITY,
            _ => draw.random_range(-1e3..1e3),
        });
        let parameters = Omr::new(model, components, 1.0, 10.0).unwrap();
        match parameters.fit(x.view().into()) {
            Ok(fitted) => {
                let mut scores = vec![-1.0; rows];
                fitted.score(x.view().into(), &mut scores).unwrap();
                let used = |row: usize| fitted.watched().iter().any(|&column| x[[row, column]].is_finite());
                for (row, score) in scores.iter().enumerate() {
                    let sound = if used(row) { (0.0..=fitted.end()).contains(score) } else { score.is_nan() };
                    prop_assert!(sound, "{} {}", row, score);
                }
                let mut contributions = vec![-1.0; rows * sensors];
                fitted.contributions(x.view().into(), &mut contributions).unwrap();
                prop_assert!(contributions.iter().all(|value| *value >= 0.0 && value.is_finite()));
            }
            Err(Error::TooFew { .. } | Error::Unfit { .. }) => {}
            Err(error) => return Err(TestCaseError::fail(error.to_string())),
        }
    }
}

#[test]
fn a_machine_that_stood_in_one_half_of_the_rows_is_fitted() {
    for model in [Model::Auto, Model::Pls, Model::Pca, Model::Ridge] {
        for standing in [0..500, 500..1000, 0..800, 300..900] {
            let mut x = plant(1000, 6, 4);
            x.slice_mut(s![standing, ..]).fill(0.0);
            let fitted = omr(model).fit(x.view().into()).unwrap();
            assert!(fitted.limit(0.01).unwrap() > 0.0);
        }
    }
}
