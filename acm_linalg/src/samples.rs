//! Samples: the rows of an array as points, for models that look at all sensors of a row at once.
//!
//! Here a lane is a **row**: eight rows stand side by side, and what a model computes for one of them does not depend on the
//! others. Scores are therefore the same bytes for batches, chunks and single rows.

use std::ops::Range;
use std::sync::{Mutex, PoisonError};

use fearless_simd::{Level, Simd, dispatch, f64x8, prelude::*};
use ndarray::{ArrayView1, ArrayView2, Axis, s};

use crate::error::{Error, Result};
use crate::lanes::{Element, LANES, Row, V, loaded, transposed};
use crate::memory::Gather;
pub use crate::memory::room;
use crate::parallel::{self, Stop};
use crate::table::Table;

/// Pieces that a reduction over rows is cut into at most, whatever the number of threads.
const PIECES: usize = 16;

/// Rows that are worth a piece of their own.
const PIECE_ROWS: usize = 512;

/// Time a job should take, in nanoseconds: short enough to share the work out and to look at interrupts.
const JOB_NS: f64 = 400_000.0;

/// Estimated time to read a value, in nanoseconds.
const READ_NS: f64 = 1.0;

/// An (n, d) array of either float type, rows = samples, columns = sensors, in any memory layout.
#[derive(Debug, Clone, Copy)]
pub enum Samples<'a> {
    /// Of float64.
    F64(Table<'a, f64>),
    /// Of float32; widened exactly where it is read.
    F32(Table<'a, f32>),
}

impl<'a> From<Table<'a, f64>> for Samples<'a> {
    fn from(x: Table<'a, f64>) -> Self {
        Self::F64(x)
    }
}

impl<'a> From<Table<'a, f32>> for Samples<'a> {
    fn from(x: Table<'a, f32>) -> Self {
        Self::F32(x)
    }
}

impl<'a> From<ArrayView2<'a, f64>> for Samples<'a> {
    fn from(x: ArrayView2<'a, f64>) -> Self {
        Self::F64(x.into())
    }
}

impl<'a> From<ArrayView2<'a, f32>> for Samples<'a> {
    fn from(x: ArrayView2<'a, f32>) -> Self {
        Self::F32(x.into())
    }
}

impl Samples<'_> {
    /// Samples.
    #[must_use]
    pub fn rows(&self) -> usize {
        match self {
            Self::F64(x) => x.nrows(),
            Self::F32(x) => x.nrows(),
        }
    }

    /// Sensors.
    #[must_use]
    pub fn columns(&self) -> usize {
        match self {
            Self::F64(x) => x.ncols(),
            Self::F32(x) => x.ncols(),
        }
    }

    /// One value, as it is.
    #[must_use]
    pub fn value(&self, row: usize, column: usize) -> f64 {
        match self {
            Self::F64(x) => x.value(row, column),
            Self::F32(x) => x.value(row, column).widen(),
        }
    }

    /// Rows `rows` into `out`, one row after the other, values as they are.
    ///
    /// # Panics
    /// Where the rows do not exist or `out` has another size.
    pub fn read(&self, rows: Range<usize>, out: &mut [f64]) {
        match self {
            Self::F64(x) => read(x, rows, out),
            Self::F32(x) => read(x, rows, out),
        }
    }

    /// A whole column into `out`, values as they are.
    ///
    /// # Panics
    /// Where the column does not exist.
    pub fn read_column(&self, column: usize, out: &mut [f64]) {
        match self {
            Self::F64(x) => read_column(x, column, out),
            Self::F32(x) => read_column(x, column, out),
        }
    }

    /// Some neighbouring columns into `out`, one after the other, values as they are. A few at once take hardly longer than one,
    /// where the values of a row lie side by side.
    ///
    /// # Panics
    /// Where the columns do not exist or `out` has another size.
    pub fn read_columns(&self, columns: Range<usize>, out: &mut [f64]) {
        match self {
            Self::F64(x) => read_columns(x, columns, out),
            Self::F32(x) => read_columns(x, columns, out),
        }
    }

    /// The eight rows from `first` on into `tile`, a [`Row`] for each column and a lane for each row; lanes without a row
    /// hold 0. Values are as they are: missing ones are the model's business.
    ///
    /// # Panics
    /// Unless `tile` has as many rows as there are columns.
    #[inline]
    pub fn pack(&self, first: usize, tile: &mut [Row]) {
        match self {
            Self::F64(x) => pack(x, first, tile),
            Self::F32(x) => pack(x, first, tile),
        }
    }

    /// `Ok` with at least `least` rows and one column.
    ///
    /// # Errors
    /// [`Error::TooFew`] naming `x`.
    pub fn require(&self, least: usize) -> Result<()> {
        for (what, least, got) in [("row", least, self.rows()), ("column", 1, self.columns())] {
            if got < least {
                return Err(Error::TooFew {
                    name: "x",
                    what,
                    least,
                    got,
                });
            }
        }
        Ok(())
    }

    /// `Ok` with as many columns as the model has been fitted on.
    ///
    /// # Errors
    /// [`Error::Columns`] with both numbers.
    pub fn require_columns(&self, fitted: usize) -> Result<()> {
        if self.columns() == fitted {
            Ok(())
        } else {
            Err(Error::Columns {
                name: "x",
                fitted,
                got: self.columns(),
            })
        }
    }
}

