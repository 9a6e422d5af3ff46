use acm_linalg::seed::stream;
use acm_linalg::state::{from_bytes_with, to_bytes_with};
use acm_linalg::{Persist, StateFault};
use ndarray::{Array2, Axis, s};
use rand::RngExt;

use super::*;

const KINDS: [Kind; 3] = [Kind::Pca, Kind::Mahalanobis, Kind::Ar1];

/// Two states in stays of 37 rows, a third of a few rows, and rows of no regime.
fn machine(rows: usize, columns: usize, seed: u64) -> (Array2<f64>, Vec<i64>) {
    let mut stream = stream(seed, 0);
    let mut x = Array2::zeros((rows, columns));
    let mut labels = Vec::new();
    for (number, mut row) in x.rows_mut().into_iter().enumerate() {
        let label = match number {
            50..60 => -1,
            70..75 => 9,
            _ => [3, 1][number / 37 % 2],
        };
        labels.push(label);
        let mut draw = || (0..12).map(|_| stream.random::<f64>()).sum::<f64>() - 6.0;
        let (level, scale) = if label == 3 { (100.0, 5.0) } else { (0.0, 0.1) };
        let shared = draw();
        for (column, value) in row.iter_mut().enumerate() {
            *value = level + scale * (column + 1) as f64 * (shared + 0.5 * draw());
        }
    }
    (x, labels)
}

fn fitted(kind: Kind, x: &Array2<f64>, labels: &[i64]) -> FittedRegimeDetector {
    RegimeDetector::new(kind, 0.05, 20).unwrap().fit(x.view().into(), Some(labels)).unwrap()
}

fn scores(model: &FittedRegimeDetector, x: &Array2<f64>, labels: Option<&[i64]>) -> Vec<f64> {
    let mut out = vec![0.0; x.nrows()];
    model.score(x.view().into(), labels, &mut out).unwrap();
    out
}

fn chosen(x: &Array2<f64>, labels: &[i64], label: i64) -> Array2<f64> {
    let rows: Vec<_> = (0..x.nrows()).filter(|&row| labels[row] == label).collect();
    x.select(Axis(0), &rows)
}

#[test]
fn each_regime_has_its_own_detector_and_all_other_rows_the_pooled_one() {
    let (x, labels) = machine(600, 4, 1);
    let (new, news) = machine(300, 4, 2);
    for kind in KINDS {
        let model = fitted(kind, &x, &labels);
        assert_eq!(model.regimes(), [1, 3]);
        assert_eq!(model.rows().unwrap().iter().take(2).sum::<usize>(), 585);
        assert_eq!(model.rows().unwrap()[2], 600);
        let mut wanted = vec![0.0; 300];
        let all = [chosen(&x, &labels, 1), chosen(&x, &labels, 3), x.clone()];
        for (number, rows) in all.iter().enumerate() {
            let mut found = vec![0.0; 300];
            kind.fit(rows.view().into(), 0.05).unwrap().score(new.view().into(), &mut found).unwrap();
            for row in 0..300 {
                if [1, 3].iter().position(|&label| label == news[row]).unwrap_or(2) == number {
                    wanted[row] = found[row] / model.limits().unwrap()[number];
                }
            }
        }
        assert_eq!(scores(&model, &new, Some(&news)), wanted);
        // The share of rows above 1 is about what was asked for, of AR(1)'s training rows exactly.
        let (own, slack) = (scores(&model, &x, Some(&labels)), if kind == Kind::Ar1 { 1 } else { 12 });
        for (number, &label) in model.regimes().iter().enumerate() {
            let above = (0..600).filter(|&row| labels[row] == label && own[row] > 1.0).count();
            assert!(above.abs_diff(model.rows().unwrap()[number] / 20) <= slack, "{kind:?} {above}");
        }
        let pooled = scores(&model, &x, None);
        assert!(pooled.iter().filter(|&&score| score > 1.0).count().abs_diff(30) <= 2 * slack);
        assert_eq!(scores(&model, &x, Some(&[-1; 600])), pooled);
        assert_eq!(scores(&model, &x, Some(&[i64::MIN; 600])), pooled);
    }
}

#[test]
fn pieces_are_the_whole() {
    let (x, labels) = machine(300, 3, 4);
    for kind in KINDS {
        let model = fitted(kind, &x, &labels);
        let whole = scores(&model, &x, Some(&labels));
        for size in [1, 7, 300] {
            let mut live = RegimeDetectorMemory::default();
            let mut pieces = Vec::new();
            for (rows, labels) in x.axis_chunks_iter(Axis(0), size).zip(labels.chunks(size)) {
                let mut out = vec![0.0; labels.len()];
                model.update(&mut live, rows.into(), Some(labels), &mut out).unwrap();
                pieces.extend(out);
                let bytes = to_bytes_with(&model, &live).unwrap();
                assert_eq!(from_bytes_with(&bytes).unwrap(), (model.clone(), live.clone()));
            }
            assert_eq!(pieces, whole);
        }
    }
}

