//! Sequences of labels.

use acm_clustering::labels;
use numpy::PyUntypedArrayMethods;
use pyo3::prelude::*;

use crate::arguments::{count, label_array, labels as labels_in, number, truth};
use crate::interop::{Value, filled};

#[pyfunction]
pub(crate) fn smooth_labels<'py>(
    labels: &Value<'py>,
    window: &Value<'py>,
    causal: &Value<'py>,
) -> PyResult<Value<'py>> {
    let (py, labels) = (labels.py(), labels_in(labels, "labels", None)?);
    let (window, causal) = (count(window, "window", 1)?, truth(causal, "causal")?);
    filled(py, &[labels.len()], |out| labels::smooth(&labels, window, causal, out))
}

#[pyfunction]
pub(crate) fn minimum_dwell<'py>(labels: &Value<'py>, rows: &Value<'py>) -> PyResult<Value<'py>> {
    let (py, labels, rows) = (labels.py(), labels_in(labels, "labels", None)?, count(rows, "rows", 1)?);
    filled(py, &[labels.len()], |out| labels::minimum_dwell(&labels, rows, out))
}

#[pyfunction]
pub(crate) fn transients<'py>(labels: &Value<'py>, before: &Value<'py>, after: &Value<'py>) -> PyResult<Value<'py>> {
    let (py, labels) = (labels.py(), labels_in(labels, "labels", None)?);
    let (before, after) = (count(before, "before", 0)?, count(after, "after", 0)?);
    filled(py, &[labels.len()], |out| labels::transients(&labels, before, after, out))
}

#[pyfunction]
pub(crate) fn align_labels<'py>(
    reference: &Value<'py>,
    labels: &Value<'py>,
    min_share: &Value<'py>,
) -> PyResult<Value<'py>> {
    let (py, rows) = (labels.py(), label_array(reference, "reference")?.len());
    let (labels, reference) = (labels_in(labels, "labels", Some(rows))?, labels_in(reference, "reference", None)?);
    let share = number(min_share, "min_share")?;
    filled(py, &[labels.len()], |out| labels::align(&reference, &labels, share, out))
}