fn read<T: Element>(x: &Table<'_, T>, rows: Range<usize>, out: &mut [f64]) {
    let width = x.ncols();
    assert_eq!(out.len(), rows.len() * width, "one place for each value");
    if out.is_empty() {
        return;
    }
    if let Some(x) = x.dense().filter(|x| x.strides()[1].unsigned_abs() <= x.strides()[0].unsigned_abs()) {
        for (row, out) in rows.zip(out.chunks_exact_mut(width)) {
            let row = x.index_axis(Axis(0), row);
            if let Some(values) = row.to_slice() {
                values.iter().zip(out).for_each(|(from, to)| *to = from.widen());
            } else {
                row.iter().zip(out).for_each(|(from, to)| *to = from.widen());
            }
        }
    } else {
        for (number, column) in x.columns().enumerate() {
            let column = column.slice_move(s![rows.clone()]);
            let places = out[number..].iter_mut().step_by(width);
            column.iter().zip(places).for_each(|(from, to)| *to = from.widen());
        }
    }
}

fn read_column<T: Element>(x: &Table<'_, T>, column: usize, out: &mut [f64]) {
    x.column(column).iter().zip(out).for_each(|(from, to)| *to = from.widen());
}

fn read_columns<T: Element>(x: &Table<'_, T>, columns: Range<usize>, out: &mut [f64]) {
    let rows = x.nrows();
    assert_eq!(out.len(), rows * columns.len(), "one place for each value");
    if rows == 0 {
        return;
    }
    let Some(x) = x.with_whole_rows() else {
        for (column, out) in columns.zip(out.chunks_exact_mut(rows)) {
            read_column(x, column, out);
        }
        return;
    };
    let whole = if columns.len() == LANES { rows / LANES * LANES } else { 0 };
    let row_at = |row| x.index_axis(Axis(0), row).to_slice().and_then(|values| values.get(columns.clone()));
    for first in (0..whole).step_by(LANES) {
        let eight: [&[T]; LANES] = std::array::from_fn(|lane| row_at(first + lane).unwrap_or(&[]));
        if eight.iter().any(|row| row.len() != LANES) {
            return;
        }
        let mut tile = [Row::default(); LANES];
        dispatch!(Level::new(), simd => pack_rows(simd, eight, &mut tile));
        for (column, values) in out.chunks_exact_mut(rows).zip(&tile) {
            column[first..first + LANES].copy_from_slice(&values.0);
        }
    }
    for row in whole..rows {
        if let Some(values) = row_at(row) {
            let places = out[row..].iter_mut().step_by(rows);
            values.iter().zip(places).for_each(|(from, to)| *to = from.widen());
        }
    }
}

