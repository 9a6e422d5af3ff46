//! Scores: each detector's rows are gathered, scored together and put back.

use std::ops::Range;

use acm_linalg::memory::push;
use acm_linalg::parallel::Watch;
use acm_linalg::samples::room;
use acm_linalg::{Error, Memory, Reader, Result, Samples, Writer};

use super::{FittedRegimeDetector, Inner, LimitedDetector, require_labels, table};
use crate::ar1::{Ar1Memory, Wanted, latest};

/// Values that are gathered at a time.
const VALUES: usize = 1 << 18;

/// What is known before the next row of a history that is scored as it comes, where the detector looks at it.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct RegimeDetectorMemory {
    last: Ar1Memory,
}

impl Memory for RegimeDetectorMemory {
    fn write(&self, to: &mut Writer) {
        self.last.write(to);
    }

    fn read(from: &Reader<'_>) -> Result<Self> {
        let last = if from.has("live.last") {
            Ar1Memory::read_columns(from, from.size("columns")?)?
        } else {
            Ar1Memory::default()
        };
        Ok(Self { last })
    }

    fn copy(&self) -> Result<Self> {
        let last = self.last.copy()?;
        Ok(Self { last })
    }
}

/// What is computed of a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Job {
    Score,
    Contributions,
}

impl FittedRegimeDetector {
    /// The score of each row, relative to the limit of its regime: above 1 means an alarm.
    ///
    /// Shapes: x (n, d), labels (n,) -> (n,).
    /// Rows of regimes without a detector of their own, and all rows without `labels`, count for the one of all rows.
    /// Missing: as the detector has it. AR(1) looks at the rows before, whatever their regime.
    /// Cost: that of the detector; one more row for AR(1) at each change of the regime. Threads: rows.
    /// Oracle: the detector on each regime's rows by itself, to the last bit.
    ///
    /// # Errors
    /// [`Error::Columns`]; [`Error::Length`] for labels or an `out` of another number than rows; [`Error::Memory`];
    /// [`Error::Interrupted`].
    pub fn score(&self, x: Samples<'_>, labels: Option<&[i64]>, out: &mut [f64]) -> Result<()> {
        self.walk(x, labels, None, Job::Score, out)?;
        self.constants.raise(x, 1.0, out)
    }

    /// What each sensor contributes to each row, as the detector has it, relative to the limit of the row's regime.
    ///
    /// Shapes: x (n, d), labels (n,) -> (n, d), row-major.
    ///
    /// # Errors
    /// Those of [`Self::score`].
    pub fn contributions(&self, x: Samples<'_>, labels: Option<&[i64]>, out: &mut [f64]) -> Result<()> {
        self.walk(x, labels, None, Job::Contributions, out)?;
        self.constants.share(x, out)
    }

    /// The scores of the rows that follow those that `live` has seen: what the whole history at once would give for them,
    /// to the last bit.
    ///
    /// # Errors
    /// Those of [`Self::score`]; `live` is then as it was.
    pub fn update(
        &self,
        live: &mut RegimeDetectorMemory,
        x: Samples<'_>,
        labels: Option<&[i64]>,
        out: &mut [f64],
    ) -> Result<()> {
        x.require_columns(self.columns())?;
        let last = self.parameters.kind.looks_back().then(|| live.last.after(x)).transpose()?;
        self.walk(x, labels, live.last.of(self.columns()), Job::Score, out)?;
        self.constants.raise(x, 1.0, out)?;
        live.last = last.unwrap_or_default();
        Ok(())
    }

