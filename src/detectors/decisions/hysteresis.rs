//! Episodes of high scores.

use acm_detectors::decisions::{Episode, EpisodeRule, EpisodeTrack};
use acm_linalg::Samples;
use acm_linalg::memory::Gather;
use numpy::PyArray1;
use pyo3::exceptions::{PyMemoryError, PyTypeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::{PyIterator, PyTuple};

use crate::arguments::{Given, count, number, numbers_of, type_name, whole_numbers};
use crate::features::times::{duration_of, spelling, times_of};
use crate::held::Held;
use crate::interop::{compute, exception, input};
use crate::models::{Model, attribute, model};

#[pyclass(module = "acm_rs._native", frozen, eq)]
#[derive(PartialEq)]
pub(crate) struct Episodes {
    found: Vec<Episode>,
}

impl Episodes {
    fn rows<'py>(&self, py: Python<'py>, of: impl Fn(&Episode) -> u64) -> PyResult<Bound<'py, PyArray1<i64>>> {
        let rows = self.found.iter().map(|episode| of(episode).cast_signed()).gathered("the episodes");
        attribute(py, &rows.map_err(exception)?)
    }

    fn scores<'py>(&self, py: Python<'py>, of: impl Fn(&Episode) -> f64) -> PyResult<Bound<'py, PyArray1<f64>>> {
        let scores = self.found.iter().map(of).gathered("the episodes");
        attribute(py, &scores.map_err(exception)?)
    }
}

