//! Spectra of whole columns: band energies, power spectra, cycles.

use acm_features::spectral::{self, Search, Seasons, Taper, Welch};
use ndarray::Ix2;
use numpy::{Element, PyArray, PyArray2, PyArrayMethods};
use pyo3::prelude::*;
use pyo3::types::PyTuple;

use super::spectra::bands_of;
use crate::arguments::{Given, choice, count, number, numbers};
use crate::interop::{Input, attribute, compute, empty, exception, input};

#[pyfunction]
#[pyo3(
    signature = (x, fs=Given(None), bands=None, window=Given(None))
)]
pub(crate) fn band_energy<'py>(
    py: Python<'py>,
    x: &Bound<'py, PyAny>,
    fs: Given<'_, 'py>,
    bands: Option<&Bound<'py, PyAny>>,
    window: Given<'_, 'py>,
) -> PyResult<Bound<'py, PyAny>> {
    let taper = taper_of(window, Taper::Boxcar)?;
    let bands = bands_of(bands, fs)?;
    macro_rules! energies {
        ($x:ident) => {{
            let view = $x.table();
            let out = table(py, view.ncols(), bands.len(), false)?;
            let mut place = out.try_readwrite()?;
            let out_view = place.as_array_mut();
            compute(py, || spectral::band_energy(view, taper, &bands, out_view))?;
            drop(place);
            Ok(out.into_any())
        }};
    }
    match input(x, "x")? {
        Input::F64(x) => energies!(x),
        Input::F32(x) => energies!(x),
    }
}

#[pyfunction]
#[pyo3(
    signature = (x, fs=Given(None), segment=None, overlap=Given(None), window=Given(None))
)]
pub(crate) fn power_spectrum<'py>(
    py: Python<'py>,
    x: &Bound<'py, PyAny>,
    fs: Given<'_, 'py>,
    segment: Option<&Bound<'py, PyAny>>,
    overlap: Given<'_, 'py>,
    window: Given<'_, 'py>,
) -> PyResult<Bound<'py, PyTuple>> {
    let taper = taper_of(window, Taper::Hann)?;
    let fs = fs.map_or(Ok(1.0), |value| number(value, "fs"))?;
    let segment = segment.map(|value| count(value, "segment", 1)).transpose()?;
    let overlap = overlap.map_or(Ok(0.5), |value| number(value, "overlap"))?;
    macro_rules! spectrum {
        ($x:ident) => {{
            let view = $x.table();
            let welch = Welch::new(view.nrows(), segment, overlap, fs, taper).map_err(exception)?;
            let freqs = attribute(py, &welch.frequencies().map_err(exception)?)?;
            let psd = table(py, welch.bins(), view.ncols(), $x.is_fortran())?;
            let mut place = psd.try_readwrite()?;
            let out_view = place.as_array_mut();
            compute(py, || spectral::power_spectrum(view, &welch, out_view))?;
            drop(place);
            let psd = if $x.is_line() {
                psd.reshape(welch.bins())?.into_any()
            } else {
                psd.into_any()
            };
            PyTuple::new(py, [freqs.into_any(), psd])
        }};
    }
    match input(x, "x")? {
        Input::F64(x) => spectrum!(x),
        Input::F32(x) => spectrum!(x),
    }
}

#[pyfunction]
#[pyo3(
    signature = (x, fs=Given(None), periods=None, max_periods=Given(None))
)]
pub(crate) fn seasonality<'py>(
    py: Python<'py>,
    x: &Bound<'py, PyAny>,
    fs: Given<'_, 'py>,
    periods: Option<&Bound<'py, PyAny>>,
    max_periods: Given<'_, 'py>,
) -> PyResult<Bound<'py, PyTuple>> {
    let fs = fs.map_or(Ok(1.0), |value| number(value, "fs"))?;
    let most = max_periods.map_or(Ok(3), |value| count(value, "max_periods", 1))?;
    let search = match periods {
        None => Search::strongest(fs, most),
        Some(periods) => Search::among(fs, numbers(periods, "periods")?),
    }
    .map_err(exception)?;
    macro_rules! cycles {
        ($x:ident) => {{
            let view = $x.table();
            let out = [(); 4].map(|()| table(py, view.ncols(), search.len(), false));
            let [period, strength, phase, amplitude] = out;
            let out = [period?, strength?, phase?, amplitude?];
            let [mut period, mut strength, mut phase, mut amplitude] = out.each_ref().map(|array| array.readwrite());
            let seasons = Seasons {
                period: period.as_array_mut(),
                strength: strength.as_array_mut(),
                phase: phase.as_array_mut(),
                amplitude: amplitude.as_array_mut(),
            };
            compute(py, || spectral::seasonality(view, &search, seasons))?;
            drop((period, strength, phase, amplitude));
            PyTuple::new(py, out)
        }};
    }
    match input(x, "x")? {
        Input::F64(x) => cycles!(x),
        Input::F32(x) => cycles!(x),
    }
}

const TAPERS: [(&str, Taper); 4] = [
    ("boxcar", Taper::Boxcar),
    ("hann", Taper::Hann),
    ("hamming", Taper::Hamming),
    ("blackman", Taper::Blackman),
];

/// The taper behind Python's `window`.
fn taper_of(window: Given<'_, '_>, default: Taper) -> PyResult<Taper> {
    window.map_or(Ok(default), |value| choice(value, "window", &TAPERS))
}

/// A fresh array, not yet written.
fn table<T: Element>(py: Python<'_>, rows: usize, columns: usize, fortran: bool) -> PyResult<Bound<'_, PyArray2<T>>> {
    Ok(empty::<T>(py, rows, columns, false, fortran)?.cast_into::<PyArray<T, Ix2>>()?)
}
