//! The feature matrix.

use acm_features::matrix::{Feature, Gaps, feature_matrix as feature_matrix_of};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyString};

use super::column::by_column;
use super::frame::{Function, frame_of};
use super::spectra::bands_of;
use super::{columnwise, rolling};
use crate::arguments::{Given, sequence, unknown_word, word};
use crate::interop::{Input, Output, compute, input};

/// The features of every column in one pass: the columns of `feature_names`, in its order.
///
/// Parameters
/// ----------
/// x : ndarray of float64 or float32, shape (n, d) or (n,)
///     Rows = time, oldest first; columns = sensors. Any memory layout; never copied, never changed.
/// window : int or duration
///     Rows of the window: row t sees rows t - window + 1 to t; longer than the data it works as an expanding window. Or how
///     long it lasts, with ``times``: ``"2h"``, ``"90s"``, a `numpy.timedelta64` or `datetime.timedelta`; row t sees the rows
///     up to itself that are later than ``times[t] - window``.
/// features : sequence of str, optional
///     Which features, in which order; by default `ALL_FEATURES`.
/// bands : sequence of (low, high), optional
///     Frequency bands of the energies, as in `rolling_band_energy`.
/// fs : float, default 1.0
///     Rows per unit of time, the scale of the bands.
/// fill : "median", float or ndarray of float, shape (d,), optional
///     None keeps gaps: statistics use what is there. Else what each column's missing values become before anything is
///     computed: its median, 0 where it has none; or the value given, NaN standing for the median.
/// min_periods : int or None, default 1
///     Non-missing values a result needs; NaN where fewer remain, 0 with ``fill``. None: as many as the window has rows, 1 for
///     a duration.
/// center : bool, default False
///     Put each row in the middle of its window, as pandas does, instead of at its end.
/// step : int, default 1
///     Evaluate only the rows whose absolute index is a multiple of it: 0, step, 2 step, ...
/// times : ndarray of datetime64 or int64, shape (n,), optional
///     When each row was taken, oldest first; equal ones may follow each other. int64 are nanoseconds. The slope is then per
///     second.
/// out : ndarray, optional
///     Where to put the result: right shape, dtype of ``x``, no memory shared with ``x``.
/// first_row : int, default 0
///     Absolute index of the first row of ``x``, where ``x`` is a piece of a longer history. Give a piece all other rows that
///     its windows see as well and drop their results: the rest equals the whole to the last bit, with ``fill="median"`` only
///     where nothing is missing, because a piece has a median of its own.
///
/// Returns
/// -------
/// ndarray
///     Shape (n, 11 * d) with every feature and three bands, in the memory order of ``x``: features one after the other, each
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
/// NaN and infinity are missing. Median, MAD, mean, std, slope, skew (within 100 of 0), kurt (within 1000 of 0) and energy are
/// the bits of the rolling functions with the same windows; robust_z is
/// ``(x - median) / (1.4826 * max(mad, 1e-9) + 1e-9)``, within 100 of 0. By default what is not defined is NaN, as there: all
/// of a window of gaps, the deviation of one value, the shape of a constant, the robust_z of a missing reading. Energies count
/// a gap as the window's mean. With ``fill`` what is not defined, or beyond the largest float64, is 0.
///
/// ``fill="median"`` looks at the whole column: past gaps then hold what only the future knows, and what a gap becomes depends on
/// the rows that happen to be in ``x``.
///
/// Examples
/// --------
/// >>> import numpy as np, acm_rs
/// >>> x = np.array([[1.0, 10.0], [np.nan, 20.0], [3.0, 60.0]])
/// >>> acm_rs.feature_names(["p", "t"], ["mean", "robust_z"])
/// ['p_mean', 't_mean', 'p_rz', 't_rz']
/// >>> acm_rs.feature_matrix(x, 2, features=["mean", "robust_z"]).round(3)
/// array([[ 1.   , 10.   ,  0.   ,  0.   ],
///        [ 1.   , 15.   ,    nan,  0.674],
///        [ 3.   , 40.   ,  0.   ,  0.674]])
/// >>> acm_rs.feature_matrix(x, 2, features=["mean", "robust_z"], fill="median").round(3)
/// array([[ 1.   , 10.   ,  0.   ,  0.   ],
///        [ 1.5  , 15.   ,  0.674,  0.674],
///        [ 2.5  , 40.   ,  0.674,  0.674]])
#[pyfunction]
#[pyo3(
    signature = (x, window, *, features=None, bands=None, fs=Given(None), fill=None, min_periods=Given(None), **options),
    text_signature = "(x, window, *, features=None, bands=None, fs=1.0, fill=None, min_periods=1, center=False, step=1, times=None, out=None, first_row=0)"
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
    min_periods: Given<'_, 'py>,
    options: Option<&Bound<'py, PyDict>>,
) -> PyResult<Bound<'py, PyAny>> {
    let function = Function("feature_matrix", &["x", "features", "bands", "fs", "fill"]);
    let (frame, out) = frame_of(&function, window, min_periods, options)?;
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
