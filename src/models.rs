//! What all models have in common: fitted or not, their arrays, and their methods.

use acm_linalg::memory::{Gather, probe};
use acm_linalg::state::Names;
use acm_linalg::{Memory, Persist, Samples};
use ndarray::{Ix1, Ix2};
use numpy::{PyArray, PyArray2, PyArrayMethods};
use pyo3::PyClass;
use pyo3::exceptions::PyUserWarning;
use pyo3::prelude::*;

use crate::held::Held;
pub(crate) use crate::interop::attribute;
use crate::interop::{Input, compute, empty, exception, input};
use crate::naming::listed;
use crate::saved::raw;

/// A model's class: its parameters are attributes, everything else lies behind [`Model::held`].
pub(crate) trait Model: PyClass + Sync {
    type Fitted: Persist + Send + Sync + 'static;
    type Live: Memory + Send + Sync + 'static;

    /// Names of the constructor's parameters, all of them attributes.
    const PARAMETERS: &'static [&'static str];

    fn held(&self) -> &Held<Self::Fitted, Self::Live>;

    /// The class around a model read from bytes.
    fn around(held: Held<Self::Fitted, Self::Live>) -> PyResult<Self>;
}

impl Input<'_> {
    /// Rows as samples.
    pub(crate) fn samples(&self) -> Samples<'_> {
        match self {
            Self::F64(x) => x.table().into(),
            Self::F32(x) => x.table().into(),
        }
    }

    pub(crate) fn is_line(&self) -> bool {
        match self {
            Self::F64(x) => x.is_line(),
            Self::F32(x) => x.is_line(),
        }
    }
}

/// Borrows the `x` of a model.
pub(crate) fn samples_of<'py>(x: &Bound<'py, PyAny>) -> PyResult<Input<'py>> {
    input(x, "x")
}

/// A fresh (rows,) array that `work` fills.
pub(crate) fn filled<'py, T: numpy::Element>(
    py: Python<'py>,
    rows: usize,
    work: impl FnOnce(&mut [T]) -> acm_linalg::Result<()> + Send,
) -> PyResult<Bound<'py, PyAny>> {
    let object = empty::<T>(py, rows, 1, true, false)?;
    {
        let mut array = object.cast::<PyArray<T, Ix1>>()?.readwrite();
        let values = array.as_slice_mut()?;
        compute(py, || work(values))?;
    }
    Ok(object)
}

/// A fresh (rows, columns) array in C order that `work` fills; (rows,) where `line` says so and there is one column.
pub(crate) fn table<'py>(
    py: Python<'py>,
    (rows, columns): (usize, usize),
    line: bool,
    work: impl FnOnce(&mut [f64]) -> acm_linalg::Result<()> + Send,
) -> PyResult<Bound<'py, PyAny>> {
    if line && columns == 1 {
        return filled(py, rows, work);
    }
    let object = empty::<f64>(py, rows, columns, false, false)?;
    {
        let mut array = object.cast::<PyArray<f64, Ix2>>()?.readwrite();
        let values = array.as_slice_mut()?;
        compute(py, || work(values))?;
    }
    Ok(object)
}

/// An attribute: a copy of `values`, `columns` a row.
pub(crate) fn matrix<'py>(py: Python<'py>, values: &[f64], columns: usize) -> PyResult<Bound<'py, PyArray2<f64>>> {
    attribute(py, values)?.reshape([values.len() / columns.max(1), columns])
}

