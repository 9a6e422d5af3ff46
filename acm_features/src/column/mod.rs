//! Statistics and clean-up of whole columns: order statistics, moments, robust scaling, imputation, lags.
//!
//! # Examples
//!
//! ```
//! use acm_features::column::{Method, column_median_mad, column_moments, column_quantiles, impute};
//! use ndarray::{Array2, array};
//!
//! # fn main() -> acm_features::Result<()> {
//! let x = array![[1.0], [f64::NAN], [3.0], [100.0]];
//! assert_eq!(column_median_mad(x.view(), 1.0)?, (vec![3.0], vec![2.0]));
//! assert_eq!(column_moments(x.view())?.count, [3]);
//! let mut halves = Array2::zeros((2, 1));
//! column_quantiles(x.view(), &[0.0, 0.75], halves.view_mut())?;
//! assert_eq!(halves, array![[1.0], [51.5]]);
//! let mut whole = Array2::zeros(x.dim());
//! impute(x.view(), Method::Forward, None, None, whole.view_mut())?;
//! assert_eq!(whole, array![[1.0], [1.0], [3.0], [100.0]]);
//! # Ok(())
//! # }
//! ```

mod impute;
mod lags;
mod moments;
mod order;
mod pair;
pub(crate) mod rows;
mod scale;
mod search;
mod select;
#[cfg(test)]
mod tests;

use acm_linalg::columns::reserve;
use acm_linalg::memory::reserved;
use acm_linalg::{Error, Result};
use ndarray::{ArrayViewMut2, Axis};

pub use impute::{Method, impute};
pub use lags::lag_matrix;
pub use moments::{Moments, column_moments};
pub(crate) use order::centres;
pub use order::{column_median_mad, column_quantiles};
pub use scale::zscore;

const BLOCK_VALUES: usize = 1 << 16;

/// Cuts `out` into pieces of `each` neighbouring columns, the last one of what is left.
pub(crate) fn pieces<T>(out: ArrayViewMut2<'_, T>, each: usize) -> Result<Vec<ArrayViewMut2<'_, T>>> {
    let mut pieces = reserved(out.ncols().div_ceil(each), "the jobs")?;
    let mut rest = out;
    while rest.ncols() > 0 {
        let columns = each.min(rest.ncols());
        let (piece, others) = rest.split_at(Axis(1), columns);
        pieces.push(piece);
        rest = others;
    }
    Ok(pieces)
}

fn same_length(name: &'static str, values: &[f64], columns: usize) -> Result<()> {
    if values.len() == columns {
        Ok(())
    } else {
        Err(Error::Length {
            name,
            expected: columns,
            got: values.len(),
        })
    }
}

fn same_shape<T>(out: &ArrayViewMut2<'_, T>, expected: (usize, usize)) -> Result<()> {
    if out.dim() == expected {
        Ok(())
    } else {
        Err(Error::Shape {
            name: "out",
            expected,
            got: out.dim(),
        })
    }
}

/// Rows of so many columns that are written at once.
fn block_rows(columns: usize) -> usize {
    (BLOCK_VALUES / columns.max(1)).max(1)
}

/// Memory for a result a column.
fn results<R: Clone>(columns: usize, value: R) -> Result<Vec<R>> {
    reserve(columns, value, "the result")
}
