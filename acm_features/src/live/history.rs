//! The rows so far, as far as results of later ones depend on them.

use acm_linalg::columns::allocate;
use acm_linalg::lanes::{Element, LANES, Row};
use acm_linalg::memory::{copied, extend};
use acm_linalg::parallel::Watch;
use acm_linalg::{Error, Result};
use ndarray::{Array2, ArrayViewMut2, s};

use super::kind::{Asked, Next, Rolling, Span};
use super::ring::{Ring, results};
use super::{NO_TIMES, Rows};
use crate::ewm::Walk;

/// Rows of a long update that are computed at once, unless windows are longer.
const PIECE: usize = 8192;

/// Most rows that move on what is there instead of a copy.
const FEW: usize = 16;

/// What a history comes to.
#[derive(Debug)]
pub(super) struct History {
    pub(super) seen: usize,
    pub(super) narrow: bool,
    /// The last rows.
    pub(super) x: Ring,
    pub(super) y: Option<Ring>,
    /// Their times, or that of the last row alone; none where rows have no times.
    pub(super) times: Option<Vec<i64>>,
    pub(super) weights: Option<Walk>,
    /// A row of results, by lane.
    results: Vec<Row>,
}

impl History {
    pub(super) fn new(rolling: &Rolling) -> Result<Self> {
        let columns = rolling.columns();
        let weighted = matches!(rolling.asked(), Asked::Weighted(_));
        let lanes = |&(lanes, each): &(usize, usize)| lanes.div_ceil(LANES) * each;
        Ok(Self {
            seen: 0,
            narrow: false,
            x: Ring::new(columns),
            y: rolling.is_pair().then(|| Ring::new(columns)),
            times: None,
            weights: weighted.then(|| Walk::new(columns)).transpose()?,
            results: allocate(rolling.blocks().iter().map(lanes).sum(), "results of a row")?,
        })
    }

    /// A copy to move on.
    pub(super) fn copy(&self) -> Result<Self> {
        Ok(Self {
            seen: self.seen,
            narrow: self.narrow,
            x: self.x.copy()?,
            y: self.y.as_ref().map(Ring::copy).transpose()?,
            times: self.times.as_deref().map(|times| copied(times, "times")).transpose()?,
            weights: self.weights.as_ref().map(Walk::copy).transpose()?,
            results: allocate(self.results.len(), "results of a row")?,
        })
    }

    pub(super) fn seen(&self) -> usize {
        self.seen
    }

    pub(super) fn is_narrow(&self) -> bool {
        self.narrow
    }

    /// Whether these rows can follow.
    pub(super) fn check<T: Element>(&self, rolling: &Rolling, rows: &Rows<'_, T>, out: (usize, usize)) -> Result<()> {
        let (count, columns) = (rows.x.nrows(), rolling.columns());
        let shaped = |name, expected, got| {
            if got == expected { Ok(()) } else { Err(Error::Shape { name, expected, got }) }
        };
        shaped("x", (count, columns), rows.x.dim())?;
        shaped("out", (count, rolling.width()), out)?;
        match rows.y {
            Some(y) if rolling.is_pair() && y.dim() != (count, 1) => shaped("y", (count, columns), y.dim())?,
            None if rolling.is_pair() => {
                return Err(Error::Unfit {
                    name: "y",
                    requirement: "the rows that those of `x` are compared with",
                });
            }
            _ => {}
        }
        if let Some(times) = rows.times {
            if times.len() != count {
                return Err(Error::Length {
                    name: "times",
                    expected: count,
                    got: times.len(),
                });
            }
            crate::rolling::Times::new(times)?;
        }
        if rolling.needs_times() && rows.times.is_none() {
            return Err(NO_TIMES);
        }
        if self.seen == 0 || count == 0 {
            return Ok(());
        }
        if self.narrow != is_narrow::<T>() {
            return Err(Error::Unfit {
                name: "x",
                requirement: "the dtype of the rows before",
            });
        }
        match (&self.times, rows.times) {
            (Some(before), Some(now)) if now.first() < before.last() => Err(Error::Earlier { name: "times" }),
            (Some(_), Some(_)) | (None, None) => Ok(()),
            _ => Err(NO_TIMES),
        }
    }

    /// Whether so many rows need no copy to move on.
    pub(super) fn is_short(&self, rows: usize) -> bool {
        rows == 0 || (self.weights.is_some() && rows <= FEW)
    }

    /// Some rows, one by one; nothing fails once the first of them counts.
    pub(super) fn few<T: Element>(
        &mut self,
        rolling: &Rolling,
        rows: &Rows<'_, T>,
        mut out: ArrayViewMut2<'_, T>,
    ) -> Result<()> {
        self.begin(rows)?;
        self.x.make_room(rows.x.nrows(), 0)?;
        for row in 0..rows.x.nrows() {
            self.one(rolling, rows, row, &mut out);
        }
        Ok(())
    }

