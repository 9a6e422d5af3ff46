//! Predictions, scores and what each sensor adds to them.

use super::*;

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
