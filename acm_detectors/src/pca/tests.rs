use acm_linalg::seed::stream;
use acm_linalg::state::{from_bytes_with, to_bytes_with};
use acm_linalg::{Error, Persist};
use ndarray::{Array2, ShapeBuilder, s};
use rand::RngExt;

use super::*;

/// Five sensors that two hidden causes move.
fn plant(rows: usize, seed: u64) -> Array2<f64> {
    let mut stream = stream(seed, 0);
    let mut x = Array2::zeros((rows, 5));
    for mut row in x.rows_mut() {
        let mut draw = || (0..12).map(|_| stream.random::<f64>()).sum::<f64>() - 6.0;
        let (a, b) = (draw(), draw());
        for (column, value) in row.iter_mut().enumerate() {
            let share = column as f64 / 4.0;
            *value = 100.0 * (column + 1) as f64 + a * (1.0 - share) + b * share + 0.1 * draw();
        }
    }
    x
}

fn detector(lags: usize) -> PcaDetector {
    PcaDetector::new(Components::Count(2), lags, Manner::Robust, 0.01, Limits::HeldOut).unwrap()
}

fn values(model: &FittedPca, x: &Array2<f64>, which: Statistic) -> Vec<f64> {
    let mut out = vec![0.0; x.nrows()];
    model.statistic(x.view().into(), which, &mut out).unwrap();
    out
}

/// The statistics of a row by their definitions.
fn by_hand(model: &FittedPca, x: &Array2<f64>, row: usize) -> (f64, f64) {
    let (center, scale) = (model.center().unwrap(), model.scale().unwrap());
    let used = model.used().unwrap();
    let kept: Vec<usize> = (0..x.ncols()).filter(|&column| used[column]).collect();
    let z: Vec<f64> = (0..=model.parameters().lags())
        .flat_map(|lag| {
            let row = x.row(row.saturating_sub(lag));
            kept.iter()
                .map(|&column| (row[column] - center[column]) / scale[column])
                .collect::<Vec<_>>()
        })
        .zip(model.mean())
        .map(|(value, mean)| value - mean)
        .collect();
    let mut rest = z.clone();
    let mut t2 = 0.0;
    for (component, variance) in model.components().chunks(z.len()).zip(model.explained_variance()) {
        let score: f64 = component.iter().zip(&z).map(|(p, z)| p * z).sum();
        t2 += score * score / variance;
        rest.iter_mut().zip(component).for_each(|(rest, p)| *rest -= p * score);
    }
    (rest.iter().map(|value| value * value).sum(), t2)
}

#[test]
fn statistics_follow_their_definitions() {
    let x = plant(500, 1);
    let new = plant(29, 2);
    for lags in [0, 3] {
        let model = detector(lags).fit(x.view().into()).unwrap();
        let (spe, t2) = (values(&model, &new, Statistic::Spe), values(&model, &new, Statistic::T2));
        let score = values(&model, &new, Statistic::Score);
        for row in 0..new.nrows() {
            let exact = by_hand(&model, &new, row);
            assert!((spe[row] / exact.0 - 1.0).abs() < 1e-10 && (t2[row] / exact.1 - 1.0).abs() < 1e-10);
            assert_eq!(score[row], (spe[row] / model.spe_limit()).max(t2[row] / model.t2_limit()));
        }
    }
}

#[test]
fn where_a_sensor_is_rounded_by_itself_shares_sum_to_what_is_left() {
    let model = detector(0).fit(plant(1500, 3).view().into()).unwrap();
    let mut rows = plant(120, 4);
    rows.column_mut(3).mapv_inplace(f64::round);
    let spe = values(&model, &rows, Statistic::Spe);
    let less = (0..120).filter(|&row| spe[row] < 0.9 * by_hand(&model, &rows, row).0).count();
    assert!(less > 60, "{less}");
    for which in [Statistic::Spe, Statistic::T2, Statistic::Score] {
        let statistic = values(&model, &rows, which);
        for decomposition in [Decomposition::Partial, Decomposition::Complete] {
            let mut shares = vec![f64::NAN; 600];
            model.contributions(rows.view().into(), which, decomposition, &mut shares).unwrap();
            for (shares, statistic) in shares.chunks(5).zip(&statistic) {
                let sum: f64 = shares.iter().sum();
                assert!((sum - statistic).abs() < 1e-9 * statistic.max(1.0), "{which:?} {sum} {statistic}");
                assert!(decomposition == Decomposition::Partial || shares.iter().all(|&share| share >= 0.0));
            }
        }
    }
}

