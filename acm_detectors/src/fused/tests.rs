use acm_linalg::state::{from_bytes_with, to_bytes_with};
use acm_linalg::{Error, parallel};
use ndarray::{Array2, ShapeBuilder, concatenate, s};
use proptest::prelude::*;

use super::*;

/// Numbers that look random, between -0.5 and 0.5.
fn noise(rows: usize, columns: usize, seed: u64) -> Array2<f64> {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    Array2::from_shape_simple_fn((rows, columns), || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 11) as f64 / 2.0_f64.powi(53) - 0.5
    })
}

/// Two loads that five sensors show, each with noise of its own.
fn plant(rows: usize, seed: u64) -> Array2<f64> {
    let mixing = Array2::from_shape_vec((2, 5), vec![1.0, 0.5, -0.7, 0.2, 0.9, -0.3, 0.8, 0.6, 1.0, 0.1]).unwrap();
    let loads = noise(rows, 2, seed);
    loads.dot(&mixing) + 0.1 * noise(rows, 5, seed + 100)
}

fn fitted(x: &Array2<f64>) -> FittedFused {
    detector(5.0).fit(x.view().into()).unwrap()
}

fn detector(trim: f64) -> Fused {
    Fused::new(Components::Share(0.9), 2, &[1.0, 0.2, 0.03], 10, 0.01, trim).unwrap()
}

fn scores(model: &FittedFused, x: &Array2<f64>) -> Vec<f64> {
    let mut out = vec![-1.0; x.nrows()];
    model.score(x.view().into(), &mut out).unwrap();
    out
}

#[test]
fn healthy_rows_rarely_alarm_and_a_shift_soon_does() {
    let model = fitted(&plant(600, 1));
    let mut x = plant(600, 2);
    x.slice_mut(s![300.., 3]).mapv_inplace(|value| value + 0.1);
    let found = scores(&model, &x);
    assert!(found[..300].iter().filter(|&&score| score > 1.0).count() <= 3);
    assert!(found[330..].iter().all(|&score| score > 1.0));

    let mut shares = vec![-1.0; 3000];
    model.contributions(x.view().into(), &mut shares).unwrap();
    let sum: f64 = shares[400 * 5..]
        .chunks(5)
        .map(|row| row[3] - row[0].max(row[1]).max(row[2]).max(row[4]))
        .sum();
    assert!(sum > 0.0, "{sum}");

    let mut parts = vec![-1.0; 3000];
    model.parts(x.view().into(), &mut parts).unwrap();
    for (score, parts) in found.iter().zip(parts.chunks(5)) {
        assert_eq!(*score, parts.iter().copied().fold(f64::NEG_INFINITY, f64::max));
    }
    assert_eq!(model.part_names().unwrap(), ["power 1", "power 0.2", "power 0.03", "shift 0.2", "shift 0.03"]);
}

#[test]
fn independent_sensors_rarely_alarm() {
    // Nothing explains them: the one component left over differs from fold to fold, and the folds tell so.
    let model = fitted(&noise(1000, 5, 7));
    let alarms = scores(&model, &noise(2000, 5, 8)).iter().filter(|&&score| score > 1.0).count();
    assert!(alarms <= 20, "{alarms}");
    assert!(model.mean_power() > 5.0);
}

#[test]
fn spikes_of_the_training_data_are_left_out() {
    let mut x = plant(600, 1);
    let clean = fitted(&x);
    for row in [50, 51, 300] {
        x.row_mut(row).mapv_inplace(|value| value + 20.0 * (value * 999.0).sin());
    }
    let model = fitted(&x);
    let found = model.left_out().rows.len() + model.trimmed();
    assert!((3..=9).contains(&found), "{found}");
    for (one, other) in model.scale().unwrap().iter().zip(clean.scale().unwrap()) {
        assert!((one / other - 1.0).abs() < 0.05);
    }
    assert_eq!(detector(0.0).fit(x.view().into()).unwrap().trimmed(), 0);
}

#[test]
fn what_cannot_be_watched_is_left_out() {
    let x = plant(400, 3);
    let still = Array2::from_elem((400, 1), 1e9);
    let mut gone = Array2::from_elem((400, 1), f64::NAN);
    gone.slice_mut(s![..199, ..]).fill(1.0);
    let wide = concatenate![ndarray::Axis(1), still, x, gone];
    let model = fitted(&wide);
    assert_eq!(model.used().unwrap(), [false, true, true, true, true, true, false]);
    assert_eq!(scores(&model, &wide), scores(&fitted(&x), &x));
    let mut shares = vec![-1.0; 2800];
    model.contributions(wide.view().into(), &mut shares).unwrap();
    assert!(shares.chunks(7).all(|row| row[0] == 0.0 && row[6] == 0.0));

    let nothing = Array2::from_elem((400, 2), 3.0);
    assert!(matches!(detector(5.0).fit(nothing.view().into()), Err(Error::Unfit { .. })));
    let error = detector(5.0).fit(x.slice(s![..79, ..]).into()).unwrap_err();
    assert_eq!(error.to_string(), "`x` must have at least 80 rows, got 79");
}

