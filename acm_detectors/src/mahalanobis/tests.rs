use acm_linalg::seed::stream;
use acm_linalg::{Error, Persist};
use ndarray::{Array2, array, s};
use rand::RngExt;

use super::whitening::triangle;
use super::*;

fn plant(rows: usize, columns: usize, seed: u64) -> Array2<f64> {
    let mut stream = stream(seed, 0);
    let mut x = Array2::zeros((rows, columns));
    for mut row in x.rows_mut() {
        let mut draw = || (0..12).map(|_| stream.random::<f64>()).sum::<f64>() - 6.0;
        let shared = draw();
        for (column, value) in row.iter_mut().enumerate() {
            *value = 1500.0 + (column + 1) as f64 * (shared + draw());
        }
    }
    x
}

fn scores(model: &FittedMahalanobis, x: &Array2<f64>) -> Vec<f64> {
    let mut out = vec![0.0; x.nrows()];
    model.score(x.view().into(), &mut out).unwrap();
    out
}

fn fitted(x: &Array2<f64>, shrinkage: Shrinkage, lags: usize) -> FittedMahalanobis {
    MahalanobisDetector::new(shrinkage, lags).unwrap().fit(x.view().into()).unwrap()
}

#[test]
fn a_hand_computed_case() {
    // Scaled columns (±1, ±1) are uncorrelated, with variance 1: the distance is the length.
    let x = array![[11.0, 22.0], [9.0, 22.0], [11.0, 18.0], [9.0, 18.0]];
    let x = ndarray::concatenate![ndarray::Axis(0), x, x];
    let model = fitted(&x, Shrinkage::Nothing, 0);
    let new = array![[10.0, 20.0], [13.0, 20.0], [10.0, 28.0], [12.0, 22.0], [f64::NAN, 24.0]];
    // The last row's distance is that of one sensor, a χ² of one degree of freedom; it counts as one of two.
    let counted = 2.0 * gaps::carried(4.0, 1.0, 2.0);
    assert_eq!(scores(&model, &new), [0.0, 9.0, 16.0, 5.0, counted]);
    let mut parts = vec![0.0; 10];
    model.contributions(new.view().into(), &mut parts).unwrap();
    assert_eq!(parts, [0.0, 0.0, 9.0, 0.0, 0.0, 16.0, 4.0, 1.0, 0.0, counted]);
}

#[test]
fn contributions_sum_to_the_square_and_the_mean_square_is_the_width() {
    for columns in [1, 3, 4, 5, 13] {
        let x = plant(400, columns, 3);
        let model = fitted(&x, Shrinkage::Share(0.0), 0);
        let found = scores(&model, &x);
        // Of the training rows the mean square is the number of columns exactly.
        assert!((found.iter().sum::<f64>() / 400.0 / columns as f64 - 1.0).abs() < 1e-11);
        let mut parts = vec![0.0; 400 * columns];
        model.contributions(x.view().into(), &mut parts).unwrap();
        for (parts, square) in parts.chunks(columns).zip(&found) {
            assert!((parts.iter().sum::<f64>() - square).abs() < 1e-11 * square.max(1.0));
        }
    }
}

#[test]
fn chunks_change_no_byte() {
    let model = fitted(&plant(300, 6, 1), Shrinkage::LedoitWolf, 2);
    let mut new = plant(50, 6, 2);
    for row in [0, 7, 8, 9, 30, 49] {
        new[[row, row % 6]] = f64::NAN;
        new[[row, 3]] = f64::INFINITY;
    }
    let whole = scores(&model, &new);
    for step in [1, 7, 49] {
        let mut live = LaggedMemory::default();
        let mut chunked = Vec::new();
        for start in (0..50).step_by(step) {
            let rows = new.slice(s![start..(start + step).min(50), ..]);
            let mut out = vec![0.0; rows.nrows()];
            model.update(&mut live, rows.into(), &mut out).unwrap();
            chunked.extend(out);
        }
        assert_eq!(whole, chunked);
    }
}

