//! Columns about their means, their covariance, and its shrinkage after Ledoit and Wolf.

use std::ops::Range;

use fearless_simd::{Level, Simd, dispatch, f64x8, prelude::*};

use crate::dense::{Rows, products};
use crate::error::{Error, Result};
use crate::lanes::{LANES, Row, V, loaded, transposed};
use crate::memory::{Gather, copied, room};
use crate::samples::{Samples, reduce};
use crate::scaling::unit;

/// Rows that are read at a time.
const BLOCK: usize = 64;

/// Squares below this have less than all their digits beside them.
const TINY: f64 = 1e-200;

/// `Ok` where every value of `samples` is finite.
///
/// # Errors
/// [`Error::Missing`] with the first row, and its first column, where one is not.
pub fn require_complete(samples: Samples<'_>, name: &'static str) -> Result<()> {
    let columns = samples.columns();
    let what = "a block of rows";
    let first = reduce(
        samples.rows(),
        16,
        columns as f64,
        || room(BLOCK, columns, 0.0, what),
        || Ok(None),
        |first, block, rows, stop| {
            for start in rows.clone().step_by(BLOCK) {
                if first.is_some() || stop.requested() {
                    return;
                }
                let count = BLOCK.min(rows.end - start);
                let block = &mut block[..count * columns];
                samples.read(start..start + count, block);
                // Without an early end this goes by many values at a time.
                if !block.iter().fold(true, |whole, value| whole & value.is_finite()) {
                    let place = block.iter().position(|value| !value.is_finite()).unwrap_or(0);
                    *first = Some((start + place / columns, place % columns));
                }
            }
        },
        |first, later, _| *first = first.or(later),
    )?;
    match first {
        None => Ok(()),
        Some((row, column)) => Err(Error::Missing { name, row, column }),
    }
}

/// A table less the means of its columns.
///
/// A mean is held as an anchor, the column's first value, and a shift from it: values at a great offset lose no digits.
#[derive(Debug)]
pub struct Centered<'a, T> {
    table: &'a T,
    anchor: Vec<f64>,
    shift: Vec<f64>,
    /// A power of two: what is read is in this unit.
    unit: f64,
}

impl<'a, T: Rows> Centered<'a, T> {
    /// About the means over all rows; any number of threads gives the same bytes.
    ///
    /// # Errors
    /// [`Error::Memory`]; [`Error::Interrupted`].
    pub fn new(table: &'a T) -> Result<Self> {
        let (rows, columns) = (table.rows(), table.columns());
        let mut anchor = room(columns, 1, 0.0, "means of columns")?;
        if rows > 0 {
            table.read(0..1, &mut anchor);
        }
        let what = "means of columns";
        let mut shift = reduce(
            rows,
            16,
            2.0 * columns as f64,
            || room(BLOCK, columns, 0.0, what),
            || room(columns, 1, 0.0, what),
            |sums, block, rows, stop| {
                for start in rows.clone().step_by(BLOCK) {
                    if stop.requested() {
                        return;
                    }
                    let count = BLOCK.min(rows.end - start);
                    let block = &mut block[..count * columns];
                    table.read(start..start + count, block);
                    dispatch!(Level::new(), simd => add_rows(simd, sums, block, &anchor));
                }
            },
            |all, part, _| all.iter_mut().zip(part).for_each(|(all, part)| *all += part),
        )?;
        shift.iter_mut().for_each(|sum| *sum /= rows.max(1) as f64);
        Ok(Self {
            table,
            anchor,
            shift,
            unit: 1.0,
        })
    }

    /// Rows as they are to about the means.
    #[inline(always)]
    fn center<S: Simd>(&self, _: S, rows: &mut [f64]) {
        for row in rows.chunks_exact_mut(self.anchor.len().max(1)) {
            for ((value, anchor), shift) in row.iter_mut().zip(&self.anchor).zip(&self.shift) {
                *value = ((*value - anchor) - shift) * self.unit;
            }
        }
    }

    /// `Ok` where every value is finite, told from the means: a missing value makes its column's mean so.
    ///
    /// # Errors
    /// [`Error::Missing`]; [`Error::Memory`]; [`Error::Interrupted`].
    pub fn require_complete(&self, samples: Samples<'_>, name: &'static str) -> Result<()> {
        if self.shift.iter().all(|shift| shift.is_finite()) {
            Ok(())
        } else {
            require_complete(samples, name)
        }
    }

