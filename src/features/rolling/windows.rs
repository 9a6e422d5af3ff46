//! The arguments that every rolling function has in common.

use std::num::NonZero;

use acm_features::rolling::{Closed, Times, Window, Windows};
use acm_linalg::columns::History;
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::PyTuple;

use crate::arguments::{choice, count, optional, truth};
use crate::interop::{Value, exception};
use crate::times::{duration_of, times_of};

enum Length {
    Rows(Window),
    Lasting(i64),
}

pub(in crate::features) const ENDS: [(&str, Closed); 4] = [
    ("right", Closed::Right),
    ("left", Closed::Left),
    ("both", Closed::Both),
    ("neither", Closed::Neither),
];

/// What `window`, `min_periods`, `center`, `step`, `times`, `first_row` and `closed` say.
pub(in crate::features) struct Rolling {
    length: Length,
    min_periods: usize,
    centred: bool,
    closed: Closed,
    step: usize,
    first_row: usize,
    times: Option<Vec<i64>>,
}

impl Rolling {
    /// This, and `out`, of `window`, `min_periods`, `center`, `step`, `times`, `out`, `first_row` and, unless it is None, `closed`.
    pub(in crate::features) fn of<'py>(given: &Bound<'py, PyTuple>) -> PyResult<(Self, Option<Value<'py>>)> {
        let (given, closed) = if given.len() == 8 {
            (given.get_slice(0, 7), Some(given.get_item(7)?))
        } else {
            (given.clone(), None)
        };
        let given: [Value<'py>; 7] = given.extract()?;
        let [window, min_periods, center, step, times, out, first_row] = &given;
        let some = |value: &Value<'py>| (!value.is_none()).then(|| value.clone());
        let centred = truth(center, "center")?;
        let closed = closed.map_or(Ok(Closed::Right), |closed| choice(&closed, "closed", &ENDS))?;
        let step = count(step, "step", 1)?;
        let first_row = count(first_row, "first_row", 0)?;
        let times = optional(some(times).as_ref(), times_of)?;
        let (length, min_periods) = match duration_of(window, "window")? {
            Some(_) if times.is_none() => {
                return Err(PyValueError::new_err("`times` must be given where `window` is a duration, got None"));
            }
            Some(nanoseconds) => (Length::Lasting(nanoseconds), least_values(min_periods, 1)?),
            None => rows_of(window, min_periods)?,
        };
        let rolling = Self {
            length,
            min_periods,
            centred,
            closed,
            step,
            first_row,
            times,
        };
        Ok((rolling, some(out)))
    }

    /// A trailing window of rows.
    pub(super) fn plain(window: &Value<'_>, min_periods: &Value<'_>) -> PyResult<Self> {
        let (length, min_periods) = rows_of(window, min_periods)?;
        Ok(Self {
            length,
            min_periods,
            centred: false,
            closed: Closed::Right,
            step: 1,
            first_row: 0,
            times: None,
        })
    }

    /// Rows of the results for so many rows.
    pub(in crate::features) fn kept(&self, rows: usize) -> usize {
        let history = History {
            first_row: self.first_row,
            step: NonZero::new(self.step).unwrap_or(NonZero::<usize>::MIN),
            ..History::default()
        };
        history.kept(rows)
    }

    /// The windows, once the times are known to be in order.
    pub(in crate::features) fn windows(&self) -> acm_linalg::Result<Windows<'_>> {
        let times = self.times.as_deref().map(Times::new).transpose()?;
        let windows = match (&self.length, times) {
            (Length::Lasting(nanoseconds), Some(times)) => Windows::lasting(*nanoseconds, self.min_periods, times)?,
            (Length::Rows(window), Some(times)) => Windows::from(*window).at(times),
            (Length::Rows(window), None) => Windows::from(*window),
            (Length::Lasting(_), None) => unreachable!("durations come with times"),
        };
        windows
            .starting_at(self.first_row)
            .centred(self.centred)
            .closed(self.closed)
            .every(self.step)
    }
}

/// A window of rows and its `min_periods`.
fn rows_of(window: &Value<'_>, min_periods: &Value<'_>) -> PyResult<(Length, usize)> {
    let rows = count(window, "window", 1)?;
    let least = least_values(min_periods, rows)?;
    Ok((Length::Rows(Window::new(rows, least).map_err(exception)?), least))
}

/// `min_periods`; `full` where it is None, as in pandas.
pub(in crate::features) fn least_values(min_periods: &Value<'_>, full: usize) -> PyResult<usize> {
    if min_periods.is_none() {
        Ok(full)
    } else {
        count(min_periods, "min_periods", 0)
    }
}
