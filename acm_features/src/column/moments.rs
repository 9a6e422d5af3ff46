//! Count, mean, standard deviation, skewness and kurtosis of whole columns.

use acm_linalg::columns::{allocate, reserve};
use acm_linalg::lanes::{Element, LANES, Row};
use acm_linalg::memory::reserved;
use acm_linalg::parallel::{self, Stop};
use acm_linalg::{Result, Table};
use fearless_simd::{Level, Simd, dispatch, prelude::*};

use super::output::results;
use super::rows::load;
use crate::rolling::{Compensated, Place, Powers, Sight, State, Values};

/// Rows that are summarised value by value.
const LEAF_ROWS: usize = 128;

/// Rows whose summaries are merged by one thread: 2^7 leaves.
const CHUNK_ROWS: usize = LEAF_ROWS << LEVELS;
const LEVELS: usize = 7;

/// Chunks that can be merged: as many as a matrix in memory can have.
const CHUNK_LEVELS: usize = 50;

const COST_NS: f64 = 3.0;

/// Rows of memory that a summary takes.
const SIZE: usize = 8;

/// Moments of each column.
#[derive(Debug, Clone)]
pub struct Moments<T> {
    /// Non-missing values.
    pub count: Vec<i64>,
    /// Means.
    pub mean: Vec<T>,
    /// Standard deviations, ddof 1.
    pub std: Vec<T>,
    /// Bias-corrected skewness.
    pub skew: Vec<T>,
    /// Bias-corrected excess kurtosis.
    pub kurt: Vec<T>,
}

type Summary<S> = (Powers<S, true>, Compensated<S>);

/// Neighbouring summaries of equal length merged as soon as there are two: the error grows with the logarithm of the rows.
struct Tower<S: Simd, const LEVELS: usize> {
    summaries: [Summary<S>; LEVELS],
    pushed: usize,
    height: usize,
}

impl<S: Simd, const LEVELS: usize> Tower<S, LEVELS> {
    #[inline(always)]
    fn new(simd: S) -> Self {
        Self {
            summaries: [State::empty(simd); LEVELS],
            pushed: 0,
            height: 0,
        }
    }

    #[inline(always)]
    fn push(&mut self, simd: S, mut summary: Summary<S>) {
        let mut pairs = self.pushed;
        while pairs % 2 == 1 {
            self.height -= 1;
            summary = self.summaries[self.height].merge::<false>(simd, summary, 0.0);
            pairs /= 2;
        }
        self.summaries[self.height] = summary;
        self.height += 1;
        self.pushed += 1;
    }

    #[inline(always)]
    fn finish(&self, simd: S) -> Summary<S> {
        let mut summary = State::empty(simd);
        for level in (0..self.height).rev() {
            summary = self.summaries[level].merge::<false>(simd, summary, 0.0);
        }
        summary
    }
}

/// The summary of one chunk of eight columns.
#[inline(always)]
fn summarise<S: Simd, T: Element>(
    simd: S,
    x: &Table<'_, T>,
    (chunk, group): (usize, usize),
    tile: &mut [Row],
    memory: &mut [Row],
    stop: &Stop,
) {
    let columns = group * LANES..((group + 1) * LANES).min(x.ncols());
    let rows = chunk * CHUNK_ROWS..((chunk + 1) * CHUNK_ROWS).min(x.nrows());
    let mut tower = Tower::<S, { LEVELS + 1 }>::new(simd);
    for start in rows.clone().step_by(LEAF_ROWS) {
        if stop.requested() {
            return;
        }
        let leaf = start..(start + LEAF_ROWS).min(rows.end);
        let tile = &mut tile[..leaf.len()];
        load(simd, x, leaf, &columns, tile);
        let mut summary = Summary::empty(simd);
        for (position, row) in tile.iter().enumerate() {
            let place = Place {
                position: position as f64,
                inverse: 0.0,
            };
            summary = summary.push::<false>(simd, Values::load(simd, row, row), place);
        }
        tower.push(simd, summary);
    }
    const { assert!(<Summary<S> as State<S>>::SIZE == SIZE) };
    tower.finish(simd).save(memory);
}

