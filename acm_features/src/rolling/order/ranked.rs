//! Long windows: a chunk of rows is ranked once, then the window slides over it as a set of ranks.
//!
//! Where Suomela's sort-and-link median filter (2014, arXiv 1406.1717) unlinks and relinks list items, here bits are cleared
//! and set, which also finds a neighbour's neighbour without following links, and makes the cost independent of the data.

use std::hint::select_unpredictable;

use acm_linalg::Result;
use acm_linalg::columns::{Tile, reserve};
use acm_linalg::lanes::Row;
use fearless_simd::{Simd, f64x8, prelude::*};

use super::bits::{Bits, Set, View};
use super::counts::Counts;
use super::ranks::{MISSING, Sorter};
use super::{Wanted, between, middle};
use crate::rolling::bounds::Bounds;
use crate::rolling::window::Window;

/// Least rows ranked at once; the more, the smaller the share of the rows before them that are ranked again.
const CHUNK: usize = 4096;

/// Rows between two looks at whether to stop.
const STOP_ROWS: usize = 4096;

/// Long windows, or where `bounds` says of how many rows each is, any.
pub(crate) struct Ranked<'a> {
    pub(super) wanted: Wanted,
    pub(super) window: Window,
    pub(super) bounds: Option<Bounds<'a>>,
}

pub(crate) struct RankedScratch {
    sorter: Sorter,
    /// The rank of each row, or `MISSING`.
    ranks: Vec<u32>,
    /// Values by rank.
    values: Vec<f64>,
    bits: Bits,
    counts: Counts,
    quantiles_at: Vec<Pointer>,
}

/// The window as it slides.
struct Walk<'a> {
    set: Set<'a>,
    /// The set once more as counts, for leaps; only for the deviation.
    counts: &'a mut Counts,
    count: usize,
    median_at: Pointer,
    nearest: Nearest,
    quantiles_at: &'a mut [Pointer],
}

/// Follows the value with `below` values under it.
#[derive(Clone, Copy, Default)]
struct Pointer {
    rank: usize,
    below: usize,
}

