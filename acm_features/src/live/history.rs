//! The rows so far, as far as results of later ones depend on them.

use acm_linalg::columns::allocate;
use acm_linalg::lanes::{Element, LANES, Row};
use acm_linalg::memory::{copied, extend};
use acm_linalg::parallel::Watch;
use acm_linalg::{Error, Result, Table};
use ndarray::{Array2, ArrayViewMut1, ArrayViewMut2, s};

use super::kind::{Asked, Next, Rolling, Span};
use super::ring::{Ring, results};
use super::standing::Standing;
use super::steps::{Newest, Steps};
use super::{NO_TIMES, Rows};
use crate::ewm::{Walk, Weighted};
use crate::rolling::TimeMean;

/// Rows of a long update that are computed at once, unless windows are longer.
const PIECE: usize = 8192;

/// Most rows that move on what is there instead of a copy.
const FEW: usize = 16;

/// Times in front that nobody looks at any more, as many as others at least, before they go.
const PAST: usize = 256;

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
    pub(super) standing: Option<Standing>,
    /// The newest row with a value that leaves the range of the numbers; there may be one where it is not known yet.
    odd: Option<usize>,
    /// What moves on by a row. Of what came before it is made anew where it is not there.
    steps: Option<Box<dyn Steps>>,
    /// A row of results, by lane, and what they are.
    results: Vec<Row>,
    blocks: Vec<(usize, usize)>,
}

impl History {
    pub(super) fn new(rolling: &Rolling) -> Result<Self> {
        let columns = rolling.columns();
        let weighted = matches!(rolling.asked(), Asked::Weighted(_));
        let timed = matches!(rolling.asked(), Asked::TimeMean(_));
        let lanes = |&(lanes, each): &(usize, usize)| lanes.div_ceil(LANES) * each;
        let blocks = rolling.blocks();
        Ok(Self {
            seen: 0,
            narrow: false,
            x: Ring::new(columns),
            y: rolling.is_pair().then(|| Ring::new(columns)),
            times: None,
            weights: weighted.then(|| Walk::new(columns)).transpose()?,
            standing: timed.then(|| Standing::new(columns)).transpose()?,
            odd: None,
            steps: None,
            results: allocate(blocks.iter().map(lanes).sum(), "results of a row")?,
            blocks,
        })
    }

    /// A copy to move on.
    pub(super) fn copy(&self) -> Result<Self> {
        Ok(Self {
            seen: self.seen,
            narrow: self.narrow,
            x: self.x.copy()?,
            y: self.y.as_ref().map(Ring::copy).transpose()?,
            times: self.times().map(|times| copied(times, "times")).transpose()?,
            weights: self.weights.as_ref().map(Walk::copy).transpose()?,
            standing: self.standing.as_ref().map(Standing::copy).transpose()?,
            odd: self.odd,
            steps: None,
            results: allocate(self.results.len(), "results of a row")?,
            blocks: self.blocks.clone(),
        })
    }

    pub(super) fn seen(&self) -> usize {
        self.seen
    }