#[test]
fn more_rows_than_are_gathered_at_a_time() {
    // 16 rows at a time.
    let columns = 20_000;
    let (mut x, mut labels) = machine(80, 2, 5);
    labels[40..].fill(1);
    let wide = Array2::from_shape_fn((80, columns), |(row, column)| x[[row, column % 2]]);
    let model = RegimeDetector::new(Kind::Ar1, 0.1, 20).unwrap();
    let wide_model = model.fit(wide.view().into(), Some(&labels)).unwrap();
    let model = model.fit(x.view().into(), Some(&labels)).unwrap();
    let found = scores(&wide_model, &wide, Some(&labels));
    for (found, wanted) in found.iter().zip(scores(&model, &x, Some(&labels))) {
        assert!((found - wanted).abs() <= 1e-12 * wanted);
    }
    let mut parts = vec![0.0; 80 * columns];
    wide_model.contributions(wide.view().into(), Some(&labels), &mut parts).unwrap();
    let mut few = vec![0.0; 160];
    model.contributions(x.view().into(), Some(&labels), &mut few).unwrap();
    let ratio = model.limits().unwrap()[0] / wide_model.limits().unwrap()[0];
    for row in 0..80 {
        assert!((parts[row * columns] - few[2 * row] * ratio).abs() <= 1e-12 * few[2 * row]);
    }
    x.fill(0.0);
    assert!(scores(&model, &x.slice(s![..0, ..]).to_owned(), Some(&[])).is_empty());
}

#[test]
fn regimes_without_a_detector_use_the_pooled_one() {
    let (mut x, labels) = machine(200, 3, 6);
    for row in (0..200).filter(|&row| labels[row] == 1) {
        x.row_mut(row).fill(0.0);
    }
    for kind in [Kind::Pca, Kind::Mahalanobis] {
        assert_eq!(fitted(kind, &x, &labels).regimes(), [3]);
    }
    // AR(1) can; all scores but those after a change are 0, and the limit is 1 unless changes make it more.
    let model = RegimeDetector::new(Kind::Ar1, 0.5, 20)
        .unwrap()
        .fit(x.view().into(), Some(&labels))
        .unwrap();
    assert_eq!((model.regimes(), model.limits().unwrap()[0]), (&[1, 3][..], 1.0));
    // A regime whose sensors are all unknown.
    for row in (0..200).filter(|&row| labels[row] == 1) {
        x.row_mut(row).fill(f64::NAN);
    }
    for kind in KINDS {
        assert_eq!(fitted(kind, &x, &labels).regimes(), [3]);
    }
}

#[test]
fn bad_arguments_are_named() {
    for (rate, rows) in [(0.0, 2), (1.0, 2), (f64::NAN, 2), (0.1, 1)] {
        assert!(RegimeDetector::new(Kind::Pca, rate, rows).is_err());
    }
    let (x, labels) = machine(200, 3, 7);
    let model = fitted(Kind::Pca, &x, &labels);
    let mut out = vec![0.0; 200];
    let error = model.score(x.view().into(), Some(&labels[1..]), &mut out).unwrap_err();
    assert_eq!(error.to_string(), "`labels` must have length 200, got 199");
    let error = model.parameters().fit(x.view().into(), Some(&[])).unwrap_err();
    assert_eq!(error.to_string(), "`labels` must have length 200, got 0");
    assert!(model.score(x.view().into(), None, &mut out[1..]).is_err());
    assert!(model.score(x.slice(s![.., 1..]).into(), None, &mut out).is_err());
}

