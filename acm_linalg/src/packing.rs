//! From the caller's arrays, in any memory order, into tiles of lanes.

use std::num::NonZero;
use std::ops::Range;

use fearless_simd::{Simd, prelude::*};
use ndarray::{ArrayView1, ArrayView2, s};

use crate::lanes::{Element, LANES, Row, V, canonical, loaded, transposed};
use crate::source::{Pick, Plane};
use crate::table::Table;

/// Adjacent columns of one segment that fill lanes `lane..` of a group.
#[derive(Debug, Clone)]
pub(crate) struct Run {
    pub(crate) lane: usize,
    pub(crate) columns: Range<usize>,
    pub(crate) segment: Range<usize>,
    /// The columns of the segment that its job takes in all, where these are the first of them.
    pub(crate) fetched: Range<usize>,
}

#[expect(clippy::cast_possible_wrap, reason = "row counts of arrays in memory fit")]
pub(crate) fn signed(rows: usize) -> isize {
    rows as isize
}

/// The rows whose results are kept: those of an absolute index that is a multiple of the step.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Kept {
    pub(crate) step: NonZero<usize>,
    /// Absolute index of row 0, modulo the step.
    phase: usize,
}

impl Kept {
    pub(crate) fn new(first_row: usize, step: NonZero<usize>) -> Self {
        Self {
            step,
            phase: first_row % step,
        }
    }

    /// How many of these rows.
    pub(crate) fn among(self, rows: Range<usize>) -> usize {
        let before = |row: usize| (row + self.phase).div_ceil(self.step.get());
        before(rows.end) - before(rows.start)
    }

    /// The first of the rows from `row` on, counted from there.
    pub(crate) fn next(self, row: usize) -> usize {
        let past = (row + self.phase) % self.step;
        if past == 0 { 0 } else { self.step.get() - past }
    }
}

/// Copies the rows from `first` on, counted from each segment's start, into `buffer`; rows that do not exist become NaN.
#[inline(always)]
pub(crate) fn pack<S: Simd, T: Element>(
    simd: S,
    plane: &Plane<'_, T>,
    runs: &[Run],
    first: isize,
    fill: Option<&[f64]>,
    buffer: &mut [Row],
) {
    let x = &plane.values;
    let lanes: usize = runs.iter().map(|run| run.columns.len()).sum();
    let length = buffer.len();
    let exist = |run: &Run| existing(x.nrows(), signed(run.segment.start) + first, length);
    match plane.pick {
        Pick::Each => {}
        Pick::Same => return pack_same(x, runs, first, buffer),
        Pick::Listed(listed) => return pack_listed(simd, x, runs, first, listed, buffer),
    }
    let everything = lanes == LANES && runs.iter().all(|run| exist(run).1 == (0..buffer.len()));
    let exist: Vec<_> = runs.iter().map(exist).collect();
    if !everything {
        let idle = Row(std::array::from_fn(|lane| if lane < lanes { f64::NAN } else { 0.0 }));
        buffer.fill(idle);
    }
    if everything && pack_side_by_side(simd, x, runs, &exist, fill, buffer) {
        return;
    }
    for (run, (start, places)) in runs.iter().zip(exist) {
        if places.is_empty() {
            continue;
        }
        let rows = start..start + places.len();
        if let Some(x) = x.with_whole_rows() {
            fetch(&x.slice(s![rows.clone(), run.fetched.clone()]));
        }
        pack_run(simd, x, run, rows, fill, &mut buffer[places]);
    }
}

/// Columns that each lie in one piece, a row for each of their values; tells whether they are such columns.
#[inline(always)]
fn pack_side_by_side<S: Simd, T: Element>(
    simd: S,
    x: &Table<'_, T>,
    runs: &[Run],
    exist: &[(usize, Range<usize>)],
    fill: Option<&[f64]>,
    target: &mut [Row],
) -> bool {
    let mut columns: [&[T]; LANES] = [&[]; LANES];
    let mut missing = [f64::NAN; LANES];
    for (run, (start, places)) in runs.iter().zip(exist) {
        for (lane, column) in (run.lane..).zip(run.columns.clone()) {
            let Some(values) = x.column(column).slice_move(s![*start..start + places.len()]).to_slice() else {
                return false;
            };
            columns[lane] = values;
            if let Some(fill) = fill {
                missing[lane] = fill[column];
            }
        }
    }
    interleave(simd, columns, &missing, target);
    true
}

