//! The feature matrix.

use acm_features::matrix::{Feature, Gaps, feature_matrix as feature_matrix_of};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::{PyString, PyTuple};

use super::column::by_column;
use super::columnwise;
use super::rolling::Rolling;
use super::spectral::bands_of;
use crate::arguments::{optional, sequence, unknown_word, word};
use crate::interop::{Value, input};

#[pyfunction]
#[pyo3(signature = (x, *given, features, bands, fs, fill))]
pub(crate) fn feature_matrix<'py>(
    x: &Value<'py>,
    given: &Bound<'py, PyTuple>,
    features: Option<&Value<'py>>,
    bands: Option<&Value<'py>>,
    fs: &Value<'py>,
    fill: Option<&Value<'py>>,
) -> PyResult<Value<'py>> {
    let (asked, out) = Rolling::of(given)?;
    let bands = bands_of(bands, fs)?;
    let features = features.map_or_else(|| Ok(Feature::ALL.to_vec()), features_of)?;
    let (py, x) = (x.py(), input(x, "x")?);
    let fill = optional(fill, |value| fill_of(value, x.columns()))?;
    let gaps = match &fill {
        None => Gaps::Kept,
        Some(None) => Gaps::Median,
        Some(Some(values)) => Gaps::Filled(values),
    };
    let energies = features.iter().filter(|feature| **feature == Feature::Energy).count();
    let width = features.len() - energies + energies * bands.len();
    columnwise!(py, x, |rows| asked.kept(rows), width, out.as_ref(), |x, out| {
        feature_matrix_of(x, asked.windows()?, &features, &bands, gaps, out)
    })
}

/// The values to fill with; none for the medians.
pub(super) fn fill_of(value: &Value<'_>, columns: usize) -> PyResult<Option<Vec<f64>>> {
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
pub(super) const NAMES: [(&str, Feature); 9] = [
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

pub(super) fn features_of(value: &Value<'_>) -> PyResult<Vec<Feature>> {
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