#[test]
fn the_limit_is_exceeded_as_often_as_asked() {
    // On average over training sets, small ones included.
    let above = |seed, held_out: bool| {
        let model = fitted(&plant(60, 5, seed), Shrinkage::Share(0.0), 0);
        let limit = if held_out { model.limit(0.01) } else { model.theoretical_limit(0.01) }.unwrap();
        scores(&model, &plant(1000, 5, seed + 1000))
            .iter()
            .filter(|&&score| score > limit)
            .count()
    };
    for held_out in [true, false] {
        let total: usize = (0..60).map(|seed| above(seed, held_out)).sum();
        assert!((450..750).contains(&total), "{total} {held_out}");
    }
    let model = fitted(&plant(60, 5, 1), Shrinkage::Share(0.0), 0);
    assert!(model.limit(1.0).is_err() && model.theoretical_limit(0.0).is_err());
    // Too few rows to be cut into stretches.
    let wide = fitted(&plant(8, 12, 1), Shrinkage::LedoitWolf, 0);
    assert!((wide.limit(0.01).unwrap() - 26.216_967_305_535_853).abs() < 1e-9);
}

#[test]
fn singular_covariances_need_shrinkage() {
    let mut x = plant(100, 4, 1);
    let copy = x.column(0).to_owned();
    x.column_mut(2).assign(&copy);
    let none = MahalanobisDetector::new(Shrinkage::Share(0.0), 0).unwrap();
    let message = none.fit(x.view().into()).unwrap_err().to_string();
    assert_eq!(message, "`x` must be free of columns that others determine, unless `shrinkage` is above 0");
    let message = none.fit(plant(6, 6, 1).view().into()).unwrap_err().to_string();
    assert_eq!(message, "`x` must have at least 7 rows, got 6");
    assert!(scores(&fitted(&x, Shrinkage::LedoitWolf, 0), &x).iter().all(|score| score.is_finite()));
    assert!(MahalanobisDetector::new(Shrinkage::Share(1.5), 0).is_err());
    let still = Array2::<f64>::ones((50, 3));
    assert!(matches!(none.fit(still.view().into()), Err(Error::Unfit { .. })));
}

#[test]
fn a_column_that_another_leaves_a_millionth_of_is_determined() {
    // The second pivot squared is what is added, to the last bit.
    let rest = |bits: i32| triangle(&[1.0, 1.0, 1.0, 1.0 + 2.0_f64.powi(-bits)], 2);
    assert!(matches!(rest(40), Err(Error::Singular { .. })));
    assert!(rest(39).is_ok());
    // In any unit.
    let large = |bits: i32| triangle(&[1e30, 1e30, 1e30, 1e30 * (1.0 + 2.0_f64.powi(-bits))], 2);
    assert!(large(41).is_err() && large(38).is_ok());
}

#[test]
fn saved_models_score_the_same_bytes() {
    let (x, new) = (plant(300, 6, 1), plant(20, 6, 2));
    for shrinkage in [Shrinkage::LedoitWolf, Shrinkage::Nothing, Shrinkage::Share(0.1)] {
        let model = fitted(&x, shrinkage, 1);
        let bytes = model.to_bytes().unwrap();
        let read = FittedMahalanobis::from_bytes(&bytes).unwrap();
        assert_eq!(read, model);
        assert_eq!(scores(&read, &new), scores(&model, &new));
        for place in (0..bytes.len()).step_by(5) {
            let mut wrong = bytes.clone();
            wrong[place] ^= 0x55;
            let _ = FittedMahalanobis::from_bytes(&wrong);
            assert!(FittedMahalanobis::from_bytes(&bytes[..place]).is_err());
        }
    }
}

#[test]
fn as_many_lags_as_rows_are_refused() {
    for lags in [20, usize::MAX] {
        let detector = MahalanobisDetector::new(Shrinkage::LedoitWolf, lags).unwrap();
        let error = detector.fit(plant(20, 2, 1).view().into()).unwrap_err();
        assert!(
            matches!(
                error,
                Error::TooFew {
                    name: "x",
                    what: "row",
                    got: 20,
                    ..
                }
            ),
            "{error}"
        );
    }
}

