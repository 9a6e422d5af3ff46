use std::cell::Cell;
use std::num::NonZero;
use std::sync::atomic::{AtomicUsize, Ordering};

use fearless_simd::Simd;
use ndarray::{Array2, ArrayView2, ShapeBuilder, s};
use proptest::prelude::*;
use proptest::test_runner::RngSeed;

use crate::columns::{self, History, Leaf, Pick, Plane, Source, Tile};
use crate::lanes::{LANES, Row};
use crate::parallel;
use crate::{Error, Result, Table};

/// Rows are counted in hundreds, so that a value says where it stands.
const HUNDRED: usize = 100;

/// Result `r` of a row is `HUNDRED * r` more than the value `lag` rows earlier; what a tile says of itself is checked.
pub(crate) struct Lag {
    pub(crate) blocks: Vec<usize>,
    pub(crate) window: usize,
    pub(crate) lag: usize,
    pub(crate) tile_rows: usize,
    pub(crate) cost_ns: f64,
    pub(crate) history: History<'static>,
    pub(crate) rows: usize,
    pub(crate) calls: AtomicUsize,
}

impl Lag {
    pub(crate) fn new(window: usize, lag: usize, rows: usize) -> Self {
        Self {
            blocks: vec![1],
            window,
            lag,
            tile_rows: if window < 64 { 64 / window * window } else { 64 },
            cost_ns: 1.0,
            history: History::default(),
            rows,
            calls: AtomicUsize::new(0),
        }
    }

    /// Rows that are computed, those beyond the array's end included.
    fn reach(&self) -> usize {
        self.rows + self.history.ahead
    }
}

/// Column modulo a hundred, and row counted from 1, or NaN where every seventh value is missing.
pub(crate) fn value(row: usize, column: usize) -> f64 {
    let missing = [f64::NAN, f64::INFINITY, f64::NEG_INFINITY];
    if (row + 3 * column) % 7 == 5 {
        missing[row % 3]
    } else {
        ((row + 1) * HUNDRED + column % HUNDRED) as f64
    }
}

pub(crate) fn matrix(rows: usize, columns: usize) -> Array2<f64> {
    Array2::from_shape_fn((rows, columns), |(row, column)| value(row, column))
}

/// The value that a leaf sees: missing ones as the fill says.
fn seen(x: f64, column: usize, fill: Option<&[f64]>) -> f64 {
    match fill {
        _ if x.is_finite() => x,
        Some(fill) => fill[column],
        None => f64::NAN,
    }
}

impl Leaf for Lag {
    /// The rows after the last tile, by lane.
    type Scratch = Option<[usize; LANES]>;

    fn blocks(&self) -> Vec<usize> {
        self.blocks.clone()
    }

    fn window(&self) -> usize {
        self.window
    }

    fn lead(&self, end: usize) -> usize {
        let whole = self.history.first_row + self.rows;
        assert_eq!(end, if self.history.ahead == 0 { whole } else { usize::MAX });
        self.lag
    }

    fn tile_rows(&self) -> usize {
        self.tile_rows
    }

    fn cost_ns(&self) -> f64 {
        self.cost_ns
    }

    fn scratch(&self, rows: usize) -> Result<Self::Scratch> {
        assert_eq!(rows, self.reach());
        Ok(None)
    }

    fn tile<S: Simd>(&self, _simd: S, after: &mut Self::Scratch, tile: &Tile<'_>, out: &mut [Row]) {
        self.calls.fetch_add(1, Ordering::Relaxed);
        let width: usize = self.blocks.iter().sum();
        assert!((1..=LANES).contains(&tile.lanes));
        assert!((1..=self.tile_rows).contains(&tile.rows()));
        assert_eq!(out.len(), tile.rows() * width);
        assert!(tile.lead <= self.lag);
        for lane in 0..tile.lanes {
            let start = tile.start[lane];
            assert_eq!(tile.phase, (self.history.first_row + start) % self.window);
            // Beyond the last row a lane computes what nobody reads.
            assert!(tile.lead >= self.lag.min(start).min(self.reach()));
            for (row, x) in (0..).zip(tile.x) {
                // Rows outside the array are missing, whatever the fill.
                let at = start + row;
                if !(tile.lead..tile.lead + self.rows).contains(&at) {
                    assert!(x.0[lane].is_nan());
                } else if x.0[lane] > 0.0 {
                    assert_eq!((x.0[lane] / HUNDRED as f64).floor(), (at - tile.lead + 1) as f64);
                }
            }
            if tile.continues {
                assert_eq!(after.map(|after| after[lane]), Some(start));
            }
        }
        assert!(tile.x.iter().all(|x| x.0[tile.lanes..].iter().all(|&x| x == 0.0)));
        *after = Some(tile.start.map(|start| start + tile.rows()));
        for (row, out) in out.chunks_exact_mut(width).enumerate() {
            let nothing = Row::splat(f64::NAN);
            let from = (tile.lead + row).checked_sub(self.lag).map_or(nothing, |from| tile.x[from]);
            for (result, out) in out.iter_mut().enumerate() {
                *out = Row(from.0.map(|x| x + (HUNDRED * result) as f64));
            }
        }
    }
}

