//! Rolling minimum and maximum.

use acm_linalg::Result;
use acm_linalg::lanes::{Element, Row, V};
use fearless_simd::{Simd, f64x8, prelude::*};
use ndarray::{ArrayView2, ArrayViewMut2};

use super::block;
use super::summary::{Count, Place, Sight, State, Statistic, Values};
use super::windows::Windows;

/// The least value, or the greatest where `MAX`. Values are finite, so an infinity says that none was seen.
#[derive(Clone, Copy)]
struct Extreme<S: Simd, const MAX: bool>(V<S>);

impl<S: Simd, const MAX: bool> Extreme<S, MAX> {
    const NOTHING: f64 = if MAX { f64::NEG_INFINITY } else { f64::INFINITY };

    #[inline(always)]
    fn pick(self, other: V<S>) -> Self {
        Self(if MAX { self.0.max(other) } else { self.0.min(other) })
    }
}

impl<S: Simd, const MAX: bool> State<S> for Extreme<S, MAX> {
    const SIZE: usize = 1;

    #[inline(always)]
    fn empty(simd: S) -> Self {
        Self(f64x8::splat(simd, Self::NOTHING))
    }

    #[inline(always)]
    fn push<const CLEAN: bool>(self, simd: S, Values { x, .. }: Values<S>, _place: Place) -> Self {
        self.pick(if CLEAN {
            x
        } else {
            x.simd_eq(x).select(x, f64x8::splat(simd, Self::NOTHING))
        })
    }

    #[inline(always)]
    fn merge<const CLEAN: bool>(self, _simd: S, newer: Self, _inverse: f64) -> Self {
        self.pick(newer.0)
    }

    #[inline(always)]
    fn save(self, memory: &mut [Row]) {
        memory[0].store(self.0);
    }

    #[inline(always)]
    fn load(simd: S, memory: &[Row]) -> Self {
        Self(memory[0].load(simd))
    }
}

/// Minimum, or maximum where `MAX`.
struct Outermost<const MAX: bool>;

impl<const MAX: bool> Statistic for Outermost<MAX> {
    type State<S: Simd> = (Count<S>, Extreme<S, MAX>);
    const POWERS: &'static [Option<i32>] = &[None];
    const COST_NS: f64 = 2.0;

    #[inline(always)]
    fn finish<S: Simd>(&self, simd: S, (count, extreme): Self::State<S>, window: Sight, results: &mut [Row]) {
        let count = window.count(simd, count.0);
        results[0].store(window.of_enough(simd, count, 1.0, extreme.0));
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
    block::run(Outermost::<false>, x, windows.into(), out)
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
    block::run(Outermost::<true>, x, windows.into(), out)
}
