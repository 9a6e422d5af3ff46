use acm_linalg::seed::stream;
use ndarray::{Array2, ShapeBuilder, s};
use rand::RngExt;

use super::*;

/// Sensors of two hidden loads with a fifth of noise.
fn plant(rows: usize, sensors: usize, seed: u64) -> Array2<f64> {
    let mut stream = stream(seed, 0);
    let mut draw = || (0..12).map(|_| stream.random::<f64>()).sum::<f64>() - 6.0;
    let weights: Vec<f64> = (0..2 * sensors).map(|_| draw()).collect();
    let mut x = Array2::zeros((rows, sensors));
    for mut row in x.rows_mut() {
        let (a, b) = (draw(), draw());
        for (sensor, value) in row.iter_mut().enumerate() {
            *value = 10.0 + a * weights[2 * sensor] + b * weights[2 * sensor + 1] + 0.2 * draw();
        }
    }
    x
}

fn of(x: &Array2<f64>) -> Screened {
    Screened::of(x.view().into()).unwrap()
}

fn rows_of(range: std::ops::Range<u64>) -> Vec<u64> {
    range.collect()
}

#[test]
fn healthy_rows_are_fitted_as_they_are() {
    for seed in 0..5 {
        for sensors in [1, 2, 6, 30] {
            let x = plant(800, sensors, seed);
            let found = of(&x);
            assert_eq!(found, Screened::nothing(), "{seed} {sensors}");
            let training = found.training(x.view().into()).unwrap();
            assert!(training.own.is_none());
        }
    }
    for rows in [0, 1, 19, 20, 21, 40] {
        assert_eq!(of(&plant(rows, 5, 1)), Screened::nothing(), "{rows}");
    }
}

#[test]
fn repeats_are_no_standstill_where_the_sensor_often_repeats() {
    for seed in 0..10 {
        let mut random = stream(seed, 0);
        let mut held = 0.0;
        let mut x = Array2::from_shape_simple_fn((2000, 1), || {
            held = if random.random::<f64>() < 0.8 { held } else { random.random::<f64>() };
            held
        });
        // A run of 62 has a chance of one in a million.
        let runs = x.as_slice().unwrap().chunk_by(|one, next| one == next).map(<[f64]>::len);
        assert!((20..62).contains(&runs.max().unwrap()));
        let marks = cells::Marks::of(x.view().into()).unwrap();
        assert!((0..2000).all(|row| !marks.still(row)), "{seed}");
        x.slice_mut(s![500..600, ..]).fill(0.5);
        let marks = cells::Marks::of(x.view().into()).unwrap();
        assert!((500..600).all(|row| marks.still(row)), "{seed}");
    }
}

#[test]
fn a_sensor_is_stuck_where_it_alone_holds_for_a_tenth_of_the_rows_at_most() {
    for (rows, stuck) in [(0, false), (80, true), (150, false)] {
        let mut x = plant(1000, 6, 9);
        x.slice_mut(s![100..100 + rows, 2]).fill(10.5);
        let marks = cells::Marks::of(x.view().into()).unwrap();
        for row in 0..1000 {
            let expected = stuck && (100..100 + rows).contains(&row);
            assert_eq!(marks.stuck(row, 2), expected, "{rows} {row}");
            assert!(!marks.stuck(row, 1));
        }
        // All of them hold: the machine stands still.
        let mut x = plant(1000, 6, 9);
        x.slice_mut(s![100..100 + rows, ..]).fill(10.5);
        let marks = cells::Marks::of(x.view().into()).unwrap();
        assert!((100..100 + rows).all(|row| marks.still(row) && !marks.stuck(row, 2)));
    }
}

#[test]
fn codes_are_found_and_become_what_the_others_let_expect() {
    let clean = plant(2000, 6, 3);
    for code in [-99.0, -999.0, -9999.0, 65_535.0] {
        let mut x = clean.clone();
        let rows: Vec<usize> = (0..60).map(|number| 17 + 31 * number).collect();
        rows.iter().for_each(|&row| x[[row, 2]] = code);
        let found = of(&x);
        let told = Code {
            column: 2,
            value: code,
            count: 60,
        };
        assert_eq!(found.left_out.codes, [told]);
        assert_eq!(found.left_out.readings, [0, 0, 60, 0, 0, 0]);
        assert_eq!(found.left_out.stuck, [0; 6]);
        assert!(found.left_out.rows.is_empty());
        let training = found.training(x.view().into()).unwrap();
        let mended = training.samples();
        for row in 0..2000 {
            let difference = mended.value(row, 2) - clean[[row, 2]];
            assert!(difference.abs() < if rows.contains(&row) { 1.5 } else { f64::MIN_POSITIVE }, "{row} {difference}");
        }
    }
}

