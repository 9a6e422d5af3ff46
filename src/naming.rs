//! Sensors' names and free metadata: read from Python, shown to people, given back.

use std::borrow::Cow;

use acm_linalg::Error;
use acm_linalg::memory::probe;
use acm_linalg::state::{Metadata, Names, Texts};
use pyo3::exceptions::{PyTypeError, PyUnicodeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyMapping, PyString, PyTuple};

use crate::arguments::sequence;
use crate::interop::{Value, because, compute, exception, shown, type_name};

/// Most names that a warning lists, and most characters of each.
const LISTED: usize = 20;
const LONG: usize = 60;

/// What Python needs for a text besides its characters, about.
const OBJECT: usize = 128;

/// A name for each of so many columns, where there are names.
pub(crate) fn names_of(value: Option<&Value<'_>>, columns: usize) -> PyResult<Option<Names>> {
    let Some(value) = value else { return Ok(None) };
    let must = "a sequence of str, one for each column of `x`, or None";
    let mut texts = Texts::default();
    sequence(value, "names", must, Some(columns), |item| {
        texts.push(&text_of(item, "names", must)?).map_err(exception)
    })?;
    let names = compute(value.py(), || Ok(Names::new(texts)))?;
    names.map(Some).map_err(|error| match error {
        Error::Repeated { first, second, .. } => {
            let name = value.get_item(first).map_or_else(|_| "the same".to_owned(), |name| shown(&name));
            PyValueError::new_err(format!(
                "`names` must have no name twice, got {name} for the columns {first} and {second}"
            ))
        }
        other => exception(other),
    })
}

fn text_of<'a>(item: &'a Bound<'_, PyAny>, name: &str, must: &str) -> PyResult<Cow<'a, str>> {
    let Ok(text) = item.cast::<PyString>() else {
        return Err(PyTypeError::new_err(format!("`{name}` must be {must}, got {} among them", type_name(item))));
    };
    text.to_cow().map_err(|error| {
        let py = item.py();
        if error.is_instance_of::<PyUnicodeError>(py) {
            let ours = format!("`{name}` must be text without lone surrogates, got {}", shown(item));
            because(py, PyValueError::new_err(ours), error)
        } else {
            error
        }
    })
}

/// The names that both have, or that one has; `whose` names are `known`. Of another number of columns the fit says more.
pub(crate) fn agreed(known: Option<&Names>, given: Option<&Names>, whose: &str) -> PyResult<Option<Names>> {
    if let (Some(known), Some(given)) = (known, given)
        && known.len() == given.len()
        && let Some(column) = (0..known.len()).find(|&column| known[column] != given[column])
    {
        return Err(PyValueError::new_err(format!(
            "`names` must be those of {whose}, in their order, got {} in place of {} for column {column}",
            brief(&given[column]),
            brief(&known[column]),
        )));
    }
    Ok(given.or(known).cloned())
}

/// What people note about a model.
pub(crate) fn metadata_of(value: &Value<'_>) -> PyResult<Metadata> {
    let py = value.py();
    let must = "a mapping of str to str";
    let wrong = || PyTypeError::new_err(format!("`metadata` must be {must}, got {}", type_name(value)));
    if value.cast::<PyMapping>().is_err() {
        return Err(wrong());
    }
    let items = value.call_method0(pyo3::intern!(py, "items")).and_then(|items| items.try_iter());
    let mut pairs = Texts::default();
    for item in items.map_err(|error| because(py, wrong(), error))? {
        let item = item.map_err(|error| because(py, wrong(), error))?;
        let pair = item.cast::<PyTuple>().ok().filter(|pair| pair.len() == 2).ok_or_else(wrong)?;
        for text in pair.iter() {
            let text = text_of(&text, "metadata", must)?;
            // Before it is copied, and however many there are to come.
            Metadata::admit(pairs.len() / 2 + 1, pairs.size().saturating_add(text.len())).map_err(exception)?;
            pairs.push(&text).map_err(exception)?;
        }
    }
    compute(py, || Metadata::new(&pairs))
}

/// Names as Python has them.
pub(crate) fn names_tuple<'py>(py: Python<'py>, names: &Names) -> PyResult<Bound<'py, PyTuple>> {
    probe_for(names)?;
    PyTuple::new(py, names.iter())
}

/// Metadata as Python has them: a copy.
pub(crate) fn metadata_dict<'py>(py: Python<'py>, metadata: &Metadata) -> PyResult<Bound<'py, PyDict>> {
    probe_for(metadata.texts())?;
    let copy = PyDict::new(py);
    for (key, value) in metadata.iter() {
        copy.set_item(key, value)?;
    }
    Ok(copy)
}

/// `Ok` where Python finds the memory for texts, which it takes for granted.
fn probe_for(texts: &Texts) -> PyResult<()> {
    // A character may take four times its byte.
    let bytes = texts.size().saturating_mul(4);
    probe(bytes.saturating_add(texts.len().saturating_mul(OBJECT)), "names and metadata").map_err(exception)
}

/// Names of sensors as a sentence has them: those of the `columns`, the first of many.
pub(crate) fn listed(names: &Names, columns: &[usize]) -> String {
    let first: Vec<_> = columns.iter().take(LISTED).map(|&column| brief(&names[column])).collect();
    let more = match columns.len() - first.len() {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    format!("{}{more}", first.join(", "))
}

/// A name in quotes, shortened where it is long.
fn brief(name: &str) -> String {
    let mut text = String::from("'");
    for (number, character) in name.chars().enumerate() {
        if number == LONG {
            text.push_str("...");
            break;
        }
        match character {
            '\'' => text.push_str("\\'"),
            '"' => text.push('"'),
            other => text.extend(other.escape_debug()),
        }
    }
    text.push('\'');
    text
}
