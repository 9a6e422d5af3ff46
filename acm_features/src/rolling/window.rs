//! The window of a rolling statistic, valid by construction.

use acm_linalg::error::require;
use acm_linalg::{Error, Result};

/// A trailing window: how many rows it spans, how many non-missing values it needs, and where its history starts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Window {
    rows: usize,
    min_periods: usize,
    first_row: usize,
}

impl Window {
    /// A window of `rows` rows that needs `min_periods` non-missing values.
    ///
    /// # Errors
    /// [`Error::Parameter`] where `rows` is 0, [`Error::AboveLimit`] where `min_periods` exceeds it.
    pub fn new(rows: usize, min_periods: usize) -> Result<Self> {
        require(rows >= 1, "window", "at least 1", rows)?;
        if min_periods > rows {
            return Err(Error::AboveLimit {
                name: "min_periods",
                limit_name: "window",
                limit: rows.into(),
                value: min_periods.into(),
            });
        }
        Ok(Self {
            rows,
            min_periods,
            first_row: 0,
        })
    }

    /// The same window over a piece of a longer history whose first row has this absolute index.
    #[must_use]
    pub const fn starting_at(mut self, first_row: usize) -> Self {
        self.first_row = first_row;
        self
    }

    /// The window as far as a history of `rows` more rows reaches: what lies before its start adds nothing.
    #[must_use]
    pub(crate) fn within(mut self, rows: usize) -> Self {
        self.rows = self.rows.min(self.first_row.saturating_add(rows)).max(1);
        self
    }

    /// Windows of at most so many rows; a duration does not say how many values there may be.
    pub(crate) const fn at_most(rows: usize, min_periods: usize) -> Self {
        Self {
            rows,
            min_periods,
            first_row: 0,
        }
    }

    /// As many rows, whatever the values that are needed.
    #[must_use]
    pub(crate) const fn of_length(mut self, rows: usize) -> Self {
        self.rows = rows;
        self
    }

    /// The window without its oldest rows.
    #[must_use]
    pub(crate) const fn shorter_by(mut self, rows: usize) -> Self {
        self.rows -= rows;
        self
    }

    /// Rows the window spans.
    #[must_use]
    pub const fn rows(self) -> usize {
        self.rows
    }

    /// Non-missing values it needs.
    #[must_use]
    pub const fn min_periods(self) -> usize {
        self.min_periods
    }

    /// Absolute index of the first row of the array at hand.
    #[must_use]
    pub const fn first_row(self) -> usize {
        self.first_row
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_valid_windows_exist() {
        assert_eq!(Window::new(0, 0).unwrap_err().to_string(), "`window` must be at least 1, got 0");
        assert_eq!(Window::new(3, 4).unwrap_err().to_string(), "`min_periods` must be at most `window` = 3, got 4");
        assert_eq!(Window::new(3, 3).unwrap().rows(), 3);
    }
}
