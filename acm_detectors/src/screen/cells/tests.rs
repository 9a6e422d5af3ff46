use ndarray::Array2;

use super::*;

const NAN: f64 = f64::NAN;

fn sensor() -> Sensor {
    Sensor {
        many: false,
        moves: false,
        median: 0.0,
        up: 0.0,
        down: 0.0,
    }
}

/// Marks of repeats, and whether the sensor has many values.
fn repeats(values: &[f64]) -> (bool, Vec<u8>) {
    let (mut sensor, mut marks) = (sensor(), vec![64; values.len()]);
    let mut spare = vec![0.0; values.len()];
    Desk {
        values,
        spare: &mut spare,
    }
    .repeats(&mut sensor, &mut marks);
    (sensor.many, marks)
}

fn frozen(marks: &[u8]) -> Vec<usize> {
    (0..marks.len()).filter(|&row| marks[row] & FROZEN != 0).collect()
}

#[test]
fn more_than_twenty_values_of_which_half_are_known_are_readings() {
    let of = |different: usize, rows: usize, missing: usize| {
        let value = |row: usize| if row < missing { NAN } else { (row % different) as f64 };
        repeats(&(0..rows).map(value).collect::<Vec<_>>()).0
    };
    assert_eq!([of(20, 200, 0), of(21, 200, 0), of(21, 200, 100), of(21, 200, 101)], [false, true, true, false]);
    let (_, marks) = repeats(&[1.0, NAN, f64::INFINITY, 2.0, f64::NEG_INFINITY]);
    assert_eq!(marks, [0, MISSING, MISSING, 0, MISSING]);
}

#[test]
fn a_run_ten_times_as_long_as_usual_is_frozen() {
    // A sensor that repeats nothing else: a run of ten is, one of nine is not.
    let with = |length: usize, value: f64| {
        let mut values: Vec<f64> = (0..100).map(|row| f64::from(row) * 0.5).collect();
        values[40..40 + length].fill(value);
        frozen(&repeats(&values).1)
    };
    assert_eq!(with(10, -3.0), (40..50).collect::<Vec<_>>());
    assert_eq!(with(9, -3.0), [0_usize; 0]);
    assert_eq!(with(30, NAN), [0_usize; 0]);
    // One that holds each value for three rows: thirty; its repeats are two thirds, so that by chance none is longer than
    // ln(1e-3 / rows) / ln(2 / 3).
    let slow = |length: usize| {
        let mut values: Vec<f64> = (0..300).map(|row| f64::from(row / 3)).collect();
        values[150..150 + length].fill(-3.0);
        frozen(&repeats(&values).1).len()
    };
    let chance = (1e-3_f64 / 300.0).ln() / (2.0_f64 / 3.0).ln();
    assert!(chance > 31.0 && chance < 31.2);
    assert_eq!([slow(30), slow(33)], [0, 33]);
}

/// How the sensor lies, and its marks, where some rows stand still; `given` are the marks before.
fn scales(values: &[f64], still: &[bool], given: &[u8]) -> (Sensor, Vec<u8>) {
    let mut sensor = Sensor { many: true, ..sensor() };
    let (mut marks, mut spare) = (given.to_vec(), vec![0.0; values.len()]);
    Desk {
        values,
        spare: &mut spare,
    }
    .scales(still, &mut sensor, &mut marks);
    (sensor, marks)
}

