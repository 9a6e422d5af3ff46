//! The windows of a rolling statistic: so many rows or so long a time, trailing or centred, of every row or every k-th.

use std::num::NonZero;

use acm_linalg::columns::History;
use acm_linalg::error::require;
use acm_linalg::{Error, Result};

use super::bounds::Bounds;
use super::window::Window;

/// Time stamps of the rows in nanoseconds, oldest first; equal ones may follow each other.
#[derive(Debug, Clone, Copy)]
pub struct Times<'a>(&'a [i64]);

impl<'a> Times<'a> {
    /// Checks that time does not go back.
    ///
    /// # Errors
    /// [`Error::Unsorted`].
    pub fn new(nanoseconds: &'a [i64]) -> Result<Self> {
        match nanoseconds.windows(2).position(|pair| pair[0] > pair[1]) {
            Some(row) => Err(Error::Unsorted {
                name: "times",
                row: row + 1,
            }),
            None => Ok(Self(nanoseconds)),
        }
    }

    /// The times.
    #[must_use]
    pub const fn nanoseconds(self) -> &'a [i64] {
        self.0
    }
}

/// Which ends belong to a window; of rows, the ends are its own row and the one that it has just left behind.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Closed {
    /// The newer end alone.
    #[default]
    Right,
    /// The older end alone.
    Left,
    /// Both.
    Both,
    /// None.
    Neither,
}

impl Closed {
    /// Whether the older end belongs to it.
    pub(crate) const fn left(self) -> bool {
        matches!(self, Self::Left | Self::Both)
    }

    /// Whether the newer end belongs to it.
    pub(crate) const fn right(self) -> bool {
        matches!(self, Self::Right | Self::Both)
    }
}

#[derive(Debug, Clone, Copy)]
enum Length {
    Rows(Window),
    Lasting {
        nanoseconds: i64,
        min_periods: usize,
        first_row: usize,
    },
}

/// Windows over a history. A [`Window`] is the plain kind: trailing, of every row.
#[derive(Debug, Clone, Copy)]
pub struct Windows<'a> {
    length: Length,
    centred: bool,
    closed: Closed,
    step: NonZero<usize>,
    times: Option<Times<'a>>,
}

impl From<Window> for Windows<'_> {
    fn from(window: Window) -> Self {
        Self {
            length: Length::Rows(window),
            centred: false,
            closed: Closed::Right,
            step: NonZero::<usize>::MIN,
            times: None,
        }
    }
}

impl<'a> Windows<'a> {
    /// Windows that last so many nanoseconds: row t sees the rows up to itself that are later than `times[t] - nanoseconds`.
    ///
    /// # Errors
    /// [`Error::Parameter`] unless `nanoseconds` is positive.
    pub fn lasting(nanoseconds: i64, min_periods: usize, times: Times<'a>) -> Result<Self> {
        require(nanoseconds > 0, "window", "longer than nothing", nanoseconds as f64)?;
        let length = Length::Lasting {
            nanoseconds,
            min_periods,
            first_row: 0,
        };
        Ok(Self {
            length,
            centred: false,
            closed: Closed::Right,
            step: NonZero::<usize>::MIN,
            times: Some(times),
        })
    }

    /// The same windows over a piece of a longer history whose first row has this absolute index.
    #[must_use]
    pub fn starting_at(mut self, row: usize) -> Self {
        match &mut self.length {
            Length::Rows(window) => *window = window.starting_at(row),
            Length::Lasting { first_row, .. } => *first_row = row,
        }
        self
    }

    /// With times for positions: what is counted in rows is counted in seconds.
    #[must_use]
    pub const fn at(mut self, times: Times<'a>) -> Self {
        self.times = Some(times);
        self
    }

    /// With each row in the middle of its window: of w rows (w - 1) / 2, rounded down, come after it; of a duration half.
    #[must_use]
    pub const fn centred(mut self, centred: bool) -> Self {
        self.centred = centred;
        self
    }

    /// With these ends.
    #[must_use]
    pub const fn closed(mut self, closed: Closed) -> Self {
        self.closed = closed;
        self
    }

    /// Of the rows alone whose absolute index is a multiple of `step`.
    ///
    /// # Errors
    /// [`Error::Parameter`] where `step` is 0.
    pub fn every(mut self, step: usize) -> Result<Self> {
        self.step = NonZero::new(step).ok_or(Error::Parameter {
            name: "step",
            requirement: "at least 1",
            value: step.into(),
        })?;
        Ok(self)
    }

    /// The same where times are of no use.
    #[must_use]
    pub(crate) const fn without_times(mut self) -> Self {
        self.times = None;
        self
    }

