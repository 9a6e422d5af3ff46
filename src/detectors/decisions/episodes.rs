//! Episodes of high scores.

use acm_detectors::decisions::{Episode, EpisodeRule, EpisodeTrack};
use acm_linalg::memory::Gather;
use numpy::PyArray1;
use pyo3::exceptions::{PyMemoryError, PyTypeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::{PyIterator, PyTuple};

use crate::arguments::{count, number, numbers, optional, whole_numbers};
use crate::classes::{class, parameters};
use crate::interop::{Value, array, compute, exception, input, type_name};
use crate::times::{duration_of, spelling, times_of};

#[pyclass(module = "acm_rs._native", frozen, eq)]
#[derive(PartialEq)]
pub(crate) struct Episodes {
    found: Vec<Episode>,
}

impl Episodes {
    fn rows<'py>(&self, py: Python<'py>, of: impl Fn(&Episode) -> u64) -> PyResult<Bound<'py, PyArray1<i64>>> {
        let rows = self.found.iter().map(|episode| of(episode).cast_signed()).gathered("the episodes");
        array(py, &rows.map_err(exception)?)
    }

    fn scores<'py>(&self, py: Python<'py>, of: impl Fn(&Episode) -> f64) -> PyResult<Bound<'py, PyArray1<f64>>> {
        let scores = self.found.iter().map(of).gathered("the episodes");
        array(py, &scores.map_err(exception)?)
    }
}

#[pymethods]
impl Episodes {
    #[new]
    fn new(
        start: &Value<'_>,
        end: &Value<'_>,
        peak: &Value<'_>,
        area: &Value<'_>,
        peak_row: &Value<'_>,
    ) -> PyResult<Self> {
        let start = whole_numbers(start, "start", None)?;
        let known = Some(start.len());
        let (end, peak_row) = (whole_numbers(end, "end", known)?, whole_numbers(peak_row, "peak_row", known)?);
        let (peak, area) = (numbers(peak, "peak", known)?, numbers(area, "area", known)?);
        let mut found = Vec::new();
        found.try_reserve_exact(start.len()).map_err(|_| {
            PyMemoryError::new_err(format!("not enough memory for the {} episodes of `start`", start.len()))
        })?;
        for (number, &start) in start.iter().enumerate() {
            let (end, peak_row) = (end[number], peak_row[number]);
            let wrong = |text: String| Err(PyValueError::new_err(text));
            let Ok(first) = u64::try_from(start) else {
                return wrong(format!("`start` must be at least 0, got {start}"));
            };
            if end <= start {
                return wrong(format!("`end` must be after `start` = {start}, got {end}"));
            }
            if !(start..end).contains(&peak_row) {
                return wrong(format!(
                    "`peak_row` must be from `start` = {start} to before `end` = {end}, got {peak_row}"
                ));
            }
            found.push(Episode {
                start: first,
                end: end.cast_unsigned(),
                peak: peak[number],
                peak_row: peak_row.cast_unsigned(),
                area: area[number],
            });
        }
        Ok(Self { found })
    }

    #[getter]
    fn start<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyArray1<i64>>> {
        self.rows(py, |episode| episode.start)
    }

    #[getter]
    fn end<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyArray1<i64>>> {
        self.rows(py, |episode| episode.end)
    }

    #[getter]
    fn peak<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyArray1<f64>>> {
        self.scores(py, |episode| episode.peak)
    }

    #[getter]
    fn area<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyArray1<f64>>> {
        self.scores(py, |episode| episode.area)
    }

    #[getter]
    fn peak_row<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyArray1<i64>>> {
        self.rows(py, |episode| episode.peak_row)
    }

    fn __iter__<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyIterator>> {
        (self.start(py)?, self.end(py)?, self.peak(py)?, self.area(py)?)
            .into_pyobject(py)?
            .try_iter()
    }

