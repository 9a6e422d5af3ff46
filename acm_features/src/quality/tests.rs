//! Quality against plain definitions, by hand, at the edges, and the same bytes from every memory layout.

use std::collections::HashSet;

use acm_linalg::parallel::{Stop, set_num_threads};
use acm_linalg::{Error, Table};
use ndarray::{Array2, ArrayView2, ShapeBuilder, s};
use proptest::prelude::*;

use super::grid::resolution;
use super::levels::Levels;
use super::*;

/// Uniform numbers in [-0.5, 0.5).
fn uniform(seed: u64, count: usize) -> Vec<f64> {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let mut next = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 11) as f64 / (1_u64 << 53) as f64 - 0.5
    };
    (0..count).map(|_| next()).collect()
}

/// An autoregression of the first order.
fn memory(seed: u64, count: usize, phi: f64) -> Vec<f64> {
    let mut held = 0.0;
    let noise = uniform(seed, count + 500);
    let all = noise.into_iter().map(|noise| {
        held = phi * held + noise;
        held
    });
    all.skip(500).collect()
}

fn by_columns(columns: &[Vec<f64>]) -> Array2<f64> {
    Array2::from_shape_fn((columns[0].len(), columns.len()), |(row, column)| columns[column][row])
}

fn plain<'a, T: acm_linalg::lanes::Element>(x: impl Into<Table<'a, T>>) -> Assessment {
    let x = x.into();
    let (low, high) = (vec![f64::NEG_INFINITY; x.ncols()], vec![f64::INFINITY; x.ncols()]);
    let rules = Rules {
        low: &low,
        high: &high,
        codes: Codes::Found,
        patience: None,
    };
    assess(x, &rules).unwrap()
}

fn one(column: Vec<f64>) -> Sensor {
    plain(by_columns(&[column]).view()).sensors.remove(0)
}

/// The coarsest step by trying all of them on all readings.
fn naive_resolution(column: &[f64]) -> f64 {
    let known: Vec<f64> = column.iter().copied().filter(|value| !value.is_nan()).collect();
    let most = known.iter().fold(0.0_f64, |most, value| most.max(value.abs()));
    let low = known.iter().copied().fold(f64::INFINITY, f64::min);
    let range = known.iter().copied().fold(f64::NEG_INFINITY, f64::max) - low;
    let single = known.iter().all(|&value| f64::from(value as f32) == value);
    for epsilon in [f64::EPSILON, f64::from(f32::EPSILON)] {
        for exponent in (-22..20).rev() {
            for factor in [5.0, 2.0, 1.0] {
                let power = 10.0_f64.powi(i32::abs(exponent));
                let step = if exponent < 0 { factor / power } else { factor * power };
                let steps = |value: f64| if exponent < 0 { value * power / factor } else { value / power / factor };
                let fits = known.iter().all(|&value| {
                    let off = (steps(value) - steps(value).round()).abs();
                    off <= 1e-6 || off * step <= 4.0 * epsilon * value.abs()
                });
                if range > 0.0 && step <= range * (1.0 + 1e-6) && step >= 64.0 * most * epsilon && fits {
                    return step;
                }
            }
        }
        if !single {
            break;
        }
    }
    f64::NAN
}

fn found_resolution(column: &[f64]) -> f64 {
    resolution(column, &Stop::default())
}

