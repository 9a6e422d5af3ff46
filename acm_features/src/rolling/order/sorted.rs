//! Short windows, kept sorted without a branch: eight columns at a time, in place.
//!
//! A missing value is held as an infinity, of either sign in turn, so that the middle of the sorted window stays the middle
//! of what is not missing: of `c` missing values floor(c / 2) are -inf and the rest +inf.

use acm_linalg::Result;
use acm_linalg::columns::{Tile, allocate};
use acm_linalg::lanes::{LANES, Row, V};
use fearless_simd::{Simd, f64x8, prelude::*};

use super::Wanted;
use crate::rolling::block::any_missing;
use crate::rolling::summary::where_enough;
use crate::rolling::window::Window;

pub(crate) struct Sorted {
    pub(super) wanted: Wanted,
    pub(super) window: Window,
}

pub(crate) struct SortedScratch {
    /// The sorted window, missing values balanced about it, and +inf above.
    balanced: Vec<Row>,
    /// The sorted window with every missing value above it; kept up only where a tile has some.
    packed: Vec<Row>,
    /// Distances from the median, upwards.
    above: Vec<Row>,
    /// Missing values in the window, by lane.
    missing: Row,
}

/// What slides into and out of a window.
struct Change<S: Simd> {
    leaving: V<S>,
    entering: V<S>,
}

/// The exact median: what rounding took from it matters where values lie close together and far from 0.
struct Centre<S: Simd> {
    median: V<S>,
    rest: V<S>,
}

/// Removes one value from a sorted window and inserts another, in one pass: without the leaving value every later one
/// moves down by one, and with the entering one every larger one moves up again.
#[inline(always)]
fn slide<S: Simd>(simd: S, window: &mut [Row], change: &Change<S>) {
    let Change { leaving, entering } = *change;
    let mut below = f64x8::splat(simd, f64::NEG_INFINITY);
    let mut here = window[0].load(simd);
    for place in 0..window.len() - 1 {
        let next = window[place + 1].load(simd);
        let kept = here.simd_ge(leaving).select(next, here);
        window[place].store(below.max(kept.min(entering)));
        below = kept;
        here = next;
    }
}

/// The least radius about the centre of a run that starts in `values` and ends as far above the centre as `above` says.
#[inline(always)]
fn least<S: Simd>(simd: S, values: &[Row], above: &[Row], centre: &Centre<S>) -> V<S> {
    let mut least = f64x8::splat(simd, f64::INFINITY);
    for (low, above) in values.iter().zip(above) {
        let below = (centre.median - low.load(simd)) + centre.rest;
        least = least.min(above.load(simd).max(below));
    }
    least
}

impl Sorted {
    pub(super) fn cost_ns(&self) -> f64 {
        let window = self.window.rows() as f64;
        let mad = if self.wanted.mad.is_some() { 2.0 } else { 1.0 };
        1.0 + 0.2 * window * mad
    }

    pub(super) fn scratch(&self) -> Result<SortedScratch> {
        let rows = self.window.rows() + 1;
        Ok(SortedScratch {
            balanced: allocate(rows, "a sorted window")?,
            packed: allocate(rows, "a sorted window")?,
            above: allocate(rows, "a sorted window")?,
            missing: Row::default(),
        })
    }

