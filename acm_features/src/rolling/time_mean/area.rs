//! Integrals over time, of one column or of eight.

use std::ops::{Add, Div, Mul, Sub};

use acm_linalg::lanes::V;
use fearless_simd::{Simd, i64x8, prelude::*};

/// A reading, or those of all lanes.
pub(super) trait Value:
    Copy + Add<Output = Self> + Sub<Output = Self> + Mul<Output = Self> + Mul<f64, Output = Self> + Div<f64, Output = Self>
{
    /// Two parts of at most 27 bits whose sum it is.
    fn halves(self) -> (Self, Self);
    /// A mean, with a rounding less if `better` is finite: no mean is beyond its largest value.
    fn rounded_once(self, better: Self) -> Self;
}

impl Value for f64 {
    #[inline(always)]
    fn halves(self) -> (Self, Self) {
        let high = Self::from_bits(self.to_bits() & !((1 << 27) - 1));
        (high, self - high)
    }

    #[inline(always)]
    fn rounded_once(self, better: Self) -> Self {
        if self.is_infinite() {
            return Self::MAX.copysign(self);
        }
        if better.is_finite() { better } else { self }
    }
}

impl<S: Simd> Value for V<S> {
    #[inline(always)]
    fn halves(self) -> (Self, Self) {
        let bits: i64x8<S> = self.bitcast();
        let high: Self = (bits & !((1_i64 << 27) - 1)).bitcast();
        (high, self - high)
    }

    #[inline(always)]
    fn rounded_once(self, better: Self) -> Self {
        let mean = better.abs().simd_lt(f64::INFINITY).select(better, self);
        let most = Self::splat(self.simd, f64::MAX).copysign(self);
        self.abs().simd_eq(f64::INFINITY).select(most, mean)
    }
}

/// An integral over time as a pair of float64, in units of 2^`exponent` nanoseconds, and over how many nanoseconds: of all lanes
/// at once, or of each.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Area<R = f64, L = i64> {
    pub(super) high: R,
    pub(super) low: R,
    pub(super) lasting: L,
}

impl<R: Value, L: Copy + Add<Output = L>> Area<R, L> {
    /// Two-sum (Knuth, TAOCP 2, 4.2.2, theorem B).
    #[inline(always)]
    fn add(&mut self, x: R) {
        let high = self.high + x;
        let part = high - self.high;
        self.low = self.low + ((self.high - (high - part)) + (x - part));
        self.high = high;
    }

    /// Adds a product; gives what its rounding loses (Dekker 1971, doi 10.1007/BF01397083).
    #[inline(always)]
    fn add_product<T: Value>(&mut self, value: R, time: T) -> R
    where
        R: Mul<T, Output = R>,
    {
        let ((high, low), (time_high, time_low)) = (value.halves(), time.halves());
        let product = value * time;
        self.add(product);
        ((high * time_high - product) + high * time_low + low * time_high) + low * time_low
    }

    #[inline(always)]
    pub(super) fn merge(mut self, newer: Self) -> Self {
        self.add(newer.high);
        self.low = self.low + newer.low;
        self.lasting = self.lasting + newer.lasting;
        self
    }

    /// The integral over the time, rounded once: the mean of a constant is that constant.
    #[inline(always)]
    fn over<T: Value>(self, time: T) -> R
    where
        R: Mul<T, Output = R> + Div<T, Output = R>,
    {
        let total = self.high + self.low;
        let lost = self.low - (total - self.high);
        let near = total / time;
        let ((high, low), (of_time, rest)) = (near.halves(), time.halves());
        let left = (((total - high * of_time) - high * rest) - low * of_time) - low * rest;
        near.rounded_once(near + (left + lost) / time)
    }
}

impl<R: Value> Area<R> {
    /// With a rectangle.
    #[inline(always)]
    pub(super) fn with(mut self, value: R, nanoseconds: i64, unit: f64) -> Self {
        if nanoseconds <= 0 {
            return self;
        }
        self.lasting += nanoseconds;
        let rounded = nanoseconds as f64;
        #[expect(clippy::cast_possible_truncation, reason = "it was one")]
        let rest = (nanoseconds - rounded as i64) as f64;
        let lost = self.add_product(value, rounded * unit);
        self.low = self.low + (lost + value * (rest * unit));
        self
    }

    /// The mean over the time.
    #[inline(always)]
    pub(super) fn mean(self, unit: f64) -> R {
        self.over(self.lasting as f64 * unit)
    }
}

impl<S: Simd> Area<V<S>, V<S>> {
    /// With a rectangle in each lane, of a number of nanoseconds that float64 tells exactly; where that is 0 nothing changes.
    #[inline(always)]
    pub(super) fn with_each(mut self, values: V<S>, nanoseconds: V<S>, unit: f64) -> Self {
        self.lasting += nanoseconds;
        let lost = self.add_product(values, nanoseconds * unit);
        self.low += lost;
        self
    }

    /// The mean of each lane over its time.
    #[inline(always)]
    pub(super) fn means(self, unit: f64) -> V<S> {
        self.over(self.lasting * unit)
    }
}
