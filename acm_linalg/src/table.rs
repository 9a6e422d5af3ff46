//! What comes in: one matrix, or columns that each lie where they lie.

use std::ops::Range;

use ndarray::{ArrayBase, ArrayView1, ArrayView2, Axis, Ix1, Ix2, ViewRepr, s};

use crate::error::{Error, Result};

/// An (n, d) array that is only read, rows = time, columns = sensors: one matrix in any memory layout, or a list of columns
/// in any place each, as data frames keep them.
///
/// What is computed does not depend on which of them it is. Nothing is copied to make one.
///
/// # Examples
///
/// ```
/// use acm_linalg::{Samples, Table};
/// use ndarray::array;
///
/// # fn main() -> acm_linalg::Result<()> {
/// // Two columns of a data frame, each where it lies.
/// let (first, second) = (array![1.0, 2.0, 3.0], array![10.0, 20.0, 30.0]);
/// let columns = [first.view(), second.view()];
/// let table = Table::of_columns(3, &columns, "x")?;
/// assert_eq!((table.dim(), table.value(2, 1)), ((3, 2), 30.0));
/// let samples = Samples::from(table);
/// assert_eq!((samples.value(1, 0), samples.value(1, 1)), (2.0, 20.0));
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, Copy)]
pub struct Table<'a, T>(Form<'a, T>);

/// `ArrayView<'a, T, D>`; within a type of its own that alias would keep the lifetime from being shortened.
type View<'a, T, D> = ArrayBase<ViewRepr<&'a T>, D, T>;

#[derive(Debug, Clone, Copy)]
enum Form<'a, T> {
    Matrix(View<'a, T, Ix2>),
    Columns {
        columns: &'a [View<'a, T, Ix1>],
        /// Rows before the first that counts.
        above: usize,
        rows: usize,
    },
}

impl<'a, T> From<ArrayView2<'a, T>> for Table<'a, T> {
    fn from(matrix: ArrayView2<'a, T>) -> Self {
        Self(Form::Matrix(matrix))
    }
}

impl<'a, T: Copy> Table<'a, T> {
    /// A list of columns of `rows` rows each.
    ///
    /// # Errors
    /// [`Error::Uneven`] naming `name` and the first column that has another number of rows.
    pub fn of_columns(rows: usize, columns: &'a [ArrayView1<'a, T>], name: &'static str) -> Result<Self> {
        match columns.iter().position(|column| column.len() != rows) {
            None => Ok(Self(Form::Columns {
                columns,
                above: 0,
                rows,
            })),
            Some(column) => Err(Error::Uneven {
                name,
                expected: rows,
                column,
                got: columns[column].len(),
            }),
        }
    }

    /// Rows.
    #[must_use]
    pub fn nrows(&self) -> usize {
        match self.0 {
            Form::Matrix(matrix) => matrix.nrows(),
            Form::Columns { rows, .. } => rows,
        }
    }

    /// Columns.
    #[must_use]
    pub fn ncols(&self) -> usize {
        match self.0 {
            Form::Matrix(matrix) => matrix.ncols(),
            Form::Columns { columns, .. } => columns.len(),
        }
    }

    /// Rows and columns.
    #[must_use]
    pub fn dim(&self) -> (usize, usize) {
        (self.nrows(), self.ncols())
    }

    /// Values.
    #[must_use]
    pub fn len(&self) -> usize {
        self.nrows().saturating_mul(self.ncols())
    }

    /// Whether there is no value.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// One value.
    ///
    /// # Panics
    /// Where it does not exist.
    #[inline]
    #[must_use]
    pub fn value(&self, row: usize, column: usize) -> T {
        match self.0 {
            Form::Matrix(matrix) => matrix[[row, column]],
            Form::Columns { columns, above, .. } => columns[column][above + row],
        }
    }

    /// One column.
    ///
    /// # Panics
    /// Where it does not exist.
    #[inline]
    #[must_use]
    pub fn column(&self, column: usize) -> ArrayView1<'a, T> {
        match self.0 {
            Form::Matrix(matrix) => matrix.index_axis_move(Axis(1), column),
            Form::Columns { columns, above, rows } => columns[column].slice_move(s![above..above + rows]),
        }
    }

    /// Every column, in their order.
    pub fn columns(self) -> impl ExactSizeIterator<Item = ArrayView1<'a, T>> {
        (0..self.ncols()).map(move |column| self.column(column))
    }

    /// Some of the rows.
    ///
    /// # Panics
    /// Where they do not exist.
    #[inline]
    #[must_use]
    pub fn of_rows(self, rows: Range<usize>) -> Self {
        Self(match self.0 {
            Form::Matrix(matrix) => Form::Matrix(matrix.slice_move(s![rows, ..])),
            Form::Columns {
                columns,
                above,
                rows: all,
            } => {
                assert!(rows.start <= rows.end && rows.end <= all, "rows that exist");
                Form::Columns {
                    columns,
                    above: above + rows.start,
                    rows: rows.len(),
                }
            }
        })
    }

    /// Some neighbouring columns.
    ///
    /// # Panics
    /// Where they do not exist.
    #[inline]
    #[must_use]
    pub fn of_neighbours(self, columns: Range<usize>) -> Self {
        Self(match self.0 {
            Form::Matrix(matrix) => Form::Matrix(matrix.slice_move(s![.., columns])),
            Form::Columns {
                columns: all,
                above,
                rows,
            } => Form::Columns {
                columns: &all[columns],
                above,
                rows,
            },
        })
    }

    /// Cuts it into pieces of `each` rows, the last one of what is left.
    ///
    /// # Panics
    /// Where `each` is 0.
    pub fn row_chunks(self, each: usize) -> impl ExactSizeIterator<Item = Self> {
        let rows = self.nrows();
        let starts = (0..rows).step_by(each);
        starts.map(move |start| self.of_rows(start..start.saturating_add(each).min(rows)))
    }

    /// The matrix, where it is one.
    #[inline]
    #[must_use]
    pub fn dense(&self) -> Option<ArrayView2<'a, T>> {
        match self.0 {
            Form::Matrix(matrix) => Some(matrix),
            Form::Columns { .. } => None,
        }
    }

    /// The matrix, where the values of each of its rows lie side by side.
    #[inline]
    #[must_use]
    pub fn with_whole_rows(&self) -> Option<ArrayView2<'a, T>> {
        self.dense().filter(|matrix| matrix.strides()[1] == 1)
    }

    /// Whether the values of a column lie no farther apart in memory than those of a row.
    #[must_use]
    pub fn is_column_major(&self) -> bool {
        self.dense().is_none_or(|matrix| {
            let strides = matrix.strides();
            strides[0].unsigned_abs() <= strides[1].unsigned_abs()
        })
    }
}

