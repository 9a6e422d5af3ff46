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

/// Episodes, one place in each array for each of them. Made by `episodes` and `EpisodeTracker`.
///
/// Attributes
/// ----------
/// start, end : ndarray of int64, shape (k,)
///     The first row, and the row after the last one that is known to be of it.
/// peak : ndarray of float64, shape (k,)
///     The highest score.
/// area : ndarray of float64, shape (k,)
///     Sum of score - off over the known rows of the episode's runs, at most the greatest number.
/// peak_row : ndarray of int64, shape (k,)
///     The first row with the highest score.
///
/// Notes
/// -----
/// Unpacks to ``start, end, peak, area``.
///
/// Examples
/// --------
/// >>> import numpy as np, acm_rs
/// >>> found = acm_rs.episodes(np.array([0.0, 5.0, 6.0, 0.0]), on=4.0, off=2.0)
/// >>> start, end, peak, area = found
/// >>> start, end, found.peak_row
/// (array([1]), array([3]), array([2]))
#[pyclass(module = "acm_rs", frozen, eq)]
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

/// Episodes of a score as it comes: `episodes` with a memory.
///
/// Parameters
/// ----------
/// on : float
///     An episode starts at a score above this.
/// off : float, optional
///     It ends before a score that is not above this; at most ``on``, which is the default.
/// min_rows : int, default 1
///     Episodes of fewer known rows are dropped.
/// gap_rows : int, default 0
///     Gaps of at most so many rows are bridged.
/// min_time : str, numpy.timedelta64 or datetime.timedelta, optional
///     Episodes that do not last as long are dropped.
/// gap_time : str, numpy.timedelta64 or datetime.timedelta, optional
///     Gaps of at most so much time are bridged, too. With either duration ``update`` needs ``times``.
///
/// Attributes
/// ----------
/// rows_ : int
///     Scores seen. Rows of episodes count from the first of them.
/// running_ : bool
///     Whether the score is high now.
/// open_ : Episodes
///     The episode that more scores may yet prolong, as it is now; none or one.
///
/// Raises
/// ------
/// TypeError
///     A parameter is of another type.
/// ValueError
///     A parameter is outside what it may be.
///
/// Notes
/// -----
/// ``update`` gives each episode once, when nothing can prolong it any more. With ``open_`` after the last scores they are the
/// episodes of the whole history, for any cut of it into updates. Two levels keep a noisy score from starting episode after
/// episode, as in Schmitt's trigger [1]_.
///
/// .. [1] Schmitt, A thermionic trigger, Journal of Scientific Instruments 15, 1938, doi 10.1088/0950-7671/15/1/305.
///
/// Examples
/// --------
/// >>> import numpy as np, acm_rs
/// >>> tracker = acm_rs.EpisodeTracker(on=4.0, off=2.0)
/// >>> tracker.update(np.array([0.0, 5.0])).start
/// array([], dtype=int64)
/// >>> tracker.running_, tracker.open_.start
/// (True, array([1]))
/// >>> tracker.update(np.array([3.0, 1.0])).end
/// array([3])
#[pyclass(module = "acm_rs", frozen)]
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
    #[pyo3(signature = (on, off=None, min_rows=Given(None), gap_rows=Given(None), min_time=None, gap_time=None),
           text_signature = "(on, off=None, min_rows=1, gap_rows=0, min_time=None, gap_time=None)")]
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

    /// The episodes that came to their end with the next scores.
    ///
    /// Parameters
    /// ----------
    /// score : ndarray of float64 or float32, shape (n,)
    ///     The next scores, any number.
    /// times : ndarray of datetime64 or int64, shape (n,), optional
    ///     When they were, as for `episodes`; not before those of the updates before.
    ///
    /// Returns
    /// -------
    /// Episodes
    ///     Those that nothing can prolong any more.
    ///
    /// Raises
    /// ------
    /// TypeError
    ///     ``score`` is no float array, or ``times`` no array of times.
    /// ValueError
    ///     ``score`` has more than one column, or ``times`` are missing though there are durations, of another number, or go
    ///     back. The tracker is then as it was.
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

