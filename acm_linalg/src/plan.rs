//! How the driver cuts a matrix into jobs.

use crate::error::Result;
use crate::lanes::{LANES, Row};
use crate::memory::Gather;
use crate::parallel;

/// Estimated time of one job, so that an interrupt is seen soon and threads finish together.
const JOB_NS: f64 = 4_000_000.0;

/// Input and output of a chunk of rows that stay in the cache of a core.
const NEAR_BYTES: usize = 1 << 18;

/// Bytes of results that wait to be written together.
pub(crate) const GATHERED_BYTES: usize = 1 << 19;

/// Estimated time that it takes longer to copy a value in and its result out where lanes are pieces of columns, than where eight
/// neighbouring columns are copied at once.
const PIECES_NS: f64 = 1.5;

/// What decides a [`Plan`].
pub(crate) struct Demand {
    /// Rows and columns to compute.
    pub(crate) shape: (usize, usize),
    /// Results of a column.
    pub(crate) width: usize,
    /// Rows a result looks at.
    pub(crate) window: usize,
    /// Rows between the starts of blocks: segments and chunks lie multiples of it apart; none: a history is not cut into
    /// segments, and chunks start anywhere.
    pub(crate) block: Option<usize>,
    /// Every so many rows have results to keep.
    pub(crate) step: usize,
    /// Rows to compute at once.
    pub(crate) tile: usize,
    /// Estimated time for one value.
    pub(crate) cost_ns: f64,
    /// Whether the values of each row lie side by side, in the input and in the output, and each row has results.
    pub(crate) side_by_side: bool,
}

/// How lanes and rows are laid out for one call.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Plan {
    /// First row of each segment, and the number of rows as the last.
    pub(crate) segments: Vec<usize>,
    /// Rows of a job, counted from its segment's start.
    pub(crate) chunk: usize,
    /// Groups of eight lanes.
    pub(crate) groups: usize,
    /// Neighbouring groups of a job.
    pub(crate) band: usize,
    /// Whether each group is eight neighbouring columns from their first row to their last: the last group then takes columns
    /// of the one before as well, and their results are the same twice.
    pub(crate) whole: bool,
}

impl Plan {
    pub(crate) fn new(demand: &Demand) -> Result<Self> {
        let Demand {
            shape: (rows, columns),
            width,
            window,
            block,
            step,
            tile,
            cost_ns,
            side_by_side,
        } = *demand;
        let align = block.unwrap_or(1).min(rows);
        // Results are kept at the same rows of every segment; and a history that must not be cut is one segment.
        let apart = if block.is_some() {
            least_common_multiple(align, step).min(rows)
        } else {
            rows
        };
        let length = |parts: usize| rows.div_ceil(parts).max(tile.min(rows)).next_multiple_of(apart);
        let effort = |parts: usize| {
            let lanes = columns * rows.div_ceil(length(parts));
            let warm_up = if parts == 1 { 0 } else { window };
            lanes.div_ceil(LANES) * length(parts).saturating_add(warm_up)
        };
        let parts = [1, 2, 4, 8].into_iter().min_by_key(|&parts| effort(parts)).unwrap_or(1);
        let whole = side_by_side && columns >= LANES && {
            let groups = columns.div_ceil(LANES) * rows;
            groups as f64 * cost_ns <= effort(parts) as f64 * (cost_ns + PIECES_NS)
        };
        let length = if whole { rows } else { length(parts) };
        let segments = (0..rows).step_by(length).chain([rows]).gathered("the segments")?;
        let groups = (columns * (segments.len() - 1)).div_ceil(LANES);

        let work = groups as f64 * length as f64 * LANES as f64 * cost_ns;
        let jobs = (work / JOB_NS).max(8.0 * parallel::num_threads() as f64);
        let wanted = (jobs / groups as f64).ceil();
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "at least 1 and far below 2^53"
        )]
        let cuts = wanted as usize;
        // Neighbouring groups share cache lines where rows lie side by side: one job takes as many as there can be, before
        // the chunk leaves the cache of its core. Two threads at neighbouring groups would take the lines from each other.
        let near = NEAR_BYTES / (columns * (1 + width) * size_of::<f64>());
        let shortest = window.saturating_mul(4).max(512);
        let chunk = length
            .div_ceil(cuts)
            .min(near)
            .max(shortest)
            .min(length)
            .next_multiple_of(align)
            .min(length);
        let chunk = chunk.max(1);
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "at least 1 and far below 2^53"
        )]
        let bands = (jobs / length.div_ceil(chunk) as f64).ceil() as usize;
        let band = groups.div_ceil(bands);
        // As many neighbours as can wait for each other: a kilobyte of a row is written sooner than a line of each of many rows.
        let together = GATHERED_BYTES / (chunk * width * size_of::<Row>());
        let band = if whole && (2..band).contains(&together) {
            groups.div_ceil(groups.div_ceil(together))
        } else {
            band
        };
        Ok(Self {
            segments,
            chunk,
            groups,
            band,
            whole,
        })
    }
}

fn least_common_multiple(a: usize, b: usize) -> usize {
    let (mut divisor, mut rest) = (a, b);
    while rest > 0 {
        (divisor, rest) = (rest, divisor % rest);
    }
    (a / divisor).saturating_mul(b)
}