#[inline]
fn pack<T: Element>(x: &Table<'_, T>, first: usize, tile: &mut [Row]) {
    assert_eq!(tile.len(), x.ncols(), "a row of the tile for each column");
    let rows = LANES.min(x.nrows().saturating_sub(first));
    if rows < LANES {
        tile.fill(Row::splat(0.0));
    }
    if rows == 0 {
        return;
    }
    let rows = first..first + rows;
    let Some(x) = x.dense() else {
        for (column, to) in x.columns().zip(tile) {
            pack_column(column.slice_move(s![rows.clone()]), to);
        }
        return;
    };
    if x.strides()[0] == 1 && rows.len() == LANES {
        for (column, to) in x.columns().into_iter().zip(tile) {
            pack_column(column.slice_move(s![rows.clone()]), to);
        }
        return;
    }
    if rows.len() == LANES && x.strides()[1] == 1 {
        let eight: [&[T]; LANES] =
            std::array::from_fn(|lane| x.index_axis(Axis(0), first + lane).to_slice().unwrap_or(&[]));
        if eight.iter().all(|row| row.len() == tile.len()) {
            dispatch!(Level::new(), simd => pack_rows(simd, eight, tile));
            return;
        }
    }
    for (lane, row) in rows.enumerate() {
        let row = x.index_axis(Axis(0), row);
        if let Some(values) = row.to_slice() {
            values.iter().zip(&mut *tile).for_each(|(from, to)| to.0[lane] = from.widen());
        } else {
            row.iter().zip(&mut *tile).for_each(|(from, to)| to.0[lane] = from.widen());
        }
    }
}

/// Eight rows that lie side by side, eight columns at once.
#[inline(always)]
fn pack_rows<S: Simd, T: Element>(simd: S, rows: [&[T]; LANES], tile: &mut [Row]) {
    let (eights, rest) = tile.as_chunks_mut::<LANES>();
    let mut column = 0;
    for eight in eights {
        let mut read: [V<S>; LANES] = [f64x8::splat(simd, 0.0); LANES];
        for (read, row) in read.iter_mut().zip(&rows) {
            let mut values = [0.0; LANES];
            for (value, from) in values.iter_mut().zip(&row[column..column + LANES]) {
                *value = from.widen();
            }
            *read = loaded(simd, &values);
        }
        for (to, values) in eight.iter_mut().zip(transposed::<S>(read)) {
            to.store(values);
        }
        column += LANES;
    }
    for to in rest {
        for (to, row) in to.0.iter_mut().zip(&rows) {
            *to = row[column].widen();
        }
        column += 1;
    }
}

#[inline(always)]
fn pack_column<T: Element>(column: ArrayView1<'_, T>, to: &mut Row) {
    match column.to_slice() {
        Some(values) => values.iter().zip(&mut to.0).for_each(|(from, to)| *to = from.widen()),
        None => column.iter().zip(&mut to.0).for_each(|(from, to)| *to = from.widen()),
    }
}

/// Calls `work` for ranges of rows that together are `0..rows`, with the `width` results of each of their rows.
///
/// `cost_ns` is the estimated time for a row. Ranges start at multiples of eight; where they end depends on the number of
/// threads, so a row's results must not depend on which rows share its range.
///
/// # Errors
/// [`Error::Length`] unless `out` holds `rows * width` values; those of [`parallel::run`].
pub fn by_rows<C, R: Send>(
    rows: usize,
    width: usize,
    out: &mut [R],
    cost_ns: f64,
    scratch: impl Fn() -> Result<C> + Sync,
    work: impl Fn(&mut C, Range<usize>, &mut [R], &Stop) + Sync,
) -> Result<()> {
    let expected = rows.saturating_mul(width);
    if out.len() != expected {
        return Err(Error::Length {
            name: "out",
            expected,
            got: out.len(),
        });
    }
    if rows == 0 || width == 0 {
        return Ok(());
    }
    let share = rows.div_ceil(parallel::num_threads()).next_multiple_of(LANES);
    let step = rows_for(JOB_NS / cost_ns).min(share);
    let jobs = out.chunks_mut(step * width).enumerate();
    let jobs = jobs.map(|(number, out)| (number * step..number * step + out.len() / width, out));
    parallel::run(jobs, cost_ns * rows as f64, scratch, |scratch, (rows, out), stop| {
        work(scratch, rows, out, stop);
    })
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "clamped")]
fn rows_for(rows: f64) -> usize {
    (rows.clamp(8.0, 65_536.0) as usize).next_multiple_of(LANES)
}

