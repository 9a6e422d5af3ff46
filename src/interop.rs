//! The one door between Python and the crates: arrays in and out, detaching, interrupts, errors.

use std::cell::RefCell;
use std::panic::{AssertUnwindSafe, catch_unwind};

use acm_linalg::{Error, Table, memory, parallel};
use ndarray::{ArrayViewMut2, Axis, Ix1, Ix2};
use numpy::{
    BorrowError, Element, PyArray, PyArray1, PyArrayDescrMethods, PyArrayDyn, PyArrayMethods, PyReadonlyArray,
    PyReadwriteArray, PyUntypedArray, PyUntypedArrayMethods,
};
use pyo3::exceptions::{
    PyKeyboardInterrupt, PyMemoryError, PyOverflowError, PyRuntimeError, PyTypeError, PyUserWarning, PyValueError,
};
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::PyTuple;

use crate::arguments::{count, type_name};
use crate::lists::{Float, borrow_columns, list_of_columns, table_of};

pyo3::create_exception!(
    acm_rs,
    InternalError,
    PyRuntimeError,
    "A defect of acm_rs itself: the call failed, the interpreter and the arrays are unharmed."
);

/// What must be free when a call begins, in bytes.
const HEADROOM: usize = 1 << 20;

thread_local! {
    /// What the signal handler raised while this thread was waiting for its work.
    static RAISED: RefCell<Option<PyErr>> = const { RefCell::new(None) };
}

/// Makes long calls ask Python's signal handlers every 20 ms whether to go on.
pub(crate) fn watch_for_interrupts() {
    parallel::set_interrupt_hook(|| {
        Python::try_attach(|py| match py.check_signals() {
            Ok(()) => false,
            Err(raised) => {
                RAISED.set(Some(raised));
                true
            }
        })
        .unwrap_or(false)
    });
}

/// Warns where the environment asks for no number of threads: nobody else would say so.
pub(crate) fn warn_of_setting(py: Python<'_>) -> PyResult<()> {
    let Some(setting) = parallel::unheeded_setting() else {
        return Ok(());
    };
    let (name, most, used) = (parallel::THREADS_VARIABLE, parallel::MAX_THREADS, parallel::num_threads());
    let text = format!(
        "`{name}` must be a whole number between 1 and {most}, got {setting:?}; acm_rs uses {used}, one for each core"
    );
    PyErr::warn(py, &py.get_type::<PyUserWarning>(), &std::ffi::CString::new(text)?, 1)
}

/// Runs `work` detached from the interpreter and turns what goes wrong into an exception.
pub(crate) fn compute<R: Send>(py: Python<'_>, work: impl FnOnce() -> acm_linalg::Result<R> + Send) -> PyResult<R> {
    // What is allocated in passing, here and by Python afterwards, must find room.
    let guarded = || memory::probe(HEADROOM, "the call").and_then(|()| work());
    match py.detach(|| catch_unwind(AssertUnwindSafe(guarded))) {
        Ok(Ok(result)) => Ok(result),
        Ok(Err(error)) => Err(exception(error)),
        Err(panic) => {
            let text = panic
                .downcast_ref::<String>()
                .map(String::as_str)
                .or_else(|| panic.downcast_ref::<&str>().copied())
                .unwrap_or("no message");
            if text == "capacity overflow" {
                return Err(PyMemoryError::new_err("not enough memory for the call"));
            }
            Err(InternalError::new_err(format!("acm_rs failed internally, please report this: {text}")))
        }
    }
}

/// The exception that stands for an error of the crates.
pub(crate) fn exception(error: Error) -> PyErr {
    match error {
        Error::Interrupted => RAISED.take().unwrap_or_else(|| PyKeyboardInterrupt::new_err(())),
        Error::Memory { .. } => PyMemoryError::new_err(error.to_string()),
        Error::Singular { .. } => linalg_error(&error),
        Error::InUse => PyRuntimeError::new_err(error.to_string()),
        _ => PyValueError::new_err(error.to_string()),
    }
}

/// `numpy.linalg.LinAlgError`, which is a ValueError.
fn linalg_error(error: &Error) -> PyErr {
    let text = error.to_string();
    Python::attach(|py| match py.import("numpy.linalg").and_then(|module| module.getattr("LinAlgError")) {
        Ok(class) => PyErr::from_type(class.cast_into().unwrap_or_else(|_| py.get_type::<PyValueError>()), text),
        Err(error) => error,
    })
}

/// An array of either float type, or a list of columns, borrowed as it lies in memory.
pub(crate) enum Input<'py> {
    F64(Borrowed<'py, f64>),
    F32(Borrowed<'py, f32>),
}

impl Input<'_> {
    pub(crate) fn columns(&self) -> usize {
        match self {
            Self::F64(x) => x.table().ncols(),
            Self::F32(x) => x.table().ncols(),
        }
    }
}

