//! Rolling sums that move on by a row, where sums come out exact and so nothing that has left a window remains in them.
//!
//! A value is cut into a high part, a multiple of one power of two, and the low part that is left (Rump, Ogita & Oishi 2008,
//! "Accurate floating-point summation, part I", doi 10.1137/050645671, `ExtractScalar`). Between the largest and the least
//! value of a window there may be so many powers of two that sums of high parts and sums of low parts all are float64s: then
//! no addition rounds, and what leaves the window can be subtracted. Compensated sums are exact under the same condition, so
//! that the bytes are those of blocks merged from them, and where the condition does not hold, blocks it is.

use acm_linalg::columns::{self, Leaf, Source, Tile};
use acm_linalg::lanes::{Element, LANES, Row, V};
use acm_linalg::{Result, Table};
use fearless_simd::{Simd, f64x8, prelude::*};
use ndarray::ArrayViewMut2;

use super::beyond::LARGE;
use super::block::{self, BlockScratch, Blocks};
use super::summary::{Sight, Statistic};
use super::sums::Compensated;
use super::window::Window;
use super::windows::{Layout, Windows};

#[cfg(test)]
mod tests;

/// Rows between two looks at whether any of them is missing.
const TOGETHER: usize = 16;

/// The bits of an exponent.
const EXPONENT: u64 = 0x7ff << 52;

/// A statistic some of whose results come of sums that move on.
pub(crate) trait Moves: Statistic {
    /// Whether one of them is the sum of values times positions.
    const LINE: bool;

    /// What gives the other results, as many in all and each in its place.
    type Rest: Statistic;

    fn rest(&self) -> Option<Self::Rest>;

    /// Writes the results that come of the sums of a window in which nothing is missing.
    fn write<S: Simd>(&self, simd: S, sums: Exact<S>, window: Sight, results: &mut [Row]);
}

/// Exact sums over the rows of a window.
#[derive(Clone, Copy)]
pub(crate) struct Exact<S: Simd> {
    pub(crate) sum: Compensated<S>,
    /// Of values times twice their positions, counted from the window's middle.
    pub(crate) line: Compensated<S>,
}

/// 2 to this power; the least and the largest that float64 has where it is beyond.
fn power(exponent: i64) -> f64 {
    f64::from_bits(exponent.saturating_add(1023).clamp(1, 2046).unsigned_abs() << 52)
}

/// The largest and the least size of the values of each lane, zeros aside.
#[derive(Clone, Copy)]
struct Sizes {
    largest: Row,
    least: Row,
}

impl Sizes {
    const NONE: Self = Self {
        largest: Row::splat(0.0),
        least: Row::splat(f64::INFINITY),
    };

    /// With those of these rows, and where to cut them. Where a value is missing or large, or sums may round, the place of a
    /// row instead: as long as windows see it, they see what is in the way, for that is this row or comes after it.
    #[inline(always)]
    fn with<S: Simd>(self, simd: S, rows: &[Row], bits: i64) -> std::result::Result<(Self, Row), usize> {
        let infinity = f64x8::splat(simd, f64::INFINITY);
        let (mut largest, mut least) = (self.largest.load(simd), self.least.load(simd));
        let (mut found, mut begun) = (self, rows.len());
        // From the newest on: of bad rows the last counts.
        for (number, rows) in rows.rchunks(TOGETHER).enumerate() {
            begun -= rows.len();
            let mut ordinary = infinity.simd_eq(infinity);
            for row in rows {
                let size = row.load(simd).abs();
                ordinary &= size.simd_lt(LARGE);
                largest = largest.max(size);
                least = least.min(size.simd_eq(0.0).select(infinity, size));
            }
            if !ordinary.all_true() {
                return Err(begun);
            }
            found.largest.store(largest);
            found.least.store(least);
            // Not after every sixteen rows: it takes as long as they do.
            if (number + 1).is_power_of_two() && found.cut(bits).is_none() {
                return Err(begun);
            }
        }
        found.cut(bits).map(|cut| (found, cut)).ok_or(0)
    }

    /// Where to cut the values of each lane, for sums of at most 2^`bits` times a value, if they then are exact.
    ///
    /// With all values below 2^k a sum is below 2^(k + bits), and 1.5 times 2^p, p = k + bits + 1, has room for a value or a
    /// sum: what it leaves of one is a multiple of 2^(p - 52), and sums of such are exact. Low parts are at most 2^(p - 53)
    /// and multiples of 2^u, the unit of the least value's last place: sums of them are exact up to 2^(u + 53). There is room for
    /// four times as much as 2^bits of them come to: a new cut, at least twice as high, moves up to half a multiple from the high
    /// part of a sum to its low one, and so may later values, each as much, so that with half of what moved at the cut before all
    /// of it is less than three times as much again.
    fn cut(&self, bits: i64) -> Option<Row> {
        let mut cut = Row::splat(1.5);
        for lane in 0..LANES {
            let (largest, least) = (self.largest.0[lane], self.least.0[lane]);
            if largest == 0.0 {
                continue;
            }
            let exponent = |size: f64| ((size.to_bits() & EXPONENT) >> 52).cast_signed() - 1023;
            let place = exponent(largest) + 1 + bits + 1;
            let unit = (exponent(least) - 52).max(-1074);
            if place - 53 + bits + 2 > unit + 53 {
                return None;
            }
            cut.0[lane] = 1.5 * power(place);
        }
        Some(cut)
    }
}

