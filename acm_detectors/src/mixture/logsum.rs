//! Exponentials and logarithms of eight rows at a time, and the sum of densities that are given by their logarithms.
//!
//! Polynomials of our own rather than the platform's library, whose last digits depend on the processor.

use acm_linalg::lanes::{Row, V};
use fearless_simd::{Level, Simd, dispatch, f64x8, i64x8, prelude::*};

use super::tiles::TILES;

/// Below, the exponential counts as 0: what it would add to a sum of at least 1 is far below rounding.
const LEAST: f64 = -708.0;

/// Where a float's last place is worth 1.
const WHOLE: f64 = 4_503_599_627_370_496.0;

/// ln 2 as a short number and the rest of it.
const LN_2: [f64; 2] = [0.693_147_180_369_123_8, 1.908_214_929_270_587_7e-10];

/// The exponential of numbers that are at most 0, to 2 units in the last place.
#[inline(always)]
pub(crate) fn exp<S: Simd>(simd: S, x: V<S>) -> V<S> {
    let tiny = x.simd_lt(LEAST);
    let x = x.max(LEAST);
    let whole = (x * std::f64::consts::LOG2_E).round_ties_even();
    let rest = x - whole * LN_2[0] - whole * LN_2[1];
    // Taylor's series; |rest| <= ln 2 / 2 leaves 4e-18 after its fourteenth term.
    let mut sum: V<S> = f64x8::splat(simd, 1.0 / 6_227_020_800.0);
    for term in [
        1.0 / 479_001_600.0,
        1.0 / 39_916_800.0,
        1.0 / 3_628_800.0,
        1.0 / 362_880.0,
        1.0 / 40_320.0,
        1.0 / 5_040.0,
        1.0 / 720.0,
        1.0 / 120.0,
        1.0 / 24.0,
        1.0 / 6.0,
        0.5,
        1.0,
        1.0,
    ] {
        sum = sum * rest + term;
    }
    let exponent: i64x8<S> = (whole + (WHOLE + 1023.0)).bitcast();
    let power: V<S> = (exponent << 52).bitcast();
    tiny.select(f64x8::splat(simd, 0.0), sum * power)
}

/// The natural logarithm of positive, normal, finite numbers, to 2 units in the last place.
#[inline(always)]
pub(super) fn ln<S: Simd>(simd: S, x: V<S>) -> V<S> {
    let bits: i64x8<S> = x.bitcast();
    let exponent: V<S> = ((bits >> 52) | i64x8::splat(simd, WHOLE.to_bits().cast_signed())).bitcast();
    let fraction: V<S> =
        (bits & i64x8::splat(simd, (1 << 52) - 1) | i64x8::splat(simd, 1.0_f64.to_bits().cast_signed())).bitcast();
    let upper = fraction.simd_gt(std::f64::consts::SQRT_2);
    let fraction = upper.select(fraction * 0.5, fraction);
    let exponent = exponent - (WHOLE + 1023.0) + upper.select(f64x8::splat(simd, 1.0), f64x8::splat(simd, 0.0));
    // 2 artanh(t), t = (f - 1) / (f + 1), |t| < 0.1716.
    let above = fraction - 1.0;
    let t = above / (fraction + 1.0);
    let square = t * t;
    let mut sum: V<S> = f64x8::splat(simd, 2.0 / 23.0);
    for term in [
        2.0 / 21.0,
        2.0 / 19.0,
        2.0 / 17.0,
        2.0 / 15.0,
        2.0 / 13.0,
        2.0 / 11.0,
        2.0 / 9.0,
        2.0 / 7.0,
        2.0 / 5.0,
        2.0 / 3.0,
    ] {
        sum = sum * square + term;
    }
    exponent * LN_2[0] + (exponent * LN_2[1] + sum * square * t + t * 2.0)
}

/// The exponential of a number that is at most 0: [`exp`] of one lane.
pub(super) fn exp_of(x: f64) -> f64 {
    dispatch!(Level::new(), simd => lane(exp(simd, f64x8::splat(simd, x))))
}

/// The natural logarithm of a positive, normal, finite number: [`ln`] of one lane.
pub(super) fn ln_of(x: f64) -> f64 {
    dispatch!(Level::new(), simd => lane(ln(simd, f64x8::splat(simd, x))))
}

#[inline(always)]
fn lane<S: Simd>(x: V<S>) -> f64 {
    let all: [f64; 8] = x.into();
    all[0]
}

/// For `count` tiles: logarithms of densities, one list a component, become shares of their sum, whose logarithm goes to
/// `totals`.
#[inline(always)]
pub(super) fn share<S: Simd>(simd: S, logs: &mut [[Row; TILES]], totals: &mut [Row; TILES], count: usize) {
    for tile in 0..count.min(TILES) {
        let mut most: V<S> = f64x8::splat(simd, f64::NEG_INFINITY);
        for log in logs.iter() {
            most = most.max(log[tile].load(simd));
        }
        let mut sum: V<S> = f64x8::splat(simd, 0.0);
        for log in logs.iter_mut() {
            let part = exp(simd, log[tile].load(simd) - most);
            log[tile].store(part);
            sum += part;
        }
        totals[tile].store(most + ln(simd, sum));
        for part in logs.iter_mut() {
            let share = part[tile].load(simd) / sum;
            part[tile].store(share);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn on_lanes(values: [f64; 8], log: bool) -> [f64; 8] {
        dispatch!(Level::new(), simd => {
            let x: V<_> = values.simd_into(simd);
            if log { ln(simd, x).into() } else { exp(simd, x).into() }
        })
    }

    #[test]
    fn exponentials_and_logarithms_are_those_of_the_library() {
        for step in 0..20_000 {
            let x = f64::from(step) * -0.035_3;
            let found = on_lanes([x; 8], false)[3];
            assert!((found - x.exp()).abs() <= 4.5e-16 * x.exp(), "{x} {found:e} {:e}", x.exp());
            let x = 1.0 + f64::from(step) * 0.001_7;
            let found = on_lanes([x; 8], true)[5];
            assert!((found - x.ln()).abs() <= 4.5e-16 * x.ln().max(1e-3), "{x} {found:e} {:e}", x.ln());
        }
        assert_eq!(
            on_lanes([0.0, -709.0, -1e300, f64::NEG_INFINITY, -0.0, -1e-300, -708.0, -2e9], false)[..4],
            [1.0, 0.0, 0.0, 0.0]
        );
        assert_eq!(on_lanes([1.0; 8], true), [0.0; 8]);
    }
}