#[test]
fn contributions_sum_to_their_statistic() {
    let model = detector(2).fit(plant(500, 1).view().into()).unwrap();
    let mut new = plant(21, 2);
    new[[20, 3]] += 4.0;
    for which in [Statistic::Spe, Statistic::T2, Statistic::Score] {
        let statistic = values(&model, &new, which);
        for decomposition in [Decomposition::Partial, Decomposition::Complete] {
            let mut parts = vec![0.0; 21 * 5];
            model.contributions(new.view().into(), which, decomposition, &mut parts).unwrap();
            for (parts, statistic) in parts.chunks(5).zip(&statistic) {
                let size: f64 = parts.iter().map(|part| part.abs()).sum();
                assert!((parts.iter().sum::<f64>() - statistic).abs() < 1e-12 * size.max(1.0));
            }
            if which == Statistic::Spe {
                let last = &parts[100..];
                assert!(last.iter().all(|part| part.abs() <= last[3]), "{last:?}");
            }
        }
    }
    let mut residuals = vec![0.0; 21 * 5];
    model.residuals(new.view().into(), &mut residuals).unwrap();
    assert!(residuals[103] > 1.0);
}

#[test]
fn limits_hold_for_normal_data() {
    let x = plant(4000, 5);
    let model = detector(0).fit(x.view().into()).unwrap();
    let new = plant(20_000, 6);
    for limits in [Limits::HeldOut, Limits::Theoretical, Limits::Empirical] {
        for alpha in [0.05, 0.01] {
            let share = |which, limit: f64| {
                let values = values(&model, &new, which);
                values.iter().filter(|&&value| value > limit).count() as f64 / 20_000.0
            };
            let spe = share(Statistic::Spe, model.spe_limit_at(alpha, limits).unwrap());
            let t2 = share(Statistic::T2, model.t2_limit_at(alpha, limits).unwrap());
            assert!((spe / alpha - 1.0).abs() < 0.3 && (t2 / alpha - 1.0).abs() < 0.3, "{alpha} {spe} {t2}");
        }
    }
    let training = values(&model, &x, Statistic::T2);
    let limit = model.t2_limit_at(0.25, Limits::Empirical).unwrap();
    assert_eq!(training.iter().filter(|&&value| value > limit).count(), 1000);
    assert!(matches!(model.t2_limit_at(0.0, Limits::Empirical), Err(Error::Parameter { name: "alpha", .. })));
}

#[test]
fn chunks_rows_and_layouts_change_no_byte() {
    let model = detector(3).fit(plant(300, 1).view().into()).unwrap();
    let mut new = plant(77, 2);
    new[[0, 1]] = f64::NAN;
    new[[40, 2]] = f64::INFINITY;
    let whole = values(&model, &new, Statistic::Score);
    let mut fortran = Array2::zeros((77, 5).f());
    fortran.assign(&new);
    assert_eq!(whole, values(&model, &fortran, Statistic::Score));
    for step in [1, 2, 5, 13, 76] {
        let mut live = LaggedMemory::default();
        let mut chunked = Vec::new();
        for start in (0..77).step_by(step) {
            let rows = new.slice(s![start..(start + step).min(77), ..]);
            let mut out = vec![0.0; rows.nrows()];
            let saved = to_bytes_with(&model, &live).unwrap();
            (_, live) = from_bytes_with::<FittedPca, LaggedMemory>(&saved).unwrap();
            model.update(&mut live, rows.into(), &mut out).unwrap();
            chunked.extend(out);
        }
        assert_eq!(whole, chunked, "{step}");
    }
}

