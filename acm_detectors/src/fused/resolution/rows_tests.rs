use acm_linalg::pca::Components;
use acm_linalg::seed::stream;
use ndarray::Array2;
use rand::RngExt;

use super::*;
use crate::fused::Fused;

/// Thousandths in each step of models for .1 and 1.
const STEPS: [i64; 6] = [20, 50, 100, 200, 500, 1000];

/// Thousandths that the sensors' own readings lie on: 0 for any, -1 for a state.
const OWN: [i64; 4] = [0, 50, -1, 100];

/// Readings of more steps than this are too large to tell: their rounding may be a twentieth of one.
const LARGEST: f64 = (0.05 - 1e-6) / 4e-8;

/// A model of the columns 0, 2, 3 and 4 that has members for .1 and 1, of which the first sensor decides of 1 alone, the second of .2.
fn model() -> FittedFused {
    let mut draw = stream(3, 0);
    let x = Array2::from_shape_simple_fn((80, 5), || draw.random::<f64>());
    let mut model = Fused::new(Components::Count(1), 0, &[1.0, 0.1], 2, 0.01, 0.0).unwrap();
    model = model.with_rounding(false);
    let mut model = model.fit(x.view().into()).unwrap();
    model.lagged.kept = vec![0, 2, 3, 4];
    model.steps = OWN.iter().map(|&own| if own < 0 { -1.0 } else { own as f64 / 1000.0 }).collect();
    model.member_steps = vec![0.1, 1.0];
    model.members = vec![model.clone(), model.clone()];
    model.telling = Telling::new(&model.steps, &model.member_steps).unwrap();
    model.telling.decide(0, 5);
    model.telling.decide(1, 3);
    model
}

/// The digits that a reading of a sensor on a step tells.
fn digits(sensor: usize, step: usize) -> f64 {
    let (own, coarse) = (OWN[sensor], STEPS[step] as f64);
    // States tell nothing, nor do sensors whose own step is no finer.
    if own < 0 || own as f64 >= coarse {
        return 0.0;
    }
    let tenth = [2.0_f64, 5.0, 10.0][step % 3];
    (if own == 0 { tenth } else { tenth.min(coarse / own as f64) }).log10()
}

/// What readings show, as the page says it: written without blocks, early ends and marks of who is busy.
#[derive(Default)]
struct Book {
    evidence: [f64; 6],
    runs: [[f64; 6]; 4],
    latest: [f64; 4],
    judge: usize,
}

impl Book {
    /// The next row, in thousandths; nothing for a missing reading.
    fn turn(&mut self, row: [Option<i64>; 4]) -> usize {
        let mut any = false;
        for step in 0..6 {
            let (mut told, mut on, mut found) = (0.0, 0.0, 0.0);
            for sensor in 0..4 {
                let (Some(reading), told_by) = (row[sensor], digits(sensor, step)) else {
                    continue;
                };
                let tenths = reading.abs() as f64 / STEPS[step / 3 * 3 + 2] as f64 * 10.0;
                if reading == 0 || tenths >= LARGEST || OWN[sensor] < 0 {
                    continue;
                }
                let lies = reading % STEPS[step] == 0 && told_by > 0.0;
                let run = &mut self.runs[sensor][step];
                let fresh = reading as f64 != self.latest[sensor];
                *run = if lies { *run + f64::from(u8::from(fresh)) } else { 0.0 };
                told += f64::from(u8::from(told_by > 0.0));
                on += f64::from(u8::from(lies));
                found += if lies { told_by } else { 0.0 };
            }
            any |= told > 0.0;
            let off = told - on;
            let lost = [1.0, 1.0, 0.5][step % 3] * off;
            if told > 0.0 {
                self.evidence[step] = if on < off {
                    0.0
                } else {
                    (self.evidence[step] + found - lost).clamp(0.0, 8.0)
                };
            }
        }
        for (latest, reading) in self.latest.iter_mut().zip(row) {
            *latest = reading.filter(|&reading| reading != 0).map_or(*latest, |reading| reading as f64);
        }
        if any {
            let alone = |sensor: usize, step: usize| self.runs[sensor][step] >= 6.0 / digits(sensor, step);
            let seen = (0..6)
                .rev()
                .find(|&step| self.evidence[step] >= 4.0 || step == 5 && alone(0, 5) || step == 3 && alone(1, 3));
            self.judge = seen.map_or(0, |step| step / 3 + 1);
        }
        self.judge
    }
}

