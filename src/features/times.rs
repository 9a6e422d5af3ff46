//! Times and durations as Python has them.

use numpy::{PyArray1, PyArrayDescrMethods, PyArrayMethods, PyUntypedArray, PyUntypedArrayMethods};
use pyo3::exceptions::{PyMemoryError, PyTypeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::PyString;

use crate::arguments::{shown, type_name};
use crate::interop::refuse_mask;

/// Nanoseconds of NumPy's units of time that have a fixed length.
const UNITS: [(&str, i64); 7] = [
    ("W", 604_800_000_000_000),
    ("D", 86_400_000_000_000),
    ("h", 3_600_000_000_000),
    ("m", 60_000_000_000),
    ("s", 1_000_000_000),
    ("ms", 1_000_000),
    ("us", 1_000),
];

/// A snapshot of the rows' times in nanoseconds: another thread may write to the array while a call runs.
pub(crate) fn times_of(value: &Bound<'_, PyAny>) -> PyResult<Vec<i64>> {
    let must = "a NumPy array of datetime64, or of int64 nanoseconds";
    let Ok(array) = value.cast::<PyUntypedArray>() else {
        return Err(PyTypeError::new_err(format!(
            "`times` must be {must}, got {}; convert with numpy.asarray(...)",
            type_name(value)
        )));
    };
    refuse_mask(array, "times")?;
    if array.ndim() != 1 {
        return Err(PyValueError::new_err(format!("`times` must have 1 dimension, got {}", array.ndim())));
    }
    let dtype = array.dtype();
    let known = match dtype.kind() {
        b'M' => unit_of(dtype.as_any())?,
        b'i' if dtype.itemsize() == 8 => Some(1),
        _ => None,
    };
    let wrong = || {
        let hint = if dtype.kind() == b'O' {
            "; of a time zone pass .tz_convert(None).to_numpy()"
        } else {
            ""
        };
        PyTypeError::new_err(format!("`times` must be {must}, got {dtype}{hint}"))
    };
    let unit = known.ok_or_else(wrong)?;
    let whole = array.call_method1(pyo3::intern!(value.py(), "view"), ("int64",))?;
    let whole = whole.cast::<PyArray1<i64>>().map_err(|_| wrong())?;
    let counts = whole
        .try_readonly()
        .map_err(|_| PyValueError::new_err("`times` is being written to by another call, it cannot be read now"))?;
    let counts = counts.as_array();
    let mut times = Vec::new();
    times
        .try_reserve_exact(counts.len())
        .map_err(|_| PyMemoryError::new_err(format!("not enough memory for the times of {} rows", counts.len())))?;
    for (row, &count) in counts.iter().enumerate() {
        let time = count.checked_mul(unit).filter(|_| dtype.kind() != b'M' || count != i64::MIN);
        times.push(time.ok_or_else(|| {
            PyValueError::new_err(format!(
                "`times` must be times between the years 1678 and 2262, got {} in row {row}",
                if count == i64::MIN { "NaT".to_owned() } else { count.to_string() },
            ))
        })?);
    }
    Ok(times)
}

/// Nanoseconds of a count of a datetime64 or timedelta64 type; none where its unit has no fixed length, or is finer.
fn unit_of(dtype: &Bound<'_, PyAny>) -> PyResult<Option<i64>> {
    let data = dtype.py().import("numpy")?.getattr("datetime_data")?.call1((dtype,))?;
    let (name, count): (String, i64) = data.extract()?;
    let unit = UNITS.iter().find(|(unit, _)| *unit == name).map(|&(_, nanoseconds)| nanoseconds);
    let unit = if name == "ns" { Some(1) } else { unit };
    Ok(unit.and_then(|unit| unit.checked_mul(count)))
}

/// The nanoseconds of a duration; none where `value` is a number.
pub(crate) fn duration_of(value: &Bound<'_, PyAny>, name: &str) -> PyResult<Option<i64>> {
    let py = value.py();
    let wrong = || {
        let text = shown(value);
        PyValueError::new_err(format!(
            "`{name}` must be a duration of fixed length such as '2h', '90s' or numpy.timedelta64(5, 'm'), got {text}"
        ))
    };
    let nanoseconds = if let Ok(text) = value.cast::<PyString>() {
        // Lone surrogates have no UTF-8, and are no duration.
        text.to_cow().ok().and_then(|text| spelled(&text))
    } else if value.is_instance(&py.import("numpy")?.getattr("timedelta64")?)? {
        let count: i64 = value.call_method1("astype", ("int64",))?.extract()?;
        let unit = unit_of(&value.getattr("dtype")?)?;
        unit.and_then(|unit| unit.checked_mul(count)).filter(|_| count != i64::MIN)
    } else if value.is_instance(&py.import("datetime")?.getattr("timedelta")?)? {
        let part = |name: &str| value.getattr(name)?.extract::<i64>();
        // pandas' kind of timedelta has these as well.
        let fine = if value.hasattr("nanoseconds")? { part("nanoseconds")? } else { 0 };
        let seconds = part("days")?.checked_mul(86_400).and_then(|days| days.checked_add(part("seconds").ok()?));
        let micros = part("microseconds")? * 1_000 + fine;
        seconds.and_then(|seconds| seconds.checked_mul(1_000_000_000)?.checked_add(micros))
    } else {
        return Ok(None);
    };
    match nanoseconds {
        Some(nanoseconds) if nanoseconds > 0 => Ok(Some(nanoseconds)),
        _ => Err(wrong()),
    }
}

/// The nanoseconds of a duration in words. Capital letters are as good as small ones where they leave no doubt: a bare M or
/// MS is pandas' month; months and years have no fixed length.
fn spelled(text: &str) -> Option<i64> {
    let small = text.to_ascii_lowercase();
    let units = |text: &str| -> Vec<String> {
        let words = text.split(|c: char| !c.is_alphabetic());
        words.filter(|word| !word.is_empty()).map(str::to_owned).collect()
    };
    let unfixed = |word: &String| word.starts_with("mo") || word.starts_with('y');
    if units(text).iter().any(|word| word == "M" || word == "MS") || units(&small).iter().any(unfixed) {
        return None;
    }
    i64::try_from(humantime::parse_duration(&small).ok()?.as_nanos()).ok()
}
