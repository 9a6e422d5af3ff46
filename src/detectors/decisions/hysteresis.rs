//! Episodes of high scores.

use acm_detectors::decisions::{Episode, EpisodeRule, EpisodeTrack};
use acm_linalg::Samples;
use numpy::PyArray1;
use pyo3::exceptions::{PyMemoryError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::{PyIterator, PyTuple};

use crate::arguments::{Given, count, number, numbers_of, whole_numbers};
use crate::interop::{compute, exception, input};
use crate::models::{Held, Model, attribute, model};

/// Episodes, one place in each array for each of them. Made by `episodes` and `EpisodeTracker`.
///
/// Attributes
/// ----------
/// start, end : ndarray of int64, shape (k,)
///     The first row, and the row after the last one.
/// peak : ndarray of float64, shape (k,)
///     The highest score.
/// area : ndarray of float64, shape (k,)
///     Sum of score - off over the rows of the episode's runs.
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
    fn rows<'py>(&self, py: Python<'py>, of: impl Fn(&Episode) -> u64) -> Bound<'py, PyArray1<i64>> {
        let rows: Vec<i64> = self.found.iter().map(|episode| of(episode).cast_signed()).collect();
        attribute(py, &rows)
    }

    fn scores<'py>(&self, py: Python<'py>, of: impl Fn(&Episode) -> f64) -> Bound<'py, PyArray1<f64>> {
        attribute(py, &self.found.iter().map(of).collect::<Vec<_>>())
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
    fn start<'py>(&self, py: Python<'py>) -> Bound<'py, PyArray1<i64>> {
        self.rows(py, |episode| episode.start)
    }

    #[getter]
    fn end<'py>(&self, py: Python<'py>) -> Bound<'py, PyArray1<i64>> {
        self.rows(py, |episode| episode.end)
    }

    #[getter]
    fn peak<'py>(&self, py: Python<'py>) -> Bound<'py, PyArray1<f64>> {
        self.scores(py, |episode| episode.peak)
    }

    #[getter]
    fn area<'py>(&self, py: Python<'py>) -> Bound<'py, PyArray1<f64>> {
        self.scores(py, |episode| episode.area)
    }

    #[getter]
    fn peak_row<'py>(&self, py: Python<'py>) -> Bound<'py, PyArray1<i64>> {
        self.rows(py, |episode| episode.peak_row)
    }

    fn __iter__<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyIterator>> {
        (self.start(py), self.end(py), self.peak(py), self.area(py)).into_pyobject(py)?.try_iter()
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

fn rule_of(
    on: &Bound<'_, PyAny>,
    off: Option<&Bound<'_, PyAny>>,
    min_rows: Given<'_, '_>,
    gap_rows: Given<'_, '_>,
) -> PyResult<EpisodeRule> {
    let on = number(on, "on")?;
    let off = off.map_or(Ok(on), |value| number(value, "off"))?;
    let min_rows = min_rows.map_or(Ok(1), |value| count(value, "min_rows", 1))?;
    let gap_rows = gap_rows.map_or(Ok(0), |value| count(value, "gap_rows", 0))?;
    EpisodeRule::new(on, off, min_rows, gap_rows).map_err(exception)
}

fn followed(track: &mut EpisodeTrack, rule: &EpisodeRule, score: Samples<'_>) -> acm_linalg::Result<Vec<Episode>> {
    let mut found = Vec::new();
    track.update(rule, score, &mut found)?;
    Ok(found)
}

/// Episodes of a score as it comes: `episodes` with a memory.
///
/// Parameters
/// ----------
/// on : float
///     An episode starts at a score of at least this.
/// off : float, optional
///     It ends before a score below this; at most ``on``, which is the default.
/// min_rows : int, default 1
///     Shorter episodes are dropped.
/// gap_rows : int, default 0
///     Gaps of at most so many rows are bridged.
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
/// ``update`` gives each episode once, when nothing can prolong it any more: ``gap_rows`` rows after its end. With ``open_``
/// after the last scores they are the episodes of the whole history, for any cut of it into updates. Two levels keep a noisy
/// score from starting episode after episode, as in Schmitt's trigger [1]_.
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

    const PARAMETERS: &'static [&'static str] = &["on", "off", "min_rows", "gap_rows"];

    fn held(&self) -> &Held<EpisodeRule, EpisodeTrack> {
        &self.held
    }

    fn around(held: Held<EpisodeRule, EpisodeTrack>) -> PyResult<Self> {
        Ok(Self { held })
    }
}