/// What [`Lag`] gives for the matrix.
pub(crate) fn expected(leaf: &Lag, x: ArrayView2<'_, f64>) -> Array2<f64> {
    let (rows, columns) = x.dim();
    let width: usize = leaf.blocks.iter().sum();
    let History {
        first_row, ahead, step, ..
    } = leaf.history;
    let kept: Vec<usize> = (0..rows).filter(|row| (row + first_row).is_multiple_of(step.get())).collect();
    let mut out = Array2::zeros((kept.len(), columns * width));
    let mut first = 0;
    for &block in &leaf.blocks {
        for (at, column) in ndarray::indices((kept.len(), columns)) {
            let from = (kept[at] + ahead).checked_sub(leaf.lag).filter(|&from| from < rows);
            let from = from.map_or(f64::NAN, |from| seen(x[[from, column]], column, leaf.history.fill));
            for result in 0..block {
                out[[at, first * columns + column * block + result]] = from + ((first + result) * HUNDRED) as f64;
            }
        }
        first += block;
    }
    out
}

#[track_caller]
pub(crate) fn assert_same(got: ArrayView2<'_, f64>, expected: ArrayView2<'_, f64>, case: &str) {
    for ((at, got), expected) in got.indexed_iter().zip(expected) {
        assert!(got == expected || got.is_nan() && expected.is_nan(), "{case}: {at:?}: got {got}, expected {expected}");
    }
}

pub(crate) fn compute(leaf: &Lag, x: ArrayView2<'_, f64>) -> Array2<f64> {
    let width: usize = leaf.blocks.iter().sum();
    let mut out = Array2::from_elem((leaf.history.kept(x.nrows()), x.ncols() * width), -7.0);
    columns::run(leaf, x, leaf.history, out.view_mut()).unwrap();
    let mut from_list = Array2::from_elem(out.dim(), -7.0);
    let list: Vec<_> = x.columns().into_iter().collect();
    let list = Table::of_columns(x.nrows(), &list, "x").unwrap();
    columns::run(leaf, list, leaf.history, from_list.view_mut()).unwrap();
    assert_same(from_list.view(), out.view(), "a list of columns");
    out
}

#[test]
fn every_row_of_every_column_is_computed_once() {
    for columns in [1, 2, 7, 8, 9, 17, 50] {
        for rows in [1, 2, 63, 64, 65, 700, 3000] {
            let x = matrix(rows, columns);
            for (window, lag) in [
                (1, 0),
                (1, 1),
                (3, 2),
                (16, 16),
                (64, 5),
                (200, 199),
                (5000, 400),
                (9, 4000),
            ] {
                let leaf = Lag::new(window, lag, rows);
                let case = format!("{rows} x {columns}, window {window}, lag {lag}");
                assert_same(compute(&leaf, x.view()).view(), expected(&leaf, x.view()).view(), &case);
            }
        }
    }
}

#[test]
fn many_chunks_on_many_threads_are_computed_once() {
    for columns in [1, 7, 8, 9, 17, 50] {
        for rows in [700, 5000, 9001] {
            let x = matrix(rows, columns);
            for (window, lag) in [(3, 2), (100, 99), (1000, 1000)] {
                let mut leaf = Lag::new(window, lag, rows);
                leaf.cost_ns = 1e5;
                let case = format!("{rows} x {columns}, window {window}, lag {lag}");
                let right = expected(&leaf, x.view());
                for threads in [1, 2, 5] {
                    parallel::set_num_threads(threads).unwrap();
                    assert_same(compute(&leaf, x.view()).view(), right.view(), &format!("{case}, {threads} threads"));
                }
                assert!(leaf.calls.load(Ordering::Relaxed) >= 3 * rows / 512, "{case}");
            }
        }
    }
}