    /// The same in a unit in which squares are numbers, where some of deviations so small that their greatest square is
    /// `square` are not.
    ///
    /// # Errors
    /// [`Error::Memory`]; [`Error::Interrupted`].
    pub fn nearer(&self, square: f64) -> Result<Option<Self>> {
        if self.unit != 1.0 || square >= TINY {
            return Ok(None);
        }
        let columns = self.columns();
        let most = reduce(
            self.rows(),
            16,
            2.0 * columns as f64,
            || room(BLOCK, columns, 0.0, "a block of rows"),
            || Ok(0.0_f64),
            |most, block, rows, stop| {
                for start in rows.clone().step_by(BLOCK) {
                    if stop.requested() {
                        return;
                    }
                    let count = BLOCK.min(rows.end - start);
                    let block = &mut block[..count * columns];
                    self.read(start..start + count, block);
                    *most = block.iter().fold(*most, |most, value| most.max(value.abs()));
                }
            },
            |most, other, _| *most = most.max(other),
        )?;
        let unit = unit(most);
        if unit.is_nan() || unit <= 1.0 {
            return Ok(None);
        }
        Ok(Some(Self {
            table: self.table,
            anchor: copied(&self.anchor, "means of columns")?,
            shift: copied(&self.shift, "means of columns")?,
            unit,
        }))
    }

    /// A square of what is read in the samples' own unit.
    #[must_use]
    pub fn square(&self, value: f64) -> f64 {
        value / self.unit / self.unit
    }

    /// The means.
    ///
    /// # Errors
    /// [`Error::Memory`].
    pub fn mean(&self) -> Result<Vec<f64>> {
        let means = self.anchor.iter().zip(&self.shift).map(|(anchor, shift)| anchor + shift);
        means.gathered("means of columns")
    }
}

impl<T: Rows> Rows for Centered<'_, T> {
    fn rows(&self) -> usize {
        self.table.rows()
    }

    fn columns(&self) -> usize {
        self.table.columns()
    }

    fn read(&self, rows: Range<usize>, out: &mut [f64]) {
        self.table.read(rows, out);
        dispatch!(Level::new(), simd => self.center(simd, out));
    }
}

/// Adds rows less `anchor` to `sums`.
#[inline(always)]
fn add_rows<S: Simd>(_: S, sums: &mut [f64], rows: &[f64], anchor: &[f64]) {
    for row in rows.chunks_exact(anchor.len().max(1)) {
        for ((sum, value), anchor) in sums.iter_mut().zip(row).zip(anchor) {
            *sum += value - anchor;
        }
    }
}

/// A covariance drawn towards a multiple of the identity.
#[derive(Debug, Clone, PartialEq)]
pub struct Shrunk {
    /// (d, d), row-major, symmetric to the bit.
    pub covariance: Vec<f64>,
    /// The share of the identity, in [0, 1].
    pub shrinkage: f64,
}

/// How much a covariance is drawn towards a multiple of the identity.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Shrinkage {
    /// As much as makes the expected squared error least.
    LedoitWolf,
    /// Not at all.
    Nothing,
    /// This share, in [0, 1].
    Share(f64),
}

/// The covariance of the columns of samples without missing values, shrunk as Ledoit and Wolf (2004,
/// doi 10.1016/S0047-259X(03)00096-4) do: (1 - s) S + s m I, with S the covariance (divisor n) and m the mean of its diagonal.
///
/// Shapes: x (n, d) -> (d, d).
/// Missing: refused.
/// Cost: n d² / 2 products.
/// Oracle: scikit-learn `ledoit_wolf`, 1e-10.
///
/// # Examples
///
/// ```
/// use acm_linalg::covariance::ledoit_wolf;
/// use ndarray::array;
///
/// # fn main() -> acm_linalg::Result<()> {
/// let found = ledoit_wolf(array![[0.0, 0.0], [2.0, 2.0], [4.0, 4.0]].view().into())?;
/// // Between the columns' own covariance and none.
/// assert!(0.0 < found.shrinkage && found.shrinkage < 1.0);
/// assert!(0.0 < found.covariance[1] && found.covariance[1] < 8.0 / 3.0);
/// # Ok(())
/// # }
/// ```
///
/// # Errors
/// [`Error::TooFew`] without a row or a column; [`Error::Missing`]; [`Error::Singular`] where squares overflow;
/// [`Error::Memory`]; [`Error::Interrupted`].
pub fn ledoit_wolf(samples: Samples<'_>) -> Result<Shrunk> {
    samples.require(1)?;
    let centered = Centered::new(&samples)?;
    centered.require_complete(samples, "x")?;
    shrunk(&centered, Shrinkage::LedoitWolf)
}

