//! Rolling sum and mean, from compensated sums.

use acm_linalg::Result;
use acm_linalg::lanes::{Element, Row, V};
use fearless_simd::{Simd, f64x8, prelude::*};
use ndarray::{ArrayView2, ArrayViewMut2};

use super::block::{self, Place, Summary, Values, count_of};
use super::windows::Windows;

/// A scale that makes room: 2^-64.
const SMALLER: f64 = f64::from_bits((1023 - 64) << 52);

/// A sum as an unevaluated pair: `high` is the float64 sum, `low` collects what its roundings lost.
#[derive(Clone, Copy)]
pub(crate) struct Compensated<S: Simd> {
    pub(crate) high: V<S>,
    pub(crate) low: V<S>,
}

impl<S: Simd> Compensated<S> {
    #[inline(always)]
    pub(crate) fn zero(simd: S) -> Self {
        let zero = f64x8::splat(simd, 0.0);
        Self { high: zero, low: zero }
    }

    /// Two-sum (Knuth, TAOCP 2, 4.2.2, theorem B): the rounding error of an addition is itself a float64.
    #[inline(always)]
    pub(crate) fn add(self, x: V<S>) -> Self {
        let high = self.high + x;
        let part = high - self.high;
        let lost = (self.high - (high - part)) + (x - part);
        Self {
            high,
            low: self.low + lost,
        }
    }

    #[inline(always)]
    pub(crate) fn merge(self, other: Self) -> Self {
        let sum = self.add(other.high);
        Self {
            high: sum.high,
            low: sum.low + other.low,
        }
    }

    /// The sum over `count`, rounded once: the mean of a constant is that constant.
    #[inline(always)]
    pub(crate) fn mean(self, count: V<S>) -> V<S> {
        let mean = self.rounded_mean(count);
        let known = mean.simd_eq(mean);
        if known.all_true() {
            return mean;
        }
        // Near the largest float64 the parts of the mean leave the range.
        let smaller = Self {
            high: self.high * SMALLER,
            low: self.low * SMALLER,
        };
        let again = smaller.rounded_mean(count) / SMALLER;
        known.select(mean, again.simd_eq(again).select(again, self.value() * (1.0 / count)))
    }

    #[inline(always)]
    fn rounded_mean(self, count: V<S>) -> V<S> {
        let sum = self.high + self.low;
        let lost = self.low - (sum - self.high);
        let inverse = 1.0 / count;
        let near = sum * inverse;
        // Both products are exact while counts stay below 2^26.
        let (high, low) = split(near);
        let rest = ((sum - high * count) - low * count) + lost;
        near + rest * inverse
    }

    #[inline(always)]
    pub(crate) fn value(self) -> V<S> {
        let sum = self.high + self.low;
        // Beyond the largest float64 the compensation is NaN while the sum itself still says which infinity.
        sum.simd_eq(sum).select(sum, self.high)
    }
}

/// The value and 1, or 0 and 0 where it is missing.
#[inline(always)]
pub(crate) fn seen<S: Simd, const CLEAN: bool>(simd: S, x: V<S>) -> (V<S>, V<S>) {
    let one = f64x8::splat(simd, 1.0);
    if CLEAN {
        return (x, one);
    }
    let zero = f64x8::splat(simd, 0.0);
    let valid = x.simd_eq(x);
    (valid.select(x, zero), valid.select(one, zero))
}

/// Two parts of 26 bits whose sum is `x` (Dekker 1971, doi 10.1007/BF01397083).
#[inline(always)]
pub(crate) fn split<S: Simd>(x: V<S>) -> (V<S>, V<S>) {
    const HALF: f64 = 134_217_729.0;
    let scaled = x * HALF;
    let high = scaled - (scaled - x);
    (high, x - high)
}

#[derive(Clone, Copy)]
pub(crate) struct SumState<S: Simd> {
    pub(crate) count: V<S>,
    pub(crate) sum: Compensated<S>,
}

impl<S: Simd> SumState<S> {
    #[inline(always)]
    pub(crate) fn empty(simd: S) -> Self {
        Self {
            count: f64x8::splat(simd, 0.0),
            sum: Compensated::zero(simd),
        }
    }

    #[inline(always)]
    pub(crate) fn push<const CLEAN: bool>(self, simd: S, x: V<S>) -> Self {
        let (x, one) = seen::<S, CLEAN>(simd, x);
        Self {
            count: self.count + one,
            sum: self.sum.add(x),
        }
    }

