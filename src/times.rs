//! Times and durations as Python has them.

use humantime::DurationError;
use numpy::{PyArray1, PyArrayDescrMethods, PyArrayMethods, PyUntypedArray, PyUntypedArrayMethods};
use pyo3::exceptions::{PyMemoryError, PyTypeError, PyValueError};
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::{PyInt, PyString};

use crate::interop::{Value, refuse_mask, shown, type_name};

/// Nanoseconds of NumPy's units of time that have a fixed length.
const UNITS: [(&str, i64); 8] = [
    ("W", 604_800_000_000_000),
    ("D", 86_400_000_000_000),
    ("h", 3_600_000_000_000),
    ("m", 60_000_000_000),
    ("s", 1_000_000_000),
    ("ms", 1_000_000),
    ("us", 1_000),
    ("ns", 1),
];

/// How many of NumPy's finer units make a nanosecond.
const FINER: [(&str, i64); 3] = [("ps", 1_000), ("fs", 1_000_000), ("as", 1_000_000_000)];

/// Days before each month of a year that is no leap year.
const DAYS_BEFORE: [i64; 12] = [0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334];

/// One of a datetime64's or timedelta64's counts.
#[derive(Clone, Copy)]
enum Unit {
    Nanoseconds(i64),
    /// Part of a nanosecond.
    Part(i64),
    Months(i64),
    Unknown,
}

impl Unit {
    fn of(dtype: &Value<'_>) -> PyResult<Self> {
        let data = dtype.py().import("numpy")?.getattr("datetime_data")?.call1((dtype,))?;
        let (name, count): (String, i64) = data.extract()?;
        let among = |units: &[(&str, i64)]| units.iter().find(|(unit, _)| *unit == name).map(|&(_, size)| size);
        let whole = |size: Option<i64>| size.and_then(|size| size.checked_mul(count));
        Ok(match (whole(among(&UNITS)), among(&FINER), name.as_str()) {
            (Some(size), _, _) => Self::Nanoseconds(size),
            (None, Some(parts), _) if parts % count == 0 => Self::Part(parts / count),
            (None, None, "M") => Self::Months(count),
            (None, None, "Y") => whole(Some(12)).map_or(Self::Unknown, Self::Months),
            _ => Self::Unknown,
        })
    }

    /// Nanoseconds since 1970 of a date of so many; none where 64 bits do not hold them.
    fn since_1970(self, count: i64) -> Option<i64> {
        match self {
            Self::Nanoseconds(size) => count.checked_mul(size),
            Self::Months(size) => {
                let months = count.checked_mul(size)?;
                let (years, month) = (months.div_euclid(12), months.rem_euclid(12));
                let year = years.checked_add(1970)?;
                let leaps = |year: i64| year.div_euclid(4) - year.div_euclid(100) + year.div_euclid(400);
                let leap = leaps(year) > leaps(year - 1) && month > 1;
                let before = usize::try_from(month).ok().and_then(|month| DAYS_BEFORE.get(month))?;
                let days = years.checked_mul(365)? + leaps(year - 1) - leaps(1969) + before + i64::from(leap);
                days.checked_mul(86_400_000_000_000)
            }
            Self::Part(_) | Self::Unknown => None,
        }
    }
}

/// A snapshot of the rows' times in nanoseconds: another thread may write to the array while a call runs.
pub(crate) fn times_of(value: &Value<'_>) -> PyResult<Vec<i64>> {
    let py = value.py();
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
    let unit = match dtype.kind() {
        b'M' => Unit::of(dtype.as_any())?,
        b'i' if dtype.itemsize() == 8 => Unit::Nanoseconds(1),
        _ => Unit::Unknown,
    };
    let wrong = || {
        let hint = match dtype.kind() {
            b'O' => "; of a time zone pass .tz_convert(None).to_numpy()",
            b'M' => "; convert with .astype('datetime64[ns]')",
            _ => "",
        };
        PyTypeError::new_err(format!("`times` must be {must}, got {dtype}{hint}"))
    };
    if let Unit::Part(_) | Unit::Unknown = unit {
        return Err(wrong());
    }
    let aligned: bool = array.getattr(intern!(py, "flags"))?.getattr(intern!(py, "aligned"))?.extract()?;
    let plain = if aligned && dtype.is_native_byteorder() == Some(true) {
        array.as_any().clone()
    } else {
        let native = dtype.call_method1(intern!(py, "newbyteorder"), ("=",))?;
        array.call_method1(intern!(py, "astype"), (native,))?
    };
    let whole = plain.call_method1(intern!(py, "view"), ("int64",))?;
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
        // NumPy's and pandas' sign of no time.
        if count == i64::MIN {
            return Err(PyValueError::new_err(format!("`times` must have no missing times, got NaT in row {row}")));
        }
        let Some(time) = unit.since_1970(count) else {
            return Err(PyValueError::new_err(format!(
                "`times` must be from 1677-09-21T00:12:43.145224193 to 2262-04-11T23:47:16.854775807 (nanoseconds in 64 bits), \
                 got {} in row {row}",
                array.get_item(row)?
            )));
        };
        times.push(time);
    }
    Ok(times)
}

