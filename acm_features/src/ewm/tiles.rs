//! Rows of a job's columns, between the caller's memory and lanes: all of a row at once, however it lies.

use std::ops::Range;

use acm_linalg::Table;
use acm_linalg::lanes::{Element, LANES, Row, V, canonical, loaded, transposed};
use fearless_simd::{Level, Simd, dispatch, prelude::*};
use ndarray::{ArrayViewMut2, Axis, s};

use super::{COLUMNS, TIDY_ROWS};

/// The first column of a group, of so many in all: the last of several groups has the last eight, whether or not the one
/// before has some of them too.
pub(super) fn first_of(group: usize, columns: usize) -> usize {
    (group * LANES).min(columns.saturating_sub(LANES))
}

/// A job's columns, to be read.
pub(super) struct Columns<'a, T> {
    x: Table<'a, T>,
    /// Each of them, where every one lies in one piece.
    pieces: Option<[&'a [T]; COLUMNS]>,
}

impl<'a, T: Element> Columns<'a, T> {
    pub(super) fn new(x: Table<'a, T>) -> Self {
        let mut pieces: [&[T]; COLUMNS] = [&[]; COLUMNS];
        let whole = x.columns().zip(&mut pieces).all(|(column, piece)| match column.to_slice() {
            Some(values) => {
                *piece = values;
                true
            }
            None => false,
        });
        Self {
            x,
            pieces: whole.then_some(pieces),
        }
    }

    /// Copies rows of the first column into `to`, from one on, up to the first whose value is missing; returns how many.
    pub(super) fn whole(&self, start: usize, to: &mut [f64]) -> usize {
        let column = self.x.column(0);
        for (number, to) in to.chunks_mut(TIDY_ROWS).enumerate() {
            let start = start + number * TIDY_ROWS;
            let values = column.slice(s![start..start + to.len()]);
            let mut known = true;
            for (to, value) in to.iter_mut().zip(values) {
                *to = canonical(value.widen(), f64::NAN);
                known &= !to.is_nan();
            }
            if !known {
                return number * TIDY_ROWS + to.iter().take_while(|value| !value.is_nan()).count();
            }
        }
        to.len()
    }

    /// Copies these rows into `tile`, where a row has one of each group; what is missing becomes NaN, and lanes without a column
    /// hold 0. Tells whether nothing is missing.
    // Apart from the walk, which leaves these loops too few registers.
    #[inline(never)]
    pub(super) fn load(&self, level: Level, rows: Range<usize>, tile: &mut [Row]) -> bool {
        dispatch!(level, simd => self.load_with(simd, rows, tile))
    }

    #[inline(always)]
    fn load_with<S: Simd>(&self, simd: S, rows: Range<usize>, tile: &mut [Row]) -> bool {
        let columns = self.x.ncols();
        let groups = columns.div_ceil(LANES);
        let missing = V::<S>::splat(simd, f64::NAN);
        let mut known = missing.simd_ne(missing);
        if let Some(pieces) = &self.pieces {
            for group in 0..groups {
                let first = first_of(group, columns);
                for (from, tile) in rows.clone().step_by(LANES).zip(tile.chunks_mut(LANES * groups)) {
                    let mut lanes = [V::<S>::splat(simd, 0.0); LANES];
                    for (lane, values) in lanes.iter_mut().zip(&pieces[first..columns]) {
                        *lane = match values[from..rows.end].first_chunk::<LANES>() {
                            Some(values) => loaded(simd, &values.map(T::widen)),
                            None => {
                                let mut last = [0.0; LANES];
                                for (to, value) in last.iter_mut().zip(&values[from..rows.end]) {
                                    *to = value.widen();
                                }
                                loaded(simd, &last)
                            }
                        };
                    }
                    for (row, values) in tile[group..].iter_mut().step_by(groups).zip(transposed(lanes)) {
                        let finite = values.abs().simd_lt(f64::INFINITY);
                        known &= finite;
                        row.store(finite.select(values + 0.0, missing));
                    }
                }
            }
            return known.all_true();
        }
        let part = self.x.of_rows(rows);
        if columns >= LANES
            && let Some(part) = part.with_whole_rows()
        {
            for (values, tile) in part.rows().into_iter().zip(tile.chunks_exact_mut(groups)) {
                let Some(values) = values.to_slice() else { continue };
                for (group, row) in tile.iter_mut().enumerate() {
                    if let Some(values) = values[first_of(group, columns)..].first_chunk::<LANES>() {
                        let values = loaded(simd, &values.map(T::widen));
                        let finite = values.abs().simd_lt(f64::INFINITY);
                        known &= finite;
                        row.store(finite.select(values + 0.0, missing));
                    }
                }
            }
            return known.all_true();
        }
        tile.fill(Row::default());
        if let Some(values) = part.dense().and_then(|part| part.to_slice()) {
            for (values, row) in values.chunks_exact(columns).zip(&mut *tile) {
                for (to, value) in row.0.iter_mut().zip(values) {
                    *to = value.widen();
                }
            }
        } else {
            for group in 0..groups {
                let first = first_of(group, columns);
                for (lane, column) in (first..columns.min(first + LANES)).enumerate() {
                    let rows = tile[group..].iter_mut().step_by(groups);
                    for (value, row) in part.column(column).iter().zip(rows) {
                        row.0[lane] = value.widen();
                    }
                }
            }
        }
        // Apart from the loops above: what was just written value by value is not at hand as a whole.
        for row in tile {
            let values = row.load(simd);
            let finite = values.abs().simd_lt(f64::INFINITY);
            known &= finite;
            row.store(finite.select(values + 0.0, missing));
        }
        known.all_true()
    }
}