#[test]
fn units_and_offsets_change_nothing() {
    let x = plant(400, 4).mapv(|value| (value * 2.0_f64.powi(20)).round() / 2.0_f64.powi(20));
    let plain = scores(&fitted(&x), &x);
    for (unit, offset) in [
        (2.0_f64.powi(400), 0.0),
        (2.0_f64.powi(-300), 0.0),
        (1.0, 2.0_f64.powi(28)),
    ] {
        let other = x.mapv(|value| value * unit + offset);
        for (one, other) in scores(&fitted(&other), &other).iter().zip(&plain) {
            assert!((one - other).abs() < 1e-7 * other.abs().max(1.0), "{unit} {offset}: {one} {other}");
        }
    }
}

#[test]
fn edges_give_finite_scores() {
    let one = plant(100, 5).slice(s![.., ..1]).to_owned();
    let twice = concatenate![ndarray::Axis(1), plant(100, 6), plant(100, 6)];
    let wide = noise(90, 200, 8);
    for x in [one, twice, wide] {
        let model = fitted(&x);
        let mut far = x.clone();
        far.row_mut(3).fill(1e300);
        far.row_mut(4).fill(f64::NAN);
        far.row_mut(5).fill(f64::NEG_INFINITY);
        let found = scores(&model, &far);
        assert!(found.iter().all(|score| score.is_finite()));
        assert!(found[3] > 10.0);
        let mut shares = vec![-1.0; far.len()];
        model.contributions(far.view().into(), &mut shares).unwrap();
        assert!(shares.iter().all(|share| share.is_finite() && *share >= 0.0));
        assert!(scores(&model, &far.slice(s![..0, ..]).to_owned()).is_empty());
    }
}

#[test]
fn bad_parameters_are_named() {
    let share = Components::Share(0.9);
    let message = |memories: &[f64], folds, rate, trim| {
        Fused::new(share, 2, memories, folds, rate, trim).unwrap_err().to_string()
    };
    assert_eq!(message(&[], 10, 0.01, 5.0), "`memories` must be 1 to 16 numbers, got 0");
    assert_eq!(message(&[0.0], 10, 0.01, 5.0), "`memories` must be above 0 and at most 1 each, got 0");
    assert_eq!(message(&[1.0], 1, 0.01, 5.0), "`folds` must be at least 2, got 1");
    assert_eq!(message(&[1.0], 2, 0.5, 5.0), "`false_alarm_rate` must be above 0 and below 0.5, got 0.5");
    assert_eq!(message(&[1.0], 2, 0.1, f64::NAN), "`trim` must be finite and at least 0, got NaN");
    assert!(Fused::new(Components::Count(0), 2, &[1.0], 2, 0.1, 0.0).is_err());
    // No memory but the row itself: nothing shifts.
    let model = Fused::new(Components::Count(99), 0, &[1.0], 2, 0.1, 0.0).unwrap();
    let model = model.fit(plant(100, 1).view().into()).unwrap();
    assert_eq!((model.part_names().unwrap(), model.components()), (vec!["power 1".to_owned()], 4));
}

#[test]
fn any_number_of_threads_gives_the_same_model() {
    let (x, y) = (plant(5000, 9), plant(40_000, 10));
    let before = parallel::num_threads();
    let found: Vec<_> = [1, 2, 5]
        .iter()
        .map(|&threads| {
            parallel::set_num_threads(threads).unwrap();
            let model = fitted(&x);
            (model.to_bytes().unwrap(), scores(&model, &y))
        })
        .collect();
    parallel::set_num_threads(before).unwrap();
    assert!(found[0] == found[1] && found[1] == found[2]);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]
    #[test]
    fn pieces_layouts_and_saved_models_score_alike(
        seed in 0_u64..1000,
        cut in 0_usize..97,
        hole in 0_usize..485,
    ) {
        let model = fitted(&plant(200, seed));
        let mut x = plant(97, seed + 1);
        x[[hole / 5, hole % 5]] = f64::NAN;
        let whole = scores(&model, &x);
        let bits = |values: &[f64]| values.iter().map(|value| value.to_bits()).collect::<Vec<_>>();

        let mut fortran = Array2::zeros((97, 5).f());
        fortran.assign(&x);
        prop_assert_eq!(bits(&whole), bits(&scores(&model, &fortran)));

        let mut live = FusedMemory::default();
        let mut pieces = vec![0.0; 97];
        model.update(&mut live, x.slice(s![..cut, ..]).into(), &mut pieces[..cut]).unwrap();
        let saved = to_bytes_with(&model, &live).unwrap();
        let (model, mut live) = from_bytes_with::<FittedFused, FusedMemory>(&saved).unwrap();
        for row in cut..97 {
            model.update(&mut live, x.slice(s![row..row + 1, ..]).into(), &mut pieces[row..row + 1]).unwrap();
        }
        prop_assert_eq!(bits(&whole), bits(&pieces));
    }
}

