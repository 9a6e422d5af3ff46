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

/// An integral over time as a pair of float64, in units of 2^`exponent` nanoseconds, and over how many nanoseconds.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Area<R = f64> {
    pub(super) high: R,
    pub(super) low: R,
    pub(super) lasting: i64,
}

impl<R: Value> Area<R> {
    /// Two-sum (Knuth, TAOCP 2, 4.2.2, theorem B).
    #[inline(always)]
    fn add(&mut self, x: R) {
        let high = self.high + x;
        let part = high - self.high;
        self.low = self.low + ((self.high - (high - part)) + (x - part));
        self.high = high;
    }

    /// With a rectangle; what the rounding of its product loses is kept (Dekker 1971, doi 10.1007/BF01397083).
    #[inline(always)]
    pub(super) fn with(mut self, value: R, nanoseconds: i64, unit: f64) -> Self {
        if nanoseconds <= 0 {
            return self;
        }
        self.lasting += nanoseconds;
        let rounded = nanoseconds as f64;
        #[expect(clippy::cast_possible_truncation, reason = "it was one")]
        let rest = (nanoseconds - rounded as i64) as f64;
        let time = rounded * unit;
        let ((high, low), (time_high, time_low)) = (value.halves(), time.halves());
        let product = value * time;
        let lost = ((high * time_high - product) + high * time_low + low * time_high) + low * time_low;
        self.add(product);
        self.low = self.low + (lost + value * (rest * unit));
        self
    }

    #[inline(always)]
    pub(super) fn merge(mut self, newer: Self) -> Self {
        self.add(newer.high);
        self.low = self.low + newer.low;
        self.lasting += newer.lasting;
        self
    }

    /// The integral over the time, rounded once: the mean of a constant is that constant.
    #[inline(always)]
    pub(super) fn mean(self, unit: f64) -> R {
        let time = self.lasting as f64 * unit;
        let total = self.high + self.low;
        let lost = self.low - (total - self.high);
        let near = total / time;
        let ((high, low), (of_time, rest)) = (near.halves(), time.halves());
        let left = (((total - high * of_time) - high * rest) - low * of_time) - low * rest;
        near.rounded_once(near + (left + lost) / time)
    }
}