#[test]
fn the_step_of_readings_in_decimals() {
    let steps = [
        (0.01, 2, 1.0),
        (0.05, 2, 5.0),
        (0.2, 1, 2.0),
        (1.0, 0, 1.0),
        (20.0, -1, 2.0),
        (5e-7, 7, 5.0),
        (1e-9, 9, 1.0),
    ];
    for (step, digits, factor) in steps {
        for offset in [0.0, 700.0] {
            let values = uniform(3, 400).into_iter().map(|value| {
                let whole = (value * 300.0).round() * factor + offset * 10.0_f64.powi(digits);
                // As a person writes it: the nearest number to the decimals.
                format!("{}e{}", (whole / factor).round() * factor, -digits).parse::<f64>().unwrap()
            });
            let values: Vec<f64> = values.collect();
            let found = found_resolution(&values);
            assert!((found / step - 1.0).abs() < 1e-12, "{step} {offset}: {found}");
            let single: Vec<f64> = values.iter().map(|&value| f64::from(value as f32)).collect();
            if step > 1e-3 {
                let found = found_resolution(&single);
                assert!((found / step - 1.0).abs() < 1e-6, "{step} {offset}: {found}");
            }
        }
    }
    assert!(found_resolution(&uniform(4, 400)).is_nan());
    assert!(found_resolution(&[0.0, f64::NAN, 0.0]).is_nan() && found_resolution(&[f64::NAN; 3]).is_nan());
    // One reading off the grid is enough, wherever it stands.
    for place in [0, 399] {
        let mut values: Vec<f64> = (0..400).map(|row| f64::from(row % 37)).collect();
        values[place] = 0.25;
        assert_eq!(found_resolution(&values), 0.05);
    }
}

#[test]
fn a_grid_has_64_units_of_the_last_place_between_its_steps() {
    let high = 2.0_f64.powi(46);
    assert_eq!(found_resolution(&[high, high - 1.0, high - 4.0]), 1.0);
    assert!(found_resolution(&[high + 1.0, high, high - 3.0]).is_nan());
    assert_eq!(found_resolution(&[2.0 * high, 2.0 * high - 2.0, 2.0 * high - 8.0]), 2.0);
}

#[test]
fn gaps_runs_and_kinds_by_hand() {
    let nan = f64::NAN;
    let found = one(vec![nan, 1.0, nan, nan, 2.0, f64::INFINITY, f64::NEG_INFINITY, 3.0]);
    assert_eq!((found.known, found.gap), (3, Stretch { start: 2, end: 4 }));
    assert_eq!((found.least, found.most, found.distinct), (1.0, 3.0, 3));

    let noise = uniform(1, 400);
    let states: Vec<f64> = noise.iter().map(|noise| f64::from(*noise > 0.0)).collect();
    let held: Vec<f64> = (0..400).map(|row| f64::from(row / 40) + 0.5).collect();
    let counter: Vec<f64> = (0..400).map(|row| f64::from(row % 300)).collect();
    let kinds = [
        (vec![nan; 400], Kind::Empty),
        (vec![-3.5; 400], Kind::Constant),
        (states, Kind::State),
        (held, Kind::SetPoint),
        (counter, Kind::Counter),
        (noise, Kind::Continuous),
    ];
    for (column, kind) in kinds {
        assert_eq!(one(column).kind, kind);
    }
}

#[test]
fn a_stuck_sensor_is_told_from_a_machine_that_stands_still() {
    let mut columns: Vec<Vec<f64>> = (1..=5).map(|seed| uniform(seed, 1000)).collect();
    for column in &mut columns {
        let held = column[300];
        column[300..400].fill(held);
    }
    let held = columns[2][700];
    columns[2][700..760].fill(held);
    columns[2][730] = f64::NAN;
    let found = plain(by_columns(&columns).view());
    let still: Vec<usize> = (0..1000).filter(|&row| found.still[row]).collect();
    assert_eq!(still, (301..400).collect::<Vec<_>>());
    assert_eq!(found.repeated, 99);
    for (place, sensor) in found.sensors.iter().enumerate() {
        let stuck = if place == 2 { vec![Stretch { start: 701, end: 760 }] } else { vec![] };
        assert_eq!((&sensor.frozen, sensor.still), (&stuck, 99));
        assert_eq!(sensor.frozen_readings, if place == 2 { 58 } else { 0 });
        assert_eq!(sensor.patience, 20);
    }
    // With a patience that was learnt before.
    let (low, high) = ([f64::NEG_INFINITY; 5], [f64::INFINITY; 5]);
    for (patience, stuck) in [(60, 0), (58, 1), (0, 0)] {
        let rules = Rules {
            low: &low,
            high: &high,
            codes: Codes::Found,
            patience: Some(&[patience; 5]),
        };
        let found = assess(by_columns(&columns).view(), &rules).unwrap();
        assert_eq!(found.sensors[2].frozen.len(), stuck);
    }
}