#[test]
fn a_lone_spike_is_a_reading_and_not_a_row() {
    let mut x = plant(2000, 6, 4);
    x[[1000, 3]] = -250.0;
    x[[1400, 3]] = 300.0;
    x[[1401, 3]] = 310.0;
    let found = of(&x);
    assert_eq!(found.left_out.readings, [0, 0, 0, 3, 0, 0]);
    assert!(found.left_out.rows.is_empty() && found.left_out.codes.is_empty());
}

#[test]
fn a_block_without_readings_is_left_out() {
    let mut x = plant(2000, 6, 5);
    x.slice_mut(s![700..900, ..]).fill(-999.0);
    let found = of(&x);
    assert_eq!(found.left_out.rows, rows_of(700..900));
    assert!(found.left_out.readings.is_empty() && found.states.is_empty());
    // Five of six: the sixth alone tells too little.
    let mut x = plant(2000, 6, 5);
    x.slice_mut(s![700..900, ..5]).fill(-999.0);
    assert_eq!(of(&x).left_out.rows, rows_of(700..900));
}

#[test]
fn rows_unlike_the_others_are_left_out() {
    let clean = plant(2000, 6, 6);
    let mut shifted = clean.clone();
    shifted.slice_mut(s![700..900, 2]).mapv_inplace(|value| value + 5.0);
    assert_eq!(of(&shifted).left_out.rows, rows_of(700..900));
    let mut scattered = clean.clone();
    let rows: Vec<u64> = (0..100).map(|number| 9 + 19 * number).collect();
    rows.iter().for_each(|&row| scattered[[row as usize, 2]] += 5.0);
    assert_eq!(of(&scattered).left_out.rows, rows);
    // What happens all the time is how the machine runs, as is what is too much to be an accident.
    let mut pulses = clean.clone();
    pulses.slice_mut(s![..;10, 2]).mapv_inplace(|value| value + 5.0);
    assert!(of(&pulses).left_out.is_empty());
    let mut many = clean;
    many.slice_mut(s![700..1100, 2]).mapv_inplace(|value| value + 5.0);
    assert!(of(&many).left_out.is_empty());
}

#[test]
fn what_one_sensor_alone_has_read_once_is_no_way_to_run() {
    // Within what that sensor often reads; alone among the others it is far.
    let mut x = plant(2000, 8, 6);
    let shift = 1.5 * x.column(2).std(0.0);
    assert!(shift > 1.5, "{shift}");
    x.slice_mut(s![700..880, 2]).mapv_inplace(|value| value + shift);
    let found = of(&x);
    let rows = &found.left_out.rows;
    assert!(rows.len() > 165 && rows.iter().all(|row| (700..880).contains(row)), "{}", rows.len());
    // Clusters may be of few sensors, but what a sensor has read once is none.
    let clean = plant(2000, 6, 6);
    let mut once = clean.clone();
    once.slice_mut(s![700..900, 2]).mapv_inplace(|value| value + 5.0);
    assert_eq!(of(&once).with_clusters().unwrap().left_out.rows, rows_of(700..900));
    let mut often = clean;
    (0..100).for_each(|number| often[[9 + 19 * number, 2]] += 5.0);
    assert_eq!(of(&often).left_out.rows.len(), 100);
    assert!(of(&often).with_clusters().unwrap().left_out.rows.len() < 10);
}

#[test]
fn a_stuck_sensor_is_told_from_a_machine_that_stands_still() {
    let clean = plant(2000, 6, 7);
    let mut stuck = clean.clone();
    let value = stuck[[1200, 4]];
    stuck.slice_mut(s![1200..1300, 4]).fill(value);
    let found = of(&stuck);
    assert_eq!(found.left_out.readings, [0, 0, 0, 0, 100, 0]);
    assert_eq!(found.left_out.stuck, found.left_out.readings);
    let mut still = clean.clone();
    still.slice_mut(s![300..1500, ..]).fill(0.0);
    let found = of(&still);
    assert!(found.left_out.is_empty(), "{:?}", found.left_out);
    let (training, states) = found.main(still.view().into()).unwrap();
    assert_eq!(training.samples().rows(), 800);
    assert_eq!(states.len(), 1);
    assert!(states[0].still && states[0].rows == 1200 && states[0].center == [0.0; 6]);
    assert_eq!(found.training(still.view().into()).unwrap().samples().rows(), 2000);
}

