//! Time-weighted mean: a reading counts for as long as it stood.
//!
//! Between two readings the older one holds, so a window's integral is a sum of rectangles: those of its readings, a part of
//! the one that holds where the window begins, and the newest one's up to its end. Whole rectangles are summed in blocks of
//! the window's length, at absolute multiples of it, as everywhere here: nothing is ever subtracted.

mod ages;
mod area;
#[cfg(test)]
mod tests;
mod wide;

use std::collections::VecDeque;

use acm_linalg::error::require;
use acm_linalg::lanes::{Element, LANES};
use acm_linalg::memory::{Gather, reserved};
use acm_linalg::{Error, Result, Table, parallel};
use ndarray::ArrayViewMut2;

use super::bounds::Bounds;
use super::windows::{Closed, Windows};
use crate::column::output::pieces;
use area::Area;
use wide::{Wide, complete};

/// Estimated time of a value, in nanoseconds.
const COST_NS: f64 = 60.0;

const WHAT: &str = "the readings of a window";

/// Rows between two looks at the request to stop.
const STOP_ROWS: usize = 1 << 12;

#[derive(Debug, Clone, Copy)]
pub(crate) struct Reading {
    pub(crate) time: i64,
    pub(crate) value: f64,
}

impl Reading {
    /// When it ends to hold: when the next one comes, or after so long.
    fn until(self, next: i64, hold: i64) -> i64 {
        self.time.saturating_add(hold).min(next)
    }
}

/// Windows that last a time, in which a reading counts for as long as it stood.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct TimeMean {
    window: i64,
    hold: i64,
    min_periods: usize,
    /// A power of two below 1 over the window, in nanoseconds: no integral is beyond its largest value.
    unit: f64,
}

impl TimeMean {
    /// Of windows of so many nanoseconds, where a reading holds for `hold` nanoseconds at most.
    ///
    /// # Errors
    /// [`Error::Parameter`] unless both are positive.
    pub fn new(window: i64, hold: Option<i64>, min_periods: usize) -> Result<Self> {
        require(window > 0, "window", "longer than nothing", window as f64)?;
        let hold = hold.unwrap_or(i64::MAX);
        require(hold > 0, "hold", "longer than nothing", hold as f64)?;
        Ok(Self {
            window,
            hold,
            min_periods: min_periods.max(1),
            unit: 0.5_f64.powi(64 - window.leading_zeros().cast_signed()),
        })
    }

    /// Nanoseconds of a window.
    #[must_use]
    pub fn window(&self) -> i64 {
        self.window
    }

    /// Nanoseconds that a reading holds at most, if there is an end to it.
    #[must_use]
    pub fn hold(&self) -> Option<i64> {
        (self.hold < i64::MAX).then_some(self.hold)
    }

    /// Readings that a result needs.
    #[must_use]
    pub fn min_periods(&self) -> usize {
        self.min_periods
    }
}

/// The window of a column as it slides.
#[derive(Debug)]
pub(crate) struct Column {
    /// Readings, from the one that holds where the window begins.
    readings: VecDeque<Reading>,
    /// Where the block begins that the window ends in, and the first reading from there on.
    begin: i128,
    meet: usize,
    /// Sums of rectangles that end before the block: the last of them, the last two, ...
    older: Vec<Area>,
    /// Sum of those from `meet` to `next`.
    newer: Area,
    next: usize,
}

impl Column {
    /// For windows of at most so many rows.
    fn new(rows: usize) -> Result<Self> {
        // One more holds where the window begins, and one more comes before that one goes.
        let room = rows.saturating_add(2);
        let mut column = Self::of(reserved(room, WHAT)?);
        column.older = reserved(room, WHAT)?;
        Ok(column)
    }

    /// With the readings so far, from the one that holds where the window begins. What sums they have is made anew.
    pub(crate) fn of(readings: Vec<Reading>) -> Self {
        Self {
            readings: readings.into(),
            begin: i128::MIN,
            meet: 0,
            older: Vec::new(),
            newer: Area::default(),
            next: 0,
        }
    }

