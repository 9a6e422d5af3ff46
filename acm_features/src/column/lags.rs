//! Columns shifted down.

use acm_linalg::error::require;
use acm_linalg::lanes::Element;
use acm_linalg::parallel;
use acm_linalg::{Result, Table};
use ndarray::{ArrayViewMut2, Axis, s};

use super::output::{block_rows, same_shape};

const COST_NS: f64 = 1.0;

/// Every column shifted down by every lag.
///
/// `y[t, j * len(lags) + i] = x[t - lags[i], j]`
///
/// Shapes: x (n, d) -> (n, d * len(lags)), the lags of a column adjacent.
/// Missing: values are copied as they are, NaN and infinity too; NaN above the first row.
/// Cost: O(n d len(lags)). Threads: rows. Oracle: pandas `shift`.
///
/// # Examples
///
/// ```
/// use acm_features::column::lag_matrix;
/// use ndarray::{Array2, array, s};
///
/// # fn main() -> acm_linalg::Result<()> {
/// let x = array![[1.0, 10.0], [2.0, 20.0], [3.0, 30.0]];
/// let mut out = Array2::<f64>::zeros((3, 4));
/// lag_matrix(x.view(), &[0, 1], out.view_mut())?;
/// assert!(out[[0, 1]].is_nan());
/// assert_eq!(out.slice(s![1.., ..]), array![[2.0, 1.0, 20.0, 10.0], [3.0, 2.0, 30.0, 20.0]]);
/// # Ok(())
/// # }
/// ```
///
/// # Errors
/// [`crate::Error::Parameter`] where there is no lag; [`crate::Error::Shape`] for another `out`;
/// [`crate::Error::Interrupted`].
pub fn lag_matrix<'a, T: Element>(
    x: impl Into<Table<'a, T>>,
    lags: &[usize],
    mut out: ArrayViewMut2<'_, T>,
) -> Result<()> {
    let x = x.into();
    require(!lags.is_empty(), "lags", "one lag or more, so its length at least 1", 0_usize)?;
    same_shape(&out, (x.nrows(), x.ncols().saturating_mul(lags.len())))?;
    if out.is_empty() {
        return Ok(());
    }
    let rows = block_rows(out.ncols());
    let cost = COST_NS * out.len() as f64;
    let by_row = out.strides()[1] == 1;
    let jobs = out.axis_chunks_iter_mut(Axis(0), rows).enumerate();
    parallel::run(
        jobs,
        cost,
        || Ok(()),
        |(), (block, mut out), _stop| {
            let first = block * rows;
            if let Some(x) = x.dense().filter(|_| by_row) {
                for (row, mut out) in (first..).zip(out.rows_mut()) {
                    let mut target = out.iter_mut();
                    for column in x.columns() {
                        for (&lag, target) in lags.iter().zip(&mut target) {
                            *target = row.checked_sub(lag).map_or(T::narrow(f64::NAN), |from| column[from]);
                        }
                    }
                }
                return;
            }
            let end = first + out.nrows();
            let mut targets = out.columns_mut().into_iter();
            for column in x.columns() {
                for (&lag, mut target) in lags.iter().zip(&mut targets) {
                    let start = lag.clamp(first, end);
                    let (mut above, mut below) = target.view_mut().split_at(Axis(0), start - first);
                    above.fill(T::narrow(f64::NAN));
                    if start < end {
                        below.assign(&column.slice(s![start - lag..end - lag]));
                    }
                }
            }
        },
    )
}