#[test]
fn rows_are_counted_from_the_start_of_the_history() {
    for first_row in [1, 15, 16, 1_000_003, usize::MAX - 5000] {
        for columns in [1, 9, 50] {
            let x = matrix(1500, columns);
            for window in [1, 16, 100, 4000] {
                let mut leaf = Lag::new(window, window.min(200), 1500);
                leaf.history.first_row = first_row;
                let case = format!("from {first_row}, {columns} columns, window {window}");
                assert_same(compute(&leaf, x.view()).view(), expected(&leaf, x.view()).view(), &case);
            }
        }
    }
}

#[test]
fn missing_values_are_filled_and_rows_outside_are_not() {
    static FILL: [f64; 50] = [-3.0; 50];
    for columns in [1, 8, 9, 17, 50] {
        let x = matrix(900, columns);
        for fortran in [false, true] {
            let mut leaf = Lag::new(16, 20, 900);
            leaf.history.fill = Some(&FILL[..columns]);
            let turned = Array2::from_shape_fn(x.dim().set_f(fortran), |at| x[at]);
            let got = compute(&leaf, turned.view());
            assert_same(got.view(), expected(&leaf, x.view()).view(), &format!("{columns} columns"));
            assert!(got.slice(s![..20, ..]).iter().all(|y| y.is_nan()));
            assert!(got.slice(s![20.., ..]).iter().all(|y| !y.is_nan()));
        }
    }
}

#[test]
fn each_column_has_its_own_fill() {
    static FILL: [f64; 17] = [
        -1., -2., -3., -4., -5., -6., -7., -8., -9., -10., -11., -12., -13., -14., -15., -16., -17.,
    ];
    for columns in [5, 8, 17] {
        let x = Array2::from_elem((70, columns), f64::NAN);
        let mut leaf = Lag::new(4, 0, 70);
        leaf.history.fill = Some(&FILL[..columns]);
        let got = compute(&leaf, x.view());
        assert!(got.rows().into_iter().all(|row| row.to_vec() == FILL[..columns]));
    }
}

#[test]
fn blocks_stand_one_after_the_other_in_any_memory_order() {
    for blocks in [
        vec![1],
        vec![2],
        vec![3],
        vec![4],
        vec![1, 1, 1],
        vec![2, 5, 1],
        vec![1, 3, 2, 8],
    ] {
        let width: usize = blocks.iter().sum();
        for columns in [1, 2, 7, 8, 9, 17, 50] {
            let (rows, broad) = (600, columns * width);
            let x = matrix(rows, columns);
            let mut leaf = Lag::new(16, 3, rows);
            leaf.blocks.clone_from(&blocks);
            let right = expected(&leaf, x.view());
            let case = format!("{blocks:?}, {columns} columns");
            assert_same(compute(&leaf, x.view()).view(), right.view(), &case);
            let mut out = Array2::zeros((rows, broad).f());
            columns::run(&leaf, x.view(), leaf.history, out.view_mut()).unwrap();
            assert_same(out.view(), right.view(), &case);
            let mut out = Array2::from_elem((2 * rows, 3 * broad), -7.0);
            columns::run(&leaf, x.view(), leaf.history, out.slice_mut(s![..;-2, 1..;3])).unwrap();
            assert_same(out.slice(s![..;-2, 1..;3]), right.view(), &case);
            assert!(out.slice(s![..;2, ..]).iter().chain(out.slice(s![.., ..;3])).all(|&y| y == -7.0), "{case}");
        }
    }
}

#[test]
fn any_memory_order_comes_in() {
    for columns in [1, 8, 9, 24] {
        let x = matrix(500, columns);
        let leaf = Lag::new(7, 6, 500);
        let right = expected(&leaf, x.view());
        let mut wide = Array2::from_elem((1000, 2 * columns), 1e300);
        wide.slice_mut(s![1..;2, ..;2]).assign(&x);
        let mut turned = x.clone();
        turned.slice_mut(s![..;-1, ..;-1]).assign(&x);
        assert_same(compute(&leaf, wide.slice(s![1..;2, ..;2])).view(), right.view(), "strided");
        assert_same(compute(&leaf, turned.slice(s![..;-1, ..;-1])).view(), right.view(), "turned");
    }
}

