//! Filling what is missing.

use acm_linalg::error::require;
use acm_linalg::lanes::{Element, LANES};
use acm_linalg::parallel::{self, Stop};
use acm_linalg::{Result, Table};
use ndarray::{ArrayViewMut2, s};

use super::output::{pieces, same_length, same_shape};
use super::pair::interpolated;
use crate::fill::medians_where_missing;

const COST_NS: f64 = 4.0;

/// Rows between two looks at the request to stop.
const STOP_ROWS: usize = 1 << 14;

/// What takes the place of missing values.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Method {
    /// The column's median.
    Median,
    /// 0.
    Zero,
    /// The last value before the gap.
    Forward,
    /// The next value after the gap.
    Backward,
    /// The line between the values before and after the gap; after the last value, that value.
    Interpolate,
}

/// A gap in a column and what stands at its ends.
struct Gap<T> {
    start: usize,
    end: usize,
    before: Option<T>,
    after: Option<T>,
}

/// A copy of `x` with its missing values filled.
///
/// Shapes: x (n, d), fill (d,) -> (n, d).
/// Missing: NaN and infinity, both filled; what cannot be filled is NaN: what stands before the first value with
/// [`Method::Forward`] and [`Method::Interpolate`], after the last with [`Method::Backward`], and a column of nothing but with
/// [`Method::Zero`] or a number in `fill`, which stands for the median where it is one. `limit`: at most so many rows of each
/// gap are filled, from its first on, with [`Method::Backward`] up to its last.
/// Cost: O(n d). Threads: columns.
/// Oracle: pandas `fillna`, `ffill`, `bfill`, `interpolate`.
///
/// # Errors
/// [`crate::Error::Parameter`] for a limit of 0 or a `fill` with another method than the median; [`crate::Error::Length`] for
/// another `fill`; [`crate::Error::Shape`] for another `out`; [`crate::Error::Memory`]; [`crate::Error::Interrupted`].
pub fn impute<'a, T: Element>(
    x: impl Into<Table<'a, T>>,
    method: Method,
    fill: Option<&[f64]>,
    limit: Option<usize>,
    mut out: ArrayViewMut2<'_, T>,
) -> Result<()> {
    let x = x.into();
    let limit = limit.unwrap_or(usize::MAX);
    require(limit > 0, "limit", "at least 1", limit)?;
    if let Some(fill) = fill {
        require(method == Method::Median, "fill", "left out but with method \"median\", so its length 0", fill.len())?;
        same_length("fill", fill, x.ncols())?;
    }
    same_shape(&out, x.dim())?;
    if x.is_empty() {
        return Ok(());
    }
    let medians = if method == Method::Median {
        medians_where_missing(&x, fill)?
    } else {
        Vec::new()
    };
    let jobs = pieces(out.view_mut(), LANES)?.into_iter().enumerate();
    let cost = COST_NS * x.len() as f64;
    parallel::run(
        jobs,
        cost,
        || Ok(()),
        |(), (group, mut out), stop| {
            let first = group * LANES;
            let part = x.of_neighbours(first..first + out.ncols());
            let fill = |column: usize, gap: &Gap<T>, out: &mut ArrayViewMut2<'_, T>| {
                let from_start = gap.start..gap.end.min(gap.start.saturating_add(limit));
                match (method, gap.before, gap.after) {
                    (Method::Median, ..) => {
                        put(out, column, from_start, medians.get(first + column).map(|&m| T::narrow(m)))
                    }
                    (Method::Zero, ..) => put(out, column, from_start, Some(T::narrow(0.0))),
                    (Method::Forward, before, _) | (Method::Interpolate, before, None) => {
                        put(out, column, from_start, before)
                    }
                    (Method::Backward, _, after) => {
                        put(out, column, gap.end.saturating_sub(limit).max(gap.start)..gap.end, after);
                    }
                    (Method::Interpolate, Some(before), Some(after)) => {
                        let steps = (gap.end - gap.start + 1) as f64;
                        for row in from_start {
                            let step = (row - gap.start + 1) as f64;
                            out[[row, column]] = T::narrow(interpolated(before.widen(), after.widen(), step, steps));
                        }
                    }
                    (Method::Interpolate, None, Some(_)) => {}
                }
            };
            walk(&part, &mut out, fill, stop);
        },
    )
}

fn put<T: Element>(out: &mut ArrayViewMut2<'_, T>, column: usize, rows: std::ops::Range<usize>, value: Option<T>) {
    if let Some(value) = value {
        out.slice_mut(s![rows, column]).fill(value);
    }
}

/// Copies known values and hands every gap to `fill` as soon as its end is known.
fn walk<T: Element>(
    x: &Table<'_, T>,
    out: &mut ArrayViewMut2<'_, T>,
    fill: impl Fn(usize, &Gap<T>, &mut ArrayViewMut2<'_, T>),
    stop: &Stop,
) {
    let rows = x.nrows();
    let columns = x.ncols().min(LANES);
    // The row of the last known value, counted from 1.
    let mut seen = [0; LANES];
    let gap_before = |row: usize, column: usize, seen: usize| Gap {
        start: seen,
        end: row,
        before: seen.checked_sub(1).map(|last| x.value(last, column)),
        after: (row < rows).then(|| x.value(row, column)),
    };
    for first in (0..rows).step_by(STOP_ROWS) {
        if stop.requested() {
            return;
        }
        let block = first..(first + STOP_ROWS).min(rows);
        if let Some(x) = x.with_whole_rows()
            && out.strides()[1] == 1
        {
            for row in block {
                let mut ends = [false; LANES];
                if let (Some(x), Some(out)) = (x.row(row).to_slice(), out.row_mut(row).into_slice()) {
                    for (((value, out), seen), end) in x.iter().zip(out).zip(&mut seen).zip(&mut ends) {
                        let known = value.widen().is_finite();
                        *out = if known { *value } else { T::narrow(f64::NAN) };
                        *end = known && *seen < row;
                        *seen = if known && *seen == row { row + 1 } else { *seen };
                    }
                }
                if ends.contains(&true) {
                    for column in (0..columns).filter(|&column| ends[column]) {
                        fill(column, &gap_before(row, column, seen[column]), out);
                        seen[column] = row + 1;
                    }
                }
            }
            continue;
        }
        for (column, values) in x.columns().enumerate() {
            for row in block.clone() {
                let value = values[row];
                if value.widen().is_finite() {
                    out[[row, column]] = value;
                    if seen[column] < row {
                        fill(column, &gap_before(row, column, seen[column]), out);
                    }
                    seen[column] = row + 1;
                } else {
                    out[[row, column]] = T::narrow(f64::NAN);
                }
            }
        }
    }
    for (column, &seen) in seen[..columns].iter().enumerate() {
        if seen < rows {
            fill(column, &gap_before(rows, column, seen), out);
        }
    }
}
