//! Rolling minimum, maximum and range.

use acm_linalg::lanes::{Element, Row, V};
use acm_linalg::{Result, Table};
use fearless_simd::{Simd, f64x8, prelude::*};
use ndarray::ArrayViewMut2;

use super::block;
use super::summary::{Count, Place, Sight, State, Statistic, Values};
use super::windows::Windows;

/// The least value, or the greatest where `MAX`. Values are finite, so an infinity says that none was seen.
#[derive(Clone, Copy)]
pub(crate) struct Extreme<S: Simd, const MAX: bool>(V<S>);

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
#[derive(Clone, Copy)]
pub(crate) struct Outermost<const MAX: bool>;

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

/// How far the values lie apart.
#[derive(Clone, Copy)]
pub(crate) struct Range;

impl Statistic for Range {
    type State<S: Simd> = (Count<S>, (Extreme<S, false>, Extreme<S, true>));
    const POWERS: &'static [Option<i32>] = &[None];
    const COST_NS: f64 = 3.0;

    #[inline(always)]
    fn finish<S: Simd>(&self, simd: S, (count, (least, most)): Self::State<S>, window: Sight, results: &mut [Row]) {
        let count = window.count(simd, count.0);
        results[0].store(window.of_enough(simd, count, 1.0, most.0 - least.0));
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
pub fn rolling_min<'a, 'w, T: Element>(
    x: impl Into<Table<'a, T>>,
    windows: impl Into<Windows<'w>>,
    out: ArrayViewMut2<'_, T>,
) -> Result<()> {
    block::run(Outermost::<false>, x.into(), windows.into(), out)
}

/// Trailing rolling maximum of each column; all else as [`rolling_min`].
///
/// # Errors
/// As [`rolling_min`].
pub fn rolling_max<'a, 'w, T: Element>(
    x: impl Into<Table<'a, T>>,
    windows: impl Into<Windows<'w>>,
    out: ArrayViewMut2<'_, T>,
) -> Result<()> {
    block::run(Outermost::<true>, x.into(), windows.into(), out)
}

/// Trailing rolling range of each column: its maximum less its minimum, rounded once.
///
/// Never negative; infinite where the difference exceeds the largest number of the output. All else as [`rolling_min`].
///
/// # Errors
/// As [`rolling_min`].
pub fn rolling_range<'a, 'w, T: Element>(
    x: impl Into<Table<'a, T>>,
    windows: impl Into<Windows<'w>>,
    out: ArrayViewMut2<'_, T>,
) -> Result<()> {
    block::run(Range, x.into(), windows.into(), out)
}

#[cfg(test)]
mod tests {
    use ndarray::{Array2, ArrayView2};
    use proptest::prelude::*;

    use super::super::tests::{Kernel, assert_same_bytes, config, wild_matrix, window};
    use super::*;

    fn range<'w>(x: ArrayView2<'_, f64>, windows: impl Into<Windows<'w>>) -> Array2<f64> {
        let windows = windows.into();
        let mut out = Array2::from_elem((windows.kept(x.nrows()), x.ncols()), -7.0);
        rolling_range(x, windows, out.view_mut()).unwrap();
        out
    }

    fn of(column: &[f64], rows: usize, min_periods: usize) -> Vec<f64> {
        let x = ArrayView2::from_shape((column.len(), 1), column).unwrap();
        range(x, window(rows, min_periods)).into_raw_vec_and_offset().0
    }

    #[test]
    fn ranges_by_hand() {
        let gap = f64::NAN;
        assert_eq!(of(&[3.0, 1.0, 4.0, 1.5], 2, 1), [0.0, 2.0, 3.0, 2.5]);
        assert_eq!(of(&[3.0, gap, f64::INFINITY, -2.0], 4, 1), [0.0, 0.0, 0.0, 5.0]);
        assert_eq!(of(&[1e9, 1e9 + 0.25, 1e15], 9, 1), [0.0, 0.25, 1e15 - 1e9]);
        let few = of(&[3.0, gap, 5.0, 4.0], 3, 2);
        assert!(few[0].is_nan() && few[1].is_nan());
        assert_eq!(few[2..], [2.0, 1.0]);
        assert!(of(&[gap; 5], 2, 0).iter().all(|range| range.is_nan()));
    }

    #[test]
    fn what_exceeds_the_largest_number_is_infinite_and_passes() {
        let found = of(&[f64::MAX, -f64::MAX, -f64::MAX, 2.0], 2, 1);
        assert_eq!(found, [0.0, f64::INFINITY, 0.0, f64::MAX]);
        let x = ndarray::array![[f32::MAX], [-1.0], [f32::MIN]];
        let mut out = Array2::from_elem((3, 1), -7.0_f32);
        rolling_range(x.view(), window(2, 1), out.view_mut()).unwrap();
        assert_eq!(out.column(0).to_vec(), [0.0, f32::MAX, f32::MAX]);
        rolling_range(x.view(), window(3, 1), out.view_mut()).unwrap();
        assert_eq!(out[[2, 0]], f32::INFINITY);
    }

    proptest! {
        #![proptest_config(config(200))]

        #[test]
        fn a_range_is_the_maximum_less_the_minimum(
            x in wild_matrix(300), rows in 1_usize..40, needed in 0_usize..40, ahead: bool, step in 1_usize..4
        ) {
            let windows = Windows::from(window(rows, needed.min(rows))).centred(ahead).every(step).unwrap();
            let expected = Kernel::Max.compute(x.view(), windows) - Kernel::Min.compute(x.view(), windows);
            assert_same_bytes(range(x.view(), windows).view(), expected.view(), "range");
        }
    }
}
