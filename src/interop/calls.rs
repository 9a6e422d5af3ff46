//! Calls: detached from the interpreter, interrupted where people ask for it, what goes wrong as an exception.

use std::cell::RefCell;
use std::panic::{AssertUnwindSafe, catch_unwind};

use acm_linalg::{Error, memory, parallel};
use pyo3::exceptions::{PyException, PyKeyboardInterrupt, PyMemoryError, PyRuntimeError, PyUserWarning, PyValueError};
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;

use super::Value;

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
    warn(py, &text, 1)
}

/// Warns as `UserWarning`, of the line that is `level` calls of Python away.
pub(crate) fn warn(py: Python<'_>, text: &str, level: i32) -> PyResult<()> {
    let text = std::ffi::CString::new(text)?;
    PyErr::warn(py, &py.get_type::<PyUserWarning>(), &text, level)
}

/// Runs `work` detached from the interpreter and turns what goes wrong into an exception.
pub(crate) fn compute<R: Send>(py: Python<'_>, work: impl FnOnce() -> acm_linalg::Result<R> + Send) -> PyResult<R> {
    let (mut work, mut done) = (Some(work), None);
    guarded(py, &mut || {
        if let Some(work) = work.take() {
            done = Some(work()?);
        }
        Ok(())
    })?;
    done.ok_or_else(|| InternalError::new_err("acm_rs failed internally, please report this: no result"))
}

/// Knows nothing of the result, so that it is compiled once.
fn guarded(py: Python<'_>, work: &mut (dyn FnMut() -> acm_linalg::Result<()> + Send)) -> PyResult<()> {
    // What is allocated in passing, here and by Python afterwards, must find room.
    let whole = || memory::probe(HEADROOM, "the call").and_then(|()| work());
    match py.detach(|| catch_unwind(AssertUnwindSafe(whole))) {
        Ok(Ok(())) => Ok(()),
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

pub(crate) fn type_name(value: &Value<'_>) -> String {
    value.get_type().name().map_or_else(|_| "?".to_owned(), |name| name.to_string())
}

/// The value as Python would write it, shortened where that is long.
pub(crate) fn shown(value: &Value<'_>) -> String {
    static SHORT: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
    let py = value.py();
    let short = || {
        let short = py.import("reprlib")?.getattr("Repr")?.call0()?;
        for limit in ["maxstring", "maxlong", "maxother"] {
            short.setattr(limit, 80)?;
        }
        short.getattr("repr").map(Bound::unbind)
    };
    let text = SHORT
        .get_or_try_init(py, short)
        .and_then(|short| short.bind(py).call1((value,))?.extract());
    text.unwrap_or_else(|_| type_name(value))
}

/// Our refusal, with what the value itself raised as its cause.
pub(crate) fn because(py: Python<'_>, ours: PyErr, cause: PyErr) -> PyErr {
    if !cause.is_instance_of::<PyException>(py) {
        return cause;
    }
    ours.set_cause(py, Some(cause));
    ours
}
