//! What the driver reads: one table, or two side by side.

use ndarray::ArrayView2;

use crate::table::Table;

/// Which columns of a table fill the lanes, in the order of the results.
#[derive(Debug, Clone, Copy)]
pub enum Pick<'a> {
    /// Each in its turn.
    Each,
    /// The one that there is, for every lane.
    Same,
    /// The listed ones, each so many rows late.
    Listed(&'a [(usize, usize)]),
}

/// A table, rows = time, and the columns to read of it.
#[derive(Debug, Clone, Copy)]
pub struct Plane<'a, T> {
    /// The table.
    pub values: Table<'a, T>,
    /// Its columns.
    pub pick: Pick<'a>,
    /// Rows that all of them are late: the leaf sees each row where a later one stands.
    pub late: usize,
}

impl<T: Copy> Plane<'_, T> {
    /// Whether neighbouring lanes are neighbouring values in memory, the same one, or read one by one in any case.
    pub(crate) fn side_by_side(&self) -> bool {
        match self.pick {
            Pick::Each => self.values.with_whole_rows().is_some(),
            Pick::Same | Pick::Listed(_) => true,
        }
    }
}

/// One table, or two of as many rows and lanes.
#[derive(Debug, Clone, Copy)]
pub struct Source<'a, T> {
    x: Plane<'a, T>,
    y: Option<Plane<'a, T>>,
}

impl<'a, T> From<ArrayView2<'a, T>> for Source<'a, T> {
    fn from(values: ArrayView2<'a, T>) -> Self {
        Table::from(values).into()
    }
}

impl<'a, T> From<Table<'a, T>> for Source<'a, T> {
    fn from(values: Table<'a, T>) -> Self {
        let x = Plane {
            values,
            pick: Pick::Each,
            late: 0,
        };
        Self { x, y: None }
    }
}

impl<'a, T: Copy> Source<'a, T> {
    /// One input.
    #[must_use]
    pub const fn single(x: Plane<'a, T>) -> Self {
        Self { x, y: None }
    }

    /// Two inputs; `x` says how many rows and columns the results have.
    #[must_use]
    pub fn pair(x: Plane<'a, T>, y: Plane<'a, T>) -> Self {
        Self { x, y: Some(y) }
    }

    /// The same, every input so many rows later.
    #[must_use]
    pub fn later(mut self, rows: usize) -> Self {
        for plane in std::iter::once(&mut self.x).chain(&mut self.y) {
            plane.late = plane.late.saturating_add(rows);
        }
        self
    }

    /// Rows of the inputs.
    #[must_use]
    pub fn rows(&self) -> usize {
        self.x.values.nrows()
    }

    pub(crate) fn columns(&self) -> usize {
        match self.x.pick {
            Pick::Listed(columns) => columns.len(),
            Pick::Each | Pick::Same => self.x.values.ncols(),
        }
    }

    /// The inputs, x first.
    pub fn planes(self) -> impl Iterator<Item = Plane<'a, T>> {
        [self.x].into_iter().chain(self.y)
    }
}
