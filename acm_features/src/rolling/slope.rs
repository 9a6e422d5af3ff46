//! Rolling least-squares slope.

use acm_linalg::Result;
use acm_linalg::lanes::{Element, Row, V};
use fearless_simd::{Simd, f64x8, prelude::*};
use ndarray::{ArrayView2, ArrayViewMut2};

use super::block::{self, Place, Summary, inverse};
use super::sums::where_enough;
use super::window::Window;

/// The slope of the values against their row's position.
pub(crate) struct Slope;

#[derive(Clone, Copy)]
pub(crate) struct SlopeState<S: Simd> {
    count: V<S>,
    origin: V<S>,
    mean: V<S>,
    /// Mean position.
    place: V<S>,
    /// Sum of squared deviations of the positions.
    spread: V<S>,
    /// Sum of products of deviations.
    cross: V<S>,
}

impl Summary for Slope {
    type State<S: Simd> = SlopeState<S>;
    const SIZE: usize = 6;
    const RESULTS: usize = 1;
    const COST_NS: f64 = 5.0;

    #[inline(always)]
    fn empty<S: Simd>(simd: S) -> SlopeState<S> {
        let zero = f64x8::splat(simd, 0.0);
        SlopeState {
            count: zero,
            origin: zero,
            mean: zero,
            place: zero,
            spread: zero,
            cross: zero,
        }
    }

    #[inline(always)]
    fn push<S: Simd, const CLEAN: bool>(simd: S, state: SlopeState<S>, x: V<S>, place: Place) -> SlopeState<S> {
        let first = state.count.simd_eq(0.0);
        let position = f64x8::splat(simd, place.position);
        let (origin, count, difference, distance) = if CLEAN {
            let origin = first.select(x, state.origin);
            (origin, state.count + 1.0, (x - origin) - state.mean, position - state.place)
        } else {
            let zero = f64x8::splat(simd, 0.0);
            let valid = x.simd_eq(x);
            let origin = (valid & first).select(x, state.origin);
            (
                origin,
                state.count + valid.select(f64x8::splat(simd, 1.0), zero),
                valid.select((x - origin) - state.mean, zero),
                valid.select(position - state.place, zero),
            )
        };
        let share = inverse::<S, CLEAN>(simd, count, place.inverse);
        let step = distance * share;
        SlopeState {
            count,
            origin,
            mean: state.mean + difference * share,
            place: state.place + step,
            spread: state.spread + distance * step * state.count,
            cross: state.cross + difference * step * state.count,
        }
    }

    #[inline(always)]
    fn merge<S: Simd, const CLEAN: bool>(simd: S, older: SlopeState<S>, newer: SlopeState<S>, known: f64) -> SlopeState<S> {
        let zero = f64x8::splat(simd, 0.0);
        let no_older = older.count.simd_eq(0.0);
        let nothing = no_older | newer.count.simd_eq(0.0);
        let count = older.count + newer.count;
        let difference = (newer.origin - older.origin) + (newer.mean - older.mean);
        let difference = nothing.select(zero, difference);
        let distance = nothing.select(zero, newer.place - older.place);
        let share = newer.count * inverse::<S, CLEAN>(simd, count, known);
        let weight = older.count * share;
        SlopeState {
            count,
            origin: no_older.select(newer.origin, older.origin),
            mean: no_older.select(newer.mean, older.mean + difference * share),
            place: no_older.select(newer.place, older.place + distance * share),
            spread: older.spread + newer.spread + distance * distance * weight,
            cross: older.cross + newer.cross + difference * distance * weight,
        }
    }

    #[inline(always)]
    fn save<S: Simd>(state: SlopeState<S>, memory: &mut [Row]) {
        memory[0].store(state.count);
        memory[1].store(state.origin);
        memory[2].store(state.mean);
        memory[3].store(state.place);
        memory[4].store(state.spread);
        memory[5].store(state.cross);
    }

    #[inline(always)]
    fn load<S: Simd>(simd: S, memory: &[Row]) -> SlopeState<S> {
        SlopeState {
            count: memory[0].load(simd),
            origin: memory[1].load(simd),
            mean: memory[2].load(simd),
            place: memory[3].load(simd),
            spread: memory[4].load(simd),
            cross: memory[5].load(simd),
        }
    }

    #[inline(always)]
    fn finish<S: Simd>(&self, simd: S, state: SlopeState<S>, min_periods: f64, results: &mut [Row]) {
        // A single row has no spread: 0 / 1.
        let slope = state.cross / state.spread.simd_gt(0.0).select(state.spread, f64x8::splat(simd, 1.0));
        results[0].store(where_enough(simd, state.count, min_periods.max(1.0), slope));
    }
}

/// Trailing rolling slope of each column: least squares of the non-missing values against their rows' positions.
///
/// `y[t] = sum((s - mean s) (x[s] - mean x)) / sum((s - mean s)^2)`, t - window < s <= t; units of x per row
///
/// Shapes: x (n, d) -> (n, d).
/// Missing: NaN and infinity are skipped; NaN out while fewer than `min_periods` (at least one) remain; 0 for one value.
/// Cost: O(n d), whatever the window. Source: cross moments merged as in Pébay 2008, equation 3.6.
///
/// # Errors
/// [`crate::Error::Shape`] for another `out`; [`crate::Error::Memory`]; [`crate::Error::Interrupted`].
pub fn rolling_slope<T: Element>(x: ArrayView2<'_, T>, window: Window, out: ArrayViewMut2<'_, T>) -> Result<()> {
    block::run(Slope, x, window, out)
}