#[test]
fn codes_are_far_outside_and_repeat() {
    let clean: Vec<Vec<f64>> = (1..=8).map(|seed| uniform(seed, 1000)).collect();
    let found_in = |change: &dyn Fn(&mut Vec<Vec<f64>>)| {
        let mut columns = clean.clone();
        change(&mut columns);
        let found = plain(by_columns(&columns).view());
        found.sensors.into_iter().map(|sensor| sensor.codes).collect::<Vec<_>>()
    };
    let nothing: Vec<Vec<Code>> = vec![vec![]; 8];
    let code = |value, count, first| vec![Code { value, count, first }];
    assert_eq!(found_in(&|_| ()), nothing);
    // What historians write is believed at once, another number the third time, zero never.
    let once = found_in(&|x| x[0][7] = -9999.0);
    assert_eq!(once[0], code(-9999.0, 1, 7));
    assert_eq!(found_in(&|x| [9, 80].iter().for_each(|&row| x[0][row] = 77.7)), nothing);
    assert_eq!(found_in(&|x| [9, 80, 81].iter().for_each(|&row| x[1][row] = 77.7))[1], code(77.7, 3, 9));
    assert_eq!(found_in(&|x| x[1].iter_mut().for_each(|value| *value += 100.0)), nothing);
    let zero = |x: &mut Vec<Vec<f64>>| {
        x[1].iter_mut()
            .enumerate()
            .for_each(|(row, value)| *value = if row % 100 == 7 { 0.0 } else { *value + 100.0 });
    };
    assert_eq!(found_in(&zero), nothing);
    // Where many sensors are far outside the machine does something else; the same number in half of them is a code.
    let trip = |x: &mut Vec<Vec<f64>>| {
        x.iter_mut().zip(50..).for_each(|(x, at)| x[200..230].fill(f64::from(at)));
    };
    assert_eq!(found_in(&trip), nothing);
    let outage = |x: &mut Vec<Vec<f64>>| x[..5].iter_mut().for_each(|x| x[200..230].fill(-77.0));
    assert_eq!(found_in(&outage)[4], code(-77.0, 30, 200));
    // A number that stands in more than a tenth of the rows is no code, one of a historian up to half of them.
    let often = |value: f64, rows: usize| move |x: &mut Vec<Vec<f64>>| x[3][..rows].fill(value);
    assert_eq!(found_in(&often(77.0, 120)), nothing);
    assert_eq!(found_in(&often(999.0, 480))[3], code(999.0, 480, 0));
    assert_eq!(found_in(&often(999.0, 520)), nothing);
    // Given ones count wherever they stand.
    let given: Vec<Vec<f64>> = vec![vec![clean[0][3], 5.0]; 8];
    let (low, high) = ([f64::NEG_INFINITY; 8], [0.25; 8]);
    let rules = Rules {
        low: &low,
        high: &high,
        codes: Codes::Given(&given),
        patience: None,
    };
    let found = assess(by_columns(&clean).view(), &rules).unwrap();
    assert_eq!(found.sensors[0].codes, code(clean[0][3], 1, 3));
    assert!(found.sensors[1].codes.is_empty());
    let above = |column: &[f64]| column.iter().filter(|&&value| value > 0.25).count();
    assert_eq!(found.sensors[1].above, above(&clean[1]));
}

