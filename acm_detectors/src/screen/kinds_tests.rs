use ndarray::Array2;

use super::*;

const NAN: f64 = f64::NAN;

/// A row of each kind, of three sensors: good, gone, left, alike, once, of a rare state, of standstill, of a common state, good.
fn screened() -> Screened {
    let state = |rows, still| State {
        rows,
        still,
        center: vec![1.0; 3],
    };
    let kinds = [
        Kind::Good,
        Kind::Gone,
        Kind::Left,
        Kind::Alike,
        Kind::Once,
        Kind::State(0),
        Kind::State(1),
        Kind::State(2),
        Kind::Good,
    ];
    let cell = |row, column, value, stuck, code| Cell {
        row,
        column,
        value,
        stuck,
        code,
    };
    let mut found = Screened {
        kinds: kinds.to_vec(),
        cells: vec![
            cell(0, 1, 0.5, false, Some(0)),
            cell(0, 2, 0.25, true, None),
            cell(3, 0, NAN, false, Some(1)),
            cell(5, 0, NAN, true, None),
            cell(8, 1, 0.75, false, Some(0)),
        ],
        codes: vec![
            Code {
                column: 1,
                value: 99.0,
                count: 0,
            },
            Code {
                column: 0,
                value: -9.0,
                count: 0,
            },
        ],
        columns: 3,
        states: vec![state(1, false), state(9, true), state(2, false)],
        left_out: LeftOut::default(),
    };
    found.left_out.rows = vec![1, 2, 3, 4];
    found.tell().unwrap();
    found
}

fn x() -> Array2<f64> {
    Array2::from_shape_fn((9, 3), |(row, column)| (10 * row + column) as f64)
}

/// The first readings of the rows that are trained on, NaN as -1.
fn rows(training: &Training<'_>) -> Vec<[f64; 3]> {
    let samples = training.samples();
    let value = |row, column| Some(samples.value(row, column)).filter(|value| !value.is_nan()).unwrap_or(-1.0);
    (0..samples.rows()).map(|row| [0, 1, 2].map(|column| value(row, column))).collect()
}

fn plain(row: usize) -> [f64; 3] {
    [0, 1, 2].map(|column| (10 * row + column) as f64)
}

#[test]
fn rows_to_train_on_are_those_that_are_not_lost_mended() {
    let (found, x) = (screened(), x());
    let mended = [
        [0.0, 0.5, 0.25],
        [-1.0, 51.0, 52.0],
        plain(6),
        plain(7),
        [80.0, 0.75, 82.0],
    ];
    assert_eq!(rows(&found.training(x.view().into()).unwrap()), mended);
    assert_eq!((0..11).filter(|&row| found.keeps(row)).collect::<Vec<_>>(), [0, 5, 6, 7, 8, 9, 10]);
    assert_eq!(found.kept(&[0, 1, 2, 3, 4, 5, 6, 7, 8]).unwrap(), [0, 5, 6, 7, 8]);
    // The machine runs in all but those of standstill.
    assert_eq!(rows(&found.moving(x.view().into()).unwrap()), [mended[0], mended[1], mended[3], mended[4]]);
    assert_eq!(found.running().unwrap().unwrap(), [true, true, false, true, true]);
    // All in their places.
    let (all, good) = found.in_place(x.view().into()).unwrap();
    let exact = [
        mended[0],
        plain(1),
        plain(2),
        [-1.0, 31.0, 32.0],
        plain(4),
        mended[1],
        plain(6),
        plain(7),
        mended[4],
    ];
    assert_eq!(rows(&all), exact);
    assert_eq!(good, [true, false, false, false, false, true, true, true, true]);
    assert_eq!(found.sound(9).unwrap(), [false, false, false, false, false, false, true, true, false]);
    let none = [-1.0; 3];
    let exact = [
        [0.0, -1.0, -1.0],
        none,
        none,
        none,
        none,
        [-1.0, 51.0, 52.0],
        plain(6),
        plain(7),
        [80.0, -1.0, 82.0],
    ];
    assert_eq!(rows(&found.blanked(x.view().into()).unwrap()), exact);
}