/// The parts of a value.
#[inline(always)]
fn parts<S: Simd>(cut: V<S>, x: V<S>) -> Compensated<S> {
    let high = (cut + x) - cut;
    Compensated { high, low: x - high }
}

/// Sums and differences that are exact.
impl<S: Simd> Compensated<S> {
    #[inline(always)]
    fn plus(self, other: Self) -> Self {
        Self {
            high: self.high + other.high,
            low: self.low + other.low,
        }
    }

    #[inline(always)]
    fn minus(self, other: Self) -> Self {
        Self {
            high: self.high - other.high,
            low: self.low - other.low,
        }
    }

    #[inline(always)]
    fn times(self, factor: f64) -> Self {
        Self {
            high: self.high * factor,
            low: self.low * factor,
        }
    }
}

/// The sums of a window in two parts each, and what is known of its values.
struct Moving {
    sizes: Sizes,
    cut: Row,
    /// Of the window's rows without the newest one, which has not come yet.
    sum: [Row; 2],
    /// The same for [`Exact::line`].
    line: [Row; 2],
}

#[inline(always)]
fn loaded<S: Simd>(simd: S, [high, low]: &[Row; 2]) -> Compensated<S> {
    Compensated {
        high: high.load(simd),
        low: low.load(simd),
    }
}

#[inline(always)]
fn stored<S: Simd>(sum: Compensated<S>) -> [Row; 2] {
    let mut rows = [Row::default(); 2];
    rows[0].store(sum.high);
    rows[1].store(sum.low);
    rows
}

impl Moving {
    /// Before the last of a window's rows has come: `rows` begin with those before it.
    #[inline(always)]
    fn begin<S: Simd, K: Moves>(simd: S, rows: &[Row], window: usize, bits: i64) -> std::result::Result<Self, usize> {
        let (sizes, cut) = Sizes::NONE.with(simd, rows, bits)?;
        let (mut sum, mut line) = (Compensated::zero(simd), Compensated::zero(simd));
        let mut place = 1.0 - window as f64;
        for row in &rows[..window - 1] {
            let parts = parts(cut.load(simd), row.load(simd));
            sum = sum.plus(parts);
            if K::LINE {
                line = line.plus(parts.times(place));
                place += 2.0;
            }
        }
        Ok(Self {
            sizes,
            cut,
            sum: stored(sum),
            line: stored(line),
        })
    }

    /// With room for these rows, where sums with them are exact.
    #[inline(always)]
    fn with_room<S: Simd>(mut self, simd: S, rows: &[Row], bits: i64) -> Option<Self> {
        let cut;
        (self.sizes, cut) = self.sizes.with(simd, rows, bits).ok()?;
        if cut != self.cut {
            for sum in [&mut self.sum, &mut self.line] {
                let Compensated { high, low } = loaded(simd, sum);
                let parts = parts(cut.load(simd), high);
                *sum = stored(Compensated {
                    high: parts.high,
                    low: low + parts.low,
                });
            }
            self.cut = cut;
        }
        Some(self)
    }

    /// The windows that end with the rows after the first `window - 1`.
    #[inline(always)]
    fn walk<S: Simd, K: Moves>(&mut self, simd: S, statistic: K, window: Window, rows: &[Row], results: &mut [Row]) {
        let (length, last) = (window.rows() as f64, window.rows() - 1);
        let sight = Sight {
            min_periods: window.min_periods() as f64,
            whole: Some(length),
        };
        let cut = self.cut.load(simd);
        let (mut sum, mut line) = (loaded(simd, &self.sum), loaded(simd, &self.line));
        let ends = rows[last..].iter().zip(rows);
        for ((newest, oldest), results) in ends.zip(results.chunks_exact_mut(K::RESULTS)) {
            let newest = parts(cut, newest.load(simd));
            let oldest = parts(cut, oldest.load(simd));
            let whole = Exact {
                sum: sum.plus(newest),
                line: if K::LINE { line.plus(newest.times(length - 1.0)) } else { line },
            };
            statistic.write(simd, whole, sight, results);
            sum = sum.plus(newest.minus(oldest));
            if K::LINE {
                // All that stay are two half rows farther from the middle.
                line = whole.line.plus(oldest.times(length - 1.0)).minus(sum.times(2.0));
            }
        }
        self.sum = stored(sum);
        self.line = stored(line);
    }
}

/// The leaf of a statistic that moves on by a row where it can, and is merged from blocks where it cannot.
pub(crate) struct SumsOrBlocks<K: Moves> {
    statistic: K,
    window: Window,
    blocks: Blocks<K>,
    rest: Option<Blocks<K::Rest>>,
    /// Tiles whose sums were moved on, and all.
    #[cfg(test)]
    tiles: [std::sync::atomic::AtomicUsize; 2],
}

