//! Windows of a varying number of rows: where each begins and ends, and where it is cut into two parts that can be shared.
//!
//! Time is cut into blocks of the window's length, at absolute multiples of it. A window then reaches from one block into the
//! next at most, however many rows either has.

use acm_linalg::Result;
use acm_linalg::parallel;

use super::window::Window;

/// Rows between two looks at whether to stop.
const STOP_ROWS: usize = 1 << 16;

#[derive(Debug, Clone, Copy)]
enum Extent {
    /// Nanoseconds.
    Lasting { nanoseconds: i64, centred: bool },
    /// Rows, seen from so many rows later.
    Rows { window: Window, ahead: usize },
}

/// The windows of a history, one for each row.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Bounds<'a> {
    times: &'a [i64],
    rows: usize,
    extent: Extent,
    ahead: usize,
    longest: usize,
}

impl<'a> Bounds<'a> {
    /// Windows of so long, by the times of the rows.
    ///
    /// # Errors
    /// [`crate::Error::Interrupted`].
    pub(crate) fn lasting(nanoseconds: i64, centred: bool, times: &'a [i64]) -> Result<Self> {
        Self::measured(Extent::Lasting { nanoseconds, centred }, times.len(), times)
    }

    /// Windows of rows, seen from `ahead` rows later; the times, where there are any, give positions.
    ///
    /// # Errors
    /// [`crate::Error::Interrupted`].
    pub(crate) fn of_rows(window: Window, ahead: usize, rows: usize, times: &'a [i64]) -> Result<Self> {
        Self::measured(Extent::Rows { window, ahead }, rows, times)
    }

    fn measured(extent: Extent, rows: usize, times: &'a [i64]) -> Result<Self> {
        let ahead = match extent {
            Extent::Lasting { .. } => 0,
            Extent::Rows { ahead, .. } => ahead,
        };
        let mut bounds = Self {
            times,
            rows,
            extent,
            ahead,
            longest: 1,
        };
        let cost = 5.0 * rows as f64;
        parallel::run(
            [&mut bounds],
            cost,
            || Ok(()),
            |(), bounds, stop| {
                let mut back = 0;
                let mut at = bounds.window_of(0);
                for row in 0..rows {
                    if row % STOP_ROWS == 0 && stop.requested() {
                        return;
                    }
                    bounds.advance(&mut at, row);
                    bounds.ahead = bounds.ahead.max((at.end - 1).saturating_sub(row));
                    back = back.max(row.saturating_sub(at.start));
                }
                bounds.longest = back + bounds.ahead + 1;
            },
        )?;
        Ok(bounds)
    }

    /// Rows after its own that a window may reach.
    pub(crate) fn ahead(&self) -> usize {
        self.ahead
    }

    /// Most rows from a window's first to its own and `ahead` more.
    pub(crate) fn longest(&self) -> usize {
        self.longest
    }

    /// The window of a row, found by search.
    pub(crate) fn window_of(&self, row: usize) -> Stretch {
        let mut at = Stretch {
            start: 0,
            meet: 0,
            end: 0,
            edge: i128::MIN,
            origin: 0,
        };
        if let Extent::Lasting { nanoseconds, centred } = self.extent
            && let Some(&time) = self.times.get(row)
        {
            let (before, sight) = reach(time, nanoseconds, centred);
            let until = |limit: i64| self.times.partition_point(|&time| time <= limit);
            at.start = before.map_or(0, until);
            // The block's start may only be later than that.
            at.meet = at.start;
            at.end = until(sight);
        }
        if row < self.rows {
            self.advance(&mut at, row);
        }
        at
    }

    /// Moves on to the window of a later row.
    #[inline(always)]
    pub(crate) fn advance(&self, at: &mut Stretch, row: usize) {
        match self.extent {
            Extent::Lasting { nanoseconds, centred } => {
                let Some(&time) = self.times.get(row) else { return };
                let (before, sight) = reach(time, nanoseconds, centred);
                if let Some(before) = before {
                    while at.start < self.times.len() && self.times[at.start] <= before {
                        at.start += 1;
                    }
                }
                if i128::from(time) >= at.edge {
                    let past = past_of(time, nanoseconds, centred);
                    at.edge = i128::from(time) + i128::from(nanoseconds - past);
                    let begin = i128::from(time) + i128::from(after(nanoseconds, centred) - past);
                    while at.meet < self.times.len() && i128::from(self.times[at.meet]) < begin {
                        at.meet += 1;
                    }
                }
                if centred {
                    while at.end < self.times.len() && self.times[at.end] <= sight {
                        at.end += 1;
                    }
                } else {
                    at.end = row + 1;
                }
                // A time of the window itself: positions stay whole nanoseconds however long the window may be.
                at.origin = self.times[at.meet.min(at.end - 1)];
            }
            Extent::Rows { window, ahead } => {
                let (length, first) = (window.rows(), window.first_row());
                let seen_from = row + ahead;
                at.start = (seen_from + 1).saturating_sub(length);
                at.end = (seen_from + 1).min(self.rows);
                let block = seen_from.saturating_add(first) / length * length;
                at.meet = block.saturating_sub(first).min(self.rows);
                at.origin = self.times.get(at.meet.min(self.rows - 1)).map_or(0, |&time| time);
            }
        }
    }

    /// Nanoseconds of a row after a window's origin.
    #[inline(always)]
    pub(crate) fn position(&self, at: &Stretch, row: usize) -> f64 {
        let apart = |time: i64| match time.checked_sub(at.origin) {
            Some(apart) => apart as f64,
            None => time as f64 - at.origin as f64,
        };
        self.times.get(row).map_or(0.0, |&time| apart(time))
    }
}

/// Nanoseconds of a window after its row's time.
#[inline(always)]
const fn after(nanoseconds: i64, centred: bool) -> i64 {
    if centred { nanoseconds / 2 } else { 0 }
}

/// The time before a window, none where that is none, and its last one: whole nanoseconds say as much as halves. What
/// would lie beyond the last time there is leaves out no row.
#[inline(always)]
const fn reach(time: i64, nanoseconds: i64, centred: bool) -> (Option<i64>, i64) {
    let after = after(nanoseconds, centred);
    (time.checked_sub(nanoseconds - after), time.saturating_add(after))
}

/// Nanoseconds from the start of a block of a window's length to where the window ends.
#[inline(always)]
const fn past_of(time: i64, nanoseconds: i64, centred: bool) -> i64 {
    let after = after(nanoseconds, centred);
    match time.checked_add(after) {
        Some(sight) => sight.rem_euclid(nanoseconds),
        // A window's length before it is as far into a block.
        None => (time - (nanoseconds - after)).rem_euclid(nanoseconds),
    }
}

/// A window: the rows from `start` on that lie in the older block, those from `meet` on in the newer, up to `end`.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Stretch {
    pub(crate) start: usize,
    pub(crate) meet: usize,
    pub(crate) end: usize,
    /// The time of a row from which on its window reaches into the next block.
    edge: i128,
    /// The time that positions are counted from.
    pub(crate) origin: i64,
}
