//! Runs of equal readings, across gaps.

use acm_linalg::Result;
use acm_linalg::memory::{push, reserve};
use acm_linalg::parallel::Stop;

use super::STOP_ROWS;

/// Equal readings one after the other, whatever is missing between them.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Run {
    /// Rows of the first and the last reading.
    pub(super) first: usize,
    pub(super) last: usize,
    /// Readings.
    pub(super) length: usize,
    /// Repeats while the machine stands still.
    pub(super) still: usize,
}

impl Run {
    /// Whether it says something of the sensor alone: most of it is no standstill of the machine.
    pub(super) fn is_own(&self) -> bool {
        2 * self.still < self.length
    }
}

/// Calls `with` for each run of a column.
///
/// # Errors
/// Those of `with`.
pub(super) fn for_runs(
    column: &[f64],
    still: &[bool],
    stop: &Stop,
    mut with: impl FnMut(Run) -> Result<()>,
) -> Result<()> {
    let mut held = f64::NAN;
    let mut run: Option<Run> = None;
    for (number, part) in column.chunks(STOP_ROWS).enumerate() {
        if stop.requested() {
            return Ok(());
        }
        for (offset, &value) in part.iter().enumerate() {
            if value.is_nan() {
                continue;
            }
            let row = number * STOP_ROWS + offset;
            match &mut run {
                Some(run) if value == held => {
                    run.last = row;
                    run.length += 1;
                    run.still += usize::from(still[row]);
                }
                _ => {
                    let fresh = Run {
                        first: row,
                        last: row,
                        length: 1,
                        still: 0,
                    };
                    if let Some(done) = run.replace(fresh) {
                        with(done)?;
                    }
                    held = value;
                }
            }
        }
    }
    run.map_or(Ok(()), with)
}

/// Lengths that are counted in an array.
const SHORT: usize = 256;

/// How often each length of run occurs: there are no more different ones than the root of twice the rows.
pub(super) struct Lengths {
    short: Vec<usize>,
    long: Vec<(usize, usize)>,
    count: usize,
}

impl Lengths {
    pub(super) fn new() -> Result<Self> {
        Ok(Self {
            short: reserve(SHORT, 0, "lengths of runs")?,
            long: Vec::new(),
            count: 0,
        })
    }

    pub(super) fn clear(&mut self) {
        self.short.fill(0);
        self.long.clear();
        self.count = 0;
    }

    pub(super) fn add(&mut self, length: usize) -> Result<()> {
        self.count += 1;
        if let Some(count) = self.short.get_mut(length) {
            *count += 1;
            return Ok(());
        }
        match self.long.binary_search_by_key(&length, |&(length, _)| length) {
            Ok(place) => self.long[place].1 += 1,
            Err(place) => {
                push(&mut self.long, (length, 1), "lengths of runs")?;
                self.long[place..].rotate_right(1);
            }
        }
        Ok(())
    }

    /// The length that 99 of 100 runs do not exceed.
    pub(super) fn usual(&self) -> usize {
        let wanted = (99 * self.count).div_ceil(100);
        let short = self.short.iter().copied().enumerate();
        let mut seen = 0;
        for (length, count) in short.chain(self.long.iter().copied()) {
            seen += count;
            if seen >= wanted && count > 0 {
                return length;
            }
        }
        1
    }
}