    /// One row of exponential weights.
    fn one<T: Element>(&mut self, rolling: &Rolling, rows: &Rows<'_, T>, row: usize, out: &mut ArrayViewMut2<'_, T>) {
        let (Asked::Weighted(how), Some(walk)) = (rolling.asked(), &mut self.weights) else {
            return;
        };
        self.x.push(&rows.x, row);
        let elapsed = match (&mut self.times, rows.times) {
            (Some(last), Some(times)) => {
                let elapsed = last.first().map_or(0, |&last| times[row].abs_diff(last));
                last.clear();
                last.push(times[row]);
                elapsed
            }
            _ => 0,
        };
        walk.step(how, (self.seen, elapsed), self.x.row(0), &mut self.results);
        self.x.forget(0);
        self.seen += 1;
        for (group, found) in self.results.iter().enumerate() {
            let places = out.row_mut(row);
            for (place, &value) in places.into_iter().skip(group * LANES).zip(&found.0) {
                *place = T::narrow(value);
            }
        }
    }

    /// What the first rows settle.
    fn begin<T: Element>(&mut self, rows: &Rows<'_, T>) -> Result<()> {
        if self.seen == 0 {
            self.narrow = is_narrow::<T>();
            if rows.times.is_some() {
                self.times = Some(acm_linalg::memory::reserved(1, "times")?);
            }
        }
        Ok(())
    }

    /// Any number of rows.
    pub(super) fn many<T: Element>(
        &mut self,
        rolling: &Rolling,
        rows: &Rows<'_, T>,
        mut out: ArrayViewMut2<'_, T>,
    ) -> Result<()> {
        self.begin(rows)?;
        let count = rows.x.nrows();
        if self.weights.is_some() {
            let mut watch = Watch::start();
            for row in 0..count {
                self.x.make_room(1, 0)?;
                self.one(rolling, rows, row, &mut out);
                watch.after(rolling.columns())?;
            }
            return Ok(());
        }
        let mut done = 0;
        while done < count {
            let end = done.saturating_add(self.x.rows().max(PIECE)).min(count);
            let piece = Rows {
                x: rows.x.of_rows(done..end),
                y: rows.y.map(|y| y.of_rows(done..end)),
                times: rows.times.map(|times| &times[done..end]),
            };
            self.piece(rolling, &piece, out.slice_mut(s![done..end, ..]))?;
            done = end;
        }
        Ok(())
    }

    /// A piece at once, by the function of the whole.
    fn piece<T: Element>(
        &mut self,
        rolling: &Rolling,
        rows: &Rows<'_, T>,
        mut out: ArrayViewMut2<'_, T>,
    ) -> Result<()> {
        let Asked::Windowed(windowed) = rolling.asked() else {
            return Ok(());
        };
        let (before, count) = (self.x.rows(), rows.x.nrows());
        self.append(rows, before)?;
        let x: Array2<T> = self.x.matrix(0)?;
        let y: Option<Array2<T>> = self.y.as_ref().map(|y| y.matrix(0)).transpose()?;
        let mut found = results::<T>(before + count, rolling.width())?;
        let next = Next {
            x: x.view(),
            y: y.as_ref().map(|y| y.view()),
            times: self.times.as_deref(),
            first_row: self.seen - before,
        };
        windowed.run(&next, found.view_mut())?;
        out.assign(&found.slice(s![before.., ..]));
        self.seen += count;
        let keep = match (windowed.span, &self.times) {
            (Span::Lasting(nanoseconds), Some(times)) => {
                let newest = times.last().copied().unwrap_or(0);
                let gone = times.partition_point(|time| newest.abs_diff(*time) > nanoseconds.unsigned_abs());
                (times.len() - gone).saturating_add(windowed.lag())
            }
            _ => windowed.rows_before().unwrap_or(usize::MAX),
        };
        self.forget(keep);
        Ok(())
    }

    /// Takes rows in, after `before` that are still looked at.
    fn append<T: Element>(&mut self, rows: &Rows<'_, T>, before: usize) -> Result<()> {
        let count = rows.x.nrows();
        self.x.make_room(count, before)?;
        for row in 0..count {
            self.x.push(&rows.x, row);
        }
        if let (Some(y), Some(now)) = (&mut self.y, &rows.y) {
            y.make_room(count, before)?;
            for row in 0..count {
                y.push(now, row);
            }
        }
        if let (Some(times), Some(now)) = (&mut self.times, rows.times) {
            extend(times, now.iter().copied(), "times")?;
        }
        Ok(())
    }

    /// Looks no more at any rows but the last `keep`.
    fn forget(&mut self, keep: usize) {
        self.x.forget(keep);
        if let Some(y) = &mut self.y {
            y.forget(keep);
        }
        if let Some(times) = &mut self.times {
            times.drain(..times.len().saturating_sub(keep));
        }
    }
}

pub(super) fn is_narrow<T>() -> bool {
    size_of::<T>() < size_of::<f64>()
}