model! { EpisodeTracker {
    #[new]
    #[pyo3(signature = (on, off=None, min_rows=Given(None), gap_rows=Given(None)),
           text_signature = "(on, off=None, min_rows=1, gap_rows=0)")]
    fn new(
        py: Python<'_>,
        on: &Bound<'_, PyAny>,
        off: Option<&Bound<'_, PyAny>>,
        min_rows: Given<'_, '_>,
        gap_rows: Given<'_, '_>,
    ) -> PyResult<Self> {
        let held = Held::default();
        held.set(py, rule_of(on, off, min_rows, gap_rows)?)?;
        Ok(Self { held })
    }

    /// The episodes that came to their end with the next scores.
    ///
    /// Parameters
    /// ----------
    /// score : ndarray of float64 or float32, shape (n,)
    ///     The next scores, any number.
    ///
    /// Returns
    /// -------
    /// Episodes
    ///     Those that nothing can prolong any more.
    ///
    /// Raises
    /// ------
    /// TypeError
    ///     ``score`` is no float array.
    /// ValueError
    ///     ``score`` has more than one column.
    fn update(&self, py: Python<'_>, score: &Bound<'_, PyAny>) -> PyResult<Episodes> {
        let rule = self.held.get()?;
        let input = input(score, "score")?;
        let samples = input.samples();
        let found = compute(py, || followed(&mut *self.held.live()?, &rule, samples))?;
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
    fn rows_(&self, py: Python<'_>) -> PyResult<u64> {
        compute(py, || Ok(self.held.live()?.rows()))
    }

    #[getter]
    fn running_(&self, py: Python<'_>) -> PyResult<bool> {
        compute(py, || Ok(self.held.live()?.running()))
    }

    #[getter]
    fn open_(&self, py: Python<'_>) -> PyResult<Episodes> {
        let rule = self.held.get()?;
        let open = compute(py, || Ok(self.held.live()?.open(&rule)))?;
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
///     An episode starts at a score of at least this.
/// off : float, optional
///     It ends before a score below this; at most ``on``, which is the default. The distance between them keeps a noisy score
///     from starting episode after episode.
/// min_rows : int, default 1
///     Episodes of fewer rows, bridged gaps included, are dropped.
/// gap_rows : int, default 0
///     Two runs with at most so many rows between them are one episode. Gaps are bridged first, then short episodes dropped.
///
/// Returns
/// -------
/// Episodes
///     ``start`` (first row), ``end`` (row after the last), ``peak`` (highest score), ``area`` (sum of score - off over the
///     rows of its runs), ``peak_row``; unpacks to the first four. An episode that lasts to the end of the scores ends there.
///
/// Raises
/// ------
/// TypeError
///     ``score`` is no float array, or a parameter is of another type.
/// ValueError
///     A parameter is outside what it may be, ``off`` is above ``on``, or ``score`` has more than one column.
///
/// Notes
/// -----
/// NaN and infinity are missing: an episode goes on through them, and so does the time between two. Two levels act as in
/// Schmitt's trigger [1]_.
///
/// .. [1] Schmitt, A thermionic trigger, Journal of Scientific Instruments 15, 1938, doi 10.1088/0950-7671/15/1/305.
///
/// Examples
/// --------
/// >>> import numpy as np, acm_rs
/// >>> score = np.array([0.0, 5.0, 3.0, 1.0, 4.0, 0.0, 0.0, 9.0])
/// >>> start, end, peak, area = acm_rs.episodes(score, on=4.0, off=2.0, min_rows=2, gap_rows=1)
/// >>> start, end, peak, area
/// (array([1]), array([5]), array([5.]), array([6.]))
#[pyfunction]
#[pyo3(signature = (score, on, off=None, min_rows=Given(None), gap_rows=Given(None)),
       text_signature = "(score, on, off=None, min_rows=1, gap_rows=0)")]
pub(crate) fn episodes(
    py: Python<'_>,
    score: &Bound<'_, PyAny>,
    on: &Bound<'_, PyAny>,
    off: Option<&Bound<'_, PyAny>>,
    min_rows: Given<'_, '_>,
    gap_rows: Given<'_, '_>,
) -> PyResult<Episodes> {
    let rule = rule_of(on, off, min_rows, gap_rows)?;
    let input = input(score, "score")?;
    let samples = input.samples();
    let found = compute(py, || {
        let mut track = EpisodeTrack::default();
        let mut found = followed(&mut track, &rule, samples)?;
        found.extend(track.open(&rule));
        Ok(found)
    })?;
    Ok(Episodes { found })
}
