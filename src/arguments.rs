//! What a Python value must be to become a parameter. Each kind is read here and nowhere else.
//!
//! A value of another type is a TypeError (of a count, as in pandas, a ValueError), one out of range a ValueError; both name
//! the argument. What the value's own methods raise is the cause of ours; what is no `Exception` passes as it is.

use std::path::PathBuf;

use acm_linalg::pca::Components;
use numpy::{Element, PyArray1, PyArrayDescrMethods, PyArrayMethods, PyUntypedArray, PyUntypedArrayMethods};
use pyo3::exceptions::{PyException, PyMemoryError, PyOverflowError, PyTypeError, PyUnicodeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::{PyBool, PyByteArray, PyBytes, PyFloat, PyInt, PySlice, PyString};

use crate::interop::{Value, because, exception, refuse_mask, shown, type_name};

/// Most values of a sequence that is a parameter and no data. Nobody means so many, and no memory is asked for before.
const MOST: usize = 1 << 24;

/// What counts beyond what fits are read as.
const BEYOND: usize = 1 << (usize::BITS - 2);

/// Values that are read between two looks at the signals.
const AT_ONCE: usize = 1 << 18;

/// A whole number: of rows, of components. Counts beyond what fits are as good as without limit.
pub(crate) fn count(value: &Value<'_>, name: &str, least: usize) -> PyResult<usize> {
    let wrong =
        || PyValueError::new_err(format!("`{name}` must be a whole number, at least {least}, got {}", shown(value)));
    let index = index_of(value)?.ok_or_else(wrong)?;
    if let Ok(number) = index.extract::<usize>() {
        if number < least {
            return Err(wrong());
        }
        return Ok(number.min(BEYOND));
    }
    if index.gt(0)? { Ok(BEYOND) } else { Err(wrong()) }
}

/// A whole number that is kept as it is, so it has to fit.
pub(crate) fn kept_count(value: &Value<'_>, name: &str, least: usize) -> PyResult<usize> {
    match count(value, name, least)? {
        BEYOND => Err(PyValueError::new_err(format!("`{name}` must be below 2^62, got {}", shown(value)))),
        number => Ok(number),
    }
}

/// Any 64-bit seed.
pub(crate) fn seed_of(value: &Value<'_>) -> PyResult<u64> {
    let must = "`seed` must be a whole number, at least 0 and below 2^64, got";
    if is_flag(value) {
        return Err(PyTypeError::new_err(format!("{must} {}", type_name(value))));
    }
    let wrong = || PyValueError::new_err(format!("{must} {}", shown(value)));
    index_of(value)?.ok_or_else(wrong)?.extract().map_err(|_| wrong())
}

/// Python's whole number behind `value`; none where it is of another type, a flag, or an array of several.
fn index_of<'py>(value: &Value<'py>) -> PyResult<Option<Bound<'py, PyInt>>> {
    if let Ok(index) = value.cast_exact::<PyInt>() {
        return Ok(Some(index.clone()));
    }
    let py = value.py();
    let several = value.cast::<PyUntypedArray>().is_ok_and(|array| array.ndim() > 0);
    if is_flag(value) || several {
        return Ok(None);
    }
    match value.call_method0(pyo3::intern!(py, "__index__")) {
        Ok(index) => Ok(index.cast_into::<PyInt>().ok()),
        Err(error) if error.is_instance_of::<PyException>(py) => Ok(None),
        Err(error) => Err(error),
    }
}

/// A real number; not necessarily a finite one.
pub(crate) fn number(value: &Value<'_>, name: &str) -> PyResult<f64> {
    if let Ok(number) = value.cast_exact::<PyFloat>() {
        return Ok(number.value());
    }
    let py = value.py();
    let wrong = || PyTypeError::new_err(format!("`{name}` must be a number, got {}", type_name(value)));
    if is_flag(value) || !is_real(value) {
        return Err(wrong());
    }
    value.extract().map_err(|error: PyErr| {
        let ours = if error.is_instance_of::<PyOverflowError>(py) {
            PyValueError::new_err(format!("`{name}` must be a number that float64 can hold, got {}", shown(value)))
        } else {
            wrong()
        };
        because(py, ours, error)
    })
}

/// Of NumPy's values only single real numbers, whatever else it would convert.
fn is_real(value: &Value<'_>) -> bool {
    let py = value.py();
    if let Ok(array) = value.cast::<PyUntypedArray>() {
        return array.ndim() == 0 && matches!(array.dtype().kind(), b'f' | b'i' | b'u');
    }
    let scalar = numpy_type(py, "generic").is_ok_and(|class| value.is_instance(&class).unwrap_or(false));
    let kind = |value: &Value<'_>| value.getattr("dtype")?.getattr("kind")?.extract::<char>();
    !scalar || matches!(kind(value), Ok('f' | 'i' | 'u'))
}