    fn walk(
        &self,
        x: Samples<'_>,
        labels: Option<&[i64]>,
        before: Option<&Ar1Memory>,
        job: Job,
        out: &mut [f64],
    ) -> Result<()> {
        let (rows, columns) = (x.rows(), self.columns());
        x.require_columns(columns)?;
        require_labels(rows, labels)?;
        let width = if job == Job::Score { 1 } else { columns };
        if out.len() != rows * width {
            return Err(Error::Length {
                name: "out",
                expected: rows * width,
                got: out.len(),
            });
        }
        let place = |label: i64| self.regimes.binary_search(&label).unwrap_or(self.regimes.len());
        let mut places = room(rows, 1, self.regimes.len(), "the detector of each row")?;
        if let Some(labels) = labels {
            let mut watch = Watch::start();
            for (to, &label) in places.iter_mut().zip(labels) {
                watch.after(1)?;
                *to = place(label);
            }
        }
        // Room for a row and the one before at least.
        let most = (VALUES / columns.max(1)).max(16).min(2 * rows);
        let mut gathered = Gathered {
            job,
            columns,
            width,
            values: room(most, columns, 0.0, "the rows of a regime")?,
            results: room(most, width, 0.0, "the rows of a regime")?,
            used: 0,
            pieces: Vec::new(),
        };
        for (number, part) in self.parts.iter().enumerate() {
            let mut end = 0;
            for run in places.chunk_by(|a, b| a == b) {
                let mut next = end;
                end += run.len();
                while run[0] == number && next < end {
                    let looks_back = self.parameters.kind.looks_back() && (next > 0 || before.is_some());
                    let count = (end - next).min(most.saturating_sub(gathered.used + usize::from(looks_back)));
                    if count == 0 {
                        gathered.finish(part, &x, before, out)?;
                        continue;
                    }
                    if looks_back {
                        gathered.context(&x, next, before);
                    }
                    gathered.take(&x, next..next + count)?;
                    next += count;
                }
            }
            gathered.finish(part, &x, before, out)?;
        }
        Ok(())
    }
}

/// Rows of one detector, side by side.
struct Gathered {
    job: Job,
    columns: usize,
    width: usize,
    values: Vec<f64>,
    results: Vec<f64>,
    /// Rows so far.
    used: usize,
    /// Where rows stand here, and which they are.
    pieces: Vec<(usize, Range<usize>)>,
}

impl Gathered {
    /// The row before `row`, which itself is only looked at.
    fn context(&mut self, x: &Samples<'_>, row: usize, before: Option<&Ar1Memory>) {
        let to = &mut self.values[self.used * self.columns..][..self.columns];
        match (row.checked_sub(1), before) {
            (Some(earlier), _) => x.read(earlier..row, to),
            (None, Some(before)) => before.row(to),
            (None, None) => return,
        }
        self.used += 1;
    }

    fn take(&mut self, x: &Samples<'_>, rows: Range<usize>) -> Result<()> {
        let to = &mut self.values[self.used * self.columns..][..rows.len() * self.columns];
        x.read(rows.clone(), to);
        push(&mut self.pieces, (self.used, rows.clone()), "the rows of a regime")?;
        self.used += rows.len();
        Ok(())
    }

    /// Scores the rows, divides by the limit and puts the results where they belong.
    fn finish(
        &mut self,
        part: &LimitedDetector,
        x: &Samples<'_>,
        before: Option<&Ar1Memory>,
        out: &mut [f64],
    ) -> Result<()> {
        let rows = table(&self.values[..self.used * self.columns], self.used, self.columns)?;
        let results = &mut self.results[..self.used * self.width];
        match (self.job, &part.detector) {
            (_, Inner::Ar1(detector)) => {
                let wanted = if self.job == Job::Score { Wanted::Score } else { Wanted::Shares };
                // What lies further back than the row before stands in `x`, whatever its regime.
                let earlier = |row, column, most| {
                    let place = self.pieces.partition_point(|(start, _)| *start <= row).checked_sub(1)?;
                    let (start, rows) = &self.pieces[place];
                    latest(*x, before, rows.start + (row - start), column, 2, most)
                };
                detector.follow_on(rows, None, earlier, wanted, results)?;
            }
            (Job::Score, detector) => detector.score(rows, results)?,
            (Job::Contributions, detector) => detector.contributions(rows, results)?,
        }
        for (start, rows) in self.pieces.drain(..) {
            let results = &results[start * self.width..][..rows.len() * self.width];
            let out = &mut out[rows.start * self.width..rows.end * self.width];
            out.iter_mut().zip(results).for_each(|(out, result)| *out = result / part.limit);
        }
        self.used = 0;
        Ok(())
    }
}