/// The covariance (divisor n) of columns about their means, shrunk.
///
/// # Errors
/// [`Error::Singular`] where squares overflow; [`Error::Memory`]; [`Error::Interrupted`].
pub fn shrunk<T: Rows>(centered: &Centered<'_, T>, manner: Shrinkage) -> Result<Shrunk> {
    let (rows, columns) = (centered.rows(), centered.columns());
    let mut covariance = products(centered)?;
    covariance.iter_mut().for_each(|sum| *sum /= rows.max(1) as f64);
    let diagonal = || (0..columns).map(|column| column * (columns + 1));
    let mean = diagonal().map(|place| covariance[place]).sum::<f64>() / columns.max(1) as f64;
    if !mean.is_finite() {
        return Err(Error::Singular {
            name: "x",
            requirement: "free of numbers too large to be squared",
        });
    }
    if let Some(nearer) = centered.nearer(mean)? {
        return shrunk(&nearer, manner);
    }
    let shrinkage = match manner {
        Shrinkage::Nothing => 0.0,
        Shrinkage::Share(share) => share,
        Shrinkage::LedoitWolf if columns < 2 || mean <= 0.0 => 0.0,
        Shrinkage::LedoitWolf => best_share(centered, &covariance, mean)?,
    };
    covariance.iter_mut().for_each(|value| *value *= 1.0 - shrinkage);
    for place in diagonal() {
        covariance[place] += shrinkage * mean;
    }
    covariance.iter_mut().for_each(|value| *value = centered.square(*value));
    Ok(Shrunk { covariance, shrinkage })
}

/// b² / d² of Ledoit and Wolf (2004), lemma 3.3 and following; all is taken in units of `mean`, so that nothing overflows.
fn best_share<T: Rows>(centered: &Centered<'_, T>, covariance: &[f64], mean: f64) -> Result<f64> {
    let (rows, columns) = (centered.rows(), centered.columns());
    let (mut distance, mut norm) = (0.0, 0.0);
    for (row, values) in covariance.chunks_exact(columns).enumerate() {
        for (column, value) in values.iter().enumerate() {
            let value = value / mean;
            let off = if row == column { value - 1.0 } else { value };
            distance += off * off;
            norm += value * value;
        }
    }
    let what = "lengths of rows";
    // The sum over rows of |x xᵀ|² is that of |x|⁴.
    let fourth = reduce(
        rows,
        16,
        2.0 * columns as f64,
        || room(BLOCK, columns, 0.0, what),
        || Ok(0.0),
        |sum, block, rows, stop| {
            for start in rows.clone().step_by(BLOCK) {
                if stop.requested() {
                    return;
                }
                let count = BLOCK.min(rows.end - start);
                let block = &mut block[..count * columns];
                centered.read(start..start + count, block);
                for rows in block.chunks(LANES * columns) {
                    let mut squares = [0.0; LANES];
                    let count = rows.len() / columns;
                    if count == LANES {
                        dispatch!(Level::new(), simd => squares = eight_squares(simd, rows, columns).0);
                    } else {
                        for (square, row) in squares.iter_mut().zip(rows.chunks_exact(columns)) {
                            *square = row.iter().map(|value| value * value).sum();
                        }
                    }
                    for square in &squares[..count] {
                        let square = square / mean;
                        *sum += square * square;
                    }
                }
            }
        },
        |all, part, _| *all += part,
    )?;
    let error = ((fourth / rows as f64 - norm) / rows as f64).min(distance);
    Ok(if error > 0.0 { (error / distance).min(1.0) } else { 0.0 })
}