    /// Those that may still count.
    pub(crate) fn readings(&self) -> impl ExactSizeIterator<Item = Reading> {
        self.readings.iter().copied()
    }

    /// Room for so many more, so that to take them in does not fail.
    pub(crate) fn make_room(&mut self, more: usize) -> Result<()> {
        let rows = self.readings.len().saturating_add(more);
        let readings = self.readings.try_reserve(more);
        let older = self.older.try_reserve(rows.saturating_sub(self.older.len()));
        let lacking = |_| Error::Memory {
            what: WHAT,
            rows,
            columns: 1,
        };
        readings.and(older).map_err(lacking)
    }

    /// Takes a row's reading in, unless it is missing.
    pub(crate) fn push(&mut self, time: i64, value: f64) {
        if value.is_finite() {
            self.readings.push_back(Reading { time, value });
        }
    }

    fn clear(&mut self) {
        self.readings.clear();
        self.older.clear();
        self.begin = i128::MIN;
        self.meet = 0;
        self.newer = Area::default();
        self.next = 0;
    }

    /// A reading's rectangle, as whole as it gets.
    fn whole(&self, area: Area, reading: usize, walk: TimeMean) -> Area {
        let Reading { time, value } = self.readings[reading];
        let until = self.readings[reading].until(self.readings[reading + 1].time, walk.hold);
        area.with(value, until - time, walk.unit)
    }

    /// Lets go of what ended before the window that ends at `now`; gives where that begins.
    fn forget(&mut self, now: i64, walk: TimeMean) -> i64 {
        let from = now.saturating_sub(walk.window);
        while self.readings.get(1).is_some_and(|reading| reading.time <= from) {
            self.readings.pop_front();
            self.meet = self.meet.saturating_sub(1);
            self.next = self.next.saturating_sub(1);
        }
        from
    }

    /// The mean over the window that ends at `now`.
    pub(crate) fn mean(&mut self, now: i64, walk: TimeMean) -> f64 {
        let from = self.forget(now, walk);
        let count = self.readings.len();
        let (Some(&first), Some(&last)) = (self.readings.front(), self.readings.back()) else {
            return f64::NAN;
        };
        let holds = first.time <= from;
        let start = usize::from(holds);
        let known = holds && first.time.saturating_add(walk.hold) > from;
        if count - start + usize::from(known) < walk.min_periods {
            return f64::NAN;
        }

        let begin = i128::from(now) - i128::from(now.rem_euclid(walk.window));
        if begin != self.begin {
            self.begin = begin;
            while self.readings.get(self.meet).is_some_and(|reading| i128::from(reading.time) < begin) {
                self.meet += 1;
            }
            self.older.clear();
            let mut area = Area::default();
            for reading in (start..self.meet.saturating_sub(1)).rev() {
                area = self.whole(area, reading, walk);
                self.older.push(area);
            }
            self.newer = Area::default();
            self.next = self.meet;
        }
        while self.next + 1 < count {
            self.newer = self.whole(self.newer, self.next, walk);
            self.next += 1;
        }

        let whole = self.meet.saturating_sub(1).saturating_sub(start);
        let mut area = whole.checked_sub(1).map_or_else(Area::default, |place| self.older[place]);
        if self.meet < count && self.meet > start {
            area = self.whole(area, self.meet - 1, walk);
        }
        area = area.merge(self.newer);
        if holds {
            let next = self.readings.get(1).map_or(now, |reading| reading.time);
            area = area.with(first.value, first.until(next, walk.hold).saturating_sub(from), walk.unit);
        }
        if count > start {
            area = area.with(last.value, last.until(now, walk.hold) - last.time, walk.unit);
        }
        match area.lasting {
            0 if count > start => last.value,
            0 => f64::NAN,
            _ => area.mean(walk.unit),
        }
    }
}