#[test]
fn another_number_of_places_is_told_and_changes_nothing() {
    let x = plant(60, 3, 9);
    let model = fitted(&x, Shrinkage::LedoitWolf, 1);
    let told = |result: Result<()>| result.unwrap_err().to_string();
    let samples = Samples::from(x.view());
    assert_eq!(told(model.score(samples, &mut [0.0; 59])), "`out` must have length 60, got 59");
    assert_eq!(told(model.contributions(samples, &mut [0.0; 60])), "`out` must have length 180, got 60");
    let mut live = LaggedMemory::default();
    assert_eq!(told(model.update(&mut live, samples, &mut [0.0; 61])), "`out` must have length 60, got 61");
    let mut out = vec![0.0; 60];
    model.update(&mut live, samples, &mut out).unwrap();
    assert_eq!(out, scores(&model, &x));
}

#[test]
fn each_stretch_is_judged_by_a_covariance_of_the_others() {
    for (columns, shrinkage, lags) in [
        (4, Shrinkage::LedoitWolf, 0),
        (3, Shrinkage::Nothing, 2),
        (70, Shrinkage::LedoitWolf, 0),
    ] {
        let x = plant(60, columns, 3);
        let model = fitted(&x, shrinkage, lags);
        let width = model.width();
        let mut points = vec![0.0; 60 * width];
        acm_linalg::dense::Rows::read(&model.lagged.points(x.view().into()), 0..60, &mut points);
        let points = ndarray::ArrayView2::from_shape((60, width), &points).unwrap();
        let mut found = Vec::new();
        let count = crate::held_out::count(60, lags, width.min(60)).unwrap();
        for stretch in crate::folds::folds(60, count).unwrap() {
            let others: Vec<usize> = (0..60).filter(|&row| row < stretch.start || row >= stretch.end + lags).collect();
            let rest = points.select(ndarray::Axis(0), &others);
            let samples = Samples::from(rest.view());
            let centered = Centered::new(&samples).unwrap();
            let mean = centered.mean().unwrap();
            let covariance = shrunk(&centered, Shrinkage::Share(model.shrinkage())).unwrap().covariance;
            let white = whitening::triangle(&covariance, width).unwrap().matrix().unwrap();
            for row in stretch {
                let z: Vec<f64> = points.row(row).iter().zip(&mean).map(|(value, mean)| value - mean).collect();
                let white = white.chunks(width).map(|line| line.iter().zip(&z).map(|(a, b)| a * b).sum::<f64>());
                found.push(white.map(|value| value * value).sum::<f64>());
            }
        }
        let want = HeldOut::of(&mut found, &[true; 60]).unwrap();
        for alpha in [0.5, 0.05, 0.001] {
            let ratio = model.limit(alpha).unwrap() / want.limit(alpha);
            assert!((ratio - 1.0).abs() < 1e-9, "{columns} {alpha} {ratio}");
        }
    }
}

#[test]
fn fewer_rows_than_sensors_are_judged_as_by_the_whole_covariance() {
    let (rows, width) = (40, 300);
    let x = plant(rows, width, 3);
    let model = fitted(&x, Shrinkage::LedoitWolf, 0);
    assert!(matches!(model.whitening, Whitening::Thin(_)) && model.width() == width);
    let (triangle, precision) = whitening::dense(model.covariance(), width).unwrap();
    let dense = FittedMahalanobis {
        whitening: triangle,
        precision,
        ..model.clone()
    };
    let mut other = plant(20, width, 4);
    other[[3, 7]] = f64::NAN;
    other[[4, 9]] = 1e3;
    let samples = Samples::from(other.view());
    for parts in [false, true] {
        let count = if parts { 20 * width } else { 20 };
        let (mut thin, mut whole) = (vec![0.0; count], vec![0.0; count]);
        for (model, out) in [(&model, &mut thin), (&dense, &mut whole)] {
            if parts {
                model.contributions(samples, out).unwrap();
            } else {
                model.score(samples, out).unwrap();
            }
        }
        let largest = whole.iter().fold(0.0_f64, |largest, value| largest.max(value.abs()));
        for (one, other) in thin.iter().zip(&whole) {
            assert!((one - other).abs() <= 1e-10 * other.abs().max(1e-3 * largest), "{one} {other}");
        }
    }
    assert!(FittedMahalanobis::from_bytes(&model.to_bytes().unwrap()).unwrap() == model);
}