#[test]
fn scales_are_of_the_running_rows_and_both_sides() {
    // 0 to 100 in another order, twice as far above 50.
    let value = |row: usize| {
        let value = (37 * row % 101) as f64;
        if value > 50.0 { 2.0 * value - 50.0 } else { value }
    };
    let mut values: Vec<f64> = (0..101).map(value).collect();
    // What stands still, is missing or frozen does not count.
    values.extend([9e9, 9e9, NAN, 7e9, 7e9]);
    let mut still = vec![false; 106];
    still[101..103].fill(true);
    let mut given = vec![0; 106];
    given[103] = MISSING;
    given[104..].fill(FROZEN);
    let (sensor, marks) = scales(&values, &still, &given);
    // Quantiles .15, .5 and .85 of 101 values; half of them lie within 34 of the middle: 17 above it, 34 below.
    assert!(sensor.moves && sensor.median == 50.0);
    let (up, down) = (70.0_f64 / 1.036, 35.0_f64 / 1.036);
    let mad = 1.4826 * 33.0;
    assert!((sensor.up - up.max(mad)).abs() < 1.5 && (sensor.down - down.max(mad)).abs() < 2.0, "{sensor:?}");
    assert!((sensor.up - up).abs() < 1e-9 && sensor.scale() == sensor.up);
    // Beyond eight of them: all that is not missing, standstill too. The stuck rows are few.
    assert_eq!(marks[..101], [0; 101]);
    assert_eq!(
        marks[101..],
        [
            OUTLYING,
            OUTLYING,
            MISSING,
            FROZEN | OUTLYING | BAD | STUCK,
            FROZEN | OUTLYING | BAD | STUCK
        ]
    );
}

#[test]
fn far_readings_are_beyond_eight_scales_of_their_side() {
    let mut values: Vec<f64> = (0..101).map(|row| (37 * row % 101) as f64 - 50.0).collect();
    let (sensor, _) = scales(&values, &[false; 101], &[0; 101]);
    let (up, down) = (sensor.up, sensor.down);
    assert!(sensor.median == 0.0 && (up - down).abs() < 1e-9);
    // Values in the places of the greatest and the least leave all quantiles as they are.
    let high = values.iter().position(|&value| value == 50.0).unwrap();
    let low = values.iter().position(|&value| value == -50.0).unwrap();
    for (more, far) in [(0.999, 0), (1.001, OUTLYING)] {
        values[high] = 8.0 * up * more;
        values[low] = -8.0 * down * more;
        let (_, marks) = scales(&values, &[false; 101], &[0; 101]);
        assert_eq!((marks[high], marks[low]), (far, far), "{more}");
        assert_eq!(marks.iter().filter(|&&mark| mark != 0).count(), usize::from(far > 0) * 2);
    }
}

#[test]
fn a_sensor_that_seldom_changes_does_not_move() {
    // It changes in every fifth row, or every sixth.
    let of = |every: usize| {
        let values: Vec<f64> = (0..600).map(|row| (row / every * 37 % 101) as f64).collect();
        scales(&values, &vec![false; 600], &vec![0; 600]).0.moves
    };
    assert_eq!([of(2), of(5), of(6)], [true, false, false]);
    // Of 599 pairs 119.8 are a fifth.
    let values: Vec<f64> = (0..600).map(|row| if row < 480 { row / 4 * 37 % 101 } else { 0 } as f64).collect();
    let changes = values.windows(2).filter(|two| two[0] != two[1]).count();
    assert_eq!((changes, scales(&values, &vec![false; 600], &vec![0; 600]).0.moves), (120, true));
    // Changes from or to a standstill are none; nine running rows are too few.
    let still: Vec<bool> = (0..600).map(|row| row % 2 == 0).collect();
    let values: Vec<f64> = (0..600).map(|row| (37 * row % 101) as f64).collect();
    assert!(scales(&values, &still, &vec![0; 600]).0.moves);
    let few = |running: usize| {
        scales(&values, &(0..600).map(|row| row >= running).collect::<Vec<_>>(), &vec![0; 600])
            .0
            .moves
    };
    assert_eq!([few(9), few(10)], [false, true]);
    // All are the same but one: no scale.
    assert!(!scales(&[3.0; 40], &[false; 40], &[0; 40]).0.moves);
}

#[test]
fn a_tenth_of_the_rows_at_most_is_stuck_while_the_others_run() {
    let values: Vec<f64> = (0..100).map(|row| (37 * row % 101) as f64).collect();
    let of = |stuck: usize| {
        let given: Vec<u8> = (0..100).map(|row| if row < stuck { FROZEN } else { 0 }).collect();
        let still: Vec<bool> = (0..100).map(|row| row == 2).collect();
        let (_, marks) = scales(&values, &still, &given);
        (0..100).filter(|&row| marks[row] == FROZEN | BAD | STUCK).collect::<Vec<_>>()
    };
    assert_eq!(of(4), [0, 1, 3]);
    // One of those stands still.
    assert_eq!(of(11).len(), 10);
    assert_eq!(of(12), [0_usize; 0]);
}

