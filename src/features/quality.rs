//! Data quality.

use acm_features::quality::{self, Assessment, Codes, Kind, Rules, Sensor};
use acm_linalg::memory::Gather;
use numpy::Element;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyList, PyTuple};

use super::either;
use crate::arguments::{numbers, optional, sequence, whole_numbers};
use crate::interop::{Borrowed, Float, Value, array, compute, exception, input};

/// Facts of every sensor by name, an array or a list each; whether the machine stands still in each row; and in how many
/// rows every sensor repeats.
#[pyfunction]
pub(crate) fn assess<'py>(
    x: &Value<'py>,
    low: &Value<'py>,
    high: &Value<'py>,
    codes: Option<&Value<'py>>,
    patience: Option<&Value<'py>>,
) -> PyResult<Bound<'py, PyTuple>> {
    fn of<T: Float>(py: Python<'_>, x: &Borrowed<'_, T>, rules: &Rules<'_>) -> PyResult<Assessment> {
        let x = x.table();
        compute(py, || quality::assess(x, rules))
    }
    let (py, x) = (x.py(), input(x, "x")?);
    let columns = Some(x.columns());
    let [low, high] = [numbers(low, "low", columns)?, numbers(high, "high", columns)?];
    let each = |codes: &Value<'py>| numbers(codes, "codes", None);
    let codes = optional(codes, |codes| sequence(codes, "codes", "numbers of each sensor", columns, each))?;
    let patience = optional(patience, |rows| whole_numbers(rows, "patience", columns))?;
    let patience = patience.map(|rows| rows.into_iter().map(|rows| usize::try_from(rows).unwrap_or(0)));
    let patience = patience.map(|rows| rows.gathered("patience")).transpose().map_err(exception)?;
    let rules = Rules {
        low: &low,
        high: &high,
        codes: codes.as_deref().map_or(Codes::Found, Codes::Given),
        patience: patience.as_deref(),
    };
    let found = either!(x, |x| of(py, &x, &rules))?;
    (facts(py, &found.sensors)?, array(py, &found.still)?, found.repeated).into_pyobject(py)
}

/// A fact about a sensor, and how it is called.
type Fact<T> = (&'static str, fn(&Sensor) -> T);

fn facts<'py>(py: Python<'py>, sensors: &[Sensor]) -> PyResult<Bound<'py, PyDict>> {
    let facts = PyDict::new(py);
    let counts: [Fact<usize>; 11] = [
        ("known", |one| one.known),
        ("gap_start", |one| one.gap.start),
        ("gap_rows", |one| one.gap.rows()),
        ("below", |one| one.below),
        ("above", |one| one.above),
        ("distinct", |one| one.distinct),
        ("kind", |one| place_of(one.kind)),
        ("patience", |one| one.patience),
        ("frozen_readings", |one| one.frozen_readings),
        ("still", |one| one.still),
        ("wandering", |one| usize::from(one.wander.is_some_and(|wander| wander.is_wandering()))),
    ];
    for (name, count) in counts {
        facts.set_item(name, column(py, sensors, |one| count(one) as i64)?)?;
    }
    let numbers: [Fact<f64>; 7] = [
        ("least", |one| one.least),
        ("most", |one| one.most),
        ("centre", |one| one.centre),
        ("width", |one| one.width),
        ("resolution", |one| one.resolution),
        ("coefficient", |one| one.wander.map_or(f64::NAN, |wander| wander.coefficient)),
        ("ratio", |one| one.wander.map_or(f64::NAN, |wander| wander.ratio)),
    ];
    for (name, number) in numbers {
        facts.set_item(name, column(py, sensors, number)?)?;
    }
    let (codes, frozen, shifts) = (PyList::empty(py), PyList::empty(py), PyList::empty(py));
    for one in sensors {
        codes.append(PyList::new(py, one.codes.iter().map(|code| (code.value, code.count, code.first)))?)?;
        frozen.append(PyList::new(py, one.frozen.iter().map(|stretch| (stretch.start, stretch.end)))?)?;
        shifts.append(PyList::new(py, one.shifts.iter().map(|shift| (shift.row, shift.before, shift.after)))?)?;
    }
    facts.set_item("codes", codes)?;
    facts.set_item("frozen", frozen)?;
    facts.set_item("shifts", shifts)?;
    Ok(facts)
}

fn column<'py, R: Element + Copy>(
    py: Python<'py>,
    sensors: &[Sensor],
    fact: impl Fn(&Sensor) -> R,
) -> PyResult<Value<'py>> {
    let facts = sensors.iter().map(fact).gathered("the result").map_err(exception)?;
    Ok(array(py, &facts)?.into_any())
}

/// The place of a kind in the list of their names, in Python.
fn place_of(kind: Kind) -> usize {
    match kind {
        Kind::Empty => 0,
        Kind::Constant => 1,
        Kind::State => 2,
        Kind::SetPoint => 3,
        Kind::Counter => 4,
        Kind::Continuous => 5,
    }
}