#[test]
fn dead_columns_and_gaps() {
    let mut x = plant(200, 1);
    x.column_mut(1).fill(3.0);
    x.column_mut(4).fill(f64::NAN);
    x[[17, 0]] = f64::NAN;
    let model = detector(0).fit(x.view().into()).unwrap();
    assert_eq!(model.used().unwrap(), [true, false, true, true, false]);
    assert!(model.center().unwrap()[4].is_nan());
    let mut new = plant(9, 2);
    new.column_mut(1).fill(3.0);
    let mut parts = vec![1.0; 45];
    model
        .contributions(new.view().into(), Statistic::Score, Decomposition::Partial, &mut parts)
        .unwrap();
    assert!(parts.chunks(5).all(|row| row[1] == 0.0 && row[4] == 0.0 && row[0] != 0.0));
    // A sensor that never moved in training is no part of the subspace: that it moves is an alarm that names it.
    let mut moved = new.clone();
    moved[[2, 1]] = 1e9;
    let (quiet, loud) = (values(&model, &new, Statistic::Score), values(&model, &moved, Statistic::Score));
    for row in 0..9 {
        assert_eq!(quiet[row] == loud[row], row != 2);
    }
    assert!(loud[2] > 1.0);
    assert_eq!(values(&model, &new, Statistic::Spe), values(&model, &moved, Statistic::Spe));
    model
        .contributions(moved.view().into(), Statistic::Score, Decomposition::Partial, &mut parts)
        .unwrap();
    assert!(parts[10..15].iter().all(|&part| part <= parts[11]));
    // A missing value has no share, and changes no other row.
    let before = values(&model, &new, Statistic::Score);
    new[[4, 2]] = f64::NAN;
    let after = values(&model, &new, Statistic::Score);
    for row in 0..9 {
        assert_eq!(before[row] == after[row], row != 4);
    }
    model
        .contributions(new.view().into(), Statistic::Score, Decomposition::Partial, &mut parts)
        .unwrap();
    assert_eq!(parts[22], 0.0);
    assert!((parts[20..25].iter().sum::<f64>() / after[4] - 1.0).abs() < 1e-9);
    for column in [0, 3] {
        new[[4, column]] = f64::NAN;
    }
    assert!(values(&model, &new, Statistic::Score)[4].is_nan());
    // However wild, a value gives a number.
    new.fill(1e308);
    assert!(
        values(&model, &new, Statistic::Score)
            .iter()
            .all(|value| value.is_finite() && *value > 1e3)
    );
    let still = Array2::<f64>::ones((50, 3));
    assert!(matches!(detector(0).fit(still.view().into()), Err(Error::Unfit { .. })));
    assert!(matches!(detector(0).fit(x.slice(s![..1, ..]).into()), Err(Error::TooFew { .. })));
}

#[test]
fn exact_copies_leave_a_limit_that_rounding_does_not_reach() {
    let mut x = plant(300, 1);
    for copy in 2..5 {
        let (first, factor) = (x.column(0).to_owned(), copy as f64);
        x.column_mut(copy).assign(&(first * factor));
    }
    let model = detector(0).fit(x.view().into()).unwrap();
    assert!(values(&model, &x, Statistic::Spe).iter().all(|&spe| spe < 1e-6 * model.spe_limit()));
    let mut broken = x.clone();
    broken[[7, 3]] += 0.5;
    assert!(values(&model, &broken, Statistic::Score)[7] > 1e6);
}

#[test]
fn few_rows_and_all_components() {
    let model = PcaDetector::new(Components::Count(50), 1, Manner::Standard, 0.05, Limits::Empirical)
        .unwrap()
        .fit(plant(7, 1).view().into())
        .unwrap();
    assert!(model.kept_components() <= 6);
    assert!(values(&model, &plant(7, 1), Statistic::Score).iter().all(|value| value.is_finite()));
    assert!(values(&model, &Array2::zeros((0, 5)), Statistic::Score).is_empty());
}