/// Folds `0..rows` in pieces that depend on `rows` alone, and joins the pieces' results in their order: the same bytes for
/// any number of threads.
///
/// Each piece starts from `make()` and is joined as soon as those before it are, so that few live at once: never more than
/// `pieces` (16 where that is more). `cost_ns` is the estimated time for a row. What the threads need besides is their `scratch`.
///
/// # Errors
/// Those of `make`, of `scratch` and of [`parallel::run`].
pub fn reduce<A: Send, C>(
    rows: usize,
    pieces: usize,
    cost_ns: f64,
    scratch: impl Fn() -> Result<C> + Sync,
    make: impl Fn() -> Result<A> + Sync,
    work: impl Fn(&mut A, &mut C, Range<usize>, &Stop) + Sync,
    join: impl Fn(&mut A, A, &Stop) + Sync,
) -> Result<A> {
    let count = (rows / PIECE_ROWS).clamp(1, pieces.clamp(1, PIECES));
    let step = rows.div_ceil(count).next_multiple_of(LANES);
    let line = Mutex::new(Line {
        all: Some(None),
        waiting: (0..count).map(|_| None).gathered("partial results")?,
        next: 0,
    });
    parallel::run(0..count, cost_ns * rows as f64, scratch, |scratch, number, stop| {
        let part = make().map(|mut part| {
            work(&mut part, scratch, (number * step).min(rows)..((number + 1) * step).min(rows), stop);
            part
        });
        Line::pass(&line, number, part, |all, part| join(all, part, stop));
    })?;
    match line.into_inner().unwrap_or_else(PoisonError::into_inner).all.flatten() {
        Some(all) => all,
        None => make(),
    }
}

/// Partial results on their way to be joined.
struct Line<A> {
    /// Those joined so far; taken by the thread that is joining.
    all: Option<Option<Result<A>>>,
    waiting: Vec<Option<Result<A>>>,
    next: usize,
}

impl<A> Line<A> {
    /// Hands in a part; joins what has come in its turn, unless another thread is at it.
    fn pass(line: &Mutex<Self>, number: usize, part: Result<A>, join: impl Fn(&mut A, A)) {
        let mut held = parallel::lock(line);
        held.waiting[number] = Some(part);
        let Some(mut all) = held.all.take() else { return };
        loop {
            let next = held.next;
            let Some(part) = held.waiting.get_mut(next).and_then(Option::take) else {
                break;
            };
            held.next += 1;
            drop(held);
            all = Some(match (all, part) {
                (None, part) => part,
                (Some(Ok(mut all)), Ok(part)) => {
                    join(&mut all, part);
                    Ok(all)
                }
                (Some(Err(error)), _) | (_, Err(error)) => Err(error),
            });
            held = parallel::lock(line);
        }
        held.all = Some(all);
    }
}

/// The share of the columns in `used` that are missing, NaN or infinite, in each row; 0 where none is used.
///
/// # Errors
/// [`Error::Columns`] for another number of columns than marks; [`Error::Length`] unless `out` holds a place for each row;
/// [`Error::Memory`]; [`Error::Interrupted`].
pub fn share_missing(samples: Samples<'_>, used: &[bool], out: &mut [f64]) -> Result<()> {
    samples.require_columns(used.len())?;
    let count = used.iter().filter(|&&used| used).count().max(1) as f64;
    let scratch = || room(used.len(), 1, Row::default(), "eight rows");
    by_rows(samples.rows(), 1, out, READ_NS * used.len() as f64, scratch, |tile, rows, out, stop| {
        for (first, out) in rows.step_by(LANES).zip(out.chunks_mut(LANES)) {
            if stop.requested() {
                return;
            }
            samples.pack(first, tile);
            let mut lacking = [0.0; LANES];
            for (tile, _) in tile.iter().zip(used).filter(|(_, used)| **used) {
                for lane in 0..LANES {
                    lacking[lane] += if tile.0[lane].is_finite() { 0.0 } else { 1.0 };
                }
            }
            out.iter_mut().zip(lacking).for_each(|(out, lacking)| *out = lacking / count);
        }
    })
}

/// All rows into `out`, one after the other, on all threads.
///
/// # Errors
/// [`Error::Length`] unless `out` holds a place for each value; [`Error::Memory`]; [`Error::Interrupted`].
pub fn read_all(samples: Samples<'_>, out: &mut [f64]) -> Result<()> {
    let columns = samples.columns();
    by_rows(
        samples.rows(),
        columns,
        out,
        READ_NS * columns as f64,
        || Ok(()),
        |(), rows, out, stop| {
            if !stop.requested() {
                samples.read(rows, out);
            }
        },
    )
}

#[cfg(test)]
mod tests;
