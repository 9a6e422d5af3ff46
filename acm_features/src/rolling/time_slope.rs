//! Least-squares slope against times.

use acm_linalg::lanes::{Row, V};
use fearless_simd::{Simd, f64x8, prelude::*};

use super::summary::{Count, Place, Sight, State, Statistic, Values, seen};
use super::sums::{Compensated, product};

/// Nanoseconds of a second.
const SECOND: f64 = 1e9;

/// The slope of the values against their rows' times, per second.
///
/// The numerator is the difference of two products of sums, all kept to twice the digits of a float64; the spread of the
/// times is merged, so that instants close together and far from the origin keep theirs.
#[derive(Clone, Copy)]
pub(crate) struct TimeSlope;

#[derive(Clone, Copy)]
pub(crate) struct TimeState<S: Simd> {
    values: (Count<S>, Compensated<S>),
    /// Sum of value times time.
    cross: Compensated<S>,
    /// Sum of the times.
    times: Compensated<S>,
    /// The first time pushed, and the mean of the times relative to it.
    first: V<S>,
    mean: V<S>,
    /// Sum of their squared deviations.
    spread: V<S>,
}

impl<S: Simd> TimeState<S> {
    #[inline(always)]
    fn slope(self, simd: S, window: Sight) -> V<S> {
        let (Count(count), sum) = self.values;
        let (upper, upper_lost) = product(count, self.cross.high);
        let (lower, lower_lost) = product(self.times.high, sum.high);
        let rest = count * self.cross.low - (self.times.high * sum.low + self.times.low * sum.high);
        let exact = Compensated {
            high: upper,
            low: (upper_lost - lower_lost) + rest,
        };
        let exact = exact.add(-lower);
        let slope = (exact.high + exact.low) / (count * self.spread) * SECOND;
        let slope = self.spread.simd_gt(0.0).select(slope, f64x8::splat(simd, 0.0));
        window.of_enough(simd, count, 1.0, slope)
    }
}

impl<S: Simd> State<S> for TimeState<S> {
    const TIMES: bool = true;
    const SIZE: usize = 10;

    #[inline(always)]
    fn empty(simd: S) -> Self {
        let zero = f64x8::splat(simd, 0.0);
        Self {
            values: State::empty(simd),
            cross: Compensated::zero(simd),
            times: Compensated::zero(simd),
            first: zero,
            mean: zero,
            spread: zero,
        }
    }

    #[inline(always)]
    fn push<const CLEAN: bool>(self, simd: S, row: Values<S>, place: Place) -> Self {
        let zero = f64x8::splat(simd, 0.0);
        let (value, one) = seen::<S, CLEAN>(simd, row.x);
        let time = f64x8::splat(simd, place.position);
        let (high, lost) = product(value, time);
        let cross = self.cross.add(high);
        let before = self.values.0.0;
        let values = self.values.push::<CLEAN>(simd, row, place);
        let valid = one.simd_gt(0.0);
        let first = (valid & before.simd_eq(0.0)).select(time, self.first);
        let difference = valid.select((time - first) - self.mean, zero);
        let part = difference / values.0.0.max(f64x8::splat(simd, 1.0));
        Self {
            values,
            cross: Compensated {
                high: cross.high,
                low: cross.low + lost,
            },
            times: self.times.add(one * time),
            first,
            mean: self.mean + part,
            spread: self.spread + difference * part * before,
        }
    }

    #[inline(always)]
    fn merge<const CLEAN: bool>(self, simd: S, newer: Self, inverse: f64) -> Self {
        let zero = f64x8::splat(simd, 0.0);
        let (before, after) = (self.values.0.0, newer.values.0.0);
        let no_older = before.simd_eq(0.0);
        let apart = (newer.first - self.first) + (newer.mean - self.mean);
        let difference = (no_older | after.simd_eq(0.0)).select(zero, apart);
        let values = self.values.merge::<CLEAN>(simd, newer.values, inverse);
        let part = difference / values.0.0.max(f64x8::splat(simd, 1.0));
        Self {
            values,
            cross: self.cross.merge::<CLEAN>(simd, newer.cross, inverse),
            times: self.times.merge::<CLEAN>(simd, newer.times, inverse),
            first: no_older.select(newer.first, self.first),
            mean: no_older.select(newer.mean, self.mean + part * after),
            spread: self.spread + newer.spread + difference * part * (before * after),
        }
    }

    #[inline(always)]
    fn save(self, memory: &mut [Row]) {
        (self.values, (self.cross, self.times)).save(&mut memory[..7]);
        memory[7].store(self.first);
        memory[8].store(self.mean);
        memory[9].store(self.spread);
    }

    #[inline(always)]
    fn load(simd: S, memory: &[Row]) -> Self {
        let (values, (cross, times)) = State::load(simd, &memory[..7]);
        Self {
            values,
            cross,
            times,
            first: memory[7].load(simd),
            mean: memory[8].load(simd),
            spread: memory[9].load(simd),
        }
    }
}

impl Statistic for TimeSlope {
    type State<S: Simd> = TimeState<S>;
    const POWERS: &'static [Option<i32>] = &[Some(1)];
    const COST_NS: f64 = 8.0;

    #[inline(always)]
    fn finish<S: Simd>(&self, simd: S, state: TimeState<S>, window: Sight, results: &mut [Row]) {
        results[0].store(state.slope(simd, window));
    }
}