#[test]
fn a_level_that_shifts_or_is_not_there() {
    let mut shifted = uniform(5, 2000);
    shifted[1203..].iter_mut().for_each(|value| *value += 2.0);
    let found = one(shifted);
    assert_eq!(found.shifts.len(), 1);
    let shift = found.shifts[0];
    assert!(shift.row.abs_diff(1203) <= 1 && shift.before.abs() < 0.1 && (shift.after - 2.0).abs() < 0.1, "{shift:?}");
    assert!(!found.wander.unwrap().is_wandering());

    // There and back, and up in two steps.
    for (first, second, levels) in [(600, 1400, [3.0, 0.0]), (700, 1000, [3.0, 5.0])] {
        let mut column = uniform(6, 2000);
        column[first..second].iter_mut().for_each(|value| *value += levels[0]);
        column[second..].iter_mut().for_each(|value| *value += levels[1]);
        let rows: Vec<usize> = one(column).shifts.iter().map(|shift| shift.row).collect();
        assert_eq!(rows.len(), 2);
        assert!(rows[0].abs_diff(first) <= 2 && rows[1].abs_diff(second) <= 2, "{rows:?}");
    }

    let accused = |phi: f64, seeds: u64| {
        let all = (1..=seeds).map(|seed| one(memory(seed, 2000, phi)));
        all.fold((0, 0), |(shifts, wanders), found| {
            let wander = found.wander.unwrap();
            (shifts + usize::from(!found.shifts.is_empty()), wanders + usize::from(wander.is_wandering()))
        })
    };
    assert_eq!(accused(0.5, 30), (0, 0));
    assert_eq!(accused(0.97, 30), (0, 0));
    let (shifts, wanders) = accused(0.99, 60);
    assert!(shifts + wanders <= 3, "{shifts} {wanders}");
    let (shifts, wanders) = accused(1.0, 60);
    assert!(shifts <= 1 && wanders >= 45, "{shifts} {wanders}");
    // Slow cycles come back, a ramp does not.
    let cycles = (0..2000).map(|row| (f64::from(row) / 70.0).sin()).zip(uniform(8, 2000));
    let ramp = (0..2000).map(|row| f64::from(row) / 200.0).zip(uniform(8, 2000));
    assert!(
        !one(cycles.map(|(level, noise)| level + 0.2 * noise).collect())
            .wander
            .unwrap()
            .is_wandering()
    );
    assert!(one(ramp.map(|(level, noise)| level + noise).collect()).wander.unwrap().is_wandering());
}

/// x of `a x = b` where each row is one of `a` and its `b`.
fn solved(mut rows: [[f64; 4]; 3]) -> [f64; 3] {
    for place in 0..3 {
        let pivot = (place..3).max_by(|&one, &other| rows[one][place].abs().total_cmp(&rows[other][place].abs()));
        rows.swap(place, pivot.unwrap());
        let above = rows[place].map(|value| value / rows[place][place]);
        rows[place] = above;
        for (other, row) in rows.iter_mut().enumerate() {
            let factor = row[place];
            if other != place {
                row.iter_mut().zip(above).for_each(|(value, above)| *value -= factor * above);
            }
        }
    }
    rows.map(|row| row[3])
}

#[test]
fn the_tests_of_a_level_are_those_of_their_papers() {
    for (number, phi) in [0.0, 0.5, 0.9, 1.0].into_iter().cycle().take(40).enumerate() {
        let count = 32 + 2 * number;
        let y: Vec<f64> = memory(900 + number as u64, count, phi).into_iter().map(|level| level + 5.0).collect();
        let wander = |offset: f64| {
            // Blocks of four rows, all of them their median.
            let column: Vec<f64> = y.iter().flat_map(|level| [level + offset; 4]).collect();
            let mut levels = Levels::new(column.len()).unwrap();
            levels.take(&column, &Stop::default());
            assert_eq!(levels.len(), count);
            levels.wander().unwrap()
        };
        // Least squares of the step on 1, the level before it and the step before it.
        let mut normal = [[0.0; 4]; 3];
        for t in 2..count {
            let line = [1.0, y[t - 1], y[t - 1] - y[t - 2], y[t] - y[t - 1]];
            for (one, row) in normal.iter_mut().enumerate() {
                row.iter_mut().zip(line).for_each(|(sum, value)| *sum += line[one] * value);
            }
        }
        let [_, slope, momentum] = solved(normal);
        let n = count as f64;
        let mean = y.iter().sum::<f64>() / n;
        let sums = y.iter().scan(0.0, |sum, level| {
            *sum += level - mean;
            Some(*sum)
        });
        let squares: f64 = y.iter().map(|level| (level - mean).powi(2)).sum();
        let ratio = sums.map(|sum| sum * sum).sum::<f64>() / (n * n * squares);
        for offset in [0.0, -5.0, 1000.0] {
            let found = wander(offset);
            let coefficient = n * slope / (1.0 - momentum);
            assert!((found.coefficient / coefficient - 1.0).abs() < 1e-6, "{phi}, {offset}: {found:?}, {coefficient}");
            assert!((found.ratio / ratio - 1.0).abs() < 1e-6, "{phi}, {offset}: {found:?}, {ratio}");
        }
    }
}