    fn __reduce__<'py>(slf: &Bound<'py, Self>) -> PyResult<(Value<'py>, Bound<'py, PyTuple>)> {
        let mut parts = Vec::new();
        for name in ["start", "end", "peak", "area", "peak_row"] {
            parts.push(slf.as_any().getattr(name)?.call_method0("tolist")?);
        }
        Ok((slf.as_any().get_type().into_any(), PyTuple::new(slf.py(), parts)?))
    }

    fn __repr__(slf: &Bound<'_, Self>) -> PyResult<String> {
        let mut parts = Vec::new();
        for name in ["start", "end", "peak", "area", "peak_row"] {
            let values = slf.as_any().getattr(name)?.call_method0("tolist")?;
            parts.push(format!("{name}={}", values.repr()?));
        }
        Ok(format!("Episodes({})", parts.join(", ")))
    }
}

fn time_of(value: Option<&Value<'_>>, name: &str) -> PyResult<Option<u64>> {
    let Some(value) = value else { return Ok(None) };
    match duration_of(value, name)? {
        Some(time) => Ok(Some(time.unsigned_abs())),
        None => Err(PyTypeError::new_err(format!(
            "`{name}` must be a duration such as '10min', '2h' or numpy.timedelta64(90, 's'), got {}",
            type_name(value)
        ))),
    }
}

class!(EpisodeTracker, EpisodeRule, EpisodeTrack);
parameters!(
    EpisodeTracker,
    of,
    on = of.on(),
    off = of.off(),
    min_rows = of.min_rows(),
    gap_rows = of.gap_rows(),
    min_time = of.min_time().map(spelling),
    gap_time = of.gap_time().map(spelling)
);

#[pymethods]
impl EpisodeTracker {
    #[new]
    fn new(
        on: &Value<'_>,
        off: Option<&Value<'_>>,
        min_rows: &Value<'_>,
        gap_rows: &Value<'_>,
        min_time: Option<&Value<'_>>,
        gap_time: Option<&Value<'_>>,
    ) -> PyResult<Self> {
        let on = number(on, "on")?;
        let off = off.map_or(Ok(on), |value| number(value, "off"))?;
        let (min_rows, gap_rows) = (count(min_rows, "min_rows", 1)?, count(gap_rows, "gap_rows", 0)?);
        let rule = EpisodeRule::new(on, off, min_rows, gap_rows).map_err(exception)?;
        Ok(Self::of(rule.lasting(time_of(min_time, "min_time")?, time_of(gap_time, "gap_time")?)))
    }

    fn update(&self, score: &Value<'_>, times: Option<&Value<'_>>) -> PyResult<Episodes> {
        let (py, input) = (score.py(), input(score, "score")?);
        let times = optional(times, times_of)?;
        let samples = input.samples();
        let mut found = Vec::new();
        compute(py, || self.held.follow(|rule, track| track.update(rule, samples, times.as_deref(), &mut found)))?;
        Ok(Episodes { found })
    }

    #[getter]
    fn rows_(&self, py: Python<'_>) -> PyResult<u64> {
        compute(py, || Ok(self.held.whole()?.live().rows()))
    }

    #[getter]
    fn running_(&self, py: Python<'_>) -> PyResult<bool> {
        compute(py, || Ok(self.held.whole()?.live().running()))
    }

    #[getter]
    fn open_(&self, py: Python<'_>) -> PyResult<Episodes> {
        let open = compute(py, || self.held.whole().map(|state| state.live().open(state.fitted())))?;
        Ok(Episodes {
            found: open.into_iter().collect(),
        })
    }
}

#[pyfunction]
#[expect(clippy::too_many_arguments, reason = "as many as the function has")]
pub(crate) fn episodes(
    score: &Value<'_>,
    on: &Value<'_>,
    off: Option<&Value<'_>>,
    min_rows: &Value<'_>,
    gap_rows: &Value<'_>,
    times: Option<&Value<'_>>,
    min_time: Option<&Value<'_>>,
    gap_time: Option<&Value<'_>>,
) -> PyResult<Episodes> {
    let tracker = EpisodeTracker::new(on, off, min_rows, gap_rows, min_time, gap_time)?;
    let mut episodes = tracker.update(score, times)?;
    episodes.found.extend(tracker.open_(score.py())?.found);
    Ok(episodes)
}