/// Episodes: stretches of time in which a score is high.
///
/// Parameters
/// ----------
/// score : ndarray of float64 or float32, shape (n,)
///     One score for each row, oldest first; higher = more abnormal. Any memory layout; never copied, never changed.
/// on : float
///     An episode starts at a score above this.
/// off : float, optional
///     It ends before a score that is not above this; at most ``on``, which is the default. The distance between them keeps a
///     noisy score from starting episode after episode.
/// min_rows : int, default 1
///     Episodes of fewer known rows, bridged gaps included, are dropped.
/// gap_rows : int, default 0
///     Two runs with at most so many rows between them are one episode. Gaps are bridged first, then short episodes dropped.
/// times : ndarray of datetime64 or int64, shape (n,), optional
///     When the rows were: int64 are nanoseconds. They may repeat but not go back. Needed with durations.
/// min_time : str, numpy.timedelta64 or datetime.timedelta, optional
///     Episodes that do not last as long, from their first row to their last one, are dropped: "10min", "2h", ...
/// gap_time : str, numpy.timedelta64 or datetime.timedelta, optional
///     Two runs are one episode also where at most so much time lies between the last row of the one and the first row of the
///     other.
///
/// Returns
/// -------
/// Episodes
///     ``start`` (first row), ``end`` (row after the last one that is known to be of it), ``peak`` (highest score), ``area``
///     (sum of score - off over the known rows of its runs), ``peak_row``; unpacks to the first four. An episode that lasts to
///     the end of the scores ends there.
///
/// Raises
/// ------
/// TypeError
///     ``score`` is no float array, ``times`` no array of times, or a parameter is of another type.
/// ValueError
///     A parameter is outside what it may be, ``off`` is above ``on``, ``score`` has more than one column, or ``times`` are
///     missing though there are durations, of another number, or go back.
///
/// Notes
/// -----
/// NaN is missing. It neither starts nor ends an episode, and does not count towards ``min_rows``, nor does the time since the
/// row before it towards ``min_time``. A gap is as long with missing rows in it as without. Infinity is a score like any other,
/// above every level. Two levels act as in Schmitt's trigger [1]_.
///
/// .. [1] Schmitt, A thermionic trigger, Journal of Scientific Instruments 15, 1938, doi 10.1088/0950-7671/15/1/305.
///
/// Examples
/// --------
/// >>> import numpy as np, acm_rs
/// >>> score = np.array([0.0, 5.0, 3.0, 1.0, 4.5, 0.0, 0.0, 9.0])
/// >>> start, end, peak, area = acm_rs.episodes(score, on=4.0, off=2.0, min_rows=2, gap_rows=1)
/// >>> start, end, peak, area
/// (array([1]), array([5]), array([5.]), array([6.5]))
///
/// Rows at irregular times; what lasts for less than ten minutes is no alarm, short gaps are bridged:
///
/// >>> minutes = np.array([0, 2, 4, 15, 16, 20, 40, 41])
/// >>> times = np.datetime64("2026-01-01") + minutes.astype("timedelta64[m]")
/// >>> acm_rs.episodes(score, 4.0, 2.0, times=times, min_time="10min", gap_time="15min").start
/// array([1])
/// >>> acm_rs.episodes(score, 4.0, 2.0, times=times, min_time="10min", gap_time="5min").start
/// array([], dtype=int64)
#[pyfunction]
#[pyo3(signature = (score, on, off=None, min_rows=Given(None), gap_rows=Given(None), times=None, min_time=None, gap_time=None),
       text_signature = "(score, on, off=None, min_rows=1, gap_rows=0, times=None, min_time=None, gap_time=None)")]
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