#[test]
fn edges() {
    assert!(
        plain(Array2::<f64>::zeros((0, 3)).view())
            .sensors
            .iter()
            .all(|sensor| sensor.kind == Kind::Empty)
    );
    assert!(plain(Array2::<f64>::zeros((5, 0)).view()).sensors.is_empty());
    let single = one(vec![4.25]);
    assert_eq!((single.known, single.kind, single.least, single.gap.rows()), (1, Kind::Constant, 4.25, 0));
    assert!(single.wander.is_none() && single.resolution.is_nan());
    assert_eq!(one(vec![f64::INFINITY; 3]).gap, Stretch { start: 0, end: 3 });
    // Levels of 1e9 and a spike of 1e15 change no verdict.
    let noise: Vec<f64> = uniform(2, 1000).into_iter().map(|value| (value * 1000.0).round() / 1000.0).collect();
    let high: Vec<f64> = noise.iter().map(|value| 1e9 + value * 1e-3).collect();
    assert!(!one(high).wander.unwrap().is_wandering());
    let mut spiked = noise;
    spiked[500] = 1e15;
    let found = one(spiked);
    assert!(found.codes.is_empty() && found.shifts.is_empty() && !found.wander.unwrap().is_wandering());
    assert_eq!((found.most, found.kind), (1e15, Kind::Continuous));

    let x = Array2::<f64>::zeros((4, 2));
    let rules = |low, high, patience| Rules {
        low,
        high,
        codes: Codes::Found,
        patience,
    };
    let wrong = [
        assess(x.view(), &rules(&[0.0], &[0.0; 2], None)),
        assess(x.view(), &rules(&[0.0; 2], &[], None)),
        assess(x.view(), &rules(&[0.0; 2], &[0.0; 2], Some(&[1]))),
    ];
    for (wrong, name) in wrong.into_iter().zip(["low", "high", "patience"]) {
        assert!(matches!(wrong, Err(Error::Length { name: of, expected: 2, .. }) if of == name));
    }
}

fn same(one: &Assessment, other: &Assessment) -> bool {
    format!("{one:?}") == format!("{other:?}")
}