    #[inline(always)]
    pub(super) fn tile<S: Simd>(&self, simd: S, scratch: &mut SortedScratch, tile: &Tile<'_>, out: &mut [Row]) {
        let window = self.window.rows();
        // Lanes that are not in use hold 0 and count as full, so that they do not send the others the long way.
        let active = Row(std::array::from_fn(|lane| if lane < tile.lanes { 1.0 } else { 0.0 }));
        let active = active.load(simd).simd_gt(0.0);
        let absent = active.select(f64x8::splat(simd, f64::NAN), f64x8::splat(simd, 0.0));
        let oldest = tile.lead.saturating_sub(window);

        if !tile.continues {
            scratch.start(window, tile.lanes);
            for row in &tile.x[oldest..tile.lead] {
                scratch.push(simd, absent, row.load(simd), false);
            }
        }
        let gaps = tile.lead < window || any_missing(simd, &tile.x[oldest..]);
        let with_packed = gaps && self.wanted.mad.is_some();
        if with_packed {
            scratch.pack(window);
        }
        let results = self.wanted.results();
        for (row, out) in (tile.lead..tile.x.len()).zip(out.chunks_exact_mut(results)) {
            let leaving = if row >= window { tile.x[row - window].load(simd) } else { absent };
            scratch.push(simd, leaving, tile.x[row].load(simd), with_packed);
            self.results(simd, scratch, with_packed, out);
        }
    }

    #[inline(always)]
    fn results<S: Simd>(&self, simd: S, scratch: &mut SortedScratch, with_packed: bool, out: &mut [Row]) {
        let window = self.window.rows();
        let missing = scratch.missing.load(simd);
        let count = window as f64 - missing;
        let needed = self.window.min_periods().max(1) as f64;
        let mut out = out.iter_mut();
        if self.wanted.median || self.wanted.mad.is_some() {
            let odd = is_odd(missing);
            let (low, high) = if window % 2 == 1 {
                let here = scratch.balanced[window / 2].load(simd);
                let below = scratch.balanced[(window / 2).saturating_sub(1)].load(simd);
                (odd.select(below, here), here)
            } else {
                let here = scratch.balanced[window / 2 - 1].load(simd);
                let above = scratch.balanced[window / 2].load(simd);
                (here, odd.select(here, above))
            };
            let median = middle(low, high);
            if self.wanted.median
                && let Some(out) = out.next()
            {
                out.store(where_enough(simd, count, needed, median));
            }
            if let Some(scale) = self.wanted.mad
                && let Some(out) = out.next()
            {
                let centre = Centre {
                    median,
                    rest: ((low - median) + (high - median)) * 0.5,
                };
                let mad = scratch.deviation(simd, window, &centre, odd, with_packed) * scale;
                out.store(where_enough(simd, count, needed, mad));
            }
        }
        if !self.wanted.quantiles.is_empty() {
            let below = (missing * 0.5).floor();
            let uniform = missing.simd_eq(scratch.missing.0[0]).all_true();
            for (q, out) in self.wanted.quantiles.iter().zip(out) {
                let place = *q * (count - 1.0).max(f64x8::splat(simd, 0.0));
                let whole = place.floor();
                let fraction = place - whole;
                let (low, high) = if uniform {
                    let first = to_index((below + whole).as_array()[0]);
                    let last = (first + 1).min(window);
                    (scratch.balanced[first.min(window)].load(simd), scratch.balanced[last].load(simd))
                } else {
                    scratch.pick(simd, window, below + whole)
                };
                // The neighbour above the last value is infinite and weighs nothing.
                let high = fraction.simd_gt(0.0).select(high, low);
                let gap = high - low;
                let plain = low + gap * fraction;
                let careful = low * (1.0 - fraction) + high * fraction;
                let quantile = gap.simd_lt(f64::INFINITY).select(plain, careful);
                out.store(where_enough(simd, count, needed, quantile));
            }
        }
    }
}

impl SortedScratch {
    /// A window in which everything is missing, in the lanes that are in use.
    fn start(&mut self, window: usize, lanes: usize) {
        for (place, row) in self.balanced.iter_mut().enumerate() {
            let infinity = if place < window / 2 { f64::NEG_INFINITY } else { f64::INFINITY };
            *row = Row(std::array::from_fn(|lane| match (lane < lanes, place < window) {
                (true, _) => infinity,
                (false, true) => 0.0,
                (false, false) => f64::INFINITY,
            }));
        }
        self.missing = Row(std::array::from_fn(|lane| if lane < lanes { window as f64 } else { 0.0 }));
    }

