//! Sequences of labels.

use acm_clustering::labels;
use numpy::PyUntypedArrayMethods;
use pyo3::prelude::*;

use crate::arguments::{Given, count, label_array, labels_for, labels_of, number, truth};
use crate::models::filled;

/// The most frequent label around each row.
///
/// Parameters
/// ----------
/// labels : ndarray of int, shape (n,)
///     Regimes of rows, oldest first; -1 is UNKNOWN.
/// window : int
///     Rows that vote, at least 1.
/// causal : bool, default False
///     False: the window is centred, rows t - (window - 1) // 2 to t + window // 2. True: rows t - window + 1 to t, so that a
///     row's label does not change when more rows come.
///
/// Returns
/// -------
/// ndarray of int64, shape (n,)
///     Only labels of the window itself; UNKNOWN rows stay UNKNOWN and have no vote. Among equally frequent labels a row keeps
///     its own if it is one of them, else takes the one that stands latest.
///
/// Raises
/// ------
/// TypeError
///     ``labels`` is no array of integers.
/// ValueError
///     A label is below -1, or ``window`` is no whole number of at least 1.
///
/// Examples
/// --------
/// >>> import numpy as np, acm_rs
/// >>> acm_rs.smooth_labels(np.array([0, 0, 1, 0, 0, -1, 1, 1]), 3)
/// array([ 0,  0,  0,  0,  0, -1,  1,  1])
#[pyfunction]
#[pyo3(signature = (labels, window, *, causal=Given(None)), text_signature = "(labels, window, *, causal=False)")]
pub(crate) fn smooth_labels<'py>(
    py: Python<'py>,
    labels: &Bound<'py, PyAny>,
    window: &Bound<'py, PyAny>,
    causal: Given<'_, 'py>,
) -> PyResult<Bound<'py, PyAny>> {
    let (labels, window) = (labels_of(labels, "labels")?, count(window, "window", 1)?);
    let causal = causal.map_or(Ok(false), |value| truth(value, "causal"))?;
    filled(py, labels.len(), |out| labels::smooth(&labels, window, causal, out))
}

/// Labels without stays shorter than ``rows`` rows.
///
/// Parameters
/// ----------
/// labels : ndarray of int, shape (n,)
///     Regimes of rows, oldest first; -1 is UNKNOWN.
/// rows : int
///     Fewest rows of a stay, at least 1.
///
/// Returns
/// -------
/// ndarray of int64, shape (n,)
///     The shortest stay of those too short joins the longer of the stays beside it, the earlier one where they are equally
///     long; so on until none is left that has a neighbour. UNKNOWN rows stay UNKNOWN and part neighbours.
///
/// Raises
/// ------
/// TypeError
///     ``labels`` is no array of integers.
/// ValueError
///     A label is below -1, or ``rows`` is no whole number of at least 1.
///
/// Examples
/// --------
/// >>> import numpy as np, acm_rs
/// >>> acm_rs.minimum_dwell(np.array([0, 0, 0, 1, 2, 2]), 2)
/// array([0, 0, 0, 0, 2, 2])
#[pyfunction]
pub(crate) fn minimum_dwell<'py>(
    py: Python<'py>,
    labels: &Bound<'py, PyAny>,
    rows: &Bound<'py, PyAny>,
) -> PyResult<Bound<'py, PyAny>> {
    let (labels, rows) = (labels_of(labels, "labels")?, count(rows, "rows", 1)?);
    filled(py, labels.len(), |out| labels::minimum_dwell(&labels, rows, out))
}

/// Which rows are near a change of regime.
///
/// Parameters
/// ----------
/// labels : ndarray of int, shape (n,)
///     Regimes of rows, oldest first; -1 is UNKNOWN.
/// before, after : int, default 5
///     Rows that are marked before a change, and from the first row of the new regime on.
///
/// Returns
/// -------
/// ndarray of bool, shape (n,)
///     True near rows whose label differs from the last known label before; UNKNOWN rows between the two regimes are part of
///     the change. A return from UNKNOWN to the same regime is none.
///
/// Raises
/// ------
/// TypeError
///     ``labels`` is no array of integers.
/// ValueError
///     A label is below -1, or a count is no whole number of at least 0.
///
/// Examples
/// --------
/// >>> import numpy as np, acm_rs
/// >>> acm_rs.transients(np.array([0, 0, 0, 1, 1, 1]), before=1, after=2)
/// array([False, False,  True,  True,  True, False])
#[pyfunction]
#[pyo3(signature = (labels, before=Given(None), after=Given(None)), text_signature = "(labels, before=5, after=5)")]
pub(crate) fn transients<'py>(
    py: Python<'py>,
    labels: &Bound<'py, PyAny>,
    before: Given<'_, 'py>,
    after: Given<'_, 'py>,
) -> PyResult<Bound<'py, PyAny>> {
    let labels = labels_of(labels, "labels")?;
    let before = before.map_or(Ok(5), |value| count(value, "before", 0))?;
    let after = after.map_or(Ok(5), |value| count(value, "after", 0))?;
    filled(py, labels.len(), |out| labels::transients(&labels, before, after, out))
}

/// Labels numbered as those of a reference.
///
/// Parameters
/// ----------
/// reference : ndarray of int, shape (n,)
///     Labels that keep their numbers; -1 is UNKNOWN.
/// labels : ndarray of int, shape (n,)
///     Other labels of the same rows.
/// min_share : float, default 0.5
///     Share of the rows of the smaller of two regimes that they must have in common to be one.
///
/// Returns
/// -------
/// ndarray of int64, shape (n,)
///     ``labels`` with the numbers of the reference that agree in most rows, one for one; those without a partner get new
///     numbers, above all of the reference. UNKNOWN stays UNKNOWN.
///
/// Raises
/// ------
/// TypeError
///     One of them is no array of integers.
/// ValueError
///     They differ in length, a label is below -1, there are more than 1000 different ones, or ``min_share`` is not between 0
///     and 1.
///
/// Notes
/// -----
/// The assignment is found by the Hungarian method [1]_.
///
/// .. [1] Kuhn, The Hungarian method for the assignment problem, Naval Research Logistics Quarterly 2, 1955,
///        doi 10.1002/nav.3800020109.
///
/// Examples
/// --------
/// >>> import numpy as np, acm_rs
/// >>> acm_rs.align_labels(np.array([2, 2, 5, 5, 5]), np.array([1, 1, 0, 0, 3]))
/// array([2, 2, 5, 5, 6])
#[pyfunction]
#[pyo3(signature = (reference, labels, *, min_share=Given(None)), text_signature = "(reference, labels, *, min_share=0.5)")]
pub(crate) fn align_labels<'py>(
    py: Python<'py>,
    reference: &Bound<'py, PyAny>,
    labels: &Bound<'py, PyAny>,
    min_share: Given<'_, 'py>,
) -> PyResult<Bound<'py, PyAny>> {
    let rows = label_array(reference, "reference")?.len();
    let labels = labels_for(labels, "labels", rows)?;
    let reference = labels_of(reference, "reference")?;
    let share = min_share.map_or(Ok(0.5), |value| number(value, "min_share"))?;
    filled(py, labels.len(), |out| labels::align(&reference, &labels, share, out))
}