/// True or False, Python's or NumPy's.
pub(crate) fn truth(value: &Value<'_>, name: &str) -> PyResult<bool> {
    if let Ok(flag) = value.cast_exact::<PyBool>() {
        return Ok(flag.is_true());
    }
    if is_flag(value) && value.cast::<PyUntypedArray>().is_err() {
        return value.is_truthy();
    }
    Err(PyTypeError::new_err(format!("`{name}` must be True or False, got {}", type_name(value))))
}

/// Whether it is True or False of Python or NumPy, or an array of them.
fn is_flag(value: &Value<'_>) -> bool {
    if let Ok(array) = value.cast::<PyUntypedArray>() {
        return array.dtype().kind() == b'b';
    }
    value.is_instance_of::<PyBool>()
        || numpy_type(value.py(), "bool_").is_ok_and(|class| value.is_instance(&class).unwrap_or(false))
}

fn numpy_type<'py>(py: Python<'py>, name: &str) -> PyResult<Value<'py>> {
    py.import(pyo3::intern!(py, "numpy"))?.getattr(name)
}

/// A text; `must` says which ones it may be.
pub(crate) fn word(value: &Value<'_>, name: &str, must: &str) -> PyResult<String> {
    let Ok(text) = value.cast::<PyString>() else {
        return Err(PyTypeError::new_err(format!("`{name}` must be {must}, got {}", type_name(value))));
    };
    // Lone surrogates have no UTF-8.
    let text = text.to_cow().map_err(|_| unknown_word(value, name, must))?;
    Ok(text.into_owned())
}

/// The refusal of a text that is none of those it may be.
pub(crate) fn unknown_word(value: &Value<'_>, name: &str, must: &str) -> PyErr {
    PyValueError::new_err(format!("`{name}` must be {must}, got {}", quoted(value)))
}

/// As the options are written: in double quotes where that is possible.
fn quoted(value: &Value<'_>) -> String {
    match value.extract::<String>() {
        Ok(text) if text.len() <= 80 => format!("{text:?}"),
        _ => shown(value),
    }
}

/// The name of a file.
pub(crate) fn path_of(value: &Value<'_>, name: &str) -> PyResult<PathBuf> {
    let wrong = |lack: &str| PyValueError::new_err(format!("`{name}` must be a name {lack}, got {}", shown(value)));
    let path: PathBuf = value.extract().map_err(|error: PyErr| {
        let py = value.py();
        if error.is_instance_of::<PyTypeError>(py) {
            PyTypeError::new_err(format!("`{name}` must be a str or a path-like object, got {}", type_name(value)))
        } else if error.is_instance_of::<PyUnicodeError>(py) {
            wrong("that the file system can hold")
        } else {
            error
        }
    })?;
    if path.as_os_str().as_encoded_bytes().contains(&0) {
        return Err(wrong("without null characters"));
    }
    Ok(path)
}

/// The option of that name.
pub(crate) fn choice<T: Copy>(value: &Value<'_>, name: &str, options: &[(&str, T)]) -> PyResult<T> {
    let listed: Vec<_> = options.iter().map(|(option, _)| format!("\"{option}\"")).collect();
    let must = format!("one of {}", listed.join(", "));
    let text = word(value, name, &must)?;
    let found = options.iter().find(|(option, _)| *option == text);
    found.map(|(_, option)| *option).ok_or_else(|| unknown_word(value, name, &must))
}

/// A number of components, or a share of the variance.
pub(crate) fn components_of(value: &Value<'_>, name: &str) -> PyResult<Components> {
    let real = value.is_instance_of::<PyFloat>();
    if !real && !value.is_instance_of::<PyBool>() && !value.hasattr("__index__")? {
        return number(value, name).map(Components::Share);
    }
    if real {
        number(value, name).map(Components::Share)
    } else {
        count(value, name, 1).map(Components::Count)
    }
}

/// Whether `value` says that it holds several values.
pub(crate) fn is_several(value: &Value<'_>) -> bool {
    match value.cast::<PyUntypedArray>() {
        Ok(array) => array.ndim() > 0,
        Err(_) => value.get_type().hasattr(pyo3::intern!(value.py(), "__len__")).unwrap_or(false),
    }
}

/// Checks what a sequence says of its length, before a place is reserved for a single value.
fn admit(name: &'static str, length: usize, wanted: Option<usize>) -> PyResult<()> {
    match wanted {
        Some(expected) if length != expected => Err(exception(acm_linalg::Error::Length {
            name,
            expected,
            got: length,
        })),
        None if length > MOST => {
            Err(PyValueError::new_err(format!("`{name}` must have at most {MOST} values, got {length}")))
        }
        _ => Ok(()),
    }
}