pub(crate) enum Borrowed<'py, T: Float> {
    Line(PyReadonlyArray<'py, T, Ix1>),
    Matrix(PyReadonlyArray<'py, T, Ix2>),
    Columns(T::Columns<'py>),
}

impl<T: Float> Borrowed<'_, T> {
    /// Rows = time; a line is one column.
    pub(crate) fn table(&self) -> Table<'_, T> {
        match self {
            Self::Line(line) => line.as_array().insert_axis(Axis(1)).into(),
            Self::Matrix(matrix) => matrix.as_array().into(),
            Self::Columns(columns) => table_of::<T>(columns),
        }
    }

    pub(crate) fn is_line(&self) -> bool {
        matches!(self, Self::Line(_))
    }

    /// Whether the rows lie closer in memory than the columns.
    pub(crate) fn is_fortran(&self) -> bool {
        self.table().dense().is_none_or(|matrix| {
            let strides = matrix.strides();
            matrix.ncols() > 1 && strides[0].abs() < strides[1].abs()
        })
    }
}

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
    value: &'a Bound<'py, PyAny>,
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

fn wrong_dtype(array: &Bound<'_, PyUntypedArray>, name: &str, must: &str) -> PyErr {
    PyTypeError::new_err(format!(
        "`{name}` must have dtype {must}, got {}; convert with .astype(numpy.float64)",
        array.dtype()
    ))
}

/// Borrows `value`, an (n,) or (n, d) array of float64 or float32, or a list of such columns.
pub(crate) fn input<'py>(value: &Bound<'py, PyAny>, name: &'static str) -> PyResult<Input<'py>> {
    if let Some(list) = list_of_columns(value) {
        return if list.get_item(0)?.cast::<PyArrayDyn<f32>>().is_ok() {
            borrow_columns::<f32>(list, name).map(Borrowed::Columns).map(Input::F32)
        } else {
            borrow_columns::<f64>(list, name).map(Borrowed::Columns).map(Input::F64)
        };
    }
    let array = untyped(value, name, "a NumPy array of float64 or float32")?;
    if let Ok(array) = value.cast::<PyArrayDyn<f64>>() {
        borrow(array, name).map(Input::F64)
    } else if let Ok(array) = value.cast::<PyArrayDyn<f32>>() {
        borrow(array, name).map(Input::F32)
    } else {
        Err(wrong_dtype(array, name, "float64 or float32"))
    }
}

/// Borrows `value` where only float64 will do.
pub(crate) fn input_f64<'py>(value: &Bound<'py, PyAny>, name: &'static str) -> PyResult<Input<'py>> {
    if let Some(list) = list_of_columns(value) {
        return borrow_columns::<f64>(list, name).map(Borrowed::Columns).map(Input::F64);
    }
    let array = untyped(value, name, "a NumPy array of float64")?;
    match value.cast::<PyArrayDyn<f64>>() {
        Ok(array) => borrow(array, name).map(Input::F64),
        Err(_) => Err(wrong_dtype(array, name, "float64")),
    }
}

/// The refusal of what `out` of another call is.
pub(crate) fn written_to(name: &str) -> PyErr {
    PyValueError::new_err(format!("`{name}` is being written to by another call, it cannot be read now"))
}

fn borrow<'py, T: Float>(array: &Bound<'py, PyArrayDyn<T>>, name: &str) -> PyResult<Borrowed<'py, T>> {
    let conflict = |_: BorrowError| written_to(name);
    match array.ndim() {
        1 => Ok(Borrowed::Line(array.cast::<PyArray<T, Ix1>>()?.try_readonly().map_err(conflict)?)),
        2 => Ok(Borrowed::Matrix(array.cast::<PyArray<T, Ix2>>()?.try_readonly().map_err(conflict)?)),
        other => Err(PyValueError::new_err(format!(
            "`{name}` must have 1 or 2 dimensions (rows = time, columns = sensors), got {other}"
        ))),
    }
}

/// Where results go: a fresh array, or the caller's `out`.
pub(crate) struct Output<'py, T: Element> {
    object: Bound<'py, PyAny>,
    array: Written<'py, T>,
}