impl Ranked<'_> {
    pub(super) fn tile_rows(&self) -> usize {
        let window = self.window.rows();
        // Ranking a window anew with each chunk costs less than holding a very long chunk.
        if window <= CHUNK {
            CHUNK.max(4 * window).next_multiple_of(window)
        } else {
            window
        }
    }

    pub(super) fn cost_ns(&self) -> f64 {
        40.0 + if self.wanted.mad.is_some() { 150.0 } else { 0.0 } + 10.0 * self.wanted.quantiles.len() as f64
    }

    pub(super) fn scratch(&self, rows: usize) -> Result<RankedScratch> {
        let rows = (self.tile_rows() + self.window.rows()).min(2 * rows);
        let sorter = Sorter::new(rows)?;
        Ok(RankedScratch {
            sorter,
            ranks: reserve(rows, MISSING, "the ranks of a window")?,
            values: reserve(rows, 0.0, "the values of a window")?,
            bits: Bits::new(rows)?,
            counts: Counts::new(if self.wanted.mad.is_some() { rows } else { 0 })?,
            quantiles_at: reserve(self.wanted.quantiles.len(), Pointer::default(), "the quantiles")?,
        })
    }

    #[inline(always)]
    pub(super) fn tile<S: Simd>(&self, simd: S, scratch: &mut RankedScratch, tile: &Tile<'_>, out: &mut [Row]) {
        let between = &extremes(simd, tile.x);
        for lane in 0..tile.lanes {
            if tile.stop.requested() {
                return;
            }
            match (self.wanted.mad, self.wanted.quantiles.is_empty()) {
                (None, true) => self.lane::<false, false>(scratch, tile, (lane, between), out),
                (None, false) => self.lane::<false, true>(scratch, tile, (lane, between), out),
                (Some(_), true) => self.lane::<true, false>(scratch, tile, (lane, between), out),
                (Some(_), false) => self.lane::<true, true>(scratch, tile, (lane, between), out),
            }
        }
    }

    fn lane<const MAD: bool, const QUANTILES: bool>(
        &self,
        scratch: &mut RankedScratch,
        tile: &Tile<'_>,
        (lane, between): (usize, &(Row, Row)),
        out: &mut [Row],
    ) {
        let RankedScratch {
            sorter,
            ranks,
            values,
            bits,
            counts,
            quantiles_at,
        } = scratch;
        let ranks = &mut ranks[..tile.x.len()];
        sorter.rank((tile.x, lane), (between.0.0[lane], between.1.0[lane]), ranks, values);
        bits.clear();
        if MAD {
            counts.clear();
        }
        quantiles_at.fill(Pointer::default());
        let walk = Walk {
            set: bits.set(),
            counts,
            count: 0,
            median_at: Pointer::default(),
            nearest: Nearest::default(),
            quantiles_at,
        };
        match &self.bounds {
            None => self.slide::<MAD, QUANTILES>(walk, (ranks, values), tile, lane, out),
            Some(bounds) => self.follow::<MAD, QUANTILES>(walk, (ranks, values), bounds, tile, lane, out),
        }
    }

    /// Windows of as many rows each.
    #[inline(always)]
    fn slide<const MAD: bool, const QUANTILES: bool>(
        &self,
        mut walk: Walk<'_>,
        (ranks, values): (&[u32], &[f64]),
        tile: &Tile<'_>,
        lane: usize,
        out: &mut [Row],
    ) {
        let window = self.window.rows();
        for &rank in &ranks[tile.lead.saturating_sub(window)..tile.lead] {
            walk.insert::<MAD, QUANTILES>(rank);
        }
        for (row, out) in (tile.lead..ranks.len()).zip(out.chunks_exact_mut(self.wanted.results())) {
            if row % STOP_ROWS == 0 && tile.stop.requested() {
                return;
            }
            if row >= window {
                walk.remove::<MAD, QUANTILES>(ranks[row - window]);
            }
            walk.insert::<MAD, QUANTILES>(ranks[row]);
            self.results::<MAD, QUANTILES>(&mut walk, values, lane, out);
        }
    }

    /// Windows with bounds of their own.
    #[inline(always)]
    fn follow<const MAD: bool, const QUANTILES: bool>(
        &self,
        mut walk: Walk<'_>,
        (ranks, values): (&[u32], &[f64]),
        bounds: &Bounds<'_>,
        tile: &Tile<'_>,
        lane: usize,
        out: &mut [Row],
    ) {
        let first = tile.start[lane] - tile.lead;
        let start = tile.start[lane] - bounds.ahead();
        let mut at = bounds.window_of(start);
        let mut held = at.start..at.start;
        for (row, out) in (start..).zip(out.chunks_exact_mut(self.wanted.results())) {
            if row % STOP_ROWS == 0 && tile.stop.requested() {
                return;
            }
            bounds.advance(&mut at, row);
            for row in held.start..at.start.min(held.end) {
                walk.remove::<MAD, QUANTILES>(ranks[row - first]);
            }
            for row in held.end.max(at.start)..at.end {
                walk.insert::<MAD, QUANTILES>(ranks[row - first]);
            }
            held = at.start..at.end;
            self.results::<MAD, QUANTILES>(&mut walk, values, lane, out);
        }
    }

    #[inline(always)]
    fn results<const MAD: bool, const QUANTILES: bool>(
        &self,
        walk: &mut Walk<'_>,
        values: &[f64],
        lane: usize,
        out: &mut [Row],
    ) {
        let Walk {
            set,
            counts,
            count,
            median_at,
            nearest,
            quantiles_at,
        } = walk;
        let (set, count) = (set.view(), *count);
        if count < self.window.min_periods().max(1) {
            out.iter_mut().for_each(|out| out.0[lane] = f64::NAN);
            return;
        }
        let mut out = out.iter_mut();
        if self.wanted.median || MAD || !QUANTILES {
            let near = median_at.follow(set, (count - 1) / 2);
            let low = values[median_at.rank];
            let high = if count % 2 == 1 { low } else { next_value(set, values, median_at.rank, near) };
            let median = middle(low, high);
            if self.wanted.median
                && let Some(out) = out.next()
            {
                out.0[lane] = median;
            }
            if MAD && let (Some(scale), Some(out)) = (self.wanted.mad, out.next()) {
                let sample = Sample {
                    set,
                    counts,
                    values,
                    count,
                    median,
                    rest: ((low - median) + (high - median)) * 0.5,
                };
                out.0[lane] = scale * nearest.deviation(&sample);
            }
        }
        if QUANTILES {
            for ((q, pointer), out) in self.wanted.quantiles.iter().zip(quantiles_at.iter_mut()).zip(out) {
                let place = q * (count - 1) as f64;
                let whole = place.floor();
                #[expect(
                    clippy::cast_possible_truncation,
                    clippy::cast_sign_loss,
                    reason = "between 0 and count"
                )]
                let near = pointer.follow(set, whole as usize);
                let low = values[pointer.rank];
                let fraction = place - whole;
                out.0[lane] = if fraction > 0.0 {
                    between(low, next_value(set, values, pointer.rank, near), fraction)
                } else {
                    low
                };
            }
        }
    }
}