fn room<T>(name: &str, length: usize) -> PyResult<Vec<T>> {
    let mut values = Vec::new();
    values
        .try_reserve_exact(length)
        .map_err(|_| PyMemoryError::new_err(format!("not enough memory for the {length} values of `{name}`")))?;
    Ok(values)
}

/// The values of a sequence, as many as `wanted` says where that is known; `must` says what it must be. The one reader of
/// what has a length by its own account: that is a claim, which is checked before and held against what comes.
pub(crate) fn sequence<'py, T>(
    value: &Value<'py>,
    name: &'static str,
    must: &str,
    wanted: Option<usize>,
    mut read: impl FnMut(&Value<'py>) -> PyResult<T>,
) -> PyResult<Vec<T>> {
    let py = value.py();
    let wrong = || PyTypeError::new_err(format!("`{name}` must be {must}, got {}", type_name(value)));
    let no_sequence = value.is_instance_of::<PyString>()
        || value.is_instance_of::<PyBytes>()
        || value.is_instance_of::<PyByteArray>()
        || is_of_collections(value, "Mapping")
        || is_of_collections(value, "Set");
    if no_sequence || !is_several(value) {
        return Err(wrong());
    }
    if let Ok(array) = value.cast::<PyUntypedArray>() {
        refuse_mask(array, name)?;
    }
    let length = value.len().map_err(|error| because(py, wrong(), error))?;
    admit(name, length, wanted)?;
    let mut values = room(name, length)?;
    let mut items = value.try_iter().map_err(|error| because(py, wrong(), error))?;
    loop {
        if values.len() % AT_ONCE == 0 {
            py.check_signals()?;
        }
        let Some(item) = items.next() else { break };
        let item = item.map_err(|error| because(py, wrong(), error))?;
        if values.len() == length {
            return Err(PyValueError::new_err(format!(
                "`{name}` must hold as many values as its length says, {length}, got more"
            )));
        }
        values.push(read(&item)?);
    }
    if values.len() == length {
        return Ok(values);
    }
    Err(PyValueError::new_err(format!(
        "`{name}` must hold as many values as its length says, {length}, got {}",
        values.len()
    )))
}

fn is_of_collections(value: &Value<'_>, class: &str) -> bool {
    let class = value.py().import("collections.abc").and_then(|module| module.getattr(class));
    class.is_ok_and(|class| value.is_instance(&class).unwrap_or(false))
}

/// A snapshot of an array of one dimension, its values converted to `T`, of the name `dtype`.
fn snapshot<T: Element + Copy>(
    array: &Bound<'_, PyUntypedArray>,
    name: &'static str,
    wanted: Option<usize>,
    dtype: &str,
) -> PyResult<Vec<T>> {
    let py = array.py();
    if array.ndim() != 1 {
        return Err(PyValueError::new_err(format!("`{name}` must have 1 dimension, got {}", array.ndim())));
    }
    let length = array.len();
    admit(name, length, wanted)?;
    copied(array, name, dtype).map_err(|error| {
        let ours = PyValueError::new_err(format!("`{name}` must be convertible to {dtype}, got {}", array.dtype()));
        if error.is_instance_of::<PyMemoryError>(py) {
            error
        } else {
            because(py, ours, error)
        }
    })
}

/// Piece by piece, so that neither memory nor time is spent on what does not fit or nobody waits for.
fn copied<T: Element + Copy>(array: &Bound<'_, PyUntypedArray>, name: &str, dtype: &str) -> PyResult<Vec<T>> {
    let py = array.py();
    let length = array.len();
    let mut values = room(name, length)?;
    // A subclass could give anything for a piece.
    let plain = py
        .import(pyo3::intern!(py, "numpy"))?
        .call_method1(pyo3::intern!(py, "asarray"), (array,))?;
    while values.len() < length {
        py.check_signals()?;
        let end = length.min(values.len() + AT_ONCE);
        let piece = PySlice::new(py, values.len().cast_signed(), end.cast_signed(), 1);
        let piece = plain.get_item(piece)?.call_method1(pyo3::intern!(py, "astype"), (dtype,))?;
        values.extend_from_slice(piece.cast::<PyArray1<T>>()?.try_readonly()?.as_slice()?);
    }
    Ok(values)
}