/// A row for each of the values of eight pieces of memory.
#[inline(always)]
fn interleave<S: Simd, T: Element>(simd: S, columns: [&[T]; LANES], missing: &[f64; LANES], target: &mut [Row]) {
    let missing_lanes = loaded(simd, missing);
    let (blocks, rest) = target.as_chunks_mut::<LANES>();
    let done = blocks.len() * LANES;
    for (start, block) in (0..).step_by(LANES).zip(blocks) {
        let mut lanes = [missing_lanes; LANES];
        for (lane, column) in lanes.iter_mut().zip(columns) {
            if let Some(values) = column[start..].first_chunk::<LANES>() {
                *lane = loaded(simd, &values.map(T::widen));
            }
        }
        for (row, values) in block.iter_mut().zip(transposed(lanes)) {
            row.store(values.abs().simd_lt(f64::INFINITY).select(values + 0.0, missing_lanes));
        }
    }
    for (place, row) in (done..).zip(rest) {
        for (lane, value) in row.0.iter_mut().enumerate() {
            *value = canonical(columns[lane][place].widen(), missing[lane]);
        }
    }
}

/// Of `length` rows from `begin` on: the first that exists, and the places of those that do.
fn existing(rows: usize, begin: isize, length: usize) -> (usize, Range<usize>) {
    let skipped = begin.min(0).unsigned_abs().min(length);
    let end = signed(rows).saturating_sub(begin).max(0).unsigned_abs().min(length);
    (begin.max(0).unsigned_abs().min(rows), skipped..end.max(skipped))
}

/// One column for every lane of a run; rows that do not exist become NaN.
#[inline(always)]
fn pack_same<T: Element>(x: &Table<'_, T>, runs: &[Run], first: isize, buffer: &mut [Row]) {
    let lanes: usize = runs.iter().map(|run| run.columns.len()).sum();
    let idle = Row(std::array::from_fn(|lane| if lane < lanes { f64::NAN } else { 0.0 }));
    buffer.fill(idle);
    for run in runs {
        let (start, places) = existing(x.nrows(), signed(run.segment.start) + first, buffer.len());
        let values = x.column(0).slice_move(s![start..start + places.len()]);
        let lanes = run.lane..run.lane + run.columns.len();
        if lanes == (0..LANES) {
            for (value, target) in values.iter().zip(&mut buffer[places]) {
                *target = Row::splat(canonical(value.widen(), f64::NAN));
            }
            continue;
        }
        for (value, target) in values.iter().zip(&mut buffer[places]) {
            target.0[lanes.clone()].fill(canonical(value.widen(), f64::NAN));
        }
    }
}

/// A column of its own, so many rows late, for every lane; rows that do not exist become NaN.
#[inline(always)]
fn pack_listed<S: Simd, T: Element>(
    simd: S,
    x: &Table<'_, T>,
    runs: &[Run],
    first: isize,
    listed: &[(usize, usize)],
    buffer: &mut [Row],
) {
    let mut columns = [ArrayView1::from(&[]); LANES];
    for run in runs {
        for (lane, &(column, late)) in (run.lane..).zip(&listed[run.columns.clone()]) {
            let begin = signed(run.segment.start) + first - signed(late);
            let (start, places) = existing(x.nrows(), begin, buffer.len());
            columns[lane] = x.column(column).slice_move(s![start..start + places.len()]);
        }
    }
    if columns.iter().all(|values| values.len() == buffer.len()) {
        return pack_columns(simd, &columns, buffer);
    }
    let lanes: usize = runs.iter().map(|run| run.columns.len()).sum();
    let idle = Row(std::array::from_fn(|lane| if lane < lanes { f64::NAN } else { 0.0 }));
    buffer.fill(idle);
    for run in runs {
        for (lane, &(_, late)) in (run.lane..).zip(&listed[run.columns.clone()]) {
            let (_, places) = existing(x.nrows(), signed(run.segment.start) + first - signed(late), buffer.len());
            for (value, target) in columns[lane].iter().zip(&mut buffer[places]) {
                target.0[lane] = canonical(value.widen(), f64::NAN);
            }
        }
    }
}