/// Count, mean, standard deviation, skewness and kurtosis of eight columns from the summaries of their chunks.
#[inline(always)]
fn conclude<S: Simd>(simd: S, chunks: &[Row], results: &mut [Row; 5]) {
    let mut tower = Tower::<S, CHUNK_LEVELS>::new(simd);
    for memory in chunks.chunks_exact(SIZE) {
        tower.push(simd, State::load(simd, memory));
    }
    let (powers, sum) = tower.finish(simd);
    let count = powers.spread.count;
    let all = Sight {
        min_periods: 1.0,
        whole: None,
    };
    results[0].store(count);
    results[1].store(all.of_enough(simd, count, 1.0, sum.mean(simd, count, all)));
    results[2].store(powers.spread.variance(simd, 1.0, all).sqrt());
    results[3].store(powers.skew(simd, all));
    results[4].store(powers.kurt(simd, all));
}

/// Count, mean, standard deviation (ddof 1), skewness and excess kurtosis (both bias-corrected) of each column.
///
/// Shapes: x (n, d) -> five times (d,).
/// Missing: NaN and infinity are skipped; NaN for the mean of nothing, the deviation of fewer than 2 values, the skewness of
/// fewer than 3, the kurtosis of fewer than 4, and for both of a constant, whose deviation is exactly 0.
/// Cost: O(n d), one pass. Threads: columns and chunks of 16,384 rows, merged in the order of their rows.
/// Oracle: pandas `mean`, `std`, `skew`, `kurt`. Source: Pébay (2008), Sandia SAND2008-6212; Joanes & Gill (1998), doi
/// 10.1111/1467-9884.00122, G1 and G2; sums as in Knuth, TAOCP 2, section 4.2.2.
///
/// # Errors
/// [`crate::Error::Memory`]; [`crate::Error::Interrupted`].
pub fn column_moments<'a, T: Element>(x: impl Into<Table<'a, T>>) -> Result<Moments<T>> {
    let x = x.into();
    let (rows, columns) = x.dim();
    let groups = columns.div_ceil(LANES);
    let chunks = rows.div_ceil(CHUNK_ROWS);
    let size = chunks.saturating_mul(SIZE);
    let mut memory = reserve(groups.saturating_mul(size), Row::default(), "summaries of rows")?;
    let level = Level::new();
    let mut jobs = reserved(groups * chunks, "summaries of rows")?;
    for (group, memory) in memory.chunks_mut(size.max(1)).enumerate() {
        for (chunk, memory) in memory.chunks_mut(SIZE).enumerate() {
            jobs.push(((chunk, group), memory));
        }
    }
    let cost = COST_NS * (groups * LANES) as f64 * rows as f64;
    let scratch = || allocate(LEAF_ROWS, "a tile of rows");
    parallel::run(jobs, cost, scratch, |tile, (place, memory), stop| {
        dispatch!(level, simd => summarise(simd, &x, place, tile, memory, stop));
    })?;

    let mut moments = Moments {
        count: results(columns, 0)?,
        mean: results(columns, T::narrow(f64::NAN))?,
        std: results(columns, T::narrow(f64::NAN))?,
        skew: results(columns, T::narrow(f64::NAN))?,
        kurt: results(columns, T::narrow(f64::NAN))?,
    };
    for (group, memory) in memory.chunks(size.max(1)).enumerate() {
        let mut found = [Row::default(); 5];
        dispatch!(level, simd => conclude(simd, memory, &mut found));
        let first = group * LANES;
        for lane in 0..LANES.min(columns - first) {
            let [count, mean, std, skew, kurt] = found.map(|row| row.0[lane]);
            moments.count[first + lane] = whole(count);
            moments.mean[first + lane] = T::narrow(mean);
            moments.std[first + lane] = T::narrow(std);
            moments.skew[first + lane] = T::narrow(skew);
            moments.kurt[first + lane] = T::narrow(kurt);
        }
    }
    Ok(moments)
}

#[expect(clippy::cast_possible_truncation, reason = "a count of rows in memory")]
fn whole(count: f64) -> i64 {
    count as i64
}
