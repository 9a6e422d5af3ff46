//! Summaries of windows whose rows differ in number.
//!
//! The scheme of [`super::block`] on blocks of time: a window is a suffix of one block and a prefix of the next, each made of
//! its rows in a fixed order, so that its result depends on nothing but them.

use acm_linalg::Result;
use acm_linalg::columns::{Leaf, Tile, allocate};
use acm_linalg::lanes::Row;
use acm_linalg::parallel::Stop;
use fearless_simd::Simd;

use super::beyond::RangeWatch;
use super::bounds::{Bounds, Stretch};
use super::summary::{Place, Sight, State, Statistic, Values, size_of_state};

/// Suffixes are kept for so many rows at a time, and restart from checkpoints as far apart.
const SPAN: usize = 256;

/// Rows of a tile.
const TILE_ROWS: usize = 512;

/// The leaf that computes a [`Statistic`] over windows with bounds of their own.
pub(crate) struct Uneven<'a, K> {
    statistic: K,
    bounds: Bounds<'a>,
    min_periods: usize,
    watch: RangeWatch,
}

impl<'a, K> Uneven<'a, K> {
    pub(crate) fn new(statistic: K, bounds: Bounds<'a>, min_periods: usize) -> Self {
        Self {
            statistic,
            bounds,
            min_periods,
            watch: RangeWatch::default(),
        }
    }

    /// Whether a window may have left the range of the numbers.
    pub(crate) fn noted(&self) -> bool {
        self.watch.noted()
    }
}

pub(crate) struct UnevenScratch {
    /// Where the blocks of the window at hand meet, and the time they count from.
    block: Option<(usize, i64)>,
    /// The rows from there up to `pushed`.
    prefix: Vec<Row>,
    pushed: usize,
    /// Suffixes from every `SPAN`th row before `meet` on.
    checkpoints: Vec<Row>,
    /// Suffixes from each row of `span` on.
    suffixes: Vec<Row>,
    span: std::ops::Range<usize>,
}

/// The tile's rows by their index in the array.
struct Rows<'a> {
    x: &'a [Row],
    y: &'a [Row],
    first: usize,
}

impl Rows<'_> {
    #[inline(always)]
    fn get<S: Simd>(&self, simd: S, row: usize) -> Values<S> {
        let place = row - self.first;
        Values::load(simd, &self.x[place], &self.y[place])
    }
}

impl Stretch {
    /// Whole spans between the one that the window starts in and the end of the older block.
    fn spans_before(&self) -> usize {
        (self.meet - self.start).saturating_sub(1) / SPAN
    }
}

impl<K: Statistic> Uneven<'_, K> {
    #[inline(always)]
    fn push<S: Simd>(&self, simd: S, state: K::State<S>, rows: &Rows<'_>, at: &Stretch, row: usize) -> K::State<S> {
        let place = Place {
            position: if K::State::<S>::TIMES { self.bounds.position(at, row) } else { 0.0 },
            inverse: 0.0,
        };
        state.push::<false>(simd, rows.get(simd, row), place)
    }

    /// Checkpoints of the older block as far back as `at` starts, and the suffixes of the span it starts in.
    #[inline(always)]
    fn look_back<S: Simd>(&self, simd: S, scratch: &mut UnevenScratch, rows: &Rows<'_>, at: &Stretch, stop: &Stop) {
        let size = K::State::<S>::SIZE;
        let mut state: K::State<S> = State::empty(simd);
        let whole = at.spans_before();
        for (number, checkpoint) in scratch.checkpoints.chunks_exact_mut(size).enumerate().take(whole + 1) {
            state.save(checkpoint);
            if stop.requested() {
                return;
            }
            if number < whole {
                let end = at.meet - number * SPAN;
                for row in (end - SPAN..end).rev() {
                    state = self.push(simd, state, rows, at, row);
                }
            }
        }
        self.fill_span(simd, scratch, rows, at);
    }

    /// The suffixes of the span that `at` starts in, as far back as it starts.
    #[inline(always)]
    fn fill_span<S: Simd>(&self, simd: S, scratch: &mut UnevenScratch, rows: &Rows<'_>, at: &Stretch) {
        let size = K::State::<S>::SIZE;
        let number = at.spans_before();
        let end = at.meet - number * SPAN;
        let mut state = K::State::<S>::load(simd, &scratch.checkpoints[number * size..(number + 1) * size]);
        let suffixes = &mut scratch.suffixes[..(end - at.start) * size];
        for (row, suffix) in (at.start..end).rev().zip(suffixes.rchunks_exact_mut(size)) {
            state = self.push(simd, state, rows, at, row);
            state.save(suffix);
        }
        scratch.span = at.start..end;
    }
}

