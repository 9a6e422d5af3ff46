//! The arguments that every rolling function has in common.

use acm_features::rolling::{Times, Window, Windows};
use acm_linalg::columns::History;
use pyo3::exceptions::{PyTypeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::PyDict;

use super::times::{duration_of, times_of};
use crate::arguments::{Given, count, truth};
use crate::interop::exception;

enum Length {
    Rows(Window),
    Lasting(i64),
}

/// What `window`, `min_periods`, `center`, `step`, `times` and `first_row` say.
pub(super) struct Frame {
    length: Length,
    min_periods: usize,
    centred: bool,
    step: usize,
    first_row: usize,
    times: Option<Vec<i64>>,
}

/// The frame, and `out`, of a call with these keywords.
pub(super) fn frame_of<'py>(
    function: &Function,
    window: &Bound<'py, PyAny>,
    min_periods: Given<'_, 'py>,
    options: Option<&Bound<'py, PyDict>>,
) -> PyResult<(Frame, Option<Bound<'py, PyAny>>)> {
    let (mut centred, mut step, mut first_row, mut times, mut out) = (false, 1, 0, None, None);
    for (name, value) in options.into_iter().flatten() {
        let name = name.to_string();
        match &*name {
            "center" => centred = truth(&value, "center")?,
            "step" => step = count(&value, "step", 1)?,
            "first_row" => first_row = count(&value, "first_row", 0)?,
            "times" if value.is_none() => {}
            "times" => times = Some(times_of(&value)?),
            "out" if value.is_none() => {}
            "out" => out = Some(value),
            _ => return Err(function.unknown(&name)),
        }
    }
    let (length, min_periods) = match duration_of(window, "window")? {
        Some(_) if times.is_none() => {
            return Err(PyValueError::new_err("`times` must be given where `window` is a duration, got None"));
        }
        Some(nanoseconds) => (Length::Lasting(nanoseconds), least_values(min_periods, 1)?),
        None => rows_of(window, min_periods)?,
    };
    let frame = Frame {
        length,
        min_periods,
        centred,
        step,
        first_row,
        times,
    };
    Ok((frame, out))
}

/// The frame of a trailing window of rows.
pub(super) fn plain_frame(window: &Bound<'_, PyAny>, min_periods: Given<'_, '_>) -> PyResult<Frame> {
    let (length, min_periods) = rows_of(window, min_periods)?;
    Ok(Frame {
        length,
        min_periods,
        centred: false,
        step: 1,
        first_row: 0,
        times: None,
    })
}

/// A window of rows and its `min_periods`.
fn rows_of(window: &Bound<'_, PyAny>, min_periods: Given<'_, '_>) -> PyResult<(Length, usize)> {
    let rows = count(window, "window", 1)?;
    let least = least_values(min_periods, rows)?;
    Ok((Length::Rows(Window::new(rows, least).map_err(exception)?), least))
}

/// `min_periods`; `full` where it is None, as in pandas.
fn least_values(min_periods: Given<'_, '_>, full: usize) -> PyResult<usize> {
    min_periods.map_or(Ok(1), |value| if value.is_none() { Ok(full) } else { count(value, "min_periods", 0) })
}

/// A rolling function by its name, and the keywords it has beside those of all rolling functions.
pub(super) struct Function(pub(super) &'static str, pub(super) &'static [&'static str]);

impl Function {
    /// The refusal of a keyword it does not have.
    fn unknown(&self, keyword: &str) -> PyErr {
        let common = ["window", "min_periods", "center", "step", "times", "out", "first_row"];
        let known = self.1.iter().copied().chain(common);
        let nearest = known.map(|known| (strsim::damerau_levenshtein(keyword, known), known)).min();
        // Two slips, but not so many that a short word becomes another one.
        let hint = match nearest {
            Some((slips, known)) if slips <= 2 && 2 * slips < known.len() => format!("; did you mean `{known}`?"),
            _ => String::new(),
        };
        PyTypeError::new_err(format!("{}() got an unexpected keyword argument '{keyword}'{hint}", self.0))
    }
}

impl Frame {
    /// Rows of the results for so many rows.
    pub(super) fn kept(&self, rows: usize) -> usize {
        let history = History {
            first_row: self.first_row,
            step: self.step,
            ..History::default()
        };
        history.kept(rows)
    }

    /// The windows, once the times are known to be in order.
    pub(super) fn windows(&self) -> acm_linalg::Result<Windows<'_>> {
        let times = self.times.as_deref().map(Times::new).transpose()?;
        let windows = match (&self.length, times) {
            (Length::Lasting(nanoseconds), Some(times)) => Windows::lasting(*nanoseconds, self.min_periods, times)?,
            (Length::Rows(window), Some(times)) => Windows::from(*window).at(times),
            (Length::Rows(window), None) => Windows::from(*window),
            (Length::Lasting(_), None) => unreachable!("durations come with times"),
        };
        windows.starting_at(self.first_row).centred(self.centred).every(self.step)
    }
}
