//! Windows merged from block summaries.
//!
//! Time is cut into blocks of the window's length at absolute multiples of the window. A window then is a suffix of one
//! block and a prefix of the next, and its summary is the merge of theirs: three pushes or merges a row whatever the window,
//! and nothing is ever subtracted (van Herk 1992, doi 10.1016/0167-8655(92)90069-C; Gil & Werman 1993, doi
//! 10.1109/34.211471, for extremes; here for any summary that merges).

use acm_linalg::Result;
use acm_linalg::columns::{self, History, Leaf, Tile, allocate};
use acm_linalg::lanes::{Element, Row, V};
use fearless_simd::Simd;
use ndarray::{ArrayView2, ArrayViewMut2};

use super::window::Window;

/// Suffixes are kept for so many rows at a time; where the window is longer, they restart from checkpoints.
const SPAN: usize = 256;

/// Rows of a tile, as near as whole windows come to it.
const TILE_ROWS: usize = 512;

/// Most rows of [`Row`] that a summary may take in memory.
const MOST: usize = 8;

/// A summary of some rows of a window that grows by a row at either end and merges with its neighbour.
pub(crate) trait Summary: Sync {
    /// The summary in registers.
    type State<S: Simd>: Copy;

    /// Rows of memory it takes.
    const SIZE: usize;

    /// Results it gives.
    const RESULTS: usize;

    /// Estimated time for one value, in nanoseconds.
    const COST_NS: f64;

    fn empty<S: Simd>(simd: S) -> Self::State<S>;

    /// With the row `x` at `position`, a whole number that rises by 1 a row; missing values are NaN.
    fn push<S: Simd>(simd: S, state: Self::State<S>, x: V<S>, position: f64) -> Self::State<S>;

    /// Of two neighbours, the older first.
    fn merge<S: Simd>(simd: S, older: Self::State<S>, newer: Self::State<S>) -> Self::State<S>;

    fn save<S: Simd>(state: Self::State<S>, memory: &mut [Row]);

    fn load<S: Simd>(simd: S, memory: &[Row]) -> Self::State<S>;

    /// The statistic, NaN where it is not defined or `min_periods` is not reached.
    fn finish<S: Simd>(&self, simd: S, state: Self::State<S>, min_periods: f64, results: &mut [Row]);
}

/// The leaf that computes a [`Summary`]'s statistic over trailing windows.
pub(crate) struct Blocks<K> {
    pub(crate) summary: K,
    pub(crate) window: Window,
}

pub(crate) struct BlockScratch {
    /// The prefix at the end of the last tile.
    prefix: Vec<Row>,
    /// Suffixes of the last block, from every `SPAN`th row on.
    checkpoints: Vec<Row>,
    /// Suffixes from each row of the span at hand on.
    suffixes: Vec<Row>,
}

impl<K: Summary> Leaf for Blocks<K> {
    type Scratch = BlockScratch;

    fn blocks(&self) -> Vec<usize> {
        vec![K::RESULTS]
    }

    fn window(&self) -> usize {
        self.window.rows()
    }

    fn lead(&self, end: usize) -> usize {
        // Within the first block there is no block before.
        if end <= self.window.rows() { 0 } else { self.window.rows() - 1 }
    }

    fn tile_rows(&self) -> usize {
        tile_rows(self.window.rows())
    }

    fn cost_ns(&self) -> f64 {
        K::COST_NS
    }

    fn scratch(&self, rows: usize) -> Result<BlockScratch> {
        const { assert!(K::SIZE <= MOST) };
        let window = self.window.rows().min(rows);
        let checkpoints = if window > SPAN { window / SPAN + 2 } else { 0 };
        Ok(BlockScratch {
            prefix: allocate(K::SIZE, "a block summary")?,
            checkpoints: allocate(checkpoints * K::SIZE, "block summaries")?,
            suffixes: allocate(SPAN.min(window) * K::SIZE, "block summaries")?,
        })
    }

