//! The arguments that every rolling function has in common.

use acm_features::rolling::{Times, Window, Windows};
use acm_linalg::columns::History;
use pyo3::exceptions::{PyTypeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::{PyBool, PyDict, PyString};

use super::times::{duration_of, times_of};
use crate::interop::{count, exception, type_name};

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
    window: &Bound<'py, PyAny>,
    min_periods: Option<&Bound<'py, PyAny>>,
    options: Option<&Bound<'py, PyDict>>,
) -> PyResult<(Frame, Option<Bound<'py, PyAny>>)> {
    let (mut centred, mut step, mut first_row, mut times, mut out) = (false, 1, 0, None, None);
    for (name, value) in options.into_iter().flatten() {
        let name = name.cast::<PyString>()?.to_cow()?;
        match &*name {
            "center" => centred = truth(&value, "center")?,
            "step" => step = count(&value, "step", 1)?,
            "first_row" => first_row = count(&value, "first_row", 0)?,
            "times" if value.is_none() => {}
            "times" => times = Some(times_of(&value)?),
            "out" if value.is_none() => {}
            "out" => out = Some(value),
            _ => return Err(PyTypeError::new_err(format!("unexpected keyword argument '{name}'"))),
        }
    }
    let min_periods = min_periods.map_or(Ok(1), |value| count(value, "min_periods", 0))?;
    let length = match duration_of(window, "window")? {
        Some(_) if times.is_none() => {
            return Err(PyValueError::new_err("`times` must be given where `window` is a duration, got None"));
        }
        Some(nanoseconds) => Length::Lasting(nanoseconds),
        None => Length::Rows(Window::new(count(window, "window", 1)?, min_periods).map_err(exception)?),
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
pub(super) fn plain_frame(window: &Bound<'_, PyAny>, min_periods: Option<&Bound<'_, PyAny>>) -> PyResult<Frame> {
    let rows = count(window, "window", 1)?;
    let min_periods = min_periods.map_or(Ok(1), |value| count(value, "min_periods", 0))?;
    Ok(Frame {
        length: Length::Rows(Window::new(rows, min_periods).map_err(exception)?),
        min_periods,
        centred: false,
        step: 1,
        first_row: 0,
        times: None,
    })
}

/// True or False, Python's or NumPy's.
pub(super) fn truth(value: &Bound<'_, PyAny>, name: &str) -> PyResult<bool> {
    let wrong = || PyTypeError::new_err(format!("`{name}` must be True or False, got {}", type_name(value)));
    let numpy_bool = value.py().import("numpy")?.getattr("bool_")?;
    if value.is_instance_of::<PyBool>() || value.is_instance(&numpy_bool)? {
        value.is_truthy()
    } else {
        Err(wrong())
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
