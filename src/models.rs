//! What all models have in common: what a fit and a call on one are made of.

use std::sync::Arc;

use acm_detectors::wandering::{Step, step_of};
use acm_linalg::memory::{Gather, probe};
use acm_linalg::state::Names;
use acm_linalg::{Memory, Persist, Result, Samples};
use numpy::Element;
use pyo3::PyClass;
use pyo3::prelude::*;

use crate::arguments::labels_of;
use crate::held::{Fit, Held};
use crate::interop::{Input, Value, compute, exception, filled, input, warn};
use crate::naming::{listed, names_of};

/// A model's class: its parameters are attributes, everything else lies behind [`Model::held`].
pub(crate) trait Model: PyClass<Frozen = pyo3::pyclass::boolean_struct::True> + Sync {
    type Fitted: Persist + Send + Sync + 'static;
    type Live: Memory + Send + Sync + 'static;

    fn held(&self) -> &Held<Self::Fitted, Self::Live>;

    /// The class around a model read from bytes.
    fn around(held: Held<Self::Fitted, Self::Live>) -> PyResult<Self>;

    /// The constructor's parameters by name, as Python has them.
    fn parameters<'py>(&self, py: Python<'py>) -> PyResult<Vec<(&'static str, Value<'py>)>>;
}

/// What a fit is made from: rows, and the names of their columns.
pub(crate) struct Lesson<'py> {
    py: Python<'py>,
    input: Input<'py>,
    pub(crate) names: Option<Names>,
}

impl<'py> Lesson<'py> {
    pub(crate) fn of(x: &Value<'py>, names: Option<&Value<'py>>) -> PyResult<Self> {
        let input = input(x, "x")?;
        let names = names_of(names, input.columns())?;
        let py = x.py();
        Ok(Self { py, input, names })
    }

    pub(crate) fn samples(&self) -> Samples<'_> {
        self.input.samples()
    }

    /// The states of the rows, where they are given.
    pub(crate) fn labels(&self, labels: Option<&Value<'py>>) -> PyResult<Option<Vec<i64>>> {
        labels_of(labels, self.samples().rows())
    }

    /// Fits, and says what `remarks` there are once it is done.
    pub(crate) fn learn<M: Model>(
        self,
        model: &M,
        fit: impl FnOnce(Samples<'_>) -> Result<M::Fitted> + Send,
        remarks: impl FnOnce(&M::Fitted, Option<&Names>, Option<Samples<'_>>) -> PyResult<Vec<String>>,
    ) -> PyResult<()> {
        let samples = self.input.samples();
        let fitted = compute(self.py, || fit(samples))?;
        let remarks = remarks(&fitted, self.names.as_ref(), Some(samples))?;
        model.held().set(self.py, fitted, self.names)?;
        // Of the line that has called the public `fit`.
        remarks.iter().try_for_each(|remark| warn(self.py, remark, 2))
    }
}

/// Tells which columns are not used, if any: the sensors by name, where they have names.
pub(crate) fn left_out(names: Option<&Names>, used: &[bool], reason: &str) -> PyResult<Vec<String>> {
    let left = (0..used.len()).filter(|&column| !used[column]).gathered("the warning");
    let left = left.map_err(exception)?;
    if left.is_empty() {
        return Ok(Vec::new());
    }
    probe(64 * left.len(), "the warning").map_err(exception)?;
    Ok(vec![match names {
        Some(names) => format!("sensors {} {reason}", listed(names, &left)),
        None => format!("columns {left:?} of `x` {reason}"),
    }])
}

/// A mark for each of `count` columns: whether it is among `columns`.
pub(crate) fn marked(columns: &[usize], count: usize) -> PyResult<Vec<bool>> {
    (0..count)
        .map(|column| columns.contains(&column))
        .gathered("a mark for each column")
        .map_err(exception)
}

/// Tells which columns wander, if any, and how many alarms are to be expected; and which of them do so by one step.
pub(crate) fn wandering(
    names: Option<&Names>,
    x: Option<Samples<'_>>,
    columns: &[usize],
    count: usize,
    expected: f64,
) -> PyResult<Vec<String>> {
    let mut steady = marked(columns, count)?;
    steady.iter_mut().for_each(|mark| *mark = !*mark);
    let reason = format!(
        "wander: neither half of the rows tells where the other lies; limits are widened, and {:.0} % of healthy rows may \
         still be in alarm",
        100.0 * expected
    );
    let mut remarks = left_out(names, &steady, &reason)?;
    for &column in columns {
        let step = x.map(|x| step_of(x, column)).transpose().map_err(exception)?.flatten();
        if let Some(Step { row, size }) = step {
            let sensor = match names {
                Some(names) => format!("sensor {}", listed(names, &[column])),
                None => format!("column {column} of `x`"),
            };
            remarks.push(format!(
                "{sensor} steps by {} in row {row} and stays there: what is learned of it is both levels, and faults no larger \
                 than that are hard to find; fit on the rows of one level, or take the step out of the others",
                short(size)
            ));
        }
    }
    Ok(remarks)
}

/// A number to three digits.
fn short(value: f64) -> String {
    let digits = if value == 0.0 { 0.0 } else { value.abs().log10().floor() };
    if (-4.0..6.0).contains(&digits) {
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "0 to 6")]
        let places = (2.0 - digits).max(0.0) as usize;
        format!("{value:+.places$}")
    } else {
        format!("{value:+.2e}")
    }
}

