//! Rolling minimum and maximum.

use acm_linalg::Result;
use acm_linalg::lanes::{Element, Row, V};
use fearless_simd::{Simd, f64x8, prelude::*};
use ndarray::{ArrayView2, ArrayViewMut2};

use super::block::{self, Place, Summary, Values, count_of};
use super::sums::where_enough;
use super::windows::Windows;

/// Minimum, or maximum where `MAX`. Values are finite, so an infinity says that none was seen.
struct Extreme<const MAX: bool>;

#[derive(Clone, Copy)]
struct ExtremeState<S: Simd> {
    count: V<S>,
    extreme: V<S>,
}

impl<const MAX: bool> Extreme<MAX> {
    const NOTHING: f64 = if MAX { f64::NEG_INFINITY } else { f64::INFINITY };

    #[inline(always)]
    fn pick<S: Simd>(a: V<S>, b: V<S>) -> V<S> {
        if MAX { a.max(b) } else { a.min(b) }
    }
}

impl<const MAX: bool> Summary for Extreme<MAX> {
    type State<S: Simd> = ExtremeState<S>;
    const SIZE: usize = 2;
    const POWERS: &'static [Option<i32>] = &[None];
    const RESULTS: usize = 1;
    const COST_NS: f64 = 2.0;

    #[inline(always)]
    fn empty<S: Simd>(simd: S) -> ExtremeState<S> {
        ExtremeState {
            count: f64x8::splat(simd, 0.0),
            extreme: f64x8::splat(simd, Self::NOTHING),
        }
    }

    #[inline(always)]
    fn push<S: Simd, const CLEAN: bool>(
        simd: S,
        state: ExtremeState<S>,
        Values { x, .. }: Values<S>,
        _place: Place,
    ) -> ExtremeState<S> {
        let one = f64x8::splat(simd, 1.0);
        if CLEAN {
            return ExtremeState {
                count: state.count + one,
                extreme: Self::pick(state.extreme, x),
            };
        }
        let valid = x.simd_eq(x);
        ExtremeState {
            count: state.count + valid.select(one, f64x8::splat(simd, 0.0)),
            extreme: Self::pick(state.extreme, valid.select(x, f64x8::splat(simd, Self::NOTHING))),
        }
    }

    #[inline(always)]
    fn merge<S: Simd, const CLEAN: bool>(
        _simd: S,
        older: ExtremeState<S>,
        newer: ExtremeState<S>,
        _known: f64,
    ) -> ExtremeState<S> {
        ExtremeState {
            count: older.count + newer.count,
            extreme: Self::pick(older.extreme, newer.extreme),
        }
    }

    #[inline(always)]
    fn save<S: Simd>(state: ExtremeState<S>, memory: &mut [Row]) {
        memory[0].store(state.count);
        memory[1].store(state.extreme);
    }

    #[inline(always)]
    fn load<S: Simd>(simd: S, memory: &[Row]) -> ExtremeState<S> {
        ExtremeState {
            count: memory[0].load(simd),
            extreme: memory[1].load(simd),
        }
    }

    #[inline(always)]
    fn finish<S: Simd, const CLEAN: bool>(
        &self,
        simd: S,
        state: ExtremeState<S>,
        min_periods: f64,
        whole: f64,
        results: &mut [Row],
    ) {
        let count = count_of::<S, CLEAN>(simd, state.count, whole);
        results[0].store(where_enough(simd, count, min_periods.max(1.0), state.extreme));
    }
}

/// Trailing rolling minimum of each column.
///
/// Shapes: x (n, d) -> (n, d).
/// Missing: NaN and infinity are skipped; NaN out while fewer than `min_periods` (at least one) remain.
/// Cost: O(n d), whatever the window. Source: van Herk 1992; Gil & Werman 1993.
///
/// # Errors
/// [`crate::Error::Shape`] for another `out`; [`crate::Error::Memory`]; [`crate::Error::Interrupted`].
pub fn rolling_min<'w, T: Element>(
    x: ArrayView2<'_, T>,
    windows: impl Into<Windows<'w>>,
    out: ArrayViewMut2<'_, T>,
) -> Result<()> {
    block::run(Extreme::<false>, x, windows.into(), out)
}

/// Trailing rolling maximum of each column; all else as [`rolling_min`].
///
/// # Errors
/// As [`rolling_min`].
pub fn rolling_max<'w, T: Element>(
    x: ArrayView2<'_, T>,
    windows: impl Into<Windows<'w>>,
    out: ArrayViewMut2<'_, T>,
) -> Result<()> {
    block::run(Extreme::<true>, x, windows.into(), out)
}
