//! The feature matrix.

use acm_features::matrix::{Feature, feature_matrix as feature_matrix_of};
use acm_features::rolling::Window;
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;

use super::columnwise;
use super::spectra::bands_of;
use crate::arguments::{Given, count, numbers_by_column, sequence, word};
use crate::interop::{Input, Output, compute, exception, input};

/// The features of every column in one pass: the columns of `feature_names`, in its order.
///
/// Parameters
/// ----------
/// x : ndarray of float64 or float32, shape (n, d) or (n,)
///     Rows = time, oldest first; columns = sensors. Any memory layout; never copied, never changed.
/// window : int
///     Rows of the trailing window. The first rows have the shorter windows that there are.
/// features : sequence of str, optional
///     Which features, in which order; by default `ALL_FEATURES`.
/// bands : sequence of (low, high), optional
///     Frequency bands of the energies, as in `rolling_band_energy`.
/// fs : float, default 1.0
///     Rows per unit of time, the scale of the bands.
/// fill : ndarray of float64, shape (d,), optional
///     What takes the place of each column's missing values; NaN, or no array: that column's median, 0 where it
///     has none.
/// out : ndarray, optional
///     Where to put the result: right shape, dtype of ``x``, no memory shared with ``x``.
///
/// Returns
/// -------
/// ndarray
///     Shape (n, 11 * d) with every feature and three bands, in the memory order of ``x``: features one after
///     the other, each
///     with its columns in order; the bands of a column are adjacent.
///
/// Raises
/// ------
/// TypeError
///     An argument is not of its type.
/// ValueError
///     A parameter is out of range, or an array has the wrong shape.
///
/// Notes
/// -----
/// Missing values (NaN and infinity) are filled first. Median, MAD, mean, std, slope, skew (within 100 of 0), kurt
/// (within
/// 1000 of 0) and energy are the bits of the rolling functions with ``min_periods=1``; robust_z is
/// ``(x - median) / (1.4826 * max(mad, 1e-9) + 1e-9)``, within 100 of 0. What is not defined, as the deviation of
/// one value,
/// is 0.
///
/// Examples
/// --------
/// >>> import numpy as np, acm_rs
/// >>> x = np.array([[1.0, 10.0], [np.nan, 20.0], [3.0, 30.0]])
/// >>> acm_rs.feature_names(["p", "t"], ["mean", "slope"])
/// ['p_mean', 't_mean', 'p_slope', 't_slope']
/// >>> acm_rs.feature_matrix(x, 2, features=["mean", "slope"])
/// array([[ 1. , 10. ,  0. ,  0. ],
///        [ 1.5, 15. ,  1. , 10. ],
///        [ 2.5, 25. ,  1. , 10. ]])
#[pyfunction]
#[pyo3(
    signature = (x, window, *, features=None, bands=None, fs=Given(None), fill=None, out=None),
    text_signature = "(x, window, *, features=None, bands=None, fs=1.0, fill=None, out=None)"
)]
#[expect(clippy::too_many_arguments, reason = "the signature of the Python function")]
pub(crate) fn feature_matrix<'py>(
    py: Python<'py>,
    x: &Bound<'py, PyAny>,
    window: &Bound<'py, PyAny>,
    features: Option<&Bound<'py, PyAny>>,
    bands: Option<&Bound<'py, PyAny>>,
    fs: Given<'_, 'py>,
    fill: Option<&Bound<'py, PyAny>>,
    out: Option<&Bound<'py, PyAny>>,
) -> PyResult<Bound<'py, PyAny>> {
    let window = Window::new(count(window, "window", 1)?, 1).map_err(exception)?;
    let bands = bands_of(bands, fs)?;
    let features = features.map_or_else(|| Ok(Feature::ALL.to_vec()), features_of)?;
    let x = input(x, "x")?;
    let fill = fill.map(|fill| numbers_by_column(fill, "fill", x.columns())).transpose()?;
    let energies = features.iter().filter(|feature| **feature == Feature::Energy).count();
    let width = features.len() - energies + energies * bands.len();
    columnwise!(py, x, |rows| rows, width, out, |x, out| {
        feature_matrix_of(x, window, &features, &bands, fill.as_deref(), out)
    })
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
