//! Scaling of whole columns.

use acm_linalg::lanes::Element;
use acm_linalg::parallel;
use acm_linalg::{Result, Table};
use ndarray::{ArrayViewMut2, Axis};

use super::order::{centres, centres_and_deviations};
use super::output::{block_rows, results, same_length, same_shape};
use super::select::Centre;

/// Makes the median absolute deviation of normal data its standard deviation.
const NORMAL: f64 = 1.4826;

/// Least scale that is found.
const FLOOR: f64 = 1e-9;

const COST_NS: f64 = 2.0;

/// Each column less its centre, over its scale; by default robust: the median, and 1.4826 times the median absolute
/// deviation, at least 1e-9.
///
/// `y = (x - center) / scale`
///
/// Shapes: x (n, d), center (d,), scale (d,) -> (n, d).
/// Missing: NaN and infinity stay missing (NaN) and count for nothing; a column of nothing else is NaN. Given numbers are
/// used as they are. Found medians are used before their rounding: what lies 1e-3 about 1e9 keeps its digits.
/// Cost: O(n d). Threads: columns and rows.
/// Oracle: NumPy. Source: Hampel (1974), doi 10.1080/01621459.1974.10482962.
///
/// # Examples
///
/// ```
/// use acm_features::column::zscore;
/// use ndarray::{Array2, array};
///
/// # fn main() -> acm_linalg::Result<()> {
/// let x = array![[1.0], [3.0], [5.0]];
/// let mut out = Array2::<f64>::zeros(x.dim());
/// zscore(x.view(), Some(&[3.0]), Some(&[4.0]), out.view_mut())?;
/// assert_eq!(out, array![[-0.5], [0.0], [0.5]]);
/// // About the median, by the median absolute deviation.
/// zscore(x.view(), None, None, out.view_mut())?;
/// assert!((out[[2, 0]] - 1.0 / 1.4826).abs() < 1e-12);
/// # Ok(())
/// # }
/// ```
///
/// # Errors
/// [`crate::Error::Shape`] for another `out`; [`crate::Error::Length`] for another `center` or `scale`;
/// [`crate::Error::Memory`]; [`crate::Error::Interrupted`].
pub fn zscore<'a, T: Element>(
    x: impl Into<Table<'a, T>>,
    center: Option<&[f64]>,
    scale: Option<&[f64]>,
    mut out: ArrayViewMut2<'_, T>,
) -> Result<()> {
    let x = x.into();
    let columns = x.ncols();
    for (name, given) in [("center", center), ("scale", scale)] {
        if let Some(given) = given {
            same_length(name, given, columns)?;
        }
    }
    same_shape(&out, x.dim())?;
    if x.is_empty() {
        return Ok(());
    }
    let mut lines = results(columns, (Centre::NONE, f64::NAN))?;
    if scale.is_none() {
        for (line, (centre, deviation)) in lines.iter_mut().zip(centres_and_deviations(&x)?) {
            *line = (centre, (NORMAL * deviation).max(FLOOR));
        }
    } else if center.is_none() {
        for (line, centre) in lines.iter_mut().zip(centres(&x, |_| false)?) {
            line.0 = centre;
        }
    }
    for (line, &median) in lines.iter_mut().zip(center.unwrap_or_default()) {
        line.0 = Centre { median, rest: 0.0 };
    }
    for (line, &scale) in lines.iter_mut().zip(scale.unwrap_or_default()) {
        line.1 = scale;
    }

    let rows = block_rows(columns);
    let jobs = x.row_chunks(rows).zip(out.axis_chunks_iter_mut(Axis(0), rows));
    let cost = COST_NS * x.len() as f64;
    parallel::run(
        jobs,
        cost,
        || Ok(()),
        |(), (x, mut out), _stop| {
            if let Some(x) = x.with_whole_rows() {
                for (x, mut out) in x.rows().into_iter().zip(out.rows_mut()) {
                    for ((x, out), line) in x.iter().zip(&mut out).zip(&lines) {
                        *out = scaled(*x, line);
                    }
                }
            } else {
                for ((x, mut out), line) in x.columns().zip(out.columns_mut()).zip(&lines) {
                    for (x, out) in x.iter().zip(&mut out) {
                        *out = scaled(*x, line);
                    }
                }
            }
        },
    )
}

#[inline(always)]
fn scaled<T: Element>(value: T, (centre, scale): &(Centre, f64)) -> T {
    let value = value.widen();
    let known = if value.abs() < f64::INFINITY { value } else { f64::NAN };
    T::narrow(centre.distance(known) / scale)
}