impl Walk<'_> {
    #[inline(always)]
    fn remove<const MAD: bool, const QUANTILES: bool>(&mut self, rank: u32) {
        if rank == MISSING {
            return;
        }
        let rank = rank as usize;
        self.set.remove(rank);
        self.count -= 1;
        self.median_at.removed(rank);
        if MAD {
            self.counts.remove(rank);
            self.nearest.removed(rank);
        }
        if QUANTILES {
            self.quantiles_at.iter_mut().for_each(|pointer| pointer.removed(rank));
        }
    }

    #[inline(always)]
    fn insert<const MAD: bool, const QUANTILES: bool>(&mut self, rank: u32) {
        if rank == MISSING {
            return;
        }
        let rank = rank as usize;
        self.set.insert(rank);
        self.count += 1;
        self.median_at.inserted(rank);
        if MAD {
            self.counts.insert(rank);
            self.nearest.inserted(rank);
        }
        if QUANTILES {
            self.quantiles_at.iter_mut().for_each(|pointer| pointer.inserted(rank));
        }
    }
}

/// The least and the greatest value of each lane; an infinity where there is none.
#[inline(always)]
fn extremes<S: Simd>(simd: S, x: &[Row]) -> (Row, Row) {
    let (up, down) = (f64x8::splat(simd, f64::INFINITY), f64x8::splat(simd, f64::NEG_INFINITY));
    let (mut least, mut most) = (up, down);
    for row in x {
        let row = row.load(simd);
        let known = row.simd_eq(row);
        least = least.min(known.select(row, up));
        most = most.max(known.select(row, down));
    }
    let mut found = (Row::default(), Row::default());
    found.0.store(least);
    found.1.store(most);
    found
}

/// The value above the one with this rank; the value itself where there is none.
#[inline(always)]
fn next_value(set: View<'_>, values: &[f64], rank: usize, near: Option<usize>) -> f64 {
    values[near.unwrap_or_else(|| set.after(rank).unwrap_or(rank))]
}

impl Pointer {
    #[inline(always)]
    fn removed(&mut self, rank: usize) {
        self.below -= usize::from(rank < self.rank);
    }

    #[inline(always)]
    fn inserted(&mut self, rank: usize) {
        self.below += usize::from(rank < self.rank);
    }

    /// Moves to the value that has `target` values of the set below it; there is one. The rank after it, if that is near.
    #[inline(always)]
    fn follow(&mut self, set: View<'_>, target: usize) -> Option<usize> {
        // A window that slides on by a row needs a step at most; whether up or down, chance decides.
        let (before, here, after) = set.around(self.rank);
        let down = self.below > target;
        let up = !down & ((self.below < target) | !here);
        let below = self.below + usize::from(up & here) - usize::from(down);
        let previous = self.rank.wrapping_sub(1 + before.leading_zeros() as usize);
        let next = self.rank + 1 + after.trailing_zeros() as usize;
        let rest = after & after.wrapping_sub(1);
        let second = self.rank + 1 + rest.trailing_zeros() as usize;
        let rank = select_unpredictable(down, previous, select_unpredictable(up, next, self.rank));
        let found = select_unpredictable(down, before, select_unpredictable(up, after, 1));
        let then = select_unpredictable(down & here, self.rank, select_unpredictable(up, second, next));
        let near = select_unpredictable(down & here, 1, select_unpredictable(up, rest, after));
        if (found != 0) & (below == target) {
            *self = Self { rank, below };
            (near != 0).then_some(then)
        } else {
            *self = self.walk(set, target);
            None
        }
    }

