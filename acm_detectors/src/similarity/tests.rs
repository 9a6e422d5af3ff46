use acm_linalg::lanes::{LANES, Row};
use acm_linalg::parallel::{self, Stop};
use acm_linalg::seed::stream;
use acm_linalg::state::{from_bytes_with, to_bytes_with};
use acm_linalg::{Error, Persist};
use fearless_simd::{Level, dispatch};
use ndarray::{Array2, ShapeBuilder, concatenate, s};
use rand::RngExt;

use super::choice::Table;
use super::*;

/// Nearly normal numbers.
fn noise(rows: usize, columns: usize, seed: u64) -> Array2<f64> {
    let mut stream = stream(seed, 5);
    Array2::from_shape_simple_fn((rows, columns), || (0..12).map(|_| stream.random::<f64>()).sum::<f64>() - 6.0)
}

/// A machine at three operating points, with a load that five sensors bend each in its way.
fn plant(rows: usize, seed: u64) -> Array2<f64> {
    let loads = noise(rows, 2, seed);
    let mut x = 0.05 * noise(rows, 5, seed + 100);
    for (row, mut out) in x.rows_mut().into_iter().enumerate() {
        let point = (row / 20 % 3) as f64;
        let load = loads[[row, 0]].clamp(-1.5, 1.5);
        let curve = [load, load * load, (2.0 * load).sin() + point, 3.0 * point, load * point];
        out.iter_mut().zip(curve).for_each(|(out, value)| *out += value);
    }
    x
}

fn detector() -> Similarity {
    Similarity::new(120, 5, &[1.0, 0.3, 0.1], 4, 0.01).unwrap()
}

fn fitted(x: &Array2<f64>) -> FittedSimilarity {
    detector().fit(x.view().into()).unwrap()
}

fn scores(model: &FittedSimilarity, x: &Array2<f64>) -> Vec<f64> {
    let mut out = vec![-1.0; x.nrows()];
    model.score(x.view().into(), &mut out).unwrap();
    out
}

fn estimates(model: &FittedSimilarity, x: &Array2<f64>) -> Array2<f64> {
    let mut out = vec![-1.0; x.len()];
    model.estimate(x.view().into(), &mut out).unwrap();
    Array2::from_shape_vec(x.dim(), out).unwrap()
}

fn bits(values: &[f64]) -> Vec<u64> {
    values.iter().map(|value| value.to_bits()).collect()
}

#[test]
fn healthy_rows_rarely_alarm_and_a_shift_soon_does() {
    let model = fitted(&plant(1200, 1));
    let mut x = plant(600, 2);
    x.slice_mut(s![300.., 3]).mapv_inplace(|value| value + 0.3);
    let found = scores(&model, &x);
    assert!(found[..300].iter().filter(|&&score| score > 1.0).count() <= 9);
    assert!(found[320..].iter().all(|&score| score > 1.0));
    // What it should read is what it would have read.
    let told = estimates(&model, &x);
    let healthy = plant(600, 2);
    let off: f64 = (300..600).map(|row| (told[[row, 3]] - healthy[[row, 3]]).abs()).sum::<f64>() / 300.0;
    assert!(off < 0.1, "{off}");

    let mut shares = vec![-1.0; 3000];
    model.contributions(x.view().into(), &mut shares).unwrap();
    for (row, (shares, score)) in shares.chunks(5).zip(&found).enumerate() {
        assert!(shares.iter().all(|&share| share >= 0.0));
        assert!((shares.iter().sum::<f64>() - score.max(0.0)).abs() < 1e-9 * score.abs().max(1.0));
        let first = (0..5).max_by(|&one, &other| shares[one].total_cmp(&shares[other]));
        assert!(row < 330 || first == Some(3), "{row}: {shares:?}");
    }

    let mut parts = vec![-1.0; 3000];
    model.parts(x.view().into(), &mut parts).unwrap();
    for (score, parts) in found.iter().zip(parts.chunks(5)) {
        assert_eq!(*score, parts.iter().copied().fold(f64::NEG_INFINITY, f64::max));
    }
    assert_eq!(model.part_names().unwrap(), ["power 1", "power 0.3", "power 0.1", "shift 0.3", "shift 0.1"]);
    assert!((model.limit(0.01).unwrap() - 1.0).abs() < 1e-12);
    assert!(model.limit(0.001).unwrap() > 1.0 && model.limit(0.1).unwrap() < 1.0);
    assert!(model.limit(0.0).is_err() && model.limit(1.0).is_err());
}

