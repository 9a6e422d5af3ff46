//! Mean, standard deviation, slope, skewness and kurtosis from one summary: the bits of each alone, at less than their cost.

use acm_linalg::lanes::Row;
use fearless_simd::{Simd, prelude::*};

use super::block::{Place, Summary, Values, count_of};
use super::moments::ShapeState;
use super::slope::Line;
use super::sums::{Compensated, seen, where_enough};

/// Results, in this order: mean, standard deviation (ddof 1), slope, skewness, kurtosis.
pub(crate) struct AllMoments;

#[derive(Clone, Copy)]
pub(crate) struct AllState<S: Simd> {
    shape: ShapeState<S, true>,
    sum: Compensated<S>,
    line: Line<S>,
}

impl Summary for AllMoments {
    type State<S: Simd> = AllState<S>;
    const SIZE: usize = 12;
    const POWERS: &'static [Option<i32>] = &[Some(1), Some(1), Some(1), None, None];
    const RESULTS: usize = 5;
    const COST_NS: f64 = 10.0;

    #[inline(always)]
    fn empty<S: Simd>(simd: S) -> AllState<S> {
        AllState {
            shape: ShapeState::empty(simd),
            sum: Compensated::zero(simd),
            line: Line::empty(simd),
        }
    }

    #[inline(always)]
    fn push<S: Simd, const CLEAN: bool>(
        simd: S,
        state: AllState<S>,
        Values { x, .. }: Values<S>,
        place: Place,
    ) -> AllState<S> {
        let seen = seen::<S, CLEAN>(simd, x);
        AllState {
            shape: state.shape.push::<CLEAN>(simd, x, place),
            sum: state.sum.add(seen.0),
            line: state.line.push(seen, place.position),
        }
    }

    #[inline(always)]
    fn merge<S: Simd, const CLEAN: bool>(simd: S, older: AllState<S>, newer: AllState<S>, known: f64) -> AllState<S> {
        AllState {
            shape: older.shape.merge::<CLEAN>(simd, newer.shape, known),
            sum: older.sum.merge(newer.sum),
            line: older.line.merge(newer.line),
        }
    }

    #[inline(always)]
    fn save<S: Simd>(state: AllState<S>, memory: &mut [Row]) {
        state.shape.save(memory);
        memory[6].store(state.sum.high);
        memory[7].store(state.sum.low);
        state.line.save(&mut memory[8..]);
    }

    #[inline(always)]
    fn load<S: Simd>(simd: S, memory: &[Row]) -> AllState<S> {
        AllState {
            shape: ShapeState::load(simd, memory),
            sum: Compensated {
                high: memory[6].load(simd),
                low: memory[7].load(simd),
            },
            line: Line::load(simd, &memory[8..]),
        }
    }

    #[inline(always)]
    fn finish<S: Simd, const CLEAN: bool>(
        &self,
        simd: S,
        state: AllState<S>,
        min_periods: f64,
        whole: f64,
        results: &mut [Row],
    ) {
        let count = count_of::<S, CLEAN>(simd, state.shape.spread.count, whole);
        let mean = state.sum.mean(count);
        results[0].store(where_enough(simd, count, min_periods.max(1.0), mean));
        results[1].store(state.shape.spread.variance(simd, count, 1.0, min_periods).sqrt());
        results[2].store(state.line.slope(simd, (count, state.sum), min_periods));
        results[3].store(state.shape.skew(simd, count, min_periods));
        results[4].store(state.shape.kurt(simd, count, min_periods));
    }
}