#[expect(clippy::cast_possible_truncation, reason = "float32 in, float32 out")]
#[test]
fn float32_goes_in_and_out() {
    for columns in [3, 8, 17] {
        let x = matrix(300, columns);
        let leaf = Lag::new(16, 5, 300);
        let mut out = Array2::from_elem((300, columns), -7.0_f32);
        columns::run(&leaf, x.mapv(|x| x as f32).view(), leaf.history, out.view_mut()).unwrap();
        assert_same(out.mapv(f64::from).view(), expected(&leaf, x.view()).view(), "float32");
    }
}

#[test]
fn nothing_is_no_work() {
    for dim in [(0, 3), (3, 0), (0, 0)] {
        let leaf = Lag::new(4, 3, dim.0);
        assert_eq!(compute(&leaf, matrix(dim.0, dim.1).view()).dim(), dim);
        assert_eq!(leaf.calls.load(Ordering::Relaxed), 0);
    }
    let mut leaf = Lag::new(4, 3, 10);
    leaf.blocks.clear();
    assert_eq!(compute(&leaf, matrix(10, 2).view()).dim(), (10, 0));
    assert_eq!(leaf.calls.load(Ordering::Relaxed), 0);
}

#[test]
fn other_shapes_are_refused() {
    let x = matrix(10, 3);
    let mut leaf = Lag::new(4, 3, 10);
    leaf.blocks = vec![2, 1];
    for dim in [(10, 8), (10, 10), (9, 9), (11, 9), (0, 0), (10, 3)] {
        let mut out = Array2::zeros(dim);
        let error = columns::run(&leaf, x.view(), leaf.history, out.view_mut()).unwrap_err();
        let expected = Error::Shape {
            name: "out",
            expected: (10, 9),
            got: dim,
        };
        assert_eq!(error, expected);
    }
    for length in [0, 2, 4] {
        let history = History {
            fill: Some(&[0.0; 4][..length]),
            ..History::default()
        };
        let error = columns::run(&leaf, x.view(), history, Array2::zeros((10, 9)).view_mut()).unwrap_err();
        let expected = Error::Length {
            name: "fill",
            expected: 3,
            got: length,
        };
        assert_eq!(error, expected);
    }
    assert_eq!(leaf.calls.load(Ordering::Relaxed), 0);
}

/// The second input's value less the first's.
struct Gap;

impl Leaf for Gap {
    type Scratch = ();

    fn blocks(&self) -> Vec<usize> {
        vec![1]
    }

    fn window(&self) -> usize {
        3
    }

    fn tile_rows(&self) -> usize {
        48
    }

    fn cost_ns(&self) -> f64 {
        1e3
    }

    fn scratch(&self, _rows: usize) -> Result<()> {
        Ok(())
    }

    fn tile<S: Simd>(&self, _simd: S, (): &mut (), tile: &Tile<'_>, out: &mut [Row]) {
        for ((x, y), out) in tile.x[tile.lead..].iter().zip(&tile.y[tile.lead..]).zip(out) {
            *out = Row(std::array::from_fn(|lane| y.0[lane] - x.0[lane]));
        }
    }
}