#[pymethods]
impl Episodes {
    #[new]
    fn new(
        start: &Bound<'_, PyAny>,
        end: &Bound<'_, PyAny>,
        peak: &Bound<'_, PyAny>,
        area: &Bound<'_, PyAny>,
        peak_row: &Bound<'_, PyAny>,
    ) -> PyResult<Self> {
        let start = whole_numbers(start, "start", None)?;
        let known = Some(start.len());
        let (end, peak_row) = (whole_numbers(end, "end", known)?, whole_numbers(peak_row, "peak_row", known)?);
        let (peak, area) = (numbers_of(peak, "peak", known)?, numbers_of(area, "area", known)?);
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

    fn __reduce__<'py>(slf: &Bound<'py, Self>) -> PyResult<(Bound<'py, PyAny>, Bound<'py, PyTuple>)> {
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

/// What an episode is, as `episodes` and the tracker are told.
struct Asked<'a, 'py> {
    on: &'a Bound<'py, PyAny>,
    off: Option<&'a Bound<'py, PyAny>>,
    min_rows: Given<'a, 'py>,
    gap_rows: Given<'a, 'py>,
    min_time: Option<&'a Bound<'py, PyAny>>,
    gap_time: Option<&'a Bound<'py, PyAny>>,
}

impl Asked<'_, '_> {
    fn rule(&self) -> PyResult<EpisodeRule> {
        let on = number(self.on, "on")?;
        let off = self.off.map_or(Ok(on), |value| number(value, "off"))?;
        let min_rows = self.min_rows.map_or(Ok(1), |value| count(value, "min_rows", 1))?;
        let gap_rows = self.gap_rows.map_or(Ok(0), |value| count(value, "gap_rows", 0))?;
        let rule = EpisodeRule::new(on, off, min_rows, gap_rows).map_err(exception)?;
        Ok(rule.lasting(time_of(self.min_time, "min_time")?, time_of(self.gap_time, "gap_time")?))
    }
}

fn time_of(value: Option<&Bound<'_, PyAny>>, name: &str) -> PyResult<Option<u64>> {
    let Some(value) = value else { return Ok(None) };
    match duration_of(value, name)? {
        Some(time) => Ok(Some(time.unsigned_abs())),
        None => Err(PyTypeError::new_err(format!(
            "`{name}` must be a duration such as '10min', '2h' or numpy.timedelta64(90, 's'), got {}",
            type_name(value)
        ))),
    }
}

fn followed(
    track: &mut EpisodeTrack,
    rule: &EpisodeRule,
    score: Samples<'_>,
    times: Option<&[i64]>,
) -> acm_linalg::Result<Vec<Episode>> {
    let mut found = Vec::new();
    track.update(rule, score, times, &mut found)?;
    Ok(found)
}

#[pyclass(module = "acm_rs._native", frozen)]
pub(crate) struct EpisodeTracker {
    held: Held<EpisodeRule, EpisodeTrack>,
}

impl Model for EpisodeTracker {
    type Fitted = EpisodeRule;
    type Live = EpisodeTrack;

    const PARAMETERS: &'static [&'static str] = &["on", "off", "min_rows", "gap_rows", "min_time", "gap_time"];

    fn held(&self) -> &Held<EpisodeRule, EpisodeTrack> {
        &self.held
    }

    fn around(held: Held<EpisodeRule, EpisodeTrack>) -> PyResult<Self> {
        Ok(Self { held })
    }
}

model! { EpisodeTracker {
    #[new]
    #[pyo3(signature = (on, off=None, min_rows=Given(None), gap_rows=Given(None), min_time=None, gap_time=None))]
    fn new(
        py: Python<'_>,
        on: &Bound<'_, PyAny>,
        off: Option<&Bound<'_, PyAny>>,
        min_rows: Given<'_, '_>,
        gap_rows: Given<'_, '_>,
        min_time: Option<&Bound<'_, PyAny>>,
        gap_time: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<Self> {
        let asked = Asked { on, off, min_rows, gap_rows, min_time, gap_time };
        let held = Held::default();
        held.set(py, asked.rule()?, None)?;
        Ok(Self { held })
    }

    #[pyo3(signature = (score, times=None))]
    fn update(
        &self,
        py: Python<'_>,
        score: &Bound<'_, PyAny>,
        times: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<Episodes> {
        let input = input(score, "score")?;
        let times = times.map(times_of).transpose()?;
        let samples = input.samples();
        let found = compute(py, || self.held.follow(|rule, track| followed(track, rule, samples, times.as_deref())))?;
        Ok(Episodes { found })
    }

    #[getter]
    fn on(&self) -> PyResult<f64> {
        Ok(self.held.get()?.on())
    }

    #[getter]
    fn off(&self) -> PyResult<f64> {
        Ok(self.held.get()?.off())
    }

    #[getter]
    fn min_rows(&self) -> PyResult<u64> {
        Ok(self.held.get()?.min_rows())
    }

    #[getter]
    fn gap_rows(&self) -> PyResult<u64> {
        Ok(self.held.get()?.gap_rows())
    }

    #[getter]
    fn min_time(&self) -> PyResult<Option<String>> {
        Ok(self.held.get()?.min_time().map(spelling))
    }

    #[getter]
    fn gap_time(&self) -> PyResult<Option<String>> {
        Ok(self.held.get()?.gap_time().map(spelling))
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
} }

#[pyfunction]
#[pyo3(signature = (score, on, off=None, min_rows=Given(None), gap_rows=Given(None), times=None, min_time=None, gap_time=None))]
#[expect(clippy::too_many_arguments, reason = "as many as the function has")]
pub(crate) fn episodes(
    py: Python<'_>,
    score: &Bound<'_, PyAny>,
    on: &Bound<'_, PyAny>,
    off: Option<&Bound<'_, PyAny>>,
    min_rows: Given<'_, '_>,
    gap_rows: Given<'_, '_>,
    times: Option<&Bound<'_, PyAny>>,
    min_time: Option<&Bound<'_, PyAny>>,
    gap_time: Option<&Bound<'_, PyAny>>,
) -> PyResult<Episodes> {
    let asked = Asked {
        on,
        off,
        min_rows,
        gap_rows,
        min_time,
        gap_time,
    };
    let rule = asked.rule()?;
    let input = input(score, "score")?;
    let times = times.map(times_of).transpose()?;
    let samples = input.samples();
    let found = compute(py, || {
        let mut track = EpisodeTrack::default();
        let mut found = followed(&mut track, &rule, samples, times.as_deref())?;
        found.extend(track.open(&rule));
        Ok(found)
    })?;
    Ok(Episodes { found })
}
