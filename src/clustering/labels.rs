//! Sequences of labels.

use acm_clustering::labels;
use numpy::PyUntypedArrayMethods;
use pyo3::prelude::*;

use crate::arguments::{Given, count, label_array, labels_for, labels_of, number, truth};
use crate::models::filled;

#[pyfunction]
#[pyo3(signature = (labels, window, *, causal=Given(None)))]
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

#[pyfunction]
pub(crate) fn minimum_dwell<'py>(
    py: Python<'py>,
    labels: &Bound<'py, PyAny>,
    rows: &Bound<'py, PyAny>,
) -> PyResult<Bound<'py, PyAny>> {
    let (labels, rows) = (labels_of(labels, "labels")?, count(rows, "rows", 1)?);
    filled(py, labels.len(), |out| labels::minimum_dwell(&labels, rows, out))
}

#[pyfunction]
#[pyo3(signature = (labels, before=Given(None), after=Given(None)))]
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

#[pyfunction]
#[pyo3(signature = (reference, labels, *, min_share=Given(None)))]
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
