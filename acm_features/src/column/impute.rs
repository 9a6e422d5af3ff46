//! Filling what is missing.

use acm_linalg::error::require;
use acm_linalg::lanes::{Element, LANES};
use acm_linalg::parallel::{self, Stop};
use acm_linalg::{Error, Result, Table};
use ndarray::{ArrayViewMut2, s};

use super::output::{pieces, same_length, same_shape};
use super::pair::interpolated;
use crate::fill::medians_where_missing;
use crate::rolling::Times;

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
    /// The same line by the rows' times.
    Time,
}

/// The longest gap that is filled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MaxGap {
    /// Of so many missing rows.
    Rows(usize),
    /// Between known values so many nanoseconds apart; at the start and the end from the first row or to the last.
    Lasting(i64),
}

/// How far gaps are filled, and when the rows were taken.
#[derive(Debug, Clone, Copy, Default)]
pub struct Reach<'a> {
    /// Most rows of a gap that are filled.
    pub limit: Option<usize>,
    /// Longer gaps stay as they are.
    pub max_gap: Option<MaxGap>,
    /// What [`Method::Time`] and a duration need.
    pub times: Option<Times<'a>>,
}

impl Reach<'_> {
    fn check(&self, method: Method, rows: usize) -> Result<()> {
        let limit = self.limit.unwrap_or(usize::MAX);
        require(limit > 0, "limit", "at least 1", limit)?;
        match self.max_gap {
            Some(MaxGap::Rows(most)) => require(most > 0, "max_gap", "at least 1", most)?,
            Some(MaxGap::Lasting(most)) => require(most > 0, "max_gap", "longer than nothing", most as f64)?,
            None => {}
        }
        let timed = method == Method::Time || matches!(self.max_gap, Some(MaxGap::Lasting(_)));
        match self.times {
            None => require(
                !timed,
                "times",
                "given with the method \"time\" and a duration, so its length the rows'",
                0_usize,
            ),
            Some(times) if times.nanoseconds().len() != rows => Err(Error::Length {
                name: "times",
                expected: rows,
                got: times.nanoseconds().len(),
            }),
            Some(_) => Ok(()),
        }
    }

    fn takes<T>(&self, gap: &Gap<T>, rows: usize) -> bool {
        match (self.max_gap, self.times) {
            (Some(MaxGap::Rows(most)), _) => gap.end - gap.start <= most,
            (Some(MaxGap::Lasting(most)), Some(times)) => {
                let time = |row: usize| i128::from(times.nanoseconds()[row.min(rows - 1)]);
                time(gap.end) - time(gap.start.saturating_sub(1)) <= i128::from(most)
            }
            _ => true,
        }
    }

    /// Where a row lies between those around its gap: a part of a whole.
    fn place<T>(&self, gap: &Gap<T>, row: usize) -> (f64, f64) {
        let Some(times) = self.times else {
            return ((row + 1 - gap.start) as f64, (gap.end + 1 - gap.start) as f64);
        };
        let times = times.nanoseconds();
        let since = |row: usize| times[row].abs_diff(times[gap.start - 1]);
        let (part, whole) = (since(row), since(gap.end));
        // All at one instant: the earlier value.
        let (part, whole) = if whole == 0 { (0, 1) } else { (part, whole) };
        let common = if whole >> f64::MANTISSA_DIGITS == 0 {
            1
        } else {
            greatest_divisor(whole, part)
        };
        ((part / common) as f64, (whole / common) as f64)
    }
}

/// Euclid's.
fn greatest_divisor(mut a: u64, mut b: u64) -> u64 {
    while b > 0 {
        (a, b) = (b, a % b);
    }
    a
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
/// [`Method::Forward`], [`Method::Interpolate`] and [`Method::Time`], after the last with [`Method::Backward`], and a column of nothing but with
/// [`Method::Zero`] or a number in `fill`, which stands for the median where it is one. Of `reach`, `limit`: at most so many
/// rows of each gap are filled, from its first on, with [`Method::Backward`] up to its last; `max_gap`: longer ones are not
/// filled at all.
/// Cost: O(n d). Threads: columns.
/// Oracle: pandas `fillna`, `ffill`, `bfill`, `interpolate`; exact arithmetic by times.
///
/// # Errors
/// [`crate::Error::Parameter`] for a limit or a longest gap of 0, a `fill` with another method than the median, or times that
/// are lacking; [`crate::Error::Length`] for another `fill` or other times; [`crate::Error::Shape`] for another `out`; [`crate::Error::Memory`]; [`crate::Error::Interrupted`].
pub fn impute<'a, T: Element>(
    x: impl Into<Table<'a, T>>,
    method: Method,
    fill: Option<&[f64]>,
    reach: &Reach<'_>,
    mut out: ArrayViewMut2<'_, T>,
) -> Result<()> {
    let x = x.into();
    reach.check(method, x.nrows())?;
    let limit = reach.limit.unwrap_or(usize::MAX);
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
                if !reach.takes(gap, part.nrows()) {
                    return;
                }
                let from_start = gap.start..gap.end.min(gap.start.saturating_add(limit));
                match (method, gap.before, gap.after) {
                    (Method::Median, ..) => {
                        put(out, column, from_start, medians.get(first + column).map(|&m| T::narrow(m)))
                    }
                    (Method::Zero, ..) => put(out, column, from_start, Some(T::narrow(0.0))),
                    (Method::Forward, before, _) | (Method::Interpolate | Method::Time, before, None) => {
                        put(out, column, from_start, before)
                    }
                    (Method::Backward, _, after) => {
                        put(out, column, gap.end.saturating_sub(limit).max(gap.start)..gap.end, after);
                    }
                    (Method::Interpolate | Method::Time, Some(before), Some(after)) => {
                        let by = if method == Method::Time { *reach } else { Reach::default() };
                        for row in from_start {
                            let (part, whole) = by.place(gap, row);
                            out[[row, column]] = T::narrow(interpolated(before.widen(), after.widen(), part, whole));
                        }
                    }
                    (Method::Interpolate | Method::Time, None, Some(_)) => {}
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