#[test]
fn the_same_from_every_layout_and_any_number_of_threads() {
    let rows = 3000;
    let mut columns: Vec<Vec<f64>> = (1..=19).map(|seed| memory(seed, rows, 0.9)).collect();
    columns[3].iter_mut().step_by(91).for_each(|value| *value = -999.0);
    columns[4].iter_mut().step_by(7).for_each(|value| *value = f64::NAN);
    columns[5][1000..1400].fill(0.125);
    columns[6].iter_mut().for_each(|value| *value = (*value * 20.0).round() / 20.0);
    let c = by_columns(&columns);
    let want = plain(c.view());
    let mut fortran = Array2::zeros((rows, 19).f());
    fortran.assign(&c);
    let mut wide = Array2::zeros((2 * rows, 40));
    wide.slice_mut(s![..;2, 1..39;2]).assign(&c);
    let views: Vec<_> = columns.iter().map(ndarray::ArrayView1::from).collect();
    let list = Table::of_columns(rows, &views, "x").unwrap();
    for threads in [1, 3] {
        set_num_threads(threads).unwrap();
        let found = [
            plain(c.view()),
            plain(fortran.view()),
            plain(wide.slice(s![..;2, 1..39;2])),
            plain(list),
        ];
        assert!(found.iter().all(|found| same(found, &want)));
    }
    let narrow = c.mapv(|value| value as f32);
    let widened = narrow.mapv(f64::from);
    assert!(same(&plain(narrow.view()), &plain(ArrayView2::from(&widened))));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]

    #[test]
    fn counts_are_those_of_the_plain_definitions(
        values in prop::collection::vec(prop::option::weighted(0.8, -6_i32..6), 0..200),
        scale in prop::sample::select(vec![1.0, 0.5, 0.1, 0.02, 30.0]),
    ) {
        let column: Vec<f64> = values.iter().map(|value| value.map_or(f64::NAN, |value| f64::from(value) * scale)).collect();
        if column.is_empty() {
            return Ok(());
        }
        let found = one(column.clone());
        let known: Vec<f64> = column.iter().copied().filter(|value| !value.is_nan()).collect();
        prop_assert_eq!(found.known, known.len());
        let distinct: HashSet<u64> = known.iter().map(|value| (value + 0.0).to_bits()).collect();
        prop_assert_eq!(found.distinct, distinct.len());
        let gaps = column.split(|value| !value.is_nan()).map(<[f64]>::len);
        prop_assert_eq!(found.gap.rows(), gaps.max().unwrap_or(0));
        let least = known.iter().copied().fold(f64::NAN, f64::min);
        prop_assert!(found.least == least || known.is_empty());
        if !matches!(found.kind, Kind::Empty | Kind::Constant) {
            let (got, want) = (found.resolution, naive_resolution(&column));
            prop_assert!(got == want || (got.is_nan() && want.is_nan()), "{} {}", got, want);
        }
    }

    #[test]
    fn the_step_is_that_of_the_plain_definition(
        wholes in prop::collection::vec(-40_000_i64..40_000, 1..60),
        exponent in -9_i32..6,
        factor in prop::sample::select(vec![1, 2, 3, 5, 25, 10, 50]),
        off in prop::option::weighted(0.3, (0_usize..60, 1e-9_f64..0.5)),
    ) {
        let mut column: Vec<f64> =
            wholes.iter().map(|whole| format!("{}e{exponent}", whole * factor).parse().unwrap()).collect();
        if let Some((place, by)) = off {
            let place = place % column.len();
            column[place] += by;
        }
        let (got, want) = (found_resolution(&column), naive_resolution(&column));
        prop_assert!(got == want || (got.is_nan() && want.is_nan()), "{} {} {:?}", got, want, column);
    }

    #[test]
    fn stuck_stretches_are_those_of_the_plain_definition(
        runs in prop::collection::vec((-3_i32..3, 1_usize..70), 1..12),
        seed in 1_u64..1000,
    ) {
        let mut column = uniform(seed, 300);
        for (value, length) in runs {
            column.extend(std::iter::repeat_n(f64::from(value) / 8.0, length));
            column.extend(uniform(seed + 1, 40));
        }
        let found = one(column.clone());
        prop_assume!(found.kind == Kind::Continuous);
        let mut lengths: Vec<usize> = column.chunk_by(|one, other| one == other).map(<[f64]>::len).collect();
        lengths.sort_unstable();
        let usual = lengths[(99 * lengths.len()).div_ceil(100) - 1];
        let patience = (10 * usual).max(20);
        prop_assert_eq!(found.patience, patience);
        let mut start = 0;
        let mut stuck = Vec::new();
        for run in column.chunk_by(|one, other| one == other) {
            if run.len() > patience {
                stuck.push(Stretch { start: start + 1, end: start + run.len() });
            }
            start += run.len();
        }
        prop_assert_eq!(found.frozen, stuck);
    }
}
