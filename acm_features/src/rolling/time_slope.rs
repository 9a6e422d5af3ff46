//! Least-squares slope against times.

use acm_linalg::lanes::{Row, V};
use fearless_simd::{Simd, f64x8, prelude::*};

use super::block::{Place, Summary, Values};
use super::slope::product;
use super::sums::{Compensated, SumState, seen, where_enough};

/// Nanoseconds of a second.
const SECOND: f64 = 1e9;

/// The slope of the values against their rows' times, per second.
///
/// The numerator is the difference of two products of sums, all kept to twice the digits of a float64; the spread of the
/// times is merged, so that instants close together and far from the origin keep theirs.
pub(crate) struct TimeSlope;

#[derive(Clone, Copy)]
pub(crate) struct TimeState<S: Simd> {
    values: SumState<S>,
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
    fn slope(self, simd: S, min_periods: f64) -> V<S> {
        let SumState { count, sum } = self.values;
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
        where_enough(simd, count, min_periods.max(1.0), slope)
    }
}

impl Summary for TimeSlope {
    type State<S: Simd> = TimeState<S>;
    const POSITIONS: bool = true;
    const SIZE: usize = 10;
    const POWERS: &'static [Option<i32>] = &[Some(1)];
    const RESULTS: usize = 1;
    const COST_NS: f64 = 8.0;

    #[inline(always)]
    fn empty<S: Simd>(simd: S) -> TimeState<S> {
        let zero = f64x8::splat(simd, 0.0);
        TimeState {
            values: SumState::empty(simd),
            cross: Compensated::zero(simd),
            times: Compensated::zero(simd),
            first: zero,
            mean: zero,
            spread: zero,
        }
    }

    #[inline(always)]
    fn push<S: Simd, const CLEAN: bool>(
        simd: S,
        state: TimeState<S>,
        Values { x, .. }: Values<S>,
        place: Place,
    ) -> TimeState<S> {
        let zero = f64x8::splat(simd, 0.0);
        let (value, one) = seen::<S, CLEAN>(simd, x);
        let time = f64x8::splat(simd, place.position);
        let (high, lost) = product(value, time);
        let cross = state.cross.add(high);
        let values = state.values.push::<CLEAN>(simd, x);
        let valid = one.simd_gt(0.0);
        let first = (valid & state.values.count.simd_eq(0.0)).select(time, state.first);
        let difference = valid.select((time - first) - state.mean, zero);
        let part = difference / values.count.max(f64x8::splat(simd, 1.0));
        TimeState {
            cross: Compensated {
                high: cross.high,
                low: cross.low + lost,
            },
            times: state.times.add(one * time),
            first,
            mean: state.mean + part,
            spread: state.spread + difference * part * state.values.count,
            values,
        }
    }

    #[inline(always)]
    fn merge<S: Simd, const CLEAN: bool>(
        simd: S,
        older: TimeState<S>,
        newer: TimeState<S>,
        _known: f64,
    ) -> TimeState<S> {
        let zero = f64x8::splat(simd, 0.0);
        let (before, after) = (older.values.count, newer.values.count);
        let no_older = before.simd_eq(0.0);
        let apart = (newer.first - older.first) + (newer.mean - older.mean);
        let difference = (no_older | after.simd_eq(0.0)).select(zero, apart);
        let values = older.values.merge(newer.values);
        let part = difference / values.count.max(f64x8::splat(simd, 1.0));
        TimeState {
            values,
            cross: older.cross.merge(newer.cross),
            times: older.times.merge(newer.times),
            first: no_older.select(newer.first, older.first),
            mean: no_older.select(newer.mean, older.mean + part * after),
            spread: older.spread + newer.spread + difference * part * (before * after),
        }
    }

    #[inline(always)]
    fn save<S: Simd>(state: TimeState<S>, memory: &mut [Row]) {
        state.values.save(memory);
        memory[3].store(state.cross.high);
        memory[4].store(state.cross.low);
        memory[5].store(state.times.high);
        memory[6].store(state.times.low);
        memory[7].store(state.first);
        memory[8].store(state.mean);
        memory[9].store(state.spread);
    }

    #[inline(always)]
    fn load<S: Simd>(simd: S, memory: &[Row]) -> TimeState<S> {
        TimeState {
            values: SumState::load(simd, memory),
            cross: Compensated {
                high: memory[3].load(simd),
                low: memory[4].load(simd),
            },
            times: Compensated {
                high: memory[5].load(simd),
                low: memory[6].load(simd),
            },
            first: memory[7].load(simd),
            mean: memory[8].load(simd),
            spread: memory[9].load(simd),
        }
    }

    #[inline(always)]
    fn finish<S: Simd, const CLEAN: bool>(
        &self,
        simd: S,
        state: TimeState<S>,
        min_periods: f64,
        _whole: f64,
        results: &mut [Row],
    ) {
        results[0].store(state.slope(simd, min_periods));
    }
}