struct Side {
    values: Vec<f64>,
    marks: Vec<u8>,
    wide: Vec<bool>,
    still: Vec<bool>,
}

impl Side {
    /// Rows of scale 1 about 5, evenly between 4 and 6.
    fn new() -> Self {
        let values: Vec<f64> = (0..200).map(|row| 4.0 + 0.01 * f64::from(row * 37 % 200)).collect();
        Self {
            marks: vec![0; 200],
            wide: vec![false; 200],
            still: vec![false; 200],
            values,
        }
    }

    fn put(mut self, rows: std::ops::Range<usize>, value: f64) -> Self {
        self.values[rows].fill(value);
        self
    }

    /// The rows that are bad on a side, and its codes.
    fn bad(&self, sign: f64) -> (Vec<usize>, Codes) {
        let (mut marks, mut codes, mut spare) = (self.marks.clone(), Codes::new(), vec![0.0; 200]);
        let mut desk = Desk {
            values: &self.values,
            spare: &mut spare,
        };
        desk.side((&self.wide, &self.still), sign, 1.0, 5.0, &mut marks, &mut codes);
        ((0..200).filter(|&row| marks[row] & BAD != 0).collect(), codes)
    }
}

#[test]
fn what_lies_beyond_a_gap_as_wide_as_the_way_to_it_is_bad() {
    // Eight scales; the gap from 6 on: the sensor lies one above its middle.
    assert_eq!(Side::new().bad(1.0), (vec![], vec![]));
    assert_eq!(Side::new().put(70..71, 12.9).bad(1.0), (vec![], vec![]));
    assert_eq!(Side::new().put(70..71, 13.1).bad(1.0), (vec![70], vec![]));
    assert_eq!(Side::new().put(70..71, 13.1).bad(-1.0), (vec![], vec![]));
    assert_eq!(Side::new().put(70..71, -3.1).bad(-1.0), (vec![70], vec![]));
    // Readings on the way leave no gap.
    assert_eq!(Side::new().put(70..71, 15.0).put(90..91, 11.0).bad(1.0), (vec![], vec![]));
    assert_eq!(Side::new().put(70..71, 15.0).put(90..91, 9.9).bad(1.0), (vec![70], vec![]));
    // Up to three in a row are a spike; what is missing is none.
    assert_eq!(Side::new().put(70..73, 15.0).put(71..72, 16.5).bad(1.0).0, [70, 71, 72]);
    assert_eq!(
        Side::new()
            .put(70..71, 15.0)
            .put(71..72, 16.5)
            .put(72..73, 18.0)
            .put(73..74, 19.5)
            .bad(1.0),
        (vec![], vec![])
    );
    let mut missing = Side::new().put(70..71, 15.0);
    missing.marks[70] = MISSING;
    assert_eq!(missing.bad(1.0).0, [0_usize; 0]);
    // Where a quarter of the sensors are far it is judged with them.
    let mut wide = Side::new().put(70..71, 15.0).put(99..100, 17.0);
    wide.wide[70] = true;
    assert_eq!(wide.bad(1.0).0, [99]);
}

#[test]
fn spikes_are_a_twentieth_of_the_rows_at_most() {
    let with = |count: usize| {
        let mut side = Side::new();
        for number in 0..count {
            side.values[10 * number + 5] = 20.0 + 2.0 * number as f64;
        }
        side.bad(1.0).0.len()
    };
    assert_eq!([with(10), with(11)], [10, 0]);
}