    /// Rows of the results for a history of `rows` rows.
    #[must_use]
    pub fn kept(&self, rows: usize) -> usize {
        self.history(0).kept(rows)
    }

    pub(crate) fn min_periods(&self) -> usize {
        match self.length {
            Length::Rows(window) => window.min_periods(),
            Length::Lasting { min_periods, .. } => min_periods,
        }
    }

    pub(crate) fn with_times(&self) -> bool {
        self.times.is_some()
    }

    /// How long they last, and the rows' times.
    ///
    /// # Errors
    /// [`Error::Parameter`] where they are windows of rows; [`Error::Length`] where there are more or fewer times than rows.
    pub(crate) fn duration(&self, rows: usize) -> Result<(i64, &'a [i64])> {
        self.check(rows)?;
        match (self.length, self.times) {
            (Length::Lasting { nanoseconds, .. }, Some(times)) => Ok((nanoseconds, times.0)),
            (length, _) => Err(Error::Parameter {
                name: "window",
                requirement: "a duration",
                value: if let Length::Rows(window) = length { window.rows() } else { 0 }.into(),
            }),
        }
    }

    pub(crate) fn history(&self, ahead: usize) -> History<'static> {
        let first_row = match self.length {
            Length::Rows(window) => window.first_row(),
            Length::Lasting { first_row, .. } => first_row,
        };
        History {
            first_row,
            ahead,
            step: self.step,
            fill: None,
        }
    }

    /// How to compute them over an array of `rows` rows.
    ///
    /// # Errors
    /// [`Error::Length`] where there are more or fewer times than rows; [`Error::Interrupted`].
    pub(crate) fn over(&self, rows: usize) -> Result<Layout<'a>> {
        self.check(rows)?;
        match self.length {
            Length::Rows(window) => {
                let (window, ahead, late) = self.of_rows(window, rows);
                Ok(Layout::Even(window.within(rows.saturating_add(ahead)), self.history(ahead), late))
            }
            Length::Lasting { .. } => self.bounds(rows).map(|(bounds, history)| Layout::Uneven(bounds, history)),
        }
    }

    /// Windows of rows as they are called, however long the array; none where they last a time.
    ///
    /// # Errors
    /// [`Error::Length`] where there are more or fewer times than rows.
    pub(crate) fn nominal(&self, rows: usize) -> Result<Option<(Window, History<'static>, usize)>> {
        self.check(rows)?;
        Ok(match self.length {
            Length::Rows(window) => {
                let (window, ahead, late) = self.of_rows(window, rows);
                Some((window, self.history(ahead), late))
            }
            Length::Lasting { .. } => None,
        })
    }

    /// The same as explicit bounds of each window.
    ///
    /// # Errors
    /// [`Error::Length`] where there are more or fewer times than rows; [`Error::Interrupted`].
    pub(crate) fn bounds(&self, rows: usize) -> Result<(Bounds<'a>, History<'static>)> {
        self.check(rows)?;
        let times = self.times.map_or(&[][..], |times| times.0);
        let bounds = match self.length {
            Length::Rows(window) => {
                let (window, ahead, late) = self.of_rows(window, rows);
                Bounds::of_rows(window, (ahead, late), rows, times)?
            }
            Length::Lasting { nanoseconds, .. } => Bounds::lasting(nanoseconds, (self.centred, self.closed), times)?,
        };
        let history = self.history(bounds.ahead());
        Ok((bounds, history))
    }

    fn check(&self, rows: usize) -> Result<()> {
        match self.times {
            Some(times) if times.0.len() != rows => Err(Error::Length {
                name: "times",
                expected: rows,
                got: times.0.len(),
            }),
            _ => Ok(()),
        }
    }

    /// The trailing window and the rows that it is shifted by, to later and to earlier ones; where these leave the array at
    /// once, as much as matters.
    fn of_rows(&self, window: Window, rows: usize) -> (Window, usize, usize) {
        let open = usize::from(!self.closed.right());
        let length = window.rows().saturating_add(self.closed.left().into()) - open;
        if length == 0 {
            // So late that no row is seen.
            return (window, 0, rows);
        }
        let after = if self.centred { (window.rows() - 1) / 2 } else { 0 };
        let (after, late) = (after.saturating_sub(open), open.saturating_sub(after));
        let ahead = after.min(rows);
        (window.of_length(length).shorter_by(after - ahead), ahead, late)
    }
}

/// How windows are computed.
pub(crate) enum Layout<'a> {
    /// Trailing windows of as many rows each, over rows that are so many late.
    Even(Window, History<'static>, usize),
    /// Windows of rows that differ.
    Uneven(Bounds<'a>, History<'static>),
}