#[test]
fn two_inputs_stand_side_by_side() {
    let (rows, columns) = (700, 11);
    let x = matrix(rows, columns);
    let one = x.slice(s![.., 4..5]);
    let listed: Vec<(usize, usize)> = (0..20).map(|number| (number * 7 % columns, number % 5 * 150)).collect();
    let undelayed: Vec<(usize, usize)> = listed.iter().map(|&(column, _)| (column, 0)).collect();
    let listed_columns: Vec<_> = x.columns().into_iter().collect();
    let list = Table::of_columns(rows, &listed_columns, "x").unwrap();
    let plane = |values, pick| Plane { values, pick, late: 0 };
    let late = |row: usize, (column, late): (usize, usize)| {
        row.checked_sub(late).map_or(f64::NAN, |row| seen(x[[row, column]], column, None))
    };
    for (x, one) in [(x.view().into(), one.into()), (list, list.of_neighbours(4..5))] {
        let mut out = Array2::zeros((rows, columns));
        let source = Source::pair(plane(x, Pick::Each), plane(one, Pick::Same));
        columns::run(&Gap, source, History::default(), out.view_mut()).unwrap();
        let gaps = Array2::from_shape_fn(out.dim(), |(row, column)| late(row, (4, 0)) - late(row, (column, 0)));
        assert_same(out.view(), gaps.view(), "one for all");
    }
    for (step, x) in [(1, x.view().into()), (7, x.view().into()), (1, list), (7, list)] {
        let history = History {
            step: NonZero::new(step).unwrap(),
            ..History::default()
        };
        let mut out = Array2::zeros((history.kept(rows), listed.len()));
        let source = Source::pair(plane(x, Pick::Listed(&undelayed)), plane(x, Pick::Listed(&listed)));
        columns::run(&Gap, source, history, out.view_mut()).unwrap();
        let gaps = Array2::from_shape_fn(out.dim(), |(row, at)| {
            late(row * step, listed[at]) - late(row * step, undelayed[at])
        });
        assert_same(out.view(), gaps.view(), "listed");
    }
}

/// Works until it is asked to stop, or gives up; has no memory for more than a thousand rows.
struct Endless;

impl Leaf for Endless {
    type Scratch = ();

    fn blocks(&self) -> Vec<usize> {
        vec![1]
    }

    fn window(&self) -> usize {
        1
    }

    fn tile_rows(&self) -> usize {
        64
    }

    fn cost_ns(&self) -> f64 {
        1e9
    }

    fn scratch(&self, rows: usize) -> Result<()> {
        if rows > 1000 {
            return Err(Error::Memory {
                what: "a test",
                rows,
                columns: 1,
            });
        }
        Ok(())
    }

    fn tile<S: Simd>(&self, _simd: S, (): &mut (), tile: &Tile<'_>, _out: &mut [Row]) {
        for _ in 0..50_000_000 {
            if tile.stop.requested() {
                return;
            }
            std::thread::yield_now();
        }
    }
}

thread_local! {
    static STOP: Cell<bool> = const { Cell::new(false) };
}

#[test]
fn a_request_to_stop_is_heard() {
    // The question is asked on the calling thread, so that other tests never hear of it.
    parallel::set_interrupt_hook(|| STOP.get());
    STOP.set(true);
    let x = matrix(10, 3);
    let error = columns::run(&Endless, x.view(), History::default(), Array2::zeros((10, 3)).view_mut());
    assert_eq!(error, Err(Error::Interrupted));
}

#[test]
fn a_lack_of_memory_is_reported() {
    let x = matrix(1001, 3);
    let error = columns::run(&Endless, x.view(), History::default(), Array2::zeros((1001, 3)).view_mut());
    assert!(matches!(error, Err(Error::Memory { rows: 1001, .. })));
}

/// `.cargo/config.toml` says so for every crate; run by other means than cargo, they would draw new cases each time.
#[test]
fn random_tests_draw_the_same_cases_every_time() {
    let config = ProptestConfig::default();
    assert!(matches!(config.rng_seed, RngSeed::Fixed(_)));
    assert!(config.failure_persistence.is_none());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn any_layout_is_computed_once(
        rows in 1_usize..2000,
        columns in 1_usize..30,
        window in 1_usize..300,
        lag in 0_usize..300,
        tiles in 1_usize..5,
        first_row in 0_usize..10_000,
        ahead in prop_oneof![Just(0), 0_usize..400],
        step in prop_oneof![Just(1), 1_usize..400],
        costly in any::<bool>(),
        blocks in proptest::collection::vec(1_usize..4, 1..3),
    ) {
        let x = matrix(rows, columns);
        let mut leaf = Lag::new(window, lag, rows);
        leaf.tile_rows = tiles * window;
        leaf.history = History { first_row, ahead, step: NonZero::new(step).unwrap(), ..leaf.history };
        leaf.cost_ns = if costly { 1e4 } else { 1.0 };
        leaf.blocks = blocks;
        assert_same(compute(&leaf, x.view()).view(), expected(&leaf, x.view()).view(), "any layout");
    }
}
