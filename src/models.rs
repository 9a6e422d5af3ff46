//! What all models have in common: fitted or not, their arrays, and their methods.

use std::ops::{Deref, DerefMut};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};
use std::thread::ThreadId;

use acm_linalg::{Error, Memory, Persist, Samples};
use ndarray::{Ix1, Ix2};
use numpy::{PyArray, PyArray1, PyArray2, PyArrayMethods};
use pyo3::PyClass;
use pyo3::exceptions::{PyRuntimeError, PyUserWarning};
use pyo3::prelude::*;

use crate::interop::{Input, compute, empty, input};
use crate::saved::raw;

/// A model's class: its parameters are attributes, everything else lies behind [`Model::held`].
pub(crate) trait Model: PyClass + Sync {
    type Fitted: Persist + Send + Sync;
    type Live: Memory + Send;

    /// Names of the constructor's parameters, all of them attributes.
    const PARAMETERS: &'static [&'static str];

    fn held(&self) -> &Held<Self::Fitted, Self::Live>;

    /// The class around a model read from bytes.
    fn around(held: Held<Self::Fitted, Self::Live>) -> PyResult<Self>;
}

/// A fitted model, if there is one, and what it remembers of the history it scores.
pub(crate) struct Held<F, L = ()> {
    fitted: RwLock<Option<Arc<F>>>,
    live: Mutex<L>,
    /// The thread that has `live`. A signal handler or finaliser that runs on it amid a call must not wait for that call.
    owner: Mutex<Option<ThreadId>>,
}

/// What a model remembers, while a call has it.
pub(crate) struct Taken<'a, L> {
    live: MutexGuard<'a, L>,
    owner: &'a Mutex<Option<ThreadId>>,
}

impl<L> Deref for Taken<'_, L> {
    type Target = L;

    fn deref(&self) -> &L {
        &self.live
    }
}

impl<L> DerefMut for Taken<'_, L> {
    fn deref_mut(&mut self) -> &mut L {
        &mut self.live
    }
}

impl<L> Drop for Taken<'_, L> {
    fn drop(&mut self) {
        *lock(self.owner) = None;
    }
}

/// A poisoned lock only says that a call failed; what it guards is whole.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl<F, L: Default> Default for Held<F, L> {
    fn default() -> Self {
        Self {
            fitted: RwLock::new(None),
            live: Mutex::default(),
            owner: Mutex::new(None),
        }
    }
}

impl<F: Persist + Send + Sync, L: Memory + Send> Held<F, L> {
    pub(crate) fn of(fitted: F, live: L) -> Self {
        Self {
            fitted: RwLock::new(Some(Arc::new(fitted))),
            live: Mutex::new(live),
            owner: Mutex::new(None),
        }
    }

    /// Takes a new fit; the history begins anew.
    pub(crate) fn set(&self, py: Python<'_>, fitted: F) -> PyResult<()> {
        compute(py, || {
            let mut live = self.live()?;
            *self.fitted.write().unwrap_or_else(PoisonError::into_inner) = Some(Arc::new(fitted));
            *live = L::default();
            Ok(())
        })
    }

    /// Takes a fit that was made from `known`, unless another one has taken its place meanwhile; whether it did.
    pub(crate) fn replace(&self, py: Python<'_>, known: Option<&Arc<F>>, fitted: F) -> PyResult<bool> {
        compute(py, || {
            let mut live = self.live()?;
            let mut held = self.fitted.write().unwrap_or_else(PoisonError::into_inner);
            let same = held.as_ref().map(Arc::as_ptr) == known.map(Arc::as_ptr);
            if same {
                *held = Some(Arc::new(fitted));
                *live = L::default();
            }
            Ok(same)
        })
    }

    /// The fitted model.
    ///
    /// # Errors
    /// RuntimeError naming `fit`.
    pub(crate) fn get(&self) -> PyResult<Arc<F>> {
        let kind = F::KIND;
        self.known()
            .ok_or_else(|| PyRuntimeError::new_err(format!("this {kind} is not fitted yet: call fit(x) first")))
    }

    pub(crate) fn is_fitted(&self) -> bool {
        self.known().is_some()
    }

    fn known(&self) -> Option<Arc<F>> {
        self.fitted.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// What the model remembers. Only to be called detached: whoever holds it may wait for the interpreter.
    ///
    /// # Errors
    /// [`Error::InUse`] from within the call that holds it.
    pub(crate) fn live(&self) -> acm_linalg::Result<Taken<'_, L>> {
        let own = Some(std::thread::current().id());
        if *lock(&self.owner) == own {
            return Err(Error::InUse);
        }
        let live = lock(&self.live);
        *lock(&self.owner) = own;
        Ok(Taken {
            live,
            owner: &self.owner,
        })
    }

