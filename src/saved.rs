//! Models as bytes and files.

use acm_linalg::parallel::aside;
use acm_linalg::state::{START, check_start, from_bytes_named, to_bytes_named};
use acm_linalg::{Persist, memory};
use pyo3::exceptions::{PyTypeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::{IntoPyDict, PyBytes, PyMemoryView, PySlice, PyTuple};

use crate::arguments::path_of;
use crate::files;
use crate::held::Held;
use crate::interop::{Value, compute, exception, type_name};
use crate::models::Model;
use crate::naming::metadata_dict;

/// Estimated times to write a number and to read a byte, in nanoseconds, and what is too short to be interrupted.
const WRITE_NS: f64 = 20.0;
const READ_NS: f64 = 5.0;
const SHORT_NS: f64 = 8e6;

/// The bytes of a fitted model and its memory.
fn raw<M: Model>(model: &M, py: Python<'_>) -> PyResult<Vec<u8>> {
    model.held().get()?;
    compute(py, || {
        let (state, metadata) = (model.held().whole()?, model.held().metadata());
        let cost = WRITE_NS * state.fitted().size() as f64;
        aside(cost, None, move || {
            let fit = state.fitted();
            to_bytes_named(&**fit, state.live(), fit.names(), &metadata)
        })?
    })
}

pub(crate) fn bytes_of<'py, M: Model>(model: &M, py: Python<'py>) -> PyResult<Bound<'py, PyBytes>> {
    let bytes = raw(model, py)?;
    PyBytes::new_with(py, bytes.len(), |to| {
        to.copy_from_slice(&bytes);
        Ok(())
    })
}

fn made<M: Model>(py: Python<'_>, bytes: &[u8]) -> PyResult<M> {
    let saved = compute(py, || {
        let cost = READ_NS * bytes.len() as f64;
        if cost < SHORT_NS {
            return from_bytes_named::<M::Fitted, M::Live>(bytes);
        }
        let bytes = memory::copied(bytes, "a copy of a saved model")?;
        aside(cost, None, move || from_bytes_named::<M::Fitted, M::Live>(&bytes))?
    })?;
    M::around(Held::saved(saved))
}

pub(crate) fn from_bytes<M: Model>(data: &Value<'_>) -> PyResult<M> {
    let py = data.py();
    let read = match data.cast::<PyBytes>() {
        Ok(bytes) => made(py, bytes.as_bytes()),
        Err(_) => copied::<M::Fitted>(data)?.and_then(|bytes| made(py, bytes.as_bytes())),
    };
    read.map_err(|error| {
        if error.is_instance_of::<PyValueError>(py) {
            PyValueError::new_err(format!("`data` is {}", error.value(py)))
        } else {
            error
        }
    })
}

/// The bytes of an object that others may write to meanwhile: an error of the object itself, or of what it holds. Its length is
/// a claim until the header has said the same.
fn copied<'py, P: Persist>(data: &Value<'py>) -> PyResult<PyResult<Bound<'py, PyBytes>>> {
    let py = data.py();
    let must = "`data` must be bytes, a bytearray, or a memoryview or array of bytes";
    let view = PyMemoryView::from(data).map_err(|error| {
        if error.is_instance_of::<PyTypeError>(py) {
            PyTypeError::new_err(format!("{must}, got {}", type_name(data)))
        } else {
            PyValueError::new_err(format!("`data` cannot be read: {}", error.value(py)))
        }
    })?;
    let format = view.getattr("format")?;
    if !format.eq("B")? {
        let kind = type_name(data);
        return Err(PyTypeError::new_err(format!("{must}, got {kind} of items in the format {}", format.repr()?)));
    }
    let size: u64 = view.getattr("nbytes")?.extract()?;
    let bytes = |view: &Value<'py>| view.call_method0("tobytes")?.cast_into::<PyBytes>().map_err(PyErr::from);
    if size < 8 {
        // Too few for a header; views without a dimension or of no size have no other form.
        return Ok(bytes(&view));
    }
    if !view.getattr("c_contiguous")?.is_truthy()? {
        return Err(PyValueError::new_err("`data` must lie in memory in one piece; copy it with bytes(data)"));
    }
    let view = view.call_method1("cast", ("B",))?;
    let start = bytes(&view.get_item(PySlice::new(py, 0, START.cast_signed(), 1))?)?;
    if let Err(error) = check_start::<P>(start.as_bytes(), size) {
        return Ok(Err(exception(error)));
    }
    Ok(bytes(&view))
}

pub(crate) fn save<M: Model>(model: &M, path: &Value<'_>) -> PyResult<()> {
    let (py, path) = (path.py(), path_of(path, "path")?);
    files::write(py, &path, &raw(model, py)?)
}

pub(crate) fn load<M: Model>(path: &Value<'_>) -> PyResult<M> {
    let py = path.py();
    let path = path_of(path, "path")?;
    let bytes = files::read::<M::Fitted>(py, &path)?;
    made(py, &bytes).map_err(|error| files::about(py, &path, error))
}

/// What pickle calls to make it again: `from_bytes` where it is fitted, else the class with its parameters, and metadata to set.
pub(crate) fn reduced<'py, M: Model>(model: &Bound<'py, M>) -> PyResult<Bound<'py, PyTuple>> {
    let (py, class) = (model.py(), model.as_any().get_type());
    let model = model.get();
    if model.held().is_fitted() {
        return (class.getattr("from_bytes")?, (bytes_of(model, py)?,)).into_pyobject(py);
    }
    let parameters = model.parameters(py)?.into_py_dict(py)?;
    let partial = py.import("functools")?.getattr("partial")?.call((class,), Some(&parameters))?;
    let metadata = model.held().metadata();
    if metadata.is_empty() {
        return (partial, PyTuple::empty(py)).into_pyobject(py);
    }
    let set = [("metadata", metadata_dict(py, &metadata)?)].into_py_dict(py)?;
    (partial, PyTuple::empty(py), (py.None(), set)).into_pyobject(py)
}

/// Whether both have the same parameters, the same fitted state to the bit and the same memory.
pub(crate) fn equal<M: Model>(one: &Bound<'_, M>, other: &Value<'_>) -> PyResult<bool> {
    let Ok(other) = other.cast::<M>() else {
        return Ok(false);
    };
    let py = one.py();
    let (one, other) = (one.get(), other.get());
    for ((_, one), (_, other)) in one.parameters(py)?.iter().zip(other.parameters(py)?) {
        if !one.eq(other)? {
            return Ok(false);
        }
    }
    match (one.held().is_fitted(), other.held().is_fitted()) {
        (true, true) => Ok(raw(one, py)? == raw(other, py)?),
        (false, false) => Ok(one.held().metadata() == other.held().metadata()),
        _ => Ok(false),
    }
}

/// `Name(parameter=value, ...)`.
pub(crate) fn spelled<T>(object: &Bound<'_, T>, parameters: &[(&str, Value<'_>)]) -> PyResult<String> {
    let parts = parameters.iter().map(|(name, value)| Ok(format!("{name}={}", value.repr()?)));
    let parts = parts.collect::<PyResult<Vec<_>>>()?;
    Ok(format!("{}({})", object.as_any().get_type().name()?, parts.join(", ")))
}