#[test]
fn models_apart_have_not_seen_their_stretch() {
    // Whole numbers: their sums are the same in any order.
    let x = plant(400, 3).mapv(|value| (1000.0 * value).round());
    for whole in [false, true] {
        let detector = detector(0.0).with_whole(whole);
        let (model, apart) = detector.fit_apart(x.view().into()).unwrap();
        assert_eq!(model, detector.fit(x.view().into()).unwrap());
        assert_eq!(apart.len(), 10);
        // The same readings in another order within a stretch: the scales of all rows are those of before.
        let mut turned = x.clone();
        turned.slice_mut(s![120..160, ..]).assign(&x.slice(s![120..160; -1, ..]));
        let (_, others) = detector.fit_apart(turned.view().into()).unwrap();
        // What they leave of a point: the factor of the residuals' covariance times what whitens them.
        let left = |model: &FittedFused| {
            let sensors = model.lagged.kept.len();
            let factor = Array2::from_shape_vec((sensors, sensors), model.factor.clone()).unwrap();
            let white = model.whitening.matrix().unwrap();
            factor.dot(&Array2::from_shape_vec((sensors, white.len() / sensors), white).unwrap())
        };
        let near = |one: &FittedFused, other: &FittedFused| {
            let means = one.lagged.mean.iter().zip(&other.lagged.mean);
            let (one, other) = (left(one), left(other));
            one.iter().zip(&other).chain(means).all(|(one, other)| (one - other).abs() < 1e-9)
        };
        for number in 0..10 {
            assert_eq!(near(&apart[number], &others[number]), number == 3, "{number}");
            assert_eq!(apart[number].norms, model.norms);
            assert_eq!(apart[number].whole.is_some(), whole);
        }
        // Judged by others a stretch is less usual than judged by all.
        let own: f64 = scores(&model, &x).iter().sum();
        let (mut unseen, edge) = (0.0, 40);
        for (number, one) in apart.iter().enumerate() {
            unseen += scores(one, &x.slice(s![edge * number..edge * (number + 1), ..]).to_owned())
                .iter()
                .sum::<f64>();
        }
        assert!(unseen > own, "{unseen} {own}");
    }
}

#[test]
fn a_shift_at_the_end_of_a_long_history_is_told() {
    // More rows than are whitened at once, whatever the threads.
    let model = fitted(&plant(600, 1));
    let mut x = plant(270_000, 2);
    x.slice_mut(s![269_900.., 3]).mapv_inplace(|value| value + 0.1);
    let found = scores(&model, &x);
    assert!(found[269_930..].iter().all(|&score| score > 1.0));
    assert!(found[269_000..269_900].iter().filter(|&&score| score > 1.0).count() <= 30);
}

#[test]
fn rows_rounded_coarser_than_a_sensor_moves_are_scored_alike_in_any_unit() {
    // A sensor that hardly leaves the step it is on, beside others that do.
    let still = |mut x: Array2<f64>| {
        x.column_mut(4).mapv_inplace(|value| 5.0 + 0.03 * value);
        x
    };
    let (x, later) = (still(plant(600, 1)), still(plant(400, 2)));
    let later = later.mapv(|value| (10.0 * value).round());
    let model = fitted(&x);
    assert_eq!(model.member_steps().last(), Some(&0.1));
    let found = scores(&model, &later.mapv(|value| value / 10.0));
    let other = fitted(&x.mapv(|value| 1000.0 * value));
    assert_eq!(other.member_steps().last(), Some(&100.0));
    for (found, other) in found.iter().zip(scores(&other, &later.mapv(|value| 100.0 * value))) {
        assert!((found - other).abs() < 1e-9 * (1.0 + found.abs()), "{found} {other}");
    }
}