    #[inline(always)]
    pub(crate) fn merge(self, newer: Self) -> Self {
        Self {
            count: self.count + newer.count,
            sum: self.sum.merge(newer.sum),
        }
    }

    #[inline(always)]
    pub(crate) fn save(self, memory: &mut [Row]) {
        memory[0].store(self.count);
        memory[1].store(self.sum.high);
        memory[2].store(self.sum.low);
    }

    #[inline(always)]
    pub(crate) fn load(simd: S, memory: &[Row]) -> Self {
        Self {
            count: memory[0].load(simd),
            sum: Compensated {
                high: memory[1].load(simd),
                low: memory[2].load(simd),
            },
        }
    }
}

/// `value` where at least `needed` values were seen, else NaN.
#[inline(always)]
pub(crate) fn where_enough<S: Simd>(simd: S, count: V<S>, needed: f64, value: V<S>) -> V<S> {
    count.simd_ge(needed).select(value, f64x8::splat(simd, f64::NAN))
}

/// Sum, or mean where `MEAN`.
struct Sum<const MEAN: bool>;

impl<const MEAN: bool> Summary for Sum<MEAN> {
    type State<S: Simd> = SumState<S>;
    const SIZE: usize = 3;
    const POWERS: &'static [Option<i32>] = &[Some(1)];
    const RESULTS: usize = 1;
    const COST_NS: f64 = 2.0;

    #[inline(always)]
    fn empty<S: Simd>(simd: S) -> SumState<S> {
        SumState::empty(simd)
    }

    #[inline(always)]
    fn push<S: Simd, const CLEAN: bool>(
        simd: S,
        state: SumState<S>,
        Values { x, .. }: Values<S>,
        _place: Place,
    ) -> SumState<S> {
        state.push::<CLEAN>(simd, x)
    }

    #[inline(always)]
    fn merge<S: Simd, const CLEAN: bool>(_simd: S, older: SumState<S>, newer: SumState<S>, _known: f64) -> SumState<S> {
        older.merge(newer)
    }

    #[inline(always)]
    fn save<S: Simd>(state: SumState<S>, memory: &mut [Row]) {
        state.save(memory);
    }

    #[inline(always)]
    fn load<S: Simd>(simd: S, memory: &[Row]) -> SumState<S> {
        SumState::load(simd, memory)
    }

    #[inline(always)]
    fn finish<S: Simd, const CLEAN: bool>(
        &self,
        simd: S,
        state: SumState<S>,
        min_periods: f64,
        whole: f64,
        results: &mut [Row],
    ) {
        let count = count_of::<S, CLEAN>(simd, state.count, whole);
        let (value, needed) = if MEAN {
            (state.sum.mean(count), min_periods.max(1.0))
        } else {
            (state.sum.value(), min_periods)
        };
        results[0].store(where_enough(simd, count, needed, value));
    }
}

/// Trailing rolling sum of each column.
///
/// `y[t] = sum of the non-missing x[s], t - window < s <= t`
///
/// Shapes: x (n, d) -> (n, d).
/// Missing: NaN and infinity are skipped; NaN out while fewer than `min_periods` remain; the sum of nothing is 0.
/// Cost: O(n d), whatever the window. Error: at most one rounding of the exact sum at window lengths below 2^50.
/// Source: compensated summation, Knuth, The Art of Computer Programming 2, section 4.2.2.
///
/// # Errors
/// [`crate::Error::Shape`] for another `out`; [`crate::Error::Memory`]; [`crate::Error::Interrupted`].
pub fn rolling_sum<'w, T: Element>(
    x: ArrayView2<'_, T>,
    windows: impl Into<Windows<'w>>,
    out: ArrayViewMut2<'_, T>,
) -> Result<()> {
    block::run(Sum::<false>, x, windows.into(), out)
}

/// Trailing rolling mean of each column.
///
/// `y[t] = mean of the non-missing x[s], t - window < s <= t`
///
/// Shapes: x (n, d) -> (n, d).
/// Missing: NaN and infinity are skipped; NaN out while fewer than `min_periods` (at least one) remain.
/// Cost: O(n d), whatever the window. Source: as [`rolling_sum`].
///
/// # Errors
/// [`crate::Error::Shape`] for another `out`; [`crate::Error::Memory`]; [`crate::Error::Interrupted`].
pub fn rolling_mean<'w, T: Element>(
    x: ArrayView2<'_, T>,
    windows: impl Into<Windows<'w>>,
    out: ArrayViewMut2<'_, T>,
) -> Result<()> {
    block::run(Sum::<true>, x, windows.into(), out)
}