#[test]
fn a_sensor_that_is_rounded_by_itself_has_that_noise() {
    let x = plant(2000, 6, 9);
    let model = fitted(&x, Shrinkage::Nothing, 0);
    // What the others leave of a sensor is about its number; a reading of 2, 5 or 10 steps of ten is judged as such.
    let mut rows = plant(400, 6, 10);
    rows.column_mut(3).mapv_inplace(|value| (value / 5.0).round() * 5.0);
    let (found, width) = (scores(&model, &rows), 6);
    let scale = model.lagged.scaling.scale[3];
    let most = (12.0 * scale / model.precision.row(3)[3].sqrt()).min(3.0 * scale);
    for (row, &found) in rows.rows().into_iter().zip(&found) {
        let steps = [2.0, 5.0, 10.0, 20.0, 50.0, 100.0];
        let lies = |step: &&f64| (row[3] / **step).fract() == 0.0 && **step <= most;
        let step = steps.iter().filter(lies).copied().fold(0.0, f64::max);
        assert!(step >= 5.0);
        let mut covariance = model.covariance.clone();
        let scaling = &model.lagged.scaling;
        covariance[3 * (width + 1)] += (step / scaling.scale[3]).powi(2) / 12.0;
        let (_, precision) = whitening::dense(&covariance, width).unwrap();
        let point: Vec<f64> = (0..width)
            .map(|place| (row[place] - scaling.center[place]) / scaling.scale[place] - model.lagged.mean[place])
            .collect();
        let mut pulled = vec![0.0; width];
        precision.times(&point, &mut pulled);
        let exact = gaps::dot(&point, &pulled);
        assert!((found - exact).abs() < 1e-9 * exact.max(1.0), "{found} {exact}");
    }
    let mut parts = vec![0.0; 400 * width];
    model.contributions(rows.view().into(), &mut parts).unwrap();
    for (parts, square) in parts.chunks(width).zip(&found) {
        assert!((parts.iter().sum::<f64>() - square).abs() < 1e-9 * square.max(1.0));
    }
    // Zero, gaps and finer readings change nothing.
    let alone = &model.alone;
    assert_eq!((alone.step(3, 0.0), alone.step(3, f64::NAN), alone.step(3, 1500.0 + 1e-9)), (0.0, 0.0, 0.0));
    assert!(alone.step(3, 1505.0) >= 5.0 && alone.step(3, f64::from(1505.1_f32)) < 5.0);
}

#[test]
fn rows_that_are_too_few_without_shrinkage_tell_no_limits_of_their_own() {
    // Of 26 rows of 24 sensors 22 are left without a stretch: they have no covariance but a shrunken one.
    let x = plant(26, 24, 3);
    let model = fitted(&x, Shrinkage::Nothing, 0);
    assert!(model.held_out.is_none());
    assert_eq!(model.limit(0.01).unwrap(), model.theoretical_limit(0.01).unwrap());
    assert!(fitted(&x, Shrinkage::Share(0.2), 0).held_out.is_some());
    // As many more rows as leave one more than there are sensors.
    assert!(fitted(&plant(32, 24, 3), Shrinkage::Nothing, 0).held_out.is_some());
}

#[test]
fn steps_are_those_that_rows_rounded_to_them_are_judged_by() {
    let rounded = |x: &Array2<f64>, step: f64| x.mapv(|value| (value / step).round() * step);
    let x = rounded(&plant(600, 4, 11), 0.01);
    let model = fitted(&x, Shrinkage::Nothing, 0);
    let steps = model.steps();
    // Tenths are as good as nothing for readings that scatter by 1.4 and more.
    assert_eq!(steps, [1.0]);
    let mut found = vec![-1.0; 600];
    model.resolution(x.view().into(), &mut found).unwrap();
    assert!(found.iter().filter(|&&step| step == 0.0).count() > 590);
    model.resolution(rounded(&x, 1.0).view().into(), &mut found).unwrap();
    assert!(found.iter().filter(|&&step| step == 1.0).count() > 590);
}