    /// Makes `packed` agree with `balanced`.
    fn pack(&mut self, window: usize) {
        for lane in 0..LANES {
            let below = to_index(self.missing.0[lane]) / 2;
            for place in 0..=window {
                let from = (place + below).min(window);
                self.packed[place].0[lane] = self.balanced[from].0[lane];
            }
        }
    }

    /// Slides the window by a row.
    #[inline(always)]
    fn push<S: Simd>(&mut self, simd: S, leaving: V<S>, entering: V<S>, with_packed: bool) {
        let one = f64x8::splat(simd, 1.0);
        let zero = f64x8::splat(simd, 0.0);
        let high = f64x8::splat(simd, f64::INFINITY);
        let low = f64x8::splat(simd, f64::NEG_INFINITY);
        let before = self.missing.load(simd);
        let gap_leaves = leaving.simd_ne(leaving);
        let gap_enters = entering.simd_ne(entering);
        let between = before - gap_leaves.select(one, zero);
        let balanced = Change {
            leaving: gap_leaves.select(is_odd(before).select(high, low), leaving),
            entering: gap_enters.select(is_odd(between).select(low, high), entering),
        };
        slide(simd, &mut self.balanced, &balanced);
        if with_packed {
            let packed = Change {
                leaving: gap_leaves.select(high, leaving),
                entering: gap_enters.select(high, entering),
            };
            slide(simd, &mut self.packed, &packed);
        }
        self.missing.store(between + gap_enters.select(one, zero));
    }

    /// The median of the distances from the centre.
    ///
    /// The k + 1 values nearest to it are neighbours in sorted order, so the k-th distance is the least over all runs of
    /// k + 1 neighbours of the larger distance of their ends.
    #[inline(always)]
    fn deviation<S: Simd>(
        &mut self,
        simd: S,
        window: usize,
        centre: &Centre<S>,
        odd: <V<S> as SimdBase<S>>::Mask,
        with_packed: bool,
    ) -> V<S> {
        let first = if with_packed { &self.packed } else { &self.balanced };
        let middle_place = if window % 2 == 1 { window / 2 } else { window / 2 - 1 };
        let start = if window % 2 == 1 { middle_place.saturating_sub(1) } else { middle_place };
        for place in start..=window {
            self.above[place].store((self.balanced[place].load(simd) - centre.median) - centre.rest);
        }
        let first = &first[..window];
        let above = &self.above[..window];
        if window % 2 == 1 {
            let here = least(simd, first, &above[middle_place..], centre);
            if with_packed && middle_place > 0 {
                let below = least(simd, first, &above[middle_place - 1..], centre);
                middle(odd.select(below, here), here)
            } else {
                here
            }
        } else {
            let here = least(simd, first, &above[middle_place..], centre);
            let next = least(simd, first, &above[middle_place + 1..], centre);
            middle(here, odd.select(here, next))
        }
    }

    /// The values at a place of its own in each lane, and their upper neighbours.
    #[inline(always)]
    fn pick<S: Simd>(&self, simd: S, window: usize, place: V<S>) -> (V<S>, V<S>) {
        let mut low = f64x8::splat(simd, f64::NAN);
        let mut high = low;
        let mut here = self.balanced[0].load(simd);
        for index in 0..window {
            let next = self.balanced[index + 1].load(simd);
            let found = place.simd_eq(index as f64);
            low = found.select(here, low);
            high = found.select(next, high);
            here = next;
        }
        (low, high)
    }
}

#[inline(always)]
fn is_odd<S: Simd>(count: V<S>) -> <V<S> as SimdBase<S>>::Mask {
    let half = count * 0.5;
    half.simd_ne(half.floor())
}

#[inline(always)]
fn middle<S: Simd>(low: V<S>, high: V<S>) -> V<S> {
    let sum = low + high;
    sum.abs().simd_lt(f64::INFINITY).select(sum * 0.5, low * 0.5 + high * 0.5)
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a whole number between 0 and the window"
)]
#[inline(always)]
fn to_index(place: f64) -> usize {
    place as usize
}
