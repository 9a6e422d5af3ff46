use acm_linalg::seed::stream;
use ndarray::array;
use rand::RngExt;

use super::*;

const RATE: f64 = 0.02;

fn detector() -> Fused {
    Fused::new(Components::Count(1), 0, &[1.0, 0.2], 4, RATE, 0.0).unwrap()
}

/// Of 600 rows, with roots that forget as slowly as asked for, and powers that do in seven rows.
fn held(of: &Fused, seed: u64, keeps: f64) -> HeldOut {
    let mut draw = stream(seed, 0);
    let parts = of.parts().unwrap();
    let mut levels = vec![0.0; parts.len()];
    let (mut roots, mut powers, mut level) = (Vec::new(), Vec::new(), 0.0);
    for _ in 0..600 {
        for (number, level) in levels.iter_mut().enumerate() {
            *level = keeps * *level + draw.random::<f64>() - 0.5;
            roots.push(1.0 + number as f64 + *level);
        }
        level = 0.75 * level + draw.random::<f64>() - 0.5;
        powers.push(5.0 + level);
    }
    let usual = powers.iter().sum::<f64>() / 600.0;
    HeldOut {
        parts,
        roots,
        powers,
        usual,
    }
}

fn close(found: f64, exact: f64) -> bool {
    (found - exact).abs() < 1e-12 * exact.abs().max(1.0)
}

/// Mean and standard deviation of a part, which remembers one row or five.
fn moments(held: &HeldOut, number: usize) -> (f64, f64) {
    let skipped = if held.parts[number].memory < 1.0 { 5 } else { 0 };
    let own = || held.roots.chunks(held.parts.len()).skip(skipped).map(|row| row[number]);
    let count = own().count() as f64;
    let mean = own().sum::<f64>() / count;
    (mean, (own().map(|root| (root - mean).powi(2)).sum::<f64>() / count).sqrt())
}

#[test]
fn limits_of_residuals_are_those_of_new_rows_from_few_models() {
    let of = detector();
    assert_eq!(of.parts().unwrap().len(), 3);
    for (seed, width, doubt) in [(1, 6, 0.0), (2, 300, 0.04), (3, 2400, 0.3)] {
        let held = held(&of, seed, 0.6);
        let (alone, joint) = (
            std::array::from_fn::<_, 3, _>(|number| limit([1.0, 0.2, 0.2][number], 600, RATE / 3.0)),
            std::array::from_fn::<_, 3, _>(|number| moments(&held, number)),
        );
        let root = if doubt > 0.0 {
            (1.0 + (1.5 * persistence(&held.powers) * doubt).min(1.0)).cbrt() - 1.0
        } else {
            0.0
        };
        let group = Group::of_residuals(&of, held, width, doubt).unwrap();
        let (greatest, memory) = group.held.joint(&group.alone, RATE, None).unwrap();
        let share = if width < 600 { width as f64 / 600.0 } else { 1.0 };
        let factor = 1.0 + share * (greatest.clamp(0.9, 1.0) - 1.0);
        let factor = factor.max(group.held.least(&group.alone, RATE).unwrap());
        assert!(close(group.factor, factor) && close(group.memory, memory), "{} {factor}", group.factor);
        let norms = group.norms(0.25, 1.5).unwrap();
        for number in 0..3 {
            let (mean, spread) = joint[number];
            assert!(close(norms.mean[number], mean) && close(norms.spread[number], spread));
            // In the unit of the roots: what is beyond the mean, and what later rows have more.
            let exact = 1.5 * (alone[number] * spread * (factor + 0.25) + mean * root);
            assert!(close(norms.limit[number] * spread, exact), "{seed} {number}");
        }
    }
}