#[test]
fn what_comes_back_alike_is_a_state() {
    let mut x = plant(2000, 6, 8);
    let rows = [200..220, 900..925, 1600..1620];
    for rows in rows.clone() {
        for (sensor, away) in [20.0, -15.0, 12.0, 0.0, 30.0, -9.0].into_iter().enumerate() {
            x.slice_mut(s![rows.clone(), sensor]).mapv_inplace(|value| value + away);
        }
    }
    let found = of(&x);
    assert!(found.left_out.is_empty(), "{:?}", found.left_out);
    let (training, states) = found.main(x.view().into()).unwrap();
    assert_eq!((training.samples().rows(), states.len()), (1935, 1));
    assert!((states[0].center[4] - 40.0).abs() < 2.0);
}

#[test]
fn a_state_valve_and_a_set_point_may_have_codes_too() {
    let mut x = plant(1000, 6, 9);
    for row in 0..1000 {
        x[[row, 0]] = f64::from(row / 250 % 2 == 1);
        x[[row, 1]] = 50.0;
    }
    assert!(of(&x).left_out.is_empty());
    for row in [40, 41, 600] {
        x[[row, 0]] = -1000.0;
        x[[row, 1]] = -9999.0;
    }
    let found = of(&x);
    let told: Vec<_> = found.left_out.codes.iter().map(|code| (code.column, code.value, code.count)).collect();
    assert_eq!(told, [(0, -1000.0, 3), (1, -9999.0, 3)]);
    // A flag that is seldom set is no code.
    for row in 0..1000 {
        x[[row, 1]] = f64::from(row == 77);
    }
    assert!(of(&x).left_out.codes.iter().all(|code| code.column == 0));
}

#[test]
fn rounded_readings_repeat_and_are_no_codes_nor_stuck() {
    let mut x = plant(3000, 6, 10);
    x.mapv_inplace(|value| value.round());
    assert!(of(&x).left_out.is_empty());
    let mut tenths = plant(3000, 6, 10);
    tenths.mapv_inplace(|value| (value * 10.0).round() / 10.0);
    assert!(of(&tenths).left_out.is_empty());
}

#[test]
fn layouts_threads_and_gaps_change_nothing() {
    let mut x = plant(1500, 8, 11);
    x.slice_mut(s![700..760, 2]).fill(-999.0);
    x.slice_mut(s![1000..1030, 5]).mapv_inplace(|value| value + 40.0);
    for row in (0..1500).step_by(7) {
        x[[row, row % 8]] = f64::NAN;
    }
    let found = of(&x);
    // One of the codes has become a gap.
    assert_eq!(found.left_out.readings[2], 59);
    // What is off for a while is left out in tens of rows.
    assert!(rows_of(1000..1030).iter().all(|row| found.left_out.rows.contains(row)));
    assert!(found.left_out.rows.len() <= 50);
    let mut fortran = Array2::zeros((1500, 8).f());
    fortran.assign(&x);
    acm_linalg::parallel::set_num_threads(1).unwrap();
    let alone = of(&x);
    acm_linalg::parallel::set_num_threads(3).unwrap();
    let cells = |found: &Screened| found.cells.iter().map(|cell| cell.value.to_bits()).collect::<Vec<_>>();
    for other in [alone, of(&x), of(&fortran)] {
        assert_eq!(cells(&other), cells(&found));
        assert_eq!((&other.kinds, &other.left_out), (&found.kinds, &found.left_out));
    }
}

#[test]
fn odd_training_data_do_no_harm() {
    for x in [
        Array2::<f64>::zeros((50, 3)),
        Array2::from_elem((50, 3), f64::NAN),
        Array2::from_shape_fn((50, 3), |(row, column)| (row * 3 + column) as f64),
        Array2::from_shape_fn((60, 2), |(row, _)| f64::from(row % 2 == 0) * 1.7e308),
        Array2::from_shape_fn((60, 2), |(row, column)| 1e-300 * (row * row % 37 + column) as f64),
        Array2::from_shape_fn((60, 4), |(row, _)| (row * row % 37) as f64),
    ] {
        let found = of(&x);
        assert!(found.left_out.rows.len() <= x.nrows() / 8, "{:?}", found.left_out);
        let _ = found.main(x.view().into()).unwrap();
        let _ = found.in_place(x.view().into()).unwrap();
    }
}