    /// Works on the fitted model and the memory that belongs to it. Only to be called detached, once [`Self::get`] has found
    /// a model.
    ///
    /// # Errors
    /// Those of `work`; [`Error::InUse`] from within a call that does so.
    pub(crate) fn follow<R>(&self, work: impl FnOnce(&F, &mut L) -> acm_linalg::Result<R>) -> acm_linalg::Result<R> {
        let mut live = self.live()?;
        match self.known() {
            Some(fitted) => work(&fitted, &mut live),
            None => Err(Error::InUse),
        }
    }
}

impl Input<'_> {
    /// Rows as samples.
    pub(crate) fn samples(&self) -> Samples<'_> {
        match self {
            Self::F64(x) => x.view().into(),
            Self::F32(x) => x.view().into(),
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

/// An attribute: a copy of `values`.
pub(crate) fn attribute<'py, T: numpy::Element + Copy>(py: Python<'py>, values: &[T]) -> Bound<'py, PyArray1<T>> {
    PyArray1::from_slice(py, values)
}

/// An attribute: a copy of `values`, `columns` a row.
pub(crate) fn matrix<'py>(py: Python<'py>, values: &[f64], columns: usize) -> PyResult<Bound<'py, PyArray2<f64>>> {
    PyArray1::from_slice(py, values).reshape([values.len() / columns.max(1), columns])
}

/// The name of an option.
pub(crate) fn name_of<T: PartialEq>(option: &T, options: &[(&'static str, T)]) -> &'static str {
    options.iter().find(|(_, known)| known == option).map_or("", |(name, _)| name)
}

/// Warns as `UserWarning`.
pub(crate) fn warn(py: Python<'_>, text: &str) -> PyResult<()> {
    let text = std::ffi::CString::new(text)?;
    PyErr::warn(py, &py.get_type::<PyUserWarning>(), &text, 1)
}

/// Warns of the columns that are not used, if any.
pub(crate) fn warn_left_out(py: Python<'_>, used: &[bool], reason: &str) -> PyResult<()> {
    let left: Vec<_> = (0..used.len()).filter(|&column| !used[column]).collect();
    if left.is_empty() {
        return Ok(());
    }
    warn(py, &format!("columns {left:?} of `x` {reason}"))
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
        (one, other) => Ok(one == other),
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

            /// The fitted model, and what it remembers of the history it scores, as bytes.
            ///
            /// Returns
            /// -------
            /// bytes
            ///     In the safetensors format: a JSON header, raw arrays and a checksum. The same model gives the same bytes.
            ///
            /// Raises
            /// ------
            /// RuntimeError
            ///     Before ``fit``.
            fn to_bytes<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, pyo3::types::PyBytes>> {
                $crate::saved::bytes_of(self, py)
            }

            /// The model that `to_bytes` wrote.
            ///
            /// Parameters
            /// ----------
            /// data : bytes-like
            ///     bytes, or a bytearray, memoryview or array of bytes in one piece of memory. Nothing in them is executed.
            ///
            /// Raises
            /// ------
            /// ValueError
            ///     The bytes are damaged (one flipped bit is enough), of another kind of model, or written by a newer acm_rs.
            #[staticmethod]
            fn from_bytes(data: &Bound<'_, PyAny>) -> PyResult<Self> {
                $crate::saved::from_bytes(data)
            }

            /// Writes the fitted model to a file, whole or not at all.
            ///
            /// Parameters
            /// ----------
            /// path : str or path-like
            ///     An existing file is replaced and its permissions are kept; symbolic links are followed.
            ///
            /// Raises
            /// ------
            /// RuntimeError
            ///     Before ``fit``.
            /// OSError
            ///     The file cannot be written, or something else than a regular file is there. What was there stays.
            fn save(&self, py: Python<'_>, path: &Bound<'_, PyAny>) -> PyResult<()> {
                $crate::saved::save(self, py, path)
            }

            /// The model that `save` wrote.
            ///
            /// Parameters
            /// ----------
            /// path : str or path-like
            ///     A safetensors file. Nothing in it is executed.
            ///
            /// Raises
            /// ------
            /// OSError
            ///     The file cannot be read, or is no regular file.
            /// ValueError
            ///     It is damaged (one flipped bit is enough), holds another kind of model, or was written by a newer acm_rs.
            #[staticmethod]
            fn load(path: &Bound<'_, PyAny>) -> PyResult<Self> {
                $crate::saved::load(path)
            }

            fn __reduce__<'py>(
                slf: &Bound<'py, Self>,
            ) -> PyResult<(Bound<'py, PyAny>, Bound<'py, PyAny>)> {
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
