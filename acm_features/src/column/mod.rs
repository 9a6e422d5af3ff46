//! Statistics and clean-up of whole columns: order statistics, moments, robust scaling, imputation, lags.
//!
//! # Examples
//!
//! ```
//! use acm_features::column::{Method, Reach, column_median_mad, column_moments, column_quantiles, impute};
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
//! impute(x.view(), Method::Forward, None, &Reach::default(), whole.view_mut())?;
//! assert_eq!(whole, array![[1.0], [1.0], [3.0], [100.0]]);
//! # Ok(())
//! # }
//! ```

mod impute;
mod lags;
mod moments;
mod order;
pub(crate) mod output;
mod pair;
mod pick;
pub(crate) mod rows;
mod scale;
mod search;
mod select;
#[cfg(test)]
mod tests;

pub use impute::{MaxGap, Method, Reach, impute};
pub use lags::lag_matrix;
pub use moments::{Moments, column_moments};
pub(crate) use order::{centres, place_of};
pub use order::{column_median_mad, column_quantiles};
pub use scale::zscore;
pub(crate) use select::{COST_NS as SEARCH_COST_NS, Columns as SearchedColumns, Selector, columns_at_once};
