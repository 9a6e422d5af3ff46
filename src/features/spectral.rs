//! Spectra: energies of frequency bands, power spectra, cycles.

use acm_features::spectral::{self, Bands, Search, Seasons, Taper, Welch};
use numpy::{PyArray2, PyArrayMethods};
use pyo3::prelude::*;
use pyo3::types::PyTuple;

use super::either;
use super::rolling::rolling;
use crate::arguments::{choice, count, number, numbers, optional, pairs_of};
use crate::interop::{Borrowed, Float, Value, array, compute, empty, exception, input, shaped};

const TAPERS: [(&str, Taper); 4] = [
    ("boxcar", Taper::Boxcar),
    ("hann", Taper::Hann),
    ("hamming", Taper::Hamming),
    ("blackman", Taper::Blackman),
];

#[pyfunction]
#[pyo3(signature = (x, *given, bands, fs))]
pub(crate) fn rolling_band_energy<'py>(
    x: &Value<'py>,
    given: &Bound<'py, PyTuple>,
    bands: Option<&Value<'py>>,
    fs: &Value<'py>,
) -> PyResult<Value<'py>> {
    let bands = bands_of(bands, fs)?;
    rolling!(x, given, bands.len(), |x, windows, out| spectral::rolling_band_energy(x, windows, &bands, out))
}

#[pyfunction]
pub(crate) fn band_energy<'py>(
    x: &Value<'py>,
    fs: &Value<'py>,
    bands: Option<&Value<'py>>,
    window: &Value<'py>,
) -> PyResult<Value<'py>> {
    let (py, taper) = (x.py(), choice(window, "window", &TAPERS)?);
    let bands = bands_of(bands, fs)?;
    either!(input(x, "x")?, |x| {
        let x = x.table();
        shaped(py, [x.ncols(), bands.len()], false, |out| spectral::band_energy(x, taper, &bands, out))
    })
}

#[pyfunction]
pub(crate) fn power_spectrum<'py>(
    x: &Value<'py>,
    fs: &Value<'py>,
    segment: Option<&Value<'py>>,
    overlap: &Value<'py>,
    window: &Value<'py>,
) -> PyResult<(Value<'py>, Value<'py>)> {
    let (py, taper) = (x.py(), choice(window, "window", &TAPERS)?);
    let fs = number(fs, "fs")?;
    let segment = optional(segment, |value| count(value, "segment", 1))?;
    let overlap = number(overlap, "overlap")?;
    either!(input(x, "x")?, |input| {
        let x = input.table();
        let welch = Welch::new(x.nrows(), segment, overlap, fs, taper).map_err(exception)?;
        let freqs = array(py, &welch.frequencies().map_err(exception)?)?.into_any();
        let shape = [welch.bins(), x.ncols()];
        let psd = shaped(py, shape, input.is_fortran(), |out| spectral::power_spectrum(x, &welch, out))?;
        Ok((freqs, if input.is_line() { psd.call_method1("reshape", (shape[0],))? } else { psd }))
    })
}

#[pyfunction]
pub(crate) fn seasonality<'py>(
    x: &Value<'py>,
    fs: &Value<'py>,
    periods: Option<&Value<'py>>,
    max_periods: &Value<'py>,
) -> PyResult<Bound<'py, PyTuple>> {
    let (py, fs) = (x.py(), number(fs, "fs")?);
    let most = count(max_periods, "max_periods", 1)?;
    let search = match periods {
        None => Search::strongest(fs, most),
        Some(periods) => Search::among(fs, numbers(periods, "periods", None)?),
    }
    .map_err(exception)?;
    either!(input(x, "x")?, |x| cycles(py, &x, &search))
}

fn cycles<'py, T: Float>(py: Python<'py>, x: &Borrowed<'py, T>, search: &Search) -> PyResult<Bound<'py, PyTuple>> {
    let x = x.table();
    let shape = [x.ncols(), search.len()];
    let fresh = || PyResult::Ok(empty::<T>(py, &shape, false)?.cast_into::<PyArray2<T>>()?);
    let found: [_; 4] = [fresh()?, fresh()?, fresh()?, fresh()?];
    {
        let [mut period, mut strength, mut phase, mut amplitude] = found.each_ref().map(|array| array.readwrite());
        let seasons = Seasons {
            period: period.as_array_mut(),
            strength: strength.as_array_mut(),
            phase: phase.as_array_mut(),
            amplitude: amplitude.as_array_mut(),
        };
        compute(py, || spectral::seasonality(x, search, seasons))?;
    }
    PyTuple::new(py, found)
}

/// The bands behind Python's `bands` and `fs`.
pub(super) fn bands_of(bands: Option<&Value<'_>>, fs: &Value<'_>) -> PyResult<Bands> {
    let fs = number(fs, "fs")?;
    let edges = optional(bands, |bands| {
        pairs_of(bands, "bands", "a sequence of (low, high) pairs of numbers", |edge| number(edge, "bands"))
    })?;
    match edges {
        None => Bands::standard(fs),
        Some(edges) => Bands::new(edges, fs),
    }
    .map_err(exception)
}
