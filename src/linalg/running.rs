//! Moments of rows that come in pieces.

use acm_linalg::Persist;
use acm_linalg::memory::Gather;
use acm_linalg::running::{RunningMoments as Moments, Sums};
use acm_linalg::state::Names;
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;

use crate::arguments::{count, number, numbers, truth};
use crate::classes::{Sequence, class, parameters};
use crate::held::Fit;
use crate::interop::{Value, array, compute, exception, input, matrix};
use crate::naming::{agreed, names_of};

class!(RunningMoments, Moments, Sums);
parameters!(RunningMoments, of, center = Sequence(of.center()), scale = Sequence(of.scale()), reach = of.reach());

#[pymethods]
impl RunningMoments {
    #[new]
    fn new(center: &Value<'_>, scale: &Value<'_>, reach: &Value<'_>) -> PyResult<Self> {
        let center = numbers(center, "center", None)?;
        let scale = numbers(scale, "scale", Some(center.len()))?;
        Moments::new(center, scale, number(reach, "reach")?).map(Self::of).map_err(exception)
    }

    #[staticmethod]
    fn of_sample(x: &Value<'_>, reach: &Value<'_>) -> PyResult<Self> {
        let (given, reach) = (input(x, "x")?, number(reach, "reach")?);
        let samples = given.samples();
        compute(x.py(), || Moments::of_sample(samples, reach)).map(Self::of)
    }

    fn update(&self, x: &Value<'_>, follows: &Value<'_>) -> PyResult<()> {
        let (given, follows) = (input(x, "x")?, truth(follows, "follows")?);
        let samples = given.samples();
        compute(x.py(), || self.held.follow(|moments, sums| moments.update(sums, samples, follows)))
    }

    fn merge(slf: &Bound<'_, Self>, other: &Bound<'_, Self>, follows: &Value<'_>) -> PyResult<()> {
        let (py, follows) = (slf.py(), truth(follows, "follows")?);
        let (this, other) = (slf.get(), other.get());
        if this.parameters != other.parameters {
            return Err(PyValueError::new_err(
                "`other` must have the same `center`, `scale` and `reach`: make all of them from one first pass",
            ));
        }
        let found = compute(py, || other.held.whole())?;
        let known = this.held.get()?;
        let names = agreed(known.names(), found.fitted().names(), "these moments")?;
        compute(py, || this.held.follow(|moments, sums| moments.merge(sums, found.live(), follows)))?;
        names.map_or(Ok(()), |names| this.held.name(py, names))
    }

    /// Names for the sensors, unless they have some.
    fn call(&self, py: Python<'_>, names: &Value<'_>) -> PyResult<()> {
        match names_of(Some(names), self.parameters.columns())? {
            Some(names) => self.held.name(py, names),
            None => Ok(()),
        }
    }

    #[getter]
    fn d(&self) -> usize {
        self.parameters.columns()
    }

    #[getter]
    fn rows(&self) -> u64 {
        self.held.glance(Sums::rows).unwrap_or(0)
    }

    #[getter]
    fn beyond<'py>(&self, py: Python<'py>) -> PyResult<Value<'py>> {
        let found = self.look(py, |of, sums| {
            (0..of.columns()).map(|column| sums.beyond(column).cast_signed()).gathered("counts")
        })?;
        array(py, &found).map(Bound::into_any)
    }

    /// (d, d).
    #[getter]
    fn counts<'py>(&self, py: Python<'py>) -> PyResult<Value<'py>> {
        let d = self.parameters.columns();
        let found = self.look(py, |_, sums| {
            let pairs = (0..d).flat_map(|one| (0..d).map(move |other| sums.pairs(one, other).cast_signed()));
            pairs.gathered("counts")
        })?;
        array(py, &found)?.call_method1("reshape", (d, d))
    }

    fn mean<'py>(&self, py: Python<'py>) -> PyResult<Value<'py>> {
        array(py, &self.look(py, Moments::mean)?).map(Bound::into_any)
    }

    fn covariance<'py>(&self, ddof: &Value<'py>) -> PyResult<Value<'py>> {
        let (py, ddof) = (ddof.py(), count(ddof, "ddof", 0)? as u64);
        let found = self.look(py, |of, sums| of.covariance(sums, ddof))?;
        matrix(py, &found, self.parameters.columns()).map(Bound::into_any)
    }

    fn lag_slope<'py>(&self, py: Python<'py>) -> PyResult<Value<'py>> {
        array(py, &self.look(py, Moments::lag_slope)?).map(Bound::into_any)
    }
}

impl RunningMoments {
    fn look<R: Send>(
        &self,
        py: Python<'_>,
        work: impl FnOnce(&Moments, &Sums) -> acm_linalg::Result<R> + Send,
    ) -> PyResult<R> {
        compute(py, || {
            let state = self.held.whole()?;
            work(state.fitted(), state.live())
        })
    }

    /// A model of these moments, and the sensors' names.
    pub(crate) fn fitted<F: Persist + Send>(
        &self,
        py: Python<'_>,
        work: impl FnOnce(&Moments, &Sums) -> acm_linalg::Result<F> + Send,
    ) -> PyResult<(F, Option<Names>)> {
        let names = self.held.known().as_deref().and_then(Fit::names).cloned();
        Ok((self.look(py, work)?, names))
    }
}
