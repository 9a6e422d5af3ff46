//! Windows merged from block summaries.
//!
//! Time is cut into blocks of the window's length at absolute multiples of the window. A window then is a suffix of one
//! block and a prefix of the next, and its summary is the merge of theirs: three pushes or merges a row whatever the window,
//! and nothing is ever subtracted (van Herk 1992, doi 10.1016/0167-8655(92)90069-C; Gil & Werman 1993, doi
//! 10.1109/34.211471, for extremes; here for any summary that merges).

use acm_linalg::Result;
use acm_linalg::columns::{self, History, Leaf, Source, Tile, allocate};
use acm_linalg::lanes::{Element, Row};
use acm_linalg::memory::Gather;
use fearless_simd::{Simd, f64x8, prelude::*};
use ndarray::ArrayViewMut2;

use super::beyond::{self, RangeWatch, ordinary_at_the_end};
use super::bounds::Bounds;
use super::summary::{Place, Sight, State, Statistic, Values, size_of_state};
use super::uneven::Uneven;
use super::window::Window;
use super::windows::{Layout, Windows};

/// Suffixes are kept for so many rows at a time; where the window is longer, they restart from checkpoints.
const SPAN: usize = 256;

/// Rows of a tile, as near as whole windows come to it.
const TILE_ROWS: usize = 512;

/// Longest window whose inverse counts are kept in a table.
const LONGEST_KNOWN: usize = 1 << 16;

/// The leaf that computes a [`Statistic`] over trailing windows of as many rows each.
pub(crate) struct Blocks<K> {
    statistic: K,
    window: Window,
    /// 1 / n for every n up to the window, where that is worth its memory.
    inverses: Vec<f64>,
    watch: RangeWatch,
}

impl<K: Statistic> Blocks<K> {
    pub(crate) fn new(statistic: K, window: Window) -> Result<Self> {
        let known = if window.rows() <= LONGEST_KNOWN { window.rows() } else { 0 };
        let inverses = (0..=known).map(|count| 1.0 / (count as f64).max(1.0));
        Ok(Self {
            statistic,
            window,
            inverses: inverses.gathered("a window")?,
            watch: RangeWatch::default(),
        })
    }
}

pub(crate) struct BlockScratch {
    /// The prefix at the end of the last tile.
    prefix: Vec<Row>,
    /// Suffixes of the last block, from every `SPAN`th row on, as far as it has any: the first from row `first * SPAN`.
    checkpoints: Vec<Row>,
    first: usize,
    /// Suffixes from each row of the span at hand on.
    suffixes: Vec<Row>,
    /// Rows at the end of the last tile, and before it, that are known to hold ordinary values alone.
    ordinary: usize,
    /// Rows at the end of the last tile that are known to hold no large values and no small ones.
    plain: usize,
    /// Whether the prefix holds every row of the history so far, all of them ordinary, and no block is complete.
    first_block: bool,
}

impl<K: Statistic> Leaf for Blocks<K> {
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
        let size = size_of_state::<K>();
        let window = self.window.rows().min(rows);
        let checkpoints = if self.window.rows() > SPAN { window / SPAN + 2 } else { 0 };
        Ok(BlockScratch {
            prefix: allocate(size, "a block summary")?,
            checkpoints: allocate(checkpoints * size, "block summaries")?,
            first: 0,
            suffixes: allocate(SPAN.min(window) * size, "block summaries")?,
            ordinary: 0,
            plain: 0,
            first_block: false,
        })
    }

    #[inline(always)]
    fn tile<S: Simd>(&self, simd: S, scratch: &mut BlockScratch, tile: &Tile<'_>, out: &mut [Row]) {
        let window = self.window.rows();
        let whole = tile.lead + 1 >= window && self.inverses.len() > window;
        let oldest = if whole { tile.lead + 1 - window } else { 0 };
        let mut known = ordinary::<S, K>(simd, tile, tile.lead..tile.x.len());
        if known == tile.x.len() - tile.lead {
            known += if tile.continues {
                scratch.ordinary
            } else {
                ordinary::<S, K>(simd, tile, 0..tile.lead)
            };
        }
        scratch.ordinary = known;
        let begun = if tile.continues {
            scratch.first_block
        } else {
            tile.lead == tile.phase && tile.lead + 1 < window
        };
        let rising = begun && known >= tile.x.len() && self.inverses.len() > window;
        scratch.first_block = rising && tile.phase + tile.rows() < window;
        if rising || (whole && known >= tile.x.len() - oldest) {
            let risen = if rising { self.rise(simd, scratch, tile, out) } else { 0 };
            if risen < tile.rows() {
                let rest = Tile {
                    lead: tile.lead + risen,
                    phase: (tile.phase + risen) % window,
                    start: tile.start.map(|start| start + risen),
                    continues: tile.continues || risen > 0,
                    ..*tile
                };
                self.walk::<S, true>(simd, scratch, &rest, &mut out[risen * K::RESULTS..]);
            }
            // Ordinary values may still be small.
            if risen > 0 && K::SQUARES {
                self.look(simd, tile);
            }
        } else {
            self.walk::<S, false>(simd, scratch, tile, out);
            self.look(simd, tile);
        }
        if K::SQUARES {
            scratch.plain = self.watch.look_at_results(simd, tile, window, out, scratch.plain);
        }
    }
}