#[test]
fn only_sound_bytes_are_a_model() {
    let (x, labels) = machine(200, 3, 8);
    for kind in KINDS {
        let model = fitted(kind, &x, &labels);
        let bytes = model.to_bytes().unwrap();
        assert_eq!(FittedRegimeDetector::from_bytes(&bytes).unwrap(), model);
        // Detectors that do not belong together.
        let (narrow, _) = machine(200, 2, 8);
        let mut wrong = model.clone();
        wrong.parts[1].detector = kind.fit(narrow.view().into(), 0.05).unwrap();
        let error = FittedRegimeDetector::from_bytes(&wrong.to_bytes().unwrap()).unwrap_err();
        let kind = "RegimeDetector";
        let reason = StateFault::Wrong("detectors");
        assert_eq!(error, Error::State { kind, reason });
        let mut wrong = model.clone();
        wrong.parts[0].limit = 0.0;
        assert!(FittedRegimeDetector::from_bytes(&wrong.to_bytes().unwrap()).is_err());
        let mut wrong = model.clone();
        wrong.regimes.reverse();
        assert!(FittedRegimeDetector::from_bytes(&wrong.to_bytes().unwrap()).is_err());
    }
    let mut wrong = fitted(Kind::Mahalanobis, &x, &labels);
    let lagged = MahalanobisDetector::new(Shrinkage::LedoitWolf, 1).unwrap();
    wrong.parts[0].detector = Inner::Mahalanobis(lagged.fit(x.view().into()).unwrap());
    assert!(FittedRegimeDetector::from_bytes(&wrong.to_bytes().unwrap()).is_err());
    let mut wrong = fitted(Kind::Pca, &x, &labels);
    wrong.parts[0].detector = Kind::Ar1.fit(x.view().into(), 0.05).unwrap();
    assert!(FittedRegimeDetector::from_bytes(&wrong.to_bytes().unwrap()).is_err());
}

/// Two regimes in stays of 50 rows; the levels of some sensors walk in the one, of others in the other.
fn walks(walking: [&[usize]; 2]) -> (Array2<f64>, Vec<i64>) {
    let mut stream = stream(77, 0);
    let labels: Vec<i64> = (0..1600).map(|row| row / 50 % 2).collect();
    let mut levels = [[0.0; 4]; 2];
    let x = Array2::from_shape_fn((1600, 4), |(row, column)| {
        let mut draw = || (0..12).map(|_| stream.random::<f64>()).sum::<f64>() - 6.0;
        let state = row / 50 % 2;
        if walking[state].contains(&column) {
            levels[state][column] += draw();
        }
        100.0 * state as f64 + levels[state][column] + draw()
    });
    (x, labels)
}

#[test]
fn levels_that_wander_within_a_regime_are_told() {
    let rate = 0.02;
    for kind in [Kind::Pca, Kind::Mahalanobis] {
        let (x, labels) = walks([&[2], &[0, 2]]);
        let fit =
            |labels: Option<&[i64]>| RegimeDetector::new(kind, rate, 20).unwrap().fit(x.view().into(), labels).unwrap();
        let model = fit(Some(&labels));
        assert_eq!(model.regimes(), [0, 1]);
        let own: Vec<(&[usize], f64)> = model.parts[..2]
            .iter()
            .map(|part| (part.detector.wandering().0, part.detector.wandering().1.unwrap()))
            .collect();
        assert!(own.iter().any(|part| !part.0.is_empty()), "{kind:?}");
        let mut columns = [own[0].0, own[1].0].concat();
        columns.sort_unstable();
        columns.dedup();
        assert_eq!(model.wandering().unwrap(), columns);
        // A regime that is steady keeps the rate.
        let rows = model.rows().unwrap();
        let alarms = own.iter().zip(&rows).map(|((columns, expected), &rows)| {
            rows as f64 * if columns.is_empty() { rate } else { expected.max(rate) }
        });
        let exact = alarms.sum::<f64>() / (rows[0] + rows[1]) as f64;
        assert!((model.expected_false_alarms() - exact).abs() < 1e-15, "{kind:?}");
        assert!(kind != Kind::Pca || exact > rate);
        // The one of all rows counts where there is no other.
        let all = fit(None);
        assert_eq!(all.wandering().unwrap(), all.parts[0].detector.wandering().0);
    }
    // Autoregression does not tell.
    let (x, labels) = walks([&[2], &[0, 2]]);
    let model = RegimeDetector::new(Kind::Ar1, rate, 20)
        .unwrap()
        .fit(x.view().into(), Some(&labels))
        .unwrap();
    assert_eq!((model.wandering().unwrap(), model.expected_false_alarms()), (vec![], rate));
}

#[test]
fn rows_that_a_regime_has_not_learned_from_are_told_by_their_own_numbers() {
    let (mut x, labels) = walks([&[], &[]]);
    // Twice in regime 0, once in regime 1, and never for longer than a row.
    let odd = [130, 777, 1211];
    for row in odd {
        x.row_mut(row).mapv_inplace(|value| value + 40.0);
    }
    for kind in [Kind::Pca, Kind::Mahalanobis] {
        let model = RegimeDetector::new(kind, 0.02, 20).unwrap().fit(x.view().into(), Some(&labels)).unwrap();
        let rows = &model.left_out().rows;
        assert!(odd.iter().all(|&row| rows.contains(&(row as u64))), "{kind:?}: {rows:?}");
        assert!(rows.is_sorted() && rows.len() < 40, "{kind:?}: {rows:?}");
    }
}