#[test]
fn a_value_by_itself_that_comes_again_is_a_code() {
    let code = |count: usize| {
        let mut side = Side::new();
        for number in 0..count {
            side.values[8 * number + 3] = 99.0;
        }
        side.bad(1.0)
    };
    assert_eq!(code(20).1, [(99.0, 20)]);
    assert_eq!(code(2).1, [(99.0, 2)]);
    assert_eq!((code(1).1, code(21).1), (vec![], vec![]));
    // Another reading within a scale: it is not by itself.
    assert_eq!(Side::new().put(70..80, 99.0).put(90..91, 99.9).bad(1.0).1, []);
    assert_eq!(Side::new().put(70..80, 99.0).put(90..91, 98.1).bad(1.0).1, []);
    assert_eq!(Side::new().put(70..80, 99.0).put(90..91, 100.1).bad(1.0).1, [(99.0, 10)]);
    assert_eq!(Side::new().put(70..80, 99.0).put(90..95, 120.0).bad(1.0).1, [(99.0, 10), (120.0, 5)]);
    // On the lower side, and of a sensor that reads below 0.
    assert_eq!(Side::new().put(70..80, -999.0).bad(-1.0).1, [(-999.0, 10)]);
    // A code that was taken for stuck is none.
    let mut stuck = Side::new().put(70..80, 99.0);
    stuck.marks[70..80].fill(STUCK | BAD | FROZEN);
    let (mut marks, mut codes, mut spare) = (stuck.marks.clone(), Codes::new(), vec![0.0; 200]);
    let mut desk = Desk {
        values: &stuck.values,
        spare: &mut spare,
    };
    desk.side((&stuck.wide, &stuck.still), 1.0, 1.0, 5.0, &mut marks, &mut codes);
    assert_eq!(marks[70..80], [FROZEN | BAD; 10]);
}

#[test]
fn nothing_is_no_code_nor_what_a_machine_at_rest_reads() {
    // A sensor far above 0, of scale 1.
    let rest = |value: f64, still: usize| {
        let mut side = Side::new();
        side.values.iter_mut().for_each(|value| *value += 95.0);
        side.values[50..60].fill(value);
        side.still[50..50 + still].fill(true);
        let (mut marks, mut codes, mut spare) = (side.marks.clone(), Codes::new(), vec![0.0; 200]);
        let mut desk = Desk {
            values: &side.values,
            spare: &mut spare,
        };
        desk.side((&side.wide, &side.still), -1.0, 1.0, 100.0, &mut marks, &mut codes);
        codes
    };
    assert_eq!(rest(30.0, 0), [(30.0, 10)]);
    assert_eq!(rest(30.0, 7), [(30.0, 10)]);
    assert_eq!(rest(30.0, 8), []);
    // Beyond nothing it is no reading of a machine at rest.
    assert_eq!(rest(-30.0, 10), [(-30.0, 10)]);
    assert_eq!(rest(0.0, 0), []);
    // Where a sensor reads 0 for longer, its short zeros are no spikes.
    let zeros = |long: bool| {
        let mut side = Side::new();
        side.values.iter_mut().for_each(|value| *value += 95.0);
        side.values[20..22].fill(0.0);
        side.values[90] = 3.0;
        if long {
            side.values[50..54].fill(0.0);
        }
        let (mut marks, mut codes, mut spare) = (side.marks.clone(), Codes::new(), vec![0.0; 200]);
        let mut desk = Desk {
            values: &side.values,
            spare: &mut spare,
        };
        desk.side((&side.wide, &side.still), -1.0, 1.0, 100.0, &mut marks, &mut codes);
        (0..200).filter(|&row| marks[row] & BAD != 0).collect::<Vec<_>>()
    };
    assert_eq!(zeros(false), [20, 21, 90]);
    assert_eq!(zeros(true), [90]);
}

/// Bad rows and codes of a sensor with states.
fn apart(values: &[f64]) -> (usize, Codes) {
    let (mut marks, mut codes, mut spare) = (vec![0; values.len()], Codes::new(), vec![0.0; values.len()]);
    for (mark, value) in marks.iter_mut().zip(values) {
        *mark = if value.is_finite() { 0 } else { MISSING };
    }
    Desk {
        values,
        spare: &mut spare,
    }
    .apart(&mut marks, &mut codes);
    (marks.iter().filter(|&&mark| mark & BAD != 0).count(), codes)
}