enum Written<'py, T: Element> {
    Line(PyReadwriteArray<'py, T, Ix1>),
    Table(PyReadwriteArray<'py, T, Ix2>),
}

impl<'py, T: Float> Output<'py, T> {
    /// An output of `rows` rows and `width` results for each column of `x`, in the memory order of `x`; 1-D where `x` is and
    /// `width` is 1.
    pub(crate) fn like(
        x: &Borrowed<'py, T>,
        rows: usize,
        width: usize,
        out: Option<&Bound<'py, PyAny>>,
        py: Python<'py>,
    ) -> PyResult<Self> {
        let columns = x.table().ncols();
        let Some(wide) = columns.checked_mul(width) else {
            return Err(exception(Error::Memory {
                what: "the result",
                rows,
                columns,
            }));
        };
        Self::of(x, rows, wide, x.is_line() && width == 1, out, py)
    }

    /// An output of `rows` rows and `wide` columns in the memory order of `x`, 2-D.
    pub(crate) fn wide(
        x: &Borrowed<'py, T>,
        rows: usize,
        wide: usize,
        out: Option<&Bound<'py, PyAny>>,
        py: Python<'py>,
    ) -> PyResult<Self> {
        Self::of(x, rows, wide, false, out, py)
    }

    fn of(
        x: &Borrowed<'py, T>,
        rows: usize,
        wide: usize,
        line: bool,
        out: Option<&Bound<'py, PyAny>>,
        py: Python<'py>,
    ) -> PyResult<Self> {
        let object = if let Some(out) = out {
            let array = untyped(out, "out", "a NumPy array")?;
            let shape: &[usize] = if line { &[rows] } else { &[rows, wide] };
            if array.shape() != shape {
                return Err(PyValueError::new_err(format!(
                    "`out` must have shape {}, got {}",
                    shape_text(shape),
                    shape_text(array.shape())
                )));
            }
            if overlaps_itself(array) {
                return Err(PyValueError::new_err("`out` must not overlap itself in memory"));
            }
            out.clone()
        } else {
            empty::<T>(py, rows, wide, line, x.is_fortran())?
        };
        let Ok(array) = object.cast::<PyArrayDyn<T>>() else {
            let got = object.cast::<PyUntypedArray>().map(|array| array.dtype().to_string());
            return Err(PyTypeError::new_err(format!(
                "`out` must have the dtype of `x`, {}, got {}",
                T::get_dtype(py),
                got.unwrap_or_default()
            )));
        };
        let refused = |error: BorrowError| {
            PyValueError::new_err(match error {
                BorrowError::NotWriteable => "`out` must be writeable, got a read-only array",
                _ => "`out` must not share memory with `x` or with another call's arrays",
            })
        };
        let array = if line {
            Written::Line(array.cast::<PyArray<T, Ix1>>()?.try_readwrite().map_err(refused)?)
        } else {
            Written::Table(array.cast::<PyArray<T, Ix2>>()?.try_readwrite().map_err(refused)?)
        };
        Ok(Self { object, array })
    }

    pub(crate) fn view(&mut self) -> ArrayViewMut2<'_, T> {
        match &mut self.array {
            Written::Line(line) => line.as_array_mut().insert_axis(Axis(1)),
            Written::Table(table) => table.as_array_mut(),
        }
    }

    pub(crate) fn into_object(self) -> Bound<'py, PyAny> {
        self.object
    }
}

fn shape_text(shape: &[usize]) -> String {
    match shape {
        [one] => format!("({one},)"),
        _ => format!("({})", shape.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")),
    }
}

/// Whether two places of the array may be one in memory.
fn overlaps_itself(array: &Bound<'_, PyUntypedArray>) -> bool {
    let mut axes: Vec<(usize, usize)> = array
        .shape()
        .iter()
        .zip(array.strides())
        .filter(|(length, _)| **length > 1)
        .map(|(&length, &stride)| (stride.unsigned_abs(), length))
        .collect();
    axes.sort_unstable();
    let mut extent = array.dtype().itemsize();
    for (stride, length) in axes {
        if stride < extent {
            return true;
        }
        extent = stride.saturating_mul(length);
    }
    false
}

/// An uninitialised array, through NumPy itself so that a lack of memory is an exception.
pub(crate) fn empty<'py, T: Element>(
    py: Python<'py>,
    rows: usize,
    columns: usize,
    line: bool,
    fortran: bool,
) -> PyResult<Bound<'py, PyAny>> {
    static EMPTY: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
    let function = EMPTY
        .get_or_try_init(py, || py.import("numpy")?.getattr("empty").map(Bound::unbind))?
        .bind(py);
    let shape = if line {
        PyTuple::new(py, [rows])?
    } else {
        PyTuple::new(py, [rows, columns])?
    };
    let order = if fortran { "F" } else { "C" };
    let too_large = |error: PyErr| {
        if error.is_instance_of::<PyValueError>(py) || error.is_instance_of::<PyOverflowError>(py) {
            exception(Error::Memory {
                what: "the result",
                rows,
                columns,
            })
        } else {
            error
        }
    };
    function.call1((shape, T::get_dtype(py), order)).map_err(too_large)
}

/// A fresh array: a copy of `values`.
pub(crate) fn attribute<'py, T: numpy::Element + Copy>(
    py: Python<'py>,
    values: &[T],
) -> PyResult<Bound<'py, PyArray1<T>>> {
    let array = empty::<T>(py, values.len(), 1, true, false)?.cast_into::<PyArray1<T>>()?;
    array.try_readwrite()?.as_slice_mut()?.copy_from_slice(values);
    Ok(array)
}

#[pyfunction]
pub(crate) fn set_num_threads(n: &Bound<'_, PyAny>) -> PyResult<()> {
    parallel::set_num_threads(count(n, "n", 1)?).map_err(exception)
}

#[pyfunction]
pub(crate) fn get_num_threads() -> usize {
    parallel::num_threads()
}

#[pyfunction]
pub(crate) fn cpu_features() -> Vec<&'static str> {
    acm_linalg::lanes::instructions()
}