    #[inline(always)]
    fn tile<S: Simd>(&self, simd: S, scratch: &mut BlockScratch, tile: &Tile<'_>, out: &mut [Row]) {
        let window = self.window.rows();
        let min_periods = self.window.min_periods() as f64;
        let x = tile.x;
        let mut at = tile.lead;
        let mut position = tile.phase;
        let mut out = out;
        let mut prefix = if tile.continues && position > 0 {
            K::load(simd, &scratch.prefix)
        } else {
            let held = position.min(at);
            (at - held..at).fold(K::empty(simd), |state, row| {
                K::push(simd, state, x[row].load(simd), (position + row - at) as f64)
            })
        };
        let mut fresh = !tile.continues;
        while at < x.len() {
            if position == window {
                position = 0;
                prefix = K::empty(simd);
            }
            // The older block: its row q is x[start + q - window], as far as that exists.
            let older = Older {
                rows: &x[..at - position.min(at)],
                window,
            };
            if window > SPAN && (fresh || position == 0) {
                older.checkpoint::<K, S>(simd, position, &mut scratch.checkpoints);
            }
            fresh = false;
            let end = (position / SPAN * SPAN + SPAN).min(window).min(position + x.len() - at);
            older.suffixes::<K, S>(simd, position..end, &scratch.checkpoints, &mut scratch.suffixes);
            for (step, suffix) in (position..end).zip(scratch.suffixes.chunks_exact(K::SIZE)) {
                prefix = K::push(simd, prefix, x[at].load(simd), step as f64);
                let whole = K::merge(simd, K::load(simd, suffix), prefix);
                let (results, rest) = out.split_at_mut(K::RESULTS);
                self.summary.finish(simd, whole, min_periods, results);
                out = rest;
                at += 1;
            }
            position = end;
            if tile.stop.requested() {
                return;
            }
        }
        K::save(prefix, &mut scratch.prefix);
    }
}

/// The rows of the block before the one at hand, as far as the history has them.
struct Older<'a> {
    rows: &'a [Row],
    window: usize,
}

impl Older<'_> {
    /// Pushes rows `from..to`, newest first, onto `state`; `to` at most the window.
    #[inline(always)]
    fn extend<K: Summary, S: Simd>(
        &self,
        simd: S,
        mut state: K::State<S>,
        from: usize,
        to: usize,
        mut each: impl FnMut(usize, K::State<S>),
    ) -> K::State<S> {
        for row in (from..to).rev() {
            let back = self.window - row;
            if back <= self.rows.len() {
                state = K::push(simd, state, self.rows[self.rows.len() - back].load(simd), -(back as f64));
            }
            each(row, state);
        }
        state
    }

    /// Suffixes from every `SPAN`th row after `position` on.
    #[inline(always)]
    fn checkpoint<K: Summary, S: Simd>(&self, simd: S, position: usize, checkpoints: &mut [Row]) {
        let mut state = K::empty(simd);
        let mut to = self.window;
        // Older rows than the history has add nothing: their checkpoints stay empty all the same.
        let last = (self.window - 1) / SPAN;
        for number in (position / SPAN + 1..=last).rev() {
            state = self.extend::<K, S>(simd, state, number * SPAN, to, |_, _| {});
            to = number * SPAN;
            K::save(state, &mut checkpoints[number * K::SIZE..(number + 1) * K::SIZE]);
        }
    }

    /// For each row of `span`, the suffix that starts one row later.
    #[inline(always)]
    fn suffixes<K: Summary, S: Simd>(
        &self,
        simd: S,
        span: std::ops::Range<usize>,
        checkpoints: &[Row],
        suffixes: &mut [Row],
    ) {
        let restart = (span.start / SPAN * SPAN + SPAN).min(self.window);
        let state = if restart == self.window {
            K::empty(simd)
        } else {
            let number = restart / SPAN;
            K::load(simd, &checkpoints[number * K::SIZE..(number + 1) * K::SIZE])
        };
        let mut keep = |row: usize, state: K::State<S>| {
            let place = row - span.start - 1;
            K::save(state, &mut suffixes[place * K::SIZE..(place + 1) * K::SIZE]);
        };
        if restart == span.end {
            keep(restart, state);
        }
        let state = self.extend::<K, S>(simd, state, span.end + 1, restart.max(span.end + 1), |_, _| {});
        self.extend::<K, S>(simd, state, span.start + 1, restart.min(span.end + 1), keep);
    }
}

/// A tile's rows for windows of this length: whole windows where they are short.
pub(crate) fn tile_rows(window: usize) -> usize {
    if window < TILE_ROWS { TILE_ROWS / window * window } else { TILE_ROWS }
}

/// Computes a summary's statistic over trailing windows of each column.
pub(crate) fn run<T: Element, K: Summary>(
    summary: K,
    x: ArrayView2<'_, T>,
    window: Window,
    out: ArrayViewMut2<'_, T>,
) -> Result<()> {
    let history = History {
        first_row: window.first_row(),
        fill: None,
    };
    let window = window.within(x.nrows());
    columns::run(&Blocks { summary, window }, x, history, out)
}