#[test]
fn a_row_is_explained_by_the_sensor_that_is_off_in_it() {
    for smoothing in [&[1.0][..], &[1.0, 0.3]] {
        let detector = Similarity::new(120, 5, smoothing, 4, 0.01).unwrap();
        let model = detector.fit(noise(800, 5, 21).view().into()).unwrap();
        let mut x = noise(90, 5, 22);
        let off: Vec<usize> = (5..90).step_by(7).collect();
        off.iter().for_each(|&row| x[[row, row % 5]] += 9.0);
        let mut shares = vec![-1.0; x.len()];
        model.contributions(x.view().into(), &mut shares).unwrap();
        for row in off {
            let shares = &shares[5 * row..][..5];
            assert!(shares[row % 5] > 0.6 * shares.iter().sum::<f64>(), "{row}: {shares:?}");
        }
    }
}

#[test]
fn columns_are_centred_by_their_mean_and_scaled_by_their_deviation() {
    let mut x = noise(600, 4, 30);
    x.column_mut(1).mapv_inplace(|value| 50.0 + 100.0 * value);
    x.column_mut(2).fill(7.0);
    let model = fitted(&x);
    let (center, scale) = (model.center().unwrap(), model.scale().unwrap());
    assert!(center.len() == 4 && scale.len() == 4 && center[2].is_nan() && scale[2].is_nan());
    for column in [0, 1, 3] {
        let (mean, deviation) = (x.column(column).mean().unwrap(), x.column(column).std(0.0));
        assert!((center[column] - mean).abs() < 0.02 * deviation, "{center:?}");
        assert!((scale[column] / deviation - 1.0).abs() < 0.02, "{scale:?}");
    }
}

#[test]
fn expectations_are_weighted_means_of_what_is_remembered() {
    let x = noise(40, 3, 3);
    let values: Vec<f64> = x.iter().copied().collect();
    let table = Table {
        values: &values,
        width: 3,
    };
    let all: Vec<usize> = (0..40).collect();
    let memory = Prototypes::of(table, &all, 30, 4, &Stop::default()).unwrap();
    let rows = memory.values().unwrap();
    let rows: Vec<&[f64]> = rows.chunks(3).collect();
    // The width by hand.
    let squares = |one: &[f64], other: &[f64], marks: &[f64]| -> f64 {
        (0..3).map(|at| marks[at] * (one[at] - other[at]).powi(2)).sum()
    };
    let mut near: Vec<f64> = rows
        .iter()
        .map(|row| {
            let mut all: Vec<f64> = rows.iter().map(|other| squares(row, other, &[1.0; 3])).collect();
            all.sort_by(f64::total_cmp);
            all[4]
        })
        .collect();
    near.sort_by(f64::total_cmp);
    let width = 0.25 * (near[14] + near[15]);
    assert!((memory.width() - width.sqrt()).abs() < 1e-12);

    // The last lane is far from everything: the nearest still tells.
    let mut points: Vec<Row> = (0..3).map(|at| Row(std::array::from_fn(|lane| x[[lane, at]] + 0.1))).collect();
    points[1].0[2] = f64::NAN;
    points[0].0[3] = f64::NAN;
    points[2].0[3] = f64::NAN;
    points.iter_mut().for_each(|point| point.0[6] = f64::NAN);
    points.iter_mut().for_each(|point| point.0[7] = 1e6);
    let mut expected = vec![Row::default(); 3];
    let mut scratch = memory.scratch().unwrap();
    let missing = dispatch!(Level::new(), simd => memory.expect(simd, &points, &mut scratch, &mut expected));
    assert!(missing);
    for lane in 0..LANES {
        let known: Vec<f64> = points.iter().map(|point| if point.0[lane].is_nan() { 0.0 } else { 1.0 }).collect();
        let point: Vec<f64> = points
            .iter()
            .map(|point| point.0[lane])
            .map(|v| if v.is_nan() { 0.0 } else { v })
            .collect();
        let full = 3.0 / known.iter().sum::<f64>().max(1.0);
        let apart: Vec<f64> = rows.iter().map(|row| full * squares(row, &point, &known)).collect();
        let least = apart.iter().copied().fold(f64::INFINITY, f64::min);
        let weights: Vec<f64> = apart.iter().map(|apart| ((least - apart) / (2.0 * width)).exp()).collect();
        for at in 0..3 {
            let sum: f64 = rows.iter().zip(&weights).map(|(row, weight)| weight * row[at]).sum();
            let exact = sum / weights.iter().sum::<f64>();
            assert!((expected[at].0[lane] - exact).abs() < if lane == 7 { 1e-3 } else { 1e-10 }, "{lane} {at}");
        }
    }
}

