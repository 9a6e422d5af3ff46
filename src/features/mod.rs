//! Python's view of `acm_features`.

mod extremes;
mod matrix;
mod moments;
mod order;
mod spectra;

use acm_features::rolling::Window;
use pyo3::prelude::*;

use crate::interop::{count, exception};

pub(crate) use extremes::*;
pub(crate) use matrix::*;
pub(crate) use moments::*;
pub(crate) use order::*;
pub(crate) use spectra::*;

/// The window behind Python's `window`, `min_periods` and `first_row`.
fn window_of(
    window: &Bound<'_, PyAny>,
    min_periods: Option<&Bound<'_, PyAny>>,
    first_row: Option<&Bound<'_, PyAny>>,
) -> PyResult<Window> {
    let rows = count(window, "window", 1)?;
    let min_periods = min_periods.map_or(Ok(1), |value| count(value, "min_periods", 0))?;
    let first_row = first_row.map_or(Ok(0), |value| count(value, "first_row", 0))?;
    Ok(Window::new(rows, min_periods).map_err(exception)?.starting_at(first_row))
}

/// Borrows, computes detached, wraps: `$body` for whichever float type `$input` has.
macro_rules! columnwise {
    ($py:ident, $input:expr, $width:expr, $out:expr, |$x:ident, $view:ident| $body:expr) => {
        match $input {
            Input::F64(x) => columnwise!(@one $py, x, $width, $out, |$x, $view| $body),
            Input::F32(x) => columnwise!(@one $py, x, $width, $out, |$x, $view| $body),
        }
    };
    (@one $py:ident, $input:ident, $width:expr, $out:expr, |$x:ident, $view:ident| $body:expr) => {{
        let mut output = Output::like(&$input, $width, $out, $py)?;
        let ($x, $view) = ($input.view(), output.view());
        compute($py, || $body)?;
        Ok(output.into_object())
    }};
}

use columnwise;
