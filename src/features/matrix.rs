//! The feature matrix.

use acm_features::matrix::{Feature, Gaps, feature_matrix as feature_matrix_of};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::{PyString, PyTuple};

use super::column::by_column;
use super::frame::frame_of;
use super::spectra::bands_of;
use super::{columnwise, rolling};
use crate::arguments::{Given, sequence, unknown_word, word};
use crate::interop::{Input, Output, compute, input};

#[pyfunction]
#[pyo3(signature = (x, window, *frame, features=None, bands=None, fs=Given(None), fill=None))]
#[expect(clippy::too_many_arguments, reason = "the signature of the Python function")]
pub(crate) fn feature_matrix<'py>(
    py: Python<'py>,
    x: &Bound<'py, PyAny>,
    window: &Bound<'py, PyAny>,
    frame: &Bound<'py, PyTuple>,
    features: Option<&Bound<'py, PyAny>>,
    bands: Option<&Bound<'py, PyAny>>,
    fs: Given<'_, 'py>,
    fill: Option<&Bound<'py, PyAny>>,
) -> PyResult<Bound<'py, PyAny>> {
    let (frame, out) = frame_of(window, frame)?;
    let bands = bands_of(bands, fs)?;
    let features = features.map_or_else(|| Ok(Feature::ALL.to_vec()), features_of)?;
    let x = input(x, "x")?;
    let fill = fill.map(|value| fill_of(value, x.columns())).transpose()?;
    let gaps = match &fill {
        None => Gaps::Kept,
        Some(None) => Gaps::Median,
        Some(Some(values)) => Gaps::Filled(values),
    };
    let energies = features.iter().filter(|feature| **feature == Feature::Energy).count();
    let width = features.len() - energies + energies * bands.len();
    rolling!(py, x, frame, width, out.as_ref(), |x, windows, out| {
        feature_matrix_of(x, windows, &features, &bands, gaps, out)
    })
}

/// The values to fill with; none for the medians.
fn fill_of(value: &Bound<'_, PyAny>, columns: usize) -> PyResult<Option<Vec<f64>>> {
    if value.is_instance_of::<PyString>() {
        let must = "None, \"median\", or a number or one a column";
        return match &*word(value, "fill", must)? {
            "median" => Ok(None),
            _ => Err(unknown_word(value, "fill", must)),
        };
    }
    by_column(value, "fill", columns).map(Some)
}

/// The names of the features, in their default order.
const NAMES: [(&str, Feature); 9] = [
    ("median", Feature::Median),
    ("mad", Feature::Mad),
    ("mean", Feature::Mean),
    ("std", Feature::Std),
    ("slope", Feature::Slope),
    ("skew", Feature::Skew),
    ("kurt", Feature::Kurt),
    ("energy", Feature::Energy),
    ("robust_z", Feature::RobustZ),
];

fn features_of(value: &Bound<'_, PyAny>) -> PyResult<Vec<Feature>> {
    let known = NAMES.map(|(name, _)| name).join(", ");
    let each = format!("names among {known}");
    let whole = format!("a sequence of feature names ({known})");
    let names = sequence(value, "features", &whole, None, |name| word(name, "features", &each))?;
    let mut features = Vec::new();
    for name in names {
        let Some((_, feature)) = NAMES.iter().find(|(known, _)| *known == name) else {
            return Err(PyValueError::new_err(format!("`features` must be {each}, got {name:?}")));
        };
        if features.contains(feature) {
            return Err(PyValueError::new_err(format!("`features` must name each feature once, got {name:?} twice")));
        }
        features.push(*feature);
    }
    Ok(features)
}