#[test]
fn rare_states_and_standstill_have_centres_of_their_own() {
    let (found, x) = (screened(), x());
    // Of nine rows 15 % are 1.35: a state of one row is rare, one of two is not; standstill always.
    assert_eq!([0, 1, 2].map(|number| found.is_apart(number, 9)), [true, true, false]);
    assert!(found.is_apart(2, 14));
    let (training, states) = found.main(x.view().into()).unwrap();
    assert_eq!(rows(&training), [[0.0, 0.5, 0.25], plain(7), [80.0, 0.75, 82.0]]);
    assert_eq!(states.iter().map(|state| state.rows).collect::<Vec<_>>(), [1, 9]);
    let (states, marks) = found.apart(9).unwrap();
    assert_eq!((states.len(), marks), (2, vec![false, false, false, false, false, true, true, false, false]));
    // A model that looks back learns from all of them.
    let (training, states) = found.beside(x.view().into(), 1).unwrap();
    assert_eq!((rows(&training).len(), states.len()), (5, 0));
    let (training, states) = found.beside(x.view().into(), 0).unwrap();
    assert_eq!((rows(&training).len(), states.len()), (3, 2));
}

#[test]
fn what_is_told_is_of_the_rows_that_are_kept() {
    let told = |found: Screened| {
        let left = found.left_out();
        let codes = left.codes.iter().map(|code| (code.column, code.value, code.count)).collect::<Vec<_>>();
        (left.rows, left.readings, left.stuck, codes)
    };
    assert_eq!(told(screened()), (vec![1, 2, 3, 4], vec![1, 2, 1], vec![1, 0, 1], vec![(1, 99.0, 2)]));
    let with_code = vec![(1, 99.0, 2), (0, -9.0, 1)];
    assert_eq!(
        told(screened().with_clusters().unwrap()),
        (vec![1, 2, 4], vec![2, 2, 1], vec![1, 0, 1], with_code.clone())
    );
    assert_eq!(told(screened().with_all().unwrap()).0, [1]);
    assert_eq!(told(screened().with_labels().unwrap()), (vec![1, 2], vec![2, 2, 1], vec![1, 0, 1], with_code));
    assert_eq!(told(screened().with_states().unwrap()).0, [1, 2]);
    // Three rows in a row that are left may be a state.
    let three = |rows: usize| {
        let mut found = screened();
        found.kinds = vec![Kind::Good; 9];
        found.kinds[2..2 + rows].fill(Kind::Left);
        found.left_out.rows = (2..2 + rows as u64).collect();
        told(found.with_states().unwrap()).0
    };
    assert_eq!(three(2), [2, 3]);
    assert!(three(3).is_empty());
}

#[test]
fn where_nothing_was_found_the_rows_are_those_that_came() {
    let (nothing, x) = (Screened::nothing(), x());
    assert!(nothing.is_nothing() && nothing.training(x.view().into()).unwrap().own.is_none());
    assert!(nothing.blanked(x.view().into()).unwrap().own.is_none());
    let (all, good) = nothing.in_place(x.view().into()).unwrap();
    assert!(all.own.is_none() && good == [true; 9]);
    assert!(nothing.running().unwrap().is_none() && nothing.apart(9).unwrap().0.is_empty());
    // A state alone: nothing is mended, and the rows are all there.
    let mut found = Screened::nothing();
    found.kinds = vec![Kind::Good; 9];
    assert!(found.training(x.view().into()).unwrap().own.is_none());
    assert!(!screened().left_out().is_empty() && LeftOut::default().is_empty());
    let readings = LeftOut {
        readings: vec![1],
        stuck: vec![0],
        ..LeftOut::default()
    };
    assert!(!readings.is_empty());
}