    /// Whether it moves on row by row.
    #[cfg(test)]
    pub(super) fn steps_by_row(&self) -> bool {
        self.steps.is_some()
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
        let width = self.blocks.iter().map(|(lanes, each)| lanes * each).sum();
        shaped("out", (count, width), out)?;
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

    /// The times of the rows that are kept, or that of the last row where no rows are.
    pub(super) fn times(&self) -> Option<&[i64]> {
        let kept = self.x.rows().max(1);
        self.times.as_deref().map(|times| &times[times.len().saturating_sub(kept)..])
    }

    /// Whether these rows can move on what is there, one by one; then all is ready for them, and nothing fails any more.
    pub(super) fn begins_to_step<T: Element>(&mut self, rolling: &Rolling, rows: &Rows<'_, T>) -> Result<bool> {
        let count = rows.x.nrows();
        if count > FEW || self.seen == 0 {
            return Ok(count == 0);
        }
        if let Asked::Windowed(windowed) = rolling.asked() {
            let Some(window) = windowed.rows_by_step(self.times.is_some()) else {
                return Ok(false);
            };
            let end = self.seen + count;
            // Leading windows of half and more have a transform of their own each.
            if windowed.has_energies() && self.seen + 1 < window && end >= window / 2 {
                return Ok(false);
            }
            if !self.narrow {
                let range = windowed.range();
                let reach = window.saturating_add(windowed.lag());
                let near = self.odd.is_some_and(|odd| self.seen - odd <= reach);
                if near || is_odd(&rows.x, range) || rows.y.as_ref().is_some_and(|y| is_odd(y, range)) {
                    return Ok(false);
                }
            }
            if self.steps.is_none() {
                let newest = Newest {
                    x: &self.x,
                    y: self.y.as_ref().unwrap_or(&self.x),
                    row: self.seen - 1,
                };
                self.steps = windowed.steps(&newest, window)?;
                if self.steps.is_none() {
                    return Ok(false);
                }
            }
            let keep = windowed.rows_before().unwrap_or(usize::MAX);
            self.make_room(count, keep)?;
        } else {
            self.make_room(count, 0)?;
        }
        Ok(true)
    }

    /// Room for rows, so that to take them in does not fail.
    fn make_room(&mut self, count: usize, keep: usize) -> Result<()> {
        self.x.make_room(count, keep)?;
        if let Some(y) = &mut self.y {
            y.make_room(count, keep)?;
        }
        if let Some(standing) = &mut self.standing {
            standing.make_room(count)?;
        }
        if let Some(times) = &mut self.times {
            let past = times.len().saturating_sub(keep);
            if past > keep.max(PAST) {
                times.drain(..past);
            }
            let (length, more) = (times.len(), count.max(times.len()));
            if times.capacity() - length < count {
                times.try_reserve_exact(more).map_err(|_| Error::Memory {
                    what: "times",
                    rows: length + more,
                    columns: 1,
                })?;
            }
        }
        Ok(())
    }

    /// Some rows, one by one.
    pub(super) fn few<T: Element>(&mut self, rolling: &Rolling, rows: &Rows<'_, T>, mut out: ArrayViewMut2<'_, T>) {
        for row in 0..rows.x.nrows() {
            match rolling.asked() {
                Asked::Windowed(windowed) => self.step(windowed.rows_before().unwrap_or(usize::MAX), rows, row),
                Asked::Weighted(how) => self.fade(how, rows, row),
                Asked::TimeMean(how) => self.stand(*how, rows, row),
            }
            self.put(out.row_mut(row));
        }
    }

    /// One more row of windows.
    fn step<T: Element>(&mut self, keep: usize, rows: &Rows<'_, T>, row: usize) {
        self.x.push(&rows.x, row);
        if let (Some(y), Some(now)) = (&mut self.y, &rows.y) {
            y.push(now, row);
        }
        if let (Some(times), Some(now)) = (&mut self.times, rows.times) {
            times.push(now[row]);
        }
        let newest = Newest {
            x: &self.x,
            y: self.y.as_ref().unwrap_or(&self.x),
            row: self.seen,
        };
        if let Some(steps) = &mut self.steps {
            steps.step(&newest, &mut self.results);
        }
        self.seen += 1;
        self.x.forget(keep);
        if let Some(y) = &mut self.y {
            y.forget(keep);
        }
    }

    /// One more row of exponential weights.
    fn fade<T: Element>(&mut self, how: &Weighted, rows: &Rows<'_, T>, row: usize) {
        let Some(walk) = &mut self.weights else { return };
        self.x.push(&rows.x, row);
        let elapsed = match (&mut self.times, rows.times) {
            (Some(last), Some(times)) => {
                let elapsed = last.last().map_or(0, |&last| times[row].abs_diff(last));
                last.clear();
                last.push(times[row]);
                elapsed
            }
            _ => 0,
        };
        walk.step(how, (self.seen, elapsed), self.x.row(0), &mut self.results);
        self.x.forget(0);
        self.seen += 1;
    }

    /// One more row of readings that hold.
    fn stand<T: Element>(&mut self, how: TimeMean, rows: &Rows<'_, T>, row: usize) {
        let (Some(standing), Some(last), Some(times)) = (&mut self.standing, &mut self.times, rows.times) else {
            return;
        };
        standing.step(how, times[row], &rows.x.of_rows(row..row + 1), &mut self.results);
        last.clear();
        last.push(times[row]);
        self.seen += 1;
    }

    /// The results of a row from their lanes into `out`.
    fn put<T: Element>(&self, mut out: ArrayViewMut1<'_, T>) {
        let width: usize = self.blocks.iter().map(|(_, each)| each).sum();
        let (mut first, mut offset) = (0, 0);
        for &(lanes, each) in &self.blocks {
            for lane in 0..lanes {
                let from = &self.results[lane / LANES * width + offset..][..each];
                for (number, from) in from.iter().enumerate() {
                    out[first + lane * each + number] = T::narrow(from.0[lane % LANES]);
                }
            }
            first += lanes * each;
            offset += each;
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
        if !matches!(rolling.asked(), Asked::Windowed(_)) {
            let mut watch = Watch::start();
            for row in 0..count {
                self.make_room(1, 0)?;
                let one = Rows {
                    x: rows.x.of_rows(row..row + 1),
                    y: None,
                    times: rows.times.map(|times| &times[row..=row]),
                };
                self.few(rolling, &one, out.slice_mut(s![row..=row, ..]));
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
        self.append(rows, before, windowed.range())?;
        let x: Array2<T> = self.x.matrix(0)?;
        let y: Option<Array2<T>> = self.y.as_ref().map(|y| y.matrix(0)).transpose()?;
        let mut found = results::<T>(before + count, rolling.width())?;
        let next = Next {
            x: x.view(),
            y: y.as_ref().map(|y| y.view()),
            times: self.times(),
            first_row: self.seen - before,
        };
        windowed.run(&next, found.view_mut())?;
        out.assign(&found.slice(s![before.., ..]));
        self.seen += count;
        let keep = match (windowed.span, self.times()) {
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
    fn append<T: Element>(&mut self, rows: &Rows<'_, T>, before: usize, range: (f64, f64)) -> Result<()> {
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
        for table in std::iter::once(&rows.x).chain(&rows.y) {
            if let Some(row) = (0..count).rev().find(|&row| is_odd(&table.of_rows(row..row + 1), range)) {
                self.odd = self.odd.max(Some(self.seen + row));
            }
        }
        if let (Some(times), Some(now)) = (&mut self.times, rows.times) {
            extend(times, now.iter().copied(), "times")?;
        }
        Ok(())
    }

    /// Finds the newest row that leaves the range of the numbers among those that are kept.
    pub(super) fn look_for_odd(&mut self, rolling: &Rolling) {
        let Asked::Windowed(windowed) = rolling.asked() else {
            return;
        };
        let range = windowed.range();
        let before = self.seen - self.x.rows();
        for ring in std::iter::once(&self.x).chain(&self.y) {
            let found = (0..ring.rows())
                .rev()
                .find(|&row| ring.row(row).as_flattened().iter().any(|&value| odd(value, range)));
            self.odd = self.odd.max(found.map(|row| before + row));
        }
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

/// Whether there is a value that is large, or small and not 0.
fn is_odd<T: Element>(x: &Table<'_, T>, range: (f64, f64)) -> bool {
    x.columns().any(|column| column.iter().any(|value| odd(value.widen(), range)))
}

fn odd(value: f64, (large, small): (f64, f64)) -> bool {
    let size = value.abs();
    (size >= large && size < f64::INFINITY) || (size < small && size > 0.0)
}

pub(super) fn is_narrow<T>() -> bool {
    size_of::<T>() < size_of::<f64>()
}
