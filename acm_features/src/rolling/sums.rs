//! Rolling sum and mean, from compensated sums.

use acm_linalg::lanes::{Element, Row, V};
use acm_linalg::{Result, Table};
use fearless_simd::{Simd, f64x8, prelude::*};
use ndarray::ArrayViewMut2;

use super::exact::{self, Exact, Moves};
use super::summary::{Count, Place, Sight, State, Statistic, Values, seen};
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

    /// The sum over `count`, rounded once: the mean of a constant is that constant.
    #[inline(always)]
    pub(crate) fn mean(self, simd: S, count: V<S>, window: Sight) -> V<S> {
        let mean = self.rounded_mean(simd, count);
        if window.whole.is_some() {
            return mean;
        }
        let known = mean.simd_eq(mean);
        if known.all_true() {
            return mean;
        }
        // Near the largest float64 the parts of the mean leave the range.
        let smaller = Self {
            high: self.high * SMALLER,
            low: self.low * SMALLER,
        };
        let again = smaller.rounded_mean(simd, count) / SMALLER;
        known.select(mean, again.simd_eq(again).select(again, self.value() * (1.0 / count)))
    }

    #[inline(always)]
    fn rounded_mean(self, simd: S, count: V<S>) -> V<S> {
        let sum = self.high + self.low;
        let lost = self.low - (sum - self.high);
        let inverse = 1.0 / count;
        let near = sum * inverse;
        let missed = if rounds_once(simd) {
            (-near).mul_add_precise(count, sum)
        } else {
            // Both products are exact while counts stay below 2^26.
            let (high, low) = split(near);
            (sum - high * count) - low * count
        };
        let rest = missed + lost;
        near + rest * inverse
    }

    #[inline(always)]
    pub(crate) fn value(self) -> V<S> {
        let sum = self.high + self.low;
        // Beyond the largest float64 the compensation is NaN while the sum itself still says which infinity.
        sum.simd_eq(sum).select(sum, self.high)
    }
}

impl<S: Simd> State<S> for Compensated<S> {
    const SIZE: usize = 2;

    #[inline(always)]
    fn empty(simd: S) -> Self {
        Self::zero(simd)
    }

    #[inline(always)]
    fn push<const CLEAN: bool>(self, simd: S, row: Values<S>, _place: Place) -> Self {
        self.add(seen::<S, CLEAN>(simd, row.x).0)
    }

    #[inline(always)]
    fn merge<const CLEAN: bool>(self, _simd: S, newer: Self, _inverse: f64) -> Self {
        let sum = self.add(newer.high);
        Self {
            high: sum.high,
            low: sum.low + newer.low,
        }
    }

    #[inline(always)]
    fn save(self, memory: &mut [Row]) {
        memory[0].store(self.high);
        memory[1].store(self.low);
    }

    #[inline(always)]
    fn load(simd: S, memory: &[Row]) -> Self {
        Self {
            high: memory[0].load(simd),
            low: memory[1].load(simd),
        }
    }
}

/// Whether there is an instruction that multiplies and adds in one rounding.
#[inline(always)]
fn rounds_once<S: Simd>(simd: S) -> bool {
    #[cfg(target_arch = "x86_64")]
    return simd.level().as_avx2().is_some();
    #[cfg(target_arch = "aarch64")]
    return simd.level().as_neon().is_some();
    #[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
    {
        let _ = simd;
        false
    }
}

/// Two parts of 26 bits whose sum is `x` (Dekker 1971, doi 10.1007/BF01397083).
#[inline(always)]
pub(crate) fn split<S: Simd>(x: V<S>) -> (V<S>, V<S>) {
    const HALF: f64 = 134_217_729.0;
    let scaled = x * HALF;
    let high = scaled - (scaled - x);
    (high, x - high)
}

/// As [`product`], by one instruction where there is one that rounds once.
#[inline(always)]
pub(super) fn product_of<S: Simd>(simd: S, a: V<S>, b: V<S>) -> (V<S>, V<S>) {
    if !rounds_once(simd) {
        return product(a, b);
    }
    let product = a * b;
    (product, a.mul_sub_precise(b, product))
}

/// The product as a float64 and what its rounding lost (Dekker 1971).
#[inline(always)]
pub(super) fn product<S: Simd>(a: V<S>, b: V<S>) -> (V<S>, V<S>) {
    let product = a * b;
    let (a_high, a_low) = split(a);
    let (b_high, b_low) = split(b);
    let lost = ((a_high * b_high - product) + a_high * b_low + a_low * b_high) + a_low * b_low;
    (product, lost)
}

/// Sum, or mean where `MEAN`.
#[derive(Clone, Copy)]
pub(crate) struct Sum<const MEAN: bool>;

impl<const MEAN: bool> Statistic for Sum<MEAN> {
    type State<S: Simd> = (Count<S>, Compensated<S>);
    const POWERS: &'static [Option<i32>] = &[Some(1)];
    const COST_NS: f64 = 2.0;

    #[inline(always)]
    fn finish<S: Simd>(&self, simd: S, (count, sum): Self::State<S>, window: Sight, results: &mut [Row]) {
        let count = window.count(simd, count.0);
        results[0].store(if MEAN {
            window.of_enough(simd, count, 1.0, sum.mean(simd, count, window))
        } else {
            window.of_enough(simd, count, 0.0, sum.value())
        });
    }
}

impl<const MEAN: bool> Moves for Sum<MEAN> {
    const LINE: bool = false;
    type Rest = Self;

    fn rest(&self) -> Option<Self> {
        None
    }

    #[inline(always)]
    fn write<S: Simd>(&self, simd: S, sums: Exact<S>, window: Sight, results: &mut [Row]) {
        self.finish(simd, (Count(f64x8::splat(simd, 0.0)), sums.sum), window, results);
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
pub fn rolling_sum<'a, 'w, T: Element>(
    x: impl Into<Table<'a, T>>,
    windows: impl Into<Windows<'w>>,
    out: ArrayViewMut2<'_, T>,
) -> Result<()> {
    exact::run(Sum::<false>, x.into(), windows.into(), out)
}

/// Trailing rolling mean of each column.
///
/// `y[t] = mean of the non-missing x[s], t - window < s <= t`
///
/// Shapes: x (n, d) -> (n, d).
/// Missing: NaN and infinity are skipped; NaN out while fewer than `min_periods` (at least one) remain.
/// Cost: O(n d), whatever the window. Source: as [`rolling_sum`].
///
/// # Examples
///
/// ```
/// use acm_features::rolling::{Window, rolling_mean};
/// use ndarray::{Array2, array};
///
/// # fn main() -> acm_linalg::Result<()> {
/// let x = array![[1.0], [f64::NAN], [6.0], [8.0]];
/// let mut out = Array2::zeros(x.dim());
/// rolling_mean(x.view(), Window::new(2, 1)?, out.view_mut())?;
/// assert_eq!(out, array![[1.0], [1.0], [6.0], [7.0]]);
/// # Ok(())
/// # }
/// ```
///
/// # Errors
/// [`crate::Error::Shape`] for another `out`; [`crate::Error::Memory`]; [`crate::Error::Interrupted`].
pub fn rolling_mean<'a, 'w, T: Element>(
    x: impl Into<Table<'a, T>>,
    windows: impl Into<Windows<'w>>,
    out: ArrayViewMut2<'_, T>,
) -> Result<()> {
    exact::run(Sum::<true>, x.into(), windows.into(), out)
}