#[test]
fn codes_in_rows_that_are_taken_back_are_no_readings_there() {
    // A code in rows of a rarer state, which models of clusters and those with labels take back.
    for seed in 0..6 {
        let mut x = plant(3000, 6, seed);
        let rare: Vec<usize> = (0..3000).filter(|row| row / 100 % 4 == 3).collect();
        for &row in &rare {
            x.row_mut(row)
                .iter_mut()
                .enumerate()
                .for_each(|(sensor, value)| *value += 40.0 * (sensor + 1) as f64);
        }
        let coded: Vec<usize> = rare.iter().copied().step_by(25).collect();
        coded.iter().for_each(|&row| x[[row, 3]] = -9999.0);
        let told = Code {
            column: 3,
            value: -9999.0,
            count: coded.len() as u64,
        };
        let every: [fn(Screened) -> Result<Screened>; 4] = [
            Screened::with_clusters,
            Screened::with_labels,
            Screened::with_all,
            Screened::with_states,
        ];
        for with in every {
            let found = with(of(&x)).unwrap();
            let training = found.training(x.view().into()).unwrap();
            let samples = training.samples();
            let read = (0..samples.rows()).filter(|&row| samples.value(row, 3) < -1000.0).count();
            assert_eq!(read, 0, "{seed}");
            // What is told is what was mended or left out.
            let kept = coded.iter().filter(|&&row| found.keeps(row)).count() as u64;
            assert_eq!(found.left_out.readings.get(3).copied().unwrap_or(0), kept, "{seed}");
            if kept == told.count {
                assert_eq!(found.left_out.codes, [told], "{seed}");
            }
            // Another state's relations would make of it what no sensor has read.
            for cell in &found.cells {
                let near = cell.value.is_nan() || (x[[cell.row + 1, 3]] - cell.value).abs() < 60.0;
                assert!(near, "{seed} {cell:?}");
            }
        }
    }
}

#[test]
fn a_second_way_to_stand_still_is_no_error_code() {
    let mut x = plant(4000, 6, 9);
    x.mapv_inplace(|value| value * 3.0 + 60.0);
    let stays = |first: usize| (0..2).flat_map(move |stay| first + 2000 * stay..first + 2000 * stay + 100);
    stays(500).for_each(|row| x.row_mut(row).fill(0.0));
    let warm = [0.0, 0.0, 0.0, 0.0, 1.0, 25.0];
    stays(1200).for_each(|row| x.row_mut(row).iter_mut().zip(warm).for_each(|(to, value)| *to = value));
    let found = of(&x);
    assert!(found.left_out.is_empty(), "{:?}", found.left_out);
    let still: Vec<_> = found
        .states
        .iter()
        .filter(|state| state.still)
        .map(|state| state.center.as_slice())
        .collect();
    assert_eq!(still, [&[0.0; 6], &warm]);
    // What no machine reads while it stands is a code there too.
    stays(1200).for_each(|row| x[[row, 5]] = -9999.0);
    let found = of(&x);
    assert_eq!(found.left_out.codes.iter().map(|code| (code.column, code.count)).collect::<Vec<_>>(), [(5, 200)]);
}

#[test]
fn a_fault_that_was_repaired_is_left_out_where_it_comes_once() {
    let small = |from: usize, x: &mut Array2<f64>| {
        x.slice_mut(s![from..from + 60, 3]).mapv_inplace(|value| value + 0.9);
    };
    for seed in 0..6 {
        let mut x = plant(1500, 6, 40 + seed);
        assert!(of(&x).left_out.is_empty());
        small(600, &mut x);
        let left = of(&x).left_out.rows;
        assert!(left.len() >= 50 && left.len() <= 90, "{seed}: {}", left.len());
        assert!(left.iter().all(|row| (580..680).contains(row)));
        // Another time it is how the machine runs; so is what goes on to the end.
        small(1000, &mut x);
        assert!(of(&x).left_out.rows.len() < 20, "{seed}");
        let mut last = plant(1500, 6, 40 + seed);
        small(1440, &mut last);
        assert!(of(&last).left_out.rows.len() < 20, "{seed}");
    }
}