/// Time-weighted mean of each column over windows that last a time.
///
/// `y[t] = 1 / |K| * integral over K of f(s) ds`, f(s) the newest non-missing reading at or before s, K the part of
/// `[times[t] - window, times[t]]` in which there is one that is younger than `hold`
///
/// The reading before a window holds into it. Where no time has passed since the first reading, that reading.
///
/// Shapes: x (n, d), times (n,) -> (n, d).
/// Missing: NaN and infinity are skipped, as if their rows were not there; NaN out while fewer than `min_periods` (at least
/// one) readings are in the window or hold into it.
/// Cost: O(n d), whatever the window. Threads: columns. Error: at most a rounding or two of the exact mean.
/// Source: the integral of a step function; sums as in van Herk 1992, doi 10.1016/0167-8655(92)90069-C.
///
/// # Examples
///
/// ```
/// use acm_features::rolling::{Times, Windows, rolling_time_mean};
/// use ndarray::{Array2, array};
///
/// # fn main() -> acm_linalg::Result<()> {
/// // 10 stood for three seconds, 20 for one.
/// let x = array![[10.0], [20.0], [0.0]];
/// let times = [0, 3_000_000_000, 4_000_000_000];
/// let mut out = Array2::<f64>::zeros((3, 1));
/// let windows = Windows::lasting(4_000_000_000, 1, Times::new(&times)?)?;
/// rolling_time_mean(x.view(), windows, None, out.view_mut())?;
/// assert_eq!(out, array![[10.0], [10.0], [12.5]]);
/// # Ok(())
/// # }
/// ```
///
/// # Errors
/// [`Error::Parameter`] for windows of rows, or where `hold` is not positive; [`Error::Length`] for other times;
/// [`Error::Shape`] for another `out`; [`Error::Memory`]; [`Error::Interrupted`].
pub fn rolling_time_mean<'a, T: Element>(
    x: impl Into<Table<'a, T>>,
    windows: Windows<'_>,
    hold: Option<i64>,
    mut out: ArrayViewMut2<'_, T>,
) -> Result<()> {
    let x = x.into();
    let (rows, columns) = x.dim();
    let (window, times) = windows.duration(rows)?;
    let walk = TimeMean::new(window, hold, windows.min_periods())?;
    let history = windows.history(0);
    let expected = (history.kept(rows), columns);
    if out.dim() != expected {
        return Err(Error::Shape {
            name: "out",
            expected,
            got: out.dim(),
        });
    }
    if x.is_empty() {
        return Ok(());
    }
    let longest = Bounds::lasting(window, (false, Closed::Both), times)?.longest();
    let exact = walk.has_exact_ages(times);
    // As many columns at once as have their rows side by side, but work for every thread.
    let width = columns.div_ceil(parallel::num_threads()).clamp(1, LANES);
    let jobs = pieces(out.view_mut(), width)?.into_iter().enumerate();
    parallel::run(
        jobs,
        COST_NS * x.len() as f64,
        || {
            let walks = (0..width).map(|_| Column::new(longest)).gathered_ok("the columns")?;
            // One column by itself keeps its readings in an eighth of the memory.
            Ok((walks, Wide::new(if width > 1 { longest } else { 0 })?))
        },
        |(walks, together), (group, mut out), stop| {
            let part = x.of_neighbours(group * width..group * width + out.ncols());
            let kept = (history.first_row % history.step, history.step);
            if part.ncols() > 1 && exact {
                return together.means_by_age(&part, (times, walk), kept, &mut out, stop);
            }
            if part.ncols() > 1 && complete(&part) {
                return together.means(&part, (times, walk), kept, &mut out, stop);
            }
            walks.iter_mut().for_each(Column::clear);
            let mut place = 0;
            for (row, &now) in times.iter().enumerate() {
                if row % STOP_ROWS == 0 && stop.requested() {
                    return;
                }
                let kept = (row + history.first_row % history.step).is_multiple_of(history.step.get());
                for (column, walked) in walks.iter_mut().enumerate().take(out.ncols()) {
                    walked.push(now, part.value(row, column).widen());
                    if kept {
                        out[[place, column]] = T::narrow(walked.mean(now, walk));
                    } else {
                        walked.forget(now, walk);
                    }
                }
                place += usize::from(kept);
            }
        },
    )
}