#[test]
fn each_row_is_judged_as_the_evidence_of_its_readings_says() {
    let model = model();
    let mut seen = [0; 3];
    for seed in 0..40 {
        let mut draw = stream(seed, 1);
        let (mut book, mut rows, mut exact) = (Book::default(), Vec::new(), Vec::new());
        let mut kinds = [1; 4];
        for _ in 0..150 {
            let row: [Option<i64>; 4] = std::array::from_fn(|sensor| {
                // Each sensor stays on a step for a while; some readings repeat, lack, are 0 or too large to tell.
                if draw.random::<f64>() < 0.05 {
                    kinds[sensor] = [1, 20, 50, 100, 100, 200, 500, 1000, 1000][draw.random_range(0..9)];
                }
                let chance = draw.random::<f64>();
                let most = 20_000 / kinds[sensor];
                let reading = kinds[sensor] * draw.random_range(-most..=most);
                match chance {
                    0.0..0.04 => None,
                    0.04..0.08 => Some(0),
                    0.08..0.12 => Some(20_000_000 + kinds[sensor] * 7),
                    0.12..0.14 => Some(1_000_000_000_000),
                    0.14..0.24 => Some(kinds[sensor]),
                    _ => Some(reading),
                }
            });
            let row = if draw.random::<f64>() < 0.05 { [None; 4] } else { row };
            exact.push(book.turn(row));
            let value = |reading: Option<i64>| reading.map_or(f64::NAN, |thousandths| thousandths as f64 / 1000.0);
            rows.extend([value(row[0]), 0.125, value(row[1]), value(row[2]), value(row[3])]);
        }
        let x = Array2::from_shape_vec((150, 5), rows).unwrap();
        let mut found = vec![9; 150];
        model
            .choose(x.view().into(), 0..150, &mut model.telling.start().unwrap(), 0, &mut found)
            .unwrap();
        assert_eq!(found, exact, "{seed}");
        found.iter().for_each(|&judge| seen[judge] += 1);
        // The same from row to row, each with what those before have shown.
        let (mut shown, mut before) = (model.telling.start().unwrap(), 0);
        for row in 0..150 {
            let mut one = [9];
            model.choose(x.view().into(), row..row + 1, &mut shown, before, &mut one).unwrap();
            before = one[0];
            assert_eq!(before, exact[row], "{seed} {row}");
        }
        for (found, exact) in shown.evidence.iter().zip(book.evidence) {
            assert!((found - exact).abs() < 1e-9, "{seed}: {found} {exact}");
        }
        let mut steps = vec![9.0; 150];
        model.resolution(x.view().into(), &mut steps).unwrap();
        assert!(steps.iter().zip(&exact).all(|(&step, &judge)| step == [0.0, 0.1, 1.0][judge]));
    }
    // All three judge often.
    assert!(seen.iter().all(|&count| count > 300), "{seen:?}");
}

#[test]
fn rows_that_tell_nothing_are_judged_as_the_row_before() {
    let model = model();
    let x = Array2::from_shape_fn((2, 5), |(row, _)| if row == 0 { 0.0 } else { f64::NAN });
    for (before, exact) in [(0, 0), (2, 2), (7, 2)] {
        let mut found = [9; 2];
        model
            .choose(x.view().into(), 0..2, &mut model.telling.start().unwrap(), before, &mut found)
            .unwrap();
        assert_eq!(found, [exact; 2]);
    }
    // Without members nothing is looked for.
    let mut alone = model;
    alone.members.clear();
    let mut found = [9; 2];
    alone.choose(x.view().into(), 0..2, &mut Shown::default(), 2, &mut found).unwrap();
    assert_eq!(found, [0; 2]);
    assert!(alone.resolution(x.view().into(), &mut [0.0]).is_err());
}

#[test]
fn another_models_steps_are_looked_for_anew() {
    let model = model();
    let mut means = ResidualMeans::new(1, 4, 4.0, true).unwrap();
    means.judge = 2;
    means.look_as(&model.telling).unwrap();
    assert_eq!(
        (means.judge, means.shown.evidence.len(), means.shown.runs.len(), means.shown.latest.len()),
        (0, 6, 24, 4)
    );
    (means.judge, means.shown.evidence[3]) = (1, 2.5);
    means.look_as(&model.telling).unwrap();
    assert_eq!((means.judge, means.shown.evidence[3]), (1, 2.5));
    // As many steps of fewer sensors.
    means.look_as(&Telling::new(&[0.0; 3], &[0.1, 1.0]).unwrap()).unwrap();
    assert_eq!((means.judge, means.shown.runs.len()), (0, 18));
    let deciding = model.telling.deciding().enumerate().filter(|pair| pair.1 == 1.0).map(|pair| pair.0);
    assert_eq!(deciding.collect::<Vec<_>>(), [5, 9]);
}
