//! Small dense matrices: products of scaled columns, and decompositions by faer.
//!
//! Matrices are row-major slices. faer runs on the calling thread alone: threads are [`crate::parallel`]'s business.

use std::ops::Range;

use faer::linalg::matmul::triangular::{BlockStructure, matmul};
use faer::{Accum, MatMut, MatRef, Par, Side};

use crate::error::{Error, Result};
use crate::memory::{Gather, copied, room};
use crate::parallel::aside;
use crate::samples::{Samples, reduce};
use crate::scaling::Scaling;
use crate::workspace;

/// Rows that are scaled and multiplied at a time.
const BLOCK: usize = 256;

/// Estimated times for the cube of a matrix' size, in nanoseconds.
const EIGEN_NS: f64 = 0.5;
const CHOLESKY_NS: f64 = 0.05;

/// A matrix whose rows are made where they are read, such as scaled or lagged samples.
pub trait Rows: Sync {
    /// Rows.
    fn rows(&self) -> usize;

    /// Columns.
    fn columns(&self) -> usize;

    /// Rows `rows` into `out`, one row after the other.
    fn read(&self, rows: Range<usize>, out: &mut [f64]);
}

impl Rows for Samples<'_> {
    fn rows(&self) -> usize {
        Self::rows(self)
    }

    fn columns(&self) -> usize {
        Self::columns(self)
    }

    fn read(&self, rows: Range<usize>, out: &mut [f64]) {
        Self::read(self, rows, out);
    }
}

/// Samples filled and scaled.
struct Scaled<'a, 'b>(Samples<'a>, &'b Scaling);

impl Rows for Scaled<'_, '_> {
    fn rows(&self) -> usize {
        self.0.rows()
    }

    fn columns(&self) -> usize {
        self.0.columns()
    }

    fn read(&self, rows: Range<usize>, out: &mut [f64]) {
        self.0.read(rows, out);
        for row in out.chunks_exact_mut(self.0.columns().max(1)) {
            for (column, value) in row.iter_mut().enumerate() {
                *value = self.1.scaled(*value, column);
            }
        }
    }
}

/// Sums of products of all pairs of scaled columns over all rows, (d, d) row-major and symmetric to the bit; missing values
/// count as their fill.
///
/// Cost: n d² / 2 products; at most 16 partial sums of d² values. Any number of threads gives the same bytes.
///
/// # Errors
/// [`Error::Memory`]; [`Error::Interrupted`].
pub fn gram(samples: Samples<'_>, scaling: &Scaling) -> Result<Vec<f64>> {
    products(&Scaled(samples, scaling))
}

/// Sums of products of all pairs of columns over all rows, (d, d) row-major and symmetric to the bit.
///
/// Cost and errors: those of [`gram`].
///
/// # Errors
/// [`Error::Memory`]; [`Error::Interrupted`].
pub fn products(table: &impl Rows) -> Result<Vec<f64>> {
    let columns = table.columns();
    let what = "products of columns";
    let (mut sums, done) = reduce(
        table.rows(),
        // Wide arrays hold few partial sums.
        (4_000_000 / (columns * columns).max(1)).clamp(2, 16),
        0.1 * (columns * columns) as f64 + 2.0 * columns as f64,
        || room(BLOCK, columns, 0.0, what),
        || Ok((room(columns, columns, 0.0, what)?, Ok(()))),
        |(sums, done), block, rows, stop| {
            *done = workspace::ready();
            if done.is_err() {
                return;
            }
            for start in rows.clone().step_by(BLOCK) {
                if stop.requested() {
                    return;
                }
                let count = BLOCK.min(rows.end - start);
                let block = &mut block[..count * columns];
                table.read(start..start + count, block);
                let block = MatRef::from_row_major_slice(block, count, columns);
                let sums = MatMut::from_row_major_slice_mut(sums, columns, columns);
                let (lower, whole) = (BlockStructure::TriangularLower, BlockStructure::Rectangular);
                matmul(sums, lower, Accum::Add, block.transpose(), whole, block, whole, 1.0, Par::Seq);
            }
        },
        |(all, done), (part, too), _| {
            all.iter_mut().zip(part).for_each(|(all, part)| *all += part);
            if done.is_ok() {
                *done = too;
            }
        },
    )?;
    done?;
    for row in 0..columns {
        for column in 0..row {
            sums[column * columns + row] = sums[row * columns + column];
        }
    }
    Ok(sums)
}