#[test]
fn usual_readings_of_different_points_are_a_fault() {
    // One sensor reads as at the third point, all others as at the first.
    let model = fitted(&plant(1200, 4));
    let mut x = plant(60, 5);
    x.row_mut(30).assign(&ndarray::array![0.5, 0.25, 0.84, 6.0, 0.0]);
    let found = scores(&model, &x);
    assert!(found[30] > 2.0 && found[..30].iter().all(|&score| score < 1.5), "{found:?}");
}

#[test]
fn what_does_not_change_is_left_out() {
    let x = plant(400, 3);
    let still = Array2::from_elem((400, 1), 1e9);
    let gone = Array2::from_elem((400, 1), f64::NAN);
    let wide = concatenate![ndarray::Axis(1), still, x, gone];
    let model = fitted(&wide);
    assert_eq!(model.used().unwrap(), [false, true, true, true, true, true, false]);
    assert_eq!(scores(&model, &wide), scores(&fitted(&x), &x));
    let mut shares = vec![-1.0; 2800];
    model.contributions(wide.view().into(), &mut shares).unwrap();
    assert!(shares.chunks(7).all(|row| row[0] == 0.0 && row[6] == 0.0));
    assert!(estimates(&model, &wide).column(0).iter().all(|value| value.is_nan()));
    assert!(model.residual_sd().unwrap()[0].is_nan() && model.residual_sd().unwrap()[1] > 0.0);
    let memory = model.memory().unwrap();
    assert!(memory.len() == 7 * 120 && memory.chunks(7).all(|row| row[6].is_nan() && row[1].is_finite()));

    let nothing = Array2::from_elem((400, 2), 3.0);
    assert!(matches!(detector().fit(nothing.view().into()), Err(Error::Unfit { .. })));
    let error = detector().fit(x.slice(s![..7, ..]).into()).unwrap_err();
    assert_eq!(error.to_string(), "`x` must have at least 8 rows, got 7");
}

#[test]
fn states_that_only_repeat_stay_apart() {
    // Six exact states: the fifth neighbour is another state, and would blur them.
    let x =
        Array2::from_shape_fn((600, 3), |(row, column)| ((row / 7 % 6) * (column + 1)) as f64 + (row % 6 / 5) as f64);
    let model = fitted(&x);
    assert!(model.remembered() <= 12);
    let told = estimates(&model, &x);
    assert!(told.iter().zip(&x).all(|(told, x)| (told - x).abs() < 0.1));
    assert!(scores(&model, &x).iter().all(|score| score.is_finite()));
    let mut wrong = x.clone();
    wrong[[100, 1]] += 1.0;
    assert!(scores(&model, &wrong)[100] > 1.0);
}

