//! Distances between rows.

use acm_linalg::distances::{self, Metric};
use ndarray::{ArrayViewMut2, Ix2};
use numpy::{Element, PyArray, PyArrayMethods};
use pyo3::prelude::*;

use crate::arguments::{Given, choice};
use crate::interop::{Input, compute, empty, input};
use crate::models::{filled, samples_of};

const METRICS: [(&str, Metric); 4] = [
    ("euclidean", Metric::Euclidean),
    ("sqeuclidean", Metric::SquaredEuclidean),
    ("manhattan", Metric::Manhattan),
    ("cosine", Metric::Cosine),
];

/// Distance of each row of one array from each row of another, or of an array's rows from each other.
///
/// Parameters
/// ----------
/// x : ndarray of float64 or float32, shape (n, d) or (n,)
///     A point in each row. Any memory layout; never changed. A 1-D array is one column.
/// y : ndarray of float64 or float32, shape (m, d) or (m,), optional
///     The other points. Without it, those of ``x`` again.
/// metric : {"euclidean", "sqeuclidean", "manhattan", "cosine"}, default "euclidean"
///     Root of the sum of squared differences, that sum itself, the sum of absolute differences, or 1 minus the cosine of
///     the angle between the rows (1 where a row is all zeros).
///
/// Returns
/// -------
/// ndarray, shape (n, m)
///     float32 where both arrays are, computed in float64; else float64. Without ``y`` symmetric to the last bit, and 0 on
///     the diagonal.
///
/// Raises
/// ------
/// TypeError
///     An array is no float array, or ``metric`` no string.
/// ValueError
///     ``y`` has another number of columns than ``x``, or there is none; ``metric`` is none of those.
/// MemoryError
///     There is no room for the result.
///
/// Notes
/// -----
/// NaN and infinity are missing: a row with one has distance NaN to every row. Distances come from the differences
/// themselves, added up in the order of the columns: points that are 1e-3 apart at 1e8 keep all their digits, which the
/// usual product form |x|² - 2 x·y + |y|² loses [1]_, and a pair's distance does not depend on where it stands. Euclidean
/// distances are right wherever float64 can hold them, even where their squares overflow or underflow. The cosine distance
/// is half the squared distance of the rows brought to length 1, so that small angles keep their digits, too. Memory: a
/// copy of ``y`` (of ``x`` without it).
///
/// .. [1] Higham, Accuracy and Stability of Numerical Algorithms, 2nd edition, 2002, section 1.7,
///        doi 10.1137/1.9780898718027.
///
/// Examples
/// --------
/// >>> import numpy as np, acm_rs
/// >>> x = np.array([[0.0, 0.0], [3.0, 4.0]])
/// >>> acm_rs.pairwise_distances(x)
/// array([[0., 5.],
///        [5., 0.]])
/// >>> acm_rs.pairwise_distances(x, x + 1e8, metric="manhattan")
/// array([[2.00000000e+08, 2.00000007e+08],
///        [1.99999993e+08, 2.00000000e+08]])
#[pyfunction]
#[pyo3(signature = (x, y=None, metric=Given(None)), text_signature = "(x, y=None, metric='euclidean')")]
pub(crate) fn pairwise_distances<'py>(
    py: Python<'py>,
    x: &Bound<'py, PyAny>,
    y: Option<&Bound<'py, PyAny>>,
    metric: Given<'_, 'py>,
) -> PyResult<Bound<'py, PyAny>> {
    let metric = metric.map_or(Ok(Metric::Euclidean), |metric| choice(metric, "metric", &METRICS))?;
    let x = samples_of(x)?;
    let y = y.map(|y| input(y, "y")).transpose()?;
    let narrow = matches!((&x, &y), (Input::F32(_), None | Some(Input::F32(_))));
    let (x, y) = (x.samples(), y.as_ref().map(Input::samples));
    let shape = (x.rows(), y.map_or(x.rows(), |y| y.rows()));
    if narrow {
        square(py, shape, |out: ArrayViewMut2<'_, f32>| distances::pairwise(x, y, metric, out.into()))
    } else {
        square(py, shape, |out: ArrayViewMut2<'_, f64>| distances::pairwise(x, y, metric, out.into()))
    }
}

/// A fresh array in C order that `work` fills.
fn square<'py, T: Element>(
    py: Python<'py>,
    (rows, columns): (usize, usize),
    work: impl FnOnce(ArrayViewMut2<'_, T>) -> acm_linalg::Result<()> + Send,
) -> PyResult<Bound<'py, PyAny>> {
    let object = empty::<T>(py, rows, columns, false, false)?;
    {
        let mut array = object.cast::<PyArray<T, Ix2>>()?.readwrite();
        let out = array.as_array_mut();
        compute(py, || work(out))?;
    }
    Ok(object)
}

/// Which of some centres is nearest to each row, and how far it is.
///
/// Parameters
/// ----------
/// x : ndarray of float64 or float32, shape (n, d) or (n,)
///     A point in each row. Any memory layout; never changed. A 1-D array is one column.
/// centers : ndarray of float64 or float32, shape (k, d) or (k,)
///     The centres, at least one.
///
/// Returns
/// -------
/// index : ndarray of int64, shape (n,)
///     Row of the nearest centre by Euclidean distance; of centres equally far the first.
/// distance : ndarray of float64, shape (n,)
///     Distance from it.
///
/// Raises
/// ------
/// TypeError
///     An array is no float array.
/// ValueError
///     ``centers`` has no row or another number of columns than ``x``.
///
/// Notes
/// -----
/// NaN and infinity are missing: a row with one has index -1 and distance NaN; a centre with one is nobody's nearest.
/// Distances come from the differences themselves, as in `pairwise_distances`. Memory: a copy of the centres. The search is
/// exhaustive, the decision rule that of Fix and Hodges [1]_.
///
/// .. [1] Fix and Hodges, Discriminatory Analysis. Nonparametric Discrimination: Consistency Properties, 1951, reprinted in
///        International Statistical Review 57, 1989, doi 10.2307/1403797.
///
/// Examples
/// --------
/// >>> import numpy as np, acm_rs
/// >>> x = np.array([[0.0, 1.0], [9.0, 9.0], [np.nan, 1.0]])
/// >>> index, distance = acm_rs.nearest(x, np.array([[0.0, 0.0], [9.0, 7.0]]))
/// >>> index
/// array([ 0,  1, -1])
/// >>> distance
/// array([ 1.,  2., nan])
#[pyfunction]
pub(crate) fn nearest<'py>(
    py: Python<'py>,
    x: &Bound<'py, PyAny>,
    centers: &Bound<'py, PyAny>,
) -> PyResult<(Bound<'py, PyAny>, Bound<'py, PyAny>)> {
    let (x, centers) = (samples_of(x)?, input(centers, "centers")?);
    let (x, centers) = (x.samples(), centers.samples());
    let index = empty::<i64>(py, x.rows(), 1, true, false)?;
    let distance = {
        let mut places = index.cast::<PyArray<i64, ndarray::Ix1>>()?.readwrite();
        let places = places.as_slice_mut()?;
        filled(py, x.rows(), |distance| distances::nearest(x, centers, places, distance))?
    };
    Ok((index, distance))
}
