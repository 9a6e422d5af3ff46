//! Windows of a varying number of rows: where each begins and ends, and where it is cut into two parts that can be shared.
//!
//! Time is cut into blocks of the window's length, at absolute multiples of it. A window then reaches from one block into the
//! next at most, however many rows either has.

use acm_linalg::Result;
use acm_linalg::parallel;

use super::window::Window;
use super::windows::Closed;

/// Rows between two looks at whether to stop.
const STOP_ROWS: usize = 1 << 16;

#[derive(Debug, Clone, Copy)]
enum Extent {
    /// Nanoseconds.
    Lasting(Lasting),
    /// Rows, seen from so many rows later or earlier.
    Rows { window: Window, ahead: usize, late: usize },
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
    pub(crate) fn lasting(nanoseconds: i64, (centred, closed): (bool, Closed), times: &'a [i64]) -> Result<Self> {
        let lasting = Lasting {
            nanoseconds,
            centred,
            closed,
        };
        Self::measured(Extent::Lasting(lasting), times.len(), times)
    }

    /// Windows of rows, seen from `ahead` rows later, or from `late` rows earlier; the times, where there are any, give positions.
    ///
    /// # Errors
    /// [`crate::Error::Interrupted`].
    pub(crate) fn of_rows(
        window: Window,
        (ahead, late): (usize, usize),
        rows: usize,
        times: &'a [i64],
    ) -> Result<Self> {
        Self::measured(Extent::Rows { window, ahead, late }, rows, times)
    }

