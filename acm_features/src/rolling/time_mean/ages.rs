//! Eight columns, whatever is missing in them: each lane has readings of its own, told by their ages.
//!
//! An age is a number of nanoseconds in float64. Those up to the window's length and to `hold` are exact
//! ([`TimeMean::has_exact_ages`]); what is older is only ever found to be older.

use std::num::NonZero;

use acm_linalg::Table;
use acm_linalg::lanes::{Element, V};
use acm_linalg::parallel::Stop;
use fearless_simd::{Level, Simd, dispatch, f64x8, prelude::*};
use ndarray::ArrayViewMut2;

use super::TimeMean;
use super::area::Area;
use super::wide::{BLOCK, Sums, Wide};

type Mask<S> = <V<S> as SimdBase<S>>::Mask;

/// Bits that a length has, without the zeros that all end with: sums and differences of two are exact in float64.
const BITS: u32 = 52;

impl TimeMean {
    /// The longest that a reading holds, where that ends within these times.
    fn ending(self, times: &[i64]) -> Option<i64> {
        let (first, last) = (times.first()?, times.last()?);
        self.hold().filter(|hold| last.checked_sub(*first).is_none_or(|span| span > *hold))
    }

    /// Whether float64 tells each duration up to the window's and to `hold`, and no limit of whole numbers is near.
    pub(super) fn has_exact_ages(self, times: &[i64]) -> bool {
        let (Some(&first), Some(&last)) = (times.first(), times.last()) else {
            return true;
        };
        let hold = self.ending(times).unwrap_or(self.window);
        let digits = times.iter().fold(self.window | hold, |digits, time| digits | time);
        let longest = self.window.max(hold) >> digits.trailing_zeros();
        longest < 1 << BITS && first.checked_sub(self.window).is_some() && last.checked_sub(first).is_some()
    }
}

/// No integral of any lane.
#[inline(always)]
fn none<S: Simd>(zero: V<S>) -> Area<V<S>, V<S>> {
    Area {
        high: zero,
        low: zero,
        lasting: zero,
    }
}

/// A reading of each lane: its value and its age, which is infinite where there is none.
#[derive(Clone, Copy)]
struct Aged<S: Simd> {
    value: V<S>,
    age: V<S>,
}

impl<S: Simd> Aged<S> {
    #[inline(always)]
    fn none(simd: S) -> Self {
        Self {
            value: f64x8::splat(simd, 0.0),
            age: f64x8::splat(simd, f64::INFINITY),
        }
    }

    /// With other readings in some lanes.
    #[inline(always)]
    fn replaced(self, lanes: Mask<S>, value: V<S>, age: V<S>) -> Self {
        Self {
            value: lanes.select(value, self.value),
            age: lanes.select(age, self.age),
        }
    }
}

/// What the rows so far come to.
struct Sliding<S: Simd> {
    /// The newest reading, the newest at or before the window's start, and the newest before the block.
    newest: Aged<S>,
    held: Aged<S>,
    before: Aged<S>,
    /// The age of the first reading after `held`; minus infinity where there is none.
    next_age: V<S>,
    /// How long `before` stood when the block's first reading came; 0 as long as there is none.
    crossing: V<S>,
    /// Lanes with a reading in the block, and their rectangles that ended in it.
    begun: Mask<S>,
    newer: Area<V<S>, V<S>>,
    /// Readings in the window.
    count: V<S>,
}

impl<S: Simd> Sliding<S> {
    fn new(simd: S) -> Self {
        let zero = f64x8::splat(simd, 0.0);
        Self {
            newest: Aged::none(simd),
            held: Aged::none(simd),
            before: Aged::none(simd),
            next_age: f64x8::splat(simd, f64::NEG_INFINITY),
            crossing: zero,
            begun: zero.simd_gt(zero),
            newer: none(zero),
            count: zero,
        }
    }

    /// So much later.
    #[inline(always)]
    fn age(&mut self, nanoseconds: f64) {
        for age in [
            &mut self.newest.age,
            &mut self.held.age,
            &mut self.before.age,
            &mut self.next_age,
        ] {
            *age += nanoseconds;
        }
    }

    /// A new block begins.
    #[inline(always)]
    fn begin(&mut self, zero: V<S>) {
        self.before = self.newest;
        self.crossing = zero;
        self.begun = zero.simd_gt(zero);
        self.newer = none(zero);
    }

    /// Takes a row in.
    #[inline(always)]
    fn push(&mut self, simd: S, values: V<S>, hold: V<S>, unit: f64) {
        let (zero, one) = (f64x8::splat(simd, 0.0), f64x8::splat(simd, 1.0));
        let known = values.abs().simd_lt(f64::INFINITY);
        let stood = self.newest.age.min(hold);
        self.newer = self.newer.with_each(self.newest.value, (known & self.begun).select(stood, zero), unit);
        self.crossing = (known & !self.begun).select(stood, self.crossing);
        self.begun |= known;
        self.newest = self.newest.replaced(known, values, zero);
        self.next_age = known.select(self.next_age.max(zero), self.next_age);
        self.count += known.select(one, zero);
    }