#[test]
fn edges_give_finite_scores() {
    let one = plant(100, 5).slice(s![.., ..1]).to_owned();
    let twice = concatenate![ndarray::Axis(1), plant(100, 6), plant(100, 6)];
    let wide = noise(90, 200, 8);
    let few = noise(8, 3, 9);
    for x in [one, twice, wide, few] {
        let model = fitted(&x);
        let mut far = x.clone();
        far.row_mut(3).fill(1e300);
        far.row_mut(4).fill(f64::NAN);
        far.row_mut(5).fill(f64::NEG_INFINITY);
        let found = scores(&model, &far);
        assert!(found.iter().all(|score| score.is_finite()), "{found:?}");
        assert!(found[3] > 10.0);
        let mut shares = vec![-1.0; far.len()];
        model.contributions(far.view().into(), &mut shares).unwrap();
        assert!(shares.iter().all(|share| share.is_finite() && *share >= 0.0));
        let told = estimates(&model, &far);
        assert!(told.row(3).iter().all(|value| value.is_finite()));
        assert!(told.row(4).iter().chain(told.row(5)).all(|value| value.is_nan()));
        assert!(scores(&model, &far.slice(s![..0, ..]).to_owned()).is_empty());
    }
}

#[test]
fn gaps_keep_the_limits_and_the_estimates() {
    let model = fitted(&plant(1200, 11));
    let clean = plant(1000, 12);
    let mut x = clean.clone();
    for row in 0..1000 {
        x[[row, (row * 7) % 5]] = f64::NAN;
        if row % 3 == 0 {
            x[[row, (row * 3 + 1) % 5]] = f64::INFINITY;
        }
    }
    let alarms = scores(&model, &x).iter().filter(|&&score| score > 1.0).count();
    assert!(alarms <= 30, "{alarms}");
    // The load is known to three other sensors.
    let told = estimates(&model, &x);
    let gaps: Vec<f64> = (0..1000)
        .filter(|row| x[[*row, 3]].is_nan())
        .map(|row| told[[row, 3]] - clean[[row, 3]])
        .collect();
    assert!(gaps.iter().map(|gap| gap.abs()).sum::<f64>() / (gaps.len() as f64) < 0.5);
    // Rows that lack values train too.
    let model = fitted(&x);
    let alarms = scores(&model, &clean).iter().filter(|&&score| score > 1.0).count();
    assert!(alarms <= 30, "{alarms}");
}

#[test]
fn bad_rows_of_the_training_data_are_left_out() {
    let mut x = plant(1200, 1);
    for row in (0..1200).step_by(100) {
        x[[row, 2]] = -999.0;
    }
    let model = fitted(&x);
    assert_eq!(model.left_out().codes.len(), 1);
    assert!(model.memory().unwrap().iter().all(|value| value.abs() < 20.0));
    let mut wrong = plant(100, 2);
    wrong.slice_mut(s![.., 2]).mapv_inplace(|value| value + 1.0);
    assert!(scores(&model, &wrong)[10..].iter().all(|&score| score > 1.0));
}

#[test]
fn a_history_that_wanders_is_told() {
    let mut x = plant(1200, 1);
    let steps = noise(1200, 5, 77);
    let mut level = [0.0; 5];
    for row in 0..1200 {
        for place in 0..5 {
            level[place] += 0.15 * steps[[row, place]] + 0.01;
            x[[row, place]] += level[place];
        }
    }
    let model = fitted(&x);
    assert!(!model.wandering().is_empty() && model.expected_false_alarms() >= 0.01);
    let steady = fitted(&plant(1200, 1));
    assert!(steady.wandering().is_empty() && steady.expected_false_alarms() == 0.01);
}

