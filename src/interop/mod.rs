//! The one door between Python and the crates: arrays in and out, detaching, interrupts, errors.

mod arrays;
mod calls;
mod input;
mod output;

pub(crate) use arrays::{array, empty, filled, matrix, refuse_mask, shaped};
pub(crate) use calls::{
    InternalError, because, compute, exception, shown, type_name, warn, warn_of_setting, watch_for_interrupts,
};
pub(crate) use input::{Borrowed, Float, Input, input, input_f64};
pub(crate) use output::Output;

/// Any object of Python.
pub(crate) type Value<'py> = pyo3::Bound<'py, pyo3::PyAny>;