impl<K: Statistic> Blocks<K> {
    /// Whether a window may have left the range of the numbers.
    pub(crate) fn noted(&self) -> bool {
        self.watch.noted()
    }

    #[inline(always)]
    fn look<S: Simd>(&self, simd: S, tile: &Tile<'_>) {
        let y = if K::State::<S>::PAIRS { tile.y } else { &[] };
        if K::POWERS.iter().all(Option::is_none) {
            return;
        }
        if !K::SQUARES {
            self.watch.look::<S, false>(simd, tile, [tile.x, y]);
        } else if tile.start[..tile.lanes]
            .iter()
            .any(|start| start.saturating_add(1) < self.window.rows() + tile.late)
        {
            self.watch.look::<S, true>(simd, tile, [tile.x, y]);
        }
    }

    /// The rows of a tile that are of the history's first block, of which nothing is missing: how many values their windows
    /// have is known, and there is no older block. Returns how many rows these are.
    #[inline(always)]
    fn rise<S: Simd>(&self, simd: S, scratch: &mut BlockScratch, tile: &Tile<'_>, out: &mut [Row]) -> usize {
        let rows = tile.rows().min(self.window.rows() - tile.phase);
        let lead = tile.lead + rows;
        let (mut prefix, pushed): (K::State<S>, _) = if tile.continues {
            (State::load(simd, &scratch.prefix), tile.lead)
        } else {
            (beginning::<S, K, true>(simd, tile.x.first(), tile.y.first()), 0)
        };
        let mut out = out.chunks_exact_mut(K::RESULTS);
        let values = tile.x[pushed..lead].iter().zip(&tile.y[pushed..lead]);
        for (step, (x, y)) in (tile.phase + pushed - tile.lead..).zip(values) {
            let place = place::<true>(&self.inverses, step, step + 1);
            prefix = prefix.push::<true>(simd, Values::load(simd, x, y), place);
            if step < tile.phase {
                continue;
            }
            let sight = Sight {
                min_periods: self.window.min_periods() as f64,
                whole: Some(place.position + 1.0),
            };
            if let Some(results) = out.next() {
                self.statistic.finish(simd, prefix, sight, results);
            }
        }
        prefix.save(&mut scratch.prefix);
        rows
    }

    #[inline(always)]
    fn walk<S: Simd, const CLEAN: bool>(&self, simd: S, scratch: &mut BlockScratch, tile: &Tile<'_>, out: &mut [Row]) {
        let size = size_of_suffix::<S, K, CLEAN>();
        let window = self.window.rows();
        let sight = Sight {
            min_periods: self.window.min_periods() as f64,
            whole: CLEAN.then_some(window as f64),
        };
        let of_window = if CLEAN { self.inverses[window] } else { 0.0 };
        let (x, y) = (tile.x, tile.y);
        // Copies of its own: what the loop reads of `self` it reads again for every row.
        let (statistic, inverses) = (self.statistic, self.inverses.as_slice());
        let mut at = tile.lead;
        let mut position = tile.phase;
        let mut out = out;
        let mut prefix: K::State<S> = if tile.continues && position > 0 {
            State::load(simd, &scratch.prefix)
        } else {
            let first = at - position.min(at);
            let mut state = beginning::<S, K, CLEAN>(simd, x.get(first), y.get(first));
            for row in first..at {
                let place = place::<CLEAN>(&self.inverses, position + row - at, position + row - at + 1);
                state = state.push::<CLEAN>(simd, Values::load(simd, &x[row], &y[row]), place);
            }
            state
        };
        let mut fresh = !tile.continues;
        while at < x.len() {
            if position == window {
                position = 0;
                prefix = beginning::<S, K, CLEAN>(simd, x.get(at), y.get(at));
            }
            let end_of_older = at - position.min(at);
            let older = Older {
                x: &x[..end_of_older],
                y: &y[..end_of_older],
                blocks: self,
            };
            if window > SPAN && (fresh || position == 0) {
                scratch.first = older.checkpoint::<S, CLEAN>(simd, position, &mut scratch.checkpoints);
            }
            fresh = false;
            let end = (position / SPAN * SPAN + SPAN).min(window).min(position + x.len() - at);
            let like = older.suffixes::<S, CLEAN>(simd, position..end, scratch);
            let span = end - position;
            let (results, rest) = out.split_at_mut(span * K::RESULTS);
            let rows = x[at..at + span].iter().zip(&y[at..at + span]);
            let places = results.chunks_exact_mut(K::RESULTS).zip(scratch.suffixes.chunks_exact(size));
            for (step, ((x, y), (results, suffix))) in (position..end).zip(rows.zip(places)) {
                let place = place::<CLEAN>(inverses, step, step + 1);
                prefix = prefix.push::<CLEAN>(simd, Values::load(simd, x, y), place);
                let older: K::State<S> = if CLEAN {
                    State::load_unknown(simd, suffix, like, (window - 1 - step) as f64)
                } else {
                    State::load(simd, suffix)
                };
                let merged = older.merge::<CLEAN>(simd, prefix, of_window);
                statistic.finish(simd, merged, sight, results);
            }
            out = rest;
            at += span;
            position = end;
            if tile.stop.requested() {
                return;
            }
        }
        prefix.save(&mut scratch.prefix);
    }
}