    fn measured(extent: Extent, rows: usize, times: &'a [i64]) -> Result<Self> {
        let ahead = match extent {
            Extent::Lasting(_) => 0,
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
                    bounds.ahead = bounds.ahead.max(at.end.saturating_sub(row + 1));
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
        if let Extent::Lasting(lasting) = self.extent
            && let Some(&time) = self.times.get(row)
        {
            let (before, sight) = lasting.reach(time);
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
            Extent::Lasting(lasting) => {
                let Some(&time) = self.times.get(row) else { return };
                let (before, sight) = lasting.reach(time);
                if let Some(before) = before {
                    while at.start < self.times.len() && self.times[at.start] <= before {
                        at.start += 1;
                    }
                }
                if i128::from(time) >= at.edge {
                    let past = lasting.past(time);
                    at.edge = i128::from(time) + i128::from(lasting.nanoseconds - past);
                    let begin = i128::from(time) + i128::from(lasting.after() - past);
                    while at.meet < self.times.len() && i128::from(self.times[at.meet]) < begin {
                        at.meet += 1;
                    }
                }
                if lasting.centred || !lasting.closed.right() {
                    while at.end < self.times.len() && self.times[at.end] <= sight {
                        at.end += 1;
                    }
                } else {
                    at.end = row + 1;
                }
                let newest = if lasting.centred { at.end - 1 } else { row };
                // A time of the window itself or of its row: positions stay whole nanoseconds however long the window may be.
                at.origin = self.times[at.meet.min(newest)];
            }
            Extent::Rows { window, ahead, late } => {
                let (length, first) = (window.rows(), window.first_row());
                let Some(seen_from) = (row + ahead).checked_sub(late) else {
                    return;
                };
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

/// Windows of so many nanoseconds.
#[derive(Debug, Clone, Copy)]
struct Lasting {
    nanoseconds: i64,
    centred: bool,
    closed: Closed,
}

impl Lasting {
    /// Nanoseconds of a window after its row's time.
    #[inline(always)]
    const fn after(self) -> i64 {
        if self.centred { self.nanoseconds / 2 } else { 0 }
    }

    /// The time before a window, none where that is none, and its last one: whole nanoseconds say as much as halves. What
    /// would lie beyond the last time there is leaves out no row. A trailing window that holds its row ends with that.
    #[inline(always)]
    fn reach(self, time: i64) -> (Option<i64>, i64) {
        let after = self.after();
        let before = time.checked_sub(self.nanoseconds - after);
        let sight = time.checked_add(after);
        // Half of an odd number of nanoseconds ends between two of them.
        if self.centred && self.nanoseconds % 2 == 1 {
            return (before, sight.unwrap_or(i64::MAX));
        }
        let open = i64::from(!self.closed.right());
        (
            before.and_then(|before| before.checked_sub(self.closed.left().into())),
            sight.map_or(i64::MAX, |sight| sight.saturating_sub(open)),
        )
    }

    /// Nanoseconds from the start of a block of a window's length to where the window ends.
    #[inline(always)]
    const fn past(self, time: i64) -> i64 {
        let after = self.after();
        match time.checked_add(after) {
            Some(sight) => sight.rem_euclid(self.nanoseconds),
            // A window's length before it is as far into a block.
            None => (time - (self.nanoseconds - after)).rem_euclid(self.nanoseconds),
        }
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

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const ENDS: [Closed; 4] = [Closed::Right, Closed::Left, Closed::Both, Closed::Neither];

    /// The rows that a window holds, one by one.
    fn naive(times: &[i64], row: usize, window: i64, centred: bool, closed: Closed) -> Vec<usize> {
        let older = |apart: i64, limit: i64| apart < limit || (apart == limit && closed.left());
        let newer = |apart: i64, limit: i64| apart < limit || (apart == limit && closed.right());
        let holds = |other: usize| {
            let apart = times[row] - times[other];
            if centred {
                // In halves of a nanosecond.
                if apart > 0 { older(2 * apart, window) } else { newer(-2 * apart, window) }
            } else {
                older(apart, window) && if closed.right() { other <= row } else { apart > 0 }
            }
        };
        (0..times.len()).filter(|&other| holds(other)).collect()
    }

    proptest! {
        #[test]
        fn windows_hold_the_rows_between_their_ends(
            steps in proptest::collection::vec(0..4_i64, 1..60),
            window in 1..12_i64,
            centred: bool,
            which in 0..4_usize,
        ) {
            let closed = ENDS[which];
            let mut now = -50;
            let times: Vec<i64> = steps.iter().map(|step| { now += step; now }).collect();
            let bounds = Bounds::lasting(window, (centred, closed), &times).unwrap();
            let mut moved = bounds.window_of(0);
            for row in 0..times.len() {
                bounds.advance(&mut moved, row);
                let found = bounds.window_of(row);
                prop_assert_eq!((moved.start, moved.meet, moved.end), (found.start, found.meet, found.end));
                prop_assert_eq!((found.start..found.end).collect::<Vec<_>>(), naive(&times, row, window, centred, closed));
                prop_assert!(found.start <= found.meet && found.meet <= found.end);
                // Neither part leaves its block.
                let block = |row: usize| times[row].div_euclid(window);
                for part in [found.start..found.meet, found.meet..found.end] {
                    prop_assert!(part.is_empty() || block(part.start) == block(part.end - 1));
                }
                prop_assert!(found.end <= row + 1 + bounds.ahead());
                prop_assert!(row + bounds.ahead() + 1 - found.start <= bounds.longest());
            }
        }

        #[test]
        fn rows_of_a_window_are_as_far_apart_as_their_times(
            steps in proptest::collection::vec(1..4_i64, 1..60),
            length in 1..12_usize,
            moved in 0..6_usize,
            later: bool,
            first in 0..5_usize,
        ) {
            // Nanoseconds since 1970 are beyond what a float64 tells one by one.
            let mut now = 1_780_000_000_000_000_000;
            let times: Vec<i64> = steps.iter().map(|step| { now += step; now }).collect();
            let window = Window::new(length, 1).unwrap().starting_at(first);
            let seen = if later { (moved, 0) } else { (0, moved) };
            let bounds = Bounds::of_rows(window, seen, times.len(), &times).unwrap();
            for row in 0..times.len() {
                let at = bounds.window_of(row);
                for other in at.start..at.end {
                    let apart = bounds.position(&at, other) - bounds.position(&at, at.start);
                    prop_assert_eq!(apart, (times[other] - times[at.start]) as f64);
                }
            }
        }
    }
}