impl<K: Statistic> Leaf for Uneven<'_, K> {
    type Scratch = UnevenScratch;

    fn blocks(&self) -> Vec<usize> {
        vec![K::RESULTS]
    }

    fn window(&self) -> usize {
        self.bounds.longest()
    }

    fn block(&self) -> Option<usize> {
        None
    }

    fn tile_rows(&self) -> usize {
        TILE_ROWS
    }

    fn cost_ns(&self) -> f64 {
        2.0 * K::COST_NS
    }

    fn scratch(&self, _rows: usize) -> Result<UnevenScratch> {
        let (size, longest) = (size_of_state::<K>(), self.bounds.longest());
        Ok(UnevenScratch {
            block: None,
            prefix: allocate(size, "a block summary")?,
            pushed: 0,
            checkpoints: allocate((longest / SPAN + 2) * size, "block summaries")?,
            suffixes: allocate(SPAN.min(longest) * size, "block summaries")?,
            span: 0..0,
        })
    }

    #[inline(always)]
    fn tile<S: Simd>(&self, simd: S, scratch: &mut UnevenScratch, tile: &Tile<'_>, out: &mut [Row]) {
        let size = K::State::<S>::SIZE;
        let rows = Rows {
            x: tile.x,
            y: tile.y,
            first: tile.start[0] - tile.lead,
        };
        let start = tile.start[0] - self.bounds.ahead();
        let sight = Sight {
            min_periods: self.min_periods as f64,
            whole: None,
        };
        if !tile.continues {
            scratch.block = None;
        }
        let mut at = self.bounds.window_of(start);
        let mut prefix: K::State<S> = State::load(simd, &scratch.prefix);
        for (row, results) in (start..).zip(out.chunks_exact_mut(K::RESULTS)) {
            self.bounds.advance(&mut at, row);
            let block = (at.meet, at.origin);
            if scratch.block != Some(block) {
                scratch.block = Some(block);
                scratch.pushed = at.meet;
                prefix = State::empty(simd);
                self.look_back(simd, scratch, &rows, &at, tile.stop);
            }
            for row in scratch.pushed..at.end {
                if row % SPAN == 0 && tile.stop.requested() {
                    return;
                }
                prefix = self.push(simd, prefix, &rows, &at, row);
            }
            scratch.pushed = scratch.pushed.max(at.end);
            let older: K::State<S> = if at.start == at.meet {
                State::empty(simd)
            } else {
                if !scratch.span.contains(&at.start) {
                    self.fill_span(simd, scratch, &rows, &at);
                }
                let place = (at.start - scratch.span.start) * size;
                State::load(simd, &scratch.suffixes[place..place + size])
            };
            let merged = older.merge::<false>(simd, prefix, 0.0);
            self.statistic.finish(simd, merged, sight, results);
        }
        prefix.save(&mut scratch.prefix);
        let y = if K::State::<S>::PAIRS { tile.y } else { &[] };
        if K::POWERS.iter().all(Option::is_none) {
            return;
        }
        if K::SQUARES {
            self.watch.look::<S, true>(simd, tile, [tile.x, y]);
        } else {
            self.watch.look::<S, false>(simd, tile, [tile.x, y]);
        }
    }
}