#[test]
fn limits_of_readings_are_those_of_later_rows() {
    let of = detector().of_whole().unwrap();
    let of = Fused {
        memories: vec![0.5, 0.2],
        ..of
    };
    let kinds: Vec<_> = of.parts().unwrap().iter().map(|part| (part.kind, part.memory)).collect();
    assert_eq!(kinds, [(Kind::Power, 0.2), (Kind::Shift, 0.5), (Kind::Shift, 0.2)]);
    // A model that knows its rows much better than others, a little, and not at all.
    for (seed, known, doubt, keeps) in [
        (1, 4.0, 0.0, 0.95),
        (2, 4.8, 0.02, 0.9),
        (3, 9.0, 0.1, 0.2),
        (4, 0.0, 0.0, 0.995),
    ] {
        let held = held(&of, seed, keeps);
        let usual = held.usual;
        let moments: Vec<_> = (0..3).map(|number| moments(&held, number)).collect();
        let forgets: Vec<_> = (0..3)
            .map(|number| {
                let skipped = if number == 1 { 2 } else { 5 };
                persistence(&held.roots.chunks(3).skip(skipped).map(|row| row[number]).collect::<Vec<_>>())
            })
            .collect();
        let alike = 1.0 - 1.0 / persistence(&held.powers);
        assert!(alike > 0.5);
        let beyond = match known {
            0.0 => 0.0,
            _ => (usual / known - 1.0).clamp(0.0, 0.25),
        };
        let farther = (1.0 + 2.5 * alike * beyond).cbrt() - 1.0;
        let unknown = if doubt > 0.0 {
            (1.0 + (1.5 * persistence(&held.powers) * doubt).min(1.0)).cbrt() - 1.0
        } else {
            0.0
        };
        let group = Group::of_readings(&of, held, known, doubt).unwrap();
        let (greatest, _) = group.held.joint(&group.alone, of.false_alarm_rate, None).unwrap();
        let factor = greatest.max(0.9 + 0.1 * alike);
        assert!(close(group.factor, factor));
        let norms = group.norms(0.1, 1.2).unwrap();
        for (number, memory) in [0.2, 0.5, 0.2].into_iter().enumerate() {
            let (mean, spread) = if number == 1 { spread_of_two(&group.held) } else { moments[number] };
            // As many rows count as one: those that a mean of independent rows takes, or more.
            let (own, rows) = ((2.0 - memory) / memory, 2.0 * forgets[number]);
            let slower = if rows > own { rows / own } else { 1.0 };
            let keeps: f64 = 1.0 - memory;
            let means = (600.0 * (1.0 - keeps) / (1.0 + keeps) / slower).max(2.0);
            let freedom = (600.0 * (1.0 - keeps * keeps) / (1.0 + keeps * keeps) / slower - 1.0).max(1.5);
            let alone = student_upper(freedom, of.false_alarm_rate / 3.0) * (1.0 + 1.0 / means).sqrt();
            let mut more = farther + unknown;
            if number > 0 {
                let share = ((rows - own).max(0.0) / 600.0).min(0.5);
                more += ((1.0 + share) / (1.0 - share)).cbrt() - 1.0;
            }
            let exact = 1.2 * (alone * spread * (factor + 0.1) + mean * more);
            assert!((norms.limit[number] * spread / exact - 1.0).abs() < 1e-9, "{seed} {number}: {exact}");
        }
    }
}

/// A memory of a half knows its second row.
fn spread_of_two(held: &HeldOut) -> (f64, f64) {
    let own: Vec<f64> = held.roots.chunks(3).skip(2).map(|row| row[1]).collect();
    let mean = own.iter().sum::<f64>() / 598.0;
    (mean, (own.iter().map(|root| (root - mean).powi(2)).sum::<f64>() / 598.0).sqrt())
}

#[test]
fn halves_part_by_what_the_greatest_exceeds_more_where_they_follow_one_another() {
    let of = detector();
    let group = Group::of_residuals(&of, held(&of, 5, 0.3), 6, 0.0).unwrap();
    let halves = |following: f64, everywhere: f64| {
        let moved = |by: f64| {
            let mut held = held(&of, 6, 0.3);
            held.roots.iter_mut().for_each(|root| *root += by);
            held
        };
        Halves {
            following: moved(following),
            everywhere: moved(everywhere),
        }
    };
    let limit = |by: f64| {
        let halves = halves(by, by);
        halves.following.joint(&group.alone, RATE, Some(group.memory)).unwrap().0
    };
    let exact = limit(0.5) - limit(0.1);
    assert!(exact > 0.1 && close(group.parting(&halves(0.5, 0.1)).unwrap(), exact));
    assert_eq!(group.parting(&halves(0.1, 0.5)).unwrap(), 0.0);
}

