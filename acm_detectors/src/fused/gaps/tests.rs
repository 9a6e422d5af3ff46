use acm_linalg::seed::stream;
use ndarray::Array2;
use rand::RngExt;

use super::*;
use crate::fused::Fused;
use acm_linalg::pca::Components;

const SENSORS: usize = 5;

fn plant(rows: usize) -> Array2<f64> {
    let mut draw = stream(21, 0);
    let loads = Array2::from_shape_fn((rows, 2), |_| draw.random::<f64>() - 0.5);
    let ways = Array2::from_shape_fn((2, SENSORS), |_| draw.random::<f64>() - 0.5);
    loads.dot(&ways) + Array2::from_shape_fn((rows, SENSORS), |_| 0.1 * draw.random::<f64>())
}

/// Rows some of which lack readings, the first too, and which.
fn with_gaps(x: &Array2<f64>) -> (Array2<f64>, Vec<bool>) {
    let mut gone = x.clone();
    for (row, places) in [
        (0, vec![1, 3]),
        (4, vec![0]),
        (5, vec![0, 2, 4]),
        (6, vec![2]),
        (11, vec![0, 1, 2, 3, 4]),
    ] {
        places.into_iter().for_each(|place| gone[[row, place]] = f64::NAN);
    }
    let marks = gone.iter().map(|value| value.is_finite()).collect();
    (gone, marks)
}

fn white_of(model: &FittedFused, x: &Array2<f64>) -> Vec<f64> {
    let mut white = vec![0.0; x.len()];
    of_points(&model.lagged, &model.whitening, None, x.view().into(), 0..x.nrows(), &mut white).unwrap();
    white
}

/// How far a reading is from where it is held, in the units of the fit.
fn step(model: &FittedFused, x: &Array2<f64>, row: usize, place: usize) -> f64 {
    let scaling = &model.lagged.scaling;
    (x[[row, place]] - scaling.center[place]) / scaling.scale[place] - model.lagged.mean[place]
}

/// What the sum of the squared residual and of how firmly readings are held has of a slope along a reading.
fn slope(model: &FittedFused, x: &Array2<f64>, row: usize, place: usize, shorter: &[f64]) -> f64 {
    let scale = model.lagged.scaling.scale[place];
    let white = |by: f64| {
        let mut moved = x.clone();
        moved[[row, place]] += by * scale;
        white_of(model, &moved)[row * SENSORS..(row + 1) * SENSORS].to_vec()
    };
    let (above, below) = (white(1.0), white(-1.0));
    let own: Vec<f64> = white(0.0).iter().zip(shorter).map(|(white, shorter)| white + shorter).collect();
    let along: f64 = above
        .iter()
        .zip(&below)
        .zip(&own)
        .map(|((above, below), own)| 0.5 * (above - below) * own)
        .sum();
    along + HOLD * step(model, x, row, place)
}

#[test]
fn filled_readings_make_the_row_as_short_as_can_be() {
    let x = plant(600);
    for lags in [0, 2] {
        let model = Fused::new(Components::Share(0.9), lags, &[1.0, 0.2], 10, 0.01, 0.0).unwrap();
        let model = model.fit(x.view().into()).unwrap();
        assert_eq!(model.lagged.kept, [0, 1, 2, 3, 4]);
        let (gone, marks) = with_gaps(&x.slice(ndarray::s![..14, ..]).to_owned());
        for marginal in [false, true] {
            let mut filled = gone.clone();
            let (mut present, mut shorter) = (vec![9; 14], vec![0.0; 14 * SENSORS]);
            let how = if marginal {
                Fill::Marginal {
                    marks: &marks,
                    white: &mut shorter,
                }
            } else {
                Fill::Likeliest
            };
            let values = filled.as_slice_mut().unwrap();
            Filler::new(&model).unwrap().fill(values, 0, &mut present, how).unwrap();
            let (whitening, width) = (model.whitening.matrix().unwrap(), model.lagged.width());
            let whole = white_of(&model, &filled);
            let mut looked = 0;
            for row in 0..14 {
                let own = &shorter[row * SENSORS..(row + 1) * SENSORS];
                let known = marks[row * SENSORS..(row + 1) * SENSORS].iter().filter(|&&mark| mark).count();
                assert_eq!(present[row], known);
                for place in 0..SENSORS {
                    if marks[row * SENSORS + place] {
                        assert_eq!(filled[[row, place]], gone[[row, place]]);
                    } else {
                        let slope = slope(&model, &filled, row, place, own);
                        assert!(slope.abs() < 1e-6, "{lags} {marginal} {row} {place}: {slope}");
                    }
                }
                // Each filled reading before, the first row's for all before it too, gives way against how firmly it is held.
                let white: Vec<f64> = whole[row * SENSORS..].iter().zip(own).map(|(white, own)| white + own).collect();
                let mut expected = [0.0; SENSORS];
                for lag in (1..=lags).filter(|_| marginal && row > 0) {
                    for place in (0..SENSORS).filter(|&place| !marks[row.saturating_sub(lag) * SENSORS + place]) {
                        let along = |number: usize| whitening[number * width + lag * SENSORS + place];
                        let pull: f64 = (0..SENSORS).map(|number| along(number) * white[number]).sum();
                        let gives = -pull * lags as f64 / HOLD;
                        expected.iter_mut().enumerate().for_each(|(number, to)| *to += along(number) * gives);
                        looked += 1;
                    }
                }
                for (found, expected) in own.iter().zip(expected) {
                    assert!((found - expected).abs() < 1e-6 * (1.0 + expected.abs()), "{row}: {found} {expected}");
                }
            }
            assert_eq!(looked > 10, marginal && lags > 0);
        }
    }
}

#[test]
fn residuals_are_shorter_for_what_may_have_been_in_the_gaps_before() {
    let x = plant(600);
    let model = Fused::new(Components::Share(0.9), 2, &[1.0, 0.2], 10, 0.01, 0.0).unwrap();
    let model = model.fit(x.view().into()).unwrap();
    let (gone, marks) = with_gaps(&x.slice(ndarray::s![..14, ..]).to_owned());
    let mut filled = gone.clone();
    let (mut present, mut shorter) = (vec![9; 14], vec![0.0; 14 * SENSORS]);
    let how = Fill::Marginal {
        marks: &marks,
        white: &mut shorter,
    };
    Filler::new(&model)
        .unwrap()
        .fill(filled.as_slice_mut().unwrap(), 0, &mut present, how)
        .unwrap();
    assert!(shorter[5 * SENSORS..8 * SENSORS].iter().any(|by| by.abs() > 1e-3));

    let mut found = vec![0.0; 14 * SENSORS];
    let mut rows = Filled::new(&model, gone.view().into(), &[], false).unwrap();
    assert_eq!(rows.whiten(0, 0..14, &mut found).unwrap().counts, present);
    for ((found, white), by) in found.iter().zip(white_of(&model, &filled)).zip(shorter) {
        assert!((found - (white + by)).abs() < 1e-12);
    }
}