/// A fitted model and the rows that it is asked about.
pub(crate) struct Asked<'a, 'py, M: Model> {
    py: Python<'py>,
    held: &'a Held<M::Fitted, M::Live>,
    fit: Arc<Fit<M::Fitted>>,
    input: Input<'py>,
}

impl<'a, 'py, M: Model> Asked<'a, 'py, M> {
    pub(crate) fn of(model: &'a M, x: &Value<'py>) -> PyResult<Self> {
        let held = model.held();
        let fit = held.get()?;
        let input = input(x, "x")?;
        let py = x.py();
        Ok(Self { py, held, fit, input })
    }

    /// The states of the rows, where they are given.
    pub(crate) fn labels(&self, labels: Option<&Value<'py>>) -> PyResult<Option<Vec<i64>>> {
        labels_of(labels, self.input.samples().rows())
    }

    /// One result of all rows.
    pub(crate) fn one<R: Send>(&self, work: impl FnOnce(&M::Fitted, Samples<'_>) -> Result<R> + Send) -> PyResult<R> {
        let (fit, samples) = (self.fit(), self.input.samples());
        compute(self.py, || work(fit, samples))
    }

    /// One result for each row.
    pub(crate) fn line<T: Element>(
        &self,
        work: impl FnOnce(&M::Fitted, Samples<'_>, &mut [T]) -> Result<()> + Send,
    ) -> PyResult<Value<'py>> {
        let (fit, samples) = (self.fit(), self.input.samples());
        filled(self.py, &[samples.rows()], |out| work(fit, samples, out))
    }

    /// One result for each row; the memory moves on.
    pub(crate) fn follow<T: Element>(
        &self,
        work: impl FnOnce(&M::Fitted, &mut M::Live, Samples<'_>, &mut [T]) -> Result<()> + Send,
    ) -> PyResult<Value<'py>> {
        let (held, samples) = (self.held, self.input.samples());
        filled(self.py, &[samples.rows()], |out| held.follow(|fit, live| work(fit, live, samples, out)))
    }

    /// One result for each value; a line of them for a line.
    pub(crate) fn like(
        &self,
        work: impl FnOnce(&M::Fitted, Samples<'_>, &mut [f64]) -> Result<()> + Send,
    ) -> PyResult<Value<'py>> {
        if self.input.is_line() {
            return self.line(work);
        }
        self.wide(self.input.columns(), work)
    }

    /// So many results for each row.
    pub(crate) fn wide(
        &self,
        columns: usize,
        work: impl FnOnce(&M::Fitted, Samples<'_>, &mut [f64]) -> Result<()> + Send,
    ) -> PyResult<Value<'py>> {
        let (fit, samples) = (self.fit(), self.input.samples());
        filled(self.py, &[samples.rows(), columns], |out| work(fit, samples, out))
    }

    pub(crate) fn fit(&self) -> &M::Fitted {
        &self.fit
    }
}