#[test]
fn bad_parameters_are_named() {
    let message = |memory, neighbours, smoothing: &[f64], folds, rate| {
        Similarity::new(memory, neighbours, smoothing, folds, rate).unwrap_err().to_string()
    };
    assert_eq!(message(1, 5, &[1.0], 4, 0.01), "`memory` must be at least 2, got 1");
    assert_eq!(message(9, 0, &[1.0], 4, 0.01), "`neighbours` must be at least 1, got 0");
    assert_eq!(message(9, 5, &[], 4, 0.01), "`smoothing` must be 1 to 16 numbers, got 0");
    assert_eq!(message(9, 5, &[1.5], 4, 0.01), "`smoothing` must be above 0 and at most 1 each, got 1.5");
    assert_eq!(message(9, 5, &[1.0], 1, 0.01), "`folds` must be at least 2, got 1");
    assert_eq!(message(9, 5, &[1.0], 4, 0.5), "`false_alarm_rate` must be above 0 and below 0.5, got 0.5");
}

#[test]
fn any_number_of_threads_gives_the_same_model() {
    let (x, mut y) = (plant(3000, 9), plant(20_000, 10));
    y[[777, 2]] = f64::NAN;
    let before = parallel::num_threads();
    let found: Vec<_> = [1, 2, 5]
        .iter()
        .map(|&threads| {
            parallel::set_num_threads(threads).unwrap();
            let model = fitted(&x);
            let mut shares = vec![0.0; y.len()];
            model.contributions(y.view().into(), &mut shares).unwrap();
            (model.to_bytes().unwrap(), scores(&model, &y), shares)
        })
        .collect();
    parallel::set_num_threads(before).unwrap();
    assert!(found[0] == found[1] && found[1] == found[2]);
}

#[test]
fn pieces_layouts_and_saved_models_score_alike() {
    let model = fitted(&plant(300, 21));
    assert_eq!(FittedSimilarity::from_bytes(&model.to_bytes().unwrap()).unwrap(), model);
    let mut x = plant(97, 22);
    for (row, column) in [(0, 1), (8, 0), (8, 4), (33, 2), (90, 3)] {
        x[[row, column]] = f64::NAN;
    }
    x.row_mut(50).fill(f64::NAN);
    x[[60, 1]] += 4.0;
    let whole = scores(&model, &x);
    let mut fortran = Array2::zeros((97, 5).f());
    fortran.assign(&x);
    assert_eq!(bits(&whole), bits(&scores(&model, &fortran)));
    let told = estimates(&model, &x);
    for cut in [0, 1, 9, 33, 50, 51, 96] {
        let mut live = SimilarityMemory::default();
        let mut pieces = vec![0.0; 97];
        model.update(&mut live, x.slice(s![..cut, ..]).into(), &mut pieces[..cut]).unwrap();
        let saved = to_bytes_with(&model, &live).unwrap();
        let (model, mut live): (FittedSimilarity, SimilarityMemory) = from_bytes_with(&saved).unwrap();
        for row in cut..97 {
            model
                .update(&mut live, x.slice(s![row..=row, ..]).into(), &mut pieces[row..=row])
                .unwrap();
        }
        assert_eq!(bits(&whole), bits(&pieces));
        let row = x.slice(s![cut..=cut, ..]).to_owned();
        let one = estimates(&model, &row);
        assert_eq!(bits(one.as_slice().unwrap()), bits(told.row(cut).as_slice().unwrap()));
    }
    let mut live = SimilarityMemory::default();
    assert!(model.update(&mut live, x.slice(s![.., ..4]).into(), &mut [0.0; 97]).is_err());
    assert_eq!(live, SimilarityMemory::default());
}

#[test]
fn a_limit_holds_on_rows_that_were_not_seen() {
    for (rows, columns, seed) in [(400, 3, 1), (400, 20, 2), (1500, 10, 3)] {
        let mut share = 0.0;
        for part in 0..4 {
            let x = noise(rows + 1500, columns, 10 * seed + part);
            let model = fitted(&x.slice(s![..rows, ..]).to_owned());
            let found = scores(&model, &x.slice(s![rows.., ..]).to_owned());
            share += found.iter().filter(|&&score| score > 1.0).count() as f64 / 6000.0;
        }
        assert!((0.001..=0.03).contains(&share), "{rows} x {columns}: {share}");
    }
}