/// What a value says of a length of time.
enum Duration {
    Nanoseconds(i128),
    /// More nanoseconds than can be told.
    Beyond,
    NotWhole,
    NotFixed,
    NotOne,
}

impl Duration {
    /// So many of a unit.
    fn counted(count: i64, unit: Unit) -> Self {
        match unit {
            _ if count == i64::MIN => Self::NotOne,
            Unit::Nanoseconds(size) => Self::Nanoseconds(i128::from(count) * i128::from(size)),
            Unit::Part(parts) if count % parts == 0 => Self::Nanoseconds(i128::from(count / parts)),
            Unit::Part(_) => Self::NotWhole,
            Unit::Months(_) => Self::NotFixed,
            Unit::Unknown => Self::NotOne,
        }
    }

    /// Words. Capital letters are as good as small ones where they leave no doubt: a bare M or MS is pandas' month; months and
    /// years have no fixed length.
    fn spelled(text: &str) -> Self {
        let small = text.to_ascii_lowercase();
        let units = |text: &str| -> Vec<String> {
            let words = text.split(|c: char| !c.is_alphabetic());
            words.filter(|word| !word.is_empty()).map(str::to_owned).collect()
        };
        let unfixed = |word: &String| word.starts_with("mo") || word.starts_with('y');
        if units(text).iter().any(|word| word == "M" || word == "MS") || units(&small).iter().any(unfixed) {
            return Self::NotFixed;
        }
        let small = small.trim_start();
        let (small, negative) = small.strip_prefix('-').map_or((small, false), |rest| (rest, true));
        match humantime::parse_duration(small) {
            Ok(_) if negative => Self::Nanoseconds(-1),
            Ok(duration) => i128::try_from(duration.as_nanos()).map_or(Self::Beyond, Self::Nanoseconds),
            Err(DurationError::NumberOverflow) => Self::Beyond,
            Err(_) => Self::NotOne,
        }
    }
}

/// The nanoseconds of a duration; none where `value` is a number.
pub(crate) fn duration_of(value: &Value<'_>, name: &str) -> PyResult<Option<i64>> {
    // Nearly always: whoever computes row by row would wait for the imports below.
    if value.is_exact_instance_of::<PyInt>() {
        return Ok(None);
    }
    let py = value.py();
    let duration = if let Ok(text) = value.cast::<PyString>() {
        // Lone surrogates have no UTF-8, and are no duration.
        text.to_cow().map_or(Duration::NotOne, |text| Duration::spelled(&text))
    } else if value.is_instance(&py.import("numpy")?.getattr("timedelta64")?)? {
        let count: i64 = value.call_method1("astype", ("int64",))?.extract()?;
        Duration::counted(count, Unit::of(&value.getattr("dtype")?)?)
    } else if value.is_instance(&py.import("datetime")?.getattr("timedelta")?)? {
        let part = |name: &str| value.getattr(name)?.extract::<i64>().map(i128::from);
        // pandas' kind of timedelta has these as well.
        let fine = if value.hasattr("nanoseconds")? { part("nanoseconds")? } else { 0 };
        let seconds = part("days")? * 86_400 + part("seconds")?;
        Duration::Nanoseconds((seconds * 1_000_000 + part("microseconds")?) * 1_000 + fine)
    } else {
        return Ok(None);
    };
    let must = match duration {
        Duration::Nanoseconds(nanoseconds) if nanoseconds <= 0 => "a duration above 0",
        Duration::Nanoseconds(nanoseconds) => match i64::try_from(nanoseconds) {
            Ok(nanoseconds) => return Ok(Some(nanoseconds)),
            Err(_) => "a duration of at most 106751 days 23:47:16.854775807 (nanoseconds in 64 bits)",
        },
        Duration::Beyond => "a duration of at most 106751 days 23:47:16.854775807 (nanoseconds in 64 bits)",
        Duration::NotWhole => "a duration of whole nanoseconds",
        Duration::NotFixed => "a duration of fixed length, which months and years have not; say it in days",
        Duration::NotOne => "a duration of fixed length such as '2h', '90s' or numpy.timedelta64(5, 'm')",
    };
    Err(PyValueError::new_err(format!("`{name}` must be {must}, got {}", shown(value))))
}

/// A duration in words that [`duration_of`] reads, in the greatest unit that it is a whole number of.
pub(crate) fn spelling(nanoseconds: u64) -> String {
    const UNITS: [(u64, &str); 6] = [
        (86_400_000_000_000, "days"),
        (3_600_000_000_000, "h"),
        (60_000_000_000, "min"),
        (1_000_000_000, "s"),
        (1_000_000, "ms"),
        (1_000, "us"),
    ];
    let unit = UNITS.iter().find(|(unit, _)| nanoseconds.is_multiple_of(*unit));
    let (unit, name) = unit.copied().unwrap_or((1, "ns"));
    format!("{}{name}", nanoseconds / unit)
}