    /// Means over the window, with the older block's rectangles.
    #[inline(always)]
    fn means(&self, simd: S, older: Area<V<S>, V<S>>, (window, hold): (V<S>, V<S>), least: f64, unit: f64) -> V<S> {
        let (zero, one) = (f64x8::splat(simd, 0.0), f64x8::splat(simd, 1.0));
        let missing = f64x8::splat(simd, f64::NAN);
        let crossed = self.before.age.simd_lt(window).select(self.crossing, zero);
        let area = older.with_each(self.before.value, crossed, unit).merge(self.newer);
        let left = hold - (self.held.age - window);
        let until = window - self.next_age.max(zero);
        let area = area.with_each(self.held.value, left.min(until).max(zero), unit);
        let there = self.count.simd_gt(0.0);
        let stood = there.select(self.newest.age.min(hold), zero);
        let area = area.with_each(self.newest.value, stood, unit);
        let instant = there.select(self.newest.value, missing);
        let means = area.lasting.simd_gt(0.0).select(area.means(unit), instant);
        let known = self.count + left.simd_gt(0.0).select(one, zero);
        known.simd_ge(least).select(means, missing)
    }
}

impl Wide {
    /// As [`Self::means`], whatever is missing, where ages are exact.
    #[inline(never)]
    pub(super) fn means_by_age<T: Element>(
        &mut self,
        x: &Table<'_, T>,
        (times, walk): (&[i64], TimeMean),
        (skipped, step): (usize, NonZero<usize>),
        out: &mut ArrayViewMut2<'_, T>,
        stop: &Stop,
    ) {
        self.make_room();
        dispatch!(Level::new(), simd => self.slide_by_age(simd, x, (times, walk), (skipped, step), out, stop));
    }

    #[inline(always)]
    fn slide_by_age<S: Simd, T: Element>(
        &mut self,
        simd: S,
        x: &Table<'_, T>,
        (times, walk): (&[i64], TimeMean),
        (skipped, step): (usize, NonZero<usize>),
        out: &mut ArrayViewMut2<'_, T>,
        stop: &Stop,
    ) {
        let TimeMean { window, unit, .. } = walk;
        let least = walk.min_periods as f64;
        let zero = f64x8::splat(simd, 0.0);
        let length = f64x8::splat(simd, window as f64);
        let hold = f64x8::splat(simd, walk.ending(times).map_or(f64::MAX, |hold| hold as f64));
        let mask = self.rows - 1;
        let mut sliding = Sliding::new(simd);
        // The first row after the window's start, and the block's first.
        let (mut first, mut meet) = (0, 0);
        let (mut edge, mut stale) = (i128::MIN, true);
        let mut place = 0;
        for start in (0..times.len()).step_by(BLOCK) {
            if stop.requested() {
                return;
            }
            let block = start..(start + BLOCK).min(times.len());
            self.read(simd, x, start, block.end);
            let mut kept = 0;
            for row in block {
                let now = times[row];
                sliding.age((now - times[row.saturating_sub(1)]) as f64);
                if i128::from(now) >= edge {
                    edge = i128::from(now) + i128::from(window - now.rem_euclid(window));
                    sliding.begin(zero);
                    (meet, stale) = (row, true);
                }
                sliding.push(simd, self.values[row & mask].load(simd), hold, unit);

                let from = now - window;
                let mut passed = zero.simd_gt(zero);
                while times[first] <= from {
                    let values = self.values[first & mask].load(simd);
                    let known = values.abs().simd_lt(f64::INFINITY);
                    let age = f64x8::splat(simd, (now - times[first]) as f64);
                    sliding.held = sliding.held.replaced(known, values, age);
                    sliding.count = known.select(sliding.count - 1.0, sliding.count);
                    passed |= known;
                    first += 1;
                }
                // Each gap is searched once, when the reading before it comes to hold into the window.
                let mut next = first;
                sliding.next_age = passed.select(f64x8::splat(simd, f64::NEG_INFINITY), sliding.next_age);
                while passed.any_true() && next <= row {
                    let known = self.values[next & mask].load(simd).abs().simd_lt(f64::INFINITY);
                    let age = f64x8::splat(simd, (now - times[next]) as f64);
                    sliding.next_age = (passed & known).select(age, sliding.next_age);
                    passed &= !known;
                    next += 1;
                }
                if !(row + skipped).is_multiple_of(step.get()) {
                    continue;
                }

                if stale {
                    stale = false;
                    self.look_back(simd, (first, meet), times, hold, unit);
                }
                let mut older = none(zero);
                if first < meet {
                    let Sums { high, low, lasting } = &self.older[meet - 1 - first];
                    older = Area {
                        high: high.load(simd),
                        low: low.load(simd),
                        lasting: lasting.load(simd),
                    };
                }
                self.results[kept].store(sliding.means(simd, older, (length, hold), least, unit));
                kept += 1;
            }
            self.write(place, kept, out);
            place += kept;
        }
    }

    /// Sums of the rectangles that end before row `meet`, from each row back to `first` on.
    #[inline(always)]
    fn look_back<S: Simd>(&mut self, simd: S, (first, meet): (usize, usize), times: &[i64], hold: V<S>, unit: f64) {
        let zero = f64x8::splat(simd, 0.0);
        let mask = self.rows - 1;
        let (mut areas, mut ahead, mut seen) = (none(zero), zero, zero.simd_gt(zero));
        let mut later = None;
        self.older.clear();
        for row in (first..meet).rev() {
            let time = times[row];
            ahead += later.map_or(0.0, |later: i64| (later - time) as f64);
            later = Some(time);
            let values = self.values[row & mask].load(simd);
            let known = values.abs().simd_lt(f64::INFINITY);
            let stood = (known & seen).select(ahead.min(hold), zero);
            areas = areas.with_each(known.select(values, zero), stood, unit);
            ahead = known.select(zero, ahead);
            seen |= known;
            let mut sums = Sums::default();
            sums.high.store(areas.high);
            sums.low.store(areas.low);
            sums.lasting.store(areas.lasting);
            self.older.push(sums);
        }
    }
}