    #[cold]
    fn walk(mut self, set: View<'_>, target: usize) -> Self {
        while self.below > target {
            let Some(rank) = set.before(self.rank) else { return self };
            self.rank = rank;
            self.below -= 1;
        }
        if !set.contains(self.rank)
            && let Some(rank) = set.after(self.rank)
        {
            self.rank = rank;
        }
        while self.below < target {
            let Some(rank) = set.after(self.rank) else {
                return self;
            };
            self.rank = rank;
            self.below += 1;
        }
        self
    }
}

/// The values of a window.
struct Sample<'a> {
    set: View<'a>,
    counts: &'a Counts,
    values: &'a [f64],
    count: usize,
    median: f64,
    /// What rounding took from the median.
    rest: f64,
}

impl Sample<'_> {
    /// How far the value of this rank lies below the median.
    #[inline(always)]
    fn below(&self, rank: usize) -> f64 {
        (self.median - self.values[rank]) + self.rest
    }

    /// How far it lies above.
    #[inline(always)]
    fn above(&self, rank: usize) -> f64 {
        (self.values[rank] - self.median) - self.rest
    }
}

/// The run of neighbours that are nearest to the median.
#[derive(Default)]
struct Nearest {
    first: Pointer,
    last: Pointer,
}

/// Steps from one row's run to the next before a search takes over.
const STEPS: usize = 8;

impl Nearest {
    #[inline(always)]
    fn removed(&mut self, rank: usize) {
        self.first.removed(rank);
        self.last.removed(rank);
    }

    #[inline(always)]
    fn inserted(&mut self, rank: usize) {
        self.first.inserted(rank);
        self.last.inserted(rank);
    }

    /// The median distance from the median.
    fn deviation(&mut self, sample: &Sample<'_>) -> f64 {
        let &Sample { set, count, .. } = sample;
        // The run of `length` nearest neighbours ends at the median distance, or at the lower of two.
        let length = count.div_ceil(2);
        self.settle(sample, length);
        let mut first = self.first.rank;
        let mut last = self.last.rank;
        let left = |rank| sample.below(rank);
        let right = |rank| sample.above(rank);
        // The last run whose left end is the farther one may be the nearer run still.
        if let (Some(earlier), Some(end)) = (set.before(first), set.before(last))
            && left(earlier).max(right(end)) < left(first).max(right(last))
        {
            first = earlier;
            last = end;
        }
        let distance = left(first).max(right(last));
        if count % 2 == 1 {
            return distance;
        }
        let below = set.before(first).map_or(f64::INFINITY, left);
        let above = set.after(last).map_or(f64::INFINITY, right);
        middle(distance, below.min(above))
    }

    /// Moves to the first run of `length` neighbours whose right end is at least as far from the median as its left end, or
    /// to the last run.
    fn settle(&mut self, sample: &Sample<'_>, length: usize) {
        let &Sample { set, counts, count, .. } = sample;
        let last_start = count - length;
        let reaches = |first, last| sample.above(last) >= sample.below(first);
        let start = self.first.below.min(last_start);
        self.first.follow(set, start);
        if self.last.below.abs_diff(start + length - 1) > STEPS {
            self.last = counts.pointer(set, start + length - 1);
        }
        self.last.follow(set, start + length - 1);
        for _ in 0..STEPS {
            let start = self.first.below;
            if !reaches(self.first.rank, self.last.rank) && start < last_start {
                self.first.follow(set, start + 1);
                self.last.follow(set, start + length);
            } else if let (Some(first), Some(last)) = (set.before(self.first.rank), set.before(self.last.rank))
                && reaches(first, last)
            {
                self.first.follow(set, start - 1);
                self.last.follow(set, start + length - 2);
            } else {
                return;
            }
        }
        let (mut low, mut high) = (0, last_start);
        while low < high {
            let start = usize::midpoint(low, high);
            if reaches(counts.select(set, start), counts.select(set, start + length - 1)) {
                high = start;
            } else {
                low = start + 1;
            }
        }
        self.first = counts.pointer(set, low);
        self.last = counts.pointer(set, low + length - 1);
    }
}

impl Counts {
    fn pointer(&self, set: View<'_>, below: usize) -> Pointer {
        Pointer {
            rank: self.select(set, below),
            below,
        }
    }
}