#[test]
fn saved_models_score_the_same_bytes() {
    let (x, new) = (plant(300, 1), plant(20, 2));
    for limits in [Limits::HeldOut, Limits::Theoretical, Limits::Empirical] {
        for components in [Components::Count(3), Components::Share(0.8)] {
            let parameters = PcaDetector::new(components, 2, Manner::Standard, 0.02, limits).unwrap();
            let model = parameters.fit(x.view().into()).unwrap();
            let bytes = model.to_bytes().unwrap();
            let read = FittedPca::from_bytes(&bytes).unwrap();
            assert_eq!(read, model);
            assert_eq!(values(&read, &new, Statistic::Score), values(&model, &new, Statistic::Score));
            for place in (0..bytes.len()).step_by(7) {
                let mut wrong = bytes.clone();
                wrong[place] ^= 0x55;
                if let Ok(model) = FittedPca::from_bytes(&wrong) {
                    let mut out = vec![0.0; 20];
                    let _ = model.score(new.view().into(), &mut out);
                }
                assert!(FittedPca::from_bytes(&bytes[..place]).is_err());
            }
        }
    }
}

#[test]
fn a_sensor_that_mostly_stands_still_does_not_take_over() {
    let mut x = plant(2000, 1);
    let still = plant(2000, 9);
    for row in 0..2000 {
        x[[row, 4]] = 1e-5 * still[[row, 0]] + if row % 10 == 3 { 100.0 } else { 0.0 };
    }
    let model = PcaDetector::new(Components::Count(5), 0, Manner::Robust, 0.01, Limits::Theoretical)
        .unwrap()
        .fit(x.view().into())
        .unwrap();
    assert!((model.scale().unwrap()[4] / 30.0 - 1.0).abs() < 0.1, "{:?}", model.scale().unwrap());
    let share = model.explained_variance()[0] / model.variances().iter().sum::<f64>();
    assert!(share < 0.9, "{share}");
}

#[test]
fn as_many_lags_as_rows_are_refused() {
    for lags in [300, 301, usize::MAX] {
        let error = detector(lags).fit(plant(300, 1).view().into()).unwrap_err();
        assert!(
            matches!(
                error,
                Error::TooFew {
                    name: "x",
                    what: "row",
                    got: 300,
                    ..
                }
            ),
            "{error}"
        );
    }
    assert!(detector(6).fit(plant(11, 1).view().into()).is_err());
    assert!(detector(6).fit(plant(12, 1).view().into()).is_ok());
}

#[test]
fn an_empirical_limit_of_rows_that_are_mostly_one_is_above_rounding() {
    let mut x = Array2::zeros((200, 2));
    x.row_mut(3).assign(&ndarray::aview1(&[1.0, -2.0]));
    x.row_mut(8).assign(&ndarray::aview1(&[-1.0, 2.0]));
    let model = PcaDetector::new(Components::Count(1), 0, Manner::Robust, 0.05, Limits::Empirical)
        .unwrap()
        .fit(x.view().into())
        .unwrap();
    assert!(model.t2_limit() >= 1e-12 && model.spe_limit() >= 1e-12 * 1.9);
    assert!(values(&model, &x, Statistic::Score).iter().all(|score| score.is_finite()));
}

#[test]
fn a_file_cannot_claim_columns_that_it_does_not_hold() {
    let model = detector(1).fit(plant(60, 1).view().into()).unwrap();
    let bytes = model.to_bytes().unwrap();
    let text = String::from_utf8_lossy(&bytes);
    assert!(text.contains("\"used\"") && !text.contains("\"columns\""));
    // The flags lie as eight little-endian ones in a row nowhere else.
    let flag = 1_u64.to_le_bytes();
    let flags = flag.repeat(5);
    let start = bytes.windows(flags.len()).position(|part| part == flags).unwrap();
    let mut wrong = bytes.clone();
    wrong[start] = 2;
    assert!(FittedPca::from_bytes(&wrong).is_err());
    wrong[start] = 0;
    assert!(FittedPca::from_bytes(&wrong).is_err());
}

/// The score's share above 1 in `fresh` rows after `rows` of unrelated sensors, on average.
fn alarms(rows: usize, columns: usize, limits: Limits) -> f64 {
    let of = |seed| {
        let mut stream = stream(seed, 7);
        let mut draw = || (0..12).map(|_| stream.random::<f64>()).sum::<f64>() - 6.0;
        let x = Array2::from_shape_simple_fn((rows + 500, columns), &mut draw);
        let model = PcaDetector::new(Components::Share(0.9), 0, Manner::Robust, 0.01, limits).unwrap();
        let model = model.fit(x.slice(s![..rows, ..]).into()).unwrap();
        let fresh = values(&model, &x.slice(s![rows.., ..]).to_owned(), Statistic::Score);
        fresh.iter().filter(|&&score| score > 1.0).count() as f64 / 500.0
    };
    (1..=8).map(of).sum::<f64>() / 8.0
}

