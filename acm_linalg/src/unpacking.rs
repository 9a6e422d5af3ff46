//! From tiles of results into the caller's arrays, in any memory order.

use std::ops::Range;

use fearless_simd::{Simd, prelude::*};
use ndarray::{ArrayViewMut2, Axis, s};

use crate::lanes::{Element, LANES, Row, V, transposed};
use crate::packing::{Kept, Run};

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

/// Results of neighbouring groups of eight columns each, of rows that all are kept.
pub(crate) struct Waiting<'a> {
    pub(crate) results: &'a [Row],
    /// Rows between the first ones of neighbouring groups.
    pub(crate) apart: usize,
    /// Which groups of those that the outputs have room for. The last one's columns are the last eight, whether or not the one
    /// before has some of them too.
    pub(crate) groups: Range<usize>,
    pub(crate) blocks: &'a [usize],
}

impl Waiting<'_> {
    /// Writes them as these rows of the outputs.
    #[inline(always)]
    pub(crate) fn unpack<S: Simd, T: Element>(
        &self,
        simd: S,
        rows: Range<usize>,
        outputs: &mut [ArrayViewMut2<'_, T>],
    ) {
        let mut first = 0;
        for (&block, view) in self.blocks.iter().zip(outputs) {
            let mut view = view.slice_axis_mut(Axis(0), rows.clone().into());
            let every = self.groups.len() == (view.ncols() / block).div_ceil(LANES);
            match block {
                1 if every && view.ncols() >= LANES => self.write_rows(first, view),
                2 if every && view.ncols() >= 2 * LANES => self.write_pairs(simd, first, view),
                _ => self.write_groups(simd, (first, block), view.view_mut()),
            }
            first += block;
        }
    }

    fn width(&self) -> usize {
        self.blocks.iter().sum()
    }

    /// A result of each column: rows from their first column to their last.
    #[inline(always)]
    fn write_rows<T: Element>(&self, first: usize, mut target: ArrayViewMut2<'_, T>) {
        let width = self.width();
        for (place, mut row) in target.rows_mut().into_iter().enumerate() {
            let Some(row) = row.as_slice_mut() else { continue };
            let mut from = place * width + first;
            let (whole, rest) = row.as_chunks_mut::<LANES>();
            for to in whole {
                T::write(&self.results[from].0, to);
                from += self.apart * width;
            }
            if !rest.is_empty()
                && let Some(to) = row.last_chunk_mut()
            {
                T::write(&self.results[from].0, to);
            }
        }
    }

    /// Two results of each column side by side.
    #[inline(always)]
    fn write_pairs<S: Simd, T: Element>(&self, simd: S, first: usize, mut target: ArrayViewMut2<'_, T>) {
        let width = self.width();
        let write = |from: usize, to: &mut [T]| {
            if let [low, high] = to.as_chunks_mut().0 {
                let (one, other) = self.results[from].load(simd).interleave(self.results[from + 1].load(simd));
                T::write(&one, low);
                T::write(&other, high);
            }
        };
        for (place, mut row) in target.rows_mut().into_iter().enumerate() {
            let Some(row) = row.as_slice_mut() else { continue };
            let mut from = place * width + first;
            let (whole, rest) = row.as_chunks_mut::<{ 2 * LANES }>();
            for to in whole {
                write(from, to);
                from += self.apart * width;
            }
            if !rest.is_empty()
                && let Some(to) = row.last_chunk_mut::<{ 2 * LANES }>()
            {
                write(from, to);
            }
        }
    }

    /// Group by group.
    #[inline(always)]
    fn write_groups<S: Simd, T: Element>(
        &self,
        simd: S,
        (first, block): (usize, usize),
        mut target: ArrayViewMut2<'_, T>,
    ) {
        let (width, columns) = (self.width(), target.ncols() / block);
        for (number, group) in self.groups.clone().enumerate() {
            // The first column may be another band's, which writes it.
            let end = (group * LANES + LANES).min(columns);
            let start = end.saturating_sub(LANES);
            let results = Results {
                rows: &self.results[number * self.apart * width + first..],
                width,
                block,
                lane: LANES - (end - start),
            };
            results.write(simd, target.slice_mut(s![.., start * block..end * block]));
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