/// The name of an option.
pub(crate) fn name_of<T: PartialEq>(option: &T, options: &[(&'static str, T)]) -> &'static str {
    options.iter().find(|(_, known)| known == option).map_or("", |(name, _)| name)
}

/// Warns as `UserWarning` of the line that has called the public `fit`.
pub(crate) fn warn(py: Python<'_>, text: &str) -> PyResult<()> {
    let text = std::ffi::CString::new(text)?;
    PyErr::warn(py, &py.get_type::<PyUserWarning>(), &text, 2)
}

/// Warns of the columns that are not used, if any: of the sensors by name, where they have names.
pub(crate) fn warn_left_out(py: Python<'_>, names: Option<&Names>, used: &[bool], reason: &str) -> PyResult<()> {
    let left = (0..used.len()).filter(|&column| !used[column]).gathered("the warning");
    let left = left.map_err(exception)?;
    if left.is_empty() {
        return Ok(());
    }
    probe(64 * left.len(), "the warning").map_err(exception)?;
    match names {
        Some(names) => warn(py, &format!("sensors {} {reason}", listed(names, &left))),
        None => warn(py, &format!("columns {left:?} of `x` {reason}")),
    }
}

/// Whether both have the same parameters, the same fitted state to the bit and the same memory.
pub(crate) fn equal<M: Model>(one: &Bound<'_, M>, other: &Bound<'_, PyAny>) -> PyResult<bool> {
    let Ok(other) = other.cast::<M>() else {
        return Ok(false);
    };
    for name in M::PARAMETERS {
        if !one.as_any().getattr(*name)?.eq(other.as_any().getattr(*name)?)? {
            return Ok(false);
        }
    }
    let py = one.py();
    let (one, other) = (one.borrow(), other.borrow());
    match (one.held().is_fitted(), other.held().is_fitted()) {
        (true, true) => Ok(raw(&*one, py)? == raw(&*other, py)?),
        (false, false) => Ok(one.held().metadata() == other.held().metadata()),
        _ => Ok(false),
    }
}

/// `Name(parameter=value, ...)`.
pub(crate) fn spelled<M: Model>(model: &Bound<'_, M>) -> PyResult<String> {
    let mut parts = Vec::new();
    for name in M::PARAMETERS {
        parts.push(format!("{name}={}", model.as_any().getattr(*name)?.repr()?));
    }
    Ok(format!("{}({})", model.as_any().get_type().name()?, parts.join(", ")))
}

/// The methods of a model: its own, and those that all have. `exception` stands for errors of the constructor.
macro_rules! model {
    ($(#[$attribute:meta])* $class:ident { $($own:tt)* }) => {
        #[pymethods]
        impl $class {
            $($own)*

            fn to_bytes<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, pyo3::types::PyBytes>> {
                $crate::saved::bytes_of(self, py)
            }

            #[staticmethod]
            fn from_bytes(data: &Bound<'_, PyAny>) -> PyResult<Self> {
                $crate::saved::from_bytes(data)
            }

            fn save(&self, py: Python<'_>, path: &Bound<'_, PyAny>) -> PyResult<()> {
                $crate::saved::save(self, py, path)
            }

            #[staticmethod]
            fn load(path: &Bound<'_, PyAny>) -> PyResult<Self> {
                $crate::saved::load(path)
            }

            #[getter]
            fn names<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, pyo3::types::PyTuple>>> {
                let fit = $crate::models::Model::held(self).known();
                let names = fit.as_ref().and_then(|fit| fit.names());
                names.map(|names| $crate::naming::names_tuple(py, names)).transpose()
            }

            #[getter]
            fn metadata<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, pyo3::types::PyDict>> {
                $crate::naming::metadata_dict(py, &$crate::models::Model::held(self).metadata())
            }

            #[setter]
            fn set_metadata(&self, metadata: &Bound<'_, PyAny>) -> PyResult<()> {
                $crate::models::Model::held(self).set_metadata($crate::naming::metadata_of(metadata)?);
                Ok(())
            }

            fn __reduce__<'py>(slf: &Bound<'py, Self>) -> PyResult<Bound<'py, pyo3::types::PyTuple>> {
                $crate::saved::reduced(slf)
            }

            fn __eq__(slf: &Bound<'_, Self>, other: &Bound<'_, PyAny>) -> PyResult<bool> {
                $crate::models::equal(slf, other)
            }

            fn __repr__(slf: &Bound<'_, Self>) -> PyResult<String> {
                $crate::models::spelled(slf)
            }
        }
    };
}

pub(crate) use model;
