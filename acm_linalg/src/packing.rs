//! Between the caller's arrays, in any memory order, and tiles of lanes.

use std::num::NonZero;
use std::ops::Range;

use fearless_simd::{Simd, prelude::*};
use ndarray::{ArrayView1, ArrayView2, ArrayViewMut2, Axis, s};

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
    step: NonZero<usize>,
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
    fn next(self, row: usize) -> usize {
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
    let mut sum = 0.0;
    for row in rows.rows() {
        for line in row.to_slice().unwrap_or_default().chunks(64 / size_of::<T>()) {
            sum += line[0].widen();
        }
    }
    std::hint::black_box(sum);
}

/// Writes the results of `rows`, of a job that starts at row `start`, both counted from each segment's start.
#[inline(always)]
pub(crate) fn unpack<S: Simd, T: Element>(
    simd: S,
    results: &mut [Row],
    runs: &[Run],
    blocks: &[usize],
    (start, rows): (usize, Range<usize>),
    kept: Kept,
    outputs: &mut [Vec<ArrayViewMut2<'_, T>>],
) {
    let width: usize = blocks.iter().sum();
    // The same rows are kept in every segment.
    let origin = runs.first().map_or(0, |run| run.segment.start);
    let (start, rows) = (start + origin, rows.start + origin..rows.end + origin);
    let count = kept.among(rows.clone());
    if count < rows.len() {
        let next = kept.next(rows.start);
        for to in 0..count {
            let from = (next + to * kept.step.get()) * width;
            results.copy_within(from..from + width, to * width);
        }
    }
    let start = kept.among(start..rows.start);
    for (run, by_block) in runs.iter().zip(outputs) {
        let mut first = 0;
        for (&block, view) in blocks.iter().zip(by_block) {
            let end = (start + count).min(view.nrows());
            if start < end {
                let results = Results {
                    rows: &results[first..],
                    width,
                    block,
                    lane: run.lane,
                };
                results.write(simd, view.slice_axis_mut(Axis(0), (start..end).into()));
            }
            first += block;
        }
    }
}

/// The results of one run for one block of the output.
struct Results<'a> {
    rows: &'a [Row],
    width: usize,
    block: usize,
    lane: usize,
}

impl Results<'_> {
    #[inline(always)]
    fn write<S: Simd, T: Element>(&self, simd: S, target: ArrayViewMut2<'_, T>) {
        if target.strides()[1] == 1 {
            match self.block {
                1 => self.write_rows::<S, T, 1>(simd, target),
                2 => self.write_rows::<S, T, 2>(simd, target),
                3 => self.write_rows::<S, T, 3>(simd, target),
                _ => self.write_columns(target),
            }
        } else if target.strides()[0] == 1 {
            self.write_whole_columns(simd, target);
        } else {
            self.write_columns(target);
        }
    }

    #[inline(always)]
    fn write_rows<S: Simd, T: Element, const BLOCK: usize>(&self, simd: S, mut target: ArrayViewMut2<'_, T>) {
        let full = target.ncols() == LANES * BLOCK && self.lane == 0;
        for (lines, mut row) in self.rows.chunks(self.width).zip(target.rows_mut()) {
            let (Some(row), Some(lines)) = (row.as_slice_mut(), lines.first_chunk::<BLOCK>()) else {
                continue;
            };
            if full && BLOCK == 1 {
                if let Some(row) = row.first_chunk_mut() {
                    T::write(&lines[0].0, row);
                }
                continue;
            }
            if full && BLOCK == 2 {
                if let ([low, high], _) = row.as_chunks_mut() {
                    let (first, second) = lines[0].load(simd).interleave(lines[1].load(simd));
                    T::write(&first, low);
                    T::write(&second, high);
                }
                continue;
            }
            let (row, _) = row.as_chunks_mut::<BLOCK>();
            if full && let Some(row) = row.first_chunk_mut::<LANES>() {
                for lane in 0..LANES {
                    for result in 0..BLOCK {
                        row[lane][result] = T::narrow(lines[result].0[lane]);
                    }
                }
            } else {
                for (lane, values) in row.iter_mut().enumerate() {
                    for result in 0..BLOCK {
                        values[result] = T::narrow(lines[result].0[self.lane + lane]);
                    }
                }
            }
        }
    }

    /// Columns that each lie in one piece, eight rows at a time.
    #[inline(always)]
    fn write_whole_columns<S: Simd, T: Element>(&self, simd: S, mut target: ArrayViewMut2<'_, T>) {
        let whole = target.nrows() / LANES * LANES;
        for result in 0..self.block {
            let mut columns: [&mut [T]; LANES] = Default::default();
            let own = target.columns_mut().into_iter().skip(result).step_by(self.block);
            for (to, column) in columns.iter_mut().zip(own) {
                *to = column.into_slice().unwrap_or_default();
            }
            for start in (0..whole).step_by(LANES) {
                let mut lines = [V::<S>::splat(simd, 0.0); LANES];
                for (place, line) in lines.iter_mut().enumerate() {
                    *line = self.rows[(start + place) * self.width + result].load(simd);
                }
                let lanes = transposed(lines);
                for (values, column) in lanes[self.lane..].iter().zip(&mut columns) {
                    if let Some(to) = column.get_mut(start..).and_then(<[T]>::first_chunk_mut) {
                        T::write(values, to);
                    }
                }
            }
            for (lane, column) in (self.lane..).zip(&mut columns) {
                for (row, value) in column.iter_mut().enumerate().skip(whole) {
                    *value = T::narrow(self.rows[row * self.width + result].0[lane]);
                }
            }
        }
    }

    #[inline(always)]
    fn write_columns<T: Element>(&self, mut target: ArrayViewMut2<'_, T>) {
        for (number, mut target) in target.columns_mut().into_iter().enumerate() {
            let (lane, result) = (self.lane + number / self.block, number % self.block);
            let lines = self.rows[result..].iter().step_by(self.width);
            match target.as_slice_mut() {
                Some(target) => {
                    for (line, target) in lines.zip(target) {
                        *target = T::narrow(line.0[lane]);
                    }
                }
                None => {
                    for (line, target) in lines.zip(target) {
                        *target = T::narrow(line.0[lane]);
                    }
                }
            }
        }
    }
}