pub(crate) struct SumsOrBlocksScratch {
    moving: Option<Moving>,
    /// Rows until sums may be exact again.
    wait: usize,
    blocks: BlockScratch,
    rest: Option<BlockScratch>,
}

impl<K: Moves> SumsOrBlocks<K> {
    pub(crate) fn new(statistic: K, window: Window) -> Result<Self> {
        Ok(Self {
            statistic,
            window,
            blocks: Blocks::new(statistic, window)?,
            rest: statistic.rest().map(|rest| Blocks::new(rest, window)).transpose()?,
            #[cfg(test)]
            tiles: Default::default(),
        })
    }

    /// Whether a window may have left the range of the numbers: what `rest` computes has none such.
    pub(crate) fn noted(&self) -> bool {
        self.blocks.noted()
    }

    /// What moves over a tile, where its sums are exact.
    #[inline(always)]
    fn moving<S: Simd>(&self, simd: S, scratch: &mut SumsOrBlocksScratch, tile: &Tile<'_>) -> Option<Moving> {
        let window = self.window.rows();
        let waited = scratch.wait == 0;
        scratch.wait = scratch.wait.saturating_sub(tile.rows());
        if tile.lead + 1 < window || !waited {
            return None;
        }
        // A sum over the rows is less than that many times a value; one over twice their positions, times the rows again.
        let rows = i64::from(usize::BITS - window.leading_zeros());
        let bits = if K::LINE { 2 * rows } else { rows };
        if let Some(moving) = scratch.moving.take() {
            return moving.with_room(simd, &tile.x[tile.lead..], bits);
        }
        match Moving::begin::<S, K>(simd, &tile.x[tile.lead + 1 - window..], window, bits) {
            Ok(moving) => Some(moving),
            Err(place) => {
                scratch.wait = (place + 1).saturating_sub(tile.rows());
                None
            }
        }
    }
}

impl<K: Moves> Leaf for SumsOrBlocks<K> {
    type Scratch = SumsOrBlocksScratch;

    fn blocks(&self) -> Vec<usize> {
        self.blocks.blocks()
    }

    fn window(&self) -> usize {
        self.window.rows()
    }

    fn lead(&self, end: usize) -> usize {
        self.blocks.lead(end)
    }

    fn tile_rows(&self) -> usize {
        self.blocks.tile_rows()
    }

    fn cost_ns(&self) -> f64 {
        self.blocks.cost_ns()
    }

    fn scratch(&self, rows: usize) -> Result<SumsOrBlocksScratch> {
        Ok(SumsOrBlocksScratch {
            moving: None,
            wait: 0,
            blocks: self.blocks.scratch(rows)?,
            rest: self.rest.as_ref().map(|rest| rest.scratch(rows)).transpose()?,
        })
    }

    #[inline(always)]
    fn tile<S: Simd>(&self, simd: S, scratch: &mut SumsOrBlocksScratch, tile: &Tile<'_>, out: &mut [Row]) {
        if !tile.continues {
            scratch.moving = None;
            scratch.wait = 0;
        }
        let moved = scratch.moving.is_some();
        let moving = self.moving(simd, scratch, tile);
        #[cfg(test)]
        for (count, one) in self.tiles.iter().zip([moving.is_some(), true]) {
            count.fetch_add(usize::from(one), std::sync::atomic::Ordering::Relaxed);
        }
        // What either way knows of the rows before is true where it computed them.
        let tile = Tile {
            continues: tile.continues && moved == moving.is_some(),
            ..*tile
        };
        let Some(mut moving) = moving else {
            self.blocks.tile(simd, &mut scratch.blocks, &tile, out);
            return;
        };
        let rows = &tile.x[tile.lead + 1 - self.window.rows()..];
        moving.walk(simd, self.statistic, self.window, rows, out);
        scratch.moving = Some(moving);
        if let (Some(rest), Some(scratch)) = (&self.rest, &mut scratch.rest) {
            rest.tile(simd, scratch, &tile, out);
        }
    }
}

/// Computes such a statistic over the windows of each lane.
pub(super) fn run<T: Element, K: Moves>(
    statistic: K,
    x: Table<'_, T>,
    windows: Windows<'_>,
    mut out: ArrayViewMut2<'_, T>,
) -> Result<()> {
    match windows.over(x.nrows())? {
        Layout::Even(window, history, late) => {
            let source = Source::from(x).later(late);
            let leaf = SumsOrBlocks::new(statistic, window)?;
            columns::run(&leaf, source, history, out.view_mut())?;
            if leaf.noted() {
                block::again::<T, K, _>(&leaf, source, history, window.min_periods(), out)
            } else {
                Ok(())
            }
        }
        Layout::Uneven(bounds, history) => {
            block::run_over(statistic, x.into(), (bounds, history), windows.min_periods(), out)
        }
    }
}
