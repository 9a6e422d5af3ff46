use ndarray::{Array2, s};

use super::*;
use crate::ar1::{Ar1, Fuse};

/// Of 101 rows each whole number from `from` on once, no two that follow one another alike: of them the median is 50 higher, and
/// the median distance from that 25.
fn running(row: usize, from: f64) -> f64 {
    from + (37 * row % 101) as f64
}

fn kept_of(readings: &[f64]) -> f64 {
    kept(readings, &mut vec![0.0; readings.len()])
}

#[test]
fn a_value_is_kept_that_is_repeated_often_and_far_from_all_others() {
    let moves = |count: usize| (0..count).map(|row| running(row, 0.0));
    let with = |value: f64, times: usize, rest: usize| -> Vec<f64> {
        std::iter::repeat_n(value, times).chain(moves(rest)).collect()
    };
    // Twenty repetitions, and one in twenty rows.
    assert_eq!(kept_of(&with(-900.0, 21, 379)), -900.0);
    assert!(kept_of(&with(-900.0, 20, 101)).is_nan());
    assert!(kept_of(&with(-900.0, 21, 380)).is_nan());
    assert_eq!(kept_of(&with(-900.0, 22, 398)), -900.0);
    // Twenty other readings at least.
    assert!(kept_of(&with(-900.0, 300, 19)).is_nan());
    assert_eq!(kept_of(&with(-900.0, 300, 20)), -900.0);
    // Six standard deviations from their median: 222.39.
    for (value, apart) in [(272.38, false), (272.40, true), (-172.38, false), (-172.40, true)] {
        assert_eq!(kept_of(&with(value, 60, 101)).is_finite(), apart, "{value}");
    }
    // Others that are all alike have no deviation.
    assert!(kept_of(&[vec![0.0; 60], vec![5.0; 50]].concat()).is_nan());
    // Of two values that are kept the one that is repeated more often; what is missing is neither.
    let mut both = [vec![-900.0; 30], vec![f64::NAN; 5], vec![-800.0; 41]].concat();
    both.extend(moves(202));
    assert_eq!(kept_of(&both), -800.0);
    // The value in single precision is the value.
    let value = f64::from(-900.1_f32);
    let mut single = with(-900.1, 60, 30);
    single.extend(std::iter::repeat_n(value, 40));
    assert_eq!(kept_of(&single), -900.1);
    // Each of three values alone is too rare.
    let rare: Vec<f64> = [-900.0, -800.0, -700.0]
        .into_iter()
        .flat_map(|value| vec![value; 11])
        .chain(moves(367))
        .collect();
    assert!(kept_of(&rare).is_nan());
}

/// Three sensors that read 0 in the rows 100 to 199, one of them but from row `late` on, and one that shuts by itself.
fn plant(late: usize) -> Array2<f64> {
    Array2::from_shape_fn((400, 4), |(row, column)| match (row, column) {
        (100..200, 0 | 1) => 0.0,
        (100..200, 2) if row >= late => 0.0,
        (250..330, 3) => 7.0,
        _ => running(row + 13 * column, 1000.0),
    })
}

#[test]
fn sensors_tell_standstill_together() {
    for (late, agrees) in [(100, true), (120, true), (121, false)] {
        let (still, marks) = Still::learn(plant(late).view().into()).unwrap();
        assert!(still.any());
        assert_eq!(still.values[..2], [0.0; 2]);
        assert_eq!(still.values[2].to_bits(), if agrees { 0.0_f64 } else { f64::NAN }.to_bits(), "{late}");
        assert!(still.values[3].is_nan());
        assert!((0..400).all(|row| marks[row] == (100..200).contains(&row)), "{late}");
    }
    // What runs in fewer than twenty rows is not told apart.
    for (first, told) in [(20, true), (19, false)] {
        let x = Array2::from_shape_fn((400, 1), |(row, _)| if row < first { running(row, 1000.0) } else { 0.0 });
        let (still, marks) = Still::learn(x.view().into()).unwrap();
        assert_eq!((still.any(), marks[200]), (told, told));
    }
    let still = Still::of(vec![0.0, f64::NAN, 7.0, 1.0, 2.0]);
    // Half of those that keep a value, as far as they read something.
    assert!(still.stands(&[0.0, 9.0, 7.0, 5.0, 5.0]) && !still.stands(&[0.0, 9.0, 6.0, 5.0, 5.0]));
    assert!(still.stands(&[0.0, 9.0, 6.0, f64::NAN, f64::INFINITY]));
    assert!(!still.stands(&[f64::NAN; 5]) && !still.stands(&[3.0; 5]));
}

#[test]
fn rows_are_judged_by_the_state_they_are_in() {
    let x = plant(100);
    let model = Ar1::new(0.999, None, Fuse::Mean).unwrap().fit(x.view().into()).unwrap();
    assert_eq!(model.used(), [true; 4]);
    // Levels and coefficients are those of running rows.
    let mut rows = x.clone();
    rows.slice_mut(s![100..200, ..3]).fill(f64::NAN);
    for column in 0..3 {
        let mut own: Vec<f64> = rows.column(column).iter().copied().filter(|value| !value.is_nan()).collect();
        own.sort_unstable_by(f64::total_cmp);
        assert_eq!(model.mu()[column], f64::midpoint(own[149], own[150]));
    }
    let mut rows = x.slice(s![90..210, ..]).to_owned();
    // Rows 20 and 21 have a sensor that runs on; row 30 lacks two.
    rows[[20, 1]] = 1030.0;
    rows[[21, 1]] = 1e160;
    rows[[30, 0]] = f64::NAN;
    rows[[30, 1]] = f64::NAN;
    let mut shares = vec![-1.0; rows.len()];
    model.contributions(rows.view().into(), &mut shares).unwrap();
    let about = |column: usize| {
        let phi = model.phi()[column];
        model.sd()[column] / (1.0 - phi * phi).sqrt()
    };
    let near = |row: usize, column: usize, exact: f64| {
        let found = shares[4 * row + column];
        assert!((found - exact).abs() <= 1e-12 * exact.abs(), "{row} {column}: {found} {exact}");
    };
    for row in 10..110 {
        for column in 0..3 {
            let exact = match (row, column) {
                (20, 1) => 1030.0 / about(1),
                (21, 1) => 1e150 / about(1),
                _ => 0.0,
            };
            near(row, column, exact);
        }
    }
    for column in 0..3 {
        // The first row after it by the level alone, the next by the row before.
        let away = |row: usize| rows[[row, column]] - model.mu()[column];
        near(110, column, away(110).abs() / about(column));
        let exact = (away(111) - model.phi()[column] * away(110)).abs() / model.sd()[column];
        near(111, column, exact);
    }
    // The one that keeps no value goes on as always.
    for row in [15, 110] {
        let away = |row: usize| rows[[row, 3]] - model.mu()[3];
        near(row, 3, (away(row) - model.phi()[3] * away(row - 1)).abs() / model.sd()[3]);
    }
}

#[test]
fn sensors_that_stand_still_for_long_are_known_all_the_same() {
    let x = Array2::from_shape_fn(
        (400, 2),
        |(row, column)| {
            if row % 100 < 75 { 0.0 } else { running(row + 7 * column, 1000.0) }
        },
    );
    let model = Ar1::new(0.999, None, Fuse::Mean).unwrap().fit(x.view().into()).unwrap();
    assert_eq!(model.used(), [true; 2]);
    assert!(model.mu().iter().all(|mu| *mu >= 1000.0));
}
