//! The last rows of a history, eight columns side by side.

use acm_linalg::lanes::{Element, LANES, canonical};
use acm_linalg::memory::{copied, reserved, room};
use acm_linalg::{Error, Result, Table};
use ndarray::Array2;

const WHAT: &str = "the rows that windows see";

/// Eight columns of a row: NaN where a value is missing, 0 where there is no column.
pub(super) type Lanes = [f64; LANES];

/// Rows one after the other, the newest last.
#[derive(Debug)]
pub(super) struct Ring {
    columns: usize,
    /// Groups of eight columns.
    groups: usize,
    values: Vec<Lanes>,
    /// Rows in front that nobody looks at any more.
    past: usize,
}

impl Ring {
    pub(super) fn new(columns: usize) -> Self {
        Self {
            columns,
            groups: columns.div_ceil(LANES),
            values: Vec::new(),
            past: 0,
        }
    }

    /// The rows that are kept.
    pub(super) fn copy(&self) -> Result<Self> {
        Ok(Self {
            values: copied(&self.values[self.past * self.groups..], WHAT)?,
            past: 0,
            ..*self
        })
    }

    pub(super) fn columns(&self) -> usize {
        self.columns
    }

    /// A value of a row, counted from the oldest that is kept.
    #[inline(always)]
    pub(super) fn value(&self, row: usize, column: usize) -> f64 {
        self.row(row)[column / LANES][column % LANES]
    }

    /// Rows that are kept.
    pub(super) fn rows(&self) -> usize {
        self.values.len() / self.groups - self.past
    }

    /// Makes room for `more` rows, of which no more than `keep` and those will be looked at.
    pub(super) fn make_room(&mut self, more: usize, keep: usize) -> Result<()> {
        let needed = more.saturating_mul(self.groups);
        if self.values.capacity() - self.values.len() >= needed {
            return Ok(());
        }
        self.forget(keep);
        if self.past > 0 {
            self.values.drain(..self.past * self.groups);
            self.past = 0;
        }
        if self.values.capacity() - self.values.len() < needed {
            // As much again, so that rows move to the front seldom.
            let wanted = needed.saturating_add(self.values.len()).max(needed);
            let lacking = Error::Memory {
                what: WHAT,
                rows: self.rows().saturating_add(more),
                columns: self.columns,
            };
            self.values.try_reserve_exact(wanted).map_err(|_| lacking)?;
        }
        Ok(())
    }

    /// Looks no more at any rows but the last `keep`.
    pub(super) fn forget(&mut self, keep: usize) {
        self.past += self.rows().saturating_sub(keep);
    }

    /// Appends a row of `x`, whose only column may stand for all; there is room.
    pub(super) fn push<T: Element>(&mut self, x: &Table<'_, T>, row: usize) {
        let start = self.values.len();
        self.values.resize(start + self.groups, [0.0; LANES]);
        let places = self.values[start..].as_flattened_mut().iter_mut().take(self.columns);
        if let Some(x) = x.with_whole_rows().filter(|x| x.ncols() == self.columns) {
            for (place, value) in places.zip(x.row(row)) {
                *place = canonical(value.widen(), f64::NAN);
            }
            return;
        }
        let several = x.ncols() > 1;
        for (column, place) in places.enumerate() {
            *place = canonical(x.value(row, if several { column } else { 0 }).widen(), f64::NAN);
        }
    }

    /// The groups of a row, counted from the oldest that is kept.
    #[inline(always)]
    pub(super) fn row(&self, row: usize) -> &[Lanes] {
        let start = (self.past + row) * self.groups;
        &self.values[start..start + self.groups]
    }

    /// The rows from `first` on as a matrix.
    pub(super) fn matrix<T: Element>(&self, first: usize) -> Result<Array2<T>> {
        let rows = self.rows() - first;
        let mut values = reserved(room_of(rows, self.columns)?, WHAT)?;
        for row in first..first + rows {
            values.extend(self.row(row).as_flattened()[..self.columns].iter().map(|&value| T::narrow(value)));
        }
        Array2::from_shape_vec((rows, self.columns), values).map_err(|_| lacking(rows, self.columns))
    }

    /// The values that are kept, row after row.
    pub(super) fn numbers(&self) -> impl Iterator<Item = f64> {
        (0..self.rows()).flat_map(|row| self.row(row).as_flattened()[..self.columns].iter().copied())
    }

    /// What [`Self::numbers`] gave.
    pub(super) fn from_numbers(columns: usize, rows: usize, numbers: &[f64]) -> Result<Self> {
        let mut ring = Self::new(columns);
        ring.make_room(rows, rows)?;
        for numbers in numbers.chunks_exact(columns) {
            let start = ring.values.len();
            ring.values.resize(start + ring.groups, [0.0; LANES]);
            for (place, &number) in ring.values[start..].as_flattened_mut().iter_mut().zip(numbers) {
                *place = canonical(number, f64::NAN);
            }
        }
        Ok(ring)
    }
}

fn lacking(rows: usize, columns: usize) -> Error {
    Error::Memory {
        what: WHAT,
        rows,
        columns,
    }
}

fn room_of(rows: usize, columns: usize) -> Result<usize> {
    rows.checked_mul(columns).ok_or_else(|| lacking(rows, columns))
}

/// A matrix that results go to.
pub(super) fn results<T: Element>(rows: usize, columns: usize) -> Result<Array2<T>> {
    let values = room(rows, columns, T::narrow(0.0), "the results")?;
    Array2::from_shape_vec((rows, columns), values).map_err(|_| lacking(rows, columns))
}

#[cfg(test)]
mod tests {
    use ndarray::Array2;

    use super::Ring;

    #[test]
    fn there_is_room_for_all_that_was_asked_for() {
        let x = Array2::<f64>::zeros((100, 10));
        let mut ring = Ring::new(10);
        for more in [5, 7, 1, 40, 100, 3] {
            ring.make_room(more, 2).unwrap();
            assert!(ring.values.capacity() - ring.values.len() >= 2 * more, "{more} rows");
            (0..more).for_each(|row| ring.push(&x.view().into(), row));
        }
    }
}