#[test]
fn a_rare_state_far_from_all_others_is_a_code() {
    let states = |rare: &[f64]| {
        let mut values: Vec<f64> = (0..100).map(|row| f64::from(row % 3)).collect();
        values[40..40 + rare.len()].copy_from_slice(rare);
        values[99] = NAN;
        apart(&values)
    };
    // Eight times what the others span: from 0 to 2.
    assert_eq!(states(&[18.1; 10]), (10, vec![(18.1, 10)]));
    assert_eq!(states(&[18.0; 10]), (0, vec![]));
    assert_eq!(states(&[-16.1; 2]), (2, vec![(-16.1, 2)]));
    assert_eq!(states(&[-16.0; 2]), (0, vec![]));
    assert_eq!(states(&[18.1; 11]), (0, vec![]));
    // One after the other: what lies beyond a code first.
    assert_eq!(states(&[999.0, 999.0, 50.0]), (3, vec![(999.0, 2), (50.0, 1)]));
    // Of a sensor with one value else only what programs give for nothing.
    let mut two = [1.0; 100];
    two[3] = 99.0;
    assert_eq!(apart(&two), (1, vec![(99.0, 1)]));
    two[3] = 98.0;
    assert_eq!(apart(&two), (0, vec![]));
    two[3] = 0.0;
    assert_eq!(apart(&two), (0, vec![]));
}

#[test]
fn programs_give_nines_and_the_ends_of_whole_numbers_for_nothing() {
    for code in [
        99.0,
        -999.0,
        9999.0,
        99_999.0,
        999_999.0,
        -9_999_999.0,
        32_767.0,
        -32_768.0,
        65_535.0,
    ] {
        assert!(nothing_else(code), "{code}");
    }
    assert!(nothing_else(2_147_483_647.0) && nothing_else(-2_147_483_648.0));
    assert!(!nothing_else(9.0) && !nothing_else(0.0) && !nothing_else(99_999_999.0) && !nothing_else(32_766.0));
}

#[test]
fn rows_stand_still_or_are_gone_by_half_of_the_sensors() {
    let mut marks = Marks {
        rows: 3,
        sensors: vec![Sensor { many: true, ..sensor() }; 4],
        marks: vec![0; 12],
        still: vec![false; 3],
        gone: vec![false; 3],
        bad: 3,
        codes: Vec::new(),
    };
    marks.sensors[3].many = false;
    // Of three sensors with many values: one, two of them in a row; the fourth does not count, nor what is bad.
    let mut put = |row: usize, column: usize, mark: u8| marks.marks[column * 3 + row] = mark;
    put(0, 0, FROZEN);
    put(0, 3, FROZEN | OUTLYING);
    put(1, 0, FROZEN);
    put(1, 1, FROZEN | STUCK);
    put(2, 0, FROZEN | BAD);
    put(2, 1, FROZEN | BAD);
    put(2, 2, BAD | OUTLYING);
    assert_eq!(marks.counts(|sensor| sensor.many, FROZEN, BAD).unwrap(), [1, 2, 0]);
    marks.stand_still().unwrap();
    assert_eq!([0, 1, 2].map(|row| marks.still(row)), [false, true, false]);
    marks.lose().unwrap();
    assert_eq!([0, 1, 2].map(|row| marks.gone(row)), [false, false, true]);
    assert_eq!([marks.bad(2, 0), marks.bad(1, 0), marks.stuck(1, 1), marks.stuck(2, 1)], [true, false, true, false]);
    assert_eq!([marks.sound(2, 0), marks.sound(1, 1)], [false, true]);
    // More than a quarter of the sensors, and more than one of few.
    assert_eq!(marks.wide().unwrap(), [false, false, false]);
    marks.marks[2 * 3] = OUTLYING;
    assert_eq!(marks.wide().unwrap(), [true, false, false]);
}

#[test]
fn columns_are_marked_each_by_itself() {
    let x = Array2::from_shape_fn((60, 10), |(row, column)| match (row, column) {
        (7, 4) => NAN,
        (20..40, 6) => 1.0,
        _ => ((37 + column) * row % 101) as f64,
    });
    let marks = Marks::of(x.view().into()).unwrap();
    assert_eq!((marks.rows(), marks.many()), (60, 10));
    assert!(marks.sensors.iter().all(|sensor| sensor.moves || sensor.median == 0.0));
    assert!(!marks.sound(7, 4) && !marks.bad(7, 4) && marks.sound(7, 5));
    assert!((0..60).all(|row| (marks.mark(row, 6) & FROZEN != 0) == (20..40).contains(&row)));
}
