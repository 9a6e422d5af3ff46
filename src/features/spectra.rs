//! Energies of frequency bands.

use acm_features::spectral::{self, Bands};
use pyo3::prelude::*;
use pyo3::types::PyTuple;

use super::frame::frame_of;
use super::{columnwise, rolling};
use crate::arguments::{Given, number, pairs_of};
use crate::interop::{Input, Output, compute, exception, input};

#[pyfunction]
#[pyo3(signature = (x, window, *frame, bands=None, fs=Given(None)))]
pub(crate) fn rolling_band_energy<'py>(
    py: Python<'py>,
    x: &Bound<'py, PyAny>,
    window: &Bound<'py, PyAny>,
    frame: &Bound<'py, PyTuple>,
    bands: Option<&Bound<'py, PyAny>>,
    fs: Given<'_, 'py>,
) -> PyResult<Bound<'py, PyAny>> {
    let (frame, out) = frame_of(window, frame)?;
    let bands = bands_of(bands, fs)?;
    rolling!(py, input(x, "x")?, frame, bands.len(), out.as_ref(), |x, windows, out| spectral::rolling_band_energy(
        x, windows, &bands, out
    ))
}

/// The bands behind Python's `bands` and `fs`.
pub(super) fn bands_of(bands: Option<&Bound<'_, PyAny>>, fs: Given<'_, '_>) -> PyResult<Bands> {
    let fs = fs.map_or(Ok(1.0), |value| number(value, "fs"))?;
    let edges = bands.map(|bands| {
        pairs_of(bands, "bands", "a sequence of (low, high) pairs of numbers", |edge| number(edge, "bands"))
    });
    match edges.transpose()? {
        None => Bands::standard(fs),
        Some(edges) => Bands::new(edges, fs),
    }
    .map_err(exception)
}