/// The state before this row, the first of a block or of a suffix.
#[inline(always)]
fn beginning<S: Simd, K: Statistic, const CLEAN: bool>(simd: S, x: Option<&Row>, y: Option<&Row>) -> K::State<S> {
    match (x, y) {
        (Some(x), Some(y)) if CLEAN => State::before(simd, Values::load(simd, x, y)),
        _ => State::empty(simd),
    }
}

/// Rows of memory that the suffix of a block takes.
#[inline(always)]
fn size_of_suffix<S: Simd, K: Statistic, const CLEAN: bool>() -> usize {
    if CLEAN { K::State::<S>::UNKNOWN } else { K::State::<S>::SIZE }
}

/// The place of a row at `position` of its block that is the `count`-th of its summary.
#[inline(always)]
fn place<const CLEAN: bool>(inverses: &[f64], position: usize, count: usize) -> Place {
    Place {
        position: position as f64,
        inverse: if CLEAN { inverses[count] } else { 0.0 },
    }
}

/// Rows at the end of these before which there is one with a missing or a large value.
#[inline(always)]
fn ordinary<S: Simd, K: Statistic>(simd: S, tile: &Tile<'_>, rows: std::ops::Range<usize>) -> usize {
    let x = ordinary_at_the_end(simd, &tile.x[rows.clone()]);
    if K::State::<S>::PAIRS {
        x.min(ordinary_at_the_end(simd, &tile.y[rows]))
    } else {
        x
    }
}

/// Whether any lane of any row holds a missing value.
#[inline(always)]
pub(crate) fn any_missing<S: Simd>(simd: S, rows: &[Row]) -> bool {
    // 0 for any number, NaN for NaN; four sums, for each waits for what it was before.
    let mut sums = [f64x8::splat(simd, 0.0); 4];
    let (some, rest) = rows.as_chunks::<4>();
    for rows in some {
        for lane in 0..4 {
            sums[lane] += rows[lane].load(simd) * 0.0;
        }
    }
    for row in rest {
        sums[0] += row.load(simd) * 0.0;
    }
    let sum = (sums[0] + sums[1]) + (sums[2] + sums[3]);
    sum.simd_ne(sum).any_true()
}

/// The rows before the block at hand, as far as the history has them: the last is the last row of the block before.
struct Older<'a, K> {
    x: &'a [Row],
    y: &'a [Row],
    blocks: &'a Blocks<K>,
}