/// Eigenvalues, largest first, and eigenvectors of a symmetric matrix: row `j` of the vectors belongs to value `j`, has
/// length 1, and its entry of greatest magnitude (the first of equal ones) is positive.
///
/// # Errors
/// [`Error::Singular`] naming `name` where an entry is not finite; [`Error::Memory`]; [`Error::Interrupted`].
pub fn symmetric_eigen(matrix: &[f64], size: usize, name: &'static str) -> Result<(Vec<f64>, Vec<f64>)> {
    if size == 0 {
        return Ok((Vec::new(), Vec::new()));
    }
    let matrix = copied(matrix, "a copy of a matrix")?;
    let found = aside(EIGEN_NS * (size as f64).powi(3), None, move || -> Result<_> {
        let _room = workspace::for_eigen(size)?;
        Ok(MatRef::from_row_major_slice(&matrix, size, size).self_adjoint_eigen(Side::Lower))
    })??;
    let failed = |_| Error::Singular {
        name,
        requirement: "free of numbers too large to be squared",
    };
    let found = found.map_err(failed)?;
    let (values, vectors) = (found.S().column_vector(), found.U());
    let mut rows = room(size, size, 0.0, "eigenvectors")?;
    // faer's values rise.
    for (number, row) in rows.chunks_exact_mut(size).enumerate() {
        row.iter_mut()
            .enumerate()
            .for_each(|(place, to)| *to = vectors[(place, size - 1 - number)]);
        fix_sign(row);
    }
    let values = (0..size).rev().map(|number| values[number]).gathered("eigenvalues")?;
    Ok((values, rows))
}

/// Turns a vector so that its entry of greatest magnitude is positive.
pub fn fix_sign(vector: &mut [f64]) {
    let mut greatest = 0.0_f64;
    for &value in vector.iter() {
        if value.abs() > greatest.abs() {
            greatest = value;
        }
    }
    if greatest < 0.0 {
        vector.iter_mut().for_each(|value| *value = -*value);
    }
}

/// The lower Cholesky factor L of a symmetric positive definite matrix A = L Lᵀ, row-major with zeros above the diagonal.
///
/// # Errors
/// [`Error::Singular`] naming `name` where the matrix is not positive definite; [`Error::Memory`]; [`Error::Interrupted`].
pub fn cholesky(matrix: &[f64], size: usize, name: &'static str) -> Result<Vec<f64>> {
    let failed = || Error::Singular {
        name,
        requirement: "positive definite",
    };
    let matrix = copied(matrix, "a copy of a matrix")?;
    let factor = aside(CHOLESKY_NS * (size as f64).powi(3), None, move || -> Result<_> {
        let _room = workspace::for_cholesky(size)?;
        Ok(MatRef::from_row_major_slice(&matrix, size, size).llt(Side::Lower))
    })??;
    let factor = factor.map_err(|_| failed())?;
    let lower = factor.L();
    let mut rows = room(size, size, 0.0, "a Cholesky factor")?;
    for row in 0..size {
        for column in 0..=row {
            rows[row * size + column] = lower[(row, column)];
        }
    }
    if rows.iter().all(|value| value.is_finite()) {
        Ok(rows)
    } else {
        Err(failed())
    }
}

#[cfg(test)]
mod tests {
    use ndarray::Array2;

    use super::*;
    use crate::scaling::Manner;

    #[test]
    fn products_are_those_of_the_scaled_columns() {
        let x = Array2::from_shape_fn((1500, 7), |(row, column)| {
            if (row + column) % 31 == 0 {
                f64::NAN
            } else {
                ((row * 37 + column * 101) % 97) as f64 + 1e6
            }
        });
        let scaling = Scaling::fit(x.view().into(), Manner::Standard, 1e-9).unwrap();
        let found = gram(x.view().into(), &scaling).unwrap();
        for i in 0..7 {
            for j in 0..7 {
                let exact: f64 =
                    (0..1500).map(|row| scaling.scaled(x[[row, i]], i) * scaling.scaled(x[[row, j]], j)).sum();
                assert!((found[i * 7 + j] - exact).abs() < 1e-10, "{i} {j}");
            }
        }
    }

    #[test]
    fn eigenvectors_are_rows_with_a_positive_greatest_entry() {
        let matrix = [2.0, -1.0, 0.0, -1.0, 2.0, -1.0, 0.0, -1.0, 2.0];
        let (values, vectors) = symmetric_eigen(&matrix, 3, "x").unwrap();
        let root = 2.0_f64.sqrt();
        for (found, exact) in values.iter().zip([2.0 + root, 2.0, 2.0 - root]) {
            assert!((found - exact).abs() < 1e-14);
        }
        assert!((vectors[1] - 0.5_f64.sqrt()).abs() < 1e-14 && vectors[0] < 0.0);
    }

    #[test]
    fn factors_multiply_back_and_bad_ones_are_told() {
        let lower = cholesky(&[4.0, 2.0, 2.0, 5.0], 2, "a").unwrap();
        assert_eq!(lower, [2.0, 0.0, 1.0, 2.0]);
        let message = cholesky(&[1.0, 2.0, 2.0, 1.0], 2, "a").unwrap_err().to_string();
        assert_eq!(message, "`a` must be positive definite");
        assert!(cholesky(&[f64::NAN], 1, "a").is_err());
    }
}