#[cfg(test)]
mod tests {
    use ndarray::{Array1, Array2, array};

    use super::*;

    #[test]
    fn columns_are_the_matrix_they_make() {
        let matrix = Array2::from_shape_fn((7, 3), |(row, column)| 10 * row + column);
        let apart: Vec<Array1<usize>> = matrix.columns().into_iter().map(|column| column.to_owned()).collect();
        let views: Vec<_> = apart.iter().map(|column| column.view()).collect();
        let list = Table::of_columns(7, &views, "x").unwrap();
        let dense = Table::from(matrix.view());
        assert!(list.dense().is_none() && list.with_whole_rows().is_none() && list.is_column_major());
        assert!(dense.dense().is_some() && dense.with_whole_rows().is_some() && !dense.is_column_major());
        let part = |table: Table<'_, usize>| {
            let part = table.of_rows(1..6).of_neighbours(1..3).of_rows(2..4);
            (part.dim(), part.columns().map(|column| column.to_vec()).collect::<Vec<_>>())
        };
        assert_eq!(part(list), ((2, 2), vec![vec![31, 41], vec![32, 42]]));
        assert_eq!(part(dense), part(list));
        for table in [list, dense] {
            assert_eq!((table.value(3, 2), table.len(), table.is_empty()), (32, 21, false));
            let heights: Vec<_> = table.row_chunks(3).map(|chunk| (chunk.nrows(), chunk.value(0, 1))).collect();
            assert_eq!(heights, [(3, 1), (3, 31), (1, 61)]);
        }
    }

    #[test]
    fn columns_of_different_length_are_told() {
        let (long, short) = (array![1.0, 2.0], array![1.0]);
        let views = [long.view(), long.view(), short.view()];
        let message = Table::of_columns(2, &views, "x").unwrap_err().to_string();
        assert_eq!(message, "`x` must have columns of one length, 2, got 1 in column 2");
        let none = Table::<f64>::of_columns(4, &[], "x").unwrap();
        assert_eq!((none.dim(), none.is_empty()), ((4, 0), true));
    }
}