/// A row's results, of all groups.
pub(super) trait Line {
    /// Of one group.
    fn put<S: Simd>(&mut self, group: usize, values: V<S>);
}

/// In memory of ours.
impl Line for &mut [Row] {
    #[inline(always)]
    fn put<S: Simd>(&mut self, group: usize, values: V<S>) {
        self[group].store(values);
    }
}

/// Where they stay.
pub(super) struct Placed<'o, T>(pub(super) &'o mut [T]);

impl<T: Element> Line for Placed<'_, T> {
    #[inline(always)]
    fn put<S: Simd>(&mut self, group: usize, values: V<S>) {
        let first = first_of(group, self.0.len());
        if let Some(to) = self.0[first..].first_chunk_mut() {
            T::write(&values, to);
        }
    }
}

/// Where a job's results go.
#[expect(clippy::large_enum_variant, reason = "there is one of each job")]
pub(super) enum Results<'o, T> {
    /// Columns that each lie in one piece, and how many.
    Pieces([&'o mut [T]; COLUMNS], usize),
    Matrix(ArrayViewMut2<'o, T>),
}

impl<'o, T: Element> Results<'o, T> {
    pub(super) fn new(out: ArrayViewMut2<'o, T>) -> Self {
        let columns = out.ncols();
        if out.strides()[0] != 1 || columns > COLUMNS {
            return Self::Matrix(out);
        }
        let mut pieces: [&mut [T]; COLUMNS] = std::array::from_fn(|_| Default::default());
        let mut rest = out;
        for piece in &mut pieces[..columns] {
            let (column, others) = rest.split_at(Axis(1), 1);
            *piece = column.index_axis_move(Axis(1), 0).into_slice().unwrap_or_default();
            rest = others;
        }
        Self::Pieces(pieces, columns)
    }

    /// These rows, where the values of each lie side by side and fill lanes.
    pub(super) fn lines(&mut self, rows: Range<usize>) -> Option<ArrayViewMut2<'_, T>> {
        match self {
            Self::Matrix(out) if out.strides()[1] == 1 && out.ncols() >= LANES => Some(out.slice_mut(s![rows, ..])),
            _ => None,
        }
    }

    /// Writes rows of the first column, from one on.
    pub(super) fn put_first(&mut self, start: usize, values: &[f64]) {
        match self {
            Self::Pieces(pieces, _) => {
                for (to, value) in pieces[0][start..].iter_mut().zip(values) {
                    *to = T::narrow(*value);
                }
            }
            Self::Matrix(out) => {
                for (to, value) in out.slice_mut(s![start..start + values.len(), 0]).iter_mut().zip(values) {
                    *to = T::narrow(*value);
                }
            }
        }
    }

    /// Writes these rows, of which `tile` has them as [`Columns::load`] has the values.
    #[inline(always)]
    pub(super) fn store<S: Simd>(&mut self, simd: S, rows: Range<usize>, tile: &[Row]) {
        match self {
            Self::Pieces(pieces, columns) => {
                let groups = columns.div_ceil(LANES);
                for group in 0..groups {
                    let first = first_of(group, *columns);
                    for (from, tile) in rows.clone().step_by(LANES).zip(tile.chunks(LANES * groups)) {
                        let mut lines = [V::<S>::splat(simd, 0.0); LANES];
                        for (line, row) in lines.iter_mut().zip(tile[group..].iter().step_by(groups)) {
                            *line = row.load(simd);
                        }
                        for (values, piece) in transposed(lines).into_iter().zip(&mut pieces[first..*columns]) {
                            let piece = &mut piece[from..rows.end];
                            match piece.first_chunk_mut() {
                                Some(to) => T::write(&values, to),
                                None => {
                                    for (to, value) in piece.iter_mut().zip(*values) {
                                        *to = T::narrow(value);
                                    }
                                }
                            }
                        }
                    }
                }
            }
            Self::Matrix(out) => {
                let columns = out.ncols();
                let groups = columns.div_ceil(LANES);
                let mut part = out.slice_mut(s![rows, ..]);
                if columns >= LANES && part.strides()[1] == 1 {
                    for (tile, mut target) in tile.chunks_exact(groups).zip(part.rows_mut()) {
                        let Some(target) = target.as_slice_mut() else { continue };
                        for (group, row) in tile.iter().enumerate() {
                            if let Some(to) = target[first_of(group, columns)..].first_chunk_mut() {
                                T::write(&row.0, to);
                            }
                        }
                    }
                    return;
                }
                if groups == 1
                    && let Some(to) = part.as_slice_mut()
                {
                    for (to, row) in to.chunks_exact_mut(columns).zip(tile) {
                        for (to, value) in to.iter_mut().zip(row.0) {
                            *to = T::narrow(value);
                        }
                    }
                    return;
                }
                for group in 0..groups {
                    let first = first_of(group, columns);
                    for (lane, mut column) in part.columns_mut().into_iter().skip(first).take(LANES).enumerate() {
                        for (row, to) in tile[group..].iter().step_by(groups).zip(&mut column) {
                            *to = T::narrow(row.0[lane]);
                        }
                    }
                }
            }
        }
    }
}