impl<K: Statistic> Older<'_, K> {
    /// Pushes row `row` of the block onto `state`, as far as the history has it.
    #[inline(always)]
    fn push<S: Simd, const CLEAN: bool>(&self, simd: S, state: K::State<S>, row: usize) -> K::State<S> {
        let back = self.blocks.window.rows() - row;
        if back > self.x.len() || back > self.y.len() {
            return state;
        }
        let row = Values::load(simd, &self.x[self.x.len() - back], &self.y[self.y.len() - back]);
        let place = Place {
            position: -(back as f64),
            ..place::<CLEAN>(&self.blocks.inverses, 0, back)
        };
        state.push::<CLEAN>(simd, row, place)
    }

    /// Suffixes from every `SPAN`th row after `position` on; returns the number of the first that has all there is.
    #[inline(always)]
    fn checkpoint<S: Simd, const CLEAN: bool>(&self, simd: S, position: usize, checkpoints: &mut [Row]) -> usize {
        let size = K::State::<S>::SIZE;
        let mut to = self.blocks.window.rows();
        let first = (to - self.x.len().min(to)) / SPAN;
        if self.x.is_empty() {
            return first;
        }
        let mut state = beginning::<S, K, CLEAN>(simd, self.x.last(), self.y.last());
        for number in (first.max(position / SPAN + 1)..=(to - 1) / SPAN).rev() {
            for row in (number * SPAN..to).rev() {
                state = self.push::<S, CLEAN>(simd, state, row);
            }
            to = number * SPAN;
            state.save(&mut checkpoints[(number - first) * size..(number - first + 1) * size]);
        }
        first
    }

    /// For each row of `span`, the suffix that starts one row later; returns one like them.
    #[inline(always)]
    fn suffixes<S: Simd, const CLEAN: bool>(
        &self,
        simd: S,
        span: std::ops::Range<usize>,
        scratch: &mut BlockScratch,
    ) -> K::State<S> {
        let BlockScratch {
            checkpoints,
            first,
            suffixes,
            ..
        } = scratch;
        let (size, whole) = (size_of_suffix::<S, K, CLEAN>(), K::State::<S>::SIZE);
        let window = self.blocks.window.rows();
        let restart = (span.start / SPAN * SPAN + SPAN).min(window);
        let mut state: K::State<S> = if restart == window || self.x.is_empty() {
            beginning::<S, K, CLEAN>(simd, self.x.last(), self.y.last())
        } else {
            let place = (restart / SPAN).max(*first) - *first;
            State::load(simd, &checkpoints[place * whole..(place + 1) * whole])
        };
        for row in (span.end..restart).rev() {
            state = self.push::<S, CLEAN>(simd, state, row);
        }
        let suffixes = &mut suffixes[..span.len() * size];
        for (row, suffix) in span.rev().zip(suffixes.rchunks_exact_mut(size)) {
            if CLEAN {
                state.save_unknown(suffix);
            } else {
                state.save(suffix);
            }
            state = self.push::<S, CLEAN>(simd, state, row);
        }
        state
    }
}

/// A tile's rows for windows of this length: whole windows where they are short.
pub(crate) fn tile_rows(window: usize) -> usize {
    if window < TILE_ROWS { TILE_ROWS / window * window } else { TILE_ROWS }
}

/// Computes a statistic over the windows of each lane.
pub(crate) fn run<'a, T: Element, K: Statistic>(
    statistic: K,
    source: impl Into<Source<'a, T>>,
    windows: Windows<'_>,
    mut out: ArrayViewMut2<'_, T>,
) -> Result<()> {
    let source = source.into();
    match windows.over(source.rows())? {
        Layout::Even(window, history, late) => {
            let source = source.later(late);
            let leaf = Blocks::new(statistic, window)?;
            columns::run(&leaf, source, history, out.view_mut())?;
            if leaf.noted() {
                again::<T, K, _>(&leaf, source, history, window.min_periods(), out)
            } else {
                Ok(())
            }
        }
        Layout::Uneven(bounds, history) => run_over(statistic, source, (bounds, history), windows.min_periods(), out),
    }
}

/// The same, each window by its own bounds, and positions by the rows' times.
pub(crate) fn run_uneven<'a, T: Element, K: Statistic>(
    statistic: K,
    source: impl Into<Source<'a, T>>,
    windows: Windows<'_>,
    out: ArrayViewMut2<'_, T>,
) -> Result<()> {
    let source = source.into();
    run_over(statistic, source, windows.bounds(source.rows())?, windows.min_periods(), out)
}

pub(super) fn run_over<T: Element, K: Statistic>(
    statistic: K,
    source: Source<'_, T>,
    (bounds, history): (Bounds<'_>, History<'_>),
    min_periods: usize,
    mut out: ArrayViewMut2<'_, T>,
) -> Result<()> {
    let leaf = Uneven::new(statistic, bounds, min_periods);
    columns::run(&leaf, source, history, out.view_mut())?;
    if leaf.noted() {
        again::<T, K, _>(&leaf, source, history, min_periods, out)
    } else {
        Ok(())
    }
}

pub(super) fn again<T: Element, K: Statistic, L: Leaf>(
    leaf: &L,
    source: Source<'_, T>,
    history: History<'_>,
    min_periods: usize,
    out: ArrayViewMut2<'_, T>,
) -> Result<()> {
    if K::SQUARES {
        // Of one row there is no ratio.
        beyond::again::<T, L, true>(leaf, source, history, K::POWERS, min_periods.max(2), out)
    } else {
        beyond::again::<T, L, false>(leaf, source, history, K::POWERS, min_periods, out)
    }
}