#[test]
fn what_gaps_leave_open_makes_later_roots_larger() {
    let of = detector();
    let mut held = held(&of, 7, 0.3);
    // Nothing lasts: each row counts.
    held.powers = (0..600).map(|row| f64::from(row % 2)).collect();
    assert_eq!([wrong(&held, 0.0), wrong(&held, -1.0)], [0.0; 2]);
    assert!(close(wrong(&held, 0.1), 1.15_f64.cbrt() - 1.0));
    assert!(close(wrong(&held, 5.0), 2.0_f64.cbrt() - 1.0));
}

#[test]
fn the_mean_power_and_the_factors_of_a_model_are_those_of_its_rows() {
    // Two sensors, no components: what is left is the row less the mean of the rows that are known.
    let x = array![
        [1.0, 2.0],
        [3.0, 1.0],
        [0.0, 0.5],
        [2.5, 4.0],
        [4.0, 3.0],
        [1.5, 1.0],
        [2.0, 2.5],
        [0.5, 1.5],
        [3.5, 0.0],
        [1.0, 3.0],
        [2.0, 0.0],
        [0.0, 1.0],
        [3.0, 3.5],
        [2.5, 2.0],
        [1.5, 4.5],
        [4.5, 2.0]
    ];
    let of = Fused::new(Components::Count(1), 0, &[0.5, 0.2], 2, RATE, 0.0)
        .unwrap()
        .of_whole()
        .unwrap();
    let folds = [0..8, 8..16];
    let good = [true; 16];
    let rows = Healthy {
        x: x.view().into(),
        filled: x.view().into(),
        good: &good,
        noise: None,
    };
    let outside = of.judged(rows.x, rows.filled, &good, &folds, &[0, 1], None).unwrap();
    let (model, held, apart) = of.held(&rows, outside, &folds, true).unwrap();
    let (none, without) = (apart.len(), of.judged(rows.x, rows.filled, &good, &folds, &[0, 1], None).unwrap());
    assert_eq!((none, of.held(&rows, without, &folds, false).unwrap().2.len()), (2, 0));

    // Scaled by all rows.
    let scaled: Vec<[f64; 2]> = x
        .rows()
        .into_iter()
        .map(|row| {
            std::array::from_fn(|place| {
                let own = x.column(place);
                let mean: f64 = own.sum() / 16.0;
                let deviation = (own.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / 15.0).sqrt();
                (row[place] - mean) / deviation
            })
        })
        .collect();
    let left = |row: usize| -> [f64; 2] {
        let others = if row < 8 { 8..16 } else { 0..8 };
        std::array::from_fn(|place| {
            scaled[row][place] - others.clone().map(|other| scaled[other][place]).sum::<f64>() / 8.0
        })
    };
    let length = |lower: &[f64], left: [f64; 2]| {
        let first = left[0] / lower[0];
        first * first + ((left[1] - lower[2] * first) / lower[3]).powi(2)
    };
    // Each half by the covariance of what is left of the other one; all of them by that of all.
    for row in 0..16 {
        let judge = &apart[row / 8];
        assert!(close(held.powers[row], length(&judge.factor, left(row))), "{row}");
    }
    assert!(close(held.usual, held.powers.iter().sum::<f64>() / 16.0));
    let known = (0..16).map(|row| length(&model.factor, left(row))).sum::<f64>() / 16.0;
    assert!(close(model.usual, known), "{} {known}", model.usual);
    // With lags the mean power is that of the rows that are held out.
    let lagged = Fused { lags: 1, ..of };
    let outside = lagged.judged(rows.x, rows.filled, &good, &folds, &[0, 1], None).unwrap();
    let (model, held, _) = lagged.held(&rows, outside, &folds, false).unwrap();
    assert_eq!(model.usual, held.usual);
}