/// Columns of as many values as there are rows, wherever they lie.
#[inline(always)]
fn pack_columns<S: Simd, T: Element>(simd: S, columns: &[ArrayView1<'_, T>; LANES], target: &mut [Row]) {
    if columns.iter().all(|values| values.to_slice().is_some()) {
        let pieces = std::array::from_fn(|lane| columns[lane].to_slice().unwrap_or_default());
        return interleave(simd, pieces, &[f64::NAN; LANES], target);
    }
    for (place, row) in target.iter_mut().enumerate() {
        for (value, column) in row.0.iter_mut().zip(columns) {
            *value = column[place].widen();
        }
    }
    // Apart from the loop above: what was just written value by value is not at hand as a whole.
    let missing = V::<S>::splat(simd, f64::NAN);
    for row in target {
        let values = row.load(simd);
        row.store(values.abs().simd_lt(f64::INFINITY).select(values + 0.0, missing));
    }
}

/// The columns of one run, lane by lane or, where eight columns lie side by side, row by row.
#[inline(always)]
fn pack_run<S: Simd, T: Element>(
    simd: S,
    x: &Table<'_, T>,
    run: &Run,
    rows: Range<usize>,
    fill: Option<&[f64]>,
    target: &mut [Row],
) {
    let mut missing = [f64::NAN; LANES];
    if let Some(fill) = fill {
        missing[..run.columns.len()].copy_from_slice(&fill[run.columns.clone()]);
    }
    if run.columns.len() == LANES
        && let Some(x) = x.with_whole_rows()
    {
        let missing = loaded(simd, &missing);
        let block = x.slice(s![rows, run.columns.clone()]);
        for (values, target) in block.rows().into_iter().zip(target) {
            if let Some(Ok(values)) = values.to_slice().map(<&[T; LANES]>::try_from) {
                let values = loaded(simd, &values.map(T::widen));
                target.store(values.abs().simd_lt(f64::INFINITY).select(values + 0.0, missing));
            }
        }
        return;
    }
    for (offset, column) in run.columns.clone().enumerate() {
        let (lane, missing) = (run.lane + offset, missing[offset]);
        let values = x.column(column).slice_move(s![rows.clone()]);
        match values.to_slice() {
            Some(values) => {
                for (value, target) in values.iter().zip(&mut *target) {
                    target.0[lane] = canonical(value.widen(), missing);
                }
            }
            None => {
                for (value, target) in values.iter().zip(&mut *target) {
                    target.0[lane] = canonical(value.widen(), missing);
                }
            }
        }
    }
}

/// Most bytes of a row for which [`fetch`] pays.
const FETCHED_BYTES: usize = 2048;

/// Reads rows once in the order they lie in memory: eight columns of each row alone are a pattern that the processor does
/// not fetch ahead, and the job's other groups need the rest soon. Measured: twice as fast from beyond the second cache.
#[inline(always)]
fn fetch<T: Element>(rows: &ArrayView2<'_, T>) {
    if rows.ncols() <= LANES || rows.ncols() * size_of::<T>() > FETCHED_BYTES {
        return;
    }
    // Not a sum: each of its additions would wait for the one before.
    let mut bits = 0;
    for row in rows.rows() {
        for line in row.to_slice().unwrap_or_default().chunks(64 / size_of::<T>()) {
            bits |= line[0].widen().to_bits();
        }
    }
    std::hint::black_box(bits);
}
