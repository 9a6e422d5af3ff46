//! Arrays: what one must be to be looked at, and fresh ones.

use acm_linalg::Error;
use ndarray::{ArrayViewMut, Dim, Dimension};
use numpy::{
    Element, PyArray, PyArray1, PyArray2, PyArrayDescrMethods, PyArrayDyn, PyArrayMethods, PyUntypedArray,
    PyUntypedArrayMethods,
};
use pyo3::exceptions::{PyOverflowError, PyTypeError, PyValueError};
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::PyTuple;

use super::Value;
use super::calls::{compute, exception, type_name};

/// A mask would be overlooked.
pub(crate) fn refuse_mask(array: &Bound<'_, PyUntypedArray>, name: &str) -> PyResult<()> {
    if !array.is_exact_instance_of::<PyUntypedArray>() && array.hasattr(pyo3::intern!(array.py(), "mask"))? {
        return Err(PyTypeError::new_err(format!(
            "`{name}` must be a plain array, got a masked one; fill it with .filled(numpy.nan)"
        )));
    }
    Ok(())
}

/// The array behind `value`, checked for what no view of ours could bear.
pub(crate) fn untyped<'a, 'py>(
    value: &'a Value<'py>,
    name: &str,
    must: &str,
) -> PyResult<&'a Bound<'py, PyUntypedArray>> {
    let Ok(array) = value.cast::<PyUntypedArray>() else {
        return Err(PyTypeError::new_err(format!(
            "`{name}` must be {must}, got {}; convert with numpy.asarray(..., dtype=float)",
            type_name(value)
        )));
    };
    refuse_mask(array, name)?;
    let item = isize::try_from(array.dtype().itemsize()).unwrap_or(1).max(1);
    let askew = array
        .shape()
        .iter()
        .zip(array.strides())
        .any(|(&length, &stride)| length > 1 && stride % item != 0);
    if askew || !array.is_aligned() {
        return Err(PyValueError::new_err(format!(
            "`{name}` must be aligned in memory, got an unaligned view; copy it with numpy.array(...)"
        )));
    }
    Ok(array)
}

/// The refusal of what `out` of another call is.
pub(crate) fn written_to(name: &str) -> PyErr {
    PyValueError::new_err(format!("`{name}` is being written to by another call, it cannot be read now"))
}

/// An uninitialised array, through NumPy itself so that a lack of memory is an exception.
pub(crate) fn empty<'py, T: Element>(py: Python<'py>, shape: &[usize], fortran: bool) -> PyResult<Value<'py>> {
    static EMPTY: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
    let function = EMPTY
        .get_or_try_init(py, || py.import("numpy")?.getattr("empty").map(Bound::unbind))?
        .bind(py);
    let order = if fortran { "F" } else { "C" };
    let too_large = |error: PyErr| {
        if error.is_instance_of::<PyValueError>(py) || error.is_instance_of::<PyOverflowError>(py) {
            let (rows, columns) = match shape {
                [rows] => (*rows, 1),
                [rows @ .., columns] => (rows.iter().fold(1, |all: usize, one| all.saturating_mul(*one)), *columns),
                [] => (1, 1),
            };
            let what = "the result";
            exception(Error::Memory { what, rows, columns })
        } else {
            error
        }
    };
    let arguments = (PyTuple::new(py, shape)?, T::get_dtype(py), order);
    function.call1(arguments).map_err(too_large)
}

/// A fresh array in C order; `work` fills its values, which lie one after the other.
pub(crate) fn filled<'py, T: Element>(
    py: Python<'py>,
    shape: &[usize],
    work: impl FnOnce(&mut [T]) -> acm_linalg::Result<()> + Send,
) -> PyResult<Value<'py>> {
    let object = empty::<T>(py, shape, false)?;
    {
        let mut array = object.cast::<PyArrayDyn<T>>()?.readwrite();
        let values = array.as_slice_mut()?;
        compute(py, || work(values))?;
    }
    Ok(object)
}

/// A fresh array that `work` fills as a whole.
pub(crate) fn shaped<'py, T: Element, const N: usize>(
    py: Python<'py>,
    shape: [usize; N],
    fortran: bool,
    work: impl FnOnce(ArrayViewMut<'_, T, Dim<[usize; N]>>) -> acm_linalg::Result<()> + Send,
) -> PyResult<Value<'py>>
where
    Dim<[usize; N]>: Dimension,
{
    let object = empty::<T>(py, &shape, fortran)?;
    {
        let mut array = object.cast::<PyArray<T, Dim<[usize; N]>>>()?.readwrite();
        let view = array.as_array_mut();
        compute(py, || work(view))?;
    }
    Ok(object)
}

/// A fresh array: a copy of `values`.
pub(crate) fn array<'py, T: Element + Copy>(py: Python<'py>, values: &[T]) -> PyResult<Bound<'py, PyArray1<T>>> {
    let array = empty::<T>(py, &[values.len()], false)?.cast_into::<PyArray1<T>>()?;
    array.try_readwrite()?.as_slice_mut()?.copy_from_slice(values);
    Ok(array)
}

/// The same of two dimensions, `columns` a row.
pub(crate) fn matrix<'py>(py: Python<'py>, values: &[f64], columns: usize) -> PyResult<Bound<'py, PyArray2<f64>>> {
    array(py, values)?.reshape([values.len() / columns.max(1), columns])
}