/// Sums of squares of eight rows, each in its order.
#[inline(always)]
fn eight_squares<S: Simd>(simd: S, rows: &[f64], columns: usize) -> Row {
    let mut squares: V<S> = f64x8::splat(simd, 0.0);
    let whole = columns / LANES * LANES;
    for column in (0..whole).step_by(LANES) {
        let mut read = [squares; LANES];
        for (lane, read) in read.iter_mut().enumerate() {
            if let Some(values) = rows[lane * columns + column..].first_chunk() {
                *read = loaded(simd, values);
            }
        }
        for value in transposed::<S>(read) {
            squares += value * value;
        }
    }
    let mut found = Row::default();
    found.store(squares);
    for column in whole..columns {
        for (lane, square) in found.0.iter_mut().enumerate() {
            let value = rows[lane * columns + column];
            *square += value * value;
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use ndarray::{Array2, array};

    use super::*;

    #[test]
    fn means_and_covariances_of_a_small_case() {
        // Ledoit and Wolf's formulae by hand: S = [[1, 0], [0, 4]] of four rows (±1, ±2); m = 2.5, d² = 4.5, b² = 2.
        let x = array![[1.0, 2.0], [-1.0, 2.0], [1.0, -2.0], [-1.0, -2.0]];
        let found = ledoit_wolf(x.view().into()).unwrap();
        let share = (25.0 - 17.0) / 4.0 / 4.5;
        assert!((found.shrinkage - share).abs() < 1e-15);
        assert!((found.covariance[0] - (1.0 - share + 2.5 * share)).abs() < 1e-15);
        assert_eq!((found.covariance[1], found.covariance[2]), (0.0, 0.0));
        // In other units and at another place.
        let far = x.mapv(|value| value * 2.0_f64.powi(-10) + 1e9);
        let far = ledoit_wolf(far.view().into()).unwrap();
        assert_eq!(far.shrinkage, found.shrinkage);
        assert_eq!(far.covariance[3], found.covariance[3] * 2.0_f64.powi(-20));
        // The covariance is the nearest number; the share is that of any unit.
        for (power, covariance) in [
            (-530, found.covariance[3] * 2.0_f64.powi(-1000) * 2.0_f64.powi(-60)),
            (-1000, 0.0),
        ] {
            let tiny = ledoit_wolf(x.mapv(|value| value * 2.0_f64.powi(power)).view().into()).unwrap();
            assert_eq!((tiny.shrinkage, tiny.covariance[3]), (found.shrinkage, covariance), "{power}");
        }
        let huge = x.mapv(|value| value * 2.0_f64.powi(500));
        assert_eq!(ledoit_wolf(huge.view().into()).unwrap().shrinkage, found.shrinkage);
    }

    #[test]
    fn the_share_is_that_of_the_distances_row_by_row() {
        let (rows, columns) = (21, 3);
        let x = Array2::from_shape_fn((rows, columns), |(row, column)| {
            (row * 7 % 11 * (column + 1) + row * column * 5 % 7) as f64
        });
        let found = ledoit_wolf(x.view().into()).unwrap();
        // Ledoit and Wolf's d² and b² as sums over the entries of x xᵀ - S.
        let centered: Array2<f64> = &x - &x.mean_axis(ndarray::Axis(0)).unwrap();
        let s: Array2<f64> = centered.t().dot(&centered) / rows as f64;
        let mean = s.diag().sum() / columns as f64;
        let squares = |matrix: &Array2<f64>| matrix.iter().map(|value| value * value).sum::<f64>();
        let distance = squares(&(&s - &(Array2::<f64>::eye(columns) * mean)));
        let error = centered.rows().into_iter().map(|row| {
            let product = Array2::from_shape_fn((columns, columns), |(i, j)| row[i] * row[j]);
            squares(&(product - &s))
        });
        let share = error.sum::<f64>() / (rows * rows) as f64 / distance;
        assert!(0.0 < share && share < 1.0);
        assert!((found.shrinkage - share).abs() < 1e-14, "{} {share}", found.shrinkage);
    }

    #[test]
    fn edges_of_shrinkage() {
        let one = array![[1.0], [2.0], [4.0]];
        let found = ledoit_wolf(one.view().into()).unwrap();
        assert_eq!(found.shrinkage, 0.0);
        assert!((found.covariance[0] - 14.0 / 9.0).abs() < 1e-15);
        let still = Array2::<f64>::ones((5, 3));
        let found = ledoit_wolf(still.view().into()).unwrap();
        assert_eq!((found.covariance, found.shrinkage), (vec![0.0; 9], 0.0));
        let huge = Array2::from_elem((2, 2), 1.0) * array![[1e200], [-1e200]];
        assert!(matches!(ledoit_wolf(huge.view().into()), Err(Error::Singular { .. })));
        let none = Array2::<f64>::zeros((0, 3));
        assert!(matches!(ledoit_wolf(none.view().into()), Err(Error::TooFew { .. })));
    }

    #[test]
    fn the_first_missing_value_is_named() {
        let mut x = Array2::<f64>::zeros((2000, 3));
        assert_eq!(require_complete(x.view().into(), "x"), Ok(()));
        x[[1700, 2]] = f64::NAN;
        x[[900, 1]] = f64::INFINITY;
        x[[900, 2]] = f64::NAN;
        let message = require_complete(x.view().into(), "x").unwrap_err().to_string();
        assert_eq!(message, "`x` must have no missing values (NaN or infinite), got one in row 900, column 1");
    }
}
