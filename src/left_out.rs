//! What a fit has not learned from: as Python has it, and as a sentence says it.

use acm_detectors::screen::LeftOut;
use acm_linalg::memory::{Gather, probe};
use acm_linalg::state::Names;
use pyo3::prelude::*;
use pyo3::types::PyTuple;

use crate::interop::{Value, array, exception};
use crate::naming::listed;

/// Stretches of rows, and sensors, that a sentence names at most.
const NAMED: usize = 5;

/// An attribute: rows, readings and stuck readings by sensor, and codes.
pub(crate) struct Told<'a>(pub(crate) &'a LeftOut, pub(crate) usize);

impl<'py> IntoPyObject<'py> for Told<'_> {
    type Target = PyTuple;
    type Output = Bound<'py, PyTuple>;
    type Error = PyErr;

    fn into_pyobject(self, py: Python<'py>) -> PyResult<Bound<'py, PyTuple>> {
        let Self(told, columns) = self;
        let whole = |values: &[u64], length: usize| -> PyResult<Value<'py>> {
            let values = (0..length).map(|place| values.get(place).map_or(0, |value| value.cast_signed()));
            let values = values.gathered("what the fit has left out").map_err(exception)?;
            array(py, &values).map(Bound::into_any)
        };
        probe(200 * told.codes.len(), "what the fit has left out").map_err(exception)?;
        let codes = told.codes.iter().map(|code| (code.column, code.value, code.count));
        let codes = codes.gathered("what the fit has left out").map_err(exception)?;
        (
            whole(&told.rows, told.rows.len())?,
            whole(&told.readings, columns)?,
            whole(&told.stuck, columns)?,
            PyTuple::new(py, codes)?,
        )
            .into_pyobject(py)
    }
}

/// What is to be told of it; nothing where all was learned from.
pub(crate) fn told(left_out: &LeftOut, names: Option<&Names>) -> PyResult<Vec<String>> {
    if left_out.is_empty() {
        return Ok(Vec::new());
    }
    let parts = left_out.readings.len().min(1000).saturating_add(left_out.codes.len());
    probe(256 * (parts + 8), "the warning").map_err(exception)?;
    let mut said = Vec::new();
    let columns = (0..left_out.readings.len()).filter(|&column| left_out.readings[column] > 0);
    for column in columns.clone().take(NAMED) {
        let sensor = match names {
            Some(names) => listed(names, &[column]),
            None => format!("column {column} of `x`"),
        };
        let mut kinds = Vec::new();
        let mut rest = left_out.readings[column] - left_out.stuck[column];
        for code in left_out.codes.iter().filter(|code| code.column == column) {
            kinds.push(format!("{} at the error code {}", code.count, code.value));
            rest = rest.saturating_sub(code.count);
        }
        if left_out.stuck[column] > 0 {
            kinds.push(format!("{} while it was stuck", left_out.stuck[column]));
        }
        if rest > 0 {
            kinds.push(format!("{rest} far from all others"));
        }
        said.push(format!("{} of {sensor} ({})", readings(left_out.readings[column]), kinds.join(", ")));
    }
    if columns.clone().count() > NAMED {
        let rest = columns.skip(NAMED).map(|column| left_out.readings[column]).sum();
        said.push(format!("{} of other sensors", readings(rest)));
    }
    if !left_out.rows.is_empty() {
        said.push(rows(&left_out.rows));
    }
    Ok(vec![format!("left out of the fit: {}", said.join("; "))])
}

fn readings(count: u64) -> String {
    format!("{count} reading{}", if count == 1 { "" } else { "s" })
}

/// "3 rows unlike the others (7, 20 to 21)".
fn rows(rows: &[u64]) -> String {
    let runs = || rows.chunk_by(|one, next| one + 1 == *next);
    let first = runs().take(NAMED).map(|run| match run {
        [row] => row.to_string(),
        run => format!("{} to {}", run[0], run[run.len() - 1]),
    });
    let first: Vec<_> = first.collect();
    let more = match runs().count() - first.len() {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    let plural = if rows.len() == 1 { "" } else { "s" };
    format!("{} row{plural} unlike the others ({}{more})", rows.len(), first.join(", "))
}
