//! Correlations and covariances between all columns.
//!
//! Missing values (NaN and infinities) are deleted pair by pair: a result uses the rows that both columns have. What is
//! symmetric is so to the bit, correlations lie within -1 and 1, and the bytes depend neither on the threads nor on the
//! memory layout.
//!
//! # Examples
//!
//! ```
//! use acm_features::correlation::{Method, correlation, covariance};
//! use ndarray::{Array2, array};
//!
//! # fn main() -> acm_features::Result<()> {
//! let x = array![[1.0, 2.0], [2.0, 4.0], [f64::NAN, 5.0], [3.0, 12.0]];
//! let mut out = Array2::zeros((2, 2));
//! correlation(x.view(), Method::Kendall, 2, out.view_mut())?;
//! assert_eq!(out, array![[1.0, 1.0], [1.0, 1.0]]);
//! covariance(x.view(), 1, 2, out.view_mut())?;
//! assert!((out[[0, 1]] - 5.0).abs() < 1e-14);
//! # Ok(())
//! # }
//! ```

mod kendall;
mod moments;
mod pack;
mod pair;
mod pearson;
mod products;
mod ranks;
mod scan;
mod shared;
mod spearman;
mod sums;
#[cfg(test)]
mod tests;

use acm_linalg::lanes::Element;
use acm_linalg::{Error, Result, Table};
use ndarray::{ArrayViewMut2, ArrayViewMut3, Axis};

use moments::Wanted;
use pearson::prepare;

/// What is called correlation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Method {
    /// Of the values: covariance over the product of the standard deviations.
    Pearson,
    /// Of the average ranks.
    Spearman,
    /// Kendall's tau-b: concordant less discordant pairs of rows, over the geometric mean of the pairs not tied.
    Kendall,
}

/// Correlation of each column of `x` (n, d) with each other, into `out` (d, d).
///
/// Missing values are deleted pair by pair. NaN where a pair has fewer than `min_periods` rows (at least two), or where a
/// column has no variance over them; on the diagonal 1 otherwise. Kendall's diagonal is 1 even for a constant column, as in
/// pandas, and needs one row.
///
/// Cost: Pearson's n d² / 2 products, five times that where values are missing, and a few MiB of sums for narrow arrays, half
/// the size of the output (six times that with gaps) for wide ones. The few pairs whose moments would cancel, because one
/// column's level over the common rows is far from its level elsewhere, take two passes of their own. Spearman sorts each
/// column once and holds n d ranks of four bytes (eight with gaps and beyond 2^23 rows, and O(n) for each pair whose gaps
/// differ, for 64 of them at once, with 256 bytes a row for each thread). Kendall sorts likewise, always holds an order and
/// a place, eight bytes for each value, and takes O(n log n) a pair (Knight 1966, doi 10.1080/01621459.1966.10480879). With
/// the sums and the result, 2,000 columns stay within 300 MB up to about 29,000 rows for Spearman without gaps, 14,000 with
/// gaps and 15,000 for Kendall.
///
/// # Errors
/// [`Error::Shape`] for another `out`; [`Error::Parameter`] for 2^31 rows and more with ranks; [`Error::Memory`];
/// [`Error::Interrupted`].
pub fn correlation<'a, T: Element>(
    x: impl Into<Table<'a, T>>,
    method: Method,
    min_periods: usize,
    out: ArrayViewMut2<'_, T>,
) -> Result<()> {
    let x = x.into();
    require_square(x.ncols(), out.dim())?;
    match method {
        Method::Pearson => prepare(x)?.all(Wanted::Correlation, min_periods, out),
        Method::Spearman => spearman::correlation(x, min_periods, out),
        Method::Kendall => kendall::correlation(x, min_periods, out),
    }
}

/// Covariance of each column of `x` (n, d) with each other, into `out` (d, d): the sum of products about the means, over
/// the number of rows less `ddof`.
///
/// Missing values are deleted pair by pair; NaN where a pair has fewer than `min_periods` rows or no more than `ddof`. Cost
/// as for Pearson's correlation.
///
/// # Errors
/// [`Error::Shape`] for another `out`; [`Error::Memory`]; [`Error::Interrupted`].
pub fn covariance<'a, T: Element>(
    x: impl Into<Table<'a, T>>,
    ddof: usize,
    min_periods: usize,
    out: ArrayViewMut2<'_, T>,
) -> Result<()> {
    let x = x.into();
    require_square(x.ncols(), out.dim())?;
    prepare(x)?.all(Wanted::Covariance { ddof }, min_periods, out)
}

/// Pearson's correlation of each column of `x` (n, d) with each one some rows earlier: `out` is (lags, d, d), and
/// `out[[k, a, b]]` correlates `x[t, a]` with `x[t - k, b]` over all rows t that have both.
///
/// Missing values as in [`correlation`]; NaN for lags of n and more. The lag 0 is [`correlation`] itself. Cost: each other
/// lag takes twice the products of a correlation.
///
/// # Examples
///
/// ```
/// use acm_features::correlation::lagged_correlation;
/// use ndarray::{Array3, array};
///
/// # fn main() -> acm_linalg::Result<()> {
/// // Column 1 does a row later what column 0 does.
/// let x = array![[1.0, 0.0], [3.0, 1.0], [2.0, 3.0], [5.0, 2.0], [0.0, 5.0]];
/// let mut out = Array3::<f64>::zeros((2, 2, 2));
/// lagged_correlation(x.view(), 2, out.view_mut())?;
/// assert!(out[[0, 1, 0]] < 0.5 && (out[[1, 1, 0]] - 1.0).abs() < 1e-12);
/// # Ok(())
/// # }
/// ```
///
/// # Errors
/// [`Error::Shape`] for another width or depth of `out`; [`Error::Memory`]; [`Error::Interrupted`].
pub fn lagged_correlation<'a, T: Element>(
    x: impl Into<Table<'a, T>>,
    min_periods: usize,
    mut out: ArrayViewMut3<'_, T>,
) -> Result<()> {
    let x = x.into();
    let (lags, width, depth) = out.dim();
    require_square(x.ncols(), (width, depth))?;
    if lags == 0 {
        return Ok(());
    }
    let prepared = prepare(x)?;
    for (lag, mut out) in out.axis_iter_mut(Axis(0)).enumerate() {
        if lag == 0 {
            prepared.all(Wanted::Correlation, min_periods, out)?;
        } else if lag < x.nrows() {
            prepared.lagged(lag, min_periods, out)?;
        } else {
            out.fill(T::narrow(f64::NAN));
        }
    }
    Ok(())
}

fn require_square(columns: usize, got: (usize, usize)) -> Result<()> {
    if got == (columns, columns) {
        return Ok(());
    }
    Err(Error::Shape {
        name: "out",
        expected: (columns, columns),
        got,
    })
}