#[test]
fn held_out_limits_hold_where_sensors_are_many_for_the_rows() {
    for (rows, columns) in [(300, 60), (90, 40), (50, 60)] {
        let (held_out, theoretical) =
            (alarms(rows, columns, Limits::HeldOut), alarms(rows, columns, Limits::Theoretical));
        assert!((0.002..0.025).contains(&held_out) && theoretical > 0.05, "{rows} {columns} {held_out} {theoretical}");
    }
    // One sensor: nothing is left over, and T² has all of the rate.
    let one = alarms(400, 1, Limits::HeldOut);
    assert!((0.004..0.02).contains(&one), "{one}");
}

#[test]
fn each_stretch_is_judged_by_a_model_of_the_others() {
    for (lags, columns) in [(0, 5), (2, 5), (0, 70)] {
        let base = plant(60, 1);
        let x = Array2::from_shape_fn((60, columns), |(row, column)| base[[(row + 7 * (column / 5)) % 60, column % 5]]);
        let model = detector(lags).fit(x.view().into()).unwrap();
        let held = model.held_out.as_ref().unwrap();
        let mut points = vec![0.0; 60 * model.lagged.width()];
        acm_linalg::dense::Rows::read(&model.lagged.points(x.view().into()), 0..60, &mut points);
        let points = ndarray::ArrayView2::from_shape((60, model.lagged.width()), &points).unwrap();
        let (mut spe, mut t2) = (Vec::new(), Vec::new());
        let count = crate::held_out::count(60, lags, model.lagged.width().min(60)).unwrap();
        for stretch in crate::folds::folds(60, count).unwrap() {
            let others: Vec<usize> = (0..60).filter(|&row| row < stretch.start || row >= stretch.end + lags).collect();
            let rest = points.select(ndarray::Axis(0), &others);
            let found = acm_linalg::pca::pca(rest.view().into(), Components::Count(2)).unwrap();
            for row in stretch {
                let z: Vec<f64> = points.row(row).iter().zip(&found.mean).map(|(value, mean)| value - mean).collect();
                let mut rest = z.clone();
                let mut within = 0.0;
                for (component, variance) in found.components.chunks(z.len()).zip(&found.variances) {
                    let score: f64 = component.iter().zip(&z).map(|(p, z)| p * z).sum();
                    within += score * score / variance;
                    rest.iter_mut().zip(component).for_each(|(rest, p)| *rest -= p * score);
                }
                spe.push(rest.iter().map(|value| value * value).sum::<f64>());
                t2.push(within);
            }
        }
        for (spe_wanted, values) in [(true, &mut spe), (false, &mut t2)] {
            let limit = |alpha| if spe_wanted { held.spe_limit(alpha) } else { held.t2_limit(alpha) };
            let want = crate::held_out::HeldOut::of(values, &[true; 60]).unwrap();
            for alpha in [0.5, 0.05, 0.001] {
                assert!((limit(alpha) / want.limit(alpha) - 1.0).abs() < 1e-9, "{lags} {columns} {alpha}");
            }
        }
    }
}

#[test]
fn rows_with_gaps_do_not_make_the_limits() {
    let x = plant(1200, 1);
    let model = detector(0).fit(x.view().into()).unwrap();
    let mut holed = x.clone();
    for row in (0..1200).step_by(3) {
        holed[[row, row % 5]] = f64::NAN;
    }
    let gaps = detector(0).fit(holed.view().into()).unwrap();
    let limits = |model: &FittedPca| {
        let held_out = model.held_out.as_ref().unwrap();
        [held_out.spe_limit(0.01), held_out.t2_limit(0.01)]
    };
    for (one, other) in limits(&model).iter().zip(limits(&gaps)) {
        assert!((other / one - 1.0).abs() < 0.3, "{one} {other}");
    }
}