/// One real number or a sequence of them, as many as `wanted` says where that is known.
pub(crate) fn numbers(value: &Value<'_>, name: &'static str, wanted: Option<usize>) -> PyResult<Vec<f64>> {
    let must = "a number or a sequence of numbers";
    // One that is of no number's type.
    let of_type = |error: PyErr, got: &dyn Fn() -> String| {
        if error.is_instance_of::<PyTypeError>(value.py()) {
            because(value.py(), PyTypeError::new_err(format!("`{name}` must be {must}, got {}", got())), error)
        } else {
            error
        }
    };
    if !is_several(value) {
        let one = number(value, name).map_err(|error| of_type(error, &|| type_name(value)))?;
        admit(name, 1, wanted)?;
        return Ok(vec![one]);
    }
    let Ok(array) = value.cast::<PyUntypedArray>() else {
        let among = |item: &Value<'_>| format!("{} in a {}", type_name(item), type_name(value));
        return sequence(value, name, must, wanted, |item| {
            number(item, name).map_err(|error| of_type(error, &|| among(item)))
        });
    };
    refuse_mask(array, name)?;
    if !matches!(array.dtype().kind(), b'f' | b'i' | b'u') {
        return Err(PyTypeError::new_err(format!(
            "`{name}` must have dtype float64, got {}; convert with .astype(numpy.float64)",
            array.dtype()
        )));
    }
    snapshot(array, name, wanted, "float64")
}

/// Whole numbers in an array or any other sequence, as many as `wanted` says where that is known.
pub(crate) fn whole_numbers(value: &Value<'_>, name: &'static str, wanted: Option<usize>) -> PyResult<Vec<i64>> {
    if let Ok(array) = value.cast::<PyUntypedArray>() {
        return integers(array, name, wanted);
    }
    sequence(value, name, "a sequence of whole numbers", wanted, |item| {
        let index = index_of(item)?.ok_or_else(|| {
            PyTypeError::new_err(format!("`{name}` must be whole numbers, got {} among them", type_name(item)))
        })?;
        index.extract().map_err(|_| {
            PyValueError::new_err(format!("`{name}` must be whole numbers within 64 bits, got {}", shown(item)))
        })
    })
}

/// Pairs of what `read` makes of their members, which `must` describes.
pub(crate) fn pairs_of<'py, T: Copy>(
    value: &Value<'py>,
    name: &'static str,
    must: &str,
    read: impl Fn(&Value<'py>) -> PyResult<T>,
) -> PyResult<Vec<(T, T)>> {
    sequence(value, name, must, None, |pair| {
        let wrong = || PyTypeError::new_err(format!("`{name}` must be {must}, got {}", shown(value)));
        if !is_several(pair) || pair.len().ok() != Some(2) {
            return Err(wrong());
        }
        match sequence(pair, name, must, Some(2), &read)?[..] {
            [one, other] => Ok((one, other)),
            _ => Err(wrong()),
        }
    })
}

/// A snapshot of an array of whole numbers.
fn integers(array: &Bound<'_, PyUntypedArray>, name: &'static str, wanted: Option<usize>) -> PyResult<Vec<i64>> {
    refuse_mask(array, name)?;
    let dtype = array.dtype();
    if !matches!(dtype.kind(), b'i' | b'u') {
        return Err(PyTypeError::new_err(format!(
            "`{name}` must have an integer dtype, got {dtype}; convert with .astype(numpy.int64)"
        )));
    }
    let numbers: Vec<i64> = snapshot(array, name, wanted, "int64")?;
    if dtype.kind() == b'u' && numbers.iter().any(|&number| number < 0) {
        return Err(PyValueError::new_err(format!("`{name}` must be whole numbers below 2^63, got larger ones")));
    }
    Ok(numbers)
}

/// A snapshot of labels, as many as there are `rows` where that is known: another thread may write to the array while a
/// call runs. The one reader of labels.
pub(crate) fn labels(value: &Value<'_>, name: &'static str, rows: Option<usize>) -> PyResult<Vec<i64>> {
    let array = label_array(value, name)?;
    integers(array, name, Some(rows.unwrap_or(array.len())))
}

/// The array of labels, not yet read.
pub(crate) fn label_array<'a, 'py>(value: &'a Value<'py>, name: &str) -> PyResult<&'a Bound<'py, PyUntypedArray>> {
    value.cast().map_err(|_| {
        PyTypeError::new_err(format!(
            "`{name}` must be a NumPy array of integers, got {}; convert with numpy.asarray(..., dtype=numpy.int64)",
            type_name(value)
        ))
    })
}

/// The same where they may be None.
pub(crate) fn labels_of(value: Option<&Value<'_>>, rows: usize) -> PyResult<Option<Vec<i64>>> {
    optional(value, |value| labels(value, "labels", Some(rows)))
}

/// What `read` makes of a value that may be None.
pub(crate) fn optional<'a, 'py, R>(
    value: Option<&'a Value<'py>>,
    read: impl FnOnce(&'a Value<'py>) -> PyResult<R>,
) -> PyResult<Option<R>> {
    value.map(read).transpose()
}
